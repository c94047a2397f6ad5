/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Dense prediction from the layers of a vision transformer (Ranftl et al., "Vision Transformers for Dense Prediction", 2021): tokens of
 * some layers become pictures of different sizes, which are added up from the smallest to the largest. DPT, Depth Anything, ZoeDepth.
 */
#pragma once

#include "layers/vision.h"

G_BEGIN_DECLS

#define GTF_DENSE_STAGES 8

/**
 * GtfDenseConfig:
 * @readout: what becomes of [CLS]: "ignore", "add", "project"
 * @first_assembled: stages before it are pictures already
 * @follows: each sum takes the size of the next stage, instead of becoming twice as large
 *
 * The fields of GTF_DENSE_CONFIG_FIELDS, then those of gtf_dense_config_derive (), by stage; 0 in them: there is no such weight.
 */
typedef struct
{
  gint64 fusion_size, head_index, n_stages, first_assembled, token_size;
  GtfActivation activation;
  gboolean has_norm, follows;
  const char *readout, *sizes, *factors;
  gint64 size[GTF_DENSE_STAGES], assembled[GTF_DENSE_STAGES], up[GTF_DENSE_STAGES], down[GTF_DENSE_STAGES], stride[GTF_DENSE_STAGES], readout_in[GTF_DENSE_STAGES];
  gint64 plain_size, normed_size, half_size;
} GtfDenseConfig;

typedef struct
{
  const GtfConv2d *convs[2];
} GtfDenseUnit;

typedef struct
{
  GtfDenseUnit units[2];                /* the first may be missing in the first layer */
  const GtfConv2d *projection;
} GtfDenseFusion;

typedef struct
{
  const GtfLinear *readout, *projection;        /* all may be NULL but conv */
  const GtfConv2d *up, *down, *conv;
} GtfDenseStage;

/* A family's weights begin with it. */
typedef struct
{
  GtfDenseStage stages[GTF_DENSE_STAGES];
  const GtfDenseFusion *fusion;
} GtfDenseWeights;

#define GTF_DENSE_CONFIG_FIELDS(Struct, member, fusion_default)                                                                    \
  GTF_CONFIG_INT_FIELD (Struct, member.fusion_size, "fusion_hidden_size", 2, 1 << 14, fusion_default),                             \
  GTF_CONFIG_INT_FIELD (Struct, member.head_index, "head_in_index", -GTF_DENSE_STAGES, GTF_DENSE_STAGES, -1),                      \
  GTF_CONFIG_ACTIVATION_FIELD (Struct, member.activation, "hidden_act", "gelu"),                                                   \
  GTF_CONFIG_BOOL_FIELD (Struct, member.has_norm, "use_batch_norm_in_fusion_residual", FALSE),                                     \
  GTF_CONFIG_STRING_FIELD (Struct, member.readout, "readout_type", "project"),                                                     \
  GTF_CONFIG_LIST_FIELD (Struct, member.sizes, "neck_hidden_sizes"),                                                               \
  GTF_CONFIG_LIST_FIELD (Struct, member.factors, "reassemble_factors")

/* The rows of the neck in a family's table, and the table of a fusion layer. */
#define GTF_DENSE_FIELD(i, field) ((i) * sizeof (GtfDenseStage) + G_STRUCT_OFFSET (GtfDenseStage, field))
#define GTF_DENSE_DIM(Struct, member, field) GTF_DIM (Struct, member.field)
#define GTF_DENSE_STAGE(Struct, member, i)                                                                                         \
  { GTF_WEIGHT_LINEAR, "neck.reassemble_stage.readout_projects." #i ".0", GTF_DENSE_FIELD (i, readout), 0,                         \
    { GTF_DIM_STORED, GTF_DENSE_DIM (Struct, member, readout_in[i]) } },                                                           \
  { GTF_WEIGHT_LINEAR, "neck.reassemble_stage.layers." #i ".projection", GTF_DENSE_FIELD (i, projection), 0,                       \
    { GTF_DENSE_DIM (Struct, member, assembled[i]), GTF_DENSE_DIM (Struct, member, token_size) } },                                \
  { GTF_WEIGHT_CONV2D, "neck.reassemble_stage.layers." #i ".resize", GTF_DENSE_FIELD (i, up), GTF_WEIGHT_TRANSPOSED,               \
    { GTF_DENSE_DIM (Struct, member, size[i]), GTF_DENSE_DIM (Struct, member, size[i]), GTF_DENSE_DIM (Struct, member, up[i]),     \
      GTF_DENSE_DIM (Struct, member, up[i]) } },                                                                                   \
  { GTF_WEIGHT_CONV2D, "neck.reassemble_stage.layers." #i ".resize", GTF_DENSE_FIELD (i, down), 0,                                 \
    { GTF_DENSE_DIM (Struct, member, down[i]), GTF_DENSE_DIM (Struct, member, down[i]), GTF_DIM_CONST (3), GTF_DIM_CONST (3) } },  \
  { GTF_WEIGHT_CONV2D, "neck.convs." #i, GTF_DENSE_FIELD (i, conv), GTF_WEIGHT_NO_BIAS,                                            \
    { GTF_DENSE_DIM (Struct, member, fusion_size), GTF_DENSE_DIM (Struct, member, size[i]), GTF_DIM_CONST (3), GTF_DIM_CONST (3) } }
/* A residual unit of gtf_dense_fusion_layer (), with and without normalisation: one of the two has a dimension 0. */
#define GTF_DENSE_CONV(Struct, member, u, n, flags)                                                                                \
  { GTF_WEIGHT_CONV2D, "residual_layer" #u ".convolution" #n, G_STRUCT_OFFSET (GtfDenseFusion, units[u - 1].convs[n - 1]),         \
    GTF_WEIGHT_BIAS_OPTIONAL | (flags),                                                                                            \
    { GTF_DENSE_DIM (Struct, member, plain_size), GTF_DENSE_DIM (Struct, member, plain_size), GTF_DIM_CONST (3), GTF_DIM_CONST (3) } }, \
  { GTF_WEIGHT_CONV2D, "residual_layer" #u ".convolution" #n, G_STRUCT_OFFSET (GtfDenseFusion, units[u - 1].convs[n - 1]),         \
    GTF_WEIGHT_BIAS_OPTIONAL | (flags),                                                                                            \
    { GTF_DENSE_DIM (Struct, member, normed_size), GTF_DENSE_DIM (Struct, member, normed_size), GTF_DIM_CONST (3), GTF_DIM_CONST (3) }, \
    .norm = "residual_layer" #u ".batch_norm" #n }
#define GTF_DENSE_FUSION_LAYER(Struct, member)                                                                                     \
  GTF_DENSE_CONV (Struct, member, 1, 1, GTF_WEIGHT_OPTIONAL), GTF_DENSE_CONV (Struct, member, 1, 2, GTF_WEIGHT_OPTIONAL),          \
  GTF_DENSE_CONV (Struct, member, 2, 1, 0), GTF_DENSE_CONV (Struct, member, 2, 2, 0),                                              \
  { GTF_WEIGHT_CONV2D, "projection", G_STRUCT_OFFSET (GtfDenseFusion, projection), 0,                                              \
    { GTF_DENSE_DIM (Struct, member, fusion_size), GTF_DENSE_DIM (Struct, member, fusion_size), GTF_DIM_CONST (1), GTF_DIM_CONST (1) } }
#define GTF_DENSE_NECK(Struct, member, fusion_layer)                                                                               \
  GTF_DENSE_STAGE (Struct, member, 0), GTF_DENSE_STAGE (Struct, member, 1), GTF_DENSE_STAGE (Struct, member, 2), GTF_DENSE_STAGE (Struct, member, 3), \
  GTF_DENSE_STAGE (Struct, member, 4), GTF_DENSE_STAGE (Struct, member, 5), GTF_DENSE_STAGE (Struct, member, 6), GTF_DENSE_STAGE (Struct, member, 7), \
  { GTF_WEIGHT_GROUP, "neck.fusion_stage.layers.%d", .offset = G_STRUCT_OFFSET (GtfDenseWeights, fusion), .group = fusion_layer,   \
    .group_size = sizeof (GtfDenseFusion), .count = GTF_DENSE_DIM (Struct, member, n_stages) }

/* Reads the lists; first_assembled, token_size and follows are set before. */
GTF_API gboolean   gtf_dense_config_derive (GtfDenseConfig *config, GError **error);
/* States of layers, [B][1 + T][D] with T = height * width (or pictures: those before first_assembled), -> all sums, [B][H][W][fusion_size]. Their
 * number must be n_stages: FALSE after the sticky error. */
GTF_API gboolean   gtf_dense_neck (GtfContext *c, const GtfDenseConfig *config, const GtfDenseWeights *w, GtfTensor *const *states, gint64 n_states, gint64 height,
                                   gint64 width, GtfTensor **sums);
/* Its two halves: states -> pictures [B][H][W][fusion_size], as many; and these -> sums, the last picture first. */
GTF_API gboolean   gtf_dense_pictures (GtfContext *c, const GtfDenseConfig *config, const GtfDenseWeights *w, GtfTensor *const *states, gint64 n_states, gint64 height,
                                       gint64 width, GtfTensor **pictures);
GTF_API gboolean   gtf_dense_fuse     (GtfContext *c, const GtfDenseConfig *config, const GtfDenseWeights *w, GtfTensor *const *pictures, GtfTensor **sums);
/* A convolution of 3 x 3 that keeps the size; a picture in another size, first and last pixels where they are. */
GTF_API GtfTensor *gtf_dense_conv   (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, GtfActivation act);
GTF_API GtfTensor *gtf_dense_resize (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width);

G_END_DECLS
