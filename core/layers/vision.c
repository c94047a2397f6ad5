/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale" (2020).
 */
#include "layers/vision.h"

#include <math.h>
#include "base/error.h"
#include "tensor/context-private.h"

#define HIDDEN GTF_VISION_DIM (encoder.hidden_size)

const GtfWeight gtf_vit_layer[] = {
  GTF_VISION_LAYER_NORM (block.attention_norm, "layernorm_before"),
  GTF_VISION_QKV ("attention.attention.{query,key,value}|attention.{q_proj,k_proj,v_proj}"),
  GTF_VISION_SQUARE (block.attention_out, "attention.output.dense|attention.o_proj"),
  GTF_VISION_LAYER_NORM (block.output_norm, "layernorm_after"),
  GTF_VISION_UP ("intermediate.dense|mlp.fc1"),
  GTF_VISION_DOWN ("output.dense|mlp.fc2"),
  { GTF_WEIGHT_END }
};

const GtfWeight gtf_dinov3_layer[] = {
  GTF_VISION_LAYER_NORM (block.attention_norm, "norm1"),
  GTF_VISION_QKV ("attention.{q_proj,k_proj,v_proj}"),
  GTF_VISION_LINEAR (block.attention_out, "attention.o_proj", GTF_WEIGHT_BIAS_OPTIONAL, HIDDEN, HIDDEN),
  GTF_VISION_SCALE (attention_scale, "layer_scale1.lambda1"),
  GTF_VISION_LAYER_NORM (block.output_norm, "norm2"),
  GTF_VISION_LINEAR (gate, "mlp.gate_proj", GTF_WEIGHT_BIAS_OPTIONAL, GTF_VISION_DIM (gate_size), HIDDEN),
  GTF_VISION_LINEAR (block.up, "mlp.up_proj", GTF_WEIGHT_BIAS_OPTIONAL, GTF_VISION_DIM (encoder.inner_size), HIDDEN),
  GTF_VISION_LINEAR (block.down, "mlp.down_proj", GTF_WEIGHT_BIAS_OPTIONAL, HIDDEN, GTF_VISION_DIM (encoder.inner_size)),
  GTF_VISION_SCALE (output_scale, "layer_scale2.lambda1"),
  { GTF_WEIGHT_END }
};

const GtfWeight gtf_vit_pooler[] = {
  { GTF_WEIGHT_LINEAR, "pooler.dense", GTF_VISION_FIELD (pooler), GTF_WEIGHT_OPTIONAL, { GTF_VISION_DIM (pooler_size), HIDDEN } },
  { GTF_WEIGHT_END }
};

const GtfWeight gtf_vision_classifier[] = { GTF_VISION_CLASSIFIER (classifier, "classifier", HIDDEN), { GTF_WEIGHT_END } };

const char *const gtf_vision_base_tasks[] = { "image-feature-extraction", NULL };
const char *const gtf_vision_classification_tasks[] = { "image-classification", "image-feature-extraction", NULL };
const char *const gtf_segmentation_tasks[] = { "image-segmentation", NULL };
const char *const gtf_depth_tasks[] = { "depth-estimation", NULL };

/* One number for both sides, or height and width. */
gboolean
gtf_vision_read_sides (const char *list, const char *key, gint64 fallback, gint64 *height, gint64 *width, GError **error)
{
  gint64 n = gtf_config_list_size (list);

  *height = *width = fallback;
  if (n == 0 || (n <= 2 && gtf_config_list_int (list, 0, 1, 1 << 16, height) && gtf_config_list_int (list, n - 1, 1, 1 << 16, width)))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected one or two numbers from 1 to %d, found %.60s", key, 1 << 16, list);
  return FALSE;
}

gboolean
gtf_vision_config_derive (gpointer data, GError **error)
{
  GtfVisionConfig *config = data;

  return gtf_vision_read_sides (config->patch_sizes, "patch_size", 16, &config->patch_height, &config->patch_width, error) && gtf_vision_config_patches (config, error);
}

gboolean
gtf_vision_config_patches (GtfVisionConfig *config, GError **error)
{
  gint64 down, across;

  if (!gtf_text_config_derive (&config->encoder, error)
      || !gtf_vision_read_sides (config->image_sizes, "image_size", 224, &config->image_height, &config->image_width, error))
    return FALSE;
  down = config->image_height / config->patch_height;
  across = config->image_width / config->patch_width;
  if (down == 0 || across == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "patch_size (%" G_GINT64_FORMAT " x %" G_GINT64_FORMAT ") is larger than image_size (%" G_GINT64_FORMAT
                   " x %" G_GINT64_FORMAT ")", config->patch_height, config->patch_width, config->image_height, config->image_width);
      return FALSE;
    }
  config->patch_features = config->n_channels * config->patch_height * config->patch_width;
  config->n_positions = config->has_positions ? down * across + config->n_first : 0;
  if (config->pooler_size == 0)
    config->pooler_size = config->encoder.hidden_size;
  return TRUE;
}

gboolean
gtf_vision_config_mlp (GtfVisionConfig *config, double ratio, gboolean is_gated, gint64 *gated_size, gint64 *plain_size, GError **error)
{
  const double size = (double) config->encoder.hidden_size * ratio;

  if (!(size >= 1 && size <= 1 << 20))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "hidden_size times mlp_ratio is %g, expected 1 to %d", size, 1 << 20);
      return FALSE;
    }
  /* Gated: two thirds, rounded up to a multiple of 8. */
  config->encoder.inner_size = is_gated ? ((gint64) ((double) (gint64) size * 2 / 3) + 7) / 8 * 8 : (gint64) size;
  *gated_size = is_gated ? 2 * config->encoder.inner_size : 0;
  *plain_size = is_gated ? 0 : config->encoder.inner_size;
  return TRUE;
}

gboolean
gtf_vision_config_turns (GtfVisionConfig *config, gboolean is_gated, GError **error)
{
  config->gate_size = is_gated ? config->encoder.inner_size : 0;
  if (config->encoder.head_size % 4 == 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "hidden_size: a head has %" G_GINT64_FORMAT " features, expected a multiple of 4", config->encoder.head_size);
  return FALSE;
}

const GtfTensor *
gtf_vision_pixels (GtfContext *c, gint64 n_channels)
{
  const GtfTensor *x = gtf_input (c, "pixel_values");
  g_autofree char *shape = NULL;

  if (x == NULL || gtf_failed (c))
    return NULL;
  if ((x->dtype == GTF_DTYPE_F32 || x->dtype == GTF_DTYPE_U8) && x->n_dims == 4 && x->shape[0] > 0 && x->shape[1] == n_channels)
    return x->dtype == GTF_DTYPE_U8 ? gtf_as_floats (c, x) : x;
  shape = gtf_shape_to_string (x->n_dims, x->shape);
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"pixel_values\" is %s %s, expected F32 [B, %" G_GINT64_FORMAT ", H, W]", gtf_dtype_name (x->dtype), shape,
                 n_channels);
  return NULL;
}

gboolean
gtf_vision_is_asked (GtfContext *c)
{
  const GtfTensor *t = gtf_input_optional (c, "interpolate_pos_encoding");

  return t != NULL && t->dtype == GTF_DTYPE_I32 && gtf_tensor_get_n_elements (t) > 0 && *(const gint32 *) t->data != 0;
}

GtfTensor *
gtf_vision_resize_square (GtfContext *c, const GtfTensor *table, gint64 height, gint64 width, GtfResize how)
{
  const gint64 n = gtf_dim (table, 0), side = (gint64) sqrt ((double) n), d = gtf_dim (table, -1);

  if (side * side == n)
    return gtf_resize (c, gtf_reshape (c, table, 4, (gint64[]){ 1, side, side, d }), height, width, how);
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "%" G_GINT64_FORMAT " positions are no square, so they cannot be interpolated", n);
  return NULL;
}

/* Positions of so many patches: [patches][D]. A square picture with as many patches as the table has takes it as it is; in all other cases
 * the table is a square, whatever picture it was made for. */
static GtfTensor *
patch_positions (GtfContext *c, const GtfVisionConfig *config, const GtfTensor *table, const GtfTensor *pixels, gboolean interpolates)
{
  const gint64 height = pixels->shape[2], width = pixels->shape[3], n = config->n_positions - config->n_first;
  const gint64 down = height / config->patch_height, across = width / config->patch_width, d = config->encoder.hidden_size;
  GtfTensor *x = gtf_reshape (c, gtf_steps (c, table, config->n_first, n), 2, (gint64[]){ n, d });

  if (!interpolates || (down * across == n && height == width))
    return x;
  x = gtf_vision_resize_square (c, x, down, across, config->antialias ? GTF_RESIZE_BICUBIC_ANTIALIAS : GTF_RESIZE_BICUBIC);
  return gtf_reshape (c, x, 2, (gint64[]){ down * across, d });
}

static GtfTensor *
as_rows (GtfContext *c, const GtfTensor *x, gint64 d)
{
  return gtf_reshape (c, x, 2, (gint64[]){ -1, d });
}

/* [CLS] and what else has positions, then the registers. */
static GtfTensor *
first_tokens (GtfContext *c, const GtfVisionConfig *config, const GtfVisionEmbeddings *w)
{
  const gint64 d = config->encoder.hidden_size;
  GtfTensor *parts[2] = { w->cls ? as_rows (c, w->cls, d) : NULL, w->distillation ? as_rows (c, w->distillation, d) : NULL }, *x = parts[0];

  if (x != NULL && parts[1] != NULL)
    x = gtf_concat (c, parts, 2);
  if (x != NULL && w->positions != NULL && config->n_first > 0)
    x = gtf_add (c, x, gtf_reshape (c, gtf_steps (c, w->positions, 0, config->n_first), 2, (gint64[]){ config->n_first, d }));
  if (w->registers == NULL)
    return x;
  parts[0] = x;
  parts[1] = as_rows (c, w->registers, d);
  return gtf_concat (c, parts, 2);
}

gboolean
gtf_vision_fits (GtfContext *c, const GtfVisionConfig *config, const GtfTensor *pixels)
{
  if (pixels->shape[2] == config->image_height && pixels->shape[3] == config->image_width)
    return TRUE;
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the picture is %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT ", but the model takes pictures of %" G_GINT64_FORMAT
                 " x %" G_GINT64_FORMAT " (height x width)", pixels->shape[2], pixels->shape[3], config->image_height, config->image_width);
  return FALSE;
}

/**
 * gtf_vision_embed:
 * @config: sizes
 * @w: the convolution, tokens and positions
 *
 * Reads pixel_values.
 *
 * Returns: (transfer none) (nullable): [B][T][D]
 */
GtfTensor *
gtf_vision_embed (GtfContext *c, const GtfVisionConfig *config, const GtfVisionEmbeddings *w)
{
  return gtf_vision_embed_pixels (c, config, w, gtf_vision_pixels (c, config->n_channels));
}

GtfTensor *
gtf_vision_embed_pixels (GtfContext *c, const GtfVisionConfig *config, const GtfVisionEmbeddings *w, const GtfTensor *pixels)
{
  gboolean interpolates = config->interpolates || gtf_vision_is_asked (c);
  GtfTensor *x, *first;
  gsize mark;

  if (pixels == NULL)
    return NULL;
  if (!interpolates && w->positions != NULL && !gtf_vision_fits (c, config, pixels))
    return NULL;
  mark = gtf_push (c);
  x = gtf_linear (c, w->patches, gtf_patches (c, pixels, config->patch_height, config->patch_width));
  if (w->positions != NULL && !gtf_failed (c))
    x = gtf_add (c, x, patch_positions (c, config, w->positions, pixels, interpolates));
  first = first_tokens (c, config, w);
  return gtf_pop_keep (c, mark, first != NULL ? gtf_prepend (c, first, x) : x);
}

/* ---- the blocks --------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfVisionLayer *layers;
  GtfVisionBias bias;
  gconstpointer data;
} Blocks;

/* x + scale (w y) */
static GtfTensor *
add_scaled (GtfContext *c, const GtfLinear *w, const GtfTensor *y, const GtfNorm *scale, const GtfTensor *x)
{
  return scale != NULL ? gtf_add (c, x, gtf_affine (c, scale, gtf_linear (c, w, y))) : gtf_linear_add (c, w, y, x);
}

GtfTensor *
gtf_vision_block (GtfContext *c, const GtfEncoder *e, const GtfVisionLayer *l, GtfTensor *x)
{
  const float eps = (float) e->config->eps;
  const gint64 inner = e->config->inner_size;
  GtfTensor *h;

  h = gtf_encoder_attention (c, e, &l->block, gtf_layer_norm (c, l->block.attention_norm, x, eps));
  x = add_scaled (c, l->block.attention_out, h, l->attention_scale, x);
  h = gtf_layer_norm (c, l->block.output_norm, x, eps);
  if (l->gated != NULL)
    {
      h = gtf_linear (c, l->gated, h);
      h = gtf_gate (c, gtf_slice (c, h, 0, inner), gtf_slice (c, h, inner, inner), GTF_ACTIVATION_SILU);
      return add_scaled (c, l->block.down, h, l->output_scale, x);
    }
  if (l->gate != NULL)
    {
      h = gtf_gate (c, gtf_linear (c, l->gate, h), gtf_linear (c, l->block.up, h), e->config->activation);
      return add_scaled (c, l->block.down, h, l->output_scale, x);
    }
  if (l->output_scale == NULL)
    return gtf_feed_forward (c, l->block.up, e->config->activation, l->block.down, h, x);
  h = gtf_feed_forward (c, l->block.up, e->config->activation, l->block.down, h, NULL);
  return gtf_add (c, x, gtf_affine (c, l->output_scale, h));
}

static GtfTensor *
block_forward (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Blocks *blocks = e->data;
  GtfEncoder own = *e;

  if (blocks->bias != NULL)
    own.attention.mask = blocks->bias (c, i, blocks->data);
  return gtf_vision_block (c, &own, &blocks->layers[i], x);
}

GtfTensor *
gtf_vision_encode (GtfContext *c, const GtfVisionConfig *config, const GtfVisionLayer *layers, GtfTensor *x, GtfVisionBias bias, gconstpointer data)
{
  const GtfTextInput input = { .n_texts = gtf_dim (x, 0), .longest = gtf_dim (x, 1), .n_choices = 1 };
  const Blocks blocks = { layers, bias, data };
  const GtfEncoder encoder = { .config = &config->encoder, .input = &input, .norm_first = TRUE, .forward = block_forward, .data = &blocks };

  return x != NULL ? gtf_encoder_run (c, &encoder, x) : NULL;
}

GtfTensor *
gtf_vision_layer (GtfContext *c, const GtfVisionConfig *config, const GtfVisionLayer *layer, GtfTensor *x, const GtfTensor *bias)
{
  return gtf_vision_turning_layer (c, config, layer, x, bias, NULL);
}

GtfTensor *
gtf_vision_turning_layer (GtfContext *c, const GtfVisionConfig *config, const GtfVisionLayer *layer, GtfTensor *x, const GtfTensor *bias, const GtfTensor *rotary)
{
  const GtfTextInput input = { .n_texts = gtf_dim (x, 0), .longest = gtf_dim (x, 1), .n_choices = 1 };
  const GtfEncoder encoder = { .config = &config->encoder, .input = &input, .norm_first = TRUE, .rotary = rotary,
                               .attention = { .n_heads = config->encoder.n_heads, .mask = bias } };
  gsize mark = gtf_push (c);

  return gtf_pop_keep (c, mark, gtf_vision_block (c, &encoder, layer, x));
}

void
gtf_vision_features (GtfContext *c, const GtfForward *f, const GtfVisionConfig *config, const GtfVisionLayer *layers, GtfTensor *x, const GtfNorm *norm, gint64 height,
                     gint64 width, GtfVisionBias bias, gconstpointer data)
{
  const gint64 first = config->n_first + config->n_registers;

  for (gint64 i = 0; i <= config->encoder.n_layers && !gtf_failed (c); i++)
    {
      if (i > 0)
        x = gtf_vision_layer (c, config, &layers[i - 1], x, bias != NULL ? bias (c, i - 1, data) : NULL);
      if (gtf_feature_wanted (f, i))
        {
          GtfTensor *y = norm != NULL ? gtf_layer_norm (c, norm, x, (float) config->encoder.eps) : x;

          if (height > 0)
            y = gtf_reshape (c, gtf_steps (c, y, first, gtf_dim (y, 1) - first), 4, (gint64[]){ gtf_dim (y, 0), height, width, gtf_dim (y, -1) });
          gtf_feature (c, f, i, y);
        }
    }
}

GtfTensor *
gtf_vision_token (GtfContext *c, const GtfTensor *x, gint64 t)
{
  return gtf_reshape (c, gtf_steps (c, x, t, 1), 2, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, -1) });
}

static gint64
picture_of (gint64 i, gconstpointer n)
{
  return i / *(const gint64 *) n;
}

GtfTensor *
gtf_vision_repeat (GtfContext *c, const GtfTensor *x, gint64 t, gint64 n)
{
  const gint64 n_pictures = gtf_dim (x, 0);
  GtfTensor *y = gtf_take (c, gtf_vision_token (c, x, t), gtf_indices (c, n_pictures * n, picture_of, &n));

  return gtf_reshape (c, y, 3, (gint64[]){ n_pictures, n, gtf_dim (x, -1) });
}

GtfTensor *
gtf_patch_rotary_table (GtfContext *c, gint64 first, gint64 height, gint64 width, gint64 d, double theta)
{
  const gint64 half = d / 2, quarter = d / 4;
  GtfTensor *y;

  if (!gtf_op_begin (c, "patch_rotary_table", 0))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ first + height * width, d });
  for (gint64 i = 0; y != NULL && i < first + height * width; i++)
    for (gint64 k = 0; k < half; k++)
      {
        const gint64 patch = i - first;
        const float place = k < quarter ? ((float) (patch / width) + 0.5f) / (float) height : ((float) (patch % width) + 0.5f) / (float) width;
        const float frequency = 1.0f / powf ((float) theta, (float) (k % quarter) * 4.0f / (float) d);
        const float angle = i < first ? 0.0f : (float) (2 * G_PI) * (2.0f * place - 1.0f) * frequency;

        gtf_tensor_f32 (y)[i * d + k] = cosf (angle);
        gtf_tensor_f32 (y)[i * d + half + k] = sinf (angle);
      }
  return y;
}
