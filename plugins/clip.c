/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CLIP: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (2021); SigLIP:
 * Zhai et al., "Sigmoid Loss for Language Image Pre-Training" (2023); OWL-ViT: Minderer et al., "Simple Open-Vocabulary Object Detection with
 * Vision Transformers" (2022); OWLv2: Minderer et al., "Scaling Open-Vocabulary Object Detection" (2023).
 *
 * Two towers: what a picture and what a text become are compared by their angle (CLIPModel, SiglipModel). The half that sees stands also
 * by itself (CLIPVisionModel, SiglipVisionModel), with its projection, or with a classifier over the mean of the patches. OWL-ViT is a CLIP whose
 * patches are compared with the texts, one by one, and know where a box around them would be. docs/models/clip.md and docs/models/owlvit.md tell what is
 * easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfVisionConfig vision;
  gint64 projection_size;
  gboolean has_head;
  gint64 head_size, head_qkv, head_inner;       /* of SigLIP's head; 0: there is none */
  GtfTextConfig text;                           /* of the half that reads */
  gint64 eos_token_id, text_projection_size;
} Config;

#define KEY(name) "vision_config." name "|" name
#define TEXT(name) "text_config." name

/* Sizes of the half that reads. */
#define TEXT_FIELDS(vocabulary, longest)                                                                                           \
  GTF_CONFIG_INT_FIELD (Config, text.vocab_size, TEXT ("vocab_size"), 1, 1 << 24, vocabulary),                                     \
  GTF_CONFIG_INT_FIELD (Config, text.n_positions, TEXT ("max_position_embeddings"), 1, 1 << 20, longest),                          \
  GTF_CONFIG_INT_FIELD (Config, text.n_layers, TEXT ("num_hidden_layers"), 0, 256, 12)

#define FIELDS                                                                                                                     \
  GTF_VISION_CONFIG_FIELDS,                                                                                                        \
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.hidden_size, KEY ("hidden_size"), 1, 1 << 16, 768),                                 \
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.n_layers, KEY ("num_hidden_layers"), 0, 256, 12),                                   \
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.n_heads, KEY ("num_attention_heads"), 1, 4096, 12),                                 \
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.inner_size, KEY ("intermediate_size"), 1, 1 << 20, 3072),                           \
  GTF_CONFIG_INT_FIELD (Config, vision.n_channels, KEY ("num_channels"), 1, 1 << 12, 3),                                           \
  GTF_CONFIG_LIST_FIELD (Config, vision.image_sizes, KEY ("image_size")),                                                          \
  GTF_CONFIG_LIST_FIELD (Config, vision.patch_sizes, KEY ("patch_size"))

#define CLIP_FIELDS(longest)                                                                                                       \
  FIELDS,                                                                                                                          \
  GTF_CONFIG_FLOAT_FIELD (Config, vision.encoder.eps, KEY ("layer_norm_eps"), 0, 1, 1e-5),                                         \
  GTF_CONFIG_ACTIVATION_FIELD (Config, vision.encoder.activation, KEY ("hidden_act"), "quick_gelu"),                               \
  GTF_CONFIG_INT_FIELD (Config, projection_size, "projection_dim|vision_config.projection_dim", 1, 1 << 16, 512),                  \
  TEXT_FIELDS (49408, longest),                                                                                                    \
  GTF_CONFIG_INT_FIELD (Config, text.hidden_size, TEXT ("hidden_size"), 1, 1 << 16, 512),                                          \
  GTF_CONFIG_INT_FIELD (Config, text.inner_size, TEXT ("intermediate_size"), 1, 1 << 20, 2048),                                    \
  GTF_CONFIG_INT_FIELD (Config, text.n_heads, TEXT ("num_attention_heads"), 1, 4096, 8),                                           \
  GTF_CONFIG_FLOAT_FIELD (Config, text.eps, TEXT ("layer_norm_eps"), 0, 1, 1e-5),                                                  \
  GTF_CONFIG_ACTIVATION_FIELD (Config, text.activation, TEXT ("hidden_act"), "quick_gelu")

static const GtfConfigField owlvit_config[] = { CLIP_FIELDS (16), GTF_CONFIG_FIELDS_END };
static const GtfConfigField owlv2_config[] = { CLIP_FIELDS (16), GTF_CONFIG_FIELDS_END };
static const GtfConfigField clip_config[] = {
  CLIP_FIELDS (77),
  GTF_CONFIG_INT_FIELD (Config, eos_token_id, TEXT ("eos_token_id"), 0, G_MAXINT32, 49407),
  GTF_CONFIG_FIELDS_END
};
static const GtfConfigField siglip_config[] = {
  FIELDS,
  GTF_CONFIG_FLOAT_FIELD (Config, vision.encoder.eps, KEY ("layer_norm_eps"), 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, vision.encoder.activation, KEY ("hidden_act"), "gelu_pytorch_tanh"),
  GTF_CONFIG_BOOL_FIELD (Config, has_head, KEY ("vision_use_head"), TRUE),
  TEXT_FIELDS (32000, 64),
  GTF_CONFIG_INT_FIELD (Config, text.hidden_size, TEXT ("hidden_size"), 1, 1 << 16, 768),
  GTF_CONFIG_INT_FIELD (Config, text.inner_size, TEXT ("intermediate_size"), 1, 1 << 20, 3072),
  GTF_CONFIG_INT_FIELD (Config, text.n_heads, TEXT ("num_attention_heads"), 1, 4096, 12),
  GTF_CONFIG_FLOAT_FIELD (Config, text.eps, TEXT ("layer_norm_eps"), 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (Config, text.activation, TEXT ("hidden_act"), "gelu_pytorch_tanh"),
  GTF_CONFIG_INT_FIELD (Config, text_projection_size, TEXT ("projection_size"), 0, 1 << 16, 0),
  GTF_CONFIG_INT_FIELD (Config, vision.n_first, "", 0, 0, 0),
  GTF_CONFIG_FIELDS_END
};

static gboolean
clip_derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->vision.patch_sizes == NULL)
    config->vision.patch_sizes = "32";
  return gtf_vision_config_derive (data, error) && gtf_text_config_derive (&config->text, error);
}

static gboolean
owlvit_derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->vision.image_sizes == NULL)
    config->vision.image_sizes = "768";
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

static gboolean
siglip_derive (gpointer data, GError **error)
{
  Config *config = data;

  config->head_size = config->has_head ? config->vision.encoder.hidden_size : 0;
  config->head_qkv = 3 * config->head_size;
  config->head_inner = config->has_head ? config->vision.encoder.inner_size : 0;
  if (config->text_projection_size == 0)
    config->text_projection_size = config->text.hidden_size;
  return gtf_vision_config_derive (data, error) && gtf_text_config_derive (&config->text, error);
}

typedef struct
{
  GtfVisionWeights vision;
  const GtfNorm *first_norm;
  const GtfLinear *projection;
  /* SigLIP: what all tokens are asked by */
  const GtfTensor *probe, *probe_bias;
  const GtfLinear *probe_qkv, *probe_out, *probe_up, *probe_down;
  const GtfNorm *probe_norm;
  /* the half that reads, and how the two are compared */
  GtfTextEmbeddings words;
  const GtfEncoderLayer *text_layers;
  const GtfNorm *text_norm;
  const GtfLinear *text_projection;
  const GtfTensor *logit_scale, *logit_bias;
  /* OWL-ViT: of each patch */
  const GtfNorm *patch_norm;
  const GtfLinear *class, *class_shift, *class_scale, *box[3];
} Weights;

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)
#define AT(field) G_STRUCT_OFFSET (Weights, field)

static const GtfWeight layer[] = {
  GTF_VISION_LAYER_NORM (block.attention_norm, "layer_norm1"),
  GTF_VISION_QKV ("self_attn.{q_proj,k_proj,v_proj}"),
  GTF_VISION_SQUARE (block.attention_out, "self_attn.out_proj"),
  GTF_VISION_LAYER_NORM (block.output_norm, "layer_norm2"),
  GTF_VISION_UP ("mlp.fc1"),
  GTF_VISION_DOWN ("mlp.fc2"),
  { GTF_WEIGHT_END }
};

#define POSITIONS                                                                                                                  \
  { GTF_WEIGHT_TENSOR, "embeddings.position_embedding.weight", GTF_VISION_FIELD (embeddings.positions), 0, { GTF_VISION_DIM (n_positions), HIDDEN } }

static const GtfWeight clip_weights[] = {
  { GTF_WEIGHT_TENSOR, "embeddings.class_embedding", GTF_VISION_FIELD (embeddings.cls), 0, { HIDDEN } },
  POSITIONS,
  { GTF_WEIGHT_LINEAR, "embeddings.patch_embedding.weight", GTF_VISION_FIELD (embeddings.patches), GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS,
    { HIDDEN, GTF_VISION_DIM (patch_features) } },
  { GTF_WEIGHT_NORM, "pre_layrnorm|pre_layernorm", AT (first_norm), 0, { HIDDEN } },
  GTF_VISION_LAYERS ("encoder.layers.%d", layer),
  GTF_VISION_NORM (norm, "post_layernorm"),
  { GTF_WEIGHT_END }
};

#define IN_HEAD(type, field, name, flags, ...) { type, "head." name, AT (field), flags, { __VA_ARGS__ } }

static const GtfWeight siglip_weights[] = {
  POSITIONS,
  GTF_VISION_PATCHES ("embeddings.patch_embedding"),
  GTF_VISION_LAYERS ("encoder.layers.%d", layer),
  GTF_VISION_NORM (norm, "post_layernorm"),
  IN_HEAD (GTF_WEIGHT_TENSOR, probe, "probe", 0, GTF_DIM_CONST (1), GTF_DIM_CONST (1), GTF_DIM (Config, head_size)),
  IN_HEAD (GTF_WEIGHT_LINEAR, probe_qkv, "attention.in_proj_weight", GTF_WEIGHT_BARE | GTF_WEIGHT_NO_BIAS, GTF_DIM (Config, head_qkv), HIDDEN),
  IN_HEAD (GTF_WEIGHT_TENSOR, probe_bias, "attention.in_proj_bias", 0, GTF_DIM (Config, head_qkv)),
  IN_HEAD (GTF_WEIGHT_LINEAR, probe_out, "attention.out_proj", 0, GTF_DIM (Config, head_size), HIDDEN),
  IN_HEAD (GTF_WEIGHT_NORM, probe_norm, "layernorm", 0, GTF_DIM (Config, head_size)),
  IN_HEAD (GTF_WEIGHT_LINEAR, probe_up, "mlp.fc1", 0, GTF_DIM (Config, head_inner), HIDDEN),
  IN_HEAD (GTF_WEIGHT_LINEAR, probe_down, "mlp.fc2", 0, HIDDEN, GTF_DIM (Config, head_inner)),
  { GTF_WEIGHT_END }
};

static const GtfWeight projection[] = {
  { GTF_WEIGHT_LINEAR, "visual_projection", AT (projection), GTF_WEIGHT_NO_BIAS, { GTF_DIM (Config, projection_size), HIDDEN } },
  { GTF_WEIGHT_END }
};

/* ---- the half that reads ------------------------------------------------------------------------------------------------------- */

#define WIDE GTF_DIM (Config, text.hidden_size)
#define READ(type, field, name, ...) { type, name, G_STRUCT_OFFSET (GtfEncoderLayer, field), 0, { __VA_ARGS__ } }

static const GtfWeight text_layer[] = {
  READ (GTF_WEIGHT_NORM, attention_norm, "layer_norm1", WIDE),
  READ (GTF_WEIGHT_LINEAR, qkv, "self_attn.{q_proj,k_proj,v_proj}", GTF_DIM_TIMES (Config, text.hidden_size, 3), WIDE),
  READ (GTF_WEIGHT_LINEAR, attention_out, "self_attn.out_proj", WIDE, WIDE),
  READ (GTF_WEIGHT_NORM, output_norm, "layer_norm2", WIDE),
  READ (GTF_WEIGHT_LINEAR, up, "mlp.fc1", GTF_DIM (Config, text.inner_size), WIDE),
  READ (GTF_WEIGHT_LINEAR, down, "mlp.fc2", WIDE, GTF_DIM (Config, text.inner_size)),
  { GTF_WEIGHT_END }
};

#define READER(prefix)                                                                                                                     \
  { GTF_WEIGHT_EMBEDDING, prefix "text_model.embeddings.token_embedding", AT (words.tokens), 0, { GTF_DIM (Config, text.vocab_size), WIDE } }, \
  { GTF_WEIGHT_EMBEDDING, prefix "text_model.embeddings.position_embedding", AT (words.positions), 0, { GTF_DIM (Config, text.n_positions), WIDE } }, \
  { GTF_WEIGHT_GROUP, prefix "text_model.encoder.layers.%d", .offset = AT (text_layers), .group = text_layer,                             \
    .group_size = sizeof (GtfEncoderLayer), .count = GTF_DIM (Config, text.n_layers) },                                            \
  { GTF_WEIGHT_NORM, prefix "text_model.final_layer_norm", AT (text_norm), 0, { WIDE } }

static const GtfWeight clip_both[] = {
  { GTF_WEIGHT_LINEAR, "visual_projection", AT (projection), GTF_WEIGHT_NO_BIAS, { GTF_DIM (Config, projection_size), HIDDEN } },
  READER (""),
  { GTF_WEIGHT_LINEAR, "text_projection", AT (text_projection), GTF_WEIGHT_NO_BIAS, { GTF_DIM (Config, projection_size), WIDE } },
  { GTF_WEIGHT_TENSOR, "logit_scale", AT (logit_scale), 0, { GTF_DIM_CONST (1) } },
  { GTF_WEIGHT_END }
};
static const GtfWeight siglip_both[] = {
  READER (""),
  { GTF_WEIGHT_LINEAR, "text_model.head", AT (text_projection), 0, { GTF_DIM (Config, text_projection_size), WIDE } },
  { GTF_WEIGHT_TENSOR, "logit_scale", AT (logit_scale), 0, { GTF_DIM_CONST (1) } },
  { GTF_WEIGHT_TENSOR, "logit_bias", AT (logit_bias), 0, { GTF_DIM_CONST (1) } },
  { GTF_WEIGHT_END }
};

#define OWL_LINEAR(field, name, out, in) { GTF_WEIGHT_LINEAR, name, AT (field), 0, { out, in } }
#define OWL(name, prefix)                                                                                                          \
  static const GtfWeight name##_detection[] = {                                                                                    \
    READER (prefix),                                                                                                               \
    { GTF_WEIGHT_LINEAR, prefix "text_projection", AT (text_projection), GTF_WEIGHT_NO_BIAS, { GTF_DIM (Config, projection_size), WIDE } }, \
    { GTF_WEIGHT_NORM, "layer_norm", AT (patch_norm), 0, { HIDDEN } },                                                             \
    OWL_LINEAR (class, "class_head.dense0", WIDE, HIDDEN),                                                                         \
    OWL_LINEAR (class_shift, "class_head.logit_shift", GTF_DIM_CONST (1), HIDDEN),                                                 \
    OWL_LINEAR (class_scale, "class_head.logit_scale", GTF_DIM_CONST (1), HIDDEN),                                                 \
    OWL_LINEAR (box[0], "box_head.dense0", HIDDEN, HIDDEN), OWL_LINEAR (box[1], "box_head.dense1", HIDDEN, HIDDEN),                \
    OWL_LINEAR (box[2], "box_head.dense2", GTF_DIM_CONST (4), HIDDEN), { GTF_WEIGHT_END }                                          \
  };

OWL (owlvit, "owlvit.")
OWL (owlv2, "owlv2.")

static const char *const both_tasks[] = { "zero-shot-image-classification", NULL };

static const char *const detection_tasks[] = { "zero-shot-object-detection", NULL };

#define OWL_HEADS(name)                                                                                                            \
  static const GtfHead name##_heads[] = {                                                                                          \
    { "ForObjectDetection", detection_tasks, name##_detection, #name ".vision_model" },                                            \
    { "VisionModel", gtf_vision_base_tasks, NULL, "vision_model" },                                                                \
    { "Model", both_tasks, clip_both, "vision_model" },                                                                            \
    { NULL }                                                                                                                       \
  };

OWL_HEADS (owlvit)
OWL_HEADS (owlv2)

static const GtfHead clip_heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, gtf_vision_classifier, "vision_model" },
  { "VisionModelWithProjection", gtf_vision_base_tasks, projection, "vision_model" },
  { "VisionModel", gtf_vision_base_tasks, NULL, "vision_model" },
  { "Model", both_tasks, clip_both, "vision_model" },
  { NULL }
};
static const GtfHead siglip_heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, gtf_vision_classifier, "vision_model" },
  { "VisionModel", gtf_vision_base_tasks, NULL, "vision_model" },
  { "Model", both_tasks, siglip_both, "vision_model" },
  { NULL }
};

/* What the texts say, [texts][T][H]. */
static GtfTensor *
read_texts (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input, gboolean causal)
{
  const GtfEncoder encoder = { .config = &config->text, .input = input, .layers = w->text_layers, .norm_first = TRUE, .final_norm = w->text_norm,
                               .attention.causal = causal };

  return gtf_encoder_run (c, &encoder, gtf_text_embed (c, &config->text, &w->words, input, gtf_text_positions (c, input, 0)));
}

/* Each text by the state of its end: [texts][D]. Configs from before the end had a right number say 2: there, and in OWL-ViT, the end is the
 * highest id. */
static GtfTensor *
clip_texts (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input)
{
  GtfTensor *x = read_texts (c, config, w, input, TRUE);
  GtfTensor *end = config->eos_token_id == 2 || w->class != NULL ? gtf_text_highest (c, input) : gtf_text_find (c, input, config->eos_token_id);

  return gtf_linear (c, w->text_projection, gtf_take (c, gtf_reshape (c, x, 2, (gint64[]){ -1, config->text.hidden_size }), end));
}

static void
clip_compare (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *image)
{
  GtfTextInput input;
  GtfTensor *text;

  if (!gtf_text_input (c, &input))
    return;
  text = clip_texts (c, config, w, &input);
  gtf_output (c, "logits_per_image", gtf_compare_towers (c, image, text, w->logit_scale, NULL));
}

static void
siglip_compare (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *image)
{
  GtfTextInput input;
  GtfTensor *text;

  if (!gtf_text_input (c, &input))
    return;
  text = gtf_reshape (c, read_texts (c, config, w, &input, FALSE), 2, (gint64[]){ -1, config->text.hidden_size });
  text = gtf_linear (c, w->text_projection, gtf_text_last (c, &input, text));
  gtf_output (c, "logits_per_image", gtf_compare_towers (c, image, text, w->logit_scale, w->logit_bias));
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

  x = gtf_layer_norm (c, w->vision.norm, x, (float) config->vision.encoder.eps);
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
  GtfTensor *x = gtf_layer_norm (c, w->first_norm, gtf_vision_embed (c, config, &w->vision.embeddings), eps), *pooled;

  x = gtf_vision_encode (c, config, w->vision.layers, x, NULL, NULL);
  if (w->class != NULL)
    {
      owl_detect (c, f->config, w, x);
      return;
    }
  gtf_output (c, "last_hidden_state", x);
  pooled = gtf_layer_norm (c, w->vision.norm, gtf_vision_token (c, x, 0), eps);
  gtf_output (c, "pooler_output", pooled);
  if (w->projection != NULL)
    {
      pooled = gtf_linear (c, w->projection, pooled);
      if (w->text_projection == NULL)
        gtf_output (c, "image_embeds", pooled);
    }
  if (w->text_projection != NULL)
    clip_compare (c, f->config, w, pooled);
  if (w->vision.classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->vision.classifier, gtf_mean_steps (c, gtf_steps (c, x, 1, gtf_dim (x, 1) - 1))));
}

static gint64
always_first (gint64 i, gconstpointer data)
{
  return 0;
}

/* One learnt query asks all tokens of a picture. */
static GtfTensor *
ask (GtfContext *c, const GtfVisionConfig *config, const Weights *w, const GtfTensor *x)
{
  const gint64 d = config->encoder.hidden_size, n = gtf_dim (x, 0);
  const GtfAttention attention = { .n_heads = config->encoder.n_heads };
  GtfTensor *qkv = gtf_add (c, gtf_linear (c, w->probe_qkv, x), w->probe_bias);
  GtfTensor *q = gtf_slice (c, gtf_add (c, gtf_linear (c, w->probe_qkv, w->probe), w->probe_bias), 0, d), *y;

  q = gtf_reshape (c, gtf_take (c, gtf_reshape (c, q, 2, (gint64[]){ 1, d }), gtf_indices (c, n, always_first, NULL)), 3, (gint64[]){ n, 1, d });
  y = gtf_linear (c, w->probe_out, gtf_attention (c, q, gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &attention));
  x = gtf_linear_act (c, w->probe_up, gtf_layer_norm (c, w->probe_norm, y, (float) config->encoder.eps), config->encoder.activation);
  return gtf_reshape (c, gtf_linear_add (c, w->probe_down, x, y), 2, (gint64[]){ n, d });
}

static void
siglip_forward (GtfContext *c, const GtfForward *f)
{
  const GtfVisionConfig *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = gtf_vision_encode (c, config, w->vision.layers, gtf_vision_embed (c, config, &w->vision.embeddings), NULL, NULL);

  x = gtf_layer_norm (c, w->vision.norm, x, (float) config->encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  if (w->probe != NULL && !gtf_failed (c))
    {
      GtfTensor *pooled = ask (c, config, w, x);

      gtf_output (c, "pooler_output", pooled);
      if (w->text_projection != NULL)
        siglip_compare (c, f->config, w, pooled);
    }
  if (w->vision.classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->vision.classifier, gtf_mean_steps (c, x)));
}

#define owlvit_weights clip_weights
#define owlv2_weights clip_weights
#define owlvit_forward clip_forward
#define owlv2_forward clip_forward

static const char *const owlvit_types[] = { "owlvit", NULL }, *const owlv2_types[] = { "owlv2", NULL };
static const char *const clip_types[] = { "clip", "clip_vision_model", NULL }, *const siglip_types[] = { "siglip", "siglip_vision_model", NULL };

#define ARCHITECTURE(name)                                                                                                         \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights),                     \
    .derive = name##_derive, .model_types = name##_types, .config = name##_config, .weights = name##_weights,                      \
    .heads = name##_heads, .ignored = "*.position_ids|classifier.*|objectness_head.*|*.visual_projection.*|*.logit_scale", .forward = name##_forward                                     \
  }

ARCHITECTURE (clip);
ARCHITECTURE (siglip);
ARCHITECTURE (owlvit);
ARCHITECTURE (owlv2);

GTF_TEXT_PLUGINS (clip, "clip", "CLIP, SigLIP, OWL-ViT: pictures and texts compared", &clip, &siglip, &owlvit, &owlv2)
