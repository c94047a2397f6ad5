/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rows of a table, rows of a tensor, and the ids that choose them.
 */
#include "tensor/context-private.h"
#include "tensor/convert.h"
#include "tensor/weights-private.h"

#include <string.h>

static void
get_row (const GtfEmbedding *w, gint64 id, float *to)
{
  if (w->rows == NULL)
    gtf_linear_get_row (w->linear, id, to);
  else
    gtf_convert_f32 (w->dtype, (const char *) w->rows + (gsize) (id * w->d) * gtf_dtype_size (w->dtype), 1, (gsize) w->d, to);
}

static gint64
id_at (const GtfTensor *ids, gint64 i)
{
  return ids->dtype == GTF_DTYPE_I64 ? ((const gint64 *) ids->data)[i] : ((const gint32 *) ids->data)[i];
}

/**
 * gtf_embedding:
 * @w: table [n][features]
 * @ids: (nullable): [...], int32 or int64
 *
 * An id out of range is a sticky error that names it.
 *
 * Returns: (transfer none) (nullable): [..., features]
 */
GtfTensor *
gtf_embedding (GtfContext *c, const GtfEmbedding *w, const GtfTensor *ids)
{
  gint64 shape[GTF_MAX_DIMS], n;
  GtfTensor *y;

  if (!gtf_op_begin (c, "embedding", 0))
    return NULL;
  if (w == NULL || ids == NULL || (ids->dtype != GTF_DTYPE_I32 && ids->dtype != GTF_DTYPE_I64) || ids->n_dims >= GTF_MAX_DIMS)
    {
      gtf_fail (c, "expected a table and ids of type I32 or I64, found %s",
                w == NULL ? "no table" : ids == NULL ? "no ids" : gtf_dtype_name (ids->dtype));
      return NULL;
    }
  ids = gtf_packed (c, ids);
  if (ids == NULL)
    return NULL;
  memcpy (shape, ids->shape, sizeof shape);
  shape[ids->n_dims] = w->d;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, ids->n_dims + 1, shape);
  if (y == NULL)
    return NULL;
  n = (gint64) gtf_tensor_get_n_elements (ids);
  for (gint64 i = 0; i < n; i++)
    {
      gint64 id = id_at (ids, i);
      if (id < 0 || id >= w->n)
        {
          gtf_fail (c, "id %" G_GINT64_FORMAT " at position %" G_GINT64_FORMAT " is outside of the table of %" G_GINT64_FORMAT " rows", id, i, w->n);
          return NULL;
        }
      get_row (w, id, gtf_tensor_f32 (y) + i * w->d);
    }
  return y;
}

/**
 * gtf_embedding_range:
 * @w: table [n][features]
 * @first: first row
 * @n: number of rows
 *
 * Returns: (transfer none) (nullable): rows @first to @first + @n, [n][features]
 */
GtfTensor *
gtf_embedding_range (GtfContext *c, const GtfEmbedding *w, gint64 first, gint64 n)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "embedding_range", 0))
    return NULL;
  if (w == NULL || first < 0 || n < 0 || first > w->n || n > w->n - first)
    {
      gtf_fail (c, "rows %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " are outside of the table of %" G_GINT64_FORMAT " rows", first,
                first + n, w != NULL ? w->n : 0);
      return NULL;
    }
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ n, w->d });
  for (gint64 i = 0; y != NULL && i < n; i++)
    get_row (w, first + i, gtf_tensor_f32 (y) + i * w->d);
  return y;
}

/**
 * gtf_take:
 * @x: (nullable): [..., D]
 * @rows: (nullable): [...], int32: numbers of rows of @x, counted over all its dimensions but the last
 *
 * A number out of range is a sticky error that names it.
 *
 * Returns: (transfer none) (nullable): these rows, [..., D]
 */
GtfTensor *
gtf_take (GtfContext *c, const GtfTensor *x, const GtfTensor *rows)
{
  gint64 shape[GTF_MAX_DIMS], n, n_rows;
  GtfTensor *y;

  if (!gtf_op_begin (c, "take", 1, x))
    return NULL;
  if (rows == NULL || rows->dtype != GTF_DTYPE_I32 || rows->n_dims >= GTF_MAX_DIMS)
    {
      gtf_fail (c, "expected numbers of rows of type I32, found %s", rows == NULL ? "none" : gtf_dtype_name (rows->dtype));
      return NULL;
    }
  rows = gtf_packed (c, rows);
  if (rows == NULL)
    return NULL;
  memcpy (shape, rows->shape, sizeof shape);
  shape[rows->n_dims] = gtf_tensor_cols (x);
  y = gtf_new_tensor (c, GTF_DTYPE_F32, rows->n_dims + 1, shape);
  n = (gint64) gtf_tensor_get_n_elements (rows);
  n_rows = gtf_tensor_rows (x);
  for (gint64 i = 0; y != NULL && i < n; i++)
    {
      gint32 row = ((const gint32 *) rows->data)[i];
      if (row < 0 || row >= n_rows)
        {
          gtf_fail (c, "row %d, asked for at position %" G_GINT64_FORMAT ", is not among %" G_GINT64_FORMAT " rows", row, i, n_rows);
          return NULL;
        }
      memcpy (gtf_tensor_f32 (y) + i * gtf_tensor_cols (x), gtf_tensor_f32 (x) + gtf_tensor_row_offset (x, row), (gsize) gtf_tensor_cols (x) * sizeof (float));
    }
  return y;
}

/**
 * gtf_indices:
 * @n: how many
 * @func: (scope call): gives the number at a position
 * @data: handed to @func
 *
 * Returns: (transfer none) (nullable): func (0) ... func (n - 1), int32, [n]
 */
GtfTensor *
gtf_indices (GtfContext *c, gint64 n, gint64 (*func) (gint64 i, gconstpointer data), gconstpointer data)
{
  GtfTensor *t;

  if (!gtf_op_begin (c, "indices", 0))
    return NULL;
  t = gtf_new_tensor (c, GTF_DTYPE_I32, 1, &n);
  for (gint64 i = 0; t != NULL && i < n; i++)
    ((gint32 *) t->data)[i] = (gint32) CLAMP (func (i, data), G_MININT32, G_MAXINT32);
  return t;
}
