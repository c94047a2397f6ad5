/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rows of logits, four at a time by the compiler's vectors, which every CPU that we build for has. Sums are kept in four
 * vectors of partial sums, so that neither speed nor accuracy hangs on -ffast-math.
 */
#include "generate/logits-math.h"

#include <math.h>
#include <string.h>

typedef float vf __attribute__ ((vector_size (16)));
typedef gint32 vi __attribute__ ((vector_size (16)));
#define W 4
#define UNROLL 4
#define BLOCK (W * UNROLL)

static inline vf
load (const float *x)
{
  vf v;
  memcpy (&v, x, sizeof v);
  return v;
}

static inline void
store (float *x, vf v)
{
  memcpy (x, &v, sizeof v);
}

static inline vf
splat (float x)
{
  return (vf){ x, x, x, x };
}

static inline vf
pick (vi mask, vf a, vf b)
{
  return (vf) ((mask & (vi) a) | (~mask & (vi) b));
}

/* exp (x) for x <= 88: 2^n * e^r with |r| <= ln 2 / 2 by a polynomial of degree 6 (Taylor's, its last terms rounded into
 * the first ones); relative error below 2e-7. Below -87 it is 0. */
static inline vf
exp_v (vf x)
{
  const vf magic = splat (12582912.0f);   /* 1.5 * 2^23: adding it rounds to a whole number */
  vi tiny = x < splat (-87.0f);
  x = pick (tiny, splat (-87.0f), x);
  vf shifted = x * splat (1.44269504f) + magic;
  vf n = shifted - magic;
  vf r = x - n * splat (0.693359375f);
  r = r + n * splat (2.12194440e-4f);
  vf p = splat (1.0f / 720);
  p = p * r + splat (1.0f / 120);
  p = p * r + splat (1.0f / 24);
  p = p * r + splat (1.0f / 6);
  p = p * r + splat (0.5f);
  p = p * r + splat (1.0f);
  p = p * r + splat (1.0f);
  vi exponent = ((vi) shifted - (vi) magic) << 23;
  return pick (tiny, splat (0), (vf) ((vi) p + exponent));
}

float
gtf_logits_max (const float *x, gsize n)
{
  vf best[UNROLL];
  float result = -INFINITY;
  gsize i = 0;
  for (int u = 0; u < UNROLL; u++)
    best[u] = splat (-INFINITY);
  for (; i + BLOCK <= n; i += BLOCK)
    for (int u = 0; u < UNROLL; u++)
      {
        vf v = load (x + i + u * W);
        best[u] = pick (v > best[u], v, best[u]);
      }
  for (int u = 0; u < UNROLL; u++)
    for (int w = 0; w < W; w++)
      result = best[u][w] > result ? best[u][w] : result;
  for (; i < n; i++)
    result = x[i] > result ? x[i] : result;
  return result;
}

gsize
gtf_logits_argmax (const float *x, gsize n)
{
  float best = gtf_logits_max (x, n);
  if (best == -INFINITY)
    return 0;
  for (gsize i = 0; i < n; i++)
    if (x[i] == best)
      return i;
  return 0;
}

/* sum (exp (scale * (x - shift))) */
static float
sum_exp (const float *x, gsize n, float shift, float scale)
{
  vf sum[UNROLL];
  float rest[W], result = 0;
  gsize i = 0;
  for (int u = 0; u < UNROLL; u++)
    sum[u] = splat (0);
  for (; i + BLOCK <= n; i += BLOCK)
    for (int u = 0; u < UNROLL; u++)
      sum[u] += exp_v ((load (x + i + u * W) - splat (shift)) * splat (scale));
  for (; i < n; i += W)
    {
      for (int w = 0; w < W; w++)
        rest[w] = i + w < n ? x[i + w] : -INFINITY;
      sum[0] += exp_v ((load (rest) - splat (shift)) * splat (scale));
    }
  for (int u = 0; u < UNROLL; u++)
    for (int w = 0; w < W; w++)
      result += sum[u][w];
  return result;
}

float
gtf_logits_log_sum_exp (const float *x, gsize n, float scale)
{
  float max = gtf_logits_max (x, n);
  if (max == -INFINITY || max == INFINITY)
    return max;
  return max * scale + logf (sum_exp (x, n, max, scale));
}

void
gtf_logits_log_softmax (float *x, gsize n)
{
  float lse = gtf_logits_log_sum_exp (x, n, 1);
  if (lse == -INFINITY)
    return;
  for (gsize i = 0; i < n; i++)
    x[i] -= lse;
}

void
gtf_logits_softmax (const float *x, gsize n, float *p)
{
  float max = gtf_logits_max (x, n), rest[W], inverse;
  gsize i = 0;
  if (max == -INFINITY || max == INFINITY)
    {
      /* A distribution that is none: all on the largest value, so that something can be drawn. */
      memset (p, 0, n * sizeof *p);
      p[gtf_logits_argmax (x, n)] = 1;
      return;
    }
  inverse = 1 / sum_exp (x, n, max, 1);
  for (; i + W <= n; i += W)
    store (p + i, exp_v (load (x + i) - splat (max)) * splat (inverse));
  if (i < n)
    {
      for (int w = 0; w < W; w++)
        rest[w] = i + w < n ? x[i + w] : -INFINITY;
      store (rest, exp_v (load (rest) - splat (max)) * splat (inverse));
      memcpy (p + i, rest, (n - i) * sizeof *p);
    }
}

static void
insert (float value, gsize index, gsize k, float *values, gsize *indices, gsize *n_found)
{
  gsize at = *n_found < k ? (*n_found)++ : k - 1;
  for (; at > 0 && values[at - 1] < value; at--)
    {
      values[at] = values[at - 1];
      indices[at] = indices[at - 1];
    }
  values[at] = value;
  indices[at] = index;
}

void
gtf_logits_top_k (const float *x, gsize n, gsize base, float offset, gsize k, float *values, gsize *indices, gsize *n_found)
{
  gsize i = 0;
  if (k == 0)
    return;
  for (; i < n && *n_found < k; i++)
    insert (isnan (x[i]) ? -INFINITY : x[i] + offset, base + i, k, values, indices, n_found);
  while (i < n)
    {
      /* Whole blocks below the smallest of the list are passed over by comparing vectors. */
      const vf low = splat (values[k - 1]), add = splat (offset);
      for (; i + BLOCK <= n; i += BLOCK)
        {
          vi any = load (x + i) + add > low;
          for (int u = 1; u < UNROLL; u++)
            any |= load (x + i + u * W) + add > low;
          if (any[0] | any[1] | any[2] | any[3])
            break;
        }
      for (gsize end = MIN (i + BLOCK, n); i < end; i++)
        if (x[i] + offset > values[k - 1])
          insert (x[i] + offset, base + i, k, values, indices, n_found);
    }
}

static inline gboolean
before (const float *x, gint32 a, gint32 b)
{
  return x[a] > x[b] || (x[a] == x[b] && a < b);
}

static void
sift_down (const float *x, gint32 *heap, gsize at, gsize n)
{
  gint32 item = heap[at];
  for (gsize child = 2 * at + 1; child < n; child = 2 * at + 1)
    {
      if (child + 1 < n && before (x, heap[child], heap[child + 1]))
        child++;
      if (!before (x, item, heap[child]))
        break;
      heap[at] = heap[child];
      at = child;
    }
  heap[at] = item;
}

/* Heap sort: in place, nothing allocated. */
gsize
gtf_logits_sort (const float *x, gsize n, gint32 *order)
{
  gsize count = 0;
  for (gsize i = 0; i < n; i++)
    if (x[i] > -INFINITY)
      order[count++] = (gint32) i;
  for (gsize i = count / 2; i-- > 0;)
    sift_down (x, order, i, count);
  for (gsize i = count; i-- > 1;)
    {
      gint32 last = order[0];
      order[0] = order[i];
      order[i] = last;
      sift_down (x, order, 0, i);
    }
  return count;
}
