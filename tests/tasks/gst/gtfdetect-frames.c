/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtfdetect on frames of every format, on bad ones, and without any; and with a model that cannot be had.
 */
#include "detect.h"

/* ---- formats ---- */

static const struct
{
  const char *caps;
  Rectangle r;
  const char *boxes;
} formats[] = {
  { FORMAT ("NV12", "64", "48"), { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("I420", "63", "47"), { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("I420", "64", "48") ",colorimetry=bt709", { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("NV12", "64", "48") ",colorimetry=1:3:5:1", { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("YV12", "33", "31"), { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("NV21", "35", "25"), { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("YUY2", "37", "25"), { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("UYVY", "64", "48"), { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("Y42B", "65", "48"), { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("Y444", "65", "49"), { 1, 1, 64, 48 }, "white 0.75 1,1 63x47 0" },
  { FORMAT ("RGB", "33", "25"), { 0, 0, 33, 25 }, "white 0.75 0,0 33x25 0" },
  { FORMAT ("BGR", "5", "3"), { 1, 1, 4, 2 }, "white 0.75 1,1 3x1 0" },
  { FORMAT ("RGBx", "64", "48"), { 7, 9, 11, 13 }, "white 0.75 7,9 4x4 0" },
  { FORMAT ("BGRx", "64", "48"), { 7, 9, 11, 13 }, "white 0.75 7,9 4x4 0" },
  { FORMAT ("xRGB", "64", "48"), { 7, 9, 11, 13 }, "white 0.75 7,9 4x4 0" },
  { FORMAT ("RGBA", "64", "48"), { 7, 9, 11, 13 }, "white 0.75 7,9 4x4 0" },
  { FORMAT ("GRAY8", "64", "48"), { 7, 9, 11, 13 }, "white 0.75 7,9 4x4 0" },
  { FORMAT ("P010_10LE", "64", "48"), { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("v210", "64", "48"), { 16, 8, 32, 24 }, "white 0.75 16,8 16x16 0" },
  { FORMAT ("RGB16", "31", "17"), { 7, 9, 11, 13 }, "white 0.75 7,9 4x4 0" },
  { FORMAT ("I420", "1", "1"), { 0, 0, 1, 1 }, "white 0.75 0,0 1x1 0" }
};

static void
test_format (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data), sum;
  g_autoptr (GstBuffer) buffer = NULL;
  g_autofree char *boxes = NULL;
  Fixture f;

  setup (&f, "", formats[i].caps, FALSE);
  buffer = frame_new (formats[i].caps, 0x404040, formats[i].r, 0xffffff);
  sum = frame_sum (buffer);
  push (&f, g_steal_pointer (&buffer));
  buffer = gst_harness_pull (f.harness);
  boxes = boxes_of (buffer);
  g_assert_cmpstr (boxes, ==, formats[i].boxes);
  g_assert_cmpuint (frame_sum (buffer), ==, sum);
  g_assert_cmpuint (told (&f, NULL).results, ==, 1);
  teardown (&f);
}

/* Rows wider than the caps say, planes apart: a GstVideoMeta. */
static void
test_video_meta (void)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 100 * 60 + 16, NULL);
  gsize offsets[4] = { 16 };
  gint strides[4] = { 100 };
  GstMapInfo map;
  Fixture f;

  setup (&f, "", FORMAT ("GRAY8", "64", "48"), FALSE);
  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  memset (map.data, 0xff, map.size);      /* white around the frame is not seen */
  for (guint y = 0; y < 48; y++)
    memset (map.data + 16 + y * 100, 0x20, 64);
  for (guint y = 10; y < 20; y++)
    memset (map.data + 16 + y * 100 + 30, 0xff, 20);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_add_video_meta_full (buffer, 0, GST_VIDEO_FORMAT_GRAY8, 64, 48, 1, offsets, strides);
  push (&f, buffer);
  assert_next (&f, "white 0.75 30,10 20x10 0");
  teardown (&f);
}

/* ---- bad frames: a warning, and the stream goes on ---- */

static void
test_short (void)
{
  Fixture f;

  setup (&f, "", CAPS, FALSE);
  for (guint i = 0; i < 5; i++)
    push (&f, gst_buffer_new_allocate (NULL, i * 100, NULL));
  show (&f, square);
  for (guint i = 0; i < 5; i++)
    assert_next (&f, "-");
  assert_next (&f, "white 0.75 16,8 16x16 0");
  end (&f);
  g_assert_cmpuint (told (&f, "too short").warnings, ==, 5);
  teardown (&f);
}

/* Numbers of a GstVideoMeta that lead out of the buffer. */
static void
test_bad_meta (void)
{
  static const struct
  {
    gsize offset;
    gint stride;
    guint width;
  } cases[] = { { 0, 1000, 64 }, { 5000, 64, 64 }, { G_MAXSIZE / 2, 64, 64 }, { 0, -64, 64 }, { 0, 10, 64 }, { 0, 0, 64 }, { 0, 64, 32 } };
  Told all;
  Fixture f;

  setup (&f, "", FORMAT ("GRAY8", "64", "48"), FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GstBuffer *buffer = gst_buffer_new_allocate (NULL, 64 * 48, NULL);
      GstVideoMeta *meta = gst_buffer_add_video_meta (buffer, 0, GST_VIDEO_FORMAT_GRAY8, 64, 48);

      meta->offset[0] = cases[i].offset;
      meta->stride[0] = cases[i].stride;
      meta->width = cases[i].width;
      push (&f, buffer);
      assert_next (&f, "-");
    }
  end (&f);
  all = told (&f, "GstVideoMeta");
  g_assert_true (all.warnings > 0 && all.results == 0);
  teardown (&f);
}

/* The same failure again and again is told once. */
static void
test_failure (void)
{
  Told all;
  Fixture f;

  setup (&f, "max-age=0", CAPS, FALSE);
  show (&f, square);
  for (guint i = 0; i < 5; i++)
    push (&f, frame_new (CAPS, 0xff0000, nothing, 0));
  show (&f, square);
  assert_next (&f, "white 0.75 16,8 16x16 0");
  for (guint i = 0; i < 5; i++)
    assert_next (&f, "-");
  assert_next (&f, "white 0.75 16,8 16x16 0");
  end (&f);
  all = told (&f, "the picture is red");
  g_assert_true (all.warnings == 1 && all.results == 2);
  teardown (&f);
}

/* ---- without a model, with a bad one ---- */

static void
test_bad (void)
{
  static const struct
  {
    const char *properties, *message;
  } cases[] = { { "task=no-such-task", "no-such-task" }, { "model=/nowhere/at-all", "/nowhere/at-all" }, { "parameters=threshold", "threshold" }, { "results=/nowhere/at-all/x", "/nowhere/at-all/x" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *line = g_strdup_printf ("videotestsrc ! " CAPS " ! gtfdetect model=%s %s ! fakesink", repository, cases[i].properties);

      assert_refused (line, cases[i].message);
    }
}

/* The end is there before the first frame, with caps or without. */
static void
test_no_frames (void)
{
  static const char *const sources[] = { "fakesrc num-buffers=0", "videotestsrc num-buffers=0 ! " CAPS };

  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      g_autofree char *line = g_strdup_printf ("%s ! gtfdetect model=%s ! fakesink", sources[i], repository);
      g_autoptr (GstElement) pipeline = gst_parse_launch (line, NULL);
      g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
      g_autoptr (GstMessage) message = NULL;

      gst_element_set_state (pipeline, GST_STATE_PLAYING);
      message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
      g_assert_true (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
      gst_element_set_state (pipeline, GST_STATE_NULL);
    }
}

static void
test_states (void)
{
  g_autofree char *line = g_strdup_printf ("videotestsrc ! " CAPS " ! gtfdetect model=%s ! fakesink", repository);
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, NULL);

  for (guint i = 0; i < 20; i++)
    {
      gst_element_set_state (pipeline, i % 2 ? GST_STATE_PLAYING : GST_STATE_PAUSED);
      if (i % 3 == 0)
        gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND);
      gst_element_set_state (pipeline, GST_STATE_NULL);
    }
}

int
main (int argc, char **argv)
{
  int status;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  repository = toy_repository ();
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autofree char *path = g_strconcat ("/gtfdetect-frames/format/", formats[i].caps + strlen ("video/x-raw,format="), NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_format);
    }
  g_test_add_func ("/gtfdetect-frames/video-meta", test_video_meta);
  g_test_add_func ("/gtfdetect-frames/short", test_short);
  g_test_add_func ("/gtfdetect-frames/bad-meta", test_bad_meta);
  g_test_add_func ("/gtfdetect-frames/failure", test_failure);
  g_test_add_func ("/gtfdetect-frames/bad", test_bad);
  g_test_add_func ("/gtfdetect-frames/no-frames", test_no_frames);
  g_test_add_func ("/gtfdetect-frames/states", test_states);
  status = g_test_run ();
  toy_remove (repository);
  g_free (repository);
  return status;
}
