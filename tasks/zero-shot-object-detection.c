/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task zero-shot-object-detection: transformers' pipeline of that name, boxes of what the labels of a request name.
 *
 * A model is given all labels as texts [n][T]. What it answers is read by its shape: boxes that all labels share, `logits` [1][N][n], or boxes for each label,
 * `logits` [n][N][T] of which a box takes its highest; `pred_boxes` [1 or n][N][4] are centre, width and height as parts of the picture.
 */
#include "image/boxes-private.h"

#include <math.h>
#include <string.h>
#include "text/template-private.h"

typedef struct
{
  TextModel *model;
  gboolean is_square;           /* OWLv2: pictures are padded to squares, of which boxes are parts */
} ZeroShot;

typedef struct
{
  ZeroShot *self;
  float threshold;
  gint64 top_k;                 /* 0: all */
  GPtrArray *labels;            /* of all pictures; NULL: each input brings its own */
  GCancellable *cancellable;
} Request;

static void
zero_shot_free (ZeroShot *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ZeroShot, zero_shot_free)

static gboolean
zero_shot_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "zero-shot-object-detection", NULL };
  g_autoptr (ZeroShot) self = g_new0 (ZeroShot, 1);

  self->model = image_texts_model_new (task, "zero-shot-object-detection", heads, "a detector that reads what to look for (OwlViTForObjectDetection ...)", error);
  if (self->model == NULL)
    return FALSE;
  self->is_square = strcmp (gtf_model_get_model_type (task->model), "owlv2") == 0;
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
zero_shot_close (GtfTask *task)
{
  g_clear_pointer ((ZeroShot **) &task->state, zero_shot_free);
}

/* ---- the request ------------------------------------------------------------------------------------------------------------ */

static void
add_parts (GPtrArray *labels, const char *string)
{
  g_auto (GStrv) parts = g_strsplit (string, ",", -1);

  for (char **part = parts; *part; part++)
    g_ptr_array_add (labels, g_strdup (*part));
  if (parts[0] == NULL)         /* of "" Python makes [""] */
    g_ptr_array_add (labels, g_strdup (""));
}

static GPtrArray *
read_labels (JsonObject *from, GError **error)
{
  return text_template_labels (from, add_parts, "a list of labels, or a string of labels with commas between", error);
}

static gboolean
read_request (Request *request, JsonObject *parameters, GError **error)
{
  JsonNode *threshold = gtf_json_find (parameters, "threshold"), *top_k = gtf_json_find (parameters, "top_k");
  double number = 0.1;

  if (threshold && !gtf_param_get_float (threshold, "parameters", "threshold", -1e30, 1e30, &number, error))
    return FALSE;
  request->threshold = (float) number;
  return !top_k || JSON_NODE_HOLDS_NULL (top_k) || gtf_param_get_int (top_k, "parameters", "top_k", G_MININT32, G_MAXINT32, &request->top_k, error);
}

/* ---- the answer ------------------------------------------------------------------------------------------------------------- */

typedef struct
{
  float score;
  guint label;
  const float *box;
} Found;

/* The highest score first; what is alike stays as it was. */
static gint
by_score (gconstpointer a, gconstpointer b, gpointer data)
{
  const float x = ((const Found *) a)->score, y = ((const Found *) b)->score;

  return x < y ? 1 : x > y ? -1 : 0;
}

/* What a pass left. */
typedef struct
{
  gsize n_boxes, n_each;        /* boxes of a label, logits of a box */
  gboolean is_shared;
  float *logits, *boxes;
} Passed;

static void
passed_clear (Passed *self)
{
  g_clear_pointer (&self->logits, g_free);
  g_clear_pointer (&self->boxes, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Passed, passed_clear)

static gboolean
passed_init (Passed *self, GtfSession *session, guint n_labels, GError **error)
{
  const GtfTensor *logits = gtf_session_get_output (session, "logits"), *boxes = gtf_session_get_output (session, "pred_boxes");
  const gsize n = logits ? gtf_tensor_get_n_elements (logits) : 0, n_corners = boxes ? gtf_tensor_get_n_elements (boxes) : 0;
  const gint64 batch = n ? gtf_tensor_get_dim ((GtfTensor *) logits, 0) : 0, last = n ? gtf_tensor_get_dim ((GtfTensor *) logits, -1) : 0;

  *self = (Passed){ .is_shared = batch == 1 && n_labels > 1 };
  if (n == 0 || n_corners == 0 || (batch != n_labels && (batch != 1 || last != n_labels)) || n / (gsize) last != n_corners / 4)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "zero-shot-object-detection: the model gives %" G_GSIZE_FORMAT " logits and %" G_GSIZE_FORMAT
                   " numbers of boxes for %u labels", n, n_corners, n_labels);
      return FALSE;
    }
  self->n_each = (gsize) last;
  self->n_boxes = n_corners / 4 / (gsize) batch;
  self->logits = g_try_new (float, n);
  self->boxes = g_try_new (float, n_corners);
  if (self->logits == NULL || self->boxes == NULL)
    {
      passed_clear (self);
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "zero-shot-object-detection: no memory for %" G_GSIZE_FORMAT " logits", n);
      return FALSE;
    }
  gtf_tensor_read_f32 (logits, 0, n, self->logits);
  gtf_tensor_read_f32 (boxes, 0, n_corners, self->boxes);
  return TRUE;
}

static float
score_of (const Passed *passed, guint label, gsize box)
{
  const float *logits = passed->logits + ((passed->is_shared ? 0 : label * passed->n_boxes) + box) * passed->n_each;
  float best = logits[passed->is_shared ? label : 0];

  for (gsize i = 1; !passed->is_shared && i < passed->n_each; i++)
    best = MAX (best, logits[i]);
  return 1 / (1 + expf (-best));
}

static GArray *
find_all (const Request *request, const Passed *passed, guint n_labels)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (Found));

  for (guint label = 0; label < n_labels; label++)
    for (gsize i = 0; i < passed->n_boxes; i++)
      {
        const Found found = { score_of (passed, label, i), label, passed->boxes + ((passed->is_shared ? 0 : label * passed->n_boxes) + i) * 4 };

        if (found.score > request->threshold && found.score != 0)
          g_array_append_val (all, found);
      }
  g_array_sort_with_data (all, by_score, NULL);
  return all;
}

/* As Python slices a list: a negative number leaves out so many of the last ones. */
static guint
slice_end (gint64 top_k, guint n)
{
  return top_k == 0 ? n : (guint) CLAMP (top_k < 0 ? n + top_k : top_k, 0, n);
}

static JsonNode *
answer (const Request *request, GPtrArray *labels, const GtfImage *image, GError **error)
{
  const float side = (float) MAX (image->width, image->height);
  const gboolean is_square = request->self->is_square;
  g_autoptr (JsonArray) list = json_array_new ();
  g_autoptr (GArray) all = NULL;
  g_auto (Passed) passed = { 0 };

  if (!passed_init (&passed, request->self->model->session, labels->len, error))
    return NULL;
  all = find_all (request, &passed, labels->len);
  for (guint i = 0; i < slice_end (request->top_k, all->len); i++)
    {
      const Found *found = &g_array_index (all, Found, i);
      JsonObject *object = json_object_new ();

      json_object_set_double_member (object, "score", found->score);
      json_object_set_string_member (object, "label", labels->pdata[found->label]);
      json_object_set_object_member (object, "box", image_box_new (found->box, is_square ? side : (float) image->width, is_square ? side : (float) image->height));
      json_array_add_object_element (list, object);
    }
  return json_node_init_array (json_node_alloc (), list);
}

static JsonNode *
detect (const Request *request, GPtrArray *labels, const GtfImage *image, const char *name, GError **error)
{
  GtfSession *session = request->self->model->session;
  g_auto (TextTokens) tokens = { 0 };
  g_auto (ImageTexts) texts = { NULL, NULL };
  gboolean ok;

  text_tokens_init (&tokens);
  for (guint i = 0; i < labels->len; i++)
    if (!text_tokens_add_text (&tokens, request->self->model, labels->pdata[i], NULL, NULL, error))
      return NULL;
  if (!image_texts_init (&texts, &tokens, error))
    return NULL;
  gtf_session_set_input (session, "input_ids", texts.ids);
  gtf_session_set_input (session, "attention_mask", texts.mask);
  ok = image_model_run_image (request->self->model, image, name, NULL, request->cancellable, error);
  gtf_session_set_input (session, "input_ids", NULL);
  gtf_session_set_input (session, "attention_mask", NULL);
  return ok ? answer (request, labels, image, error) : NULL;
}

static JsonNode *
detect_image (const GtfImage *image, const char *name, gpointer data, GError **error)
{
  const Request *request = data;

  return detect (request, request->labels, image, name, error);
}

/* {"image": PATH, "candidate_labels": [...]}; labels of the request where it brings none. */
static JsonNode *
detect_object (const Request *request, JsonNode *input, GError **error)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (input) ? json_node_get_object (input) : NULL;
  const char *path = object && json_object_has_member (object, "image") ? text_node_string (json_object_get_member (object, "image")) : NULL;
  g_autoptr (GPtrArray) own = NULL;
  g_autoptr (GtfImage) image = NULL;

  if (path == NULL)
    {
      text_fail (error, "inputs: expected {\"image\": PATH, \"candidate_labels\": [...]} in all of a list or in none");
      return NULL;
    }
  if (request->labels == NULL || json_object_has_member (object, "candidate_labels"))
    own = read_labels (object, error);
  if (own == NULL && request->labels == NULL)
    return NULL;
  image = gtf_image_load (path, request->cancellable, error);
  return image ? detect (request, own ? own : request->labels, image, path, error) : NULL;
}

static JsonNode *
detect_objects (const Request *request, JsonNode *inputs, GError **error)
{
  g_autoptr (JsonArray) list = NULL;
  JsonArray *asked;

  if (JSON_NODE_HOLDS_OBJECT (inputs))
    return detect_object (request, inputs, error);
  list = json_array_new ();
  asked = json_node_get_array (inputs);
  for (guint i = 0; i < json_array_get_length (asked); i++)
    {
      JsonNode *one = detect_object (request, json_array_get_element (asked, i), error);

      if (one == NULL)
        return NULL;
      json_array_add_element (list, one);
    }
  return json_node_init_array (json_node_alloc (), list);
}

static gboolean
has_objects (JsonNode *inputs)
{
  if (inputs == NULL || !JSON_NODE_HOLDS_ARRAY (inputs))
    return inputs != NULL && JSON_NODE_HOLDS_OBJECT (inputs);
  return json_array_get_length (json_node_get_array (inputs)) > 0 && JSON_NODE_HOLDS_OBJECT (json_array_get_element (json_node_get_array (inputs), 0));
}

static JsonNode *
zero_shot_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  Request request = { .self = task->state, .cancellable = from->cancellable };
  const gboolean objects = from->image == NULL && has_objects (from->inputs);
  g_autoptr (GPtrArray) labels = NULL;

  if (!read_request (&request, from->parameters, error))
    return NULL;
  if (!objects || gtf_json_find (from->parameters, "candidate_labels"))
    {
      labels = read_labels (from->parameters, error);
      if (labels == NULL)
        return NULL;
    }
  request.labels = labels;
  return objects ? detect_objects (&request, from->inputs, error) : image_answer_each (from, detect_image, &request, error);
}

static const GtfTaskParameter parameters[] = {
  { "candidate_labels", "list or string", "(required)", "what to look for; a string has commas between labels", 0, 0 },
  { "threshold", "float", "0.1", "only objects with a higher score", 0, 0 },
  { "top_k", "int", "null", "so many of the best; null: all", 0, 0 },
  { "timeout", "float (s)", "null", "accepted, without effect: pictures are files", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "zero-shot-object-detection" },
  .media = "image",
  .parameters = parameters,
  .open = zero_shot_open,
  .close = zero_shot_close,
  .run = zero_shot_run,
  .flags = GTF_TASK_NO_PIXELS,
  .render = image_box_render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_zero_shot_object_detection (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_zero_shot_object_detection (void)
{
  return &plugin;
}
