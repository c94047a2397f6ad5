/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task object-detection: transformers' pipeline of that name, boxes with their labels in each picture.
 *
 * A model gives `logits` [1][N][labels + 1], the last of them for "no object", and `pred_boxes` [1][N][4]: centre, width and height as parts of the
 * picture. Boxes are answered in pixels of the picture as it was decoded.
 */
#include "image/image-private.h"

#include <math.h>

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

/* As int () of a float: towards zero. */
static gint64
pixel (float x)
{
  return isnan (x) ? 0 : (gint64) CLAMP (x, -2147483648.0f, 2147483520.0f);
}

static JsonObject *
box_of (const float *box, const GtfImage *image)
{
  const float width = (float) image->width, height = (float) image->height;
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "xmin", pixel ((box[0] - 0.5f * box[2]) * width));
  json_object_set_int_member (object, "ymin", pixel ((box[1] - 0.5f * box[3]) * height));
  json_object_set_int_member (object, "xmax", pixel ((box[0] + 0.5f * box[2]) * width));
  json_object_set_int_member (object, "ymax", pixel ((box[1] + 0.5f * box[3]) * height));
  return object;
}

/* All numbers of an output. */
static float *
numbers_of (const GtfTensor *t, gsize n)
{
  float *numbers = g_new (float, n);

  gtf_tensor_read_f32 (t, 0, n, numbers);
  return numbers;
}

static JsonObject *
object_of (const Request *request, gsize class, float score, const float *box, const GtfImage *image)
{
  JsonObject *object = json_object_new ();

  json_object_set_double_member (object, "score", score);
  json_object_set_member (object, "label", json_node_copy (text_labels_get (request->self->labels, class)));
  json_object_set_object_member (object, "box", box_of (box, image));
  return object;
}

/* What a pass left: `logits` [1][N][classes] and `pred_boxes` [1][N][4]. */
static JsonNode *
answer (const Request *request, const GtfImage *image, GError **error)
{
  GtfSession *session = request->self->model->session;
  const GtfTensor *logits = gtf_session_get_output (session, "logits"), *corners = gtf_session_get_output (session, "pred_boxes");
  const gsize n = logits ? gtf_tensor_get_n_elements (logits) : 0, n_boxes = corners ? gtf_tensor_get_n_elements (corners) / 4 : 0;
  const gsize n_classes = n_boxes ? n / n_boxes : 0;
  g_autofree float *scores = NULL, *boxes = NULL;
  g_autoptr (JsonArray) list = json_array_new ();

  if (n == 0 || n_boxes == 0 || n % n_boxes != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "object-detection: the model gives %" G_GSIZE_FORMAT " logits for %" G_GSIZE_FORMAT " boxes", n, n_boxes);
      return NULL;
    }
  if (!text_labels_check (request->self->labels, n_classes - 1, error))
    return NULL;
  scores = numbers_of (logits, n);
  boxes = numbers_of (corners, n_boxes * 4);
  for (gsize i = 0; n_classes > 1 && i < n_boxes; i++)
    {
      float *own = scores + i * n_classes;
      gsize best;

      text_softmax (own, n_classes);
      best = text_argmax (own, n_classes - 1);
      if (own[best] > request->threshold)
        json_array_add_object_element (list, object_of (request, best, own[best], boxes + i * 4, image));
    }
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
  Request request = { .self = task->state, .cancellable = from->cancellable };

  return read_request (&request, from->parameters, error) ? image_answer_each (from, detect, &request, error) : NULL;
}

/* ---- for people ---------------------------------------------------------------------------------------------------------- */

/* "cat  10,20 - 30,40" */
static char *
describe (JsonObject *object)
{
  JsonObject *box = json_object_get_object_member (object, "box");
  const char *label = text_node_string (json_object_get_member (object, "label"));

  return g_strdup_printf ("%s  %" G_GINT64_FORMAT ",%" G_GINT64_FORMAT " - %" G_GINT64_FORMAT ",%" G_GINT64_FORMAT, label ? label : "?",
                          json_object_get_int_member (box, "xmin"), json_object_get_int_member (box, "ymin"), json_object_get_int_member (box, "xmax"),
                          json_object_get_int_member (box, "ymax"));
}

static void
append_boxes (GString *out, GtfView view, JsonArray *list)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  guint width = 0;

  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      g_ptr_array_add (lines, describe (json_array_get_object_element (list, i)));
      width = MAX (width, text_view_width (lines->pdata[i]));
    }
  text_view_begin (out, view);
  for (guint i = 0; i < lines->len; i++)
    text_view_bar (out, view, lines->pdata[i], width, json_object_get_double_member (json_array_get_object_element (list, i), "score"));
  text_view_end (out, view);
}

static char *
detection_render (JsonNode *inputs, JsonNode *result, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  JsonArray *asked = inputs && JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL, *all = json_node_get_array (result);

  if (asked == NULL)
    append_boxes (out, view, all);
  for (guint i = 0; asked && i < json_array_get_length (all); i++)
    {
      const char *path = i < json_array_get_length (asked) ? text_node_string (json_array_get_element (asked, i)) : NULL;

      if (path)
        text_view_heading (out, view, path);
      append_boxes (out, view, json_array_get_array_element (all, i));
    }
  return text_view_finish (g_steal_pointer (&out), view);
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
  .render = detection_render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_object_detection (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_object_detection (void)
{
  return &plugin;
}
