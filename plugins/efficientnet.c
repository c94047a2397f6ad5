/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * EfficientNet: Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019); ALIGN: Jia et al., "Scaling Up Visual and Vision-Language
 * Representation Learning With Noisy Text Supervision" (2021): an EfficientNet that sees and a BERT that reads.
 *
 * Blocks that widen, look around channel by channel, weigh the channels (squeeze and excitation) and become narrow again.
 * docs/models/efficientnet.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>

typedef struct
{
  GtfTowersConfig towers;                       /* ALIGN: of what reads */
  gint64 n_channels, n_labels, n_stages, n_blocks, strides[GTF_MAX_STAGES], repeats[GTF_MAX_STAGES];
  const char *stride_list, *repeat_list, *symmetric, *pooling;  /* symmetric: blocks that are padded evenly */
  double depth_coefficient, eps;
  GtfActivation activation;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_LIST_FIELD (Config, stride_list, "strides"),
  GTF_CONFIG_LIST_FIELD (Config, repeat_list, "num_block_repeats"),
  GTF_CONFIG_LIST_FIELD (Config, symmetric, "depthwise_padding"),
  GTF_CONFIG_STRING_FIELD (Config, pooling, "pooling_type", "mean"),
  GTF_CONFIG_FLOAT_FIELD (Config, depth_coefficient, "depth_coefficient", 1e-6, 1000, 3.1),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "batch_norm_eps", 0, 1, 0.001),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "swish"),
  GTF_CONFIG_FIELDS_END
};

/* The whole model, and the half that sees by itself. */
static const GtfConfigField align_fields[] = {
  GTF_TOWERS_BERT_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, projection_size, "projection_dim", 1, 1 << 16, 640),
  GTF_CONFIG_INT_FIELD (Config, n_channels, GTF_SEES ("num_channels"), 1, 1 << 12, 3),
  GTF_CONFIG_LIST_FIELD (Config, stride_list, GTF_SEES ("strides")),
  GTF_CONFIG_LIST_FIELD (Config, repeat_list, GTF_SEES ("num_block_repeats")),
  GTF_CONFIG_LIST_FIELD (Config, symmetric, GTF_SEES ("depthwise_padding")),
  GTF_CONFIG_STRING_FIELD (Config, pooling, GTF_SEES ("pooling_type"), "mean"),
  GTF_CONFIG_FLOAT_FIELD (Config, depth_coefficient, GTF_SEES ("depth_coefficient"), 1e-6, 1000, 3.1),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, GTF_SEES ("batch_norm_eps"), 0, 1, 0.001),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, GTF_SEES ("hidden_act"), "swish"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->n_stages = gtf_stages_read ("strides", config->stride_list, "1|2|2|2|1|2|1", -1, 1, 2, config->strides, error);
  if (config->n_stages < 0 || gtf_stages_read ("num_block_repeats", config->repeat_list, "1|2|2|3|3|4|1", config->n_stages, 1, 1024, config->repeats, error) < 0)
    return FALSE;
  for (gint64 i = 0; i < config->n_stages; i++)
    {
      config->repeats[i] = (gint64) ceil (config->depth_coefficient * (double) config->repeats[i]);
      config->n_blocks += config->repeats[i];
    }
  if (g_strcmp0 (config->pooling, "mean") == 0 || g_strcmp0 (config->pooling, "max") == 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "pooling_type: expected \"mean\" or \"max\", found \"%.60s\"", config->pooling);
  return FALSE;
}

typedef struct
{
  const GtfLinear *expand, *squeeze, *excite, *project;         /* expand: may be NULL */
  const GtfConv2d *around;
} Block;

static gboolean
align_derive (gpointer data, GError **error)
{
  GtfTowersConfig *towers = data;

  return derive (data, error) && gtf_text_config_derive (&towers->text, error);
}

typedef struct
{
  GtfTowersWeights towers;
  const GtfTensor *temperature;
  const GtfConv2d *stem;
  const Block *blocks;
  const GtfLinear *top, *classifier;
} Weights;

#define NORM(name) .norm = name, .eps_field = G_STRUCT_OFFSET (Config, eps)
#define LINEAR(Struct, field, name, flags) GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), flags, GTF_LINEAR_STORED

static const GtfWeight block[] = {
  { LINEAR (Block, expand, "expansion.expand_conv", GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_OPTIONAL), NORM ("expansion.expand_bn") },
  { GTF_WEIGHT_CONV2D, "depthwise_conv.depthwise_conv", G_STRUCT_OFFSET (Block, around), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_GROUPED, GTF_CONV_STORED,
    NORM ("depthwise_conv.depthwise_norm") },
  { LINEAR (Block, squeeze, "squeeze_excite.reduce", 0) },
  { LINEAR (Block, excite, "squeeze_excite.expand", 0) },
  { LINEAR (Block, project, "projection.project_conv", GTF_WEIGHT_NO_BIAS), NORM ("projection.project_bn") },
  { GTF_WEIGHT_END }
};

#define BODY                                                                                                                       \
  { GTF_WEIGHT_CONV2D, "embeddings.convolution", G_STRUCT_OFFSET (Weights, stem), GTF_WEIGHT_NO_BIAS,                              \
    { GTF_DIM_STORED, GTF_DIM (Config, n_channels), GTF_DIM_CONST (3), GTF_DIM_CONST (3) }, NORM ("embeddings.batchnorm") },       \
  { GTF_WEIGHT_GROUP, "encoder.blocks.%d", .offset = G_STRUCT_OFFSET (Weights, blocks), .group = block, .group_size = sizeof (Block), .count = GTF_DIM (Config, n_blocks) }

static const GtfWeight weights[] = {
  BODY,
  { LINEAR (Weights, top, "encoder.top_conv", GTF_WEIGHT_NO_BIAS), NORM ("encoder.top_bn") },
  { GTF_WEIGHT_END }
};

static const GtfWeight align_weights[] = { BODY, { GTF_WEIGHT_END } };
static const GtfWeight align_both[] = {
  GTF_TOWERS_BERT ("text_model."),
  { GTF_WEIGHT_LINEAR, "text_projection", G_STRUCT_OFFSET (Weights, towers.text_projection), 0, { GTF_TOWERS_DIM (projection_size), GTF_TOWERS_DIM (text.hidden_size) } },
  { GTF_WEIGHT_TENSOR, "temperature", G_STRUCT_OFFSET (Weights, temperature), 0, { GTF_DIM_CONST (1) } },
  { GTF_WEIGHT_END }
};

static const GtfHead align_heads[] = {
  { "VisionModel", gtf_vision_base_tasks, NULL, "vision_model" },
  { "Model", gtf_towers_tasks, align_both, "vision_model" },
  { NULL }
};

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "efficientnet" },
  { "Model", gtf_vision_base_tasks, NULL, "efficientnet" },
  { NULL }
};

/* What block `i` sees around a pixel: a stride of 2 has one row and column less above and on the left, unless the config says otherwise. */
static GtfWindow
window_of (const Config *config, const GtfConv2d *w, gint64 i, gint64 stride)
{
  const gint64 height = gtf_conv2d_size (w, 0), width = gtf_conv2d_size (w, 1);
  char number[24];

  if (stride == 1)
    return (GtfWindow){ .same = TRUE };
  g_snprintf (number, sizeof number, "%" G_GINT64_FORMAT, i);
  if (config->symmetric != NULL && gtf_config_list_has (config->symmetric, number))
    return (GtfWindow){ .stride = stride, .more = { height / 2, width / 2, height / 2, width / 2 } };
  return (GtfWindow){ .stride = stride, .more = { MAX (height / 2 - 1, 0), MAX (width / 2 - 1, 0), height / 2, width / 2 } };
}

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, const GtfWindow *window, gboolean adds)
{
  GtfTensor *h = w->expand != NULL ? gtf_linear_act (c, w->expand, x, config->activation) : x;

  h = gtf_conv2d (c, w->around, h, window, config->activation, NULL);
  h = gtf_squeeze_excite (c, w->squeeze, w->excite, h, config->activation);
  return adds ? gtf_linear_add (c, w->project, h, x) : gtf_linear (c, w->project, h);
}

/* The cosines of the picture with each text, divided by the temperature. */
static void
compare (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *image)
{
  GtfTextInput input;
  GtfTensor *y;

  if (!gtf_text_input (c, &input))
    return;
  y = gtf_compare_towers (c, image, gtf_towers_read_bert (c, &config->towers, &w->towers, &input), gtf_zero_rows (c, 1, 1, 1), NULL);
  gtf_output (c, "logits_per_image", gtf_divide_all (c, y, w->temperature));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = gtf_pixels_last (c, gtf_vision_pixels (c, config->n_channels)), *pooled;
  gint64 n = 0;

  x = gtf_conv2d (c, w->stem, x, &(GtfWindow){ .stride = 2, .more = { 0, 0, 1, 1 } }, config->activation, NULL);
  for (gint64 i = 0; i < config->n_stages; i++)
    for (gint64 j = 0; j < config->repeats[i]; j++, n++)
      {
        const GtfWindow window = window_of (config, w->blocks[n].around, n, j == 0 ? config->strides[i] : 1);
        gsize mark = gtf_push (c);

        x = gtf_pop_keep (c, mark, block_forward (c, config, &w->blocks[n], x, &window, j > 0));
      }
  if (w->top != NULL)
    x = gtf_linear_act (c, w->top, x, config->activation);
  if (g_strcmp0 (config->pooling, "max") == 0)
    pooled = gtf_reshape (c, gtf_max_pool2d (c, x, &(GtfWindow){ .kernel = gtf_dim (x, 1), .kernel_width = gtf_dim (x, 2) }), 2, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, -1) });
  else
    pooled = gtf_mean_pixels (c, x);
  gtf_stages_outputs (c, x, pooled, FALSE, w->classifier);
  if (w->temperature != NULL)
    compare (c, config, w, pooled);
}

static const char *const types[] = { "efficientnet", NULL };

static const GtfArchitecture efficientnet = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked|classifier.*", .forward = forward
};

static const char *const align_types[] = { "align", "align_vision_model", NULL };

static const GtfArchitecture align = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = align_derive, .model_types = align_types,
  .config = align_fields, .weights = align_weights, .heads = align_heads, .ignored = "*.num_batches_tracked|*pooler.*|*.position_ids|*top_conv.*|*top_bn.*", .forward = forward
};

GTF_TEXT_PLUGINS (efficientnet, "efficientnet", "EfficientNet, ALIGN: inverted bottlenecks that weigh their channels", &efficientnet, &align)
