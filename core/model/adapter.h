/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Adapters as PEFT writes them (adapter_config.json, adapter_model.safetensors or .bin): low-rank changes of a model's weights (Hu et al., "LoRA" (2021); Liu et
 * al., "DoRA" (2024)), and weights that were trained whole beside them.
 */
#pragma once

#include "model/safetensors.h"

G_BEGIN_DECLS

/* What tells an adapter's folder from a model's. */
gboolean gtf_adapter_is_in (const char *directory);

/**
 * gtf_adapter_base:
 * @directory: of an adapter
 * @revision: (out) (nullable) (transfer full): of the base
 *
 * Returns: (transfer full): the repository that the adapter belongs to
 */
char *gtf_adapter_base (const char *directory, char **revision, GError **error);

/* (nullable): the end of the class that the adapter was trained with ("ForSequenceClassification"), by its task_type. */
const char *gtf_adapter_class (const char *directory);

/**
 * gtf_adapter_apply:
 * @files: the weights of the base
 * @directory: of the adapter
 *
 * From now on @files gives the weights with the adapter in them: W + scale B A, computed for the rows that are read, in float32; nothing of their size is kept.
 */
gboolean gtf_adapter_apply (GtfSafetensors *files, const char *directory, GError **error);

G_END_DECLS
