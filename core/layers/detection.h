/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What detectors like DETR share: a picture's features as tokens with positions on two axes, a mask for padded pictures, attention whose
 * queries and keys have positions added, and boxes.
 */
#pragma once

#include "layers/text-weights.h"
#include "tensor/pictures.h"

G_BEGIN_DECLS

/* The input "pixel_mask" [B][H][W] (optional; 0 is padding) for a feature map [B][height][width][..] of pixels [B][C][H][W]: ones and zeros, F32
 * [B][height][width]; each takes the nearest pixel. */
GTF_API GtfTensor *gtf_pixel_mask  (GtfContext *c, const GtfTensor *pixels, const GtfTensor *map);
/* What is added to scores: [B][1][1][height * width], the lowest number where the mask is 0; NULL if it is nowhere. */
GTF_API GtfTensor *gtf_mask_scores (GtfContext *c, const GtfTensor *mask);

/**
 * GtfPositions2d:
 * @features: of each axis; the result has twice as many
 * @temperature, @temperature_x: base of the frequencies, down and across (0: as @temperature)
 * @scale: with 0 positions are counted in pixels; else the last one is @scale
 * @shift: added to a position before it is scaled
 */
typedef struct
{
  gint64 features;
  double temperature, temperature_x, scale, shift;
} GtfPositions2d;

/* Sines and cosines of where a pixel stands among those that the mask [B][H][W] shows, down, then across: [B][H * W][2 features]. */
GTF_API GtfTensor *gtf_positions_2d (GtfContext *c, const GtfTensor *mask, const GtfPositions2d *how);
/* Learnt rows of both axes, across, then down: [H * W][2 features]. */
GTF_API GtfTensor *gtf_learnt_positions_2d (GtfContext *c, const GtfEmbedding *rows, const GtfEmbedding *columns, gint64 height, gint64 width);
/* Sines and cosines of the places of all pixels, down, then across: [H * W][features]. */
GTF_API GtfTensor *gtf_grid_waves  (GtfContext *c, gint64 height, gint64 width, gint64 features, double temperature);
/* A map [B][H][W][D] as tokens [B][H * W][D]. */
GTF_API GtfTensor *gtf_map_tokens  (GtfContext *c, const GtfTensor *map);
/* Of each of a batch all parts [B][T][D], one behind the other: [B][sum of T][D]. */
GTF_API GtfTensor *gtf_chain_tokens (GtfContext *c, GtfTensor *const *parts, gint64 n);
/* The same rows for each of a batch: [n][D] -> [B][n][D]; zeros of that shape. */
GTF_API GtfTensor *gtf_repeat_rows (GtfContext *c, const GtfTensor *rows, gint64 n_batch);
GTF_API GtfTensor *gtf_zero_rows   (GtfContext *c, gint64 n_batch, gint64 n, gint64 d);

/* Boxes (centre, width, height; parts of the picture) as a layer moves them: sigmoid (deltas + logit (references)); of points [..][2] the centre. */
GTF_API GtfTensor *gtf_refine_boxes (GtfContext *c, const GtfTensor *deltas, const GtfTensor *references, float eps);
/* The same of boxes that are no logits (RF-DETR): centre + delta size, size exp (delta). */
GTF_API GtfTensor *gtf_move_boxes   (GtfContext *c, const GtfTensor *deltas, const GtfTensor *boxes);
/* A box around each pixel of all maps, as logits [S][4], and whether it counts, [S]; with masks [B][H][W] instead of maps for each picture. */
GTF_API GtfTensor *gtf_anchors      (GtfContext *c, GtfTensor *const *maps, gint64 n_maps, float grid, gboolean masked, GtfTensor **valid);
/* Reference points for gtf_deformable_attention (), by the masks [B][H][W] of all maps: of each of their pixels, [B][S][n][2]; of queries, [B][Q][n][2 or 4]. */
GTF_API GtfTensor *gtf_pixel_references (GtfContext *c, GtfTensor *const *masks, gint64 n);
GTF_API GtfTensor *gtf_level_references (GtfContext *c, const GtfTensor *references, GtfTensor *const *masks, gint64 n);
/* Sines and cosines of coordinates [..][n]: [..][n * features]. */
GTF_API GtfTensor *gtf_coordinate_waves (GtfContext *c, const GtfTensor *x, gint64 features, gboolean down_first);
/* x [B][S][D] with zeros where keep [S] or [B][S] is 0. */
GTF_API GtfTensor *gtf_keep_rows    (GtfContext *c, const GtfTensor *x, const GtfTensor *keep);
/* Of each picture the n rows of scores [B][S][C] whose best is best, for gtf_take (): I32 [B][n]. */
GTF_API GtfTensor *gtf_top_rows     (GtfContext *c, const GtfTensor *scores, gint64 n);

#define GTF_MAX_BINS 256

/* Edges [..][4 * (n_bins + 1)], logits of distances of the left, upper, right and lower edge of boxes [..][4]: the boxes with these edges; of each edge the n
 * highest probabilities and their mean, [..][4 * (n + 1)]. */
GTF_API GtfTensor *gtf_edge_boxes   (GtfContext *c, const GtfTensor *edges, const GtfTensor *boxes, gint64 n_bins, const GtfTensor *up, const GtfTensor *scale);
GTF_API GtfTensor *gtf_edge_peaks   (GtfContext *c, const GtfTensor *edges, gint64 n_bins, gint64 n);
GTF_API GtfTensor *gtf_clamp        (GtfContext *c, const GtfTensor *x, float minimum, float maximum);
/* A number for each row: x [..][C], column [..][1]. */
GTF_API GtfTensor *gtf_add_column   (GtfContext *c, const GtfTensor *x, const GtfTensor *column);

typedef struct
{
  const GtfLinear *q, *k, *v, *out;
} GtfDetectionAttention;

/* x + out (attention (q, k, v)). */
GTF_API GtfTensor *gtf_detection_attend (GtfContext *c, const GtfDetectionAttention *w, const GtfAttention *how, const GtfTensor *q, const GtfTensor *k,
                                         const GtfTensor *v, const GtfTensor *residual);
/* An attention that projects what tokens are and where they are apart. q_place: NULL in a cross-attention that adds no positions; q_sine: of cross-attentions only. */
typedef struct
{
  const GtfLinear *q, *q_place, *k, *k_place, *v, *out, *q_sine;
} GtfPlacedAttention;

/* x [B][Q][D] plus what its tokens see in each other; plus what they see in a picture (memory, [B][S][D]), each about the place that its waves stand for. */
GTF_API GtfTensor *gtf_placed_self  (GtfContext *c, const GtfPlacedAttention *w, gint64 n_heads, const GtfTensor *x, const GtfTensor *places);
GTF_API GtfTensor *gtf_placed_cross (GtfContext *c, const GtfPlacedAttention *w, const GtfAttention *how, const GtfTensor *x, const GtfTensor *waves,
                                     const GtfTensor *places, const GtfTensor *memory, const GtfTensor *memory_places);
/* Where each query looks: the softmax over all heads and tokens together; q [B][Q][D], k [B][T][D], mask as of gtf_mask_scores (): [B][Q][T][heads]. */
GTF_API GtfTensor *gtf_attention_maps (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *mask, gint64 n_heads);
/* Three or so linear layers with ReLU between. */
GTF_API GtfTensor *gtf_detection_mlp (GtfContext *c, const GtfLinear *const *layers, gint64 n_layers, const GtfTensor *x);

#define GTF_DETECTION_LINEAR(Struct, field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), 0, { out, in } }
/* q, k, v and out of an attention, all [d][d], d a field of the config; the last by its old and its new name. */
#define GTF_DETECTION_ATTENTION(Struct, field, name, Config, d)                                                                    \
  GTF_DETECTION_LINEAR (Struct, field.q, name ".q_proj", GTF_DIM (Config, d), GTF_DIM (Config, d)),                                \
  GTF_DETECTION_LINEAR (Struct, field.k, name ".k_proj", GTF_DIM (Config, d), GTF_DIM (Config, d)),                                \
  GTF_DETECTION_LINEAR (Struct, field.v, name ".v_proj", GTF_DIM (Config, d), GTF_DIM (Config, d)),                                \
  GTF_DETECTION_LINEAR (Struct, field.out, name ".out_proj|" name ".o_proj", GTF_DIM (Config, d), GTF_DIM (Config, d))
#define GTF_DETECTION_NORM(Struct, field, name, Config, d) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Struct, field), 0, { GTF_DIM (Config, d) } }
/* A predictor of three layers; of boxes. */
#define GTF_DETECTION_MLP(Struct, field, name, Config, d, out)                                                                     \
  GTF_DETECTION_LINEAR (Struct, field[0], name ".layers.0", GTF_DIM (Config, d), GTF_DIM (Config, d)),                             \
  GTF_DETECTION_LINEAR (Struct, field[1], name ".layers.1", GTF_DIM (Config, d), GTF_DIM (Config, d)),                             \
  GTF_DETECTION_LINEAR (Struct, field[2], name ".layers.2", GTF_DIM_CONST (out), GTF_DIM (Config, d))

/* What "backbone_config" is where a file has none, from its members. Detectors replace every normalisation of a timm model, also those that activate what they have normalised: that
 * activation is then missing (bare_batch_norm), whatever the file says. */
#define GTF_DETECTION_BACKBONE(members) "{" members ", \"always\": {\"timm_backbone\": {\"bare_batch_norm\": true}}}"

GTF_API const char *const gtf_detection_tasks[];

G_END_DECLS
