/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DINOv2: Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision" (2023); with registers: Darcet et al., "Vision
 * Transformers Need Registers" (2023).
 *
 * A ViT with factors on what each block adds, gated linear units in the largest, and pictures of any size; and as the backbone of RF-DETR, where most blocks look
 * within windows only. docs/models/dinov2.md and docs/models/rf_detr.md tell what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfVisionConfig vision;
  double mlp_ratio;
  gboolean is_gated, normalises, reshapes;      /* the last two: as a backbone */
  gint64 n_stages, gated_size, plain_size;        /* of the two layers after attention; one of them 0 */
  gint64 n_windows;                             /* of each side: RF-DETR's */
} Config;

#define FIELDS                                                                                                                     \
  GTF_VISION_CONFIG_FIELDS,                                                                                                        \
  GTF_CONFIG_FLOAT_FIELD (Config, vision.encoder.eps, "layer_norm_eps", 0, 1, 1e-6),                                               \
  GTF_CONFIG_FLOAT_FIELD (Config, mlp_ratio, "mlp_ratio", 0.001, 1024, 4),                                                         \
  GTF_CONFIG_BOOL_FIELD (Config, is_gated, "use_swiglu_ffn", FALSE),                                                               \
  GTF_CONFIG_BOOL_FIELD (Config, normalises, "apply_layernorm", TRUE),                                                             \
  GTF_CONFIG_BOOL_FIELD (Config, reshapes, "reshape_hidden_states", TRUE),                                                               \
  GTF_CONFIG_BOOL_FIELD (Config, vision.interpolates, "", TRUE)

static const GtfConfigField dinov2_config[] = { FIELDS, GTF_CONFIG_FIELDS_END };
static const GtfConfigField dinov2_with_registers_config[] = {
  FIELDS,
  GTF_CONFIG_BOOL_FIELD (Config, vision.antialias, "", TRUE),
  GTF_CONFIG_INT_FIELD (Config, vision.n_registers, "num_register_tokens", 0, 1 << 16, 4),
  GTF_CONFIG_FIELDS_END
};

static const GtfConfigField rf_detr_dinov2_config[] = {
  FIELDS,
  GTF_CONFIG_BOOL_FIELD (Config, vision.antialias, "", TRUE),
  GTF_CONFIG_INT_FIELD (Config, n_windows, "num_windows", 1, 1 << 10, 4),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (!gtf_vision_config_mlp (&config->vision, config->mlp_ratio, config->is_gated, &config->gated_size, &config->plain_size, error))
    return FALSE;
  config->n_stages = config->vision.encoder.n_layers + 1;
  if (config->vision.patch_sizes == NULL && config->vision.n_registers == 0)
    config->vision.patch_sizes = "14";
  return gtf_vision_config_derive (data, error);
}

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)

static const GtfWeight layer[] = {
  GTF_VISION_LAYER_NORM (block.attention_norm, "norm1"),
  GTF_VISION_QKV ("attention.attention.{query,key,value}|attention.{q_proj,k_proj,v_proj}"),
  GTF_VISION_SQUARE (block.attention_out, "attention.output.dense|attention.o_proj"),
  GTF_VISION_SCALE (attention_scale, "layer_scale1.lambda1"),
  GTF_VISION_LAYER_NORM (block.output_norm, "norm2"),
  GTF_VISION_LINEAR (gated, "mlp.weights_in|mlp.{gate_proj,up_proj}", 0, GTF_DIM (Config, gated_size), HIDDEN),
  GTF_VISION_LINEAR (block.up, "mlp.fc1", 0, GTF_DIM (Config, plain_size), HIDDEN),
  GTF_VISION_DOWN ("mlp.fc2|mlp.weights_out|mlp.down_proj"),
  GTF_VISION_SCALE (output_scale, "layer_scale2.lambda1"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_VISION_TOKENS (cls, "embeddings.cls_token", 0, GTF_DIM_CONST (1)),
  GTF_VISION_TOKENS (registers, "embeddings.register_tokens", 0, GTF_VISION_DIM (n_registers)),
  GTF_VISION_TOKENS (positions, "embeddings.position_embeddings", 0, GTF_VISION_DIM (n_positions)),
  GTF_VISION_PATCHES ("embeddings.patch_embeddings.projection"),
  GTF_VISION_LAYERS ("encoder.layer.%d", layer),
  GTF_VISION_NORM (norm, "layernorm"),
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = { GTF_VISION_CLASSIFIER (classifier, "classifier", GTF_DIM_TIMES (GtfVisionConfig, encoder.hidden_size, 2)), { GTF_WEIGHT_END } };

#define HEADS(prefix)                                                                                                              \
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, prefix },                                               \
  { "Backbone", gtf_vision_base_tasks, NULL, prefix },                                                                             \
  { "Model", gtf_vision_base_tasks, NULL, prefix }

static const GtfHead dinov2_heads[] = { HEADS ("dinov2"), { NULL } };
static const GtfHead rf_detr_dinov2_heads[] = { { "Backbone", gtf_vision_base_tasks, NULL, "rf_detr_dinov2" }, { NULL } };
static const GtfHead dinov2_with_registers_heads[] = { HEADS ("dinov2_with_registers"), { NULL } };

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfVisionConfig *config = f->config;
  const GtfVisionWeights *w = f->weights;
  GtfTensor *x = gtf_vision_encode (c, config, w->layers, gtf_vision_embed (c, config, &w->embeddings), NULL, NULL), *parts[2];
  gint64 first = 1 + config->n_registers;

  x = gtf_layer_norm (c, w->norm, x, (float) config->encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  gtf_output (c, "pooler_output", parts[0] = gtf_vision_token (c, x, 0));
  if (w->classifier == NULL)
    return;
  parts[1] = gtf_mean_steps (c, gtf_steps (c, x, first, gtf_dim (x, 1) - first));
  gtf_output (c, "logits", gtf_linear (c, w->classifier, gtf_join (c, parts, 2)));
}

static void
features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  const Config *config = f->config;
  const GtfVisionConfig *v = &config->vision;
  const GtfVisionWeights *w = f->weights;
  const gint64 down = gtf_dim (pixels, 2) / v->patch_height, across = gtf_dim (pixels, 3) / v->patch_width;

  gtf_vision_features (c, f, v, w->layers, gtf_vision_embed_pixels (c, v, &w->embeddings, pixels), config->normalises ? w->norm : NULL, config->reshapes ? down : 0, across,
                       NULL, NULL);
}

/* ---- in windows ---------------------------------------------------------------------------------------------------------- */

/* Patches in windows, each behind a [CLS] of its own. The reference takes height for width when it cuts, and not when it puts together again: in a picture that is no
 * square windows are no rectangles. */
typedef struct
{
  gint64 n;                     /* windows of each side */
  gint64 height, width;         /* patches of a window, as they are put together */
} Windows;

/* The token of [B][1 + patches] for token i of [B * windows][1 + patches]. */
static gint64
token_in_picture (gint64 i, gconstpointer data)
{
  const Windows *s = data;
  const gint64 own = 1 + s->height * s->width, window = i / own % (s->n * s->n), picture = i / own / (s->n * s->n), patch = i % own - 1;
  const gint64 row = window / s->n * s->width + patch / s->height, column = window % s->n * s->height + patch % s->height;

  return picture * (1 + s->n * s->n * s->height * s->width) + (patch < 0 ? 0 : 1 + row * s->n * s->height + column);
}

/* And back: the token of a window for patch i of [B][height][width]. */
static gint64
token_in_window (gint64 i, gconstpointer data)
{
  const Windows *s = data;
  const gint64 width = s->n * s->width, height = s->n * s->height, row = i / width % height, column = i % width, picture = i / width / height;
  const gint64 window = (picture * s->n + row / s->height) * s->n + column / s->width;

  return window * (1 + s->height * s->width) + 1 + row % s->height * s->width + column % s->width;
}

static GtfTensor *
take_tokens (GtfContext *c, const GtfTensor *x, gint64 n, gint64 (*which) (gint64, gconstpointer), const Windows *windows)
{
  return gtf_take (c, gtf_reshape (c, x, 2, (gint64[]){ -1, gtf_dim (x, -1) }), gtf_indices (c, n, which, windows));
}

/* Whether a block looks at the whole picture: the blocks whose numbers, counted from 0, are those of stages that are asked for, and all behind the last. */
static gboolean
sees_all (const GtfForward *f, gint64 block, gint64 n_blocks)
{
  gboolean behind = TRUE;

  for (gint64 i = block; i <= n_blocks; i++)
    behind = behind && !gtf_feature_wanted (f, i);
  return behind || gtf_feature_wanted (f, block);
}

static void
rf_detr_dinov2_features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  const Config *config = f->config;
  const GtfVisionConfig *v = &config->vision;
  const GtfVisionWeights *w = f->weights;
  const gint64 n = gtf_dim (pixels, 0), down = gtf_dim (pixels, 2) / v->patch_height, across = gtf_dim (pixels, 3) / v->patch_width, d = v->encoder.hidden_size;
  const gint64 all = config->n_windows * config->n_windows;
  const Windows windows = { config->n_windows, down / config->n_windows, across / config->n_windows };
  const gint64 in_window[] = { n * all, 1 + windows.height * windows.width, d }, together[] = { n, all * (1 + windows.height * windows.width), d };
  GtfTensor *x = gtf_vision_embed_pixels (c, v, &w->embeddings, pixels);

  if (!gtf_failed (c) && (down == 0 || across == 0 || down % config->n_windows != 0 || across % config->n_windows != 0))
    gtf_fail (c, "num_windows: a picture of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " patches cannot be cut into %" G_GINT64_FORMAT " windows each way", down, across,
              config->n_windows);
  x = gtf_failed (c) ? NULL : gtf_reshape (c, take_tokens (c, x, in_window[0] * in_window[1], token_in_picture, &windows), 3, in_window);
  for (gint64 i = 0; i <= v->encoder.n_layers && !gtf_failed (c); i++)
    {
      if (i > 0 && sees_all (f, i - 1, v->encoder.n_layers))
        x = gtf_reshape (c, gtf_vision_layer (c, v, &w->layers[i - 1], gtf_reshape (c, x, 3, together), NULL), 3, in_window);
      else if (i > 0)
        x = gtf_vision_layer (c, v, &w->layers[i - 1], x, NULL);
      if (gtf_feature_wanted (f, i))
        {
          GtfTensor *y = config->normalises ? gtf_layer_norm (c, w->norm, x, (float) v->encoder.eps) : x;

          if (config->reshapes)
            y = gtf_reshape (c, take_tokens (c, y, n * down * across, token_in_window, &windows), 4, (gint64[]){ n, down, across, d });
          gtf_feature (c, f, i, y);
        }
    }
}

static const char *const rf_detr_dinov2_types[] = { "rf_detr_dinov2", NULL };
static const char *const dinov2_types[] = { "dinov2", NULL }, *const dinov2_with_registers_types[] = { "dinov2_with_registers", NULL };

#define ARCHITECTURE(name, forward_, features_)                                                                                    \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (GtfVisionWeights),            \
    .derive = derive, .model_types = name##_types, .config = name##_config, .weights = weights, .heads = name##_heads,             \
    .ignored = "*.mask_token|classifier.*", .forward = forward_, .features = features_, .n_stages = GTF_DIM (Config, n_stages)     \
  }

ARCHITECTURE (dinov2, forward, features);
ARCHITECTURE (dinov2_with_registers, forward, features);
ARCHITECTURE (rf_detr_dinov2, NULL, rf_detr_dinov2_features);

GTF_TEXT_PLUGINS (dinov2, "dinov2", "DINOv2: pictures as patches, features without supervision", &dinov2, &dinov2_with_registers, &rf_detr_dinov2)
