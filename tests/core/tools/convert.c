/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers convert from outside: what it says and leaves, and that a process that is killed anywhere leaves nothing that looks like a model.
 */
#include <glib/gstdio.h>
#include <signal.h>
#include "model/save.h"
#include "../model/repository.h"
#include "tool.h"

#define KILLS 40

static char *scratch;

static const struct { const char *line; int status; const char *out, *says; } cases[] = {
  { "convert --help", 0, "...", NULL },
  { "convert", 2, "", "expected one REF" },
  { "convert $M", 2, "", "--output is missing" },
  { "convert $M --output $T/x --to gguf", 2, "", "expected safetensors" },
  { "convert $M --output $T/x --dtype int4", 2, "", "expected float32" },
  { "convert $M --output $T/x --shard-size 5", 2, "", "as in 5GB" },
  { "convert /nowhere --output $T/x", 1, "", "/nowhere" },
  { "convert $M --output $T/a", 0, "$T/a\n", NULL },
  { "convert $M --output $T/a", 1, "", "$T/a: exists and is not empty" },
  { "convert $M --output $T/b --to safetensors --dtype fp16 --shard-size 1KB", 0, "$T/b\n", NULL },
  { "convert $M/model.safetensors --output $T/c.safetensors --dtype bfloat16", 0, "$T/c.safetensors\n", NULL },
  { "convert $M --output $T/d.safetensors", 0, "$T/d.safetensors\n", NULL },
  { "convert $M/config.json --output $T/e.safetensors", 1, "", "config.json: is no file of weights" },
  { "convert $M --output /proc/x", 1, "", "/proc/" },
};

static void
test_cases (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Outcome) o = tool_run (cases[i].line, "");
      g_autofree char *out = tool_fill_in (cases[i].out);

      if (o.status != cases[i].status || (strcmp (out, "...") != 0 && strcmp (out, o.out) != 0) || (cases[i].says ? !tool_says (o.err, cases[i].says) : *o.err))
        g_error ("%s: status %d, output \"%s\", message \"%s\"", cases[i].line, o.status, o.out, o.err);
    }
}

/* Ten megabytes in shards: long enough to be killed in. */
static void
make_large (const char *folder)
{
  g_autoptr (GHashTable) tensors = tensors_new ();
  g_autofree char *weights = g_build_filename (folder, "model.safetensors", NULL), *config = g_build_filename (folder, "config.json", NULL);

  g_mkdir (folder, 0700);
  for (gint i = 0; i < 10; i++)
    g_hash_table_insert (tensors, g_strdup_printf ("t%d", i), gtf_tensor_new (GTF_DTYPE_F32, 1, (gint64[]){ 262144 }, NULL));
  g_assert_true (gtf_safetensors_write (weights, tensors, NULL, NULL));
  g_assert_true (g_file_set_contents (config, "{\"model_type\": \"bert\"}", -1, NULL));
}

static void
assert_whole (const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) weights = gtf_safetensors_open (folder, &error);
  g_autofree char *config = g_build_filename (folder, "config.json", NULL);

  g_assert_no_error (error);
  g_assert_cmpuint (gtf_safetensors_get_n_tensors (weights), ==, 10);
  g_assert_true (g_file_test (config, G_FILE_TEST_EXISTS));
}

static void
test_killed (void)
{
  g_autofree char *from = g_build_filename (scratch, "large", NULL), *to = g_build_filename (scratch, "killed", NULL), *hidden = g_build_filename (scratch, ".killed.incomplete", NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  g_auto (Outcome) last = { 0 };
  guint n_whole = 0;

  make_large (from);
  for (guint i = 0; i < KILLS; i++)
    {
      g_autoptr (GSubprocessLauncher) launcher = tool_launcher ();
      g_autoptr (GSubprocess) process = tool_start (launcher, "convert $T/large --output $T/killed --shard-size 3MB --quiet");

      g_usleep ((gulong) g_rand_int_range (rand, 0, 30000));
      g_subprocess_send_signal (process, SIGKILL);
      g_assert_true (g_subprocess_wait (process, NULL, NULL));
      if (!g_file_test (to, G_FILE_TEST_EXISTS))
        continue;
      assert_whole (to);
      folder_remove (to);
      n_whole++;
    }
  g_test_message ("%u of %d were done before they were killed", n_whole, KILLS);
  /* the next run ends what they began */
  last = tool_run ("convert $T/large --output $T/killed --shard-size 3MB --quiet", "");
  g_assert_cmpint (last.status, ==, 0);
  assert_whole (to);
  g_assert_false (g_file_test (hidden, G_FILE_TEST_EXISTS));
}

int
main (int argc, char **argv)
{
  g_autofree char *model = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  scratch = g_dir_make_tmp ("gtf-convert-XXXXXX", NULL);
  model = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-encoders", "bert", "pretraining", NULL);
  tool_name ("$M", model);
  tool_name ("$T", scratch);
  g_test_add_func ("/tools/convert/cases", test_cases);
  g_test_add_func ("/tools/convert/killed", test_killed);
  status = g_test_run ();
  folder_remove (scratch);
  g_free (scratch);
  return status;
}
