/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Swin: Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows" (2021); Swin v2: Liu et al., "Swin
 * Transformer V2: Scaling Up Capacity and Resolution" (2021).
 *
 * Patches that attend to each other within windows; every second block shifts the windows by half of their size. Behind each stage four patches
 * become one. docs/models/swin.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define MAX_STAGES 8

/* By stage: features, those between the two linear layers, heads, blocks, window, whether there is a merging, rows and hidden features of the bias. */
typedef struct
{
  gint64 size, inner, heads, depth, window, whole_window, merged_in, merged_out, merged_norm, n_distances, is_cosine;
} Stage;

typedef struct
{
  gint64 n_channels, n_labels, embed_size, final_size, window, n_stages, n_maps, n_positions;      /* n_maps: stages with the stem */
  double eps, mlp_ratio;
  GtfActivation activation;
  gboolean has_positions, is_v2;
  const char *image_sizes, *patch_sizes, *depths, *heads, *pretrained_windows;
  gint64 image_height, image_width, patch_height, patch_width, patch_features;
  Stage stages[MAX_STAGES];
} Config;

#define FIELDS                                                                                                                     \
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),                                                        \
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),                                                 \
  GTF_CONFIG_INT_FIELD (Config, embed_size, "embed_dim", 1, 1 << 14, 96),                                                          \
  GTF_CONFIG_INT_FIELD (Config, window, "window_size", 1, 64, 7),                                                                 \
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),                                                              \
  GTF_CONFIG_FLOAT_FIELD (Config, mlp_ratio, "mlp_ratio", 0.001, 1024, 4),                                                         \
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "gelu"),                                                          \
  GTF_CONFIG_BOOL_FIELD (Config, has_positions, "use_absolute_embeddings", FALSE),                                                 \
  GTF_CONFIG_LIST_FIELD (Config, image_sizes, "image_size"),                                                                       \
  GTF_CONFIG_LIST_FIELD (Config, patch_sizes, "patch_size"),                                                                       \
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),                                                                                \
  GTF_CONFIG_LIST_FIELD (Config, heads, "num_heads")

static const GtfConfigField swin_config[] = { FIELDS, GTF_CONFIG_FIELDS_END };
static const GtfConfigField swinv2_config[] = {
  FIELDS,
  GTF_CONFIG_LIST_FIELD (Config, pretrained_windows, "pretrained_window_sizes"),
  GTF_CONFIG_BOOL_FIELD (Config, is_v2, "", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
fail (GError **error, const char *key, const char *expected, const char *found)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected %s, found %.60s", key, expected, found ? found : "nothing");
  return FALSE;
}

/* Number i of a list that has one for each stage. */
static gboolean
stage_number (const char *list, gint64 i, const char *key, gint64 least, gint64 *value, GError **error)
{
  return gtf_config_list_int (list, i, least, 4096, value) || fail (error, key, "a number for each stage", list);
}

static gboolean
derive_stage (Config *config, gint64 i, GError **error)
{
  Stage *s = &config->stages[i];
  const gint64 rows = config->image_height / config->patch_height >> i, columns = config->image_width / config->patch_width >> i;
  gint64 pretrained = 0;

  s->size = config->embed_size << i;
  s->inner = (gint64) (config->mlp_ratio * (double) s->size);
  if (!stage_number (config->depths, i, "depths", 1, &s->depth, error) || !stage_number (config->heads, i, "num_heads", 1, &s->heads, error)
      || (config->pretrained_windows && !stage_number (config->pretrained_windows, i, "pretrained_window_sizes", 0, &pretrained, error)))
    return FALSE;
  if (s->size > 1 << 16 || s->inner < 1 || s->inner > 1 << 20 || s->size % s->heads != 0)
    return fail (error, "embed_dim", "features that the heads of each stage divide and mlp_ratio leaves in reason", config->heads);
  s->window = config->is_v2 ? MIN (config->window, rows) : config->window;
  if (config->is_v2 && (rows < 1 || columns < 1))
    return fail (error, "image_size", "a picture that leaves a patch for the last stage", config->image_sizes);
  s->whole_window = pretrained > 0 ? pretrained : s->window;
  s->n_distances = config->is_v2 ? 0 : (2 * s->window - 1) * (2 * s->window - 1);
  s->is_cosine = config->is_v2;
  s->merged_in = i < config->n_stages - 1 ? 4 * s->size : 0;
  s->merged_out = s->merged_in / 2;
  s->merged_norm = config->is_v2 ? s->merged_out : s->merged_in;
  config->final_size = s->size;
  return TRUE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (!gtf_vision_read_sides (config->image_sizes, "image_size", 224, &config->image_height, &config->image_width, error)
      || !gtf_vision_read_sides (config->patch_sizes, "patch_size", 4, &config->patch_height, &config->patch_width, error))
    return FALSE;
  config->depths = config->depths ? config->depths : "2|2|6|2";
  config->heads = config->heads ? config->heads : "3|6|12|24";
  config->n_stages = gtf_config_list_size (config->depths);
  config->n_maps = config->n_stages + 1;
  if (config->n_stages > MAX_STAGES)
    return fail (error, "depths", "at most 8 stages", config->depths);
  config->patch_features = config->n_channels * config->patch_height * config->patch_width;
  config->n_positions = config->has_positions ? (config->image_height / config->patch_height) * (config->image_width / config->patch_width) + config->is_v2 : 0;
  for (gint64 i = 0; i < config->n_stages; i++)
    if (!derive_stage (config, i, error))
      return FALSE;
  return TRUE;
}

typedef struct
{
  const GtfLinear *qkv, *attention_out, *up, *down;
  const GtfNorm *attention_norm, *output_norm;
  const GtfTensor *bias;                        /* by distance; Swin v2 computes it: */
  const GtfLinear *bias_hidden, *bias_out;
  const GtfTensor *scale;                       /* Swin v2: logarithm of a factor for each head */
} Block;

typedef struct
{
  const GtfLinear *patches;
  const GtfNorm *embed_norm, *norm;
  const GtfTensor *positions;
  const Block *blocks[MAX_STAGES];
  const GtfLinear *merge[MAX_STAGES];
  const GtfNorm *merge_norm[MAX_STAGES];
  const GtfLinear *classifier;
  const GtfNorm *map_norm[MAX_STAGES + 1];      /* as a backbone; Swin v2 has none */
} Weights;

#define SIZE(i, field) GTF_DIM (Config, stages[i].field)
#define LINEAR(field, name, flags, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Block, field), flags, { out, in } }
#define NORM(field, name, n) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Block, field), 0, { n } }
/* 512 where there is one: hidden features of the bias. */
#define BIAS_SIZE(i) GTF_DIM_TIMES (Config, stages[i].is_cosine, 512)

#define BLOCK(i)                                                                                                                   \
  static const GtfWeight block_##i[] = {                                                                                           \
    NORM (attention_norm, "layernorm_before", SIZE (i, size)),                                                                     \
    LINEAR (qkv, "attention.self.{query,key,value}|attention.{q_proj,k_proj,v_proj}", GTF_WEIGHT_BIAS_OPTIONAL,                    \
            GTF_DIM_TIMES (Config, stages[i].size, 3), SIZE (i, size)),                                                            \
    LINEAR (attention_out, "attention.output.dense|attention.o_proj", 0, SIZE (i, size), SIZE (i, size)),                          \
    { GTF_WEIGHT_TENSOR, "attention.self.relative_position_bias_table|attention.relative_position_bias.relative_position_bias_table", \
      G_STRUCT_OFFSET (Block, bias), 0, { SIZE (i, n_distances), SIZE (i, heads) } },                                              \
    LINEAR (bias_hidden, "attention.self.continuous_position_bias_mlp.0", 0, BIAS_SIZE (i), GTF_DIM_CONST (2)),                    \
    LINEAR (bias_out, "attention.self.continuous_position_bias_mlp.2", GTF_WEIGHT_NO_BIAS, SIZE (i, heads), BIAS_SIZE (i)),        \
    { GTF_WEIGHT_TENSOR, "attention.self.logit_scale", G_STRUCT_OFFSET (Block, scale), 0, { SIZE (i, heads), SIZE (i, is_cosine), GTF_DIM_CONST (1) } }, \
    NORM (output_norm, "layernorm_after", SIZE (i, size)),                                                                         \
    LINEAR (up, "intermediate.dense|mlp.fc1", 0, SIZE (i, inner), SIZE (i, size)),                                                 \
    LINEAR (down, "output.dense|mlp.fc2", 0, SIZE (i, size), SIZE (i, inner)),                                                     \
    { GTF_WEIGHT_END }                                                                                                             \
  };

BLOCK (0) BLOCK (1) BLOCK (2) BLOCK (3) BLOCK (4) BLOCK (5) BLOCK (6) BLOCK (7)

#define STAGE(i)                                                                                                                   \
  { GTF_WEIGHT_GROUP, "encoder.layers." #i ".blocks.%d", .offset = G_STRUCT_OFFSET (Weights, blocks[i]), .group = block_##i,       \
    .group_size = sizeof (Block), .count = SIZE (i, depth) },                                                                      \
  { GTF_WEIGHT_LINEAR, "encoder.layers." #i ".downsample.reduction", G_STRUCT_OFFSET (Weights, merge[i]), GTF_WEIGHT_NO_BIAS,      \
    { SIZE (i, merged_out), SIZE (i, merged_in) } },                                                                               \
  { GTF_WEIGHT_NORM, "encoder.layers." #i ".downsample.norm", G_STRUCT_OFFSET (Weights, merge_norm[i]), 0, { SIZE (i, merged_norm) } }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_LINEAR, "embeddings.patch_embeddings.projection.weight", G_STRUCT_OFFSET (Weights, patches), GTF_WEIGHT_BARE | GTF_WEIGHT_PARENT_BIAS,
    { GTF_DIM (Config, embed_size), GTF_DIM (Config, patch_features) } },
  { GTF_WEIGHT_NORM, "embeddings.norm", G_STRUCT_OFFSET (Weights, embed_norm), 0, { GTF_DIM (Config, embed_size) } },
  { GTF_WEIGHT_TENSOR, "embeddings.position_embeddings", G_STRUCT_OFFSET (Weights, positions), 0,
    { GTF_DIM_CONST (1), GTF_DIM (Config, n_positions), GTF_DIM (Config, embed_size) } },
  STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7),
  { GTF_WEIGHT_END }
};

static const GtfWeight base[] = { { GTF_WEIGHT_NORM, "layernorm", G_STRUCT_OFFSET (Weights, norm), 0, { GTF_DIM (Config, final_size) } }, { GTF_WEIGHT_END } };
static const GtfWeight classifier[] = {
  { GTF_WEIGHT_NORM, "layernorm", G_STRUCT_OFFSET (Weights, norm), 0, { GTF_DIM (Config, final_size) } },
  { GTF_WEIGHT_LINEAR, "classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM (Config, final_size) } },
  { GTF_WEIGHT_END }
};

/* Under their numbers in MaskFormer's files, which count from 0 without the stem. */
#define MAP_NORM(i, name) { GTF_WEIGHT_NORM, "hidden_states_norms." name, G_STRUCT_OFFSET (Weights, map_norm[i]), GTF_WEIGHT_OPTIONAL, { GTF_DIM_STORED } }
#define MAP_STAGE(i, number) MAP_NORM (i, "stage" #i "|hidden_states_norms." #number)
static const GtfWeight backbone[] = {
  MAP_NORM (0, "stem"), MAP_STAGE (1, 0), MAP_STAGE (2, 1), MAP_STAGE (3, 2), MAP_STAGE (4, 3), MAP_STAGE (5, 4), MAP_STAGE (6, 5), MAP_STAGE (7, 6),
  MAP_STAGE (8, 7), { GTF_WEIGHT_END }
};

#define HEADS(prefix)                                                                                                              \
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, prefix },                                               \
  { "ForMaskedImageModeling", gtf_vision_base_tasks, base, prefix },                                                               \
  { "Backbone", gtf_vision_base_tasks, backbone, prefix },                                                                         \
  { "Model", gtf_vision_base_tasks, base, prefix }

static const GtfHead swin_heads[] = { HEADS ("swin"), { NULL } };
/* Donut's has no normalisation behind its last stage. */
static const GtfWeight donut_classifier[] = {
  { GTF_WEIGHT_LINEAR, "classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM (Config, final_size) } },
  { GTF_WEIGHT_END }
};
static const GtfHead donut_heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, donut_classifier, "donut" },
  { "Model", gtf_vision_base_tasks, NULL, "donut" },
  { NULL }
};
static const GtfHead swinv2_heads[] = { HEADS ("swinv2"), { NULL } };

/* ---- patches ------------------------------------------------------------------------------------------------------------ */

/* Positions of the patches of this picture: [patches][D]. */
static GtfTensor *
positions_for (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, gint64 n)
{
  const gint64 height = gtf_dim (pixels, 2), width = gtf_dim (pixels, 3), d = config->embed_size;
  GtfTensor *x = gtf_reshape (c, w->positions, 2, (gint64[]){ config->n_positions, d });

  if (!gtf_vision_is_asked (c) || (n == config->n_positions && height == width))
    return x;
  x = gtf_vision_resize_square (c, x, height / config->patch_height, width / config->patch_width, GTF_RESIZE_BICUBIC);
  return gtf_reshape (c, x, 2, (gint64[]){ -1, d });
}

/* [B][rows][columns][D] */
static GtfTensor *
embed (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels)
{
  const gint64 down = (gtf_dim (pixels, 2) + config->patch_height - 1) / config->patch_height, across = (gtf_dim (pixels, 3) + config->patch_width - 1) / config->patch_width;
  GtfTensor *x;

  x = gtf_patches (c, gtf_pad_planes (c, pixels, down * config->patch_height, across * config->patch_width), config->patch_height, config->patch_width);
  x = gtf_layer_norm (c, w->embed_norm, gtf_linear (c, w->patches, x), 1e-5f);
  if (w->positions != NULL)
    x = gtf_add (c, x, positions_for (c, config, w, pixels, down * across));
  return gtf_reshape (c, x, 4, (gint64[]){ gtf_dim (pixels, 0), down, across, config->embed_size });
}

/* ---- blocks -------------------------------------------------------------------------------------------------------------- */

/* What is added to scores by distance: [1][heads][T][T]. */
static GtfTensor *
block_bias (GtfContext *c, const Stage *s, const Block *w)
{
  GtfTensor *table;

  if (!s->is_cosine)
    return gtf_window_bias (c, w->bias, s->window);
  table = gtf_scale (c, gtf_activate (c, gtf_feed_forward (c, w->bias_hidden, GTF_ACTIVATION_RELU, w->bias_out, gtf_window_distances (c, s->window, s->whole_window), NULL), GTF_ACTIVATION_SIGMOID), 16);
  return gtf_window_bias (c, table, s->window);
}

/* Attention of [B][rows][columns][D] within its windows. */
static GtfTensor *
window_attention (GtfContext *c, const Stage *s, const Block *w, const GtfTensor *x, const GtfWindows *windows)
{
  const gint64 d = s->size;
  /* The second version of the reference adds its -100 twice. */
  GtfAttention a = { .n_heads = s->heads, .mask = gtf_window_masks (c, block_bias (c, s, w), windows, s->is_cosine ? -200 : -100), .which = gtf_window_kinds (c, x, windows) };
  GtfTensor *qkv = gtf_linear (c, w->qkv, gtf_to_windows (c, x, windows)), *q = gtf_slice (c, qkv, 0, d), *k = gtf_slice (c, qkv, d, d);

  if (s->is_cosine)
    {
      q = gtf_unit_heads (c, q, s->heads, w->scale, 4.6051702f);        /* ln 100 */
      k = gtf_unit_heads (c, k, s->heads, NULL, 0);
      a.scale = 1;
    }
  return gtf_from_windows (c, gtf_attention (c, q, k, gtf_slice (c, qkv, 2 * d, d), &a), windows, x);
}

/* Swin normalises before each of the two parts, Swin v2 what each of them adds. */
static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Stage *s, const Block *w, GtfTensor *x, gint64 shift)
{
  const GtfWindows windows = { s->window, shift };
  const float eps = (float) config->eps;
  GtfTensor *h;

  if (config->is_v2)
    {
      h = gtf_linear (c, w->attention_out, window_attention (c, s, w, x, &windows));
      x = gtf_add (c, x, gtf_layer_norm (c, w->attention_norm, h, eps));
      h = gtf_feed_forward (c, w->up, config->activation, w->down, x, NULL);
      return gtf_add (c, x, gtf_layer_norm (c, w->output_norm, h, eps));
    }
  h = window_attention (c, s, w, gtf_layer_norm (c, w->attention_norm, x, eps), &windows);
  x = gtf_linear_add (c, w->attention_out, h, x);
  return gtf_feed_forward (c, w->up, config->activation, w->down, gtf_layer_norm (c, w->output_norm, x, eps), x);
}

/* By how much every second block of stage i shifts its windows. Swin v2 decides by the size that the config tells; a backbone always shifts. */
static gint64
stage_shift (GtfContext *c, const Config *config, gint64 i, const GtfTensor *x, gboolean is_backbone)
{
  const gint64 window = config->stages[i].window, least = MIN (gtf_dim (x, 1), gtf_dim (x, 2));

  if (config->is_v2)
    return config->image_height / config->patch_height >> i <= window ? 0 : config->window / 2;
  if (is_backbone)
    return window / 2;
  if (least < window)
    gtf_fail (c, "the picture leaves %" G_GINT64_FORMAT " patches for stage %" G_GINT64_FORMAT ", less than its windows of %" G_GINT64_FORMAT " have", least, i + 1, window);
  return least <= window ? 0 : window / 2;
}

static GtfTensor *
stage_forward (GtfContext *c, const Config *config, const Weights *w, gint64 i, GtfTensor *x, gboolean is_backbone)
{
  const Stage *s = &config->stages[i];
  const gint64 shift = stage_shift (c, config, i, x, is_backbone);

  for (gint64 j = 0; j < s->depth && !gtf_failed (c); j++)
    {
      gsize mark = gtf_push (c);

      x = gtf_pop_keep (c, mark, block_forward (c, config, s, &w->blocks[i][j], x, j % 2 ? shift : 0));
    }
  return x;
}

static GtfTensor *
merge (GtfContext *c, const Config *config, const Weights *w, gint64 i, GtfTensor *x)
{
  x = gtf_merge_pixels (c, x);
  if (config->is_v2)
    return gtf_layer_norm (c, w->merge_norm[i], gtf_linear (c, w->merge[i], x), 1e-5f);
  return gtf_linear (c, w->merge[i], gtf_layer_norm (c, w->merge_norm[i], x, 1e-5f));
}

/* A feature map: what a stage gives before patches are merged. */
static void
put_map (GtfContext *c, const GtfForward *f, const Weights *w, gint64 i, GtfTensor *x)
{
  if (f->features != NULL && gtf_feature_wanted (f, i))
    gtf_feature (c, f, i, w->map_norm[i] != NULL ? gtf_layer_norm (c, w->map_norm[i], x, 1e-5f) : x);
}

/* All stages, which a backbone puts one by one. */
static GtfTensor *
encode (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = embed (c, config, w, pixels);

  put_map (c, f, w, 0, x);
  for (gint64 i = 0; i < config->n_stages && !gtf_failed (c); i++)
    {
      x = stage_forward (c, config, w, i, x, f->features != NULL);
      put_map (c, f, w, i + 1, x);
      if (w->merge[i] != NULL)
        x = merge (c, config, w, i, x);
    }
  return x;
}

static void
features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  encode (c, f, pixels);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = encode (c, f, gtf_vision_pixels (c, config->n_channels)), *pooled;

  if (gtf_failed (c))
    return;
  x = gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, config->final_size });
  if (w->norm != NULL)
    x = gtf_layer_norm (c, w->norm, x, (float) config->eps);
  pooled = gtf_mean_steps (c, x);
  gtf_output (c, "last_hidden_state", x);
  gtf_output (c, "pooler_output", pooled);
  if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, pooled));
}

static const char *const donut_types[] = { "donut-swin", NULL };
static const char *const swin_types[] = { "swin", "maskformer-swin", NULL }, *const swinv2_types[] = { "swinv2", NULL };

#define ARCHITECTURE(name)                                                                                                         \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,   \
    .model_types = name##_types, .config = name##_config, .weights = weights, .heads = name##_heads,                               \
    .ignored = "*.mask_token|*.relative_position_index|*.relative_coords_table|decoder.*|classifier.*|*layernorm.*|hidden_states_norms.*", \
    .forward = forward, .features = features, .n_stages = GTF_DIM (Config, n_maps)                                                 \
  }

#define donut_config swin_config

ARCHITECTURE (swin);
ARCHITECTURE (donut);
ARCHITECTURE (swinv2);

GTF_TEXT_PLUGINS (swin, "swin", "Swin: pictures in shifted windows", &swin, &donut, &swinv2)
