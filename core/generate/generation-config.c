/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The generation config. One table names each key with its type, its bounds, its default and what null in a request
 * means; generation_config.json, the legacy keys of config.json and a request all pass through it. How a value of each type
 * is read stands in generation-values.c. The defaults and the rules are those of GenerationConfig in transformers 5.
 */
#include "generate/generation-values.h"

#include <float.h>
#include <math.h>
#include "base/json.h"

#define AT(field) G_STRUCT_OFFSET (GtfGenerationConfig, field)
#define COUNT G_MAXINT32

/* clang-format off */
static const GtfField fields[] = {
  { "max_length", GTF_FIELD_INT, AT (max_length), 1, COUNT, 20, 20 },
  { "max_new_tokens", GTF_FIELD_INT, AT (max_new_tokens), 1, COUNT, -1, -1 },
  { "min_length", GTF_FIELD_INT, AT (min_length), 0, COUNT, 0, 0 },
  { "min_new_tokens", GTF_FIELD_INT, AT (min_new_tokens), 0, COUNT, -1, -1 },
  { "max_time", GTF_FIELD_FLOAT, AT (max_time), 0, 1e9, 0, 0 },
  { "stop_strings", GTF_FIELD_STRINGS, AT (stop_strings) },
  { "do_sample", GTF_FIELD_BOOL, AT (do_sample), 0, 1, 0, 0 },
  { "num_beams", GTF_FIELD_INT, AT (num_beams), 1, 1024, 1, 1 },
  { "num_return_sequences", GTF_FIELD_INT, AT (num_return_sequences), 1, 1024, 1, 1 },
  { "early_stopping", GTF_FIELD_EARLY_STOPPING, AT (early_stopping) },
  { "length_penalty", GTF_FIELD_FLOAT, AT (length_penalty), -1e4, 1e4, 1, 1 },
  { "temperature", GTF_FIELD_FLOAT, AT (temperature), 0, 1e9, 1, 1 },
  { "top_k", GTF_FIELD_INT, AT (top_k), 0, COUNT, 50, 0 },
  { "top_p", GTF_FIELD_FLOAT, AT (top_p), 0, 1, 1, 1 },
  { "min_p", GTF_FIELD_FLOAT, AT (min_p), 0, 1, -1, -1 },
  { "top_h", GTF_FIELD_FLOAT, AT (top_h), DBL_MIN, 1, 0, 0 },
  { "typical_p", GTF_FIELD_FLOAT, AT (typical_p), DBL_MIN, 1, 1, 1 },
  { "epsilon_cutoff", GTF_FIELD_FLOAT, AT (epsilon_cutoff), 0, 1, 0, 0 },
  { "eta_cutoff", GTF_FIELD_FLOAT, AT (eta_cutoff), 0, 1, 0, 0 },
  { "repetition_penalty", GTF_FIELD_FLOAT, AT (repetition_penalty), FLT_MIN, 1e9, 1, 1 },
  { "encoder_repetition_penalty", GTF_FIELD_FLOAT, AT (encoder_repetition_penalty), FLT_MIN, 1e9, 1, 1 },
  { "no_repeat_ngram_size", GTF_FIELD_INT, AT (no_repeat_ngram_size), 0, COUNT, 0, 0 },
  { "encoder_no_repeat_ngram_size", GTF_FIELD_INT, AT (encoder_no_repeat_ngram_size), 0, COUNT, 0, 0 },
  { "bad_words_ids", GTF_FIELD_WORDS, AT (bad_words_ids), 0, COUNT },
  { "sequence_bias", GTF_FIELD_BIAS, AT (sequence_bias), 0, COUNT },
  { "forced_bos_token_id", GTF_FIELD_INT, AT (forced_bos_token_id), 0, COUNT, -1, -1 },
  { "forced_eos_token_id", GTF_FIELD_IDS, AT (forced_eos_token_ids), 0, COUNT },
  { "remove_invalid_values", GTF_FIELD_BOOL, AT (remove_invalid_values), 0, 1, 0, 0 },
  { "exponential_decay_length_penalty", GTF_FIELD_DECAY, AT (exponential_decay_start), 0, COUNT },
  { "suppress_tokens", GTF_FIELD_IDS, AT (suppress_tokens), G_MININT32, COUNT },
  { "begin_suppress_tokens", GTF_FIELD_IDS, AT (begin_suppress_tokens), G_MININT32, COUNT },
  { "renormalize_logits", GTF_FIELD_BOOL, AT (renormalize_logits), 0, 1, 0, 0 },
  { "bos_token_id", GTF_FIELD_INT, AT (bos_token_id), G_MININT32, COUNT, -1, -1 },
  { "pad_token_id", GTF_FIELD_INT, AT (pad_token_id), G_MININT32, COUNT, -1, -1 },
  { "decoder_start_token_id", GTF_FIELD_INT, AT (decoder_start_token_id), G_MININT32, COUNT, -1, -1 },
  { "eos_token_id", GTF_FIELD_IDS, AT (eos_token_ids), G_MININT32, COUNT },
  { "seed", GTF_FIELD_INT, AT (seed), 0, 9007199254740991.0, -1, -1 },
  /* What would change the words and is not built: the reference itself has moved most of these out of the library. */
  { "num_beam_groups", GTF_FIELD_NEUTRAL, 0, 0, 0, 1 },
  { "diversity_penalty", GTF_FIELD_NEUTRAL, 0, 0, 0, 0 },
  { "penalty_alpha", GTF_FIELD_NEUTRAL, 0, 0, 0, 0 },
  { "guidance_scale", GTF_FIELD_NEUTRAL, 0, 0, 0, 1 },
  { "watermarking_config", GTF_FIELD_NEUTRAL, 0, 0, 0, NAN },
  { "constraints", GTF_FIELD_NEUTRAL, 0, 0, 0, NAN },
  { "force_words_ids", GTF_FIELD_NEUTRAL, 0, 0, 0, NAN },
  { "dola_layers", GTF_FIELD_NEUTRAL, 0, 0, 0, NAN },
  { "token_healing", GTF_FIELD_NEUTRAL, 0, 0, 0, 0 },
  { "low_memory", GTF_FIELD_NEUTRAL, 0, 0, 0, 0 },
  { "use_cache", GTF_FIELD_IGNORED }, { "use_mtp", GTF_FIELD_IGNORED }, { "cache_implementation", GTF_FIELD_IGNORED }, { "cache_config", GTF_FIELD_IGNORED },
  { "max_cache_len", GTF_FIELD_IGNORED }, { "output_attentions", GTF_FIELD_IGNORED }, { "output_hidden_states", GTF_FIELD_IGNORED },
  { "output_scores", GTF_FIELD_IGNORED }, { "output_logits", GTF_FIELD_IGNORED }, { "return_dict_in_generate", GTF_FIELD_IGNORED },
  { "is_assistant", GTF_FIELD_IGNORED }, { "num_assistant_tokens", GTF_FIELD_IGNORED }, { "num_assistant_tokens_schedule", GTF_FIELD_IGNORED },
  { "assistant_confidence_threshold", GTF_FIELD_IGNORED }, { "prompt_lookup_num_tokens", GTF_FIELD_IGNORED }, { "max_matching_ngram_size", GTF_FIELD_IGNORED },
  { "assistant_early_exit", GTF_FIELD_IGNORED }, { "assistant_lookbehind", GTF_FIELD_IGNORED }, { "target_lookbehind", GTF_FIELD_IGNORED },
  { "assistant_ensemble_weight", GTF_FIELD_IGNORED }, { "speculation_type", GTF_FIELD_IGNORED }, { "compile_config", GTF_FIELD_IGNORED },
  { "disable_compile", GTF_FIELD_IGNORED }, { "continuous_batching_config", GTF_FIELD_IGNORED }, { "prefill_chunk_size", GTF_FIELD_IGNORED },
  { "transformers_version", GTF_FIELD_IGNORED }, { "_from_model_config", GTF_FIELD_IGNORED }, { "_commit_hash", GTF_FIELD_IGNORED },
};
/* clang-format on */

gboolean
gtf_token_ids_contain (const GtfTokenIds *self, gint32 id)
{
  for (gsize i = 0; i < self->n_ids; i++)
    if (self->ids[i] == id)
      return TRUE;
  return FALSE;
}

/* ---- the table at work ---------------------------------------------------------------------------------------------- */

static void
set_absent (GtfGenerationConfig *self, const GtfField *field, double value)
{
  gpointer at = (char *) self + field->offset;
  switch (field->type)
    {
    case GTF_FIELD_INT:
      *(gint64 *) at = (gint64) value;
      if (g_str_equal (field->name, "max_length"))
        self->max_length_is_default = TRUE;
      break;
    case GTF_FIELD_FLOAT:
      *(double *) at = value;
      break;
    case GTF_FIELD_BOOL:
      *(gboolean *) at = value != 0;
      break;
    case GTF_FIELD_IDS:
      g_clear_pointer (&((GtfTokenIds *) at)->ids, g_free);
      ((GtfTokenIds *) at)->n_ids = 0;
      break;
    case GTF_FIELD_EARLY_STOPPING:
      *(GtfEarlyStopping *) at = GTF_EARLY_STOPPING_FALSE;
      break;
    case GTF_FIELD_STRINGS:
      g_clear_pointer ((GStrv *) at, g_strfreev);
      break;
    case GTF_FIELD_WORDS:
    case GTF_FIELD_BIAS:
      g_clear_pointer ((GPtrArray **) at, g_ptr_array_unref);
      break;
    case GTF_FIELD_DECAY:
      self->exponential_decay_start = -1;
      break;
    case GTF_FIELD_NEUTRAL:
    case GTF_FIELD_IGNORED:
      break;
    }
}

static gboolean
set_value (GtfGenerationConfig *self, const char *where, const GtfField *field, JsonNode *node, GError **error)
{
  gpointer at = (char *) self + field->offset;
  double value;
  switch (field->type)
    {
    case GTF_FIELD_INT:
      if (!gtf_field_read_number (where, field, node, TRUE, &value, error))
        return FALSE;
      *(gint64 *) at = (gint64) value;
      if (g_str_equal (field->name, "max_length"))
        self->max_length_is_default = FALSE;
      return TRUE;
    case GTF_FIELD_FLOAT:
      if (!gtf_field_read_number (where, field, node, FALSE, &value, error))
        return FALSE;
      *(double *) at = value;
      return TRUE;
    case GTF_FIELD_BOOL:
      return gtf_field_read_bool (where, field->name, node, at, error);
    case GTF_FIELD_IDS:
      return gtf_field_read_ids (where, field, node, TRUE, at, error);
    case GTF_FIELD_EARLY_STOPPING:
      return gtf_field_read_early_stopping (where, field->name, node, at, error);
    case GTF_FIELD_STRINGS:
      return gtf_field_read_strings (where, field->name, node, at, error);
    case GTF_FIELD_WORDS:
      return gtf_field_read_words (where, field, node, at, error);
    case GTF_FIELD_BIAS:
      return gtf_field_read_bias (where, field, node, at, error);
    case GTF_FIELD_DECAY:
      return gtf_field_read_decay (self, where, field, node, error);
    case GTF_FIELD_NEUTRAL:
      return gtf_field_read_neutral (where, field, node, error);
    case GTF_FIELD_IGNORED:
      return TRUE;
    }
  return TRUE;
}

static const GtfField *
find_field (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    if (g_str_equal (fields[i].name, name))
      return &fields[i];
  return NULL;
}

/* A file's null is the same as no key. */
static gboolean
read_file_object (GtfGenerationConfig *self, JsonObject *object, const char *where, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      JsonNode *node = json_object_get_member (object, fields[i].name);
      if (node && !JSON_NODE_HOLDS_NULL (node) && !set_value (self, where, &fields[i], node, error))
        return FALSE;
    }
  return TRUE;
}

static void
merge_json (JsonObject *into, JsonObject *from)
{
  g_autoptr (GList) names = json_object_get_members (from);
  for (GList *l = names; l; l = l->next)
    json_object_set_member (into, l->data, json_node_copy (json_object_get_member (from, l->data)));
}

/* Generation parameters of old repositories stand in config.json, some of them in that of the decoder. */
static gboolean
read_legacy (GtfGenerationConfig *self, JsonObject *model_config, const char *path, GError **error)
{
  static const char *const nested[] = { "decoder", "generator", "text_config" };
  for (gsize i = 0; i < G_N_ELEMENTS (nested); i++)
    {
      JsonNode *node = json_object_get_member (model_config, nested[i]);
      if (!node || !JSON_NODE_HOLDS_OBJECT (node))
        continue;
      if (!read_file_object (self, json_node_get_object (node), path, error))
        return FALSE;
      break;
    }
  if (!read_file_object (self, model_config, path, error))
    return FALSE;
  JsonNode *node = json_object_get_member (model_config, "force_bos_token_to_be_generated");
  if (node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN && json_node_get_boolean (node))
    self->forced_bos_token_id = self->bos_token_id;
  return TRUE;
}

/* @path names the file for messages. */
static GtfGenerationConfig *
config_new (JsonObject *generation_config, JsonObject *model_config, const char *path, GError **error)
{
  g_autoptr (GtfGenerationConfig) self = g_new0 (GtfGenerationConfig, 1);
  self->json = json_object_new ();
  self->path = g_strdup (path);
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    set_absent (self, &fields[i], fields[i].fallback);
  if (generation_config)
    {
      if (!read_file_object (self, generation_config, path, error))
        return NULL;
      merge_json (self->json, generation_config);
    }
  else if (model_config && !read_legacy (self, model_config, path, error))
    return NULL;
  return g_steal_pointer (&self);
}

GtfGenerationConfig *
gtf_generation_config_new (JsonObject *generation_config, JsonObject *model_config, GError **error)
{
  return config_new (generation_config, model_config, generation_config ? "generation_config.json" : "config.json", error);
}

/* A file that need not be there. */
static gboolean
load_object (const char *path, JsonObject **object, GError **error)
{
  g_autoptr (GError) local = NULL;

  *object = gtf_json_load_object (path, &local);
  if (*object || g_error_matches (local, GTF_ERROR, GTF_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

GtfGenerationConfig *
gtf_generation_config_load (const char *directory, GError **error)
{
  g_autoptr (JsonObject) generation = NULL;
  g_autoptr (JsonObject) model = NULL;

  g_return_val_if_fail (directory != NULL, NULL);
  g_autofree char *path = g_build_filename (directory, "generation_config.json", NULL);
  g_autofree char *legacy = g_build_filename (directory, "config.json", NULL);
  if (!load_object (path, &generation, error) || (!generation && !load_object (legacy, &model, error)))
    return NULL;
  return config_new (generation, model, generation ? path : legacy, error);
}

static GtfTokenIds
ids_copy (const GtfTokenIds *ids)
{
  GtfTokenIds copy = { g_memdup2 (ids->ids, ids->n_ids * sizeof (gint32)), ids->n_ids };
  if (ids->ids && !copy.ids)
    copy.ids = g_new0 (gint32, 1);    /* an empty list is not the same as none */
  return copy;
}

static gpointer
word_copy (gconstpointer word, gpointer data)
{
  GtfTokenIds copy = ids_copy (word);
  return g_memdup2 (&copy, sizeof copy);
}

static gpointer
bias_copy (gconstpointer bias, gpointer data)
{
  GtfSequenceBias copy = *(const GtfSequenceBias *) bias;
  copy.tokens = ids_copy (&copy.tokens);
  return g_memdup2 (&copy, sizeof copy);
}

static GPtrArray *
list_copy (GPtrArray *list, GCopyFunc copy, GDestroyNotify free)
{
  GPtrArray *result;
  if (!list)
    return NULL;
  result = g_ptr_array_copy (list, copy, NULL);
  g_ptr_array_set_free_func (result, free);
  return result;
}

GtfGenerationConfig *
gtf_generation_config_copy (const GtfGenerationConfig *self)
{
  GtfGenerationConfig *copy;

  g_return_val_if_fail (self != NULL, NULL);
  copy = g_memdup2 (self, sizeof *self);
  copy->stop_strings = g_strdupv (self->stop_strings);
  copy->bad_words_ids = list_copy (self->bad_words_ids, (GCopyFunc) word_copy, gtf_token_ids_free);
  copy->sequence_bias = list_copy (self->sequence_bias, (GCopyFunc) bias_copy, gtf_sequence_bias_free);
  copy->forced_eos_token_ids = ids_copy (&self->forced_eos_token_ids);
  copy->suppress_tokens = ids_copy (&self->suppress_tokens);
  copy->begin_suppress_tokens = ids_copy (&self->begin_suppress_tokens);
  copy->eos_token_ids = ids_copy (&self->eos_token_ids);
  copy->path = g_strdup (self->path);
  copy->json = json_object_new ();
  merge_json (copy->json, self->json);
  return copy;
}

void
gtf_generation_config_free (GtfGenerationConfig *self)
{
  if (!self)
    return;
  g_strfreev (self->stop_strings);
  g_clear_pointer (&self->bad_words_ids, g_ptr_array_unref);
  g_clear_pointer (&self->sequence_bias, g_ptr_array_unref);
  g_free (self->forced_eos_token_ids.ids);
  g_free (self->suppress_tokens.ids);
  g_free (self->begin_suppress_tokens.ids);
  g_free (self->eos_token_ids.ids);
  g_free (self->path);
  g_clear_pointer (&self->json, json_object_unref);
  g_free (self);
}

/* ---- requests ------------------------------------------------------------------------------------------------------- */

static gboolean
is_suppressed (const GtfGenerationConfig *self, const gint32 *ids, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (!gtf_token_ids_contain (&self->suppress_tokens, ids[i]))
      return FALSE;
  return n > 0;
}

/* Combinations that the reference refuses. */
gboolean
gtf_generation_config_check (const GtfGenerationConfig *self, GError **error)
{
  const gint32 bos = (gint32) self->forced_bos_token_id;
  if (self->num_return_sequences > 1 && self->num_beams <= 1 && !self->do_sample)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                 "'num_return_sequences' is %" G_GINT64_FORMAT ": greedy search has one answer: set num_beams or do_sample", self->num_return_sequences);
  else if (self->num_beams > 1 && self->num_return_sequences > self->num_beams)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                 "'num_return_sequences' (%" G_GINT64_FORMAT ") must not be larger than 'num_beams' (%" G_GINT64_FORMAT ")", self->num_return_sequences, self->num_beams);
  else if (self->do_sample && !(self->temperature > 0))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "'temperature' must be above 0 to sample: for greedy search set do_sample to false");
  else if (self->forced_bos_token_id >= 0 && is_suppressed (self, &bos, 1))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "'forced_bos_token_id' (%d) is also in 'suppress_tokens'", bos);
  else if (is_suppressed (self, self->forced_eos_token_ids.ids, self->forced_eos_token_ids.n_ids))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "all of 'forced_eos_token_id' is also in 'suppress_tokens'");
  else
    return TRUE;
  return FALSE;
}

gboolean
gtf_generation_config_update (GtfGenerationConfig *self, JsonObject *kwargs, const char *const *also, GError **error)
{
  g_return_val_if_fail (self != NULL, FALSE);
  if (!kwargs)
    return TRUE;

  g_autoptr (GList) names = json_object_get_members (kwargs);
  for (GList *l = names; l; l = l->next)
    {
      const char *name = l->data;
      JsonNode *node = json_object_get_member (kwargs, name);
      const GtfField *field = also && g_strv_contains (also, name) ? NULL : find_field (name);
      if (field && JSON_NODE_HOLDS_NULL (node))
        set_absent (self, field, field->unset);
      else if (field && !set_value (self, "generate_kwargs", field, node, error))
        return FALSE;
      if (!field && !JSON_NODE_HOLDS_NULL (node) && !(also && g_strv_contains (also, name)) && !json_object_has_member (self->json, name))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                       "generate_kwargs: unknown parameter '%s': neither generation nor this model knows it (a typing error?)", name);
          return FALSE;
        }
      json_object_set_member (self->json, name, json_node_copy (node));
    }
  return gtf_generation_config_check (self, error);
}

gboolean
gtf_generation_config_get_lengths (const GtfGenerationConfig *self, gsize n_prompt, gsize limit, gsize *max_new, GError **error)
{
  g_return_val_if_fail (self != NULL && max_new != NULL, FALSE);
  if (self->max_new_tokens >= 0)
    *max_new = self->max_new_tokens;
  else if (self->max_length_is_default)
    *max_new = self->max_length;
  else if ((gsize) self->max_length > n_prompt)
    *max_new = self->max_length - n_prompt;
  else
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "the prompt has %" G_GSIZE_FORMAT " tokens, but 'max_length' is %" G_GINT64_FORMAT ": increase it or set 'max_new_tokens'", n_prompt, self->max_length);
      return FALSE;
    }
  if (limit && n_prompt >= limit)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "the prompt has %" G_GSIZE_FORMAT " tokens, but the model's longest sequence is %" G_GSIZE_FORMAT, n_prompt, limit);
      return FALSE;
    }
  if (limit)
    *max_new = MIN (*max_new, limit - n_prompt);
  return TRUE;
}
