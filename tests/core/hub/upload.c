/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Uploads to a Hub that lies (server.h): what arrives is what was sent or there is an error, no signature and no token is told to anybody, and what was cut is
 * finished by the next run, which sends only the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "hub/scan.h"
#include "hub/upload.h"
#include "server.h"

#define BIG 300000
#define CHUNK 100000

static HubServer *server;
static GtfHubClient *client;
static char *folder;

static const struct
{
  const char *path, *text;
  gsize length;                 /* of a large one */
} contents[] = {
  { ".gitignore", "*.log\n", 0 },
  { "README.md", "---\nlicense: mit\n---\n# A model\n", 0 },
  { "config.json", "{\"model_type\": \"bert\"}", 0 },
  { "empty.txt", "", 0 },
  { "model.safetensors", NULL, BIG },
  { "noise.log", "not for others", 0 },
  { "sub/deep/\303\251t\303\251 %41.txt", "a name with a space", 0 },
  { "sub/small.bin", NULL, 1000 },
  { "sub/twin.bin", NULL, 1000 },
};

static const char all[] = ".gitattributes .gitignore README.md config.json empty.txt model.safetensors sub/deep/\303\251t\303\251 %41.txt sub/small.bin sub/twin.bin";

static void
put_file (const char *path, const void *data, gsize length)
{
  g_autofree char *name = g_build_filename (folder, path, NULL), *parent = g_path_get_dirname (name);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0777), ==, 0);
  g_assert_true (g_file_set_contents (name, data, (gssize) length, NULL));
}

static void
fill (void)
{
  g_autofree char *noise = g_malloc (BIG);

  for (guint i = 0; i < BIG; i++)
    noise[i] = (char) (i * 7 + i / 253);
  for (guint i = 0; i < G_N_ELEMENTS (contents); i++)
    put_file (contents[i].path, contents[i].text ? contents[i].text : noise, contents[i].text ? strlen (contents[i].text) : contents[i].length);
}

typedef struct
{
  GtfHubProgress progress;
  GString *notes;
  const char *spoil;            /* (nullable): a file that is written to at the first news */
} Seen;

static void
on_progress (const GtfHubProgress *progress, gpointer data)
{
  Seen *seen = data;

  seen->progress = *progress;
  g_assert_cmpint (progress->bytes_done, >=, 0);
  if (seen->spoil)
    put_file (seen->spoil, "other", 5);
  seen->spoil = NULL;
}

static void
on_note (const char *text, gpointer data)
{
  g_string_append_printf (((Seen *) data)->notes, "%s\n", text);
}

/* What every error must not have. */
static void
check_secrets (const char *text)
{
  g_assert_null (strstr (text, "SECRET"));
  g_assert_null (strstr (text, HUB_TOKEN));
}

static guint
count (const char *log, const char *method, const char *part)
{
  g_auto (GStrv) lines = g_strsplit (log, "\n", -1);
  guint n = 0;

  for (char **line = lines; *line; line++)
    n += g_str_has_prefix (*line, method) && strstr (*line, part);
  return n;
}

/* The repository has each file of the folder, as it is, and large where it should be. */
static void
check_repository (const char *id, const char *revision)
{
  g_autofree char *list = hub_server_list (server, id, revision);

  g_assert_cmpstr (list, ==, all);
  for (guint i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      g_autofree char *name = g_build_filename (folder, contents[i].path, NULL), *data = NULL;
      gboolean lfs = FALSE;
      g_autoptr (GBytes) found = hub_server_get (server, id, revision, contents[i].path, &lfs);
      gsize n;

      if (g_str_has_suffix (contents[i].path, ".log"))
        continue;
      g_assert_true (g_file_get_contents (name, &data, &n, NULL));
      g_assert_cmpmem (data, n, g_bytes_get_data (found, NULL), g_bytes_get_size (found));
      g_assert_cmpint (lfs, ==, contents[i].text == NULL);
    }
}

static gboolean
upload (GtfHubUpload *options, const char *id, const char *revision, Seen *seen, GtfHubUploaded *done, GError **error)
{
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, id, revision, NULL);

  if (seen->notes == NULL)
    seen->notes = g_string_new (NULL);
  options->client = client;
  options->repo = repo;
  if (options->local == NULL)
    options->local = folder;
  options->progress = on_progress;
  options->note = on_note;
  options->data = seen;
  return gtf_hub_upload (options, done, NULL, error);
}

static void
seen_clear (Seen *seen)
{
  if (seen->notes)
    g_string_free (seen->notes, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Seen, seen_clear)

/* ---- what goes wrong ------------------------------------------------------------------------------------------------ */

#define FILES "{\"files\":["

static const struct
{
  HubFault fault;
  guint64 chunk;
  const char *error;            /* what the message has; NULL: none */
} cases[] = {
  { { "POST", "/nothing", HUB_STATUS, 500 }, 0, NULL },
  { { "POST", "/nothing", HUB_STATUS, 500 }, CHUNK, NULL },

  { { "POST", "/repos/create", HUB_STATUS, 500, 2 }, 0, NULL },
  { { "POST", "/repos/create", HUB_STATUS, 429, 1 }, 0, NULL },
  { { "POST", "/repos/create", HUB_STATUS, 500 }, 0, "the Hub answers 500: made to fail" },
  { { "POST", "/repos/create", HUB_BODY, 0, 0, "{\"error\": \"another conflicting operation is in progress\"}" }, 0, "the Hub is busy" },
  { { "POST", "/repos/create", HUB_BODY, 0, 1, "{\"error\": \"another conflicting operation is in progress\"}" }, 0, NULL },
  { { "POST", "/repos/create", HUB_BODY, 0, 0, "[]" }, 0, "as \"url\"" },
  { { "POST", "/repos/create", HUB_BODY, 0, 0, "{\"url\": \"http://a/../..\"}" }, 0, "as \"url\"" },
  { { "POST", "/repos/create", HUB_LOST, 0, 1 }, 0, NULL },
  { { "POST", "/repos/create", HUB_ELSEWHERE }, 0, "to another host" },
  { { "POST", "/repos/create", HUB_LOOP }, 0, "redirects more than" },
  { { "POST", "/repos/create", HUB_NOWHERE }, 0, "redirects (302) without an address" },

  { { "POST", "/validate-yaml", HUB_STATUS, 404 }, 0, NULL },
  { { "POST", "/validate-yaml", HUB_STATUS, 400 }, 0, "README.md: the Hub does not take the metadata of this card: it does not say why" },
  { { "POST", "/validate-yaml", HUB_STATUS, 503, 1 }, 0, NULL },

  { { "POST", "/preupload/", HUB_STATUS, 503, 2 }, 0, NULL },
  { { "POST", "/preupload/", HUB_CUT, 20, 1 }, 0, "breaks off" },
  { { "POST", "/preupload/", HUB_HANG_UP, 10, 1 }, 0, NULL },
  { { "POST", "/preupload/", HUB_ELSEWHERE }, 0, "to another host" },
  { { "POST", "/preupload/", HUB_STATUS, 403 }, 0, "not allowed (403): made to fail; the token lacks this permission" },
  { { "POST", "/preupload/", HUB_BODY, 0, 0, "<html>" }, 0, "the answer of the Hub" },
  { { "POST", "/preupload/", HUB_BODY, 0, 0, "{}" }, 0, "a list as \"files\"" },
  { { "POST", "/preupload/", HUB_BODY, 0, 0, FILES "]}" }, 0, "each file that was asked for" },
  { { "POST", "/preupload/", HUB_BODY, 0, 0, FILES "{\"path\": \".gitignore\", \"uploadMode\": \"xet\", \"shouldIgnore\": false}]}" }, 0, "\"lfs\" or \"regular\"" },
  { { "POST", "/preupload/", HUB_BODY, 0, 0, FILES "{\"path\": \".gitignore\", \"uploadMode\": \"lfs\"}]}" }, 0, "\"shouldIgnore\"" },

  { { "POST", "/objects/batch", HUB_STATUS, 500, 1 }, 0, NULL },
  { { "POST", "/objects/batch", HUB_STATUS, 413 }, 0, "the Hub answers 413: made to fail" },
  { { "POST", "/objects/batch", HUB_ELSEWHERE }, 0, "to another host" },
  { { "POST", "/objects/batch", HUB_BODY, 0, 0, "{}" }, 0, "a list as \"objects\"" },
  { { "POST", "/objects/batch", HUB_BODY, 0, 0, "{\"objects\": [3, null, {\"oid\": \"x\"}]}" }, 0, "each object that was asked for" },

  { { "PUT", "/store/", HUB_STATUS, 500, 2 }, 0, NULL },
  { { "PUT", "/store/", HUB_STATUS, 403, 1, "Content-Type: application/xml\r\n" }, 0, NULL },            /* the address has expired */
  { { "PUT", "/store/", HUB_STATUS, 403 }, 0, ": not allowed (403): made to fail" },
  { { "PUT", "/store/", HUB_HANG_UP, 700, 1 }, 0, NULL },
  { { "PUT", "/store/", HUB_HANG_UP, 0, 1 }, 0, NULL },
  { { "PUT", "/store/", HUB_LOST, 0, 1 }, 0, NULL },
  { { "PUT", "/store/", HUB_LOOP }, 0, "redirects more than" },
  { { "PUT", "/part/", HUB_STATUS, 503, 2 }, CHUNK, NULL },
  { { "PUT", "/part/", HUB_HANG_UP, 700, 2 }, CHUNK, NULL },
  { { "PUT", "/part/", HUB_STATUS, 403, 1 }, CHUNK, NULL },
  { { "PUT", "/2", HUB_HEADER, 0, 1, "ETag: \"another\"" }, CHUNK, NULL },
  { { "PUT", "/2", HUB_HEADER, 0, 0, "ETag: \"another\"" }, CHUNK, "the Hub answers 400: InvalidPart" },
  { { "PUT", "/2", HUB_HEADER, 0, 0, "ETag: " }, CHUNK, "does not confirm part 2" },
  { { "PUT", "/2", HUB_HEADER, 1, 0, "ETag: \"another\"" }, CHUNK, "does not confirm part 2" },            /* two that differ */
  { { "POST", "/complete/", HUB_STATUS, 500, 1 }, CHUNK, NULL },
  { { "POST", "/complete/", HUB_LOST, 0, 1 }, CHUNK, NULL },
  { { "POST", "/complete/", HUB_STATUS, 404 }, CHUNK, "model.safetensors: not found (404): made to fail" },
  { { "POST", "/verify/", HUB_STATUS, 500, 1 }, 0, NULL },
  { { "POST", "/verify/", HUB_STATUS, 404 }, 0, NULL },         /* asked again, the Hub says that it has it */
  { { "POST", "/verify/", HUB_ELSEWHERE }, 0, "to another host" },

  { { "POST", "/commit/", HUB_STATUS, 429, 2 }, 0, NULL },
  { { "POST", "/commit/", HUB_STATUS, 500, 1 }, 0, NULL },
  { { "POST", "/commit/", HUB_STATUS, 500 }, 0, "the Hub answers 500: made to fail" },
  { { "POST", "/commit/", HUB_STATUS, 412, 2 }, 0, NULL },
  { { "POST", "/commit/", HUB_STATUS, 412 }, 0, "the Hub answers 412" },
  { { "POST", "/commit/", HUB_STATUS, 400 }, 0, "the Hub answers 400: made to fail" },
  { { "POST", "/commit/", HUB_LOST, 0, 1 }, 0, NULL },
  { { "POST", "/commit/", HUB_CUT, 10, 1 }, 0, NULL },
  { { "POST", "/commit/", HUB_HANG_UP, 300, 1 }, 0, NULL },
  { { "POST", "/commit/", HUB_ELSEWHERE }, 0, "to another host" },
  { { "POST", "/commit/", HUB_BODY, 0, 0, "{\"commitOid\": \"../x\", \"commitUrl\": \"\"}" }, 0, "a commit as \"commitOid\"" },
};

/* With each fault the upload is done or says why not; and without it the next one is done, whatever there was before. */
static void
test_faults (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *id = g_strdup_printf ("org/case%u", i), *log = NULL;
      g_auto (GtfHubUploaded) done = { 0 }, again = { 0 };
      g_auto (Seen) seen = { 0 }, seen_again = { 0 };
      g_autoptr (GError) error = NULL;
      GtfHubUpload options = { .workers = 2 };
      gboolean good;

      hub_server_set_chunk (server, cases[i].chunk);
      hub_server_forget (server);
      hub_server_fault (server, &cases[i].fault);
      good = upload (&options, id, NULL, &seen, &done, &error);
      hub_server_clear_faults (server);
      log = hub_server_take_log (server);
      if (good != (cases[i].error == NULL) || (error && !strstr (error->message, cases[i].error)))
        g_error ("case %u (%s, %d): %s, \"%s\"\n%s", i, cases[i].fault.part, cases[i].fault.kind, good ? "is done" : "fails", error ? error->message : "", log);
      if (error)
        check_secrets (error->message);
      check_secrets (seen.notes->str);
      g_assert_cmpuint (count (log, "POST", " token cdn"), ==, 0);
      g_assert_cmpuint (count (log, "PUT", " token"), ==, 0);
      if (good)
        {
          check_repository (id, "main");
          g_assert_cmpint (seen.progress.bytes_done, ==, seen.progress.bytes_total);
          g_assert_cmpuint (seen.progress.files_done, ==, seen.progress.n_files);
        }
      g_clear_error (&error);
      g_assert_true (upload (&options, id, NULL, &seen_again, &again, &error));
      check_repository (id, "main");
      if (good)
        g_assert_cmpuint (again.n_commits, ==, 0);
      g_free (hub_server_take_log (server));
    }
  hub_server_set_chunk (server, 0);
}

/* ---- addresses and numbers of a batch ------------------------------------------------------------------------------- */

static const struct
{
  const char *object, *error;   /* behind the oid and size of the large file */
} objects[] = {
  { ", \"error\": {\"code\": 422, \"message\": \"too large\"}", "does not take model.safetensors: too large" },
  { ", \"error\": 3", "does not take model.safetensors: it does not say why" },
  { ", \"actions\": 3", "an object as \"actions\"" },
  { ", \"actions\": {\"verify\": {}}", "an address of the Web to upload to" },
  { ", \"actions\": {\"upload\": {\"href\": \"file:///etc/passwd\"}}", "an address of the Web to upload to" },
  { ", \"actions\": {\"upload\": {\"href\": 3}}", "an address of the Web to upload to" },
  { ", \"actions\": {\"upload\": {\"href\": \"http://127.0.0.1:1/\"}, \"verify\": {\"href\": \"ftp://a\"}}", "an address of the Web to verify at" },
  { ", \"actions\": {\"upload\": {\"href\": \"http://127.0.0.1:1/SECRET?SECRET\"}}", "cannot be reached" },
  { ", \"actions\": {\"upload\": {\"href\": \"http://127.0.0.1:1/\", \"header\": {\"chunk_size\": 0}}}", "\"chunk_size\"" },
  { ", \"actions\": {\"upload\": {\"href\": \"http://127.0.0.1:1/\", \"header\": {\"chunk_size\": \"many\"}}}", "\"chunk_size\"" },
  { ", \"actions\": {\"upload\": {\"href\": \"http://127.0.0.1:1/\", \"header\": {\"chunk_size\": 1}}}", "for each part" },
  { ", \"actions\": {\"upload\": {\"href\": \"http://127.0.0.1:1/\", \"header\": {\"chunk_size\": 150000, \"1\": \"http://127.0.0.1:1/\"}}}", "for each part" },
  { ", \"actions\": {\"upload\": {\"href\": \"http://127.0.0.1:1/\", \"header\": {\"chunk_size\": 300000, \"1\": \"http://127.0.0.1:1/\", \"01\": \"http://127.0.0.1:1/\"}}}", "for each part" },
  { ", \"actions\": {\"upload\": {\"href\": \"http://127.0.0.1:1/\", \"header\": {\"chunk_size\": 300000, \"2\": \"http://127.0.0.1:1/\"}}}", "for each part" },
  { ", \"actions\": {\"upload\": {\"href\": \"http://127.0.0.1:1/\", \"header\": {\"chunk_size\": 300000, \"1\": \"gopher:x\"}}}", "for each part" },
};

static void
test_batches (void)
{
  g_autofree char *name = g_build_filename (folder, "model.safetensors", NULL), *data = NULL, *oid = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (name, &data, &n, NULL));
  oid = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) data, n);
  hub_server_forget (server);
  for (guint i = 0; i < G_N_ELEMENTS (objects); i++)
    {
      g_autofree char *body = g_strdup_printf ("{\"objects\":[{\"oid\":\"%s\",\"size\":300000%s}]}", oid, objects[i].object);
      const HubFault fault = { "POST", "/objects/batch", HUB_BODY, 0, 0, body };
      GtfHubUpload options = { .local = name };
      g_auto (GtfHubUploaded) done = { 0 };
      g_auto (Seen) seen = { 0 };
      g_autoptr (GError) error = NULL;

      hub_server_fault (server, &fault);
      g_assert_false (upload (&options, "org/batches", NULL, &seen, &done, &error));
      hub_server_clear_faults (server);
      if (!strstr (error->message, objects[i].error))
        g_error ("%s: \"%s\"", objects[i].object, error->message);
      g_assert_null (strstr (error->message, "?SECRET"));
    }
  g_free (hub_server_take_log (server));
}

/* ---- going on ------------------------------------------------------------------------------------------------------- */

static void
test_resume (void)
{
  const HubFault commit = { "POST", "/commit/", HUB_STATUS, 400 };
  g_auto (GtfHubUploaded) done = { 0 }, again = { 0 }, third = { 0 };
  g_auto (Seen) seen = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *first = NULL, *second = NULL, *last = NULL;
  GtfHubUpload options = { .commit_files = 3, .message = "Files" };

  hub_server_forget (server);
  hub_server_fault (server, &commit);
  g_assert_false (upload (&options, "org/resume", NULL, &seen, &done, &error));
  hub_server_clear_faults (server);
  first = hub_server_take_log (server);
  g_assert_cmpuint (count (first, "PUT", "/store/"), ==, 2);    /* twins are sent once */
  g_assert_true (upload (&options, "org/resume", NULL, &seen, &again, NULL));
  second = hub_server_take_log (server);
  g_assert_cmpuint (count (second, "PUT", ""), ==, 0);
  g_assert_cmpuint (again.n_commits, ==, 3);
  check_repository ("org/resume", "main");
  g_assert_true (upload (&options, "org/resume", NULL, &seen, &third, NULL));
  last = hub_server_take_log (server);
  g_assert_cmpuint (count (last, "POST", "/commit/"), ==, 0);
  g_assert_cmpuint (count (last, "POST", "/objects/batch"), ==, 0);
  g_assert_cmpstr (third.commit, ==, again.commit);
  g_assert_nonnull (strstr (seen.notes->str, "no commit is made"));
}

/* A commit of which the answer was lost is found, not made twice. */
static void
test_lost (void)
{
  const HubFault fault = { "POST", "/commit/", HUB_LOST, 0, 1 };
  g_auto (GtfHubUploaded) done = { 0 };
  g_auto (Seen) seen = { 0 };
  g_autofree char *log = NULL, *commit = NULL;
  GtfHubUpload options = { 0 };

  hub_server_fault (server, &fault);
  g_assert_true (upload (&options, "org/lost", NULL, &seen, &done, NULL));
  log = hub_server_take_log (server);
  commit = hub_server_get_commit (server, "org/lost", "main");
  g_assert_cmpuint (count (log, "POST", "/commit/"), ==, 1);
  g_assert_cmpstr (done.commit, ==, commit);
}

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
  gtf_hub_backoff = 1;
  g_setenv ("no_proxy", "127.0.0.1", TRUE);
  g_unsetenv ("HF_HUB_OFFLINE");
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  client = gtf_hub_client_new (HUB_TOKEN, NULL);
  folder = g_dir_make_tmp ("gtf-upload-XXXXXX", NULL);
  fill ();
  g_test_add_func ("/hub/upload/faults", test_faults);
  g_test_add_func ("/hub/upload/batches", test_batches);
  g_test_add_func ("/hub/upload/resume", test_resume);
  g_test_add_func ("/hub/upload/lost", test_lost);
  g_test_add_func ("/hub/upload/places", test_places);
  g_test_add_func ("/hub/upload/rights", test_rights);
  g_test_add_func ("/hub/upload/conflict", test_conflict);
  g_test_add_func ("/hub/upload/files", test_files);
  g_test_add_func ("/hub/upload/arguments", test_arguments);
  g_test_add_func ("/hub/upload/cancel", test_cancel);
  g_test_add_func ("/hub/upload/changed", test_changed);
  status = g_test_run ();
  gtf_hub_remove_path (folder, NULL);
  gtf_hub_client_free (client);
  hub_server_free (server);
  return status;
}
