/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "base/error.h"
#include "registry/plugin.h"

G_BEGIN_DECLS

#define GTF_TYPE_MODEL (gtf_model_get_type ())
GTF_API G_DECLARE_FINAL_TYPE (GtfModel, gtf_model, GTF, MODEL, GObject)

/**
 * gtf_model_load:
 * @directory: the folder of a repository (config.json, *.safetensors), already resolved
 * @options: (nullable): loading options as a JSON object: "dtype" ("float32", "bfloat16", "float16", "int8", "int4", "auto" and the aliases of the contract), "threads"
 *
 * Loads and packs the weights. A model is immutable and shared between threads and sessions; loading the same folder
 * with the same options again while it is alive gives the same object.
 *
 * Returns: (transfer full): the model
 */
GTF_API GtfModel   *gtf_model_load              (const char *directory, const char *options, GCancellable *cancellable, GError **error);
GTF_API const char *gtf_model_get_model_type    (GtfModel *self);
GTF_API const char *gtf_model_get_directory     (GtfModel *self);
GTF_API const char *gtf_model_get_architecture  (GtfModel *self);          /* "WhisperForConditionalGeneration" */
GTF_API const char *gtf_model_get_dtype         (GtfModel *self);
GTF_API gboolean    gtf_model_can               (GtfModel *self, const char *ability);    /* "forward", "encode", "decode" */
/* Numbers of config.json by its own key, dots descend: for tasks (max_source_positions, median_filter_width). */
GTF_API gboolean    gtf_model_get_config_int    (GtfModel *self, const char *key, gint64 *value);
GTF_API const char *gtf_model_get_config_string (GtfModel *self, const char *key);

/**
 * gtf_model_forward:
 * @inputs: (element-type utf8 GtfTensor): named tensors
 * @wanted: (nullable) (array zero-terminated=1): outputs beyond those the head gives ("hidden_states", "attentions")
 *
 * Returns: (transfer full) (element-type utf8 GtfTensor): the named outputs
 */
GTF_API GHashTable *gtf_model_forward           (GtfModel *self, GHashTable *inputs, const char *const *wanted, GCancellable *cancellable, GError **error);

G_END_DECLS
