/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Kernels on rows against double: norms, softmax, activations, halves; odd lengths, large means, NaN and infinity.
 */
#include "check.h"
#include "kernels/half.h"

static const gint64 lengths[] = { 1, 2, 3, 7, 8, 15, 16, 17, 31, 64, 100, 384, 513 };

static void
check_norms (const GtfKernels *k)
{
  guint32 seed = 1;

  for (guint t = 0; t < G_N_ELEMENTS (lengths) * 2; t++)
    {
      gint64 n = lengths[t / 2];
      g_autofree float *x = check_randoms (&seed, (gsize) n), *w = check_randoms (&seed, (gsize) n), *b = check_randoms (&seed, (gsize) n);
      g_autofree float *y = g_new (float, n), *z = g_new (float, n);
      double mean = 0, var = 0, square = 0, far = t % 2 == 0 ? 0 : 300;
      for (gint64 i = 0; i < n; i++)
        {
          x[i] = x[i] * 0.5f + (float) far;
          mean += x[i] / (double) n;
          square += (double) x[i] * x[i] / (double) n;
        }
      for (gint64 i = 0; i < n; i++)
        var += (x[i] - mean) * (x[i] - mean) / (double) n;
      k->layer_norm (x, w, b, 1e-5f, n, y);
      k->rms_norm (x, w, NULL, 1e-6f, n, z);
      for (gint64 i = 0; i < n; i++)
        {
          check_close (y[i], (x[i] - mean) / sqrt (var + 1e-5) * w[i] + b[i], far > 0 ? (n > 2 ? 1e-3 : 1e-1) : 3e-6, "layer_norm", i);
          check_close (z[i], x[i] / sqrt (square + 1e-6) * w[i], 2e-6, "rms_norm", i);
        }
    }
}

static void
check_softmax (const GtfKernels *k)
{
  guint32 seed = 2;

  for (guint t = 0; t < G_N_ELEMENTS (lengths); t++)
    {
      gint64 n = lengths[t];
      g_autofree float *x = check_randoms (&seed, (gsize) n), *y = g_new (float, n), *z = g_new (float, n);
      double top = -INFINITY, sum = 0;
      for (gint64 i = 0; i < n; i++)
        {
          x[i] = i % 5 == 4 ? -INFINITY : x[i] * 30;
          top = MAX (top, x[i]);
        }
      for (gint64 i = 0; i < n; i++)
        sum += exp (x[i] - top);
      k->softmax (x, n, y);
      k->log_softmax (x, n, z);
      for (gint64 i = 0; i < n; i++)
        {
          check_close (y[i], exp (x[i] - top) / sum, 3e-7, "softmax", i);
          check_close (z[i], x[i] - top - log (sum), 4e-6, "log_softmax", i);
        }
      x[n / 2] = NAN;
      k->softmax (x, n, x);     /* in place */
      g_assert_true (isnan (x[n / 2]));
    }
}

static double
reference (GtfActivation a, double x)
{
  switch (a)
    {
    case GTF_ACTIVATION_RELU: return x > 0 || isnan (x) ? x : 0;
    case GTF_ACTIVATION_GELU: return x == -INFINITY ? 0 : 0.5 * x * erfc (-x / sqrt (2));
    case GTF_ACTIVATION_GELU_TANH: return 0.5 * x * (1 + tanh (sqrt (2 / G_PI) * (x + 0.044715 * x * x * x)));
    case GTF_ACTIVATION_GELU_QUICK: return x / (1 + exp (-1.702 * x));
    case GTF_ACTIVATION_SILU: return x / (1 + exp (-x));
    case GTF_ACTIVATION_TANH: return tanh (x);
    case GTF_ACTIVATION_SIGMOID: return 1 / (1 + exp (-x));
    case GTF_ACTIVATION_GELU_10: return isnan (x) ? x : MIN (reference (GTF_ACTIVATION_GELU, x), 10);
    case GTF_ACTIVATION_RELU2: return x > 0 || isnan (x) ? (double) ((float) x * (float) x) : 0;
    case GTF_ACTIVATION_RELU6: return isnan (x) ? x : CLAMP (x, 0, 6);
    case GTF_ACTIVATION_LEAKY_RELU: return x > 0 ? x : 0.01 * x;
    case GTF_ACTIVATION_ELU: return x > 0 ? x : expm1 (x);
    case GTF_ACTIVATION_HARDSWISH: return isnan (x) ? x : x * CLAMP (x + 3, 0, 6) / 6;
    case GTF_ACTIVATION_MISH: return x * tanh (x > 20 ? x : log1p (exp (x)));
    case GTF_ACTIVATION_LAPLACE: return 0.5 * (1 + erf ((x - 0.707107) / (0.282095 * sqrt (2))));
    case GTF_ACTIVATION_SOFTPLUS: return x > 20 ? x : log1p (exp (x));
    case GTF_ACTIVATION_HARDSIGMOID: return CLAMP (x + 3, 0, 6) / 6;
    case GTF_ACTIVATION_SQRT_SOFTPLUS: return sqrt (reference (GTF_ACTIVATION_SOFTPLUS, x));
    default: return x;
    }
}

static void
check_activations (const GtfKernels *k)
{
  for (guint a = GTF_ACTIVATION_NONE; a <= GTF_ACTIVATION_HARDSIGMOID; a++)
    {
      g_autofree float *x = g_new (float, 20001), *y = g_new (float, 20001);
      g_autofree char *what = g_strdup_printf ("%s activation %u", k->name, a);
      for (gint64 i = 0; i <= 20000; i++)
        x[i] = (float) (i - 10000) / 500.0f;
      x[3] = 1e4f;
      x[4] = -1e4f;
      x[5] = INFINITY;
      x[6] = NAN;
      x[7] = 3e38f;
      x[8] = 1e-30f;
      k->activate ((GtfActivation) a, x, 20001, y);
      for (gint64 i = 0; i <= 20000; i++)
        check_close (y[i], reference ((GtfActivation) a, x[i]), 1e-6 + fabs (x[i]) * 2e-7, what, i);
    }
}

static void
check_halves (const GtfKernels *k)
{
  g_autofree guint16 *h = g_new (guint16, 65536);
  g_autofree float *y = g_new (float, 65536);

  for (guint i = 0; i < 65536; i++)
    h[i] = (guint16) i;
  k->widen (GTF_DTYPE_F16, h, 65536, y);
  for (guint i = 0; i < 65536; i++)
    {
      guint e = (i >> 10) & 31, m = i & 1023;
      double x = (e == 0 ? ldexp (m, -24) : e == 31 ? (m != 0 ? NAN : INFINITY) : ldexp (1024 + m, (int) e - 25)) * (i >> 15 ? -1 : 1);
      check_close (y[i], x, 0, "f16", i);
      if (!isnan (x))
        g_assert_cmpuint (gtf_f32_to_f16 (y[i]), ==, i);
    }
  g_assert_cmpuint (gtf_f32_to_f16 (65520.0f), ==, 0x7c00);
  g_assert_cmpuint (gtf_f32_to_f16 (65519.0f), ==, 0x7bff);
  g_assert_cmpuint (gtf_f32_to_f16 (1.0f + 0x1p-11f), ==, 0x3c00);          /* halfway: to even */
  g_assert_cmpuint (gtf_f32_to_f16 (1.0f + 3 * 0x1p-11f), ==, 0x3c02);
  g_assert_cmpuint (gtf_f32_to_f16 (0x1.8p-24f), ==, 2);
  k->widen (GTF_DTYPE_BF16, h, 65536, y);
  for (guint i = 0; i < 65536; i++)
    if (!isnan (y[i]))
      g_assert_cmpuint (gtf_f32_to_bf16 (y[i]), ==, i);
  g_assert_cmpuint (gtf_f32_to_bf16 (1.0f + 0x1p-8f), ==, 0x3f80);
  g_assert_cmpuint (gtf_f32_to_bf16 (1.0f + 3 * 0x1p-8f), ==, 0x3f82);
  g_assert_true (isnan (gtf_bf16_to_f32 (gtf_f32_to_bf16 (NAN))));
}

static void
check_simple (const GtfKernels *k)
{
  guint32 seed = 5;

  for (guint t = 0; t < G_N_ELEMENTS (lengths); t++)
    {
      gint64 n = lengths[t];
      g_autofree float *a = check_randoms (&seed, (gsize) n), *b = check_randoms (&seed, (gsize) n), *y = g_new0 (float, n + 1);
      k->add (a, b, n, y);
      for (gint64 i = 0; i < n; i++)
        g_assert_cmpfloat (y[i], ==, a[i] + b[i]);
      k->scale (a, 3.0f, n, y);
      for (gint64 i = 0; i < n; i++)
        g_assert_cmpfloat (y[i], ==, a[i] * 3.0f);
      g_assert_cmpfloat (y[n], ==, 0.0f);
    }
}

/* The residual may be where the sum goes. */
static void
check_mix (const GtfKernels *k)
{
  static const float weights[] = { 0.25f, -1.5f, 0.75f };
  guint32 seed = 6;

  for (guint t = 0; t < G_N_ELEMENTS (lengths); t++)
    {
      const gint64 n = lengths[t];
      g_autofree float *a = check_randoms (&seed, (gsize) n), *b = check_randoms (&seed, (gsize) n), *c = check_randoms (&seed, (gsize) n), *y = g_new0 (float, n + 1);
      const float *rows[] = { a, b, c };

      k->mix (&(GtfMix){ n, 2, weights, GTF_ACTIVATION_NONE }, rows, NULL, y);
      for (gint64 i = 0; i < n; i++)
        check_close (y[i], weights[0] * a[i] + weights[1] * b[i], 1e-6, "mix", i);
      k->mix (&(GtfMix){ n, 3, weights, GTF_ACTIVATION_RELU }, rows, y, y);
      for (gint64 i = 0; i < n; i++)
        check_close (y[i], MAX (0, 2 * (weights[0] * a[i] + weights[1] * b[i]) + weights[2] * c[i]), 2e-6, "mix", i);
      g_assert_cmpfloat (y[n], ==, 0.0f);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  check_add ("norms", check_norms);
  check_add ("softmax", check_softmax);
  check_add ("activations", check_activations);
  check_add ("halves", check_halves);
  check_add ("simple", check_simple);
  check_add ("mix", check_mix);
  return g_test_run ();
}
