/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files to mono samples. libsndfile reads WAV, FLAC, OGG and MP3 (and what else it knows); what it does not know goes to the
 * module that decodes by GStreamer, opened only then. The samples pass through unchanged where the rate already fits.
 */
#include "audio.h"

#include <math.h>
#include <string.h>
#include <unistd.h>
#include "media-module.h"
#include <sndfile.h>
#include "registry/registry.h"

#define MAX_CHANNELS 1024
#define BLOCK 65536
#define SF_ERR_BAD_HEADER_VALUES 24     /* "Internal error : SF_INFO struct incomplete": not in the header */

/* location: where to read; name: what messages call it */
typedef GtfAudio *(*DecodeFunc) (const char *location, const char *name, GCancellable *cancellable, GError **error);

static GtfAudio *
read_frames (SNDFILE *file, const SF_INFO *info, const char *path, GCancellable *cancellable, GError **error)
{
  g_autofree float *block = NULL;
  g_autoptr (GtfAudio) audio = NULL;
  gsize room = 0;
  sf_count_t n;

  if (info->channels < 1 || info->channels > MAX_CHANNELS || info->samplerate < 1 || info->samplerate > GTF_AUDIO_MAX_RATE)
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
  audio = gtf_audio_new (0, (guint) info->samplerate, error);
  while (audio && (n = sf_readf_float (file, block, BLOCK)) > 0)
    if (g_cancellable_set_error_if_cancelled (cancellable, error) ||
        !gtf_audio_append (audio, &room, block, (gsize) n, (guint) info->channels, path, error))
      return NULL;
  return g_steal_pointer (&audio);
}

/* Did libsndfile refuse the file because it does not know the format, or the coding inside a WAV? Then another decoder may. */
static gboolean
is_unknown (void)
{
  char log[4096] = "";

  if (sf_error (NULL) == SF_ERR_UNRECOGNISED_FORMAT || sf_error (NULL) == SF_ERR_UNSUPPORTED_ENCODING)
    return TRUE;
  sf_command (NULL, SFC_GET_LOG_INFO, log, sizeof log);
  return strstr (log, "Unknown format") != NULL;
}

/* (nullable): NULL without an error if another decoder should try. The descriptor stays open. */
static GtfAudio *
decode_sndfile (int fd, const char *path, GCancellable *cancellable, GError **error)
{
  SF_INFO info = { 0 };
  SNDFILE *file = sf_open_fd (dup (fd), SFM_READ, &info, TRUE);      /* it closes what it cannot open, whatever it is told */
  GtfAudio *audio;

  if (!file)
    {
      if (!is_unknown ())
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: not sound that can be read: %s", path,
                     sf_error (NULL) == SF_ERR_BAD_HEADER_VALUES ? "channels or sampling rate out of range" : sf_strerror (NULL));
      return NULL;
    }
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
      decode = (DecodeFunc) gtf_media_module_find ("gtf-decode-gstreamer.so", "gtf_decode_gstreamer");
      g_once_init_leave (&once, 1);
    }
  return decode;
}

static GtfAudio *
decode_other (const char *location, const char *name, GCancellable *cancellable, GError **error)
{
  DecodeFunc decode = find_gstreamer ();

  if (!decode)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: not a sound file that libsndfile reads (WAV, FLAC, OGG, MP3), and the module for other media (gtf-decode-gstreamer.so) is not installed", name);
      return NULL;
    }
  return decode (location, name, cancellable, error);
}

static gboolean
check_samples (const GtfAudio *audio, const char *path, GError **error)
{
  if (audio->n_samples == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected sound, found 0 samples", path);
      return FALSE;
    }
  for (gsize i = 0; i < audio->n_samples; i++)
    if (!isfinite (audio->samples[i]))
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: sample %" G_GSIZE_FORMAT " is not a finite number", path, i);
        return FALSE;
      }
  return TRUE;
}

/* The one of two decoders that knows the file. */
static GtfAudio *
decode_any (int fd, const char *name, GCancellable *cancellable, GError **error)
{
  g_autofree char *by_fd = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GError) failed = NULL;
  GtfAudio *audio = decode_sndfile (fd, name, cancellable, &failed);

  if (audio || !failed)
    return audio ? audio : decode_other (by_fd, name, cancellable, error);
  g_propagate_error (error, g_steal_pointer (&failed));
  return NULL;
}

GtfAudio *
gtf_audio_decode (const char *path, guint sampling_rate, GCancellable *cancellable, GError **error)
{
  const char *name = g_str_equal (path, "-") ? "standard input" : path;
  int fd = gtf_media_open (path, "a sound file", error);
  g_autoptr (GtfAudio) audio = NULL;
  GtfAudio *resampled;

  if (fd < 0)
    return NULL;
  audio = decode_any (fd, name, cancellable, error);
  close (fd);
  if (!audio || !check_samples (audio, name, error))
    return NULL;
  if (sampling_rate == 0 || sampling_rate == audio->sampling_rate)
    return g_steal_pointer (&audio);
  resampled = gtf_audio_change_rate (audio, sampling_rate, error);
  if (!resampled)
    g_prefix_error (error, "%s: ", name);
  return resampled;
}
