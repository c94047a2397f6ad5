/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures and tables of positions in another size, as torch interpolates: one axis after the other, each with its own taps. Positions
 * and weights of taps are computed in float32, since torch's own are.
 */
#include "tensor/context-private.h"
#include "tensor/pictures.h"

#include <math.h>
#include <string.h>

/* Which old lines a new one is made of. */
typedef struct
{
  gint64 n, width;              /* new lines, taps of each */
  gint64 *from;                 /* [n][width] */
  float *weights;               /* [n][width] */
} Taps;

static float
cubic (float x, float a)
{
  x = fabsf (x);
  if (x < 1.0f)
    return ((a + 2.0f) * x - (a + 3.0f)) * x * x + 1.0f;
  return x < 2.0f ? (((x - 5.0f) * x + 8.0f) * x - 4.0f) * a : 0.0f;
}

static float
triangle (float x)
{
  return MAX (1.0f - fabsf (x), 0.0f);
}

static void
cubic_taps (Taps *t, gint64 i, gint64 old, float scale)
{
  float at = scale * ((float) i + 0.5f) - 0.5f, below = floorf (at), rest = at - below;
  const float weights[] = { cubic (rest + 1.0f, -0.75f), cubic (rest, -0.75f), cubic (1.0f - rest, -0.75f), cubic (2.0f - rest, -0.75f) };

  for (gint64 k = 0; k < 4; k++)
    {
      t->from[4 * i + k] = CLAMP ((gint64) below - 1 + k, 0, old - 1);
      t->weights[4 * i + k] = weights[k];
    }
}

static void
linear_taps (Taps *t, gint64 i, gint64 old, float scale)
{
  float at = MAX (scale * ((float) i + 0.5f) - 0.5f, 0.0f);
  gint64 below = MIN ((gint64) at, old - 1);
  float rest = at - (float) below;

  t->from[2 * i] = below;
  t->from[2 * i + 1] = MIN (below + 1, old - 1);
  t->weights[2 * i] = 1.0f - rest;
  t->weights[2 * i + 1] = rest;
}

/* The first and the last line stay the first and the last. */
static void
corner_taps (Taps *t, gint64 i, gint64 old)
{
  float scale = t->n > 1 ? (float) (old - 1) / (float) (t->n - 1) : 0.0f, at = scale * (float) i;
  gint64 below = MIN ((gint64) at, old - 1);

  t->from[2 * i] = below;
  t->from[2 * i + 1] = MIN (below + 1, old - 1);
  t->weights[2 * i + 1] = at - (float) below;
  t->weights[2 * i] = 1.0f - t->weights[2 * i + 1];
}

static void
nearest_tap (Taps *t, gint64 i, gint64 old, float scale)
{
  t->from[i] = MIN ((gint64) ((float) i * scale), old - 1);
  t->weights[i] = 1.0f;
}

/* How many old lines a new one is made of. */
static gint64
taps_width (GtfResize how, float scale)
{
  switch (how)
    {
    case GTF_RESIZE_NEAREST: return 1;
    case GTF_RESIZE_BICUBIC: return 4;
    case GTF_RESIZE_BICUBIC_ANTIALIAS: return 2 * (gint64) ceilf (MAX (scale, 1.0f) * 2.0f) + 1;
    case GTF_RESIZE_BILINEAR_ANTIALIAS: return 2 * (gint64) ceilf (MAX (scale, 1.0f)) + 1;
    default: return 2;
    }
}

/* All old lines within one (linear) or two (cubic) of the new line's width, or of the old, if that is larger; weights with the sum 1. */
static void
smooth_taps (Taps *t, gint64 i, gint64 old, float scale, gboolean is_cubic)
{
  float reach = is_cubic ? 2.0f : 1.0f, support = reach * MAX (scale, 1.0f), inverse = scale >= 1.0f ? 1.0f / scale : 1.0f, centre = scale * ((float) i + 0.5f), sum = 0.0f;
  gint64 first = MAX ((gint64) (centre - support + 0.5f), 0), n = MIN ((gint64) (centre + support + 0.5f), old) - first;
  float *weights = t->weights + i * t->width;

  n = CLAMP (n, 0, t->width);
  for (gint64 k = 0; k < n; k++)
    {
      float at = ((float) (k + first) - centre + 0.5f) * inverse;

      sum += weights[k] = is_cubic ? cubic (at, -0.5f) : triangle (at);
    }
  for (gint64 k = 0; k < t->width; k++)
    {
      t->from[i * t->width + k] = MIN (first + k, old - 1);
      weights[k] = k < n && sum != 0.0f ? weights[k] / sum : 0.0f;
    }
}

static gboolean
make_taps (GtfContext *c, Taps *t, gint64 old, gint64 new, GtfResize how)
{
  float scale = (float) old / (float) new;

  t->n = new;
  t->width = taps_width (how, scale);
  t->from = gtf_arena_alloc (c, (gsize) (t->n * t->width) * sizeof *t->from);
  t->weights = gtf_arena_alloc (c, (gsize) (t->n * t->width) * sizeof *t->weights);
  if (t->from == NULL || t->weights == NULL)
    return FALSE;
  for (gint64 i = 0; i < new; i++)
    if (how == GTF_RESIZE_BILINEAR)
      linear_taps (t, i, old, scale);
    else if (how == GTF_RESIZE_BICUBIC)
      cubic_taps (t, i, old, scale);
    else if (how == GTF_RESIZE_NEAREST)
      nearest_tap (t, i, old, scale);
    else if (how == GTF_RESIZE_BILINEAR_CORNERS)
      corner_taps (t, i, old);
    else
      smooth_taps (t, i, old, scale, how == GTF_RESIZE_BICUBIC_ANTIALIAS);
  return TRUE;
}

typedef struct
{
  const Taps *taps;
  const float *x;
  float *y;
  gint64 old, n, d;             /* lines of x in each of n groups, numbers in a line */
} Lines;

/* New line i of the job: the sum of its taps. */
static void
lines_part (gpointer data, guint part, guint n_parts)
{
  const Lines *l = data;
  gint64 all = l->n * l->taps->n, width = l->taps->width;

  for (gint64 i = part * all / n_parts; i < (part + 1) * all / n_parts; i++)
    {
      gint64 line = i % l->taps->n;
      const float *x = l->x + i / l->taps->n * l->old * l->d;
      float *y = l->y + i * l->d;

      memset (y, 0, (gsize) l->d * sizeof *y);
      for (gint64 k = 0; k < width; k++)
        {
          float weight = l->taps->weights[line * width + k];
          const float *from = x + l->taps->from[line * width + k] * l->d;

          for (gint64 j = 0; weight != 0.0f && j < l->d; j++)
            y[j] += weight * from[j];
        }
    }
}

/* x as [n][old][d] -> [n][new][d] */
static float *
resize_axis (GtfContext *c, const float *x, gint64 n, gint64 old, gint64 new, gint64 d, GtfResize how, float *y)
{
  Taps taps;
  Lines lines = { &taps, x, y, old, n, d };

  if (!make_taps (c, &taps, old, new, how))
    return NULL;
  gtf_pool_run (c->pool, n * new * d < 16384 ? 1 : gtf_pool_get_n_threads (c->pool), lines_part, &lines);
  return y;
}

/**
 * gtf_resize:
 * @x: (nullable): [B][H][W][C]
 * @height: new height
 * @width: new width
 * @how: by which rule
 *
 * Returns: (transfer none) (nullable): [B][height][width][C]
 */
GtfTensor *
gtf_resize (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width, GtfResize how)
{
  GtfTensor *y, *wide;
  gsize mark;

  if (!gtf_op_begin (c, "resize", 1, x))
    return NULL;
  if (x->n_dims != 4 || x->shape[1] < 1 || x->shape[2] < 1 || height < 1 || width < 1)
    {
      g_autofree char *shape = gtf_shape_to_string (x->n_dims, x->shape);

      gtf_fail (c, "%s cannot become [B, %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", C]", shape, height, width);
      return NULL;
    }
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ x->shape[0], height, width, x->shape[3] });
  mark = gtf_push (c);
  x = gtf_packed (c, x);
  wide = x != NULL ? gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ x->shape[0], x->shape[1], width, x->shape[3] }) : NULL;
  if (y == NULL || wide == NULL)
    return NULL;
  if (resize_axis (c, gtf_tensor_f32 (x), x->shape[0] * x->shape[1], x->shape[2], width, x->shape[3], how, gtf_tensor_f32 (wide)) == NULL
      || resize_axis (c, gtf_tensor_f32 (wide), x->shape[0], x->shape[1], height, width * x->shape[3], how, gtf_tensor_f32 (y)) == NULL)
    return NULL;
  gtf_pop (c, mark);
  return y;
}
