/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Logits processors that are rules on tokens, and the list that they stand in. Each one is a few lines over one row; its
 * source stands above it. Those that shape the distribution for sampling are in logits-warpers.c.
 */
#include "generate/logits-processors-private.h"

#include <float.h>
#include <math.h>

typedef struct
{
  const GtfLogitsProcessor *processor;
  gpointer data;
  gboolean borrowed;
} Entry;

struct _GtfLogitsProcessorList
{
  GArray *entries;
};

static void
entry_clear (gpointer data)
{
  Entry *entry = data;
  if (!entry->borrowed && entry->processor->free)
    entry->processor->free (entry->data);
}

GtfLogitsProcessorList *
gtf_logits_processor_list_new (void)
{
  GtfLogitsProcessorList *self = g_new0 (GtfLogitsProcessorList, 1);
  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_array_set_clear_func (self->entries, entry_clear);
  return self;
}

void
gtf_logits_processor_list_free (GtfLogitsProcessorList *self)
{
  if (!self)
    return;
  g_array_unref (self->entries);
  g_free (self);
}

void
gtf_logits_processor_list_append (GtfLogitsProcessorList *self, const GtfLogitsProcessor *processor, gpointer data)
{
  Entry entry = { processor, data, FALSE };
  g_return_if_fail (self != NULL && processor != NULL && processor->process != NULL);
  g_array_append_val (self->entries, entry);
}

gsize
gtf_logits_processor_list_get_length (GtfLogitsProcessorList *self)
{
  return self ? self->entries->len : 0;
}

void
gtf_logits_processor_list_process (GtfLogitsProcessorList *self, const GtfLogitsStep *step, float *logits)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      const Entry *entry = &g_array_index (self->entries, Entry, i);
      entry->processor->process (entry->data, step, logits);
    }
}

/* ---- token lists ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  GtfTokenIds ids;
  gsize length;         /* a length that the rule depends on */
} Tokens;

static void
tokens_free (gpointer data)
{
  g_free (((Tokens *) data)->ids.ids);
  g_free (data);
}

static Tokens *
tokens_new (const gint32 *ids, gsize n_ids, gsize length)
{
  Tokens *self = g_new0 (Tokens, 1);
  self->ids.ids = g_memdup2 (ids, n_ids * sizeof *ids);
  self->ids.n_ids = n_ids;
  self->length = length;
  return self;
}

static void
set_all (const GtfTokenIds *tokens, const GtfLogitsStep *step, float *logits, float value)
{
  for (gsize i = 0; i < tokens->n_ids; i++)
    if (tokens->ids[i] >= 0 && (gsize) tokens->ids[i] < step->vocab)
      logits[tokens->ids[i]] = value;
}

static void
suppress (gpointer data, const GtfLogitsStep *step, float *logits)
{
  set_all (&((Tokens *) data)->ids, step, logits, -INFINITY);
}

static void
suppress_at (gpointer data, const GtfLogitsStep *step, float *logits)
{
  Tokens *self = data;
  if (step->n_ids == self->length)
    set_all (&self->ids, step, logits, -INFINITY);
}

static void
suppress_until (gpointer data, const GtfLogitsStep *step, float *logits)
{
  Tokens *self = data;
  if (step->n_ids < self->length)
    set_all (&self->ids, step, logits, -INFINITY);
}

static void
force_at (gpointer data, const GtfLogitsStep *step, float *logits)
{
  Tokens *self = data;
  if (step->n_ids != self->length)
    return;
  for (gsize i = 0; i < step->vocab; i++)
    logits[i] = -INFINITY;
  set_all (&self->ids, step, logits, 0);
}

/* Radford et al. 2022, section 4.5 and the code with it: non-speech tokens; blank and end at the first step. */
static const GtfLogitsProcessor suppress_tokens = { "suppress_tokens", suppress, tokens_free };
static const GtfLogitsProcessor begin_suppress_tokens = { "begin_suppress_tokens", suppress_at, tokens_free };
static const GtfLogitsProcessor min_length = { "min_length", suppress_until, tokens_free };
static const GtfLogitsProcessor min_new_tokens = { "min_new_tokens", suppress_until, tokens_free };
/* Target language of multilingual decoders: Liu et al. 2020 (mBART). */
static const GtfLogitsProcessor forced_bos = { "forced_bos_token_id", force_at, tokens_free };
static const GtfLogitsProcessor forced_eos = { "forced_eos_token_id", force_at, tokens_free };

void
gtf_logits_processor_list_append_suppress (GtfLogitsProcessorList *self, const gint32 *ids, gsize n_ids)
{
  gtf_logits_processor_list_append (self, &suppress_tokens, tokens_new (ids, n_ids, 0));
}

void
gtf_logits_processor_list_append_begin_suppress (GtfLogitsProcessorList *self, const gint32 *ids, gsize n_ids, gsize begin)
{
  gtf_logits_processor_list_append (self, &begin_suppress_tokens, tokens_new (ids, n_ids, begin));
}

/* ---- repetition: Keskar et al. 2019 (CTRL), section 4.1 ------------------------------------------------------------- */

typedef struct
{
  const gint32 *ids;    /* (nullable): the encoder's, [n_rows][n_ids]; NULL: the row's own */
  gsize n_ids;
  float penalty;
  gsize ngram;
} Repetition;

/* A token is counted once however often it is there: a first pass keeps what the logits were. */
static void
penalize (const gint32 *ids, gsize n_ids, float penalty, const GtfLogitsStep *step, float *logits)
{
  float *before = step->scratch;
  for (gsize i = 0; i < n_ids; i++)
    if (ids[i] >= 0 && (gsize) ids[i] < step->vocab)
      before[ids[i]] = logits[ids[i]];
  for (gsize i = 0; i < n_ids; i++)
    if (ids[i] >= 0 && (gsize) ids[i] < step->vocab)
      logits[ids[i]] = before[ids[i]] < 0 ? before[ids[i]] * penalty : before[ids[i]] / penalty;
}

static void
repetition (gpointer data, const GtfLogitsStep *step, float *logits)
{
  penalize (step->ids, step->n_ids, ((Repetition *) data)->penalty, step, logits);
}

static void
encoder_repetition (gpointer data, const GtfLogitsStep *step, float *logits)
{
  Repetition *self = data;
  penalize (self->ids + step->sentence * self->n_ids, self->n_ids, 1 / self->penalty, step, logits);
}

/* Paulus et al. 2017, section 2.5: no n-gram twice. Bans what followed, in `ids`, the last n - 1 tokens of the row. */
static void
ban_ngrams (const gint32 *ids, gsize n_ids, gsize ngram, const GtfLogitsStep *step, float *logits)
{
  const gsize n = ngram - 1;
  const gint32 *last = step->ids + step->n_ids - n;
  if (step->n_ids < n)
    return;
  for (gsize i = 0; i + ngram <= n_ids; i++)
    if (memcmp (ids + i, last, n * sizeof *ids) == 0 && ids[i + n] >= 0 && (gsize) ids[i + n] < step->vocab)
      logits[ids[i + n]] = -INFINITY;
}

static void
no_repeat_ngram (gpointer data, const GtfLogitsStep *step, float *logits)
{
  ban_ngrams (step->ids, step->n_ids, ((Repetition *) data)->ngram, step, logits);
}

static void
encoder_no_repeat_ngram (gpointer data, const GtfLogitsStep *step, float *logits)
{
  Repetition *self = data;
  ban_ngrams (self->ids + step->sentence * self->n_ids, self->n_ids, self->ngram, step, logits);
}

static const GtfLogitsProcessor repetition_penalty = { "repetition_penalty", repetition, g_free };
static const GtfLogitsProcessor encoder_repetition_penalty = { "encoder_repetition_penalty", encoder_repetition, g_free };
static const GtfLogitsProcessor no_repeat_ngram_size = { "no_repeat_ngram_size", no_repeat_ngram, g_free };
static const GtfLogitsProcessor encoder_no_repeat_ngram_size = { "encoder_no_repeat_ngram_size", encoder_no_repeat_ngram, g_free };

static Repetition *
repetition_new (double penalty, gsize ngram, const gint32 *ids, gsize n_ids)
{
  Repetition value = { ids, n_ids, (float) penalty, ngram };
  return g_memdup2 (&value, sizeof value);
}

/* ---- biases ------------------------------------------------------------------------------------------------------- */

static void
bias_clear (gpointer data)
{
  g_free (((GtfSequenceBias *) data)->tokens.ids);
}

static void
bias_array_free (gpointer data)
{
  g_array_unref (data);
}

static void
bias_array_add (GArray *array, const GtfTokenIds *tokens, float value)
{
  GtfSequenceBias bias = { { g_memdup2 (tokens->ids, tokens->n_ids * sizeof (gint32)), tokens->n_ids }, value };
  g_array_append_val (array, bias);
}

/* A sequence's last token gets its bias where the row ends with the tokens before it. Biases of one token add up before
 * they are added to its logit. */
static void
add_biases (gpointer data, const GtfLogitsStep *step, float *logits)
{
  GArray *biases = data;
  float *sum = step->scratch;
  for (guint i = 0; i < biases->len; i++)
    {
      const GtfTokenIds *tokens = &g_array_index (biases, GtfSequenceBias, i).tokens;
      sum[tokens->ids[tokens->n_ids - 1]] = 0;
    }
  for (guint i = 0; i < biases->len; i++)
    {
      const GtfSequenceBias *bias = &g_array_index (biases, GtfSequenceBias, i);
      const gsize n = bias->tokens.n_ids - 1;
      if (n <= step->n_ids && memcmp (step->ids + step->n_ids - n, bias->tokens.ids, n * sizeof (gint32)) == 0)
        sum[bias->tokens.ids[n]] += bias->bias;
    }
  for (guint i = 0; i < biases->len; i++)
    {
      const GtfTokenIds *tokens = &g_array_index (biases, GtfSequenceBias, i).tokens;
      const gint32 token = tokens->ids[tokens->n_ids - 1];
      logits[token] += sum[token];
      sum[token] = 0;     /* a token that ends several sequences */
    }
}

static const GtfLogitsProcessor sequence_bias = { "sequence_bias", add_biases, bias_array_free };
static const GtfLogitsProcessor bad_words_ids = { "bad_words_ids", add_biases, bias_array_free };

static gboolean
check_vocab (const GtfTokenIds *tokens, const char *name, gsize vocab, GError **error)
{
  for (gsize i = 0; i < tokens->n_ids; i++)
    if ((gsize) tokens->ids[i] >= vocab)
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                     "'%s': token %d is out of range: the model's vocabulary has %" G_GSIZE_FORMAT " tokens", name, tokens->ids[i], vocab);
        return FALSE;
      }
  return TRUE;
}

static GArray *
bias_array_new (void)
{
  GArray *array = g_array_new (FALSE, FALSE, sizeof (GtfSequenceBias));
  g_array_set_clear_func (array, bias_clear);
  return array;
}

/* ---- others --------------------------------------------------------------------------------------------------------- */

static void
remove_invalid (gpointer data, const GtfLogitsStep *step, float *logits)
{
  for (gsize i = 0; i < step->vocab; i++)
    logits[i] = isnan (logits[i]) ? 0 : CLAMP (logits[i], -FLT_MAX, FLT_MAX);
}

typedef struct
{
  GtfTokenIds eos;
  gsize start;
  double factor;
} Decay;

static void
decay_free (gpointer data)
{
  g_free (((Decay *) data)->eos.ids);
  g_free (data);
}

/* The reference's own: from `start` on, the end token's logit grows by its size times factor^steps - 1. */
static void
exponential_decay (gpointer data, const GtfLogitsStep *step, float *logits)
{
  Decay *self = data;
  if (step->n_ids <= self->start)
    return;
  const float growth = (float) (pow (self->factor, (double) (step->n_ids - self->start)) - 1);
  for (gsize i = 0; i < self->eos.n_ids; i++)
    {
      const gint32 id = self->eos.ids[i];
      if (id >= 0 && (gsize) id < step->vocab && isfinite (logits[id]))
        logits[id] += fabsf (logits[id]) * growth;
    }
}

static void
normalize (gpointer data, const GtfLogitsStep *step, float *logits)
{
  gtf_logits_log_softmax (logits, step->vocab);
}

static const GtfLogitsProcessor remove_invalid_values = { "remove_invalid_values", remove_invalid, NULL };
static const GtfLogitsProcessor exponential_decay_length_penalty = { "exponential_decay_length_penalty", exponential_decay, decay_free };
static const GtfLogitsProcessor renormalize_logits = { "renormalize_logits", normalize, NULL };

/* ---- the list of a config ------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfGenerationConfig *config;
  GtfLogitsProcessorList *list;
  gsize n_prompt, max_length, vocab;
  const gint32 *encoder_ids;
  gsize n_encoder_ids;
} Build;

static gboolean
append_biases (Build *b, GError **error)
{
  if (!b->config->sequence_bias)
    return TRUE;
  GArray *array = bias_array_new ();
  gtf_logits_processor_list_append (b->list, &sequence_bias, array);
  for (guint i = 0; i < b->config->sequence_bias->len; i++)
    {
      const GtfSequenceBias *bias = g_ptr_array_index (b->config->sequence_bias, i);
      if (!check_vocab (&bias->tokens, "sequence_bias", b->vocab, error))
        return FALSE;
      bias_array_add (array, &bias->tokens, bias->bias);
    }
  return TRUE;
}

/* A bad word that is an end token does not count. */
static gboolean
append_bad_words (Build *b, GError **error)
{
  if (!b->config->bad_words_ids)
    return TRUE;
  GArray *array = bias_array_new ();
  gtf_logits_processor_list_append (b->list, &bad_words_ids, array);
  for (guint i = 0; i < b->config->bad_words_ids->len; i++)
    {
      const GtfTokenIds *word = g_ptr_array_index (b->config->bad_words_ids, i);
      if (word->n_ids == 1 && gtf_token_ids_contain (&b->config->eos_token_ids, word->ids[0]))
        continue;
      if (!check_vocab (word, "bad_words_ids", b->vocab, error))
        return FALSE;
      bias_array_add (array, word, -INFINITY);
    }
  return TRUE;
}

static void
append_repetition (Build *b)
{
  const GtfGenerationConfig *config = b->config;
  if (b->encoder_ids && config->encoder_repetition_penalty != 1)
    gtf_logits_processor_list_append (b->list, &encoder_repetition_penalty,
                                      repetition_new (config->encoder_repetition_penalty, 0, b->encoder_ids, b->n_encoder_ids));
  if (config->repetition_penalty != 1)
    gtf_logits_processor_list_append (b->list, &repetition_penalty, repetition_new (config->repetition_penalty, 0, NULL, 0));
  if (config->no_repeat_ngram_size > 0)
    gtf_logits_processor_list_append (b->list, &no_repeat_ngram_size, repetition_new (1, config->no_repeat_ngram_size, NULL, 0));
  if (b->encoder_ids && config->encoder_no_repeat_ngram_size > 0)
    gtf_logits_processor_list_append (b->list, &encoder_no_repeat_ngram_size,
                                      repetition_new (1, config->encoder_no_repeat_ngram_size, b->encoder_ids, b->n_encoder_ids));
}

static void
append_lengths (Build *b)
{
  const GtfGenerationConfig *config = b->config;
  const GtfTokenIds *eos = &config->eos_token_ids;
  const gint32 bos = (gint32) config->forced_bos_token_id;
  /* min_new_tokens sets min_length too. */
  const gsize least = config->min_new_tokens >= 0 ? config->min_new_tokens + b->n_prompt : (gsize) config->min_length;
  if (eos->n_ids > 0 && least > 0)
    gtf_logits_processor_list_append (b->list, &min_length, tokens_new (eos->ids, eos->n_ids, least));
  if (eos->n_ids > 0 && config->min_new_tokens > 0)
    gtf_logits_processor_list_append (b->list, &min_new_tokens, tokens_new (eos->ids, eos->n_ids, least));
  if (config->forced_bos_token_id >= 0)
    gtf_logits_processor_list_append (b->list, &forced_bos, tokens_new (&bos, 1, 1));
  if (config->forced_eos_token_ids.ids)
    gtf_logits_processor_list_append (b->list, &forced_eos,
                                      tokens_new (config->forced_eos_token_ids.ids, config->forced_eos_token_ids.n_ids, b->max_length - 1));
}

static void
append_suppression (Build *b)
{
  const GtfGenerationConfig *config = b->config;
  if (config->remove_invalid_values)
    gtf_logits_processor_list_append (b->list, &remove_invalid_values, NULL);
  if (config->exponential_decay_start >= 0)
    {
      Decay *decay = g_new0 (Decay, 1);
      decay->eos.ids = g_memdup2 (config->eos_token_ids.ids, config->eos_token_ids.n_ids * sizeof (gint32));
      decay->eos.n_ids = config->eos_token_ids.n_ids;
      decay->start = config->exponential_decay_start + b->n_prompt;
      decay->factor = config->exponential_decay_factor;
      gtf_logits_processor_list_append (b->list, &exponential_decay_length_penalty, decay);
    }
  if (config->suppress_tokens.ids)
    gtf_logits_processor_list_append_suppress (b->list, config->suppress_tokens.ids, config->suppress_tokens.n_ids);
  if (config->begin_suppress_tokens.ids)
    gtf_logits_processor_list_append_begin_suppress (b->list, config->begin_suppress_tokens.ids, config->begin_suppress_tokens.n_ids,
                                                     b->n_prompt + (b->n_prompt <= 1 && config->forced_bos_token_id >= 0));
}

/* The task's processor takes the place of the config's of the same name; the others go to the end. */
static void
merge_custom (GtfLogitsProcessorList *list, GtfLogitsProcessorList *custom)
{
  for (guint i = 0; custom && i < custom->entries->len; i++)
    {
      Entry entry = g_array_index (custom->entries, Entry, i);
      gboolean placed = FALSE;
      entry.borrowed = TRUE;
      for (guint j = 0; j < list->entries->len && !placed; j++)
        {
          Entry *other = &g_array_index (list->entries, Entry, j);
          if (!g_str_equal (other->processor->name, entry.processor->name) || other->borrowed)
            continue;
          entry_clear (other);
          *other = entry;
          placed = TRUE;
        }
      if (!placed)
        g_array_append_val (list->entries, entry);
    }
}

GtfLogitsProcessorList *
gtf_logits_processor_list_build (const GtfGenerationConfig *config, gsize n_prompt, gsize max_new, gsize vocab, const gint32 *encoder_ids,
                                 gsize n_rows, gsize n_encoder_ids, GtfLogitsProcessorList *custom, GError **error)
{
  g_autoptr (GtfLogitsProcessorList) list = gtf_logits_processor_list_new ();
  Build build = { config, list, n_prompt, n_prompt + max_new, vocab, encoder_ids, n_encoder_ids };

  g_return_val_if_fail (config != NULL && vocab > 0, NULL);
  if (!append_biases (&build, error))
    return NULL;
  append_repetition (&build);
  if (!append_bad_words (&build, error))
    return NULL;
  append_lengths (&build);
  append_suppression (&build);
  merge_custom (list, custom);
  if (config->do_sample)
    gtf_logits_warpers_append (list, config);
  if (config->renormalize_logits)
    gtf_logits_processor_list_append (list, &renormalize_logits, NULL);
  return g_steal_pointer (&list);
}
