/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * BEiT: Bao et al., "BEiT: BERT Pre-Training of Image Transformers" (2021); data2vec for pictures: Baevski et al., "data2vec: A General
 * Framework for Self-supervised Learning in Speech, Vision and Language" (2022).
 *
 * A ViT whose scores know how far apart two patches are, in each layer or alike in all of them, and whose keys have no bias.
 * docs/models/beit.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define N_MAPS 4                /* hidden states that the head for segmentation sees */

typedef struct
{
  GtfVisionConfig vision;
  const char *out_indices, *pool_scales;        /* for segmentation, as the next three */
  gint64 maps[N_MAPS], n_scales, scales[GTF_UPER_SCALES];
  gboolean has_biases, shares_bias, means, reshapes, has_pyramid;       /* the last two: as a backbone */
  gint64 vocab_size, n_stages;
  gint64 layer_distances, shared_distances;     /* rows of the tables; 0: there are none */
  gint64 norm_size, pooler_norm_size;           /* with mean pooling only the mean is normalised */
  gint64 pyramid_size;                          /* of a backbone; 0: it gives maps of one size */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_VISION_CONFIG_FIELDS,
  GTF_CONFIG_BOOL_FIELD (Config, vision.interpolates, "", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, vision.has_positions, "use_absolute_position_embeddings", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, has_biases, "use_relative_position_bias", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, shares_bias, "use_shared_relative_position_bias", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, means, "use_mean_pooling", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, reshapes, "reshape_hidden_states", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, has_pyramid, "add_fpn", FALSE),
  GTF_CONFIG_LIST_FIELD (Config, out_indices, "out_indices|segmentation_indices"),
  GTF_CONFIG_LIST_FIELD (Config, pool_scales, "pool_scales"),
  GTF_CONFIG_INT_FIELD (Config, vocab_size, "vocab_size", 1, 1 << 24, 8192),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  gint64 n;

  if (!gtf_vision_config_derive (data, error) || !gtf_uper_scales (config->pool_scales, config->scales, &config->n_scales, error))
    return FALSE;
  for (gint64 i = 0; i < N_MAPS && gtf_config_list_size (config->out_indices) == N_MAPS; i++)
    if (!gtf_config_list_int (config->out_indices, i, 1, config->vision.encoder.n_layers + 1, &config->maps[i]))
      config->maps[i] = 0;
  n = (2 * (config->vision.image_height / config->vision.patch_height) - 1) * (2 * (config->vision.image_width / config->vision.patch_width) - 1) + 3;
  config->n_stages = config->vision.encoder.n_layers + 1;
  config->layer_distances = config->has_biases ? n : 0;
  config->shared_distances = config->shares_bias ? n : 0;
  config->pyramid_size = config->has_pyramid ? config->vision.encoder.hidden_size : 0;
  config->norm_size = config->means ? 0 : config->vision.encoder.hidden_size;
  config->pooler_norm_size = config->means ? config->vision.encoder.hidden_size : 0;
  return TRUE;
}

typedef struct
{
  GtfVisionWeights vision;
  const GtfTensor *bias;                /* shared by all layers */
  const GtfNorm *pooler_norm, *lm_norm;
  const GtfLinear *lm;
  const GtfConv2d *enlarge[3];          /* of a pyramid: the finest map twice, with a normalisation between, and the next */
  GtfUperHead uper;
} Weights;

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)
#define HEADS_DIM GTF_VISION_DIM (encoder.n_heads)

static const GtfWeight layer[] = {
  GTF_VISION_LAYER_NORM (block.attention_norm, "layernorm_before"),
  GTF_VISION_QKV ("attention.attention.{query,key,value}|attention.{q_proj,k_proj,v_proj}"),
  GTF_VISION_SQUARE (block.attention_out, "attention.output.dense|attention.o_proj"),
  { GTF_WEIGHT_TENSOR, "attention.attention.relative_position_bias.relative_position_bias_table|relative_position_bias.relative_position_bias_table",
    GTF_VISION_LAYER (bias), 0, { GTF_DIM (Config, layer_distances), HEADS_DIM } },
  GTF_VISION_SCALE (attention_scale, "lambda_1"),
  GTF_VISION_LAYER_NORM (block.output_norm, "layernorm_after"),
  GTF_VISION_UP ("intermediate.dense|mlp.fc1"),
  GTF_VISION_DOWN ("output.dense|mlp.fc2"),
  GTF_VISION_SCALE (output_scale, "lambda_2"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_VISION_TOKENS (cls, "embeddings.cls_token", 0, GTF_DIM_CONST (1)),
  GTF_VISION_TOKENS (positions, "embeddings.position_embeddings", 0, GTF_VISION_DIM (n_positions)),
  GTF_VISION_PATCHES ("embeddings.patch_embeddings.projection"),
  { GTF_WEIGHT_TENSOR, "encoder.relative_position_bias.relative_position_bias_table|shared_position_bias.relative_position_bias_table",
    G_STRUCT_OFFSET (Weights, bias), 0, { GTF_DIM (Config, shared_distances), HEADS_DIM } },
  GTF_VISION_LAYERS ("encoder.layer.%d|layers.%d", layer),
  { GTF_WEIGHT_NORM, "layernorm", GTF_VISION_FIELD (norm), 0, { GTF_DIM (Config, norm_size) } },
  { GTF_WEIGHT_END }
};

#define POOLER(flags) { GTF_WEIGHT_NORM, "pooler.layernorm", G_STRUCT_OFFSET (Weights, pooler_norm), flags, { GTF_DIM (Config, pooler_norm_size) } }

static const GtfWeight base[] = { POOLER (GTF_WEIGHT_OPTIONAL), { GTF_WEIGHT_END } };
static const GtfWeight classifier[] = { POOLER (0), GTF_VISION_CLASSIFIER (classifier, "classifier", HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight masked[] = {
  { GTF_WEIGHT_NORM, "layernorm", G_STRUCT_OFFSET (Weights, lm_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_LINEAR, "lm_head", G_STRUCT_OFFSET (Weights, lm), 0, { GTF_DIM (Config, vocab_size), HIDDEN } },
  { GTF_WEIGHT_END }
};

#define ENLARGE(i, name, norms, size)                                                                                              \
  { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Weights, enlarge[i]), GTF_WEIGHT_TRANSPOSED,                                                         \
    { GTF_DIM (Config, size), GTF_DIM (Config, size), GTF_DIM_CONST (2), GTF_DIM_CONST (2) }, .norm = norms }
#define PYRAMID(size)                                                                                                              \
  ENLARGE (0, "fpn1.0|fpn.fpn1.conv_transpose1", "fpn1.1|fpn.fpn1.normalization", size),                                           \
  ENLARGE (1, "fpn1.3|fpn.fpn1.conv_transpose2", NULL, size),                                                                      \
  ENLARGE (2, "fpn2.0|fpn.fpn2", NULL, size)

static const GtfWeight segmentation[] = { PYRAMID (vision.encoder.hidden_size), GTF_UPER_HEAD (Weights, uper, GTF_VISION_DIM (encoder.n_labels)), { GTF_WEIGHT_END } };
static const GtfWeight backbone[] = { PYRAMID (pyramid_size), { GTF_WEIGHT_END } };

#define HEADS(prefix)                                                                                                              \
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, prefix },                                               \
  { "ForSemanticSegmentation", gtf_segmentation_tasks, segmentation, prefix },                                                     \
  { "ForMaskedImageModeling", gtf_vision_base_tasks, masked, prefix },                                                             \
  { "Backbone", gtf_vision_base_tasks, backbone, prefix },                                                                            \
  { "Model", gtf_vision_base_tasks, base, prefix }

static const GtfHead beit_heads[] = { HEADS ("beit"), { NULL } };
static const GtfHead data2vec_heads[] = { HEADS ("data2vec_vision"), { NULL } };

/* ---- distances of patches ---------------------------------------------------------------------------------------------- */

typedef struct
{
  const Config *config;
  const Weights *w;
  gint64 down, across;
  GtfTensor *rows;              /* I32: row of the table for query and key */
  GtfTensor *shared;
} Bias;

/* Row of the table for element i of [T][T]: by difference of row and column, and three more for [CLS]. */
static gint64
table_row (gint64 i, gconstpointer data)
{
  const Bias *b = data;
  gint64 n = b->down * b->across + 1, wide = 2 * b->across - 1, all = (2 * b->down - 1) * wide, query = i / n, key = i % n;

  if (query == 0 || key == 0)
    return query == 0 && key == 0 ? all + 2 : key == 0 ? all + 1 : all;
  query--;
  key--;
  return (query / b->across - key / b->across + b->down - 1) * wide + query % b->across - key % b->across + b->across - 1;
}

/* [rows][heads] of the model's picture -> [1][heads][T][T] of this one. */
static GtfTensor *
make_bias (GtfContext *c, const Bias *b, const GtfTensor *table)
{
  const GtfVisionConfig *v = &b->config->vision;
  gint64 old_height = 2 * (v->image_height / v->patch_height) - 1, old_width = 2 * (v->image_width / v->patch_width) - 1, n = old_height * old_width;
  gint64 height = 2 * b->down - 1, width = 2 * b->across - 1, heads = v->encoder.n_heads, tokens = b->down * b->across + 1;
  GtfTensor *parts[2];

  if (height != old_width || width != old_height)
    {
      /* Height and width stand so in the reference; for square pictures they are one. */
      parts[0] = gtf_resize (c, gtf_reshape (c, gtf_steps (c, table, 0, n), 4, (gint64[]){ 1, old_width, old_height, heads }), height, width, GTF_RESIZE_BILINEAR);
      parts[0] = gtf_reshape (c, parts[0], 2, (gint64[]){ height * width, heads });
      parts[1] = gtf_steps (c, table, n, 3);
      table = gtf_concat (c, parts, 2);
    }
  return gtf_reshape (c, gtf_transpose (c, gtf_take (c, table, b->rows)), 4, (gint64[]){ 1, heads, tokens, tokens });
}

static GtfTensor *
layer_bias (GtfContext *c, gint64 i, gconstpointer data)
{
  const Bias *b = data;
  const GtfTensor *table = b->w->vision.layers[i].bias;
  GtfTensor *own = table != NULL ? make_bias (c, b, table) : NULL;

  return own == NULL ? b->shared : b->shared == NULL ? own : gtf_add (c, own, b->shared);
}

/* What scores get by distance in a picture of this size. */
static Bias
picture_bias (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels)
{
  Bias bias = { config, w, gtf_dim (pixels, 2) / config->vision.patch_height, gtf_dim (pixels, 3) / config->vision.patch_width, NULL, NULL };
  const gint64 n = bias.down * bias.across + 1;

  if (config->has_biases || config->shares_bias)
    bias.rows = gtf_indices (c, n * n, table_row, &bias);
  if (w->bias != NULL)
    bias.shared = make_bias (c, &bias, w->bias);
  return bias;
}

/* Four hidden states, by their numbers from 1, as maps of four sizes: 4, 2, 1 and 1/2 times that in patches. */
static gboolean
make_pyramid (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x, const Bias *bias, const gint64 *states, GtfTensor **maps)
{
  const GtfVisionConfig *v = &config->vision;
  const GtfWindow twice = { .stride = 2 };

  for (gint64 i = 0; i <= v->encoder.n_layers && !gtf_failed (c); i++)
    {
      if (i > 0)
        x = gtf_vision_layer (c, v, &w->vision.layers[i - 1], x, bias->rows != NULL ? layer_bias (c, i - 1, bias) : NULL);
      for (gint64 k = 0; k < N_MAPS; k++)
        if (states[k] == i + 1)
          maps[k] = gtf_reshape (c, gtf_steps (c, x, 1, gtf_dim (x, 1) - 1), 4, (gint64[]){ gtf_dim (x, 0), bias->down, bias->across, gtf_dim (x, 2) });
    }
  for (gint64 k = 0; k < N_MAPS; k++)
    if (maps[k] == NULL)
      gtf_fail (c, "out_indices: a pyramid needs %d numbers from 1 to num_hidden_layers + 1", N_MAPS);
  if (gtf_failed (c))
    return FALSE;
  maps[0] = gtf_conv_transpose2d (c, w->enlarge[1], gtf_conv_transpose2d (c, w->enlarge[0], maps[0], &twice, GTF_ACTIVATION_GELU), &twice, GTF_ACTIVATION_NONE);
  maps[1] = gtf_conv_transpose2d (c, w->enlarge[2], maps[1], &twice, GTF_ACTIVATION_NONE);
  maps[3] = gtf_max_pool2d (c, maps[3], &(GtfWindow){ 2, 2 });
  return !gtf_failed (c);
}

/* UPerNet's head over a pyramid: logits [B][labels][4 rows][4 columns]. */
static void
segment (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x, const Bias *bias)
{
  GtfTensor *maps[N_MAPS] = { NULL };

  if (make_pyramid (c, config, w, x, bias, config->maps, maps))
    gtf_output (c, "logits", gtf_pixels_first (c, gtf_uper_classes (c, &w->uper, maps, N_MAPS, config->scales, config->n_scales)));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfVisionConfig *v = &config->vision;
  const float eps = (float) v->encoder.eps;
  GtfTensor *x = gtf_vision_embed (c, v, &w->vision.embeddings), *pooled = NULL;
  const gint64 n = gtf_dim (x, 1);
  Bias bias;

  if (x == NULL || gtf_failed (c))
    return;
  bias = picture_bias (c, config, w, gtf_input (c, "pixel_values"));
  if (w->uper.classifier != NULL)
    {
      segment (c, config, w, x, &bias);
      return;
    }
  x = gtf_vision_encode (c, v, w->vision.layers, x, bias.rows != NULL ? layer_bias : NULL, &bias);
  if (w->vision.norm != NULL)
    x = gtf_layer_norm (c, w->vision.norm, x, eps);
  gtf_output (c, "last_hidden_state", x);
  if (w->pooler_norm != NULL)
    pooled = gtf_layer_norm (c, w->pooler_norm, gtf_mean_steps (c, gtf_steps (c, x, 1, n - 1)), eps);
  else if (!config->means)
    pooled = gtf_vision_token (c, x, 0);
  if (pooled != NULL)
    gtf_output (c, "pooler_output", pooled);
  if (w->vision.classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->vision.classifier, pooled));
  if (w->lm != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->lm, gtf_layer_norm (c, w->lm_norm, gtf_steps (c, x, 1, n - 1), eps)));
}

/* The stages that are asked for, four of them, as a pyramid. */
static void
put_pyramid (GtfContext *c, const GtfForward *f, GtfTensor *x, const Bias *bias)
{
  const Config *config = f->config;
  GtfTensor *maps[N_MAPS] = { NULL };
  gint64 states[N_MAPS] = { 0 }, n = 0;

  for (gint64 i = 0; i < config->n_stages; i++)
    if (gtf_feature_wanted (f, i) && n++ < N_MAPS)
      states[n - 1] = i + 1;
  if (n > N_MAPS)
    gtf_fail (c, "\"add_fpn\": a pyramid is made of %d feature maps, not %" G_GINT64_FORMAT, N_MAPS, n);
  if (gtf_failed (c) || !make_pyramid (c, config, f->weights, x, bias, states, maps))
    return;
  for (gint64 k = 0; k < N_MAPS; k++)
    gtf_feature (c, f, states[k] - 1, maps[k]);
}

static void
features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  const Config *config = f->config;
  const GtfVisionConfig *v = &config->vision;
  const Weights *w = f->weights;
  GtfTensor *x = gtf_vision_embed_pixels (c, v, &w->vision.embeddings, pixels);
  const Bias bias = picture_bias (c, config, w, pixels);

  if (config->has_pyramid)
    put_pyramid (c, f, x, &bias);
  else
    gtf_vision_features (c, f, v, w->vision.layers, x, NULL, config->reshapes ? bias.down : 0, bias.across, bias.rows != NULL ? layer_bias : NULL, &bias);
}

static const char *const beit_types[] = { "beit", NULL }, *const data2vec_types[] = { "data2vec-vision", NULL };

#define ARCHITECTURE(name)                                                                                                         \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,   \
    .model_types = name##_types, .config = config_fields, .weights = weights, .heads = name##_heads,                               \
    .ignored = "*.mask_token|*.relative_position_index|classifier.*|*pooler.*|auxiliary_head.*", .forward = forward, .features = features, \
    .n_stages = GTF_DIM (Config, n_stages)                                                                                         \
  }

ARCHITECTURE (beit);
ARCHITECTURE (data2vec);

GTF_TEXT_PLUGINS (beit, "beit", "BEiT, data2vec: pictures as patches that know their distances", &beit, &data2vec)
