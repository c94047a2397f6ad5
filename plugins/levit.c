/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * LeViT: Graham et al., "LeViT: a Vision Transformer in ConvNet's Clothing for Faster Inference" (2021).
 *
 * Four convolutions, then three stages of attention and linear layers with batch normalisation; between the stages an attention whose queries
 * are every second pixel. docs/models/levit.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define N_STAGES 3              /* the reference's configuration has no others */

typedef struct
{
  gint64 n_channels, n_labels, image_size, patch_size, stride, padding;
  gint64 size[N_STAGES], heads[N_STAGES], key_size[N_STAGES], ratio[N_STAGES], depth[N_STAGES], mlp[N_STAGES], layers[N_STAGES];
  const char *sizes, *head_list, *key_sizes, *ratios, *depths, *mlps;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, image_size, "image_size", 1, 1 << 16, 224),
  GTF_CONFIG_INT_FIELD (Config, patch_size, "patch_size", 1, 1 << 16, 16),
  GTF_CONFIG_INT_FIELD (Config, stride, "stride", 1, 256, 2),
  GTF_CONFIG_INT_FIELD (Config, padding, "padding", 0, 256, 1),
  GTF_CONFIG_LIST_FIELD (Config, sizes, "hidden_sizes"),
  GTF_CONFIG_LIST_FIELD (Config, head_list, "num_attention_heads"),
  GTF_CONFIG_LIST_FIELD (Config, key_sizes, "key_dim"),
  GTF_CONFIG_LIST_FIELD (Config, ratios, "attention_ratio"),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_LIST_FIELD (Config, mlps, "mlp_ratio"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (gtf_stages_read ("hidden_sizes", config->sizes, "128|256|384", N_STAGES, 1, 1 << 16, config->size, error) < 0
      || gtf_stages_read ("num_attention_heads", config->head_list, "4|8|12", N_STAGES, 1, 4096, config->heads, error) < 0
      || gtf_stages_read ("key_dim", config->key_sizes, "16|16|16", N_STAGES, 1, 1 << 16, config->key_size, error) < 0
      || gtf_stages_read ("attention_ratio", config->ratios, "2|2|2", N_STAGES, 1, 256, config->ratio, error) < 0
      || gtf_stages_read ("depths", config->depths, "4|4|4", N_STAGES, 0, 1024, config->depth, error) < 0
      || gtf_stages_read ("mlp_ratio", config->mlps, "2|2|2", N_STAGES, 0, 256, config->mlp, error) < 0)
    return FALSE;
  for (gint64 i = 0; i < N_STAGES; i++)
    {
      if (i + 1 < N_STAGES && config->size[i] < config->key_size[0])
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "hidden_sizes: expected at least key_dim (%" G_GINT64_FORMAT "), found %.60s", config->key_size[0], config->sizes);
          return FALSE;
        }
      config->layers[i] = config->depth[i] * (config->mlp[i] > 0 ? 2 : 1) + (i + 1 < N_STAGES ? 2 : 0);
    }
  return TRUE;
}

/* A layer of one of three kinds; the file has the weights of that kind. */
typedef struct
{
  const GtfLinear *qkv, *queries, *keys_values, *projection, *up, *down;
  const GtfTensor *bias;
} Layer;

typedef struct
{
  const GtfConv2d *convs[4];
  const Layer *stages[N_STAGES];
  const GtfNorm *norm, *teacher_norm;
  const GtfLinear *classifier, *teacher;
} Weights;

#define LINEAR(field, path)                                                                                                        \
  { GTF_WEIGHT_LINEAR, path ".linear", G_STRUCT_OFFSET (Layer, field), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_OPTIONAL, GTF_LINEAR_STORED, .norm = path ".batch_norm" }

static const GtfWeight layer[] = {
  LINEAR (qkv, "module.queries_keys_values"), LINEAR (queries, "queries"), LINEAR (keys_values, "keys_values"),
  LINEAR (up, "module.linear_up"), LINEAR (down, "module.linear_down"),
  { GTF_WEIGHT_LINEAR, "module.projection.linear|projection.linear", G_STRUCT_OFFSET (Layer, projection), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_OPTIONAL, GTF_LINEAR_STORED,
    .norm = "module.projection.batch_norm|projection.batch_norm" },
  { GTF_WEIGHT_TENSOR, "module.attention_biases|attention_biases", G_STRUCT_OFFSET (Layer, bias), GTF_WEIGHT_OPTIONAL, GTF_LINEAR_STORED },
  { GTF_WEIGHT_END }
};

#define CONV(i, name)                                                                                                              \
  { GTF_WEIGHT_CONV2D, "patch_embeddings." name ".convolution", G_STRUCT_OFFSET (Weights, convs[i]), GTF_WEIGHT_NO_BIAS, GTF_CONV_STORED, \
    .norm = "patch_embeddings." name ".batch_norm" }
#define STAGE(i)                                                                                                                   \
  { GTF_WEIGHT_GROUP, "encoder.stages." #i ".layers.%d", .offset = G_STRUCT_OFFSET (Weights, stages[i]), .group = layer,           \
    .group_size = sizeof (Layer), .count = GTF_DIM (Config, layers[i]) }

static const GtfWeight weights[] = {
  CONV (0, "embedding_layer_1"), CONV (1, "embedding_layer_2"), CONV (2, "embedding_layer_3"), CONV (3, "embedding_layer_4"),
  STAGE (0), STAGE (1), STAGE (2),
  { GTF_WEIGHT_END }
};

#define CLASSIFIER(norm, linear, name)                                                                                             \
  { GTF_WEIGHT_BATCH_NORM, name ".batch_norm", G_STRUCT_OFFSET (Weights, norm), 0, { GTF_DIM_STORED } },                           \
  { GTF_WEIGHT_LINEAR, name ".linear", G_STRUCT_OFFSET (Weights, linear), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } }

static const GtfWeight classifier[] = { CLASSIFIER (norm, classifier, "classifier"), { GTF_WEIGHT_END } };
static const GtfWeight teacher[] = { CLASSIFIER (norm, classifier, "classifier"), CLASSIFIER (teacher_norm, teacher, "classifier_distill"), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "levit" },
  { "ForImageClassificationWithTeacher", gtf_vision_classification_tasks, teacher, "levit" },
  { "Model", gtf_vision_base_tasks, NULL, "levit" },
  { NULL }
};

/* ---- attention ------------------------------------------------------------------------------------------------------------- */

/* Pixels of a square: of keys, and of queries, which are every stride-th of them. */
typedef struct
{
  gint64 side, query_side, stride;
} Square;

/* Which bias stands for query i / keys and key i % keys: the one of their distance down and across. */
static gint64
distance (gint64 i, gconstpointer data)
{
  const Square *s = data;
  const gint64 n = s->side * s->side, query = i / n, key = i % n;
  const gint64 down = query / s->query_side * s->stride - key / s->side, across = query % s->query_side * s->stride - key % s->side;

  return ABS (down) * s->side + ABS (across);
}

/* [1][heads][queries][keys] out of [heads][distances] */
static GtfTensor *
biases (GtfContext *c, const GtfTensor *table, const Square *s)
{
  const gint64 queries = s->query_side * s->query_side, keys = s->side * s->side;
  GtfTensor *x = gtf_take (c, gtf_transpose (c, table), gtf_indices (c, queries * keys, distance, s));

  return gtf_reshape (c, gtf_transpose (c, x), 4, (gint64[]){ 1, gtf_dim (table, 0), queries, keys });
}

/* Numbers first .. first + n of each head, heads side by side. */
static GtfTensor *
part (GtfContext *c, const GtfTensor *x, gint64 heads, gint64 first, gint64 n)
{
  const gint64 batch = gtf_dim (x, 0), steps = gtf_dim (x, 1);
  GtfTensor *split = gtf_reshape (c, x, 4, (gint64[]){ batch, steps, heads, gtf_dim (x, -1) / heads });

  return gtf_reshape (c, gtf_slice (c, split, first, n), 3, (gint64[]){ batch, steps, heads * n });
}

/* x [B][side * side][D]: each pixel looks at all. */
static GtfTensor *
attention (GtfContext *c, const Layer *w, GtfTensor *x, gint64 heads, gint64 size, gint64 ratio, gint64 side)
{
  const GtfAttention a = { .n_heads = heads, .mask = biases (c, w->bias, &(Square){ side, side, 1 }) };
  GtfTensor *qkv = gtf_linear (c, w->qkv, x), *h;

  h = gtf_attention (c, part (c, qkv, heads, 0, size), part (c, qkv, heads, size, size), part (c, qkv, heads, 2 * size, ratio * size), &a);
  return gtf_linear_add (c, w->projection, gtf_activate (c, h, GTF_ACTIVATION_HARDSWISH), x);
}

/* Every second pixel looks at all. */
static GtfTensor *
shrink (GtfContext *c, const Layer *w, GtfTensor *x, gint64 heads, gint64 size, gint64 side)
{
  const Square square = { side, (side - 1) / 2 + 1, 2 };
  const GtfAttention a = { .n_heads = heads, .mask = biases (c, w->bias, &square) };
  const gint64 batch = gtf_dim (x, 0), d = gtf_dim (x, -1);
  GtfTensor *kv = gtf_linear (c, w->keys_values, x), *q = gtf_max_pool2d (c, gtf_reshape (c, x, 4, (gint64[]){ batch, side, side, d }), &(GtfWindow){ 1, 2 });

  q = gtf_linear (c, w->queries, gtf_reshape (c, q, 3, (gint64[]){ batch, square.query_side * square.query_side, d }));
  x = gtf_attention (c, q, part (c, kv, heads, 0, size), part (c, kv, heads, size, gtf_dim (kv, -1) / heads - size), &a);
  return gtf_linear (c, w->projection, gtf_activate (c, x, GTF_ACTIVATION_HARDSWISH));
}

/* ---- the whole -------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
embed (GtfContext *c, const Config *config, const Weights *w, gint64 side)
{
  const GtfWindow window = { .stride = config->stride, .padding = config->padding };
  GtfTensor *x = gtf_pixels_last (c, gtf_vision_pixels (c, config->n_channels));

  for (gint64 i = 0; i < 4; i++)
    x = gtf_conv2d (c, w->convs[i], x, &window, i < 3 ? GTF_ACTIVATION_HARDSWISH : GTF_ACTIVATION_NONE, NULL);
  if (!gtf_failed (c) && (gtf_dim (x, 1) != side || gtf_dim (x, 2) != side))
    {
      gtf_fail (c, "the picture becomes %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " pixels, but the model takes those of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
                " (image_size / patch_size)", gtf_dim (x, 1), gtf_dim (x, 2), side, side);
      return NULL;
    }
  return gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), side * side, gtf_dim (x, -1) });
}

static GtfTensor *
layer_forward (GtfContext *c, const Config *config, gint64 stage, const Layer *w, GtfTensor *x, gint64 *side)
{
  if (w->qkv != NULL)
    return attention (c, w, x, config->heads[stage], config->key_size[stage], config->ratio[stage], *side);
  if (w->queries != NULL)
    {
      x = shrink (c, w, x, config->size[stage] / config->key_size[0], config->key_size[0], *side);
      *side = (*side - 1) / 2 + 1;
      return x;
    }
  return gtf_feed_forward (c, w->up, GTF_ACTIVATION_HARDSWISH, w->down, x, x);
}

static GtfTensor *
classify (GtfContext *c, const GtfNorm *norm, const GtfLinear *linear, GtfTensor *pooled)
{
  return gtf_linear (c, linear, gtf_affine (c, norm, pooled));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  gint64 side = config->image_size / config->patch_size;
  GtfTensor *x = embed (c, config, w, side), *pooled, *logits;

  for (gint64 i = 0; i < N_STAGES && !gtf_failed (c); i++)
    for (gint64 j = 0; j < config->layers[i]; j++)
      {
        gsize mark = gtf_push (c);

        x = gtf_pop_keep (c, mark, layer_forward (c, config, i, &w->stages[i][j], x, &side));
      }
  pooled = gtf_mean_steps (c, x);
  gtf_output (c, "last_hidden_state", x);
  gtf_output (c, "pooler_output", pooled);
  if (w->classifier == NULL)
    return;
  logits = classify (c, w->norm, w->classifier, pooled);
  if (w->teacher != NULL)
    logits = gtf_scale (c, gtf_add (c, logits, classify (c, w->teacher_norm, w->teacher, pooled)), 0.5f);
  gtf_output (c, "logits", logits);
}

static const char *const types[] = { "levit", NULL };

static const GtfArchitecture levit = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked|*.attention_bias_idxs|classifier.*|classifier_distill.*", .forward = forward
};

GTF_TEXT_PLUGINS (levit, "levit", "LeViT: attention with batch normalisation over ever fewer pixels", &levit)
