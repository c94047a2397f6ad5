/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CLIP: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (2021); Chinese CLIP: Yang et al. (2022); AltCLIP: Chen et al. (2022); CLIPSeg: Lüddecke and
 * Ecker, "Image Segmentation Using Text and Image Prompts" (2022), of which the CLIP within is here; MetaCLIP 2: Chuang et al., "MetaCLIP 2: A Worldwide
 * Scaling Recipe" (2025); OWL-ViT: Minderer et al., "Simple Open-Vocabulary Object Detection with Vision Transformers" (2022); OWLv2: Minderer et al.,
 * "Scaling Open-Vocabulary Object Detection" (2023).
 *
 * Two towers: what a picture and what a text become are compared by their angle (CLIPModel). The half that sees stands also by itself (CLIPVisionModel), with its
 * projection, or with a classifier over the mean of the patches. OWL-ViT is a CLIP whose patches are compared with the texts, one by one, and know where a box
 * around them would be. docs/models/clip.md and docs/models/owlvit.md tell what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef GtfTowersConfig Config;

#define CLIP_FIELDS(longest)                                                                                                       \
  GTF_TOWERS_VISION_FIELDS ("quick_gelu", 1e-5),                                                                                   \
  GTF_TOWERS_TEXT_FIELDS (49408, longest, 512, 2048, 8, "quick_gelu", 1e-5),                                                       \
  GTF_CONFIG_INT_FIELD (Config, projection_size, "projection_dim|vision_config.projection_dim", 1, 1 << 16, 512)

static const GtfConfigField owlvit_config[] = { CLIP_FIELDS (16), GTF_CONFIG_FIELDS_END };
static const GtfConfigField owlv2_config[] = { CLIP_FIELDS (16), GTF_CONFIG_FIELDS_END };
static const GtfConfigField clip_config[] = {
  CLIP_FIELDS (77),
  GTF_CONFIG_INT_FIELD (Config, eos_token_id, GTF_READS ("eos_token_id"), 0, G_MAXINT32, 49407),
  GTF_CONFIG_FIELDS_END
};
static const GtfConfigField metaclip_2_config[] = {
  CLIP_FIELDS (77),
  GTF_CONFIG_INT_FIELD (Config, eos_token_id, GTF_READS ("eos_token_id"), 0, G_MAXINT32, 49407),
  GTF_CONFIG_FIELDS_END
};

static gboolean
clip_derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->vision.patch_sizes == NULL)
    config->vision.patch_sizes = "32";
  if (config->eos_token_id == 2)        /* configs from before the end had a right number */
    config->eos_token_id = -1;
  return gtf_towers_derive (data, error);
}

static gboolean
metaclip_2_derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->vision.patch_sizes == NULL)
    config->vision.patch_sizes = "32";
  return gtf_towers_derive (data, error);
}

static gboolean
owlvit_derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->vision.image_sizes == NULL)
    config->vision.image_sizes = "768";
  config->eos_token_id = -1;
  return clip_derive (data, error);
}

static gboolean
owlv2_derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->vision.patch_sizes == NULL)
    config->vision.patch_sizes = "16";
  return owlvit_derive (data, error);
}

typedef struct
{
  GtfTowersWeights towers;
  const GtfNorm *first_norm;
  const GtfLinear *projection;
  /* AltCLIP: of the first token of a text */
  const GtfNorm *text_norm;
  const GtfLinear *transformation;
  /* OWL-ViT: of each patch */
  const GtfNorm *patch_norm;
  const GtfLinear *class, *class_shift, *class_scale, *box[3];
} Weights;

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)
#define WIDE GTF_TOWERS_DIM (text.hidden_size)
#define AT(field) G_STRUCT_OFFSET (Weights, field)

static const GtfWeight clip_weights[] = {
  { GTF_WEIGHT_TENSOR, "embeddings.class_embedding", GTF_VISION_FIELD (embeddings.cls), 0, { HIDDEN } },
  GTF_TOWERS_POSITIONS,
  { GTF_WEIGHT_LINEAR, "embeddings.patch_embedding.weight", GTF_VISION_FIELD (embeddings.patches), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS,
    { HIDDEN, GTF_VISION_DIM (patch_features) } },
  { GTF_WEIGHT_NORM, "pre_layrnorm|pre_layernorm", AT (first_norm), 0, { HIDDEN } },
  GTF_VISION_LAYERS ("encoder.layers.%d|encoder.layer.%d", gtf_tower_layer),     /* the latter is what transformers 5 writes of AltCLIP */
  GTF_VISION_NORM (norm, "post_layernorm"),
  { GTF_WEIGHT_END }
};

#define PROJECTION { GTF_WEIGHT_LINEAR, "visual_projection", AT (projection), GTF_WEIGHT_NO_BIAS, { GTF_TOWERS_DIM (projection_size), HIDDEN } }
#define TEXT_PROJECTION(prefix)                                                                                                    \
  { GTF_WEIGHT_LINEAR, prefix "text_projection", AT (towers.text_projection), GTF_WEIGHT_NO_BIAS, { GTF_TOWERS_DIM (projection_size), WIDE } }

static const GtfWeight projection[] = { PROJECTION, { GTF_WEIGHT_END } };
static const GtfWeight clip_both[] = {
  PROJECTION, GTF_TOWERS_READER (""), TEXT_PROJECTION (""), GTF_TOWERS_NUMBER (logit_scale, "logit_scale"), { GTF_WEIGHT_END }
};

#define OWL_LINEAR(field, name, out, in) { GTF_WEIGHT_LINEAR, name, AT (field), 0, { out, in } }
#define OWL(name, prefix)                                                                                                          \
  static const GtfWeight name##_detection[] = {                                                                                    \
    GTF_TOWERS_READER (prefix), TEXT_PROJECTION (prefix),                                                                          \
    { GTF_WEIGHT_NORM, "layer_norm", AT (patch_norm), 0, { HIDDEN } },                                                             \
    OWL_LINEAR (class, "class_head.dense0", WIDE, HIDDEN),                                                                         \
    OWL_LINEAR (class_shift, "class_head.logit_shift", GTF_DIM_CONST (1), HIDDEN),                                                 \
    OWL_LINEAR (class_scale, "class_head.logit_scale", GTF_DIM_CONST (1), HIDDEN),                                                 \
    OWL_LINEAR (box[0], "box_head.dense0", HIDDEN, HIDDEN), OWL_LINEAR (box[1], "box_head.dense1", HIDDEN, HIDDEN),                \
    OWL_LINEAR (box[2], "box_head.dense2", GTF_DIM_CONST (4), HIDDEN), { GTF_WEIGHT_END }                                          \
  };

OWL (owlvit, "owlvit.")
OWL (owlv2, "owlv2.")

static const char *const detection_tasks[] = { "zero-shot-object-detection", NULL };

#define OWL_HEADS(name)                                                                                                            \
  static const GtfHead name##_heads[] = {                                                                                          \
    { "ForObjectDetection", detection_tasks, name##_detection, #name ".vision_model" },                                            \
    { "VisionModel", gtf_vision_base_tasks, NULL, "vision_model" },                                                                \
    { "Model", gtf_towers_tasks, clip_both, "vision_model" },                                                                            \
    { NULL }                                                                                                                       \
  };

OWL_HEADS (owlvit)
OWL_HEADS (owlv2)

#define CLIP_HEADS(name)                                                                                                           \
  static const GtfHead name##_heads[] = {                                                                                          \
    { "ForImageClassification", gtf_vision_classification_tasks, gtf_vision_classifier, "vision_model" },                          \
    { "VisionModel", gtf_vision_base_tasks, NULL, "vision_model" },                                                                \
    { "VisionModelWithProjection", gtf_vision_base_tasks, projection, "vision_model" },                                            \
    { "Model", gtf_towers_tasks, clip_both, "vision_model" },                                                                      \
    { NULL }                                                                                                                       \
  };

CLIP_HEADS (clip)
CLIP_HEADS (metaclip_2)

static const GtfConfigField chinese_clip_config[] = {
  GTF_TOWERS_VISION_FIELDS ("quick_gelu", 1e-5), GTF_TOWERS_BERT_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, projection_size, "projection_dim|vision_config.projection_dim", 1, 1 << 16, 512),
  GTF_CONFIG_FIELDS_END
};

static const GtfWeight chinese_both[] = { PROJECTION, GTF_TOWERS_BERT ("text_model."), TEXT_PROJECTION (""), GTF_TOWERS_NUMBER (logit_scale, "logit_scale"), { GTF_WEIGHT_END } };

static const GtfHead chinese_clip_heads[] = {
  { "VisionModel", gtf_vision_base_tasks, NULL, "vision_model" },
  { "Model", gtf_towers_tasks, chinese_both, "vision_model" },
  { NULL }
};

static gboolean
clipseg_derive (gpointer data, GError **error)
{
  ((Config *) data)->vision.interpolates = TRUE;        /* pictures of any size, without being asked */
  return clip_derive (data, error);
}

/* Within the class that makes masks, whose decoder is left out, it is "clip". */
#define CLIPSEG_PREFIX "vision_model|clip.vision_model|clip"

static const GtfHead clipseg_heads[] = {
  { "VisionModel", gtf_vision_base_tasks, NULL, "vision_model" },
  { "Model", gtf_towers_tasks, clip_both, CLIPSEG_PREFIX },
  { "ForImageSegmentation", gtf_towers_tasks, clip_both, CLIPSEG_PREFIX },
  { NULL }
};

static const GtfConfigField altclip_config[] = {
  GTF_TOWERS_VISION_FIELDS ("quick_gelu", 1e-5),
  GTF_TOWERS_TEXT_FIELDS (250002, 514, 1024, 4096, 16, "gelu", 1e-5),
  GTF_CONFIG_INT_FIELD (Config, text.n_layers, GTF_READS ("num_hidden_layers"), 0, 256, 24),
  GTF_CONFIG_INT_FIELD (Config, text.n_types, GTF_READS ("type_vocab_size"), 0, 1 << 16, 1),
  GTF_CONFIG_INT_FIELD (Config, text.pad_token_id, GTF_READS ("pad_token_id"), 0, G_MAXINT32, 1),
  GTF_CONFIG_INT_FIELD (Config, text_projection_size, GTF_READS ("project_dim"), 1, 1 << 16, 768),
  GTF_CONFIG_INT_FIELD (Config, projection_size, "projection_dim|vision_config.projection_dim", 1, 1 << 16, 768),
  GTF_CONFIG_FIELDS_END
};

static const GtfWeight altclip_both[] = {
  PROJECTION, GTF_TOWERS_BERT ("text_model.roberta."), GTF_TOWERS_NUMBER (logit_scale, "logit_scale"),
  { GTF_WEIGHT_NORM, "text_model.pre_LN", AT (text_norm), 0, { WIDE } },
  { GTF_WEIGHT_LINEAR, "text_model.transformation", AT (transformation), 0, { GTF_TOWERS_DIM (text_projection_size), WIDE } },
  { GTF_WEIGHT_LINEAR, "text_projection", AT (towers.text_projection), GTF_WEIGHT_NO_BIAS, { GTF_TOWERS_DIM (projection_size), GTF_TOWERS_DIM (text_projection_size) } },
  { GTF_WEIGHT_END }
};

static const GtfHead altclip_heads[] = {
  { "VisionModel", gtf_vision_base_tasks, NULL, "vision_model" },
  { "Model", gtf_towers_tasks, altclip_both, "vision_model" },
  { NULL }
};

/* AltCLIP: XLM-RoBERTa reads; each text by its first token. */
static GtfTensor *
altclip_texts (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input)
{
  const GtfEncoder encoder = { .config = &config->text, .input = input, .layers = w->towers.text_layers };
  GtfTensor *x = gtf_text_embed (c, &config->text, &w->towers.words, input, gtf_text_positions_past_padding (c, input, config->text.pad_token_id));

  x = gtf_layer_norm (c, w->text_norm, gtf_text_first (c, input, gtf_encoder_run (c, &encoder, x)), (float) config->text.eps);
  return gtf_linear (c, w->towers.text_projection, gtf_linear (c, w->transformation, x));
}

/* Each text by the state of its end: [texts][D]. Where the end has no number, and in OWL-ViT, it is the highest id. */
static GtfTensor *
clip_texts (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input)
{
  GtfTensor *x = gtf_towers_read (c, config, &w->towers, input, TRUE);
  GtfTensor *end = config->eos_token_id < 0 ? gtf_text_highest (c, input) : gtf_text_find (c, input, config->eos_token_id);

  return gtf_linear (c, w->towers.text_projection, gtf_take (c, gtf_reshape (c, x, 2, (gint64[]){ -1, config->text.hidden_size }), end));
}

static void
clip_compare (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *image)
{
  GtfTextInput input;
  GtfTensor *text;

  if (!gtf_text_input (c, &input))
    return;
  if (w->transformation != NULL)
    text = altclip_texts (c, config, w, &input);
  else
    text = w->towers.words.types != NULL ? gtf_towers_read_bert (c, config, &w->towers, &input) : clip_texts (c, config, w, &input);
  gtf_output (c, "logits_per_image", gtf_compare_towers (c, image, text, w->towers.logit_scale, NULL));
}

static gint64
row_of (gint64 i, gconstpointer n)
{
  return i / *(const gint64 *) n;
}

/* What each patch [B][P][D] is to each text: cosines, shifted and scaled by the patch, [B][P][texts]. */
static GtfTensor *
patch_classes (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *x)
{
  const gint64 n_pictures = gtf_dim (x, 0), n_patches = gtf_dim (x, 1);
  GtfTextInput input;
  GtfTensor *y, *shift, *scale;
  gint64 n;

  if (!gtf_text_input (c, &input))
    return NULL;
  n = input.n_texts;
  y = gtf_reshape (c, gtf_linear (c, w->class, x), 2, (gint64[]){ n_pictures * n_patches, config->text.hidden_size });
  y = gtf_compare_towers (c, y, clip_texts (c, config, w, &input), gtf_zero_rows (c, 1, 1, 1), NULL);
  shift = gtf_reshape (c, gtf_linear (c, w->class_shift, x), 2, (gint64[]){ n_pictures * n_patches, 1 });
  shift = gtf_take (c, shift, gtf_indices (c, n_pictures * n_patches * n, row_of, &n));
  y = gtf_add (c, y, gtf_reshape (c, shift, 2, (gint64[]){ n_pictures * n_patches, n }));
  scale = gtf_reshape (c, gtf_linear_act (c, w->class_scale, x, GTF_ACTIVATION_ELU), 2, (gint64[]){ n_pictures * n_patches, 1 });
  y = gtf_add (c, y, gtf_scale_rows (c, y, scale));     /* times 1 + elu (scale) */
  return gtf_reshape (c, gtf_mask_texts (c, y, &input), 3, (gint64[]){ n_pictures, n_patches, n });
}

static void
owl_detect (GtfContext *c, const Config *config, const Weights *w, GtfTensor *x)
{
  const GtfTensor *pixels = gtf_input (c, "pixel_values");
  const gint64 down = gtf_dim (pixels, 2) / config->vision.patch_height, across = gtf_dim (pixels, 3) / config->vision.patch_width, n = gtf_dim (x, 1) - 1;
  GtfTensor *boxes;

  x = gtf_layer_norm (c, w->towers.vision.norm, x, (float) config->vision.encoder.eps);
  x = gtf_gate (c, gtf_steps (c, x, 1, n), gtf_vision_repeat (c, x, 0, n), GTF_ACTIVATION_NONE);
  x = gtf_layer_norm (c, w->patch_norm, x, (float) config->vision.encoder.eps);
  gtf_output (c, "logits", patch_classes (c, config, w, x));
  boxes = gtf_linear_act (c, w->box[1], gtf_linear_act (c, w->box[0], x, GTF_ACTIVATION_GELU), GTF_ACTIVATION_GELU);
  boxes = gtf_add (c, gtf_linear (c, w->box[2], boxes), gtf_patch_boxes (c, down, across));
  gtf_output (c, "pred_boxes", gtf_activate (c, boxes, GTF_ACTIVATION_SIGMOID));
}

static void
clip_forward (GtfContext *c, const GtfForward *f)
{
  const GtfVisionConfig *config = f->config;
  const Weights *w = f->weights;
  const float eps = (float) config->encoder.eps;
  GtfTensor *x = gtf_layer_norm (c, w->first_norm, gtf_vision_embed (c, config, &w->towers.vision.embeddings), eps), *pooled;

  x = gtf_vision_encode (c, config, w->towers.vision.layers, x, NULL, NULL);
  if (w->class != NULL)
    {
      owl_detect (c, f->config, w, x);
      return;
    }
  gtf_output (c, "last_hidden_state", x);
  pooled = gtf_layer_norm (c, w->towers.vision.norm, gtf_vision_token (c, x, 0), eps);
  gtf_output (c, "pooler_output", pooled);
  if (w->projection != NULL)
    {
      pooled = gtf_linear (c, w->projection, pooled);
      if (w->towers.text_projection == NULL)
        gtf_output (c, "image_embeds", pooled);
    }
  if (w->towers.text_projection != NULL)
    clip_compare (c, f->config, w, pooled);
  if (w->towers.vision.classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->towers.vision.classifier, gtf_mean_steps (c, gtf_steps (c, x, 1, gtf_dim (x, 1) - 1))));
}

#define clipseg_config clip_config
#define clipseg_weights clip_weights
#define clipseg_forward clip_forward
#define altclip_derive metaclip_2_derive
#define altclip_weights clip_weights
#define altclip_forward clip_forward
#define chinese_clip_derive metaclip_2_derive
#define chinese_clip_weights clip_weights
#define chinese_clip_forward clip_forward
#define metaclip_2_weights clip_weights
#define metaclip_2_forward clip_forward
#define owlvit_weights clip_weights
#define owlv2_weights clip_weights
#define owlvit_forward clip_forward
#define owlv2_forward clip_forward

static const char *const owlvit_types[] = { "owlvit", NULL }, *const owlv2_types[] = { "owlv2", NULL }, *const clip_types[] = { "clip", "clip_vision_model", NULL };
static const char *const chinese_clip_types[] = { "chinese_clip", "chinese_clip_vision_model", NULL };
static const char *const altclip_types[] = { "altclip", "altclip_vision_model", NULL }, *const clipseg_types[] = { "clipseg", "clipseg_vision_model", NULL };
static const char *const metaclip_2_types[] = { "metaclip_2", "metaclip_2_vision_model", NULL };

#define ARCHITECTURE(name)                                                                                                         \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights),                     \
    .derive = name##_derive, .model_types = name##_types, .config = name##_config, .weights = name##_weights,                      \
    .heads = name##_heads, .ignored = "*.position_ids|classifier.*|objectness_head.*|*.visual_projection.*|*.logit_scale|decoder.*|*.pooler.*",         \
    .forward = name##_forward                                                                                                      \
  }

ARCHITECTURE (clip);
ARCHITECTURE (chinese_clip);
ARCHITECTURE (altclip);
ARCHITECTURE (clipseg);
ARCHITECTURE (metaclip_2);
ARCHITECTURE (owlvit);
ARCHITECTURE (owlv2);

GTF_TEXT_PLUGINS (clip, "clip", "CLIP, Chinese CLIP, AltCLIP, CLIPSeg, MetaCLIP 2, OWL-ViT: pictures and texts compared", &clip, &chinese_clip, &altclip, &clipseg, &metaclip_2, &owlvit, &owlv2)
