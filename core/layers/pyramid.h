/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pyramids of transformers (Wang et al., "Pyramid Vision Transformer", 2021; "PVT v2", 2021): stages over ever fewer patches, whose
 * attention looks at a smaller picture than it answers for. Pictures are [B][H][W][C].
 */
#pragma once

#include "layers/vision.h"

G_BEGIN_DECLS

#define GTF_PYRAMID_STAGES 8

/* A stage's numbers; what a family's config tells, or gtf_pyramid_config_derive () computes. */
typedef struct
{
  gint64 depth, reduction, size, patch, stride, heads, ratio;
  gint64 input, inner;                  /* features of what it is given, and between its linear layers */
  gint64 reduces;                       /* width of the kernel that makes the picture smaller; 0: there is none */
} GtfPyramidStage;

/**
 * GtfPyramidConfig:
 * @eps: of the normalisations; @activation: in the linear layers
 * @pools: attention looks at a picture of 7 x 7, whatever the stage's reduction is (PVT v2's linear attention)
 *
 * A family's config begins with it.
 */
typedef struct
{
  gint64 n_channels, n_labels, n_stages, last_size;
  double eps;
  GtfActivation activation;
  gboolean pools;
  const char *depths, *reductions, *sizes, *patches, *strides, *heads, *ratios;
  GtfPyramidStage stages[GTF_PYRAMID_STAGES];
} GtfPyramidConfig;

typedef struct
{
  const GtfNorm *attention_norm, *output_norm, *reduction_norm;         /* the last may be NULL */
  const GtfConv2d *reduction, *depthwise;                               /* may be NULL */
  const GtfLinear *query, *key_value, *attention_out, *up, *down;
} GtfPyramidBlock;

typedef struct
{
  const GtfConv2d *patches;
  const GtfNorm *patch_norm, *norm;     /* the last may be NULL */
  const GtfPyramidBlock *blocks;
} GtfPyramidStageWeights;

/* The fields, with the defaults that the families share; reductions have two names. */
#define GTF_PYRAMID_CONFIG_FIELDS(eps_default)                                                                                     \
  GTF_CONFIG_INT_FIELD (GtfPyramidConfig, n_channels, "num_channels", 1, 1 << 12, 3),                                              \
  GTF_CONFIG_COUNT_FIELD (GtfPyramidConfig, n_labels, "id2label|num_labels", 0, 1 << 20, 2),                                       \
  GTF_CONFIG_INT_FIELD (GtfPyramidConfig, n_stages, "num_encoder_blocks", 1, GTF_PYRAMID_STAGES, 4),                               \
  GTF_CONFIG_FLOAT_FIELD (GtfPyramidConfig, eps, "layer_norm_eps", 0, 1, eps_default),                                             \
  GTF_CONFIG_ACTIVATION_FIELD (GtfPyramidConfig, activation, "hidden_act", "gelu"),                                                \
  GTF_CONFIG_BOOL_FIELD (GtfPyramidConfig, pools, "linear_attention", FALSE),                                                      \
  GTF_CONFIG_LIST_FIELD (GtfPyramidConfig, depths, "depths"),                                                                      \
  GTF_CONFIG_LIST_FIELD (GtfPyramidConfig, reductions, "sequence_reduction_ratios|sr_ratios"),                                     \
  GTF_CONFIG_LIST_FIELD (GtfPyramidConfig, sizes, "hidden_sizes"),                                                                 \
  GTF_CONFIG_LIST_FIELD (GtfPyramidConfig, patches, "patch_sizes"),                                                                \
  GTF_CONFIG_LIST_FIELD (GtfPyramidConfig, strides, "strides"),                                                                    \
  GTF_CONFIG_LIST_FIELD (GtfPyramidConfig, heads, "num_attention_heads"),                                                          \
  GTF_CONFIG_LIST_FIELD (GtfPyramidConfig, ratios, "mlp_ratios")

/* What a list of the config is where there is none: a config fills these before gtf_pyramid_config_derive (). */
#define GTF_PYRAMID_DEFAULT(config, field, list) ((config)->field = (config)->field ? (config)->field : (list))

#define GTF_PYRAMID_DIM(i, field) GTF_DIM (GtfPyramidConfig, stages[i].field)

/* The weights of a block of stage i by their names; @reduction, @norm: those of the smaller picture. */
#define GTF_PYRAMID_LINEAR(i, field, name, flags, out, in)                                                                         \
  { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (GtfPyramidBlock, field), flags, { GTF_PYRAMID_DIM (i, out), GTF_PYRAMID_DIM (i, in) } }
#define GTF_PYRAMID_NORM(i, field, name)                                                                                           \
  { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (GtfPyramidBlock, field), 0, { GTF_PYRAMID_DIM (i, size) } }
#define GTF_PYRAMID_BLOCK(i, attention, reduction_name, norm_name, out_name)                                                       \
  GTF_PYRAMID_NORM (i, attention_norm, "layer_norm_1"),                                                                            \
  GTF_PYRAMID_LINEAR (i, query, attention ".query", GTF_WEIGHT_BIAS_OPTIONAL, size, size),                                         \
  { GTF_WEIGHT_LINEAR, attention ".{key,value}", G_STRUCT_OFFSET (GtfPyramidBlock, key_value), GTF_WEIGHT_BIAS_OPTIONAL,           \
    { GTF_DIM_TIMES (GtfPyramidConfig, stages[i].size, 2), GTF_PYRAMID_DIM (i, size) } },                                          \
  { GTF_WEIGHT_CONV2D, reduction_name, G_STRUCT_OFFSET (GtfPyramidBlock, reduction), 0,                                            \
    { GTF_PYRAMID_DIM (i, size), GTF_PYRAMID_DIM (i, size), GTF_PYRAMID_DIM (i, reduces), GTF_PYRAMID_DIM (i, reduces) } },        \
  { GTF_WEIGHT_NORM, norm_name, G_STRUCT_OFFSET (GtfPyramidBlock, reduction_norm), GTF_WEIGHT_OPTIONAL, { GTF_PYRAMID_DIM (i, size) } }, \
  GTF_PYRAMID_LINEAR (i, attention_out, out_name, 0, size, size),                                                                  \
  GTF_PYRAMID_NORM (i, output_norm, "layer_norm_2"),                                                                               \
  GTF_PYRAMID_LINEAR (i, up, "mlp.dense1", 0, inner, size),                                                                        \
  GTF_PYRAMID_LINEAR (i, down, "mlp.dense2", 0, size, inner)
#define GTF_PYRAMID_DEPTHWISE(i)                                                                                                   \
  { GTF_WEIGHT_CONV2D, "mlp.dwconv.dwconv", G_STRUCT_OFFSET (GtfPyramidBlock, depthwise), GTF_WEIGHT_GROUPED,                      \
    { GTF_PYRAMID_DIM (i, inner), GTF_DIM_CONST (1), GTF_DIM_CONST (3), GTF_DIM_CONST (3) } }

/* The convolution and the normalisations of stage i; `weights` of the family's struct begin with GTF_PYRAMID_STAGES of them. */
#define GTF_PYRAMID_FIELD(i, field) ((i) * sizeof (GtfPyramidStageWeights) + G_STRUCT_OFFSET (GtfPyramidStageWeights, field))
#define GTF_PYRAMID_PATCHES(i, projection, norm_name)                                                                              \
  { GTF_WEIGHT_CONV2D, projection, GTF_PYRAMID_FIELD (i, patches), 0,                                                              \
    { GTF_PYRAMID_DIM (i, size), GTF_PYRAMID_DIM (i, input), GTF_PYRAMID_DIM (i, patch), GTF_PYRAMID_DIM (i, patch) } },           \
  { GTF_WEIGHT_NORM, norm_name, GTF_PYRAMID_FIELD (i, patch_norm), 0, { GTF_PYRAMID_DIM (i, size) } }
#define GTF_PYRAMID_BLOCKS(i, name, table)                                                                                         \
  { GTF_WEIGHT_GROUP, name, .offset = GTF_PYRAMID_FIELD (i, blocks), .group = table, .group_size = sizeof (GtfPyramidBlock),       \
    .count = GTF_PYRAMID_DIM (i, depth) }

/* Reads the lists, all of which have to be there. */
GTF_API gboolean   gtf_pyramid_config_derive (gpointer config, GError **error);
/* Patches that overlap by a half of their size, with their normalisation: [B][H'][W'][C]. */
GTF_API GtfTensor *gtf_pyramid_patches (GtfContext *c, const GtfPyramidConfig *config, const GtfPyramidStageWeights *w, gint64 stage, const GtfTensor *x);
/* All blocks of a stage over tokens [B][T][C], which are the patches of height x width (and others beside them, where nothing is made smaller). */
GTF_API GtfTensor *gtf_pyramid_blocks  (GtfContext *c, const GtfPyramidConfig *config, const GtfPyramidStageWeights *w, gint64 stage, GtfTensor *x, gint64 height, gint64 width);
/* Both, and the normalisation behind them: [B][H'][W'][C]. */
GTF_API GtfTensor *gtf_pyramid_stage   (GtfContext *c, const GtfPyramidConfig *config, const GtfPyramidStageWeights *w, gint64 stage, const GtfTensor *x);

G_END_DECLS
