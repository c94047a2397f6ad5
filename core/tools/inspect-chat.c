/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where a repository has its chat templates, in the order of transformers: chat_template.jinja with additional_chat_templates/NAME.jinja beside it; else
 * chat_template.json, which processors wrote; else "chat_template" in tokenizer_config.json, one text or a list with names.
 */
#include "tools/inspect.h"

#include "base/file.h"
#include "base/json.h"

#define MAX_TEMPLATE (1u << 20)

static gboolean
add_file (JsonObject *templates, const char *name, const char *path)
{
  g_autofree char *text = NULL;
  gsize length;

  if (!gtf_file_load (path, MAX_TEMPLATE, &text, &length, NULL) || !g_utf8_validate (text, (gssize) length, NULL))
    return FALSE;
  json_object_set_string_member (templates, name, text);
  return TRUE;
}

static void
add_additional (JsonObject *templates, const char *directory)
{
  g_autofree char *folder = g_build_filename (directory, "additional_chat_templates", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *entry;

  while (dir && (entry = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, entry, NULL), *name = g_str_has_suffix (entry, ".jinja") ? g_strndup (entry, strlen (entry) - strlen (".jinja")) : NULL;

      if (name && g_utf8_validate (name, -1, NULL))
        add_file (templates, name, path);
    }
}

static const char *
text_of (JsonNode *node)
{
  return node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

/* A text, or [{"name", "template"}]. */
static void
add_node (JsonObject *templates, JsonNode *node)
{
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (text_of (node))
    json_object_set_string_member (templates, "default", text_of (node));
  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      JsonNode *element = json_array_get_element (list, i);
      JsonObject *entry = JSON_NODE_HOLDS_OBJECT (element) ? json_node_get_object (element) : NULL;
      const char *name = entry ? text_of (json_object_get_member (entry, "name")) : NULL, *text = entry ? text_of (json_object_get_member (entry, "template")) : NULL;

      if (name && text)
        json_object_set_string_member (templates, name, text);
    }
}

JsonObject *
inspect_chat (const char *directory)
{
  static const char *const configs[] = { "chat_template.json", "tokenizer_config.json" };
  g_autoptr (JsonObject) templates = json_object_new ();
  g_autofree char *plain = g_build_filename (directory, "chat_template.jinja", NULL);

  if (add_file (templates, "default", plain))
    add_additional (templates, directory);
  for (gsize i = 0; i < G_N_ELEMENTS (configs) && json_object_get_size (templates) == 0; i++)
    {
      g_autofree char *path = g_build_filename (directory, configs[i], NULL);
      g_autoptr (JsonObject) config = gtf_json_load_object (path, NULL);

      if (config)
        add_node (templates, json_object_get_member (config, "chat_template"));
    }
  return json_object_get_size (templates) ? g_steal_pointer (&templates) : NULL;
}
