/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The cache: any reordering of rows, growth over its capacity, limits.
 */
#include "model/cache.h"
#include "tensor/context-private.h"

#include <string.h>

#define SIZE 3
#define LAYERS 2

/* What row r holds at a step, in a layer. */
static float
value (gint64 layer, float row_id, gint64 step)
{
  return (float) layer * 1000 + row_id * 10 + (float) step * 0.01f;
}

/* Appends steps whose numbers tell the row's id, and checks all steps of all rows. */
static void
append (GtfContext *c, GtfCache *cache, const float *ids, gint64 rows, gint64 steps, gint64 past)
{
  gint64 shape[] = { rows, steps, SIZE };
  g_autoptr (GError) error = NULL;

  gtf_context_reset (c);
  g_assert_true (gtf_cache_begin (cache, rows, steps, &error));
  for (gint64 layer = 0; layer < LAYERS; layer++)
    {
      g_autoptr (GtfTensor) k = gtf_tensor_new (GTF_DTYPE_F32, 3, shape, NULL), v = gtf_tensor_new (GTF_DTYPE_F32, 3, shape, NULL);
      GtfTensor *k_all, *v_all;

      for (gint64 i = 0; i < rows * steps * SIZE; i++)
        {
          gtf_tensor_f32 (k)[i] = value (layer, ids[i / SIZE / steps], past + i / SIZE % steps);
          gtf_tensor_f32 (v)[i] = -gtf_tensor_f32 (k)[i];
        }
      gtf_cache_append (c, cache, layer, k, v, &k_all, &v_all);
      g_assert_true (gtf_context_take_error (c, &error));
      g_assert_cmpint (k_all->shape[1], ==, past + steps);
      for (gint64 r = 0; r < rows; r++)
        for (gint64 t = 0; t < past + steps; t++)
          {
            gint64 at = gtf_tensor_row_offset (k_all, r * (past + steps) + t);

            g_assert_cmpfloat (gtf_tensor_f32 (k_all)[at + 1], ==, value (layer, ids[r], t));
            g_assert_cmpfloat (gtf_tensor_f32 (v_all)[at + 2], ==, -value (layer, ids[r], t));
          }
    }
  gtf_cache_end (cache);
}

/* Random parents: duplicates, cycles, rows that go and come. */
static void
test_reorder (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GtfCache) cache = gtf_cache_new (LAYERS, SIZE, 200);
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  float ids[8] = { 0, 1, 2, 3, 4, 5, 6, 7 }, next[8];
  gint64 rows = 5, past = 0;
  g_autoptr (GError) error = NULL;

  append (c, cache, ids, rows, 3, past);
  past = 3;
  for (guint round = 0; round < 150; round++)
    {
      gint64 n = g_rand_int_range (rand, 1, 9);
      guint parents[8];

      for (gint64 i = 0; i < n; i++)
        {
          parents[i] = (guint) g_rand_int_range (rand, 0, (gint32) rows);
          next[i] = ids[parents[i]];
        }
      g_assert_true (gtf_cache_reorder (cache, parents, n, &error));
      memcpy (ids, next, sizeof ids);
      rows = n;
      append (c, cache, ids, rows, 1, past++);
      if (round % 40 == 39)
        {
          /* New ids, so that the rows do not all become one. */
          gtf_cache_truncate (cache, 0);
          for (gint64 i = 0; i < 8; i++)
            ids[i] = (float) (i + round);
          append (c, cache, ids, rows, past = 2, 0);
        }
    }
}

static void
test_cycle (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GtfCache) cache = gtf_cache_new (LAYERS, SIZE, 200);
  const guint parents[] = { 1, 2, 0, 4, 3 };
  float ids[] = { 0, 1, 2, 3, 4 }, after[] = { 1, 2, 0, 4, 3 };

  append (c, cache, ids, 5, 2, 0);
  g_assert_true (gtf_cache_reorder (cache, parents, 5, NULL));
  append (c, cache, after, 5, 1, 2);
}

static void
test_growth (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GtfCache) cache = gtf_cache_new (LAYERS, SIZE, 150);
  float ids[] = { 1, 2 };
  gsize size;
  g_autoptr (GError) error = NULL;

  for (gint64 past = 0; past < 150; past += 10)
    append (c, cache, ids, 2, 10, past);
  size = gtf_cache_get_size (cache);
  g_assert_false (gtf_cache_begin (cache, 2, 1, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  gtf_cache_truncate (cache, 20);
  append (c, cache, ids, 2, 5, 20);
  g_assert_false (gtf_cache_begin (cache, 3, 1, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  gtf_cache_reset (cache);
  append (c, cache, ids, 2, 7, 0);
  g_assert_cmpuint (gtf_cache_get_size (cache), ==, size);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/cache/reorder", test_reorder);
  g_test_add_func ("/model/cache/cycle", test_cycle);
  g_test_add_func ("/model/cache/growth", test_growth);
  return g_test_run ();
}
