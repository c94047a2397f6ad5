/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of a tensor: for core/, tasks/ and preprocessors/ of this project; architecture plugins never see it.
 *
 * data points to the first element. Dimensions before the last are laid out with `row_stride` elements between rows
 * (row_stride == shape[n_dims - 1] for a packed tensor), so that a slice of columns is a view without a copy.
 */
#pragma once

#include "tensor/tensor.h"

struct _GtfTensor
{
  GtfDtype dtype;
  guint n_dims;
  gint64 shape[GTF_MAX_DIMS];
  gint64 row_stride;
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
