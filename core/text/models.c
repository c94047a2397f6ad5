/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of models, and what all kinds are filled with: tokens, scores, merges.
 */
#include "text/model.h"

#include <string.h>
#include "base/quote.h"

static const GtfTextModelClass *const classes[] =
{
  &gtf_text_model_bpe, &gtf_text_model_wordpiece, &gtf_text_model_wordlevel, &gtf_text_model_unigram
};

void
gtf_tokens_grow (GtfTokens *self)
{
  gsize room = 2 * self->room + 256;
  GtfToken *tokens = g_try_realloc_n (self->tokens, room, sizeof *tokens);
  if (tokens == NULL)
    {
      self->no_memory = TRUE;
      return;
    }
  self->tokens = tokens;
  self->room = room;
}

gpointer
gtf_model_scratch_get (GtfModelScratch *self, gsize size)
{
  if (size > self->room)
    {
      gpointer memory = g_try_realloc (self->memory, size + size / 2);
      if (memory == NULL)
        return NULL;
      self->memory = memory;
      self->room = size + size / 2;
    }
  return self->memory;
}

GtfTextModel *
gtf_text_model_new_blank (const char *file)
{
  gsize size = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    size = MAX (size, classes[i]->size);
  GtfTextModel *self = g_malloc0 (size);
  self->file = g_strdup (file);
  self->unk_id = -1;
  self->max_chars = 100;
  return self;
}

gboolean
gtf_text_model_set_type (GtfTextModel *self, const char *type, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    if (!strcmp (type, classes[i]->type))
      return self->klass = classes[i], TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: model.type: unknown model “%s” (known: BPE, WordPiece, WordLevel, Unigram)", self->file, type);
  return FALSE;
}

GtfTextModel *
gtf_text_model_new (const char *type, const char *file, GError **error)
{
  g_autoptr (GtfTextModel) self = gtf_text_model_new_blank (file);
  return gtf_text_model_set_type (self, type, error) ? g_steal_pointer (&self) : NULL;
}

void
gtf_text_model_free (GtfTextModel *self)
{
  if (self == NULL)
    return;
  if (self->klass && self->klass->clear)
    self->klass->clear (self);
  gtf_vocab_clear (&self->vocab);
  g_free (self->scores);
  g_free (self->merges);
  g_free (self->unk_token);
  g_free (self->prefix);
  g_free (self->suffix);
  g_free (self->file);
  g_free (self);
}

gint32
gtf_text_model_byte_id (const GtfTextModel *self, guint8 byte)
{
  char name[8];
  g_snprintf (name, sizeof name, "<0x%02X>", byte);
  return gtf_vocab_find (&self->vocab, name, 6);
}

gboolean
gtf_text_model_add_all (GtfTextModel *self, GtfVocabQuery *tokens, gsize n, GError **error)
{
  g_autofree char *quoted = NULL;
  switch (gtf_vocab_add_all (&self->vocab, tokens, &n))
    {
    case GTF_VOCAB_ADDED:
      return TRUE;
    case GTF_VOCAB_DUPLICATE_ID:
      quoted = gtf_quote (tokens[n].token, tokens[n].length);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.vocab: id %d belongs to two tokens, “%s” and “%s”", self->file, (int) tokens[n].id,
                   gtf_vocab_token (&self->vocab, tokens[n].id, NULL), quoted);
      return FALSE;
    case GTF_VOCAB_NO_MEMORY:
    default:
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: model.vocab: no memory for its tokens", self->file);
      return FALSE;
    }
}

gboolean
gtf_text_model_add (GtfTextModel *self, const char *token, gsize length, gint64 id, GError **error)
{
  GtfVocabQuery one = { .token = token, .length = (guint32) length, .id = (gint32) id };
  if (id >= 0 && id < GTF_VOCAB_MAX_ID && length <= G_MAXUINT32)
    return gtf_text_model_add_all (self, &one, 1, error);
  g_autofree char *quoted = gtf_quote (token, (gssize) length);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.vocab: token “%s” has id %" G_GINT64_FORMAT ", expected 0 ... %d", self->file,
               quoted, id, GTF_VOCAB_MAX_ID - 1);
  return FALSE;
}

static gboolean
merge_fail (GtfTextModel *self, const char *token, gsize n, GError **error)
{
  g_autofree char *quoted = gtf_quote (token, (gssize) n);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.merges: merge %" G_GSIZE_FORMAT ": “%s” is not in the vocabulary", self->file, self->n_merges,
               quoted);
  return FALSE;
}

gboolean
gtf_text_model_add_scored (GtfTextModel *self, const char *token, gsize length, double score, GError **error)
{
  self->vocab.keeps_ids = TRUE;
  if (!gtf_text_model_add (self, token, length, self->n_scores, error))
    return FALSE;
  if (self->n_scores == self->scores_room)
    {
      gsize room = 2 * self->scores_room + 1024;
      double *scores = g_try_realloc_n (self->scores, room, sizeof *scores);
      if (scores == NULL)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: model.vocab: no memory for the scores", self->file);
          return FALSE;
        }
      self->scores = scores;
      self->scores_room = room;
    }
  self->scores[self->n_scores++] = score;
  return TRUE;
}

/* The token that is @a and @b together. It mostly is the one that the merge before made, or the next: looked at first, in order, those are in
 * the cache. */
static gint32
made_of (const GtfTextModel *self, const char *a, gsize n_a, const char *b, gsize n_b)
{
  gint32 last = self->n_merges ? self->merges[self->n_merges - 1].made : -1;
  for (gint32 id = last + 1; id >= last && id >= 0; id--)
    {
      gsize length;
      const char *token = gtf_vocab_token (&self->vocab, id, &length);
      if (token && length == n_a + n_b && gtf_same_bytes (token, a, n_a) && gtf_same_bytes (token + n_a, b, n_b))
        return id;
    }
  char small[256];
  g_autofree char *large = n_a + n_b > sizeof small ? g_malloc (n_a + n_b) : NULL;
  char *both = large ? large : small;
  memcpy (both, a, n_a);
  memcpy (both + n_a, b, n_b);
  return gtf_vocab_find (&self->vocab, both, n_a + n_b);
}

static gboolean
grow_merges (GtfTextModel *self, GError **error)
{
  gsize room = self->merges_room + self->merges_room / 2 + 4096;
  GtfMerge *merges = g_try_realloc_n (self->merges, room, sizeof *merges);
  if (merges == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: model.merges: no memory", self->file);
      return FALSE;
    }
  self->merges = merges;
  self->merges_room = room;
  return TRUE;
}

gboolean
gtf_text_model_add_merge_ids (GtfTextModel *self, gint32 left, gint32 right, gint32 made, GError **error)
{
  if (self->n_merges == self->merges_room && !grow_merges (self, error))
    return FALSE;
  self->merges[self->n_merges++] = (GtfMerge) { left, right, made };
  return TRUE;
}

gboolean
gtf_text_model_add_merges (GtfTextModel *self, GtfVocabQuery *pairs, gsize n, GError **error)
{
  gsize n_prefix = self->prefix ? strlen (self->prefix) : 0;
  gtf_vocab_find_all (&self->vocab, pairs, 2 * n);
  for (const GtfVocabQuery *a = pairs, *b = pairs + 1; a < pairs + 2 * n; a += 2, b += 2)
    {
      gsize skip = MIN (n_prefix, b->length);
      if (a->id < 0 || b->id < 0)
        return merge_fail (self, a->id < 0 ? a->token : b->token, a->id < 0 ? a->length : b->length, error);
      gint32 made = made_of (self, a->token, a->length, b->token + skip, b->length - skip);
      if (made < 0)
        {
          g_autofree char *both = g_strdup_printf ("%.*s%.*s", (int) a->length, a->token, (int) (b->length - skip), b->token + skip);
          return merge_fail (self, both, strlen (both), error);
        }
      if (!gtf_text_model_add_merge_ids (self, a->id, b->id, made, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
gtf_text_model_build (GtfTextModel *self, GError **error)
{
  return self->klass->build == NULL || self->klass->build (self, error);
}
