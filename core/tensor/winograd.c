/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 3 x 3 convolutions without a stride by Winograd's minimal filtering (Lavin, Gray 2015), F(4x4, 3x3): 36 products for 16 results instead of 144.
 *
 * Tiles of 6 x 6 pixels, four apart, are brought to 36 points; at each point pixels x channels are multiplied by that point's weights; four by
 * four results come back. Some dozens of tiles are done at a time, so that what stands at the points stays in the cache.
 *
 * The weights of the points are four times those of the file. Whether they are needed is known only when the convolution is first used (its
 * stride, the size of the picture): their memory is set aside when the model is loaded, and touched then.
 */
#include "tensor/conv2d-private.h"
#include "kernels/memory.h"

#define POINTS 36
#define TILES 48                /* at a time */
#define FEW_TILES 40            /* up to here outputs are split between the threads, not tiles */
#define OUTPUTS 64              /* at a time */
#define LEAST_TILES 12          /* fewer are not worth reading four times the weights */
#define LEAST_CHANNELS 32

struct _GtfWinograd
{
  GMutex mutex;
  gboolean ready;               /* set last, read without the mutex */
  gsize point;                  /* floats */
  float *weights;               /* [36][out / 16][in][16] */
};

gboolean
gtf_winograd_new (GtfConv2d *conv, GtfWeightStore *store, GError **error)
{
  GtfWinograd *self;
  gsize n_bytes;

  if (conv->height != 3 || conv->width != 3 || conv->groups != 1 || conv->transposed || conv->blocks[0]->type != GTF_DTYPE_F32 || conv->in % GTF_PANEL != 0 || conv->in < LEAST_CHANNELS || conv->out < LEAST_CHANNELS)
    return TRUE;
  self = gtf_weight_store_alloc (store, sizeof *self, error);
  if (self == NULL)
    return FALSE;
  self->point = (gsize) ((conv->out + GTF_PANEL - 1) / GTF_PANEL * GTF_PANEL * conv->in);
  if (!gtf_shape_size (GTF_DTYPE_F32, 2, (gint64[]){ POINTS, (gint64) self->point }, &n_bytes))
    n_bytes = G_MAXSIZE;
  self->weights = gtf_weight_store_alloc (store, n_bytes, error);
  conv->winograd = self;
  return self->weights != NULL;
}

/* ---- weights --------------------------------------------------------------------------------------------------------- */

/* What a filter's three numbers are at the six points, with the divisors of the interpolation. */
static void
filter_points (const double *g, guint step, double *to, guint to_step)
{
  static const double points[] = { 0, 0.75, -0.75, 1.5, -1.5 };

  for (guint i = 0; i < 5; i++)
    {
      double divisor = 1;

      for (guint j = 0; j < 5; j++)
        divisor *= j != i ? points[i] - points[j] : 1;
      to[i * to_step] = (g[0] + points[i] * (g[step] + points[i] * g[2 * step])) / divisor;
    }
  to[5 * to_step] = g[2 * step];
}

/* One panel at all points. */
static void
weights_part (gpointer data, guint part, guint n_parts)
{
  const GtfConv2d *conv = data;
  const GtfLinear *linear = conv->blocks[0];
  const float *panel = (const float *) ((const char *) linear->panels + (gsize) part * linear->panel_bytes);
  float *to = conv->winograd->weights + (gsize) part * (gsize) conv->in * GTF_PANEL;

  for (gint64 i = 0; i < conv->in * GTF_PANEL; i++)
    {
      double g[9], half[18], whole[POINTS];

      for (guint k = 0; k < 9; k++)
        g[k] = panel[(gint64) k * conv->in * GTF_PANEL + i];
      for (guint x = 0; x < 3; x++)
        filter_points (g + x, 3, half + x, 3);          /* [6][3] */
      for (guint y = 0; y < 6; y++)
        filter_points (half + 3 * y, 1, whole + 6 * y, 1);
      for (guint p = 0; p < POINTS; p++)
        to[p * conv->winograd->point + (gsize) i] = (float) whole[p];
    }
}

static void
prepare (const GtfConv2d *conv, GtfPool *pool)
{
  GtfWinograd *self = conv->winograd;

  if (g_atomic_int_get (&self->ready))
    return;
  g_mutex_lock (&self->mutex);
  if (!self->ready)
    {
      gtf_pool_run (pool, (guint) ((conv->out + GTF_PANEL - 1) / GTF_PANEL), weights_part, (gpointer) conv);
      g_atomic_int_set (&self->ready, TRUE);
    }
  g_mutex_unlock (&self->mutex);
}

/* ---- tiles ----------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfConv2dRun *v;
  gint64 down, across, n;       /* tiles of a picture; of all */
  gint64 tiles, ld;             /* at a time; floats between two tiles at a point */
  float *shared;                /* few tiles: all of them at their points */
} Tiles;

/* Tiles first .. first + n at their points: [36][tiles][ld]. */
static void
to_points (const Tiles *t, gint64 first, gint64 n, gint64 tiles, float *points)
{
  const GtfConv2dRun *v = t->v;
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];
  const float *pixels[POINTS];

  for (gint64 i = 0; i < n; i++)
    {
      const gint64 tile = first + i, top = tile / t->across % t->down * 4 - down->before, left = tile % t->across * 4 - across->before;
      const float *picture = v->x + tile / (t->across * t->down) * down->in * across->in * v->w->in;

      for (gint64 k = 0; k < POINTS; k++)
        {
          const gint64 y = top + k / 6, x = left + k % 6;

          pixels[k] = y >= 0 && y < down->in && x >= 0 && x < across->in ? picture + (y * across->in + x) * v->w->in : v->zeros;
        }
      v->kernels->winograd_in (pixels, v->w->in, points + i * t->ld, tiles * t->ld);
    }
}

/* Outputs from `col` on of tiles first .. first + n, whose points are given; products take [36][n][OUTPUTS]. */
static void
to_results (const Tiles *t, gint64 first, gint64 n, gint64 tiles, const float *points, gint64 col, float *products)
{
  const GtfConv2dRun *v = t->v;
  const GtfConv2d *w = v->w;
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];
  const gint64 cols = MIN (OUTPUTS, w->out - col), panels = (cols + GTF_PANEL - 1) / GTF_PANEL;
  const float *bias = w->blocks[0]->bias;
  GtfGemm g = { .type = GTF_DTYPE_F32, .m = n, .n = panels * GTF_PANEL, .k = w->in, .lda = t->ld, .panel_bytes = (gsize) w->in * GTF_PANEL * sizeof (float), .ldc = OUTPUTS };
  GtfWinogradOut out = { .stride = n * OUTPUTS, .n = cols, .bias = bias != NULL ? bias + col : NULL, .act = v->act, .ldy = w->out, .line = across->out * w->out };

  for (gint64 p = 0; p < POINTS; p++)
    {
      g.a = points + p * tiles * t->ld;
      g.w = w->winograd->weights + (gsize) p * w->winograd->point + col * w->in;
      g.c = products + p * n * OUTPUTS;
      v->kernels->gemm (&g, 0, n, 0, panels);
    }
  for (gint64 i = 0; i < n; i++)
    {
      const gint64 tile = first + i, y = tile / t->across % t->down * 4, x = tile % t->across * 4;
      const gint64 at = ((tile / (t->across * t->down) * down->out + y) * across->out + x) * w->out + col;

      out.rows = MIN (4, down->out - y);
      out.cols = MIN (4, across->out - x);
      out.y = v->y + at;
      out.residual = v->residual != NULL ? v->residual + at : NULL;
      v->kernels->winograd_out (&out, products + i * OUTPUTS);
    }
}

/* Some tiles, from pixels to results. */
static void
tiles_part (gpointer data, guint part, guint n_parts)
{
  const Tiles *t = data;
  const gint64 end = (part + 1) * t->n / n_parts;
  float *points = gtf_scratch ((gsize) (POINTS * t->tiles * (t->ld + OUTPUTS)) * sizeof *points), *products = points + POINTS * t->tiles * t->ld;

  for (gint64 first = part * t->n / n_parts; first < end; first += t->tiles)
    {
      const gint64 n = MIN (t->tiles, end - first);

      to_points (t, first, n, n, points);
      for (gint64 col = 0; col < t->v->w->out; col += OUTPUTS)
        to_results (t, first, n, n, points, col, products);
    }
}

static void
points_part (gpointer data, guint part, guint n_parts)
{
  const Tiles *t = data;
  const gint64 first = part * t->n / n_parts;

  to_points (t, first, (part + 1) * t->n / n_parts - first, t->n, t->shared + first * t->ld);
}

static void
results_part (gpointer data, guint part, guint n_parts)
{
  const Tiles *t = data;

  to_results (t, 0, t->n, t->n, t->shared, (gint64) part * OUTPUTS, gtf_scratch ((gsize) (POINTS * t->n * OUTPUTS) * sizeof (float)));
}

gboolean
gtf_winograd_run (GtfContext *c, const GtfConv2dRun *v)
{
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];
  const guint threads = gtf_pool_get_n_threads (c->pool);
  Tiles t = { .v = v, .down = (down->out + 3) / 4, .across = (across->out + 3) / 4, .ld = v->w->in + 16 };

  t.n = v->n / (down->out * across->out) * t.down * t.across;
  if (v->w->winograd == NULL || down->stride != 1 || across->stride != 1 || down->dilation != 1 || across->dilation != 1 || t.n < LEAST_TILES)
    return FALSE;
  prepare (v->w, c->pool);
  if (t.n > FEW_TILES || v->w->out < 2 * OUTPUTS)
    {
      const gint64 parts = (t.n + TILES - 1) / TILES;

      t.tiles = MIN (TILES, (t.n + threads - 1) / threads);
      gtf_pool_run (c->pool, (guint) MIN ((parts + threads - 1) / threads * threads, 50000), tiles_part, &t);
      return TRUE;
    }
  t.shared = gtf_arena_alloc (c, (gsize) (POINTS * t.n * t.ld) * sizeof *t.shared);
  if (t.shared == NULL)
    return TRUE;
  gtf_pool_run (c->pool, threads, points_part, &t);
  gtf_pool_run (c->pool, (guint) ((v->w->out + OUTPUTS - 1) / OUTPUTS), results_part, &t);
  return TRUE;
}
