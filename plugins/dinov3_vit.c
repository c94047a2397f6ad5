/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DINOv3: Simeoni et al., "DINOv3" (2025), its vision transformers.
 *
 * A ViT whose queries and keys turn by where their patch lies, down and across; [CLS] and registers do not turn. docs/models/dinov2.md tells what is
 * easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfVisionConfig vision;
  double theta;
  gboolean is_gated, normalises, reshapes;      /* the last two: as a backbone */
  gint64 n_stages;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_VISION_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.hidden_size, "hidden_size", 1, 1 << 16, 384),
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.inner_size, "intermediate_size", 1, 1 << 20, 1536),
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.n_heads, "num_attention_heads", 1, 4096, 6),
  GTF_CONFIG_FLOAT_FIELD (Config, vision.encoder.eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_INT_FIELD (Config, vision.n_registers, "num_register_tokens", 0, 1 << 16, 0),
  GTF_CONFIG_BOOL_FIELD (Config, vision.has_positions, "", FALSE),
  GTF_CONFIG_FLOAT_FIELD (Config, theta, "rope_theta", 1e-3, 1e12, 100),
  GTF_CONFIG_BOOL_FIELD (Config, is_gated, "use_gated_mlp", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, normalises, "apply_layernorm", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, reshapes, "reshape_hidden_states", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->n_stages = config->vision.encoder.n_layers + 1;
  return gtf_vision_config_derive (data, error) && gtf_vision_config_turns (&config->vision, config->is_gated, error);
}

static const GtfWeight weights[] = {
  GTF_VISION_TOKENS (cls, "embeddings.cls_token", 0, GTF_DIM_CONST (1)),
  GTF_VISION_TOKENS (registers, "embeddings.register_tokens", 0, GTF_VISION_DIM (n_registers)),
  GTF_VISION_PATCHES ("embeddings.patch_embeddings"),
  GTF_VISION_LAYERS ("model.layer.%d|layer.%d", gtf_dinov3_layer),
  GTF_VISION_NORM (norm, "norm"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { { "Backbone", gtf_vision_base_tasks, NULL, NULL }, { "Model", gtf_vision_base_tasks, NULL, NULL }, { NULL } };

/* Embeddings and all layers; a backbone puts each, normalised if it says so, the last one always. */
static GtfTensor *
encode (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  const Config *config = f->config;
  const GtfVisionConfig *v = &config->vision;
  const GtfVisionWeights *w = f->weights;
  const gint64 down = gtf_dim (pixels, 2) / v->patch_height, across = gtf_dim (pixels, 3) / v->patch_width, first = 1 + v->n_registers, n = v->encoder.n_layers;
  GtfTensor *x = gtf_vision_embed_pixels (c, v, &w->embeddings, pixels);
  const GtfTensor *rotary = gtf_patch_rotary_table (c, first, down, across, v->encoder.head_size, config->theta);

  for (gint64 i = 0; i <= n && !gtf_failed (c); i++)
    {
      if (i > 0)
        x = gtf_vision_turning_layer (c, v, &w->layers[i - 1], x, NULL, rotary);
      if (f->features != NULL && gtf_feature_wanted (f, i))
        {
          GtfTensor *y = config->normalises || i == n ? gtf_layer_norm (c, w->norm, x, (float) v->encoder.eps) : x;

          y = gtf_steps (c, y, first, gtf_dim (y, 1) - first);
          gtf_feature (c, f, i, config->reshapes ? gtf_reshape (c, y, 4, (gint64[]){ gtf_dim (y, 0), down, across, v->encoder.hidden_size }) : y);
        }
    }
  return x;
}

static void
features (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  encode (c, f, pixels);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const GtfVisionWeights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, config->vision.n_channels);
  GtfTensor *x;

  if (pixels == NULL)
    return;
  x = gtf_layer_norm (c, w->norm, encode (c, f, pixels), (float) config->vision.encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  gtf_output (c, "pooler_output", gtf_vision_token (c, x, 0));
}

static const char *const model_types[] = { "dinov3_vit", NULL };

static const GtfArchitecture dinov3_vit = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (GtfVisionWeights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.mask_token|*.inv_freq", .forward = forward, .features = features,
  .n_stages = GTF_DIM (Config, n_stages)
};

GTF_TEXT_PLUGINS (dinov3_vit, "dinov3_vit", "DINOv3: pictures as patches that turn by where they lie", &dinov3_vit)
