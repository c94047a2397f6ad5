/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * kills [N [SEED]]: the tool is killed (SIGKILL) at N random points of each of its long works. What has a final name then is whole, and the next run completes the work.
 * A few points are a test; ./dev kills is for many. Of each work at least one kill must have hit: it came when the work had begun and before it was done. Where none of the N did, it
 * goes on until one does.
 */
#include <stdlib.h>
#include "../hub/server.h"
#include "../model/repository.h"
#include "hub/fetch.h"
#include "tool.h"

#define SMALL_FILES 300         /* of an upload: more than go into one commit */
#define BIG 12000000            /* of a download: hashed on another thread (LARGE in hub/fetch.c) */
#define MOST_MORE 50            /* kills after the N, until one hits */
#define N_SMALL 12

static HubServer *server;
static char *scratch, *home, *source, *model, *commit;
static GHashTable *files;       /* of the download: path -> GBytes */
static guint n_kills = 5;
static GRand *points;

/* Microseconds that the work takes when nobody kills it. */
static gint64
measure (GSubprocessLauncher *launcher, const char *line)
{
  gint64 start = g_get_monotonic_time ();
  g_auto (Outcome) o = tool_run_with (launcher, line, "");

  g_object_unref (launcher);
  if (o.status != 0)
    g_error ("%s: status %d, \"%s\"", line, o.status, o.err);
  return g_get_monotonic_time () - start;
}

/* FALSE: it came too late, the work was done. */
static gboolean
kill_at_some_point (GSubprocessLauncher *launcher, const char *line, gint64 duration)
{
  g_autoptr (GSubprocess) process = tool_start (launcher, line);

  g_object_unref (launcher);
  g_usleep ((gulong) (g_rand_double (points) * (double) duration));
  g_subprocess_force_exit (process);
  g_subprocess_wait (process, NULL, NULL);
  return g_subprocess_get_if_signaled (process);
}

/* Whether there is one more kill after @i, of which @n_hits hit. */
static gboolean
goes_on (guint i, guint n_hits)
{
  return i < n_kills || (n_hits == 0 && i < n_kills + MOST_MORE);
}

static void
assert_hits (guint n_hits)
{
  g_test_message ("%u kills hit", n_hits);
  g_assert_cmpuint (n_hits, >, 0);
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
  gint64 duration = measure (tool_launcher (), "upload org/whole $S");
  guint n_hits = 0;

  g_free (hub_server_take_log (server));
  for (guint i = 0; goes_on (i, n_hits); i++)
    {
      g_autofree char *id = g_strdup_printf ("org/killed%u", i), *line = g_strdup_printf ("upload %s $S", id), *log = NULL;
      gboolean early;

      hub_server_forget (server);
      early = kill_at_some_point (tool_launcher (), line, duration);
      log = hub_server_take_log (server);
      check_repository (id);
      n_hits += early && *log;
      complete (line);
      g_assert_cmpuint (check_repository (id), ==, SMALL_FILES + 2);
      g_free (hub_server_take_log (server));
    }
  assert_hits (n_hits);
}

/* ---- download ------------------------------------------------------------------------------------------------------- */

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

static void
test_download (gconstpointer data)
{
  guint mode = GPOINTER_TO_UINT (data), n_done = 0, n_hits = 0;
  g_autofree char *folder = tool_fill_in (modes[mode].folder);
  gint64 longest;

  folder_remove (home);
  longest = measure (launcher_of (mode), modes[mode].line);
  for (guint i = 0; goes_on (i, n_hits); i++)
    {
      gboolean early;
      guint n;

      if (i % 3 == 0)           /* else it goes on with what is there */
        folder_remove (home);
      early = kill_at_some_point (launcher_of (mode), modes[mode].line, longest);
      n = check_files (folder);
      check_blobs ();
      check_ref ();
      n_done += n == g_hash_table_size (files);
      n_hits += early && n < g_hash_table_size (files) && (n || g_file_test (home, G_FILE_TEST_EXISTS));
    }
  g_test_message ("%s: %u kills left all files", modes[mode].name, n_done);
  assert_hits (n_hits);
  measure (launcher_of (mode), modes[mode].line);
  g_assert_cmpuint (check_files (folder), ==, g_hash_table_size (files));
  check_blobs ();
}

/* ---- convert -------------------------------------------------------------------------------------------------------- */

/* Whether what becomes @name lies in the folder, under a name that is hidden. */
static gboolean
has_begun (const char *name)
{
  g_autofree char *start = g_strdup_printf (".%s.", name);
  g_autoptr (GDir) dir = g_dir_open (scratch, 0, NULL);
  const char *entry;

  while ((entry = g_dir_read_name (dir)))
    if (g_str_has_prefix (entry, start))
      return TRUE;
  return FALSE;
}

static void
test_convert (void)
{
  g_autofree char *whole = g_build_filename (scratch, "whole", NULL), *line = g_strdup_printf ("convert $M --output %s --dtype float16", whole);
  gint64 duration = measure (tool_launcher (), line);
  guint n_hits = 0;

  for (guint i = 0; goes_on (i, n_hits); i++)
    {
      g_autofree char *name = g_strdup_printf ("converted%u", i), *to = g_build_filename (scratch, name, NULL), *again = g_strdup_printf ("convert $M --output %s --dtype float16", to);
      g_autofree char *weights = g_build_filename (to, "model.safetensors", NULL), *expected = g_build_filename (whole, "model.safetensors", NULL);
      gboolean early;

      early = kill_at_some_point (tool_launcher (), again, duration);
      n_hits += early && has_begun (name);
      if (g_file_test (to, G_FILE_TEST_EXISTS))
        assert_same_file (weights, expected);
      else
        complete (again);
      assert_same_file (weights, expected);
      g_assert_cmpuint (tool_count_files (to), ==, tool_count_files (whole));
      folder_remove (to);
    }
  assert_hits (n_hits);
}

/* Weights alone, into a file. */
static void
test_save (void)
{
  g_autofree char *whole = g_build_filename (scratch, "whole.safetensors", NULL), *line = g_strdup_printf ("convert $M --output %s", whole);
  gint64 duration = measure (tool_launcher (), line);
  guint n_hits = 0;

  for (guint i = 0; goes_on (i, n_hits); i++)
    {
      g_autofree char *name = g_strdup_printf ("saved%u.safetensors", i), *to = g_build_filename (scratch, name, NULL), *again = g_strdup_printf ("convert $M --output %s", to);
      gboolean early;

      early = kill_at_some_point (tool_launcher (), again, duration);
      n_hits += early && !g_file_test (to, G_FILE_TEST_EXISTS);    /* it writes a file that has no name yet: whether it has begun cannot be seen */
      if (g_file_test (to, G_FILE_TEST_EXISTS))
        assert_same_file (to, whole);
      complete (again);
      assert_same_file (to, whole);
      g_unlink (to);
    }
  assert_hits (n_hits);
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

/* What is downloaded. */
static void
fill_hub (void)
{
  add ("model.safetensors", BIG, TRUE);
  add ("sub/dir/extra.bin", BIG / 6, TRUE);
  for (guint i = 0; i < N_SMALL; i++)
    {
      g_autofree char *name = g_strdup_printf ("%sfile%u.json", i % 2 ? "sub/" : "", i);

      add (name, 10 + 1000 * i, FALSE);
    }
  commit = hub_server_get_commit (server, "org/model", "main");
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
  home = g_build_filename (scratch, "home", NULL);
  files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  g_setenv ("HF_HOME", home, TRUE);
  g_setenv ("HF_TOKEN", HUB_TOKEN, TRUE);
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  g_unsetenv ("HF_HUB_OFFLINE");
  g_unsetenv ("HF_HUB_CACHE");
  server = hub_server_new ();
  hub_server_set_chunk (server, 500000);
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  tool_name ("$S", source);
  tool_name ("$M", model);
  fill ();
  fill_hub ();
  tool_name ("$H", home);
  tool_name ("$C", commit);
  g_test_add_func ("/kills/upload", test_upload);
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autofree char *name = g_strdup_printf ("/kills/download/%s", modes[i].name);

      g_test_add_data_func (name, GUINT_TO_POINTER (i), test_download);
    }
  g_test_add_func ("/kills/convert", test_convert);
  g_test_add_func ("/kills/save", test_save);
  status = g_test_run ();
  hub_server_free (server);
  folder_remove (scratch);
  return status;
}
