/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See charsmap.h. The file is a u32 with the size of the trie in bytes, the trie as little-endian u32, then UTF-8 texts, each
 * with a NUL at its end. A unit of the trie: bits 0-7 the label, 8 "a key ends here" (its value is at the node's offset, in bits
 * 0-30), 9 "the offset counts in 256", 10-31 the offset. From node n, byte c leads to (n ^ offset) ^ c, if that unit's label is c.
 */
#include "text/charsmap.h"

#include <string.h>

#include "text/unicode.h"

struct _GtfCharsmap
{
  guint32 *units;
  char *texts;
  gsize n_units, n_texts;
};

static gboolean
bad (const char *where, GError **error, const char *what)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: precompiled_charsmap: %s", where, what);
  return FALSE;
}

static guint32
offset_of (guint32 unit)
{
  return unit >> 10 << ((unit & 1u << 9) >> 6);
}

GtfCharsmap *
gtf_charsmap_new (const guint8 *data, gsize length, const char *where, GError **error)
{
  g_autoptr (GtfCharsmap) self = g_new0 (GtfCharsmap, 1);
  gsize size = length < 4 ? 0 : data[0] | data[1] << 8 | data[2] << 16 | (gsize) data[3] << 24;
  size -= size % 4;
  if (size < 4 || size > length - 4)
    return bad (where, error, "its trie is longer than the map or empty"), NULL;
  self->n_units = size / 4;
  self->n_texts = length - 4 - size;
  self->units = g_try_new (guint32, self->n_units);
  self->texts = g_try_malloc (self->n_texts + 1);
  if (self->units == NULL || self->texts == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: precompiled_charsmap: no memory for %" G_GSIZE_FORMAT " bytes", where, length);
      return NULL;
    }
  for (gsize i = 0; i < self->n_units; i++)
    {
      const guint8 *p = data + 4 + 4 * i;
      self->units[i] = p[0] | p[1] << 8 | p[2] << 16 | (guint32) p[3] << 24;
    }
  memcpy (self->texts, data + 4 + size, self->n_texts);
  self->texts[self->n_texts] = 0;
  if (!gtf_utf8_valid (self->texts, self->n_texts))
    return bad (where, error, "its texts are not UTF-8"), NULL;
  return g_steal_pointer (&self);
}

/* As the reference's: the standard alphabet, padded to fours, no white space, no bits left over. g_base64_decode() skips what it does not know. */
static gboolean
is_base64 (const char *text, const char *where, GError **error)
{
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  gsize n = strspn (text, alphabet), pad = strspn (text + n, "=");
  if (text[n + pad])
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: precompiled_charsmap: expected base64, found byte 0x%02x at %" G_GSIZE_FORMAT, where, (guint8) text[n + pad], n + pad);
  else if (pad > 2 || (n + pad) % 4 || (pad && (strchr (alphabet, text[n - 1]) - alphabet) & (pad == 1 ? 3 : 15)))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: precompiled_charsmap: expected base64 padded with “=” to groups of four, found %" G_GSIZE_FORMAT
                 " digits and %" G_GSIZE_FORMAT " of padding, or bits after the last byte", where, n, pad);
  else
    return TRUE;
  return FALSE;
}

GtfCharsmap *
gtf_charsmap_new_base64 (const char *text, const char *where, GError **error)
{
  gsize length;
  if (!is_base64 (text, where, error))
    return NULL;
  g_autofree guchar *data = g_base64_decode (text, &length);
  return gtf_charsmap_new (data, length, where, error);
}

void
gtf_charsmap_free (GtfCharsmap *self)
{
  if (self == NULL)
    return;
  g_free (self->units);
  g_free (self->texts);
  g_free (self);
}

GtfCharsmapResult
gtf_charsmap_find (const GtfCharsmap *self, const char *text, gsize length, const char **found)
{
  gsize node = offset_of (self->units[0]);
  for (gsize i = 0; i < length && text[i]; i++)
    {
      node ^= (guint8) text[i];
      if (node >= self->n_units)
        return GTF_CHARSMAP_BROKEN;
      guint32 unit = self->units[node];
      if ((unit & (1u << 31 | 0xFF)) != (guint8) text[i])
        return GTF_CHARSMAP_NONE;
      node ^= offset_of (unit);
      if (!(unit >> 8 & 1))
        continue;
      gsize value = node < self->n_units ? self->units[node] & G_MAXINT32 : G_MAXSIZE;
      if (value > self->n_texts || ((guint8) self->texts[value] & 0xC0) == 0x80)
        return GTF_CHARSMAP_BROKEN;
      *found = self->texts + value;
      return GTF_CHARSMAP_FOUND;
    }
  return GTF_CHARSMAP_NONE;
}

/* ------------------------------------------------------------------ graphemes */

typedef enum
{
  OTHER, CONTROL, CR, LF, EXTEND, ZWJ, SPACING, PREPEND, L, V, T, LV, LVT, REGIONAL, PICTURE, CONSONANT
} Kind;

/* What lies before a border and matters to whether it is one. */
typedef struct { Kind kind; gboolean odd_regional, picture, consonant, linked; } State;

static gboolean
joins (const State *s, Kind next)
{
  if (s->kind == CR && next == LF)
    return TRUE;
  if ((s->kind >= CONTROL && s->kind <= LF) || (next >= CONTROL && next <= LF))
    return FALSE;
  if (next == EXTEND || next == ZWJ || next == SPACING || s->kind == PREPEND)
    return TRUE;
  switch (s->kind)
    {
    case L:         return next == L || next == V || next == LV || next == LVT;
    case LV:
    case V:         return next == V || next == T;
    case LVT:
    case T:         return next == T;
    case ZWJ:       if (next == PICTURE) return s->picture; break;
    case REGIONAL:  return next == REGIONAL && s->odd_regional;
    default:        break;
    }
  return next == CONSONANT && s->consonant && s->linked;
}

static void
step (State *s, guint flags)
{
  Kind kind = flags & 15;
  gboolean ignorable = flags & (GTF_GRAPHEME_INCB_EXTEND | GTF_GRAPHEME_LINKER);
  s->odd_regional = kind == REGIONAL && !(s->kind == REGIONAL && s->odd_regional);
  /* A picture counts through extending characters and one joiner after them. */
  s->picture = kind == PICTURE || (s->picture && s->kind != ZWJ && (kind == EXTEND || kind == ZWJ));
  if (kind == CONSONANT)
    {
      s->consonant = TRUE;
      s->linked = FALSE;
    }
  else if (ignorable)
    s->linked |= (flags & GTF_GRAPHEME_LINKER) != 0;
  else
    s->consonant = FALSE;
  s->kind = kind;
}

gsize
gtf_grapheme_end (const char *text, gsize at, gsize end)
{
  guint size;
  State state = { 0 };
  step (&state, gtf_unicode_grapheme (gtf_utf8_get (text + at, &size)));
  for (at += size; at < end; at += size)
    {
      guint flags = gtf_unicode_grapheme (gtf_utf8_get (text + at, &size));
      if (!joins (&state, flags & 15))
        break;
      step (&state, flags);
    }
  return at;
}
