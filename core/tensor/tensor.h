/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tensor/dtype.h"

G_BEGIN_DECLS

#define GTF_MAX_DIMS 6
#define GTF_TYPE_TENSOR (gtf_tensor_get_type ())

/**
 * GtfTensor:
 *
 * Numbers with a dtype and a shape, row-major. A boxed, reference-counted value for those who hold one; inside a forward
 * pass the same type lives in the arena of the context and is never freed by hand. Rows (the last dimension) are
 * contiguous; rows may lie further apart than they are long (a slice of a fused projection), see core/tensor/tensor-private.h.
 */
typedef struct _GtfTensor GtfTensor;

GTF_API GType         gtf_tensor_get_type  (void);
GTF_API GtfTensor    *gtf_tensor_new       (GtfDtype dtype, guint n_dims, const gint64 *shape, GError **error);  /* zeroed; sizes checked */
GTF_API GtfTensor    *gtf_tensor_new_bytes (GtfDtype dtype, guint n_dims, const gint64 *shape, GBytes *bytes, GError **error);
GTF_API GtfTensor    *gtf_tensor_ref       (GtfTensor *self);
GTF_API void          gtf_tensor_unref     (GtfTensor *self);
GTF_API GtfDtype      gtf_tensor_get_dtype (const GtfTensor *self);
GTF_API guint         gtf_tensor_get_n_dims (const GtfTensor *self);
GTF_API gint64        gtf_tensor_get_dim   (const GtfTensor *self, gint dim);      /* negative counts from the end */
GTF_API gsize         gtf_tensor_get_n_elements (const GtfTensor *self);
GTF_API GBytes       *gtf_tensor_get_bytes (const GtfTensor *self);                /* a packed copy (transfer full) */
GTF_API void          gtf_tensor_read_f32  (const GtfTensor *self, gsize first, gsize n, float *to);    /* some elements of an F32 tensor */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfTensor, gtf_tensor_unref)

G_END_DECLS
