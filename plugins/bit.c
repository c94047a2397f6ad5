/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * BiT: Kolesnikov et al., "Big Transfer: General Visual Representation Learning" (2020).
 *
 * ResNets whose weights are standardised and whose pixels are normalised in groups, before each convolution ("preactivation") or behind it
 * ("bottleneck"). docs/models/bit.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define NORM_EPS 1e-5f

typedef struct
{
  gint64 n_channels, n_labels, n_features, n_groups, output_stride, depth[GTF_MAX_STAGES];
  const char *depths, *layer_type, *padding;
  GtfActivation activation;
  gboolean before, pools_same, same, valid;     /* before: preactivation */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, n_groups, "num_groups", 1, 1 << 16, 32),
  GTF_CONFIG_INT_FIELD (Config, output_stride, "output_stride", 1, 1 << 16, 32),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_STRING_FIELD (Config, layer_type, "layer_type", "preactivation"),
  GTF_CONFIG_STRING_FIELD (Config, padding, "global_padding", NULL),
  GTF_CONFIG_BOOL_FIELD (Config, pools_same, "embedding_dynamic_padding", FALSE),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "relu"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->before = g_strcmp0 (config->layer_type, "preactivation") == 0;
  config->same = config->padding != NULL && g_ascii_strcasecmp (config->padding, "same") == 0;
  config->valid = config->padding != NULL && g_ascii_strcasecmp (config->padding, "valid") == 0;
  if (!config->before && g_strcmp0 (config->layer_type, "bottleneck") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "layer_type: expected \"preactivation\" or \"bottleneck\", found \"%.60s\"", config->layer_type);
  else if (config->padding != NULL && !config->same && !config->valid)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "global_padding: expected \"same\", \"valid\" or null, found \"%.60s\"", config->padding);
  else
    {
      config->n_features = 1 + gtf_stages_read ("depths", config->depths, "3|4|6|3", -1, 1, 1024, config->depth, error);
      return config->n_features > 0;
    }
  return FALSE;
}

typedef struct
{
  const GtfConv2d *convs[3], *shortcut;         /* shortcut: of the first block of a stage */
  const GtfNorm *norms[3], *shortcut_norm;
} Block;

typedef struct
{
  const GtfConv2d *stem;
  const GtfNorm *stem_norm, *norm;              /* one of them */
  const Block *stages[GTF_MAX_STAGES];
  const GtfLinear *classifier;
} Weights;

#define CONV(Struct, field, name, flags)                                                                                           \
  { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_STANDARDIZED | (flags), GTF_CONV_STORED, .eps = 1e-8 }
#define NORM(Struct, field, name, flags) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Struct, field), flags, { GTF_DIM_STORED } }

static const GtfWeight block[] = {
  CONV (Block, convs[0], "conv1", 0), CONV (Block, convs[1], "conv2", 0), CONV (Block, convs[2], "conv3", 0), CONV (Block, shortcut, "downsample.conv", GTF_WEIGHT_OPTIONAL),
  NORM (Block, norms[0], "norm1", 0), NORM (Block, norms[1], "norm2", 0), NORM (Block, norms[2], "norm3", 0), NORM (Block, shortcut_norm, "downsample.norm", GTF_WEIGHT_OPTIONAL),
  { GTF_WEIGHT_END }
};

#define STAGE(i)                                                                                                                   \
  { GTF_WEIGHT_GROUP, "encoder.stages." #i ".layers.%d", .offset = G_STRUCT_OFFSET (Weights, stages[i]), .group = block,           \
    .group_size = sizeof (Block), .count = GTF_DIM (Config, depth[i]) }

static const GtfWeight weights[] = {
  CONV (Weights, stem, "embedder.convolution", 0),
  NORM (Weights, stem_norm, "embedder.norm", GTF_WEIGHT_OPTIONAL), NORM (Weights, norm, "norm", GTF_WEIGHT_OPTIONAL),
  STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7),
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "classifier.1", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "bit" },
  { "Backbone", gtf_vision_base_tasks, NULL, "bit" },
  { "Model", gtf_vision_base_tasks, NULL, "bit" },
  { NULL }
};

/* ---- convolutions ---------------------------------------------------------------------------------------------------------- */

static GtfTensor *
conv (GtfContext *c, const Config *config, const GtfConv2d *w, const GtfTensor *x, gint64 stride, gint64 dilation)
{
  const gint64 around = (stride - 1 + dilation * (gtf_conv2d_size (w, 0) - 1)) / 2;
  const GtfWindow window = { .stride = stride, .dilation = dilation, .same = config->same, .padding = config->same || config->valid ? 0 : around };

  return gtf_conv2d (c, w, x, &window, GTF_ACTIVATION_NONE, NULL);
}

static GtfTensor *
norm (GtfContext *c, const Config *config, const GtfNorm *w, const GtfTensor *x, GtfActivation act)
{
  return gtf_activate (c, gtf_group_norm (c, w, x, config->n_groups, NORM_EPS), act);
}

/* Normalised before each convolution. */
static GtfTensor *
block_before (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, gint64 stride)
{
  const GtfActivation act = config->activation;
  GtfTensor *h = norm (c, config, w->norms[0], x, act);
  GtfTensor *shortcut = w->shortcut != NULL ? conv (c, config, w->shortcut, h, stride, 1) : x;

  h = conv (c, config, w->convs[0], h, 1, 1);
  h = conv (c, config, w->convs[1], norm (c, config, w->norms[1], h, act), stride, 1);
  return gtf_conv2d (c, w->convs[2], norm (c, config, w->norms[2], h, act), NULL, GTF_ACTIVATION_NONE, shortcut);
}

/* Normalised behind each. */
static GtfTensor *
block_behind (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, gint64 stride, gint64 dilation)
{
  const GtfActivation act = config->activation, none = GTF_ACTIVATION_NONE;
  GtfTensor *shortcut = w->shortcut != NULL ? norm (c, config, w->shortcut_norm, conv (c, config, w->shortcut, x, stride, 1), none) : x;
  GtfTensor *h = norm (c, config, w->norms[0], conv (c, config, w->convs[0], x, 1, 1), act);

  h = norm (c, config, w->norms[1], conv (c, config, w->convs[1], h, stride, dilation), act);
  h = norm (c, config, w->norms[2], conv (c, config, w->convs[2], h, 1, 1), none);
  return gtf_activate (c, gtf_add (c, h, shortcut), act);
}

static GtfTensor *
stem (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels)
{
  GtfTensor *x = conv (c, config, w->stem, gtf_pixels_last (c, pixels), 2, 1);

  if (!config->same)
    x = gtf_pad_pixels (c, x, 1, 1, 1, 1);
  if (!config->before)
    x = norm (c, config, w->stem_norm, x, config->activation);
  if (config->pools_same)       /* with zeros that count */
    {
      const gint64 down = MAX ((gtf_dim (x, 1) + 1) / 2 * 2 + 1 - gtf_dim (x, 1), 0), across = MAX ((gtf_dim (x, 2) + 1) / 2 * 2 + 1 - gtf_dim (x, 2), 0);

      x = gtf_pad_pixels (c, x, down / 2, across / 2, down - down / 2, across - across / 2);
    }
  return gtf_max_pool2d (c, x, &(GtfWindow){ 3, 2 });
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------- */

/* The stem and all stages; @f: a backbone's, which puts each. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  gint64 reached = 4, dilation = 1;
  gsize start = gtf_push (c);
  GtfTensor *x = gtf_pop_keep (c, start, stem (c, config, w, pixels));

  if (f != NULL)
    gtf_feature (c, f, 0, x);
  for (gint64 i = 0; i + 1 < config->n_features; i++)
    {
      gint64 stride = i == 0 ? 1 : 2, first;

      if (reached >= config->output_stride)     /* the picture keeps its size, windows spread */
        {
          dilation *= stride;
          stride = 1;
        }
      reached *= stride;
      first = dilation <= 2 ? 1 : 2;
      for (gint64 j = 0; j < config->depth[i]; j++)
        {
          gsize mark = gtf_push (c);

          if (config->before)
            x = block_before (c, config, &w->stages[i][j], x, j == 0 ? stride : 1);
          else
            x = block_behind (c, config, &w->stages[i][j], x, j == 0 ? stride : 1, j == 0 ? first : dilation);
          x = gtf_pop_keep (c, mark, x);
        }
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
  GtfTensor *x = encode (c, config, w, gtf_vision_pixels (c, config->n_channels), NULL);

  if (config->before)
    x = norm (c, config, w->norm, x, config->activation);
  gtf_stages_outputs (c, x, gtf_mean_pixels (c, x), TRUE, w->classifier);
}

static const char *const types[] = { "bit", NULL };

static const GtfArchitecture bit = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "classifier.*", .forward = forward, .features = features,
  .n_stages = GTF_DIM (Config, n_features)
};

GTF_TEXT_PLUGINS (bit, "bit", "BiT: residual convolutions with standardised weights", &bit)
