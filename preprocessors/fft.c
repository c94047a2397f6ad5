/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Discrete Fourier transform of real frames of any length, sixteen frames side by side: every number is a vector whose lanes
 * are sixteen different frames, so each butterfly is plain vector arithmetic without a shuffle, and n = 400 (Whisper) costs
 * what n = 512 would.
 *
 * An even n is one complex transform of n / 2 (even samples real, odd samples imaginary) and a last butterfly; an odd n runs
 * as a complex transform of n with imaginary part 0. Mixed radix by decimation in time (Cooley & Tukey 1965); any prime factor works as a plain DFT of that size.
 */
#include "audio.h"

#include <math.h>
#include <string.h>

#define MAX_FACTORS 32

struct _GtfFft
{
  guint n, m;                 /* frame length; length of the complex transform */
  guint n_factors, factors[MAX_FACTORS];
  float *twiddles;            /* e^(-2 pi i k / m), k < m, as pairs */
  guint *order;               /* decimation in time wants its input by reversed digits */
  float *last;                /* e^(-2 pi i k / n), k <= n / 2, as pairs (even n) */
};

static float *
roots (guint n, guint count)
{
  float *w = g_new (float, 2 * MAX (count, 1));

  for (guint k = 0; k < count; k++)
    {
      w[2 * k] = (float) cos (2 * G_PI * k / n);
      w[2 * k + 1] = (float) -sin (2 * G_PI * k / n);
    }
  return w;
}

static guint *
reversed_digits (const GtfFft *self)
{
  guint *order = g_new (guint, self->m);

  for (guint i = 0; i < self->m; i++)
    {
      guint rest = i, digits[MAX_FACTORS], scale = 1;

      order[i] = 0;
      for (gint level = (gint) self->n_factors - 1; level >= 0; level--)
        {
          digits[level] = rest % self->factors[level];
          rest /= self->factors[level];
        }
      for (guint level = 0; level < self->n_factors; level++)
        {
          order[i] += digits[level] * scale;
          scale *= self->factors[level];
        }
    }
  return order;
}

/* n: 2 ... 32768, from a checked config */
GtfFft *
gtf_fft_new (guint n)
{
  GtfFft *self = g_new0 (GtfFft, 1);
  guint rest;

  self->n = n;
  self->m = n % 2 ? n : n / 2;
  rest = self->m;
  for (guint f = 4; rest > 1; f = f == 4 ? 2 : f == 2 ? 3 : f + 2)
    while (rest % f == 0)
      {
        self->factors[self->n_factors++] = f;
        rest /= f;
      }
  self->twiddles = roots (self->m, self->m);
  self->last = roots (n, n / 2 + 1);
  self->order = reversed_digits (self);
  return self;
}

void
gtf_fft_free (GtfFft *self)
{
  if (!self)
    return;
  g_free (self->twiddles);
  g_free (self->last);
  g_free (self->order);
  g_free (self);
}

typedef struct
{
  GtfLanes re, im;
} Complex;

static inline __attribute__ ((always_inline)) Complex
times (Complex a, float re, float im)
{
  return (Complex) { a.re * re - a.im * im, a.re * im + a.im * re };
}

/* One butterfly of any radix over n_inner columns: out[j + q * n_inner]. twiddle step: m / (radix * n_inner). */
static inline __attribute__ ((always_inline)) void
butterflies (const GtfFft *self, guint radix, guint n_inner, Complex *out)
{
  guint step = self->m / (radix * n_inner);
  const float *w = self->twiddles;

  for (guint j = 0; j < n_inner; j++)
    {
      if (radix == 4)
        {
          Complex a = out[j];
          Complex b = times (out[j + n_inner], w[2 * j * step], w[2 * j * step + 1]);
          Complex c = times (out[j + 2 * n_inner], w[4 * j * step], w[4 * j * step + 1]);
          Complex d = times (out[j + 3 * n_inner], w[6 * j * step], w[6 * j * step + 1]);
          Complex ac = { a.re + c.re, a.im + c.im }, ac_ = { a.re - c.re, a.im - c.im };
          Complex bd = { b.re + d.re, b.im + d.im }, bd_ = { b.re - d.re, b.im - d.im };
          out[j] = (Complex) { ac.re + bd.re, ac.im + bd.im };
          out[j + n_inner] = (Complex) { ac_.re + bd_.im, ac_.im - bd_.re };
          out[j + 2 * n_inner] = (Complex) { ac.re - bd.re, ac.im - bd.im };
          out[j + 3 * n_inner] = (Complex) { ac_.re - bd_.im, ac_.im + bd_.re };
        }
      else if (radix == 2)
        {
          Complex a = out[j], b = times (out[j + n_inner], w[2 * j * step], w[2 * j * step + 1]);
          out[j] = (Complex) { a.re + b.re, a.im + b.im };
          out[j + n_inner] = (Complex) { a.re - b.re, a.im - b.im };
        }
      else if (radix <= 8)
        {
          Complex x[8];

          for (guint q = 0; q < radix; q++)
            x[q] = times (out[j + q * n_inner], w[2 * ((q * j * step) % self->m)], w[2 * ((q * j * step) % self->m) + 1]);
          for (guint q = 0; q < radix; q++)
            {
              Complex sum = x[0];

              for (guint p = 1; p < radix; p++)
                {
                  guint k = (guint) (((guint64) p * q * (self->m / radix)) % self->m);
                  Complex term = times (x[p], w[2 * k], w[2 * k + 1]);
                  sum.re += term.re;
                  sum.im += term.im;
                }
              out[j + q * n_inner] = sum;
            }
        }
    }
}

/* Prime factors above 8: one column at a time through a copy behind the outputs. */
static void
large_butterflies (const GtfFft *self, guint radix, guint n_inner, Complex *out, Complex *copy)
{
  guint step = self->m / (radix * n_inner);
  const float *w = self->twiddles;

  for (guint j = 0; j < n_inner; j++)
    {
      for (guint q = 0; q < radix; q++)
        {
          guint k = (guint) (((guint64) q * j * step) % self->m);
          copy[q] = times (out[j + q * n_inner], w[2 * k], w[2 * k + 1]);
        }
      for (guint q = 0; q < radix; q++)
        {
          Complex sum = copy[0];

          for (guint p = 1; p < radix; p++)
            {
              guint k = (guint) (((guint64) p * q * (self->m / radix)) % self->m);
              Complex term = times (copy[p], w[2 * k], w[2 * k + 1]);
              sum.re += term.re;
              sum.im += term.im;
            }
          out[j + q * n_inner] = sum;
        }
    }
}

__attribute__ ((target_clones ("arch=x86-64-v4", "arch=x86-64-v3", "default"))) static void
transform (const GtfFft *self, const Complex *in, Complex *out, Complex *copy)
{
  guint m = self->m, done = 1;

  for (guint i = 0; i < m; i++)
    out[i] = in[self->order[i]];
  for (gint level = (gint) self->n_factors - 1; level >= 0; level--)
    {
      guint radix = self->factors[level];
      guint block = done * radix;

      for (guint start = 0; start < m; start += block)
        if (radix == 4)
          butterflies (self, 4, done, out + start);
        else if (radix == 2)
          butterflies (self, 2, done, out + start);
        else if (radix == 5)
          butterflies (self, 5, done, out + start);
        else if (radix <= 8)
          butterflies (self, radix, done, out + start);
        else
          large_butterflies (self, radix, done, out + start, copy);
      done = block;
    }
}

__attribute__ ((target_clones ("arch=x86-64-v4", "arch=x86-64-v3", "default"))) void
gtf_fft_power (const GtfFft *self, GtfLanes *x, GtfLanes *power, GtfLanes *work)
{
  Complex *z = (Complex *) work;
  guint n = self->n, m = self->m;

  if (n % 2)
    {
      Complex *in = (Complex *) work + n;

      for (guint i = 0; i < n; i++)
        in[i] = (Complex) { x[i], x[i] - x[i] };
      transform (self, in, z, in);
      for (guint k = 0; k <= n / 2; k++)
        power[k] = z[k].re * z[k].re + z[k].im * z[k].im;
      return;
    }
  transform (self, (const Complex *) x, z, z + m);
  for (guint k = 0; k <= m; k++)
    {
      Complex a = z[k % m], b = z[(m - k) % m];
      Complex even = { 0.5f * (a.re + b.re), 0.5f * (a.im - b.im) };
      Complex odd = { 0.5f * (a.im + b.im), -0.5f * (a.re - b.re) };
      Complex turned = times (odd, self->last[2 * k], self->last[2 * k + 1]);
      GtfLanes re = even.re + turned.re, im = even.im + turned.im;

      power[k] = re * re + im * im;
    }
}
