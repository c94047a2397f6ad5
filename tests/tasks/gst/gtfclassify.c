/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtfclassify with a classifier that is known (fake/tasks/image.c: the colour in the middle): labels of frames; of boxes, which are looked
 * at once a track; and of windows of frames, whose label says which frames they are of. What GtfVideo does is tested by gtfdetect.c.
 */
#include <string.h>
#include <json-glib/json-glib.h>
#include <gtf/gtf.h>
#include "pipeline/image-rows.h"
#include "../../core/pipeline/toy/repository.h"
#include "../../sanitizer.h"
#include "frames.h"
#include "harness.h"

#define CAPS "video/x-raw,format=RGB,width=64,height=48,framerate=25/1"
#define FRAME (40 * GST_MSECOND)

static char *repository;

static void
setup (Fixture *f, const char *properties)
{
  g_autofree char *line = g_strdup_printf ("gtfclassify model=%s %s", repository, properties);

  fixture_setup_source (f, line, CAPS, FALSE);
}

static GstBuffer *
pass (Fixture *f, GstBuffer *buffer)
{
  GST_BUFFER_PTS (buffer) = f->time;
  GST_BUFFER_DURATION (buffer) = FRAME;
  f->time += FRAME;
  return gst_harness_push_and_pull (f->harness, buffer);
}

/* The next result's JSON, or NULL. */
static char *
next_result (Fixture *f)
{
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_ELEMENT);

  return message ? g_strdup (gst_structure_get_string (gst_message_get_structure (message), "json")) : NULL;
}

static void
test_frame (void)
{
  g_autoptr (GstBuffer) out = NULL;
  g_autofree char *json = NULL;
  const GstStructure *label;
  const GValue *labels;
  GstCustomMeta *meta;
  double score = 0;
  Fixture f;

  setup (&f, "");
  out = pass (&f, frame_rgb (64, 48, 0x00ff00, (Rectangle) { 0, 0, 0, 0 }, 0));
  meta = gst_buffer_get_custom_meta (out, "GtfLabels");
  g_assert_nonnull (meta);
  labels = gst_structure_get_value (gst_custom_meta_get_structure (meta), "labels");
  g_assert_cmpuint (gst_value_array_get_size (labels), ==, 1);
  label = gst_value_get_structure (gst_value_array_get_value (labels, 0));
  g_assert_cmpstr (gst_structure_get_string (label, "label"), ==, "green");
  g_assert_true (gst_structure_get_double (label, "score", &score) && score == 0.5);
  json = next_result (&f);
  g_assert_cmpstr (json, ==, "[{\"label\": \"green\", \"score\": 0.5}]");
  teardown (&f);
}

typedef struct
{
  const char *label;
  guint x, id;
  gboolean tracked;
} Box;

/* A blue frame, green from x = 32 on, with boxes 16 pixels wide. */
static GstBuffer *
boxed (const Box *boxes, guint n)
{
  GstBuffer *buffer = frame_rgb (64, 48, 0x0000ff, (Rectangle) { 32, 0, 64, 48 }, 0x00ff00);

  for (guint i = 0; i < n; i++)
    {
      GstVideoRegionOfInterestMeta *roi = gst_buffer_add_video_region_of_interest_meta (buffer, boxes[i].label, boxes[i].x, 8, 16, 16);

      gst_video_region_of_interest_meta_add_param (roi, gst_structure_new ("detection", "label", G_TYPE_STRING, boxes[i].label, "score", G_TYPE_DOUBLE, 0.9, "id", G_TYPE_UINT, boxes[i].id,
        "tracked", G_TYPE_BOOLEAN, boxes[i].tracked, NULL));
    }
  return buffer;
}

/* The classes of a buffer's boxes, in order, "-" where there is none. */
static char *
classes_of (GstBuffer *buffer)
{
  GString *text = g_string_new (NULL);
  gpointer state = NULL;
  GstMeta *meta;

  while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    {
      GstStructure *s = gst_video_region_of_interest_meta_get_param ((GstVideoRegionOfInterestMeta *) meta, "classification");

      g_string_append_printf (text, "%s%s", text->len ? " " : "", s ? gst_structure_get_string (s, "label") : "-");
    }
  return g_string_free (text, FALSE);
}

static void
test_boxes (void)
{
  static const Box boxes[] = { { "person", 4, 0, FALSE }, { "car", 20, 1, FALSE }, { "person", 40, 2, FALSE } };
  static const struct
  {
    const char *wanted, *classes;
  } cases[] = { { "person", "blue - green" }, { "car", "- blue -" }, { "person, car", "blue blue green" }, { "*", "blue blue green" }, { "dog", "- - -" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *properties = g_strdup_printf ("boxes=\"%s\"", cases[i].wanted), *classes = NULL;
      g_autoptr (GstBuffer) out = NULL;
      Fixture f;

      setup (&f, properties);
      out = pass (&f, boxed (boxes, 3));
      classes = classes_of (out);
      g_assert_cmpstr (classes, ==, cases[i].classes);
      g_assert_null (gst_buffer_get_custom_meta (out, "GtfLabels"));
      teardown (&f);
    }
}

/* A track is looked at once in `refresh`: it keeps its label though it moves to where it would have another. */
static void
test_tracks (void)
{
  static const Box boxes[] = { { "person", 4, 7, TRUE }, { "person", 40, 7, TRUE }, { "person", 40, 8, TRUE } };
  static const char *const expected[] = { "blue", "blue", "green", "green" };
  Fixture f;

  setup (&f, "boxes=person refresh=1000");
  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (GstBuffer) out = NULL;
      g_autofree char *classes = NULL, *json = NULL;

      if (i == 3)
        f.time += GST_SECOND;
      out = pass (&f, boxed (&boxes[i < 3 ? i : 1], 1));
      classes = classes_of (out);
      g_assert_cmpstr (classes, ==, expected[i]);
      json = next_result (&f);
      g_assert_nonnull (strstr (json, i == 2 ? "\"id\": 8" : "\"id\": 7"));
    }
  teardown (&f);
}

/* What was found in a frame's boxes goes to those of the frames after it: by track, else by place. */
static void
test_later_frames (void)
{
  static const Box first[] = { { "person", 4, 1, TRUE }, { "person", 40, 0, FALSE } }, second[] = { { "person", 24, 1, TRUE }, { "person", 42, 0, FALSE }, { "person", 4, 2, TRUE } };
  g_autoptr (GstBuffer) one = NULL, two = NULL;
  g_autofree char *classes = NULL;
  Fixture f;

  setup (&f, "boxes=person interval=2");
  one = pass (&f, boxed (first, 2));
  two = pass (&f, boxed (second, 3));
  classes = classes_of (two);
  g_assert_cmpstr (classes, ==, "blue green -");
  teardown (&f);
}

/* ---- windows ---- */

#define OF_WINDOWS "task=video-classification parameters=num_frames=4 window=320 "

/* A frame of a colour: g(reen), b(lue) or s(ilver). */
static GstBuffer *
coloured (char colour)
{
  return frame_rgb (64, 48, colour == 'g' ? 0x00ff00 : colour == 'b' ? 0x0000ff : 0x808080, (Rectangle) { 0, 0, 0, 0 }, 0);
}

/* (nullable) (transfer full): the next result's label, and its time in ms. */
static char *
next_window (Fixture *f, guint *start, guint *duration)
{
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_ELEMENT);
  const GstStructure *s = message ? gst_message_get_structure (message) : NULL;
  g_auto (GStrv) parts = s ? g_strsplit (gst_structure_get_string (s, "json"), "\"", -1) : NULL;
  guint64 time = 0, span = 0;

  if (!s)
    return NULL;
  g_assert_true (gst_structure_get_uint64 (s, "running-time", &time) && gst_structure_get_uint64 (s, "duration", &span));
  *start = (guint) (time / GST_MSECOND);
  *duration = (guint) (span / GST_MSECOND);
  return g_strdup (parts[3]);
}

/* Four frames of 320 ms: at 25 a second every second one, the first of them being that which is shown at 0. */
static void
test_windows (void)
{
  static const struct
  {
    const char *properties, *frames;
    guint gap;                          /* ms more between frames */
    struct
    {
      guint after;                      /* of the frames, which one it is found in */
      const char *label;
      guint start, duration;
    } found[4];
  } cases[] = {
    { "", "gsbsgsbsbs", 0, { { 6, "green blue green blue", 0, 280 }, { 8, "blue green blue blue", 80, 280 } } },
    { "interval=3", "gsbsgsbsbsgs", 0, { { 6, "green blue green blue", 0, 280 }, { 10, "green blue blue green", 160, 280 } } },
    { "", "gbgbsg", 60, { { 3, "green blue green blue", 0, 340 }, { 4, "blue green blue grey", 100, 340 }, { 5, "green blue grey green", 200, 340 } } },
    { "", "gbgbsg", 300, { { 0, NULL, 0, 0 } } },         /* further apart than a window is long */
    { "window=160", "gbsgb", 0, { { 3, "green blue grey green", 0, 160 }, { 4, "blue grey green blue", 40, 160 } } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *properties = g_strconcat (OF_WINDOWS, cases[i].properties, NULL);
      guint n = 0;
      Fixture f;

      setup (&f, properties);
      for (guint k = 0; cases[i].frames[k]; k++)
        {
          g_autoptr (GstBuffer) out = pass (&f, coloured (cases[i].frames[k]));
          guint start = 0, duration = 0;
          g_autofree char *label = next_window (&f, &start, &duration);

          f.time += cases[i].gap * GST_MSECOND;
          g_assert_cmpint (gst_buffer_get_custom_meta (out, "GtfLabels") != NULL, ==, n > 0 || label != NULL);
          if (!label)
            continue;
          g_assert_cmpuint (k, ==, cases[i].found[n].after);
          g_assert_cmpstr (label, ==, cases[i].found[n].label);
          g_assert_cmpuint (start, ==, cases[i].found[n].start);
          g_assert_cmpuint (duration, ==, cases[i].found[n].duration);
          n++;
        }
      g_assert_null (cases[i].found[n].label);
      teardown (&f);
    }
}

/* A seek and other caps begin a new window; nothing of the one before is in it. */
static void
test_new_windows (void)
{
  static const char *const caps[] = { CAPS, "video/x-raw,format=RGB,width=32,height=48,framerate=25/1" };

  for (guint other = 0; other < 2; other++)
    {
      guint start, duration;
      Fixture f;

      setup (&f, OF_WINDOWS "window=160");
      for (guint k = 0; k < 7; k++)
        {
          g_autofree char *label = NULL;

          if (k == 3 && !other)
            {
              GstSegment segment;

              gst_segment_init (&segment, GST_FORMAT_TIME);
              g_assert_true (gst_harness_push_event (f.harness, gst_event_new_flush_start ()) && gst_harness_push_event (f.harness, gst_event_new_flush_stop (TRUE))
                             && gst_harness_push_event (f.harness, gst_event_new_segment (&segment)));
              f.time = 0;
            }
          if (k == 3 && other)
            gst_harness_set_src_caps_str (f.harness, caps[1]);
          gst_buffer_unref (pass (&f, k < 3 ? coloured ('g') : frame_rgb (other ? 32 : 64, 48, 0x0000ff, (Rectangle) { 0, 0, 0, 0 }, 0)));
          label = next_window (&f, &start, &duration);
          g_assert_cmpstr (label, ==, k == 6 ? "blue blue blue blue" : NULL);
        }
      teardown (&f);
    }
}

/* A live source does not wait while a window is looked at; the next is that of the newest frame, with all its frames though most were not looked at. */
static void
test_live_windows (void)
{
  GMutex *lock = fake_lock ("video-classification", "gtf_fake_image_lock");
  g_autofree char *line = g_strdup_printf ("gtfclassify model=%s " OF_WINDOWS "window=160", repository), *last = NULL, *next;
  guint start, duration, n = 0;
  Fixture f;

  fixture_setup (&f, line, CAPS);
  g_mutex_lock (lock);
  for (const char *frame = "ggggsssbgbsb"; *frame; frame++)
    gst_buffer_unref (pass (&f, coloured (*frame)));
  g_mutex_unlock (lock);
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_eos ()));
  while ((next = next_window (&f, &start, &duration)))
    {
      g_free (last);
      last = next;
      n++;
    }
  g_assert_cmpuint (n, <=, 2);          /* one may have been on its way */
  g_assert_cmpstr (last, ==, "green blue grey blue");
  g_assert_cmpuint (start, ==, 8 * 40);
  g_assert_cmpuint (duration, ==, 4 * 40);
  teardown (&f);
}

/* Windows that nobody has memory for are one error, which says what to do, and no frame is kept. */
static void
test_large_windows (void)
{
  static const struct
  {
    const char *parameters, *says;      /* NULL: no error */
  } cases[] = { { "num_frames=65536", "parameters=num_frames=1024 or less" }, { "num_frames=1025", "a window of 1025 frames" }, { "num_frames=1024", NULL } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *properties = g_strdup_printf ("task=video-classification parameters=%s window=60000", cases[i].parameters);
      g_autoptr (GstMessage) message = NULL, second = NULL;
      g_autoptr (GError) error = NULL;
      GstFlowReturn flow;
      Fixture f;

      setup (&f, properties);
      gst_harness_set_src_caps_str (f.harness, "video/x-raw,format=RGBx,width=1024,height=512,framerate=25/1");
      flow = gst_harness_push (f.harness, gst_buffer_new_allocate (NULL, 1024 * 512 * 4, NULL));
      g_assert_cmpint (flow, ==, cases[i].says ? GST_FLOW_ERROR : GST_FLOW_OK);
      message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_ERROR);
      second = gst_bus_pop_filtered (f.bus, GST_MESSAGE_ERROR);
      g_assert_true (!message == !cases[i].says && !second);
      if (message)
        {
          gst_message_parse_error (message, &error, NULL);
          g_assert_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
          g_assert_nonnull (strstr (error->message, cases[i].says));
        }
      teardown (&f);
    }
}

/* A task that looks at pixels has them of each frame, however the others lie. */
static void
test_mixed_frames (void)
{
  static const guint8 y[] = { 41, 41, 41, 41 }, u[] = { 240, 240, 240, 240 }, v[] = { 110, 110, 110, 110 };     /* blue */
  const GtfPlanes planes = { .colours = GTF_PLANES_YUV, .width = 2, .height = 2, .data = { y, u, v }, .row = { 2, 2, 2 }, .pixel = { 1, 1, 1 }, .kr = 0.299, .kb = 0.114 };
  const GtfImage frame = { .width = 2, .height = 2, .planes = &planes };
  g_autoptr (GtfImage) green = gtf_image_new (2, 2, NULL);
  const GtfImage *const videos[][4] = { { green, &frame, green, &frame }, { &frame, green, green, green } };
  static const char *const labels[] = { "\"green blue green blue\"", "\"blue green green green\"" };
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new ("video-classification", repository, NULL, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < 12; i++)
    green->pixels[i] = i % 3 == 1 ? 255 : 0;
  for (guint i = 0; i < G_N_ELEMENTS (videos); i++)
    {
      g_autoptr (GtfResult) result = gtf_pipeline_run_frames (pipeline, videos[i], 4, NULL, NULL, &error);

      g_assert_no_error (error);
      g_assert_nonnull (strstr (gtf_result_to_json (result), labels[i]));
    }
}

int
main (int argc, char **argv)
{
  int status;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  repository = toy_repository ();
  g_test_add_func ("/gtfclassify/frame", test_frame);
  g_test_add_func ("/gtfclassify/boxes", test_boxes);
  g_test_add_func ("/gtfclassify/tracks", test_tracks);
  g_test_add_func ("/gtfclassify/later-frames", test_later_frames);
  g_test_add_func ("/gtfclassify/windows", test_windows);
  g_test_add_func ("/gtfclassify/new-windows", test_new_windows);
  g_test_add_func ("/gtfclassify/live-windows", test_live_windows);
  g_test_add_func ("/gtfclassify/large-windows", test_large_windows);
  g_test_add_func ("/gtfclassify/mixed-frames", test_mixed_frames);
  status = g_test_run ();
  toy_remove (repository);
  g_free (repository);
  return status;
}
