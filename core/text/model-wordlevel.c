/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * WordLevel: a piece is a token as it is, or the unknown one.
 */
#include "text/model.h"

#include <string.h>

static gboolean
build (GtfTextModel *self, GError **error)
{
  if (self->unk_token == NULL)
    self->unk_token = g_strdup ("<unk>");
  return TRUE;
}

static gboolean
tokenize (const GtfTextModel *self, const char *text, gsize length, GtfModelScratch *scratch, GtfTokens *out, GError **error)
{
  gint32 id = gtf_vocab_find (&self->vocab, text, length);
  if (id < 0)
    id = gtf_vocab_find (&self->vocab, self->unk_token, strlen (self->unk_token));
  if (id < 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.unk_token: “%s” is not in the vocabulary", self->file, self->unk_token);
      return FALSE;
    }
  gtf_tokens_add (out, id, 0, length);
  return TRUE;
}

const GtfTextModelClass gtf_text_model_wordlevel = { "WordLevel", sizeof (GtfTextModel), build, tokenize, NULL };
