/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Discrete Fourier transform of real frames of any length, sixteen frames side by side: every number is a vector whose lanes
 * are sixteen different frames, so each butterfly is plain vector arithmetic without a shuffle, and n = 400 (Whisper) costs
 * what n = 512 would.
 *
 * An even n is one complex transform of n / 2 (even samples real, odd samples imaginary) and a last butterfly; an odd n runs
 * as a complex transform of n with imaginary part 0. This file makes the tables; the arithmetic is spectrum.inc.c.
 */
#include "audio.h"

#include <math.h>

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

/* Where number i of the complex transform stands: its digits in the mixed radix reversed. */
static guint
reversed (const GtfFft *self, guint i)
{
  guint at = 0, block = self->m;

  for (guint level = 0; level < self->n_factors; level++)
    {
      block /= self->factors[level];
      at += i % self->factors[level] * block;
      i /= self->factors[level];
    }
  return at;
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
  self->slots = g_new (guint, n);
  for (guint i = 0; i < n; i++)
    self->slots[i] = n % 2 ? 2 * reversed (self, i) : 2 * reversed (self, i / 2) + i % 2;
  return self;
}

void
gtf_fft_free (GtfFft *self)
{
  if (!self)
    return;
  g_free (self->twiddles);
  g_free (self->last);
  g_free (self->slots);
  g_free (self);
}

const GtfSpectrum *
gtf_spectrum_get (void)
{
#ifdef GTF_SPECTRUM_X86
  const char *limit = g_getenv ("GTF_ISA");      /* as in core/kernels: above avx512 there is nothing more here */

  if (limit && g_str_equal (limit, "generic"))
    return &gtf_spectrum_generic;
  if (__builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512dq") && __builtin_cpu_supports ("avx512bw") && __builtin_cpu_supports ("avx512vl") && (!limit || !g_str_equal (limit, "avx2")))
    return &gtf_spectrum_v4;
  if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma"))
    return &gtf_spectrum_v3;
#endif
  return &gtf_spectrum_generic;
}
