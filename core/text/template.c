/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See template.h, and tokenizer-classes.c for the language.
 */
#include "text/template.h"

#include <string.h>
#include "base/json.h"
#include "text/tokenizer-classes.h"

#define MAX_DEPTH 32
#define MAX_ELEMENTS (1 << 20)

static JsonNode *expand (const GtfTemplate *self, JsonNode *node, guint depth, GError **error);

/* ------------------------------------------------------------------ rows */

/* Objects one level down (settings, tokens) are joined, everything else is replaced. */
void
gtf_template_put_over (JsonObject *under, JsonObject *over)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;
  json_object_iter_init_ordered (&iter, over);
  while (json_object_iter_next_ordered (&iter, &key, &node))
    {
      JsonNode *old = json_object_get_member (under, key);
      if (old && JSON_NODE_HOLDS_OBJECT (old) && JSON_NODE_HOLDS_OBJECT (node) && (!strcmp (key, "settings") || !strcmp (key, "tokens")))
        gtf_template_put_over (json_node_get_object (old), json_node_get_object (node));
      else
        json_object_set_member (under, key, json_node_copy (node));
    }
}

JsonObject *
gtf_template_row (const char *name)
{
  const GtfTokenizerRow *klass = gtf_tokenizer_row_find (name);
  JsonObject *row = klass->like ? gtf_template_row (klass->like) : json_object_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) own = klass->json ? gtf_json_parse_object (name, klass->json, -1, GTF_JSON_MODIFIED_UTF8, &error) : NULL;
  if (error)
    g_error ("the table of tokenizer classes: %s", error->message);      /* our own text: tests read every row */
  if (own)
    gtf_template_put_over (row, own);
  return row;
}

/* ------------------------------------------------------------------ names */

static const char *
role_content (const GtfTemplate *self, const char *role)
{
  JsonNode *node = gtf_json_find (self->values, role);
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static gboolean
is_true (const GtfTemplate *self, const char *name)
{
  const char *text = strchr (name, '=');
  if (text)
    {
      g_autofree char *key = g_strndup (name, (gsize) (text - name));
      return g_strcmp0 (role_content (self, key), text + 1) == 0;
    }
  gboolean negated = *name == '!';
  JsonNode *node = gtf_json_find (self->values, name + negated);
  gboolean value = node && !(JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN && !json_node_get_boolean (node));
  return value != negated;
}

static JsonNode *
named (const GtfTemplate *self, const char *name, guint depth, GError **error)
{
  if (json_object_has_member (self->values, name))
    {
      JsonNode *value = gtf_json_find (self->values, name);
      return value ? json_node_copy (value) : NULL;
    }
  if (json_object_has_member (self->row, name))
    return expand (self, json_object_get_member (self->row, name), depth + 1, error);
  const char *part = gtf_tokenizer_part_find (name);
  if (part == NULL)
    return NULL;
  g_autoptr (JsonNode) node = gtf_json_parse (name, part, -1, GTF_JSON_MODIFIED_UTF8, error);
  return node ? expand (self, node, depth + 1, error) : NULL;
}

/* The id of a token; that of the unknown token where it has none, as convert_tokens_to_ids has it. */
static gboolean
id_of (const GtfTemplate *self, const char *token, gint32 *id, GError **error)
{
  *id = self->lookup (self->data, token);
  if (*id < 0)
    {
      JsonNode *unknown = gtf_json_find (self->values, "unk_token");
      *id = unknown ? self->lookup (self->data, json_node_get_string (unknown)) : -1;
    }
  if (*id < 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "the vocabulary has no token “%s”, which the tokenizer's class puts around each text", token);
  return *id >= 0;
}

static JsonNode *
role_with_id (const GtfTemplate *self, const char *role, GError **error)
{
  const char *content = role_content (self, role);
  gint32 id;
  if (content == NULL || !id_of (self, content, &id, error))
    return NULL;
  g_autoptr (JsonArray) pair = json_array_new ();
  json_array_add_string_element (pair, content);
  json_array_add_int_element (pair, id);
  return json_node_init_array (json_node_alloc (), pair);
}

/* ------------------------------------------------------------------ lists */

static gint64
number (const GtfTemplate *self, JsonObject *object, const char *key, gint64 fallback)
{
  JsonNode *node = gtf_json_find (object, key);
  if (node && json_node_get_value_type (node) == G_TYPE_STRING)
    node = gtf_json_find (self->values, json_node_get_string (node) + 1);
  return node ? json_node_get_int (node) : fallback;
}

static void
add_generated (const GtfTemplate *self, JsonObject *object, JsonArray *list)
{
  const char *format = json_object_get_string_member (object, "format"), *hole = strstr (format, "{}");
  gint64 first = number (self, object, "from", 0), end = MIN (number (self, object, "end", 0), MAX_ELEMENTS);
  gboolean reverse = json_object_get_boolean_member_with_default (object, "reverse", FALSE);
  for (gint64 i = first; i < end; i++)
    {
      g_autofree char *text = g_strdup_printf ("%.*s%" G_GINT64_FORMAT "%s", (int) (hole - format), format, reverse ? first + end - 1 - i : i, hole + 2);
      if (json_object_has_member (object, "score"))
        {
          JsonArray *scored = json_array_new ();
          json_array_add_string_element (scored, text);
          json_array_add_double_element (scored, (double) number (self, object, "score", 0));
          json_array_add_array_element (list, scored);
        }
      else
        json_array_add_string_element (list, text);
    }
}

static JsonNode *
expand_list (const GtfTemplate *self, JsonArray *array, guint depth, GError **error)
{
  g_autoptr (JsonArray) list = json_array_new ();
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *element = json_array_get_element (array, i);
      if (JSON_NODE_HOLDS_OBJECT (element) && json_object_has_member (json_node_get_object (element), "format"))
        {
          add_generated (self, json_node_get_object (element), list);
          continue;
        }
      g_autoptr (GError) local = NULL;
      JsonNode *value = expand (self, element, depth + 1, &local);
      if (local)
        return g_propagate_error (error, g_steal_pointer (&local)), NULL;
      if (value && JSON_NODE_HOLDS_ARRAY (value) && !JSON_NODE_HOLDS_ARRAY (element))
        {
          JsonArray *spliced = json_node_get_array (value);
          for (guint j = 0; j < json_array_get_length (spliced); j++)
            json_array_add_element (list, json_node_copy (json_array_get_element (spliced, j)));
          json_node_unref (value);
        }
      else if (value)
        json_array_add_element (list, value);
    }
  return json_node_init_array (json_node_alloc (), list);
}

/* ------------------------------------------------------------------ TemplateProcessing */

/* "__{tgt_lang}__" */
static char *
fill_holes (const GtfTemplate *self, const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);
  for (const char *p = text; *p; p++)
    {
      const char *stop = *p == '{' ? strchr (p, '}') : NULL;
      g_autofree char *name = stop ? g_strndup (p + 1, (gsize) (stop - p - 1)) : NULL;
      const char *value = name ? role_content (self, name) : NULL;
      if (value == NULL)
        {
          g_string_append_c (out, *p);
          continue;
        }
      g_string_append (out, value);
      p = stop;
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
add_step (const GtfTemplate *self, const char *step, JsonArray *list, JsonObject *specials, GError **error)
{
  const char *colon = strrchr (step, ':');
  g_autofree char *what = g_strndup (step, (gsize) (colon - step)), *content = NULL;
  JsonObject *inner = json_object_new (), *outer = json_object_new ();
  json_object_set_int_member (inner, "type_id", g_ascii_strtoll (colon + 1, NULL, 10));
  json_object_set_object_member (outer, *what == '$' ? "Sequence" : "SpecialToken", inner);
  json_array_add_object_element (list, outer);
  if (*what == '$')
    {
      json_object_set_string_member (inner, "id", what + 1);
      return TRUE;
    }
  content = *what == '=' ? fill_holes (self, what + 1) : g_strdup (role_content (self, what));
  if (content == NULL)
    {
      json_array_remove_element (list, json_array_get_length (list) - 1);      /* a role that is set to null */
      return TRUE;
    }
  gint32 id;
  if (!id_of (self, content, &id, error))
    return FALSE;
  json_object_set_string_member (inner, "id", content);
  JsonObject *special = json_object_new ();
  JsonArray *ids = json_array_new (), *tokens = json_array_new ();
  json_array_add_int_element (ids, id);
  json_array_add_string_element (tokens, content);
  json_object_set_string_member (special, "id", content);
  json_object_set_array_member (special, "ids", ids);
  json_object_set_array_member (special, "tokens", tokens);
  json_object_set_object_member (specials, content, special);
  return TRUE;
}

static JsonNode *
expand_processing (const GtfTemplate *self, JsonObject *object, guint depth, GError **error)
{
  static const char *const forms[] = { "single", "pair" };
  g_autoptr (JsonObject) out = json_object_new (), specials = json_object_new ();
  json_object_set_string_member (out, "type", "TemplateProcessing");
  for (guint f = 0; f < G_N_ELEMENTS (forms); f++)
    {
      g_autoptr (JsonNode) steps = expand (self, json_object_get_member (object, forms[f]), depth + 1, error);
      if (steps == NULL)
        return NULL;
      JsonArray *list = json_array_new ();
      json_object_set_array_member (out, forms[f], list);
      for (guint i = 0; i < json_array_get_length (json_node_get_array (steps)); i++)
        if (!add_step (self, json_array_get_string_element (json_node_get_array (steps), i), list, specials, error))
          return NULL;
    }
  json_object_set_object_member (out, "special_tokens", json_object_ref (specials));
  return json_node_init_object (json_node_alloc (), out);
}

/* ------------------------------------------------------------------ everything */

static JsonNode *
expand_object (const GtfTemplate *self, JsonObject *object, guint depth, GError **error)
{
  if (json_object_has_member (object, "if"))
    {
      JsonNode *chosen = json_object_get_member (object, is_true (self, json_object_get_string_member (object, "if")) ? "then" : "else");
      return chosen ? expand (self, chosen, depth + 1, error) : NULL;
    }
  if (!g_strcmp0 (json_object_get_string_member_with_default (object, "type", NULL), "TemplateProcessing"))
    return expand_processing (self, object, depth, error);
  g_autoptr (JsonObject) out = json_object_new ();
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &key, &node))
    {
      g_autoptr (GError) local = NULL;
      JsonNode *value = expand (self, node, depth + 1, &local);
      if (local)
        return g_propagate_error (error, g_steal_pointer (&local)), NULL;
      if (value)
        json_object_set_member (out, key, value);
    }
  return json_node_init_object (json_node_alloc (), out);
}

static JsonNode *
expand (const GtfTemplate *self, JsonNode *node, guint depth, GError **error)
{
  if (depth > MAX_DEPTH)
    g_error ("the table of tokenizer classes: a part that contains itself");
  if (JSON_NODE_HOLDS_NULL (node))
    return NULL;
  if (JSON_NODE_HOLDS_ARRAY (node))
    return expand_list (self, json_node_get_array (node), depth, error);
  if (JSON_NODE_HOLDS_OBJECT (node))
    return expand_object (self, json_node_get_object (node), depth, error);
  const char *text = json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
  if (text && *text == '@')
    return role_with_id (self, text + 1, error);
  /* "$A:0" is a step of a template, "$A" would be a name. */
  return text && *text == '$' && strchr (text, ':') == NULL ? named (self, text + 1, depth, error) : json_node_copy (node);
}

JsonNode *
gtf_template_expand (const GtfTemplate *self, const char *name, GError **error)
{
  JsonNode *node = json_object_has_member (self->row, name) ? json_object_get_member (self->row, name) : NULL;
  return node ? expand (self, node, 0, error) : NULL;
}
