/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task text-classification (sentiment-analysis): transformers' pipeline of that name.
 *
 * Its answers nest oddly, and so do these: one string without top_k gives a list of one label, an object {"text", "text_pair"}
 * gives the bare label, and with top_k (a number, or null for all) each text gives a list.
 */
#include "text/classifier-private.h"

typedef struct
{
  TextClassifier *self;
  TextChoice choice;            /* top_k G_MAXINT64: all */
  gboolean lists;               /* top_k is given: a list for each text */
  JsonNode **answers;
} Request;

static gboolean
classification_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "text-classification", "zero-shot-classification", "text-ranking", NULL };
  TextModel *model = text_model_new (task, "text-classification", heads, "a sequence classification head (...ForSequenceClassification)", error);

  task->state = text_classifier_new (model, TEXT_CLASSIFIER_SLICES, error);
  return task->state != NULL;
}

/* ---- the request --------------------------------------------------------------------------------------------------------------- */

static gboolean
read_function (JsonNode *node, TextFunction *function, GError **error)
{
  const char *name = text_node_string (node);

  return node == NULL || (name && g_ascii_strcasecmp (name, "default") == 0) || text_function_read (node, function, error);
}

static gboolean
read_top_k (Request *request, JsonObject *parameters, GError **error)
{
  JsonNode *node = json_object_get_member (parameters, "top_k");

  request->choice.top_k = G_MAXINT64;
  request->lists = node != NULL;
  return node == NULL || JSON_NODE_HOLDS_NULL (node) || gtf_param_get_int (node, "parameters", "top_k", -1e15, 1e15, &request->choice.top_k, error);
}

static gboolean
fail_input (GError **error, guint i, JsonNode *node)
{
  g_autofree char *found = gtf_json_describe (node);

  return text_fail (error, "inputs[%u]: expected a text or {\"text\": ..., \"text_pair\": ...}, found %s", i, found);
}

/* A text, {"text", "text_pair"}, or [[text, pair]] as it once was. */
static gboolean
read_input (JsonNode *node, guint i, const char **text, const char **pair, GError **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  *pair = NULL;
  *text = text_node_string (node);
  if (*text)
    return TRUE;
  if (JSON_NODE_HOLDS_ARRAY (node) && json_array_get_length (json_node_get_array (node)) == 1)
    {
      JsonNode *inner = json_array_get_element (json_node_get_array (node), 0);
      JsonArray *both = JSON_NODE_HOLDS_ARRAY (inner) ? json_node_get_array (inner) : NULL;

      if (both && json_array_get_length (both) == 2)
        {
          *text = text_node_string (json_array_get_element (both, 0));
          *pair = text_node_string (json_array_get_element (both, 1));
          return (*text && *pair) || fail_input (error, i, node);
        }
    }
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fail_input (error, i, node);
  json_object_iter_init_ordered (&iter, json_node_get_object (node));
  while (json_object_iter_next_ordered (&iter, &name, &value))
    {
      const char **to = g_str_equal (name, "text") ? text : g_str_equal (name, "text_pair") ? pair : NULL;
      g_autofree char *found = NULL;

      if (to == NULL)
        return text_fail (error, "inputs[%u]: \"%s\": expected only \"text\" and \"text_pair\"", i, name);
      if (to == pair && JSON_NODE_HOLDS_NULL (value))
        continue;
      if ((*to = text_node_string (value)) != NULL)
        continue;
      found = gtf_json_describe (value);
      return text_fail (error, "inputs[%u]: \"%s\": expected a text, found %s", i, name, found);
    }
  return *text != NULL || text_fail (error, "inputs[%u]: \"text\" is missing", i);
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------------- */

static gboolean
take_logits (gsize row, const TextSlice *slices, gpointer data, GError **error)
{
  Request *request = data;
  gsize n = slices->cols;
  g_autofree float *scores = g_memdup2 (slices->data, n * sizeof (float));

  if (!text_classifier_score (request->self, request->choice.apply, scores, n, error))
    return FALSE;
  if (request->lists)
    request->answers[row] = text_classifier_list (request->self, request->choice.top_k, scores, n);
  else
    request->answers[row] = text_classifier_label (request->self, text_argmax (scores, n), scores[text_argmax (scores, n)]);
  return TRUE;
}

static gboolean
classify (Request *request, JsonNode *inputs, const GtfRequest *from, guint n, GError **error)
{
  static const TextOutput outputs[] = { { "logits", TEXT_PER_ROW }, { NULL } };
  g_autofree char *kwargs = text_tokenizer_kwargs (from->parameters, NULL, NULL, error);
  g_auto (TextTokens) tokens;

  text_tokens_init (&tokens);
  for (guint i = 0; i < n && kwargs; i++)
    {
      const char *text, *pair;
      JsonNode *node = JSON_NODE_HOLDS_ARRAY (inputs) ? json_array_get_element (json_node_get_array (inputs), i) : inputs;

      if (!read_input (node, i, &text, &pair, error) || !text_tokens_add_text (&tokens, request->self->model, text, pair, kwargs, error))
        return FALSE;
    }
  return kwargs && text_run (request->self->model, (TextRow *) tokens.rows->data, tokens.rows->len, outputs, take_logits, request, from->cancellable, error);
}

static JsonNode *
classification_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  Request request = { .self = task->state };
  gboolean is_list = JSON_NODE_HOLDS_ARRAY (from->inputs), ok;
  guint n = is_list ? json_array_get_length (json_node_get_array (from->inputs)) : 1;
  g_autoptr (JsonArray) list = NULL;

  request.choice.apply = request.self->apply;
  if (n == 0)
    {
      text_fail (error, "inputs: expected a text or a list of texts, found an empty list");
      return NULL;
    }
  if (!read_function (gtf_json_find (from->parameters, "function_to_apply"), &request.choice.apply, error) || !read_top_k (&request, from->parameters, error))
    return NULL;
  request.answers = g_new0 (JsonNode *, n);
  ok = classify (&request, from->inputs, from, n, error);
  list = json_array_new ();
  for (guint i = 0; i < n; i++)
    if (request.answers[i])
      json_array_add_element (list, request.answers[i]);
  g_free (request.answers);
  if (!ok)
    return NULL;
  if (is_list || (text_node_string (from->inputs) && !request.lists))
    return json_node_init_array (json_node_alloc (), list);
  return json_array_dup_element (list, 0);
}

/* ---- what the module is ------------------------------------------------------------------------------------------------------ */

static const GtfTaskParameter parameters[] = {
  { "top_k", "int or null", "(not given)", "a list of the best labels of each text; null: all of them. Not given: the best label alone", 0, 0 },
  { "function_to_apply", "\"softmax\", \"sigmoid\" or \"none\"", "null", "from logits to scores; null: none for regression, sigmoid for one label or several that may hold together, else softmax", 0, 0 },
  TEXT_TOKENIZER_PARAMETERS,
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const char *const aliases[] = { "sentiment-analysis", NULL };

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "text-classification" },
  .aliases = aliases,
  .media = "text",
  .parameters = parameters,
  .flags = GTF_TASK_INPUTS_BATCH,
  .open = classification_open,
  .close = text_classifier_close,
  .run = classification_run,
  .render = text_view_labels,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_text_classification (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_text_classification (void)
{
  return &plugin;
}
