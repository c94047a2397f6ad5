/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * BigBird: Zaheer et al., "Big Bird: Transformers for Longer Sequences" (2020).
 *
 * BERT whose attention, for long texts, goes by blocks. docs/models/big_bird.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>
#include <string.h>

typedef struct
{
  GtfTextConfig text;
  const char *attention_type;
  gint64 block_size, n_random, sep_token_id;
  gboolean rescale_embeddings;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 50358),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 4096),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "hidden_act", "gelu_new"),
  GTF_CONFIG_STRING_FIELD (Config, attention_type, "attention_type", "block_sparse"),
  GTF_CONFIG_INT_FIELD (Config, block_size, "block_size", 1, 1 << 20, 64),
  GTF_CONFIG_INT_FIELD (Config, n_random, "num_random_blocks", 0, 1 << 16, 3),
  GTF_CONFIG_INT_FIELD (Config, sep_token_id, "sep_token_id", -1, 1 << 24, 66),
  GTF_CONFIG_BOOL_FIELD (Config, rescale_embeddings, "rescale_embeddings", FALSE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (!gtf_text_config_derive (config, error))
    return FALSE;
  if (strcmp (config->attention_type, "block_sparse") == 0 || strcmp (config->attention_type, "original_full") == 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "attention_type is \"%.40s\", expected block_sparse or original_full", config->attention_type);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  GtfTextWeights text;
  const GtfLinear *span_up, *span_down;
  const GtfNorm *span_norm;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define INNER GTF_TEXT_DIM (inner_size)
#define LAYER(field) G_STRUCT_OFFSET (GtfEncoderLayer, field)
#define AT(field) G_STRUCT_OFFSET (Weights, field)

static const GtfWeight layer_weights[] = {
  { GTF_WEIGHT_LINEAR, "attention.self.{query,key,value}", LAYER (qkv), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_TIMES (GtfTextConfig, hidden_size, 3), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "attention.output.dense", LAYER (attention_out), 0, { HIDDEN, HIDDEN } },
  { GTF_WEIGHT_NORM, "attention.output.LayerNorm", LAYER (attention_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_LINEAR, "intermediate.dense", LAYER (up), 0, { INNER, HIDDEN } },
  { GTF_WEIGHT_LINEAR, "output.dense", LAYER (down), 0, { HIDDEN, INNER } },
  { GTF_WEIGHT_NORM, "output.LayerNorm", LAYER (output_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LAYERS ("encoder.layer.%d", layer_weights),
  { GTF_WEIGHT_END }
};

static const GtfWeight bare[] = { GTF_TEXT_LINEAR (heads.pooler, "pooler", GTF_WEIGHT_OPTIONAL, HIDDEN, HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight choice[] = {
  GTF_TEXT_LINEAR (heads.pooler, "pooler", 0, HIDDEN, HIDDEN),
  GTF_TEXT_LINEAR (heads.choice, "classifier", 0, GTF_DIM_CONST (1), HIDDEN),
  { GTF_WEIGHT_END }
};
static const GtfWeight span[] = {
  { GTF_WEIGHT_LINEAR, "qa_classifier.intermediate.dense", AT (span_up), 0, { INNER, HIDDEN } },
  { GTF_WEIGHT_LINEAR, "qa_classifier.output.dense", AT (span_down), 0, { HIDDEN, INNER } },
  { GTF_WEIGHT_NORM, "qa_classifier.output.LayerNorm", AT (span_norm), 0, { HIDDEN } },
  GTF_TEXT_LINEAR (heads.span, "qa_classifier.qa_outputs", 0, GTF_DIM_CONST (2), HIDDEN),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, gtf_bert_masked_lm, "bert" },
  { "ForPreTraining", gtf_text_masked_lm_tasks, gtf_bert_masked_lm, "bert" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_roberta_sequence, "bert" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "bert" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "bert" },
  { "ForQuestionAnswering", gtf_text_span_tasks, span, "bert" },
  { "Model", gtf_text_base_tasks, bare, "bert" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* A layer of a batch with at least one text that is too long for full attention; its probabilities are not given. */
static GtfTensor *
sparse_layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Config *config = e->data;
  const GtfEncoderLayer *l = &e->layers[i];
  const gint64 d = config->text.hidden_size;
  const float eps = (float) config->text.eps;
  const GtfBlockAttention block = { .n_heads = config->text.n_heads, .block = config->block_size, .n_random = config->n_random, .mask = e->attention.mask,
                                    .sequences = e->attention.sequences };
  GtfTensor *qkv = gtf_linear (c, l->qkv, x), *a;

  a = gtf_block_attention (c, gtf_slice (c, qkv, 0, d), gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &block);
  x = gtf_layer_norm (c, l->attention_norm, gtf_linear_add (c, l->attention_out, a, x), eps);
  return gtf_layer_norm (c, l->output_norm, gtf_feed_forward (c, l->up, config->text.activation, l->down, x, x), eps);
}

/* The words' vectors may be scaled before the others are added. */
static GtfTensor *
embed (GtfContext *c, const Config *config, const GtfTextEmbeddings *e, const GtfTextInput *input)
{
  GtfTensor *x;

  if (input->longest > config->text.n_positions)
    gtf_fail (c, "%" G_GINT64_FORMAT " tokens are more than the %" G_GINT64_FORMAT " positions of the model", input->longest, config->text.n_positions);
  x = gtf_embedding (c, e->tokens, input->ids);
  if (config->rescale_embeddings)
    x = gtf_scale (c, x, sqrtf ((float) config->text.hidden_size));
  x = gtf_add (c, x, gtf_embedding (c, e->positions, gtf_text_positions (c, input, 0)));
  if (e->types != NULL && input->types != NULL)
    x = gtf_add (c, x, gtf_embedding (c, e->types, input->types));
  else if (e->types != NULL)
    x = gtf_add (c, x, gtf_reshape (c, gtf_embedding_range (c, e->types, 0, 1), 1, (gint64[]){ -1 }));
  return gtf_layer_norm (c, e->norm, x, (float) config->text.eps);
}

/* Answers: one more block of linear layers, and none within the question. */
static void
output_spans (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input, GtfTensor *x)
{
  const gint64 shape[] = { gtf_dim (x, 0), gtf_dim (x, 1) };
  GtfTensor *y = gtf_layer_norm (c, w->span_norm, gtf_feed_forward (c, w->span_up, config->text.activation, w->span_down, x, x), (float) config->text.eps);

  y = gtf_text_hide_question (c, input, gtf_linear (c, w->text.heads.span, y), config->sep_token_id);
  gtf_output (c, "last_hidden_state", x);
  gtf_output (c, "start_logits", gtf_reshape (c, gtf_slice (c, y, 0, 1), 2, shape));
  gtf_output (c, "end_logits", gtf_reshape (c, gtf_slice (c, y, 1, 1), 2, shape));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .sequence = config->text.activation, .lm = config->text.activation, .eps = (float) config->text.eps };
  GtfTextInput input;
  GtfEncoder encoder = { .config = &config->text, .input = &input, .layers = w->text.layers, .data = config };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  if (strcmp (config->attention_type, "block_sparse") == 0 && input.longest > (5 + 2 * config->n_random) * config->block_size)
    encoder.forward = sparse_layer;
  if (w->text.heads.span != NULL && input.types == NULL)
    input.types = gtf_text_parts (c, &input, config->sep_token_id);
  x = gtf_encoder_run (c, &encoder, embed (c, config, &w->text.embeddings, &input));
  if (w->text.heads.span != NULL)
    output_spans (c, config, w, &input, x);
  else
    gtf_text_outputs (c, &w->text.heads, &style, &input, x);
}

static const char *const model_types[] = { "big_bird", NULL };

static const GtfArchitecture big_bird = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types,
  .config_size = sizeof (Config),
  .config = config_fields,
  .derive = derive,
  .weights_size = sizeof (Weights),
  .weights = weights,
  .heads = heads,
  .ignored = "*.position_ids|*.token_type_ids|cls.*|*pooler.*|classifier.*|qa_classifier.*",
  .forward = forward,
};

GTF_TEXT_PLUGIN (big_bird, "big_bird", "BigBird: text encoder for long documents", big_bird)
