/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The masks of a model, row by row, in the size in which they are worked with.
 */
#include "image/segments-private.h"

#include <string.h>

gboolean
masks_init (Masks *self, gsize height, gsize width, GError **error)
{
  self->height = height ? height : self->plane_height;
  self->width = width ? width : self->plane_width;
  self->seen_height = self->height;
  self->seen_width = self->width;
  return (self->height == self->plane_height && self->width == self->plane_width) ||
         (taps_init (&self->down, self->plane_height, self->height, TAPS_LINEAR, error) &&
          taps_init (&self->across, self->plane_width, self->width, TAPS_LINEAR, error));
}

void
masks_clear (Masks *self)
{
  taps_clear (&self->down);
  taps_clear (&self->across);
}

void
masks_row (const Masks *self, gsize plane, gsize y, float *to, float *scratch)
{
  const float *rows = self->planes + plane * self->plane_height * self->plane_width;

  if (self->across.n == 0)
    {
      memcpy (to, rows + y * self->plane_width, self->plane_width * sizeof (float));
      return;
    }
  memset (scratch, 0, self->plane_width * sizeof (float));
  for (guint j = 0; j < self->down.counts[y]; j++)
    {
      const float *row = rows + (self->down.firsts[y] + j) * self->plane_width, weight = self->down.weights[y * self->down.most + j];

      for (gsize x = 0; x < self->plane_width; x++)
        scratch[x] += weight * row[x];
    }
  taps_row (&self->across, scratch, to);
}
