/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/image-rows.h"

#include <math.h>
#include <string.h>

/* ---- packed RGB ---- */

/* Where row @y of packed components begins, and the end of what may be read of the frame. */
static const guint8 *
packed_row (const GtfImage *image, gint y, const guint8 **end)
{
  const GtfPlanes *p = image->planes;
  const guint8 *first;

  if (!p)
    {
      *end = image->pixels + (gsize) image->width * (gsize) image->height * 3;
      return image->pixels + (gsize) y * (gsize) image->width * 3;
    }
  first = MIN (MIN (p->data[0], p->data[1]), p->data[2]);
  *end = first + (p->height - 1) * p->row[0] + (p->width - 1) * p->pixel[0] + 3;      /* of four bytes the last may be missing */
  return first + (p->top + y) * p->row[0] + p->left * p->pixel[0];
}

/* As it lies, but for rows too near to the end of the frame to be read on behind them. */
static const guint8 *
get_packed (GtfImageRows *self, gint y)
{
  const guint8 *end, *row = packed_row (self->image, y, &end);
  const gsize length = (gsize) self->image->width * (gsize) self->pixel, left = (gsize) (end - row);

  if (left >= length + GTF_PIXEL_SLACK)
    return row;
  memcpy (self->row, row, MIN (length, left));
  return self->row;
}

/* ---- video ---- */

/* The frame's row of chroma for its row @y, and the next one in that direction. */
static void
find_chroma (const GtfPlanes *p, gint component, gint y, gint x, const guint8 *rows[2])
{
  const gint n = (p->height + p->y_shift) >> p->y_shift, near = y >> p->y_shift;
  const gint far = p->y_shift && !p->lines_repeated ? CLAMP (y % 2 ? near + 1 : near - 1, 0, n - 1) : near;
  const guint8 *first = p->data[component] + (x >> p->x_shift) * p->pixel[component];

  rows[0] = first + near * p->row[component];
  rows[1] = first + far * p->row[component];
}

static const guint8 *
get_converted (GtfImageRows *self, gint y)
{
  const GtfPlanes *p = self->image->planes;
  const gint x = p->left - self->before;
  GtfYuvRow *t = &self->task;

  y += p->top;
  t->luma = p->data[0] + y * p->row[0] + x * p->pixel[0];
  if (p->colours == GTF_PLANES_YUV)
    {
      find_chroma (p, 1, y, x, t->chroma[0]);
      find_chroma (p, 2, y, x, t->chroma[1]);
    }
  gtf_kernels_get ()->yuv_row (t, self->row);
  return self->row + 4 * self->before;
}

/* R = Y' + 2 (1 - kr) V' and so on, Y' and V' brought to the range of R. */
static void
find_factors (const GtfPlanes *p, gint16 factors[5])
{
  const double kg = 1 - p->kr - p->kb, luma = p->full_range ? 256 : 256 * 255.0 / 219, chroma = p->full_range ? 256 : 256 * 255.0 / 224;

  factors[0] = (gint16) rint (luma);
  factors[1] = (gint16) rint (chroma * 2 * (1 - p->kr));
  factors[2] = (gint16) rint (chroma * 2 * (1 - p->kb));
  factors[3] = (gint16) rint (chroma * -2 * p->kb * (1 - p->kb) / kg);
  factors[4] = (gint16) rint (chroma * -2 * p->kr * (1 - p->kr) / kg);
}

/* Pixels whose chroma lies partly outside of the picture need some of what is there, and pairs of pixels begin at even ones. */
static void
begin_converting (GtfImageRows *self)
{
  const GtfPlanes *p = self->image->planes;
  const gint first = MAX ((p->left & ~1) - 2, 0), end = MIN (p->left + self->image->width + 2, p->width);

  self->before = p->left - first;
  self->task = (GtfYuvRow) { .n = end - first, .luma_pixel = p->pixel[0], .chroma_pixel = p->pixel[1], .halved = p->x_shift != 0, .siting = p->siting };
  find_factors (p, self->task.factors);
}

/* ---- both ---- */

static gboolean
make_room (GtfImageRows *self, gsize pixels, gboolean converts, GError **error)
{
  if (pixels > self->room || (converts && !self->scratch))
    {
      gtf_image_rows_clear (self);
      self->row = g_try_malloc0_n (pixels, 4);
      self->scratch = converts ? g_try_malloc0_n (pixels, 9) : NULL;
      if (!self->row || (converts && !self->scratch))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a row of %d pixels", self->image->width);
          return FALSE;
        }
      self->room = pixels;
    }
  self->task.scratch = self->scratch;
  self->task.room = (gint64) self->room;
  return TRUE;
}

gboolean
gtf_image_rows_begin (GtfImageRows *self, const GtfImage *image, GError **error)
{
  const GtfPlanes *p = image->planes;

  self->image = image;
  self->before = 0;
  self->pixel = 4;
  for (guint8 c = 0; c < 3; c++)
    self->at[c] = c;
  if (!p)
    self->pixel = 3;
  else if (p->colours == GTF_PLANES_RGB)
    {
      const guint8 *first = MIN (MIN (p->data[0], p->data[1]), p->data[2]);

      self->pixel = (gint) p->pixel[0];
      for (guint c = 0; c < 3; c++)
        self->at[c] = (guint8) (p->data[c] - first);
    }
  else
    begin_converting (self);
  return make_room (self, (gsize) image->width + 8 + GTF_PIXEL_SLACK / 4, p && p->colours != GTF_PLANES_RGB, error);
}

const guint8 *
gtf_image_rows_get (GtfImageRows *self, gint y)
{
  return self->image->planes && self->image->planes->colours != GTF_PLANES_RGB ? get_converted (self, y) : get_packed (self, y);
}

void
gtf_image_rows_clear (GtfImageRows *self)
{
  g_clear_pointer (&self->row, g_free);
  g_clear_pointer (&self->scratch, g_free);
  self->room = 0;
}
