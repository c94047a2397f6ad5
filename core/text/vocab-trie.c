/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See vocab-trie.h. The tokens are sorted; a node is a range of them that begin alike. Nodes are put where all their children
 * find free slots, those with one child into the gaps that others leave.
 */
#include "text/vocab-trie.h"

#define FREE G_MAXUINT32
#define NOBODY (G_MAXUINT32 - 1)     /* the parent of slots that are nobody's child */
#define TRIES 64

typedef struct { guint64 key; guint32 entry; } Token;      /* key: the first eight bytes */
typedef struct { guint32 node, begin, end, depth; } Range;

typedef struct
{
  const GtfVocab *vocab;
  GtfVocabTrie *trie;
  gsize room;
  gsize gap, fresh;                  /* nodes with one child are tried from @gap on, those with more from @fresh */
} Building;

static gint
compare_tokens (gconstpointer a, gconstpointer b, gpointer data)
{
  const Token *x = a, *y = b;
  if (x->key != y->key)
    return x->key < y->key ? -1 : 1;
  const GtfVocab *vocab = data;
  const GtfVocabEntry *e = &vocab->entries[x->entry], *f = &vocab->entries[y->entry];
  gint order = memcmp (vocab->bytes + e->offset, vocab->bytes + f->offset, MIN (e->length, f->length));
  return order ? order : (e->length > f->length) - (e->length < f->length);
}

static Token *
sort_tokens (const GtfVocab *vocab, gsize *n)
{
  Token *tokens = g_try_new (Token, vocab->n_entries + 1);
  *n = 0;
  for (gsize i = 0; tokens && i < vocab->n_entries; i++)
    {
      const GtfVocabEntry *e = &vocab->entries[i];
      guint64 key = 0;
      if (e->length == 0)
        continue;
      memcpy (&key, vocab->bytes + e->offset, MIN (e->length, 8));
      tokens[(*n)++] = (Token) { GUINT64_FROM_BE (key), i };
    }
  if (tokens)
    qsort_r (tokens, *n, sizeof *tokens, compare_tokens, (gpointer) vocab);
  return tokens;
}

/* Slots @n - 1 and below, and 256 more: no look at a child goes beyond the array. */
static gboolean
have (Building *b, gsize n)
{
  GtfVocabTrie *t = b->trie;
  n += 256;
  if (n > G_MAXINT32)
    return FALSE;
  if (n > b->room)
    {
      gsize room = n + n / 2 + 1024;
      GtfVocabTrieNode *nodes = g_try_realloc_n (t->nodes, room, sizeof *nodes);
      if (nodes == NULL)
        return FALSE;
      t->nodes = nodes;
      b->room = room;
    }
  for (; t->n_nodes < n; t->n_nodes++)
    t->nodes[t->n_nodes] = (GtfVocabTrieNode) { 0, FREE, -1 };
  return TRUE;
}

/* The base of a node with children @bytes, or -1: no memory. */
static gint64
place (Building *b, const guint8 *bytes, guint n)
{
  GtfVocabTrie *t = b->trie;
  gsize *from = n == 1 ? &b->gap : &b->fresh;
  gsize at = MAX (MAX (*from, b->gap), (gsize) bytes[0] + 2);
  for (guint tries = 0;; at++, tries++)
    {
      if (!have (b, at + 1))
        return -1;
      if (t->nodes[at].parent != FREE)
        continue;
      guint i = 1;
      while (i < n && t->nodes[at - bytes[0] + bytes[i]].parent == FREE)
        i++;
      if (i == n)
        {
          if (tries > TRIES)      /* what was passed over now is not looked at again: the time stays linear */
            *from = at;
          return have (b, at - bytes[0] + 256) ? (gint64) (at - bytes[0]) : -1;
        }
    }
}

/* One node: its own token, and its children as ranges on the stack. */
static gboolean
add_node (Building *b, const Token *tokens, Range range, Range *stack, gsize *n_stack)
{
  GtfVocabTrie *t = b->trie;
  const GtfVocab *vocab = b->vocab;
  guint8 bytes[256];
  guint32 starts[257];
  guint n = 0;
  if (vocab->entries[tokens[range.begin].entry].length == range.depth)
    t->nodes[range.node].id = vocab->entries[tokens[range.begin++].entry].id;
  if (range.end - range.begin == 1 && range.depth > 0)
    t->nodes[range.node].base = -1 - (gint32) tokens[range.begin].entry;
  if (range.end - range.begin <= (range.depth > 0))
    return TRUE;
  for (guint32 i = range.begin; i < range.end; i++)
    {
      const GtfVocabEntry *e = &vocab->entries[tokens[i].entry];
      guint8 byte = range.depth < 8 ? tokens[i].key >> (56 - 8 * range.depth) : (guint8) vocab->bytes[e->offset + range.depth];
      if (n && bytes[n - 1] == byte)
        continue;
      bytes[n] = byte;
      starts[n++] = i;
    }
  starts[n] = range.end;
  gint64 base = place (b, bytes, n);
  if (base < 0)
    return FALSE;
  t->nodes[range.node].base = base;
  for (guint i = 0; i < n; i++)
    {
      t->nodes[base + bytes[i]].parent = range.node;
      stack[(*n_stack)++] = (Range) { base + bytes[i], starts[i], starts[i + 1], range.depth + 1 };
    }
  while (b->gap < t->n_nodes && t->nodes[b->gap].parent != FREE)
    b->gap++;
  return TRUE;
}

gboolean
gtf_vocab_trie_build (GtfVocabTrie *self, const GtfVocab *vocab)
{
  gsize n, n_stack = 0;
  Building b = { vocab, self, 0, 0, 0 };
  g_autofree Token *tokens = sort_tokens (vocab, &n);
  g_autofree Range *stack = g_try_new (Range, vocab->n_entries + 1);      /* ranges that wait do not overlap */
  if (tokens == NULL || stack == NULL || !have (&b, 2))
    return FALSE;
  self->nodes[0].parent = self->nodes[1].parent = NOBODY;
  if (n)
    stack[n_stack++] = (Range) { 0, 0, n, 0 };
  while (n_stack)
    if (!add_node (&b, tokens, stack[--n_stack], stack, &n_stack))
      return FALSE;
  GtfVocabTrieNode *fit = g_try_realloc_n (self->nodes, self->n_nodes, sizeof *fit);
  self->nodes = fit ? fit : self->nodes;
  for (gsize i = 0; i < self->n_nodes; i++)
    if (self->nodes[i].parent == FREE)
      self->nodes[i].parent = NOBODY;
  return TRUE;
}

void
gtf_vocab_trie_clear (GtfVocabTrie *self)
{
  g_clear_pointer (&self->nodes, g_free);
  self->n_nodes = 0;
}
