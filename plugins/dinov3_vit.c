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
  gint64 gate_size, n_stages;
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

  if (!gtf_vision_config_derive (data, error))
    return FALSE;
  config->gate_size = config->is_gated ? config->vision.encoder.inner_size : 0;
  config->n_stages = config->vision.encoder.n_layers + 1;
  if (config->vision.encoder.head_size % 4 == 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "hidden_size: a head has %" G_GINT64_FORMAT " features, expected a multiple of 4", config->vision.encoder.head_size);
  return FALSE;
}

typedef struct
{
  GtfVisionLayer vit;
  const GtfLinear *gate;                        /* may be NULL */
} Layer;

typedef struct
{
  GtfVisionEmbeddings embeddings;
  const Layer *layers;
  const GtfNorm *norm;
} Weights;

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)
#define INNER GTF_VISION_DIM (encoder.inner_size)

static const GtfWeight layer[] = {
  GTF_VISION_LAYER_NORM (block.attention_norm, "norm1"),
  GTF_VISION_QKV ("attention.{q_proj,k_proj,v_proj}"),
  GTF_VISION_LINEAR (block.attention_out, "attention.o_proj", GTF_WEIGHT_BIAS_OPTIONAL, HIDDEN, HIDDEN),
  GTF_VISION_SCALE (attention_scale, "layer_scale1.lambda1"),
  GTF_VISION_LAYER_NORM (block.output_norm, "norm2"),
  { GTF_WEIGHT_LINEAR, "mlp.gate_proj", G_STRUCT_OFFSET (Layer, gate), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM (Config, gate_size), HIDDEN } },
  GTF_VISION_LINEAR (block.up, "mlp.up_proj", GTF_WEIGHT_BIAS_OPTIONAL, INNER, HIDDEN),
  GTF_VISION_LINEAR (block.down, "mlp.down_proj", GTF_WEIGHT_BIAS_OPTIONAL, HIDDEN, INNER),
  GTF_VISION_SCALE (output_scale, "layer_scale2.lambda1"),
  { GTF_WEIGHT_END }
};

#define AT(field) G_STRUCT_OFFSET (Weights, field)

static const GtfWeight weights[] = {
  { GTF_WEIGHT_TENSOR, "embeddings.cls_token", AT (embeddings.cls), 0, { GTF_DIM_CONST (1), GTF_DIM_CONST (1), HIDDEN } },
  { GTF_WEIGHT_TENSOR, "embeddings.register_tokens", AT (embeddings.registers), 0, { GTF_DIM_CONST (1), GTF_VISION_DIM (n_registers), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "embeddings.patch_embeddings.weight", AT (embeddings.patches), GTF_WEIGHT_BARE | GTF_WEIGHT_PARENT_BIAS, { HIDDEN, GTF_VISION_DIM (patch_features) } },
  { GTF_WEIGHT_GROUP, "model.layer.%d|layer.%d", .offset = AT (layers), .group = layer, .group_size = sizeof (Layer), .count = GTF_VISION_DIM (encoder.n_layers) },
  { GTF_WEIGHT_NORM, "norm", AT (norm), 0, { HIDDEN } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { { "Backbone", gtf_vision_base_tasks, NULL, NULL }, { "Model", gtf_vision_base_tasks, NULL, NULL }, { NULL } };

static GtfTensor *
layer_forward (GtfContext *c, const GtfEncoder *e, const Layer *l, GtfTensor *x)
{
  const float eps = (float) e->config->eps;
  GtfTensor *h = gtf_encoder_attention (c, e, &l->vit.block, gtf_layer_norm (c, l->vit.block.attention_norm, x, eps));

  x = gtf_add (c, x, gtf_affine (c, l->vit.attention_scale, gtf_linear (c, l->vit.block.attention_out, h)));
  h = gtf_layer_norm (c, l->vit.block.output_norm, x, eps);
  if (l->gate != NULL)
    h = gtf_linear (c, l->vit.block.down, gtf_gate (c, gtf_linear (c, l->gate, h), gtf_linear (c, l->vit.block.up, h), e->config->activation));
  else
    h = gtf_feed_forward (c, l->vit.block.up, e->config->activation, l->vit.block.down, h, NULL);
  return gtf_add (c, x, gtf_affine (c, l->vit.output_scale, h));
}

/* Embeddings and all layers; a backbone puts each, normalised if it says so, the last one always. */
static GtfTensor *
encode (GtfContext *c, const GtfForward *f, const GtfTensor *pixels)
{
  const Config *config = f->config;
  const GtfVisionConfig *v = &config->vision;
  const Weights *w = f->weights;
  const gint64 down = gtf_dim (pixels, 2) / v->patch_height, across = gtf_dim (pixels, 3) / v->patch_width, first = 1 + v->n_registers, n = v->encoder.n_layers;
  GtfTensor *x = gtf_vision_embed_pixels (c, v, &w->embeddings, pixels);
  const GtfTextInput input = { .n_texts = gtf_dim (x, 0), .longest = gtf_dim (x, 1), .n_choices = 1 };
  const GtfEncoder encoder = { .config = &v->encoder, .input = &input, .attention = { .n_heads = v->encoder.n_heads },
                               .rotary = gtf_patch_rotary_table (c, first, down, across, v->encoder.head_size, config->theta) };

  for (gint64 i = 0; i <= n && !gtf_failed (c); i++)
    {
      const gsize mark = gtf_push (c);

      if (i > 0)
        x = gtf_pop_keep (c, mark, layer_forward (c, &encoder, &w->layers[i - 1], x));
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
  const Weights *w = f->weights;
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
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.mask_token|*.inv_freq", .forward = forward, .features = features,
  .n_stages = GTF_DIM (Config, n_stages)
};

GTF_TEXT_PLUGINS (dinov3_vit, "dinov3_vit", "DINOv3: pictures as patches that turn by where they lie", &dinov3_vit)
