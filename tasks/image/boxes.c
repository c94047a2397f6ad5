/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes in JSON, and as lines for people.
 */
#include "image/boxes-private.h"

#include <math.h>

/* As int () of a float: towards zero. */
static gint64
pixel (float x)
{
  return isnan (x) ? 0 : (gint64) CLAMP (x, -2147483648.0f, 2147483520.0f);
}

JsonObject *
image_box_new (const float *box, float width, float height)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "xmin", pixel ((box[0] - 0.5f * box[2]) * width));
  json_object_set_int_member (object, "ymin", pixel ((box[1] - 0.5f * box[3]) * height));
  json_object_set_int_member (object, "xmax", pixel ((box[0] + 0.5f * box[2]) * width));
  json_object_set_int_member (object, "ymax", pixel ((box[1] + 0.5f * box[3]) * height));
  return object;
}

/* "cat  10,20 - 30,40" */
static char *
describe (JsonObject *object)
{
  JsonObject *box = json_object_get_object_member (object, "box");
  const char *label = text_node_string (json_object_get_member (object, "label"));

  return g_strdup_printf ("%s  %" G_GINT64_FORMAT ",%" G_GINT64_FORMAT " - %" G_GINT64_FORMAT ",%" G_GINT64_FORMAT, label ? label : "?",
                          json_object_get_int_member (box, "xmin"), json_object_get_int_member (box, "ymin"), json_object_get_int_member (box, "xmax"),
                          json_object_get_int_member (box, "ymax"));
}

static void
append_boxes (GString *out, GtfView view, JsonArray *list)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  guint width = 0;

  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      g_ptr_array_add (lines, describe (json_array_get_object_element (list, i)));
      width = MAX (width, text_view_width (lines->pdata[i]));
    }
  text_view_begin (out, view);
  for (guint i = 0; i < lines->len; i++)
    text_view_bar (out, view, lines->pdata[i], width, json_object_get_double_member (json_array_get_object_element (list, i), "score"));
  text_view_end (out, view);
}

char *
image_box_render (JsonNode *inputs, JsonNode *result, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  JsonArray *asked = inputs && JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL, *all = json_node_get_array (result);

  if (asked == NULL)
    append_boxes (out, view, all);
  for (guint i = 0; asked && i < json_array_get_length (all); i++)
    {
      const char *path = i < json_array_get_length (asked) ? text_node_string (json_array_get_element (asked, i)) : NULL;

      if (path)
        text_view_heading (out, view, path);
      append_boxes (out, view, json_array_get_array_element (all, i));
    }
  return text_view_finish (g_steal_pointer (&out), view);
}
