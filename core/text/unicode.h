/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Unicode as the `tokenizers` library sees it. The tables (unicode-tables.inc.c) are made by data/unicode/make.py, which asks
 * the library itself about every code point: its parts stand on several Unicode versions, none of which is GLib's, so nothing
 * in core/text uses g_unichar_*.
 */
#pragma once

#include "base/utf8.h"

G_BEGIN_DECLS

/* General categories, in the order of the recipe. */
enum
{
  GTF_GC_CN, GTF_GC_CC, GTF_GC_CF, GTF_GC_CO, GTF_GC_CS, GTF_GC_LL, GTF_GC_LM, GTF_GC_LO, GTF_GC_LT, GTF_GC_LU, GTF_GC_MC, GTF_GC_ME, GTF_GC_MN,
  GTF_GC_ND, GTF_GC_NL, GTF_GC_NO, GTF_GC_PC, GTF_GC_PD, GTF_GC_PE, GTF_GC_PF, GTF_GC_PI, GTF_GC_PO, GTF_GC_PS, GTF_GC_SC, GTF_GC_SK, GTF_GC_SM,
  GTF_GC_SO, GTF_GC_ZL, GTF_GC_ZP, GTF_GC_ZS
};
#define GTF_GC_MASK 31
#define GTF_GC_LETTERS (1u << GTF_GC_LL | 1u << GTF_GC_LM | 1u << GTF_GC_LO | 1u << GTF_GC_LT | 1u << GTF_GC_LU)
#define GTF_GC_NUMBERS (1u << GTF_GC_ND | 1u << GTF_GC_NL | 1u << GTF_GC_NO)

typedef enum
{
  GTF_U_SPACE        = 1 << 5,     /* \s of its regular expressions */
  GTF_U_WORD         = 1 << 6,     /* \w of its regular expressions */
  GTF_U_SPLIT_SPACE  = 1 << 7,     /* white space to WhitespaceSplit */
  GTF_U_NUMERIC      = 1 << 8,     /* a digit to Digits */
  GTF_U_PUNCT        = 1 << 9,     /* punctuation to Punctuation */
  GTF_U_BERT_PUNCT   = 1 << 10,    /* punctuation to BertPreTokenizer */
  GTF_U_BERT_DROP    = 1 << 11,    /* what clean_text removes */
  GTF_U_BERT_SPACE   = 1 << 12,    /* what clean_text turns into a space */
  GTF_U_BERT_ACCENT  = 1 << 13,    /* what strip_accents of BertNormalizer removes */
  GTF_U_ACCENT       = 1 << 14,    /* what StripAccents removes */
  GTF_U_CHINESE      = 1 << 15,    /* what handle_chinese_chars puts spaces around */
  GTF_U_CRATE_WORD   = 1 << 16,    /* \w for Whitespace and for single_word of added tokens */
  GTF_U_STRIP        = 1 << 17,    /* what Strip removes at the ends, and lstrip / rstrip of added tokens */
  GTF_U_NFD          = 1 << 18,    /* has a canonical decomposition */
  GTF_U_NFKD         = 1 << 19,    /* has any decomposition */
  GTF_U_LOWER        = 1 << 20,    /* lower case differs */
  GTF_U_CCC          = 1 << 21,    /* its combining class is not 0 */
  GTF_U_SECOND       = 1 << 22     /* may be composed with what comes before it */
} GtfUnicodeFlags;

/* Bits beside the kind (bits 0-3, charsmap.c lists them) that decides about the borders of graphemes. */
#define GTF_GRAPHEME_INCB_EXTEND 16
#define GTF_GRAPHEME_LINKER      32

guint32     gtf_unicode_flags_of  (gunichar c);
extern const guint32 *const gtf_unicode_ascii;                   /* the flags of the first 128 */
static inline guint32 gtf_unicode_flags (gunichar c) { return c < 128 ? gtf_unicode_ascii[c] : gtf_unicode_flags_of (c); }
guint       gtf_unicode_grapheme  (gunichar c);
guint       gtf_unicode_script    (gunichar c);                  /* to UnicodeScripts: equal numbers stay together; 0: goes with all */
static inline gboolean gtf_unicode_is_gc (guint32 flags, guint32 set) { return set >> (flags & GTF_GC_MASK) & 1; }
/* White space as Python has it, which counts U+001C to U+001F. */
static inline gboolean gtf_unicode_is_python_space (gunichar c) { return (c >= 0x1C && c <= 0x1F) || (gtf_unicode_flags (c) & GTF_U_SPLIT_SPACE) != 0; }
static inline gboolean gtf_unicode_is_alnum (gunichar c) { return gtf_unicode_is_gc (gtf_unicode_flags (c), GTF_GC_LETTERS | GTF_GC_NUMBERS); }
/* The full decomposition of @c alone into @out (room for 20): how many code points. */
gsize       gtf_unicode_decompose (gunichar c, gboolean compatibility, gunichar *out);
gunichar    gtf_unicode_compose   (gunichar a, gunichar b);      /* 0: not composed */
guint       gtf_unicode_ccc       (gunichar c);
gsize       gtf_unicode_lower     (gunichar c, gunichar *out);   /* room for 4 */
/* The set named in [:..:]: an array of 0x110000 bits that the caller frees, or NULL. */
guint32    *gtf_unicode_class     (const char *name, gsize length);
/* The set named in \p{..}, for \w "word". @inside brackets \w is another: to Oniguruma it has U+00B2, B3, B9, BC, BD and BE only
 * outside of them. And \p{Punct} is not [:punct:]. */
guint32    *gtf_unicode_property  (const char *name, gsize length, gboolean inside);

static inline gboolean
gtf_utf8_is_ascii (const char *s)
{
  while ((guint8) (*s - 1) < 127)
    s++;
  return *s == 0;
}

/* UTF-8 that is known to be valid. */
static inline gunichar
gtf_utf8_get (const char *s, guint *size)
{
  const guint8 *p = (const guint8 *) s;
  if (p[0] < 0x80) { *size = 1; return p[0]; }
  if (p[0] < 0xE0) { *size = 2; return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3F); }
  if (p[0] < 0xF0) { *size = 3; return (p[0] & 0xFu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3F); }
  *size = 4;
  return (p[0] & 7u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3F);
}

static inline guint
gtf_utf8_put (gunichar c, char *out)
{
  guint8 *p = (guint8 *) out;
  if (c < 0x80) { p[0] = c; return 1; }
  if (c < 0x800) { p[0] = 0xC0 | c >> 6; p[1] = 0x80 | (c & 0x3F); return 2; }
  if (c < 0x10000) { p[0] = 0xE0 | c >> 12; p[1] = 0x80 | (c >> 6 & 0x3F); p[2] = 0x80 | (c & 0x3F); return 3; }
  p[0] = 0xF0 | c >> 18; p[1] = 0x80 | (c >> 12 & 0x3F); p[2] = 0x80 | (c >> 6 & 0x3F); p[3] = 0x80 | (c & 0x3F);
  return 4;
}

static inline guint
gtf_utf8_size (char lead)
{
  guint8 c = (guint8) lead;
  return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* The start of the character that ends before @at. */
static inline gsize
gtf_utf8_before (const char *s, gsize at)
{
  do at--; while (at > 0 && ((guint8) s[at] & 0xC0) == 0x80);
  return at;
}

G_END_DECLS
