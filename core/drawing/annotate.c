/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drawing/annotate.h"

#include <math.h>
#include <string.h>

gint
gtf_annotate_line_width (const GtfCanvas *canvas)
{
  return CLAMP ((MIN (canvas->width, canvas->height) + 120) / 240, 1, 16);
}

gint
gtf_annotate_text_size (const GtfCanvas *canvas)
{
  return CLAMP (MIN (canvas->width, canvas->height) / 28, 11, 96);
}

guint32
gtf_annotate_colour (const char *label, gint64 id)
{
  static const guint32 palette[] = { 0xe6194b, 0x3cb44b, 0xffe119, 0x4363d8, 0xf58231, 0x911eb4, 0x42d4f4, 0xf032e6, 0xbfef45, 0xfabed4, 0x469990, 0x9a6324 };

  return palette[(id < 0 ? g_str_hash (label) : (guint64) id) % G_N_ELEMENTS (palette)];
}

/* Black or white, whichever stands out. */
static guint32
text_colour (guint32 ground)
{
  const guint luma = (ground >> 16 & 255) * 299 + (ground >> 8 & 255) * 587 + (ground & 255) * 114;

  return luma > 140000 ? 0x000000 : 0xffffff;
}

/* "cat 97%", "cat #3 97%" */
static char *
caption (const GtfAnnotation *box)
{
  GString *text = g_string_new (NULL);
  g_autofree char *label = g_utf8_make_valid (box->label, -1), *detail = g_utf8_make_valid (box->detail ? box->detail : "", -1);

  g_string_append_printf (text, "%s%s%s", label, *detail ? " " : "", detail);
  if (box->id >= 0)
    g_string_append_printf (text, " #%" G_GINT64_FORMAT, box->id);
  if (box->score >= 0)
    g_string_append_printf (text, " %.0f%%", box->score * 100);
  return g_strstrip (g_string_free (text, FALSE));
}

static void
frame (const GtfCanvas *canvas, GtfArea area, gint width, GtfInk ink)
{
  const GtfArea sides[] = { { area.x, area.y, area.width, width }, { area.x, area.y + area.height - width, area.width, width },
                            { area.x, area.y, width, area.height }, { area.x + area.width - width, area.y, width, area.height } };

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    {
      GtfArea side = sides[i];

      if (width > 0 && gtf_canvas_clip (canvas, &side))
        gtf_canvas_fill (canvas, gtf_canvas_snap (canvas, side), ink, 256);
    }
}

void
gtf_annotate_label (const GtfCanvas *canvas, GtfFont *font, gint x, gint y, const char *text, guint32 colour)
{
  const gint pad = MAX (gtf_font_get_size (font) / 5, 1), height = gtf_font_get_height (font) + pad, width = gtf_font_get_width (font, text) + 2 * pad;
  GtfArea strip = { CLAMP (x, 0, MAX (canvas->width - width, 0)), y >= height ? y - height : y, width, height };

  strip = gtf_canvas_snap (canvas, strip);
  gtf_canvas_fill (canvas, strip, gtf_canvas_ink (canvas, colour), 256);
  gtf_canvas_text (canvas, font, strip.x + pad, strip.y + pad / 2, text, gtf_canvas_ink (canvas, text_colour (colour)), strip);
}

/* A corner in pixels, within reach of 32 bits. */
static gint
edge (double x)
{
  return isnan (x) ? 0 : (gint) CLAMP (x, -1e6, 1e6);
}

void
gtf_annotate_box (const GtfCanvas *canvas, GtfFont *font, gint line_width, const GtfAnnotation *box)
{
  const gint left = edge (floor (box->left)), top = edge (floor (box->top)), right = edge (ceil (box->right)), bottom = edge (ceil (box->bottom));
  const guint32 colour = gtf_annotate_colour (box->label, box->id);
  GtfArea area = { left, top, right - left, bottom - top };
  g_autofree char *text = caption (box);

  if (!gtf_canvas_clip (canvas, &area))
    return;
  area = gtf_canvas_snap (canvas, area);
  frame (canvas, area, MIN (line_width, MIN (area.width, area.height)), gtf_canvas_ink (canvas, colour));
  if (font && *text)
    gtf_annotate_label (canvas, font, area.x, area.y, text, colour);
}

void
gtf_annotate_lines (const GtfCanvas *canvas, GtfFont *font, const char *text, gboolean at_bottom)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_auto (GStrv) lines = g_strsplit (g_strchomp (valid), "\n", -1);
  const gint pad = MAX (gtf_font_get_size (font) / 3, 1), height = gtf_font_get_height (font), n = (gint) g_strv_length (lines);
  GtfArea ground = { 0, 0, 0, n * height + pad };

  for (gint i = 0; i < n; i++)
    ground.width = MAX (ground.width, gtf_font_get_width (font, lines[i]) + 2 * pad);
  ground.width = MIN (ground.width, canvas->width);
  if (ground.width <= 2 * pad)
    return;
  if (at_bottom)
    {
      ground.x = (canvas->width - ground.width) / 2;
      ground.y = MAX (canvas->height - ground.height - height / 2, 0);
    }
  ground = gtf_canvas_snap (canvas, ground);
  gtf_canvas_fill (canvas, ground, gtf_canvas_ink (canvas, 0x000000), 180);
  for (gint i = 0; i < n; i++)
    {
      gint x = at_bottom ? (canvas->width - gtf_font_get_width (font, lines[i])) / 2 : ground.x + pad;

      gtf_canvas_text (canvas, font, MAX (x, ground.x + pad), ground.y + pad / 2 + i * height, lines[i], gtf_canvas_ink (canvas, 0xffffff), ground);
    }
}

void
gtf_annotate_segments (const GtfCanvas *canvas, const guint16 *map, const guint32 *colours, guint n_colours, guint opacity)
{
  g_autofree GtfInk *inks = g_new (GtfInk, n_colours + 1);

  for (guint i = 1; i <= n_colours; i++)
    inks[i] = gtf_canvas_ink (canvas, colours[i - 1]);
  for (guint i = 0; i < canvas->n_planes && i < 3; i++)
    {
      const GtfCanvasPlane *plane = &canvas->planes[i];
      const gint width = (canvas->width + (1 << plane->x_shift) - 1) >> plane->x_shift, height = (canvas->height + (1 << plane->y_shift) - 1) >> plane->y_shift;

      for (gint y = 0; y < height; y++)
        {
          const guint16 *row = map + (gsize) (y << plane->y_shift) * (gsize) canvas->width;
          guint8 *at = plane->data + y * plane->row;

          for (gint x = 0; x < width; x++, at += plane->pixel)
            {
              guint index = row[x << plane->x_shift];

              if (index > 0 && index <= n_colours)
                *at = (guint8) ((*at * (256 - opacity) + inks[index].values[i] * opacity + 128) >> 8);
            }
        }
    }
}

void
gtf_annotate_depth (const GtfCanvas *canvas, const guint8 *depth)
{
  static const guint32 stops[] = { 0x081d58, 0x253494, 0x1d91c0, 0x41b6c4, 0xc7e9b4, 0xffffd9 };
  GtfInk inks[256];

  for (guint i = 0; i < 256; i++)
    {
      const guint at = i * (G_N_ELEMENTS (stops) - 1), stop = MIN (at / 255, G_N_ELEMENTS (stops) - 2), part = at - stop * 255;
      guint32 rgb = 0;

      for (guint shift = 0; shift < 24; shift += 8)
        rgb |= ((stops[stop] >> shift & 255) * (255 - part) + (stops[stop + 1] >> shift & 255) * part + 127) / 255 << shift;
      inks[i] = gtf_canvas_ink (canvas, rgb);
    }
  for (guint i = 0; i < canvas->n_planes && i < 3; i++)
    {
      const GtfCanvasPlane *plane = &canvas->planes[i];

      for (gint y = 0; y << plane->y_shift < canvas->height; y++)
        {
          const guint8 *row = depth + (gsize) (y << plane->y_shift) * (gsize) canvas->width;
          guint8 *at = plane->data + y * plane->row;

          for (gint x = 0; x << plane->x_shift < canvas->width; x++, at += plane->pixel)
            *at = inks[row[x << plane->x_shift]].values[i];
        }
    }
}

void
gtf_annotate_depth_levels (const float *depth, gsize n, guint8 *levels)
{
  float least = INFINITY, largest = -INFINITY;

  for (gsize i = 0; i < n; i++)
    if (isfinite (depth[i]))
      {
        least = MIN (least, depth[i]);
        largest = MAX (largest, depth[i]);
      }
  for (gsize i = 0; i < n; i++)
    levels[i] = isfinite (depth[i]) && largest > least ? (guint8) ((depth[i] - least) / (largest - least) * 255) : 0;
}
