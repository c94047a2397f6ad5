/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SAM: Kirillov et al., "Segment Anything" (2023).
 *
 * A ViT whose layers attend within windows, some of them everywhere; points and boxes as tokens; a decoder in which tokens and pixels attend to each
 * other. docs/models/sam.md tells what is easily got wrong, and what goes in and comes out.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfVisionConfig vision;
  const char *globals;          /* layers that attend everywhere */
  gint64 window_size, n_features, n_outputs, grid, grid_distances, window_distances, n_positions;
  gboolean has_distances, has_positions;
  double mlp_ratio;
  GtfMaskDecoderConfig decoder;
  gint64 prompt_size, rate, n_more_masks, iou_depth, mask_channels;
  GtfActivation prompt_activation;
  double prompt_eps;
} Config;

#define VISION(field, key, min, max, def) GTF_CONFIG_INT_FIELD (Config, field, "vision_config." key, min, max, def)
#define DECODER(field, key, min, max, def) GTF_CONFIG_INT_FIELD (Config, field, "mask_decoder_config." key, min, max, def)

static const GtfConfigField config_fields[] = {
  GTF_VISION_CONFIG_FIELDS,
  VISION (vision.encoder.hidden_size, "hidden_size", 1, 1 << 16, 768),
  VISION (vision.encoder.n_layers, "num_hidden_layers", 0, 256, 12),
  VISION (vision.encoder.n_heads, "num_attention_heads", 1, 4096, 12),
  VISION (vision.encoder.inner_size, "mlp_dim", 0, 1 << 20, 0),
  GTF_CONFIG_FLOAT_FIELD (Config, mlp_ratio, "vision_config.mlp_ratio", 0.001, 1024, 4),
  GTF_CONFIG_FLOAT_FIELD (Config, vision.encoder.eps, "vision_config.layer_norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, vision.encoder.activation, "vision_config.hidden_act", "gelu"),
  VISION (vision.n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_LIST_FIELD (Config, vision.image_sizes, "vision_config.image_size"),
  GTF_CONFIG_LIST_FIELD (Config, vision.patch_sizes, "vision_config.patch_size"),
  GTF_CONFIG_INT_FIELD (Config, vision.n_first, "", 0, 0, 0),
  VISION (window_size, "window_size", 0, 1 << 12, 14),
  VISION (n_features, "num_pos_feats", 1, 1 << 15, 128),
  VISION (n_outputs, "output_channels", 8, 1 << 15, 256),
  GTF_CONFIG_LIST_FIELD (Config, globals, "vision_config.global_attn_indexes"),
  GTF_CONFIG_BOOL_FIELD (Config, has_distances, "vision_config.use_rel_pos", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, has_positions, "vision_config.use_abs_pos", TRUE),
  GTF_CONFIG_INT_FIELD (Config, prompt_size, "prompt_encoder_config.image_size", 1, 1 << 16, 1024),
  GTF_CONFIG_INT_FIELD (Config, mask_channels, "prompt_encoder_config.mask_input_channels", 4, 1 << 12, 16),
  GTF_CONFIG_FLOAT_FIELD (Config, prompt_eps, "prompt_encoder_config.layer_norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, prompt_activation, "prompt_encoder_config.hidden_act", "gelu"),
  DECODER (decoder.n_layers, "num_hidden_layers", 0, 256, 2),
  DECODER (decoder.n_heads, "num_attention_heads", 1, 4096, 8),
  DECODER (decoder.inner, "mlp_dim", 1, 1 << 20, 2048),
  DECODER (rate, "attention_downsample_rate", 1, 1 << 12, 2),
  DECODER (n_more_masks, "num_multimask_outputs", GTF_N_MASKS - 1, GTF_N_MASKS - 1, GTF_N_MASKS - 1),
  DECODER (iou_depth, "iou_head_depth", 2, 64, 3),
  DECODER (decoder.iou_inner, "iou_head_hidden_dim", 1, 1 << 16, 256),
  GTF_CONFIG_FLOAT_FIELD (Config, decoder.eps, "mask_decoder_config.layer_norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, decoder.activation, "mask_decoder_config.hidden_act", "relu"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  GtfVisionConfig *v = &config->vision;

  if (v->image_sizes == NULL)
    v->image_sizes = "1024";
  if (config->globals == NULL)
    config->globals = "2|5|8|11";
  if (v->encoder.inner_size == 0)
    v->encoder.inner_size = (gint64) ((double) v->encoder.hidden_size * config->mlp_ratio);
  if (v->encoder.inner_size < 1 || !gtf_vision_config_derive (data, error))
    return FALSE;
  config->grid = v->image_height / v->patch_height;
  config->grid_distances = config->has_distances ? 2 * config->grid - 1 : 0;
  config->window_distances = config->has_distances ? 2 * config->window_size - 1 : 0;
  config->n_positions = config->has_positions ? config->grid : 0;
  config->decoder.d = config->n_outputs;
  config->decoder.between = config->n_outputs / 2;      /* whatever attention_downsample_rate says: that is for the last attention alone */
  config->decoder.narrow = config->n_outputs / config->rate;
  config->decoder.n_iou_layers = config->iou_depth - 2;
  config->decoder.grid = config->grid;
  if (v->image_height != v->image_width || v->patch_height != v->patch_width || config->n_outputs != 2 * config->n_features || config->n_outputs % 8 != 0
      || config->decoder.between % config->decoder.n_heads != 0 || config->decoder.narrow < 1 || config->decoder.narrow % config->decoder.n_heads != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "expected square pictures and patches, output_channels (%" G_GINT64_FORMAT ") twice num_pos_feats (%" G_GINT64_FORMAT
                   "), its half and it divided by attention_downsample_rate (%" G_GINT64_FORMAT ") multiples of the decoder's num_attention_heads (%" G_GINT64_FORMAT ")",
                   config->n_outputs, config->n_features, config->rate, config->decoder.n_heads);
      return FALSE;
    }
  return TRUE;
}

typedef struct
{
  GtfVisionLayer layer;
  const GtfTensor *down, *across;       /* distances, as they are in the file: of the window or of the picture */
} VisionLayer;

typedef struct
{
  const GtfLinear *patches;
  const GtfTensor *positions;
  const VisionLayer *layers;
  const GtfConv2d *neck[2];
  const GtfNorm *neck_norms[2];
  const GtfTensor *waves;               /* of positions: [2][features] */
  const GtfEmbedding *no_point, *kinds[GTF_PROMPT_KINDS];
  GtfMaskPrompt mask;
  GtfMaskDecoder decoder;
} Weights;

#define HIDDEN GTF_DIM (Config, vision.encoder.hidden_size)
#define INNER GTF_DIM (Config, vision.encoder.inner_size)
#define OUT GTF_DIM (Config, n_outputs)
#define ONE GTF_DIM_CONST (1)
#define LAYER(field) G_STRUCT_OFFSET (VisionLayer, field)
#define AT(field) G_STRUCT_OFFSET (Weights, field)

static const GtfWeight vision_layer[] = {
  { GTF_WEIGHT_NORM, "layer_norm1", LAYER (layer.block.attention_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_LINEAR, "attn.qkv", LAYER (layer.block.qkv), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_TIMES (Config, vision.encoder.hidden_size, 3), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "attn.proj", LAYER (layer.block.attention_out), 0, { HIDDEN, HIDDEN } },
  { GTF_WEIGHT_TENSOR, "attn.rel_pos_h", LAYER (down), GTF_WEIGHT_OPTIONAL, { GTF_DIM_STORED, GTF_DIM_STORED } },
  { GTF_WEIGHT_TENSOR, "attn.rel_pos_w", LAYER (across), GTF_WEIGHT_OPTIONAL, { GTF_DIM_STORED, GTF_DIM_STORED } },
  { GTF_WEIGHT_NORM, "layer_norm2", LAYER (layer.block.output_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_LINEAR, "mlp.lin1", LAYER (layer.block.up), 0, { INNER, HIDDEN } },
  { GTF_WEIGHT_LINEAR, "mlp.lin2", LAYER (layer.block.down), 0, { HIDDEN, INNER } },
  { GTF_WEIGHT_END }
};

GTF_MASK_DECODER_TABLES (Config, decoder);

#define CONV(field, name, flags) { GTF_WEIGHT_CONV2D, name, AT (field), flags, GTF_CONV_STORED }
#define TOKENS(field, name, n) { GTF_WEIGHT_EMBEDDING, name, AT (field), 0, { GTF_DIM_CONST (n), OUT } }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_LINEAR, "vision_encoder.patch_embed.projection.weight", AT (patches), GTF_WEIGHT_BARE | GTF_WEIGHT_PARENT_BIAS, { HIDDEN, GTF_DIM (Config, vision.patch_features) } },
  { GTF_WEIGHT_TENSOR, "vision_encoder.pos_embed", AT (positions), 0, { ONE, GTF_DIM (Config, n_positions), GTF_DIM (Config, n_positions), HIDDEN } },
  { GTF_WEIGHT_GROUP, "vision_encoder.layers.%d", .offset = AT (layers), .group = vision_layer, .group_size = sizeof (VisionLayer),
    .count = GTF_DIM (Config, vision.encoder.n_layers) },
  CONV (neck[0], "vision_encoder.neck.conv1", GTF_WEIGHT_NO_BIAS), CONV (neck[1], "vision_encoder.neck.conv2", GTF_WEIGHT_NO_BIAS),
  { GTF_WEIGHT_NORM, "vision_encoder.neck.layer_norm1", AT (neck_norms[0]), 0, { OUT } },
  { GTF_WEIGHT_NORM, "vision_encoder.neck.layer_norm2", AT (neck_norms[1]), 0, { OUT } },
  { GTF_WEIGHT_TENSOR, "shared_image_embedding.positional_embedding|prompt_encoder.shared_embedding.positional_embedding", AT (waves), 0,
    { GTF_DIM_CONST (2), GTF_DIM (Config, n_features) } },
  TOKENS (no_point, "prompt_encoder.not_a_point_embed", 1),
  TOKENS (kinds[0], "prompt_encoder.point_embed.0", 1), TOKENS (kinds[1], "prompt_encoder.point_embed.1", 1),
  TOKENS (kinds[2], "prompt_encoder.point_embed.2", 1), TOKENS (kinds[3], "prompt_encoder.point_embed.3", 1),
  GTF_MASK_PROMPT_WEIGHTS (Weights, mask, Config, decoder),
  GTF_MASK_DECODER_WEIGHTS (Weights, decoder, Config, decoder),
  { GTF_WEIGHT_END }
};

static const char *const tasks[] = { "mask-generation", NULL };
static const GtfHead heads[] = { { "Model", tasks, NULL, "sam" }, { NULL } };

/* ---- the picture ---------------------------------------------------------------------------------------------------------- */

/* Attention of all pixels [B][H][W][D], or within windows. */
static GtfTensor *
attend (GtfContext *c, const Config *config, const VisionLayer *l, const GtfTensor *x, gboolean everywhere)
{
  const gint64 d = config->vision.encoder.hidden_size, size = everywhere ? config->grid : config->window_size;
  const GtfWindows windows = { .size = size };
  const GtfGrid grid = { size, size, config->vision.encoder.n_heads, l->down, l->across };
  GtfTensor *y = everywhere ? gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, d }) : gtf_to_windows (c, x, &windows);

  if (l->down != NULL && (gtf_dim (l->down, 0) != 2 * size - 1 || gtf_dim (l->across, 0) != 2 * size - 1))
    {
      gtf_fail (c, "rel_pos_h, rel_pos_w: expected %" G_GINT64_FORMAT " distances, found %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, 2 * size - 1, gtf_dim (l->down, 0),
                gtf_dim (l->across, 0));
      return NULL;
    }
  y = gtf_linear (c, l->layer.block.qkv, y);
  y = gtf_grid_attention (c, gtf_slice (c, y, 0, d), gtf_slice (c, y, d, d), gtf_slice (c, y, 2 * d, d), &grid);
  if (everywhere)
    return gtf_reshape (c, y, 4, (gint64[]){ gtf_dim (x, 0), config->grid, config->grid, d });
  return gtf_from_windows (c, y, &windows, x);
}

static GtfTensor *
vision_forward (GtfContext *c, const Config *config, const VisionLayer *l, GtfTensor *x, gboolean everywhere)
{
  const float eps = (float) config->vision.encoder.eps;
  const GtfEncoderLayer *block = &l->layer.block;
  const gsize mark = gtf_push (c);

  x = gtf_linear_add (c, block->attention_out, attend (c, config, l, gtf_layer_norm (c, block->attention_norm, x, eps), everywhere), x);
  x = gtf_feed_forward (c, block->up, config->vision.encoder.activation, block->down, gtf_layer_norm (c, block->output_norm, x, eps), x);
  return gtf_pop_keep (c, mark, x);
}

static gboolean
is_global (const Config *config, gint64 layer)
{
  gint64 n;

  for (gint64 i = 0; i < gtf_config_list_size (config->globals); i++)
    if (gtf_config_list_int (config->globals, i, 0, 255, &n) && n == layer)
      return TRUE;
  return config->window_size == 0;
}

/* [B][grid][grid][outputs] */
static GtfTensor *
see (GtfContext *c, const Config *config, const Weights *w)
{
  const GtfVisionConfig *v = &config->vision;
  const GtfTensor *pixels = gtf_vision_pixels (c, v->n_channels);
  GtfTensor *x;

  if (pixels == NULL)
    return NULL;
  if (gtf_dim (pixels, 2) != v->image_height || gtf_dim (pixels, 3) != v->image_width)
    {
      gtf_fail (c, "the picture is %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT ", but the model takes pictures of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT, gtf_dim (pixels, 2),
                gtf_dim (pixels, 3), v->image_height, v->image_width);
      return NULL;
    }
  x = gtf_linear (c, w->patches, gtf_patches (c, pixels, v->patch_height, v->patch_width));
  x = gtf_reshape (c, x, 4, (gint64[]){ gtf_dim (pixels, 0), config->grid, config->grid, v->encoder.hidden_size });
  if (w->positions != NULL)
    x = gtf_add (c, x, gtf_reshape (c, w->positions, 3, (gint64[]){ config->grid, config->grid, v->encoder.hidden_size }));
  for (gint64 i = 0; i < v->encoder.n_layers; i++)
    x = vision_forward (c, config, &w->layers[i], x, is_global (config, i));
  x = gtf_layer_norm (c, w->neck_norms[0], gtf_conv2d (c, w->neck[0], x, NULL, GTF_ACTIVATION_NONE, NULL), 1e-6f);
  return gtf_layer_norm (c, w->neck_norms[1], gtf_conv2d (c, w->neck[1], x, &(GtfWindow){ .padding = 1 }, GTF_ACTIVATION_NONE, NULL), 1e-6f);
}

/* ---- masks ---------------------------------------------------------------------------------------------------------------- */

/* `image_embeddings` are computed from `pixel_values`, or given; with prompts, masks are computed from them. */
static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *given = gtf_input_optional (c, "image_embeddings");
  const GtfPrompts prompts = { w->waves, w->no_point, { w->kinds[0], w->kinds[1], w->kinds[2], w->kinds[3] }, config->prompt_size };
  const GtfMaskScene scene = { .config = &config->decoder, .w = &w->decoder };
  GtfTensor *x = given != NULL ? gtf_pixels_last (c, given) : see (c, config, w);

  if (x == NULL || gtf_failed (c))
    return;
  if (given == NULL)
    gtf_output (c, "image_embeddings", gtf_pixels_first (c, x));
  if (!gtf_prompts_are_given (c))
    return;
  if (gtf_dim (x, 1) != config->grid || gtf_dim (x, 2) != config->grid || gtf_dim (x, 3) != config->n_outputs)
    {
      gtf_fail (c, "image_embeddings: expected [B, %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT "]", config->n_outputs, config->grid, config->grid);
      return;
    }
  x = gtf_mask_prompt (c, &w->mask, x, config->prompt_activation, (float) config->prompt_eps);
  gtf_mask_decode (c, &scene, gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, config->n_outputs }), &prompts);
}

static const char *const model_types[] = { "sam", NULL };

static const GtfArchitecture sam = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "prompt_encoder.shared_embedding.*", .forward = forward
};

GTF_TEXT_PLUGINS (sam, "sam", "SAM: masks of whatever points and boxes show", &sam)
