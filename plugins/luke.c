/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * LUKE: Yamada et al., "LUKE: Deep Contextualized Entity Representations with Entity-aware Self-attention" (2020), and its multilingual
 * form (Ri et al. 2022), their words: without entities the reference computes just this.
 *
 * RoBERTa's embeddings and output, BERT's other heads. docs/models/bert-variants.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 50267),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, pad_token_id, "pad_token_id", 0, 1 << 24, 1),
  GTF_CONFIG_STRING_FIELD (GtfTextConfig, position_type, "", "absolute"),
  GTF_CONFIG_FIELDS_END
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, gtf_roberta_masked_lm, "luke" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_bert_sequence, "luke" },
  { "ForMultipleChoice", gtf_text_base_tasks, gtf_bert_choice, "luke" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "luke" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "luke" },
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, "luke" },
  { NULL }
};

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .lm = GTF_ACTIVATION_GELU, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->layers };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_text_embed (c, config, &w->embeddings, &input, gtf_text_positions_past_padding (c, &input, config->pad_token_id));
  gtf_text_outputs (c, &w->heads, &style, &input, gtf_encoder_run (c, &encoder, x));
}

static const char *const model_types[] = { "luke", NULL };

/* The queries between words and entities, and all that only entities have, are of no use here. */
static const GtfArchitecture luke = {
  GTF_TEXT_ARCHITECTURE (GtfTextConfig, GtfTextWeights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "*.position_ids|*entity_embeddings*|entity_predictions.*|*.w2e_query.*|*.e2w_query.*|*.e2e_query.*|lm_head.*|*pooler.*", .forward = forward)
};

GTF_TEXT_PLUGIN (luke, "luke", "LUKE: text encoder, its words", luke)
