/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ViT: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale" (2020); DeiT: Touvron et al.,
 * "Training data-efficient image transformers & distillation through attention" (2020); I-JEPA: Assran et al., "Self-Supervised Learning from
 * Images with a Joint-Embedding Predictive Architecture" (2023); MSN: Assran et al., "Masked Siamese Networks for Label-Efficient Learning" (2022).
 * MAE: He et al., "Masked Autoencoders Are Scalable Vision Learners" (2021), whose encoder sees all patches here.
 *
 * They differ in the tokens before the patches and in what is classified. docs/models/vit.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfVisionWeights vision;
  const GtfLinear *teacher;             /* DeiT: the classifier of the distillation token */
} Weights;

static const GtfConfigField vit_config[] = { GTF_VISION_CONFIG_FIELDS, GTF_CONFIG_FIELDS_END };
static const GtfConfigField msn_config[] = { GTF_VISION_CONFIG_FIELDS, GTF_CONFIG_FLOAT_FIELD (GtfVisionConfig, encoder.eps, "layer_norm_eps", 0, 1, 1e-6), GTF_CONFIG_FIELDS_END };
static const GtfConfigField deit_config[] = { GTF_VISION_CONFIG_FIELDS, GTF_CONFIG_INT_FIELD (GtfVisionConfig, n_first, "", 0, 0, 2), GTF_CONFIG_FIELDS_END };
static const GtfConfigField ijepa_config[] = { GTF_VISION_CONFIG_FIELDS, GTF_CONFIG_INT_FIELD (GtfVisionConfig, n_first, "", 0, 0, 0), GTF_CONFIG_FIELDS_END };

#define CLS GTF_VISION_TOKENS (cls, "embeddings.cls_token", 0, GTF_DIM_CONST (1))
#define BODY                                                                                                                       \
  GTF_VISION_TOKENS (positions, "embeddings.position_embeddings", 0, GTF_VISION_DIM (n_positions)),                                \
  GTF_VISION_PATCHES ("embeddings.patch_embeddings.projection"),                                                                   \
  GTF_VISION_LAYERS ("encoder.layer.%d|layers.%d", gtf_vit_layer),                                                                 \
  GTF_VISION_NORM (norm, "layernorm"),                                                                                             \
  { GTF_WEIGHT_END }

static const GtfWeight vit_weights[] = { CLS, BODY };
static const GtfWeight msn_weights[] = { CLS, BODY };
static const GtfWeight deit_weights[] = { CLS, GTF_VISION_TOKENS (distillation, "embeddings.distillation_token", 0, GTF_DIM_CONST (1)), BODY };
static const GtfWeight ijepa_weights[] = { BODY };

static const GtfWeight deit_both[] = {
  GTF_VISION_CLASSIFIER (classifier, "cls_classifier", GTF_VISION_DIM (encoder.hidden_size)),
  { GTF_WEIGHT_LINEAR, "distillation_classifier", G_STRUCT_OFFSET (Weights, teacher), 0, { GTF_VISION_DIM (encoder.n_labels), GTF_VISION_DIM (encoder.hidden_size) } },
  { GTF_WEIGHT_END }
};

#define HEADS(prefix)                                                                                                              \
  { "ForImageClassification", gtf_vision_classification_tasks, gtf_vision_classifier, prefix },                                    \
  { "ForMaskedImageModeling", gtf_vision_base_tasks, NULL, prefix },                                                               \
  { "Model", gtf_vision_base_tasks, gtf_vit_pooler, prefix }

static const GtfHead vit_heads[] = { HEADS ("vit"), { NULL } };
static const GtfHead msn_heads[] = { HEADS ("vit"), { NULL } };
static const GtfHead deit_heads[] = { HEADS ("deit"), { "ForImageClassificationWithTeacher", gtf_vision_classification_tasks, deit_both, "deit" }, { NULL } };
static const GtfHead ijepa_heads[] = { HEADS ("ijepa"), { NULL } };
static const GtfHead mae_heads[] = { { "ForPreTraining", gtf_vision_base_tasks, NULL, "vit" }, { "Model", gtf_vision_base_tasks, NULL, "vit" }, { NULL } };

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfVisionConfig *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *x = gtf_vision_encode (c, config, w->vision.layers, gtf_vision_embed (c, config, &w->vision.embeddings), NULL, NULL), *logits;

  x = gtf_layer_norm (c, w->vision.norm, x, (float) config->encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  if (w->vision.pooler != NULL)
    gtf_output (c, "pooler_output", gtf_linear_act (c, w->vision.pooler, gtf_vision_token (c, x, 0), config->pooler_activation));
  if (w->vision.classifier == NULL)
    return;
  logits = gtf_linear (c, w->vision.classifier, config->n_first > 0 ? gtf_vision_token (c, x, 0) : gtf_mean_steps (c, x));
  if (w->teacher != NULL)
    logits = gtf_scale (c, gtf_linear_add (c, w->teacher, gtf_vision_token (c, x, 1), logits), 0.5f);
  gtf_output (c, "logits", logits);
}

static const char *const vit_types[] = { "vit", NULL }, *const deit_types[] = { "deit", NULL }, *const ijepa_types[] = { "ijepa", NULL }, *const msn_types[] = { "vit_msn", NULL };
static const char *const mae_types[] = { "vit_mae", NULL };

#define mae_config vit_config
#define mae_weights vit_weights

#define ARCHITECTURE(name)                                                                                                         \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (GtfVisionConfig), .weights_size = sizeof (Weights),            \
    .derive = gtf_vision_config_derive, .model_types = name##_types, .config = name##_config, .weights = name##_weights,           \
    .heads = name##_heads, .ignored = "*.mask_token|decoder.*|*pooler.*|classifier.*", .forward = forward                          \
  }

ARCHITECTURE (vit);
ARCHITECTURE (deit);
ARCHITECTURE (ijepa);
ARCHITECTURE (msn);
ARCHITECTURE (mae);

GTF_TEXT_PLUGINS (vit, "vit", "ViT, DeiT, I-JEPA, MSN, MAE: pictures as patches", &vit, &deit, &ijepa, &msn, &mae)
