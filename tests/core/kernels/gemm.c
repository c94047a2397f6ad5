/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The matrix product against a plain one in double: odd sizes, strides, parts, types, epilogues.
 */
#include "check.h"

static double
act (GtfActivation a, double x)
{
  switch (a)
    {
    case GTF_ACTIVATION_RELU: return x > 0 ? x : 0;
    case GTF_ACTIVATION_GELU: return 0.5 * x * (1 + erf (x / sqrt (2)));
    case GTF_ACTIVATION_GELU_TANH: return 0.5 * x * (1 + tanh (sqrt (2 / G_PI) * (x + 0.044715 * x * x * x)));
    case GTF_ACTIVATION_GELU_QUICK: return x / (1 + exp (-1.702 * x));
    case GTF_ACTIVATION_SILU: return x / (1 + exp (-x));
    case GTF_ACTIVATION_TANH: return tanh (x);
    case GTF_ACTIVATION_SIGMOID: return 1 / (1 + exp (-x));
    default: return x;
    }
}

typedef struct
{
  GtfDtype type;
  gboolean narrow;
  gint64 m, n, k, pad;
  GtfActivation act;
  gboolean bias, residual;
} Case;

/* The error allowed: of the sum, and of the activations where they are rounded too. */
static double
tolerance (const Case *c)
{
  double unit = !c->narrow ? 1e-7 : c->type == GTF_DTYPE_I8 ? 1.0 / 127 : 1.0 / 256, k = (double) c->k;

  return 4e-6 + unit * sqrt (k) * 0.9 + k * 1e-7;
}

static void
check_case (const GtfKernels *kernels, const Case *c)
{
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  guint32 seed = (guint32) (c->m * 131 + c->n * 17 + c->k);
  gint64 lda = c->k + c->pad, ldc = c->n + c->pad;
  g_autofree float *a = check_randoms (&seed, (gsize) (c->m * lda)), *w = check_randoms (&seed, (gsize) (c->n * c->k));
  g_autofree float *bias = check_randoms (&seed, (gsize) c->n), *residual = check_randoms (&seed, (gsize) (c->m * ldc));
  g_autofree float *out = check_randoms (&seed, (gsize) (c->m * ldc)), *before = g_memdup2 (out, (gsize) (c->m * ldc) * sizeof *out);
  g_autofree float *row = g_new (float, c->k);
  g_autofree char *what = g_strdup_printf ("%s %s%s m %d n %d k %d act %d", kernels->name, gtf_dtype_name (c->type), c->narrow ? " narrow" : "", (int) c->m, (int) c->n,
                                           (int) c->k, c->act);
  GtfLinear *l = gtf_linear_new (store, c->type, c->n, c->k, c->bias, NULL);
  GtfRawMatrix raw = { GTF_DTYPE_F32, w, FALSE };
  gint64 panels = (c->n + 15) / 16;
  GtfGemm g;

  gtf_linear_put (l, 0, c->n, &raw);
  if (c->bias)
    gtf_linear_put_bias (l, 0, c->n, GTF_DTYPE_F32, bias);
  g = (GtfGemm){ .type = l->type, .narrow = c->narrow, .act = c->act, .m = c->m, .n = c->n, .k = c->k, .a = a, .lda = lda, .w = l->panels,
                 .panel_bytes = l->panel_bytes, .bias = l->bias, .scale = l->scale, .sums = l->sums,
                 .residual = c->residual ? residual : NULL, .ldr = ldc, .c = out, .ldc = ldc };
  /* in four parts, as threads would do it */
  kernels->gemm (&g, 0, c->m / 2, 0, panels / 2);
  kernels->gemm (&g, 0, c->m / 2, panels / 2, panels);
  kernels->gemm (&g, c->m / 2, c->m, 0, panels / 2);
  kernels->gemm (&g, c->m / 2, c->m, panels / 2, panels);
  for (gint64 j = 0; j < c->n; j++)
    {
      gtf_linear_get_row (l, j, row);
      for (gint64 p = 0; p < c->k; p++)     /* |w| <= 1: what was packed is what was given */
        check_close (row[p], w[j * c->k + p], c->type == GTF_DTYPE_I8 ? 0.5 / 127 + 1e-6 : c->type == GTF_DTYPE_BF16 ? 1.0 / 512 : c->type == GTF_DTYPE_F16 ? 1.0 / 4096 : 0.0,
                     what, p);
      for (gint64 i = 0; i < c->m; i++)
        {
          double sum = c->bias ? bias[j] : 0;
          for (gint64 p = 0; p < c->k; p++)
            sum += (double) a[i * lda + p] * row[p];
          sum = act (c->act, sum) + (c->residual ? residual[i * ldc + j] : 0);
          check_close (out[i * ldc + j], sum, tolerance (c), what, i * ldc + j);
        }
    }
  for (gint64 i = 0; i < c->m; i++)     /* nothing beyond the row's end was touched */
    for (gint64 j = c->n; j < ldc; j++)
      g_assert_cmpfloat (out[i * ldc + j], ==, before[i * ldc + j]);
}

/* A row with a NaN spoils its own results and no others. */
static void
check_nan (const GtfKernels *kernels, GtfDtype type, gboolean narrow)
{
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  guint32 seed = 9;
  g_autofree float *a = check_randoms (&seed, 20 * 37), *w = check_randoms (&seed, 40 * 37), *out = g_new0 (float, 20 * 40);
  GtfLinear *l = gtf_linear_new (store, type, 40, 37, FALSE, NULL);
  GtfGemm g = { .type = type, .narrow = narrow, .m = 20, .n = 40, .k = 37, .a = a, .lda = 37, .w = l->panels, .panel_bytes = l->panel_bytes, .scale = l->scale,
                .sums = l->sums, .c = out, .ldc = 40 };

  gtf_linear_put (l, 0, 40, &(GtfRawMatrix){ GTF_DTYPE_F32, w, FALSE });
  a[3 * 37 + 36] = NAN;
  a[11 * 37] = NAN;
  for (gint64 rows = 1; rows <= 20; rows += 19)
    {
      for (gint64 first = 0; first < 20; first += rows)
        kernels->gemm (&g, first, first + rows, 0, 3);
      for (gint64 i = 0; i < 20 * 40; i++)
        g_assert_true (!isnan (out[i]) == (i / 40 != 3 && i / 40 != 11));
    }
}

static void
check_products (const GtfKernels *kernels, GtfDtype type, gboolean narrow)
{
  static const gint64 ms[] = { 1, 2, 3, 5, 7, 8, 13, 40, 70 }, ns[] = { 1, 15, 16, 33, 64, 130, 200 }, ks[] = { 1, 3, 16, 37, 130 };

  for (guint i = 0; i < G_N_ELEMENTS (ms); i++)
    for (guint j = 0; j < G_N_ELEMENTS (ns); j++)
      for (guint l = 0; l < G_N_ELEMENTS (ks); l++)
        {
          Case c = { type, narrow, ms[i], ns[j], ks[l], (gint64) ((i + j + l) % 3), (GtfActivation) ((i + j + l) % 8), (i + j) % 2 == 0, (j + l) % 2 == 0 };
          check_case (kernels, &c);
        }
  check_nan (kernels, type, narrow);
  check_case (kernels, &(Case){ type, narrow, 401, 72, 64, 0, GTF_ACTIVATION_GELU, TRUE, TRUE });
  check_case (kernels, &(Case){ type, narrow, 64, 64, 128, 0, GTF_ACTIVATION_NONE, TRUE, FALSE });
  check_case (kernels, &(Case){ type, narrow, 9, 96, 2049, 0, GTF_ACTIVATION_NONE, TRUE, FALSE });
}

static void
check_type (const GtfKernels *kernels, GtfDtype type)
{
  check_products (kernels, type, FALSE);
  if (gtf_kernels_have (kernels, type))
    check_products (kernels, type, TRUE);
}

static void
check_f32 (const GtfKernels *k)
{
  check_type (k, GTF_DTYPE_F32);
}

static void
check_bf16 (const GtfKernels *k)
{
  check_type (k, GTF_DTYPE_BF16);
}

static void
check_f16 (const GtfKernels *k)
{
  check_type (k, GTF_DTYPE_F16);
}

static void
check_i8 (const GtfKernels *k)
{
  check_type (k, GTF_DTYPE_I8);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  check_add ("gemm/f32", check_f32);
  check_add ("gemm/bf16", check_bf16);
  check_add ("gemm/f16", check_f16);
  check_add ("gemm/i8", check_i8);
  return g_test_run ();
}
