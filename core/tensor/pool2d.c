/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pooling of pictures [B][H][W][C], and what treats their channels alike: factors, group normalisation.
 */
#include "tensor/linear-private.h"
#include "tensor/picture-window-private.h"

#include <math.h>
#include <string.h>

/* ---- windows --------------------------------------------------------------------------------------------------------- */

typedef struct
{
  GtfAxis axes[2];
  const GtfKernels *kernels;
  gint64 n, channels;           /* windows, over all pictures */
  const float *x;
  float *y;
  gboolean inside;
} Pool;

/* The pixels of window i: where its kernel lies within the picture. */
static void
see (const Pool *p, gint64 i, gint64 *top, gint64 *left, gint64 *y0, gint64 *y1, gint64 *x0, gint64 *x1)
{
  const GtfAxis *down = &p->axes[0], *across = &p->axes[1];

  *top = i / across->out % down->out * down->stride - down->before;
  *left = i % across->out * across->stride - across->before;
  gtf_axis_inside (down, *top, y0, y1);
  gtf_axis_inside (across, *left, x0, x1);
}

/* Into how many pixels a sum is divided: padding counts, but not what a last window sees beyond it. */
static gint64
divisor (const Pool *p, gint64 top, gint64 left, gint64 seen)
{
  const GtfAxis *down = &p->axes[0], *across = &p->axes[1];

  if (p->inside)
    return MAX (seen, 1);
  return MIN (down->kernel, down->in + down->after - top) * MIN (across->kernel, across->in + across->after - left);
}

static void
max_part (gpointer data, guint part, guint n_parts)
{
  const Pool *p = data;
  const GtfAxis *down = &p->axes[0], *across = &p->axes[1];

  for (gint64 i = part * p->n / n_parts; i < (part + 1) * p->n / n_parts; i++)
    {
      const float *picture = p->x + i / (across->out * down->out) * down->in * across->in * p->channels;
      float *y = p->y + i * p->channels;
      gint64 top, left, y0, y1, x0, x1;

      see (p, i, &top, &left, &y0, &y1, &x0, &x1);
      for (gint64 channel = 0; channel < p->channels; channel++)
        y[channel] = -INFINITY;
      for (gint64 ky = y0; ky < y1; ky++)
        for (gint64 kx = x0; kx < x1; kx++)
          p->kernels->maximum (y, picture + ((top + ky * down->dilation) * across->in + left + kx * across->dilation) * p->channels, p->channels, y);
    }
}

static void
mean_part (gpointer data, guint part, guint n_parts)
{
  const Pool *p = data;
  const GtfAxis *down = &p->axes[0], *across = &p->axes[1];

  for (gint64 i = part * p->n / n_parts; i < (part + 1) * p->n / n_parts; i++)
    {
      const float *picture = p->x + i / (across->out * down->out) * down->in * across->in * p->channels;
      float *y = p->y + i * p->channels;
      gint64 top, left, y0, y1, x0, x1;

      see (p, i, &top, &left, &y0, &y1, &x0, &x1);
      memset (y, 0, (gsize) p->channels * sizeof *y);
      for (gint64 ky = y0; ky < y1; ky++)
        for (gint64 kx = x0; kx < x1; kx++)
          p->kernels->add (y, picture + ((top + ky) * across->in + left + kx) * p->channels, p->channels, y);
      p->kernels->scale (y, 1.0f / (float) divisor (p, top, left, MAX (y1 - y0, 0) * MAX (x1 - x0, 0)), p->channels, y);
    }
}

static GtfTensor *
pool (GtfContext *c, const char *op, const GtfTensor *x, const GtfWindow *window, GtfPoolFunc func)
{
  Pool p = { .kernels = c->kernels, .inside = window->inside };
  GtfTensor *y;

  if (!gtf_op_begin (c, op, 1, x) || !gtf_window_axes (c, window, NULL, x, p.axes))
    return NULL;
  if (func == mean_part && (p.axes[0].dilation != 1 || p.axes[1].dilation != 1))
    {
      gtf_fail (c, "means have no dilation");
      return NULL;
    }
  x = gtf_packed (c, x);
  y = x != NULL ? gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ x->shape[0], p.axes[0].out, p.axes[1].out, x->shape[3] }) : NULL;
  if (y == NULL)
    return NULL;
  p.n = x->shape[0] * p.axes[0].out * p.axes[1].out;
  p.channels = x->shape[3];
  p.x = gtf_tensor_f32 (x);
  p.y = gtf_tensor_f32 (y);
  gtf_pool_run (c->pool, p.n * p.channels < 4096 ? 1 : gtf_pool_get_n_threads (c->pool), func, &p);
  return y;
}

/**
 * gtf_max_pool2d:
 * @x: (nullable): [B][H][W][C]
 * @window: what each result is the largest of; padding does not count
 *
 * Returns: (transfer none) (nullable): [B][H'][W'][C]
 */
GtfTensor *
gtf_max_pool2d (GtfContext *c, const GtfTensor *x, const GtfWindow *window)
{
  return pool (c, "max_pool2d", x, window, max_part);
}

/**
 * gtf_avg_pool2d:
 * @x: (nullable): [B][H][W][C]
 * @window: what each result is the mean of; padding counts as zeros, unless it says otherwise. No dilation
 *
 * Returns: (transfer none) (nullable): [B][H'][W'][C]
 */
GtfTensor *
gtf_avg_pool2d (GtfContext *c, const GtfTensor *x, const GtfWindow *window)
{
  return pool (c, "avg_pool2d", x, window, mean_part);
}

/* ---- areas ----------------------------------------------------------------------------------------------------------- */

/* The mean of rows y0 .. y1 and columns x0 .. x1 of a picture. */
static void
area_mean (GtfContext *c, const float *picture, gint64 width, gint64 channels, const gint64 *area, float *y)
{
  memset (y, 0, (gsize) channels * sizeof *y);
  for (gint64 row = area[0]; row < area[1]; row++)
    for (gint64 col = area[2]; col < area[3]; col++)
      c->kernels->add (y, picture + (row * width + col) * channels, channels, y);
  c->kernels->scale (y, 1.0f / (float) ((area[1] - area[0]) * (area[3] - area[2])), channels, y);
}

/**
 * gtf_adaptive_avg_pool2d:
 * @x: (nullable): [B][H][W][C]
 * @height: of the result
 * @width: of the result
 *
 * Row i is the mean of rows floor (i H / height) to ceil ((i + 1) H / height), columns alike.
 *
 * Returns: (transfer none) (nullable): [B][height][width][C]
 */
GtfTensor *
gtf_adaptive_avg_pool2d (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width)
{
  GtfTensor *y;
  gint64 h, w, channels;

  if (!gtf_op_begin (c, "adaptive_avg_pool2d", 1, x))
    return NULL;
  if (x->n_dims != 4 || x->shape[1] < 1 || x->shape[2] < 1 || height < 1 || width < 1 || height > 1 << 20 || width > 1 << 20)
    {
      g_autofree char *text = gtf_shape_to_string (x->n_dims, x->shape);

      gtf_fail (c, "x is %s, expected [B, H, W, C] for means of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " areas", text, height, width);
      return NULL;
    }
  x = gtf_packed (c, x);
  y = x != NULL ? gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ x->shape[0], height, width, x->shape[3] }) : NULL;
  if (y == NULL)
    return NULL;
  h = x->shape[1];
  w = x->shape[2];
  channels = x->shape[3];
  for (gint64 i = 0; i < x->shape[0] * height * width; i++)
    {
      const gint64 row = i / width % height, col = i % width;
      const gint64 area[] = { row * h / height, ((row + 1) * h + height - 1) / height, col * w / width, ((col + 1) * w + width - 1) / width };

      area_mean (c, gtf_tensor_f32 (x) + i / (height * width) * h * w * channels, w, channels, area, gtf_tensor_f32 (y) + i * channels);
    }
  return y;
}

/**
 * gtf_mean_pixels:
 * @x: (nullable): [B][H][W][C]
 *
 * Returns: (transfer none) (nullable): [B][C]
 */
GtfTensor *
gtf_mean_pixels (GtfContext *c, const GtfTensor *x)
{
  GtfTensor *y = gtf_adaptive_avg_pool2d (c, x, 1, 1);

  return gtf_reshape (c, y, 2, (gint64[]){ gtf_dim (y, 0), gtf_dim (y, -1) });
}

/* ---- channels -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfKernels *kernels;
  gint64 n, pixels, channels;   /* pixels of all pictures, of one */
  const float *x, *factors;
  float *y;
} Scale;

static void
scale_part (gpointer data, guint part, guint n_parts)
{
  const Scale *s = data;

  for (gint64 i = part * s->n / n_parts; i < (part + 1) * s->n / n_parts; i++)
    s->kernels->multiply (s->x + i * s->channels, s->factors + i / s->pixels * s->channels, s->channels, s->y + i * s->channels);
}

/**
 * gtf_scale_channels:
 * @x: (nullable): [B][H][W][C]
 * @factors: (nullable): [B][C]
 *
 * Squeeze and excitation (Hu et al. 2017).
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_scale_channels (GtfContext *c, const GtfTensor *x, const GtfTensor *factors)
{
  Scale s = { .kernels = c->kernels };
  GtfTensor *y;

  if (!gtf_op_begin (c, "scale_channels", 2, x, factors))
    return NULL;
  if (x->n_dims != 4 || factors->n_dims != 2 || factors->shape[0] != x->shape[0] || factors->shape[1] != x->shape[3])
    {
      gtf_fail_shapes (c, x, factors, "expected [B, H, W, C] and [B, C]");
      return NULL;
    }
  x = gtf_packed (c, x);
  factors = gtf_packed (c, factors);
  y = x != NULL && factors != NULL ? gtf_new_like (c, x, x->shape[3]) : NULL;
  if (y == NULL)
    return NULL;
  s.pixels = x->shape[1] * x->shape[2];
  s.n = x->shape[0] * s.pixels;
  s.channels = x->shape[3];
  s.x = gtf_tensor_f32 (x);
  s.factors = gtf_tensor_f32 (factors);
  s.y = gtf_tensor_f32 (y);
  gtf_pool_run (c->pool, s.n * s.channels < 16384 ? 1 : gtf_pool_get_n_threads (c->pool), scale_part, &s);
  return y;
}

typedef struct
{
  const GtfNorm *w;
  gint64 n, groups, pixels, channels;   /* n: groups of all pictures */
  float eps;
  const float *x;
  float *y;
} Groups;

/* Groups of some pictures, each in two passes: mean, then what lies around it. */
static void
groups_part (gpointer data, guint part, guint n_parts)
{
  const Groups *g = data;
  const gint64 width = g->channels / g->groups;

  for (gint64 i = part * g->n / n_parts; i < (part + 1) * g->n / n_parts; i++)
    {
      const gint64 first = i % g->groups * width, at = i / g->groups * g->pixels * g->channels + first;
      double sum = 0.0, squares = 0.0, mean, factor;

      for (gint64 p = 0; p < g->pixels; p++)
        for (gint64 k = 0; k < width; k++)
          sum += g->x[at + p * g->channels + k];
      mean = sum / (double) (g->pixels * width);
      for (gint64 p = 0; p < g->pixels; p++)
        for (gint64 k = 0; k < width; k++)
          squares += (g->x[at + p * g->channels + k] - mean) * (g->x[at + p * g->channels + k] - mean);
      factor = 1.0 / sqrt (squares / (double) (g->pixels * width) + g->eps);
      for (gint64 p = 0; p < g->pixels; p++)
        for (gint64 k = 0; k < width; k++)
          g->y[at + p * g->channels + k] = (float) ((g->x[at + p * g->channels + k] - mean) * factor) * g->w->weight[first + k]
                                           + (g->w->bias != NULL ? g->w->bias[first + k] : 0.0f);
    }
}

/**
 * gtf_group_norm:
 * @w: weight and maybe bias, [C]
 * @x: (nullable): [B][H][W][C] or [B][T][C]
 * @n_groups: groups of channels
 * @eps: added to the variance
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_group_norm (GtfContext *c, const GtfNorm *w, const GtfTensor *x, gint64 n_groups, float eps)
{
  Groups g = { .w = w, .groups = n_groups, .eps = eps };
  GtfTensor *y;

  if (!gtf_op_begin (c, "group_norm", 1, x))
    return NULL;
  if (w == NULL || x->n_dims < 3 || gtf_tensor_cols (x) != w->n || n_groups < 1 || w->n % n_groups != 0)
    {
      g_autofree char *text = gtf_shape_to_string (x->n_dims, x->shape);

      gtf_fail (c, "x is %s, but the weight has %" G_GINT64_FORMAT " channels in %" G_GINT64_FORMAT " groups", text, w != NULL ? w->n : 0, n_groups);
      return NULL;
    }
  x = gtf_packed (c, x);
  y = x != NULL ? gtf_new_like (c, x, w->n) : NULL;
  if (y == NULL || gtf_tensor_get_n_elements (y) == 0)
    return y;
  g.n = x->shape[0] * n_groups;
  g.channels = w->n;
  g.pixels = gtf_tensor_rows (x) / x->shape[0];
  g.x = gtf_tensor_f32 (x);
  g.y = gtf_tensor_f32 (y);
  gtf_pool_run (c->pool, gtf_tensor_get_n_elements (y) < 4096 ? 1 : gtf_pool_get_n_threads (c->pool), groups_part, &g);
  return y;
}
