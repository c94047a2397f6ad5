/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures in a terminal: half blocks. A character is about twice as high as it is wide, so that its halves are square pixels.
 */
#include "drawing/terminal.h"

/* The mean colour of the pixels of @image that pixel (@x, @y) of @width x @height covers. */
static void
mean_colour (const GtfImage *image, gint x, gint y, gint width, gint height, guint rgb[3])
{
  const gint left = (gint64) x * image->width / width, right = MAX (left + 1, (gint64) (x + 1) * image->width / width);
  const gint top = (gint64) y * image->height / height, bottom = MAX (top + 1, (gint64) (y + 1) * image->height / height);
  const guint64 n = (guint64) (right - left) * (bottom - top);
  guint64 sums[3] = { 0, 0, 0 };

  for (gint row = top; row < bottom; row++)
    for (const guint8 *p = image->pixels + ((gsize) row * image->width + left) * 3, *end = p + (gsize) (right - left) * 3; p < end; p += 3)
      for (guint c = 0; c < 3; c++)
        sums[c] += p[c];
  for (guint c = 0; c < 3; c++)
    rgb[c] = (sums[c] + n / 2) / n;
}

/* Sides with the picture's proportions in @columns pixels by twice as many as @rows, both at least one. */
static void
fit (const GtfImage *image, gint columns, gint rows, gint *width, gint *height)
{
  const double scale = MIN (1, MIN ((double) columns / image->width, 2.0 * rows / image->height));

  *width = CLAMP ((gint) (image->width * scale + 0.5), 1, columns);
  *height = CLAMP ((gint) (image->height * scale + 0.5), 1, 2 * rows);
}

char *
gtf_image_to_terminal (const GtfImage *image, gint columns, gint rows)
{
  g_autoptr (GString) out = g_string_new (NULL);
  gint width, height;

  g_return_val_if_fail (image != NULL && columns > 0 && rows > 0, NULL);
  fit (image, columns, rows, &width, &height);
  for (gint y = 0; y < height; y += 2)
    {
      for (gint x = 0; x < width; x++)
        {
          guint rgb[3];

          mean_colour (image, x, y, width, height, rgb);
          g_string_append_printf (out, "\033[38;2;%u;%u;%um", rgb[0], rgb[1], rgb[2]);
          if (y + 1 < height)
            {
              mean_colour (image, x, y + 1, width, height, rgb);
              g_string_append_printf (out, "\033[48;2;%u;%u;%um", rgb[0], rgb[1], rgb[2]);
            }
          g_string_append (out, "▀");
        }
      g_string_append (out, "\033[0m\n");
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
