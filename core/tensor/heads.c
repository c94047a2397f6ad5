/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is done to each head of a row by itself, beside attention.
 */
#include "tensor/rows-private.h"

#include <math.h>

static void
rms_heads_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const gint64 d = r->n / r->whole;

  for (gint64 h = 0; h < r->whole; h++, x += d, y += d)
    {
      float sum = 0;

      for (gint64 i = 0; i < d; i++)
        sum += x[i] * x[i];
      r->kernels->scale (x, 1.0f / sqrtf (sum / (float) d + r->number), d, y);
    }
}

/**
 * gtf_rms_heads:
 * @x: (nullable): [.., heads * d]
 * @n_heads: heads, side by side in the last dimension; 1: whole rows
 * @eps: added to the mean square
 *
 * Root mean square normalisation of each head, without a weight.
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_rms_heads (GtfContext *c, const GtfTensor *x, gint64 n_heads, float eps)
{
  GtfRows r = { .func = rms_heads_row, .x = x, .whole = n_heads, .number = eps };

  if (!gtf_op_begin (c, "rms_heads", 1, x))
    return NULL;
  if (n_heads < 1 || gtf_tensor_cols (x) % n_heads != 0)
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " features do not fit %" G_GINT64_FORMAT " heads", gtf_tensor_cols (x), n_heads);
      return NULL;
    }
  r.y = gtf_new_like (c, x, gtf_tensor_cols (x));
  if (r.y != NULL)
    gtf_rows_run (c, &r, 0.3);
  return r.y;
}

/* y = x - p (x v) v / (v v), head by head. */
static void
exclude_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const GtfTensor *values = r->a;
  const float *v = gtf_tensor_f32 (values) + gtf_tensor_row_offset (values, row), *parts = r->b;
  const gint64 heads = r->whole, d = r->n / heads, sharing = r->n / gtf_tensor_cols (values);

  for (gint64 h = 0; h < heads; h++)
    {
      const float *own = v + h / sharing * d;
      float product = 0, square = 0, length;

      for (gint64 i = 0; i < d; i++)
        {
          product += x[h * d + i] * own[i];
          square += own[i] * own[i];
        }
      length = MAX (sqrtf (square), 1e-12f);
      product *= parts[h] / (length * length);
      for (gint64 i = 0; i < d; i++)
        y[h * d + i] = x[h * d + i] - product * own[i];
    }
}

/**
 * gtf_exclude_values:
 * @x: (nullable): what attention gave, [.., heads * d]
 * @v: (nullable): the value of each row itself, [.., kv_heads * d]; kv_heads divides heads
 * @n_heads: heads of @x
 * @parts: (nullable): which part of it goes, [heads]: 1 all, 0 nothing
 *
 * Exclusive self-attention: of what attention gave a row, that is taken away which lies along the row's own value.
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_exclude_values (GtfContext *c, const GtfTensor *x, const GtfTensor *v, gint64 n_heads, const GtfTensor *parts)
{
  GtfRows r = { .func = exclude_row, .x = x, .a = v, .whole = n_heads };
  gint64 d;

  if (!gtf_op_begin (c, "exclude_values", 3, x, v, parts))
    return NULL;
  d = n_heads > 0 && gtf_tensor_cols (x) % n_heads == 0 ? gtf_tensor_cols (x) / n_heads : 0;
  if (d == 0 || gtf_tensor_rows (x) != gtf_tensor_rows (v) || gtf_tensor_cols (v) == 0 || gtf_tensor_cols (v) % d != 0 || gtf_tensor_cols (x) % gtf_tensor_cols (v) != 0
      || (gint64) gtf_tensor_get_n_elements (parts) != n_heads || parts->dtype != GTF_DTYPE_F32)
    {
      gtf_fail_shapes (c, x, v, "expected heads of one size, a value for each row and a part for each head");
      return NULL;
    }
  parts = gtf_packed (c, parts);
  r.y = parts != NULL ? gtf_new_like (c, x, gtf_tensor_cols (x)) : NULL;
  if (r.y == NULL)
    return NULL;
  r.b = gtf_tensor_f32 (parts);
  gtf_rows_run (c, &r, 0.6);
  return r.y;
}
