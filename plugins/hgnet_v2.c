/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * HGNetV2, the "high performance GPU net" of PaddlePaddle (no paper; used by RT-DETR and D-FINE).
 *
 * Blocks that keep what each of their convolutions gives, and aggregate all of it. docs/models/hgnet_v2.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  gint64 n_channels, n_labels, n_features, blocks[GTF_MAX_STAGES], layers[GTF_MAX_STAGES], strides[GTF_MAX_STAGES], stem_strides[GTF_MAX_STAGES];
  const char *block_list, *layer_list, *stride_list, *stem_list;
  GtfActivation activation;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_LIST_FIELD (Config, block_list, "stage_num_blocks"),
  GTF_CONFIG_LIST_FIELD (Config, layer_list, "stage_numb_of_layers"),
  GTF_CONFIG_LIST_FIELD (Config, stride_list, "stage_downsample_strides"),
  GTF_CONFIG_LIST_FIELD (Config, stem_list, "stem_strides"),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "relu"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const gint64 n = gtf_stages_read ("stage_num_blocks", config->block_list, "1|1|3|1", -1, 1, 1024, config->blocks, error);

  config->n_features = n + 1;
  return n > 0 && gtf_stages_read ("stage_numb_of_layers", config->layer_list, "6|6|6|6", n, 1, 32, config->layers, error) > 0
         && gtf_stages_read ("stage_downsample_strides", config->stride_list, "2|2|2|2", n, 1, 256, config->strides, error) > 0
         && gtf_stages_read ("stem_strides", config->stem_list, "2|1|1|2|1", 5, 1, 256, config->stem_strides, error) > 0;
}

/* A convolution with its normalisation; the factor and the summand behind its activation may be NULL. */
typedef struct
{
  const GtfConv2d *conv;
  const GtfTensor *scale, *shift;
} Conv;

typedef struct
{
  Conv whole, pixelwise, around;        /* whole, or the other two one after the other */
} Layer;

typedef struct
{
  const Layer *layers;
  Conv squeeze, excite;
} Block;

typedef struct
{
  Conv stem1, stem2a, stem2b, stem3, stem4, downs[GTF_MAX_STAGES];      /* downs: may be absent */
  const Block *stages[GTF_MAX_STAGES];
  const GtfLinear *classifier;
} Weights;

#define NUMBER(Struct, field, name) { GTF_WEIGHT_TENSOR, name, G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_OPTIONAL, { GTF_DIM_CONST (1) } }
#define CONV(Struct, field, path, flags)                                                                                           \
  { GTF_WEIGHT_CONV2D, path ".convolution", G_STRUCT_OFFSET (Struct, field.conv), GTF_WEIGHT_NO_BIAS | (flags), GTF_CONV_STORED, .norm = path ".normalization" }, \
  NUMBER (Struct, field.scale, path ".lab.scale"), NUMBER (Struct, field.shift, path ".lab.bias")

/* The file tells which kind a layer is of. */
static const GtfWeight layer[] = {
  { GTF_WEIGHT_CONV2D, "convolution", G_STRUCT_OFFSET (Layer, whole.conv), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_OPTIONAL, GTF_CONV_STORED, .norm = "normalization" },
  NUMBER (Layer, whole.scale, "lab.scale"), NUMBER (Layer, whole.shift, "lab.bias"),
  CONV (Layer, pixelwise, "conv1", GTF_WEIGHT_OPTIONAL),
  CONV (Layer, around, "conv2", GTF_WEIGHT_OPTIONAL | GTF_WEIGHT_GROUPED),
  { GTF_WEIGHT_END }
};

#define BLOCK(i)                                                                                                                   \
  static const GtfWeight block_##i[] = {                                                                                           \
    { GTF_WEIGHT_GROUP, "layers.%d", .offset = G_STRUCT_OFFSET (Block, layers), .group = layer, .group_size = sizeof (Layer), .count = GTF_DIM (Config, layers[i]) }, \
    CONV (Block, squeeze, "aggregation.0", 0), CONV (Block, excite, "aggregation.1", 0),                                           \
    { GTF_WEIGHT_END }                                                                                                             \
  };
BLOCK (0) BLOCK (1) BLOCK (2) BLOCK (3) BLOCK (4) BLOCK (5) BLOCK (6) BLOCK (7)

#define STAGE(i)                                                                                                                   \
  CONV (Weights, downs[i], "encoder.stages." #i ".downsample", GTF_WEIGHT_OPTIONAL | GTF_WEIGHT_GROUPED),                          \
  { GTF_WEIGHT_GROUP, "encoder.stages." #i ".blocks.%d", .offset = G_STRUCT_OFFSET (Weights, stages[i]), .group = block_##i,       \
    .group_size = sizeof (Block), .count = GTF_DIM (Config, blocks[i]) }

static const GtfWeight weights[] = {
  CONV (Weights, stem1, "embedder.stem1", 0), CONV (Weights, stem2a, "embedder.stem2a", 0), CONV (Weights, stem2b, "embedder.stem2b", 0),
  CONV (Weights, stem3, "embedder.stem3", 0), CONV (Weights, stem4, "embedder.stem4", 0),
  STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7),
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "fc", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "hgnetv2" },
  { "Backbone", gtf_vision_base_tasks, NULL, "hgnetv2" },
  { NULL }
};

/* Padded by (kernel - 1) / 2 on all sides, and by @more below and on the right. */
static GtfTensor *
conv (GtfContext *c, const Conv *w, const GtfTensor *x, gint64 stride, gint64 more, GtfActivation act)
{
  const gint64 down = (gtf_conv2d_size (w->conv, 0) - 1) / 2, across = (gtf_conv2d_size (w->conv, 1) - 1) / 2;
  GtfTensor *h = gtf_conv2d (c, w->conv, x, &(GtfWindow){ .stride = stride, .more = { down, across, down + more, across + more } }, act, NULL);

  return w->scale != NULL ? gtf_affine_all (c, w->scale, w->shift, h) : h;
}

static GtfTensor *
stem (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels)
{
  const GtfActivation act = config->activation;
  GtfTensor *x = conv (c, &w->stem1, gtf_pixels_last (c, pixels), config->stem_strides[0], 0, act), *sides[2];

  x = gtf_pad_pixels (c, x, 0, 0, 1, 1);
  sides[0] = gtf_max_pool2d (c, x, &(GtfWindow){ 2, 1, .ceil = TRUE });
  x = conv (c, &w->stem2a, x, config->stem_strides[1], 0, act);
  sides[1] = conv (c, &w->stem2b, x, config->stem_strides[2], 1, act);
  x = conv (c, &w->stem3, gtf_join (c, sides, 2), config->stem_strides[3], 0, act);
  return conv (c, &w->stem4, x, config->stem_strides[4], 0, act);
}

static GtfTensor *
block_forward (GtfContext *c, const Block *w, gint64 n_layers, GtfTensor *x, gboolean adds)
{
  const GtfActivation act = GTF_ACTIVATION_RELU;        /* within a block, whatever hidden_act says */
  GtfTensor *parts[33] = { x }, *h = x;

  for (gint64 i = 0; i < n_layers; i++)
    {
      const Layer *l = &w->layers[i];

      if (l->whole.conv != NULL)
        h = conv (c, &l->whole, h, 1, 0, act);
      else
        h = conv (c, &l->around, conv (c, &l->pixelwise, h, 1, 0, GTF_ACTIVATION_NONE), 1, 0, act);
      parts[i + 1] = h;
    }
  h = conv (c, &w->excite, conv (c, &w->squeeze, gtf_join (c, parts, n_layers + 1), 1, 0, act), 1, 0, act);
  return adds ? gtf_add (c, h, x) : h;
}

/* The stem and all stages; @f: a backbone's, which puts each. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  gsize start = gtf_push (c);
  GtfTensor *x = gtf_pop_keep (c, start, stem (c, config, w, pixels));

  if (f != NULL)
    gtf_feature (c, f, 0, x);
  for (gint64 i = 0; i + 1 < config->n_features; i++)
    {
      if (w->downs[i].conv != NULL)
        x = conv (c, &w->downs[i], x, config->strides[i], 0, GTF_ACTIVATION_NONE);
      for (gint64 j = 0; j < config->blocks[i]; j++)
        {
          gsize mark = gtf_push (c);

          x = gtf_pop_keep (c, mark, block_forward (c, &w->stages[i][j], config->layers[i], x, j > 0));
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

  gtf_stages_outputs (c, x, gtf_mean_pixels (c, x), FALSE, w->classifier);
}

static const char *const types[] = { "hgnet_v2", NULL };

static const GtfArchitecture hgnet_v2 = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked", .forward = forward, .features = features,
  .n_stages = GTF_DIM (Config, n_features)
};

GTF_TEXT_PLUGINS (hgnet_v2, "hgnet_v2", "HGNetV2: convolutions whose results are all kept and aggregated", &hgnet_v2)
