/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers download, killed at random moments again and again: what has its final name is whole, and the next run goes on and ends the work.
 *
 *   test-tools-kill [KILLS]
 *
 * KILLS in each of the modes: 15 in the tests, 200 by `./dev hub kill`.
 */
#include "../hub/server.h"
#include "../model/repository.h"
#include "hub/fetch.h"
#include "tool.h"

#define BIG 6000000
#define N_SMALL 12

static const struct
{
  const char *name, *line;
  const char *variable;         /* (nullable): set to 1 */
  const char *folder;           /* where the files are in the end */
} modes[] = {
  { "cache", "download org/model --quiet", NULL, "$H/hub/models--org--model/snapshots/$C" },
  { "cache without links", "download org/model --quiet", "HF_HUB_DISABLE_SYMLINKS", "$H/hub/models--org--model/snapshots/$C" },
  { "folder", "download org/model --local-dir $H/here --quiet", NULL, "$H/here" },
};

static HubServer *server;
static char *home, *commit;
static GHashTable *files;       /* path -> GBytes */
static guint kills = 15;

static void
add (const char *path, gsize length, gboolean lfs)
{
  guint8 *data = g_malloc (length);

  for (gsize i = 0; i < length; i++)
    data[i] = (guint8) ((i + g_str_hash (path)) * 2654435761u >> 24);
  hub_server_add (server, "org/model", "main", path, data, (gssize) length, lfs);
  g_hash_table_insert (files, g_strdup (path), g_bytes_new_take (data, length));
}

/* Of the files in their place how many there are; each must be what it is on the Hub. */
static guint
check_files (const char *folder)
{
  GHashTableIter iter;
  gpointer name, bytes;
  guint n = 0;

  g_hash_table_iter_init (&iter, files);
  while (g_hash_table_iter_next (&iter, &name, &bytes))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL), *data = NULL;
      gsize length;

      if (!g_file_get_contents (path, &data, &length, NULL))
        {
          g_assert_false (g_file_test (path, G_FILE_TEST_IS_SYMLINK));  /* a link that leads nowhere */
          continue;
        }
      n++;
      if (length != g_bytes_get_size (bytes) || memcmp (data, g_bytes_get_data (bytes, NULL), length) != 0)
        g_error ("%s has its name and is not whole: %zu of %zu bytes", path, length, g_bytes_get_size (bytes));
    }
  return n;
}

/* A blob that has the name of its hash has that hash. */
static void
check_blobs (void)
{
  g_autofree char *folder = g_build_filename (home, "hub", "models--org--model", "blobs", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autoptr (GError) error = NULL;
      gboolean good = FALSE;

      if (g_str_has_suffix (name, ".incomplete"))
        continue;
      g_assert_true (gtf_hub_hash_is (path, name, NULL, &good, &error));
      g_assert_no_error (error);
      g_assert_true (good);
    }
}

static void
check_ref (void)
{
  g_autofree char *path = g_build_filename (home, "hub", "models--org--model", "refs", "main", NULL), *text = NULL;

  if (g_file_get_contents (path, &text, NULL, NULL))
    g_assert_cmpstr (text, ==, commit);
}

static GSubprocessLauncher *
launcher_of (guint mode)
{
  GSubprocessLauncher *launcher = tool_launcher ();

  if (modes[mode].variable)
    g_subprocess_launcher_setenv (launcher, modes[mode].variable, "1", TRUE);
  return launcher;
}

/* How long it takes undisturbed, in microseconds. */
static gint64
time_of (guint mode)
{
  g_autoptr (GSubprocessLauncher) launcher = launcher_of (mode);
  gint64 start = g_get_monotonic_time ();
  g_auto (Outcome) o = tool_run_with (launcher, modes[mode].line, "");

  if (o.status != 0)
    g_error ("%s: %s", modes[mode].name, o.err);
  return g_get_monotonic_time () - start;
}

static void
test_mode (gconstpointer data)
{
  guint mode = GPOINTER_TO_UINT (data), n_done = 0, n_some = 0;
  g_autofree char *folder = tool_fill_in (modes[mode].folder);
  gint64 longest;

  folder_remove (home);
  longest = time_of (mode);
  for (guint i = 0; i < kills; i++)
    {
      g_autoptr (GSubprocessLauncher) launcher = launcher_of (mode);
      g_autoptr (GSubprocess) process = NULL;
      guint n;

      if (i % 3 == 0)           /* else it goes on with what is there */
        folder_remove (home);
      process = tool_start (launcher, modes[mode].line);
      g_usleep ((gulong) g_test_rand_int_range (0, (gint32) longest));
      g_subprocess_send_signal (process, SIGKILL);
      g_assert_true (g_subprocess_wait (process, NULL, NULL));
      n = check_files (folder);
      check_blobs ();
      check_ref ();
      n_done += n == g_hash_table_size (files);
      n_some += n && n < g_hash_table_size (files);
    }
  g_test_message ("%s: of %u killed %u had all files, %u some", modes[mode].name, kills, n_done, n_some);
  time_of (mode);
  g_assert_cmpuint (check_files (folder), ==, g_hash_table_size (files));
  check_blobs ();
}

int
main (int argc, char **argv)
{
  g_autofree char *scratch = g_dir_make_tmp ("gtf-kill-XXXXXX", NULL);
  int status;

  g_test_init (&argc, &argv, NULL);
  if (argc > 1)
    kills = (guint) g_ascii_strtoull (argv[1], NULL, 10);
  home = g_build_filename (scratch, "home", NULL);
  files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  g_unsetenv ("HF_HUB_OFFLINE");
  g_unsetenv ("HF_HUB_CACHE");
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  g_setenv ("HF_HOME", home, TRUE);
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  add ("model.safetensors", BIG, TRUE);
  add ("sub/dir/extra.bin", BIG / 6, TRUE);
  for (guint i = 0; i < N_SMALL; i++)
    {
      g_autofree char *name = g_strdup_printf ("%sfile%u.json", i % 2 ? "sub/" : "", i);

      add (name, 10 + 1000 * i, FALSE);
    }
  commit = hub_server_get_commit (server, "org/model", "main");
  tool_name ("$H", home);
  tool_name ("$C", commit);
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autofree char *name = g_strdup_printf ("/tools/kill/%s", modes[i].name);

      g_test_add_data_func (name, GUINT_TO_POINTER (i), test_mode);
    }
  status = g_test_run ();
  hub_server_free (server);
  folder_remove (scratch);
  return status;
}
