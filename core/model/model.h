/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "base/error.h"
#include "registry/plugin.h"

G_BEGIN_DECLS

#define GTF_TYPE_MODEL (gtf_model_get_type ())
GTF_API G_DECLARE_FINAL_TYPE (GtfModel, gtf_model, GTF, MODEL, GObject)

GTF_API GtfModel   *gtf_model_load              (const char *directory, const char *options, GCancellable *cancellable, GError **error);
GTF_API const char *gtf_model_get_model_type    (GtfModel *self);
GTF_API const char *gtf_model_get_directory     (GtfModel *self);
GTF_API const char *gtf_model_get_architecture  (GtfModel *self);          /* "WhisperForConditionalGeneration" */
GTF_API const char *gtf_model_get_dtype         (GtfModel *self);
GTF_API gboolean    gtf_model_can               (GtfModel *self, const char *ability);    /* "forward", "encode", "decode" */
GTF_API gboolean    gtf_model_get_config_int    (GtfModel *self, const char *key, gint64 *value);
GTF_API gboolean    gtf_model_read_config_int   (GtfModel *self, const char *key, gint64 minimum, gint64 maximum, gint64 *value, GError **error);
GTF_API const char *gtf_model_get_config_string (GtfModel *self, const char *key);

GTF_API const char *const *gtf_model_get_tasks      (GtfModel *self);          /* (nullable): what its head is for */

GTF_API gboolean    gtf_model_save_pretrained   (GtfModel *self, const char *directory, const char *options, GCancellable *cancellable, GError **error);
GTF_API GHashTable *gtf_model_forward           (GtfModel *self, GHashTable *inputs, const char *const *wanted, GCancellable *cancellable, GError **error);

G_END_DECLS
