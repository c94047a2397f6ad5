/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * EuroBERT: Boizard et al., "EuroBERT: Scaling Multilingual Encoders for European Languages" (2025), and UltraBERT, most of whose layers see only
 * a window around each token and have a rotary base of their own; also as the part of UltraVBERT that reads text.
 *
 * Llama's blocks read in both directions: root mean square norms before each, rotary positions, keys and values shared by groups of heads, gated
 * linear units. docs/models/eurobert.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

#define MAX_LAYERS 256

typedef struct
{
  GtfTextConfig text;
  gint64 n_kv_heads, head_dim;
  GtfRope rope, local_rope;             /* the second: UltraBERT's, of layers with a window */
  const char *pooling;
  /* UltraBERT */
  gint64 window, prediction_size;
  const char *layer_types, *windows, *thetas;
  /* by derive () */
  gint64 q_size, qkv_size;
  gboolean local[MAX_LAYERS];
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 128256),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 1, MAX_LAYERS, 12),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 8192),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "rms_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "hidden_act", "silu"),
  GTF_CONFIG_INT_FIELD (Config, n_kv_heads, "num_key_value_heads", 1, 4096, 0),
  GTF_CONFIG_INT_FIELD (Config, head_dim, "head_dim", 1, 1 << 16, 0),
  GTF_ROPE_FIELDS (Config, rope, "rope_parameters.", "rope_theta", 10000),
  GTF_CONFIG_STRING_FIELD (Config, pooling, "classifier_pooling", "late"),
  GTF_CONFIG_FIELDS_END
};

/* `at`: where the text model's own fields are. */
#define ULTRABERT_FIELDS(at)                                                                                                       \
  GTF_TEXT_CONFIG_FIELDS,                                                                                                          \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, at "vocab_size", 1, 1 << 24, 32000),                                            \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, at "hidden_size", 1, 1 << 16, 4096),                                           \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, at "num_hidden_layers", 1, MAX_LAYERS, 32),                                       \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, at "num_attention_heads", 1, 4096, 32),                                            \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, at "intermediate_size", 1, 1 << 20, 11008),                                     \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, at "max_position_embeddings", 1, 1 << 24, 32768),                              \
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, at "rms_norm_eps", 0, 1, 1e-6),                                                      \
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, at "hidden_act", "silu"),                                                \
  GTF_CONFIG_INT_FIELD (Config, n_kv_heads, at "num_key_value_heads", 1, 4096, 0),                                                 \
  GTF_CONFIG_INT_FIELD (Config, head_dim, at "head_dim", 1, 1 << 16, 0),                                                           \
  GTF_ROPE_FIELDS (Config, rope, at "rope_parameters.full_attention.", "", 2560000),                                               \
  GTF_ROPE_FIELDS (Config, local_rope, at "rope_parameters.sliding_attention.", "", 10000),                                        \
  GTF_CONFIG_BOOL_FIELD (Config, rope.truncate, at "rope_parameters.truncate|" at "rope_scaling.truncate", TRUE),                  \
  GTF_CONFIG_BOOL_FIELD (Config, local_rope.truncate, at "rope_parameters.truncate|" at "rope_scaling.truncate", TRUE),            \
  GTF_CONFIG_STRING_FIELD (Config, pooling, "classifier_pooling", "cls"),                                                          \
  GTF_CONFIG_INT_FIELD (Config, window, at "sliding_window", 0, 1 << 24, 128),                                                     \
  GTF_CONFIG_LIST_FIELD (Config, layer_types, at "layer_types"),                                                                   \
  GTF_CONFIG_LIST_FIELD (Config, windows, at "attention_windows"),                                                                 \
  GTF_CONFIG_LIST_FIELD (Config, thetas, at "rope_theta"),                                                                         \
  GTF_CONFIG_INT_FIELD (Config, prediction_size, at "prediction_head_size", 1, 1 << 16, 768),                                      \
  GTF_CONFIG_FIELDS_END

static const GtfConfigField ultrabert_config_fields[] = { ULTRABERT_FIELDS ("") };
static const GtfConfigField ultravbert_config_fields[] = { ULTRABERT_FIELDS ("text_config.") };

static gboolean
check (Config *config, const char *const *poolings, GError **error)
{
  if (!gtf_text_config_derive (config, error))
    return FALSE;
  if (config->n_kv_heads == 0)
    config->n_kv_heads = config->text.n_heads;
  if (config->head_dim == 0)
    config->head_dim = config->text.head_size;
  config->q_size = config->text.n_heads * config->head_dim;
  config->qkv_size = config->q_size + 2 * config->n_kv_heads * config->head_dim;
  if (config->text.n_heads % config->n_kv_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "num_key_value_heads (%" G_GINT64_FORMAT ") must divide num_attention_heads (%" G_GINT64_FORMAT ")",
                 config->n_kv_heads, config->text.n_heads);
  else if (!g_strv_contains (poolings, config->pooling))
    {
      g_autofree char *known = g_strjoinv (", ", (char **) poolings);

      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "classifier_pooling is \"%.40s\", expected one of %s", config->pooling, known);
    }
  else
    return gtf_rope_derive (&config->rope, config->head_dim, config->text.n_positions, error)
           && (config->local_rope.type == NULL || gtf_rope_derive (&config->local_rope, config->head_dim, config->text.n_positions, error));
  return FALSE;
}

static gboolean
derive (gpointer data, GError **error)
{
  static const char *const poolings[] = { "bos", "mean", "late", NULL };

  return check (data, poolings, error);
}

/* Old configs have a window for each layer, 0 for all tokens, and a list of rotary bases by layer, of which the last of a kind counts. */
static void
read_old_lists (Config *config)
{
  g_auto (GStrv) thetas = config->thetas != NULL ? g_strsplit (config->thetas, "|", -1) : NULL;
  gboolean found = FALSE;

  for (gint64 i = 0; i < config->text.n_layers; i++)
    {
      gint64 window = 0;

      if (gtf_config_list_int (config->windows, i, 1, 1 << 24, &window) && !found)
        {
          config->window = window;
          found = TRUE;
        }
      if (config->windows != NULL && config->layer_types == NULL)
        config->local[i] = window > 0;
    }
  for (gint64 i = 0; thetas != NULL && i < config->text.n_layers && thetas[i] != NULL; i++)
    {
      const double theta = g_ascii_strtod (thetas[i], NULL);

      if (theta > 0)
        *(config->local[i] ? &config->local_rope.theta : &config->rope.theta) = theta;
    }
}

static gboolean
ultrabert_derive (gpointer data, GError **error)
{
  static const char *const poolings[] = { "cls", "mean", NULL };
  Config *config = data;
  const gint64 n = gtf_config_list_size (config->layer_types);

  if (n > 0 && n < config->text.n_layers)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "layer_types has %" G_GINT64_FORMAT " members for %" G_GINT64_FORMAT " layers", n, config->text.n_layers);
      return FALSE;
    }
  for (gint64 i = 0; i < config->text.n_layers; i++)
    config->local[i] = n > 0 ? gtf_config_list_is (config->layer_types, i, "sliding_attention") : (i + 1) % 3 != 0;
  read_old_lists (config);
  return check (config, poolings, error);
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
  const GtfLinear *lm_up, *lm_down;     /* UltraBERT's layers ahead of heads.lm; may be NULL */
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
  { GTF_WEIGHT_EMBEDDING, "embed_tokens|model.embed_tokens", GTF_TEXT_FIELD (embeddings.tokens), 0, { GTF_TEXT_DIM (vocab_size), HIDDEN } },
  { GTF_WEIGHT_GROUP, "layers.%d|model.layers.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_NORM, "norm|model.norm", G_STRUCT_OFFSET (Weights, norm), GTF_WEIGHT_NO_BIAS, { HIDDEN } },
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

static const GtfWeight ultrabert_lm[] = {
  { GTF_WEIGHT_LINEAR, "head.linear1|projection_head.linear1", G_STRUCT_OFFSET (Weights, lm_up), GTF_WEIGHT_NO_BIAS, { GTF_DIM (Config, prediction_size), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "head.linear2|projection_head.linear2", G_STRUCT_OFFSET (Weights, lm_down), GTF_WEIGHT_NO_BIAS, { HIDDEN, GTF_DIM (Config, prediction_size) } },
  { GTF_WEIGHT_LINEAR, "cls|head.decoder|lm_head", GTF_TEXT_FIELD (heads.lm), GTF_WEIGHT_NO_BIAS, { GTF_TEXT_DIM (vocab_size), HIDDEN }, "embed_tokens|model.embed_tokens" },
  { GTF_WEIGHT_END }
};
static const GtfWeight ultrabert_sequence[] = { GTF_TEXT_LINEAR (heads.sequence, "classifier", 0, GTF_TEXT_DIM (n_labels), HIDDEN), { GTF_WEIGHT_END } };

/* Tensors begin with "ultrabert." in files, with "model." in memory: either is read. */
static const GtfHead ultrabert_heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, ultrabert_lm, "ultrabert" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, ultrabert_sequence, "ultrabert" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "ultrabert" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "ultrabert" },
  { "Model", gtf_text_base_tasks, NULL, "ultrabert" },
  { NULL }
};

static const GtfHead ultravbert_heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, ultrabert_lm, "model.text_model|text_model" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, ultrabert_sequence, "model.text_model|text_model" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "model.text_model|text_model" },
  { "Model", gtf_text_base_tasks, NULL, "model.text_model|text_model" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* What all layers share. */
typedef struct
{
  const Config *config;
  const Weights *w;
  const GtfTensor *tables[2], *sequences[2];    /* cosines and sines of layers that see all, and of those that do not; of which texts they are */
} Shared;

static GtfTensor *
attend (GtfContext *c, const GtfEncoder *e, const Config *config, gboolean local, GtfTensor *q, GtfTensor *k, GtfTensor *v)
{
  const GtfWindowAttention window = { .n_heads = config->text.n_heads, .before = config->window, .after = config->window, .mask = e->attention.mask,
                                      .sequences = e->attention.sequences, .weights = e->attention.weights };
  GtfAttention attention = e->attention;

  attention.n_kv_heads = config->n_kv_heads;
  return local ? gtf_window_attention (c, q, gtf_encoder_repeat_heads (c, k, config->text.n_heads, config->n_kv_heads), gtf_encoder_repeat_heads (c, v, config->text.n_heads, config->n_kv_heads), &window) : gtf_attention (c, q, k, v, &attention);
}

/* The last layer ends with the norm of the whole: that is what counts as its hidden state. */
static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Shared *s = e->data;
  const Config *config = s->config;
  const Layer *l = &s->w->layers[i];
  const float eps = (float) config->text.eps;
  const gint64 q_size = config->q_size, kv_size = config->n_kv_heads * config->head_dim, inner = config->text.inner_size;
  GtfRotation rotation = { .n_heads = config->text.n_heads, .table = s->tables[config->local[i]], .sequences = s->sequences[config->local[i]] };
  GtfTensor *qkv = gtf_linear (c, l->qkv, gtf_rms_norm (c, l->attention_norm, x, eps)), *q, *k, *h;

  q = gtf_rotate (c, gtf_slice (c, qkv, 0, q_size), &rotation);
  rotation.n_heads = config->n_kv_heads;
  k = gtf_rotate (c, gtf_slice (c, qkv, q_size, kv_size), &rotation);
  h = attend (c, e, config, config->local[i], q, k, gtf_slice (c, qkv, q_size + kv_size, kv_size));
  x = gtf_linear_add (c, l->attention_out, h, x);
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
  if (h->sequence_dense != NULL)
    y = gtf_linear_act (c, h->sequence_dense, y, GTF_ACTIVATION_GELU);
  y = gtf_linear (c, h->sequence, y);
  return late ? gtf_text_mean (c, input, y, FALSE) : y;
}

/* UltraBERT's masked LM: two layers of their own, each with an activation, ahead of the words. */
static void
predict (GtfContext *c, const Weights *w, const GtfTextInput *input, GtfTensor *x)
{
  GtfTensor *y;

  gtf_output (c, "last_hidden_state", x);
  if (input->rows != NULL && gtf_dim (input->rows, -1) == 0)
    return;
  y = gtf_linear_act (c, w->lm_up, gtf_text_rows (c, input, x), GTF_ACTIVATION_GELU_TANH);
  gtf_output (c, "logits", gtf_linear (c, w->text.heads.lm, gtf_linear_act (c, w->lm_down, y, GTF_ACTIVATION_GELU_TANH)));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .eps = (float) config->text.eps };
  GtfTextInput input;
  Shared shared = { .config = config, .w = w };
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .forward = layer, .data = &shared };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  shared.tables[0] = gtf_rope_table (c, &config->rope, &input, &shared.sequences[0]);
  if (config->local_rope.type != NULL)
    shared.tables[1] = gtf_rope_table (c, &config->local_rope, &input, &shared.sequences[1]);
  x = gtf_encoder_run (c, &encoder, gtf_embedding (c, w->text.embeddings.tokens, input.ids));
  if (w->lm_up != NULL)
    {
      predict (c, w, &input, x);
      return;
    }
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

static const char *const ultrabert_types[] = { "ultrabert", NULL };

static const GtfArchitecture ultrabert = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = ultrabert_types,
  .config_size = sizeof (Config),
  .config = ultrabert_config_fields,
  .derive = ultrabert_derive,
  .weights_size = sizeof (Weights),
  .weights = weights,
  .heads = ultrabert_heads,
  .ignored = "head.*|cls.*|classifier.*|*rotary_emb.*",
  .forward = forward,
};

static const char *const ultravbert_types[] = { "ultravbert", NULL };

/* Pictures are no input of a text task. */
static const GtfArchitecture ultravbert = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = ultravbert_types,
  .config_size = sizeof (Config),
  .config = ultravbert_config_fields,
  .derive = ultrabert_derive,
  .weights_size = sizeof (Weights),
  .weights = weights,
  .heads = ultravbert_heads,
  .ignored = "lm_head.*|projection_head.*|classifier.*|*rotary_emb.*|*vision_model.*|*connector.*",
  .forward = forward,
};

GTF_TEXT_PLUGINS (eurobert, "eurobert", "EuroBERT, UltraBERT, UltraVBERT's text: text encoders", &eurobert, &ultrabert, &ultravbert)
