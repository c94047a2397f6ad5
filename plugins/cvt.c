/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CvT: Wu et al., "CvT: Introducing Convolutions to Vision Transformers" (2021).
 *
 * Stages of transformers over patches that overlap; queries, keys and values each come from a depthwise convolution over the picture, and there are
 * no positions. docs/models/cvt.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>

#define STAGES 8
#define EPS 1e-5f               /* of all normalisations, whatever layer_norm_eps says */

typedef struct
{
  gint64 size, input, inner, depth, heads, patch, stride, padding, kernel, query_padding, query_stride, key_padding, key_stride;
} Stage;

typedef struct
{
  gint64 n_channels, n_labels, n_stages, last_size;
  const char *patches, *strides, *paddings, *sizes, *heads, *depths, *ratios, *kernels, *key_paddings, *key_strides, *query_paddings, *query_strides;
  Stage stages[STAGES];
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_LIST_FIELD (Config, patches, "patch_sizes"), GTF_CONFIG_LIST_FIELD (Config, strides, "patch_stride"),
  GTF_CONFIG_LIST_FIELD (Config, paddings, "patch_padding"), GTF_CONFIG_LIST_FIELD (Config, sizes, "embed_dim"),
  GTF_CONFIG_LIST_FIELD (Config, heads, "num_heads"), GTF_CONFIG_LIST_FIELD (Config, depths, "depth"), GTF_CONFIG_LIST_FIELD (Config, ratios, "mlp_ratio"),
  GTF_CONFIG_LIST_FIELD (Config, kernels, "kernel_qkv"), GTF_CONFIG_LIST_FIELD (Config, key_paddings, "padding_kv"),
  GTF_CONFIG_LIST_FIELD (Config, key_strides, "stride_kv"), GTF_CONFIG_LIST_FIELD (Config, query_paddings, "padding_q"),
  GTF_CONFIG_LIST_FIELD (Config, query_strides, "stride_q"),
  GTF_CONFIG_FIELDS_END
};

/* Number i of a list. */
static gboolean
read_number (const char *key, const char *list, const char *fallback, gint64 i, gint64 least, gint64 most, gint64 *to, GError **error)
{
  if (gtf_config_list_int (list ? list : fallback, i, least, most, to))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " for each stage, found %.60s", key, least, most,
               list ? list : fallback);
  return FALSE;
}

static gboolean
derive_stage (Config *config, gint64 i, GError **error)
{
  Stage *s = &config->stages[i];
  g_auto (GStrv) ratios = g_strsplit (config->ratios ? config->ratios : "4|4|4", "|", -1);
  const double ratio = (guint64) i < g_strv_length (ratios) ? g_ascii_strtod (ratios[i], NULL) : 0;

  if (!read_number ("embed_dim", config->sizes, "64|192|384", i, 1, 1 << 14, &s->size, error) || !read_number ("depth", config->depths, "1|2|10", i, 1, 1024, &s->depth, error)
      || !read_number ("num_heads", config->heads, "1|3|6", i, 1, 4096, &s->heads, error) || !read_number ("patch_sizes", config->patches, "7|3|3", i, 1, 256, &s->patch, error)
      || !read_number ("patch_stride", config->strides, "4|2|2", i, 1, 256, &s->stride, error)
      || !read_number ("patch_padding", config->paddings, "2|1|1", i, 0, 256, &s->padding, error)
      || !read_number ("kernel_qkv", config->kernels, "3|3|3", i, 1, 64, &s->kernel, error)
      || !read_number ("padding_q", config->query_paddings, "1|1|1", i, 0, 64, &s->query_padding, error)
      || !read_number ("stride_q", config->query_strides, "1|1|1", i, 1, 64, &s->query_stride, error)
      || !read_number ("padding_kv", config->key_paddings, "1|1|1", i, 0, 64, &s->key_padding, error)
      || !read_number ("stride_kv", config->key_strides, "2|2|2", i, 1, 64, &s->key_stride, error))
    return FALSE;
  s->input = i > 0 ? config->stages[i - 1].size : config->n_channels;
  if (!(ratio * (double) s->size >= 1 && ratio <= 1024) || s->size % s->heads != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "embed_dim: expected a multiple of num_heads, and mlp_ratio up to 1024, found %" G_GINT64_FORMAT, s->size);
      return FALSE;
    }
  s->inner = (gint64) (ratio * (double) s->size);
  config->last_size = s->size;
  return TRUE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->n_stages = config->depths ? gtf_config_list_size (config->depths) : 3;
  if (config->n_stages > STAGES)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "depth: expected at most %d stages, found %.60s", STAGES, config->depths);
      return FALSE;
    }
  for (gint64 i = 0; i < config->n_stages; i++)
    if (!derive_stage (config, i, error))
      return FALSE;
  return TRUE;
}

typedef struct
{
  const GtfConv2d *query_conv, *key_conv, *value_conv;
  const GtfLinear *query, *key, *value, *attention_out, *up, *down;
  const GtfNorm *attention_norm, *output_norm;
} Block;

typedef struct
{
  const GtfConv2d *patches[STAGES];
  const GtfNorm *patch_norm[STAGES], *norm;
  const GtfTensor *cls[STAGES];         /* may be NULL */
  const Block *blocks[STAGES];
  const GtfLinear *classifier;
} Weights;

#define DIM(i, field) GTF_DIM (Config, stages[i].field)
#define LINEAR(field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Block, field), GTF_WEIGHT_BIAS_OPTIONAL, { out, in } }
#define NORM(field, name, n) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Block, field), 0, { n } }
#define DEPTHWISE(i, field, name)                                                                                                  \
  { GTF_WEIGHT_CONV2D, "attention.attention.convolution_projection_" name ".convolution_projection.convolution", G_STRUCT_OFFSET (Block, field), \
    GTF_WEIGHT_GROUPED | GTF_WEIGHT_NO_BIAS, { DIM (i, size), GTF_DIM_CONST (1), DIM (i, kernel), DIM (i, kernel) },               \
    .norm = "attention.attention.convolution_projection_" name ".convolution_projection.normalization" }

#define BLOCK(i)                                                                                                                   \
  static const GtfWeight block_##i[] = {                                                                                           \
    DEPTHWISE (i, query_conv, "query"), DEPTHWISE (i, key_conv, "key"), DEPTHWISE (i, value_conv, "value"),                        \
    LINEAR (query, "attention.attention.projection_query", DIM (i, size), DIM (i, size)),                                          \
    LINEAR (key, "attention.attention.projection_key", DIM (i, size), DIM (i, size)),                                              \
    LINEAR (value, "attention.attention.projection_value", DIM (i, size), DIM (i, size)),                                          \
    LINEAR (attention_out, "attention.output.dense", DIM (i, size), DIM (i, size)),                                                \
    LINEAR (up, "intermediate.dense", DIM (i, inner), DIM (i, size)), LINEAR (down, "output.dense", DIM (i, size), DIM (i, inner)), \
    NORM (attention_norm, "layernorm_before", DIM (i, size)), NORM (output_norm, "layernorm_after", DIM (i, size)), { GTF_WEIGHT_END } \
  };

BLOCK (0) BLOCK (1) BLOCK (2) BLOCK (3) BLOCK (4) BLOCK (5) BLOCK (6) BLOCK (7)

#define STAGE(i)                                                                                                                   \
  { GTF_WEIGHT_CONV2D, "encoder.stages." #i ".embedding.convolution_embeddings.projection", G_STRUCT_OFFSET (Weights, patches[i]), 0, \
    { DIM (i, size), DIM (i, input), DIM (i, patch), DIM (i, patch) } },                                                           \
  { GTF_WEIGHT_NORM, "encoder.stages." #i ".embedding.convolution_embeddings.normalization", G_STRUCT_OFFSET (Weights, patch_norm[i]), 0, { DIM (i, size) } }, \
  { GTF_WEIGHT_TENSOR, "encoder.stages." #i ".cls_token", G_STRUCT_OFFSET (Weights, cls[i]), GTF_WEIGHT_OPTIONAL,                  \
    { GTF_DIM_CONST (1), GTF_DIM_CONST (1), DIM (i, size) } },                                                                     \
  { GTF_WEIGHT_GROUP, "encoder.stages." #i ".layers.%d", .offset = G_STRUCT_OFFSET (Weights, blocks[i]), .group = block_##i,       \
    .group_size = sizeof (Block), .count = DIM (i, depth) }

static const GtfWeight weights[] = { STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7), { GTF_WEIGHT_END } };
static const GtfWeight classifier[] = {
  { GTF_WEIGHT_NORM, "layernorm", G_STRUCT_OFFSET (Weights, norm), 0, { GTF_DIM (Config, last_size) } },
  { GTF_WEIGHT_LINEAR, "classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM (Config, last_size) } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "cvt" },
  { "Model", gtf_vision_base_tasks, NULL, "cvt" },
  { NULL }
};

/* ---- forward ------------------------------------------------------------------------------------------------------------------ */

/* A step before the others of each picture: cls [B][1][C], x [B][T][C] -> [B][1 + T][C]. */
static GtfTensor *
before (GtfContext *c, const GtfTensor *cls, const GtfTensor *x)
{
  const gint64 n = gtf_dim (x, 0), t = gtf_dim (x, 1), d = gtf_dim (x, 2);
  g_autofree GtfTensor **parts = g_new0 (GtfTensor *, (gsize) n * 2);
  GtfTensor *first = gtf_reshape (c, cls, 2, (gint64[]){ n, d }), *rest = gtf_reshape (c, x, 2, (gint64[]){ n * t, d });

  for (gint64 i = 0; i < n; i++)
    {
      parts[2 * i] = gtf_steps (c, first, i, 1);
      parts[2 * i + 1] = gtf_steps (c, rest, i * t, t);
    }
  return gtf_reshape (c, gtf_concat (c, parts, 2 * n), 3, (gint64[]){ n, 1 + t, d });
}

/* A convolution over the patches, then a linear layer, [CLS] (may be NULL) in front: [B][T][C]. */
static GtfTensor *
project (GtfContext *c, const GtfConv2d *conv, const GtfLinear *linear, const GtfTensor *picture, const GtfTensor *cls, gint64 stride, gint64 padding)
{
  GtfTensor *x = gtf_conv2d (c, conv, picture, &(GtfWindow){ .stride = stride, .padding = padding }, GTF_ACTIVATION_NONE, NULL);

  x = gtf_linear (c, linear, gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, gtf_dim (x, -1) }));
  return cls != NULL ? before (c, gtf_linear (c, linear, cls), x) : x;
}

static GtfTensor *
block_forward (GtfContext *c, const Stage *s, const Block *w, GtfTensor *x, gint64 height, gint64 width)
{
  const gint64 first = gtf_dim (x, 1) - height * width;
  const GtfAttention attention = { .n_heads = s->heads, .scale = 1 / sqrtf ((float) s->size) };
  GtfTensor *h = gtf_layer_norm (c, w->attention_norm, x, EPS), *cls = first > 0 ? gtf_steps (c, h, 0, 1) : NULL;
  GtfTensor *picture = gtf_reshape (c, gtf_steps (c, h, first, height * width), 4, (gint64[]){ gtf_dim (x, 0), height, width, s->size });

  h = gtf_attention (c, project (c, w->query_conv, w->query, picture, cls, s->query_stride, s->query_padding),
                     project (c, w->key_conv, w->key, picture, cls, s->key_stride, s->key_padding),
                     project (c, w->value_conv, w->value, picture, cls, s->key_stride, s->key_padding), &attention);
  x = gtf_linear_add (c, w->attention_out, h, x);
  return gtf_feed_forward (c, w->up, GTF_ACTIVATION_GELU, w->down, gtf_layer_norm (c, w->output_norm, x, EPS), x);
}

/* [B][H][W][C] -> [B][H'][W'][C'], and *cls [B][1][C'] or NULL. */
static GtfTensor *
stage_forward (GtfContext *c, const Stage *s, const Weights *w, gint64 i, const GtfTensor *picture, GtfTensor **cls)
{
  GtfTensor *x = gtf_conv2d (c, w->patches[i], picture, &(GtfWindow){ .stride = s->stride, .padding = s->padding }, GTF_ACTIVATION_NONE, NULL);
  const gint64 n = gtf_dim (x, 0), height = gtf_dim (x, 1), width = gtf_dim (x, 2), first = w->cls[i] != NULL ? 1 : 0;

  x = gtf_reshape (c, gtf_layer_norm (c, w->patch_norm[i], x, EPS), 3, (gint64[]){ n, height * width, s->size });
  if (first > 0)
    x = gtf_prepend (c, gtf_reshape (c, w->cls[i], 2, (gint64[]){ 1, s->size }), x);
  for (gint64 k = 0; k < s->depth && !gtf_failed (c); k++)
    {
      const gsize mark = gtf_push (c);

      x = gtf_pop_keep (c, mark, block_forward (c, s, &w->blocks[i][k], x, height, width));
    }
  *cls = first > 0 ? gtf_steps (c, x, 0, 1) : NULL;
  return gtf_reshape (c, gtf_steps (c, x, first, height * width), 4, (gint64[]){ n, height, width, s->size });
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = gtf_pixels_last (c, gtf_vision_pixels (c, config->n_channels)), *cls = NULL;

  for (gint64 i = 0; i < config->n_stages && !gtf_failed (c); i++)
    x = stage_forward (c, &config->stages[i], w, i, x, &cls);
  if (gtf_failed (c))
    return;
  gtf_output (c, "last_hidden_state", gtf_pixels_first (c, x));
  if (w->classifier == NULL)
    return;
  x = cls != NULL ? cls : gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, config->last_size });
  gtf_output (c, "logits", gtf_linear (c, w->classifier, gtf_mean_steps (c, gtf_layer_norm (c, w->norm, x, EPS))));
}

static const char *const model_types[] = { "cvt", NULL };

static const GtfArchitecture cvt = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked|classifier.*|layernorm.*", .forward = forward
};

GTF_TEXT_PLUGINS (cvt, "cvt", "CvT: transformers whose queries and keys come from convolutions", &cvt)
