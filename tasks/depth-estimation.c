/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task depth-estimation: transformers' pipeline of that name, how far away (or, for models of relative depth, how near) each pixel is.
 *
 * A model gives `predicted_depth` [B][H][W], which is brought to the size of the picture by bicubic interpolation, or, where the image processor put something
 * around the picture, to its size with that, which is then cut off. The answer has it as it is, and
 * as a grey picture between its least and its largest number.
 */
#include "image/image-private.h"

#include <math.h>
#include <string.h>

#include "image/depth-private.h"
#include "image/segments-private.h"

typedef struct
{
  TextModel *model;
  GCancellable *cancellable;
} Request;

static gboolean
depth_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "depth-estimation", NULL };

  task->state = image_model_new (task, "depth-estimation", heads, "a depth estimation head (...ForDepthEstimation)", error);
  return task->state != NULL;
}

static void
depth_close (GtfTask *task)
{
  g_clear_pointer ((TextModel **) &task->state, text_model_free);
}

/* The middle of a plane that has @down rows above and below and @across columns on both sides: [height][width]. (transfer full) */
static float *
cut_out (const float *x, gsize down, gsize across, gsize height, gsize width, GError **error)
{
  float *y = g_try_new (float, height * width);

  if (y == NULL)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "depth-estimation: no memory for a depth of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " pixels", width, height);
  for (gsize i = 0; y != NULL && i < height; i++)
    memcpy (y + i * width, x + (i + down) * (width + 2 * across) + across, width * sizeof *y);
  return y;
}

/* How many rows and columns the image processor put on each side of the picture. */
static void
read_padding (const Request *request, gsize *down, gsize *across)
{
  const GtfTensor *t = request->model->seen ? g_hash_table_lookup (request->model->seen, "padding") : NULL;
  g_autoptr (GBytes) bytes = t && gtf_tensor_get_dtype (t) == GTF_DTYPE_I64 && gtf_tensor_get_n_elements (t) == 2 ? gtf_tensor_get_bytes (t) : NULL;
  gint64 sides[2] = { 0 };

  if (bytes)
    memcpy (sides, g_bytes_get_data (bytes, NULL), sizeof sides);
  *down = (gsize) CLAMP (sides[0], 0, G_MAXINT16);
  *across = (gsize) CLAMP (sides[1], 0, G_MAXINT16);
}

/* What a pass left, in the size of the picture: [height][width]. */
static float *
read_depth (const Request *request, const GtfImage *image, GError **error)
{
  gsize first, n;
  const GtfTensor *t = image_model_output (request->model, "predicted_depth", &first, &n);
  g_autofree float *numbers = n ? g_try_new (float, n) : NULL, *whole = NULL;
  gsize down, across;
  gint64 height, width;

  if (n == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "depth-estimation: the model gives no predicted_depth");
      return NULL;
    }
  height = gtf_tensor_get_dim ((GtfTensor *) t, -2);
  width = gtf_tensor_get_dim ((GtfTensor *) t, -1);
  if (numbers == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "depth-estimation: no memory for %" G_GSIZE_FORMAT " numbers", n);
      return NULL;
    }
  gtf_tensor_read_f32 (t, first, n, numbers);
  read_padding (request, &down, &across);
  whole = cubic_resize (numbers, (gsize) height, (gsize) width, (gsize) image->height + 2 * down, (gsize) image->width + 2 * across, error);
  if (whole == NULL || (down == 0 && across == 0))
    return g_steal_pointer (&whole);
  return cut_out (whole, down, across, (gsize) image->height, (gsize) image->width, error);
}

/* Black is the least number, white the largest; between them they are cut off to whole numbers, as the reference does. */
static char *
grey_picture (const float *depth, gsize height, gsize width, GError **error)
{
  const gsize n = height * width;
  g_autofree guint8 *pixels = g_try_malloc (n);
  float least = depth[0], most = depth[0];

  if (pixels == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "depth-estimation: no memory for a picture of %" G_GSIZE_FORMAT " pixels", n);
      return NULL;
    }
  for (gsize i = 1; i < n; i++)
    {
      least = MIN (least, depth[i]);
      most = MAX (most, depth[i]);
    }
  for (gsize i = 0; i < n; i++)
    {
      const float grey = (depth[i] - least) / (most - least) * 255;

      pixels[i] = grey >= 0 && grey <= 255 ? (guint8) grey : 0;
    }
  return grey_png_base64 (pixels, width, height, error);
}

static JsonArray *
nested (const float *depth, gsize height, gsize width)
{
  JsonArray *rows = json_array_sized_new ((guint) height);

  for (gsize i = 0; i < height; i++)
    {
      JsonArray *row = json_array_sized_new ((guint) width);

      for (gsize j = 0; j < width; j++)
        json_array_add_double_element (row, depth[i * width + j]);
      json_array_add_array_element (rows, row);
    }
  return rows;
}

static JsonNode *
estimate (const GtfImage *image, const char *name, gpointer data, GError **error)
{
  const Request *request = data;
  g_autoptr (JsonObject) answer = NULL;
  g_autofree float *depth = NULL;
  g_autofree char *picture = NULL;

  if (!image_model_run_image (request->model, image, name, NULL, request->cancellable, error))
    return NULL;
  depth = read_depth (request, image, error);
  picture = depth ? grey_picture (depth, (gsize) image->height, (gsize) image->width, error) : NULL;
  if (picture == NULL)
    return NULL;
  answer = json_object_new ();
  json_object_set_array_member (answer, "predicted_depth", nested (depth, (gsize) image->height, (gsize) image->width));
  json_object_set_string_member (answer, "depth", picture);
  return json_node_init_object (json_node_alloc (), answer);
}

static JsonNode *
depth_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  static const char *const outputs[] = { "predicted_depth", NULL };
  Request request = { .model = task->state, .cancellable = from->cancellable };
  JsonNode *answer;

  image_model_begin (request.model, from, outputs);
  answer = image_answer_each (from, estimate, &request, error);
  image_model_end (request.model);
  return answer;
}

/* ---- for people ---------------------------------------------------------------------------------------------------------- */

/* "640 x 480: 0.52 to 9.81" */
static void
append_range (GString *out, JsonObject *answer)
{
  JsonArray *rows = json_object_get_array_member (answer, "predicted_depth");
  const guint height = json_array_get_length (rows), width = height ? json_array_get_length (json_array_get_array_element (rows, 0)) : 0;
  double least = INFINITY, most = -INFINITY;

  for (guint i = 0; i < height; i++)
    for (guint j = 0; j < width; j++)
      {
        const double x = json_array_get_double_element (json_array_get_array_element (rows, i), j);

        least = MIN (least, x);
        most = MAX (most, x);
      }
  g_string_append_printf (out, "%u x %u: %.4g to %.4g\n", width, height, least, most);
}

static char *
depth_render (JsonNode *inputs, JsonNode *result, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  JsonArray *asked = inputs && JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL;

  text_view_begin (out, view);
  if (JSON_NODE_HOLDS_OBJECT (result))
    append_range (out, json_node_get_object (result));
  for (guint i = 0; asked && i < json_array_get_length (asked); i++)
    {
      const char *path = text_node_string (json_array_get_element (asked, i));

      if (path)
        text_view_heading (out, view, path);
      append_range (out, json_array_get_object_element (json_node_get_array (result), i));
    }
  text_view_end (out, view);
  return text_view_finish (g_steal_pointer (&out), view);
}

static const GtfTaskParameter parameters[] = {
  { "timeout", "float (s)", "null", "accepted, without effect: pictures are files", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "depth-estimation" },
  .media = "image",
  .parameters = parameters,
  .open = depth_open,
  .close = depth_close,
  .run = depth_run,
  .flags = GTF_TASK_NO_PIXELS | GTF_TASK_IMAGES_TOGETHER,
  .render = depth_render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_depth_estimation (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_depth_estimation (void)
{
  return &plugin;
}
