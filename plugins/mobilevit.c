/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MobileViT: Mehta, Rastegari, "MobileViT: Light-weight, General-purpose, and Mobile-friendly Vision Transformer" (2021); its second version: "Separable
 * Self-attention for Mobile Vision Transformers" (2022); their head for segmentation: Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation" (2017).
 *
 * MobileNetV2's blocks, and three of its own: in them each pixel looks, as a transformer does, at those that have its place in their patches; in the second version
 * all these share one context.
 * docs/models/mobilevit.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define N_BLOCKS 3              /* with transformers */

typedef struct
{
  gint64 n_channels, n_labels, n_heads, patch, output_stride, rates[3], size[N_BLOCKS];     /* size: of the transformers */
  const char *rate_list, *sizes;
  double eps;
  GtfActivation activation;
  gboolean is_second;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, n_heads, "num_attention_heads", 1, 4096, 4),
  GTF_CONFIG_INT_FIELD (Config, patch, "patch_size", 1, 256, 2),
  GTF_CONFIG_INT_FIELD (Config, output_stride, "output_stride", 1, 1 << 16, 32),
  GTF_CONFIG_LIST_FIELD (Config, sizes, "hidden_sizes"),
  GTF_CONFIG_LIST_FIELD (Config, rate_list, "atrous_rates"),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "silu"),
  GTF_CONFIG_FIELDS_END
};

static const GtfConfigField second_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, patch, "patch_size", 1, 256, 2),
  GTF_CONFIG_INT_FIELD (Config, output_stride, "output_stride", 1, 1 << 16, 32),
  GTF_CONFIG_LIST_FIELD (Config, rate_list, "atrous_rates"),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "swish"),
  GTF_CONFIG_BOOL_FIELD (Config, is_second, "", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  return gtf_stages_read ("hidden_sizes", config->sizes, "144|192|240", N_BLOCKS, 1, 1 << 16, config->size, error) > 0
         && gtf_stages_read ("atrous_rates", config->rate_list, "6|12|18", 3, 1, 1 << 16, config->rates, error) > 0;
}

typedef struct
{
  const GtfLinear *expand, *reduce;
  const GtfConv2d *around;
} Inverted;

typedef struct
{
  const GtfLinear *qkv, *attention_out, *up, *down;
  const GtfNorm *attention_norm, *output_norm;
} Layer;

typedef struct
{
  Inverted down;
  const GtfConv2d *local, *fusion;
  const GtfLinear *in, *out;
  const GtfNorm *norm;
  const Layer *layers;
} Block;

typedef struct
{
  const GtfConv2d *stem, *atrous[3];
  const Inverted *first, *second;
  Block blocks[N_BLOCKS];
  const GtfLinear *last, *classifier, *near, *pool, *project;
} Weights;

/* Each convolution with its normalisation. */
#define PIXELWISE(Struct, field, path)                                                                                             \
  { GTF_WEIGHT_LINEAR, path ".convolution", G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS, GTF_LINEAR_STORED, .norm = path ".normalization" }
#define CONV(Struct, field, path, flags)                                                                                           \
  { GTF_WEIGHT_CONV2D, path ".convolution", G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags), GTF_CONV_STORED, .norm = path ".normalization" }
#define INVERTED(Struct, at, path)                                                                                                 \
  PIXELWISE (Struct, at expand, path "expand_1x1"), CONV (Struct, at around, path "conv_3x3", GTF_WEIGHT_GROUPED), PIXELWISE (Struct, at reduce, path "reduce_1x1")
#define LINEAR(field, name, flags) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Layer, field), flags, GTF_LINEAR_STORED }
#define NORM(Struct, field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Struct, field), 0, { GTF_DIM_STORED } }

static const GtfWeight inverted[] = { INVERTED (Inverted, , ""), { GTF_WEIGHT_END } };

#define LAYER(i)                                                                                                                   \
  static const GtfWeight layer_##i[] = {                                                                                           \
    { GTF_WEIGHT_LINEAR, "attention.attention.{query,key,value}", G_STRUCT_OFFSET (Layer, qkv), GTF_WEIGHT_BIAS_OPTIONAL,           \
      { GTF_DIM_TIMES (Config, size[i], 3), GTF_DIM (Config, size[i]) } },                                                         \
    LINEAR (attention_out, "attention.output.dense", 0), LINEAR (up, "intermediate.dense", 0), LINEAR (down, "output.dense", 0),   \
    NORM (Layer, attention_norm, "layernorm_before"), NORM (Layer, output_norm, "layernorm_after"),                                \
    { GTF_WEIGHT_END }                                                                                                             \
  };
LAYER (0) LAYER (1) LAYER (2)

#define BLOCK(i, path, n)                                                                                                          \
  INVERTED (Weights, blocks[i].down., path ".downsampling_layer."), CONV (Weights, blocks[i].local, path ".conv_kxk", 0),          \
  { GTF_WEIGHT_LINEAR, path ".conv_1x1.convolution", G_STRUCT_OFFSET (Weights, blocks[i].in), GTF_WEIGHT_NO_BIAS, GTF_LINEAR_STORED }, \
  { GTF_WEIGHT_GROUP, path ".transformer.layer.%d", .offset = G_STRUCT_OFFSET (Weights, blocks[i].layers), .group = layer_##i, .group_size = sizeof (Layer), \
    .count = GTF_DIM_CONST (n) },                                                                                                  \
  NORM (Weights, blocks[i].norm, path ".layernorm"), PIXELWISE (Weights, blocks[i].out, path ".conv_projection"), CONV (Weights, blocks[i].fusion, path ".fusion", 0)

static const gint64 n_layers[N_BLOCKS] = { 2, 4, 3 };

static const GtfWeight weights[] = {
  CONV (Weights, stem, "conv_stem", 0),
  { GTF_WEIGHT_GROUP, "encoder.layer.0.layer.%d", .offset = G_STRUCT_OFFSET (Weights, first), .group = inverted, .group_size = sizeof (Inverted), .count = GTF_DIM_CONST (1) },
  { GTF_WEIGHT_GROUP, "encoder.layer.1.layer.%d", .offset = G_STRUCT_OFFSET (Weights, second), .group = inverted, .group_size = sizeof (Inverted), .count = GTF_DIM_CONST (3) },
  BLOCK (0, "encoder.layer.2", 2), BLOCK (1, "encoder.layer.3", 4), BLOCK (2, "encoder.layer.4", 3),
  { GTF_WEIGHT_END }
};

#define CLASSIFIER(name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } }

static const GtfWeight base[] = { PIXELWISE (Weights, last, "conv_1x1_exp"), { GTF_WEIGHT_END } };
static const GtfWeight classifier[] = { PIXELWISE (Weights, last, "conv_1x1_exp"), CLASSIFIER ("classifier"), { GTF_WEIGHT_END } };
static const GtfWeight deeplab[] = {
  PIXELWISE (Weights, near, "segmentation_head.aspp.convs.0"), CONV (Weights, atrous[0], "segmentation_head.aspp.convs.1", 0),
  CONV (Weights, atrous[1], "segmentation_head.aspp.convs.2", 0), CONV (Weights, atrous[2], "segmentation_head.aspp.convs.3", 0),
  PIXELWISE (Weights, pool, "segmentation_head.aspp.convs.4.conv_1x1"), PIXELWISE (Weights, project, "segmentation_head.aspp.project"),
  CLASSIFIER ("segmentation_head.classifier.convolution"),
  { GTF_WEIGHT_END }
};

/* ---- the second version's: sizes and numbers of layers are those of the tensors ----------------------------------------------------- */

#define PLAIN(Struct, field, name) { GTF_WEIGHT_LINEAR, name ".convolution", G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_BIAS_OPTIONAL, GTF_LINEAR_STORED }

static const GtfWeight second_layer[] = {
  NORM (Layer, attention_norm, "layernorm_before"), PLAIN (Layer, qkv, "attention.qkv_proj"), PLAIN (Layer, attention_out, "attention.out_proj"),
  NORM (Layer, output_norm, "layernorm_after"), PLAIN (Layer, up, "ffn.conv1"), PLAIN (Layer, down, "ffn.conv2"),
  { GTF_WEIGHT_END }
};

#define SECOND(i, path)                                                                                                            \
  INVERTED (Weights, blocks[i].down., path ".downsampling_layer."), CONV (Weights, blocks[i].local, path ".conv_kxk", GTF_WEIGHT_GROUPED), \
  PLAIN (Weights, blocks[i].in, path ".conv_1x1"),                                                                                 \
  { GTF_WEIGHT_GROUP, path ".transformer.layer.%d", .offset = G_STRUCT_OFFSET (Weights, blocks[i].layers), .group = second_layer,  \
    .group_size = sizeof (Layer), .count = GTF_DIM_STORED },                                                                       \
  NORM (Weights, blocks[i].norm, path ".layernorm"), PIXELWISE (Weights, blocks[i].out, path ".conv_projection")

static const GtfWeight second_weights[] = {
  CONV (Weights, stem, "conv_stem", 0),
  { GTF_WEIGHT_GROUP, "encoder.layer.0.layer.%d", .offset = G_STRUCT_OFFSET (Weights, first), .group = inverted, .group_size = sizeof (Inverted), .count = GTF_DIM_CONST (1) },
  { GTF_WEIGHT_GROUP, "encoder.layer.1.layer.%d", .offset = G_STRUCT_OFFSET (Weights, second), .group = inverted, .group_size = sizeof (Inverted), .count = GTF_DIM_CONST (2) },
  SECOND (0, "encoder.layer.2"), SECOND (1, "encoder.layer.3"), SECOND (2, "encoder.layer.4"),
  { GTF_WEIGHT_END }
};

static const GtfWeight second_classifier[] = { CLASSIFIER ("classifier"), { GTF_WEIGHT_END } };

static const GtfHead second_heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, second_classifier, "mobilevitv2" },
  { "ForSemanticSegmentation", gtf_segmentation_tasks, deeplab, "mobilevitv2" },
  { "Model", gtf_vision_base_tasks, NULL, "mobilevitv2" },
  { NULL }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "mobilevit" },
  { "ForSemanticSegmentation", gtf_segmentation_tasks, deeplab, "mobilevit" },
  { "Model", gtf_vision_base_tasks, base, "mobilevit" },
  { NULL }
};

/* ---- patches ------------------------------------------------------------------------------------------------------------- */

/* Down x across patches of side x side pixels, the upper left part of a picture. */
typedef struct
{
  gint64 side, down, across, height, width;
} Grid;

/* Sorted by place in the patch, then by patch: the pixel at position i of all pictures. */
static gint64
pixel_of (gint64 i, gconstpointer data)
{
  const Grid *g = data;
  const gint64 patches = g->down * g->across, area = g->side * g->side, patch = i % patches, place = i / patches % area, picture = i / patches / area;

  return (picture * g->height + patch / g->across * g->side + place / g->side) * g->width + patch % g->across * g->side + place % g->side;
}

/* And back: the position of pixel i. */
static gint64
position_of (gint64 i, gconstpointer data)
{
  const Grid *g = data;
  const gint64 width = g->across * g->side, height = g->down * g->side, x = i % width, y = i / width % height, picture = i / width / height;

  return ((picture * g->side + y % g->side) * g->side + x % g->side) * g->down * g->across + y / g->side * g->across + x / g->side;
}

/* ---- blocks -------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
inverted_forward (GtfContext *c, const Config *config, const Inverted *w, GtfTensor *x, gint64 stride, gint64 dilation)
{
  GtfTensor *h = gtf_linear_act (c, w->expand, x, config->activation);

  h = gtf_conv2d (c, w->around, h, &(GtfWindow){ .stride = stride, .padding = dilation, .dilation = dilation }, config->activation, NULL);
  h = gtf_linear (c, w->reduce, h);
  return stride == 1 && gtf_dim (h, -1) == gtf_dim (x, -1) ? gtf_add (c, h, x) : h;
}

static GtfTensor *
layer_forward (GtfContext *c, const Config *config, const Layer *w, GtfTensor *x)
{
  const GtfAttention a = { .n_heads = config->n_heads };
  const float eps = (float) config->eps;
  const gint64 d = gtf_dim (x, -1);
  GtfTensor *qkv = gtf_linear (c, w->qkv, gtf_layer_norm (c, w->attention_norm, x, eps));
  GtfTensor *h = gtf_attention (c, gtf_slice (c, qkv, 0, d), gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &a);

  x = gtf_linear_add (c, w->attention_out, h, x);
  return gtf_feed_forward (c, w->up, config->activation, w->down, gtf_layer_norm (c, w->output_norm, x, eps), x);
}

/* Pixels of the same place in their patches are one text to the transformer. */
static GtfTensor *
transform (GtfContext *c, const Config *config, const Block *w, gint64 layers, GtfTensor *x)
{
  const gint64 n = gtf_dim (x, 0), height = gtf_dim (x, 1), width = gtf_dim (x, 2), d = gtf_dim (x, 3);
  const gint64 side = config->patch, down = (height + side - 1) / side, across = (width + side - 1) / side;
  const Grid g = { side, down, across, down * side, across * side };
  const gint64 patches = g.down * g.across, area = g.side * g.side;
  const gboolean fits = height == g.down * g.side && width == g.across * g.side;

  if (!fits)
    x = gtf_resize (c, x, g.down * g.side, g.across * g.side, GTF_RESIZE_BILINEAR);
  x = gtf_take (c, x, gtf_indices (c, n * area * patches, pixel_of, &g));
  x = gtf_reshape (c, x, 3, (gint64[]){ n * area, patches, d });
  for (gint64 i = 0; i < layers; i++)
    {
      gsize mark = gtf_push (c);

      x = gtf_pop_keep (c, mark, layer_forward (c, config, &w->layers[i], x));
    }
  x = gtf_layer_norm (c, w->norm, x, (float) config->eps);
  x = gtf_take (c, x, gtf_indices (c, n * area * patches, position_of, &g));
  x = gtf_reshape (c, x, 4, (gint64[]){ n, g.down * g.side, g.across * g.side, d });
  return fits ? x : gtf_resize (c, x, height, width, GTF_RESIZE_BILINEAR);
}

/* ---- the second version --------------------------------------------------------------------------------------------------- */

/* Each place in the patches [B * places][patches][D] has one context, the mean of all keys by scores that no query is asked for; every value is weighed by it. */
static GtfTensor *
share_context (GtfContext *c, const Layer *w, GtfTensor *x)
{
  const gint64 n = gtf_dim (x, 0), patches = gtf_dim (x, 1), d = gtf_dim (x, 2);
  GtfTensor *qkv = gtf_linear (c, w->qkv, x), *key = gtf_slice (c, qkv, 1, d), *context, *value;
  const GtfAttention a = { .n_heads = 1, .mask = gtf_reshape (c, gtf_transpose (c, gtf_slice (c, qkv, 0, 1)), 4, (gint64[]){ n, 1, 1, patches }) };

  context = gtf_attention (c, gtf_zero_rows (c, n, 1, d), key, key, &a);
  value = gtf_activate (c, gtf_slice (c, qkv, 1 + d, d), GTF_ACTIVATION_RELU);
  value = gtf_scale_channels (c, gtf_reshape (c, value, 4, (gint64[]){ n, patches, 1, d }), gtf_reshape (c, context, 2, (gint64[]){ n, d }));
  return gtf_reshape (c, value, 3, (gint64[]){ n, patches, d });
}

/* Normalised over all numbers of a picture: x [B * places][patches][D]. */
static GtfTensor *
normalise_all (GtfContext *c, const Config *config, const GtfNorm *w, GtfTensor *x, gint64 n_pictures)
{
  GtfTensor *y = gtf_group_norm (c, w, gtf_reshape (c, x, 3, (gint64[]){ n_pictures, -1, gtf_dim (x, 2) }), 1, (float) config->eps);

  return gtf_reshape (c, y, 3, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 1), gtf_dim (x, 2) });
}

static GtfTensor *
second_transform (GtfContext *c, const Config *config, const Block *w, GtfTensor *x)
{
  const gint64 n = gtf_dim (x, 0), height = gtf_dim (x, 1), width = gtf_dim (x, 2), d = gtf_dim (x, 3);
  const Grid g = { config->patch, height / config->patch, width / config->patch, height, width };
  const gint64 area = g.side * g.side, patches = g.down * g.across, below = height - g.down * g.side, right = width - g.across * g.side;

  if (gtf_failed (c) || patches == 0)
    {
      gtf_fail (c, "the picture leaves %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " pixels for patches of %" G_GINT64_FORMAT, height, width, config->patch);
      return NULL;
    }
  x = gtf_reshape (c, gtf_take (c, x, gtf_indices (c, n * area * patches, pixel_of, &g)), 3, (gint64[]){ n * area, patches, d });
  for (const Layer *l = w->layers; l->qkv != NULL && !gtf_failed (c); l++)
    {
      gsize mark = gtf_push (c);
      GtfTensor *h = share_context (c, l, normalise_all (c, config, l->attention_norm, x, n));

      h = gtf_linear_add (c, l->attention_out, h, x);
      x = gtf_pop_keep (c, mark, gtf_feed_forward (c, l->up, config->activation, l->down, normalise_all (c, config, l->output_norm, h, n), h));
    }
  x = gtf_take (c, normalise_all (c, config, w->norm, x, n), gtf_indices (c, n * area * patches, position_of, &g));
  x = gtf_reshape (c, x, 4, (gint64[]){ n, g.down * g.side, g.across * g.side, d });
  return gtf_pad_pixels (c, x, 0, 0, below, right);     /* what fills no patch is not seen */
}

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, gint64 layers, GtfTensor *x, gint64 dilation)
{
  const gint64 height = gtf_conv2d_size (w->local, 0), width = gtf_conv2d_size (w->local, 1);
  const GtfWindow window = { .more = { (height - 1) / 2, (width - 1) / 2, (height - 1) / 2, (width - 1) / 2 } };
  GtfTensor *parts[2];

  x = inverted_forward (c, config, &w->down, x, dilation > 1 ? 1 : 2, MAX (dilation / 2, 1));
  if (config->is_second)
    {
      x = gtf_linear (c, w->in, gtf_conv2d (c, w->local, x, &window, config->activation, NULL));
      return gtf_linear (c, w->out, second_transform (c, config, w, x));
    }
  parts[0] = x;
  x = gtf_linear (c, w->in, gtf_conv2d (c, w->local, x, &window, config->activation, NULL));
  parts[1] = gtf_linear_act (c, w->out, transform (c, config, w, layers, x), config->activation);
  return gtf_conv2d (c, w->fusion, gtf_join (c, parts, 2), &window, config->activation, NULL);
}

static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w)
{
  const gboolean spreads[N_BLOCKS] = { FALSE, config->output_stride == 8, config->output_stride == 8 || config->output_stride == 16 };
  GtfTensor *x = gtf_pixels_last (c, gtf_vision_pixels (c, config->n_channels));
  gint64 dilation = 1;

  x = gtf_conv2d (c, w->stem, x, &(GtfWindow){ .stride = 2, .padding = 1 }, config->activation, NULL);
  x = inverted_forward (c, config, &w->first[0], x, 1, 1);
  for (gint64 i = 0; i < (config->is_second ? 2 : 3); i++)
    x = inverted_forward (c, config, &w->second[i], x, i == 0 ? 2 : 1, 1);
  for (gint64 i = 0; i < N_BLOCKS && !gtf_failed (c); i++)
    {
      gsize mark = gtf_push (c);

      dilation *= spreads[i] ? 2 : 1;
      x = gtf_pop_keep (c, mark, block_forward (c, config, &w->blocks[i], n_layers[i], x, dilation));
    }
  return x;
}

/* DeepLabV3: each pixel, its surroundings at three distances, and the mean of all. */
static GtfTensor *
segment (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x)
{
  const GtfActivation act = GTF_ACTIVATION_RELU;
  GtfTensor *parts[5] = { gtf_linear_act (c, w->near, x, act) };

  for (gint64 i = 0; i < 3; i++)
    parts[1 + i] = gtf_conv2d (c, w->atrous[i], x, &(GtfWindow){ .padding = config->rates[i], .dilation = config->rates[i] }, act, NULL);
  parts[4] = gtf_linear_act (c, w->pool, gtf_mean_pixels (c, x), act);
  parts[4] = gtf_reshape (c, parts[4], 4, (gint64[]){ gtf_dim (x, 0), 1, 1, gtf_dim (parts[4], -1) });
  parts[4] = gtf_resize (c, parts[4], gtf_dim (x, 1), gtf_dim (x, 2), GTF_RESIZE_BILINEAR);
  return gtf_linear (c, w->classifier, gtf_linear_act (c, w->project, gtf_join (c, parts, 5), act));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = encode (c, config, w);

  if (w->project != NULL)
    {
      gtf_output (c, "logits", gtf_pixels_first (c, segment (c, config, w, x)));
      return;
    }
  if (w->last != NULL)
    x = gtf_linear_act (c, w->last, x, config->activation);
  gtf_stages_outputs (c, x, gtf_mean_pixels (c, x), FALSE, w->classifier);
}

static const char *const types[] = { "mobilevit", NULL }, *const second_types[] = { "mobilevitv2", NULL };

static const GtfArchitecture mobilevit = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked|classifier.*|conv_1x1_exp.*|segmentation_head.*", .forward = forward
};

static const GtfArchitecture mobilevitv2 = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = second_types,
  .config = second_fields, .weights = second_weights, .heads = second_heads, .ignored = "*.num_batches_tracked|classifier.*|segmentation_head.*", .forward = forward
};

GTF_TEXT_PLUGINS (mobilevit, "mobilevit", "MobileViT: inverted bottlenecks and transformers over patches", &mobilevit, &mobilevitv2)
