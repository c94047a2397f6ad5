/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ModernBERT: Warner et al., "Smarter, Better, Faster, Longer: A Modern Bidirectional Encoder" (2024), and the part of ModernVBERT that reads text
 * (Teiletche et al. 2025).
 *
 * Normalisation before each block, rotary positions, gated linear units, no biases unless the config says so; most layers see only
 * a window around each token and have a rotary base of their own. docs/models/modernbert.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

#define MAX_LAYERS 256

typedef struct
{
  GtfTextConfig text;
  gint64 local_attention, global_every;
  const char *layer_types, *pooling;
  GtfRope global_rope, local_rope;
  gboolean local_theta_null;
  GtfActivation head_activation;
  /* by derive () */
  gboolean local[MAX_LAYERS];
} Config;

/* `at`: where the text model's own fields are. */
#define FIELDS(at)                                                                                                                 \
  GTF_TEXT_CONFIG_FIELDS,                                                                                                          \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, at "vocab_size", 1, 1 << 24, 50368),                                            \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, at "hidden_size", 1, 1 << 16, 768),                                            \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, at "num_hidden_layers", 1, MAX_LAYERS, 22),                                       \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, at "num_attention_heads", 1, 4096, 12),                                            \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, at "intermediate_size", 1, 1 << 20, 1152),                                      \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, at "max_position_embeddings", 1, 1 << 24, 8192),                               \
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, at "norm_eps", 0, 1, 1e-5),                                                          \
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, at "hidden_activation", "gelu"),                                         \
  GTF_CONFIG_INT_FIELD (Config, local_attention, at "local_attention", 0, 1 << 24, 128),                                           \
  GTF_CONFIG_INT_FIELD (Config, global_every, at "global_attn_every_n_layers", 1, 1 << 16, 3),                                     \
  GTF_CONFIG_LIST_FIELD (Config, layer_types, at "layer_types"),                                                                   \
  GTF_CONFIG_STRING_FIELD (Config, pooling, "classifier_pooling", "cls"),                                                          \
  GTF_ROPE_FIELDS (Config, global_rope, at "rope_parameters.full_attention.", at "global_rope_theta", 160000),                     \
  GTF_ROPE_FIELDS (Config, local_rope, at "rope_parameters.sliding_attention.", at "local_rope_theta", 10000),                     \
  GTF_CONFIG_BOOL_FIELD (Config, global_rope.truncate, at "rope_parameters.truncate|" at "rope_scaling.truncate", TRUE),           \
  GTF_CONFIG_BOOL_FIELD (Config, local_rope.truncate, at "rope_parameters.truncate|" at "rope_scaling.truncate", TRUE),            \
  GTF_CONFIG_NULL_FIELD (Config, local_theta_null, at "local_rope_theta"),                                                         \
  GTF_CONFIG_ACTIVATION_FIELD (Config, head_activation, at "classifier_activation", "gelu"),                                       \
  GTF_CONFIG_FIELDS_END

static const GtfConfigField config_fields[] = { FIELDS ("") };
static const GtfConfigField vision_config_fields[] = { FIELDS ("text_config.") };

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  gint64 n = gtf_config_list_size (config->layer_types);

  if (!gtf_text_config_derive (config, error) || !gtf_rope_derive (&config->global_rope, config->text.head_size, config->text.n_positions, error)
      || !gtf_rope_derive (&config->local_rope, config->text.head_size, config->text.n_positions, error))
    return FALSE;
  if (strcmp (config->pooling, "cls") != 0 && strcmp (config->pooling, "mean") != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "classifier_pooling is \"%.40s\", expected cls or mean", config->pooling);
      return FALSE;
    }
  if (config->local_theta_null)
    config->local_rope.theta = config->global_rope.theta;
  if (n > 0 && n < config->text.n_layers)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "layer_types has %" G_GINT64_FORMAT " members for %" G_GINT64_FORMAT " layers", n, config->text.n_layers);
      return FALSE;
    }
  for (gint64 i = 0; i < config->text.n_layers; i++)
    config->local[i] = n > 0 ? gtf_config_list_is (config->layer_types, i, "sliding_attention") : i % config->global_every != 0;
  return TRUE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfNorm *attention_norm, *mlp_norm;     /* the first layer has no attention_norm */
  const GtfLinear *qkv, *attention_out, *up, *down;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
  const GtfNorm *final_norm, *head_norm;
  const GtfLinear *head_dense;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define INNER GTF_TEXT_DIM (inner_size)
#define LAYER_LINEAR(field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Layer, field), GTF_WEIGHT_BIAS_OPTIONAL, { out, in } }
#define LAYER_NORM(field, name, flags) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Layer, field), GTF_WEIGHT_BIAS_OPTIONAL | (flags), { HIDDEN } }
#define AT(field) G_STRUCT_OFFSET (Weights, field)

static const GtfWeight layer_weights[] = {
  LAYER_NORM (attention_norm, "attn_norm", GTF_WEIGHT_OPTIONAL),
  LAYER_LINEAR (qkv, "attn.Wqkv", GTF_DIM_TIMES (GtfTextConfig, hidden_size, 3), HIDDEN),
  LAYER_LINEAR (attention_out, "attn.Wo", HIDDEN, HIDDEN),
  LAYER_NORM (mlp_norm, "mlp_norm", 0),
  LAYER_LINEAR (up, "mlp.Wi", GTF_DIM_TIMES (GtfTextConfig, inner_size, 2), HIDDEN),
  LAYER_LINEAR (down, "mlp.Wo", HIDDEN, INNER),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_EMBEDDING, "embeddings.tok_embeddings", GTF_TEXT_FIELD (embeddings.tokens), 0, { GTF_TEXT_DIM (vocab_size), HIDDEN } },
  { GTF_WEIGHT_NORM, "embeddings.norm", GTF_TEXT_FIELD (embeddings.norm), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN } },
  { GTF_WEIGHT_GROUP, "layers.%d", .offset = AT (layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_NORM, "final_norm", AT (final_norm), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN } },
  { GTF_WEIGHT_END }
};

/* Every head has the same two layers in front. */
#define HEAD                                                                                                                       \
  { GTF_WEIGHT_LINEAR, "head.dense|projection_head.dense", AT (head_dense), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN, HIDDEN } },        \
  { GTF_WEIGHT_NORM, "head.norm|projection_head.norm", AT (head_norm), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN } }
#define CLASSIFIER(field, ...) { GTF_WEIGHT_LINEAR, "classifier", GTF_TEXT_FIELD (heads.field), 0, { __VA_ARGS__, HIDDEN } }

static const GtfWeight masked_lm[] = { HEAD, GTF_TEXT_LM ("decoder", GTF_WEIGHT_BIAS_OPTIONAL, "embeddings.tok_embeddings"), { GTF_WEIGHT_END } };
static const GtfWeight vision_masked_lm[] = { HEAD, GTF_TEXT_LM ("lm_head", GTF_WEIGHT_BIAS_OPTIONAL, "embeddings.tok_embeddings"), { GTF_WEIGHT_END } };
static const GtfWeight sequence[] = { HEAD, CLASSIFIER (sequence, GTF_TEXT_DIM (n_labels)), { GTF_WEIGHT_END } };
static const GtfWeight choice[] = { HEAD, CLASSIFIER (choice, GTF_DIM_CONST (1)), { GTF_WEIGHT_END } };
static const GtfWeight token[] = { HEAD, CLASSIFIER (token, GTF_TEXT_DIM (n_labels)), { GTF_WEIGHT_END } };
static const GtfWeight span[] = { HEAD, CLASSIFIER (span, GTF_DIM_CONST (2)), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, masked_lm, "model" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, sequence, "model" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "model" },
  { "ForTokenClassification", gtf_text_token_tasks, token, "model" },
  { "ForQuestionAnswering", gtf_text_span_tasks, span, "model" },
  { "Model", gtf_text_base_tasks, NULL, "model" },
  { NULL }
};

static const GtfHead vision_heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, vision_masked_lm, "model.text_model|text_model" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, sequence, "model.text_model|text_model" },
  { "ForTokenClassification", gtf_text_token_tasks, token, "model.text_model|text_model" },
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
attention (GtfContext *c, const GtfEncoder *e, const Shared *s, gint64 i, const GtfTensor *x)
{
  const gint64 d = s->config->text.hidden_size, n_heads = s->config->text.n_heads, side = s->config->local_attention / 2;
  const gboolean local = s->config->local[i];
  const GtfRotation rotation = { .n_heads = n_heads, .table = s->tables[local], .sequences = s->sequences[local] };
  const GtfWindowAttention window = { .n_heads = n_heads, .before = side, .after = side, .mask = e->attention.mask, .sequences = e->attention.sequences,
                                      .weights = e->attention.weights };
  GtfTensor *qkv = gtf_linear (c, s->w->layers[i].qkv, x), *v = gtf_slice (c, qkv, 2 * d, d);
  GtfTensor *q = gtf_rotate (c, gtf_slice (c, qkv, 0, d), &rotation), *k = gtf_rotate (c, gtf_slice (c, qkv, d, d), &rotation);

  return local ? gtf_window_attention (c, q, k, v, &window) : gtf_attention (c, q, k, v, &e->attention);
}

/* The last layer ends with the norm of the whole: that is what counts as its hidden state. */
static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Shared *s = e->data;
  const Layer *l = &s->w->layers[i];
  const gint64 inner = s->config->text.inner_size;
  const float eps = (float) s->config->text.eps;
  GtfTensor *h = l->attention_norm != NULL ? gtf_layer_norm (c, l->attention_norm, x, eps) : x;

  x = gtf_linear_add (c, l->attention_out, attention (c, e, s, i, h), x);
  h = gtf_linear (c, l->up, gtf_layer_norm (c, l->mlp_norm, x, eps));
  h = gtf_gate (c, gtf_slice (c, h, 0, inner), gtf_slice (c, h, inner, inner), s->config->text.activation);
  x = gtf_linear_add (c, l->down, h, x);
  return i + 1 < s->config->text.n_layers ? x : gtf_layer_norm (c, s->w->final_norm, x, eps);
}

/* The head's own layers go before what gtf_text_outputs () does, over all tokens or over what is pooled. */
static void
output (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input, GtfTensor *x)
{
  const GtfTextHeads *h = &w->text.heads;
  const GtfTextHeadStyle style = { .lm = config->head_activation, .eps = (float) config->text.eps };
  GtfTensor *y = x;

  if (w->head_dense == NULL || (h->lm != NULL && input->rows != NULL && gtf_dim (input->rows, -1) == 0))
    {
      gtf_output (c, "last_hidden_state", x);
      return;
    }
  if (h->sequence != NULL || h->choice != NULL)
    y = strcmp (config->pooling, "mean") == 0 ? gtf_text_mean (c, input, x, FALSE) : gtf_text_first (c, input, x);
  if (h->lm != NULL)
    y = gtf_text_rows (c, input, x);
  y = gtf_layer_norm (c, w->head_norm, gtf_linear_act (c, w->head_dense, y, config->head_activation), (float) config->text.eps);
  if (h->choice != NULL)
    gtf_output (c, "logits", gtf_reshape (c, gtf_linear (c, h->choice, y), 2, (gint64[]){ -1, input->n_choices }));
  else if (h->sequence != NULL || h->lm != NULL)
    gtf_output (c, "logits", gtf_linear (c, h->sequence != NULL ? h->sequence : h->lm, y));
  else
    gtf_text_outputs (c, h, &style, input, y);
  gtf_output (c, "last_hidden_state", x);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTextInput input;
  Shared shared = { .config = config, .w = w };
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .forward = layer, .data = &shared };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  shared.tables[0] = gtf_rope_table (c, &config->global_rope, &input, &shared.sequences[0]);
  shared.tables[1] = gtf_rope_table (c, &config->local_rope, &input, &shared.sequences[1]);
  x = gtf_layer_norm (c, w->text.embeddings.norm, gtf_embedding (c, w->text.embeddings.tokens, input.ids), (float) config->text.eps);
  x = gtf_encoder_run (c, &encoder, x);
  output (c, config, w, &input, x);
}

#define ARCHITECTURE(types, config_table, head_table, more)                                                                         \
  {                                                                                                                                \
    .struct_size = sizeof (GtfArchitecture), .model_types = types, .config_size = sizeof (Config), .config = config_table,         \
    .derive = derive, .weights_size = sizeof (Weights), .weights = weights, .heads = head_table,                                   \
    .ignored = "head.*|decoder.*|classifier.*" more, .forward = forward,                                                           \
  }

static const char *const model_types[] = { "modernbert", NULL };
static const char *const vision_model_types[] = { "modernvbert", NULL };

static const GtfArchitecture modernbert = ARCHITECTURE (model_types, config_fields, heads, "");
/* Pictures are no input of a text task. */
static const GtfArchitecture modernvbert = ARCHITECTURE (vision_model_types, vision_config_fields, vision_heads, "|projection_head.*|lm_head.*|*vision_model.*|*connector.*");

GTF_TEXT_PLUGINS (modernbert, "modernbert", "ModernBERT, ModernVBERT's text: encoders with rotary positions and local attention", &modernbert, &modernvbert)
