/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model read from tokenizer.json, straight into its tables. Where the members come in an order that does not allow that (merges before
 * the vocabulary or the prefix), they are passed over and read afterwards. Old files have no "type" in the model: it is told from its
 * keys, as in the reference.
 */
#include "text/model-feed.h"

#include <math.h>
#include <string.h>
#include "base/quote.h"

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

/* What is read goes into the model by the feed. */
static void
feed (GtfModelFeed *self, const GtfJsonReader *reader, gboolean merges, const char *token, gsize length, gint32 id)
{
  GtfFeedBatch *batch = gtf_model_feed_batch (self, merges);
  if (!gtf_json_reader_string_stays (reader))
    token = g_string_chunk_insert_len (batch->copies, token, (gssize) length);
  batch->queries[batch->n++] = (GtfVocabQuery) { .token = token, .length = length, .id = id };
}

/* The string that was just read, copied if what is read next would spoil it. Its place in the vocabulary is on its way meanwhile. */
static const char *
keep_token (const GtfTextModel *self, const GtfJsonReader *reader, const char *text, gsize length, GString *copy)
{
  gtf_vocab_prefetch (&self->vocab, text, length);
  if (gtf_json_reader_string_stays (reader))
    return text;
  g_string_truncate (copy, 0);
  return g_string_append_len (copy, text, length)->str;
}

static gboolean
read_scored (GtfTextModel *self, GtfJsonReader *reader, GError **error)
{
  GtfJsonToken token;
  g_autoptr (GString) copy = g_string_new (NULL);
  while ((token = gtf_json_reader_next (reader, error)) == GTF_JSON_BEGIN_ARRAY)
    {
      const char *name, *text;
      gsize length, n;
      double score;
      if (!gtf_json_reader_read_string (reader, &name, &n, error))
        return FALSE;
      name = keep_token (self, reader, name, n, copy);
      if (!gtf_json_reader_expect (reader, GTF_JSON_NUMBER, error))
        return FALSE;
      text = gtf_json_reader_get_literal (reader, &length);
      score = score_of (text, length);
      if (!isfinite (score))
        return gtf_json_reader_fail (reader, error, "model.vocab: the score %.*s is out of range", (int) MIN (length, 60), text), FALSE;
      if (!gtf_text_model_add_scored (self, name, n, score, error) || !gtf_json_reader_expect (reader, GTF_JSON_END_ARRAY, error))
        return FALSE;
    }
  if (token == GTF_JSON_END_ARRAY)
    return TRUE;
  if (token != GTF_JSON_ERROR)
    gtf_json_reader_fail (reader, error, "model.vocab: expected [token, score]");
  return FALSE;
}

static gboolean
read_vocab (GtfTextModel *self, GtfModelFeed *to, GtfJsonReader *reader, GError **error)
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
  gint64 id;
  while (gtf_json_reader_next_integer (reader, &key, &length, 0, GTF_VOCAB_MAX_ID - 1, &id, &local))
    feed (to, reader, FALSE, key, length, (gint32) id);
  if (local == NULL)
    return gtf_model_feed_send (to);
  g_propagate_prefixed_error (error, g_steal_pointer (&local), "model.vocab: ");
  return FALSE;
}

/* "a b" */
static gboolean
feed_line (GtfTextModel *self, GtfModelFeed *to, GtfJsonReader *reader, const char *text, gsize length, GError **error)
{
  gsize at = 0, n = 0;
  for (gsize i = 0; i < length; i++)       /* few bytes */
    if (text[i] == ' ')
      {
        at = i;
        n++;
      }
  if (n == 1)
    {
      feed (to, reader, TRUE, text, at, -1);
      feed (to, reader, TRUE, text + at + 1, length - at - 1, -1);
      return TRUE;
    }
  g_autofree char *quoted = gtf_quote (text, (gssize) length);
  if (gtf_model_feed_finish (to, error))             /* what is wrong with those before comes first, and counts them */
    gtf_json_reader_fail (reader, error, "model.merges: merge %" G_GSIZE_FORMAT ": expected two tokens with a space between, found “%s”", self->n_merges, quoted);
  return FALSE;
}

/* After the bracket of ["a", "b"]. */
static gboolean
feed_pair (GtfModelFeed *to, GtfJsonReader *reader, GError **error)
{
  const char *text;
  gsize length;
  for (guint i = 0; i < 2; i++)
    {
      if (!gtf_json_reader_read_string (reader, &text, &length, error))
        return FALSE;
      feed (to, reader, TRUE, text, length, -1);
    }
  return gtf_json_reader_expect (reader, GTF_JSON_END_ARRAY, error);
}

static gboolean
read_merges (GtfTextModel *self, GtfModelFeed *to, GtfJsonReader *reader, GError **error)
{
  if (!gtf_json_reader_expect (reader, GTF_JSON_BEGIN_ARRAY, error))
    return FALSE;
  for (;;)
    {
      gsize length;
      GtfJsonToken token = gtf_json_reader_next (reader, error);
      if (token == GTF_JSON_END_ARRAY)
        return gtf_model_feed_send (to);
      if (token == GTF_JSON_STRING)
        {
          const char *text = gtf_json_reader_get_string (reader, &length);
          if (!feed_line (self, to, reader, text, length, error))
            return FALSE;
        }
      else if (token != GTF_JSON_BEGIN_ARRAY)
        {
          if (token != GTF_JSON_ERROR)
            gtf_json_reader_fail (reader, error, "model.merges: expected “a b” or [“a”, “b”]");
          return FALSE;
        }
      else if (!feed_pair (to, reader, error))
        return FALSE;
    }
}

/* What has been read, and what waits for it. */
typedef struct
{
  GtfTextModel *model;
  GtfModelFeed *feed;
  char *type;
  gboolean has_vocab, has_prefix, has_merges;
  gboolean waits;
  GtfJsonReader merges;
} Reading;

static void
reading_clear (Reading *r)
{
  gtf_model_feed_free (r->feed);
  gtf_text_model_free (r->model);
  g_free (r->type);
  if (r->waits)
    gtf_json_reader_clear (&r->merges);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reading, reading_clear)

static gboolean
read_small (GtfJsonReader *reader, const char *key, Reading *r, GError **error)
{
  GtfTextModel *s = r->model;
  const struct { const char *key; char **text; gint64 *number; gboolean *flag; } table[] =
  {
    { "type", &r->type, NULL, NULL }, { "unk_token", &s->unk_token, NULL, NULL }, { "continuing_subword_prefix", &s->prefix, NULL, NULL },
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
read_member (GtfJsonReader *reader, const char *key, Reading *r, GError **error)
{
  if ((!strcmp (key, "vocab") && r->has_vocab) || (!strcmp (key, "merges") && r->has_merges))
    return gtf_json_reader_fail (reader, error, "model.%s comes twice", key), FALSE;
  if (!strcmp (key, "vocab"))
    return r->has_vocab = read_vocab (r->model, r->feed, reader, error);
  if (!strcmp (key, "merges"))
    {
      r->has_merges = TRUE;
      if (r->has_vocab && r->has_prefix)
        return read_merges (r->model, r->feed, reader, error);
      return r->waits = gtf_json_reader_fork (reader, &r->merges, error);
    }
  r->has_prefix |= !strcmp (key, "continuing_subword_prefix");
  /* the feed reads what is changed here, where it stands behind the merges */
  return gtf_model_feed_finish (r->feed, error) && read_small (reader, key, r, error);
}

static gboolean
read_members (GtfJsonReader *reader, Reading *r, GError **error)
{
  const char *key;
  gsize length;
  g_autoptr (GError) local = NULL;
  if (!gtf_json_reader_expect (reader, GTF_JSON_BEGIN_OBJECT, error))
    return FALSE;
  while (gtf_json_reader_next_key (reader, &key, &length, &local))
    {
      g_autofree char *name = g_strndup (key, length);
      if (!read_member (reader, name, r, &local))
        break;
    }
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
read_waiting_merges (Reading *r, GError **error)
{
  g_autoptr (GError) local = NULL;
  read_merges (r->model, r->feed, &r->merges, &local);
  if (!gtf_model_feed_finish (r->feed, error))
    return FALSE;
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

GtfTextModel *
gtf_text_model_read (GtfJsonReader *reader, GError **error)
{
  g_auto (Reading) r = { .model = gtf_text_model_new_blank (reader->name) };
  g_autoptr (GError) local = NULL;
  r.feed = gtf_model_feed_new (r.model);
  read_members (reader, &r, &local);
  if (!gtf_model_feed_finish (r.feed, error))         /* that comes before whatever was found meanwhile */
    return NULL;
  if (local)
    return g_propagate_error (error, g_steal_pointer (&local)), NULL;
  if (!r.has_vocab)
    return gtf_json_reader_fail (reader, error, "model.vocab is missing"), NULL;
  const char *type = r.type ? r.type : r.has_merges ? "BPE" : r.model->scores ? "Unigram" : r.model->prefix ? "WordPiece" : "WordLevel";
  if (!gtf_text_model_set_type (r.model, type, error) || (r.waits && !read_waiting_merges (&r, error)) || !gtf_text_model_build (r.model, error))
    return NULL;
  return g_steal_pointer (&r.model);
}
