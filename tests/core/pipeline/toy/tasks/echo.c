/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A task that answers with its input, word by word, as if it had heard it. Some inputs mean something:
 * "sure" is answered with details, "slow" works until it is cancelled, "deaf" works for ten seconds whatever happens, "fail" fails, "odd" has odd numbers.
 */
#include <math.h>
#include <gtf/gtf.h>

static const char *const aliases[] = { "parrot", NULL };

static const GtfTaskParameter parameters[] = {
  { "return_timestamps", "bool or \"word\"", "false", "times of words", 0, 0 },
  { "volume", "float", "1.0", "how loud", 0, 10 },
  { "generate_kwargs", "object", "{}", "anything", 0, 0 },
  { NULL }
};

static gboolean
wait_until_cancelled (const GtfRequest *request, gboolean deaf, GError **error)
{
  for (guint i = 0; i < 1000; i++)
    {
      if (!deaf && g_cancellable_set_error_if_cancelled (request->cancellable, error))
        return FALSE;
      g_usleep (10000);
    }
  return TRUE;
}

static JsonNode *
chunk_node (const char *text, double start, gboolean last)
{
  JsonObject *chunk = json_object_new ();
  JsonArray *time = json_array_new ();
  JsonNode *node;

  json_object_set_string_member (chunk, "text", text);
  json_array_add_double_element (time, start);
  if (last)
    json_array_add_null_element (time);
  else
    json_array_add_double_element (time, start + 0.25);
  json_object_set_array_member (chunk, "timestamp", time);
  node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, chunk);
  return node;
}

static JsonArray *
hear (const char *text, const GtfRequest *request)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  JsonArray *chunks = json_array_new ();
  guint n = g_strv_length (words);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *word = g_strconcat (" ", words[i], NULL);
      JsonNode *node = chunk_node (word, 0.3 * i, i + 1 == n);

      if (request->progress)
        request->progress (node, TRUE, (double) (i + 1) / n, request->progress_data);
      json_array_add_element (chunks, node);
    }
  return chunks;
}

static JsonNode *
run (GtfTask *task, const GtfRequest *request, GError **error)
{
  JsonObject *answer;
  const char *text = "samples";
  JsonNode *node;
  JsonNode *times = json_object_get_member (request->parameters, "return_timestamps");

  if (JSON_NODE_HOLDS_VALUE (request->inputs) && json_node_get_value_type (request->inputs) == G_TYPE_STRING)
    text = json_node_get_string (request->inputs);
  else if (request->audio == NULL)
    return g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "inputs: expected a string"), NULL;
  if (g_str_has_prefix (text, "fail"))
    return g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: broken", text), NULL;
  if ((g_str_equal (text, "slow") || g_str_equal (text, "deaf")) && !wait_until_cancelled (request, g_str_equal (text, "deaf"), error))
    return NULL;
  if (g_str_equal (text, "sure") && request->details)
    *request->details = json_node_init_double (json_node_alloc (), 0.5);
  answer = json_object_new ();
  json_object_set_string_member (answer, "text", text);
  if (times && !JSON_NODE_HOLDS_NULL (times) && !(json_node_get_value_type (times) == G_TYPE_BOOLEAN && !json_node_get_boolean (times)))
    json_object_set_array_member (answer, "chunks", hear (text, request));
  if (request->audio)
    json_object_set_double_member (answer, "seconds", (double) request->audio->n_samples / request->audio->sampling_rate);
  if (g_str_equal (text, "odd"))
    json_object_set_double_member (answer, "score", NAN);
  if (json_object_has_member (request->parameters, "generate_kwargs"))
    json_object_set_member (answer, "kwargs", json_node_copy (json_object_get_member (request->parameters, "generate_kwargs")));
  node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, answer);
  return node;
}

static char *
render_details (JsonNode *inputs, JsonNode *result, JsonNode *details, GtfView view)
{
  if (view != GTF_VIEW_TERMINAL)
    return NULL;
  return g_strdup_printf ("%s: %s: %s", json_node_get_string (inputs), json_object_get_string_member (json_node_get_object (result), "text"),
                          details ? json_node_get_double (details) == 0.5 ? "half" : "?" : "nothing");
}

static const GtfTaskPlugin plugin = { { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "echo" }, aliases, "audio", parameters, NULL, NULL, run, NULL, 0, NULL, NULL, render_details };

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_echo (void);

const GtfTaskPlugin *
gtf_task_echo (void)
{
  return &plugin;
}
