/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * WordPiece: from the left, the longest token of the vocabulary, those after the first with a prefix ("##"). A word of which
 * any part is unknown, or that is too long, is the unknown token.
 */
#include "text/model.h"
#include "text/unicode.h"

#include <string.h>

typedef struct { GtfTextModel parent; gint32 unk; gsize n_prefix, longest; } WordPiece;

static gboolean
build (GtfTextModel *model, GError **error)
{
  WordPiece *self = (WordPiece *) model;
  if (model->prefix == NULL)
    model->prefix = g_strdup ("##");
  if (model->unk_token == NULL)
    model->unk_token = g_strdup ("[UNK]");
  self->n_prefix = strlen (model->prefix);
  self->unk = gtf_vocab_find (&model->vocab, model->unk_token, strlen (model->unk_token));
  for (gsize i = 0; i < model->vocab.n_entries; i++)
    self->longest = MAX (self->longest, model->vocab.entries[i].length);
  return TRUE;
}

static gboolean
unknown (const WordPiece *self, gsize length, GtfTokens *out, gsize first, GError **error)
{
  if (self->unk < 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.unk_token: “%s” is not in the vocabulary", self->parent.file, self->parent.unk_token);
      return FALSE;
    }
  out->n = first;
  gtf_tokens_add (out, self->unk, 0, length);
  return TRUE;
}

static gboolean
tokenize (const GtfTextModel *model, const char *text, gsize length, GtfModelScratch *scratch, GtfTokens *out, GError **error)
{
  const WordPiece *self = (const WordPiece *) model;
  gsize first = out->n, chars = 0;
  for (gsize i = 0; i < length; i++)
    chars += ((guint8) text[i] & 0xC0) != 0x80;
  if (chars > (gsize) model->max_chars)
    return unknown (self, length, out, first, error);
  char *word = gtf_model_scratch_get (scratch, length + self->n_prefix + 1);
  if (word == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "text: no memory to tokenize a word of %" G_GSIZE_FORMAT " bytes", length);
      return FALSE;
    }
  memcpy (word + self->n_prefix, text, length);
  for (gsize begin = 0; begin < length;)
    {
      /* The prefix takes the place of what has been tokenized already. */
      gsize prefix = begin ? self->n_prefix : 0, end = MIN (length, begin + self->longest);
      char *from = word + self->n_prefix + begin - prefix;
      gint32 id = -1;
      memcpy (from, model->prefix, prefix);
      while (end < length && ((guint8) text[end] & 0xC0) == 0x80)
        end--;
      for (; end > begin; end = gtf_utf8_before (text, end))
        if ((id = gtf_vocab_find (&model->vocab, from, prefix + end - begin)) >= 0)
          break;
      if (id < 0)
        return unknown (self, length, out, first, error);
      gtf_tokens_add (out, id, begin, end);
      begin = end;
    }
  return TRUE;
}

const GtfTextModelClass gtf_text_model_wordpiece = { "WordPiece", sizeof (WordPiece), build, tokenize, NULL };
