/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sixteen bytes at a time: each is compared with the three before it. One that follows a lead byte that wants more must go on a
 * character, all others must not; beside that some leads do not exist and some second bytes do not go with their lead (Unicode, table 3-7).
 * Both ends of the text are left to GLib.
 */
#include "base/utf8.h"

#include <string.h>

#define BLOCK 16
typedef guint8 Block __attribute__ ((vector_size (BLOCK)));

static gboolean
valid_short (const char *s, gsize n)
{
  for (const char *end = s + n, *nul; s < end; s = nul + 1)
    {
      nul = memchr (s, 0, end - s);
      nul = nul ? nul : end;
      if (!g_utf8_validate_len (s, nul - s, NULL))
        return FALSE;
    }
  return TRUE;
}

static inline Block
load (const char *s)
{
  Block block;
  memcpy (&block, s, sizeof block);
  return block;
}

/* Of any byte, one of the bits. */
static inline gboolean
has_bits (Block block, guint64 bits)
{
  guint64 halves[2];
  memcpy (halves, &block, sizeof halves);
  return ((halves[0] | halves[1]) & bits) != 0;
}

/* Whether a character of three or four bytes begins in it. */
static inline gboolean
has_long (Block block)
{
  return has_bits (block & (block << 1) & (block << 2), 0x8080808080808080ull);
}

/* Not 0 where a byte is wrong. With the byte before it @s has one or two bytes a character, which is simpler. */
static inline Block
check_short (const char *s)
{
  Block c = load (s), before = load (s - 1);
  return ((Block) ((c & 0xC0) == 0x80) ^ (Block) ((before & 0xC0) == 0xC0)) | (Block) ((c & 0xFE) == 0xC0);
}

/* The same for all characters. @s has three bytes before it. */
static inline Block
check_block (const char *s)
{
  Block c = load (s), before = load (s - 1), second = load (s - 2), third = load (s - 3);
  Block goes_on = (Block) ((c & 0xC0) == 0x80), wanted = (Block) ((before >= 0xC0) | (second >= 0xE0) | (third >= 0xF0));
  return (goes_on ^ wanted) | (Block) ((c & 0xFE) == 0xC0) | (Block) (c >= 0xF5) | (Block) ((before == 0xE0) & (c < 0xA0)) | (Block) ((before == 0xED) & (c >= 0xA0)) |
         (Block) ((before == 0xF0) & (c < 0x90)) | (Block) ((before == 0xF4) & (c >= 0x90));
}

/* The first byte from @at on that begins a character; where there is none for long the text is wrong anyhow. */
static gsize
boundary (const char *s, gsize at)
{
  for (gsize end = at + 4; at < end && ((guint8) s[at] & 0xC0) == 0x80;)
    at++;
  return at;
}

gboolean
gtf_utf8_valid (const char *s, gsize n)
{
  Block wrong = { 0 };

  if (n < 2 * BLOCK)
    return n == 0 || valid_short (s, n);       /* of nothing @s may be NULL */
  gsize at = boundary (s, 3);
  if (!valid_short (s, at))
    return FALSE;
  for (gboolean was_long = TRUE; n - at >= BLOCK; at += BLOCK)
    {
      Block block = load (s + at);
      gboolean is_long;
      if (!was_long && !has_bits (block | load (s + at - 1), 0x8080808080808080ull))
        continue;
      is_long = has_long (block);
      wrong |= is_long || was_long ? check_block (s + at) : check_short (s + at);
      was_long = is_long;
    }
  if (has_bits (wrong, G_MAXUINT64))
    return FALSE;
  for (gsize i = 1; i <= 3; i++)
    if ((guint8) s[at - i] >= 0xC0)       /* a character that may end behind the last block */
      {
        at -= i;
        break;
      }
  return valid_short (s + at, n - at);
}
