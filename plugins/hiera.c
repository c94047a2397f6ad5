/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Hiera: Ryali et al., "Hiera: A Hierarchical Vision Transformer without the Bells-and-Whistles" (2023).
 *
 * Tokens are sorted so that those that will become one lie a fixed distance apart: making the picture smaller is then the largest of a few rows, and a window is each
 * n-th token. docs/models/hiera.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>

#define MAX_STAGES 8

typedef struct
{
  gint64 depth, heads, size, window;            /* window: tokens, of what comes out of a layer */
  gboolean is_local;
} Stage;

typedef struct
{
  gint64 n_channels, n_labels, embed_size, n_pools, n_stages, n_maps;
  gint64 image[2], patch[2], stride[2], padding[2], pool[2], unit[2];
  const char *images, *patches, *strides, *paddings, *pools, *units, *depths, *heads, *locals;
  double factor, eps;
  gboolean has_pooler;
  GtfActivation activation;
  Stage stages[MAX_STAGES];
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, embed_size, "embed_dim", 1, 1 << 16, 96),
  GTF_CONFIG_INT_FIELD (Config, n_pools, "num_query_pool", 0, MAX_STAGES - 1, 3),
  GTF_CONFIG_LIST_FIELD (Config, images, "image_size"),
  GTF_CONFIG_LIST_FIELD (Config, patches, "patch_size"),
  GTF_CONFIG_LIST_FIELD (Config, strides, "patch_stride"),
  GTF_CONFIG_LIST_FIELD (Config, paddings, "patch_padding"),
  GTF_CONFIG_LIST_FIELD (Config, pools, "query_stride"),
  GTF_CONFIG_LIST_FIELD (Config, units, "masked_unit_size"),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_LIST_FIELD (Config, heads, "num_heads"),
  GTF_CONFIG_LIST_FIELD (Config, locals, "masked_unit_attention"),
  GTF_CONFIG_FLOAT_FIELD (Config, factor, "embed_dim_multiplier", 0.01, 64, 2),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "gelu"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive_stages (Config *config, GError **error)
{
  gint64 depths[MAX_STAGES], heads[MAX_STAGES];
  double window = (double) (config->unit[0] * config->unit[1]);

  config->n_stages = gtf_stages_read ("depths", config->depths, "2|3|16|3", -1, 1, 256, depths, error);
  if (config->n_stages < 0 || gtf_stages_read ("num_heads", config->heads, "1|2|4|8", config->n_stages, 1, 4096, heads, error) < 0)
    return FALSE;
  config->n_maps = config->n_stages + 1;
  for (gint64 i = 0; i < config->n_stages; i++, window /= (double) (config->pool[0] * config->pool[1]))
    {
      const double size = (double) config->embed_size * pow (config->factor, (double) i);

      if (size < 1 || size > 1 << 20 || (gint64) size % heads[i] != 0)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "num_heads: %" G_GINT64_FORMAT " heads do not divide the %g features of stage %" G_GINT64_FORMAT, heads[i], size, i + 1);
          return FALSE;
        }
      config->stages[i] = (Stage) { depths[i], heads[i], (gint64) size, (gint64) window, config->locals ? gtf_config_list_is (config->locals, i, "true") : i < 2 };
    }
  return TRUE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  return gtf_stages_read ("image_size", config->images, "224|224", 2, 1, 1 << 15, config->image, error) > 0
         && gtf_stages_read ("patch_size", config->patches, "7|7", 2, 1, 1 << 10, config->patch, error) > 0
         && gtf_stages_read ("patch_stride", config->strides, "4|4", 2, 1, 1 << 10, config->stride, error) > 0
         && gtf_stages_read ("patch_padding", config->paddings, "3|3", 2, 0, 1 << 10, config->padding, error) > 0
         && gtf_stages_read ("query_stride", config->pools, "2|2", 2, 1, 64, config->pool, error) > 0
         && gtf_stages_read ("masked_unit_size", config->units, "8|8", 2, 1, 1 << 10, config->unit, error) > 0 && derive_stages (config, error);
}

typedef struct
{
  const GtfNorm *attention_norm, *output_norm;
  const GtfLinear *qkv, *attention_out, *project, *up, *down;   /* project: where a layer has more features than the one before it */
} Layer;

typedef struct
{
  const GtfConv2d *patches;
  const GtfTensor *positions;
  const Layer *stages[MAX_STAGES];
  const GtfNorm *norm, *map_norm[MAX_STAGES + 1];
  const GtfLinear *classifier;
} Weights;

#define LINEAR(Struct, field, name, flags) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), flags, GTF_LINEAR_STORED }
#define NORM(Struct, field, name, flags) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Struct, field), flags, { GTF_DIM_STORED } }

static const GtfWeight layer[] = {
  NORM (Layer, attention_norm, "layernorm_before", 0),
  LINEAR (Layer, qkv, "attn.qkv", 0),
  LINEAR (Layer, attention_out, "attn.proj", 0),
  LINEAR (Layer, project, "proj", GTF_WEIGHT_OPTIONAL),
  NORM (Layer, output_norm, "layernorm_after", 0),
  LINEAR (Layer, up, "mlp.fc1|fc1", 0),
  LINEAR (Layer, down, "mlp.fc2|fc2", 0),
  { GTF_WEIGHT_END }
};

#define STAGE(i)                                                                                                                   \
  { GTF_WEIGHT_GROUP, "encoder.stages." #i ".layers.%d", .offset = G_STRUCT_OFFSET (Weights, stages[i]), .group = layer,           \
    .group_size = sizeof (Layer), .count = GTF_DIM (Config, stages[i].depth) }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_CONV2D, "embeddings.patch_embeddings.projection", G_STRUCT_OFFSET (Weights, patches), 0,
    { GTF_DIM (Config, embed_size), GTF_DIM (Config, n_channels), GTF_DIM (Config, patch[0]), GTF_DIM (Config, patch[1]) } },
  { GTF_WEIGHT_TENSOR, "embeddings.position_embeddings", G_STRUCT_OFFSET (Weights, positions), 0, { GTF_DIM_CONST (1), GTF_DIM_STORED, GTF_DIM (Config, embed_size) } },
  STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7),
  { GTF_WEIGHT_END }
};

static const GtfWeight base[] = { NORM (Weights, norm, "pooler.layernorm", GTF_WEIGHT_OPTIONAL), { GTF_WEIGHT_END } };
static const GtfWeight classifier[] = {
  NORM (Weights, norm, "hiera.pooler.layernorm", 0),
  { GTF_WEIGHT_LINEAR, "classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

#define MAP_NORM(i, name) NORM (Weights, map_norm[i], "hidden_states_norms." name, GTF_WEIGHT_OPTIONAL)
static const GtfWeight backbone[] = {
  MAP_NORM (0, "stem"), MAP_NORM (1, "stage1"), MAP_NORM (2, "stage2"), MAP_NORM (3, "stage3"), MAP_NORM (4, "stage4"), MAP_NORM (5, "stage5"), MAP_NORM (6, "stage6"),
  MAP_NORM (7, "stage7"), MAP_NORM (8, "stage8"), { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "hiera" },
  { "Backbone", gtf_vision_base_tasks, backbone, "hiera" },
  { "Model", gtf_vision_base_tasks, base, "hiera" },
  { NULL }
};

/* ---- the order of tokens ------------------------------------------------------------------------------------------------------ */

/* Of down x across tokens those at the same place in cells of pool x pool, and cells of cells, n times over, lie together: the place in the smallest cell counts most. */
typedef struct
{
  gint64 down, across, pool[2], n;
} Order;

/* Where the token at (y, x) lies. */
static gint64
place_of (const Order *o, gint64 y, gint64 x)
{
  gint64 rest = o->down * o->across, place = 0, across = o->across;

  for (gint64 i = 0; i < o->n; i++)
    {
      rest /= o->pool[0] * o->pool[1];
      place += (y % o->pool[0] * o->pool[1] + x % o->pool[1]) * rest;
      y /= o->pool[0];
      x /= o->pool[1];
      across /= o->pool[1];
    }
  return place + y * across + x;
}

/* And which token lies there. */
static gint64
token_at (const Order *o, gint64 place)
{
  gint64 rest = o->down * o->across, across = o->across, y = 0, x = 0, scale_y = 1, scale_x = 1;

  for (gint64 i = 0; i < o->n; i++)
    {
      gint64 digit;

      rest /= o->pool[0] * o->pool[1];
      digit = place / rest;
      place %= rest;
      y += digit / o->pool[1] * scale_y;
      x += digit % o->pool[1] * scale_x;
      scale_y *= o->pool[0];
      scale_x *= o->pool[1];
      across /= o->pool[1];
    }
  return (y + place / across * scale_y) * o->across + x + place % across * scale_x;
}

static gint64
sorted (gint64 i, gconstpointer data)
{
  const Order *o = data;
  const gint64 n = o->down * o->across;

  return i / n * n + token_at (o, i % n);
}

static gint64
unsorted (gint64 i, gconstpointer data)
{
  const Order *o = data;
  const gint64 n = o->down * o->across;

  return i / n * n + place_of (o, i % n / o->across, i % n % o->across);
}

/* Whether so many tokens can be sorted so often. */
static gboolean
check_order (GtfContext *c, const Order *o)
{
  gint64 down = 1, across = 1;

  for (gint64 i = 0; i < o->n; i++)
    {
      down *= o->pool[0];
      across *= o->pool[1];
    }
  if (o->down > 0 && o->across > 0 && o->down % down == 0 && o->across % across == 0)
    return TRUE;
  gtf_fail (c, "the picture leaves %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " patches, expected multiples of %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, o->down, o->across, down, across);
  return FALSE;
}

/* ---- layers --------------------------------------------------------------------------------------------------------------------- */

/* Rows [B][T][D] that lie T / n apart become the largest of them: [B][T / n][D]. */
static GtfTensor *
largest (GtfContext *c, GtfTensor *x, gint64 n)
{
  const gint64 b = gtf_dim (x, 0), t = gtf_dim (x, 1), d = gtf_dim (x, 2);
  GtfTensor *y;

  if (n <= 1 || gtf_failed (c))
    return x;
  y = gtf_max_pool2d (c, gtf_reshape (c, x, 4, (gint64[]){ b, n, t / n, d }), &(GtfWindow){ .kernel = n, .kernel_width = 1, .stride = n, .stride_width = 1 });
  return gtf_reshape (c, y, 3, (gint64[]){ b, t / n, d });
}

/* Windows that have every n-th token each. */
typedef struct
{
  gint64 n, length;             /* windows, tokens of one */
} Windows;

static gint64
to_window (gint64 i, gconstpointer data)
{
  const Windows *w = data;

  return i / (w->n * w->length) * w->n * w->length + i % w->length * w->n + i / w->length % w->n;
}

static gint64
from_window (gint64 i, gconstpointer data)
{
  const Windows *w = data;

  return i / (w->n * w->length) * w->n * w->length + i % w->n * w->length + i / w->n % w->length;
}

static GtfTensor *
attend (GtfContext *c, const Stage *s, const Layer *w, GtfTensor *x, gint64 pool, gboolean is_local)
{
  const gint64 b = gtf_dim (x, 0), t = gtf_dim (x, 1), d = s->size;
  const gint64 length = is_local ? pool * s->window : t;
  const GtfAttention attention = { .n_heads = s->heads };
  Windows windows = { length > 0 ? t / length : 0, length };
  GtfTensor *qkv = gtf_linear (c, w->qkv, x), *q, *y;

  if (windows.n < 1 || t % length != 0 || length % pool != 0)
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " tokens are no whole number of windows of %" G_GINT64_FORMAT ", which have to be multiples of %" G_GINT64_FORMAT, t, length, pool);
      return NULL;
    }
  qkv = gtf_reshape (c, gtf_take (c, qkv, gtf_indices (c, b * t, to_window, &windows)), 3, (gint64[]){ b * windows.n, length, 3 * d });
  q = gtf_slice (c, qkv, 0, d);
  if (pool > 1)
    q = largest (c, gtf_reshape (c, gtf_activate (c, q, GTF_ACTIVATION_NONE), 3, (gint64[]){ b * windows.n, length, d }), pool);
  y = gtf_attention (c, q, gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &attention);
  windows.length = length / pool;
  y = gtf_take (c, y, gtf_indices (c, b * windows.n * windows.length, from_window, &windows));
  return gtf_reshape (c, y, 3, (gint64[]){ b, windows.n * windows.length, d });
}

static GtfTensor *
layer_forward (GtfContext *c, const Config *config, const Stage *s, const Layer *w, GtfTensor *x, gint64 pool, gboolean is_local)
{
  const float eps = (float) config->eps;
  GtfTensor *h = gtf_layer_norm (c, w->attention_norm, x, eps);

  if (w->project != NULL)
    x = largest (c, gtf_linear (c, w->project, h), pool);
  x = gtf_linear_add (c, w->attention_out, attend (c, s, w, h, pool, is_local), x);
  return gtf_feed_forward (c, w->up, config->activation, w->down, gtf_layer_norm (c, w->output_norm, x, eps), x);
}

/* A stage; its first layer makes the picture smaller, if the stage before it was one of the first n_pools, and looks as far as that one did. */
static GtfTensor *
stage_forward (GtfContext *c, const Config *config, const Weights *w, gint64 i, GtfTensor *x)
{
  const Stage *s = &config->stages[i];

  for (gint64 j = 0; j < s->depth && !gtf_failed (c); j++)
    {
      const gint64 pool = j == 0 && i > 0 && i <= config->n_pools ? config->pool[0] * config->pool[1] : 1;
      gsize mark = gtf_push (c);

      x = gtf_pop_keep (c, mark, layer_forward (c, config, s, &w->stages[i][j], x, pool, s->is_local || (j == 0 && config->stages[MAX (i - 1, 0)].is_local)));
    }
  return x;
}

/* Patches with their positions, [B][T][D], line by line; @order: of how many. */
static GtfTensor *
embed (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, Order *order)
{
  const GtfWindow window = { .stride = config->stride[0], .stride_width = config->stride[1], .more = { config->padding[0], config->padding[1], config->padding[0], config->padding[1] } };
  GtfTensor *x = gtf_conv2d (c, w->patches, gtf_pixels_last (c, pixels), &window, GTF_ACTIVATION_NONE, NULL), *positions;

  if (gtf_failed (c))
    return NULL;
  *order = (Order) { gtf_dim (x, 1), gtf_dim (x, 2), { config->pool[0], config->pool[1] }, config->n_stages - 1 };
  positions = gtf_reshape (c, w->positions, 2, (gint64[]){ -1, config->embed_size });
  if (gtf_vision_is_asked (c) && !(gtf_dim (positions, 0) == order->down * order->across && gtf_dim (pixels, 2) == gtf_dim (pixels, 3)))
    {
      positions = gtf_vision_resize_square (c, positions, gtf_dim (pixels, 2) / config->stride[0], gtf_dim (pixels, 3) / config->stride[1], GTF_RESIZE_BICUBIC);
      positions = gtf_reshape (c, positions, 2, (gint64[]){ -1, config->embed_size });
    }
  return gtf_add (c, gtf_map_tokens (c, x), positions);
}

/* Tokens as pictures again. */
static void
put_map (GtfContext *c, const GtfForward *f, const Config *config, const Weights *w, gint64 i, GtfTensor *x, const Order *order)
{
  GtfTensor *y;

  if (!gtf_feature_wanted (f, i) || gtf_failed (c))
    return;
  y = gtf_take (c, x, gtf_indices (c, gtf_dim (x, 0) * gtf_dim (x, 1), unsorted, order));
  y = gtf_reshape (c, y, 4, (gint64[]){ gtf_dim (x, 0), order->down, order->across, gtf_dim (x, 2) });
  gtf_feature (c, f, i, w->map_norm[i] != NULL ? gtf_layer_norm (c, w->map_norm[i], y, (float) config->eps) : y);
}

/* As a backbone the reference does not sort the tokens, though it takes their order back. */
static void
features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  Order order = { 0 };
  GtfTensor *x = embed (c, config, w, pixels, &order);

  if (gtf_failed (c) || !check_order (c, &order))
    return;
  put_map (c, f, config, w, 0, x, &order);
  for (gint64 i = 0; i < config->n_stages && !gtf_failed (c); i++)
    {
      x = stage_forward (c, config, w, i, x);
      if (i > 0 && i <= config->n_pools)
        {
          order.down /= order.pool[0];
          order.across /= order.pool[1];
          order.n--;
        }
      put_map (c, f, config, w, i + 1, x, &order);
    }
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  Order order = { 0 };
  GtfTensor *x = embed (c, config, w, gtf_vision_pixels (c, config->n_channels), &order), *pooled;

  if (gtf_failed (c) || !check_order (c, &order))
    return;
  x = gtf_reshape (c, gtf_take (c, x, gtf_indices (c, gtf_dim (x, 0) * gtf_dim (x, 1), sorted, &order)), 3, (gint64[]){ gtf_dim (x, 0), -1, config->embed_size });
  for (gint64 i = 0; i < config->n_stages; i++)
    x = stage_forward (c, config, w, i, x);
  gtf_output (c, "last_hidden_state", x);
  if (w->norm == NULL)
    return;
  pooled = gtf_layer_norm (c, w->norm, gtf_mean_steps (c, x), (float) config->eps);
  gtf_output (c, "pooler_output", pooled);
  if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, pooled));
}

static const char *const types[] = { "hiera", NULL };

static const GtfArchitecture hiera = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "classifier.*|*pooler.*|hidden_states_norms.*|decoder.*|multiscale_fusion.*", .forward = forward,
  .features = features, .n_stages = GTF_DIM (Config, n_maps)
};

GTF_TEXT_PLUGIN (hiera, "hiera", "Hiera: a transformer over tokens that become fewer", hiera)
