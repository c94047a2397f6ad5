/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The smallest architecture: one tensor, nothing to compute. For tests of what stands around a model.
 */
#include <gtf/gtf.h>

typedef struct
{
  gint64 hidden_size;
} Config;

typedef struct
{
  const GtfTensor *scale;
} Weights;

static const GtfConfigField config[] = {
  GTF_CONFIG_INT_REQUIRED (Config, hidden_size, "hidden_size", 1, 1024),
  GTF_CONFIG_FIELDS_END
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_TENSOR, "scale", G_STRUCT_OFFSET (Weights, scale), GTF_WEIGHT_DEFAULT, { GTF_DIM (Config, hidden_size) } },
  { GTF_WEIGHT_END }
};

static const char *const tasks[] = { "echo", NULL };
static const GtfHead heads[] = { { "ForEcho", tasks, NULL, "model" }, { "Model", NULL, NULL, "model" }, { NULL } };
static const char *const model_types[] = { "toy", NULL };

static const GtfArchitecture toy = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types,
  .config_size = sizeof (Config),
  .config = config,
  .weights_size = sizeof (Weights),
  .weights = weights,
  .heads = heads,
};

static const GtfArchitecture *const architectures[] = { &toy, NULL };
static const GtfArchitecturePlugin plugin = { { GTF_PLUGIN_ABI, sizeof (GtfArchitecturePlugin), "toy" }, "a toy", "LGPL-2.1-or-later", architectures };

GTF_PLUGIN_EXPORT const GtfArchitecturePlugin *gtf_plugin_toy (void);

const GtfArchitecturePlugin *
gtf_plugin_toy (void)
{
  return &plugin;
}
