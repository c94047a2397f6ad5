/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "boxes.h"

#include <math.h>
#include "base/json.h"

static void
box_clear (gpointer box)
{
  g_free (((GtfBox *) box)->label);
}

static GArray *
boxes_new (void)
{
  GArray *boxes = g_array_new (FALSE, TRUE, sizeof (GtfBox));

  g_array_set_clear_func (boxes, box_clear);
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
  GArray *boxes = boxes_new ();

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      JsonNode *node = json_array_get_element (list, i), *corners;
      JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL, *box;
      GtfBox one = { NULL };

      corners = object ? gtf_json_find (object, "box") : NULL;
      if (!corners || !JSON_NODE_HOLDS_OBJECT (corners))
        continue;
      box = json_node_get_object (corners);
      one = (GtfBox) { label_of (object), number (object, "score"), number (box, "xmin"), number (box, "ymin"), number (box, "xmax"), number (box, "ymax"), i, FALSE };
      g_array_append_val (boxes, one);
    }
  return boxes;
}

GArray *
gtf_boxes_from_buffer (GstBuffer *buffer)
{
  GArray *boxes = boxes_new ();
  gpointer state = NULL;
  GstMeta *meta;

  while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    {
      GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *) meta;
      GstStructure *detection = gst_video_region_of_interest_meta_get_param (roi, "detection");
      const char *label = detection ? gst_structure_get_string (detection, "label") : NULL, *type = g_quark_to_string (roi->roi_type);
      GtfBox box = { g_strdup (label ? label : type ? type : ""), -1, roi->x, roi->y, (double) roi->x + roi->w, (double) roi->y + roi->h, (guint) roi->id, FALSE };

      if (detection)
        {
          gst_structure_get_double (detection, "score", &box.score);
          gst_structure_get_uint (detection, "id", &box.id);
          gst_structure_get_boolean (detection, "tracked", &box.tracked);
        }
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
}
