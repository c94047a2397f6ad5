/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The normalizers that put other characters in the place of several (forms.h). What is to be written is a row of parts, each of which knows of how many
 * characters it takes the place.
 */
#include "text/forms.h"

#include <string.h>

typedef struct { gunichar c; guint8 ccc; gint change; } Part;      /* change: 1 put in, 0 in place of one, -n one and n more */
typedef struct { GtfPieces *pieces; const GtfPiece *piece; gsize at; } Writer;

static void
write_part (Writer *w, const Part *p)
{
  const GtfBuffer *in = w->pieces->buffer;
  gboolean in_place = p->change <= 0 && w->at < w->piece->end;
  gtf_pieces_emit (w->pieces, p->c, in_place ? in->span[w->at] : gtf_pieces_span_before (w->pieces, w->piece, w->at));
  for (gint i = p->change; i <= 0 && w->at < w->piece->end; i++)
    w->at += gtf_utf8_size (in->text[w->at]);
}

/* ------------------------------------------------------------------ NFD, NFKD, NFC, NFKC */

static void
sort_marks (Part *parts, gsize n)
{
  for (gsize i = 1; i < n; i++)
    {
      Part p = parts[i];
      gsize j = i;
      for (; p.ccc && j > 0 && parts[j - 1].ccc > p.ccc; j--)
        parts[j] = parts[j - 1];
      parts[j] = p;
    }
}

/* Composes a run that begins with a starter (or has none) in place; how many parts are left. */
static gsize
compose_run (Part *parts, gsize n)
{
  gssize starter = -1;
  gsize kept = 0;
  guint last = 0;
  for (gsize i = 0; i < n; i++)
    {
      Part p = parts[i];
      gboolean adjacent = starter >= 0 && (gsize) starter + 1 == kept;
      gunichar made = starter >= 0 && (adjacent || last < p.ccc) ? gtf_unicode_compose (parts[starter].c, p.c) : 0;
      if (made)
        {
          parts[starter].c = made;
          parts[starter].change += p.change - 1;
          continue;
        }
      if (p.ccc == 0)
        starter = kept;
      last = p.ccc;
      parts[kept++] = p;
    }
  return kept;
}

static gboolean
simple_char (gunichar c, const GtfForms *self)
{
  return c < 0x80 || !(gtf_unicode_flags (c) & ((self->compatibility ? GTF_U_NFKD : GTF_U_NFD) | GTF_U_CCC | GTF_U_SECOND));
}

gboolean
gtf_forms_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const GtfForms *self = data;
  const char *text = pieces->buffer->text;
  g_autoptr (GArray) parts = NULL;
  Writer w = { pieces, piece, piece->begin };
  while (w.at < piece->end)
    {
      /* As far as nothing changes, and the next character does not either, it is copied. */
      gsize from = w.at, to = from, last = from;
      guint size = 0;
      for (; to < piece->end && simple_char (gtf_utf8_get (text + to, &size), self); to += size)
        last = to;
      if (to == piece->end)
        {
          gtf_pieces_copy (pieces, from, to);
          break;
        }
      if (last > from)
        gtf_pieces_copy (pieces, from, last);
      w.at = last;
      /* A stretch that changes: up to the next two characters in a row that cannot. */
      gunichar out[20];
      if (parts == NULL)
        parts = g_array_new (FALSE, FALSE, sizeof (Part));
      g_array_set_size (parts, 0);
      guint simple = 0;
      gsize at = last;
      while (at < piece->end)
        {
          gunichar c = gtf_utf8_get (text + at, &size);
          simple = simple_char (c, self) && at > last ? simple + 1 : 0;
          if (simple == 2)
            break;
          gsize n = gtf_unicode_decompose (c, self->compatibility, out);
          for (gsize i = 0; i < n; i++)
            {
              Part p = { out[i], gtf_unicode_ccc (out[i]), i > 0 };
              g_array_append_val (parts, p);
            }
          at += size;
        }
      Part *p = (Part *) (gpointer) parts->data;
      sort_marks (p, parts->len);
      gsize n = self->compose ? compose_run (p, parts->len) : parts->len;
      for (gsize i = 0; i < n; i++)
        write_part (&w, &p[i]);
      w.at = at;
    }
  return TRUE;
}

gboolean
gtf_forms_apply (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, gtf_forms_piece, self, error);
}

gboolean
gtf_forms_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  GtfForms *self = (GtfForms *) pass;
  self->compatibility = pass->klass->type[2] == 'K';
  self->compose = pass->klass->type[strlen (pass->klass->type) - 1] == 'C';
  return TRUE;
}

/* ------------------------------------------------------------------ Precompiled */

static gboolean
precompiled_broken (const GtfPrecompiled *self, GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: precompiled_charsmap: points outside itself", self->where);
  return FALSE;
}

gboolean
gtf_precompiled_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  GtfPrecompiled *self = (GtfPrecompiled *) pass;
  const char *text = gtf_pass_string (config, "precompiled_charsmap", where, error);
  if (text == NULL)
    return FALSE;
  self->where = g_strdup (where);
  if (!(self->map = gtf_charsmap_new_base64 (text, where, error)))
    return FALSE;
  for (guint c = 1; c < 128; c++)
    if (gtf_charsmap_find (self->map, (char[]) { c }, 1, &self->ascii[c]) == GTF_CHARSMAP_BROKEN)
      return precompiled_broken (self, error);
  return TRUE;
}

void
gtf_precompiled_clear (GtfPass *pass)
{
  GtfPrecompiled *self = (GtfPrecompiled *) pass;
  g_clear_pointer (&self->map, gtf_charsmap_free);
  g_free (self->where);
}

/* @text takes the place of the characters from @at to @end. Counted as the reference counts: what is longer puts in its last
 * characters, what is shorter lets the last character written so far (if any) swallow the rest. */
static void
replace_part (GArray *parts, const GtfPieces *pieces, gsize at, gsize end, const char *text)
{
  gint diff = 0;
  guint size;
  for (; at < end; at += gtf_utf8_size (pieces->buffer->text[at]))
    diff--;
  for (const char *p = text; *p; p += size, diff++)
    {
      Part part = { gtf_utf8_get (p, &size), 0, 0 };
      g_array_append_val (parts, part);
    }
  for (gint i = 0; i < diff; i++)
    g_array_index (parts, Part, parts->len - 1 - i).change = 1;
  if (diff < 0 && parts->len)
    g_array_index (parts, Part, parts->len - 1).change += diff;
}

static gboolean
precompiled_grapheme (const GtfPrecompiled *self, const GtfPieces *pieces, gsize at, gsize end, GArray *parts, gboolean *changed, GError **error)
{
  const char *text = pieces->buffer->text, *found;
  GtfCharsmapResult result = end - at < 6 ? gtf_charsmap_find (self->map, text + at, end - at, &found) : GTF_CHARSMAP_NONE;
  if (result == GTF_CHARSMAP_FOUND)
    {
      replace_part (parts, pieces, at, end, found);
      return *changed = TRUE;
    }
  for (guint size; result != GTF_CHARSMAP_BROKEN && at < end; at += size)
    {
      Part part = { gtf_utf8_get (text + at, &size), 0, 0 };
      result = gtf_charsmap_find (self->map, text + at, size, &found);
      if (result == GTF_CHARSMAP_FOUND)
        {
          replace_part (parts, pieces, at, at + size, found);
          *changed = TRUE;
        }
      else
        g_array_append_val (parts, part);
    }
  return result != GTF_CHARSMAP_BROKEN || precompiled_broken (self, error);
}

static gboolean
precompiled_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const GtfPrecompiled *self = data;
  const char *text = pieces->buffer->text;
  gsize plain = piece->begin;
  while (plain < piece->end && (guint8) text[plain] < 128 && text[plain] != '\r' && self->ascii[(guint8) text[plain]] == NULL)
    plain++;
  if (plain == piece->end)
    return gtf_pieces_copy (pieces, piece->begin, piece->end), TRUE;
  g_autoptr (GArray) parts = g_array_new (FALSE, FALSE, sizeof (Part));
  gboolean changed = FALSE;
  for (gsize at = piece->begin, next; at < piece->end; at = next)
    {
      /* An ASCII character before another is a grapheme of its own, but for CR LF. */
      guint8 c = text[at];
      gboolean alone = c < 128 && c != '\r' && (at + 1 == piece->end || (guint8) text[at + 1] < 128);
      next = alone ? at + 1 : gtf_grapheme_end (text, at, piece->end);
      if (alone && self->ascii[c] == NULL)
        {
          Part part = { c, 0, 0 };
          g_array_append_val (parts, part);
        }
      else if (!precompiled_grapheme (self, pieces, at, next, parts, &changed, error))
        return FALSE;
    }
  Writer w = { pieces, piece, piece->begin };
  for (guint i = 0; changed && i < parts->len; i++)
    write_part (&w, &g_array_index (parts, Part, i));
  if (!changed)
    gtf_pieces_copy (pieces, piece->begin, piece->end);
  return TRUE;
}

gboolean
gtf_precompiled_apply (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, precompiled_piece, self, error);
}
