/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Downloads from a Hub that lies (server.h): what arrives is right or there is an error, a token goes nowhere else, nothing half-done has a name, nothing is
 * written outside, and what was cut is finished by the next run.
 */
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "hub/each.h"
#include "hub/fetch.h"
#include "hub/hasher.h"
#include "hub/model.h"
#include "hub/scan.h"
#include "model/safetensors.h"
#include "models.h"

static HubServer *server;

/* ---- faults --------------------------------------------------------------------------------------------------------- */

#define ALWAYS 0
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define FILES(path) "[{\"type\":\"file\",\"path\":\"" path "\",\"oid\":\"aa\",\"size\":1}]"
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
  { "half-open", { "GET", BLOB, HUB_HALF_OPEN, 100000, 1 }, NULL },
  { "half-open twice", { "GET", BLOB, HUB_HALF_OPEN, 70000, 2 }, NULL },
  { "half-open at the listing", { "GET", "tree", HUB_HALF_OPEN, 20, ALWAYS }, "breaks off" },
  { "no answer at first", { "GET", "revision", HUB_STALL, 0, 1 }, NULL },
  { "slow, longer than the timeout", { "GET", BLOB, HUB_SLOW, 4, 1 }, NULL },
  { "another file", { "GET", "tokenizer.json", HUB_BODY, 0, ALWAYS, "[]" }, "wrong hash" },
  { "another file once", { "GET", "tokenizer.json", HUB_BODY, 0, 1, "[]" }, NULL },
  { "another file, longer", { "GET", "tokenizer.json", HUB_BODY, 0, ALWAYS, "[{}]" }, "announces 4 bytes, expected 2" },
  { "two lengths", { "GET", BLOB, HUB_HEADER, 1, ALWAYS, "Content-Length: 299999" }, NULL },
  { "a shorter length", { "GET", BLOB, HUB_HEADER, 0, ALWAYS, "Content-Length: 299999" }, "announces 299999 bytes" },
  { "a length that is none", { "GET", BLOB, HUB_HEADER, 0, ALWAYS, "Content-Length: many" }, "cannot be reached" },
  { "the length twice", { "GET", BLOB, HUB_HEADER, 1, ALWAYS, "Content-Length: 300000" }, NULL },
  { "two places to go to", { "GET", "resolve", HUB_HEADER, 1, ALWAYS, "Location: http://127.0.0.1:1/" }, "without an address of the Web" },
  { "Xet's headers", { "GET", "resolve", HUB_HEADER, 1, ALWAYS, "X-Xet-Hash: " HUNDRED }, NULL },
  { "no place to go to", { "GET", "resolve", HUB_HEADER, 0, ALWAYS, "Location: " }, "redirects" },
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
  { "path with dots", { "GET", "tree", HUB_BODY, 0, ALWAYS, FILES ("../../x.json") }, "stays inside" },
  { "absolute path", { "GET", "tree", HUB_BODY, 0, ALWAYS, FILES ("/etc/x.json") }, "stays inside" },
  { "path of Windows", { "GET", "tree", HUB_BODY, 0, ALWAYS, FILES ("a\\\\b.json") }, "stays inside" },
  { "drive", { "GET", "tree", HUB_BODY, 0, ALWAYS, FILES ("C:b.json") }, "stays inside" },
  { "address of Windows", { "GET", "tree", HUB_BODY, 0, ALWAYS, FILES ("\\\\\\\\host\\\\share\\\\x.json") }, "stays inside" },
  { "NUL in a path", { "GET", "tree", HUB_BODY, 0, ALWAYS, FILES ("config.json\\u0000.txt") }, "there is no such file" },        /* U+FFFD stands for it */
  { "control character in a path", { "GET", "tree", HUB_BODY, 0, ALWAYS, FILES ("a\\u0001b") }, "stays inside" },
  { "name of 300 bytes", { "GET", "tree", HUB_BODY, 0, ALWAYS, FILES (HUNDRED HUNDRED HUNDRED) }, "each part of 1 to 255 bytes" },
  { "no name", { "GET", "tree", HUB_BODY, 0, ALWAYS, FILES ("") }, "stays inside" },
  { "empty part", { "GET", "tree", HUB_BODY, 0, ALWAYS, FILES ("a//b.json") }, "stays inside" },
  { "twice the same file", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"a\",\"oid\":\"aa\",\"size\":1},{\"type\":\"file\",\"path\":\"a\",\"oid\":\"aa\",\"size\":1}]" }, "each file once" },
  { "hash that is a path", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"a\",\"oid\":\"../x\",\"size\":1}]" }, "a hash" },
  { "negative size", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"a\",\"oid\":\"aa\",\"size\":-1}]" }, "a size" },
  { "more than the disk has", { "GET", "tree", HUB_BODY, 0, ALWAYS, "[{\"type\":\"file\",\"path\":\"config.json\",\"oid\":\"aa\",\"size\":9000000000000000000}]" }, "room for" },
};

static void
test_faults (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autofree char *home = hub_new_home (), *snapshot = NULL, *log = NULL, *cache = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", faults[i].name);
      g_setenv ("HF_TOKEN", HUB_TOKEN, TRUE);
      hub_server_clear_faults (server);
      hub_server_fault (server, &faults[i].fault);
      g_free (hub_server_take_log (server));
      snapshot = hub_fetch ("org/plain", &error);
      log = hub_server_take_log (server);
      g_assert_cmpuint (hub_count_lines (log, "token cdn"), ==, 0);         /* it went nowhere else */
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
      snapshot = hub_fetch ("org/plain", &error);
      g_assert_no_error (error);
      cache = hub_list_files (snapshot);
      g_assert_cmpstr (cache, ==, HUB_PLAIN_FILES);
      g_assert_cmpuint (hub_count_files (home, ".incomplete"), ==, 0);
      gtf_hub_remove_path (home, NULL);
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
  { "all", HUB_WEIGHTS, FALSE, { "GET", "nothing", HUB_CUT }, NULL },
  { "too much", HUB_WEIGHTS + 1, FALSE, { "GET", "nothing", HUB_CUT }, "/cdn/" },
  { "of another file", 100000, TRUE, { "GET", "nothing", HUB_CUT }, "range=bytes=100000-" },
  { "and no ranges", 100000, FALSE, { "GET", BLOB, HUB_IGNORE_RANGE }, "range=bytes=100000-" },
  { "and other ranges", 100000, FALSE, { "GET", BLOB, HUB_OTHER_RANGE, 0, 1 }, "range=bytes=100000-" },
  { "and two ranges", 100000, FALSE, { "GET", BLOB, HUB_HEADER, 1, 1, "Content-Range: bytes 5-9/300000" }, "range=bytes=100000-" },
  { "and another file meanwhile", 100000, FALSE, { "GET", BLOB, HUB_HEADER, 0, 1, "Content-Range: bytes 100000-299999/400000" }, "range=bytes=100000-" },
  { "and half-open", 100000, FALSE, { "GET", BLOB, HUB_HALF_OPEN, 50000, 1 }, "range=bytes=100000-" },
  { "and 416", 100000, FALSE, { "GET", BLOB, HUB_STATUS, 416, 1 }, "range=bytes=100000-" },
};

static void
test_leftovers (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (leftovers); i++)
    {
      g_autofree char *home = hub_new_home (), *hash = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) hub_weights, HUB_WEIGHTS), *snapshot = NULL, *log = NULL;
      g_autofree char *name = g_strconcat (hash, ".0badcafe.incomplete", NULL), *path = g_build_filename (home, "hub", "models--org--plain", "blobs", name, NULL);
      g_autofree char *folder = g_path_get_dirname (path), *data = g_malloc0 (HUB_WEIGHTS + 1), *model = NULL, *got = NULL;
      g_autoptr (GError) error = NULL;
      gsize length;

      g_test_message ("%s", leftovers[i].name);
      memcpy (data, hub_weights, HUB_WEIGHTS);
      data[5] ^= leftovers[i].wrong;
      g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
      g_assert_true (g_file_set_contents (path, data, (gssize) leftovers[i].have, NULL));
      hub_server_clear_faults (server);
      hub_server_fault (server, &leftovers[i].fault);
      g_free (hub_server_take_log (server));
      snapshot = hub_fetch ("org/plain", &error);
      g_assert_no_error (error);
      log = hub_server_take_log (server);
      if (leftovers[i].range)
        g_assert_nonnull (strstr (log, leftovers[i].range));
      else
        g_assert_null (strstr (log, BLOB));
      model = g_build_filename (snapshot, "model.safetensors", NULL);
      g_assert_true (g_file_get_contents (model, &got, &length, &error));
      g_assert_cmpmem (got, length, hub_weights, HUB_WEIGHTS);
      g_assert_cmpuint (hub_count_files (home, ".incomplete"), ==, 0);
      gtf_hub_remove_path (home, NULL);
    }
  hub_server_clear_faults (server);
}

/* Nor is it lost to a run that is cancelled before it has read any of it. */
static void
test_leftover_kept (void)
{
  g_autofree char *home = hub_new_home (), *path = g_build_filename (home, "left.incomplete", NULL), *data = g_malloc0 (100000);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  const GtfHubFile file = { .path = "model.safetensors", .etag = "0badcafe", .size = HUB_WEIGHTS };
  const GtfHubFetch fetch = { .url = "http://127.0.0.1:1/", .what = "org/plain", .file = &file };
  GStatBuf st;

  g_assert_true (g_file_set_contents (path, data, 100000, &error));
  g_cancellable_cancel (cancellable);
  g_assert_false (gtf_hub_fetch (&fetch, path, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (g_stat (path, &st), ==, 0);
  g_assert_cmpint (st.st_size, ==, 100000);
  gtf_hub_remove_path (home, NULL);
}

/* Work that is cancelled before it begins is not begun, and not done either. */
static gboolean
count_work (guint index, gpointer data, GCancellable *stop, GError **error)
{
  g_atomic_int_inc ((gint *) data);
  return TRUE;
}

static void
test_each_cancelled (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  gint n = 0;

  g_assert_true (gtf_hub_each (7, 3, count_work, &n, cancellable, &error));
  g_assert_cmpint (n, ==, 7);
  g_cancellable_cancel (cancellable);
  g_assert_false (gtf_hub_each (7, 3, count_work, &n, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (n, ==, 7);
}

/* ---- large files, which are hashed by another thread ----------------------------------------------------------------- */

#define LARGE (20 * 1024 * 1024)

GtfHubHasher *__wrap_gtf_hub_hasher_new (GtfDigest *digest, gsize size);
GtfHubHasher *__real_gtf_hub_hasher_new (GtfDigest *digest, gsize size);

static gint n_hashers;

/* The linker puts it before that of the library, to count threads: without any, files are right as well. */
GtfHubHasher *
__wrap_gtf_hub_hasher_new (GtfDigest *digest, gsize size)
{
  GtfHubHasher *hasher = __real_gtf_hub_hasher_new (digest, size);

  g_atomic_int_add (&n_hashers, hasher != NULL);
  return hasher;
}

static const struct
{
  HubFault fault;
  const char *error;
} large[] = {
  { { "GET", "nothing", HUB_CUT }, NULL },
  { { "GET", BLOB, HUB_CUT, 11000001, 1 }, NULL },
  { { "GET", BLOB, HUB_CUT, LARGE - 1, 1 }, NULL },
  { { "GET", BLOB, HUB_LONGER, 10, ALWAYS }, "announces" },
  { { "GET", BLOB, HUB_FLIP, 0, 1 }, NULL },
  { { "GET", BLOB, HUB_FLIP, 0, ALWAYS }, "wrong hash" },
  { { "GET", BLOB, HUB_CHUNKED, 0, ALWAYS }, NULL },
};

static void
test_large (void)
{
  g_autofree char *data = g_malloc (LARGE);

  for (guint i = 0; i < LARGE; i++)
    data[i] = (char) (i * 7 + i / 253);
  hub_server_add (server, "org/large", "main", "config.json", "{}", -1, FALSE);
  hub_server_add (server, "org/large", "main", "model.safetensors", data, LARGE, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (large); i++)
    {
      g_autofree char *home = hub_new_home (), *snapshot = NULL;
      g_autoptr (GError) error = NULL;

      hub_server_fault (server, &large[i].fault);
      g_atomic_int_set (&n_hashers, 0);
      snapshot = hub_fetch ("org/large", &error);
      hub_server_clear_faults (server);
      if (large[i].error)
        g_assert_true (error && strstr (error->message, large[i].error));
      else
        {
          g_assert_no_error (error);
          hub_assert_file (snapshot, "model.safetensors", data, LARGE);
          g_assert_cmpint (g_atomic_int_get (&n_hashers), >, 0);
        }
      g_assert_cmpuint (hub_count_files (home, ".incomplete"), ==, 0);
      gtf_hub_remove_path (home, NULL);
    }
}

/* ---- names that lead astray ----------------------------------------------------------------------------------------- */

/* All of a repository, into the cache or a folder. (transfer full): where it lies */
static char *
fetch_all (const char *id, const char *local_dir, GError **error)
{
  g_autoptr (GtfHubClient) client = gtf_hub_client_new (NULL, NULL);
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, id, NULL, NULL);
  const GtfHubDownload options = { .client = client, .repo = repo, .local_dir = local_dir };
  g_autofree char *commit = gtf_hub_ask_commit (client, repo, GTF_HUB_REQUEST_PLAIN, NULL, error);
  g_autoptr (GPtrArray) files = commit ? gtf_hub_ask_tree (client, repo, commit, GTF_HUB_REQUEST_PLAIN, NULL, error) : NULL;

  if (files == NULL || !gtf_hub_download (&options, commit, files, NULL, NULL, error))
    return NULL;
  return local_dir ? g_strdup (local_dir) : gtf_hub_download_path (&options, commit, "");
}

static const struct
{
  const char *id, *first, *second;      /* names of two files */
  const char *error;            /* the file or the folder of this name, whichever came second, is in the way */
} names[] = {
  { "org/clash", "Config.json", "config.json", NULL },
  { "org/clash2", "sub/Model.bin", "SUB/model.bin", NULL },
  { "org/clash3", "caf\303\251", "cafe\314\201", NULL },         /* one and two characters for the same letter */
  { "org/long", HUNDRED HUNDRED TEN TEN TEN TEN "123456", "a", NULL },
  { "org/deep", TEN "/" TEN "/" TEN "/" TEN "/" TEN "/" TEN "/" TEN "/x", TEN "/" TEN "/y", NULL },
  { "org/odd", "-rf", "%2e%2e", NULL },
  { "org/odd2", "a ?#&=b", "~", NULL },
  { "org/both", "a", "a/b", "a" },
  { "org/both2", "a/b", "a", "a" },
};

/* Whether the message is about a path with this name, and this behind it. */
static gboolean
is_about (const char *message, const char *name, const char *behind)
{
  g_autofree char *path = g_strconcat ("/", name, behind, NULL);

  return strstr (message, path) != NULL;
}

/* They lie beside each other, each with its contents, or there is an error. */
static void
test_names (void)
{
  for (guint i = 0; i < 2 * G_N_ELEMENTS (names); i++)
    {
      const char *id = names[i / 2].id;
      g_autofree char *home = hub_new_home (), *local = i % 2 ? g_build_filename (home, "here", NULL) : NULL, *folder = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("%s and %s%s", names[i / 2].first, names[i / 2].second, local ? ", into a folder" : "");
      if (!local)
        {
          hub_server_add (server, id, "main", names[i / 2].first, "first", -1, FALSE);
          hub_server_add (server, id, "main", names[i / 2].second, "second", -1, TRUE);
        }
      folder = fetch_all (id, local, &error);
      if (names[i / 2].error)
        {
          g_assert_nonnull (error);
          g_test_message ("  %s", error->message);
          g_assert_true (is_about (error->message, names[i / 2].error, ": ") || is_about (error->message, names[i / 2].error, "/b: "));
        }
      else
        {
          g_assert_no_error (error);
          hub_assert_file (folder, names[i / 2].first, "first", 5);
          hub_assert_file (folder, names[i / 2].second, "second", 6);
        }
      gtf_hub_remove_path (home, NULL);
    }
}

/* ---- links in the cache --------------------------------------------------------------------------------------------- */

#define REPOSITORY "hub/models--org--plain/"
#define COMMIT "$C"
#define ETAG "$T"

/* Links that somebody else has put there, below HF_HOME, to "outside" or into it: nothing is written through them. */
static const struct
{
  const char *link, *target;
  const char *error;            /* NULL: the download is whole */
} planted[] = {
  { REPOSITORY "blobs/" ETAG, "outside/nothing", NULL },
  { REPOSITORY "blobs/" ETAG ".0badcafe.incomplete", "outside/file", NULL },
  { REPOSITORY "blobs/" ETAG ".0badcafe.incomplete", "outside/nothing", NULL },
  { REPOSITORY "snapshots/" COMMIT "/tokenizer.json", "outside/file", NULL },
  { REPOSITORY "snapshots/" COMMIT "/tokenizer.json", "outside/nothing", NULL },
  { REPOSITORY "snapshots/" COMMIT "/tokenizer.json", "outside", NULL },
  { REPOSITORY "snapshots/" COMMIT "/1_Pooling", "outside", "is a link" },
  { REPOSITORY "snapshots/" COMMIT "/1_Pooling", "outside/nothing", "is a link" },
  { REPOSITORY "refs/main", "outside/file", NULL },
  { REPOSITORY "refs/main", "outside/nothing", NULL },
  { REPOSITORY "trees/" COMMIT ".json", "outside/file", NULL },
  { "hub/.locks/models--org--plain/" ETAG ".lock", "outside/nothing", NULL },
  { "hub/.locks/models--org--plain/" ETAG ".lock", "outside/file", NULL },
  { "hub/CACHEDIR.TAG", "outside/nothing", NULL },
};

static char *
fill_in (const char *text, const char *commit, const char *etag)
{
  g_autoptr (GString) full = g_string_new (text);

  g_string_replace (full, COMMIT, commit, 0);
  g_string_replace (full, ETAG, etag, 0);
  return g_string_free (g_steal_pointer (&full), FALSE);
}

static void
test_planted (void)
{
  g_autofree char *commit = hub_server_get_commit (server, "org/plain", "main"), *etag = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) hub_weights, HUB_WEIGHTS);

  for (guint i = 0; i < G_N_ELEMENTS (planted); i++)
    {
      g_autofree char *home = hub_new_home (), *below = fill_in (planted[i].link, commit, etag), *link = g_build_filename (home, below, NULL), *parent = g_path_get_dirname (link);
      g_autofree char *target = g_build_filename (home, planted[i].target, NULL), *outside = g_build_filename (home, "outside", NULL), *file = g_build_filename (outside, "file", NULL);
      g_autofree char *snapshot = NULL, *found = NULL, *left = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("%s -> %s", planted[i].link, planted[i].target);
      g_assert_cmpint (g_mkdir_with_parents (outside, 0755), ==, 0);
      g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
      g_assert_true (g_file_set_contents (file, "untouched", -1, NULL));
      g_assert_cmpint (symlink (target, link), ==, 0);
      snapshot = hub_fetch ("org/plain", &error);
      if (planted[i].error)
        g_assert_true (error && strstr (error->message, planted[i].error));
      else
        {
          g_assert_no_error (error);
          found = hub_list_files (snapshot);
          g_assert_cmpstr (found, ==, HUB_PLAIN_FILES);
          hub_assert_file (snapshot, "model.safetensors", hub_weights, HUB_WEIGHTS);
          hub_assert_file (snapshot, "tokenizer.json", "{}", 2);
        }
      left = hub_list_files (outside);
      g_assert_cmpstr (left, ==, "file");
      hub_assert_file (outside, "file", "untouched", 9);
      gtf_hub_remove_path (home, NULL);
    }
}

/* ---- what is taken away meanwhile ----------------------------------------------------------------------------------- */

/* A blob that is deleted while a program reads it: the program is not disturbed, and the next one fetches it again. */
static void
test_deleted (void)
{
  static const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
  g_autofree char *home = hub_new_home (), *snapshot = NULL, *again = NULL, *path = NULL, *link = NULL, *blob = NULL;
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) weights = NULL;
  const guint64 length = GUINT64_TO_LE (sizeof header - 1);
  const float values[2] = { 1.5f, -2 };
  float found[2] = { 0 };

  g_byte_array_append (file, (const guint8 *) &length, 8);
  g_byte_array_append (file, (const guint8 *) header, sizeof header - 1);
  g_byte_array_append (file, (const guint8 *) values, sizeof values);
  hub_server_add (server, "org/deleted", "main", "config.json", "{}", -1, FALSE);
  hub_server_add (server, "org/deleted", "main", "model.safetensors", file->data, file->len, TRUE);
  snapshot = hub_fetch ("org/deleted", &error);
  g_assert_no_error (error);
  path = g_build_filename (snapshot, "model.safetensors", NULL);
  weights = gtf_safetensors_open_file (path, &error);
  g_assert_no_error (error);
  link = g_file_read_link (path, NULL);
  blob = g_canonicalize_filename (link, snapshot);
  g_assert_cmpint (g_unlink (blob), ==, 0);
  g_assert_true (gtf_safetensors_check_sizes (weights, &error));
  g_assert_true (gtf_safetensors_read_f32 (weights, gtf_safetensors_find (weights, "a"), 0, 2, found, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (found, sizeof found, values, sizeof values);
  again = hub_fetch ("org/deleted", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (again, ==, snapshot);
  hub_assert_file (again, "model.safetensors", file->data, file->len);
  gtf_hub_remove_path (home, NULL);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  g_setenv ("HF_HUB_ETAG_TIMEOUT", "1", TRUE);
  g_setenv ("HF_HUB_DOWNLOAD_TIMEOUT", "1", TRUE);
  gtf_hub_backoff = 1;
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  hub_fill_models (server);
  g_test_add_func ("/hub/faults/faults", test_faults);
  g_test_add_func ("/hub/faults/leftovers", test_leftovers);
  g_test_add_func ("/hub/faults/leftover-kept", test_leftover_kept);
  g_test_add_func ("/hub/faults/each-cancelled", test_each_cancelled);
  g_test_add_func ("/hub/faults/large", test_large);
  g_test_add_func ("/hub/faults/names", test_names);
  g_test_add_func ("/hub/faults/planted", test_planted);
  g_test_add_func ("/hub/faults/deleted", test_deleted);
  status = g_test_run ();
  hub_server_free (server);
  return status;
}
