/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtfdetect in a harness, with a detector that is known (fake/tasks/image.c): frames in, and what came out of them. A harness is a live source or not, as the
 * test says.
 */
#pragma once

#include <string.h>
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

static inline void
setup (Fixture *f, const char *properties, const char *caps, gboolean live)
{
  g_autofree char *line = g_strdup_printf ("gtfdetect model=%s %s", repository, properties);

  fixture_setup_source (f, line, caps, live);
}

static inline void
push (Fixture *f, GstBuffer *buffer)
{
  GST_BUFFER_PTS (buffer) = f->time;
  GST_BUFFER_DURATION (buffer) = FRAME;
  f->time += FRAME;
  g_assert_cmpint (gst_harness_push (f->harness, buffer), ==, GST_FLOW_OK);
}

static inline void
show (Fixture *f, Rectangle r)
{
  push (f, frame_new (CAPS, 0x204060, r, 0xffffff));
}

/* "label score x,y wxh id", or "-". */
static inline char *
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

static inline void
assert_next (Fixture *f, const char *boxes)
{
  g_autoptr (GstBuffer) buffer = gst_harness_pull (f->harness);
  g_autofree char *text = NULL;

  g_assert_nonnull (buffer);
  text = boxes_of (buffer);
  g_assert_cmpstr (text, ==, boxes);
}

static inline void
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

static inline void
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
static inline Told
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

static inline guint64
figure (Fixture *f, const char *name)
{
  g_autoptr (GstElement) element = gst_harness_find_element (f->harness, "gtfdetect");
  g_autoptr (GstStructure) stats = NULL;
  guint64 value = G_MAXUINT64;

  g_object_get (element, "stats", &stats, NULL);
  g_assert_true (gst_structure_get_uint64 (stats, name, &value));
  return value;
}
