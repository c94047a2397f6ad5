/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DINOv2: Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision" (2023); with registers: Darcet et al., "Vision
 * Transformers Need Registers" (2023).
 *
 * A ViT with factors on what each block adds, gated linear units in the largest, and pictures of any size. docs/models/dinov2.md tells what
 * is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfVisionConfig vision;
  double mlp_ratio;
  gboolean is_gated, normalises, reshapes;      /* the last two: as a backbone */
  gint64 n_stages, gated_size, plain_size;        /* of the two layers after attention; one of them 0 */
} Config;

#define FIELDS                                                                                                                     \
  GTF_VISION_CONFIG_FIELDS,                                                                                                        \
  GTF_CONFIG_FLOAT_FIELD (Config, vision.encoder.eps, "layer_norm_eps", 0, 1, 1e-6),                                               \
  GTF_CONFIG_FLOAT_FIELD (Config, mlp_ratio, "mlp_ratio", 0.001, 1024, 4),                                                         \
  GTF_CONFIG_BOOL_FIELD (Config, is_gated, "use_swiglu_ffn", FALSE),                                                               \
  GTF_CONFIG_BOOL_FIELD (Config, normalises, "apply_layernorm", TRUE),                                                             \
  GTF_CONFIG_BOOL_FIELD (Config, reshapes, "reshape_hidden_states", TRUE),                                                               \
  GTF_CONFIG_BOOL_FIELD (Config, vision.interpolates, "", TRUE)

static const GtfConfigField dinov2_config[] = { FIELDS, GTF_CONFIG_FIELDS_END };
static const GtfConfigField dinov2_with_registers_config[] = {
  FIELDS,
  GTF_CONFIG_BOOL_FIELD (Config, vision.antialias, "", TRUE),
  GTF_CONFIG_INT_FIELD (Config, vision.n_registers, "num_register_tokens", 0, 1 << 16, 4),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (!gtf_vision_config_mlp (&config->vision, config->mlp_ratio, config->is_gated, &config->gated_size, &config->plain_size, error))
    return FALSE;
  config->n_stages = config->vision.encoder.n_layers + 1;
  if (config->vision.patch_sizes == NULL && config->vision.n_registers == 0)
    config->vision.patch_sizes = "14";
  return gtf_vision_config_derive (data, error);
}

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)

static const GtfWeight layer[] = {
  GTF_VISION_LAYER_NORM (block.attention_norm, "norm1"),
  GTF_VISION_QKV ("attention.attention.{query,key,value}|attention.{q_proj,k_proj,v_proj}"),
  GTF_VISION_SQUARE (block.attention_out, "attention.output.dense|attention.o_proj"),
  GTF_VISION_SCALE (attention_scale, "layer_scale1.lambda1"),
  GTF_VISION_LAYER_NORM (block.output_norm, "norm2"),
  GTF_VISION_LINEAR (gated, "mlp.weights_in|mlp.{gate_proj,up_proj}", 0, GTF_DIM (Config, gated_size), HIDDEN),
  GTF_VISION_LINEAR (block.up, "mlp.fc1", 0, GTF_DIM (Config, plain_size), HIDDEN),
  GTF_VISION_DOWN ("mlp.fc2|mlp.weights_out|mlp.down_proj"),
  GTF_VISION_SCALE (output_scale, "layer_scale2.lambda1"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_VISION_TOKENS (cls, "embeddings.cls_token", 0, GTF_DIM_CONST (1)),
  GTF_VISION_TOKENS (registers, "embeddings.register_tokens", 0, GTF_VISION_DIM (n_registers)),
  GTF_VISION_TOKENS (positions, "embeddings.position_embeddings", 0, GTF_VISION_DIM (n_positions)),
  GTF_VISION_PATCHES ("embeddings.patch_embeddings.projection"),
  GTF_VISION_LAYERS ("encoder.layer.%d", layer),
  GTF_VISION_NORM (norm, "layernorm"),
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = { GTF_VISION_CLASSIFIER (classifier, "classifier", GTF_DIM_TIMES (GtfVisionConfig, encoder.hidden_size, 2)), { GTF_WEIGHT_END } };

#define HEADS(prefix)                                                                                                              \
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, prefix },                                               \
  { "Backbone", gtf_vision_base_tasks, NULL, prefix },                                                                             \
  { "Model", gtf_vision_base_tasks, NULL, prefix }

static const GtfHead dinov2_heads[] = { HEADS ("dinov2"), { NULL } };
static const GtfHead dinov2_with_registers_heads[] = { HEADS ("dinov2_with_registers"), { NULL } };

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfVisionConfig *config = f->config;
  const GtfVisionWeights *w = f->weights;
  GtfTensor *x = gtf_vision_encode (c, config, w->layers, gtf_vision_embed (c, config, &w->embeddings), NULL, NULL), *parts[2];
  gint64 first = 1 + config->n_registers;

  x = gtf_layer_norm (c, w->norm, x, (float) config->encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  gtf_output (c, "pooler_output", parts[0] = gtf_vision_token (c, x, 0));
  if (w->classifier == NULL)
    return;
  parts[1] = gtf_mean_steps (c, gtf_steps (c, x, first, gtf_dim (x, 1) - first));
  gtf_output (c, "logits", gtf_linear (c, w->classifier, gtf_join (c, parts, 2)));
}

static void
features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  const Config *config = f->config;
  const GtfVisionConfig *v = &config->vision;
  const GtfVisionWeights *w = f->weights;
  const gint64 down = gtf_dim (pixels, 2) / v->patch_height, across = gtf_dim (pixels, 3) / v->patch_width;

  gtf_vision_features (c, f, v, w->layers, gtf_vision_embed_pixels (c, v, &w->embeddings, pixels), config->normalises ? w->norm : NULL, config->reshapes ? down : 0, across,
                       NULL, NULL);
}

static const char *const dinov2_types[] = { "dinov2", NULL }, *const dinov2_with_registers_types[] = { "dinov2_with_registers", NULL };

#define ARCHITECTURE(name)                                                                                                         \
  static const GtfArchitecture name = {                                                                                            \
    .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (GtfVisionWeights),            \
    .derive = derive, .model_types = name##_types, .config = name##_config, .weights = weights, .heads = name##_heads,             \
    .ignored = "*.mask_token|classifier.*", .forward = forward, .features = features, .n_stages = GTF_DIM (Config, n_stages)                                                                     \
  }

ARCHITECTURE (dinov2);
ARCHITECTURE (dinov2_with_registers);

GTF_TEXT_PLUGINS (dinov2, "dinov2", "DINOv2: pictures as patches, features without supervision", &dinov2, &dinov2_with_registers)
