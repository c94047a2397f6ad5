/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task mask-generation: transformers' pipeline of that name, a mask for each thing in a picture, whatever it is.
 *
 * The picture, and crops of it, are seen once each; the model is then asked what lies under each point of a grid, and what it answers is sifted.
 * How many points are asked at once changes no answer: it is bounded here, since the decoder holds the whole picture for each of them.
 */
#include "image/image-private.h"

#include <math.h>
#include <string.h>

#include "image/everything-private.h"

#define MOST_POINTS 16          /* at once */

typedef struct
{
  TextModel *model;
  CropRules crops;
  MaskRules masks;
  gint64 points_per_batch;
  double nms_threshold, max_hole_area, max_sprinkle_area;       /* areas: not a number where they are not given */
  gboolean wants_runs, wants_boxes;
  GCancellable *cancellable;
} Request;

static gboolean
generation_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "mask-generation", NULL };

  task->state = image_model_new (task, "mask-generation", heads, "masks for points (SamModel, Sam2Model)", error);
  return task->state != NULL;
}

static void
generation_close (GtfTask *task)
{
  g_clear_pointer ((TextModel **) &task->state, text_model_free);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------ */

/* What a model makes of a picture, to be given back to it with each question; the first is of all models, the others are SAM 2's. */
static const char *const parts[] = { "image_embeddings", "high_resolution_features.0", "high_resolution_features.1" };

/* A crop as the model sees it. @padded_width, @padded_height: 0 where it is squeezed to the model's size instead of padded. */
typedef struct
{
  const Crop *crop;
  GtfTensor *parts[G_N_ELEMENTS (parts)];
  gint padded_width, padded_height, seen_width, seen_height;
} Seen;

static gint
side_of (GHashTable *tensors, const char *name, gint dim)
{
  const GtfTensor *t = g_hash_table_lookup (tensors, name);
  gint64 sides[2] = { 0 };
  g_autoptr (GBytes) bytes = t && gtf_tensor_get_dtype (t) == GTF_DTYPE_I64 && gtf_tensor_get_n_elements (t) == 2 ? gtf_tensor_get_bytes (t) : NULL;

  if (bytes)
    memcpy (sides, g_bytes_get_data (bytes, NULL), sizeof sides);
  return (gint) CLAMP (sides[dim], 0, G_MAXINT);
}

static GtfTensor *
copy (const GtfTensor *t, GError **error)
{
  gint64 shape[GTF_MAX_DIMS];
  g_autoptr (GBytes) bytes = gtf_tensor_get_bytes (t);

  for (guint i = 0; i < gtf_tensor_get_n_dims (t); i++)
    shape[i] = gtf_tensor_get_dim ((GtfTensor *) t, (gint) i);
  return gtf_tensor_new_bytes (gtf_tensor_get_dtype (t), gtf_tensor_get_n_dims (t), shape, bytes, error);
}

/* How large the crop is in what the processor made of it. */
static gboolean
measure (Seen *seen, GHashTable *tensors, const char *model, GError **error)
{
  GtfTensor *pixels = g_hash_table_lookup (tensors, "pixel_values");
  const gint height = (gint) gtf_tensor_get_dim (pixels, -2), width = (gint) gtf_tensor_get_dim (pixels, -1);
  const double scale = (double) height / MAX (seen->crop->right - seen->crop->left, seen->crop->bottom - seen->crop->top);

  if (side_of (tensors, "original_sizes", 0) > 0 && !g_hash_table_contains (tensors, "reshaped_input_sizes"))
    {
      /* The reference asks at points of a picture that keeps its shape, though the model's does not. */
      seen->seen_width = (gint) ((seen->crop->right - seen->crop->left) * scale + 0.5);
      seen->seen_height = (gint) ((seen->crop->bottom - seen->crop->top) * scale + 0.5);
      return TRUE;
    }
  seen->padded_height = height;
  seen->padded_width = width;
  seen->seen_height = side_of (tensors, "reshaped_input_sizes", 0);
  seen->seen_width = side_of (tensors, "reshaped_input_sizes", 1);
  if (seen->seen_height > 0 && seen->seen_width > 0 && seen->seen_height <= height && seen->seen_width <= width)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: mask-generation: the image processor does not tell how large a picture becomes (reshaped_input_sizes), as SamImageProcessor does",
               model);
  return FALSE;
}

/* Areas of holes and sprinkles are parameters of SAM 2's processor, to which they mean nothing yet; that of SAM has none. */
static gboolean
check_areas (const Request *request, const Seen *seen, GError **error)
{
  if (seen->padded_width == 0 || (isnan (request->max_hole_area) && !(request->max_sprinkle_area > 0)))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: \"%s\": the image processor of this model (SamImageProcessor) fills no holes and removes nothing; leave it out",
               isnan (request->max_hole_area) ? "max_sprinkle_area" : "max_hole_area");
  return FALSE;
}

static gboolean
see (const Request *request, const GtfImage *image, const char *name, Seen *seen, GError **error)
{
  TextModel *model = request->model;
  g_autoptr (GtfImage) cut = crop_cut (seen->crop, image, error);
  const GtfImage *images[1] = { cut };
  g_autoptr (GHashTable) tensors = cut ? gtf_preprocessor_run_images (model->task->preprocessor, images, 1, NULL, error) : NULL;

  if (tensors == NULL || !measure (seen, tensors, gtf_model_get_directory (model->task->model), error)
      || !check_areas (request, seen, error)
      || !image_model_run_tensor (model, "pixel_values", g_hash_table_lookup (tensors, "pixel_values"), name, request->cancellable, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      const GtfTensor *part = gtf_session_get_output (model->session, parts[i]);

      if (part != NULL && !(seen->parts[i] = copy (part, error)))
        return FALSE;
    }
  if (seen->parts[0] != NULL)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "mask-generation: the model gives no image_embeddings");
  return FALSE;
}

/* What the model answered for some points, as masks of the picture. */
static gboolean
sift (const Request *request, MaskSizer *sizer, const GtfTensor *masks, const GtfTensor *scores, GArray *found, GError **error)
{
  const gsize plane = sizer->side_down * sizer->side_across, n = gtf_tensor_get_n_elements (scores);
  g_autofree float *numbers = g_try_new (float, plane), *all = g_new (float, n);

  if (numbers == NULL || gtf_tensor_get_n_elements (masks) != n * plane)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "mask-generation: the model gives masks of another size or number than scores");
      return FALSE;
    }
  gtf_tensor_read_f32 (scores, 0, n, all);
  for (gsize i = 0; i < n; i++)
    {
      if (g_cancellable_set_error_if_cancelled (request->cancellable, error))
        return FALSE;
      gtf_tensor_read_f32 (masks, i * plane, plane, numbers);
      mask_sizer_add (sizer, numbers, all[i], &request->masks, found);
    }
  return TRUE;
}

/* Some points of a crop, prompts of one point each. */
static gboolean
ask (const Request *request, const GtfImage *image, const Seen *seen, const float *points, gint64 n, GArray *found, GError **error)
{
  TextModel *model = request->model;
  const gint64 shape[4] = { 1, n, 1, 2 };
  g_autoptr (GBytes) bytes = g_bytes_new (points, (gsize) n * 2 * sizeof *points);
  g_autoptr (GtfTensor) prompts = gtf_tensor_new_bytes (GTF_DTYPE_F32, 4, shape, bytes, error);
  g_auto (MaskSizer) sizer = { NULL };
  GtfTensor *masks, *scores;

  if (prompts == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (seen->parts[i] != NULL)
      gtf_session_set_input (model->session, parts[i], seen->parts[i]);
  gtf_session_set_input (model->session, "input_points", prompts);
  gtf_session_set_cancellable (model->session, request->cancellable);
  if (!gtf_session_forward (model->session, error))
    return FALSE;
  masks = (GtfTensor *) gtf_session_get_output (model->session, "pred_masks");
  scores = (GtfTensor *) gtf_session_get_output (model->session, "iou_scores");
  if (masks == NULL || scores == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "mask-generation: the model gives no pred_masks or no iou_scores");
      return FALSE;
    }
  return mask_sizer_init (&sizer, seen->crop, image, (gsize) gtf_tensor_get_dim (masks, -2), (gsize) gtf_tensor_get_dim (masks, -1), seen->padded_width, seen->padded_height,
                          seen->seen_width, seen->seen_height, error)
         && sift (request, &sizer, masks, scores, found, error);
}

static gboolean
ask_crop (const Request *request, const GtfImage *image, const char *name, const Crop *crop, GArray *found, GError **error)
{
  Seen seen = { .crop = crop };
  g_autofree float *points = NULL;
  gboolean good = see (request, image, name, &seen, error);
  const gint64 n = crop->n_side * crop->n_side, step = MIN (request->points_per_batch, MOST_POINTS);

  if (good)
    points = crop_points (crop, seen.seen_width, seen.seen_height);
  for (gint64 first = 0; good && first < n; first += step)
    good = ask (request, image, &seen, points + first * 2, MIN (step, n - first), found, error);
  gtf_session_set_cancellable (request->model->session, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    g_clear_pointer (&seen.parts[i], gtf_tensor_unref);
  return good;
}

/* ---- the answer ------------------------------------------------------------------------------------------------------------ */

static char *
mask_picture (const FoundMask *mask, gsize width, gsize height, GError **error)
{
  g_autofree guint8 *pixels = g_try_malloc0 (width * height);
  gsize at = 0;

  if (pixels == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "mask-generation: no memory for a mask of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT, width, height);
      return NULL;
    }
  for (guint i = 0; i < mask->counts->len; i++)
    for (guint k = 0; k < g_array_index (mask->counts, guint32, i); k++, at++)
      if (i % 2)
        pixels[at % height * width + at / height] = 255;
  return grey_png_base64 (pixels, width, height, error);
}

static JsonObject *
runs (const FoundMask *mask, const GtfImage *image)
{
  JsonObject *object = json_object_new ();
  JsonArray *size = json_array_new (), *counts = json_array_sized_new (mask->counts->len);

  json_array_add_int_element (size, image->height);
  json_array_add_int_element (size, image->width);
  for (guint i = 0; i < mask->counts->len; i++)
    json_array_add_int_element (counts, g_array_index (mask->counts, guint32, i));
  json_object_set_array_member (object, "size", size);
  json_object_set_array_member (object, "counts", counts);
  return object;
}

static JsonArray *
corners (const FoundMask *mask)
{
  JsonArray *box = json_array_new ();

  for (guint i = 0; i < 4; i++)
    json_array_add_int_element (box, mask->box[i]);
  return box;
}

static JsonNode *
answer (const Request *request, const GtfImage *image, const GArray *found, GError **error)
{
  g_autoptr (GArray) best = found_masks_best (found, request->nms_threshold);
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonArray) masks = json_array_new (), scores = json_array_new (), all_runs = json_array_new (), boxes = json_array_new ();

  for (guint i = 0; i < best->len; i++)
    {
      const FoundMask *mask = &g_array_index (found, FoundMask, g_array_index (best, guint, i));
      g_autofree char *picture = mask_picture (mask, (gsize) image->width, (gsize) image->height, error);

      if (picture == NULL)
        return NULL;
      json_array_add_string_element (masks, picture);
      json_array_add_double_element (scores, mask->score);
      if (request->wants_runs)
        json_array_add_object_element (all_runs, runs (mask, image));
      if (request->wants_boxes)
        json_array_add_array_element (boxes, corners (mask));
    }
  json_object_set_array_member (object, "masks", g_steal_pointer (&masks));
  json_object_set_array_member (object, "scores", g_steal_pointer (&scores));
  if (request->wants_runs)
    json_object_set_array_member (object, "rle_mask", g_steal_pointer (&all_runs));
  if (request->wants_boxes)
    json_object_set_array_member (object, "bounding_boxes", g_steal_pointer (&boxes));
  return json_node_init_object (json_node_alloc (), object);
}

static JsonNode *
generate (const GtfImage *image, const char *name, gpointer data, GError **error)
{
  const Request *request = data;
  g_autoptr (GArray) crops = crops_make (image->width, image->height, &request->crops, error), found = g_array_new (FALSE, FALSE, sizeof (FoundMask));
  gboolean good = crops != NULL;

  g_array_set_clear_func (found, found_mask_clear);
  for (guint i = 0; good && i < crops->len; i++)
    good = ask_crop (request, image, name, &g_array_index (crops, Crop, i), found, error);
  return good ? answer (request, image, found, error) : NULL;
}

/* ---- the request ------------------------------------------------------------------------------------------------------------- */

static const GtfParam params[] = {
  GTF_PARAM_INT_FIELD (Request, points_per_batch, "points_per_batch", 1, 1 << 20),
  GTF_PARAM_INT_FIELD (Request, crops.points_per_crop, "points_per_crop", 1, 1 << 10),
  GTF_PARAM_INT_FIELD (Request, crops.n_layers, "crops_n_layers", 0, 1 << 10),
  GTF_PARAM_FLOAT_FIELD (Request, crops.overlap_ratio, "crop_overlap_ratio", 0, 1),
  GTF_PARAM_FLOAT_FIELD (Request, crops.downscale_factor, "crop_n_points_downscale_factor", 1e-3, 1e3),
  GTF_PARAM_FLOAT_FIELD (Request, masks.iou_threshold, "pred_iou_thresh", -1e6, 1e6),
  GTF_PARAM_FLOAT_FIELD (Request, masks.stability_threshold, "stability_score_thresh", -1e6, 1e6),
  GTF_PARAM_FLOAT_FIELD (Request, masks.stability_offset, "stability_score_offset", -1e6, 1e6),
  GTF_PARAM_FLOAT_FIELD (Request, masks.mask_threshold, "mask_threshold", -1e6, 1e6),
  GTF_PARAM_FLOAT_FIELD (Request, max_hole_area, "max_hole_area", -1e30, 1e30),
  GTF_PARAM_FLOAT_FIELD (Request, max_sprinkle_area, "max_sprinkle_area", -1e30, 1e30),
  GTF_PARAM_FLOAT_FIELD (Request, nms_threshold, "crops_nms_thresh", -1e6, 1e6),
  GTF_PARAM_BOOL_FIELD (Request, wants_runs, "output_rle_mask"),
  GTF_PARAM_BOOL_FIELD (Request, wants_boxes, "output_bboxes_mask"),
  GTF_PARAMS_END
};

static JsonNode *
generation_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  Request request = { .model = task->state, .crops = { 0, 32, 512.0 / 1500, 1 }, .masks = { 0.88, 0.95, 1, 0 }, .points_per_batch = 64, .nms_threshold = 0.7,
                      .max_hole_area = NAN, .max_sprinkle_area = NAN, .cancellable = from->cancellable };

  if (!gtf_params_read (params, from->parameters, "parameters", GTF_PARAMS_DEFAULT, &request, error))
    return NULL;
  return image_answer_each (from, generate, &request, error);
}

/* ---- for people ---------------------------------------------------------------------------------------------------------- */

/* "12 masks, scores 0.99 to 0.88" */
static void
append_summary (GString *out, JsonObject *object)
{
  JsonArray *scores = json_object_get_array_member (object, "scores");
  const guint n = json_array_get_length (scores);

  g_string_append_printf (out, "%u mask%s", n, n == 1 ? "" : "s");
  if (n > 0)
    g_string_append_printf (out, ", scores %.2f to %.2f", json_array_get_double_element (scores, 0), json_array_get_double_element (scores, n - 1));
  g_string_append_c (out, '\n');
}

static char *
generation_render (JsonNode *inputs, JsonNode *result, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  JsonArray *asked = inputs && JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL;

  text_view_begin (out, view);
  if (JSON_NODE_HOLDS_OBJECT (result))
    append_summary (out, json_node_get_object (result));
  for (guint i = 0; asked && i < json_array_get_length (asked); i++)
    {
      const char *path = text_node_string (json_array_get_element (asked, i));

      if (path)
        text_view_heading (out, view, path);
      append_summary (out, json_array_get_object_element (json_node_get_array (result), i));
    }
  text_view_end (out, view);
  return text_view_finish (g_steal_pointer (&out), view);
}

static const GtfTaskParameter parameters[] = {
  { "points_per_batch", "int", "64", "how many points the model is asked at once; changes no answer", 0, 0 },
  { "points_per_crop", "int", "32", "points a side of the grid at which a crop is asked", 0, 0 },
  { "crops_n_layers", "int", "0", "layers of crops beside the whole picture: layer i has 2^i crops a side", 0, 0 },
  { "crop_overlap_ratio", "float", "0.3413333333333333", "by how much of the picture's shorter side the crops of the first layer overlap", 0, 0 },
  { "crop_n_points_downscale_factor", "float", "1", "a crop of layer i has points_per_crop divided by this to the power i", 0, 0 },
  { "pred_iou_thresh", "float", "0.88", "masks of which the model believes no more are dropped", 0, 0 },
  { "stability_score_thresh", "float", "0.95", "masks of which a smaller part stays when the threshold changes are dropped", 0, 0 },
  { "stability_score_offset", "float", "1", "by how much it changes for that", 0, 0 },
  { "mask_threshold", "float", "0", "logits above it are in the mask", 0, 0 },
  { "max_hole_area", "float", "null", "accepted of SAM 2, whose processor does nothing with it", 0, 0 },
  { "max_sprinkle_area", "float", "null", "accepted of SAM 2, whose processor does nothing with it", 0, 0 },
  { "crops_nms_thresh", "float", "0.7", "masks whose boxes overlap a better one's by more are dropped", 0, 0 },
  { "output_rle_mask", "bool", "false", "the masks also as lengths of runs, column by column", 0, 0 },
  { "output_bboxes_mask", "bool", "false", "also the box of each mask: left, top, right, bottom", 0, 0 },
  { "timeout", "float (s)", "null", "accepted, without effect: pictures are files", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "mask-generation" },
  .media = "image",
  .parameters = parameters,
  .open = generation_open,
  .close = generation_close,
  .run = generation_run,
  .render = generation_render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_mask_generation (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_mask_generation (void)
{
  return &plugin;
}
