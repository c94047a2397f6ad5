/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a cache holds and what is left of it after something was taken out; checking against the Hub; tokens; search.
 */
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "hub/environment.h"
#include "hub/model.h"
#include "hub/scan.h"
#include "hub/search.h"
#include "hub/tokens.h"
#include "hub/verify.h"
#include "server.h"

#define HASH "aa00000000000000000000000000000000000000000000000000000000000000"

static HubServer *server;

static char *
new_home (void)
{
  char *home = g_dir_make_tmp ("gtf-hub-XXXXXX", NULL);

  g_setenv ("HF_HOME", home, TRUE);
  g_unsetenv ("HF_HUB_CACHE");
  g_unsetenv ("HF_HUB_OFFLINE");
  g_unsetenv ("HF_TOKEN");
  return home;
}

static void
fetch (const char *id, const char *revision)
{
  g_autoptr (GError) error = NULL;

  g_free (gtf_hub_fetch_model (id, revision, GTF_HUB_WEIGHTS, NULL, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
}

static void
fill (void)
{
  g_autofree char *big = g_malloc0 (5000);

  hub_server_add (server, "org/two", "main", "config.json", "{\"a\": 1}", -1, FALSE);
  hub_server_add (server, "org/two", "main", "tokenizer.json", "{}", -1, FALSE);
  hub_server_add (server, "org/two", "main", "model.safetensors", big, 5000, TRUE);
  hub_server_add (server, "org/two", "v1", "config.json", "{\"a\": 2}", -1, FALSE);
  hub_server_add (server, "org/two", "v1", "tokenizer.json", "{}", -1, FALSE);
  hub_server_add (server, "org/two", "v1", "model.safetensors", big, 5000, TRUE);
  hub_server_add (server, "org/other", "main", "config.json", "{\"a\": 3}", -1, FALSE);
  hub_server_add (server, "name", "main", "config.json", "{\"a\": 4}", -1, FALSE);
}

static GtfHubCachedRepo *
find (GtfHubScan *scan, const char *key)
{
  for (guint i = 0; i < scan->repos->len; i++)
    if (strcmp (((GtfHubCachedRepo *) scan->repos->pdata[i])->key, key) == 0)
      return scan->repos->pdata[i];
  return NULL;
}

static void
assert_file (const char *home, const char *path, gboolean there)
{
  g_autofree char *full = g_build_filename (home, "hub", path, NULL);

  g_test_message ("%s", path);
  g_assert_cmpint (g_file_test (full, G_FILE_TEST_EXISTS), ==, there);
}

static void
remove_home (const char *home)
{
  g_autoptr (GError) error = NULL;

  gtf_hub_remove_path (home, &error);
  g_assert_no_error (error);
  g_assert_false (g_file_test (home, G_FILE_TEST_EXISTS));
}

static void
test_scan (void)
{
  g_autofree char *home = new_home (), *junk = g_build_filename (home, "hub", "models--junk", NULL), *left = NULL, *ref = NULL;
  g_autoptr (GtfHubScan) scan = NULL;
  g_autoptr (GError) error = NULL;
  GtfHubCachedRepo *two;

  g_assert_null (gtf_hub_scan (NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  g_clear_error (&error);
  fetch ("org/two", NULL);
  fetch ("org/two", "v1");
  fetch ("name", NULL);
  g_assert_cmpint (g_mkdir (junk, 0755), ==, 0);
  left = g_build_filename (home, "hub", "models--name", "blobs", "abc.12345678.incomplete", NULL);
  g_assert_true (g_file_set_contents (left, "12345", -1, NULL));
  ref = g_build_filename (home, "hub", "models--name", "refs", "gone", NULL);
  g_assert_true (g_file_set_contents (ref, "0123456789012345678901234567890123456789", -1, NULL));
  scan = gtf_hub_scan (NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (scan->repos->len, ==, 2);
  g_assert_cmpuint (scan->warnings->len, ==, 2);
  g_assert_cmpuint (scan->incomplete->len, ==, 1);
  g_assert_cmpint (scan->incomplete_size, ==, 5);
  two = find (scan, "model/org/two");
  g_assert_cmpuint (two->revisions->len, ==, 2);
  g_assert_cmpuint (two->refs->len, ==, 2);
  g_assert_cmpint (two->size, ==, 5000 + 8 + 8 + 2);            /* what both revisions have counts once */
  g_assert_cmpint (((GtfHubCachedRevision *) two->revisions->pdata[0])->size, ==, 5000 + 8 + 2);
  g_assert_cmpint (scan->size, ==, two->size + 8);
  remove_home (home);
}

static void
test_remove (void)
{
  g_autofree char *home = new_home (), *main = hub_server_get_commit (server, "org/two", "main"), *v1 = hub_server_get_commit (server, "org/two", "v1");
  g_autofree char *of_main = g_strconcat ("models--org--two/snapshots/", main, "/model.safetensors", NULL), *of_v1 = g_strconcat ("models--org--two/snapshots/", v1, NULL);
  g_autoptr (GtfHubScan) scan = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) gone = g_ptr_array_new ();
  GtfHubCachedRepo *two;
  gint64 freed = 0;

  fetch ("org/two", NULL);
  fetch ("org/two", "v1");
  fetch ("org/other", NULL);
  scan = gtf_hub_scan (NULL, &error);
  two = find (scan, "model/org/two");
  for (guint i = 0; i < two->revisions->len; i++)
    if (strcmp (((GtfHubCachedRevision *) two->revisions->pdata[i])->commit, v1) == 0)
      g_ptr_array_add (gone, two->revisions->pdata[i]);
  g_assert_cmpint (gtf_hub_removal_size (two, gone), ==, 8);
  g_assert_true (gtf_hub_remove_revisions (scan->cache, two, gone, &error));
  g_assert_no_error (error);
  assert_file (home, of_v1, FALSE);
  assert_file (home, "models--org--two/refs/v1", FALSE);
  assert_file (home, of_main, TRUE);                            /* its blob was shared and stays */
  g_clear_pointer (&scan, gtf_hub_scan_free);
  scan = gtf_hub_scan (NULL, &error);
  g_assert_true (gtf_hub_remove_file (scan->cache, find (scan, "model/org/two"), "model.safetensors", &freed, &error));
  g_assert_cmpint (freed, ==, 5000);
  assert_file (home, of_main, FALSE);
  g_clear_pointer (&scan, gtf_hub_scan_free);
  scan = gtf_hub_scan (NULL, &error);
  two = find (scan, "model/org/two");
  g_assert_true (gtf_hub_remove_revisions (scan->cache, two, two->revisions, &error));
  assert_file (home, "models--org--two", FALSE);
  assert_file (home, "models--org--other", TRUE);
  remove_home (home);
}

/* The shared store of huggingface_hub 2.4, made by hand: freed with its last link, kept where its list is missing. */
static const struct
{
  const char *refs;             /* NULL: no list */
  gboolean kept;
} shared[] = {
  { "models--org--two/blobs/deadbeef\n", FALSE },
  { "models--org--two/blobs/deadbeef\nmodels--org--other/blobs/feed\n", TRUE },
  { NULL, TRUE },
};

static void
put (const char *cache, const char *path, const char *text)
{
  g_autofree char *full = g_build_filename (cache, path, NULL), *folder = g_path_get_dirname (full);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (full, text, -1, NULL));
}

static void
put_link (const char *cache, const char *path, const char *target)
{
  g_autofree char *full = g_build_filename (cache, path, NULL), *folder = g_path_get_dirname (full);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_cmpint (symlink (target, full), ==, 0);
}

static void
test_shared (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (shared); i++)
    {
      g_autofree char *home = new_home (), *cache = g_build_filename (home, "hub", NULL);
      g_autoptr (GtfHubScan) scan = NULL;
      g_autoptr (GError) error = NULL;
      GtfHubCachedRepo *two;

      put (cache, "blobs/.huggingface-shared-blobs", "1\n");
      put (cache, "blobs/aa/" HASH, "contents");
      if (shared[i].refs)
        put (cache, "blobs/aa/" HASH ".refs", shared[i].refs);
      put_link (cache, "models--org--two/blobs/deadbeef", "../../blobs/aa/" HASH);
      put_link (cache, "models--org--other/blobs/feed", "../../blobs/aa/" HASH);
      put_link (cache, "models--org--two/snapshots/0123456789012345678901234567890123456789/a", "../../blobs/deadbeef");
      put_link (cache, "models--org--other/snapshots/0123456789012345678901234567890123456789/a", "../../blobs/feed");
      scan = gtf_hub_scan (NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (scan->size, ==, 8);
      two = find (scan, "model/org/two");
      g_assert_true (gtf_hub_remove_revisions (scan->cache, two, two->revisions, &error));
      assert_file (home, "blobs/aa/" HASH, shared[i].kept);
      assert_file (home, "models--org--two", FALSE);
      remove_home (home);
    }
}

static void
test_verify (void)
{
  g_autofree char *home = new_home (), *snapshot = NULL, *config = NULL, *extra = NULL, *tokenizer = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, "org/two", NULL, &error);
  g_autoptr (GtfHubClient) client = gtf_hub_client_new (NULL, &error);
  g_autoptr (GtfHubVerification) found = NULL;

  g_assert_null (gtf_hub_verify (client, repo, NULL, NULL, FALSE, NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  g_clear_error (&error);
  snapshot = gtf_hub_fetch_model ("org/two", NULL, GTF_HUB_WEIGHTS, NULL, NULL, NULL, NULL, &error);
  found = gtf_hub_verify (client, repo, NULL, NULL, FALSE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->n_checked, ==, 3);
  g_assert_cmpuint (found->wrong->len + found->missing->len + found->extra->len, ==, 0);
  g_clear_pointer (&found, gtf_hub_verification_free);
  config = g_build_filename (snapshot, "config.json", NULL);
  extra = g_build_filename (snapshot, "extra", NULL);
  tokenizer = g_build_filename (snapshot, "tokenizer.json", NULL);
  g_assert_true (g_file_set_contents (config, "{\"a\": 9}", -1, NULL));
  g_assert_true (g_file_set_contents (extra, "", -1, NULL));
  g_unlink (tokenizer);
  found = gtf_hub_verify (client, repo, NULL, NULL, FALSE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->wrong->len, ==, 1);
  g_assert_nonnull (strstr (found->wrong->pdata[0], "config.json: expected"));
  g_assert_cmpuint (found->missing->len, ==, 1);
  g_assert_cmpuint (found->extra->len, ==, 1);
  remove_home (home);
}

static void
test_tokens (void)
{
  g_autofree char *home = new_home (), *path = gtf_hub_get_token_path (), *token = NULL, *stored = g_build_filename (home, "stored_tokens", NULL), *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubClient) client = gtf_hub_client_new (HUB_TOKEN, &error);
  g_autoptr (GtfHubAccount) account = gtf_hub_whoami (client, NULL, &error);
  g_auto (GStrv) names = NULL;
  GStatBuf st;

  g_assert_no_error (error);
  g_assert_cmpstr (account->name, ==, "tester");
  g_assert_cmpstr (account->token_name, ==, "my token");
  g_assert_true (gtf_hub_token_save ("my token", HUB_TOKEN, &error));
  g_assert_true (gtf_hub_token_save ("another", "hf_other", &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_stat (path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0600);
  g_assert_cmpint (g_stat (stored, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0600);
  g_assert_true (g_file_get_contents (stored, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "[another]\nhf_token = hf_other\n\n[my token]\nhf_token = " HUB_TOKEN "\n\n");
  names = gtf_hub_token_list ();
  g_assert_cmpuint (g_strv_length (names), ==, 2);
  token = gtf_hub_get_token ();
  g_assert_cmpstr (token, ==, "hf_other");
  g_assert_true (gtf_hub_token_switch ("my token", &error));
  g_assert_false (gtf_hub_token_switch ("none", NULL));
  g_clear_pointer (&token, g_free);
  token = gtf_hub_get_token ();
  g_assert_cmpstr (token, ==, HUB_TOKEN);
  g_assert_true (gtf_hub_token_forget ("my token", &error));     /* the active one: its file goes too */
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_true (gtf_hub_token_forget (NULL, &error));
  g_assert_false (g_file_test (stored, G_FILE_TEST_EXISTS));
  g_assert_false (gtf_hub_token_save ("a]b\n[c", "x", NULL));
  remove_home (home);
}

static const struct
{
  const char *query;
  guint n;
  const char *error;
} searches[] = {
  { "{\"search\": \"org/\"}", 2, NULL },
  { NULL, 3, NULL },                                            /* over two pages */
  { "{\"limit\": 1}", 1, NULL },
  { "{\"task\": \"fill-mask\", \"sort\": \"likes\"}", 3, NULL },
  { "{\"sort\": \"size\"}", 0, "expected downloads, likes" },
  { "{\"color\": 1}", 0, "color" },
  { "{\"limit\": 0}", 0, "limit" },
};

static void
test_search (void)
{
  g_autofree char *home = new_home ();

  for (guint i = 0; i < G_N_ELEMENTS (searches); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GListModel) found = gtf_hub_search (searches[i].query, NULL, &error);

      g_test_message ("%s", searches[i].query);
      if (searches[i].error)
        {
          g_assert_nonnull (error);
          g_assert_nonnull (strstr (error->message, searches[i].error));
          continue;
        }
      g_assert_no_error (error);
      g_assert_cmpuint (g_list_model_get_n_items (found), ==, searches[i].n);
      for (guint k = 0; k < searches[i].n; k++)
        {
          g_autoptr (GtfHubModel) model = g_list_model_get_item (found, k);

          g_assert_cmpstr (gtf_hub_model_get_model_type (model), ==, "bert");
          g_assert_cmpint (gtf_hub_model_get_parameters (model), ==, 1234567);
        }
    }
  remove_home (home);
}

/* A page that is said to lie on another host is not asked for: the token would go there. */
static const HubFault elsewhere = { "GET", "/api/models", HUB_HEADER, 0, 0, "Link: <http://evil.example/api/models?cursor=2>; rel=\"next\"" };

static void
test_next_page (void)
{
  g_autofree char *home = new_home ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GListModel) found = NULL;

  hub_server_fault (server, &elsewhere);
  found = gtf_hub_search ("{\"search\": \"other\"}", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_list_model_get_n_items (found), ==, 1);
  hub_server_clear_faults (server);
  remove_home (home);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  gtf_hub_backoff = 1;
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  fill ();
  g_test_add_func ("/hub/scan/scan", test_scan);
  g_test_add_func ("/hub/scan/remove", test_remove);
  g_test_add_func ("/hub/scan/shared", test_shared);
  g_test_add_func ("/hub/scan/verify", test_verify);
  g_test_add_func ("/hub/scan/tokens", test_tokens);
  g_test_add_func ("/hub/scan/search", test_search);
  g_test_add_func ("/hub/scan/next-page", test_next_page);
  status = g_test_run ();
  hub_server_free (server);
  return status;
}
