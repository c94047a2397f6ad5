/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ConvNeXts of timm as classifiers and backbones: Liu et al., "A ConvNet for the 2020s" (2022); Woo et al., "ConvNeXt V2: Co-designing and Scaling ConvNets with
 * Masked Autoencoders" (2023).
 *
 * How many blocks there are, how wide they are, and what a block has, is told by the tensors; the config has only a name, "convnext_tiny.in12k". docs/models/timm.md
 * tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

#define N_STAGES 4

typedef struct
{
  gint64 n_channels, n_labels, output_stride, n_stages;
  const char *name, *pool;
  double eps;
  gboolean has_pooler;
  GtfActivation activation;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "model_args.in_chans|num_channels|in_chans", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_STRING_FIELD (Config, name, "architecture|backbone", "convnext_tiny"),
  GTF_CONFIG_INT_FIELD (Config, output_stride, "model_args.output_stride|output_stride", 8, 32, 32),
  GTF_CONFIG_STRING_FIELD (Config, pool, "model_args.global_pool", "avg"),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "model_args.norm_eps", 0, 1, -1),
  GTF_CONFIG_INT_FIELD (Config, n_stages, "", 0, 0, N_STAGES),
  GTF_CONFIG_BOOL_FIELD (Config, has_pooler, "do_pooling", TRUE),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "model_args.act_layer", NULL),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  gboolean is_test = g_str_has_prefix (config->name, "test_");

  if (config->output_stride != 8 && config->output_stride != 16 && config->output_stride != 32)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "output_stride: expected 8, 16 or 32, found %" G_GINT64_FORMAT, config->output_stride);
      return FALSE;
    }
  if (strstr (config->name, "_rms") || strcmp (config->pool, "avg") != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "architecture: expected a ConvNeXt of timm with layer normalisation that takes means (\"global_pool\": \"avg\"), found \"%.60s\","
                   " \"%.20s\"", config->name, config->pool);
      return FALSE;
    }
  if (config->eps < 0)
    config->eps = is_test || strstr (config->name, "_xxlarge") ? 1e-5 : 1e-6;
  if (config->activation == GTF_ACTIVATION_NONE)
    config->activation = g_str_has_prefix (config->name, "test_convnext3") ? GTF_ACTIVATION_SILU : is_test ? GTF_ACTIVATION_GELU_TANH : GTF_ACTIVATION_GELU;
  return TRUE;
}

typedef struct
{
  const GtfConv2d *conv, *shortcut;
  const GtfNorm *norm, *scale;                  /* the latter may be NULL */
  const GtfLinear *up, *down;
  const GtfTensor *response_weight, *response_bias;     /* may be NULL */
} Block;

typedef struct
{
  const GtfNorm *norm;
  const GtfConv2d *smaller;                     /* with the norm before it; NULL in the first stage */
  const Block *blocks;                          /* a zeroed one behind the last */
} Stage;

typedef struct
{
  const GtfConv2d *stem[2];                     /* the second: of stems that overlap */
  const GtfNorm *stem_norm, *last_norm, *head_norm;     /* one of the last two is there */
  const Stage *stages;
  const GtfLinear *hidden, *classifier;         /* may be NULL */
} Weights;

#define ANY GTF_DIM_STORED
#define OPTIONAL GTF_WEIGHT_OPTIONAL
#define OF(Struct, type, field, name, flags, ...) { type, name, G_STRUCT_OFFSET (Struct, field), flags, { __VA_ARGS__ } }

static const GtfWeight block[] = {
  OF (Block, GTF_WEIGHT_CONV2D, conv, "conv_dw", GTF_WEIGHT_GROUPED | GTF_WEIGHT_BIAS_OPTIONAL, ANY, ANY, ANY, ANY),
  OF (Block, GTF_WEIGHT_NORM, norm, "norm", 0, ANY),
  OF (Block, GTF_WEIGHT_LINEAR, up, "mlp.fc1", 0, ANY, ANY),
  OF (Block, GTF_WEIGHT_TENSOR, response_weight, "mlp.grn.weight", OPTIONAL, ANY),
  OF (Block, GTF_WEIGHT_TENSOR, response_bias, "mlp.grn.bias", OPTIONAL, ANY),
  OF (Block, GTF_WEIGHT_LINEAR, down, "mlp.fc2", 0, ANY, ANY),
  OF (Block, GTF_WEIGHT_NORM, scale, "gamma", GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS | OPTIONAL, ANY),
  { GTF_WEIGHT_END }
};

static const GtfWeight stage[] = {
  OF (Stage, GTF_WEIGHT_NORM, norm, "downsample.0", OPTIONAL, ANY),
  OF (Stage, GTF_WEIGHT_CONV2D, smaller, "downsample.1", OPTIONAL | GTF_WEIGHT_BIAS_OPTIONAL, ANY, ANY, ANY, ANY),
  { GTF_WEIGHT_GROUP, "blocks.%d", .offset = G_STRUCT_OFFSET (Stage, blocks), .group = block, .group_size = sizeof (Block), .count = ANY },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  OF (Weights, GTF_WEIGHT_CONV2D, stem[0], "stem.0|stem_0", GTF_WEIGHT_BIAS_OPTIONAL, ANY, GTF_DIM (Config, n_channels), ANY, ANY),
  OF (Weights, GTF_WEIGHT_CONV2D, stem[1], "stem.1|stem_1", OPTIONAL | GTF_WEIGHT_BIAS_OPTIONAL, ANY, ANY, ANY, ANY),
  OF (Weights, GTF_WEIGHT_NORM, stem_norm, "stem.1|stem_1|stem.2|stem_2", OPTIONAL, ANY),
  { GTF_WEIGHT_GROUP, "stages.%d|stages_%d", .offset = G_STRUCT_OFFSET (Weights, stages), .group = stage, .group_size = sizeof (Stage), .count = ANY },
  OF (Weights, GTF_WEIGHT_NORM, last_norm, "norm_pre", OPTIONAL, ANY),
  OF (Weights, GTF_WEIGHT_NORM, head_norm, "head.norm", OPTIONAL, ANY),
  OF (Weights, GTF_WEIGHT_LINEAR, hidden, "head.pre_logits.fc", OPTIONAL, ANY, ANY),
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  OF (Weights, GTF_WEIGHT_LINEAR, classifier, "head.fc", 0, GTF_DIM (Config, n_labels), ANY),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "timm_model" },
  { "Backbone", gtf_vision_base_tasks, NULL, "_backbone" },
  { "Model", gtf_vision_base_tasks, NULL, "timm_model" },
  { NULL }
};

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, gint64 dilation)
{
  const gint64 size = gtf_conv2d_size (w->conv, 0);
  GtfTensor *y = gtf_conv2d (c, w->conv, x, &(GtfWindow){ .padding = dilation * (size - 1) / 2, .dilation = dilation }, GTF_ACTIVATION_NONE, NULL);

  y = gtf_linear_act (c, w->up, gtf_layer_norm (c, w->norm, y, (float) config->eps), config->activation);
  if (w->response_weight != NULL)
    y = gtf_response_norm (c, w->response_weight, w->response_bias, y, 1e-6f);
  if (w->scale == NULL)
    return gtf_linear_add (c, w->down, y, x);
  return gtf_add (c, x, gtf_affine (c, w->scale, gtf_linear (c, w->down, y)));
}

static GtfTensor *
stem (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x)
{
  if (w->stem[1] == NULL)
    x = gtf_conv2d (c, w->stem[0], x, &(GtfWindow){ .stride = gtf_conv2d_size (w->stem[0], 0) }, GTF_ACTIVATION_NONE, NULL);
  else
    for (guint i = 0; i < 2; i++)
      x = gtf_conv2d (c, w->stem[i], x, &(GtfWindow){ .stride = 2, .padding = 1 }, GTF_ACTIVATION_NONE, NULL);
  return gtf_layer_norm (c, w->stem_norm, x, (float) config->eps);
}

/* The stem and all stages; @f: a backbone's, which puts each. A stage that may not make the picture smaller looks further apart instead. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  GtfTensor *x = stem (c, config, w, gtf_pixels_last (c, pixels));
  gint64 reduction = w->stem[1] != NULL ? 4 : gtf_conv2d_size (w->stem[0], 0), dilation = 1;

  for (gint64 i = 0; !gtf_failed (c) && i < N_STAGES && w->stages[i].blocks != NULL; i++)
    {
      const Stage *s = &w->stages[i];
      gint64 stride = i > 0 || reduction == 2 ? 2 : 1, first;
      gsize mark = gtf_push (c);

      if (reduction >= config->output_stride && stride > 1)
        {
          dilation *= stride;
          stride = 1;
        }
      reduction *= stride;
      first = dilation <= 2 ? 1 : 2;
      if (s->smaller != NULL)
        x = gtf_conv2d (c, s->smaller, gtf_layer_norm (c, s->norm, x, (float) config->eps), &(GtfWindow){ .stride = stride, .dilation = first, .same = dilation > 1 },
                        GTF_ACTIVATION_NONE, NULL);
      for (const Block *b = s->blocks; b->conv != NULL && !gtf_failed (c); b++)
        x = gtf_pop_keep (c, mark, block_forward (c, config, b, x, dilation));
      if (f != NULL)
        gtf_feature (c, f, i, x);
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
  GtfTensor *x = encode (c, config, w, gtf_vision_pixels (c, config->n_channels), NULL), *pooled;

  if (w->last_norm != NULL)
    x = gtf_layer_norm (c, w->last_norm, x, (float) config->eps);
  pooled = gtf_mean_pixels (c, x);
  if (w->head_norm != NULL)
    pooled = gtf_layer_norm (c, w->head_norm, pooled, (float) config->eps);
  if (w->hidden != NULL)
    pooled = gtf_linear_act (c, w->hidden, pooled, GTF_ACTIVATION_GELU);
  gtf_stages_outputs (c, x, config->has_pooler || w->classifier != NULL ? pooled : NULL, FALSE, w->classifier);
}

static const char *const types[] = { "timm_convnext", "timm_convnextv2", "timm_test_convnext", "timm_test_convnext2", "timm_test_convnext3", NULL };

static const GtfArchitecture timm_convnext = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "head.*|*.head.*", .forward = forward,
  .features = features, .n_stages = GTF_DIM (Config, n_stages), .stage_names = "stages.0|stages.1|stages.2|stages.3"
};

GTF_TEXT_PLUGIN (timm_convnext, "timm_convnext", "ConvNeXts of timm as classifiers and backbones", timm_convnext)
