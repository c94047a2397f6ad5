/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Depth Anything: Yang et al., "Depth Anything: Unleashing the Power of Large-Scale Unlabeled Data" (2024); v2: Yang et al., "Depth Anything
 * V2" (2024); Lin et al., "Prompting Depth Anything for 4K Resolution Accurate Metric Depth Estimation" (2024), without a prompt.
 *
 * Layers of a backbone (DINOv2), the neck of DPT, and three convolutions that end in the size of the picture. docs/models/dpt.md tells
 * what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfDenseConfig neck;
  gint64 patch, head_size;
  double max_depth;
  const char *type;
  const GtfInnerModel *backbone;
} Config;

#define CONFIG_FIELDS                                                                                                              \
  GTF_DENSE_CONFIG_FIELDS (Config, neck, 64),                                                                                      \
  GTF_CONFIG_BOOL_FIELD (Config, neck.has_norm, "", FALSE),                                                                        \
  GTF_CONFIG_BOOL_FIELD (Config, neck.follows, "", TRUE),                                                                          \
  GTF_CONFIG_STRING_FIELD (Config, neck.readout, "", "ignore"),                                                                    \
  GTF_CONFIG_INT_FIELD (Config, neck.token_size, "reassemble_hidden_size", 1, 1 << 16, 384),                                       \
  GTF_CONFIG_INT_FIELD (Config, patch, "patch_size", 1, 1 << 12, 14),                                                              \
  GTF_CONFIG_INT_FIELD (Config, head_size, "head_hidden_size", 1, 1 << 14, 32),                                                    \
  GTF_CONFIG_STRING_FIELD (Config, type, "depth_estimation_type", "relative"),                                                     \
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config",                                                                     \
                          "{\"model_type\": \"dinov2\", \"image_size\": 518, \"hidden_size\": 384, \"num_attention_heads\": 6,"         \
                          " \"out_indices\": [9, 10, 11, 12], \"reshape_hidden_states\": false}")

static const GtfConfigField config_fields[] = {
  CONFIG_FIELDS,
  GTF_CONFIG_FLOAT_FIELD (Config, max_depth, "max_depth", -1e9, 1e9, 1),
  GTF_CONFIG_FIELDS_END
};

/* The head reads the last sum whatever head_in_index says, and max_depth is not used. */
static const GtfConfigField prompt_fields[] = {
  CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, neck.head_index, "", 0, 0, -1),
  GTF_CONFIG_FLOAT_FIELD (Config, max_depth, "", 0, 0, 1),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->neck.sizes = config->neck.sizes ? config->neck.sizes : "48|96|192|384";
  if (g_strcmp0 (config->type, "relative") == 0 || g_strcmp0 (config->type, "metric") == 0)
    return gtf_dense_config_derive (&config->neck, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "depth_estimation_type: expected \"relative\" or \"metric\", found \"%.60s\"", config->type);
  return FALSE;
}

typedef struct
{
  GtfDenseWeights neck;
  const GtfInnerModel *backbone;
  const GtfConv2d *head[3];
} Weights;

static const GtfWeight fusion_layer[] = { GTF_DENSE_FUSION_LAYER (Config, neck), { GTF_WEIGHT_END } };

#define HEAD(i, out, in, size)                                                                                                     \
  { GTF_WEIGHT_CONV2D, "head.conv" #i, G_STRUCT_OFFSET (Weights, head[i - 1]), 0, { out, in, GTF_DIM_CONST (size), GTF_DIM_CONST (size) } }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone", G_STRUCT_OFFSET (Weights, backbone), .count = GTF_DIM (Config, backbone) },
  GTF_DENSE_NECK (Config, neck, fusion_layer),
  HEAD (1, GTF_DIM (Config, neck.half_size), GTF_DIM (Config, neck.fusion_size), 3),
  HEAD (2, GTF_DIM (Config, head_size), GTF_DIM (Config, neck.half_size), 3),
  HEAD (3, GTF_DIM_CONST (1), GTF_DIM (Config, head_size), 1),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { { "ForDepthEstimation", gtf_depth_tasks, NULL, "depth_anything" }, { NULL } };
static const GtfHead prompt_heads[] = { { "ForDepthEstimation", gtf_depth_tasks, NULL, "prompt_depth_anything" }, { NULL } };

static GtfTensor *
estimate (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x, gint64 height, gint64 width)
{
  const gboolean is_metric = g_str_equal (config->type, "metric");

  x = gtf_dense_resize (c, gtf_dense_conv (c, w->head[0], x, GTF_ACTIVATION_NONE), height, width);
  x = gtf_dense_conv (c, w->head[1], x, GTF_ACTIVATION_RELU);
  x = gtf_conv2d (c, w->head[2], x, NULL, is_metric ? GTF_ACTIVATION_SIGMOID : GTF_ACTIVATION_RELU, NULL);
  return gtf_reshape (c, gtf_scale (c, x, (float) config->max_depth), 3, (gint64[]){ gtf_dim (x, 0), height, width });
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_input (c, "pixel_values");
  const gint64 down = gtf_dim (pixels, 2) / config->patch, across = gtf_dim (pixels, 3) / config->patch, n = gtf_backbone_n_maps (w->backbone);
  GtfTensor *states[GTF_DENSE_STAGES], *sums[GTF_DENSE_STAGES];

  if (gtf_failed (c) || n > GTF_DENSE_STAGES || !gtf_backbone_maps (c, w->backbone, pixels, states, n)
      || !gtf_dense_neck (c, &config->neck, &w->neck, states, n, down, across, sums))
    return;
  gtf_output (c, "predicted_depth", estimate (c, config, w, sums[config->neck.head_index], down * config->patch, across * config->patch));
}

static const char *const model_types[] = { "depth_anything", NULL }, *const prompt_types[] = { "prompt_depth_anything", NULL };

#define ARCHITECTURE                                                                                                               \
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .weights = weights, .forward = forward
#define IGNORED "neck.fusion_stage.layers.0.residual_layer1.*|*.num_batches_tracked"

static const GtfArchitecture depth_anything = { ARCHITECTURE, .model_types = model_types, .config = config_fields, .heads = heads, .ignored = IGNORED };

static const GtfArchitecture prompt_depth_anything = {
  ARCHITECTURE, .model_types = prompt_types, .config = prompt_fields, .heads = prompt_heads, .ignored = IGNORED "|*.prompt_depth_layer.*"
};

GTF_TEXT_PLUGINS (depth_anything, "depth_anything", "Depth Anything: depth from the layers of DINOv2", &depth_anything, &prompt_depth_anything)
