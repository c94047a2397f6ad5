/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ConvNeXt: Liu et al., "A ConvNet for the 2020s" (2022); ConvNeXt V2: Woo et al., "Co-designing and Scaling ConvNets with Masked
 * Autoencoders" (2023).
 *
 * Blocks that look 7 x 7 pixels around in each channel by itself, then widen and narrow each pixel. The second version normalises how strongly
 * channels respond instead of scaling what a block adds. docs/models/convnext.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  gint64 n_channels, n_labels, n_features, depth[GTF_MAX_STAGES];      /* n_features: stages with the stem */
  const char *depths, *patch_sizes;
  gint64 patch[2];
  double eps, block_eps;
  GtfActivation activation;
} Config;

typedef struct
{
  const GtfConv2d *around;
  const GtfNorm *norm, *scale;          /* scale: may be NULL */
  const GtfLinear *up, *down;
  const GtfTensor *response, *response_bias;    /* may be NULL */
} Block;

typedef struct
{
  const GtfConv2d *stem, *downs[GTF_MAX_STAGES];        /* downs: may be NULL */
  const GtfNorm *stem_norm, *down_norms[GTF_MAX_STAGES], *norm, *feature_norms[GTF_MAX_STAGES + 1];
  const Block *stages[GTF_MAX_STAGES];
  const GtfLinear *classifier;
} Weights;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_LIST_FIELD (Config, patch_sizes, "patch_size"),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-12),
  GTF_CONFIG_FLOAT_FIELD (Config, block_eps, "", 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "gelu"),
  GTF_CONFIG_FIELDS_END
};

static const GtfConfigField dinov3_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_FLOAT_FIELD (Config, block_eps, "layer_norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "gelu"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const char *patches = config->patch_sizes ? config->patch_sizes : "4";
  const gint64 n = gtf_stages_read ("depths", config->depths, "3|3|9|3", -1, 1, 1024, config->depth, error);
  const gint64 n_sizes = n < 0 ? -1 : gtf_stages_read ("patch_size", patches, NULL, gtf_config_list_size (patches) == 2 ? 2 : 1, 1, 256, config->patch, error);

  if (n_sizes == 1)
    config->patch[1] = config->patch[0];
  config->n_features = n + 1;
  return n_sizes > 0;
}

#define BLOCK(field) G_STRUCT_OFFSET (Block, field)
#define AT(field) G_STRUCT_OFFSET (Weights, field)
#define VECTOR { GTF_DIM_CONST (1), GTF_DIM_CONST (1), GTF_DIM_CONST (1), GTF_DIM_STORED }

static const GtfWeight block[] = {
  { GTF_WEIGHT_CONV2D, "dwconv", BLOCK (around), GTF_WEIGHT_GROUPED, GTF_CONV_STORED },
  { GTF_WEIGHT_NORM, "layernorm", BLOCK (norm), 0, { GTF_DIM_STORED } },
  { GTF_WEIGHT_LINEAR, "pwconv1", BLOCK (up), 0, GTF_LINEAR_STORED },
  { GTF_WEIGHT_LINEAR, "pwconv2", BLOCK (down), 0, GTF_LINEAR_STORED },
  { GTF_WEIGHT_NORM, "layer_scale_parameter", BLOCK (scale), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_OPTIONAL, { GTF_DIM_STORED } },
  { GTF_WEIGHT_TENSOR, "grn.weight", BLOCK (response), GTF_WEIGHT_OPTIONAL, VECTOR },
  { GTF_WEIGHT_TENSOR, "grn.bias", BLOCK (response_bias), GTF_WEIGHT_OPTIONAL, VECTOR },
  { GTF_WEIGHT_END }
};

#define STAGE(i)                                                                                                                   \
  { GTF_WEIGHT_NORM, "encoder.stages." #i ".downsampling_layer.0", AT (down_norms[i]), GTF_WEIGHT_OPTIONAL, { GTF_DIM_STORED } },  \
  { GTF_WEIGHT_CONV2D, "encoder.stages." #i ".downsampling_layer.1", AT (downs[i]), GTF_WEIGHT_OPTIONAL, GTF_CONV_STORED },        \
  { GTF_WEIGHT_GROUP, "encoder.stages." #i ".layers.%d", .offset = AT (stages[i]), .group = block, .group_size = sizeof (Block),   \
    .count = GTF_DIM (Config, depth[i]) }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_CONV2D, "embeddings.patch_embeddings", AT (stem), 0, { GTF_DIM_STORED, GTF_DIM (Config, n_channels), GTF_DIM (Config, patch[0]), GTF_DIM (Config, patch[1]) } },
  { GTF_WEIGHT_NORM, "embeddings.layernorm", AT (stem_norm), 0, { GTF_DIM_STORED } },
  STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7),
  { GTF_WEIGHT_END }
};

#define FINAL_NORM { GTF_WEIGHT_NORM, "layernorm", AT (norm), 0, { GTF_DIM_STORED } }
#define FEATURE_NORM(i, name) { GTF_WEIGHT_NORM, "hidden_states_norms." name, AT (feature_norms[i]), GTF_WEIGHT_OPTIONAL, { GTF_DIM_STORED } }

static const GtfWeight base[] = { FINAL_NORM, { GTF_WEIGHT_END } };
static const GtfWeight classifier[] = {
  FINAL_NORM,
  { GTF_WEIGHT_LINEAR, "classifier", AT (classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};
static const GtfWeight backbone[] = {
  FEATURE_NORM (0, "stem"), FEATURE_NORM (1, "stage1"), FEATURE_NORM (2, "stage2"), FEATURE_NORM (3, "stage3"), FEATURE_NORM (4, "stage4"),
  FEATURE_NORM (5, "stage5"), FEATURE_NORM (6, "stage6"), FEATURE_NORM (7, "stage7"), FEATURE_NORM (8, "stage8"),
  { GTF_WEIGHT_END }
};

#define HEADS(prefix)                                                                                                              \
  { { "ForImageClassification", gtf_vision_classification_tasks, classifier, prefix },                                             \
    { "Backbone", gtf_vision_base_tasks, backbone, prefix },                                                                       \
    { "Model", gtf_vision_base_tasks, base, prefix },                                                                              \
    { NULL } }

static const GtfHead heads[] = HEADS ("convnext"), v2_heads[] = HEADS ("convnextv2");

/* ---- DINOv3's: the same by other names; the mean of all pixels is a token like them ------------------------------------------------- */

static const GtfWeight dinov3_block[] = {
  { GTF_WEIGHT_CONV2D, "depthwise_conv", BLOCK (around), GTF_WEIGHT_GROUPED, GTF_CONV_STORED },
  { GTF_WEIGHT_NORM, "layer_norm", BLOCK (norm), 0, { GTF_DIM_STORED } },
  { GTF_WEIGHT_LINEAR, "pointwise_conv1", BLOCK (up), 0, GTF_LINEAR_STORED },
  { GTF_WEIGHT_LINEAR, "pointwise_conv2", BLOCK (down), 0, GTF_LINEAR_STORED },
  { GTF_WEIGHT_NORM, "gamma", BLOCK (scale), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS, { GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

#define DINOV3_LAYERS(i)                                                                                                           \
  { GTF_WEIGHT_GROUP, "stages." #i ".layers.%d", .offset = AT (stages[i]), .group = dinov3_block, .group_size = sizeof (Block), .count = GTF_DIM (Config, depth[i]) }
#define DINOV3_STAGE(i)                                                                                                            \
  { GTF_WEIGHT_NORM, "stages." #i ".downsample_layers.0", AT (down_norms[i]), GTF_WEIGHT_OPTIONAL, { GTF_DIM_STORED } },           \
  { GTF_WEIGHT_CONV2D, "stages." #i ".downsample_layers.1", AT (downs[i]), GTF_WEIGHT_OPTIONAL, GTF_CONV_STORED }, DINOV3_LAYERS (i)

static const GtfWeight dinov3_weights[] = {
  { GTF_WEIGHT_CONV2D, "stages.0.downsample_layers.0", AT (stem), 0, { GTF_DIM_STORED, GTF_DIM (Config, n_channels), GTF_DIM (Config, patch[0]), GTF_DIM (Config, patch[1]) } },
  { GTF_WEIGHT_NORM, "stages.0.downsample_layers.1", AT (stem_norm), 0, { GTF_DIM_STORED } },
  DINOV3_LAYERS (0), DINOV3_STAGE (1), DINOV3_STAGE (2), DINOV3_STAGE (3), DINOV3_STAGE (4), DINOV3_STAGE (5), DINOV3_STAGE (6), DINOV3_STAGE (7),
  { GTF_WEIGHT_END }
};

static const GtfWeight dinov3_base[] = { { GTF_WEIGHT_NORM, "layer_norm", AT (norm), 0, { GTF_DIM_STORED } }, { GTF_WEIGHT_END } };

static const GtfHead dinov3_heads[] = {
  { "Backbone", gtf_vision_base_tasks, NULL, "model" },
  { "Model", gtf_vision_base_tasks, dinov3_base, "model" },
  { NULL }
};

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x)
{
  GtfTensor *h = gtf_conv2d (c, w->around, x, &(GtfWindow){ .padding = 3 }, GTF_ACTIVATION_NONE, NULL);

  h = gtf_linear_act (c, w->up, gtf_layer_norm (c, w->norm, h, (float) config->block_eps), config->activation);
  if (w->response != NULL)
    h = gtf_response_norm (c, w->response, w->response_bias, h, 1e-6f);
  if (w->scale == NULL)
    return gtf_linear_add (c, w->down, h, x);
  return gtf_add (c, x, gtf_affine (c, w->scale, gtf_linear (c, w->down, h)));
}

static void
put_feature (GtfContext *c, const GtfForward *f, gint64 stage, const GtfTensor *x)
{
  const Weights *w = f->weights;

  if (gtf_feature_wanted (f, stage))
    gtf_feature (c, f, stage, w->feature_norms[stage] != NULL ? gtf_layer_norm (c, w->feature_norms[stage], x, 1e-6f) : x);
}

/* The stem and all stages; @f: a backbone's, which puts each. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  GtfTensor *x = gtf_conv2d (c, w->stem, gtf_pixels_last (c, pixels), &(GtfWindow){ .stride = config->patch[0], .stride_width = config->patch[1] }, GTF_ACTIVATION_NONE, NULL);

  x = gtf_layer_norm (c, w->stem_norm, x, (float) config->block_eps);
  if (f != NULL && w->feature_norms[0] != NULL)
    put_feature (c, f, 0, x);
  for (gint64 i = 0; i + 1 < config->n_features; i++)
    {
      if (w->downs[i] != NULL)
        x = gtf_conv2d (c, w->downs[i], gtf_layer_norm (c, w->down_norms[i], x, (float) config->block_eps), &(GtfWindow){ .stride = i > 0 ? 2 : 1 }, GTF_ACTIVATION_NONE, NULL);
      for (gint64 j = 0; j < config->depth[i]; j++)
        {
          gsize mark = gtf_push (c);

          x = gtf_pop_keep (c, mark, block_forward (c, config, &w->stages[i][j], x));
        }
      if (f != NULL)
        put_feature (c, f, i + 1, x);
    }
  return x;
}

static void
features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  encode (c, f->config, f->weights, pixels, f);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = encode (c, config, w, gtf_vision_pixels (c, config->n_channels), NULL);

  gtf_stages_outputs (c, x, w->norm != NULL ? gtf_layer_norm (c, w->norm, gtf_mean_pixels (c, x), (float) config->eps) : NULL, FALSE, w->classifier);
}

/* [mean, pixels], all normalised. */
static void
dinov3_forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = encode (c, config, w, gtf_vision_pixels (c, config->n_channels), NULL), *parts[2];

  parts[0] = gtf_mean_pixels (c, x);
  parts[0] = gtf_reshape (c, parts[0], 3, (gint64[]){ gtf_dim (parts[0], 0), 1, gtf_dim (parts[0], 1) });
  parts[1] = gtf_map_tokens (c, x);
  x = gtf_layer_norm (c, w->norm, gtf_chain_tokens (c, parts, 2), (float) config->eps);
  gtf_output (c, "last_hidden_state", x);
  gtf_output (c, "pooler_output", gtf_vision_token (c, x, 0));
}

/* Its first map is the picture itself. */
static void
dinov3_features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  gtf_feature (c, f, 0, gtf_pixels_last (c, pixels));
  encode (c, f->config, f->weights, pixels, f);
}

#define ARCHITECTURE(name, type, its_heads)                                                                                        \
  static const char *const name##_types[] = { type, NULL };                                                                        \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,   \
    .model_types = name##_types, .config = config_fields, .weights = weights, .heads = its_heads, .forward = forward, .features = features, \
    .n_stages = GTF_DIM (Config, n_features)                                                                                       \
  };

ARCHITECTURE (convnext, "convnext", heads)
ARCHITECTURE (convnextv2, "convnextv2", v2_heads)

static const char *const dinov3_types[] = { "dinov3_convnext", NULL };
static const GtfArchitecture dinov3_convnext = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = dinov3_types,
  .config = dinov3_fields, .weights = dinov3_weights, .heads = dinov3_heads, .ignored = "layer_norm.*", .forward = dinov3_forward, .features = dinov3_features,
  .n_stages = GTF_DIM (Config, n_features)
};

GTF_TEXT_PLUGINS (convnext, "convnext", "ConvNeXt, ConvNeXt V2 and DINOv3's: convolutions in the manner of transformers", &convnext, &convnextv2, &dinov3_convnext)
