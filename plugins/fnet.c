/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FNet: Lee-Thorp et al., "FNet: Mixing Tokens with Fourier Transforms" (2021).
 *
 * BERT with a Fourier transform where attention was: no weights, no mask. docs/models/fnet.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 32000),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "", 1, 1, 1),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_types, "type_vocab_size", 0, 1 << 16, 4),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "hidden_act", "gelu_new"),
  GTF_CONFIG_STRING_FIELD (GtfTextConfig, position_type, "", "absolute"),
  GTF_CONFIG_FIELDS_END
};

static const GtfWeight layer[] = {
  GTF_LAYER_NORM (attention_norm, "fourier.output.LayerNorm"),
  GTF_LAYER_UP ("intermediate.dense"),
  GTF_LAYER_DOWN ("output.dense"),
  GTF_LAYER_NORM (output_norm, "output.LayerNorm"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LINEAR (embeddings.projection, "embeddings.projection", 0, GTF_TEXT_DIM (hidden_size), GTF_TEXT_DIM (hidden_size)),
  GTF_TEXT_LAYERS ("encoder.layer.%d", layer),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { GTF_BERT_HEADS ("fnet"), { NULL } };

static GtfTensor *
layer_forward (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const GtfEncoderLayer *l = &e->layers[i];
  const float eps = (float) e->config->eps;

  x = gtf_layer_norm (c, l->attention_norm, gtf_add (c, gtf_fourier (c, x, e->input->sequences), x), eps);
  return gtf_layer_norm (c, l->output_norm, gtf_feed_forward (c, l->up, e->config->activation, l->down, x, x), eps);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .lm = config->activation, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->layers, .forward = layer_forward };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_encoder_run (c, &encoder, gtf_text_embed (c, config, &w->embeddings, &input, gtf_text_positions (c, &input, 0)));
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "fnet", NULL };

static const GtfArchitecture fnet = {
  GTF_TEXT_ARCHITECTURE (GtfTextConfig, GtfTextWeights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "*.position_ids|*.token_type_ids|*dft_mat*|cls.*|*pooler.*", .forward = forward)
};

GTF_TEXT_PLUGIN (fnet, "fnet", "FNet: text encoder", fnet)
