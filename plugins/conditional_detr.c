/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Conditional DETR: Meng et al., "Conditional DETR for Fast Training Convergence" (2021).
 *
 * DETR whose queries have a place: in the decoder's cross-attention what a query is and where it looks are two halves of each head, side by side instead of
 * added, and each layer scales the second. docs/models/conditional_detr.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  const GtfInnerModel *backbone;
  gint64 n_channels, d, half, n_queries, n_labels;
  gint64 encoder_layers, encoder_heads, encoder_inner, decoder_layers, decoder_heads, decoder_inner;
  GtfActivation activation;
  const char *position_type;
  gboolean has_learnt, has_auxiliary;
  gint64 n_places;              /* rows of the learnt positions */
} Config;

typedef struct
{
  GtfDetectionAttention self;
  const GtfNorm *self_norm, *final_norm;
  const GtfLinear *up, *down;
} EncoderLayer;

typedef struct
{
  GtfPlacedAttention self, cross;               /* cross.q_place: in the first layer only */
  const GtfNorm *self_norm, *cross_norm, *final_norm;
  const GtfLinear *up, *down;
} DecoderLayer;

typedef struct
{
  const GtfInnerModel *backbone;
  const GtfLinear *projection;
  const GtfEmbedding *queries, *rows, *columns;
  const EncoderLayer *encoder;
  const DecoderLayer *decoder;
  const GtfNorm *decoder_norm;
  const GtfLinear *scale[2], *references[2];    /* of the decoder: how a layer scales where a query looks, and its place */
  const GtfLinear *classes, *boxes[3];
} Weights;

#define BACKBONE GTF_DETECTION_BACKBONE ("\"model_type\": \"resnet\", \"out_features\": [\"stage4\"], \"timm\": {\"out_indices\": [1, 2, 3, 4]}")

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config", BACKBONE),
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_INT_FIELD (Config, d, "d_model|hidden_size", 2, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (Config, n_queries, "num_queries", 1, 1 << 16, 300),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, encoder_layers, "encoder_layers|num_hidden_layers", 0, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, encoder_heads, "encoder_attention_heads|num_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, encoder_inner, "encoder_ffn_dim", 1, 1 << 20, 2048),
  GTF_CONFIG_INT_FIELD (Config, decoder_layers, "decoder_layers", 0, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, decoder_heads, "decoder_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, decoder_inner, "decoder_ffn_dim", 1, 1 << 20, 2048),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "activation_function", "relu"),
  GTF_CONFIG_STRING_FIELD (Config, position_type, "position_embedding_type", "sine"),
  GTF_CONFIG_BOOL_FIELD (Config, has_auxiliary, "auxiliary_loss", FALSE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->has_learnt = g_strcmp0 (config->position_type, "learned") == 0;
  config->n_places = config->has_learnt ? 50 : 0;
  config->half = config->d / 2;
  if (!config->has_learnt && g_strcmp0 (config->position_type, "sine") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "position_embedding_type: expected \"sine\" or \"learned\", found \"%.60s\"", config->position_type);
  else if (config->d % 2 != 0 || config->d % config->encoder_heads != 0 || config->d % config->decoder_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "d_model (%" G_GINT64_FORMAT ") must be even and a multiple of encoder_attention_heads (%" G_GINT64_FORMAT
                 ") and decoder_attention_heads (%" G_GINT64_FORMAT ")", config->d, config->encoder_heads, config->decoder_heads);
  else
    return TRUE;
  return FALSE;
}

#define LINEAR(Struct, field, name, out, in) GTF_DETECTION_LINEAR (Struct, field, name, GTF_DIM (Config, out), GTF_DIM (Config, in))
#define SQUARE(field, name) LINEAR (DecoderLayer, field, name, d, d)

static const GtfWeight encoder_layer[] = {
  GTF_DETECTION_ATTENTION (EncoderLayer, self, "self_attn", Config, d),
  GTF_DETECTION_NORM (EncoderLayer, self_norm, "self_attn_layer_norm", Config, d),
  LINEAR (EncoderLayer, up, "fc1|mlp.fc1", encoder_inner, d),
  LINEAR (EncoderLayer, down, "fc2|mlp.fc2", d, encoder_inner),
  GTF_DETECTION_NORM (EncoderLayer, final_norm, "final_layer_norm", Config, d),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder_layer[] = {
  SQUARE (self.q, "sa_qcontent_proj|self_attn.q_content_proj"),
  SQUARE (self.q_place, "sa_qpos_proj|self_attn.q_pos_proj"),
  SQUARE (self.k, "sa_kcontent_proj|self_attn.k_content_proj"),
  SQUARE (self.k_place, "sa_kpos_proj|self_attn.k_pos_proj"),
  SQUARE (self.v, "sa_v_proj|self_attn.v_proj"),
  SQUARE (self.out, "self_attn.out_proj|self_attn.o_proj"),
  GTF_DETECTION_NORM (DecoderLayer, self_norm, "self_attn_layer_norm", Config, d),
  SQUARE (cross.q, "ca_qcontent_proj|encoder_attn.q_content_proj"),
  { GTF_WEIGHT_LINEAR, "ca_qpos_proj|encoder_attn.q_pos_proj", G_STRUCT_OFFSET (DecoderLayer, cross.q_place), GTF_WEIGHT_OPTIONAL, { GTF_DIM (Config, d), GTF_DIM (Config, d) } },
  SQUARE (cross.k, "ca_kcontent_proj|encoder_attn.k_content_proj"),
  SQUARE (cross.k_place, "ca_kpos_proj|encoder_attn.k_pos_proj"),
  SQUARE (cross.v, "ca_v_proj|encoder_attn.v_proj"),
  SQUARE (cross.q_sine, "ca_qpos_sine_proj|encoder_attn.q_pos_sine_proj"),
  SQUARE (cross.out, "encoder_attn.out_proj|encoder_attn.o_proj"),
  GTF_DETECTION_NORM (DecoderLayer, cross_norm, "encoder_attn_layer_norm", Config, d),
  LINEAR (DecoderLayer, up, "fc1|mlp.fc1", decoder_inner, d),
  LINEAR (DecoderLayer, down, "fc2|mlp.fc2", d, decoder_inner),
  GTF_DETECTION_NORM (DecoderLayer, final_norm, "final_layer_norm", Config, d),
  { GTF_WEIGHT_END }
};

#define LAYERS(field, name, table, Layer, n)                                                                                       \
  { GTF_WEIGHT_GROUP, name ".layers.%d", .offset = G_STRUCT_OFFSET (Weights, field), .group = table, .group_size = sizeof (Layer), \
    .count = GTF_DIM (Config, n) }
#define PLACES(field, name)                                                                                                        \
  { GTF_WEIGHT_EMBEDDING, "backbone.position_embedding." name "|position_embedding." name, G_STRUCT_OFFSET (Weights, field), 0,    \
    { GTF_DIM (Config, n_places), GTF_DIM (Config, half) } }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone.conv_encoder.model|backbone.model", G_STRUCT_OFFSET (Weights, backbone), .count = GTF_DIM (Config, backbone) },
  { GTF_WEIGHT_LINEAR, "input_projection", G_STRUCT_OFFSET (Weights, projection), 0, { GTF_DIM (Config, d), GTF_DIM_STORED } },
  { GTF_WEIGHT_EMBEDDING, "query_position_embeddings", G_STRUCT_OFFSET (Weights, queries), 0, { GTF_DIM (Config, n_queries), GTF_DIM (Config, d) } },
  PLACES (rows, "row_embeddings"),
  PLACES (columns, "column_embeddings"),
  LAYERS (encoder, "encoder", encoder_layer, EncoderLayer, encoder_layers),
  LAYERS (decoder, "decoder", decoder_layer, DecoderLayer, decoder_layers),
  GTF_DETECTION_NORM (Weights, decoder_norm, "decoder.layernorm", Config, d),
  LINEAR (Weights, scale[0], "decoder.query_scale.layers.0", d, d),
  LINEAR (Weights, scale[1], "decoder.query_scale.layers.1", d, d),
  LINEAR (Weights, references[0], "decoder.ref_point_head.layers.0", d, d),
  GTF_DETECTION_LINEAR (Weights, references[1], "decoder.ref_point_head.layers.1", GTF_DIM_CONST (2), GTF_DIM (Config, d)),
  { GTF_WEIGHT_END }
};

static const GtfWeight detection[] = {
  LINEAR (Weights, classes, "class_labels_classifier", n_labels, d),
  GTF_DETECTION_MLP (Weights, boxes, "bbox_predictor", Config, d, 4),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForObjectDetection", gtf_detection_tasks, detection, "model" },
  { "Model", gtf_vision_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- forward --------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const Config *config;
  const GtfTensor *places, *queries, *mask, *memory;
} Pass;

static GtfTensor *
feed_forward (GtfContext *c, const Config *config, const GtfLinear *up, const GtfLinear *down, const GtfNorm *norm, GtfTensor *x)
{
  return gtf_layer_norm (c, norm, gtf_feed_forward (c, up, config->activation, down, x, x), 1e-5f);
}

static GtfTensor *
encoder_forward (GtfContext *c, const Pass *p, const EncoderLayer *w, GtfTensor *x)
{
  const GtfAttention how = { .n_heads = p->config->encoder_heads, .mask = p->mask };
  GtfTensor *placed = gtf_add (c, x, p->places);

  x = gtf_layer_norm (c, w->self_norm, gtf_detection_attend (c, &w->self, &how, placed, placed, x, x), 1e-5f);
  return feed_forward (c, p->config, w->up, w->down, w->final_norm, x);
}

static GtfTensor *
decoder_forward (GtfContext *c, const Pass *p, const DecoderLayer *w, GtfTensor *x, const GtfTensor *waves, gboolean is_first)
{
  const GtfAttention cross = { .n_heads = p->config->decoder_heads, .mask = p->mask };

  x = gtf_layer_norm (c, w->self_norm, gtf_placed_self (c, &w->self, cross.n_heads, x, p->queries), 1e-5f);
  x = gtf_layer_norm (c, w->cross_norm, gtf_placed_cross (c, &w->cross, &cross, x, waves, is_first ? p->queries : NULL, p->memory, p->places), 1e-5f);
  return feed_forward (c, p->config, w->up, w->down, w->final_norm, x);
}

/* With an auxiliary loss the norm behind the decoder stands behind each of its layers too. */
static GtfTensor *
run_decoder (GtfContext *c, const Weights *w, const Pass *p, const GtfTensor *references)
{
  const Config *config = p->config;
  const gint64 n = gtf_dim (p->memory, 0);
  GtfTensor *places = gtf_coordinate_waves (c, references, config->half, TRUE), *x = gtf_zero_rows (c, n, config->n_queries, config->d);

  for (gint64 i = 0; i < config->decoder_layers; i++)
    {
      GtfTensor *waves = i == 0 ? places : gtf_gate (c, gtf_detection_mlp (c, w->scale, 2, x), places, GTF_ACTIVATION_NONE);

      x = decoder_forward (c, p, &w->decoder[i], x, waves, i == 0);
      if (config->has_auxiliary)
        x = gtf_layer_norm (c, w->decoder_norm, x, 1e-5f);
    }
  return gtf_layer_norm (c, w->decoder_norm, x, 1e-5f);
}

/* Where the pixels of the last feature map stand, and which of them are padding. */
static void
place (GtfContext *c, const Weights *w, Pass *p, const GtfTensor *pixels, const GtfTensor *map)
{
  const GtfPositions2d how = { .features = p->config->half, .temperature = 10000, .scale = 2 * G_PI };
  const GtfTensor *mask = gtf_pixel_mask (c, pixels, map);
  GtfTensor *learnt;

  p->mask = gtf_mask_scores (c, mask);
  if (!p->config->has_learnt)
    {
      p->places = gtf_positions_2d (c, mask, &how);
      return;
    }
  learnt = gtf_learnt_positions_2d (c, w->rows, w->columns, gtf_dim (map, 1), gtf_dim (map, 2));
  p->places = gtf_repeat_rows (c, learnt, gtf_dim (map, 0));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, config->n_channels);
  const gint64 n_maps = gtf_backbone_n_maps (w->backbone);
  GtfTensor *maps[GTF_MAX_MAPS], *projected, *references, *x;
  Pass p = { .config = config };

  if (pixels == NULL || !gtf_backbone_maps (c, w->backbone, pixels, maps, n_maps))
    return;
  projected = gtf_linear (c, w->projection, maps[n_maps - 1]);
  place (c, w, &p, pixels, projected);
  p.queries = gtf_repeat_rows (c, gtf_embedding_range (c, w->queries, 0, config->n_queries), gtf_dim (pixels, 0));
  references = gtf_activate (c, gtf_detection_mlp (c, w->references, 2, p.queries), GTF_ACTIVATION_SIGMOID);
  x = gtf_map_tokens (c, projected);
  for (gint64 i = 0; i < config->encoder_layers; i++)
    x = encoder_forward (c, &p, &w->encoder[i], x);
  p.memory = x;
  x = run_decoder (c, w, &p, references);
  gtf_output (c, "encoder_last_hidden_state", p.memory);
  gtf_output (c, "last_hidden_state", x);
  if (w->classes == NULL)
    return;
  gtf_output (c, "logits", gtf_linear (c, w->classes, x));
  gtf_output (c, "pred_boxes", gtf_refine_boxes (c, gtf_detection_mlp (c, w->boxes, 3, x), references, 1e-5f));
}

static const char *const types[] = { "conditional_detr", NULL };

static const GtfArchitecture conditional_detr = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .forward = forward
};

GTF_TEXT_PLUGINS (conditional_detr, "conditional_detr", "Conditional DETR: objects of a picture by queries that have a place", &conditional_detr)
