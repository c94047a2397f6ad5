/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inner loops of the log-mel spectrogram (see spectrum.h). The transform is mixed radix by decimation in time (Cooley & Tukey
 * 1965), in place, on an input that was stored in the order of reversed digits; any prime factor works as a plain sum.
 */
#include "spectrum.h"

#include <string.h>

#define INLINE static inline __attribute__ ((always_inline))
typedef gint32 IntLanes __attribute__ ((vector_size (GTF_LANES * sizeof (gint32))));
typedef float Four __attribute__ ((vector_size (16)));
typedef gint32 FourInts __attribute__ ((vector_size (16)));
typedef GtfComplexLanes C;

#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector (a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle (a, b, (FourInts) { __VA_ARGS__ })
#endif

#define ADD(a, b) ((C) { (a).re + (b).re, (a).im + (b).im })
#define SUB(a, b) ((C) { (a).re - (b).re, (a).im - (b).im })

INLINE C
times (C a, const float *w)
{
  return (C) { a.re * w[0] - a.im * w[1], a.re * w[1] + a.im * w[0] };
}

/* Butterfly of 4 at out, out + s, ...; a, b, c, d are already turned. */
INLINE void
put_4 (C *out, guint s, C a, C b, C c, C d)
{
  C ac = ADD (a, c), ac_ = SUB (a, c), bd = ADD (b, d), bd_ = SUB (b, d);

  out[0] = ADD (ac, bd);
  out[s] = (C) { ac_.re + bd_.im, ac_.im - bd_.re };
  out[2 * s] = SUB (ac, bd);
  out[3 * s] = (C) { ac_.re - bd_.im, ac_.im + bd_.re };
}

/* Of 5: cosines and sines of 72 and 144 degrees. */
INLINE void
put_5 (C *out, guint s, C x0, C x1, C x2, C x3, C x4)
{
  const float c1 = 0.30901699437494742f, c2 = -0.80901699437494742f, s1 = 0.95105651629515357f, s2 = 0.58778525229247313f;
  C a = ADD (x1, x4), b = SUB (x1, x4), c = ADD (x2, x3), d = SUB (x2, x3);
  C e = { x0.re + c1 * a.re + c2 * c.re, x0.im + c1 * a.im + c2 * c.im };
  C f = { x0.re + c2 * a.re + c1 * c.re, x0.im + c2 * a.im + c1 * c.im };
  C g = { s1 * b.im + s2 * d.im, -(s1 * b.re + s2 * d.re) };
  C h = { s2 * b.im - s1 * d.im, -(s2 * b.re - s1 * d.re) };

  out[0] = (C) { x0.re + a.re + c.re, x0.im + a.im + c.im };
  out[s] = ADD (e, g);
  out[2 * s] = ADD (f, h);
  out[3 * s] = SUB (f, h);
  out[4 * s] = SUB (e, g);
}

/* A butterfly over any prime: a sum, through a copy. */
static void
put_any (const GtfFft *fft, guint radix, guint s, guint step, guint j, C *out, C *copy)
{
  const float *w = fft->twiddles;
  guint turn = fft->m / radix;

  for (guint q = 0; q < radix; q++)
    copy[q] = times (out[q * s], w + 2 * (gsize) ((guint64) q * j * step % fft->m));
  for (guint q = 0; q < radix; q++)
    {
      C sum = copy[0];

      for (guint p = 1; p < radix; p++)
        {
          C term = times (copy[p], w + 2 * (gsize) ((guint64) p * q % radix * turn));
          sum = ADD (sum, term);
        }
      out[q * s] = sum;
    }
}

/* All butterflies of one level in a block: s columns, each turned by its twiddles. The first level (s = 1) turns nothing. */
INLINE void
level (const GtfFft *fft, guint radix, guint s, C *out, C *copy)
{
  guint step = fft->m / (radix * s);
  const float *w = fft->twiddles;

  for (guint j = 0; j < s; j++, out++)
    {
      gsize t = 2 * (gsize) j * step;

      if (radix == 4 && s == 1)
        put_4 (out, 1, out[0], out[1], out[2], out[3]);
      else if (radix == 4)
        put_4 (out, s, out[0], times (out[s], w + t), times (out[2 * s], w + 2 * t), times (out[3 * s], w + 3 * t));
      else if (radix == 5 && s == 1)
        put_5 (out, 1, out[0], out[1], out[2], out[3], out[4]);
      else if (radix == 5)
        put_5 (out, s, out[0], times (out[s], w + t), times (out[2 * s], w + 2 * t), times (out[3 * s], w + 3 * t), times (out[4 * s], w + 4 * t));
      else if (radix == 2)
        {
          C a = out[0], b = times (out[s], w + t);
          out[0] = ADD (a, b);
          out[s] = SUB (a, b);
        }
      else
        put_any (fft, radix, s, step, j, out, copy);
    }
}

static void
transform (const GtfFft *fft, C *z, C *copy)
{
  guint s = 1;

  for (guint l = fft->n_factors; l-- > 0;)
    {
      guint radix = fft->factors[l];

      for (C *block = z; block < z + fft->m; block += s * radix)
        if (radix == 5 && s == 1)
          level (fft, 5, 1, block, copy);
        else if (radix == 4 && s == 1)
          level (fft, 4, 1, block, copy);
        else if (radix == 5)
          level (fft, 5, s, block, copy);
        else if (radix == 4)
          level (fft, 4, s, block, copy);
        else if (radix == 2)
          level (fft, 2, s, block, copy);
        else
          level (fft, radix, s, block, copy);
      s *= radix;
    }
}

static void
power (const GtfFft *fft, GtfLanes *rows, GtfLanes *out, GtfLanes *work)
{
  C *z = (C *) rows;
  guint m = fft->m;

  transform (fft, z, (C *) work);
  if (m == fft->n)
    {
      for (guint k = 0; k <= m / 2; k++)
        out[k] = z[k].re * z[k].re + z[k].im * z[k].im;
      return;
    }
  /* Even n: z holds even samples as real and odd ones as imaginary part. Bins k and m - k come from the same pair. */
  for (guint k = 0; k <= m / 2; k++)
    {
      C a = z[k], b = z[k ? m - k : 0];
      C even = { 0.5f * (a.re + b.re), 0.5f * (a.im - b.im) }, odd = { 0.5f * (a.im + b.im), -0.5f * (a.re - b.re) };
      C turned = times (odd, fft->last + 2 * k), x = ADD (even, turned), y = SUB (even, turned);

      out[k] = x.re * x.re + x.im * x.im;
      out[m - k] = y.re * y.re + y.im * y.im;
    }
}

/* Four samples of four frames: a square that is transposed. */
INLINE void
load_square (const guint *slots, const float *samples, gsize hop, const float *window, float *z)
{
  Four a, b, c, d, w;

  memcpy (&w, window, sizeof w);
  memcpy (&a, samples, sizeof a);
  memcpy (&b, samples + hop, sizeof b);
  memcpy (&c, samples + 2 * hop, sizeof c);
  memcpy (&d, samples + 3 * hop, sizeof d);
  a *= w, b *= w, c *= w, d *= w;
  Four ab = SHUFFLE (a, b, 0, 4, 1, 5), cd = SHUFFLE (c, d, 0, 4, 1, 5), ab_ = SHUFFLE (a, b, 2, 6, 3, 7), cd_ = SHUFFLE (c, d, 2, 6, 3, 7);
  *(Four *) (z + (gsize) slots[0] * GTF_LANES) = SHUFFLE (ab, cd, 0, 1, 4, 5);
  *(Four *) (z + (gsize) slots[1] * GTF_LANES) = SHUFFLE (ab, cd, 2, 3, 6, 7);
  *(Four *) (z + (gsize) slots[2] * GTF_LANES) = SHUFFLE (ab_, cd_, 0, 1, 4, 5);
  *(Four *) (z + (gsize) slots[3] * GTF_LANES) = SHUFFLE (ab_, cd_, 2, 3, 6, 7);
}

static void
load (const GtfFft *fft, const float *samples, gsize hop, const float *window, GtfLanes *z)
{
  float *flat = (float *) z;
  guint i = 0;

  for (; i + 4 <= fft->n; i += 4)
    for (guint lane = 0; lane < GTF_LANES; lane += 4)
      load_square (fft->slots + i, samples + lane * hop + i, hop, window + i, flat + lane);
  for (; i < fft->n; i++)
    for (guint lane = 0; lane < GTF_LANES; lane++)
      flat[(gsize) fft->slots[i] * GTF_LANES + lane] = samples[lane * hop + i] * window[i];
}

/* log10 of positive normal numbers: exponent plus a series in s = (m - 1) / (m + 1), m in [sqrt 1/2, sqrt 2); error below 2e-7. */
INLINE GtfLanes
log10_lanes (GtfLanes x)
{
  IntLanes bits = (IntLanes) x;
  IntLanes exponent = (bits - 0x3f3504f3) >> 23;
  GtfLanes m = (GtfLanes) (bits - (exponent << 23));
  GtfLanes s = (m - 1) / (m + 1), s2 = s * s;
  GtfLanes series = 2 * s * (1 + s2 * (0.33333333f + s2 * (0.2f + s2 * (0.14285715f + s2 * 0.11111111f))));

  return series * 0.43429448f + __builtin_convertvector (exponent, GtfLanes) * 0.30103000f;
}

INLINE GtfLanes
max_lanes (GtfLanes a, GtfLanes b)
{
  IntLanes above = a > b;

  return (GtfLanes) (((IntLanes) a & above) | ((IntLanes) b & ~above));
}

static float
filter (const GtfMelFilter *filters, guint n_filters, const GtfLanes *rows, gsize first, gsize n, gsize n_frames, float *out)
{
  const GtfLanes floor = (GtfLanes) { 0 } + 1e-10f;
  GtfLanes highest = (GtfLanes) { 0 } - 10;
  float top = -10;

  for (guint b = 0; b < n_filters; b++)
    {
      const GtfMelFilter *f = &filters[b];
      GtfLanes sum = { 0 };

      for (guint k = 0; k < f->n; k++)
        sum += rows[f->first + k] * f->weights[k];
      sum = log10_lanes (max_lanes (sum, floor));
      highest = max_lanes (highest, sum);
      if (n == GTF_LANES)
        memcpy (out + b * n_frames + first, &sum, sizeof sum);
      else
        memcpy (out + b * n_frames + first, &sum, n * sizeof (float));
    }
  for (gsize i = 0; i < n; i++)
    top = MAX (top, ((float *) &highest)[i]);
  return top;
}

static void
finish (float *x, gsize n, float lowest)
{
  gsize i = 0;

  for (; i + GTF_LANES <= n; i += GTF_LANES)
    {
      GtfLanes v;

      memcpy (&v, x + i, sizeof v);
      v = (max_lanes (v, (GtfLanes) { 0 } + lowest) + 4) * 0.25f;
      memcpy (x + i, &v, sizeof v);
    }
  for (; i < n; i++)
    x[i] = (MAX (x[i], lowest) + 4) * 0.25f;
}

const GtfSpectrum SPECTRUM = { power, load, filter, finish };
