/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * kills [N [SEED]]: the tool is killed (SIGKILL) at N random points of each of its long works. What has a final name then is whole, and the next run completes the work.
 * A few points are a test; ./dev kills is for many.
 */
#include <stdlib.h>
#include "../hub/server.h"
#include "../model/repository.h"
#include "tool.h"

#define SMALL_FILES 300         /* more than go into one commit */

static HubServer *server;
static char *scratch, *source, *model;
static guint n_kills = 3;
static GRand *points;

/* Microseconds that the work takes when nobody kills it. */
static gint64
measure (const char *line)
{
  gint64 start = g_get_monotonic_time ();
  g_auto (Outcome) o = tool_run (line, "");

  if (o.status != 0)
    g_error ("%s: status %d, \"%s\"", line, o.status, o.err);
  return g_get_monotonic_time () - start;
}

static void
kill_at_some_point (const char *line, gint64 duration)
{
  g_autoptr (GSubprocessLauncher) launcher = tool_launcher ();
  g_autoptr (GSubprocess) process = tool_start (launcher, line);

  g_usleep ((gulong) (g_rand_double (points) * (double) duration));
  g_subprocess_force_exit (process);
  g_subprocess_wait (process, NULL, NULL);
}

static void
complete (const char *line)
{
  g_auto (Outcome) o = tool_run (line, "");

  if (o.status != 0)
    g_error ("%s, after a kill: status %d, \"%s\"", line, o.status, o.err);
}

static void
assert_same_file (const char *a, const char *b)
{
  g_autofree char *left = NULL, *right = NULL;
  gsize n, m;

  g_assert_true (g_file_get_contents (a, &left, &n, NULL));
  g_assert_true (g_file_get_contents (b, &right, &m, NULL));
  if (n != m || memcmp (left, right, n) != 0)
    g_error ("%s is not %s", a, b);
}

/* ---- upload --------------------------------------------------------------------------------------------------------- */

/* What the repository has is what the folder has; returns how many files that are. */
static guint
check_repository (const char *id)
{
  g_autofree char *list = hub_server_list (server, id, "main");
  g_auto (GStrv) names = g_strsplit (list ? list : "", " ", -1);
  guint n = 0;

  for (char **name = names; *name; name++)
    {
      g_autofree char *path = g_build_filename (source, *name, NULL), *text = NULL;
      g_autoptr (GBytes) data = **name ? hub_server_get (server, id, "main", *name, NULL) : NULL;
      gsize length;

      if (data == NULL || strcmp (*name, ".gitattributes") == 0)
        continue;
      g_assert_true (g_file_get_contents (path, &text, &length, NULL));
      g_assert_cmpmem (g_bytes_get_data (data, NULL), g_bytes_get_size (data), text, length);
      n++;
    }
  return n;
}

static void
test_upload (void)
{
  gint64 duration = measure ("upload org/whole $S");

  for (guint i = 0; i < n_kills; i++)
    {
      g_autofree char *id = g_strdup_printf ("org/killed%u", i), *line = g_strdup_printf ("upload %s $S", id);

      hub_server_forget (server);
      kill_at_some_point (line, duration);
      check_repository (id);
      complete (line);
      g_assert_cmpuint (check_repository (id), ==, SMALL_FILES + 2);
      g_free (hub_server_take_log (server));
    }
}

/* ---- download ------------------------------------------------------------------------------------------------------- */

static void
check_below (const char *folder, const char *below)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL), *original = g_build_filename (below, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_REGULAR) && g_file_test (original, G_FILE_TEST_EXISTS))
        assert_same_file (path, original);
    }
}

static void
test_download (void)
{
  g_autofree char *first = g_build_filename (scratch, "first", NULL), *line = g_strdup_printf ("download org/whole --local-dir %s", first);
  gint64 duration = measure (line);

  for (guint i = 0; i < n_kills; i++)
    {
      g_autofree char *name = g_strdup_printf ("got%u", i), *to = g_build_filename (scratch, name, NULL), *again = g_strdup_printf ("download org/whole --local-dir %s", to);
      g_autofree char *large = g_build_filename (to, "large.bin", NULL), *original = g_build_filename (source, "large.bin", NULL);

      kill_at_some_point (again, duration);
      check_below (to, source);
      complete (again);
      check_below (to, source);
      assert_same_file (large, original);
      g_free (hub_server_take_log (server));
      folder_remove (to);
    }
}

/* ---- convert -------------------------------------------------------------------------------------------------------- */

static void
test_convert (void)
{
  g_autofree char *whole = g_build_filename (scratch, "whole", NULL), *line = g_strdup_printf ("convert $M --output %s --dtype float16", whole);
  gint64 duration = measure (line);

  for (guint i = 0; i < n_kills; i++)
    {
      g_autofree char *name = g_strdup_printf ("converted%u", i), *to = g_build_filename (scratch, name, NULL), *again = g_strdup_printf ("convert $M --output %s --dtype float16", to);
      g_autofree char *weights = g_build_filename (to, "model.safetensors", NULL), *expected = g_build_filename (whole, "model.safetensors", NULL);

      kill_at_some_point (again, duration);
      if (g_file_test (to, G_FILE_TEST_EXISTS))
        assert_same_file (weights, expected);
      else
        complete (again);
      assert_same_file (weights, expected);
      g_assert_cmpuint (tool_count_files (to), ==, tool_count_files (whole));
      folder_remove (to);
    }
}

/* Weights alone, into a file. */
static void
test_save (void)
{
  g_autofree char *whole = g_build_filename (scratch, "whole.safetensors", NULL), *line = g_strdup_printf ("convert $M --output %s", whole);
  gint64 duration = measure (line);

  for (guint i = 0; i < n_kills; i++)
    {
      g_autofree char *name = g_strdup_printf ("saved%u.safetensors", i), *to = g_build_filename (scratch, name, NULL), *again = g_strdup_printf ("convert $M --output %s", to);

      kill_at_some_point (again, duration);
      if (g_file_test (to, G_FILE_TEST_EXISTS))
        assert_same_file (to, whole);
      complete (again);
      assert_same_file (to, whole);
      g_unlink (to);
    }
}

/* ---- what is worked on ---------------------------------------------------------------------------------------------- */

static void
fill (void)
{
  g_autoptr (GHashTable) tensors = tensors_new ();
  g_autofree char *noise = g_malloc (2000000), *large = g_build_filename (source, "large.bin", NULL), *second = g_build_filename (source, "second.bin", NULL);
  g_autofree char *config = g_build_filename (model, "config.json", NULL);

  g_mkdir_with_parents (source, 0777);
  g_mkdir_with_parents (model, 0777);
  for (guint i = 0; i < 2000000; i++)
    noise[i] = (char) (i * 7 + i / 253);
  g_assert_true (g_file_set_contents (large, noise, 2000000, NULL));
  g_assert_true (g_file_set_contents (second, noise, 700000, NULL));
  for (guint i = 0; i < SMALL_FILES; i++)
    {
      g_autofree char *name = g_strdup_printf ("file%u.json", i), *path = g_build_filename (source, name, NULL);

      g_assert_true (g_file_set_contents (path, name, -1, NULL));
    }
  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *name = g_strdup_printf ("layer%u.weight", i);

      add_random (tensors, name, 1024, 512);
    }
  put_tensors (model, "model.safetensors", tensors);
  g_assert_true (g_file_set_contents (config, "{\"model_type\": \"bert\", \"dtype\": \"float32\"}", -1, NULL));
}

int
main (int argc, char **argv)
{
  guint64 number, seed = 7;
  int status;

  g_test_init (&argc, &argv, NULL);
  if (argc > 1 && g_ascii_string_to_unsigned (argv[1], 10, 1, 100000, &number, NULL))
    n_kills = (guint) number;
  if (argc > 2)
    g_ascii_string_to_unsigned (argv[2], 10, 0, G_MAXUINT32, &seed, NULL);
  points = g_rand_new_with_seed ((guint32) seed);
  scratch = g_dir_make_tmp ("gtf-kills-XXXXXX", NULL);
  source = g_build_filename (scratch, "source", NULL);
  model = g_build_filename (scratch, "model", NULL);
  g_setenv ("HF_HOME", scratch, TRUE);
  g_setenv ("HF_TOKEN", HUB_TOKEN, TRUE);
  g_setenv ("no_proxy", "127.0.0.1", TRUE);
  g_unsetenv ("HF_HUB_OFFLINE");
  server = hub_server_new ();
  hub_server_set_chunk (server, 500000);
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  tool_name ("$S", source);
  tool_name ("$M", model);
  fill ();
  g_test_add_func ("/kills/upload", test_upload);
  g_test_add_func ("/kills/download", test_download);
  g_test_add_func ("/kills/convert", test_convert);
  g_test_add_func ("/kills/save", test_save);
  status = g_test_run ();
  hub_server_free (server);
  folder_remove (scratch);
  return status;
}
