/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/pipeline/pipeline*.c: loading by every name and option, requests good and bad, threads, main contexts, cancelling.
 */
#include <string.h>
#include "pipeline/pipeline.h"
#include "toy/repository.h"

static char *repository;

static GtfPipeline *
pipeline (void)
{
  g_autoptr (GError) error = NULL;
  GtfPipeline *self = gtf_pipeline_new ("echo", repository, NULL, &error);

  g_assert_no_error (error);
  return self;
}

static void
test_new (void)
{
  const char *names[] = { "echo", "parrot", "auto" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfPipeline) self = gtf_pipeline_new (names[i], repository, "{\"dtype\": \"float32\", \"threads\": 1}", &error);

      g_assert_no_error (error);
      g_assert_cmpstr (gtf_pipeline_get_task (self), ==, "echo");
      g_assert_cmpstr (gtf_pipeline_get_model_id (self), ==, repository);
      g_assert_cmpstr (gtf_pipeline_get_directory (self), ==, repository);
    }
}

static const struct
{
  const char *task, *model, *options, *mentions;        /* model NULL: the repository; "-": none */
} bad_new[] = {
  { "no-such-task", NULL, NULL, "no-such-task" },
  { "echo", "-", NULL, "no built-in model" },
  { "auto", "-", NULL, "no built-in model" },
  { "echo", "/nowhere", NULL, "no such folder" },
  { "echo", NULL, "{\"dtype\": \"float7\"}", "float7" },
  { "echo", NULL, "{\"dtype\": 3}", "dtype" },
  { "echo", NULL, "{\"threads\": -1}", "threads" },
  { "echo", NULL, "{\"threads\": 1e9}", "threads" },
  { "echo", NULL, "{\"colour\": \"red\"}", "colour" },
  { "echo", NULL, "{\"adapter\": \"/nowhere\"}", "no such folder" },
  { "echo", NULL, "[]", "object" },
  { "echo", NULL, "{", "options" },
};

static void
test_bad_new (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad_new); i++)
    {
      const char *model = bad_new[i].model == NULL ? repository : g_str_equal (bad_new[i].model, "-") ? NULL : bad_new[i].model;
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfPipeline) self = gtf_pipeline_new (bad_new[i].task, model, bad_new[i].options, &error);

      g_test_message ("%s %s", bad_new[i].task, bad_new[i].options ? bad_new[i].options : "");
      g_assert_null (self);
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, bad_new[i].mentions));
    }
}

static const struct
{
  const char *inputs, *parameters, *answer;
} runs[] = {
  { "\"a b\"", NULL, "{\"text\": \"a b\"}" },
  { "\"a b\"", "", "{\"text\": \"a b\"}" },
  { "\"a b\"", "{\"return_timestamps\": \"word\"}",
    "{\"text\": \"a b\", \"chunks\": [{\"text\": \" a\", \"timestamp\": [0.0, 0.25]}, {\"text\": \" b\", \"timestamp\": [0.3, null]}]}" },
  { "\"odd\"", "{\"volume\": 10}", "{\"text\": \"odd\", \"score\": null}" },
  { "\"Łódź \\ud800\"", NULL, "{\"text\": \"Łódź \xEF\xBF\xBD\"}" },
  { "\"k\"", "{\"generate_kwargs\": {\"language\": \"en\", \"n\": [1, 2.5]}}", "{\"text\": \"k\", \"kwargs\": {\"language\": \"en\", \"n\": [1, 2.5]}}" },
};

static void
test_run (void)
{
  g_autoptr (GtfPipeline) self = pipeline ();

  for (guint i = 0; i < G_N_ELEMENTS (runs); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfResult) result = gtf_pipeline_run (self, runs[i].inputs, runs[i].parameters, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (gtf_result_to_json (result), ==, runs[i].answer);
    }
}

static const struct
{
  const char *inputs, *parameters, *mentions;
} bad_runs[] = {
  { "\"fail\"", NULL, "broken" },
  { "nonsense", NULL, "inputs" },
  { "3", NULL, "expected a string" },
  { "\"a\"", "{\"loud\": 3}", "loud" },
  { "\"a\"", "{\"volume\": 11}", "volume" },
  { "\"a\"", "{\"volume\": -1}", "volume" },
  { "\"a\"", "[]", "parameters" },
  { "\"a\"", "{\"volume\": }", "parameters" },
};

/* The pipeline lives on after each. */
static void
test_bad_run (void)
{
  g_autoptr (GtfPipeline) self = pipeline ();

  for (guint i = 0; i < G_N_ELEMENTS (bad_runs); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfResult) result = gtf_pipeline_run (self, bad_runs[i].inputs, bad_runs[i].parameters, NULL, &error);
      g_autoptr (GtfResult) good = NULL;

      g_assert_null (result);
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, bad_runs[i].mentions));
      good = gtf_pipeline_run (self, "\"x\"", NULL, NULL, NULL);
      g_assert_cmpstr (gtf_result_get_text (good), ==, "x");
    }
}

/* What a task leaves beside its answer gets to its view and into no JSON. */
static void
test_details (void)
{
  static const char *const cases[][3] = {
    { "\"sure\"", "{\"text\": \"sure\"}", "sure: sure: half" },
    { "\"a\"", "{\"text\": \"a\"}", "a: a: nothing" },
  };
  g_autoptr (GtfPipeline) self = pipeline ();

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfResult) result = gtf_pipeline_run (self, cases[i][0], NULL, NULL, NULL);
      g_autofree char *terminal = gtf_result_render (result, "terminal");

      g_assert_cmpstr (gtf_result_to_json (result), ==, cases[i][1]);
      g_assert_cmpstr (terminal, ==, cases[i][2]);
      g_assert_null (gtf_result_render (result, "text"));
      g_assert_null (gtf_result_get_readable (result));
    }
}

static void
test_samples (void)
{
  g_autoptr (GtfPipeline) self = pipeline ();
  g_autoptr (GError) error = NULL;
  float samples[800] = { 0 };
  g_autoptr (GtfResult) result = gtf_pipeline_run_samples (self, samples, 800, 1600, NULL, NULL, &error);
  g_autoptr (GtfResult) none = NULL, bad = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (gtf_result_to_json (result), ==, "{\"text\": \"samples\", \"seconds\": 0.5}");
  none = gtf_pipeline_run_samples (self, NULL, 0, 16000, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (gtf_result_to_json (none), ==, "{\"text\": \"samples\", \"seconds\": 0.0}");
  bad = gtf_pipeline_run_samples (self, samples, 800, 0, NULL, NULL, &error);
  g_assert_null (bad);
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
}

/* ---- threads and main contexts ---- */

typedef struct
{
  GMainLoop *loop;
  GThread *thread;
  GtfResult *result;
  GError *error;
  GString *pieces;
} Async;

static void
on_segment (GtfPipeline *self, const char *json, gboolean final, double fraction, gpointer data)
{
  Async *a = data;

  g_assert_true (g_thread_self () == a->thread);
  g_assert_true (final);
  g_assert_cmpfloat (fraction, <=, 1);
  g_assert_null (a->result);            /* pieces come before the whole */
  g_string_append (a->pieces, json);
}

static void
on_done (GObject *source, GAsyncResult *res, gpointer data)
{
  Async *a = data;

  g_assert_true (g_thread_self () == a->thread);
  a->result = gtf_pipeline_run_finish (GTF_PIPELINE (source), res, &a->error);
  g_main_loop_quit (a->loop);
}

/* Everything comes in the context that was the default of the thread that asked. */
static gpointer
async_in_own_context (gpointer data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GtfPipeline) self = pipeline ();
  Async a = { NULL };

  g_main_context_push_thread_default (context);
  a.loop = g_main_loop_new (context, FALSE);
  a.thread = g_thread_self ();
  a.pieces = g_string_new (NULL);
  g_signal_connect (self, "segment", G_CALLBACK (on_segment), &a);
  gtf_pipeline_run_file_async (self, "a b c", "{\"return_timestamps\": true}", NULL, on_done, &a);
  g_main_loop_run (a.loop);
  g_assert_no_error (a.error);
  g_assert_cmpstr (gtf_result_get_text (a.result), ==, "a b c");
  g_assert_cmpstr (a.pieces->str, ==, "{\"text\": \" a\", \"timestamp\": [0.0, 0.25]}{\"text\": \" b\", \"timestamp\": [0.3, 0.55]}{\"text\": \" c\", \"timestamp\": [0.6, null]}");
  g_clear_object (&a.result);
  gtf_pipeline_run_async (self, "\"x\"", "{\"nonsense\": 1}", NULL, on_done, &a);
  g_main_loop_run (a.loop);
  g_assert_error (a.error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_clear_error (&a.error);
  g_string_free (a.pieces, TRUE);
  g_main_loop_unref (a.loop);
  g_main_context_pop_thread_default (context);
  return NULL;
}

static void
test_async (void)
{
  async_in_own_context (NULL);
  g_thread_join (g_thread_new ("own", async_in_own_context, NULL));
}

static gboolean
cancel_soon (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_REMOVE;
}

static void
test_cancel (void)
{
  g_autoptr (GtfPipeline) self = pipeline ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Async a = { g_main_loop_new (NULL, FALSE), g_thread_self (), NULL, NULL, NULL };

  gtf_pipeline_run_file_async (self, "slow", NULL, cancellable, on_done, &a);
  g_timeout_add (20, cancel_soon, cancellable);
  g_main_loop_run (a.loop);
  g_assert_error (a.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&a.error);
  g_assert_null (gtf_pipeline_run (self, "\"x\"", NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_main_loop_unref (a.loop);
}

static void
on_loaded (GObject *source, GAsyncResult *res, gpointer data)
{
  Async *a = data;
  g_autoptr (GtfPipeline) self = gtf_pipeline_load_finish (res, &a->error);

  g_assert_true (self != NULL || a->error != NULL);
  g_main_loop_quit (a->loop);
}

static void
test_load_async (void)
{
  Async a = { g_main_loop_new (NULL, FALSE), g_thread_self (), NULL, NULL, NULL };

  gtf_pipeline_load_async ("echo", repository, NULL, NULL, on_loaded, &a);
  g_main_loop_run (a.loop);
  g_assert_no_error (a.error);
  gtf_pipeline_load_async ("echo", "/nowhere", NULL, NULL, on_loaded, &a);
  g_main_loop_run (a.loop);
  g_assert_error (a.error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  g_clear_error (&a.error);
  g_main_loop_unref (a.loop);
}

/* Many threads on one pipeline: runs follow one another. */
static gpointer
run_often (gpointer data)
{
  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GtfResult) result = gtf_pipeline_run (data, "\"a b\"", "{\"return_timestamps\": true}", NULL, NULL);

      g_assert_cmpuint (gtf_result_get_n_chunks (result), ==, 2);
    }
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (GtfPipeline) self = pipeline ();
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("run", run_often, self);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  repository = toy_repository ();
  g_test_add_func ("/pipeline/new", test_new);
  g_test_add_func ("/pipeline/bad-new", test_bad_new);
  g_test_add_func ("/pipeline/run", test_run);
  g_test_add_func ("/pipeline/bad-run", test_bad_run);
  g_test_add_func ("/pipeline/samples", test_samples);
  g_test_add_func ("/pipeline/details", test_details);
  g_test_add_func ("/pipeline/async", test_async);
  g_test_add_func ("/pipeline/cancel", test_cancel);
  g_test_add_func ("/pipeline/load-async", test_load_async);
  g_test_add_func ("/pipeline/threads", test_threads);
  status = g_test_run ();
  toy_remove (repository);
  g_free (repository);
  return status;
}
