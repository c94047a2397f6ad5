/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RT-DETR: Zhao et al., "DETRs Beat YOLOs on Real-time Object Detection" (2023), and RT-DETRv2: Lv et al. (2024).
 *
 * Feature maps of a backbone go through a pyramid, the smallest through a transformer first. Each of their pixels proposes a box; the best become
 * queries of a decoder that looks at few points around its boxes and moves them from layer to layer. docs/models/rt_detr.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

typedef struct
{
  const GtfInnerModel *backbone;
  const char *coded, *levels_in, *levels_out, *eval_size, *method;      /* lists */
  gint64 hidden, d, d2, n_labels, n_queries, n_learnt;  /* n_learnt: queries with rows of their own; 0: they are those of the proposals */
  gint64 encoder_layers, encoder_heads, encoder_inner, decoder_layers, decoder_heads, decoder_inner;
  gint64 n_points, n_levels, n_coded, n_in, n_stages;   /* n_stages: steps of the pyramid, up and down */
  gint64 places[GTF_MAX_LEVELS], offsets, scores;       /* which maps the transformer takes; outputs of the linear layers of the attention */
  double eps, norm_eps, temperature, offset_scale;
  GtfActivation activation, encoder_activation, decoder_activation;
  gboolean norm_first, learns_queries;
} Config;

typedef struct
{
  GtfDetectionAttention self;
  const GtfLinear *offsets, *scores, *values, *out;     /* of the deformable attention */
  const GtfNorm *self_norm, *cross_norm, *final_norm;
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
  const GtfConv2d *first, *second, *last;       /* last: may be absent */
  const RepVgg *blocks;
} Csp;

typedef struct
{
  const GtfConv2d *conv;
} Conv;

/* What a layer of the decoder says of its queries. */
typedef struct
{
  const GtfLinear *classes;
} Classes;

typedef struct
{
  const GtfLinear *layers[3];
} Boxes;

typedef struct
{
  const GtfInnerModel *backbone;
  const Conv *encoder_inputs, *decoder_inputs, *laterals, *downs;
  const Csp *fpn, *pan;
  const Coder *coders;
  const Layer *decoder;
  const GtfLinear *proposal, *proposal_scores, *proposal_boxes[3], *places[2];
  const GtfNorm *proposal_norm;
  const GtfEmbedding *queries;
  const Classes *classes;       /* one for each layer; NULL in the bare model */
  const Boxes *boxes;
} Weights;

#define BACKBONE GTF_DETECTION_BACKBONE ("\"model_type\": \"rt_detr_resnet\", \"out_indices\": [2, 3, 4]")

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
  GTF_CONFIG_INT_FIELD (Config, d, "d_model|hidden_size", 1, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (Config, n_queries, "num_queries", 1, 1 << 16, 300),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, decoder_layers, "decoder_layers", 1, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, decoder_heads, "decoder_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, decoder_inner, "decoder_ffn_dim", 1, 1 << 20, 1024),
  GTF_CONFIG_INT_FIELD (Config, n_levels, "num_feature_levels", 1, GTF_MAX_LEVELS, 3),
  GTF_CONFIG_INT_FIELD (Config, n_points, "decoder_n_points", 1, GTF_MAX_POINTS, 4),
  GTF_CONFIG_FLOAT_FIELD (Config, offset_scale, "decoder_offset_scale", -1e6, 1e6, 0.5),
  GTF_CONFIG_STRING_FIELD (Config, method, "decoder_method", "default"),
  GTF_CONFIG_BOOL_FIELD (Config, learns_queries, "learn_initial_query", FALSE),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_FLOAT_FIELD (Config, norm_eps, "batch_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const char *coded = config->coded ? config->coded : "2";
  gint64 n_maps = gtf_backbone_n_maps (config->backbone);

  config->n_in = config->levels_in ? gtf_config_list_size (config->levels_in) : 3;
  config->n_coded = config->encoder_layers > 0 ? gtf_config_list_size (coded) : 0;
  config->n_stages = config->n_in - 1;
  config->n_learnt = config->learns_queries ? config->n_queries : 0;
  config->d2 = 2 * config->d;
  config->scores = config->decoder_heads * config->n_levels * config->n_points;
  config->offsets = 2 * config->scores;
  if (config->n_in < 1 || config->n_in > GTF_MAX_LEVELS || config->n_in != n_maps)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "encoder_in_channels: expected a number for each of the %" G_GINT64_FORMAT " feature maps of the backbone, at most %d,"
                 " found %" G_GINT64_FORMAT, n_maps, GTF_MAX_LEVELS, config->n_in);
  else if ((config->levels_out ? gtf_config_list_size (config->levels_out) : 3) != config->n_in || config->n_levels < config->n_in)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "decoder_in_channels, num_feature_levels: expected as many as encoder_in_channels has (%" G_GINT64_FORMAT ")", config->n_in);
  else if (config->hidden % 4 != 0 || config->hidden % config->encoder_heads != 0 || config->d % config->decoder_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "encoder_hidden_dim (%" G_GINT64_FORMAT ") must be a multiple of 4 and encoder_attention_heads, d_model (%" G_GINT64_FORMAT
                 ") of decoder_attention_heads", config->hidden, config->d);
  else if (strcmp (config->method, "default") != 0 && strcmp (config->method, "discrete") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "decoder_method: expected \"default\" or \"discrete\", found \"%.60s\"", config->method);
  else
    {
      for (gint64 i = 0; i < config->n_coded; i++)
        if (i >= GTF_MAX_LEVELS || !gtf_config_list_int (coded, i, 0, config->n_in - 1, &config->places[i]))
          {
            g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "encode_proj_layers: expected numbers from 0 to %" G_GINT64_FORMAT ", found %.60s", config->n_in - 1, coded);
            return FALSE;
          }
      return TRUE;
    }
  return FALSE;
}

#define CONV(Struct, field, name, norm_name, flags)                                                                                \
  { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags),                                        \
    { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = norm_name, .eps_field = G_STRUCT_OFFSET (Config, norm_eps) }
#define GROUP(Struct, field, name, table, Item, n)                                                                                 \
  { GTF_WEIGHT_GROUP, name, .offset = G_STRUCT_OFFSET (Struct, field), .group = table, .group_size = sizeof (Item), .count = n }
#define LINEAR(Struct, field, name, out, in) GTF_DETECTION_LINEAR (Struct, field, name, GTF_DIM (Config, out), GTF_DIM (Config, in))

static const GtfWeight conv_norm[] = { CONV (Conv, conv, "conv", "norm", 0), { GTF_WEIGHT_END } };
static const GtfWeight sequence[] = { CONV (Conv, conv, "0", "1", 0), { GTF_WEIGHT_END } };
/* the inputs of the encoder have a normalisation of PyTorch's own eps */
static const GtfWeight plain_sequence[] = {
  { GTF_WEIGHT_CONV2D, "0", G_STRUCT_OFFSET (Conv, conv), GTF_WEIGHT_NO_BIAS, { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = "1" },
  { GTF_WEIGHT_END }
};
static const GtfWeight rep_vgg_branch = CONV (RepVgg, conv, "conv2.conv", "conv2.norm", 0);
static const GtfWeight rep_vgg[] = {
  { GTF_WEIGHT_CONV2D, "conv1.conv", G_STRUCT_OFFSET (RepVgg, conv), GTF_WEIGHT_NO_BIAS, { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = "conv1.norm",
    .eps_field = G_STRUCT_OFFSET (Config, norm_eps), .branch = &rep_vgg_branch },
  { GTF_WEIGHT_END }
};

static const GtfWeight csp[] = {
  CONV (Csp, first, "conv1.conv", "conv1.norm", 0),
  CONV (Csp, second, "conv2.conv", "conv2.norm", 0),
  CONV (Csp, last, "conv3.conv", "conv3.norm", GTF_WEIGHT_OPTIONAL),
  GROUP (Csp, blocks, "bottlenecks.%d", rep_vgg, RepVgg, GTF_DIM_CONST (3)),
  { GTF_WEIGHT_END }
};

static const GtfWeight encoder_layer[] = {
  GTF_DETECTION_ATTENTION (Layer, self, "self_attn", Config, hidden),
  GTF_DETECTION_NORM (Layer, self_norm, "self_attn_layer_norm", Config, hidden),
  LINEAR (Layer, up, "fc1|mlp.fc1", encoder_inner, hidden),
  LINEAR (Layer, down, "fc2|mlp.fc2", hidden, encoder_inner),
  GTF_DETECTION_NORM (Layer, final_norm, "final_layer_norm", Config, hidden),
  { GTF_WEIGHT_END }
};

static const GtfWeight coder[] = { GROUP (Coder, layers, "layers.%d", encoder_layer, Layer, GTF_DIM (Config, encoder_layers)), { GTF_WEIGHT_END } };

static const GtfWeight decoder_layer[] = {
  GTF_DETECTION_ATTENTION (Layer, self, "self_attn", Config, d),
  GTF_DETECTION_NORM (Layer, self_norm, "self_attn_layer_norm", Config, d),
  LINEAR (Layer, offsets, "encoder_attn.sampling_offsets", offsets, d),
  LINEAR (Layer, scores, "encoder_attn.attention_weights", scores, d),
  LINEAR (Layer, values, "encoder_attn.value_proj", d, d),
  LINEAR (Layer, out, "encoder_attn.output_proj", d, d),
  GTF_DETECTION_NORM (Layer, cross_norm, "encoder_attn_layer_norm", Config, d),
  LINEAR (Layer, up, "fc1|mlp.fc1", decoder_inner, d),
  LINEAR (Layer, down, "fc2|mlp.fc2", d, decoder_inner),
  GTF_DETECTION_NORM (Layer, final_norm, "final_layer_norm", Config, d),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone.model", G_STRUCT_OFFSET (Weights, backbone), .count = GTF_DIM (Config, backbone) },
  GROUP (Weights, encoder_inputs, "encoder_input_proj.%d", plain_sequence, Conv, GTF_DIM (Config, n_in)),
  GROUP (Weights, coders, "encoder.encoder.%d|encoder.aifi.%d", coder, Coder, GTF_DIM (Config, n_coded)),
  GROUP (Weights, laterals, "encoder.lateral_convs.%d", conv_norm, Conv, GTF_DIM (Config, n_stages)),
  GROUP (Weights, fpn, "encoder.fpn_blocks.%d", csp, Csp, GTF_DIM (Config, n_stages)),
  GROUP (Weights, downs, "encoder.downsample_convs.%d", conv_norm, Conv, GTF_DIM (Config, n_stages)),
  GROUP (Weights, pan, "encoder.pan_blocks.%d", csp, Csp, GTF_DIM (Config, n_stages)),
  GROUP (Weights, decoder_inputs, "decoder_input_proj.%d", sequence, Conv, GTF_DIM (Config, n_levels)),
  LINEAR (Weights, proposal, "enc_output.0", d, d),
  GTF_DETECTION_NORM (Weights, proposal_norm, "enc_output.1", Config, d),
  LINEAR (Weights, proposal_scores, "enc_score_head", n_labels, d),
  GTF_DETECTION_MLP (Weights, proposal_boxes, "enc_bbox_head", Config, d, 4),
  { GTF_WEIGHT_EMBEDDING, "weight_embedding", G_STRUCT_OFFSET (Weights, queries), 0, { GTF_DIM (Config, n_learnt), GTF_DIM (Config, d) } },
  GTF_DETECTION_LINEAR (Weights, places[0], "decoder.query_pos_head.layers.0", GTF_DIM (Config, d2), GTF_DIM_CONST (4)),
  LINEAR (Weights, places[1], "decoder.query_pos_head.layers.1", d, d2),
  GROUP (Weights, decoder, "decoder.layers.%d", decoder_layer, Layer, GTF_DIM (Config, decoder_layers)),
  { GTF_WEIGHT_END }
};

static const GtfWeight classes[] = { LINEAR (Classes, classes, "", n_labels, d), { GTF_WEIGHT_END } };
static const GtfWeight boxes[] = {
  LINEAR (Boxes, layers[0], "layers.0", d, d),
  LINEAR (Boxes, layers[1], "layers.1", d, d),
  GTF_DETECTION_LINEAR (Boxes, layers[2], "layers.2", GTF_DIM_CONST (4), GTF_DIM (Config, d)),
  { GTF_WEIGHT_END }
};

static const GtfWeight detection[] = {
  GROUP (Weights, classes, "decoder.class_embed.%d|class_embed.%d", classes, Classes, GTF_DIM (Config, decoder_layers)),
  GROUP (Weights, boxes, "decoder.bbox_embed.%d|bbox_embed.%d", boxes, Boxes, GTF_DIM (Config, decoder_layers)),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForObjectDetection", gtf_detection_tasks, detection, "model" },
  { "Model", gtf_vision_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- the encoder: a transformer on the smallest map, and a pyramid up and down ------------------------------------------- */

static GtfTensor *
feed_forward (GtfContext *c, const Layer *w, GtfTensor *x, GtfTensor *residual, GtfActivation act)
{
  return gtf_feed_forward (c, w->up, act, w->down, x, residual);
}

static GtfTensor *
encoder_forward (GtfContext *c, const Config *config, const Layer *w, GtfTensor *x, const GtfTensor *places)
{
  const GtfAttention how = { .n_heads = config->encoder_heads };
  const float eps = (float) config->eps;
  GtfTensor *h = config->norm_first ? gtf_layer_norm (c, w->self_norm, x, eps) : x, *placed = places ? gtf_add (c, h, places) : h;

  x = gtf_detection_attend (c, &w->self, &how, placed, placed, h, x);
  if (config->norm_first)
    {
      x = gtf_layer_norm (c, w->final_norm, x, eps);    /* the sum is added to what is normalised here */
      return feed_forward (c, w, x, x, config->encoder_activation);
    }
  x = gtf_layer_norm (c, w->self_norm, x, eps);
  return gtf_layer_norm (c, w->final_norm, feed_forward (c, w, x, x, config->encoder_activation), eps);
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
csp_forward (GtfContext *c, const Config *config, const Csp *w, GtfTensor *a, GtfTensor *b)
{
  GtfTensor *x = gtf_join (c, (GtfTensor *[]){ a, b }, 2), *y = gtf_conv2d_inner (c, w->first, x, NULL, config->activation);

  for (gint64 i = 0; i < 2; i++)
    y = gtf_conv2d_inner (c, w->blocks[i].conv, y, &(GtfWindow){ .padding = 1 }, config->activation);
  y = gtf_conv2d (c, w->blocks[2].conv, y, &(GtfWindow){ .padding = 1 }, config->activation, NULL);
  y = gtf_add (c, y, gtf_conv2d (c, w->second, x, NULL, config->activation, NULL));
  return w->last ? gtf_conv2d (c, w->last, y, NULL, config->activation, NULL) : y;
}

/* In place: from the smallest map to the largest, and back. */
static void
pyramid (GtfContext *c, const Config *config, const Weights *w, GtfTensor **maps)
{
  for (gint64 i = 0; i < config->n_stages && !gtf_failed (c); i++)
    {
      const gint64 at = config->n_stages - i;
      GtfTensor *small = maps[at] = gtf_conv2d (c, w->laterals[i].conv, maps[at], NULL, config->activation, NULL);

      maps[at - 1] = csp_forward (c, config, &w->fpn[i], gtf_resize (c, small, 2 * gtf_dim (small, 1), 2 * gtf_dim (small, 2), GTF_RESIZE_NEAREST), maps[at - 1]);
    }
  for (gint64 i = 0; i < config->n_stages && !gtf_failed (c); i++)
    maps[i + 1] = csp_forward (c, config, &w->pan[i], gtf_conv2d (c, w->downs[i].conv, maps[i], &(GtfWindow){ .stride = 2, .padding = 1 }, config->activation, NULL),
                               maps[i + 1]);
}

/* The feature maps that the decoder looks at: n_levels of them. */
static gboolean
encode (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, GtfTensor **maps)
{
  GtfTensor *last;

  if (!gtf_backbone_maps (c, w->backbone, pixels, maps, config->n_in))
    return FALSE;
  for (gint64 i = 0; i < config->n_in; i++)
    maps[i] = gtf_conv2d (c, w->encoder_inputs[i].conv, maps[i], NULL, GTF_ACTIVATION_NONE, NULL);
  for (gint64 i = 0; i < config->n_coded && !gtf_failed (c); i++)
    maps[config->places[i]] = code (c, config, &w->coders[i], maps[config->places[i]]);
  pyramid (c, config, w, maps);
  last = maps[config->n_in - 1];
  for (gint64 i = 0; i < config->n_levels; i++)
    maps[i] = i < config->n_in ? gtf_conv2d (c, w->decoder_inputs[i].conv, maps[i], NULL, GTF_ACTIVATION_NONE, NULL)
                               : gtf_conv2d (c, w->decoder_inputs[i].conv, last, &(GtfWindow){ .stride = 2, .padding = 1 }, GTF_ACTIVATION_NONE, NULL);
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

static GtfTensor *
decoder_forward (GtfContext *c, const Pass *p, const Layer *w, GtfTensor *x, const GtfTensor *places)
{
  const GtfAttention self = { .n_heads = p->config->decoder_heads };
  const float eps = (float) p->config->eps;
  const gint64 n = gtf_dim (x, 0);
  GtfTensor *placed = gtf_add (c, x, places), *seen;

  x = gtf_layer_norm (c, w->self_norm, gtf_detection_attend (c, &w->self, &self, placed, placed, x, x), eps);
  placed = gtf_add (c, x, places);
  seen = gtf_deformable_attention (c, gtf_linear (c, w->values, p->memory), gtf_linear (c, w->offsets, placed), gtf_linear (c, w->scores, placed),
                                   gtf_reshape (c, p->references, 4, (gint64[]){ n, p->config->n_queries, 1, 4 }), &p->how);
  x = gtf_layer_norm (c, w->cross_norm, gtf_linear_add (c, w->out, seen, x), eps);
  return gtf_layer_norm (c, w->final_norm, feed_forward (c, w, x, x, p->config->decoder_activation), eps);
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
      how->n_points[i] = config->n_points;
      tokens[i] = gtf_map_tokens (c, maps[i]);
    }
  return gtf_failed (c) ? NULL : gtf_chain_tokens (c, tokens, config->n_levels);
}

/* The best proposals of all pixels: their boxes become references, and what is known of them the queries. */
static GtfTensor *
propose (GtfContext *c, const Weights *w, Pass *p, GtfTensor *const *maps)
{
  const Config *config = p->config;
  const gint64 n = gtf_dim (p->memory, 0);
  GtfTensor *valid, *anchors = gtf_anchors (c, maps, config->n_levels, 0.05f, FALSE, &valid);
  GtfTensor *x = gtf_layer_norm (c, w->proposal_norm, gtf_linear (c, w->proposal, gtf_keep_rows (c, p->memory, valid)), (float) config->eps);
  GtfTensor *best = gtf_top_rows (c, gtf_linear (c, w->proposal_scores, x), config->n_queries);
  GtfTensor *boxes = gtf_add (c, gtf_detection_mlp (c, w->proposal_boxes, 3, x), anchors);

  p->references = gtf_activate (c, gtf_take (c, boxes, best), GTF_ACTIVATION_SIGMOID);
  return w->queries ? gtf_repeat_rows (c, gtf_embedding_range (c, w->queries, 0, config->n_queries), n) : gtf_take (c, x, best);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, 3);
  Pass p = { .config = config, .how = { .n_heads = config->decoder_heads, .n_levels = config->n_levels, .offset_scale = config->offset_scale,
                                        .nearest = strcmp (config->method, "discrete") == 0 } };
  GtfTensor *maps[GTF_MAX_MAPS], *x;

  if (pixels == NULL || !encode (c, config, w, pixels, maps))
    return;
  p.memory = flatten (c, config, maps, &p.how);
  x = propose (c, w, &p, maps);
  for (gint64 i = 0; i < config->decoder_layers; i++)
    {
      x = decoder_forward (c, &p, &w->decoder[i], x, gtf_detection_mlp (c, w->places, 2, p.references));
      if (w->boxes)
        p.references = gtf_refine_boxes (c, gtf_detection_mlp (c, w->boxes[i].layers, 3, x), p.references, 1e-5f);
    }
  gtf_output (c, "last_hidden_state", x);
  if (w->classes == NULL)
    return;
  gtf_output (c, "logits", gtf_linear (c, w->classes[config->decoder_layers - 1].classes, x));
  gtf_output (c, "pred_boxes", p.references);
}

static const char *const types[] = { "rt_detr", "rt_detr_v2", NULL };

static const GtfArchitecture rt_detr = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*denoising_class_embed.*|*.num_batches_tracked|*.n_points_scale|*class_embed.*|*bbox_embed.*",
  .forward = forward
};

GTF_TEXT_PLUGINS (rt_detr, "rt_detr", "RT-DETR: objects of a picture in real time", &rt_detr)
