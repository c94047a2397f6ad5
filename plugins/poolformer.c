/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * PoolFormer: Yu et al., "MetaFormer Is Actually What You Need for Vision" (2022).
 *
 * A transformer's blocks whose attention is a mean over the pixels around, less the pixel itself. docs/models/poolformer.md tells what is
 * easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  gint64 n_channels, n_labels, n_stages, pool_size, depth[GTF_MAX_STAGES], stride[GTF_MAX_STAGES], padding[GTF_MAX_STAGES];
  const char *depths, *strides, *paddings;
  GtfActivation activation;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, n_stages, "num_encoder_blocks", 1, GTF_MAX_STAGES, 4),
  GTF_CONFIG_INT_FIELD (Config, pool_size, "pool_size", 1, 1024, 3),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_LIST_FIELD (Config, strides, "strides"),
  GTF_CONFIG_LIST_FIELD (Config, paddings, "padding"),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "gelu"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  return gtf_stages_read ("depths", config->depths, "2|2|6|2", config->n_stages, 1, 1024, config->depth, error) > 0
         && gtf_stages_read ("strides", config->strides, "4|2|2|2", config->n_stages, 1, 256, config->stride, error) > 0
         && gtf_stages_read ("padding", config->paddings, "2|1|1|1", config->n_stages, 0, 256, config->padding, error) > 0;
}

typedef struct
{
  const GtfNorm *before, *after, *pool_scale, *output_scale;    /* the scales may be NULL */
  const GtfLinear *up, *down;
} Block;

typedef struct
{
  const GtfConv2d *patches[GTF_MAX_STAGES];
  const Block *stages[GTF_MAX_STAGES];
  const GtfNorm *norm;
  const GtfLinear *classifier;
} Weights;

#define NORM(field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Block, field), 0, { GTF_DIM_STORED } }
#define SCALE(field, name)                                                                                                         \
  { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Block, field), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_OPTIONAL, { GTF_DIM_STORED } }
#define LINEAR(field, name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Block, field), 0, GTF_LINEAR_STORED }

static const GtfWeight block[] = {
  NORM (before, "before_norm"), NORM (after, "after_norm"), SCALE (pool_scale, "layer_scale_1"), SCALE (output_scale, "layer_scale_2"),
  LINEAR (up, "output.conv1"), LINEAR (down, "output.conv2"),
  { GTF_WEIGHT_END }
};

/* Stages that the config does not have are optional, and have no blocks. */
#define STAGE(i)                                                                                                                   \
  { GTF_WEIGHT_CONV2D, "encoder.patch_embeddings." #i ".projection", G_STRUCT_OFFSET (Weights, patches[i]), GTF_WEIGHT_OPTIONAL, GTF_CONV_STORED }, \
  { GTF_WEIGHT_GROUP, "encoder.block." #i ".%d", .offset = G_STRUCT_OFFSET (Weights, stages[i]), .group = block, .group_size = sizeof (Block), \
    .count = GTF_DIM (Config, depth[i]) }

static const GtfWeight weights[] = { STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7), { GTF_WEIGHT_END } };

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_NORM, "norm", G_STRUCT_OFFSET (Weights, norm), 0, { GTF_DIM_STORED } },
  { GTF_WEIGHT_LINEAR, "classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "poolformer" },
  { "Model", gtf_vision_base_tasks, NULL, "poolformer" },
  { NULL }
};

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x)
{
  GtfTensor *h = gtf_group_norm (c, w->before, x, 1, 1e-5f);

  h = gtf_add (c, gtf_avg_pool2d (c, h, &(GtfWindow){ config->pool_size, 1, config->pool_size / 2, .inside = TRUE }), gtf_scale (c, h, -1));
  x = gtf_layer_scale (c, x, w->pool_scale, h);
  return gtf_layer_scale (c, x, w->output_scale, gtf_feed_forward (c, w->up, config->activation, w->down, gtf_group_norm (c, w->after, x, 1, 1e-5f), NULL));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = gtf_pixels_last (c, gtf_vision_pixels (c, config->n_channels));

  for (gint64 i = 0; i < config->n_stages; i++)
    {
      x = gtf_conv2d (c, w->patches[i], x, &(GtfWindow){ .stride = config->stride[i], .padding = config->padding[i] }, GTF_ACTIVATION_NONE, NULL);
      for (gint64 j = 0; j < config->depth[i]; j++)
        {
          gsize mark = gtf_push (c);

          x = gtf_pop_keep (c, mark, block_forward (c, config, &w->stages[i][j], x));
        }
    }
  gtf_output (c, "last_hidden_state", gtf_pixels_first (c, x));
  if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, gtf_mean_pixels (c, gtf_group_norm (c, w->norm, x, 1, 1e-5f))));
}

static const char *const types[] = { "poolformer", NULL };

static const GtfArchitecture poolformer = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .forward = forward
};

GTF_TEXT_PLUGINS (poolformer, "poolformer", "PoolFormer: transformers whose attention is a mean", &poolformer)
