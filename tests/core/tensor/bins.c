/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Bins of depths: middles, attraction, order, and the binomial mean, against plain loops in double precision; and what is refused.
 */
#include <string.h>

#include "base/error.h"
#include "pictures.h"
#include "tensor/bins.h"

static const gint64 shape[4] = { 2, 3, 5, 7 };
#define PIXELS (2 * 3 * 5)
#define BINS 7

/* Not below 0. */
static GtfTensor *
positives (GtfContext *c, gint64 n)
{
  GtfTensor *t = randoms (c, 4, (gint64[]){ 2, 3, 5, n });

  for (gsize i = 0; i < gtf_tensor_get_n_elements (t); i++)
    gtf_tensor_f32 (t)[i] = MAX (gtf_tensor_f32 (t)[i], 0);
  return t;
}

static void
test_middles (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = positives (c, BINS), *y = gtf_bin_middles (c, x);

  g_assert_nonnull (y);
  for (gint64 p = 0; p < PIXELS; p++)
    {
      const float *widths = gtf_tensor_f32 (x) + p * BINS;
      double sum = 0, before = 0;

      for (gint64 k = 0; k < BINS; k++)
        sum += (double) widths[k] + 1e-3;
      for (gint64 k = 0; k < BINS; k++)
        {
          const double width = ((double) widths[k] + 1e-3) / sum;

          near (gtf_tensor_f32 (y)[p * BINS + k], before + width / 2, 1e-6);
          before += width;
        }
    }
}

static void
test_attract (void)
{
  static const struct { gint64 step; float more; gboolean means; } cases[] = { { 1, 0, TRUE }, { 2, 1e-3f, FALSE }, { 2, 0, TRUE } };
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = randoms (c, 4, shape), *to = randoms (c, 4, (gint64[]){ 2, 3, 5, 6 });

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const gint64 step = cases[i].step, n = 6 / step;
      GtfTensor *y = gtf_attract (c, x, to, step, cases[i].more, cases[i].means);

      g_assert_nonnull (y);
      for (gint64 at = 0; at < PIXELS * BINS; at++)
        {
          const double bin = gtf_tensor_f32 (x)[at];
          double sum = 0;

          for (gint64 k = 0; k < n; k++)
            {
              const double way = (double) gtf_tensor_f32 (to)[at / BINS * 6 + k * step] + (double) cases[i].more - bin;

              sum += way / (1 + 300 * way * way);
            }
          near (gtf_tensor_f32 (y)[at], bin + (cases[i].means ? sum / (double) n : sum), 1e-5);
        }
    }
}

static void
test_within (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = randoms (c, 4, shape), *y = gtf_bins_within (c, x, 0.5, 4);

  g_assert_nonnull (y);
  for (gint64 p = 0; p < PIXELS; p++)
    {
      double before = 0.5, given = 0, found = 0;

      for (gint64 k = 0; k < BINS; k++)
        {
          const double depth = gtf_tensor_f32 (y)[p * BINS + k];

          g_assert_true (depth >= before && depth <= 4);
          before = depth;
          found += depth;
          given += CLAMP (3.5 * (double) gtf_tensor_f32 (x)[p * BINS + k] + 0.5, 0.5, 4);
        }
      near (found, given, 1e-4);
    }
}

static double
log_choose (double n, double k)
{
  return n * log (n) - (k > 0 ? k * log (k) : 0) - (n > k ? (n - k) * log (n - k) : 0);
}

static void
test_mean (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = positives (c, 4), *depths = randoms (c, 4, shape), *y = gtf_binomial_mean (c, x, depths, 0.5, 20);

  g_assert_nonnull (y);
  g_assert_cmpint (gtf_tensor_cols (y), ==, 1);
  for (gint64 at = 0; at < PIXELS; at++)
    {
      const float *four = gtf_tensor_f32 (x) + at * 4;
      const double p = ((double) four[0] + 1e-4) / ((double) four[0] + (double) four[1] + 2e-4), t = ((double) four[2] + 1e-4) / ((double) four[2] + (double) four[3] + 2e-4) * 19.5 + 0.5;
      double sum = 0, total = 0;

      for (gint64 k = 0; k < BINS; k++)
        {
          const double w = exp ((log_choose (BINS - 1, (double) k) + (double) k * log (CLAMP (p, 1e-4, 1)) + (double) (BINS - 1 - k) * log (CLAMP (1 - p, 1e-4, 1))) / t);

          sum += w * (double) gtf_tensor_f32 (depths)[at * BINS + k];
          total += w;
        }
      near (gtf_tensor_f32 (y)[at], sum / total, 1e-4);
    }
}

static void
test_refused (void)
{
  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GError) error = NULL;
      GtfTensor *x = randoms (c, 4, shape), *few = randoms (c, 4, (gint64[]){ 2, 3, 4, 4 }), *four = randoms (c, 4, (gint64[]){ 2, 3, 5, 4 });

      g_assert_null (i == 0 ? gtf_attract (c, x, few, 1, 0, TRUE) : i == 1 ? gtf_attract (c, x, four, 5, 0, TRUE) : gtf_binomial_mean (c, i == 2 ? few : x, x, 1, 2));
      g_assert_false (gtf_context_take_error (c, &error));
      g_assert_nonnull (strstr (error->message, "expected"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/bins/middles", test_middles);
  g_test_add_func ("/tensor/bins/attract", test_attract);
  g_test_add_func ("/tensor/bins/within", test_within);
  g_test_add_func ("/tensor/bins/mean", test_mean);
  g_test_add_func ("/tensor/bins/refused", test_refused);
  return g_test_run ();
}
