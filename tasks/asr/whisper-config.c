/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What generation_config.json, or a request over it, says to Whisper alone. Each key is checked for its type and range before
 * anything reads it: those of the repository when the model is opened, so that the error comes once and names the file.
 */
#include "asr/whisper-private.h"

typedef enum
{
  KEY_ID,           /* a token */
  KEY_COUNT,
  KEY_NUMBER,
  KEY_FLAG,
  KEY_STRING,
  KEY_TIMESTAMPS,   /* true, false or "word" */
  KEY_TABLE,        /* name -> token */
  KEY_FORCED,       /* [[position, token or null], ...] */
  KEY_HEADS         /* [[layer, head], ...] */
} KeyType;

static const struct
{
  const char *name;
  KeyType type;
  gboolean in_request;    /* a request's value replaces the repository's and is of the same type */
} keys[] = {
  { "no_timestamps_token_id", KEY_ID, TRUE },
  { "prev_sot_token_id", KEY_ID, TRUE },
  { "max_initial_timestamp_index", KEY_COUNT, TRUE },
  { "lang_to_id", KEY_TABLE, TRUE },
  { "task_to_id", KEY_TABLE, TRUE },
  { "forced_decoder_ids", KEY_FORCED, TRUE },
  { "alignment_heads", KEY_HEADS, TRUE },
  { "compression_ratio_threshold", KEY_NUMBER, FALSE },
  { "logprob_threshold", KEY_NUMBER, FALSE },
  { "no_speech_threshold", KEY_NUMBER, FALSE },
  { "is_multilingual", KEY_FLAG, FALSE },
  { "condition_on_prev_tokens", KEY_FLAG, FALSE },
  { "force_unique_generate_call", KEY_FLAG, FALSE },
  { "return_timestamps", KEY_TIMESTAMPS, FALSE },
  { "language", KEY_STRING, FALSE },
  { "task", KEY_STRING, FALSE },
};

/* What is checked, for messages, and the sizes of the model. */
typedef struct
{
  const char *where, *name;
  gint64 vocab_size, n_layers, n_heads;
} Check;

static gboolean
expected (const Check *self, const char *what, JsonNode *node, GError **error)
{
  g_autofree char *found = gtf_json_describe (node);

  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s: \"%s\": expected %s, found %s", self->where, self->name, what, found);
  return FALSE;
}

static gboolean
check_int (const Check *self, JsonNode *node, gint64 end, GError **error)
{
  gint64 value;

  return gtf_param_get_int (node, self->where, self->name, 0, end - 1, &value, error);
}

static gboolean
check_table (const Check *self, JsonNode *node, GError **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *id;

  if (!JSON_NODE_HOLDS_OBJECT (node) || json_object_get_size (json_node_get_object (node)) == 0)
    return expected (self, "an object of token ids that is not empty", node, error);
  json_object_iter_init_ordered (&iter, json_node_get_object (node));
  while (json_object_iter_next_ordered (&iter, &name, &id))
    {
      g_autofree char *full = g_strdup_printf ("%s.%s", self->name, name);
      const Check member = { self->where, full, self->vocab_size, 0, 0 };
      if (!check_int (&member, id, self->vocab_size, error))
        return FALSE;
    }
  return TRUE;
}

/* Lists of pairs; @first and @second bound them. */
static gboolean
check_pairs (const Check *self, JsonNode *node, const char *what, gint64 first, gint64 second, gboolean or_null, GError **error)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (list == NULL)
    return expected (self, what, node, error);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonNode *item = json_array_get_element (list, i);
      JsonArray *pair = JSON_NODE_HOLDS_ARRAY (item) ? json_node_get_array (item) : NULL;
      if (pair == NULL || json_array_get_length (pair) != 2)
        return expected (self, what, item, error);
      if (!check_int (self, json_array_get_element (pair, 0), first, error))
        return FALSE;
      if (!(or_null && json_array_get_null_element (pair, 1)) && !check_int (self, json_array_get_element (pair, 1), second, error))
        return FALSE;
    }
  return TRUE;
}

/* Positions 1, 2, ...; a list that does not begin at 1 forces nothing. */
static gboolean
check_forced (const Check *self, JsonNode *node, GError **error)
{
  JsonArray *list;

  if (!check_pairs (self, node, "pairs [position, token id]", G_MAXINT32, self->vocab_size, TRUE, error))
    return FALSE;
  list = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      gint64 position = json_array_get_int_element (json_array_get_array_element (list, i), 0);
      if (i == 0 && position != 1)
        return TRUE;
      if (position == i + 1)
        continue;
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s: \"%s\": expected an entry for position %u, found one for %" G_GINT64_FORMAT,
                   self->where, self->name, i + 1, position);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_key (const Check *self, KeyType type, JsonNode *node, GError **error)
{
  AsrTimestamps timestamps;
  double number;
  gboolean flag;

  switch (type)
    {
    case KEY_ID:
      return check_int (self, node, self->vocab_size, error);
    case KEY_COUNT:
      return check_int (self, node, G_MAXINT32, error);
    case KEY_NUMBER:
      return gtf_param_get_float (node, self->where, self->name, -G_MAXDOUBLE, G_MAXDOUBLE, &number, error);
    case KEY_FLAG:
      return gtf_param_get_bool (node, self->where, self->name, &flag, error);
    case KEY_STRING:
      return gtf_param_get_string (node, self->where, self->name, error) != NULL;
    case KEY_TIMESTAMPS:
      return asr_timestamps_parse (node, &timestamps, NULL) || expected (self, "true, false or \"word\"", node, error);
    case KEY_TABLE:
      return check_table (self, node, error);
    case KEY_FORCED:
      return check_forced (self, node, error);
    case KEY_HEADS:
      return check_pairs (self, node, "pairs [layer, head]", self->n_layers, self->n_heads, FALSE, error);
    }
  return TRUE;
}

static gboolean
check_keys (const AsrWhisper *whisper, JsonObject *json, const char *where, gboolean is_request, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      JsonNode *node = is_request && !keys[i].in_request ? NULL : gtf_json_find (json, keys[i].name);
      const Check check = { where, keys[i].name, whisper->vocab_size, whisper->decoder_layers, whisper->decoder_heads };
      if (node != NULL && !check_key (&check, keys[i].type, node, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
asr_whisper_check_request (const AsrWhisper *whisper, JsonObject *kwargs, GError **error)
{
  return check_keys (whisper, kwargs, "generate_kwargs", TRUE, error);
}

gboolean
asr_whisper_check_config (const AsrWhisper *whisper, GError **error)
{
  const GtfGenerationConfig *config = whisper->config;

  if (!check_keys (whisper, config->json, config->path, FALSE, error))
    {
      gtf_param_as_data_error (error);
      return FALSE;
    }
  if (config->decoder_start_token_id >= 0 && config->decoder_start_token_id < whisper->vocab_size)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"decoder_start_token_id\": expected a token id from 0 to %" G_GINT64_FORMAT ", found %" G_GINT64_FORMAT,
               config->path, whisper->vocab_size - 1, config->decoder_start_token_id);
  return FALSE;
}
