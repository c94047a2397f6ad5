/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention by angles against plain loops in double, packed texts and views of a fused projection among them.
 */
#include <math.h>
#include <string.h>

#include "tensor/context-private.h"
#include "tensor/positions.h"

static double
angle_weight (const float *a, const float *b, gint64 d, gint64 power)
{
  double dot = 0, aa = 0, bb = 0;

  for (gint64 i = 0; i < d; i++)
    {
      dot += (double) a[i] * b[i];
      aa += (double) a[i] * a[i];
      bb += (double) b[i] * b[i];
    }
  return pow (1 - acos (CLAMP (dot / sqrt (aa * bb), -1, 1)) / G_PI, (double) power);
}

static void
check (gint64 heads, gint64 d, gint64 power, const gint32 *starts, gint64 n_texts)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  const gint64 cols = heads * d, n = starts[n_texts];
  GtfTensor *qkv = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ 1, n, 3 * cols }), *sequences = gtf_new_tensor (c, GTF_DTYPE_I32, 1, (gint64[]){ n_texts + 1 }), *y;

  for (gint64 i = 0; i < n * 3 * cols; i++)
    gtf_tensor_f32 (qkv)[i] = (float) g_random_double_range (-1, 1);
  memcpy (sequences->data, starts, (gsize) (n_texts + 1) * sizeof *starts);
  y = gtf_angle_attention (c, gtf_slice (c, qkv, 0, cols), gtf_slice (c, qkv, cols, cols), gtf_slice (c, qkv, 2 * cols, cols), heads, power, sequences);
  g_assert_nonnull (y);
  for (gint64 text = 0; text < n_texts; text++)
    for (gint64 i = starts[text]; i < starts[text + 1]; i++)
      for (gint64 h = 0; h < heads; h++)
        {
          const float *row = gtf_tensor_f32 (qkv) + h * d;
          g_autofree double *sum = g_new0 (double, d);
          double length = 0;
          for (gint64 k = starts[text]; k < starts[text + 1]; k++)
            for (gint64 l = 0; l < d; l++)
              sum[l] += angle_weight (row + i * 3 * cols, row + k * 3 * cols + cols, d, power) * row[k * 3 * cols + 2 * cols + l];
          for (gint64 l = 0; l < d; l++)
            length += sum[l] * sum[l];
          for (gint64 l = 0; l < d; l++)
            g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (y)[i * cols + h * d + l], sum[l] / sqrt (length), 2e-5);
        }
}

static void
test_values (void)
{
  static const gint32 one[] = { 0, 90 }, many[] = { 0, 1, 18, 30 };

  check (2, 8, 9, one, 1);
  check (3, 5, 4, many, 3);
  check (1, 20, 1, many, 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/angle-attention/values", test_values);
  return g_test_run ();
}
