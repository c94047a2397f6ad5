/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The ops that a forward pass is written in. Activations are float32 tensors [..., features]; weights are the packed
 * objects that the binder made (core/model/binding.c). Fusion is an argument of an op, never a pattern matcher.
 * Every op allocates its result in the arena of the context; on error it sets the sticky error of the context.
 */
#pragma once

#include "tensor/context.h"

G_BEGIN_DECLS

/**
 * GtfActivation:
 *
 * What an op applies to each element of its result. In a config it has the name that transformers gives it.
 */
typedef enum
{
  GTF_ACTIVATION_NONE,
  GTF_ACTIVATION_RELU,
  GTF_ACTIVATION_GELU,          /* exact, by erf */
  GTF_ACTIVATION_GELU_TANH,     /* gelu_new, gelu_pytorch_tanh */
  GTF_ACTIVATION_GELU_QUICK,    /* x * sigmoid (1.702 x) */
  GTF_ACTIVATION_SILU,
  GTF_ACTIVATION_TANH,
  GTF_ACTIVATION_SIGMOID,
  GTF_ACTIVATION_GELU_10,       /* GELU, at most 10 */
  GTF_ACTIVATION_RELU2,         /* relu (x)^2 */
  GTF_ACTIVATION_RELU6,         /* relu, at most 6 */
  GTF_ACTIVATION_LEAKY_RELU,    /* 0.01 x below 0 */
  GTF_ACTIVATION_ELU,           /* exp (x) - 1 below 0 */
  GTF_ACTIVATION_HARDSWISH,     /* x relu6 (x + 3) / 6 */
  GTF_ACTIVATION_MISH,          /* x tanh (softplus (x)) */
  GTF_ACTIVATION_LAPLACE,       /* (1 + erf ((x - sqrt 1/2) / (0.282095 sqrt 2))) / 2 */
  GTF_ACTIVATION_SOFTPLUS,      /* log (1 + exp (x)) */
  GTF_ACTIVATION_SQRT_SOFTPLUS,
  GTF_ACTIVATION_HARDSIGMOID    /* relu6 (x + 3) / 6 */
} GtfActivation;

/* Weights as the binder packs them. A weights struct of an architecture holds const pointers to these. */
typedef struct _GtfLinear    GtfLinear;      /* [out][in] (+ bias) */
typedef struct _GtfNorm      GtfNorm;        /* [features] weight (+ bias) */
typedef struct _GtfEmbedding GtfEmbedding;   /* [n][features] */
typedef struct _GtfConv1d    GtfConv1d;      /* [out][in][kernel] (+ bias) */
typedef struct _GtfConv2d    GtfConv2d;      /* [out][in / groups][height][width] (+ bias, + batch normalisation) */

/* y = activation (x W^T + b);          x [..., in] -> [..., out] */
GTF_API GtfTensor *gtf_linear     (GtfContext *c, const GtfLinear *w, const GtfTensor *x);
GTF_API GtfTensor *gtf_linear_act (GtfContext *c, const GtfLinear *w, const GtfTensor *x, GtfActivation act);
/* y = residual + x W^T + b */
GTF_API GtfTensor *gtf_linear_add (GtfContext *c, const GtfLinear *w, const GtfTensor *x, const GtfTensor *residual);
/* y = activation (x W_up^T + b) W_down^T + b + residual; residual NULL: none */
GTF_API GtfTensor *gtf_feed_forward (GtfContext *c, const GtfLinear *up, GtfActivation act, const GtfLinear *down, const GtfTensor *x, const GtfTensor *residual);
/* The part of a weight for inputs first .. first + n; the bias belongs to the first. */
GTF_API const GtfLinear *gtf_linear_columns (GtfContext *c, const GtfLinear *w, gint64 first, gint64 n);
/* Outputs first .. first + n of a layer that has several things side by side. */
GTF_API GtfTensor *gtf_linear_part (GtfContext *c, const GtfLinear *w, const GtfTensor *x, gint64 first, gint64 n);
/* In groups: w [out][in / groups]; each part of the outputs sees its part of the inputs alone. */
GTF_API GtfTensor *gtf_linear_groups (GtfContext *c, const GtfLinear *w, const GtfTensor *x, gint64 n_groups);

GTF_API GtfTensor *gtf_layer_norm (GtfContext *c, const GtfNorm *w, const GtfTensor *x, float eps);
/* x w + b, where a model scales instead of normalising. */
GTF_API GtfTensor *gtf_affine     (GtfContext *c, const GtfNorm *w, const GtfTensor *x);
GTF_API GtfTensor *gtf_rms_norm   (GtfContext *c, const GtfNorm *w, const GtfTensor *x, float eps);
/* The same of each head by itself, without a weight: x [..., heads * d]. */
GTF_API GtfTensor *gtf_rms_heads  (GtfContext *c, const GtfTensor *x, gint64 n_heads, float eps);
/* Rows of the table: ids [...] (I32 or I64) -> [..., features]; an id out of range is a sticky error. */
GTF_API GtfTensor *gtf_embedding  (GtfContext *c, const GtfEmbedding *w, const GtfTensor *ids);
/* Rows first .. first + n of the table -> [n][features] (position embeddings). */
GTF_API GtfTensor *gtf_embedding_range (GtfContext *c, const GtfEmbedding *w, gint64 first, gint64 n);
/* Sound and tokens lie time-major: x [B][T][in] -> [B][T'][out]; zero padding on both sides. */
GTF_API GtfTensor *gtf_conv1d     (GtfContext *c, const GtfConv1d *w, const GtfTensor *x, gint64 stride, gint64 padding, GtfActivation act);

/* Sum with numpy's broadcasting of leading dimensions: b's shape must be a tail of a's. */
GTF_API GtfTensor *gtf_add        (GtfContext *c, const GtfTensor *a, const GtfTensor *b);
GTF_API GtfTensor *gtf_scale      (GtfContext *c, const GtfTensor *x, float factor);
/* a / b, of one shape */
GTF_API GtfTensor *gtf_quotients  (GtfContext *c, const GtfTensor *a, const GtfTensor *b);
/* A factor for each row: x [..., n], factors [..., 1]. */
GTF_API GtfTensor *gtf_scale_rows (GtfContext *c, const GtfTensor *x, const GtfTensor *factors);
/* act (a) * b: gated linear units, with the two halves of a projection as a and b. */
GTF_API GtfTensor *gtf_gate       (GtfContext *c, const GtfTensor *a, const GtfTensor *b, GtfActivation act);
GTF_API GtfTensor *gtf_activate   (GtfContext *c, const GtfTensor *x, GtfActivation act);
GTF_API GtfTensor *gtf_softmax    (GtfContext *c, const GtfTensor *x);               /* over the last dimension */
GTF_API GtfTensor *gtf_log_softmax (GtfContext *c, const GtfTensor *x);
/* Columns first .. first + n of the last dimension: a view, no copy. */
GTF_API GtfTensor *gtf_slice      (GtfContext *c, const GtfTensor *x, gint64 first, gint64 n);
/* Steps first .. first + n of the one before the last dimension ([B][T][D] -> [B][n][D]). */
GTF_API GtfTensor *gtf_steps      (GtfContext *c, const GtfTensor *x, gint64 first, gint64 n);
/* The last two dimensions change places (a copy). */
GTF_API GtfTensor *gtf_transpose  (GtfContext *c, const GtfTensor *x);
/* The tensors one after the other along the first dimension (a copy); their other dimensions are alike. */
GTF_API GtfTensor *gtf_concat     (GtfContext *c, GtfTensor *const *parts, gint64 n_parts);
/* The tensors side by side along the last dimension (a copy); their other dimensions are alike. */
GTF_API GtfTensor *gtf_join       (GtfContext *c, GtfTensor *const *parts, gint64 n_parts);
GTF_API GtfTensor *gtf_reshape    (GtfContext *c, const GtfTensor *x, guint n_dims, const gint64 *shape);
/* Integers (I32, I64) as float32. */
GTF_API GtfTensor *gtf_as_floats  (GtfContext *c, const GtfTensor *x);
/* Rows of x [..][D], counted over all its other dimensions, by an I32 tensor of their numbers: [..] -> [..][D]. */
GTF_API GtfTensor *gtf_take       (GtfContext *c, const GtfTensor *x, const GtfTensor *rows);
/* I32 [n] of what a function gives for 0 .. n - 1: ids for gtf_embedding () and gtf_take (). */
GTF_API GtfTensor *gtf_indices    (GtfContext *c, gint64 n, gint64 (*func) (gint64 i, gconstpointer data), gconstpointer data);
GTF_API gint64     gtf_dim        (const GtfTensor *x, gint dim);

/**
 * GtfAttention:
 * @n_heads: heads of the query; they lie side by side in the last dimension
 * @n_kv_heads: heads of key and value (0: as many as @n_heads)
 * @scale: factor on the scores (0: 1 / sqrt (head size))
 * @causal: query t sees keys up to (keys - queries) + t
 * @mask: (nullable): added to the scores, [B or 1][1 or heads][queries or 1][keys]
 * @which: (nullable): I32 [B]: @mask holds any number of masks, and this tells which of them each of the batch takes
 * @weights: (nullable): where to put the probabilities [B][heads][queries][keys]
 * @sequences: (nullable): I32 [n + 1], ascending from 0 to the number of steps: @q, @k and @v are [1][N][..] and hold n texts one after
 *   the other without padding; text i is the steps sequences[i] .. sequences[i + 1] and attends to itself alone. Without @mask
 * @distances: (nullable): added to the scores by distance, [1 or heads][2 R - 1]: element R - 1 + (key - query), R at least the longest text.
 *   With @causal query t stands at keys - queries + t. Together with @mask it costs a number for each query and key
 */
typedef struct
{
  gint64 n_heads;
  gint64 n_kv_heads;
  float scale;
  gboolean causal;
  const GtfTensor *mask;
  GtfTensor **weights;
  const GtfTensor *sequences, *distances, *which;
  gpointer reserved[5];         /* NULL */
} GtfAttention;

/* Scaled dot-product attention (Vaswani et al. 2017). q [B][Tq][heads * d]; k, v [Bk][Tk][kv_heads * d], Bk divides B
 * (beams share what was encoded once). -> [B][Tq][heads * d]. The whole score matrix is never written for long inputs. */
GTF_API GtfTensor *gtf_attention  (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfAttention *a);
/* What attention gave, x [..][heads * d], less that part [heads] of it which lies along the row's own value, v [..][kv_heads * d]. */
GTF_API GtfTensor *gtf_exclude_values (GtfContext *c, const GtfTensor *x, const GtfTensor *v, gint64 n_heads, const GtfTensor *parts);

/**
 * GtfCache:
 *
 * Keys and values of the steps already decoded (self-attention), and those of the encoder's states (cross-attention),
 * one pair of buffers a layer, owned by the session (core/model/cache.c).
 */
typedef struct _GtfCache GtfCache;

/* Appends k, v [B][T][D] to the layer's buffers; afterwards *k_all, *v_all [B][past + T][D] are views of all steps. */
GTF_API void   gtf_cache_append     (GtfContext *c, GtfCache *cache, gint64 layer, const GtfTensor *k, const GtfTensor *v, GtfTensor **k_all, GtfTensor **v_all);
/* Number of steps that were in the cache when the running call began. */
GTF_API gint64 gtf_cache_get_past   (const GtfCache *cache);
/* Cross-attention: written once by encode, read by each decode. */
GTF_API void   gtf_cache_put_cross  (GtfContext *c, GtfCache *cache, gint64 layer, const GtfTensor *k, const GtfTensor *v);
GTF_API void   gtf_cache_get_cross  (GtfContext *c, GtfCache *cache, gint64 layer, GtfTensor **k, GtfTensor **v);

G_END_DECLS
