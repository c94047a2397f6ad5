/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stages of convolutions.
 */
#include "layers/stages.h"
#include "base/error.h"

gint64
gtf_stages_read (const char *key, const char *list, const char *fallback, gint64 n, gint64 least, gint64 most, gint64 *to, GError **error)
{
  const char *found = list != NULL ? list : fallback;
  const gint64 size = gtf_config_list_size (found);
  gboolean good = size >= 1 && size <= GTF_MAX_STAGES && (n < 0 || n == size);

  for (gint64 i = 0; good && i < size; i++)
    good = gtf_config_list_int (found, i, least, most, &to[i]);
  if (good)
    return size;
  if (n < 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected 1 to %d numbers from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", found %.60s", key, GTF_MAX_STAGES, least,
                 most, found);
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected %" G_GINT64_FORMAT " numbers from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", found %.60s", key, n, least, most,
                 found);
  return -1;
}

GtfTensor *
gtf_layer_scale (GtfContext *c, const GtfTensor *x, const GtfNorm *scale, const GtfTensor *y)
{
  return gtf_add (c, x, scale != NULL ? gtf_affine (c, scale, y) : y);
}

GtfTensor *
gtf_squeeze_excite (GtfContext *c, const GtfLinear *reduce, const GtfLinear *expand, const GtfTensor *x, GtfActivation act)
{
  GtfTensor *h = gtf_linear_act (c, reduce, gtf_mean_pixels (c, x), act);

  return gtf_scale_channels (c, x, gtf_linear_act (c, expand, h, GTF_ACTIVATION_SIGMOID));
}

void
gtf_stages_outputs (GtfContext *c, const GtfTensor *x, const GtfTensor *pooled, gboolean is_picture, const GtfLinear *classifier)
{
  gtf_output (c, "last_hidden_state", gtf_pixels_first (c, x));
  if (pooled != NULL)
    gtf_output (c, "pooler_output", is_picture ? gtf_reshape (c, pooled, 4, (gint64[]){ gtf_dim (pooled, 0), gtf_dim (pooled, 1), 1, 1 }) : pooled);
  if (classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, classifier, pooled));
}
