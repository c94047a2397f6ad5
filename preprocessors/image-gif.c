/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GIF by giflib: the first picture on its screen; what it leaves free has the transparent colour, or the first.
 */
#include "image.h"

#include <string.h>
#include <gif_lib.h>

typedef struct
{
  const guint8 *data;
  gsize length, at;
} Input;

static int
on_read (GifFileType *gif, GifByteType *to, int n)
{
  Input *input = gif->UserData;
  gsize left = MIN ((gsize) MAX (n, 0), input->length - input->at);

  memcpy (to, input->data + input->at, left);
  input->at += left;
  return (int) left;
}

/* Skips to the first picture; *transparent: the index of the transparent colour, if there is one. FALSE: there is no picture, or the file is broken. */
static gboolean
find_picture (GifFileType *gif, gint *transparent)
{
  GifRecordType record;

  while (DGifGetRecordType (gif, &record) == GIF_OK && record != TERMINATE_RECORD_TYPE)
    {
      GifByteType *block;
      int code;

      if (record == IMAGE_DESC_RECORD_TYPE)
        return DGifGetImageDesc (gif) == GIF_OK;
      if (record != EXTENSION_RECORD_TYPE || DGifGetExtension (gif, &code, &block) != GIF_OK)
        return FALSE;
      if (block && code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4 && block[1] & 1)
        *transparent = block[4];
      while (block)
        if (DGifGetExtensionNext (gif, &block) != GIF_OK)
          return FALSE;
    }
  return FALSE;
}

static void
put_color (const ColorMapObject *colors, guint index, guint8 *to)
{
  if (colors && index < (guint) colors->ColorCount)
    {
      to[0] = colors->Colors[index].Red;
      to[1] = colors->Colors[index].Green;
      to[2] = colors->Colors[index].Blue;
    }
  else
    memset (to, colors ? 0 : (gint) index, 3);
}

static gboolean
read_rows (GifFileType *gif, GtfImage *image, gint transparent)
{
  static const gint starts[] = { 0, 4, 2, 1 }, steps[] = { 8, 8, 4, 2 };
  const GifImageDesc *at = &gif->Image;
  const ColorMapObject *colors = at->ColorMap ? at->ColorMap : gif->SColorMap;
  g_autofree guint8 *row = NULL;

  if (at->Left < 0 || at->Top < 0 || at->Width < 1 || at->Height < 1 || at->Width > image->width - at->Left || at->Height > image->height - at->Top)
    return FALSE;
  for (gsize i = 0; i < (gsize) image->width * (gsize) image->height; i++)
    put_color (colors, (guint) MAX (transparent, 0), image->pixels + 3 * i);
  image->has_transparent = transparent >= 0;
  put_color (colors, (guint) MAX (transparent, 0), image->transparent);
  row = g_malloc ((gsize) at->Width);
  for (gint pass = 0; pass < (at->Interlace ? 4 : 1); pass++)
    for (gint y = starts[pass]; y < at->Height; y += at->Interlace ? steps[pass] : 1)
      {
        guint8 *to = image->pixels + ((gsize) (y + at->Top) * (gsize) image->width + (gsize) at->Left) * 3;

        if (DGifGetLine (gif, row, at->Width) != GIF_OK)
          return FALSE;
        for (gint x = 0; x < at->Width; x++)
          put_color (colors, row[x], to + 3 * x);
      }
  return TRUE;
}

GtfImage *
gtf_image_decode_gif (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error)
{
  Input input = { data, length, 0 };
  int code = 0;
  gint transparent = -1;
  GifFileType *gif = DGifOpen (&input, on_read, &code);
  GtfImage *image = NULL;

  if (gif && find_picture (gif, &transparent))
    {
      image = gtf_image_begin ((guint64) MAX (gif->SWidth, 0), (guint64) MAX (gif->SHeight, 0), name, error);
      if (!image)
        {
          DGifCloseFile (gif, NULL);
          return NULL;
        }
      if (!read_rows (gif, image, transparent))
        g_clear_pointer (&image, gtf_image_free);
    }
  if (!image)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: GIF: the file is truncated or broken", name);
  if (gif)
    DGifCloseFile (gif, NULL);
  return image;
}
