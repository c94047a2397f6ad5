/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * PVT: Wang et al., "Pyramid Vision Transformer: A Versatile Backbone for Dense Prediction without Convolutions" (2021); PVT v2: Wang et al.,
 * "PVT v2: Improved Baselines with Pyramid Vision Transformer" (2021).
 *
 * Stages of transformers over ever fewer patches. In PVT each stage has positions and the last one [CLS]; in PVT v2 patches overlap and
 * depthwise convolutions tell where they are. docs/models/pvt.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define STAGES GTF_PYRAMID_STAGES

typedef struct
{
  GtfPyramidConfig pyramid;
  const char *image_sizes;
  gint64 n_positions[STAGES];           /* PVT */
} Config;

typedef struct
{
  GtfPyramidStageWeights stages[STAGES];
  const GtfTensor *positions[STAGES], *cls[STAGES];     /* PVT; [CLS] in the last stage */
  const GtfNorm *norm;
  const GtfLinear *classifier;
} Weights;

static const GtfConfigField pvt_config[] = {
  GTF_PYRAMID_CONFIG_FIELDS (1e-6),
  GTF_CONFIG_COUNT_FIELD (Config, pyramid.n_labels, "id2label|num_labels", 0, 1 << 20, 1000),
  GTF_CONFIG_BOOL_FIELD (Config, pyramid.pools, "", FALSE),
  GTF_CONFIG_LIST_FIELD (Config, image_sizes, "image_size"),
  GTF_CONFIG_FIELDS_END
};
static const GtfConfigField pvt_v2_config[] = { GTF_PYRAMID_CONFIG_FIELDS (1e-6), GTF_CONFIG_FIELDS_END };

static void
set_defaults (GtfPyramidConfig *config, const char *sizes, const char *patches)
{
  GTF_PYRAMID_DEFAULT (config, depths, "2|2|2|2");
  GTF_PYRAMID_DEFAULT (config, reductions, "8|4|2|1");
  GTF_PYRAMID_DEFAULT (config, sizes, sizes);
  GTF_PYRAMID_DEFAULT (config, patches, patches);
  GTF_PYRAMID_DEFAULT (config, strides, "4|2|2|2");
  GTF_PYRAMID_DEFAULT (config, heads, "1|2|5|8");
  GTF_PYRAMID_DEFAULT (config, ratios, "8|8|4|4");
}

/* The first stage sees the picture, stage i one of 1 / 2^(i + 1). The reference calls the kernel stride and the stride patch_size. */
static gboolean
pvt_derive (gpointer data, GError **error)
{
  Config *config = data;
  gint64 height, width;

  set_defaults (&config->pyramid, "64|128|320|512", "4|2|2|2");
  if (!gtf_pyramid_config_derive (data, error) || !gtf_vision_read_sides (config->image_sizes, "image_size", 224, &height, &width, error))
    return FALSE;
  for (gint64 i = 0; i < config->pyramid.n_stages; i++)
    {
      GtfPyramidStage *s = &config->pyramid.stages[i];
      const gint64 patch = s->patch, shift = i > 0 ? i + 1 : 0;

      config->n_positions[i] = ((height >> shift) / patch) * ((width >> shift) / patch) + (i == config->pyramid.n_stages - 1 ? 1 : 0);
      s->patch = s->stride;
      s->stride = patch;
    }
  return TRUE;
}

static gboolean
pvt_v2_derive (gpointer data, GError **error)
{
  set_defaults (data, "32|64|160|256", "7|3|3|3");
  return gtf_pyramid_config_derive (data, error);
}

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

#define BLOCK(i)                                                                                                                   \
  static const GtfWeight pvt_block_##i[] = {                                                                                       \
    GTF_PYRAMID_BLOCK (i, "attention.self", "attention.self.sequence_reduction", "attention.self.layer_norm", "attention.output.dense"), { GTF_WEIGHT_END } \
  };                                                                                                                               \
  static const GtfWeight pvt_v2_block_##i[] = {                                                                                    \
    GTF_PYRAMID_BLOCK (i, "attention", "attention.spatial_reduction", "attention.layer_norm", "attention.proj"), GTF_PYRAMID_DEPTHWISE (i), { GTF_WEIGHT_END } \
  };

BLOCK (0) BLOCK (1) BLOCK (2) BLOCK (3) BLOCK (4) BLOCK (5) BLOCK (6) BLOCK (7)

#define PVT_STAGE(i)                                                                                                               \
  GTF_PYRAMID_PATCHES (i, "encoder.patch_embeddings." #i ".projection", "encoder.patch_embeddings." #i ".layer_norm"),             \
  { GTF_WEIGHT_TENSOR, "encoder.patch_embeddings." #i ".position_embeddings", G_STRUCT_OFFSET (Weights, positions[i]), 0,          \
    { GTF_DIM_CONST (1), GTF_DIM (Config, n_positions[i]), GTF_PYRAMID_DIM (i, size) } },                                          \
  { GTF_WEIGHT_TENSOR, "encoder.patch_embeddings." #i ".cls_token", G_STRUCT_OFFSET (Weights, cls[i]), GTF_WEIGHT_OPTIONAL,        \
    { GTF_DIM_CONST (1), GTF_DIM_CONST (1), GTF_PYRAMID_DIM (i, size) } },                                                         \
  GTF_PYRAMID_BLOCKS (i, "encoder.block." #i ".%d", pvt_block_##i)
#define PVT_V2_STAGE(i)                                                                                                            \
  GTF_PYRAMID_PATCHES (i, "encoder.layers." #i ".patch_embedding.proj", "encoder.layers." #i ".patch_embedding.layer_norm"),       \
  GTF_PYRAMID_BLOCKS (i, "encoder.layers." #i ".blocks.%d", pvt_v2_block_##i),                                                     \
  { GTF_WEIGHT_NORM, "encoder.layers." #i ".layer_norm", GTF_PYRAMID_FIELD (i, norm), 0, { GTF_PYRAMID_DIM (i, size) } }

static const GtfWeight pvt_weights[] = {
  PVT_STAGE (0), PVT_STAGE (1), PVT_STAGE (2), PVT_STAGE (3), PVT_STAGE (4), PVT_STAGE (5), PVT_STAGE (6), PVT_STAGE (7),
  { GTF_WEIGHT_NORM, "encoder.layer_norm", G_STRUCT_OFFSET (Weights, norm), 0, { GTF_DIM (Config, pyramid.last_size) } },
  { GTF_WEIGHT_END }
};
static const GtfWeight pvt_v2_weights[] = {
  PVT_V2_STAGE (0), PVT_V2_STAGE (1), PVT_V2_STAGE (2), PVT_V2_STAGE (3), PVT_V2_STAGE (4), PVT_V2_STAGE (5), PVT_V2_STAGE (6), PVT_V2_STAGE (7), { GTF_WEIGHT_END }
};
static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, pyramid.n_labels), GTF_DIM (Config, pyramid.last_size) } },
  { GTF_WEIGHT_END }
};

#define HEADS(prefix)                                                                                                              \
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, prefix },                                               \
  { "Model", gtf_vision_base_tasks, NULL, prefix }

static const GtfHead pvt_heads[] = { HEADS ("pvt"), { NULL } };
static const GtfHead pvt_v2_heads[] = { HEADS ("pvt_v2"), { "Backbone", gtf_vision_base_tasks, NULL, "pvt_v2" }, { NULL } };

/* ---- forward ------------------------------------------------------------------------------------------------------------ */

/* Patches with their positions, behind [CLS] in the last stage: [B][T][C]. */
static GtfTensor *
with_positions (GtfContext *c, const Config *config, const Weights *w, gint64 stage, const GtfTensor *patches)
{
  const gint64 size = config->pyramid.stages[stage].size;
  GtfTensor *x = gtf_reshape (c, patches, 3, (gint64[]){ gtf_dim (patches, 0), -1, size });

  if (w->cls[stage] != NULL)
    x = gtf_prepend (c, gtf_reshape (c, w->cls[stage], 2, (gint64[]){ 1, size }), x);
  return gtf_add (c, x, gtf_reshape (c, w->positions[stage], 2, (gint64[]){ config->n_positions[stage], size }));
}

static GtfTensor *
pvt_stage (GtfContext *c, const Config *config, const Weights *w, gint64 stage, const GtfTensor *x)
{
  const GtfPyramidConfig *pyramid = &config->pyramid;
  const GtfPyramidStageWeights *s = &w->stages[stage];
  GtfTensor *patches = gtf_conv2d (c, s->patches, x, &(GtfWindow){ .stride = pyramid->stages[stage].stride }, GTF_ACTIVATION_NONE, NULL), *y;
  const gint64 height = gtf_dim (patches, 1), width = gtf_dim (patches, 2);

  y = with_positions (c, config, w, stage, gtf_layer_norm (c, s->patch_norm, patches, (float) pyramid->eps));
  y = gtf_pyramid_blocks (c, pyramid, s, stage, y, height, width);
  return w->cls[stage] != NULL ? y : gtf_reshape (c, y, 4, (gint64[]){ gtf_dim (y, 0), height, width, gtf_dim (y, -1) });
}

static void
pvt_forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = gtf_pixels_last (c, gtf_vision_pixels (c, config->pyramid.n_channels));

  for (gint64 i = 0; i < config->pyramid.n_stages && !gtf_failed (c); i++)
    x = pvt_stage (c, config, w, i, x);
  x = gtf_layer_norm (c, w->norm, x, (float) config->pyramid.eps);
  gtf_output (c, "last_hidden_state", x);
  if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, gtf_vision_token (c, x, 0)));
}

/* All stages, which a backbone puts one by one. */
static GtfTensor *
pvt_v2_encode (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  const GtfPyramidConfig *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = gtf_pixels_last (c, pixels);

  for (gint64 i = 0; i < config->n_stages && !gtf_failed (c); i++)
    {
      x = gtf_pyramid_stage (c, config, &w->stages[i], i, x);
      if (f->features != NULL)
        gtf_feature (c, f, i, x);
    }
  return x;
}

static void
pvt_v2_features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  pvt_v2_encode (c, f, pixels);
}

static void
pvt_v2_forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = pvt_v2_encode (c, f, gtf_vision_pixels (c, config->pyramid.n_channels));

  gtf_output (c, "last_hidden_state", gtf_pixels_first (c, x));
  if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, gtf_mean_pixels (c, x)));
}

static const char *const pvt_types[] = { "pvt", NULL }, *const pvt_v2_types[] = { "pvt_v2", NULL };

#define ARCHITECTURE(name, ...)                                                                                                      \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = name##_derive, \
    .model_types = name##_types, .config = name##_config, .weights = name##_weights, .heads = name##_heads,                        \
    .ignored = "classifier.*", .forward = name##_forward, __VA_ARGS__                                                              \
  }

ARCHITECTURE (pvt, .features = NULL);
ARCHITECTURE (pvt_v2, .features = pvt_v2_features, .n_stages = GTF_DIM (Config, pyramid.n_stages),
              .stage_names = "stage1|stage2|stage3|stage4|stage5|stage6|stage7|stage8");

GTF_TEXT_PLUGINS (pvt, "pvt", "PVT: transformers over a pyramid of patches", &pvt, &pvt_v2)
