/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The text encoder that most families are made of: a sum of embeddings, then blocks of self-attention and two linear layers, with
 * normalisation after each (BERT) or before it. A family that differs in one of these writes that one itself.
 */
#pragma once

#include "layers/text-input.h"
#include "tensor/positions.h"

G_BEGIN_DECLS

/* The config that such families have in common; theirs begins with it. Fields: GTF_TEXT_CONFIG_FIELDS (layers/text-weights.h). */
typedef struct
{
  gint64 vocab_size, hidden_size, embedding_size, n_layers, n_heads, inner_size, n_positions, n_types, n_labels, pad_token_id;
  double eps;
  GtfActivation activation;
  gboolean is_decoder;              /* attention is causal */
  const char *position_type;        /* "absolute", "relative_key", "relative_key_query" */
  /* by gtf_text_config_derive () */
  gint64 head_size, n_distances, projection_size;       /* the last: 0 where embedding_size is hidden_size */
} GtfTextConfig;

typedef struct
{
  const GtfEmbedding *tokens, *positions, *types;       /* the last two may be NULL */
  const GtfNorm *norm;                                  /* may be NULL */
  const GtfLinear *projection;                          /* may be NULL: embedding_size -> hidden_size */
} GtfTextEmbeddings;

typedef struct
{
  const GtfLinear *qkv, *attention_out, *up, *down;     /* qkv: query, key and value side by side */
  const GtfNorm *attention_norm, *output_norm;
  const GtfEmbedding *distances;                        /* relative_key: [2 positions - 1][head size]; may be NULL */
} GtfEncoderLayer;

/**
 * GtfEncoder:
 * @layers: (nullable): as many as the config says; %NULL: @forward finds its own
 * @norm_first: normalisation before attention and before the linear layers, instead of after them
 * @final_norm: (nullable): normalisation after the last layer
 * @unscaled_distances: relative positions are added after the scores were scaled (ALBERT)
 * @attention: what attention has beside heads, texts and mask (distances, scale, ...)
 * @rotary: (nullable): table of gtf_rotary_table () by which queries and keys turn; @rotary_interleaved, @rotary_values: how, and whether values too
 * @forward: (nullable): a layer of the family's own: x and the number of the layer -> x. What attention needs is in `attention` of the
 *   encoder that it is handed
 * @data: for @forward
 */
typedef struct _GtfEncoder GtfEncoder;
struct _GtfEncoder
{
  const GtfTextConfig *config;
  const GtfTextInput *input;
  const GtfEncoderLayer *layers;
  gboolean norm_first, unscaled_distances;
  const GtfNorm *final_norm;
  GtfAttention attention;
  const GtfTensor *rotary;
  gboolean rotary_interleaved, rotary_values;
  GtfTensor *(*forward) (GtfContext *c, const GtfEncoder *e, gint64 layer, GtfTensor *x);
  gconstpointer data;
};

/* What the fields of the config, taken together, must be. For `derive` of an architecture. */
GTF_API gboolean   gtf_text_config_derive (gpointer config, GError **error);
/* FALSE after setting the sticky error: the text is longer than the table of positions. */
GTF_API gboolean   gtf_text_check_length (GtfContext *c, const GtfTextConfig *config, const GtfTextInput *input, const GtfTensor *positions);
/* norm (tokens + positions + types), projected; @positions NULL: none are added. */
GTF_API GtfTensor *gtf_text_embed (GtfContext *c, const GtfTextConfig *config, const GtfTextEmbeddings *w, const GtfTextInput *input, const GtfTensor *positions);
/* Its parts: the sum alone, the types alone, and what comes after the sum. */
GTF_API GtfTensor *gtf_text_embed_sum (GtfContext *c, const GtfTextConfig *config, const GtfTextEmbeddings *w, const GtfTextInput *input, const GtfTensor *positions);
GTF_API GtfTensor *gtf_text_add_types (GtfContext *c, const GtfTextEmbeddings *w, const GtfTextInput *input, GtfTensor *x);
GTF_API GtfTensor *gtf_text_embed_norm (GtfContext *c, const GtfTextConfig *config, const GtfTextEmbeddings *w, GtfTensor *x);
/* Self-attention of x among itself with the projections of a layer, before attention_out: [..][H]. */
GTF_API GtfTensor *gtf_encoder_attention (GtfContext *c, const GtfEncoder *e, const GtfEncoderLayer *l, const GtfTensor *x);
/* Keys or values [..][n_kv_heads * d] of heads that share them, each once for every head of queries: [..][n_heads * d]. */
GTF_API GtfTensor *gtf_encoder_repeat_heads (GtfContext *c, GtfTensor *x, gint64 n_heads, gint64 n_kv_heads);
/* What a GtfAttention adds to scores by distance, for texts of @input: rows of @table [buckets][heads], half of @n_buckets for each direction, half of these for a
 * distance each and the others logarithmically up to @most_distance (T5). */
GTF_API GtfTensor *gtf_encoder_distances (GtfContext *c, const GtfTextInput *input, const GtfEmbedding *table, gint64 n_buckets, gint64 most_distance);
/* One whole layer. */
GTF_API GtfTensor *gtf_encoder_layer (GtfContext *c, const GtfEncoder *e, const GtfEncoderLayer *l, GtfTensor *x);
/* All layers; puts "hidden_states" [(layers + 1) * B][T][H] and "attentions" [layers * B][heads][T][T] where they are wanted
 * (and where the layers have such a thing). */
GTF_API GtfTensor *gtf_encoder_run (GtfContext *c, const GtfEncoder *e, GtfTensor *x);

G_END_DECLS
