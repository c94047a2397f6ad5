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
const char *gtf_vocab_token  (const GtfVocab *self, gint32 id, gsize *length);              /* (nullable), ends with NUL */

static inline guint32
gtf_hash_bytes (const char *s, gsize n)
{
  guint64 h = 0x9E3779B97F4A7C15ull ^ n, w;
  for (; n >= 8; s += 8, n -= 8)
    {
      __builtin_memcpy (&w, s, 8);
      h = (h ^ w) * 0xBF58476D1CE4E5B9ull;
      h ^= h >> 29;
    }
  w = 0;
  for (gsize i = 0; i < n; i++)
    w |= (guint64) (guint8) s[i] << 8 * i;
  h = (h ^ w) * 0xBF58476D1CE4E5B9ull;
  h ^= h >> 32;
  return (guint32) (h ^ h >> 15);
}

/* @token will be looked for soon. */
static inline void
gtf_vocab_prefetch (const GtfVocab *self, const char *token, gsize length)
{
  if (self->n_slots)
    __builtin_prefetch (&self->slots[gtf_hash_bytes (token, length) & (self->n_slots - 1)]);
}

G_END_DECLS
