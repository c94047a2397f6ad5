/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where uploads go: paths, branches, pull requests, repositories that may not be written to; and which files of the user's are sent, while they are as they were.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hub/scan.h"
#include "upload-case.h"

/* ---- places --------------------------------------------------------------------------------------------------------- */

static char *string_list[] = { "*.json", "sub/", NULL };
static char *txt[] = { "*.txt", NULL };
static char *old[] = { "old*", ".gitattributes", "config.json", NULL };

static void
check_list (const char *id, const char *revision, const char *expected)
{
  g_autofree char *list = hub_server_list (server, id, revision);

  g_assert_cmpstr (list, ==, expected);
}

static void
test_places (void)
{
  g_auto (GtfHubUploaded) a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 }, e = { 0 };
  g_auto (Seen) seen = { 0 };
  g_autofree char *config = g_build_filename (folder, "config.json", NULL);
  GtfHubUpload some = { .include = string_list, .exclude = txt }, one = { .local = config, .path_in_repo = "./old/one.json" }, below = { .include = string_list, .path_in_repo = "x/y/" };
  GtfHubUpload branch = { .include = string_list, .exclude = txt, .remove = old, .visibility = GTF_HUB_VISIBILITY_PRIVATE };
  GtfHubUpload pr = { .local = config, .path_in_repo = "proposed.json", .create_pr = TRUE };

  g_assert_true (upload (&some, "org/places", NULL, &seen, &a, NULL));
  check_list ("org/places", "main", ".gitattributes config.json sub/small.bin sub/twin.bin");
  g_assert_true (upload (&one, "org/places", NULL, &seen, &b, NULL));
  check_list ("org/places", "main", ".gitattributes config.json old/one.json sub/small.bin sub/twin.bin");
  g_assert_true (upload (&branch, "org/places", "next", &seen, &c, NULL));
  check_list ("org/places", "next", ".gitattributes config.json sub/small.bin sub/twin.bin");
  g_assert_true (upload (&pr, "places", NULL, &seen, &d, NULL));
  g_assert_cmpstr (d.id, ==, "tester/places");
  g_assert_true (g_str_has_suffix (d.pull_request, "/tester/places/discussions/1"));
  check_list ("tester/places", "main", ".gitattributes");
  check_list ("tester/places", "refs/pr/1", ".gitattributes proposed.json");
  g_assert_true (upload (&below, "tester/places", "refs/pr/1", &seen, &e, NULL));
  check_list ("tester/places", "refs/pr/1", ".gitattributes proposed.json x/y/config.json x/y/sub/deep/\303\251t\303\251 %41.txt x/y/sub/small.bin x/y/sub/twin.bin");
}

/* Tags, a branch that is there, repositories that may be written to and not made, those that may not. */
static void
test_rights (void)
{
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, "org/rights", NULL, NULL), data = gtf_hub_repo_new (GTF_HUB_TYPE_DATASET, "org/rights", NULL, NULL);
  g_autoptr (GtfHubRepo) stranger = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, "foreign/one", NULL, NULL), none = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, "foreign/none", NULL, NULL);
  g_autofree char *a = gtf_hub_create_repo (client, repo, GTF_HUB_VISIBILITY_DEFAULT, NULL, NULL), *b = gtf_hub_create_repo (client, data, GTF_HUB_VISIBILITY_DEFAULT, NULL, NULL);
  g_autofree char *c = NULL, *commit = NULL;
  g_autoptr (GError) error = NULL, denied = NULL;
  g_auto (GtfHubUploaded) done = { 0 };
  g_auto (Seen) seen = { 0 };
  GtfHubUpload options = { 0 };

  g_assert_cmpstr (a, ==, "org/rights");
  g_assert_cmpstr (b, ==, "org/rights");
  check_list ("datasets/org/rights", "main", ".gitattributes");
  g_assert_true (gtf_hub_create_tag (client, repo, "v1", "the first", NULL, NULL));
  g_assert_true (gtf_hub_create_tag (client, repo, "v1", NULL, NULL, NULL));
  g_assert_false (gtf_hub_create_tag (client, repo, "../v1", NULL, NULL, NULL));
  commit = hub_server_get_commit (server, "org/rights", "v1");
  g_assert_nonnull (commit);
  hub_server_add (server, "foreign/one", "main", "a.txt", "a", -1, FALSE);
  hub_server_set_access (server, "foreign/one", HUB_READ_ONLY);
  c = gtf_hub_create_repo (client, stranger, GTF_HUB_VISIBILITY_DEFAULT, NULL, NULL);
  g_assert_cmpstr (c, ==, "foreign/one");
  g_assert_null (gtf_hub_create_repo (client, none, GTF_HUB_VISIBILITY_DEFAULT, NULL, &error));
  g_assert_nonnull (strstr (error->message, "not allowed (403)"));
  g_assert_false (upload (&options, "foreign/one", NULL, &seen, &done, &denied));
  g_assert_nonnull (strstr (denied->message, "required permissions; the token lacks this permission"));
}

/* Who names the commit that it builds on is told that there is another one. */
static void
test_conflict (void)
{
  g_auto (GtfHubUploaded) done = { 0 }, conflict = { 0 }, good = { 0 };
  g_auto (Seen) seen = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *commit = NULL;
  GtfHubUpload options = { .include = string_list }, next = { .parent = "0123456789012345678901234567890123456789" };

  g_assert_true (upload (&options, "org/conflict", NULL, &seen, &done, NULL));
  g_assert_false (upload (&next, "org/conflict", NULL, &seen, &conflict, &error));
  g_assert_true (conflict.conflict);
  g_assert_nonnull (strstr (error->message, "A commit has happened since"));
  commit = hub_server_get_commit (server, "org/conflict", "main");
  next.parent = commit;
  g_assert_true (upload (&next, "org/conflict", NULL, &seen, &good, NULL));
}

/* ---- files of the user's -------------------------------------------------------------------------------------------- */

static gboolean
make_dangling (const char *name)
{
  return symlink ("nowhere", name) == 0;
}

static gboolean
make_folder_link (const char *name)
{
  return symlink ("/", name) == 0;
}

static gboolean
make_file_link (const char *name)
{
  return symlink ("config.json", name) == 0;
}

static gboolean
make_pipe (const char *name)
{
  return mkfifo (name, 0600) == 0;
}

static gboolean
make_plain (const char *name)
{
  g_autofree char *parent = g_path_get_dirname (name);

  g_mkdir_with_parents (parent, 0777);
  return g_file_set_contents (name, "x", 1, NULL);
}

static const struct
{
  const char *path;
  gboolean (*make) (const char *name);
  const char *error, *note, *there;     /* what is said, or what is in the repository then; NULL: nothing of it */
} files[] = {
  { "dangling", make_dangling, "dangling: is a link that leads nowhere", NULL, NULL },
  { "link-to-folder", make_folder_link, NULL, "link-to-folder is left out: it is a link to a folder", NULL },
  { "link.json", make_file_link, NULL, NULL, "link.json" },
  { "pipe", make_pipe, NULL, "pipe is left out: it is a device, socket or pipe", NULL },
  { "b\\c", make_plain, "a file is named \"b\\c\"", NULL, NULL },
  { "line\nfeed", make_plain, "a file is named \"", NULL, NULL },
  { "latin-\351", make_plain, "a file is named \"latin-", NULL, NULL },
  { ".git/config", make_plain, NULL, NULL, NULL },
  { "sub/.git/config", make_plain, NULL, NULL, NULL },
  { ".cache/huggingface/x", make_plain, NULL, NULL, NULL },
  { ".cache/other", make_plain, "takes no files below a folder '.cache'", NULL, NULL },
  { "table.parquet", make_plain, NULL, "--repo-type dataset", "table.parquet" },
  { "README.md", make_plain, NULL, "empty or missing yaml metadata in repo card", "README.md" },
};

static void
test_files (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *place = g_dir_make_tmp ("gtf-upload-XXXXXX", NULL), *id = g_strdup_printf ("org/files%u", i), *name = g_build_filename (place, files[i].path, NULL);
      g_autofree char *config = g_build_filename (place, "config.json", NULL), *list = NULL;
      GtfHubUpload options = { .local = place };
      g_auto (GtfHubUploaded) done = { 0 };
      g_auto (Seen) seen = { 0 };
      g_autoptr (GError) error = NULL;
      gboolean good;

      g_assert_true (make_plain (config));
      g_assert_true (files[i].make (name));
      good = upload (&options, id, NULL, &seen, &done, &error);
      list = hub_server_list (server, id, "main");
      if (good != (files[i].error == NULL) || (error && !strstr (error->message, files[i].error)) || (files[i].note && !strstr (seen.notes->str, files[i].note)))
        g_error ("%s: %s, \"%s\", notes \"%s\"", files[i].path, good ? "is done" : "fails", error ? error->message : "", seen.notes->str);
      if (good)
        {
          g_assert_nonnull (strstr (list, " config.json"));
          g_assert_cmpint (strlen (list), ==, strlen (".gitattributes config.json") + (files[i].there ? strlen (files[i].there) + 1 : 0));
        }
      else
        g_assert_null (list);           /* nothing was made */
      gtf_hub_remove_path (place, NULL);
    }
}

/* A file that is written to between the first look at it and its end. */
static void
test_changed (void)
{
  g_auto (GtfHubUploaded) done = { 0 };
  g_auto (Seen) seen = { .spoil = "model.safetensors" };
  g_autoptr (GError) error = NULL;
  g_autofree char *list = NULL;
  GtfHubUpload options = { .workers = 1 };

  hub_server_forget (server);
  g_assert_false (upload (&options, "org/changed", NULL, &seen, &done, &error));
  g_assert_nonnull (strstr (error->message, "model.safetensors: has changed while it was uploaded"));
  list = hub_server_list (server, "org/changed", "main");
  g_assert_cmpstr (list, ==, ".gitattributes");
  fill ();
}

static void
test_arguments (void)
{
  static const struct { const char *path, *error; } paths[] = {
    { "../up", "a file is named \"../up\"" }, { "a/../b", "a file is named" }, { "a/.git/x", "takes no files below a folder '.git'" }, { ".", "is no name of a file" }, { "/", "is no name of a file" },
  };
  g_autofree char *config = g_build_filename (folder, "config.json", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      GtfHubUpload options = { .local = config, .path_in_repo = paths[i].path };
      g_auto (GtfHubUploaded) done = { 0 };
      g_auto (Seen) seen = { 0 };
      g_autoptr (GError) error = NULL;

      g_free (hub_server_take_log (server));
      g_assert_false (upload (&options, "org/arguments", NULL, &seen, &done, &error));
      if (!strstr (error->message, paths[i].error))
        g_error ("%s: \"%s\"", paths[i].path, error->message);
    }
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (100 * 1000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancel (void)
{
  const HubFault stall = { "PUT", "/store/", HUB_STALL };
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, "org/cancel", NULL, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (GtfHubUploaded) done = { 0 };
  GtfHubUpload options = { .client = client, .repo = repo, .local = folder };
  GThread *thread = g_thread_new ("cancel", cancel_soon, cancellable);

  hub_server_forget (server);
  hub_server_fault (server, &stall);
  g_assert_false (gtf_hub_upload (&options, &done, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  hub_server_clear_faults (server);
  g_thread_join (thread);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  upload_start ();
  g_test_add_func ("/hub/upload-places/places", test_places);
  g_test_add_func ("/hub/upload-places/rights", test_rights);
  g_test_add_func ("/hub/upload-places/conflict", test_conflict);
  g_test_add_func ("/hub/upload-places/files", test_files);
  g_test_add_func ("/hub/upload-places/arguments", test_arguments);
  g_test_add_func ("/hub/upload-places/cancel", test_cancel);
  g_test_add_func ("/hub/upload-places/changed", test_changed);
  status = g_test_run ();
  upload_stop ();
  return status;
}
