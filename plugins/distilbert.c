/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DistilBERT: Sanh et al., "DistilBERT, a distilled version of BERT" (2019).
 *
 * BERT without token types and pooler, with names of its own; epsilons are fixed. docs/models/distilbert.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define EPS 1e-12

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "dim|hidden_size", 1, 1 << 16, 768),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "n_layers|num_hidden_layers", 0, 256, 6),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "n_heads|num_attention_heads", 1, 4096, 12),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "hidden_dim", 1, 1 << 20, 3072),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_types, "", 0, 0, 0),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "", 0, 1, EPS),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "activation", "gelu"),
  GTF_CONFIG_STRING_FIELD (GtfTextConfig, position_type, "", "absolute"),
  GTF_CONFIG_FIELDS_END
};

#define HIDDEN GTF_TEXT_DIM (hidden_size)

static const GtfWeight layer[] = {
  GTF_LAYER_QKV ("attention.{q,k,v}_lin"),
  GTF_LAYER_SQUARE (attention_out, "attention.out_lin"),
  GTF_LAYER_NORM (attention_norm, "sa_layer_norm"),
  GTF_LAYER_UP ("ffn.lin1"),
  GTF_LAYER_DOWN ("ffn.lin2"),
  GTF_LAYER_NORM (output_norm, "output_layer_norm"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LAYERS ("transformer.layer.%d", layer),
  { GTF_WEIGHT_END }
};

#define PRE_CLASSIFIER GTF_TEXT_LINEAR (heads.sequence_dense, "pre_classifier", 0, HIDDEN, HIDDEN)

static const GtfWeight sequence[] = { PRE_CLASSIFIER, GTF_TEXT_LINEAR (heads.sequence, "classifier", 0, GTF_TEXT_DIM (n_labels), HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight choice[] = { PRE_CLASSIFIER, GTF_TEXT_LINEAR (heads.choice, "classifier", 0, GTF_DIM_CONST (1), HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight masked_lm[] = {
  GTF_TEXT_LINEAR (heads.lm_dense, "vocab_transform", 0, HIDDEN, HIDDEN),
  GTF_TEXT_NORM (heads.lm_norm, "vocab_layer_norm"),
  GTF_TEXT_LM ("vocab_projector", 0, "embeddings.word_embeddings"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, masked_lm, "distilbert" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, sequence, "distilbert" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "distilbert" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "distilbert" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "distilbert" },
  { "Model", gtf_text_base_tasks, NULL, "distilbert" },
  { NULL }
};

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .sequence = GTF_ACTIVATION_RELU, .lm = config->activation, .eps = EPS };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->layers };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_text_embed (c, config, &w->embeddings, &input, gtf_text_positions (c, &input, 0));
  x = gtf_encoder_run (c, &encoder, x);
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "distilbert", NULL };

static const GtfArchitecture distilbert = {
  GTF_TEXT_ARCHITECTURE (GtfTextConfig, GtfTextWeights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "*.position_ids|vocab_*|pre_classifier.*", .forward = forward)
};

GTF_TEXT_PLUGIN (distilbert, "distilbert", "DistilBERT: text encoder", distilbert)
