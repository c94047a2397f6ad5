/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vision transformers: a picture cut into patches, each of them a token, in the encoder that text families share.
 *
 * Inputs of the call: `pixel_values` F32 [B][C][H][W]; `interpolate_pos_encoding` (I32, optional): not 0: pictures of any size, where a family
 * takes only those of `image_size` by itself. Outputs: `last_hidden_state` [B][T][D], `pooler_output`, `logits` [B][labels], and
 * `hidden_states`, `attentions` where they are wanted.
 */
#pragma once

#include "layers/encoder.h"
#include "layers/text-weights.h"
#include "tensor/pictures.h"

G_BEGIN_DECLS

/**
 * GtfVisionConfig:
 * @encoder: sizes and activation of the blocks
 * @n_first: tokens with positions that stand before the patches ([CLS], distillation)
 * @n_registers: tokens without positions behind these
 * @interpolates: positions are interpolated without being asked; @antialias: smoothly
 * @has_positions: there is a table of positions
 *
 * What vision transformers have in common; a family's config begins with it. The last fields are those of gtf_vision_config_derive ().
 */
typedef struct
{
  GtfTextConfig encoder;
  gint64 n_channels, n_first, n_registers, pooler_size;
  const char *image_sizes, *patch_sizes;        /* lists: one number, or height and width */
  GtfActivation pooler_activation;
  gboolean interpolates, antialias, has_positions;
  gint64 image_height, image_width, patch_height, patch_width, patch_features, n_positions;
  gint64 gate_size;                             /* outputs of GtfVisionLayer.gate; 0: there is none */
} GtfVisionConfig;

typedef struct
{
  const GtfLinear *patches;                     /* the convolution over patches as a product: [D][C * height * width] */
  const GtfTensor *cls, *distillation, *registers, *positions;  /* [1][..][D]; may be NULL */
} GtfVisionEmbeddings;

typedef struct
{
  GtfEncoderLayer block;
  const GtfLinear *gated;                       /* gate and up side by side, instead of block.up; may be NULL */
  const GtfLinear *gate;                        /* by whose result, activated, that of block.up is multiplied; may be NULL */
  const GtfNorm *attention_scale, *output_scale;        /* factors on what a block adds; may be NULL */
  const GtfTensor *bias;                        /* of relative positions, as the family knows it; may be NULL */
} GtfVisionLayer;

typedef struct
{
  GtfVisionEmbeddings embeddings;
  const GtfVisionLayer *layers;
  const GtfNorm *norm;
  const GtfLinear *pooler, *classifier;         /* may be NULL */
} GtfVisionWeights;

/* What is added to the scores of a layer, [1][heads][T][T], or NULL. */
typedef GtfTensor *(*GtfVisionBias) (GtfContext *c, gint64 layer, gconstpointer data);

GTF_API gboolean   gtf_vision_config_derive (gpointer config, GError **error);
/* The same for a family that knows patch_height and patch_width already. */
GTF_API gboolean   gtf_vision_config_patches (GtfVisionConfig *config, GError **error);
/* DINOv2's two layers after attention, hidden_size times @ratio wide: sets encoder.inner_size, and how many outputs the first has, gated or plain; the other is 0. */
GTF_API gboolean   gtf_vision_config_mlp (GtfVisionConfig *config, double ratio, gboolean is_gated, gint64 *gated_size, gint64 *plain_size, GError **error);
/* For `derive` of DINOv3 and its kin, behind gtf_vision_config_derive (): heads that can turn; sets gate_size. */
GTF_API gboolean   gtf_vision_config_turns (GtfVisionConfig *config, gboolean is_gated, GError **error);
/* A list of one number for both sides, or of height and width; @fallback where there is none. */
GTF_API gboolean   gtf_vision_read_sides (const char *list, const char *key, gint64 fallback, gint64 *height, gint64 *width, GError **error);
/* Whether the caller asks for positions in other sizes. */
GTF_API gboolean   gtf_vision_is_asked (GtfContext *c);
/* A square of positions [n][D] in another size: [1][height][width][D]. */
GTF_API GtfTensor *gtf_vision_resize_square (GtfContext *c, const GtfTensor *table, gint64 height, gint64 width, GtfResize how);
/* The checked input, F32 [B][C][H][W]; bytes, of an image processor that neither rescales nor normalises, become such. */
GTF_API const GtfTensor *gtf_vision_pixels (GtfContext *c, gint64 n_channels);
/* Whether pictures are of image_size; fails with words if not. */
GTF_API gboolean   gtf_vision_fits (GtfContext *c, const GtfVisionConfig *config, const GtfTensor *pixels);
/* Patches with their positions, and the tokens before them: [B][T][D]. */
GTF_API GtfTensor *gtf_vision_embed  (GtfContext *c, const GtfVisionConfig *config, const GtfVisionEmbeddings *w);
/* The same of pixels [B][C][H][W]. */
GTF_API GtfTensor *gtf_vision_embed_pixels (GtfContext *c, const GtfVisionConfig *config, const GtfVisionEmbeddings *w, const GtfTensor *pixels);
/* All blocks, normalisation first in each; none after the last. @bias may be NULL. */
GTF_API GtfTensor *gtf_vision_encode (GtfContext *c, const GtfVisionConfig *config, const GtfVisionLayer *layers, GtfTensor *x, GtfVisionBias bias, gconstpointer data);
/* One of them, for a family whose encoder does more between them. */
GTF_API GtfTensor *gtf_vision_block (GtfContext *c, const GtfEncoder *e, const GtfVisionLayer *l, GtfTensor *x);
/* One of them by itself, with what is added to its scores (may be NULL); its temporaries are given back. */
GTF_API GtfTensor *gtf_vision_layer (GtfContext *c, const GtfVisionConfig *config, const GtfVisionLayer *layer, GtfTensor *x, const GtfTensor *bias);
/* The same where queries and keys turn: @rotary tells how, for all tokens (may be NULL). */
GTF_API GtfTensor *gtf_vision_turning_layer (GtfContext *c, const GtfVisionConfig *config, const GtfVisionLayer *layer, GtfTensor *x, const GtfTensor *bias,
                                             const GtfTensor *rotary);
/* In `features` of a backbone: the embeddings @x and the result of each layer, normalised by @norm (may be NULL); as tokens, or as pictures of
 * @height x @width patches where @height is not 0. */
GTF_API void       gtf_vision_features (GtfContext *c, const GtfForward *f, const GtfVisionConfig *config, const GtfVisionLayer *layers, GtfTensor *x, const GtfNorm *norm,
                                        gint64 height, gint64 width, GtfVisionBias bias, gconstpointer data);
/* Step t of each picture: [B][T][D] -> [B][D]. */
GTF_API GtfTensor *gtf_vision_token  (GtfContext *c, const GtfTensor *x, gint64 t);
/* A table for gtf_rotate () by which patches turn, one half of their pairs by how far down their middle lies, from -1 to 1, the other by how far across;
 * @first tokens before them do not turn: [first + height * width][d / 2 cosines, d / 2 sines]. */
GTF_API GtfTensor *gtf_patch_rotary_table (GtfContext *c, gint64 first, gint64 height, gint64 width, gint64 d, double theta);
/* Step t of each picture once for each of n others: [B][n][D]. */
GTF_API GtfTensor *gtf_vision_repeat (GtfContext *c, const GtfTensor *x, gint64 t, gint64 n);

/* The fields, with ViT's names and defaults. */
#define GTF_VISION_CONFIG_FIELDS                                                                                                   \
  GTF_CONFIG_INT_FIELD (GtfVisionConfig, encoder.hidden_size, "hidden_size", 1, 1 << 16, 768),                                     \
  GTF_CONFIG_INT_FIELD (GtfVisionConfig, encoder.n_layers, "num_hidden_layers", 0, 256, 12),                                       \
  GTF_CONFIG_INT_FIELD (GtfVisionConfig, encoder.n_heads, "num_attention_heads", 1, 4096, 12),                                     \
  GTF_CONFIG_INT_FIELD (GtfVisionConfig, encoder.inner_size, "intermediate_size", 1, 1 << 20, 3072),                               \
  GTF_CONFIG_COUNT_FIELD (GtfVisionConfig, encoder.n_labels, "id2label|num_labels", 0, 1 << 20, 2),                                \
  GTF_CONFIG_FLOAT_FIELD (GtfVisionConfig, encoder.eps, "layer_norm_eps", 0, 1, 1e-12),                                            \
  GTF_CONFIG_ACTIVATION_FIELD (GtfVisionConfig, encoder.activation, "hidden_act", "gelu"),                                         \
  GTF_CONFIG_STRING_FIELD (GtfVisionConfig, encoder.position_type, "", "absolute"),                                                \
  GTF_CONFIG_INT_FIELD (GtfVisionConfig, n_channels, "num_channels", 1, 1 << 12, 3),                                               \
  GTF_CONFIG_LIST_FIELD (GtfVisionConfig, image_sizes, "image_size"),                                                              \
  GTF_CONFIG_LIST_FIELD (GtfVisionConfig, patch_sizes, "patch_size"),                                                              \
  GTF_CONFIG_INT_FIELD (GtfVisionConfig, n_first, "", 0, 0, 1),                                                                    \
  GTF_CONFIG_INT_FIELD (GtfVisionConfig, pooler_size, "pooler_output_size", 0, 1 << 20, 0),                                        \
  GTF_CONFIG_ACTIVATION_FIELD (GtfVisionConfig, pooler_activation, "pooler_act", "tanh"),                                          \
  GTF_CONFIG_BOOL_FIELD (GtfVisionConfig, has_positions, "", TRUE)

#define GTF_VISION_DIM(field) GTF_DIM (GtfVisionConfig, field)
#define GTF_VISION_FIELD(field) G_STRUCT_OFFSET (GtfVisionWeights, field)
#define GTF_VISION_LAYER(field) G_STRUCT_OFFSET (GtfVisionLayer, field)

/* A tensor of so many tokens. */
#define GTF_VISION_TOKENS(field, name, flags, n)                                                                                   \
  { GTF_WEIGHT_TENSOR, name, GTF_VISION_FIELD (embeddings.field), flags, { GTF_DIM_CONST (1), n, GTF_VISION_DIM (encoder.hidden_size) } }
#define GTF_VISION_PATCHES(name)                                                                                                   \
  { GTF_WEIGHT_LINEAR, name ".weight", GTF_VISION_FIELD (embeddings.patches), GTF_WEIGHT_BARE | GTF_WEIGHT_PARENT_BIAS,            \
    { GTF_VISION_DIM (encoder.hidden_size), GTF_VISION_DIM (patch_features) } }
#define GTF_VISION_LAYERS(name, table)                                                                                             \
  { GTF_WEIGHT_GROUP, name, .offset = GTF_VISION_FIELD (layers), .group = table, .group_size = sizeof (GtfVisionLayer),            \
    .count = GTF_VISION_DIM (encoder.n_layers) }
#define GTF_VISION_NORM(field, name) { GTF_WEIGHT_NORM, name, GTF_VISION_FIELD (field), 0, { GTF_VISION_DIM (encoder.hidden_size) } }
#define GTF_VISION_CLASSIFIER(field, name, features)                                                                               \
  { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (GtfVisionWeights, field), 0, { GTF_VISION_DIM (encoder.n_labels), features } }

/* A linear layer, a normalisation and a factor of a GtfVisionLayer. */
#define GTF_VISION_LINEAR(field, name, flags, out, in) { GTF_WEIGHT_LINEAR, name, GTF_VISION_LAYER (field), flags, { out, in } }
#define GTF_VISION_QKV(name)                                                                                                       \
  GTF_VISION_LINEAR (block.qkv, name, GTF_WEIGHT_BIAS_OPTIONAL, GTF_DIM_TIMES (GtfVisionConfig, encoder.hidden_size, 3),           \
                     GTF_VISION_DIM (encoder.hidden_size))
#define GTF_VISION_SQUARE(field, name)                                                                                             \
  GTF_VISION_LINEAR (field, name, 0, GTF_VISION_DIM (encoder.hidden_size), GTF_VISION_DIM (encoder.hidden_size))
#define GTF_VISION_UP(name) GTF_VISION_LINEAR (block.up, name, 0, GTF_VISION_DIM (encoder.inner_size), GTF_VISION_DIM (encoder.hidden_size))
#define GTF_VISION_DOWN(name) GTF_VISION_LINEAR (block.down, name, 0, GTF_VISION_DIM (encoder.hidden_size), GTF_VISION_DIM (encoder.inner_size))
#define GTF_VISION_LAYER_NORM(field, name) { GTF_WEIGHT_NORM, name, GTF_VISION_LAYER (field), 0, { GTF_VISION_DIM (encoder.hidden_size) } }
#define GTF_VISION_SCALE(field, name)                                                                                              \
  { GTF_WEIGHT_NORM, name, GTF_VISION_LAYER (field), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_OPTIONAL, { GTF_VISION_DIM (encoder.hidden_size) } }

/* The blocks and the rest of ViT by its names, old and new: what DeiT and I-JEPA share. */
GTF_API const GtfWeight gtf_vit_layer[];
GTF_API const GtfWeight gtf_dinov3_layer[];             /* a block of DINOv3 */
GTF_API const GtfWeight gtf_vit_pooler[];               /* the bare model: pooler.dense, if it is there */
GTF_API const GtfWeight gtf_vision_classifier[];        /* classifier */
GTF_API const char *const gtf_vision_base_tasks[];
GTF_API const char *const gtf_vision_classification_tasks[];
GTF_API const char *const gtf_segmentation_tasks[];
GTF_API const char *const gtf_depth_tasks[];

G_END_DECLS
