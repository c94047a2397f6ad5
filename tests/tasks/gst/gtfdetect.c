/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtfdetect, and with it all that GtfVideo does, with a detector that is known (fake/tasks/image.c): what passes, what is worked on, what
 * is attached to which frame, and that nothing is left over. A harness is a live source or not, as the test says.
 */
#include <string.h>
#include <gst/check/gsttestclock.h>
#include <json-glib/json-glib.h>
#include <gtf/gtf.h>
#include "../../core/pipeline/toy/repository.h"
#include "../../sanitizer.h"
#include "frames.h"
#include "harness.h"

#define FRAME (40 * GST_MSECOND)
#define FORMAT(format, width, height) "video/x-raw,format=" format ",width=" width ",height=" height ",framerate=25/1"
#define CAPS FORMAT ("I420", "64", "48")

static const Rectangle square = { 16, 8, 32, 24 }, nothing = { 0, 0, 0, 0 };
static char *repository;

static void
setup (Fixture *f, const char *properties, const char *caps, gboolean live)
{
  g_autofree char *line = g_strdup_printf ("gtfdetect model=%s %s", repository, properties);

  fixture_setup_source (f, line, caps, live);
}

static void
push (Fixture *f, GstBuffer *buffer)
{
  GST_BUFFER_PTS (buffer) = f->time;
  GST_BUFFER_DURATION (buffer) = FRAME;
  f->time += FRAME;
  g_assert_cmpint (gst_harness_push (f->harness, buffer), ==, GST_FLOW_OK);
}

static void
show (Fixture *f, Rectangle r)
{
  push (f, frame_new (CAPS, 0x204060, r, 0xffffff));
}

/* "label score x,y wxh id", or "-". */
static char *
boxes_of (GstBuffer *buffer)
{
  GString *text = g_string_new (NULL);
  gpointer state = NULL;
  GstMeta *meta;

  while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    {
      GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *) meta;
      GstStructure *s = gst_video_region_of_interest_meta_get_param (roi, "detection");
      double score = 0;
      guint id = 99;

      g_assert_true (s && gst_structure_get (s, "score", G_TYPE_DOUBLE, &score, "id", G_TYPE_UINT, &id, NULL));
      g_assert_cmpstr (gst_structure_get_string (s, "label"), ==, g_quark_to_string (roi->roi_type));
      g_string_append_printf (text, "%s%s %.2f %u,%u %ux%u %u", text->len ? "; " : "", gst_structure_get_string (s, "label"), score, roi->x, roi->y, roi->w, roi->h, id);
    }
  if (!text->len)
    g_string_append (text, "-");
  return g_string_free (text, FALSE);
}

static void
assert_next (Fixture *f, const char *boxes)
{
  g_autoptr (GstBuffer) buffer = gst_harness_pull (f->harness);
  g_autofree char *text = NULL;

  g_assert_nonnull (buffer);
  text = boxes_of (buffer);
  g_assert_cmpstr (text, ==, boxes);
}

static void
end (Fixture *f)
{
  g_assert_true (gst_harness_push_event (f->harness, gst_event_new_eos ()));
  for (gboolean eos = FALSE; !eos;)
    {
      g_autoptr (GstEvent) event = gst_harness_pull_event (f->harness);

      g_assert_nonnull (event);
      eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    }
}

/* What was told since the last call. */
typedef struct
{
  guint results, warnings;
  guint64 time;                       /* running time of the last result */
} Told;

static void
check_result (const GstStructure *s, Told *told)
{
  guint64 stream_time, duration;
  gboolean final;
  g_autoptr (JsonNode) node = NULL;

  g_assert_true (gst_structure_has_name (s, "gtf-result"));
  g_assert_true (gst_structure_get (s, "running-time", G_TYPE_UINT64, &told->time, "stream-time", G_TYPE_UINT64, &stream_time, "duration", G_TYPE_UINT64, &duration,
                                    "final", G_TYPE_BOOLEAN, &final, NULL));
  g_assert_true (final && duration == FRAME && gst_structure_get_string (s, "model") != NULL);
  node = json_from_string (gst_structure_get_string (s, "json"), NULL);
  g_assert_true (node && JSON_NODE_HOLDS_ARRAY (node));
}

/* Results are checked, and that each warning says @warning. */
static Told
told (Fixture *f, const char *warning)
{
  GstMessage *message;
  Told all = { 0 };

  while ((message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_ELEMENT | GST_MESSAGE_WARNING)))
    {
      g_autoptr (GError) error = NULL;

      if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT)
        {
          check_result (gst_message_get_structure (message), &all);
          all.results++;
        }
      else
        {
          gst_message_parse_warning (message, &error, NULL);
          g_assert_nonnull (warning ? strstr (error->message, warning) : NULL);
          all.warnings++;
        }
      gst_message_unref (message);
    }
  return all;
}

static guint64
figure (Fixture *f, const char *name)
{
  g_autoptr (GstElement) element = gst_harness_find_element (f->harness, "gtfdetect");
  g_autoptr (GstStructure) stats = NULL;
  guint64 value = G_MAXUINT64;

  g_object_get (element, "stats", &stats, NULL);
  g_assert_true (gst_structure_get_uint64 (stats, name, &value));
  return value;
}

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

/* ---- which frames are worked on, and what others get ---- */

/* After a tee a buffer has two owners and its memory may be read only: it gets its boxes all the same, and the other one does not. */
static void
test_shared (void)
{
  g_autoptr (GstBuffer) buffer = frame_new (CAPS, 0x204060, square, 0xffffff), out = NULL;
  g_autofree char *boxes = NULL, *others = NULL;
  Fixture f;

  setup (&f, "", CAPS, FALSE);
  GST_MINI_OBJECT_FLAG_SET (gst_buffer_peek_memory (buffer, 0), GST_MEMORY_FLAG_READONLY);
  gst_harness_push (f.harness, gst_buffer_ref (buffer));
  out = gst_harness_pull (f.harness);
  boxes = boxes_of (out);
  others = boxes_of (buffer);
  g_assert_cmpstr (boxes, ==, "white 0.75 16,8 16x16 0");
  g_assert_cmpstr (others, ==, "-");
  g_assert_true (gst_buffer_peek_memory (out, 0) == gst_buffer_peek_memory (buffer, 0));
  teardown (&f);
}

/* Two elements with the same model: a frame waits for the other one's, which the fake detector gets together, and no longer than it must. */
static void
test_batch (void)
{
  gint (*together) (void) = (gint (*) (void)) fake_symbol ("object-detection", "gtf_fake_image_together");
  g_autoptr (GstTestClock) clock = NULL;
  Fixture a, b;

  setup (&a, "batch-window=60000", CAPS, FALSE);
  setup (&b, "batch-window=60000", CAPS, FALSE);
  clock = gst_harness_get_testclock (b.harness);
  show (&a, square);                  /* alone: the other one has not begun */
  assert_next (&a, "white 0.75 16,8 16x16 0");
  g_assert_cmpint (together (), ==, 1);
  for (guint i = 0; i < 3; i++)
    {
      show (&b, (Rectangle) { 8, 8, 16, 24 });
      gst_test_clock_wait_for_next_pending_id (clock, NULL);
      show (&a, square);
      assert_next (&a, "white 0.75 16,8 16x16 0");
      assert_next (&b, "white 0.75 8,8 8x16 0");
      g_assert_cmpint (together (), ==, 2);
    }
  end (&a);
  end (&b);
  teardown (&a);
  teardown (&b);
}

static void
test_interval (void)
{
  Fixture f;

  setup (&f, "interval=3", CAPS, FALSE);
  for (gint i = 0; i < 6; i++)
    show (&f, (Rectangle) { 2 * i, 0, 2 * i + 2, 2 });
  for (guint i = 0; i < 6; i++)
    assert_next (&f, i < 3 ? "white 0.75 0,0 2x2 0" : "white 0.75 6,0 2x2 0");
  end (&f);
  g_assert_cmpuint (told (&f, NULL).results, ==, 2);
  g_assert_cmpuint (figure (&f, "frames-in"), ==, 6);
  g_assert_cmpuint (figure (&f, "frames-done"), ==, 2);
  g_assert_cmpuint (figure (&f, "frames-dropped"), ==, 0);
  teardown (&f);
}

static void
test_max_age (void)
{
  Fixture f;

  setup (&f, "interval=5 max-age=80", CAPS, FALSE);
  for (guint i = 0; i < 6; i++)
    show (&f, square);
  for (guint i = 0; i < 6; i++)
    assert_next (&f, i == 3 || i == 4 ? "-" : "white 0.75 16,8 16x16 0");
  teardown (&f);
}

static void
test_threshold (void)
{
  GstElement *element;
  Fixture f;

  setup (&f, "threshold=0.7", CAPS, FALSE);
  element = gst_harness_find_element (f.harness, "gtfdetect");
  show (&f, square);
  assert_next (&f, "white 0.75 16,8 16x16 0");
  g_object_set (element, "threshold", 0.8, NULL);
  show (&f, square);
  assert_next (&f, "-");
  g_object_set (element, "threshold", -1.0, NULL);
  show (&f, square);
  assert_next (&f, "white 0.75 16,8 16x16 0");
  gst_object_unref (element);
  teardown (&f);
}

/* Another model while playing: it is loaded beside the one that works; one that cannot be is a warning, and that one stays. */
static void
test_model_change (void)
{
  g_autofree char *other = toy_repository ();
  GstElement *element;
  gboolean warned = FALSE;
  Fixture f;

  setup (&f, "", CAPS, FALSE);
  element = gst_harness_find_element (f.harness, "gtfdetect");
  show (&f, square);
  assert_next (&f, "white 0.75 16,8 16x16 0");
  g_object_set (element, "model", other, NULL);
  wait_loaded (f.bus);
  show (&f, square);
  assert_next (&f, "white 0.75 16,8 16x16 0");
  for (GstMessage *message = NULL; !message;)
    if ((message = gst_bus_timed_pop_filtered (f.bus, 30 * GST_SECOND, GST_MESSAGE_ELEMENT)))
      {
        g_assert_nonnull (strstr (other, gst_structure_get_string (gst_message_get_structure (message), "model")));
        gst_message_unref (message);
      }
  g_object_set (element, "model", "/nowhere/at-all", NULL);
  while (!warned)
    {
      g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (f.bus, 30 * GST_SECOND, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR);

      g_assert_nonnull (message);
      g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_WARNING);
      warned = TRUE;
    }
  show (&f, square);
  assert_next (&f, "white 0.75 16,8 16x16 0");
  gst_object_unref (element);
  teardown (&f);
  toy_remove (other);
}

/* The detector stands still: frames of a live source pass all the same, and it goes on with the newest. */
static void
test_latest (void)
{
  GMutex *lock = fake_lock ("object-detection", "gtf_fake_image_lock");
  Told all;
  Fixture f;

  setup (&f, "", CAPS, TRUE);
  g_mutex_lock (lock);
  for (guint i = 0; i < 50; i++)
    {
      show (&f, square);
      assert_next (&f, "-");
    }
  g_mutex_unlock (lock);
  end (&f);
  all = told (&f, NULL);
  g_assert_cmpuint (all.results, >=, 1);
  g_assert_cmpuint (all.results, <=, 2);            /* one may have been on its way */
  g_assert_cmpuint (all.time, ==, 49 * FRAME);
  g_assert_cmpuint (figure (&f, "frames-done"), ==, all.results);
  g_assert_cmpuint (figure (&f, "frames-dropped"), ==, 50 - all.results);
  teardown (&f);
}

/* As many as `max-lag` says may wait instead. */
static void
test_max_lag (void)
{
  GMutex *lock = fake_lock ("object-detection", "gtf_fake_image_lock");
  guint n;
  Fixture f;

  setup (&f, "max-lag=400", CAPS, TRUE);
  g_mutex_lock (lock);
  for (guint i = 0; i < 50; i++)
    show (&f, square);
  g_mutex_unlock (lock);
  end (&f);
  n = told (&f, NULL).results;
  g_assert_cmpuint (n, >=, 11);
  g_assert_cmpuint (n, <=, 12);
  teardown (&f);
}

/* A frame is held back until its result is there, or until `latency` has gone by the clock. */
static void
test_latency (void)
{
  GMutex *lock = fake_lock ("object-detection", "gtf_fake_image_lock");
  Fixture f;

  setup (&f, "latency=200 max-age=0", CAPS, TRUE);
  gst_harness_use_testclock (f.harness);
  g_mutex_lock (lock);
  show (&f, square);
  g_assert_true (gst_harness_wait_for_clock_id_waits (f.harness, 1, 60));
  g_assert_cmpuint (gst_harness_buffers_in_queue (f.harness), ==, 0);
  g_assert_true (gst_harness_set_time (f.harness, 199 * GST_MSECOND));
  g_assert_cmpuint (gst_harness_buffers_in_queue (f.harness), ==, 0);
  g_assert_true (gst_harness_crank_single_clock_wait (f.harness));
  assert_next (&f, "-");
  g_mutex_unlock (lock);
  show (&f, square);
  assert_next (&f, "white 0.75 16,8 16x16 0");
  gst_harness_set_upstream_latency (f.harness, 40 * GST_MSECOND);
  g_assert_cmpuint (gst_harness_query_latency (f.harness), ==, 240 * GST_MSECOND);
  teardown (&f);
}

/* Downstream is late: frames that are late already are not worked on. */
static void
test_qos (void)
{
  Fixture f;

  setup (&f, "max-age=0", CAPS, FALSE);
  show (&f, square);
  assert_next (&f, "white 0.75 16,8 16x16 0");
  gst_harness_push_upstream_event (f.harness, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, 40 * GST_MSECOND, 0));
  for (guint i = 1; i < 4; i++)
    {
      show (&f, square);
      assert_next (&f, i * FRAME < 80 * GST_MSECOND ? "-" : "white 0.75 16,8 16x16 0");
    }
  g_assert_cmpuint (figure (&f, "frames-dropped"), ==, 1);
  teardown (&f);
}

/* An object keeps its id, and its box goes with it in frames that are not looked at. */
static void
test_tracker (gconstpointer tracker)
{
  g_autofree char *properties = g_strdup_printf ("interval=4 tracker=%s", (const char *) tracker);
  Fixture f;

  setup (&f, properties, FORMAT ("I420", "240", "64"), FALSE);
  for (gint i = 0; i < 32; i++)
    {
      g_autoptr (GstBuffer) buffer = NULL;
      GstVideoRegionOfInterestMeta *roi;

      push (&f, frame_new (FORMAT ("I420", "240", "64"), 0, (Rectangle) { 8 + 4 * i, 16, 48 + 4 * i, 40 }, 0xffffff));
      buffer = gst_harness_pull (f.harness);
      roi = gst_buffer_get_video_region_of_interest_meta_id (buffer, 1);
      g_assert_nonnull (roi);
      if (i >= 12)
        g_assert_cmpint (ABS ((gint) roi->x - (8 + 4 * i)), <=, 3);
      g_assert_cmpint (ABS ((gint) roi->y - 16), <=, 2);
    }
  end (&f);
  g_assert_cmpuint (told (&f, NULL).results, ==, 8);
  teardown (&f);
}

/* ---- events ---- */

static void
test_flush (void)
{
  GMutex *lock = fake_lock ("object-detection", "gtf_fake_image_lock");
  GstSegment segment;
  Told all;
  Fixture f;

  setup (&f, "", CAPS, FALSE);
  g_mutex_lock (lock);
  show (&f, square);
  show (&f, square);
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_flush_start ()));
  g_mutex_unlock (lock);
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_flush_stop (TRUE)));
  while (gst_harness_buffers_in_queue (f.harness))
    gst_buffer_unref (gst_harness_pull (f.harness));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = f.time = 60 * GST_SECOND;
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_segment (&segment)));
  show (&f, nothing);
  assert_next (&f, "-");
  show (&f, square);
  assert_next (&f, "white 0.75 16,8 16x16 0");
  end (&f);
  all = told (&f, NULL);
  g_assert_cmpuint (all.results, ==, 2);
  g_assert_cmpuint (all.time, ==, FRAME);   /* running time begins anew */
  teardown (&f);
}

/* A model sees frames upright, as the tag says; boxes on frames are in the frame's own pixels, those of the answer upright. */
static const struct
{
  const char *tag;
  Rectangle upright;            /* where { 16, 8, 32, 24 } of 64 x 48 comes to stand */
} turns[] = { { "rotate-0", { 16, 8, 32, 24 } }, { "rotate-90", { 24, 16, 40, 32 } }, { "rotate-180", { 32, 24, 48, 40 } }, { "rotate-270", { 8, 32, 24, 48 } },
              { "flip-rotate-0", { 32, 8, 48, 24 } }, { "flip-rotate-90", { 24, 32, 40, 48 } }, { "flip-rotate-180", { 16, 24, 32, 40 } }, { "flip-rotate-270", { 8, 16, 24, 32 } } };

static void
test_turned (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (turns); i++)
    {
      const Rectangle r = turns[i].upright;
      g_autofree char *box = g_strdup_printf ("\"xmin\": %d, \"ymin\": %d, \"xmax\": %d, \"ymax\": %d", r.left, r.top, r.right, r.bottom);
      GstMessage *message;
      Fixture f;

      setup (&f, i % 2 ? "tracker=sort" : "", CAPS, FALSE);
      g_assert_true (gst_harness_push_event (f.harness, gst_event_new_tag (gst_tag_list_new (GST_TAG_IMAGE_ORIENTATION, turns[i].tag, NULL))));
      show (&f, square);
      assert_next (&f, i % 2 ? "white 0.75 16,8 16x16 1" : "white 0.75 16,8 16x16 0");
      message = gst_bus_timed_pop_filtered (f.bus, 30 * GST_SECOND, GST_MESSAGE_ELEMENT);
      g_assert_nonnull (strstr (gst_structure_get_string (gst_message_get_structure (message), "json"), box));
      gst_message_unref (message);
      teardown (&f);
    }
}

/* Boxes of frames of another size are not attached. */
static void
test_caps_change (void)
{
  static const char *const wide = FORMAT ("NV12", "80", "48");
  Fixture f;

  setup (&f, "interval=4", CAPS, FALSE);
  show (&f, square);
  show (&f, square);
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_caps (gst_caps_from_string (wide))));
  for (guint i = 0; i < 3; i++)
    push (&f, frame_new (wide, 0, (Rectangle) { 64, 8, 72, 16 }, 0xffffff));
  for (guint i = 0; i < 2; i++)
    assert_next (&f, "white 0.75 16,8 16x16 0");
  for (guint i = 0; i < 2; i++)
    assert_next (&f, "-");
  assert_next (&f, "white 0.75 64,8 8x8 0");
  teardown (&f);
}

/* Events keep their place; a gap is one of them. */
static void
test_order (void)
{
  Fixture f;

  setup (&f, "interval=2", CAPS, FALSE);
  while (gst_harness_events_in_queue (f.harness))
    gst_event_unref (gst_harness_pull_event (f.harness));
  show (&f, square);
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_gap (f.time, FRAME)));
  f.time += FRAME;
  show (&f, square);
  end (&f);
  g_assert_cmpuint (gst_harness_buffers_in_queue (f.harness), ==, 2);
  for (guint i = 0; i < 2; i++)
    assert_next (&f, "white 0.75 16,8 16x16 0");
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
      g_autoptr (GstElement) pipeline = gst_parse_launch (line, NULL);
      g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
      g_autoptr (GError) error = NULL;
      GstMessage *message;

      gst_element_set_state (pipeline, GST_STATE_PLAYING);
      message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, GST_MESSAGE_ERROR);
      g_assert_nonnull (message);
      gst_message_parse_error (message, &error, NULL);
      g_assert_nonnull (strstr (error->message, cases[i].message));
      gst_message_unref (message);
      gst_element_set_state (pipeline, GST_STATE_NULL);
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
      g_autofree char *path = g_strconcat ("/gtfdetect/format/", formats[i].caps + strlen ("video/x-raw,format="), NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_format);
    }
  g_test_add_func ("/gtfdetect/video-meta", test_video_meta);
  g_test_add_func ("/gtfdetect/short", test_short);
  g_test_add_func ("/gtfdetect/bad-meta", test_bad_meta);
  g_test_add_func ("/gtfdetect/failure", test_failure);
  g_test_add_func ("/gtfdetect/shared", test_shared);
  g_test_add_func ("/gtfdetect/batch", test_batch);
  g_test_add_func ("/gtfdetect/interval", test_interval);
  g_test_add_func ("/gtfdetect/max-age", test_max_age);
  g_test_add_func ("/gtfdetect/threshold", test_threshold);
  g_test_add_func ("/gtfdetect/model-change", test_model_change);
  g_test_add_func ("/gtfdetect/latest", test_latest);
  g_test_add_func ("/gtfdetect/max-lag", test_max_lag);
  g_test_add_func ("/gtfdetect/latency", test_latency);
  g_test_add_func ("/gtfdetect/qos", test_qos);
  g_test_add_data_func ("/gtfdetect/tracker/sort", "sort", test_tracker);
  g_test_add_data_func ("/gtfdetect/tracker/bytetrack", "bytetrack", test_tracker);
  g_test_add_func ("/gtfdetect/flush", test_flush);
  g_test_add_func ("/gtfdetect/turned", test_turned);
  g_test_add_func ("/gtfdetect/caps-change", test_caps_change);
  g_test_add_func ("/gtfdetect/order", test_order);
  g_test_add_func ("/gtfdetect/bad", test_bad);
  g_test_add_func ("/gtfdetect/no-frames", test_no_frames);
  g_test_add_func ("/gtfdetect/states", test_states);
  status = g_test_run ();
  toy_remove (repository);
  g_free (repository);
  return status;
}
