/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Views and copies: slices, reshapes, transposes.
 */
#include "tensor/context-private.h"

#include <string.h>

/**
 * gtf_dim:
 * @x: (nullable): a tensor
 * @dim: a dimension, negative counts from the end
 *
 * Returns: its size; 1 if @x is %NULL (after a failure) or has no such dimension
 */
gint64
gtf_dim (const GtfTensor *x, gint dim)
{
  return x != NULL ? gtf_tensor_get_dim (x, dim) : 1;
}

static gboolean
check_range (GtfContext *c, const GtfTensor *x, gint64 size, gint64 first, gint64 n)
{
  g_autofree char *shape = NULL;

  if (first >= 0 && n >= 0 && first <= size && n <= size - first)
    return TRUE;
  shape = gtf_shape_to_string (x->n_dims, x->shape);
  gtf_fail (c, "%" G_GINT64_FORMAT " from %" G_GINT64_FORMAT " on are not within %s", n, first, shape);
  return FALSE;
}

/**
 * gtf_slice:
 * @x: (nullable): [..., n]
 * @first: first column
 * @n: number of columns
 *
 * Returns: (transfer none) (nullable): a view of these columns of the last dimension
 */
GtfTensor *
gtf_slice (GtfContext *c, const GtfTensor *x, gint64 first, gint64 n)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "slice", 1, x) || !check_range (c, x, gtf_tensor_cols (x), first, n))
    return NULL;
  y = gtf_new_view (c, x);
  if (y == NULL)
    return NULL;
  y->matrix_stride = gtf_tensor_matrix_stride (x);
  y->shape[y->n_dims - 1] = n;
  y->data = gtf_tensor_f32 (x) + first;
  return y;
}

/**
 * gtf_steps:
 * @x: (nullable): [..., T, D]
 * @first: first step
 * @n: number of steps
 *
 * Returns: (transfer none) (nullable): a view [..., n, D] of these steps
 */
GtfTensor *
gtf_steps (GtfContext *c, const GtfTensor *x, gint64 first, gint64 n)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "steps", 1, x))
    return NULL;
  if (x->n_dims < 2)
    {
      gtf_fail (c, "x has one dimension, expected at least two");
      return NULL;
    }
  if (!check_range (c, x, gtf_tensor_steps (x), first, n))
    return NULL;
  y = gtf_new_view (c, x);
  if (y == NULL)
    return NULL;
  y->matrix_stride = gtf_tensor_matrix_stride (x);
  y->shape[y->n_dims - 2] = n;
  y->data = gtf_tensor_f32 (x) + first * x->row_stride;
  return y;
}

typedef struct
{
  const GtfTensor *x;
  GtfTensor *y;
  gint64 rows, cols;
} Transpose;

#define TILE 16

static void
transpose_part (gpointer data, guint part, guint n_parts)
{
  const Transpose *t = data;
  gint64 tiles = (t->cols + TILE - 1) / TILE, matrices = gtf_tensor_rows (t->y) / MAX (t->cols, 1);
  gint64 from = part * tiles / n_parts * TILE, to = MIN ((part + 1) * tiles / n_parts * TILE, t->cols);

  for (gint64 m = 0; m < matrices; m++)
    {
      const float *x = gtf_tensor_f32 (t->x) + m * gtf_tensor_matrix_stride (t->x);
      float *y = gtf_tensor_f32 (t->y) + m * t->rows * t->cols;
      for (gint64 j0 = from; j0 < to; j0 += TILE)
        for (gint64 i0 = 0; i0 < t->rows; i0 += TILE)
          for (gint64 j = j0; j < MIN (j0 + TILE, to); j++)
            for (gint64 i = i0; i < MIN (i0 + TILE, t->rows); i++)
              y[j * t->rows + i] = x[i * t->x->row_stride + j];
    }
}

/**
 * gtf_transpose:
 * @x: (nullable): [..., a, b]
 *
 * Returns: (transfer none) (nullable): [..., b, a], a copy
 */
GtfTensor *
gtf_transpose (GtfContext *c, const GtfTensor *x)
{
  Transpose t = { x, NULL, 0, 0 };
  gint64 shape[GTF_MAX_DIMS];

  if (!gtf_op_begin (c, "transpose", 1, x))
    return NULL;
  if (x->n_dims < 2)
    {
      gtf_fail (c, "x has one dimension, expected at least two");
      return NULL;
    }
  t.rows = gtf_tensor_steps (x);
  t.cols = gtf_tensor_cols (x);
  memcpy (shape, x->shape, sizeof shape);
  shape[x->n_dims - 2] = t.cols;
  shape[x->n_dims - 1] = t.rows;
  t.y = gtf_new_tensor (c, GTF_DTYPE_F32, x->n_dims, shape);
  if (t.y != NULL)
    gtf_pool_run (c->pool, gtf_tensor_get_n_elements (x) < 16384 ? 1 : gtf_pool_get_n_threads (c->pool), transpose_part, &t);
  return t.y;
}

/**
 * gtf_reshape:
 * @x: (nullable): any shape
 * @n_dims: number of dimensions
 * @shape: (array length=n_dims): the dimensions; one may be -1: what is left
 *
 * Returns: (transfer none) (nullable): a view (a copy if @x has gaps)
 */
GtfTensor *
gtf_reshape (GtfContext *c, const GtfTensor *x, guint n_dims, const gint64 *shape)
{
  gint64 known = 1, dims[GTF_MAX_DIMS], total;
  gint open = -1;
  GtfTensor *y;

  if (!gtf_op_begin (c, "reshape", 0))
    return NULL;
  if (x == NULL || n_dims < 1 || n_dims > GTF_MAX_DIMS)
    {
      gtf_fail (c, "expected a tensor and 1 to %d dimensions", GTF_MAX_DIMS);
      return NULL;
    }
  total = (gint64) gtf_tensor_get_n_elements (x);
  for (guint i = 0; i < n_dims; i++)
    {
      dims[i] = shape[i];
      if (dims[i] == -1 && open < 0)
        open = (gint) i;
      else if (dims[i] < 0 || __builtin_mul_overflow (known, dims[i], &known))
        known = -1, i = n_dims;
    }
  if (open >= 0 && known > 0 && total % known == 0)
    {
      dims[open] = total / known;
      known = total;
    }
  if (known != total)
    {
      g_autofree char *from = gtf_shape_to_string (x->n_dims, x->shape), *to = gtf_shape_to_string (n_dims, shape);
      gtf_fail (c, "%s cannot become %s", from, to);
      return NULL;
    }
  x = gtf_packed (c, x);
  y = x != NULL ? gtf_new_view (c, x) : NULL;
  if (y == NULL)
    return NULL;
  y->n_dims = n_dims;
  memcpy (y->shape, dims, n_dims * sizeof *dims);
  y->row_stride = dims[n_dims - 1];
  y->matrix_stride = 0;
  return y;
}

/* What the dimensions after the first have in common. */
static gboolean
check_parts (GtfContext *c, GtfTensor *const *parts, gint64 n_parts)
{
  for (gint64 i = 0; i < n_parts; i++)
    if (parts[i] == NULL || parts[i]->dtype != GTF_DTYPE_F32)
      {
        gtf_fail (c, "part %" G_GINT64_FORMAT " is %s", i, parts[i] == NULL ? "missing" : gtf_dtype_name (parts[i]->dtype));
        return FALSE;
      }
    else if (parts[i]->n_dims != parts[0]->n_dims || memcmp (parts[i]->shape + 1, parts[0]->shape + 1, (parts[0]->n_dims - 1) * sizeof (gint64)) != 0)
      {
        gtf_fail_shapes (c, parts[0], parts[i], "parts differ beyond their first dimension");
        return FALSE;
      }
  return TRUE;
}

/**
 * gtf_concat:
 * @parts: (array length=n_parts): tensors [n][...] that differ in n at most
 * @n_parts: how many, at least one
 *
 * Returns: (transfer none) (nullable): one tensor with all of them along the first dimension, a copy
 */
GtfTensor *
gtf_concat (GtfContext *c, GtfTensor *const *parts, gint64 n_parts)
{
  gint64 shape[GTF_MAX_DIMS], at = 0;
  GtfTensor *y;

  if (!gtf_op_begin (c, "concat", 0))
    return NULL;
  if (n_parts < 1)
    {
      gtf_fail (c, "nothing to put together");
      return NULL;
    }
  if (!check_parts (c, parts, n_parts))
    return NULL;
  memcpy (shape, parts[0]->shape, sizeof shape);
  for (gint64 i = 1; i < n_parts; i++)
    shape[0] += parts[i]->shape[0];
  y = gtf_new_tensor (c, GTF_DTYPE_F32, parts[0]->n_dims, shape);
  for (gint64 i = 0; y != NULL && i < n_parts; i++)
    {
      gtf_tensor_copy_packed (parts[i], gtf_tensor_f32 (y) + at);
      at += (gint64) gtf_tensor_get_n_elements (parts[i]);
    }
  return y;
}

/**
 * gtf_join:
 * @parts: (array length=n_parts): tensors [...][n] that differ in n at most
 * @n_parts: how many, at least one
 *
 * Returns: (transfer none) (nullable): one tensor with all of them along the last dimension, a copy
 */
GtfTensor *
gtf_join (GtfContext *c, GtfTensor *const *parts, gint64 n_parts)
{
  gint64 cols = 0, at = 0;
  GtfTensor *y;

  if (!gtf_op_begin (c, "join", 0))
    return NULL;
  for (gint64 i = 0; i < n_parts; i++)
    {
      if (parts[i] == NULL || parts[i]->dtype != GTF_DTYPE_F32)
        {
          gtf_fail (c, "part %" G_GINT64_FORMAT " is %s", i, parts[i] == NULL ? "missing" : gtf_dtype_name (parts[i]->dtype));
          return NULL;
        }
      if (parts[i]->n_dims != parts[0]->n_dims || memcmp (parts[i]->shape, parts[0]->shape, (parts[0]->n_dims - 1) * sizeof (gint64)) != 0)
        {
          gtf_fail_shapes (c, parts[0], parts[i], "parts differ in more than their last dimension");
          return NULL;
        }
      cols += gtf_tensor_cols (parts[i]);
    }
  if (n_parts < 1)
    {
      gtf_fail (c, "nothing to put together");
      return NULL;
    }
  y = gtf_new_like (c, parts[0], cols);
  for (gint64 i = 0; y != NULL && i < n_parts; at += gtf_tensor_cols (parts[i++]))
    for (gint64 row = 0; row < gtf_tensor_rows (y); row++)
      memcpy (gtf_tensor_f32 (y) + row * cols + at, gtf_tensor_f32 (parts[i]) + gtf_tensor_row_offset (parts[i], row),
              (gsize) gtf_tensor_cols (parts[i]) * sizeof (float));
  return y;
}
