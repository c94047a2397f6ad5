/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tables of text-weights.h. Names are those of the state dicts of transformers.
 */
#include "layers/text-weights.h"

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define EMBEDDED GTF_TEXT_DIM (embedding_size)
#define LABELS GTF_TEXT_DIM (n_labels)

const GtfWeight gtf_bert_layer[] = {
  GTF_LAYER_QKV ("attention.self.{query,key,value}"),
  GTF_LAYER_DISTANCES ("attention.self.distance_embedding"),
  GTF_LAYER_SQUARE (attention_out, "attention.output.dense"),
  GTF_LAYER_NORM (attention_norm, "attention.output.LayerNorm"),
  GTF_LAYER_UP ("intermediate.dense"),
  GTF_LAYER_DOWN ("output.dense"),
  GTF_LAYER_NORM (output_norm, "output.LayerNorm"),
  { GTF_WEIGHT_END }
};

#define POOLER(flags) GTF_TEXT_LINEAR (heads.pooler, "pooler.dense", flags, HIDDEN, HIDDEN)
#define PREDICTIONS                                                                                                                \
  GTF_TEXT_LINEAR (heads.lm_dense, "cls.predictions.transform.dense", 0, EMBEDDED, HIDDEN),                                        \
  { GTF_WEIGHT_NORM, "cls.predictions.transform.LayerNorm", GTF_TEXT_FIELD (heads.lm_norm), 0, { EMBEDDED } },                     \
  GTF_TEXT_LM ("cls.predictions.decoder", GTF_WEIGHT_PARENT_BIAS, "embeddings.word_embeddings")
#define NEXT_SENTENCE GTF_TEXT_LINEAR (heads.next_sentence, "cls.seq_relationship", 0, GTF_DIM_CONST (2), HIDDEN)

const GtfWeight gtf_bert_pooler_optional[] = { POOLER (GTF_WEIGHT_OPTIONAL), { GTF_WEIGHT_END } };
const GtfWeight gtf_bert_sequence[] = { POOLER (0), GTF_TEXT_LINEAR (heads.sequence, "classifier", 0, LABELS, HIDDEN), { GTF_WEIGHT_END } };
const GtfWeight gtf_bert_choice[] = { POOLER (0), GTF_TEXT_LINEAR (heads.choice, "classifier", 0, GTF_DIM_CONST (1), HIDDEN), { GTF_WEIGHT_END } };
const GtfWeight gtf_bert_next_sentence[] = { POOLER (0), NEXT_SENTENCE, { GTF_WEIGHT_END } };
const GtfWeight gtf_bert_pretraining[] = { POOLER (0), PREDICTIONS, NEXT_SENTENCE, { GTF_WEIGHT_END } };
const GtfWeight gtf_bert_masked_lm[] = { POOLER (GTF_WEIGHT_OPTIONAL), PREDICTIONS, { GTF_WEIGHT_END } };
const GtfWeight gtf_text_token[] = { GTF_TEXT_LINEAR (heads.token, "classifier", 0, LABELS, HIDDEN), { GTF_WEIGHT_END } };
const GtfWeight gtf_text_span[] = { GTF_TEXT_LINEAR (heads.span, "qa_outputs", 0, GTF_DIM_CONST (2), HIDDEN), { GTF_WEIGHT_END } };

const GtfWeight gtf_roberta_sequence[] = {
  GTF_TEXT_LINEAR (heads.sequence_dense, "classifier.dense", 0, HIDDEN, HIDDEN),
  GTF_TEXT_LINEAR (heads.sequence, "classifier.out_proj", 0, LABELS, HIDDEN),
  { GTF_WEIGHT_END }
};
const GtfWeight gtf_roberta_masked_lm[] = {
  GTF_TEXT_LINEAR (heads.lm_dense, "lm_head.dense", 0, EMBEDDED, HIDDEN),
  { GTF_WEIGHT_NORM, "lm_head.layer_norm", GTF_TEXT_FIELD (heads.lm_norm), 0, { EMBEDDED } },
  GTF_TEXT_LM ("lm_head.decoder", GTF_WEIGHT_PARENT_BIAS, "embeddings.word_embeddings"),
  { GTF_WEIGHT_END }
};

#define FEATURES "feature-extraction", "sentence-embedding", "sentence-similarity"

const char *const gtf_text_base_tasks[] = { FEATURES, NULL };
const char *const gtf_text_sequence_tasks[] = { "text-classification", "zero-shot-classification", "text-ranking", FEATURES, NULL };
const char *const gtf_text_token_tasks[] = { "token-classification", FEATURES, NULL };
const char *const gtf_text_span_tasks[] = { "question-answering", FEATURES, NULL };
const char *const gtf_text_masked_lm_tasks[] = { "fill-mask", FEATURES, NULL };
