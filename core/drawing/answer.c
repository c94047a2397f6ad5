/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A task's answer, drawn on the picture that it is about. What it is made of tells what is drawn: a list of {"score", "label", "box"} is
 * frames with labels, of {"label", "mask"} segments in colour, of {"label", "score"} a strip of lines; {"masks"} are segments without labels, each in
 * its own colour, {"depth"} replaces the picture.
 */
#include "drawing/annotate.h"

#include "base/error.h"
#include "base/json.h"

#define OPACITY 128             /* of segments, of 256 */

typedef struct
{
  GtfImage *image;
  GtfCanvas canvas;
  GtfFont *font;
} Sheet;

static const char *
string_of (JsonObject *object, const char *name)
{
  JsonNode *node = gtf_json_find (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static double
number_of (JsonObject *object, const char *name, double fallback)
{
  JsonNode *node = gtf_json_find (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) != G_TYPE_STRING ? json_node_get_double (node) : fallback;
}

/* (transfer full): labels may be numbers */
static char *
label_of (JsonObject *object)
{
  JsonNode *node = gtf_json_find (object, "label");

  if (string_of (object, "label"))
    return g_strdup (string_of (object, "label"));
  return node && JSON_NODE_HOLDS_VALUE (node) ? g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node)) : g_strdup ("");
}

/* A grey picture of the same size, out of base64 of a PNG. */
static GtfImage *
grey_of (const Sheet *sheet, const char *base64, const char *name, GError **error)
{
  gsize size;
  guchar *data = g_base64_decode (base64, &size);
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, size);
  g_autoptr (GtfImage) grey = gtf_image_load_bytes (bytes, name, error);

  if (grey && (grey->width != sheet->image->width || grey->height != sheet->image->height))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "\"%s\" is %d x %d, its picture %d x %d", name, grey->width, grey->height, sheet->image->width, sheet->image->height);
      return NULL;
    }
  return g_steal_pointer (&grey);
}

/* ---- boxes and labels ---- */

static void
draw_box (const Sheet *sheet, JsonObject *object, JsonObject *box)
{
  g_autofree char *label = label_of (object);
  const GtfAnnotation annotation = { label, NULL, number_of (object, "score", -1), number_of (box, "xmin", 0), number_of (box, "ymin", 0), number_of (box, "xmax", 0),
                                     number_of (box, "ymax", 0), -1 };

  gtf_annotate_box (&sheet->canvas, sheet->font, gtf_annotate_line_width (&sheet->canvas), &annotation);
}

/* The best label stands first in the strip. */
static void
add_line (GString *lines, JsonObject *object)
{
  g_autofree char *label = label_of (object);

  g_string_append_printf (lines, "%s %.1f%%\n", label, 100 * number_of (object, "score", 0));
}

/* ---- segments ---- */

typedef struct
{
  guint n;
  guint16 *map;                 /* which segment each pixel has, from 1 */
  guint32 *colours;
  guint64 (*middles)[3];        /* sums of x and y, and of how many pixels */
} Segments;

static gboolean
segments_init (Segments *segments, const Sheet *sheet, guint n, GError **error)
{
  *segments = (Segments){ MIN (n, G_MAXUINT16 - 1), g_try_new0 (guint16, (gsize) sheet->image->width * (gsize) sheet->image->height), NULL, NULL };
  segments->colours = g_new0 (guint32, segments->n);
  segments->middles = g_malloc0_n (segments->n, sizeof *segments->middles);
  if (segments->map)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for the segments of a picture of %d x %d", sheet->image->width, sheet->image->height);
  return FALSE;
}

static void
segments_clear (Segments *segments)
{
  g_free (segments->map);
  g_free (segments->colours);
  g_free (segments->middles);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Segments, segments_clear)

/* @small_on_top: a pixel stays with the smaller of two segments; else later ones lie on top. */
static gboolean
add_segment (const Sheet *sheet, Segments *segments, guint index, const char *base64, guint32 colour, gboolean small_on_top, GError **error)
{
  const gsize width = (gsize) sheet->image->width, n = width * (gsize) sheet->image->height;
  g_autoptr (GtfImage) mask = grey_of (sheet, base64, "mask", error);
  guint64 *middle = segments->middles[index];

  if (mask == NULL)
    return FALSE;
  segments->colours[index] = colour;
  for (gsize at = 0; at < n; at++)
    if (mask->pixels[at * 3] >= 128)
      {
        middle[0] += at % width;
        middle[1] += at / width;
        middle[2]++;
      }
  for (gsize at = 0; at < n; at++)
    if (mask->pixels[at * 3] >= 128 && (!small_on_top || segments->map[at] == 0 || segments->middles[segments->map[at] - 1][2] >= middle[2]))
      segments->map[at] = (guint16) (index + 1);
  return TRUE;
}

static void
label_segment (const Sheet *sheet, const Segments *segments, guint index, JsonObject *object)
{
  const guint64 *middle = segments->middles[index];
  g_autofree char *label = label_of (object);

  if (middle[2] == 0 || *label == '\0')
    return;
  gtf_annotate_label (&sheet->canvas, sheet->font, (gint) (middle[0] / middle[2]) - gtf_font_get_width (sheet->font, label) / 2,
                      (gint) (middle[1] / middle[2]) + gtf_font_get_height (sheet->font) / 2, label, segments->colours[index]);
}

static gboolean
draw_segments (const Sheet *sheet, JsonArray *list, GError **error)
{
  g_auto (Segments) segments = { 0 };

  if (!segments_init (&segments, sheet, json_array_get_length (list), error))
    return FALSE;
  for (guint i = 0; i < segments.n; i++)
    {
      JsonObject *object = json_array_get_object_element (list, i);
      g_autofree char *label = label_of (object);

      if (!add_segment (sheet, &segments, i, string_of (object, "mask"), gtf_annotate_colour (label, -1), FALSE, error))
        return FALSE;
    }
  gtf_annotate_segments (&sheet->canvas, segments.map, segments.colours, segments.n, OPACITY);
  for (guint i = 0; i < segments.n; i++)
    label_segment (sheet, &segments, i, json_array_get_object_element (list, i));
  return TRUE;
}

/* Masks without labels, base64 of pictures. */
static gboolean
draw_masks (const Sheet *sheet, JsonArray *list, GError **error)
{
  g_auto (Segments) segments = { 0 };

  if (!segments_init (&segments, sheet, json_array_get_length (list), error))
    return FALSE;
  for (guint i = 0; i < segments.n; i++)
    if (!add_segment (sheet, &segments, i, json_array_get_string_element (list, i), gtf_annotate_colour ("", i), TRUE, error))
      return FALSE;
  gtf_annotate_segments (&sheet->canvas, segments.map, segments.colours, segments.n, OPACITY);
  return TRUE;
}

/* ---- answers ---- */

static gboolean
cannot (GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "the answer has nothing that could be drawn on the picture: expected boxes, labels with scores, masks or depth");
  return FALSE;
}

static gboolean
all_have (JsonArray *list, const char *name)
{
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonNode *node = json_array_get_element (list, i);

      if (!JSON_NODE_HOLDS_OBJECT (node) || !json_object_has_member (json_node_get_object (node), name))
        return FALSE;
    }
  return TRUE;
}

static gboolean
all_masks (JsonArray *list)
{
  for (guint i = 0; i < json_array_get_length (list); i++)
    if (string_of (json_array_get_object_element (list, i), "mask") == NULL)
      return FALSE;
  return TRUE;
}

static gboolean
draw_list (const Sheet *sheet, JsonArray *list, GError **error)
{
  g_autoptr (GString) lines = g_string_new (NULL);

  if (!all_have (list, "label"))
    return cannot (error);
  if (json_array_get_length (list) > 0 && all_masks (list))
    return draw_segments (sheet, list, error);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonObject *object = json_array_get_object_element (list, i);
      JsonNode *box = gtf_json_find (object, "box");

      if (box && JSON_NODE_HOLDS_OBJECT (box))
        draw_box (sheet, object, json_node_get_object (box));
      else
        add_line (lines, object);
    }
  if (lines->len)
    gtf_annotate_lines (&sheet->canvas, sheet->font, lines->str, FALSE);
  return TRUE;
}

static gboolean
draw_depth (const Sheet *sheet, JsonObject *object, GError **error)
{
  const char *depth = string_of (object, "depth");
  g_autoptr (GtfImage) grey = NULL;

  if (depth == NULL)
    return cannot (error);
  grey = grey_of (sheet, depth, "depth", error);
  if (grey == NULL)
    return FALSE;
  for (gsize i = 0; i < (gsize) grey->width * (gsize) grey->height; i++)
    grey->pixels[i] = grey->pixels[i * 3];
  gtf_annotate_depth (&sheet->canvas, grey->pixels);
  return TRUE;
}

/* Whether a member is a list of strings, and nothing else. */
static gboolean
has_strings (JsonObject *object, const char *name)
{
  JsonNode *node = gtf_json_find (object, name);
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    if (!JSON_NODE_HOLDS_VALUE (json_array_get_element (list, i)) || json_node_get_value_type (json_array_get_element (list, i)) != G_TYPE_STRING)
      return FALSE;
  return list != NULL;
}

static gboolean
draw_object (const Sheet *sheet, JsonObject *object, GError **error)
{
  return has_strings (object, "masks") ? draw_masks (sheet, json_object_get_array_member (object, "masks"), error) : draw_depth (sheet, object, error);
}

gboolean
gtf_annotate_answer (GtfImage *image, JsonNode *answer, GError **error)
{
  Sheet sheet = { image, gtf_canvas_of_image (image), NULL };
  gboolean good;

  sheet.font = gtf_font_new (gtf_annotate_text_size (&sheet.canvas));
  if (JSON_NODE_HOLDS_ARRAY (answer))
    good = draw_list (&sheet, json_node_get_array (answer), error);
  else
    good = JSON_NODE_HOLDS_OBJECT (answer) ? draw_object (&sheet, json_node_get_object (answer), error) : cannot (error);
  gtf_font_free (sheet.font);
  return good;
}
