/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution, pooling and batch normalisation of pictures [B][H][W][C].
 *
 * A convolution is a product with windows: some hundred windows at a time are laid out as rows in the order of the weight in the file
 * ([in][kernel][kernel]), zeros outside, and multiplied; the windows of a whole picture are never there at once. 1 x 1 without a stride is a
 * plain product.
 */
#include "tensor/linear-private.h"
#include "tensor/pictures.h"
#include "tensor/rows-private.h"

#include <math.h>
#include <string.h>

#define BLOCK (1 << 17)         /* floats of windows at a time */

typedef struct
{
  const GtfWindow *window;
  gint64 height, width, channels, down, across;
} Shape;

/* The sizes of the result; FALSE after the error. */
static gboolean
measure (GtfContext *c, const GtfWindow *w, const GtfTensor *x, Shape *s)
{
  g_autofree char *text = NULL;

  *s = (Shape){ .window = w };
  if (x->n_dims == 4 && w->kernel >= 1 && w->kernel <= 1024 && w->stride >= 1 && w->stride <= 1 << 20 && w->padding >= 0 && w->padding <= 1 << 20
      && x->shape[1] + 2 * w->padding >= w->kernel && x->shape[2] + 2 * w->padding >= w->kernel)
    {
      s->height = x->shape[1];
      s->width = x->shape[2];
      s->channels = x->shape[3];
      s->down = (s->height + 2 * w->padding - w->kernel) / w->stride + 1;
      s->across = (s->width + 2 * w->padding - w->kernel) / w->stride + 1;
      return TRUE;
    }
  text = gtf_shape_to_string (x->n_dims, x->shape);
  gtf_fail (c, "x is %s, expected [B, H, W, C] of at least one window of %" G_GINT64_FORMAT " after a padding of %" G_GINT64_FORMAT, text, w->kernel, w->padding);
  return FALSE;
}

/* Window i, counted over all pictures, as a row [C][kernel][kernel]. */
static void
lay_out (const Shape *s, const float *x, gint64 i, float *row)
{
  const gint64 kernel = s->window->kernel, size = kernel * kernel, top = i / s->across % s->down * s->window->stride - s->window->padding;
  const gint64 left = i % s->across * s->window->stride - s->window->padding;

  x += i / (s->across * s->down) * s->height * s->width * s->channels;
  memset (row, 0, (gsize) (size * s->channels) * sizeof *row);
  for (gint64 ky = MAX (0, -top); ky < MIN (kernel, s->height - top); ky++)
    for (gint64 kx = MAX (0, -left); kx < MIN (kernel, s->width - left); kx++)
      {
        const float *pixel = x + ((top + ky) * s->width + left + kx) * s->channels;

        for (gint64 channel = 0; channel < s->channels; channel++)
          row[channel * size + ky * kernel + kx] = pixel[channel];
      }
}

/**
 * gtf_conv2d:
 * @w: weight [out][in * kernel * kernel] as it lies in a file, maybe with a bias
 * @x: (nullable): [B][H][W][in]
 * @window: size, stride and padding
 * @act: what is done with each result
 *
 * Returns: (transfer none) (nullable): [B][H'][W'][out]
 */
GtfTensor *
gtf_conv2d (GtfContext *c, const GtfLinear *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act)
{
  GtfTensor *y;
  float *rows;
  gint64 n, step;
  gsize mark;
  Shape s;

  if (!gtf_op_begin (c, "conv2d", 1, x) || !measure (c, window, x, &s))
    return NULL;
  if (w == NULL || w->in != s.channels * window->kernel * window->kernel)
    {
      g_autofree char *text = gtf_shape_to_string (x->n_dims, x->shape);

      gtf_fail (c, "x is %s, but the weight takes windows of %" G_GINT64_FORMAT " numbers, not of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " pixels", text,
                w != NULL ? w->in : 0, window->kernel, window->kernel);
      return NULL;
    }
  if (window->kernel == 1 && window->stride == 1 && window->padding == 0)
    return gtf_linear_act (c, w, x, act);
  x = gtf_packed (c, x);
  y = x != NULL ? gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ x->shape[0], s.down, s.across, w->out }) : NULL;
  if (y == NULL)
    return NULL;
  n = x->shape[0] * s.down * s.across;
  step = MIN (n, MAX (96, BLOCK / w->in));
  mark = gtf_push (c);
  rows = gtf_arena_alloc (c, (gsize) step * (gsize) w->in * sizeof *rows);
  for (gint64 first = 0; rows != NULL && first < n; first += step)
    {
      GtfLinearArgs args = { .m = MIN (step, n - first), .a = rows, .lda = w->in, .act = act, .c = gtf_tensor_f32 (y) + first * w->out, .ldc = w->out };

      for (gint64 i = 0; i < args.m; i++)
        lay_out (&s, gtf_tensor_f32 (x), first + i, rows + i * w->in);
      gtf_linear_run (c, w, &args);
    }
  gtf_pop (c, mark);
  return rows != NULL ? y : NULL;
}

/**
 * gtf_max_pool2d:
 * @x: (nullable): [B][H][W][C]
 * @window: size, stride and padding; what is outside does not count
 *
 * Returns: (transfer none) (nullable): [B][H'][W'][C]
 */
GtfTensor *
gtf_max_pool2d (GtfContext *c, const GtfTensor *x, const GtfWindow *window)
{
  GtfTensor *y;
  Shape s;

  if (!gtf_op_begin (c, "max_pool2d", 1, x) || !measure (c, window, x, &s))
    return NULL;
  x = gtf_packed (c, x);
  y = x != NULL ? gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ x->shape[0], s.down, s.across, s.channels }) : NULL;
  for (gint64 i = 0; y != NULL && i < x->shape[0] * s.down * s.across; i++)
    {
      const gint64 top = i / s.across % s.down * window->stride - window->padding, left = i % s.across * window->stride - window->padding;
      const float *picture = gtf_tensor_f32 (x) + i / (s.across * s.down) * s.height * s.width * s.channels;
      float *to = gtf_tensor_f32 (y) + i * s.channels;

      for (gint64 channel = 0; channel < s.channels; channel++)
        to[channel] = -INFINITY;
      for (gint64 py = MAX (0, top); py < MIN (s.height, top + window->kernel); py++)
        for (gint64 px = MAX (0, left); px < MIN (s.width, left + window->kernel); px++)
          for (gint64 channel = 0; channel < s.channels; channel++)
            to[channel] = fmaxf (to[channel], picture[(py * s.width + px) * s.channels + channel]);
    }
  return y;
}

static void
normalise_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const float *scale = r->a, *shift = r->b;

  for (gint64 i = 0; i < r->n; i++)
    y[i] = x[i] * scale[i] + shift[i];
  r->kernels->activate ((GtfActivation) r->whole, y, r->n, y);
}

/**
 * gtf_batch_norm:
 * @w: its four tensors, [C] each
 * @x: (nullable): [..., C]
 * @eps: added to the variance
 * @act: what is done with each result
 *
 * Batch normalisation (Ioffe, Szegedy 2015) by the statistics that training left.
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_batch_norm (GtfContext *c, const GtfBatchNorm *w, const GtfTensor *x, float eps, GtfActivation act)
{
  const GtfTensor *all[] = { w->weight, w->bias, w->mean, w->variance };
  GtfRows r = { .func = normalise_row, .x = x, .whole = act };
  gint64 n;
  float *scale;

  if (!gtf_op_begin (c, "batch_norm", 1, x))
    return NULL;
  n = gtf_tensor_cols (x);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    if (all[i] == NULL || (gint64) gtf_tensor_get_n_elements (all[i]) != n)
      {
        gtf_fail (c, "x has %" G_GINT64_FORMAT " channels, but tensor %u of weight, bias, running_mean and running_var has %" G_GINT64_FORMAT, n, i + 1,
                  all[i] != NULL ? (gint64) gtf_tensor_get_n_elements (all[i]) : 0);
        return NULL;
      }
  r.y = gtf_new_like (c, x, n);
  scale = r.y != NULL ? gtf_arena_alloc (c, (gsize) n * 2 * sizeof *scale) : NULL;
  if (scale == NULL)
    return NULL;
  for (gint64 i = 0; i < n; i++)
    {
      scale[i] = gtf_tensor_f32 (w->weight)[i] / sqrtf (gtf_tensor_f32 (w->variance)[i] + eps);
      scale[n + i] = gtf_tensor_f32 (w->bias)[i] - gtf_tensor_f32 (w->mean)[i] * scale[i];
    }
  r.a = scale;
  r.b = scale + n;
  gtf_rows_run (c, &r, 0.5);
  return r.y;
}
