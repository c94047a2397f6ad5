/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task video-classification: transformers' pipeline of that name, the best labels of each video.
 *
 * Of a video the model sees num_frames frames, spread evenly over it as the video processor of the reference does.
 */
#include "image/image-private.h"
#include "text/classifier-private.h"

typedef struct
{
  TextClassifier *self;
  TextChoice choice;
  gint64 n_frames;
  GCancellable *cancellable;
} Request;

static gboolean
classification_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "video-classification", NULL };
  TextModel *model = image_model_new (task, "video-classification", heads, "a video classification head (...ForVideoClassification)", error);

  task->state = text_classifier_new (model, TEXT_CLASSIFIER_TOPK, error);
  return task->state != NULL;
}

static gboolean
read_request (Request *request, JsonObject *parameters, GError **error)
{
  JsonNode *n_frames = gtf_json_find (parameters, "num_frames"), *rate = gtf_json_find (parameters, "frame_sampling_rate");
  gint64 unused;

  if (!text_choice_read (&request->choice, request->self, parameters, error)
      || (n_frames && !gtf_param_get_int (n_frames, "parameters", "num_frames", 1, 1 << 16, &request->n_frames, error))
      || (rate && !gtf_param_get_int (rate, "parameters", "frame_sampling_rate", 1, 1e15, &unused, error)))
    return FALSE;
  if (request->n_frames == 0)
    gtf_model_get_config_int (request->self->model->task->model, "num_frames", &request->n_frames);
  if (request->n_frames < 1)
    return text_fail (error, "parameters: \"num_frames\": config.json tells no number of frames, so it has to be given");
  return TRUE;
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
  scores = g_new (float, MAX (n, 1));
  if (n > 0)
    gtf_tensor_read_f32 (logits, 0, n, scores);         /* a model that looks at each frame by itself has more rows: the first counts */
  if (!text_classifier_score (request->self, request->choice.apply, scores, n, error))
    return NULL;
  return text_classifier_list (request->self, request->choice.top_k, scores, n);
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
  .close = text_classifier_close,
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
