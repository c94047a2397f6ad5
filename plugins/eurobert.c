/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * EuroBERT: Boizard et al., "EuroBERT: Scaling Multilingual Encoders for European Languages" (2025).
 *
 * Llama's blocks read in both directions: root mean square norms before each, rotary positions, keys and values shared by groups of heads, gated
 * linear units. docs/models/eurobert.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

typedef struct
{
  GtfTextConfig text;
  gint64 n_kv_heads, head_dim;
  double theta, factor;
  const char *rope_type, *pooling;
  /* by derive () */
  gint64 q_size, qkv_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 128256),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 1, 256, 12),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 8192),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "rms_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "hidden_act", "silu"),
  GTF_CONFIG_INT_FIELD (Config, n_kv_heads, "num_key_value_heads", 1, 4096, 0),
  GTF_CONFIG_INT_FIELD (Config, head_dim, "head_dim", 1, 1 << 16, 0),
  GTF_CONFIG_FLOAT_FIELD (Config, theta, "rope_parameters.rope_theta|rope_theta", 1e-6, 1e12, 10000),
  GTF_CONFIG_FLOAT_FIELD (Config, factor, "rope_parameters.factor|rope_scaling.factor", 1e-6, 1e6, 1),
  GTF_CONFIG_STRING_FIELD (Config, rope_type, "rope_parameters.rope_type|rope_scaling.rope_type|rope_scaling.type", "default"),
  GTF_CONFIG_STRING_FIELD (Config, pooling, "classifier_pooling", "late"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  static const char *const poolings[] = { "bos", "mean", "late", NULL };
  Config *config = data;

  if (!gtf_text_config_derive (config, error))
    return FALSE;
  if (config->n_kv_heads == 0)
    config->n_kv_heads = config->text.n_heads;
  if (config->head_dim == 0)
    config->head_dim = config->text.head_size;
  if (strcmp (config->rope_type, "default") == 0)
    config->factor = 1;
  config->q_size = config->text.n_heads * config->head_dim;
  config->qkv_size = config->q_size + 2 * config->n_kv_heads * config->head_dim;
  if (config->head_dim % 2 != 0 || config->text.n_heads % config->n_kv_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "head_dim (%" G_GINT64_FORMAT ") must be even, and num_key_value_heads (%" G_GINT64_FORMAT
                 ") divide num_attention_heads (%" G_GINT64_FORMAT ")", config->head_dim, config->n_kv_heads, config->text.n_heads);
  else if (config->factor != 1 && strcmp (config->rope_type, "linear") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "rope_type \"%.40s\" is not supported here, expected default or linear", config->rope_type);
  else if (!g_strv_contains (poolings, config->pooling))
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "classifier_pooling is \"%.40s\", expected bos, mean or late", config->pooling);
  else
    return TRUE;
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfNorm *attention_norm, *mlp_norm;
  const GtfLinear *qkv, *attention_out, *up, *down;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
  const GtfNorm *norm;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define LAYER_LINEAR(field, name, ...) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Layer, field), GTF_WEIGHT_BIAS_OPTIONAL, { __VA_ARGS__ } }
#define LAYER_NORM(field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Layer, field), GTF_WEIGHT_NO_BIAS, { HIDDEN } }

static const GtfWeight layer_weights[] = {
  LAYER_NORM (attention_norm, "input_layernorm"),
  LAYER_LINEAR (qkv, "self_attn.{q,k,v}_proj", GTF_DIM (Config, qkv_size), HIDDEN),
  LAYER_LINEAR (attention_out, "self_attn.o_proj", HIDDEN, GTF_DIM (Config, q_size)),
  LAYER_NORM (mlp_norm, "post_attention_layernorm"),
  LAYER_LINEAR (up, "mlp.{gate,up}_proj", GTF_DIM_TIMES (GtfTextConfig, inner_size, 2), HIDDEN),
  LAYER_LINEAR (down, "mlp.down_proj", HIDDEN, GTF_TEXT_DIM (inner_size)),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_EMBEDDING, "embed_tokens", GTF_TEXT_FIELD (embeddings.tokens), 0, { GTF_TEXT_DIM (vocab_size), HIDDEN } },
  { GTF_WEIGHT_GROUP, "layers.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_NORM, "norm", G_STRUCT_OFFSET (Weights, norm), GTF_WEIGHT_NO_BIAS, { HIDDEN } },
  { GTF_WEIGHT_END }
};

static const GtfWeight lm[] = {
  { GTF_WEIGHT_LINEAR, "lm_head", GTF_TEXT_FIELD (heads.lm), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_TEXT_DIM (vocab_size), HIDDEN }, "embed_tokens" },
  { GTF_WEIGHT_END }
};
static const GtfWeight sequence[] = {
  GTF_TEXT_LINEAR (heads.sequence_dense, "dense", 0, HIDDEN, HIDDEN),
  GTF_TEXT_LINEAR (heads.sequence, "classifier", 0, GTF_TEXT_DIM (n_labels), HIDDEN),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, lm, "model" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, sequence, "model" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "model" },
  { "Model", gtf_text_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* What all layers share. */
typedef struct
{
  const Config *config;
  const Weights *w;
  const GtfTensor *table;       /* cosines and sines */
} Shared;

/* The last layer ends with the norm of the whole: that is what counts as its hidden state. */
static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Shared *s = e->data;
  const Config *config = s->config;
  const Layer *l = &s->w->layers[i];
  const float eps = (float) config->text.eps;
  const gint64 q_size = config->q_size, kv_size = config->n_kv_heads * config->head_dim, inner = config->text.inner_size;
  GtfRotation rotation = { .n_heads = config->text.n_heads, .table = s->table, .sequences = e->attention.sequences };
  GtfAttention attention = e->attention;
  GtfTensor *qkv = gtf_linear (c, l->qkv, gtf_rms_norm (c, l->attention_norm, x, eps)), *q, *k, *h;

  attention.n_kv_heads = config->n_kv_heads;
  q = gtf_rotate (c, gtf_slice (c, qkv, 0, q_size), &rotation);
  rotation.n_heads = config->n_kv_heads;
  k = gtf_rotate (c, gtf_slice (c, qkv, q_size, kv_size), &rotation);
  x = gtf_linear_add (c, l->attention_out, gtf_attention (c, q, k, gtf_slice (c, qkv, q_size + kv_size, kv_size), &attention), x);
  h = gtf_linear (c, l->up, gtf_rms_norm (c, l->mlp_norm, x, eps));
  h = gtf_gate (c, gtf_slice (c, h, 0, inner), gtf_slice (c, h, inner, inner), config->text.activation);
  x = gtf_linear_add (c, l->down, h, x);
  return i + 1 < config->text.n_layers ? x : gtf_rms_norm (c, s->w->norm, x, eps);
}

/* Labels of a text: of its first token or of the mean of all, or the mean of the labels of all. */
static GtfTensor *
classify (GtfContext *c, const Config *config, const GtfTextHeads *h, const GtfTextInput *input, GtfTensor *x)
{
  const gboolean late = strcmp (config->pooling, "late") == 0;
  GtfTensor *y = x;

  if (!late)
    y = strcmp (config->pooling, "mean") == 0 ? gtf_text_mean (c, input, x, FALSE) : gtf_text_first (c, input, x);
  y = gtf_linear (c, h->sequence, gtf_linear_act (c, h->sequence_dense, y, GTF_ACTIVATION_GELU));
  return late ? gtf_text_mean (c, input, y, FALSE) : y;
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .eps = (float) config->text.eps };
  GtfTextInput input;
  Shared shared = { config, w, NULL };
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .forward = layer, .data = &shared };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  shared.table = gtf_rotary_table (c, input.longest, &(GtfRotary){ .dims = config->head_dim, .theta = config->theta, .divisor = config->factor });
  x = gtf_encoder_run (c, &encoder, gtf_embedding (c, w->text.embeddings.tokens, input.ids));
  if (w->text.heads.sequence == NULL)
    {
      gtf_text_outputs (c, &w->text.heads, &style, &input, x);
      return;
    }
  gtf_output (c, "last_hidden_state", x);
  gtf_output (c, "logits", classify (c, config, &w->text.heads, &input, x));
}

static const char *const model_types[] = { "eurobert", NULL };

static const GtfArchitecture eurobert = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types,
  .config_size = sizeof (Config),
  .config = config_fields,
  .derive = derive,
  .weights_size = sizeof (Weights),
  .weights = weights,
  .heads = heads,
  .ignored = "lm_head.*|dense.*|classifier.*|*rotary_emb.inv_freq",
  .forward = forward,
};

GTF_TEXT_PLUGIN (eurobert, "eurobert", "EuroBERT: multilingual text encoder", eurobert)
