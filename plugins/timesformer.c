/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * TimeSformer: Bertasius et al., "Is Space-Time Attention All You Need for Video Understanding?" (2021).
 *
 * The patches of each frame by themselves; a layer attends first over the frames of each patch, then over the patches of each frame, which share one
 * [CLS]. docs/models/video.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

typedef struct
{
  GtfVideoConfig video;
  const char *attention;
  gboolean divided, joint;              /* neither: each frame by itself */
  gint64 n_times, time_size;            /* rows of the table of times; size of what only divided attention has: 0: there is none */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_VIDEO_CONFIG_FIELDS (8),
  GTF_CONFIG_STRING_FIELD (Config, attention, "attention_type", "divided_space_time"),
  GTF_CONFIG_FLOAT_FIELD (GtfVisionConfig, encoder.eps, "layer_norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->divided = strcmp (config->attention, "divided_space_time") == 0;
  config->joint = strcmp (config->attention, "joint_space_time") == 0;
  if (!config->divided && !config->joint && strcmp (config->attention, "space_only") != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "attention_type: expected divided_space_time, joint_space_time or space_only, found %.60s", config->attention);
      return FALSE;
    }
  if (!gtf_vision_config_derive (data, error))
    return FALSE;
  config->n_times = config->divided || config->joint ? config->video.n_frames : 0;
  config->time_size = config->divided ? config->video.vision.encoder.hidden_size : 0;
  return TRUE;
}

typedef struct
{
  GtfVisionLayer space;
  const GtfNorm *time_norm;             /* divided attention: the layer over time, and what its result passes */
  GtfEncoderLayer time;
  const GtfLinear *time_out;
} Layer;

typedef struct
{
  GtfVisionWeights vision;
  const GtfTensor *times;
  const Layer *layers;
} Weights;

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)
#define TIME GTF_DIM (Config, time_size)

static const GtfWeight layer[] = {
  GTF_VISION_LAYER_NORM (block.attention_norm, "layernorm_before"),
  GTF_VISION_QKV ("attention.attention.qkv"),
  GTF_VISION_SQUARE (block.attention_out, "attention.output.dense"),
  GTF_VISION_LAYER_NORM (block.output_norm, "layernorm_after"),
  GTF_VISION_UP ("intermediate.dense"),
  GTF_VISION_DOWN ("output.dense"),
  { GTF_WEIGHT_NORM, "temporal_layernorm", G_STRUCT_OFFSET (Layer, time_norm), 0, { TIME } },
  { GTF_WEIGHT_LINEAR, "temporal_attention.attention.qkv", G_STRUCT_OFFSET (Layer, time.qkv), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_TIMES (Config, time_size, 3), TIME } },
  { GTF_WEIGHT_LINEAR, "temporal_attention.output.dense", G_STRUCT_OFFSET (Layer, time.attention_out), 0, { TIME, TIME } },
  { GTF_WEIGHT_LINEAR, "temporal_dense", G_STRUCT_OFFSET (Layer, time_out), 0, { TIME, TIME } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_VISION_TOKENS (cls, "embeddings.cls_token", 0, GTF_DIM_CONST (1)),
  GTF_VISION_TOKENS (positions, "embeddings.position_embeddings", 0, GTF_VISION_DIM (n_positions)),
  { GTF_WEIGHT_TENSOR, "embeddings.time_embeddings", G_STRUCT_OFFSET (Weights, times), 0, { GTF_DIM_CONST (1), GTF_DIM (Config, n_times), HIDDEN } },
  GTF_VISION_PATCHES ("embeddings.patch_embeddings.projection"),
  { GTF_WEIGHT_GROUP, "encoder.layer.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer, .group_size = sizeof (Layer), .count = GTF_VISION_DIM (encoder.n_layers) },
  GTF_VISION_NORM (norm, "layernorm"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForVideoClassification", gtf_video_classification_tasks, gtf_vision_classifier, "timesformer" },
  { "Model", gtf_video_base_tasks, NULL, "timesformer" },
  { NULL }
};

/* ---- which token stands where ------------------------------------------------------------------------------------------ */

/* Tokens of a video lie patch by patch behind one [CLS]: [B][1 + patches * frames]. */
typedef struct
{
  gint64 n_videos, n_frames, n_patches, old;
} Grid;

/* [B * frames][1 + patches], each frame with the [CLS] of its video, out of the tokens. */
static gint64
frame_token (gint64 i, gconstpointer data)
{
  const Grid *g = data;
  const gint64 frame = i / (1 + g->n_patches), patch = i % (1 + g->n_patches), video = frame / g->n_frames * (1 + g->n_patches * g->n_frames);

  return patch == 0 ? video : video + 1 + (patch - 1) * g->n_frames + frame % g->n_frames;
}

/* [B][frames] of these: their [CLS]. */
static gint64
frame_cls (gint64 i, gconstpointer data)
{
  return i * (1 + ((const Grid *) data)->n_patches);
}

/* The first of these for each video. */
static gint64
first_cls (gint64 i, gconstpointer data)
{
  return frame_cls (i * ((const Grid *) data)->n_frames, data);
}

/* Tokens out of [B] rows for the [CLS] and, behind them, frames [B * frames][1 + patches]. */
static gint64
video_token (gint64 i, gconstpointer data)
{
  const Grid *g = data;
  const gint64 n = g->n_patches * g->n_frames, video = i / (1 + n), at = i % (1 + n) - 1;

  return at < 0 ? video : g->n_videos + (video * g->n_frames + at % g->n_frames) * (1 + g->n_patches) + 1 + at / g->n_frames;
}

/* The table of times for another number of frames: the row at floor (i * old / new). */
static gint64
time_row (gint64 i, gconstpointer data)
{
  const Grid *g = data;

  return MIN ((gint64) ((float) i * ((float) g->old / (float) g->n_frames)), g->old - 1);
}

/* [CLS] of each video [B][D] and the patches of frames [B * frames][1 + patches][D] as tokens [B][1 + patches * frames][D]. */
static GtfTensor *
to_videos (GtfContext *c, const Grid *g, GtfTensor *cls, const GtfTensor *frames)
{
  const gint64 d = gtf_dim (frames, -1), n = 1 + g->n_patches * g->n_frames;
  GtfTensor *const parts[2] = { cls, gtf_reshape (c, frames, 2, (gint64[]){ -1, d }) };

  return gtf_reshape (c, gtf_take (c, gtf_concat (c, parts, 2), gtf_indices (c, g->n_videos * n, video_token, g)), 3, (gint64[]){ g->n_videos, n, d });
}

/* ---- the model ------------------------------------------------------------------------------------------------------------ */

/* The positions of a frame, [CLS] first; a picture with another number of patches takes the nearest of a square. */
static GtfTensor *
frame_positions (GtfContext *c, const GtfVisionConfig *v, const GtfTensor *table, gint64 n_patches, gint64 across)
{
  const gint64 n = v->n_positions, d = v->encoder.hidden_size;
  GtfTensor *rows = gtf_reshape (c, table, 2, (gint64[]){ n, d }), *parts[2];

  if (n_patches + 1 == n)
    return rows;
  parts[0] = gtf_steps (c, rows, 0, 1);
  parts[1] = gtf_vision_resize_square (c, gtf_steps (c, rows, 1, n - 1), (n_patches + 1) / across, across, GTF_RESIZE_NEAREST);
  parts[1] = gtf_reshape (c, parts[1], 2, (gint64[]){ -1, d });
  return gtf_concat (c, parts, 2);
}

/* [B][1 + patches * frames][D], or [B * frames][1 + patches][D] where each frame is by itself. */
static GtfTensor *
embed (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels)
{
  const GtfVisionConfig *v = &config->video.vision;
  const gint64 d = v->encoder.hidden_size, across = gtf_dim (pixels, 4) / v->patch_width;
  const Grid g = { gtf_dim (pixels, 0), gtf_dim (pixels, 1), gtf_dim (pixels, 3) / v->patch_height * across, config->n_times };
  GtfTensor *x = gtf_video_patches (c, &config->video, w->vision.embeddings.patches, pixels), *cls, *times;

  x = gtf_reshape (c, x, 3, (gint64[]){ g.n_videos * g.n_frames, g.n_patches, d });
  x = gtf_prepend (c, gtf_reshape (c, w->vision.embeddings.cls, 2, (gint64[]){ 1, d }), x);
  x = gtf_add (c, x, frame_positions (c, v, w->vision.embeddings.positions, g.n_patches, across));
  if (w->times == NULL)
    return x;
  times = gtf_take (c, gtf_reshape (c, w->times, 2, (gint64[]){ g.old, d }), gtf_indices (c, g.n_frames, time_row, &g));
  cls = gtf_take (c, x, gtf_indices (c, g.n_videos, first_cls, &g));
  x = to_videos (c, &g, cls, x);
  cls = gtf_steps (c, x, 0, 1);
  x = gtf_reshape (c, gtf_steps (c, x, 1, g.n_patches * g.n_frames), 4, (gint64[]){ g.n_videos, g.n_patches, g.n_frames, d });
  return gtf_prepend (c, cls, gtf_reshape (c, gtf_add (c, x, times), 3, (gint64[]){ g.n_videos, -1, d }));
}

/* Attention over the second dimension of x [..][T][D] with its output projection, behind a normalisation. */
static GtfTensor *
attend (GtfContext *c, const GtfEncoder *e, const GtfNorm *norm, const GtfEncoderLayer *l, const GtfTensor *x)
{
  return gtf_linear (c, l->attention_out, gtf_encoder_attention (c, e, l, gtf_layer_norm (c, norm, x, (float) e->config->eps)));
}

/* Over the frames of each patch, then over the patches of each frame: the tokens with what is added to them. */
static GtfTensor *
attend_divided (GtfContext *c, const GtfEncoder *e, const Layer *l, const Grid *g, const GtfTensor *x)
{
  const gint64 d = e->config->hidden_size, n = g->n_patches * g->n_frames, frames = g->n_videos * g->n_frames;
  GtfEncoder over_time = *e;
  GtfTensor *y = gtf_steps (c, x, 1, n), *cls;

  over_time.attention.weights = NULL;   /* "attentions" are those over space */
  y = attend (c, &over_time, l->time_norm, &l->time, gtf_reshape (c, y, 3, (gint64[]){ g->n_videos * g->n_patches, g->n_frames, d }));
  y = gtf_linear_add (c, l->time_out, gtf_reshape (c, y, 3, (gint64[]){ g->n_videos, n, d }), gtf_steps (c, x, 1, n));
  x = gtf_prepend (c, gtf_steps (c, x, 0, 1), y);
  y = gtf_take (c, x, gtf_indices (c, frames * (1 + g->n_patches), frame_token, g));
  y = attend (c, e, l->space.block.attention_norm, &l->space.block, gtf_reshape (c, y, 3, (gint64[]){ frames, 1 + g->n_patches, d }));
  cls = gtf_reshape (c, gtf_take (c, y, gtf_indices (c, frames, frame_cls, g)), 3, (gint64[]){ g->n_videos, g->n_frames, d });
  return gtf_add (c, x, to_videos (c, g, gtf_mean_steps (c, cls), y));
}

typedef struct
{
  const Config *config;
  const Weights *w;
} Model;

static GtfTensor *
layer_forward (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Model *model = e->data;
  const GtfVideoConfig *video = &model->config->video;
  const Layer *l = &model->w->layers[i];
  const gint64 across = video->vision.image_width / video->vision.patch_width, n = gtf_dim (x, 1) - 1;
  const Grid g = { gtf_dim (x, 0), video->n_frames, n / video->n_frames, 0 };

  if (!model->config->divided)
    return gtf_vision_block (c, e, &l->space, x);
  /* As the reference has it, frames are as many as the config says, also where there are others: then rows are cut into patches elsewhere. */
  if (g.n_patches % across != 0 || g.n_patches * g.n_frames != n || n == 0)
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " patches of all frames are not %" G_GINT64_FORMAT " frames (num_frames) of rows of %" G_GINT64_FORMAT, n, g.n_frames, across);
      return NULL;
    }
  x = attend_divided (c, e, l, &g, x);
  return gtf_feed_forward (c, l->space.block.up, e->config->activation, l->space.block.down, gtf_layer_norm (c, l->space.block.output_norm, x, (float) e->config->eps), x);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Model model = { f->config, f->weights };
  const GtfVisionConfig *v = &model.config->video.vision;
  const GtfTensor *pixels = gtf_video_pixels (c, &model.config->video, FALSE);
  GtfTensor *x = pixels != NULL ? embed (c, model.config, model.w, pixels) : NULL;
  const GtfTextInput input = { .n_texts = gtf_dim (x, 0), .longest = gtf_dim (x, 1), .n_choices = 1 };
  const GtfEncoder encoder = { .config = &v->encoder, .input = &input, .norm_first = TRUE, .forward = layer_forward, .data = &model };

  if (x == NULL)
    return;
  x = gtf_layer_norm (c, model.w->vision.norm, gtf_encoder_run (c, &encoder, x), (float) v->encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  if (model.w->vision.classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, model.w->vision.classifier, gtf_vision_token (c, x, 0)));
}

static const char *const model_types[] = { "timesformer", NULL };

static const GtfArchitecture timesformer = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "classifier.*", .forward = forward
};

GTF_TEXT_PLUGINS (timesformer, "timesformer", "TimeSformer: videos, attended to over time and over space", &timesformer)
