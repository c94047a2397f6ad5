/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of models, and reading one from tokenizer.json. Old files have no "type" in the model: it is told from its keys,
 * as in the reference.
 */
#include "text/model.h"

#include <math.h>
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
gtf_text_model_new (const char *type, const char *file, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    if (!strcmp (type, classes[i]->type))
      {
        GtfTextModel *self = g_malloc0 (classes[i]->size);
        self->klass = classes[i];
        self->file = g_strdup (file);
        self->unk_id = -1;
        self->max_chars = 100;
        return self;
      }
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: model.type: unknown model “%s” (known: BPE, WordPiece, WordLevel, Unigram)", file, type);
  return NULL;
}

void
gtf_text_model_free (GtfTextModel *self)
{
  if (self == NULL)
    return;
  if (self->klass->clear)
    self->klass->clear (self);
  gtf_vocab_clear (&self->vocab);
  g_free (self->scores);
  g_free (self->merges);
  g_free (self->merged);
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
gtf_text_model_add (GtfTextModel *self, const char *token, gsize length, gint64 id, GError **error)
{
  g_autofree char *quoted = NULL;
  if (id < 0 || id >= GTF_VOCAB_MAX_ID)
    {
      quoted = gtf_quote (token, (gssize) length);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.vocab: token “%s” has id %" G_GINT64_FORMAT ", expected 0 ... %d", self->file,
                   quoted, id, GTF_VOCAB_MAX_ID - 1);
      return FALSE;
    }
  switch (gtf_vocab_add (&self->vocab, token, length, id))
    {
    case GTF_VOCAB_ADDED:
      return TRUE;
    case GTF_VOCAB_DUPLICATE_ID:
      quoted = gtf_quote (token, (gssize) length);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model.vocab: id %d belongs to two tokens, “%s” and “%s”", self->file, (int) id,
                   gtf_vocab_token (&self->vocab, id, NULL), quoted);
      return FALSE;
    case GTF_VOCAB_NO_MEMORY:
    default:
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: model.vocab: no memory for its tokens", self->file);
      return FALSE;
    }
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

gboolean
gtf_text_model_add_merge (GtfTextModel *self, const char *a, gsize n_a, const char *b, gsize n_b, GError **error)
{
  gsize skip = self->prefix ? MIN (strlen (self->prefix), n_b) : 0;
  gint32 left = gtf_vocab_find (&self->vocab, a, n_a), right = gtf_vocab_find (&self->vocab, b, n_b);
  if (left < 0)
    return merge_fail (self, a, n_a, error);
  if (right < 0)
    return merge_fail (self, b, n_b, error);
  char small[256];
  g_autofree char *large = n_a + n_b > sizeof small ? g_malloc (n_a + n_b) : NULL;
  char *both = large ? large : small;
  memcpy (both, a, n_a);
  memcpy (both + n_a, b + skip, n_b - skip);
  gint32 made = gtf_vocab_find (&self->vocab, both, n_a + n_b - skip);
  if (made < 0)
    return merge_fail (self, both, n_a + n_b - skip, error);
  return gtf_text_model_add_merge_ids (self, left, right, made, error);
}

gboolean
gtf_text_model_add_merge_ids (GtfTextModel *self, gint32 left, gint32 right, gint32 made, GError **error)
{
  if (self->n_merges == self->merges_room)
    {
      gsize room = 2 * self->merges_room + 4096;
      guint64 *merges = g_try_realloc_n (self->merges, room, sizeof *merges);
      if (merges)
        self->merges = merges;
      guint32 *merged = g_try_realloc_n (self->merged, room, sizeof *merged);
      if (merged)
        self->merged = merged;
      if (merges == NULL || merged == NULL)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: model.merges: no memory", self->file);
          return FALSE;
        }
      self->merges_room = room;
    }
  self->merges[self->n_merges] = (guint64) left << 32 | (guint32) right;
  self->merged[self->n_merges++] = made;
  return TRUE;
}

gboolean
gtf_text_model_build (GtfTextModel *self, GError **error)
{
  return self->klass->build == NULL || self->klass->build (self, error);
}

/* ------------------------------------------------------------------ tokenizer.json */

/* A score as the reference reads it: as many digits as 64 bits hold, then one product or quotient, which is not always the
 * nearest double. Sums of scores that ought to be equal are told apart by such last bits. */
static double
score_of (const char *text, gsize n)
{
  static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
  guint64 digits = 0, more;
  gint64 exponent = 0;
  gboolean negative = n && *text == '-', point = FALSE, full = FALSE;
  gsize i = negative;
  for (; i < n && (text[i] | 0x20) != 'e'; i++)
    {
      if (text[i] == '.')
        {
          point = TRUE;
          continue;
        }
      full = full || __builtin_mul_overflow (digits, 10, &more) || __builtin_add_overflow (more, (guint64) (text[i] - '0'), &more);
      digits = full ? digits : more;
      exponent += full ? !point : -point;
    }
  if (i < n)
    exponent += CLAMP (g_ascii_strtoll (text + i + 1, NULL, 10), -100000, 100000);
  double value = (double) digits;
  for (; exponent < -308 && value != 0; exponent += 308)
    value /= 1e308;
  gint64 size = ABS (exponent);
  double power = size < (gint64) G_N_ELEMENTS (powers) ? powers[size] : size <= 308 ? pow (10, size) : INFINITY;
  value = value == 0 ? 0 : exponent < 0 ? value / power : value * power;
  return negative ? -value : value;
}

static gboolean
read_scored (GtfTextModel *self, GtfJsonReader *reader, GError **error)
{
  GtfJsonToken token;
  g_autoptr (GString) name = g_string_new (NULL);
  while ((token = gtf_json_reader_next (reader, error)) == GTF_JSON_BEGIN_ARRAY)
    {
      const char *text;
      gsize length;
      double score;
      if (!gtf_json_reader_read_string (reader, &text, &length, error))
        return FALSE;
      g_string_truncate (name, 0);
      g_string_append_len (name, text, length);
      if (!gtf_json_reader_expect (reader, GTF_JSON_NUMBER, error))
        return FALSE;
      text = gtf_json_reader_get_literal (reader, &length);
      score = score_of (text, length);
      if (!isfinite (score))
        return gtf_json_reader_fail (reader, error, "model.vocab: the score %.*s is out of range", (int) MIN (length, 60), text), FALSE;
      if (!gtf_text_model_add_scored (self, name->str, name->len, score, error) || !gtf_json_reader_expect (reader, GTF_JSON_END_ARRAY, error))
        return FALSE;
    }
  if (token == GTF_JSON_END_ARRAY)
    return TRUE;
  if (token != GTF_JSON_ERROR)
    gtf_json_reader_fail (reader, error, "model.vocab: expected [token, score]");
  return FALSE;
}

static gboolean
read_vocab (GtfTextModel *self, GtfJsonReader *reader, GError **error)
{
  GtfJsonToken token = gtf_json_reader_next (reader, error);
  const char *key;
  gsize length;
  if (token == GTF_JSON_BEGIN_ARRAY)
    return read_scored (self, reader, error);
  if (token != GTF_JSON_BEGIN_OBJECT)
    {
      if (token != GTF_JSON_ERROR)
        gtf_json_reader_fail (reader, error, "model.vocab: expected an object of token: id or an array of [token, score]");
      return FALSE;
    }
  g_autoptr (GError) local = NULL;
  g_autoptr (GString) name = g_string_new (NULL);
  while (gtf_json_reader_next_key (reader, &key, &length, &local))
    {
      gint64 id;
      g_string_truncate (name, 0);
      g_string_append_len (name, key, length);
      if (!gtf_json_reader_read_int (reader, 0, GTF_VOCAB_MAX_ID - 1, &id, &local) ||
          !gtf_text_model_add (self, name->str, length, id, &local))
        break;
    }
  if (local == NULL)
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&local), "model.vocab: ");
  return FALSE;
}

static gboolean
read_merges (GtfTextModel *self, GtfJsonReader *reader, GError **error)
{
  g_autoptr (GString) left = g_string_new (NULL);
  const char *text;
  gsize length;
  if (!gtf_json_reader_expect (reader, GTF_JSON_BEGIN_ARRAY, error))
    return FALSE;
  for (;;)
    switch (gtf_json_reader_next (reader, error))
      {
      case GTF_JSON_END_ARRAY:
        return TRUE;
      case GTF_JSON_STRING:
        {
          text = gtf_json_reader_get_string (reader, &length);
          const char *space = memchr (text, ' ', length);
          gsize n = space ? space - text : 0;
          if (space == NULL || memchr (space + 1, ' ', length - n - 1))
            {
              g_autofree char *quoted = gtf_quote (text, (gssize) length);
              gtf_json_reader_fail (reader, error, "model.merges: merge %" G_GSIZE_FORMAT ": expected two tokens with a space between, found “%s”", self->n_merges,
                                    quoted);
              return FALSE;
            }
          if (!gtf_text_model_add_merge (self, text, n, space + 1, length - n - 1, error))
            return FALSE;
          break;
        }
      case GTF_JSON_BEGIN_ARRAY:
        if (!gtf_json_reader_read_string (reader, &text, &length, error))
          return FALSE;
        g_string_truncate (left, 0);
        g_string_append_len (left, text, length);
        if (!gtf_json_reader_read_string (reader, &text, &length, error) ||
            !gtf_text_model_add_merge (self, left->str, left->len, text, length, error) ||
            !gtf_json_reader_expect (reader, GTF_JSON_END_ARRAY, error))
          return FALSE;
        break;
      case GTF_JSON_ERROR:
        return FALSE;
      default:
        gtf_json_reader_fail (reader, error, "model.merges: expected “a b” or [“a”, “b”]");
        return FALSE;
      }
}

typedef struct
{
  char *type, *unk_token, *prefix, *suffix;
  gint64 unk_id, max_chars;
  gboolean fuse_unk, byte_fallback, ignore_merges, has_vocab, has_merges;
  GtfJsonReader vocab, merges;
} Settings;

static void
settings_clear (Settings *s)
{
  g_free (s->type);
  g_free (s->unk_token);
  g_free (s->prefix);
  g_free (s->suffix);
  if (s->has_vocab)
    gtf_json_reader_clear (&s->vocab);
  if (s->has_merges)
    gtf_json_reader_clear (&s->merges);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Settings, settings_clear)

static gboolean
read_small (GtfJsonReader *reader, const char *key, Settings *s, GError **error)
{
  const struct { const char *key; char **text; gint64 *number; gboolean *flag; } table[] =
  {
    { "type", &s->type, NULL, NULL }, { "unk_token", &s->unk_token, NULL, NULL }, { "continuing_subword_prefix", &s->prefix, NULL, NULL },
    { "end_of_word_suffix", &s->suffix, NULL, NULL }, { "unk_id", NULL, &s->unk_id, NULL }, { "max_input_chars_per_word", NULL, &s->max_chars, NULL },
    { "fuse_unk", NULL, NULL, &s->fuse_unk }, { "byte_fallback", NULL, NULL, &s->byte_fallback }, { "ignore_merges", NULL, NULL, &s->ignore_merges }
  };
  double dropout;
  if (!strcmp (key, "dropout"))      /* for training; it must be one all the same */
    {
      GtfJsonToken token = gtf_json_reader_next (reader, error);
      if (token == GTF_JSON_NULL || (token == GTF_JSON_NUMBER && gtf_json_reader_get_double (reader, 0, 1, &dropout, error)))
        return TRUE;
      if (token != GTF_JSON_ERROR && token != GTF_JSON_NUMBER)
        gtf_json_reader_fail (reader, error, "model.dropout: expected a number or null");
      return FALSE;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      if (strcmp (key, table[i].key))
        continue;
      GtfJsonToken token = gtf_json_reader_next (reader, error);
      if (token == GTF_JSON_NULL)
        return TRUE;
      if (token == GTF_JSON_STRING && table[i].text)
        {
          g_free (*table[i].text);
          return (*table[i].text = gtf_json_reader_dup_string (reader, error)) != NULL;
        }
      if (token == GTF_JSON_NUMBER && table[i].number)
        return gtf_json_reader_get_int (reader, 0, G_MAXINT32, table[i].number, error);
      if ((token == GTF_JSON_TRUE || token == GTF_JSON_FALSE) && table[i].flag)
        return *table[i].flag = token == GTF_JSON_TRUE, TRUE;
      if (token != GTF_JSON_ERROR)
        gtf_json_reader_fail (reader, error, "model.%s has the wrong type", table[i].key);
      return FALSE;
    }
  return gtf_json_reader_skip (reader, error);
}

static gboolean
read_settings (GtfJsonReader *reader, Settings *s, GError **error)
{
  const char *key;
  gsize length;
  g_autoptr (GError) local = NULL;
  if (!gtf_json_reader_expect (reader, GTF_JSON_BEGIN_OBJECT, error))
    return FALSE;
  while (gtf_json_reader_next_key (reader, &key, &length, &local))
    {
      g_autofree char *name = g_strndup (key, length);
      gboolean ok;
      if (!strcmp (name, "vocab") && !s->has_vocab)
        ok = s->has_vocab = gtf_json_reader_fork (reader, &s->vocab, &local);
      else if (!strcmp (name, "merges") && !s->has_merges)
        ok = s->has_merges = gtf_json_reader_fork (reader, &s->merges, &local);
      else
        ok = read_small (reader, name, s, &local);
      if (!ok)
        break;
    }
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

GtfTextModel *
gtf_text_model_read (GtfJsonReader *reader, GError **error)
{
  g_auto (Settings) s = { .unk_id = -1, .max_chars = 100 };
  if (!read_settings (reader, &s, error))
    return NULL;
  if (!s.has_vocab)
    return gtf_json_reader_fail (reader, error, "model.vocab is missing"), NULL;
  GtfJsonReader peek = s.vocab;
  gboolean scored = gtf_json_reader_next (&peek, NULL) == GTF_JSON_BEGIN_ARRAY;
  const char *type = s.type ? s.type : s.has_merges ? "BPE" : scored ? "Unigram" : s.prefix ? "WordPiece" : "WordLevel";
  g_autoptr (GtfTextModel) self = gtf_text_model_new (type, reader->name, error);
  if (self == NULL)
    return NULL;
  self->unk_token = g_steal_pointer (&s.unk_token);
  self->prefix = g_steal_pointer (&s.prefix);
  self->suffix = g_steal_pointer (&s.suffix);
  self->unk_id = s.unk_id;
  self->max_chars = s.max_chars;
  self->fuse_unk = s.fuse_unk;
  self->byte_fallback = s.byte_fallback;
  self->ignore_merges = s.ignore_merges;
  if (!read_vocab (self, &s.vocab, error) || (s.has_merges && !read_merges (self, &s.merges, error)) || !gtf_text_model_build (self, error))
    return NULL;
  return g_steal_pointer (&self);
}
