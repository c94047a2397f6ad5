/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Bad input that is not the repository's, from outside: requests, sounds, parameters, full disks, Ctrl-C, a decimal comma. A bad
 * request is answered on its own line and the next one is served; otherwise status 1, one message, nothing on standard output and
 * no file left half-written.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include "base/json.h"
#include "../../comma-locale.h"
#include "../../tell.h"
#include "../pipeline/toy/repository.h"
#include "sounds.h"
#include "tool.h"

static char *golden, *scratch, *media, *toy;

/* ---- requests ----------------------------------------------------------------------------------------------------------------- */

/* One line each; $D and $S as above. */
static const struct
{
  const char *request, *says;
} requests[] = {
  { "nonsense", "request~line 1" },
  { "{\"inputs\": ", "request~found the end" },
  { "[]", "request: expected a JSON object" },
  { "{}", "\"inputs\" is missing" },
  { "{\"inputs\": null}", "inputs~found null" },
  { "{\"inputs\": 7}", "inputs: expected a path" },
  { "{\"inputs\": \"\"}", "empty: expected a file" },
  { "{\"inputs\": \"/nowhere/a.wav\"}", "/nowhere/a.wav" },
  { "{\"inputs\": \"$D\"}", "$D" },
  { "{\"inputs\": \"$D/png.wav\"}", "$D/png.wav" },
  { "{\"inputs\": \"$D/empty.wav\"}", "$D/empty.wav" },
  { "{\"inputs\": \"$D/riff.wav\"}", "$D/riff.wav" },
  { "{\"inputs\": \"$D/text.wav\"}", "$D/text.wav" },
  { "{\"inputs\": \"$D/rate-0.wav\"}", "$D/rate-0.wav" },
  { "{\"inputs\": \"$D/nan.wav\"}", "$D/nan.wav~sample 100" },
  { "{\"inputs\": \"$D/infinite.wav\"}", "$D/infinite.wav~sample 100" },
  { "{\"inputs\": [\"$S\", \"/nowhere/b.wav\"]}", "/nowhere/b.wav" },
  { "{\"inputs\": {\"raw\": [0, NaN], \"sampling_rate\": 16000}}", "\"raw\": expected a number~found nan" },
  { "{\"inputs\": {\"raw\": [0, Infinity], \"sampling_rate\": 16000}}", "\"raw\": expected a number~found inf" },
  { "{\"inputs\": {\"raw\": [0, 1e300], \"sampling_rate\": 16000}}", "\"raw\": expected a number~found 1e+300" },
  { "{\"inputs\": {\"raw\": [0, \"1\"], \"sampling_rate\": 16000}}", "\"raw\": expected a number~the string \"1\"" },
  { "{\"inputs\": {\"raw\": [0], \"sampling_rate\": 0}}", "\"sampling_rate\"~found 0" },
  { "{\"inputs\": {\"raw\": [0], \"sampling_rate\": -16000}}", "\"sampling_rate\"~found -16000" },
  { "{\"inputs\": {\"raw\": [0], \"sampling_rate\": 1e30}}", "\"sampling_rate\"" },
  { "{\"inputs\": {\"raw\": [0], \"sampling_rate\": \"16k\"}}", "\"sampling_rate\"~the string \"16k\"" },
  { "{\"inputs\": {\"raw\": [0]}}", "\"sampling_rate\"" },
  { "{\"inputs\": {\"raw\": [0, 0], \"sampling_rate\": 16000, \"stride\": [2, 2]}}", "stride" },
  { "{\"inputs\": \"$S\", \"parameters\": []}", "\"parameters\": expected an object" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"chunk_length_s\": NaN}}", "\"chunk_length_s\"~found nan" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"chunk_length_s\": Infinity}}", "\"chunk_length_s\"~found inf" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"chunk_length_s\": -1}}", "\"chunk_length_s\"~found -1" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"batch_size\": 0}}", "\"batch_size\"~found 0" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"stride_length_s\": [1]}}", "stride_length_s" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"return_timestamps\": \"words\"}}", "return_timestamps" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"temperature\": NaN}}", "temperature~nan" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"temperature\": [0, -1]}}", "temperature" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"num_beams\": 1.5}}", "num_beams" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"num_beans\": 2}}", "num_beans" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"generate_kwargs\": 7}}", "generate_kwargs" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"generate_kwargs\": {\"language\": \"klingon\"}}}", "klingon" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"generate_kwargs\": {\"task\": \"sing\"}}}", "sing" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"generate_kwargs\": {\"prompt_ids\": [593]}}}", "prompt_ids~found 593" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"generate_kwargs\": {\"alignment_heads\": [[9, 0]]}}}", "generate_kwargs: \"alignment_heads\"~found 9" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"generate_kwargs\": {\"lang_to_id\": {\"<|en|>\": 9999}}}}", "generate_kwargs: \"lang_to_id.<|en|>\"~found 9999" },
  { "{\"inputs\": \"$S\", \"parameters\": {\"generate_kwargs\": {\"no_timestamps_token_id\": -1}}}", "generate_kwargs: \"no_timestamps_token_id\"~found -1" },
};

/* Each bad line stands between two good ones, which are answered alike. */
static void
test_requests (void)
{
  g_autoptr (GString) input = g_string_new (NULL);
  g_autofree char *good = tool_fill_in ("{\"inputs\": \"$S\"}\n");
  g_auto (Outcome) o = { 0 };
  g_auto (GStrv) lines = NULL;

  g_string_append (input, good);
  for (gsize i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      g_autofree char *line = tool_fill_in (requests[i].request);

      g_string_append_printf (input, "%s\n%s", line, good);
    }
  o = tool_run ("run automatic-speech-recognition --jsonl --model $G --set num_beams=1 --set max_new_tokens=4", input->str);
  g_assert_cmpstr (o.err, ==, "");
  g_assert_cmpint (o.status, ==, 0);
  lines = g_strsplit (o.out, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 2 * G_N_ELEMENTS (requests) + 2);
  g_assert_true (g_str_has_prefix (lines[0], "{\"text\": "));
  for (gsize i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      tell ("%s", requests[i].request);
      tool_assert_answer_fails (requests[i].request, lines[2 * i + 1], requests[i].says);
      g_assert_cmpstr (lines[2 * i + 2], ==, lines[0]);
    }
}

/* The same by INPUT and --set: status 1 and one message. */
static void
test_arguments (void)
{
  static const struct { const char *line, *says; } cases[] = {
    { "$D/png.wav", "$D/png.wav" }, { "$D/nan.wav", "$D/nan.wav~sample 100" }, { "''", "empty: expected a file" },
    { "$S --set chunk_length_s=-1", "\"chunk_length_s\"" }, { "$S --set chunk_length_s=NaN", "\"chunk_length_s\"~the string \"NaN\"" },
    { "$S --set num_beans=1", "num_beans" }, { "$S --dtype float17", "float17" }, { "$S /nowhere/c.wav", "/nowhere/c.wav" },
    { "$D/riff.wav --format srt", "$D/riff.wav" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *line = g_strdup_printf ("run automatic-speech-recognition %s --quiet --model $G", cases[i].line);
      g_auto (Outcome) o = tool_run (line, "");

      tool_assert_failure (cases[i].line, &o, cases[i].says);
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------ */

static void
test_full_device (void)
{
  static const struct { const char *line, *says; } cases[] = {
    { "run automatic-speech-recognition $S --quiet --model $G --output /dev/full", "/dev/full" },
    { "run automatic-speech-recognition $S --quiet --model $G --output /nowhere/at/all.json", "/nowhere/at/all.json" },
    { "preprocess $S --quiet --model $G --output /nowhere/at/all.safetensors", "/nowhere/at/all.safetensors" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Outcome) o = tool_run (cases[i].line, "");

      tool_assert_failure (cases[i].line, &o, cases[i].says);
    }
}

/* In a name space of its own, which goes with the process: a disk of two pages, on which an older result lies. */
static gboolean
mount_small (void)
{
  static gboolean own;

  own = own || (unshare (CLONE_NEWNS) == 0 && mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  return own && mount ("none", scratch, "tmpfs", 0, "size=8k") == 0;
}

static void
test_full_disk (void)
{
  static const char old[] = "{\"text\": \"as it was\"}\n";
  static const char *const names[] = { "out.json", "out.safetensors" };
  g_autofree char *long_text = g_strnfill (20000, 'x');

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (scratch, names[i], NULL), *line = NULL, *text = NULL;
      g_auto (Outcome) o = { 0 };
      guint n;

      if (!mount_small ())
        {
          g_test_skip ("a small file system cannot be mounted here");
          return;
        }
      g_assert_true (g_file_set_contents (path, old, -1, NULL));
      line = i == 0 ? g_strdup_printf ("run echo %s --quiet --model $Y --output %s", long_text, path) : g_strdup_printf ("preprocess $S --quiet --model $G --output %s", path);
      o = tool_run (line, "");
      g_file_get_contents (path, &text, NULL, NULL);
      n = tool_count_files (scratch);
      g_assert_cmpint (umount2 (scratch, MNT_DETACH), ==, 0);
      tool_assert_failure (names[i], &o, path);
      g_assert_cmpstr (text, ==, old);
      g_assert_cmpuint (n, ==, 1);
    }
}

/* ---- Ctrl-C ------------------------------------------------------------------------------------------------------------------- */

/* Between two requests: once it has answered, the tool waits for the next line, and dies by the signal. Interrupted work is tested
 * in cli.c. */
static void
test_interrupt (void)
{
  g_autoptr (GSubprocessLauncher) launcher = tool_launcher ();
  g_autoptr (GSubprocess) process = tool_start (launcher, "run automatic-speech-recognition --jsonl --quiet --model $G");
  char first[2];

  g_assert_true (g_output_stream_write_all (g_subprocess_get_stdin_pipe (process), "{}\n", 3, NULL, NULL, NULL));
  g_assert_cmpint (g_input_stream_read (g_subprocess_get_stdout_pipe (process), first, 1, NULL, NULL), ==, 1);
  g_subprocess_send_signal (process, SIGINT);
  g_assert_true (g_subprocess_wait (process, NULL, NULL));
  g_assert_true (g_subprocess_get_if_signaled (process));
  g_assert_cmpint (g_subprocess_get_term_sig (process), ==, SIGINT);
  g_assert_cmpuint (tool_count_files (scratch), ==, 0);
}

/* ---- a decimal comma ------------------------------------------------------------------------------------------------------------ */

static void
test_locale (void)
{
  static const char line[] = "run automatic-speech-recognition $S --quiet --model $G --set return_timestamps=word --set temperature=0.5 --set seed=1 --format json";
  static const char wrong[] = "run automatic-speech-recognition $S --quiet --model $G --set chunk_length_s=-0.5";
  const char *name = comma_locale ();
  g_auto (Outcome) plain = tool_run (line, ""), comma = { 0 }, bad = { 0 };

  if (name == NULL)
    {
      g_test_skip ("no locale with a decimal comma can be had");
      return;
    }
  g_setenv ("LC_ALL", name, TRUE);
  comma = tool_run (line, "");
  bad = tool_run (wrong, "");
  g_unsetenv ("LC_ALL");
  g_assert_cmpint (comma.status, ==, 0);
  g_assert_nonnull (strstr (comma.out, "\"timestamp\": ["));
  g_assert_cmpstr (comma.out, ==, plain.out);
  tool_assert_failure (wrong, &bad, "found -0.5");
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  golden = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "asr", "repo", NULL);
  scratch = g_dir_make_tmp ("gtf-bad-XXXXXX", NULL);
  media = g_dir_make_tmp ("gtf-bad-XXXXXX", NULL);
  toy = toy_repository ();
  g_unsetenv ("G_MESSAGES_DEBUG");
  g_setenv ("HF_HOME", scratch, TRUE);
  write_tone (media);
  write_bad_sounds (media);
  tool_name ("$S", "$D/tone.wav");
  tool_name ("$D", media);
  tool_name ("$T", scratch);
  tool_name ("$G", golden);
  tool_name ("$Y", toy);
  g_test_add_func ("/tools/bad-input/requests", test_requests);
  g_test_add_func ("/tools/bad-input/arguments", test_arguments);
  g_test_add_func ("/tools/bad-input/full-device", test_full_device);
  g_test_add_func ("/tools/bad-input/full-disk", test_full_disk);
  g_test_add_func ("/tools/bad-input/interrupt", test_interrupt);
  g_test_add_func ("/tools/bad-input/locale", test_locale);
  status = g_test_run ();
  toy_remove (scratch);
  toy_remove (media);
  toy_remove (toy);
  return status;
}
