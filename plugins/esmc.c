/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ESM C: EvolutionaryScale, "ESM Cambrian: Revealing the mysteries of proteins with unsupervised learning" (2024).
 *
 * An encoder of proteins with Llama's names: rotary positions, gated linear units, normalisation first. Queries and keys are normalised
 * over all heads together, and what a layer adds is divided by a number that grows with the depth. docs/models/esmc.md tells what is easily
 * got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>
#include <string.h>

#define EPS 1e-5f               /* of all normalisations: the config has none */

typedef struct
{
  GtfTextConfig text;
  gint64 head_dim, n_kv_heads;
  GtfRope rope;
  /* by derive () */
  gint64 all_heads;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 64),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "hidden_size", 1, 1 << 16, 2560),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 0, 256, 80),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_attention_heads", 1, 4096, 40),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "intermediate_size", 1, 1 << 20, 6912),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "hidden_act", "silu"),
  GTF_CONFIG_STRING_FIELD (GtfTextConfig, position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, n_kv_heads, "num_key_value_heads", 0, 4096, 0),
  GTF_CONFIG_INT_FIELD (Config, head_dim, "head_dim", 0, 1 << 16, 0),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 2048),
  GTF_ROPE_FIELDS (Config, rope, "rope_parameters.", "rope_theta", 10000),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (!gtf_text_config_derive (config, error))
    return FALSE;
  if (config->head_dim == 0)
    config->head_dim = config->text.head_size;
  config->all_heads = config->head_dim * config->text.n_heads;
  if (config->n_kv_heads != 0 && config->n_kv_heads != config->text.n_heads)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "num_key_value_heads (%" G_GINT64_FORMAT ") must be num_attention_heads (%" G_GINT64_FORMAT ")",
                 config->n_kv_heads, config->text.n_heads);
  else if (config->all_heads != config->text.hidden_size)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "hidden_size (%" G_GINT64_FORMAT ") must be the product of head_dim (%" G_GINT64_FORMAT
                 ") and num_attention_heads", config->text.hidden_size, config->head_dim);
  else
    return gtf_rope_derive (&config->rope, config->head_dim, config->text.n_positions, error);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfLinear *qkv, *attention_out, *gated, *down;
  const GtfNorm *attention_norm, *query_norm, *key_norm, *output_norm;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define INNER GTF_TEXT_DIM (inner_size)
#define AT(field) G_STRUCT_OFFSET (Layer, field)
#define NORM(field, name) { GTF_WEIGHT_NORM, name, AT (field), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN } }

static const GtfWeight layer_weights[] = {
  NORM (attention_norm, "input_layernorm"),
  { GTF_WEIGHT_LINEAR, "self_attn.{q,k,v}_proj", AT (qkv), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_TIMES (GtfTextConfig, hidden_size, 3), HIDDEN } },
  NORM (query_norm, "self_attn.q_norm"),
  NORM (key_norm, "self_attn.k_norm"),
  { GTF_WEIGHT_LINEAR, "self_attn.o_proj", AT (attention_out), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN, HIDDEN } },
  NORM (output_norm, "post_attention_layernorm"),
  { GTF_WEIGHT_LINEAR, "mlp.{gate,up}_proj", AT (gated), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_TIMES (GtfTextConfig, inner_size, 2), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "mlp.down_proj", AT (down), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN, INNER } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_EMBEDDING, "embed_tokens", GTF_TEXT_FIELD (embeddings.tokens), 0, { GTF_TEXT_DIM (vocab_size), HIDDEN } },
  { GTF_WEIGHT_GROUP, "layers.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_NORM, "norm", GTF_TEXT_FIELD (final_norm), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN } },
  { GTF_WEIGHT_END }
};

static const GtfWeight lm[] = {
  GTF_TEXT_LINEAR (heads.lm_dense, "lm_head.dense", 0, HIDDEN, HIDDEN),
  GTF_TEXT_NORM (heads.lm_norm, "lm_head.layer_norm"),
  GTF_TEXT_LM ("lm_head.decoder", 0, "embed_tokens"),
  { GTF_WEIGHT_END }
};
static const GtfWeight token[] = { GTF_TEXT_LINEAR (heads.token, "score", 0, GTF_TEXT_DIM (n_labels), HIDDEN), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, lm, "esmc" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_roberta_sequence, "esmc" },
  { "ForTokenClassification", gtf_text_token_tasks, token, "esmc" },
  { "Model", gtf_text_base_tasks, NULL, "esmc" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* What all layers share. */
typedef struct
{
  const Config *config;
  const Layer *layers;
  const GtfTensor *table, *sequences;   /* cosines and sines; of which texts they are */
} Shared;

static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Shared *s = e->data;
  const Layer *l = &s->layers[i];
  const gint64 d = s->config->all_heads, inner = s->config->text.inner_size;
  const float share = 1 / sqrtf ((float) s->config->text.n_layers / 36);
  const GtfRotation rotation = { .n_heads = s->config->text.n_heads, .table = s->table, .sequences = s->sequences };
  GtfTensor *qkv = gtf_linear (c, l->qkv, gtf_layer_norm (c, l->attention_norm, x, EPS)), *q, *k, *a, *h;

  q = gtf_rotate (c, gtf_layer_norm (c, l->query_norm, gtf_slice (c, qkv, 0, d), EPS), &rotation);
  k = gtf_rotate (c, gtf_layer_norm (c, l->key_norm, gtf_slice (c, qkv, d, d), EPS), &rotation);
  a = gtf_attention (c, q, k, gtf_slice (c, qkv, 2 * d, d), &e->attention);
  x = gtf_add (c, x, gtf_scale (c, gtf_linear (c, l->attention_out, a), share));
  h = gtf_linear (c, l->gated, gtf_layer_norm (c, l->output_norm, x, EPS));
  h = gtf_gate (c, gtf_slice (c, h, 0, inner), gtf_slice (c, h, inner, inner), s->config->text.activation);
  return gtf_add (c, x, gtf_scale (c, gtf_linear (c, l->down, h), share));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .sequence = GTF_ACTIVATION_TANH, .lm = GTF_ACTIVATION_GELU, .eps = EPS };
  GtfTextConfig text = config->text;
  GtfTextInput input;
  Shared shared = { .config = config, .layers = w->layers };
  const GtfEncoder encoder = { .config = &text, .input = &input, .forward = layer, .data = &shared, .final_norm = w->text.final_norm };

  if (!gtf_text_input (c, &input))
    return;
  text.eps = EPS;
  shared.table = gtf_rope_table (c, &config->rope, &input, &shared.sequences);
  gtf_text_outputs (c, &w->text.heads, &style, &input, gtf_encoder_run (c, &encoder, gtf_embedding (c, w->text.embeddings.tokens, input.ids)));
}

static const char *const model_types[] = { "esmc", NULL };

static const GtfArchitecture esmc = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads, .ignored = "*inv_freq|lm_head.*|classifier.*|score.*", .forward = forward
};

GTF_TEXT_PLUGIN (esmc, "esmc", "ESM C: encoder of proteins", esmc)
