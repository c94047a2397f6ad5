/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See word-cache.h.
 */
#include "text/word-cache.h"

#include <string.h>

#define SLOTS (1u << 16)
#define WORDS (1u << 19)
#define TOKENS (1u << 17)

void
gtf_word_cache_clear (GtfWordCache *self)
{
  g_clear_pointer (&self->entries, g_free);
  g_clear_pointer (&self->words, g_free);
  g_clear_pointer (&self->tokens, g_free);
}

gboolean
gtf_word_cache_find (GtfWordCache *self, const char *word, gsize length, guint32 hash, GtfTokens *out)
{
  if (self->entries == NULL || length > GTF_WORD_CACHE_MAX_WORD)
    return FALSE;
  for (gsize at = hash & (SLOTS - 1); self->entries[at].n; at = (at + 1) & (SLOTS - 1))
    {
      const GtfWordCacheEntry *e = &self->entries[at];
      if (e->hash != hash || e->length != length || memcmp (self->words + e->word, word, length))
        continue;
      for (guint32 i = 0; i < e->n; i++)
        {
          const GtfToken *t = &self->tokens[e->first + i];
          gtf_tokens_add (out, t->id, t->begin, t->end);
        }
      return TRUE;
    }
  return FALSE;
}

void
gtf_word_cache_add (GtfWordCache *self, const char *word, gsize length, guint32 hash, const GtfToken *tokens, gsize n)
{
  if (length > GTF_WORD_CACHE_MAX_WORD || n == 0)
    return;
  if (self->entries == NULL)
    {
      self->entries = g_try_new0 (GtfWordCacheEntry, SLOTS);
      self->words = g_try_malloc (WORDS);
      self->tokens = g_try_new (GtfToken, TOKENS);
      if (self->entries == NULL || self->words == NULL || self->tokens == NULL)
        {
          gtf_word_cache_clear (self);
          return;
        }
    }
  if (self->n_entries > SLOTS / 2 || self->n_words + length > WORDS || self->n_tokens + n > TOKENS)
    {
      memset (self->entries, 0, SLOTS * sizeof *self->entries);
      self->n_entries = self->n_words = self->n_tokens = 0;
    }
  gsize at = hash & (SLOTS - 1);
  while (self->entries[at].n)
    at = (at + 1) & (SLOTS - 1);
  self->entries[at] = (GtfWordCacheEntry) { hash, self->n_words, length, self->n_tokens, n };
  memcpy (self->words + self->n_words, word, length);
  memcpy (self->tokens + self->n_tokens, tokens, n * sizeof *tokens);
  self->n_words += length;
  self->n_tokens += n;
  self->n_entries++;
}
