/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two towers (Radford et al. 2021): a ViT that sees, an encoder that reads, and how what they say is compared. A family's config begins with a
 * GtfTowersConfig, its weights with a GtfTowersWeights.
 */
#pragma once

#include "layers/vision.h"

G_BEGIN_DECLS

/**
 * GtfTowersConfig:
 * @vision: the tower that sees
 * @text: the tower that reads
 * @projection_size: features in which the two are compared
 * @text_projection_size: the same of the tower that reads, where it has a size of its own
 * @eos_token_id: where a text says what it means
 */
typedef struct
{
  GtfVisionConfig vision;
  GtfTextConfig text;
  gint64 projection_size, text_projection_size, eos_token_id;
} GtfTowersConfig;

typedef struct
{
  GtfVisionWeights vision;
  GtfTextEmbeddings words;
  const GtfEncoderLayer *text_layers;
  const GtfNorm *text_norm;
  const GtfLinear *text_projection;             /* NULL: the half that sees stands by itself */
  const GtfTensor *logit_scale, *logit_bias;    /* the latter may be NULL */
} GtfTowersWeights;

/* The whole model keeps the sizes of the half that sees in `vision_config`, that half by itself at the top. */
#define GTF_SEES(name) "vision_config." name "|" name
#define GTF_READS(name) "text_config." name

/* Fields of the half that sees, with ViT-B's sizes ... */
#define GTF_TOWERS_VISION_FIELDS(act, epsilon)                                                                                     \
  GTF_VISION_CONFIG_FIELDS,                                                                                                        \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, vision.encoder.hidden_size, GTF_SEES ("hidden_size"), 1, 1 << 16, 768),                   \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, vision.encoder.n_layers, GTF_SEES ("num_hidden_layers"), 0, 256, 12),                     \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, vision.encoder.n_heads, GTF_SEES ("num_attention_heads"), 1, 4096, 12),                   \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, vision.encoder.inner_size, GTF_SEES ("intermediate_size"), 1, 1 << 20, 3072),             \
  GTF_CONFIG_FLOAT_FIELD (GtfTowersConfig, vision.encoder.eps, GTF_SEES ("layer_norm_eps"), 0, 1, epsilon),                        \
  GTF_CONFIG_ACTIVATION_FIELD (GtfTowersConfig, vision.encoder.activation, GTF_SEES ("hidden_act"), act),                          \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, vision.n_channels, GTF_SEES ("num_channels"), 1, 1 << 12, 3),                             \
  GTF_CONFIG_LIST_FIELD (GtfTowersConfig, vision.image_sizes, GTF_SEES ("image_size")),                                            \
  GTF_CONFIG_LIST_FIELD (GtfTowersConfig, vision.patch_sizes, GTF_SEES ("patch_size"))

/* ... and of the half that reads: its vocabulary, its longest text, its width and heads. */
#define GTF_TOWERS_TEXT_FIELDS(vocabulary, longest, size, inner, heads, act, epsilon)                                              \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, text.vocab_size, GTF_READS ("vocab_size"), 1, 1 << 24, vocabulary),                       \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, text.n_positions, GTF_READS ("max_position_embeddings"), 1, 1 << 20, longest),            \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, text.n_layers, GTF_READS ("num_hidden_layers"), 0, 256, 12),                              \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, text.hidden_size, GTF_READS ("hidden_size"), 1, 1 << 16, size),                           \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, text.inner_size, GTF_READS ("intermediate_size"), 1, 1 << 20, inner),                     \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, text.n_heads, GTF_READS ("num_attention_heads"), 1, 4096, heads),                         \
  GTF_CONFIG_FLOAT_FIELD (GtfTowersConfig, text.eps, GTF_READS ("layer_norm_eps"), 0, 1, epsilon),                                 \
  GTF_CONFIG_ACTIVATION_FIELD (GtfTowersConfig, text.activation, GTF_READS ("hidden_act"), act)

#define GTF_TOWERS_DIM(field) GTF_DIM (GtfTowersConfig, field)
#define GTF_TOWERS_FIELD(field) G_STRUCT_OFFSET (GtfTowersWeights, field)

/* Layers of both towers by CLIP's names. */
GTF_API const GtfWeight gtf_tower_layer[];              /* a GtfVisionLayer */
GTF_API const GtfWeight gtf_tower_text_layer[];         /* a GtfEncoderLayer of GtfTowersConfig.text */
GTF_API const GtfWeight gtf_tower_bert_layer[];         /* the same by BERT's names */

#define GTF_TOWERS_POSITIONS                                                                                                       \
  { GTF_WEIGHT_TENSOR, "embeddings.position_embedding.weight", GTF_VISION_FIELD (embeddings.positions), 0,                         \
    { GTF_VISION_DIM (n_positions), GTF_VISION_DIM (encoder.hidden_size) } }

/* The half that reads but for its projection; names begin with `prefix`. */
#define GTF_TOWERS_READER(prefix)                                                                                                  \
  { GTF_WEIGHT_EMBEDDING, prefix "text_model.embeddings.token_embedding", GTF_TOWERS_FIELD (words.tokens), 0,                      \
    { GTF_TOWERS_DIM (text.vocab_size), GTF_TOWERS_DIM (text.hidden_size) } },                                                     \
  { GTF_WEIGHT_EMBEDDING, prefix "text_model.embeddings.position_embedding", GTF_TOWERS_FIELD (words.positions), 0,                \
    { GTF_TOWERS_DIM (text.n_positions), GTF_TOWERS_DIM (text.hidden_size) } },                                                    \
  { GTF_WEIGHT_GROUP, prefix "text_model.encoder.layers.%d", .offset = GTF_TOWERS_FIELD (text_layers), .group = gtf_tower_text_layer, \
    .group_size = sizeof (GtfEncoderLayer), .count = GTF_TOWERS_DIM (text.n_layers) },                                             \
  { GTF_WEIGHT_NORM, prefix "text_model.final_layer_norm", GTF_TOWERS_FIELD (text_norm), 0, { GTF_TOWERS_DIM (text.hidden_size) } }

/* The same where BERT reads: fields and weights. A text is its first token. */
#define GTF_TOWERS_BERT_FIELDS                                                                                                     \
  GTF_TOWERS_TEXT_FIELDS (30522, 512, 768, 3072, 12, "gelu", 1e-12),                                                               \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, text.n_types, GTF_READS ("type_vocab_size"), 0, 1 << 16, 2)

#define GTF_TOWERS_TABLE(field, name, rows)                                                                                        \
  { GTF_WEIGHT_EMBEDDING, name, GTF_TOWERS_FIELD (words.field), 0, { GTF_TOWERS_DIM (text.rows), GTF_TOWERS_DIM (text.hidden_size) } }
#define GTF_TOWERS_BERT(prefix)                                                                                                    \
  GTF_TOWERS_TABLE (tokens, prefix "embeddings.word_embeddings", vocab_size), GTF_TOWERS_TABLE (positions, prefix "embeddings.position_embeddings", n_positions), \
  GTF_TOWERS_TABLE (types, prefix "embeddings.token_type_embeddings", n_types),                                                    \
  { GTF_WEIGHT_NORM, prefix "embeddings.LayerNorm", GTF_TOWERS_FIELD (words.norm), 0, { GTF_TOWERS_DIM (text.hidden_size) } },     \
  { GTF_WEIGHT_GROUP, prefix "encoder.layer.%d|" prefix "encoder.layers.%d", .offset = GTF_TOWERS_FIELD (text_layers), .group = gtf_tower_bert_layer, \
    .group_size = sizeof (GtfEncoderLayer), .count = GTF_TOWERS_DIM (text.n_layers) }

#define GTF_TOWERS_NUMBER(field, name) { GTF_WEIGHT_TENSOR, name, GTF_TOWERS_FIELD (field), 0, { GTF_DIM_CONST (1) } }

GTF_API const char *const gtf_towers_tasks[];

/* What both configs, taken together, must be. */
GTF_API gboolean   gtf_towers_derive (gpointer config, GError **error);
/* What the texts say after all layers: [texts][T][H]. */
GTF_API GtfTensor *gtf_towers_read   (GtfContext *c, const GtfTowersConfig *config, const GtfTowersWeights *w, const GtfTextInput *input, gboolean causal);
/* The first token of each text, as BERT has it, projected: [texts][..]. */
GTF_API GtfTensor *gtf_towers_read_bert (GtfContext *c, const GtfTowersConfig *config, const GtfTowersWeights *w, const GtfTextInput *input);

/* x divided by one number. */
GTF_API GtfTensor *gtf_divide_all    (GtfContext *c, const GtfTensor *x, const GtfTensor *divisor);
/* The cosine of each picture [..][D] with each text [..][D], times exp (@scale), plus @bias (may be NULL): [pictures][texts]. */
GTF_API GtfTensor *gtf_compare_towers (GtfContext *c, const GtfTensor *images, const GtfTensor *texts, const GtfTensor *scale, const GtfTensor *bias);
/* Scores [..][texts] with the lowest number for texts that begin with the id 0: padding. */
GTF_API GtfTensor *gtf_mask_texts    (GtfContext *c, const GtfTensor *x, const GtfTextInput *input);
/* Where a box of one patch ends and how large it is, before the sigmoid: [height * width][4]. */
GTF_API GtfTensor *gtf_patch_boxes   (GtfContext *c, gint64 height, gint64 width);

G_END_DECLS
