/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RegNet: Radosavovic et al., "Designing Network Design Spaces" (2020).
 *
 * Residual blocks of a convolution in groups between two of 1 x 1; those of type y weigh their channels (squeeze and excitation).
 * docs/models/regnet.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  gint64 n_channels, n_labels, n_features, depth[GTF_MAX_STAGES];
  const char *depths, *layer_type;
  GtfActivation activation;
  gboolean first_downsamples, is_y;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_STRING_FIELD (Config, layer_type, "layer_type", "y"),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "relu"),
  GTF_CONFIG_BOOL_FIELD (Config, first_downsamples, "downsample_in_first_stage", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->is_y = g_strcmp0 (config->layer_type, "y") == 0;
  if (!config->is_y && g_strcmp0 (config->layer_type, "x") != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "layer_type: expected \"x\" or \"y\", found \"%.60s\"", config->layer_type);
      return FALSE;
    }
  config->n_features = 1 + gtf_stages_read ("depths", config->depths, "2|6|12|2", -1, 1, 1024, config->depth, error);
  return config->n_features > 0;
}

typedef struct
{
  const GtfConv2d *shortcut, *first, *middle, *last;    /* shortcut: may be NULL */
  const GtfLinear *squeeze, *excite;                    /* type y */
} Block;

typedef struct
{
  const GtfConv2d *stem;
  const Block *stages[GTF_MAX_STAGES];
  const GtfLinear *classifier;
} Weights;

#define CONV(Struct, field, path, flags)                                                                                           \
  { GTF_WEIGHT_CONV2D, path ".convolution", G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags), GTF_CONV_STORED, .norm = path ".normalization" }

static const GtfWeight block[] = {
  CONV (Block, shortcut, "shortcut", GTF_WEIGHT_OPTIONAL),
  CONV (Block, first, "layer.0", 0),
  CONV (Block, middle, "layer.1", GTF_WEIGHT_GROUPED),
  { GTF_WEIGHT_LINEAR, "layer.2.attention.0", G_STRUCT_OFFSET (Block, squeeze), GTF_WEIGHT_OPTIONAL, GTF_LINEAR_STORED },
  { GTF_WEIGHT_LINEAR, "layer.2.attention.2", G_STRUCT_OFFSET (Block, excite), GTF_WEIGHT_OPTIONAL, GTF_LINEAR_STORED },
  { GTF_WEIGHT_CONV2D, "layer.3.convolution|layer.2.convolution", G_STRUCT_OFFSET (Block, last), GTF_WEIGHT_NO_BIAS, GTF_CONV_STORED,
    .norm = "layer.3.normalization|layer.2.normalization" },
  { GTF_WEIGHT_END }
};

#define STAGE(i)                                                                                                                   \
  { GTF_WEIGHT_GROUP, "encoder.stages." #i ".layers.%d", .offset = G_STRUCT_OFFSET (Weights, stages[i]), .group = block,           \
    .group_size = sizeof (Block), .count = GTF_DIM (Config, depth[i]) }

static const GtfWeight weights[] = {
  CONV (Weights, stem, "embedder.embedder", 0),
  STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7),
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "classifier.1", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "regnet" },
  { "Model", gtf_vision_base_tasks, NULL, "regnet" },
  { NULL }
};

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, gint64 stride)
{
  GtfTensor *shortcut = w->shortcut != NULL ? gtf_conv2d (c, w->shortcut, x, &(GtfWindow){ .stride = stride }, GTF_ACTIVATION_NONE, NULL) : x;
  GtfTensor *h = gtf_conv2d (c, w->first, x, NULL, config->activation, NULL);

  h = gtf_conv2d (c, w->middle, h, &(GtfWindow){ .stride = stride, .padding = 1 }, config->activation, NULL);
  if (config->is_y)
    h = gtf_squeeze_excite (c, w->squeeze, w->excite, h, GTF_ACTIVATION_RELU);
  return gtf_conv2d (c, w->last, h, NULL, config->activation, shortcut);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = gtf_pixels_last (c, gtf_vision_pixels (c, config->n_channels));

  x = gtf_conv2d (c, w->stem, x, &(GtfWindow){ .stride = 2, .padding = 1 }, config->activation, NULL);
  for (gint64 i = 0; i + 1 < config->n_features; i++)
    for (gint64 j = 0; j < config->depth[i]; j++)
      {
        gsize mark = gtf_push (c);

        x = gtf_pop_keep (c, mark, block_forward (c, config, &w->stages[i][j], x, j > 0 || (i == 0 && !config->first_downsamples) ? 1 : 2));
      }
  gtf_stages_outputs (c, x, gtf_mean_pixels (c, x), TRUE, w->classifier);
}

static const char *const types[] = { "regnet", NULL };

static const GtfArchitecture regnet = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked|classifier.*", .forward = forward
};

GTF_TEXT_PLUGINS (regnet, "regnet", "RegNet: residual convolutions in groups", &regnet)
