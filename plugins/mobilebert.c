/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MobileBERT: Sun et al., "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices" (2020).
 *
 * Narrow blocks between a bottleneck in and one out, several linear layers in each, and scaling instead of normalisation.
 * docs/models/mobilebert.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 bottleneck, n_networks;
  gboolean trigram, use_bottleneck, bottleneck_attention, shared, pools;
  const char *norm_type;
  /* computed */
  gboolean plain_norm;                  /* a scale and a sum instead of a normalisation */
  gint64 size, in_size, shared_size, out_size, value_size, embedded_size, transform_size, n_more, pooler_size, rest_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.hidden_size, "hidden_size", 1, 1 << 16, 512),
  GTF_CONFIG_INT_FIELD (Config, text.n_layers, "num_hidden_layers", 0, 256, 24),
  GTF_CONFIG_INT_FIELD (Config, text.n_heads, "num_attention_heads", 1, 4096, 4),
  GTF_CONFIG_INT_FIELD (Config, text.inner_size, "intermediate_size", 1, 1 << 20, 512),
  GTF_CONFIG_INT_FIELD (Config, text.embedding_size, "embedding_size", 1, 1 << 16, 128),
  GTF_CONFIG_ACTIVATION_FIELD (Config, text.activation, "hidden_act", "relu"),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_BOOL_FIELD (Config, trigram, "trigram_input", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, use_bottleneck, "use_bottleneck", TRUE),
  GTF_CONFIG_INT_FIELD (Config, bottleneck, "intra_bottleneck_size", 1, 1 << 16, 128),
  GTF_CONFIG_BOOL_FIELD (Config, bottleneck_attention, "use_bottleneck_attention", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, shared, "key_query_shared_bottleneck", TRUE),
  GTF_CONFIG_INT_FIELD (Config, n_networks, "num_feedforward_networks", 1, 256, 4),
  GTF_CONFIG_STRING_FIELD (Config, norm_type, "normalization_type", "no_norm"),
  GTF_CONFIG_BOOL_FIELD (Config, pools, "classifier_activation", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  gint64 hidden = config->text.hidden_size;

  config->plain_norm = g_str_equal (config->norm_type, "no_norm");
  config->size = config->use_bottleneck ? config->bottleneck : hidden;
  config->in_size = config->out_size = config->use_bottleneck ? config->size : 0;
  config->shared_size = config->use_bottleneck && config->shared ? config->size : 0;
  config->value_size = config->bottleneck_attention ? config->size : hidden;
  config->embedded_size = config->text.embedding_size * (config->trigram ? 3 : 1);
  config->transform_size = config->trigram || config->text.embedding_size != hidden ? hidden : 0;
  config->n_more = config->n_networks - 1;
  config->pooler_size = config->pools ? hidden : 0;
  config->rest_size = hidden - config->text.embedding_size;
  if (!gtf_text_config_derive (data, error))
    return FALSE;
  if ((config->plain_norm || g_str_equal (config->norm_type, "layer_norm")) && config->size % config->text.n_heads == 0 && config->rest_size >= 0
      && (!config->use_bottleneck || config->bottleneck_attention || config->shared || config->size == hidden))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "normalization_type (\"%.40s\"), intra_bottleneck_size (%" G_GINT64_FORMAT "), num_attention_heads (%" G_GINT64_FORMAT
               ") and embedding_size (%" G_GINT64_FORMAT ") do not fit each other and hidden_size (%" G_GINT64_FORMAT ")",
               config->norm_type, config->bottleneck, config->text.n_heads, config->text.embedding_size, hidden);
  return FALSE;
}

/* A linear layer whose result, with a residual or without, is normalised. */
typedef struct
{
  const GtfLinear *dense;
  const GtfNorm *norm;
} Step;

typedef struct
{
  const GtfLinear *up;
  Step down;
} Network;

typedef struct
{
  Step input, shared, attention_out, out;       /* of the bottleneck and attention */
  const GtfLinear *query, *key, *value;
  const Network *more;
  Network network;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const GtfLinear *transform;
  const Layer *layers;
  const GtfLinear *lm, *lm_rest, *next_sentence;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define INNER GTF_TEXT_DIM (inner_size)
#define SIZE GTF_DIM (Config, size)
#define LINEAR(Struct, field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), 0, { out, in } }
#define STEP(Struct, field, name, out, in)                                                                                         \
  { GTF_WEIGHT_LINEAR, name ".dense", G_STRUCT_OFFSET (Struct, field.dense), 0, { out, in } },                                     \
  { GTF_WEIGHT_NORM, name ".LayerNorm", G_STRUCT_OFFSET (Struct, field.norm), 0, { out } }

static const GtfWeight network[] = {
  LINEAR (Network, up, "intermediate.dense", INNER, SIZE),
  STEP (Network, down, "output", SIZE, INNER),
  { GTF_WEIGHT_END }
};
static const GtfWeight layer[] = {
  STEP (Layer, input, "bottleneck.input", GTF_DIM (Config, in_size), HIDDEN),
  STEP (Layer, shared, "bottleneck.attention", GTF_DIM (Config, shared_size), HIDDEN),
  LINEAR (Layer, query, "attention.self.query", SIZE, SIZE),
  LINEAR (Layer, key, "attention.self.key", SIZE, SIZE),
  LINEAR (Layer, value, "attention.self.value", SIZE, GTF_DIM (Config, value_size)),
  STEP (Layer, attention_out, "attention.output", SIZE, SIZE),
  { GTF_WEIGHT_GROUP, "ffn.%d", .offset = G_STRUCT_OFFSET (Layer, more), .group = network, .group_size = sizeof (Network), .count = GTF_DIM (Config, n_more) },
  LINEAR (Layer, network.up, "intermediate.dense", INNER, SIZE),
  STEP (Layer, network.down, "output", SIZE, INNER),
  { GTF_WEIGHT_LINEAR, "output.bottleneck.dense", G_STRUCT_OFFSET (Layer, out.dense), 0, { HIDDEN, GTF_DIM (Config, out_size) } },
  { GTF_WEIGHT_NORM, "output.bottleneck.LayerNorm", G_STRUCT_OFFSET (Layer, out.norm), GTF_WEIGHT_OPTIONAL, { HIDDEN } },
  { GTF_WEIGHT_END }
};
static const GtfWeight weights[] = {
  GTF_TEXT_TABLE (tokens, "embeddings.word_embeddings", vocab_size),
  { GTF_WEIGHT_EMBEDDING, "embeddings.position_embeddings", GTF_TEXT_FIELD (embeddings.positions), 0, { GTF_TEXT_DIM (n_positions), HIDDEN } },
  { GTF_WEIGHT_EMBEDDING, "embeddings.token_type_embeddings", GTF_TEXT_FIELD (embeddings.types), 0, { GTF_TEXT_DIM (n_types), HIDDEN } },
  GTF_TEXT_NORM (embeddings.norm, "embeddings.LayerNorm"),
  LINEAR (Weights, transform, "embeddings.embedding_transformation", GTF_DIM (Config, transform_size), GTF_DIM (Config, embedded_size)),
  { GTF_WEIGHT_GROUP, "encoder.layer.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_END }
};

/* The output of the masked LM: the table of tokens and, for the features beyond it, a matrix that is stored the other way round. */
#define POOLER GTF_TEXT_LINEAR (heads.pooler, "pooler.dense", 0, GTF_DIM (Config, pooler_size), HIDDEN)
#define PREDICTIONS                                                                                                                \
  GTF_TEXT_LINEAR (heads.lm_dense, "cls.predictions.transform.dense", 0, HIDDEN, HIDDEN),                                          \
  GTF_TEXT_NORM (heads.lm_norm, "cls.predictions.transform.LayerNorm"),                                                            \
  { GTF_WEIGHT_LINEAR, "cls.predictions.decoder", G_STRUCT_OFFSET (Weights, lm), GTF_WEIGHT_PARENT_BIAS,                           \
    { GTF_TEXT_DIM (vocab_size), GTF_TEXT_DIM (embedding_size) }, "embeddings.word_embeddings" },                                  \
  { GTF_WEIGHT_LINEAR, "cls.predictions.dense", G_STRUCT_OFFSET (Weights, lm_rest), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_TRANSPOSED,    \
    { GTF_TEXT_DIM (vocab_size), GTF_DIM (Config, rest_size) } }

static const GtfWeight base[] = { { GTF_WEIGHT_LINEAR, "pooler.dense", GTF_TEXT_FIELD (heads.pooler), GTF_WEIGHT_OPTIONAL, { GTF_DIM (Config, pooler_size), HIDDEN } }, { GTF_WEIGHT_END } };
static const GtfWeight masked_lm[] = { PREDICTIONS, { GTF_WEIGHT_END } };
static const GtfWeight pretraining[] = { POOLER, PREDICTIONS, LINEAR (Weights, next_sentence, "cls.seq_relationship", GTF_DIM_CONST (2), HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight next_sentence[] = { POOLER, LINEAR (Weights, text.heads.next_sentence, "cls.seq_relationship", GTF_DIM_CONST (2), HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight sequence[] = { POOLER, GTF_TEXT_LINEAR (heads.sequence, "classifier", 0, GTF_TEXT_DIM (n_labels), HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight choice[] = { POOLER, GTF_TEXT_LINEAR (heads.choice, "classifier", 0, GTF_DIM_CONST (1), HIDDEN), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, masked_lm, "mobilebert" },
  { "ForPreTraining", gtf_text_masked_lm_tasks, pretraining, "mobilebert" },
  { "ForNextSentencePrediction", gtf_text_base_tasks, next_sentence, "mobilebert" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, sequence, "mobilebert" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "mobilebert" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "mobilebert" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "mobilebert" },
  { "Model", gtf_text_base_tasks, base, "mobilebert" },
  { NULL }
};

#define DEFAULT_EPS 1e-5f           /* of the norms that the reference makes without one */

static GtfTensor *
norm (GtfContext *c, const Config *config, const GtfNorm *w, const GtfTensor *x, float eps)
{
  return config->plain_norm ? gtf_affine (c, w, x) : gtf_layer_norm (c, w, x, eps);
}

static GtfTensor *
step (GtfContext *c, const Config *config, const Step *s, const GtfTensor *x, const GtfTensor *residual, float eps)
{
  return norm (c, config, s->norm, residual != NULL ? gtf_linear_add (c, s->dense, x, residual) : gtf_linear (c, s->dense, x), eps);
}

static GtfTensor *
layer_forward (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Config *config = (const Config *) e->config;
  const Layer *l = &((const Weights *) e->data)->layers[i];
  const float eps = (float) config->text.eps;
  GtfTensor *inner = config->use_bottleneck ? step (c, config, &l->input, x, NULL, eps) : x, *q = x, *v = x, *a;

  if (config->use_bottleneck && config->bottleneck_attention)
    q = v = inner;
  else if (config->use_bottleneck && config->shared)
    q = step (c, config, &l->shared, x, NULL, eps);
  a = gtf_attention (c, gtf_linear (c, l->query, q), gtf_linear (c, l->key, q), gtf_linear (c, l->value, v), &e->attention);
  a = step (c, config, &l->attention_out, a, inner, eps);
  for (gint64 k = 0; k < config->n_more; k++)
    a = step (c, config, &l->more[k].down, gtf_linear_act (c, l->more[k].up, a, config->text.activation), a, eps);
  a = step (c, config, &l->network.down, gtf_linear_act (c, l->network.up, a, config->text.activation), a, DEFAULT_EPS);
  return config->use_bottleneck ? step (c, config, &l->out, a, x, eps) : a;
}

/* A token is seen with the ones before and after it. */
static GtfTensor *
embed (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input)
{
  GtfTensor *positions = gtf_text_positions (c, input, 0), *x;

  if (!gtf_text_check_length (c, &config->text, input, positions))
    return NULL;
  x = gtf_embedding (c, w->text.embeddings.tokens, input->ids);
  if (config->trigram)
    x = gtf_neighbours (c, x, 1, -1, input->sequences);
  if (w->transform != NULL)
    x = gtf_linear (c, w->transform, x);
  x = gtf_add (c, x, gtf_embedding (c, w->text.embeddings.positions, positions));
  return norm (c, config, w->text.embeddings.norm, gtf_text_add_types (c, &w->text.embeddings, input, x), DEFAULT_EPS);
}

static void
lm_logits (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input, GtfTensor *x)
{
  const gint64 d = config->text.embedding_size;
  GtfTensor *y = gtf_linear_act (c, w->text.heads.lm_dense, gtf_text_rows (c, input, x), config->text.activation), *logits;

  y = gtf_layer_norm (c, w->text.heads.lm_norm, y, (float) config->text.eps);
  logits = gtf_linear (c, w->lm, gtf_slice (c, y, 0, d));
  if (w->lm_rest != NULL)
    logits = gtf_linear_add (c, w->lm_rest, gtf_slice (c, y, d, config->rest_size), logits);
  gtf_output (c, "logits", logits);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .forward = layer_forward, .data = f->weights };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_encoder_run (c, &encoder, embed (c, config, w, &input));
  gtf_text_outputs (c, &w->text.heads, &style, &input, x);
  if (!config->pools)
    gtf_output (c, "pooler_output", gtf_text_first (c, &input, x));
  if (w->lm != NULL && (input.rows == NULL || gtf_dim (input.rows, -1) > 0))
    lm_logits (c, config, w, &input, x);
  if (w->next_sentence != NULL)
    {
      GtfTensor *first = gtf_text_first (c, &input, x);
      gtf_output (c, "seq_relationship_logits", gtf_linear (c, w->next_sentence, config->pools ? gtf_linear_act (c, w->text.heads.pooler, first, GTF_ACTIVATION_TANH) : first));
    }
}

static const char *const model_types[] = { "mobilebert", NULL };

static const GtfArchitecture mobilebert = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|cls.*|*pooler.*", .forward = forward
};

GTF_TEXT_PLUGIN (mobilebert, "mobilebert", "MobileBERT: text encoder", mobilebert)
