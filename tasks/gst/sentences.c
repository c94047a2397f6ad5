/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sentences.h"

#include <string.h>

#define MOST_BYTES 600                          /* of what has no end by itself */
#define LONGEST (30 * GST_SECOND)

void
gtf_sentence_free (GtfSentence *self)
{
  g_free (self->text);
  g_free (self);
}

void
gtf_sentences_init (GtfSentences *self)
{
  self->text = g_string_new (NULL);
  gtf_sentences_reset (self);
}

void
gtf_sentences_clear (GtfSentences *self)
{
  g_string_free (self->text, TRUE);
}

void
gtf_sentences_reset (GtfSentences *self)
{
  g_string_truncate (self->text, 0);
  self->start = self->end = 0;
  self->words = FALSE;
}

/* ---- where a sentence ends ---- */

/* The bytes of a mark that ends a sentence; 0: there is none. */
static gsize
end_mark (const char *p)
{
  static const char *const marks[] = { ".", "!", "?", "…", "。", "！", "？", "؟", "।" };

  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    if (g_str_has_prefix (p, marks[i]))
      return strlen (marks[i]);
  return 0;
}

static gsize
closing_mark (const char *p)
{
  static const char *const marks[] = { "\"", "'", ")", "]", "”", "’", "»", "」", "』", "）" };

  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    if (g_str_has_prefix (p, marks[i]))
      return strlen (marks[i]);
  return 0;
}

/* Does the full stop at @stop belong to "Dr." or to the initial of a name? */
static gboolean
is_abbreviation (const char *text, const char *stop)
{
  static const char *const known[] = { "Mr", "Mrs", "Ms", "Dr", "Prof", "St", "vs", "e.g", "i.e", "No", "Sr", "Jr", "z.B", "Nr", "Hr", "Fr", "M", "Mme" };
  const char *start = stop;
  gsize n;

  while (start > text && !g_ascii_isspace (start[-1]))
    start--;
  n = (gsize) (stop - start);
  if (n == 1 && g_ascii_isupper (*start) && *start != 'I')
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (strlen (known[i]) == n && strncmp (known[i], start, n) == 0)
      return TRUE;
  return FALSE;
}

/* Where the first sentence of @text ends; 0: it does not. */
static gsize
sentence_end (const char *text)
{
  for (const char *p = text; *p; p = g_utf8_next_char (p))
    {
      gsize n = end_mark (p);
      const char *after = p;
      gboolean wide = (guchar) *p == 0xe3 || (guchar) *p == 0xef;      /* 。！？ stand without a space after them */

      if (n == 0 || (*p == '.' && is_abbreviation (text, p)))
        continue;
      while ((n = end_mark (after)) > 0 || (n = closing_mark (after)) > 0)
        after += n;
      if (wide || !*after || g_ascii_isspace (*after))
        return (gsize) (after - text);
      p = after - 1;
      while (p > text && ((guchar) *p & 0xc0) == 0x80)
        p--;
    }
  return 0;
}

/* ---- what comes in ---- */

static void
take (GtfSentences *self, gsize n, GstClockTime end, GPtrArray *complete)
{
  g_autofree char *text = g_strstrip (g_strndup (self->text->str, n));
  GtfSentence *sentence;

  g_string_erase (self->text, 0, (gssize) n);
  if (*text)
    {
      sentence = g_new0 (GtfSentence, 1);
      sentence->text = g_strdelimit (g_steal_pointer (&text), "\r\n\t", ' ');
      sentence->start = self->start;
      sentence->end = end;
      g_ptr_array_add (complete, sentence);
    }
  self->start = end;
}

static gboolean
is_cjk (gunichar c)
{
  return c >= 0x2e80 && c < 0xe000 && !(c >= 0xac00 && c < 0xd7b0);
}

/* Lines have no space between them, words bring it, and some scripts want none. */
static gboolean
wants_space (const GtfSentences *self, const char *text)
{
  const char *last;

  if (self->words || self->text->len == 0 || g_ascii_isspace (*text) || g_ascii_ispunct (*text))
    return FALSE;
  last = g_utf8_prev_char (self->text->str + self->text->len);
  return !g_ascii_isspace (*last) && !(is_cjk (g_utf8_get_char (last)) && is_cjk (g_utf8_get_char (text)));
}

void
gtf_sentences_add (GtfSentences *self, const char *text, GstClockTime start, GstClockTime end, GPtrArray *complete)
{
  gsize before = self->text->len, n, total, taken = 0;

  if (!*text)
    return;
  self->words |= *text == ' ';
  if (before == 0)
    self->start = start;
  if (wants_space (self, text))
    g_string_append_c (self->text, ' ');
  g_string_append (self->text, text);
  total = self->text->len;
  /* Within a buffer, time passes with its characters. */
  while ((n = sentence_end (self->text->str)) > 0)
    {
      gsize at = MAX (taken + n, before) - before;

      taken += n;
      take (self, n, start + gst_util_uint64_scale (end - start, at, total - before), complete);
    }
  self->end = end;
  if (self->text->len > MOST_BYTES || (self->text->len > 0 && end > self->start + LONGEST))
    gtf_sentences_close (self, complete);
}

void
gtf_sentences_close (GtfSentences *self, GPtrArray *complete)
{
  if (self->text->len > 0)
    take (self, self->text->len, self->end, complete);
}
