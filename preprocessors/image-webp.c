/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * WebP by libwebp: the first frame on its canvas, alpha dropped.
 */
#include "image.h"

#include <webp/decode.h>
#include <webp/demux.h>

static gboolean
decode_frame (const WebPIterator *frame, GtfImage *image)
{
  gsize stride = (gsize) image->width * 3, at;
  gint width, height;

  if (!WebPGetInfo (frame->fragment.bytes, frame->fragment.size, &width, &height) || frame->x_offset < 0 || frame->y_offset < 0 ||
      width < 1 || height < 1 || width > image->width - frame->x_offset || height > image->height - frame->y_offset)
    return FALSE;
  at = (gsize) frame->y_offset * stride + (gsize) frame->x_offset * 3;
  return WebPDecodeRGBInto (frame->fragment.bytes, frame->fragment.size, image->pixels + at, stride * (gsize) image->height - at, (gint) stride) != NULL;
}

GtfImage *
gtf_image_decode_webp (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error)
{
  WebPData bytes = { data, length };
  WebPDemuxer *demuxer = WebPDemux (&bytes);
  GtfImage *image = NULL;
  WebPIterator frame;
  WebPChunkIterator chunk;

  if (!demuxer)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: WebP: the file is truncated or broken", name);
      return NULL;
    }
  if (WebPDemuxGetChunk (demuxer, "EXIF", 1, &chunk))
    {
      *orientation = gtf_exif_orientation (chunk.chunk.bytes, chunk.chunk.size);
      WebPDemuxReleaseChunkIterator (&chunk);
    }
  if (WebPDemuxGetFrame (demuxer, 1, &frame))
    {
      image = gtf_image_begin (WebPDemuxGetI (demuxer, WEBP_FF_CANVAS_WIDTH), WebPDemuxGetI (demuxer, WEBP_FF_CANVAS_HEIGHT), name, error);
      if (image && !decode_frame (&frame, image))
        {
          g_clear_pointer (&image, gtf_image_free);
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: WebP: the pixels are truncated or broken", name);
        }
      WebPDemuxReleaseIterator (&frame);
    }
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: WebP: there is no picture", name);
  WebPDemuxDelete (demuxer);
  return image;
}
