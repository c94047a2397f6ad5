/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The parameters of a request. What the pipeline itself does not know is a generation parameter, as in transformers:
 * {"num_beams": 1} and {"generate_kwargs": {"num_beams": 1}} mean the same.
 */
#include "asr/asr-private.h"

/* Longest chunk in seconds and largest batch that a request may ask for. */
#define MAX_SECONDS 1e6
#define MAX_BATCH (1 << 16)

static const char *const pipeline_names[] = {
  "return_timestamps", "return_language", "chunk_length_s", "stride_length_s", "batch_size", "num_workers", "ignore_warning",
  "decoder_kwargs", "generate_kwargs", "target_lang", NULL
};

gboolean
asr_timestamps_parse (JsonNode *node, AsrTimestamps *timestamps, GError **error)
{
  gboolean yes = FALSE;
  const char *text;

  *timestamps = ASR_TIMESTAMPS_UNSET;
  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    {
      if (!gtf_param_get_bool (node, "parameters", "return_timestamps", &yes, error))
        return FALSE;
      *timestamps = yes ? ASR_TIMESTAMPS_TRUE : ASR_TIMESTAMPS_FALSE;
      return TRUE;
    }
  text = json_node_get_string (node);
  if (g_str_equal (text, "word"))
    *timestamps = ASR_TIMESTAMPS_WORD;
  else if (g_str_equal (text, "char"))
    *timestamps = ASR_TIMESTAMPS_CHAR;
  else
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "return_timestamps: expected true, false, \"word\" or \"char\", found \"%s\"", text);
      return FALSE;
    }
  return TRUE;
}

/* A number for both sides, or a pair. */
static gboolean
parse_stride (JsonNode *node, AsrParameters *self, GError **error)
{
  JsonArray *pair;

  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    {
      if (!gtf_param_get_float (node, "parameters", "stride_length_s", 0, MAX_SECONDS, &self->stride_left, error))
        return FALSE;
      self->stride_right = self->stride_left;
      return TRUE;
    }
  pair = json_node_get_array (node);
  if (json_array_get_length (pair) != 2)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "stride_length_s: expected a number or [left, right], found a list of %u", json_array_get_length (pair));
      return FALSE;
    }
  return gtf_param_get_float (json_array_get_element (pair, 0), "parameters", "stride_length_s[0]", 0, MAX_SECONDS, &self->stride_left, error)
         && gtf_param_get_float (json_array_get_element (pair, 1), "parameters", "stride_length_s[1]", 0, MAX_SECONDS, &self->stride_right, error);
}

/* generate_kwargs first, then what stands beside it, as transformers merges them. */
static gboolean
collect_generate_kwargs (AsrParameters *self, JsonObject *parameters, GError **error)
{
  JsonNode *kwargs = gtf_json_find (parameters, "generate_kwargs");
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  self->generate_kwargs = json_object_new ();
  if (kwargs != NULL && !JSON_NODE_HOLDS_OBJECT (kwargs))
    {
      g_autofree char *found = gtf_json_describe (kwargs);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "generate_kwargs: expected an object, found %s", found);
      return FALSE;
    }
  if (kwargs != NULL)
    {
      json_object_iter_init_ordered (&iter, json_node_get_object (kwargs));
      while (json_object_iter_next_ordered (&iter, &name, &value))
        json_object_set_member (self->generate_kwargs, name, json_node_copy (value));
    }
  json_object_iter_init_ordered (&iter, parameters);
  while (json_object_iter_next_ordered (&iter, &name, &value))
    if (!g_strv_contains (pipeline_names, name))
      json_object_set_member (self->generate_kwargs, name, json_node_copy (value));
  return TRUE;
}

gboolean
asr_parameters_init (AsrParameters *self, JsonObject *parameters, GError **error)
{
  JsonNode *language = gtf_json_find (parameters, "return_language");
  JsonNode *chunk = gtf_json_find (parameters, "chunk_length_s");
  JsonNode *batch = gtf_json_find (parameters, "batch_size");
  JsonNode *ignore = gtf_json_find (parameters, "ignore_warning");

  *self = (AsrParameters) { .stride_left = -1, .stride_right = -1, .batch_size = 1 };
  if (!asr_timestamps_parse (gtf_json_find (parameters, "return_timestamps"), &self->timestamps, error))
    return FALSE;
  self->return_language_is_set = language != NULL;
  if (language != NULL && !gtf_param_get_bool (language, "parameters", "return_language", &self->return_language, error))
    return FALSE;
  if (ignore != NULL && !gtf_param_get_bool (ignore, "parameters", "ignore_warning", &self->ignore_warning, error))
    return FALSE;
  if (chunk != NULL && !gtf_param_get_float (chunk, "parameters", "chunk_length_s", 0, MAX_SECONDS, &self->chunk_length, error))
    return FALSE;
  if (batch != NULL && !gtf_param_get_int (batch, "parameters", "batch_size", 1, MAX_BATCH, &self->batch_size, error))
    return FALSE;
  return parse_stride (gtf_json_find (parameters, "stride_length_s"), self, error)
         && collect_generate_kwargs (self, parameters, error);
}

void
asr_parameters_clear (AsrParameters *self)
{
  g_clear_pointer (&self->generate_kwargs, json_object_unref);
}
