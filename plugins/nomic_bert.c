/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * BERT with rotary positions, as text embedders have it: Nomic BERT (Nussbaum et al., "Nomic Embed", 2024), GTE (Zhang et al., "mGTE", 2024)
 * and Jina Embeddings v3 (Sturua et al., 2024). The first two have gated linear units. docs/models/nomic_bert.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

typedef struct
{
  GtfTextConfig text;
  gint64 head_dim;
  GtfRope rope;
  /* by derive () */
  gint64 all_heads;
} Config;

#define ROPE_FIELDS(theta_default)                                                                                                 \
  GTF_CONFIG_INT_FIELD (Config, head_dim, "head_dim", 1, 1 << 16, 0),                                                              \
  GTF_ROPE_FIELDS (Config, rope, "rope_parameters.", "rope_theta", theta_default)

static const GtfConfigField nomic_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  ROPE_FIELDS (1000),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 30528),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 2048),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "hidden_act", "silu"),
  GTF_CONFIG_FIELDS_END
};

static const GtfConfigField gte_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  ROPE_FIELDS (160000),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 250048),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_types, "type_vocab_size", 0, 1 << 16, 1),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 8192),
  GTF_CONFIG_FIELDS_END
};

static const GtfConfigField jina_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  ROPE_FIELDS (20000),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 250002),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "hidden_size", 1, 1 << 16, 1024),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 0, 256, 24),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_attention_heads", 1, 4096, 16),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "intermediate_size", 1, 1 << 20, 4096),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_types, "type_vocab_size", 0, 1 << 16, 1),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 8194),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "layer_norm_eps", 0, 1, 1e-5),
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
  return gtf_rope_derive (&config->rope, config->head_dim, config->text.n_positions, error);
}

/* ---- weights: by the names of the model's code, or by those of the repositories that were there before it --------- */

typedef struct
{
  GtfEncoderLayer base;
  const GtfLinear *gated;       /* what is gated and then the gate, in place of base.up */
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define INNER GTF_TEXT_DIM (inner_size)
#define AT(field) G_STRUCT_OFFSET (Layer, field)
#define LAYER_REST                                                                                                                 \
  { GTF_WEIGHT_LINEAR, "self_attn.{q,k,v}_proj|attn.Wqkv|mixer.Wqkv|attention.qkv_proj", AT (base.qkv), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_TIMES (Config, all_heads, 3), HIDDEN } }, \
  { GTF_WEIGHT_LINEAR, "self_attn.o_proj|attn.out_proj|mixer.out_proj|attention.o_proj", AT (base.attention_out), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN, GTF_DIM (Config, all_heads) } },     \
  { GTF_WEIGHT_NORM, "post_attention_layernorm|norm1|attn_ln", AT (base.attention_norm), 0, { HIDDEN } },                                        \
  { GTF_WEIGHT_NORM, "post_mlp_layernorm|norm2|mlp_ln", AT (base.output_norm), 0, { HIDDEN } }

static const GtfWeight gated_layer[] = {
  LAYER_REST,
  { GTF_WEIGHT_LINEAR, "mlp.{up,gate}_proj|mlp.{fc11,fc12}|mlp.up_gate_proj", AT (gated), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_TIMES (GtfTextConfig, inner_size, 2), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "mlp.down_proj|mlp.fc2", AT (base.down), GTF_WEIGHT_BIAS_OPTIONAL, { HIDDEN, INNER } },
  { GTF_WEIGHT_END }
};
static const GtfWeight plain_layer[] = {
  LAYER_REST,
  { GTF_WEIGHT_LINEAR, "mlp.fc1", AT (base.up), 0, { INNER, HIDDEN } },
  { GTF_WEIGHT_LINEAR, "mlp.fc2", AT (base.down), 0, { HIDDEN, INNER } },
  { GTF_WEIGHT_END }
};

#define BASE_WEIGHTS(layer)                                                                                                        \
  { GTF_WEIGHT_EMBEDDING, "embeddings.word_embeddings", GTF_TEXT_FIELD (embeddings.tokens), 0, { GTF_TEXT_DIM (vocab_size), HIDDEN } },     \
  { GTF_WEIGHT_EMBEDDING, "embeddings.token_type_embeddings", GTF_TEXT_FIELD (embeddings.types), 0, { GTF_TEXT_DIM (n_types), HIDDEN } },   \
  GTF_TEXT_NORM (embeddings.norm, "embeddings.LayerNorm|emb_ln"),                                                                         \
  { GTF_WEIGHT_GROUP, "layers.%d|encoder.layers.%d|encoder.layer.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer, .group_size = sizeof (Layer),      \
    .count = GTF_TEXT_DIM (n_layers) }

static const GtfWeight gated_weights[] = { BASE_WEIGHTS (gated_layer), { GTF_WEIGHT_END } };
static const GtfWeight plain_weights[] = { BASE_WEIGHTS (plain_layer), { GTF_WEIGHT_END } };

static const GtfWeight nomic_lm[] = {
  GTF_TEXT_LINEAR (heads.lm_dense, "cls.predictions.transform.dense", 0, HIDDEN, HIDDEN),
  GTF_TEXT_NORM (heads.lm_norm, "cls.predictions.transform.layer_norm"),
  GTF_TEXT_LM ("cls.predictions.decoder", GTF_WEIGHT_PARENT_BIAS, "embeddings.word_embeddings"),
  { GTF_WEIGHT_END }
};

static const GtfWeight gte_lm[] = {
  GTF_TEXT_LINEAR (heads.lm_dense, "lm_head.dense", 0, HIDDEN, HIDDEN),
  GTF_TEXT_NORM (heads.lm_norm, "lm_head.layer_norm|lm_head.norm"),
  GTF_TEXT_LM ("lm_head.decoder", 0, "embeddings.word_embeddings"),
  { GTF_WEIGHT_END }
};

#define HEADS(prefix, lm, sequence)                                                                                                \
  { "ForMaskedLM", gtf_text_masked_lm_tasks, lm, prefix },                                                                         \
  { "ForSequenceClassification", gtf_text_sequence_tasks, sequence, prefix },                                                      \
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, prefix },                                                      \
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, prefix },                                                          \
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, prefix }

static const GtfHead nomic_heads[] = { HEADS ("nomic_bert", nomic_lm, gtf_bert_sequence), { NULL } };
static const GtfHead gte_heads[] = { HEADS ("gte", gte_lm, gtf_bert_sequence), { NULL } };
static const GtfHead jina_heads[] = { HEADS ("roberta", gtf_roberta_masked_lm, gtf_roberta_sequence), { NULL } };

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
  const float eps = (float) s->config->text.eps;
  const GtfRotation rotation = { .n_heads = s->config->text.n_heads, .table = s->table, .sequences = s->sequences };
  GtfTensor *qkv = gtf_linear (c, l->base.qkv, x), *a, *h;

  a = gtf_attention (c, gtf_rotate (c, gtf_slice (c, qkv, 0, d), &rotation), gtf_rotate (c, gtf_slice (c, qkv, d, d), &rotation), gtf_slice (c, qkv, 2 * d, d),
                     &e->attention);
  x = gtf_layer_norm (c, l->base.attention_norm, gtf_linear_add (c, l->base.attention_out, a, x), eps);
  if (l->gated != NULL)
    {
      h = gtf_linear (c, l->gated, x);
      h = gtf_gate (c, gtf_slice (c, h, inner, inner), gtf_slice (c, h, 0, inner), s->config->text.activation);
      h = gtf_linear_add (c, l->base.down, h, x);
    }
  else
    h = gtf_feed_forward (c, l->base.up, s->config->text.activation, l->base.down, x, x);
  return gtf_layer_norm (c, l->base.output_norm, h, eps);
}

static void
run (GtfContext *c, const GtfForward *f, GtfActivation lm)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .sequence = GTF_ACTIVATION_TANH, .lm = lm, .eps = (float) config->text.eps };
  GtfTextInput input;
  Shared shared = { .config = config, .layers = w->layers };
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .forward = layer, .data = &shared };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  shared.table = gtf_rope_table (c, &config->rope, &input, &shared.sequences);
  x = gtf_text_embed (c, &config->text, &w->text.embeddings, &input, NULL);
  gtf_text_outputs (c, &w->text.heads, &style, &input, gtf_encoder_run (c, &encoder, x));
}

/* Nomic's masked LM has the activation of the layers, the others always GELU. */
static void
forward_nomic (GtfContext *c, const GtfForward *f)
{
  run (c, f, ((const Config *) f->config)->text.activation);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  run (c, f, GTF_ACTIVATION_GELU);
}

/* ---- the families -------------------------------------------------------------------------------------------------- */

#define ARCHITECTURE(name, config_table, weight_table, head_table, function)                                                       \
  static const char *const name##_types[] = { #name, NULL };                                                                       \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture),                                                                                       \
    .model_types = name##_types,                                                                                                   \
    .config_size = sizeof (Config),                                                                                                \
    .config = config_table,                                                                                                        \
    .derive = derive,                                                                                                              \
    .weights_size = sizeof (Weights),                                                                                              \
    .weights = weight_table,                                                                                                       \
    .heads = head_table,                                                                                                           \
    .ignored = "*.position_ids|*inv_freq|cls.*|lm_head.*|*pooler.*|classifier.*",                                                  \
    .forward = function,                                                                                                           \
  };

ARCHITECTURE (nomic_bert, nomic_fields, gated_weights, nomic_heads, forward_nomic)
ARCHITECTURE (gte, gte_fields, gated_weights, gte_heads, forward)
ARCHITECTURE (jina_embeddings_v3, jina_fields, plain_weights, jina_heads, forward)

static const GtfArchitecture *const architectures[] = { &nomic_bert, &gte, &jina_embeddings_v3, NULL };

static const GtfArchitecturePlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfArchitecturePlugin), "nomic_bert" },
  .description = "Nomic BERT, GTE, Jina Embeddings v3: text encoders with rotary positions",
  .license = "LGPL-2.1-or-later",
  .architectures = architectures,
};

GTF_PLUGIN_EXPORT const GtfArchitecturePlugin *gtf_plugin_nomic_bert (void);

const GtfArchitecturePlugin *
gtf_plugin_nomic_bert (void)
{
  return &plugin;
}
