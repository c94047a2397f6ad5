/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RoBERTa with normalisation before attention and before the linear layers, and once more after the last layer: RoBERTa-PreLayerNorm (Ott
 * et al., "fairseq", 2019), XLM-RoBERTa-XL (Goyal et al., "Larger-Scale Transformers for Multilingual Masked Language Modeling", 2021).
 *
 * docs/models/bert-variants.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 50265),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, pad_token_id, "pad_token_id", 0, 1 << 24, 1),
  GTF_CONFIG_FIELDS_END
};

static const GtfConfigField xl_config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 250880),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "hidden_size", 1, 1 << 16, 2560),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 0, 256, 36),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_attention_heads", 1, 4096, 32),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "intermediate_size", 1, 1 << 20, 10240),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 514),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_types, "type_vocab_size", 0, 1 << 16, 1),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, pad_token_id, "pad_token_id", 0, 1 << 24, 1),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_FIELDS_END
};

#define LAYER(before_attention, before_linear)                                                                                     \
  GTF_LAYER_NORM (attention_norm, before_attention),                                                                               \
  GTF_LAYER_QKV ("attention.self.{query,key,value}"),                                                                              \
  GTF_LAYER_DISTANCES ("attention.self.distance_embedding"),                                                                       \
  GTF_LAYER_SQUARE (attention_out, "attention.output.dense"),                                                                      \
  GTF_LAYER_NORM (output_norm, before_linear),                                                                                     \
  GTF_LAYER_UP ("intermediate.dense"),                                                                                             \
  GTF_LAYER_DOWN ("output.dense")

static const GtfWeight layer[] = { LAYER ("attention.LayerNorm", "intermediate.LayerNorm"), { GTF_WEIGHT_END } };
static const GtfWeight xl_layer[] = { LAYER ("attention.self_attn_layer_norm", "LayerNorm"), { GTF_WEIGHT_END } };

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LAYERS ("encoder.layer.%d", layer),
  GTF_TEXT_NORM (final_norm, "LayerNorm"),
  { GTF_WEIGHT_END }
};

/* The larger one does not normalise its embeddings. */
static const GtfWeight xl_weights[] = {
  GTF_TEXT_TABLE (tokens, "embeddings.word_embeddings", vocab_size),
  GTF_TEXT_TABLE (positions, "embeddings.position_embeddings", n_positions),
  GTF_TEXT_TABLE (types, "embeddings.token_type_embeddings", n_types),
  GTF_TEXT_LAYERS ("encoder.layer.%d", xl_layer),
  GTF_TEXT_NORM (final_norm, "encoder.LayerNorm"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { GTF_ROBERTA_HEADS ("roberta_prelayernorm"), { NULL } };
static const GtfHead xl_heads[] = { GTF_ROBERTA_HEADS ("roberta"), { NULL } };

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .sequence = GTF_ACTIVATION_TANH, .lm = GTF_ACTIVATION_GELU, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->layers, .norm_first = TRUE, .final_norm = w->final_norm };
  GtfTensor *positions, *x;

  if (!gtf_text_input (c, &input))
    return;
  positions = config->n_distances == 0 ? gtf_text_positions_past_padding (c, &input, config->pad_token_id) : NULL;
  x = gtf_encoder_run (c, &encoder, gtf_text_embed (c, config, &w->embeddings, &input, positions));
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

#define IGNORED "*.position_ids|lm_head.*|*pooler.*"

static const char *const model_types[] = { "roberta-prelayernorm", NULL };
static const char *const xl_types[] = { "xlm-roberta-xl", NULL };

static const GtfArchitecture prelayernorm = {
  GTF_TEXT_ARCHITECTURE (GtfTextConfig, GtfTextWeights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads, .ignored = IGNORED, .forward = forward)
};
static const GtfArchitecture xl = {
  GTF_TEXT_ARCHITECTURE (GtfTextConfig, GtfTextWeights, .model_types = xl_types, .config = xl_config_fields, .weights = xl_weights, .heads = xl_heads, .ignored = IGNORED, .forward = forward)
};

GTF_TEXT_PLUGINS (roberta_prelayernorm, "roberta-prelayernorm", "RoBERTa-PreLayerNorm, XLM-RoBERTa-XL: text encoders", &prelayernorm, &xl)
