/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Text tasks for tests of what stands around them: the answer says what was asked, {"inputs": ..., "parameters": ...}. Built once a
 * task (FAKE_TASK, FAKE_SYMBOL); one that writes (FAKE_WRITES) answers as transformers does, with the text in capitals. A text with
 * "fail" in it is an error. It waits while the test holds its lock, so that a slow machine can be played without a clock.
 */
#include <string.h>
#include <gtf/gtf.h>

GTF_PLUGIN_EXPORT const GtfTaskPlugin *FAKE_SYMBOL (void);
GTF_PLUGIN_EXPORT GMutex *gtf_fake_text_lock (void);

static GMutex lock;

static const GtfTaskParameter parameters[] = {
  { "candidate_labels", "list", "[]", "anything", 0, 0 },
  { "top_k", "int", "1", "anything", 0, 0 },
  { NULL }
};

static JsonNode *
run (GtfTask *task, const GtfRequest *request, GError **error)
{
  JsonObject *answer = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  const char *text = JSON_NODE_HOLDS_VALUE (request->inputs) ? json_node_get_string (request->inputs) : "";

  g_mutex_lock (&lock);
  g_mutex_unlock (&lock);
  json_node_take_object (node, answer);
  if (strstr (text, "fail"))
    {
      json_node_unref (node);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "cannot read \"%s\"", text);
      return NULL;
    }
#ifdef FAKE_WRITES
  g_autofree char *capitals = g_ascii_strup (text, -1);

  json_object_set_string_member (answer, "text", capitals);
#else
  json_object_set_member (answer, "inputs", json_node_copy (request->inputs));
  json_object_set_object_member (answer, "parameters", json_object_ref (request->parameters));
#endif
  return node;
}

GMutex *
gtf_fake_text_lock (void)
{
  return &lock;
}

static const GtfTaskPlugin plugin = { { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), FAKE_TASK }, NULL, "text", parameters, NULL, NULL, run, NULL };

const GtfTaskPlugin *
FAKE_SYMBOL (void)
{
  return &plugin;
}
