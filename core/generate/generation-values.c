/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One value of a generation config out of JSON: checked for its type and against the bounds of its field. The error names
 * the file (or the request), the key, what was expected and what was found.
 */
#include "generate/generation-values.h"

#include <float.h>
#include <math.h>
#include <string.h>

void
gtf_token_ids_free (gpointer word)
{
  g_free (((GtfTokenIds *) word)->ids);
  g_free (word);
}

void
gtf_sequence_bias_free (gpointer bias)
{
  g_free (((GtfSequenceBias *) bias)->tokens.ids);
  g_free (bias);
}

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

gboolean
gtf_field_read_number (const char *where, const GtfField *field, JsonNode *node, gboolean integer, double *value, GError **error)
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

gboolean
gtf_field_read_bool (const char *where, const char *name, JsonNode *node, gboolean *value, GError **error)
{
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return bad_value (where, name, "true or false", node, error);
  *value = json_node_get_boolean (node);
  return TRUE;
}

gboolean
gtf_field_read_ids (const char *where, const GtfField *field, JsonNode *node, gboolean single, GtfTokenIds *ids, GError **error)
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
      if (!gtf_field_read_number (where, field, array ? json_array_get_element (array, i) : node, TRUE, &value, error))
        return FALSE;
      values[i] = (gint32) value;
    }
  g_free (ids->ids);
  ids->ids = g_steal_pointer (&values);
  ids->n_ids = n;
  return TRUE;
}

gboolean
gtf_field_read_strings (const char *where, const char *name, JsonNode *node, GStrv *strings, GError **error)
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

gboolean
gtf_field_read_words (const char *where, const GtfField *field, JsonNode *node, GPtrArray **words, GError **error)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (gtf_token_ids_free);
  if (!array || json_array_get_length (array) == 0)
    return bad_value (where, field->name, "a list of lists of token ids that is not empty", node, error);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      GtfTokenIds *word = g_new0 (GtfTokenIds, 1);
      g_ptr_array_add (list, word);
      if (!gtf_field_read_ids (where, field, json_array_get_element (array, i), FALSE, word, error))
        return FALSE;
      if (word->n_ids == 0)
        return bad_value (where, field->name, "a list of lists of token ids, none of them empty", node, error);
    }
  g_clear_pointer (words, g_ptr_array_unref);
  *words = g_steal_pointer (&list);
  return TRUE;
}

gboolean
gtf_field_read_bias (const char *where, const GtfField *field, JsonNode *node, GPtrArray **biases, GError **error)
{
  static const char expected[] = "a list of pairs [[token id, ...], number] that is not empty";
  static const GtfField number = { "sequence_bias", GTF_FIELD_FLOAT, 0, -1e30, 1e30 };
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (gtf_sequence_bias_free);
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
      if (!gtf_field_read_ids (where, field, json_array_get_element (pair, 0), FALSE, &bias->tokens, error) ||
          !gtf_field_read_number (where, &number, json_array_get_element (pair, 1), FALSE, &value, error))
        return FALSE;
      if (bias->tokens.n_ids == 0)
        return bad_value (where, field->name, expected, node, error);
      bias->bias = (float) value;
    }
  g_clear_pointer (biases, g_ptr_array_unref);
  *biases = g_steal_pointer (&list);
  return TRUE;
}

gboolean
gtf_field_read_decay (GtfGenerationConfig *self, const char *where, const GtfField *field, JsonNode *node, GError **error)
{
  static const GtfField factor = { "exponential_decay_length_penalty", GTF_FIELD_FLOAT, 0, 0, 1e9 };
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  double start, value;
  if (!array || json_array_get_length (array) != 2)
    return bad_value (where, field->name, "a pair [first index, factor]", node, error);
  if (!gtf_field_read_number (where, field, json_array_get_element (array, 0), TRUE, &start, error) ||
      !gtf_field_read_number (where, &factor, json_array_get_element (array, 1), FALSE, &value, error))
    return FALSE;
  self->exponential_decay_start = (gint64) start;
  self->exponential_decay_factor = value;
  return TRUE;
}

gboolean
gtf_field_read_early_stopping (const char *where, const char *name, JsonNode *node, GtfEarlyStopping *value, GError **error)
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

gboolean
gtf_field_read_neutral (const char *where, const GtfField *field, JsonNode *node, GError **error)
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
