/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * D-FINE: Peng et al., "D-FINE: Redefine Regression Task in DETRs as Fine-grained Distribution Refinement" (2024).
 *
 * As in RT-DETR, the pixels of a pyramid over the feature maps of a backbone propose boxes. A layer of the decoder says for each edge of a box how far it is from
 * where the first layer put it, as a distribution over distances, which the next layer corrects. docs/models/d_fine.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>
#include <string.h>

typedef struct
{
  const GtfInnerModel *backbone;
  const char *coded, *levels_in, *levels_out, *eval_size, *points, *method;     /* all but the last are lists */
  gint64 hidden, d, d2, n_labels, n_queries, n_learnt;  /* n_learnt: queries with rows of their own; 0: they are those of the proposals */
  gint64 encoder_layers, encoder_heads, encoder_inner, decoder_layers, decoder_heads, decoder_inner;
  gint64 n_levels, n_coded, n_in, n_stages, n_blocks;   /* n_stages: steps of the pyramid, up and down; n_blocks: of each of its parts */
  gint64 n_projected, answer, n_used;                   /* maps projected for the decoder; the layer that answers, from 0, and how many there are up to it */
  gint64 n_points[GTF_MAX_LEVELS], places[GTF_MAX_LEVELS], offsets, scores;     /* offsets, scores: outputs of the linear layers of the attention */
  gint64 n_bins, n_corners, n_best, n_peaks, quality_inner, n_quality_layers;   /* distributions over n_bins + 1 distances */
  double eps, norm_eps, temperature, offset_scale, depth;
  GtfActivation activation, encoder_activation, decoder_activation;
  gboolean norm_first, learns_queries;
} Config;

typedef struct
{
  GtfDetectionAttention self;
  const GtfLinear *offsets, *scores, *gate;     /* of the deformable attention; of what it adds */
  const GtfNorm *self_norm, *gate_norm, *final_norm;
  const GtfLinear *up, *down;
} Layer;

typedef struct
{
  const Layer *layers;
} Coder;

/* Convolutions that are added; each with its normalisation. */
typedef struct
{
  const GtfConv2d *conv;        /* of 3 x 3 pixels, and one of 1 x 1 in its middle */
} RepVgg;

typedef struct
{
  const GtfConv2d *first, *second;
  const RepVgg *blocks;
} Csp;

/* RepNCSPELAN4. */
typedef struct
{
  const GtfConv2d *convs[4];
  Csp csp[2];
} Elan;

typedef struct
{
  const GtfConv2d *conv, *down;         /* down: of a step down, one channel each */
} Conv;

typedef struct
{
  const GtfLinear *layer;
} Linear;

typedef struct
{
  const GtfLinear *layers[3];
} Edges;

typedef struct
{
  const Linear *layers;
} Quality;

typedef struct
{
  const GtfInnerModel *backbone;
  const Conv *encoder_inputs, *decoder_inputs, *laterals, *downs;
  const Elan *fpn, *pan;
  const Coder *coders;
  const Layer *decoder;
  const GtfLinear *proposal, *proposal_scores, *proposal_boxes[3], *places[2], *first_boxes[3];
  const GtfNorm *proposal_norm;
  const GtfTensor *up, *scale;          /* of the distances */
  const GtfEmbedding *queries;
  const Quality *qualities;
  const Linear *classes;                /* one for each layer; NULL in the bare model, as the next */
  const Edges *edges;
} Weights;

#define BACKBONE GTF_DETECTION_BACKBONE ("\"model_type\": \"hgnet_v2\", \"out_indices\": [2, 3, 4]")

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config", BACKBONE),
  GTF_CONFIG_INT_FIELD (Config, hidden, "encoder_hidden_dim", 1, 1 << 16, 256),
  GTF_CONFIG_LIST_FIELD (Config, levels_in, "encoder_in_channels"),
  GTF_CONFIG_LIST_FIELD (Config, levels_out, "decoder_in_channels"),
  GTF_CONFIG_LIST_FIELD (Config, coded, "encode_proj_layers"),
  GTF_CONFIG_LIST_FIELD (Config, eval_size, "eval_size"),
  GTF_CONFIG_INT_FIELD (Config, encoder_layers, "encoder_layers", 0, 256, 1),
  GTF_CONFIG_INT_FIELD (Config, encoder_heads, "encoder_attention_heads|num_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, encoder_inner, "encoder_ffn_dim", 1, 1 << 20, 1024),
  GTF_CONFIG_FLOAT_FIELD (Config, temperature, "positional_encoding_temperature", 1e-3, 1e9, 10000),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "activation_function", "silu"),
  GTF_CONFIG_ACTIVATION_FIELD (Config, encoder_activation, "encoder_activation_function", "gelu"),
  GTF_CONFIG_ACTIVATION_FIELD (Config, decoder_activation, "decoder_activation_function", "relu"),
  GTF_CONFIG_BOOL_FIELD (Config, norm_first, "normalize_before", FALSE),
  GTF_CONFIG_FLOAT_FIELD (Config, depth, "depth_mult", 0, 100, 1),
  GTF_CONFIG_INT_FIELD (Config, d, "d_model|hidden_size", 1, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (Config, n_queries, "num_queries", 1, 1 << 16, 300),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, decoder_layers, "decoder_layers", 1, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, decoder_heads, "decoder_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, decoder_inner, "decoder_ffn_dim", 1, 1 << 20, 1024),
  GTF_CONFIG_BOOL_FIELD (Config, learns_queries, "learn_initial_query", FALSE),
  GTF_CONFIG_INT_FIELD (Config, answer, "eval_idx", -256, 255, -1),
  GTF_CONFIG_INT_FIELD (Config, n_levels, "num_feature_levels", 1, GTF_MAX_LEVELS, 3),
  GTF_CONFIG_LIST_FIELD (Config, points, "decoder_n_points"),
  GTF_CONFIG_FLOAT_FIELD (Config, offset_scale, "decoder_offset_scale", -1e6, 1e6, 0.5),
  GTF_CONFIG_STRING_FIELD (Config, method, "decoder_method", "default"),
  GTF_CONFIG_INT_FIELD (Config, n_bins, "max_num_bins", 4, GTF_MAX_BINS, 32),
  GTF_CONFIG_INT_FIELD (Config, n_best, "top_prob_values", 1, GTF_MAX_BINS, 4),
  GTF_CONFIG_INT_FIELD (Config, quality_inner, "lqe_hidden_dim", 1, 1 << 16, 64),
  GTF_CONFIG_INT_FIELD (Config, n_quality_layers, "lqe_layers", 1, 64, 2),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_FLOAT_FIELD (Config, norm_eps, "batch_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_FIELDS_END
};

static gint64
list_size (const char *list)
{
  return list ? gtf_config_list_size (list) : 3;
}

/* What follows from lists; FALSE: a number in them is out of bounds. */
static gboolean
read_lists (Config *config)
{
  const char *coded = config->coded ? config->coded : "2", *points = config->points ? config->points : "4";
  const gint64 n_points = gtf_config_list_size (points);

  config->n_coded = config->encoder_layers > 0 ? gtf_config_list_size (coded) : 0;
  for (gint64 i = 0; i < config->n_coded; i++)
    if (i >= GTF_MAX_LEVELS || !gtf_config_list_int (coded, i, 0, config->n_in - 1, &config->places[i]))
      return FALSE;
  config->scores = 0;
  for (gint64 i = 0; i < config->n_levels; i++)
    {
      if ((n_points != 1 && n_points != config->n_levels) || !gtf_config_list_int (points, n_points > 1 ? i : 0, 1, GTF_MAX_POINTS, &config->n_points[i]))
        return FALSE;
      config->scores += config->decoder_heads * config->n_points[i];
    }
  config->offsets = 2 * config->scores;
  return TRUE;
}

static void
measure (Config *config)
{
  gint64 last = config->hidden;

  if (config->levels_out)
    gtf_config_list_int (config->levels_out, gtf_config_list_size (config->levels_out) - 1, 1, 1 << 20, &last);
  else
    last = 256;
  config->n_in = list_size (config->levels_in);
  config->n_stages = config->n_in - 1;
  config->n_blocks = (gint64) nearbyint (3 * config->depth);
  config->n_projected = last == config->d ? 0 : config->n_levels;
  config->answer += config->answer < 0 ? config->decoder_layers : 0;
  config->n_used = config->answer + 1;
  config->n_learnt = config->learns_queries ? config->n_queries : 0;
  config->d2 = 2 * config->d;
  config->n_corners = 4 * (config->n_bins + 1);
  config->n_peaks = 4 * (config->n_best + 1);
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const gint64 n_maps = gtf_backbone_n_maps (config->backbone);

  measure (config);
  if (config->n_in < 1 || config->n_in > GTF_MAX_LEVELS || config->n_in != n_maps || list_size (config->levels_out) != config->n_in || config->n_levels < config->n_in)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "encoder_in_channels, decoder_in_channels, num_feature_levels: expected as many as the backbone gives feature maps (%"
                 G_GINT64_FORMAT ", at most %d), found %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT, n_maps, GTF_MAX_LEVELS, config->n_in,
                 list_size (config->levels_out), config->n_levels);
  else if (config->hidden % 4 != 0 || config->hidden % config->encoder_heads != 0 || config->d % config->decoder_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "encoder_hidden_dim (%" G_GINT64_FORMAT ") must be a multiple of 4 and encoder_attention_heads, d_model (%" G_GINT64_FORMAT
                 ") of decoder_attention_heads", config->hidden, config->d);
  else if (strcmp (config->method, "default") != 0 && strcmp (config->method, "discrete") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "decoder_method: expected \"default\" or \"discrete\", found \"%.60s\"", config->method);
  else if (config->answer < 0 || config->answer >= config->decoder_layers)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "eval_idx: expected one of the %" G_GINT64_FORMAT " decoder_layers", config->decoder_layers);
  else if (!read_lists (config))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "encode_proj_layers, decoder_n_points: expected numbers of the %" G_GINT64_FORMAT " feature maps, and one number from 1 to %d or"
                 " one for each of %" G_GINT64_FORMAT, config->n_in, GTF_MAX_POINTS, config->n_levels);
  else
    return TRUE;
  return FALSE;
}

#define CONV(Struct, field, name, flags)                                                                                           \
  { GTF_WEIGHT_CONV2D, name ".conv", G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags),                                \
    { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = name ".norm", .eps_field = G_STRUCT_OFFSET (Config, norm_eps) }
#define SEQUENCE(...)                                                                                                              \
  { GTF_WEIGHT_CONV2D, "0", G_STRUCT_OFFSET (Conv, conv), GTF_WEIGHT_NO_BIAS, { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = "1", __VA_ARGS__ }
#define GROUP(Struct, field, name, table, Item, n)                                                                                 \
  { GTF_WEIGHT_GROUP, name, .offset = G_STRUCT_OFFSET (Struct, field), .group = table, .group_size = sizeof (Item), .count = GTF_DIM (Config, n) }
#define LINEAR(Struct, field, name, out, in) GTF_DETECTION_LINEAR (Struct, field, name, GTF_DIM (Config, out), GTF_DIM (Config, in))
#define STORED(Struct, field, name) GTF_DETECTION_LINEAR (Struct, field, name, GTF_DIM_STORED, GTF_DIM_STORED)

static const GtfWeight lateral[] = {
  { GTF_WEIGHT_CONV2D, "conv", G_STRUCT_OFFSET (Conv, conv), GTF_WEIGHT_NO_BIAS, { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = "norm",
    .eps_field = G_STRUCT_OFFSET (Config, norm_eps) },
  { GTF_WEIGHT_END }
};
static const GtfWeight step_down[] = { CONV (Conv, conv, "conv1", 0), CONV (Conv, down, "conv2", GTF_WEIGHT_GROUPED), { GTF_WEIGHT_END } };
/* the inputs of the encoder have a normalisation of PyTorch's own eps */
static const GtfWeight encoder_input[] = { SEQUENCE (.eps = 1e-5), { GTF_WEIGHT_END } };
static const GtfWeight decoder_input[] = { SEQUENCE (.eps_field = G_STRUCT_OFFSET (Config, norm_eps)), { GTF_WEIGHT_END } };
static const GtfWeight rep_vgg_branch = CONV (RepVgg, conv, "conv2", 0);
static const GtfWeight rep_vgg[] = {
  { GTF_WEIGHT_CONV2D, "conv1.conv", G_STRUCT_OFFSET (RepVgg, conv), GTF_WEIGHT_NO_BIAS, { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = "conv1.norm",
    .eps_field = G_STRUCT_OFFSET (Config, norm_eps), .branch = &rep_vgg_branch },
  { GTF_WEIGHT_END }
};

#define CSP(field, name)                                                                                                           \
  CONV (Elan, field.first, name ".conv1", 0), CONV (Elan, field.second, name ".conv2", 0),                                         \
  GROUP (Elan, field.blocks, name ".bottlenecks.%d", rep_vgg, RepVgg, n_blocks)

static const GtfWeight elan[] = {
  CONV (Elan, convs[0], "conv1", 0),
  CSP (csp[0], "csp_rep1"),
  CONV (Elan, convs[1], "conv2", 0),
  CSP (csp[1], "csp_rep2"),
  CONV (Elan, convs[2], "conv3", 0),
  CONV (Elan, convs[3], "conv4", 0),
  { GTF_WEIGHT_END }
};

static const GtfWeight encoder_layer[] = {
  GTF_DETECTION_ATTENTION (Layer, self, "self_attn", Config, hidden),
  GTF_DETECTION_NORM (Layer, self_norm, "self_attn_layer_norm", Config, hidden),
  LINEAR (Layer, up, "fc1|mlp.layers.0", encoder_inner, hidden),
  LINEAR (Layer, down, "fc2|mlp.layers.1", hidden, encoder_inner),
  GTF_DETECTION_NORM (Layer, final_norm, "final_layer_norm", Config, hidden),
  { GTF_WEIGHT_END }
};

static const GtfWeight coder[] = { GROUP (Coder, layers, "layers.%d", encoder_layer, Layer, encoder_layers), { GTF_WEIGHT_END } };

static const GtfWeight decoder_layer[] = {
  GTF_DETECTION_ATTENTION (Layer, self, "self_attn", Config, d),
  GTF_DETECTION_NORM (Layer, self_norm, "self_attn_layer_norm", Config, d),
  LINEAR (Layer, offsets, "encoder_attn.sampling_offsets", offsets, d),
  LINEAR (Layer, scores, "encoder_attn.attention_weights", scores, d),
  LINEAR (Layer, gate, "gateway.gate", d2, d2),
  GTF_DETECTION_NORM (Layer, gate_norm, "gateway.norm", Config, d),
  LINEAR (Layer, up, "fc1|mlp.layers.0", decoder_inner, d),
  LINEAR (Layer, down, "fc2|mlp.layers.1", d, decoder_inner),
  GTF_DETECTION_NORM (Layer, final_norm, "final_layer_norm", Config, d),
  { GTF_WEIGHT_END }
};

static const GtfWeight linear[] = { STORED (Linear, layer, ""), { GTF_WEIGHT_END } };
static const GtfWeight quality[] = { GROUP (Quality, layers, "reg_conf.layers.%d", linear, Linear, n_quality_layers), { GTF_WEIGHT_END } };

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone.model", G_STRUCT_OFFSET (Weights, backbone), .count = GTF_DIM (Config, backbone) },
  GROUP (Weights, encoder_inputs, "encoder_input_proj.%d", encoder_input, Conv, n_in),
  GROUP (Weights, coders, "encoder.encoder.%d|encoder.aifi.%d", coder, Coder, n_coded),
  GROUP (Weights, laterals, "encoder.lateral_convs.%d", lateral, Conv, n_stages),
  GROUP (Weights, fpn, "encoder.fpn_blocks.%d", elan, Elan, n_stages),
  GROUP (Weights, downs, "encoder.downsample_convs.%d", step_down, Conv, n_stages),
  GROUP (Weights, pan, "encoder.pan_blocks.%d", elan, Elan, n_stages),
  GROUP (Weights, decoder_inputs, "decoder_input_proj.%d", decoder_input, Conv, n_projected),
  LINEAR (Weights, proposal, "enc_output.0", d, d),
  GTF_DETECTION_NORM (Weights, proposal_norm, "enc_output.1", Config, d),
  LINEAR (Weights, proposal_scores, "enc_score_head", n_labels, d),
  GTF_DETECTION_MLP (Weights, proposal_boxes, "enc_bbox_head", Config, d, 4),
  { GTF_WEIGHT_EMBEDDING, "weight_embedding", G_STRUCT_OFFSET (Weights, queries), 0, { GTF_DIM (Config, n_learnt), GTF_DIM (Config, d) } },
  GTF_DETECTION_LINEAR (Weights, places[0], "decoder.query_pos_head.layers.0", GTF_DIM (Config, d2), GTF_DIM_CONST (4)),
  LINEAR (Weights, places[1], "decoder.query_pos_head.layers.1", d, d2),
  GTF_DETECTION_MLP (Weights, first_boxes, "decoder.pre_bbox_head", Config, d, 4),
  { GTF_WEIGHT_TENSOR, "decoder.up", G_STRUCT_OFFSET (Weights, up), 0, { GTF_DIM_CONST (1) } },
  { GTF_WEIGHT_TENSOR, "decoder.reg_scale", G_STRUCT_OFFSET (Weights, scale), 0, { GTF_DIM_CONST (1) } },
  GROUP (Weights, decoder, "decoder.layers.%d", decoder_layer, Layer, n_used),
  GROUP (Weights, qualities, "decoder.lqe_layers.%d", quality, Quality, n_used),
  { GTF_WEIGHT_END }
};

static const GtfWeight classes[] = { LINEAR (Linear, layer, "", n_labels, d), { GTF_WEIGHT_END } };
static const GtfWeight edges[] = {
  LINEAR (Edges, layers[0], "layers.0", d, d), LINEAR (Edges, layers[1], "layers.1", d, d), LINEAR (Edges, layers[2], "layers.2", n_corners, d), { GTF_WEIGHT_END }
};

/* Where layers share what they say, the file may have that of the first alone. */
static const GtfWeight detection[] = {
  GROUP (Weights, classes, "decoder.class_embed.%d|class_embed.%d|decoder.class_embed.0|class_embed.0", classes, Linear, n_used),
  GROUP (Weights, edges, "decoder.bbox_embed.%d|bbox_embed.%d|decoder.bbox_embed.0|bbox_embed.0", edges, Edges, n_used),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { { "ForObjectDetection", gtf_detection_tasks, detection, "model" }, { "Model", gtf_vision_base_tasks, NULL, "model" }, { NULL } };

/* ---- the encoder: a transformer on the smallest map, and a pyramid up and down ------------------------------------------- */

static GtfTensor *
feed_forward (GtfContext *c, const Layer *w, GtfTensor *x, GtfActivation act)
{
  return gtf_feed_forward (c, w->up, act, w->down, x, x);
}

static GtfTensor *
encoder_forward (GtfContext *c, const Config *config, const Layer *w, GtfTensor *x, const GtfTensor *places)
{
  const GtfAttention how = { .n_heads = config->encoder_heads };
  const float eps = (float) config->eps;
  GtfTensor *h = config->norm_first ? gtf_layer_norm (c, w->self_norm, x, eps) : x, *placed = places ? gtf_add (c, h, places) : h;

  x = gtf_detection_attend (c, &w->self, &how, placed, placed, h, x);
  if (config->norm_first)
    return feed_forward (c, w, gtf_layer_norm (c, w->final_norm, x, eps), config->encoder_activation);
  return gtf_layer_norm (c, w->final_norm, feed_forward (c, w, gtf_layer_norm (c, w->self_norm, x, eps), config->encoder_activation), eps);
}

static GtfTensor *
code (GtfContext *c, const Config *config, const Coder *w, GtfTensor *map)
{
  const gint64 height = gtf_dim (map, 1), width = gtf_dim (map, 2);
  const GtfTensor *places = config->eval_size ? NULL : gtf_grid_waves (c, height, width, config->hidden, config->temperature);
  GtfTensor *x = gtf_map_tokens (c, map);

  for (gint64 i = 0; i < config->encoder_layers; i++)
    x = encoder_forward (c, config, &w->layers[i], x, places);
  return gtf_reshape (c, x, 4, (gint64[]){ gtf_dim (map, 0), height, width, config->hidden });
}

static GtfTensor *
csp_forward (GtfContext *c, const Config *config, const Csp *w, GtfTensor *x)
{
  const GtfWindow around = { .padding = 1 };
  GtfTensor *y = gtf_conv2d (c, w->first, x, NULL, config->activation, NULL);

  for (gint64 i = 0; i < config->n_blocks; i++)
    y = gtf_conv2d (c, w->blocks[i].conv, y, &around, config->activation, NULL);
  return gtf_add (c, y, gtf_conv2d (c, w->second, x, NULL, config->activation, NULL));
}

/* Two maps become one: both halves of a convolution, and what two parts make of the second. */
static GtfTensor *
fuse (GtfContext *c, const Config *config, const Elan *w, GtfTensor *a, GtfTensor *b)
{
  const GtfWindow around = { .padding = 1 };
  const GtfActivation act = GTF_ACTIVATION_SILU;        /* whatever activation_function says */
  GtfTensor *x = gtf_conv2d (c, w->convs[0], gtf_join (c, (GtfTensor *[]){ a, b }, 2), NULL, act, NULL), *parts[4];
  const gint64 half = gtf_dim (x, 3) / 2;

  parts[0] = gtf_slice (c, x, 0, half);
  parts[1] = gtf_slice (c, x, half, half);
  parts[2] = gtf_conv2d (c, w->convs[1], csp_forward (c, config, &w->csp[0], parts[1]), &around, act, NULL);
  parts[3] = gtf_conv2d (c, w->convs[2], csp_forward (c, config, &w->csp[1], parts[2]), &around, act, NULL);
  return gtf_conv2d (c, w->convs[3], gtf_join (c, parts, 4), NULL, act, NULL);
}

/* In place: from the smallest map to the largest, and back. */
static void
pyramid (GtfContext *c, const Config *config, const Weights *w, GtfTensor **maps)
{
  for (gint64 i = 0; i < config->n_stages && !gtf_failed (c); i++)
    {
      const gint64 at = config->n_stages - i;
      GtfTensor *small = maps[at] = gtf_conv2d (c, w->laterals[i].conv, maps[at], NULL, GTF_ACTIVATION_NONE, NULL);

      maps[at - 1] = fuse (c, config, &w->fpn[i], gtf_resize (c, small, 2 * gtf_dim (small, 1), 2 * gtf_dim (small, 2), GTF_RESIZE_NEAREST), maps[at - 1]);
    }
  for (gint64 i = 0; i < config->n_stages && !gtf_failed (c); i++)
    {
      GtfTensor *small = gtf_conv2d (c, w->downs[i].conv, maps[i], NULL, GTF_ACTIVATION_NONE, NULL);

      small = gtf_conv2d (c, w->downs[i].down, small, &(GtfWindow){ .stride = 2, .padding = 1 }, GTF_ACTIVATION_NONE, NULL);
      maps[i + 1] = fuse (c, config, &w->pan[i], small, maps[i + 1]);
    }
}

/* The feature maps that the decoder looks at: n_levels of them. */
static gboolean
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, GtfTensor **maps)
{
  const GtfWindow smaller = { .stride = 2, .padding = 1 };

  if (!gtf_backbone_maps (c, w->backbone, pixels, maps, config->n_in))
    return FALSE;
  for (gint64 i = 0; i < config->n_in; i++)
    maps[i] = gtf_conv2d (c, w->encoder_inputs[i].conv, maps[i], NULL, GTF_ACTIVATION_NONE, NULL);
  for (gint64 i = 0; i < config->n_coded && !gtf_failed (c); i++)
    maps[config->places[i]] = code (c, config, &w->coders[i], maps[config->places[i]]);
  pyramid (c, config, w, maps);
  for (gint64 i = config->n_in; i < config->n_levels; i++)
    maps[i] = maps[config->n_in - 1];
  for (gint64 i = config->n_projected; i-- > 0;)
    maps[i] = gtf_conv2d (c, w->decoder_inputs[i].conv, maps[i], i < config->n_in ? NULL : &smaller, GTF_ACTIVATION_NONE, NULL);
  return !gtf_failed (c);
}

/* ---- the decoder ------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const Config *config;
  const GtfTensor *memory;
  GtfTensor *references;        /* [B][Q][4] */
  GtfDeformable how;
} Pass;

/* Where a gate for each of the two lets them through: norm (g1 * x + g2 * seen). */
static GtfTensor *
let_through (GtfContext *c, const Pass *p, const Layer *w, GtfTensor *x, GtfTensor *seen)
{
  const gint64 d = p->config->d;
  GtfTensor *gates = gtf_linear (c, w->gate, gtf_join (c, (GtfTensor *[]){ x, seen }, 2));

  x = gtf_add (c, gtf_gate (c, gtf_slice (c, gates, 0, d), x, GTF_ACTIVATION_SIGMOID), gtf_gate (c, gtf_slice (c, gates, d, d), seen, GTF_ACTIVATION_SIGMOID));
  return gtf_layer_norm (c, w->gate_norm, x, 1e-5f);
}

static GtfTensor *
decoder_forward (GtfContext *c, const Pass *p, const Layer *w, GtfTensor *x, const GtfTensor *places)
{
  const GtfAttention self = { .n_heads = p->config->decoder_heads };
  const float eps = (float) p->config->eps;
  const GtfTensor *references = gtf_reshape (c, p->references, 4, (gint64[]){ gtf_dim (x, 0), p->config->n_queries, 1, 4 });
  GtfTensor *placed = gtf_add (c, x, places), *seen;

  x = gtf_layer_norm (c, w->self_norm, gtf_detection_attend (c, &w->self, &self, placed, placed, x, x), eps);
  placed = gtf_add (c, x, places);
  seen = gtf_deformable_attention (c, p->memory, gtf_linear (c, w->offsets, placed), gtf_linear (c, w->scores, placed), references, &p->how);
  x = feed_forward (c, w, let_through (c, p, w, x, seen), p->config->decoder_activation);
  return gtf_layer_norm (c, w->final_norm, gtf_clamp (c, x, -65504, 65504), eps);
}

/* All maps as one text of pixels. */
static const GtfTensor *
flatten (GtfContext *c, const Config *config, GtfTensor *const *maps, GtfDeformable *how)
{
  GtfTensor *tokens[GTF_MAX_LEVELS];

  for (gint64 i = 0; i < config->n_levels; i++)
    {
      how->heights[i] = gtf_dim (maps[i], 1);
      how->widths[i] = gtf_dim (maps[i], 2);
      how->n_points[i] = config->n_points[i];
      tokens[i] = gtf_map_tokens (c, maps[i]);
    }
  return gtf_failed (c) ? NULL : gtf_chain_tokens (c, tokens, config->n_levels);
}

/* The best proposals of all pixels: their boxes become references, and what is known of them the queries. */
static GtfTensor *
propose (GtfContext *c, const Weights *w, Pass *p, GtfTensor *const *maps)
{
  const Config *config = p->config;
  GtfTensor *valid, *anchors = gtf_anchors (c, maps, config->n_levels, 0.05f, FALSE, &valid);
  GtfTensor *x = gtf_layer_norm (c, w->proposal_norm, gtf_linear (c, w->proposal, gtf_keep_rows (c, p->memory, valid)), (float) config->eps);
  GtfTensor *best = gtf_top_rows (c, gtf_linear (c, w->proposal_scores, x), config->n_queries);

  p->references = gtf_activate (c, gtf_take (c, gtf_add (c, gtf_detection_mlp (c, w->proposal_boxes, 3, x), anchors), best), GTF_ACTIVATION_SIGMOID);
  return w->queries ? gtf_repeat_rows (c, gtf_embedding_range (c, w->queries, 0, config->n_queries), gtf_dim (p->memory, 0)) : gtf_take (c, x, best);
}

/* How sure the distributions are of themselves, which is added to each class. */
static GtfTensor *
judge (GtfContext *c, const Pass *p, const Weights *w, GtfTensor *scores, const GtfTensor *edges_)
{
  const Config *config = p->config;
  GtfTensor *x = gtf_edge_peaks (c, edges_, config->n_bins, config->n_best);

  for (gint64 i = 0; i < config->n_quality_layers; i++)
    x = gtf_linear_act (c, w->qualities[config->answer].layers[i].layer, x, i + 1 < config->n_quality_layers ? GTF_ACTIVATION_RELU : GTF_ACTIVATION_NONE);
  return gtf_add_column (c, scores, x);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, 3);
  Pass p = { .config = config, .how = { .n_heads = config->decoder_heads, .n_levels = config->n_levels, .offset_scale = config->offset_scale,
                                        .nearest = strcmp (config->method, "discrete") == 0 } };
  GtfTensor *maps[GTF_MAX_MAPS], *x, *first = NULL, *all = NULL;

  if (pixels == NULL || !encode (c, config, w, pixels, maps))
    return;
  p.memory = flatten (c, config, maps, &p.how);
  x = propose (c, w, &p, maps);
  for (gint64 i = 0; i < config->n_used; i++)
    {
      const GtfTensor *before = x;

      x = decoder_forward (c, &p, &w->decoder[i], x, gtf_clamp (c, gtf_detection_mlp (c, w->places, 2, p.references), -10, 10));
      if (w->edges == NULL)
        continue;
      if (i == 0)
        first = gtf_refine_boxes (c, gtf_detection_mlp (c, w->first_boxes, 3, x), p.references, 1e-5f);
      maps[0] = gtf_detection_mlp (c, w->edges[i].layers, 3, i == 0 ? x : gtf_add (c, x, before));
      all = all ? gtf_add (c, maps[0], all) : maps[0];
      p.references = gtf_edge_boxes (c, all, first, config->n_bins, w->up, w->scale);
    }
  gtf_output (c, "last_hidden_state", x);
  if (w->classes == NULL)
    return;
  gtf_output (c, "logits", judge (c, &p, w, gtf_linear (c, w->classes[config->answer].layer, x), all));
  gtf_output (c, "pred_boxes", p.references);
}

static const char *const types[] = { "d_fine", NULL };

static const GtfArchitecture d_fine = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*denoising_class_embed.*|*.num_batches_tracked|*.num_points_scale|*class_embed.*|*bbox_embed.*",
  .forward = forward
};

GTF_TEXT_PLUGINS (d_fine, "d_fine", "D-FINE: objects of a picture by distributions of their edges", &d_fine)
