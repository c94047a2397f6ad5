/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Masks of what prompts show (Kirillov et al., "Segment Anything", 2023; SAM 2: Ravi et al. 2024): tokens and pixels look at each other by turns; each mask
 * is then a product of the enlarged picture with what a token has become.
 */
#pragma once

#include "layers/prompts.h"

G_BEGIN_DECLS

#define GTF_N_MASKS 4           /* one for a prompt that is clear, three for one that is not */

/**
 * GtfMaskDecoderConfig:
 * @d: features of tokens and pixels
 * @between, @narrow: features in which they look at each other, in the layers and at last
 * @inner, @n_middle: features between the two products of a layer, and how many more products lie between these
 * @iou_inner, @n_iou_layers: the same of the network that tells how good a mask is
 * @eps: of the normalisations of the layers
 * @grid: pixels of a side of the picture
 */
typedef struct
{
  gint64 d, n_layers, n_heads, between, narrow, inner, n_middle, iou_inner, n_iou_layers, grid;
  GtfActivation activation;
  double eps;
} GtfMaskDecoderConfig;

typedef struct
{
  const GtfLinear *q, *k, *v, *out;
} GtfMaskAttention;

typedef struct
{
  const GtfLinear *linear;
} GtfMaskMiddle;

typedef struct
{
  GtfMaskAttention self, to_image, to_tokens;
  const GtfNorm *norms[4];
  const GtfLinear *up, *down;
  const GtfMaskMiddle *middle;
} GtfMaskLayer;

typedef struct
{
  const GtfLinear *layers[3];
} GtfMaskNetwork;

/**
 * GtfMaskDecoder:
 * @object_token, @object: (nullable): a token before all others, and whether there is anything at all by it; SAM 2
 */
typedef struct
{
  const GtfEmbedding *object_token, *iou_token, *mask_tokens;
  const GtfMaskLayer *layers;
  GtfMaskAttention last;
  const GtfNorm *last_norm, *up_norm;
  const GtfConv2d *ups[2];
  const GtfMaskNetwork *networks;
  const GtfLinear *iou_first, *iou_last, *object[3];
  const GtfMaskMiddle *iou_layers;
} GtfMaskDecoder;

/**
 * GtfMaskScene:
 * @fine: (nullable): finer maps of the picture, [B][2 grid][2 grid][d / 4] and [B][4 grid][4 grid][d / 8], that it is given while it is enlarged
 * @is_certain: how good a mask is goes through a sigmoid
 */
typedef struct
{
  const GtfMaskDecoderConfig *config;
  const GtfMaskDecoder *w;
  const GtfTensor *fine[2];
  gboolean is_certain;
} GtfMaskScene;

/* Puts the outputs `pred_masks` [B][P][3][4 grid][4 grid], `iou_scores` [B][P][3] and, where there is a token for it, `object_score_logits` [B][P][1] of the
 * prompts of the call over pictures [B][grid * grid][d]. */
GTF_API void gtf_mask_decode (GtfContext *c, const GtfMaskScene *scene, GtfTensor *pixels, const GtfPrompts *prompts);

#define GTF_MASK_LINEAR(Struct, field, name, ...) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), 0, { __VA_ARGS__ } }
#define GTF_MASK_NORM(Struct, field, name, ...) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Struct, field), 0, { __VA_ARGS__ } }
#define GTF_MASK_TOKENS(Struct, field, name, n, ...) { GTF_WEIGHT_EMBEDDING, name, G_STRUCT_OFFSET (Struct, field), 0, { GTF_DIM_CONST (n), __VA_ARGS__ } }
#define GTF_MASK_CONV(Struct, field, name, flags) { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Struct, field), flags, GTF_CONV_STORED }
#define GTF_MASK_ATTENTION(Struct, field, name, d, size)                                                                           \
  GTF_MASK_LINEAR (Struct, field.q, name ".q_proj", size, d), GTF_MASK_LINEAR (Struct, field.k, name ".k_proj", size, d),          \
  GTF_MASK_LINEAR (Struct, field.v, name ".v_proj", size, d), GTF_MASK_LINEAR (Struct, field.out, name ".out_proj|" name ".o_proj", d, size)

/* The tables of the parts, for a config whose member m is a GtfMaskDecoderConfig. */
#define GTF_MASK_DECODER_TABLES(Config, m)                                                                                         \
  static const GtfWeight mask_middle[] = {                                                                                         \
    GTF_MASK_LINEAR (GtfMaskMiddle, linear, "", GTF_DIM (Config, m.inner), GTF_DIM (Config, m.inner)), { GTF_WEIGHT_END }          \
  };                                                                                                                               \
  static const GtfWeight mask_iou_layer[] = {                                                                                      \
    GTF_MASK_LINEAR (GtfMaskMiddle, linear, "", GTF_DIM (Config, m.iou_inner), GTF_DIM (Config, m.iou_inner)), { GTF_WEIGHT_END }  \
  };                                                                                                                               \
  static const GtfWeight mask_layer[] = {                                                                                          \
    GTF_MASK_ATTENTION (GtfMaskLayer, self, "self_attn", GTF_DIM (Config, m.d), GTF_DIM (Config, m.d)),                            \
    GTF_MASK_ATTENTION (GtfMaskLayer, to_image, "cross_attn_token_to_image", GTF_DIM (Config, m.d), GTF_DIM (Config, m.between)),  \
    GTF_MASK_ATTENTION (GtfMaskLayer, to_tokens, "cross_attn_image_to_token", GTF_DIM (Config, m.d), GTF_DIM (Config, m.between)), \
    GTF_MASK_NORM (GtfMaskLayer, norms[0], "layer_norm1", GTF_DIM (Config, m.d)), GTF_MASK_NORM (GtfMaskLayer, norms[1], "layer_norm2", GTF_DIM (Config, m.d)), \
    GTF_MASK_NORM (GtfMaskLayer, norms[2], "layer_norm3", GTF_DIM (Config, m.d)), GTF_MASK_NORM (GtfMaskLayer, norms[3], "layer_norm4", GTF_DIM (Config, m.d)), \
    GTF_MASK_LINEAR (GtfMaskLayer, up, "mlp.lin1|mlp.proj_in", GTF_DIM (Config, m.inner), GTF_DIM (Config, m.d)),                  \
    GTF_MASK_LINEAR (GtfMaskLayer, down, "mlp.lin2|mlp.proj_out", GTF_DIM (Config, m.d), GTF_DIM (Config, m.inner)),               \
    { GTF_WEIGHT_GROUP, "mlp.layers.%d", .offset = G_STRUCT_OFFSET (GtfMaskLayer, middle), .group = mask_middle,                   \
      .group_size = sizeof (GtfMaskMiddle), .count = GTF_DIM (Config, m.n_middle) },                                               \
    { GTF_WEIGHT_END }                                                                                                             \
  };                                                                                                                               \
  static const GtfWeight mask_network[] = {                                                                                        \
    GTF_MASK_LINEAR (GtfMaskNetwork, layers[0], "proj_in", GTF_DIM (Config, m.d), GTF_DIM (Config, m.d)),                          \
    GTF_MASK_LINEAR (GtfMaskNetwork, layers[1], "layers.0", GTF_DIM (Config, m.d), GTF_DIM (Config, m.d)),                         \
    GTF_MASK_LINEAR (GtfMaskNetwork, layers[2], "proj_out", GTF_DIM_STORED, GTF_DIM (Config, m.d)), { GTF_WEIGHT_END }             \
  }

/* What of a GtfMaskDecoder, a field of the weights, all have. */
#define GTF_MASK_DECODER_WEIGHTS(Struct, field, Config, m)                                                                         \
  GTF_MASK_TOKENS (Struct, field.iou_token, "mask_decoder.iou_token", 1, GTF_DIM (Config, m.d)),                                   \
  GTF_MASK_TOKENS (Struct, field.mask_tokens, "mask_decoder.mask_tokens", GTF_N_MASKS, GTF_DIM (Config, m.d)),                     \
  { GTF_WEIGHT_GROUP, "mask_decoder.transformer.layers.%d", .offset = G_STRUCT_OFFSET (Struct, field.layers), .group = mask_layer, \
    .group_size = sizeof (GtfMaskLayer), .count = GTF_DIM (Config, m.n_layers) },                                                  \
  GTF_MASK_ATTENTION (Struct, field.last, "mask_decoder.transformer.final_attn_token_to_image", GTF_DIM (Config, m.d), GTF_DIM (Config, m.narrow)), \
  GTF_MASK_NORM (Struct, field.last_norm, "mask_decoder.transformer.layer_norm_final_attn", GTF_DIM (Config, m.d)),                \
  GTF_MASK_CONV (Struct, field.ups[0], "mask_decoder.upscale_conv1", GTF_WEIGHT_TRANSPOSED),                                       \
  GTF_MASK_CONV (Struct, field.ups[1], "mask_decoder.upscale_conv2", GTF_WEIGHT_TRANSPOSED),                                       \
  GTF_MASK_NORM (Struct, field.up_norm, "mask_decoder.upscale_layer_norm", GTF_DIM_STORED),                                        \
  { GTF_WEIGHT_GROUP, "mask_decoder.output_hypernetworks_mlps.%d", .offset = G_STRUCT_OFFSET (Struct, field.networks),             \
    .group = mask_network, .group_size = sizeof (GtfMaskNetwork), .count = GTF_DIM_CONST (GTF_N_MASKS) },                          \
  GTF_MASK_LINEAR (Struct, field.iou_first, "mask_decoder.iou_prediction_head.proj_in", GTF_DIM (Config, m.iou_inner), GTF_DIM (Config, m.d)), \
  { GTF_WEIGHT_GROUP, "mask_decoder.iou_prediction_head.layers.%d", .offset = G_STRUCT_OFFSET (Struct, field.iou_layers),          \
    .group = mask_iou_layer, .group_size = sizeof (GtfMaskMiddle), .count = GTF_DIM (Config, m.n_iou_layers) },                    \
  GTF_MASK_LINEAR (Struct, field.iou_last, "mask_decoder.iou_prediction_head.proj_out", GTF_DIM_CONST (GTF_N_MASKS), GTF_DIM (Config, m.iou_inner))

/* The network that makes a map of a given mask, for a GtfMaskPrompt in the weights. */
typedef struct
{
  const GtfEmbedding *none;
  const GtfConv2d *convs[3];
  const GtfNorm *norms[2];
} GtfMaskPrompt;

#define GTF_MASK_PROMPT_WEIGHTS(Struct, field, Config, m)                                                                          \
  GTF_MASK_TOKENS (Struct, field.none, "prompt_encoder.no_mask_embed", 1, GTF_DIM (Config, m.d)),                                  \
  GTF_MASK_CONV (Struct, field.convs[0], "prompt_encoder.mask_embed.conv1", 0), GTF_MASK_CONV (Struct, field.convs[1], "prompt_encoder.mask_embed.conv2", 0), \
  GTF_MASK_CONV (Struct, field.convs[2], "prompt_encoder.mask_embed.conv3", 0),                                                    \
  GTF_MASK_NORM (Struct, field.norms[0], "prompt_encoder.mask_embed.layer_norm1", GTF_DIM_STORED),                                 \
  GTF_MASK_NORM (Struct, field.norms[1], "prompt_encoder.mask_embed.layer_norm2", GTF_DIM_STORED)

/* Pixels [B][grid][grid][d] with what is known of where the mask is: nothing, or the input `input_masks` F32 [B][1][4 grid][4 grid]. */
GTF_API GtfTensor *gtf_mask_prompt (GtfContext *c, const GtfMaskPrompt *w, const GtfTensor *pixels, GtfActivation act, float eps);

G_END_DECLS
