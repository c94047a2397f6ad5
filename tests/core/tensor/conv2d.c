/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution of pictures and its transpose against plain loops in double: kernels, strides, paddings, dilations, groups, odd sizes,
 * normalisations that are folded in; and what is refused.
 */
#include <math.h>
#include <string.h>

#include "pictures.h"

typedef struct
{
  gint64 n, height, width, in, out, rows, cols, groups;
  GtfWindow window;
  GtfActivation act;
} Case;

static const Case cases[] = {
  { 1, 1, 1, 1, 1, 1, 1, 1, { .stride = 1 } },
  { 2, 5, 7, 3, 4, 1, 1, 1, { .stride = 1 } },
  { 2, 5, 7, 3, 4, 1, 1, 1, { .stride = 2 } },
  { 1, 9, 6, 20, 70, 1, 1, 1, { .stride = 3 }, GTF_ACTIVATION_GELU },
  { 1, 5, 7, 3, 9, 1, 1, 1, { .padding = 1 } },
  { 1, 3, 3, 2, 5, 3, 3, 1, { 0 }, GTF_ACTIVATION_RELU },
  { 2, 9, 4, 5, 17, 3, 3, 1, { .padding = 1 }, GTF_ACTIVATION_RELU },
  { 3, 10, 13, 6, 8, 3, 3, 1, { .stride = 2, .padding = 1 }, GTF_ACTIVATION_SILU },
  { 1, 23, 31, 3, 16, 7, 7, 1, { .stride = 2, .padding = 3 }, GTF_ACTIVATION_RELU },
  { 1, 2, 2, 3, 4, 4, 4, 1, { .stride = 3, .padding = 2 } },                   /* wider than the picture */
  { 1, 70, 90, 40, 6, 3, 3, 1, { .padding = 1 } },                             /* several blocks of windows */
  { 1, 9, 11, 4, 5, 2, 5, 1, { .padding = 1 } },                               /* not square */
  { 2, 9, 11, 4, 33, 1, 7, 1, { .stride = 2, .stride_width = 3, .more = { 0, 2, 0, 4 } } },
  { 1, 12, 9, 4, 5, 3, 3, 1, { .padding = 2, .dilation = 2 } },
  { 1, 12, 9, 18, 50, 3, 2, 1, { .stride = 2, .padding = 3, .dilation = 3, .dilation_width = 2 } },
  { 1, 12, 9, 4, 5, 3, 3, 1, { .stride = 2, .same = TRUE }, GTF_ACTIVATION_RELU6 },
  { 1, 13, 8, 4, 5, 5, 5, 1, { .stride = 2, .same = TRUE } },
  { 1, 13, 8, 4, 5, 3, 3, 1, { .stride = 2, .more = { 0, 0, 1, 1 } } },
  { 2, 8, 9, 6, 6, 3, 3, 6, { .padding = 1 }, GTF_ACTIVATION_SILU },           /* depthwise */
  { 1, 15, 14, 40, 40, 5, 5, 40, { .stride = 2, .padding = 2 } },
  { 1, 15, 14, 19, 19, 7, 7, 19, { .padding = 3 }, GTF_ACTIVATION_GELU },
  { 1, 15, 14, 33, 33, 3, 3, 33, { .padding = 4, .dilation = 4 } },
  { 1, 15, 14, 96, 96, 3, 3, 96, { .same = TRUE, .stride = 2 }, GTF_ACTIVATION_HARDSWISH },
  { 1, 3, 2, 5, 5, 3, 3, 5, { .padding = 3, .stride = 2 } },
  { 2, 8, 9, 6, 9, 3, 3, 3, { .padding = 1 } },                                /* groups */
  { 1, 8, 9, 32, 32, 3, 3, 8, { .padding = 1, .stride = 2 }, GTF_ACTIVATION_RELU },
  { 1, 7, 7, 48, 48, 3, 3, 2, { .padding = 1 } },
  { 1, 7, 7, 48, 96, 1, 1, 3, { 0 } },
  { 1, 6, 5, 6, 12, 3, 3, 6, { .padding = 1 } },                               /* two outputs of each channel */
  { 1, 14, 14, 64, 64, 3, 3, 1, { .padding = 1 }, GTF_ACTIVATION_RELU },       /* what has a kernel of its own */
  { 2, 17, 22, 48, 70, 3, 3, 1, { .padding = 1 } },
  { 1, 16, 19, 32, 16, 3, 3, 1, { 0 }, GTF_ACTIVATION_GELU },
  { 1, 16, 16, 64, 64, 3, 3, 1, { .more = { 2, 0, 1, 3 } } },
  { 1, 7, 7, 128, 128, 3, 3, 1, { .padding = 1 } },
  { 3, 12, 9, 32, 50, 3, 2, 1, { .padding = 3, .dilation = 3, .dilation_width = 2 }, GTF_ACTIVATION_RELU },
  { 1, 40, 70, 96, 6, 3, 3, 1, { .padding = 1 } },
  { 1, 5, 7, 1024, 6, 3, 3, 1, { .stride = 2 } },                              /* 6 rows, of which 16 are more than a thread's room: whole tiles must fit */
  { 1, 3, 3, 5000, 3, 3, 3, 1, { .stride = 2, .padding = 1 } },
};

static gint64
span (const Case *t, guint across)
{
  const gint64 kernel = across ? t->cols : t->rows, dilation = across && t->window.dilation_width ? t->window.dilation_width : MAX (t->window.dilation, 1);

  return (kernel - 1) * dilation + 1;
}

static gint64
stride_of (const GtfWindow *w, guint across)
{
  return across && w->stride_width ? w->stride_width : MAX (w->stride, 1);
}

/* Padding before and behind. */
static void
padding_of (const Case *t, guint across, gint64 *before, gint64 *behind)
{
  const gint64 size = across ? t->width : t->height, stride = stride_of (&t->window, across);

  *before = t->window.padding + t->window.more[across];
  *behind = t->window.padding + t->window.more[2 + across];
  if (t->window.same)
    {
      const gint64 windows = (size + stride - 1) / stride, all = MAX ((windows - 1) * stride + span (t, across) - size, 0);

      *before += all / 2;
      *behind += all - all / 2;
    }
}

/* One sum of the convolution; @weight [out][in / groups][rows][cols]. */
static double
sum_of (const Case *t, const float *weight, const GtfTensor *x, gint64 b, gint64 oy, gint64 ox, gint64 o)
{
  const gint64 in = t->in / t->groups, first = o / (t->out / t->groups) * in, down = MAX (t->window.dilation, 1);
  const gint64 across = t->window.dilation_width ? t->window.dilation_width : down;
  gint64 top, left, behind;
  double sum = 0;

  padding_of (t, 0, &top, &behind);
  padding_of (t, 1, &left, &behind);
  for (gint64 i = 0; i < in; i++)
    for (gint64 ky = 0; ky < t->rows; ky++)
      for (gint64 kx = 0; kx < t->cols; kx++)
        sum += weight[((o * in + i) * t->rows + ky) * t->cols + kx]
               * pixel (x, b, oy * stride_of (&t->window, 0) - top + ky * down, ox * stride_of (&t->window, 1) - left + kx * across, first + i, 0);
  return sum;
}

static double
activated (GtfActivation act, double x)
{
  switch (act)
    {
    case GTF_ACTIVATION_RELU: return MAX (x, 0);
    case GTF_ACTIVATION_RELU6: return CLAMP (x, 0, 6);
    case GTF_ACTIVATION_GELU: return x * 0.5 * (1 + erf (x / sqrt (2)));
    case GTF_ACTIVATION_SILU: return x / (1 + exp (-x));
    case GTF_ACTIVATION_HARDSWISH: return x * CLAMP (x + 3, 0, 6) / 6;
    default: return x;
    }
}

/* Numbers that bfloat16 has: their products are exact, and sums differ by their order alone. */
static void
round_to_bf16 (GtfTensor *x)
{
  const gint64 n = (gint64) gtf_tensor_get_n_elements (x);
  g_autofree guint16 *halves = g_new (guint16, n);

  gtf_kernels_get ()->to_bf16 (gtf_tensor_f32 (x), n, halves);
  gtf_kernels_get ()->widen (GTF_DTYPE_BF16, halves, n, gtf_tensor_f32 (x));
}

/* What takes the place of its residual is the same. */
static void
check_onto (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const Case *t, const GtfTensor *residual, const GtfTensor *expected)
{
  GtfTensor *sum = gtf_scale (c, residual, 1);

  g_assert_true (gtf_conv2d_onto (c, w, x, &t->window, t->act, sum) == sum);
  for (gsize i = 0; i < gtf_tensor_get_n_elements (sum); i++)
    g_assert_cmpfloat (gtf_tensor_f32 (sum)[i], ==, gtf_tensor_f32 (expected)[i]);
}

/* With nothing, with a bias, with a bias and a normalisation and a residual. In bfloat16, weights that a normalisation is folded into are rounded. */
static void
check_conv (const Case *t, guint extras, GtfDtype dtype, const GtfKernels *kernels)
{
  const gint64 in = t->in / t->groups;
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  GtfTensor *weight = randoms (c, 2, (gint64[]){ t->out, in * t->rows * t->cols }), *bias = randoms (c, 1, (gint64[]){ t->out });
  GtfTensor *scale = randoms (c, 1, (gint64[]){ t->out }), *shift = randoms (c, 1, (gint64[]){ t->out });
  GtfTensor *x = randoms (c, 4, (gint64[]){ t->n, t->height, t->width, t->in }), *residual = NULL, *y;
  const GtfFold fold = { gtf_tensor_f32 (scale), gtf_tensor_f32 (shift) };
  GtfConv2d *w = gtf_conv2d_new (store, dtype, t->out, t->in, t->rows, t->cols, t->groups, FALSE, extras > 0, NULL);
  const double root = sqrt ((double) (in * t->rows * t->cols));
  const double tolerance = 1e-4 * MAX (1, root / 16) + (dtype == GTF_DTYPE_BF16 && extras == 2 ? 3e-3 * root : 0);

  c->kernels = kernels;
  if (dtype == GTF_DTYPE_BF16)
    {
      round_to_bf16 (weight);
      round_to_bf16 (x);
    }
  g_assert_true (gtf_conv2d_put (w, gtf_pool_get (0), GTF_DTYPE_F32, weight->data, extras == 2 ? &fold : NULL, NULL, -1, NULL));
  if (extras > 0)
    gtf_conv2d_put_bias (w, GTF_DTYPE_F32, bias->data, extras == 2 ? &fold : NULL);
  y = gtf_conv2d (c, w, x, &t->window, t->act, NULL);
  g_assert_false (gtf_failed (c));
  for (guint i = 0; i < 2; i++)
    {
      gint64 before, behind;

      padding_of (t, i, &before, &behind);
      g_assert_cmpint (y->shape[1 + i], ==, (x->shape[1 + i] + before + behind - span (t, i)) / stride_of (&t->window, i) + 1);
    }
  g_assert_cmpint (y->shape[0], ==, t->n);
  g_assert_cmpint (y->shape[3], ==, t->out);
  if (extras == 2)
    {
      residual = randoms (c, 4, y->shape);
      y = gtf_conv2d (c, w, x, &t->window, t->act, residual);
      check_onto (c, w, x, t, residual, y);
    }
  for (gint64 at = 0; at < (gint64) gtf_tensor_get_n_elements (y); at++)
    {
      const gint64 o = at % t->out, ox = at / t->out % y->shape[2], oy = at / t->out / y->shape[2] % y->shape[1], b = at / t->out / y->shape[2] / y->shape[1];
      double sum = sum_of (t, gtf_tensor_f32 (weight), x, b, oy, ox, o);

      if (extras > 0)
        sum += gtf_tensor_f32 (bias)[o];
      if (extras == 2)
        sum = sum * fold.scale[o] + fold.shift[o] + gtf_tensor_f32 (residual)[at];
      near (gtf_tensor_f32 (y)[at], activated (t->act, sum), tolerance);
    }
}

/* By the kernels of every instruction set that this CPU has. */
static void
test_conv2d (void)
{
  static const char *const isas[] = { "generic", "avx2", "avx512", "amx" };

  for (guint isa = 0; isa < G_N_ELEMENTS (isas); isa++)
    for (guint i = 0; i < G_N_ELEMENTS (cases) && gtf_kernels_for (isas[isa]); i++)
      for (guint extras = 0; extras < 3; extras++)
        {
          check_conv (&cases[i], extras, GTF_DTYPE_F32, gtf_kernels_for (isas[isa]));
          check_conv (&cases[i], extras, GTF_DTYPE_BF16, gtf_kernels_for (isas[isa]));
        }
}

static const Case transposed[] = {
  { 1, 1, 1, 1, 1, 1, 1, 1, { 0 } },
  { 2, 3, 4, 5, 7, 2, 2, 1, { .stride = 2 }, GTF_ACTIVATION_RELU },
  { 1, 3, 4, 5, 20, 4, 4, 1, { .stride = 4 } },
  { 2, 5, 4, 3, 6, 4, 4, 1, { .stride = 2, .padding = 1 } },
  { 1, 5, 4, 3, 6, 3, 3, 1, { .stride = 2, .padding = 1, .more = { 0, 0, 1, 1 } } },
  { 1, 5, 4, 3, 6, 3, 5, 1, { .stride = 1, .dilation = 2 } },
  { 1, 2, 6, 3, 2, 2, 3, 1, { .stride = 3, .stride_width = 1 }, GTF_ACTIVATION_GELU },
};

/* Each pixel of x adds its window to the result. */
static void
test_transposed (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (transposed); i++)
    {
      const Case *t = &transposed[i];
      const gint64 sy = stride_of (&t->window, 0), sx = stride_of (&t->window, 1), step = MAX (t->window.dilation, 1);
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      GtfTensor *weight = randoms (c, 4, (gint64[]){ t->in, t->out, t->rows, t->cols }), *bias = randoms (c, 1, (gint64[]){ t->out });
      GtfTensor *scale = randoms (c, 1, (gint64[]){ t->out }), *shift = randoms (c, 1, (gint64[]){ t->out });
      GtfTensor *x = randoms (c, 4, (gint64[]){ t->n, t->height, t->width, t->in }), *y;
      const GtfFold fold = { gtf_tensor_f32 (scale), gtf_tensor_f32 (shift) };
      GtfConv2d *w = gtf_conv2d_new (store, GTF_DTYPE_F32, t->out, t->in, t->rows, t->cols, 1, TRUE, TRUE, NULL);
      g_autofree double *expected = NULL;

      g_assert_true (gtf_conv2d_put (w, gtf_pool_get (0), GTF_DTYPE_F32, weight->data, &fold, NULL, -1, NULL));
      gtf_conv2d_put_bias (w, GTF_DTYPE_F32, bias->data, &fold);
      y = gtf_conv_transpose2d (c, w, x, &t->window, t->act);
      g_assert_false (gtf_failed (c));
      g_assert_cmpint (y->shape[1], ==, (t->height - 1) * sy + (t->rows - 1) * step + 1 - 2 * t->window.padding + t->window.more[2]);
      g_assert_cmpint (y->shape[2], ==, (t->width - 1) * sx + (t->cols - 1) * step + 1 - 2 * t->window.padding + t->window.more[3]);
      expected = g_new0 (double, gtf_tensor_get_n_elements (y));
      for (gint64 at = 0; at < (gint64) gtf_tensor_get_n_elements (x) * t->out * t->rows * t->cols; at++)
        {
          const gint64 kx = at % t->cols, ky = at / t->cols % t->rows, o = at / (t->cols * t->rows) % t->out, from = at / (t->cols * t->rows * t->out);
          const gint64 k = from % t->in, px = from / t->in % t->width, py = from / t->in / t->width % t->height, b = from / t->in / t->width / t->height;
          const gint64 oy = py * sy + ky * step - t->window.padding, ox = px * sx + kx * step - t->window.padding;

          if (oy >= 0 && ox >= 0 && oy < y->shape[1] && ox < y->shape[2])
            expected[((b * y->shape[1] + oy) * y->shape[2] + ox) * t->out + o]
              += (double) gtf_tensor_f32 (x)[from] * gtf_tensor_f32 (weight)[((k * t->out + o) * t->rows + ky) * t->cols + kx];
        }
      for (gint64 at = 0; at < (gint64) gtf_tensor_get_n_elements (y); at++)
        {
          const gint64 o = at % t->out;

          near (gtf_tensor_f32 (y)[at], activated (t->act, (expected[at] + gtf_tensor_f32 (bias)[o]) * fold.scale[o] + fold.shift[o]), 1e-4);
        }
    }
}

/* What does not fit fails the context, and is not read. */
static void
test_refused (void)
{
  static const GtfWindow windows[] = {
    { .stride = -1 }, { .padding = -1 }, { .dilation = 9 }, { .kernel = 2 }, { .kernel_width = 7 }, { .more = { -1 } }, { .padding = G_MAXINT64 },
    { .dilation = G_MAXINT64 }, { .stride_width = G_MININT64 }, { .more = { 0, 0, 0, G_MAXINT64 } }
  };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (windows); i++)
    {
      const GtfWindow *window = &windows[i / 2];
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      GtfConv2d *w = gtf_conv2d_new (store, GTF_DTYPE_F32, 4, 3, 3, 3, 1, i % 2, FALSE, NULL);
      GtfTensor *x = randoms (c, 4, (gint64[]){ 1, 6, 6, 3 });

      if (i % 2 && (window->dilation == 9 || (window->more[0] == 0 && window->padding == 0 && window->dilation == 0 && window->stride == 0 && window->kernel == 0
                                              && window->kernel_width == 0 && window->stride_width == 0 && window->more[3] == 0)))
        continue;       /* what is transposed may be wider than the picture */
      g_assert_null (i % 2 ? gtf_conv_transpose2d (c, w, x, window, GTF_ACTIVATION_NONE) : gtf_conv2d (c, w, x, window, GTF_ACTIVATION_NONE, NULL));
      g_assert_true (gtf_failed (c));
    }
}

static void
test_wrong_shapes (void)
{
  static const gint64 shapes[][4] = { { 1, 6, 6, 4 }, { 1, 2, 6, 3 }, { 1, 0, 6, 3 } };

  for (guint i = 0; i < G_N_ELEMENTS (shapes) + 2; i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      GtfConv2d *w = gtf_conv2d_new (store, GTF_DTYPE_F32, 4, 3, 3, 3, 1, i == 3, FALSE, NULL);
      GtfTensor *x = randoms (c, 4, i < G_N_ELEMENTS (shapes) ? shapes[i] : (gint64[]){ 1, 6, 6, 3 });

      g_assert_null (gtf_conv2d (c, w, x, NULL, GTF_ACTIVATION_NONE, i == 4 ? x : NULL));       /* transposed; a residual of another shape */
      g_assert_true (gtf_failed (c));
    }
}

/* The sum is of the result's shape, and not what the windows see. */
typedef struct
{
  GtfDtype dtype;
  gint64 in, out, size, groups;
  GtfWindow window;
} Layer;

static const GtfConv2d *
random_layer (GtfContext *c, GtfWeightStore *store, const Layer *l)
{
  GtfTensor *weight = randoms (c, 2, (gint64[]){ l->out, l->in / l->groups * l->size * l->size }), *bias = randoms (c, 1, (gint64[]){ l->out });
  GtfConv2d *w = gtf_conv2d_new (store, l->dtype, l->out, l->in, l->size, l->size, l->groups, FALSE, TRUE, NULL);

  g_assert_true (gtf_conv2d_put (w, gtf_pool_get (0), GTF_DTYPE_F32, weight->data, NULL, NULL, -1, NULL));
  gtf_conv2d_put_bias (w, GTF_DTYPE_F32, bias->data, NULL);
  return w;
}

/* What is between two convolutions is rounded where it was: at the first one's end or at the second one's beginning. */
static void
test_inner (void)
{
  static const struct { Layer first, second; gboolean exact; } pairs[] = {
    { { GTF_DTYPE_BF16, 64, 32, 1, 1, { 0 } }, { GTF_DTYPE_BF16, 32, 64, 3, 1, { .padding = 1 } }, TRUE },
    { { GTF_DTYPE_BF16, 64, 96, 3, 1, { .padding = 1 } }, { GTF_DTYPE_BF16, 96, 17, 1, 1, { 0 } }, TRUE },
    { { GTF_DTYPE_BF16, 32, 64, 1, 1, { .stride = 2 } }, { GTF_DTYPE_BF16, 64, 33, 3, 1, { .padding = 1, .stride = 2 } }, TRUE },
    { { GTF_DTYPE_BF16, 32, 64, 3, 1, { .padding = 2, .dilation = 2 } }, { GTF_DTYPE_BF16, 64, 64, 1, 1, { .stride = 2 } }, TRUE },
    { { GTF_DTYPE_BF16, 3, 64, 7, 1, { .padding = 3, .stride = 2 } }, { GTF_DTYPE_BF16, 64, 64, 3, 1, { .padding = 1 } }, TRUE },
    { { GTF_DTYPE_BF16, 32, 40, 3, 1, { 0 } }, { GTF_DTYPE_BF16, 40, 32, 1, 1, { 0 } }, TRUE },
    /* these multiply float32, whoever gave it */
    { { GTF_DTYPE_BF16, 32, 64, 1, 1, { 0 } }, { GTF_DTYPE_F32, 64, 64, 3, 1, { .padding = 1 } }, FALSE },
    { { GTF_DTYPE_BF16, 32, 64, 1, 1, { 0 } }, { GTF_DTYPE_BF16, 64, 64, 3, 64, { .padding = 1 } }, FALSE },
    { { GTF_DTYPE_F32, 32, 64, 1, 1, { 0 } }, { GTF_DTYPE_BF16, 64, 32, 3, 1, { .padding = 1 } }, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      const Layer *first = &pairs[i].first, *second = &pairs[i].second;
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      const GtfConv2d *a = random_layer (c, store, first), *b = random_layer (c, store, second);
      GtfTensor *x = randoms (c, 4, (gint64[]){ 2, 19, 23, first->in }), *plain, *inner, *sum;

      plain = gtf_conv2d (c, b, gtf_conv2d (c, a, x, &first->window, GTF_ACTIVATION_RELU, NULL), &second->window, GTF_ACTIVATION_NONE, NULL);
      inner = gtf_conv2d_inner (c, a, x, &first->window, GTF_ACTIVATION_RELU);
      g_assert_nonnull (inner);
      g_assert_cmpint (inner->dtype, ==, first->dtype == GTF_DTYPE_BF16 && first->out % 32 == 0 && c->kernels->conv_tiles != NULL ? GTF_DTYPE_BF16 : GTF_DTYPE_F32);
      sum = randoms (c, 4, plain->shape);
      x = gtf_conv2d (c, b, inner, &second->window, GTF_ACTIVATION_NONE, NULL);
      for (gint64 j = 0; j < (gint64) gtf_tensor_get_n_elements (plain); j++)
        g_assert_cmpfloat (fabsf (gtf_tensor_f32 (x)[j] - gtf_tensor_f32 (plain)[j]), <=, pairs[i].exact ? 0 : 0.5);
      g_assert_true (gtf_conv2d_onto (c, b, inner, &second->window, GTF_ACTIVATION_NONE, sum) == sum);
      g_assert_false (gtf_failed (c));
      if (inner->dtype == GTF_DTYPE_BF16)
        g_assert_null (gtf_activate (c, inner, GTF_ACTIVATION_RELU));
    }
}

static void
test_wrong_sum (void)
{
  static const char *const messages[] = { "the result is [1, 4, 5, 3], what it is added to is [1, 4, 5, 2]", "x is the sum too" };

  for (guint i = 0; i < G_N_ELEMENTS (messages); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      g_autoptr (GError) error = NULL;
      GtfConv2d *w = gtf_conv2d_new (store, GTF_DTYPE_F32, 3, 3, 3, 3, 1, FALSE, FALSE, NULL);
      GtfTensor *x = randoms (c, 4, (gint64[]){ 1, 4, 5, 3 }), *sum = i == 0 ? randoms (c, 4, (gint64[]){ 1, 4, 5, 2 }) : x;

      g_assert_null (gtf_conv2d_onto (c, w, x, &(GtfWindow){ .padding = 1 }, GTF_ACTIVATION_NONE, sum));
      g_assert_false (gtf_context_take_error (c, &error));
      g_assert_nonnull (strstr (error->message, messages[i]));
    }
}

/* Sizes from a file. */
static void
test_impossible (void)
{
  static const gint64 sizes[][6] = {        /* out, in, height, width, groups, transposed */
    { 0, 3, 3, 3, 1, 0 }, { 4, 3, 0, 3, 1, 0 }, { 4, 3, 3, 3, 2, 0 }, { 4, 4, 3, 3, 2, 1 }, { 4, 4, 3, 3, 0, 0 }, { 4, 4, G_MAXINT64, 2, 1, 0 },
    { G_MAXINT32, G_MAXINT32, 1 << 15, 1 << 15, 1, 0 }, { G_MAXINT32, G_MAXINT32, 1 << 15, 1 << 15, G_MAXINT32, 0 }
  };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      g_autoptr (GError) error = NULL;

      g_assert_null (gtf_conv2d_new (store, GTF_DTYPE_F32, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], sizes[i][4], sizes[i][5] != 0, FALSE, &error));
      g_assert_nonnull (error);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/conv2d/windows", test_conv2d);
  g_test_add_func ("/conv2d/transposed", test_transposed);
  g_test_add_func ("/conv2d/refused", test_refused);
  g_test_add_func ("/conv2d/wrong-shapes", test_wrong_shapes);
  g_test_add_func ("/conv2d/inner", test_inner);
  g_test_add_func ("/conv2d/wrong-sum", test_wrong_sum);
  g_test_add_func ("/conv2d/impossible", test_impossible);
  return g_test_run ();
}
