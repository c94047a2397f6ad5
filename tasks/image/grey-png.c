/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A picture of grey pixels as PNG (W3C, "Portable Network Graphics"): header, one IDAT of rows without filter, end; then as base64, the form
 * that pictures have in JSON.
 */
#include "image/segments-private.h"

#include <string.h>
#include <zlib.h>

static void
put_u32 (guint8 *to, gsize value)
{
  for (guint i = 0; i < 4; i++)
    to[i] = (guint8) (value >> (24 - 8 * i));
}

static void
append_chunk (GByteArray *png, const char *type, const guint8 *data, gsize length)
{
  const guint start = png->len;
  guint8 word[4];

  put_u32 (word, length);
  g_byte_array_append (png, word, 4);
  g_byte_array_append (png, (const guint8 *) type, 4);
  g_byte_array_append (png, data, (guint) length);
  put_u32 (word, crc32 (0, png->data + start + 4, (uInt) (length + 4)));
  g_byte_array_append (png, word, 4);
}

/* Rows, each behind a byte that names its filter: 0, none. */
static guint8 *
filtered (const guint8 *pixels, gsize width, gsize height)
{
  guint8 *rows = g_try_malloc ((width + 1) * height);

  for (gsize y = 0; rows && y < height; y++)
    {
      rows[y * (width + 1)] = 0;
      memcpy (rows + y * (width + 1) + 1, pixels + y * width, width);
    }
  return rows;
}

char *
grey_png_base64 (const guint8 *pixels, gsize width, gsize height, GError **error)
{
  static const guint8 signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n' };
  guint8 header[13] = { [8] = 8 };              /* 8 bits, grey, deflate, no interlacing */
  const gsize n = (width + 1) * height;
  uLongf length = compressBound (n);
  g_autofree guint8 *rows = n < G_MAXINT32 ? filtered (pixels, width, height) : NULL, *data = rows ? g_try_malloc (length) : NULL;
  g_autoptr (GByteArray) png = g_byte_array_new ();

  if (data == NULL || compress2 (data, &length, rows, n, 6) != Z_OK)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a mask of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " pixels", width, height);
      return NULL;
    }
  put_u32 (header, width);
  put_u32 (header + 4, height);
  g_byte_array_append (png, signature, sizeof signature);
  append_chunk (png, "IHDR", header, sizeof header);
  append_chunk (png, "IDAT", data, length);
  append_chunk (png, "IEND", NULL, 0);
  return g_base64_encode (png->data, png->len);
}
