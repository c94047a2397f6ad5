/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

/**
 * GtfDtype:
 *
 * The element types that weights and tensors can have, named as safetensors names them. What each one weighs and is
 * called stands in one table, core/tensor/dtype.c.
 */
typedef enum
{
  GTF_DTYPE_INVALID,
  GTF_DTYPE_F64,
  GTF_DTYPE_F32,
  GTF_DTYPE_F16,
  GTF_DTYPE_BF16,
  GTF_DTYPE_F8_E5M2,
  GTF_DTYPE_F8_E4M3,
  GTF_DTYPE_I64,
  GTF_DTYPE_I32,
  GTF_DTYPE_I16,
  GTF_DTYPE_I8,
  GTF_DTYPE_U64,
  GTF_DTYPE_U32,
  GTF_DTYPE_U16,
  GTF_DTYPE_U8,
  GTF_DTYPE_BOOL,
  GTF_DTYPE_LAST
} GtfDtype;

GTF_API gsize       gtf_dtype_size      (GtfDtype dtype);        /* bytes an element; 0 for INVALID */
GTF_API const char *gtf_dtype_name      (GtfDtype dtype);        /* "F32", as in a safetensors header */
GTF_API GtfDtype    gtf_dtype_from_name (const char *name);      /* INVALID if unknown */

G_END_DECLS
