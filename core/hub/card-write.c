/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Texts stand without quotes where every reader of YAML, 1.1 ones too ("no", "on", "1:30"), takes them for what they are; else they are strings of
 * JSON, which YAML reads as well.
 */
#include "hub/card-write.h"

#include <string.h>
#include "base/json-print.h"

static void write_below (GString *out, JsonNode *node, guint indent, const char *newline);

static gboolean
is_plain (const char *text)
{
  static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off", "y", "n", NULL };
  g_autofree char *lower = g_ascii_strdown (text, -1);
  gsize n = strlen (text);

  if (!g_ascii_isalpha (*text) || g_strv_contains ((const char *const *) words, lower))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (!g_ascii_isalnum (text[i]) && !(strchr ("-_./+", text[i]) || (text[i] == ' ' && i + 1 < n && text[i + 1] != ' ')))
      return FALSE;
  return TRUE;
}

static void
write_text (GString *out, const char *text)
{
  if (is_plain (text))
    g_string_append (out, text);
  else
    gtf_json_append_string (out, text);
}

static gboolean
is_empty (JsonNode *node)
{
  return JSON_NODE_HOLDS_ARRAY (node) ? json_array_get_length (json_node_get_array (node)) == 0
         : JSON_NODE_HOLDS_OBJECT (node) && json_object_get_size (json_node_get_object (node)) == 0;
}

/* Behind "name:" or "-". */
static void
write_value (GString *out, JsonNode *node, guint indent, const char *newline)
{
  g_autofree char *text = NULL;

  if ((JSON_NODE_HOLDS_ARRAY (node) || JSON_NODE_HOLDS_OBJECT (node)) && !is_empty (node))
    {
      g_string_append (out, newline);
      write_below (out, node, indent, newline);
      return;
    }
  g_string_append_c (out, ' ');
  if (json_node_get_value_type (node) == G_TYPE_STRING)
    write_text (out, json_node_get_string (node));
  else
    g_string_append (out, text = gtf_json_print (node, GTF_JSON_COMPACT));
  g_string_append (out, newline);
}

static void
write_below (GString *out, JsonNode *node, guint indent, const char *newline)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GList) names = list ? NULL : json_object_get_members (json_node_get_object (node));

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      g_string_append_printf (out, "%*s-", (int) indent, "");
      write_value (out, json_array_get_element (list, i), indent + 2, newline);
    }
  for (GList *l = names; l; l = l->next)
    {
      JsonNode *value = json_object_get_member (json_node_get_object (node), l->data);

      g_string_append_printf (out, "%*s", (int) indent, "");
      write_text (out, l->data);
      g_string_append_c (out, ':');
      write_value (out, value, JSON_NODE_HOLDS_ARRAY (value) ? indent : indent + 2, newline);       /* lists as everybody writes them in cards */
    }
}

char *
gtf_hub_card_write (JsonObject *metadata, guint indent, const char *newline)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), metadata);
  g_autoptr (GString) out = g_string_new (NULL);

  write_below (out, node, indent, newline);
  return g_string_free (g_steal_pointer (&out), FALSE);
}
