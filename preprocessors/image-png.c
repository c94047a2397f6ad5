/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * PNG by libpng: palettes, grey of 1, 2, 4 bits and interlaced rows become 8-bit RGB, alpha is dropped, and of tRNS kept which colour it is. Of 16 bits the
 * upper 8 stay, except where Pillow keeps 16-bit grey and clips it at 255 on conversion.
 */
#include "image.h"

#include <string.h>
#include <png.h>

typedef struct
{
  const guint8 *data;
  gsize length, at;
  char message[256];
} Input;

static void
on_read (png_structp png, png_bytep to, png_size_t n)
{
  Input *input = png_get_io_ptr (png);

  if (n > input->length - input->at)
    png_error (png, "the file is truncated");
  memcpy (to, input->data + input->at, n);
  input->at += n;
}

static G_NORETURN void
on_error (png_structp png, png_const_charp message)
{
  Input *input = png_get_error_ptr (png);

  g_strlcpy (input->message, message, sizeof input->message);
  png_longjmp (png, 1);
}

static void
on_warning (png_structp png, png_const_charp message)
{
}

/* Rows of 16-bit grey, most significant byte first, at the front of RGB rows -> RGB, clipped. */
static void
clip_grey (GtfImage *image)
{
  for (gint y = 0; y < image->height; y++)
    {
      guint8 *row = image->pixels + (gsize) y * (gsize) image->width * 3;

      for (gint x = image->width - 1; x >= 0; x--)
        memset (row + 3 * (gsize) x, row[2 * x] ? 255 : row[2 * x + 1], 3);
    }
}

/* The colour that stands for transparency, as Pillow has it: of a palette only where one entry is transparent and the others are not at all. */
static void
find_transparent (png_structp png, png_infop info, int depth, int color, GtfImage *image)
{
  png_color_16p value = NULL;
  png_colorp palette = NULL;
  png_bytep alpha = NULL;
  int n = 0, n_colors = 0, at = -1;

  if (!png_get_tRNS (png, info, &alpha, &n, &value))
    return;
  if (color == PNG_COLOR_TYPE_PALETTE && png_get_PLTE (png, info, &palette, &n_colors))
    {
      for (int i = 0; i < n; i++)
        if (alpha[i] != 255 && (alpha[i] != 0 || at >= 0))
          return;
        else if (alpha[i] == 0)
          at = i;
      image->has_transparent = at >= 0 && at < n_colors;
      if (image->has_transparent)
        memcpy (image->transparent, (guint8[]){ palette[at].red, palette[at].green, palette[at].blue }, 3);
    }
  else if (color == PNG_COLOR_TYPE_RGB && depth == 8)
    {
      image->has_transparent = TRUE;
      memcpy (image->transparent, (guint8[]){ (guint8) value->red, (guint8) value->green, (guint8) value->blue }, 3);
    }
  else if (color == PNG_COLOR_TYPE_GRAY && depth > 1 && depth <= 8)
    {
      image->has_transparent = TRUE;
      memset (image->transparent, (guint8) value->gray, 3);      /* as in the file, though fewer bits than 8 are spread over 8 */
    }
}

static gboolean
decode (png_structp png, png_infop info, Input *input, GtfImage **image, png_bytep **rows, const char *name, guint *orientation, GError **error)
{
  png_uint_32 width, height, exif_length;
  png_bytep exif;
  int depth, color;

  if (setjmp (png_jmpbuf (png)))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: PNG: %s", name, input->message);
      return FALSE;
    }
  png_set_user_limits (png, 0x7fffffff, 0x7fffffff);      /* ours is by pixels */
  /* As Pillow: every chunk before the picture must be whole; the picture's own are checked by zlib alone. */
  png_set_crc_action (png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_read_info (png, info);
  png_set_crc_action (png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
  png_get_IHDR (png, info, &width, &height, &depth, &color, NULL, NULL, NULL);
  *image = gtf_image_begin (width, height, name, error);
  if (!*image)
    return FALSE;
  find_transparent (png, info, depth, color, *image);
  if (depth == 16 && color != PNG_COLOR_TYPE_GRAY)
    png_set_strip_16 (png);
  if (color == PNG_COLOR_TYPE_PALETTE)
    png_set_palette_to_rgb (png);
  else if (color == PNG_COLOR_TYPE_GRAY && depth < 8)
    png_set_expand_gray_1_2_4_to_8 (png);
  png_set_strip_alpha (png);
  if (!(color & PNG_COLOR_MASK_COLOR) && !(depth == 16 && color == PNG_COLOR_TYPE_GRAY))
    png_set_gray_to_rgb (png);
  png_set_interlace_handling (png);
  png_read_update_info (png, info);
  if (png_get_rowbytes (png, info) > (gsize) width * 3)
    png_error (png, "rows of an unexpected size");
  *rows = g_try_new (png_bytep, height);
  if (!*rows)
    png_error (png, "no memory");
  for (png_uint_32 y = 0; y < height; y++)
    (*rows)[y] = (*image)->pixels + (gsize) y * width * 3;
  png_read_image (png, *rows);
  png_read_end (png, info);
  if (png_get_eXIf_1 (png, info, &exif_length, &exif))
    *orientation = gtf_exif_orientation (exif, exif_length);
  if (depth == 16 && color == PNG_COLOR_TYPE_GRAY)
    clip_grey (*image);
  return TRUE;
}

GtfImage *
gtf_image_decode_png (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error)
{
  Input input = { data, length, 0, "" };
  g_autoptr (GtfImage) image = NULL;
  g_autofree png_bytep *rows = NULL;
  png_structp png = png_create_read_struct (PNG_LIBPNG_VER_STRING, &input, on_error, on_warning);
  png_infop info = png ? png_create_info_struct (png) : NULL;
  gboolean good = FALSE;

  if (info)
    {
      png_set_read_fn (png, &input, on_read);
      good = decode (png, info, &input, &image, &rows, name, orientation, error);
    }
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory to read a PNG", name);
  png_destroy_read_struct (&png, &info, NULL);
  return good ? g_steal_pointer (&image) : NULL;
}
