/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ResNet: He et al., "Deep Residual Learning for Image Recognition" (2015).
 *
 * A stem, then stages of blocks that add two or three convolutions to what they are given; the first block of a stage makes the picture
 * smaller and projects what it adds to. docs/models/resnet.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define MAX_STAGES 8

typedef struct
{
  gint64 n_channels, n_labels, depth[MAX_STAGES];
  const char *depths, *layer_type;
  GtfActivation activation;
  gboolean is_bottleneck, first_downsamples, downsamples_early;
} Config;

typedef struct
{
  const GtfLinear *conv;
  GtfBatchNorm norm;
} ConvNorm;

typedef struct
{
  ConvNorm shortcut, convs[3];          /* shortcut: may be absent */
} Block;

typedef struct
{
  ConvNorm stem;
  const Block *stages[MAX_STAGES];
  const GtfLinear *classifier;
} Weights;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_STRING_FIELD (Config, layer_type, "layer_type", "bottleneck"),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "relu"),
  GTF_CONFIG_BOOL_FIELD (Config, first_downsamples, "downsample_in_first_stage", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, downsamples_early, "downsample_in_bottleneck", FALSE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const char *depths = config->depths ? config->depths : "3|4|6|3";
  gint64 n = gtf_config_list_size (depths);

  config->is_bottleneck = g_strcmp0 (config->layer_type, "bottleneck") == 0;
  if (!config->is_bottleneck && g_strcmp0 (config->layer_type, "basic") != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "layer_type: expected \"basic\" or \"bottleneck\", found \"%.60s\"", config->layer_type);
      return FALSE;
    }
  for (gint64 i = 0; i < n && n <= MAX_STAGES; i++)
    if (!gtf_config_list_int (depths, i, 1, 1024, &config->depth[i]))
      n = MAX_STAGES + 1;
  if (n <= MAX_STAGES)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "depths: expected 1 to %d numbers from 1 to 1024, found %.60s", MAX_STAGES, depths);
  return FALSE;
}

#define VECTOR(Struct, field, name, flags) { GTF_WEIGHT_TENSOR, name, G_STRUCT_OFFSET (Struct, field), flags, { GTF_DIM_STORED } }
#define CONV_NORM(Struct, field, name, flags)                                                                                      \
  { GTF_WEIGHT_LINEAR, name ".convolution.weight", G_STRUCT_OFFSET (Struct, field.conv), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS | (flags), \
    { GTF_DIM_STORED, GTF_DIM_STORED } },                                                                                          \
  VECTOR (Struct, field.norm.weight, name ".normalization.weight", flags), VECTOR (Struct, field.norm.bias, name ".normalization.bias", flags), \
  VECTOR (Struct, field.norm.mean, name ".normalization.running_mean", flags), VECTOR (Struct, field.norm.variance, name ".normalization.running_var", flags)

static const GtfWeight block[] = {
  CONV_NORM (Block, shortcut, "shortcut", GTF_WEIGHT_OPTIONAL),
  CONV_NORM (Block, convs[0], "layer.0", 0),
  CONV_NORM (Block, convs[1], "layer.1", 0),
  CONV_NORM (Block, convs[2], "layer.2", GTF_WEIGHT_OPTIONAL),
  { GTF_WEIGHT_END }
};

#define STAGE(n)                                                                                                                   \
  { GTF_WEIGHT_GROUP, "encoder.stages." #n ".layers.%d", .offset = G_STRUCT_OFFSET (Weights, stages[n]), .group = block,           \
    .group_size = sizeof (Block), .count = GTF_DIM (Config, depth[n]) }

static const GtfWeight weights[] = {
  CONV_NORM (Weights, stem, "embedder.embedder", 0),
  STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7),
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "classifier.1", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "resnet" },
  { "Backbone", gtf_vision_base_tasks, NULL, "resnet" },
  { "Model", gtf_vision_base_tasks, NULL, "resnet" },
  { NULL }
};

static GtfTensor *
conv_norm (GtfContext *c, const ConvNorm *w, GtfTensor *x, gint64 kernel, gint64 stride, GtfActivation act)
{
  x = gtf_conv2d (c, w->conv, x, &(GtfWindow){ kernel, stride, kernel / 2 }, GTF_ACTIVATION_NONE);
  return gtf_batch_norm (c, &w->norm, x, 1e-5f, act);
}

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, gint64 stride)
{
  const GtfActivation act = GTF_ACTIVATION_RELU;        /* within a block, whatever hidden_act says */
  GtfTensor *h;

  if (config->is_bottleneck)
    {
      h = conv_norm (c, &w->convs[0], x, 1, config->downsamples_early ? stride : 1, act);
      h = conv_norm (c, &w->convs[1], h, 3, config->downsamples_early ? 1 : stride, act);
      h = conv_norm (c, &w->convs[2], h, 1, 1, GTF_ACTIVATION_NONE);
    }
  else
    {
      h = conv_norm (c, &w->convs[0], x, 3, stride, act);
      h = conv_norm (c, &w->convs[1], h, 3, 1, GTF_ACTIVATION_NONE);
    }
  if (w->shortcut.conv != NULL)
    x = conv_norm (c, &w->shortcut, x, 1, stride, GTF_ACTIVATION_NONE);
  return gtf_activate (c, gtf_add (c, h, x), config->activation);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, config->n_channels);
  gint64 n, height, width, d;
  GtfTensor *x, *pooled;

  if (pixels == NULL)
    return;
  n = gtf_dim (pixels, 0);
  height = gtf_dim (pixels, 2);
  width = gtf_dim (pixels, 3);
  x = gtf_transpose (c, gtf_reshape (c, pixels, 3, (gint64[]){ n, config->n_channels, height * width }));
  x = gtf_reshape (c, x, 4, (gint64[]){ n, height, width, config->n_channels });
  x = conv_norm (c, &w->stem, x, 7, 2, config->activation);
  x = gtf_max_pool2d (c, x, &(GtfWindow){ 3, 2, 1 });
  for (gint64 i = 0; i < MAX_STAGES; i++)
    for (gint64 j = 0; j < config->depth[i]; j++)
      {
        gsize mark = gtf_push (c);

        x = gtf_pop_keep (c, mark, block_forward (c, config, &w->stages[i][j], x, j > 0 || (i == 0 && !config->first_downsamples) ? 1 : 2));
      }
  if (gtf_failed (c))
    return;
  height = gtf_dim (x, 1);
  width = gtf_dim (x, 2);
  d = gtf_dim (x, 3);
  x = gtf_reshape (c, x, 3, (gint64[]){ n, height * width, d });
  pooled = gtf_mean_steps (c, x);
  gtf_output (c, "last_hidden_state", gtf_reshape (c, gtf_transpose (c, x), 4, (gint64[]){ n, d, height, width }));
  gtf_output (c, "pooler_output", gtf_reshape (c, pooled, 4, (gint64[]){ n, d, 1, 1 }));
  if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, pooled));
}

static const char *const types[] = { "resnet", NULL };

static const GtfArchitecture resnet = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked|classifier.*", .forward = forward
};

GTF_TEXT_PLUGINS (resnet, "resnet", "ResNet: residual convolutions over pictures", &resnet)
