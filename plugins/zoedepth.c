/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ZoeDepth: Bhat et al., "ZoeDepth: Zero-shot Transfer by Combining Relative and Metric Depth" (2023).
 *
 * Layers of a backbone (BEiT) and DPT's neck and head make relative depth; beside it each pixel has bins, depths in metres that the pictures of the neck move
 * from the coarsest to the finest, and the metric depth is their mean. Where there are bins for several domains (indoors, outdoors), a small transformer tells
 * which these pictures are of. docs/models/zoedepth.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define STAGES GTF_DENSE_STAGES
#define PROJECTORS 4            /* the reference has so many, whatever the config says */
#define ROUTER_LAYERS 4
#define DOMAINS 2               /* that the classifier tells apart */

typedef struct
{
  GtfDenseConfig neck;
  GtfTextConfig router;         /* which domain */
  gint64 backbone_size, patch, head_size, bottleneck, embedding, n_domains, n_bins[DOMAINS];
  gint64 n_movers, seed_size, projector_size, mixture_in, mixture_size;         /* computed */
  gint64 projected_size, router_size, n_router_layers;                          /* 0 where there are no such weights */
  double least[DOMAINS], most[DOMAINS], coldest, hottest;
  gboolean projects, is_normed, means, has_domains;
  const char *kind, *centres, *movers, *names, *all_bins, *all_least, *all_most, *backbone_type;
  const GtfInnerModel *backbone;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_DENSE_CONFIG_FIELDS (Config, neck, 256),
  GTF_CONFIG_INT_FIELD (Config, backbone_size, "backbone_config.hidden_size", 1, 1 << 16, 0),
  GTF_CONFIG_INT_FIELD (Config, patch, "backbone_config.patch_size", 1, 1 << 12, 16),
  GTF_CONFIG_STRING_FIELD (Config, backbone_type, "backbone_config.model_type", ""),
  GTF_CONFIG_INT_FIELD (Config, head_size, "num_relative_features", 1, 1 << 14, 32),
  GTF_CONFIG_BOOL_FIELD (Config, projects, "add_projection", FALSE),
  GTF_CONFIG_INT_FIELD (Config, bottleneck, "bottleneck_features", 1, 1 << 14, 256),
  GTF_CONFIG_INT_FIELD (Config, embedding, "bin_embedding_dim", 2, 1 << 14, 128),
  GTF_CONFIG_LIST_FIELD (Config, movers, "num_attractors"),
  GTF_CONFIG_STRING_FIELD (Config, kind, "attractor_kind", "mean"),
  GTF_CONFIG_STRING_FIELD (Config, centres, "bin_centers_type", "softplus"),
  GTF_CONFIG_FLOAT_FIELD (Config, coldest, "min_temp", 1e-6, 1e6, 0.0212),
  GTF_CONFIG_FLOAT_FIELD (Config, hottest, "max_temp", 1e-6, 1e6, 50),
  GTF_CONFIG_COUNT_FIELD (Config, n_domains, "bin_configurations", 0, 4096, 1),
  GTF_CONFIG_LIST_FIELD (Config, names, "bin_configurations.*.name"),
  GTF_CONFIG_LIST_FIELD (Config, all_bins, "bin_configurations.*.n_bins"),
  GTF_CONFIG_LIST_FIELD (Config, all_least, "bin_configurations.*.min_depth"),
  GTF_CONFIG_LIST_FIELD (Config, all_most, "bin_configurations.*.max_depth"),
  GTF_CONFIG_INT_FIELD (Config, n_router_layers, "num_patch_transformer_layers", 0, 256, 0),
  GTF_CONFIG_INT_FIELD (Config, router.hidden_size, "patch_transformer_hidden_size", 1, 1 << 16, 128),
  GTF_CONFIG_INT_FIELD (Config, router.inner_size, "patch_transformer_intermediate_size", 1, 1 << 20, 1024),
  GTF_CONFIG_INT_FIELD (Config, router.n_heads, "patch_transformer_num_attention_heads", 1, 4096, 4),
  GTF_CONFIG_FLOAT_FIELD (Config, router.eps, "", 0, 1, 1e-5),
  GTF_CONFIG_ACTIVATION_FIELD (Config, router.activation, "", "relu"),
  GTF_CONFIG_STRING_FIELD (Config, router.position_type, "", "absolute"),
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config",
                          "{\"model_type\": \"beit\", \"image_size\": 384, \"num_hidden_layers\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096,"
                          " \"num_attention_heads\": 16, \"use_relative_position_bias\": true, \"reshape_hidden_states\": false,"
                          " \"out_features\": [\"stage6\", \"stage12\", \"stage18\", \"stage24\"]}"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
fail (GError **error, const char *key, const char *expected)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected %s", key, expected);
  return FALSE;
}

/* The bins of each domain; more than the classifier can name are never used. */
static gboolean
derive_domains (Config *config, GError **error)
{
  if (config->n_domains == 0 || config->all_bins == NULL)
    {
      config->n_domains = 1;
      config->all_bins = "64";
      config->all_least = "0.001";
      config->all_most = "10";
    }
  config->has_domains = config->n_domains > 1;
  config->n_domains = MIN (config->n_domains, DOMAINS);
  for (gint64 i = 0; i < config->n_domains; i++)
    if (!gtf_config_list_int (config->all_bins, i, 1, 1 << 14, &config->n_bins[i]) || !gtf_config_list_float (config->all_least, i, -1e6, 1e6, &config->least[i])
        || !gtf_config_list_float (config->all_most, i, -1e6, 1e6, &config->most[i]) || !(config->least[i] < config->most[i]))
      return fail (error, "bin_configurations", "objects with \"n_bins\" from 1 to 16384, \"min_depth\", and a \"max_depth\" above it");
  if (!config->has_domains)
    return TRUE;
  if (gtf_config_list_size (config->names) < DOMAINS)
    return fail (error, "bin_configurations", "a \"name\" in each, where there are several");
  if (config->n_router_layers < ROUTER_LAYERS)
    return fail (error, "num_patch_transformer_layers", "4 or more where there are several bin_configurations");
  if (config->router.hidden_size % config->router.n_heads != 0 || config->router.hidden_size % 2 != 0)
    return fail (error, "patch_transformer_hidden_size", "an even multiple of patch_transformer_num_attention_heads");
  return TRUE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->neck.sizes = config->neck.sizes ? config->neck.sizes : "96|192|384|768";
  config->movers = config->movers ? config->movers : "16|8|4|1";
  config->neck.token_size = config->backbone_size ? config->backbone_size : *config->backbone_type ? 768 : 1024;
  if (g_str_equal (config->backbone_type, "swinv2"))
    config->neck.first_assembled = STAGES;              /* these are pictures already */
  config->is_normed = g_str_equal (config->centres, "normed");
  config->means = g_str_equal (config->kind, "mean");
  if (!config->is_normed && !g_str_equal (config->centres, "softplus"))
    return fail (error, "bin_centers_type", "\"normed\" or \"softplus\"");
  if (!config->means && !g_str_equal (config->kind, "sum"))
    return fail (error, "attractor_kind", "\"mean\" or \"sum\"");
  if (!derive_domains (config, error) || !gtf_dense_config_derive (&config->neck, error))
    return FALSE;
  config->n_movers = MIN (MIN (gtf_config_list_size (config->movers), PROJECTORS), config->neck.n_stages);
  if (config->n_movers < (config->has_domains ? 1 : MIN (PROJECTORS, config->neck.n_stages)))
    return fail (error, "num_attractors", "four numbers");
  if (config->bottleneck != config->neck.fusion_size)
    return fail (error, "bottleneck_features", "the same as fusion_hidden_size");
  config->projector_size = config->has_domains ? config->embedding / 2 : 128;
  config->seed_size = config->has_domains ? config->embedding / 2 : 256;
  config->mixture_in = config->head_size + config->embedding + (config->has_domains ? 0 : 1);
  config->mixture_size = config->mixture_in / (config->has_domains ? 4 : 2);
  config->router_size = config->has_domains ? config->router.hidden_size : 0;
  config->n_router_layers = config->has_domains ? ROUTER_LAYERS : 0;
  config->projected_size = config->projects ? 256 : 0;
  return TRUE;
}

/* ---- weights ----------------------------------------------------------------------------------------------------------------- */

/* Two convolutions of 1 x 1. */
typedef struct
{
  const GtfLinear *first, *second;
} Mlp;

typedef struct
{
  Mlp seed, mixture;
  const Mlp *movers;
} Domain;

typedef struct
{
  GtfDenseWeights neck;
  const GtfInnerModel *backbone;
  const GtfConv2d *projection, *head[3];
  const GtfLinear *bottleneck;
  Mlp seed_projector;
  const Mlp *projectors;
  const Domain *domains;
  const GtfLinear *router_patches;
  const GtfEncoderLayer *router;
  Mlp classifier;
} Weights;

#define DIM(field) GTF_DIM (Config, field)
#define LINEAR(Struct, field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), 0, { out, in } }
#define CONV(field, name, out, in, size) { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Weights, field), 0, { out, in, GTF_DIM_CONST (size), GTF_DIM_CONST (size) } }

static const GtfWeight fusion_layer[] = { GTF_DENSE_FUSION_LAYER (Config, neck), { GTF_WEIGHT_END } };

static const GtfWeight projector[] = {
  LINEAR (Mlp, first, "conv1", DIM (projector_size), DIM (neck.fusion_size)),
  LINEAR (Mlp, second, "conv2", DIM (embedding), DIM (projector_size)),
  { GTF_WEIGHT_END }
};

static const GtfWeight mover[] = {
  LINEAR (Mlp, first, "conv1", DIM (embedding), DIM (embedding)),
  LINEAR (Mlp, second, "conv2", GTF_DIM_STORED, DIM (embedding)),
  { GTF_WEIGHT_END }
};

/* Of the only domain, or of that with this name. */
#define SEED(name) "seed_bin_regressor." name "|seed_bin_regressors.%s." name
#define MIXTURE(name) "conditional_log_binomial.mlp." name "|conditional_log_binomial.%s.mlp." name

static const GtfWeight domain[] = {
  LINEAR (Domain, seed.first, SEED ("conv1"), DIM (seed_size), DIM (bottleneck)),
  LINEAR (Domain, seed.second, SEED ("conv2"), GTF_DIM_STORED, DIM (seed_size)),
  { GTF_WEIGHT_GROUP, "attractors.%d|attractors.%s.%d", .offset = G_STRUCT_OFFSET (Domain, movers), .group = mover, .group_size = sizeof (Mlp), .count = DIM (n_movers) },
  LINEAR (Domain, mixture.first, MIXTURE ("0"), DIM (mixture_size), DIM (mixture_in)),
  LINEAR (Domain, mixture.second, MIXTURE ("2"), GTF_DIM_CONST (4), DIM (mixture_size)),
  { GTF_WEIGHT_END }
};

static const GtfWeight router_layer[] = {
  LINEAR (GtfEncoderLayer, qkv, "self_attn.{query,key,value}", GTF_DIM_TIMES (Config, router_size, 3), DIM (router_size)),
  LINEAR (GtfEncoderLayer, attention_out, "self_attn.out_proj", DIM (router_size), DIM (router_size)),
  { GTF_WEIGHT_NORM, "norm1", G_STRUCT_OFFSET (GtfEncoderLayer, attention_norm), 0, { DIM (router_size) } },
  LINEAR (GtfEncoderLayer, up, "linear1", DIM (router.inner_size), DIM (router_size)),
  LINEAR (GtfEncoderLayer, down, "linear2", DIM (router_size), DIM (router.inner_size)),
  { GTF_WEIGHT_NORM, "norm2", G_STRUCT_OFFSET (GtfEncoderLayer, output_norm), 0, { DIM (router_size) } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone", G_STRUCT_OFFSET (Weights, backbone), .count = DIM (backbone) },
  GTF_DENSE_NECK (Config, neck, fusion_layer),
  CONV (projection, "relative_head.projection", DIM (projected_size), GTF_DIM_CONST (256), 3),
  CONV (head[0], "relative_head.conv1", DIM (neck.half_size), DIM (neck.fusion_size), 3),
  CONV (head[1], "relative_head.conv2", DIM (head_size), DIM (neck.half_size), 3),
  CONV (head[2], "relative_head.conv3", GTF_DIM_CONST (1), DIM (head_size), 1),
  LINEAR (Weights, bottleneck, "metric_head.conv2", DIM (bottleneck), DIM (bottleneck)),
  LINEAR (Weights, seed_projector.first, "metric_head.seed_projector.conv1", DIM (projector_size), DIM (bottleneck)),
  LINEAR (Weights, seed_projector.second, "metric_head.seed_projector.conv2", DIM (embedding), DIM (projector_size)),
  { GTF_WEIGHT_GROUP, "metric_head.projectors.%d", .offset = G_STRUCT_OFFSET (Weights, projectors), .group = projector, .group_size = sizeof (Mlp), .count = GTF_DIM_CONST (PROJECTORS) },
  { GTF_WEIGHT_GROUP, "metric_head", .offset = G_STRUCT_OFFSET (Weights, domains), .group = domain, .group_size = sizeof (Domain), .count = DIM (n_domains) },
  LINEAR (Weights, router_patches, "metric_head.patch_transformer.embedding_convPxP", DIM (router_size), DIM (bottleneck)),
  { GTF_WEIGHT_GROUP, "metric_head.patch_transformer.transformer_encoder.%d", .offset = G_STRUCT_OFFSET (Weights, router), .group = router_layer,
    .group_size = sizeof (GtfEncoderLayer), .count = DIM (n_router_layers) },
  LINEAR (Weights, classifier.first, "metric_head.mlp_classifier.linear1", DIM (router_size), DIM (router_size)),
  LINEAR (Weights, classifier.second, "metric_head.mlp_classifier.linear2", GTF_DIM_CONST (DOMAINS), DIM (router_size)),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { { "ForDepthEstimation", gtf_depth_tasks, NULL, "zoedepth" }, { NULL } };

/* ---- forward ----------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
apply (GtfContext *c, const Mlp *w, const GtfTensor *x, GtfActivation between)
{
  return gtf_linear (c, w->second, gtf_linear_act (c, w->first, x, between));
}

static GtfTensor *
resize_to (GtfContext *c, const GtfTensor *x, const GtfTensor *like)
{
  return gtf_dense_resize (c, x, gtf_dim (like, 1), gtf_dim (like, 2));
}

/* DPT's head: what it knows of each pixel, and, behind it, how near that is: [B][H][W][head_size + 1]. */
static GtfTensor *
relative_depth (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x)
{
  GtfTensor *parts[2];

  if (w->projection != NULL)
    x = gtf_dense_conv (c, w->projection, x, GTF_ACTIVATION_RELU);
  x = gtf_dense_conv (c, w->head[0], x, GTF_ACTIVATION_NONE);
  x = gtf_dense_resize (c, x, 2 * gtf_dim (x, 1), 2 * gtf_dim (x, 2));
  parts[0] = gtf_dense_conv (c, w->head[1], x, GTF_ACTIVATION_RELU);
  parts[1] = gtf_conv2d (c, w->head[2], parts[0], NULL, GTF_ACTIVATION_RELU, NULL);
  return gtf_join (c, parts, 2);
}

/* Which domain the pictures of a batch are of, all of them together: the pixels as tokens behind one of zeros. */
static const Domain *
find_domain (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *x)
{
  const GtfTextInput input = { 0 };     /* no texts: whole pictures */
  const GtfEncoder encoder = { .config = &config->router, .input = &input, .attention = { .n_heads = config->router.n_heads } };
  float votes[DOMAINS] = { 0 };
  GtfTensor *logits;

  if (!config->has_domains)
    return w->domains;
  x = gtf_linear (c, w->router_patches, x);
  x = gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, config->router_size });
  x = gtf_add (c, x, gtf_sinusoids (c, 1, 1, gtf_dim (x, 1), config->router_size));
  x = gtf_prepend (c, gtf_sinusoids (c, 0, 1, 1, config->router_size), x);
  for (gint64 i = 0; i < ROUTER_LAYERS && !gtf_failed (c); i++)
    x = gtf_encoder_layer (c, &encoder, &w->router[i], (GtfTensor *) x);
  logits = apply (c, &w->classifier, gtf_vision_token (c, x, 0), GTF_ACTIVATION_RELU);
  gtf_output (c, "domain_logits", logits);
  for (gint64 b = 0; b < gtf_dim (logits, 0) && !gtf_failed (c); b++)
    {
      float one[DOMAINS];

      gtf_tensor_read_f32 (logits, (gsize) b * DOMAINS, DOMAINS, one);
      votes[0] += one[0];
      votes[1] += one[1];
    }
  return &w->domains[votes[1] > votes[0]];
}

/* Bins as attractors leave them, from one of the neck's pictures to the next; *embedding becomes that of the last. */
static GtfTensor *
move_bins (GtfContext *c, const Config *config, const Weights *w, const Domain *d, const GtfTensor *x, GtfTensor *const *sums, GtfTensor **embedding)
{
  const GtfActivation act = config->is_normed ? GTF_ACTIVATION_RELU : GTF_ACTIVATION_SOFTPLUS;
  GtfTensor *bins = gtf_activate (c, apply (c, &d->seed, x, GTF_ACTIVATION_RELU), act);

  if (config->is_normed)
    bins = gtf_bin_middles (c, bins);
  *embedding = apply (c, &w->seed_projector, x, GTF_ACTIVATION_RELU);
  for (gint64 i = 0; i < config->n_movers && !gtf_failed (c); i++)
    {
      GtfTensor *own = apply (c, &w->projectors[i], sums[i], GTF_ACTIVATION_RELU);
      GtfTensor *to = gtf_activate (c, apply (c, &d->movers[i], gtf_add (c, own, resize_to (c, *embedding, own)), GTF_ACTIVATION_RELU), act);

      bins = gtf_attract (c, resize_to (c, bins, own), to, config->is_normed ? 2 : 1, config->is_normed ? 1e-3f : 0, config->means);
      *embedding = own;
    }
  return bins;
}

/* The mean of a pixel's bins: [B][H][W]. */
static GtfTensor *
metric_depth (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *last, GtfTensor *relative, GtfTensor *const *sums)
{
  const GtfTensor *x = gtf_linear (c, w->bottleneck, last);
  const Domain *d = find_domain (c, config, w, x);
  const gint64 domain_index = d - w->domains;
  GtfTensor *embedding, *bins = move_bins (c, config, w, d, x, sums, &embedding), *parts[2], *mixture;

  if (config->is_normed)
    bins = gtf_bins_within (c, bins, config->least[domain_index], config->most[domain_index]);
  parts[0] = config->has_domains ? gtf_slice (c, relative, 0, config->head_size) : relative;
  parts[1] = resize_to (c, embedding, relative);
  mixture = gtf_activate (c, apply (c, &d->mixture, gtf_join (c, parts, 2), GTF_ACTIVATION_GELU), GTF_ACTIVATION_SOFTPLUS);
  x = gtf_binomial_mean (c, mixture, resize_to (c, bins, relative), config->coldest, config->hottest);
  return gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 1), gtf_dim (x, 2) });
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_input (c, "pixel_values");
  const gint64 n = gtf_backbone_n_maps (w->backbone), down = gtf_dim (pixels, 2) / config->patch, across = gtf_dim (pixels, 3) / config->patch;
  GtfTensor *states[STAGES], *pictures[STAGES], *sums[STAGES];

  if (gtf_failed (c) || n > STAGES || !gtf_backbone_maps (c, w->backbone, pixels, states, n)
      || !gtf_dense_pictures (c, &config->neck, &w->neck, states, n, down, across, pictures) || !gtf_dense_fuse (c, &config->neck, &w->neck, pictures, sums))
    return;
  gtf_output (c, "predicted_depth", metric_depth (c, config, w, pictures[n - 1], relative_depth (c, config, w, sums[config->neck.head_index]), sums));
}

static const char *const model_types[] = { "zoedepth", NULL };

static const GtfArchitecture zoedepth = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "neck.fusion_stage.layers.0.residual_layer1.*|metric_head.*|*.num_batches_tracked|*.k_idx|*.k_minus_1",
  .name_word = G_STRUCT_OFFSET (Config, names), .forward = forward
};

GTF_TEXT_PLUGINS (zoedepth, "zoedepth", "ZoeDepth: depth in metres from bins", &zoedepth)
