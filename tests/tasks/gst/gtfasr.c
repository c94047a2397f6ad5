/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtfasr with a recogniser that is known (fake/): what comes out, when, in what order, and that nothing is left over. A GstHarness
 * is a live source; pipelines with appsrc are not.
 */
#include <locale.h>
#include <gst/app/gstappsrc.h>
#include <gst/check/gsttestclock.h>
#include <gtf/gtf.h>
#include "../../core/pipeline/toy/repository.h"
#include "../../sanitizer.h"
#include "harness.h"
#include "speech.h"

#define CAPS "audio/x-raw,format=F32LE,rate=16000,channels=1,layout=interleaved"

static char *repository;

/* ---- fixtures ---- */

static void
setup (Fixture *f, const char *properties)
{
  g_autofree char *line = g_strdup_printf ("gtfasr max-lag=600000 model=%s %s", repository, properties);

  fixture_setup (f, line, CAPS);
}

static GstBuffer *
make_buffer (const float *x, gsize n, GstClockTime time)
{
  GstBuffer *buffer = gst_buffer_new_memdup (x, n * sizeof *x);

  GST_BUFFER_PTS (buffer) = time;
  GST_BUFFER_DURATION (buffer) = gst_util_uint64_scale (n, GST_SECOND, 16000);
  return buffer;
}

static void
say (Fixture *f, const char *script)
{
  gsize n;
  g_autofree float *x = speech_new (script, &n);

  for (gsize i = 0; i < n; i += 1600)
    {
      g_assert_cmpint (gst_harness_push (f->harness, make_buffer (x + i, MIN (1600, n - i), f->time)), ==, GST_FLOW_OK);
      f->time += gst_util_uint64_scale (MIN (1600, n - i), GST_SECOND, 16000);
    }
}

/* Everything that came out up to EOS: the texts; checks order. Gaps may be counted. */
static char *
listen (Fixture *f, guint *n_gaps, guint *n_finals)
{
  GString *text = g_string_new (NULL);
  GstClockTime last = 0;
  GstBuffer *buffer;

  g_assert_true (gst_harness_push_event (f->harness, gst_event_new_eos ()));
  for (gboolean eos = FALSE; !eos;)
    {
      GstEvent *event = gst_harness_pull_event (f->harness);

      g_assert_nonnull (event);
      eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
      if (GST_EVENT_TYPE (event) == GST_EVENT_GAP && n_gaps)
        (*n_gaps)++;
      if (gst_event_has_name (event, "rstranscribe/final-transcript") && n_finals)
        (*n_finals)++;
      gst_event_unref (event);
    }
  while ((buffer = gst_harness_try_pull (f->harness)))
    {
      GstMapInfo map;

      g_assert_true (GST_BUFFER_PTS_IS_VALID (buffer) && GST_BUFFER_DURATION_IS_VALID (buffer));
      g_assert_cmpuint (GST_BUFFER_PTS (buffer), >=, last);
      last = GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer);
      gst_buffer_map (buffer, &map, GST_MAP_READ);
      g_string_append_len (text, (const char *) map.data, (gssize) map.size);
      gst_buffer_unmap (buffer, &map);
      gst_buffer_unref (buffer);
    }
  return g_string_free (text, FALSE);
}

/* ---- what comes out ---- */

static const struct
{
  const char *name, *properties, *script, *text;
} sayings[] = {
  { "words", "", "..abc..", " a b c" },
  { "two-utterances", "latency=2000", "..abc....de....", " a b c d e" },
  { "long", "latency=2000", "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij..", " a b c d e f g h i j a b c d e f g h i j a b c d e f g h i j a b c d e f g h i j a b c d e f g h i j a b c d e f g h i j a b c d e f g h i j a b c d e f g h i j" },
  { "cut-by-eos", "", "..ab", " a b" },
  { "lines", "unit=line", "..abc....de..", "a b cd e" },
  { "nothing", "", "", "" },
  { "silence", "", "..........", "" }
};

static void
test_saying (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *text = NULL;
  Fixture f;

  setup (&f, sayings[i].properties);
  say (&f, sayings[i].script);
  text = listen (&f, NULL, NULL);
  g_assert_cmpstr (text, ==, sayings[i].text);
  teardown (&f);
}

static void
test_gaps (void)
{
  g_autofree char *text = NULL;
  guint gaps = 0, finals = 0;
  Fixture f;

  setup (&f, "latency=2000");
  say (&f, "....ab......cd....");
  text = listen (&f, &gaps, &finals);
  g_assert_cmpstr (text, ==, " a b c d");
  g_assert_cmpuint (gaps, >, 2);
  g_assert_cmpuint (finals, ==, 2);
  teardown (&f);
}

static void
test_times (void)
{
  GstBuffer *buffer;
  Fixture f;

  setup (&f, "");
  say (&f, "..a....");
  gst_harness_push_event (f.harness, gst_event_new_eos ());
  buffer = gst_harness_pull (f.harness);
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), >=, 1000 * GST_MSECOND);
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), <, 1100 * GST_MSECOND);
  g_assert_cmpuint (GST_BUFFER_DURATION (buffer), >, 250 * GST_MSECOND);
  g_assert_cmpuint (GST_BUFFER_DURATION (buffer), <=, 400 * GST_MSECOND);
  gst_buffer_unref (buffer);
  teardown (&f);
}

static void
test_flush (void)
{
  g_autofree char *text = NULL;
  GstSegment segment;
  Fixture f;

  setup (&f, "");
  say (&f, "..ab");
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_flush_start ()));
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = f.time = 60 * GST_SECOND;
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_segment (&segment)));
  say (&f, "..cd..");
  text = listen (&f, NULL, NULL);
  g_assert_cmpstr (text, ==, " c d");
  teardown (&f);
}

static void
test_discontinuity (void)
{
  g_autofree char *text = NULL;
  Fixture f;

  setup (&f, "");
  say (&f, "..ab");
  f.time += 5 * GST_SECOND;
  say (&f, "cd..");
  text = listen (&f, NULL, NULL);
  g_assert_cmpstr (text, ==, " a b c d");
  teardown (&f);
}

static void
test_gap_event (void)
{
  g_autofree char *text = NULL;
  guint finals = 0;
  Fixture f;

  setup (&f, "");
  say (&f, "..ab");
  gst_harness_push_event (f.harness, gst_event_new_gap (f.time, 3 * GST_SECOND));
  f.time += 3 * GST_SECOND;
  say (&f, "cd..");
  text = listen (&f, NULL, &finals);
  g_assert_cmpstr (text, ==, " a b c d");
  g_assert_cmpuint (finals, ==, 2);
  teardown (&f);
}

static void
test_new_segment (void)
{
  g_autofree char *text = NULL;
  GstSegment segment;
  Fixture f;

  setup (&f, "");
  say (&f, "..ab");
  gst_segment_init (&segment, GST_FORMAT_TIME);
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_segment (&segment)));
  f.time = 0;
  text = listen (&f, NULL, NULL);
  g_assert_cmpstr (text, ==, " a b");
  teardown (&f);
}

/* ---- messages, statistics ---- */

static void
test_results (void)
{
  g_autofree char *path = g_build_filename (repository, "results.jsonl", NULL), *properties = g_strdup_printf ("latency=1000 results=%s", path);
  g_autofree char *text = NULL, *lines = NULL;
  guint n_final = 0;
  GstMessage *message;
  Fixture f;

  setup (&f, properties);
  say (&f, "..abcdefgh....");
  text = listen (&f, NULL, NULL);
  while ((message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_ELEMENT)))
    {
      const GstStructure *s = gst_message_get_structure (message);
      gboolean final;
      guint64 duration;
      const char *json = gst_structure_get_string (s, "json");
      g_autoptr (JsonNode) node = NULL;

      g_assert_true (gst_structure_has_name (s, "gtf-result"));
      g_assert_true (gst_structure_get (s, "final", G_TYPE_BOOLEAN, &final, "duration", G_TYPE_UINT64, &duration, NULL));
      g_assert_true (gst_structure_has_field (s, "running-time") && gst_structure_has_field (s, "stream-time") && gst_structure_has_field (s, "model"));
      node = json_from_string (json, NULL);
      g_assert_true (node && json_object_has_member (json_node_get_object (node), "chunks"));
      n_final += final;
      gst_message_unref (message);
    }
  g_assert_cmpuint (n_final, >, 0);
  teardown (&f);
  g_assert_true (g_file_get_contents (path, &lines, NULL, NULL));
  g_assert_nonnull (strstr (lines, "\" a"));
  g_unlink (path);
}

/* The recogniser stands still: the oldest sound goes, and is counted. */
static void
test_max_lag (void)
{
  GMutex *lock = fake_lock ("automatic-speech-recognition", "gtf_fake_asr_lock");
  g_autoptr (GstStructure) stats = NULL;
  g_autofree char *text = NULL;
  guint64 in = 0, dropped = 0;
  Fixture f;

  setup (&f, "latency=1000 max-lag=2000");
  g_mutex_lock (lock);
  say (&f, "abcdefghijabcdefghij");
  g_object_get (gst_harness_find_element (f.harness, "gtfasr"), "stats", &stats, NULL);
  g_mutex_unlock (lock);
  g_assert_true (gst_structure_get_uint64 (stats, "frames-in", &in) && gst_structure_get_uint64 (stats, "frames-dropped", &dropped));
  g_assert_cmpuint (in, ==, 160000);
  g_assert_cmpuint (dropped, >, 160000 / 2);
  text = listen (&f, NULL, NULL);
  g_assert_true (g_str_has_suffix (text, "j"));
  teardown (&f);
}

/* A decimal comma changes neither what goes in nor what comes out. */
static void
test_comma_locale (void)
{
  static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "pt_BR.UTF-8", "es_ES.UTF-8" };
  g_autofree char *path = g_build_filename (repository, "comma.jsonl", NULL);
  g_autofree char *properties = g_strdup_printf ("results=%s parameters=generate_kwargs.temperature=0.5", path), *text = NULL, *lines = NULL;
  const char *found = NULL;
  Fixture f;

  for (guint i = 0; !found && i < G_N_ELEMENTS (names); i++)
    found = setlocale (LC_NUMERIC, names[i]);
  if (!found)
    {
      g_test_skip ("no locale with a decimal comma is installed");
      return;
    }
  setup (&f, properties);
  say (&f, "..ab....");
  text = listen (&f, NULL, NULL);
  teardown (&f);
  setlocale (LC_NUMERIC, "C");
  g_assert_cmpstr (text, ==, " a b");
  g_assert_true (g_file_get_contents (path, &lines, NULL, NULL));
  g_assert_nonnull (strstr (lines, "\"timestamp\": [1.0"));
  g_unlink (path);
}

/* ---- without a model, with a bad one ---- */

static void
test_latency (void)
{
  g_autoptr (GstElement) element = gst_element_factory_make ("gtfasr", NULL);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "src");
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  GstClockTime min, max;
  gboolean live;

  gst_object_ref_sink (element);
  g_object_set (element, "latency", 3000, "lateness", 500, NULL);
  g_assert_true (gst_pad_query (pad, query));
  gst_query_parse_latency (query, &live, &min, &max);
  g_assert_true (live);
  g_assert_cmpuint (min, ==, 3500 * GST_MSECOND);
  g_assert_cmpuint (max, ==, GST_CLOCK_TIME_NONE);
}

static void
test_upstream_latency (void)
{
  GstClockTime latency;
  Fixture f;

  setup (&f, "latency=3000");
  gst_harness_set_upstream_latency (f.harness, 40 * GST_MSECOND);
  latency = gst_harness_query_latency (f.harness);
  g_assert_cmpuint (latency, ==, 3040 * GST_MSECOND);
  teardown (&f);
}

static void
test_alias (void)
{
  g_autoptr (GstElement) element = gst_element_factory_make ("gtfasr", NULL);
  g_autofree char *language = NULL;

  gst_object_ref_sink (element);
  g_object_set (element, "language-code", "de", NULL);
  g_object_get (element, "language", &language, NULL);
  g_assert_cmpstr (language, ==, "de");
}

static void
test_missing_model (void)
{
  assert_refused ("audiotestsrc num-buffers=20 ! " CAPS " ! gtfasr model=/nowhere/at-all ! fakesink", "/nowhere/at-all");
}

static void
test_states (void)
{
  g_autofree char *line = g_strdup_printf ("audiotestsrc num-buffers=4 wave=silence ! " CAPS " ! gtfasr model=%s ! fakesink", repository);
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, NULL);

  for (guint i = 0; i < 20; i++)
    {
      gst_element_set_state (pipeline, i % 2 ? GST_STATE_PLAYING : GST_STATE_PAUSED);
      if (i % 3 == 0)
        gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND);
      gst_element_set_state (pipeline, GST_STATE_NULL);
    }
}

/* A source that is not live is never dropped from, however small max-lag is. */
static void
test_not_live (void)
{
  g_autofree char *line = g_strdup_printf ("appsrc name=source format=time caps=" CAPS " ! gtfasr max-lag=100 model=%s ! appsink name=sink sync=false", repository);
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, NULL);
  g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  const char *script = "..abcdefghij....abcdefghij....abcdefghij....abcdefghij....";
  g_autoptr (GString) text = g_string_new (NULL);
  gsize n;
  g_autofree float *x = speech_new (script, &n);
  GstSample *sample = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (gsize i = 0; i < n; i += 16000)
    gst_app_src_push_buffer (GST_APP_SRC (source), make_buffer (x + i, MIN (16000, n - i), gst_util_uint64_scale (i, GST_SECOND, 16000)));
  gst_app_src_end_of_stream (GST_APP_SRC (source));
  for (;;)
    {
      GstMapInfo map;

      g_signal_emit_by_name (sink, "pull-sample", &sample);
      if (!sample)
        break;
      gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ);
      g_string_append_len (text, (const char *) map.data, (gssize) map.size);
      gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
      gst_sample_unref (sample);
    }
  g_assert_cmpstr (text->str, ==, " a b c d e f g h i j a b c d e f g h i j a b c d e f g h i j a b c d e f g h i j");
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

int
main (int argc, char **argv)
{
  g_autofree char *config = NULL;
  int status;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  repository = toy_repository ();
  config = g_build_filename (repository, "preprocessor_config.json", NULL);
  g_assert_true (g_file_set_contents (config, "{\"feature_extractor_type\": \"WhisperFeatureExtractor\", \"chunk_length\": 10}", -1, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (sayings); i++)
    {
      g_autofree char *path = g_strconcat ("/gtfasr/says/", sayings[i].name, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_saying);
    }
  g_test_add_func ("/gtfasr/gaps", test_gaps);
  g_test_add_func ("/gtfasr/times", test_times);
  g_test_add_func ("/gtfasr/flush", test_flush);
  g_test_add_func ("/gtfasr/discontinuity", test_discontinuity);
  g_test_add_func ("/gtfasr/gap-event", test_gap_event);
  g_test_add_func ("/gtfasr/new-segment", test_new_segment);
  g_test_add_func ("/gtfasr/results", test_results);
  g_test_add_func ("/gtfasr/comma-locale", test_comma_locale);
  g_test_add_func ("/gtfasr/max-lag", test_max_lag);
  g_test_add_func ("/gtfasr/latency", test_latency);
  g_test_add_func ("/gtfasr/upstream-latency", test_upstream_latency);
  g_test_add_func ("/gtfasr/alias", test_alias);
  g_test_add_func ("/gtfasr/missing-model", test_missing_model);
  g_test_add_func ("/gtfasr/states", test_states);
  g_test_add_func ("/gtfasr/not-live", test_not_live);
  status = g_test_run ();
  toy_remove (repository);
  g_free (repository);
  return status;
}
