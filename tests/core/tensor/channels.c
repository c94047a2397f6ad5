/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Global response normalisation, zeros around pictures, one factor for everything: against plain loops in double; and what is refused.
 */
#include "pictures.h"

static void
test_response_norm (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *weight = randoms (c, 4, (gint64[]){ 1, 1, 1, 19 }), *bias = randoms (c, 1, (gint64[]){ 19 }), *x = randoms (c, 4, (gint64[]){ 2, 3, 5, 19 });
  GtfTensor *y = gtf_response_norm (c, weight, bias, x, 1e-3f);

  g_assert_nonnull (y);
  for (guint b = 0; b < 2; b++)
    {
      const float *from = gtf_tensor_f32 (x) + b * 285, *found = gtf_tensor_f32 (y) + b * 285;
      double norms[19] = { 0 }, mean = 0;

      for (guint i = 0; i < 285; i++)
        norms[i % 19] += (double) from[i] * from[i];
      for (guint k = 0; k < 19; k++)
        mean += sqrt (norms[k]) / 19;
      for (guint i = 0; i < 285; i++)
        near (found[i], gtf_tensor_f32 (weight)[i % 19] * from[i] * sqrt (norms[i % 19]) / (mean + 1e-3) + gtf_tensor_f32 (bias)[i % 19] + from[i], 1e-5);
    }
  g_assert_null (gtf_response_norm (c, weight, randoms (c, 1, (gint64[]){ 18 }), x, 1e-3f));
  g_assert_true (gtf_failed (c));
}

static void
test_pad (void)
{
  static const gint64 sides[][4] = { { 0, 0, 0, 0 }, { 1, 0, 2, 3 }, { 0, 4, 0, 0 } };

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL), refused = gtf_context_new (NULL);
      GtfTensor *x = randoms (c, 4, (gint64[]){ 2, 3, 5, 7 }), *y = gtf_pad_pixels (c, x, sides[i][0], sides[i][1], sides[i][2], sides[i][3]);

      g_assert_cmpint (y->shape[1], ==, 3 + sides[i][0] + sides[i][2]);
      g_assert_cmpint (y->shape[2], ==, 5 + sides[i][1] + sides[i][3]);
      for (gint64 at = 0; at < (gint64) gtf_tensor_get_n_elements (y); at++)
        {
          const gint64 px = at / 7 % y->shape[2], py = at / 7 / y->shape[2] % y->shape[1], b = at / 7 / y->shape[2] / y->shape[1];

          near (gtf_tensor_f32 (y)[at], pixel (x, b, py - sides[i][0], px - sides[i][1], at % 7, 0), 0);
        }
      g_assert_null (gtf_pad_pixels (refused, x, i == 0 ? -1 : 0, i == 1 ? G_MAXINT64 : 0, 0, i == 2 ? -3 : 0));
      g_assert_true (gtf_failed (refused));
    }
}

static void
test_scale_pixels (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = randoms (c, 4, (gint64[]){ 2, 3, 5, 7 }), *one = randoms (c, 4, (gint64[]){ 2, 1, 1, 7 }), *factors = randoms (c, 4, (gint64[]){ 2, 3, 5, 4 });
  GtfTensor *slice = gtf_slice (c, factors, 2, 1), *y = gtf_scale_pixels (c, x, slice), *z = gtf_scale_pixels (c, one, slice);

  for (gint64 i = 0; i < 2 * 15 * 7; i++)
    {
      near (gtf_tensor_f32 (y)[i], gtf_tensor_f32 (x)[i] * gtf_tensor_f32 (factors)[i / 7 * 4 + 2], 0);
      near (gtf_tensor_f32 (z)[i], gtf_tensor_f32 (one)[i / 105 * 7 + i % 7] * gtf_tensor_f32 (factors)[i / 7 * 4 + 2], 0);
    }
  g_assert_null (gtf_scale_pixels (c, x, factors));
  g_assert_true (gtf_failed (c));
}

static void
test_affine_all (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *scale = randoms (c, 1, (gint64[]){ 1 }), *shift = randoms (c, 1, (gint64[]){ 1 }), *x = randoms (c, 3, (gint64[]){ 2, 3, 5 });
  GtfTensor *y = gtf_affine_all (c, scale, shift, x);

  for (guint i = 0; i < 30; i++)
    near (gtf_tensor_f32 (y)[i], gtf_tensor_f32 (x)[i] * gtf_tensor_f32 (scale)[0] + gtf_tensor_f32 (shift)[0], 1e-6);
  y = gtf_affine_all (c, NULL, shift, x);
  for (gsize i = 0; i < gtf_tensor_get_n_elements (x); i++)
    near (gtf_tensor_f32 (y)[i], (double) gtf_tensor_f32 (x)[i] + (double) gtf_tensor_f32 (shift)[0], 1e-6);
  g_assert_null (gtf_affine_all (c, scale, x, x));
  g_assert_true (gtf_failed (c));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/channels/response-norm", test_response_norm);
  g_test_add_func ("/channels/pad", test_pad);
  g_test_add_func ("/channels/scale-pixels", test_scale_pixels);
  g_test_add_func ("/channels/affine-all", test_affine_all);
  return g_test_run ();
}
