/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Transposed convolution of pictures [B][H][W][C]: a product of each pixel with the weights of all places of its window, and rows of the result that gather
 * what the pixels give to them.
 */
#include "tensor/conv2d-private.h"

#include <string.h>

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
  if (!gtf_conv2d_check (c, w, x, window, TRUE) || !gtf_window_axes_transposed (c, window, (gint64[]){ w->height, w->width }, x, g.axes))
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
