/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames of a video: a folder of pictures, read here, or a file, which goes to the module that decodes by GStreamer, opened only then.
 */
#include "video.h"

#include <string.h>
#include <unistd.h>
#include "media-module.h"

static gint
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The names of a folder's files, sorted; hidden ones are none of its frames. */
static GPtrArray *
list_frames (const char *path, GError **error)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (!folder)
    {
      g_prefix_error (error, "%s: ", path);
      return NULL;
    }
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      if (name[0] != '.' && !g_file_test (file, G_FILE_TEST_IS_DIR))
        g_ptr_array_add (names, g_steal_pointer (&file));
    }
  g_ptr_array_sort (names, by_name);
  if (names->len > 0)
    return g_steal_pointer (&names);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: there is no frame in the folder: expected pictures", path);
  return NULL;
}

static GPtrArray *
read_folder (const char *path, gint64 n_frames, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) names = list_frames (path, error), frames = NULL;

  if (!names || !gtf_video_choose (names->len, &n_frames, path, error))
    return NULL;
  frames = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_image_free);
  for (gint64 i = 0; i < n_frames; i++)
    {
      const char *name = names->pdata[gtf_video_index (i, names->len, n_frames)];
      GtfImage *image = gtf_image_decode (name, cancellable, error);

      if (!image)
        return NULL;
      g_ptr_array_add (frames, image);
      if (!gtf_video_check (frames, name, error))
        return NULL;
    }
  return g_steal_pointer (&frames);
}

/* A video comes from a file that can be read twice: standard input and pipes are spooled. */
static GPtrArray *
read_file (const char *path, gint64 n_frames, GCancellable *cancellable, GError **error)
{
  static gsize once = 0;
  static GtfVideoDecoder decode = NULL;
  const char *name = g_str_equal (path, "-") ? "standard input" : path;
  g_autofree char *location = NULL;
  GPtrArray *frames;
  int fd;

  if (g_once_init_enter (&once))
    {
      decode = (GtfVideoDecoder) gtf_media_module_find ("gtf-decode-gstreamer.so", "gtf_decode_gstreamer_video");
      g_once_init_leave (&once, 1);
    }
  if (!decode)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: the module for videos (gtf-decode-gstreamer.so) is not installed; a folder of frames can be read without", name);
      return NULL;
    }
  fd = gtf_media_open (path, "a video", error);
  if (fd < 0)
    return NULL;
  location = g_strdup_printf ("/proc/self/fd/%d", fd);
  frames = decode (location, name, n_frames, gtf_image_begin, cancellable, error);
  close (fd);
  return frames;
}

GPtrArray *
gtf_video_decode (const char *path, gint64 n_frames, GCancellable *cancellable, GError **error)
{
  return g_file_test (path, G_FILE_TEST_IS_DIR) ? read_folder (path, n_frames, cancellable, error) : read_file (path, n_frames, cancellable, error);
}
