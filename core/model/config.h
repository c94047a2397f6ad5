/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * config.json of a repository, and how it fills the config struct of an architecture from its table of fields.
 */
#pragma once

#include <json-glib/json-glib.h>
#include "base/error.h"
#include "registry/plugin.h"

G_BEGIN_DECLS

typedef struct _GtfConfig GtfConfig;

/* Reads DIRECTORY/config.json, which must name a model_type. */
GTF_API GtfConfig  *gtf_config_load  (const char *directory, GError **error);
/* The same from text; @path is for messages. */
GTF_API GtfConfig  *gtf_config_parse (const char *path, const char *text, gssize length, GError **error);
/* The same from an object, which is taken over. */
GtfConfig          *gtf_config_new_object (const char *path, JsonObject *object, GError **error);
GTF_API void        gtf_config_free  (GtfConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfConfig, gtf_config_free)

GTF_API JsonObject *gtf_config_get_object       (GtfConfig *self);
GTF_API const char *gtf_config_get_path         (GtfConfig *self);
GTF_API const char *gtf_config_get_model_type   (GtfConfig *self);
/* (nullable): the first of "architectures", the class whose weights these are */
GTF_API const char *gtf_config_get_architecture (GtfConfig *self);
/* (nullable): "dtype" (5.x) or "torch_dtype" (4.x) as the repository has it: "float32", "float16", "bfloat16" */
GTF_API const char *gtf_config_get_dtype        (GtfConfig *self);

/* A number by itself; @value stays as it is where the key is absent or null. An error names the file and the key. */
GTF_API gboolean    gtf_config_read_int (GtfConfig *self, const char *key, gint64 minimum, gint64 maximum, gint64 *value, GError **error);

/* Takes over a model whose config is a part of this one. */
void                gtf_config_keep_inner (GtfConfig *self, GtfInnerModel *inner);

/* Fills @out by the table. Strings stay owned by @self. An error names the file and the key. */
GTF_API gboolean    gtf_config_fill (GtfConfig *self, const GtfConfigField *fields, gpointer out, GError **error);

/* The number of a dimension: a constant, or a field of the struct times a factor. FALSE: it overflows or is negative. */
GTF_API gboolean    gtf_dim_resolve (const GtfDim *dim, gconstpointer config, gint64 *value);

G_END_DECLS
