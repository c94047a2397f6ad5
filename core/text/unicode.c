/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Look-ups in the generated Unicode tables: flags by two stages, mappings by binary search behind a flag that most
 * characters do not have.
 */
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

#include "text/unicode-tables.inc.c"

const guint32 *const gtf_unicode_ascii = flags_data;      /* flags_index[0] is 0: blocks are numbered as they come */

guint32
gtf_unicode_flags_of (gunichar c)
{
  return c < 0x110000 ? flags_data[(guint) flags_index[c >> 8] << 8 | (c & 255)] : 0;
}

guint
gtf_unicode_grapheme (gunichar c)
{
  return grapheme_data[(guint) grapheme_index[c >> 8] << 8 | (c & 255)];
}

guint
gtf_unicode_script (gunichar c)
{
  return script_data[(guint) script_index[c >> 8] << 8 | (c & 255)];
}

static int
compare_key (const void *a, const void *b)
{
  guint32 x = *(const guint32 *) a, y = *(const guint32 *) b;
  return x < y ? -1 : x > y;
}

static gsize
look_up (gunichar c, const guint32 *keys, gsize n, const guint16 *starts, const guint32 *pool, gunichar *out)
{
  const guint32 *hit = bsearch (&c, keys, n, sizeof *keys, compare_key);
  if (hit == NULL)
    return 0;
  guint from = starts[hit - keys], to = starts[hit - keys + 1];
  memcpy (out, pool + from, (to - from) * sizeof *out);
  return to - from;
}

static gsize
decompose_hangul (gunichar c, gunichar *out)
{
  guint index = c - 0xAC00;
  out[0] = 0x1100 + index / 588;
  out[1] = 0x1161 + index % 588 / 28;
  out[2] = 0x11A7 + index % 28;
  return index % 28 ? 3 : 2;
}

gsize
gtf_unicode_decompose (gunichar c, gboolean compatibility, gunichar *out)
{
  guint32 flags = gtf_unicode_flags (c);
  gsize n = 0;
  out[0] = c;
  if (!(flags & (compatibility ? GTF_U_NFKD : GTF_U_NFD)))
    return 1;
  if (c >= 0xAC00 && c < 0xD7A4)
    return decompose_hangul (c, out);
  if (compatibility)
    n = look_up (c, nfkd_keys, G_N_ELEMENTS (nfkd_keys), nfkd_starts, nfkd_pool, out);
  return n ? n : look_up (c, nfd_keys, G_N_ELEMENTS (nfd_keys), nfd_starts, nfd_pool, out);
}

gunichar
gtf_unicode_compose (gunichar a, gunichar b)
{
  if (a >= 0x1100 && a < 0x1113 && b >= 0x1161 && b < 0x1176)
    return 0xAC00 + ((a - 0x1100) * 21 + (b - 0x1161)) * 28;
  if (a >= 0xAC00 && a < 0xD7A4 && (a - 0xAC00) % 28 == 0 && b > 0x11A7 && b < 0x11C3)
    return a + (b - 0x11A7);
  gsize low = 0, high = G_N_ELEMENTS (compose) / 3;
  while (low < high)
    {
      gsize mid = (low + high) / 2;
      const guint32 *e = compose + 3 * mid;
      if (e[0] == a && e[1] == b)
        return e[2];
      if (e[0] < a || (e[0] == a && e[1] < b))
        low = mid + 1;
      else
        high = mid;
    }
  return 0;
}

guint
gtf_unicode_ccc (gunichar c)
{
  if (!(gtf_unicode_flags (c) & GTF_U_CCC))
    return 0;
  for (gsize low = 0, high = G_N_ELEMENTS (ccc_runs) / 3; low < high;)
    {
      gsize mid = (low + high) / 2;
      const guint32 *e = ccc_runs + 3 * mid;
      if (c < e[0])
        high = mid;
      else if (c > e[1])
        low = mid + 1;
      else
        return e[2];
    }
  return 0;
}

gsize
gtf_unicode_lower (gunichar c, gunichar *out)
{
  out[0] = c;
  if (c < 128)
    {
      out[0] = c >= 'A' && c <= 'Z' ? c + 32 : c;
      return 1;
    }
  if (!(gtf_unicode_flags (c) & GTF_U_LOWER))
    return 1;
  return look_up (c, lower_keys, G_N_ELEMENTS (lower_keys), lower_starts, lower_pool, out);
}

/* ------------------------------------------------------------------ classes by name */

static const struct { const char *name, *longer; guint32 set; } categories[] =
{
#define GC(x) (1u << GTF_GC_##x)
  { "c", "other", GC (CN) | GC (CC) | GC (CF) | GC (CO) | GC (CS) }, { "cc", "control", GC (CC) }, { "cf", "format", GC (CF) },
  { "cn", "unassigned", GC (CN) }, { "co", "privateuse", GC (CO) }, { "cs", "surrogate", GC (CS) },
  { "l", "letter", GTF_GC_LETTERS }, { "lc", "casedletter", GC (LL) | GC (LT) | GC (LU) }, { "ll", "lowercaseletter", GC (LL) }, { "lm", "modifierletter", GC (LM) },
  { "lo", "otherletter", GC (LO) }, { "lt", "titlecaseletter", GC (LT) }, { "lu", "uppercaseletter", GC (LU) },
  { "m", "mark", GC (MC) | GC (ME) | GC (MN) }, { "mc", "spacingmark", GC (MC) }, { "me", "enclosingmark", GC (ME) }, { "mn", "nonspacingmark", GC (MN) },
  { "m", "combiningmark", GC (MC) | GC (ME) | GC (MN) },
  { "n", "number", GTF_GC_NUMBERS }, { "nd", "decimalnumber", GC (ND) }, { "nl", "letternumber", GC (NL) }, { "no", "othernumber", GC (NO) },
  { "p", "punctuation", GC (PC) | GC (PD) | GC (PE) | GC (PF) | GC (PI) | GC (PO) | GC (PS) }, { "pc", "connectorpunctuation", GC (PC) },
  { "pd", "dashpunctuation", GC (PD) }, { "pe", "closepunctuation", GC (PE) }, { "pf", "finalpunctuation", GC (PF) }, { "pi", "initialpunctuation", GC (PI) },
  { "po", "otherpunctuation", GC (PO) }, { "ps", "openpunctuation", GC (PS) },
  { "s", "symbol", GC (SC) | GC (SK) | GC (SM) | GC (SO) }, { "sc", "currencysymbol", GC (SC) }, { "sk", "modifiersymbol", GC (SK) },
  { "sm", "mathsymbol", GC (SM) }, { "so", "othersymbol", GC (SO) },
  { "z", "separator", GC (ZL) | GC (ZP) | GC (ZS) }, { "zl", "lineseparator", GC (ZL) }, { "zp", "paragraphseparator", GC (ZP) }, { "zs", "spaceseparator", GC (ZS) },
  { "any", "any", 0xFFFFFFFFu }, { "assigned", "assigned", ~GC (CN) }
#undef GC
};

static void
set_bits (guint32 *bits, guint32 from, guint32 to)
{
  for (guint32 c = from; c <= to; c++)
    bits[c >> 5] |= 1u << (c & 31);
}

guint32 *
gtf_unicode_property (const char *name, gsize length, gboolean inside)
{
  if (length == 4 && !inside && !g_ascii_strncasecmp (name, "word", 4))
    return gtf_unicode_class ("\\w", 2);
  return length == 5 && !g_ascii_strncasecmp (name, "punct", 5) ? gtf_unicode_class ("p", 1) : gtf_unicode_class (name, length);
}

/* Of each block of flags once; most pages share theirs with others. */
static guint32 *
bits_of_flags (guint32 categories_set, guint32 flag)
{
  guint32 *bits = g_new0 (guint32, 0x110000 / 32);
  guint32 blocks[G_N_ELEMENTS (flags_data) / 32];
  for (gsize i = 0; i < G_N_ELEMENTS (blocks); i++)
    {
      guint32 word = 0;
      for (guint j = 0; j < 32; j++)
        {
          guint32 flags = flags_data[32 * i + j];
          word |= ((categories_set >> (flags & GTF_GC_MASK) & 1) | ((flags & flag) != 0)) << j;
        }
      blocks[i] = word;
    }
  for (gsize page = 0; page < G_N_ELEMENTS (flags_index); page++)
    memcpy (bits + 8 * page, blocks + 8 * flags_index[page], 8 * sizeof *bits);
  return bits;
}

guint32 *
gtf_unicode_class (const char *name, gsize length)
{
  char key[64];
  gsize n = 0;
  for (gsize i = 0; i < length && n < sizeof key - 1; i++)
    if (name[i] != '_' && name[i] != '-' && name[i] != ' ')
      key[n++] = g_ascii_tolower (name[i]);
  key[n] = 0;
  if (!strcmp (key, "\\w"))
    return bits_of_flags (0, GTF_U_WORD);
  for (gsize i = 0; i < G_N_ELEMENTS (categories); i++)
    if (!strcmp (key, categories[i].name) || !strcmp (key, categories[i].longer))
      return bits_of_flags (categories[i].set, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (class_names); i++)
    if (!strcmp (key, class_names[i]))
      {
        guint32 *bits = g_new0 (guint32, 0x110000 / 32);
        for (gsize j = class_starts[i]; j < class_starts[i + 1]; j += 2)
          set_bits (bits, class_pool[j], class_pool[j + 1]);
        return bits;
      }
  return NULL;
}
