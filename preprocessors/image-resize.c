/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Resizing and cropping, one row at a time: rows of the picture are resized across when a row of the result first needs them, and those that the next rows need
 * too are kept in a ring. So a picture, or a frame of video, is never there as a whole in between, and what a crop cuts off is not computed.
 */
#include "image-resize.h"

#include <string.h>

void
gtf_resizer_clear (GtfResizer *self)
{
  gtf_image_rows_clear (&self->source);
  gtf_windows_clear (&self->wide);
  gtf_windows_clear (&self->high);
  g_free (self->ring);
  g_free (self->held);
  g_free (self->rows);
  *self = (GtfResizer) { 0 };
}

/* The part of [0, n) that is covered by @size pixels from @at on. */
static void
cover (gint at, gint size, gint n, gint *first, gint *end)
{
  *first = CLAMP (at, 0, n);
  *end = CLAMP (at + size, *first, n);
}

/* The ring, and behind it a row for the sum and one of the ground. */
static gboolean
make_ring (GtfResizer *self, GError **error)
{
  gsize size;
  gint slots = 1;

  for (gint i = 0; i < self->high.key.n; i++)
    slots = MAX (slots, self->high.count[i]);
  self->stride = ((gint64) self->what.out.width + 4 + GTF_PIXEL_RUN - 1) / GTF_PIXEL_RUN * GTF_PIXEL_RUN;
  size = ((gsize) slots + 2) * 3 * (gsize) self->stride;
  if (size > self->ring_size || slots > self->slots)
    {
      g_free (self->ring);
      g_free (self->held);
      g_free (self->rows);
      self->ring = g_try_malloc (size);
      self->held = g_try_new (gint, slots);
      self->rows = g_try_new (const guint8 *, slots);
      self->ring_size = self->ring && self->held && self->rows ? size : 0;
      if (!self->ring_size)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory to resize to a width of %d", self->what.out.width);
          return FALSE;
        }
    }
  self->slots = slots;
  for (gint i = 0; i < 3 * (slots + 2); i++)
    memset (self->ring + (gsize) i * (gsize) self->stride, self->what.ground[i % 3], (gsize) self->stride);
  for (gint i = 0; i < slots; i++)
    self->held[i] = -1;
  self->sum = self->ring + (gsize) slots * 3 * (gsize) self->stride;
  self->black = self->sum + 3 * self->stride;
  return TRUE;
}

gboolean
gtf_resizer_begin (GtfResizer *self, const GtfImage *image, const GtfResize *what, GError **error)
{
  gint first, end;

  self->what = *what;
  cover (what->left, what->to.width, what->out.width, &self->first_x, &end);
  if (!gtf_windows_find (&self->wide, &(GtfWindowsKey) { image->width, what->to.width, self->first_x - what->left, end - self->first_x, what->resample, what->style }, error))
    return FALSE;
  cover (what->top, what->to.height, what->out.height, &first, &end);
  self->first_y = first;
  if (!gtf_windows_find (&self->high, &(GtfWindowsKey) { image->height, what->to.height, first - what->top, end - first, what->resample, what->style }, error))
    return FALSE;
  if (!gtf_image_rows_begin (&self->source, image, error) || !make_ring (self, error))
    return FALSE;
  self->across = (GtfAcross) { .n = self->wide.key.n, .taps = self->wide.taps, .first = self->wide.first, .narrow = self->wide.narrow, .wide = self->wide.wide,
                               .precision = self->wide.precision, .pixel = self->source.pixel, .at = { self->source.at[0], self->source.at[1], self->source.at[2] }, .stride = self->stride };
  return TRUE;
}

/* Row @y of the picture, resized across. */
static const guint8 *
get_across (GtfResizer *self, gint y)
{
  const gint slot = y % self->slots;
  guint8 *row = self->ring + (gsize) slot * 3 * (gsize) self->stride;

  if (self->held[slot] != y)
    {
      gtf_kernels_get ()->across (&self->across, gtf_image_rows_get (&self->source, y), row + self->first_x);
      self->held[slot] = y;
    }
  return row;
}

const guint8 *
gtf_resizer_get (GtfResizer *self, gint y)
{
  const GtfWindows *high = &self->high;
  const gint i = y - self->first_y, count = i >= 0 && i < high->key.n ? high->count[i] : 0;
  GtfDown task = { .n = 3 * self->stride, .taps = count, .precision = high->precision };

  if (i < 0 || i >= high->key.n || self->wide.key.n == 0)
    return self->black;
  for (gint k = 0; k < count; k++)
    self->rows[k] = get_across (self, high->first[i] + k);
  if (high->key.resample == GTF_RESAMPLE_NEAREST || high->key.n_in == high->key.n_out)
    return self->rows[count - 1];
  task.narrow = high->narrow ? high->narrow + (gsize) i * (gsize) high->taps : NULL;
  task.wide = high->wide ? high->wide + (gsize) i * (gsize) high->taps : NULL;
  gtf_kernels_get ()->down (&task, self->rows, self->sum);
  return self->sum;
}
