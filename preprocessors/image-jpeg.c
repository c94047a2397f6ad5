/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JPEG by libjpeg-turbo with the settings that Pillow leaves at their defaults (the slow integer DCT, fancy upsampling), so that
 * the bytes are the same. CMYK and YCCK become RGB by Pillow's arithmetic. A warning of the library (a truncated or corrupt
 * stream) is an error here, as it is there.
 */
#include "image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>

#define EXIF_MARKER (JPEG_APP0 + 1)

typedef struct
{
  struct jpeg_error_mgr manager;
  jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  gboolean truncated;
} Failure;

static G_NORETURN void
on_error (j_common_ptr info)
{
  Failure *failure = (Failure *) info->err;

  info->err->format_message (info, failure->message);
  longjmp (failure->jump, 1);
}

static void
on_message (j_common_ptr info, int level)
{
  Failure *failure = (Failure *) info->err;

  /* Pillow goes on after wrong bytes but not without bytes. */
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF)
    {
      failure->truncated = TRUE;
      g_strlcpy (failure->message, "the file is truncated", sizeof failure->message);
      longjmp (failure->jump, 1);
    }
}

/* Pillow's MULDIV255 */
static guint8
multiply (guint a, guint b)
{
  guint t = a * b + 128;

  return (guint8) (((t >> 8) + t) >> 8);
}

/* Adobe writes CMYK inverted, and Pillow takes all of it so: what libjpeg gives counts as 255 - ink. */
static void
from_cmyk (const guint8 *row, guint width, guint8 *rgb)
{
  for (guint x = 0; x < width; x++, row += 4, rgb += 3)
    {
      guint light = row[3];

      for (guint c = 0; c < 3; c++)
        rgb[c] = (guint8) CLAMP ((gint) light - multiply (255U - row[c], light), 0, 255);
    }
}

static guint
find_orientation (const struct jpeg_decompress_struct *info)
{
  for (const struct jpeg_marker_struct *marker = info->marker_list; marker; marker = marker->next)
    if (marker->marker == EXIF_MARKER && marker->data_length > 6 && memcmp (marker->data, "Exif\0\0", 6) == 0)
      return gtf_exif_orientation (marker->data, marker->data_length);
  return 1;
}

/* All that setjmp () could spoil stands in the caller. */
static gboolean
decode (struct jpeg_decompress_struct *info, Failure *failure, GtfImage **image, guint8 **row, const char *name, guint *orientation, GError **error)
{
  if (setjmp (failure->jump))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: JPEG: %s", name, failure->message);
      return FALSE;
    }
  jpeg_save_markers (info, EXIF_MARKER, 0xffff);
  jpeg_read_header (info, TRUE);
  *orientation = find_orientation (info);
  info->out_color_space = info->num_components == 4 ? JCS_CMYK : JCS_RGB;
  *image = gtf_image_begin (info->image_width, info->image_height, name, error);
  if (!*image)
    return FALSE;
  jpeg_start_decompress (info);
  if (info->output_components == 4)
    *row = g_malloc ((gsize) info->output_width * 4);
  while (info->output_scanline < info->output_height)
    {
      guint8 *to = (*image)->pixels + (gsize) info->output_scanline * (gsize) info->output_width * 3;
      JSAMPROW rows[1] = { *row ? *row : to };

      jpeg_read_scanlines (info, rows, 1);
      if (*row)
        from_cmyk (*row, info->output_width, to);
    }
  jpeg_finish_decompress (info);
  return TRUE;
}

GtfImage *
gtf_image_decode_jpeg (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error)
{
  struct jpeg_decompress_struct info = { 0 };
  Failure failure = { 0 };
  g_autoptr (GtfImage) image = NULL;
  g_autofree guint8 *row = NULL;
  gboolean good;

  info.err = jpeg_std_error (&failure.manager);
  failure.manager.error_exit = on_error;
  failure.manager.emit_message = on_message;
  jpeg_create_decompress (&info);
  jpeg_mem_src (&info, data, length);
  good = decode (&info, &failure, &image, &row, name, orientation, error);
  jpeg_destroy_decompress (&info);
  return good ? g_steal_pointer (&image) : NULL;
}
