/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vision transformers of timm as classifiers and backbones: Dosovitskiy et al., "An Image is Worth 16x16 Words" (2020); DeiT and DeiT III: Touvron et al. (2020,
 * 2022); CLIP's, SigLIP's and DINOv2's towers; FlexiViT: Beyer et al. (2022); AIMv2: Fini et al. (2024); BEiT-3: Wang et al. (2022).
 *
 * The tensors tell what a model has (tokens before the patches, normalisations, factors, gates) and how large it is; the name tells heads, activation and epsilon.
 * docs/models/timm.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

#define MAX_BLOCKS 128

typedef struct
{
  gint64 n_channels, n_labels, n_heads, head_size, n_blocks;
  const char *name, *pool;
  double eps;
  gboolean has_pooler, is_rms, is_gated, any_size, pools_prefix;
  GtfActivation activation;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "model_args.in_chans|num_channels|in_chans", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_STRING_FIELD (Config, name, "architecture|backbone", "vit_base_patch16_224"),
  GTF_CONFIG_INT_FIELD (Config, n_heads, "model_args.num_heads", 1, 4096, 0),
  GTF_CONFIG_INT_FIELD (Config, n_blocks, "model_args.depth", 1, MAX_BLOCKS, 0),
  GTF_CONFIG_STRING_FIELD (Config, pool, "model_args.global_pool", NULL),
  GTF_CONFIG_BOOL_FIELD (Config, any_size, "model_args.dynamic_img_size", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, pools_prefix, "model_args.pool_include_prefix", FALSE),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "model_args.act_layer", NULL),
  GTF_CONFIG_BOOL_FIELD (Config, has_pooler, "do_pooling", TRUE),
  GTF_CONFIG_FIELDS_END
};

/* What the word for the size stands for; no heads: one for each 64 features. */
static const struct
{
  const char *word;
  gint64 n_blocks, n_heads;
} sizes[] = {
  { "tiny", 12, 0 }, { "small", 12, 0 }, { "base", 12, 0 }, { "large", 24, 0 }, { "huge", 32, 16 }, { "giant", 40, 0 }, { "giantopt", 40, 16 }, { "gigantic", 48, 16 },
  { "wee", 14, 0 }, { "xsmall", 10, 0 }, { "little", 14, 0 }, { "medium", 12, 0 }, { "mediumd", 20, 0 }, { "betwixt", 12, 0 }, { "so150m", 18, 0 }, { "so150m2", 21, 0 },
  { "so400m", 27, 16 }, { "intern300m", 24, 0 }, { "1b", 24, 0 }, { "3b", 24, 0 }
};

/* The words that may follow; numbers are sizes of pictures. */
static const char *const endings[] = { "clip", "quickgelu", "siglip", "gap", "map", "reg1", "reg4", "dinov2", "tipsv2", "miil", "plus", "36x1", "distilled", NULL };

static gboolean
is_ending (const char *word)
{
  return g_strv_contains (endings, word) || word[strspn (word, "0123456789")] == '\0' || (g_str_has_prefix (word, "patch") && word[5 + strspn (word + 5, "0123456789")] == '\0');
}

/* "vit_base_patch16_clip_224": family, size, endings. FALSE: no such ViT. */
static gboolean
read_name (Config *config, char **words)
{
  const gboolean is_test = strcmp (words[0], "test") == 0, is_aim = strcmp (words[0], "aimv2") == 0;
  gsize size = 0;

  config->head_size = is_test ? 32 : is_aim ? 128 : 64;
  if (words[1] == NULL)
    return FALSE;
  if (is_test)
    {
      static const char *const tests[] = { "vit", "vit2", "vit3", "vit4", NULL };

      config->n_blocks = config->n_blocks ? config->n_blocks : strcmp (words[1], "vit") == 0 ? 6 : strcmp (words[1], "vit2") == 0 ? 8 : 9;
      return g_strv_contains (tests, words[1]);
    }
  while (size < G_N_ELEMENTS (sizes) && strcmp (sizes[size].word, words[1]) != 0)
    size++;
  if (size == G_N_ELEMENTS (sizes))
    return FALSE;
  if (config->n_blocks == 0)
    config->n_blocks = is_aim ? 24 : g_strv_contains ((const char *const *) words, "36x1") ? 36 : sizes[size].n_blocks;
  if (config->n_heads == 0 && !is_aim)
    config->n_heads = sizes[size].n_heads;
  for (char **word = words + 2; *word; word++)
    if (!is_ending (*word))
      return FALSE;
  return TRUE;
}

/* Later towers of SigLIP take the hyperbolic tangent for GELU. */
static gboolean
takes_tanh (const char *name)
{
  return strstr (name, "siglip") && (strstr (name, "base_patch32") || strstr (name, "giantopt") || strstr (name, "so400m_patch16") || (strstr (name, "large") && strstr (name, "_512")));
}

static void
read_habits (Config *config, const char *name)
{
  const gboolean is_aim = g_str_has_prefix (name, "aimv2");

  config->is_rms = is_aim || g_str_has_prefix (name, "test_vit4");
  config->eps = strstr (name, "_clip_") || is_aim || g_str_has_prefix (name, "beit3") ? 1e-5 : 1e-6;
  config->is_gated = strstr (name, "giant_patch14") && (strstr (name, "dinov2") || strstr (name, "tipsv2"));
  config->any_size |= strstr (name, "intern300m") || (g_str_has_prefix (name, "test_vit") && !g_str_has_prefix (name, "test_vit3"));
  config->pools_prefix |= g_str_has_prefix (name, "test_vit3");
  if (config->activation == GTF_ACTIVATION_NONE)
    config->activation = strstr (name, "quickgelu") ? GTF_ACTIVATION_GELU_QUICK
                         : config->is_gated || is_aim ? GTF_ACTIVATION_SILU
                         : takes_tanh (name) ? GTF_ACTIVATION_GELU_TANH : GTF_ACTIVATION_GELU;
}

static gboolean
derive (gpointer data, GError **error)
{
  static const char *const pools[] = { "avg", "token", "map", NULL };
  Config *config = data;
  g_autofree char *name = g_strndup (config->name, strcspn (config->name, "."));
  g_auto (GStrv) words = g_strsplit (name, "_", -1);

  if (!read_name (config, words) || (config->pool && !g_strv_contains (pools, config->pool)))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "architecture: expected the name of a ViT of timm, such as \"vit_base_patch16_224.augreg_in21k\" or"
                   " \"deit3_small_patch16_224\", with \"global_pool\" \"avg\", \"token\" or \"map\", found \"%.60s\"", config->name);
      return FALSE;
    }
  if (strcmp (name, "vit_base_patch16_gap_224") == 0 && config->n_heads == 0)
    config->n_heads = 16;
  read_habits (config, name);
  return TRUE;
}

typedef struct
{
  const GtfNorm *norm1, *norm2, *attention_norm, *inner_norm, *scale1, *scale2, *query_norm, *key_norm;       /* the third and all behind it may be NULL */
  const GtfLinear *qkv, *out, *up, *gate, *down;        /* the gate may be NULL */
} Block;

typedef struct
{
  const GtfConv2d *patches;
  const GtfTensor *cls, *distillation, *registers, *positions;  /* the last is always there */
  const GtfNorm *patch_norm, *first_norm, *norm, *pooled_norm;  /* may be NULL */
  const Block *blocks;
  const GtfTensor *latent;                              /* what pools by attention; may be NULL */
  const GtfLinear *latent_q, *latent_kv, *latent_out, *latent_up, *latent_down;
  const GtfNorm *latent_norm;
  const GtfLinear *classifier, *teacher;
} Weights;

#define ANY GTF_DIM_STORED
#define OPTIONAL GTF_WEIGHT_OPTIONAL
#define OF(Struct, type, field, name, flags, ...) { type, name, G_STRUCT_OFFSET (Struct, field), flags, { __VA_ARGS__ } }
#define SCALE(field, name) OF (Block, GTF_WEIGHT_NORM, field, name, GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS | OPTIONAL, ANY)
#define NORM(Struct, field, name, flags) OF (Struct, GTF_WEIGHT_NORM, field, name, (flags) | GTF_WEIGHT_BIAS_OPTIONAL, ANY)
#define LINEAR(Struct, field, name, flags) OF (Struct, GTF_WEIGHT_LINEAR, field, name, (flags) | GTF_WEIGHT_BIAS_OPTIONAL, ANY, ANY)
#define TOKENS(field, name, flags) OF (Weights, GTF_WEIGHT_TENSOR, field, name, flags, GTF_DIM_CONST (1), ANY, ANY)

static const GtfWeight block[] = {
  NORM (Block, norm1, "norm1", 0),
  LINEAR (Block, qkv, "attn.qkv", 0),
  NORM (Block, query_norm, "attn.q_norm", OPTIONAL),
  NORM (Block, key_norm, "attn.k_norm", OPTIONAL),
  NORM (Block, attention_norm, "attn.norm", OPTIONAL),
  LINEAR (Block, out, "attn.proj", 0),
  SCALE (scale1, "ls1.gamma"),
  NORM (Block, norm2, "norm2", 0),
  LINEAR (Block, gate, "mlp.fc1_g", OPTIONAL),
  LINEAR (Block, up, "mlp.fc1|mlp.fc1_x", 0),
  NORM (Block, inner_norm, "mlp.norm", OPTIONAL),
  LINEAR (Block, down, "mlp.fc2", 0),
  SCALE (scale2, "ls2.gamma"),
  { GTF_WEIGHT_END }
};

/* Whatever is optional here depends on the model. */
static const GtfWeight weights[] = {
  OF (Weights, GTF_WEIGHT_CONV2D, patches, "patch_embed.proj", GTF_WEIGHT_BIAS_OPTIONAL, ANY, GTF_DIM (Config, n_channels), ANY, ANY),
  NORM (Weights, patch_norm, "patch_embed.norm", OPTIONAL),
  TOKENS (cls, "cls_token", OPTIONAL),
  TOKENS (distillation, "dist_token", OPTIONAL),
  TOKENS (registers, "reg_token", OPTIONAL),
  TOKENS (positions, "pos_embed", 0),
  NORM (Weights, first_norm, "norm_pre", OPTIONAL),
  { GTF_WEIGHT_GROUP, "blocks.%d", .offset = G_STRUCT_OFFSET (Weights, blocks), .group = block, .group_size = sizeof (Block), .count = ANY },
  NORM (Weights, norm, "norm", OPTIONAL),
  NORM (Weights, pooled_norm, "fc_norm", OPTIONAL),
  TOKENS (latent, "attn_pool.latent", OPTIONAL),
  LINEAR (Weights, latent_q, "attn_pool.q", OPTIONAL),
  LINEAR (Weights, latent_kv, "attn_pool.kv", OPTIONAL),
  LINEAR (Weights, latent_out, "attn_pool.proj", OPTIONAL),
  NORM (Weights, latent_norm, "attn_pool.norm", OPTIONAL),
  LINEAR (Weights, latent_up, "attn_pool.mlp.fc1", OPTIONAL),
  LINEAR (Weights, latent_down, "attn_pool.mlp.fc2", OPTIONAL),
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  OF (Weights, GTF_WEIGHT_LINEAR, classifier, "head", 0, GTF_DIM (Config, n_labels), ANY),
  OF (Weights, GTF_WEIGHT_LINEAR, teacher, "head_dist", OPTIONAL, GTF_DIM (Config, n_labels), ANY),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "timm_model" },
  { "Backbone", gtf_vision_base_tasks, NULL, "_backbone.model|model" },
  { "Model", gtf_vision_base_tasks, NULL, "timm_model" },
  { NULL }
};

/* ---- patches and tokens --------------------------------------------------------------------------------------------------- */

static gint64
n_prefix (const Weights *w)
{
  return (w->cls != NULL) + (w->distillation != NULL) + (w->registers != NULL ? gtf_dim (w->registers, 1) : 0);
}

static gint64
n_heads (const Config *config, gint64 d)
{
  return config->n_heads > 0 ? config->n_heads : MAX (d / (d == 1408 ? 88 : config->head_size), 1);
}

static gboolean
is_square (gint64 n)
{
  gint64 side = 0;

  while (side * side < n)
    side++;
  return side * side == n;
}

static GtfTensor *
as_rows (GtfContext *c, const GtfTensor *x)
{
  return gtf_reshape (c, x, 2, (gint64[]){ -1, gtf_dim (x, -1) });
}

/* The tokens before the patches, [n][D]; NULL: there are none. */
static GtfTensor *
first_tokens (GtfContext *c, const Weights *w)
{
  const GtfTensor *all[] = { w->cls, w->distillation, w->registers };
  GtfTensor *parts[G_N_ELEMENTS (all)];
  gint64 n = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
    if (all[i] != NULL)
      parts[n++] = as_rows (c, all[i]);
  return n > 0 ? gtf_concat (c, parts, n) : NULL;
}

/* The positions of a map of patches, in its size where the model takes any; those of tokens before them come first, if there are any. */
static GtfTensor *
positions (GtfContext *c, const Config *config, const Weights *w, gint64 down, gint64 across)
{
  GtfTensor *x = as_rows (c, w->positions), *parts[2];
  const gint64 first = n_prefix (w);
  gint64 n = gtf_dim (x, 0), own;

  if (n == down * across || n == first + down * across || gtf_failed (c))
    return x;
  own = is_square (n - first) ? first : 0;
  if (!config->any_size)
    {
      gtf_fail (c, "the picture has %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " patches, but the model has positions for %" G_GINT64_FORMAT
                     ": it takes pictures of one size", down, across, n - own);
      return NULL;
    }
  parts[0] = own > 0 ? gtf_steps (c, x, 0, own) : NULL;
  parts[1] = gtf_vision_resize_square (c, gtf_steps (c, x, own, n - own), down, across, GTF_RESIZE_BICUBIC_ANTIALIAS);
  parts[1] = gtf_reshape (c, parts[1], 2, (gint64[]){ down * across, gtf_dim (x, -1) });
  return own > 0 ? gtf_concat (c, parts, 2) : parts[1];
}

static GtfTensor *
normalise (GtfContext *c, const Config *config, const GtfNorm *w, GtfTensor *x)
{
  if (w == NULL)
    return x;
  return config->is_rms ? gtf_rms_norm (c, w, x, (float) config->eps) : gtf_layer_norm (c, w, x, (float) config->eps);
}

static GtfTensor *
embed (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, gint64 *down, gint64 *across)
{
  const GtfWindow window = { .stride = gtf_conv2d_size (w->patches, 0), .stride_width = gtf_conv2d_size (w->patches, 1) };
  GtfTensor *x = gtf_conv2d (c, w->patches, gtf_pixels_last (c, pixels), &window, GTF_ACTIVATION_NONE, NULL), *first, *places;

  if (gtf_failed (c))
    return NULL;
  *down = gtf_dim (x, 1);
  *across = gtf_dim (x, 2);
  x = normalise (c, config, w->patch_norm, gtf_map_tokens (c, x));
  places = positions (c, config, w, *down, *across);
  first = first_tokens (c, w);
  if (gtf_failed (c))
    return NULL;
  if (gtf_dim (places, 0) == *down * *across)
    x = gtf_add (c, x, places);
  if (first != NULL)
    x = gtf_prepend (c, first, x);
  return gtf_dim (places, 0) == *down * *across ? x : gtf_add (c, x, places);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------------------ */

/* x + scale (w y) */
static GtfTensor *
add_scaled (GtfContext *c, const GtfLinear *w, GtfTensor *y, const GtfNorm *scale, GtfTensor *x)
{
  return scale != NULL ? gtf_add (c, x, gtf_affine (c, scale, gtf_linear (c, w, y))) : gtf_linear_add (c, w, y, x);
}

/* A part of query, key and value, each of its heads normalised. */
static GtfTensor *
part (GtfContext *c, const Config *config, const GtfLinear *qkv, const GtfNorm *norm, GtfTensor *x, gint64 first, gint64 heads)
{
  const gint64 b = gtf_dim (x, 0), t = gtf_dim (x, 1), d = gtf_dim (x, 2);
  GtfTensor *y = gtf_linear_part (c, qkv, x, first, d);

  if (norm == NULL)
    return y;
  y = normalise (c, config, norm, gtf_reshape (c, y, 4, (gint64[]){ b, t, heads, d / heads }));
  return gtf_reshape (c, y, 3, (gint64[]){ b, t, d });
}

static GtfTensor *
attend (GtfContext *c, const Config *config, const Block *w, GtfTensor *x)
{
  const gint64 d = gtf_dim (x, -1);
  const GtfAttention attention = { .n_heads = n_heads (config, d) };
  GtfTensor *qkv;

  if (w->query_norm != NULL)
    return gtf_attention (c, part (c, config, w->qkv, w->query_norm, x, 0, attention.n_heads), part (c, config, w->qkv, w->key_norm, x, d, attention.n_heads),
                          part (c, config, w->qkv, NULL, x, 2 * d, attention.n_heads), &attention);
  qkv = gtf_linear (c, w->qkv, x);
  return gtf_attention (c, gtf_slice (c, qkv, 0, d), gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &attention);
}

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x)
{
  GtfTensor *h = attend (c, config, w, normalise (c, config, w->norm1, x));

  x = add_scaled (c, w->out, normalise (c, config, w->attention_norm, h), w->scale1, x);
  h = normalise (c, config, w->norm2, x);
  if (config->is_gated)
    {
      h = gtf_linear (c, w->up, h);
      h = gtf_gate (c, gtf_slice (c, h, 0, gtf_dim (h, -1) / 2), gtf_slice (c, h, gtf_dim (h, -1) / 2, gtf_dim (h, -1) / 2), config->activation);
    }
  else if (w->gate != NULL)
    h = gtf_gate (c, gtf_linear (c, w->gate, h), gtf_linear (c, w->up, h), config->activation);
  else
    h = gtf_linear_act (c, w->up, h, config->activation);
  return add_scaled (c, w->down, normalise (c, config, w->inner_norm, h), w->scale2, x);
}

/* All blocks; @f: a backbone's, which puts the patches that come out of each. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  gint64 down = 0, across = 0;
  GtfTensor *x = embed (c, config, w, pixels, &down, &across);

  x = normalise (c, config, w->first_norm, x);
  for (gint64 i = 0; !gtf_failed (c) && w->blocks[i].qkv != NULL; i++)
    {
      gsize mark = gtf_push (c);

      x = gtf_pop_keep (c, mark, block_forward (c, config, &w->blocks[i], x));
      if (f != NULL && gtf_feature_wanted (f, i))
        gtf_feature (c, f, i, gtf_reshape (c, gtf_steps (c, x, n_prefix (w), down * across), 4, (gint64[]){ gtf_dim (x, 0), down, across, gtf_dim (x, -1) }));
    }
  return x;
}

static void
features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  encode (c, f->config, f->weights, pixels, f);
}

/* ---- what becomes of them --------------------------------------------------------------------------------------------------- */

/* A learnt token asks the others. */
static GtfTensor *
ask (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x)
{
  const gint64 d = gtf_dim (x, -1), n = gtf_dim (x, 0);
  const GtfAttention attention = { .n_heads = n_heads (config, d) };
  GtfTensor *q = gtf_repeat_rows (c, as_rows (c, gtf_linear (c, w->latent_q, w->latent)), n), *kv = gtf_linear (c, w->latent_kv, x);

  x = gtf_linear (c, w->latent_out, gtf_attention (c, q, gtf_slice (c, kv, 0, d), gtf_slice (c, kv, d, d), &attention));
  return gtf_vision_token (c, gtf_feed_forward (c, w->latent_up, config->activation, w->latent_down, normalise (c, config, w->latent_norm, x), x), 0);
}

static GtfTensor *
pool (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x)
{
  const gboolean takes_mean = config->pool ? strcmp (config->pool, "avg") == 0 : w->pooled_norm != NULL || w->cls == NULL;
  const gint64 first = config->pools_prefix ? 0 : n_prefix (w);

  if (w->latent != NULL)
    return ask (c, config, w, gtf_steps (c, x, first, gtf_dim (x, 1) - first));
  if (takes_mean)
    return gtf_mean_steps (c, gtf_steps (c, x, first, gtf_dim (x, 1) - first));
  return gtf_vision_token (c, x, 0);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = encode (c, config, w, gtf_vision_pixels (c, config->n_channels), NULL), *pooled, *second;

  x = normalise (c, config, w->norm, x);
  gtf_output (c, "last_hidden_state", x);
  if (gtf_failed (c))
    return;
  pooled = normalise (c, config, w->pooled_norm, pool (c, config, w, x));
  second = w->distillation != NULL ? gtf_vision_token (c, x, 1) : NULL;
  if (config->has_pooler)
    gtf_output (c, "pooler_output", second != NULL ? gtf_scale (c, gtf_add (c, pooled, second), 0.5f) : pooled);
  if (w->classifier == NULL)
    return;
  pooled = gtf_linear (c, w->classifier, pooled);
  if (second != NULL && w->teacher != NULL)
    pooled = gtf_scale (c, gtf_linear_add (c, w->teacher, second, pooled), 0.5f);
  gtf_output (c, "logits", pooled);
}

static const char *const types[] = { "timm_vit", "timm_deit", "timm_deit3", "timm_flexivit", "timm_eva_large", "timm_beit3", "timm_aimv2", "timm_test_vit", "timm_test_vit2",
                                     "timm_test_vit3", "timm_test_vit4", NULL };

static const GtfArchitecture timm_vit = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "head.*|*.head.*|*head_dist.*", .forward = forward,
  .features = features, .n_stages = GTF_DIM (Config, n_blocks)
};

GTF_TEXT_PLUGIN (timm_vit, "timm_vit", "Vision transformers of timm as classifiers and backbones", timm_vit)
