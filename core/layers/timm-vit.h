/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vision transformers as timm names their tensors: its classes VisionTransformer, VisionTransformerDistilled, Beit3 and Eva. The tensors tell what a model has
 * and how large it is; a family reads out of its names what they do not tell, the fields of a GtfTimmVitConfig. The rest, tables and forward pass, is here.
 *
 * Outputs: `last_hidden_state` [B][T][D], `pooler_output` [B][D], `logits` [B][labels]. As a backbone each block is a stage, its patches as [B][H][W][D].
 */
#pragma once

#include "layers/vision.h"

G_BEGIN_DECLS

/**
 * GtfTimmRope:
 * @GTF_TIMM_ROPE_NONE: queries and keys do not turn
 * @GTF_TIMM_ROPE_GRID: they turn by the number of row and column
 * @GTF_TIMM_ROPE_MIDDLES: by where the middle of a patch lies, from -1 to 1 (DINOv3)
 * @GTF_TIMM_ROPE_LEARNT: by the number of row and column, with frequencies of each block and head, the tensor `rope.freqs`
 */
typedef enum
{
  GTF_TIMM_ROPE_NONE,
  GTF_TIMM_ROPE_GRID,
  GTF_TIMM_ROPE_MIDDLES,
  GTF_TIMM_ROPE_LEARNT
} GtfTimmRope;

/**
 * GtfTimmVitConfig:
 * @name: of the model, "vit_base_patch16_224.augreg_in21k"
 * @pool: "avg", "token", "map", or %NULL: what the tensors suggest
 * @n_heads: 0: one for each @head_size features; @latent_heads: of the learnt token that asks the others (0: as many)
 * @n_blocks: the stages of a backbone; the blocks that are there are those of the file
 * @is_rms: normalisations are root mean squares
 * @is_gated: the first half of `mlp.fc1` gates the second
 * @is_post_norm: a block normalises what it adds, not what it reads
 * @any_size: positions are resized to the picture
 * @pools_prefix: means count the tokens before the patches
 * @rope, @theta: how queries and keys turn, and the base of the frequencies
 * @reference: %GTF_TIMM_ROPE_GRID: rows and columns are scaled so that there are this many (0: they are not); @offset: the number of the first, before that
 * @is_across_first: columns come before rows
 *
 * The config of the family itself. The last fields are those that no field of config.json fills.
 */
typedef struct
{
  gint64 n_channels, n_labels, n_heads, n_blocks;
  const char *name, *pool;
  gboolean has_pooler, any_size, pools_prefix;
  GtfActivation activation;
  double eps, theta;
  gint64 head_size, latent_heads, reference;
  gboolean is_rms, is_gated, is_post_norm, is_across_first;
  GtfTimmRope rope;
  float offset;
} GtfTimmVitConfig;

#define GTF_TIMM_VIT_MAX_BLOCKS 128

typedef struct
{
  const GtfNorm *norm1, *norm2, *attention_norm, *inner_norm, *scale1, *scale2, *query_norm, *key_norm;       /* the third and all behind it may be NULL */
  const GtfTensor *query_bias, *value_bias;             /* beside the layer that has query, key and value; may be NULL */
  const GtfLinear *qkv, *out, *up, *gate, *down;        /* the gate may be NULL */
} GtfTimmVitBlock;

typedef struct
{
  const GtfConv2d *patches;
  const GtfTensor *cls, *distillation, *registers, *positions, *frequencies;    /* may be NULL */
  const GtfNorm *patch_norm, *first_norm, *norm, *pooled_norm;  /* may be NULL */
  const GtfTimmVitBlock *blocks;                        /* a zeroed one behind the last */
  const GtfTensor *latent;                              /* what pools by attention; may be NULL */
  const GtfLinear *latent_q, *latent_kv, *latent_out, *latent_up, *latent_down;
  const GtfNorm *latent_norm;
  const GtfLinear *classifier, *teacher;
} GtfTimmVitWeights;

GTF_API const GtfConfigField gtf_timm_vit_config[];
GTF_API const GtfWeight gtf_timm_vit_weights[];
GTF_API const GtfHead gtf_timm_vit_heads[];

/* Whether "global_pool" is one that is known; else the error, which says what names @example is one of. */
GTF_API gboolean gtf_timm_vit_check    (const GtfTimmVitConfig *config, gboolean is_known, const char *example, GError **error);
/* `features` and `forward` of the family. */
GTF_API void     gtf_timm_vit_features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels);
GTF_API void     gtf_timm_vit_forward  (GtfContext *c, const GtfForward *f);

/* All of the architecture but its `model_types` and `derive`. */
#define GTF_TIMM_VIT_ARCHITECTURE                                                                                                  \
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (GtfTimmVitConfig), .weights_size = sizeof (GtfTimmVitWeights),   \
  .config = gtf_timm_vit_config, .weights = gtf_timm_vit_weights, .heads = gtf_timm_vit_heads, .ignored = "head.*|*.head.*|*head_dist.*", \
  .forward = gtf_timm_vit_forward, .features = gtf_timm_vit_features, .n_stages = GTF_DIM (GtfTimmVitConfig, n_blocks)

G_END_DECLS
