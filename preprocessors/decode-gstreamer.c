/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtf-decode-gstreamer.so: sound and video out of any medium that the installed GStreamer reads (m4a, mp4, webm, mkv ...). A module of its
 * own, opened when libsndfile does not know a file or a video is wanted, so that nothing else links GStreamer. This is its sound;
 * decode-gstreamer-video.c is its video.
 */
#include "audio.h"
#include "decode-gstreamer.h"

#include <gst/audio/audio.h>

GTF_PLUGIN_EXPORT GtfAudio *gtf_decode_gstreamer (const char *location, const char *path, GCancellable *cancellable, GError **error);

static gboolean
append (GstSample *sample, GtfAudio *audio, gsize *room, const char *path, GError **error)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstAudioInfo info;
  GstMapInfo map;
  gboolean good;

  if (!gst_audio_info_from_caps (&info, gst_sample_get_caps (sample)) || !gst_buffer_map (buffer, &map, GST_MAP_READ))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the decoder gave no samples", path);
      return FALSE;
    }
  audio->sampling_rate = (guint) GST_AUDIO_INFO_RATE (&info);
  good = gtf_audio_append (audio, room, (const float *) map.data, map.size / (gsize) GST_AUDIO_INFO_BPF (&info),
                           (guint) GST_AUDIO_INFO_CHANNELS (&info), path, error);
  gst_buffer_unmap (buffer, &map);
  return good;
}

static gboolean
append_all (GtfMedium *medium, GtfAudio *audio, const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) failed = NULL;
  gsize room = 0;
  GstSample *sample;

  while ((sample = gtf_medium_pull (medium, cancellable, &failed)) != NULL)
    {
      const gboolean good = append (sample, audio, &room, path, error);

      gst_sample_unref (sample);
      if (!good)
        return FALSE;
    }
  if (failed)
    g_propagate_error (error, g_steal_pointer (&failed));
  return *error == NULL;
}

GtfAudio *
gtf_decode_gstreamer (const char *location, const char *path, GCancellable *cancellable, GError **error)
{
  /* All channels: mixing to mono is done here, since audioconvert's own mix is a mean. */
  static const char tail[] = "audioconvert name=first ! audio/x-raw,format=" GST_AUDIO_NE (F32) ",layout=interleaved ! appsink name=sink sync=false max-buffers=64";
  static const GtfMediumName name = { "sound", "sound" };
  g_auto (GtfMedium) medium = { NULL };
  g_autoptr (GtfAudio) audio = NULL;
  g_autoptr (GError) failed = NULL;

  if (!gtf_medium_open (&medium, &name, location, path, "audio/x-raw", tail, error))
    return NULL;
  audio = gtf_audio_new (0, 0, error);
  if (!audio)
    return NULL;
  if (!append_all (&medium, audio, path, cancellable, &failed))
    {
      g_propagate_error (error, g_steal_pointer (&failed));
      return NULL;
    }
  if (audio->sampling_rate == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: there is no sound in it", path);
      return NULL;
    }
  return g_steal_pointer (&audio);
}
