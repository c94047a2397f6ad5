/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * YOLOS: Fang et al., "You Only Look at One Sequence: Rethinking Transformer in Vision through Object Detection" (2021).
 *
 * A ViT with detection tokens behind the patches, each of which becomes a class and a box; positions of patches may be added again between
 * the layers. docs/models/yolos.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfVisionConfig vision;
  gint64 n_detections, n_classes, n_between;    /* one class more: no object; layers behind which positions are added */
  gboolean has_between;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_VISION_CONFIG_FIELDS,
  GTF_CONFIG_BOOL_FIELD (Config, vision.interpolates, "", TRUE),
  GTF_CONFIG_INT_FIELD (Config, n_detections, "num_detection_tokens", 1, 1 << 16, 100),
  GTF_CONFIG_BOOL_FIELD (Config, has_between, "use_mid_position_embeddings", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (gtf_config_list_size (config->vision.image_sizes) == 0)
    config->vision.image_sizes = "512|864";
  if (!gtf_vision_config_derive (data, error))
    return FALSE;
  config->vision.n_positions += config->n_detections;
  config->n_classes = config->vision.encoder.n_labels + 1;
  config->n_between = config->has_between ? MAX (config->vision.encoder.n_layers - 1, 0) : 0;
  return TRUE;
}

typedef struct
{
  GtfVisionWeights vision;
  const GtfTensor *detections;                  /* [1][detections][D] */
  const GtfTensor *between;                     /* [layers - 1][1][positions][D]; may be NULL */
  const GtfLinear *classes[3], *boxes[3];
} Weights;

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)

static const GtfWeight weights[] = {
  GTF_VISION_TOKENS (cls, "embeddings.cls_token", 0, GTF_DIM_CONST (1)),
  { GTF_WEIGHT_TENSOR, "embeddings.detection_tokens", G_STRUCT_OFFSET (Weights, detections), 0, { GTF_DIM_CONST (1), GTF_DIM (Config, n_detections), HIDDEN } },
  GTF_VISION_TOKENS (positions, "embeddings.position_embeddings", 0, GTF_VISION_DIM (n_positions)),
  GTF_VISION_PATCHES ("embeddings.patch_embeddings.projection"),
  GTF_VISION_LAYERS ("encoder.layer.%d", gtf_vit_layer),
  { GTF_WEIGHT_TENSOR, "encoder.mid_position_embeddings|encoder.interpolation.mid_position_embeddings", G_STRUCT_OFFSET (Weights, between), 0,
    { GTF_DIM (Config, n_between), GTF_DIM_CONST (1), GTF_VISION_DIM (n_positions), HIDDEN } },
  GTF_VISION_NORM (norm, "layernorm"),
  { GTF_WEIGHT_END }
};

#define MLP(field, name, out)                                                                                                      \
  { GTF_WEIGHT_LINEAR, name ".layers.0", G_STRUCT_OFFSET (Weights, field[0]), 0, { HIDDEN, HIDDEN } },                             \
  { GTF_WEIGHT_LINEAR, name ".layers.1", G_STRUCT_OFFSET (Weights, field[1]), 0, { HIDDEN, HIDDEN } },                             \
  { GTF_WEIGHT_LINEAR, name ".layers.2", G_STRUCT_OFFSET (Weights, field[2]), 0, { out, HIDDEN } }

static const GtfWeight detection[] = {
  MLP (classes, "class_labels_classifier", GTF_DIM (Config, n_classes)),
  MLP (boxes, "bbox_predictor", GTF_DIM_CONST (4)),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForObjectDetection", gtf_detection_tasks, detection, "vit" },
  { "Model", gtf_vision_base_tasks, gtf_vit_pooler, "vit" },
  { NULL }
};

/* A table [positions][D] for a picture of down x across patches: those of the patches are interpolated, those before and behind them stay. */
static GtfTensor *
positions_for (GtfContext *c, const Config *config, const GtfTensor *table, gint64 down, gint64 across)
{
  const GtfVisionConfig *v = &config->vision;
  const gint64 d = v->encoder.hidden_size, old_down = v->image_height / v->patch_height, old_across = v->image_width / v->patch_width, n = old_down * old_across;
  GtfTensor *parts[3];

  parts[0] = gtf_steps (c, table, 0, 1);
  parts[1] = gtf_steps (c, table, 1, n);
  if (down != old_down || across != old_across)
    {
      parts[1] = gtf_resize (c, gtf_reshape (c, parts[1], 4, (gint64[]){ 1, old_down, old_across, d }), down, across, GTF_RESIZE_BICUBIC);
      parts[1] = gtf_reshape (c, parts[1], 2, (gint64[]){ down * across, d });
    }
  parts[2] = gtf_steps (c, table, 1 + n, config->n_detections);
  return gtf_concat (c, parts, 3);
}

/* [CLS], patches and detection tokens of each picture: [B][T][D]. */
static GtfTensor *
embed (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *pixels)
{
  const GtfVisionConfig *v = &config->vision;
  const gint64 d = v->encoder.hidden_size, n_pictures = gtf_dim (pixels, 0);
  GtfTensor *x = gtf_linear (c, w->vision.embeddings.patches, gtf_patches (c, pixels, v->patch_height, v->patch_width));
  const gint64 n = gtf_dim (x, 1);
  g_autofree GtfTensor **parts = g_new0 (GtfTensor *, (gsize) n_pictures * 3);

  x = gtf_reshape (c, x, 2, (gint64[]){ n_pictures * n, d });
  for (gint64 i = 0; i < n_pictures; i++)
    {
      parts[i * 3] = gtf_reshape (c, w->vision.embeddings.cls, 2, (gint64[]){ 1, d });
      parts[i * 3 + 1] = gtf_steps (c, x, i * n, n);
      parts[i * 3 + 2] = gtf_reshape (c, w->detections, 2, (gint64[]){ config->n_detections, d });
    }
  return gtf_reshape (c, gtf_concat (c, parts, n_pictures * 3), 3, (gint64[]){ n_pictures, 1 + n + config->n_detections, d });
}

typedef struct
{
  const Config *config;
  const Weights *w;
  gint64 down, across;
} Picture;

static GtfTensor *
layer_forward (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Picture *p = e->data;
  const gint64 n = p->config->vision.n_positions, d = p->config->vision.encoder.hidden_size;

  if (i > 0 && p->w->between != NULL)
    {
      GtfTensor *all = gtf_reshape (c, p->w->between, 2, (gint64[]){ p->config->n_between * n, d });

      x = gtf_add (c, x, positions_for (c, p->config, gtf_steps (c, all, (i - 1) * n, n), p->down, p->across));
    }
  return gtf_vision_block (c, e, &p->w->vision.layers[i], x);
}

static GtfTensor *
mlp (GtfContext *c, const GtfLinear *const *layers, GtfTensor *x)
{
  return gtf_linear (c, layers[2], gtf_linear_act (c, layers[1], gtf_linear_act (c, layers[0], x, GTF_ACTIVATION_RELU), GTF_ACTIVATION_RELU));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfVisionConfig *v = &config->vision;
  const GtfTensor *pixels = gtf_vision_pixels (c, v->n_channels);
  const Picture picture = { config, w, pixels ? gtf_dim (pixels, 2) / v->patch_height : 0, pixels ? gtf_dim (pixels, 3) / v->patch_width : 0 };
  GtfTextInput input = { .n_choices = 1 };
  const GtfEncoder encoder = { .config = &v->encoder, .input = &input, .norm_first = TRUE, .forward = layer_forward, .data = &picture };
  GtfTensor *x = pixels ? embed (c, config, w, pixels) : NULL, *table;

  if (x == NULL)
    return;
  table = gtf_reshape (c, w->vision.embeddings.positions, 2, (gint64[]){ v->n_positions, v->encoder.hidden_size });
  x = gtf_add (c, x, positions_for (c, config, table, picture.down, picture.across));
  input.n_texts = gtf_dim (x, 0);
  input.longest = gtf_dim (x, 1);
  if (gtf_failed (c))
    return;
  x = gtf_layer_norm (c, w->vision.norm, gtf_encoder_run (c, &encoder, x), (float) v->encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  if (w->vision.pooler != NULL)
    gtf_output (c, "pooler_output", gtf_linear_act (c, w->vision.pooler, gtf_vision_token (c, x, 0), GTF_ACTIVATION_TANH));
  if (w->classes[0] == NULL)
    return;
  x = gtf_steps (c, x, input.longest - config->n_detections, config->n_detections);
  gtf_output (c, "logits", mlp (c, w->classes, x));
  gtf_output (c, "pred_boxes", gtf_activate (c, mlp (c, w->boxes, x), GTF_ACTIVATION_SIGMOID));
}

static const char *const model_types[] = { "yolos", NULL };

static const GtfArchitecture yolos = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights),
  .derive = derive, .model_types = model_types, .config = config_fields, .weights = weights,
  .heads = heads, .ignored = "*mid_position_embeddings|*pooler.*|class_labels_classifier.*|bbox_predictor.*", .forward = forward
};

GTF_TEXT_PLUGINS (yolos, "yolos", "YOLOS: objects from one sequence of patches and detection tokens", &yolos)
