/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018); its head for segmentation: Chen et al.,
 * "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation" (2018).
 *
 * Blocks that widen, look around channel by channel, and become narrow again without an activation. docs/models/mobilenet_v2.md tells what is
 * easily got wrong.
 */
#include <gtf/gtf.h>

#define N_BLOCKS 16

typedef struct
{
  gint64 n_channels, n_labels, output_stride;
  double eps;
  GtfActivation activation;
  gboolean same;                /* TensorFlow's padding */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, output_stride, "output_stride", 1, 1 << 16, 32),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 0.001),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "relu6"),
  GTF_CONFIG_BOOL_FIELD (Config, same, "tf_padding", TRUE),
  GTF_CONFIG_FIELDS_END
};

typedef struct
{
  const GtfConv2d *first, *around;      /* first: of the stem alone */
  const GtfLinear *expand, *reduce;     /* expand: the stem may have none */
} Block;

typedef struct
{
  Block stem;
  const Block *blocks;
  const GtfLinear *last, *pool, *aspp, *projection, *classifier;
} Weights;

/* Each convolution with its normalisation. How wide they are is what depth_multiplier made of them: the file knows. */
#define PIXELWISE(Struct, field, name, flags, eps_of)                                                                              \
  { GTF_WEIGHT_LINEAR, name ".convolution", G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags), { GTF_DIM_STORED, GTF_DIM_STORED }, \
    .norm = name ".normalization", .eps_field = eps_of }
#define AROUND(Struct, field, name)                                                                                                \
  { GTF_WEIGHT_CONV2D, name ".convolution", G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_GROUPED,              \
    { GTF_DIM_STORED, GTF_DIM_CONST (1), GTF_DIM_CONST (3), GTF_DIM_CONST (3) }, .norm = name ".normalization", .eps_field = EPS }
#define EPS G_STRUCT_OFFSET (Config, eps)

static const GtfWeight block[] = {
  PIXELWISE (Block, expand, "expand_1x1", 0, EPS),
  AROUND (Block, around, "conv_3x3"),
  PIXELWISE (Block, reduce, "reduce_1x1", 0, EPS),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_CONV2D, "conv_stem.first_conv.convolution", G_STRUCT_OFFSET (Weights, stem.first), GTF_WEIGHT_NO_BIAS,
    { GTF_DIM_STORED, GTF_DIM (Config, n_channels), GTF_DIM_CONST (3), GTF_DIM_CONST (3) }, .norm = "conv_stem.first_conv.normalization", .eps_field = EPS },
  PIXELWISE (Weights, stem.expand, "conv_stem.expand_1x1", GTF_WEIGHT_OPTIONAL, EPS),
  AROUND (Weights, stem.around, "conv_stem.conv_3x3"),
  PIXELWISE (Weights, stem.reduce, "conv_stem.reduce_1x1", 0, EPS),
  { GTF_WEIGHT_GROUP, "layer.%d", .offset = G_STRUCT_OFFSET (Weights, blocks), .group = block, .group_size = sizeof (Block), .count = GTF_DIM_CONST (N_BLOCKS) },
  PIXELWISE (Weights, last, "conv_1x1", 0, EPS),
  { GTF_WEIGHT_END }
};

#define CLASSIFIER(name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } }

static const GtfWeight classifier[] = { CLASSIFIER ("classifier"), { GTF_WEIGHT_END } };

static const GtfWeight deeplab[] = {
  PIXELWISE (Weights, pool, "segmentation_head.conv_pool", 0, 0),
  PIXELWISE (Weights, aspp, "segmentation_head.conv_aspp", 0, 0),
  PIXELWISE (Weights, projection, "segmentation_head.conv_projection", 0, 0),
  CLASSIFIER ("segmentation_head.classifier.convolution"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "mobilenet_v2" },
  { "ForSemanticSegmentation", gtf_segmentation_tasks, deeplab, "mobilenet_v2" },
  { "Model", gtf_vision_base_tasks, NULL, "mobilenet_v2" },
  { NULL }
};

/* Strides of the blocks; from output_stride on the picture keeps its size, and what would have made it smaller spreads the windows of later blocks. */
static const gint64 strides[N_BLOCKS] = { 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1 };

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, gint64 stride, gint64 dilation)
{
  const GtfWindow window = { .stride = stride, .dilation = dilation, .padding = config->same ? 0 : dilation, .same = config->same };
  GtfTensor *h = w->expand != NULL ? gtf_linear_act (c, w->expand, x, config->activation) : x;

  h = gtf_conv2d (c, w->around, h, &window, config->activation, NULL);
  h = gtf_linear (c, w->reduce, h);
  return stride == 1 && w->first == NULL && gtf_dim (h, -1) == gtf_dim (x, -1) ? gtf_add (c, h, x) : h;
}

static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w)
{
  const GtfWindow window = { .stride = 2, .padding = config->same ? 0 : 1, .same = config->same };
  GtfTensor *x = gtf_pixels_last (c, gtf_vision_pixels (c, config->n_channels));
  gint64 stride = 2, dilation = 1;

  x = gtf_conv2d (c, w->stem.first, x, &window, config->activation, NULL);
  x = block_forward (c, config, &w->stem, x, 1, 1);
  for (gint64 i = 0; i < N_BLOCKS; i++)
    {
      const gboolean spreads = stride == config->output_stride;
      gsize mark = gtf_push (c);

      x = gtf_pop_keep (c, mark, block_forward (c, config, &w->blocks[i], x, spreads ? 1 : strides[i], spreads ? dilation : 1));
      if (spreads)
        dilation *= strides[i];
      else
        stride *= strides[i];
    }
  return x;
}

/* DeepLabV3+: each pixel beside the mean of all. */
static GtfTensor *
segment (GtfContext *c, const Weights *w, GtfTensor *x)
{
  const GtfActivation act = GTF_ACTIVATION_RELU;
  GtfTensor *parts[2] = { gtf_linear_act (c, w->pool, gtf_mean_pixels (c, x), act), gtf_linear_act (c, w->aspp, x, act) };

  parts[0] = gtf_reshape (c, parts[0], 4, (gint64[]){ gtf_dim (x, 0), 1, 1, gtf_dim (parts[0], -1) });
  parts[0] = gtf_resize (c, parts[0], gtf_dim (x, 1), gtf_dim (x, 2), GTF_RESIZE_BILINEAR);
  return gtf_linear (c, w->classifier, gtf_linear_act (c, w->projection, gtf_join (c, parts, 2), act));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = encode (c, config, w), *pooled;

  if (w->projection != NULL)
    {
      gtf_output (c, "logits", gtf_pixels_first (c, segment (c, w, x)));
      return;
    }
  x = gtf_linear_act (c, w->last, x, config->activation);
  pooled = gtf_mean_pixels (c, x);
  gtf_output (c, "last_hidden_state", gtf_pixels_first (c, x));
  gtf_output (c, "pooler_output", pooled);
  if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, pooled));
}

static const char *const model_types[] = { "mobilenet_v2", NULL };

static const GtfArchitecture mobilenet_v2 = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "segmentation_head.*|classifier.*|*.num_batches_tracked", .forward = forward
};

GTF_TEXT_PLUGINS (mobilenet_v2, "mobilenet_v2", "MobileNetV2: narrow blocks that look around when they are wide", &mobilenet_v2)
