/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task feature-extraction: transformers' pipeline of that name, the last hidden states of each text as [1][tokens][hidden].
 * One vector a text is the task sentence-embedding.
 */
#include "text/text-private.h"

#include "base/json-print.h"

typedef struct
{
  TextTokens tokens;
  JsonNode **answers;
} Pass;

static gboolean
features_open (GtfTask *task, GError **error)
{
  task->state = text_model_new (task, "feature-extraction", NULL, NULL, error);
  return task->state != NULL;
}

static void
features_close (GtfTask *task)
{
  g_clear_pointer ((TextModel **) &task->state, text_model_free);
}

static gboolean
take_states (gsize row, const TextSlice *slices, gpointer data, GError **error)
{
  Pass *pass = data;
  JsonArray *outer = json_array_new (), *list = json_array_sized_new ((guint) slices->rows);
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  for (gsize t = 0; t < slices->rows; t++)
    {
      JsonArray *state = json_array_sized_new ((guint) slices->cols);

      for (gsize i = 0; i < slices->cols; i++)
        json_array_add_double_element (state, text_slice_row (slices, t)[i]);
      json_array_add_array_element (list, state);
    }
  json_array_add_array_element (outer, list);
  json_node_take_array (node, outer);
  pass->answers[row] = node;
  return TRUE;
}

static char *
tokenizer_kwargs (JsonObject *parameters, GError **error)
{
  JsonNode *truncation = gtf_json_find (parameters, "truncation");
  g_autoptr (JsonObject) fixed = json_object_new ();
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), fixed);
  g_autofree char *text = NULL;
  JsonObject *more;

  if (!text_object_member (parameters, "tokenize_kwargs", &more, error))
    return NULL;
  if (truncation && more && json_object_has_member (more, "truncation"))
    {
      text_fail (error, "parameters: \"truncation\" is given twice, by itself and in \"tokenize_kwargs\"");
      return NULL;
    }
  if (truncation)
    json_object_set_member (fixed, "truncation", json_node_copy (truncation));
  text = gtf_json_print (node, GTF_JSON_COMPACT);
  return text_tokenizer_kwargs (fixed, more, text, error);
}

static JsonNode *
features_run (GtfTask *task, const GtfRequest *request, GError **error)
{
  static const TextOutput outputs[] = { { "last_hidden_state", TEXT_PER_TOKEN }, { NULL } };
  TextModel *model = task->state;
  gboolean is_list, ok;
  g_autoptr (GPtrArray) texts = text_inputs_read (request->inputs, "inputs", &is_list, error);
  g_autofree char *kwargs = texts ? tokenizer_kwargs (request->parameters, error) : NULL;
  g_autoptr (JsonArray) list = json_array_new ();
  Pass pass = { .answers = NULL };

  if (kwargs == NULL)
    return NULL;
  text_tokens_init (&pass.tokens);
  pass.answers = g_new0 (JsonNode *, texts->len);
  ok = TRUE;
  /* The states of padding are part of the answer. */
  for (guint i = 0; i < texts->len && ok; i++)
    ok = text_tokens_add (&pass.tokens, gtf_tokenizer_encode (model->tokenizer, texts->pdata[i], NULL, kwargs, error), FALSE, TRUE, error);
  ok = ok && text_run (model, (TextRow *) pass.tokens.rows->data, pass.tokens.rows->len, outputs, take_states, &pass, request->cancellable, error);
  for (guint i = 0; i < texts->len; i++)
    if (pass.answers[i])
      json_array_add_element (list, pass.answers[i]);
  g_free (pass.answers);
  text_tokens_clear (&pass.tokens);
  if (!ok)
    return NULL;
  return is_list ? json_node_init_array (json_node_alloc (), list) : json_array_dup_element (list, 0);
}

static const GtfTaskParameter parameters[] = {
  { "truncation", "bool or string", "null", "cut what is too long", 0, 0 },
  { "tokenize_kwargs", "object", "{}", "arguments of the tokenizer: max_length, padding, add_special_tokens ...", 0, 0 },
  { "return_tensors", "bool", "false", "accepted: the answer is nested lists either way", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "feature-extraction" },
  .media = "text",
  .parameters = parameters,
  .flags = GTF_TASK_INPUTS_BATCH,
  .open = features_open,
  .close = features_close,
  .run = features_run,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_feature_extraction (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_feature_extraction (void)
{
  return &plugin;
}
