/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The command-line tool from outside: exit statuses, formats, files, requests line by line, signals.
 */
#include <signal.h>
#include <string.h>
#include <glib/gstdio.h>
#include "../../comma-locale.h"
#include "../pipeline/toy/repository.h"
#include "tool.h"

static char *repository, *scratch;

static const struct
{
  const char *line;
  int status;
  const char *out;              /* NULL: nothing; "...": not looked at */
  const char *mentions;         /* on standard error; NULL: nothing there */
} cases[] = {
  { "", 2, NULL, "command" },
  { "nonsense", 2, NULL, "nonsense" },
  { "--version", 0, "...", NULL },
  { "--help", 0, "...", NULL },
  { "run", 2, NULL, "task" },
  { "run --help", 0, "...", NULL },
  { "run echo --help", 0, "...", NULL },
  { "run nothing --help", 1, NULL, "nothing" },
  { "run echo --model $M", 2, NULL, "input" },
  { "run echo --model $M --what a", 2, NULL, "--what" },
  { "run echo --model $M --set volume a", 2, NULL, "KEY=VALUE" },
  { "run echo --model $M --format odf a", 2, NULL, "odf" },
  { "run echo --model $M --output a.odt a", 2, NULL, "a.odt" },
  { "run echo --model $M --threads 0 a", 2, NULL, "--threads" },
  { "run echo --model $M --jsonl a", 2, NULL, "--jsonl" },
  { "run echo a", 1, NULL, "no built-in model" },
  { "run echo --model /nowhere a", 1, NULL, "/nowhere" },
  { "run echo --model org/none a", 1, NULL, "gtransformers download org/none" },
  { "run nothing --model $M a", 1, NULL, "gtf-nothing" },
  { "run echo --model $M --dtype float7 a", 1, NULL, "float7" },
  { "run echo --model $M fail-1.wav", 1, NULL, "fail-1.wav" },
  { "run echo --model $M a --set loud=1", 1, NULL, "loud" },
  { "run echo --model $M 'a b'", 0, "{\"text\": \"a b\"}\n", NULL },
  { "run parrot --model $M 'Łódź 東京'", 0, "{\"text\": \"Łódź 東京\"}\n", NULL },
  { "run auto --model $M a", 0, "{\"text\": \"a\"}\n", NULL },
  { "run echo --model $M a b", 0, "[{\"text\": \"a\"}, {\"text\": \"b\"}]\n", NULL },
  { "run echo --model $M a b --format text", 0, "a\nb\n", NULL },
  { "run echo --model $M a --set return_timestamps=word --set generate_kwargs.language=en", 0,
    "{\"text\": \"a\", \"chunks\": [{\"text\": \" a\", \"timestamp\": [0.0, null]}], \"kwargs\": {\"language\": \"en\"}}\n", NULL },
  { "run echo --model $M odd", 0, "{\"text\": \"odd\", \"score\": null}\n", NULL },
  { "run echo --model $M 'a b.' --format srt", 0, "1\n00:00:00,000 --> 00:00:01,300\na b.\n\n", NULL },
  { "run echo --model $M 'a b.' --format vtt", 0, "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.300\na b.\n\n", NULL },
  { "run echo --model $M a b --format srt", 2, NULL, "one input" },
  { "run echo --model $M a --output a.png", 2, NULL, "no task over pictures" },
  { "run echo --model $M a --format coco", 2, NULL, "no task over pictures" },
  { "run image-classification --model $M a.png b.png --output a.jpg", 2, NULL, "2 inputs" },
  { "run image-classification --model $M - --format coco", 2, NULL, "standard input" },
  { "run echo --model $M -- --help", 0, "{\"text\": \"--help\"}\n", NULL },
  { "tokenize a", 2, NULL, "--model" },
  { "tokenize --model $M --chat a", 1, NULL, "chat" },
  { "preprocess --model $M a.wav", 2, NULL, "--output" },
  { "preprocess --model $M a.wav --output a.txt", 2, NULL, ".safetensors" },
  { "inspect", 2, NULL, "REF" },
  { "inspect /nowhere", 1, NULL, "/nowhere" },
  { "inspect $M --weights", 0, "...", NULL },
  { "plugins", 0, "...", NULL },
  { "plugins --update-cache /nowhere", 1, NULL, "/nowhere" },
  { "plugins x", 2, NULL, "x" },
  { "env", 0, "...", NULL },
};

static void
test_cases (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Outcome) o = tool_run (cases[i].line, "");

      g_test_message ("%s", cases[i].line);
      g_assert_cmpint (o.status, ==, cases[i].status);
      if (g_strcmp0 (cases[i].out, "...") != 0)
        g_assert_cmpstr (o.out, ==, cases[i].out ? cases[i].out : "");
      if (cases[i].mentions == NULL)
        g_assert_cmpstr (o.err, ==, "");
      else if (strstr (o.err, cases[i].mentions) == NULL)
        g_error ("'%s' is not in: %s", cases[i].mentions, o.err);
    }
}

/* text_target: the text to be written, beside the one to be read or alone, with a length of its own. */
static void
test_target (void)
{
  static const char requests[] = "{\"inputs\": \"the tea\", \"parameters\": {\"text_target\": \"tea\"}}\n"
                                 "{\"inputs\": null, \"parameters\": {\"text_target\": \"tea\"}}\n"
                                 "{\"inputs\": \"the tea\", \"parameters\": {\"text_target\": \"the tea\", \"truncation\": true, \"max_target_length\": 3}}\n"
                                 "{\"inputs\": \"tea\", \"parameters\": {\"text_target\": 5}}\n"
                                 "{\"inputs\": \"tea\"}\n";
  g_autofree char *repository = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-tasks", "classes", NULL);
  g_autofree char *line = g_strdup_printf ("tokenize --jsonl --model %s", repository);
  g_auto (Outcome) o = tool_run (line, requests);
  g_auto (GStrv) answers = g_strsplit (o.out, "\n", -1), cut = NULL;
  g_autofree char *alone = NULL, *labels = NULL;

  g_assert_cmpint (o.status, ==, 0);
  g_assert_cmpuint (g_strv_length (answers), ==, 6);
  g_assert_cmpstr (answers[1], ==, answers[4]);
  alone = g_strndup (answers[1] + strlen ("{\"ids\": "), (gsize) (strchr (answers[1], ']') + 1 - answers[1]) - strlen ("{\"ids\": "));
  labels = g_strdup_printf (", \"labels\": %s}", alone);
  g_assert_true (g_str_has_suffix (answers[0], labels));
  cut = g_strsplit (strstr (answers[2], "labels"), ",", -1);
  g_assert_cmpuint (g_strv_length (cut), ==, 3);
  g_assert_nonnull (strstr (answers[3], "text_target"));
}

/* Which tokens stand around the text, where that is asked for. */
static void
test_mask (void)
{
  static const char requests[] = "{\"inputs\": \"tea\", \"parameters\": {\"return_special_tokens_mask\": true}}\n"
                                 "{\"inputs\": \"tea\", \"parameters\": {\"return_special_tokens_mask\": true, \"add_special_tokens\": false}}\n"
                                 "{\"inputs\": \"tea\", \"parameters\": {\"return_special_tokens_mask\": \"yes\"}}\n"
                                 "{\"inputs\": \"tea\"}\n";
  g_autofree char *repository = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-tasks", "classes", NULL);
  g_autofree char *line = g_strdup_printf ("tokenize --jsonl --model %s", repository);
  g_auto (Outcome) o = tool_run (line, requests);
  g_auto (GStrv) answers = g_strsplit (o.out, "\n", -1);

  g_assert_cmpint (o.status, ==, 0);
  g_assert_cmpuint (g_strv_length (answers), ==, 5);
  g_assert_nonnull (strstr (answers[0], "\"special_tokens_mask\": [1, 0"));
  g_assert_true (g_str_has_suffix (answers[0], "0, 1]}"));
  g_assert_nonnull (strstr (answers[1], "\"special_tokens_mask\": [0"));
  g_assert_null (strstr (answers[1], "1]}"));
  g_assert_nonnull (strstr (answers[2], "return_special_tokens_mask"));
  g_assert_null (strstr (answers[3], "special_tokens_mask"));
}

/* Several texts as JSON are one request, whose answer has the pipeline's shape for a list: here objects, where one text alone gives a
 * list. As text they are answered one by one. */
static void
test_batch (void)
{
  static const struct
  {
    const char *inputs, *begin;
    guint answers, lines;
  } shapes[] = { { "tea --format json", "[{\"label\"", 1, 1 }, { "tea ships --format json", "[{\"label\"", 2, 1 }, { "tea ships --format text", "", 0, 2 } };
  g_autofree char *repository = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-tasks", "classes", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_autofree char *line = g_strdup_printf ("run text-classification --model %s %s", repository, shapes[i].inputs);
      g_auto (Outcome) o = tool_run (line, "");
      g_auto (GStrv) lines = g_strsplit (o.out, "\n", -1), answers = g_strsplit (o.out, "{\"label\"", -1);

      g_test_message ("%s: %s", line, o.out);
      g_assert_cmpint (o.status, ==, 0);
      g_assert_true (g_str_has_prefix (o.out, shapes[i].begin));
      g_assert_cmpuint (g_strv_length (answers) - 1, ==, shapes[i].answers);
      g_assert_cmpuint (g_strv_length (lines) - 1, ==, shapes[i].lines);
    }
}

static const char requests[] =
  "{\"inputs\": \"a\"}\n"
  "\n"
  "{\"inputs\": \"b\", \"parameters\": null}\n"
  "{\"inputs\": \"c\", \"parameters\": {\"return_timestamps\": true}}\n"
  "not json\n"
  "[1, 2]\n"
  "{\"parameters\": {}}\n"
  "{\"inputs\": 3}\n"
  "{\"inputs\": \"d\", \"parameters\": 3}\n"
  "{\"inputs\": \"d\", \"parameters\": {\"loud\": 1}}\n"
  "{\"inputs\": \"fail-x\"}\n"
  "{\"inputs\": \"\\ud800 \\ud83d\\ude00\"}\n"
  "{\"inputs\": \"\xED\xA0\x80\"}\n"
  "{\"inputs\": \"\xFF\"}\n"
  "{\"inputs\": \"odd\"}\n"
  "{\"inputs\": \"last\"}";

static const char *const answers[] = {
  "{\"text\": \"a\"}", "{\"text\": \"b\"}", "{\"text\": \"c\", \"chunks\": [{\"text\": \" c\", \"timestamp\": [0.0, null]}]}",
  "!request", "!object", "!inputs", "!string", "!parameters", "!loud", "!fail-x", "{\"text\": \"\xEF\xBF\xBD 😀\"}", "{\"text\": \"\xEF\xBF\xBD\"}",
  "!UTF-8", "{\"text\": \"odd\", \"score\": null}", "{\"text\": \"last\"}", ""
};

/* '!WORD': an error that mentions it. */
static void
test_lines (void)
{
  g_auto (Outcome) o = tool_run ("run echo --model $M --jsonl", requests);
  g_auto (GStrv) lines = g_strsplit (o.out, "\n", -1);

  g_assert_cmpint (o.status, ==, 0);
  g_assert_cmpstr (o.err, ==, "");
  g_assert_cmpuint (g_strv_length (lines), ==, G_N_ELEMENTS (answers));
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    if (answers[i][0] != '!')
      g_assert_cmpstr (lines[i], ==, answers[i]);
    else if (!g_str_has_prefix (lines[i], "{\"error\": \"") || strstr (lines[i], answers[i] + 1) == NULL)
      g_error ("%s: %s", answers[i], lines[i]);
}

/* Each answer is there before the next question. */
static void
test_conversation (void)
{
  g_auto (GStrv) argv = tool_command ("run echo --model $M --jsonl --set return_timestamps=false");
  g_autoptr (GSubprocess) process = g_subprocess_newv ((const char *const *) argv, G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL);
  g_autoptr (GDataInputStream) in = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  GOutputStream *out = g_subprocess_get_stdin_pipe (process);

  for (guint i = 0; i < 5; i++)
    {
      g_autofree char *question = g_strdup_printf ("{\"inputs\": \"%u\"}\n", i), *expected = g_strdup_printf ("{\"text\": \"%u\"}", i);
      g_autofree char *line = NULL;

      g_assert_true (g_output_stream_write_all (out, question, strlen (question), NULL, NULL, NULL));
      line = g_data_input_stream_read_line (in, NULL, NULL, NULL);
      g_assert_cmpstr (line, ==, expected);
    }
  g_assert_true (g_output_stream_close (out, NULL, NULL));
  g_assert_true (g_subprocess_wait_check (process, NULL, NULL));
}

static void
test_output (void)
{
  static const struct
  {
    const char *file, *text;
  } files[] = {
    { "a.json", "{\"text\": \"a b\"}\n" }, { "a.txt", "a b\n" }, { "a.srt", "1\n00:00:00,000 --> 00:00:01,300\na b\n\n" },
    { "a.vtt", "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.300\na b\n\n" },
  };

  for (guint round = 0; round < 2; round++)           /* the second time they are replaced */
    for (guint i = 0; i < G_N_ELEMENTS (files); i++)
      {
        g_autofree char *line = g_strdup_printf ("run echo --model $M 'a b' --output $T/%s", files[i].file);
        g_autofree char *path = g_build_filename (scratch, files[i].file, NULL), *text = NULL;
        g_auto (Outcome) o = tool_run (line, "");

        g_assert_cmpint (o.status, ==, 0);
        g_assert_cmpstr (o.out, ==, "");
        g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
        g_assert_cmpstr (text, ==, files[i].text);
      }
  toy_remove (scratch);
  g_mkdir (scratch, 0700);
}

static void
test_full_disk (void)
{
  g_auto (Outcome) device = tool_run ("run echo --model $M a --output /dev/full", "");
  g_auto (Outcome) folder = tool_run ("run echo --model $M a --output /nowhere/at/all.json", "");
  g_auto (Outcome) error = tool_run ("run echo --model $M fail --output $T/a.json", "");

  g_assert_cmpint (device.status, ==, 1);
  g_assert_nonnull (strstr (device.err, "/dev/full"));
  g_assert_cmpint (folder.status, ==, 1);
  g_assert_nonnull (strstr (folder.err, "/nowhere/at/all.json"));
  g_assert_cmpint (error.status, ==, 1);
  g_assert_cmpuint (tool_count_files (scratch), ==, 0);
}

/* env shows what the user has set, and not the folder that the tool adds for itself. */
static void
test_env (void)
{
  g_autofree char *given = g_strdup_printf ("\nGTF_PLUGIN_PATH=%s\n", g_getenv ("GTF_PLUGIN_PATH"));
  g_autoptr (GSubprocessLauncher) launcher = tool_launcher ();
  g_auto (Outcome) with = tool_run ("env", ""), without = { 0 };

  g_subprocess_launcher_unsetenv (launcher, "GTF_PLUGIN_PATH");
  without = tool_run_with (launcher, "env", "");
  g_assert_nonnull (strstr (with.out, given));
  g_assert_cmpint (without.status, ==, 0);
  g_assert_null (strstr (without.out, "GTF_PLUGIN_PATH="));
}

/* A full standard output is an error too. */
static void
test_full_stdout (void)
{
  g_autofree char *line = g_strdup_printf ("'%s' run echo --model '%s' a > /dev/full", g_getenv ("GTF_CLI"), repository);
  const char *argv[] = { "sh", "-c", line, NULL };
  g_autofree char *err = NULL;
  int status;

  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &err, &status, NULL));
  g_assert_cmpint (tool_status (status), ==, 1);
  g_assert_nonnull (strstr (err, "standard output"));
}

/* Interrupted while it works, whether the work listens or not: dead by the signal, nothing left behind. The promise is
 * 100 ms; what is tested is that it ends although the work would take ten seconds. */
static void
interrupt (const char *input, int number)
{
  g_autofree char *line = g_strdup_printf ("run echo --model $M %s --output $T/a.json", input);
  g_auto (GStrv) argv = tool_command (line);
  g_autoptr (GSubprocess) process = g_subprocess_newv ((const char *const *) argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, NULL);

  g_usleep (300000);
  g_subprocess_send_signal (process, number);
  g_assert_true (g_subprocess_wait (process, NULL, NULL));
  g_assert_true (g_subprocess_get_if_signaled (process));
  g_assert_cmpint (g_subprocess_get_term_sig (process), ==, number);
  g_assert_cmpuint (tool_count_files (scratch), ==, 0);
}

static void
test_interrupt (void)
{
  interrupt ("slow", SIGINT);
  interrupt ("deaf", SIGINT);
  interrupt ("deaf", SIGTERM);
}

/* In a locale with a decimal comma everything stays as it is, where there is such a locale. */
static void
test_locale (void)
{
  const char *name = comma_locale ();
  g_auto (Outcome) o = { 0 };

  if (name == NULL)
    {
      g_test_skip ("no locale with a decimal comma can be had");
      return;
    }
  g_setenv ("LC_ALL", name, TRUE);
  o = tool_run ("run echo --model $M 'a b' --set return_timestamps=true --set volume=1.5", "");
  g_unsetenv ("LC_ALL");
  g_assert_cmpstr (o.out, ==, "{\"text\": \"a b\", \"chunks\": [{\"text\": \" a\", \"timestamp\": [0.0, 0.25]}, {\"text\": \" b\", \"timestamp\": [0.3, null]}]}\n");
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  repository = toy_repository ();
  scratch = g_dir_make_tmp ("gtf-cli-XXXXXX", NULL);
  g_unsetenv ("G_MESSAGES_DEBUG");
  g_setenv ("HF_HOME", scratch, TRUE);
  tool_name ("$M", repository);
  tool_name ("$T", scratch);
  g_test_add_func ("/tools/cli/cases", test_cases);
  g_test_add_func ("/tools/cli/batch", test_batch);
  g_test_add_func ("/tools/cli/target", test_target);
  g_test_add_func ("/tools/cli/mask", test_mask);
  g_test_add_func ("/tools/cli/lines", test_lines);
  g_test_add_func ("/tools/cli/conversation", test_conversation);
  g_test_add_func ("/tools/cli/output", test_output);
  g_test_add_func ("/tools/cli/full-disk", test_full_disk);
  g_test_add_func ("/tools/cli/env", test_env);
  g_test_add_func ("/tools/cli/full-stdout", test_full_stdout);
  g_test_add_func ("/tools/cli/interrupt", test_interrupt);
  g_test_add_func ("/tools/cli/locale", test_locale);
  status = g_test_run ();
  toy_remove (repository);
  toy_remove (scratch);
  return status;
}
