/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What Mask2Former and its kin share: Cheng et al., "Masked-attention Mask Transformer for Universal Image Segmentation" (2021).
 *
 * The pixel decoder lets the three coarsest feature maps of a backbone look at each other by deformable attention, and leads the result down to finer
 * ones. Queries then look at one map after the other, each only where the mask that it has so far shows; a mask is the product of a query with the
 * pixels of the finest map. Families differ in the names of weights, in what the queries are at first, and in their heads.
 */
#pragma once

#include "layers/detection.h"
#include "layers/vision.h"

G_BEGIN_DECLS

#define GTF_QUERY_LEVELS 3      /* maps that queries look at */
#define GTF_QUERY_FINER 4       /* maps that are finer than these, at most */

/* The config that such families have in common; theirs begins with it. The last fields are those of gtf_query_masks_derive (). */
typedef struct
{
  const GtfInnerModel *backbone;
  const char *strides;
  gint64 n_channels, n_labels, n_queries, n_heads, n_layers;
  gint64 pixel_size, mask_size, pixel_inner, pixel_layers, common_stride;       /* of the pixel decoder */
  gint64 hidden_size, inner_size;
  double eps;
  GtfActivation activation;
  gboolean norm_first, always_projects;
  gint64 n_classes, n_finer, finer_size[GTF_QUERY_FINER], projection_size, offsets_size, scores_size;
} GtfQueryMaskConfig;

/* A 1x1 convolution with the group normalisation behind it. */
typedef struct
{
  const GtfLinear *linear;
  const GtfNorm *norm;
} GtfPixelProjection;

typedef struct
{
  const GtfLinear *offsets, *scores, *value, *out, *up, *down;
  const GtfNorm *attention_norm, *output_norm;
} GtfPixelLayer;

typedef struct
{
  GtfPixelProjection inputs[GTF_QUERY_LEVELS], lateral[GTF_QUERY_FINER];
  const GtfTensor *levels;                      /* [levels][D] */
  const GtfPixelLayer *layers;
  const GtfConv2d *finer[GTF_QUERY_FINER];
  const GtfNorm *finer_norm[GTF_QUERY_FINER];
  const GtfLinear *masks;
} GtfPixelDecoder;

/* Query, key and value side by side, as torch's MultiheadAttention has them. */
typedef struct
{
  const GtfLinear *in, *out;
  const GtfTensor *bias;                        /* of `in`; NULL: it has its own, or none */
} GtfFusedAttention;

typedef struct
{
  GtfFusedAttention cross;
  GtfDetectionAttention self;
  const GtfNorm *cross_norm, *self_norm, *output_norm;
  const GtfLinear *up, *down;
} GtfQueryLayer;

typedef struct
{
  const GtfInnerModel *backbone;
  GtfPixelDecoder pixels;
  const GtfLinear *projections[GTF_QUERY_LEVELS];       /* may be NULL */
  const GtfTensor *levels, *queries;            /* [levels][D]; what is added to queries, [Q][D] */
  const GtfQueryLayer *layers;
  const GtfNorm *norm;
  const GtfLinear *embed[3], *classes;          /* of masks, of classes; the latter may be NULL */
} GtfQueryMaskWeights;

/* What the pixel decoder gives: the coarsest maps first, and the pixels of the masks, all [B][H][W][D]. */
typedef struct
{
  GtfTensor *levels[GTF_QUERY_LEVELS], *masks;
} GtfPixelMaps;

GTF_API gboolean   gtf_query_masks_derive (gpointer config, GError **error);
/* residual + out (attention (q, k, v)). */
GTF_API GtfTensor *gtf_fused_attend   (GtfContext *c, const GtfFusedAttention *w, const GtfAttention *how, const GtfTensor *q, const GtfTensor *k,
                                       const GtfTensor *v, const GtfTensor *residual);
/* Sines and cosines for the pixels of a map without padding: [H * W][features]. */
GTF_API GtfTensor *gtf_map_positions  (GtfContext *c, const GtfTensor *map, gint64 features);
/* FALSE after the sticky error. */
GTF_API gboolean   gtf_decode_pixels  (GtfContext *c, const GtfQueryMaskConfig *config, const GtfQueryMaskWeights *w, GtfPixelMaps *maps);
/* x [B][Q][D]: the queries at first. Puts the outputs `masks_queries_logits` and, where there is a head for it, `class_queries_logits`; the queries at last. */
GTF_API GtfTensor *gtf_decode_queries (GtfContext *c, const GtfQueryMaskConfig *config, const GtfQueryMaskWeights *w, const GtfPixelMaps *maps, GtfTensor *x);

/* Keys of both families: they do not get into each other's way. */
#define GTF_QUERY_MASK_CONFIG_FIELDS(default_backbone, activation_key)                                                             \
  GTF_CONFIG_MODEL_FIELD (GtfQueryMaskConfig, backbone, "backbone_config", default_backbone),                                      \
  GTF_CONFIG_LIST_FIELD (GtfQueryMaskConfig, strides, "feature_strides|strides"),                                                  \
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, n_channels, "backbone_config.num_channels", 1, 1 << 12, 3),                            \
  GTF_CONFIG_COUNT_FIELD (GtfQueryMaskConfig, n_labels, "id2label|num_labels", 0, 1 << 20, 2),                                     \
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, n_heads, "num_attention_heads", 1, 4096, 8),                                           \
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, n_layers, "decoder_layers|num_hidden_layers", 1, 256, 10),                             \
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, pixel_size, "feature_size|conv_dim", 1, 1 << 16, 256),                                 \
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, mask_size, "mask_feature_size|mask_dim", 1, 1 << 16, 256),                             \
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, pixel_inner, "encoder_feedforward_dim", 1, 1 << 20, 1024),                             \
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, pixel_layers, "encoder_layers", 0, 256, 6),                                            \
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, common_stride, "common_stride", 1, 1 << 16, 4),                                        \
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, hidden_size, "hidden_dim|hidden_size", 2, 1 << 16, 256),                               \
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, inner_size, "dim_feedforward", 1, 1 << 20, 2048),                                      \
  GTF_CONFIG_ACTIVATION_FIELD (GtfQueryMaskConfig, activation, activation_key, "relu"),                                            \
  GTF_CONFIG_BOOL_FIELD (GtfQueryMaskConfig, norm_first, "pre_norm", FALSE),                                                       \
  GTF_CONFIG_BOOL_FIELD (GtfQueryMaskConfig, always_projects, "enforce_input_projection|enforce_input_proj", FALSE)

#define GTF_QUERY_DIM(field) GTF_DIM (GtfQueryMaskConfig, field)
#define GTF_QUERY_LINEAR(Struct, field, name, out, in)                                                                             \
  { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), 0, { GTF_QUERY_DIM (out), GTF_QUERY_DIM (in) } }
#define GTF_QUERY_NORM(Struct, field, name, size) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Struct, field), 0, { GTF_QUERY_DIM (size) } }
#define GTF_QUERY_TENSOR(field, name, n, size)                                                                                     \
  { GTF_WEIGHT_TENSOR, name, G_STRUCT_OFFSET (GtfQueryMaskWeights, field), 0, { n, GTF_QUERY_DIM (size) } }
#define GTF_FUSED_ATTENTION(Struct, field, name)                                                                                   \
  { GTF_WEIGHT_LINEAR, name ".in_proj_weight", G_STRUCT_OFFSET (Struct, field.in), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS,           \
    { GTF_DIM_TIMES (GtfQueryMaskConfig, hidden_size, 3), GTF_QUERY_DIM (hidden_size) } },                                         \
  { GTF_WEIGHT_TENSOR, name ".in_proj_bias", G_STRUCT_OFFSET (Struct, field.bias), 0, { GTF_DIM_TIMES (GtfQueryMaskConfig, hidden_size, 3) } }, \
  GTF_QUERY_LINEAR (Struct, field.out, name ".out_proj", hidden_size, hidden_size)

/* Backbone and pixel decoder: their names are the same in all families. */
#define GTF_QUERY_PIXEL_INPUT(i)                                                                                                   \
  { GTF_WEIGHT_LINEAR, "pixel_level_module.decoder.input_projections." #i ".0", G_STRUCT_OFFSET (GtfQueryMaskWeights, pixels.inputs[i].linear), 0, \
    { GTF_QUERY_DIM (pixel_size), GTF_DIM_STORED } },                                                                              \
  GTF_QUERY_NORM (GtfQueryMaskWeights, pixels.inputs[i].norm, "pixel_level_module.decoder.input_projections." #i ".1", pixel_size)
#define GTF_QUERY_PIXEL_FINER(i, name)                                                                                             \
  { GTF_WEIGHT_LINEAR, "pixel_level_module.decoder.adapter_" name ".0", G_STRUCT_OFFSET (GtfQueryMaskWeights, pixels.lateral[i].linear), \
    GTF_WEIGHT_NO_BIAS, { GTF_QUERY_DIM (finer_size[i]), GTF_DIM_STORED } },                                                       \
  GTF_QUERY_NORM (GtfQueryMaskWeights, pixels.lateral[i].norm, "pixel_level_module.decoder.adapter_" name ".1", finer_size[i]),    \
  { GTF_WEIGHT_CONV2D, "pixel_level_module.decoder.layer_" name ".0", G_STRUCT_OFFSET (GtfQueryMaskWeights, pixels.finer[i]), GTF_WEIGHT_NO_BIAS, \
    { GTF_QUERY_DIM (finer_size[i]), GTF_QUERY_DIM (finer_size[i]), GTF_DIM_CONST (3), GTF_DIM_CONST (3) } },                      \
  GTF_QUERY_NORM (GtfQueryMaskWeights, pixels.finer_norm[i], "pixel_level_module.decoder.layer_" name ".1", finer_size[i])
#define GTF_QUERY_MASK_PIXELS                                                                                                      \
  { GTF_WEIGHT_MODEL, "pixel_level_module.encoder", G_STRUCT_OFFSET (GtfQueryMaskWeights, backbone), .count = GTF_QUERY_DIM (backbone) }, \
  GTF_QUERY_PIXEL_INPUT (0), GTF_QUERY_PIXEL_INPUT (1), GTF_QUERY_PIXEL_INPUT (2),                                                 \
  GTF_QUERY_TENSOR (pixels.levels, "pixel_level_module.decoder.level_embed", GTF_DIM_CONST (GTF_QUERY_LEVELS), pixel_size),        \
  { GTF_WEIGHT_GROUP, "pixel_level_module.decoder.encoder.layers.%d", .offset = G_STRUCT_OFFSET (GtfQueryMaskWeights, pixels.layers), \
    .group = gtf_pixel_layer, .group_size = sizeof (GtfPixelLayer), .count = GTF_QUERY_DIM (pixel_layers) },                       \
  GTF_QUERY_PIXEL_FINER (0, "1"), GTF_QUERY_PIXEL_FINER (1, "2"), GTF_QUERY_PIXEL_FINER (2, "3"), GTF_QUERY_PIXEL_FINER (3, "4"),  \
  GTF_QUERY_LINEAR (GtfQueryMaskWeights, pixels.masks, "pixel_level_module.decoder.mask_projection", mask_size, pixel_size)

GTF_API const GtfWeight gtf_pixel_layer[];

G_END_DECLS
