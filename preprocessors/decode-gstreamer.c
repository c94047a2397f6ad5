/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtf-decode-gstreamer.so: sound out of any medium that the installed GStreamer reads (m4a, mp4, webm, mkv ...). A module of its
 * own, opened when libsndfile does not know a file, so that nothing else links GStreamer.
 */
#include "audio.h"

#include <gst/app/gstappsink.h>
#include <gst/audio/audio.h>
#include <gst/gst.h>

GTF_PLUGIN_EXPORT GtfAudio *gtf_decode_gstreamer (const char *location, const char *path, GCancellable *cancellable, GError **error);

/* A decoder that hangs for so long will not wake up. */
#define PATIENCE (60 * G_USEC_PER_SEC)

static gboolean
report (GstElement *pipeline, const char *path, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_autoptr (GError) cause = NULL;

  if (!message)
    return FALSE;
  gst_message_parse_error (message, &cause, NULL);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: not sound that can be read: %s", path,
               g_error_matches (cause, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN) ? "there is no sound in it that the installed GStreamer decodes" : cause->message);
  return TRUE;
}

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

/* The decoder has found all streams: was one of them sound? Otherwise nothing would ever come, not even the end. */
static void
found_all (GstElement *decoder, gpointer data)
{
  GstElement *pipeline = data;
  g_autoptr (GstElement) convert = gst_bin_get_by_name (GST_BIN (pipeline), "convert");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (convert, "sink");

  if (!gst_pad_is_linked (pad))
    GST_ELEMENT_ERROR (decoder, STREAM, WRONG_TYPE, ("there is no sound in it"), (NULL));
}

static gboolean
pull_all (GstElement *pipeline, GstAppSink *sink, const char *path, GtfAudio *audio, GCancellable *cancellable, GError **error)
{
  gsize room = 0;
  gint64 last = g_get_monotonic_time ();

  while (!gst_app_sink_is_eos (sink))
    {
      g_autoptr (GstSample) sample = gst_app_sink_try_pull_sample (sink, 50 * GST_MSECOND);

      if (g_cancellable_set_error_if_cancelled (cancellable, error) || report (pipeline, path, error))
        return FALSE;
      if (sample && !append (sample, audio, &room, path, error))
        return FALSE;
      if (sample)
        last = g_get_monotonic_time ();
      else if (g_get_monotonic_time () - last > PATIENCE)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the decoder gives no more samples and does not end", path);
          return FALSE;
        }
    }
  return !report (pipeline, path, error);
}

/* GStreamer's own threads and libraries write to the terminal (missing registry, odd files): what is wrong goes into the error. */
static gboolean
start_gstreamer (GError **error)
{
  if (!gst_init_check (NULL, NULL, error))
    return FALSE;
  if (!g_getenv ("GST_DEBUG"))
    gst_debug_set_default_threshold (GST_LEVEL_NONE);
  return TRUE;
}

GtfAudio *
gtf_decode_gstreamer (const char *location, const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstElement) source = NULL, decoder = NULL;
  g_autoptr (GstElement) sink = NULL;
  g_autoptr (GtfAudio) audio = NULL;
  gboolean good;

  if (!start_gstreamer (error))
    return NULL;
  /* All channels: mixing to mono is done here, since audioconvert's own mix is a mean. */
  pipeline = gst_parse_launch ("filesrc name=source ! decodebin name=decoder expose-all-streams=false caps=audio/x-raw ! audioconvert name=convert ! audio/x-raw,format=" GST_AUDIO_NE (F32) ",layout=interleaved ! appsink name=sink sync=false max-buffers=64", error);
  audio = gtf_audio_new (0, 0, error);
  if (!pipeline || !audio)
    return NULL;
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  decoder = gst_bin_get_by_name (GST_BIN (pipeline), "decoder");
  g_signal_connect (decoder, "no-more-pads", G_CALLBACK (found_all), pipeline);
  g_object_set (source, "location", location, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  good = pull_all (pipeline, GST_APP_SINK (sink), path, audio, cancellable, error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  if (!good)
    return NULL;
  if (audio->sampling_rate == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: there is no sound in it", path);
      return NULL;
    }
  return g_steal_pointer (&audio);
}
