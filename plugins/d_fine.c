/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * D-FINE: Peng et al., "D-FINE: Redefine Regression Task in DETRs as Fine-grained Distribution Refinement" (2024).
 *
 * As in RT-DETR, the pixels of a pyramid over the feature maps of a backbone propose boxes. A layer of the decoder says for each edge of a box how far it is from
 * where the first layer put it, as a distribution over distances, which the next layer corrects. docs/models/d_fine.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>

typedef struct
{
  GtfRtDetrConfig base;
  gint64 n_blocks, n_projected, answer, n_used;         /* blocks of each part of the pyramid; maps projected for the decoder; the layer that answers, from 0, and how many there are up to it */
  gint64 n_bins, n_corners, n_best, n_peaks, quality_inner, n_quality_layers;   /* distributions over n_bins + 1 distances */
  double depth;
} Config;

typedef struct
{
  GtfRtDetrLayer base;
  const GtfLinear *offsets, *scores, *gate;     /* of the deformable attention; of what it adds */
  const GtfNorm *gate_norm;
} Layer;

/* RepNCSPELAN4. */
typedef struct
{
  const GtfConv2d *convs[4];
  GtfCspRep csp[2];
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
  GtfRtDetrWeights base;
  const Conv *decoder_inputs, *laterals, *downs;
  const Elan *fpn, *pan;
  const Layer *decoder;
  const GtfLinear *first_boxes[3];
  const GtfTensor *up, *scale;          /* of the distances */
  const Quality *qualities;
  const Linear *classes;                /* one for each layer; NULL in the bare model, as the next */
  const Edges *edges;
} Weights;

static const GtfConfigField config_fields[] = {
  GTF_RT_DETR_CONFIG_FIELDS (GTF_DETECTION_BACKBONE ("\"model_type\": \"hgnet_v2\", \"out_indices\": [2, 3, 4]")),
  GTF_CONFIG_FLOAT_FIELD (Config, depth, "depth_mult", 0, 100, 1),
  GTF_CONFIG_INT_FIELD (Config, answer, "eval_idx", -256, 255, -1),
  GTF_CONFIG_INT_FIELD (Config, n_bins, "max_num_bins", 4, GTF_MAX_BINS, 32),
  GTF_CONFIG_INT_FIELD (Config, n_best, "top_prob_values", 1, GTF_MAX_BINS, 4),
  GTF_CONFIG_INT_FIELD (Config, quality_inner, "lqe_hidden_dim", 1, 1 << 16, 64),
  GTF_CONFIG_INT_FIELD (Config, n_quality_layers, "lqe_layers", 1, 64, 2),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  GtfRtDetrConfig *base = &config->base;
  gint64 last = 256;

  if (!gtf_rt_detr_derive (base, error))
    return FALSE;
  if (base->levels_out)
    {
      last = base->hidden;
      gtf_config_list_int (base->levels_out, gtf_config_list_size (base->levels_out) - 1, 1, 1 << 20, &last);
    }
  config->n_blocks = (gint64) nearbyint (3 * config->depth);
  config->n_projected = last == base->d ? 0 : base->n_levels;
  config->answer += config->answer < 0 ? base->decoder_layers : 0;
  config->n_used = config->answer + 1;
  config->n_corners = 4 * (config->n_bins + 1);
  config->n_peaks = 4 * (config->n_best + 1);
  if (config->answer >= 0 && config->answer < base->decoder_layers)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "eval_idx: expected one of the %" G_GINT64_FORMAT " decoder_layers", base->decoder_layers);
  return FALSE;
}

#define CONV(Struct, field, name, flags) GTF_RT_DETR_CONV (Struct, field, name ".conv", name ".norm", flags)
#define GROUP(Struct, field, name, table, Item, n) GTF_RT_DETR_GROUP (Struct, field, name, table, Item, GTF_DIM (Config, n))
#define LINEAR GTF_RT_DETR_LINEAR
#define STORED(Struct, field, name) GTF_DETECTION_LINEAR (Struct, field, name, GTF_DIM_STORED, GTF_DIM_STORED)

static const GtfWeight lateral[] = { GTF_RT_DETR_CONV (Conv, conv, "conv", "norm", 0), { GTF_WEIGHT_END } };
static const GtfWeight step_down[] = { CONV (Conv, conv, "conv1", 0), CONV (Conv, down, "conv2", GTF_WEIGHT_GROUPED), { GTF_WEIGHT_END } };
static const GtfWeight decoder_input[] = { GTF_RT_DETR_CONV (Conv, conv, "0", "1", 0), { GTF_WEIGHT_END } };

#define CSP(field, name)                                                                                                           \
  CONV (Elan, field.first, name ".conv1", 0), CONV (Elan, field.second, name ".conv2", 0),                                         \
  GROUP (Elan, field.blocks, name ".bottlenecks.%d", gtf_rep_vgg, GtfRepVgg, n_blocks)

static const GtfWeight elan[] = {
  CONV (Elan, convs[0], "conv1", 0),
  CSP (csp[0], "csp_rep1"),
  CONV (Elan, convs[1], "conv2", 0),
  CSP (csp[1], "csp_rep2"),
  CONV (Elan, convs[2], "conv3", 0),
  CONV (Elan, convs[3], "conv4", 0),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder_layer[] = {
  GTF_RT_DETR_LAYER (d, decoder_inner),
  LINEAR (Layer, offsets, "encoder_attn.sampling_offsets", offsets, d),
  LINEAR (Layer, scores, "encoder_attn.attention_weights", scores, d),
  LINEAR (Layer, gate, "gateway.gate", d2, d2),
  GTF_DETECTION_NORM (Layer, gate_norm, "gateway.norm", GtfRtDetrConfig, d),
  { GTF_WEIGHT_END }
};

static const GtfWeight linear[] = { STORED (Linear, layer, ""), { GTF_WEIGHT_END } };
static const GtfWeight quality[] = { GROUP (Quality, layers, "reg_conf.layers.%d", linear, Linear, n_quality_layers), { GTF_WEIGHT_END } };

static const GtfWeight weights[] = {
  GTF_RT_DETR_WEIGHTS,
  GROUP (Weights, laterals, "encoder.lateral_convs.%d", lateral, Conv, base.n_stages),
  GROUP (Weights, fpn, "encoder.fpn_blocks.%d", elan, Elan, base.n_stages),
  GROUP (Weights, downs, "encoder.downsample_convs.%d", step_down, Conv, base.n_stages),
  GROUP (Weights, pan, "encoder.pan_blocks.%d", elan, Elan, base.n_stages),
  GROUP (Weights, decoder_inputs, "decoder_input_proj.%d", decoder_input, Conv, n_projected),
  GTF_DETECTION_MLP (Weights, first_boxes, "decoder.pre_bbox_head", GtfRtDetrConfig, d, 4),
  { GTF_WEIGHT_TENSOR, "decoder.up", G_STRUCT_OFFSET (Weights, up), 0, { GTF_DIM_CONST (1) } },
  { GTF_WEIGHT_TENSOR, "decoder.reg_scale", G_STRUCT_OFFSET (Weights, scale), 0, { GTF_DIM_CONST (1) } },
  GROUP (Weights, decoder, "decoder.layers.%d", decoder_layer, Layer, n_used),
  GROUP (Weights, qualities, "decoder.lqe_layers.%d", quality, Quality, n_used),
  { GTF_WEIGHT_END }
};

static const GtfWeight classes[] = { LINEAR (Linear, layer, "", n_labels, d), { GTF_WEIGHT_END } };
static const GtfWeight edges[] = {
  LINEAR (Edges, layers[0], "layers.0", d, d), LINEAR (Edges, layers[1], "layers.1", d, d),
  GTF_DETECTION_LINEAR (Edges, layers[2], "layers.2", GTF_DIM (Config, n_corners), GTF_RT_DETR_DIM (d)), { GTF_WEIGHT_END }
};

/* Where layers share what they say, the file may have that of the first alone. */
static const GtfWeight detection[] = {
  GROUP (Weights, classes, "decoder.class_embed.%d|class_embed.%d|decoder.class_embed.0|class_embed.0", classes, Linear, n_used),
  GROUP (Weights, edges, "decoder.bbox_embed.%d|bbox_embed.%d|decoder.bbox_embed.0|bbox_embed.0", edges, Edges, n_used),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { { "ForObjectDetection", gtf_detection_tasks, detection, "model" }, { "Model", gtf_vision_base_tasks, NULL, "model" }, { NULL } };

/* ---- the encoder: a transformer on the smallest map, and a pyramid up and down ------------------------------------------- */

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
  for (gint64 i = 0; i < 2; i++)
    parts[2 + i] = gtf_conv2d (c, w->convs[1 + i], gtf_csp_rep (c, &w->csp[i], config->n_blocks, parts[1 + i], config->base.activation), &around, act, NULL);
  return gtf_conv2d (c, w->convs[3], gtf_join (c, parts, 4), NULL, act, NULL);
}

/* In place: from the smallest map to the largest, and back. */
static void
pyramid (GtfContext *c, const Config *config, const Weights *w, GtfTensor **maps)
{
  for (gint64 i = 0; i < config->base.n_stages && !gtf_failed (c); i++)
    {
      const gint64 at = config->base.n_stages - i;
      GtfTensor *small = maps[at] = gtf_conv2d (c, w->laterals[i].conv, maps[at], NULL, GTF_ACTIVATION_NONE, NULL);

      maps[at - 1] = fuse (c, config, &w->fpn[i], gtf_resize (c, small, 2 * gtf_dim (small, 1), 2 * gtf_dim (small, 2), GTF_RESIZE_NEAREST), maps[at - 1]);
    }
  for (gint64 i = 0; i < config->base.n_stages && !gtf_failed (c); i++)
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
  const GtfRtDetrConfig *base = &config->base;

  if (!gtf_rt_detr_maps (c, base, &w->base, pixels, maps))
    return FALSE;
  pyramid (c, config, w, maps);
  for (gint64 i = base->n_in; i < base->n_levels; i++)
    maps[i] = maps[base->n_in - 1];
  for (gint64 i = config->n_projected; i-- > 0;)
    maps[i] = gtf_conv2d (c, w->decoder_inputs[i].conv, maps[i], i < base->n_in ? NULL : &(GtfWindow){ .stride = 2, .padding = 1 }, GTF_ACTIVATION_NONE, NULL);
  return !gtf_failed (c);
}

/* ---- the decoder ------------------------------------------------------------------------------------------------------- */

/* Where a gate for each of the two lets them through: norm (g1 * x + g2 * seen). */
static GtfTensor *
let_through (GtfContext *c, const Layer *w, GtfTensor *x, GtfTensor *seen)
{
  const gint64 d = gtf_dim (x, -1);
  GtfTensor *gates = gtf_linear (c, w->gate, gtf_join (c, (GtfTensor *[]){ x, seen }, 2));

  x = gtf_add (c, gtf_gate (c, gtf_slice (c, gates, 0, d), x, GTF_ACTIVATION_SIGMOID), gtf_gate (c, gtf_slice (c, gates, d, d), seen, GTF_ACTIVATION_SIGMOID));
  return gtf_layer_norm (c, w->gate_norm, x, 1e-5f);
}

static GtfTensor *
decoder_forward (GtfContext *c, const GtfRtDetrConfig *config, const GtfRtDetrPass *p, const Layer *w, GtfTensor *x, const GtfTensor *places)
{
  const GtfTensor *references = gtf_reshape (c, p->references, 4, (gint64[]){ gtf_dim (x, 0), config->n_queries, 1, 4 });
  GtfTensor *placed, *seen;

  x = gtf_rt_detr_attend (c, config, &w->base, x, places);
  placed = gtf_add (c, x, places);
  seen = gtf_deformable_attention (c, p->memory, gtf_linear (c, w->offsets, placed), gtf_linear (c, w->scores, placed), references, &p->how);
  x = let_through (c, w, x, seen);
  x = gtf_feed_forward (c, w->base.up, config->decoder_activation, w->base.down, x, x);
  return gtf_layer_norm (c, w->base.final_norm, gtf_clamp (c, x, -65504, 65504), (float) config->eps);
}

/* How sure the distributions are of themselves, which is added to each class. */
static GtfTensor *
judge (GtfContext *c, const Config *config, const Weights *w, GtfTensor *scores, const GtfTensor *edges_)
{
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
  GtfTensor *maps[GTF_MAX_MAPS], *x, *first = NULL, *all = NULL;
  GtfRtDetrPass p;

  if (pixels == NULL || !encode (c, config, w, pixels, maps))
    return;
  x = gtf_rt_detr_propose (c, &config->base, &w->base, maps, &p);
  for (gint64 i = 0; i < config->n_used; i++)
    {
      const GtfTensor *before = x;

      x = decoder_forward (c, &config->base, &p, &w->decoder[i], x, gtf_clamp (c, gtf_detection_mlp (c, w->base.places, 2, p.references), -10, 10));
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
  gtf_output (c, "logits", judge (c, config, w, gtf_linear (c, w->classes[config->answer].layer, x), all));
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
