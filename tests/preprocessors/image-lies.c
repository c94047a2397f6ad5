/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of pictures that lie about their size, in each format: larger than they are, thinner, nothing at all, or so large that they are refused before a pixel
 * is allocated. And the limit for that, which can be set.
 */
#include <string.h>
#include <json-glib/json-glib.h>
#include "base/json.h"
#include "pipeline/preprocessor.h"

typedef void (*SetSize) (guint8 *file, gsize n, guint32 width, guint32 height);

static void
put (guint8 *at, guint32 value, guint n_bytes, gboolean big_endian)
{
  for (guint i = 0; i < n_bytes; i++)
    at[big_endian ? n_bytes - 1 - i : i] = (guint8) (value >> (8 * i));
}

/* Its header has a checksum: a lie that is meant. */
static void
set_png (guint8 *file, gsize n, guint32 width, guint32 height)
{
  guint32 crc = 0xffffffff;

  put (file + 16, width, 4, TRUE);
  put (file + 20, height, 4, TRUE);
  for (guint i = 12; i < 29; i++)
    {
      crc ^= file[i];
      for (guint bit = 0; bit < 8; bit++)
        crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
  put (file + 29, ~crc, 4, TRUE);
}

static void
set_jpeg (guint8 *file, gsize n, guint32 width, guint32 height)
{
  gsize at = 2;

  while (file[at + 1] < 0xc0 || file[at + 1] > 0xc2)    /* a frame's header */
    {
      at += 2 + ((gsize) file[at + 2] << 8 | file[at + 3]);
      g_assert_true (at + 9 < n && file[at] == 0xff);
    }
  put (file + at + 5, height, 2, TRUE);
  put (file + at + 7, width, 2, TRUE);
}

/* Lossless: one less than the sides, in 14 bits each. */
static void
set_webp (guint8 *file, gsize n, guint32 width, guint32 height)
{
  const guint32 others = (guint32) file[24] >> 4;

  g_assert_cmpmem (file + 12, 4, "VP8L", 4);
  put (file + 21, (width - 1) | (height - 1) << 14 | others << 28, 4, FALSE);
}

/* The screen, and the first picture on it. */
static void
set_gif (guint8 *file, gsize n, guint32 width, guint32 height)
{
  guint8 *picture = file + 13 + (file[10] & 0x80 ? 3 << ((file[10] & 7) + 1) : 0);

  while (*picture == 0x21)              /* extensions */
    {
      for (picture += 2; *picture; picture += 1 + *picture)
        g_assert_true (picture < file + n);
      picture++;
    }
  g_assert_cmpint (*picture, ==, 0x2c);
  put (file + 6, width, 2, FALSE);
  put (file + 8, height, 2, FALSE);
  put (picture + 5, width, 2, FALSE);
  put (picture + 7, height, 2, FALSE);
}

static void
set_bmp (guint8 *file, gsize n, guint32 width, guint32 height)
{
  put (file + 18, width, 4, FALSE);
  put (file + 22, height, 4, FALSE);
}

/* Two tags of the first directory, made numbers of 32 bits. */
static void
set_tiff (guint8 *file, gsize n, guint32 width, guint32 height)
{
  const gsize directory = file[4] | file[5] << 8;

  g_assert_cmpmem (file, 4, "II*", 4);
  for (guint i = 0; i < file[directory]; i++)
    {
      guint8 *tag = file + directory + 2 + 12 * i;
      const guint id = tag[0] | tag[1] << 8u;

      if (id != 256 && id != 257)
        continue;
      put (tag + 2, 4, 2, FALSE);
      put (tag + 8, id == 256 ? width : height, 4, FALSE);
    }
}

static const struct
{
  const char *file;
  SetSize set;
  guint32 most;                         /* the largest side that the format has */
  gboolean has_zero;
} formats[] = {
  { "png-rgb", set_png, G_MAXINT32, TRUE }, { "png-palette", set_png, G_MAXINT32, TRUE },   { "png-grey-16", set_png, G_MAXINT32, TRUE }, { "jpeg", set_jpeg, 65500, TRUE },
  { "jpeg-progressive-420", set_jpeg, 65500, TRUE }, { "jpeg-cmyk", set_jpeg, 65500, TRUE }, { "webp-lossless", set_webp, 16383, FALSE },  { "gif", set_gif, 65535, TRUE },
  { "bmp", set_bmp, G_MAXINT32, TRUE },     { "tiff-raw", set_tiff, G_MAXUINT32, TRUE },     { "tiff-lzw", set_tiff, G_MAXUINT32, TRUE },  { "tiff-tiled", set_tiff, G_MAXUINT32, TRUE },
};

static JsonNode *files;

/* (transfer full): a file of data/golden/image/files.json */
static guint8 *
get_file (const char *name, gsize *n, guint32 *width, guint32 *height)
{
  JsonArray *list = json_node_get_array (files);

  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonObject *c = json_array_get_object_element (list, i);

      if (!g_str_equal (json_object_get_string_member (c, "name"), name))
        continue;
      *width = (guint32) json_object_get_int_member (c, "width");
      *height = (guint32) json_object_get_int_member (c, "height");
      return g_base64_decode (json_object_get_string_member (c, "file"), n);
    }
  g_error ("there is no file %s", name);
}

static GtfImage *
load (const guint8 *file, gsize n, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (file, n);
  GtfImage *image = gtf_image_load_bytes (bytes, "some/picture", error);

  g_assert_true (image || strstr ((*error)->message, "some/picture"));
  return image;
}

typedef enum
{
  REFUSED,
  PICTURE,
  EITHER                                /* refused, or a picture of that size, of which not all need be in the file */
} Verdict;

/* Written into the file in place of its size: that size itself, and lies. */
static void
test_sizes (gconstpointer pointer)
{
  const gsize f = GPOINTER_TO_SIZE (pointer);
  const guint32 most = formats[f].most;
  gsize n;
  guint32 width, height;
  g_autofree guint8 *original = get_file (formats[f].file, &n, &width, &height);
  const struct
  {
    guint32 width, height;
    Verdict verdict;
  } sizes[] = { { width, height, PICTURE }, { 0, 0, REFUSED }, { 0, 5, REFUSED }, { 5, 0, REFUSED }, { most, most, REFUSED }, { 1, 16000, EITHER }, { 16000, 1, EITHER },
                { 1, most, most > 65535 ? REFUSED : EITHER }, { 300, 300, EITHER }, { 1, 1, EITHER } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree guint8 *file = g_memdup2 (original, n);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfImage) image = NULL;

      if ((!sizes[i].width || !sizes[i].height) && !formats[f].has_zero)
        continue;
      formats[f].set (file, n, sizes[i].width, sizes[i].height);
      image = load (file, n, &error);
      g_test_message ("%u x %u: %s", sizes[i].width, sizes[i].height, error ? error->message : "a picture");
      g_assert_true (image ? sizes[i].verdict != REFUSED : sizes[i].verdict != PICTURE && error->domain == GTF_ERROR);
      if (image)
        g_assert_true (image->width == (gint) sizes[i].width && image->height == (gint) sizes[i].height);
    }
}

/* The limit counts pixels: as many as it says are good. */
static void
test_limit (void)
{
  for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
    for (gint less = 0; less < 2; less++)
      {
        gsize n;
        guint32 width, height;
        g_autofree guint8 *file = get_file (formats[f].file, &n, &width, &height);
        g_autofree char *limit = g_strdup_printf ("%d", (int) (width * height) - less);
        g_autoptr (GError) error = NULL;
        g_autoptr (GtfImage) image = NULL;

        g_setenv ("GTF_MAX_PIXELS", limit, TRUE);
        image = load (file, n, &error);
        g_assert_cmpint (image != NULL, ==, !less);
        if (less)
          {
            g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
            g_assert_nonnull (strstr (error->message, "GTF_MAX_PIXELS"));
          }
      }
  g_unsetenv ("GTF_MAX_PIXELS");
}

int
main (int argc, char **argv)
{
  g_autofree char *path = NULL, *text = NULL;
  int failed;

  g_test_init (&argc, &argv, NULL);
  path = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "image", "files.json", NULL);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  files = gtf_json_parse (path, text, -1, GTF_JSON_PYTHON, NULL);
  for (gsize f = 0; f < G_N_ELEMENTS (formats); f++)
    {
      g_autofree char *name = g_strconcat ("/image-lies/sizes/", formats[f].file, NULL);

      g_test_add_data_func (name, GSIZE_TO_POINTER (f), test_sizes);
    }
  g_test_add_func ("/image-lies/limit", test_limit);
  failed = g_test_run ();
  json_node_unref (files);
  return failed;
}
