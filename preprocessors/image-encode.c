/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures written: PNG by libpng (8-bit RGB), JPEG by libjpeg-turbo (quality 92, 4:2:0).
 */
#include "image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <png.h>

#define QUALITY 92
#define MOST_JPEG 65500

/* ---- PNG ---- */

static void
on_write (png_structp png, png_bytep data, png_size_t n)
{
  g_byte_array_append (png_get_io_ptr (png), data, (guint) n);
}

static void
on_flush (png_structp png)
{
}

static G_NORETURN void
on_png_error (png_structp png, png_const_charp message)
{
  g_strlcpy (png_get_error_ptr (png), message, JMSG_LENGTH_MAX);
  png_longjmp (png, 1);
}

static gboolean
write_png (png_structp png, png_infop info, const GtfImage *image)
{
  if (setjmp (png_jmpbuf (png)))
    return FALSE;
  png_set_user_limits (png, 0x7fffffff, 0x7fffffff);
  png_set_IHDR (png, info, (png_uint_32) image->width, (png_uint_32) image->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info (png, info);
  for (gint y = 0; y < image->height; y++)
    png_write_row (png, image->pixels + (gsize) y * (gsize) image->width * 3);
  png_write_end (png, info);
  return TRUE;
}

static gboolean
encode_png (const GtfImage *image, GByteArray *out, char *message)
{
  png_structp png = png_create_write_struct (PNG_LIBPNG_VER_STRING, message, on_png_error, NULL);
  png_infop info = png ? png_create_info_struct (png) : NULL;
  gboolean good = FALSE;

  if (info)
    {
      png_set_write_fn (png, out, on_write, on_flush);
      good = write_png (png, info, image);
    }
  png_destroy_write_struct (&png, &info);
  return good;
}

/* ---- JPEG ---- */

typedef struct
{
  struct jpeg_error_mgr base;
  jmp_buf back;
  char *message;
} JpegError;

static void
on_jpeg_error (j_common_ptr jpeg)
{
  JpegError *error = (JpegError *) jpeg->err;

  error->base.format_message (jpeg, error->message);
  longjmp (error->back, 1);
}

static gboolean
encode_jpeg (const GtfImage *image, guint8 **data, unsigned long *size, char *message)
{
  struct jpeg_compress_struct jpeg;
  JpegError error = { .message = message };

  jpeg.err = jpeg_std_error (&error.base);
  error.base.error_exit = on_jpeg_error;
  if (setjmp (error.back))
    {
      jpeg_destroy_compress (&jpeg);
      return FALSE;
    }
  jpeg_create_compress (&jpeg);
  jpeg_mem_dest (&jpeg, data, size);
  jpeg.image_width = (JDIMENSION) image->width;
  jpeg.image_height = (JDIMENSION) image->height;
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults (&jpeg);
  jpeg_set_quality (&jpeg, QUALITY, TRUE);
  jpeg_start_compress (&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height)
    {
      JSAMPROW row = image->pixels + (gsize) jpeg.next_scanline * (gsize) image->width * 3;

      jpeg_write_scanlines (&jpeg, &row, 1);
    }
  jpeg_finish_compress (&jpeg);
  jpeg_destroy_compress (&jpeg);
  return TRUE;
}

static void
free_jpeg (gpointer data)
{
  free (data);            /* libjpeg's, by malloc() */
}

GBytes *
gtf_image_encode_bytes (const GtfImage *image, const char *format, GError **error)
{
  char message[JMSG_LENGTH_MAX] = "no memory";
  guint8 *data = NULL;
  unsigned long size = 0;

  if (strcmp (format, "png") == 0)
    {
      g_autoptr (GByteArray) out = g_byte_array_new ();

      if (encode_png (image, out, message))
        return g_byte_array_free_to_bytes (g_steal_pointer (&out));
    }
  else if (image->width > MOST_JPEG || image->height > MOST_JPEG)
    g_snprintf (message, sizeof message, "no side may be longer than %d pixels", MOST_JPEG);
  else if (encode_jpeg (image, &data, &size, message))
    return g_bytes_new_with_free_func (data, size, free_jpeg, data);
  free (data);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "a picture of %d x %d cannot be written as %s: %s", image->width, image->height, format, message);
  return NULL;
}
