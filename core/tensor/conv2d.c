/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution of pictures [B][H][W][C].
 *
 * A convolution is a product with windows: some hundred windows at a time are laid out as rows [height][width][in], zeros outside, and
 * multiplied; the windows of a whole picture are never there at once. 1 x 1 without a stride is a plain product. Where each output sees
 * one channel alone, rows of pixels are multiplied by rows of factors.
 */
#include "tensor/linear-private.h"
#include "tensor/picture-window-private.h"

#include <string.h>

#define BLOCK (1 << 17)         /* floats of windows at a time */

typedef struct
{
  const GtfConv2d *w;
  GtfAxis axes[2];
  const GtfKernels *kernels;
  GtfActivation act;
  gint64 n;                     /* windows, over all pictures */
  const float *x, *residual;    /* packed */
  float *y;
} Conv;

/* Window i, counted over all pictures, as a row [height][width][n] of channels first .. first + n. */
static void
lay_out (const Conv *v, gint64 i, gint64 first, gint64 n, float *row)
{
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];
  const gint64 top = i / across->out % down->out * down->stride - down->before, left = i % across->out * across->stride - across->before;
  const float *picture = v->x + i / (across->out * down->out) * down->in * across->in * v->w->in;
  gint64 y0, y1, x0, x1;

  gtf_axis_inside (down, top, &y0, &y1);
  gtf_axis_inside (across, left, &x0, &x1);
  memset (row, 0, (gsize) (down->kernel * across->kernel * n) * sizeof *row);
  for (gint64 ky = y0; ky < y1; ky++)
    for (gint64 kx = x0; kx < x1; kx++)
      memcpy (row + (ky * across->kernel + kx) * n, picture + ((top + ky * down->dilation) * across->in + left + kx * across->dilation) * v->w->in + first,
              (gsize) n * sizeof *row);
}

/* y = act (y + residual), for windows first .. first + n. */
static void
finish (const Conv *v, gint64 first, gint64 n)
{
  float *y = v->y + first * v->w->out;

  if (v->residual != NULL)
    v->kernels->add (y, v->residual + first * v->w->out, n * v->w->out, y);
  if (v->act != GTF_ACTIVATION_NONE)
    v->kernels->activate (v->act, y, n * v->w->out, y);
}

typedef struct
{
  const Conv *v;
  gint64 first, n;
} Finish;

static void
finish_part (gpointer data, guint part, guint n_parts)
{
  const Finish *f = data;
  const gint64 from = part * f->n / n_parts, to = (part + 1) * f->n / n_parts;

  finish (f->v, f->first + from, to - from);
}

static void
run_windows (GtfContext *c, const Conv *v)
{
  const gint64 in = v->w->in / v->w->n_blocks, out = v->w->out / v->w->n_blocks, width = v->w->blocks[0]->in, step = MIN (v->n, MAX (96, BLOCK / width));
  const gsize mark = gtf_push (c);
  float *rows = gtf_arena_alloc (c, (gsize) step * (gsize) width * sizeof *rows);

  for (gint64 first = 0; rows != NULL && first < v->n; first += step)
    {
      Finish f = { v, first, MIN (step, v->n - first) };

      for (gint64 b = 0; b < v->w->n_blocks; b++)
        {
          GtfLinearArgs args = { .m = f.n, .a = rows, .lda = width, .c = v->y + first * v->w->out + b * out, .ldc = v->w->out };

          for (gint64 i = 0; i < f.n; i++)
            lay_out (v, first + i, b * in, in, rows + i * width);
          gtf_linear_run (c, v->w->blocks[b], &args);
        }
      gtf_pool_run (c->pool, f.n * v->w->out < 16384 ? 1 : gtf_pool_get_n_threads (c->pool), finish_part, &f);
    }
  gtf_pop (c, mark);
}

/* Some rows of windows of a convolution that keeps channels apart. */
static void
taps_part (gpointer data, guint part, guint n_parts)
{
  const Conv *v = data;
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];
  const gint64 n = v->w->out;

  for (gint64 i = part * v->n / n_parts; i < (part + 1) * v->n / n_parts; i++)
    {
      const gint64 top = i / across->out % down->out * down->stride - down->before, left = i % across->out * across->stride - across->before;
      const float *picture = v->x + i / (across->out * down->out) * down->in * across->in * n;
      float *y = v->y + i * n;
      gint64 y0, y1, x0, x1;

      gtf_axis_inside (down, top, &y0, &y1);
      gtf_axis_inside (across, left, &x0, &x1);
      if (v->w->bias != NULL)
        memcpy (y, v->w->bias, (gsize) n * sizeof *y);
      else
        memset (y, 0, (gsize) n * sizeof *y);
      for (gint64 ky = y0; ky < y1; ky++)
        for (gint64 kx = x0; kx < x1; kx++)
          {
            const float *pixel = picture + ((top + ky * down->dilation) * across->in + left + kx * across->dilation) * n;
            const float *taps = v->w->taps + (ky * across->kernel + kx) * n;

            for (gint64 channel = 0; channel < n; channel++)
              y[channel] += pixel[channel] * taps[channel];
          }
      finish (v, i, 1);
    }
}

static gboolean
check (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, gboolean transposed)
{
  g_autofree char *text = NULL;

  if (w != NULL && w->transposed == transposed && gtf_tensor_cols (x) == w->in && (window->kernel == 0 || window->kernel == w->height)
      && (window->kernel_width == 0 || window->kernel_width == w->width))
    return TRUE;
  text = gtf_shape_to_string (x->n_dims, x->shape);
  if (w == NULL)
    gtf_fail (c, "the weight is missing");
  else
    gtf_fail (c, "x is %s, but the weight takes %" G_GINT64_FORMAT " channels in windows of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " pixels%s", text, w->in, w->height,
              w->width, w->transposed ? ", transposed" : "");
  return FALSE;
}

/**
 * gtf_conv2d:
 * @w: weight [out][in / groups][height][width], maybe with a bias
 * @x: (nullable): [B][H][W][in]
 * @window: (nullable): stride, padding and dilation; 1, 0 and 1 by default
 * @act: what is done with each sum
 * @residual: (nullable): added before that, as the result
 *
 * Returns: (transfer none) (nullable): [B][H'][W'][out]
 */
GtfTensor *
gtf_conv2d (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act, const GtfTensor *residual)
{
  static const GtfWindow plain = { 0 };
  Conv v = { .w = w, .kernels = c->kernels, .act = act };
  GtfTensor *y;

  if (!gtf_op_begin (c, "conv2d", residual != NULL ? 2 : 1, x, residual))
    return NULL;
  if (window == NULL)
    window = &plain;
  if (!check (c, w, x, window, FALSE) || !gtf_window_axes (c, window, (gint64[]){ w->height, w->width }, x, v.axes))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ x->shape[0], v.axes[0].out, v.axes[1].out, w->out });
  if (y != NULL && residual != NULL && (residual->n_dims != 4 || memcmp (residual->shape, y->shape, 4 * sizeof *y->shape) != 0))
    {
      gtf_fail_shapes (c, y, residual, "the result and the residual do not fit");
      return NULL;
    }
  x = gtf_packed (c, x);
  residual = residual != NULL ? gtf_packed (c, residual) : NULL;
  if (y == NULL || gtf_failed (c))
    return NULL;
  v.n = x->shape[0] * v.axes[0].out * v.axes[1].out;
  v.x = gtf_tensor_f32 (x);
  v.y = gtf_tensor_f32 (y);
  v.residual = residual != NULL ? gtf_tensor_f32 (residual) : NULL;
  if (w->taps != NULL)
    gtf_pool_run (c->pool, v.n * w->out < 4096 ? 1 : gtf_pool_get_n_threads (c->pool), taps_part, &v);
  else
    run_windows (c, &v);
  return gtf_failed (c) ? NULL : y;
}

/* ---- transposed ------------------------------------------------------------------------------------------------------ */

typedef struct
{
  const GtfConv2d *w;
  GtfAxis axes[2];
  const GtfKernels *kernels;
  GtfActivation act;
  gint64 rows;                  /* of the results, over all pictures */
  const float *products;        /* [pixels of x][height][width][out] */
  float *y;
} Gather;

/* What the pixels of x give to some rows of the result: those that a window which begins at a pixel of x reaches. */
static void
gather_part (gpointer data, guint part, guint n_parts)
{
  const Gather *g = data;
  const GtfAxis *down = &g->axes[0], *across = &g->axes[1];
  const gint64 n = g->w->out;

  for (gint64 row = part * g->rows / n_parts; row < (part + 1) * g->rows / n_parts; row++)
    {
      const float *picture = g->products + row / down->out * down->in * across->in * down->kernel * across->kernel * n;
      float *y = g->y + row * across->out * n;

      for (gint64 i = 0; i < across->out; i++)
        if (g->w->bias != NULL)
          memcpy (y + i * n, g->w->bias, (gsize) n * sizeof *y);
        else
          memset (y + i * n, 0, (gsize) n * sizeof *y);
      for (gint64 ky = 0; ky < down->kernel; ky++)
        {
          const gint64 at = row % down->out + down->before - ky * down->dilation;

          if (at < 0 || at % down->stride != 0 || at / down->stride >= down->in)
            continue;
          for (gint64 px = 0; px < across->in; px++)
            for (gint64 kx = 0; kx < across->kernel; kx++)
              {
                const gint64 to = px * across->stride + kx * across->dilation - across->before;

                if (to >= 0 && to < across->out)
                  g->kernels->add (y + to * n, picture + (((at / down->stride * across->in + px) * down->kernel + ky) * across->kernel + kx) * n, n, y + to * n);
              }
        }
      if (g->act != GTF_ACTIVATION_NONE)
        g->kernels->activate (g->act, y, across->out * n, y);
    }
}

/**
 * gtf_conv_transpose2d:
 * @w: transposed weight, in the file [in][out][height][width], maybe with a bias
 * @x: (nullable): [B][H][W][in]
 * @window: (nullable): stride, padding, dilation; more[2] and more[3] are rows and columns that the result has more (output_padding)
 * @act: what is done with each sum
 *
 * Returns: (transfer none) (nullable): [B][H'][W'][out], H' = (H - 1) stride + dilation (kernel - 1) + 1 - 2 padding + more
 */
GtfTensor *
gtf_conv_transpose2d (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act)
{
  static const GtfWindow plain = { 0 };
  Gather g = { .w = w, .kernels = c->kernels, .act = act };
  GtfTensor *y, *products;
  gsize mark;

  if (!gtf_op_begin (c, "conv_transpose2d", 1, x))
    return NULL;
  if (window == NULL)
    window = &plain;
  if (!check (c, w, x, window, TRUE) || !gtf_window_axes_transposed (c, window, (gint64[]){ w->height, w->width }, x, g.axes))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ x->shape[0], g.axes[0].out, g.axes[1].out, w->out });
  mark = gtf_push (c);
  products = y != NULL ? gtf_linear (c, w->blocks[0], x) : NULL;
  if (products == NULL)
    return NULL;
  g.rows = y->shape[0] * y->shape[1];
  g.products = gtf_tensor_f32 (products);
  g.y = gtf_tensor_f32 (y);
  gtf_pool_run (c->pool, gtf_tensor_get_n_elements (y) < 4096 ? 1 : gtf_pool_get_n_threads (c->pool), gather_part, &g);
  gtf_pop (c, mark);
  return y;
}
