/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A SentencePiece model whose pieces have their ids in a file of their own (vocab.json of Marian, M2M100, Speech2Text): the inner
 * model cuts, and what it finds is looked up. A piece without an id is the unknown token.
 */
#include "text/model-wrapped.h"

#include <string.h>

static gboolean
build (GtfTextModel *model, GError **error)
{
  GtfWrappedModel *self = (GtfWrappedModel *) model;
  const GtfVocab *pieces = &self->inner->vocab;
  if (!gtf_wrapped_model_find_unk (self, error) || !gtf_wrapped_model_add_ids (self, error))
    return FALSE;
  for (gsize i = 0; i < pieces->n_ids; i++)
    {
      gsize length = 0;
      const char *text = gtf_vocab_token (pieces, (gint32) i, &length);
      self->ids[i] = text ? gtf_vocab_find (&model->vocab, text, length) : -1;
    }
  return TRUE;
}

static gboolean
tokenize (const GtfTextModel *model, const char *text, gsize length, GtfModelScratch *scratch, GtfTokens *out, GError **error)
{
  const GtfWrappedModel *self = (const GtfWrappedModel *) model;
  gsize first = out->n;
  gint32 unknown = self->inner->unk_token ? gtf_vocab_find (&self->inner->vocab, self->inner->unk_token, strlen (self->inner->unk_token)) : (gint32) self->inner->unk_id;
  if (!self->inner->klass->tokenize (self->inner, text, length, scratch, out, error))
    return FALSE;
  for (gsize i = first; i < out->n; i++)
    {
      GtfToken *t = &out->tokens[i];
      /* What SentencePiece does not know keeps its text, and may have an id all the same. */
      gint32 id = t->id == unknown ? gtf_vocab_find (&model->vocab, text + t->begin, t->end - t->begin) : self->ids[t->id];
      t->id = id >= 0 ? id : self->unk;
    }
  return TRUE;
}

gboolean
gtf_text_model_cut_code (gpointer model, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const GtfWrappedModel *self = model;
  const char *text = pieces->buffer->text + piece->begin;
  gsize length = piece->end - piece->begin, end = 0;
  for (gsize i = 2; length > 3 && text[0] == '>' && text[1] == '>' && end == 0 && i + 1 < length; i++)
    end = text[i] == '<' && text[i + 1] == '<' ? i + 2 : 0;
  if (end)
    {
      gint32 id = gtf_vocab_find (&self->parent.vocab, text, end);
      gtf_pieces_add_token (pieces, piece->begin, piece->begin + end, id >= 0 ? id : self->unk);
    }
  gtf_pieces_add (pieces, piece->begin + end, piece->end);
  return TRUE;
}

static const GtfTextModelClass klass = { "Mapped", sizeof (GtfWrappedModel), build, tokenize, gtf_wrapped_model_clear };

gboolean
gtf_text_model_has_piece (const GtfTextModel *model, const char *text, gsize length)
{
  return model->klass != &klass || gtf_vocab_find (&((const GtfWrappedModel *) model)->inner->vocab, text, length) >= 0;
}

GtfTextModel *
gtf_text_model_new_mapped (GtfTextModel *inner, const char *file, const char *unk_token)
{
  return gtf_wrapped_model_new (&klass, inner, file, unk_token);
}
