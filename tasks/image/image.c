/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model over pictures with its session, and one pass over one picture. Pictures are passes of their own: their processor may give each its own size.
 */
#include "image/image-private.h"
#include "model/timm.h"

TextModel *
image_model_new (GtfTask *task, const char *name, const char *const *heads, const char *wanted, GError **error)
{
  const char *directory = gtf_model_get_directory (task->model), *class_name = gtf_model_get_architecture (task->model);
  g_autoptr (TextModel) self = g_new0 (TextModel, 1);
  g_autofree char *path = g_build_filename (directory, "config.json", NULL);

  if (!gtf_model_can (task->model, "forward") || !text_model_can_do (task->model, heads))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: %s: config.json: \"architectures\": expected a model with %s, found %s", directory, name, wanted,
                   class_name ? class_name : gtf_model_get_model_type (task->model));
      return NULL;
    }
  if (task->preprocessor == NULL || g_strcmp0 (gtf_preprocessor_get_kind (task->preprocessor), "image") != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: %s: the repository has no image processor (preprocessor_config.json)", directory, name);
      return NULL;
    }
  self->task = task;
  self->config = gtf_json_load_object (path, error);
  if (self->config == NULL)
    return NULL;
  gtf_timm_complete_config (self->config);
  self->session = gtf_session_new (task->model, error);
  return self->session ? g_steal_pointer (&self) : NULL;
}

static gboolean
run_tensors (TextModel *self, GHashTable *tensors, const char *path, GCancellable *cancellable, GError **error)
{
  GHashTableIter iter;
  gpointer name, tensor;
  gboolean ok;

  g_hash_table_iter_init (&iter, tensors);
  while (g_hash_table_iter_next (&iter, &name, &tensor))
    gtf_session_set_input (self->session, name, tensor);
  gtf_session_set_cancellable (self->session, cancellable);
  ok = gtf_session_forward (self->session, error);
  gtf_session_set_cancellable (self->session, NULL);
  if (!ok)
    g_prefix_error (error, "%s: ", path);
  return ok;
}

/* Where only the picture itself is handed to the model there is no padding. */
static gboolean
are_alike (const GtfRequest *request, GHashTable *tensors)
{
  for (guint i = 1; i < request->n_images; i++)
    if (request->images[i]->width != request->images[0]->width || request->images[i]->height != request->images[0]->height)
      return g_hash_table_size (tensors) == 1;
  return TRUE;
}

static gboolean
have_rows (TextModel *self, const char *const *outputs, guint n)
{
  for (; *outputs; outputs++)
    {
      const GtfTensor *t = gtf_session_get_output (self->session, *outputs);

      if (t != NULL && (gtf_tensor_get_n_dims (t) < 2 || gtf_tensor_get_dim (t, 0) != n))
        return FALSE;
    }
  return TRUE;
}

void
image_model_begin (TextModel *self, const GtfRequest *request, const char *const *outputs)
{
  g_autoptr (GHashTable) tensors = request->n_images > 1 ? gtf_preprocessor_run_images (self->task->preprocessor, request->images, request->n_images, NULL, NULL) : NULL;

  if (tensors && are_alike (request, tensors) && run_tensors (self, tensors, "the pictures", request->cancellable, NULL) && have_rows (self, outputs, request->n_images))
    {
      self->rows = request->n_images;
      self->row = G_MAXUINT;          /* before the first */
    }
}

void
image_model_end (TextModel *self)
{
  self->rows = self->row = 0;
}

const GtfTensor *
image_model_output (TextModel *self, const char *name, gsize *first, gsize *n)
{
  const GtfTensor *t = gtf_session_get_output (self->session, name);

  *n = t ? gtf_tensor_get_n_elements (t) / MAX (self->rows, 1) : 0;
  *first = self->row * *n;
  return t;
}

gboolean
image_model_run_tensor (TextModel *self, const char *name, GtfTensor *tensor, const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GHashTable) tensors = g_hash_table_new (g_str_hash, g_str_equal);

  g_hash_table_insert (tensors, (gpointer) name, tensor);
  return run_tensors (self, tensors, path, cancellable, error);
}

gboolean
image_model_run_image (TextModel *self, const GtfImage *image, const char *path, const char *parameters, GCancellable *cancellable, GError **error)
{
  if (self->rows)
    {
      self->row++;
      return TRUE;
    }
  g_clear_pointer (&self->seen, g_hash_table_unref);    /* its memory may serve the next */
  self->seen = gtf_preprocessor_run_images (self->task->preprocessor, &image, 1, parameters, error);
  if (self->seen == NULL)
    g_prefix_error (error, "%s: ", path);
  return self->seen != NULL && run_tensors (self, self->seen, path, cancellable, error);
}

/* An image processor that knows nothing of videos makes a batch [frames][C][H][W] of one: as a video it is [1][frames][C][H][W]. */
static gboolean
make_video (GHashTable *tensors, GError **error)
{
  GtfTensor *t = g_hash_table_lookup (tensors, "pixel_values"), *video;
  gint64 shape[5] = { 1 };
  g_autoptr (GBytes) bytes = NULL;

  if (t == NULL || gtf_tensor_get_n_dims (t) != 4)
    return TRUE;
  for (gint i = 0; i < 4; i++)
    shape[i + 1] = gtf_tensor_get_dim (t, i);
  bytes = gtf_tensor_get_bytes (t);
  video = gtf_tensor_new_bytes (gtf_tensor_get_dtype (t), 5, shape, bytes, error);
  if (video != NULL)
    g_hash_table_insert (tensors, g_strdup ("pixel_values"), video);
  return video != NULL;
}

gboolean
image_model_run_video (TextModel *self, const GtfImage *const *frames, guint n_frames, const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GHashTable) tensors = gtf_preprocessor_run_images (self->task->preprocessor, frames, n_frames, NULL, error);

  if (tensors == NULL)
    g_prefix_error (error, "%s: ", path);
  return tensors != NULL && make_video (tensors, error) && run_tensors (self, tensors, path, cancellable, error);
}

/* Those that the program gave. */
static JsonNode *
answer_given (const GtfRequest *request, ImageAnswer answer, gpointer data, GError **error)
{
  g_autoptr (JsonArray) list = json_array_new ();

  for (guint i = 0; i < request->n_images; i++)
    {
      JsonNode *one = answer (request->images[i], "the picture", data, error);

      if (one == NULL)
        return NULL;
      json_array_add_element (list, one);
    }
  return json_node_init_array (json_node_alloc (), list);
}

JsonNode *
image_answer_each (const GtfRequest *request, ImageAnswer answer, gpointer data, GError **error)
{
  gboolean is_list;
  g_autoptr (GPtrArray) paths = NULL;
  g_autoptr (JsonArray) list = json_array_new ();

  if (request->image)
    return answer (request->image, "the picture", data, error);
  if (request->n_images)
    return answer_given (request, answer, data, error);
  paths = text_inputs_read (request->inputs, "inputs", &is_list, error);
  for (guint i = 0; paths && i < paths->len; i++)
    {
      g_autoptr (GtfImage) image = gtf_image_load (paths->pdata[i], request->cancellable, error);
      JsonNode *one = image ? answer (image, paths->pdata[i], data, error) : NULL;

      if (one == NULL)
        return NULL;
      json_array_add_element (list, one);
    }
  if (paths == NULL)
    return NULL;
  return is_list ? json_node_init_array (json_node_alloc (), list) : json_array_dup_element (list, 0);
}
