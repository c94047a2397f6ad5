/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Megatron-BERT: Shoeybi et al., "Megatron-LM: Training Multi-Billion Parameter Language Models Using Model Parallelism" (2019).
 *
 * BERT with normalisation before attention and before the linear layers, once more after the last layer, and not after the
 * embeddings. docs/models/bert-variants.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 29056),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "hidden_size", 1, 1 << 16, 1024),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 0, 256, 24),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_attention_heads", 1, 4096, 16),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "intermediate_size", 1, 1 << 20, 4096),
  GTF_CONFIG_FIELDS_END
};

static const GtfWeight layer[] = {
  GTF_LAYER_NORM (attention_norm, "attention.ln"),
  GTF_LAYER_QKV ("attention.self.{query,key,value}"),
  GTF_LAYER_DISTANCES ("attention.self.distance_embedding"),
  GTF_LAYER_SQUARE (attention_out, "attention.output.dense"),
  GTF_LAYER_NORM (output_norm, "ln"),
  GTF_LAYER_UP ("intermediate.dense"),
  GTF_LAYER_DOWN ("output.dense"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_TEXT_TABLE (tokens, "embeddings.word_embeddings", vocab_size),
  GTF_TEXT_TABLE (positions, "embeddings.position_embeddings", n_positions),
  GTF_TEXT_TABLE (types, "embeddings.token_type_embeddings", n_types),
  GTF_TEXT_LAYERS ("encoder.layer.%d", layer),
  GTF_TEXT_NORM (final_norm, "encoder.ln"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { GTF_BERT_HEADS ("bert"), { NULL } };

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .lm = config->activation, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->layers, .norm_first = TRUE, .final_norm = w->final_norm };
  GtfTensor *positions, *x;

  if (!gtf_text_input (c, &input))
    return;
  positions = config->n_distances == 0 ? gtf_text_positions (c, &input, 0) : NULL;
  x = gtf_encoder_run (c, &encoder, gtf_text_embed (c, config, &w->embeddings, &input, positions));
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "megatron-bert", NULL };

static const GtfArchitecture megatron_bert = {
  GTF_TEXT_ARCHITECTURE (GtfTextConfig, GtfTextWeights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "*.position_ids|cls.*|*pooler.*", .forward = forward)
};

GTF_TEXT_PLUGIN (megatron_bert, "megatron-bert", "Megatron-BERT: text encoder", megatron_bert)
