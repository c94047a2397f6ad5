/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Deformable DETR: Zhu et al., "Deformable DETR: Deformable Transformers for End-to-End Object Detection" (2020).
 *
 * All feature maps of a backbone are one text of pixels, each of which looks at few points around itself; so do the queries of the decoder, whose places are
 * learnt, or, in two stages, proposed by the pixels, and maybe moved from layer to layer. docs/models/deformable_detr.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  const GtfInnerModel *backbone;
  gint64 n_channels, d, d2, half, n_queries, n_labels, n_levels, n_in, n_predictors, n_places;  /* n_places: rows of the learnt positions */
  gint64 encoder_layers, encoder_heads, encoder_inner, decoder_layers, decoder_heads, decoder_inner, encoder_points, decoder_points;
  gint64 encoder_scores, encoder_offsets, decoder_scores, decoder_offsets;      /* outputs of the linear layers of the attention */
  gint64 n_proposals, n_learnt, two_d, two_d2, one_d;   /* sizes of what only one or two stages have; else 0 */
  GtfActivation activation;
  const char *position_type;
  gboolean has_learnt, two_stage, refines;
} Config;

typedef struct
{
  const GtfLinear *offsets, *scores, *values, *out;
} Looking;

typedef struct
{
  GtfDetectionAttention self;   /* decoder */
  Looking look;
  const GtfNorm *self_norm, *look_norm, *final_norm;
  const GtfLinear *up, *down;
} Layer;

typedef struct
{
  const GtfConv2d *conv;
  const GtfNorm *norm;
} Input;

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
  const Input *inputs;
  const GtfTensor *levels;
  const GtfEmbedding *queries, *rows, *columns;
  const GtfLinear *references, *proposal, *proposal_places;
  const GtfNorm *proposal_norm, *proposal_places_norm;
  const Layer *encoder, *decoder;
  const Classes *classes;
  const Boxes *boxes;
} Weights;

#define BACKBONE GTF_DETECTION_BACKBONE ("\"model_type\": \"resnet\", \"out_features\": [\"stage4\"], \"timm\": {\"num_channels\": 3, \"out_indices\": [2, 3, 4]}")

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config", BACKBONE),
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_INT_FIELD (Config, d, "d_model|hidden_size", 32, 1 << 16, 256),
  GTF_CONFIG_INT_FIELD (Config, n_queries, "num_queries", 1, 1 << 16, 300),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_INT_FIELD (Config, encoder_layers, "encoder_layers", 0, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, encoder_heads, "encoder_attention_heads|num_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, encoder_inner, "encoder_ffn_dim", 1, 1 << 20, 1024),
  GTF_CONFIG_INT_FIELD (Config, encoder_points, "encoder_n_points", 1, GTF_MAX_POINTS, 4),
  GTF_CONFIG_INT_FIELD (Config, decoder_layers, "decoder_layers", 1, 256, 6),
  GTF_CONFIG_INT_FIELD (Config, decoder_heads, "decoder_attention_heads", 1, 4096, 8),
  GTF_CONFIG_INT_FIELD (Config, decoder_inner, "decoder_ffn_dim", 1, 1 << 20, 1024),
  GTF_CONFIG_INT_FIELD (Config, decoder_points, "decoder_n_points", 1, GTF_MAX_POINTS, 4),
  GTF_CONFIG_INT_FIELD (Config, n_levels, "num_feature_levels", 1, GTF_MAX_LEVELS, 4),
  GTF_CONFIG_INT_FIELD (Config, n_proposals, "two_stage_num_proposals", 1, 1 << 16, 300),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "activation_function", "relu"),
  GTF_CONFIG_STRING_FIELD (Config, position_type, "position_embedding_type", "sine"),
  GTF_CONFIG_BOOL_FIELD (Config, two_stage, "two_stage", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, refines, "with_box_refine", FALSE),
  GTF_CONFIG_FIELDS_END
};

/* Sizes that follow from the others. */
static void
measure (Config *config)
{
  if (config->two_stage)
    config->n_queries = config->n_proposals;
  config->half = config->d / 2;
  config->d2 = 2 * config->d;
  config->n_in = config->n_levels > 1 ? gtf_backbone_n_maps (config->backbone) : 1;
  config->n_places = config->has_learnt ? 50 : 0;
  config->n_predictors = config->decoder_layers + (config->two_stage ? 1 : 0);
  config->n_learnt = config->two_stage ? 0 : config->n_queries;
  config->one_d = config->two_stage ? 0 : config->d;
  config->two_d = config->two_stage ? config->d : 0;
  config->two_d2 = 2 * config->two_d;
  config->encoder_scores = config->encoder_heads * config->n_levels * config->encoder_points;
  config->decoder_scores = config->decoder_heads * config->n_levels * config->decoder_points;
  config->encoder_offsets = 2 * config->encoder_scores;
  config->decoder_offsets = 2 * config->decoder_scores;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->has_learnt = g_strcmp0 (config->position_type, "learned") == 0;
  measure (config);
  if (!config->has_learnt && g_strcmp0 (config->position_type, "sine") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "position_embedding_type: expected \"sine\" or \"learned\", found \"%.60s\"", config->position_type);
  else if (config->d % 32 != 0 || config->d % config->encoder_heads != 0 || config->d % config->decoder_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "d_model (%" G_GINT64_FORMAT ") must be a multiple of 32, encoder_attention_heads (%" G_GINT64_FORMAT
                 ") and decoder_attention_heads (%" G_GINT64_FORMAT ")", config->d, config->encoder_heads, config->decoder_heads);
  else if (config->n_in < 1 || config->n_levels < config->n_in)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "num_feature_levels: expected at least the %" G_GINT64_FORMAT " feature maps of the backbone, found %" G_GINT64_FORMAT,
                 config->n_in, config->n_levels);
  else if (config->two_stage && !config->refines)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "two_stage: expected with_box_refine to be true too");
  else
    return TRUE;
  return FALSE;
}

#define LINEAR(Struct, field, name, out, in) GTF_DETECTION_LINEAR (Struct, field, name, GTF_DIM (Config, out), GTF_DIM (Config, in))
#define LOOKING(name, offsets_, scores_)                                                                                           \
  LINEAR (Layer, look.offsets, name ".sampling_offsets", offsets_, d), LINEAR (Layer, look.scores, name ".attention_weights", scores_, d), \
  LINEAR (Layer, look.values, name ".value_proj", d, d), LINEAR (Layer, look.out, name ".output_proj", d, d)
#define GROUP(field, name, table, Item, n)                                                                                         \
  { GTF_WEIGHT_GROUP, name, .offset = G_STRUCT_OFFSET (Weights, field), .group = table, .group_size = sizeof (Item), .count = GTF_DIM (Config, n) }
#define PLACES(field, name)                                                                                                        \
  { GTF_WEIGHT_EMBEDDING, "backbone.position_embedding." name "|position_embedding." name, G_STRUCT_OFFSET (Weights, field), 0,    \
    { GTF_DIM (Config, n_places), GTF_DIM (Config, half) } }

static const GtfWeight input[] = {
  { GTF_WEIGHT_CONV2D, "0", G_STRUCT_OFFSET (Input, conv), 0, { GTF_DIM (Config, d), GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED } },
  GTF_DETECTION_NORM (Input, norm, "1", Config, d),
  { GTF_WEIGHT_END }
};

static const GtfWeight encoder_layer[] = {
  LOOKING ("self_attn", encoder_offsets, encoder_scores),
  GTF_DETECTION_NORM (Layer, look_norm, "self_attn_layer_norm", Config, d),
  LINEAR (Layer, up, "fc1|mlp.fc1", encoder_inner, d),
  LINEAR (Layer, down, "fc2|mlp.fc2", d, encoder_inner),
  GTF_DETECTION_NORM (Layer, final_norm, "final_layer_norm", Config, d),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder_layer[] = {
  GTF_DETECTION_ATTENTION (Layer, self, "self_attn", Config, d),
  GTF_DETECTION_NORM (Layer, self_norm, "self_attn_layer_norm", Config, d),
  LOOKING ("encoder_attn", decoder_offsets, decoder_scores),
  GTF_DETECTION_NORM (Layer, look_norm, "encoder_attn_layer_norm", Config, d),
  LINEAR (Layer, up, "fc1|mlp.fc1", decoder_inner, d),
  LINEAR (Layer, down, "fc2|mlp.fc2", d, decoder_inner),
  GTF_DETECTION_NORM (Layer, final_norm, "final_layer_norm", Config, d),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone.conv_encoder.model|backbone.model", G_STRUCT_OFFSET (Weights, backbone), .count = GTF_DIM (Config, backbone) },
  GROUP (inputs, "input_proj.%d", input, Input, n_levels),
  { GTF_WEIGHT_TENSOR, "level_embed", G_STRUCT_OFFSET (Weights, levels), 0, { GTF_DIM (Config, n_levels), GTF_DIM (Config, d) } },
  PLACES (rows, "row_embeddings"),
  PLACES (columns, "column_embeddings"),
  GROUP (encoder, "encoder.layers.%d", encoder_layer, Layer, encoder_layers),
  GROUP (decoder, "decoder.layers.%d", decoder_layer, Layer, decoder_layers),
  { GTF_WEIGHT_EMBEDDING, "query_position_embeddings", G_STRUCT_OFFSET (Weights, queries), 0, { GTF_DIM (Config, n_learnt), GTF_DIM (Config, d2) } },
  GTF_DETECTION_LINEAR (Weights, references, "reference_points", GTF_DIM_CONST (2), GTF_DIM (Config, one_d)),
  LINEAR (Weights, proposal, "enc_output", two_d, two_d),
  GTF_DETECTION_NORM (Weights, proposal_norm, "enc_output_norm", Config, two_d),
  LINEAR (Weights, proposal_places, "pos_trans", two_d2, two_d2),
  GTF_DETECTION_NORM (Weights, proposal_places_norm, "pos_trans_norm", Config, two_d2),
  { GTF_WEIGHT_END }
};

static const GtfWeight classes[] = { LINEAR (Classes, classes, "", n_labels, d), { GTF_WEIGHT_END } };
static const GtfWeight boxes[] = {
  LINEAR (Boxes, layers[0], "layers.0", d, d),
  LINEAR (Boxes, layers[1], "layers.1", d, d),
  GTF_DETECTION_LINEAR (Boxes, layers[2], "layers.2", GTF_DIM_CONST (4), GTF_DIM (Config, d)),
  { GTF_WEIGHT_END }
};

/* Where layers share what they say, the file may have that of the first alone. */
static const GtfWeight detection[] = {
  GROUP (classes, "class_embed.%d|decoder.class_embed.%d|class_embed.0|decoder.class_embed.0", classes, Classes, n_predictors),
  GROUP (boxes, "bbox_embed.%d|decoder.bbox_embed.%d|bbox_embed.0|decoder.bbox_embed.0", boxes, Boxes, n_predictors),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForObjectDetection", gtf_detection_tasks, detection, "model" },
  { "Model", gtf_vision_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- forward --------------------------------------------------------------------------------------------------------- */

/* All maps as one text of pixels; @seen: which of them are none of padding, NULL: all. */
typedef struct
{
  const Config *config;
  GtfDeformable how;
  GtfTensor *masks[GTF_MAX_LEVELS];
  const GtfTensor *places, *seen, *memory;
} Pass;

static GtfTensor *
feed_forward (GtfContext *c, const Config *config, const Layer *w, GtfTensor *x)
{
  return gtf_layer_norm (c, w->final_norm, gtf_feed_forward (c, w->up, config->activation, w->down, x, x), 1e-5f);
}

/* What queries at @placed see of @memory, and @x. */
static GtfTensor *
look (GtfContext *c, const Pass *p, const Looking *w, gint64 n_heads, gint64 n_points, const GtfTensor *placed, const GtfTensor *memory, const GtfTensor *references,
      const GtfTensor *x)
{
  GtfDeformable how = p->how;
  const GtfTensor *values = gtf_linear (c, w->values, memory);

  how.n_heads = n_heads;
  for (gint64 i = 0; i < how.n_levels; i++)
    how.n_points[i] = n_points;
  if (p->seen)
    values = gtf_keep_rows (c, values, p->seen);
  return gtf_linear_add (c, w->out, gtf_deformable_attention (c, values, gtf_linear (c, w->offsets, placed), gtf_linear (c, w->scores, placed), references, &how), x);
}

static GtfTensor *
encoder_forward (GtfContext *c, const Pass *p, const Layer *w, GtfTensor *x, const GtfTensor *references)
{
  x = look (c, p, &w->look, p->config->encoder_heads, p->config->encoder_points, gtf_add (c, x, p->places), x, references, x);
  return feed_forward (c, p->config, w, gtf_layer_norm (c, w->look_norm, x, 1e-5f));
}

static GtfTensor *
decoder_forward (GtfContext *c, const Pass *p, const Layer *w, GtfTensor *x, const GtfTensor *places, const GtfTensor *references)
{
  const GtfAttention self = { .n_heads = p->config->decoder_heads };
  GtfTensor *placed = gtf_add (c, x, places);

  x = gtf_layer_norm (c, w->self_norm, gtf_detection_attend (c, &w->self, &self, placed, placed, x, x), 1e-5f);
  x = look (c, p, &w->look, p->config->decoder_heads, p->config->decoder_points, gtf_add (c, x, places), p->memory, gtf_level_references (c, references, p->masks, p->how.n_levels), x);
  return feed_forward (c, p->config, w, gtf_layer_norm (c, w->look_norm, x, 1e-5f));
}

/* Positions of a map's pixels, with what its level adds to all of them: [B][H * W][D]. */
static GtfTensor *
place (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *mask, gint64 level)
{
  const GtfPositions2d how = { .features = config->half, .temperature = 10000, .scale = 2 * G_PI, .shift = -0.5 };
  GtfTensor *places = config->has_learnt ? gtf_repeat_rows (c, gtf_learnt_positions_2d (c, w->rows, w->columns, gtf_dim (mask, 1), gtf_dim (mask, 2)), gtf_dim (mask, 0))
                                         : gtf_positions_2d (c, mask, &how);

  return gtf_add (c, places, gtf_reshape (c, gtf_steps (c, w->levels, level, 1), 1, &config->d));
}

/* The feature maps as one text: [B][S][D]; p->places, p->masks and p->seen are set. */
static GtfTensor *
gather (GtfContext *c, const Weights *w, Pass *p, const GtfTensor *pixels)
{
  const Config *config = p->config;
  const gint64 n_maps = gtf_backbone_n_maps (w->backbone), n = config->n_levels;
  GtfTensor *maps[GTF_MAX_MAPS], *tokens[GTF_MAX_LEVELS], *places[GTF_MAX_LEVELS], *seen[GTF_MAX_LEVELS], *last = NULL, *all;

  if (!gtf_backbone_maps (c, w->backbone, pixels, maps, n_maps))
    return NULL;
  for (gint64 i = 0; i < n && !gtf_failed (c); i++)
    {
      const GtfTensor *from = i < config->n_in ? maps[n_maps - config->n_in + i] : i == config->n_in ? maps[n_maps - 1] : last;
      const GtfWindow window = { .stride = 2, .padding = 1 };

      last = gtf_group_norm (c, w->inputs[i].norm, gtf_conv2d (c, w->inputs[i].conv, from, i < config->n_in ? NULL : &window, GTF_ACTIVATION_NONE, NULL), 32, 1e-5f);
      p->masks[i] = gtf_pixel_mask (c, pixels, last);
      p->how.heights[i] = gtf_dim (last, 1);
      p->how.widths[i] = gtf_dim (last, 2);
      tokens[i] = gtf_map_tokens (c, last);
      places[i] = place (c, config, w, p->masks[i], i);
      seen[i] = gtf_reshape (c, p->masks[i], 3, (gint64[]){ gtf_dim (last, 0), gtf_dim (last, 1) * gtf_dim (last, 2), 1 });
    }
  if (gtf_failed (c))
    return NULL;
  p->places = gtf_chain_tokens (c, places, n);
  all = gtf_chain_tokens (c, seen, n);
  p->seen = gtf_mask_scores (c, all) ? all : NULL;
  return gtf_chain_tokens (c, tokens, n);
}

/* Where the queries begin, [B][Q][2 or 4], what they are and what is added to them. */
static GtfTensor *
begin (GtfContext *c, const Weights *w, const Pass *p, GtfTensor **places, GtfTensor **references)
{
  const Config *config = p->config;
  const gint64 n = gtf_dim (p->memory, 0), last = config->n_predictors - 1;
  GtfTensor *both, *valid, *anchors, *x, *best;

  if (!config->two_stage)
    {
      both = gtf_embedding_range (c, w->queries, 0, config->n_queries);
      *places = gtf_repeat_rows (c, gtf_slice (c, both, 0, config->d), n);
      *references = gtf_activate (c, gtf_linear (c, w->references, *places), GTF_ACTIVATION_SIGMOID);
      return gtf_repeat_rows (c, gtf_slice (c, both, config->d, config->d), n);
    }
  if (w->classes == NULL)
    {
      gtf_fail (c, "in two stages the model cannot do without its head");
      return NULL;
    }
  anchors = gtf_anchors (c, p->masks, p->how.n_levels, 0.05f, TRUE, &valid);
  x = gtf_layer_norm (c, w->proposal_norm, gtf_linear (c, w->proposal, gtf_keep_rows (c, p->memory, valid)), 1e-5f);
  best = gtf_top_rows (c, gtf_slice (c, gtf_linear (c, w->classes[last].classes, x), 0, 1), config->n_queries);
  *references = gtf_activate (c, gtf_take (c, gtf_add (c, gtf_detection_mlp (c, w->boxes[last].layers, 3, x), anchors), best), GTF_ACTIVATION_SIGMOID);
  both = gtf_layer_norm (c, w->proposal_places_norm, gtf_linear (c, w->proposal_places, gtf_coordinate_waves (c, *references, config->half, FALSE)), 1e-5f);
  *places = gtf_slice (c, both, 0, config->d);
  return gtf_slice (c, both, config->d, config->d);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, config->n_channels);
  Pass p = { .config = config, .how = { .n_levels = config->n_levels, .offset_scale = 0.5 } };
  GtfTensor *x = pixels ? gather (c, w, &p, pixels) : NULL, *around, *places = NULL, *references = NULL, *moved = NULL;

  if (x == NULL)
    return;
  around = gtf_pixel_references (c, p.masks, config->n_levels);
  for (gint64 i = 0; i < config->encoder_layers; i++)
    x = encoder_forward (c, &p, &w->encoder[i], x, around);
  p.memory = x;
  x = begin (c, w, &p, &places, &references);
  for (gint64 i = 0; i < config->decoder_layers && !gtf_failed (c); i++)
    {
      x = decoder_forward (c, &p, &w->decoder[i], x, places, references);
      if (w->boxes == NULL)
        continue;
      moved = gtf_refine_boxes (c, gtf_detection_mlp (c, w->boxes[i].layers, 3, x), references, 1e-5f);
      if (config->refines)
        references = moved;
    }
  gtf_output (c, "encoder_last_hidden_state", p.memory);
  gtf_output (c, "last_hidden_state", x);
  if (w->classes == NULL)
    return;
  gtf_output (c, "logits", gtf_linear (c, w->classes[config->decoder_layers - 1].classes, x));
  gtf_output (c, "pred_boxes", moved);
}

static const char *const types[] = { "deformable_detr", NULL };

static const GtfArchitecture deformable_detr = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*class_embed.*|*bbox_embed.*", .forward = forward
};

GTF_TEXT_PLUGINS (deformable_detr, "deformable_detr", "Deformable DETR: objects of a picture by looking at few points", &deformable_detr)
