/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtfdetect, and with it all that GtfVideo does: which frames are worked on, what is attached to which frame, and that nothing is left over. What frames look like, and
 * what is bad about them, is for gtfdetect-frames.c.
 */
#include <gst/check/gsttestclock.h>
#include "detect.h"

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

int
main (int argc, char **argv)
{
  int status;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  repository = toy_repository ();
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
  status = g_test_run ();
  toy_remove (repository);
  g_free (repository);
  return status;
}
