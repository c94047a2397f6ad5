/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rows of another size: for each new pixel the old ones that it is made of, as torch.nn.functional.interpolate () finds them. The same table
 * serves a picture across and down.
 */
#include "image/segments-private.h"

#include <math.h>

static gboolean
allocate (Taps *self, gsize from, gsize to, gsize most, GError **error)
{
  self->n = to;
  self->most = most;
  self->firsts = g_try_new0 (guint, to);
  self->counts = g_try_new0 (guint, to);
  self->weights = g_try_new0 (float, to * most);
  if (self->firsts && self->counts && self->weights)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory to bring a mask from %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT " pixels", from, to);
  return FALSE;
}

static void
set_nearest (Taps *self, gsize i, gsize from, float scale)
{
  self->firsts[i] = (guint) MIN ((gsize) floorf ((float) i * scale), from - 1);
  self->counts[i] = 1;
  self->weights[i * self->most] = 1;
}

static void
set_linear (Taps *self, gsize i, gsize from, float scale)
{
  const float at = fmaxf (scale * ((float) i + 0.5f) - 0.5f, 0);
  const gsize first = MIN ((gsize) at, from - 1);
  const float part = fminf (at - (float) first, 1);
  float *w = self->weights + i * self->most;

  self->firsts[i] = (guint) first;
  self->counts[i] = first + 1 < from ? 2 : 1;
  w[0] = first + 1 < from ? 1 - part : 1;
  w[1] = part;
}

static void
set_smooth (Taps *self, gsize i, gsize from, float scale, float support)
{
  const float centre = scale * ((float) i + 0.5f), inverse = scale >= 1 ? 1 / scale : 1;
  const gint64 first = MAX ((gint64) (centre - support + 0.5f), 0), end = MIN ((gint64) (centre + support + 0.5f), (gint64) from);
  float *w = self->weights + i * self->most, sum = 0;

  self->firsts[i] = (guint) first;
  self->counts[i] = (guint) CLAMP (end - first, 0, (gint64) self->most);
  for (guint j = 0; j < self->counts[i]; j++)
    sum += w[j] = fmaxf (1 - fabsf (((float) (first + j) - centre + 0.5f) * inverse), 0);
  for (guint j = 0; sum != 0 && j < self->counts[i]; j++)
    w[j] /= sum;
}

gboolean
taps_init (Taps *self, gsize from, gsize to, TapsKind kind, GError **error)
{
  const float scale = (float) from / (float) to, support = MAX (scale, 1);

  *self = (Taps) { 0 };
  if (!allocate (self, from, to, kind == TAPS_SMOOTH ? (gsize) ceilf (support) * 2 + 1 : 2, error))
    return FALSE;
  for (gsize i = 0; i < to; i++)
    if (kind == TAPS_NEAREST)
      set_nearest (self, i, from, scale);
    else if (kind == TAPS_LINEAR)
      set_linear (self, i, from, scale);
    else
      set_smooth (self, i, from, scale, support);
  return TRUE;
}

void
taps_clear (Taps *self)
{
  g_clear_pointer (&self->firsts, g_free);
  g_clear_pointer (&self->counts, g_free);
  g_clear_pointer (&self->weights, g_free);
}

void
taps_row (const Taps *self, const float *from, float *to)
{
  for (gsize i = 0; i < self->n; i++)
    {
      const float *x = from + self->firsts[i], *w = self->weights + i * self->most;
      float sum = 0;

      for (guint j = 0; j < self->counts[i]; j++)
        sum += w[j] * x[j];
      to[i] = sum;
    }
}
