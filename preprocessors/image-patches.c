/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures cut into patches by the front end (SigLIP 2, NaFlex): each keeps about its shape and has at most max_num_patches; "pixel_values" holds the patches line
 * by line, pixel by pixel, padded with zeros, "spatial_shapes" how many there are down and across, "pixel_attention_mask" which of them are padding.
 */
#include "image.h"

#include <math.h>

/* @scale times a side, up to a multiple of a patch. */
static double
scaled (double scale, gint side, double patch)
{
  return MAX (ceil (side * scale / patch) * patch, patch);
}

/* The largest size whose patches are not too many, found as the reference does: by halving the interval of scales. */
gboolean
gtf_image_size_patches (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  const double patch = (double) config->patch_size, eps = 1e-5;
  double low = eps / 10, high = 100;

  while (high - low >= eps)
    {
      double scale = (low + high) / 2;

      if (scaled (scale, from.height, patch) / patch * (scaled (scale, from.width, patch) / patch) <= (double) config->max_num_patches)
        low = scale;
      else
        high = scale;
    }
  return gtf_image_size_check (scaled (low, from.width, patch), scaled (low, from.height, patch), to, error);
}

/* One picture's patches: [down * across][patch][patch][3]. */
static void
cut (const GtfImage *image, const float levels[3][256], gint patch, float *to)
{
  for (gint top = 0; top < image->height; top += patch)
    for (gint left = 0; left < image->width; left += patch)
      for (gint y = top; y < top + patch; y++)
        {
          const guint8 *from = image->pixels + ((gsize) y * (gsize) image->width + (gsize) left) * 3;

          for (gint i = 0; i < 3 * patch; i++)
            *to++ = levels[i % 3][from[i]];
        }
}

static gboolean
check_patches (const GtfImageConfig *config, const GtfImage *image, GError **error)
{
  const gint64 patch = config->patch_size;

  if (image->width % patch == 0 && image->height % patch == 0 && image->width / patch * (image->height / patch) <= config->max_num_patches)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "a picture of %d x %d pixels cannot be cut into at most %" G_GINT64_FORMAT " patches of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
               ": give \"do_resize\"", image->width, image->height, config->max_num_patches, patch, patch);
  return FALSE;
}

gboolean
gtf_image_put_patches (const GtfImageConfig *config, GPtrArray *images, GHashTable *out, GError **error)
{
  const gsize n = images->len, most = (gsize) config->max_num_patches, features = 3 * (gsize) (config->patch_size * config->patch_size);
  float levels[3][256], *pixels;
  gint64 *shapes;
  gint32 *mask;

  for (guint i = 0; i < images->len; i++)
    if (!check_patches (config, images->pdata[i], error))
      return FALSE;
  gtf_image_levels (config, levels);
  if (!(pixels = gtf_image_allocate (n * most * features, sizeof *pixels, error)))
    return FALSE;
  for (guint i = 0; i < images->len; i++)
    cut (images->pdata[i], levels, (gint) config->patch_size, pixels + i * most * features);
  if (!gtf_image_put (out, "pixel_values", GTF_DTYPE_F32, 3, (gint64[]){ (gint64) n, (gint64) most, (gint64) features }, pixels, n * most * features * sizeof *pixels, error)
      || !(mask = gtf_image_allocate (n * most, sizeof *mask, error)))
    return FALSE;
  shapes = g_new (gint64, 2 * n);
  for (guint i = 0; i < images->len; i++)
    {
      const GtfImage *image = images->pdata[i];

      shapes[2 * i] = image->height / config->patch_size;
      shapes[2 * i + 1] = image->width / config->patch_size;
      for (gint64 k = 0; k < shapes[2 * i] * shapes[2 * i + 1]; k++)
        mask[i * most + (gsize) k] = 1;
    }
  return gtf_image_put (out, "pixel_attention_mask", GTF_DTYPE_I32, 2, (gint64[]){ (gint64) n, (gint64) most }, mask, n * most * sizeof *mask, error)
         & gtf_image_put (out, "spatial_shapes", GTF_DTYPE_I64, 2, (gint64[]){ (gint64) n, 2 }, shapes, 2 * n * sizeof *shapes, error);
}
