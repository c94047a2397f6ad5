/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * EoMT: Kerssies et al., "Your ViT is Secretly an Image Segmentation Model" (2025), over DINOv2 and over DINOv3.
 *
 * A ViT that reads queries beside the patches in its last blocks; the queries become masks with a class each, by their products with the patches,
 * which transposed convolutions make larger. docs/models/eomt.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfVisionConfig vision;
  double mlp_ratio;
  gboolean is_gated;
  gint64 n_queries, n_blocks, n_upscales;       /* blocks: the last ones, that read queries */
  gint64 gated_size, plain_size, n_classes;
  const char *rope_type;
  double theta;                                 /* of DINOv3; 0: DINOv2, whose patches do not turn */
} Config;

#define CONFIG_FIELDS                                                                                                              \
  GTF_VISION_CONFIG_FIELDS,                                                                                                        \
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.hidden_size, "hidden_size", 1, 1 << 16, 1024),                                      \
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.n_layers, "num_hidden_layers", 1, 256, 24),                                         \
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.n_heads, "num_attention_heads", 1, 4096, 16),                                       \
  GTF_CONFIG_FLOAT_FIELD (Config, vision.encoder.eps, "layer_norm_eps", 0, 1, 1e-6),                                               \
  GTF_CONFIG_INT_FIELD (Config, vision.n_registers, "num_register_tokens", 0, 1 << 16, 4),                                         \
  GTF_CONFIG_INT_FIELD (Config, n_queries, "num_queries", 1, 1 << 16, 200),                                                        \
  GTF_CONFIG_INT_FIELD (Config, n_blocks, "num_blocks", 1, 256, 4),                                                                \
  GTF_CONFIG_INT_FIELD (Config, n_upscales, "num_upscale_blocks", 0, 8, 2)

static const GtfConfigField config_fields[] = {
  CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, vision.n_first, "", 0, 0, 0),           /* [CLS] has no position */
  GTF_CONFIG_FLOAT_FIELD (Config, mlp_ratio, "mlp_ratio", 0.001, 1024, 4),
  GTF_CONFIG_BOOL_FIELD (Config, is_gated, "use_swiglu_ffn", FALSE),
  GTF_CONFIG_FIELDS_END
};

static const GtfConfigField dinov3_fields[] = {
  CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, vision.encoder.inner_size, "intermediate_size", 1, 1 << 20, 4096),
  GTF_CONFIG_BOOL_FIELD (Config, vision.has_positions, "", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, is_gated, "use_gated_mlp", FALSE),
  GTF_CONFIG_STRING_FIELD (Config, rope_type, "rope_parameters.rope_type|rope_parameters.type|rope_scaling.rope_type|rope_scaling.type", "default"),
  GTF_CONFIG_FLOAT_FIELD (Config, theta, "rope_parameters.rope_theta|rope_theta", 1e-3, 1e12, 100),
  GTF_CONFIG_FIELDS_END
};

/* What both do once the vision config is complete. */
static gboolean
derive_queries (Config *config, GError **error)
{
  config->n_classes = config->vision.encoder.n_labels + 1;
  if (config->n_blocks <= config->vision.encoder.n_layers)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "num_blocks (%" G_GINT64_FORMAT ") must not be above num_hidden_layers (%" G_GINT64_FORMAT ")",
               config->n_blocks, config->vision.encoder.n_layers);
  return FALSE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->vision.image_sizes == NULL)
    config->vision.image_sizes = "640";
  return gtf_vision_config_mlp (&config->vision, config->mlp_ratio, config->is_gated, &config->gated_size, &config->plain_size, error)
         && gtf_vision_config_derive (data, error) && derive_queries (config, error);
}

static gboolean
derive_dinov3 (gpointer data, GError **error)
{
  Config *config = data;

  if (config->vision.image_sizes == NULL)
    config->vision.image_sizes = "640";
  if (!g_str_equal (config->rope_type, "default"))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "rope_type: expected default, found \"%.60s\"", config->rope_type);
      return FALSE;
    }
  return gtf_vision_config_derive (data, error) && gtf_vision_config_turns (&config->vision, config->is_gated, error) && derive_queries (config, error);
}

typedef struct
{
  const GtfConv2d *larger, *smooth;
  const GtfNorm *norm;
} Upscale;

typedef struct
{
  GtfVisionWeights vit;
  const GtfTensor *queries, *masked;            /* [Q][D]; whether queries keep to their masks, [blocks], may be NULL: they do */
  const Upscale *upscales;
  const GtfLinear *mask_head[3], *classes;
} Weights;

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)
#define AT(field) G_STRUCT_OFFSET (Weights, field)

static const GtfWeight layer[] = {
  GTF_VISION_LAYER_NORM (block.attention_norm, "norm1"),
  GTF_VISION_QKV ("attention.{q_proj,k_proj,v_proj}"),
  GTF_VISION_SQUARE (block.attention_out, "attention.out_proj"),
  GTF_VISION_SCALE (attention_scale, "layer_scale1.lambda1"),
  GTF_VISION_LAYER_NORM (block.output_norm, "norm2"),
  GTF_VISION_LINEAR (gated, "mlp.weights_in|mlp.{gate_proj,up_proj}", 0, GTF_DIM (Config, gated_size), HIDDEN),
  GTF_VISION_LINEAR (block.up, "mlp.fc1", 0, GTF_DIM (Config, plain_size), HIDDEN),
  GTF_VISION_DOWN ("mlp.fc2|mlp.weights_out|mlp.down_proj"),
  GTF_VISION_SCALE (output_scale, "layer_scale2.lambda1"),
  { GTF_WEIGHT_END }
};

static const GtfWeight upscale[] = {
  { GTF_WEIGHT_CONV2D, "conv1", G_STRUCT_OFFSET (Upscale, larger), GTF_WEIGHT_TRANSPOSED, { HIDDEN, HIDDEN, GTF_DIM_CONST (2), GTF_DIM_CONST (2) } },
  { GTF_WEIGHT_CONV2D, "conv2", G_STRUCT_OFFSET (Upscale, smooth), GTF_WEIGHT_GROUPED | GTF_WEIGHT_NO_BIAS,
    { HIDDEN, GTF_DIM_CONST (1), GTF_DIM_CONST (3), GTF_DIM_CONST (3) } },
  { GTF_WEIGHT_NORM, "layernorm2d", G_STRUCT_OFFSET (Upscale, norm), 0, { HIDDEN } },
  { GTF_WEIGHT_END }
};

#define MASK_HEAD(i, name) { GTF_WEIGHT_LINEAR, "mask_head." name, AT (mask_head[i]), 0, { HIDDEN, HIDDEN } }

#define WEIGHTS(patches, layer_table)                                                                                              \
  GTF_VISION_TOKENS (cls, "embeddings.cls_token", 0, GTF_DIM_CONST (1)),                                                           \
  GTF_VISION_TOKENS (registers, "embeddings.register_tokens", 0, GTF_VISION_DIM (n_registers)),                                    \
  GTF_VISION_PATCHES (patches),                                                                                                    \
  GTF_VISION_LAYERS ("layers.%d", layer_table),                                                                                    \
  GTF_VISION_NORM (norm, "layernorm"),                                                                                             \
  { GTF_WEIGHT_TENSOR, "query.weight", AT (queries), 0, { GTF_DIM (Config, n_queries), HIDDEN } },                                 \
  { GTF_WEIGHT_TENSOR, "attn_mask_probs", AT (masked), GTF_WEIGHT_OPTIONAL, { GTF_DIM (Config, n_blocks) } },                      \
  { GTF_WEIGHT_GROUP, "upscale_block.block.%d", .offset = AT (upscales), .group = upscale, .group_size = sizeof (Upscale),         \
    .count = GTF_DIM (Config, n_upscales) },                                                                                       \
  MASK_HEAD (0, "fc1"), MASK_HEAD (1, "fc2"), MASK_HEAD (2, "fc3"),                                                                \
  { GTF_WEIGHT_LINEAR, "class_predictor", AT (classes), 0, { GTF_DIM (Config, n_classes), HIDDEN } }

static const GtfWeight weights[] = {
  WEIGHTS ("embeddings.patch_embeddings.projection", layer),
  { GTF_WEIGHT_TENSOR, "embeddings.position_embeddings.weight", GTF_VISION_FIELD (embeddings.positions), 0, { GTF_VISION_DIM (n_positions), HIDDEN } },
  { GTF_WEIGHT_END }
};

static const GtfWeight dinov3_weights[] = { WEIGHTS ("embeddings.patch_embeddings", gtf_dinov3_layer), { GTF_WEIGHT_END } };

static const GtfHead heads[] = { { "ForUniversalSegmentation", gtf_segmentation_tasks, NULL, NULL }, { NULL } };

/* What queries and patches are multiplied for: [B][Q][D], and the enlarged patches [B][H][W][D]. */
typedef struct
{
  GtfTensor *queries, *pixels;
} Masks;

static Masks
read_masks (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *x)
{
  const GtfVisionConfig *v = &config->vision;
  const gint64 down = v->image_height / v->patch_height, across = v->image_width / v->patch_width, n = down * across;
  GtfTensor *q = gtf_steps (c, x, 0, config->n_queries);
  GtfTensor *y = gtf_reshape (c, gtf_steps (c, x, gtf_dim (x, 1) - n, n), 4, (gint64[]){ gtf_dim (x, 0), down, across, v->encoder.hidden_size });

  q = gtf_linear_act (c, w->mask_head[0], q, v->encoder.activation);
  q = gtf_linear_act (c, w->mask_head[1], q, v->encoder.activation);
  for (gint64 i = 0; i < config->n_upscales; i++)
    {
      const Upscale *u = &w->upscales[i];

      y = gtf_conv_transpose2d (c, u->larger, y, &(GtfWindow){ .stride = 2 }, v->encoder.activation);
      y = gtf_layer_norm (c, u->norm, gtf_conv2d (c, u->smooth, y, &(GtfWindow){ .padding = 1 }, GTF_ACTIVATION_NONE, NULL), 1e-6f);
    }
  return (Masks){ gtf_linear (c, w->mask_head[2], q), y };
}

static gint64
one (G_GNUC_UNUSED gint64 i, G_GNUC_UNUSED gconstpointer data)
{
  return 1;
}

/* [B or 1][rows][columns], a token that sees another */
static GtfTensor *
seen (GtfContext *c, gint64 n, gint64 rows, gint64 columns)
{
  return gtf_reshape (c, gtf_as_floats (c, gtf_indices (c, n * rows * columns, one, NULL)), 3, (gint64[]){ n, rows, columns });
}

/* For attention: of the patches a query sees only those that its mask has so far; all else sees everything. */
static GtfTensor *
mask_attention (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *x)
{
  const GtfVisionConfig *v = &config->vision;
  const gint64 down = v->image_height / v->patch_height, across = v->image_width / v->patch_width, n = down * across;
  const gint64 n_pictures = gtf_dim (x, 0), n_tokens = gtf_dim (x, 1), n_queries = config->n_queries;
  Masks masks = read_masks (c, config, w, gtf_layer_norm (c, w->vit.norm, x, (float) v->encoder.eps));
  GtfTensor *small = gtf_resize (c, masks.pixels, down, across, GTF_RESIZE_BILINEAR), *parts[2];

  if (gtf_failed (c))
    return NULL;
  parts[0] = gtf_reshape (c, gtf_products (c, small, masks.queries), 3, (gint64[]){ n_pictures, n, n_queries });
  parts[1] = seen (c, n_pictures, n, n_tokens - n_queries);
  small = gtf_prepend (c, seen (c, n_pictures, n_tokens - n, n_tokens), gtf_join (c, parts, 2));
  return gtf_foreground (c, gtf_reshape (c, small, 4, (gint64[]){ n_pictures, n_tokens, 1, n_tokens }));
}

/* Whether queries keep to their masks in a block, as training left it: a mask that is made is that of later blocks too, until the next is made. */
static gboolean
is_masked (const Weights *w, gint64 block)
{
  float p = 1;

  if (w->masked != NULL)
    gtf_tensor_read_f32 (w->masked, (gsize) block, 1, &p);
  return p > 0;
}

/* How queries, other tokens and patches turn; of DINOv2, NULL. */
static GtfTensor *
rotary_table (GtfContext *c, const Config *config)
{
  const GtfVisionConfig *v = &config->vision;

  if (!(config->theta > 0))
    return NULL;
  return gtf_patch_rotary_table (c, config->n_queries + 1 + v->n_registers, v->image_height / v->patch_height, v->image_width / v->patch_width, v->encoder.head_size,
                                 config->theta);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const GtfVisionConfig *v = &config->vision;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, v->n_channels);
  GtfTensor *x, *rotary, *mask = NULL;
  Masks masks;

  if (pixels == NULL || !gtf_vision_fits (c, v, pixels))
    return;
  x = gtf_vision_embed_pixels (c, v, &w->vit.embeddings, pixels);
  rotary = rotary_table (c, config);
  for (gint64 i = 0; i < v->encoder.n_layers && !gtf_failed (c); i++)
    {
      const gint64 block = i - (v->encoder.n_layers - config->n_blocks);
      gsize mark = gtf_push (c);

      if (block == 0)
        x = gtf_pop_keep (c, mark, gtf_prepend (c, w->queries, x));
      mark = gtf_push (c);
      if (block >= 0 && is_masked (w, block))
        mask = gtf_pop_keep (c, mark, mask_attention (c, config, w, x));
      x = gtf_vision_turning_layer (c, v, &w->vit.layers[i], x, mask, rotary != NULL && block < 0 ? gtf_steps (c, rotary, config->n_queries, gtf_dim (x, 1)) : rotary);
    }
  x = gtf_layer_norm (c, w->vit.norm, x, (float) v->encoder.eps);
  masks = read_masks (c, config, w, x);
  gtf_output (c, "last_hidden_state", x);
  gtf_output (c, "class_queries_logits", gtf_linear (c, w->classes, gtf_steps (c, x, 0, config->n_queries)));
  gtf_output (c, "masks_queries_logits", gtf_pixels_first (c, gtf_products (c, masks.pixels, masks.queries)));
}

static const char *const model_types[] = { "eomt", NULL };
static const char *const dinov3_types[] = { "eomt_dinov3", NULL };

#define ARCHITECTURE                                                                                                               \
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .heads = heads, .forward = forward

static const GtfArchitecture eomt = {
  ARCHITECTURE, .model_types = model_types, .config = config_fields, .derive = derive, .weights = weights, .ignored = "criterion.*|embeddings.position_ids"
};

static const GtfArchitecture eomt_dinov3 = {
  ARCHITECTURE, .model_types = dinov3_types, .config = dinov3_fields, .derive = derive_dinov3, .weights = dinov3_weights, .ignored = "criterion.*|*.mask_token|*.inv_freq"
};

GTF_TEXT_PLUGINS (eomt, "eomt", "EoMT: a ViT that segments by queries in its last blocks", &eomt, &eomt_dinov3)
