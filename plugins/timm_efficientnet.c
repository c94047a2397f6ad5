/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * EfficientNets and MobileNets of timm as classifiers and backbones: Tan, Le, "EfficientNet" (2019) and "EfficientNetV2" (2021); Sandler et al., "MobileNetV2" (2018);
 * Howard et al., "Searching for MobileNetV3" (2019); Tan et al., "MnasNet" (2018); Cui et al., "PP-LCNet" (2021); Dai et al., "FBNetV3" (2020); Qin et al., "MobileNetV4" (2024).
 *
 * All are stages of six kinds of blocks, which the tensors tell apart. Where stages make the picture smaller, and the activations, follows from the family in the name.
 * docs/models/timm.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

/**
 * Family:
 * @begins: how names begin; the first that fits counts
 * @strides: of the first block of each stage
 * @n_relu: stages from the first on whose activation is ReLU instead of @act
 * @squeeze_act, @gate: of squeeze and excitation; GTF_ACTIVATION_NONE: the block's
 * @pw_act: the second half of a separable convolution has an activation too, and there is no shortcut around it
 * @no_skip: the first stage has no shortcut
 * @single_skips: blocks of one convolution have shortcuts
 */
typedef struct
{
  const char *begins, *strides;
  GtfActivation act, squeeze_act, gate;
  gint n_relu;
  gboolean pw_act, no_skip, single_skips;
} Family;

#define SILU GTF_ACTIVATION_SILU
#define RELU GTF_ACTIVATION_RELU
#define RELU6 GTF_ACTIVATION_RELU6
#define HARD GTF_ACTIVATION_HARDSWISH
#define LIKE_BLOCK GTF_ACTIVATION_NONE
#define SIGMOID GTF_ACTIVATION_SIGMOID
#define HARD_SIGMOID GTF_ACTIVATION_HARDSIGMOID

static const Family families[] = {
  { "efficientnet_lite", "1222121", RELU6, LIKE_BLOCK, SIGMOID },
  { "efficientnet_e", "122212", RELU, LIKE_BLOCK, SIGMOID, .no_skip = TRUE },
  { "efficientnet_b", "1222121", SILU, LIKE_BLOCK, SIGMOID },
  { "efficientnet_l2", "1222121", SILU, LIKE_BLOCK, SIGMOID },
  { "efficientnetv2_", "1222121", SILU, LIKE_BLOCK, SIGMOID, .single_skips = TRUE },
  { "test_efficientnet", "12222", SILU, LIKE_BLOCK, SIGMOID, .single_skips = TRUE },
  { "tinynet_", "1222121", SILU, LIKE_BLOCK, SIGMOID },
  { "mobilenetv1_", "12222", RELU6, LIKE_BLOCK, SIGMOID, .pw_act = TRUE },
  { "mobilenetv2_", "1222121", RELU6, LIKE_BLOCK, SIGMOID },
  { "mnasnet_", "1222121", RELU, LIKE_BLOCK, SIGMOID }, { "semnasnet_", "1222121", RELU, LIKE_BLOCK, SIGMOID },
  { "spnasnet_", "1222121", RELU, LIKE_BLOCK, SIGMOID }, { "fbnetc_", "1222121", RELU, LIKE_BLOCK, SIGMOID },
  { "mobilenetv3_rw", "1222121", HARD, LIKE_BLOCK, HARD_SIGMOID, 3, .no_skip = TRUE },
  { "mobilenetv3_large_minimal", "1222121", RELU, RELU, HARD_SIGMOID }, { "mobilenetv3_small_minimal", "222121", RELU, RELU, HARD_SIGMOID },
  { "mobilenetv3_large", "1222121", HARD, RELU, HARD_SIGMOID, 3 }, { "mobilenetv3_small", "222121", HARD, RELU, HARD_SIGMOID, 2 },
  { "hardcorenas_", "1222121", HARD, RELU, HARD_SIGMOID, 3 },
  { "mobilenetv4_hybrid_large", "22221", GTF_ACTIVATION_GELU, LIKE_BLOCK, HARD_SIGMOID }, { "mobilenetv4_", "22221", RELU, LIKE_BLOCK, HARD_SIGMOID },
  { "fbnetv3_", "1222121", HARD, LIKE_BLOCK, HARD_SIGMOID },
  { "lcnet_", "122212", HARD, RELU, HARD_SIGMOID, .pw_act = TRUE },
};

/* How a convolution of MobileNetV4 makes the picture smaller: by its stride, or, blurred against aliasing, by a mean of 2 x 2 pixels or two of them (Zhang 2019). */
typedef enum
{
  BY_STRIDE,
  BY_MEAN,
  BY_MEANS
} Reduction;

typedef struct
{
  gint64 n_channels, n_labels, output_stride, n_maps, family;
  Reduction reduction;
  const char *name, *pool;
  double eps;
  gboolean has_pooler, is_tf, is_bare;           /* bare: within DETR and its like, which put another normalisation in the place of one that activates */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "model_args.in_chans|num_channels|in_chans", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_STRING_FIELD (Config, name, "architecture|backbone", "efficientnet_b0"),
  GTF_CONFIG_INT_FIELD (Config, output_stride, "model_args.output_stride|output_stride", 2, 32, 32),
  GTF_CONFIG_STRING_FIELD (Config, pool, "model_args.global_pool", "avg"),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "model_args.bn_eps", 0, 1, 0),
  GTF_CONFIG_BOOL_FIELD (Config, has_pooler, "do_pooling", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, is_bare, "bare_batch_norm", FALSE),
  GTF_CONFIG_FIELDS_END
};

static gint64
find_family (const char *name)
{
  static const char *const others[] = { "_gn", "_ln", "_evos", "_cc_", "efficientnet_blur", NULL };

  for (gsize i = 0; others[i]; i++)
    if (strstr (name, others[i]))
      return -1;
  for (gsize i = 0; i < G_N_ELEMENTS (families); i++)
    if (g_str_has_prefix (name, families[i].begins))
      return (gint64) i;
  return -1;
}

/* Whether a stage's output is a feature map: the last one, and those before the picture becomes smaller. */
static gboolean
is_map (const char *strides, gsize stage)
{
  return strides[stage + 1] == '\0' || strides[stage + 1] == '2';
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const char *strides;
  gboolean is_ported;

  is_ported = g_str_has_prefix (config->name, "tf_");
  config->is_tf = is_ported || (g_str_has_prefix (config->name, "efficientnet_b") && strstr (config->name, "_pruned"));
  config->reduction = strstr (config->name, "_aa_") ? BY_MEAN : strstr (config->name, "_blur_") ? BY_MEANS : BY_STRIDE;
  config->family = find_family (config->name + (is_ported ? 3 : 0));
  if (config->family < 0 || strcmp (config->pool, "avg") != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "architecture: expected the name of an EfficientNet or MobileNet of timm with batch normalisation, such as"
                   " \"efficientnet_b0.ra_in1k\" or \"mobilenetv3_large_100\", that takes means (\"global_pool\": \"avg\"), found \"%.60s\", \"%.20s\"", config->name, config->pool);
      return FALSE;
    }
  if (config->is_bare)
    config->eps = 1e-5;
  else if (config->eps == 0)
    config->eps = config->is_tf ? 1e-3 : 1e-5;
  strides = families[config->family].strides;
  config->n_maps = *strides == '2';             /* then the stem's is one */
  for (gsize i = 0; strides[i]; i++)
    config->n_maps += is_map (strides, i);
  return TRUE;
}

/* A block: separable (first, project), inverted (expand, first, project), of whole convolutions (expand as large, project), or one convolution (expand alone);
 * MobileNetV4's (start, widen, first, project, end, of which start, first and end may be NULL) and attention (query ...). */
typedef struct
{
  const GtfConv2d *expand, *first, *project, *start, *widen, *end;
  const GtfLinear *squeeze, *excite;            /* may be NULL */
  const GtfNorm *scale, *norm;                  /* the former may be NULL */
  const GtfConv2d *smaller_key, *smaller_value; /* may be NULL */
  const GtfLinear *query, *key, *value, *out;
} Block;

typedef struct
{
  const Block *blocks;                          /* a zeroed one behind the last */
} Stage;

typedef struct
{
  const GtfConv2d *stem, *head;                 /* the latter with a normalisation: of each pixel */
  const GtfLinear *pooled_head, *classifier;    /* without: of what the pixels become together */
  const Stage *stages;
} Weights;

#define ANY GTF_DIM_STORED
#define CONV(Struct, field, name, norm_name, flags)                                                                                \
  { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags), GTF_CONV_STORED, .norm = norm_name,    \
    .eps_field = G_STRUCT_OFFSET (Config, eps) }
#define LINEAR(Struct, field, name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_OPTIONAL | GTF_WEIGHT_BIAS_OPTIONAL, GTF_LINEAR_STORED }

#define BESIDE_QUERY(field, name)                                                                                                  \
  { GTF_WEIGHT_LINEAR, name "&attn.query.proj", G_STRUCT_OFFSET (Block, field), GTF_WEIGHT_BIAS_OPTIONAL, GTF_LINEAR_STORED }

/* The normalisations are numbered as they come: which is whose depends on what else the block has. */
static const GtfWeight block[] = {
  CONV (Block, expand, "conv_pw&conv_pwl", "bn1", GTF_WEIGHT_OPTIONAL),
  CONV (Block, first, "conv_dw&conv_pwl", "bn2", GTF_WEIGHT_GROUPED | GTF_WEIGHT_OPTIONAL),
  CONV (Block, project, "conv_pwl&conv_dw", "bn3", GTF_WEIGHT_OPTIONAL),
  CONV (Block, first, "conv_dw&!conv_pwl", "bn1", GTF_WEIGHT_GROUPED | GTF_WEIGHT_OPTIONAL),
  CONV (Block, project, "conv_pw&!conv_pwl", "bn2", GTF_WEIGHT_OPTIONAL),
  CONV (Block, expand, "conv_exp&conv_exp", "bn1", 0),
  CONV (Block, project, "conv_pwl&conv_exp", "bn2", 0),
  CONV (Block, expand, "conv&conv", "bn1", 0),
  CONV (Block, start, "dw_start.conv", "dw_start.bn", GTF_WEIGHT_GROUPED | GTF_WEIGHT_OPTIONAL),
  CONV (Block, widen, "pw_exp.conv&pw_proj.conv", "pw_exp.bn", 0),
  CONV (Block, first, "dw_mid.conv", "dw_mid.bn", GTF_WEIGHT_GROUPED | GTF_WEIGHT_OPTIONAL),
  CONV (Block, project, "pw_proj.conv&pw_exp.conv", "pw_proj.bn", 0),
  CONV (Block, end, "dw_end.conv", "dw_end.bn", GTF_WEIGHT_GROUPED | GTF_WEIGHT_OPTIONAL),
  { GTF_WEIGHT_BATCH_NORM, "norm&attn.query.proj", G_STRUCT_OFFSET (Block, norm), 0, { ANY }, .eps_field = G_STRUCT_OFFSET (Config, eps) },
  LINEAR (Block, query, "attn.query.proj"),
  CONV (Block, smaller_key, "attn.key.down_conv", "attn.key.norm", GTF_WEIGHT_GROUPED | GTF_WEIGHT_OPTIONAL),
  BESIDE_QUERY (key, "attn.key.proj"),
  CONV (Block, smaller_value, "attn.value.down_conv", "attn.value.norm", GTF_WEIGHT_GROUPED | GTF_WEIGHT_OPTIONAL),
  BESIDE_QUERY (value, "attn.value.proj"),
  BESIDE_QUERY (out, "attn.output.proj"),
  { GTF_WEIGHT_NORM, "layer_scale.gamma", G_STRUCT_OFFSET (Block, scale), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_OPTIONAL, { ANY } },
  LINEAR (Block, squeeze, "se.conv_reduce"),
  LINEAR (Block, excite, "se.conv_expand"),
  { GTF_WEIGHT_END }
};

static const GtfWeight stage[] = {
  { GTF_WEIGHT_GROUP, "%d", .offset = G_STRUCT_OFFSET (Stage, blocks), .group = block, .group_size = sizeof (Block), .count = ANY },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  CONV (Weights, stem, "conv_stem", "bn1", 0),
  { GTF_WEIGHT_GROUP, "blocks.%d", .offset = G_STRUCT_OFFSET (Weights, stages), .group = stage, .group_size = sizeof (Stage), .count = ANY },
  CONV (Weights, head, "conv_head&bn2", "bn2", 0),
  LINEAR (Weights, pooled_head, "conv_head&!bn2|norm_head"),
  { GTF_WEIGHT_LINEAR, "conv_head&norm_head", G_STRUCT_OFFSET (Weights, pooled_head), GTF_WEIGHT_NO_BIAS, GTF_LINEAR_STORED, .norm = "norm_head",
    .eps_field = G_STRUCT_OFFSET (Config, eps) },
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), ANY } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "timm_model" },
  { "Backbone", gtf_vision_base_tasks, NULL, "_backbone" },
  { "Model", gtf_vision_base_tasks, NULL, "timm_model" },
  { NULL }
};

/* How a block sees the picture. */
typedef struct
{
  gint64 stride, dilation;
  GtfActivation act, squeeze_act;               /* the first: behind a normalisation */
  gboolean may_skip;
} Step;

/* A convolution with a kernel of odd sides, and its normalisation. */
static GtfTensor *
convolve (GtfContext *c, const Config *config, const GtfConv2d *w, const GtfTensor *x, gint64 stride, gint64 dilation, GtfActivation act)
{
  const GtfWindow window = { .stride = stride, .dilation = dilation, .same = config->is_tf, .padding = config->is_tf ? 0 : dilation * (gtf_conv2d_size (w, 0) - 1) / 2 };

  return gtf_conv2d (c, w, x, &window, act, NULL);
}

/* The same where it may make the picture smaller by means behind its activation. */
static GtfTensor *
reduce (GtfContext *c, const Config *config, const GtfConv2d *w, const GtfTensor *x, gint64 stride, gint64 dilation, GtfActivation act)
{
  GtfTensor *y = convolve (c, config, w, x, config->reduction == BY_STRIDE ? stride : 1, dilation, act);

  if (config->reduction == BY_STRIDE || stride == 1)
    return y;
  if (config->reduction == BY_MEANS)
    y = gtf_avg_pool2d (c, y, &(GtfWindow){ .kernel = 2, .stride = 1, .padding = 1 });
  return gtf_avg_pool2d (c, y, &(GtfWindow){ .kernel = 2, .stride = 2 });
}

/* MobileNetV4: the picture becomes smaller in the middle, or at the start where there is no middle. */
static GtfTensor *
universal_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, const Step *s)
{
  const GtfActivation none = GTF_ACTIVATION_NONE;
  const gint64 stride = w->first != NULL ? 1 : s->stride;

  if (w->start != NULL)
    x = reduce (c, config, w->start, x, stride, s->dilation, none);
  x = gtf_conv2d (c, w->widen, x, NULL, s->act, NULL);
  if (w->first != NULL)
    x = reduce (c, config, w->first, x, s->stride, s->dilation, s->act);
  x = gtf_conv2d (c, w->project, x, NULL, none, NULL);
  return w->end != NULL ? convolve (c, config, w->end, x, w->start != NULL ? 1 : stride, s->dilation, none) : x;
}

/* Attention of all pixels to fewer, with one key and one value for all heads. */
static GtfTensor *
attend (GtfContext *c, const Config *config, const Block *w, GtfTensor *x)
{
  GtfTensor *fewer[2] = { x, x }, *q, *k, *v;

  if (w->smaller_key != NULL && w->smaller_value != NULL)
    {
      fewer[0] = convolve (c, config, w->smaller_key, x, 2, 1, GTF_ACTIVATION_NONE);
      fewer[1] = convolve (c, config, w->smaller_value, x, 2, 1, GTF_ACTIVATION_NONE);
    }
  q = gtf_linear (c, w->query, gtf_map_tokens (c, x));
  k = gtf_linear (c, w->key, gtf_map_tokens (c, fewer[0]));
  v = gtf_linear (c, w->value, gtf_map_tokens (c, fewer[1]));
  if (gtf_failed (c))
    return NULL;
  q = gtf_attention (c, q, k, v, &(GtfAttention){ .n_heads = MAX (gtf_dim (q, -1) / MAX (gtf_dim (k, -1), 1), 1), .n_kv_heads = 1 });
  return gtf_reshape (c, gtf_linear (c, w->out, q), 4, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 1), gtf_dim (x, 2), -1 });
}

static GtfTensor *
squeeze (GtfContext *c, const Family *family, const Block *w, GtfTensor *x, GtfActivation act)
{
  GtfTensor *h = gtf_linear_act (c, w->squeeze, gtf_mean_pixels (c, x), family->squeeze_act != LIKE_BLOCK ? family->squeeze_act : act);

  return gtf_scale_channels (c, x, gtf_linear_act (c, w->excite, h, family->gate));
}

/* The older four kinds. */
static GtfTensor *
plain_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, const Step *s)
{
  const Family *family = &families[config->family];
  const GtfActivation last = w->project == NULL || (w->expand == NULL && family->pw_act) ? s->act : GTF_ACTIVATION_NONE;

  if (w->expand != NULL)
    x = w->first != NULL ? gtf_conv2d (c, w->expand, x, NULL, s->act, NULL) : reduce (c, config, w->expand, x, s->stride, s->dilation, s->act);
  if (w->first != NULL)
    x = convolve (c, config, w->first, x, s->stride, s->dilation, s->act);
  if (w->squeeze != NULL && w->excite != NULL)
    x = squeeze (c, family, w, x, s->squeeze_act);
  return w->project != NULL ? gtf_conv2d (c, w->project, x, NULL, last, NULL) : x;
}

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, const Step *s)
{
  const Family *family = &families[config->family];
  const gboolean is_separable = w->expand == NULL && w->widen == NULL && w->query == NULL, is_single = w->project == NULL && w->query == NULL;
  GtfTensor *y;

  if (w->query != NULL)
    y = attend (c, config, w, gtf_affine (c, w->norm, x));
  else if (w->widen != NULL)
    y = universal_forward (c, config, w, x, s);
  else
    y = plain_forward (c, config, w, x, s);
  if (w->scale != NULL)
    y = gtf_affine (c, w->scale, y);
  if (gtf_failed (c) || s->stride > 1 || !s->may_skip || (is_separable && family->pw_act) || (is_single && !family->single_skips) || gtf_dim (x, -1) != gtf_dim (y, -1))
    return y;
  return gtf_add (c, y, x);
}

static gboolean
is_block (const Block *w)
{
  return w->expand != NULL || w->first != NULL || w->widen != NULL || w->query != NULL;
}

/* The stem and all stages; @f: a backbone's, which puts those behind which the picture becomes smaller. */
static GtfTensor *
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfForward *f)
{
  const Family *family = &families[config->family];
  const gboolean is_apart = family->gate == HARD_SIGMOID;       /* MobileNetV3's kind: the stem's activation is no part of its normalisation */
  GtfTensor *x = convolve (c, config, w->stem, gtf_pixels_last (c, pixels), 2, 1, config->is_bare && !is_apart ? GTF_ACTIVATION_NONE : family->act);
  gint64 reduction = 2, dilation = 1, map = 0;

  if (f != NULL && *family->strides == '2')
    gtf_feature (c, f, map++, x);
  for (gint64 i = 0; !gtf_failed (c) && family->strides[i] && w->stages[i].blocks != NULL; i++)
    {
      const GtfActivation act = i < family->n_relu ? RELU : family->act;
      Step step = { family->strides[i] - '0', dilation, config->is_bare ? GTF_ACTIVATION_NONE : act, act, i > 0 || !family->no_skip };
      gsize mark = gtf_push (c);

      if (step.stride * reduction > config->output_stride)
        {
          dilation *= step.stride;
          step.stride = 1;
        }
      reduction *= step.stride;
      for (const Block *b = w->stages[i].blocks; is_block (b) && !gtf_failed (c); b++)
        {
          x = gtf_pop_keep (c, mark, block_forward (c, config, b, x, &step));
          step.stride = 1;
          step.dilation = dilation;
        }
      if (f != NULL && is_map (family->strides, (gsize) i))
        gtf_feature (c, f, map++, x);
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
  const GtfActivation act = families[config->family].act;
  const Weights *w = f->weights;
  GtfTensor *x = encode (c, config, w, gtf_vision_pixels (c, config->n_channels), NULL), *pooled;

  if (w->head != NULL)
    x = gtf_conv2d (c, w->head, x, NULL, act, NULL);
  pooled = gtf_mean_pixels (c, x);
  if (w->pooled_head != NULL)
    pooled = gtf_linear_act (c, w->pooled_head, pooled, act);
  gtf_stages_outputs (c, x, config->has_pooler || w->classifier != NULL ? pooled : NULL, FALSE, w->classifier);
}

static const char *const types[] = { "timm_efficientnet", "timm_tf_efficientnet", "timm_efficientnetv2", "timm_tf_efficientnetv2", "timm_test_efficientnet", "timm_tinynet",
                                     "timm_mobilenetv1", "timm_mobilenetv2", "timm_mobilenetv3", "timm_tf_mobilenetv3", "timm_mobilenetv4", "timm_hardcorenas", "timm_mnasnet", "timm_semnasnet", "timm_spnasnet",
                                     "timm_fbnetc", "timm_fbnetv3", "timm_lcnet", NULL };

static const GtfArchitecture timm_efficientnet = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*num_batches_tracked|classifier.*|*.classifier.*", .forward = forward,
  .features = features, .n_stages = GTF_DIM (Config, n_maps)
};

GTF_TEXT_PLUGIN (timm_efficientnet, "timm_efficientnet", "EfficientNets and MobileNets of timm as classifiers and backbones", timm_efficientnet)
