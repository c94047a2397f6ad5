/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The generation config. One table names each key with its type, its bounds, its default and what null in a request
 * means; generation_config.json, the legacy keys of config.json and a request all pass through it. The keys that have no
 * number (lists of lists) have a reader each. The defaults and the rules are those of GenerationConfig in transformers 5.
 */
#include "generate/generation-config.h"

#include <float.h>
#include <math.h>

typedef enum
{
  FIELD_INT,
  FIELD_FLOAT,
  FIELD_BOOL,
  FIELD_IDS,            /* an id or a list of ids */
  FIELD_EARLY_STOPPING, /* a bool or "never" */
  FIELD_STRINGS,        /* a string or a list of strings */
  FIELD_WORDS,          /* [[id, ...], ...] */
  FIELD_BIAS,           /* [[[id, ...], float], ...] */
  FIELD_DECAY,          /* [int, float] */
  FIELD_NEUTRAL,        /* only null and the one value that changes nothing: `fallback` */
  FIELD_IGNORED         /* changes nothing here: how the reference computes, or what it returns beside the ids */
} FieldType;

typedef struct
{
  const char *name;
  FieldType type;
  gsize offset;
  double minimum, maximum;
  double fallback;      /* where no file says anything */
  double unset;         /* null in a request */
} Field;

#define AT(field) G_STRUCT_OFFSET (GtfGenerationConfig, field)
#define COUNT G_MAXINT32

/* clang-format off */
static const Field fields[] = {
  { "max_length", FIELD_INT, AT (max_length), 1, COUNT, 20, 20 },
  { "max_new_tokens", FIELD_INT, AT (max_new_tokens), 1, COUNT, -1, -1 },
  { "min_length", FIELD_INT, AT (min_length), 0, COUNT, 0, 0 },
  { "min_new_tokens", FIELD_INT, AT (min_new_tokens), 0, COUNT, -1, -1 },
  { "max_time", FIELD_FLOAT, AT (max_time), 0, 1e9, 0, 0 },
  { "stop_strings", FIELD_STRINGS, AT (stop_strings) },
  { "do_sample", FIELD_BOOL, AT (do_sample), 0, 1, 0, 0 },
  { "num_beams", FIELD_INT, AT (num_beams), 1, 1024, 1, 1 },
  { "num_return_sequences", FIELD_INT, AT (num_return_sequences), 1, 1024, 1, 1 },
  { "early_stopping", FIELD_EARLY_STOPPING, AT (early_stopping) },
  { "length_penalty", FIELD_FLOAT, AT (length_penalty), -1e4, 1e4, 1, 1 },
  { "temperature", FIELD_FLOAT, AT (temperature), 0, 1e9, 1, 1 },
  { "top_k", FIELD_INT, AT (top_k), 0, COUNT, 50, 0 },
  { "top_p", FIELD_FLOAT, AT (top_p), 0, 1, 1, 1 },
  { "min_p", FIELD_FLOAT, AT (min_p), 0, 1, -1, -1 },
  { "top_h", FIELD_FLOAT, AT (top_h), DBL_MIN, 1, 0, 0 },
  { "typical_p", FIELD_FLOAT, AT (typical_p), DBL_MIN, 1, 1, 1 },
  { "epsilon_cutoff", FIELD_FLOAT, AT (epsilon_cutoff), 0, 1, 0, 0 },
  { "eta_cutoff", FIELD_FLOAT, AT (eta_cutoff), 0, 1, 0, 0 },
  { "repetition_penalty", FIELD_FLOAT, AT (repetition_penalty), FLT_MIN, 1e9, 1, 1 },
  { "encoder_repetition_penalty", FIELD_FLOAT, AT (encoder_repetition_penalty), FLT_MIN, 1e9, 1, 1 },
  { "no_repeat_ngram_size", FIELD_INT, AT (no_repeat_ngram_size), 0, COUNT, 0, 0 },
  { "encoder_no_repeat_ngram_size", FIELD_INT, AT (encoder_no_repeat_ngram_size), 0, COUNT, 0, 0 },
  { "bad_words_ids", FIELD_WORDS, AT (bad_words_ids), 0, COUNT },
  { "sequence_bias", FIELD_BIAS, AT (sequence_bias), 0, COUNT },
  { "forced_bos_token_id", FIELD_INT, AT (forced_bos_token_id), 0, COUNT, -1, -1 },
  { "forced_eos_token_id", FIELD_IDS, AT (forced_eos_token_ids), 0, COUNT },
  { "remove_invalid_values", FIELD_BOOL, AT (remove_invalid_values), 0, 1, 0, 0 },
  { "exponential_decay_length_penalty", FIELD_DECAY, AT (exponential_decay_start), 0, COUNT },
  { "suppress_tokens", FIELD_IDS, AT (suppress_tokens), G_MININT32, COUNT },
  { "begin_suppress_tokens", FIELD_IDS, AT (begin_suppress_tokens), G_MININT32, COUNT },
  { "renormalize_logits", FIELD_BOOL, AT (renormalize_logits), 0, 1, 0, 0 },
  { "bos_token_id", FIELD_INT, AT (bos_token_id), G_MININT32, COUNT, -1, -1 },
  { "pad_token_id", FIELD_INT, AT (pad_token_id), G_MININT32, COUNT, -1, -1 },
  { "decoder_start_token_id", FIELD_INT, AT (decoder_start_token_id), G_MININT32, COUNT, -1, -1 },
  { "eos_token_id", FIELD_IDS, AT (eos_token_ids), G_MININT32, COUNT },
  { "seed", FIELD_INT, AT (seed), 0, 9007199254740991.0, -1, -1 },
  /* What would change the words and is not built: the reference itself has moved most of these out of the library. */
  { "num_beam_groups", FIELD_NEUTRAL, 0, 0, 0, 1 },
  { "diversity_penalty", FIELD_NEUTRAL, 0, 0, 0, 0 },
  { "penalty_alpha", FIELD_NEUTRAL, 0, 0, 0, 0 },
  { "guidance_scale", FIELD_NEUTRAL, 0, 0, 0, 1 },
  { "watermarking_config", FIELD_NEUTRAL, 0, 0, 0, NAN },
  { "constraints", FIELD_NEUTRAL, 0, 0, 0, NAN },
  { "force_words_ids", FIELD_NEUTRAL, 0, 0, 0, NAN },
  { "dola_layers", FIELD_NEUTRAL, 0, 0, 0, NAN },
  { "token_healing", FIELD_NEUTRAL, 0, 0, 0, 0 },
  { "low_memory", FIELD_NEUTRAL, 0, 0, 0, 0 },
  { "use_cache", FIELD_IGNORED }, { "use_mtp", FIELD_IGNORED }, { "cache_implementation", FIELD_IGNORED }, { "cache_config", FIELD_IGNORED },
  { "max_cache_len", FIELD_IGNORED }, { "output_attentions", FIELD_IGNORED }, { "output_hidden_states", FIELD_IGNORED },
  { "output_scores", FIELD_IGNORED }, { "output_logits", FIELD_IGNORED }, { "return_dict_in_generate", FIELD_IGNORED },
  { "is_assistant", FIELD_IGNORED }, { "num_assistant_tokens", FIELD_IGNORED }, { "num_assistant_tokens_schedule", FIELD_IGNORED },
  { "assistant_confidence_threshold", FIELD_IGNORED }, { "prompt_lookup_num_tokens", FIELD_IGNORED }, { "max_matching_ngram_size", FIELD_IGNORED },
  { "assistant_early_exit", FIELD_IGNORED }, { "assistant_lookbehind", FIELD_IGNORED }, { "target_lookbehind", FIELD_IGNORED },
  { "assistant_ensemble_weight", FIELD_IGNORED }, { "speculation_type", FIELD_IGNORED }, { "compile_config", FIELD_IGNORED },
  { "disable_compile", FIELD_IGNORED }, { "continuous_batching_config", FIELD_IGNORED }, { "prefill_chunk_size", FIELD_IGNORED },
  { "transformers_version", FIELD_IGNORED }, { "_from_model_config", FIELD_IGNORED }, { "_commit_hash", FIELD_IGNORED },
};
/* clang-format on */

static void
word_free (gpointer word)
{
  g_free (((GtfTokenIds *) word)->ids);
  g_free (word);
}

static void
bias_free (gpointer bias)
{
  g_free (((GtfSequenceBias *) bias)->tokens.ids);
  g_free (bias);
}

gboolean
gtf_token_ids_contain (const GtfTokenIds *self, gint32 id)
{
  for (gsize i = 0; i < self->n_ids; i++)
    if (self->ids[i] == id)
      return TRUE;
  return FALSE;
}

/* ---- one value -------------------------------------------------------------------------------------------------- */

static gboolean
bad_value (const char *where, const char *name, const char *expected, JsonNode *node, GError **error)
{
  g_autofree char *text = json_to_string (node, FALSE);
  if (strlen (text) > 80)
    strcpy (g_utf8_offset_to_pointer (text, g_utf8_strlen (text, 76)), "...");
  g_set_error (error, GTF_ERROR, strstr (where, ".json") ? GTF_ERROR_INVALID_DATA : GTF_ERROR_INVALID_ARGUMENT,
               "%s: '%s' must be %s, but is %s", where, name, expected, text);
  return FALSE;
}

static gboolean
read_number (const char *where, const Field *field, JsonNode *node, gboolean integer, double *value, GError **error)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;
  g_autofree char *expected = NULL;
  char lowest[G_ASCII_DTOSTR_BUF_SIZE], highest[G_ASCII_DTOSTR_BUF_SIZE];

  if (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE)
    {
      *value = type == G_TYPE_INT64 ? (double) json_node_get_int (node) : json_node_get_double (node);
      /* Written so that NaN fails. */
      if (*value >= field->minimum && *value <= field->maximum && (!integer || *value == floor (*value)))
        return TRUE;
    }
  g_ascii_formatd (lowest, sizeof lowest, "%.6g", field->minimum == DBL_MIN || field->minimum == FLT_MIN ? 0 : field->minimum);
  g_ascii_formatd (highest, sizeof highest, "%.10g", field->maximum);
  expected = g_strdup_printf ("%s %s %s and at most %s", integer ? "a whole number" : "a number",
                              field->minimum == DBL_MIN || field->minimum == FLT_MIN ? "above" : "of at least", lowest, highest);
  return bad_value (where, field->name, expected, node, error);
}

static gboolean
read_bool (const char *where, const char *name, JsonNode *node, gboolean *value, GError **error)
{
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return bad_value (where, name, "true or false", node, error);
  *value = json_node_get_boolean (node);
  return TRUE;
}

static gboolean
read_ids (const char *where, const Field *field, JsonNode *node, gboolean single, GtfTokenIds *ids, GError **error)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  if (!array && !(single && JSON_NODE_HOLDS_VALUE (node)))
    return bad_value (where, field->name, single ? "a token id or a list of token ids" : "lists of token ids", node, error);

  gsize n = array ? json_array_get_length (array) : 1;
  g_autofree gint32 *values = g_try_new (gint32, n + 1);
  if (!values)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for the %" G_GSIZE_FORMAT " ids of '%s'", where, n, field->name);
      return FALSE;
    }
  for (gsize i = 0; i < n; i++)
    {
      double value;
      if (!read_number (where, field, array ? json_array_get_element (array, i) : node, TRUE, &value, error))
        return FALSE;
      values[i] = (gint32) value;
    }
  g_free (ids->ids);
  ids->ids = g_steal_pointer (&values);
  ids->n_ids = n;
  return TRUE;
}

static gboolean
read_strings (const char *where, const char *name, JsonNode *node, GStrv *strings, GError **error)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  guint n = array ? json_array_get_length (array) : 1;
  for (guint i = 0; i < n; i++)
    {
      JsonNode *item = array ? json_array_get_element (array, i) : node;
      if (!JSON_NODE_HOLDS_VALUE (item) || json_node_get_value_type (item) != G_TYPE_STRING || !*json_node_get_string (item))
        return bad_value (where, name, "a string or a list of strings, none of them empty", node, error);
      g_strv_builder_add (builder, json_node_get_string (item));
    }
  g_strfreev (*strings);
  *strings = n ? g_strv_builder_end (builder) : NULL;
  return TRUE;
}

static gboolean
read_words (const char *where, const Field *field, JsonNode *node, GPtrArray **words, GError **error)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (word_free);
  if (!array || json_array_get_length (array) == 0)
    return bad_value (where, field->name, "a list of lists of token ids that is not empty", node, error);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      GtfTokenIds *word = g_new0 (GtfTokenIds, 1);
      g_ptr_array_add (list, word);
      if (!read_ids (where, field, json_array_get_element (array, i), FALSE, word, error))
        return FALSE;
      if (word->n_ids == 0)
        return bad_value (where, field->name, "a list of lists of token ids, none of them empty", node, error);
    }
  g_clear_pointer (words, g_ptr_array_unref);
  *words = g_steal_pointer (&list);
  return TRUE;
}

static gboolean
read_bias (const char *where, const Field *field, JsonNode *node, GPtrArray **biases, GError **error)
{
  static const char expected[] = "a list of pairs [[token id, ...], number] that is not empty";
  static const Field number = { "sequence_bias", FIELD_FLOAT, 0, -1e30, 1e30 };
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (bias_free);
  if (!array || json_array_get_length (array) == 0)
    return bad_value (where, field->name, expected, node, error);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *item = json_array_get_element (array, i);
      JsonArray *pair = JSON_NODE_HOLDS_ARRAY (item) ? json_node_get_array (item) : NULL;
      GtfSequenceBias *bias = g_new0 (GtfSequenceBias, 1);
      double value = 0;
      g_ptr_array_add (list, bias);
      if (!pair || json_array_get_length (pair) != 2)
        return bad_value (where, field->name, expected, node, error);
      if (!read_ids (where, field, json_array_get_element (pair, 0), FALSE, &bias->tokens, error) ||
          !read_number (where, &number, json_array_get_element (pair, 1), FALSE, &value, error))
        return FALSE;
      if (bias->tokens.n_ids == 0)
        return bad_value (where, field->name, expected, node, error);
      bias->bias = (float) value;
    }
  g_clear_pointer (biases, g_ptr_array_unref);
  *biases = g_steal_pointer (&list);
  return TRUE;
}

static gboolean
read_decay (GtfGenerationConfig *self, const char *where, const Field *field, JsonNode *node, GError **error)
{
  static const Field factor = { "exponential_decay_length_penalty", FIELD_FLOAT, 0, 0, 1e9 };
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  double start, value;
  if (!array || json_array_get_length (array) != 2)
    return bad_value (where, field->name, "a pair [first index, factor]", node, error);
  if (!read_number (where, field, json_array_get_element (array, 0), TRUE, &start, error) ||
      !read_number (where, &factor, json_array_get_element (array, 1), FALSE, &value, error))
    return FALSE;
  self->exponential_decay_start = (gint64) start;
  self->exponential_decay_factor = value;
  return TRUE;
}

static gboolean
read_early_stopping (const char *where, const char *name, JsonNode *node, GtfEarlyStopping *value, GError **error)
{
  gboolean flag;
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING && g_str_equal (json_node_get_string (node), "never"))
    {
      *value = GTF_EARLY_STOPPING_NEVER;
      return TRUE;
    }
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return bad_value (where, name, "true, false or \"never\"", node, error);
  flag = json_node_get_boolean (node);
  *value = flag ? GTF_EARLY_STOPPING_TRUE : GTF_EARLY_STOPPING_FALSE;
  return TRUE;
}

static gboolean
read_neutral (const char *where, const Field *field, JsonNode *node, GError **error)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;
  double value = type == G_TYPE_INT64     ? (double) json_node_get_int (node)
                 : type == G_TYPE_DOUBLE  ? json_node_get_double (node)
                 : type == G_TYPE_BOOLEAN ? json_node_get_boolean (node)
                                          : INFINITY;
  if (value == field->fallback)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: '%s' is not supported: leave it out", where, field->name);
  return FALSE;
}

/* ---- the table at work ---------------------------------------------------------------------------------------------- */

static void
set_absent (GtfGenerationConfig *self, const Field *field, double value)
{
  gpointer at = (char *) self + field->offset;
  switch (field->type)
    {
    case FIELD_INT:
      *(gint64 *) at = (gint64) value;
      if (g_str_equal (field->name, "max_length"))
        self->max_length_is_default = TRUE;
      break;
    case FIELD_FLOAT:
      *(double *) at = value;
      break;
    case FIELD_BOOL:
      *(gboolean *) at = value != 0;
      break;
    case FIELD_IDS:
      g_clear_pointer (&((GtfTokenIds *) at)->ids, g_free);
      ((GtfTokenIds *) at)->n_ids = 0;
      break;
    case FIELD_EARLY_STOPPING:
      *(GtfEarlyStopping *) at = GTF_EARLY_STOPPING_FALSE;
      break;
    case FIELD_STRINGS:
      g_clear_pointer ((GStrv *) at, g_strfreev);
      break;
    case FIELD_WORDS:
    case FIELD_BIAS:
      g_clear_pointer ((GPtrArray **) at, g_ptr_array_unref);
      break;
    case FIELD_DECAY:
      self->exponential_decay_start = -1;
      break;
    case FIELD_NEUTRAL:
    case FIELD_IGNORED:
      break;
    }
}

static gboolean
set_value (GtfGenerationConfig *self, const char *where, const Field *field, JsonNode *node, GError **error)
{
  gpointer at = (char *) self + field->offset;
  double value;
  switch (field->type)
    {
    case FIELD_INT:
      if (!read_number (where, field, node, TRUE, &value, error))
        return FALSE;
      *(gint64 *) at = (gint64) value;
      if (g_str_equal (field->name, "max_length"))
        self->max_length_is_default = FALSE;
      return TRUE;
    case FIELD_FLOAT:
      if (!read_number (where, field, node, FALSE, &value, error))
        return FALSE;
      *(double *) at = value;
      return TRUE;
    case FIELD_BOOL:
      return read_bool (where, field->name, node, at, error);
    case FIELD_IDS:
      return read_ids (where, field, node, TRUE, at, error);
    case FIELD_EARLY_STOPPING:
      return read_early_stopping (where, field->name, node, at, error);
    case FIELD_STRINGS:
      return read_strings (where, field->name, node, at, error);
    case FIELD_WORDS:
      return read_words (where, field, node, at, error);
    case FIELD_BIAS:
      return read_bias (where, field, node, at, error);
    case FIELD_DECAY:
      return read_decay (self, where, field, node, error);
    case FIELD_NEUTRAL:
      return read_neutral (where, field, node, error);
    case FIELD_IGNORED:
      return TRUE;
    }
  return TRUE;
}

static const Field *
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
read_legacy (GtfGenerationConfig *self, JsonObject *model_config, GError **error)
{
  static const char *const nested[] = { "decoder", "generator", "text_config" };
  for (gsize i = 0; i < G_N_ELEMENTS (nested); i++)
    {
      JsonNode *node = json_object_get_member (model_config, nested[i]);
      if (!node || !JSON_NODE_HOLDS_OBJECT (node))
        continue;
      if (!read_file_object (self, json_node_get_object (node), "config.json", error))
        return FALSE;
      break;
    }
  if (!read_file_object (self, model_config, "config.json", error))
    return FALSE;
  JsonNode *node = json_object_get_member (model_config, "force_bos_token_to_be_generated");
  if (node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN && json_node_get_boolean (node))
    self->forced_bos_token_id = self->bos_token_id;
  return TRUE;
}

GtfGenerationConfig *
gtf_generation_config_new (JsonObject *generation_config, JsonObject *model_config, GError **error)
{
  g_autoptr (GtfGenerationConfig) self = g_new0 (GtfGenerationConfig, 1);
  self->json = json_object_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    set_absent (self, &fields[i], fields[i].fallback);
  if (generation_config)
    {
      if (!read_file_object (self, generation_config, "generation_config.json", error))
        return NULL;
      merge_json (self->json, generation_config);
    }
  else if (model_config && !read_legacy (self, model_config, error))
    return NULL;
  return g_steal_pointer (&self);
}

static gboolean
load_object (const char *directory, const char *name, JsonNode **root, GError **error)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) local = NULL;
  g_autofree char *text = NULL;
  gsize length;

  if (!g_file_get_contents (path, &text, &length, &local))
    {
      if (g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return TRUE;
      g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: %s", path, local->message);
      return FALSE;
    }
  if (!json_parser_load_from_data (parser, text, length, &local))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: not JSON: %s", path, local->message);
      return FALSE;
    }
  g_autoptr (JsonNode) node = json_parser_steal_root (parser);
  if (!node || !JSON_NODE_HOLDS_OBJECT (node))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected a JSON object", path);
      return FALSE;
    }
  *root = g_steal_pointer (&node);
  return TRUE;
}

GtfGenerationConfig *
gtf_generation_config_load (const char *directory, GError **error)
{
  g_autoptr (JsonNode) generation = NULL;
  g_autoptr (JsonNode) model = NULL;
  GtfGenerationConfig *self;

  g_return_val_if_fail (directory != NULL, NULL);
  if (!load_object (directory, "generation_config.json", &generation, error) ||
      (!generation && !load_object (directory, "config.json", &model, error)))
    return NULL;
  self = gtf_generation_config_new (generation ? json_node_get_object (generation) : NULL, model ? json_node_get_object (model) : NULL, error);
  if (!self)
    g_prefix_error (error, "%s: ", directory);
  return self;
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
  copy->bad_words_ids = list_copy (self->bad_words_ids, (GCopyFunc) word_copy, word_free);
  copy->sequence_bias = list_copy (self->sequence_bias, (GCopyFunc) bias_copy, bias_free);
  copy->forced_eos_token_ids = ids_copy (&self->forced_eos_token_ids);
  copy->suppress_tokens = ids_copy (&self->suppress_tokens);
  copy->begin_suppress_tokens = ids_copy (&self->begin_suppress_tokens);
  copy->eos_token_ids = ids_copy (&self->eos_token_ids);
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
      const Field *field = also && g_strv_contains (also, name) ? NULL : find_field (name);
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
