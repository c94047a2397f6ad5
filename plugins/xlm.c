/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * XLM: Lample, Conneau, "Cross-lingual Language Model Pretraining" (2019), and FlauBERT: Le et al., "FlauBERT: Unsupervised Language Model
 * Pre-training for French" (2019).
 *
 * BERT with an embedding of the language beside those of word and position, and no token types of its own. FlauBERT can normalise
 * before each block. docs/models/xlm.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  GtfTextSummary summary;
  gint64 n_langs;
  gboolean use_lang_emb, gelu, causal, pre_norm, asm_output, is_encoder;
  /* by derive () */
  gint64 lang_rows;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size|n_words", 1, 1 << 24, 30145),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "emb_dim|hidden_size", 1, 1 << 16, 2048),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "n_layers|num_hidden_layers", 0, 256, 12),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "n_heads|num_attention_heads", 1, 4096, 16),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, pad_token_id, "pad_token_id|pad_index", -1, 1 << 24, 2),
  GTF_TEXT_SUMMARY_FIELDS (Config, summary, "first", "linear"),
  GTF_CONFIG_BOOL_FIELD (Config, summary.to_labels, "summary_proj_to_labels", TRUE),
  GTF_CONFIG_INT_FIELD (Config, n_langs, "n_langs", 1, 1 << 16, 1),
  GTF_CONFIG_BOOL_FIELD (Config, use_lang_emb, "use_lang_emb", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, gelu, "gelu_activation", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, causal, "causal", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, pre_norm, "pre_norm", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, asm_output, "asm", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, is_encoder, "is_encoder", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (!gtf_text_config_derive (config, error) || !gtf_text_summary_derive (&config->summary, &config->text, error))
    return FALSE;
  if (!config->is_encoder || config->asm_output)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s is not supported", config->asm_output ? "the adaptive softmax (asm)" : "a decoder (is_encoder: false)");
      return FALSE;
    }
  config->text.inner_size = 4 * config->text.hidden_size;
  config->text.activation = config->gelu ? GTF_ACTIVATION_GELU : GTF_ACTIVATION_RELU;
  config->text.is_decoder = config->causal;
  config->lang_rows = config->n_langs > 1 && config->use_lang_emb ? config->n_langs : 0;
  return TRUE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  GtfTextWeights text;
  const GtfEmbedding *langs;
  const GtfLinear *summary;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define LAYER(field) G_STRUCT_OFFSET (GtfEncoderLayer, field)
#define LAYER_NORM(field, name) { GTF_WEIGHT_NORM, name, LAYER (field), 0, { HIDDEN } }

static const GtfWeight layer_weights[] = {
  { GTF_WEIGHT_LINEAR, "attentions.%d.{q_lin,k_lin,v_lin}", LAYER (qkv), 0, { GTF_DIM_TIMES (GtfTextConfig, hidden_size, 3), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "attentions.%d.out_lin", LAYER (attention_out), 0, { HIDDEN, HIDDEN } },
  LAYER_NORM (attention_norm, "layer_norm1.%d"),
  { GTF_WEIGHT_LINEAR, "ffns.%d.lin1", LAYER (up), 0, { GTF_TEXT_DIM (inner_size), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "ffns.%d.lin2", LAYER (down), 0, { HIDDEN, GTF_TEXT_DIM (inner_size) } },
  LAYER_NORM (output_norm, "layer_norm2.%d"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_EMBEDDING, "embeddings", GTF_TEXT_FIELD (embeddings.tokens), 0, { GTF_TEXT_DIM (vocab_size), HIDDEN } },
  { GTF_WEIGHT_EMBEDDING, "position_embeddings", GTF_TEXT_FIELD (embeddings.positions), 0, { GTF_TEXT_DIM (n_positions), HIDDEN } },
  { GTF_WEIGHT_EMBEDDING, "lang_embeddings", G_STRUCT_OFFSET (Weights, langs), 0, { GTF_DIM (Config, lang_rows), HIDDEN } },
  GTF_TEXT_NORM (embeddings.norm, "layer_norm_emb"),
  GTF_TEXT_LAYERS ("", layer_weights),
  { GTF_WEIGHT_END }
};

#define SUMMARY GTF_TEXT_SUMMARY_WEIGHT (Weights, summary, Config, summary)

static const GtfWeight lm[] = { GTF_TEXT_LM ("pred_layer.proj", 0, "embeddings"), { GTF_WEIGHT_END } };
static const GtfWeight sequence[] = { SUMMARY, { GTF_WEIGHT_END } };
static const GtfWeight choice[] = { SUMMARY, GTF_TEXT_LINEAR (heads.choice, "logits_proj", 0, GTF_DIM_CONST (1), GTF_TEXT_DIM (n_labels)), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "WithLMHeadModel", gtf_text_masked_lm_tasks, lm, "transformer" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, sequence, "transformer" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "transformer" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "transformer" },
  { "ForQuestionAnsweringSimple", gtf_text_span_tasks, gtf_text_span, "transformer" },
  { "Model", gtf_text_base_tasks, NULL, "transformer" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

static GtfTensor *
embed (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input)
{
  const GtfTextEmbeddings *e = &w->text.embeddings;
  const GtfTensor *langs = w->langs != NULL ? gtf_input_optional (c, "langs") : NULL;
  GtfTensor *x;

  if (input->longest > config->text.n_positions)
    gtf_fail (c, "%" G_GINT64_FORMAT " tokens are more than the %" G_GINT64_FORMAT " positions of the model", input->longest, config->text.n_positions);
  x = gtf_embedding (c, e->tokens, input->ids);
  x = gtf_add (c, x, gtf_embedding (c, e->positions, gtf_text_positions (c, input, 0)));
  if (langs != NULL)
    x = gtf_add (c, x, gtf_reshape (c, gtf_embedding (c, w->langs, langs), 3, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 1), gtf_dim (x, 2) }));
  /* types are rows of the table of words */
  if (input->types != NULL)
    x = gtf_add (c, x, gtf_embedding (c, e->tokens, input->types));
  return gtf_zero_padding (c, gtf_layer_norm (c, e->norm, x, (float) config->text.eps), input->mask);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeads *h = &w->text.heads;
  const GtfTextHeadStyle style = { .eps = (float) config->text.eps };
  const gboolean summarizes = g_str_has_suffix (f->head->class_suffix, "SequenceClassification") || h->choice != NULL;
  GtfTextInput input;
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .layers = w->text.layers, .norm_first = config->pre_norm };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_encoder_run (c, &encoder, embed (c, config, w, &input));
  if (!summarizes)
    {
      gtf_text_outputs (c, h, &style, &input, x);
      return;
    }
  gtf_output (c, "last_hidden_state", x);
  /* AutoModel, which features are asked of, has no summary; a choice may not fit its own (summary_proj_to_labels: false) */
  if (gtf_wants (c, "last_hidden_state") && !gtf_wants (c, "logits"))
    return;
  x = gtf_text_summary (c, &config->summary, w->summary, &input, x);
  if (h->choice != NULL)
    x = gtf_reshape (c, gtf_linear (c, h->choice, x), 2, (gint64[]){ -1, input.n_choices });
  gtf_output (c, "logits", x);
}

static const char *const model_types[] = { "xlm", "flaubert", NULL };

static const GtfArchitecture xlm = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types,
  .config_size = sizeof (Config),
  .config = config_fields,
  .derive = derive,
  .weights_size = sizeof (Weights),
  .weights = weights,
  .heads = heads,
  .ignored = "*position_ids|pred_layer.*|sequence_summary.*|logits_proj.*|*lang_embeddings.*",
  .forward = forward,
};

GTF_TEXT_PLUGIN (xlm, "xlm", "XLM, FlauBERT: text encoders", xlm)
