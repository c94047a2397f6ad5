/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtftext with tasks that are known (fake/tasks/text.c): what passes, what is asked, what is posted, and that nothing is left over.
 */
#include <json-glib/json-glib.h>
#include <gtf/gtf.h>
#include "../../core/pipeline/toy/repository.h"
#include "../../sanitizer.h"
#include "harness.h"

#define CAPS "text/x-raw,format=utf8"

static char *repository;

static void
setup (Fixture *f, const char *properties)
{
  g_autofree char *line = g_strdup_printf ("gtftext max-lag=600000 model=%s %s", repository, properties);

  fixture_setup (f, line, CAPS);
}

/* A buffer of half a second a text; texts are separated by '|'. */
static void
say (Fixture *f, const char *script)
{
  g_auto (GStrv) texts = g_strsplit (script, "|", -1);

  for (guint i = 0; texts[i]; i++)
    {
      GstBuffer *buffer = gst_buffer_new_memdup (texts[i], strlen (texts[i]));

      GST_BUFFER_PTS (buffer) = f->time;
      GST_BUFFER_DURATION (buffer) = GST_SECOND / 2;
      f->time += GST_SECOND / 2;
      g_assert_cmpint (gst_harness_push (f->harness, buffer), ==, GST_FLOW_OK);
    }
}

/* Everything that came out up to EOS, with '|' after each buffer. */
static char *
listen (Fixture *f)
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
      gst_event_unref (event);
    }
  while ((buffer = gst_harness_try_pull (f->harness)))
    {
      GstMapInfo map;

      g_assert_cmpuint (GST_BUFFER_PTS (buffer), >=, last);
      last = GST_BUFFER_PTS (buffer);
      gst_buffer_map (buffer, &map, GST_MAP_READ);
      g_string_append_len (text, (const char *) map.data, (gssize) map.size);
      g_string_append_c (text, '|');
      gst_buffer_unmap (buffer, &map);
      gst_buffer_unref (buffer);
    }
  return g_string_free (text, FALSE);
}

/* The next result, as "start-end json" in ms; NULL: no more of them. */
static char *
next_result (Fixture *f)
{
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_ELEMENT);
  const GstStructure *s = message ? gst_message_get_structure (message) : NULL;
  guint64 time = 0, stream_time = 0, duration = 0;
  gboolean final = FALSE;

  if (!s)
    return NULL;
  g_assert_true (gst_structure_has_name (s, "gtf-result"));
  g_assert_true (gst_structure_get (s, "running-time", G_TYPE_UINT64, &time, "stream-time", G_TYPE_UINT64, &stream_time, "duration", G_TYPE_UINT64, &duration, "final", G_TYPE_BOOLEAN, &final, NULL));
  g_assert_true (final);
  g_assert_nonnull (gst_structure_get_string (s, "model"));
  return g_strdup_printf ("%u-%u %s", (guint) (time / GST_MSECOND), (guint) ((time + duration) / GST_MSECOND), gst_structure_get_string (s, "json"));
}

/* ---- what passes, what is asked ---- */

static const struct
{
  const char *name, *properties, *script, *text;
  const char *results[4];
} sayings[] = {
  { "reads", "", " I| am| here.| Good", " I| am| here.| Good|",
    { "0-1500 {\"inputs\": \"I am here.\", \"parameters\": {}}", "1500-2000 {\"inputs\": \"Good\", \"parameters\": {}}" } },
  { "parameters", "parameters=top_k=3", "Yes.", "Yes.|", { "0-500 {\"inputs\": \"Yes.\", \"parameters\": {\"top_k\": 3}}" } },
  { "question", "task=question-answering question=\"who?\" window=1", "I am.|You are.|They are.", "I am.|You are.|They are.|",
    { "0-500 {\"inputs\": {\"question\": \"who?\", \"context\": \"I am.\"}, \"parameters\": {}}",
      "0-1000 {\"inputs\": {\"question\": \"who?\", \"context\": \"I am. You are.\"}, \"parameters\": {}}",
      "500-1500 {\"inputs\": {\"question\": \"who?\", \"context\": \"You are. They are.\"}, \"parameters\": {}}" } },
  { "no-question", "task=question-answering", "I am.", "I am.|", { NULL } },
  { "labels", "task=zero-shot-classification labels=\"good, very bad\"", "I am.", "I am.|",
    { "0-500 {\"inputs\": \"I am.\", \"parameters\": {\"candidate_labels\": [\"good\", \"very bad\"]}}" } },
  { "no-labels", "task=zero-shot-classification", "I am.", "I am.|", { NULL } },
  { "ranks", "task=text-ranking question=who", "I am.|You are.", "I am.|You are.|",
    { "0-500 {\"inputs\": {\"query\": \"who\", \"texts\": [\"I am.\"]}, \"parameters\": {}}",
      "0-1000 {\"inputs\": {\"query\": \"who\", \"texts\": [\"I am.\", \"You are.\"]}, \"parameters\": {}}" } },
  { "writes", "task=summarization window=1", "I am.|You are.", "I AM.|I AM. YOU ARE.|", { "0-500 {\"text\": \"I AM.\"}", "0-1000 {\"text\": \"I AM. YOU ARE.\"}" } },
  { "failure", "", "I fail.|I am.", "I fail.|I am.|", { "500-1000 {\"inputs\": \"I am.\", \"parameters\": {}}" } },
  { "nothing", "", "", "", { NULL } }
};

static void
test_saying (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *text = NULL, *more = NULL;
  Fixture f;

  setup (&f, sayings[i].properties);
  say (&f, sayings[i].script);
  text = listen (&f);
  g_assert_cmpstr (text, ==, sayings[i].text);
  for (guint k = 0; sayings[i].results[k]; k++)
    {
      g_autofree char *result = next_result (&f);

      g_assert_cmpstr (result, ==, sayings[i].results[k]);
    }
  more = next_result (&f);
  g_assert_null (more);
  teardown (&f);
}

/* A task that has nothing to ask says so, once. */
static void
test_nothing_to_ask (gconstpointer data)
{
  const char *const *c = data;       /* the task, the property */
  g_autofree char *properties = g_strdup_printf ("task=%s", c[0]), *text = NULL;
  guint warnings = 0;
  Fixture f;

  setup (&f, properties);
  say (&f, "I am.|You are.");
  text = listen (&f);
  for (GstMessage *message; (message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING)); warnings++)
    {
      g_autoptr (GError) error = NULL;

      gst_message_parse_warning (message, &error, NULL);
      g_assert_nonnull (strstr (error->message, c[1]));
      gst_message_unref (message);
    }
  g_assert_cmpuint (warnings, ==, 1);
  teardown (&f);
}

/* Labels and the question count from the next sentence on. */
static void
test_live_labels (void)
{
  g_autofree char *first = NULL, *second = NULL, *text = NULL;
  GstElement *element;
  Fixture f;

  setup (&f, "task=zero-shot-classification labels=a window=1");
  element = gst_harness_find_element (f.harness, "gtftext");
  say (&f, "One.");
  while (!(first = next_result (&f)))
    g_usleep (1000);
  g_object_set (element, "labels", "b,c", NULL);
  say (&f, "Two.");
  text = listen (&f);
  second = next_result (&f);
  g_assert_nonnull (strstr (first, "[\"a\"]"));
  g_assert_nonnull (strstr (second, "[\"b\", \"c\"]"));
  gst_object_unref (element);
  teardown (&f);
}

/* ---- events ---- */

static void
test_pause (void)
{
  g_autofree char *first = NULL, *second = NULL, *text = NULL;
  Fixture f;

  setup (&f, "");
  say (&f, " no| end");
  gst_harness_push_event (f.harness, gst_event_new_gap (f.time, 3 * GST_SECOND));
  f.time += 3 * GST_SECOND;
  say (&f, " another");
  gst_harness_push_event (f.harness, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty ("rstranscribe/final-transcript")));
  say (&f, " third");
  text = listen (&f);
  first = next_result (&f);
  second = next_result (&f);
  g_assert_nonnull (strstr (first, "\"no end\""));
  g_assert_nonnull (strstr (second, "\"another\""));
  teardown (&f);
}

static void
test_flush (void)
{
  g_autofree char *text = NULL, *result = NULL, *more = NULL;
  GMutex *lock = fake_lock ("text-classification", "gtf_fake_text_lock");
  GstSegment segment;
  Fixture f;

  setup (&f, "");
  g_mutex_lock (lock);
  say (&f, "One.|Two.|Thr");
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_flush_start ()));
  g_mutex_unlock (lock);
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = f.time = 60 * GST_SECOND;
  g_assert_true (gst_harness_push_event (f.harness, gst_event_new_segment (&segment)));
  say (&f, "Four.");
  text = listen (&f);
  g_assert_true (g_str_has_suffix (text, "Four.|"));
  result = next_result (&f);
  more = next_result (&f);
  g_assert_nonnull (strstr (result, "\"Four.\""));
  g_assert_true (g_str_has_prefix (result, "0-500 "));      /* running time begins anew */
  g_assert_null (more);
  teardown (&f);
}

/* The task stands still: the text passes all the same, the oldest sentences are not worked on, and are counted. */
static void
test_max_lag (void)
{
  GMutex *lock = fake_lock ("text-classification", "gtf_fake_text_lock");
  g_autoptr (GstStructure) stats = NULL;
  g_autofree char *text = NULL, *last = NULL;
  GstElement *element;
  guint64 in = 0, dropped = 0;
  Fixture f;
  char *result;

  setup (&f, "max-lag=2000");
  element = gst_harness_find_element (f.harness, "gtftext");
  g_mutex_lock (lock);
  for (guint i = 0; i < 20; i++)
    say (&f, i == 19 ? "Last." : "One.");
  for (guint i = 0; i < 20; i++)
    gst_buffer_unref (gst_harness_pull (f.harness));
  g_object_get (element, "stats", &stats, NULL);
  g_mutex_unlock (lock);
  g_assert_true (gst_structure_get_uint64 (stats, "frames-in", &in) && gst_structure_get_uint64 (stats, "frames-dropped", &dropped));
  g_assert_cmpuint (in, ==, 20);
  g_assert_cmpuint (dropped, >, 10);
  text = listen (&f);
  while ((result = next_result (&f)))
    {
      g_free (last);
      last = result;
    }
  g_assert_nonnull (strstr (last, "\"Last.\""));
  gst_object_unref (element);
  teardown (&f);
}

/* Text whose time stands still: the window has a bound all the same. */
static void
test_no_time (void)
{
  g_autofree char *text = NULL, *last = NULL;
  Fixture f;
  char *result;
  guint sentences = 0;

  setup (&f, "task=question-answering question=\"who?\"");
  for (guint i = 0; i < 300; i++)
    g_assert_cmpint (gst_harness_push (f.harness, gst_buffer_new_memdup ("One.", 4)), ==, GST_FLOW_OK);
  text = listen (&f);
  while ((result = next_result (&f)))
    {
      g_free (last);
      last = result;
    }
  g_assert_nonnull (last);
  for (const char *p = last; (p = strstr (p, "One.")); p++)
    sentences++;
  g_assert_cmpuint (sentences, >, 100);
  g_assert_cmpuint (sentences, <, 300);
  teardown (&f);
}

/* ---- without a model, with a bad one ---- */

static void
test_latency (void)
{
  static const struct
  {
    const char *properties;
    GstClockTime latency;
  } cases[] = { { "latency=3000", 40 * GST_MSECOND }, { "latency=3000 task=summarization", 3040 * GST_MSECOND } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Fixture f;

      setup (&f, cases[i].properties);
      gst_harness_set_upstream_latency (f.harness, 40 * GST_MSECOND);
      g_assert_cmpuint (gst_harness_query_latency (f.harness), ==, cases[i].latency);
      teardown (&f);
    }
}

static void
test_bad (void)
{
  static const struct
  {
    const char *properties, *message;
  } cases[] = { { "task=no-such-task", "no-such-task" }, { "model=/nowhere/at-all", "/nowhere/at-all" }, { "parameters=top_k", "top_k" }, { "results=/nowhere/at-all/x", "/nowhere/at-all/x" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *line = g_strdup_printf ("appsrc ! gtftext model=%s %s ! fakesink", repository, cases[i].properties);

      assert_refused (line, cases[i].message);
    }
}

static void
test_states (void)
{
  g_autofree char *line = g_strdup_printf ("appsrc ! gtftext model=%s ! fakesink", repository);
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, NULL);

  for (guint i = 0; i < 20; i++)
    {
      gst_element_set_state (pipeline, i % 2 ? GST_STATE_PLAYING : GST_STATE_PAUSED);
      gst_element_set_state (pipeline, GST_STATE_NULL);
    }
}

int
main (int argc, char **argv)
{
  static const char *const unasked[][2] = { { "question-answering", "\"question\"" }, { "zero-shot-classification", "\"labels\"" } };
  int status;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  repository = toy_repository ();
  for (guint i = 0; i < G_N_ELEMENTS (sayings); i++)
    {
      g_autofree char *path = g_strconcat ("/gtftext/says/", sayings[i].name, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_saying);
    }
  for (guint i = 0; i < G_N_ELEMENTS (unasked); i++)
    {
      g_autofree char *path = g_strconcat ("/gtftext/nothing-to-ask/", unasked[i][0], NULL);

      g_test_add_data_func (path, unasked[i], test_nothing_to_ask);
    }
  g_test_add_func ("/gtftext/live-labels", test_live_labels);
  g_test_add_func ("/gtftext/pause", test_pause);
  g_test_add_func ("/gtftext/flush", test_flush);
  g_test_add_func ("/gtftext/max-lag", test_max_lag);
  g_test_add_func ("/gtftext/no-time", test_no_time);
  g_test_add_func ("/gtftext/latency", test_latency);
  g_test_add_func ("/gtftext/bad", test_bad);
  g_test_add_func ("/gtftext/states", test_states);
  status = g_test_run ();
  toy_remove (repository);
  g_free (repository);
  return status;
}
