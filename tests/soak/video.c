/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Video through gtfdetect with a tracker, gtfclassify on its boxes and gtfoverlay, as fast as it goes: the memory that is resident at the end lies within 1 MB of
 * that after a twentieth of the frames, every frame comes out, and none without its boxes. Run by ./dev soak, and for fewer frames by the tests.
 *
 *   soak-video [FRAMES [MODEL CLASSIFIER]]
 *
 * Without models those of tests/tasks/gst look at frames in which they find what is white. 8 h of video are 720,000 frames.
 */
#include <stdlib.h>
#include <unistd.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include "../core/pipeline/toy/repository.h"

#define LIMIT_KB 1024

typedef struct
{
  guint64 frames, boxes, warm_at;
  gint64 warm;
} Seen;

static gint64
resident_kb (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  fields = g_strsplit (text, " ", 3);
  return (gint64) g_ascii_strtoull (fields[1], NULL, 10) * (sysconf (_SC_PAGESIZE) / 1024);
}

static GstPadProbeReturn
on_frame (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  Seen *seen = data;
  gpointer state = NULL;

  while (gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))
    seen->boxes++;
  if (++seen->frames == seen->warm_at)
    seen->warm = resident_kb ();
  return GST_PAD_PROBE_OK;
}

/* FALSE: it ended with an error, which is told. */
static gboolean
play (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!message)                    /* results and warnings are not kept until the end */
    {
      GstMessage *next = gst_bus_timed_pop (bus, GST_CLOCK_TIME_NONE);

      if (GST_MESSAGE_TYPE (next) == GST_MESSAGE_EOS || GST_MESSAGE_TYPE (next) == GST_MESSAGE_ERROR)
        message = next;
      else
        gst_message_unref (next);
    }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS)
    return TRUE;
  gst_message_parse_error (message, &error, NULL);
  g_printerr ("%s\n", error->message);
  return FALSE;
}

int
main (int argc, char **argv)
{
  const guint64 frames = argc > 1 ? CLAMP (g_ascii_strtoull (argv[1], NULL, 10), 100, 100000000) : 100000;
  const gboolean known = argc <= 3;
  g_autofree char *toy = known ? toy_repository () : NULL, *line = NULL;
  g_autoptr (GstElement) pipeline = NULL, sink = NULL;
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GError) error = NULL;
  Seen seen = { .warm_at = frames / 20 };
  gint64 end;
  gboolean good;

  gst_init (&argc, &argv);
  line = g_strdup_printf ("videotestsrc pattern=ball num-buffers=%" G_GUINT64_FORMAT " ! video/x-raw,format=NV12,width=160,height=120,framerate=25/1 ! "
                          "gtfdetect model=%s tracker=sort interval=2 ! gtfclassify model=%s boxes=* ! gtfoverlay ! fakesink name=sink",
                          frames, known ? toy : argv[2], known ? toy : argv[3]);
  pipeline = gst_parse_launch (line, &error);
  if (!pipeline)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, &seen, NULL);
  good = play (pipeline);
  end = resident_kb ();
  g_print ("%" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " boxes; after %" G_GUINT64_FORMAT " frames %" G_GINT64_FORMAT " kB, at the end %" G_GINT64_FORMAT " kB\n", seen.frames,
           seen.boxes, seen.warm_at, seen.warm, end);
  good = good && seen.frames == frames && (!known || seen.boxes >= frames * 9 / 10) && end - seen.warm <= LIMIT_KB;
  g_print (good ? "ok\n" : "not ok: it grew by more than 1 MB, or frames or boxes are missing\n");
  if (toy)
    toy_remove (toy);
  return good ? 0 : 1;
}
