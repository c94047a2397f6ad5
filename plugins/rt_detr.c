/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RT-DETR: Zhao et al., "DETRs Beat YOLOs on Real-time Object Detection" (2023), and RT-DETRv2: Lv et al. (2024).
 *
 * Feature maps of a backbone go through a pyramid, the smallest through a transformer first. Each of their pixels proposes a box; the best become
 * queries of a decoder that looks at few points around its boxes and moves them from layer to layer. docs/models/rt_detr.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfRtDetrLayer base;
  const GtfLinear *offsets, *scores, *values, *out;     /* of the deformable attention */
  const GtfNorm *cross_norm;
} Layer;

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
  GtfRtDetrWeights base;
  const GtfRtDetrConv *decoder_inputs, *laterals, *downs;
  const GtfCspRep *fpn, *pan;
  const Layer *decoder;
  const Classes *classes;       /* one for each layer; NULL in the bare model */
  const Boxes *boxes;
} Weights;

#define N_BLOCKS 3              /* of a CSPRepLayer */

static const GtfConfigField config_fields[] = {
  GTF_RT_DETR_CONFIG_FIELDS (GTF_DETECTION_BACKBONE ("\"model_type\": \"rt_detr_resnet\", \"out_indices\": [2, 3, 4]")),
  GTF_CONFIG_FIELDS_END
};

#define CONV GTF_RT_DETR_CONV
#define GROUP GTF_RT_DETR_GROUP
#define LINEAR GTF_RT_DETR_LINEAR
#define N(field) GTF_RT_DETR_DIM (field)

static const GtfWeight conv_norm[] = { CONV (GtfRtDetrConv, conv, "conv", "norm", 0), { GTF_WEIGHT_END } };
static const GtfWeight sequence[] = { CONV (GtfRtDetrConv, conv, "0", "1", 0), { GTF_WEIGHT_END } };

static const GtfWeight csp[] = {
  CONV (GtfCspRep, first, "conv1.conv", "conv1.norm", 0),
  CONV (GtfCspRep, second, "conv2.conv", "conv2.norm", 0),
  CONV (GtfCspRep, last, "conv3.conv", "conv3.norm", GTF_WEIGHT_OPTIONAL),
  GROUP (GtfCspRep, blocks, "bottlenecks.%d", gtf_rep_vgg, GtfRepVgg, GTF_DIM_CONST (N_BLOCKS)),
  { GTF_WEIGHT_END }
};

static const GtfWeight decoder_layer[] = {
  GTF_RT_DETR_LAYER (d, decoder_inner),
  LINEAR (Layer, offsets, "encoder_attn.sampling_offsets", offsets, d),
  LINEAR (Layer, scores, "encoder_attn.attention_weights", scores, d),
  LINEAR (Layer, values, "encoder_attn.value_proj", d, d),
  LINEAR (Layer, out, "encoder_attn.output_proj", d, d),
  GTF_DETECTION_NORM (Layer, cross_norm, "encoder_attn_layer_norm", GtfRtDetrConfig, d),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_RT_DETR_WEIGHTS,
  GROUP (Weights, laterals, "encoder.lateral_convs.%d", conv_norm, GtfRtDetrConv, N (n_stages)),
  GROUP (Weights, fpn, "encoder.fpn_blocks.%d", csp, GtfCspRep, N (n_stages)),
  GROUP (Weights, downs, "encoder.downsample_convs.%d", conv_norm, GtfRtDetrConv, N (n_stages)),
  GROUP (Weights, pan, "encoder.pan_blocks.%d", csp, GtfCspRep, N (n_stages)),
  GROUP (Weights, decoder_inputs, "decoder_input_proj.%d", sequence, GtfRtDetrConv, N (n_levels)),
  GROUP (Weights, decoder, "decoder.layers.%d", decoder_layer, Layer, N (decoder_layers)),
  { GTF_WEIGHT_END }
};

static const GtfWeight classes[] = { LINEAR (Classes, classes, "", n_labels, d), { GTF_WEIGHT_END } };
static const GtfWeight boxes[] = {
  LINEAR (Boxes, layers[0], "layers.0", d, d),
  LINEAR (Boxes, layers[1], "layers.1", d, d),
  GTF_DETECTION_LINEAR (Boxes, layers[2], "layers.2", GTF_DIM_CONST (4), N (d)),
  { GTF_WEIGHT_END }
};

static const GtfWeight detection[] = {
  GROUP (Weights, classes, "decoder.class_embed.%d|class_embed.%d", classes, Classes, N (decoder_layers)),
  GROUP (Weights, boxes, "decoder.bbox_embed.%d|bbox_embed.%d", boxes, Boxes, N (decoder_layers)),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForObjectDetection", gtf_detection_tasks, detection, "model" },
  { "Model", gtf_vision_base_tasks, NULL, "model" },
  { NULL }
};

/* ---- the encoder: a transformer on the smallest map, and a pyramid up and down ------------------------------------------- */

static GtfTensor *
fuse (GtfContext *c, const GtfRtDetrConfig *config, const GtfCspRep *w, GtfTensor *a, GtfTensor *b)
{
  return gtf_csp_rep (c, w, N_BLOCKS, gtf_join (c, (GtfTensor *[]){ a, b }, 2), config->activation);
}

/* In place: from the smallest map to the largest, and back. */
static void
pyramid (GtfContext *c, const GtfRtDetrConfig *config, const Weights *w, GtfTensor **maps)
{
  for (gint64 i = 0; i < config->n_stages && !gtf_failed (c); i++)
    {
      const gint64 at = config->n_stages - i;
      GtfTensor *small = maps[at] = gtf_conv2d (c, w->laterals[i].conv, maps[at], NULL, config->activation, NULL);

      maps[at - 1] = fuse (c, config, &w->fpn[i], gtf_resize (c, small, 2 * gtf_dim (small, 1), 2 * gtf_dim (small, 2), GTF_RESIZE_NEAREST), maps[at - 1]);
    }
  for (gint64 i = 0; i < config->n_stages && !gtf_failed (c); i++)
    maps[i + 1] = fuse (c, config, &w->pan[i], gtf_conv2d (c, w->downs[i].conv, maps[i], &(GtfWindow){ .stride = 2, .padding = 1 }, config->activation, NULL), maps[i + 1]);
}

/* The feature maps that the decoder looks at: n_levels of them. */
static gboolean
encode (GtfContext *c, const GtfRtDetrConfig *config, const Weights *w, const GtfTensor *pixels, GtfTensor **maps)
{
  GtfTensor *last;

  if (!gtf_rt_detr_maps (c, config, &w->base, pixels, maps))
    return FALSE;
  pyramid (c, config, w, maps);
  last = maps[config->n_in - 1];
  for (gint64 i = 0; i < config->n_levels; i++)
    maps[i] = i < config->n_in ? gtf_conv2d (c, w->decoder_inputs[i].conv, maps[i], NULL, GTF_ACTIVATION_NONE, NULL)
                               : gtf_conv2d (c, w->decoder_inputs[i].conv, last, &(GtfWindow){ .stride = 2, .padding = 1 }, GTF_ACTIVATION_NONE, NULL);
  return !gtf_failed (c);
}

/* ---- the decoder ------------------------------------------------------------------------------------------------------- */

static GtfTensor *
decoder_forward (GtfContext *c, const GtfRtDetrConfig *config, const GtfRtDetrPass *p, const Layer *w, GtfTensor *x, const GtfTensor *places)
{
  const float eps = (float) config->eps;
  const GtfTensor *references = gtf_reshape (c, p->references, 4, (gint64[]){ gtf_dim (x, 0), config->n_queries, 1, 4 });
  GtfTensor *placed, *seen;

  x = gtf_rt_detr_attend (c, config, &w->base, x, places);
  placed = gtf_add (c, x, places);
  seen = gtf_deformable_attention (c, gtf_linear (c, w->values, p->memory), gtf_linear (c, w->offsets, placed), gtf_linear (c, w->scores, placed), references, &p->how);
  x = gtf_layer_norm (c, w->cross_norm, gtf_linear_add (c, w->out, seen, x), eps);
  return gtf_layer_norm (c, w->base.final_norm, gtf_feed_forward (c, w->base.up, config->decoder_activation, w->base.down, x, x), eps);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfRtDetrConfig *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, 3);
  GtfTensor *maps[GTF_MAX_MAPS], *x;
  GtfRtDetrPass p;

  if (pixels == NULL || !encode (c, config, w, pixels, maps))
    return;
  x = gtf_rt_detr_propose (c, config, &w->base, maps, &p);
  for (gint64 i = 0; i < config->decoder_layers; i++)
    {
      x = decoder_forward (c, config, &p, &w->decoder[i], x, gtf_detection_mlp (c, w->base.places, 2, p.references));
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
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (GtfRtDetrConfig), .weights_size = sizeof (Weights), .derive = gtf_rt_detr_derive, .model_types = types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*denoising_class_embed.*|*.num_batches_tracked|*.n_points_scale|*class_embed.*|*bbox_embed.*",
  .forward = forward
};

GTF_TEXT_PLUGINS (rt_detr, "rt_detr", "RT-DETR: objects of a picture in real time", &rt_detr)
