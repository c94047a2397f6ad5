/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * TIFF by libtiff, the first page: strips or tiles, samples side by side or in planes, of 1, 2, 4, 8 or 16 bits, grey also of floats;
 * grey, palette, RGB, CMYK, and YCbCr in JPEG. What becomes of the samples is Pillow's choice: of 16 bits RGB keeps the upper 8, grey is clipped at
 * 255; colour that was multiplied by its alpha is divided by it again, then alpha is dropped.
 *
 * libtiff brings a dozen compression libraries, so this is a module of its own, opened for the first TIFF.
 */
#include "image.h"

#include <string.h>
#include <tiffio.h>

#define MAX_SAMPLES 16
/* Pixels that a tile may have, however small the picture. */
#define MAX_TILE (1 << 22)

typedef struct
{
  const guint8 *data;
  guint64 length, at;
} Input;

/* A page: how its samples lie in a chunk (strip or tile) and what they mean. */
typedef struct
{
  guint32 width, height, chunk_width, chunk_height;
  guint16 bits, n_samples, photometric, planar;
  gboolean tiled, premultiplied, floats;
  const guint16 *red, *green, *blue;    /* of a palette */
} Page;

/* ---- the file, in memory ---- */

static tmsize_t
on_read (thandle_t handle, void *to, tmsize_t n)
{
  Input *input = handle;
  guint64 left = input->at < input->length ? MIN ((guint64) MAX (n, 0), input->length - input->at) : 0;

  memcpy (to, input->data + MIN (input->at, input->length), left);
  input->at += left;
  return (tmsize_t) left;
}

static tmsize_t
on_write (thandle_t handle, void *from, tmsize_t n)
{
  return 0;
}

static toff_t
on_seek (thandle_t handle, toff_t offset, int whence)
{
  Input *input = handle;

  input->at = offset + (whence == SEEK_CUR ? input->at : whence == SEEK_END ? input->length : 0);
  return input->at;
}

static int
on_close (thandle_t handle)
{
  return 0;
}

static toff_t
on_size (thandle_t handle)
{
  return ((Input *) handle)->length;
}

static gboolean
fail (GError **error, const char *name, const char *why)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: TIFF: %s", name, why);
  return FALSE;
}

/* ---- the page ---- */

static gboolean
read_layout (TIFF *tiff, Page *page, const char *name, GError **error)
{
  guint16 compression, n_extra = 0, *extra = NULL, format = SAMPLEFORMAT_UINT;

  *page = (Page) { .photometric = PHOTOMETRIC_MINISBLACK };
  TIFFGetFieldDefaulted (tiff, TIFFTAG_BITSPERSAMPLE, &page->bits);
  TIFFGetFieldDefaulted (tiff, TIFFTAG_SAMPLESPERPIXEL, &page->n_samples);
  TIFFGetFieldDefaulted (tiff, TIFFTAG_PLANARCONFIG, &page->planar);
  TIFFGetFieldDefaulted (tiff, TIFFTAG_COMPRESSION, &compression);
  TIFFGetFieldDefaulted (tiff, TIFFTAG_SAMPLEFORMAT, &format);
  TIFFGetFieldDefaulted (tiff, TIFFTAG_EXTRASAMPLES, &n_extra, &extra);
  TIFFGetField (tiff, TIFFTAG_PHOTOMETRIC, &page->photometric);
  page->premultiplied = n_extra > 0 && extra[0] == EXTRASAMPLE_ASSOCALPHA;
  if (!TIFFGetField (tiff, TIFFTAG_IMAGEWIDTH, &page->width) || !TIFFGetField (tiff, TIFFTAG_IMAGELENGTH, &page->height))
    return fail (error, name, "a page without a size");
  if (page->photometric == PHOTOMETRIC_YCBCR && compression == COMPRESSION_JPEG)
    {
      TIFFSetField (tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      page->photometric = PHOTOMETRIC_RGB;
    }
  page->tiled = TIFFIsTiled (tiff);
  page->chunk_width = page->width;
  TIFFGetFieldDefaulted (tiff, TIFFTAG_ROWSPERSTRIP, &page->chunk_height);
  if (page->tiled && (!TIFFGetField (tiff, TIFFTAG_TILEWIDTH, &page->chunk_width) || !TIFFGetField (tiff, TIFFTAG_TILELENGTH, &page->chunk_height)))
    return fail (error, name, "tiles without a size");
  if (!page->tiled)
    page->chunk_height = MIN (page->chunk_height, page->height);
  if (page->chunk_width == 0 || page->chunk_height == 0)
    return fail (error, name, "tiles or strips without rows");
  page->floats = format == SAMPLEFORMAT_IEEEFP;
  if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID && !page->floats)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: TIFF: samples of format %u: expected unsigned integers or floats; convert the picture to 8 bits", name, format);
      return FALSE;
    }
  return TRUE;
}

/* Samples that a pixel needs for its colour. */
static guint
count_needed (const Page *page)
{
  switch (page->photometric)
    {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
      return page->premultiplied ? 2 : 1;
    case PHOTOMETRIC_PALETTE:
      return 1;
    case PHOTOMETRIC_RGB:
      return page->premultiplied ? 4 : 3;
    case PHOTOMETRIC_SEPARATED:
      return 4;
    default:
      return 0;
    }
}

static gboolean
check_layout (TIFF *tiff, Page *page, const char *name, GError **error)
{
  guint needed = count_needed (page);
  gboolean deep = page->photometric == PHOTOMETRIC_RGB || page->photometric == PHOTOMETRIC_SEPARATED;
  gboolean good = page->bits == 8 || page->bits == 16 || (!deep && (page->bits == 1 || page->bits == 2 || page->bits == 4));

  if (page->photometric == PHOTOMETRIC_PALETTE && page->bits > 8)
    good = FALSE;
  if (page->floats)
    good = page->bits == 32 && page->n_samples == 1 && needed == 1 && page->photometric != PHOTOMETRIC_PALETTE;
  if (!good || needed == 0 || page->n_samples < needed || page->n_samples > MAX_SAMPLES)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: TIFF: %u samples of %u bits with photometric interpretation %u: expected grey, palette, RGB or CMYK of up to 16 bits", name, page->n_samples, page->bits, page->photometric);
      return FALSE;
    }
  if (page->photometric == PHOTOMETRIC_PALETTE && !TIFFGetField (tiff, TIFFTAG_COLORMAP, &page->red, &page->green, &page->blue))
    return fail (error, name, "a palette picture without a palette");
  return TRUE;
}

/* ---- samples to pixels ---- */

static guint
sample_at (const Page *page, const guint8 *row, gsize i)
{
  if (page->bits == 8)
    return row[i];
  if (page->bits == 16)
    return ((const guint16 *) (gconstpointer) row)[i];
  if (page->floats)
    {
      float value = ((const float *) (gconstpointer) row)[i];

      return value > 0 ? (guint) MIN (value, 255) : 0;
    }
  return (row[i * page->bits / 8] >> (8 - page->bits - i * page->bits % 8)) & ((1u << page->bits) - 1);
}

/* 8 bits of a grey sample. */
static guint8
grey (const Page *page, guint value)
{
  if (page->bits >= 16)
    return (guint8) MIN (value, 255);
  value = value * 255 / ((1u << page->bits) - 1);
  return (guint8) (page->photometric == PHOTOMETRIC_MINISWHITE ? 255 - value : value);
}

static guint8
divide (guint value, guint alpha)
{
  return (guint8) (alpha ? MIN (value * 255 / alpha, 255) : 0);
}

static void
put_pixel (const Page *page, const guint *samples, guint8 *to)
{
  guint shift = page->bits == 16 ? 8 : 0;

  switch (page->photometric)
    {
    case PHOTOMETRIC_PALETTE:
      to[0] = (guint8) (page->red[samples[0]] >> 8);
      to[1] = (guint8) (page->green[samples[0]] >> 8);
      to[2] = (guint8) (page->blue[samples[0]] >> 8);
      break;
    case PHOTOMETRIC_RGB:
      for (guint s = 0; s < 3; s++)
        to[s] = page->premultiplied ? divide (samples[s] >> shift, samples[3] >> shift) : (guint8) (samples[s] >> shift);
      break;
    case PHOTOMETRIC_SEPARATED:
      for (guint s = 0; s < 3; s++)
        {
          guint black = 255 - (samples[3] >> shift), product = (samples[s] >> shift) * black + 128;

          to[s] = (guint8) (black - (((product >> 8) + product) >> 8));
        }
      break;
    default:
      to[0] = grey (page, samples[0]);
      if (page->premultiplied)
        to[0] = divide (to[0], samples[1] >> shift);
      to[1] = to[2] = to[0];
    }
}

/* A chunk whose first pixel is (x0, y0); planes: where each sample's plane begins, or all at one place. */
static void
put_chunk (const Page *page, const guint8 *chunk, gsize row_size, gsize plane_size, guint32 x0, guint32 y0, GtfImage *image)
{
  const guint32 width = MIN (page->chunk_width, page->width - x0), height = MIN (page->chunk_height, page->height - y0);
  const guint needed = count_needed (page);
  guint samples[MAX_SAMPLES];

  for (guint32 y = 0; y < height; y++)
    for (guint32 x = 0; x < width; x++)
      {
        for (guint s = 0; s < needed; s++)
          samples[s] = plane_size ? sample_at (page, chunk + s * plane_size + y * row_size, x) : sample_at (page, chunk + y * row_size, (gsize) x * page->n_samples + s);
        put_pixel (page, samples, image->pixels + ((gsize) (y0 + y) * page->width + x0 + x) * 3);
      }
}

static gboolean
read_chunk (TIFF *tiff, const Page *page, guint32 x, guint32 y, guint16 plane, guint8 *to, gsize size)
{
  if (page->tiled)
    return TIFFReadEncodedTile (tiff, TIFFComputeTile (tiff, x, y, 0, plane), to, (tmsize_t) size) >= 0;
  return TIFFReadEncodedStrip (tiff, TIFFComputeStrip (tiff, y, plane), to, (tmsize_t) size) >= 0;
}

static gboolean
read_pixels (TIFF *tiff, const Page *page, GtfImage *image, const char *name, GError **error)
{
  const gboolean planes = page->planar == PLANARCONFIG_SEPARATE && page->n_samples > 1;
  const guint n_planes = planes ? count_needed (page) : 1;
  const guint64 row_size = ((guint64) page->chunk_width * (planes ? 1 : page->n_samples) * page->bits + 7) / 8, size = row_size * page->chunk_height;
  g_autofree guint8 *chunk = NULL;

  /* libtiff's own count, which knows of everything else in the file, must agree; and a small picture needs no vast tiles. */
  if (size != (guint64) (page->tiled ? TIFFTileSize (tiff) : TIFFVStripSize (tiff, page->chunk_height)))
    return fail (error, name, "strips or tiles of an unexpected size");
  if ((guint64) page->chunk_width * page->chunk_height > (guint64) page->width * page->height * 4 + MAX_TILE || !(chunk = g_try_malloc0 (size * n_planes)))
    return fail (error, name, "strips or tiles far larger than the picture");
  for (guint32 y = 0; y < page->height; y += MIN (page->chunk_height, page->height - y))
    for (guint32 x = 0; x < page->width; x += MIN (page->chunk_width, page->width - x))
      {
        for (guint16 p = 0; p < n_planes; p++)
          if (!read_chunk (tiff, page, x, y, p, chunk + p * size, size))
            return fail (error, name, "the file is truncated or broken");
        put_chunk (page, chunk, row_size, planes ? size : 0, x, y, image);
      }
  return TRUE;
}

GTF_PLUGIN_EXPORT GtfImage *gtf_decode_tiff (const guint8 *data, gsize length, const char *name, guint *orientation, GtfImageBegin begin, GError **error);

GTF_PLUGIN_EXPORT GtfImage *
gtf_decode_tiff (const guint8 *data, gsize length, const char *name, guint *orientation, GtfImageBegin begin, GError **error)
{
  Input input = { data, length, 0 };
  guint16 turned = 1;
  GtfImage *image = NULL;
  TIFF *tiff;
  Page page;

  TIFFSetErrorHandler (NULL);
  TIFFSetWarningHandler (NULL);
  tiff = TIFFClientOpen (name, "rm", &input, on_read, on_write, on_seek, on_close, on_size, NULL, NULL);
  if (tiff == NULL)
    {
      fail (error, name, "the file is truncated or broken");
      return NULL;
    }
  if (read_layout (tiff, &page, name, error) && check_layout (tiff, &page, name, error))
    image = begin (page.width, page.height, name, error);
  if (image != NULL && !read_pixels (tiff, &page, image, name, error))
    g_clear_pointer (&image, gtf_image_free);
  if (TIFFGetField (tiff, TIFFTAG_ORIENTATION, &turned) && turned >= 1 && turned <= 8)
    *orientation = turned;
  TIFFClose (tiff);
  return image;
}
