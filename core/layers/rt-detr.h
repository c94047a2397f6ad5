/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What RT-DETR (Zhao et al. 2023) and its kin share: feature maps of a backbone, the smallest through a transformer; convolutions of which several become one when they are
 * loaded; and queries from the best of the boxes that the pixels of all maps propose. Pictures are [B][H][W][C].
 */
#pragma once

#include "layers/detection.h"
#include "tensor/deformable.h"

G_BEGIN_DECLS

/**
 * GtfRtDetrConfig:
 * @coded: lists as the config has them, down to @points; which maps go through a transformer
 * @method: how points are looked up: "default" between pixels, "discrete" at the nearest
 * @hidden: channels of the maps; @d: of the queries
 * @n_in: maps that the backbone gives; @n_levels: that the decoder looks at
 * @n_stages: steps of the pyramid, up and down
 * @places: which maps go through a transformer, @n_coded of them
 * @scores, @offsets: outputs of the linear layers of the decoder's attention
 * @n_learnt: queries with rows of their own; 0: they are those of the proposals
 *
 * What such detectors have in common; a family's config begins with it. The fields from @n_in on are those of gtf_rt_detr_derive().
 */
typedef struct
{
  const GtfInnerModel *backbone;
  const char *coded, *levels_in, *levels_out, *eval_size, *points;
  const char *method;
  gint64 hidden, d, n_labels, n_queries, n_levels;
  gint64 encoder_layers, encoder_heads, encoder_inner, decoder_layers, decoder_heads, decoder_inner;
  double eps, norm_eps, temperature, offset_scale;
  GtfActivation activation, encoder_activation, decoder_activation;
  gboolean norm_first, learns_queries;
  gint64 n_in, n_stages, n_coded, places[GTF_MAX_LEVELS], n_points[GTF_MAX_LEVELS], scores, offsets, d2, n_learnt;
} GtfRtDetrConfig;

/* Of the encoder's transformer and of the decoder, but for how it looks at maps. */
typedef struct
{
  GtfDetectionAttention self;
  const GtfNorm *self_norm, *final_norm;
  const GtfLinear *up, *down;
} GtfRtDetrLayer;

typedef struct
{
  const GtfRtDetrLayer *layers;
} GtfRtDetrCoder;

typedef struct
{
  const GtfConv2d *conv;
} GtfRtDetrConv;

/* RepVGG: a convolution of 3 x 3 pixels, and one of 1 x 1 in its middle. */
typedef struct
{
  const GtfConv2d *conv;
} GtfRepVgg;

/* CSPRepLayer: two ways through it, one of them of several blocks. */
typedef struct
{
  const GtfConv2d *first, *second, *last;       /* last: may be NULL */
  const GtfRepVgg *blocks;
} GtfCspRep;

/* The weights of a family begin with it. */
typedef struct
{
  const GtfInnerModel *backbone;
  const GtfRtDetrConv *inputs;
  const GtfRtDetrCoder *coders;
  const GtfLinear *proposal, *proposal_scores, *proposal_boxes[3], *places[2];
  const GtfNorm *proposal_norm;
  const GtfEmbedding *queries;
} GtfRtDetrWeights;

/* What a pass knows of the maps: their pixels as one text [B][T][hidden], where the queries look [B][Q][4], and how. */
typedef struct
{
  const GtfTensor *memory;
  GtfTensor *references;
  GtfDeformable how;
} GtfRtDetrPass;

#define GTF_RT_DETR_DIM(field) GTF_DIM (GtfRtDetrConfig, field)

/* @backbone: what "backbone_config" is where a file has none */
#define GTF_RT_DETR_CONFIG_FIELDS(backbone_)                                                                                       \
  GTF_CONFIG_MODEL_FIELD (GtfRtDetrConfig, backbone, "backbone_config", backbone_),                                                \
  GTF_CONFIG_INT_FIELD (GtfRtDetrConfig, hidden, "encoder_hidden_dim", 1, 1 << 16, 256),                                           \
  GTF_CONFIG_LIST_FIELD (GtfRtDetrConfig, levels_in, "encoder_in_channels"),                                                       \
  GTF_CONFIG_LIST_FIELD (GtfRtDetrConfig, levels_out, "decoder_in_channels"),                                                      \
  GTF_CONFIG_LIST_FIELD (GtfRtDetrConfig, coded, "encode_proj_layers"),                                                            \
  GTF_CONFIG_LIST_FIELD (GtfRtDetrConfig, eval_size, "eval_size"),                                                                 \
  GTF_CONFIG_INT_FIELD (GtfRtDetrConfig, encoder_layers, "encoder_layers", 0, 256, 1),                                             \
  GTF_CONFIG_INT_FIELD (GtfRtDetrConfig, encoder_heads, "encoder_attention_heads|num_attention_heads", 1, 4096, 8),                \
  GTF_CONFIG_INT_FIELD (GtfRtDetrConfig, encoder_inner, "encoder_ffn_dim", 1, 1 << 20, 1024),                                      \
  GTF_CONFIG_FLOAT_FIELD (GtfRtDetrConfig, temperature, "positional_encoding_temperature", 1e-3, 1e9, 10000),                      \
  GTF_CONFIG_ACTIVATION_FIELD (GtfRtDetrConfig, activation, "activation_function", "silu"),                                        \
  GTF_CONFIG_ACTIVATION_FIELD (GtfRtDetrConfig, encoder_activation, "encoder_activation_function", "gelu"),                        \
  GTF_CONFIG_ACTIVATION_FIELD (GtfRtDetrConfig, decoder_activation, "decoder_activation_function", "relu"),                        \
  GTF_CONFIG_BOOL_FIELD (GtfRtDetrConfig, norm_first, "normalize_before", FALSE),                                                  \
  GTF_CONFIG_INT_FIELD (GtfRtDetrConfig, d, "d_model|hidden_size", 1, 1 << 16, 256),                                               \
  GTF_CONFIG_INT_FIELD (GtfRtDetrConfig, n_queries, "num_queries", 1, 1 << 16, 300),                                               \
  GTF_CONFIG_COUNT_FIELD (GtfRtDetrConfig, n_labels, "id2label|num_labels", 0, 1 << 20, 2),                                        \
  GTF_CONFIG_INT_FIELD (GtfRtDetrConfig, decoder_layers, "decoder_layers", 1, 256, 6),                                             \
  GTF_CONFIG_INT_FIELD (GtfRtDetrConfig, decoder_heads, "decoder_attention_heads", 1, 4096, 8),                                    \
  GTF_CONFIG_INT_FIELD (GtfRtDetrConfig, decoder_inner, "decoder_ffn_dim", 1, 1 << 20, 1024),                                      \
  GTF_CONFIG_INT_FIELD (GtfRtDetrConfig, n_levels, "num_feature_levels", 1, GTF_MAX_LEVELS, 3),                                    \
  GTF_CONFIG_LIST_FIELD (GtfRtDetrConfig, points, "decoder_n_points"),                                                             \
  GTF_CONFIG_FLOAT_FIELD (GtfRtDetrConfig, offset_scale, "decoder_offset_scale", -1e6, 1e6, 0.5),                                  \
  GTF_CONFIG_STRING_FIELD (GtfRtDetrConfig, method, "decoder_method", "default"),                                                  \
  GTF_CONFIG_BOOL_FIELD (GtfRtDetrConfig, learns_queries, "learn_initial_query", FALSE),                                           \
  GTF_CONFIG_FLOAT_FIELD (GtfRtDetrConfig, eps, "layer_norm_eps", 0, 1, 1e-5),                                                     \
  GTF_CONFIG_FLOAT_FIELD (GtfRtDetrConfig, norm_eps, "batch_norm_eps", 0, 1, 1e-5)

/* A convolution without bias and its batch normalisation. */
#define GTF_RT_DETR_CONV(Struct, field, name, norm_name, flags)                                                                    \
  { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags),                                        \
    { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = norm_name, .eps_field = G_STRUCT_OFFSET (GtfRtDetrConfig, norm_eps) }
#define GTF_RT_DETR_LINEAR(Struct, field, name, out, in)                                                                           \
  GTF_DETECTION_LINEAR (Struct, field, name, GTF_RT_DETR_DIM (out), GTF_RT_DETR_DIM (in))
#define GTF_RT_DETR_GROUP(Struct, field, name, table, Item, n)                                                                     \
  { GTF_WEIGHT_GROUP, name, .offset = G_STRUCT_OFFSET (Struct, field), .group = table, .group_size = sizeof (Item), .count = n }

/* A GtfRtDetrLayer, which a layer's struct begins with, of `d` numbers and `inner` between. */
#define GTF_RT_DETR_LAYER(d, inner)                                                                                                \
  GTF_DETECTION_ATTENTION (GtfRtDetrLayer, self, "self_attn", GtfRtDetrConfig, d),                                                 \
  GTF_DETECTION_NORM (GtfRtDetrLayer, self_norm, "self_attn_layer_norm", GtfRtDetrConfig, d),                                      \
  GTF_RT_DETR_LINEAR (GtfRtDetrLayer, up, "fc1|mlp.fc1|mlp.layers.0", inner, d),                                                   \
  GTF_RT_DETR_LINEAR (GtfRtDetrLayer, down, "fc2|mlp.fc2|mlp.layers.1", d, inner),                                                 \
  GTF_DETECTION_NORM (GtfRtDetrLayer, final_norm, "final_layer_norm", GtfRtDetrConfig, d)

GTF_API const GtfWeight gtf_rep_vgg[];                  /* a GtfRepVgg */
GTF_API const GtfWeight gtf_rt_detr_input[];            /* a GtfRtDetrConv, its normalisation of PyTorch's own eps */
GTF_API const GtfWeight gtf_rt_detr_coder[];            /* a GtfRtDetrCoder */

#define GTF_RT_DETR_WEIGHTS                                                                                                        \
  { GTF_WEIGHT_MODEL, "backbone.model", G_STRUCT_OFFSET (GtfRtDetrWeights, backbone), .count = GTF_RT_DETR_DIM (backbone) },       \
  GTF_RT_DETR_GROUP (GtfRtDetrWeights, inputs, "encoder_input_proj.%d", gtf_rt_detr_input, GtfRtDetrConv, GTF_RT_DETR_DIM (n_in)), \
  GTF_RT_DETR_GROUP (GtfRtDetrWeights, coders, "encoder.encoder.%d|encoder.aifi.%d", gtf_rt_detr_coder, GtfRtDetrCoder, GTF_RT_DETR_DIM (n_coded)), \
  GTF_RT_DETR_LINEAR (GtfRtDetrWeights, proposal, "enc_output.0", d, d),                                                           \
  GTF_DETECTION_NORM (GtfRtDetrWeights, proposal_norm, "enc_output.1", GtfRtDetrConfig, d),                                        \
  GTF_RT_DETR_LINEAR (GtfRtDetrWeights, proposal_scores, "enc_score_head", n_labels, d),                                           \
  GTF_DETECTION_MLP (GtfRtDetrWeights, proposal_boxes, "enc_bbox_head", GtfRtDetrConfig, d, 4),                                    \
  { GTF_WEIGHT_EMBEDDING, "weight_embedding", G_STRUCT_OFFSET (GtfRtDetrWeights, queries), 0, { GTF_RT_DETR_DIM (n_learnt), GTF_RT_DETR_DIM (d) } }, \
  GTF_DETECTION_LINEAR (GtfRtDetrWeights, places[0], "decoder.query_pos_head.layers.0", GTF_RT_DETR_DIM (d2), GTF_DIM_CONST (4)),  \
  GTF_RT_DETR_LINEAR (GtfRtDetrWeights, places[1], "decoder.query_pos_head.layers.1", d, d2)

/* Reads the lists, and whether the sizes fit each other and the backbone. */
GTF_API gboolean   gtf_rt_detr_derive  (gpointer config, GError **error);
/* The maps of the backbone with `hidden` channels, some of them through their transformer: n_in of them. FALSE: the error is set. */
GTF_API gboolean   gtf_rt_detr_maps    (GtfContext *c, const GtfRtDetrConfig *config, const GtfRtDetrWeights *w, const GtfTensor *pixels, GtfTensor **maps);
/* CSPRepLayer of n_blocks in one of its ways. */
GTF_API GtfTensor *gtf_csp_rep         (GtfContext *c, const GtfCspRep *w, gint64 n_blocks, const GtfTensor *x, GtfActivation act);
/* The queries [B][Q][d] from the best proposals of all pixels of n_levels maps, whose boxes are where they look. */
GTF_API GtfTensor *gtf_rt_detr_propose (GtfContext *c, const GtfRtDetrConfig *config, const GtfRtDetrWeights *w, GtfTensor *const *maps, GtfRtDetrPass *pass);
/* Self-attention of the queries, normalised; @places: what they add for where they look. */
GTF_API GtfTensor *gtf_rt_detr_attend  (GtfContext *c, const GtfRtDetrConfig *config, const GtfRtDetrLayer *w, GtfTensor *x, const GtfTensor *places);

G_END_DECLS
