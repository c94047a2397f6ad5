/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All tokens of a vocabulary that a text begins with, shortest first: a trie of bytes as a double array (Aoe 1989), built once.
 * From node n, byte c leads to slot base + c, if that slot's parent is n. Where one token is left its last bytes are compared in
 * the vocabulary, so that most nodes are where tokens part.
 */
#pragma once

#include <string.h>

#include "text/vocab.h"

G_BEGIN_DECLS

typedef struct
{
  gint32 base;             /* below 0: one token is left, entry -1 - base */
  guint32 parent;
  gint32 id;               /* of the token that ends here, or -1 */
} GtfVocabTrieNode;

typedef struct { GtfVocabTrieNode *nodes; gsize n_nodes; } GtfVocabTrie;

/* Tokens without bytes are left out. FALSE: no memory. */
gboolean gtf_vocab_trie_build (GtfVocabTrie *self, const GtfVocab *vocab);
void     gtf_vocab_trie_clear (GtfVocabTrie *self);

typedef struct { guint32 node; gsize at; } GtfVocabTrieWalk;

/* From @walk, which starts as { 0, begin } (@begin too stays the same from call to call): the id of the next longer token that
 * @text has at @begin; it ends before byte walk->at. -1: there is none. */
static inline gint32
gtf_vocab_trie_next (const GtfVocabTrie *self, const GtfVocab *vocab, const char *text, gsize length, gsize begin, GtfVocabTrieWalk *walk)
{
  const GtfVocabTrieNode *node = &self->nodes[walk->node];
  while (walk->at < length)
    {
      if (node->base < 0)
        {
          const GtfVocabEntry *e = &vocab->entries[-1 - node->base];
          gsize known = walk->at - begin, rest = e->length - known;
          if (rest > length - walk->at || memcmp (vocab->bytes + e->offset + known, text + walk->at, rest))
            return -1;
          walk->at += rest;
          walk->node = 1;            /* has no children */
          return e->id;
        }
      gsize to = (gsize) node->base + (guint8) text[walk->at];
      if (self->nodes[to].parent != walk->node)
        return -1;
      walk->node = to;
      walk->at++;
      node = &self->nodes[to];
      if (node->id >= 0)
        return node->id;
    }
  return -1;
}

G_END_DECLS
