/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task image-classification: transformers' pipeline of that name, the best labels of each picture.
 */
#include "image/image-private.h"
#include "text/classifier-private.h"

typedef struct
{
  TextClassifier *self;
  TextChoice choice;
  GCancellable *cancellable;
} Request;

static gboolean
classification_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "image-classification", NULL };
  TextModel *model = image_model_new (task, "image-classification", heads, "an image classification head (...ForImageClassification)", error);

  task->state = text_classifier_new (model, TEXT_CLASSIFIER_SLICES, error);
  return task->state != NULL;
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
  scores = g_new (float, MAX (n, 1));
  if (n > 0)
    gtf_tensor_read_f32 (logits, first, n, scores);
  if (!text_classifier_score (request->self, request->choice.apply, scores, n, error))
    return NULL;
  return text_classifier_list (request->self, request->choice.top_k, scores, n);
}

static JsonNode *
classification_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  static const char *const outputs[] = { "logits", NULL };
  Request request = { .self = task->state, .cancellable = from->cancellable };
  JsonNode *node;

  if (!text_choice_read (&request.choice, request.self, from->parameters, error))
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
  .close = text_classifier_close,
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
