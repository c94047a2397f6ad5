/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The head of UPerNet (uper.h).
 */
#include "layers/uper.h"

#include "base/error.h"

gboolean
gtf_uper_scales (const char *list, gint64 scales[GTF_UPER_SCALES], gint64 *n, GError **error)
{
  const char *numbers = list ? list : "1|2|3|6";

  *n = gtf_config_list_size (numbers);
  for (gint64 i = 0; i < *n && *n <= GTF_UPER_SCALES; i++)
    if (!gtf_config_list_int (numbers, i, 1, 1024, &scales[i]))
      *n = GTF_UPER_SCALES + 1;
  if (*n <= GTF_UPER_SCALES)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "pool_scales: expected 1 to %d numbers from 1 to 1024, found %.60s", GTF_UPER_SCALES, numbers);
  return FALSE;
}

static GtfTensor *
conv (GtfContext *c, const GtfConv2d *w, GtfTensor *x, gint64 padding)
{
  if (w == NULL)
    gtf_fail (c, "decode_head has fewer convolutions than feature maps and pool_scales ask for");
  return gtf_failed (c) ? NULL : gtf_conv2d (c, w, x, &(GtfWindow){ .padding = padding }, GTF_ACTIVATION_RELU, NULL);
}

static GtfTensor *
fit (GtfContext *c, GtfTensor *x, const GtfTensor *like)
{
  return gtf_resize (c, x, gtf_dim (like, 1), gtf_dim (like, 2), GTF_RESIZE_BILINEAR);
}

/* The coarsest map beside means over areas of it. */
static GtfTensor *
pool (GtfContext *c, const GtfUperHead *w, GtfTensor *x, const gint64 *scales, gint64 n_scales)
{
  GtfTensor *parts[GTF_UPER_SCALES + 1] = { x };

  for (gint64 i = 0; i < n_scales && !gtf_failed (c); i++)
    parts[i + 1] = fit (c, conv (c, w->pooled[i], gtf_adaptive_avg_pool2d (c, x, scales[i], scales[i]), 0), x);
  return gtf_failed (c) ? NULL : conv (c, w->bottleneck, gtf_join (c, parts, n_scales + 1), 1);
}

GtfTensor *
gtf_uper_classes (GtfContext *c, const GtfUperHead *w, GtfTensor *const *maps, gint64 n_maps, const gint64 *scales, gint64 n_scales)
{
  GtfTensor *x[GTF_UPER_MAPS];
  const gint64 last = n_maps - 1;

  if (n_maps < 1 || n_maps > GTF_UPER_MAPS)
    gtf_fail (c, "%" G_GINT64_FORMAT " feature maps: expected 1 to %d", n_maps, GTF_UPER_MAPS);
  if (gtf_failed (c))
    return NULL;
  x[last] = pool (c, w, maps[last], scales, n_scales);
  for (gint64 i = last - 1; i >= 0 && !gtf_failed (c); i--)
    x[i] = gtf_resize_add (c, x[i + 1], conv (c, w->lateral[i], maps[i], 0), GTF_RESIZE_BILINEAR, GTF_ACTIVATION_NONE);
  for (gint64 i = 0; i < last && !gtf_failed (c); i++)
    x[i] = conv (c, w->finer[i], x[i], 1);
  for (gint64 i = 1; i < n_maps && !gtf_failed (c); i++)
    x[i] = fit (c, x[i], x[0]);
  return gtf_failed (c) ? NULL : gtf_linear (c, w->classifier, conv (c, w->joint, gtf_join (c, x, n_maps), 1));
}
