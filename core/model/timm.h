/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Repositories of timm: one config.json without a model_type, or with "timm_wrapper", that describes the preprocessor too.
 */
#pragma once

#include "base/json.h"
#include "registry/registry.h"

G_BEGIN_DECLS

/* Adds what transformers reads out of it: model_type, architectures, id2label (of label_names, or ImageNet's), num_labels (of num_classes). Other configs stay as they are. */
GTF_API void gtf_timm_complete_config (JsonObject *config);
/* Whether a config is timm's. */
gboolean     gtf_timm_is (JsonObject *config);
/* The architecture of a model_type. That of timm's types ("timm_wrapper", "timm_backbone") depends on the name of the model, "architecture" or "backbone": the module
 * is asked for that serves "timm_" and the beginning of that name ("timm_convnext" of "convnext_tiny.in12k"); if there is none, that of the type itself. */
const GtfArchitecture *gtf_timm_find_architecture (const char *model_type, JsonObject *config, const GtfArchitecturePlugin **plugin, GError **error);
/* (transfer full): the preprocessor_config.json of its TimmWrapperImageProcessor. NULL without the error: it is no config of timm. */
JsonObject  *gtf_timm_preprocessor (JsonObject *config, const char *path, GError **error);

G_END_DECLS
