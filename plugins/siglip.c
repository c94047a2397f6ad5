/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SigLIP: Zhai et al., "Sigmoid Loss for Language Image Pre-Training" (2023); SigLIP 2: Tschannen et al., "SigLIP 2: Multilingual Vision-Language Encoders with
 * Improved Semantic Understanding, Localization, and Dense Features" (2025).
 *
 * Two towers like CLIP's, without a token before the patches: a learnt query asks them what the picture is (SiglipModel). The half that sees stands also by itself
 * (SiglipVisionModel), or with a classifier over the mean of the patches. SigLIP 2 (NaFlex) sees pictures in their own shape, cut into patches before they come,
 * with padding behind them. docs/models/siglip.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTowersConfig towers;
  gboolean has_head, is_shaped;
  gint64 n_patches;                             /* in SigLIP 2's table of positions */
  gint64 head_size, head_qkv, head_inner;       /* of the head; 0: there is none */
} Config;

#define FIELDS                                                                                                                     \
  GTF_TOWERS_VISION_FIELDS ("gelu_pytorch_tanh", 1e-6),                                                                            \
  GTF_TOWERS_TEXT_FIELDS (32000, 64, 768, 3072, 12, "gelu_pytorch_tanh", 1e-6),                                                    \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, text_projection_size, GTF_READS ("projection_size"), 0, 1 << 16, 0),                      \
  GTF_CONFIG_INT_FIELD (GtfTowersConfig, vision.n_first, "", 0, 0, 0),                                                             \
  GTF_CONFIG_BOOL_FIELD (Config, has_head, GTF_SEES ("vision_use_head"), TRUE)

static const GtfConfigField siglip_config[] = { FIELDS, GTF_CONFIG_FIELDS_END };
static const GtfConfigField siglip2_config[] = {
  FIELDS,
  GTF_CONFIG_BOOL_FIELD (Config, is_shaped, "", TRUE),
  GTF_CONFIG_INT_FIELD (Config, n_patches, GTF_SEES ("num_patches"), 1, 1 << 24, 256),
  GTF_CONFIG_FIELDS_END
};

static gboolean
siglip_derive (gpointer data, GError **error)
{
  Config *config = data;
  GtfTowersConfig *towers = data;

  config->head_size = config->has_head ? towers->vision.encoder.hidden_size : 0;
  config->head_qkv = 3 * config->head_size;
  config->head_inner = config->has_head ? towers->vision.encoder.inner_size : 0;
  if (towers->text_projection_size == 0)
    towers->text_projection_size = towers->text.hidden_size;
  return gtf_towers_derive (data, error);
}

static gboolean
siglip2_derive (gpointer data, GError **error)
{
  Config *config = data;

  config->towers.vision.image_sizes = config->towers.vision.patch_sizes;        /* there is no size of pictures */
  if (!siglip_derive (data, error))
    return FALSE;
  config->towers.vision.n_positions = config->n_patches;
  return TRUE;
}

typedef struct
{
  GtfTowersWeights towers;
  /* what all tokens are asked by */
  const GtfTensor *probe, *probe_bias;
  const GtfLinear *probe_qkv, *probe_out, *probe_up, *probe_down;
  const GtfNorm *probe_norm;
} Weights;

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)
#define AT(field) G_STRUCT_OFFSET (Weights, field)
#define IN_HEAD(type, field, name, flags, ...) { type, "head." name, AT (field), flags, { __VA_ARGS__ } }

static const GtfWeight weights[] = {
  GTF_TOWERS_POSITIONS,
  GTF_VISION_PATCHES ("embeddings.patch_embedding"),
  GTF_VISION_LAYERS ("encoder.layers.%d", gtf_tower_layer),
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

static const GtfWeight both[] = {
  GTF_TOWERS_READER (""),
  { GTF_WEIGHT_LINEAR, "text_model.head", AT (towers.text_projection), 0, { GTF_TOWERS_DIM (text_projection_size), GTF_TOWERS_DIM (text.hidden_size) } },
  GTF_TOWERS_NUMBER (logit_scale, "logit_scale"),
  GTF_TOWERS_NUMBER (logit_bias, "logit_bias"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, gtf_vision_classifier, "vision_model" },
  { "VisionModel", gtf_vision_base_tasks, NULL, "vision_model" },
  { "Model", gtf_towers_tasks, both, "vision_model" },
  { NULL }
};

/* A text is its last token, padding or not. */
static void
compare (GtfContext *c, const GtfTowersConfig *config, const GtfTowersWeights *w, const GtfTensor *image)
{
  GtfTextInput input;
  GtfTensor *text;

  if (!gtf_text_input (c, &input))
    return;
  text = gtf_reshape (c, gtf_towers_read (c, config, w, &input, FALSE), 2, (gint64[]){ -1, config->text.hidden_size });
  text = gtf_linear (c, w->text_projection, gtf_text_last (c, &input, text));
  gtf_output (c, "logits_per_image", gtf_compare_towers (c, image, text, w->logit_scale, w->logit_bias));
}

static gint64
always_first (gint64 i, gconstpointer data)
{
  return 0;
}

/* One learnt query asks all tokens of a picture but its padding. */
static GtfTensor *
ask (GtfContext *c, const GtfVisionConfig *config, const Weights *w, const GtfTensor *x, const GtfTensor *mask)
{
  const gint64 d = config->encoder.hidden_size, n = gtf_dim (x, 0);
  const GtfAttention attention = { .n_heads = config->encoder.n_heads, .mask = mask };
  GtfTensor *qkv = gtf_add (c, gtf_linear (c, w->probe_qkv, x), w->probe_bias);
  GtfTensor *q = gtf_slice (c, gtf_add (c, gtf_linear (c, w->probe_qkv, w->probe), w->probe_bias), 0, d), *y;

  q = gtf_reshape (c, gtf_take (c, gtf_reshape (c, q, 2, (gint64[]){ 1, d }), gtf_indices (c, n, always_first, NULL)), 3, (gint64[]){ n, 1, d });
  y = gtf_linear (c, w->probe_out, gtf_attention (c, q, gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &attention));
  return gtf_reshape (c, gtf_feed_forward (c, w->probe_up, config->encoder.activation, w->probe_down, gtf_layer_norm (c, w->probe_norm, y, (float) config->encoder.eps), y), 2, (gint64[]){ n, d });
}

/* The mean of the patches of each picture; @mask hides padding. */
static GtfTensor *
mean_patches (GtfContext *c, const GtfTensor *x, const GtfTensor *mask)
{
  const GtfAttention attention = { .n_heads = 1, .mask = mask };
  GtfTensor *q;

  if (mask == NULL)
    return gtf_mean_steps (c, x);
  q = gtf_zero_rows (c, gtf_dim (x, 0), 1, gtf_dim (x, -1));            /* which asks all alike */
  return gtf_reshape (c, gtf_attention (c, q, x, x, &attention), 2, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, -1) });
}

/* What is added to the scores of every layer. */
static GtfTensor *
padding (GtfContext *c, gint64 layer, gconstpointer mask)
{
  return (GtfTensor *) mask;
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const GtfVisionConfig *vision = &config->towers.vision;
  const Weights *w = f->weights;
  const GtfVisionWeights *see = &w->towers.vision;
  GtfTensor *x = config->is_shaped ? gtf_shaped_embed (c, vision, &see->embeddings) : gtf_vision_embed (c, vision, &see->embeddings);
  GtfTensor *mask = config->is_shaped ? gtf_shaped_mask (c, x) : NULL, *pooled;

  x = gtf_vision_encode (c, vision, see->layers, x, mask != NULL ? padding : NULL, mask);
  x = gtf_layer_norm (c, see->norm, x, (float) vision->encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  if (w->probe != NULL && !gtf_failed (c))
    {
      gtf_output (c, "pooler_output", pooled = ask (c, vision, w, x, mask));
      if (w->towers.text_projection != NULL)
        compare (c, &config->towers, &w->towers, pooled);
    }
  if (see->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, see->classifier, mean_patches (c, x, mask)));
}

static const char *const siglip_types[] = { "siglip", "siglip_vision_model", NULL }, *const siglip2_types[] = { "siglip2", "siglip2_vision_model", NULL };

#define ARCHITECTURE(name)                                                                                                         \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights),                     \
    .derive = name##_derive, .model_types = name##_types, .config = name##_config, .weights = weights, .heads = heads,             \
    .ignored = "*.position_ids|classifier.*|*.logit_scale", .forward = forward                                                     \
  }

ARCHITECTURE (siglip);
ARCHITECTURE (siglip2);

GTF_TEXT_PLUGINS (siglip, "siglip", "SigLIP, SigLIP 2: pictures and texts compared", &siglip, &siglip2)
