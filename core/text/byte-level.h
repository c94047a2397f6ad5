/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GPT-2's alphabet: each byte stands as a character that can be seen. Printable bytes are themselves, the others follow from
 * U+0100 on, in order.
 */
#pragma once

#include "text/unicode.h"

G_BEGIN_DECLS

static inline gboolean
gtf_byte_is_itself (guint b)
{
  return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
}

static inline gunichar
gtf_byte_to_char (guint8 b)
{
  if (gtf_byte_is_itself (b))
    return b;
  return b <= 0x20 ? 0x100 + b : b <= 0xA0 ? 0x121 + (b - 0x7F) : 0x143;
}

/* The byte that a character stands for, or -1. */
static inline gint
gtf_char_to_byte (gunichar c)
{
  if (c < 0x100)
    return gtf_byte_is_itself (c) ? (gint) c : -1;
  return c <= 0x120 ? (gint) c - 0x100 : c <= 0x142 ? (gint) c - 0x121 + 0x7F : c == 0x143 ? 0xAD : -1;
}

G_END_DECLS
