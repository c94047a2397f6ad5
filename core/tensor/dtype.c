/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The one table of element types.
 */
#include "tensor/dtype.h"

static const struct
{
  const char *name;
  guint8 size;
} dtypes[GTF_DTYPE_LAST] = {
  [GTF_DTYPE_F64] = { "F64", 8 },         [GTF_DTYPE_F32] = { "F32", 4 },
  [GTF_DTYPE_F16] = { "F16", 2 },         [GTF_DTYPE_BF16] = { "BF16", 2 },
  [GTF_DTYPE_F8_E5M2] = { "F8_E5M2", 1 }, [GTF_DTYPE_F8_E4M3] = { "F8_E4M3", 1 },
  [GTF_DTYPE_I64] = { "I64", 8 },         [GTF_DTYPE_I32] = { "I32", 4 },
  [GTF_DTYPE_I16] = { "I16", 2 },         [GTF_DTYPE_I8] = { "I8", 1 },
  [GTF_DTYPE_U64] = { "U64", 8 },         [GTF_DTYPE_U32] = { "U32", 4 },
  [GTF_DTYPE_U16] = { "U16", 2 },         [GTF_DTYPE_U8] = { "U8", 1 },
  [GTF_DTYPE_BOOL] = { "BOOL", 1 },
};

/**
 * gtf_dtype_size:
 *
 * Returns: bytes an element, 0 for a value that is no dtype
 */
gsize
gtf_dtype_size (GtfDtype dtype)
{
  return (guint) dtype < GTF_DTYPE_LAST ? dtypes[dtype].size : 0;
}

/**
 * gtf_dtype_name:
 *
 * Returns: (transfer none): the name as in a safetensors header, "INVALID" for a value that is no dtype
 */
const char *
gtf_dtype_name (GtfDtype dtype)
{
  return (guint) dtype < GTF_DTYPE_LAST && dtypes[dtype].name != NULL ? dtypes[dtype].name : "INVALID";
}

/**
 * gtf_dtype_from_name:
 * @name: (nullable): a name as in a safetensors header
 *
 * Returns: the dtype, %GTF_DTYPE_INVALID if there is none of this name
 */
GtfDtype
gtf_dtype_from_name (const char *name)
{
  for (guint i = 1; i < GTF_DTYPE_LAST; i++)
    if (g_strcmp0 (name, dtypes[i].name) == 0)
      return (GtfDtype) i;
  return GTF_DTYPE_INVALID;
}
