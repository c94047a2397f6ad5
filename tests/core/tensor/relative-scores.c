/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What distance and segment add to the scores of fewer queries than keys, against plain loops in double; and what does not fit.
 */
#include <math.h>

#include "tensor/context-private.h"
#include "tensor/positions.h"

static GtfTensor *
randoms (GtfContext *c, guint n_dims, const gint64 *shape)
{
  GtfTensor *t = gtf_new_tensor (c, GTF_DTYPE_F32, n_dims, shape);

  for (gsize i = 0; i < gtf_tensor_get_n_elements (t); i++)
    gtf_tensor_f32 (t)[i] = (float) g_random_double_range (-1, 1);
  return t;
}

/* 0, 1, 2, 0, ... or the numbers themselves. */
static gint64
number (gint64 i, gconstpointer modulo)
{
  return modulo ? i * 7 % GPOINTER_TO_INT (modulo) : i;
}

static double
product (const GtfTensor *a, gint64 row, const GtfTensor *b, gint64 other, gint64 from, gint64 d)
{
  double sum = 0;

  for (gint64 l = 0; l < d; l++)
    sum += (double) gtf_tensor_f32 (a)[gtf_tensor_row_offset (a, row) + from + l] * gtf_tensor_f32 (b)[gtf_tensor_row_offset (b, other) + from + l];
  return sum;
}

typedef struct
{
  gint64 batch, queries, keys, heads, d, step;
  gboolean nowhere, segments, masked;
} Case;

static void
check (const Case *t)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  const gint64 cols = t->heads * t->d, rows = t->step * (t->queries - 1) + t->keys;
  GtfTensor *wide = randoms (c, 3, (gint64[]){ t->batch, t->queries, cols + 3 }), *q = gtf_slice (c, wide, 1, cols), *sq = randoms (c, 3, (gint64[]){ t->batch, t->queries, cols });
  GtfTensor *table = randoms (c, 2, (gint64[]){ rows, cols }), *sk = randoms (c, 2, (gint64[]){ 2, cols }), *mask = randoms (c, 4, (gint64[]){ t->batch, 1, 1, t->keys });
  GtfTensor *kinds = gtf_indices (c, t->batch * t->keys, number, GINT_TO_POINTER (3));
  GtfRelativeScores a = { .n_heads = t->heads, .query_step = t->step, .position_keys = table, .segment_query = sq, .segment_keys = sk, .segment_any = 2,
                          .first_is_nowhere = t->nowhere, .mask = t->masked ? mask : NULL };
  GtfTensor *y;

  kinds->n_dims = 2;
  kinds->shape[0] = t->batch;
  kinds->shape[1] = kinds->row_stride = t->keys;
  if (t->segments)
    {
      a.segments = kinds;
      a.query_at = gtf_indices (c, t->queries, number, NULL);
      a.key_at = gtf_indices (c, t->keys, number, NULL);
    }
  y = gtf_relative_scores (c, q, &a);
  g_assert_nonnull (y);
  for (gint64 b = 0; b < t->batch; b++)
    for (gint64 h = 0; h < t->heads; h++)
      for (gint64 i = 0; i < t->queries; i++)
        for (gint64 k = 0; k < t->keys; k++)
          {
            const gint32 *kind = (const gint32 *) kinds->data + b * t->keys;
            gboolean same = !t->segments || kind[i] == kind[k] || kind[i] == 2 || kind[k] == 2;
            double expected = product (q, b * t->queries + i, table, t->step * i - k + t->keys - 1, h * t->d, t->d) + product (sq, b * t->queries + i, sk, same, h * t->d, t->d);
            expected = t->nowhere && (i == 0 || k == 0) ? 0 : expected / sqrt ((double) t->d);
            expected += t->masked ? gtf_tensor_f32 (mask)[b * t->keys + k] : 0;
            g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (y)[((b * t->heads + h) * t->queries + i) * t->keys + k], expected, 2e-5);
          }
}

static void
test_values (void)
{
  static const Case cases[] = {
    { 2, 7, 13, 3, 5, 2, TRUE, TRUE, TRUE }, { 1, 70, 70, 2, 16, 1, FALSE, TRUE, FALSE }, { 3, 1, 1, 1, 8, 2, FALSE, FALSE, FALSE }, { 1, 65, 130, 1, 4, 2, FALSE, FALSE, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check (&cases[i]);
}

static void
test_bad (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *q = randoms (c, 3, (gint64[]){ 1, 4, 6 }), *table = randoms (c, 2, (gint64[]){ 10, 6 }), *two = randoms (c, 2, (gint64[]){ 2, 6 });
  GtfTensor *kinds = gtf_indices (c, 4, number, NULL);
  const GtfRelativeScores good = { .n_heads = 2, .query_step = 2, .position_keys = table, .segment_query = q, .segment_keys = two };
  GtfRelativeScores bad[] = { good, good, good, good };

  g_assert_nonnull (gtf_relative_scores (c, q, &good));
  bad[0].n_heads = 4;
  bad[1].query_step = 4;        /* no keys are left */
  bad[2].mask = two;
  bad[3].segments = kinds;      /* of one dimension */
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_null (gtf_relative_scores (c, q, &bad[i]));
      g_assert_false (gtf_context_take_error (c, NULL));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/relative-scores/values", test_values);
  g_test_add_func ("/relative-scores/bad", test_bad);
  return g_test_run ();
}
