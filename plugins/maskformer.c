/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MaskFormer: Cheng et al., "Per-Pixel Classification is Not All You Need for Semantic Segmentation" (2021).
 *
 * The coarsest feature map of a backbone is what the queries of a DETR decoder look at; a pyramid leads it down to the pixels that queries are
 * multiplied with: a mask and a class for each. docs/models/maskformer.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define MAX_FINER 8             /* maps of the pyramid beside the coarsest */
#define GROUPS 32
#define EPS 1e-5f

typedef struct
{
  const GtfInnerModel *backbone;
  gint64 n_channels, n_labels, n_classes, pyramid_size, mask_size, n_finer;
  gint64 d, n_queries, n_layers, n_heads, inner_size;                           /* of the decoder */
  GtfActivation activation;
  gboolean has_auxiliary;
  gint64 finer_size[MAX_FINER];
} Config;

#define BACKBONE                                                                                                                   \
  "{\"model_type\": \"swin\", \"depths\": [2, 2, 18, 2], \"image_size\": 384, \"embed_dim\": 128, \"num_heads\": [4, 8, 16, 32], \"window_size\": 12," \
  " \"out_features\": [\"stage1\", \"stage2\", \"stage3\", \"stage4\"],"                                                              \
  " \"always\": {\"swin\": {\"out_features\": [\"stage1\", \"stage2\", \"stage3\", \"stage4\"]}}}"
#define DECODER(key, old) "decoder_config." key "|decoder_config." old

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config", BACKBONE),
  GTF_CONFIG_INT_FIELD (Config, n_channels, "backbone_config.num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, pyramid_size, "fpn_feature_size", 1, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (Config, mask_size, "mask_feature_size", 1, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (Config, d, DECODER ("d_model", "hidden_size"), 2, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (Config, n_queries, "decoder_config.num_queries", 1, 1 << 16, 100),
  GTF_CONFIG_INT_FIELD (Config, n_layers, "decoder_config.decoder_layers", 1, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, n_heads, "decoder_config.decoder_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, inner_size, "decoder_config.decoder_ffn_dim", 1, 1 << 20, 2048),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "decoder_config.activation_function", "relu"),
  GTF_CONFIG_BOOL_FIELD (Config, has_auxiliary, "decoder_config.auxiliary_loss", FALSE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const gint64 n = gtf_backbone_n_maps (config->backbone) - 1;

  config->n_classes = config->n_labels + 1;
  for (gint64 i = 0; i < n && i < MAX_FINER; i++)
    config->finer_size[i] = config->pyramid_size;
  config->n_finer = n;
  if (n < 1 || n > MAX_FINER)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "backbone_config: expected a model that gives 2 to %d feature maps (out_features), found %" G_GINT64_FORMAT, MAX_FINER + 1, n + 1);
  else if (config->pyramid_size % GROUPS != 0 || config->d % 4 != 0 || config->d % config->n_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "fpn_feature_size (%" G_GINT64_FORMAT ") must be a multiple of %d, decoder_config.d_model (%" G_GINT64_FORMAT ") of 4 and of"
                 " decoder_attention_heads (%" G_GINT64_FORMAT ")", config->pyramid_size, GROUPS, config->d, config->n_heads);
  else
    return TRUE;
  return FALSE;
}

typedef struct
{
  GtfDetectionAttention self, cross;
  const GtfNorm *self_norm, *cross_norm, *final_norm;
  const GtfLinear *up, *down;
} Layer;

/* A map on its way down the pyramid: the backbone's, projected, and what is done to the sum. */
typedef struct
{
  const GtfLinear *lateral;
  const GtfNorm *lateral_norm, *norm;
  const GtfConv2d *conv;
} Finer;

typedef struct
{
  const GtfInnerModel *backbone;
  const GtfConv2d *stem, *masks;
  const GtfNorm *stem_norm, *norm;
  Finer finer[MAX_FINER];
  const GtfLinear *projection, *classes, *embed[3];     /* projection: may be NULL */
  const GtfTensor *queries;
  const Layer *layers;
} Weights;

#define D GTF_DIM (Config, d)
#define PYRAMID GTF_DIM (Config, pyramid_size)
#define THREE GTF_DIM_CONST (3), GTF_DIM_CONST (3)
#define NORM(Struct, field, name, size) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Struct, field), 0, { size } }

static const GtfWeight layer[] = {
  GTF_DETECTION_ATTENTION (Layer, self, "self_attn", Config, d),
  GTF_DETECTION_NORM (Layer, self_norm, "self_attn_layer_norm", Config, d),
  GTF_DETECTION_ATTENTION (Layer, cross, "encoder_attn", Config, d),
  GTF_DETECTION_NORM (Layer, cross_norm, "encoder_attn_layer_norm", Config, d),
  GTF_DETECTION_LINEAR (Layer, up, "fc1|mlp.fc1", GTF_DIM (Config, inner_size), D),
  GTF_DETECTION_LINEAR (Layer, down, "fc2|mlp.fc2", D, GTF_DIM (Config, inner_size)),
  GTF_DETECTION_NORM (Layer, final_norm, "final_layer_norm", Config, d),
  { GTF_WEIGHT_END }
};

#define FPN "pixel_level_module.decoder.fpn."
#define FINER(i)                                                                                                                   \
  { GTF_WEIGHT_LINEAR, FPN "layers." #i ".proj.0", G_STRUCT_OFFSET (Weights, finer[i].lateral), GTF_WEIGHT_NO_BIAS,                \
    { GTF_DIM (Config, finer_size[i]), GTF_DIM_STORED } },                                                                         \
  NORM (Weights, finer[i].lateral_norm, FPN "layers." #i ".proj.1", GTF_DIM (Config, finer_size[i])),                              \
  { GTF_WEIGHT_CONV2D, FPN "layers." #i ".block.0", G_STRUCT_OFFSET (Weights, finer[i].conv), GTF_WEIGHT_NO_BIAS,                  \
    { GTF_DIM (Config, finer_size[i]), GTF_DIM (Config, finer_size[i]), THREE } },                                                 \
  NORM (Weights, finer[i].norm, FPN "layers." #i ".block.1", GTF_DIM (Config, finer_size[i]))

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "pixel_level_module.encoder|pixel_level_module.encoder.model", G_STRUCT_OFFSET (Weights, backbone), .count = GTF_DIM (Config, backbone) },
  { GTF_WEIGHT_CONV2D, FPN "stem.0", G_STRUCT_OFFSET (Weights, stem), GTF_WEIGHT_NO_BIAS, { PYRAMID, GTF_DIM_STORED, THREE } },
  NORM (Weights, stem_norm, FPN "stem.1", PYRAMID),
  FINER (0), FINER (1), FINER (2), FINER (3), FINER (4), FINER (5), FINER (6), FINER (7),
  { GTF_WEIGHT_CONV2D, "pixel_level_module.decoder.mask_projection", G_STRUCT_OFFSET (Weights, masks), 0, { GTF_DIM (Config, mask_size), PYRAMID, THREE } },
  { GTF_WEIGHT_LINEAR, "transformer_module.input_projection", G_STRUCT_OFFSET (Weights, projection), GTF_WEIGHT_OPTIONAL, { D, GTF_DIM_STORED } },
  { GTF_WEIGHT_TENSOR, "transformer_module.queries_embedder.weight", G_STRUCT_OFFSET (Weights, queries), 0, { GTF_DIM (Config, n_queries), D } },
  { GTF_WEIGHT_GROUP, "transformer_module.decoder.layers.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer, .group_size = sizeof (Layer),
    .count = GTF_DIM (Config, n_layers) },
  NORM (Weights, norm, "transformer_module.decoder.layernorm", D),
  { GTF_WEIGHT_END }
};

static const GtfWeight segmentation[] = {
  { GTF_WEIGHT_LINEAR, "class_predictor", G_STRUCT_OFFSET (Weights, classes), 0, { GTF_DIM (Config, n_classes), D } },
  GTF_DETECTION_LINEAR (Weights, embed[0], "mask_embedder.0.0", D, D),
  GTF_DETECTION_LINEAR (Weights, embed[1], "mask_embedder.1.0", D, D),
  GTF_DETECTION_LINEAR (Weights, embed[2], "mask_embedder.2.0", GTF_DIM (Config, mask_size), D),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForInstanceSegmentation", gtf_segmentation_tasks, segmentation, "model" },
  { "Model", gtf_vision_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- pixels ---------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
conv_block (GtfContext *c, const GtfConv2d *conv, const GtfNorm *norm, GtfTensor *x)
{
  x = gtf_conv2d (c, conv, x, &(GtfWindow){ .padding = 1 }, GTF_ACTIVATION_NONE, NULL);
  return gtf_activate (c, gtf_group_norm (c, norm, x, GROUPS, EPS), GTF_ACTIVATION_RELU);
}

/* From the coarsest of n maps down to the finest: the pixels of the masks, [B][H][W][D]. */
static GtfTensor *
decode_pixels (GtfContext *c, const Config *config, const Weights *w, GtfTensor *const *maps)
{
  GtfTensor *x = conv_block (c, w->stem, w->stem_norm, maps[config->n_finer]);

  for (gint64 i = 0; i < config->n_finer && !gtf_failed (c); i++)
    {
      const Finer *finer = &w->finer[i];
      GtfTensor *own = gtf_group_norm (c, finer->lateral_norm, gtf_linear (c, finer->lateral, maps[config->n_finer - 1 - i]), GROUPS, EPS);

      x = conv_block (c, finer->conv, finer->norm, gtf_resize_add (c, x, own, GTF_RESIZE_NEAREST, GTF_ACTIVATION_NONE));
    }
  return gtf_conv2d (c, w->masks, x, &(GtfWindow){ .padding = 1 }, GTF_ACTIVATION_NONE, NULL);
}

/* ---- queries --------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
layer_forward (GtfContext *c, const Config *config, const Layer *w, GtfTensor *x, const GtfTensor *queries, const GtfTensor *keys, const GtfTensor *values)
{
  const GtfAttention how = { .n_heads = config->n_heads };
  GtfTensor *placed = gtf_add (c, x, queries);

  x = gtf_layer_norm (c, w->self_norm, gtf_detection_attend (c, &w->self, &how, placed, placed, x, x), EPS);
  x = gtf_layer_norm (c, w->cross_norm, gtf_detection_attend (c, &w->cross, &how, gtf_add (c, x, queries), keys, values, x), EPS);
  return gtf_layer_norm (c, w->final_norm, gtf_feed_forward (c, w->up, config->activation, w->down, x, x), EPS);
}

/* The queries at last: [B][Q][D]. */
static GtfTensor *
decode_queries (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *map)
{
  GtfTensor *values = gtf_map_tokens (c, w->projection != NULL ? gtf_linear (c, w->projection, map) : map);
  GtfTensor *keys = gtf_add (c, values, gtf_map_positions (c, map, config->d)), *x = gtf_zero_rows (c, gtf_dim (map, 0), config->n_queries, config->d);
  gsize mark = gtf_push (c);

  for (gint64 i = 0; i < config->n_layers && !gtf_failed (c); i++)
    {
      x = layer_forward (c, config, &w->layers[i], x, w->queries, keys, values);
      x = gtf_pop_keep (c, mark, config->has_auxiliary ? gtf_layer_norm (c, w->norm, x, EPS) : x);
    }
  return gtf_layer_norm (c, w->norm, x, EPS);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, config->n_channels);
  GtfTensor *maps[GTF_MAX_MAPS], *masks, *x;

  if (pixels == NULL || !gtf_backbone_maps (c, w->backbone, pixels, maps, config->n_finer + 1))
    return;
  masks = decode_pixels (c, config, w, maps);
  x = decode_queries (c, config, w, maps[config->n_finer]);
  gtf_output (c, "encoder_last_hidden_state", gtf_pixels_first (c, maps[config->n_finer]));
  gtf_output (c, "pixel_decoder_last_hidden_state", gtf_pixels_first (c, masks));
  gtf_output (c, "transformer_decoder_last_hidden_state", x);
  if (w->classes == NULL)
    return;
  gtf_output (c, "class_queries_logits", gtf_linear (c, w->classes, x));
  gtf_output (c, "masks_queries_logits", gtf_pixels_first (c, gtf_products (c, masks, gtf_detection_mlp (c, w->embed, 3, x))));
}

static const char *const model_types[] = { "maskformer", NULL };

static const GtfArchitecture maskformer = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "criterion.*|class_predictor.*|mask_embedder.*", .forward = forward
};

GTF_TEXT_PLUGINS (maskformer, "maskformer", "MaskFormer: masks with a class each, by queries", &maskformer)
