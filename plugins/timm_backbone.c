/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ResNets of timm as backbones: He et al., "Deep Residual Learning for Image Recognition" (2015), with the stems and shortcuts of He et al.,
 * "Bag of Tricks for Image Classification" (2018), the groups of ResNeXt (2016), squeeze and excitation (2017), ECA (Wang et al. 2020), means against aliasing (Zhang 2019),
 * and ResNet-RS (Bello et al. 2021).
 *
 * The config has only a name, "resnet50d.ra2_in1k": what it stands for is read from its parts. docs/models/timm_backbone.md lists them.
 */
#include <gtf/gtf.h>

#include <math.h>
#include <string.h>

#define N_STAGES 4

typedef struct
{
  gint64 n_channels, n_labels, output_stride, n_stages, depth[N_STAGES];
  const char *name, *indices;
  gboolean is_wrapper, has_pooler;
  gboolean has_deep_stem, averages;      /* the stem is three convolutions; shortcuts take means of what they make smaller */
  gboolean is_smooth;                    /* all else takes means of 2 x 2 pixels, too ("aa") */
} Config;

typedef struct
{
  const GtfConv2d *convs[3], *shortcut;         /* each with its normalisation */
  const GtfLinear *squeeze, *excite;            /* may be NULL */
  const GtfConv1d *neighbours;                  /* ECA, instead of them */
} Block;

typedef struct
{
  const GtfConv2d *stem, *deep[3], *pool;       /* pool: RS, instead of the largest of 3 x 3 pixels */
  const Block *stages[N_STAGES];
  const GtfLinear *classifier;
} Weights;

/* As a classifier (model_type "timm_wrapper"): what timm.create_model () is called with. */
static const GtfConfigField wrapper_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "model_args.in_chans", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_STRING_FIELD (Config, name, "architecture", "resnet50"),
  GTF_CONFIG_INT_FIELD (Config, output_stride, "model_args.output_stride", 8, 32, 32),
  GTF_CONFIG_INT_FIELD (Config, n_stages, "", 0, 0, 1 + N_STAGES),
  GTF_CONFIG_BOOL_FIELD (Config, has_pooler, "do_pooling", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, is_wrapper, "", TRUE),
  GTF_CONFIG_FIELDS_END
};

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels|in_chans", 1, 1 << 12, 3),
  GTF_CONFIG_STRING_FIELD (Config, name, "backbone", NULL),
  GTF_CONFIG_LIST_FIELD (Config, indices, "out_indices"),
  GTF_CONFIG_INT_FIELD (Config, output_stride, "output_stride", 8, 32, 32),
  GTF_CONFIG_INT_FIELD (Config, n_stages, "", 0, 0, 1 + N_STAGES),
  GTF_CONFIG_FIELDS_END
};

/* What the number in a name stands for; whether a block has two or three convolutions is told by the tensors. */
static const struct
{
  const char *number;
  gint64 depth[N_STAGES];
} depths[] = {
  { "10", { 1, 1, 1, 1 } }, { "14", { 1, 1, 1, 1 } }, { "18", { 2, 2, 2, 2 } }, { "26", { 2, 2, 2, 2 } }, { "34", { 3, 4, 6, 3 } },
  { "50", { 3, 4, 6, 3 } }, { "101", { 3, 4, 23, 3 } }, { "152", { 3, 8, 36, 3 } }, { "200", { 3, 24, 36, 3 } }, { "269", { 3, 30, 48, 8 } },
  { "270", { 4, 29, 53, 4 } }, { "350", { 4, 36, 72, 4 } }, { "420", { 4, 44, 87, 4 } }
};

/* Reads one of the words at the cursor; its number, or -1. */
static gint
take (const char **at, const char *const *words)
{
  for (gint i = 0; words[i]; i++)
    if (g_str_has_prefix (*at, words[i]))
      {
        *at += strlen (words[i]);
        return i;
      }
  return -1;
}

/* "resnet50", "seresnext101_32x4d", "wide_resnet50_2", "resnet26t": family, number, letter, groups. Widths are those of the tensors. */
static gboolean
read_name (Config *config, const char *at)
{
  static const char *const families[] = { "resnetrs", "resnetaa", "seresnextaa", "resnet", "resnext", "seresnet", "seresnext", "ecaresnet", "ecaresnext", "wide_resnet", "tv_resnet", NULL };
  const char *first = at, *digits;

  if (g_str_has_prefix (at, "test_resnet"))     /* tiny */
    {
      memcpy (config->depth, depths[0].depth, sizeof config->depth);
      config->averages = config->has_deep_stem = TRUE;
      at += strlen ("test_resnet");
      return *at == '\0' || *at == '.';
    }
  if (take (&at, families) < 0)
    return FALSE;
  digits = at;
  at += strspn (at, "0123456789");
  for (gsize i = 0; i < G_N_ELEMENTS (depths); i++)
    if (strlen (depths[i].number) == (gsize) (at - digits) && strncmp (digits, depths[i].number, (gsize) (at - digits)) == 0)
      memcpy (config->depth, depths[i].depth, sizeof config->depth);
  if (config->depth[0] == 0)
    return FALSE;
  config->averages = *at == 'd' || *at == 't';
  config->has_deep_stem = config->averages || *at == 'c' || *at == 's';
  at += config->has_deep_stem;
  if (g_str_has_prefix (first, "resnetrs"))
    config->averages = config->has_deep_stem = TRUE;
  config->is_smooth = strstr (first, "netaa") || strstr (first, "nextaa");
  if (*at == '_' && (strstr (first, "resnext") || g_str_has_prefix (first, "wide_")))
    at += 1 + strspn (at + 1, "0123456789xd");
  return *at == '\0' || *at == '.';             /* behind the point: how it was trained */
}

/* timm leaves out the stages behind the last one that is asked for. */
static void
drop_stages (Config *config)
{
  gint64 last = config->indices ? 0 : N_STAGES, stage;

  for (gint64 i = 0; i < gtf_config_list_size (config->indices); i++)
    if (gtf_config_list_int (config->indices, i, -1 - N_STAGES, N_STAGES, &stage))
      last = MAX (last, stage < 0 ? stage + 1 + N_STAGES : stage);
  for (gint64 i = last; i < N_STAGES; i++)
    config->depth[i] = 0;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->output_stride != 8 && config->output_stride != 16 && config->output_stride != 32)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "output_stride: expected 8, 16 or 32, found %" G_GINT64_FORMAT, config->output_stride);
      return FALSE;
    }
  if (config->name && read_name (config, config->name))
    {
      drop_stages (config);
      return TRUE;
    }
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: expected the name of a ResNet of timm, such as \"resnet50\", \"resnet18d.ra2_in1k\" or \"resnext50_32x4d\","
               " found \"%.60s\"", config->is_wrapper ? "architecture" : "backbone", config->name ? config->name : "");
  return FALSE;
}

#define CONV(Struct, field, name, norm_name, flags)                                                                                \
  { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags),                                        \
    { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = norm_name }
#define SQUEEZE(field, name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Block, field), GTF_WEIGHT_OPTIONAL, { GTF_DIM_STORED, GTF_DIM_STORED } }

static const GtfWeight block[] = {
  CONV (Block, convs[0], "conv1", "bn1", 0),
  CONV (Block, convs[1], "conv2", "bn2", GTF_WEIGHT_GROUPED),
  CONV (Block, convs[2], "conv3", "bn3", GTF_WEIGHT_OPTIONAL),
  CONV (Block, shortcut, "downsample.0|downsample.1", "downsample.2|downsample.1", GTF_WEIGHT_OPTIONAL),
  SQUEEZE (squeeze, "se.fc1"),
  SQUEEZE (excite, "se.fc2"),
  { GTF_WEIGHT_CONV1D, "se.conv", G_STRUCT_OFFSET (Block, neighbours), GTF_WEIGHT_OPTIONAL | GTF_WEIGHT_NO_BIAS, { GTF_DIM_CONST (1), GTF_DIM_CONST (1), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

#define STAGE(n, name)                                                                                                             \
  { GTF_WEIGHT_GROUP, name ".%d", .offset = G_STRUCT_OFFSET (Weights, stages[n]), .group = block, .group_size = sizeof (Block),    \
    .count = GTF_DIM (Config, depth[n]) }

static const GtfWeight weights[] = {
  CONV (Weights, stem, "conv1", "bn1", GTF_WEIGHT_OPTIONAL),
  CONV (Weights, deep[0], "conv1.0", "conv1.1", GTF_WEIGHT_OPTIONAL),
  CONV (Weights, deep[1], "conv1.3", "conv1.4", GTF_WEIGHT_OPTIONAL),
  CONV (Weights, deep[2], "conv1.6", "bn1", GTF_WEIGHT_OPTIONAL),
  CONV (Weights, pool, "maxpool.0", "maxpool.1", GTF_WEIGHT_OPTIONAL),
  STAGE (0, "layer1"), STAGE (1, "layer2"), STAGE (2, "layer3"), STAGE (3, "layer4"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "Backbone", gtf_vision_base_tasks, NULL, "_backbone" },
  { "Model", gtf_vision_base_tasks, NULL, "_backbone" },
  { NULL }
};

/* How a stage makes the picture smaller: by its stride, or, where the picture must not become smaller, by looking further apart. */
typedef struct
{
  gint64 stride, dilation, before;      /* the dilation of its convolutions, and of those of the stage before */
} Step;

static GtfTensor *
stem (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x)
{
  const GtfActivation act = GTF_ACTIVATION_RELU;

  if (!config->has_deep_stem)
    return gtf_conv2d (c, w->stem, x, &(GtfWindow){ .stride = 2, .padding = 3 }, act, NULL);
  x = gtf_conv2d_inner (c, w->deep[0], x, &(GtfWindow){ .stride = 2, .padding = 1 }, act);
  x = gtf_conv2d_inner (c, w->deep[1], x, &(GtfWindow){ .padding = 1 }, act);
  return gtf_conv2d (c, w->deep[2], x, &(GtfWindow){ .padding = 1 }, act, NULL);
}

static GtfTensor *
shortcut (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, const Step *s)
{
  if (w->shortcut == NULL)
    return x;
  if (!config->averages)
    return gtf_conv2d (c, w->shortcut, x, &(GtfWindow){ .stride = s->stride }, GTF_ACTIVATION_NONE, NULL);
  if (s->dilation > 1)
    x = gtf_avg_pool2d (c, x, &(GtfWindow){ .kernel = 2, .stride = 1, .same = TRUE });
  else if (s->stride > 1)
    x = gtf_avg_pool2d (c, x, &(GtfWindow){ .kernel = 2, .stride = s->stride, .ceil = TRUE, .inside = TRUE });
  return gtf_conv2d (c, w->shortcut, x, NULL, GTF_ACTIVATION_NONE, NULL);
}

/* How many channels ECA looks at on either side, which follows from how many there are. */
static gint64
reach (gint64 n_channels)
{
  const gint64 size = (gint64) ((log2 ((double) MAX (n_channels, 1)) + 1) / 2);

  return MAX (size % 2 ? size : size + 1, 3) / 2;
}

/* Squeeze and excitation: a factor for each channel from the mean of the picture; ECA: from its mean and those of the channels beside it. */
static GtfTensor *
excite (GtfContext *c, const Block *w, GtfTensor *x)
{
  GtfTensor *squeezed, *means;
  const gint64 b = gtf_dim (x, 0), n = gtf_dim (x, 3);

  if (w->neighbours != NULL)
    {
      means = gtf_reshape (c, gtf_mean_pixels (c, x), 3, (gint64[]){ b, n, 1 });
      means = gtf_conv1d (c, w->neighbours, means, 1, reach (n), GTF_ACTIVATION_SIGMOID);
      return gtf_scale_channels (c, x, gtf_reshape (c, means, 2, (gint64[]){ b, n }));
    }
  squeezed = gtf_linear_act (c, w->squeeze, gtf_mean_pixels (c, x), GTF_ACTIVATION_RELU);

  return gtf_scale_channels (c, x, gtf_linear_act (c, w->excite, squeezed, GTF_ACTIVATION_SIGMOID));
}

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, const Step *s)
{
  const GtfActivation act = GTF_ACTIVATION_RELU;
  const gboolean is_smooth = config->is_smooth && s->stride == 2;
  const GtfWindow first = { .stride = is_smooth ? 1 : s->stride, .padding = s->before, .dilation = s->before }, second = { .padding = s->dilation, .dilation = s->dilation };
  const gboolean is_bottleneck = w->convs[2] != NULL;
  const GtfConv2d *last = w->convs[is_bottleneck ? 2 : 1];
  const GtfWindow *window = is_bottleneck ? NULL : &second;
  GtfTensor *y = shortcut (c, config, w, x, s);

  if (is_bottleneck)
    x = gtf_conv2d_inner (c, w->convs[1], gtf_conv2d_inner (c, w->convs[0], x, NULL, act), &first, act);
  else
    x = gtf_conv2d_inner (c, w->convs[0], x, &first, act);
  if (is_smooth)
    x = gtf_avg_pool2d (c, x, &(GtfWindow){ .kernel = 2, .stride = 2 });
  if (w->neighbours == NULL && (w->squeeze == NULL || w->excite == NULL))
    return gtf_conv2d (c, last, x, window, act, y);
  return gtf_activate (c, gtf_add (c, excite (c, w, gtf_conv2d (c, last, x, window, GTF_ACTIVATION_NONE, NULL)), y), act);
}

static GtfTensor *
first_pool (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x)
{
  if (w->pool != NULL)
    return gtf_conv2d (c, w->pool, x, &(GtfWindow){ .stride = 2, .padding = 1 }, GTF_ACTIVATION_RELU, NULL);
  if (config->is_smooth)
    return gtf_avg_pool2d (c, x, &(GtfWindow){ .kernel = 2, .stride = 2 });
  return gtf_max_pool2d (c, x, &(GtfWindow){ 3, 2, 1 });
}

/* The stem and all stages; @f: a backbone's, which puts each. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  GtfTensor *x = stem (c, config, w, gtf_pixels_last (c, pixels));
  gint64 reduction = 4, dilation = 1, before = 1;

  if (f != NULL)
    gtf_feature (c, f, 0, x);
  x = first_pool (c, config, w, x);
  for (gint64 i = 0; i < N_STAGES && config->depth[i] > 0; i++)
    {
      gint64 stride = i == 0 ? 1 : 2;
      gsize mark = gtf_push (c);

      if (reduction >= config->output_stride)
        {
          dilation *= stride;
          stride = 1;
        }
      reduction *= stride;
      for (gint64 j = 0; j < config->depth[i]; j++)
        {
          x = gtf_pop_keep (c, mark, block_forward (c, config, &w->stages[i][j], x, &(Step){ j == 0 ? stride : 1, dilation, before }));
          before = dilation;
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

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "fc", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfHead wrapper_heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "timm_model" },
  { "Model", gtf_vision_base_tasks, NULL, "timm_model" },
  { NULL }
};

static const char *const types[] = { "timm_backbone", NULL };

static const GtfArchitecture timm_backbone = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked|fc.*",
  .features = features, .n_stages = GTF_DIM (Config, n_stages), .stage_names = "act1|layer1|layer2|layer3|layer4"
};

static const char *const wrapper_types[] = { "timm_wrapper", NULL };

static const GtfArchitecture timm_wrapper = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = wrapper_types,
  .config = wrapper_fields, .weights = weights, .heads = wrapper_heads, .ignored = "*.num_batches_tracked|*fc.*", .forward = forward
};

GTF_TEXT_PLUGINS (timm_backbone, "timm_backbone", "ResNets of timm as backbones and classifiers", &timm_backbone, &timm_wrapper)
