/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lists of config.json as strings with bars between (GTF_CONFIG_LIST), for the config struct of an architecture; registry/config-list.c takes them apart. Of objects in an
 * array, or under numbers, one member each.
 */
#include "model/config-private.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

#define MOST_MEMBERS 4096

/* What counts of element @i: itself, or what it has under @name. NULL: nothing. */
static JsonNode *
member_of (JsonArray *array, guint i, const char *name)
{
  JsonNode *node = json_array_get_element (array, i);

  return !name ? node : JSON_NODE_HOLDS_OBJECT (node) ? gtf_json_find (json_node_get_object (node), name) : NULL;
}

/* None of the objects has it, as if there were no list. */
static gboolean
is_in_none (JsonArray *array, const char *name)
{
  for (guint i = 0; i < json_array_get_length (array); i++)
    if (!JSON_NODE_HOLDS_OBJECT (json_array_get_element (array, i)) || member_of (array, i, name))
      return FALSE;
  return TRUE;
}

/* One member: a word without bars, or a number. */
static gboolean
add_member (GString *list, JsonNode *node)
{
  GType type = node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_NONE;

  if (type != G_TYPE_STRING && type != G_TYPE_INT64 && type != G_TYPE_DOUBLE && type != G_TYPE_BOOLEAN)
    return FALSE;
  if (list->len)
    g_string_append_c (list, '|');
  if (type == G_TYPE_INT64)
    g_string_append_printf (list, "%" G_GINT64_FORMAT, json_node_get_int (node));
  else if (type == G_TYPE_DOUBLE)
    g_string_append (list, g_ascii_dtostr ((char[G_ASCII_DTOSTR_BUF_SIZE]){ 0 }, G_ASCII_DTOSTR_BUF_SIZE, json_node_get_double (node)));
  else
    g_string_append (list, type == G_TYPE_STRING ? json_node_get_string (node) : json_node_get_boolean (node) ? "true" : "false");
  return TRUE;
}

gboolean
gtf_config_read_list (GPtrArray *lists, JsonNode *node, const char *path, const char *key, const char **out, GError **error)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  const char *each = strstr (key, GTF_CONFIG_OF_EACH), *name = each ? each + strlen (GTF_CONFIG_OF_EACH) : NULL;
  guint n = array ? json_array_get_length (array) : 1;
  g_autoptr (GString) list = g_string_new (NULL);
  gboolean ok = n <= MOST_MEMBERS && (array || !name);

  if (ok && name && is_in_none (array, name))
    return TRUE;
  for (guint i = 0; ok && i < n; i++)
    ok = add_member (list, array ? member_of (array, i, name) : node);
  if (!ok && name)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%.*s\" must be an array of at most %d objects, each with a string, a number or a truth value under \"%s\"", path,
                   (int) (each - key), key, MOST_MEMBERS, name);
      return FALSE;
    }
  if (!ok)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\" must be a string, a number, a truth value, or an array of at most %d of them", path, key, MOST_MEMBERS);
      return FALSE;
    }
  *out = g_string_free (g_steal_pointer (&list), FALSE);
  g_ptr_array_add (lists, (gpointer) *out);
  return TRUE;
}

/* What a member of a map has under @rest: "" where there is nothing, "null" where it is null. NULL: it is no such thing. */
static char *
numbered_member (JsonNode *member, const char *rest)
{
  JsonObject *inside = JSON_NODE_HOLDS_OBJECT (member) ? json_node_get_object (member) : NULL;
  JsonNode *found = inside ? gtf_json_find (inside, rest) : NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  if (!inside || (found && !add_member (text, found)))
    return NULL;
  if (!found && json_object_has_member (inside, rest))
    g_string_assign (text, "null");
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* The members of a map whose keys are numbers, each at the place of its number. NULL: it is no such map. */
static char *
numbered_members (JsonObject *map, const char *rest)
{
  g_autoptr (GList) names = json_object_get_members (map);
  g_auto (GStrv) places = g_new0 (char *, MOST_MEMBERS + 1);
  guint64 n = 0, number;

  for (GList *name = names; name; name = name->next)
    {
      char *text = g_ascii_string_to_unsigned (name->data, 10, 0, MOST_MEMBERS - 1, &number, NULL) ? numbered_member (json_object_get_member (map, name->data), rest) : NULL;

      if (!text)
        {
          for (guint64 i = 0; i < n; i++)       /* the list ends at the first that is not there */
            g_clear_pointer (&places[i], g_free);
          return NULL;
        }
      n = MAX (n, number + 1);
      g_free (places[number]);
      places[number] = text;
    }
  for (guint64 i = 0; i < n; i++)
    if (!places[i])
      places[i] = g_strdup ("");
  return g_strjoinv ("|", places);
}

/* "MAP.#.REST" */
gboolean
gtf_config_read_numbered (GPtrArray *lists, JsonObject *object, const char *path, const char *keys, const char **out, GError **error)
{
  const char *at = strstr (keys, GTF_CONFIG_BY_NUMBER), *rest = at + strlen (GTF_CONFIG_BY_NUMBER);
  g_autofree char *key = g_strndup (keys, (gsize) (at - keys));
  JsonNode *node = gtf_json_find (object, key);
  char *list;

  if (!node)
    return TRUE;
  list = JSON_NODE_HOLDS_OBJECT (node) ? numbered_members (json_node_get_object (node), rest) : NULL;
  if (!list)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\" must be objects by numbers below %d, whose \"%s\" is a string, a number or a truth value", path, key,
                   MOST_MEMBERS, rest);
      return FALSE;
    }
  *out = list;
  g_ptr_array_add (lists, list);
  return TRUE;
}
