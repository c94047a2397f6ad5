/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of pictures and videos, read and written by the module for pictures. What a picture is in memory: image.c.
 */
#include "pipeline/preprocessor.h"

#include "registry/registry.h"

/* The module for pictures; NULL with an error where it is missing, or was built without @member. */
static const GtfPreprocessorPlugin *
image_module (gsize end, const char *member, GError **error)
{
  const GtfPreprocessorPlugin *module = (const GtfPreprocessorPlugin *) gtf_registry_find (GTF_PLUGIN_PREPROCESSOR, "image", error);

  if (module && module->head.struct_size < end)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "the module for pictures (gtf-image.so) has no %s; rebuild it", member);
      return NULL;
    }
  return module;
}
#define IMAGE_MODULE(member, error) \
  image_module (G_STRUCT_OFFSET (GtfPreprocessorPlugin, member) + sizeof (((GtfPreprocessorPlugin *) NULL)->member), #member, error)

/**
 * gtf_image_load:
 * @path: (type filename): a file; "-" is standard input
 * @cancellable: (nullable): a #GCancellable
 * @error: return location
 *
 * Decodes a file into RGB, turned as its EXIF data says, as the reference's pipeline does. Errors name the file.
 *
 * Returns: (transfer full): the picture
 */
GtfImage *
gtf_image_load (const char *path, GCancellable *cancellable, GError **error)
{
  const GtfPreprocessorPlugin *module;

  if (*path == '\0')
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "the path of a picture is empty: expected a file");
      return NULL;
    }
  module = IMAGE_MODULE (load_image, error);
  return module ? module->load_image (path, cancellable, error) : NULL;
}

/**
 * gtf_image_load_bytes:
 * @bytes: a file in memory
 * @name: what messages call it
 * @error: return location
 *
 * Returns: (transfer full): the picture, decoded as by gtf_image_load()
 */
GtfImage *
gtf_image_load_bytes (GBytes *bytes, const char *name, GError **error)
{
  const GtfPreprocessorPlugin *module = IMAGE_MODULE (decode_image, error);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  return module ? module->decode_image (data, size, name, error) : NULL;
}

/**
 * gtf_image_encode:
 * @self: a picture
 * @format: "png" or "jpeg"
 * @error: return location
 *
 * Errors: %GTF_ERROR_INVALID_ARGUMENT for a picture that the format cannot hold.
 *
 * Returns: (transfer full): the picture as a file in memory
 */
GBytes *
gtf_image_encode (const GtfImage *self, const char *format, GError **error)
{
  const GtfPreprocessorPlugin *module;

  g_return_val_if_fail (g_str_equal (format, "png") || g_str_equal (format, "jpeg"), NULL);
  module = IMAGE_MODULE (encode_image, error);
  return module ? module->encode_image (self, format, error) : NULL;
}

/**
 * gtf_video_load:
 * @path: (type filename): a file, or a folder with frames, taken in the order of their names
 * @n_frames: how many, spread evenly over the video; 0: all
 * @cancellable: (nullable): a #GCancellable
 * @error: return location
 *
 * Decodes frames of a video into RGB, as the reference's decoder gives them. Files are left to GStreamer, loaded only then. Errors name the
 * file: %GTF_ERROR_INVALID_DATA also for a video of fewer frames, or of frames of several sizes.
 *
 * Returns: (transfer full) (element-type GtfImage): the frames
 */
GPtrArray *
gtf_video_load (const char *path, gint64 n_frames, GCancellable *cancellable, GError **error)
{
  const GtfPreprocessorPlugin *module;

  g_return_val_if_fail (n_frames >= 0, NULL);
  if (*path == '\0')
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "the path of a video is empty: expected a file or a folder");
      return NULL;
    }
  module = IMAGE_MODULE (load_video, error);
  return module ? module->load_video (path, n_frames, cancellable, error) : NULL;
}
