/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task image-feature-extraction: transformers' pipeline of that name, the last hidden state of each picture as the model has it
 * ([1][tokens][hidden], or [1][channels][height][width]), or what its pooler makes of it.
 */
#include "image/image-private.h"

#include "base/json-print.h"

typedef struct
{
  TextModel *model;
  const char *output;
  char *parameters;
  GCancellable *cancellable;
} Request;

static gboolean
features_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "image-feature-extraction", NULL };

  task->state = image_model_new (task, "image-feature-extraction", heads, "features of pictures", error);
  return task->state != NULL;
}

static void
features_close (GtfTask *task)
{
  g_clear_pointer ((TextModel **) &task->state, text_model_free);
}

/* Dimension @dim and those after it, from element *at on. */
static JsonArray *
nested (const GtfTensor *t, guint dim, const float *numbers, gsize *at)
{
  gint64 n = gtf_tensor_get_dim ((GtfTensor *) t, (gint) dim);
  JsonArray *list = json_array_sized_new ((guint) n);

  for (gint64 i = 0; i < n; i++)
    if (dim + 1 < gtf_tensor_get_n_dims (t))
      json_array_add_array_element (list, nested (t, dim + 1, numbers, at));
    else
      json_array_add_double_element (list, numbers[(*at)++]);
  return list;
}

static JsonNode *
extract (const GtfImage *image, const char *name, gpointer data, GError **error)
{
  const Request *request = data;
  const GtfTensor *t;
  g_autofree float *numbers = NULL;
  JsonNode *node;
  gsize n, at = 0;

  if (!image_model_run_image (request->model, image, name, request->parameters, request->cancellable, error))
    return NULL;
  t = gtf_session_get_output (request->model->session, request->output);
  if (t == NULL)
    {
      text_fail (error, "parameters: \"pool\": the model has no pooler, so there is no %s", request->output);
      return NULL;
    }
  n = gtf_tensor_get_n_elements (t);
  numbers = g_new (float, MAX (n, 1));
  gtf_tensor_read_f32 (t, 0, n, numbers);
  node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, nested (t, 0, numbers, &at));
  return node;
}

static JsonNode *
features_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  Request request = { .model = task->state, .cancellable = from->cancellable };
  JsonNode *pool = gtf_json_find (from->parameters, "pool"), *answer;
  g_autoptr (JsonNode) node = NULL;
  JsonObject *more;
  gboolean pools = FALSE;

  if (pool && !gtf_param_get_bool (pool, "parameters", "pool", &pools, error))
    return NULL;
  if (!text_object_member (from->parameters, "image_processor_kwargs", &more, error))
    return NULL;
  if (more)
    {
      node = json_node_init_object (json_node_alloc (), more);
      request.parameters = gtf_json_print (node, GTF_JSON_COMPACT);
    }
  request.output = pools ? "pooler_output" : "last_hidden_state";
  answer = image_answer_each (from, extract, &request, error);
  g_free (request.parameters);
  return answer;
}

static const GtfTaskParameter parameters[] = {
  { "pool", "bool", "false", "what the model's pooler makes of the last hidden state", 0, 0 },
  { "image_processor_kwargs", "object", "{}", "arguments of the image processor: size, do_resize ...", 0, 0 },
  { "return_tensors", "bool", "false", "accepted: the answer is nested lists either way", 0, 0 },
  { "timeout", "float (s)", "null", "accepted, without effect: pictures are files", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "image-feature-extraction" },
  .media = "image",
  .parameters = parameters,
  .open = features_open,
  .close = features_close,
  .run = features_run,
  .flags = GTF_TASK_NO_PIXELS,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_image_feature_extraction (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_image_feature_extraction (void)
{
  return &plugin;
}
