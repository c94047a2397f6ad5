/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rows of logits against double precision, on odd lengths, with infinities and NaN.
 */
#include <math.h>
#include "generate/logits-math.h"

static const gsize lengths[] = { 1, 2, 3, 4, 5, 15, 16, 17, 33, 100, 1000, 51865 };

static void
test_softmax (void)
{
  for (gsize l = 0; l < G_N_ELEMENTS (lengths); l++)
    {
      const gsize n = lengths[l];
      g_autofree float *x = g_new (float, n + 1), *p = g_new (float, n);
      g_autoptr (GRand) rand = g_rand_new_with_seed (n);
      double sum = 0;
      gsize best = 0;
      for (gsize i = 0; i < n; i++)
        {
          x[i] = i % 7 == 3 ? -INFINITY : (float) g_rand_double_range (rand, -60, 60);
          best = x[i] > x[best] ? i : best;
        }
      for (gsize i = 0; i < n; i++)
        sum += exp ((double) x[i] - x[best]);
      g_assert_cmpuint (gtf_logits_argmax (x, n), ==, best);
      g_assert_cmpfloat_with_epsilon (gtf_logits_log_sum_exp (x, n, 1), x[best] + log (sum), 1e-5);
      gtf_logits_softmax (x, n, p);
      for (gsize i = 0; i < n; i++)
        g_assert_cmpfloat_with_epsilon (p[i], exp ((double) x[i] - x[best]) / sum, 1e-6);
    }
}

static void
test_top_k (void)
{
  for (gsize l = 0; l < G_N_ELEMENTS (lengths); l++)
    {
      const gsize n = lengths[l], k = MIN (n, 7);
      g_autofree float *x = g_new (float, n);
      g_autofree gint32 *order = g_new (gint32, n);
      g_autoptr (GRand) rand = g_rand_new_with_seed (n);
      float values[7];
      gsize indices[7], found = 0;
      for (gsize i = 0; i < n; i++)
        x[i] = (float) g_rand_int_range (rand, -50, 50);    /* many equals */
      g_assert_cmpuint (gtf_logits_sort (x, n, order), ==, n);
      /* In two parts, as beams are. */
      gtf_logits_top_k (x, n / 2, 0, 1, k, values, indices, &found);
      gtf_logits_top_k (x + n / 2, n - n / 2, n / 2, 1, k, values, indices, &found);
      g_assert_cmpuint (found, ==, k);
      for (gsize i = 0; i < k; i++)
        {
          g_assert_cmpuint (indices[i], ==, order[i]);
          g_assert_cmpfloat (values[i], ==, x[order[i]] + 1);
        }
    }
}

static void
test_strange (void)
{
  float none[5] = { -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY }, nan[5] = { NAN, 1, NAN, 3, NAN }, p[5];
  float values[3];
  gsize indices[3], found = 0;
  g_assert_cmpuint (gtf_logits_argmax (none, 5), ==, 0);
  g_assert_cmpuint (gtf_logits_argmax (nan, 5), ==, 3);
  gtf_logits_softmax (none, 5, p);
  g_assert_cmpfloat (p[0], ==, 1);
  gtf_logits_top_k (nan, 5, 0, 0, 3, values, indices, &found);
  g_assert_cmpuint (indices[0], ==, 3);
  gtf_logits_top_k (none, 5, 0, 0, 3, values, indices, &found);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/generate/math/softmax", test_softmax);
  g_test_add_func ("/generate/math/top-k", test_top_k);
  g_test_add_func ("/generate/math/strange", test_strange);
  return g_test_run ();
}
