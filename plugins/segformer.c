/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SegFormer: Xie et al., "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers" (2021).
 *
 * Stages of transformer blocks over ever fewer patches that overlap; attention looks at a smaller picture than it answers for, and a depthwise
 * convolution within each block tells patches where they are. The decoder brings all stages to one size. docs/models/segformer.md tells
 * what is easily got wrong.
 */
#include <gtf/gtf.h>

#define MAX_STAGES 8
#define EPS 1e-5f               /* of all normalisations, whatever layer_norm_eps says */

typedef struct
{
  gint64 n_channels, n_labels, n_stages, decoder_size;
  const char *depths, *reductions, *sizes, *patches, *strides, *heads;
  GtfActivation activation;
  gboolean reshapes_last;
  gint64 depth[MAX_STAGES], reduction[MAX_STAGES], hidden[MAX_STAGES], patch[MAX_STAGES], stride[MAX_STAGES], n_heads[MAX_STAGES];
  gint64 input[MAX_STAGES], joined_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, n_stages, "num_encoder_blocks", 1, MAX_STAGES, 4),
  GTF_CONFIG_INT_FIELD (Config, decoder_size, "decoder_hidden_size", 1, 1 << 16, 256),
  GTF_CONFIG_LIST_FIELD (Config, depths, "depths"),
  GTF_CONFIG_LIST_FIELD (Config, reductions, "sr_ratios"),
  GTF_CONFIG_LIST_FIELD (Config, sizes, "hidden_sizes"),
  GTF_CONFIG_LIST_FIELD (Config, patches, "patch_sizes"),
  GTF_CONFIG_LIST_FIELD (Config, strides, "strides"),
  GTF_CONFIG_LIST_FIELD (Config, heads, "num_attention_heads"),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "gelu"),
  GTF_CONFIG_BOOL_FIELD (Config, reshapes_last, "reshape_last_stage", TRUE),
  GTF_CONFIG_FIELDS_END
};

/* A number for each stage. */
static gboolean
read_list (const Config *config, const char *key, const char *list, const char *fallback, gint64 least, gint64 most, gint64 *to, GError **error)
{
  for (gint64 i = 0; i < config->n_stages; i++)
    if (!gtf_config_list_int (list ? list : fallback, i, least, most, &to[i]))
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected %" G_GINT64_FORMAT " numbers from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                     ", one for each of num_encoder_blocks, found %.60s", key, config->n_stages, least, most, list ? list : fallback);
        return FALSE;
      }
  return TRUE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (!read_list (config, "depths", config->depths, "2|2|2|2", 1, 1024, config->depth, error) ||
      !read_list (config, "sr_ratios", config->reductions, "8|4|2|1", 1, 256, config->reduction, error) ||
      !read_list (config, "hidden_sizes", config->sizes, "32|64|160|256", 1, 1 << 16, config->hidden, error) ||
      !read_list (config, "patch_sizes", config->patches, "7|3|3|3", 1, 256, config->patch, error) ||
      !read_list (config, "strides", config->strides, "4|2|2|2", 1, 256, config->stride, error) ||
      !read_list (config, "num_attention_heads", config->heads, "1|2|5|8", 1, 4096, config->n_heads, error))
    return FALSE;
  for (gint64 i = 0; i < config->n_stages; i++)
    config->input[i] = i > 0 ? config->hidden[i - 1] : config->n_channels;
  config->joined_size = config->decoder_size * config->n_stages;
  return TRUE;
}

typedef struct
{
  const GtfNorm *attention_norm, *output_norm, *reduction_norm;         /* the last may be NULL */
  const GtfConv2d *reduction, *positions;                               /* the first may be NULL */
  const GtfLinear *query, *key, *value, *attention_out, *up, *down;
} Block;

typedef struct
{
  const GtfConv2d *patches;
  const GtfNorm *patch_norm, *norm;
  const Block *blocks;
  const GtfLinear *projection;          /* of the decoder */
} Stage;

typedef struct
{
  Stage stages[MAX_STAGES];
  const GtfLinear *fuse, *classifier;
} Weights;

#define LINEAR(field, name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Block, field), 0, { GTF_DIM_STORED, GTF_DIM_STORED } }
#define NORM(field, name, flags) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Block, field), flags, { GTF_DIM_STORED } }

static const GtfWeight block[] = {
  NORM (attention_norm, "layer_norm_1|layernorm_before", 0),
  LINEAR (query, "attention.self.query|attention.q_proj"),
  LINEAR (key, "attention.self.key|attention.k_proj"),
  LINEAR (value, "attention.self.value|attention.v_proj"),
  { GTF_WEIGHT_CONV2D, "attention.self.sr|attention.sequence_reduction.sequence_reduction", G_STRUCT_OFFSET (Block, reduction), GTF_WEIGHT_OPTIONAL,
    { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED } },
  NORM (reduction_norm, "attention.self.layer_norm|attention.sequence_reduction.layer_norm", GTF_WEIGHT_OPTIONAL),
  LINEAR (attention_out, "attention.output.dense|attention.o_proj"),
  NORM (output_norm, "layer_norm_2|layernorm_after", 0),
  LINEAR (up, "mlp.dense1|mlp.fc1"),
  { GTF_WEIGHT_CONV2D, "mlp.dwconv.dwconv", G_STRUCT_OFFSET (Block, positions), GTF_WEIGHT_GROUPED,
    { GTF_DIM_STORED, GTF_DIM_CONST (1), GTF_DIM_CONST (3), GTF_DIM_CONST (3) } },
  LINEAR (down, "mlp.dense2|mlp.fc2"),
  { GTF_WEIGHT_END }
};

#define STAGE(n)                                                                                                                   \
  { GTF_WEIGHT_CONV2D, "encoder.patch_embeddings." #n ".proj|stages." #n ".patch_embeddings.proj", G_STRUCT_OFFSET (Weights, stages[n].patches), 0, \
    { GTF_DIM (Config, hidden[n]), GTF_DIM (Config, input[n]), GTF_DIM (Config, patch[n]), GTF_DIM (Config, patch[n]) } },         \
  { GTF_WEIGHT_NORM, "encoder.patch_embeddings." #n ".layer_norm|stages." #n ".patch_embeddings.layer_norm",                       \
    G_STRUCT_OFFSET (Weights, stages[n].patch_norm), 0, { GTF_DIM (Config, hidden[n]) } },                                         \
  { GTF_WEIGHT_GROUP, "encoder.block." #n ".%d|stages." #n ".blocks.%d", .offset = G_STRUCT_OFFSET (Weights, stages[n].blocks),    \
    .group = block, .group_size = sizeof (Block), .count = GTF_DIM (Config, depth[n]) },                                           \
  { GTF_WEIGHT_NORM, "encoder.layer_norm." #n "|stages." #n ".layer_norm", G_STRUCT_OFFSET (Weights, stages[n].norm), 0, { GTF_DIM (Config, hidden[n]) } }

static const GtfWeight weights[] = { STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7), { GTF_WEIGHT_END } };

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

#define PROJECTION(n)                                                                                                              \
  { GTF_WEIGHT_LINEAR, "decode_head.linear_c." #n ".proj|decode_head.linear_projections." #n ".proj", G_STRUCT_OFFSET (Weights, stages[n].projection), 0, \
    { GTF_DIM (Config, decoder_size), GTF_DIM (Config, hidden[n]) } }

static const GtfWeight decoder[] = {
  PROJECTION (0), PROJECTION (1), PROJECTION (2), PROJECTION (3), PROJECTION (4), PROJECTION (5), PROJECTION (6), PROJECTION (7),
  { GTF_WEIGHT_LINEAR, "decode_head.linear_fuse", G_STRUCT_OFFSET (Weights, fuse), GTF_WEIGHT_NO_BIAS,
    { GTF_DIM (Config, decoder_size), GTF_DIM (Config, joined_size) }, .norm = "decode_head.batch_norm" },
  { GTF_WEIGHT_LINEAR, "decode_head.classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM (Config, decoder_size) } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForSemanticSegmentation", gtf_segmentation_tasks, decoder, "segformer" },
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "segformer" },
  { "Model", gtf_vision_base_tasks, NULL, "segformer" },
  { NULL }
};

/* ---- encoder ------------------------------------------------------------------------------------------------------------------ */

/* Pixels as tokens: [B][H][W][C] -> [B][H * W][C], and back into the shape of another picture. */
static GtfTensor *
tokens (GtfContext *c, const GtfTensor *x)
{
  return gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 1) * gtf_dim (x, 2), gtf_dim (x, 3) });
}

static GtfTensor *
picture (GtfContext *c, const GtfTensor *x, const GtfTensor *like)
{
  return gtf_reshape (c, x, 4, (gint64[]){ gtf_dim (like, 0), gtf_dim (like, 1), gtf_dim (like, 2), gtf_dim (x, -1) });
}

static GtfTensor *
attend (GtfContext *c, const Block *w, const GtfTensor *x, gint64 n_heads, gint64 reduction)
{
  const GtfTensor *seen = x;

  if (w->reduction != NULL && w->reduction_norm != NULL)
    seen = gtf_layer_norm (c, w->reduction_norm, gtf_conv2d (c, w->reduction, x, &(GtfWindow){ .stride = reduction }, GTF_ACTIVATION_NONE, NULL), EPS);
  return gtf_attention (c, tokens (c, gtf_linear (c, w->query, x)), tokens (c, gtf_linear (c, w->key, seen)), tokens (c, gtf_linear (c, w->value, seen)),
                        &(GtfAttention){ .n_heads = n_heads });
}

static GtfTensor *
block_forward (GtfContext *c, const Config *config, const Block *w, GtfTensor *x, gint64 stage)
{
  GtfTensor *h = attend (c, w, gtf_layer_norm (c, w->attention_norm, x, EPS), config->n_heads[stage], config->reduction[stage]);

  x = gtf_linear_add (c, w->attention_out, picture (c, h, x), x);
  h = gtf_linear (c, w->up, gtf_layer_norm (c, w->output_norm, x, EPS));
  h = gtf_conv2d (c, w->positions, h, &(GtfWindow){ .padding = 1 }, config->activation, NULL);
  return gtf_linear_add (c, w->down, h, x);
}

static GtfTensor *
stage_forward (GtfContext *c, const Config *config, const Stage *w, GtfTensor *x, gint64 stage)
{
  const GtfWindow window = { .stride = config->stride[stage], .padding = config->patch[stage] / 2 };

  x = gtf_layer_norm (c, w->patch_norm, gtf_conv2d (c, w->patches, x, &window, GTF_ACTIVATION_NONE, NULL), EPS);
  for (gint64 i = 0; i < config->depth[stage]; i++)
    {
      gsize mark = gtf_push (c);

      x = gtf_pop_keep (c, mark, block_forward (c, config, &w->blocks[i], x, stage));
    }
  return gtf_layer_norm (c, w->norm, x, EPS);
}

/* ---- decoder ------------------------------------------------------------------------------------------------------------------ */

/* Without reshape_last_stage the reference takes the last stage for a square whose area is its number of channels. */
static GtfTensor *
as_square (GtfContext *c, GtfTensor *x)
{
  const gint64 n = gtf_dim (x, 1) * gtf_dim (x, 2), size = gtf_dim (x, 3);
  gint64 side = 1;

  while ((side + 1) * (side + 1) <= size)
    side++;
  if (side * side != n)
    gtf_fail (c, "reshape_last_stage is false: the last stage has to have %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " patches, found %" G_GINT64_FORMAT, side, side, n);
  return gtf_reshape (c, x, 4, (gint64[]){ gtf_dim (x, 0), side, side, size });
}

/* The paper joins all stages, brought to the size of the first, and multiplies them with one weight. Both are linear: each stage is multiplied with its part of
 * the weight where it is small, and then brought to that size, which is a third of the work. */
static GtfTensor *
decode (GtfContext *c, const Config *config, const Weights *w, GtfTensor *const *states)
{
  const gint64 last = config->n_stages - 1;
  GtfTensor *sum = NULL;

  for (gint64 i = 0; i <= last; i++)
    {
      const GtfLinear *fuse = gtf_linear_columns (c, w->fuse, (last - i) * config->decoder_size, config->decoder_size);
      const GtfActivation act = i == last ? GTF_ACTIVATION_RELU : GTF_ACTIVATION_NONE;
      GtfTensor *x = i == last && !config->reshapes_last ? as_square (c, states[i]) : states[i];

      x = gtf_linear (c, w->stages[i].projection, x);
      sum = i == 0 ? gtf_linear_act (c, fuse, x, act) : gtf_resize_add (c, gtf_linear (c, fuse, x), sum, GTF_RESIZE_BILINEAR, act);
    }
  return gtf_pixels_first (c, gtf_linear (c, w->classifier, sum));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *states[MAX_STAGES], *x = gtf_pixels_last (c, gtf_vision_pixels (c, config->n_channels));

  for (gint64 i = 0; i < config->n_stages; i++)
    states[i] = x = stage_forward (c, config, &w->stages[i], x, i);
  if (gtf_failed (c))
    return;
  gtf_output (c, "last_hidden_state", config->reshapes_last ? gtf_pixels_first (c, x) : tokens (c, x));
  if (w->fuse != NULL)
    gtf_output (c, "logits", decode (c, config, w, states));
  else if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, gtf_mean_pixels (c, x)));
}

static const char *const model_types[] = { "segformer", NULL };

static const GtfArchitecture segformer = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads, .ignored = "decode_head.*|classifier.*|*.num_batches_tracked", .forward = forward
};

GTF_TEXT_PLUGINS (segformer, "segformer", "SegFormer: patches that overlap, in stages, and a decoder of linear layers", &segformer)
