/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Funnel Transformer: Dai et al., "Funnel-Transformer: Filtering out Sequential Redundancy for Efficient Language Processing" (2020).
 *
 * Blocks of layers; at the beginning of each but the first every two tokens become one. The attention is that of Transformer-XL, by
 * distances and segments; [CLS] stays by itself. Heads that need all tokens have a decoder, which repeats the short result and adds what the
 * first block gave. docs/models/funnel.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

#define MAX_BLOCKS 8

typedef struct
{
  GtfTextConfig text;
  const char *sizes, *repeats, *pooling, *attention_type;
  gint64 head_size, n_decoder_layers;
  gboolean separate_cls, truncate, pool_query_only;
  /* by derive () */
  gint64 n_blocks, depth[MAX_BLOCKS], times[MAX_BLOCKS], inner_heads;
  gboolean pool_by_maximum;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "d_model|hidden_size", 1, 1 << 16, 768),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "n_head|num_attention_heads", 1, 4096, 12),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "d_inner", 1, 1 << 20, 3072),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "layer_norm_eps", 0, 1, 1e-9),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "hidden_act", "gelu_new"),
  GTF_CONFIG_INT_FIELD (Config, head_size, "d_head", 1, 1 << 16, 64),
  GTF_CONFIG_INT_FIELD (Config, n_decoder_layers, "num_decoder_layers", 0, 256, 2),
  GTF_CONFIG_LIST_FIELD (Config, sizes, "block_sizes"),
  GTF_CONFIG_LIST_FIELD (Config, repeats, "block_repeats"),
  GTF_CONFIG_STRING_FIELD (Config, pooling, "pooling_type", "mean"),
  GTF_CONFIG_STRING_FIELD (Config, attention_type, "attention_type", "relative_shift"),
  GTF_CONFIG_BOOL_FIELD (Config, separate_cls, "separate_cls", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, truncate, "truncate_seq", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, pool_query_only, "pool_q_only", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
read_list (const char *name, const char *list, gint64 n, gint64 *values, GError **error)
{
  gboolean ok = n > 0 && n <= MAX_BLOCKS && gtf_config_list_size (list) == n;

  for (gint64 i = 0; ok && i < n; i++)
    ok = gtf_config_list_int (list, i, 1, 256, &values[i]);
  if (!ok)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected a number from 1 to 256 for each of 1 to %d blocks, found %.60s", name, MAX_BLOCKS, list);
  return ok;
}

/* "factorized" computes the same numbers as "relative_shift" in another order. */
static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const char *sizes = config->sizes != NULL ? config->sizes : "4|4|4";

  config->n_blocks = gtf_config_list_size (sizes);
  config->inner_heads = config->text.n_heads * config->head_size;
  config->text.embedding_size = config->text.hidden_size;
  config->text.head_size = config->head_size;
  config->pool_by_maximum = strcmp (config->pooling, "max") == 0;
  for (gint64 i = 0; i < MAX_BLOCKS; i++)
    config->times[i] = 1;
  if (!read_list ("block_sizes", sizes, config->n_blocks, config->depth, error)
      || (config->repeats != NULL && !read_list ("block_repeats", config->repeats, config->n_blocks, config->times, error)))
    return FALSE;
  if (config->text.hidden_size % 2 != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "d_model (%" G_GINT64_FORMAT ") must be even", config->text.hidden_size);
  else if (!config->pool_by_maximum && strcmp (config->pooling, "mean") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "pooling_type is \"%.40s\", expected mean or max", config->pooling);
  else if (strcmp (config->attention_type, "relative_shift") != 0 && strcmp (config->attention_type, "factorized") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "attention_type is \"%.40s\", expected relative_shift or factorized", config->attention_type);
  else
    return TRUE;
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfLinear *query, *key, *value, *position, *out, *up, *down;
  const GtfNorm *attention_norm, *output_norm;
  const GtfTensor *content_bias, *position_bias, *segment_bias, *segments;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *blocks[MAX_BLOCKS], *decoder;    /* the last: NULL in heads that do without */
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define INNER GTF_DIM (Config, inner_heads)
#define HEADS GTF_TEXT_DIM (n_heads), GTF_DIM (Config, head_size)
#define AT(field) G_STRUCT_OFFSET (Layer, field)

static const GtfWeight layer_weights[] = {
  { GTF_WEIGHT_LINEAR, "attention.q_head", AT (query), GTF_WEIGHT_NO_BIAS, { INNER, HIDDEN } },
  { GTF_WEIGHT_LINEAR, "attention.k_head", AT (key), 0, { INNER, HIDDEN } },
  { GTF_WEIGHT_LINEAR, "attention.v_head", AT (value), 0, { INNER, HIDDEN } },
  { GTF_WEIGHT_LINEAR, "attention.r_kernel", AT (position), GTF_WEIGHT_BARE | GTF_WEIGHT_TRANSPOSED | GTF_WEIGHT_NO_BIAS, { INNER, HIDDEN } },
  { GTF_WEIGHT_TENSOR, "attention.r_w_bias", AT (content_bias), 0, { HEADS } },
  { GTF_WEIGHT_TENSOR, "attention.r_r_bias", AT (position_bias), 0, { HEADS } },
  { GTF_WEIGHT_TENSOR, "attention.r_s_bias", AT (segment_bias), 0, { HEADS } },
  { GTF_WEIGHT_TENSOR, "attention.seg_embed", AT (segments), 0, { GTF_DIM_CONST (2), HEADS } },
  { GTF_WEIGHT_LINEAR, "attention.post_proj", AT (out), 0, { HIDDEN, INNER } },
  { GTF_WEIGHT_NORM, "attention.layer_norm", AT (attention_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_LINEAR, "ffn.linear_1", AT (up), 0, { GTF_TEXT_DIM (inner_size), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "ffn.linear_2", AT (down), 0, { HIDDEN, GTF_TEXT_DIM (inner_size) } },
  { GTF_WEIGHT_NORM, "ffn.layer_norm", AT (output_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_END }
};

#define LAYERS(path, field, n)                                                                                                     \
  { GTF_WEIGHT_GROUP, path, .offset = G_STRUCT_OFFSET (Weights, field), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_DIM (Config, n) }
#define BLOCK(n) LAYERS ("encoder.blocks." #n ".%d", blocks[n], depth[n])

static const GtfWeight weights[] = {
  GTF_TEXT_TABLE (tokens, "embeddings.word_embeddings", vocab_size),
  { GTF_WEIGHT_NORM, "embeddings.layer_norm", GTF_TEXT_FIELD (embeddings.norm), 0, { HIDDEN } },
  BLOCK (0), BLOCK (1), BLOCK (2), BLOCK (3), BLOCK (4), BLOCK (5), BLOCK (6), BLOCK (7),
  { GTF_WEIGHT_END }
};

#define DECODER LAYERS ("decoder.layers.%d", decoder, n_decoder_layers)
#define CLASSIFIER(field, ...)                                                                                                     \
  GTF_TEXT_LINEAR (heads.sequence_dense, "classifier.linear_hidden", 0, HIDDEN, HIDDEN),                                           \
  { GTF_WEIGHT_LINEAR, "classifier.linear_out", GTF_TEXT_FIELD (heads.field), 0, { __VA_ARGS__, HIDDEN } }

static const GtfWeight bare[] = { DECODER, { GTF_WEIGHT_END } };
static const GtfWeight lm[] = { DECODER, GTF_TEXT_LM ("lm_head", 0, "embeddings.word_embeddings"), { GTF_WEIGHT_END } };
static const GtfWeight token[] = { DECODER, GTF_TEXT_LINEAR (heads.token, "classifier", 0, GTF_TEXT_DIM (n_labels), HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight span[] = { DECODER, GTF_TEXT_LINEAR (heads.span, "qa_outputs", 0, GTF_DIM_CONST (2), HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight replaced[] = {
  DECODER,
  GTF_TEXT_LINEAR (heads.token_dense, "discriminator_predictions.dense", 0, HIDDEN, HIDDEN),
  GTF_TEXT_LINEAR (heads.detection, "discriminator_predictions.dense_prediction", 0, GTF_DIM_CONST (1), HIDDEN),
  { GTF_WEIGHT_END }
};
static const GtfWeight sequence[] = { CLASSIFIER (sequence, GTF_TEXT_DIM (n_labels)), { GTF_WEIGHT_END } };
static const GtfWeight choice[] = { CLASSIFIER (choice, GTF_DIM_CONST (1)), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForPreTraining", gtf_text_base_tasks, replaced, "funnel" },
  { "ForMaskedLM", gtf_text_masked_lm_tasks, lm, "funnel" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, sequence, "funnel" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "funnel" },
  { "ForTokenClassification", gtf_text_token_tasks, token, "funnel" },
  { "ForQuestionAnswering", gtf_text_span_tasks, span, "funnel" },
  { "BaseModel", gtf_text_base_tasks, NULL, "funnel" },
  { "Model", gtf_text_base_tasks, bare, "funnel" },
  { NULL }
};

/* ---- pooling ---------------------------------------------------------------------------------------------------- */

/* How steps become others: @from of each text become @to; @apart: the first stands for itself. */
typedef struct
{
  gint64 from, to, times;
  gboolean apart;
  gint64 second;                /* the first (0) or second (1) step of a pair */
  gint64 last;                  /* a step from here on has no part in pairs */
  gint64 zero;                  /* the row of zeros */
} Map;

static gint64
pair_row (gint64 i, gconstpointer data)
{
  const Map *m = data;
  gint64 at = MAX (2 * (i % m->to) - m->apart, 0), second = 2 * (i % m->to) - m->apart + 1;

  return i / m->to * m->from + (m->second && second < m->last ? second : at);
}

static gint64
repeated_row (gint64 i, gconstpointer data)
{
  const Map *m = data;
  gint64 step = i % m->to, at = !m->apart ? step / m->times : step == 0 ? 0 : 1 + (step - 1) / m->times;

  return at < m->from ? i / m->to * m->from + at : m->zero;
}

/* The token that a step began with, after so many poolings. */
static gint64
origin (gint64 i, gconstpointer data)
{
  const Map *m = data;

  for (gint64 l = 0; l < m->times; l++)
    i = MAX (2 * i - m->apart, 0);
  return i;
}

/* x [B][n][D] -> [B][pooled][D]: of each pair the mean, or the larger: a + relu (b - a). */
static GtfTensor *
pool (GtfContext *c, const Config *config, const GtfTensor *x, gboolean larger)
{
  const gint64 b = gtf_dim (x, 0), n = gtf_dim (x, 1), shortened = config->separate_cls && config->truncate;
  Map map = { .from = n, .to = (n + (config->separate_cls && !config->truncate) + 1) / 2, .apart = config->separate_cls, .last = n - shortened };
  GtfTensor *first = gtf_take (c, x, gtf_indices (c, b * map.to, pair_row, &map)), *second;

  map.second = 1;
  second = gtf_take (c, x, gtf_indices (c, b * map.to, pair_row, &map));
  x = larger ? gtf_add (c, first, gtf_activate (c, gtf_add (c, second, gtf_scale (c, first, -1)), GTF_ACTIVATION_RELU))
             : gtf_scale (c, gtf_add (c, first, second), 0.5f);
  return gtf_reshape (c, x, 3, (gint64[]){ b, map.to, -1 });
}

/* Texts of one length, [B][T]. */
typedef struct
{
  const Config *config;
  const GtfTensor *types;       /* (nullable) */
  GtfTensor *mask;              /* (nullable): of the present steps, [B][1][1][n] */
  gint64 level;                 /* how often steps were pooled */
} Texts;

/* A pooled step is padding if one of its two is: masks are large negative numbers, and stay so when they are averaged. */
static void
pool_mask (GtfContext *c, Texts *t)
{
  GtfTensor *rows;

  if (t->mask == NULL)
    return;
  rows = gtf_reshape (c, t->mask, 3, (gint64[]){ gtf_dim (t->mask, 0), gtf_dim (t->mask, 3), 1 });
  rows = pool (c, t->config, rows, FALSE);
  t->mask = gtf_reshape (c, rows, 4, (gint64[]){ gtf_dim (rows, 0), 1, 1, gtf_dim (rows, 1) });
}

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

static GtfTensor *
biased (GtfContext *c, const GtfTensor *q, const GtfTensor *bias)
{
  return gtf_add (c, q, gtf_reshape (c, bias, 1, (gint64[]){ -1 }));
}

/* Steps x attend to steps y; where these are fewer, each of x stands for two of y. Distances count tokens: @stride of them from step to step of y. */
static GtfTensor *
attention (GtfContext *c, const Texts *t, const Layer *l, const GtfTensor *x, const GtfTensor *y, gint64 stride)
{
  const Config *config = t->config;
  const gint64 nq = gtf_dim (x, 1), nk = gtf_dim (y, 1), step = nq == nk ? 1 : 2, shift = step == 2 && config->separate_cls;
  const Map of_keys = { .times = t->level, .apart = config->separate_cls }, of_queries = { .times = t->level + step - 1, .apart = config->separate_cls };
  GtfTensor *q = gtf_linear (c, l->query, x);
  GtfTensor *sinusoids = gtf_sinusoids (c, (1 - nk - shift) * stride, stride, step * (nq - 1) + nk, config->text.hidden_size);
  const GtfRelativeScores scores = {
    .n_heads = config->text.n_heads, .query_step = step, .position_keys = gtf_linear (c, l->position, sinusoids),
    .segment_query = biased (c, q, l->segment_bias), .segment_keys = gtf_reshape (c, l->segments, 2, (gint64[]){ 2, -1 }), .segments = t->types,
    .query_at = gtf_indices (c, nq, origin, &of_queries), .key_at = gtf_indices (c, nk, origin, &of_keys), .segment_any = 2,
    .first_is_nowhere = config->separate_cls, .mask = t->mask
  };
  const GtfAttention a = { .n_heads = config->text.n_heads, .mask = gtf_relative_scores (c, biased (c, q, l->position_bias), &scores) };

  return gtf_attention (c, biased (c, q, l->content_bias), gtf_linear (c, l->key, y), gtf_linear (c, l->value, y), &a);
}

static GtfTensor *
layer (GtfContext *c, const Texts *t, const Layer *l, GtfTensor *x, GtfTensor *y, gint64 stride)
{
  const float eps = (float) t->config->text.eps;
  gsize mark = gtf_push (c);

  x = gtf_layer_norm (c, l->attention_norm, gtf_linear_add (c, l->out, attention (c, t, l, x, y, stride), x), eps);
  return gtf_pop_keep (c, mark, gtf_layer_norm (c, l->output_norm, gtf_feed_forward (c, l->up, t->config->text.activation, l->down, x, x), eps));
}

/* The first layer of a block behind the first. */
static GtfTensor *
pooling_layer (GtfContext *c, Texts *t, const Layer *l, GtfTensor *x, gint64 block)
{
  GtfTensor *pooled = pool (c, t->config, x, t->config->pool_by_maximum);

  if (!t->config->pool_query_only)
    {
      t->level++;
      pool_mask (c, t);
      return layer (c, t, l, pooled, pooled, (gint64) 1 << block);
    }
  x = layer (c, t, l, pooled, x, (gint64) 1 << (block - 1));
  t->level++;
  pool_mask (c, t);
  return x;
}

/* All blocks; @early: what came out of as many layers as the first block has. */
static GtfTensor *
encode (GtfContext *c, Texts *t, const Weights *w, GtfTensor *x, GtfTensor **early)
{
  const Config *config = t->config;
  gint64 n_run = 0;

  for (gint64 b = 0; b < config->n_blocks && !gtf_failed (c); b++)
    {
      gboolean pools = b > 0 && gtf_dim (x, 1) > 1 + config->separate_cls;
      for (gint64 i = 0; i < config->depth[b] * config->times[b] && !gtf_failed (c); i++)
        {
          const Layer *l = &w->blocks[b][i / config->times[b]];
          x = i == 0 && pools ? pooling_layer (c, t, l, x, b) : layer (c, t, l, x, x, (gint64) 1 << b);
          if (++n_run == config->depth[0])
            *early = x;
        }
    }
  return x;
}

/* As many steps as there are tokens again: each repeated, [CLS] not, zeros where the end was cut off. */
static GtfTensor *
repeat (GtfContext *c, const Config *config, GtfTensor *x, gint64 n)
{
  const gint64 b = gtf_dim (x, 0), m = gtf_dim (x, 1), d = gtf_dim (x, 2);
  const Map map = { .from = m, .to = n, .times = (gint64) 1 << (config->n_blocks - 1), .apart = config->separate_cls, .zero = b * m };
  GtfTensor *parts[2] = { gtf_reshape (c, x, 2, (gint64[]){ b * m, d }) };

  parts[1] = gtf_scale (c, gtf_steps (c, parts[0], 0, 1), 0);
  return gtf_reshape (c, gtf_take (c, gtf_concat (c, parts, 2), gtf_indices (c, b * n, repeated_row, &map)), 3, (gint64[]){ b, n, d });
}

/* [B][T] of ids -> [B][T or fewer][H] */
static GtfTensor *
read_texts (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *ids, const GtfTensor *types, GtfTensor *mask)
{
  Texts t = { .config = config, .types = types, .mask = mask };
  GtfTensor *x = gtf_layer_norm (c, w->text.embeddings.norm, gtf_embedding (c, w->text.embeddings.tokens, ids), (float) config->text.eps), *early = x;
  const gint64 n = gtf_failed (c) ? 0 : gtf_dim (x, 1);

  x = encode (c, &t, w, x, &early);
  if (w->decoder == NULL || gtf_failed (c))
    return x;
  if (config->n_blocks > 1)
    x = repeat (c, config, x, n);
  x = gtf_add (c, x, early);
  t.level = 0;
  t.mask = mask;
  for (gint64 i = 0; i < config->n_decoder_layers; i++)
    x = layer (c, &t, &w->decoder[i], x, x, 1);
  return x;
}

/* Packed texts have lengths of their own, so that each is read by itself; @first: of each only the first step. */
static GtfTensor *
read_all (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input, GtfTensor **first)
{
  const gint64 n = input->n_texts, d = config->text.hidden_size;
  GtfTensor *mask = input->mask != NULL ? gtf_scale (c, input->mask, 1e-32f) : NULL, *x;
  GtfTensor **parts, **firsts;

  if (input->sequences == NULL)
    {
      x = read_texts (c, config, w, input->ids, input->types, mask);
      *first = gtf_reshape (c, gtf_steps (c, x, 0, 1), 2, (gint64[]){ n, d });
      return x;
    }
  parts = g_new0 (GtfTensor *, 2 * n);
  firsts = parts + n;
  for (gint64 i = 0; i < n && !gtf_failed (c); i++)
    {
      gint64 length;
      const GtfTensor *ids = gtf_text_of (c, input, input->ids, i, &length), *types = input->types != NULL ? gtf_text_of (c, input, input->types, i, &length) : NULL;
      x = read_texts (c, config, w, ids, types, NULL);
      parts[i] = gtf_reshape (c, x, 2, (gint64[]){ -1, d });
      firsts[i] = gtf_steps (c, parts[i], 0, 1);
    }
  x = gtf_failed (c) ? NULL : gtf_reshape (c, gtf_concat (c, parts, n), 3, (gint64[]){ 1, -1, d });
  *first = gtf_failed (c) ? NULL : gtf_concat (c, firsts, n);
  g_free (parts);
  return x;
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeads *h = &w->text.heads;
  const GtfTextHeadStyle style = { .token = config->text.activation, .eps = (float) config->text.eps };
  GtfTextInput input;
  GtfTensor *x, *first;

  if (!gtf_text_input (c, &input))
    return;
  x = read_all (c, config, w, &input, &first);
  if (w->decoder != NULL)
    {
      gtf_text_outputs (c, h, &style, &input, x);
      return;
    }
  gtf_output (c, "last_hidden_state", x);
  if (h->sequence_dense == NULL)
    return;
  first = gtf_linear_act (c, h->sequence_dense, first, GTF_ACTIVATION_TANH);
  if (h->choice != NULL)
    gtf_output (c, "logits", gtf_reshape (c, gtf_linear (c, h->choice, first), 2, (gint64[]){ -1, input.n_choices }));
  else
    gtf_output (c, "logits", gtf_linear (c, h->sequence, first));
}

static const char *const model_types[] = { "funnel", NULL };

static const GtfArchitecture funnel = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "lm_head.*|discriminator_predictions.*|*decoder.layers.*|classifier.*|qa_outputs.*", .forward = forward
};

GTF_TEXT_PLUGIN (funnel, "funnel", "Funnel Transformer: text encoder that makes texts shorter on the way", funnel)
