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

#define RUN 64                  /* pixels whose sums are single precision */

/* One picture. Each thread sums some pixels, channel by channel: in runs of single precision, and these in double. */
typedef struct
{
  const GtfKernels *kernels;
  gint64 pixels, channels;
  const float *x;
  float *minus_mean;            /* of each channel's group, negative; NULL: sums, not squares around it */
  float *scratch;               /* [parts][2][channels] */
  double *sums;                 /* [parts][channels] */
  const float *scale, *shift;   /* of each channel */
  float *y;
} Groups;

static void
sums_part (gpointer data, guint part, guint n_parts)
{
  const Groups *g = data;
  const gint64 n = g->channels, end = (part + 1) * g->pixels / n_parts;
  float *run = g->scratch + (gint64) part * 2 * n, *row = run + n;
  double *sums = g->sums + (gint64) part * n;

  memset (sums, 0, (gsize) n * sizeof *sums);
  for (gint64 first = part * g->pixels / n_parts; first < end; first += RUN)
    {
      memset (run, 0, (gsize) n * sizeof *run);
      for (gint64 p = first; p < MIN (first + RUN, end); p++)
        {
          const float *x = g->x + p * n;

          if (g->minus_mean != NULL)
            {
              g->kernels->add (x, g->minus_mean, n, row);
              g->kernels->multiply (row, row, n, row);
              x = row;
            }
          g->kernels->add (run, x, n, run);
        }
      for (gint64 k = 0; k < n; k++)
        sums[k] += run[k];
    }
}

/* The sum of group i over all parts. */
static double
group_sum (const Groups *g, gint64 parts, gint64 groups, gint64 i)
{
  const gint64 width = g->channels / groups;
  double sum = 0.0;

  for (gint64 part = 0; part < parts; part++)
    for (gint64 k = i * width; k < (i + 1) * width; k++)
      sum += g->sums[part * g->channels + k];
  return sum;
}

static void
apply_part (gpointer data, guint part, guint n_parts)
{
  const Groups *g = data;

  for (gint64 p = part * g->pixels / n_parts; p < (part + 1) * g->pixels / n_parts; p++)
    {
      float *y = g->y + p * g->channels;

      g->kernels->multiply (g->x + p * g->channels, g->scale, g->channels, y);
      g->kernels->add (y, g->shift, g->channels, y);
    }
}

/* Mean, then what lies around it, then each pixel times a factor plus a summand; @factors: [3][channels] for what is computed. */
static void
normalise_picture (GtfContext *c, Groups *g, const GtfNorm *w, gint64 groups, float eps, float *factors, guint parts)
{
  const gint64 n = g->channels, width = n / groups;
  const double count = (double) (g->pixels * width);
  float *minus_mean = factors, *scale = factors + n, *shift = factors + 2 * n;

  g->minus_mean = NULL;
  gtf_pool_run (c->pool, parts, sums_part, g);
  for (gint64 k = 0; k < n; k++)
    minus_mean[k] = k % width == 0 ? (float) (-group_sum (g, parts, groups, k / width) / count) : minus_mean[k - 1];
  g->minus_mean = minus_mean;
  gtf_pool_run (c->pool, parts, sums_part, g);
  for (gint64 k = 0; k < n; k++)
    scale[k] = k % width == 0 ? (float) (1.0 / sqrt (group_sum (g, parts, groups, k / width) / count + eps)) : scale[k - 1];
  for (gint64 k = 0; k < n; k++)
    {
      scale[k] *= w->weight[k];
      shift[k] = minus_mean[k] * scale[k] + (w->bias != NULL ? w->bias[k] : 0.0f);
    }
  g->scale = scale;
  g->shift = shift;
  gtf_pool_run (c->pool, parts, apply_part, g);
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
  Groups g = { .kernels = c->kernels };
  float *factors;
  GtfTensor *y;
  guint parts;
  gsize mark;

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
  g.channels = w->n;
  g.pixels = gtf_tensor_rows (x) / x->shape[0];
  parts = g.pixels * g.channels < 16384 ? 1 : gtf_pool_get_n_threads (c->pool);
  mark = gtf_push (c);
  factors = gtf_arena_alloc (c, (gsize) g.channels * 3 * sizeof *factors);
  g.scratch = gtf_arena_alloc (c, (gsize) g.channels * 2 * parts * sizeof *g.scratch);
  g.sums = gtf_arena_alloc (c, (gsize) g.channels * parts * sizeof *g.sums);
  for (gint64 b = 0; b < x->shape[0] && !gtf_failed (c); b++)
    {
      g.x = gtf_tensor_f32 (x) + b * g.pixels * g.channels;
      g.y = gtf_tensor_f32 (y) + b * g.pixels * g.channels;
      normalise_picture (c, &g, w, n_groups, eps, factors, parts);
    }
  gtf_pop (c, mark);
  return gtf_failed (c) ? NULL : y;
}
