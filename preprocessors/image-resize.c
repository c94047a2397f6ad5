/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Resizing of 8-bit pictures with antialiasing, bit for bit as torchvision and Pillow do it. Both slide the same windows over the
 * picture, across first and then down, and round to 8 bits in between; they differ in how finely the weights are rounded: 32-bit
 * weights with 22 bits behind the point (Pillow), 16-bit ones with as many as the largest weight allows (torchvision).
 */
#include "image.h"

#include <math.h>
#include <string.h>

#define PILLOW_PRECISION 22

/* For each of n_out places: the first of the inputs it is made of, how many, and their weights. */
typedef struct
{
  gint *first, *count;
  gint32 *weights;      /* [n_out][stride] */
  gsize stride;
  guint precision;      /* bits behind the point */
} Windows;

static void
windows_clear (Windows *self)
{
  g_free (self->first);
  g_free (self->count);
  g_free (self->weights);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Windows, windows_clear)

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

static gboolean
windows_init (Windows *self, gint n_in, gint n_out, GtfResample resample, GtfResizeStyle style, GError **error)
{
  double scale = (double) n_in / n_out, filter_scale = MAX (scale, 1), support = filter_support (resample) * filter_scale, largest = 0;
  gsize stride = (gsize) ceil (support) * 2 + 1;
  g_autofree double *weights = NULL;

  self->stride = stride;
  self->first = g_try_new (gint, n_out);
  self->count = g_try_new (gint, n_out);
  self->weights = stride <= G_MAXSIZE / 16 / (gsize) n_out ? g_try_new0 (gint32, stride * (gsize) n_out) : NULL;
  weights = self->weights ? g_try_new0 (double, stride * (gsize) n_out) : NULL;
  if (!self->first || !self->count || !weights)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory to resize %d pixels to %d", n_in, n_out);
      return FALSE;
    }
  for (gint i = 0; i < n_out; i++)
    {
      double center = scale * (i + 0.5), peak;
      gint first = (gint) (center - support + 0.5), end = (gint) (center + support + 0.5);

      first = MAX (first, 0);
      self->first[i] = first;
      self->count[i] = CLAMP (MIN (end, n_in) - first, 0, (gint) stride);
      peak = fill_window (weights + (gsize) i * stride, first, self->count[i], center, 1 / filter_scale, resample);
      largest = MAX (largest, peak);
    }
  self->precision = style == GTF_RESIZE_PILLOW ? PILLOW_PRECISION : torchvision_precision (largest);
  for (gsize i = 0; i < stride * (gsize) n_out; i++)
    self->weights[i] = round_weight (weights[i], self->precision);
  return TRUE;
}

/* ---- passes ---- */

static inline guint8
to_byte (gint32 sum, guint precision)
{
  return (guint8) CLAMP (sum >> precision, 0, 255);
}

static void
pass_across (const GtfImage *in, GtfImage *out, const Windows *windows)
{
  gint32 half = (gint32) 1 << (windows->precision ? windows->precision - 1 : 0);

  for (gint y = 0; y < out->height; y++)
    {
      const guint8 *row = in->pixels + (gsize) y * (gsize) in->width * 3;
      guint8 *to = out->pixels + (gsize) y * (gsize) out->width * 3;

      for (gint x = 0; x < out->width; x++, to += 3)
        {
          const gint32 *weights = windows->weights + (gsize) x * windows->stride;
          const guint8 *from = row + (gsize) windows->first[x] * 3;
          gint32 r = half, g = half, b = half;

          for (gint i = 0; i < windows->count[x]; i++, from += 3)
            {
              r += from[0] * weights[i];
              g += from[1] * weights[i];
              b += from[2] * weights[i];
            }
          to[0] = to_byte (r, windows->precision);
          to[1] = to_byte (g, windows->precision);
          to[2] = to_byte (b, windows->precision);
        }
    }
}

static gboolean
pass_down (const GtfImage *in, GtfImage *out, const Windows *windows, GError **error)
{
  gint32 half = (gint32) 1 << (windows->precision ? windows->precision - 1 : 0);
  gsize n = (gsize) out->width * 3;
  g_autofree gint32 *sums = g_try_new (gint32, n);

  if (!sums)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory to resize to a width of %d", out->width);
      return FALSE;
    }
  for (gint y = 0; y < out->height; y++)
    {
      const gint32 *weights = windows->weights + (gsize) y * windows->stride;
      guint8 *to = out->pixels + (gsize) y * n;

      for (gsize x = 0; x < n; x++)
        sums[x] = half;
      for (gint i = 0; i < windows->count[y]; i++)
        {
          const guint8 *from = in->pixels + (gsize) (windows->first[y] + i) * n;
          gint32 weight = weights[i];

          for (gsize x = 0; x < n; x++)
            sums[x] += from[x] * weight;
        }
      for (gsize x = 0; x < n; x++)
        to[x] = to_byte (sums[x], windows->precision);
    }
  return TRUE;
}

/* Both take the pixel in the middle of what one output covers (image processors ask torchvision for "nearest-exact"), in single and
 * in double precision. */
static void
take_nearest (const GtfImage *in, GtfImage *out, GtfResizeStyle style)
{
  float scale_x = (float) in->width / (float) out->width, scale_y = (float) in->height / (float) out->height;

  for (gint y = 0; y < out->height; y++)
    {
      gint from_y = style == GTF_RESIZE_PILLOW ? (gint) ((y + 0.5) * in->height / out->height) : (gint) (((float) y + 0.5f) * scale_y);
      const guint8 *row = in->pixels + (gsize) MIN (from_y, in->height - 1) * (gsize) in->width * 3;
      guint8 *to = out->pixels + (gsize) y * (gsize) out->width * 3;

      for (gint x = 0; x < out->width; x++, to += 3)
        {
          gint from_x = style == GTF_RESIZE_PILLOW ? (gint) ((x + 0.5) * in->width / out->width) : (gint) (((float) x + 0.5f) * scale_x);

          memcpy (to, row + (gsize) MIN (from_x, in->width - 1) * 3, 3);
        }
    }
}

/* image: at least 1 x 1; width, height >= 1. */
GtfImage *
gtf_image_resize (const GtfImage *image, gint width, gint height, GtfResample resample, GtfResizeStyle style, GError **error)
{
  g_autoptr (GtfImage) across = NULL, out = NULL;
  g_auto (Windows) wide = { 0 }, high = { 0 };
  const GtfImage *from = image;

  if (resample == GTF_RESAMPLE_NEAREST)
    {
      out = gtf_image_new (width, height, error);
      if (out)
        take_nearest (image, out, style);
      return g_steal_pointer (&out);
    }
  if (width != image->width || height == image->height)
    {
      across = gtf_image_new (width, image->height, error);
      if (!across)
        return NULL;
      if (width == image->width)
        memcpy (across->pixels, image->pixels, (gsize) width * (gsize) height * 3);
      else if (!windows_init (&wide, image->width, width, resample, style, error))
        return NULL;
      else
        pass_across (image, across, &wide);
      from = across;
    }
  if (height == image->height)
    return g_steal_pointer (&across);
  out = gtf_image_new (width, height, error);
  if (!out || !windows_init (&high, image->height, height, resample, style, error) || !pass_down (from, out, &high, error))
    return NULL;
  return g_steal_pointer (&out);
}
