/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DAB-DETR: Liu et al., "DAB-DETR: Dynamic Anchor Boxes are Better Queries for DETR" (2022).
 *
 * Conditional DETR whose queries are boxes: each layer of the decoder looks around its box, further where the box is larger, and moves it for the next.
 * docs/models/dab-detr.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  const GtfInnerModel *backbone;
  gint64 n_channels, d, half, n_queries, n_labels, n_patterns;
  gint64 encoder_layers, encoder_heads, encoder_inner, decoder_layers, decoder_heads, decoder_inner;
  const char *activation;
  double temperature_down, temperature_across, scale;
  gboolean keeps_places, has_norm;
  gint64 n_slopes, norm_size;   /* 1 with the activation "prelu"; of the norm behind the encoder */
} Config;

/* Two linear layers and what is between them. */
typedef struct
{
  const GtfLinear *up, *down;
  const GtfTensor *slope;               /* of negative numbers; NULL: ReLU */
  const GtfNorm *norm;
} Feed;

typedef struct
{
  GtfDetectionAttention self;
  const GtfNorm *self_norm;
  Feed feed;
} EncoderLayer;

typedef struct
{
  GtfPlacedAttention self, cross;
  const GtfNorm *self_norm, *cross_norm;
  Feed feed;
} DecoderLayer;

typedef struct
{
  const GtfInnerModel *backbone;
  const GtfLinear *projection;
  const GtfEmbedding *boxes, *patterns;
  const EncoderLayer *encoder;
  const DecoderLayer *decoder;
  const GtfNorm *encoder_norm, *decoder_norm;
  const GtfLinear *encoder_scale[2], *scale[2], *places[2], *sizes[2];  /* how a layer scales positions; where a query is; how large a box it looks for */
  const GtfLinear *classes, *moves[3];
} Weights;

#define BACKBONE GTF_DETECTION_BACKBONE ("\"model_type\": \"resnet\", \"out_features\": [\"stage4\"], \"timm\": {\"num_channels\": 3, \"out_indices\": [1, 2, 3, 4]}")

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config", BACKBONE),
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_INT_FIELD (Config, d, "hidden_size|d_model", 2, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (Config, n_queries, "num_queries", 1, 1 << 16, 300),
  GTF_CONFIG_INT_FIELD (Config, n_patterns, "num_patterns", 0, 1 << 10, 0),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, encoder_layers, "encoder_layers|num_hidden_layers", 0, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, encoder_heads, "encoder_attention_heads|num_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, encoder_inner, "encoder_ffn_dim", 1, 1 << 20, 2048),
  GTF_CONFIG_INT_FIELD (Config, decoder_layers, "decoder_layers", 1, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, decoder_heads, "decoder_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, decoder_inner, "decoder_ffn_dim", 1, 1 << 20, 2048),
  GTF_CONFIG_STRING_FIELD (Config, activation, "activation_function", "prelu"),
  GTF_CONFIG_FLOAT_FIELD (Config, temperature_down, "temperature_height", 1e-6, 1e9, 20),
  GTF_CONFIG_FLOAT_FIELD (Config, temperature_across, "temperature_width", 1e-6, 1e9, 20),
  GTF_CONFIG_FLOAT_FIELD (Config, scale, "sine_position_embedding_scale", 1e-6, 1e9, 2 * G_PI),
  GTF_CONFIG_BOOL_FIELD (Config, keeps_places, "keep_query_pos", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, has_norm, "normalize_before", FALSE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->half = config->d / 2;
  config->n_slopes = g_str_equal (config->activation, "prelu");
  config->norm_size = config->has_norm ? config->d : 0;
  if (!config->n_slopes && g_strcmp0 (config->activation, "relu") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "activation_function: expected \"prelu\" or \"relu\", found \"%.60s\"", config->activation);
  else if (config->d % 4 != 0 || config->d % config->encoder_heads != 0 || config->d % config->decoder_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "hidden_size (%" G_GINT64_FORMAT ") must be a multiple of 4, encoder_attention_heads (%" G_GINT64_FORMAT
                 ") and decoder_attention_heads (%" G_GINT64_FORMAT ")", config->d, config->encoder_heads, config->decoder_heads);
  else
    return TRUE;
  return FALSE;
}

#define LINEAR(Struct, field, name, out, in) GTF_DETECTION_LINEAR (Struct, field, name, GTF_DIM (Config, out), GTF_DIM (Config, in))
#define SQUARE(field, name) LINEAR (DecoderLayer, field, name, d, d)
#define FEED(Layer, prefix, inner)                                                                                                 \
  LINEAR (Layer, feed.up, prefix "fc1", inner, d),                                                                                 \
  LINEAR (Layer, feed.down, prefix "fc2", d, inner),                                                                               \
  { GTF_WEIGHT_TENSOR, prefix "activation_fn.weight", G_STRUCT_OFFSET (Layer, feed.slope), 0, { GTF_DIM (Config, n_slopes) } },    \
  GTF_DETECTION_NORM (Layer, feed.norm, prefix "final_layer_norm", Config, d)

static const GtfWeight encoder_layer[] = {
  GTF_DETECTION_ATTENTION (EncoderLayer, self, "self_attn", Config, d),
  GTF_DETECTION_NORM (EncoderLayer, self_norm, "self_attn_layer_norm", Config, d),
  FEED (EncoderLayer, "", encoder_inner),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder_layer[] = {
  SQUARE (self.q, "self_attn.self_attn_query_content_proj"),
  SQUARE (self.q_place, "self_attn.self_attn_query_pos_proj"),
  SQUARE (self.k, "self_attn.self_attn_key_content_proj"),
  SQUARE (self.k_place, "self_attn.self_attn_key_pos_proj"),
  SQUARE (self.v, "self_attn.self_attn_value_proj"),
  SQUARE (self.out, "self_attn.self_attn.output_proj"),
  GTF_DETECTION_NORM (DecoderLayer, self_norm, "self_attn.self_attn_layer_norm", Config, d),
  SQUARE (cross.q, "cross_attn.cross_attn_query_content_proj"),
  { GTF_WEIGHT_LINEAR, "cross_attn.cross_attn_query_pos_proj", G_STRUCT_OFFSET (DecoderLayer, cross.q_place), GTF_WEIGHT_OPTIONAL, { GTF_DIM (Config, d), GTF_DIM (Config, d) } },
  SQUARE (cross.k, "cross_attn.cross_attn_key_content_proj"),
  SQUARE (cross.k_place, "cross_attn.cross_attn_key_pos_proj"),
  SQUARE (cross.v, "cross_attn.cross_attn_value_proj"),
  SQUARE (cross.q_sine, "cross_attn.cross_attn_query_pos_sine_proj"),
  SQUARE (cross.out, "cross_attn.cross_attn.output_proj"),
  GTF_DETECTION_NORM (DecoderLayer, cross_norm, "cross_attn.cross_attn_layer_norm", Config, d),
  FEED (DecoderLayer, "mlp.", decoder_inner),
  { GTF_WEIGHT_END }
};

#define LAYERS(field, name, table, Layer, n)                                                                                       \
  { GTF_WEIGHT_GROUP, name ".layers.%d", .offset = G_STRUCT_OFFSET (Weights, field), .group = table, .group_size = sizeof (Layer), \
    .count = GTF_DIM (Config, n) }
#define EMBEDDING(field, name, n, size) { GTF_WEIGHT_EMBEDDING, name, G_STRUCT_OFFSET (Weights, field), 0, { GTF_DIM (Config, n), size } }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone.conv_encoder.model|backbone.model", G_STRUCT_OFFSET (Weights, backbone), .count = GTF_DIM (Config, backbone) },
  { GTF_WEIGHT_LINEAR, "input_projection", G_STRUCT_OFFSET (Weights, projection), 0, { GTF_DIM (Config, d), GTF_DIM_STORED } },
  EMBEDDING (boxes, "query_refpoint_embeddings", n_queries, GTF_DIM_CONST (4)),
  EMBEDDING (patterns, "patterns", n_patterns, GTF_DIM (Config, d)),
  LINEAR (Weights, encoder_scale[0], "encoder.query_scale.layers.0", d, d),
  LINEAR (Weights, encoder_scale[1], "encoder.query_scale.layers.1", d, d),
  LAYERS (encoder, "encoder", encoder_layer, EncoderLayer, encoder_layers),
  GTF_DETECTION_NORM (Weights, encoder_norm, "encoder.norm", Config, norm_size),
  LAYERS (decoder, "decoder", decoder_layer, DecoderLayer, decoder_layers),
  GTF_DETECTION_NORM (Weights, decoder_norm, "decoder.layernorm", Config, d),
  LINEAR (Weights, scale[0], "decoder.query_scale.layers.0", d, d),
  LINEAR (Weights, scale[1], "decoder.query_scale.layers.1", d, d),
  GTF_DETECTION_LINEAR (Weights, places[0], "decoder.ref_point_head.layers.0", GTF_DIM (Config, d), GTF_DIM_TIMES (Config, d, 2)),
  LINEAR (Weights, places[1], "decoder.ref_point_head.layers.1", d, d),
  LINEAR (Weights, sizes[0], "decoder.ref_anchor_head.layers.0", d, d),
  GTF_DETECTION_LINEAR (Weights, sizes[1], "decoder.ref_anchor_head.layers.1", GTF_DIM_CONST (2), GTF_DIM (Config, d)),
  { GTF_WEIGHT_END }
};

static const GtfWeight detection[] = {
  LINEAR (Weights, classes, "class_embed", n_labels, d),
  GTF_DETECTION_MLP (Weights, moves, "bbox_predictor", Config, d, 4),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForObjectDetection", gtf_detection_tasks, detection, "model" },
  { "Model", gtf_vision_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- layers ----------------------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const Config *config;
  const Weights *w;
  const GtfTensor *places, *mask, *memory;      /* of the picture */
} Pass;

/* max (x, 0) + slope min (x, 0) */
static GtfTensor *
activate (GtfContext *c, const Feed *w, GtfTensor *x)
{
  GtfTensor *positive = gtf_activate (c, x, GTF_ACTIVATION_RELU), *negative;

  if (w->slope == NULL)
    return positive;
  negative = gtf_scale (c, gtf_activate (c, gtf_scale (c, x, -1), GTF_ACTIVATION_RELU), -1);
  return gtf_add (c, positive, gtf_affine_all (c, w->slope, gtf_zero_rows (c, 1, 1, 1), negative));
}

static GtfTensor *
feed_forward (GtfContext *c, const Feed *w, GtfTensor *x)
{
  return gtf_layer_norm (c, w->norm, gtf_linear_add (c, w->down, activate (c, w, gtf_linear (c, w->up, x)), x), 1e-5f);
}

/* Positions are scaled, feature by feature, by what a pixel shows. */
static GtfTensor *
encoder_forward (GtfContext *c, const Pass *p, const EncoderLayer *w, GtfTensor *x)
{
  const GtfAttention how = { .n_heads = p->config->encoder_heads, .mask = p->mask };
  GtfTensor *placed = gtf_add (c, x, gtf_gate (c, gtf_detection_mlp (c, p->w->encoder_scale, 2, x), p->places, GTF_ACTIVATION_NONE));

  x = gtf_layer_norm (c, w->self_norm, gtf_detection_attend (c, &w->self, &how, placed, placed, x, x), 1e-5f);
  return feed_forward (c, &w->feed, x);
}

/* How much larger the box is that a query looks for, than the one it has: factors of the waves down and across, by the height and the width. */
static GtfTensor *
stretch (GtfContext *c, const Pass *p, GtfTensor *x, GtfTensor *waves, const GtfTensor *boxes)
{
  const gint64 half = p->config->half;
  GtfTensor *sizes = gtf_activate (c, gtf_detection_mlp (c, p->w->sizes, 2, x), GTF_ACTIVATION_SIGMOID), *factors = gtf_quotients (c, sizes, gtf_slice (c, boxes, 2, 2));

  return gtf_join (c, (GtfTensor *[]){ gtf_scale_rows (c, gtf_slice (c, waves, 0, half), gtf_slice (c, factors, 1, 1)),
                                       gtf_scale_rows (c, gtf_slice (c, waves, half, half), gtf_slice (c, factors, 0, 1)) }, 2);
}

static GtfTensor *
decoder_forward (GtfContext *c, const Pass *p, gint64 i, GtfTensor *x, const GtfTensor *boxes)
{
  const Config *config = p->config;
  const DecoderLayer *w = &p->w->decoder[i];
  const GtfAttention cross = { .n_heads = config->decoder_heads, .mask = p->mask };
  const gboolean adds_places = i == 0 || config->keeps_places;
  GtfTensor *all = gtf_coordinate_waves (c, boxes, config->half, TRUE), *places = gtf_detection_mlp (c, p->w->places, 2, all), *waves = gtf_slice (c, all, 0, config->d);

  if (adds_places && w->cross.q_place == NULL)
    {
      gtf_fail (c, "decoder.layers.%" G_GINT64_FORMAT ".cross_attn.cross_attn_query_pos_proj is missing", i);
      return NULL;
    }
  if (i > 0)
    waves = gtf_gate (c, gtf_detection_mlp (c, p->w->scale, 2, x), waves, GTF_ACTIVATION_NONE);
  waves = stretch (c, p, x, waves, boxes);
  x = gtf_layer_norm (c, w->self_norm, gtf_placed_self (c, &w->self, cross.n_heads, x, places), 1e-5f);
  x = gtf_placed_cross (c, &w->cross, &cross, x, waves, adds_places ? places : NULL, p->memory, p->places);
  return feed_forward (c, &w->feed, gtf_layer_norm (c, w->cross_norm, x, 1e-5f));
}

/* ---- queries ---------------------------------------------------------------------------------------------------------------------- */

static gint64
by_block (gint64 i, gconstpointer n)
{
  return i / *(const gint64 *) n;
}

static gint64
by_turns (gint64 i, gconstpointer n)
{
  return i % *(const gint64 *) n;
}

/* Each pattern with each box, for each picture: what a query is at first, [B][P Q][D], and its box, [B][P Q][4]. */
static GtfTensor *
first_queries (GtfContext *c, const Pass *p, gint64 n_pictures, GtfTensor **boxes)
{
  const Config *config = p->config;
  const gint64 n = config->n_queries, n_all = n * MAX (config->n_patterns, 1);
  GtfTensor *rows = gtf_activate (c, gtf_embedding_range (c, p->w->boxes, 0, n), GTF_ACTIVATION_SIGMOID), *patterns;

  *boxes = gtf_repeat_rows (c, gtf_take (c, rows, gtf_indices (c, n_all, by_turns, &n)), n_pictures);
  if (p->w->patterns == NULL)
    return gtf_zero_rows (c, n_pictures, n, config->d);
  patterns = gtf_embedding_range (c, p->w->patterns, 0, config->n_patterns);
  return gtf_repeat_rows (c, gtf_take (c, patterns, gtf_indices (c, n_all, by_block, &n)), n_pictures);
}

/* The decoder moves the boxes, unless there is no head that says how; the last layer's are left to it. */
static GtfTensor *
decode (GtfContext *c, const Pass *p, GtfTensor **boxes)
{
  const Config *config = p->config;
  GtfTensor *x = first_queries (c, p, gtf_dim (p->memory, 0), boxes);

  for (gint64 i = 0; i < config->decoder_layers && !gtf_failed (c); i++)
    {
      x = decoder_forward (c, p, i, x, *boxes);
      if (p->w->classes != NULL && i < config->decoder_layers - 1)
        *boxes = gtf_refine_boxes (c, gtf_detection_mlp (c, p->w->moves, 3, x), *boxes, 1e-5f);
    }
  return gtf_layer_norm (c, p->w->decoder_norm, x, 1e-5f);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfPositions2d how = { .features = config->half, .temperature = config->temperature_down, .temperature_x = config->temperature_across, .scale = config->scale };
  const GtfTensor *pixels = gtf_vision_pixels (c, config->n_channels), *mask;
  const gint64 n_maps = gtf_backbone_n_maps (w->backbone);
  GtfTensor *maps[GTF_MAX_MAPS], *projected, *boxes, *x;
  Pass p = { .config = config, .w = w };

  if (pixels == NULL || !gtf_backbone_maps (c, w->backbone, pixels, maps, n_maps))
    return;
  projected = gtf_linear (c, w->projection, maps[n_maps - 1]);
  mask = gtf_pixel_mask (c, pixels, projected);
  p.mask = gtf_mask_scores (c, mask);
  p.places = gtf_positions_2d (c, mask, &how);
  x = gtf_map_tokens (c, projected);
  for (gint64 i = 0; i < config->encoder_layers && !gtf_failed (c); i++)
    x = encoder_forward (c, &p, &w->encoder[i], x);
  p.memory = w->encoder_norm != NULL ? gtf_layer_norm (c, w->encoder_norm, x, 1e-5f) : x;
  x = decode (c, &p, &boxes);
  gtf_output (c, "last_hidden_state", x);
  if (w->classes == NULL)
    return;
  gtf_output (c, "logits", gtf_linear (c, w->classes, x));
  gtf_output (c, "pred_boxes", gtf_refine_boxes (c, gtf_detection_mlp (c, w->moves, 3, x), boxes, 1e-5f));
}

static const char *const types[] = { "dab-detr", NULL };

static const GtfArchitecture dab_detr = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*decoder.bbox_embed.*", .forward = forward
};

GTF_TEXT_PLUGINS (dab_detr, "dab-detr", "DAB-DETR: objects of a picture by queries that are boxes", &dab_detr)
