/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ops that know where a token stands: rotary embeddings, sinusoids, convolution text by text, attention by
 * relative position, attention within a window.
 *
 * Texts are [B][T][..], or packed one after the other without padding, [1][N][..], with `sequences` [B + 1] (I32): text b is
 * sequences[b] .. sequences[b + 1]. Positions begin anew in each and no text sees another.
 */
#pragma once

#include "tensor/ops.h"

G_BEGIN_DECLS

/* A token and its neighbours, from `first` to `last` counted from itself, zeros outside of the text: [B][T][D] -> [B][T][n D]. */
GTF_API GtfTensor *gtf_neighbours   (GtfContext *c, const GtfTensor *x, gint64 first, gint64 last, const GtfTensor *sequences);
/* Convolutions over a text with the token in the middle: a kernel a feature, w [D][..][K]; a kernel for each token and head, [B][T][heads K]. */
GTF_API GtfTensor *gtf_depthwise    (GtfContext *c, const GtfTensor *w, const GtfTensor *x, const GtfTensor *sequences);
GTF_API GtfTensor *gtf_dynamic_conv (GtfContext *c, const GtfTensor *x, const GtfTensor *kernels, gint64 n_heads, const GtfTensor *sequences);

/**
 * GtfRotary:
 * @dims: how many dimensions of a head turn (even; the first ones)
 * @theta: base of the frequencies
 * @divisor: what positions are divided by (0: 1; linear scaling)
 * @factor: on cosines and sines (0: 1)
 * @frequencies: (nullable): dims / 2 of them, instead of those that @theta and @divisor make
 */
typedef struct
{
  gint64 dims;
  double theta, divisor, factor;
  const float *frequencies;
  gpointer reserved[4];         /* NULL */
} GtfRotary;

/**
 * GtfRotation:
 * @n_heads: heads side by side in the last dimension
 * @table: from gtf_rotary_table ()
 * @interleaved: pairs are neighbours (GPT-J, RoFormer), else a half of the dimensions apart (GPT-NeoX, Llama)
 * @first: position of the first step
 * @sequences: (nullable): where packed texts begin
 */
typedef struct
{
  gint64 n_heads;
  const GtfTensor *table;
  gboolean interleaved;
  gint64 first;
  const GtfTensor *sequences;
} GtfRotation;

/* Cosines and sines of positions 0 .. n - 1 -> [n][dims / 2 cosines, dims / 2 sines]; computed once a forward pass. */
GTF_API GtfTensor *gtf_rotary_table (GtfContext *c, gint64 n, const GtfRotary *rotary);
/* Rotary position embedding (Su et al. 2021). x [B][T][heads * d] -> a copy, turned. */
GTF_API GtfTensor *gtf_rotate       (GtfContext *c, const GtfTensor *x, const GtfRotation *rotation);
/* Sinusoids of positions first, first + step, ... -> [n][features]: features / 2 sines, then as many cosines. */
GTF_API GtfTensor *gtf_sinusoids    (GtfContext *c, gint64 first, gint64 step, gint64 n, gint64 features);

/* x [B][T][D] with zeros where mask [B][1][1][T] is negative; @mask NULL: x itself. */
GTF_API GtfTensor *gtf_zero_padding (GtfContext *c, GtfTensor *x, const GtfTensor *mask);
/* Convolution over the steps of each text by itself, with zeros around so that T stays; the kernel is odd. w is [out][in / groups][kernel]. */
GTF_API GtfTensor *gtf_conv1d_texts (GtfContext *c, const GtfConv1d *w, const GtfTensor *x, gint64 groups, GtfActivation act, const GtfTensor *sequences);

/* The real part of each text's Fourier transform over its tokens and features: [B][T][D]. */
GTF_API GtfTensor *gtf_fourier      (GtfContext *c, const GtfTensor *x, const GtfTensor *sequences);

/**
 * GtfRelativeRows:
 * @sign: 1 or -1
 * @offset: row of distance 0
 * @n_rows: rows of the table; what falls outside takes the nearest
 * @buckets, @max_distance: with @buckets > 0, distances from buckets / 2 on share rows logarithmically (DeBERTa-v2)
 */
typedef struct
{
  gint64 sign, offset, n_rows;
  gint64 buckets, max_distance;
} GtfRelativeRows;

/* Which row of a table of relative positions serves a distance (query - key): I32 [2 n - 1], for distances 1 - n .. n - 1. With @first
 * and @n_used only the rows *first .. *first + *n_used of the table are needed, and the result counts from the first of them. */
GTF_API GtfTensor *gtf_relative_rows (GtfContext *c, gint64 n, const GtfRelativeRows *rows, gint64 *first, gint64 *n_used);

/**
 * GtfRelativeAttention:
 * @n_heads: heads, side by side in the last dimension
 * @scale: factor on all scores (0: 1 / sqrt (head size))
 * @rows: from gtf_relative_rows (), for the longest text
 * @position_keys: (nullable): [rows][heads * d]; the query meets the row of its distance to the key (content to position)
 * @position_query: (nullable): what meets @position_keys instead of the query
 * @position_queries: (nullable): [rows][heads * d]; the key meets the row (position to content)
 * @segments: (nullable): I32 [B][T]; with @segment_query, as the query, and @segment_keys [2][heads * d]: a score for keys of the same
 *   segment (row 0) and for others (row 1)
 * @segment_any: with @segments: a segment that counts as the same as any other (-1: none)
 * @causal: a query sees no later keys
 * @mask: (nullable): added to the scores, [B or 1][1 or heads][T or 1][T]
 * @sequences: (nullable): where packed texts begin
 * @weights: (nullable): where to put the probabilities [B][heads][T][T]; not with several @sequences
 */
typedef struct
{
  gint64 n_heads;
  float scale;
  gboolean causal;
  const GtfTensor *rows;
  const GtfTensor *position_keys, *position_query, *position_queries;
  const GtfTensor *segments, *segment_query, *segment_keys;
  gint64 segment_any;
  const GtfTensor *mask;
  const GtfTensor *sequences;
  GtfTensor **weights;
} GtfRelativeAttention;

/* Self-attention whose scores also depend on the distance of query and key: DeBERTa, Transformer-XL, XLNet. */
GTF_API GtfTensor *gtf_relative_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfRelativeAttention *a);

/**
 * GtfRelativeScores:
 * @n_heads: heads, side by side in the last dimension
 * @query_step: so many keys stand for one query
 * @scale: factor on all scores (0: 1 / sqrt (head size))
 * @position_keys: [query_step (Tq - 1) + Tk][heads * d]: query i and key j meet row query_step i - j + Tk - 1
 * @segment_query, @segment_keys: as @q, and [2][heads * d]: a score for keys of other segments (row 0) and of the same (row 1)
 * @segments: (nullable): I32 [B][T], of the tokens; %NULL: all are of one segment
 * @query_at, @key_at: (nullable): I32 [Tq], [Tk]: the token whose segment a query or key is of
 * @segment_any: a segment that counts as the same as any other (-1: none)
 * @first_is_nowhere: the first query and the first key have no distance and no segment: nothing is added
 * @mask: (nullable): added to the scores, [B][1][1][Tk]
 */
typedef struct
{
  gint64 n_heads, query_step;
  float scale;
  const GtfTensor *position_keys, *segment_query, *segment_keys;
  const GtfTensor *segments, *query_at, *key_at;
  gint64 segment_any;
  gboolean first_is_nowhere;
  const GtfTensor *mask;
} GtfRelativeScores;

/* What distance and segment add to the scores where one query stands for several tokens: a mask for gtf_attention () (Funnel). */
GTF_API GtfTensor *gtf_relative_scores (GtfContext *c, const GtfTensor *q, const GtfRelativeScores *a);

/**
 * GtfWindowAttention:
 * @n_heads: heads, side by side in the last dimension
 * @scale: factor on the scores (0: 1 / sqrt (head size))
 * @before, @after: a query sees so many keys before and after itself
 * @globals: (nullable): I32 [B]: so many first keys of a text are seen by every query, and by none a second time
 * @global_query, @global_keys, @global_values: (nullable): as @q, @k, @v: with these the same first tokens, as queries, see all of their text
 * @mask: (nullable): added to the scores, [B][1][1][T]
 * @sequences: (nullable): where packed texts begin
 * @weights: (nullable): where to put the probabilities [B][heads][T][T]; not with several @sequences
 * @sinks: (nullable): [heads]: a score of each head for a key that every query sees and that has nothing to give: it takes its part of the
 *   probabilities (gpt-oss)
 */
typedef struct
{
  gint64 n_heads;
  float scale;
  gint64 before, after;
  const GtfTensor *globals, *global_query, *global_keys, *global_values;
  const GtfTensor *mask;
  const GtfTensor *sequences;
  GtfTensor **weights;
  const GtfTensor *sinks;
  gpointer reserved[4];         /* NULL */
} GtfWindowAttention;

/* Self-attention within a window: work and memory grow with T, not with its square. */
GTF_API GtfTensor *gtf_window_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfWindowAttention *a);

/* Attention whose weights are (1 - angle / pi) ^ power, of each head made 1 long (YOSO). */
GTF_API GtfTensor *gtf_angle_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, gint64 n_heads, gint64 power,
                                        const GtfTensor *sequences);

/**
 * GtfBlockAttention:
 * @n_heads: heads, side by side in the last dimension
 * @block: tokens of a block
 * @n_random: how often a block in the middle sees the first block beside what it sees anyhow
 * @mask: (nullable): added to the scores, [B][1][1][T]
 * @sequences: (nullable): where packed texts begin
 */
typedef struct
{
  gint64 n_heads, block, n_random;
  const GtfTensor *mask, *sequences;
} GtfBlockAttention;

/* BigBird's sparse self-attention (Zaheer et al. 2020) as transformers evaluates it; texts up to (5 + 2 n_random) blocks are attended to in full. */
GTF_API GtfTensor *gtf_block_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfBlockAttention *a);

G_END_DECLS
