/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task object-detection: transformers' pipeline of that name, boxes with their labels in each picture.
 *
 * A model gives `logits` [1][N][classes] and `pred_boxes` [1][N][4]: centre, width and height as parts of the picture. What comes of them is a matter of
 * the image processor: either each query is its best class by a softmax in which the last one stands for "no object", or the best pairs of query and
 * class by their sigmoids are answered, best first. Boxes are in pixels of the picture as it was decoded.
 */
#include "image/boxes-private.h"

#include <math.h>
#include <stdlib.h>

typedef struct
{
  TextModel *model;
  TextLabels *labels;
} Detector;

typedef struct
{
  Detector *self;
  float threshold;
  GCancellable *cancellable;
} Request;

static void
detector_free (Detector *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->labels, text_labels_free);
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Detector, detector_free)

static gboolean
detection_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "object-detection", NULL };
  g_autoptr (Detector) self = g_new0 (Detector, 1);

  self->model = image_model_new (task, "object-detection", heads, "an object detection head (...ForObjectDetection)", error);
  self->labels = self->model ? text_labels_new (self->model, error) : NULL;
  if (self->labels == NULL)
    return FALSE;
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
detection_close (GtfTask *task)
{
  g_clear_pointer ((Detector **) &task->state, detector_free);
}

static gboolean
read_request (Request *request, JsonObject *parameters, GError **error)
{
  JsonNode *node = gtf_json_find (parameters, "threshold");
  double threshold = 0.5;

  if (node && !gtf_param_get_float (node, "parameters", "threshold", -1e30, 1e30, &threshold, error))
    return FALSE;
  request->threshold = (float) threshold;
  return TRUE;
}

static float *
numbers_of (const GtfTensor *t, gsize first, gsize n)
{
  float *numbers = g_new (float, n);

  gtf_tensor_read_f32 (t, first, n, numbers);
  return numbers;
}

static JsonObject *
object_of (const Request *request, gsize class, float score, const float *box, const GtfImage *image)
{
  JsonObject *object = json_object_new ();

  json_object_set_double_member (object, "score", score);
  json_object_set_member (object, "label", json_node_copy (text_labels_get (request->self->labels, class)));
  json_object_set_object_member (object, "box", image_box_new (box, (float) image->width, (float) image->height));
  return object;
}

/* Each query is its best class; the last one is no object. */
static void
answer_queries (const Request *request, float *scores, const float *boxes, gsize n_boxes, gsize n_classes, const GtfImage *image, JsonArray *list)
{
  for (gsize i = 0; i < n_boxes; i++)
    {
      float *own = scores + i * n_classes;
      gsize best;

      text_softmax (own, n_classes);
      best = text_argmax (own, n_classes - 1);
      if (own[best] > request->threshold)
        json_array_add_object_element (list, object_of (request, best, own[best], boxes + i * 4, image));
    }
}

typedef struct
{
  float score;
  gsize pair;                   /* query * classes + class */
} Pair;

static gint
by_score (gconstpointer a, gconstpointer b)
{
  const Pair *x = a, *y = b;

  return x->score != y->score ? (x->score < y->score) - (x->score > y->score) : (x->pair > y->pair) - (x->pair < y->pair);
}

/* The @n_best best pairs of query and class. */
static void
answer_pairs (const Request *request, const float *scores, const float *boxes, gsize n_pairs, gsize n_classes, gsize n_best, const GtfImage *image, JsonArray *list)
{
  g_autofree Pair *pairs = g_new (Pair, n_pairs);

  for (gsize i = 0; i < n_pairs; i++)
    pairs[i] = (Pair){ 1.0f / (1.0f + expf (-scores[i])), i };
  qsort (pairs, n_pairs, sizeof *pairs, by_score);
  for (gsize i = 0; i < MIN (n_best, n_pairs) && pairs[i].score > request->threshold; i++)
    json_array_add_object_element (list, object_of (request, pairs[i].pair % n_classes, pairs[i].score, boxes + pairs[i].pair / n_classes * 4, image));
}

/* What a pass left. */
static JsonNode *
answer (const Request *request, const GtfImage *image, GError **error)
{
  TextModel *model = request->self->model;
  gsize n, n_corners, first, first_corner;
  const GtfTensor *logits = image_model_output (model, "logits", &first, &n), *corners = image_model_output (model, "pred_boxes", &first_corner, &n_corners);
  const gsize n_boxes = n_corners / 4;
  const gsize n_classes = n_boxes ? n / n_boxes : 0;
  const gint n_best = gtf_preprocessor_get_n_best (model->task->preprocessor);
  g_autofree float *scores = NULL, *boxes = NULL;
  g_autoptr (JsonArray) list = json_array_new ();

  if (n == 0 || n_boxes == 0 || n % n_boxes != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "object-detection: the model gives %" G_GSIZE_FORMAT " logits for %" G_GSIZE_FORMAT " boxes", n, n_boxes);
      return NULL;
    }
  if (!text_labels_check (request->self->labels, n_best != 0 ? n_classes : n_classes - 1, error))
    return NULL;
  scores = numbers_of (logits, first, n);
  boxes = numbers_of (corners, first_corner, n_boxes * 4);
  if (n_best != 0)
    answer_pairs (request, scores, boxes, n, n_classes, n_best > 0 ? (gsize) n_best : n_boxes, image, list);
  else if (n_classes > 1)
    answer_queries (request, scores, boxes, n_boxes, n_classes, image, list);
  return json_node_init_array (json_node_alloc (), list);
}

static JsonNode *
detect (const GtfImage *image, const char *name, gpointer data, GError **error)
{
  const Request *request = data;

  if (!image_model_run_image (request->self->model, image, name, NULL, request->cancellable, error))
    return NULL;
  return answer (request, image, error);
}

static JsonNode *
detection_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  static const char *const outputs[] = { "logits", "pred_boxes", NULL };
  Request request = { .self = task->state, .cancellable = from->cancellable };
  JsonNode *node;

  if (!read_request (&request, from->parameters, error))
    return NULL;
  image_model_begin (request.self->model, from, outputs);
  node = image_answer_each (from, detect, &request, error);
  image_model_end (request.self->model);
  return node;
}

static const GtfTaskParameter parameters[] = {
  { "threshold", "float", "0.5", "only objects with a higher score", 0, 0 },
  { "timeout", "float (s)", "null", "accepted, without effect: pictures are files", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "object-detection" },
  .media = "image",
  .parameters = parameters,
  .open = detection_open,
  .close = detection_close,
  .run = detection_run,
  .flags = GTF_TASK_NO_PIXELS | GTF_TASK_IMAGES_TOGETHER,
  .render = image_box_render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_object_detection (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_object_detection (void)
{
  return &plugin;
}
