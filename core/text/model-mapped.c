/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A SentencePiece model whose pieces have their ids in a file of their own (vocab.json of Marian, M2M100, Speech2Text): the inner
 * model cuts, and what it finds is looked up. A piece without an id is the unknown token.
 */
#include "text/model.h"

#include <string.h>

typedef struct { GtfTextModel parent; GtfTextModel *inner; gint32 *ids; gint32 unk; } Mapped;

static gboolean
build (GtfTextModel *model, GError **error)
{
  Mapped *self = (Mapped *) model;
  const GtfVocab *pieces = &self->inner->vocab;
  self->unk = model->unk_token ? gtf_vocab_find (&model->vocab, model->unk_token, strlen (model->unk_token)) : -1;
  if (self->unk < 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the unknown token “%s” is not in it", model->file, model->unk_token ? model->unk_token : "null");
      return FALSE;
    }
  self->ids = g_try_new (gint32, pieces->n_ids + 1);
  if (self->ids == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for its ids", model->file);
      return FALSE;
    }
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
  const Mapped *self = (const Mapped *) model;
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
  const Mapped *self = model;
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

static void
clear (GtfTextModel *model)
{
  gtf_text_model_free (((Mapped *) model)->inner);
  g_free (((Mapped *) model)->ids);
}

GtfTextModel *
gtf_text_model_new_mapped (GtfTextModel *inner, const char *file, const char *unk_token)
{
  static const GtfTextModelClass klass = { "Mapped", sizeof (Mapped), build, tokenize, clear };
  Mapped *self = g_new0 (Mapped, 1);
  self->parent.klass = &klass;
  self->parent.file = g_strdup (file);
  self->parent.unk_id = -1;
  self->parent.unk_token = g_strdup (unk_token);
  self->inner = inner;
  return &self->parent;
}
