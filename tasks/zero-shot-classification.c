/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task zero-shot-classification: transformers' pipeline of that name. A model of natural language inference is asked, for each
 * label, whether the text entails "This example is LABEL."; all pairs of a request run together.
 */
#include "text/template-private.h"

#include <string.h>

typedef struct
{
  TextModel *model;
  gint64 entailment;            /* id; -1: the last one */
} ZeroShot;

typedef struct
{
  ZeroShot *self;
  GPtrArray *labels;
  char *template;
  gboolean multi_label;
  TextTokens tokens;
  float *entail, *contradict;   /* logits by pair */
} Pass;

static void
zero_shot_free (ZeroShot *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ZeroShot, zero_shot_free)

/* The first label of label2id, in the order of the file, that begins with "entail". A config without label2id has LABEL_0 ... */
static gint64
entailment_id (JsonObject *config)
{
  JsonNode *map = gtf_json_find (config, "label2id");
  JsonObjectIter iter;
  const char *label;
  JsonNode *value;

  if (map == NULL || !JSON_NODE_HOLDS_OBJECT (map))
    return -1;
  json_object_iter_init_ordered (&iter, json_node_get_object (map));
  while (json_object_iter_next_ordered (&iter, &label, &value))
    {
      gint64 id;

      if (g_ascii_strncasecmp (label, "entail", strlen ("entail")) == 0 && gtf_param_get_int (value, "label2id", label, -1, G_MAXINT32, &id, NULL))
        return id;
    }
  return -1;
}

static gboolean
zero_shot_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "zero-shot-classification", "text-classification", NULL };
  g_autoptr (ZeroShot) self = g_new0 (ZeroShot, 1);

  self->model = text_model_new (task, "zero-shot-classification", heads, "a sequence classification head (...ForSequenceClassification)", error);
  if (self->model == NULL)
    return FALSE;
  self->entailment = entailment_id (self->model->config);
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
zero_shot_close (GtfTask *task)
{
  g_clear_pointer ((ZeroShot **) &task->state, zero_shot_free);
}

/* ---- the request --------------------------------------------------------------------------------------------------------------- */

/* Of one string the labels stand between commas. */
static void
add_between_commas (GPtrArray *labels, const char *string)
{
  g_auto (GStrv) parts = g_strsplit (string, ",", -1);

  for (guint i = 0; parts[i]; i++)
    if (*g_strstrip (parts[i]))
      g_ptr_array_add (labels, g_strdup (parts[i]));
}

static gboolean
read_template (Pass *pass, JsonObject *parameters, GError **error)
{
  JsonNode *node = gtf_json_find (parameters, "hypothesis_template");
  const char *template = node ? gtf_param_get_string (node, "parameters", "hypothesis_template", error) : "This example is {}.";
  g_autofree char *first = template ? text_template_format (template, pass->labels->pdata[0], error) : NULL;

  if (first == NULL)
    return FALSE;
  if (strcmp (first, template) == 0)
    return text_fail (error, "parameters: \"hypothesis_template\": \"%s\": expected {} where the label goes", template);
  pass->template = g_strdup (template);
  return TRUE;
}

/* Cut where the text is too long; where even that cannot make the pair fit (an argument that is refused: what else is wrong
 * with the pair is told the second time), the reference does not cut at all. */
static gboolean
add_pair (Pass *pass, const char *text, const char *hypothesis, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (text_tokens_add_text (&pass->tokens, pass->self->model, text, hypothesis, "{\"truncation\": \"only_first\"}", &local))
    return TRUE;
  if (!g_error_matches (local, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  return text_tokens_add_text (&pass->tokens, pass->self->model, text, hypothesis, "{\"truncation\": false}", error);
}

static gboolean
add_text (Pass *pass, const char *text, GError **error)
{
  if (*text == '\0')
    return text_fail (error, "inputs: a text is empty; expected at least one label and one text");
  for (guint i = 0; i < pass->labels->len; i++)
    {
      g_autofree char *hypothesis = text_template_format (pass->template, pass->labels->pdata[i], error);

      if (hypothesis == NULL || !add_pair (pass, text, hypothesis, error))
        return FALSE;
    }
  return TRUE;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------------- */

static gboolean
take_logits (gsize row, const TextSlice *slices, gpointer data, GError **error)
{
  Pass *pass = data;
  gint64 id = pass->self->entailment < 0 ? (gint64) slices->cols - 1 : pass->self->entailment;

  if (id >= (gint64) slices->cols)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s/config.json: \"label2id\": entailment is %" G_GINT64_FORMAT ", but the model has %zu outputs",
                   gtf_model_get_directory (pass->self->model->task->model), id, slices->cols);
      return FALSE;
    }
  pass->entail[row] = slices->data[id];
  pass->contradict[row] = slices->data[pass->self->entailment == 0 ? slices->cols - 1 : 0];
  return TRUE;
}

/* Best first; of equals the last comes first, as a reversed sort has it. */
static guint *
order_of (const float *scores, guint n)
{
  g_autofree float *backward = g_new (float, n);
  guint *order;

  for (guint i = 0; i < n; i++)
    backward[i] = scores[n - 1 - i];
  order = text_order (backward, n);
  for (guint i = 0; i < n; i++)
    order[i] = n - 1 - order[i];
  return order;
}

static JsonNode *
answer (const Pass *pass, const char *text, gsize first)
{
  guint n = pass->labels->len;
  g_autofree float *scores = g_memdup2 (pass->entail + first, n * sizeof (float));
  g_autofree guint *order = NULL;
  JsonObject *object = json_object_new ();
  JsonArray *labels = json_array_new (), *values = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  if (pass->multi_label || n == 1)
    for (guint i = 0; i < n; i++)
      {
        float pair[2] = { pass->contradict[first + i], scores[i] };

        text_softmax (pair, 2);
        scores[i] = pair[1];
      }
  else
    text_softmax (scores, n);
  order = order_of (scores, n);
  for (guint i = 0; i < n; i++)
    {
      json_array_add_string_element (labels, pass->labels->pdata[order[i]]);
      json_array_add_double_element (values, scores[order[i]]);
    }
  json_object_set_string_member (object, "sequence", text);
  json_object_set_array_member (object, "labels", labels);
  json_object_set_array_member (object, "scores", values);
  json_node_take_object (node, object);
  return node;
}

static gboolean
classify (Pass *pass, const GtfRequest *request, GPtrArray *texts, GError **error)
{
  static const TextOutput outputs[] = { { "logits", TEXT_PER_ROW }, { NULL } };
  JsonNode *multi = gtf_json_find (request->parameters, "multi_label");

  pass->labels = text_template_labels (request->parameters, add_between_commas, "a list of labels, or a string with commas between them", error);
  if (pass->labels == NULL || !read_template (pass, request->parameters, error)
      || (multi && !gtf_param_get_bool (multi, "parameters", "multi_label", &pass->multi_label, error)))
    return FALSE;
  for (guint i = 0; i < texts->len; i++)
    if (!add_text (pass, texts->pdata[i], error))
      return FALSE;
  pass->entail = g_new0 (float, pass->tokens.rows->len);
  pass->contradict = g_new0 (float, pass->tokens.rows->len);
  return text_run (pass->self->model, (TextRow *) pass->tokens.rows->data, pass->tokens.rows->len, outputs, take_logits, pass, request->cancellable, error);
}

static JsonNode *
zero_shot_run (GtfTask *task, const GtfRequest *request, GError **error)
{
  Pass pass = { .self = task->state };
  gboolean is_list;
  g_autoptr (GPtrArray) texts = text_inputs_read (request->inputs, "inputs", &is_list, error);
  JsonNode *result = NULL;

  if (texts == NULL)
    return NULL;
  text_tokens_init (&pass.tokens);
  if (classify (&pass, request, texts, error))
    {
      JsonArray *list = json_array_new ();

      for (guint i = 0; i < texts->len; i++)
        json_array_add_element (list, answer (&pass, texts->pdata[i], (gsize) i * pass.labels->len));
      result = is_list ? json_node_init_array (json_node_alloc (), list) : json_array_dup_element (list, 0);
      json_array_unref (list);
    }
  text_tokens_clear (&pass.tokens);
  g_clear_pointer (&pass.labels, g_ptr_array_unref);
  g_free (pass.template);
  g_free (pass.entail);
  g_free (pass.contradict);
  return result;
}

/* ---- for people ---------------------------------------------------------------------------------------------------------------- */

static void
render_one (GString *out, GtfView view, JsonNode *node, gboolean heading)
{
  JsonObject *object = json_node_get_object (node);
  JsonArray *labels = json_object_get_array_member (object, "labels"), *scores = json_object_get_array_member (object, "scores");
  guint width = 0;

  if (heading)
    text_view_heading (out, view, json_object_get_string_member (object, "sequence"));
  for (guint i = 0; i < json_array_get_length (labels); i++)
    width = MAX (width, text_view_width (json_array_get_string_element (labels, i)));
  text_view_begin (out, view);
  for (guint i = 0; i < json_array_get_length (labels); i++)
    text_view_bar (out, view, json_array_get_string_element (labels, i), width, json_array_get_double_element (scores, i));
  text_view_end (out, view);
}

static char *
render (JsonNode *inputs, JsonNode *result, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);

  if (JSON_NODE_HOLDS_OBJECT (result))
    render_one (out, view, result, view == GTF_VIEW_HTML);
  else
    for (guint i = 0; i < json_array_get_length (json_node_get_array (result)); i++)
      render_one (out, view, json_array_get_element (json_node_get_array (result), i), TRUE);
  return text_view_finish (g_steal_pointer (&out), view);
}

/* ---- what the module is ------------------------------------------------------------------------------------------------------ */

static const GtfTaskParameter parameters[] = {
  { "candidate_labels", "list or string", "(required)", "the labels to choose from; a string has commas between them", 0, 0 },
  { "hypothesis_template", "string", "\"This example is {}.\"", "what the text is asked to entail; {} is where the label goes", 0, 0 },
  { "multi_label", "bool", "false", "each label is judged by itself; else the scores add up to 1", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "zero-shot-classification" },
  .media = "text",
  .parameters = parameters,
  .flags = GTF_TASK_INPUTS_BATCH,
  .open = zero_shot_open,
  .close = zero_shot_close,
  .run = zero_shot_run,
  .render = render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_zero_shot_classification (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_zero_shot_classification (void)
{
  return &plugin;
}
