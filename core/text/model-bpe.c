/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Byte pair encoding: a piece starts as its characters, then of all neighbours that have a merge those of the lowest rank,
 * the leftmost first, become one, until none has. Short pieces search their ranks one after the other; long ones keep them in
 * a heap, so that a piece of n characters costs n log n.
 */
#include "text/model.h"
#include "text/unicode.h"

#include <string.h>

#include "base/pages.h"

typedef struct { guint32 check, merge; } Slot;      /* which merge has this hash, if it has it at all: rank + 1, or 0 */

typedef struct
{
  GtfTextModel parent;
  Slot *table;
  gsize mask;
  gint32 bytes[256];             /* byte_fallback */
  gint32 ascii[128];             /* the id of a single ASCII character without marks, or -1 */
  gint32 unk;
  gsize n_prefix, n_suffix;
  gboolean words;                /* merges do not go from any character to U+2581 after it */
  guint8 goes_on[256];           /* but from characters with this last byte */
} Bpe;

typedef struct { gint32 id; guint32 length; gint32 prev, next; } Symbol;
typedef struct { guint32 rank, at, id; } Entry;

#define NO_MERGE G_MAXUINT32

static inline guint64
pair_hash (gint32 left, gint32 right)
{
  guint64 h = ((guint64) left << 32 | (guint32) right) * 0x9E3779B97F4A7C15ull;
  return h ^ h >> 32;
}

#define MARK "\xE2\x96\x81"

/* Where the marks from @at on end. */
static inline gsize
skip_marks (const char *text, gsize length, gsize at)
{
  while (length - at >= 3 && !memcmp (text + at, MARK, 3))
    at += 3;
  return at;
}

/* Where the next mark begins from @at on, or the end. Words are short: memmem() would take longer to begin than to find it. */
static inline gsize
next_mark (const char *text, gsize length, gsize at)
{
  for (; length - at >= 3; at++)
    if (text[at] == MARK[0] && text[at + 1] == MARK[1] && text[at + 2] == MARK[2])
      return at;
  return length;
}

/* Whether what the token has before byte @at may be the name of something else: of a byte, or of all that is unknown. */
static gboolean
ends_with_name (const GtfTextModel *model, const char *token, gsize at)
{
  gsize n = model->unk_token ? strlen (model->unk_token) : 0;
  return (n > 0 && at >= n && !memcmp (token + at - n, model->unk_token, n)) || (at >= 6 && !memcmp (token + at - 6, "<0x", 3) && token[at - 1] == '>');
}

/* SentencePiece's texts are one piece. Where no token has its mark for a space after another character, no merge crosses that
 * place, and a text falls into words that can be remembered; bytes that a merge does go on from to a mark (Gemma 3 has one token of
 * that kind, ">" and "</" with a space between) are noted. Not where characters without a token are left out: they move the offsets of all
 * that follow. */
static gboolean
falls_into_words (Bpe *self)
{
  const GtfTextModel *model = &self->parent;
  for (guint i = 0; i < 256 && model->unk_token == NULL; i++)
    if (!model->byte_fallback || gtf_text_model_byte_id (model, i) < 0)
      return FALSE;
  if (model->ignore_merges || (model->prefix && *model->prefix) || (model->suffix && *model->suffix) || gtf_vocab_find (&model->vocab, MARK, 3) < 0)
    return FALSE;
  for (gsize i = 0; i < model->n_merges; i++)
    {
      gsize length = 0;
      const char *token = gtf_vocab_token (&model->vocab, model->merges[i].made, &length);
      for (gsize at = 0; (at = next_mark (token, length, skip_marks (token, length, at))) < length;)
        {
          if (ends_with_name (model, token, at))
            return FALSE;
          self->goes_on[(guint8) token[at - 1]] = TRUE;
        }
    }
  return TRUE;
}

static gsize
part_end (const GtfTextModel *model, const char *text, gsize length, gsize at)
{
  const Bpe *self = (const Bpe *) model;
  if (!self->words)
    return length;
  do
    at = next_mark (text, length, skip_marks (text, length, at));
  while (at < length && self->goes_on[(guint8) text[at - 1]]);
  return at;
}

/* Where the merge of two tokens is in the table, or the free slot where it would be. */
static inline Slot *
find_slot (const Bpe *self, gint32 left, gint32 right)
{
  const GtfMerge *merges = self->parent.merges;
  guint64 hash = pair_hash (left, right);
  for (gsize at = (hash >> 32) & self->mask;; at = (at + 1) & self->mask)
    {
      Slot *slot = &self->table[at];
      if (slot->merge == 0 || (slot->check == (guint32) hash && merges[slot->merge - 1].left == left && merges[slot->merge - 1].right == right))
        return slot;
    }
}

/* So many merges ahead their slots are fetched. */
#define AHEAD 16

static gboolean
build_table (Bpe *self)
{
  GtfTextModel *model = &self->parent;
  gsize n = 16;
  while (n < model->n_merges + model->n_merges / 2)
    n *= 2;
  self->table = gtf_pages_alloc (n * sizeof *self->table);
  if (self->table == NULL)
    return FALSE;
  self->mask = n - 1;
  for (gsize i = 0; i < model->n_merges; i++)
    {
      const GtfMerge *m = &model->merges[i], *later = &model->merges[MIN (i + AHEAD, model->n_merges - 1)];
      __builtin_prefetch (&self->table[(pair_hash (later->left, later->right) >> 32) & self->mask], 1);
      *find_slot (self, m->left, m->right) = (Slot) { (guint32) pair_hash (m->left, m->right), i + 1 };     /* of equal ones the last counts, as in the reference */
    }
  GtfMerge *fit = model->n_merges ? g_try_realloc_n (model->merges, model->n_merges, sizeof *fit) : NULL;
  model->merges = fit ? fit : model->merges;
  return TRUE;
}

static gboolean
build (GtfTextModel *model, GError **error)
{
  Bpe *self = (Bpe *) model;
  self->words = falls_into_words (self);
  if (!build_table (self))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: model.merges: no memory", model->file);
      return FALSE;
    }
  for (guint i = 0; i < 256; i++)
    self->bytes[i] = model->byte_fallback ? gtf_text_model_byte_id (model, i) : -1;
  for (guint i = 0; i < 128; i++)
    self->ascii[i] = gtf_vocab_find (&model->vocab, (char[]) { i }, 1);
  self->n_prefix = model->prefix ? strlen (model->prefix) : 0;
  self->n_suffix = model->suffix ? strlen (model->suffix) : 0;
  self->unk = model->unk_token ? gtf_vocab_find (&model->vocab, model->unk_token, strlen (model->unk_token)) : -1;
  return TRUE;
}

static void
clear (GtfTextModel *model)
{
  Bpe *self = (Bpe *) model;
  gtf_pages_free (self->table, (self->mask + 1) * sizeof *self->table);
}

/* The rank of the merge of two tokens, or NO_MERGE. */
static inline guint32
find_merge (const Bpe *self, gint32 a, gint32 b)
{
  return find_slot (self, a, b)->merge - 1;
}

static gint32
char_id (const Bpe *self, const char *c, guint size, gboolean first, gboolean last)
{
  const GtfTextModel *model = &self->parent;
  gsize prefix = first ? 0 : self->n_prefix, suffix = last ? self->n_suffix : 0;
  if (prefix + suffix == 0)
    return size == 1 ? self->ascii[(guint8) *c] : gtf_vocab_find (&model->vocab, c, size);
  char buffer[256];
  if (prefix + size + suffix > sizeof buffer)
    return -1;
  if (prefix > 0)
    memcpy (buffer, model->prefix, prefix);
  memcpy (buffer + prefix, c, size);
  if (suffix > 0)
    memcpy (buffer + prefix + size, model->suffix, suffix);
  return gtf_vocab_find (&model->vocab, buffer, prefix + size + suffix);
}

static gboolean
add_bytes (const Bpe *self, const char *c, guint size, gboolean first, gboolean last, Symbol *symbols, gsize *n)
{
  const GtfTextModel *model = &self->parent;
  if (!model->byte_fallback)
    return FALSE;
  g_autoptr (GString) s = g_string_new (first || model->prefix == NULL ? "" : model->prefix);
  g_string_append_len (s, c, size);
  if (last && model->suffix)
    g_string_append (s, model->suffix);
  for (gsize i = 0; i < s->len; i++)
    if (self->bytes[(guint8) s->str[i]] < 0)
      return FALSE;
  for (gsize i = 0; i < s->len; i++)
    symbols[(*n)++] = (Symbol) { self->bytes[(guint8) s->str[i]], 1, 0, 0 };
  return TRUE;
}

/* The characters of a piece, unknown ones as bytes or as the unknown token. -1: that token is needed and not there. */
static gssize
split (const Bpe *self, const char *text, gsize length, Symbol *symbols)
{
  const GtfTextModel *model = &self->parent;
  gsize n = 0, unk = 0;
  for (gsize i = 0; i < length;)
    {
      guint size = gtf_utf8_size (text[i]);
      gboolean last = i + size >= length;
      gint32 id = char_id (self, text + i, size, i == 0, last);
      if (id >= 0)
        {
          if (unk)
            symbols[n++] = (Symbol) { self->unk, unk, 0, 0 };
          unk = 0;
          symbols[n++] = (Symbol) { id, size, 0, 0 };
        }
      else if (!add_bytes (self, text + i, size, i == 0, last, symbols, &n) && model->unk_token)
        {
          if (self->unk < 0)
            return -1;
          if (unk && !model->fuse_unk)
            {
              symbols[n++] = (Symbol) { self->unk, unk, 0, 0 };
              unk = 0;
            }
          unk += size;
        }
      i += size;
    }
  if (unk)
    symbols[n++] = (Symbol) { self->unk, unk, 0, 0 };
  return n;
}

static gsize
merge_short (const Bpe *self, Symbol *s, gsize n)
{
  guint32 ranks[64];
  for (gsize i = 0; i + 1 < n; i++)
    ranks[i] = find_merge (self, s[i].id, s[i + 1].id);
  for (;;)
    {
      gsize best = 0;
      for (gsize i = 1; i + 1 < n; i++)
        best = ranks[i] < ranks[best] ? i : best;
      if (n < 2 || ranks[best] == NO_MERGE)
        return n;
      s[best].id = self->parent.merges[ranks[best]].made;
      s[best].length += s[best + 1].length;
      memmove (s + best + 1, s + best + 2, (n - best - 2) * sizeof *s);
      memmove (ranks + best, ranks + best + 1, (n - best - 2) * sizeof *ranks);
      n--;
      if (best > 0)
        ranks[best - 1] = find_merge (self, s[best - 1].id, s[best].id);
      if (best + 1 < n)
        ranks[best] = find_merge (self, s[best].id, s[best + 1].id);
    }
}

static inline gboolean
entry_before (const Entry *a, const Entry *b)
{
  return a->rank < b->rank || (a->rank == b->rank && a->at < b->at);
}

static void
heap_push (Entry *heap, gsize *n, Entry e)
{
  gsize i = (*n)++;
  for (; i > 0 && entry_before (&e, &heap[(i - 1) / 2]); i = (i - 1) / 2)
    heap[i] = heap[(i - 1) / 2];
  heap[i] = e;
}

static Entry
heap_pop (Entry *heap, gsize *n)
{
  Entry top = heap[0], e = heap[--*n];
  gsize i = 0;
  for (gsize child; (child = 2 * i + 1) < *n; i = child)
    {
      if (child + 1 < *n && entry_before (&heap[child + 1], &heap[child]))
        child++;
      if (!entry_before (&heap[child], &e))
        break;
      heap[i] = heap[child];
    }
  heap[i] = e;
  return top;
}

static void
push_pair (const Bpe *self, const Symbol *s, gint32 a, gint32 b, Entry *heap, gsize *n)
{
  guint32 rank = a >= 0 && b >= 0 ? find_merge (self, s[a].id, s[b].id) : NO_MERGE;
  if (rank != NO_MERGE)
    heap_push (heap, n, (Entry) { rank, a, self->parent.merges[rank].made });
}

/* @heap has room for 3 n: n - 1 pairs at the start and two more for each merge, of which there are fewer than n. */
static gsize
merge_long (const Bpe *self, Symbol *s, gsize n, Entry *heap)
{
  gsize n_heap = 0, kept = 0;
  for (gsize i = 0; i < n; i++)
    {
      s[i].prev = (gint32) i - 1;
      s[i].next = i + 1 < n ? (gint32) i + 1 : -1;
    }
  for (gsize i = 0; i + 1 < n; i++)
    push_pair (self, s, i, i + 1, heap, &n_heap);
  while (n_heap)
    {
      Entry top = heap_pop (heap, &n_heap);
      Symbol *left = &s[top.at];
      if (left->length == 0 || left->next < 0)
        continue;
      Symbol *right = &s[left->next];
      guint32 rank = find_merge (self, left->id, right->id);
      if (rank == NO_MERGE || self->parent.merges[rank].made != top.id)          /* an entry that a merge has overtaken */
        continue;
      left->id = top.id;
      left->length += right->length;
      left->next = right->next;
      right->length = 0;
      if (left->next >= 0)
        s[left->next].prev = top.at;
      push_pair (self, s, left->prev, top.at, heap, &n_heap);
      push_pair (self, s, top.at, left->next, heap, &n_heap);
    }
  for (gsize i = 0; i < n; i++)
    if (s[i].length)
      s[kept++] = s[i];
  return kept;
}

static gboolean
tokenize (const GtfTextModel *model, const char *text, gsize length, GtfModelScratch *scratch, GtfTokens *out, GError **error)
{
  const Bpe *self = (const Bpe *) model;
  gint32 whole = model->ignore_merges ? gtf_vocab_find (&model->vocab, text, length) : -1;
  if (whole >= 0)
    return gtf_tokens_add (out, whole, 0, length), TRUE;
  gsize extra = model->byte_fallback ? length * self->n_prefix + self->n_suffix : 0;
  gsize most = length + extra + 1;
  Symbol *symbols = gtf_model_scratch_get (scratch, most * (sizeof (Symbol) + 3 * sizeof (Entry)));
  if (symbols == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "text: no memory to tokenize a word of %" G_GSIZE_FORMAT " bytes", length);
      return FALSE;
    }
  gssize n = split (self, text, length, symbols);
  if (n < 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.unk_token: “%s” is not in the vocabulary", model->file, model->unk_token);
      return FALSE;
    }
  n = n <= 64 ? merge_short (self, symbols, n) : merge_long (self, symbols, n, (Entry *) (symbols + most));
  gsize at = 0;
  for (gssize i = 0; i < n; i++)
    {
      gtf_tokens_add (out, symbols[i].id, at, at + symbols[i].length);
      at += symbols[i].length;
    }
  return TRUE;
}

const GtfTextModelClass gtf_text_model_bpe = { "BPE", sizeof (Bpe), build, tokenize, clear, part_end };
