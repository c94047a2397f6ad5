/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Words that were tokenized before and their tokens: a table with open addressing over two arenas, emptied when it is full.
 * Each worker has its own, so that nothing is locked.
 */
#pragma once

#include "text/model.h"

G_BEGIN_DECLS

#define GTF_WORD_CACHE_MAX_WORD 256

typedef struct { guint32 hash, word, length, first, n; } GtfWordCacheEntry;

typedef struct
{
  GtfWordCacheEntry *entries;
  char *words;
  GtfToken *tokens;
  gsize n_entries, n_words, n_tokens;
} GtfWordCache;

void gtf_word_cache_clear (GtfWordCache *self);
/* TRUE: the word's tokens were added to @out. */
gboolean gtf_word_cache_find (GtfWordCache *self, const char *word, gsize length, guint32 hash, GtfTokens *out);
void gtf_word_cache_add  (GtfWordCache *self, const char *word, gsize length, guint32 hash, const GtfToken *tokens, gsize n);

G_END_DECLS
