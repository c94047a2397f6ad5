/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Trees of nodes out of the pull reader.
 */
#include "base/json.h"

#include <string.h>
#include "base/file.h"
#include "base/json-reader-private.h"
#include "base/quote.h"

/* A config is a few kB; tokenizer_config.json of large vocabularies some MB. A tree costs ten times its text. */
#define MAX_JSON_FILE (64 * 1024 * 1024)

/* ---- reading a value ------------------------------------------------------------------------------------------------ */

/* The current string as a C string. */
static char *
dup_c_string (const GtfJsonReader *self)
{
  g_autoptr (GString) out = NULL;

  if (!memchr (self->string, 0, self->string_length))
    return g_strndup (self->string, self->string_length);
  out = g_string_new (NULL);
  for (gsize i = 0; i < self->string_length; i++)
    if (self->string[i])
      g_string_append_c (out, self->string[i]);
    else
      g_string_append (out, self->flags & GTF_JSON_MODIFIED_UTF8 ? "\300\200" : "\357\277\275");
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static JsonNode *
scalar_node (GtfJsonReader *self, GtfJsonToken token)
{
  JsonNode *node = json_node_alloc ();
  g_autofree char *text = NULL;

  switch (token)
    {
    case GTF_JSON_STRING:
      text = dup_c_string (self);
      return json_node_init_string (node, text);
    case GTF_JSON_NUMBER:
      return self->is_integer ? json_node_init_int (node, self->integer) : json_node_init_double (node, gtf_json_number (self));
    case GTF_JSON_TRUE:
    case GTF_JSON_FALSE:
      return json_node_init_boolean (node, token == GTF_JSON_TRUE);
    default:
      return json_node_init_null (node);
    }
}

static JsonNode *read_tree (GtfJsonReader *self, GtfJsonToken token, GError **error);

static JsonNode *
read_object (GtfJsonReader *self, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  JsonNode *node;
  GtfJsonToken token;

  while ((token = gtf_json_reader_next (self, error)) == GTF_JSON_KEY)
    {
      g_autofree char *key = dup_c_string (self);
      JsonNode *value = read_tree (self, gtf_json_reader_next (self, error), error);

      if (!value)
        return NULL;
      json_object_set_member (object, key, value);
    }
  if (token == GTF_JSON_ERROR)
    return NULL;
  node = json_node_alloc ();
  return json_node_init_object (node, object);
}

static JsonNode *
read_array (GtfJsonReader *self, GError **error)
{
  g_autoptr (JsonArray) array = json_array_new ();
  JsonNode *node;
  GtfJsonToken token;

  while ((token = gtf_json_reader_next (self, error)) != GTF_JSON_END_ARRAY)
    {
      JsonNode *value = read_tree (self, token, error);

      if (!value)
        return NULL;
      json_array_add_element (array, value);
    }
  node = json_node_alloc ();
  return json_node_init_array (node, array);
}

/* Depth is bounded by begin_container, and so is the recursion. */
static JsonNode *
read_tree (GtfJsonReader *self, GtfJsonToken token, GError **error)
{
  switch (token)
    {
    case GTF_JSON_ERROR:
      return NULL;
    case GTF_JSON_BEGIN_OBJECT:
      return read_object (self, error);
    case GTF_JSON_BEGIN_ARRAY:
      return read_array (self, error);
    case GTF_JSON_STRING:
    case GTF_JSON_NUMBER:
    case GTF_JSON_TRUE:
    case GTF_JSON_FALSE:
    case GTF_JSON_NULL:
      return scalar_node (self, token);
    default:
      gtf_json_mismatch (self, token, "a value", error);
      return NULL;
    }
}

JsonNode *
gtf_json_reader_read_node (GtfJsonReader *self, GError **error)
{
  return read_tree (self, gtf_json_reader_next (self, error), error);
}

/* ---- documents and files -------------------------------------------------------------------------------------------- */

JsonNode *
gtf_json_parse (const char *name, const char *text, gssize length, GtfJsonFlags flags, GError **error)
{
  g_auto (GtfJsonReader) reader = { 0 };
  g_autoptr (JsonNode) node = NULL;

  gtf_json_reader_init (&reader, name, text, length < 0 ? strlen (text) : (gsize) length, flags);
  node = gtf_json_reader_read_node (&reader, error);
  if (!node || !gtf_json_reader_expect (&reader, GTF_JSON_END, error))
    return NULL;
  return g_steal_pointer (&node);
}

JsonObject *
gtf_json_parse_object (const char *name, const char *text, gssize length, GtfJsonFlags flags, GError **error)
{
  g_autoptr (JsonNode) node = gtf_json_parse (name, text, length, flags, error);
  g_autofree char *found = NULL;

  if (!node)
    return NULL;
  if (JSON_NODE_HOLDS_OBJECT (node))
    return json_node_dup_object (node);
  found = gtf_json_describe (node);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected a JSON object, found %s", name, found);
  return NULL;
}

JsonObject *
gtf_json_load_object (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;

  if (!gtf_file_load (path, MAX_JSON_FILE, &text, &length, error))
    return NULL;
  return gtf_json_parse_object (path, text, (gssize) length, GTF_JSON_PYTHON, error);
}

JsonNode *
gtf_json_find (JsonObject *object, const char *path)
{
  if (json_object_get_size (object) == 0)      /* as that of most calls' parameters */
    return NULL;
  const char *dot = strchr (path, '.');
  g_autofree char *head = dot ? g_strndup (path, (gsize) (dot - path)) : NULL;
  JsonNode *node = json_object_get_member (object, head ? head : path);

  if (!node || JSON_NODE_HOLDS_NULL (node))
    return NULL;
  if (!dot)
    return node;
  return JSON_NODE_HOLDS_OBJECT (node) ? gtf_json_find (json_node_get_object (node), dot + 1) : NULL;
}

char *
gtf_json_describe (JsonNode *node)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (JSON_NODE_HOLDS_OBJECT (node))
    return g_strdup ("an object");
  if (JSON_NODE_HOLDS_ARRAY (node))
    return g_strdup ("a list");
  if (JSON_NODE_HOLDS_NULL (node))
    return g_strdup ("null");
  switch (json_node_get_value_type (node))
    {
    case G_TYPE_STRING:
      {
        g_autofree char *start = gtf_quote (json_node_get_string (node), -1);
        return g_strdup_printf ("the string \"%s\"", start);
      }
    case G_TYPE_BOOLEAN:
      return g_strdup (json_node_get_boolean (node) ? "true" : "false");
    case G_TYPE_INT64:
      return g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node));
    default:
      return g_strdup (g_ascii_formatd (number, sizeof number, "%.15g", json_node_get_double (node)));
    }
}
