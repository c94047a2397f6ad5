/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "metas.h"

#define LABELS "GtfLabels"
#define SEGMENTS "GtfSegments"

void
gtf_metas_register (void)
{
  static const char *of_frame[] = { GST_META_TAG_VIDEO_STR, NULL }, *of_pixels[] = { GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_SIZE_STR, NULL };

  if (!gst_meta_get_info (LABELS))
    gst_meta_register_custom (LABELS, of_frame, NULL, NULL, NULL);
  if (!gst_meta_get_info (SEGMENTS))
    gst_meta_register_custom (SEGMENTS, of_pixels, NULL, NULL, NULL);
}

/* A field with an array of structures: label, score, and, with @ids, id. */
static void
set_array (GstStructure *structure, const char *field, const GArray *boxes, gboolean ids)
{
  GValue array = G_VALUE_INIT;

  gst_value_array_init (&array, boxes->len);
  for (guint i = 0; i < boxes->len; i++)
    {
      const GtfBox *box = &g_array_index (boxes, GtfBox, i);
      GstStructure *one = gst_structure_new (field, "label", G_TYPE_STRING, box->label, "score", G_TYPE_DOUBLE, box->score, NULL);
      GValue value = G_VALUE_INIT;

      if (ids)
        gst_structure_set (one, "id", G_TYPE_UINT, box->id, NULL);
      g_value_init (&value, GST_TYPE_STRUCTURE);
      g_value_take_boxed (&value, one);
      gst_value_array_append_and_take_value (&array, &value);
    }
  gst_structure_take_value (structure, field, &array);
}

static GArray *
get_array (const GstStructure *structure, const char *field)
{
  const GValue *array = gst_structure_get_value (structure, field);
  GArray *boxes = gtf_boxes_new ();

  for (guint i = 0; array && GST_VALUE_HOLDS_ARRAY (array) && i < gst_value_array_get_size (array); i++)
    {
      const GValue *value = gst_value_array_get_value (array, i);
      const GstStructure *one = GST_VALUE_HOLDS_STRUCTURE (value) ? gst_value_get_structure (value) : NULL;
      const char *label = one ? gst_structure_get_string (one, "label") : NULL;
      GtfBox box = { .score = -1 };

      if (!label)
        continue;
      box.label = g_strdup (label);
      gst_structure_get_double (one, "score", &box.score);
      gst_structure_get_uint (one, "id", &box.id);
      g_array_append_val (boxes, box);
    }
  return boxes;
}

/* ---- labels ---- */

void
gtf_labels_attach (GstBuffer *buffer, const GArray *labels)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, LABELS);

  if (!meta)
    meta = gst_buffer_add_custom_meta (buffer, LABELS);
  set_array (gst_custom_meta_get_structure (meta), "labels", labels, FALSE);
}

char *
gtf_labels_text (GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, LABELS);
  g_autoptr (GArray) labels = meta ? get_array (gst_custom_meta_get_structure (meta), "labels") : NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; labels && i < labels->len; i++)
    g_string_append_printf (text, "%s%s %.1f%%", i ? "\n" : "", g_array_index (labels, GtfBox, i).label, 100 * g_array_index (labels, GtfBox, i).score);
  return text->len ? g_string_free (g_steal_pointer (&text), FALSE) : NULL;
}

/* ---- segments ---- */

GtfSegments *
gtf_segments_new (gint width, gint height)
{
  GtfSegments *self = g_new0 (GtfSegments, 1);

  self->width = width;
  self->height = height;
  self->segments = gtf_boxes_new ();
  return self;
}

void
gtf_segments_free (GtfSegments *self)
{
  if (!self)
    return;
  g_clear_pointer (&self->map, g_bytes_unref);
  g_clear_pointer (&self->depth, g_bytes_unref);
  g_array_unref (self->segments);
  g_free (self);
}

void
gtf_segments_attach (const GtfSegments *self, GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, SEGMENTS);
  GstStructure *structure;

  if (!meta)
    meta = gst_buffer_add_custom_meta (buffer, SEGMENTS);
  structure = gst_custom_meta_get_structure (meta);
  gst_structure_set (structure, "width", G_TYPE_INT, self->width, "height", G_TYPE_INT, self->height, NULL);
  if (self->map)
    gst_structure_set (structure, "map", G_TYPE_BYTES, self->map, NULL);
  if (self->depth)
    gst_structure_set (structure, "depth", G_TYPE_BYTES, self->depth, NULL);
  set_array (structure, "segments", self->segments, TRUE);
}

/* (nullable) (transfer full): bytes of the size that they must have */
static GBytes *
get_bytes (const GstStructure *structure, const char *field, gsize size)
{
  const GValue *value = gst_structure_get_value (structure, field);
  GBytes *bytes = value && G_VALUE_HOLDS (value, G_TYPE_BYTES) ? g_value_get_boxed (value) : NULL;

  return bytes && g_bytes_get_size (bytes) == size ? g_bytes_ref (bytes) : NULL;
}

GtfSegments *
gtf_segments_of_buffer (GstBuffer *buffer, gint width, gint height)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, SEGMENTS);
  const GstStructure *structure = meta ? gst_custom_meta_get_structure (meta) : NULL;
  const gsize n = (gsize) width * (gsize) height;
  gint w = 0, h = 0;
  GtfSegments *self;

  if (!structure || !gst_structure_get_int (structure, "width", &w) || !gst_structure_get_int (structure, "height", &h) || w != width || h != height)
    return NULL;
  self = gtf_segments_new (width, height);
  self->map = get_bytes (structure, "map", n * sizeof (guint16));
  self->depth = get_bytes (structure, "depth", n * sizeof (float));
  g_array_unref (self->segments);
  self->segments = get_array (structure, "segments");
  return self;
}
