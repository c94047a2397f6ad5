/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FocalNet: Yang et al., "Focal Modulation Networks" (2022).
 *
 * A transformer's blocks without attention: what surrounds a pixel is gathered by ever larger depthwise convolutions, weighed by gates of the
 * pixel's own, and multiplied with it. docs/models/focalnet.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  gint64 n_channels, n_labels, n_features, depth[GTF_MAX_STAGES], levels[GTF_MAX_STAGES], patch[GTF_MAX_STAGES];
  const char *depths, *level_list, *patches;
  double eps;
  GtfActivation activation;
  gboolean overlaps, norm_last, averages;       /* patches overlap; normalisation behind the two parts of a block; contexts are averaged */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_LIST_FIELD (Config, level_list, "focal_levels"),
  GTF_CONFIG_LIST_FIELD (Config, patches, "patch_size"),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "gelu"),
  GTF_CONFIG_BOOL_FIELD (Config, overlaps, "use_conv_embed", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, norm_last, "use_post_layernorm", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, averages, "normalize_modulator", FALSE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const char *patches = config->patches ? config->patches : "4";
  const gint64 n = gtf_stages_read ("depths", config->depths, "2|2|6|2", -1, 1, 1024, config->depth, error);
  gint64 n_sides;

  config->n_features = n + 1;
  if (n < 0 || gtf_stages_read ("focal_levels", config->level_list, "2|2|2|2", n, 1, 64, config->levels, error) < 0)
    return FALSE;
  n_sides = gtf_stages_read ("patch_size", patches, NULL, gtf_config_list_size (patches) == 2 ? 2 : 1, 1, 256, config->patch, error);
  if (n_sides == 1)
    config->patch[1] = config->patch[0];
  return n_sides > 0;
}

typedef struct
{
  const GtfConv2d *conv;
} Level;

typedef struct
{
  const GtfNorm *norm, *output_norm, *scale, *output_scale, *context_norm;      /* scales and the last may be NULL */
  const GtfLinear *in, *context, *out, *up, *down;
  const Level *levels;
} Block;

typedef struct
{
  const GtfConv2d *stem, *downs[GTF_MAX_STAGES];        /* downs: none in the last stage */
  const GtfNorm *stem_norm, *down_norms[GTF_MAX_STAGES], *norm;
  const Block *stages[GTF_MAX_STAGES];
  const GtfLinear *classifier;
} Weights;

#define AT(field) G_STRUCT_OFFSET (Weights, field)
#define NORM(field, name, flags) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Block, field), flags, { GTF_DIM_STORED } }
#define SCALE(field, name) NORM (field, name, GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_OPTIONAL)
#define LINEAR(field, name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Block, field), 0, GTF_LINEAR_STORED }

static const GtfWeight level[] = {
  { GTF_WEIGHT_CONV2D, "0", G_STRUCT_OFFSET (Level, conv), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_GROUPED, GTF_CONV_STORED },
  { GTF_WEIGHT_END }
};

#define BLOCK(i)                                                                                                                   \
  static const GtfWeight block_##i[] = {                                                                                           \
    NORM (norm, "norm1", 0), NORM (output_norm, "norm2", 0), SCALE (scale, "gamma_1"), SCALE (output_scale, "gamma_2"),            \
    NORM (context_norm, "modulation.layernorm", GTF_WEIGHT_OPTIONAL),                                                              \
    LINEAR (in, "modulation.projection_in"), LINEAR (context, "modulation.projection_context"), LINEAR (out, "modulation.projection_out"), \
    LINEAR (up, "mlp.fc1"), LINEAR (down, "mlp.fc2"),                                                                              \
    { GTF_WEIGHT_GROUP, "modulation.focal_layers.%d", .offset = G_STRUCT_OFFSET (Block, levels), .group = level, .group_size = sizeof (Level), \
      .count = GTF_DIM (Config, levels[i]) },                                                                                      \
    { GTF_WEIGHT_END }                                                                                                             \
  };
BLOCK (0) BLOCK (1) BLOCK (2) BLOCK (3) BLOCK (4) BLOCK (5) BLOCK (6) BLOCK (7)

#define STAGE(i)                                                                                                                   \
  { GTF_WEIGHT_GROUP, "encoder.stages." #i ".layers.%d", .offset = AT (stages[i]), .group = block_##i, .group_size = sizeof (Block), \
    .count = GTF_DIM (Config, depth[i]) },                                                                                         \
  { GTF_WEIGHT_CONV2D, "encoder.stages." #i ".downsample.projection", AT (downs[i]), GTF_WEIGHT_OPTIONAL, GTF_CONV_STORED },       \
  { GTF_WEIGHT_NORM, "encoder.stages." #i ".downsample.norm", AT (down_norms[i]), GTF_WEIGHT_OPTIONAL, { GTF_DIM_STORED } }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_CONV2D, "embeddings.patch_embeddings.projection", AT (stem), 0, { GTF_DIM_STORED, GTF_DIM (Config, n_channels), GTF_DIM_STORED, GTF_DIM_STORED } },
  { GTF_WEIGHT_NORM, "embeddings.norm", AT (stem_norm), 0, { GTF_DIM_STORED } },
  STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7),
  { GTF_WEIGHT_NORM, "layernorm", AT (norm), 0, { GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "classifier", AT (classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "focalnet" },
  { "ForMaskedImageModeling", gtf_vision_base_tasks, NULL, "focalnet" },
  { "Backbone", gtf_vision_base_tasks, NULL, "focalnet" },
  { "Model", gtf_vision_base_tasks, NULL, "focalnet" },
  { NULL }
};

/* ---- blocks ------------------------------------------------------------------------------------------------------------------ */

/* What surrounds each pixel, at all distances and in the whole picture, as its gates weigh it. */
static GtfTensor *
gather (GtfContext *c, const Block *w, gint64 n_levels, GtfTensor *context, const GtfTensor *gates)
{
  GtfTensor *all = NULL, *part;

  for (gint64 i = 0; i < n_levels; i++)
    {
      const GtfConv2d *conv = w->levels[i].conv;
      const gint64 around = gtf_conv2d_size (conv, 0) / 2;

      context = gtf_conv2d (c, conv, context, &(GtfWindow){ .padding = around }, GTF_ACTIVATION_GELU, NULL);
      part = gtf_scale_pixels (c, context, gtf_slice (c, gates, i, 1));
      all = all != NULL ? gtf_add (c, all, part) : part;
    }
  part = gtf_activate (c, gtf_mean_pixels (c, context), GTF_ACTIVATION_GELU);
  part = gtf_reshape (c, part, 4, (gint64[]){ gtf_dim (part, 0), 1, 1, gtf_dim (part, 1) });
  return gtf_add (c, all, gtf_scale_pixels (c, part, gtf_slice (c, gates, n_levels, 1)));
}

static GtfTensor *
modulate (GtfContext *c, const Config *config, const Block *w, gint64 n_levels, const GtfTensor *x)
{
  const gint64 d = gtf_dim (x, -1);
  GtfTensor *in = gtf_linear (c, w->in, x);
  GtfTensor *context = gather (c, w, n_levels, gtf_slice (c, in, d, d), gtf_slice (c, in, 2 * d, n_levels + 1)), *y;

  if (config->averages)
    context = gtf_scale (c, context, 1.0f / (float) (n_levels + 1));
  y = gtf_gate (c, gtf_slice (c, in, 0, d), gtf_linear (c, w->context, context), GTF_ACTIVATION_NONE);
  if (w->context_norm != NULL)
    y = gtf_layer_norm (c, w->context_norm, y, (float) config->eps);
  return gtf_linear (c, w->out, y);
}

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, gint64 n_levels, GtfTensor *x)
{
  const float eps = (float) config->eps;
  GtfTensor *h;

  if (config->norm_last)
    {
      x = gtf_layer_scale (c, x, w->scale, gtf_layer_norm (c, w->norm, modulate (c, config, w, n_levels, x), eps));
      h = gtf_feed_forward (c, w->up, config->activation, w->down, x, NULL);
      return gtf_layer_scale (c, x, w->output_scale, gtf_layer_norm (c, w->output_norm, h, eps));
    }
  x = gtf_layer_scale (c, x, w->scale, modulate (c, config, w, n_levels, gtf_layer_norm (c, w->norm, x, eps)));
  return gtf_layer_scale (c, x, w->output_scale, gtf_feed_forward (c, w->up, config->activation, w->down, gtf_layer_norm (c, w->output_norm, x, eps), NULL));
}

/* ---- the whole --------------------------------------------------------------------------------------------------------------- */

/* Patches, zeros below and on the right where they are not whole; overlapping ones are padded as well. */
static GtfTensor *
embed (GtfContext *c, const Config *config, const GtfConv2d *w, const GtfNorm *norm, const GtfTensor *x, gint64 height, gint64 width, gboolean is_stem)
{
  GtfWindow window = { .stride = height, .stride_width = width };

  if (config->overlaps)
    window = (GtfWindow){ .stride = is_stem ? 4 : 2, .padding = is_stem ? 2 : 1 };
  window.more[2] = (height - gtf_dim (x, 1) % height) % height;
  window.more[3] = (width - gtf_dim (x, 2) % width) % width;
  return gtf_layer_norm (c, norm, gtf_conv2d (c, w, x, &window, GTF_ACTIVATION_NONE, NULL), (float) config->eps);
}

/* The stem and all stages; @f: a backbone's, which puts each. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  GtfTensor *x = embed (c, config, w->stem, w->stem_norm, gtf_pixels_last (c, pixels), config->patch[0], config->patch[1], TRUE);

  if (f != NULL)
    gtf_feature (c, f, 0, x);
  for (gint64 i = 0; i + 1 < config->n_features; i++)
    {
      for (gint64 j = 0; j < config->depth[i]; j++)
        {
          gsize mark = gtf_push (c);

          x = gtf_pop_keep (c, mark, block_forward (c, config, &w->stages[i][j], config->levels[i], x));
        }
      if (w->downs[i] != NULL)
        x = embed (c, config, w->downs[i], w->down_norms[i], x, 2, 2, FALSE);
      if (f != NULL)
        gtf_feature (c, f, i + 1, x);
    }
  return x;
}

static void
features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  encode (c, f->config, f->weights, pixels, f);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = gtf_layer_norm (c, w->norm, encode (c, config, w, gtf_vision_pixels (c, config->n_channels), NULL), (float) config->eps);
  GtfTensor *pooled = gtf_mean_pixels (c, x);

  gtf_output (c, "last_hidden_state", gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, gtf_dim (x, -1) }));
  gtf_output (c, "pooler_output", pooled);
  if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, pooled));
}

static const char *const types[] = { "focalnet", NULL };

static const GtfArchitecture focalnet = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "decoder.*|embeddings.mask_token", .forward = forward, .features = features,
  .n_stages = GTF_DIM (Config, n_features)
};

GTF_TEXT_PLUGINS (focalnet, "focalnet", "FocalNet: pixels modulated by what surrounds them", &focalnet)
