/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the files of the pipeline share. Not installed.
 */
#pragma once

#include "pipeline/pipeline.h"
#include "pipeline/reference.h"
#include "pipeline/task.h"

G_BEGIN_DECLS

/* Options of loading, the same at every door. Strings are borrowed from the object that was parsed. */
typedef struct
{
  char *dtype, *revision, *adapter;
  gint64 threads;               /* 0: as many as there are */
} GtfPipelineOptions;

struct _GtfPipeline
{
  GObject parent_instance;
  const GtfTaskPlugin *plugin;
  GtfReference *reference;
  GtfTask task;
  gboolean open;
  GMutex running;               /* a task's state is of one run at a time */
};

gboolean gtf_pipeline_options_parse (GtfPipelineOptions *self, const char *json, GError **error);
void     gtf_pipeline_options_clear (GtfPipelineOptions *self);

/* The parts that a task works with, out of a repository's folder. */
gboolean gtf_task_parts_load  (GtfTask *task, const GtfTaskPlugin *plugin, const char *directory, const GtfPipelineOptions *options,
                               GCancellable *cancellable, GError **error);
void     gtf_task_parts_clear (GtfTask *task);

/* Checks names and bounds against the task's table. */
gboolean gtf_task_check_parameters (const GtfTaskPlugin *plugin, JsonObject *parameters, GError **error);

/* The task that a repository is for, from its architecture or its card; for the task "auto". */
char    *gtf_task_name_of_repository (const char *directory, GError **error);

G_END_DECLS
