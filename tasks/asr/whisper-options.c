/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * generate_kwargs of a request, over the repository's generation_config.json, over the pipeline's own defaults (num_beams 5,
 * max_new_tokens 256; neither where the repository says something, nor max_new_tokens where it sets max_length). What any
 * model understands goes to core/generate; the names of Whisper's generate () are read here.
 */
#include "asr/whisper-private.h"

#define DEFAULT_NUM_BEAMS 5
#define DEFAULT_MAX_NEW_TOKENS 256
#define MAX_TEMPERATURES 64

/* Arguments of Whisper's generate () that are handled here and mean nothing to core/generate. */
static const char *const own_names[] = {
  "return_timestamps", "task", "language", "is_multilingual", "prompt_ids", "prompt_condition_type", "condition_on_prev_tokens",
  "temperature", "compression_ratio_threshold", "logprob_threshold", "no_speech_threshold", "num_segment_frames", "time_precision",
  "time_precision_features", "return_token_timestamps", "return_segments", "return_dict_in_generate", "force_unique_generate_call",
  "return_language", NULL
};

/* Keys of generation_config.json that a request may override where the file has them. */
static const char *const config_names[] = {
  "alignment_heads", "lang_to_id", "task_to_id", "max_initial_timestamp_index", "no_timestamps_token_id", "prev_sot_token_id",
  "forced_decoder_ids", NULL
};

/* What the request says, else what the repository says; NULL: neither. */
static JsonNode *
find (const AsrWhisperOptions *self, JsonObject *kwargs, const char *name)
{
  JsonNode *node = gtf_json_find (kwargs, name);
  return node != NULL ? node : gtf_json_find (self->config->json, name);
}

static gboolean
read_number (const AsrWhisperOptions *self, JsonObject *kwargs, const char *name, AsrNumber *number, GError **error)
{
  JsonNode *node = find (self, kwargs, name);

  number->is_set = node != NULL;
  return node == NULL || gtf_param_get_float (node, "generate_kwargs", name, -G_MAXDOUBLE, G_MAXDOUBLE, &number->value, error);
}

static gboolean
read_flag (JsonNode *node, const char *name, gboolean *flag, GError **error)
{
  *flag = FALSE;
  return node == NULL || gtf_param_get_bool (node, "generate_kwargs", name, flag, error);
}

/* A number, or a list of them to be tried one after the other (fallback). */
static gboolean
read_temperatures (AsrWhisperOptions *self, JsonNode *node, GError **error)
{
  JsonArray *list = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  guint n = list != NULL ? json_array_get_length (list) : 1;

  if (n == 0 || n > MAX_TEMPERATURES)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "temperature: expected a number or a list of 1 to %d numbers, found a list of %u",
                   MAX_TEMPERATURES, n);
      return FALSE;
    }
  self->temperatures = g_new0 (double, n);
  self->n_temperatures = n;
  for (guint i = 0; node != NULL && i < n; i++)
    if (!gtf_param_get_float (list != NULL ? json_array_get_element (list, i) : node, "generate_kwargs", "temperature", 0, 1e6, &self->temperatures[i], error))
      return FALSE;
  return TRUE;
}

/* Token ids, as the tokenizer's get_prompt_ids gives them; ours: a text, of which they are made. */
static gboolean
read_prompt (AsrWhisperOptions *self, const AsrWhisper *whisper, JsonNode *node, GError **error)
{
  JsonArray *list;

  if (node == NULL)
    return TRUE;
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    {
      self->prompt_ids = asr_whisper_prompt_ids (whisper->tokenizer, json_node_get_string (node), error);
      return self->prompt_ids != NULL;
    }
  if (!JSON_NODE_HOLDS_ARRAY (node) || json_array_get_length (json_node_get_array (node)) == 0)
    {
      g_set_error_literal (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "prompt_ids: expected a list of token ids (at least one), or a text");
      return FALSE;
    }
  list = json_node_get_array (node);
  self->prompt_ids = g_array_new (FALSE, FALSE, sizeof (gint32));
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      gint64 id = 0;
      gint32 token;
      if (!gtf_param_get_int (json_array_get_element (list, i), "generate_kwargs", "prompt_ids", 0, whisper->vocab_size - 1, &id, error))
        return FALSE;
      token = (gint32) id;
      g_array_append_val (self->prompt_ids, token);
    }
  return TRUE;
}

static gboolean
read_prompt_condition (AsrWhisperOptions *self, JsonNode *node, GError **error)
{
  const char *type = "first-segment";

  if (node != NULL && (type = gtf_param_get_string (node, "generate_kwargs", "prompt_condition_type", error)) == NULL)
    return FALSE;
  self->prompt_all_segments = g_str_equal (type, "all-segments");
  if (!self->prompt_all_segments && !g_str_equal (type, "first-segment"))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "prompt_condition_type: %s does not exist; expected first-segment or all-segments", type);
      return FALSE;
    }
  if (self->prompt_all_segments && !self->condition_on_prev_tokens)
    {
      g_set_error_literal (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                           "prompt_condition_type: all-segments needs condition_on_prev_tokens to be true");
      return FALSE;
    }
  return TRUE;
}

/* Language and task, and whether the model knows any. */
static gboolean
read_language_and_task (AsrWhisperOptions *self, JsonObject *kwargs, GError **error)
{
  JsonObject *json = self->config->json;
  JsonNode *language = gtf_json_find (kwargs, "language");
  JsonNode *task = gtf_json_find (kwargs, "task");
  JsonNode *multilingual = find (self, kwargs, "is_multilingual");
  gboolean is_multilingual = TRUE;

  if (multilingual != NULL && !gtf_param_get_bool (multilingual, "generate_kwargs", "is_multilingual", &is_multilingual, error))
    return FALSE;
  if (!is_multilingual && (language != NULL || task != NULL))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "%s: cannot specify `task` or `language` for an English-only model; pass is_multilingual=true if it is multilingual all the same",
                   language != NULL ? "language" : "task");
      return FALSE;
    }
  if ((language != NULL && gtf_json_find (json, "lang_to_id") == NULL) || (task != NULL && gtf_json_find (json, "task_to_id") == NULL)
      || (gtf_json_find (kwargs, "is_multilingual") != NULL && gtf_json_find (json, "is_multilingual") == NULL))
    {
      const char *name = language != NULL ? "language" : task != NULL ? "task" : "is_multilingual";
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "%s: generation_config.json is outdated and has no %s, so the %s argument cannot be used", name,
                   g_str_equal (name, "language") ? "lang_to_id" : g_str_equal (name, "task") ? "task_to_id" : name, name);
      return FALSE;
    }
  self->language = language != NULL ? language : gtf_json_find (json, "language");
  task = task != NULL ? task : gtf_json_find (json, "task");
  return task == NULL || (self->task = gtf_param_get_string (task, "generate_kwargs", "task", error)) != NULL;
}

static gboolean
read_timestamp_tokens (AsrWhisperOptions *self, const AsrWhisper *whisper, GError **error)
{
  JsonObject *json = self->config->json;
  JsonNode *node = gtf_json_find (json, "no_timestamps_token_id");
  JsonNode *initial = gtf_json_find (json, "max_initial_timestamp_index");

  self->has_timestamps = node != NULL;
  self->max_initial_timestamp_index = initial != NULL ? json_node_get_int (initial) : -1;
  /* Without timestamp tokens none is ever met. */
  self->no_timestamps_id = (gint32) (node != NULL ? json_node_get_int (node) : whisper->vocab_size);
  self->timestamp_begin = self->no_timestamps_id + 1;
  if (!self->return_timestamps || self->has_timestamps)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "return_timestamps: %s has no no_timestamps_token_id, so this model cannot return timestamps",
               self->config->path);
  return FALSE;
}

/* Pairs of layer and head whose cross-attention follows the sound. */
static gboolean
read_alignment_heads (AsrWhisperOptions *self, GError **error)
{
  JsonNode *node = gtf_json_find (self->config->json, "alignment_heads");
  JsonArray *list = node != NULL ? json_node_get_array (node) : NULL;

  if (!self->word_timestamps)
    return TRUE;
  if (list == NULL || json_array_get_length (list) == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "return_timestamps: %s has no alignment_heads, so word timestamps are not available",
                   self->config->path);
      return FALSE;
    }
  self->alignment_heads = g_array_new (FALSE, TRUE, sizeof (AsrHead));
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonArray *pair = json_array_get_array_element (list, i);
      AsrHead head = { json_array_get_int_element (pair, 0), json_array_get_int_element (pair, 1) };
      g_array_append_val (self->alignment_heads, head);
    }
  return TRUE;
}

/* The suppress lists run between our own processors, in the reference's order, so core/generate must not see them. */
static void
take_suppress_lists (AsrWhisperOptions *self)
{
  self->suppress = self->config->suppress_tokens;
  self->begin_suppress = self->config->begin_suppress_tokens;
  self->config->suppress_tokens = (GtfTokenIds) { 0 };
  self->config->begin_suppress_tokens = (GtfTokenIds) { 0 };
}

static gboolean
update_config (AsrWhisperOptions *self, const AsrWhisper *whisper, JsonObject *kwargs, GError **error)
{
  g_autoptr (JsonObject) general = json_object_new ();
  const char *also[G_N_ELEMENTS (config_names)] = { NULL };
  gsize n_also = 0;
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  json_object_iter_init_ordered (&iter, kwargs);
  while (json_object_iter_next_ordered (&iter, &name, &value))
    if (!g_strv_contains (own_names, name))
      json_object_set_member (general, name, json_node_copy (value));
  if (!json_object_has_member (general, "num_beams") && !whisper->sets_num_beams)
    json_object_set_int_member (general, "num_beams", DEFAULT_NUM_BEAMS);
  if (!json_object_has_member (general, "max_new_tokens") && !json_object_has_member (general, "max_length")
      && self->config->max_new_tokens < 0 && !whisper->sets_max_length)
    json_object_set_int_member (general, "max_new_tokens", DEFAULT_MAX_NEW_TOKENS);
  for (gsize i = 0; config_names[i] != NULL; i++)
    if (json_object_has_member (self->config->json, config_names[i]))
      also[n_also++] = config_names[i];
  return gtf_generation_config_update (self->config, general, also, error);
}

/* What the pipeline's postprocessing is told: the request, or the repository's own return_timestamps. */
AsrTimestamps
asr_whisper_timestamps (const AsrWhisper *whisper, const AsrParameters *parameters)
{
  AsrTimestamps repository = ASR_TIMESTAMPS_UNSET;

  if (parameters->timestamps >= ASR_TIMESTAMPS_TRUE)
    return parameters->timestamps;
  if (asr_timestamps_parse (gtf_json_find (whisper->config->json, "return_timestamps"), &repository, NULL) && repository >= ASR_TIMESTAMPS_TRUE)
    return repository;
  return parameters->timestamps;
}

static gboolean
read_timestamps (AsrWhisperOptions *self, const AsrWhisper *whisper, const AsrParameters *parameters, GError **error)
{
  AsrTimestamps timestamps = asr_whisper_timestamps (whisper, parameters);

  if (timestamps < ASR_TIMESTAMPS_TRUE
      && !asr_timestamps_parse (gtf_json_find (parameters->generate_kwargs, "return_timestamps"), &timestamps, error))
    return FALSE;
  if (timestamps == ASR_TIMESTAMPS_CHAR)
    {
      g_set_error_literal (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                           "return_timestamps: Whisper cannot return `char` timestamps, only word level or segment level timestamps; "
                           "use \"word\" or true");
      return FALSE;
    }
  self->return_timestamps = timestamps >= ASR_TIMESTAMPS_TRUE;
  self->word_timestamps = timestamps == ASR_TIMESTAMPS_WORD;
  return TRUE;
}

gboolean
asr_whisper_wants_language (const AsrParameters *parameters)
{
  JsonNode *node = gtf_json_find (parameters->generate_kwargs, "return_language");
  gboolean wanted = FALSE;

  if (parameters->return_language_is_set || node == NULL)
    return parameters->return_language;
  return gtf_param_get_bool (node, "generate_kwargs", "return_language", &wanted, NULL) && wanted;
}

static gboolean
read_times_and_flags (AsrWhisperOptions *self, JsonObject *kwargs, GError **error)
{
  JsonNode *precision = gtf_json_find (kwargs, "time_precision");
  JsonNode *features = gtf_json_find (kwargs, "time_precision_features");
  JsonNode *condition = gtf_json_find (kwargs, "condition_on_prev_tokens");

  self->time_precision = 0.02;
  self->time_precision_features = 0.01;
  return (precision == NULL || gtf_param_get_float (precision, "generate_kwargs", "time_precision", 1e-6, 1e3, &self->time_precision, error))
         && (features == NULL || gtf_param_get_float (features, "generate_kwargs", "time_precision_features", 1e-6, 1e3, &self->time_precision_features, error))
         && read_flag (condition, "condition_on_prev_tokens", &self->condition_at_start, error)
         && read_flag (find (self, kwargs, "condition_on_prev_tokens"), "condition_on_prev_tokens", &self->condition_on_prev_tokens, error)
         && read_flag (find (self, kwargs, "force_unique_generate_call"), "force_unique_generate_call", &self->force_unique_generate_call, error);
}

gboolean
asr_whisper_options_init (AsrWhisperOptions *self, const AsrWhisper *whisper, const AsrParameters *parameters, GError **error)
{
  JsonObject *kwargs = parameters->generate_kwargs;

  *self = (AsrWhisperOptions) { .n_rows = 1 };
  self->config = gtf_generation_config_copy (whisper->config);
  if (!asr_whisper_check_request (whisper, kwargs, error)
      || !update_config (self, whisper, kwargs, error)
      || !read_timestamps (self, whisper, parameters, error)
      || !read_timestamp_tokens (self, whisper, error)
      || !read_language_and_task (self, kwargs, error)
      || !read_number (self, kwargs, "compression_ratio_threshold", &self->compression_ratio_threshold, error)
      || !read_number (self, kwargs, "logprob_threshold", &self->logprob_threshold, error)
      || !read_number (self, kwargs, "no_speech_threshold", &self->no_speech_threshold, error)
      || !read_times_and_flags (self, kwargs, error)
      || !read_temperatures (self, gtf_json_find (kwargs, "temperature"), error)
      || !read_prompt (self, whisper, gtf_json_find (kwargs, "prompt_ids"), error)
      || !read_prompt_condition (self, gtf_json_find (kwargs, "prompt_condition_type"), error)
      || !read_alignment_heads (self, error))
    return FALSE;
  self->config->num_return_sequences = 1;   /* the pipeline shows the first one only */
  take_suppress_lists (self);
  return TRUE;
}

void
asr_whisper_options_clear (AsrWhisperOptions *self)
{
  g_clear_pointer (&self->config, gtf_generation_config_free);
  g_clear_pointer (&self->temperatures, g_free);
  g_clear_pointer (&self->prompt_ids, g_array_unref);
  g_clear_pointer (&self->alignment_heads, g_array_unref);
  g_clear_pointer (&self->suppress.ids, g_free);
  g_clear_pointer (&self->begin_suppress.ids, g_free);
}
