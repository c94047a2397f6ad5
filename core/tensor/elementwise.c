/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sums, factors, activations, softmax.
 */
#include "tensor/positions.h"
#include "tensor/rows-private.h"

#include <string.h>

static void
add_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const GtfTensor *b = r->a;

  r->kernels->add (x, gtf_tensor_f32 (b) + gtf_tensor_row_offset (b, row % r->whole), r->n, y);
}

static gboolean
is_tail (const GtfTensor *a, const GtfTensor *b)
{
  if (b->n_dims > a->n_dims)
    return FALSE;
  for (guint i = 0; i < b->n_dims; i++)
    if (b->shape[b->n_dims - 1 - i] != a->shape[a->n_dims - 1 - i])
      return FALSE;
  return TRUE;
}

/**
 * gtf_add:
 * @a: (nullable): [..., n]
 * @b: (nullable): as @a, or without some of its leading dimensions
 *
 * Returns: (transfer none) (nullable): a + b, as @a
 */
GtfTensor *
gtf_add (GtfContext *c, const GtfTensor *a, const GtfTensor *b)
{
  GtfRows r = { .func = add_row, .x = a, .a = b };

  if (!gtf_op_begin (c, "add", 2, a, b))
    return NULL;
  if (!is_tail (a, b))
    {
      gtf_fail_shapes (c, a, b, "the second shape is no tail of the first");
      return NULL;
    }
  r.whole = MAX (gtf_tensor_rows (b), 1);
  r.y = gtf_new_like (c, a, gtf_tensor_cols (a));
  if (r.y != NULL)
    gtf_rows_run (c, &r, 0.1);
  return r.y;
}

static void
gate_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const GtfTensor *b = r->a;

  r->kernels->activate ((GtfActivation) r->whole, x, r->n, y);
  r->kernels->multiply (y, gtf_tensor_f32 (b) + gtf_tensor_row_offset (b, row), r->n, y);
}

/**
 * gtf_gate:
 * @a: (nullable): any shape
 * @b: (nullable): as @a
 * @act: what is done with @a
 *
 * Gated linear units (Dauphin et al. 2016, Shazeer 2020): @a and @b are usually the two halves of one projection.
 *
 * Returns: (transfer none) (nullable): act (a) b
 */
GtfTensor *
gtf_gate (GtfContext *c, const GtfTensor *a, const GtfTensor *b, GtfActivation act)
{
  GtfRows r = { .func = gate_row, .x = a, .a = b, .whole = act };

  if (!gtf_op_begin (c, "gate", 2, a, b))
    return NULL;
  if (a->n_dims != b->n_dims || !is_tail (a, b))
    {
      gtf_fail_shapes (c, a, b, "the shapes differ");
      return NULL;
    }
  r.y = gtf_new_like (c, a, gtf_tensor_cols (a));
  if (r.y != NULL && gtf_tensor_cols (a) > 0)
    gtf_rows_run (c, &r, 0.6);
  return r.y;
}

/**
 * gtf_quotients:
 * @a: (nullable): any shape
 * @b: (nullable): as @a
 *
 * Returns: (transfer none) (nullable): a / b
 */
GtfTensor *
gtf_quotients (GtfContext *c, const GtfTensor *a, const GtfTensor *b)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "quotients", 2, a, b) || !(a = gtf_packed (c, a)) || !(b = gtf_packed (c, b)))
    return NULL;
  if (gtf_tensor_get_n_elements (a) != gtf_tensor_get_n_elements (b))
    {
      gtf_fail_shapes (c, a, b, "the shapes differ");
      return NULL;
    }
  y = gtf_new_like (c, a, gtf_tensor_cols (a));
  for (gsize i = 0; y != NULL && i < gtf_tensor_get_n_elements (y); i++)
    gtf_tensor_f32 (y)[i] = gtf_tensor_f32 (a)[i] / gtf_tensor_f32 (b)[i];
  return y;
}

static void
scale_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  r->kernels->scale (x, r->number, r->n, y);
}

static void
scale_rows_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const GtfTensor *factors = r->a;

  r->kernels->scale (x, gtf_tensor_f32 (factors)[gtf_tensor_row_offset (factors, row)], r->n, y);
}

static void
activate_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  r->kernels->activate ((GtfActivation) r->whole, x, r->n, y);
}

static void
softmax_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  r->kernels->softmax (x, r->n, y);
}

static void
log_softmax_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  r->kernels->log_softmax (x, r->n, y);
}

static GtfTensor *
unary (GtfContext *c, const char *op, const GtfTensor *x, GtfRows r, double cost)
{
  if (!gtf_op_begin (c, op, 1, x))
    return NULL;
  r.x = x;
  r.y = gtf_new_like (c, x, gtf_tensor_cols (x));
  if (r.y != NULL && gtf_tensor_cols (x) > 0)
    gtf_rows_run (c, &r, cost);
  return r.y;
}

/**
 * gtf_scale:
 * @x: (nullable): any shape
 * @factor: a number
 *
 * Returns: (transfer none) (nullable): x factor
 */
GtfTensor *
gtf_scale (GtfContext *c, const GtfTensor *x, float factor)
{
  return unary (c, "scale", x, (GtfRows){ .func = scale_row, .number = factor }, 0.1);
}

/**
 * gtf_scale_rows:
 * @x: (nullable): [..., n]
 * @factors: (nullable): [..., 1]
 *
 * Returns: (transfer none) (nullable): each row times its factor
 */
GtfTensor *
gtf_scale_rows (GtfContext *c, const GtfTensor *x, const GtfTensor *factors)
{
  if (!gtf_op_begin (c, "scale_rows", 2, x, factors))
    return NULL;
  if (gtf_tensor_cols (factors) != 1 || gtf_tensor_rows (factors) != gtf_tensor_rows (x))
    {
      gtf_fail_shapes (c, x, factors, "expected a factor for each row");
      return NULL;
    }
  return unary (c, "scale_rows", x, (GtfRows){ .func = scale_rows_row, .a = factors }, 0.1);
}

/**
 * gtf_activate:
 * @x: (nullable): any shape
 * @act: the function
 *
 * Returns: (transfer none) (nullable): act (x)
 */
GtfTensor *
gtf_activate (GtfContext *c, const GtfTensor *x, GtfActivation act)
{
  return unary (c, "activate", x, (GtfRows){ .func = activate_row, .whole = act }, 0.5);
}

/**
 * gtf_softmax:
 * @x: (nullable): [..., n]
 *
 * Returns: (transfer none) (nullable): exp (x) / sum of exp (x) over the last dimension
 */
GtfTensor *
gtf_softmax (GtfContext *c, const GtfTensor *x)
{
  return unary (c, "softmax", x, (GtfRows){ .func = softmax_row }, 0.4);
}

/**
 * gtf_log_softmax:
 * @x: (nullable): [..., n]
 *
 * Returns: (transfer none) (nullable): the logarithm of the softmax over the last dimension
 */
GtfTensor *
gtf_log_softmax (GtfContext *c, const GtfTensor *x)
{
  return unary (c, "log_softmax", x, (GtfRows){ .func = log_softmax_row }, 0.4);
}

/**
 * gtf_zero_padding:
 * @x: (nullable): [B][T][D]
 * @mask: (nullable): what attention adds to scores, [B][1][1][T]: negative for padding
 *
 * Returns: (transfer none) (nullable): @x with zeros for padding, a copy; without a mask @x itself
 */
GtfTensor *
gtf_zero_padding (GtfContext *c, GtfTensor *x, const GtfTensor *mask)
{
  GtfTensor *y;
  gint64 rows;

  if (mask == NULL || !gtf_op_begin (c, "zero_padding", 2, x, mask))
    return mask == NULL ? x : NULL;
  rows = gtf_tensor_rows (x);
  if (x->n_dims != 3 || !gtf_tensor_is_packed (mask) || (gint64) gtf_tensor_get_n_elements (mask) != rows)
    {
      gtf_fail_shapes (c, x, mask, "the mask does not fit x");
      return NULL;
    }
  y = gtf_new_like (c, x, gtf_tensor_cols (x));
  if (y == NULL)
    return NULL;
  gtf_tensor_copy_packed (x, y->data);
  for (gint64 i = 0; i < rows; i++)
    if (gtf_tensor_f32 (mask)[i] < 0.0f)
      memset (gtf_tensor_f32 (y) + i * y->row_stride, 0, (gsize) gtf_tensor_cols (y) * sizeof (float));
  return y;
}
