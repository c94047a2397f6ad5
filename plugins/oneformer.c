/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OneFormer: Jain et al., "OneFormer: One Transformer to Rule Universal Image Segmentation" (2022).
 *
 * Mask2Former (core/layers/query-masks.c) that is told what is asked of it: a task as token ids becomes one more query, and the others are made of
 * it before they look. docs/models/oneformer.md tells what is easily got wrong.
 *
 * Inputs of the call: `pixel_values`, `task_inputs` I32 or I64 [B][task_seq_len].
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfQueryMaskConfig masks;
  gint64 task_length, query_layers;
  gboolean norms_task;
} Config;

/* A layer of the decoder that makes queries. */
typedef struct
{
  GtfFusedAttention self, cross;
  const GtfNorm *self_norm, *cross_norm, *output_norm;
  const GtfLinear *up, *down;
} MakerLayer;

typedef struct
{
  GtfQueryMaskWeights masks;
  const GtfLinear *task[2], *projection;
  const MakerLayer *makers;
  const GtfNorm *maker_norm;
} Weights;

#define BACKBONE "{\"model_type\": \"swin\", \"out_features\": [\"stage1\", \"stage2\", \"stage3\", \"stage4\"]}"

static const GtfConfigField config_fields[] = {
  GTF_QUERY_MASK_CONFIG_FIELDS (BACKBONE, ""),
  GTF_CONFIG_INT_FIELD (Config, masks.n_queries, "num_queries", 2, 1 << 16, 150),
  GTF_CONFIG_FLOAT_FIELD (Config, masks.eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_INT_FIELD (Config, task_length, "task_seq_len", 1, 1 << 16, 77),
  GTF_CONFIG_INT_FIELD (Config, query_layers, "query_dec_layers", 0, 256, 2),
  GTF_CONFIG_BOOL_FIELD (Config, norms_task, "use_task_norm", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  GtfQueryMaskConfig *config = data;

  if (!gtf_query_masks_derive (data, error))
    return FALSE;
  if (config->projection_size == 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "conv_dim (%" G_GINT64_FORMAT ") must be hidden_dim (%" G_GINT64_FORMAT ") and enforce_input_proj false: files have no projection between"
               " them", config->pixel_size, config->hidden_size);
  return FALSE;
}

#define LINEAR(Struct, field, name, out, in) GTF_QUERY_LINEAR (Struct, field, name, out, in)
#define NORM(Struct, field, name) GTF_QUERY_NORM (Struct, field, name, hidden_size)

static const GtfWeight layer[] = {
  GTF_FUSED_ATTENTION (GtfQueryLayer, cross, "cross_attn.multihead_attn"),
  NORM (GtfQueryLayer, cross_norm, "cross_attn.norm"),
  GTF_DETECTION_ATTENTION (GtfQueryLayer, self, "self_attn.self_attn", GtfQueryMaskConfig, hidden_size),
  NORM (GtfQueryLayer, self_norm, "self_attn.norm"),
  LINEAR (GtfQueryLayer, up, "ffn.linear1", inner_size, hidden_size),
  LINEAR (GtfQueryLayer, down, "ffn.linear2", hidden_size, inner_size),
  NORM (GtfQueryLayer, output_norm, "ffn.norm"),
  { GTF_WEIGHT_END }
};

static const GtfWeight maker[] = {
  GTF_FUSED_ATTENTION (MakerLayer, self, "self_attn"),
  NORM (MakerLayer, self_norm, "norm1"),
  GTF_FUSED_ATTENTION (MakerLayer, cross, "multihead_attn"),
  NORM (MakerLayer, cross_norm, "norm2"),
  LINEAR (MakerLayer, up, "linear1", inner_size, hidden_size),
  LINEAR (MakerLayer, down, "linear2", hidden_size, inner_size),
  NORM (MakerLayer, output_norm, "norm3"),
  { GTF_WEIGHT_END }
};

#define EMBED(i, out) GTF_QUERY_LINEAR (GtfQueryMaskWeights, embed[i], "transformer_module.decoder.mask_embed.layers." #i ".0", out, hidden_size)

static const GtfWeight weights[] = {
  GTF_QUERY_MASK_PIXELS,
  { GTF_WEIGHT_LINEAR, "task_encoder.task_mlp.layers.0.0", G_STRUCT_OFFSET (Weights, task[0]), 0, { GTF_QUERY_DIM (hidden_size), GTF_DIM (Config, task_length) } },
  LINEAR (Weights, task[1], "task_encoder.task_mlp.layers.1.0", hidden_size, hidden_size),
  GTF_QUERY_TENSOR (queries, "transformer_module.queries_embedder.weight", GTF_QUERY_DIM (n_queries), hidden_size),
  GTF_QUERY_TENSOR (levels, "transformer_module.level_embed.weight", GTF_DIM_CONST (GTF_QUERY_LEVELS), hidden_size),
  LINEAR (Weights, projection, "transformer_module.decoder.query_input_projection", hidden_size, pixel_size),
  { GTF_WEIGHT_GROUP, "transformer_module.decoder.query_transformer.decoder.layers.%d", .offset = G_STRUCT_OFFSET (Weights, makers), .group = maker,
    .group_size = sizeof (MakerLayer), .count = GTF_DIM (Config, query_layers) },
  NORM (Weights, maker_norm, "transformer_module.decoder.query_transformer.decoder.norm"),
  { GTF_WEIGHT_GROUP, "transformer_module.decoder.layers.%d", .offset = G_STRUCT_OFFSET (GtfQueryMaskWeights, layers), .group = layer,
    .group_size = sizeof (GtfQueryLayer), .count = GTF_QUERY_DIM (n_layers) },
  NORM (GtfQueryMaskWeights, norm, "transformer_module.decoder.decoder_norm"),
  EMBED (0, hidden_size), EMBED (1, hidden_size), EMBED (2, mask_size),
  LINEAR (GtfQueryMaskWeights, classes, "transformer_module.decoder.class_embed", n_classes, hidden_size),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForUniversalSegmentation", gtf_segmentation_tasks, NULL, "model" },
  { "Model", gtf_vision_base_tasks, NULL, "model" },
  { NULL }
};

/* The task as one query of each picture: its ids are taken for numbers. [B][1][D] */
static GtfTensor *
task_query (GtfContext *c, const Config *config, const Weights *w, gint64 n_pictures)
{
  const GtfTensor *ids = gtf_input (c, "task_inputs");
  GtfTensor *x = gtf_as_floats (c, ids);

  if (x != NULL && (gtf_dim (x, 0) != n_pictures || gtf_dim (x, 1) != config->task_length))
    gtf_fail (c, "the input \"task_inputs\" has %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " tokens, expected task_seq_len (%" G_GINT64_FORMAT ") for each picture", gtf_dim (x, 0), gtf_dim (x, 1),
              config->task_length);
  x = gtf_linear (c, w->task[1], gtf_linear_act (c, w->task[0], x, GTF_ACTIVATION_RELU));
  if (config->norms_task)
    x = gtf_layer_norm (c, w->masks.norm, x, (float) config->masks.eps);
  return gtf_reshape (c, x, 3, (gint64[]){ n_pictures, 1, config->masks.hidden_size });
}

/* For each picture its task, n times: [B][1][D] -> [B][n][D]. */
static gint64
picture_of (gint64 i, gconstpointer data)
{
  return i / *(const gint64 *) data;
}

static GtfTensor *
spread (GtfContext *c, const GtfTensor *task, gint64 n)
{
  const gint64 n_pictures = gtf_dim (task, 0), d = gtf_dim (task, 2);

  return gtf_reshape (c, gtf_take (c, task, gtf_indices (c, n_pictures * n, picture_of, &n)), 3, (gint64[]){ n_pictures, n, d });
}

/* The task behind the other queries of each picture: row i of these, one after the other, then of the tasks. */
static gint64
row_behind (gint64 i, gconstpointer data)
{
  const gint64 n = ((const gint64 *) data)[0], n_pictures = ((const gint64 *) data)[1], picture = i / (n + 1);

  return i % (n + 1) < n ? picture * n + i % (n + 1) : n_pictures * n + picture;
}

static GtfTensor *
append (GtfContext *c, const GtfTensor *queries, const GtfTensor *task)
{
  const gint64 n_pictures = gtf_dim (task, 0), d = gtf_dim (task, 2), n = gtf_dim (queries, 1);
  GtfTensor *parts[2] = { gtf_reshape (c, queries, 2, (gint64[]){ n_pictures * n, d }), gtf_reshape (c, task, 2, (gint64[]){ n_pictures, d }) };
  GtfTensor *rows = gtf_indices (c, n_pictures * (n + 1), row_behind, (gint64[]){ n, n_pictures });

  return gtf_reshape (c, gtf_take (c, gtf_concat (c, parts, 2), rows), 3, (gint64[]){ n_pictures, n + 1, d });
}

static GtfTensor *
norm (GtfContext *c, const Config *config, const GtfNorm *w, GtfTensor *x)
{
  return gtf_layer_norm (c, w, x, (float) config->masks.eps);
}

static GtfTensor *
maker_forward (GtfContext *c, const Config *config, const MakerLayer *w, GtfTensor *x, const GtfTensor *places, const GtfTensor *keys, const GtfTensor *values)
{
  const GtfAttention how = { .n_heads = config->masks.n_heads };
  const gboolean first = config->masks.norm_first;
  GtfTensor *h = first ? norm (c, config, w->self_norm, x) : x, *placed = gtf_add (c, h, places);

  x = gtf_fused_attend (c, &w->self, &how, placed, placed, h, x);
  x = first ? x : norm (c, config, w->self_norm, x);
  h = gtf_add (c, first ? norm (c, config, w->cross_norm, x) : x, places);
  x = gtf_fused_attend (c, &w->cross, &how, h, keys, values, x);
  x = first ? x : norm (c, config, w->cross_norm, x);
  x = gtf_feed_forward (c, w->up, GTF_ACTIVATION_RELU, w->down, first ? norm (c, config, w->output_norm, x) : x, x);
  return first ? x : norm (c, config, w->output_norm, x);
}

/* All queries but that of the task. They look at the positions of the pixels for what the pixels are, and at the pixels for where they are. */
static GtfTensor *
make_queries (GtfContext *c, const Config *config, const Weights *w, const GtfPixelMaps *maps, const GtfTensor *task)
{
  const gint64 n = config->masks.n_queries - 1, d = config->masks.hidden_size, n_pictures = gtf_dim (maps->masks, 0);
  GtfTensor *values = gtf_repeat_rows (c, gtf_map_positions (c, maps->masks, d), n_pictures);
  GtfTensor *keys = gtf_add (c, gtf_map_tokens (c, gtf_linear (c, w->projection, maps->masks)), values);
  GtfTensor *places = gtf_steps (c, w->masks.queries, 0, n), *x = gtf_zero_rows (c, n_pictures, n, d);
  gsize mark;

  if (config->norms_task)
    x = spread (c, task, n);
  mark = gtf_push (c);
  for (gint64 i = 0; i < config->query_layers; i++)
    x = gtf_pop_keep (c, mark, maker_forward (c, config, &w->makers[i], x, places, keys, values));
  return norm (c, config, w->maker_norm, x);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfPixelMaps maps;
  GtfTensor *task, *x;

  if (!gtf_decode_pixels (c, &config->masks, &w->masks, &maps))
    return;
  task = task_query (c, config, w, gtf_dim (maps.masks, 0));
  x = append (c, make_queries (c, config, w, &maps, task), task);
  gtf_output (c, "transformer_decoder_object_queries", gtf_decode_queries (c, &config->masks, &w->masks, &maps, x));
}

static const char *const model_types[] = { "oneformer", NULL };

static const GtfArchitecture oneformer = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads, .ignored = "criterion.*|text_mapper.*", .forward = forward
};

GTF_TEXT_PLUGINS (oneformer, "oneformer", "OneFormer: Mask2Former that is told its task", &oneformer)
