/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Embeddings and blocks of a text encoder (Vaswani et al. 2017; Devlin et al. 2018).
 */
#include "layers/encoder.h"

#include <math.h>
#include <string.h>
#include "base/error.h"
#include "base/quote.h"
#include "tensor/context-private.h"

#define MAX_LAYERS 256          /* the bound of num_hidden_layers */

gboolean
gtf_text_config_derive (gpointer data, GError **error)
{
  GtfTextConfig *config = data;
  gboolean relative = g_strcmp0 (config->position_type, "relative_key") == 0 || g_strcmp0 (config->position_type, "relative_key_query") == 0;

  if (config->hidden_size % config->n_heads != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "hidden_size (%" G_GINT64_FORMAT ") must be a multiple of num_attention_heads (%" G_GINT64_FORMAT ")",
                   config->hidden_size, config->n_heads);
      return FALSE;
    }
  if (!relative && config->position_type != NULL && strcmp (config->position_type, "absolute") != 0)
    {
      g_autofree char *quoted = gtf_quote (config->position_type, -1);
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "position_embedding_type: \"%s\" is unknown, expected absolute, relative_key or relative_key_query", quoted);
      return FALSE;
    }
  config->head_size = config->hidden_size / config->n_heads;
  config->n_distances = relative ? 2 * config->n_positions - 1 : 0;
  if (config->embedding_size == 0)
    config->embedding_size = config->hidden_size;
  config->projection_size = config->embedding_size != config->hidden_size ? config->hidden_size : 0;
  return TRUE;
}

/* A text for which the model has no positions: said in tokens, not in rows of a table. */
gboolean
gtf_text_check_length (GtfContext *c, const GtfTextConfig *config, const GtfTextInput *input, const GtfTensor *positions)
{
  gint64 n = positions != NULL ? (gint64) gtf_tensor_get_n_elements (positions) : 0, most = config->n_distances > 0 ? input->longest - 1 : -1;

  for (gint64 i = 0; i < n; i++)
    most = MAX (most, ((const gint32 *) positions->data)[i]);
  if (most < config->n_positions || gtf_failed (c))
    return TRUE;
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "a text of %" G_GINT64_FORMAT " tokens is too long for the model: max_position_embeddings is %" G_GINT64_FORMAT,
                 input->longest, config->n_positions);
  return FALSE;
}

GtfTensor *
gtf_text_add_types (GtfContext *c, const GtfTextEmbeddings *w, const GtfTextInput *input, GtfTensor *x)
{
  if (w->types == NULL)
    return x;
  if (input->types != NULL)
    return gtf_add (c, x, gtf_embedding (c, w->types, input->types));
  return gtf_add (c, x, gtf_reshape (c, gtf_embedding_range (c, w->types, 0, 1), 1, (gint64[]){ -1 }));
}

GtfTensor *
gtf_text_embed_sum (GtfContext *c, const GtfTextConfig *config, const GtfTextEmbeddings *w, const GtfTextInput *input, const GtfTensor *positions)
{
  GtfTensor *x;

  /* before there is a row for each token: those of some megabytes of text are gigabytes */
  if (!gtf_text_check_length (c, config, input, positions))
    return NULL;
  x = gtf_embedding (c, w->tokens, input->ids);
  if (positions != NULL)
    x = gtf_add (c, x, gtf_embedding (c, w->positions, positions));
  return gtf_text_add_types (c, w, input, x);
}

GtfTensor *
gtf_text_embed_norm (GtfContext *c, const GtfTextConfig *config, const GtfTextEmbeddings *w, GtfTensor *x)
{
  if (w->norm != NULL)
    x = gtf_layer_norm (c, w->norm, x, (float) config->eps);
  if (w->projection != NULL)
    x = gtf_linear (c, w->projection, x);
  return x;
}

/**
 * gtf_text_embed:
 * @config: sizes, epsilon
 * @w: the tables
 * @input: what was given
 * @positions: (nullable): row numbers of the table of positions, in the shape of the ids
 *
 * Without token_type_ids every token is of type 0.
 *
 * Returns: (transfer none) (nullable): [B][T][hidden_size]
 */
GtfTensor *
gtf_text_embed (GtfContext *c, const GtfTextConfig *config, const GtfTextEmbeddings *w, const GtfTextInput *input, const GtfTensor *positions)
{
  gsize mark = gtf_push (c);

  return gtf_pop_keep (c, mark, gtf_text_embed_norm (c, config, w, gtf_text_embed_sum (c, config, w, input, positions)));
}

static gint64
head_of (gint64 i, gconstpointer data)
{
  return i / *(const gint64 *) data;
}

/* Shaw et al. 2018, as BERT has it: one table of distances for all heads, which meets the query and, with relative_key_query, the key. */
static GtfTensor *
relative_attention (GtfContext *c, const GtfEncoder *e, const GtfEncoderLayer *l, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v)
{
  const gint64 heads = e->config->n_heads, n = e->config->n_distances;
  const GtfRelativeRows how = { .sign = 1, .offset = n / 2, .n_rows = n };
  GtfRelativeAttention a = { .n_heads = heads, .causal = e->attention.causal, .mask = e->attention.mask, .sequences = e->attention.sequences,
                             .weights = e->attention.weights };
  gint64 first = 0, used = 0;
  GtfTensor *table;

  a.rows = gtf_relative_rows (c, e->input->longest, &how, &first, &used);
  table = gtf_take (c, gtf_embedding_range (c, l->distances, first, used), gtf_indices (c, used * heads, head_of, &heads));
  if (e->unscaled_distances)
    table = gtf_scale (c, table, sqrtf ((float) e->config->head_size));
  a.position_keys = gtf_reshape (c, table, 2, (gint64[]){ used, -1 });
  if (strcmp (e->config->position_type, "relative_key_query") == 0)
    a.position_queries = a.position_keys;
  return gtf_relative_attention (c, q, k, v, &a);
}

typedef struct
{
  gint64 longest, n_buckets, most_distance;
} Buckets;

/* float32, as in the reference. */
static gint64
bucket_of (gint64 i, gconstpointer data)
{
  const Buckets *b = data;
  const gint64 distance = i - (b->longest - 1), n = ABS (distance), half = b->n_buckets / 2, exact = half / 2, later = distance > 0 ? half : 0;
  gint64 large;

  if (n < exact)
    return n + later;
  large = exact + (gint64) (logf ((float) n / (float) exact) / (float) log ((double) b->most_distance / (double) exact) * (float) (half - exact));
  return MIN (large, half - 1) + later;
}

GtfTensor *
gtf_encoder_distances (GtfContext *c, const GtfTextInput *input, const GtfEmbedding *table, gint64 n_buckets, gint64 most_distance)
{
  const Buckets buckets = { input->longest, n_buckets, most_distance };

  return gtf_transpose (c, gtf_embedding (c, table, gtf_indices (c, 2 * input->longest - 1, bucket_of, &buckets)));
}

GtfTensor *
gtf_encoder_repeat_heads (GtfContext *c, GtfTensor *x, gint64 n_heads, gint64 n_kv_heads)
{
  const gint64 sharing = n_heads / n_kv_heads, d = gtf_dim (x, -1) / n_kv_heads;
  g_autofree GtfTensor **parts = g_new (GtfTensor *, n_heads);

  if (sharing == 1)
    return x;
  for (gint64 i = 0; i < n_heads; i++)
    parts[i] = gtf_slice (c, x, i / sharing * d, d);
  return gtf_join (c, parts, n_heads);
}

GtfTensor *
gtf_encoder_attention (GtfContext *c, const GtfEncoder *e, const GtfEncoderLayer *l, const GtfTensor *x)
{
  const gint64 d = e->config->hidden_size;
  const GtfRotation rotation = { .n_heads = e->attention.n_heads, .table = e->rotary, .interleaved = e->rotary_interleaved,
                                 .sequences = e->input->sequences };
  GtfTensor *qkv = gtf_linear (c, l->qkv, x), *q = gtf_slice (c, qkv, 0, d), *k = gtf_slice (c, qkv, d, d), *v = gtf_slice (c, qkv, 2 * d, d);

  if (l->distances != NULL)
    return relative_attention (c, e, l, q, k, v);
  if (e->rotary != NULL)
    {
      q = gtf_rotate (c, q, &rotation);
      k = gtf_rotate (c, k, &rotation);
      v = e->rotary_values ? gtf_rotate (c, v, &rotation) : v;
    }
  return gtf_attention (c, q, k, v, &e->attention);
}

GtfTensor *
gtf_encoder_layer (GtfContext *c, const GtfEncoder *e, const GtfEncoderLayer *l, GtfTensor *x)
{
  const float eps = (float) e->config->eps;
  GtfTensor *a;

  if (e->norm_first)
    {
      a = gtf_encoder_attention (c, e, l, gtf_layer_norm (c, l->attention_norm, x, eps));
      x = gtf_linear_add (c, l->attention_out, a, x);
      return gtf_feed_forward (c, l->up, e->config->activation, l->down, gtf_layer_norm (c, l->output_norm, x, eps), x);
    }
  a = gtf_encoder_attention (c, e, l, x);
  x = gtf_layer_norm (c, l->attention_norm, gtf_linear_add (c, l->attention_out, a, x), eps);
  return gtf_layer_norm (c, l->output_norm, gtf_feed_forward (c, l->up, e->config->activation, l->down, x, x), eps);
}

/* The encoder as a layer sees it: with all that attention needs. */
static GtfEncoder
prepared (const GtfEncoder *e)
{
  GtfEncoder own = *e;

  if (own.attention.n_heads == 0)
    own.attention.n_heads = e->config->n_heads;
  own.attention.causal |= e->config->is_decoder;
  own.attention.sequences = e->input->sequences;
  own.attention.mask = e->input->mask;
  return own;
}

/* There are no probabilities where a family's own layers do not attend. */
static void
output_states (GtfContext *c, const GtfEncoder *e, GtfTensor *const *states, GtfTensor *const *weights)
{
  if (gtf_wants (c, "hidden_states"))
    gtf_output (c, "hidden_states", gtf_concat (c, states, e->config->n_layers + 1));
  if (gtf_wants (c, "attentions") && e->config->n_layers > 0 && weights[0] != NULL)
    gtf_output (c, "attentions", gtf_concat (c, weights, e->config->n_layers));
}

GtfTensor *
gtf_encoder_run (GtfContext *c, const GtfEncoder *e, GtfTensor *x)
{
  const gboolean keep_all = gtf_wants (c, "hidden_states") || gtf_wants (c, "attentions");
  GtfTensor *states[MAX_LAYERS + 1] = { x }, *weights[MAX_LAYERS] = { NULL };
  GtfEncoder own = prepared (e);

  for (gint64 i = 0; i < e->config->n_layers && !gtf_failed (c); i++)
    {
      gsize mark = gtf_push (c);

      own.attention.weights = gtf_wants (c, "attentions") ? &weights[i] : NULL;
      x = own.forward != NULL ? own.forward (c, &own, i, x) : gtf_encoder_layer (c, &own, &own.layers[i], x);
      if (!keep_all)
        x = gtf_pop_keep (c, mark, x);
      states[i + 1] = x;
    }
  if (e->final_norm != NULL)
    states[MIN (e->config->n_layers, MAX_LAYERS)] = x = gtf_layer_norm (c, e->final_norm, x, (float) e->config->eps);
  if (keep_all)
    output_states (c, e, states, weights);
  return x;
}
