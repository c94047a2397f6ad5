/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two towers compared (Radford et al. 2021): the cosine of each picture with each text, times a learnt factor. And what patches that are compared one by
 * one need beside it (Minderer et al. 2022).
 */
#include "layers/towers.h"

#include <float.h>
#include <math.h>
#include "tensor/context-private.h"

#define WIDE GTF_TOWERS_DIM (text.hidden_size)
#define READ(type, field, name, ...) { type, name, G_STRUCT_OFFSET (GtfEncoderLayer, field), 0, { __VA_ARGS__ } }

const GtfWeight gtf_tower_layer[] = {
  GTF_VISION_LAYER_NORM (block.attention_norm, "layer_norm1"),
  GTF_VISION_QKV ("self_attn.{q_proj,k_proj,v_proj}"),
  GTF_VISION_SQUARE (block.attention_out, "self_attn.out_proj"),
  GTF_VISION_LAYER_NORM (block.output_norm, "layer_norm2"),
  GTF_VISION_UP ("mlp.fc1"),
  GTF_VISION_DOWN ("mlp.fc2"),
  { GTF_WEIGHT_END }
};

const GtfWeight gtf_tower_text_layer[] = {
  READ (GTF_WEIGHT_NORM, attention_norm, "layer_norm1", WIDE),
  READ (GTF_WEIGHT_LINEAR, qkv, "self_attn.{q_proj,k_proj,v_proj}", GTF_DIM_TIMES (GtfTowersConfig, text.hidden_size, 3), WIDE),
  READ (GTF_WEIGHT_LINEAR, attention_out, "self_attn.out_proj", WIDE, WIDE),
  READ (GTF_WEIGHT_NORM, output_norm, "layer_norm2", WIDE),
  READ (GTF_WEIGHT_LINEAR, up, "mlp.fc1", GTF_TOWERS_DIM (text.inner_size), WIDE),
  READ (GTF_WEIGHT_LINEAR, down, "mlp.fc2", WIDE, GTF_TOWERS_DIM (text.inner_size)),
  { GTF_WEIGHT_END }
};

const GtfWeight gtf_tower_bert_layer[] = {
  READ (GTF_WEIGHT_LINEAR, qkv, "attention.self.{query,key,value}", GTF_DIM_TIMES (GtfTowersConfig, text.hidden_size, 3), WIDE),
  READ (GTF_WEIGHT_LINEAR, attention_out, "attention.output.dense", WIDE, WIDE),
  READ (GTF_WEIGHT_NORM, attention_norm, "attention.output.LayerNorm", WIDE),
  READ (GTF_WEIGHT_LINEAR, up, "intermediate.dense", GTF_TOWERS_DIM (text.inner_size), WIDE),
  READ (GTF_WEIGHT_LINEAR, down, "output.dense", WIDE, GTF_TOWERS_DIM (text.inner_size)),
  READ (GTF_WEIGHT_NORM, output_norm, "output.LayerNorm", WIDE),
  { GTF_WEIGHT_END }
};

const char *const gtf_towers_tasks[] = { "zero-shot-image-classification", NULL };

gboolean
gtf_towers_derive (gpointer data, GError **error)
{
  GtfTowersConfig *config = data;

  return gtf_vision_config_derive (data, error) && gtf_text_config_derive (&config->text, error);
}

GtfTensor *
gtf_towers_read (GtfContext *c, const GtfTowersConfig *config, const GtfTowersWeights *w, const GtfTextInput *input, gboolean causal)
{
  const GtfEncoder encoder = { .config = &config->text, .input = input, .layers = w->text_layers, .norm_first = TRUE, .final_norm = w->text_norm,
                               .attention.causal = causal };

  return gtf_encoder_run (c, &encoder, gtf_text_embed (c, &config->text, &w->words, input, gtf_text_positions (c, input, 0)));
}

GtfTensor *
gtf_towers_read_bert (GtfContext *c, const GtfTowersConfig *config, const GtfTowersWeights *w, const GtfTextInput *input)
{
  const GtfEncoder encoder = { .config = &config->text, .input = input, .layers = w->text_layers };
  GtfTensor *x = gtf_encoder_run (c, &encoder, gtf_text_embed (c, &config->text, &w->words, input, gtf_text_positions (c, input, 0)));

  return gtf_linear (c, w->text_projection, gtf_text_first (c, input, x));
}

GtfTensor *
gtf_divide_all (GtfContext *c, const GtfTensor *x, const GtfTensor *divisor)
{
  if (!gtf_op_begin (c, "divide_all", 2, x, divisor))
    return NULL;
  return gtf_scale (c, x, 1.0f / gtf_tensor_f32 (divisor)[0]);
}

static double
dot (const float *a, const float *b, gint64 n)
{
  double sum = 0;

  for (gint64 i = 0; i < n; i++)
    sum += (double) a[i] * b[i];
  return sum;
}

/**
 * gtf_compare_towers:
 * @images: [pictures][D]
 * @texts: [texts][D]
 * @scale: one number: the logarithm of the factor
 * @bias: (nullable): one number that is added
 *
 * Returns: (transfer none) (nullable): [pictures][texts]
 */
GtfTensor *
gtf_compare_towers (GtfContext *c, const GtfTensor *images, const GtfTensor *texts, const GtfTensor *scale, const GtfTensor *bias)
{
  gint64 d, n;
  double factor, *lengths;
  GtfTensor *y;

  if (!gtf_op_begin (c, "compare_towers", 3, images, texts, scale))
    return NULL;
  d = gtf_tensor_cols (images);
  n = gtf_tensor_rows (texts);
  if (gtf_tensor_cols (texts) != d)
    {
      gtf_fail_shapes (c, images, texts, "expected pictures and texts of one width");
      return NULL;
    }
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ gtf_tensor_rows (images), n });
  lengths = y != NULL ? gtf_arena_alloc (c, (gsize) n * sizeof *lengths) : NULL;
  if (lengths == NULL)
    return NULL;
  for (gint64 k = 0; k < n; k++)
    {
      const float *text = gtf_tensor_f32 (texts) + gtf_tensor_row_offset (texts, k);

      lengths[k] = sqrt (dot (text, text, d));
    }
  factor = exp ((double) gtf_tensor_f32 (scale)[0]);
  for (gint64 i = 0; i < gtf_tensor_rows (images); i++)
    {
      const float *image = gtf_tensor_f32 (images) + gtf_tensor_row_offset (images, i);
      const double length = sqrt (dot (image, image, d));

      for (gint64 k = 0; k < n; k++)
        {
          const double cosine = dot (image, gtf_tensor_f32 (texts) + gtf_tensor_row_offset (texts, k), d) / (length * lengths[k]);

          gtf_tensor_f32 (y)[i * n + k] = (float) (cosine * factor + (bias != NULL ? gtf_tensor_f32 (bias)[0] : 0));
        }
    }
  return y;
}

GtfTensor *
gtf_mask_texts (GtfContext *c, const GtfTensor *x, const GtfTextInput *input)
{
  const gint64 n = gtf_dim (x, -1);
  GtfTensor *y;

  if (!gtf_op_begin (c, "mask_texts", 1, x))
    return NULL;
  if (input->n_texts != n || input->ids->n_dims != 2 || input->ids->shape[0] != n || input->longest < 1)
    {
      gtf_fail_shapes (c, x, input->ids, "expected a score for each of the texts [n, T]");
      return NULL;
    }
  y = gtf_new_like (c, x, n);
  if (y == NULL)
    return NULL;
  gtf_tensor_copy_packed (x, y->data);
  for (gint64 k = 0; k < n; k++)
    if (input->ids->dtype == GTF_DTYPE_I32 && ((const gint32 *) input->ids->data)[k * input->ids->row_stride] == 0)
      for (gint64 i = 0; i < gtf_tensor_rows (y); i++)
        gtf_tensor_f32 (y)[i * n + k] = -FLT_MAX;
  return y;
}

/* The logarithm of x to 1 - x, a little away from both ends. */
static float
logit (float x)
{
  return logf (x + 1e-4f) - log1pf (-x + 1e-4f);
}

GtfTensor *
gtf_patch_boxes (GtfContext *c, gint64 height, gint64 width)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "patch_boxes", 0))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ height * width, 4 });
  for (gint64 i = 0; y != NULL && i < height * width; i++)
    {
      float *to = gtf_tensor_f32 (y) + 4 * i;

      to[0] = logit ((float) (i % width + 1) / (float) width);
      to[1] = logit ((float) (i / width + 1) / (float) height);
      to[2] = logit (1.0f / (float) width);
      to[3] = logit (1.0f / (float) height);
    }
  return y;
}
