/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task image-classification: transformers' pipeline of that name, the best labels of each picture.
 */
#include "image/image-private.h"

typedef struct
{
  TextModel *model;
  TextLabels *labels;
  TextFunction apply;           /* where the request does not say */
} Classifier;

typedef struct
{
  Classifier *self;
  TextFunction apply;
  gint64 top_k;                 /* a slice as Python has it: negative ones count from the end */
  GCancellable *cancellable;
} Request;

/* What the config says, in the order in which the pipeline looks at it. */
static TextFunction
default_function (Classifier *self)
{
  const char *problem = gtf_model_get_config_string (self->model->task->model, "problem_type");
  TextFunction apply = TEXT_FUNCTION_NONE;

  if (g_strcmp0 (problem, "regression") == 0)
    return TEXT_FUNCTION_NONE;
  if (g_strcmp0 (problem, "multi_label_classification") == 0 || self->labels->count == 1)
    return TEXT_FUNCTION_SIGMOID;
  if (g_strcmp0 (problem, "single_label_classification") == 0 || self->labels->count > 1)
    return TEXT_FUNCTION_SOFTMAX;
  text_function_from_name (gtf_model_get_config_string (self->model->task->model, "function_to_apply"), &apply);
  return apply;
}

static void
classifier_free (Classifier *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->labels, text_labels_free);
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Classifier, classifier_free)

static gboolean
classification_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "image-classification", NULL };
  g_autoptr (Classifier) self = g_new0 (Classifier, 1);

  self->model = image_model_new (task, "image-classification", heads, "an image classification head (...ForImageClassification)", error);
  self->labels = self->model ? text_labels_new (self->model, error) : NULL;
  if (self->labels == NULL)
    return FALSE;
  self->apply = default_function (self);
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
classification_close (GtfTask *task)
{
  g_clear_pointer ((Classifier **) &task->state, classifier_free);
}

static gboolean
read_request (Request *request, JsonObject *parameters, GError **error)
{
  JsonNode *function = gtf_json_find (parameters, "function_to_apply"), *top_k = gtf_json_find (parameters, "top_k");

  request->apply = request->self->apply;
  request->top_k = 5;
  if (top_k && !gtf_param_get_int (top_k, "parameters", "top_k", -1e15, 1e15, &request->top_k, error))
    return FALSE;
  return function == NULL || text_function_read (function, &request->apply, error);
}

static JsonNode *
answer (const Request *request, const float *scores, gsize n)
{
  g_autofree guint *order = text_order (scores, n);
  gint64 end = request->top_k < 0 ? MAX ((gint64) n + request->top_k, 0) : MIN (request->top_k, (gint64) n);
  g_autoptr (JsonArray) list = json_array_new ();

  for (gint64 i = 0; i < end; i++)
    {
      JsonObject *object = json_object_new ();

      json_object_set_member (object, "label", json_node_copy (text_labels_get (request->self->labels, order[i])));
      json_object_set_double_member (object, "score", scores[order[i]]);
      json_array_add_object_element (list, object);
    }
  return json_node_init_array (json_node_alloc (), list);
}

static JsonNode *
classify (const GtfImage *image, const char *name, gpointer data, GError **error)
{
  const Request *request = data;
  TextModel *model = request->self->model;
  const GtfTensor *logits;
  g_autofree float *scores = NULL;
  gsize first, n;

  if (!image_model_run_image (model, image, name, NULL, request->cancellable, error))
    return NULL;
  logits = image_model_output (model, "logits", &first, &n);
  if (!text_labels_check (request->self->labels, n, error))
    return NULL;
  scores = g_new (float, MAX (n, 1));
  if (n > 0)
    gtf_tensor_read_f32 (logits, first, n, scores);
  text_function_apply (request->apply, scores, n);
  return answer (request, scores, n);
}

static JsonNode *
classification_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  static const char *const outputs[] = { "logits", NULL };
  Request request = { .self = task->state, .cancellable = from->cancellable };
  JsonNode *node;

  if (!read_request (&request, from->parameters, error))
    return NULL;
  image_model_begin (request.self->model, from, outputs);
  node = image_answer_each (from, classify, &request, error);
  image_model_end (request.self->model);
  return node;
}

static const GtfTaskParameter parameters[] = {
  { "top_k", "int", "5", "how many of the best labels", 0, 0 },
  { "function_to_apply", "\"softmax\", \"sigmoid\" or \"none\"", "null", "from logits to scores; null: none for regression, sigmoid for one label or several that may hold together, else softmax", 0, 0 },
  { "timeout", "float (s)", "null", "accepted, without effect: pictures are files", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "image-classification" },
  .media = "image",
  .parameters = parameters,
  .open = classification_open,
  .close = classification_close,
  .run = classification_run,
  .flags = GTF_TASK_NO_PIXELS | GTF_TASK_IMAGES_TOGETHER,
  .render = text_view_labels,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_image_classification (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_image_classification (void)
{
  return &plugin;
}
