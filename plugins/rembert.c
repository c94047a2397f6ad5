/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RemBERT: Chung et al., "Rethinking Embedding Coupling in Pre-trained Language Models" (2020).
 *
 * BERT with small embeddings at the input, projected up once, and large ones at the output, which are not the same table.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 output_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 250300),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "hidden_size", 1, 1 << 16, 1152),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, embedding_size, "input_embedding_size", 1, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 0, 256, 32),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_attention_heads", 1, 4096, 18),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "intermediate_size", 1, 1 << 20, 4608),
  GTF_CONFIG_INT_FIELD (Config, output_size, "output_embedding_size", 1, 1 << 16, 1664),
  GTF_CONFIG_FIELDS_END
};

#define OUTPUT GTF_DIM (Config, output_size)

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LINEAR (embeddings.projection, "encoder.embedding_hidden_mapping_in", 0, GTF_TEXT_DIM (hidden_size), GTF_TEXT_DIM (embedding_size)),
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};

static const GtfWeight masked_lm[] = {
  GTF_TEXT_LINEAR (heads.lm_dense, "cls.predictions.dense", 0, OUTPUT, GTF_TEXT_DIM (hidden_size)),
  { GTF_WEIGHT_NORM, "cls.predictions.LayerNorm", GTF_TEXT_FIELD (heads.lm_norm), 0, { OUTPUT } },
  GTF_TEXT_LINEAR (heads.lm, "cls.predictions.decoder", 0, GTF_TEXT_DIM (vocab_size), OUTPUT),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, masked_lm, "rembert" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_bert_sequence, "rembert" },
  { "ForMultipleChoice", gtf_text_base_tasks, gtf_bert_choice, "rembert" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "rembert" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "rembert" },
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, "rembert" },
  { NULL }
};

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .lm = config->activation, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->layers };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_text_embed (c, config, &w->embeddings, &input, gtf_text_positions (c, &input, 0));
  gtf_text_outputs (c, &w->heads, &style, &input, gtf_encoder_run (c, &encoder, x));
}

static const char *const model_types[] = { "rembert", NULL };

static const GtfArchitecture rembert = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types,
  .config_size = sizeof (Config),
  .config = config_fields,
  .derive = gtf_text_config_derive,
  .weights_size = sizeof (GtfTextWeights),
  .weights = weights,
  .heads = heads,
  .ignored = "*.position_ids|cls.*|*pooler.*|classifier.*",
  .forward = forward,
};

GTF_TEXT_PLUGIN (rembert, "rembert", "RemBERT: multilingual text encoder", rembert)
