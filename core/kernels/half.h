/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Half-precision numbers, one at a time, without help of the CPU: round to nearest even, NaN stays NaN.
 */
#pragma once

#include <glib.h>
#include <string.h>

static inline float
gtf_bits_f32 (guint32 bits)
{
  float x;
  memcpy (&x, &bits, sizeof x);
  return x;
}

static inline guint32
gtf_f32_bits (float x)
{
  guint32 bits;
  memcpy (&bits, &x, sizeof bits);
  return bits;
}

static inline float
gtf_bf16_to_f32 (guint16 h)
{
  return gtf_bits_f32 ((guint32) h << 16);
}

static inline guint16
gtf_f32_to_bf16 (float x)
{
  guint32 b = gtf_f32_bits (x);

  if ((b & 0x7fffffff) > 0x7f800000)
    return (guint16) (b >> 16) | 0x40;
  return (guint16) ((b + 0x7fff + ((b >> 16) & 1)) >> 16);
}

static inline float
gtf_f16_to_f32 (guint16 h)
{
  guint32 sign = (guint32) (h & 0x8000) << 16, e = (h >> 10) & 31, m = h & 0x3ff;

  if (e == 31)
    return gtf_bits_f32 (sign | 0x7f800000 | m << 13 | (m != 0 ? 0x400000 : 0));
  if (e == 0)   /* zero and subnormal numbers: m * 2^-24 */
    return gtf_bits_f32 (sign | gtf_f32_bits ((float) m * 0x1p-24f));
  return gtf_bits_f32 (sign | (e + 112) << 23 | m << 13);
}

static inline guint16
gtf_f32_to_f16 (float x)
{
  guint32 b = gtf_f32_bits (x), sign = (b >> 16) & 0x8000, a = b & 0x7fffffff;

  if (a > 0x7f800000)
    return (guint16) (sign | 0x7e00);
  if (a >= 0x477ff000)                  /* rounds to 65536 or more */
    return (guint16) (sign | 0x7c00);
  if (a < 0x38800000)                   /* below 2^-14: the adder of floats rounds at the right bit */
    return (guint16) (sign | (gtf_f32_bits (gtf_bits_f32 (a) + 0.5f) - 0x3f000000));
  return (guint16) (sign | (a - 0x38000000 + 0xfff + ((a >> 13) & 1)) >> 13);
}
