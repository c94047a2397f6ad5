/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include "base/error.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_EARLY_STOPPING_FALSE,
  GTF_EARLY_STOPPING_TRUE,
  GTF_EARLY_STOPPING_NEVER
} GtfEarlyStopping;

/* A list of token ids; ids is NULL where the list is absent. */
typedef struct
{
  gint32 *ids;
  gsize n_ids;
} GtfTokenIds;

/* A sequence of tokens whose last one gets `bias` added when the others have just been generated. */
typedef struct
{
  GtfTokenIds tokens;
  float bias;
} GtfSequenceBias;

/**
 * GtfGenerationConfig:
 * @max_length: tokens of prompt and answer together; counts only where @max_new_tokens is not set
 * @max_length_is_default: nobody has set max_length: it then counts new tokens only, as in the reference
 * @max_new_tokens: -1: not set
 * @min_new_tokens: -1: not set
 * @max_time: seconds; 0: no limit
 * @stop_strings: (nullable): strings that end an answer
 * @top_h: 0: not set
 * @min_p: -1: not set
 * @bad_words_ids: (nullable) (element-type GtfTokenIds)
 * @sequence_bias: (nullable) (element-type GtfSequenceBias)
 * @forced_bos_token_id: -1: not set
 * @exponential_decay_start: -1: not set
 * @eos_token_ids: may be empty
 * @pad_token_id: -1: not set; the first of @eos_token_ids is used then
 * @seed: of our own random generator (no key of the reference's; torch's stream of random numbers cannot be had); -1: a fresh one
 * @path: the file it was read from, for messages
 * @json: everything that was read, merged: for keys that only a task knows (Whisper's lang_to_id, alignment_heads)
 *
 * How to turn logits into tokens: the fields of transformers' GenerationConfig, under their names. Read from
 * generation_config.json (or, where a repository has none, from the legacy keys of config.json), then overridden by the
 * request's generate_kwargs. A plain struct: a task may change a field of its copy.
 */
typedef struct
{
  gint64 max_length;
  gboolean max_length_is_default;
  gint64 max_new_tokens;
  gint64 min_length;
  gint64 min_new_tokens;
  double max_time;
  GStrv stop_strings;

  gboolean do_sample;
  gint64 num_beams;
  gint64 num_return_sequences;
  GtfEarlyStopping early_stopping;
  double length_penalty;

  double temperature;
  gint64 top_k;
  double top_p;
  double min_p;
  double top_h;
  double typical_p;
  double epsilon_cutoff;
  double eta_cutoff;

  double repetition_penalty;
  double encoder_repetition_penalty;
  gint64 no_repeat_ngram_size;
  gint64 encoder_no_repeat_ngram_size;
  GPtrArray *bad_words_ids;
  GPtrArray *sequence_bias;
  gint64 forced_bos_token_id;
  GtfTokenIds forced_eos_token_ids;
  gboolean remove_invalid_values;
  gint64 exponential_decay_start;
  double exponential_decay_factor;
  GtfTokenIds suppress_tokens;
  GtfTokenIds begin_suppress_tokens;
  gboolean renormalize_logits;

  gint64 bos_token_id;
  gint64 pad_token_id;
  gint64 decoder_start_token_id;
  GtfTokenIds eos_token_ids;

  gint64 seed;
  char *path;
  JsonObject *json;
} GtfGenerationConfig;

/**
 * gtf_generation_config_load:
 * @directory: a repository's folder; generation_config.json and config.json are both optional here
 *
 * Errors: %GTF_ERROR_INVALID_DATA, naming file and key.
 */
GTF_API GtfGenerationConfig *gtf_generation_config_load (const char *directory, GError **error);

/**
 * gtf_generation_config_new:
 * @generation_config: (nullable): what generation_config.json holds; unknown keys are kept in the result's @json
 * @model_config: (nullable): what config.json holds; its legacy keys count only where @generation_config is %NULL
 */
GTF_API GtfGenerationConfig *gtf_generation_config_new  (JsonObject *generation_config, JsonObject *model_config, GError **error);
GTF_API GtfGenerationConfig *gtf_generation_config_copy (const GtfGenerationConfig *self);
GTF_API void                 gtf_generation_config_free (GtfGenerationConfig *self);

/**
 * gtf_generation_config_update:
 * @kwargs: (nullable): generate_kwargs of a request
 * @also: (nullable) (array zero-terminated=1): further names that the task itself understands ("language", "task");
 *   they go into the result's @json only
 *
 * Overrides fields by those of a request; null leaves a field as it is, or unsets it where the reference allows that.
 * Errors: %GTF_ERROR_INVALID_ARGUMENT: a name that nobody knows, a value of the wrong type or out of range, a combination
 * that the reference refuses (num_return_sequences above num_beams); the message names it.
 */
GTF_API gboolean             gtf_generation_config_update (GtfGenerationConfig *self, JsonObject *kwargs, const char *const *also, GError **error);

/* Combinations that the reference refuses (num_return_sequences above num_beams, a forced token that is suppressed). */
GTF_API gboolean             gtf_generation_config_check  (const GtfGenerationConfig *self, GError **error);

/* The bounds of new tokens after a prompt: max_new_tokens, or max_length less the prompt, as the reference counts. An
 * error if nothing is left to generate. `limit` (0: none) is the model's longest sequence. */
GTF_API gboolean             gtf_generation_config_get_lengths (const GtfGenerationConfig *self, gsize n_prompt, gsize limit, gsize *max_new, GError **error);

GTF_API gboolean             gtf_token_ids_contain (const GtfTokenIds *self, gint32 id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfGenerationConfig, gtf_generation_config_free)

G_END_DECLS
