/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/hub/headers.c: the headers of weights that stay on the Hub, of one file and of shards, short ones and long ones, from servers that know ranges and
 * that do not.
 */
#include <string.h>
#include <glib/gstdio.h>
#include "hub/headers.h"
#include "hub/model.h"
#include "hub/scan.h"
#include "server.h"

static HubServer *server;

/* A header of @length bytes, which is all that is looked at, and @body bytes behind it. */
static GByteArray *
make_file (guint64 length, guint64 claimed, guint body)
{
  GByteArray *file = g_byte_array_new ();
  guint64 le = GUINT64_TO_LE (claimed);

  g_byte_array_append (file, (const guint8 *) &le, 8);
  g_byte_array_set_size (file, (guint) (8 + length + body));
  memset (file->data + 8, 'h', length);
  memset (file->data + 8 + length, 'b', body);
  return file;
}

static const struct
{
  const char *name;
  guint64 length, claimed;
  guint body;
  HubFault fault;
  guint requests;               /* for the weights */
  gboolean whole;               /* the header is there in the end */
} cases[] = {
  { "short", 500, 500, 900000, { "GET", "nothing", HUB_CUT }, 1, TRUE },
  { "long", 250000, 250000, 900000, { "GET", "nothing", HUB_CUT }, 2, TRUE },
  { "long, no ranges", 250000, 250000, 900000, { "GET", "/cdn/", HUB_IGNORE_RANGE }, 2, TRUE },
  { "all of a small file", 500, 500, 10, { "GET", "nothing", HUB_CUT }, 1, TRUE },
  { "claims too much", 500, 1000000000000, 10, { "GET", "nothing", HUB_CUT }, 1, TRUE },
  { "cut", 500, 500, 900000, { "GET", "/cdn/", HUB_CUT, 100 }, 1, FALSE },
};

static guint
count_lines (const char *text, const char *part)
{
  guint n = 0;

  for (const char *p = strstr (text, part); p; p = strstr (p + 1, part))
    n++;
  return n;
}

static void
check (guint i, const char *path)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);
  const char *data = g_mapped_file_get_contents (file);

  g_assert_cmpuint (g_mapped_file_get_length (file), ==, 8 + cases[i].length + cases[i].body);
  g_assert_cmpint (data[8], ==, 'h');
  g_assert_cmpint (data[8 + cases[i].length - 1], ==, 'h');
  if (cases[i].body > 200000)
    g_assert_cmpint (data[8 + cases[i].length + cases[i].body - 1], ==, 0);     /* a hole, not the weights */
}

static void
test_headers (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *home = g_dir_make_tmp ("gtf-hub-XXXXXX", NULL), *id = g_strdup_printf ("org/model%u", i), *commit = NULL, *snapshot = NULL, *folder = NULL, *log = NULL;
      g_autoptr (GByteArray) file = make_file (cases[i].length, cases[i].claimed, cases[i].body);
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", cases[i].name);
      g_setenv ("HF_HOME", home, TRUE);
      g_unsetenv ("HF_HUB_OFFLINE");
      hub_server_add (server, id, "main", "config.json", "{}", -1, FALSE);
      hub_server_add (server, id, "main", "model.safetensors", file->data, file->len, TRUE);
      snapshot = gtf_hub_fetch_model (id, NULL, GTF_HUB_SMALL_PARTS, NULL, NULL, &commit, NULL, &error);
      g_assert_no_error (error);
      hub_server_clear_faults (server);
      hub_server_fault (server, &cases[i].fault);
      g_free (hub_server_take_log (server));
      folder = gtf_hub_fetch_headers (id, commit, snapshot, NULL, &error);
      log = hub_server_take_log (server);
      g_assert_cmpuint (count_lines (log, "/cdn/"), ==, cases[i].requests);
      if (cases[i].whole)
        {
          g_autofree char *path = folder ? g_build_filename (folder, "model.safetensors", NULL) : NULL, *config = folder ? g_build_filename (folder, "config.json", NULL) : NULL;

          g_assert_no_error (error);
          check (i, path);
          g_assert_true (g_file_test (config, G_FILE_TEST_IS_REGULAR));
          gtf_hub_remove_path (folder, NULL);
        }
      else
        g_assert_error (error, GTF_ERROR, GTF_ERROR_IO);
      gtf_hub_remove_path (home, NULL);
    }
  hub_server_clear_faults (server);
}

/* Only the shards that the index names, and the index itself; never a .bin. */
static void
test_shards (void)
{
  static const char index[] = "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}";
  g_autofree char *home = g_dir_make_tmp ("gtf-hub-XXXXXX", NULL), *commit = NULL, *snapshot = NULL, *folder = NULL, *log = NULL, *bin = NULL;
  g_autoptr (GByteArray) file = make_file (100, 100, 100);
  g_autoptr (GError) error = NULL;

  g_setenv ("HF_HOME", home, TRUE);
  hub_server_add (server, "org/shards", "main", "config.json", "{}", -1, FALSE);
  hub_server_add (server, "org/shards", "main", "model.safetensors.index.json", index, -1, FALSE);
  for (guint i = 0; i < 3; i++)
    hub_server_add (server, "org/shards", "main", ((const char *const[]){ "one.safetensors", "two.safetensors", "three.safetensors" })[i], file->data, file->len - i, TRUE);
  snapshot = gtf_hub_fetch_model ("org/shards", NULL, GTF_HUB_SMALL_PARTS, NULL, NULL, &commit, NULL, &error);
  g_assert_no_error (error);
  g_free (hub_server_take_log (server));
  folder = gtf_hub_fetch_headers ("org/shards", commit, snapshot, NULL, &error);
  g_assert_no_error (error);
  log = hub_server_take_log (server);
  g_assert_cmpuint (count_lines (log, "/cdn/"), ==, 2);
  g_assert_cmpuint (count_lines (log, "GET "), ==, 2 + 2 + 1);          /* each shard is redirected; the index */
  gtf_hub_remove_path (folder, NULL);
  hub_server_add (server, "org/bin", "main", "config.json", "{}", -1, FALSE);
  hub_server_add (server, "org/bin", "main", "pytorch_model.bin", file->data, file->len, TRUE);
  bin = hub_server_get_commit (server, "org/bin", "main");
  g_assert_null (gtf_hub_fetch_headers ("org/bin", bin, snapshot, NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
  gtf_hub_remove_path (home, NULL);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  gtf_hub_backoff = 1;
  g_setenv ("no_proxy", "127.0.0.1", TRUE);
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  g_test_add_func ("/hub/headers/one-file", test_headers);
  g_test_add_func ("/hub/headers/shards", test_shards);
  status = g_test_run ();
  hub_server_free (server);
  return status;
}
