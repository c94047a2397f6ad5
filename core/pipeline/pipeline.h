/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "base/error.h"
#include "pipeline/result.h"

G_BEGIN_DECLS

#define GTF_TYPE_PIPELINE (gtf_pipeline_get_type ())
GTF_API G_DECLARE_FINAL_TYPE (GtfPipeline, gtf_pipeline, GTF, PIPELINE, GObject)

GTF_API GtfPipeline *gtf_pipeline_new         (const char *task, const char *model, const char *options, GError **error);
GTF_API GtfResult   *gtf_pipeline_run         (GtfPipeline *self, const char *inputs, const char *parameters, GCancellable *cancellable, GError **error);  /* inputs: JSON */
GTF_API GtfResult   *gtf_pipeline_run_file    (GtfPipeline *self, const char *path, const char *parameters, GCancellable *cancellable, GError **error);
GTF_API GtfResult   *gtf_pipeline_run_samples (GtfPipeline *self, const float *samples, gsize n_samples, guint sampling_rate, const char *parameters, GCancellable *cancellable, GError **error);

G_END_DECLS
