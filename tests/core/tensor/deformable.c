/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Deformable attention against plain loops in double: points and boxes as references, one for all maps or one each, nearest pixels, points
 * far beside the maps; and what is refused.
 */
#include "tensor/deformable.h"

#include <string.h>
#include "pictures.h"

#define N_BATCH 2
#define N_QUERIES 19

static const struct
{
  GtfDeformable how;
  gint64 d, n_references, n_coordinates;
  double reach;                 /* how far offsets go */
} cases[] = {
  { { .n_heads = 1, .n_levels = 1, .heights = { 1 }, .widths = { 1 }, .n_points = { 1 } }, 1, 1, 2, 1 },
  { { .n_heads = 2, .n_levels = 2, .heights = { 5, 3 }, .widths = { 4, 2 }, .n_points = { 3, 3 } }, 6, 2, 2, 3 },
  { { .n_heads = 2, .n_levels = 3, .heights = { 8, 4, 2 }, .widths = { 7, 4, 2 }, .n_points = { 4, 2, 1 }, .offset_scale = 0.5 }, 16, 1, 4, 2 },
  { { .n_heads = 4, .n_levels = 2, .heights = { 6, 3 }, .widths = { 6, 3 }, .n_points = { 2, 2 }, .offset_scale = 1.25 }, 20, 2, 4, 1000 },
  { { .n_heads = 2, .n_levels = 2, .heights = { 6, 3 }, .widths = { 5, 2 }, .n_points = { 2, 3 }, .offset_scale = 0.5, .nearest = TRUE }, 8, 1, 4, 4 },
  { { .n_heads = 2, .n_levels = 2, .heights = { 4, 3 }, .widths = { 9, 2 }, .n_points = { 2, 2 }, .nearest = TRUE }, 8, 2, 2, 9 },
};

/* What lies at (x, y) of a map, in pixels from its corner. */
static double
look (const GtfDeformable *how, gint64 level, const float *map, gint64 d, double x, double y)
{
  const gint64 height = how->heights[level], width = how->widths[level];
  double sum = 0;

  if (how->nearest)
    return map[((gint64) CLAMP (trunc (y + 0.5), 0, height - 1) * width + (gint64) CLAMP (trunc (x + 0.5), 0, width - 1)) * d];
  for (gint64 py = 0; py < height; py++)
    for (gint64 px = 0; px < width; px++)
      sum += MAX (0, 1 - fabs (x - 0.5 - (double) px)) * MAX (0, 1 - fabs (y - 0.5 - (double) py)) * map[(py * width + px) * d];
  return sum;
}

typedef struct
{
  GtfTensor *values, *offsets, *scores, *references;
  gint64 n_points;
} Inputs;

/* One number of the result. */
static double
expect (guint at, const Inputs *in, gint64 query, gint64 feature)
{
  const GtfDeformable *how = &cases[at].how;
  const gint64 d = cases[at].d, head = feature / (d / how->n_heads), first = (query * how->n_heads + head) * in->n_points;
  const float *values = gtf_tensor_f32 (in->values) + query / N_QUERIES * in->values->shape[1] * d + feature, *scores = gtf_tensor_f32 (in->scores) + first;
  double sum = 0, all = 0;

  for (gint64 level = 0, point = 0; level < how->n_levels; level++)
    {
      const float *r = gtf_tensor_f32 (in->references) + (query * cases[at].n_references + (cases[at].n_references > 1 ? level : 0)) * cases[at].n_coordinates;

      for (gint64 i = 0; i < how->n_points[level]; i++, point++)
        {
          const float *offset = gtf_tensor_f32 (in->offsets) + (first + point) * 2;
          const double scale = how->offset_scale / (double) how->n_points[level], weight = exp (scores[point]), w = (double) how->widths[level], h = (double) how->heights[level];
          const double x = cases[at].n_coordinates == 4 ? (r[0] + offset[0] * scale * r[2]) * w : r[0] * w + offset[0];
          const double y = cases[at].n_coordinates == 4 ? (r[1] + offset[1] * scale * r[3]) * h : r[1] * h + offset[1];

          sum += weight * look (how, level, values, d, x, y);
          all += weight;
        }
      values += how->heights[level] * how->widths[level] * d;
    }
  return sum / all;
}

static Inputs
make (GtfContext *c, guint at)
{
  const GtfDeformable *how = &cases[at].how;
  gint64 n_pixels = 0;
  Inputs in = { .n_points = 0 };

  for (gint64 i = 0; i < how->n_levels; i++)
    {
      n_pixels += how->heights[i] * how->widths[i];
      in.n_points += how->n_points[i];
    }
  in.values = randoms (c, 3, (gint64[]){ N_BATCH, n_pixels, cases[at].d });
  in.offsets = gtf_scale (c, randoms (c, 3, (gint64[]){ N_BATCH, N_QUERIES, how->n_heads * in.n_points * 2 }), (float) cases[at].reach);
  in.scores = randoms (c, 3, (gint64[]){ N_BATCH, N_QUERIES, how->n_heads * in.n_points });
  in.references = randoms (c, 4, (gint64[]){ N_BATCH, N_QUERIES, cases[at].n_references, cases[at].n_coordinates });
  for (gsize i = 0; i < gtf_tensor_get_n_elements (in.references); i++)
    gtf_tensor_f32 (in.references)[i] = fabsf (gtf_tensor_f32 (in.references)[i]);
  return in;
}

static void
test_loops (void)
{
  for (guint at = 0; at < G_N_ELEMENTS (cases); at++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      Inputs in = make (c, at);
      GtfTensor *y = gtf_deformable_attention (c, in.values, in.offsets, in.scores, in.references, &cases[at].how);

      g_assert_nonnull (y);
      for (gint64 query = 0; query < N_BATCH * N_QUERIES; query++)
        for (gint64 feature = 0; feature < cases[at].d; feature++)
          near (gtf_tensor_f32 (y)[query * cases[at].d + feature], expect (at, &in, query, feature), 2e-4);
    }
}

/* A place that is no number is nowhere, or at the edge. */
static void
test_nan (void)
{
  for (guint at = 2; at < G_N_ELEMENTS (cases); at++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      Inputs in = make (c, at);
      GtfTensor *y;

      for (gsize i = 0; i < gtf_tensor_get_n_elements (in.offsets); i++)
        gtf_tensor_f32 (in.offsets)[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
      y = gtf_deformable_attention (c, in.values, in.offsets, in.scores, in.references, &cases[at].how);
      g_assert_nonnull (y);
      for (gsize i = 0; i < gtf_tensor_get_n_elements (y); i++)
        g_assert_true (isfinite (gtf_tensor_f32 (y)[i]));
    }
}

static void
test_refused (void)
{
  for (guint spoilt = 0; spoilt < 6; spoilt++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GError) error = NULL;
      Inputs in = make (c, 1);
      GtfDeformable how = cases[1].how;

      if (spoilt == 0)
        how.n_heads = 4;
      else if (spoilt == 1)
        how.heights[1] = 4;
      else if (spoilt == 2)
        how.n_points[0] = GTF_MAX_POINTS + 1;
      else if (spoilt == 3)
        how.n_levels = GTF_MAX_LEVELS + 1;
      else if (spoilt == 4)
        in.references = randoms (c, 4, (gint64[]){ N_BATCH, N_QUERIES, 2, 3 });
      else
        in.offsets = randoms (c, 3, (gint64[]){ N_BATCH, N_QUERIES - 1, 24 });
      g_assert_null (gtf_deformable_attention (c, in.values, in.offsets, in.scores, in.references, &how));
      g_assert_false (gtf_context_take_error (c, &error));
      g_assert_nonnull (strstr (error->message, "do not belong to"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/deformable/loops", test_loops);
  g_test_add_func ("/tensor/deformable/nan", test_nan);
  g_test_add_func ("/tensor/deformable/refused", test_refused);
  return g_test_run ();
}
