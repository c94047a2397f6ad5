/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ops over pictures [B][H][W][C] that belong to one family of convolutional networks or two: global response normalisation, zeros around a
 * picture, one factor for everything.
 */
#include "tensor/pictures.h"
#include "tensor/rows-private.h"

#include <math.h>
#include <string.h>

typedef struct
{
  const GtfKernels *kernels;
  gint64 pixels, channels;
  const float *x;               /* one picture */
  float *factors, *bias, *y;
} Response;

/* Factors of one picture: 1 + weight * (norm / mean norm). */
static void
response_factors (const Response *r, const float *weight, float eps)
{
  double sum = 0.0;

  memset (r->factors, 0, (gsize) r->channels * sizeof *r->factors);
  for (gint64 p = 0; p < r->pixels; p++)
    for (gint64 k = 0; k < r->channels; k++)
      r->factors[k] += r->x[p * r->channels + k] * r->x[p * r->channels + k];
  for (gint64 k = 0; k < r->channels; k++)
    sum += r->factors[k] = sqrtf (r->factors[k]);
  for (gint64 k = 0; k < r->channels; k++)
    r->factors[k] = 1.0f + weight[k] * (r->factors[k] / ((float) (sum / (double) r->channels) + eps));
}

static void
response_part (gpointer data, guint part, guint n_parts)
{
  const Response *r = data;

  for (gint64 p = part * r->pixels / n_parts; p < (part + 1) * r->pixels / n_parts; p++)
    {
      float *y = r->y + p * r->channels;

      r->kernels->multiply (r->x + p * r->channels, r->factors, r->channels, y);
      r->kernels->add (y, r->bias, r->channels, y);
    }
}

/**
 * gtf_response_norm:
 * @weight: [.., C]
 * @bias: [.., C]
 * @x: (nullable): [B][H][W][C]
 * @eps: added to the mean norm
 *
 * Global response normalisation (Woo et al. 2023): x (1 + weight |x| / mean |x|) + bias, with the norm of each channel over all pixels.
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_response_norm (GtfContext *c, const GtfTensor *weight, const GtfTensor *bias, const GtfTensor *x, float eps)
{
  Response r = { .kernels = c->kernels };
  GtfTensor *y;

  if (!gtf_op_begin (c, "response_norm", 3, x, weight, bias))
    return NULL;
  r.channels = gtf_tensor_cols (x);
  if (x->n_dims != 4 || (gint64) gtf_tensor_get_n_elements (weight) != r.channels || (gint64) gtf_tensor_get_n_elements (bias) != r.channels)
    {
      gtf_fail_shapes (c, x, weight, "expected [B, H, W, C] and C numbers");
      return NULL;
    }
  x = gtf_packed (c, x);
  y = x != NULL ? gtf_new_like (c, x, r.channels) : NULL;
  r.factors = y != NULL ? gtf_arena_alloc (c, (gsize) r.channels * sizeof *r.factors) : NULL;
  if (r.factors == NULL)
    return NULL;
  r.pixels = x->shape[1] * x->shape[2];
  r.bias = gtf_tensor_f32 (bias);
  for (gint64 b = 0; b < x->shape[0]; b++)
    {
      r.x = gtf_tensor_f32 (x) + b * r.pixels * r.channels;
      r.y = gtf_tensor_f32 (y) + b * r.pixels * r.channels;
      response_factors (&r, gtf_tensor_f32 (weight), eps);
      gtf_pool_run (c->pool, r.pixels * r.channels < 16384 ? 1 : gtf_pool_get_n_threads (c->pool), response_part, &r);
    }
  return y;
}

/**
 * gtf_scale_pixels:
 * @x: (nullable): [B][H][W][C], or [B][1][1][C]: the same for all pixels
 * @factors: (nullable): [B][H][W][1]
 *
 * Returns: (transfer none) (nullable): [B][H][W][C]
 */
GtfTensor *
gtf_scale_pixels (GtfContext *c, const GtfTensor *x, const GtfTensor *factors)
{
  gint64 n, channels, shared;
  GtfTensor *y;

  if (!gtf_op_begin (c, "scale_pixels", 2, x, factors))
    return NULL;
  if (x->n_dims != 4 || factors->n_dims != 4 || factors->shape[3] != 1 || x->shape[0] != factors->shape[0]
      || !((x->shape[1] == 1 && x->shape[2] == 1) || (x->shape[1] == factors->shape[1] && x->shape[2] == factors->shape[2])))
    {
      gtf_fail_shapes (c, x, factors, "expected [B, H, W, C] or [B, 1, 1, C], and [B, H, W, 1]");
      return NULL;
    }
  x = gtf_packed (c, x);
  factors = gtf_packed (c, factors);
  y = x != NULL && factors != NULL ? gtf_new_like (c, factors, x->shape[3]) : NULL;
  if (y == NULL)
    return NULL;
  n = gtf_tensor_rows (factors);
  channels = x->shape[3];
  shared = x->shape[1] == 1 && x->shape[2] == 1 ? factors->shape[1] * factors->shape[2] : 1;
  for (gint64 i = 0; i < n; i++)
    c->kernels->scale (gtf_tensor_f32 (x) + i / shared * channels, gtf_tensor_f32 (factors)[i], channels, gtf_tensor_f32 (y) + i * channels);
  return y;
}

/**
 * gtf_pad_pixels:
 * @x: (nullable): [B][H][W][C]
 * @top: rows of zeros above, and so on
 *
 * Returns: (transfer none) (nullable): [B][top + H + bottom][left + W + right][C]
 */
GtfTensor *
gtf_pad_pixels (GtfContext *c, const GtfTensor *x, gint64 top, gint64 left, gint64 bottom, gint64 right)
{
  const gint64 most = 1 << 20;
  gint64 line, channels;
  GtfTensor *y;

  if (!gtf_op_begin (c, "pad_pixels", 1, x))
    return NULL;
  if (x->n_dims != 4 || top < 0 || left < 0 || bottom < 0 || right < 0 || top > most || left > most || bottom > most || right > most)
    {
      g_autofree char *text = gtf_shape_to_string (x->n_dims, x->shape);

      gtf_fail (c, "x is %s, expected [B, H, W, C] and numbers of rows and columns around it", text);
      return NULL;
    }
  x = gtf_packed (c, x);
  y = x != NULL ? gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ x->shape[0], top + x->shape[1] + bottom, left + x->shape[2] + right, x->shape[3] }) : NULL;
  if (y == NULL)
    return NULL;
  channels = x->shape[3];
  line = y->shape[2] * channels;
  memset (y->data, 0, gtf_tensor_get_n_elements (y) * sizeof (float));
  for (gint64 row = 0; row < x->shape[0] * x->shape[1]; row++)
    memcpy (gtf_tensor_f32 (y) + (row / x->shape[1] * y->shape[1] + top + row % x->shape[1]) * line + left * channels,
            gtf_tensor_f32 (x) + row * x->shape[2] * channels, (gsize) (x->shape[2] * channels) * sizeof (float));
  return y;
}

static void
affine_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const float scale = *(const float *) r->a, shift = *(const float *) r->b;

  for (gint64 i = 0; i < r->n; i++)
    y[i] = x[i] * scale + shift;
}

/**
 * gtf_affine_all:
 * @scale: (nullable): one number; %NULL: 1
 * @shift: one number
 * @x: (nullable): any shape
 *
 * Returns: (transfer none) (nullable): x scale + shift
 */
GtfTensor *
gtf_affine_all (GtfContext *c, const GtfTensor *scale, const GtfTensor *shift, const GtfTensor *x)
{
  static const float one = 1;
  GtfRows r = { .func = affine_row, .x = x };

  if (!gtf_op_begin (c, "affine_all", 2, x, shift))
    return NULL;
  if ((scale != NULL && gtf_tensor_get_n_elements (scale) != 1) || gtf_tensor_get_n_elements (shift) != 1)
    {
      gtf_fail_shapes (c, scale ? scale : shift, shift, "expected one number each");
      return NULL;
    }
  r.a = scale != NULL ? scale->data : &one;
  r.b = shift->data;
  r.y = gtf_new_like (c, x, gtf_tensor_cols (x));
  if (r.y != NULL)
    gtf_rows_run (c, &r, 0.2);
  return r.y;
}
