/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task video-classification: transformers' pipeline of that name, the best labels of each video.
 *
 * Of a video the model sees num_frames frames, spread evenly over it as the video processor of the reference does.
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
  gint64 top_k, n_frames;
  GCancellable *cancellable;
} Request;

static TextFunction
default_function (Classifier *self)
{
  const char *problem = gtf_model_get_config_string (self->model->task->model, "problem_type");

  if (g_strcmp0 (problem, "regression") == 0)
    return TEXT_FUNCTION_NONE;
  return g_strcmp0 (problem, "multi_label_classification") == 0 ? TEXT_FUNCTION_SIGMOID : TEXT_FUNCTION_SOFTMAX;
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
  static const char *const heads[] = { "video-classification", NULL };
  g_autoptr (Classifier) self = g_new0 (Classifier, 1);

  self->model = image_model_new (task, "video-classification", heads, "a video classification head (...ForVideoClassification)", error);
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
  JsonNode *n_frames = gtf_json_find (parameters, "num_frames"), *rate = gtf_json_find (parameters, "frame_sampling_rate");
  gint64 unused;

  request->apply = request->self->apply;
  request->top_k = 5;
  if ((top_k && !gtf_param_get_int (top_k, "parameters", "top_k", 0, 1e15, &request->top_k, error))
      || (n_frames && !gtf_param_get_int (n_frames, "parameters", "num_frames", 1, 1 << 16, &request->n_frames, error))
      || (rate && !gtf_param_get_int (rate, "parameters", "frame_sampling_rate", 1, 1e15, &unused, error)))
    return FALSE;
  if (request->n_frames == 0)
    gtf_model_get_config_int (request->self->model->task->model, "num_frames", &request->n_frames);
  if (request->n_frames < 1)
    return text_fail (error, "parameters: \"num_frames\": config.json tells no number of frames, so it has to be given");
  return function == NULL || text_function_read (function, &request->apply, error);
}

static JsonNode *
answer (const Request *request, const float *scores, gsize n)
{
  g_autofree guint *order = text_order (scores, n);
  g_autoptr (JsonArray) list = json_array_new ();

  for (gint64 i = 0; i < MIN (request->top_k, (gint64) n); i++)
    {
      JsonObject *object = json_object_new ();

      json_object_set_double_member (object, "score", scores[order[i]]);
      json_object_set_member (object, "label", json_node_copy (text_labels_get (request->self->labels, order[i])));
      json_array_add_object_element (list, object);
    }
  return json_node_init_array (json_node_alloc (), list);
}

static JsonNode *
classify (const GtfImage *const *frames, gsize n_frames, const char *name, const Request *request, GError **error)
{
  TextModel *model = request->self->model;
  const GtfTensor *logits;
  g_autofree float *scores = NULL;
  gsize n;

  if (!image_model_run_video (model, frames, (guint) n_frames, name, request->cancellable, error))
    return NULL;
  logits = gtf_session_get_output (model->session, "logits");
  n = logits ? (gsize) gtf_tensor_get_dim ((GtfTensor *) logits, -1) : 0;
  if (!text_labels_check (request->self->labels, n, error))
    return NULL;
  scores = g_new (float, MAX (n, 1));
  if (n > 0)
    gtf_tensor_read_f32 (logits, 0, n, scores);         /* a model that looks at each frame by itself has more rows: the first counts */
  text_function_apply (request->apply, scores, n);
  return answer (request, scores, n);
}

/* Frames that a program gives are a video of which as many are chosen. */
static JsonNode *
classify_given (const GtfRequest *from, const Request *request, GError **error)
{
  g_autofree const GtfImage **chosen = NULL;

  if ((gint64) from->n_frames < request->n_frames)
    {
      text_fail (error, "the video has %" G_GSIZE_FORMAT " frames, fewer than the %" G_GINT64_FORMAT " that are wanted (num_frames)", from->n_frames, request->n_frames);
      return NULL;
    }
  chosen = g_new (const GtfImage *, (gsize) request->n_frames);
  for (gint64 i = 0; i < request->n_frames; i++)
    chosen[i] = from->frames[i * (gint64) from->n_frames / request->n_frames];
  return classify (chosen, (gsize) request->n_frames, "the frames", request, error);
}

static JsonNode *
classification_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  Request request = { .self = task->state, .cancellable = from->cancellable };
  g_autoptr (GPtrArray) paths = NULL;
  g_autoptr (JsonArray) list = json_array_new ();
  gboolean is_list;

  if (!read_request (&request, from->parameters, error))
    return NULL;
  if (from->n_frames > 0)
    return classify_given (from, &request, error);
  paths = text_inputs_read (from->inputs, "inputs", &is_list, error);
  for (guint i = 0; paths && i < paths->len; i++)
    {
      g_autoptr (GPtrArray) frames = gtf_video_load (paths->pdata[i], request.n_frames, from->cancellable, error);
      JsonNode *one = frames ? classify ((const GtfImage *const *) frames->pdata, frames->len, paths->pdata[i], &request, error) : NULL;

      if (one == NULL)
        return NULL;
      json_array_add_element (list, one);
    }
  if (paths == NULL)
    return NULL;
  return is_list ? json_node_init_array (json_node_alloc (), list) : json_array_dup_element (list, 0);
}

static const GtfTaskParameter parameters[] = {
  { "top_k", "int", "5", "how many of the best labels", 0, 0 },
  { "num_frames", "int", "null", "how many frames the model sees, spread evenly over the video; null: as many as config.json says", 0, 0 },
  { "frame_sampling_rate", "int", "1", "accepted, without effect, as in transformers 5: num_frames are spread over the whole video", 0, 0 },
  { "function_to_apply", "\"softmax\", \"sigmoid\" or \"none\"", "null", "from logits to scores; null: none for regression, sigmoid for several labels that may hold together, else softmax", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "video-classification" },
  .media = "video",
  .parameters = parameters,
  .open = classification_open,
  .close = classification_close,
  .run = classification_run,
  .render = text_view_labels,
  .flags = GTF_TASK_NO_PIXELS,
  .input = "a video: a file, or a folder with its frames in the order of their names",
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_video_classification (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_video_classification (void)
{
  return &plugin;
}
