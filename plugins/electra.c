/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ELECTRA: Clark et al., "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators" (2020).
 *
 * BERT with a narrower embedding and heads of its own. docs/models/electra.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  const char *summary_type;
  gboolean summary_use_proj;
  GtfActivation summary_activation;
  gint64 summary_size;              /* computed: 0 without a projection */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.embedding_size, "embedding_size", 1, 1 << 16, 128),
  GTF_CONFIG_INT_FIELD (Config, text.hidden_size, "hidden_size", 1, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (Config, text.n_heads, "num_attention_heads", 1, 4096, 4),
  GTF_CONFIG_INT_FIELD (Config, text.inner_size, "intermediate_size", 1, 1 << 20, 1024),
  GTF_CONFIG_STRING_FIELD (Config, summary_type, "summary_type", "first"),
  GTF_CONFIG_BOOL_FIELD (Config, summary_use_proj, "summary_use_proj", TRUE),
  GTF_CONFIG_ACTIVATION_FIELD (Config, summary_activation, "summary_activation", "gelu"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->summary_size = config->summary_use_proj ? config->text.hidden_size : 0;
  return gtf_text_config_derive (data, error);
}

#define HIDDEN GTF_TEXT_DIM (hidden_size)

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_PROJECTION ("embeddings_project"),
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};

static const GtfWeight masked_lm[] = {
  GTF_TEXT_LINEAR (heads.lm_dense, "generator_predictions.dense", 0, GTF_TEXT_DIM (embedding_size), HIDDEN),
  { GTF_WEIGHT_NORM, "generator_predictions.LayerNorm", GTF_TEXT_FIELD (heads.lm_norm), 0, { GTF_TEXT_DIM (embedding_size) } },
  GTF_TEXT_LM ("generator_lm_head", 0, "embeddings.word_embeddings"),
  { GTF_WEIGHT_END }
};
static const GtfWeight pretraining[] = {
  GTF_TEXT_LINEAR (heads.token_dense, "discriminator_predictions.dense", 0, HIDDEN, HIDDEN),
  GTF_TEXT_LINEAR (heads.detection, "discriminator_predictions.dense_prediction", 0, GTF_DIM_CONST (1), HIDDEN),
  { GTF_WEIGHT_END }
};
static const GtfWeight choice[] = {
  GTF_TEXT_LINEAR (heads.sequence_dense, "sequence_summary.summary", 0, GTF_DIM (Config, summary_size), HIDDEN),
  GTF_TEXT_LINEAR (heads.choice, "classifier", 0, GTF_DIM_CONST (1), HIDDEN),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForPreTraining", gtf_text_base_tasks, pretraining, "electra" },
  { "ForMaskedLM", gtf_text_masked_lm_tasks, masked_lm, "electra" },
  { "ForCausalLM", gtf_text_masked_lm_tasks, masked_lm, "electra" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_roberta_sequence, "electra" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "electra" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "electra" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "electra" },
  { "Model", gtf_text_base_tasks, NULL, "electra" },
  { NULL }
};

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *own = f->config;
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  /* the choice is summarised, everything else classified as RoBERTa does it, but by GELU */
  const GtfTextHeadStyle style = { .sequence = w->heads.choice != NULL ? own->summary_activation : GTF_ACTIVATION_GELU, .sequence_always = w->heads.choice != NULL,
                                   .token = config->activation,
                                   .lm = GTF_ACTIVATION_GELU, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->layers };
  GtfTensor *positions, *x;

  if (!gtf_text_input (c, &input))
    return;
  if (w->heads.choice != NULL && g_strcmp0 (own->summary_type, "first") != 0)
    {
      gtf_fail (c, "summary_type: \"%.60s\" is not supported, expected \"first\"", own->summary_type);
      return;
    }
  positions = config->n_distances == 0 ? gtf_text_positions (c, &input, 0) : NULL;
  x = gtf_text_embed (c, config, &w->embeddings, &input, positions);
  x = gtf_encoder_run (c, &encoder, x);
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "electra", NULL };

static const GtfArchitecture electra = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (GtfTextWeights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|generator_*|discriminator_*", .forward = forward
};

GTF_TEXT_PLUGIN (electra, "electra", "ELECTRA: text encoder", electra)
