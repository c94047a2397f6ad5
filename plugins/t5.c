/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * T5's encoder: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer" (2019); mT5 (Xue et al., 2020) and
 * UMT5 (Chung et al., 2023), by which Sentence-T5, GTR and Instructor read.
 *
 * Root mean square norms before each block, and no positions but a number by distance and head, which is added to scores that nothing scales: one
 * table for all layers, in UMT5 one for each. docs/models/t5.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

typedef struct
{
  GtfTextConfig text;
  gint64 head_dim, n_buckets, most_distance;
  const char *feed_forward;
  /* by derive () */
  gboolean gated;
  gint64 all_heads, up_size;
} Config;

#define FIELDS(size, inner, layers, heads, vocabulary, feed_forward_default)                                                       \
  GTF_TEXT_CONFIG_FIELDS,                                                                                                          \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, vocabulary),                                          \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "d_model", 1, 1 << 16, size),                                                  \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "d_ff", 1, 1 << 20, inner),                                                     \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_layers", 1, 256, layers),                                                    \
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_heads", 1, 4096, heads),                                                      \
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "layer_norm_epsilon", 0, 1, 1e-6),                                                   \
  GTF_CONFIG_BOOL_FIELD (GtfTextConfig, is_decoder, "", FALSE),                                                                    \
  GTF_CONFIG_INT_FIELD (Config, head_dim, "d_kv", 1, 1 << 16, 64),                                                                 \
  GTF_CONFIG_INT_FIELD (Config, n_buckets, "relative_attention_num_buckets", 4, 1 << 16, 32),                                      \
  GTF_CONFIG_INT_FIELD (Config, most_distance, "relative_attention_max_distance", 1, 1 << 24, 128),                                \
  GTF_CONFIG_STRING_FIELD (Config, feed_forward, "feed_forward_proj", feed_forward_default),                                       \
  GTF_CONFIG_FIELDS_END

static const GtfConfigField t5_fields[] = { FIELDS (512, 2048, 6, 8, 32128, "relu") };
static const GtfConfigField mt5_fields[] = { FIELDS (512, 1024, 8, 6, 250112, "gated-gelu") };

/* "relu", "gated-silu"; the GELU of "gated-gelu" is the one by tanh. */
static gboolean
derive_feed_forward (Config *config, GError **error)
{
  const char *name = config->feed_forward;

  config->gated = g_str_has_prefix (name, "gated-");
  if (config->gated)
    name += strlen ("gated-");
  if (gtf_activation_from_name (strcmp (config->feed_forward, "gated-gelu") == 0 ? "gelu_new" : name, &config->text.activation))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "feed_forward_proj is \"%.40s\", expected the name of an activation, or \"gated-\" and one", config->feed_forward);
  return FALSE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->text.embedding_size = config->text.hidden_size;
  config->all_heads = config->head_dim * config->text.n_heads;
  config->up_size = config->text.inner_size;
  if (!derive_feed_forward (config, error))
    return FALSE;
  config->up_size *= config->gated ? 2 : 1;
  if (config->most_distance != config->n_buckets / 2 / 2)       /* else buckets by logarithm are of no size */
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "relative_attention_max_distance (%" G_GINT64_FORMAT ") must not be a quarter of relative_attention_num_buckets (%"
               G_GINT64_FORMAT ")", config->most_distance, config->n_buckets);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfNorm *attention_norm, *output_norm;
  const GtfLinear *qkv, *attention_out, *up, *down;
  const GtfEmbedding *distances;        /* UMT5 */
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
  const GtfNorm *norm;
  const GtfEmbedding *distances;        /* of all layers: T5 and mT5 */
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define AT(field) G_STRUCT_OFFSET (Layer, field)
#define LAYER_LINEAR(field, name, ...) { GTF_WEIGHT_LINEAR, name, AT (field), GTF_WEIGHT_NO_BIAS, { __VA_ARGS__ } }
#define LAYER_NORM(field, name) { GTF_WEIGHT_NORM, name, AT (field), GTF_WEIGHT_NO_BIAS, { HIDDEN } }

#define LAYER                                                                                                                      \
  LAYER_LINEAR (qkv, "layer.0.SelfAttention.{q,k,v}", GTF_DIM_TIMES (Config, all_heads, 3), HIDDEN),                                \
  LAYER_LINEAR (attention_out, "layer.0.SelfAttention.o", HIDDEN, GTF_DIM (Config, all_heads)),                                    \
  LAYER_NORM (attention_norm, "layer.0.layer_norm"),                                                                               \
  LAYER_LINEAR (up, "layer.1.DenseReluDense.{wi_0,wi_1}|layer.1.DenseReluDense.wi", GTF_DIM (Config, up_size), HIDDEN),            \
  LAYER_LINEAR (down, "layer.1.DenseReluDense.wo", HIDDEN, GTF_TEXT_DIM (inner_size)),                                             \
  LAYER_NORM (output_norm, "layer.1.layer_norm")
#define DISTANCES(name, offset) { GTF_WEIGHT_EMBEDDING, name "layer.0.SelfAttention.relative_attention_bias", offset, 0, { GTF_DIM (Config, n_buckets), GTF_TEXT_DIM (n_heads) } }

static const GtfWeight t5_layer[] = { LAYER, { GTF_WEIGHT_END } };
static const GtfWeight umt5_layer[] = { LAYER, DISTANCES ("", AT (distances)), { GTF_WEIGHT_END } };

#define ENCODER(layer_table)                                                                                                       \
  { GTF_WEIGHT_EMBEDDING, "shared|encoder.embed_tokens", GTF_TEXT_FIELD (embeddings.tokens), 0, { GTF_TEXT_DIM (vocab_size), HIDDEN } }, \
  { GTF_WEIGHT_GROUP, "encoder.block.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_table, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) }, \
  { GTF_WEIGHT_NORM, "encoder.final_layer_norm", G_STRUCT_OFFSET (Weights, norm), GTF_WEIGHT_NO_BIAS, { HIDDEN } }

static const GtfWeight t5_weights[] = { ENCODER (t5_layer), DISTANCES ("encoder.block.0.", G_STRUCT_OFFSET (Weights, distances)), { GTF_WEIGHT_END } };
static const GtfWeight umt5_weights[] = { ENCODER (umt5_layer), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "transformer" },
  { "ForConditionalGeneration", gtf_text_base_tasks, NULL, "" },
  { "Model", gtf_text_base_tasks, NULL, "transformer" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* What all layers share. */
typedef struct
{
  const Config *config;
  const Weights *w;
  GtfTensor *distances;         /* NULL: each layer has its own */
} Shared;

static GtfTensor *
distances (GtfContext *c, const Config *config, const GtfTextInput *input, const GtfEmbedding *table)
{
  return gtf_encoder_distances (c, input, table, config->n_buckets, config->most_distance);
}

/* The last layer ends with the norm of the whole: that is what counts as its hidden state. */
static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Shared *s = e->data;
  const Layer *l = &s->w->layers[i];
  const gint64 d = s->config->all_heads, inner = s->config->text.inner_size;
  const float eps = (float) s->config->text.eps;
  GtfAttention attention = e->attention;
  GtfTensor *qkv = gtf_linear (c, l->qkv, gtf_rms_norm (c, l->attention_norm, x, eps)), *h;

  attention.distances = l->distances != NULL ? distances (c, s->config, e->input, l->distances) : s->distances;
  h = gtf_attention (c, gtf_slice (c, qkv, 0, d), gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &attention);
  x = gtf_linear_add (c, l->attention_out, h, x);
  h = gtf_rms_norm (c, l->output_norm, x, eps);
  if (s->config->gated)
    {
      h = gtf_linear (c, l->up, h);
      h = gtf_gate (c, gtf_slice (c, h, 0, inner), gtf_slice (c, h, inner, inner), s->config->text.activation);
      h = gtf_linear_add (c, l->down, h, x);
    }
  else
    h = gtf_feed_forward (c, l->up, s->config->text.activation, l->down, h, x);
  return i + 1 < s->config->text.n_layers ? h : gtf_rms_norm (c, s->w->norm, h, eps);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .eps = (float) config->text.eps };
  GtfTextInput input;
  Shared shared = { .config = config, .w = w };
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .forward = layer, .attention = { .scale = 1 }, .data = &shared };

  if (!gtf_text_input (c, &input))
    return;
  if (w->distances != NULL)
    shared.distances = distances (c, config, &input, w->distances);
  gtf_text_outputs (c, &w->text.heads, &style, &input, gtf_encoder_run (c, &encoder, gtf_embedding (c, w->text.embeddings.tokens, input.ids)));
}

/* ---- the families -------------------------------------------------------------------------------------------------- */

#define ARCHITECTURE(name, config_table, weight_table)                                                                             \
  static const char *const name##_types[] = { #name, NULL };                                                                       \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .model_types = name##_types, .config_size = sizeof (Config), .config = config_table, .derive = derive, \
    .weights_size = sizeof (Weights), .weights = weight_table, .heads = heads,                                                     \
    .ignored = "*decoder.*|*lm_head.*|*encoder.embed_tokens.*|classif*", .forward = forward                                        \
  };

ARCHITECTURE (t5, t5_fields, t5_weights)
ARCHITECTURE (mt5, mt5_fields, t5_weights)
ARCHITECTURE (umt5, mt5_fields, umt5_weights)

GTF_TEXT_PLUGINS (t5, "t5", "T5, mT5, UMT5: the encoder", &t5, &mt5, &umt5)
