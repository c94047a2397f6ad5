/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DeBERTa, v2 and v3: He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled Attention" (2020), "DeBERTaV3" (2021).
 *
 * BERT whose attention also compares each query with the position of the key (c2p) and each key with the position of the query
 * (p2c), positions being rows of one table of relative distances. docs/models/deberta.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>

typedef struct
{
  GtfTextConfig text;
  const char *pos_att_type, *norm_rel_ebd;
  gboolean relative_attention, position_biased_input, share_att_key, talking_head, legacy;
  gint64 position_buckets, max_relative_positions, conv_kernel_size, conv_groups;
  GtfActivation conv_act, pooler_act;
  /* by derive () */
  gboolean c2p, p2c;
  gint64 n_kinds;               /* of scores */
  gint64 span;                  /* rows of the table of positions on each side of distance 0; 0: none */
  gint64 n_absolute;            /* rows of the table of absolute positions; 0: none */
  gint64 projected, key_size, query_size, norm_size, conv_size, conv_in, legacy_size, legacy_embedding, legacy_vocab, new_size, new_vocab;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 128100),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "hidden_size", 1, 1 << 16, 1536),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 0, 256, 24),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_attention_heads", 1, 4096, 24),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "intermediate_size", 1, 1 << 20, 6144),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_types, "type_vocab_size", 0, 1 << 16, 0),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, embedding_size, "embedding_size", 1, 1 << 16, 0),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "layer_norm_eps", 0, 1, 1e-7),
  GTF_CONFIG_LIST_FIELD (Config, pos_att_type, "pos_att_type"),
  GTF_CONFIG_LIST_FIELD (Config, norm_rel_ebd, "norm_rel_ebd"),
  GTF_CONFIG_BOOL_FIELD (Config, relative_attention, "relative_attention", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, position_biased_input, "position_biased_input", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, share_att_key, "share_att_key", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, legacy, "legacy", TRUE),
  GTF_CONFIG_INT_FIELD (Config, position_buckets, "position_buckets", -1, 1 << 20, -1),
  GTF_CONFIG_INT_FIELD (Config, max_relative_positions, "max_relative_positions", -1, 1 << 20, -1),
  GTF_CONFIG_INT_FIELD (Config, conv_kernel_size, "conv_kernel_size", 0, 1024, 0),
  GTF_CONFIG_INT_FIELD (Config, conv_groups, "conv_groups", 1, 1 << 16, 1),
  GTF_CONFIG_ACTIVATION_FIELD (Config, conv_act, "conv_act", "tanh"),
  GTF_CONFIG_ACTIVATION_FIELD (Config, pooler_act, "pooler_hidden_act", "gelu"),
  GTF_CONFIG_FIELDS_END
};

/* The first DeBERTa: all distances have rows of their own, which are projected by layers of their own. */
static const GtfConfigField config_fields_v1[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 50265),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_types, "type_vocab_size", 0, 1 << 16, 0),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, embedding_size, "embedding_size", 1, 1 << 16, 0),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "layer_norm_eps", 0, 1, 1e-7),
  GTF_CONFIG_LIST_FIELD (Config, pos_att_type, "pos_att_type"),
  GTF_CONFIG_BOOL_FIELD (Config, relative_attention, "relative_attention", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, position_biased_input, "position_biased_input", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, talking_head, "talking_head", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, legacy, "legacy", TRUE),
  GTF_CONFIG_INT_FIELD (Config, max_relative_positions, "max_relative_positions", -1, 1 << 20, -1),
  GTF_CONFIG_ACTIVATION_FIELD (Config, pooler_act, "pooler_hidden_act", "gelu"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
check (const Config *config, GError **error)
{
  if (config->conv_kernel_size > 0 && (config->conv_kernel_size % 2 == 0 || config->text.hidden_size % config->conv_groups != 0))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "conv_kernel_size (%" G_GINT64_FORMAT ") must be odd, and conv_groups (%" G_GINT64_FORMAT
                   ") divide hidden_size (%" G_GINT64_FORMAT ")", config->conv_kernel_size, config->conv_groups, config->text.hidden_size);
      return FALSE;
    }
  if (config->talking_head)
    {
      g_set_error_literal (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "talking_head (scores mixed between heads) is not supported");
      return FALSE;
    }
  if (config->relative_attention && config->position_buckets == 1)
    {
      g_set_error_literal (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "position_buckets is 1, expected at least 2, or 0 for none");
      return FALSE;
    }
  return TRUE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  gint64 size = config->text.hidden_size;

  config->conv_groups = MAX (config->conv_groups, 1);
  if (!gtf_text_config_derive (config, error) || !check (config, error))
    return FALSE;
  if (config->max_relative_positions < 1)
    config->max_relative_positions = config->text.n_positions;
  config->c2p = gtf_config_list_has (config->pos_att_type, "c2p");
  config->p2c = gtf_config_list_has (config->pos_att_type, "p2c");
  config->n_kinds = 1 + config->c2p + config->p2c;
  if (config->relative_attention)
    config->span = config->position_buckets > 0 ? config->position_buckets : config->max_relative_positions;
  config->n_absolute = config->position_biased_input ? config->text.n_positions : 0;
  config->projected = config->text.embedding_size != size ? size : 0;
  config->key_size = config->span > 0 && config->c2p && !config->share_att_key ? size : 0;
  config->query_size = config->span > 0 && config->p2c && !config->share_att_key ? size : 0;
  config->norm_size = gtf_config_list_has (config->norm_rel_ebd, "layer_norm") ? size : 0;
  config->conv_size = config->conv_kernel_size > 0 ? size : 0;
  config->conv_in = size / config->conv_groups;
  config->legacy_size = config->legacy ? size : 0;
  config->legacy_embedding = config->legacy ? config->text.embedding_size : 0;
  config->legacy_vocab = config->legacy ? config->text.vocab_size : 0;
  config->new_size = config->legacy ? 0 : size;
  config->new_vocab = config->legacy ? 0 : config->text.vocab_size;
  return TRUE;
}

/* Every word of the list counts for the scale, whatever it is. */
static gboolean
derive_v1 (gpointer data, GError **error)
{
  Config *config = data;

  if (!derive (data, error))
    return FALSE;
  config->n_kinds = 1 + gtf_config_list_size (config->pos_att_type);
  return TRUE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfLinear *qkv, *attention_out, *up, *down, *position_key, *position_query;
  const GtfNorm *attention_norm, *output_norm;
  const GtfTensor *query_bias, *value_bias;     /* of the first DeBERTa, whose qkv has none */
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
  const GtfEmbedding *distances;
  const GtfNorm *distance_norm, *conv_norm, *new_norm;
  const GtfConv1d *conv;
  const GtfLinear *new_dense, *new_lm;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define D(field) GTF_DIM (Config, field)
#define LAYER_LINEAR(field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Layer, field), 0, { out, in } }
#define LAYER_NORM(field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Layer, field), 0, { HIDDEN } }
#define AT(field) G_STRUCT_OFFSET (Weights, field)

#define LAYER_REST                                                                                                                 \
  LAYER_LINEAR (attention_out, "attention.output.dense", HIDDEN, HIDDEN),                                                          \
  LAYER_NORM (attention_norm, "attention.output.LayerNorm"),                                                                       \
  LAYER_LINEAR (up, "intermediate.dense", GTF_TEXT_DIM (inner_size), HIDDEN),                                                      \
  LAYER_LINEAR (down, "output.dense", HIDDEN, GTF_TEXT_DIM (inner_size)),                                                          \
  LAYER_NORM (output_norm, "output.LayerNorm")
#define FUSED GTF_DIM_TIMES (GtfTextConfig, hidden_size, 3)

static const GtfWeight layer_weights[] = {
  LAYER_LINEAR (qkv, "attention.self.{query_proj,key_proj,value_proj}", FUSED, HIDDEN),
  LAYER_LINEAR (position_key, "attention.self.pos_key_proj", D (key_size), HIDDEN),
  LAYER_LINEAR (position_query, "attention.self.pos_query_proj", D (query_size), HIDDEN),
  LAYER_REST,
  { GTF_WEIGHT_END }
};

/* in_proj has query, key and value of each head together. */
static const GtfWeight layer_weights_v1[] = {
  { GTF_WEIGHT_LINEAR, "attention.self.in_proj", G_STRUCT_OFFSET (Layer, qkv), GTF_WEIGHT_NO_BIAS, { FUSED, HIDDEN } },
  { GTF_WEIGHT_TENSOR, "attention.self.q_bias", G_STRUCT_OFFSET (Layer, query_bias), 0, { HIDDEN } },
  { GTF_WEIGHT_TENSOR, "attention.self.v_bias", G_STRUCT_OFFSET (Layer, value_bias), 0, { HIDDEN } },
  { GTF_WEIGHT_LINEAR, "attention.self.pos_proj", G_STRUCT_OFFSET (Layer, position_key), GTF_WEIGHT_NO_BIAS, { D (key_size), HIDDEN } },
  LAYER_LINEAR (position_query, "attention.self.pos_q_proj", D (query_size), HIDDEN),
  LAYER_REST,
  { GTF_WEIGHT_END }
};

#define EMBEDDINGS                                                                                                                \
  { GTF_WEIGHT_EMBEDDING, "embeddings.word_embeddings", GTF_TEXT_FIELD (embeddings.tokens), 0, { GTF_TEXT_DIM (vocab_size), GTF_TEXT_DIM (embedding_size) } }, \
  { GTF_WEIGHT_EMBEDDING, "embeddings.position_embeddings", GTF_TEXT_FIELD (embeddings.positions), 0, { D (n_absolute), GTF_TEXT_DIM (embedding_size) } }, \
  { GTF_WEIGHT_EMBEDDING, "embeddings.token_type_embeddings", GTF_TEXT_FIELD (embeddings.types), 0, { GTF_TEXT_DIM (n_types), GTF_TEXT_DIM (embedding_size) } }, \
  GTF_TEXT_LINEAR (embeddings.projection, "embeddings.embed_proj", GTF_WEIGHT_NO_BIAS, D (projected), GTF_TEXT_DIM (embedding_size)), \
  GTF_TEXT_NORM (embeddings.norm, "embeddings.LayerNorm"),                                                                         \
  { GTF_WEIGHT_EMBEDDING, "encoder.rel_embeddings", AT (distances), 0, { GTF_DIM_TIMES (Config, span, 2), HIDDEN } }

static const GtfWeight weights[] = {
  EMBEDDINGS,
  { GTF_WEIGHT_GROUP, "encoder.layer.%d", .offset = AT (layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_NORM, "encoder.LayerNorm", AT (distance_norm), 0, { D (norm_size) } },
  { GTF_WEIGHT_CONV1D, "encoder.conv.conv", AT (conv), 0, { D (conv_size), D (conv_in), D (conv_kernel_size) } },
  { GTF_WEIGHT_NORM, "encoder.conv.LayerNorm", AT (conv_norm), 0, { D (conv_size) } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights_v1[] = {
  EMBEDDINGS,
  { GTF_WEIGHT_GROUP, "encoder.layer.%d", .offset = AT (layers), .group = layer_weights_v1, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_END }
};

/* Two generations of the masked LM: the older one has a layer of its own in front of the table of tokens. */
static const GtfWeight masked_lm[] = {
  GTF_TEXT_LINEAR (heads.lm_dense, "cls.predictions.transform.dense", 0, D (legacy_embedding), D (legacy_size)),
  { GTF_WEIGHT_NORM, "cls.predictions.transform.LayerNorm", GTF_TEXT_FIELD (heads.lm_norm), 0, { D (legacy_embedding) } },
  { GTF_WEIGHT_LINEAR, "cls.predictions.decoder", GTF_TEXT_FIELD (heads.lm), GTF_WEIGHT_PARENT_BIAS, { D (legacy_vocab), D (legacy_embedding) }, "embeddings.word_embeddings" },
  { GTF_WEIGHT_LINEAR, "lm_predictions.lm_head.dense", AT (new_dense), 0, { D (new_size), D (new_size) } },
  { GTF_WEIGHT_NORM, "lm_predictions.lm_head.LayerNorm", AT (new_norm), 0, { D (new_size) } },
  { GTF_WEIGHT_LINEAR, "lm_predictions.lm_head.decoder", AT (new_lm), GTF_WEIGHT_PARENT_BIAS, { D (new_vocab), D (new_size) }, "embeddings.word_embeddings" },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, masked_lm, "deberta" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_bert_sequence, "deberta" },
  { "ForMultipleChoice", gtf_text_base_tasks, gtf_bert_choice, "deberta" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "deberta" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "deberta" },
  { "Model", gtf_text_base_tasks, NULL, "deberta" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* What all layers share. */
typedef struct
{
  const Config *config;
  const Weights *w;
  const GtfTensor *distances, *rows;    /* the rows of the table that distances of these texts need, and which serves which; NULL: none */
} Shared;

static GtfTensor *
embed (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input)
{
  const GtfTextEmbeddings *e = &w->text.embeddings;
  GtfTensor *x;

  if (e->positions != NULL && input->longest > config->text.n_positions)
    gtf_fail (c, "%" G_GINT64_FORMAT " tokens are more than the %" G_GINT64_FORMAT " positions of the model", input->longest, config->text.n_positions);
  x = gtf_embedding (c, e->tokens, input->ids);
  if (e->positions != NULL)
    x = gtf_add (c, x, gtf_embedding (c, e->positions, gtf_text_positions (c, input, 0)));
  if (e->types != NULL && input->types != NULL)
    x = gtf_add (c, x, gtf_embedding (c, e->types, input->types));
  else if (e->types != NULL)
    x = gtf_add (c, x, gtf_reshape (c, gtf_embedding_range (c, e->types, 0, 1), 1, (gint64[]){ -1 }));
  if (e->projection != NULL)
    x = gtf_linear (c, e->projection, x);
  return gtf_zero_padding (c, gtf_layer_norm (c, e->norm, x, (float) config->text.eps), input->mask);
}

/* Query, key or value (0, 1, 2) of all heads, side by side. */
static GtfTensor *
part_of (GtfContext *c, const Config *config, const GtfTensor *qkv, gint64 which, gboolean by_head)
{
  const gint64 d = config->text.hidden_size, n = config->text.head_size, b = gtf_dim (qkv, 0), t = gtf_dim (qkv, 1);
  GtfTensor *y;

  if (!by_head)
    return gtf_slice (c, qkv, which * d, d);
  y = gtf_reshape (c, qkv, 3, (gint64[]){ b, t * config->text.n_heads, 3 * n });
  return gtf_reshape (c, gtf_slice (c, y, which * n, n), 3, (gint64[]){ b, t, d });
}

static GtfTensor *
attention (GtfContext *c, const GtfEncoder *e, const Shared *s, const Layer *l, const GtfTensor *x)
{
  const Config *config = s->config;
  const gint64 d = config->text.hidden_size;
  const float scale = 1.0f / sqrtf ((float) (config->text.head_size * config->n_kinds));
  const gboolean v1 = l->query_bias != NULL;
  GtfTensor *qkv = gtf_linear (c, l->qkv, x), *q = part_of (c, config, qkv, 0, v1), *k = part_of (c, config, qkv, 1, v1), *v = part_of (c, config, qkv, 2, v1);
  GtfAttention plain = e->attention;
  GtfRelativeAttention relative = { .n_heads = config->text.n_heads, .scale = scale, .rows = s->rows, .mask = e->attention.mask,
                                    .sequences = e->attention.sequences, .weights = e->attention.weights };
  GtfTensor *shared;

  if (v1)
    {
      q = gtf_add (c, q, l->query_bias);
      v = gtf_add (c, v, l->value_bias);
    }
  if (s->distances == NULL)
    {
      plain.scale = scale;
      return gtf_attention (c, q, k, v, &plain);
    }
  shared = config->share_att_key ? gtf_linear (c, l->qkv, s->distances) : NULL;
  if (config->c2p)
    relative.position_keys = shared != NULL ? gtf_slice (c, shared, d, d) : gtf_linear (c, l->position_key, s->distances);
  if (config->p2c)
    relative.position_queries = shared != NULL ? gtf_slice (c, shared, 0, d) : gtf_linear (c, l->position_query, s->distances);
  return gtf_relative_attention (c, q, k, v, &relative);
}

static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Shared *s = e->data;
  const Layer *l = &s->w->layers[i];
  const float eps = (float) s->config->text.eps;
  GtfTensor *y = gtf_linear_add (c, l->attention_out, attention (c, e, s, l, x), x), *conv;

  y = gtf_layer_norm (c, l->attention_norm, y, eps);
  y = gtf_layer_norm (c, l->output_norm, gtf_feed_forward (c, l->up, s->config->text.activation, l->down, y, y), eps);
  if (i > 0 || s->w->conv == NULL)
    return y;
  /* a convolution over the embeddings, beside the first layer */
  conv = gtf_conv1d_texts (c, s->w->conv, x, s->config->conv_groups, s->config->conv_act, e->input->sequences);
  return gtf_zero_padding (c, gtf_layer_norm (c, s->w->conv_norm, gtf_add (c, y, conv), eps), e->input->mask);
}

static void
prepare_distances (GtfContext *c, Shared *s, gint64 longest)
{
  const Config *config = s->config;
  const GtfRelativeRows rows = { .sign = 1, .offset = config->span, .n_rows = 2 * config->span, .buckets = config->position_buckets,
                                 .max_distance = config->max_relative_positions };
  gint64 first, n;

  if (s->w->distances == NULL)
    return;
  s->rows = gtf_relative_rows (c, longest, &rows, &first, &n);
  s->distances = gtf_embedding_range (c, s->w->distances, first, n);
  if (s->w->distance_norm != NULL)
    s->distances = gtf_layer_norm (c, s->w->distance_norm, s->distances, (float) config->text.eps);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = config->pooler_act, .lm = config->text.activation, .eps = (float) config->text.eps };
  GtfTextHeads own = w->text.heads;
  GtfTextInput input;
  Shared shared = { config, w, NULL, NULL };
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .forward = layer, .data = &shared };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  prepare_distances (c, &shared, input.longest);
  x = gtf_encoder_run (c, &encoder, embed (c, config, w, &input));
  if (w->new_lm != NULL)
    {
      own.lm_dense = w->new_dense;
      own.lm_norm = w->new_norm;
      own.lm = w->new_lm;
    }
  gtf_text_outputs (c, &own, &style, &input, x);
}

#define IGNORED "*.position_ids|*position_embeddings*|cls.*|*pooler.*|lm_predictions.*|mask_predictions.*"

static const char *const model_types_v1[] = { "deberta", NULL };
static const char *const model_types_v2[] = { "deberta-v2", NULL };

static const GtfArchitecture deberta_v1 = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types_v1,
  .config_size = sizeof (Config),
  .config = config_fields_v1,
  .derive = derive_v1,
  .weights_size = sizeof (Weights),
  .weights = weights_v1,
  .heads = heads,
  .ignored = IGNORED,
  .forward = forward,
};

static const GtfArchitecture deberta_v2 = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types_v2,
  .config_size = sizeof (Config),
  .config = config_fields,
  .derive = derive,
  .weights_size = sizeof (Weights),
  .weights = weights,
  .heads = heads,
  .ignored = IGNORED,
  .forward = forward,
};

static const GtfArchitecture *const architectures[] = { &deberta_v1, &deberta_v2, NULL };

static const GtfArchitecturePlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfArchitecturePlugin), "deberta" },
  .description = "DeBERTa, DeBERTa-v2, DeBERTa-v3: text encoders with disentangled attention",
  .license = "LGPL-2.1-or-later",
  .architectures = architectures,
};

GTF_PLUGIN_EXPORT const GtfArchitecturePlugin *gtf_plugin_deberta (void);

const GtfArchitecturePlugin *
gtf_plugin_deberta (void)
{
  return &plugin;
}
