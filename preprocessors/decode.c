/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files to mono samples. libsndfile reads WAV, FLAC, OGG and MP3 (and what else it knows); what it does not know goes to the
 * module that decodes by GStreamer, opened only then. The samples pass through unchanged where the rate already fits.
 */
#include "audio.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <gmodule.h>
#include <sndfile.h>
#include "registry/registry.h"

#define MAX_SAMPLES (G_MAXINT32 / 2)
#define BLOCK 65536

typedef GtfAudio *(*DecodeFunc) (const char *path, GCancellable *cancellable, GError **error);

/* All of standard input into an unlinked temporary file, since decoders seek. */
static int
spool_stdin (GError **error)
{
  g_autofree char *name = NULL;
  int fd = g_file_open_tmp ("gtf-XXXXXX", &name, error);
  char buffer[65536];
  gssize n;

  if (fd < 0)
    return -1;
  unlink (name);
  while ((n = read (STDIN_FILENO, buffer, sizeof buffer)) != 0)
    if (n < 0 ? errno != EINTR : write (fd, buffer, (gsize) n) != n)
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "standard input cannot be spooled: %s", g_strerror (errno));
        close (fd);
        return -1;
      }
  lseek (fd, 0, SEEK_SET);
  return fd;
}

static GtfAudio *
read_frames (SNDFILE *file, const SF_INFO *info, const char *path, GCancellable *cancellable, GError **error)
{
  g_autofree float *block = NULL;
  g_autofree float *mono = g_new (float, BLOCK);
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (float));
  g_autoptr (GtfAudio) audio = NULL;
  sf_count_t n;

  if (info->channels < 1 || info->channels > 1024 || info->samplerate < 1 || info->samplerate > 10000000)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %d channels at %d Hz is not sound", path, info->channels, info->samplerate);
      return NULL;
    }
  block = g_try_new (float, (gsize) BLOCK * (gsize) info->channels);
  if (!block)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for %d channels", path, info->channels);
      return NULL;
    }
  while ((n = sf_readf_float (file, block, BLOCK)) > 0)
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      if (samples->len + n > MAX_SAMPLES)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: longer than %d samples", path, MAX_SAMPLES);
          return NULL;
        }
      gtf_audio_mix (block, (gsize) n, (guint) info->channels, mono);
      g_array_append_vals (samples, mono, (guint) n);
    }
  audio = g_new0 (GtfAudio, 1);
  audio->sampling_rate = (guint) info->samplerate;
  audio->n_samples = samples->len;
  audio->samples = (float *) g_array_free (g_steal_pointer (&samples), FALSE);
  return g_steal_pointer (&audio);
}

/* (nullable): NULL without an error if libsndfile does not know the format */
static GtfAudio *
decode_sndfile (int fd, const char *path, GCancellable *cancellable, GError **error)
{
  SF_INFO info = { 0 };
  SNDFILE *file = sf_open_fd (fd, SFM_READ, &info, FALSE);
  GtfAudio *audio;

  if (!file)
    return NULL;
  audio = read_frames (file, &info, path, cancellable, error);
  sf_close (file);
  return audio;
}

static DecodeFunc
find_gstreamer (void)
{
  static gsize once = 0;
  static DecodeFunc decode = NULL;

  if (g_once_init_enter (&once))
    {
      g_auto (GStrv) folders = gtf_registry_get_folders ();

      for (guint i = 0; folders[i] && !decode; i++)
        {
          static const char *const subfolders[] = { "media", "preprocessors" };

          for (guint s = 0; s < G_N_ELEMENTS (subfolders) && !decode; s++)
            {
              g_autofree char *path = g_build_filename (folders[i], subfolders[s], "gtf-decode-gstreamer.so", NULL);
              GModule *module = g_file_test (path, G_FILE_TEST_EXISTS) ? g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL) : NULL;

              if (module && g_module_symbol (module, "gtf_decode_gstreamer", (gpointer *) &decode))
                g_module_make_resident (module);
            }
        }
      g_once_init_leave (&once, 1);
    }
  return decode;
}

static GtfAudio *
decode_other (const char *path, GCancellable *cancellable, GError **error)
{
  DecodeFunc decode = find_gstreamer ();

  if (!decode)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: not a sound file that libsndfile reads (WAV, FLAC, OGG, MP3), and the module for other media (gtf-decode-gstreamer.so) is not installed", path);
      return NULL;
    }
  return decode (path, cancellable, error);
}

static gboolean
check_samples (const GtfAudio *audio, const char *path, GError **error)
{
  for (gsize i = 0; i < audio->n_samples; i++)
    if (!isfinite (audio->samples[i]))
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: sample %" G_GSIZE_FORMAT " is not a finite number", path, i);
        return FALSE;
      }
  return TRUE;
}

GtfAudio *
gtf_audio_decode (const char *path, guint sampling_rate, GCancellable *cancellable, GError **error)
{
  gboolean is_stdin = g_str_equal (path, "-");
  const char *name = is_stdin ? "standard input" : path;
  int fd = is_stdin ? spool_stdin (error) : open (path, O_RDONLY | O_CLOEXEC);
  g_autoptr (GtfAudio) audio = NULL;
  g_autoptr (GError) failed = NULL;

  if (fd < 0)
    {
      if (!is_stdin)
        g_set_error (error, GTF_ERROR, errno == ENOENT ? GTF_ERROR_NOT_FOUND : GTF_ERROR_IO, "%s: cannot be opened: %s", path, g_strerror (errno));
      return NULL;
    }
  if (!is_stdin && g_file_test (path, G_FILE_TEST_IS_DIR))
    {
      close (fd);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: is a folder, not a sound file", path);
      return NULL;
    }
  audio = decode_sndfile (fd, name, cancellable, &failed);
  if (!audio && !failed)
    {
      g_autofree char *by_fd = g_strdup_printf ("/proc/self/fd/%d", fd);

      audio = decode_other (is_stdin ? by_fd : path, cancellable, &failed);
    }
  close (fd);
  if (!audio)
    {
      g_propagate_error (error, g_steal_pointer (&failed));
      return NULL;
    }
  if (!check_samples (audio, name, error))
    return NULL;
  if (sampling_rate != 0 && sampling_rate != audio->sampling_rate)
    {
      GtfAudio *resampled = gtf_audio_change_rate (audio, sampling_rate, error);

      if (!resampled)
        g_prefix_error (error, "%s: ", name);
      return resampled;
    }
  return g_steal_pointer (&audio);
}
