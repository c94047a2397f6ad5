/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * XLNet: Yang et al., "XLNet: Generalized Autoregressive Pretraining for Language Understanding" (2019).
 *
 * The attention of Transformer-XL: scores are a product of contents, one with sinusoids of the distance, and one that knows only
 * whether query and key are of the same segment, each with a bias of its own on the query. As a reader (no memories, no permutation) it is a
 * bidirectional encoder. docs/models/xlnet.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

typedef struct
{
  GtfTextConfig text;
  GtfTextSummary summary;
  const char *attn_type;
  gboolean same_length, bi_data;
  gint64 clamp_len;
  /* by derive () */
  gboolean causal;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size|n_token", 1, 1 << 24, 32000),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "d_model|hidden_size", 1, 1 << 16, 1024),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "n_layer|num_hidden_layers", 0, 256, 24),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "n_head|num_attention_heads", 1, 4096, 16),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "d_inner", 1, 1 << 20, 4096),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "ff_activation", "gelu"),
  GTF_CONFIG_STRING_FIELD (Config, attn_type, "attn_type", "bi"),
  GTF_TEXT_SUMMARY_FIELDS (Config, summary, "last", "tanh"),
  GTF_CONFIG_BOOL_FIELD (Config, same_length, "same_length", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, bi_data, "bi_data", FALSE),
  GTF_CONFIG_INT_FIELD (Config, clamp_len, "clamp_len", -1, 1 << 24, -1),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (!gtf_text_config_derive (config, error) || !gtf_text_summary_derive (&config->summary, &config->text, error))
    return FALSE;
  config->causal = strcmp (config->attn_type, "uni") == 0;
  if (config->text.hidden_size % 2 != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "d_model (%" G_GINT64_FORMAT ") must be even", config->text.hidden_size);
  else if (!config->causal && strcmp (config->attn_type, "bi") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "attn_type is \"%.40s\", expected bi or uni", config->attn_type);
  else if (config->bi_data)
    g_set_error_literal (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "bi_data is for training on batches whose halves are read in two directions; there is no result for one text");
  else
    return TRUE;
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfLinear *qkv, *attention_out, *up, *down, *position;
  const GtfNorm *attention_norm, *output_norm;
  const GtfTensor *content_bias, *position_bias, *segment_bias, *segments;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
  const GtfLinear *summary;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define HEADS GTF_TEXT_DIM (n_heads), GTF_TEXT_DIM (head_size)
#define AT(field) G_STRUCT_OFFSET (Layer, field)

static const GtfWeight layer_weights[] = {
  { GTF_WEIGHT_LINEAR, "rel_attn.{q,k,v}", AT (qkv), GTF_WEIGHT_BARE | GTF_WEIGHT_TRANSPOSED | GTF_WEIGHT_NO_BIAS, { GTF_DIM_TIMES (GtfTextConfig, hidden_size, 3), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "rel_attn.r", AT (position), GTF_WEIGHT_BARE | GTF_WEIGHT_TRANSPOSED | GTF_WEIGHT_NO_BIAS, { HIDDEN, HIDDEN } },
  { GTF_WEIGHT_LINEAR, "rel_attn.o", AT (attention_out), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS, { HIDDEN, HIDDEN } },
  { GTF_WEIGHT_TENSOR, "rel_attn.r_w_bias", AT (content_bias), 0, { HEADS } },
  { GTF_WEIGHT_TENSOR, "rel_attn.r_r_bias", AT (position_bias), 0, { HEADS } },
  { GTF_WEIGHT_TENSOR, "rel_attn.r_s_bias", AT (segment_bias), 0, { HEADS } },
  { GTF_WEIGHT_TENSOR, "rel_attn.seg_embed", AT (segments), 0, { GTF_DIM_CONST (2), HEADS } },
  { GTF_WEIGHT_NORM, "rel_attn.layer_norm", AT (attention_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_LINEAR, "ff.layer_1", AT (up), 0, { GTF_TEXT_DIM (inner_size), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "ff.layer_2", AT (down), 0, { HIDDEN, GTF_TEXT_DIM (inner_size) } },
  { GTF_WEIGHT_NORM, "ff.layer_norm", AT (output_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_EMBEDDING, "word_embedding", GTF_TEXT_FIELD (embeddings.tokens), 0, { GTF_TEXT_DIM (vocab_size), HIDDEN } },
  { GTF_WEIGHT_GROUP, "layer.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_END }
};

#define SUMMARY GTF_TEXT_SUMMARY_WEIGHT (Weights, summary, Config, summary)

static const GtfWeight lm[] = { GTF_TEXT_LM ("lm_loss", 0, "word_embedding"), { GTF_WEIGHT_END } };
static const GtfWeight sequence[] = { SUMMARY, GTF_TEXT_LINEAR (heads.sequence, "logits_proj", 0, GTF_TEXT_DIM (n_labels), HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight choice[] = { SUMMARY, GTF_TEXT_LINEAR (heads.choice, "logits_proj", 0, GTF_DIM_CONST (1), HIDDEN), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "LMHeadModel", gtf_text_base_tasks, lm, "transformer" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, sequence, "transformer" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "transformer" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "transformer" },
  { "ForQuestionAnsweringSimple", gtf_text_span_tasks, gtf_text_span, "transformer" },
  { "Model", gtf_text_base_tasks, NULL, "transformer" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* What all layers share. */
typedef struct
{
  const Config *config;
  const Weights *w;
  const GtfTensor *rows, *sinusoids;
} Shared;

/* query + bias of each head */
static GtfTensor *
biased (GtfContext *c, const GtfTensor *q, const GtfTensor *bias)
{
  return gtf_add (c, q, gtf_reshape (c, bias, 1, (gint64[]){ -1 }));
}

static GtfTensor *
attention (GtfContext *c, const GtfEncoder *e, const Shared *s, const Layer *l, const GtfTensor *x)
{
  const gint64 d = s->config->text.hidden_size, n_heads = s->config->text.n_heads;
  GtfTensor *qkv = gtf_linear (c, l->qkv, x), *q = gtf_slice (c, qkv, 0, d), *k = gtf_slice (c, qkv, d, d), *v = gtf_slice (c, qkv, 2 * d, d);
  const gboolean segments = e->input->types != NULL;
  const GtfWindowAttention alone = { .n_heads = n_heads, .sequences = e->attention.sequences, .weights = e->attention.weights };
  const GtfRelativeAttention relative = {
    .n_heads = n_heads, .rows = s->rows, .position_keys = gtf_linear (c, l->position, s->sinusoids), .position_query = biased (c, q, l->position_bias),
    .segments = e->input->types, .segment_query = segments ? biased (c, q, l->segment_bias) : NULL,
    .segment_keys = segments ? gtf_reshape (c, l->segments, 2, (gint64[]){ 2, d }) : NULL, .segment_any = -1, .causal = s->config->causal,
    .mask = e->attention.mask, .sequences = e->attention.sequences, .weights = e->attention.weights
  };

  /* a causal mask and that of same_length leave each token itself only */
  if (s->config->causal && s->config->same_length)
    return gtf_window_attention (c, q, k, v, &alone);
  return gtf_relative_attention (c, biased (c, q, l->content_bias), k, v, &relative);
}

static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Shared *s = e->data;
  const Layer *l = &s->w->layers[i];
  const float eps = (float) s->config->text.eps;

  x = gtf_layer_norm (c, l->attention_norm, gtf_linear_add (c, l->attention_out, attention (c, e, s, l, x), x), eps);
  return gtf_layer_norm (c, l->output_norm, gtf_feed_forward (c, l->up, s->config->text.activation, l->down, x, x), eps);
}

/* Sinusoids of distances, the largest first; from clamp_len on distances are alike. */
static void
prepare_distances (GtfContext *c, Shared *s, gint64 longest)
{
  gint64 most = s->config->clamp_len > 0 ? MIN (s->config->clamp_len, longest) : longest;

  s->rows = gtf_relative_rows (c, longest, &(GtfRelativeRows){ .sign = -1, .offset = most, .n_rows = 2 * most + 1 }, NULL, NULL);
  s->sinusoids = gtf_sinusoids (c, most, -1, 2 * most + 1, s->config->text.hidden_size);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeads *h = &w->text.heads;
  const GtfTextHeadStyle style = { .eps = (float) config->text.eps };
  GtfTextInput input;
  Shared shared = { config, w, NULL, NULL };
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .forward = layer, .data = &shared };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  prepare_distances (c, &shared, input.longest);
  x = gtf_encoder_run (c, &encoder, gtf_embedding (c, w->text.embeddings.tokens, input.ids));
  if (h->sequence == NULL && h->choice == NULL)
    {
      gtf_text_outputs (c, h, &style, &input, x);
      return;
    }
  gtf_output (c, "last_hidden_state", x);
  x = gtf_text_summary (c, &config->summary, w->summary, &input, x);
  if (h->choice != NULL)
    gtf_output (c, "logits", gtf_reshape (c, gtf_linear (c, h->choice, x), 2, (gint64[]){ -1, input.n_choices }));
  else
    gtf_output (c, "logits", gtf_linear (c, h->sequence, x));
}

static const char *const model_types[] = { "xlnet", NULL };

static const GtfArchitecture xlnet = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types,
  .config_size = sizeof (Config),
  .config = config_fields,
  .derive = derive,
  .weights_size = sizeof (Weights),
  .weights = weights,
  .heads = heads,
  .ignored = "*mask_emb|lm_loss.*|sequence_summary.*|logits_proj.*|*rel_attn.seg_embed",
  .forward = forward,
};

GTF_TEXT_PLUGIN (xlnet, "xlnet", "XLNet: text encoder with the relative attention of Transformer-XL", xlnet)
