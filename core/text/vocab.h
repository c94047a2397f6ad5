/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tokens and ids, both ways: strings in one arena, a hash with open addressing over them, an array by id. Filled straight
 * from the JSON reader; a token costs its bytes and 33 to 49 more. Slots keep the hashes, so that only what is found is
 * looked at outside of them.
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

/* U+0000 as tokens have it, which end at a NUL. */
#define GTF_NUL "\xC0\x80"

#define GTF_VOCAB_MAX_ID (1 << 24)      /* ids become array indices; the largest vocabularies have 1.1 million */

typedef struct { guint32 offset, length; gint32 id; } GtfVocabEntry;
typedef struct { guint32 hash, entry; } GtfVocabSlot;      /* entry + 1, or 0 */

typedef struct
{
  char *bytes;
  gsize n_bytes, bytes_room;
  GtfVocabEntry *entries;
  gsize n_entries, entries_room;
  GtfVocabSlot *slots;
  gsize n_slots;
  guint32 *by_id;          /* entry + 1, or 0 */
  gsize n_ids;             /* the largest id + 1 */
  gsize ids_room;
  gboolean keeps_ids;      /* a token that comes again is found under its last id and read under all */
} GtfVocab;

void        gtf_vocab_clear  (GtfVocab *self);
typedef enum { GTF_VOCAB_ADDED, GTF_VOCAB_DUPLICATE_ID, GTF_VOCAB_NO_MEMORY } GtfVocabResult;
/* A token that is there already gets the new id, as in the reference. */
GtfVocabResult gtf_vocab_add (GtfVocab *self, const char *token, gsize length, gint32 id);
gint32      gtf_vocab_find   (const GtfVocab *self, const char *token, gsize length);       /* -1 */
/* The same for many at once, which wait together for what is not in a cache. */
typedef struct { const char *token; guint32 length, hash; gint32 id; } GtfVocabQuery;      /* token and length are asked, hash and id filled in */
void        gtf_vocab_find_all (const GtfVocab *self, GtfVocabQuery *queries, gsize n);
/* Adds the tokens with their ids, up to the first that cannot be: *n becomes its place. */
GtfVocabResult gtf_vocab_add_all (GtfVocab *self, GtfVocabQuery *queries, gsize *n);
/* (nullable), ends with NUL */
static inline const char *
gtf_vocab_token (const GtfVocab *self, gint32 id, gsize *length)
{
  if (id < 0 || (gsize) id >= self->n_ids || self->by_id[id] == 0)
    return NULL;
  const GtfVocabEntry *e = &self->entries[self->by_id[id] - 1];
  if (length)
    *length = e->length;
  return self->bytes + e->offset;
}

/* Up to eight bytes as a number, read by two that overlap. */
static inline guint64
gtf_short_bytes (const char *s, gsize n)
{
  const guint8 *b = (const guint8 *) s;
  guint32 first, last;
  if (n == 0)
    return 0;
  if (n < 4)
    return b[0] | (guint64) b[n / 2] << 8 | (guint64) b[n - 1] << 16;
  __builtin_memcpy (&first, s, 4);
  __builtin_memcpy (&last, s + n - 4, 4);
  return first | (guint64) last << 32;
}

static inline guint32
gtf_hash_bytes (const char *s, gsize n)
{
  guint64 h = 0x9E3779B97F4A7C15ull ^ n, w;
  for (; n > 8; s += 8, n -= 8)
    {
      __builtin_memcpy (&w, s, 8);
      h = (h ^ w) * 0xBF58476D1CE4E5B9ull;
      h ^= h >> 29;
    }
  h = (h ^ gtf_short_bytes (s, n)) * 0xBF58476D1CE4E5B9ull;
  h ^= h >> 32;
  return (guint32) (h ^ h >> 15);
}

/* Whether two tokens are the same: without a call, since most are short. */
static inline gboolean
gtf_same_bytes (const char *a, const char *b, gsize n)
{
  guint64 x, y;
  for (; n > 8; a += 8, b += 8, n -= 8)
    {
      __builtin_memcpy (&x, a, 8);
      __builtin_memcpy (&y, b, 8);
      if (x != y)
        return FALSE;
    }
  return gtf_short_bytes (a, n) == gtf_short_bytes (b, n);
}

/* @token will be looked for soon. */
static inline void
gtf_vocab_prefetch (const GtfVocab *self, const char *token, gsize length)
{
  if (self->n_slots)
    __builtin_prefetch (&self->slots[gtf_hash_bytes (token, length) & (self->n_slots - 1)]);
}

G_END_DECLS
