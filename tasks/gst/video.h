/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfVideo: what every element that looks at video is. Frames pass untouched at their own rate; a thread of the element's own works on
 * some of them; what it finds is attached to the frame it was found in where that has not gone yet, and to those after it. What is asked
 * and what is found is the subclass's.
 */
#pragma once

#include "element.h"
#include "frame.h"
#include "turn.h"

G_BEGIN_DECLS

#define GTF_TYPE_VIDEO (gtf_video_get_type ())
G_DECLARE_DERIVABLE_TYPE (GtfVideo, gtf_video, GTF, VIDEO, GtfElement)

/* A frame, on its way through the element and in what was found in it. */
typedef struct
{
  guint64 number;                     /* of the frames since the last flush */
  GstClockTime time, pts, duration;   /* running time; as of the buffer */
  GstVideoInfo info;
  GstSegment segment;
  GtfTurn turn;                       /* how it comes to stand upright */
} GtfFrame;

struct _GtfVideoClass
{
  GtfElementClass parent_class;
  /* On the worker's thread. (transfer full) (nullable): what is in the frame, for attach; @answer (out) (transfer full) (nullable): what is
   * posted. A frame in which nothing was to be found sets neither and no error. */
  gpointer (*look)   (GtfVideo *self, GtfPipeline *pipeline, const GtfFrame *frame, GstBuffer *buffer, JsonNode **answer, GCancellable *cancellable, GError **error);
  /* On the source pad's thread: @found, which was found in the frame @in (the same, or one before it), to a writable buffer. */
  void (*attach)     (GtfVideo *self, GstBuffer *buffer, const GtfFrame *frame, gconstpointer found, const GtfFrame *in);
  void (*free_found) (gpointer found);
  /* On the streaming thread: over how much time the frames are spread that the model looks at together, as a video; 0: it looks at single frames. (nullable):
   * it always does */
  GstClockTime (*get_span) (GtfVideo *self);
  /* No frame after this has to do with those before. On any thread, while none of the others runs. (nullable) */
  void (*forget)     (GtfVideo *self);
};

/* For look: (transfer none): the frame as a picture, upright, until look returns; NULL: error. It may have no pixels (image-rows.h). On the worker's thread only. */
const GtfImage *gtf_video_get_image (GtfVideo *self, const GtfFrame *frame, GstBuffer *buffer, GError **error);
/* For look: as gtf_pipeline_run_image(), together with the pictures of other elements that have the same model, for which it @waits no longer than `batch-window`. */
GtfResult *gtf_video_run_image (GtfVideo *self, GtfPipeline *pipeline, const GtfImage *image, const char *parameters, gboolean waits, GCancellable *cancellable, GError **error);
/* For look, where there is a span: as gtf_pipeline_run_frames(), with the window that ends with the frame. NULL without an error: the model is another one already,
 * for which it is too long or too short. */
GtfResult *gtf_video_run_window (GtfVideo *self, GtfPipeline *pipeline, const char *parameters, GCancellable *cancellable, GError **error);
/* (transfer full): the property `parameters`, as it was when the element started, as a JSON object with @labels (nullable,
 * separated by commas) as candidate_labels and @threshold where it is not below 0 */
char *gtf_video_make_parameters (GtfVideo *self, const char *labels, double threshold);
/* For class_init: the property `threshold`, below 0: the task's own. */
void  gtf_video_install_threshold (GObjectClass *klass, guint id, const char *blurb);

G_END_DECLS
