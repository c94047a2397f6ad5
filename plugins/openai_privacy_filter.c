/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OpenAI Privacy Filter (2026): the blocks of gpt-oss (OpenAI, "gpt-oss-120b & gpt-oss-20b Model Card", 2025) read in both directions, which label
 * what is private in a text.
 *
 * Root mean square norms, rotary positions of neighbouring features, a window in every layer, a sink in each head, and experts instead of linear
 * layers. docs/models/openai_privacy_filter.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  GtfRope rope;
  gint64 n_kv_heads, head_dim, window, n_experts, n_chosen;
  double alpha, limit;
  gint64 n_rope, n_scaling;             /* members of rope_parameters, of rope_scaling; -1: there is none */
  /* by derive () */
  gint64 q_size, qkv_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 200064),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "hidden_size", 1, 1 << 16, 640),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "intermediate_size", 1, 1 << 20, 640),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 1, 256, 8),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_attention_heads", 1, 4096, 14),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 131072),
  GTF_CONFIG_COUNT_FIELD (GtfTextConfig, n_labels, "id2label|num_labels", 0, 1 << 20, 33),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "rms_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_INT_FIELD (Config, n_kv_heads, "num_key_value_heads", 1, 4096, 2),
  GTF_CONFIG_INT_FIELD (Config, head_dim, "head_dim", 1, 1 << 16, 64),
  GTF_CONFIG_INT_FIELD (Config, window, "sliding_window", 0, 1 << 24, 128),
  GTF_CONFIG_INT_FIELD (Config, n_experts, "num_local_experts|num_experts", 1, 4096, 128),
  GTF_CONFIG_INT_FIELD (Config, n_chosen, "num_experts_per_tok", 1, 4096, 4),
  GTF_CONFIG_FLOAT_FIELD (Config, alpha, "swiglu_alpha", 0, 1e6, 1.702),
  GTF_CONFIG_FLOAT_FIELD (Config, limit, "swiglu_limit", 0, 1e6, 7),
  GTF_ROPE_FIELDS (Config, rope, "rope_parameters.", "rope_theta", 150000),
  GTF_CONFIG_COUNT_FIELD (Config, n_rope, "rope_parameters", 0, 1 << 16, -1),
  GTF_CONFIG_COUNT_FIELD (Config, n_scaling, "rope_scaling", 0, 1 << 16, -1),
  GTF_CONFIG_FIELDS_END
};

/* What gpt-oss has, for a config without rope_parameters. With any, even with rope_theta alone, what they do not say is as everywhere. */
static void
default_rope (GtfRope *rope)
{
  rope->type = "yarn";
  rope->factor = 32;
  rope->original = 4096;
  rope->truncate = FALSE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->n_rope < 0 && config->n_scaling <= 0)
    default_rope (&config->rope);
  config->text.embedding_size = config->text.hidden_size;
  config->q_size = config->text.n_heads * config->head_dim;
  config->qkv_size = config->q_size + 2 * config->n_kv_heads * config->head_dim;
  if (config->text.n_heads % config->n_kv_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "num_key_value_heads (%" G_GINT64_FORMAT ") must divide num_attention_heads (%" G_GINT64_FORMAT ")",
                 config->n_kv_heads, config->text.n_heads);
  else if (config->n_chosen > config->n_experts)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "num_experts_per_tok (%" G_GINT64_FORMAT ") is more than num_local_experts (%" G_GINT64_FORMAT ")",
                 config->n_chosen, config->n_experts);
  else
    return gtf_rope_derive (&config->rope, config->head_dim, config->text.n_positions, error);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfNorm *attention_norm, *experts_norm;
  const GtfLinear *qkv, *attention_out, *router;
  const GtfLinear *const *gate_up, *const *down;        /* an expert each */
  const GtfTensor *sinks, *gate_up_bias, *down_bias;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define INNER GTF_TEXT_DIM (inner_size)
#define EXPERTS GTF_DIM (Config, n_experts)
#define AT(field) G_STRUCT_OFFSET (Layer, field)
#define NORM(field, name) { GTF_WEIGHT_NORM, name, AT (field), GTF_WEIGHT_NO_BIAS, { HIDDEN } }

static const GtfWeight layer_weights[] = {
  NORM (attention_norm, "input_layernorm"),
  { GTF_WEIGHT_LINEAR, "self_attn.{q,k,v}_proj", AT (qkv), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM (Config, qkv_size), HIDDEN } },
  { GTF_WEIGHT_TENSOR, "self_attn.sinks", AT (sinks), 0, { GTF_TEXT_DIM (n_heads) } },
  { GTF_WEIGHT_LINEAR, "self_attn.o_proj", AT (attention_out), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN, GTF_DIM (Config, q_size) } },
  NORM (experts_norm, "post_attention_layernorm"),
  { GTF_WEIGHT_LINEAR, "mlp.router", AT (router), 0, { EXPERTS, HIDDEN } },
  { GTF_WEIGHT_EXPERTS, "mlp.experts.gate_up_proj", AT (gate_up), 0, { EXPERTS, HIDDEN, GTF_DIM_TIMES (GtfTextConfig, inner_size, 2) } },
  { GTF_WEIGHT_TENSOR, "mlp.experts.gate_up_proj_bias", AT (gate_up_bias), 0, { EXPERTS, GTF_DIM_TIMES (GtfTextConfig, inner_size, 2) } },
  { GTF_WEIGHT_EXPERTS, "mlp.experts.down_proj", AT (down), 0, { EXPERTS, INNER, HIDDEN } },
  { GTF_WEIGHT_TENSOR, "mlp.experts.down_proj_bias", AT (down_bias), 0, { EXPERTS, HIDDEN } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_EMBEDDING, "embed_tokens", GTF_TEXT_FIELD (embeddings.tokens), 0, { GTF_TEXT_DIM (vocab_size), HIDDEN } },
  { GTF_WEIGHT_GROUP, "layers.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_NORM, "norm", GTF_TEXT_FIELD (final_norm), GTF_WEIGHT_NO_BIAS, { HIDDEN } },
  { GTF_WEIGHT_END }
};

static const GtfWeight token[] = { GTF_TEXT_LINEAR (heads.token, "score", GTF_WEIGHT_BIAS_OPTIONAL, GTF_TEXT_DIM (n_labels), HIDDEN), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForTokenClassification", gtf_text_token_tasks, token, "model" },
  { "Model", gtf_text_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* What all layers share. */
typedef struct
{
  const Config *config;
  const Weights *w;
  const GtfTensor *table, *sequences;   /* cosines and sines; of which texts they are */
} Shared;

static GtfTensor *
attention (GtfContext *c, const GtfEncoder *e, const Shared *s, const Layer *l, const GtfTensor *x)
{
  const Config *config = s->config;
  const gint64 n = config->text.n_heads, n_kv = config->n_kv_heads, q_size = config->q_size, kv_size = n_kv * config->head_dim;
  const GtfWindowAttention window = { .n_heads = n, .before = config->window, .after = config->window, .sinks = l->sinks, .mask = e->attention.mask,
                                      .sequences = e->attention.sequences, .weights = e->attention.weights };
  GtfRotation rotation = { .n_heads = n, .table = s->table, .interleaved = TRUE, .sequences = s->sequences };
  GtfTensor *qkv = gtf_linear (c, l->qkv, x), *q = gtf_rotate (c, gtf_slice (c, qkv, 0, q_size), &rotation), *k, *v;

  rotation.n_heads = n_kv;
  k = gtf_encoder_repeat_heads (c, gtf_rotate (c, gtf_slice (c, qkv, q_size, kv_size), &rotation), n, n_kv);
  v = gtf_encoder_repeat_heads (c, gtf_slice (c, qkv, q_size + kv_size, kv_size), n, n_kv);
  return gtf_window_attention (c, q, k, v, &window);
}

/* The last layer ends with the norm of the whole: that is what counts as its hidden state. */
static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Shared *s = e->data;
  const Config *config = s->config;
  const Layer *l = &s->w->layers[i];
  const GtfExperts experts = { .router = l->router, .gate_up = l->gate_up, .gate_up_bias = l->gate_up_bias, .down = l->down, .down_bias = l->down_bias,
                               .n_chosen = config->n_chosen, .alpha = (float) config->alpha, .limit = (float) config->limit };
  const float eps = (float) config->text.eps;

  x = gtf_linear_add (c, l->attention_out, attention (c, e, s, l, gtf_rms_norm (c, l->attention_norm, x, eps)), x);
  x = gtf_add (c, x, gtf_experts (c, &experts, gtf_rms_norm (c, l->experts_norm, x, eps)));
  return i + 1 < config->text.n_layers ? x : gtf_rms_norm (c, s->w->text.final_norm, x, eps);
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

  if (!gtf_text_input (c, &input))
    return;
  shared.table = gtf_rope_table (c, &config->rope, &input, &shared.sequences);
  gtf_text_outputs (c, &w->text.heads, &style, &input, gtf_encoder_run (c, &encoder, gtf_embedding (c, w->text.embeddings.tokens, input.ids)));
}

static const char *const model_types[] = { "openai_privacy_filter", NULL };

static const GtfArchitecture openai_privacy_filter = {
  .struct_size = sizeof (GtfArchitecture), .model_types = model_types, .config_size = sizeof (Config), .config = config_fields, .derive = derive,
  .weights_size = sizeof (Weights), .weights = weights, .heads = heads, .ignored = "lm_head.*|score.*", .forward = forward
};

GTF_TEXT_PLUGIN (openai_privacy_filter, "openai_privacy_filter", "OpenAI Privacy Filter: text encoder with experts", openai_privacy_filter)
