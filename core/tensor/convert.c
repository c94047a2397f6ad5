/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers of any dtype as float32: what the packing of weights reads files with. Little-endian, as safetensors are.
 */
#include "tensor/convert.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

#include <string.h>

/* Floats of 8 bits as floats of 16: E5M2 is the upper half of an F16. */
static float
f8_e5m2 (guint8 x)
{
  return gtf_f16_to_f32 ((guint16) (x << 8));
}

/* E4M3 (the "fn" kind: no infinity, 0x7f is NaN, bias 7). */
static float
f8_e4m3 (guint8 x)
{
  guint e = (x >> 3) & 15, m = x & 7;
  guint32 sign = (guint32) (x & 0x80) << 24;

  if ((x & 0x7f) == 0x7f)
    return gtf_bits_f32 (sign | 0x7fc00000);
  if (e == 0)
    return gtf_bits_f32 (sign | gtf_f32_bits ((float) m * 0x1p-9f));
  return gtf_bits_f32 (sign | (e + 120) << 23 | m << 20);
}

#define CONVERT(type, expr)                                                                                                        \
  for (gsize i = 0; i < n; i++)                                                                                                    \
    {                                                                                                                              \
      type x;                                                                                                                      \
      memcpy (&x, p + i * stride * sizeof x, sizeof x);                                                                            \
      dst[i] = (expr);                                                                                                             \
    }                                                                                                                              \
  break

void
gtf_convert_f32 (GtfDtype dtype, gconstpointer src, gsize stride, gsize n, float *dst)
{
  const char *p = src;

  if (stride == 1 && (dtype == GTF_DTYPE_F32 || dtype == GTF_DTYPE_F16 || dtype == GTF_DTYPE_BF16))
    {
      gtf_kernels_get ()->widen (dtype, src, (gint64) n, dst);
      return;
    }
  switch (dtype)
    {
    case GTF_DTYPE_F64: CONVERT (double, (float) x);
    case GTF_DTYPE_F32: CONVERT (float, x);
    case GTF_DTYPE_F16: CONVERT (guint16, gtf_f16_to_f32 (x));
    case GTF_DTYPE_BF16: CONVERT (guint16, gtf_bf16_to_f32 (x));
    case GTF_DTYPE_F8_E5M2: CONVERT (guint8, f8_e5m2 (x));
    case GTF_DTYPE_F8_E4M3: CONVERT (guint8, f8_e4m3 (x));
    case GTF_DTYPE_I64: CONVERT (gint64, (float) x);
    case GTF_DTYPE_I32: CONVERT (gint32, (float) x);
    case GTF_DTYPE_I16: CONVERT (gint16, (float) x);
    case GTF_DTYPE_I8: CONVERT (gint8, (float) x);
    case GTF_DTYPE_U64: CONVERT (guint64, (float) x);
    case GTF_DTYPE_U32: CONVERT (guint32, (float) x);
    case GTF_DTYPE_U16: CONVERT (guint16, (float) x);
    case GTF_DTYPE_U8: CONVERT (guint8, (float) x);
    case GTF_DTYPE_BOOL: CONVERT (guint8, x != 0 ? 1.0f : 0.0f);
    default: memset (dst, 0, n * sizeof *dst);
    }
}
