/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See user-pieces.h.
 */
#include "text/user-pieces.h"

gboolean
gtf_user_pieces_read (GtfUserPieces *self, const GtfSpm *spm, const GtfVocab *vocab, gint32 unknown, GError **error)
{
  self->ids = g_try_new (gint32, spm->n_pieces + 1);
  gboolean room = self->ids != NULL;
  for (gsize i = 0; room && i < spm->n_pieces; i++)
    {
      const GtfSpmPiece *piece = &spm->pieces[i];
      gsize n = self->vocab.n_entries;
      if (piece->type != GTF_SPM_USER_DEFINED || piece->length == 0)
        continue;
      gint32 id = gtf_vocab_find (vocab, piece->text, piece->length);
      self->ids[n] = id >= 0 ? id : unknown;
      room = gtf_vocab_add (&self->vocab, piece->text, piece->length, (gint32) n) == GTF_VOCAB_ADDED;
    }
  if (room && (self->vocab.n_entries == 0 || gtf_vocab_trie_build (&self->trie, &self->vocab)))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for the pieces that users defined", spm->name);
  return FALSE;
}

void
gtf_user_pieces_clear (GtfUserPieces *self)
{
  gtf_vocab_trie_clear (&self->trie);
  gtf_vocab_clear (&self->vocab);
  g_clear_pointer (&self->ids, g_free);
}

/* The longest one that the text has at @at: its number and its end; -1: none. */
static gint32
find (const GtfUserPieces *self, const char *text, gsize at, gsize end, gsize *stop)
{
  GtfVocabTrieWalk walk = { 0, at };
  gint32 found = -1, next;
  while ((next = gtf_vocab_trie_next (&self->trie, &self->vocab, text, end, at, &walk)) >= 0)
    {
      found = next;
      *stop = walk.at;
    }
  return found;
}

static gboolean
cut (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const GtfUserPieces *self = data;
  const char *text = pieces->buffer->text;
  gsize done = piece->begin;
  for (gsize at = done, stop; at < piece->end; at = stop)
    {
      stop = at + gtf_utf8_size (text[at]);
      gint32 found = find (self, text, at, piece->end, &stop);
      if (found < 0)
        continue;
      gtf_pieces_add (pieces, done, at);
      gtf_pieces_add_token (pieces, at, stop, self->ids[found]);
      done = stop;
    }
  gtf_pieces_add (pieces, done, piece->end);
  return TRUE;
}

gboolean
gtf_user_pieces_cut (GtfUserPieces *self, GtfPieces *pieces, GError **error)
{
  return self->trie.n_nodes == 0 || gtf_pieces_cut (pieces, cut, self, error);
}
