/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures cut into patches by the front end (SigLIP 2, NaFlex): each keeps about its shape and has at most max_num_patches; "pixel_values" holds the patches line
 * by line, pixel by pixel, padded with zeros, "spatial_shapes" how many there are down and across, "pixel_attention_mask" which of them are padding.
 */
#include "image-tensor.h"

#include <math.h>
#include <string.h>

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

/* What the resizer gives, as patches: [down * across][patch][patch][3]. */
static void
cut (GtfResizer *resizer, float values[3][256], gsize patch, float *to)
{
  const gsize across = (gsize) resizer->what.out.width / patch;

  for (gint y = 0; y < resizer->what.out.height; y++)
    {
      const guint8 *row = gtf_resizer_get (resizer, y);
      const gsize down = (gsize) y / patch, line = (gsize) y % patch;

      for (gsize i = 0; i < across; i++)
        {
          float *at = to + ((down * across + i) * patch + line) * patch * 3;

          for (gsize x = i * patch; x < (i + 1) * patch; x++)
            for (guint c = 0; c < 3; c++)
              *at++ = values[c][row[c * (gsize) resizer->stride + x]];
        }
    }
}

static gboolean
check_patches (const GtfImageConfig *config, GtfExtent size, GError **error)
{
  const gint64 patch = config->patch_size;

  if (size.width % patch == 0 && size.height % patch == 0 && size.width / patch * (size.height / patch) <= config->max_num_patches)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "a picture of %d x %d pixels cannot be cut into at most %" G_GINT64_FORMAT " patches of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
               ": give \"do_resize\"", size.width, size.height, config->max_num_patches, patch, patch);
  return FALSE;
}

/* What each of 256 values becomes. */
static void
tabulate (const GtfImageConfig *config, float values[3][256])
{
  GtfLevels levels[3];
  guint8 all[256];

  gtf_image_levels (config, levels);
  for (guint i = 0; i < 256; i++)
    all[i] = (guint8) i;
  for (guint c = 0; c < 3; c++)
    gtf_kernels_get ()->levels (&levels[c], all, 256, values[c]);
}

static gboolean
put_values (const GtfBatch *b, GHashTable *out, GError **error)
{
  const gsize patch = (gsize) b->config->patch_size, features = 3 * patch * patch, most = (gsize) b->config->max_num_patches;
  g_autoptr (GBytes) bytes = NULL;
  float values[3][256], *data = gtf_spare_take (b->pixels, most * features, b->n * sizeof *data, &bytes, error);

  tabulate (b->config, values);
  for (guint i = 0; i < b->n && data; i++, data += most * features)
    {
      const gsize own = 3 * (gsize) b->whats[i].out.width * (gsize) b->whats[i].out.height;

      if (!gtf_resizer_begin (b->resizer, b->images[i], &b->whats[i], error))
        return FALSE;
      cut (b->resizer, values, patch, data);
      memset (data + own, 0, (most * features - own) * sizeof *data);
    }
  return data && gtf_image_put (out, "pixel_values", GTF_DTYPE_F32, 3, (gint64[]){ b->n, (gint64) most, (gint64) features }, g_steal_pointer (&bytes), error);
}

static gboolean
put_shapes (const GtfBatch *b, GHashTable *out, GError **error)
{
  const gint64 patch = b->config->patch_size, most = b->config->max_num_patches;
  g_autoptr (GBytes) shape_bytes = NULL, mask_bytes = NULL;
  gint64 *shapes = gtf_image_zeros (2 * (gsize) b->n, sizeof *shapes, &shape_bytes, error);
  gint32 *mask = shapes ? gtf_image_zeros (b->n * (gsize) most, sizeof *mask, &mask_bytes, error) : NULL;

  if (!mask)
    return FALSE;
  for (guint i = 0; i < b->n; i++, shapes += 2, mask += most)
    {
      shapes[0] = b->whats[i].out.height / patch;
      shapes[1] = b->whats[i].out.width / patch;
      for (gint64 k = 0; k < shapes[0] * shapes[1]; k++)
        mask[k] = 1;
    }
  return gtf_image_put (out, "pixel_attention_mask", GTF_DTYPE_I32, 2, (gint64[]){ b->n, most }, g_steal_pointer (&mask_bytes), error)
         && gtf_image_put (out, "spatial_shapes", GTF_DTYPE_I64, 2, (gint64[]){ b->n, 2 }, g_steal_pointer (&shape_bytes), error);
}

gboolean
gtf_image_put_patches (const GtfBatch *b, GHashTable *out, GError **error)
{
  for (guint i = 0; i < b->n; i++)
    if (!check_patches (b->config, b->whats[i].out, error))
      return FALSE;
  return put_values (b, out, error) && put_shapes (b, out, error);
}
