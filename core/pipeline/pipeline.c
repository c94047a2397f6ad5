/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfPipeline: a task joined with a model. This file makes one; pipeline-load.c reads the parts, pipeline-call.c the requests, pipeline-run.c runs it.
 */
#include "pipeline/pipeline-private.h"

#include "model/adapter.h"
#include "pipeline/auto-model.h"
#include "registry/registry.h"

/**
 * GtfPipeline:
 *
 * A task with a model, ready to run: `transformers.pipeline` for C and everything that speaks GObject introspection.
 *
 * A pipeline may be used from any thread; runs of one pipeline follow one another. Pipelines over the same model and
 * options share its weights.
 */

G_DEFINE_FINAL_TYPE (GtfPipeline, gtf_pipeline, G_TYPE_OBJECT)

guint gtf_pipeline_segment_signal;

static void
gtf_pipeline_finalize (GObject *object)
{
  GtfPipeline *self = GTF_PIPELINE (object);

  if (self->open && self->plugin->close)
    self->plugin->close (&self->task);
  gtf_task_parts_clear (&self->task);
  g_clear_pointer (&self->reference, gtf_reference_free);
  g_mutex_clear (&self->running);
  G_OBJECT_CLASS (gtf_pipeline_parent_class)->finalize (object);
}

static void
gtf_pipeline_class_init (GtfPipelineClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gtf_pipeline_finalize;

  /**
   * GtfPipeline::segment:
   * @self: the pipeline
   * @json: a piece of the answer, as JSON
   * @final: %TRUE if it will not change any more
   * @fraction: how much of the input is done, 0 to 1; negative where that is not known
   *
   * While a long input is worked on: a piece is there. Where the run was started with an `_async` method it is emitted in
   * the main context that was the default of the thread that started it, else in the thread that runs.
   */
  gtf_pipeline_segment_signal = g_signal_new ("segment", GTF_TYPE_PIPELINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 3,
                                              G_TYPE_STRING, G_TYPE_BOOLEAN, G_TYPE_DOUBLE);
}

static void
gtf_pipeline_init (GtfPipeline *self)
{
  g_mutex_init (&self->running);
}

static const GtfTaskPlugin *
find_task (const char *task, const char *directory, GError **error)
{
  g_autofree char *found = NULL;

  if (g_strcmp0 (task, "auto") == 0)
    {
      found = gtf_task_name_of_repository (directory, error);
      if (found == NULL)
        return NULL;
      task = found;
    }
  return (const GtfTaskPlugin *) gtf_registry_find (GTF_PLUGIN_TASK, task, error);
}

/* The adapter that is asked for, or the repository itself if it is one, whose base is fetched then, as in a pipeline of transformers: the tokenizer is that of the
 * base, too. On return @options has the adapter's folder. */
static gboolean
take_adapter (GtfPipeline *self, GtfPipelineOptions *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfReference) adapter = NULL;
  g_autofree char *base = NULL, *revision = NULL, *config = g_build_filename (self->reference->directory, "config.json", NULL);

  if (options->adapter)
    adapter = gtf_reference_fetch (options->adapter, NULL, GTF_HUB_WEIGHTS, NULL, NULL, cancellable, error);
  else if (gtf_adapter_is_in (self->reference->directory) && !g_file_test (config, G_FILE_TEST_EXISTS))
    {
      adapter = g_steal_pointer (&self->reference);
      base = gtf_adapter_base (adapter->directory, &revision, error);
      self->reference = base ? gtf_reference_fetch (base, revision, GTF_HUB_WEIGHTS, NULL, NULL, cancellable, error) : NULL;
    }
  else
    return TRUE;
  if (adapter == NULL || self->reference == NULL)
    return FALSE;
  g_free (options->adapter);
  options->adapter = g_strdup (adapter->directory);
  return TRUE;
}

static gboolean
load (GtfPipeline *self, const char *task, const char *model, GtfPipelineOptions *options, GCancellable *cancellable, GError **error)
{
  g_autofree char *builtin = NULL, *chosen = NULL;

  if (g_strcmp0 (task, "auto") != 0)
    {
      self->plugin = (const GtfTaskPlugin *) gtf_registry_find (GTF_PLUGIN_TASK, task, error);
      if (self->plugin == NULL)
        return FALSE;
    }
  if (g_strcmp0 (model, "auto") == 0 && self->plugin)
    {
      model = chosen = gtf_auto_model_for_task (self->plugin->head.name, cancellable, error);
      if (chosen == NULL)
        return FALSE;
      g_message ("auto: %s", chosen);
    }
  if (model == NULL)
    {
      builtin = self->plugin ? gtf_builtin_for_task (self->plugin->head.name) : NULL;
      if (builtin == NULL)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: there is no built-in model for this task; name one (a folder, org/name)", task);
          return FALSE;
        }
      model = builtin;
    }
  self->reference = gtf_reference_fetch (model, options->revision, GTF_HUB_WEIGHTS, NULL, NULL, cancellable, error);
  if (self->reference == NULL || !take_adapter (self, options, cancellable, error))
    return FALSE;
  if (self->plugin == NULL)
    self->plugin = find_task (task, self->reference->directory, error);
  if (self->plugin == NULL || !gtf_task_parts_load (&self->task, self->plugin, self->reference->directory, options, cancellable, error))
    return FALSE;
  self->open = self->plugin->open == NULL || self->plugin->open (&self->task, error);
  return self->open;
}

/**
 * gtf_pipeline_load:
 * @task: a task of transformers ("automatic-speech-recognition"), an alias of one ("ner"), or "auto": read it from the repository
 * @model: (nullable): a folder, "org/name", "org/name@revision" or "builtin/NAME"; %NULL is the built-in model of the task
 * @options: (nullable): a JSON object: "dtype" ("float32", "bfloat16", "float16", "int8", "int4", "auto"), "threads", "revision", "adapter"
 * @cancellable: (nullable): stops loading
 * @error: why there is none
 *
 * [ctor@Pipeline.new] that can be stopped.
 *
 * Returns: (transfer full): a pipeline
 */
GtfPipeline *
gtf_pipeline_load (const char *task, const char *model, const char *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfPipeline) self = NULL;
  GtfPipelineOptions parsed = { NULL };
  gboolean good;

  g_return_val_if_fail (task != NULL, NULL);
  self = g_object_new (GTF_TYPE_PIPELINE, NULL);
  good = gtf_pipeline_options_parse (&parsed, options, error) && load (self, task, model, &parsed, cancellable, error);
  gtf_pipeline_options_clear (&parsed);
  return good ? g_steal_pointer (&self) : NULL;
}

/**
 * gtf_pipeline_new: (constructor)
 * @task: a task of transformers ("automatic-speech-recognition"), an alias of one ("ner"), or "auto": read it from the repository
 * @model: (nullable): a folder, "org/name", "org/name@revision" or "builtin/NAME"; %NULL is the built-in model of the task
 * @options: (nullable): a JSON object: "dtype" ("float32", "bfloat16", "float16", "int8", "int4", "auto"), "threads", "revision", "adapter"
 * @error: why there is none
 *
 * Loads a model for a task. What a name of the Hub stands for is taken from the Hugging Face cache, and downloaded into it where it is not there.
 *
 * Returns: (transfer full): a pipeline
 */
GtfPipeline *
gtf_pipeline_new (const char *task, const char *model, const char *options, GError **error)
{
  return gtf_pipeline_load (task, model, options, NULL, error);
}

typedef struct
{
  char *task, *model, *options;
} LoadCall;

static void
load_call_free (gpointer data)
{
  LoadCall *call = data;

  g_free (call->task);
  g_free (call->model);
  g_free (call->options);
  g_free (call);
}

static void
load_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  LoadCall *call = data;
  GError *error = NULL;
  GtfPipeline *self = gtf_pipeline_load (call->task, call->model, call->options, cancellable, &error);

  if (self)
    g_task_return_pointer (task, self, g_object_unref);
  else
    g_task_return_error (task, error);
}

/**
 * gtf_pipeline_load_async:
 * @task: as in [ctor@Pipeline.new]
 * @model: (nullable): as in [ctor@Pipeline.new]
 * @options: (nullable): as in [ctor@Pipeline.new]
 * @cancellable: (nullable): stops loading
 * @callback: (scope async) (closure user_data): called in the main context that is the caller's default
 * @user_data: for @callback
 *
 * Loads on a thread of its own; end it with [func@Pipeline.load_finish].
 */
void
gtf_pipeline_load_async (const char *task, const char *model, const char *options, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) async = g_task_new (NULL, cancellable, callback, user_data);
  LoadCall *call = g_new0 (LoadCall, 1);

  g_return_if_fail (task != NULL);
  call->task = g_strdup (task);
  call->model = g_strdup (model);
  call->options = g_strdup (options);
  g_task_set_source_tag (async, gtf_pipeline_load_async);
  g_task_set_task_data (async, call, load_call_free);
  g_task_run_in_thread (async, load_thread);
}

/**
 * gtf_pipeline_load_finish:
 * @result: what the callback was given
 * @error: why there is none
 *
 * Returns: (transfer full): a pipeline
 */
GtfPipeline *
gtf_pipeline_load_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * gtf_pipeline_get_task:
 * @self: a pipeline
 *
 * Returns: the name of its task, without aliases
 */
const char *
gtf_pipeline_get_task (GtfPipeline *self)
{
  g_return_val_if_fail (GTF_IS_PIPELINE (self), NULL);
  return self->plugin->head.name;
}

/**
 * gtf_pipeline_get_model_id:
 * @self: a pipeline
 *
 * Returns: what the model was asked for by, without the revision
 */
const char *
gtf_pipeline_get_model_id (GtfPipeline *self)
{
  g_return_val_if_fail (GTF_IS_PIPELINE (self), NULL);
  return self->reference->id;
}

/**
 * gtf_pipeline_get_directory:
 * @self: a pipeline
 *
 * Returns: the folder that the model was loaded from
 */
const char *
gtf_pipeline_get_directory (GtfPipeline *self)
{
  g_return_val_if_fail (GTF_IS_PIPELINE (self), NULL);
  return self->reference->directory;
}

/**
 * gtf_pipeline_get_n_frames:
 * @self: a pipeline
 *
 * Returns: how many frames of a video its model looks at (num_frames of config.json); 0: config.json tells none
 */
guint
gtf_pipeline_get_n_frames (GtfPipeline *self)
{
  gint64 n = 0;

  g_return_val_if_fail (GTF_IS_PIPELINE (self), 0);
  return self->task.model && gtf_model_get_config_int (self->task.model, "num_frames", &n) && n >= 1 && n <= 1 << 16 ? (guint) n : 0;
}
