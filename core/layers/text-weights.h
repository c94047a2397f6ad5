/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tables that families of text encoders have in common: fields of the config, names of weights, tasks of heads. The config of such
 * a family begins with a GtfTextConfig, its weights with a GtfTextWeights.
 */
#pragma once

#include "layers/encoder.h"
#include "layers/text-heads.h"
#include "registry/plugin.h"

G_BEGIN_DECLS

typedef struct
{
  GtfTextEmbeddings embeddings;
  const GtfEncoderLayer *layers;
  const GtfNorm *final_norm;            /* NULL where normalisation comes last in a layer */
  GtfTextHeads heads;
} GtfTextWeights;

/* The fields, with the defaults of BERT; a later line of a table overrides an earlier one of the same field. */
#define GTF_TEXT_CONFIG_FIELDS                                                                                                     \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 30522),                                               \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "hidden_size", 1, 1 << 16, 768),                                               \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 0, 256, 12),                                                 \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_attention_heads", 1, 4096, 12),                                               \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "intermediate_size", 1, 1 << 20, 3072),                                         \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 512),                                   \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_types, "type_vocab_size", 0, 1 << 16, 2),                                                 \
  GTF_CONFIG_COUNT_FIELD (GtfTextConfig, n_labels, "id2label|num_labels", 0, 1 << 20, 2),                                          \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, pad_token_id, "pad_token_id", -1, 1 << 24, 0),                                              \
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "layer_norm_eps", 0, 1, 1e-12),                                                      \
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "hidden_act", "gelu"),                                                   \
  GTF_CONFIG_BOOL_FIELD (GtfTextConfig, is_decoder, "is_decoder", FALSE),                                                          \
  GTF_CONFIG_STRING_FIELD (GtfTextConfig, position_type, "position_embedding_type", "absolute")

#define GTF_TEXT_DIM(field) GTF_DIM (GtfTextConfig, field)
#define GTF_TEXT_FIELD(field) G_STRUCT_OFFSET (GtfTextWeights, field)

/* A table of the embeddings, of so many rows. */
#define GTF_TEXT_TABLE(field, name, rows)                                                                                          \
  { GTF_WEIGHT_EMBEDDING, name, GTF_TEXT_FIELD (embeddings.field), 0, { GTF_TEXT_DIM (rows), GTF_TEXT_DIM (embedding_size) } }

/* word_embeddings, position_embeddings, token_type_embeddings and LayerNorm in `prefix`. */
#define GTF_BERT_EMBEDDINGS(prefix)                                                                                                \
  GTF_TEXT_TABLE (tokens, prefix "word_embeddings", vocab_size),                                                                   \
  GTF_TEXT_TABLE (positions, prefix "position_embeddings", n_positions),                                                           \
  GTF_TEXT_TABLE (types, prefix "token_type_embeddings", n_types),                                                                 \
  { GTF_WEIGHT_NORM, prefix "LayerNorm", GTF_TEXT_FIELD (embeddings.norm), 0, { GTF_TEXT_DIM (embedding_size) } }

/* The layer between them and the first block, where embedding_size is not hidden_size. */
#define GTF_TEXT_PROJECTION(name)                                                                                                  \
  { GTF_WEIGHT_LINEAR, name, GTF_TEXT_FIELD (embeddings.projection), 0, { GTF_TEXT_DIM (projection_size), GTF_TEXT_DIM (embedding_size) } }

/* A group of layers, `name` with its %d, by one of the tables below or one like them. */
#define GTF_TEXT_LAYERS(name, table)                                                                                               \
  { GTF_WEIGHT_GROUP, name, .offset = GTF_TEXT_FIELD (layers), .group = table, .group_size = sizeof (GtfEncoderLayer),             \
    .count = GTF_TEXT_DIM (n_layers) }

#define GTF_TEXT_LINEAR(field, name, flags, out, in) { GTF_WEIGHT_LINEAR, name, GTF_TEXT_FIELD (field), flags, { out, in } }
#define GTF_TEXT_NORM(field, name) { GTF_WEIGHT_NORM, name, GTF_TEXT_FIELD (field), 0, { GTF_TEXT_DIM (hidden_size) } }
/* The output of a masked LM, tied to the table of tokens. */
#define GTF_TEXT_LM(name, flags, table)                                                                                            \
  { GTF_WEIGHT_LINEAR, name, GTF_TEXT_FIELD (heads.lm), flags, { GTF_TEXT_DIM (vocab_size), GTF_TEXT_DIM (embedding_size) }, table }

/* A linear layer and a normalisation of a GtfEncoderLayer. */
#define GTF_LAYER_LINEAR(field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (GtfEncoderLayer, field), 0, { out, in } }
#define GTF_LAYER_QKV(name) GTF_LAYER_LINEAR (qkv, name, GTF_DIM_TIMES (GtfTextConfig, hidden_size, 3), GTF_TEXT_DIM (hidden_size))
#define GTF_LAYER_SQUARE(field, name) GTF_LAYER_LINEAR (field, name, GTF_TEXT_DIM (hidden_size), GTF_TEXT_DIM (hidden_size))
#define GTF_LAYER_UP(name) GTF_LAYER_LINEAR (up, name, GTF_TEXT_DIM (inner_size), GTF_TEXT_DIM (hidden_size))
#define GTF_LAYER_DOWN(name) GTF_LAYER_LINEAR (down, name, GTF_TEXT_DIM (hidden_size), GTF_TEXT_DIM (inner_size))
/* The table of distances of relative_key. */
#define GTF_LAYER_DISTANCES(name)                                                                                                  \
  { GTF_WEIGHT_EMBEDDING, name, G_STRUCT_OFFSET (GtfEncoderLayer, distances), 0, { GTF_TEXT_DIM (n_distances), GTF_TEXT_DIM (head_size) } }
#define GTF_LAYER_NORM(field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (GtfEncoderLayer, field), 0, { GTF_TEXT_DIM (hidden_size) } }

/* attention.self.query ..., attention.output.dense, intermediate.dense, output.dense: a GtfEncoderLayer. */
GTF_API const GtfWeight gtf_bert_layer[];

/* The weights of the heads, by the names that BERT gives them ... */
GTF_API const GtfWeight gtf_bert_pooler_optional[];     /* the bare model: pooler.dense, if it is there */
GTF_API const GtfWeight gtf_bert_sequence[];            /* pooler.dense, classifier */
GTF_API const GtfWeight gtf_bert_choice[];              /* the same, one output */
GTF_API const GtfWeight gtf_bert_next_sentence[];       /* pooler.dense, cls.seq_relationship */
GTF_API const GtfWeight gtf_bert_pretraining[];         /* both of cls */
GTF_API const GtfWeight gtf_bert_masked_lm[];           /* cls.predictions */
GTF_API const GtfWeight gtf_text_token[];               /* classifier */
GTF_API const GtfWeight gtf_text_span[];                /* qa_outputs */
/* ... and RoBERTa. */
GTF_API const GtfWeight gtf_roberta_sequence[];         /* classifier.dense, classifier.out_proj */
GTF_API const GtfWeight gtf_roberta_masked_lm[];        /* lm_head */

/* What a head can do. Every head can give features: the base model is in it. */
GTF_API const char *const gtf_text_base_tasks[];
GTF_API const char *const gtf_text_sequence_tasks[];
GTF_API const char *const gtf_text_token_tasks[];
GTF_API const char *const gtf_text_span_tasks[];
GTF_API const char *const gtf_text_masked_lm_tasks[];

/* The heads of a family that names them as BERT does, with `prefix`. Choose the pooler's table of the bare model. */
#define GTF_BERT_HEADS(prefix)                                                                                                     \
  { "ForMaskedLM", gtf_text_masked_lm_tasks, gtf_bert_masked_lm, prefix },                                                         \
  { "ForPreTraining", gtf_text_masked_lm_tasks, gtf_bert_pretraining, prefix },                                                    \
  { "LMHeadModel", gtf_text_masked_lm_tasks, gtf_bert_masked_lm, prefix },                                                         \
  { "ForCausalLM", gtf_text_masked_lm_tasks, gtf_bert_masked_lm, prefix },                                                         \
  { "ForNextSentencePrediction", gtf_text_base_tasks, gtf_bert_next_sentence, prefix },                                            \
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_bert_sequence, prefix },                                             \
  { "ForMultipleChoice", gtf_text_base_tasks, gtf_bert_choice, prefix },                                                           \
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, prefix },                                                      \
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, prefix },                                                          \
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, prefix }

/* And as RoBERTa does: no pooler but in the bare model and in multiple choice. */
#define GTF_ROBERTA_HEADS(prefix)                                                                                                  \
  { "ForMaskedLM", gtf_text_masked_lm_tasks, gtf_roberta_masked_lm, prefix },                                                      \
  { "ForCausalLM", gtf_text_masked_lm_tasks, gtf_roberta_masked_lm, prefix },                                                      \
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_roberta_sequence, prefix },                                          \
  { "ForMultipleChoice", gtf_text_base_tasks, gtf_bert_choice, prefix },                                                           \
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, prefix },                                                      \
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, prefix },                                                          \
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, prefix }

/* The architecture of a family whose config is a GtfTextConfig and whose weights are a GtfTextWeights, or begin with these. */
#define GTF_TEXT_ARCHITECTURE(Config, Weights, ...)                                                                                \
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = gtf_text_config_derive, __VA_ARGS__

/* The struct and the function of a module with pointers to its architectures at the end; NAME as C writes it, `file` as the file has it. */
#define GTF_TEXT_PLUGINS(NAME, file, text, ...)                                                                                    \
  static const GtfArchitecture *const NAME##_architectures[] = { __VA_ARGS__, NULL };                                              \
  static const GtfArchitecturePlugin NAME##_plugin = {                                                                             \
    .head = { GTF_PLUGIN_ABI, sizeof (GtfArchitecturePlugin), file },                                                              \
    .description = text,                                                                                                           \
    .license = "LGPL-2.1-or-later",                                                                                                \
    .architectures = NAME##_architectures,                                                                                         \
  };                                                                                                                               \
  GTF_PLUGIN_EXPORT const GtfArchitecturePlugin *gtf_plugin_##NAME (void);                                                         \
  const GtfArchitecturePlugin *                                                                                                    \
  gtf_plugin_##NAME (void)                                                                                                         \
  {                                                                                                                                \
    return &NAME##_plugin;                                                                                                         \
  }

/* The same with one architecture, not a pointer to it. */
#define GTF_TEXT_PLUGIN(NAME, file, text, arch) GTF_TEXT_PLUGINS (NAME, file, text, &arch)

G_END_DECLS
