/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two towers compared (Radford et al. 2021): the cosine of each picture with each text, times a learnt factor.
 */
#include "layers/vision.h"

#include <math.h>
#include "tensor/context-private.h"

static double
row_length (const float *x, gint64 n)
{
  double sum = 0;

  for (gint64 i = 0; i < n; i++)
    sum += (double) x[i] * x[i];
  return sqrt (sum);
}

/**
 * gtf_compare_towers:
 * @images: [pictures][D]
 * @texts: [texts][D]
 * @scale: one number: the logarithm of the factor
 * @bias: (nullable): one number that is added
 *
 * Returns: (transfer none) (nullable): [pictures][texts]
 */
GtfTensor *
gtf_compare_towers (GtfContext *c, const GtfTensor *images, const GtfTensor *texts, const GtfTensor *scale, const GtfTensor *bias)
{
  gint64 d, n;
  double factor;
  GtfTensor *y;

  if (!gtf_op_begin (c, "compare_towers", 3, images, texts, scale))
    return NULL;
  d = gtf_tensor_cols (images);
  n = gtf_tensor_rows (texts);
  if (gtf_tensor_cols (texts) != d)
    {
      gtf_fail_shapes (c, images, texts, "expected pictures and texts of one width");
      return NULL;
    }
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ gtf_tensor_rows (images), n });
  factor = exp ((double) gtf_tensor_f32 (scale)[0]);
  for (gint64 i = 0; y != NULL && i < gtf_tensor_rows (images); i++)
    for (gint64 k = 0; k < n; k++)
      {
        const float *a = gtf_tensor_f32 (images) + gtf_tensor_row_offset (images, i), *b = gtf_tensor_f32 (texts) + gtf_tensor_row_offset (texts, k);
        double sum = 0;

        for (gint64 j = 0; j < d; j++)
          sum += (double) a[j] * b[j];
        gtf_tensor_f32 (y)[i * n + k] = (float) (sum / (row_length (a, d) * row_length (b, d)) * factor + (bias != NULL ? gtf_tensor_f32 (bias)[0] : 0));
      }
  return y;
}
