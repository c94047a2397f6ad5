/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Products of pixels with queries, what their masks let queries see, some outputs of a linear layer, integers as floats: against plain loops; and
 * what is refused.
 */
#include "pictures.h"

#include <float.h>
#include "base/error.h"

static void
test_products (void)
{
  static const gint64 sizes[][4] = { { 1, 1, 1, 1 }, { 2, 6, 5, 3 }, { 1, 35, 17, 16 }, { 3, 9, 33, 40 }, { 1, 4, 0, 3 } };      /* pictures, pixels, queries, features */

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      const gint64 b = sizes[i][0], t = sizes[i][1], n = sizes[i][2], d = sizes[i][3];
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = randoms (c, 4, (gint64[]){ b, 1, t, d }), *queries = randoms (c, 3, (gint64[]){ b, n, d }), *y = gtf_products (c, x, queries);

      g_assert_nonnull (y);
      g_assert_cmpint (gtf_tensor_cols (y), ==, n);
      for (gint64 at = 0; at < b * t * n; at++)
        {
          double sum = 0;

          for (gint64 k = 0; k < d; k++)
            sum += (double) gtf_tensor_f32 (x)[at / n * d + k] * gtf_tensor_f32 (queries)[(at / n / t * n + at % n) * d + k];
          near (gtf_tensor_f32 (y)[at], sum, 1e-5);
        }
    }
}

/* Below 0 nothing is seen; a query whose mask shows nothing sees all. */
static void
test_foreground (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *masks = randoms (c, 4, (gint64[]){ 2, 3, 4, 5 }), *y;

  for (gint64 p = 0; p < 12; p++)
    gtf_tensor_f32 (masks)[p * 5 + 2] = -1;             /* query 2 of the first picture */
  gtf_tensor_f32 (masks)[0] = 0;
  y = gtf_foreground (c, masks);
  g_assert_nonnull (y);
  g_assert_true (y->shape[0] == 2 && y->shape[1] == 1 && y->shape[2] == 5 && y->shape[3] == 12);
  for (gint64 at = 0; at < 2 * 5 * 12; at++)
    {
      const gint64 b = at / 60, query = at / 12 % 5, p = at % 12;
      const gboolean hidden = gtf_tensor_f32 (masks)[(b * 12 + p) * 5 + query] < 0 && !(b == 0 && query == 2);

      g_assert_cmpfloat (gtf_tensor_f32 (y)[at], ==, hidden ? -FLT_MAX : 0);
    }
}

static void
test_as_floats (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = gtf_new_tensor (c, GTF_DTYPE_I64, 2, (gint64[]){ 1, 2 }), *y = gtf_new_tensor (c, GTF_DTYPE_I32, 1, (gint64[]){ 1 });

  ((gint64 *) x->data)[0] = 49407;
  ((gint64 *) x->data)[1] = -3;
  ((gint32 *) y->data)[0] = 7;
  x = gtf_as_floats (c, x);
  y = gtf_as_floats (c, y);
  g_assert_true (gtf_tensor_f32 (x)[0] == 49407 && gtf_tensor_f32 (x)[1] == -3 && gtf_tensor_f32 (y)[0] == 7);
}

/* The parts of a layer are what the whole layer gives there, whether they begin with a panel or not. */
static void
test_linear_part (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfWeightStore *store = gtf_weight_store_new ();
  g_autoptr (GError) error = NULL;
  GtfLinear *w = gtf_linear_new (store, GTF_DTYPE_F32, 60, 7, TRUE, &error);
  GtfTensor *rows = randoms (c, 2, (gint64[]){ 60, 7 }), *bias = randoms (c, 1, (gint64[]){ 60 }), *x = randoms (c, 3, (gint64[]){ 2, 9, 7 }), *all;

  g_assert_no_error (error);
  gtf_linear_put (w, 0, 60, &(GtfRawMatrix){ GTF_DTYPE_F32, rows->data, FALSE });
  gtf_linear_put_bias (w, 0, 60, GTF_DTYPE_F32, bias->data);
  all = gtf_linear (c, w, x);
  for (gint64 first = 0; first < 60; first += 5)
    {
      const gint64 n = 60 - first > 20 ? 20 : 60 - first;
      GtfTensor *part = gtf_linear_part (c, w, x, first, n);

      g_assert_nonnull (part);
      g_assert_cmpint (gtf_tensor_cols (part), ==, n);
      for (gint64 row = 0; row < 18; row++)
        for (gint64 k = 0; k < n; k++)
          near (gtf_tensor_f32 (part)[gtf_tensor_row_offset (part, row) + k], gtf_tensor_f32 (all)[row * 60 + first + k], 1e-6);
    }
  g_assert_null (gtf_linear_part (c, w, x, 41, 20));
  g_assert_true (gtf_failed (c));
  gtf_weight_store_free (store);
}

static void
test_refuses (void)
{
  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = randoms (c, 3, (gint64[]){ 2, 4, 3 }), *other = randoms (c, 3, (gint64[]){ i == 0 ? 1 : 2, 5, i == 1 ? 4 : 3 });
      GtfTensor *y = i < 2 ? gtf_products (c, x, other) : i == 2 ? gtf_foreground (c, x) : gtf_as_floats (c, x);

      g_assert_null (y);
      g_assert_true (gtf_failed (c));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/products/products", test_products);
  g_test_add_func ("/tensor/products/foreground", test_foreground);
  g_test_add_func ("/tensor/products/as-floats", test_as_floats);
  g_test_add_func ("/tensor/products/linear-part", test_linear_part);
  g_test_add_func ("/tensor/products/refuses", test_refuses);
  return g_test_run ();
}
