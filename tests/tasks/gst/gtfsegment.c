/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtfsegment with tasks that are known (fake/tasks/image.c: what is white; the number of the column as depth), and what gtfoverlay draws of it.
 * What GtfVideo does is tested by gtfdetect.c.
 */
#include <string.h>
#include <gst/check/gsttestclock.h>
#include <gtf/gtf.h>
#include "../../core/pipeline/toy/repository.h"
#include "../../sanitizer.h"
#include "frames.h"
#include "harness.h"

#define FORMAT(format) "video/x-raw,format=" format ",width=63,height=47,framerate=25/1"

static const Rectangle square = { 16, 8, 32, 24 };
static char *repository;

static GstBuffer *
pass_frame (const char *elements, const char *task, const char *caps, GstBuffer *buffer, GstMessage **message)
{
  g_autofree char *line = g_strdup_printf ("gtfsegment model=%s task=%s%s", repository, task, elements);
  Fixture f;

  fixture_setup_source (&f, line, caps, FALSE);
  GST_BUFFER_PTS (buffer) = 0;
  buffer = gst_harness_push_and_pull (f.harness, buffer);
  *message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_ELEMENT);
  teardown (&f);
  return buffer;
}

static GstBuffer *
pass (const char *elements, const char *task, const char *caps, GstMessage **message)
{
  return pass_frame (elements, task, caps, frame_new (caps, 0x204060, square, 0xffffff), message);
}

static const GstStructure *
segments_of (GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, "GtfSegments");
  const GstStructure *s;
  gint width = 0, height = 0;

  g_assert_nonnull (meta);
  s = gst_custom_meta_get_structure (meta);
  g_assert_true (gst_structure_get (s, "width", G_TYPE_INT, &width, "height", G_TYPE_INT, &height, NULL));
  g_assert_true (width == 63 && height == 47);
  return s;
}

/* The first segment is the pixels of @r. */
static void
assert_map (const GstStructure *segments, Rectangle r)
{
  g_autoptr (GBytes) map = NULL;

  g_assert_true (gst_structure_get (segments, "map", G_TYPE_BYTES, &map, NULL));
  g_assert_cmpuint (g_bytes_get_size (map), ==, 63 * 47 * 2);
  for (gint y = 0; y < 47; y++)
    for (gint x = 0; x < 63; x++)
      g_assert_cmpuint (((const guint16 *) g_bytes_get_data (map, NULL))[y * 63 + x], ==, x >= r.left && x < r.right && y >= r.top && y < r.bottom);
}

static void
assert_depth (const GstStructure *segments)
{
  g_autoptr (GBytes) depth = NULL;

  g_assert_true (gst_structure_get (segments, "depth", G_TYPE_BYTES, &depth, NULL));
  g_assert_cmpuint (g_bytes_get_size (depth), ==, 63 * 47 * 4);
  for (gint i = 0; i < 63 * 47; i++)
    g_assert_cmpfloat (((const float *) g_bytes_get_data (depth, NULL))[i], ==, i % 63);
}

static void
test_masks (void)
{
  static const char *const formats[] = { FORMAT ("RGB"), FORMAT ("GRAY8"), FORMAT ("Y444") };

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autoptr (GstMessage) message = NULL;
      g_autoptr (GstBuffer) out = pass ("", "image-segmentation", formats[i], &message);
      const GstStructure *s = segments_of (out), *one;
      const GValue *list = gst_structure_get_value (s, "segments");
      double score = 0;
      guint id = 0;

      g_assert_cmpuint (gst_value_array_get_size (list), ==, 1);
      one = gst_value_get_structure (gst_value_array_get_value (list, 0));
      g_assert_cmpstr (gst_structure_get_string (one, "label"), ==, "white");
      g_assert_true (gst_structure_get (one, "id", G_TYPE_UINT, &id, "score", G_TYPE_DOUBLE, &score, NULL) && id == 1 && score == 0.5);
      assert_map (s, square);
      g_assert_nonnull (strstr (gst_structure_get_string (gst_message_get_structure (message), "json"), "\"mask\": \""));
    }
}

static void
test_depth (void)
{
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GstBuffer) out = pass ("", "depth-estimation", FORMAT ("NV12"), &message);

  assert_depth (segments_of (out));
  g_assert_cmpstr (gst_structure_get_string (gst_message_get_structure (message), "json"), ==, "{\"depth\": \"a picture\"}");
}

/* gtfoverlay colours the segment alone; of depth the frame becomes a picture of it. */
static void
test_drawn (void)
{
  g_autoptr (GstMessage) first = NULL, second = NULL;
  g_autoptr (GstBuffer) plain = frame_new (FORMAT ("RGB"), 0x204060, square, 0xffffff), masks = pass (" ! gtfoverlay", "image-segmentation", FORMAT ("RGB"), &first);
  g_autoptr (GstBuffer) depth = pass (" ! gtfoverlay", "depth-estimation", FORMAT ("RGB"), &second);
  GstMapInfo a, b, c;

  gst_buffer_map (plain, &a, GST_MAP_READ);
  gst_buffer_map (masks, &b, GST_MAP_READ);
  gst_buffer_map (depth, &c, GST_MAP_READ);
  for (gint y = 0; y < 47; y++)
    for (gint x = 0; x < 63; x++)
      g_assert_cmpuint (memcmp (a.data + y * 192 + x * 3, b.data + y * 192 + x * 3, 3) != 0, ==, x >= 16 && x < 32 && y >= 8 && y < 24);
  g_assert_cmpmem (c.data, 3, "\x08\x1d\x58", 3);
  g_assert_cmpmem (c.data + 62 * 3, 3, "\xff\xff\xd9", 3);
  gst_buffer_unmap (plain, &a);
  gst_buffer_unmap (masks, &b);
  gst_buffer_unmap (depth, &c);
}

/* What is hidden of a segment is its pixels, in two light greys here: afterwards they are one, and nothing else has changed. */
static void
test_hidden (void)
{
  static const char *const labels[] = { "white", "black" };

  for (guint i = 0; i < G_N_ELEMENTS (labels); i++)
    {
      g_autofree char *overlay = g_strdup_printf (" ! gtfoverlay mode=pixelate labels=%s", labels[i]);
      g_autoptr (GstMessage) message = NULL;
      g_autoptr (GstBuffer) plain = frame_new (FORMAT ("GRAY8"), 0x404040, square, 0xf0f0f0), out = NULL;
      GstMapInfo a, b;

      gst_buffer_map (plain, &a, GST_MAP_WRITE);
      for (gint y = square.top; y < square.bottom; y++)
        for (gint x = square.left; x < square.right; x += 2)
          a.data[y * 64 + x] = 0xe0;
      a.data[12 * 64 + 20] = 0x40;          /* a hole in the mask */
      gst_buffer_unmap (plain, &a);
      out = pass_frame (overlay, "image-segmentation", FORMAT ("GRAY8"), gst_buffer_copy_deep (plain), &message);
      gst_buffer_map (plain, &a, GST_MAP_READ);
      gst_buffer_map (out, &b, GST_MAP_READ);
      for (gint y = 0; y < 47; y++)
        for (gint x = 0; x < 63; x++)
          if (i == 0 && x >= square.left && x < square.right && y >= square.top && y < square.bottom && a.data[y * 64 + x] > 0x80)
            g_assert_true (b.data[y * 64 + x] > 0xe0 && b.data[y * 64 + x] < 0xf0);
          else
            g_assert_cmpuint (b.data[y * 64 + x], ==, a.data[y * 64 + x]);
      gst_buffer_unmap (plain, &a);
      gst_buffer_unmap (out, &b);
    }
}

/* ---- elements with the same model ---- */

static void
show (Fixture *f, Rectangle r)
{
  GstBuffer *buffer = frame_new (FORMAT ("RGB"), 0x204060, r, 0xffffff);

  GST_BUFFER_PTS (buffer) = f->time;
  f->time += 40 * GST_MSECOND;
  g_assert_cmpint (gst_harness_push (f->harness, buffer), ==, GST_FLOW_OK);
}

static void
assert_next (Fixture *f, const char *task, Rectangle r)
{
  g_autoptr (GstBuffer) out = gst_harness_pull (f->harness);

  if (strcmp (task, "depth-estimation") == 0)
    assert_depth (segments_of (out));
  else
    assert_map (segments_of (out), r);
}

/* A frame of one waits for the other one's, and each gets what is its own. */
static void
test_batch (gconstpointer task)
{
  static const Rectangle other = { 3, 20, 47, 41 };
  gint (*together) (void) = (gint (*) (void)) fake_symbol (task, "gtf_fake_image_together");
  g_autofree char *line = g_strdup_printf ("gtfsegment batch-window=60000 model=%s task=%s", repository, (const char *) task);
  g_autoptr (GstTestClock) clock = NULL;
  Fixture a, b;

  fixture_setup_source (&a, line, FORMAT ("RGB"), FALSE);
  fixture_setup_source (&b, line, FORMAT ("RGB"), FALSE);
  clock = gst_harness_get_testclock (b.harness);
  show (&a, square);                  /* alone: the other one has not begun */
  assert_next (&a, task, square);
  g_assert_cmpint (together (), ==, 1);
  for (guint i = 0; i < 2; i++)
    {
      show (&b, other);
      gst_test_clock_wait_for_next_pending_id (clock, NULL);
      show (&a, square);
      assert_next (&a, task, square);
      assert_next (&b, task, other);
      g_assert_cmpint (together (), ==, 2);
    }
  teardown (&a);
  teardown (&b);
}

int
main (int argc, char **argv)
{
  int status;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  repository = toy_repository ();
  g_test_add_func ("/gtfsegment/masks", test_masks);
  g_test_add_func ("/gtfsegment/depth", test_depth);
  g_test_add_func ("/gtfsegment/drawn", test_drawn);
  g_test_add_func ("/gtfsegment/hidden", test_hidden);
  g_test_add_data_func ("/gtfsegment/batch/image-segmentation", "image-segmentation", test_batch);
  g_test_add_data_func ("/gtfsegment/batch/depth-estimation", "depth-estimation", test_batch);
  status = g_test_run ();
  toy_remove (repository);
  g_free (repository);
  return status;
}
