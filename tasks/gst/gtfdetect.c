/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SECTION:element-gtfdetect
 *
 * Objects in video: boxes as GstVideoRegionOfInterestMeta on the frames, and result messages.
 *
 *   gst-launch-1.0 v4l2src ! videoconvert ! gtfdetect model=hustvl/yolos-tiny results=- ! autovideosink
 *
 * What passes, what is worked on and when is GtfVideo's matter (video.c); here stand the request and the boxes.
 */
#include "elements.h"

#include "boxes.h"

struct _GtfDetect
{
  GtfVideo parent;

  /* properties, under the object lock */
  char *task, *labels;
  double threshold;
};

enum
{
  PROP_0,
  PROP_TASK,
  PROP_LABELS,
  PROP_THRESHOLD
};

G_DEFINE_FINAL_TYPE (GtfDetect, gtf_detect, GTF_TYPE_VIDEO)
GST_ELEMENT_REGISTER_DEFINE (gtfdetect, "gtfdetect", GST_RANK_NONE, GTF_TYPE_DETECT);

static gpointer
gtf_detect_look (GtfVideo *video, GtfPipeline *pipeline, const GtfFrame *frame, GstBuffer *buffer, JsonNode **answer, GCancellable *cancellable, GError **error)
{
  GtfDetect *self = GTF_DETECT (video);
  g_autoptr (GtfImage) image = gtf_video_get_image (video, frame, buffer, error);
  g_autoptr (GtfResult) result = NULL;
  g_autofree char *parameters = NULL;

  GST_OBJECT_LOCK (self);
  parameters = gtf_video_make_parameters (video, self->labels, self->threshold);
  GST_OBJECT_UNLOCK (self);
  result = image ? gtf_pipeline_run_image (pipeline, image, parameters, cancellable, error) : NULL;
  if (!result)
    return NULL;
  *answer = json_node_ref (gtf_result_get_node (result));
  return gtf_boxes_from_answer (*answer);
}

static void
gtf_detect_attach (GtfVideo *video, GstBuffer *buffer, const GtfFrame *frame, gconstpointer found, const GtfFrame *in)
{
  const GArray *boxes = found;

  for (guint i = 0; i < boxes->len; i++)
    gtf_box_attach (&g_array_index (boxes, GtfBox, i), buffer, frame->info.width, frame->info.height);
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
  video->look = gtf_detect_look;
  video->attach = gtf_detect_attach;
  video->free_found = gtf_detect_free_found;
  gtf_element_install_string (object, PROP_TASK, "task", "Task", "object-detection or zero-shot-object-detection; unset: the latter where labels are set");
  g_object_class_install_property (object, PROP_LABELS, g_param_spec_string ("labels", "Labels", "zero-shot-object-detection: what to look for, separated by commas; may be changed while playing", NULL,
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object, PROP_THRESHOLD, g_param_spec_double ("threshold", "Threshold", "Only objects with a higher score; below 0: the task's own; may be changed while playing", -1, 1, -1,
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "Object detection", "Filter/Analyzer/Video", "Finds objects in video with a model of the Hugging Face Hub", "GTransformers");
}

static void
gtf_detect_init (GtfDetect *self)
{
  self->threshold = -1;
}
