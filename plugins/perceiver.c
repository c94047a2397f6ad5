/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Perceiver IO over text: Jaegle et al., "Perceiver IO: A General Architecture for Structured Inputs & Outputs" (2021).
 *
 * A fixed number of latents looks at the bytes of a text once, then the latents attend among themselves; what is asked for (each place of the
 * text, or one class) looks at the latents. docs/models/perceiver.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

#define EPS 1e-5f               /* of all normalisations, whatever layer_norm_eps says */

typedef struct
{
  GtfTextConfig text;           /* hidden_size: d_model */
  gint64 n_latents, latent_size, n_blocks, n_layers, self_heads, cross_heads, qk_size, v_size, self_widening, cross_widening;
  const char *shape;
  gboolean query_residual;
  /* by derive () */
  gint64 cross_qk, cross_v, self_qk, self_v, cross_inner, self_inner;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 262),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "d_model", 1, 1 << 16, 768),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 2048),
  GTF_CONFIG_INT_FIELD (Config, n_latents, "num_latents", 1, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (Config, latent_size, "d_latents", 1, 1 << 16, 1280),
  GTF_CONFIG_INT_FIELD (Config, n_blocks, "num_blocks", 0, 256, 1),
  GTF_CONFIG_INT_FIELD (Config, n_layers, "num_self_attends_per_block", 0, 256, 26),
  GTF_CONFIG_INT_FIELD (Config, self_heads, "num_self_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, cross_heads, "num_cross_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, qk_size, "qk_channels", 0, 1 << 16, 0),
  GTF_CONFIG_INT_FIELD (Config, v_size, "v_channels", 0, 1 << 16, 0),
  GTF_CONFIG_INT_FIELD (Config, self_widening, "self_attention_widening_factor", 1, 64, 1),
  GTF_CONFIG_INT_FIELD (Config, cross_widening, "cross_attention_widening_factor", 1, 64, 1),
  GTF_CONFIG_STRING_FIELD (Config, shape, "cross_attention_shape_for_attention", "kv"),
  GTF_CONFIG_BOOL_FIELD (Config, query_residual, "use_query_residual", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  gboolean by_query = strcmp (config->shape, "q") == 0;

  config->text.embedding_size = config->text.hidden_size;
  config->self_qk = config->qk_size ? config->qk_size : config->latent_size;
  config->self_v = config->v_size ? config->v_size : config->self_qk;
  config->cross_qk = config->qk_size ? config->qk_size : by_query ? config->latent_size : config->text.hidden_size;
  config->cross_v = config->v_size ? config->v_size : config->cross_qk;
  config->cross_inner = config->cross_widening * config->latent_size;
  config->self_inner = config->self_widening * config->latent_size;
  if (!by_query && strcmp (config->shape, "kv") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "cross_attention_shape_for_attention is \"%.40s\", expected q or kv", config->shape);
  else if (config->self_v != config->latent_size)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "v_channels (%" G_GINT64_FORMAT ") must be d_latents (%" G_GINT64_FORMAT ")", config->self_v, config->latent_size);
  else if (config->self_qk % config->self_heads != 0 || config->self_v % config->self_heads != 0 || config->cross_qk % config->cross_heads != 0
           || config->cross_v % config->cross_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "qk_channels, v_channels, d_model or d_latents are no multiples of num_self_attention_heads (%" G_GINT64_FORMAT
                 ") and num_cross_attention_heads (%" G_GINT64_FORMAT ")", config->self_heads, config->cross_heads);
  else
    return TRUE;
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfNorm *query_norm, *input_norm, *norm;        /* input_norm: NULL where queries attend among themselves */
  const GtfLinear *query, *key, *value, *out, *up, *down;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const GtfTensor *latents, *asked;     /* asked: what the decoder asks for */
  Layer cross, decoder;
  const Layer *layers;
} Weights;

#define MODEL GTF_TEXT_DIM (hidden_size)
#define LATENT GTF_DIM (Config, latent_size)
#define AT(Struct, field) G_STRUCT_OFFSET (Struct, field)
/* Queries of q numbers look at inputs of i; keys of k numbers, values of v, an inner layer of n. */
#define LAYER(Struct, l, path, q, i, k, v, n)                                                                                      \
  { GTF_WEIGHT_NORM, path "attention.self.layernorm1", AT (Struct, l query_norm), 0, { q } },                                      \
  { GTF_WEIGHT_LINEAR, path "attention.self.query", AT (Struct, l query), 0, { k, q } },                                           \
  { GTF_WEIGHT_LINEAR, path "attention.self.key", AT (Struct, l key), 0, { k, i } },                                               \
  { GTF_WEIGHT_LINEAR, path "attention.self.value", AT (Struct, l value), 0, { v, i } },                                           \
  { GTF_WEIGHT_LINEAR, path "attention.output.dense", AT (Struct, l out), 0, { q, v } },                                           \
  { GTF_WEIGHT_NORM, path "layernorm", AT (Struct, l norm), 0, { q } },                                                            \
  { GTF_WEIGHT_LINEAR, path "mlp.dense1", AT (Struct, l up), 0, { n, q } },                                                        \
  { GTF_WEIGHT_LINEAR, path "mlp.dense2", AT (Struct, l down), 0, { q, n } }
#define INPUT_NORM(l, path, i) { GTF_WEIGHT_NORM, path "attention.self.layernorm2", AT (Weights, l input_norm), 0, { i } }

#define SELF_QK GTF_DIM (Config, self_qk)
#define SELF_V GTF_DIM (Config, self_v)
#define SELF_INNER GTF_DIM (Config, self_inner)
#define CROSS_QK GTF_DIM (Config, cross_qk)
#define CROSS_V GTF_DIM (Config, cross_v)
#define CROSS_INNER GTF_DIM (Config, cross_inner)
#define LM_QK GTF_DIM_CONST (256)

static const GtfWeight self_layer[] = { LAYER (Layer, , "", LATENT, LATENT, SELF_QK, SELF_V, SELF_INNER), { GTF_WEIGHT_END } };

#define CROSS "encoder.cross_attention."

static const GtfWeight weights[] = {
  GTF_TEXT_TABLE (tokens, "input_preprocessor.embeddings", vocab_size),
  GTF_TEXT_TABLE (positions, "input_preprocessor.position_embeddings", n_positions),
  { GTF_WEIGHT_TENSOR, "embeddings.latents", AT (Weights, latents), 0, { GTF_DIM (Config, n_latents), LATENT } },
  LAYER (Weights, cross., CROSS, LATENT, MODEL, CROSS_QK, CROSS_V, CROSS_INNER),
  INPUT_NORM (cross., CROSS, MODEL),
  { GTF_WEIGHT_GROUP, "encoder.self_attends.%d", .offset = AT (Weights, layers), .group = self_layer, .group_size = sizeof (Layer), .count = GTF_DIM (Config, n_layers) },
  { GTF_WEIGHT_END }
};

#define PLACES "decoder.decoding_cross_attention."
#define CLASS "decoder.decoder.decoding_cross_attention."

/* Each place of the text asks; eight heads, 256 numbers of keys, whatever config.json says. */
static const GtfWeight lm[] = {
  { GTF_WEIGHT_TENSOR, "decoder.output_position_encodings.position_embeddings", AT (Weights, asked), 0, { GTF_TEXT_DIM (n_positions), MODEL } },
  LAYER (Weights, decoder., PLACES, MODEL, LATENT, LM_QK, MODEL, MODEL),
  INPUT_NORM (decoder., PLACES, LATENT),
  { GTF_WEIGHT_LINEAR, "embedding_decoder", GTF_TEXT_FIELD (heads.lm), 0, { GTF_TEXT_DIM (vocab_size), MODEL }, "input_preprocessor.embeddings" },
  { GTF_WEIGHT_END }
};
static const GtfWeight sequence[] = {
  { GTF_WEIGHT_TENSOR, "decoder.decoder.output_position_encodings.position_embeddings", AT (Weights, asked), 0, { GTF_DIM_CONST (1), LATENT } },
  LAYER (Weights, decoder., CLASS, LATENT, LATENT, LATENT, LATENT, LATENT),
  INPUT_NORM (decoder., CLASS, LATENT),
  { GTF_WEIGHT_LINEAR, "decoder.decoder.final_layer", GTF_TEXT_FIELD (heads.sequence), 0, { GTF_TEXT_DIM (n_labels), LATENT } },
  { GTF_WEIGHT_END }
};

/* Nothing gives features of tokens. */
static const char *const lm_tasks[] = { "fill-mask", NULL };
static const char *const sequence_tasks[] = { "text-classification", "zero-shot-classification", "text-ranking", NULL };

static const GtfHead heads[] = {
  { "ForMaskedLM", lm_tasks, lm, "perceiver" },
  { "ForSequenceClassification", sequence_tasks, sequence, "perceiver" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* x looks at the inputs, or at itself where these are NULL. */
static GtfTensor *
layer (GtfContext *c, const Config *config, const Layer *l, GtfTensor *x, const GtfTensor *inputs, const GtfAttention *a, gboolean residual)
{
  gsize mark = gtf_push (c);
  const GtfTensor *h = gtf_layer_norm (c, l->query_norm, x, EPS);
  GtfTensor *q = gtf_linear (c, l->query, h), *y;

  h = inputs != NULL ? gtf_layer_norm (c, l->input_norm, inputs, EPS) : h;
  y = gtf_attention (c, q, gtf_linear (c, l->key, h), gtf_linear (c, l->value, h), a);
  y = residual ? gtf_linear_add (c, l->out, y, x) : gtf_linear (c, l->out, y);
  return gtf_pop_keep (c, mark, gtf_feed_forward (c, l->up, config->text.activation, l->down, gtf_layer_norm (c, l->norm, y, EPS), y));
}

static gint64
row_of_text (gint64 i, gconstpointer data)
{
  return i % *(const gint64 *) data;
}

/* The first n rows of a table for each of b texts: [b][n][D]. */
static GtfTensor *
for_each_text (GtfContext *c, const GtfTensor *table, gint64 b, gint64 n)
{
  return gtf_reshape (c, gtf_take (c, table, gtf_indices (c, b * n, row_of_text, &n)), 3, (gint64[]){ b, n, -1 });
}

/* ids [B][T] -> what each text, or each of its places, asked for: [B][1 or T][D] */
static GtfTensor *
read_texts (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *ids, const GtfTensor *positions, const GtfTensor *mask)
{
  const gint64 b = gtf_dim (ids, 0), n = gtf_dim (ids, 1);
  const GtfAttention cross = { .n_heads = config->cross_heads, .mask = mask }, self = { .n_heads = config->self_heads };
  const gboolean places = w->text.heads.lm != NULL;
  const GtfAttention decode = { .n_heads = places ? 8 : 1 };
  GtfTensor *inputs = gtf_add (c, gtf_embedding (c, w->text.embeddings.tokens, ids), gtf_embedding (c, w->text.embeddings.positions, positions)), *x;

  x = layer (c, config, &w->cross, for_each_text (c, w->latents, b, config->n_latents), inputs, &cross, config->query_residual);
  for (gint64 i = 0; i < config->n_blocks * config->n_layers; i++)
    x = layer (c, config, &w->layers[i % config->n_layers], x, NULL, &self, TRUE);
  return layer (c, config, &w->decoder, for_each_text (c, w->asked, b, places ? n : 1), x, &decode, !places);
}

/* Packed texts have latents of their own, so that each is read by itself. */
static GtfTensor *
read_all (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input)
{
  GtfTensor *positions = gtf_text_positions (c, input, 0), **parts, *x = NULL;

  if (!gtf_text_check_length (c, &config->text, input, positions))
    return NULL;
  if (input->sequences == NULL)
    return read_texts (c, config, w, input->ids, positions, input->mask);
  parts = g_new0 (GtfTensor *, input->n_texts);
  for (gint64 i = 0; i < input->n_texts && !gtf_failed (c); i++)
    {
      gint64 length;
      x = read_texts (c, config, w, gtf_text_of (c, input, input->ids, i, &length), gtf_text_of (c, input, positions, i, &length), NULL);
      parts[i] = gtf_failed (c) ? NULL : gtf_reshape (c, x, 2, (gint64[]){ gtf_dim (x, 1), -1 });
    }
  x = gtf_failed (c) ? NULL : gtf_reshape (c, gtf_concat (c, parts, input->n_texts), 3, (gint64[]){ 1, -1, gtf_dim (parts[0], 1) });
  g_free (parts);
  return x;
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .eps = EPS };
  GtfTextInput input;
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = read_all (c, config, w, &input);
  if (gtf_failed (c))
    return;
  if (w->text.heads.lm != NULL)
    gtf_text_outputs (c, &w->text.heads, &style, &input, x);
  else
    gtf_output (c, "logits", gtf_reshape (c, gtf_linear (c, w->text.heads.sequence, x), 2, (gint64[]){ input.n_texts, -1 }));
}

static const char *const model_types[] = { "perceiver", NULL };

static const GtfArchitecture perceiver = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads, .ignored = "*decoder.*", .forward = forward
};

GTF_TEXT_PLUGIN (perceiver, "perceiver", "Perceiver IO: bytes of a text read by latents", perceiver)
