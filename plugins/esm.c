/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ESM-1b and ESM-2, protein language models: Rives et al., "Biological structure and function emerge from scaling unsupervised learning to 250
 * million protein sequences" (2019); Lin et al., "Language models of protein sequences at the scale of evolution" (2022).
 *
 * Normalisation comes first, positions are absolute or rotary, and masked tokens are dropped. docs/models/esm.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 mask_token_id, embedding_norm_size;
  gboolean norm_before, token_dropout, is_rotary;
  double theta;
  const char *positions;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_REQUIRED (Config, text.vocab_size, "vocab_size", 1, 1 << 24),
  GTF_CONFIG_INT_FIELD (Config, text.n_positions, "max_position_embeddings", 1, 1 << 24, 1026),
  GTF_CONFIG_INT_FIELD (Config, text.n_types, "", 0, 0, 0),
  GTF_CONFIG_INT_FIELD (Config, text.pad_token_id, "pad_token_id", 0, 1 << 24, 1),
  GTF_CONFIG_ACTIVATION_FIELD (Config, text.activation, "", "gelu"),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_STRING_FIELD (Config, positions, "position_embedding_type", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, mask_token_id, "mask_token_id", 0, 1 << 24, -1),
  GTF_CONFIG_BOOL_FIELD (Config, norm_before, "emb_layer_norm_before", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, token_dropout, "token_dropout", FALSE),
  GTF_CONFIG_FLOAT_FIELD (Config, theta, "rope_theta|rope_parameters.rope_theta", 1, 1e12, 10000),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->is_rotary = g_str_equal (config->positions, "rotary");
  if (!config->is_rotary && !g_str_equal (config->positions, "absolute"))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "position_embedding_type: \"%.60s\" is unknown, expected absolute or rotary", config->positions);
      return FALSE;
    }
  if (config->is_rotary)
    config->text.n_positions = 0;
  if (!config->token_dropout)
    config->mask_token_id = -1;
  config->embedding_norm_size = config->norm_before ? config->text.hidden_size : 0;
  return gtf_text_config_derive (data, error);
}

static const GtfWeight layer[] = {
  GTF_LAYER_NORM (attention_norm, "attention.LayerNorm"),
  GTF_LAYER_QKV ("attention.self.{query,key,value}"),
  GTF_LAYER_SQUARE (attention_out, "attention.output.dense"),
  GTF_LAYER_NORM (output_norm, "LayerNorm"),
  GTF_LAYER_UP ("intermediate.dense"),
  GTF_LAYER_DOWN ("output.dense"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_TEXT_TABLE (tokens, "embeddings.word_embeddings", vocab_size),
  GTF_TEXT_TABLE (positions, "embeddings.position_embeddings", n_positions),
  { GTF_WEIGHT_NORM, "embeddings.layer_norm", GTF_TEXT_FIELD (embeddings.norm), 0, { GTF_DIM (Config, embedding_norm_size) } },
  GTF_TEXT_LAYERS ("encoder.layer.%d", layer),
  GTF_TEXT_NORM (final_norm, "encoder.emb_layer_norm_after"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, gtf_roberta_masked_lm, "esm" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_roberta_sequence, "esm" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "esm" },
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, "esm" },
  { NULL }
};

/* Tokens of a mask are 0, and what is left grows by how much less is masked than in training; padding is 0 in the end. */
static GtfTensor *
embed (GtfContext *c, const Config *config, const GtfTextEmbeddings *w, const GtfTextInput *input)
{
  const double in_training = 0.15 * 0.8;
  GtfTensor *x = gtf_embedding (c, w->tokens, input->ids);

  if (config->token_dropout)
    x = gtf_text_drop_tokens (c, input, x, config->mask_token_id, in_training);
  if (!config->is_rotary)
    x = gtf_add (c, x, gtf_embedding (c, w->positions, gtf_text_positions_past_padding (c, input, config->text.pad_token_id)));
  return gtf_zero_padding (c, gtf_text_embed_norm (c, &config->text, w, x), input->mask);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .sequence = GTF_ACTIVATION_TANH, .lm = GTF_ACTIVATION_GELU, .eps = (float) config->text.eps };
  const GtfRotary rotary = { .dims = config->text.head_size, .theta = config->theta };
  GtfTextInput input;
  GtfEncoder encoder = { .config = &config->text, .input = &input, .layers = w->layers, .norm_first = TRUE, .final_norm = w->final_norm };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  if (config->is_rotary)
    encoder.rotary = gtf_rotary_table (c, input.longest, &rotary);
  x = gtf_encoder_run (c, &encoder, embed (c, config, &w->embeddings, &input));
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "esm", NULL };

static const GtfArchitecture esm = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (GtfTextWeights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|*.position_embeddings.weight|*inv_freq|*contact_head.*|lm_head.*|*pooler.*", .forward = forward
};

GTF_TEXT_PLUGIN (esm, "esm", "ESM: encoder of proteins", esm)
