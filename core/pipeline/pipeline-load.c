/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From a folder to what a task works with: model, tokenizer, preprocessor, generation config.
 *
 * The tokenizer and the preprocessor are read on a thread of their own while the weights are being packed, so that
 * loading takes as long as the longer of the two. Which of them a repository has is seen from its files; a task that
 * needs one that is not there says so when it is opened.
 */
#include "pipeline/pipeline-private.h"

#include "base/json.h"
#include "base/json-print.h"
#include "base/params.h"
#include "model/timm.h"
#include "text/tokenizer-classes.h"

static const GtfParam option_table[] = {
  GTF_PARAM_STRING_FIELD (GtfPipelineOptions, dtype, "dtype"),
  GTF_PARAM_STRING_FIELD (GtfPipelineOptions, revision, "revision"),
  GTF_PARAM_STRING_FIELD (GtfPipelineOptions, adapter, "adapter"),
  GTF_PARAM_INT_FIELD (GtfPipelineOptions, threads, "threads", 0, 1024),
  GTF_PARAMS_END
};

gboolean
gtf_pipeline_options_parse (GtfPipelineOptions *self, const char *json, GError **error)
{
  g_autoptr (JsonObject) object = NULL;

  if (json == NULL || *json == '\0')
    return TRUE;
  object = gtf_json_parse_object ("options", json, -1, GTF_JSON_PYTHON, error);
  return object != NULL && gtf_params_read (option_table, object, "options", GTF_PARAMS_CLOSED, self, error);
}

void
gtf_pipeline_options_clear (GtfPipelineOptions *self)
{
  g_clear_pointer (&self->dtype, g_free);
  g_clear_pointer (&self->revision, g_free);
  g_clear_pointer (&self->adapter, g_free);
}

/* The options that concern the model, as it takes them. */
static char *
model_options (const GtfPipelineOptions *options, const char *task)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  if (options->dtype)
    json_object_set_string_member (object, "dtype", options->dtype);
  if (options->threads > 0)
    json_object_set_int_member (object, "threads", options->threads);
  if (options->adapter)
    json_object_set_string_member (object, "adapter", options->adapter);
  json_object_set_string_member (object, "task", task);
  json_node_set_object (node, object);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}

static gboolean
has_file (const char *directory, const char *const *names)
{
  for (guint i = 0; names[i]; i++)
    {
      g_autofree char *path = g_build_filename (directory, names[i], NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return TRUE;
    }
  return FALSE;
}

static const char *const preprocessor_files[] = { "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json", NULL };

/* Repositories of timm have it in config.json. */
static gboolean
has_preprocessor (const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "config.json", NULL);
  g_autoptr (JsonObject) config = NULL;

  if (has_file (directory, preprocessor_files))
    return TRUE;
  config = gtf_json_load_object (path, NULL);
  return config && gtf_timm_is (config);
}

/* The small parts, beside the weights. */
typedef struct
{
  GtfTask *task;
  const GtfTaskPlugin *plugin;
  const char *directory;
  GCancellable *cancellable;
  GError *error;
} SmallParts;

static gboolean
load_generation_config (GtfTask *task, const char *directory, GError **error)
{
  g_autofree char *path = g_build_filename (directory, "generation_config.json", NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  task->generation_config = gtf_json_load_object (path, error);
  return task->generation_config != NULL;
}

static gpointer
load_small_parts (gpointer data)
{
  SmallParts *s = data;

  if (gtf_tokenizer_is_in (s->directory))
    {
      s->task->tokenizer = gtf_tokenizer_load (s->directory, s->cancellable, &s->error);
      if (s->task->tokenizer == NULL)
        return NULL;
    }
  if (g_strcmp0 (s->plugin->media, "text") != 0 && has_preprocessor (s->directory))
    {
      s->task->preprocessor = (g_strcmp0 (s->plugin->media, "video") == 0 ? gtf_preprocessor_load_video : gtf_preprocessor_load) (s->directory, s->cancellable, &s->error);
      if (s->task->preprocessor == NULL)
        return NULL;
    }
  load_generation_config (s->task, s->directory, &s->error);
  return NULL;
}

gboolean
gtf_task_parts_load (GtfTask *task, const GtfTaskPlugin *plugin, const char *directory, const GtfPipelineOptions *options,
                     GCancellable *cancellable, GError **error)
{
  SmallParts small = { task, plugin, directory, cancellable, NULL };
  g_autofree char *for_model = model_options (options, plugin->head.name);
  GThread *thread = g_thread_try_new ("gtf-load", load_small_parts, &small, NULL);

  task->model = gtf_model_load (directory, for_model, cancellable, error);
  if (thread)
    g_thread_join (thread);
  else if (task->model)
    load_small_parts (&small);
  if (task->model && small.error == NULL)
    return TRUE;
  /* One error: that of the weights, if both failed. */
  if (task->model)
    g_propagate_error (error, small.error);
  else
    g_clear_error (&small.error);
  gtf_task_parts_clear (task);
  return FALSE;
}

void
gtf_task_parts_clear (GtfTask *task)
{
  g_clear_object (&task->model);
  g_clear_object (&task->tokenizer);
  g_clear_object (&task->preprocessor);
  g_clear_pointer (&task->generation_config, json_object_unref);
}
