/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DETR: Carion et al., "End-to-End Object Detection with Transformers" (2020), and Table Transformer: Smock et al., "PubTables-1M" (2021).
 *
 * The last feature map of a backbone is a text of pixels with positions; a decoder whose queries are learnt makes of it a fixed number of objects,
 * each a class and a box, and, with another head, a mask: where the query looks, made larger step by step with the help of the larger feature maps.
 * Table Transformer normalises before a layer instead of behind it. docs/models/detr.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>
#include <string.h>

typedef struct
{
  const GtfInnerModel *backbone;
  gint64 n_channels, d, half, n_queries, n_classes, n_labels;   /* one class more than labels: no object */
  gint64 encoder_layers, encoder_heads, encoder_inner, decoder_layers, decoder_heads, decoder_inner;
  GtfActivation activation;
  const char *position_type;
  gboolean norm_first, has_learnt, has_auxiliary;
  gint64 n_places, encoder_norm;                /* rows of the learnt positions; features of the norm behind the encoder: 0 if there is none */
} Config;

typedef struct
{
  GtfDetectionAttention self, cross;
  const GtfNorm *self_norm, *cross_norm, *final_norm;
  const GtfLinear *up, *down;
} Layer;

/* A convolution of 3 x 3 in the head for masks, and a feature map that is added before it. */
typedef struct
{
  const GtfConv2d *conv, *adapter;
  const GtfNorm *norm;
} MaskStep;

#define N_MASK_STEPS 5

typedef struct
{
  const GtfInnerModel *backbone;
  const GtfLinear *projection;
  const GtfEmbedding *queries, *rows, *columns; /* rows, columns: learnt positions */
  const Layer *encoder, *decoder;
  const GtfNorm *encoder_norm, *decoder_norm;
  const GtfLinear *classes, *boxes[3], *mask_q, *mask_k;
  MaskStep mask[N_MASK_STEPS];
  const GtfConv2d *mask_out;
} Weights;

#define BACKBONE GTF_DETECTION_BACKBONE ("\"model_type\": \"resnet\", \"out_features\": [\"stage4\"], \"timm\": {\"out_indices\": [1, 2, 3, 4]}")

#define FIELDS(first)                                                                                                              \
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config", BACKBONE),                                                          \
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),                                                        \
  GTF_CONFIG_INT_FIELD (Config, d, "d_model|hidden_size", 2, 1 << 16, 256),                                                        \
  GTF_CONFIG_INT_FIELD (Config, n_queries, "num_queries", 1, 1 << 16, 100),                                                        \
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),                                                 \
  GTF_CONFIG_INT_FIELD (Config, encoder_layers, "encoder_layers|num_hidden_layers", 0, 256, 6),                                    \
  GTF_CONFIG_INT_FIELD (Config, encoder_heads, "encoder_attention_heads|num_attention_heads", 1, 4096, 8),                         \
  GTF_CONFIG_INT_FIELD (Config, encoder_inner, "encoder_ffn_dim", 1, 1 << 20, 2048),                                               \
  GTF_CONFIG_INT_FIELD (Config, decoder_layers, "decoder_layers", 0, 256, 6),                                                      \
  GTF_CONFIG_INT_FIELD (Config, decoder_heads, "decoder_attention_heads", 1, 4096, 8),                                             \
  GTF_CONFIG_INT_FIELD (Config, decoder_inner, "decoder_ffn_dim", 1, 1 << 20, 2048),                                               \
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "activation_function", "relu"),                                                 \
  GTF_CONFIG_STRING_FIELD (Config, position_type, "position_embedding_type", "sine"),                                              \
  GTF_CONFIG_BOOL_FIELD (Config, has_auxiliary, "auxiliary_loss", FALSE),                                                          \
  GTF_CONFIG_BOOL_FIELD (Config, norm_first, "", first),                                                                           \
  GTF_CONFIG_FIELDS_END

static const GtfConfigField detr_config[] = { FIELDS (FALSE) };
static const GtfConfigField table_config[] = { FIELDS (TRUE) };

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->has_learnt = g_strcmp0 (config->position_type, "learned") == 0;
  config->n_places = config->has_learnt ? 50 : 0;
  config->half = config->d / 2;
  config->n_classes = config->n_labels + 1;
  config->encoder_norm = config->norm_first ? config->d : 0;
  if (!config->has_learnt && g_strcmp0 (config->position_type, "sine") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "position_embedding_type: expected \"sine\" or \"learned\", found \"%.60s\"", config->position_type);
  else if (config->d % 2 != 0 || config->d % config->encoder_heads != 0 || config->d % config->decoder_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "d_model (%" G_GINT64_FORMAT ") must be even and a multiple of encoder_attention_heads (%" G_GINT64_FORMAT
                 ") and decoder_attention_heads (%" G_GINT64_FORMAT ")", config->d, config->encoder_heads, config->decoder_heads);
  else
    return TRUE;
  return FALSE;
}

#define D GTF_DIM (Config, d)
#define MLP(inner)                                                                                                                 \
  GTF_DETECTION_LINEAR (Layer, up, "fc1|mlp.fc1", GTF_DIM (Config, inner), D),                                                     \
  GTF_DETECTION_LINEAR (Layer, down, "fc2|mlp.fc2", D, GTF_DIM (Config, inner)),                                                   \
  GTF_DETECTION_NORM (Layer, final_norm, "final_layer_norm", Config, d)

static const GtfWeight encoder_layer[] = {
  GTF_DETECTION_ATTENTION (Layer, self, "self_attn", Config, d),
  GTF_DETECTION_NORM (Layer, self_norm, "self_attn_layer_norm", Config, d),
  MLP (encoder_inner),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder_layer[] = {
  GTF_DETECTION_ATTENTION (Layer, self, "self_attn", Config, d),
  GTF_DETECTION_NORM (Layer, self_norm, "self_attn_layer_norm", Config, d),
  GTF_DETECTION_ATTENTION (Layer, cross, "encoder_attn", Config, d),
  GTF_DETECTION_NORM (Layer, cross_norm, "encoder_attn_layer_norm", Config, d),
  MLP (decoder_inner),
  { GTF_WEIGHT_END }
};

#define LAYERS(field, name, table, n)                                                                                              \
  { GTF_WEIGHT_GROUP, name ".layers.%d", .offset = G_STRUCT_OFFSET (Weights, field), .group = table, .group_size = sizeof (Layer), \
    .count = GTF_DIM (Config, n) }
#define PLACES(field, name)                                                                                                        \
  { GTF_WEIGHT_EMBEDDING, "backbone.position_embedding." name "|position_embedding." name, G_STRUCT_OFFSET (Weights, field), 0,    \
    { GTF_DIM (Config, n_places), GTF_DIM (Config, half) } }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone.conv_encoder.model|backbone.model", G_STRUCT_OFFSET (Weights, backbone), .count = GTF_DIM (Config, backbone) },
  { GTF_WEIGHT_LINEAR, "input_projection", G_STRUCT_OFFSET (Weights, projection), 0, { D, GTF_DIM_STORED } },
  { GTF_WEIGHT_EMBEDDING, "query_position_embeddings", G_STRUCT_OFFSET (Weights, queries), 0, { GTF_DIM (Config, n_queries), D } },
  PLACES (rows, "row_embeddings"),
  PLACES (columns, "column_embeddings"),
  LAYERS (encoder, "encoder", encoder_layer, encoder_layers),
  { GTF_WEIGHT_NORM, "encoder.layernorm", G_STRUCT_OFFSET (Weights, encoder_norm), 0, { GTF_DIM (Config, encoder_norm) } },
  LAYERS (decoder, "decoder", decoder_layer, decoder_layers),
  GTF_DETECTION_NORM (Weights, decoder_norm, "decoder.layernorm", Config, d),
  { GTF_WEIGHT_END }
};

/* The head for masks stands around a whole detector, "detr". */
#define HEAD_LINEAR(field, name, out) { GTF_WEIGHT_LINEAR, name "|detr." name, G_STRUCT_OFFSET (Weights, field), 0, { out, D } }
#define DETECTION                                                                                                                  \
  HEAD_LINEAR (classes, "class_labels_classifier", GTF_DIM (Config, n_classes)), HEAD_LINEAR (boxes[0], "bbox_predictor.layers.0", D), \
  HEAD_LINEAR (boxes[1], "bbox_predictor.layers.1", D), HEAD_LINEAR (boxes[2], "bbox_predictor.layers.2", GTF_DIM_CONST (4))

static const GtfWeight detection[] = { DETECTION, { GTF_WEIGHT_END } };

#define MASK_CONV(field, name) { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Weights, field), 0, { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED } }
#define MASK_NORM(field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Weights, field), 0, { GTF_DIM_STORED } }
#define MASK_STEP(i, number, name) MASK_CONV (mask[i].conv, "mask_head.lay" number "|mask_head." name ".conv"), MASK_NORM (mask[i].norm, "mask_head.gn" number "|mask_head." name ".norm")
#define MASK_FUSION(i, number, step, which)                                                                                        \
  MASK_STEP (i, number, "fpn_stages." step ".refine"), MASK_CONV (mask[i].adapter, "mask_head.adapter" which "|mask_head.fpn_stages." step ".fpn_adapter")

static const GtfWeight segmentation[] = {
  DETECTION,
  GTF_DETECTION_LINEAR (Weights, mask_q, "bbox_attention.q_linear|bbox_attention.q_proj", D, D),
  GTF_DETECTION_LINEAR (Weights, mask_k, "bbox_attention.k_linear|bbox_attention.k_proj", D, D),
  MASK_STEP (0, "1", "conv1"),
  MASK_STEP (1, "2", "conv2"),
  MASK_FUSION (2, "3", "0", "1"),
  MASK_FUSION (3, "4", "1", "2"),
  MASK_FUSION (4, "5", "2", "3"),
  MASK_CONV (mask_out, "mask_head.out_lay|mask_head.output_conv"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForObjectDetection", gtf_detection_tasks, detection, "model" },
  { "ForSegmentation", gtf_segmentation_tasks, segmentation, "detr.model" },
  { "Model", gtf_vision_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- forward --------------------------------------------------------------------------------------------------------- */

/* What the layers share: where pixels and queries stand, and which pixels are padding. */
typedef struct
{
  const Config *config;
  const GtfTensor *places, *queries, *mask, *memory, *memory_keys;
} Pass;

/* Norm before what a layer does (Table Transformer), or behind it. */
static GtfTensor *
before (GtfContext *c, const Pass *p, const GtfNorm *norm, GtfTensor *x)
{
  return p->config->norm_first ? gtf_layer_norm (c, norm, x, 1e-5f) : x;
}

static GtfTensor *
behind (GtfContext *c, const Pass *p, const GtfNorm *norm, GtfTensor *x)
{
  return p->config->norm_first ? x : gtf_layer_norm (c, norm, x, 1e-5f);
}

static GtfTensor *
feed_forward (GtfContext *c, const Pass *p, const Layer *w, GtfTensor *x)
{
  GtfTensor *h = gtf_linear_act (c, w->up, before (c, p, w->final_norm, x), p->config->activation);

  return behind (c, p, w->final_norm, gtf_linear_add (c, w->down, h, x));
}

static GtfTensor *
encoder_forward (GtfContext *c, const Pass *p, const Layer *w, GtfTensor *x)
{
  const GtfAttention how = { .n_heads = p->config->encoder_heads, .mask = p->mask };
  GtfTensor *h = before (c, p, w->self_norm, x), *placed = gtf_add (c, h, p->places);

  x = behind (c, p, w->self_norm, gtf_detection_attend (c, &w->self, &how, placed, placed, h, x));
  return feed_forward (c, p, w, x);
}

static GtfTensor *
decoder_forward (GtfContext *c, const Pass *p, const Layer *w, GtfTensor *x)
{
  const GtfAttention self = { .n_heads = p->config->decoder_heads }, cross = { .n_heads = p->config->decoder_heads, .mask = p->mask };
  GtfTensor *h = before (c, p, w->self_norm, x), *placed = gtf_add (c, h, p->queries);

  x = behind (c, p, w->self_norm, gtf_detection_attend (c, &w->self, &self, placed, placed, h, x));
  h = gtf_add (c, before (c, p, w->cross_norm, x), p->queries);
  x = behind (c, p, w->cross_norm, gtf_detection_attend (c, &w->cross, &cross, h, p->memory_keys, p->memory, x));
  return feed_forward (c, p, w, x);
}

static GtfTensor *
run_encoder (GtfContext *c, const Weights *w, const Pass *p, GtfTensor *x)
{
  const gsize mark = gtf_push (c);

  for (gint64 i = 0; i < p->config->encoder_layers; i++)
    x = gtf_pop_keep (c, mark, encoder_forward (c, p, &w->encoder[i], x));
  return w->encoder_norm ? gtf_layer_norm (c, w->encoder_norm, x, 1e-5f) : x;
}

/* With an auxiliary loss the norm behind the decoder stands behind each of its layers too. */
static GtfTensor *
run_decoder (GtfContext *c, const Weights *w, const Pass *p, GtfTensor *x)
{
  const gsize mark = gtf_push (c);

  for (gint64 i = 0; i < p->config->decoder_layers; i++)
    {
      x = decoder_forward (c, p, &w->decoder[i], x);
      x = gtf_pop_keep (c, mark, p->config->has_auxiliary ? gtf_layer_norm (c, w->decoder_norm, x, 1e-5f) : x);
    }
  return gtf_layer_norm (c, w->decoder_norm, x, 1e-5f);
}

/* Where the pixels of the last feature map stand, and which of them are padding. */
static void
place (GtfContext *c, const Weights *w, Pass *p, const GtfTensor *pixels, const GtfTensor *map)
{
  const GtfPositions2d how = { .features = p->config->half, .temperature = 10000, .scale = 2 * G_PI };
  const GtfTensor *mask = gtf_pixel_mask (c, pixels, map);

  if (mask == NULL)
    return;
  p->mask = gtf_mask_scores (c, mask);
  if (p->config->has_learnt)
    p->places = gtf_learnt_positions_2d (c, w->rows, w->columns, gtf_dim (map, 1), gtf_dim (map, 2));
  else
    p->places = gtf_positions_2d (c, mask, &how);
}

/* ---- masks ----------------------------------------------------------------------------------------------------------- */

/* Part i of n equal ones of a tensor, along its first dimension, as pixels of so many rows and columns. */
static GtfTensor *
part_of (GtfContext *c, const GtfTensor *x, gint64 i, gint64 height, gint64 width)
{
  const gint64 d = gtf_dim (x, -1);
  gint64 n = 1;

  for (gint k = 0; x != NULL && k + 1 < (gint) gtf_tensor_get_n_dims (x); k++)
    n *= gtf_dim (x, k);
  return gtf_reshape (c, gtf_steps (c, gtf_reshape (c, x, 2, (gint64[]){ n, d }), i * height * width, height * width), 4, (gint64[]){ 1, height, width, d });
}

/* The mask of one query: [1][h][w][1]. */
static GtfTensor *
mask_of (GtfContext *c, const Config *config, const Weights *w, GtfTensor *const *fusions, gint64 picture, GtfTensor *x)
{
  const GtfWindow around = { .padding = 1 };

  for (gint64 i = 0; i < N_MASK_STEPS && x != NULL; i++)
    {
      if (fusions[i] != NULL)
        x = gtf_resize_add (c, x, part_of (c, fusions[i], picture, gtf_dim (fusions[i], 1), gtf_dim (fusions[i], 2)), GTF_RESIZE_NEAREST, GTF_ACTIVATION_NONE);
      x = gtf_conv2d (c, w->mask[i].conv, x, &around, GTF_ACTIVATION_NONE, NULL);
      x = gtf_activate (c, gtf_group_norm (c, w->mask[i].norm, x, MIN (8, gtf_dim (x, 3)), 1e-5f), config->activation);
    }
  return gtf_conv2d (c, w->mask_out, x, &around, GTF_ACTIVATION_NONE, NULL);
}

/* What the head for masks makes of the queries @x: [B][queries][h][w]. One query at a time: their feature maps together would be large. */
static GtfTensor *
make_masks (GtfContext *c, const Weights *w, const Pass *p, GtfTensor *const *maps, gint64 n_maps, GtfTensor *projected, const GtfTensor *x)
{
  const Config *config = p->config;
  const gint64 n = gtf_dim (x, 0), n_queries = config->n_queries, height = gtf_dim (projected, 1), width = gtf_dim (projected, 2);
  GtfTensor *fusions[N_MASK_STEPS] = { NULL }, *looks, *all;
  g_autofree GtfTensor **masks = g_new0 (GtfTensor *, (gsize) (n * n_queries));
  gint64 h = 0, v = 0;

  if (n_maps < 3)
    {
      gtf_fail (c, "the head for masks needs three feature maps or more, and the backbone gives %" G_GINT64_FORMAT, n_maps);
      return NULL;
    }
  looks = gtf_attention_maps (c, gtf_linear (c, w->mask_q, x), gtf_linear (c, w->mask_k, p->memory), p->mask, config->encoder_heads);
  for (gint64 i = 2; i < N_MASK_STEPS; i++)
    fusions[i] = gtf_conv2d (c, w->mask[i].adapter, maps[4 - i], NULL, GTF_ACTIVATION_NONE, NULL);
  for (gint64 i = 0; i < n * n_queries && !gtf_failed (c); i++)
    {
      const gsize mark = gtf_push (c);
      GtfTensor *both[] = { part_of (c, projected, i / n_queries, height, width), part_of (c, looks, i, height, width) };

      masks[i] = gtf_pop_keep (c, mark, mask_of (c, config, w, fusions, i / n_queries, gtf_join (c, both, 2)));
      h = gtf_dim (masks[i], 1);
      v = gtf_dim (masks[i], 2);
    }
  all = gtf_failed (c) ? NULL : gtf_concat (c, masks, n * n_queries);
  return gtf_reshape (c, all, 4, (gint64[]){ n, n_queries, h, v });
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, config->n_channels);
  const gint64 n_maps = gtf_backbone_n_maps (w->backbone);
  GtfTensor *maps[GTF_MAX_MAPS], *projected, *x;
  Pass p = { .config = config };

  if (pixels == NULL || !gtf_backbone_maps (c, w->backbone, pixels, maps, n_maps))
    return;
  projected = gtf_linear (c, w->projection, maps[n_maps - 1]);
  place (c, w, &p, pixels, projected);
  p.queries = gtf_embedding_range (c, w->queries, 0, config->n_queries);
  p.memory = run_encoder (c, w, &p, gtf_map_tokens (c, projected));
  p.memory_keys = gtf_add (c, p.memory, p.places);
  x = run_decoder (c, w, &p, gtf_zero_rows (c, gtf_dim (pixels, 0), config->n_queries, config->d));
  gtf_output (c, "encoder_last_hidden_state", p.memory);
  gtf_output (c, "last_hidden_state", x);
  if (w->classes == NULL)
    return;
  gtf_output (c, "logits", gtf_linear (c, w->classes, x));
  gtf_output (c, "pred_boxes", gtf_activate (c, gtf_detection_mlp (c, w->boxes, 3, x), GTF_ACTIVATION_SIGMOID));
  if (w->mask_out != NULL)
    gtf_output (c, "pred_masks", make_masks (c, w, &p, maps, n_maps, projected, x));
}

static const char *const detr_types[] = { "detr", NULL }, *const table_types[] = { "table-transformer", NULL };

#define ARCHITECTURE(name)                                                                                                         \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights),                     \
    .derive = derive, .model_types = name##_types, .config = name##_config, .weights = weights, .heads = heads, .forward = forward \
  }

ARCHITECTURE (detr);
ARCHITECTURE (table);

GTF_TEXT_PLUGINS (detr, "detr", "DETR and Table Transformer: objects of a picture as a set", &detr, &table)
