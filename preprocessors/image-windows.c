/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which pixels of a row (or rows of a picture) each pixel of its resized self is made of, and with which weights: those of torchvision and of Pillow, bit for
 * bit. Both slide the same windows over the picture; they differ in how finely the weights are rounded: 32-bit weights with 22 bits behind the point
 * (Pillow), 16-bit ones with as many as the largest weight allows (torchvision).
 */
#include "image-windows.h"

#include <math.h>
#include <string.h>

#define PILLOW_PRECISION 22
#define COPY_PRECISION 14             /* of weights that are 1 */

void
gtf_windows_clear (GtfWindows *self)
{
  g_free (self->first);
  g_free (self->count);
  g_free (self->narrow);
  g_free (self->wide);
  *self = (GtfWindows) { 0 };
}

/* ---- filters ---- */

static double
sinc (double x)
{
  x *= G_PI;
  return x == 0 ? 1 : sin (x) / x;
}

static double
filter (GtfResample resample, double x)
{
  x = fabs (x);
  switch (resample)
    {
    case GTF_RESAMPLE_LANCZOS:
      return x < 3 ? sinc (x) * sinc (x / 3) : 0;
    case GTF_RESAMPLE_BICUBIC:        /* a = -0.5 */
      return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    case GTF_RESAMPLE_HAMMING:
      return x == 0 ? 1 : x < 1 ? sinc (x) * (0.54 + 0.46 * cos (G_PI * x)) : 0;
    case GTF_RESAMPLE_BILINEAR:
      return x < 1 ? 1 - x : 0;
    case GTF_RESAMPLE_BOX:
    case GTF_RESAMPLE_NEAREST:
      return x <= 0.5;                /* the ends: box () below */
    }
  return 0;
}

static double
filter_support (GtfResample resample)
{
  switch (resample)
    {
    case GTF_RESAMPLE_LANCZOS:
      return 3;
    case GTF_RESAMPLE_BICUBIC:
      return 2;
    case GTF_RESAMPLE_BILINEAR:
    case GTF_RESAMPLE_HAMMING:
      return 1;
    case GTF_RESAMPLE_BOX:
    case GTF_RESAMPLE_NEAREST:
      return 0.5;
    }
  return 1;
}

/* One side of the box belongs to it, the other to its neighbour. */
static double
box (double x)
{
  return x > -0.5 && x <= 0.5;
}

/* ---- windows ---- */

/* As many bits as keep the largest weight below 2^15. */
static guint
torchvision_precision (double largest)
{
  guint precision = 0;

  while (precision < 22 && (gint) (0.5 + largest * (double) (1 << (precision + 1))) < 1 << 15)
    precision++;
  return precision;
}

static gint32
round_weight (double weight, guint precision)
{
  double scaled = weight * (double) (1 << precision);

  return (gint32) (scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

/* Sums up to 1 and returns the largest. */
static double
fill_window (double *weights, gint first, gint count, double center, double inverse, GtfResample resample)
{
  double total = 0, largest = 0;

  for (gint i = 0; i < count; i++)
    {
      double x = (i + first - center + 0.5) * inverse;

      weights[i] = resample == GTF_RESAMPLE_BOX ? box (x) : filter (resample, x);
      total += weights[i];
    }
  for (gint i = 0; total != 0 && i < count; i++)
    {
      weights[i] = weights[i] / total;
      largest = MAX (largest, weights[i]);
    }
  return largest;
}

/* All windows in double precision: weights [n_out][stride]. Returns the largest. */
static double
find_windows (const GtfWindowsKey *key, gint *firsts, gint *counts, double *weights, gsize stride)
{
  const double scale = (double) key->n_in / key->n_out, filter_scale = MAX (scale, 1), support = filter_support (key->resample) * filter_scale;
  double largest = 0;

  for (gint i = 0; i < key->n_out; i++)
    {
      const double center = scale * (i + 0.5);
      const gint first = MAX ((gint) (center - support + 0.5), 0), end = (gint) (center + support + 0.5);
      double peak;

      firsts[i] = first;
      counts[i] = CLAMP (MIN (end, key->n_in) - first, 0, (gint) stride);
      peak = fill_window (weights + (gsize) i * stride, first, counts[i], center, 1 / filter_scale, key->resample);
      largest = MAX (largest, peak);
    }
  return largest;
}

/* The pixel in the middle of what one output covers (image processors ask torchvision for "nearest-exact"), in single and in double precision. */
static gint
nearest (const GtfWindowsKey *key, gint i)
{
  const gint from = key->style == GTF_RESIZE_PILLOW ? (gint) ((i + 0.5) * key->n_in / key->n_out) : (gint) (((float) i + 0.5f) * ((float) key->n_in / (float) key->n_out));

  return MIN (from, key->n_in - 1);
}

/* Windows as the kernels take them: places in whole fours, `taps` weights each, none of them behind the last pixel. FALSE: no memory. */
static gboolean
allocate (GtfWindows *self, gint most, gboolean wide)
{
  const gsize n = ((gsize) self->key.n + 3) & ~(gsize) 3;

  self->taps = wide ? MAX (most, 1) : most <= 2 ? 2 : (most + 3) & ~3;
  if ((gsize) self->taps > G_MAXSIZE / 16 / n)
    return FALSE;
  self->first = g_try_new0 (gint32, n);
  self->count = g_try_new0 (gint32, n);
  self->narrow = wide ? NULL : g_try_new0 (gint16, n * (gsize) self->taps);
  self->wide = wide ? g_try_new0 (gint32, n * (gsize) self->taps) : NULL;
  return self->first && self->count && (self->narrow || self->wide);
}

/* Window @i begins at @first; its weights are moved where there are not enough pixels behind it. Where they begin. */
static gsize
place (GtfWindows *self, gint i, gint first, gint count)
{
  const gint from = self->narrow ? MIN (first, MAX (self->key.n_in - self->taps, 0)) : first;

  self->first[i] = from;
  self->count[i] = count + first - from;
  return (gsize) i * (gsize) self->taps + (gsize) (first - from);
}

/* Each pixel is another one, unchanged. */
static gboolean
fill_copies (GtfWindows *self)
{
  const GtfWindowsKey *key = &self->key;

  self->precision = COPY_PRECISION;
  if (!allocate (self, 1, FALSE))
    return FALSE;
  for (gint i = 0; i < key->n; i++)
    {
      const gsize at = place (self, i, key->n_in == key->n_out ? key->begin + i : nearest (key, key->begin + i), 1);

      self->narrow[at] = 1 << COPY_PRECISION;
    }
  return TRUE;
}

static gboolean
fill_sums (GtfWindows *self)
{
  const GtfWindowsKey *key = &self->key;
  const gsize stride = (gsize) ceil (filter_support (key->resample) * MAX ((double) key->n_in / key->n_out, 1)) * 2 + 1;
  const gboolean fits = stride <= G_MAXSIZE / 16 / (gsize) key->n_out;
  g_autofree gint *firsts = g_try_new (gint, key->n_out), *counts = g_try_new (gint, key->n_out);
  g_autofree double *weights = fits ? g_try_new0 (double, stride * (gsize) key->n_out) : NULL;
  double largest;
  gint most = 0;

  if (!firsts || !counts || !weights)
    return FALSE;
  largest = find_windows (key, firsts, counts, weights, stride);
  self->precision = key->style == GTF_RESIZE_PILLOW ? PILLOW_PRECISION : torchvision_precision (largest);
  for (gint i = 0; i < key->n; i++)
    most = MAX (most, counts[key->begin + i]);
  if (!allocate (self, most, key->style == GTF_RESIZE_PILLOW))
    return FALSE;
  for (gint i = 0; i < key->n; i++)
    {
      const gint from = key->begin + i;
      const gsize at = place (self, i, firsts[from], counts[from]);

      for (gint k = 0; k < counts[from]; k++)
        {
          const gint32 weight = round_weight (weights[(gsize) from * stride + (gsize) k], self->precision);

          if (self->wide)
            self->wide[at + (gsize) k] = weight;
          else
            self->narrow[at + (gsize) k] = (gint16) weight;
        }
    }
  return TRUE;
}

gboolean
gtf_windows_find (GtfWindows *self, const GtfWindowsKey *key, GError **error)
{
  if (self->first && memcmp (&self->key, key, sizeof *key) == 0)
    return TRUE;
  gtf_windows_clear (self);
  self->key = *key;
  if ((key->resample == GTF_RESAMPLE_NEAREST || key->n_in == key->n_out ? fill_copies : fill_sums) (self))
    return TRUE;
  gtf_windows_clear (self);
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory to resize %d pixels to %d", key->n_in, key->n_out);
  return FALSE;
}
