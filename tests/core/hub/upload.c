/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Uploads to a Hub that lies (server.h): what arrives is what was sent or there is an error, no signature and no token is told to anybody, and what was cut is
 * finished by the next run, which sends only the rest.
 */
#include <string.h>
#include "upload-case.h"

#define CHUNK 100000

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

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  upload_start ();
  g_test_add_func ("/hub/upload/faults", test_faults);
  g_test_add_func ("/hub/upload/batches", test_batches);
  g_test_add_func ("/hub/upload/resume", test_resume);
  g_test_add_func ("/hub/upload/lost", test_lost);
  status = g_test_run ();
  upload_stop ();
  return status;
}
