/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading where packed texts begin: what a caller gave is checked before anybody indexes by it.
 */
#include "tensor/sequences-private.h"

gboolean
gtf_sequences_read (GtfContext *c, const GtfTensor *x, const GtfTensor *starts, GtfSequences *out)
{
  const gint32 *s;
  gint64 n;

  if (x->n_dims < 2)
    {
      gtf_fail (c, "x has one dimension, expected texts and steps");
      return FALSE;
    }
  *out = (GtfSequences){ x->shape[0], x->shape[0] * x->shape[1], x->shape[1], NULL };
  if (starts == NULL)
    return TRUE;
  n = (gint64) gtf_tensor_get_n_elements (starts) - 1;
  if (starts->dtype != GTF_DTYPE_I32 || starts->n_dims != 1 || n < 0 || x->shape[0] != 1)
    {
      gtf_fail_shapes (c, x, starts, "packed texts are [1][N] and their starts I32 [texts + 1]");
      return FALSE;
    }
  s = starts->data;
  *out = (GtfSequences){ n, x->shape[1], 0, s };
  for (gint64 i = 0; i <= n; i++)
    if ((i == 0 && s[i] != 0) || (i == n && s[i] != x->shape[1]) || (i > 0 && s[i] < s[i - 1]))
      {
        gtf_fail (c, "the starts of packed texts go from 0 to %" G_GINT64_FORMAT " and do not fall, but start %" G_GINT64_FORMAT " is %d", x->shape[1], i, s[i]);
        return FALSE;
      }
  for (gint64 i = 0; i < n; i++)
    out->longest = MAX (out->longest, s[i + 1] - s[i]);
  return TRUE;
}
