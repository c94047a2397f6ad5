/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RegNets of timm as classifiers and backbones: Radosavovic et al., "Designing Network Design Spaces" (2020). Depths, widths and groups are those of the tensors.
 * docs/models/timm.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

#define N_STAGES 4

typedef struct
{
  gint64 n_channels, n_labels, output_stride, n_maps;
  const char *name, *pool;
  gboolean has_pooler, is_bare;                 /* bare: within DETR and its like, which put another normalisation in the place of one that activates */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "model_args.in_chans|num_channels|in_chans", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_STRING_FIELD (Config, name, "architecture|backbone", "regnety_032"),
  GTF_CONFIG_INT_FIELD (Config, output_stride, "model_args.output_stride|output_stride", 2, 32, 32),
  GTF_CONFIG_STRING_FIELD (Config, pool, "model_args.global_pool", "avg"),
  GTF_CONFIG_INT_FIELD (Config, n_maps, "", 0, 0, 1 + N_STAGES),
  GTF_CONFIG_BOOL_FIELD (Config, has_pooler, "do_pooling", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, is_bare, "bare_batch_norm", FALSE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  const Config *config = data;

  if (!strstr (config->name, "_sgn") && strcmp (config->pool, "avg") == 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "architecture: expected the name of a RegNet of timm that takes means (\"global_pool\": \"avg\"), such as \"regnety_032.ra_in1k\","
               " found \"%.60s\", \"%.20s\"", config->name, config->pool);
  return FALSE;
}

typedef struct
{
  const GtfConv2d *convs[3], *shortcut;         /* each with its normalisation; the last may be NULL */
  const GtfLinear *squeeze, *excite;            /* may be NULL */
} Block;

typedef struct
{
  const GtfConv2d *stem;
  const Block *stages[N_STAGES];                /* a zeroed block behind the last */
  const GtfLinear *classifier;
} Weights;

#define CONV(Struct, field, name, flags)                                                                                           \
  { GTF_WEIGHT_CONV2D, name ".conv", G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags), GTF_CONV_STORED, .norm = name ".bn" }
#define SQUEEZE(field, name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Block, field), GTF_WEIGHT_OPTIONAL, GTF_LINEAR_STORED }

static const GtfWeight block[] = {
  CONV (Block, convs[0], "conv1", 0),
  CONV (Block, convs[1], "conv2", GTF_WEIGHT_GROUPED),
  CONV (Block, convs[2], "conv3", 0),
  CONV (Block, shortcut, "downsample", GTF_WEIGHT_OPTIONAL),
  SQUEEZE (squeeze, "se.fc1"),
  SQUEEZE (excite, "se.fc2"),
  { GTF_WEIGHT_END }
};

#define STAGE(i, name)                                                                                                             \
  { GTF_WEIGHT_GROUP, name ".b%n", .offset = G_STRUCT_OFFSET (Weights, stages[i]), .group = block, .group_size = sizeof (Block), .count = GTF_DIM_STORED }

static const GtfWeight weights[] = {
  CONV (Weights, stem, "stem", 0),
  STAGE (0, "s1"), STAGE (1, "s2"), STAGE (2, "s3"), STAGE (3, "s4"),
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "head.fc", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "timm_model" },
  { "Backbone", gtf_vision_base_tasks, NULL, "_backbone" },
  { "Model", gtf_vision_base_tasks, NULL, "timm_model" },
  { NULL }
};

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, gint64 stride, gint64 dilation)
{
  const GtfActivation last = GTF_ACTIVATION_RELU, act = config->is_bare ? GTF_ACTIVATION_NONE : last;
  GtfTensor *y = gtf_conv2d (c, w->convs[0], x, NULL, act, NULL);

  y = gtf_conv2d (c, w->convs[1], y, &(GtfWindow){ .stride = stride, .padding = dilation, .dilation = dilation }, act, NULL);
  if (w->squeeze != NULL && w->excite != NULL)
    y = gtf_squeeze_excite (c, w->squeeze, w->excite, y, last);
  if (w->shortcut != NULL)
    x = gtf_conv2d (c, w->shortcut, x, &(GtfWindow){ .stride = stride }, GTF_ACTIVATION_NONE, NULL);
  return gtf_conv2d (c, w->convs[2], y, NULL, last, x);
}

/* The stem and all stages; @f: a backbone's, which puts each. A stage that may not make the picture smaller looks further apart instead, from its second block on. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  const GtfActivation act = config->is_bare ? GTF_ACTIVATION_NONE : GTF_ACTIVATION_RELU;
  GtfTensor *x = gtf_conv2d (c, w->stem, gtf_pixels_last (c, pixels), &(GtfWindow){ .stride = 2, .padding = 1 }, act, NULL);
  gint64 reduction = 2, dilation = 1;

  if (f != NULL)
    gtf_feature (c, f, 0, x);
  for (gint64 i = 0; i < N_STAGES && w->stages[i]->convs[0] != NULL && !gtf_failed (c); i++)
    {
      gint64 stride = 2, first;
      gsize mark = gtf_push (c);

      if (reduction >= config->output_stride)
        {
          dilation *= stride;
          stride = 1;
        }
      reduction *= stride;
      first = dilation <= 2 ? 1 : 2;
      for (const Block *b = w->stages[i]; b->convs[0] != NULL && !gtf_failed (c); b++)
        {
          x = gtf_pop_keep (c, mark, block_forward (c, config, b, x, stride, first));
          stride = 1;
          first = dilation;
        }
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
  GtfTensor *x = encode (c, config, w, gtf_vision_pixels (c, config->n_channels), NULL);

  gtf_stages_outputs (c, x, config->has_pooler || w->classifier != NULL ? gtf_mean_pixels (c, x) : NULL, FALSE, w->classifier);
}

static const char *const types[] = { "timm_regnetx", "timm_regnety", NULL };

static const GtfArchitecture timm_regnet = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*num_batches_tracked|head.*|*.head.*", .forward = forward,
  .features = features, .n_stages = GTF_DIM (Config, n_maps), .stage_names = "stem|s1|s2|s3|s4"
};

GTF_TEXT_PLUGIN (timm_regnet, "timm_regnet", "RegNets of timm as classifiers and backbones", timm_regnet)
