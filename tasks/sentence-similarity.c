/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task sentence-similarity: how alike one sentence is to each of others, by the vectors of sentence-embedding.
 */
#include "text/sentence-private.h"

static gboolean
similarity_open (GtfTask *task, GError **error)
{
  task->state = sentence_model_new (task, "sentence-similarity", error);
  return task->state != NULL;
}

static void
similarity_close (GtfTask *task)
{
  g_clear_pointer ((SentenceModel **) &task->state, sentence_model_free);
}

/* {"source_sentence", "sentences"}, or the sentences alone with source_sentence among the parameters. */
static GPtrArray *
read_sentences (JsonNode *inputs, JsonObject *parameters, GError **error)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (inputs) ? json_node_get_object (inputs) : NULL;
  JsonNode *source = gtf_json_find (object ? object : parameters, "source_sentence");
  JsonNode *sentences = object ? gtf_json_find (object, "sentences") : JSON_NODE_HOLDS_NULL (inputs) ? gtf_json_find (parameters, "sentences") : inputs;
  g_autoptr (GPtrArray) texts = NULL;
  gboolean is_list;

  if (source == NULL || sentences == NULL || text_node_string (source) == NULL)
    {
      text_fail (error, "inputs: expected {\"source_sentence\": a text, \"sentences\": a list of texts}");
      return NULL;
    }
  texts = text_inputs_read (sentences, "sentences", &is_list, error);
  if (texts)
    g_ptr_array_insert (texts, 0, (gpointer) text_node_string (source));
  return g_steal_pointer (&texts);
}

static JsonNode *
similarity_run (GtfTask *task, const GtfRequest *request, GError **error)
{
  SentenceModel *model = task->state;
  JsonNode *function = gtf_json_find (request->parameters, "similarity_fn_name");
  Similarity similarity = model->similarity;
  SentenceOptions options;
  SentenceVectors vectors = { 0 };
  g_autoptr (GPtrArray) texts = read_sentences (request->inputs, request->parameters, error);
  JsonNode *result = NULL;

  if (texts == NULL || !sentence_options_read (&options, model, request->parameters, error))
    return NULL;
  if (function && !similarity_parse (text_node_string (function), &similarity))
    {
      text_fail (error, "parameters: \"similarity_fn_name\": expected \"cosine\", \"dot\", \"euclidean\" or \"manhattan\"");
      return NULL;
    }
  if (sentence_encode (model, &options, (const char *const *) texts->pdata, texts->len, &vectors, request->cancellable, error))
    {
      JsonArray *list = json_array_new ();

      for (gsize i = 1; i < vectors.n; i++)
        json_array_add_double_element (list, (float) sentence_similarity (similarity, vectors.vectors[0], vectors.vectors[i], vectors.dimensions));
      result = json_node_new (JSON_NODE_ARRAY);
      json_node_take_array (result, list);
      text_details_take (request, (const char *const *) texts->pdata + 1, texts->len - 1);
    }
  sentence_vectors_clear (&vectors);
  return result;
}

static char *
render (JsonNode *inputs, JsonNode *result, JsonNode *details, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  JsonArray *texts = json_node_get_array (details), *scores = json_node_get_array (result);
  guint width = text_view_widest (texts);

  text_view_begin (out, view);
  for (guint i = 0; i < json_array_get_length (scores); i++)
    text_view_bar (out, view, json_array_get_string_element (texts, i), width, json_array_get_double_element (scores, i));
  text_view_end (out, view);
  return text_view_finish (g_steal_pointer (&out), view);
}

static const GtfTaskParameter parameters[] = {
  { "source_sentence", "string", "null", "what the others are compared with, where inputs are only the others", 0, 0 },
  { "sentences", "list of strings", "null", "the others, where inputs are null", 0, 0 },
  { "similarity_fn_name", "string", "null", "cosine, dot, euclidean or manhattan (the last two negative: larger is more alike); null: as the repository says, else cosine", 0, 0 },
  SENTENCE_PARAMETERS,
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "sentence-similarity" },
  .media = "text",
  .parameters = parameters,
  .open = similarity_open,
  .close = similarity_close,
  .run = similarity_run,
  .flags = GTF_TASK_INPUT_OPTIONAL | GTF_TASK_INPUTS_TOGETHER,
  .input = "a sentence to compare with --set source_sentence=...; several are answered together",
  .render_details = render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_sentence_similarity (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_sentence_similarity (void)
{
  return &plugin;
}
