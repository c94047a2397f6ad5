/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All kernels, written once over the names of a vec-*.h: vf (a vector of VW floats), v_load, v_fma, ... Each ISA builds it
 * with its own flags (kernels-<isa>.c) into a table of its own.
 */
#include <float.h>
#include "kernels/kernels.h"
#include "kernels/memory.h"
#include "kernels/half.h"
#include "kernels/math.inc.c"
#include "kernels/tiles.inc.c"

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static void
add (const float *a, const float *b, gint64 n, float *y)
{
  gint64 i = 0;

  for (; i + VW <= n; i += VW)
    v_store (y + i, v_add (v_load (a + i), v_load (b + i)));
  if (i < n)
    v_store_n (y + i, v_add (v_load_n (a + i, n - i), v_load_n (b + i, n - i)), n - i);
}

static void
scale (const float *x, float factor, gint64 n, float *y)
{
  vf f = v_set1 (factor);
  gint64 i = 0;

  for (; i + VW <= n; i += VW)
    v_store (y + i, v_mul (v_load (x + i), f));
  if (i < n)
    v_store_n (y + i, v_mul (v_load_n (x + i, n - i), f), n - i);
}

static void
multiply (const float *a, const float *b, gint64 n, float *y)
{
  gint64 i = 0;

  for (; i + VW <= n; i += VW)
    v_store (y + i, v_mul (v_load (a + i), v_load (b + i)));
  if (i < n)
    v_store_n (y + i, v_mul (v_load_n (a + i, n - i), v_load_n (b + i, n - i)), n - i);
}

static void
rotate (const float *x, const float *cosines, const float *sines, gint64 half, float *y)
{
  vf zero = v_set1 (0.0f);
  gint64 i = 0;

  for (; i + VW <= half; i += VW)
    {
      vf a = v_load (x + i), b = v_load (x + half + i), cosine = v_load (cosines + i), sine = v_load (sines + i);
      v_store (y + i, v_fma (v_sub (zero, b), sine, v_mul (a, cosine)));
      v_store (y + half + i, v_fma (a, sine, v_mul (b, cosine)));
    }
  for (; i < half; i++)
    {
      float a = x[i], b = x[half + i];
      y[i] = a * cosines[i] - b * sines[i];
      y[half + i] = b * cosines[i] + a * sines[i];
    }
}

static float
row_sum (const float *x, gint64 n)
{
  vf s = v_set1 (0.0f);
  gint64 i = 0;

  for (; i + VW <= n; i += VW)
    s = v_add (s, v_load (x + i));
  if (i < n)
    s = v_add (s, v_load_n (x + i, n - i));
  return v_sum (s);
}

/* Sum of (x - mean)^2. Lanes beyond the end must not count (mean)^2, so the rest is done one by one. */
static float
row_squares (const float *x, float mean, gint64 n)
{
  vf m = v_set1 (mean), s = v_set1 (0.0f);
  gint64 i = 0;
  float sum;

  for (; i + VW <= n; i += VW)
    {
      vf d = v_sub (v_load (x + i), m);
      s = v_fma (d, d, s);
    }
  sum = v_sum (s);
  for (; i < n; i++)
    sum += (x[i] - mean) * (x[i] - mean);
  return sum;
}

/* y = (x - mean) * factor * w + b */
static void
normalize (const float *x, float mean, float factor, const float *w, const float *b, gint64 n, float *y)
{
  vf f = v_set1 (factor), m = v_set1 (mean), zero = v_set1 (0.0f);
  gint64 i = 0;

  for (; i + VW <= n; i += VW)
    v_store (y + i, v_fma (v_mul (v_sub (v_load (x + i), m), f), v_load (w + i), b != NULL ? v_load (b + i) : zero));
  if (i < n)
    v_store_n (y + i,
               v_fma (v_mul (v_sub (v_load_n (x + i, n - i), m), f), v_load_n (w + i, n - i), b != NULL ? v_load_n (b + i, n - i) : zero),
               n - i);
}

static void
layer_norm (const float *x, const float *w, const float *b, float eps, gint64 n, float *y)
{
  float mean = row_sum (x, n) / (float) n;
  float variance = row_squares (x, mean, n) / (float) n;

  normalize (x, mean, 1.0f / sqrtf (variance + eps), w, b, n, y);
}

static void
rms_norm (const float *x, const float *w, const float *b, float eps, gint64 n, float *y)
{
  float square = row_squares (x, 0.0f, n) / (float) n;

  normalize (x, 0.0f, 1.0f / sqrtf (square + eps), w, b, n, y);
}

static float
row_max (const float *x, gint64 n)
{
  vf low = v_set1 (-INFINITY), m[4] = { low, low, low, low };
  gint64 i = 0;
  float top;

  for (; i + 4 * VW <= n; i += 4 * VW)
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
      m[j] = v_max (v_load (x + i + j * VW), m[j]);
  top = v_top (v_max (v_max (m[0], m[1]), v_max (m[2], m[3])));
  for (; i < n; i++)
    top = x[i] > top ? x[i] : top;
  return top;
}

/* y = exp (x - top); gives the sum. */
static float
row_exp (const float *x, float top, gint64 n, float *y)
{
  vf t = v_set1 (top), s = v_set1 (0.0f);
  gint64 i = 0;
  float sum;

  for (; i + VW <= n; i += VW)
    {
      vf e = v_exp (v_sub (v_load (x + i), t));
      v_store (y + i, e);
      s = v_add (s, e);
    }
  sum = v_sum (s);
  if (i < n)
    {
      v_store_n (y + i, v_exp (v_sub (v_load_n (x + i, n - i), t)), n - i);
      for (; i < n; i++)
        sum += y[i];
    }
  return sum;
}

static void
softmax (const float *x, gint64 n, float *y)
{
  float sum = row_exp (x, row_max (x, n), n, y);

  scale (y, 1.0f / sum, n, y);
}

/* In blocks through the stack: x and y may be the same, and exp (x) is needed only as a sum. */
static void
log_softmax (const float *x, gint64 n, float *y)
{
  float top = row_max (x, n), block[256];
  double sum = 0.0;
  vf shift;
  gint64 i;

  for (i = 0; i < n; i += 256)
    sum += row_exp (x + i, top, MIN (256, n - i), block);
  shift = v_set1 (top);
  {
    float log_sum = (float) log (sum);
    vf l = v_set1 (log_sum);
    for (i = 0; i + VW <= n; i += VW)
      v_store (y + i, v_sub (v_sub (v_load (x + i), shift), l));
    for (; i < n; i++)
      y[i] = (x[i] - top) - log_sum;
  }
}

static void
widen (GtfDtype type, const void *x, gint64 n, float *y)
{
  const guint16 *h = x;
  gint64 i = 0;

  if (type == GTF_DTYPE_F32)
    memcpy (y, x, (gsize) n * sizeof *y);
  else if (type == GTF_DTYPE_BF16)
    for (; i < n; i++)
      {
        guint16 b;      /* a file may place it at an odd address */
        memcpy (&b, h + i, sizeof b);
        y[i] = gtf_bf16_to_f32 (b);
      }
  else
    {
#ifdef V_HAS_HALF
      for (; i + VW <= n; i += VW)
        v_store (y + i, v_load_f16 (h + i));
#endif
      for (; i < n; i++)
        {
          guint16 b;
          memcpy (&b, h + i, sizeof b);
          y[i] = gtf_f16_to_f32 (b);
        }
    }
}

static void
to_bf16 (const float *x, gint64 n, guint16 *y)
{
  gint64 i = 0;

#ifdef KERNELS_AMX
  for (; i + 2 * VW <= n; i += 2 * VW)
    _mm512_storeu_si512 (y + i, (__m512i) _mm512_cvtne2ps_pbh (v_load (x + i + VW), v_load (x + i)));
#endif
  for (; i < n; i++)
    y[i] = gtf_f32_to_bf16 (x[i]);
}

/* y = act (sum of rows, each with its weight, + residual) */
static void
mix (const GtfMix *t, const float *const *rows, const float *residual, float *y)
{
  for (gint64 i = 0; i < t->n; i += VW)
    {
      const gint64 some = MIN (VW, t->n - i);
      vf sum = residual == NULL ? v_set1 (0.0f) : some == VW ? v_load (residual + i) : v_load_n (residual + i, some);

      for (gint64 k = 0; k < t->n_rows; k++)
        sum = v_fma (some == VW ? v_load (rows[k] + i) : v_load_n (rows[k] + i, some), v_set1 (t->weights[k]), sum);
      if (some == VW)
        v_store (y + i, sum);
      else
        v_store_n (y + i, sum, some);
    }
  if (t->act != GTF_ACTIVATION_NONE)
    activate (t->act, y, t->n, y);
}

#ifdef KERNELS_AMX
#include "kernels/amx.inc.c"
#endif
#include "kernels/gemm.inc.c"
#include "kernels/attention.inc.c"
#include "kernels/conv.inc.c"
#ifdef KERNELS_AMX
#include "kernels/conv-amx.inc.c"
#else
#define windows_by_tiles NULL
#endif
#include "kernels/winograd.inc.c"
#include "kernels/pixels.inc.c"

#define TABLE2(isa) gtf_kernels_##isa
#define TABLE(isa) TABLE2 (isa)
#define NAME2(isa) #isa
#define NAME(isa) NAME2 (isa)

const GtfKernels TABLE (ISA) = {
  NAME (ISA), gemm, attention, pack_size, pack_head, layer_norm, rms_norm, softmax, log_softmax, activate, add, scale, multiply, rotate, widen, to_bf16,
  conv, windows_by_tiles, taps, winograd_in, winograd_out, maximum, mix, across, down, levels, yuv_row
};
