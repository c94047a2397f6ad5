/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading requests: texts, and which parameters are the tokenizer's.
 */
#include "text/text-private.h"

#include "base/json-print.h"

gboolean
text_fail (GError **error, const char *format, ...)
{
  g_autofree char *message = NULL, *valid = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  valid = g_utf8_make_valid (message, -1);      /* a quotation may be cut within a character */
  g_set_error_literal (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, valid);
  return FALSE;
}

const char *
text_node_string (JsonNode *node)
{
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

GPtrArray *
text_inputs_read (JsonNode *inputs, const char *where, gboolean *is_list, GError **error)
{
  g_autoptr (GPtrArray) texts = g_ptr_array_new ();
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL;

  *is_list = list != NULL;
  if (list && json_array_get_length (list) == 0)
    {
      text_fail (error, "%s: expected a text or a list of texts, found an empty list", where);
      return NULL;
    }
  for (guint i = 0; i < (list ? json_array_get_length (list) : 1); i++)
    {
      JsonNode *node = list ? json_array_get_element (list, i) : inputs;
      const char *text = text_node_string (node);

      if (text == NULL)
        {
          g_autofree char *found = gtf_json_describe (node);

          if (list)
            text_fail (error, "%s[%u]: expected a text, found %s", where, i, found);
          else
            text_fail (error, "%s: expected a text or a list of texts, found %s", where, found);
          return NULL;
        }
      g_ptr_array_add (texts, (gpointer) text);
    }
  return g_steal_pointer (&texts);
}

static const char *const tokenizer_arguments[] = { "truncation", "max_length", "padding", "add_special_tokens", "stride", "pad_to_multiple_of",
                                                   "truncation_side", "padding_side", NULL };

static void
copy_member (JsonObject *to, const char *name, JsonNode *value)
{
  json_object_set_member (to, name, json_node_copy (value));
}

char *
text_tokenizer_kwargs (JsonObject *parameters, JsonObject *more, const char *fixed, GError **error)
{
  g_autoptr (JsonObject) all = json_object_new ();
  g_autoptr (JsonObject) last = fixed ? gtf_json_parse_object ("parameters", fixed, -1, GTF_JSON_STRICT, error) : json_object_new ();
  g_autoptr (JsonNode) node = NULL;
  JsonObject *sources[] = { more, parameters, last };

  if (last == NULL)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      JsonObjectIter iter;
      const char *name;
      JsonNode *value;

      if (sources[i] == NULL)
        continue;
      json_object_iter_init_ordered (&iter, sources[i]);
      while (json_object_iter_next_ordered (&iter, &name, &value))
        if (sources[i] != parameters || g_strv_contains (tokenizer_arguments, name))
          copy_member (all, name, value);
    }
  node = json_node_init_object (json_node_alloc (), all);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}

gboolean
text_object_member (JsonObject *parameters, const char *name, JsonObject **object, GError **error)
{
  JsonNode *node = gtf_json_find (parameters, name);
  g_autofree char *found = NULL;

  *object = NULL;
  if (node == NULL)
    return TRUE;
  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      *object = json_node_get_object (node);
      return TRUE;
    }
  found = gtf_json_describe (node);
  return text_fail (error, "parameters: \"%s\": expected an object, found %s", name, found);
}

GPtrArray *
text_strings_member (JsonObject *parameters, const char *name, GError **error)
{
  JsonNode *node = gtf_json_find (parameters, name);
  g_autofree char *where = NULL;
  g_autoptr (GPtrArray) none = NULL;
  gboolean is_list;

  if (node == NULL)
    return NULL;
  if (JSON_NODE_HOLDS_ARRAY (node) && json_array_get_length (json_node_get_array (node)) == 0)
    return g_ptr_array_new ();
  where = g_strdup_printf ("parameters: \"%s\"", name);
  return text_inputs_read (node, where, &is_list, error);
}
