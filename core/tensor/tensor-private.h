/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of a tensor: for core/, tasks/ and preprocessors/ of this project; architecture plugins never see it.
 *
 * data points to the first element. The last dimension is contiguous. Rows of one matrix (the last two dimensions) lie
 * `row_stride` elements apart (shape[n_dims - 1] in a packed tensor), so that a slice of columns is a view without a copy;
 * matrices lie `matrix_stride` elements apart (shape[n_dims - 2] * row_stride where rows are uniform), so that the first
 * steps of a longer buffer (a KV cache) are a view too. Dimensions before the last two run over the matrices.
 */
#pragma once

#include "tensor/tensor.h"

struct _GtfTensor
{
  GtfDtype dtype;
  guint n_dims;
  gint64 shape[GTF_MAX_DIMS];
  gint64 row_stride;
  gint64 matrix_stride;       /* 0: uniform, steps * row_stride */
  gpointer data;
  gatomicrefcount ref_count;  /* heap tensors only */
  GBytes *owner;              /* keeps data alive; NULL: data belongs to an arena or is freed with the tensor */
  gboolean in_arena;
};

static inline gint64
gtf_tensor_cols (const GtfTensor *t)
{
  return t->shape[t->n_dims - 1];
}

static inline gint64
gtf_tensor_rows (const GtfTensor *t)
{
  gint64 n = 1;
  for (guint i = 0; i + 1 < t->n_dims; i++)
    n *= t->shape[i];
  return n;
}

static inline float *
gtf_tensor_f32 (const GtfTensor *t)
{
  return (float *) t->data;
}

/* Rows of a matrix: the dimension before the last, 1 if there is none. */
static inline gint64
gtf_tensor_steps (const GtfTensor *t)
{
  return t->n_dims >= 2 ? t->shape[t->n_dims - 2] : 1;
}

static inline gint64
gtf_tensor_matrix_stride (const GtfTensor *t)
{
  return t->matrix_stride != 0 ? t->matrix_stride : gtf_tensor_steps (t) * t->row_stride;
}

/* All rows the same distance apart: the tensor can be walked as one matrix [rows][cols]. */
static inline gboolean
gtf_tensor_is_uniform (const GtfTensor *t)
{
  return t->matrix_stride == 0 || t->matrix_stride == gtf_tensor_steps (t) * t->row_stride
         || gtf_tensor_rows (t) == gtf_tensor_steps (t);
}

static inline gboolean
gtf_tensor_is_packed (const GtfTensor *t)
{
  return gtf_tensor_is_uniform (t) && (t->row_stride == gtf_tensor_cols (t) || gtf_tensor_rows (t) <= 1);
}

/* Element offset of row i, counted over all leading dimensions. */
static inline gint64
gtf_tensor_row_offset (const GtfTensor *t, gint64 i)
{
  gint64 steps = gtf_tensor_steps (t);
  return steps == 0 ? 0 : i / steps * gtf_tensor_matrix_stride (t) + i % steps * t->row_stride;
}

/* Copies the elements, packed, to dst (any overlap with dst <= source is fine). */
void gtf_tensor_copy_packed (const GtfTensor *t, gpointer dst);
/* Product of a shape, checked; FALSE on a negative dimension or overflow of bytes. */
gboolean gtf_shape_size (GtfDtype dtype, guint n_dims, const gint64 *shape, gsize *n_bytes);
/* "[1, 1500, 512]" for messages, transfer full. */
char *gtf_shape_to_string (guint n_dims, const gint64 *shape);
