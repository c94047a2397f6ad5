/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RoBERTa: Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach" (2019), and the families that are it with other
 * weights: XLM-RoBERTa (Conneau et al. 2019), CamemBERT (Martin et al. 2019), data2vec for text (Baevski et al. 2022), I-BERT before it is quantised (Kim et al. 2021).
 *
 * BERT, but positions are counted past the padding, and the heads are others. docs/models/roberta.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 50265),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, pad_token_id, "pad_token_id", 0, 1 << 24, 1),
  GTF_CONFIG_FIELDS_END
};

typedef struct
{
  GtfTextConfig text;
  gboolean quant_mode;
} IbertConfig;

static const GtfConfigField ibert_config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (IbertConfig, text.pad_token_id, "pad_token_id", 0, 1 << 24, 1),
  GTF_CONFIG_STRING_FIELD (IbertConfig, text.position_type, "", "absolute"),
  GTF_CONFIG_ACTIVATION_FIELD (IbertConfig, text.activation, "", "gelu"),
  GTF_CONFIG_BOOL_FIELD (IbertConfig, quant_mode, "quant_mode", FALSE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
ibert_derive (gpointer data, GError **error)
{
  if (!((const IbertConfig *) data)->quant_mode)
    return gtf_text_config_derive (data, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "quant_mode: only the float form of I-BERT is computed");
  return FALSE;
}

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { GTF_ROBERTA_HEADS ("roberta"), { NULL } };
static const GtfHead ibert_heads[] = { GTF_ROBERTA_HEADS ("ibert"), { NULL } };
static const GtfHead data2vec_heads[] = { GTF_ROBERTA_HEADS ("data2vec_text"), { NULL } };

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .sequence = GTF_ACTIVATION_TANH, .lm = GTF_ACTIVATION_GELU, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->layers };
  GtfTensor *positions, *x;

  if (!gtf_text_input (c, &input))
    return;
  positions = config->n_distances == 0 ? gtf_text_positions_past_padding (c, &input, config->pad_token_id) : NULL;
  x = gtf_text_embed (c, config, &w->embeddings, &input, positions);
  x = gtf_encoder_run (c, &encoder, x);
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

#define IGNORED "*.position_ids|*.token_type_ids|lm_head.*|*pooler.*"

static const char *const model_types[] = { "roberta", "xlm-roberta", "camembert", NULL };
static const char *const ibert_types[] = { "ibert", NULL };
static const char *const data2vec_types[] = { "data2vec-text", NULL };

static const GtfArchitecture roberta = {
  GTF_TEXT_ARCHITECTURE (GtfTextConfig, GtfTextWeights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads, .ignored = IGNORED, .forward = forward)
};
static const GtfArchitecture data2vec = {
  GTF_TEXT_ARCHITECTURE (GtfTextConfig, GtfTextWeights, .model_types = data2vec_types, .config = config_fields, .weights = weights, .heads = data2vec_heads, .ignored = IGNORED, .forward = forward)
};

static const GtfArchitecture ibert = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (IbertConfig), .weights_size = sizeof (GtfTextWeights), .derive = ibert_derive,
  .model_types = ibert_types, .config = ibert_config_fields, .weights = weights, .heads = ibert_heads,
  .ignored = IGNORED "|*scaling_factor*|*_integer|*.x_min|*.x_max|*.act_scaling*|*.shift", .forward = forward
};

GTF_TEXT_PLUGINS (roberta, "roberta", "RoBERTa, XLM-RoBERTa, CamemBERT, data2vec-text, I-BERT: text encoders", &roberta, &data2vec, &ibert)
