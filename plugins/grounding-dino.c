/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Grounding DINO: Liu et al., "Grounding DINO: Marrying DINO with Grounded Pre-Training for Open-Set Object Detection" (2023); MM Grounding DINO: Zhao et al.,
 * "An Open and Comprehensive Pipeline for Unified Object Grounding and Detection" (2024).
 *
 * A backbone (Swin) and a text encoder (BERT); in each layer of the encoder the picture and the text look at each other. The pixels most like the text
 * become boxes, which a decoder that sees both makes better. docs/models/grounding-dino.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>

#define LEVELS GTF_MAX_LEVELS

typedef struct
{
  GtfTextConfig text;
  gint64 d, n_levels, n_queries, encoder_layers, decoder_layers, encoder_inner, decoder_inner, encoder_heads, decoder_heads, encoder_points, decoder_points, most_tokens;
  double eps, temperature;
  GtfActivation activation;
  gboolean two_stage, shares_boxes;
  const char *position_type;
  const GtfInnerModel *backbone;
  /* of the weights; 0: there are none */
  gint64 half_inner, encoder_offsets, encoder_scores, decoder_offsets, decoder_scores, wave_size, n_boxes, staged, learnt, half_size, own_points;
} Config;

#define TEXT(name) "text_config." name

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.vocab_size, TEXT ("vocab_size"), 1, 1 << 24, 30522),
  GTF_CONFIG_INT_FIELD (Config, text.hidden_size, TEXT ("hidden_size"), 1, 1 << 16, 768),
  GTF_CONFIG_INT_FIELD (Config, text.n_layers, TEXT ("num_hidden_layers"), 0, 256, 12),
  GTF_CONFIG_INT_FIELD (Config, text.n_heads, TEXT ("num_attention_heads"), 1, 4096, 12),
  GTF_CONFIG_INT_FIELD (Config, text.inner_size, TEXT ("intermediate_size"), 1, 1 << 20, 3072),
  GTF_CONFIG_INT_FIELD (Config, text.n_positions, TEXT ("max_position_embeddings"), 1, 1 << 24, 512),
  GTF_CONFIG_INT_FIELD (Config, text.n_types, TEXT ("type_vocab_size"), 0, 1 << 16, 2),
  GTF_CONFIG_FLOAT_FIELD (Config, text.eps, TEXT ("layer_norm_eps"), 0, 1, 1e-12),
  GTF_CONFIG_ACTIVATION_FIELD (Config, text.activation, TEXT ("hidden_act"), "gelu"),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, d, "d_model|hidden_size", 2, 1 << 14, 256),
  GTF_CONFIG_INT_FIELD (Config, n_levels, "num_feature_levels", 1, LEVELS, 4),
  GTF_CONFIG_INT_FIELD (Config, n_queries, "num_queries", 1, 1 << 16, 900),
  GTF_CONFIG_INT_FIELD (Config, encoder_layers, "encoder_layers", 0, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, decoder_layers, "decoder_layers", 1, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, encoder_inner, "encoder_ffn_dim", 2, 1 << 20, 2048),
  GTF_CONFIG_INT_FIELD (Config, decoder_inner, "decoder_ffn_dim", 1, 1 << 20, 2048),
  GTF_CONFIG_INT_FIELD (Config, encoder_heads, "encoder_attention_heads|num_attention_heads", 2, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, decoder_heads, "decoder_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, encoder_points, "encoder_n_points", 1, GTF_MAX_POINTS, 4),
  GTF_CONFIG_INT_FIELD (Config, decoder_points, "decoder_n_points", 1, GTF_MAX_POINTS, 4),
  GTF_CONFIG_INT_FIELD (Config, most_tokens, "max_text_len", 1, 1 << 14, 256),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_FLOAT_FIELD (Config, temperature, "positional_embedding_temperature", 1e-3, 1e9, 20),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "activation_function", "relu"),
  GTF_CONFIG_BOOL_FIELD (Config, two_stage, "two_stage", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, shares_boxes, "decoder_bbox_embed_share", TRUE),
  GTF_CONFIG_STRING_FIELD (Config, position_type, "position_embedding_type", "sine"),
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config",
                          GTF_DETECTION_BACKBONE ("\"model_type\": \"swin\", \"out_indices\": [2, 3, 4]")),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const gint64 d = config->d, text_heads = config->encoder_heads / 2;

  if (!gtf_text_config_derive (data, error))
    return FALSE;
  config->half_inner = config->encoder_inner / 2;
  if (d % 4 != 0 || d % config->encoder_heads != 0 || d % config->decoder_heads != 0 || d % text_heads != 0 || config->half_inner % text_heads != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "d_model: expected a multiple of 4 and of the numbers of heads, which also divide encoder_ffn_dim, found %"
                   G_GINT64_FORMAT, d);
      return FALSE;
    }
  if (g_strcmp0 (config->position_type, "sine") != 0 && g_strcmp0 (config->position_type, "learned") != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "position_embedding_type: expected \"sine\" or \"learned\", found \"%.60s\"", config->position_type);
      return FALSE;
    }
  config->encoder_scores = config->encoder_heads * config->n_levels * config->encoder_points;
  config->decoder_scores = config->decoder_heads * config->n_levels * config->decoder_points;
  config->encoder_offsets = 2 * config->encoder_scores;
  config->decoder_offsets = 2 * config->decoder_scores;
  config->wave_size = 2 * d;
  config->n_boxes = config->shares_boxes ? 1 : config->decoder_layers;
  config->staged = config->two_stage ? d : 0;
  config->own_points = config->two_stage ? 0 : config->n_queries;
  config->half_size = d / 2;
  config->learnt = g_str_equal (config->position_type, "learned") ? 50 : 0;
  return TRUE;
}

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

typedef struct
{
  const GtfLinear *offsets, *scores, *values, *out;
} Deformable;

/* A layer of the encoder: picture and text look at each other, then each at itself. */
typedef struct
{
  const GtfNorm *picture_norm, *text_norm, *picture_factor, *text_factor;
  const GtfLinear *picture_query, *text_key, *picture_values, *text_values, *picture_out, *text_out;
  GtfDetectionAttention text_attention;
  const GtfLinear *text_up, *text_down, *up, *down;
  const GtfNorm *text_before, *text_after, *norm, *final_norm;
  Deformable attention;
} EncoderLayer;

typedef struct
{
  GtfDetectionAttention self, text;
  Deformable attention;
  const GtfNorm *self_norm, *text_norm, *norm, *final_norm;
  const GtfLinear *up, *down;
} DecoderLayer;

typedef struct
{
  const GtfLinear *layers[3];
} Boxes;

typedef struct
{
  const GtfTensor *bias;        /* NULL: none */
} Bias;

typedef struct
{
  const GtfConv2d *conv;
  const GtfNorm *norm;
} Level;

typedef struct
{
  GtfTextWeights text;
  const GtfInnerModel *backbone;
  const Level *levels;
  const GtfTensor *level_rows;
  const GtfEmbedding *rows, *columns, *queries, *points;
  const GtfLinear *text_projection, *proposal, *proposal_boxes[3], *query_waves[2];
  const GtfNorm *proposal_norm, *decoder_norm;
  const EncoderLayer *encoder;
  const DecoderLayer *decoder;
  const Boxes *boxes, *refiners;        /* of the last states, and of those between the layers: as a rule the same */
  const Bias *biases;                   /* MM Grounding DINO: on what a state has in common with a token, of each layer, or of all */
} Weights;

#define D GTF_DIM (Config, d)
#define HALF GTF_DIM (Config, half_inner)
#define LINEAR(Struct, field, name, ...) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Struct, field), 0, { __VA_ARGS__ } }
#define NORM(Struct, field, name) GTF_DETECTION_NORM (Struct, field, name, Config, d)
#define ATTENTION(Struct, field, name)                                                                                             \
  LINEAR (Struct, field.q, name ".query", D, D), LINEAR (Struct, field.k, name ".key", D, D), LINEAR (Struct, field.v, name ".value", D, D), \
  LINEAR (Struct, field.out, name ".out_proj", D, D)
#define DEFORMABLE(Struct, name, kind)                                                                                             \
  LINEAR (Struct, attention.offsets, name ".sampling_offsets", GTF_DIM (Config, kind##_offsets), D),                               \
  LINEAR (Struct, attention.scores, name ".attention_weights", GTF_DIM (Config, kind##_scores), D),                                \
  LINEAR (Struct, attention.values, name ".value_proj", D, D), LINEAR (Struct, attention.out, name ".output_proj", D, D)
#define FACTOR(field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (EncoderLayer, field), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS, { D } }

static const GtfWeight encoder_layer[] = {
  NORM (EncoderLayer, picture_norm, "fusion_layer.layer_norm_vision"), NORM (EncoderLayer, text_norm, "fusion_layer.layer_norm_text"),
  FACTOR (picture_factor, "fusion_layer.vision_param"), FACTOR (text_factor, "fusion_layer.text_param"),
  LINEAR (EncoderLayer, picture_query, "fusion_layer.attn.vision_proj", HALF, D), LINEAR (EncoderLayer, text_key, "fusion_layer.attn.text_proj", HALF, D),
  LINEAR (EncoderLayer, picture_values, "fusion_layer.attn.values_vision_proj", HALF, D),
  LINEAR (EncoderLayer, text_values, "fusion_layer.attn.values_text_proj", HALF, D),
  LINEAR (EncoderLayer, picture_out, "fusion_layer.attn.out_vision_proj", D, HALF), LINEAR (EncoderLayer, text_out, "fusion_layer.attn.out_text_proj", D, HALF),
  ATTENTION (EncoderLayer, text_attention, "text_enhancer_layer.self_attn"),
  LINEAR (EncoderLayer, text_up, "text_enhancer_layer.fc1", HALF, D), LINEAR (EncoderLayer, text_down, "text_enhancer_layer.fc2", D, HALF),
  NORM (EncoderLayer, text_before, "text_enhancer_layer.layer_norm_before"), NORM (EncoderLayer, text_after, "text_enhancer_layer.layer_norm_after"),
  DEFORMABLE (EncoderLayer, "deformable_layer.self_attn", encoder),
  NORM (EncoderLayer, norm, "deformable_layer.self_attn_layer_norm"), NORM (EncoderLayer, final_norm, "deformable_layer.final_layer_norm"),
  LINEAR (EncoderLayer, up, "deformable_layer.fc1", GTF_DIM (Config, encoder_inner), D), LINEAR (EncoderLayer, down, "deformable_layer.fc2", D, GTF_DIM (Config, encoder_inner)),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder_layer[] = {
  ATTENTION (DecoderLayer, self, "self_attn"), NORM (DecoderLayer, self_norm, "self_attn_layer_norm"),
  ATTENTION (DecoderLayer, text, "encoder_attn_text"), NORM (DecoderLayer, text_norm, "encoder_attn_text_layer_norm"),
  DEFORMABLE (DecoderLayer, "encoder_attn", decoder), NORM (DecoderLayer, norm, "encoder_attn_layer_norm"),
  LINEAR (DecoderLayer, up, "fc1", GTF_DIM (Config, decoder_inner), D), LINEAR (DecoderLayer, down, "fc2", D, GTF_DIM (Config, decoder_inner)),
  NORM (DecoderLayer, final_norm, "final_layer_norm"), { GTF_WEIGHT_END }
};

static const GtfWeight boxes[] = {
  LINEAR (Boxes, layers[0], "layers.0", D, D), LINEAR (Boxes, layers[1], "layers.1", D, D), LINEAR (Boxes, layers[2], "layers.2", GTF_DIM_CONST (4), D), { GTF_WEIGHT_END }
};

static const GtfWeight level[] = {
  { GTF_WEIGHT_CONV2D, "0", G_STRUCT_OFFSET (Level, conv), 0, { D, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED } }, NORM (Level, norm, "1"), { GTF_WEIGHT_END }
};

#define AT(field) G_STRUCT_OFFSET (Weights, field)
#define GROUP(field, name, table, Struct, n)                                                                                       \
  { GTF_WEIGHT_GROUP, name, .offset = AT (field), .group = table, .group_size = sizeof (Struct), .count = GTF_DIM (Config, n) }
#define STAGED GTF_DIM (Config, staged)
#define EMBEDDING(field, name, n, size) { GTF_WEIGHT_EMBEDDING, name, AT (field), 0, { GTF_DIM (Config, n), size } }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone.conv_encoder.model", AT (backbone), .count = GTF_DIM (Config, backbone) },
  GTF_BERT_EMBEDDINGS ("text_backbone.embeddings."),
  GTF_TEXT_LAYERS ("text_backbone.encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_LINEAR, "text_projection", AT (text_projection), 0, { D, GTF_TEXT_DIM (hidden_size) } },
  GROUP (levels, "input_proj_vision.%d", level, Level, n_levels),
  { GTF_WEIGHT_TENSOR, "level_embed", AT (level_rows), 0, { GTF_DIM (Config, n_levels), D } },
  EMBEDDING (rows, "backbone.position_embedding.row_embeddings", learnt, GTF_DIM (Config, half_size)),
  EMBEDDING (columns, "backbone.position_embedding.column_embeddings", learnt, GTF_DIM (Config, half_size)),
  EMBEDDING (queries, "query_position_embeddings", n_queries, D), EMBEDDING (points, "reference_points", own_points, GTF_DIM_CONST (4)),
  GROUP (encoder, "encoder.layers.%d", encoder_layer, EncoderLayer, encoder_layers), GROUP (decoder, "decoder.layers.%d", decoder_layer, DecoderLayer, decoder_layers),
  GROUP (refiners, "decoder.bbox_embed.%d|bbox_embed.%d", boxes, Boxes, n_boxes),
  { GTF_WEIGHT_NORM, "decoder.layer_norm", AT (decoder_norm), 0, { D } },
  { GTF_WEIGHT_LINEAR, "decoder.reference_points_head.layers.0", AT (query_waves[0]), 0, { D, GTF_DIM (Config, wave_size) } },
  { GTF_WEIGHT_LINEAR, "decoder.reference_points_head.layers.1", AT (query_waves[1]), 0, { D, D } },
  { GTF_WEIGHT_LINEAR, "enc_output", AT (proposal), 0, { STAGED, D } }, { GTF_WEIGHT_NORM, "enc_output_norm", AT (proposal_norm), 0, { STAGED } },
  { GTF_WEIGHT_LINEAR, "encoder_output_bbox_embed.layers.0", AT (proposal_boxes[0]), 0, { D, STAGED } },
  { GTF_WEIGHT_LINEAR, "encoder_output_bbox_embed.layers.1", AT (proposal_boxes[1]), 0, { D, STAGED } },
  { GTF_WEIGHT_LINEAR, "encoder_output_bbox_embed.layers.2", AT (proposal_boxes[2]), 0, { GTF_DIM_CONST (4), STAGED } },
  { GTF_WEIGHT_END }
};

static const GtfWeight bias[] = { { GTF_WEIGHT_TENSOR, "bias", G_STRUCT_OFFSET (Bias, bias), GTF_WEIGHT_OPTIONAL, { GTF_DIM_CONST (1) } }, { GTF_WEIGHT_END } };
static const GtfWeight detection[] = {
  GROUP (biases, "class_embed.%d|model.decoder.class_embed.%d", bias, Bias, decoder_layers),
  GROUP (boxes, "bbox_embed.%d|model.decoder.bbox_embed.%d", boxes, Boxes, n_boxes), { GTF_WEIGHT_END }
};

static const char *const detection_tasks[] = { "zero-shot-object-detection", NULL };
static const GtfHead heads[] = { { "ForObjectDetection", detection_tasks, detection, "model" }, { NULL } };

/* ---- picture and text ----------------------------------------------------------------------------------------------------- */

/* What the layers are given: all maps as tokens [1][S][d] with their positions; @seen: which of them are none of padding, NULL: all, and @seen_scores the same
 * for gtf_attention (). */
typedef struct
{
  const Config *config;
  const Weights *w;
  GtfTensor *maps[LEVELS], *masks[LEVELS], *tokens, *positions, *centres, *seen, *seen_scores;
  GtfDeformable how;
} Picture;

static GtfTensor *
level_positions (GtfContext *c, const Picture *p, gint64 i)
{
  const Config *config = p->config;
  const GtfPositions2d waves = { .features = config->d / 2, .temperature = config->temperature, .scale = 2 * G_PI };
  const GtfTensor *map = p->maps[i], *row = gtf_reshape (c, gtf_steps (c, p->w->level_rows, i, 1), 1, (gint64[]){ config->d });
  GtfTensor *x;

  if (p->w->rows != NULL)
    x = gtf_reshape (c, gtf_learnt_positions_2d (c, p->w->rows, p->w->columns, gtf_dim (map, 1), gtf_dim (map, 2)), 3, (gint64[]){ 1, -1, config->d });
  else
    x = gtf_positions_2d (c, p->masks[i], &waves);
  return gtf_add (c, x, row);
}

/* Feature maps of the backbone, and further ones from the last of them. */
static gboolean
read_picture (GtfContext *c, Picture *p, const GtfTensor *pixels)
{
  const Config *config = p->config;
  const gint64 n = gtf_backbone_n_maps (p->w->backbone);
  GtfTensor *found[LEVELS], *tokens[LEVELS], *positions[LEVELS], *seen[LEVELS];

  if (n > config->n_levels)
    gtf_fail (c, "the backbone gives %" G_GINT64_FORMAT " feature maps, more than num_feature_levels, %" G_GINT64_FORMAT, n, config->n_levels);
  if (gtf_failed (c) || !gtf_backbone_maps (c, p->w->backbone, pixels, found, n))
    return FALSE;
  p->how = (GtfDeformable){ .n_levels = config->n_levels, .offset_scale = 0.5 };
  for (gint64 i = 0; i < config->n_levels && !gtf_failed (c); i++)
    {
      const GtfTensor *from = i < n ? found[i] : i == n ? found[n - 1] : p->maps[i - 1];
      const GtfWindow window = { .stride = i < n ? 1 : 2, .padding = i < n ? 0 : 1 };

      p->maps[i] = gtf_group_norm (c, p->w->levels[i].norm, gtf_conv2d (c, p->w->levels[i].conv, from, &window, GTF_ACTIVATION_NONE, NULL), 32, 1e-5f);
      p->how.heights[i] = gtf_dim (p->maps[i], 1);
      p->how.widths[i] = gtf_dim (p->maps[i], 2);
      p->masks[i] = gtf_pixel_mask (c, pixels, p->maps[i]);
      tokens[i] = gtf_map_tokens (c, p->maps[i]);
      positions[i] = level_positions (c, p, i);
      seen[i] = gtf_reshape (c, p->masks[i], 3, (gint64[]){ 1, -1, 1 });
    }
  if (gtf_failed (c))
    return FALSE;
  p->tokens = gtf_chain_tokens (c, tokens, config->n_levels);
  p->positions = gtf_chain_tokens (c, positions, config->n_levels);
  p->centres = gtf_pixel_references (c, p->masks, config->n_levels);
  p->seen = gtf_chain_tokens (c, seen, config->n_levels);
  p->seen_scores = gtf_mask_scores (c, p->seen);
  if (p->seen_scores == NULL)
    p->seen = NULL;
  return !gtf_failed (c);
}

static GtfTensor *
read_text (GtfContext *c, const Config *config, const Weights *w, const GtfPhrases *phrases)
{
  const GtfEncoder encoder = { .config = &config->text, .input = &phrases->input, .layers = w->text.layers };

  return gtf_linear (c, w->text_projection, gtf_encoder_run (c, &encoder, gtf_text_embed (c, &config->text, &w->text.embeddings, &phrases->input, phrases->input.positions)));
}

/* ---- encoder ---------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
look (GtfContext *c, const Picture *p, const Deformable *w, gint64 n_heads, gint64 n_points, const GtfTensor *x, const GtfTensor *values, const GtfTensor *references,
      const GtfTensor *residual)
{
  GtfDeformable how = p->how;
  GtfTensor *projected = gtf_linear (c, w->values, values);

  how.n_heads = n_heads;
  for (gint64 i = 0; i < how.n_levels; i++)
    how.n_points[i] = n_points;
  if (p->seen != NULL)
    projected = gtf_keep_rows (c, projected, p->seen);
  return gtf_linear_add (c, w->out, gtf_deformable_attention (c, projected, gtf_linear (c, w->offsets, x), gtf_linear (c, w->scores, x), references, &how), residual);
}

/* norm (x + down (act (up x))) */
static GtfTensor *
feed (GtfContext *c, const Config *config, const GtfLinear *up, const GtfLinear *down, const GtfNorm *norm, GtfTensor *x)
{
  return gtf_layer_norm (c, norm, gtf_feed_forward (c, up, config->activation, down, x, x), (float) config->eps);
}

/* Picture and text behind a layer, one after the other: [S + T][d]. */
static GtfTensor *
encoder_forward (GtfContext *c, const Picture *p, const EncoderLayer *w, const GtfPhrases *phrases, const GtfTensor *picture, const GtfTensor *text)
{
  const Config *config = p->config;
  const float eps = (float) config->eps;
  const GtfAttention to_text = { .n_heads = config->encoder_heads / 2 }, to_picture = { .n_heads = config->encoder_heads / 2, .mask = p->seen_scores };
  const GtfAttention within = { .n_heads = config->encoder_heads / 2, .mask = phrases->input.mask };
  GtfTensor *x = gtf_layer_norm (c, w->picture_norm, picture, eps), *t = gtf_layer_norm (c, w->text_norm, text, eps), *parts[2], *q, *from_text, *from_picture;
  GtfTensor *query = gtf_linear (c, w->picture_query, x), *key = gtf_linear (c, w->text_key, t);

  from_text = gtf_linear (c, w->picture_out, gtf_attention (c, query, key, gtf_linear (c, w->text_values, t), &to_text));
  from_picture = gtf_linear (c, w->text_out, gtf_attention (c, key, query, gtf_linear (c, w->picture_values, x), &to_picture));
  x = gtf_add (c, x, gtf_affine (c, w->picture_factor, from_text));
  t = gtf_add (c, t, gtf_affine (c, w->text_factor, from_picture));
  q = gtf_add (c, t, gtf_number_waves (c, phrases->places, config->d));
  t = gtf_layer_norm (c, w->text_before, gtf_detection_attend (c, &w->text_attention, &within, q, q, t, t), eps);
  parts[1] = feed (c, config, w->text_up, w->text_down, w->text_after, t);
  x = look (c, p, &w->attention, config->encoder_heads, config->encoder_points, gtf_add (c, x, p->positions), x, p->centres, x);
  parts[0] = feed (c, config, w->up, w->down, w->final_norm, gtf_layer_norm (c, w->norm, x, eps));
  for (gint i = 0; i < 2; i++)
    parts[i] = gtf_reshape (c, parts[i], 2, (gint64[]){ -1, config->d });
  return gtf_concat (c, parts, 2);
}

/* ---- decoder ------------------------------------------------------------------------------------------------------------------ */

/* Boxes around the pixels that are most like the text: [1][queries][4]. */
static GtfTensor *
propose (GtfContext *c, const Picture *p, const GtfTensor *picture, const GtfTensor *text)
{
  const Config *config = p->config;
  const Weights *w = p->w;
  GtfTensor *valid, *anchors = gtf_anchors (c, p->masks, config->n_levels, 0.05f, TRUE, &valid), *x, *deltas, *best;

  if (w->proposal == NULL)
    return gtf_activate (c, gtf_reshape (c, gtf_embedding_range (c, w->points, 0, config->n_queries), 3, (gint64[]){ 1, config->n_queries, 4 }), GTF_ACTIVATION_SIGMOID);
  x = gtf_layer_norm (c, w->proposal_norm, gtf_linear (c, w->proposal, gtf_keep_rows (c, picture, valid)), (float) config->eps);
  deltas = gtf_add (c, gtf_detection_mlp (c, w->proposal_boxes, 3, x), anchors);
  best = gtf_top_rows (c, gtf_best_token (c, x, text), config->n_queries);
  return gtf_activate (c, gtf_take (c, deltas, best), GTF_ACTIVATION_SIGMOID);
}

static GtfTensor *
decoder_forward (GtfContext *c, const Picture *p, const DecoderLayer *w, GtfTensor *x, const GtfTensor *boxes, const GtfTensor *picture, const GtfTensor *text)
{
  const Config *config = p->config;
  const float eps = (float) config->eps;
  const GtfAttention attention = { .n_heads = config->decoder_heads };
  GtfTensor *references = gtf_level_references (c, boxes, p->masks, config->n_levels), *first, *q, *where;

  first = gtf_slice (c, gtf_reshape (c, references, 3, (gint64[]){ 1, config->n_queries, 4 * config->n_levels }), 0, 4);
  where = gtf_detection_mlp (c, p->w->query_waves, 2, gtf_number_waves (c, first, config->d / 2));
  q = gtf_add (c, x, where);
  x = gtf_layer_norm (c, w->self_norm, gtf_detection_attend (c, &w->self, &attention, q, q, x, x), eps);
  x = gtf_layer_norm (c, w->text_norm, gtf_detection_attend (c, &w->text, &attention, gtf_add (c, x, where), text, text, x), eps);
  x = look (c, p, &w->attention, config->decoder_heads, config->decoder_points, gtf_add (c, x, where), picture, references, x);
  return feed (c, config, w->up, w->down, w->final_norm, gtf_layer_norm (c, w->norm, x, eps));
}

/* MM Grounding DINO scales what a query has in common with its best token, and adds a number of the last layer. */
static GtfTensor *
common (GtfContext *c, const Picture *p, GtfTensor *x)
{
  const GtfTensor *shift = NULL;

  for (gint64 i = 0; i < p->config->decoder_layers; i++)
    if (p->w->biases[i].bias != NULL)
      shift = p->w->biases[i].bias;
  if (shift == NULL)
    return x;
  return gtf_add (c, gtf_scale (c, x, 1.0f / sqrtf ((float) p->config->d)), gtf_reshape (c, shift, 1, (gint64[]){ 1 }));
}

/* Each query's score and box: [1][queries][1 + 4]. The last layer's boxes come from its normalised states, those that the next layer looks at from the
 * states themselves. */
static GtfTensor *
decode (GtfContext *c, const Picture *p, const GtfTensor *picture, const GtfTensor *text)
{
  const Config *config = p->config;
  const Weights *w = p->w;
  GtfTensor *x = gtf_reshape (c, gtf_embedding_range (c, w->queries, 0, config->n_queries), 3, (gint64[]){ 1, config->n_queries, config->d });
  GtfTensor *boxes = propose (c, p, picture, text);

  for (gint64 i = 0; i < config->decoder_layers && !gtf_failed (c); i++)
    {
      const gint64 own = config->shares_boxes ? 0 : i;
      const gsize mark = gtf_push (c);

      x = gtf_pop_keep (c, mark, decoder_forward (c, p, &w->decoder[i], x, boxes, picture, text));
      if (i == config->decoder_layers - 1)
        x = gtf_layer_norm (c, w->decoder_norm, x, (float) config->eps);
      boxes = gtf_refine_boxes (c, gtf_detection_mlp (c, i < config->decoder_layers - 1 ? w->refiners[own].layers : w->boxes[own].layers, 3, x), boxes, 1e-5f);
    }
  return gtf_join (c, (GtfTensor *[]){ common (c, p, gtf_best_token (c, x, text)), boxes }, 2);
}

/* What text i finds: [1][queries][1 + 4]. */
static GtfTensor *
detect (GtfContext *c, const Picture *p, gint64 i)
{
  const gint64 d = p->config->d, n = gtf_dim (p->tokens, 1);
  GtfTensor *picture = p->tokens, *text;
  GtfPhrases phrases;

  if (!gtf_phrases_read (c, i, p->config->most_tokens, &phrases))
    return NULL;
  text = read_text (c, p->config, p->w, &phrases);
  for (gint64 k = 0; k < p->config->encoder_layers; k++)
    {
      const gsize mark = gtf_push (c);
      GtfTensor *both = gtf_pop_keep (c, mark, encoder_forward (c, p, &p->w->encoder[k], &phrases, picture, text));

      picture = gtf_reshape (c, gtf_steps (c, both, 0, n), 3, (gint64[]){ 1, n, d });
      text = gtf_reshape (c, gtf_steps (c, both, n, phrases.input.longest), 3, (gint64[]){ 1, phrases.input.longest, d });
    }
  return decode (c, p, picture, text);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTensor *pixels = gtf_vision_pixels (c, 3);
  const gint64 n = gtf_phrases_count (c);
  Picture p = { .config = f->config, .w = f->weights };
  g_autofree GtfTensor **found = g_new0 (GtfTensor *, (gsize) MAX (n, 1));
  GtfTensor *all;

  if (pixels != NULL && gtf_dim (pixels, 0) != 1)
    gtf_fail (c, "%" G_GINT64_FORMAT " pictures, expected one at a time", gtf_dim (pixels, 0));
  if (gtf_failed (c) || !read_picture (c, &p, pixels))
    return;
  for (gint64 i = 0; i < n && !gtf_failed (c); i++)
    {
      const gsize mark = gtf_push (c);

      found[i] = gtf_pop_keep (c, mark, detect (c, &p, i));
    }
  if (gtf_failed (c))
    return;
  all = gtf_concat (c, found, n);
  gtf_output (c, "logits", gtf_slice (c, all, 0, 1));
  gtf_output (c, "pred_boxes", gtf_slice (c, all, 1, 4));
}

static const char *const model_types[] = { "grounding-dino", "mm-grounding-dino", NULL };

static const GtfArchitecture grounding_dino = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*bbox_embed.*|*class_embed.*|*.num_batches_tracked|*.position_ids|*pooler.*", .forward = forward
};

GTF_TEXT_PLUGINS (grounding_dino, "grounding-dino", "Grounding DINO: what a text names in a picture, with boxes", &grounding_dino)
