/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SECTION:element-gtfsegment
 *
 * Which pixels of video belong to what, or how far away they are: as the custom meta GtfSegments (metas.h) on the frames, and result messages.
 *
 *   gst-launch-1.0 v4l2src ! videoconvert ! gtfsegment model=nvidia/segformer-b0-finetuned-ade-512-512 ! gtfoverlay ! videoconvert ! autovideosink
 *   gst-launch-1.0 ... ! gtfsegment task=depth-estimation model=DIR ! gtfoverlay ! ...
 *
 * What passes, what is worked on and when is GtfVideo's matter (video.c).
 */
#include "elements.h"

#include <string.h>
#include "base/json.h"
#include "metas.h"

#define DEFAULT_TASK "image-segmentation"

struct _GtfSegment
{
  GtfVideo parent;
  char *task;                         /* property, under the object lock */
  double threshold;
};

enum
{
  PROP_0,
  PROP_TASK,
  PROP_THRESHOLD
};

G_DEFINE_FINAL_TYPE (GtfSegment, gtf_segment, GTF_TYPE_VIDEO)
GST_ELEMENT_REGISTER_DEFINE (gtfsegment, "gtfsegment", GST_RANK_NONE, GTF_TYPE_SEGMENT);

/* ---- masks ---- */

/* The mask, base64 of a grey PNG, as the pixels that are @id. */
static gboolean
add_mask (guint16 *map, gint width, gint height, const char *base64, guint16 id, GError **error)
{
  gsize size;
  guchar *data = g_base64_decode (base64, &size);
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, size);
  g_autoptr (GtfImage) mask = gtf_image_load_bytes (bytes, "mask", error);

  if (!mask)
    return FALSE;
  if (mask->width != width || mask->height != height)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "a mask is %d x %d, its frame %d x %d", mask->width, mask->height, width, height);
      return FALSE;
    }
  for (gsize i = 0; i < (gsize) width * (gsize) height; i++)
    if (mask->pixels[i * 3] >= 128)
      map[i] = id;
  return TRUE;
}

static GtfSegments *
read_masks (JsonNode *answer, gint width, gint height, GError **error)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (answer) ? json_node_get_array (answer) : NULL;
  const gsize size = (gsize) width * (gsize) height * sizeof (guint16);
  guint16 *map = g_try_malloc0 (size);
  g_autoptr (GBytes) bytes = map ? g_bytes_new_take (map, size) : NULL;
  g_autoptr (GtfSegments) segments = gtf_segments_new (width, height);

  if (!map)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for the segments of a frame of %d x %d", width, height);
      return NULL;
    }
  g_array_unref (segments->segments);
  segments->segments = gtf_labels_from_answer (answer);
  for (guint i = 0; list && i < json_array_get_length (list) && i < segments->segments->len && i < G_MAXUINT16; i++)
    {
      JsonNode *mask = gtf_json_find (json_array_get_object_element (list, i), "mask");

      g_array_index (segments->segments, GtfBox, i).id = i + 1;
      if (mask && JSON_NODE_HOLDS_VALUE (mask) && !add_mask (map, width, height, json_node_get_string (mask), (guint16) (i + 1), error))
        return NULL;
    }
  segments->map = g_steal_pointer (&bytes);
  return g_steal_pointer (&segments);
}

/* ---- depth ---- */

/* Rows of numbers -> floats. FALSE: they are not height rows of width. */
static gboolean
read_rows (JsonArray *rows, gint width, gint height, float *depth)
{
  if (json_array_get_length (rows) != (guint) height)
    return FALSE;
  for (gint y = 0; y < height; y++)
    {
      JsonNode *node = json_array_get_element (rows, (guint) y);
      JsonArray *row = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

      if (!row || json_array_get_length (row) != (guint) width)
        return FALSE;
      for (gint x = 0; x < width; x++)
        *depth++ = (float) json_array_get_double_element (row, (guint) x);
    }
  return TRUE;
}

static GtfSegments *
read_depth (JsonNode *answer, gint width, gint height, GError **error)
{
  JsonNode *rows = JSON_NODE_HOLDS_OBJECT (answer) ? gtf_json_find (json_node_get_object (answer), "predicted_depth") : NULL;
  const gsize size = (gsize) width * (gsize) height * sizeof (float);
  float *depth = g_try_malloc (size);
  g_autoptr (GBytes) bytes = depth ? g_bytes_new_take (depth, size) : NULL;
  GtfSegments *segments;

  if (!depth || !rows || !JSON_NODE_HOLDS_ARRAY (rows) || !read_rows (json_node_get_array (rows), width, height, depth))
    {
      g_set_error (error, GTF_ERROR, depth ? GTF_ERROR_INVALID_DATA : GTF_ERROR_NO_MEMORY, "no depth of %d x %d for a frame of that size", width, height);
      return NULL;
    }
  segments = gtf_segments_new (width, height);
  segments->depth = g_steal_pointer (&bytes);
  return segments;
}

/* What was found in the upright picture, as the frame's. FALSE: no memory. */
static gboolean
turn_back (GtfSegments *segments, const GtfFrame *frame)
{
  GBytes **maps[] = { &segments->map, &segments->depth };

  for (guint i = 0; i < G_N_ELEMENTS (maps); i++)
    if (*maps[i])
      {
        GBytes *turned = gtf_turn_map_back (&frame->turn, *maps[i], i ? sizeof (float) : sizeof (guint16), frame->info.width, frame->info.height);

        g_bytes_unref (*maps[i]);
        *maps[i] = turned;
        if (!turned)
          return FALSE;
      }
  segments->width = frame->info.width;
  segments->height = frame->info.height;
  return TRUE;
}

/* The numbers go into the meta; as text they would be megabytes a message. */
static JsonNode *
without_numbers (JsonNode *answer)
{
  JsonNode *copy = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  JsonNode *picture = gtf_json_find (json_node_get_object (answer), "depth");

  if (picture)
    json_object_set_member (object, "depth", json_node_copy (picture));
  json_node_take_object (copy, object);
  return copy;
}

/* ---- the element ---- */

static gpointer
gtf_segment_look (GtfVideo *video, GtfPipeline *pipeline, const GtfFrame *frame, GstBuffer *buffer, JsonNode **answer, GCancellable *cancellable, GError **error)
{
  GtfSegment *self = GTF_SEGMENT (video);
  const GtfImage *image = gtf_video_get_image (video, frame, buffer, error);
  g_autofree char *parameters = NULL;
  g_autoptr (GtfResult) result = NULL;
  GtfSegments *segments;
  gboolean is_depth;

  GST_OBJECT_LOCK (self);
  parameters = gtf_video_make_parameters (video, NULL, self->threshold);
  GST_OBJECT_UNLOCK (self);
  result = image ? gtf_video_run_image (video, pipeline, image, parameters, TRUE, cancellable, error) : NULL;
  if (!result)
    return NULL;
  is_depth = JSON_NODE_HOLDS_OBJECT (gtf_result_get_node (result));
  segments = (is_depth ? read_depth : read_masks) (gtf_result_get_node (result), image->width, image->height, error);
  if (segments && !gtf_turn_is_none (&frame->turn) && !turn_back (segments, frame))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory to turn what was found in a frame of %d x %d", frame->info.width, frame->info.height);
      g_clear_pointer (&segments, gtf_segments_free);
    }
  if (segments)
    *answer = is_depth ? without_numbers (gtf_result_get_node (result)) : json_node_ref (gtf_result_get_node (result));
  return segments;
}

static void
gtf_segment_attach (GtfVideo *video, GstBuffer *buffer, const GtfFrame *frame, gconstpointer found, const GtfFrame *in)
{
  gtf_segments_attach (found, buffer);
}

static void
gtf_segment_free_found (gpointer found)
{
  gtf_segments_free (found);
}

static char *
gtf_segment_get_task (GtfElement *element)
{
  return g_strdup (GTF_SEGMENT (element)->task);
}

static void
gtf_segment_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GtfSegment *self = GTF_SEGMENT (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_TASK)
    {
      g_free (self->task);
      self->task = g_strdup (g_value_get_string (value) ? g_value_get_string (value) : DEFAULT_TASK);
    }
  else if (id == PROP_THRESHOLD)
    self->threshold = g_value_get_double (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_segment_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GtfSegment *self = GTF_SEGMENT (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_TASK)
    g_value_set_string (value, self->task);
  else if (id == PROP_THRESHOLD)
    g_value_set_double (value, self->threshold);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_segment_finalize (GObject *object)
{
  g_free (GTF_SEGMENT (object)->task);
  G_OBJECT_CLASS (gtf_segment_parent_class)->finalize (object);
}

static void
gtf_segment_class_init (GtfSegmentClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GtfVideoClass *video = GTF_VIDEO_CLASS (klass);

  object->set_property = gtf_segment_set_property;
  object->get_property = gtf_segment_get_property;
  object->finalize = gtf_segment_finalize;
  GTF_ELEMENT_CLASS (klass)->get_task = gtf_segment_get_task;
  video->look = gtf_segment_look;
  video->attach = gtf_segment_attach;
  video->free_found = gtf_segment_free_found;
  g_object_class_install_property (object, PROP_TASK, g_param_spec_string ("task", "Task", "image-segmentation or depth-estimation", DEFAULT_TASK, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  gtf_video_install_threshold (object, PROP_THRESHOLD, "Only segments with a higher score (image-segmentation)");
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "Image segmentation", "Filter/Analyzer/Video", "Finds segments, or depth, in video with a model of the Hugging Face Hub", "GTransformers");
}

static void
gtf_segment_init (GtfSegment *self)
{
  self->task = g_strdup (DEFAULT_TASK);
  self->threshold = -1;
}
