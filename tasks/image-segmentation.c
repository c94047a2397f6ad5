/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task image-segmentation: transformers' pipeline of that name, masks with their labels in each picture.
 *
 * A model gives `logits` [B][labels][H][W], a class for each pixel; or it asks queries, each of which gives a mask and votes for a class:
 * `class_queries_logits` [B][N][labels + 1] with `masks_queries_logits` [B][N][H][W], or `logits` with `pred_masks`. Which of the three kinds
 * of segmentation can be made of queries, and by which rules, is what the repository's image processor says. Masks have the size of the picture
 * as it was decoded.
 */
#include "image/image-private.h"
#include "image/segments-private.h"

#include <math.h>
#include <string.h>

typedef struct
{
  TextModel *model;
  TextLabels *labels;
  GtfSegmentation how;          /* what the image processor makes of masks */
  gint64 task_length;           /* tokens in which the model is told what is asked of it */
} Segmenter;

typedef struct
{
  Segmenter *self;
  GtfSegmentation kind;         /* the one of the three that is asked for */
  SegmentRules rules;
  GBytes *task_ids;             /* (nullable): what the model is told */
  GtfTensor *task_inputs;       /* (nullable): the same for each picture of a pass; the session borrows it */
  JsonArray *shares;            /* how much of the picture each segment has; for people */
  GCancellable *cancellable;
} Request;

static void
segmenter_free (Segmenter *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->labels, text_labels_free);
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Segmenter, segmenter_free)

/* A model that reads tokens needs a tokenizer, and to know how many. */
static gboolean
open_task_inputs (Segmenter *self, GtfTask *task, GError **error)
{
  self->task_length = 77;
  if (task->tokenizer == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND,
                   "%s: image-segmentation: the model is told by tokens what to do, and the repository has no tokenizer (tokenizer.json, vocab.json, ...)",
                   gtf_model_get_directory (task->model));
      return FALSE;
    }
  return gtf_model_read_config_int (task->model, "task_seq_len", 1, 1 << 16, &self->task_length, error);
}

static gboolean
segmentation_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "image-segmentation", NULL };
  g_autoptr (Segmenter) self = g_new0 (Segmenter, 1);

  self->model = image_model_new (task, "image-segmentation", heads, "a segmentation head (...ForSemanticSegmentation, ...ForUniversalSegmentation)", error);
  self->labels = self->model ? text_labels_new (self->model, error) : NULL;
  if (self->labels == NULL)
    return FALSE;
  self->how = gtf_preprocessor_get_segmentation (task->preprocessor);
  if (self->how & GTF_SEGMENTATION_TASK_INPUTS && !open_task_inputs (self, task, error))
    return FALSE;
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
segmentation_close (GtfTask *task)
{
  g_clear_pointer ((Segmenter **) &task->state, segmenter_free);
}

/* ---- the request --------------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const char *name;
  GtfSegmentation kind;
} Subtask;

/* In the order in which the reference chooses. */
static const Subtask subtasks[] = {
  { "panoptic", GTF_SEGMENTATION_PANOPTIC }, { "instance", GTF_SEGMENTATION_INSTANCE }, { "semantic", GTF_SEGMENTATION_SEMANTIC }
};

/* @name: what was asked for; NULL: the first that the image processor can do */
static gboolean
choose_subtask (Request *request, const char *name, GError **error)
{
  const Segmenter *self = request->self;
  g_autoptr (GString) known = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (subtasks); i++)
    {
      if (!(self->how & subtasks[i].kind))
        continue;
      if (request->kind == GTF_SEGMENTATION_NONE && (name == NULL || strcmp (name, subtasks[i].name) == 0))
        request->kind = subtasks[i].kind;
      g_string_append_printf (known, "%s\"%s\"", known->len ? ", " : "", subtasks[i].name);
    }
  if (request->kind != GTF_SEGMENTATION_NONE)
    return TRUE;
  if (known->len == 0)
    return text_fail (error, "%s: image-segmentation: the image processor of preprocessor_config.json makes no masks of what the model gives",
                      gtf_model_get_directory (self->model->task->model));
  return text_fail (error, "parameters: \"subtask\": this model can do %s, found \"%s\"", known->str, name);
}

static gboolean
read_number (JsonObject *parameters, const char *name, double fallback, double *value, GError **error)
{
  JsonNode *node = gtf_json_find (parameters, name);

  *value = fallback;
  return node == NULL || gtf_param_get_float (node, "parameters", name, -1e30, 1e30, value, error);
}

/* What the model is told: the name of the subtask, or the reference's choice, filled up to the length that it reads. */
static gboolean
tokenize_task (Request *request, const char *name, GError **error)
{
  const Segmenter *self = request->self;
  g_autofree char *kwargs = g_strdup_printf ("{\"padding\": \"max_length\", \"max_length\": %" G_GINT64_FORMAT "}", self->task_length);
  g_autofree char *text = g_strconcat ("the task is ", name ? name : "panoptic", NULL);
  g_auto (TextTokens) tokens = { 0 };
  const TextRow *row;

  text_tokens_init (&tokens);
  if (!text_tokens_add (&tokens, gtf_tokenizer_encode (self->model->task->tokenizer, text, NULL, kwargs, error), FALSE, TRUE, error))
    return FALSE;
  row = (const TextRow *) tokens.rows->data;
  request->task_ids = g_bytes_new (row->ids, row->n * sizeof (gint32));
  return TRUE;
}

/* A model that is told what to do is told for each picture of a pass. */
static gboolean
tell_task (Request *request, gsize n_pictures, GError **error)
{
  const gsize size = request->task_ids ? g_bytes_get_size (request->task_ids) : 0;
  char *ids = size ? g_try_malloc_n (n_pictures, size) : NULL;
  g_autoptr (GBytes) bytes = ids ? g_bytes_new_take (ids, n_pictures * size) : NULL;

  if (size == 0)
    return TRUE;
  if (ids == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "image-segmentation: no memory for the tokens of %" G_GSIZE_FORMAT " pictures", n_pictures);
      return FALSE;
    }
  for (gsize i = 0; i < n_pictures; i++)
    memcpy (ids + i * size, g_bytes_get_data (request->task_ids, NULL), size);
  g_clear_pointer (&request->task_inputs, gtf_tensor_unref);
  request->task_inputs = gtf_tensor_new_bytes (GTF_DTYPE_I32, 2, (gint64[]){ (gint64) n_pictures, (gint64) (size / sizeof (gint32)) }, bytes, error);
  if (request->task_inputs != NULL)
    gtf_session_set_input (request->self->model->session, "task_inputs", request->task_inputs);
  return request->task_inputs != NULL;
}

static gboolean
read_request (Request *request, JsonObject *parameters, GError **error)
{
  JsonNode *node = gtf_json_find (parameters, "subtask");
  const char *subtask = node ? gtf_param_get_string (node, "parameters", "subtask", error) : NULL;

  if (node != NULL && subtask == NULL)
    return FALSE;
  request->rules.how = request->self->how;
  return choose_subtask (request, subtask, error) && read_number (parameters, "threshold", 0.9, &request->rules.threshold, error) &&
         read_number (parameters, "mask_threshold", 0.5, &request->rules.mask_threshold, error) &&
         read_number (parameters, "overlap_mask_area_threshold", 0.5, &request->rules.overlap_mask_area_threshold, error) &&
         (!(request->self->how & GTF_SEGMENTATION_TASK_INPUTS) || tokenize_task (request, subtask, error));
}

/* ---- from outputs to segments ---------------------------------------------------------------------------------------------------- */

/* Outputs in the form in which they are worked with; the numbers are copies. */
typedef struct
{
  Masks masks;
  float *planes, *classes;
  gsize *firsts;                /* of the tiles in which the picture came */
} Outputs;

static void
outputs_clear (Outputs *self)
{
  masks_clear (&self->masks);
  g_clear_pointer (&self->planes, g_free);
  g_clear_pointer (&self->classes, g_free);
  g_clear_pointer (&self->firsts, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outputs, outputs_clear)

/* Those of an output that are of the picture whose turn it is. */
static float *
numbers_of (TextModel *model, const char *output, GError **error)
{
  gsize first, n;
  const GtfTensor *t = image_model_output (model, output, &first, &n);
  float *numbers = g_try_new (float, n);

  if (numbers == NULL)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for %" G_GSIZE_FORMAT " numbers of masks", n);
  else
    gtf_tensor_read_f32 (t, first, n, numbers);
  return numbers;
}

/* @planes [n][N][H][W], @classes (nullable) [n][N][classes] with so many classes at least; n pictures, or tiles of one. */
static gboolean
outputs_fit (const GtfTensor *planes, const GtfTensor *classes, gint64 n, gint64 least_classes)
{
  if (planes == NULL || gtf_tensor_get_dtype (planes) != GTF_DTYPE_F32 || gtf_tensor_get_n_dims (planes) != 4 || gtf_tensor_get_dim (planes, 0) != n ||
      gtf_tensor_get_n_elements (planes) == 0)
    return FALSE;
  return classes == NULL || (gtf_tensor_get_dtype (classes) == GTF_DTYPE_F32 && gtf_tensor_get_n_dims (classes) == 3 && gtf_tensor_get_dim (classes, 0) == n &&
                             gtf_tensor_get_dim (classes, 1) == gtf_tensor_get_dim (planes, 1) && gtf_tensor_get_dim (classes, 2) >= least_classes);
}

/* What the image processor told in whole numbers beside the pixels: (nullable): @n of them at least. */
static const gint64 *
seen_numbers (const Request *request, const char *name, gsize n, gsize *found)
{
  const GtfTensor *t = g_hash_table_lookup (request->self->model->seen, name);
  g_autoptr (GBytes) bytes = t && gtf_tensor_get_dtype (t) == GTF_DTYPE_I64 ? gtf_tensor_get_bytes (t) : NULL;

  *found = bytes ? gtf_tensor_get_n_elements (t) : 0;
  return *found >= n ? g_bytes_get_data (bytes, NULL) : NULL;   /* the tensor holds them */
}

/* The tiles in which the picture came, if it did; objects of more than one cannot be put together. */
static gboolean
read_tiles (Outputs *self, const Request *request, const GtfImage *image, GError **error)
{
  gsize n;
  const gint64 *offsets = request->rules.how & GTF_SEGMENTATION_UNPADS ? seen_numbers (request, "patch_offsets", 3, &n) : NULL;

  if (offsets == NULL)
    return TRUE;
  if (n > 3 && request->kind != GTF_SEGMENTATION_SEMANTIC)
    return text_fail (error, "parameters: \"subtask\": the image processor cuts this picture into %" G_GSIZE_FORMAT " parts (do_split_image), expected \"semantic\"", n / 3);
  self->masks.n_tiles = n / 3;
  self->masks.is_tall = image->height > image->width;
  self->masks.firsts = self->firsts = g_new (gsize, n / 3);
  for (gsize i = 0; i < n / 3; i++)
    self->firsts[i] = (gsize) offsets[3 * i + 1];
  return TRUE;
}

/* In which size masks are worked with, and, where padding is cut off, what of them is picture. */
static gboolean
size_masks (Outputs *self, const Request *request, GError **error)
{
  const gboolean unpads = request->rules.how & GTF_SEGMENTATION_UNPADS, square = self->classes && request->rules.how & GTF_SEGMENTATION_384;
  gsize height = square ? 384 : 0, width = height, n;
  const GtfTensor *pixels = unpads ? g_hash_table_lookup (request->self->model->seen, "pixel_values") : NULL;
  const gint64 *seen = unpads ? seen_numbers (request, "reshaped_input_sizes", 2, &n) : NULL;

  if (seen != NULL && pixels != NULL)
    {
      height = (gsize) gtf_tensor_get_dim (pixels, -2);
      width = (gsize) gtf_tensor_get_dim (pixels, -1);
    }
  if (!masks_init (&self->masks, height, width, error))
    return FALSE;
  if (seen != NULL)
    {
      self->masks.seen_height = MIN ((gsize) seen[0], self->masks.height);
      self->masks.seen_width = MIN ((gsize) seen[1], self->masks.width);
    }
  return TRUE;
}

static gboolean
outputs_read (Outputs *self, const Request *request, const GtfImage *image, GError **error)
{
  TextModel *model = request->self->model;
  const gboolean votes = gtf_session_get_output (model->session, "class_queries_logits") != NULL, masks = gtf_session_get_output (model->session, "pred_masks") != NULL;
  const char *plane_name = votes ? "masks_queries_logits" : masks ? "pred_masks" : "logits", *class_name = votes ? "class_queries_logits" : masks ? "logits" : NULL;
  const GtfTensor *planes = gtf_session_get_output (model->session, plane_name), *classes = class_name ? gtf_session_get_output (model->session, class_name) : NULL;

  if (!read_tiles (self, request, image, error))
    return FALSE;
  if (!outputs_fit (planes, classes, (gint64) MAX (MAX (self->masks.n_tiles, model->rows), 1), request->rules.how & GTF_SEGMENTATION_FIRST ? 1 : 2) || (classes == NULL && request->kind != GTF_SEGMENTATION_SEMANTIC))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA,
                   "image-segmentation: the model and the image processor of the repository disagree: expected %s of one picture",
                   request->kind == GTF_SEGMENTATION_SEMANTIC ? "logits of pixels, or masks with their classes," : "masks with their classes");
      return FALSE;
    }
  self->planes = numbers_of (model, plane_name, error);
  self->classes = self->planes && classes ? numbers_of (model, class_name, error) : NULL;
  if (self->planes == NULL || (classes != NULL && self->classes == NULL))
    return FALSE;
  self->masks.planes = self->planes;
  self->masks.classes = self->classes;
  self->masks.n_planes = (gsize) gtf_tensor_get_dim (planes, 1);
  self->masks.n_classes = classes ? (gsize) gtf_tensor_get_dim (classes, 2) : 0;
  self->masks.plane_height = (gsize) gtf_tensor_get_dim (planes, 2);
  self->masks.plane_width = (gsize) gtf_tensor_get_dim (planes, 3);
  return size_masks (self, request, error);
}

static gboolean
find_segments (const Request *request, const GtfImage *image, SegmentMap *map, GError **error)
{
  const gboolean all = request->rules.how & GTF_SEGMENTATION_ALL_CLASSES && (request->kind == GTF_SEGMENTATION_SEMANTIC || request->rules.how & GTF_SEGMENTATION_FIRST);
  g_auto (Outputs) outputs = { 0 };
  gsize n_classes;

  if (!outputs_read (&outputs, request, image, error))
    return FALSE;
  n_classes = outputs.masks.classes == NULL ? outputs.masks.n_planes : outputs.masks.n_classes - (all ? 0 : 1);
  if (!text_labels_check (request->self->labels, n_classes, error))
    return FALSE;
  if (request->kind == GTF_SEGMENTATION_SEMANTIC)
    return segments_semantic (map, &outputs.masks, &request->rules, error);
  if (request->kind == GTF_SEGMENTATION_INSTANCE)
    return segments_instance (map, &outputs.masks, &request->rules, error);
  return segments_panoptic (map, &outputs.masks, &request->rules, error);
}

/* ---- the answer -------------------------------------------------------------------------------------------------------------------- */

static JsonObject *
object_of (const Request *request, const SegmentMap *map, guint i, guint8 *mask, JsonArray *shares, GError **error)
{
  const Segment *segment = &g_array_index (map->segments, Segment, i);
  const gsize n = map->width * map->height;
  g_autofree char *picture = NULL;
  JsonObject *object;
  gsize area = 0;

  for (gsize p = 0; p < n; p++)
    {
      mask[p] = map->map[p] == i + 1 ? 255 : 0;
      area += mask[p] != 0;
    }
  picture = grey_png_base64 (mask, map->width, map->height, error);
  if (picture == NULL)
    return NULL;
  object = json_object_new ();
  if (isnan (segment->score))
    json_object_set_null_member (object, "score");
  else
    json_object_set_double_member (object, "score", segment->score);
  json_object_set_member (object, "label", json_node_copy (text_labels_get (request->self->labels, segment->label)));
  json_object_set_string_member (object, "mask", picture);
  json_array_add_double_element (shares, (double) area / (double) n);
  return object;
}

static JsonNode *
segment (const GtfImage *image, const char *name, gpointer data, GError **error)
{
  Request *request = data;
  g_auto (SegmentMap) map = { 0 };
  g_autoptr (JsonArray) list = json_array_new ();
  g_autofree guint8 *mask = NULL;
  JsonArray *shares;

  if (!segment_map_init (&map, (gsize) image->width, (gsize) image->height, error))
    return NULL;
  if (request->self->model->rows == 0 && !tell_task (request, 1, error))
    return NULL;
  if (!image_model_run_image (request->self->model, image, name, NULL, request->cancellable, error) || !find_segments (request, image, &map, error))
    return NULL;
  mask = g_try_malloc (map.width * map.height);
  if (mask == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for a mask of %d x %d pixels", name, image->width, image->height);
      return NULL;
    }
  shares = json_array_new ();
  json_array_add_array_element (request->shares, shares);
  for (guint i = 0; i < map.segments->len; i++)
    {
      JsonObject *object = g_cancellable_set_error_if_cancelled (request->cancellable, error) ? NULL : object_of (request, &map, i, mask, shares, error);

      if (object == NULL)
        return NULL;
      json_array_add_object_element (list, object);
    }
  return json_node_init_array (json_node_alloc (), list);
}

static JsonNode *
segmentation_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  static const char *const outputs[] = { "logits", "pred_masks", "class_queries_logits", "masks_queries_logits", NULL };
  g_autoptr (JsonArray) shares = json_array_new ();
  Request request = { .self = task->state, .shares = shares, .cancellable = from->cancellable };
  JsonNode *answer = NULL;

  if (read_request (&request, from->parameters, error) && (from->n_images <= 1 || tell_task (&request, from->n_images, error)))
    {
      if (!(request.self->how & GTF_SEGMENTATION_UNPADS))       /* these ask what became of each picture */
        image_model_begin (request.self->model, from, outputs);
      answer = image_answer_each (from, segment, &request, error);
      image_model_end (request.self->model);
    }
  g_clear_pointer (&request.task_ids, g_bytes_unref);
  g_clear_pointer (&request.task_inputs, gtf_tensor_unref);
  if (answer != NULL && from->details != NULL)
    *from->details = json_node_init_array (json_node_alloc (), shares);
  return answer;
}

/* ---- for people ---------------------------------------------------------------------------------------------------------------------- */

/* "cat  31.2 % of the picture" where segments have scores of their own; else the label, and the share is what the bar shows. */
static char *
describe (JsonObject *object, double share)
{
  const char *label = text_node_string (json_object_get_member (object, "label"));
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  if (JSON_NODE_HOLDS_NULL (json_object_get_member (object, "score")))
    return g_strdup (label ? label : "?");
  return g_strdup_printf ("%s  %s %% of the picture", label ? label : "?", g_ascii_formatd (digits, sizeof digits, "%.1f", share * 100));
}

static void
append_segments (GString *out, GtfView view, JsonArray *list, JsonArray *shares)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  guint width = 0;

  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      g_ptr_array_add (lines, describe (json_array_get_object_element (list, i), json_array_get_double_element (shares, i)));
      width = MAX (width, text_view_width (lines->pdata[i]));
    }
  text_view_begin (out, view);
  for (guint i = 0; i < lines->len; i++)
    {
      JsonNode *score = json_object_get_member (json_array_get_object_element (list, i), "score");

      text_view_bar (out, view, lines->pdata[i], width, JSON_NODE_HOLDS_NULL (score) ? json_array_get_double_element (shares, i) : json_node_get_double (score));
    }
  text_view_end (out, view);
}

static char *
segmentation_render (JsonNode *inputs, JsonNode *result, JsonNode *details, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  JsonArray *asked = inputs && JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL, *all = json_node_get_array (result);
  JsonArray *shares = details ? json_node_get_array (details) : NULL;

  if (shares == NULL)
    return NULL;
  if (asked == NULL)
    append_segments (out, view, all, json_array_get_array_element (shares, 0));
  for (guint i = 0; asked && i < json_array_get_length (all); i++)
    {
      const char *path = i < json_array_get_length (asked) ? text_node_string (json_array_get_element (asked, i)) : NULL;

      if (path)
        text_view_heading (out, view, path);
      append_segments (out, view, json_array_get_array_element (all, i), json_array_get_array_element (shares, i));
    }
  return text_view_finish (g_steal_pointer (&out), view);
}

static const GtfTaskParameter parameters[] = {
  { "subtask", "\"panoptic\", \"instance\" or \"semantic\"", "null", "null: the first of these that the repository can do", 0, 0 },
  { "threshold", "float", "0.9", "only segments with a higher score (panoptic, instance)", 0, 0 },
  { "mask_threshold", "float", "0.5", "how sure a mask must be of a pixel that counts as its own", 0, 0 },
  { "overlap_mask_area_threshold", "float", "0.5", "how much of its own pixels a segment must keep against the others", 0, 0 },
  { "timeout", "float (s)", "null", "accepted, without effect: pictures are files", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "image-segmentation" },
  .media = "image",
  .parameters = parameters,
  .open = segmentation_open,
  .close = segmentation_close,
  .run = segmentation_run,
  .flags = GTF_TASK_NO_PIXELS | GTF_TASK_IMAGES_TOGETHER,
  .render_details = segmentation_render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_image_segmentation (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_image_segmentation (void)
{
  return &plugin;
}
