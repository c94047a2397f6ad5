/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OpenBLAS as an independent oracle for products as large as those of real models.
 */
#include <cblas.h>

#include "check.h"

static void
check_blas (const GtfKernels *kernels)
{
  static const gint64 sizes[][3] = { { 375, 512, 512 }, { 100, 1024, 300 }, { 16, 384, 1536 } };

  for (guint t = 0; t < G_N_ELEMENTS (sizes); t++)
    {
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      guint32 seed = t;
      gint64 m = sizes[t][0], k = sizes[t][1], n = sizes[t][2];
      g_autofree float *a = check_randoms (&seed, (gsize) (m * k)), *w = check_randoms (&seed, (gsize) (n * k));
      g_autofree float *out = g_new (float, m * n), *expected = g_new (float, m * n);
      GtfLinear *l = gtf_linear_new (store, GTF_DTYPE_F32, n, k, FALSE, NULL);
      GtfGemm g = { .type = GTF_DTYPE_F32, .m = m, .n = n, .k = k, .a = a, .lda = k, .w = l->panels, .panel_bytes = l->panel_bytes, .c = out, .ldc = n };

      gtf_linear_put (l, 0, n, &(GtfRawMatrix){ GTF_DTYPE_F32, w, FALSE });
      kernels->gemm (&g, 0, m, 0, (n + 15) / 16);
      cblas_sgemm (CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1.0f, a, k, w, k, 0.0f, expected, n);
      for (gint64 i = 0; i < m * n; i++)
        check_close (out[i], expected[i], 1e-4, kernels->name, i);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  openblas_set_num_threads (1);
  check_add ("blas", check_blas);
  return g_test_run ();
}
