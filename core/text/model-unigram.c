/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Unigram: of all ways to cut a piece into tokens the one with the highest sum of scores (Viterbi over bytes, as in
 * SentencePiece). Characters that no token has cost the lowest score less 10; neighbouring unknown ones become one token.
 */
#include "text/model.h"
#include "text/unicode.h"
#include "text/vocab-trie.h"

#include <math.h>
#include <string.h>

#define UNKNOWN_PENALTY 10.0

typedef struct { GtfTextModel parent; double unk_score; GtfVocabTrie trie; } Unigram;
/* The best way to here ends with token @id from @start. On the way back: the token that starts here, and its end. */
typedef struct { double score; gint32 id; guint32 start; gboolean set; gint32 next_id; guint32 next; } Node;

static gboolean
build (GtfTextModel *model, GError **error)
{
  Unigram *self = (Unigram *) model;
  if (model->unk_id >= (gint64) model->n_scores)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.unk_id: %" G_GINT64_FORMAT " is outside the vocabulary of %" G_GSIZE_FORMAT " tokens", model->file,
                   model->unk_id, model->n_scores);
      return FALSE;
    }
  if (model->n_scores < model->vocab.n_ids)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.vocab: Unigram needs an array of [token, score]", model->file);
      return FALSE;
    }
  double lowest = INFINITY;
  for (gsize i = 0; i < model->n_scores; i++)
    lowest = MIN (lowest, model->scores[i]);
  self->unk_score = lowest - UNKNOWN_PENALTY;
  if (!gtf_vocab_trie_build (&self->trie, &model->vocab))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: model.vocab: no memory for its trie", model->file);
      return FALSE;
    }
  return TRUE;
}

static void
clear (GtfTextModel *model)
{
  gtf_vocab_trie_clear (&((Unigram *) model)->trie);
}

static void
reach (Node *node, double score, gsize start, gint32 id)
{
  if (!node->set || score > node->score)
    {
      node->score = score;
      node->id = id;
      node->start = start;
      node->set = TRUE;
    }
}

/* A run of characters without tokens. */
static gboolean
add_unknown (const Unigram *self, const char *text, gsize begin, gsize end, GtfTokens *out)
{
  const GtfTextModel *model = &self->parent;
  gint32 id = gtf_vocab_find (&model->vocab, text + begin, end - begin);
  if (id < 0 && model->byte_fallback)
    {
      gsize n = out->n;
      gsize i = begin;
      for (; i < end; i++)
        {
          gint32 byte = gtf_text_model_byte_id (model, text[i]);
          if (byte < 0)
            break;
          gtf_tokens_add (out, byte, begin, end);
        }
      if (i == end)
        return TRUE;
      out->n = n;
    }
  if (id < 0)
    id = model->unk_id;
  if (id < 0)
    return FALSE;
  gtf_tokens_add (out, id, begin, end);
  return TRUE;
}

static gboolean
no_unknown (const GtfTextModel *model, GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.unk_id: the text has a character without a token, and there is no unknown token", model->file);
  return FALSE;
}

static gboolean
search (const Unigram *self, const char *text, gsize length, Node *nodes, GError **error)
{
  const GtfTextModel *model = &self->parent;
  memset (nodes, 0, (length + 1) * sizeof *nodes);
  for (gsize at = 0; at < length;)
    {
      guint size = gtf_utf8_size (text[at]);
      GtfVocabTrieWalk walk = { 0, at };
      gboolean single = FALSE;
      for (gint32 id; (id = gtf_vocab_trie_next (&self->trie, &model->vocab, text, length, at, &walk)) >= 0;)
        {
          reach (&nodes[walk.at], model->scores[id] + nodes[at].score, at, id);
          single |= walk.at == at + size;
        }
      if (!single)
        {
          Node *node = &nodes[at + size];
          if (model->unk_id < 0 && (!node->set || self->unk_score + nodes[at].score > node->score))
            return no_unknown (model, error);
          reach (node, self->unk_score + nodes[at].score, at, model->unk_id);
        }
      at += size;
    }
  return TRUE;
}

static gboolean
tokenize (const GtfTextModel *model, const char *text, gsize length, GtfModelScratch *scratch, GtfTokens *out, GError **error)
{
  const Unigram *self = (const Unigram *) model;
  Node *nodes = gtf_model_scratch_get (scratch, (length + 1) * sizeof *nodes);
  if (nodes == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "text: no memory to tokenize a piece of %" G_GSIZE_FORMAT " bytes", length);
      return FALSE;
    }
  if (!search (self, text, length, nodes, error))
    return FALSE;
  /* Backwards: each node's end goes where the next token starts, unknown neighbours as one. */
  for (gsize end = length; end > 0;)
    {
      gsize start = nodes[end].start;
      gboolean unknown = nodes[end].id == model->unk_id;
      while (unknown && start > 0 && nodes[start].id == model->unk_id)
        start = nodes[start].start;
      nodes[start].next = end;
      nodes[start].next_id = unknown ? -1 : nodes[end].id;
      end = start;
    }
  for (gsize begin = 0; begin < length; begin = nodes[begin].next)
    if (nodes[begin].next_id >= 0)
      gtf_tokens_add (out, nodes[begin].next_id, begin, nodes[begin].next);
    else if (!add_unknown (self, text, begin, nodes[begin].next, out))
      return no_unknown (model, error);
  return TRUE;
}

const GtfTextModelClass gtf_text_model_unigram = { "Unigram", sizeof (Unigram), build, tokenize, clear, NULL };
