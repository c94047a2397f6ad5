/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SAM 2 on pictures: Ravi et al., "SAM 2: Segment Anything in Images and Videos" (2024).
 *
 * A Hiera (Ryali et al. 2023) that keeps the picture a picture, a pyramid of its maps, and SAM's decoder, which gets the finer maps too. The memory of
 * videos is left out. docs/models/sam.md tells what is easily got wrong, and what goes in and comes out.
 */
#include <gtf/gtf.h>

#define MAX_STAGES 8
#define N_LEVELS 3              /* maps that the decoder is given */

typedef struct
{
  gint64 depth, size, heads, window;
} Stage;

typedef struct
{
  GtfMaskDecoderConfig decoder;
  gint64 n_channels, embed_size, n_pools, n_stages, n_blocks, n_levels;
  gint64 kernel[2], stride[2], padding[2], pool[2], neck_stride, neck_padding;
  const char *kernels, *strides, *paddings, *pools, *depths, *sizes, *heads, *windows, *globals, *tops;
  double eps, prompt_eps;
  GtfActivation activation, prompt_activation;
  gint64 size, patch, neck_size, rate, decoder_depth, n_more_masks, iou_depth, n_waves;
  Stage stages[MAX_STAGES];
} Config;

#define EYE(key) "vision_config.backbone_config." key
#define DECODER(field, key, min, max, def) GTF_CONFIG_INT_FIELD (Config, field, "mask_decoder_config." key, min, max, def)

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, EYE ("num_channels"), 1, 1 << 12, 3),
  GTF_CONFIG_INT_FIELD (Config, embed_size, EYE ("hidden_size"), 1, 1 << 16, 96),
  GTF_CONFIG_INT_FIELD (Config, n_pools, EYE ("num_query_pool_stages"), 0, MAX_STAGES, 3),
  GTF_CONFIG_LIST_FIELD (Config, kernels, EYE ("patch_kernel_size")),
  GTF_CONFIG_LIST_FIELD (Config, strides, EYE ("patch_stride")),
  GTF_CONFIG_LIST_FIELD (Config, paddings, EYE ("patch_padding")),
  GTF_CONFIG_LIST_FIELD (Config, pools, EYE ("query_stride")),
  GTF_CONFIG_LIST_FIELD (Config, depths, EYE ("blocks_per_stage")),
  GTF_CONFIG_LIST_FIELD (Config, sizes, EYE ("embed_dim_per_stage")),
  GTF_CONFIG_LIST_FIELD (Config, heads, EYE ("num_attention_heads_per_stage")),
  GTF_CONFIG_LIST_FIELD (Config, windows, EYE ("window_size_per_stage")),
  GTF_CONFIG_LIST_FIELD (Config, globals, EYE ("global_attention_blocks")),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, EYE ("layer_norm_eps"), 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, EYE ("hidden_act"), "gelu"),
  GTF_CONFIG_INT_FIELD (Config, neck_size, "vision_config.fpn_hidden_size", 1, 1 << 15, 256),
  GTF_CONFIG_INT_FIELD (Config, neck_stride, "vision_config.fpn_stride", 1, 64, 1),
  GTF_CONFIG_INT_FIELD (Config, neck_padding, "vision_config.fpn_padding", 0, 64, 0),
  GTF_CONFIG_INT_FIELD (Config, n_levels, "vision_config.num_feature_levels", N_LEVELS, N_LEVELS, N_LEVELS),
  GTF_CONFIG_LIST_FIELD (Config, tops, "vision_config.fpn_top_down_levels"),
  GTF_CONFIG_INT_FIELD (Config, size, "prompt_encoder_config.image_size", 1, 1 << 16, 1024),
  GTF_CONFIG_INT_FIELD (Config, patch, "prompt_encoder_config.patch_size", 1, 1 << 16, 16),
  GTF_CONFIG_FLOAT_FIELD (Config, prompt_eps, "prompt_encoder_config.layer_norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, prompt_activation, "prompt_encoder_config.hidden_act", "gelu"),
  DECODER (decoder.d, "hidden_size", 8, 1 << 15, 256),
  DECODER (decoder_depth, "num_hidden_layers", 0, 256, 2),
  DECODER (decoder.n_heads, "num_attention_heads", 1, 4096, 8),
  DECODER (decoder.inner, "mlp_dim", 1, 1 << 20, 2048),
  DECODER (rate, "attention_downsample_rate", 1, 1 << 12, 2),
  DECODER (n_more_masks, "num_multimask_outputs", GTF_N_MASKS - 1, GTF_N_MASKS - 1, GTF_N_MASKS - 1),
  DECODER (iou_depth, "iou_head_depth", 2, 64, 3),
  DECODER (decoder.iou_inner, "iou_head_hidden_dim", 1, 1 << 16, 256),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive_stages (Config *config, GError **error)
{
  gint64 depths[MAX_STAGES], sizes[MAX_STAGES], heads[MAX_STAGES], windows[MAX_STAGES];

  config->n_stages = gtf_stages_read ("blocks_per_stage", config->depths, "1|2|7|2", -1, 1, 256, depths, error);
  if (config->n_stages < 0 || gtf_stages_read ("embed_dim_per_stage", config->sizes, "96|192|384|768", config->n_stages, 1, 1 << 16, sizes, error) < 0
      || gtf_stages_read ("num_attention_heads_per_stage", config->heads, "1|2|4|8", config->n_stages, 1, 4096, heads, error) < 0
      || gtf_stages_read ("window_size_per_stage", config->windows, "8|4|14|7", config->n_stages, 1, 1 << 12, windows, error) < 0)
    return FALSE;
  for (gint64 i = 0; i < config->n_stages; i++)
    {
      config->stages[i] = (Stage){ depths[i], sizes[i], heads[i], windows[i] };
      config->n_blocks += depths[i];
      if (sizes[i] % heads[i] != 0)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "num_attention_heads_per_stage: %" G_GINT64_FORMAT " heads do not divide the %" G_GINT64_FORMAT " features of stage %"
                       G_GINT64_FORMAT, heads[i], sizes[i], i + 1);
          return FALSE;
        }
    }
  if (config->n_stages >= N_LEVELS && sizes[0] == config->embed_size && config->pool[0] == config->pool[1])
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "expected at least %d stages, of which the first has hidden_size (%" G_GINT64_FORMAT ") features, and a square query_stride", N_LEVELS,
               config->embed_size);
  return FALSE;
}

static gboolean
derive_decoder (Config *config, GError **error)
{
  GtfMaskDecoderConfig *d = &config->decoder;

  d->n_layers = config->decoder_depth;
  d->n_middle = MAX (config->decoder_depth - 2, 0);     /* the reference makes the networks of the layers as deep as there are layers */
  d->between = d->narrow = d->d / config->rate;
  d->n_iou_layers = config->iou_depth - 2;
  d->grid = config->size / config->patch;
  config->n_waves = d->d / 2;
  d->activation = GTF_ACTIVATION_RELU;                  /* whatever hidden_act says */
  d->eps = 1e-5;
  if (d->d % 8 == 0 && d->d == config->neck_size && d->d % d->n_heads == 0 && d->between > 0 && d->between % d->n_heads == 0 && d->grid > 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "mask_decoder_config: hidden_size (%" G_GINT64_FORMAT ") must be a multiple of 8 and fpn_hidden_size (%" G_GINT64_FORMAT
               "), it and it divided by attention_downsample_rate (%" G_GINT64_FORMAT ") multiples of num_attention_heads (%" G_GINT64_FORMAT "); patch_size must not be larger than image_size",
               d->d, config->neck_size, config->rate, d->n_heads);
  return FALSE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->globals == NULL)
    config->globals = "5|7|9";
  if (config->tops == NULL)
    config->tops = "2|3";
  return gtf_stages_read ("patch_kernel_size", config->kernels, "7|7", 2, 1, 1 << 10, config->kernel, error) > 0
         && gtf_stages_read ("patch_stride", config->strides, "4|4", 2, 1, 1 << 10, config->stride, error) > 0
         && gtf_stages_read ("patch_padding", config->paddings, "3|3", 2, 0, 1 << 10, config->padding, error) > 0
         && gtf_stages_read ("query_stride", config->pools, "2|2", 2, 1, 64, config->pool, error) > 0 && derive_stages (config, error) && derive_decoder (config, error);
}

typedef struct
{
  const GtfNorm *attention_norm, *output_norm;
  const GtfLinear *qkv, *attention_out, *project, *up, *down;   /* project: where a block has more features than the one before it */
} Block;

typedef struct
{
  const GtfConv2d *conv;
} Lateral;

typedef struct
{
  const GtfConv2d *patches;
  const GtfTensor *positions, *window_positions, *waves, *pixel_waves, *no_memory;
  const Block *blocks;
  const Lateral *laterals;
  const GtfConv2d *fine[2];
  const GtfEmbedding *no_point, *kinds;
  GtfMaskPrompt mask;
  GtfMaskDecoder decoder;
} Weights;

#define LINEAR(field, name, flags) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Block, field), flags, GTF_LINEAR_STORED }
#define NORM(field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Block, field), 0, { GTF_DIM_STORED } }

static const GtfWeight block[] = {
  NORM (attention_norm, "layer_norm1"), LINEAR (qkv, "attn.qkv", 0), LINEAR (attention_out, "attn.proj", 0), LINEAR (project, "proj", GTF_WEIGHT_OPTIONAL),
  NORM (output_norm, "layer_norm2"), LINEAR (up, "mlp.proj_in", 0), LINEAR (down, "mlp.proj_out", 0), { GTF_WEIGHT_END }
};

static const GtfWeight lateral[] = {
  { GTF_WEIGHT_CONV2D, "", G_STRUCT_OFFSET (Lateral, conv), 0, { GTF_DIM (Config, neck_size), GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED } }, { GTF_WEIGHT_END }
};

GTF_MASK_DECODER_TABLES (Config, decoder);

#define AT(field) G_STRUCT_OFFSET (Weights, field)
#define D GTF_DIM (Config, decoder.d)
#define POSITIONS(field, name) { GTF_WEIGHT_TENSOR, name, AT (field), 0, { GTF_DIM_CONST (1), GTF_DIM (Config, embed_size), GTF_DIM_STORED, GTF_DIM_STORED } }
#define WAVES(field, name) { GTF_WEIGHT_TENSOR, name, AT (field), 0, { GTF_DIM_CONST (2), GTF_DIM (Config, n_waves) } }
#define OBJECT(i, name, out) GTF_MASK_LINEAR (Weights, decoder.object[i], "mask_decoder.pred_obj_score_head." name, out, D)

static const GtfWeight weights[] = {
  { GTF_WEIGHT_CONV2D, "vision_encoder.backbone.patch_embed.projection", AT (patches), 0,
    { GTF_DIM (Config, embed_size), GTF_DIM (Config, n_channels), GTF_DIM (Config, kernel[0]), GTF_DIM (Config, kernel[1]) } },
  POSITIONS (positions, "vision_encoder.backbone.pos_embed"), POSITIONS (window_positions, "vision_encoder.backbone.pos_embed_window"),
  { GTF_WEIGHT_GROUP, "vision_encoder.backbone.blocks.%d", .offset = AT (blocks), .group = block, .group_size = sizeof (Block), .count = GTF_DIM (Config, n_blocks) },
  { GTF_WEIGHT_GROUP, "vision_encoder.neck.convs.%d", .offset = AT (laterals), .group = lateral, .group_size = sizeof (Lateral), .count = GTF_DIM (Config, n_stages) },
  { GTF_WEIGHT_TENSOR, "no_memory_embedding", AT (no_memory), 0, { GTF_DIM_CONST (1), GTF_DIM_CONST (1), D } },
  WAVES (waves, "prompt_encoder.shared_embedding.positional_embedding|shared_image_embedding.positional_embedding"),
  WAVES (pixel_waves, "shared_image_embedding.positional_embedding|prompt_encoder.shared_embedding.positional_embedding"),
  GTF_MASK_TOKENS (Weights, no_point, "prompt_encoder.not_a_point_embed", 1, D), GTF_MASK_TOKENS (Weights, kinds, "prompt_encoder.point_embed", GTF_PROMPT_KINDS, D),
  GTF_MASK_PROMPT_WEIGHTS (Weights, mask, Config, decoder),
  GTF_MASK_DECODER_WEIGHTS (Weights, decoder, Config, decoder),
  GTF_MASK_CONV (Weights, fine[0], "mask_decoder.conv_s1", 0), GTF_MASK_CONV (Weights, fine[1], "mask_decoder.conv_s0", 0),
  GTF_MASK_TOKENS (Weights, decoder.object_token, "mask_decoder.obj_score_token", 1, D),
  OBJECT (0, "proj_in", D), OBJECT (1, "layers.0", D), OBJECT (2, "proj_out", GTF_DIM_CONST (1)),
  { GTF_WEIGHT_END }
};

static const char *const tasks[] = { "mask-generation", NULL };
static const GtfHead heads[] = { { "Model", tasks, NULL, "sam2" }, { NULL } };

/* ---- the picture ---------------------------------------------------------------------------------------------------------- */

/* What a block is: how many features and heads, the window it looks in (0: everywhere), and by what it makes the picture smaller. */
typedef struct
{
  gint64 size, n_heads, window, pool;
} Shape;

static GtfTensor *
largest (GtfContext *c, GtfTensor *x, gint64 pool)
{
  return pool > 1 ? gtf_max_pool2d (c, x, &(GtfWindow){ .kernel = pool, .stride = pool }) : x;
}

/* Attention of pixels x [B][H][W][..] in windows, of which the queries become fewer: like @like, the smaller picture. */
static GtfTensor *
attend (GtfContext *c, const Shape *s, const Block *w, GtfTensor *x, const GtfTensor *like)
{
  const GtfAttention attention = { .n_heads = s->n_heads };
  const GtfWindows from = { .size = s->window }, to = { .size = s->window / s->pool };
  const gint64 b = gtf_dim (x, 0), height = s->window ? s->window : gtf_dim (x, 1), width = s->window ? s->window : gtf_dim (x, 2), d = s->size;
  GtfTensor *qkv = gtf_linear (c, w->qkv, s->window ? gtf_to_windows (c, x, &from) : gtf_reshape (c, x, 3, (gint64[]){ b, -1, gtf_dim (x, 3) }));
  GtfTensor *q = gtf_slice (c, qkv, 0, d), *y;
  const gint64 n = gtf_dim (qkv, 0);

  if (s->pool > 1)
    {
      q = gtf_reshape (c, gtf_activate (c, q, GTF_ACTIVATION_NONE), 4, (gint64[]){ n, height, width, d });
      q = gtf_reshape (c, largest (c, q, s->pool), 3, (gint64[]){ n, -1, d });
    }
  y = gtf_attention (c, q, gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &attention);
  return s->window ? gtf_from_windows (c, y, &to, like) : gtf_reshape (c, y, 4, (gint64[]){ b, gtf_dim (like, 1), gtf_dim (like, 2), d });
}

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Shape *s, const Block *w, GtfTensor *x)
{
  const float eps = (float) config->eps;
  const gsize mark = gtf_push (c);
  GtfTensor *h = gtf_layer_norm (c, w->attention_norm, x, eps);

  if (w->project != NULL)
    x = largest (c, gtf_linear (c, w->project, h), s->pool);
  x = gtf_linear_add (c, w->attention_out, attend (c, s, w, h, x), x);
  return gtf_pop_keep (c, mark, gtf_feed_forward (c, w->up, config->activation, w->down, gtf_layer_norm (c, w->output_norm, x, eps), x));
}

static gboolean
has_number (const char *list, gint64 number)
{
  gint64 n;

  for (gint64 i = 0; i < gtf_config_list_size (list); i++)
    if (gtf_config_list_int (list, i, 0, 1 << 12, &n) && n == number)
      return TRUE;
  return FALSE;
}

/* The first block of a stage looks as far as those of the stage before it, and makes the picture smaller if it is one of the first stages that may. */
static Shape
shape_of (const Config *config, gint64 stage, gint64 i, gint64 number)
{
  const gboolean begins = stage > 0 && i == 0;
  const Stage *s = &config->stages[stage];
  const gint64 window = has_number (config->globals, number) ? 0 : config->stages[stage - begins].window;

  return (Shape){ s->size, s->heads, window, begins && stage <= config->n_pools ? config->pool[0] : 1 };
}

typedef struct
{
  gint64 side, across;
} Tiles;

static gint64
in_tile (gint64 i, gconstpointer data)
{
  const Tiles *t = data;

  return i / t->across % t->side * t->side + i % t->across % t->side;
}

/* A coarse table of positions as large as the picture, and a table for a window again and again: [H][W][D]. */
static GtfTensor *
place (GtfContext *c, const Weights *w, gint64 height, gint64 width)
{
  const Tiles tiles = { gtf_dim (w->window_positions, 2), width };
  const gint64 d = gtf_dim (w->positions, 1), shape[] = { height, width, d };
  GtfTensor *whole = gtf_resize (c, gtf_pixels_last (c, w->positions), height, width, GTF_RESIZE_BICUBIC), *one;

  if (gtf_dim (w->window_positions, 3) != tiles.side || height % tiles.side != 0 || width % tiles.side != 0)
    {
      gtf_fail (c, "the picture leaves %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " patches, expected multiples of the first window_size_per_stage, %" G_GINT64_FORMAT, height, width, tiles.side);
      return NULL;
    }
  one = gtf_reshape (c, gtf_pixels_last (c, w->window_positions), 2, (gint64[]){ -1, d });
  return gtf_reshape (c, gtf_add (c, gtf_reshape (c, whole, 2, (gint64[]){ -1, d }), gtf_take (c, one, gtf_indices (c, height * width, in_tile, &tiles))), 3, shape);
}

/* The map behind each stage. */
static void
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, GtfTensor **maps)
{
  const GtfWindow window = { .stride = config->stride[0], .stride_width = config->stride[1], .more = { config->padding[0], config->padding[1], config->padding[0], config->padding[1] } };
  GtfTensor *x = gtf_conv2d (c, w->patches, gtf_pixels_last (c, pixels), &window, GTF_ACTIVATION_NONE, NULL);

  x = gtf_failed (c) ? NULL : gtf_add (c, x, place (c, w, gtf_dim (x, 1), gtf_dim (x, 2)));
  for (gint64 stage = 0, n = 0; stage < config->n_stages; stage++)
    {
      for (gint64 i = 0; i < config->stages[stage].depth && !gtf_failed (c); i++, n++)
        {
          const Shape s = shape_of (config, stage, i, n);

          if (s.pool > 1 && s.window < s.pool)
            gtf_fail (c, "block %" G_GINT64_FORMAT " makes the picture smaller, expected it to look in windows that are not smaller than query_stride", n);
          else
            x = block_forward (c, config, &s, &w->blocks[n], x);
        }
      maps[stage] = x;
    }
}

/* Maps become one pyramid from the coarsest on: each of fpn_top_down_levels is added to by the one before it. levels: the three finest, the finest first. */
static void
build_pyramid (GtfContext *c, const Config *config, const Weights *w, GtfTensor *const *maps, GtfTensor **levels)
{
  const GtfWindow window = { .stride = config->neck_stride, .padding = config->neck_padding };
  const gint64 last = config->n_stages - 1;
  GtfTensor *x = NULL;

  for (gint64 i = last; i >= 0 && !gtf_failed (c); i--)
    {
      GtfTensor *own = gtf_conv2d (c, w->laterals[last - i].conv, maps[i], &window, GTF_ACTIVATION_NONE, NULL);

      x = i < last && has_number (config->tops, i) ? gtf_resize_add (c, x, own, GTF_RESIZE_NEAREST, GTF_ACTIVATION_NONE) : own;
      if (i < N_LEVELS)
        levels[i] = x;
    }
}

/* What the decoder is given of a picture: pixels [B][grid][grid][D] and finer maps. */
typedef struct
{
  GtfTensor *pixels, *fine[2];
} View;

#define N_PARTS 3
static const char *const parts[N_PARTS] = { "image_embeddings", "high_resolution_features.1", "high_resolution_features.0" };

/* Whether the parts have the sizes that the prompts' picture has: grid, two and four times as many pixels a side. */
static gboolean
check_view (GtfContext *c, const Config *config, const View *view)
{
  const GtfTensor *const maps[N_PARTS] = { view->pixels, view->fine[0], view->fine[1] };
  const gint64 sizes[N_PARTS] = { config->decoder.d, config->decoder.d / 4, config->decoder.d / 8 };

  for (gint64 i = 0, side = config->decoder.grid; i < N_PARTS && !gtf_failed (c); i++, side *= 2)
    if (gtf_dim (maps[i], 0) != gtf_dim (maps[0], 0) || gtf_dim (maps[i], 1) != side || gtf_dim (maps[i], 2) != side || gtf_dim (maps[i], 3) != sizes[i])
      gtf_fail (c, "%s: expected [B, %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT "], found [%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", %"
                G_GINT64_FORMAT "]: the picture does not fit prompt_encoder_config, or is not what an earlier call gave", parts[i], sizes[i], side, side, gtf_dim (maps[i], 0),
                gtf_dim (maps[i], 3), gtf_dim (maps[i], 1), gtf_dim (maps[i], 2));
  return !gtf_failed (c);
}

static gboolean
see (GtfContext *c, const Config *config, const Weights *w, View *view)
{
  const GtfTensor *pixels = gtf_vision_pixels (c, config->n_channels);
  GtfTensor *maps[MAX_STAGES] = { NULL }, *levels[N_LEVELS] = { NULL };

  if (pixels == NULL)
    return FALSE;
  encode (c, config, w, pixels, maps);
  build_pyramid (c, config, w, maps, levels);
  if (gtf_failed (c))
    return FALSE;
  view->pixels = gtf_add (c, levels[2], gtf_reshape (c, w->no_memory, 1, (gint64[]){ -1 }));
  for (gint i = 0; i < 2; i++)
    view->fine[i] = gtf_conv2d (c, w->fine[i], levels[1 - i], NULL, GTF_ACTIVATION_NONE, NULL);
  gtf_output (c, parts[0], gtf_pixels_first (c, view->pixels));
  for (gint i = 0; i < 2; i++)
    gtf_output (c, parts[1 + i], gtf_pixels_first (c, view->fine[i]));
  return !gtf_failed (c);
}

/* The parts as an earlier call gave them. */
static gboolean
remember (GtfContext *c, View *view)
{
  GtfTensor **to[N_PARTS] = { &view->pixels, &view->fine[0], &view->fine[1] };

  for (gint i = 0; i < N_PARTS; i++)
    *to[i] = gtf_pixels_last (c, gtf_input (c, parts[i]));
  return !gtf_failed (c);
}

/* The parts of a picture are computed from `pixel_values`, or given; with prompts, masks are computed from them. */
static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfPrompts prompts = { .waves = w->waves, .none = w->no_point, .size = config->size, .table = w->kinds, .closes_boxes = TRUE, .pixel_waves = w->pixel_waves };
  const gboolean is_given = gtf_input_optional (c, parts[0]) != NULL;
  View view = { NULL };
  GtfMaskScene scene = { .config = &config->decoder, .w = &w->decoder, .is_certain = TRUE };
  GtfTensor *x;

  if (!(is_given ? remember (c, &view) : see (c, config, w, &view)) || !gtf_prompts_are_given (c) || !check_view (c, config, &view))
    return;
  scene.fine[0] = view.fine[0];
  scene.fine[1] = view.fine[1];
  x = gtf_mask_prompt (c, &w->mask, view.pixels, config->prompt_activation, (float) config->prompt_eps);
  gtf_mask_decode (c, &scene, gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, config->decoder.d }), &prompts);
}

static const char *const model_types[] = { "sam2", "sam2_video", NULL };

static const GtfArchitecture sam2 = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "memory_*|mask_downsample*|object_pointer_proj*|temporal_positional_encoding_projection_layer*|no_memory_positional_encoding"
             "|no_object_pointer|occlusion_spatial_embedding_parameter",
  .forward = forward
};

GTF_TEXT_PLUGINS (sam2, "sam2", "SAM 2: masks of whatever points and boxes show", &sam2)
