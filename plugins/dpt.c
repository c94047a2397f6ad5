/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DPT: Ranftl et al., "Vision Transformers for Dense Prediction" (2021).
 *
 * Layers of a ViT of its own, of a backbone, or of a ViT over the feature maps of a backbone (hybrid), become pictures that are added up; heads
 * make depth or classes of the sum. docs/models/dpt.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>

#define STAGES GTF_DENSE_STAGES

typedef struct
{
  GtfVisionConfig vision;
  GtfDenseConfig neck;
  gboolean is_hybrid, projects, is_pictures;
  gint64 hidden_size, backbone_size, backbone_patch, feature_size, projection_size, pooler_in;   /* those of the weights: 0 where there are none */
  const char *indices, *ignored_stages, *backbone_type, *feature_shape;
  const GtfInnerModel *backbone, *hybrid;
} Config;

/* The backbone of a hybrid; another has none unless the file says so. */
#define BACKBONE                                                                                                                   \
  "{\"when\": \"is_hybrid\", \"model_type\": \"bit\", \"global_padding\": \"same\", \"layer_type\": \"bottleneck\", \"depths\": [3, 4, 9]," \
  " \"out_features\": [\"stage1\", \"stage2\", \"stage3\"], \"embedding_dynamic_padding\": true}"

static const GtfConfigField config_fields[] = {
  GTF_VISION_CONFIG_FIELDS,
  GTF_CONFIG_BOOL_FIELD (Config, vision.interpolates, "", TRUE),
  GTF_DENSE_CONFIG_FIELDS (Config, neck, 256),
  GTF_CONFIG_BOOL_FIELD (Config, is_hybrid, "is_hybrid", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, projects, "add_projection", FALSE),
  GTF_CONFIG_LIST_FIELD (Config, indices, "backbone_out_indices"),
  GTF_CONFIG_LIST_FIELD (Config, ignored_stages, "neck_ignore_stages"),
  GTF_CONFIG_LIST_FIELD (Config, feature_shape, "backbone_featmap_shape"),
  GTF_CONFIG_INT_FIELD (Config, backbone_size, "backbone_config.hidden_size", 1, 1 << 16, 768),
  GTF_CONFIG_INT_FIELD (Config, backbone_patch, "backbone_config.patch_size", 1, 1 << 12, 16),
  GTF_CONFIG_STRING_FIELD (Config, backbone_type, "backbone_config.model_type", ""),
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config", BACKBONE),
  GTF_CONFIG_FIELDS_END
};

/* A backbone instead of the ViT: none of its weights are there. */
static void
remove_vision (Config *config)
{
  config->vision.encoder.n_layers = 0;
  config->hidden_size = 0;
  config->feature_size = 0;
  config->neck.token_size = config->backbone_size;
  config->is_pictures = g_strcmp0 (config->backbone_type, "swinv2") == 0;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->vision.image_sizes == NULL)
    config->vision.image_sizes = "384";
  if (!gtf_vision_config_derive (data, error))
    return FALSE;
  config->hidden_size = config->neck.token_size = config->vision.encoder.hidden_size;
  config->indices = config->indices ? config->indices : "2|5|8|11";
  config->neck.sizes = config->neck.sizes ? config->neck.sizes : "96|192|384|768";
  if (config->is_hybrid)
    {
      config->hybrid = config->backbone;
      config->backbone = NULL;
      config->neck.first_assembled = 2;
      if (!gtf_config_list_int (config->feature_shape ? config->feature_shape : "1|1024|24|24", 1, 1, 1 << 16, &config->feature_size))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "backbone_featmap_shape: expected four numbers, found %.60s", config->feature_shape);
          return FALSE;
        }
    }
  else if (config->backbone != NULL)
    remove_vision (config);
  if (config->is_pictures)
    config->neck.first_assembled = STAGES;
  config->projection_size = config->projects ? 256 : 0;
  return gtf_dense_config_derive (&config->neck, error);
}

typedef struct
{
  GtfDenseWeights neck;
  GtfVisionWeights vision;
  const GtfInnerModel *backbone, *hybrid;
  const GtfLinear *features;                    /* hybrid: 1 x 1 */
  const GtfConv2d *projection, *head[3];        /* depth */
  const GtfConv2d *classes[2];                  /* segmentation */
} Weights;

#define HIDDEN GTF_DIM (Config, hidden_size)
#define VISION(field) G_STRUCT_OFFSET (Weights, vision.field)
#define TENSOR(field, name, n) { GTF_WEIGHT_TENSOR, name, VISION (embeddings.field), 0, { GTF_DIM_CONST (1), n, HIDDEN } }

static const GtfWeight fusion_layer[] = { GTF_DENSE_FUSION_LAYER (Config, neck), { GTF_WEIGHT_END } };

#define BASE                                                                                                                       \
  TENSOR (cls, "embeddings.cls_token", GTF_DIM_CONST (1)),                                                                         \
  TENSOR (positions, "embeddings.position_embeddings", GTF_VISION_DIM (n_positions)),                                              \
  { GTF_WEIGHT_LINEAR, "embeddings.patch_embeddings.projection.weight", VISION (embeddings.patches), GTF_WEIGHT_BARE | GTF_WEIGHT_PARENT_BIAS | GTF_WEIGHT_OPTIONAL, \
    { HIDDEN, GTF_VISION_DIM (patch_features) } },                                                                                 \
  { GTF_WEIGHT_MODEL, "embeddings.backbone", G_STRUCT_OFFSET (Weights, hybrid), .count = GTF_DIM (Config, hybrid) },               \
  { GTF_WEIGHT_LINEAR, "embeddings.projection", G_STRUCT_OFFSET (Weights, features), 0, { HIDDEN, GTF_DIM (Config, feature_size) } }, \
  { GTF_WEIGHT_GROUP, "encoder.layer.%d", .offset = VISION (layers), .group = gtf_vit_layer, .group_size = sizeof (GtfVisionLayer), \
    .count = GTF_VISION_DIM (encoder.n_layers) }

static const GtfWeight weights[] = { BASE, { GTF_WEIGHT_MODEL, "backbone", G_STRUCT_OFFSET (Weights, backbone), .count = GTF_DIM (Config, backbone) }, { GTF_WEIGHT_END } };

static const GtfWeight base[] = {
  { GTF_WEIGHT_NORM, "layernorm", VISION (norm), 0, { HIDDEN } },
  { GTF_WEIGHT_LINEAR, "pooler.dense", VISION (pooler), GTF_WEIGHT_OPTIONAL, { GTF_VISION_DIM (pooler_size), HIDDEN } },
  { GTF_WEIGHT_END }
};

#define CONV(field, name, out, in, size, ...)                                                                                      \
  { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Weights, field), GTF_WEIGHT_BIAS_OPTIONAL, { out, in, GTF_DIM_CONST (size), GTF_DIM_CONST (size) }, __VA_ARGS__ }
#define FUSED GTF_DIM (Config, neck.fusion_size)
#define HALF GTF_DIM (Config, neck.half_size)

static const GtfWeight depth[] = {
  GTF_DENSE_NECK (Config, neck, fusion_layer),
  CONV (projection, "head.projection", GTF_DIM (Config, projection_size), GTF_DIM_CONST (256), 3, .norm = NULL),
  CONV (head[0], "head.head.0", HALF, FUSED, 3, .norm = NULL),
  CONV (head[1], "head.head.2", GTF_DIM_CONST (32), HALF, 3, .norm = NULL),
  CONV (head[2], "head.head.4", GTF_DIM_CONST (1), GTF_DIM_CONST (32), 1, .norm = NULL),
  { GTF_WEIGHT_END }
};

static const GtfWeight segmentation[] = {
  GTF_DENSE_NECK (Config, neck, fusion_layer),
  CONV (classes[0], "head.head.0", FUSED, FUSED, 3, .norm = "head.head.1"),
  CONV (classes[1], "head.head.4", GTF_VISION_DIM (encoder.n_labels), FUSED, 1, .norm = NULL),
  { GTF_WEIGHT_END }
};


static const GtfHead heads[] = {
  { "ForDepthEstimation", gtf_depth_tasks, depth, "dpt" },
  { "ForSemanticSegmentation", gtf_segmentation_tasks, segmentation, "dpt" },
  { "Model", gtf_vision_base_tasks, base, "dpt" },
  { NULL }
};

/* ---- encoder ---------------------------------------------------------------------------------------------------------------- */

/* What the neck is given. */
typedef struct
{
  GtfTensor *states[STAGES];
  gint64 n, height, width;
} States;

static void
keep (States *s, GtfTensor *x)
{
  if (s->n < STAGES)
    s->states[s->n] = x;
  s->n++;
}

/* Positions in the size of this picture, bilinearly, always: [1 + T][D]. */
static GtfTensor *
positions_for (GtfContext *c, const Config *config, const Weights *w, gint64 down, gint64 across)
{
  const gint64 n = config->vision.n_positions, d = config->hidden_size;
  GtfTensor *table = gtf_reshape (c, w->vision.embeddings.positions, 2, (gint64[]){ n, d }), *parts[2];

  parts[0] = gtf_steps (c, table, 0, 1);
  parts[1] = gtf_vision_resize_square (c, gtf_steps (c, table, 1, n - 1), down, across, GTF_RESIZE_BILINEAR);
  parts[1] = gtf_reshape (c, parts[1], 2, (gint64[]){ down * across, d });
  return gtf_concat (c, parts, 2);
}

/* Tokens of patches, or of the pixels of the last of three feature maps; the other two are kept. */
static GtfTensor *
patches (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, States *s)
{
  const GtfVisionConfig *v = &config->vision;
  GtfTensor *maps[STAGES] = { NULL }, *x;

  if (w->hybrid == NULL)
    return gtf_linear (c, w->vision.embeddings.patches, gtf_patches (c, pixels, v->patch_height, v->patch_width));
  if (gtf_dim (pixels, 2) != v->image_height || gtf_dim (pixels, 3) != v->image_width)
    gtf_fail (c, "the picture is %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT ", but the model takes pictures of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " (height x width)",
              gtf_dim (pixels, 2), gtf_dim (pixels, 3), v->image_height, v->image_width);
  if (gtf_backbone_n_maps (w->hybrid) != 3)
    gtf_fail (c, "the backbone gives %" G_GINT64_FORMAT " feature maps, expected 3", gtf_backbone_n_maps (w->hybrid));
  if (gtf_failed (c) || !gtf_backbone_maps (c, w->hybrid, pixels, maps, 3))
    return NULL;
  keep (s, maps[0]);
  keep (s, maps[1]);
  x = gtf_linear (c, w->features, maps[2]);
  return gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, config->hidden_size });
}

static gboolean
is_kept (const Config *config, gint64 layer)
{
  gint64 index;

  for (gint64 i = config->is_hybrid ? 2 : 0; i < gtf_config_list_size (config->indices); i++)
    if (gtf_config_list_int (config->indices, i, 0, 1 << 20, &index) && index == layer)
      return TRUE;
  return FALSE;
}

/* The ViT of its own: [B][1 + T][D] behind the last layer. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, States *s)
{
  const GtfVisionConfig *v = &config->vision;
  const gint64 down = gtf_dim (pixels, 2) / v->patch_height, across = gtf_dim (pixels, 3) / v->patch_width;
  GtfTensor *x = patches (c, config, w, pixels, s);

  x = gtf_prepend (c, gtf_reshape (c, w->vision.embeddings.cls, 2, (gint64[]){ 1, config->hidden_size }), x);
  x = gtf_add (c, x, positions_for (c, config, w, down, across));
  for (gint64 i = 0; i < v->encoder.n_layers && !gtf_failed (c); i++)
    {
      x = gtf_vision_layer (c, v, &w->vision.layers[i], x, NULL);
      if (is_kept (config, i))
        keep (s, x);
    }
  return x;
}

/* All states that the neck is given. Without a backbone the reference takes the patches for a square. */
static gboolean
run_states (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, States *s)
{
  s->height = gtf_dim (pixels, 2) / config->backbone_patch;
  s->width = gtf_dim (pixels, 3) / config->backbone_patch;
  s->n = gtf_backbone_n_maps (w->backbone);
  if (w->backbone != NULL)
    return s->n <= STAGES && gtf_backbone_maps (c, w->backbone, pixels, s->states, s->n);
  s->height = s->width = (gint64) sqrt ((double) (gtf_dim (encode (c, config, w, pixels, s), 1) - 1));
  return !gtf_failed (c);
}

/* ---- heads -------------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
twice (GtfContext *c, const GtfTensor *x)
{
  return gtf_dense_resize (c, x, 2 * gtf_dim (x, 1), 2 * gtf_dim (x, 2));
}

static GtfTensor *
estimate_depth (GtfContext *c, const Weights *w, GtfTensor *x)
{
  if (w->projection != NULL)
    x = gtf_dense_conv (c, w->projection, x, GTF_ACTIVATION_RELU);
  x = twice (c, gtf_dense_conv (c, w->head[0], x, GTF_ACTIVATION_NONE));
  x = gtf_conv2d (c, w->head[2], gtf_dense_conv (c, w->head[1], x, GTF_ACTIVATION_RELU), NULL, GTF_ACTIVATION_RELU, NULL);
  return gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 1), gtf_dim (x, 2) });
}

static void
forward_neck (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels)
{
  States s = { .n = 0 };
  GtfTensor *sums[STAGES], *x;

  if (!run_states (c, config, w, pixels, &s) || !gtf_dense_neck (c, &config->neck, &w->neck, s.states, s.n, s.height, s.width, sums))
    return;
  x = sums[config->neck.head_index];
  if (w->head[0] != NULL)
    gtf_output (c, "predicted_depth", estimate_depth (c, w, x));
  else
    gtf_output (c, "logits", gtf_pixels_first (c, twice (c, gtf_conv2d (c, w->classes[1], gtf_dense_conv (c, w->classes[0], x, GTF_ACTIVATION_RELU), NULL, GTF_ACTIVATION_NONE, NULL))));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, config->vision.n_channels);
  States s = { .n = 0 };
  GtfTensor *x;

  if (pixels == NULL)
    return;
  if (w->head[0] != NULL || w->classes[0] != NULL)
    {
      forward_neck (c, config, w, pixels);
      return;
    }
  x = gtf_layer_norm (c, w->vision.norm, encode (c, config, w, pixels, &s), (float) config->vision.encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  if (w->vision.pooler != NULL)
    gtf_output (c, "pooler_output", gtf_linear_act (c, w->vision.pooler, gtf_vision_token (c, x, 0), config->vision.pooler_activation));
}

static const char *const model_types[] = { "dpt", NULL };

static const GtfArchitecture dpt = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "neck.fusion_stage.layers.0.residual_layer1.*|*.num_batches_tracked|auxiliary_head.*|*pooler.*|layernorm.*|dpt.layernorm.*|neck.*|head.*", .forward = forward
};

GTF_TEXT_PLUGINS (dpt, "dpt", "DPT: depth and classes of pixels from the layers of a vision transformer", &dpt)
