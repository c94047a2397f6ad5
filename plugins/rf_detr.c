/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RF-DETR: Robinson et al., "RF-DETR: Neural Architecture Search for Real-Time Detection Transformers" (2025), after Chen et al., "LW-DETR: A Transformer
 * Replacement to YOLO for Real-Time Detection" (2024).
 *
 * States of a DINOv2 with windows become one map; the best of its pixels say where the queries begin, which a few layers of a decoder move. For instance
 * segmentation the map is looked at once more, in the size of the masks. docs/models/rf_detr.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define PROPOSAL 0.05f          /* how large a pixel's proposal is, of the picture */

typedef struct
{
  const GtfInnerModel *backbone;
  gint64 d, d2, hidden, joined, split, n_blocks, n_layers, n_heads, look_heads, n_points, scores, offsets, inner, n_queries, n_groups, n_rows, n_labels, n_levels, mask_ratio, mask_inner;
  double expansion, eps;
  GtfActivation projector_act, decoder_act, mask_act;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config",
                          "{\"model_type\": \"rf_detr_dinov2\", \"num_attention_heads\": 6, \"out_features\": [\"stage2\", \"stage5\", \"stage8\", \"stage11\"],"
                          " \"hidden_size\": 384, \"image_size\": 518}"),
  GTF_CONFIG_INT_FIELD (Config, d, "d_model", 4, 1 << 14, 256),
  GTF_CONFIG_FLOAT_FIELD (Config, expansion, "hidden_expansion", 1e-3, 64, 0.5),
  GTF_CONFIG_INT_FIELD (Config, n_blocks, "c2f_num_blocks", 0, 256, 3),
  GTF_CONFIG_ACTIVATION_FIELD (Config, projector_act, "activation_function", "silu"),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_INT_FIELD (Config, n_layers, "decoder_layers", 1, 256, 3),
  GTF_CONFIG_INT_FIELD (Config, n_heads, "decoder_self_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, look_heads, "decoder_cross_attention_heads", 1, 4096, 16),
  GTF_CONFIG_INT_FIELD (Config, n_points, "decoder_n_points", 1, GTF_MAX_POINTS, 4),
  GTF_CONFIG_INT_FIELD (Config, inner, "decoder_ffn_dim", 1, 1 << 20, 2048),
  GTF_CONFIG_ACTIVATION_FIELD (Config, decoder_act, "decoder_activation_function", "relu"),
  GTF_CONFIG_INT_FIELD (Config, n_queries, "num_queries", 1, 1 << 16, 300),
  GTF_CONFIG_INT_FIELD (Config, n_groups, "group_detr", 1, 1 << 10, 13),
  GTF_CONFIG_INT_FIELD (Config, n_levels, "num_feature_levels", 1, 1, 1),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 1, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, mask_ratio, "mask_downsample_ratio", 1, 1 << 10, 4),
  GTF_CONFIG_INT_FIELD (Config, mask_inner, "intermediate_size", 1, 1 << 20, 1024),
  GTF_CONFIG_ACTIVATION_FIELD (Config, mask_act, "segmentation_head_activation_function", "gelu"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->hidden = (gint64) ((double) config->d * config->expansion);
  config->split = 2 * config->hidden;
  config->joined = (2 + config->n_blocks) * config->hidden;
  config->d2 = 2 * config->d;
  config->scores = config->look_heads * config->n_points;
  config->offsets = 2 * config->scores;
  config->n_rows = config->n_queries * config->n_groups;
  if (config->d % 4 == 0 && config->d % config->n_heads == 0 && config->d % config->look_heads == 0 && config->hidden > 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "d_model (%" G_GINT64_FORMAT ") must be a multiple of 4, decoder_self_attention_heads (%" G_GINT64_FORMAT
               ") and decoder_cross_attention_heads (%" G_GINT64_FORMAT "), and not vanish times hidden_expansion", config->d, config->n_heads, config->look_heads);
  return FALSE;
}

/* ---- weights ----------------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfConv2d *conv;
  const GtfNorm *norm;
} ConvNorm;

typedef struct
{
  ConvNorm convs[2];
} Bottleneck;

typedef struct
{
  GtfFusedAttention self;
  const GtfLinear *offsets, *scores, *values, *out, *up, *down;
  const GtfNorm *self_norm, *look_norm, *final_norm;
} Layer;

/* What the masks' map becomes beside each layer of the decoder. */
typedef struct
{
  const GtfConv2d *depthwise;
  const GtfNorm *norm;
  const GtfLinear *pointwise;
} MaskBlock;

typedef struct
{
  const GtfInnerModel *backbone;
  ConvNorm split, join;
  const Bottleneck *bottlenecks;
  const GtfNorm *map_norm, *proposal_norm, *final_norm, *mask_query_norm;
  const GtfEmbedding *queries, *boxes;
  const GtfLinear *proposal, *proposal_classes, *proposal_boxes[3], *places[2], *classes, *moves[3];
  const Layer *layers;
  const MaskBlock *blocks;
  const GtfLinear *mask_pixels, *mask_up, *mask_down, *mask_queries;
  const GtfTensor *mask_bias;
} Weights;

#define DIM(field) GTF_DIM (Config, field)
#define LINEAR(Struct, field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_BIAS_OPTIONAL, { DIM (out), DIM (in) } }
#define NORM(Struct, field, name, n) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Struct, field), 0, { DIM (n) } }
#define GROUP(field, name, table, Item, n)                                                                                         \
  { GTF_WEIGHT_GROUP, name, .offset = G_STRUCT_OFFSET (Weights, field), .group = table, .group_size = sizeof (Item), .count = DIM (n) }
#define CONV_NORM(Struct, field, name, old, out, in, size)                                                                         \
  { GTF_WEIGHT_CONV2D, name ".conv|" old ".conv", G_STRUCT_OFFSET (Struct, field.conv), GTF_WEIGHT_NO_BIAS, { DIM (out), in, GTF_DIM_CONST (size), GTF_DIM_CONST (size) } }, \
  NORM (Struct, field.norm, name ".norm|" old ".bn", out)
/* By the names of transformers, and by those of the published files, which it writes too. */
#define PROJECTOR "backbone.projector.projector_layer."
#define STAGE "backbone.0.projector.stages.0."

#define DECODER(name, old) "decoder." name "|transformer.decoder." old
#define BOXES(field, name, old)                                                                                                    \
  LINEAR (Weights, field[0], name "0|" old "0", d, d), LINEAR (Weights, field[1], name "1|" old "1", d, d),                        \
  { GTF_WEIGHT_LINEAR, name "2|" old "2", G_STRUCT_OFFSET (Weights, field[2]), 0, { GTF_DIM_CONST (4), DIM (d) } }

static const GtfWeight bottleneck[] = {
  CONV_NORM (Bottleneck, convs[0], "conv1", "cv1", hidden, DIM (hidden), 3),
  CONV_NORM (Bottleneck, convs[1], "conv2", "cv2", hidden, DIM (hidden), 3),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder_layer[] = {
  { GTF_WEIGHT_LINEAR, "self_attn.in_proj_weight&!self_attn.q_proj", G_STRUCT_OFFSET (Layer, self.in), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS, { GTF_DIM_TIMES (Config, d, 3), DIM (d) } },
  { GTF_WEIGHT_TENSOR, "self_attn.in_proj_bias", G_STRUCT_OFFSET (Layer, self.bias), GTF_WEIGHT_OPTIONAL, { GTF_DIM_TIMES (Config, d, 3) } },
  { GTF_WEIGHT_LINEAR, "self_attn.{q,k,v}_proj&self_attn.q_proj", G_STRUCT_OFFSET (Layer, self.in), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_TIMES (Config, d, 3), DIM (d) } },
  LINEAR (Layer, self.out, "self_attn.o_proj|self_attn.out_proj", d, d),
  NORM (Layer, self_norm, "self_attn_layer_norm|norm1", d),
  LINEAR (Layer, offsets, "cross_attn.sampling_offsets", offsets, d), LINEAR (Layer, scores, "cross_attn.attention_weights", scores, d),
  LINEAR (Layer, values, "cross_attn.value_proj", d, d), LINEAR (Layer, out, "cross_attn.output_proj", d, d),
  NORM (Layer, look_norm, "cross_attn_layer_norm|norm2", d),
  LINEAR (Layer, up, "mlp.fc1|linear1", inner, d), LINEAR (Layer, down, "mlp.fc2|linear2", d, inner),
  NORM (Layer, final_norm, "layer_norm|norm3", d),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone.backbone|backbone.0.encoder.encoder", G_STRUCT_OFFSET (Weights, backbone), .count = DIM (backbone) },
  CONV_NORM (Weights, split, PROJECTOR "conv1", STAGE "0.cv1", split, GTF_DIM_STORED, 1),
  GROUP (bottlenecks, PROJECTOR "bottlenecks.%d|" STAGE "0.m.%d", bottleneck, Bottleneck, n_blocks),
  CONV_NORM (Weights, join, PROJECTOR "conv2", STAGE "0.cv2", d, DIM (joined), 1),
  NORM (Weights, map_norm, "backbone.projector.layer_norm|" STAGE "1", d),
  { GTF_WEIGHT_EMBEDDING, "query_feat", G_STRUCT_OFFSET (Weights, queries), 0, { DIM (n_rows), DIM (d) } },
  { GTF_WEIGHT_EMBEDDING, "reference_point_embed|refpoint_embed", G_STRUCT_OFFSET (Weights, boxes), 0, { DIM (n_rows), GTF_DIM_CONST (4) } },
  LINEAR (Weights, proposal, "enc_output.0|transformer.enc_output.0", d, d),
  NORM (Weights, proposal_norm, "enc_output_norm.0|transformer.enc_output_norm.0", d),
  LINEAR (Weights, proposal_classes, "enc_out_class_embed.0|transformer.enc_out_class_embed.0", n_labels, d),
  BOXES (proposal_boxes, "enc_out_bbox_embed.0.layers.", "transformer.enc_out_bbox_embed.0.layers."),
  LINEAR (Weights, places[0], DECODER ("ref_point_head.layers.0", "ref_point_head.layers.0"), d, d2),
  LINEAR (Weights, places[1], DECODER ("ref_point_head.layers.1", "ref_point_head.layers.1"), d, d),
  GROUP (layers, DECODER ("layers.%d", "layers.%d"), decoder_layer, Layer, n_layers),
  NORM (Weights, final_norm, DECODER ("layernorm", "norm"), d),
  { GTF_WEIGHT_END }
};

#define DETECTION LINEAR (Weights, classes, "class_embed", n_labels, d), BOXES (moves, "bbox_embed.layers.", "model.bbox_embed.layers.")

static const GtfWeight detection[] = { DETECTION, { GTF_WEIGHT_END } };

static const GtfWeight mask_block[] = {
  { GTF_WEIGHT_CONV2D, "depthwise_conv|dwconv", G_STRUCT_OFFSET (MaskBlock, depthwise), GTF_WEIGHT_GROUPED, { DIM (d), GTF_DIM_CONST (1), GTF_DIM_CONST (3), GTF_DIM_CONST (3) } },
  NORM (MaskBlock, norm, "layernorm|norm", d),
  LINEAR (MaskBlock, pointwise, "pointwise_conv|pwconv1", d, d),
  { GTF_WEIGHT_END }
};

static const GtfWeight segmentation[] = {
  DETECTION,
  GROUP (blocks, "blocks.%d|segmentation_head.blocks.%d", mask_block, MaskBlock, n_layers),
  LINEAR (Weights, mask_pixels, "spatial_features_proj|segmentation_head.spatial_features_proj", d, d),
  NORM (Weights, mask_query_norm, "query_features_block.norm|segmentation_head.query_features_block.norm_in", d),
  LINEAR (Weights, mask_up, "query_features_block.mlp.fc1|segmentation_head.query_features_block.layers.0", mask_inner, d),
  LINEAR (Weights, mask_down, "query_features_block.mlp.fc2|segmentation_head.query_features_block.layers.2", d, mask_inner),
  LINEAR (Weights, mask_queries, "query_features_proj|segmentation_head.query_features_proj", d, d),
  { GTF_WEIGHT_TENSOR, "segmentation_bias|segmentation_head.bias", G_STRUCT_OFFSET (Weights, mask_bias), 0, { GTF_DIM_CONST (1) } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForObjectDetection", gtf_detection_tasks, detection, "model" },
  { "ForInstanceSegmentation", gtf_segmentation_tasks, segmentation, "model.model|model" },
  { "Model", gtf_vision_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- forward ----------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
conv_norm (GtfContext *c, const Config *config, const ConvNorm *w, const GtfTensor *x)
{
  const GtfWindow window = { .padding = gtf_conv2d_size (w->conv, 0) / 2 };

  return gtf_activate (c, gtf_layer_norm (c, w->norm, gtf_conv2d (c, w->conv, x, &window, GTF_ACTIVATION_NONE, NULL), (float) config->eps), config->projector_act);
}

/* The backbone's maps as one: [B][H][W][D]. What each block makes is kept beside what came before it. */
static GtfTensor *
project (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels)
{
  const gint64 n_maps = gtf_backbone_n_maps (w->backbone), n = config->hidden;
  GtfTensor *maps[GTF_MAX_MAPS], *parts[2], *x;

  if (!gtf_backbone_maps (c, w->backbone, pixels, maps, n_maps))
    return NULL;
  parts[0] = conv_norm (c, config, &w->split, gtf_join (c, maps, n_maps));
  x = gtf_slice (c, parts[0], n, n);
  for (gint64 i = 0; i < config->n_blocks && !gtf_failed (c); i++)
    {
      parts[1] = x = conv_norm (c, config, &w->bottlenecks[i].convs[1], conv_norm (c, config, &w->bottlenecks[i].convs[0], x));
      parts[0] = gtf_join (c, parts, 2);
    }
  return gtf_layer_norm (c, w->map_norm, conv_norm (c, config, &w->join, parts[0]), 1e-6f);
}

/* Where the queries begin: learnt boxes, moved to the best of what the pixels propose: [B][Q][4]. */
static GtfTensor *
propose (GtfContext *c, const Config *config, const Weights *w, GtfTensor *mask, const GtfTensor *memory)
{
  const gint64 n = gtf_dim (memory, 0);
  GtfTensor *valid, *boxes = gtf_activate (c, gtf_anchors (c, &mask, 1, PROPOSAL, TRUE, &valid), GTF_ACTIVATION_SIGMOID), *never = gtf_mask_scores (c, valid);
  GtfTensor *x = gtf_layer_norm (c, w->proposal_norm, gtf_linear (c, w->proposal, gtf_keep_rows (c, memory, valid)), 1e-5f);
  GtfTensor *scores = gtf_linear (c, w->proposal_classes, x), *best;

  if (never != NULL)
    scores = gtf_add_column (c, scores, gtf_reshape (c, never, 3, (gint64[]){ n, -1, 1 }));
  best = gtf_top_rows (c, scores, config->n_queries);
  boxes = gtf_take (c, gtf_move_boxes (c, gtf_detection_mlp (c, w->proposal_boxes, 3, x), boxes), best);
  return gtf_move_boxes (c, gtf_repeat_rows (c, gtf_embedding_range (c, w->boxes, 0, config->n_queries), n), boxes);
}

/* What the queries see of the map at few points around their boxes, and @x. */
static GtfTensor *
look (GtfContext *c, const Config *config, const Layer *w, const GtfTensor *map, const GtfTensor *values, const GtfTensor *placed, const GtfTensor *references, const GtfTensor *x)
{
  const GtfDeformable how = { .n_levels = 1, .n_heads = config->look_heads, .n_points = { config->n_points }, .heights = { gtf_dim (map, 1) }, .widths = { gtf_dim (map, 2) },
                              .offset_scale = 0.5 };

  return gtf_linear_add (c, w->out, gtf_deformable_attention (c, values, gtf_linear (c, w->offsets, placed), gtf_linear (c, w->scores, placed), references, &how), x);
}

/* The queries behind the last layer, normalised: [B][Q][D]. All layers look about the same boxes. */
static GtfTensor *
decode (GtfContext *c, const Config *config, const Weights *w, GtfTensor *mask, const GtfTensor *map, const GtfTensor *memory, const GtfTensor *boxes)
{
  const gint64 n = gtf_dim (memory, 0);
  const GtfAttention self = { .n_heads = config->n_heads };
  GtfTensor *references = gtf_level_references (c, boxes, &mask, 1);
  GtfTensor *waves = gtf_coordinate_waves (c, gtf_reshape (c, references, 3, (gint64[]){ n, config->n_queries, 4 }), config->d / 2, TRUE);
  GtfTensor *places = gtf_detection_mlp (c, w->places, 2, waves), *x = gtf_repeat_rows (c, gtf_embedding_range (c, w->queries, 0, config->n_queries), n);

  for (gint64 i = 0; i < config->n_layers && !gtf_failed (c); i++)
    {
      const Layer *l = &w->layers[i];
      GtfTensor *placed = gtf_add (c, x, places), *values = gtf_keep_rows (c, gtf_linear (c, l->values, memory), mask);

      x = gtf_layer_norm (c, l->self_norm, gtf_fused_attend (c, &l->self, &self, placed, placed, x, x), 1e-5f);
      x = gtf_layer_norm (c, l->look_norm, look (c, config, l, map, values, gtf_add (c, x, places), references, x), 1e-5f);
      x = gtf_layer_norm (c, l->final_norm, gtf_feed_forward (c, l->up, config->decoder_act, l->down, x, x), 1e-5f);
    }
  return gtf_layer_norm (c, w->final_norm, x, 1e-5f);
}

/* Logits of masks: how alike pixels and queries are: [B][Q][height][width]. */
static GtfTensor *
segment (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels, const GtfTensor *map, const GtfTensor *x)
{
  const gint64 height = gtf_dim (pixels, 2) / config->mask_ratio, width = gtf_dim (pixels, 3) / config->mask_ratio;
  GtfTensor *s = gtf_resize (c, map, height, width, GTF_RESIZE_BILINEAR), *q;

  for (gint64 i = 0; i < config->n_layers && !gtf_failed (c); i++)
    {
      const MaskBlock *b = &w->blocks[i];
      GtfTensor *y = gtf_layer_norm (c, b->norm, gtf_conv2d (c, b->depthwise, s, &(GtfWindow){ .padding = 1 }, GTF_ACTIVATION_NONE, NULL), 1e-6f);

      s = gtf_add (c, s, gtf_linear_act (c, b->pointwise, y, config->mask_act));
    }
  q = gtf_linear_act (c, w->mask_up, gtf_layer_norm (c, w->mask_query_norm, x, 1e-5f), config->mask_act);
  q = gtf_linear (c, w->mask_queries, gtf_linear_add (c, w->mask_down, q, x));
  return gtf_affine_all (c, NULL, w->mask_bias, gtf_pixels_first (c, gtf_products (c, gtf_linear (c, w->mask_pixels, s), q)));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_input (c, "pixel_values");
  GtfTensor *map, *memory, *mask, *boxes, *x;

  if (gtf_failed (c) || (map = project (c, config, w, pixels)) == NULL)
    return;
  mask = gtf_pixel_mask (c, pixels, map);
  memory = gtf_map_tokens (c, map);
  boxes = propose (c, config, w, mask, memory);
  x = decode (c, config, w, mask, map, memory, boxes);
  gtf_output (c, "last_hidden_state", x);
  if (w->classes == NULL)
    return;
  gtf_output (c, "logits", gtf_linear (c, w->classes, x));
  gtf_output (c, "pred_boxes", gtf_move_boxes (c, gtf_detection_mlp (c, w->moves, 3, x), boxes));
  if (w->blocks != NULL)
    gtf_output (c, "pred_masks", segment (c, config, w, pixels, map, x));
}

static const char *const types[] = { "rf_detr", NULL };

/* The other groups of queries are for training. */
static const GtfArchitecture rf_detr = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*enc_out*|*class_embed.*|*bbox_embed.*|*.mask_token", .forward = forward
};

GTF_TEXT_PLUGINS (rf_detr, "rf_detr", "RF-DETR: objects and their masks in real time", &rf_detr)
