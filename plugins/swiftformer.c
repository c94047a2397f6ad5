/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SwiftFormer: Shaker et al., "SwiftFormer: Efficient Additive Attention for Transformer-based Real-time Mobile Vision Applications" (2023).
 *
 * Stages of convolutions, each with one block of additive attention at its end, in which keys meet the sum of all queries. docs/models/swiftformer.md
 * tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define N_STEPS (2 * GTF_MAX_STAGES - 1)        /* stages, and what makes the picture smaller between them */

typedef struct
{
  gint64 n_channels, n_labels, n_stages, n_steps, kernel[2], stride, padding;
  gint64 size[GTF_MAX_STAGES], half_size;                       /* half: of the first */
  gint64 depth[N_STEPS], width[N_STEPS];        /* of a stage, how many blocks; of what stands between, how many channels it makes; or 0 */
  const char *depths, *sizes, *downsamples, *kernels;
  double eps;
  GtfActivation activation;
  gboolean is_scaled;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_LIST_FIELD (Config, sizes, "embed_dims"),
  GTF_CONFIG_LIST_FIELD (Config, downsamples, "downsamples"),
  GTF_CONFIG_LIST_FIELD (Config, kernels, "down_patch_size"),
  GTF_CONFIG_INT_FIELD (Config, stride, "down_stride", 1, 256, 2),
  GTF_CONFIG_INT_FIELD (Config, padding, "down_pad", 0, 256, 1),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "batch_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "gelu"),
  GTF_CONFIG_BOOL_FIELD (Config, is_scaled, "use_layer_scale", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
are_truths (char **words)
{
  for (; *words != NULL; words++)
    if (!g_str_equal (*words, "true") && !g_str_equal (*words, "false"))
      return FALSE;
  return TRUE;
}

/* Stages, and what stands between two of them: something where `downsamples` says so or the number of channels changes. */
static gboolean
derive_steps (Config *config, const gint64 *depths, GError **error)
{
  const char *list = config->downsamples != NULL ? config->downsamples : "true|true|true|true|true|true|true|true";
  g_auto (GStrv) downsamples = g_strsplit (list, "|", -1);
  const gint64 n = g_strv_length (downsamples);

  if (n < config->n_stages - 1 || !are_truths (downsamples))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "downsamples: expected %" G_GINT64_FORMAT " truth values, found %.60s", config->n_stages, list);
      return FALSE;
    }
  for (gint64 i = 0; i < config->n_stages; i++)
    {
      config->depth[config->n_steps++] = depths[i];
      if (i + 1 < config->n_stages && (g_str_equal (downsamples[i], "true") || config->size[i] != config->size[i + 1]))
        config->width[config->n_steps++] = config->size[i + 1];
    }
  return TRUE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  gint64 depths[GTF_MAX_STAGES];

  config->n_stages = gtf_stages_read ("depths", config->depths, "3|3|6|4", -1, 0, 1024, depths, error);
  if (config->n_stages < 0 || gtf_stages_read ("embed_dims", config->sizes, "48|56|112|220", config->n_stages, 2, 1 << 16, config->size, error) < 0
      || !gtf_vision_read_sides (config->kernels, "down_patch_size", 3, &config->kernel[0], &config->kernel[1], error))
    return FALSE;
  config->half_size = config->size[0] / 2;
  return derive_steps (config, depths, error);
}

/* Convolution over pixels of one channel, then two layers over channels; the last block of a stage goes on with attention and two more. */
typedef struct
{
  const GtfConv2d *around;
  const GtfLinear *up, *down, *query, *key, *projection, *final, *mlp_up, *mlp_down;    /* from query on: NULL before the last block */
  const GtfNorm *scale, *mlp_norm, *attention_scale, *mlp_scale;                        /* the last two may be NULL */
} Block;

typedef struct
{
  const GtfConv2d *smaller;
  const Block *blocks;
} Step;

typedef struct
{
  const GtfConv2d *stem[2];
  Step steps[N_STEPS];
  const GtfNorm *norm;
  const GtfLinear *classifier, *teacher;
} Weights;

#define EPS .eps_field = G_STRUCT_OFFSET (Config, eps)
#define FIRST(name) name "|local_representation." name
#define LAST(name) name "&!point_wise_conv1"    /* of the last block alone */
#define LINEAR(field, name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Block, field), 0, GTF_LINEAR_STORED }
#define SCALE(field, name, flags)                                                                                                  \
  { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Block, field), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS | (flags), { GTF_DIM_STORED } }

static const GtfWeight block[] = {
  { GTF_WEIGHT_CONV2D, FIRST ("depth_wise_conv"), G_STRUCT_OFFSET (Block, around), GTF_WEIGHT_GROUPED,
    { GTF_DIM_STORED, GTF_DIM_CONST (1), GTF_DIM_CONST (3), GTF_DIM_CONST (3) }, .norm = FIRST ("norm"), EPS },
  LINEAR (up, FIRST ("point_wise_conv1")), LINEAR (down, FIRST ("point_wise_conv2")), SCALE (scale, FIRST ("layer_scale"), 0),
  LINEAR (query, LAST ("attn.to_query")), LINEAR (key, LAST ("attn.to_key")), LINEAR (projection, LAST ("attn.proj")), LINEAR (final, LAST ("attn.final")),
  { GTF_WEIGHT_BATCH_NORM, LAST ("linear.norm1"), G_STRUCT_OFFSET (Block, mlp_norm), 0, { GTF_DIM_STORED }, EPS },
  LINEAR (mlp_up, LAST ("linear.fc1")), LINEAR (mlp_down, LAST ("linear.fc2")),
  SCALE (attention_scale, "layer_scale_1", GTF_WEIGHT_OPTIONAL), SCALE (mlp_scale, "layer_scale_2", GTF_WEIGHT_OPTIONAL),
  { GTF_WEIGHT_END }
};

#define STEM(i, conv, norm_name, out, in)                                                                                          \
  { GTF_WEIGHT_CONV2D, "patch_embed.patch_embedding." conv, G_STRUCT_OFFSET (Weights, stem[i]), 0,                                 \
    { GTF_DIM (Config, out), GTF_DIM (Config, in), GTF_DIM_CONST (3), GTF_DIM_CONST (3) }, .norm = "patch_embed.patch_embedding." norm_name, EPS }
#define STEP(i)                                                                                                                    \
  { GTF_WEIGHT_CONV2D, "encoder.network." #i ".proj", G_STRUCT_OFFSET (Weights, steps[i].smaller), 0,                              \
    { GTF_DIM (Config, width[i]), GTF_DIM_STORED, GTF_DIM (Config, kernel[0]), GTF_DIM (Config, kernel[1]) },                      \
    .norm = "encoder.network." #i ".norm", EPS },                                                                                  \
  { GTF_WEIGHT_GROUP, "encoder.network." #i ".blocks.%d", .offset = G_STRUCT_OFFSET (Weights, steps[i].blocks), .group = block,    \
    .group_size = sizeof (Block), .count = GTF_DIM (Config, depth[i]) }

static const GtfWeight weights[] = {
  STEM (0, "0", "1", half_size, n_channels), STEM (1, "3", "4", size[0], half_size),
  STEP (0), STEP (1), STEP (2), STEP (3), STEP (4), STEP (5), STEP (6), STEP (7), STEP (8), STEP (9), STEP (10), STEP (11), STEP (12), STEP (13), STEP (14),
  { GTF_WEIGHT_END }
};

#define CLASSIFIER(field, name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Weights, field), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } }

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_BATCH_NORM, "norm", G_STRUCT_OFFSET (Weights, norm), 0, { GTF_DIM_STORED }, EPS },
  CLASSIFIER (classifier, "head"), CLASSIFIER (teacher, "dist_head"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "swiftformer" },
  { "Model", gtf_vision_base_tasks, NULL, "swiftformer" },
  { NULL }
};

/* Keys of length 1 times the sum of all queries of length 1. The paper weighs queries (`w_g`); in the reference the weights are a softmax over one number. */
static GtfTensor *
attention (GtfContext *c, const Block *w, const GtfTensor *x)
{
  GtfTensor *query = gtf_unit_heads (c, gtf_linear (c, w->query, x), 1, NULL, 0), *key = gtf_unit_heads (c, gtf_linear (c, w->key, x), 1, NULL, 0);
  GtfTensor *sum = gtf_scale (c, gtf_mean_pixels (c, query), (float) (gtf_dim (x, 1) * gtf_dim (x, 2)));

  return gtf_linear (c, w->final, gtf_linear_add (c, w->projection, gtf_scale_channels (c, key, sum), query));
}

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x)
{
  GtfTensor *h = gtf_conv2d (c, w->around, x, &(GtfWindow){ .padding = 1 }, GTF_ACTIVATION_NONE, NULL);

  x = gtf_layer_scale (c, x, w->scale, gtf_feed_forward (c, w->up, GTF_ACTIVATION_GELU, w->down, h, NULL));
  if (w->query == NULL)
    return x;
  x = gtf_layer_scale (c, x, config->is_scaled ? w->attention_scale : NULL, attention (c, w, x));
  h = gtf_feed_forward (c, w->mlp_up, config->activation, w->mlp_down, gtf_affine (c, w->mlp_norm, x), NULL);
  return gtf_layer_scale (c, x, config->is_scaled ? w->mlp_scale : NULL, h);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfWindow half = { .stride = 2, .padding = 1 }, smaller = { .stride = config->stride, .padding = config->padding };
  GtfTensor *x = gtf_conv2d_inner (c, w->stem[0], gtf_pixels_last (c, gtf_vision_pixels (c, config->n_channels)), &half, GTF_ACTIVATION_RELU);

  x = gtf_conv2d (c, w->stem[1], x, &half, GTF_ACTIVATION_RELU, NULL);
  for (gint64 i = 0; i < config->n_steps; i++)
    {
      if (config->width[i] > 0)
        x = gtf_conv2d (c, w->steps[i].smaller, x, &smaller, GTF_ACTIVATION_NONE, NULL);
      for (gint64 j = 0; j < config->depth[i]; j++)
        {
          gsize mark = gtf_push (c);

          x = gtf_pop_keep (c, mark, block_forward (c, config, &w->steps[i].blocks[j], x));
        }
    }
  gtf_output (c, "last_hidden_state", gtf_pixels_first (c, x));
  if (w->classifier != NULL)
    {
      x = gtf_mean_pixels (c, gtf_affine (c, w->norm, x));
      gtf_output (c, "logits", gtf_scale (c, gtf_linear_add (c, w->classifier, x, gtf_linear (c, w->teacher, x)), 0.5f));
    }
}

static const char *const types[] = { "swiftformer", NULL };

static const GtfArchitecture swiftformer = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked|*.attn.w_g|norm.*|head.*|dist_head.*", .forward = forward
};

GTF_TEXT_PLUGINS (swiftformer, "swiftformer", "SwiftFormer: convolutions with additive attention at the end of each stage", &swiftformer)
