/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SECTION:element-gtfdetect
 *
 * Objects in video: boxes as GstVideoRegionOfInterestMeta on the frames, and result messages.
 *
 *   gst-launch-1.0 v4l2src ! videoconvert ! gtfdetect model=hustvl/yolos-tiny results=- ! autovideosink
 *
 * What passes, what is worked on and when is GtfVideo's matter (video.c); here stand the request and the boxes. A tracker (tracker.c) gives boxes
 * ids and velocities, by which they move on in frames that were not looked at.
 */
#include "elements.h"

#include "tracker.h"

#define LOWEST 0.1                    /* score with which a box may continue a track (ByteTrack) */
#define THRESHOLD 0.5                 /* of a tracker, where none is set */

struct _GtfDetect
{
  GtfVideo parent;

  /* properties, under the object lock */
  char *task, *labels;
  double threshold;
  gint kind;                          /* GtfTrackerKind */

  GtfTracker *tracker;                /* the worker's, from READY to PAUSED on */
  gint width, height;                 /* of the last frame */
};

enum
{
  PROP_0,
  PROP_TASK,
  PROP_LABELS,
  PROP_THRESHOLD,
  PROP_TRACKER
};

G_DEFINE_FINAL_TYPE (GtfDetect, gtf_detect, GTF_TYPE_VIDEO)
GST_ELEMENT_REGISTER_DEFINE (gtfdetect, "gtfdetect", GST_RANK_NONE, GTF_TYPE_DETECT);

#define GTF_TYPE_DETECT_TRACKER (gtf_detect_tracker_get_type ())
static GType
gtf_detect_tracker_get_type (void)
{
  static GType type;
  static const GEnumValue values[] = { { GTF_TRACKER_NONE, "No tracker", "none" },
                                       { GTF_TRACKER_SORT, "SORT", "sort" },
                                       { GTF_TRACKER_BYTETRACK, "ByteTrack", "bytetrack" },
                                       { 0, NULL, NULL } };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GtfDetectTracker", values));
  return type;
}

/* The same boxes with ids; those that belong to no track are gone. */
static void
track (GtfDetect *self, const GtfFrame *frame, GArray *boxes, double threshold)
{
  if (self->width != frame->info.width || self->height != frame->info.height)
    gtf_tracker_reset (self->tracker);
  self->width = frame->info.width;
  self->height = frame->info.height;
  gtf_tracker_update (self->tracker, boxes, threshold, (double) frame->time / GST_SECOND);
}

static gpointer
gtf_detect_look (GtfVideo *video, GtfPipeline *pipeline, const GtfFrame *frame, GstBuffer *buffer, JsonNode **answer, GCancellable *cancellable, GError **error)
{
  GtfDetect *self = GTF_DETECT (video);
  const GtfImage *image = gtf_video_get_image (video, frame, buffer, error);
  g_autoptr (GtfResult) result = NULL;
  g_autofree char *parameters = NULL;
  double threshold;
  GArray *boxes;

  GST_OBJECT_LOCK (self);
  threshold = self->threshold;
  if (self->tracker && threshold < 0)
    threshold = THRESHOLD;
  parameters = gtf_video_make_parameters (video, self->labels, self->kind == GTF_TRACKER_BYTETRACK ? MIN (threshold, LOWEST) : threshold);
  GST_OBJECT_UNLOCK (self);
  result = image ? gtf_video_run_image (video, pipeline, image, parameters, TRUE, cancellable, error) : NULL;
  if (!result)
    return NULL;
  boxes = gtf_boxes_from_answer (gtf_result_get_node (result));
  if (self->tracker)
    track (self, frame, boxes, threshold);
  *answer = self->tracker ? gtf_boxes_to_answer (boxes) : json_node_ref (gtf_result_get_node (result));
  for (guint i = 0; i < boxes->len; i++)
    gtf_turn_box_back (&frame->turn, &g_array_index (boxes, GtfBox, i), frame->info.width, frame->info.height);
  return boxes;
}

static void
gtf_detect_attach (GtfVideo *video, GstBuffer *buffer, const GtfFrame *frame, gconstpointer found, const GtfFrame *in)
{
  const GArray *boxes = found;
  const double later = (double) (frame->time - in->time) / GST_SECOND;

  for (guint i = 0; i < boxes->len; i++)
    {
      GtfBox box = g_array_index (boxes, GtfBox, i);

      box.left += box.velocity[0] * later;
      box.top += box.velocity[1] * later;
      box.right += box.velocity[2] * later;
      box.bottom += box.velocity[3] * later;
      gtf_box_attach (&box, buffer, frame->info.width, frame->info.height);
    }
}

static gboolean
gtf_detect_start (GtfElement *element, GError **error)
{
  GtfDetect *self = GTF_DETECT (element);

  if (!GTF_ELEMENT_CLASS (gtf_detect_parent_class)->start (element, error))
    return FALSE;
  GST_OBJECT_LOCK (self);
  g_clear_pointer (&self->tracker, gtf_tracker_free);
  if (self->kind != GTF_TRACKER_NONE)
    self->tracker = gtf_tracker_new ((GtfTrackerKind) self->kind);
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static void
gtf_detect_forget (GtfVideo *video)
{
  GtfDetect *self = GTF_DETECT (video);

  if (self->tracker)
    gtf_tracker_reset (self->tracker);
}

static void
gtf_detect_free_found (gpointer found)
{
  g_array_unref (found);
}

static char *
gtf_detect_get_task (GtfElement *element)
{
  GtfDetect *self = GTF_DETECT (element);

  if (self->task && *self->task)
    return g_strdup (self->task);
  return g_strdup (self->labels && *self->labels ? "zero-shot-object-detection" : "object-detection");
}

/* ---- properties ---- */

static void
gtf_detect_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GtfDetect *self = GTF_DETECT (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_THRESHOLD)
    self->threshold = g_value_get_double (value);
  else if (id == PROP_TRACKER)
    self->kind = g_value_get_enum (value);
  else if (id == PROP_TASK || id == PROP_LABELS)
    {
      char **string = id == PROP_TASK ? &self->task : &self->labels;

      g_free (*string);
      *string = g_value_dup_string (value);
    }
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_detect_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GtfDetect *self = GTF_DETECT (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_THRESHOLD)
    g_value_set_double (value, self->threshold);
  else if (id == PROP_TRACKER)
    g_value_set_enum (value, self->kind);
  else if (id == PROP_TASK || id == PROP_LABELS)
    g_value_set_string (value, id == PROP_TASK ? self->task : self->labels);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_detect_finalize (GObject *object)
{
  GtfDetect *self = GTF_DETECT (object);

  g_free (self->task);
  g_free (self->labels);
  gtf_tracker_free (self->tracker);
  G_OBJECT_CLASS (gtf_detect_parent_class)->finalize (object);
}

static void
gtf_detect_class_init (GtfDetectClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GtfVideoClass *video = GTF_VIDEO_CLASS (klass);

  object->set_property = gtf_detect_set_property;
  object->get_property = gtf_detect_get_property;
  object->finalize = gtf_detect_finalize;
  GTF_ELEMENT_CLASS (klass)->get_task = gtf_detect_get_task;
  GTF_ELEMENT_CLASS (klass)->start = gtf_detect_start;
  video->look = gtf_detect_look;
  video->attach = gtf_detect_attach;
  video->free_found = gtf_detect_free_found;
  video->forget = gtf_detect_forget;
  gtf_element_install_string (object, PROP_TASK, "task", "Task", "object-detection or zero-shot-object-detection; unset: the latter where labels are set");
  gtf_element_install_live_string (object, PROP_LABELS, "labels", "Labels", "zero-shot-object-detection: what to look for, separated by commas; may be changed while playing");
  gtf_video_install_threshold (object, PROP_THRESHOLD, "Only objects with a higher score");
  g_object_class_install_property (object, PROP_TRACKER, g_param_spec_enum ("tracker", "Tracker", "Gives an object the same id in each frame, and moves its box between the frames that are looked at", GTF_TYPE_DETECT_TRACKER, GTF_TRACKER_NONE,
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "Object detection", "Filter/Analyzer/Video", "Finds objects in video with a model of the Hugging Face Hub", "GTransformers");
  gst_type_mark_as_plugin_api (GTF_TYPE_DETECT_TRACKER, 0);
}

static void
gtf_detect_init (GtfDetect *self)
{
  self->threshold = -1;
}
