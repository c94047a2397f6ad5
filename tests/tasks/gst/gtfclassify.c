/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtfclassify with a classifier that is known (fake/tasks/image.c: the colour in the middle): labels of frames, and of boxes, which are looked
 * at once a track. What GtfVideo does is tested by gtfdetect.c.
 */
#include <string.h>
#include <json-glib/json-glib.h>
#include <gtf/gtf.h>
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
  status = g_test_run ();
  toy_remove (repository);
  g_free (repository);
  return status;
}
