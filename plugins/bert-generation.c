/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * BertGeneration: Rothe et al., "Leveraging Pre-trained Checkpoints for Sequence Generation Tasks" (2019), its encoder, and its decoder
 * without an encoder to look at.
 *
 * BERT without token types and pooler. docs/models/bert-variants.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 50358),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "hidden_size", 1, 1 << 16, 1024),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 0, 256, 24),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_attention_heads", 1, 4096, 16),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "intermediate_size", 1, 1 << 20, 4096),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_types, "", 0, 0, 0),
  GTF_CONFIG_STRING_FIELD (GtfTextConfig, position_type, "", "absolute"),
  GTF_CONFIG_FIELDS_END
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder[] = { GTF_TEXT_LM ("lm_head.decoder", GTF_WEIGHT_PARENT_BIAS, "embeddings.word_embeddings"), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "Encoder", gtf_text_base_tasks, NULL, "bert" },
  { "Decoder", gtf_text_masked_lm_tasks, decoder, "bert" },
  { "Model", gtf_text_base_tasks, NULL, "bert" },
  { NULL }
};

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->layers };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_encoder_run (c, &encoder, gtf_text_embed (c, config, &w->embeddings, &input, gtf_text_positions (c, &input, 0)));
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "bert-generation", NULL };

static const GtfArchitecture bert_generation = {
  GTF_TEXT_ARCHITECTURE (GtfTextConfig, GtfTextWeights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "*.position_ids|lm_head.*", .forward = forward)
};

GTF_TEXT_PLUGIN (bert_generation, "bert-generation", "BertGeneration: text encoder", bert_generation)
