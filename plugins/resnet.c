/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ResNet: He et al., "Deep Residual Learning for Image Recognition" (2015), and the one inside RT-DETR.
 *
 * A stem, then stages of blocks that add two or three convolutions to what they are given; the first block of a stage makes the picture
 * smaller and projects what it adds to. RT-DETR's has a stem of three convolutions, and takes means where a shortcut makes the picture smaller.
 * docs/models/resnet.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define MAX_STAGES 8

typedef struct
{
  gint64 n_channels, n_labels, n_stages, depth[MAX_STAGES];     /* n_stages: with the stem */
  gint64 stem, plain_stem, deep_stem, deep_half;                /* channels; 0: there is no such stem */
  const char *depths, *layer_type;
  GtfActivation activation;
  gboolean is_bottleneck, first_downsamples, downsamples_early, is_deep;
} Config;

typedef struct
{
  const GtfConv2d *shortcut, *pooled, *convs[3];        /* each with its normalisation; a shortcut, one behind a mean, or none */
} Block;

typedef struct
{
  const GtfConv2d *stem, *deep[3];
  const Block *stages[MAX_STAGES];
  const GtfLinear *classifier;
} Weights;

#define FIELDS(deep)                                                                                                               \
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),                                                        \
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),                                                 \
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),                                                                                \
  GTF_CONFIG_STRING_FIELD (Config, layer_type, "layer_type", "bottleneck"),                                                        \
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "relu"),                                                          \
  GTF_CONFIG_BOOL_FIELD (Config, first_downsamples, "downsample_in_first_stage", FALSE),                                           \
  GTF_CONFIG_BOOL_FIELD (Config, downsamples_early, "downsample_in_bottleneck", FALSE),                                            \
  GTF_CONFIG_INT_FIELD (Config, stem, "embedding_size", 2, 1 << 16, 64),                                                           \
  GTF_CONFIG_BOOL_FIELD (Config, is_deep, "", deep),                                                                               \
  GTF_CONFIG_FIELDS_END

static const GtfConfigField resnet_config[] = { FIELDS (FALSE) };
static const GtfConfigField rt_detr_resnet_config[] = { FIELDS (TRUE) };

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const char *depths = config->depths ? config->depths : "3|4|6|3";
  gint64 n = gtf_config_list_size (depths);

  config->n_stages = n + 1;
  config->plain_stem = config->is_deep ? 0 : config->stem;
  config->deep_stem = config->is_deep ? config->stem : 0;
  config->deep_half = config->deep_stem / 2;
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

#define CONV(Struct, field, path, flags)                                                                                           \
  { GTF_WEIGHT_CONV2D, path ".convolution", G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags),                         \
    { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = path ".normalization" }

static const GtfWeight block[] = {
  CONV (Block, shortcut, "shortcut", GTF_WEIGHT_OPTIONAL),
  CONV (Block, pooled, "shortcut.1", GTF_WEIGHT_OPTIONAL),
  CONV (Block, convs[0], "layer.0", 0),
  CONV (Block, convs[1], "layer.1", 0),
  CONV (Block, convs[2], "layer.2", GTF_WEIGHT_OPTIONAL),
  { GTF_WEIGHT_END }
};

#define STEM(field, path, channels)                                                                                                \
  { GTF_WEIGHT_CONV2D, path ".convolution", G_STRUCT_OFFSET (Weights, field), GTF_WEIGHT_NO_BIAS,                                  \
    { GTF_DIM (Config, channels), GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = path ".normalization" }
#define STAGE(n)                                                                                                                   \
  { GTF_WEIGHT_GROUP, "encoder.stages." #n ".layers.%d", .offset = G_STRUCT_OFFSET (Weights, stages[n]), .group = block,           \
    .group_size = sizeof (Block), .count = GTF_DIM (Config, depth[n]) }

static const GtfWeight weights[] = {
  STEM (stem, "embedder.embedder", plain_stem),
  STEM (deep[0], "embedder.embedder.0", deep_half),
  STEM (deep[1], "embedder.embedder.1", deep_half),
  STEM (deep[2], "embedder.embedder.2", deep_stem),
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

/* What a block adds to. */
static GtfTensor *
project (GtfContext *c, const Block *w, GtfTensor *x, gint64 stride)
{
  if (w->pooled != NULL)
    return gtf_conv2d (c, w->pooled, gtf_avg_pool2d (c, x, &(GtfWindow){ .kernel = 2, .stride = 2, .ceil = TRUE }), NULL, GTF_ACTIVATION_NONE, NULL);
  return w->shortcut != NULL ? gtf_conv2d (c, w->shortcut, x, &(GtfWindow){ .stride = stride }, GTF_ACTIVATION_NONE, NULL) : x;
}

/* @is_ours: nobody else needs x. */
static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, gint64 stride, gboolean is_ours)
{
  const GtfActivation act = GTF_ACTIVATION_RELU;        /* within a block, whatever hidden_act says */
  const gint64 first = config->downsamples_early ? stride : 1, second = config->downsamples_early ? 1 : stride;
  GtfTensor *shortcut = project (c, w, x, stride), *h;
  const GtfConv2d *last = w->convs[config->is_bottleneck ? 2 : 1];
  const GtfWindow window = { .padding = config->is_bottleneck ? 0 : 1 };

  if (config->is_bottleneck)
    {
      h = gtf_conv2d_inner (c, w->convs[0], x, &(GtfWindow){ .stride = first }, act);
      h = gtf_conv2d_inner (c, w->convs[1], h, &(GtfWindow){ .stride = second, .padding = 1 }, act);
    }
  else
    h = gtf_conv2d_inner (c, w->convs[0], x, &(GtfWindow){ .stride = stride, .padding = 1 }, act);
  return is_ours || shortcut != x ? gtf_conv2d_onto (c, last, h, &window, config->activation, shortcut) : gtf_conv2d (c, last, h, &window, config->activation, shortcut);
}

static GtfTensor *
stem (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x)
{
  const GtfActivation act = config->activation;

  if (!config->is_deep)
    return gtf_conv2d (c, w->stem, x, &(GtfWindow){ .stride = 2, .padding = 3 }, act, NULL);
  x = gtf_conv2d_inner (c, w->deep[0], x, &(GtfWindow){ .stride = 2, .padding = 1 }, act);
  x = gtf_conv2d_inner (c, w->deep[1], x, &(GtfWindow){ .padding = 1 }, act);
  return gtf_conv2d (c, w->deep[2], x, &(GtfWindow){ .padding = 1 }, act, NULL);
}

/* The stem and all stages; @f: a backbone's, which puts each. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  GtfTensor *x = gtf_max_pool2d (c, stem (c, config, w, gtf_pixels_last (c, pixels)), &(GtfWindow){ 3, 2, 1 });

  if (f != NULL)
    gtf_feature (c, f, 0, x);
  for (gint64 i = 0; i < MAX_STAGES && config->depth[i] > 0; i++)
    {
      gsize mark = gtf_push (c);

      for (gint64 j = 0; j < config->depth[i]; j++)
        x = gtf_pop_keep (c, mark, block_forward (c, config, &w->stages[i][j], x, j > 0 || (i == 0 && !config->first_downsamples) ? 1 : 2, j > 0));
      if (f != NULL)
        gtf_feature (c, f, i + 1, x);
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
  GtfTensor *x = encode (c, config, w, gtf_vision_pixels (c, config->n_channels), NULL), *pooled = gtf_mean_pixels (c, x);

  gtf_output (c, "last_hidden_state", gtf_pixels_first (c, x));
  gtf_output (c, "pooler_output", gtf_reshape (c, pooled, 4, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 3), 1, 1 }));
  if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, pooled));
}

static const char *const resnet_types[] = { "resnet", NULL }, *const rt_detr_resnet_types[] = { "rt_detr_resnet", NULL };

#define ARCHITECTURE(name)                                                                                                         \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,   \
    .model_types = name##_types, .config = name##_config, .weights = weights, .heads = heads,                                      \
    .ignored = "*.num_batches_tracked|classifier.*", .forward = forward, .features = features, .n_stages = GTF_DIM (Config, n_stages) \
  }

ARCHITECTURE (resnet);
ARCHITECTURE (rt_detr_resnet);

GTF_TEXT_PLUGINS (resnet, "resnet", "ResNet: residual convolutions over pictures", &resnet, &rt_detr_resnet)
