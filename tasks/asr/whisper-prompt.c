/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The decoder's first tokens: start of transcript, language, task, whether timestamps are written; before them what was said
 * earlier, or a prompt of the user's.
 */
#include <string.h>

#include "asr/whisper-private.h"

static void
append (GArray *tokens, gint64 id)
{
  gint32 token = (gint32) id;
  g_array_append_val (tokens, token);
}

/* An id of one of the config's tables (lang_to_id, task_to_id); -1: not there. */
static gint64
table_id (const AsrWhisper *whisper, JsonObject *json, const char *table, const char *name, GError **error)
{
  JsonNode *node = gtf_json_find (json, table);
  JsonNode *member;
  gint64 id = -1;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return -1;
  member = json_object_get_member (json_node_get_object (node), name);
  if (member == NULL || !gtf_param_get_int (member, whisper->config->path, name, 0, whisper->vocab_size - 1, &id, error))
    return -1;
  return id;
}

/* ---- forced_decoder_ids: the older way to say language and task; an id may be null ------------------------------- */

/* Appends ids for positions 1, 2, ...; -1 stands for an id that is left open. asr_whisper_check_config() has seen the list. */
static void
append_forced (const AsrWhisperOptions *options, GArray *tokens)
{
  JsonNode *node = gtf_json_find (options->config->json, "forced_decoder_ids");
  JsonArray *list = node != NULL ? json_node_get_array (node) : NULL;
  guint n = list != NULL ? json_array_get_length (list) : 0;

  for (guint i = 0; i < n; i++)
    {
      JsonArray *pair = json_array_get_array_element (list, i);
      if (json_array_get_int_element (pair, 0) != i + 1)
        return;
      append (tokens, json_array_get_null_element (pair, 1) ? -1 : json_array_get_int_element (pair, 1));
    }
}

/* ---- language ----------------------------------------------------------------------------------------------------- */

static gboolean
language_is_open (const GArray *tokens)
{
  return tokens->len <= 1 || g_array_index (tokens, gint32, 1) < 0;
}

/* The best language token of a window that the session has encoded, by one decoder step after the start token. */
static gint64
detect_language (const AsrWhisper *whisper, const AsrWhisperOptions *options, GtfSession *session, GError **error)
{
  JsonObject *languages = json_node_get_object (gtf_json_find (options->config->json, "lang_to_id"));
  gint32 start = (gint32) options->config->decoder_start_token_id;
  g_autofree float *logits = g_new (float, whisper->vocab_size);
  JsonObjectIter iter;
  const char *name;
  JsonNode *member;
  gint64 best = -1;

  gtf_session_truncate (session, 0);
  if (!gtf_session_decode (session, &start, 1, 1, error))
    return -1;
  gtf_tensor_read_f32 (gtf_session_get_output (session, "logits"), 0, (gsize) whisper->vocab_size, logits);
  json_object_iter_init_ordered (&iter, languages);
  while (json_object_iter_next_ordered (&iter, &name, &member))
    {
      gint64 id = json_node_get_int (member);
      if (best < 0 || logits[id] > logits[best] || (logits[id] == logits[best] && id < best))
        best = id;
    }
  return best;
}

/* The request's language for this row of the batch. */
static const char *
requested_language (const AsrWhisperOptions *options, GError **error)
{
  JsonNode *node = options->language;
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (list == NULL)
    return gtf_param_get_string (node, "generate_kwargs", "language", error);
  if (json_array_get_length (list) != options->n_rows)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "language: the length of the list must match the batch size: expected %u, found %u languages", options->n_rows, json_array_get_length (list));
      return NULL;
    }
  return gtf_param_get_string (json_array_get_element (list, options->row), "generate_kwargs", "language", error);
}

static gint64
language_id (const AsrWhisper *whisper, const AsrWhisperOptions *options, GError **error)
{
  GError *table_error = NULL;
  const char *language = requested_language (options, error);
  g_autofree char *token = language != NULL ? asr_language_token (language, error) : NULL;
  gint64 id;

  if (token == NULL)
    return -1;
  id = table_id (whisper, options->config->json, "lang_to_id", token, &table_error);
  if (table_error != NULL)
    g_propagate_error (error, table_error);
  else if (id < 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                 "language: %s is not supported by this model: generation_config.json does not have it in lang_to_id", token);
  return id;
}

static void
put_language (GArray *tokens, gint64 id)
{
  if (tokens->len > 1)
    g_array_index (tokens, gint32, 1) = (gint32) id;
  else
    append (tokens, id);
}

/* Whether asr_whisper_init_tokens will ask the model. */
gboolean
asr_whisper_needs_language (const AsrWhisperOptions *options)
{
  JsonObject *json = options->config->json;
  JsonNode *forced = options->task == NULL ? gtf_json_find (json, "forced_decoder_ids") : NULL;
  JsonNode *languages = gtf_json_find (json, "lang_to_id");
  JsonNode *first;

  if (options->language != NULL || languages == NULL || !JSON_NODE_HOLDS_OBJECT (languages))
    return FALSE;
  if (forced == NULL || !JSON_NODE_HOLDS_ARRAY (forced) || json_array_get_length (json_node_get_array (forced)) == 0)
    return TRUE;
  first = json_array_get_element (json_node_get_array (forced), 0);
  if (!JSON_NODE_HOLDS_ARRAY (first) || json_array_get_length (json_node_get_array (first)) != 2)
    return TRUE;
  return json_array_get_int_element (json_node_get_array (first), 0) != 1 || json_array_get_null_element (json_node_get_array (first), 1);
}

/* ---- task and timestamps ------------------------------------------------------------------------------------------ */

static gboolean
contains_task (JsonObject *json, const GArray *tokens)
{
  JsonNode *node = gtf_json_find (json, "task_to_id");
  JsonObjectIter iter;
  const char *name;
  JsonNode *member;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return TRUE;
  json_object_iter_init (&iter, json_node_get_object (node));
  while (json_object_iter_next (&iter, &name, &member))
    for (guint i = 0; i < tokens->len; i++)
      if (JSON_NODE_HOLDS_VALUE (member) && json_node_get_int (member) == g_array_index (tokens, gint32, i))
        return TRUE;
  return FALSE;
}

static gboolean
append_task (const AsrWhisper *whisper, const AsrWhisperOptions *options, GArray *tokens, GError **error)
{
  JsonObject *json = options->config->json;
  const char *task = options->task;
  GError *table_error = NULL;
  gint64 id;

  if (task == NULL && (options->language == NULL || contains_task (json, tokens)))
    return TRUE;
  if (task != NULL && !g_str_equal (task, "translate") && !g_str_equal (task, "transcribe"))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "task: the `%s` task is not supported; expected one of: translate, transcribe", task);
      return FALSE;
    }
  id = table_id (whisper, json, "task_to_id", task != NULL ? task : "transcribe", &table_error);
  if (table_error != NULL)
    {
      g_propagate_error (error, table_error);
      return FALSE;
    }
  if (id < 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "task: generation_config.json does not have %s in task_to_id",
                   task != NULL ? task : "transcribe");
      return FALSE;
    }
  append (tokens, id);
  return TRUE;
}

static void
set_timestamps (const AsrWhisperOptions *options, GArray *tokens)
{
  gint32 last = g_array_index (tokens, gint32, tokens->len - 1);

  if (!options->has_timestamps)
    return;
  if (!options->return_timestamps && last != options->no_timestamps_id)
    append (tokens, options->no_timestamps_id);
  else if (options->return_timestamps && last == options->no_timestamps_id)
    g_array_set_size (tokens, tokens->len - 1);
}

static void
drop_open (GArray *tokens)
{
  for (guint i = tokens->len; i-- > 0;)
    if (g_array_index (tokens, gint32, i) < 0)
      g_array_remove_index (tokens, i);
}

/**
 * asr_whisper_init_tokens:
 * @session: holds the encoded first window if asr_whisper_needs_language()
 *
 * Returns: (transfer full) (element-type gint32): the tokens that open each window
 */
GArray *
asr_whisper_init_tokens (const AsrWhisper *whisper, const AsrWhisperOptions *options, GtfSession *session, GError **error)
{
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  gint64 id = -1;

  if (options->config->decoder_start_token_id < 0 || options->config->decoder_start_token_id >= whisper->vocab_size)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "generate_kwargs: \"decoder_start_token_id\": expected a token id, found %" G_GINT64_FORMAT,
                   options->config->decoder_start_token_id);
      return NULL;
    }
  append (tokens, options->config->decoder_start_token_id);
  if (options->task == NULL && options->language == NULL)
    append_forced (options, tokens);
  if (options->language != NULL)
    id = language_id (whisper, options, error);
  else if (language_is_open (tokens) && asr_whisper_needs_language (options))
    id = detect_language (whisper, options, session, error);
  if (id < 0 && (options->language != NULL || asr_whisper_needs_language (options)))
    return NULL;
  if (id >= 0)
    put_language (tokens, id);
  if (!append_task (whisper, options, tokens, error))
    return NULL;
  set_timestamps (options, tokens);
  drop_open (tokens);
  return g_steal_pointer (&tokens);
}

/* ---- what was said before ------------------------------------------------------------------------------------------ */

/* The token that opens earlier text; -1: none is known. */
static gint64
previous_start (const AsrWhisperOptions *options)
{
  JsonNode *node = gtf_json_find (options->config->json, "prev_sot_token_id");

  if (node != NULL)
    return json_node_get_int (node);
  return options->suppress.n_ids >= 2 ? options->suppress.ids[options->suppress.n_ids - 2] : -1;
}

/* A segment that ended in a pair of timestamps gives only the first of them. */
static void
append_segment (GArray *out, const AsrSegment *segment, gint32 timestamp_begin)
{
  guint n = segment->tokens->len;

  if (n > 2 && g_array_index (segment->tokens, gint32, n - 2) >= timestamp_begin)
    n--;
  g_array_append_vals (out, segment->tokens->data, n);
}

/**
 * asr_whisper_decoder_prompt:
 * @segments: (element-type AsrSegment): what was decoded so far, the user's prompt first if it counts as such
 * @condition: the last window is good enough to be continued
 *
 * Returns: (transfer full) (element-type gint32): decoder_input_ids of the next window
 */
GArray *
asr_whisper_decoder_prompt (const AsrWhisper *whisper, const AsrWhisperOptions *options, GArray *init_tokens, GPtrArray *segments, gboolean condition)
{
  GArray *prompt = g_array_new (FALSE, FALSE, sizeof (gint32));
  guint limit = (guint) MAX (whisper->max_target_positions / 2 - 1, 0);

  if (condition && segments->len > 0)
    {
      g_autoptr (GArray) said = g_array_new (FALSE, FALSE, sizeof (gint32));
      gint64 start = previous_start (options);
      guint first;

      for (guint i = 0; i < segments->len; i++)
        append_segment (said, g_ptr_array_index (segments, i), options->timestamp_begin);
      first = said->len > limit ? said->len - limit : 0;
      if (options->prompt_ids != NULL && options->prompt_all_segments)
        g_array_append_vals (prompt, options->prompt_ids->data, options->prompt_ids->len);
      else if (start >= 0)
        append (prompt, start);
      if (said->len > first)
        g_array_append_vals (prompt, &g_array_index (said, gint32, first), said->len - first);
    }
  else if (options->prompt_ids != NULL)
    g_array_append_vals (prompt, options->prompt_ids->data, options->prompt_ids->len);
  g_array_append_vals (prompt, init_tokens->data, init_tokens->len);
  return prompt;
}

/* How long an answer may get after a prompt of @n_prompt tokens. */
gboolean
asr_whisper_set_lengths (const AsrWhisper *whisper, const AsrWhisperOptions *options, GtfGenerationConfig *config, gsize n_prompt, GError **error)
{
  gint64 wanted = MAX (config->max_new_tokens, 0);

  if (wanted + (gint64) n_prompt > whisper->max_target_positions)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "max_new_tokens: the length of `decoder_input_ids`, including special start tokens, prompt tokens, and previous tokens, is %zu, and "
                   "`max_new_tokens` is %" G_GINT64_FORMAT "; together they exceed the model's `max_target_positions` of %" G_GINT64_FORMAT
                   ". Shorten the prompt or lower max_new_tokens", n_prompt, wanted, whisper->max_target_positions);
      return FALSE;
    }
  if (config->max_new_tokens < 0)
    {
      gint64 more = MIN (whisper->max_target_positions / 2 - 1, (gint64) n_prompt);
      config->max_length = MIN (config->max_length + more, whisper->max_target_positions);
      config->max_length_is_default = FALSE;
    }
  return TRUE;
}

/* Token ids of a text that the decoder is to take as said before; special tokens in it are refused. */
GArray *
asr_whisper_prompt_ids (GtfTokenizer *tokenizer, const char *text, GError **error)
{
  g_autofree char *stripped = g_strstrip (g_strdup (text));
  g_autofree char *spaced = g_strconcat (" ", stripped, NULL);
  g_autoptr (GtfEncoding) encoding = gtf_tokenizer_encode (tokenizer, spaced, NULL, "{\"add_special_tokens\": false}", error);
  gint32 start = gtf_tokenizer_token_to_id (tokenizer, "<|startofprev|>");
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint32));

  if (encoding == NULL)
    return NULL;
  if (start >= 0)
    g_array_append_val (ids, start);
  for (gsize i = 0; i < encoding->n_ids; i++)
    if (gtf_tokenizer_is_special (tokenizer, encoding->ids[i]))
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "prompt_ids: encountered text in the prompt corresponding to disallowed special token: %s",
                     gtf_tokenizer_id_to_token (tokenizer, encoding->ids[i]));
        return NULL;
      }
  g_array_append_vals (ids, encoding->ids, (guint) encoding->n_ids);
  if (ids->len == 0)
    {
      g_set_error_literal (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "prompt_ids: an empty text");
      return NULL;
    }
  return g_steal_pointer (&ids);
}
