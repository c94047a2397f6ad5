/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whisper: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022).
 *
 * A transformer encoder over log-mel frames (two convolutions, the second one halves their number, fixed sinusoidal
 * positions out of the file) and a decoder with learned positions that also attends to the encoder's states. Both are
 * pre-norm. The key projections have no bias. The output projection is the token embedding.
 * docs/models/whisper.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define LAYER_NORM_EPS 1e-5f
#define MAX_LAYERS 256

typedef struct
{
  gint64 d_model, vocab_size, num_mel_bins;
  gint64 encoder_layers, encoder_heads, encoder_ffn;
  gint64 decoder_layers, decoder_heads, decoder_ffn;
  gint64 max_source_positions, max_target_positions;
  GtfActivation activation;
  gboolean scale_embedding;     /* read and checked only: the reference computes the scale and does not use it */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_REQUIRED (Config, d_model, "d_model|hidden_size", 1, 1 << 16),
  GTF_CONFIG_INT_FIELD (Config, vocab_size, "vocab_size", 1, 1 << 24, 51865),
  GTF_CONFIG_INT_FIELD (Config, num_mel_bins, "num_mel_bins", 1, 4096, 80),
  GTF_CONFIG_INT_FIELD (Config, encoder_layers, "encoder_layers|num_hidden_layers", 1, MAX_LAYERS, 4),
  GTF_CONFIG_INT_FIELD (Config, encoder_heads, "encoder_attention_heads|num_attention_heads", 1, 4096, 6),
  GTF_CONFIG_INT_FIELD (Config, encoder_ffn, "encoder_ffn_dim", 1, 1 << 20, 1536),
  GTF_CONFIG_INT_FIELD (Config, decoder_layers, "decoder_layers", 1, MAX_LAYERS, 4),
  GTF_CONFIG_INT_FIELD (Config, decoder_heads, "decoder_attention_heads", 1, 4096, 6),
  GTF_CONFIG_INT_FIELD (Config, decoder_ffn, "decoder_ffn_dim", 1, 1 << 20, 1536),
  GTF_CONFIG_INT_FIELD (Config, max_source_positions, "max_source_positions", 1, 1 << 20, 1500),
  GTF_CONFIG_INT_FIELD (Config, max_target_positions, "max_target_positions", 1, 1 << 20, 448),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "activation_function", "gelu"),
  GTF_CONFIG_BOOL_FIELD (Config, scale_embedding, "scale_embedding", FALSE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  const Config *config = data;
  if (config->d_model % config->encoder_heads == 0 && config->d_model % config->decoder_heads == 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA,
               "d_model (%" G_GINT64_FORMAT ") must be a multiple of encoder_attention_heads (%" G_GINT64_FORMAT
               ") and of decoder_attention_heads (%" G_GINT64_FORMAT ")",
               config->d_model, config->encoder_heads, config->decoder_heads);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfNorm *attention_norm, *mlp_norm;
  const GtfLinear *qkv, *attention_out;
  const GtfLinear *fc1, *fc2;
} EncoderLayer;

typedef struct
{
  const GtfNorm *attention_norm, *cross_norm, *mlp_norm;
  const GtfLinear *qkv, *attention_out;
  const GtfLinear *cross_q, *cross_kv, *cross_out;
  const GtfLinear *fc1, *fc2;
} DecoderLayer;

typedef struct
{
  const GtfConv1d *conv1, *conv2;
  const GtfTensor *positions;
  const EncoderLayer *encoder;
  const GtfNorm *encoder_norm;

  const GtfEmbedding *tokens, *token_positions;
  const DecoderLayer *decoder;
  const GtfNorm *decoder_norm;
  const GtfLinear *logits;
} Weights;

#define D(field) GTF_DIM (Config, field)
#define D_TIMES(field, n) GTF_DIM_TIMES (Config, field, n)
#define LINEAR(Struct, field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), 0, { out, in } }
#define FUSED(Struct, field, name, n) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_BIAS_OPTIONAL, { D_TIMES (d_model, n), D (d_model) } }
#define NORM(Struct, field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Struct, field), 0, { D (d_model) } }

static const GtfWeight encoder_layer[] = {
  NORM (EncoderLayer, attention_norm, "self_attn_layer_norm"),
  FUSED (EncoderLayer, qkv, "self_attn.{q,k,v}_proj", 3),
  LINEAR (EncoderLayer, attention_out, "self_attn.out_proj", D (d_model), D (d_model)),
  NORM (EncoderLayer, mlp_norm, "final_layer_norm"),
  LINEAR (EncoderLayer, fc1, "fc1", D (encoder_ffn), D (d_model)),
  LINEAR (EncoderLayer, fc2, "fc2", D (d_model), D (encoder_ffn)),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder_layer[] = {
  NORM (DecoderLayer, attention_norm, "self_attn_layer_norm"),
  FUSED (DecoderLayer, qkv, "self_attn.{q,k,v}_proj", 3),
  LINEAR (DecoderLayer, attention_out, "self_attn.out_proj", D (d_model), D (d_model)),
  NORM (DecoderLayer, cross_norm, "encoder_attn_layer_norm"),
  LINEAR (DecoderLayer, cross_q, "encoder_attn.q_proj", D (d_model), D (d_model)),
  FUSED (DecoderLayer, cross_kv, "encoder_attn.{k,v}_proj", 2),
  LINEAR (DecoderLayer, cross_out, "encoder_attn.out_proj", D (d_model), D (d_model)),
  NORM (DecoderLayer, mlp_norm, "final_layer_norm"),
  LINEAR (DecoderLayer, fc1, "fc1", D (decoder_ffn), D (d_model)),
  LINEAR (DecoderLayer, fc2, "fc2", D (d_model), D (decoder_ffn)),
  { GTF_WEIGHT_END }
};

static const GtfWeight encoder_weights[] = {
  { GTF_WEIGHT_CONV1D, "encoder.conv1", G_STRUCT_OFFSET (Weights, conv1), 0, { D (d_model), D (num_mel_bins), GTF_DIM_CONST (3) } },
  { GTF_WEIGHT_CONV1D, "encoder.conv2", G_STRUCT_OFFSET (Weights, conv2), 0, { D (d_model), D (d_model), GTF_DIM_CONST (3) } },
  { GTF_WEIGHT_TENSOR, "encoder.embed_positions.weight", G_STRUCT_OFFSET (Weights, positions), 0, { D (max_source_positions), D (d_model) } },
  { GTF_WEIGHT_GROUP, "encoder.layers.%d", .offset = G_STRUCT_OFFSET (Weights, encoder), .group = encoder_layer, .group_size = sizeof (EncoderLayer), .count = D (encoder_layers) },
  NORM (Weights, encoder_norm, "encoder.layer_norm"),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder_weights[] = {
  { GTF_WEIGHT_EMBEDDING, "decoder.embed_tokens", G_STRUCT_OFFSET (Weights, tokens), 0, { D (vocab_size), D (d_model) } },
  { GTF_WEIGHT_EMBEDDING, "decoder.embed_positions", G_STRUCT_OFFSET (Weights, token_positions), 0, { D (max_target_positions), D (d_model) } },
  { GTF_WEIGHT_GROUP, "decoder.layers.%d", .offset = G_STRUCT_OFFSET (Weights, decoder), .group = decoder_layer, .group_size = sizeof (DecoderLayer), .count = D (decoder_layers) },
  NORM (Weights, decoder_norm, "decoder.layer_norm"),
  { GTF_WEIGHT_LINEAR, "proj_out", G_STRUCT_OFFSET (Weights, logits), GTF_WEIGHT_NO_BIAS, { D (vocab_size), D (d_model) }, "decoder.embed_tokens" },
  { GTF_WEIGHT_END }
};

/* ---- forward passes --------------------------------------------------------------------------------------------- */

static GtfTensor *
mlp (GtfContext *c, GtfActivation activation, const GtfNorm *norm, const GtfLinear *fc1, const GtfLinear *fc2, const GtfTensor *x)
{
  return gtf_feed_forward (c, fc1, activation, fc2, gtf_layer_norm (c, norm, x, LAYER_NORM_EPS), x);
}

static GtfTensor *
encoder_layer_forward (GtfContext *c, const Config *config, const EncoderLayer *l, const GtfTensor *x)
{
  const gint64 d = config->d_model;
  const GtfAttention self = { .n_heads = config->encoder_heads };
  gsize mark = gtf_push (c);
  GtfTensor *qkv = gtf_linear (c, l->qkv, gtf_layer_norm (c, l->attention_norm, x, LAYER_NORM_EPS));
  GtfTensor *a = gtf_attention (c, gtf_slice (c, qkv, 0, d), gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &self);
  x = gtf_pop_keep (c, mark, gtf_linear_add (c, l->attention_out, a, x));
  return mlp (c, config->activation, l->mlp_norm, l->fc1, l->fc2, x);
}

/* input_features [B][bins][frames] -> states [B][frames / 2][d] */
static GtfTensor *
encoder_forward (GtfContext *c, const Config *config, const Weights *w)
{
  const GtfTensor *features = gtf_input (c, "input_features");
  if (gtf_failed (c))
    return NULL;
  if (gtf_dim (features, -1) != 2 * config->max_source_positions || gtf_dim (features, -2) != config->num_mel_bins)
    {
      gtf_fail (c, "Whisper expects input_features of %" G_GINT64_FORMAT " mel bins and %" G_GINT64_FORMAT " frames, but found %" G_GINT64_FORMAT
                " bins and %" G_GINT64_FORMAT " frames: pad the features to that length",
                config->num_mel_bins, 2 * config->max_source_positions, gtf_dim (features, -2), gtf_dim (features, -1));
      return NULL;
    }
  /* each layer's result takes the place of the one before */
  gsize mark = gtf_push (c);
  GtfTensor *x = gtf_conv1d (c, w->conv1, gtf_transpose (c, features), 1, 1, GTF_ACTIVATION_GELU);
  x = gtf_conv1d (c, w->conv2, x, 2, 1, GTF_ACTIVATION_GELU);
  x = gtf_pop_keep (c, mark, gtf_add (c, x, w->positions));
  for (gint64 i = 0; i < config->encoder_layers; i++)
    x = gtf_pop_keep (c, mark, encoder_layer_forward (c, config, &w->encoder[i], x));
  return gtf_layer_norm (c, w->encoder_norm, x, LAYER_NORM_EPS);
}

static void
whisper_encode (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const gint64 d = config->d_model;
  GtfTensor *states = encoder_forward (c, config, w);
  gtf_output (c, "encoder_last_hidden_state", states);
  /* Who asks for the states by name wants them only, and nothing to decode with. */
  if (gtf_wants (c, "encoder_last_hidden_state"))
    return;
  for (gint64 i = 0; i < config->decoder_layers; i++)
    {
      gsize mark = gtf_push (c);
      GtfTensor *kv = gtf_linear (c, w->decoder[i].cross_kv, states);
      gtf_cache_put_cross (c, f->cache, i, gtf_slice (c, kv, 0, d), gtf_slice (c, kv, d, d));
      gtf_pop (c, mark);
    }
}

static GtfTensor *
decoder_layer_forward (GtfContext *c, const GtfForward *f, gint64 i, const GtfTensor *x, GtfTensor **cross_weights)
{
  const Config *config = f->config;
  const DecoderLayer *l = &((const Weights *) f->weights)->decoder[i];
  const gint64 d = config->d_model;
  const GtfAttention self = { .n_heads = config->decoder_heads, .causal = TRUE };
  const GtfAttention cross = { .n_heads = config->decoder_heads, .weights = cross_weights };
  GtfTensor *k, *v;

  GtfTensor *qkv = gtf_linear (c, l->qkv, gtf_layer_norm (c, l->attention_norm, x, LAYER_NORM_EPS));
  gtf_cache_append (c, f->cache, i, gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &k, &v);
  GtfTensor *a = gtf_attention (c, gtf_slice (c, qkv, 0, d), k, v, &self);
  x = gtf_linear_add (c, l->attention_out, a, x);

  GtfTensor *q = gtf_linear (c, l->cross_q, gtf_layer_norm (c, l->cross_norm, x, LAYER_NORM_EPS));
  gtf_cache_get_cross (c, f->cache, i, &k, &v);
  a = gtf_attention (c, q, k, v, &cross);
  x = gtf_linear_add (c, l->cross_out, a, x);
  return mlp (c, config->activation, l->mlp_norm, l->fc1, l->fc2, x);
}

static void
whisper_decode (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const gboolean attentions = gtf_wants (c, "cross_attentions");
  const GtfTensor *ids = gtf_input (c, "input_ids");
  GtfTensor *cross[MAX_LAYERS] = { NULL };
  if (gtf_failed (c))
    return;
  const gint64 n_steps = gtf_dim (ids, -1);

  GtfTensor *x = gtf_embedding (c, w->tokens, ids);
  x = gtf_add (c, x, gtf_embedding_range (c, w->token_positions, gtf_cache_get_past (f->cache), n_steps));
  for (gint64 i = 0; i < config->decoder_layers; i++)
    {
      gsize mark = gtf_push (c);
      x = decoder_layer_forward (c, f, i, x, attentions ? &cross[i] : NULL);
      if (!attentions)
        x = gtf_pop_keep (c, mark, x);
    }
  if (attentions)
    gtf_output (c, "cross_attentions", gtf_concat (c, cross, config->decoder_layers));
  if (!gtf_wants (c, "all_logits"))
    x = gtf_steps (c, x, n_steps - 1, 1);
  x = gtf_layer_norm (c, w->decoder_norm, x, LAYER_NORM_EPS);
  gtf_output (c, "last_hidden_state", x);
  gtf_output (c, "logits", gtf_linear (c, w->logits, x));
}

/* ---- the family --------------------------------------------------------------------------------------------------- */

static const char *const generation_tasks[] = { "automatic-speech-recognition", NULL };

static const GtfHead heads[] = {
  { "ForConditionalGeneration", generation_tasks, decoder_weights, "model" },
  { NULL }
};

static const char *const model_types[] = { "whisper", NULL };

static const GtfArchitecture whisper = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types,
  .config_size = sizeof (Config),
  .config = config_fields,
  .derive = derive,
  .weights_size = sizeof (Weights),
  .weights = encoder_weights,
  .heads = heads,
  .encode = whisper_encode,
  .decode = whisper_decode,
  .decoder_layers = D (decoder_layers),
  .encoder_states = D (max_source_positions),
  .decoder_positions = D (max_target_positions),
  .vocab_size = D (vocab_size),
  .kv_size = D (d_model),
};

static const GtfArchitecture *const architectures[] = { &whisper, NULL };

static const GtfArchitecturePlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfArchitecturePlugin), "whisper" },
  .description = "Whisper: speech recognition and translation",
  .license = "LGPL-2.1-or-later",
  .architectures = architectures,
};

GTF_PLUGIN_EXPORT const GtfArchitecturePlugin *gtf_plugin_whisper (void);

const GtfArchitecturePlugin *
gtf_plugin_whisper (void)
{
  return &plugin;
}
