/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfImage: a picture in memory, packed RGB or, in this process only, a frame of video as it lies (image-rows.h). Decoding and processing are in
 * preprocessors/.
 */
#include "pipeline/image-rows.h"

#include <string.h>

G_DEFINE_BOXED_TYPE (GtfImage, gtf_image, gtf_image_copy, gtf_image_free)

/**
 * gtf_image_new: (constructor)
 * @width: columns, at least 1
 * @height: rows, at least 1
 * @error: return location
 *
 * A black picture. Errors: %GTF_ERROR_INVALID_ARGUMENT for sides below 1, %GTF_ERROR_NO_MEMORY.
 *
 * Returns: (transfer full): the picture
 */
GtfImage *
gtf_image_new (gint width, gint height, GError **error)
{
  guint8 *pixels;
  GtfImage *self;

  if (width < 1 || height < 1)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "a picture of %d x %d: expected at least 1 x 1", width, height);
      return NULL;
    }
  pixels = (guint64) width * (guint64) height <= G_MAXSIZE / 4 ? g_try_malloc0 ((gsize) width * (gsize) height * 3) : NULL;
  if (!pixels)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a picture of %d x %d", width, height);
      return NULL;
    }
  self = g_new0 (GtfImage, 1);
  self->width = width;
  self->height = height;
  self->pixels = pixels;
  return self;
}

/* Rows of video as RGB. */
static gboolean
convert (const GtfImage *from, GtfImage *to)
{
  g_auto (GtfImageRows) rows = { 0 };
  guint8 *pixel = to->pixels;

  if (!gtf_image_rows_begin (&rows, from, NULL))
    return FALSE;
  for (gint y = 0; y < from->height; y++)
    {
      const guint8 *row = gtf_image_rows_get (&rows, y);

      for (gint x = 0; x < from->width; x++, row += rows.pixel, pixel += 3)
        for (guint c = 0; c < 3; c++)
          pixel[c] = row[rows.at[c]];
    }
  return TRUE;
}

/**
 * gtf_image_copy:
 * @self: a picture
 *
 * Returns: (transfer full) (nullable): a copy, with pixels of its own also where @self is a frame of video
 */
GtfImage *
gtf_image_copy (const GtfImage *self)
{
  GtfImage *copy = gtf_image_new (self->width, self->height, NULL);

  if (!copy)
    return NULL;
  if (self->planes && !convert (self, copy))
    g_clear_pointer (&copy, gtf_image_free);
  if (self->planes)
    return copy;
  memcpy (copy->pixels, self->pixels, (gsize) self->width * (gsize) self->height * 3);
  copy->has_transparent = self->has_transparent;
  memcpy (copy->transparent, self->transparent, sizeof copy->transparent);
  return copy;
}

/**
 * gtf_image_free:
 * @self: (nullable): a picture
 *
 * Frees it.
 */
void
gtf_image_free (GtfImage *self)
{
  if (!self)
    return;
  g_free (self->pixels);
  g_free (self);
}
