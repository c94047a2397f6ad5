/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file that decodebin takes apart, read buffer by buffer.
 */
#include "decode-gstreamer.h"

/* A decoder that hangs for so long will not wake up. */
#define PATIENCE (60 * G_USEC_PER_SEC)
#define MOST_IDLE 3             /* turns of 50 ms in which no thread of it works: more is no handing over */

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

static gboolean
report (GtfMedium *self, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (self->pipeline);
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_autoptr (GError) cause = NULL;

  if (!message)
    return FALSE;
  gst_message_parse_error (message, &cause, NULL);
  if (g_error_matches (cause, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: not %s that can be read: there is no %s in it that the installed GStreamer decodes", self->path,
                 self->name->whole, self->name->kind);
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: not %s that can be read: %s", self->path, self->name->whole, cause->message);
  return TRUE;
}

/* The decoder has found all streams: was one of them what is looked for? Otherwise nothing would ever come, not even the end. */
static void
found_all (GstElement *decoder, gpointer data)
{
  const GtfMedium *self = data;
  g_autoptr (GstElement) first = gst_bin_get_by_name (GST_BIN (self->pipeline), "first");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (first, "sink");

  if (!gst_pad_is_linked (pad))
    GST_ELEMENT_ERROR (decoder, STREAM, WRONG_TYPE, ("there is no %s in it", self->name->kind), (NULL));
}

gboolean
gtf_medium_open (GtfMedium *self, const GtfMediumName *name, const char *location, const char *path, const char *caps, const char *tail, GError **error)
{
  g_autofree char *line = g_strdup_printf ("filesrc name=source ! decodebin name=decoder expose-all-streams=false caps=\"%s\" ! %s", caps, tail);
  g_autoptr (GstElement) source = NULL, decoder = NULL;

  *self = (GtfMedium) { .name = name, .path = path };
  if (!start_gstreamer (error) || !(self->pipeline = gst_parse_launch (line, error)))
    return FALSE;
  source = gst_bin_get_by_name (GST_BIN (self->pipeline), "source");
  decoder = gst_bin_get_by_name (GST_BIN (self->pipeline), "decoder");
  self->sink = GST_APP_SINK (gst_bin_get_by_name (GST_BIN (self->pipeline), "sink"));
  g_signal_connect (decoder, "no-more-pads", G_CALLBACK (found_all), self);
  g_object_set (source, "location", location, NULL);
  self->last = g_get_monotonic_time ();
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

static gboolean
has_no_task (GstElement *element, GstPad *pad, gpointer data)
{
  return gst_pad_get_task_state (pad) != GST_TASK_STARTED;
}

/* As a GCompareFunc: 0: one of the element's pads has a thread that works. */
static gint
compare_working (gconstpointer value, gconstpointer data)
{
  return gst_element_foreach_pad (g_value_get_object (value), has_no_task, NULL) ? 1 : 0;
}

/* No thread works on the file any more. decodebin (GStreamer 1.22) loses the error of a demuxer that comes while that is being started: after that nothing does. */
static gboolean
is_idle (GtfMedium *self)
{
  g_autoptr (GstIterator) elements = gst_bin_iterate_recurse (GST_BIN (self->pipeline));
  g_auto (GValue) found = G_VALUE_INIT;

  return !gst_iterator_find_custom (elements, compare_working, &found, NULL);
}

GstSample *
gtf_medium_pull (GtfMedium *self, GCancellable *cancellable, GError **error)
{
  guint n_idle = 0;

  while (!gst_app_sink_is_eos (self->sink))
    {
      g_autoptr (GstSample) sample = gst_app_sink_try_pull_sample (self->sink, 50 * GST_MSECOND);

      if (g_cancellable_set_error_if_cancelled (cancellable, error) || report (self, error))
        return NULL;
      if (sample)
        {
          self->last = g_get_monotonic_time ();
          return g_steal_pointer (&sample);
        }
      n_idle = is_idle (self) ? n_idle + 1 : 0;
      if (n_idle > MOST_IDLE || g_get_monotonic_time () - self->last > PATIENCE)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: not %s that can be read: the decoder gives no more and does not end", self->path, self->name->whole);
          return NULL;
        }
    }
  report (self, error);
  return NULL;
}

void
gtf_medium_close (GtfMedium *self)
{
  if (self->pipeline)
    gst_element_set_state (self->pipeline, GST_STATE_NULL);
  g_clear_pointer (&self->sink, gst_object_unref);
  g_clear_pointer (&self->pipeline, gst_object_unref);
}
