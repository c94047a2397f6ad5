/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pooling of pictures, their channels, their layout and their resizing against plain loops in double; and what is refused.
 */
#include "pictures.h"

static const struct
{
  gint64 n, height, width, channels;
  GtfWindow window;
} cases[] = {
  { 1, 1, 1, 1, { 1 } },
  { 2, 5, 7, 3, { 2, 2 } },
  { 2, 5, 7, 3, { 2, 2, .ceil = TRUE } },
  { 1, 9, 4, 17, { 3, 2, 1 } },
  { 1, 10, 4, 17, { 3, 2, 1, .ceil = TRUE } },
  { 1, 10, 7, 5, { 3, 2, 1, .ceil = TRUE, .inside = TRUE } },
  { 1, 4, 4, 5, { 3, 3, 1, .ceil = TRUE } },            /* the last window would begin beyond the picture */
  { 1, 6, 9, 5, { 3, 1, 1, .inside = TRUE } },
  { 2, 6, 9, 40, { 2, 1, .kernel_width = 3, .stride_width = 2, .more = { 0, 1, 1, 0 } } },
  { 1, 7, 7, 4, { 2, 2, .same = TRUE, .inside = TRUE } },
  { 1, 2, 2, 3, { 4, 3, 2 } },
};

/* Where window o of one direction begins, and the number of windows, by torch's rules. */
static gint64
windows_of (guint i, guint across, gint64 *before, gint64 *behind, gint64 *kernel, gint64 *stride)
{
  const GtfWindow *w = &cases[i].window;
  const gint64 size = across ? cases[i].width : cases[i].height;
  gint64 n;

  *kernel = across && w->kernel_width ? w->kernel_width : w->kernel;
  *stride = across && w->stride_width ? w->stride_width : MAX (w->stride, 1);
  *before = w->padding + w->more[across];
  *behind = w->padding + w->more[2 + across];
  if (w->same)
    {
      const gint64 all = MAX (((size + *stride - 1) / *stride - 1) * *stride + *kernel - size, 0);

      *before += all / 2;
      *behind += all - all / 2;
    }
  n = (gint64) (w->ceil ? ceil ((double) (size + *before + *behind - *kernel) / (double) *stride) : floor ((double) (size + *before + *behind - *kernel) / (double) *stride)) + 1;
  return w->ceil && (n - 1) * *stride >= size + *before ? n - 1 : n;
}

static void
check_pool (guint i, gboolean mean)
{
  const gint64 n = cases[i].channels;
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = randoms (c, 4, (gint64[]){ cases[i].n, cases[i].height, cases[i].width, n });
  GtfTensor *y = mean ? gtf_avg_pool2d (c, x, &cases[i].window) : gtf_max_pool2d (c, x, &cases[i].window);
  gint64 before[2], behind[2], kernel[2], stride[2];

  g_assert_nonnull (y);
  for (guint d = 0; d < 2; d++)
    g_assert_cmpint (y->shape[1 + d], ==, windows_of (i, d, &before[d], &behind[d], &kernel[d], &stride[d]));
  for (gint64 at = 0; at < (gint64) gtf_tensor_get_n_elements (y); at++)
    {
      const gint64 px = at / n % y->shape[2], py = at / n / y->shape[2] % y->shape[1], b = at / n / y->shape[2] / y->shape[1];
      const gint64 top = py * stride[0] - before[0], left = px * stride[1] - before[1];
      double best = -INFINITY, sum = 0, seen = 0, all = 0;

      for (gint64 r = top; r < top + kernel[0]; r++)
        for (gint64 k = left; k < left + kernel[1]; k++)
          {
            best = fmax (best, pixel (x, b, r, k, at % n, -INFINITY));
            sum += pixel (x, b, r, k, at % n, 0);
            seen += r >= 0 && k >= 0 && r < cases[i].height && k < cases[i].width;
            all += r < cases[i].height + behind[0] && k < cases[i].width + behind[1];
          }
      if (mean)
        near (gtf_tensor_f32 (y)[at], sum / (cases[i].window.inside ? MAX (seen, 1) : all), 1e-5);
      else
        g_assert_cmpfloat (gtf_tensor_f32 (y)[at], ==, (float) best);
    }
}

static void
test_windows (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      check_pool (i, FALSE);
      check_pool (i, TRUE);
    }
}

static void
test_areas (void)
{
  static const gint64 sizes[][4] = { { 6, 6, 1, 1 }, { 6, 8, 3, 2 }, { 7, 5, 3, 4 }, { 2, 3, 6, 6 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      const gint64 h = sizes[i][0], w = sizes[i][1], to_h = sizes[i][2], to_w = sizes[i][3];
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = randoms (c, 4, (gint64[]){ 2, h, w, 5 }), *y = gtf_adaptive_avg_pool2d (c, x, to_h, to_w);

      g_assert_nonnull (y);
      for (gint64 at = 0; at < 2 * to_h * to_w * 5; at++)
        {
          const gint64 px = at / 5 % to_w, py = at / 5 / to_w % to_h;
          double sum = 0, n = 0;

          for (gint64 r = (gint64) floor ((double) (py * h) / (double) to_h); r < ceil ((double) ((py + 1) * h) / (double) to_h); r++)
            for (gint64 k = (gint64) floor ((double) (px * w) / (double) to_w); k < ceil ((double) ((px + 1) * w) / (double) to_w); k++, n++)
              sum += pixel (x, at / 5 / to_w / to_h, r, k, at % 5, 0);
          near (gtf_tensor_f32 (y)[at], sum / n, 1e-5);
        }
    }
}

static void
test_channels (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = randoms (c, 4, (gint64[]){ 2, 3, 5, 19 }), *factors = randoms (c, 2, (gint64[]){ 2, 19 }), *y = gtf_scale_channels (c, x, factors);
  GtfTensor *mean = gtf_mean_pixels (c, x), *first = gtf_pixels_first (c, x), *last = gtf_pixels_last (c, first);

  for (gint64 i = 0; i < 2 * 15 * 19; i++)
    {
      const gint64 b = i / (15 * 19), p = i / 19 % 15, k = i % 19;

      near (gtf_tensor_f32 (y)[i], gtf_tensor_f32 (x)[i] * gtf_tensor_f32 (factors)[b * 19 + k], 0);
      g_assert_cmpfloat (gtf_tensor_f32 (first)[(b * 19 + k) * 15 + p], ==, gtf_tensor_f32 (x)[i]);
      g_assert_cmpfloat (gtf_tensor_f32 (last)[i], ==, gtf_tensor_f32 (x)[i]);
    }
  for (gint64 i = 0; i < 2 * 19; i++)
    {
      double sum = 0;

      for (gint64 p = 0; p < 15; p++)
        sum += gtf_tensor_f32 (x)[(i / 19 * 15 + p) * 19 + i % 19];
      near (gtf_tensor_f32 (mean)[i], sum / 15, 1e-6);
    }
  g_assert_null (gtf_scale_channels (c, x, gtf_transpose (c, factors)));
}

/* One thread has a small picture to itself, several share a large one. */
static void
check_group_norm (gint64 height, gint64 width, gint64 groups)
{
  const gint64 n = height * width, size = 12 / groups;
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  GtfTensor *weight = randoms (c, 1, (gint64[]){ 12 }), *bias = randoms (c, 1, (gint64[]){ 12 }), *x = randoms (c, 4, (gint64[]){ 2, height, width, 12 });
  GtfNorm *norm = gtf_norm_new (store, 12, GTF_DTYPE_F32, weight->data, GTF_DTYPE_F32, bias->data, NULL);
  GtfTensor *y = gtf_group_norm (c, norm, x, groups, 1e-3f);

  g_assert_nonnull (y);
  for (gint64 part = 0; part < 2 * groups; part++)
    {
      const gint64 first = part / groups * n * 12 + part % groups * size;
      double sum = 0, squares = 0, mean;

      for (gint64 i = 0; i < n * size; i++)
        sum += gtf_tensor_f32 (x)[first + i / size * 12 + i % size];
      mean = sum / (double) (n * size);
      for (gint64 i = 0; i < n * size; i++)
        squares += pow (gtf_tensor_f32 (x)[first + i / size * 12 + i % size] - mean, 2);
      for (gint64 i = 0; i < n * size; i++)
        {
          const gint64 at = first + i / size * 12 + i % size;

          near (gtf_tensor_f32 (y)[at],
                (gtf_tensor_f32 (x)[at] - mean) / sqrt (squares / (double) (n * size) + 1e-3) * gtf_tensor_f32 (weight)[at % 12] + gtf_tensor_f32 (bias)[at % 12], 1e-5);
        }
    }
  g_assert_null (gtf_group_norm (c, norm, x, 5, 1e-3f));
  g_assert_true (gtf_failed (c));
}

static void
test_group_norm (void)
{
  for (gint64 groups = 1; groups <= 12; groups += groups == 1 ? 3 : 8)
    {
      check_group_norm (3, 5, groups);
      check_group_norm (41, 50, groups);
    }
}

/* What is resized, added to something of its new size. */
static void
check_resize_add (GtfContext *c, const GtfTensor *x, const GtfTensor *resized)
{
  GtfTensor *sum = randoms (c, 4, resized->shape), *y = gtf_resize_add (c, x, sum, GTF_RESIZE_BILINEAR_CORNERS, GTF_ACTIVATION_RELU);

  g_assert_nonnull (y);
  for (gsize i = 0; i < gtf_tensor_get_n_elements (y); i++)
    near (gtf_tensor_f32 (y)[i], fmax (0, gtf_tensor_f32 (resized)[i] + gtf_tensor_f32 (sum)[i]), 1e-5);
  g_assert_null (gtf_resize_add (c, x, randoms (c, 4, (gint64[]){ x->shape[0], 2, 2, x->shape[3] + 1 }), GTF_RESIZE_NEAREST, GTF_ACTIVATION_NONE));
  g_assert_true (gtf_failed (c));
}

/* Pixels of no weight do not count, whatever they are; and there must be pixels to become. */
static void
test_resize_edges (void)
{
  static const GtfResize rules[] = { GTF_RESIZE_NEAREST, GTF_RESIZE_BILINEAR, GTF_RESIZE_BILINEAR_CORNERS, GTF_RESIZE_BICUBIC, GTF_RESIZE_BILINEAR_ANTIALIAS, GTF_RESIZE_BICUBIC_ANTIALIAS };

  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = randoms (c, 4, (gint64[]){ 1, 3, 3, 1 }), *y;

      gtf_tensor_f32 (x)[4] = INFINITY;
      y = gtf_resize (c, x, 3, 3, rules[i]);    /* as large as it was: each pixel is itself */
      for (guint k = 0; k < 9; k++)
        g_assert_cmpfloat (gtf_tensor_f32 (y)[k], ==, gtf_tensor_f32 (x)[k]);
      g_assert_null (gtf_resize_add (c, x, gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ 1, 0, 3, 1 }), rules[i], GTF_ACTIVATION_NONE));
      g_assert_true (gtf_failed (c));
    }
}

/* The two rules of interpolation that have a simple closed form. */
static void
test_resize (void)
{
  static const gint64 sizes[][4] = { { 4, 6, 8, 12 }, { 5, 7, 3, 10 }, { 3, 3, 1, 1 }, { 1, 2, 4, 5 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      const gint64 h = sizes[i][0], w = sizes[i][1], to_h = sizes[i][2], to_w = sizes[i][3];
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = randoms (c, 4, (gint64[]){ 2, h, w, 3 });
      GtfTensor *nearest = gtf_resize (c, x, to_h, to_w, GTF_RESIZE_NEAREST), *corners = gtf_resize (c, x, to_h, to_w, GTF_RESIZE_BILINEAR_CORNERS);

      for (gint64 at = 0; at < 2 * to_h * to_w * 3; at++)
        {
          const gint64 px = at / 3 % to_w, py = at / 3 / to_w % to_h, b = at / 3 / to_w / to_h;
          const double y = to_h > 1 ? (double) (py * (h - 1)) / (double) (to_h - 1) : 0, u = to_w > 1 ? (double) (px * (w - 1)) / (double) (to_w - 1) : 0;
          double sum = 0;

          for (gint64 r = 0; r < h; r++)
            for (gint64 k = 0; k < w; k++)
              sum += fmax (0, 1 - fabs (y - (double) r)) * fmax (0, 1 - fabs (u - (double) k)) * pixel (x, b, r, k, at % 3, 0);
          near (gtf_tensor_f32 (corners)[at], sum, 1e-5);
          near (gtf_tensor_f32 (nearest)[at], pixel (x, b, py * h / to_h, px * w / to_w, at % 3, 0), 0);
        }
      check_resize_add (c, x, corners);
    }
}

/* What does not fit fails the context, and is not read. */
static void
test_refused (void)
{
  static const GtfWindow windows[] = { { 0, 1, 0 }, { -3, 1, 0 }, { 3, -1, 1 }, { 3, 1, -1 }, { 9, 1, 0 }, { G_MAXINT64, 1, G_MAXINT64 } };

  for (guint i = 0; i < G_N_ELEMENTS (windows); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);

      g_assert_null (gtf_max_pool2d (c, randoms (c, 4, (gint64[]){ 1, 6, 6, 3 }), &windows[i]));
      g_assert_true (gtf_failed (c));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pool2d/windows", test_windows);
  g_test_add_func ("/pool2d/areas", test_areas);
  g_test_add_func ("/pool2d/channels", test_channels);
  g_test_add_func ("/pool2d/group-norm", test_group_norm);
  g_test_add_func ("/pool2d/resize", test_resize);
  g_test_add_func ("/pool2d/resize-edges", test_resize_edges);
  g_test_add_func ("/pool2d/refused", test_refused);
  return g_test_run ();
}
