/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "boxes.h"

#include <math.h>
#include "analytics.h"
#include "base/json.h"

void
gtf_box_clear (GtfBox *box)
{
  g_clear_pointer (&box->label, g_free);
  g_clear_pointer (&box->class, g_free);
}

GArray *
gtf_boxes_new (void)
{
  GArray *boxes = g_array_new (FALSE, TRUE, sizeof (GtfBox));

  g_array_set_clear_func (boxes, (GDestroyNotify) gtf_box_clear);
  return boxes;
}

static double
number (JsonObject *object, const char *name)
{
  JsonNode *node = gtf_json_find (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_double (node) : 0;
}

/* Labels are strings, in some configurations numbers. */
static char *
label_of (JsonObject *object)
{
  JsonNode *node = gtf_json_find (object, "label");

  if (node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    return g_strdup (json_node_get_string (node));
  return node && JSON_NODE_HOLDS_VALUE (node) ? g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node)) : g_strdup ("");
}

GArray *
gtf_boxes_from_answer (JsonNode *answer)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (answer) ? json_node_get_array (answer) : NULL;
  GArray *boxes = gtf_boxes_new ();

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      JsonNode *node = json_array_get_element (list, i), *corners;
      JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL, *box;
      GtfBox one = { NULL };

      corners = object ? gtf_json_find (object, "box") : NULL;
      if (!corners || !JSON_NODE_HOLDS_OBJECT (corners))
        continue;
      box = json_node_get_object (corners);
      one = (GtfBox) { label_of (object), number (object, "score"), number (box, "xmin"), number (box, "ymin"), number (box, "xmax"), number (box, "ymax"), i, FALSE, { 0 }, NULL };
      g_array_append_val (boxes, one);
    }
  return boxes;
}

GArray *
gtf_labels_from_answer (JsonNode *answer)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (answer) ? json_node_get_array (answer) : NULL;
  GArray *labels = gtf_boxes_new ();

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      JsonNode *node = json_array_get_element (list, i), *score;
      GtfBox one = { NULL };

      if (!JSON_NODE_HOLDS_OBJECT (node))
        continue;
      score = gtf_json_find (json_node_get_object (node), "score");
      one.label = label_of (json_node_get_object (node));
      one.score = score ? number (json_node_get_object (node), "score") : -1;
      g_array_append_val (labels, one);
    }
  return labels;
}

JsonNode *
gtf_boxes_to_answer (const GArray *boxes)
{
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  JsonArray *list = json_array_new ();

  for (guint i = 0; i < boxes->len; i++)
    {
      const GtfBox *box = &g_array_index (boxes, GtfBox, i);
      JsonObject *object = json_object_new (), *corners = json_object_new ();

      json_object_set_int_member (corners, "xmin", (gint64) box->left);
      json_object_set_int_member (corners, "ymin", (gint64) box->top);
      json_object_set_int_member (corners, "xmax", (gint64) box->right);
      json_object_set_int_member (corners, "ymax", (gint64) box->bottom);
      json_object_set_double_member (object, "score", box->score);
      json_object_set_string_member (object, "label", box->label);
      json_object_set_object_member (object, "box", corners);
      if (box->tracked)
        json_object_set_int_member (object, "id", box->id);
      json_array_add_object_element (list, object);
    }
  json_node_take_array (node, list);
  return node;
}

GtfBox
gtf_box_of_meta (GstVideoRegionOfInterestMeta *roi)
{
  GstStructure *detection = gst_video_region_of_interest_meta_get_param (roi, "detection"), *class = gst_video_region_of_interest_meta_get_param (roi, "classification");
  const char *label = detection ? gst_structure_get_string (detection, "label") : NULL, *type = g_quark_to_string (roi->roi_type);
  GtfBox box = { g_strdup (label ? label : type ? type : ""), -1, roi->x, roi->y, (double) roi->x + roi->w, (double) roi->y + roi->h, (guint) roi->id, FALSE, { 0 }, NULL };

  if (detection)
    {
      gst_structure_get_double (detection, "score", &box.score);
      gst_structure_get_uint (detection, "id", &box.id);
      gst_structure_get_boolean (detection, "tracked", &box.tracked);
    }
  if (class)
    box.class = g_strdup (gst_structure_get_string (class, "label"));
  return box;
}

GArray *
gtf_boxes_from_buffer (GstBuffer *buffer)
{
  GArray *boxes = gtf_boxes_new ();
  gpointer state = NULL;
  GstMeta *meta;

  while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    {
      GtfBox box = gtf_box_of_meta ((GstVideoRegionOfInterestMeta *) meta);

      g_array_append_val (boxes, box);
    }
  return boxes;
}

void
gtf_box_attach (const GtfBox *box, GstBuffer *buffer, gint width, gint height)
{
  const double left = CLAMP (floor (box->left), 0, width), top = CLAMP (floor (box->top), 0, height);
  const double right = CLAMP (ceil (box->right), 0, width), bottom = CLAMP (ceil (box->bottom), 0, height);
  GstVideoRegionOfInterestMeta *roi;

  if (!(left < right && top < bottom))
    return;
  roi = gst_buffer_add_video_region_of_interest_meta (buffer, *box->label ? box->label : "object", (guint) left, (guint) top, (guint) (right - left), (guint) (bottom - top));
  roi->id = (gint) box->id;
  gst_video_region_of_interest_meta_add_param (roi, gst_structure_new ("detection",
    "label", G_TYPE_STRING, box->label,
    "score", G_TYPE_DOUBLE, box->score,
    "id", G_TYPE_UINT, box->id,
    "tracked", G_TYPE_BOOLEAN, box->tracked, NULL));
  gtf_analytics_add_box (buffer, roi, box);
}
