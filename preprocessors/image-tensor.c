/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 8-bit pictures to planes of floats: cropping, rescaling, normalisation, padding.
 */
#include "image.h"

#include <string.h>

GtfImage *
gtf_image_on_white (const GtfImage *image, GError **error)
{
  GtfImage *out = gtf_image_new (image->width, image->height, error);

  for (gsize i = 0; out && i < (gsize) image->width * (gsize) image->height * 3; i += 3)
    if (memcmp (image->pixels + i, image->transparent, 3) == 0)
      memset (out->pixels + i, 255, 3);
    else
      memcpy (out->pixels + i, image->pixels + i, 3);
  return out;
}

/* How much is cut off before the middle. Python rounds 0.5 to 0 and 1.5 to 2. */
static gint
cut_before (gint more, gboolean rounds)
{
  return rounds && more % 4 == 3 ? more / 2 + 1 : more / 2;
}

/* A crop larger than the picture has black around it; what does not divide by 2 goes to the right and the bottom, unless it is rounded. */
GtfImage *
gtf_image_center_crop (const GtfImage *image, gint width, gint height, gboolean rounds, GError **error)
{
  gint left = width > image->width ? (width - image->width) / 2 : -cut_before (image->width - width, rounds);
  gint top = height > image->height ? (height - image->height) / 2 : -cut_before (image->height - height, rounds);
  gint first_x = MAX (left, 0), end_x = MIN (left + image->width, width), first_y = MAX (top, 0), end_y = MIN (top + image->height, height);
  GtfImage *out = gtf_image_new (width, height, error);

  for (gint y = first_y; out && y < end_y; y++)
    memcpy (out->pixels + ((gsize) y * (gsize) width + (gsize) first_x) * 3,
            image->pixels + ((gsize) (y - top) * (gsize) image->width + (gsize) (first_x - left)) * 3, (gsize) (end_x - first_x) * 3);
  return out;
}

/* Single precision throughout, in the order of the reference: mean and std take the rescaling into themselves. */
void
gtf_image_levels (const GtfImageConfig *config, float levels[3][256])
{
  for (guint c = 0; c < 3; c++)
    {
      float mean = (float) config->mean[c], std = (float) config->std[c], scale = (float) config->rescale_factor;
      gboolean fused = config->do_rescale && config->do_normalize && !config->rescale_offset;

      if (fused)
        {
          mean *= (float) (1 / config->rescale_factor);
          std *= (float) (1 / config->rescale_factor);
        }
      for (guint i = 0; i < 256; i++)
        {
          float value = (float) i;

          if (config->do_rescale && !fused)
            value *= scale;
          if (config->do_rescale && config->rescale_offset)
            value -= 1;
          if (config->do_normalize)
            value = (value - mean) / std;
          if (config->include_top)
            value /= (float) config->std[c];
          levels[c][i] = value;
        }
    }
}

void
gtf_image_to_planes (const GtfImage *image, const float levels[3][256], gboolean flip, gint left, gint top, GtfExtent out, float *planes)
{
  gsize plane = (gsize) out.width * (gsize) out.height;

  if (out.width != image->width || out.height != image->height)
    memset (planes, 0, plane * 3 * sizeof (float));
  for (gint y = 0; y < image->height; y++)
    {
      const guint8 *row = image->pixels + (gsize) y * (gsize) image->width * 3;
      float *to = planes + (gsize) (y + top) * (gsize) out.width + (gsize) left;

      for (guint c = 0; c < 3; c++, to += plane)
        {
          const float *level = levels[flip ? 2 - c : c];
          const guint8 *from = row + (flip ? 2 - c : c);

          for (gint x = 0; x < image->width; x++)
            to[x] = level[from[3 * x]];
        }
    }
}
