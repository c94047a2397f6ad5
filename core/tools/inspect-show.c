/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Findings as text, as a page and as JSON.
 */
#include "tools/inspect.h"

#include <string.h>
#include "base/json-print.h"
#include "tools/cli.h"
#include "tools/weight-map.h"

/* Of a chat template in text; a page and JSON have all of it. */
#define CHAT_LINES 6
#define CHAT_COLUMNS 160

/* ---- text ----------------------------------------------------------------------------------------------------------- */

static void append_value (GString *out, JsonNode *node);

static void
append_array (JsonArray *list, guint i, JsonNode *node, gpointer out)
{
  if (i)
    g_string_append (out, ", ");
  append_value (out, node);
}

/* On one line: "a, b"; of an object "name value, name value". */
static void
append_value (GString *out, JsonNode *node)
{
  g_autoptr (GList) names = JSON_NODE_HOLDS_OBJECT (node) ? json_object_get_members (json_node_get_object (node)) : NULL;
  g_autofree char *text = NULL;

  if (JSON_NODE_HOLDS_NULL (node))
    g_string_append (out, "not stated");
  else if (JSON_NODE_HOLDS_ARRAY (node))
    json_array_foreach_element (json_node_get_array (node), append_array, out);
  else if (json_node_get_value_type (node) == G_TYPE_STRING)
    g_string_append (out, json_node_get_string (node));
  else if (JSON_NODE_HOLDS_VALUE (node))
    g_string_append (out, text = gtf_json_print (node, GTF_JSON_COMPACT));
  for (GList *l = names; l; l = l->next)
    {
      g_string_append_printf (out, "%s%s ", l == names ? "" : ", ", (char *) l->data);
      append_value (out, json_object_get_member (json_node_get_object (node), l->data));
    }
}

static void
members_text (JsonObject *object, const char *indent, GString *out)
{
  g_autoptr (GList) names = json_object_get_members (object);

  for (GList *l = names; l; l = l->next)
    {
      g_autoptr (GString) value = g_string_new (NULL);
      g_autofree char *plain = NULL;

      append_value (value, json_object_get_member (object, l->data));
      if (value->len == 0 || strcmp (l->data, "chat_template") == 0)
        continue;
      plain = cli_printable (value->str);
      g_string_append_printf (out, "%s%-14s %s\n", indent, (char *) l->data, plain);
    }
}

/* The first lines of each template. */
static void
chat_text (JsonObject *templates, GString *out)
{
  g_autoptr (GList) names = json_object_get_members (templates);

  for (GList *l = names; l; l = l->next)
    {
      g_auto (GStrv) lines = g_strsplit (json_object_get_string_member (templates, l->data), "\n", -1);
      g_autofree char *name = cli_printable (l->data);
      guint n = g_strv_length (lines);

      g_string_append_printf (out, "chat template %s\n", name);
      for (guint i = 0; i < MIN (n, CHAT_LINES); i++)
        {
          gboolean cut = g_utf8_strlen (lines[i], -1) > CHAT_COLUMNS;
          g_autofree char *start = cut ? g_utf8_substring (lines[i], 0, CHAT_COLUMNS) : NULL, *plain = cli_printable (cut ? start : lines[i]);

          g_string_append_printf (out, "  %s%s\n", plain, cut ? "..." : "");
        }
      if (n > CHAT_LINES)
        g_string_append_printf (out, "  ... %u lines more: --format json\n", n - CHAT_LINES);
    }
}

static void
files_text (JsonArray *files, GString *out)
{
  g_string_append (out, "files\n");
  for (guint i = 0; i < json_array_get_length (files); i++)
    {
      JsonObject *file = json_array_get_object_element (files, i);
      g_autofree char *size = weight_map_size (json_object_get_int_member (file, "size"));
      g_autofree char *name = cli_printable (json_object_get_string_member (file, "name"));

      g_string_append_printf (out, "  %-52s %12s\n", name, size);
    }
}

void
inspect_show_text (const Findings *f, GString *out)
{
  members_text (f->facts, "", out);
  if (f->weights)
    weight_map_text (f->weights, out);
  if (json_object_has_member (f->facts, "chat_template"))
    chat_text (json_object_get_object_member (f->facts, "chat_template"), out);
  if (f->files)
    files_text (f->files, out);
  if (!f->use)
    return;
  g_string_append (out, "use in\n");
  members_text (f->use, "  ", out);
}

/* ---- a page --------------------------------------------------------------------------------------------------------- */

static void
value_html (const char *name, JsonNode *node, GString *out)
{
  g_autoptr (GString) value = g_string_new (NULL);
  g_autoptr (GString) escaped = g_string_new (NULL);

  append_value (value, node);
  weight_map_html_escape (escaped, value->str);
  if (strcmp (name, "documentation") == 0)
    g_string_append_printf (out, "<a href=\"%s\">%s</a>", escaped->str, escaped->str);
  else if (strchr (value->str, '\n'))
    g_string_append_printf (out, "<pre>%s</pre>", escaped->str);
  else
    g_string_append (out, escaped->str);
}

static void
members_html (JsonObject *object, GString *out)
{
  g_autoptr (GList) names = json_object_get_members (object);

  g_string_append (out, "<table>\n");
  for (GList *l = names; l; l = l->next)
    {
      JsonNode *node = json_object_get_member (object, l->data);

      if (JSON_NODE_HOLDS_OBJECT (node) && strcmp (l->data, "chat_template") == 0)
        continue;
      g_string_append (out, "<tr><th align=\"left\" valign=\"top\">");
      weight_map_html_escape (out, l->data);
      g_string_append (out, "</th><td>");
      value_html (l->data, node, out);
      g_string_append (out, "</td></tr>\n");
    }
  g_string_append (out, "</table>\n");
}

static void
files_html (JsonArray *files, GString *out)
{
  g_string_append (out, "<h2>Files</h2>\n<table>\n");
  for (guint i = 0; i < json_array_get_length (files); i++)
    {
      JsonObject *file = json_array_get_object_element (files, i);
      g_autofree char *size = weight_map_size (json_object_get_int_member (file, "size"));

      g_string_append (out, "<tr><td>");
      weight_map_html_escape (out, json_object_get_string_member (file, "name"));
      g_string_append_printf (out, "</td><td align=\"right\">%s</td></tr>\n", size);
    }
  g_string_append (out, "</table>\n");
}

void
inspect_show_html (const Findings *f, GString *out)
{
  g_string_append (out, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>");
  weight_map_html_escape (out, f->title);
  g_string_append (out, "</title>\n</head>\n<body style=\"font:15px/1.5 sans-serif;margin:2em\">\n<h1>");
  weight_map_html_escape (out, f->title);
  g_string_append (out, "</h1>\n");
  members_html (f->facts, out);
  if (f->use)
    {
      g_string_append (out, "<h2>Use in</h2>\n");
      members_html (f->use, out);
    }
  if (json_object_has_member (f->facts, "chat_template"))
    {
      g_string_append (out, "<h2>Chat template</h2>\n");
      members_html (json_object_get_object_member (f->facts, "chat_template"), out);
    }
  if (f->weights)
    weight_map_html (f->weights, out);
  if (f->files)
    files_html (f->files, out);
  g_string_append (out, "</body>\n</html>\n");
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------- */

void
inspect_show_json (const Findings *f, GString *out)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), f->facts);
  g_autofree char *text = NULL;

  if (f->weights)
    json_object_set_object_member (f->facts, "weights", json_object_ref (f->weights));
  if (f->files)
    json_object_set_array_member (f->facts, "files", json_array_ref (f->files));
  if (f->use)
    json_object_set_object_member (f->facts, "use", json_object_ref (f->use));
  text = gtf_json_print (node, GTF_JSON_COMPACT);
  g_string_append_printf (out, "%s\n", text);
}
