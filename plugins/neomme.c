/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * NeoMME: H Company, "NeoMME-260M" (2026), the part that reads text.
 *
 * Blocks with root mean square norms that have no weights, keys and values shared by groups of heads, rotary positions and windows by the kind of a
 * layer; into each layer goes again what came out of the embeddings, and of what attention gives a token the part along its own value is taken
 * away. docs/models/neomme.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>
#include <string.h>

#define MAX_LAYERS 256
#define LONG_WINDOW 1024        /* of every other layer with a window, where the config has no windows by layer */

typedef struct
{
  GtfTextConfig text;
  gint64 n_kv_heads, head_dim, window;
  gboolean no_window;
  double residual;
  GtfRope rope, local_rope;             /* the second: of layers called "sliding_attention" */
  const char *layer_types, *layer_windows;
  /* by derive () */
  gint64 q_size, kv_size, qkvg_size;
  gboolean local[MAX_LAYERS];
  gint64 windows[MAX_LAYERS];           /* tokens on each side; 0: all */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 131072),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, embedding_size, "embedding_rank", 1, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, hidden_size, "hidden_size", 1, 1 << 16, 1024),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, inner_size, "intermediate_size", 1, 1 << 20, 3584),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 1, MAX_LAYERS, 17),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_heads, "num_attention_heads", 1, 4096, 16),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 16384),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "hidden_act", "relu2"),
  GTF_CONFIG_INT_FIELD (Config, n_kv_heads, "num_key_value_heads", 1, 4096, 4),
  GTF_CONFIG_INT_FIELD (Config, head_dim, "head_dim", 1, 1 << 16, 64),
  GTF_CONFIG_INT_FIELD (Config, window, "sliding_window", 1, 1 << 24, 256),
  GTF_CONFIG_NULL_FIELD (Config, no_window, "sliding_window"),
  GTF_CONFIG_FLOAT_FIELD (Config, residual, "residual_multiplier", 0, 1e6, 0),
  GTF_CONFIG_LIST_FIELD (Config, layer_types, "layer_types"),
  GTF_CONFIG_LIST_FIELD (Config, layer_windows, "per_layer_config.#.sliding_window"),
  GTF_ROPE_FIELDS (Config, rope, "rope_parameters.full_attention.", "rope_theta", 1000000),
  GTF_CONFIG_FLOAT_FIELD (Config, rope.partial, "rope_parameters.full_attention.partial_rotary_factor", 0, 1, 0.25),
  GTF_ROPE_FIELDS (Config, local_rope, "rope_parameters.sliding_attention.", "rope_theta", 10000),
  GTF_CONFIG_FIELDS_END
};

/* How many features of a head turn; rope_type proportional counts those that do not, too. */
static gboolean
derive_rope (const Config *config, GtfRope *rope, GError **error)
{
  const gboolean whole = g_strcmp0 (rope->type, "proportional") == 0;

  return gtf_rope_derive (rope, whole ? config->head_dim : (gint64) ((double) config->head_dim * rope->partial), config->text.n_positions, error);
}

/* What a layer sees: as the config says it layer by layer, else by the kinds of layers, of which those with a window have a short and a long one
 * by turns. */
static gboolean
derive_layers (Config *config, GError **error)
{
  const gint64 n = config->text.n_layers, window = config->no_window ? 0 : config->window;
  const char *list = config->layer_windows;
  gint64 n_local = 0;

  for (gint64 i = 0; i < n; i++)
    {
      config->local[i] = config->layer_types != NULL ? gtf_config_list_is (config->layer_types, i, "sliding_attention") : (i + 1) % 6 != 0 && i != n - 1;
      config->windows[i] = window;
      if (list == NULL && config->local[i])
        config->windows[i] = n_local++ % 2 != 0 ? LONG_WINDOW : window;
      else if (list == NULL || gtf_config_list_is (list, i, "null"))
        config->windows[i] = 0;
      else if (i < gtf_config_list_size (list) && !gtf_config_list_is (list, i, "") && !gtf_config_list_int (list, i, 1, 1 << 24, &config->windows[i]))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "per_layer_config.%" G_GINT64_FORMAT ".sliding_window: expected null or a number from 1 to %d", i, 1 << 24);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const gint64 n = gtf_config_list_size (config->layer_types);

  if (config->residual == 0)
    config->residual = 1 / sqrt (2 * (double) config->text.n_layers);
  config->q_size = config->text.n_heads * config->head_dim;
  config->kv_size = config->n_kv_heads * config->head_dim;
  config->qkvg_size = 2 * config->q_size + 2 * config->kv_size;
  if (config->layer_types != NULL && n != config->text.n_layers)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "layer_types has %" G_GINT64_FORMAT " members for %" G_GINT64_FORMAT " layers", n, config->text.n_layers);
  else if (config->layer_types != NULL && !gtf_config_list_has (config->layer_types, "full_attention"))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "layer_types has no full_attention: values by token go into the first and the last such layer");
  else if (config->text.n_heads % config->n_kv_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "num_key_value_heads (%" G_GINT64_FORMAT ") must divide num_attention_heads (%" G_GINT64_FORMAT ")",
                 config->n_kv_heads, config->text.n_heads);
  else
    return derive_layers (config, error) && derive_rope (config, &config->rope, error) && derive_rope (config, &config->local_rope, error);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfLinear *qkvg, *attention_out, *up, *down;    /* the first: query, key, value, gate */
  const GtfTensor *mix, *exclusive;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
  const GtfEmbedding *values;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define RANK GTF_TEXT_DIM (embedding_size)
#define LAYER_LINEAR(field, name, ...) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Layer, field), GTF_WEIGHT_BIAS_OPTIONAL, { __VA_ARGS__ } }

static const GtfWeight layer_weights[] = {
  { GTF_WEIGHT_TENSOR, "lambdas", G_STRUCT_OFFSET (Layer, mix), 0, { GTF_DIM_CONST (2) } },
  LAYER_LINEAR (qkvg, "self_attn.{q_proj,k_proj,v_proj,output_projection.gate_proj}", GTF_DIM (Config, qkvg_size), HIDDEN),
  { GTF_WEIGHT_TENSOR, "self_attn.exclusive_self_attention.alpha", G_STRUCT_OFFSET (Layer, exclusive), 0, { GTF_TEXT_DIM (n_heads) } },
  LAYER_LINEAR (attention_out, "self_attn.output_projection.o_proj", HIDDEN, GTF_DIM (Config, q_size)),
  LAYER_LINEAR (up, "mlp.up_proj", GTF_TEXT_DIM (inner_size), HIDDEN),
  LAYER_LINEAR (down, "mlp.down_proj", HIDDEN, GTF_TEXT_DIM (inner_size)),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_TEXT_TABLE (tokens, "embed_tokens.word_embeddings", vocab_size),
  GTF_TEXT_LINEAR (embeddings.projection, "embed_tokens.embedding_projection", GTF_WEIGHT_NO_BIAS, HIDDEN, RANK),
  { GTF_WEIGHT_EMBEDDING, "value_embeddings", G_STRUCT_OFFSET (Weights, values), 0, { GTF_TEXT_DIM (vocab_size), GTF_DIM (Config, kv_size) } },
  { GTF_WEIGHT_GROUP, "layers.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_END }
};

/* Back by the way that words came: both weights are those of the embeddings, the first turned round. */
static const GtfWeight masked_lm[] = {
  { GTF_WEIGHT_LINEAR, "unembedding_projection", GTF_TEXT_FIELD (heads.lm_dense), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_TRANSPOSED, { RANK, HIDDEN }, "embed_tokens.embedding_projection" },
  GTF_TEXT_LM ("lm_head", GTF_WEIGHT_NO_BIAS, "embed_tokens.word_embeddings"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, masked_lm, "model" },
  { "ForRetrieval", gtf_text_base_tasks, NULL, "model" },
  { "Model", gtf_text_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* What all layers share. */
typedef struct
{
  const Config *config;
  const Weights *w;
  const GtfTensor *initial, *values;            /* what the embeddings gave, and a value for each token */
  const GtfTensor *tables[2], *sequences[2];    /* cosines and sines of layers of both kinds; of which texts they are */
  gint64 first_full, last_full;                 /* layers that get the values */
} Shared;

/* tanh of each head's number: the part of a token's own value that goes. */
static GtfTensor *
parts (GtfContext *c, const Layer *l)
{
  return gtf_activate (c, l->exclusive, GTF_ACTIVATION_TANH);
}

static GtfTensor *
attend (GtfContext *c, const GtfEncoder *e, const Shared *s, gint64 i, GtfTensor *q, GtfTensor *k, GtfTensor *v)
{
  const gint64 n = s->config->text.n_heads, n_kv = s->config->n_kv_heads, window = s->config->windows[i];
  const GtfWindowAttention near = { .n_heads = n, .before = window, .after = window, .mask = e->attention.mask, .sequences = e->attention.sequences,
                                    .weights = e->attention.weights };
  GtfAttention all = e->attention;

  all.n_kv_heads = n_kv;
  if (window == 0)
    return gtf_attention (c, q, k, v, &all);
  return gtf_window_attention (c, q, gtf_encoder_repeat_heads (c, k, n, n_kv), gtf_encoder_repeat_heads (c, v, n, n_kv), &near);
}

static GtfTensor *
attention (GtfContext *c, const GtfEncoder *e, const Shared *s, gint64 i, const GtfTensor *x)
{
  const Config *config = s->config;
  const Layer *l = &s->w->layers[i];
  const float eps = (float) config->text.eps;
  const gint64 n = config->text.n_heads, n_kv = config->n_kv_heads, q_size = config->q_size, kv_size = config->kv_size;
  GtfRotation rotation = { .n_heads = n, .table = s->tables[config->local[i]], .sequences = s->sequences[config->local[i]] };
  GtfTensor *all = gtf_linear (c, l->qkvg, x), *v = gtf_slice (c, all, q_size + kv_size, kv_size), *q, *k, *y;

  q = gtf_rotate (c, gtf_rms_heads (c, gtf_slice (c, all, 0, q_size), n, eps), &rotation);
  rotation.n_heads = n_kv;
  k = gtf_rotate (c, gtf_rms_heads (c, gtf_slice (c, all, q_size, kv_size), n_kv, eps), &rotation);
  if (i == s->first_full || i == s->last_full)
    v = gtf_add (c, v, s->values);
  y = gtf_exclude_values (c, attend (c, e, s, i, q, k, v), v, n, parts (c, l));
  return gtf_linear (c, l->attention_out, gtf_gate (c, gtf_slice (c, all, q_size + 2 * kv_size, q_size), y, GTF_ACTIVATION_SIGMOID));
}

/* The last layer ends with the norm of the whole: that is what counts as its hidden state. */
static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Shared *s = e->data;
  const Layer *l = &s->w->layers[i];
  const float eps = (float) s->config->text.eps, residual = (float) s->config->residual;
  float mix[2];
  GtfTensor *y;

  gtf_tensor_read_f32 (l->mix, 0, 2, mix);
  y = gtf_rms_heads (c, gtf_add (c, gtf_scale (c, x, mix[0]), gtf_scale (c, s->initial, mix[1])), 1, eps);
  x = gtf_add (c, x, gtf_scale (c, attention (c, e, s, i, y), residual));
  x = gtf_add (c, x, gtf_scale (c, gtf_feed_forward (c, l->up, s->config->text.activation, l->down, gtf_rms_heads (c, x, 1, eps), NULL), residual));
  return i + 1 < s->config->text.n_layers ? x : gtf_rms_heads (c, x, 1, eps);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .lm = GTF_ACTIVATION_NONE };
  GtfTextInput input;
  Shared s = { .config = config, .w = w, .first_full = -1 };
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .forward = layer, .data = &s };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  for (gint64 i = 0; i < config->text.n_layers; i++)
    if (!config->local[i])
      {
        s.first_full = s.first_full < 0 ? i : s.first_full;
        s.last_full = i;
      }
  s.tables[0] = gtf_rope_table (c, &config->rope, &input, &s.sequences[0]);
  s.tables[1] = gtf_rope_table (c, &config->local_rope, &input, &s.sequences[1]);
  s.values = gtf_embedding (c, w->values, input.ids);
  x = gtf_linear (c, w->text.embeddings.projection, gtf_embedding (c, w->text.embeddings.tokens, input.ids));
  x = gtf_rms_heads (c, x, 1, (float) config->text.eps);
  s.initial = x;
  gtf_text_outputs (c, &w->text.heads, &style, &input, gtf_encoder_run (c, &encoder, x));
}

static const char *const model_types[] = { "neomme", NULL };

/* Pictures are no input of a text task. */
static const GtfArchitecture neomme = {
  .struct_size = sizeof (GtfArchitecture), .model_types = model_types, .config_size = sizeof (Config), .config = config_fields, .derive = derive,
  .weights_size = sizeof (Weights), .weights = weights, .heads = heads,
  .ignored = "*patch_embeddings.*|*multi_vector_head.*|lm_head.*|unembedding_projection.*|*inv_freq", .forward = forward
};

GTF_TEXT_PLUGIN (neomme, "neomme", "NeoMME: text encoder", neomme)
