/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures and tables of positions in another size, as torch interpolates: down, then across, each with its own taps. Positions
 * and weights of taps are computed in float32, since torch's own are.
 */
#include "kernels/memory.h"
#include "tensor/context-private.h"
#include "tensor/pictures.h"

#include <math.h>

/* Which old lines a new one is made of. */
typedef struct
{
  gint64 n, width;              /* new lines, taps of each */
  gint64 *from;                 /* [n][width] */
  float *weights;               /* [n][width] */
  gint64 *used;                 /* [n]: how many of them count */
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

/* Old lines of no weight are not looked at: zero times infinity would be something. Those that count come first. */
static void
drop_zeros (Taps *t, gint64 i)
{
  gint64 *from = t->from + i * t->width, n = 0;
  float *weights = t->weights + i * t->width;

  for (gint64 k = 0; k < t->width; k++)
    if (weights[k] != 0.0f)
      {
        from[n] = from[k];
        weights[n++] = weights[k];
      }
  t->used[i] = n;
}

static gboolean
make_taps (GtfContext *c, Taps *t, gint64 old, gint64 new, GtfResize how)
{
  float scale = (float) old / (float) new;

  t->n = new;
  t->width = taps_width (how, scale);
  t->from = gtf_arena_alloc (c, (gsize) (t->n * t->width) * sizeof *t->from);
  t->weights = gtf_arena_alloc (c, (gsize) (t->n * t->width) * sizeof *t->weights);
  t->used = gtf_arena_alloc (c, (gsize) t->n * sizeof *t->used);
  if (t->from == NULL || t->weights == NULL || t->used == NULL)
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
  for (gint64 i = 0; i < new; i++)
    drop_zeros (t, i);
  return TRUE;
}

typedef struct
{
  const GtfKernels *kernels;
  Taps down, across;
  const float *x, *sum;         /* sum NULL: none */
  float *y;
  gint64 n_pictures, height, width, d;  /* of x; numbers in a pixel */
  GtfActivation act;
} Job;

/* Some lines of the new pictures: first a line of the old width, from the old lines, then its pixels. Nothing of the size of a picture lies between. */
static void
lines_part (gpointer data, guint part, guint n_parts)
{
  const Job *job = data;
  const Taps *down = &job->down, *across = &job->across;
  const gint64 all = job->n_pictures * down->n, d = job->d, old = job->width * d;
  GtfMix mix_down = { old, down->width, NULL, GTF_ACTIVATION_NONE }, mix_across = { d, across->width, NULL, job->act };
  const float **rows = gtf_scratch ((gsize) MAX (down->width, across->width) * sizeof *rows + (gsize) old * sizeof (float));
  float *line = (float *) (rows + MAX (down->width, across->width));

  for (gint64 i = part * all / n_parts; i < (part + 1) * all / n_parts; i++)
    {
      const gint64 first = i % down->n * down->width;

      mix_down.n_rows = down->used[i % down->n];
      for (gint64 k = 0; k < mix_down.n_rows; k++)
        rows[k] = job->x + (i / down->n * job->height + down->from[first + k]) * old;
      mix_down.weights = down->weights + first;
      job->kernels->mix (&mix_down, rows, NULL, line);
      for (gint64 j = 0; j < across->n; j++)
        {
          const gint64 at = (i * across->n + j) * d;

          mix_across.n_rows = across->used[j];
          for (gint64 k = 0; k < mix_across.n_rows; k++)
            rows[k] = line + across->from[j * across->width + k] * d;
          mix_across.weights = across->weights + j * across->width;
          job->kernels->mix (&mix_across, rows, job->sum != NULL ? job->sum + at : NULL, job->y + at);
        }
    }
}

static GtfTensor *
resize (GtfContext *c, const GtfTensor *x, const GtfTensor *sum, gint64 height, gint64 width, GtfResize how, GtfActivation act)
{
  GtfTensor *y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ x->shape[0], height, width, x->shape[3] });
  const gsize mark = gtf_push (c);
  Job job = { .kernels = c->kernels, .n_pictures = x->shape[0], .height = x->shape[1], .width = x->shape[2], .d = x->shape[3], .act = act };

  x = gtf_packed (c, x);
  sum = sum != NULL ? gtf_packed (c, sum) : NULL;
  if (y == NULL || gtf_failed (c) || !make_taps (c, &job.down, job.height, height, how) || !make_taps (c, &job.across, job.width, width, how))
    return NULL;
  job.x = gtf_tensor_f32 (x);
  job.sum = sum != NULL ? gtf_tensor_f32 (sum) : NULL;
  job.y = gtf_tensor_f32 (y);
  gtf_pool_run (c->pool, gtf_tensor_get_n_elements (y) < 16384 ? 1 : 2 * gtf_pool_get_n_threads (c->pool), lines_part, &job);
  gtf_pop (c, mark);
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
  if (!gtf_op_begin (c, "resize", 1, x))
    return NULL;
  if (x->n_dims != 4 || x->shape[1] < 1 || x->shape[2] < 1 || height < 1 || width < 1)
    {
      g_autofree char *shape = gtf_shape_to_string (x->n_dims, x->shape);

      gtf_fail (c, "%s cannot become [B, %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", C]", shape, height, width);
      return NULL;
    }
  return resize (c, x, NULL, height, width, how, GTF_ACTIVATION_NONE);
}

/**
 * gtf_resize_add:
 * @x: (nullable): [B][H][W][C]
 * @sum: (nullable): [B][height][width][C]
 * @how: by which rule
 * @act: what is done with each sum
 *
 * What is coarser is brought to the size of what is finer, and added to it: y = act (resize (x) + sum).
 *
 * Returns: (transfer none) (nullable): as @sum
 */
GtfTensor *
gtf_resize_add (GtfContext *c, const GtfTensor *x, const GtfTensor *sum, GtfResize how, GtfActivation act)
{
  if (!gtf_op_begin (c, "resize_add", 2, x, sum))
    return NULL;
  if (x->n_dims != 4 || x->shape[1] < 1 || x->shape[2] < 1 || sum->n_dims != 4 || sum->shape[0] != x->shape[0] || sum->shape[1] < 1 || sum->shape[2] < 1
      || sum->shape[3] != x->shape[3])
    {
      gtf_fail_shapes (c, x, sum, "the first cannot become as the second");
      return NULL;
    }
  return resize (c, x, sum, sum->shape[1], sum->shape[2], how, act);
}
