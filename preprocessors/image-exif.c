/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The orientation that a camera wrote into a picture's EXIF data, and turning by it.
 */
#include "image.h"

#include <string.h>

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3

static guint32
get (const guint8 *p, guint n, gboolean big)
{
  guint32 value = 0;

  for (guint i = 0; i < n; i++)
    value |= (guint32) p[i] << 8 * (big ? n - 1 - i : i);
  return value;
}

guint
gtf_exif_orientation (const guint8 *exif, gsize length)
{
  gboolean big;
  guint32 offset, n;

  if (length >= 6 && memcmp (exif, "Exif\0\0", 6) == 0)
    {
      exif += 6;
      length -= 6;
    }
  if (length < 14 || (memcmp (exif, "II*\0", 4) != 0 && memcmp (exif, "MM\0*", 4) != 0))
    return 1;
  big = exif[0] == 'M';
  offset = get (exif + 4, 4, big);
  if (offset > length - 2)
    return 1;
  n = get (exif + offset, 2, big);
  for (guint32 i = 0; i < n && offset + 2 + (gsize) (i + 1) * 12 <= length; i++)
    {
      const guint8 *entry = exif + offset + 2 + (gsize) i * 12;

      if (get (entry, 2, big) == TAG_ORIENTATION && get (entry + 2, 2, big) == TYPE_SHORT)
        {
          guint32 value = get (entry + 8, 2, big);

          return value >= 1 && value <= 8 ? value : 1;
        }
    }
  return 1;
}

GtfImage *
gtf_image_orient (GtfImage *image, guint orientation, GError **error)
{
  g_autoptr (GtfImage) in = image;
  gboolean swap = orientation >= 5, from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  gboolean from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  GtfImage *out;

  if (orientation <= 1 || orientation > 8)
    return g_steal_pointer (&in);
  out = gtf_image_new (swap ? in->height : in->width, swap ? in->width : in->height, error);
  for (gint y = 0; out && y < out->height; y++)
    for (gint x = 0; x < out->width; x++)
      {
        gint from_x = swap ? y : x, from_y = swap ? x : y;

        if (from_right)
          from_x = in->width - 1 - from_x;
        if (from_bottom)
          from_y = in->height - 1 - from_y;
        memcpy (out->pixels + ((gsize) y * (gsize) out->width + (gsize) x) * 3, in->pixels + ((gsize) from_y * (gsize) in->width + (gsize) from_x) * 3, 3);
      }
  if (out)
    {
      out->has_transparent = in->has_transparent;
      memcpy (out->transparent, in->transparent, sizeof out->transparent);
    }
  return out;
}
