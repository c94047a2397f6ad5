/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * BMP without compression: palettes of 1, 4 and 8 bits, 24 and 32 bits. Small enough that no library is asked.
 */
#include "image.h"

#include <string.h>

#define FILE_HEADER 14

typedef struct
{
  guint32 pixels_at, header, bits, compression, n_colors;
  gint64 width, height;       /* height < 0: the first row is at the top */
} Header;

static guint32
get16 (const guint8 *p)
{
  return (guint32) p[0] | (guint32) p[1] << 8;
}

static guint32
get32 (const guint8 *p)
{
  return get16 (p) | get16 (p + 2) << 16;
}

static gboolean
read_header (Header *h, const guint8 *data, gsize length)
{
  const guint8 *p = data + FILE_HEADER;

  if (length < FILE_HEADER + 12)
    return FALSE;
  h->pixels_at = get32 (data + 10);
  h->header = get32 (p);
  if (h->header == 12)
    {
      h->width = get16 (p + 4);
      h->height = get16 (p + 6);
      h->bits = get16 (p + 10);
      return TRUE;
    }
  if (h->header < 40 || h->header > 256 || length < FILE_HEADER + h->header)
    return FALSE;
  h->width = (gint32) get32 (p + 4);
  h->height = (gint32) get32 (p + 8);
  h->bits = get16 (p + 14);
  h->compression = get32 (p + 16);
  h->n_colors = get32 (p + 32);
  return TRUE;
}

static guint
get_index (const guint8 *row, guint x, guint bits)
{
  guint per_byte = 8 / bits;

  return row[x / per_byte] >> (8 - bits * (x % per_byte + 1)) & ((1U << bits) - 1);
}

static void
read_row (const guint8 *row, guint width, const Header *h, const guint8 *colors, guint n_colors, guint8 *to)
{
  for (guint x = 0; x < width; x++, to += 3)
    {
      static const guint8 none[3] = { 0 };
      const guint8 *bgr = row + (gsize) x * (h->bits / 8);

      if (h->bits <= 8)
        {
          guint index = get_index (row, x, h->bits);
          bgr = index < n_colors ? colors + (gsize) index * (h->header == 12 ? 3 : 4) : none;
        }
      to[0] = bgr[2];
      to[1] = bgr[1];
      to[2] = bgr[0];
    }
}

GtfImage *
gtf_image_decode_bmp (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error)
{
  Header h = { 0 };
  gsize stride, colors_at, n_colors = 0;
  gint64 height;
  GtfImage *image;

  if (!read_header (&h, data, length) || h.width < 1)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: BMP: the header is truncated or broken", name);
      return NULL;
    }
  if (h.compression != 0 || !(h.bits == 1 || h.bits == 4 || h.bits == 8 || h.bits == 24 || h.bits == 32))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: BMP: %u bits with compression %u cannot be read", name, h.bits, h.compression);
      return NULL;
    }
  height = ABS (h.height);
  stride = ((gsize) h.width * h.bits + 31) / 32 * 4;
  colors_at = FILE_HEADER + h.header;
  if (h.bits <= 8)
    n_colors = MIN (h.n_colors ? h.n_colors : 1U << h.bits, 256);
  image = gtf_image_begin ((guint64) h.width, (guint64) height, name, error);
  if (!image)
    return NULL;
  if (colors_at + n_colors * (h.header == 12 ? 3 : 4) > length || h.pixels_at > length || (length - h.pixels_at) / stride < (gsize) height)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: BMP: the file is truncated", name);
      gtf_image_free (image);
      return NULL;
    }
  for (gsize y = 0; y < (gsize) height; y++)
    read_row (data + h.pixels_at + (h.height < 0 ? y : (gsize) height - 1 - y) * stride, (guint) h.width, &h, data + colors_at, (guint) n_colors, image->pixels + y * (gsize) h.width * 3);
  return image;
}
