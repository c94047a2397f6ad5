/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Downloads: what is fetched, where it lies, who may, and what is done without a Hub. (Its lies: faults.c.)
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "hub/cache.h"
#include "hub/environment.h"
#include "hub/model.h"
#include "hub/scan.h"
#include "models.h"

static HubServer *server;

/* ---- what is fetched, and where it lies ----------------------------------------------------------------------------- */

static const struct
{
  const char *id, *revision;
  GtfHubParts parts;
  const char *files;            /* all that the snapshot has, sorted */
} wanted[] = {
  { "org/plain", NULL, GTF_HUB_WEIGHTS, HUB_PLAIN_FILES },
  { "org/plain", "main", GTF_HUB_SMALL_PARTS, "1_Pooling/config.json config.json tokenizer.json" },
  { "org/plain", "v1", GTF_HUB_WEIGHTS, "config.json pytorch_model.bin vocab.txt" },
  { "org/plain", "refs/pr/1", GTF_HUB_WEIGHTS, "config.json" },
  { "org/sharded", NULL, GTF_HUB_WEIGHTS, "config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json" },
};

static void
test_wanted (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    {
      g_autofree char *home = hub_new_home (), *commit = NULL, *found = NULL, *log = NULL, *again = NULL, *expected = NULL;
      g_autofree char *snapshot = NULL, *ref = NULL, *repository = NULL, *link = NULL, *config = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("%s %s", wanted[i].id, wanted[i].revision);
      snapshot = gtf_hub_fetch_model (wanted[i].id, wanted[i].revision, wanted[i].parts, NULL, NULL, &commit, NULL, &error);
      g_assert_no_error (error);
      found = hub_list_files (snapshot);
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
      g_assert_cmpuint (hub_count_files (home, ".incomplete"), ==, 0);
      /* whole: the second time nobody is asked; the third time nobody may be */
      if (strcmp (wanted[i].files, "config.json") != 0)
        {
          g_free (hub_server_take_log (server));
          g_free (gtf_hub_fetch_model (wanted[i].id, wanted[i].revision, wanted[i].parts, NULL, NULL, NULL, NULL, &error));
          g_assert_no_error (error);
          log = hub_server_take_log (server);
          g_assert_cmpstr (log, ==, "");
        }
      gtf_hub_remove_path (home, NULL);
    }
}

/* A hash may be given whole or by its first digits. */
static void
test_hashes (void)
{
  g_autofree char *commit = hub_server_get_commit (server, "org/plain", "v1");

  for (gsize n = 7; n <= 40; n += 11)
    {
      g_autofree char *home = hub_new_home (), *revision = g_strndup (commit, n), *snapshot = NULL, *found = NULL, *again = NULL;
      g_autoptr (GError) error = NULL;

      snapshot = gtf_hub_fetch_model ("org/plain", revision, GTF_HUB_WEIGHTS, NULL, NULL, &found, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (found, ==, commit);
      g_setenv ("HF_HUB_OFFLINE", "1", TRUE);
      again = gtf_hub_fetch_model ("org/plain", revision, GTF_HUB_WEIGHTS, NULL, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (again, ==, snapshot);
      gtf_hub_remove_path (home, NULL);
    }
  g_unsetenv ("HF_HUB_OFFLINE");
}

static void
test_contents (void)
{
  g_autofree char *home = hub_new_home (), *snapshot = NULL, *path = NULL, *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  snapshot = gtf_hub_fetch_model ("org/plain", NULL, GTF_HUB_WEIGHTS, NULL, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  path = g_build_filename (snapshot, "model.safetensors", NULL);
  g_assert_true (g_file_get_contents (path, &data, &length, &error));
  g_assert_cmpmem (data, length, hub_weights, HUB_WEIGHTS);
  gtf_hub_remove_path (home, NULL);
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
      g_autofree char *home = hub_new_home (), *snapshot = NULL;
      g_autoptr (GError) error = NULL;

      if (who[i].token)
        g_setenv ("HF_TOKEN", who[i].token, TRUE);
      snapshot = hub_fetch (who[i].id, &error);
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
      gtf_hub_remove_path (home, NULL);
    }
  g_unsetenv ("HF_TOKEN");
}

static const HubFault gone[] = { { NULL, NULL, HUB_STATUS, 503 }, { NULL, NULL, HUB_STALL }, { NULL, NULL, HUB_STATUS, 401 } };

/* Offline nobody is asked; with a cache that lacks something and a Hub that is gone, what is there is used. */
static void
test_offline (void)
{
  g_autofree char *home = hub_new_home (), *snapshot = NULL, *file = NULL, *log = NULL;
  g_autoptr (GError) error = NULL;

  g_setenv ("HF_HUB_OFFLINE", "1", TRUE);
  g_free (hub_server_take_log (server));
  g_assert_null (hub_fetch ("org/plain", &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  g_clear_error (&error);
  log = hub_server_take_log (server);
  g_assert_cmpstr (log, ==, "");
  g_unsetenv ("HF_HUB_OFFLINE");
  snapshot = hub_fetch ("org/plain", &error);
  g_assert_no_error (error);
  file = g_build_filename (snapshot, "tokenizer.json", NULL);
  g_unlink (file);
  for (guint i = 0; i < G_N_ELEMENTS (gone); i++)
    {
      g_autofree char *again = NULL;

      hub_server_clear_faults (server);
      hub_server_fault (server, &gone[i]);
      again = hub_fetch ("org/plain", &error);
      g_assert_no_error (error);
      g_assert_cmpstr (again, ==, snapshot);
    }
  hub_server_clear_faults (server);
  gtf_hub_remove_path (home, NULL);
}

static void
test_no_links (void)
{
  g_autofree char *home = hub_new_home (), *snapshot = NULL, *found = NULL, *file = NULL;
  g_autoptr (GError) error = NULL;

  g_setenv ("HF_HUB_DISABLE_SYMLINKS", "1", TRUE);
  snapshot = hub_fetch ("org/plain", &error);
  g_assert_no_error (error);
  g_unsetenv ("HF_HUB_DISABLE_SYMLINKS");
  found = hub_list_files (snapshot);
  g_assert_cmpstr (found, ==, HUB_PLAIN_FILES);
  file = g_build_filename (snapshot, "model.safetensors", NULL);
  g_assert_false (g_file_test (file, G_FILE_TEST_IS_SYMLINK));
  gtf_hub_remove_path (home, NULL);
}

static void
test_cancelled (void)
{
  g_autofree char *home = hub_new_home ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (gtf_hub_fetch_model ("org/plain", NULL, GTF_HUB_WEIGHTS, NULL, NULL, NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  gtf_hub_remove_path (home, NULL);
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
  hub_fill_models (server);
  g_test_add_func ("/hub/download/wanted", test_wanted);
  g_test_add_func ("/hub/download/hashes", test_hashes);
  g_test_add_func ("/hub/download/contents", test_contents);
  g_test_add_func ("/hub/download/access", test_access);
  g_test_add_func ("/hub/download/offline", test_offline);
  g_test_add_func ("/hub/download/no-links", test_no_links);
  g_test_add_func ("/hub/download/cancelled", test_cancelled);
  g_test_add_func ("/hub/download/patterns", test_patterns);
  status = g_test_run ();
  hub_server_free (server);
  return status;
}
