/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drawing/canvas.h"

#include <string.h>

GtfCanvas
gtf_canvas_of_image (GtfImage *image)
{
  GtfCanvas self = { .width = image->width, .height = image->height, .colours = GTF_CANVAS_RGB, .n_planes = 3 };

  for (guint i = 0; i < 3; i++)
    self.planes[i] = (GtfCanvasPlane) { image->pixels + i, (gssize) image->width * 3, 3, 0, 0 };
  return self;
}

static guint8
level (double x)
{
  return (guint8) CLAMP (x + 0.5, 0, 255);
}

GtfInk
gtf_canvas_ink (const GtfCanvas *self, guint32 rgb)
{
  const double r = (rgb >> 16 & 255) / 255.0, g = (rgb >> 8 & 255) / 255.0, b = (rgb & 255) / 255.0;
  const gboolean yuv = self->colours == GTF_CANVAS_YUV;
  const double kr = yuv ? self->kr : 0.299, kb = yuv ? self->kb : 0.114, y = kr * r + (1 - kr - kb) * g + kb * b;
  const double u = 0.5 * (b - y) / (1 - kb), v = 0.5 * (r - y) / (1 - kr);
  const double luma = self->full_range ? 255 * y : 16 + 219 * y, chroma = self->full_range ? 255 : 224;

  if (self->colours == GTF_CANVAS_RGB)
    return (GtfInk) { { (guint8) (rgb >> 16), (guint8) (rgb >> 8), (guint8) rgb, 255 } };
  if (self->colours == GTF_CANVAS_GREY)
    return (GtfInk) { { level (luma), 255, 255, 255 } };
  return (GtfInk) { { level (luma), level (128 + chroma * u), level (128 + chroma * v), 255 } };
}

/* ---- areas ---- */

gboolean
gtf_canvas_clip (const GtfCanvas *self, GtfArea *area)
{
  const gint64 left = CLAMP ((gint64) area->x, 0, self->width), right = CLAMP ((gint64) area->x + area->width, 0, self->width);
  const gint64 top = CLAMP ((gint64) area->y, 0, self->height), bottom = CLAMP ((gint64) area->y + area->height, 0, self->height);

  if (left >= right || top >= bottom)
    return FALSE;
  *area = (GtfArea) { (gint) left, (gint) top, (gint) (right - left), (gint) (bottom - top) };
  return TRUE;
}

GtfArea
gtf_canvas_snap (const GtfCanvas *self, GtfArea area)
{
  gint right, bottom, x_step = 1, y_step = 1;

  if (!gtf_canvas_clip (self, &area))
    return (GtfArea) { 0, 0, 0, 0 };
  for (guint i = 0; i < self->n_planes; i++)
    {
      x_step = MAX (x_step, 1 << self->planes[i].x_shift);
      y_step = MAX (y_step, 1 << self->planes[i].y_shift);
    }
  right = MIN ((area.x + area.width + x_step - 1) / x_step * x_step, self->width);
  bottom = MIN ((area.y + area.height + y_step - 1) / y_step * y_step, self->height);
  area.x = area.x / x_step * x_step;
  area.y = area.y / y_step * y_step;
  return (GtfArea) { area.x, area.y, right - area.x, bottom - area.y };
}

/* First and last-but-one sample whose pixels all lie in [from, to) of @size; the picture's end may cut a sample short. */
static void
samples (gint from, gint to, gint size, guint8 shift, gint *first, gint *end)
{
  const gint step = 1 << shift;

  *first = (from + step - 1) >> shift;
  *end = to >= size ? (size + step - 1) >> shift : to >> shift;
}

/* An area, on the canvas, in samples of one component. FALSE: none lies whole in it. */
static gboolean
area_of_plane (const GtfCanvas *self, const GtfCanvasPlane *plane, GtfArea area, GtfArea *in)
{
  gint x1, y1;

  samples (area.x, area.x + area.width, self->width, plane->x_shift, &in->x, &x1);
  samples (area.y, area.y + area.height, self->height, plane->y_shift, &in->y, &y1);
  in->width = x1 - in->x;
  in->height = y1 - in->y;
  return in->width > 0 && in->height > 0;
}

static inline guint8 *
sample (const GtfCanvasPlane *plane, gint x, gint y)
{
  return plane->data + y * plane->row + x * plane->pixel;
}

/* ---- colour ---- */

static inline void
blend (guint8 *at, guint8 value, guint opacity)
{
  *at = (guint8) ((*at * (256 - opacity) + value * opacity + 128) >> 8);
}

void
gtf_canvas_fill (const GtfCanvas *self, GtfArea area, GtfInk ink, guint opacity)
{
  if (!gtf_canvas_clip (self, &area))
    return;
  for (guint i = 0; i < self->n_planes; i++)
    {
      const GtfCanvasPlane *plane = &self->planes[i];
      GtfArea in;

      if (!area_of_plane (self, plane, area, &in))
        continue;
      for (gint y = in.y; y < in.y + in.height; y++)
        {
          guint8 *at = sample (plane, in.x, y);

          if (opacity >= 256 && plane->pixel == 1)
            memset (at, ink.values[i], (gsize) in.width);
          else
            for (gint x = 0; x < in.width; x++, at += plane->pixel)
              blend (at, ink.values[i], MIN (opacity, 256));
        }
    }
}

/* ---- letters ---- */

/* 0 to 256: how much of a sample's pixels a glyph at (@left, @top) covers within @clip */
static guint
covered (const GtfGlyph *glyph, gint left, gint top, GtfArea pixels, GtfArea clip)
{
  guint sum = 0;

  for (gint y = pixels.y; y < pixels.y + pixels.height; y++)
    for (gint x = pixels.x; x < pixels.x + pixels.width; x++)
      if (x >= left && x < left + glyph->width && y >= top && y < top + glyph->height && x >= clip.x && x < clip.x + clip.width && y >= clip.y && y < clip.y + clip.height)
        sum += glyph->coverage[(y - top) * glyph->width + (x - left)];
  sum /= (guint) (pixels.width * pixels.height);
  return sum + (sum >> 7);
}

static void
draw_glyph (const GtfCanvas *self, const GtfGlyph *glyph, gint left, gint top, GtfInk ink, GtfArea clip)
{
  GtfArea area = { left, top, glyph->width, glyph->height };

  if (glyph->coverage == NULL || !gtf_canvas_clip (self, &area))
    return;
  for (guint i = 0; i < self->n_planes; i++)
    {
      const GtfCanvasPlane *plane = &self->planes[i];
      const gint x_step = 1 << plane->x_shift, y_step = 1 << plane->y_shift;
      GtfArea in;

      /* samples within @clip that the glyph touches */
      if (!area_of_plane (self, plane, clip, &in))
        continue;
      for (gint y = MAX (in.y, area.y >> plane->y_shift); y < in.y + in.height && y << plane->y_shift < area.y + area.height; y++)
        for (gint x = MAX (in.x, area.x >> plane->x_shift); x < in.x + in.width && x << plane->x_shift < area.x + area.width; x++)
          {
            GtfArea pixels = { x << plane->x_shift, y << plane->y_shift, x_step, y_step };
            guint opacity = covered (glyph, left, top, pixels, clip);

            if (opacity)
              blend (sample (plane, x, y), ink.values[i], opacity);
          }
    }
}

void
gtf_canvas_text (const GtfCanvas *self, GtfFont *font, gint x, gint y, const char *text, GtfInk ink, GtfArea clip)
{
  gint pen = x * 64;

  if (!gtf_canvas_clip (self, &clip))
    return;
  y += gtf_font_get_ascent (font);
  for (; *text && pen < (clip.x + clip.width) * 64; text = g_utf8_next_char (text))
    {
      const GtfGlyph *glyph = gtf_font_get_glyph (font, g_utf8_get_char (text));

      draw_glyph (self, glyph, ((pen + 32) >> 6) + glyph->left, y + glyph->top, ink, clip);
      pen += glyph->advance;
    }
}

/* ---- unrecognisable ---- */

/* Means of squares of one component's samples. */
typedef struct
{
  GtfArea in;                   /* samples */
  gint across, down, block_x, block_y;
  guint8 *means;
} Grid;

static gboolean
grid_init (Grid *grid, const GtfCanvas *self, const GtfCanvasPlane *plane, GtfArea area, gint block)
{
  if (!area_of_plane (self, plane, area, &grid->in))
    return FALSE;
  grid->block_x = MAX (block >> plane->x_shift, 1);
  grid->block_y = MAX (block >> plane->y_shift, 1);
  grid->across = (grid->in.width + grid->block_x - 1) / grid->block_x;
  grid->down = (grid->in.height + grid->block_y - 1) / grid->block_y;
  grid->means = g_new (guint8, (gsize) grid->across * (gsize) grid->down);
  for (gint gy = 0; gy < grid->down; gy++)
    for (gint gx = 0; gx < grid->across; gx++)
      {
        const gint x0 = gx * grid->block_x, x1 = MIN (x0 + grid->block_x, grid->in.width), y0 = gy * grid->block_y, y1 = MIN (y0 + grid->block_y, grid->in.height);
        guint64 sum = 0;

        for (gint y = y0; y < y1; y++)
          {
            const guint8 *at = sample (plane, grid->in.x + x0, grid->in.y + y);

            for (gint x = x0; x < x1; x++, at += plane->pixel)
              sum += *at;
          }
        grid->means[gy * grid->across + gx] = (guint8) (sum / ((guint64) (x1 - x0) * (guint64) (y1 - y0)));
      }
  return TRUE;
}

/* Whether a mask has any of a sample's pixels. */
static gboolean
is_masked (const GtfCanvas *self, const GtfCanvasPlane *plane, const guint8 *mask, gint x, gint y)
{
  const gint right = MIN ((x + 1) << plane->x_shift, self->width), bottom = MIN ((y + 1) << plane->y_shift, self->height);

  for (gint down = y << plane->y_shift; down < bottom; down++)
    for (gint across = x << plane->x_shift; across < right; across++)
      if (mask[(gsize) down * (gsize) self->width + (gsize) across])
        return TRUE;
  return FALSE;
}

void
gtf_canvas_pixelate (const GtfCanvas *self, GtfArea area, gint block, const guint8 *mask)
{
  if (!gtf_canvas_clip (self, &area))
    return;
  for (guint i = 0; i < self->n_planes; i++)
    {
      const GtfCanvasPlane *plane = &self->planes[i];
      Grid grid;

      if (!grid_init (&grid, self, plane, area, block))
        continue;
      for (gint y = 0; y < grid.in.height; y++)
        {
          guint8 *at = sample (plane, grid.in.x, grid.in.y + y);
          const guint8 *means = grid.means + (gsize) (y / grid.block_y) * (gsize) grid.across;

          for (gint x = 0; x < grid.in.width; means++)
            for (gint end = MIN (x + grid.block_x, grid.in.width); x < end; x++, at += plane->pixel)
              if (mask == NULL || is_masked (self, plane, mask, grid.in.x + x, grid.in.y + y))
                *at = *means;
        }
      g_free (grid.means);
    }
}

/* Between which two squares' middles a sample lies, and how far from the first (0 to 256). */
typedef struct
{
  gint first, second, part;
} Between;

static Between
between (gint at, gint block, gint n)
{
  const gint twice = MAX (2 * at + 1 - block, 0), first = twice / (2 * block);

  return (Between) { MIN (first, n - 1), MIN (first + 1, n - 1), (twice - 2 * block * first) * 128 / block };
}

static void
blur_plane (const GtfCanvas *self, const GtfCanvasPlane *plane, const Grid *grid, const guint8 *mask)
{
  g_autofree Between *columns = g_new (Between, grid->in.width);
  g_autofree gint *row = g_new (gint, grid->across);

  for (gint x = 0; x < grid->in.width; x++)
    columns[x] = between (x, grid->block_x, grid->across);
  for (gint y = 0; y < grid->in.height; y++)
    {
      guint8 *at = sample (plane, grid->in.x, grid->in.y + y);
      const Between b = between (y, grid->block_y, grid->down);

      for (gint x = 0; x < grid->across; x++)
        row[x] = grid->means[b.first * grid->across + x] * (256 - b.part) + grid->means[b.second * grid->across + x] * b.part;
      for (gint x = 0; x < grid->in.width; x++, at += plane->pixel)
        if (mask == NULL || is_masked (self, plane, mask, grid->in.x + x, grid->in.y + y))
          *at = (guint8) ((row[columns[x].first] * (256 - columns[x].part) + row[columns[x].second] * columns[x].part + 32768) >> 16);
    }
}

void
gtf_canvas_blur (const GtfCanvas *self, GtfArea area, gint block, const guint8 *mask)
{
  if (!gtf_canvas_clip (self, &area))
    return;
  for (guint i = 0; i < self->n_planes; i++)
    {
      Grid grid;

      if (!grid_init (&grid, self, &self->planes[i], area, block))
        continue;
      blur_plane (self, &self->planes[i], &grid, mask);
      g_free (grid.means);
    }
}
