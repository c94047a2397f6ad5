/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Dosovitskiy et al., "An Image is Worth 16x16 Words" (2020), and what came after it: tokens before the patches, normalisations, factors and gates where the
 * tensors have them; Fang et al., "EVA-02" (2023); Heo et al., "Rotary Position Embedding for Vision Transformer" (2024).
 * docs/models/timm.md tells what is easily got wrong.
 */
#include "layers/timm-vit.h"

#include <math.h>
#include <string.h>
#include "base/error.h"
#include "layers/detection.h"
#include "tensor/context-private.h"
#include "tensor/positions.h"
#include "tensor/weights-private.h"

typedef GtfTimmVitConfig Config;
typedef GtfTimmVitWeights Weights;
typedef GtfTimmVitBlock Block;

const GtfConfigField gtf_timm_vit_config[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "model_args.in_chans|num_channels|in_chans", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_STRING_FIELD (Config, name, "architecture|backbone", "vit_base_patch16_224"),
  GTF_CONFIG_INT_FIELD (Config, n_heads, "model_args.num_heads", 1, 4096, 0),
  GTF_CONFIG_INT_FIELD (Config, n_blocks, "model_args.depth", 1, GTF_TIMM_VIT_MAX_BLOCKS, 0),
  GTF_CONFIG_STRING_FIELD (Config, pool, "model_args.global_pool", NULL),
  GTF_CONFIG_BOOL_FIELD (Config, any_size, "model_args.dynamic_img_size", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, pools_prefix, "model_args.pool_include_prefix", FALSE),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "model_args.act_layer", NULL),
  GTF_CONFIG_BOOL_FIELD (Config, has_pooler, "do_pooling", TRUE),
  GTF_CONFIG_FIELDS_END
};

gboolean
gtf_timm_vit_check (const GtfTimmVitConfig *config, gboolean is_known, const char *example, GError **error)
{
  static const char *const pools[] = { "avg", "token", "map", NULL };

  if (is_known && (config->pool == NULL || g_strv_contains (pools, config->pool)))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "architecture: expected the name of a ViT of timm, such as %s, with \"global_pool\" \"avg\", \"token\" or \"map\","
               " found \"%.60s\"", example, config->name);
  return FALSE;
}

/* ---- weights ------------------------------------------------------------------------------------------------------------------ */

#define ANY GTF_DIM_STORED
#define OPTIONAL GTF_WEIGHT_OPTIONAL
#define OF(Struct, type, field, name, flags, ...) { type, name, G_STRUCT_OFFSET (Struct, field), flags, { __VA_ARGS__ } }
#define SCALE(field, name) OF (Block, GTF_WEIGHT_NORM, field, name, GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS | OPTIONAL, ANY)
#define NORM(Struct, field, name, flags) OF (Struct, GTF_WEIGHT_NORM, field, name, (flags) | GTF_WEIGHT_BIAS_OPTIONAL, ANY)
#define LINEAR(Struct, field, name, flags) OF (Struct, GTF_WEIGHT_LINEAR, field, name, (flags) | GTF_WEIGHT_BIAS_OPTIONAL, ANY, ANY)
#define TOKENS(field, name) OF (Weights, GTF_WEIGHT_TENSOR, field, name, OPTIONAL, GTF_DIM_CONST (1), ANY, ANY)

static const GtfWeight block[] = {
  NORM (Block, norm1, "norm1", 0),
  LINEAR (Block, qkv, "attn.qkv&!attn.q_proj", 0),
  LINEAR (Block, qkv, "attn.{q_proj,k_proj,v_proj}&attn.q_proj", 0),
  OF (Block, GTF_WEIGHT_TENSOR, query_bias, "attn.q_bias", OPTIONAL, ANY),
  OF (Block, GTF_WEIGHT_TENSOR, value_bias, "attn.v_bias", OPTIONAL, ANY),
  NORM (Block, query_norm, "attn.q_norm", OPTIONAL),
  NORM (Block, key_norm, "attn.k_norm", OPTIONAL),
  NORM (Block, attention_norm, "attn.norm", OPTIONAL),
  LINEAR (Block, out, "attn.proj", 0),
  SCALE (scale1, "ls1.gamma|gamma_1"),
  NORM (Block, norm2, "norm2", 0),
  LINEAR (Block, gate, "mlp.fc1_g", OPTIONAL),
  LINEAR (Block, up, "mlp.fc1|mlp.fc1_x", 0),
  NORM (Block, inner_norm, "mlp.norm", OPTIONAL),
  LINEAR (Block, down, "mlp.fc2", 0),
  SCALE (scale2, "ls2.gamma|gamma_2"),
  { GTF_WEIGHT_END }
};

/* Whatever is optional here depends on the model. */
const GtfWeight gtf_timm_vit_weights[] = {
  OF (Weights, GTF_WEIGHT_CONV2D, patches, "patch_embed.proj", GTF_WEIGHT_BIAS_OPTIONAL, ANY, GTF_DIM (Config, n_channels), ANY, ANY),
  NORM (Weights, patch_norm, "patch_embed.norm", OPTIONAL),
  TOKENS (cls, "cls_token"),
  TOKENS (distillation, "dist_token"),
  TOKENS (registers, "reg_token"),
  TOKENS (positions, "pos_embed"),
  OF (Weights, GTF_WEIGHT_TENSOR, frequencies, "rope.freqs", OPTIONAL, ANY, ANY, ANY, ANY),
  NORM (Weights, first_norm, "norm_pre", OPTIONAL),
  { GTF_WEIGHT_GROUP, "blocks.%d", .offset = G_STRUCT_OFFSET (Weights, blocks), .group = block, .group_size = sizeof (Block), .count = ANY },
  NORM (Weights, norm, "norm", OPTIONAL),
  NORM (Weights, pooled_norm, "fc_norm", OPTIONAL),
  TOKENS (latent, "attn_pool.latent"),
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

const GtfHead gtf_timm_vit_heads[] = {
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

/* The positions of a map of patches, in its size where the model takes any; those of tokens before them come first, if there are any. NULL: there are none. */
static GtfTensor *
positions (GtfContext *c, const Config *config, const Weights *w, gint64 down, gint64 across)
{
  GtfTensor *x = w->positions != NULL ? as_rows (c, w->positions) : NULL, *parts[2];
  const gint64 first = n_prefix (w);
  gint64 n, own;

  if (x == NULL || gtf_failed (c))
    return NULL;
  n = gtf_dim (x, 0);
  if (n == down * across || n == first + down * across)
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
  gboolean are_patches;

  if (gtf_failed (c))
    return NULL;
  *down = gtf_dim (x, 1);
  *across = gtf_dim (x, 2);
  x = normalise (c, config, w->patch_norm, gtf_map_tokens (c, x));
  places = positions (c, config, w, *down, *across);
  first = first_tokens (c, w);
  if (gtf_failed (c))
    return NULL;
  are_patches = places != NULL && gtf_dim (places, 0) == *down * *across;
  if (are_patches)
    x = gtf_add (c, x, places);
  if (first != NULL)
    x = gtf_prepend (c, first, x);
  return places == NULL || are_patches ? x : gtf_add (c, x, places);
}

/* ---- how queries and keys turn ------------------------------------------------------------------------------------------------ */

/* A map of patches behind other tokens, which do not turn. */
typedef struct
{
  gint64 first, down, across;
} Map;

/* The number of row (0) or column (1) of a patch, from which one half of a head's pairs turns or the other. */
static float
place (const Config *config, const Map *map, gint64 patch, gint64 half)
{
  const gboolean is_column = (half == 1) != config->is_across_first;
  const float at = (float) (is_column ? patch % map->across : patch / map->across) + config->offset;

  return config->reference > 0 ? at / (float) (is_column ? map->across : map->down) * (float) config->reference : at;
}

/* A table for gtf_rotate (), [tokens][d]: the angles of heads of d features, which are the same; or, of learnt frequencies, of all heads side by side. */
static GtfTensor *
grid_table (GtfContext *c, const Config *config, const float *frequencies, const Map *map, gint64 d)
{
  const gint64 half = d / 2, quarter = d / 4, n = map->first + map->down * map->across;
  GtfTensor *y;

  if (!gtf_op_begin (c, "timm_rotary_table", 0))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ n, 2 * half });
  for (gint64 i = 0; y != NULL && i < n; i++)
    for (gint64 k = 0; k < half; k++)
      {
        const gint64 patch = i - map->first;
        float angle = 0;

        if (patch >= 0 && frequencies != NULL)
          angle = place (config, map, patch, 0) * frequencies[k] + place (config, map, patch, 1) * frequencies[k + half];
        else if (patch >= 0)
          angle = place (config, map, patch, k >= quarter) * (1.0f / powf ((float) config->theta, (float) (k % quarter) / (float) quarter));
        gtf_tensor_f32 (y)[i * 2 * half + k] = cosf (angle);
        gtf_tensor_f32 (y)[i * 2 * half + half + k] = sinf (angle);
      }
  return y;
}

/* The frequencies of a block, [2][heads * d / 2]: what rows and columns are multiplied by. NULL after the error. */
static const float *
learnt_frequencies (GtfContext *c, const GtfTensor *stored, gint64 block, gint64 heads, gint64 d)
{
  const gint64 n = heads * (d / 2), n_blocks = stored != NULL ? gtf_dim (stored, 1) : 0;
  float *both = NULL;

  if (stored == NULL || gtf_dim (stored, 0) != 2 || block >= n_blocks || gtf_dim (stored, 2) != heads || gtf_dim (stored, 3) != d / 2)
    gtf_fail (c, "\"rope.freqs\": expected [2][blocks][%" G_GINT64_FORMAT "][%" G_GINT64_FORMAT "] for block %" G_GINT64_FORMAT, heads, d / 2, block);
  else if ((both = gtf_arena_alloc (c, (gsize) (2 * n) * sizeof *both)) != NULL)
    for (gint64 i = 0; i < 2; i++)
      memcpy (both + i * n, gtf_tensor_f32 (stored) + (i * n_blocks + block) * n, (gsize) n * sizeof *both);
  return both;
}

/* What all blocks turn by; NULL where they do not, or each by its own. */
static GtfTensor *
shared_table (GtfContext *c, const Config *config, const Map *map, gint64 d)
{
  if (config->rope != GTF_TIMM_ROPE_GRID && config->rope != GTF_TIMM_ROPE_MIDDLES)
    return NULL;
  if (d < 4 || d % 4 != 0)
    {
      gtf_fail (c, "heads of %" G_GINT64_FORMAT " features cannot turn by row and column: expected a multiple of 4", d);
      return NULL;
    }
  if (config->rope == GTF_TIMM_ROPE_MIDDLES)
    return gtf_patch_rotary_table (c, map->first, map->down, map->across, d, config->theta);
  return grid_table (c, config, NULL, map, d);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------------------ */

/* What a block needs to know: its rotation has a table, or none. */
typedef struct
{
  const Config *config;
  GtfRotation rotation;
} Step;

/* x + scale (norm (w y)), of which factor and normalisation may be NULL. */
static GtfTensor *
add_output (GtfContext *c, const Config *config, const GtfLinear *w, GtfTensor *y, const GtfNorm *norm, const GtfNorm *scale, GtfTensor *x)
{
  if (norm == NULL && scale == NULL)
    return gtf_linear_add (c, w, y, x);
  y = normalise (c, config, norm, gtf_linear (c, w, y));
  return gtf_add (c, x, scale != NULL ? gtf_affine (c, scale, y) : y);
}

/* A part of query, key and value: n outputs from the first on, with a bias of its own, each of its heads normalised. */
static GtfTensor *
part (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, gint64 first, gint64 n, const GtfTensor *bias, const GtfNorm *norm, gint64 heads)
{
  const gint64 b = gtf_dim (x, 0), t = gtf_dim (x, 1);
  GtfTensor *y = gtf_linear_part (c, w->qkv, x, first, n);

  if (bias != NULL)
    y = gtf_add (c, y, bias);
  if (norm == NULL)
    return y;
  y = normalise (c, config, norm, gtf_reshape (c, y, 4, (gint64[]){ b, t, heads, n / heads }));
  return gtf_reshape (c, y, 3, (gint64[]){ b, t, n });
}

/* Each head turned; there may be fewer heads of keys than of queries. */
static GtfTensor *
turn (GtfContext *c, const Step *s, GtfTensor *y, gint64 heads)
{
  GtfRotation rotation = s->rotation;

  if (rotation.table == NULL)
    return y;
  if (rotation.n_heads == 0)
    rotation.n_heads = heads;
  return gtf_rotate (c, y, &rotation);
}

static GtfTensor *
attend (GtfContext *c, const Step *s, const Block *w, GtfTensor *x)
{
  const gint64 d = gtf_dim (x, -1), heads = n_heads (s->config, d), kv = MAX ((w->qkv->out - d) / 2, 0), kv_heads = MAX (kv * heads / MAX (d, 1), 1);
  const GtfAttention attention = { .n_heads = heads, .n_kv_heads = kv_heads };
  GtfTensor *q, *k, *v;

  if (w->query_norm != NULL || w->query_bias != NULL)
    {
      q = part (c, s->config, w, x, 0, d, w->query_bias, w->query_norm, heads);
      k = part (c, s->config, w, x, d, kv, NULL, w->key_norm, kv_heads);
      v = part (c, s->config, w, x, d + kv, kv, w->value_bias, NULL, kv_heads);
    }
  else
    {
      GtfTensor *qkv = gtf_linear (c, w->qkv, x);

      q = gtf_slice (c, qkv, 0, d);
      k = gtf_slice (c, qkv, d, kv);
      v = gtf_slice (c, qkv, d + kv, kv);
    }
  return gtf_attention (c, turn (c, s, q, heads), turn (c, s, k, kv_heads), v, &attention);
}

static GtfTensor *
halves_gated (GtfContext *c, GtfTensor *x, GtfActivation act)
{
  const gint64 n = gtf_dim (x, -1) / 2;

  return gtf_gate (c, gtf_slice (c, x, 0, n), gtf_slice (c, x, n, n), act);
}

static GtfTensor *
widen (GtfContext *c, const Config *config, const Block *w, GtfTensor *x)
{
  if (w->gate != NULL)
    return gtf_gate (c, gtf_linear (c, w->gate, x), gtf_linear (c, w->up, x), config->activation);
  if (config->is_gated)
    return halves_gated (c, gtf_linear (c, w->up, x), config->activation);
  return gtf_linear_act (c, w->up, x, config->activation);
}

static GtfTensor *
block_forward (GtfContext *c, const Step *s, const Block *w, GtfTensor *x)
{
  const Config *config = s->config;
  const gboolean is_post = config->is_post_norm;
  const GtfNorm *before[] = { is_post ? NULL : w->norm1, is_post ? NULL : w->norm2 }, *behind[] = { is_post ? w->norm1 : NULL, is_post ? w->norm2 : NULL };
  GtfTensor *h = attend (c, s, w, normalise (c, config, before[0], x));

  x = add_output (c, config, w->out, normalise (c, config, w->attention_norm, h), behind[0], w->scale1, x);
  h = widen (c, config, w, normalise (c, config, before[1], x));
  return add_output (c, config, w->down, normalise (c, config, w->inner_norm, h), behind[1], w->scale2, x);
}

/* All blocks; @f: a backbone's, which puts the patches that come out of each. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  Map map = { .first = n_prefix (w) };
  Step step = { .config = config, .rotation = { .interleaved = config->rope != GTF_TIMM_ROPE_MIDDLES } };
  GtfTensor *x = embed (c, config, w, pixels, &map.down, &map.across);
  gint64 heads, d;

  x = normalise (c, config, w->first_norm, x);
  if (gtf_failed (c))
    return NULL;
  heads = n_heads (config, gtf_dim (x, -1));
  d = gtf_dim (x, -1) / heads;
  step.rotation.table = shared_table (c, config, &map, d);
  for (gint64 i = 0; !gtf_failed (c) && w->blocks[i].qkv != NULL; i++)
    {
      gsize mark = gtf_push (c);

      if (config->rope == GTF_TIMM_ROPE_LEARNT)         /* pairs are neighbours: as one head */
        {
          const float *frequencies = learnt_frequencies (c, w->frequencies, i, heads, d);

          step.rotation.n_heads = 1;
          step.rotation.table = frequencies != NULL ? grid_table (c, config, frequencies, &map, heads * d) : NULL;
        }
      x = gtf_pop_keep (c, mark, block_forward (c, &step, &w->blocks[i], x));
      if (f != NULL && gtf_feature_wanted (f, i))
        gtf_feature (c, f, i, gtf_reshape (c, gtf_steps (c, x, map.first, map.down * map.across), 4, (gint64[]){ gtf_dim (x, 0), map.down, map.across, gtf_dim (x, -1) }));
    }
  return x;
}

void
gtf_timm_vit_features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  encode (c, f->config, f->weights, pixels, f);
}

/* ---- what becomes of them --------------------------------------------------------------------------------------------------- */

/* A learnt token asks the others. */
static GtfTensor *
ask (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x)
{
  const gint64 d = gtf_dim (x, -1), n = gtf_dim (x, 0);
  const GtfAttention attention = { .n_heads = config->latent_heads > 0 ? config->latent_heads : n_heads (config, d) };
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

void
gtf_timm_vit_forward (GtfContext *c, const GtfForward *f)
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

