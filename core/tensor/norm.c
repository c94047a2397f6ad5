/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Normalisation over the last dimension.
 */
#include "tensor/rows-private.h"
#include "tensor/weights-private.h"

static void
layer_norm_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  r->kernels->layer_norm (x, r->a, r->b, r->number, r->n, y);
}

static void
rms_norm_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  r->kernels->rms_norm (x, r->a, r->b, r->number, r->n, y);
}

static void
affine_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const float *w = r->a, *b = r->b;

  for (gint64 i = 0; i < r->n; i++)
    y[i] = x[i] * w[i] + (b != NULL ? b[i] : 0.0f);
}

static GtfTensor *
norm (GtfContext *c, const char *op, const GtfNorm *w, const GtfTensor *x, float eps, GtfRowsFunc func)
{
  GtfRows r = { .func = func, .x = x, .number = eps };

  if (!gtf_op_begin (c, op, 1, x))
    return NULL;
  if (w == NULL || gtf_tensor_cols (x) != w->n)
    {
      g_autofree char *shape = gtf_shape_to_string (x->n_dims, x->shape);
      gtf_fail (c, "x is %s, but the weight has %" G_GINT64_FORMAT " features", shape, w != NULL ? w->n : 0);
      return NULL;
    }
  r.y = gtf_new_like (c, x, w->n);
  if (r.y == NULL)
    return NULL;
  r.a = w->weight;
  r.b = w->bias;
  gtf_rows_run (c, &r, 0.2);
  return r.y;
}

/**
 * gtf_layer_norm:
 * @w: weight and maybe bias, [features]
 * @x: (nullable): [..., features]
 * @eps: added to the variance
 *
 * Layer normalisation (Ba, Kiros, Hinton 2016), mean and variance in two passes.
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_layer_norm (GtfContext *c, const GtfNorm *w, const GtfTensor *x, float eps)
{
  return norm (c, "layer_norm", w, x, eps, layer_norm_row);
}

/**
 * gtf_affine:
 * @w: weight and maybe bias, [features]
 * @x: (nullable): [..., features]
 *
 * What MobileBERT calls no_norm: a factor and a sum for each feature.
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_affine (GtfContext *c, const GtfNorm *w, const GtfTensor *x)
{
  return norm (c, "affine", w, x, 0.0f, affine_row);
}

/**
 * gtf_rms_norm:
 * @w: weight and maybe bias, [features]
 * @x: (nullable): [..., features]
 * @eps: added to the mean square
 *
 * Root mean square normalisation (Zhang, Sennrich 2019).
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_rms_norm (GtfContext *c, const GtfNorm *w, const GtfTensor *x, float eps)
{
  return norm (c, "rms_norm", w, x, eps, rms_norm_row);
}
