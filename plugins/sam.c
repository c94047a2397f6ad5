/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SAM: Kirillov et al., "Segment Anything" (2023).
 *
 * A ViT whose layers attend within windows, some of them everywhere; points and boxes as tokens; a decoder in which tokens and pixels attend to each
 * other. docs/models/sam.md tells what is easily got wrong, and what goes in and comes out.
 */
#include <gtf/gtf.h>

#define N_MASKS 4               /* one for a prompt that is clear, three for one that is not */

typedef struct
{
  GtfVisionConfig vision;
  const char *globals;          /* layers that attend everywhere */
  gint64 window_size, n_features, n_outputs, grid, grid_distances, window_distances, n_positions;
  gboolean has_distances, has_positions;
  double mlp_ratio;
  gint64 prompt_size, decoder_layers, decoder_heads, decoder_inner, rate, half, narrow, n_more_masks, iou_depth, iou_inner, n_iou_layers;
  GtfActivation decoder_activation, prompt_activation;
  double decoder_eps, prompt_eps;
  gint64 mask_channels;
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
  DECODER (decoder_layers, "num_hidden_layers", 0, 256, 2),
  DECODER (decoder_heads, "num_attention_heads", 1, 4096, 8),
  DECODER (decoder_inner, "mlp_dim", 1, 1 << 20, 2048),
  DECODER (rate, "attention_downsample_rate", 1, 1 << 12, 2),
  DECODER (n_more_masks, "num_multimask_outputs", N_MASKS - 1, N_MASKS - 1, N_MASKS - 1),
  DECODER (iou_depth, "iou_head_depth", 2, 64, 3),
  DECODER (iou_inner, "iou_head_hidden_dim", 1, 1 << 16, 256),
  GTF_CONFIG_FLOAT_FIELD (Config, decoder_eps, "mask_decoder_config.layer_norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, decoder_activation, "mask_decoder_config.hidden_act", "relu"),
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
  config->half = config->n_outputs / 2;
  config->narrow = config->n_outputs / config->rate;
  config->n_iou_layers = config->iou_depth - 2;
  if (v->image_height != v->image_width || v->patch_height != v->patch_width || config->n_outputs != 2 * config->n_features || config->n_outputs % 8 != 0
      || config->half % config->decoder_heads != 0 || config->narrow < 1 || config->narrow % config->decoder_heads != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "expected square pictures and patches, output_channels (%" G_GINT64_FORMAT ") twice num_pos_feats (%" G_GINT64_FORMAT
                   "), its half and it divided by attention_downsample_rate (%" G_GINT64_FORMAT ") multiples of the decoder's num_attention_heads (%" G_GINT64_FORMAT ")",
                   config->n_outputs, config->n_features, config->rate, config->decoder_heads);
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
  const GtfLinear *q, *k, *v, *out;
} Attention;

typedef struct
{
  Attention self, to_image, to_tokens;
  const GtfNorm *norms[4];
  const GtfLinear *up, *down;
} DecoderLayer;

typedef struct
{
  const GtfLinear *first, *last, *middle;
} Hyper;

typedef struct
{
  const GtfLinear *middle;
} IouLayer;

typedef struct
{
  const GtfLinear *patches;
  const GtfTensor *positions;
  const VisionLayer *layers;
  const GtfConv2d *neck[2];
  const GtfNorm *neck_norms[2];
  const GtfTensor *waves;               /* of positions: [2][features] */
  const GtfEmbedding *no_mask, *no_point, *kinds[GTF_PROMPT_KINDS], *iou_token, *mask_tokens;
  const GtfConv2d *mask_convs[3];
  const GtfNorm *mask_norms[2];
  const DecoderLayer *decoder;
  Attention last;
  const GtfNorm *last_norm, *up_norm;
  const GtfConv2d *ups[2];
  const Hyper *hypers;
  const GtfLinear *iou_first, *iou_last;
  const IouLayer *iou_layers;
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

/* Of @size features between OUT ones. */
#define ATTENTION(Struct, field, name, size)                                                                                       \
  { GTF_WEIGHT_LINEAR, name ".q_proj", G_STRUCT_OFFSET (Struct, field.q), 0, { size, OUT } },                                      \
  { GTF_WEIGHT_LINEAR, name ".k_proj", G_STRUCT_OFFSET (Struct, field.k), 0, { size, OUT } },                                      \
  { GTF_WEIGHT_LINEAR, name ".v_proj", G_STRUCT_OFFSET (Struct, field.v), 0, { size, OUT } },                                      \
  { GTF_WEIGHT_LINEAR, name ".out_proj", G_STRUCT_OFFSET (Struct, field.out), 0, { OUT, size } }
#define HALF GTF_DIM (Config, half)              /* whatever attention_downsample_rate says: that is for the last attention alone */
#define NARROW GTF_DIM (Config, narrow)
#define NORM(i) { GTF_WEIGHT_NORM, "layer_norm" #i, G_STRUCT_OFFSET (DecoderLayer, norms[i - 1]), 0, { OUT } }

static const GtfWeight decoder_layer[] = {
  ATTENTION (DecoderLayer, self, "self_attn", OUT),
  ATTENTION (DecoderLayer, to_image, "cross_attn_token_to_image", HALF),
  ATTENTION (DecoderLayer, to_tokens, "cross_attn_image_to_token", HALF),
  NORM (1), NORM (2), NORM (3), NORM (4),
  { GTF_WEIGHT_LINEAR, "mlp.lin1", G_STRUCT_OFFSET (DecoderLayer, up), 0, { GTF_DIM (Config, decoder_inner), OUT } },
  { GTF_WEIGHT_LINEAR, "mlp.lin2", G_STRUCT_OFFSET (DecoderLayer, down), 0, { OUT, GTF_DIM (Config, decoder_inner) } },
  { GTF_WEIGHT_END }
};

static const GtfWeight hyper[] = {
  { GTF_WEIGHT_LINEAR, "proj_in", G_STRUCT_OFFSET (Hyper, first), 0, { OUT, OUT } },
  { GTF_WEIGHT_LINEAR, "layers.0", G_STRUCT_OFFSET (Hyper, middle), 0, { OUT, OUT } },
  { GTF_WEIGHT_LINEAR, "proj_out", G_STRUCT_OFFSET (Hyper, last), 0, { GTF_DIM_STORED, OUT } },
  { GTF_WEIGHT_END }
};

static const GtfWeight iou_layer[] = {
  { GTF_WEIGHT_LINEAR, "", G_STRUCT_OFFSET (IouLayer, middle), 0, { GTF_DIM (Config, iou_inner), GTF_DIM (Config, iou_inner) } },
  { GTF_WEIGHT_END }
};

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
  TOKENS (no_mask, "prompt_encoder.no_mask_embed", 1), TOKENS (no_point, "prompt_encoder.not_a_point_embed", 1),
  TOKENS (kinds[0], "prompt_encoder.point_embed.0", 1), TOKENS (kinds[1], "prompt_encoder.point_embed.1", 1),
  TOKENS (kinds[2], "prompt_encoder.point_embed.2", 1), TOKENS (kinds[3], "prompt_encoder.point_embed.3", 1),
  CONV (mask_convs[0], "prompt_encoder.mask_embed.conv1", 0), CONV (mask_convs[1], "prompt_encoder.mask_embed.conv2", 0), CONV (mask_convs[2], "prompt_encoder.mask_embed.conv3", 0),
  { GTF_WEIGHT_NORM, "prompt_encoder.mask_embed.layer_norm1", AT (mask_norms[0]), 0, { GTF_DIM_STORED } },
  { GTF_WEIGHT_NORM, "prompt_encoder.mask_embed.layer_norm2", AT (mask_norms[1]), 0, { GTF_DIM_STORED } },
  TOKENS (iou_token, "mask_decoder.iou_token", 1), TOKENS (mask_tokens, "mask_decoder.mask_tokens", N_MASKS),
  { GTF_WEIGHT_GROUP, "mask_decoder.transformer.layers.%d", .offset = AT (decoder), .group = decoder_layer, .group_size = sizeof (DecoderLayer), .count = GTF_DIM (Config, decoder_layers) },
  ATTENTION (Weights, last, "mask_decoder.transformer.final_attn_token_to_image", NARROW),
  { GTF_WEIGHT_NORM, "mask_decoder.transformer.layer_norm_final_attn", AT (last_norm), 0, { OUT } },
  CONV (ups[0], "mask_decoder.upscale_conv1", GTF_WEIGHT_TRANSPOSED), CONV (ups[1], "mask_decoder.upscale_conv2", GTF_WEIGHT_TRANSPOSED),
  { GTF_WEIGHT_NORM, "mask_decoder.upscale_layer_norm", AT (up_norm), 0, { GTF_DIM_STORED } },
  { GTF_WEIGHT_GROUP, "mask_decoder.output_hypernetworks_mlps.%d", .offset = AT (hypers), .group = hyper, .group_size = sizeof (Hyper), .count = GTF_DIM_CONST (N_MASKS) },
  { GTF_WEIGHT_LINEAR, "mask_decoder.iou_prediction_head.proj_in", AT (iou_first), 0, { GTF_DIM (Config, iou_inner), OUT } },
  { GTF_WEIGHT_GROUP, "mask_decoder.iou_prediction_head.layers.%d", .offset = AT (iou_layers), .group = iou_layer, .group_size = sizeof (IouLayer), .count = GTF_DIM (Config, n_iou_layers) },
  { GTF_WEIGHT_LINEAR, "mask_decoder.iou_prediction_head.proj_out", AT (iou_last), 0, { GTF_DIM_CONST (N_MASKS), GTF_DIM (Config, iou_inner) } },
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

/* ---- tokens and pixels ---------------------------------------------------------------------------------------------------- */

static GtfTensor *
cross (GtfContext *c, const Config *config, const Attention *w, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfTensor *residual)
{
  const GtfAttention a = { .n_heads = config->decoder_heads };
  GtfTensor *y = gtf_attention (c, gtf_linear (c, w->q, q), gtf_linear (c, w->k, k), gtf_linear (c, w->v, v), &a);

  return residual != NULL ? gtf_linear_add (c, w->out, y, residual) : gtf_linear (c, w->out, y);
}

/* What tokens [P][T][D] and pixels [B or P][n][D] are, and where: both are changed. */
typedef struct
{
  GtfTensor *tokens, *pixels;
  const GtfTensor *token_places, *pixel_places;
} Scene;

static GtfTensor *
token_forward (GtfContext *c, const Config *config, const DecoderLayer *l, gboolean is_first, const Scene *s)
{
  const float eps = (float) config->decoder_eps;
  GtfTensor *x = s->tokens, *q = is_first ? x : gtf_add (c, x, s->token_places);

  x = gtf_layer_norm (c, l->norms[0], cross (c, config, &l->self, q, q, x, is_first ? NULL : x), eps);
  x = gtf_layer_norm (c, l->norms[1], cross (c, config, &l->to_image, gtf_add (c, x, s->token_places), gtf_add (c, s->pixels, s->pixel_places), s->pixels, x), eps);
  return gtf_layer_norm (c, l->norms[2], gtf_feed_forward (c, l->up, config->decoder_activation, l->down, x, x), eps);
}

static gint64
picture_of (gint64 i, gconstpointer n)
{
  return i / *(const gint64 *) n;
}

/* A picture is shared by its prompts until they change it. */
static GtfTensor *
pixel_forward (GtfContext *c, const Config *config, const DecoderLayer *l, const Scene *s)
{
  const gint64 b = gtf_dim (s->pixels, 0), p = gtf_dim (s->tokens, 0), each = p / MAX (b, 1), n = gtf_dim (s->pixels, 1), d = config->n_outputs;
  GtfTensor *x = s->pixels;

  if (b != p)
    x = gtf_reshape (c, gtf_take (c, gtf_reshape (c, x, 2, (gint64[]){ b, n * d }), gtf_indices (c, p, picture_of, &each)), 3, (gint64[]){ p, n, d });
  x = cross (c, config, &l->to_tokens, gtf_add (c, x, s->pixel_places), gtf_add (c, s->tokens, s->token_places), s->tokens, x);
  return gtf_layer_norm (c, l->norms[3], x, (float) config->decoder_eps);
}

static void
decoder_forward (GtfContext *c, const Config *config, const DecoderLayer *l, gboolean is_first, Scene *s)
{
  gsize mark = gtf_push (c);

  s->tokens = gtf_pop_keep (c, mark, token_forward (c, config, l, is_first, s));
  mark = gtf_push (c);
  s->pixels = gtf_pop_keep (c, mark, pixel_forward (c, config, l, s));
}

/* The tokens of masks after the decoder, [P][D] each, through a network of their own: [P][masks][features]. */
static GtfTensor *
mask_features (GtfContext *c, const Weights *w, const GtfTensor *tokens)
{
  GtfTensor *parts[N_MASKS];
  const gint64 n = gtf_dim (tokens, 0);

  for (gint64 i = 0; i < N_MASKS; i++)
    {
      const Hyper *h = &w->hypers[i];
      GtfTensor *x = gtf_linear_act (c, h->middle, gtf_linear_act (c, h->first, gtf_vision_token (c, tokens, 1 + i), GTF_ACTIVATION_RELU), GTF_ACTIVATION_RELU);

      parts[i] = gtf_linear (c, h->last, x);
    }
  return gtf_reshape (c, gtf_join (c, parts, N_MASKS), 3, (gint64[]){ n, N_MASKS, gtf_dim (parts[0], -1) });
}

/* How good each of the masks is: [P][masks]. */
static GtfTensor *
mask_scores (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *tokens)
{
  GtfTensor *x = gtf_linear_act (c, w->iou_first, gtf_vision_token (c, tokens, 0), GTF_ACTIVATION_RELU);

  for (gint64 i = 0; i < config->n_iou_layers; i++)
    x = gtf_linear_act (c, w->iou_layers[i].middle, x, GTF_ACTIVATION_RELU);
  return gtf_linear (c, w->iou_last, x);
}

/* Pixels [P][n][D] four times as large: [P][4 grid][4 grid][features]. */
static GtfTensor *
enlarge (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels)
{
  const GtfWindow twice = { .stride = 2 };
  GtfTensor *x = gtf_reshape (c, pixels, 4, (gint64[]){ gtf_dim (pixels, 0), config->grid, config->grid, config->n_outputs });

  x = gtf_layer_norm (c, w->up_norm, gtf_conv_transpose2d (c, w->ups[0], x, &twice, GTF_ACTIVATION_NONE), 1e-6f);
  return gtf_conv_transpose2d (c, w->ups[1], gtf_activate (c, x, GTF_ACTIVATION_GELU), &twice, GTF_ACTIVATION_GELU);
}

/* Masks and scores of all prompts over the pictures [B][n][D]; those for a prompt that is not clear. */
static void
decode (GtfContext *c, const Config *config, const Weights *w, GtfTensor *pixels, const GtfPrompts *prompts)
{
  const gint64 b = gtf_dim (pixels, 0), side = 4 * config->grid;
  GtfTensor *own[2] = { gtf_embedding_range (c, w->iou_token, 0, 1), gtf_embedding_range (c, w->mask_tokens, 0, N_MASKS) };
  GtfTensor *tokens = gtf_prepend (c, gtf_concat (c, own, 2), gtf_prompt_tokens (c, prompts)), *q, *y, *scores;
  const gint64 p = gtf_dim (tokens, 0), each = p / b;
  Scene s = { tokens, pixels, tokens, gtf_prompt_pixels (c, prompts, config->grid) };

  if (gtf_failed (c))
    return;
  if (each * b != p)
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " prompts are not as many for each of %" G_GINT64_FORMAT " pictures", p, b);
      return;
    }
  for (gint64 i = 0; i < config->decoder_layers; i++)
    decoder_forward (c, config, &w->decoder[i], i == 0, &s);
  q = gtf_add (c, s.tokens, s.token_places);
  y = cross (c, config, &w->last, q, gtf_add (c, s.pixels, s.pixel_places), s.pixels, s.tokens);
  y = gtf_layer_norm (c, w->last_norm, y, 1e-5f);
  scores = gtf_slice (c, mask_scores (c, config, w, y), 1, N_MASKS - 1);
  gtf_output (c, "iou_scores", gtf_reshape (c, scores, 3, (gint64[]){ b, each, N_MASKS - 1 }));
  y = gtf_pixels_first (c, gtf_products (c, enlarge (c, config, w, s.pixels), mask_features (c, w, y)));
  y = gtf_reshape (c, y, 3, (gint64[]){ p, N_MASKS, side * side });
  gtf_output (c, "pred_masks", gtf_reshape (c, gtf_steps (c, y, 1, N_MASKS - 1), 5, (gint64[]){ b, each, N_MASKS - 1, side, side }));
}

/* What is known of where the mask is: nothing, or `input_masks` [B][1][4 grid][4 grid]. */
static GtfTensor *
add_masks (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels)
{
  const GtfTensor *masks = gtf_input_optional (c, "input_masks");
  const GtfWindow twice = { .stride = 2 };
  const float eps = (float) config->prompt_eps;
  GtfTensor *x;

  if (masks == NULL)
    return gtf_add (c, pixels, gtf_reshape (c, gtf_embedding_range (c, w->no_mask, 0, 1), 1, (gint64[]){ -1 }));
  x = gtf_layer_norm (c, w->mask_norms[0], gtf_conv2d (c, w->mask_convs[0], gtf_pixels_last (c, masks), &twice, GTF_ACTIVATION_NONE, NULL), eps);
  x = gtf_conv2d (c, w->mask_convs[1], gtf_activate (c, x, config->prompt_activation), &twice, GTF_ACTIVATION_NONE, NULL);
  x = gtf_activate (c, gtf_layer_norm (c, w->mask_norms[1], x, eps), config->prompt_activation);
  return gtf_add (c, pixels, gtf_conv2d (c, w->mask_convs[2], x, NULL, GTF_ACTIVATION_NONE, NULL));
}

/* `image_embeddings` are computed from `pixel_values`, or given; with prompts, masks are computed from them. */
static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *given = gtf_input_optional (c, "image_embeddings");
  const GtfPrompts prompts = { w->waves, w->no_point, { w->kinds[0], w->kinds[1], w->kinds[2], w->kinds[3] }, config->prompt_size };
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
  x = add_masks (c, config, w, x);
  decode (c, config, w, gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, config->n_outputs }), &prompts);
}

static const char *const model_types[] = { "sam", NULL };

static const GtfArchitecture sam = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "prompt_encoder.shared_embedding.*", .forward = forward
};

GTF_TEXT_PLUGINS (sam, "sam", "SAM: masks of whatever points and boxes show", &sam)
