/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "base/error.h"
#include "pipeline/preprocessor.h"
#include "pipeline/result.h"

G_BEGIN_DECLS

#define GTF_TYPE_PIPELINE (gtf_pipeline_get_type ())
GTF_API G_DECLARE_FINAL_TYPE (GtfPipeline, gtf_pipeline, GTF, PIPELINE, GObject)

GTF_API GtfPipeline *gtf_pipeline_new         (const char *task, const char *model, const char *options, GError **error);
GTF_API void         gtf_pipeline_load_async  (const char *task, const char *model, const char *options, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
GTF_API GtfPipeline *gtf_pipeline_load_finish (GAsyncResult *result, GError **error);
GTF_API GtfPipeline *gtf_pipeline_load        (const char *task, const char *model, const char *options, GCancellable *cancellable, GError **error);

GTF_API const char  *gtf_pipeline_get_task      (GtfPipeline *self);
GTF_API const char  *gtf_pipeline_get_model_id  (GtfPipeline *self);
GTF_API const char  *gtf_pipeline_get_directory (GtfPipeline *self);
GTF_API guint        gtf_pipeline_get_n_frames  (GtfPipeline *self);

GTF_API GtfResult   *gtf_pipeline_run         (GtfPipeline *self, const char *inputs, const char *parameters, GCancellable *cancellable, GError **error);
GTF_API GtfResult   *gtf_pipeline_run_file    (GtfPipeline *self, const char *path, const char *parameters, GCancellable *cancellable, GError **error);
GTF_API GtfResult   *gtf_pipeline_run_samples (GtfPipeline *self, const float *samples, gsize n_samples, guint sampling_rate, const char *parameters, GCancellable *cancellable, GError **error);
GTF_API GtfResult   *gtf_pipeline_run_images  (GtfPipeline *self, const GtfImage *const *images, guint n_images, const char *parameters, GCancellable *cancellable, GError **error);
GTF_API GtfResult   *gtf_pipeline_run_frames  (GtfPipeline *self, const GtfImage *const *frames, guint n_frames, const char *parameters, GCancellable *cancellable, GError **error);
GTF_API GtfResult   *gtf_pipeline_run_image   (GtfPipeline *self, const GtfImage *image, const char *parameters, GCancellable *cancellable, GError **error);

GTF_API void         gtf_pipeline_run_async         (GtfPipeline *self, const char *inputs, const char *parameters, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
GTF_API void         gtf_pipeline_run_file_async    (GtfPipeline *self, const char *path, const char *parameters, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
GTF_API void         gtf_pipeline_run_samples_async (GtfPipeline *self, const float *samples, gsize n_samples, guint sampling_rate, const char *parameters, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
GTF_API void         gtf_pipeline_run_image_async   (GtfPipeline *self, const GtfImage *image, const char *parameters, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
GTF_API GtfResult   *gtf_pipeline_run_finish         (GtfPipeline *self, GAsyncResult *result, GError **error);
GTF_API GtfResult   *gtf_pipeline_run_file_finish    (GtfPipeline *self, GAsyncResult *result, GError **error);
GTF_API GtfResult   *gtf_pipeline_run_samples_finish (GtfPipeline *self, GAsyncResult *result, GError **error);
GTF_API GtfResult   *gtf_pipeline_run_image_finish   (GtfPipeline *self, GAsyncResult *result, GError **error);

G_END_DECLS
