/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See regex-scan.h.
 */
#include "text/regex-scan.h"

#include <string.h>

#include "text/unicode.h"

const char gtf_pattern_gpt2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

typedef enum { LETTER, NUMBER, SPACE, OTHER, END } Kind;

static inline Kind
kind_at (const char *text, gsize length, gsize at, guint *size)
{
  if (at >= length)
    return *size = 0, END;
  guint8 c = text[at];
  if (c < 128)
    {
      *size = 1;
      return (guint8) ((c | 32) - 'a') < 26 ? LETTER : (guint8) (c - '0') < 10 ? NUMBER : c == ' ' || (c >= 9 && c <= 13) ? SPACE : OTHER;
    }
  guint32 flags = gtf_unicode_flags (gtf_utf8_get (text + at, size));
  return gtf_unicode_is_gc (flags, GTF_GC_LETTERS) ? LETTER : gtf_unicode_is_gc (flags, GTF_GC_NUMBERS) ? NUMBER : flags & GTF_U_SPACE ? SPACE : OTHER;
}

static gsize
contraction (const char *text, gsize length, gsize at)
{
  gsize left = length - at;
  if (left >= 2 && text[at + 1] && strchr ("stmd", text[at + 1]))
    return at + 2;
  if (left >= 3 && (!memcmp (text + at + 1, "re", 2) || !memcmp (text + at + 1, "ve", 2) || !memcmp (text + at + 1, "ll", 2)))
    return at + 3;
  return 0;
}

/* \s+(?!\S)|\s+: white space up to its last character, which goes with what follows. */
static gsize
spaces (const char *text, gsize length, gsize at)
{
  gsize last = at, end = at;
  guint size;
  while (kind_at (text, length, end, &size) == SPACE)
    {
      last = end;
      end += size;
    }
  return end == length || last == at ? end : last;
}

gsize
gtf_scan_gpt2 (const char *text, gsize length, gsize at)
{
  guint size;
  gsize end = text[at] == '\'' ? contraction (text, length, at) : 0;
  if (end)
    return end;
  end = at + (text[at] == ' ');
  Kind kind = kind_at (text, length, end, &size);
  if (kind == SPACE || kind == END)
    return spaces (text, length, at);
  do
    end += size;
  while (kind_at (text, length, end, &size) == kind);
  return end;
}
