/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SECTION:element-gtfclassify
 *
 * What video shows: labels of whole frames; or, as a second stage, of what is in boxes that gtfdetect has found; or of what happens in the last
 * seconds (video-classification).
 *
 *   gst-launch-1.0 v4l2src ! videoconvert ! gtfclassify model=google/vit-base-patch16-224 ! gtfoverlay ! videoconvert ! autovideosink
 *   gst-launch-1.0 ... ! gtfdetect tracker=sort model=hustvl/yolos-tiny ! gtfclassify boxes=person model=DIR ! gtfoverlay ! ...
 *   gst-launch-1.0 v4l2src ! videoconvert ! gtfclassify task=video-classification model=MCG-NJU/videomae-base-finetuned-kinetics ! gtfoverlay ! videoconvert ! autovideosink
 *
 * What passes, what is worked on and when is GtfVideo's matter (video.c). A box that has a track is looked at once in `refresh`, not in each frame.
 */
#include "elements.h"

#include <math.h>
#include "base/json.h"
#include "analytics.h"
#include "boxes.h"
#include "metas.h"

#define LEAST_OVERLAP 0.5             /* by which a box without a track is that of an earlier frame */
#define MOST_KNOWN 4096               /* tracks */

struct _GtfClassify
{
  GtfVideo parent;

  /* properties, under the object lock */
  char *task, *labels, *boxes;
  guint refresh, window;

  GHashTable *known;                  /* the worker's: id of a track -> Known */
};

/* What a track's box was. */
typedef struct
{
  char *label;
  double score;
  GstClockTime time;
} Known;

/* What is found in a frame. */
typedef struct
{
  GArray *classes;                    /* of GtfBox: the box, with the label that it was given; or labels of the frame */
  gboolean of_frame;
} Found;

enum
{
  PROP_0,
  PROP_TASK,
  PROP_LABELS,
  PROP_BOXES,
  PROP_REFRESH,
  PROP_WINDOW
};

G_DEFINE_FINAL_TYPE (GtfClassify, gtf_classify, GTF_TYPE_VIDEO)
GST_ELEMENT_REGISTER_DEFINE (gtfclassify, "gtfclassify", GST_RANK_NONE, GTF_TYPE_CLASSIFY);

static void
known_free (gpointer data)
{
  g_free (((Known *) data)->label);
  g_free (data);
}

static Found *
found_new (gboolean of_frame)
{
  Found *found = g_new0 (Found, 1);

  found->classes = gtf_boxes_new ();
  found->of_frame = of_frame;
  return found;
}

static void
gtf_classify_free_found (gpointer data)
{
  g_array_unref (((Found *) data)->classes);
  g_free (data);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Found, gtf_classify_free_found)

/* ---- on the worker's thread ---- */

/* @waits: for other elements' pictures */
static GtfResult *
classify (GtfClassify *self, GtfPipeline *pipeline, const GtfImage *image, gboolean waits, GCancellable *cancellable, GError **error)
{
  g_autofree char *parameters = NULL;

  GST_OBJECT_LOCK (self);
  parameters = gtf_video_make_parameters (GTF_VIDEO (self), self->labels, -1);
  GST_OBJECT_UNLOCK (self);
  return gtf_video_run_image (GTF_VIDEO (self), pipeline, image, parameters, waits, cancellable, error);
}

/* (nullable): what an answer says of the whole frame; @result (nullable) */
static Found *
labels_of_frame (GtfResult *result, JsonNode **answer)
{
  Found *found;

  if (!result)
    return NULL;
  *answer = json_node_ref (gtf_result_get_node (result));
  found = found_new (TRUE);
  g_array_unref (found->classes);
  found->classes = gtf_labels_from_answer (*answer);
  return found;
}

static Found *
look_at_window (GtfClassify *self, GtfPipeline *pipeline, JsonNode **answer, GCancellable *cancellable, GError **error)
{
  g_autofree char *parameters = gtf_video_make_parameters (GTF_VIDEO (self), NULL, -1);
  g_autoptr (GtfResult) result = gtf_video_run_window (GTF_VIDEO (self), pipeline, parameters, cancellable, error);

  return labels_of_frame (result, answer);
}

static Found *
look_at_frame (GtfClassify *self, GtfPipeline *pipeline, const GtfImage *image, JsonNode **answer, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfResult) result = classify (self, pipeline, image, TRUE, cancellable, error);

  return labels_of_frame (result, answer);
}

/* The box's part of the picture. FALSE: it has none. */
static gboolean
crop (const GtfImage *image, const GtfBox *box, GtfPicturePart *part)
{
  const gint left = (gint) CLAMP (floor (box->left), 0, image->width), right = (gint) CLAMP (ceil (box->right), 0, image->width);
  const gint top = (gint) CLAMP (floor (box->top), 0, image->height), bottom = (gint) CLAMP (ceil (box->bottom), 0, image->height);

  if (left >= right || top >= bottom)
    return FALSE;
  gtf_picture_part (part, image, left, top, right - left, bottom - top);
  return TRUE;
}

/* (transfer none): what the track of a box is known to be, if that is recent enough */
static const Known *
recall (GtfClassify *self, const GtfBox *box, GstClockTime now)
{
  const Known *known = box->tracked ? g_hash_table_lookup (self->known, GUINT_TO_POINTER (box->id)) : NULL;
  GstClockTime refresh;

  GST_OBJECT_LOCK (self);
  refresh = self->refresh * GST_MSECOND;
  GST_OBJECT_UNLOCK (self);
  return known && now < known->time + refresh ? known : NULL;
}

static void
remember (GtfClassify *self, const GtfBox *box, const GtfBox *class, GstClockTime now)
{
  Known *known;

  if (!box->tracked)
    return;
  if (g_hash_table_size (self->known) >= MOST_KNOWN)
    g_hash_table_remove_all (self->known);
  known = g_new0 (Known, 1);
  known->label = g_strdup (class->label);
  known->score = class->score;
  known->time = now;
  g_hash_table_insert (self->known, GUINT_TO_POINTER (box->id), known);
}

/* Gives a copy of the box its class. FALSE with an error, or without one: there is none. */
static gboolean
look_at_box (GtfClassify *self, GtfPipeline *pipeline, const GtfImage *image, const GtfBox *box, const GtfFrame *frame, GArray *classes, GCancellable *cancellable, GError **error)
{
  const Known *known = recall (self, box, frame->time);
  GtfBox class = *box, upright = *box;

  gtf_turn_box (&frame->turn, &upright, frame->info.width, frame->info.height);
  class.class = NULL;

  if (known)
    {
      class.label = g_strdup (known->label);
      class.score = known->score;
    }
  else
    {
      GtfPicturePart part;
      g_autoptr (GtfResult) result = crop (image, &upright, &part) ? classify (self, pipeline, &part.image, FALSE, cancellable, error) : NULL;
      g_autoptr (GArray) labels = result ? gtf_labels_from_answer (gtf_result_get_node (result)) : NULL;
      const GtfBox *best = labels && labels->len ? &g_array_index (labels, GtfBox, 0) : NULL;

      if (!best)
        return FALSE;
      remember (self, box, best, frame->time);
      class.label = g_strdup (best->label);
      class.score = best->score;
    }
  g_array_append_val (classes, class);
  return TRUE;
}

/* (nullable) (transfer full): the boxes that are asked for; NULL: whole frames are */
static GArray *
wanted (GtfClassify *self, GstBuffer *buffer)
{
  g_auto (GStrv) labels = NULL;
  GArray *boxes;

  GST_OBJECT_LOCK (self);
  if (self->boxes && *self->boxes)
    labels = g_strsplit (self->boxes, ",", -1);
  GST_OBJECT_UNLOCK (self);
  if (!labels)
    return NULL;
  for (guint i = 0; labels[i]; i++)
    g_strstrip (labels[i]);
  boxes = gtf_boxes_from_buffer (buffer);
  for (guint i = boxes->len; i-- > 0;)
    if (!g_strv_contains ((const char *const *) labels, "*") && !g_strv_contains ((const char *const *) labels, g_array_index (boxes, GtfBox, i).label))
      g_array_remove_index (boxes, i);
  return boxes;
}

static gboolean
is_of_windows (GtfClassify *self)
{
  gboolean is;

  GST_OBJECT_LOCK (self);
  is = g_strcmp0 (self->task, "video-classification") == 0;
  GST_OBJECT_UNLOCK (self);
  return is;
}

static gpointer
gtf_classify_look (GtfVideo *video, GtfPipeline *pipeline, const GtfFrame *frame, GstBuffer *buffer, JsonNode **answer, GCancellable *cancellable, GError **error)
{
  GtfClassify *self = GTF_CLASSIFY (video);
  g_autoptr (GArray) boxes = wanted (self, buffer);
  const GtfImage *image;
  g_autoptr (Found) found = NULL;
  GError *failure = NULL;

  if (is_of_windows (self))
    return look_at_window (self, pipeline, answer, cancellable, error);
  if (boxes && boxes->len == 0)
    return found_new (FALSE);         /* what earlier frames had is over */
  image = gtf_video_get_image (video, frame, buffer, error);
  if (!image)
    return NULL;
  if (!boxes)
    return look_at_frame (self, pipeline, image, answer, cancellable, error);
  found = found_new (FALSE);
  for (guint i = 0; i < boxes->len && !failure; i++)
    look_at_box (self, pipeline, image, &g_array_index (boxes, GtfBox, i), frame, found->classes, cancellable, &failure);
  if (failure)
    {
      g_propagate_error (error, failure);
      return NULL;
    }
  *answer = gtf_boxes_to_answer (found->classes);
  return g_steal_pointer (&found);
}

/* ---- on the source pad's thread ---- */

static double
overlap (const GtfBox *a, const GtfBox *b)
{
  const double across = MIN (a->right, b->right) - MAX (a->left, b->left), down = MIN (a->bottom, b->bottom) - MAX (a->top, b->top), both = MAX (across, 0) * MAX (down, 0);
  const double all = (a->right - a->left) * (a->bottom - a->top) + (b->right - b->left) * (b->bottom - b->top) - both;

  return all > 0 ? both / all : 0;
}

/* (nullable): the class for a box of this frame: that of its track, or of the box that it covers best */
static const GtfBox *
class_of (const GArray *classes, const GtfBox *box)
{
  const GtfBox *best = NULL;
  double most = LEAST_OVERLAP;

  for (guint i = 0; i < classes->len; i++)
    {
      const GtfBox *class = &g_array_index (classes, GtfBox, i);
      const double o = overlap (class, box);

      if (box->tracked && class->tracked && box->id == class->id)
        return class;
      if ((!box->tracked || !class->tracked) && o >= most)
        {
          best = class;
          most = o;
        }
    }
  return best;
}

static void
gtf_classify_attach (GtfVideo *video, GstBuffer *buffer, const GtfFrame *frame, gconstpointer data, const GtfFrame *in)
{
  const Found *found = data;
  gpointer state = NULL;
  GstMeta *meta;

  if (found->of_frame)
    {
      gtf_labels_attach (buffer, found->classes);
      for (guint i = 0; i < found->classes->len; i++)
        gtf_analytics_add_class (buffer, NULL, &g_array_index (found->classes, GtfBox, i));
      return;
    }
  while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    {
      GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *) meta;
      g_auto (GtfBox) box = gtf_box_of_meta (roi);
      const GtfBox *class = class_of (found->classes, &box);

      if (class)
        {
          gst_video_region_of_interest_meta_add_param (roi, gst_structure_new ("classification", "label", G_TYPE_STRING, class->label, "score", G_TYPE_DOUBLE, class->score, NULL));
          gtf_analytics_add_class (buffer, roi, class);
        }
    }
}

static void
gtf_classify_forget (GtfVideo *video)
{
  g_hash_table_remove_all (GTF_CLASSIFY (video)->known);
}

static GstClockTime
gtf_classify_get_span (GtfVideo *video)
{
  GtfClassify *self = GTF_CLASSIFY (video);
  const gboolean windows = is_of_windows (self);
  GstClockTime span;

  GST_OBJECT_LOCK (self);
  span = windows ? self->window * GST_MSECOND : 0;
  GST_OBJECT_UNLOCK (self);
  return span;
}

static char *
gtf_classify_get_task (GtfElement *element)
{
  GtfClassify *self = GTF_CLASSIFY (element);

  if (self->task && *self->task)
    return g_strdup (self->task);
  return g_strdup (self->labels && *self->labels ? "zero-shot-image-classification" : "image-classification");
}

/* ---- properties ---- */

static char **
string_property (GtfClassify *self, guint id)
{
  return id == PROP_TASK ? &self->task : id == PROP_LABELS ? &self->labels : id == PROP_BOXES ? &self->boxes : NULL;
}

static guint *
uint_property (GtfClassify *self, guint id)
{
  return id == PROP_REFRESH ? &self->refresh : id == PROP_WINDOW ? &self->window : NULL;
}

static void
gtf_classify_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GtfClassify *self = GTF_CLASSIFY (object);
  char **string = string_property (self, id);
  guint *number = uint_property (self, id);

  GST_OBJECT_LOCK (self);
  if (string)
    {
      g_free (*string);
      *string = g_value_dup_string (value);
    }
  else if (number)
    *number = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_classify_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GtfClassify *self = GTF_CLASSIFY (object);

  GST_OBJECT_LOCK (self);
  if (string_property (self, id))
    g_value_set_string (value, *string_property (self, id));
  else if (uint_property (self, id))
    g_value_set_uint (value, *uint_property (self, id));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_classify_finalize (GObject *object)
{
  GtfClassify *self = GTF_CLASSIFY (object);

  for (guint id = PROP_TASK; id <= PROP_BOXES; id++)
    g_free (*string_property (self, id));
  g_hash_table_unref (self->known);
  G_OBJECT_CLASS (gtf_classify_parent_class)->finalize (object);
}

static void
gtf_classify_class_init (GtfClassifyClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GtfVideoClass *video = GTF_VIDEO_CLASS (klass);

  object->set_property = gtf_classify_set_property;
  object->get_property = gtf_classify_get_property;
  object->finalize = gtf_classify_finalize;
  GTF_ELEMENT_CLASS (klass)->get_task = gtf_classify_get_task;
  video->look = gtf_classify_look;
  video->attach = gtf_classify_attach;
  video->free_found = gtf_classify_free_found;
  video->forget = gtf_classify_forget;
  video->get_span = gtf_classify_get_span;
  gtf_element_install_string (object, PROP_TASK, "task", "Task", "image-classification, zero-shot-image-classification or video-classification; unset: the second where labels are set, else the first");
  gtf_element_install_live_string (object, PROP_LABELS, "labels", "Labels", "zero-shot-image-classification: what to choose from, separated by commas; may be changed while playing");
  gtf_element_install_live_string (object, PROP_BOXES, "boxes", "Boxes", "Classify what is in boxes with these labels, separated by commas, * for all; unset: whole frames; may be changed while playing");
  gtf_element_install_uint (object, PROP_REFRESH, "refresh", "Refresh", "What is in a box that has a track is looked at again after that long, ms", 0, 3600000, 2000);
  gtf_element_install_uint (object, PROP_WINDOW, "window", "Window", "video-classification: the frames that the model looks at are spread evenly over the last so many ms", 1, 3600000, 2000);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "Image classification", "Filter/Analyzer/Video", "Labels video, or what is in boxes on it, with a model of the Hugging Face Hub", "GTransformers");
}

static void
gtf_classify_init (GtfClassify *self)
{
  self->refresh = self->window = 2000;
  self->known = g_hash_table_new_full (NULL, NULL, NULL, known_free);
}
