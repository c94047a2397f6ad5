/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task text-ranking: texts by how well they answer a query, as a cross-encoder of sentence-transformers scores the pairs.
 */
#include "text/sentence-private.h"

#include <string.h>

typedef struct
{
  TextModel *model;
  gint64 max_length;            /* 0: no bound */
  GtfActivation activation;
} Ranker;

typedef struct
{
  Ranker *self;
  GtfActivation activation;
  float *scores;
} Pass;

static void
ranker_free (Ranker *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Ranker, ranker_free)

/* What config.json of a cross-encoder says of its scores, in the library's new and its old place; else sigmoid, the rule for one output. */
static GtfActivation
find_activation (JsonObject *config)
{
  JsonNode *node = gtf_json_find (config, "sentence_transformers.activation_fn");
  GtfActivation activation;
  const char *name;

  if (node == NULL)
    node = gtf_json_find (config, "sbert_ce_default_activation_function");
  name = text_node_string (node);
  return name && sentence_activation_parse (name, &activation) ? activation : GTF_ACTIVATION_SIGMOID;
}

static gboolean
ranking_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "text-ranking", "text-classification", "zero-shot-classification", NULL };
  g_autoptr (Ranker) self = g_new0 (Ranker, 1);
  gboolean unused = FALSE;

  self->model = text_model_new (task, "text-ranking", heads, "a sequence classification head (...ForSequenceClassification)", error);
  if (self->model == NULL || !sentence_max_length (self->model, gtf_model_get_directory (task->model), &self->max_length, &unused, error))
    return FALSE;
  self->activation = find_activation (self->model->config);
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
ranking_close (GtfTask *task)
{
  g_clear_pointer ((Ranker **) &task->state, ranker_free);
}

/* {"query", "texts"}, or the texts alone with the query among the parameters. */
static GPtrArray *
read_texts (JsonNode *inputs, JsonObject *parameters, const char **query, GError **error)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (inputs) ? json_node_get_object (inputs) : NULL;
  JsonNode *texts = object ? gtf_json_find (object, "texts") : JSON_NODE_HOLDS_NULL (inputs) ? gtf_json_find (parameters, "texts") : inputs;
  gboolean is_list;

  *query = text_node_string (gtf_json_find (object ? object : parameters, "query"));
  if (*query && texts)
    return text_inputs_read (texts, "texts", &is_list, error);
  text_fail (error, "inputs: expected {\"query\": a text, \"texts\": a list of texts}");
  return NULL;
}

static gboolean
take_logits (gsize row, const TextSlice *slices, gpointer data, GError **error)
{
  Pass *pass = data;

  if (slices->cols != 1)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: text-ranking: expected a model with one output, found %zu; use text-classification on the pairs",
                   gtf_model_get_directory (pass->self->model->task->model), slices->cols);
      return FALSE;
    }
  pass->scores[row] = sentence_activate (pass->activation, slices->data[0]);
  return TRUE;
}

static gboolean
score (Pass *pass, const char *query, GPtrArray *texts, const GtfRequest *request, GError **error)
{
  static const TextOutput outputs[] = { { "logits", TEXT_PER_ROW }, { NULL } };
  gint64 longest = pass->self->max_length;
  JsonNode *max_length = gtf_json_find (request->parameters, "max_length");
  g_autofree char *kwargs = NULL;
  g_auto (TextTokens) tokens;

  text_tokens_init (&tokens);
  if (max_length && !gtf_param_get_int (max_length, "parameters", "max_length", 1, G_MAXINT32, &longest, error))
    return FALSE;
  kwargs = longest > 0 ? g_strdup_printf ("{\"truncation\": true, \"max_length\": %" G_GINT64_FORMAT "}", longest) : g_strdup ("{}");
  for (guint i = 0; i < texts->len; i++)
    if (!text_tokens_add_text (&tokens, pass->self->model, query, texts->pdata[i], kwargs, error))
      return FALSE;
  return text_run (pass->self->model, (TextRow *) tokens.rows->data, tokens.rows->len, outputs, take_logits, pass, request->cancellable, error);
}

static JsonNode *
answer (const Pass *pass, GPtrArray *texts, gint64 top_k, gboolean documents)
{
  g_autofree guint *order = text_order (pass->scores, texts->len);
  JsonArray *list = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  for (guint i = 0; i < texts->len && i < top_k; i++)
    {
      JsonObject *object = json_object_new ();

      json_object_set_int_member (object, "index", order[i]);
      json_object_set_double_member (object, "score", pass->scores[order[i]]);
      if (documents)
        json_object_set_string_member (object, "text", texts->pdata[order[i]]);
      json_array_add_object_element (list, object);
    }
  json_node_take_array (node, list);
  return node;
}

static gboolean
read_activation (JsonNode *node, GtfActivation *activation, GError **error)
{
  const char *name = text_node_string (node);
  gboolean none = g_strcmp0 (name, "none") == 0;

  if (node && !none && g_strcmp0 (name, "sigmoid") != 0)
    return text_fail (error, "parameters: \"function_to_apply\": expected \"sigmoid\" or \"none\"");
  if (node)
    *activation = none ? GTF_ACTIVATION_NONE : GTF_ACTIVATION_SIGMOID;
  return TRUE;
}

static JsonNode *
ranking_run (GtfTask *task, const GtfRequest *request, GError **error)
{
  Pass pass = { .self = task->state };
  JsonNode *top_k = gtf_json_find (request->parameters, "top_k"), *documents = gtf_json_find (request->parameters, "return_documents");
  const char *query;
  g_autoptr (GPtrArray) texts = read_texts (request->inputs, request->parameters, &query, error);
  JsonNode *result = NULL;
  gint64 most = G_MAXINT64;
  gboolean with_text = FALSE;

  pass.activation = pass.self->activation;
  if (texts == NULL || !read_activation (gtf_json_find (request->parameters, "function_to_apply"), &pass.activation, error)
      || (top_k && !gtf_param_get_int (top_k, "parameters", "top_k", 0, G_MAXINT32, &most, error))
      || (documents && !gtf_param_get_bool (documents, "parameters", "return_documents", &with_text, error)))
    return NULL;
  pass.scores = g_new0 (float, texts->len);
  if (score (&pass, query, texts, request, error))
    {
      result = answer (&pass, texts, most, with_text);
      text_details_take (request, (const char *const *) texts->pdata, texts->len);
    }
  g_free (pass.scores);
  return result;
}

static char *
render (JsonNode *inputs, JsonNode *result, JsonNode *details, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  JsonArray *texts = json_node_get_array (details), *list = json_node_get_array (result);
  guint width = text_view_widest (texts);

  text_view_begin (out, view);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonObject *one = json_array_get_object_element (list, i);

      text_view_bar (out, view, json_array_get_string_element (texts, (guint) json_object_get_int_member (one, "index")), width, json_object_get_double_member (one, "score"));
    }
  text_view_end (out, view);
  return text_view_finish (g_steal_pointer (&out), view);
}

static const GtfTaskParameter parameters[] = {
  { "query", "string", "null", "the query, where inputs are only the texts", 0, 0 },
  { "texts", "list of strings", "null", "the texts, where inputs are null", 0, 0 },
  { "top_k", "int", "null", "only the best so many", 0, 0 },
  { "return_documents", "bool", "false", "each answer has its text, too", 0, 0 },
  { "function_to_apply", "\"sigmoid\" or \"none\"", "null", "from logits to scores; null: as the repository says, else sigmoid", 0, 0 },
  { "max_length", "int (tokens)", "null", "of query and text together; what is longer is cut; null: what the model takes", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "text-ranking" },
  .media = "text",
  .parameters = parameters,
  .open = ranking_open,
  .close = ranking_close,
  .run = ranking_run,
  .flags = GTF_TASK_INPUT_OPTIONAL | GTF_TASK_INPUTS_TOGETHER,
  .input = "a text to rank by --set query=...; several are ranked together",
  .render_details = render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_text_ranking (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_text_ranking (void)
{
  return &plugin;
}
