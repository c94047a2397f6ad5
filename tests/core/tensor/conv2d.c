/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution, pooling and batch normalisation of pictures, against plain loops in double.
 */
#include <math.h>

#include "tensor/context-private.h"
#include "tensor/pictures.h"
#include "tensor/weights-private.h"

static const struct
{
  gint64 n, height, width, in, out;
  GtfWindow window;
} cases[] = {
  { 1, 1, 1, 1, 1, { 1, 1, 0 } },
  { 2, 5, 7, 3, 4, { 1, 1, 0 } },
  { 2, 5, 7, 3, 4, { 1, 2, 0 } },
  { 1, 5, 7, 3, 9, { 1, 1, 1 } },
  { 1, 3, 3, 2, 5, { 3, 1, 0 } },
  { 2, 9, 4, 5, 17, { 3, 1, 1 } },
  { 3, 10, 13, 6, 8, { 3, 2, 1 } },
  { 1, 23, 31, 3, 16, { 7, 2, 3 } },
  { 1, 2, 2, 3, 4, { 4, 3, 2 } },           /* wider than the picture */
  { 1, 70, 90, 40, 6, { 3, 1, 1 } },        /* several blocks of windows */
};

static GtfTensor *
randoms (GtfContext *c, guint n_dims, const gint64 *shape)
{
  GtfTensor *t = gtf_new_tensor (c, GTF_DTYPE_F32, n_dims, shape);

  for (gsize i = 0; i < gtf_tensor_get_n_elements (t); i++)
    gtf_tensor_f32 (t)[i] = (float) g_random_double_range (-1, 1);
  return t;
}

static void
near (double got, double expected, double tolerance)
{
  if (!(fabs (got - expected) <= tolerance))
    g_error ("%.9g, expected %.9g", got, expected);
}

/* The pixel at (y, x) of picture b, or @outside beside it. */
static double
pixel (const GtfTensor *t, gint64 b, gint64 y, gint64 x, gint64 channel, double outside)
{
  if (y < 0 || x < 0 || y >= t->shape[1] || x >= t->shape[2])
    return outside;
  return gtf_tensor_f32 (t)[((b * t->shape[1] + y) * t->shape[2] + x) * t->shape[3] + channel];
}

static void
check_shape (const GtfTensor *y, guint i, gint64 channels)
{
  const GtfWindow *w = &cases[i].window;

  g_assert_nonnull (y);
  g_assert_cmpint (y->shape[0], ==, cases[i].n);
  g_assert_cmpint (y->shape[1], ==, (cases[i].height + 2 * w->padding - w->kernel) / w->stride + 1);
  g_assert_cmpint (y->shape[2], ==, (cases[i].width + 2 * w->padding - w->kernel) / w->stride + 1);
  g_assert_cmpint (y->shape[3], ==, channels);
}

static void
test_conv2d (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const GtfWindow *w = &cases[i].window;
      const gint64 size = w->kernel * w->kernel, in = cases[i].in * size, out = cases[i].out;
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      GtfTensor *weight = randoms (c, 2, (gint64[]){ out, in }), *bias = randoms (c, 1, (gint64[]){ out });
      GtfTensor *x = randoms (c, 4, (gint64[]){ cases[i].n, cases[i].height, cases[i].width, cases[i].in }), *y;
      GtfLinear *l = gtf_linear_new (store, GTF_DTYPE_F32, out, in, TRUE, NULL);

      gtf_linear_put (l, 0, out, &(GtfRawMatrix){ GTF_DTYPE_F32, weight->data, FALSE });
      gtf_linear_put_bias (l, 0, out, GTF_DTYPE_F32, bias->data);
      y = gtf_conv2d (c, l, x, w, GTF_ACTIVATION_RELU);
      g_assert_false (gtf_failed (c));
      check_shape (y, i, out);
      for (gint64 at = 0; at < (gint64) gtf_tensor_get_n_elements (y); at++)
        {
          const gint64 o = at % out, px = at / out % y->shape[2], py = at / out / y->shape[2] % y->shape[1], b = at / out / y->shape[2] / y->shape[1];
          double sum = gtf_tensor_f32 (bias)[o];

          for (gint64 k = 0; k < in; k++)
            sum += gtf_tensor_f32 (weight)[o * in + k]
                   * pixel (x, b, py * w->stride - w->padding + k % size / w->kernel, px * w->stride - w->padding + k % w->kernel, k / size, 0);
          near (gtf_tensor_f32 (y)[at], MAX (sum, 0), 1e-4);
        }
    }
}

static void
test_max_pool (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const GtfWindow *w = &cases[i].window;
      const gint64 n = cases[i].in;
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = randoms (c, 4, (gint64[]){ cases[i].n, cases[i].height, cases[i].width, n }), *y = gtf_max_pool2d (c, x, w);

      check_shape (y, i, n);
      for (gint64 at = 0; at < (gint64) gtf_tensor_get_n_elements (y); at++)
        {
          const gint64 px = at / n % y->shape[2], py = at / n / y->shape[2] % y->shape[1], b = at / n / y->shape[2] / y->shape[1];
          double best = -INFINITY;

          for (gint64 k = 0; k < w->kernel * w->kernel; k++)
            best = fmax (best, pixel (x, b, py * w->stride - w->padding + k / w->kernel, px * w->stride - w->padding + k % w->kernel, at % n, -INFINITY));
          g_assert_cmpfloat (gtf_tensor_f32 (y)[at], ==, (float) best);
        }
    }
}

static void
test_batch_norm (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *parts[4], *x = randoms (c, 4, (gint64[]){ 2, 3, 5, 19 }), *y;

  for (guint i = 0; i < 4; i++)
    parts[i] = randoms (c, 1, (gint64[]){ 19 });
  for (guint i = 0; i < 19; i++)
    gtf_tensor_f32 (parts[3])[i] = fabsf (gtf_tensor_f32 (parts[3])[i]);
  y = gtf_batch_norm (c, &(GtfBatchNorm){ parts[0], parts[1], parts[2], parts[3] }, x, 1e-3f, GTF_ACTIVATION_NONE);
  g_assert_nonnull (y);
  for (guint i = 0; i < gtf_tensor_get_n_elements (y); i++)
    {
      const guint k = i % 19;
      double normal = ((double) gtf_tensor_f32 (x)[i] - gtf_tensor_f32 (parts[2])[k]) / sqrt ((double) gtf_tensor_f32 (parts[3])[k] + 1e-3);

      near (gtf_tensor_f32 (y)[i], normal * gtf_tensor_f32 (parts[0])[k] + gtf_tensor_f32 (parts[1])[k], 1e-4);
    }
}

/* What does not fit fails the context, and is not read. */
static void
test_refused (void)
{
  static const GtfWindow windows[] = { { 0, 1, 0 }, { -3, 1, 0 }, { 3, 0, 1 }, { 3, 1, -1 }, { 9, 1, 0 }, { 2, 1, 0 }, { G_MAXINT64, 1, G_MAXINT64 } };

  for (guint i = 0; i < G_N_ELEMENTS (windows); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL), pool = gtf_context_new (NULL);
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      GtfLinear *l = gtf_linear_new (store, GTF_DTYPE_F32, 4, 27, FALSE, NULL);
      GtfTensor *x = randoms (c, 4, (gint64[]){ 1, 6, 6, 3 }), *zeros = randoms (c, 2, (gint64[]){ 4, 27 });

      gtf_linear_put (l, 0, 4, &(GtfRawMatrix){ GTF_DTYPE_F32, zeros->data, FALSE });
      g_assert_null (gtf_conv2d (c, l, x, &windows[i], GTF_ACTIVATION_NONE));
      g_assert_true (gtf_failed (c));
      if (windows[i].kernel == 2)       /* only the weight is of another kernel */
        continue;
      g_assert_null (gtf_max_pool2d (pool, randoms (pool, 4, (gint64[]){ 1, 6, 6, 3 }), &windows[i]));
      g_assert_true (gtf_failed (pool));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/conv2d/windows", test_conv2d);
  g_test_add_func ("/conv2d/max-pool", test_max_pool);
  g_test_add_func ("/conv2d/batch-norm", test_batch_norm);
  g_test_add_func ("/conv2d/refused", test_refused);
  return g_test_run ();
}
