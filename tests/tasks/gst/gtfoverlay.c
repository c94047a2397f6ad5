/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtfoverlay: boxes in every format, and nothing else; what it leaves alone; frames that it cannot draw on.
 */
#include <string.h>
#include <gst/check/gstharness.h>
#include "../../sanitizer.h"
#include "frames.h"

#define FORMAT(format, width, height) "video/x-raw,format=" format ",width=" width ",height=" height ",framerate=25/1"

static const Rectangle nothing = { 0, 0, 0, 0 };

static GstBuffer *
with_box (GstBuffer *buffer, const char *label, guint x, guint y, guint width, guint height)
{
  GstVideoRegionOfInterestMeta *roi = gst_buffer_add_video_region_of_interest_meta (buffer, label, x, y, width, height);

  if (*label)                   /* else there is nothing to write above the box */
    gst_video_region_of_interest_meta_add_param (roi, gst_structure_new ("detection", "label", G_TYPE_STRING, label, "score", G_TYPE_DOUBLE, 0.5, NULL));
  return buffer;
}

/* The frame in RGB, by nearest chroma, so that each pixel tells of its own samples alone. */
static GstBuffer *
to_rgb (GstBuffer *buffer, const char *caps)
{
  g_autoptr (GstCaps) from_caps = gst_caps_from_string (caps);
  GstVideoInfo from_info, to_info;
  GstVideoFrame from, into;
  GstVideoConverter *converter;
  GstBuffer *rgb;

  g_assert_true (gst_video_info_from_caps (&from_info, from_caps));
  gst_video_info_set_format (&to_info, GST_VIDEO_FORMAT_RGB, (guint) from_info.width, (guint) from_info.height);
  to_info.fps_n = from_info.fps_n;
  to_info.fps_d = from_info.fps_d;
  rgb = gst_buffer_new_allocate (NULL, to_info.size, NULL);
  converter = gst_video_converter_new (&from_info, &to_info,
    gst_structure_new ("config", GST_VIDEO_CONVERTER_OPT_CHROMA_MODE, GST_TYPE_VIDEO_CHROMA_MODE, GST_VIDEO_CHROMA_MODE_NONE, NULL));
  g_assert_true (gst_video_frame_map (&from, &from_info, buffer, GST_MAP_READ) && gst_video_frame_map (&into, &to_info, rgb, GST_MAP_WRITE));
  gst_video_converter_frame (converter, &from, &into);
  gst_video_frame_unmap (&from);
  gst_video_frame_unmap (&into);
  gst_video_converter_free (converter);
  return rgb;
}

static guint32
pixel (const GstMapInfo *map, gint width, gint x, gint y)
{
  const guint8 *p = map->data + y * GST_ROUND_UP_4 (width * 3) + x * 3;

  return (guint32) p[0] << 16 | (guint32) p[1] << 8 | p[2];
}

static gboolean
close_to (guint32 a, guint32 b)
{
  for (guint shift = 0; shift < 24; shift += 8)
    if (ABS ((gint) (a >> shift & 255) - (gint) (b >> shift & 255)) > 6)
      return FALSE;
  return TRUE;
}

/* ---- every format ---- */

static const char *const formats[] = { "I420", "YV12", "NV12", "NV21", "NV16", "NV24", "YUY2", "UYVY", "YVYU", "VYUY", "Y41B", "Y42B", "Y444", "AYUV", "VUYA", "v308", "RGB", "BGR",
                                       "RGBx", "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "ARGB", "ABGR", "GBR", "GRAY8" };

static void
test_format (gconstpointer data)
{
  const guint32 ground = 0x204060;
  g_autofree char *caps = g_strdup_printf (FORMAT ("%s", "64", "48"), (const char *) data);
  GstHarness *h = gst_harness_new_parse ("gtfoverlay line-width=4");
  g_autoptr (GstBuffer) out = NULL, rgb = NULL;
  const gboolean grey = strcmp (data, "GRAY8") == 0;
  guint drawn = 0;
  GstMapInfo map;

  gst_harness_set_src_caps_str (h, caps);
  out = gst_harness_push_and_pull (h, with_box (frame_new (caps, ground, nothing, 0), "", 8, 8, 32, 24));
  rgb = to_rgb (out, caps);
  gst_buffer_map (rgb, &map, GST_MAP_READ);
  for (gint y = 0; y < 48; y++)
    for (gint x = 0; x < 64; x++)
      {
        const gboolean within = x >= 8 && x < 40 && y >= 8 && y < 32, inner = x >= 12 && x < 36 && y >= 12 && y < 28;
        const gboolean same = close_to (pixel (&map, 64, x, y), grey ? 0x3c3c3c : ground);

        if (within && !inner)
          drawn += !same;
        else
          g_assert_true (same);
      }
  g_assert_cmpuint (drawn, ==, 32 * 24 - 24 * 16);
  gst_buffer_unmap (rgb, &map);
  gst_harness_teardown (h);
}

/* ---- what is hidden, what is left alone ---- */

static guint
distinct (GstBuffer *buffer, Rectangle r)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  GstMapInfo map;
  guint n;

  gst_buffer_map (buffer, &map, GST_MAP_READ);
  for (gint y = r.top; y < r.bottom; y++)
    for (gint x = r.left; x < r.right; x++)
      g_hash_table_add (seen, GUINT_TO_POINTER ((guint) map.data[y * 64 + x] + 1));
  n = g_hash_table_size (seen);
  gst_buffer_unmap (buffer, &map);
  return n;
}

static GstBuffer *
noise (void)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 64 * 48, NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = (guint8) g_rand_int (rand);
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

static const struct
{
  const char *properties, *label;
  guint most;                   /* grey levels in the box afterwards */
  gboolean touched;
} hidings[] = { { "mode=pixelate", "person", 4, TRUE },
                { "mode=blur", "person", 60, TRUE },
                { "mode=blur labels=\"cat, person\"", "person", 60, TRUE },
                { "mode=blur labels=cat", "person", 256, FALSE },
                { "labels=cat", "person", 256, FALSE } };

static void
test_hide (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (hidings); i++)
    {
      g_autofree char *line = g_strdup_printf ("gtfoverlay %s", hidings[i].properties);
      GstHarness *h = gst_harness_new_parse (line);
      g_autoptr (GstBuffer) before = noise (), out = NULL;

      gst_harness_set_src_caps_str (h, FORMAT ("GRAY8", "64", "48"));
      out = gst_harness_push_and_pull (h, with_box (gst_buffer_copy_deep (before), hidings[i].label, 16, 16, 16, 16));
      g_assert_cmpuint (distinct (out, (Rectangle) { 16, 16, 32, 32 }), <=, hidings[i].most);
      g_assert_cmpuint (frame_sum (before) != frame_sum (out), ==, hidings[i].touched);
      for (gint y = 0; y < 48; y++)
        {
          guint8 a[64], b[64];

          gst_buffer_extract (before, (gsize) y * 64, a, 64);
          gst_buffer_extract (out, (gsize) y * 64, b, 64);
          if (y >= 16 && y < 32)
            memcpy (a + 16, b + 16, 16);
          g_assert_cmpmem (a, 64, b, 64);
        }
      gst_harness_teardown (h);
    }
}

/* A frame without boxes is handed on as it is; another owner of a frame's memory does not see what is drawn. */
static void
test_shared (void)
{
  GstHarness *h = gst_harness_new_parse ("gtfoverlay");
  g_autoptr (GstBuffer) bare = noise (), out = NULL, boxed = NULL, drawn = NULL;
  guint sum = frame_sum (bare);

  gst_harness_set_src_caps_str (h, FORMAT ("GRAY8", "64", "48"));
  out = gst_harness_push_and_pull (h, gst_buffer_ref (bare));
  g_assert_true (gst_buffer_peek_memory (out, 0) == gst_buffer_peek_memory (bare, 0));
  boxed = with_box (gst_buffer_copy (bare), "person", 16, 16, 32, 24);
  GST_MINI_OBJECT_FLAG_SET (gst_buffer_peek_memory (boxed, 0), GST_MEMORY_FLAG_READONLY);
  drawn = gst_harness_push_and_pull (h, gst_buffer_ref (boxed));
  g_assert_cmpuint (frame_sum (drawn), !=, sum);
  g_assert_cmpuint (frame_sum (bare), ==, sum);
  g_assert_cmpuint (frame_sum (boxed), ==, sum);
  gst_harness_teardown (h);
}

/* Boxes out of the frame, empty ones, labels of any text, a frame of one pixel, a buffer that is too short. */
static void
test_odd (void)
{
  static const guint boxes[][4] = { { 0, 0, 0, 0 }, { 63, 47, 1, 1 }, { 60, 40, 4000, 4000 }, { G_MAXUINT, G_MAXUINT, G_MAXUINT, G_MAXUINT }, { 0, 0, G_MAXUINT, 2 }, { 0, 0, 64, 48 } };
  static const char *const labels[] = { "", "Łódź", "猫", "a label that is much longer than the whole picture is wide", "\n\t" };
  GstHarness *h = gst_harness_new_parse ("gtfoverlay"), *tiny = gst_harness_new_parse ("gtfoverlay");
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, FORMAT ("NV12", "64", "48"));
  for (guint i = 0; i < G_N_ELEMENTS (boxes); i++)
    for (guint k = 0; k < G_N_ELEMENTS (labels); k++)
      {
        buffer = frame_new (FORMAT ("NV12", "64", "48"), 0, nothing, 0);
        gst_buffer_unref (gst_harness_push_and_pull (h, with_box (buffer, labels[k], boxes[i][0], boxes[i][1], boxes[i][2], boxes[i][3])));
      }
  buffer = gst_harness_push_and_pull (h, with_box (gst_buffer_new_allocate (NULL, 100, NULL), "a", 1, 1, 5, 5));
  g_assert_cmpuint (gst_buffer_get_size (buffer), ==, 100);
  gst_buffer_unref (buffer);
  gst_harness_set_src_caps_str (tiny, FORMAT ("I420", "1", "1"));
  gst_buffer_unref (gst_harness_push_and_pull (tiny, with_box (frame_new (FORMAT ("I420", "1", "1"), 0, nothing, 0), "person", 0, 0, 1, 1)));
  gst_harness_teardown (h);
  gst_harness_teardown (tiny);
}

/* ---- captions ---- */

typedef struct
{
  GstHarness *video, *text;
  GstBuffer *plain;
} Captioned;

static void
captioned_setup (Captioned *c, const char *properties)
{
  g_autofree char *line = g_strdup_printf ("gtfoverlay %s", properties);
  GstElement *element = gst_parse_launch (line, NULL);

  gst_object_ref_sink (element);
  c->video = gst_harness_new_with_element (element, "sink", "src");
  c->text = gst_harness_new_with_element (element, "captions", NULL);
  gst_object_unref (element);
  gst_harness_set_src_caps_str (c->video, FORMAT ("GRAY8", "64", "48"));
  gst_harness_set_src_caps_str (c->text, "text/x-raw,format=utf8");
  c->plain = noise ();
}

static void
captioned_teardown (Captioned *c)
{
  gst_buffer_unref (c->plain);
  gst_harness_teardown (c->text);
  gst_harness_teardown (c->video);
}

static void
say (Captioned *c, const char *text, guint start, guint end)
{
  GstBuffer *buffer = gst_buffer_new_memdup (text, strlen (text));

  GST_BUFFER_PTS (buffer) = start * GST_MSECOND;
  GST_BUFFER_DURATION (buffer) = (end - start) * GST_MSECOND;
  g_assert_cmpint (gst_harness_push (c->text, buffer), ==, GST_FLOW_OK);
}

/* Whether something stands on the frame at that time. */
static gboolean
is_captioned (Captioned *c, guint time)
{
  GstBuffer *buffer = gst_buffer_copy_deep (c->plain);
  g_autoptr (GstBuffer) out = NULL;

  GST_BUFFER_PTS (buffer) = time * GST_MSECOND;
  out = gst_harness_push_and_pull (c->video, buffer);
  return frame_sum (out) != frame_sum (c->plain);
}

static const struct
{
  guint time;                   /* ms */
  gboolean line, word;          /* whether a whole text, and a word, from 1 to 2 s stand */
} moments[] = { { 0, FALSE, FALSE }, { 999, FALSE, FALSE }, { 1000, TRUE, TRUE }, { 1999, TRUE, TRUE }, { 2000, FALSE, TRUE }, { 3999, FALSE, TRUE }, { 4000, FALSE, FALSE } };

static void
test_captions (void)
{
  for (guint is_word = 0; is_word < 2; is_word++)
    {
      Captioned c;

      captioned_setup (&c, "");
      say (&c, is_word ? " Word" : "Line", 1000, 2000);
      gst_harness_push_event (c.text, gst_event_new_eos ());
      for (guint i = 0; i < G_N_ELEMENTS (moments); i++)
        g_assert_cmpint (is_captioned (&c, moments[i].time), ==, is_word ? moments[i].word : moments[i].line);
      captioned_teardown (&c);
    }
}

static gpointer
wait_and_see (gpointer data)
{
  return GINT_TO_POINTER (is_captioned (data, 1500));
}

/* A frame waits for text of its time, or for word that there is none; not so without wait-text. */
static void
test_wait (void)
{
  GThread *thread;
  Captioned c;

  captioned_setup (&c, "");
  thread = g_thread_new ("frame", wait_and_see, &c);
  gst_harness_push_event (c.text, gst_event_new_gap (0, 1400 * GST_MSECOND));
  say (&c, "Line", 1400, 1800);
  g_assert_true (GPOINTER_TO_INT (g_thread_join (thread)));
  gst_harness_push_event (c.text, gst_event_new_gap (1800 * GST_MSECOND, GST_SECOND));
  g_assert_false (is_captioned (&c, 2000));
  captioned_teardown (&c);
  captioned_setup (&c, "wait-text=false");
  g_assert_false (is_captioned (&c, 1500));
  captioned_teardown (&c);
}

/* The latency of captions that come late is the element's. */
static void
test_latency (void)
{
  Captioned c;

  captioned_setup (&c, "");
  gst_harness_set_upstream_latency (c.video, 20 * GST_MSECOND);
  gst_harness_set_upstream_latency (c.text, 3 * GST_SECOND);
  g_assert_cmpuint (gst_harness_query_latency (c.video), ==, 3 * GST_SECOND);
  captioned_teardown (&c);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autofree char *path = g_strconcat ("/gtfoverlay/format/", formats[i], NULL);

      g_test_add_data_func (path, formats[i], test_format);
    }
  g_test_add_func ("/gtfoverlay/hide", test_hide);
  g_test_add_func ("/gtfoverlay/shared", test_shared);
  g_test_add_func ("/gtfoverlay/odd", test_odd);
  g_test_add_func ("/gtfoverlay/captions", test_captions);
  g_test_add_func ("/gtfoverlay/wait", test_wait);
  g_test_add_func ("/gtfoverlay/latency", test_latency);
  return g_test_run ();
}
