/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files to pictures: the first bytes say which decoder reads a file, never its name. What is decoded is RGB as Pillow's
 * convert ("RGB") gives it (alpha is dropped, not blended), turned by its EXIF orientation.
 */
#include "image.h"
#include "media-module.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file this large is no picture. */
#define MAX_FILE ((gsize) 1 << 30)

static GtfImage *
decode_tiff (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error)
{
  static gsize once = 0;
  static GtfTiffDecoder decode = NULL;

  if (g_once_init_enter (&once))
    {
      decode = (GtfTiffDecoder) gtf_media_module_find ("gtf-decode-tiff.so", "gtf_decode_tiff");
      g_once_init_leave (&once, 1);
    }
  if (decode)
    return decode (data, length, name, orientation, gtf_image_begin, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: TIFF is read by the module gtf-decode-tiff.so, which is not installed", name);
  return NULL;
}

static const struct
{
  const char *name, *magic;
  gsize offset, length;
  GtfImageDecoder decode;
} formats[] = {
  { "JPEG", "\xff\xd8\xff", 0, 3, gtf_image_decode_jpeg },
  { "PNG", "\x89PNG\r\n\x1a\n", 0, 8, gtf_image_decode_png },
  { "WebP", "WEBP", 8, 4, gtf_image_decode_webp },
  { "GIF", "GIF8", 0, 4, gtf_image_decode_gif },
  { "BMP", "BM", 0, 2, gtf_image_decode_bmp },
  { "TIFF", "II*\0", 0, 4, decode_tiff },
  { "TIFF", "MM\0*", 0, 4, decode_tiff },
  { "TIFF", "II+\0", 0, 4, decode_tiff },
  { "TIFF", "MM\0+", 0, 4, decode_tiff }
};

static guint64
max_pixels (void)
{
  const char *setting = g_getenv ("GTF_MAX_PIXELS");
  guint64 value = setting ? g_ascii_strtoull (setting, NULL, 10) : 0;

  return value ? value : GTF_IMAGE_MAX_PIXELS;
}

GtfImage *
gtf_image_begin (guint64 width, guint64 height, const char *name, GError **error)
{
  GtfImage *image;

  if (width < 1 || height < 1 || width > G_MAXINT32 || height > G_MAXINT32)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: a picture of %" G_GUINT64_FORMAT " x %" G_GUINT64_FORMAT ": expected at least 1 x 1", name, width, height);
      return NULL;
    }
  if (width * height > max_pixels ())
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: a picture of %" G_GUINT64_FORMAT " x %" G_GUINT64_FORMAT " is above the limit of %" G_GUINT64_FORMAT " pixels (GTF_MAX_PIXELS changes it)", name, width, height, max_pixels ());
      return NULL;
    }
  image = gtf_image_new ((gint) width, (gint) height, error);
  if (!image)
    g_prefix_error (error, "%s: ", name);
  return image;
}

static GByteArray *
read_all (int fd, const char *name, GCancellable *cancellable, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree guint8 *block = g_malloc (65536);
  gssize n;

  while ((n = read (fd, block, 65536)) != 0)
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: cannot be read: %s", name, g_strerror (errno));
          return NULL;
        }
      if (bytes->len + (gsize) n > MAX_FILE)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: more than 1 GiB is no picture", name);
          return NULL;
        }
      g_byte_array_append (bytes, block, (guint) n);
    }
  return g_steal_pointer (&bytes);
}

static GByteArray *
read_file (const char *path, const char *name, GCancellable *cancellable, GError **error)
{
  gboolean is_stdin = g_str_equal (path, "-");
  int fd = is_stdin ? STDIN_FILENO : open (path, O_RDONLY | O_CLOEXEC);
  GByteArray *bytes = NULL;
  struct stat status;

  if (fd < 0 || fstat (fd, &status) != 0)
    g_set_error (error, GTF_ERROR, errno == ENOENT ? GTF_ERROR_NOT_FOUND : GTF_ERROR_IO, "%s: cannot be opened: %s", name, g_strerror (errno));
  else if (S_ISDIR (status.st_mode))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: is a folder, not a picture", name);
  else
    bytes = read_all (fd, name, cancellable, error);
  if (fd >= 0 && !is_stdin)
    close (fd);
  return bytes;
}

GtfImage *
gtf_image_decode_bytes (const guint8 *data, gsize length, const char *name, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (length >= formats[i].offset + formats[i].length && memcmp (data + formats[i].offset, formats[i].magic, formats[i].length) == 0)
      {
        guint orientation = 1;
        GtfImage *image = formats[i].decode (data, length, name, &orientation, error);

        return image ? gtf_image_orient (image, orientation, error) : NULL;
      }
  g_set_error (error, GTF_ERROR, length ? GTF_ERROR_UNSUPPORTED : GTF_ERROR_INVALID_DATA, "%s: %s", name, length ? "not a picture of a known format" : "an empty file is no picture");
  return NULL;
}

GtfImage *
gtf_image_decode (const char *path, GCancellable *cancellable, GError **error)
{
  const char *name = g_str_equal (path, "-") ? "standard input" : path;
  g_autoptr (GByteArray) bytes = read_file (path, name, cancellable, error);

  return bytes ? gtf_image_decode_bytes (bytes->data, bytes->len, name, error) : NULL;
}
