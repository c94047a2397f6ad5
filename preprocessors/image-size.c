/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How large a picture becomes: the arithmetic of each image processor, its truncations and roundings included.
 */
#include "image.h"

#include <math.h>

gboolean
gtf_image_size_check (double width, double height, GtfExtent *to, GError **error)
{
  if (!(width >= 1 && height >= 1 && width <= GTF_IMAGE_MAX_SIDE && height <= GTF_IMAGE_MAX_SIDE))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "the picture would be resized to %.0f x %.0f: expected sides of 1 to %d", width, height, GTF_IMAGE_MAX_SIDE);
      return FALSE;
    }
  *to = (GtfExtent) { (gint) width, (gint) height };
  return TRUE;
}

/* Python's round (): halves to the even number. */
static double
round_even (double x)
{
  return nearbyint (x);
}

/* The short side becomes `edge`, the long one follows, truncated. */
static gboolean
to_shortest (double edge, GtfExtent from, GtfExtent *to, GError **error)
{
  double longer = trunc (edge * MAX (from.width, from.height) / MIN (from.width, from.height));

  return from.width <= from.height ? gtf_image_size_check (edge, longer, to, error) : gtf_image_size_check (longer, edge, to, error);
}

/* The short side becomes `edge` unless the long one would pass `longest`. */
static gboolean
to_shortest_and_longest (double edge, double longest, GtfExtent from, GtfExtent *to, GError **error)
{
  double shorter = MIN (from.width, from.height), longer = MAX (from.width, from.height), raw = edge;

  if (longer / shorter * edge > longest)
    {
      raw = longest * shorter / longer;
      edge = round_even (raw);
    }
  if (shorter == edge)
    return gtf_image_size_check (from.width, from.height, to, error);
  if (from.width < from.height)
    return gtf_image_size_check (edge, trunc (raw * from.height / from.width), to, error);
  return gtf_image_size_check (trunc (raw * from.width / from.height), edge, to, error);
}

/* As large as fits. */
static gboolean
to_maximum (const GtfImageSize *size, GtfExtent from, GtfExtent *to, GError **error)
{
  double scale = MIN ((double) size->max_height / from.height, (double) size->max_width / from.width);

  return gtf_image_size_check (trunc (from.width * scale), trunc (from.height * scale), to, error);
}

gboolean
gtf_image_size_plain (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  const GtfImageSize *size = &config->size;

  if (size->shortest_edge && size->longest_edge)
    return to_shortest_and_longest ((double) size->shortest_edge, (double) size->longest_edge, from, to, error);
  if (size->shortest_edge)
    return to_shortest ((double) size->shortest_edge, from, to, error);
  if (size->max_height)
    return to_maximum (size, from, to, error);
  if (size->height)
    return gtf_image_size_check ((double) size->width, (double) size->height, to, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "\"size\": this image processor takes no \"longest_edge\" alone");
  return FALSE;
}
