/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See vocab-trie.h. A node is a range of tokens that begin alike; it is put in order by the byte in which they part, and so falls into
 * the ranges of its children (a radix sort from the left, done on the way). Nodes are put where all their children find free slots,
 * those with one child into the gaps that others leave.
 */
#include "text/vocab-trie.h"

#define FREE G_MAXUINT32
#define NOBODY (G_MAXUINT32 - 1)     /* the parent of slots that are nobody's child */
#define TRIES 16
#define FEW 16                       /* so many tokens are put in their final order at once */

typedef struct { guint64 key; guint32 entry, length; } Token;      /* key: the first eight bytes */
typedef struct { guint32 node, begin, end, depth; gboolean ordered; } Range;

typedef struct
{
  const GtfVocab *vocab;
  GtfVocabTrie *trie;
  Token *tokens, *spare;
  gsize room;
  gsize gap, fresh;                  /* nodes with one child are tried from @gap on, those with more from @fresh */
} Building;

static Token *
list_tokens (const GtfVocab *vocab, gsize *n)
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
      tokens[(*n)++] = (Token) { GUINT64_FROM_BE (key), i, e->length };
    }
  return tokens;
}

static gboolean
token_before (const Building *b, const Token *x, const Token *y)
{
  if (x->key != y->key)
    return x->key < y->key;
  const GtfVocab *vocab = b->vocab;
  gint order = memcmp (vocab->bytes + vocab->entries[x->entry].offset, vocab->bytes + vocab->entries[y->entry].offset, MIN (x->length, y->length));
  return order < 0 || (order == 0 && x->length < y->length);
}

static inline guint8
byte_at (const Building *b, const Token *token, guint32 depth)
{
  return depth < 8 ? token->key >> (56 - 8 * depth) : (guint8) b->vocab->bytes[b->vocab->entries[token->entry].offset + depth];
}

static void
order_few (const Building *b, Token *tokens, gsize n)
{
  for (gsize i = 1; i < n; i++)
    {
      Token token = tokens[i];
      gsize at = i;
      for (; at > 0 && token_before (b, &token, &tokens[at - 1]); at--)
        tokens[at] = tokens[at - 1];
      tokens[at] = token;
    }
}

/* By their byte at @depth, after the one that ends there. */
static void
order_many (Building *b, Token *tokens, gsize n, guint32 depth)
{
  guint32 starts[258] = { 0 };
#define BUCKET(t) ((t)->length == depth ? 0u : 1u + byte_at (b, t, depth))
  for (gsize i = 0; i < n; i++)
    starts[1 + BUCKET (&tokens[i])]++;
  for (guint i = 1; i < G_N_ELEMENTS (starts); i++)
    starts[i] += starts[i - 1];
  for (gsize i = 0; i < n; i++)
    b->spare[starts[BUCKET (&tokens[i])]++] = tokens[i];
#undef BUCKET
  memcpy (tokens, b->spare, n * sizeof *tokens);
}

static void
order (Building *b, Range *range)
{
  gsize n = range->end - range->begin;
  if (!range->ordered && n > FEW)
    order_many (b, b->tokens + range->begin, n, range->depth);
  else if (!range->ordered)
    order_few (b, b->tokens + range->begin, n);
  range->ordered |= n <= FEW;
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
add_node (Building *b, Range range, Range *stack, gsize *n_stack)
{
  GtfVocabTrie *t = b->trie;
  const Token *tokens = b->tokens;
  guint8 bytes[256];
  guint32 starts[257];
  guint n = 0;
  order (b, &range);
  if (tokens[range.begin].length == range.depth)
    t->nodes[range.node].id = b->vocab->entries[tokens[range.begin++].entry].id;
  if (range.end - range.begin == 1 && range.depth > 0)
    t->nodes[range.node].base = -1 - (gint32) tokens[range.begin].entry;
  if (range.end - range.begin <= (range.depth > 0))
    return TRUE;
  for (guint32 i = range.begin; i < range.end; i++)
    {
      guint8 byte = byte_at (b, &tokens[i], range.depth);
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
      stack[(*n_stack)++] = (Range) { base + bytes[i], starts[i], starts[i + 1], range.depth + 1, range.ordered };
    }
  while (b->gap < t->n_nodes && t->nodes[b->gap].parent != FREE)
    b->gap++;
  return TRUE;
}

gboolean
gtf_vocab_trie_build (GtfVocabTrie *self, const GtfVocab *vocab)
{
  gsize n, n_stack = 0;
  g_autofree Token *tokens = list_tokens (vocab, &n);
  g_autofree Token *spare = g_try_new (Token, n + 1);
  Building b = { vocab, self, tokens, spare, 0, 0, 0 };
  g_autofree Range *stack = g_try_new (Range, vocab->n_entries + 1);      /* ranges that wait do not overlap */
  if (tokens == NULL || spare == NULL || stack == NULL || !have (&b, 2))
    return FALSE;
  self->nodes[0].parent = self->nodes[1].parent = NOBODY;
  if (n)
    stack[n_stack++] = (Range) { 0, 0, n, 0 };
  while (n_stack)
    if (!add_node (&b, stack[--n_stack], stack, &n_stack))
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
