/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Running a pipeline: requests in, results out, at once or on a thread.
 *
 * All of them end in one: a GtfCall (pipeline-call.c) holds the parsed request, run_call() runs it under the pipeline's lock. Pieces of a
 * long answer come out of the task on whatever thread runs it; with an `_async` method they are carried to the caller's
 * main context as idle sources of the priority of the final callback, so that they keep their order with it.
 */
#include "pipeline/pipeline-call.h"

#include "base/json-print.h"

extern guint gtf_pipeline_segment_signal;

/* A piece on its way to the caller's main context. */
typedef struct
{
  GtfPipeline *pipeline;
  char *json;
  gboolean final;
  double fraction;
} Piece;

static void
piece_free (gpointer data)
{
  Piece *piece = data;

  g_object_unref (piece->pipeline);
  g_free (piece->json);
  g_free (piece);
}

static gboolean
piece_emit (gpointer data)
{
  Piece *piece = data;

  g_signal_emit (piece->pipeline, gtf_pipeline_segment_signal, 0, piece->json, piece->final, piece->fraction);
  return G_SOURCE_REMOVE;
}

static void
on_piece (JsonNode *node, gboolean final, double fraction, gpointer data)
{
  GtfCall *call = data;
  Piece *piece;
  g_autoptr (GSource) source = NULL;

  if (!g_signal_has_handler_pending (call->pipeline, gtf_pipeline_segment_signal, 0, FALSE))
    return;
  piece = g_new0 (Piece, 1);
  piece->pipeline = g_object_ref (call->pipeline);
  piece->json = node ? gtf_json_print (node, GTF_JSON_COMPACT) : g_strdup ("null");
  piece->final = final;
  piece->fraction = fraction;
  if (call->task == NULL)
    {
      piece_emit (piece);
      piece_free (piece);
      return;
    }
  source = g_idle_source_new ();
  g_source_set_priority (source, g_task_get_priority (call->task));
  g_source_set_callback (source, piece_emit, piece, piece_free);
  g_source_attach (source, g_task_get_context (call->task));
}

static GtfResult *
run_call (GtfCall *call, GCancellable *cancellable, GError **error)
{
  GtfPipeline *self = call->pipeline;
  GtfRequest request = { call->inputs, call->parameters, call->audio, on_piece, call, cancellable, NULL, call->image, call->images, call->n_images, call->frames, call->n_frames };
  g_autoptr (JsonNode) details = NULL;
  g_autofree char *readable = NULL;
  GtfResult *result;
  JsonNode *answer;

  if (GTF_TASK_HAS (self->plugin, render_details))
    request.details = &details;
  g_mutex_lock (&self->running);
  answer = g_cancellable_set_error_if_cancelled (cancellable, error) ? NULL : self->plugin->run (&self->task, &request, error);
  g_mutex_unlock (&self->running);
  if (answer == NULL)
    return NULL;
  if (self->plugin->to_text)
    readable = self->plugin->to_text (answer);
  result = gtf_result_new (answer, readable);
  if (request.details)
    gtf_result_set_details (result, self->plugin->render_details, call->inputs, g_steal_pointer (&details));
  else if (GTF_TASK_HAS (self->plugin, render))
    gtf_result_set_render (result, self->plugin->render, call->inputs);
  return result;
}

static GtfResult *
run_and_free (GtfCall *call, GCancellable *cancellable, GError **error)
{
  GtfResult *result;

  if (call == NULL)
    return NULL;
  result = run_call (call, cancellable, error);
  gtf_call_free (call);
  return result;
}

static void
run_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;
  GtfResult *result = run_call (data, cancellable, &error);

  if (result)
    g_task_return_pointer (task, result, g_object_unref);
  else
    g_task_return_error (task, error);
}

/* @call is NULL where the request was bad: then @error is what the callback gets. */
static void
start (GtfPipeline *self, GtfCall *call, GError *error, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, gtf_pipeline_run_finish);
  if (call == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  call->task = task;
  g_task_set_task_data (task, call, gtf_call_free);
  g_task_run_in_thread (task, run_thread);
}

/**
 * gtf_pipeline_run:
 * @self: a pipeline
 * @inputs: the inputs as JSON: a string (a path for media), a list of them, or what else the task takes
 * @parameters: (nullable): a JSON object with the arguments of the pipeline in transformers
 * @cancellable: (nullable): stops the run, which then fails with %G_IO_ERROR_CANCELLED
 * @error: what is wrong
 *
 * Runs the task and waits for its answer.
 *
 * Returns: (transfer full): the answer
 */
GtfResult *
gtf_pipeline_run (GtfPipeline *self, const char *inputs, const char *parameters, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (GTF_IS_PIPELINE (self) && inputs != NULL, NULL);
  return run_and_free (gtf_call_for_json (self, inputs, parameters, error), cancellable, error);
}

/**
 * gtf_pipeline_run_file:
 * @self: a pipeline
 * @path: (type filename): a file with sound or a picture
 * @parameters: (nullable): a JSON object with the arguments of the pipeline in transformers
 * @cancellable: (nullable): stops the run, which then fails with %G_IO_ERROR_CANCELLED
 * @error: what is wrong
 *
 * Runs the task on a file and waits for its answer.
 *
 * Returns: (transfer full): the answer
 */
GtfResult *
gtf_pipeline_run_file (GtfPipeline *self, const char *path, const char *parameters, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (GTF_IS_PIPELINE (self) && path != NULL, NULL);
  return run_and_free (gtf_call_for_file (self, path, parameters, error), cancellable, error);
}

/**
 * gtf_pipeline_run_samples:
 * @self: a pipeline
 * @samples: (array length=n_samples): sound, mono, -1 to 1
 * @n_samples: how many
 * @sampling_rate: in Hz; changed to that of the model where it differs
 * @parameters: (nullable): a JSON object with the arguments of the pipeline in transformers
 * @cancellable: (nullable): stops the run, which then fails with %G_IO_ERROR_CANCELLED
 * @error: what is wrong
 *
 * Runs the task on sound that is in memory and waits for its answer.
 *
 * Returns: (transfer full): the answer
 */
GtfResult *
gtf_pipeline_run_samples (GtfPipeline *self, const float *samples, gsize n_samples, guint sampling_rate, const char *parameters,
                          GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (GTF_IS_PIPELINE (self) && (samples != NULL || n_samples == 0), NULL);
  return run_and_free (gtf_call_for_samples (self, samples, n_samples, sampling_rate, parameters, error), cancellable, error);
}

/**
 * gtf_pipeline_run_image:
 * @self: a pipeline
 * @image: a picture
 * @parameters: (nullable): a JSON object with the arguments of the pipeline in transformers
 * @cancellable: (nullable): stops the run, which then fails with %G_IO_ERROR_CANCELLED
 * @error: what is wrong
 *
 * Runs the task on a picture that is in memory and waits for its answer. A task that takes no pictures fails with
 * %GTF_ERROR_INVALID_ARGUMENT.
 *
 * Returns: (transfer full): the answer
 */
GtfResult *
gtf_pipeline_run_image (GtfPipeline *self, const GtfImage *image, const char *parameters, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (GTF_IS_PIPELINE (self) && image != NULL, NULL);
  return run_and_free (gtf_call_for_image (self, image, parameters, error), cancellable, error);
}

/* One by one. */
static GtfResult *
run_images_each (GtfPipeline *self, const GtfImage *const *images, guint n_images, const char *parameters, GCancellable *cancellable, GError **error)
{
  g_autoptr (JsonArray) list = json_array_new ();

  for (guint i = 0; i < n_images; i++)
    {
      g_autoptr (GtfResult) one = gtf_pipeline_run_image (self, images[i], parameters, cancellable, error);

      if (one == NULL)
        return NULL;
      json_array_add_element (list, json_node_copy (gtf_result_get_node (one)));
    }
  return gtf_result_new (json_node_init_array (json_node_alloc (), list), NULL);
}

/**
 * gtf_pipeline_run_images: (skip)
 * @self: a pipeline
 * @images: (array length=n_images): pictures
 * @n_images: how many
 * @parameters: (nullable): as in [method@Pipeline.run_image]
 * @cancellable: (nullable): stops the run
 * @error: what is wrong
 *
 * Runs the task on several pictures, in one pass of the model where the task and the pictures allow it: where they become the same size without padding, so
 * that each answer is what it would be alone.
 *
 * Returns: (transfer full): a list of their answers
 */
GtfResult *
gtf_pipeline_run_images (GtfPipeline *self, const GtfImage *const *images, guint n_images, const char *parameters, GCancellable *cancellable, GError **error)
{
  const guint together = GTF_TASK_NO_PIXELS | GTF_TASK_IMAGES_TOGETHER;
  GtfCall *call;

  g_return_val_if_fail (GTF_IS_PIPELINE (self) && images != NULL && n_images > 0, NULL);
  if (!GTF_TASK_HAS (self->plugin, flags) || (self->plugin->flags & together) != together)
    return run_images_each (self, images, n_images, parameters, cancellable, error);
  call = gtf_call_for_image (self, images[0], parameters, error);
  if (call)
    {
      call->image = NULL;
      call->images = images;
      call->n_images = n_images;
    }
  return run_and_free (call, cancellable, error);
}

/**
 * gtf_pipeline_run_frames: (skip)
 * @self: a pipeline
 * @frames: (array length=n_frames): pictures of one size, in order
 * @n_frames: how many, at least 1
 * @parameters: (nullable): a JSON object with the arguments of the pipeline in transformers
 * @cancellable: (nullable): stops the run, which then fails with %G_IO_ERROR_CANCELLED
 * @error: what is wrong
 *
 * Runs the task on a video that is in memory and waits for its answer: the task takes of the frames as many as it wants, spread evenly. A task that
 * takes no videos fails with %GTF_ERROR_INVALID_ARGUMENT.
 *
 * Returns: (transfer full): the answer
 */
GtfResult *
gtf_pipeline_run_frames (GtfPipeline *self, const GtfImage *const *frames, guint n_frames, const char *parameters, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (GTF_IS_PIPELINE (self) && frames != NULL && n_frames > 0, NULL);
  return run_and_free (gtf_call_for_frames (self, frames, n_frames, parameters, error), cancellable, error);
}

/**
 * gtf_pipeline_run_async:
 * @self: a pipeline
 * @inputs: as in [method@Pipeline.run]
 * @parameters: (nullable): as in [method@Pipeline.run]
 * @cancellable: (nullable): stops the run
 * @callback: (scope async) (closure user_data): called in the main context that is the caller's default
 * @user_data: for @callback
 *
 * Runs the task on a thread; end it with [method@Pipeline.run_finish]. Pieces come by [signal@Pipeline::segment].
 */
void
gtf_pipeline_run_async (GtfPipeline *self, const char *inputs, const char *parameters, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GError *error = NULL;
  GtfCall *call;

  g_return_if_fail (GTF_IS_PIPELINE (self) && inputs != NULL);
  call = gtf_call_for_json (self, inputs, parameters, &error);
  start (self, call, error, cancellable, callback, user_data);
}

/**
 * gtf_pipeline_run_file_async:
 * @self: a pipeline
 * @path: (type filename): as in [method@Pipeline.run_file]
 * @parameters: (nullable): as in [method@Pipeline.run]
 * @cancellable: (nullable): stops the run
 * @callback: (scope async) (closure user_data): called in the main context that is the caller's default
 * @user_data: for @callback
 *
 * Runs the task on a file on a thread; end it with [method@Pipeline.run_file_finish].
 */
void
gtf_pipeline_run_file_async (GtfPipeline *self, const char *path, const char *parameters, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GError *error = NULL;
  GtfCall *call;

  g_return_if_fail (GTF_IS_PIPELINE (self) && path != NULL);
  call = gtf_call_for_file (self, path, parameters, &error);
  start (self, call, error, cancellable, callback, user_data);
}

/**
 * gtf_pipeline_run_samples_async:
 * @self: a pipeline
 * @samples: (array length=n_samples): as in [method@Pipeline.run_samples]; they are copied
 * @n_samples: how many
 * @sampling_rate: in Hz
 * @parameters: (nullable): as in [method@Pipeline.run]
 * @cancellable: (nullable): stops the run
 * @callback: (scope async) (closure user_data): called in the main context that is the caller's default
 * @user_data: for @callback
 *
 * Runs the task on sound in memory on a thread; end it with [method@Pipeline.run_samples_finish].
 */
void
gtf_pipeline_run_samples_async (GtfPipeline *self, const float *samples, gsize n_samples, guint sampling_rate, const char *parameters,
                                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GError *error = NULL;
  GtfCall *call;

  g_return_if_fail (GTF_IS_PIPELINE (self) && (samples != NULL || n_samples == 0));
  call = gtf_call_for_samples (self, samples, n_samples, sampling_rate, parameters, &error);
  start (self, call, error, cancellable, callback, user_data);
}

/**
 * gtf_pipeline_run_image_async:
 * @self: a pipeline
 * @image: a picture; it is copied
 * @parameters: (nullable): as in [method@Pipeline.run]
 * @cancellable: (nullable): stops the run
 * @callback: (scope async) (closure user_data): called in the main context that is the caller's default
 * @user_data: for @callback
 *
 * Runs the task on a picture in memory on a thread; end it with [method@Pipeline.run_image_finish].
 */
void
gtf_pipeline_run_image_async (GtfPipeline *self, const GtfImage *image, const char *parameters, GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer user_data)
{
  GError *error = NULL;
  GtfCall *call;

  g_return_if_fail (GTF_IS_PIPELINE (self) && image != NULL);
  call = gtf_call_for_image (self, image, parameters, &error);
  if (call && call->own_image == NULL)
    {
      call->image = call->own_image = gtf_image_copy (image);
      if (call->image == NULL)
        {
          error = g_error_new (GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a picture of %d x %d", image->width, image->height);
          g_clear_pointer (&call, gtf_call_free);
        }
    }
  start (self, call, error, cancellable, callback, user_data);
}

/**
 * gtf_pipeline_run_finish:
 * @self: a pipeline
 * @result: what the callback was given
 * @error: what is wrong
 *
 * Ends [method@Pipeline.run_async].
 *
 * Returns: (transfer full): the answer
 */
GtfResult *
gtf_pipeline_run_finish (GtfPipeline *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * gtf_pipeline_run_file_finish:
 * @self: a pipeline
 * @result: what the callback was given
 * @error: what is wrong
 *
 * Ends [method@Pipeline.run_file_async].
 *
 * Returns: (transfer full): the answer
 */
GtfResult *
gtf_pipeline_run_file_finish (GtfPipeline *self, GAsyncResult *result, GError **error)
{
  return gtf_pipeline_run_finish (self, result, error);
}

/**
 * gtf_pipeline_run_samples_finish:
 * @self: a pipeline
 * @result: what the callback was given
 * @error: what is wrong
 *
 * Ends [method@Pipeline.run_samples_async].
 *
 * Returns: (transfer full): the answer
 */
GtfResult *
gtf_pipeline_run_samples_finish (GtfPipeline *self, GAsyncResult *result, GError **error)
{
  return gtf_pipeline_run_finish (self, result, error);
}

/**
 * gtf_pipeline_run_image_finish:
 * @self: a pipeline
 * @result: what the callback was given
 * @error: what is wrong
 *
 * Ends [method@Pipeline.run_image_async].
 *
 * Returns: (transfer full): the answer
 */
GtfResult *
gtf_pipeline_run_image_finish (GtfPipeline *self, GAsyncResult *result, GError **error)
{
  return gtf_pipeline_run_finish (self, result, error);
}
