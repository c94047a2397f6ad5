/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * KEY=VALUE.
 */
#include "pipeline/settings.h"

#include <string.h>
#include "base/json-print.h"
#include "base/json.h"

JsonNode *
gtf_setting_value (const char *text, GError **error)
{
  JsonNode *node = gtf_json_parse ("value", text, -1, GTF_JSON_STRICT, NULL);

  if (node)
    return node;
  if (g_utf8_validate (text, -1, NULL))
    return json_node_init_string (json_node_alloc (), text);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: a value is not UTF-8");
  return NULL;
}

gboolean
gtf_setting_put (JsonObject *object, const char *key, JsonNode *value, GError **error)
{
  g_auto (GStrv) path = g_strsplit (key, ".", -1);
  guint i;

  if (*key == '\0' || g_strv_contains ((const char *const *) path, "") || !g_utf8_validate (key, -1, NULL))
    {
      g_autofree char *shown = g_utf8_make_valid (key, -1);

      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: expected KEY=VALUE, where dots of KEY stand between names; found \"%s\"", shown);
      json_node_unref (value);
      return FALSE;
    }
  for (i = 0; path[i + 1]; i++)
    {
      JsonNode *inner = json_object_get_member (object, path[i]);

      if (inner == NULL || !JSON_NODE_HOLDS_OBJECT (inner))
        json_object_set_object_member (object, path[i], json_object_new ());
      object = json_object_get_object_member (object, path[i]);
    }
  json_object_set_member (object, path[i], value);
  return TRUE;
}

/* The end of one "key=value": a comma outside of quotes and brackets. */
static const char *
entry_end (const char *p)
{
  int depth = 0;
  gboolean quoted = FALSE;

  for (; *p && (quoted || depth > 0 || *p != ','); p++)
    {
      if (*p == '"')
        quoted = !quoted;
      else if (quoted && *p == '\\' && p[1])
        p++;
      else if (!quoted)
        depth += (*p == '[' || *p == '{') - (*p == ']' || *p == '}');
    }
  return p;
}

static gboolean
apply_entry (JsonObject *object, char *entry, GError **error)
{
  char *equals = strchr (entry, '=');
  JsonNode *value;

  if (!equals)
    {
      g_autofree char *shown = g_utf8_make_valid (entry, -1);

      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: expected key=value, found \"%s\"", shown);
      return FALSE;
    }
  *equals = '\0';
  value = gtf_setting_value (g_strchug (equals + 1), error);
  return value && gtf_setting_put (object, g_strchomp (entry), value, error);
}

char *
gtf_parameters_to_json (const char *text, GError **error)
{
  g_autoptr (JsonObject) object = NULL;
  g_autoptr (JsonNode) node = NULL;

  while (text && g_ascii_isspace (*text))
    text++;
  object = text && *text == '{' ? gtf_json_parse_object ("parameters", text, -1, GTF_JSON_STRICT, error) : json_object_new ();
  if (!object)
    return NULL;
  for (const char *p = text && *text != '{' ? text : "", *end; *p; p = *end ? end + 1 : end)
    {
      g_autofree char *entry = NULL;

      end = entry_end (p);
      entry = g_strstrip (g_strndup (p, (gsize) (end - p)));
      if (!apply_entry (object, entry, error))
        return NULL;
    }
  node = json_node_init_object (json_node_alloc (), object);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}
