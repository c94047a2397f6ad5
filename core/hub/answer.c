/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub/answer.h"

#include "base/json.h"
#include "base/quote.h"

JsonNode *
gtf_hub_ask_json (GtfHubClient *client, GtfHubRequest *request, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfHttpResponse) response = gtf_hub_client_send (client, request, NULL, cancellable, error);

  g_clear_pointer (&request->missing_commit, g_free);
  return response ? gtf_hub_read_json (response, request->what, cancellable, error) : NULL;
}

JsonObject *
gtf_hub_answer_object (JsonNode *node)
{
  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

const char *
gtf_hub_answer_string (JsonObject *object, const char *name)
{
  JsonNode *node = gtf_json_find (object, name);

  return node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

JsonArray *
gtf_hub_answer_list (JsonObject *object, const char *name)
{
  JsonNode *node = gtf_json_find (object, name);

  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

gint64
gtf_hub_answer_size (JsonObject *object, const char *name)
{
  JsonNode *node = gtf_json_find (object, name);

  return node && json_node_get_value_type (node) == G_TYPE_INT64 && json_node_get_int (node) >= 0 ? json_node_get_int (node) : -1;
}

gboolean
gtf_hub_answer_fail (GError **error, const char *what, const char *expected, const char *found)
{
  g_autofree char *quoted = gtf_quote (found ? found : "nothing", -1);

  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the answer of the Hub is not what it should be: expected %s, found \"%s\"", what, expected, quoted);
  return FALSE;
}
