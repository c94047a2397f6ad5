/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task sentence-embedding: one vector a text, as sentence-transformers gives it.
 */
#include "text/sentence-private.h"

static gboolean
embedding_open (GtfTask *task, GError **error)
{
  task->state = sentence_model_new (task, "sentence-embedding", error);
  return task->state != NULL;
}

static void
embedding_close (GtfTask *task)
{
  g_clear_pointer ((SentenceModel **) &task->state, sentence_model_free);
}

static JsonNode *
vector_node (const float *x, gsize n)
{
  JsonArray *list = json_array_sized_new ((guint) n);
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  for (gsize i = 0; i < n; i++)
    json_array_add_double_element (list, x[i]);
  json_node_take_array (node, list);
  return node;
}

static JsonNode *
embedding_run (GtfTask *task, const GtfRequest *request, GError **error)
{
  SentenceModel *model = task->state;
  SentenceOptions options;
  SentenceVectors vectors = { 0 };
  gboolean is_list;
  g_autoptr (GPtrArray) texts = text_inputs_read (request->inputs, "inputs", &is_list, error);
  JsonNode *result = NULL;

  if (texts == NULL || !sentence_options_read (&options, model, request->parameters, error))
    return NULL;
  if (sentence_encode (model, &options, (const char *const *) texts->pdata, texts->len, &vectors, request->cancellable, error))
    {
      JsonArray *list = json_array_new ();

      for (gsize i = 0; i < vectors.n; i++)
        json_array_add_element (list, vector_node (vectors.vectors[i], vectors.dimensions));
      result = is_list ? json_node_init_array (json_node_alloc (), list) : json_array_dup_element (list, 0);
      json_array_unref (list);
    }
  sentence_vectors_clear (&vectors);
  return result;
}

static const GtfTaskParameter parameters[] = {
  SENTENCE_PARAMETERS,
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "sentence-embedding" },
  .media = "text",
  .parameters = parameters,
  .flags = GTF_TASK_INPUTS_BATCH,
  .open = embedding_open,
  .close = embedding_close,
  .run = embedding_run,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_sentence_embedding (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_sentence_embedding (void)
{
  return &plugin;
}
