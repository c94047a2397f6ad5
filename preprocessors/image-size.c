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

/* The short side becomes `edge` unless the long one would pass `longest`. yolos: upright pictures whose short side is right already
 * are still resized. */
static gboolean
to_shortest_and_longest (double edge, double longest, gboolean yolos, GtfExtent from, GtfExtent *to, GError **error)
{
  double shorter = MIN (from.width, from.height), longer = MAX (from.width, from.height), raw = edge;

  if (longer / shorter * edge > longest)
    {
      raw = longest * shorter / longer;
      edge = round_even (raw);
    }
  if (shorter == edge && !(yolos && from.width < from.height))
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
    return to_shortest_and_longest ((double) size->shortest_edge, (double) size->longest_edge, FALSE, from, to, error);
  if (size->shortest_edge)
    return to_shortest ((double) size->shortest_edge, from, to, error);
  if (size->max_height)
    return to_maximum (size, from, to, error);
  if (size->height)
    return gtf_image_size_check ((double) size->width, (double) size->height, to, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "\"size\": this image processor takes no \"longest_edge\" alone");
  return FALSE;
}

/* Below 384: to shortest_edge / crop_pct, of which a square is cut; from 384 on: warped to a square. */
gboolean
gtf_image_size_convnext (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  double edge = (double) config->size.shortest_edge;

  if (!config->size.shortest_edge)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "\"size\": this image processor needs \"shortest_edge\"");
      return FALSE;
    }
  return edge < 384 ? to_shortest (trunc (edge / config->crop_pct), from, to, error) : gtf_image_size_check (edge, edge, to, error);
}

void
gtf_image_crop_convnext (const GtfImageConfig *config, GtfExtent *crop)
{
  gint edge = config->size.shortest_edge < 384 ? (gint) config->size.shortest_edge : 0;

  *crop = (GtfExtent) { edge, edge };
}

gboolean
gtf_image_size_levit (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  if (config->size.shortest_edge)
    return to_shortest (trunc (256.0 / 224 * (double) config->size.shortest_edge), from, to, error);
  return gtf_image_size_plain (config, from, to, error);
}

gboolean
gtf_image_size_poolformer (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  const GtfImageSize *size = &config->size;

  if (size->shortest_edge)
    return to_shortest (trunc ((double) size->shortest_edge / config->crop_pct), from, to, error);
  if (size->height && size->height == size->width)
    return to_shortest (trunc ((double) size->height / config->crop_pct), from, to, error);
  if (size->height)
    return gtf_image_size_check (trunc ((double) size->width / config->crop_pct), trunc ((double) size->height / config->crop_pct), to, error);
  return gtf_image_size_plain (config, from, to, error);
}

/* With keep_aspect_ratio the side that has to change least says how much; then both go to the nearest multiple. */
gboolean
gtf_image_size_dpt (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  double scale_y = (double) config->size.height / from.height, scale_x = (double) config->size.width / from.width, multiple = config->ensure_multiple_of;

  if (!config->size.height)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "\"size\": this image processor needs \"height\" and \"width\"");
      return FALSE;
    }
  if (config->keep_aspect_ratio && fabs (1 - scale_x) < fabs (1 - scale_y))
    scale_y = scale_x;
  else if (config->keep_aspect_ratio)
    scale_x = scale_y;
  if (!gtf_image_size_check (round_even (scale_x * from.width / multiple) * multiple, round_even (scale_y * from.height / multiple) * multiple, to, error))
    return FALSE;
  if (!config->do_pad || config->size_divisor < 2 || (to->width % config->size_divisor == 0 && to->height % config->size_divisor == 0))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "\"do_pad\": a picture of %d x %d within a border, up to multiples of \"size_divisor\" (%d), is not supported: set it to false",
               to->width, to->height, (gint) config->size_divisor);
  return FALSE;
}

/* Both sides down to multiples of 16 where edges are given. */
gboolean
gtf_image_size_yolos (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  if (!config->size.shortest_edge || !config->size.longest_edge)
    return gtf_image_size_plain (config, from, to, error);
  return to_shortest_and_longest ((double) config->size.shortest_edge, (double) config->size.longest_edge, TRUE, from, to, error) &&
         gtf_image_size_check (to->width - to->width % 16, to->height - to->height % 16, to, error);
}

/* Both sides up to multiples of size_divisor. */
gboolean
gtf_image_size_up (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  gint n = (gint) config->size_divisor;

  if (!gtf_image_size_plain (config, from, to, error))
    return FALSE;
  return n < 1 || gtf_image_size_check (((double) to->width + n - 1) - (to->width + n - 1) % n, ((double) to->height + n - 1) - (to->height + n - 1) % n, to, error);
}

/* Both sides of the picture itself down to multiples of size_divisor. */
gboolean
gtf_image_size_down (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  gint n = (gint) MAX (config->size_divisor, 1);

  return gtf_image_size_check (from.width - from.width % n, from.height - from.height % n, to, error);
}

/* The long side at most 1333 / 800 of the short one, both rounded and then down to multiples. */
gboolean
gtf_image_size_vilt (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  double shorter = (double) config->size.shortest_edge, longer = trunc (1333.0 / 800 * shorter), width, height;
  gint64 n = MAX (config->size_divisor, 1);

  if (!config->size.shortest_edge)
    return gtf_image_size_plain (config, from, to, error);
  height = from.height < from.width ? shorter : from.height * (shorter / from.width);
  width = from.height < from.width ? from.width * (shorter / from.height) : shorter;
  if (MAX (height, width) > longer)
    {
      double scale = longer / MAX (height, width);

      height *= scale;
      width *= scale;
    }
  return gtf_image_size_check ((double) ((gint64) (width + 0.5) / n * n), (double) ((gint64) (height + 0.5) / n * n), to, error);
}

/* With a border the whole picture fits into height x width; or it covers them, before its middle is cut out. Both sides are rounded. */
gboolean
gtf_image_size_timm (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  double down, across, ratio;

  if (!(config->do_border || config->do_cover) || config->size.height == 0)
    return gtf_image_size_plain (config, from, to, error);
  down = (double) from.height / (double) config->size.height;
  across = (double) from.width / (double) config->size.width;
  ratio = config->do_border ? MAX (down, across) : MIN (down, across);
  return gtf_image_size_check (rint (from.width / ratio), rint (from.height / ratio), to, error);
}

/* The long side becomes longest_edge, both are rounded. */
gboolean
gtf_image_size_sam (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  double scale = (double) config->size.longest_edge / MAX (from.width, from.height);

  if (!config->size.longest_edge)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "\"size\": this image processor needs \"longest_edge\"");
      return FALSE;
    }
  return gtf_image_size_check (trunc (from.width * scale + 0.5), trunc (from.height * scale + 0.5), to, error);
}

/* Pictures above longest_edge shrink to it; no side becomes smaller than shortest_edge. */
gboolean
gtf_image_size_idefics2 (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error)
{
  double ratio = (double) from.width / from.height, width = from.width, height = from.height, longest = (double) config->size.longest_edge;

  if (!config->size.shortest_edge || !config->size.longest_edge)
    return gtf_image_size_plain (config, from, to, error);
  if (width >= height && width > longest)
    {
      width = longest;
      height = trunc (width / ratio);
    }
  else if (height > width && height > longest)
    {
      height = longest;
      width = trunc (height * ratio);
    }
  return gtf_image_size_check (MAX (width, (double) config->size.shortest_edge), MAX (height, (double) config->size.shortest_edge), to, error);
}
