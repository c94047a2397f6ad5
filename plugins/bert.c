/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * BERT: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding" (2018).
 *
 * Everything is the encoder that core/layers has, since other families are named after this one. docs/models/bert.md tells what
 * is easily got wrong.
 */
#include <gtf/gtf.h>

static const GtfConfigField config_fields[] = { GTF_TEXT_CONFIG_FIELDS, GTF_CONFIG_FIELDS_END };

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
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
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->layers };
  GtfTensor *positions, *x;

  if (!gtf_text_input (c, &input))
    return;
  positions = config->n_distances == 0 ? gtf_text_positions (c, &input, 0) : NULL;
  x = gtf_text_embed (c, config, &w->embeddings, &input, positions);
  x = gtf_encoder_run (c, &encoder, x);
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "bert", NULL };

static const GtfArchitecture bert = {
  GTF_TEXT_ARCHITECTURE (GtfTextConfig, GtfTextWeights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "*.position_ids|*.token_type_ids|cls.*|*pooler.*", .forward = forward)
};

GTF_TEXT_PLUGIN (bert, "bert", "BERT: text encoder", bert)
