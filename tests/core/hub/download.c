/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/hub against a Hub that lies (server.h): what arrives is right or there is an error, a token goes nowhere else, nothing
 * half-done has a name, and what was cut is finished by the next run.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "hub/cache.h"
#include "hub/environment.h"
#include "hub/model.h"
#include "server.h"

#define BIG 300000

static HubServer *server;
static char *weights;

/* A cache of its own for each case. */
static char *
new_home (void)
{
  char *home = g_dir_make_tmp ("gtf-hub-XXXXXX", NULL);
  g_autofree char *cache = g_build_filename (home, "hub", NULL);

  g_setenv ("HF_HOME", home, TRUE);
  g_unsetenv ("HF_HUB_CACHE");
  g_unsetenv ("HF_HUB_OFFLINE");
  g_unsetenv ("HF_TOKEN");
  return home;
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *below = g_build_filename (path, name, NULL);

      remove_all (below);
    }
  g_remove (path);
}

/* Adds up files whose name ends with @suffix below @path. */
static guint
count_files (const char *path, const char *suffix)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  guint n = 0;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *below = g_build_filename (path, name, NULL);

      n += g_file_test (below, G_FILE_TEST_IS_DIR) ? count_files (below, suffix) : g_str_has_suffix (name, suffix);
    }
  return n;
}

static guint
count_lines (const char *text, const char *part)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint n = 0;

  for (char **line = lines; *line; line++)
    n += strstr (*line, part) != NULL;
  return n;
}

static void
fill (void)
{
  static const char index[] = "{\"metadata\":{},\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\",\"b\":\"model-00002-of-00002.safetensors\"}}";

  weights = g_malloc (BIG);
  for (guint i = 0; i < BIG; i++)
    weights[i] = (char) (i * 7 + i / 253);
  for (guint i = 0; i < 3; i++)
    {
      static const char *const ids[] = { "org/plain", "org/private", "org/gated" };

      hub_server_add (server, ids[i], "main", "config.json", "{\"model_type\": \"bert\"}", -1, FALSE);
      hub_server_add (server, ids[i], "main", "tokenizer.json", "{}", -1, FALSE);
      hub_server_add (server, ids[i], "main", "model.safetensors", weights, BIG, TRUE);
      hub_server_add (server, ids[i], "main", "pytorch_model.bin", weights, BIG - 1, TRUE);
      hub_server_add (server, ids[i], "main", "tf_model.h5", weights, BIG - 2, TRUE);
      hub_server_add (server, ids[i], "main", "onnx/model.onnx", weights, BIG - 3, TRUE);
      hub_server_add (server, ids[i], "main", "1_Pooling/config.json", "{\"pooling\": 1}", -1, FALSE);
    }
  hub_server_add (server, "org/plain", "v1", "config.json", "{\"model_type\": \"old\"}", -1, FALSE);
  hub_server_add (server, "org/plain", "v1", "vocab.txt", "a\nb\n", -1, FALSE);
  hub_server_add (server, "org/plain", "v1", "pytorch_model.bin", weights, 1000, TRUE);
  hub_server_add (server, "org/plain", "refs/pr/1", "config.json", "{\"model_type\": \"pr\"}", -1, FALSE);
  hub_server_add (server, "org/sharded", "main", "config.json", "{}", -1, FALSE);
  hub_server_add (server, "org/sharded", "main", "model.safetensors.index.json", index, -1, FALSE);
  hub_server_add (server, "org/sharded", "main", "model-00001-of-00002.safetensors", weights, 5000, TRUE);
  hub_server_add (server, "org/sharded", "main", "model-00002-of-00002.safetensors", weights, 6000, TRUE);
  hub_server_add (server, "org/sharded", "main", "model-00003-of-00003.safetensors", weights, 7000, TRUE);
  hub_server_add (server, "org/sharded", "main", "model.fp16.safetensors", weights, 8000, TRUE);
  hub_server_set_access (server, "org/private", HUB_PRIVATE);
  hub_server_set_access (server, "org/gated", HUB_GATED);
}

/* ---- what is fetched, and where it lies ----------------------------------------------------------------------------- */

static const struct
{
  const char *id, *revision;
  GtfHubParts parts;
  const char *files;            /* all that the snapshot has, sorted */
} wanted[] = {
  { "org/plain", NULL, GTF_HUB_WEIGHTS, "1_Pooling/config.json config.json model.safetensors tokenizer.json" },
  { "org/plain", "main", GTF_HUB_SMALL_PARTS, "1_Pooling/config.json config.json tokenizer.json" },
  { "org/plain", "v1", GTF_HUB_WEIGHTS, "config.json pytorch_model.bin vocab.txt" },
  { "org/plain", "refs/pr/1", GTF_HUB_WEIGHTS, "config.json" },
  { "org/sharded", NULL, GTF_HUB_WEIGHTS, "config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json" },
};

static void
list_below (const char *root, const char *below, GPtrArray *out)
{
  g_autofree char *folder = g_build_filename (root, below, NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = *below ? g_build_filename (below, name, NULL) : g_strdup (name), *full = g_build_filename (root, path, NULL);

      if (g_file_test (full, G_FILE_TEST_IS_DIR))
        list_below (root, path, out);
      else
        g_ptr_array_add (out, g_steal_pointer (&path));
    }
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static char *
list (const char *root)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  list_below (root, "", names);
  g_ptr_array_sort (names, by_name);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

static void
test_wanted (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    {
      g_autofree char *home = new_home (), *commit = NULL, *found = NULL, *log = NULL, *again = NULL, *expected = NULL;
      g_autofree char *snapshot = NULL, *ref = NULL, *repository = NULL, *link = NULL, *config = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("%s %s", wanted[i].id, wanted[i].revision);
      snapshot = gtf_hub_fetch_model (wanted[i].id, wanted[i].revision, wanted[i].parts, NULL, NULL, &commit, NULL, &error);
      g_assert_no_error (error);
      found = list (snapshot);
      g_assert_cmpstr (found, ==, wanted[i].files);
      expected = hub_server_get_commit (server, wanted[i].id, wanted[i].revision ? wanted[i].revision : "main");
      g_assert_cmpstr (commit, ==, expected);
      /* the layout: a relative link, a ref without a line's end, nothing incomplete */
      config = g_build_filename (snapshot, "config.json", NULL);
      link = g_file_read_link (config, NULL);
      g_assert_true (g_str_has_prefix (link, "../../blobs/"));
      repository = g_path_get_dirname (snapshot);
      ref = g_build_filename (repository, "..", "refs", wanted[i].revision ? wanted[i].revision : "main", NULL);
      g_assert_true (g_file_get_contents (ref, &again, NULL, &error));
      g_assert_cmpstr (again, ==, commit);
      g_assert_cmpuint (count_files (home, ".incomplete"), ==, 0);
      /* whole: the second time nobody is asked; the third time nobody may be */
      if (strcmp (wanted[i].files, "config.json") != 0)
        {
          g_free (hub_server_take_log (server));
          g_free (gtf_hub_fetch_model (wanted[i].id, wanted[i].revision, wanted[i].parts, NULL, NULL, NULL, NULL, &error));
          g_assert_no_error (error);
          log = hub_server_take_log (server);
          g_assert_cmpstr (log, ==, "");
        }
      remove_all (home);
    }
}

static void
test_contents (void)
{
  g_autofree char *home = new_home (), *snapshot = NULL, *path = NULL, *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  snapshot = gtf_hub_fetch_model ("org/plain", NULL, GTF_HUB_WEIGHTS, NULL, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  path = g_build_filename (snapshot, "model.safetensors", NULL);
  g_assert_true (g_file_get_contents (path, &data, &length, &error));
  g_assert_cmpmem (data, length, weights, BIG);
  remove_all (home);
}

/* ---- faults --------------------------------------------------------------------------------------------------------- */

#define ALWAYS 0
#define BLOB "/cdn/"

static const struct
{
  const char *name;
  HubFault fault;
  const char *error;            /* NULL: it succeeds all the same */
} faults[] = {
  { "cut once", { "GET", BLOB, HUB_CUT, 1000, 1 }, NULL },
  { "cut four times", { "GET", BLOB, HUB_CUT, 70000, 4 }, NULL },
  { "cut before the first byte", { "GET", BLOB, HUB_CUT, 0, 3 }, NULL },
  { "cut always without a byte", { "GET", BLOB, HUB_CUT, 0, ALWAYS }, "broke off" },
  { "a small file cut", { "GET", "tokenizer.json", HUB_CUT, 1, 1 }, NULL },
  { "too long", { "GET", BLOB, HUB_LONGER, 10, ALWAYS }, "announces 300010 bytes" },
  { "too long, no length", { "GET", BLOB, HUB_HTTP10, 0, ALWAYS }, NULL },
  { "a wrong byte once", { "GET", BLOB, HUB_FLIP, 0, 1 }, NULL },
  { "a wrong byte always", { "GET", BLOB, HUB_FLIP, 0, ALWAYS }, "wrong hash" },
  { "a wrong byte in a small file", { "GET", "resolve", HUB_FLIP, 0, ALWAYS }, "wrong hash" },
  { "chunks", { "GET", NULL, HUB_CHUNKED, 0, ALWAYS }, NULL },
  { "HTTP/1.0", { "GET", NULL, HUB_HTTP10, 0, ALWAYS }, NULL },
  { "gzip", { "GET", NULL, HUB_GZIP, 0, ALWAYS }, NULL },
  { "429 twice", { "GET", NULL, HUB_STATUS, 429, 2 }, NULL },
  { "429 always", { "GET", NULL, HUB_STATUS, 429, ALWAYS }, "too many requests (429)" },
  { "500 once", { "GET", BLOB, HUB_STATUS, 500, 1 , "Retry-After: 0\r\n" }, NULL },
  { "503 at the listing", { "GET", "tree", HUB_STATUS, 503, 2, "Retry-After: 0\r\n" }, NULL },
  { "500 always", { "GET", "revision", HUB_STATUS, 500, ALWAYS, "Retry-After: 0\r\n" }, "answers 500" },
  { "403", { "GET", BLOB, HUB_STATUS, 403, ALWAYS }, "not allowed (403)" },
  { "404 of a blob", { "GET", BLOB, HUB_STATUS, 404, ALWAYS }, "not found (404)" },
  { "redirects in a circle", { "GET", "revision", HUB_LOOP, 0, ALWAYS }, "redirects more than" },
  { "blob redirects in a circle", { "GET", BLOB, HUB_LOOP, 0, ALWAYS }, "redirects more than" },
  { "redirect to a file", { "GET", "revision", HUB_NOWHERE, 0, ALWAYS }, "address of the Web" },
  { "redirect to another host", { "GET", "resolve", HUB_ELSEWHERE, 0, ALWAYS }, NULL },
  { "no JSON", { "GET", "revision", HUB_BODY, 0, ALWAYS, "<html>" }, "the answer of the Hub" },
  { "no commit", { "GET", "revision", HUB_BODY, 0, ALWAYS, "{\"sha\": \"../../x\"}" }, "a commit" },
  { "no list", { "GET", "tree", HUB_BODY, 0, ALWAYS, "{}" }, "a list of files" },
  { "path with dots", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"../../x.json\",\"oid\":\"aa\",\"size\":1}]" }, "stays inside" },
  { "absolute path", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"/etc/x.json\",\"oid\":\"aa\",\"size\":1}]" }, "stays inside" },
  { "path of Windows", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"a\\\\b.json\",\"oid\":\"aa\",\"size\":1}]" }, "stays inside" },
  { "drive", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"C:b.json\",\"oid\":\"aa\",\"size\":1}]" }, "stays inside" },
  { "NUL in a path", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"a\\u0001b\",\"oid\":\"aa\",\"size\":1}]" }, "stays inside" },
  { "twice the same file", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"a\",\"oid\":\"aa\",\"size\":1},{\"type\":\"file\",\"path\":\"a\",\"oid\":\"aa\",\"size\":1}]" }, "each file once" },
  { "hash that is a path", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"a\",\"oid\":\"../x\",\"size\":1}]" }, "a hash" },
  { "negative size", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"a\",\"oid\":\"aa\",\"size\":-1}]" }, "a size" },
  { "more than the disk has", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"config.json\",\"oid\":\"aa\",\"size\":9000000000000000000}]" }, "room for" },
};

static char *
fetch_quickly (const char *id, GError **error)
{
  return gtf_hub_fetch_model (id, NULL, GTF_HUB_WEIGHTS, NULL, NULL, NULL, NULL, error);
}

static void
test_faults (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autofree char *home = new_home (), *snapshot = NULL, *log = NULL, *cache = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", faults[i].name);
      g_setenv ("HF_TOKEN", HUB_TOKEN, TRUE);
      hub_server_clear_faults (server);
      hub_server_fault (server, &faults[i].fault);
      g_free (hub_server_take_log (server));
      snapshot = fetch_quickly ("org/plain", &error);
      log = hub_server_take_log (server);
      g_assert_cmpuint (count_lines (log, "token cdn"), ==, 0);         /* it went nowhere else */
      if (faults[i].error)
        {
          g_assert_null (snapshot);
          g_assert_nonnull (error);
          g_test_message ("  %s", error->message);
          g_assert_nonnull (strstr (error->message, faults[i].error));
          g_assert_nonnull (strstr (error->message, "org/plain (revision main)"));
          g_assert_null (strstr (error->message, "hf_test"));
          g_assert_null (strstr (error->message, "signature"));
        }
      else
        g_assert_no_error (error);
      /* The next run, without the fault, has it whole. */
      hub_server_clear_faults (server);
      g_clear_error (&error);
      g_free (snapshot);
      snapshot = fetch_quickly ("org/plain", &error);
      g_assert_no_error (error);
      cache = list (snapshot);
      g_assert_cmpstr (cache, ==, wanted[0].files);
      g_assert_cmpuint (count_files (home, ".incomplete"), ==, 0);
      remove_all (home);
    }
  g_unsetenv ("HF_TOKEN");
}

/* What a run that was killed left behind is taken up; what does not fit is not. */
static const struct
{
  const char *name;
  gsize have;
  gboolean wrong;
  HubFault fault;
  const char *range;            /* of the first request for the blob */
} leftovers[] = {
  { "part", 100000, FALSE, { "GET", "nothing", HUB_CUT }, "range=bytes=100000-" },
  { "all", BIG, FALSE, { "GET", "nothing", HUB_CUT }, NULL },
  { "too much", BIG + 1, FALSE, { "GET", "nothing", HUB_CUT }, "/cdn/" },
  { "of another file", 100000, TRUE, { "GET", "nothing", HUB_CUT }, "range=bytes=100000-" },
  { "and no ranges", 100000, FALSE, { "GET", BLOB, HUB_IGNORE_RANGE }, "range=bytes=100000-" },
  { "and other ranges", 100000, FALSE, { "GET", BLOB, HUB_OTHER_RANGE, 0, 1 }, "range=bytes=100000-" },
  { "and 416", 100000, FALSE, { "GET", BLOB, HUB_STATUS, 416, 1 }, "range=bytes=100000-" },
};

static void
test_leftovers (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (leftovers); i++)
    {
      g_autofree char *home = new_home (), *hash = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) weights, BIG), *snapshot = NULL, *log = NULL;
      g_autofree char *name = g_strconcat (hash, ".0badcafe.incomplete", NULL), *path = g_build_filename (home, "hub", "models--org--plain", "blobs", name, NULL);
      g_autofree char *folder = g_path_get_dirname (path), *data = g_malloc0 (BIG + 1), *model = NULL, *got = NULL;
      g_autoptr (GError) error = NULL;
      gsize length;

      g_test_message ("%s", leftovers[i].name);
      memcpy (data, weights, BIG);
      data[5] ^= leftovers[i].wrong;
      g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
      g_assert_true (g_file_set_contents (path, data, (gssize) leftovers[i].have, NULL));
      hub_server_clear_faults (server);
      hub_server_fault (server, &leftovers[i].fault);
      g_free (hub_server_take_log (server));
      snapshot = fetch_quickly ("org/plain", &error);
      g_assert_no_error (error);
      log = hub_server_take_log (server);
      if (leftovers[i].range)
        g_assert_nonnull (strstr (log, leftovers[i].range));
      else
        g_assert_null (strstr (log, BLOB));
      model = g_build_filename (snapshot, "model.safetensors", NULL);
      g_assert_true (g_file_get_contents (model, &got, &length, &error));
      g_assert_cmpmem (got, length, weights, BIG);
      g_assert_cmpuint (count_files (home, ".incomplete"), ==, 0);
      remove_all (home);
    }
  hub_server_clear_faults (server);
}

/* ---- who may ---------------------------------------------------------------------------------------------------------- */

static const struct
{
  const char *id, *token;
  const char *error;
} who[] = {
  { "org/private", NULL, "no such repository, or it is private: check the name, or log in" },
  { "org/private", HUB_TOKEN, NULL },
  { "org/gated", NULL, "accept them at" },
  { "org/gated", HUB_TOKEN, NULL },
  { "org/plain", "hf_wrong", "does not know this token" },
  { "org/none", HUB_TOKEN, "whether this token may see it" },
  { "org/plain", "two words", "a character that no token has" },
  { "org/plain", "line\r\nX: y", "a character that no token has" },
};

static void
test_access (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (who); i++)
    {
      g_autofree char *home = new_home (), *snapshot = NULL;
      g_autoptr (GError) error = NULL;

      if (who[i].token)
        g_setenv ("HF_TOKEN", who[i].token, TRUE);
      snapshot = fetch_quickly (who[i].id, &error);
      if (who[i].error)
        {
          g_assert_nonnull (error);
          g_test_message ("%s", error->message);
          g_assert_nonnull (strstr (error->message, who[i].error));
          g_assert_null (snapshot);
          if (who[i].token)
            g_assert_null (strstr (error->message, who[i].token));
        }
      else
        g_assert_no_error (error);
      remove_all (home);
    }
  g_unsetenv ("HF_TOKEN");
}

static const HubFault gone[] = { { NULL, NULL, HUB_STATUS, 503 }, { NULL, NULL, HUB_STALL }, { NULL, NULL, HUB_STATUS, 401 } };

/* Offline nobody is asked; with a cache that lacks something and a Hub that is gone, what is there is used. */
static void
test_offline (void)
{
  g_autofree char *home = new_home (), *snapshot = NULL, *file = NULL, *log = NULL;
  g_autoptr (GError) error = NULL;

  g_setenv ("HF_HUB_OFFLINE", "1", TRUE);
  g_free (hub_server_take_log (server));
  g_assert_null (fetch_quickly ("org/plain", &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  g_clear_error (&error);
  log = hub_server_take_log (server);
  g_assert_cmpstr (log, ==, "");
  g_unsetenv ("HF_HUB_OFFLINE");
  snapshot = fetch_quickly ("org/plain", &error);
  g_assert_no_error (error);
  file = g_build_filename (snapshot, "tokenizer.json", NULL);
  g_unlink (file);
  for (guint i = 0; i < G_N_ELEMENTS (gone); i++)
    {
      g_autofree char *again = NULL;

      hub_server_clear_faults (server);
      hub_server_fault (server, &gone[i]);
      again = fetch_quickly ("org/plain", &error);
      g_assert_no_error (error);
      g_assert_cmpstr (again, ==, snapshot);
    }
  hub_server_clear_faults (server);
  remove_all (home);
}

static void
test_no_links (void)
{
  g_autofree char *home = new_home (), *snapshot = NULL, *found = NULL, *file = NULL;
  g_autoptr (GError) error = NULL;

  g_setenv ("HF_HUB_DISABLE_SYMLINKS", "1", TRUE);
  snapshot = fetch_quickly ("org/plain", &error);
  g_assert_no_error (error);
  g_unsetenv ("HF_HUB_DISABLE_SYMLINKS");
  found = list (snapshot);
  g_assert_cmpstr (found, ==, wanted[0].files);
  file = g_build_filename (snapshot, "model.safetensors", NULL);
  g_assert_false (g_file_test (file, G_FILE_TEST_IS_SYMLINK));
  remove_all (home);
}

static void
test_cancelled (void)
{
  g_autofree char *home = new_home ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (gtf_hub_fetch_model ("org/plain", NULL, GTF_HUB_WEIGHTS, NULL, NULL, NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  remove_all (home);
}

static const struct
{
  const char *path, *include, *exclude;
  gboolean matches;
} patterns[] = {
  { "a/b.json", "*.json", NULL, TRUE },
  { "a/b.json", "a/", NULL, TRUE },
  { "ab/b.json", "a/", NULL, FALSE },
  { ".hidden", "*", NULL, TRUE },
  { "x.bin", NULL, "*.bin", FALSE },
  { "x.bin", "x.*", "*.bin", FALSE },
  { "x.bin", "[!x].bin", NULL, FALSE },
  { "y.bin", "[!x].bin", NULL, TRUE },
  { "a\\b", "a\\b", NULL, TRUE },
};

static void
test_patterns (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      GtfHubFile file = { .path = (char *) patterns[i].path };
      g_autoptr (GPtrArray) files = g_ptr_array_new (), found = NULL;
      char *include[] = { (char *) patterns[i].include, NULL }, *exclude[] = { (char *) patterns[i].exclude, NULL };

      g_ptr_array_add (files, &file);
      found = gtf_hub_select_matching (files, include[0] ? include : NULL, exclude[0] ? exclude : NULL);
      g_assert_cmpuint (found->len, ==, patterns[i].matches);
    }
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  g_setenv ("HF_HUB_ETAG_TIMEOUT", "1", TRUE);
  gtf_hub_backoff = 1;
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  fill ();
  g_test_add_func ("/hub/download/wanted", test_wanted);
  g_test_add_func ("/hub/download/contents", test_contents);
  g_test_add_func ("/hub/download/faults", test_faults);
  g_test_add_func ("/hub/download/leftovers", test_leftovers);
  g_test_add_func ("/hub/download/access", test_access);
  g_test_add_func ("/hub/download/offline", test_offline);
  g_test_add_func ("/hub/download/no-links", test_no_links);
  g_test_add_func ("/hub/download/cancelled", test_cancelled);
  g_test_add_func ("/hub/download/patterns", test_patterns);
  status = g_test_run ();
  hub_server_free (server);
  return status;
}
