/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A small decoder with cross-attention, for the tests of model, session and cache. Built several times: whole, and with one thing
 * wrong each (another ABI, another name, no symbol, a struct that is too small), for the tests of the registry.
 */
#include "gtf.h"

#ifndef DEMO_ABI
#define DEMO_ABI GTF_PLUGIN_ABI
#endif
#ifndef DEMO_SIZE
#define DEMO_SIZE sizeof (GtfArchitecturePlugin)
#endif
#ifndef DEMO_NAME
#define DEMO_NAME "demo"
#endif
#ifndef DEMO_SYMBOL
#define DEMO_SYMBOL gtf_plugin_demo
#endif

typedef struct
{
  gint64 vocab, size, layers, heads, positions, states;
  double eps;
  GtfActivation activation;
} Config;

static const GtfConfigField fields[] = {
  GTF_CONFIG_INT_REQUIRED (Config, vocab, "vocab_size", 1, 1 << 20),
  GTF_CONFIG_INT_REQUIRED (Config, size, "hidden_size|d_model", 1, 1 << 12),
  GTF_CONFIG_INT_FIELD (Config, layers, "num_hidden_layers|n_layer", 1, 64, 2),
  GTF_CONFIG_INT_FIELD (Config, heads, "num_attention_heads", 1, 64, 1),
  GTF_CONFIG_INT_FIELD (Config, positions, "max_position_embeddings", 1, 1 << 16, 100),
  GTF_CONFIG_INT_FIELD (Config, states, "states", 1, 1 << 16, 5),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "gelu"),
  GTF_CONFIG_FIELDS_END
};

typedef struct
{
  const GtfNorm *norm;
  const GtfLinear *qkv, *cross_kv, *out;
} Layer;

typedef struct
{
  const GtfEmbedding *tokens, *positions;
  const Layer *layers;
  const GtfLinear *logits;
} Weights;

static const GtfWeight layer_weights[] = {
  { GTF_WEIGHT_NORM, "norm|ln", G_STRUCT_OFFSET (Layer, norm), 0, { GTF_DIM (Config, size) } },
  { GTF_WEIGHT_LINEAR, "attn.{q,k,v}", G_STRUCT_OFFSET (Layer, qkv), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_TIMES (Config, size, 3), GTF_DIM (Config, size) } },
  { GTF_WEIGHT_LINEAR, "cross.{k,v}", G_STRUCT_OFFSET (Layer, cross_kv), GTF_WEIGHT_NO_BIAS, { GTF_DIM_TIMES (Config, size, 2), GTF_DIM (Config, size) } },
  { GTF_WEIGHT_LINEAR, "attn.out", G_STRUCT_OFFSET (Layer, out), 0, { GTF_DIM (Config, size), GTF_DIM (Config, size) } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_EMBEDDING, "tokens", G_STRUCT_OFFSET (Weights, tokens), 0, { GTF_DIM (Config, vocab), GTF_DIM (Config, size) } },
  { GTF_WEIGHT_EMBEDDING, "positions", G_STRUCT_OFFSET (Weights, positions), 0, { GTF_DIM (Config, positions), GTF_DIM (Config, size) } },
  { GTF_WEIGHT_GROUP, "layers.%d|h.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_DIM (Config, layers) },
  { GTF_WEIGHT_END }
};

static const GtfWeight lm_weights[] = {
  { GTF_WEIGHT_LINEAR, "lm_head", G_STRUCT_OFFSET (Weights, logits), GTF_WEIGHT_NO_BIAS, { GTF_DIM (Config, vocab), GTF_DIM (Config, size) }, "tokens" },
  { GTF_WEIGHT_END }
};

static const char *const tasks[] = { "text-generation", NULL };
static const GtfHead heads[] = { { "ForCausalLM", tasks, lm_weights, "model" }, { "Model", tasks, NULL, "model" }, { NULL } };

static void
encode (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *states = gtf_input (c, "states");

  for (gint64 i = 0; i < config->layers && !gtf_failed (c); i++)
    {
      GtfTensor *kv = gtf_linear (c, w->layers[i].cross_kv, states);

      gtf_cache_put_cross (c, f->cache, i, gtf_slice (c, kv, 0, config->size), gtf_slice (c, kv, config->size, config->size));
    }
}

static void
decode (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *ids = gtf_input (c, "input_ids");
  const GtfAttention self = { .n_heads = config->heads, .causal = TRUE }, cross = { .n_heads = config->heads };
  GtfTensor *x = gtf_embedding (c, w->tokens, ids);

  if (gtf_failed (c))
    return;
  x = gtf_add (c, x, gtf_embedding_range (c, w->positions, gtf_cache_get_past (f->cache), gtf_dim (ids, -1)));
  for (gint64 i = 0; i < config->layers; i++)
    {
      const Layer *l = &w->layers[i];
      const gint64 d = config->size;
      GtfTensor *qkv = gtf_linear (c, l->qkv, gtf_layer_norm (c, l->norm, x, (float) config->eps)), *k, *v, *a;

      gtf_cache_append (c, f->cache, i, gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &k, &v);
      a = gtf_attention (c, gtf_slice (c, qkv, 0, d), k, v, &self);
      gtf_cache_get_cross (c, f->cache, i, &k, &v);
      a = gtf_add (c, a, gtf_attention (c, gtf_slice (c, qkv, 0, d), k, v, &cross));
      x = gtf_linear_add (c, l->out, gtf_activate (c, a, config->activation), x);
    }
  gtf_output (c, "last_hidden_state", x);
  if (w->logits)
    gtf_output (c, "logits", gtf_linear (c, w->logits, x));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Weights *w = f->weights;

  gtf_output (c, "last_hidden_state", gtf_embedding (c, w->tokens, gtf_input (c, "input_ids")));
}

static const char *const model_types[] = { "demo", "demo-other", NULL };

static const GtfArchitecture demo = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types,
  .config_size = sizeof (Config),
  .config = fields,
  .weights_size = sizeof (Weights),
  .weights = weights,
  .heads = heads,
  .ignored = "*.rotary.inv_freq|*position_ids",
  .forward = forward,
  .encode = encode,
  .decode = decode,
  .decoder_layers = GTF_DIM (Config, layers),
  .encoder_states = GTF_DIM (Config, states),
  .decoder_positions = GTF_DIM (Config, positions),
  .vocab_size = GTF_DIM (Config, vocab),
  .kv_size = GTF_DIM (Config, size),
};

static const GtfArchitecture *const architectures[] = { &demo, NULL };

static const GtfArchitecturePlugin plugin = {
  .head = { DEMO_ABI, DEMO_SIZE, DEMO_NAME },
  .description = "For tests",
  .license = "LGPL-2.1-or-later",
  .architectures = architectures,
};

GTF_PLUGIN_EXPORT const GtfArchitecturePlugin *DEMO_SYMBOL (void);

const GtfArchitecturePlugin *
DEMO_SYMBOL (void)
{
  return &plugin;
}
