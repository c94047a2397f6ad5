/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What tokenizer-compare.py talks to: not a test. Reads a JSON object a line and answers each with one:
 *   {"load": FOLDER}                                           -> {} or {"error"}
 *   {"text", "pair": TEXT or null, "parameters": {..}}         -> ids, type_ids, begin, end, word_ids, sequence_ids, special, attention, overflowing
 *   {"decode": [ids], "parameters": {..}}                      -> {"text"}
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/json-print.h"
#include "base/json.h"
#include "text/tokenizer.h"

static JsonNode *
encoding_node (const GtfEncoding *e)
{
  JsonObject *object = json_object_new ();
#define COLUMN(name, field) \
  do { \
      JsonArray *a = json_array_sized_new (e->n_ids); \
      for (gsize i = 0; i < e->n_ids; i++) json_array_add_int_element (a, e->field[i]); \
      json_object_set_array_member (object, name, a); \
  } while (0)
  COLUMN ("ids", ids);
  COLUMN ("type_ids", type_ids);
  COLUMN ("begin", begin);
  COLUMN ("end", end);
  COLUMN ("word_ids", word_ids);
  COLUMN ("sequence_ids", sequence_ids);
  COLUMN ("special", special_tokens_mask);
  COLUMN ("attention", attention_mask);
#undef COLUMN
  JsonArray *more = json_array_new ();
  for (guint i = 0; e->overflowing && i < e->overflowing->len; i++)
    json_array_add_element (more, encoding_node (g_ptr_array_index (e->overflowing, i)));
  json_object_set_array_member (object, "overflowing", more);
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, object);
  return node;
}

static const char *
member (JsonObject *request, const char *key)
{
  JsonNode *node = gtf_json_find (request, key);
  return node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

static JsonNode *
text_node (const char *text)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  if (text)
    json_object_set_string_member (object, "text", text);
  json_node_take_object (node, object);
  return node;
}

static JsonNode *
answer (GtfTokenizer **tokenizer, JsonObject *request, GError **error)
{
  const char *folder = member (request, "load");
  if (folder)
    {
      g_clear_object (tokenizer);
      *tokenizer = gtf_tokenizer_load (folder, NULL, error);
      return *tokenizer ? text_node (NULL) : NULL;
    }
  if (*tokenizer == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "nothing is loaded");
      return NULL;
    }
  JsonNode *with = gtf_json_find (request, "parameters"), *ids = gtf_json_find (request, "decode");
  g_autofree char *parameters = with ? gtf_json_print (with, GTF_JSON_COMPACT) : NULL;
  if (ids)
    {
      JsonArray *list = json_node_get_array (ids);
      gsize n = json_array_get_length (list);
      g_autofree gint32 *array = g_new0 (gint32, n + 1);
      for (gsize i = 0; i < n; i++)
        array[i] = json_array_get_int_element (list, i);
      g_autofree char *text = gtf_tokenizer_decode_with (*tokenizer, array, n, parameters, error);
      return text ? text_node (text) : NULL;
    }
  const char *text = member (request, "text");
  g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (*tokenizer, text ? text : "", member (request, "pair"), parameters, error);
  return e ? encoding_node (e) : NULL;
}

int
main (void)
{
  g_autoptr (GtfTokenizer) tokenizer = NULL;
  char *line = NULL;
  size_t room = 0;
  ssize_t n;
  while ((n = getline (&line, &room, stdin)) > 0)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonObject) request = gtf_json_parse_object ("request", line, n, GTF_JSON_PYTHON | GTF_JSON_MODIFIED_UTF8, &error);
      g_autoptr (JsonNode) node = request ? answer (&tokenizer, request, &error) : NULL;
      if (node == NULL)
        {
          JsonObject *object = json_object_new ();
          json_object_set_string_member (object, "error", error->message);
          node = json_node_new (JSON_NODE_OBJECT);
          json_node_take_object (node, object);
        }
      g_autofree char *out = gtf_json_print (node, GTF_JSON_COMPACT);
      puts (out);
      fflush (stdout);
    }
  free (line);
  return 0;
}
