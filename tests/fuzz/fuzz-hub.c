/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a Hub answers: status, header values, JSON. The input is what is asked (its first byte) and the answers, "STATUS" and a header a line, an empty line, the
 * body; a NUL ends each. They go through the client as those of a network would, redirects and second tries with them.
 */
#include <string.h>
#include <glib/gstdio.h>
#include "hub/download.h"
#include "hub/fetch.h"
#include "hub/ranges.h"
#include "hub/search-pages.h"
#include "hub/tokens.h"
#include "fuzz.h"

#define HUB "http://127.0.0.1:9"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static const char *rest;        /* answers to come */
static gsize n_rest;

static gpointer
transport_open (guint timeout, const char *user_agent)
{
  return NULL;
}

static void
transport_close (gpointer session)
{
}

static void
read_head (GtfHttpResponse *response, const char *head)
{
  g_auto (GStrv) lines = g_strsplit (head, "\n", 64);

  response->status = lines[0] ? (guint) MIN (g_ascii_strtoull (lines[0], NULL, 10), 999) : 0;
  for (char **line = lines; *line && *++line;)
    {
      char *colon = strchr (*line, ':');

      if (colon == NULL)
        continue;
      g_ptr_array_add (response->headers, g_strndup (*line, (gsize) (colon - *line)));
      g_ptr_array_add (response->headers, g_utf8_make_valid (g_strstrip (colon + 1), -1));
    }
}

/* Whatever was answered before, only the Web is asked, and the token goes to the Hub alone. */
static void
check_request (const GtfHttpRequest *request)
{
  g_assert_true (g_str_has_prefix (request->url, "http://") || g_str_has_prefix (request->url, "https://"));
  for (char **header = request->headers; *header; header += 2)
    if (strcmp (header[0], "Authorization") == 0)
      g_assert_true (g_str_has_prefix (request->url, HUB "/") || g_str_has_prefix (request->url, HUB "?"));
}

static GtfHttpResponse *
transport_send (gpointer session, const GtfHttpRequest *request, GCancellable *cancellable, GError **error)
{
  const char *end = n_rest ? memchr (rest, '\0', n_rest) : NULL;
  gsize n = end ? (gsize) (end - rest) : n_rest;
  g_autofree char *text = g_strndup (n ? rest : "", n);
  char *body = strstr (text, "\n\n");
  GtfHttpResponse *response;

  check_request (request);
  if (n_rest == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, "no more answers");
      return NULL;
    }
  rest += n + (end != NULL);
  n_rest -= n + (end != NULL);
  response = g_new0 (GtfHttpResponse, 1);
  response->headers = g_ptr_array_new_with_free_func (g_free);
  response->reason = g_strdup ("");
  if (body)
    *body = '\0';
  read_head (response, text);
  g_assert_true (gtf_hub_asked_wait (response) >= -1 && gtf_hub_asked_wait (response) <= 301);
  response->body = g_memory_input_stream_new_from_data (g_strdup (body ? body + 2 : ""), body ? (gssize) strlen (body + 2) : 0, g_free);
  return response;
}

static void
count_page (GPtrArray *models, gpointer n)
{
  *(guint *) n += models->len;
}

static void
ask_tree (GtfHubClient *client, const GtfHubRepo *repo, GError **error)
{
  g_autoptr (GPtrArray) files = gtf_hub_ask_tree (client, repo, COMMIT, GTF_HUB_REQUEST_PATIENT, NULL, error);

  for (guint i = 0; files && i < files->len; i++)
    {
      const GtfHubFile *file = files->pdata[i];

      g_assert_true (file->size >= 0 && gtf_hub_check_path ("fuzz", file->path, NULL) && !strchr (file->etag, '/'));
    }
}

static void
ask_file (GtfHubClient *client, const GtfHubRepo *repo, GError **error)
{
  g_autofree char *url = gtf_hub_repo_dup_resolve (repo, client, "main", "config.json"), *commit = NULL, *from = NULL;
  GtfHubRequest request = { .url = url, .what = "fuzz", .flags = GTF_HUB_REQUEST_PATIENT };
  g_autoptr (GtfHubFile) file = gtf_hub_ask_file (client, &request, "config.json", &commit, &from, NULL, error);

  g_free (request.missing_commit);
  if (file)
    g_assert_true (gtf_hub_is_commit (commit) && !strchr (file->etag, '/') && *file->etag && *file->etag != '.' && file->size >= -1);
}

static void
fetch (GtfHubClient *client, GError **error)
{
  static const GtfHubFile file = { .path = (char *) "config.json", .etag = (char *) "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0", .size = 5 };
  g_autofree char *folder = g_dir_make_tmp ("gtf-fuzz-XXXXXX", NULL), *path = g_build_filename (folder, "file", NULL), *text = NULL;
  const GtfHubFetch fetch = { .client = client, .url = HUB "/x", .what = "fuzz", .file = &file };

  if (gtf_hub_fetch (&fetch, path, NULL, error))
    {
      g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
      g_assert_cmpstr (text, ==, "hello");
    }
  g_unlink (path);
  g_rmdir (folder);
}

static void
read_ranges (GtfHubClient *client, const GtfHubRepo *repo, GError **error)
{
  static const GtfHubFile file = { .path = (char *) "a.bin", .size = 300 };
  g_autoptr (GtfHubRanges) ranges = gtf_hub_ranges_new (client, repo, COMMIT, &file, NULL);
  guint8 buffer[300];

  if (gtf_hub_ranges_read (ranges, 290, buffer, 10, error))
    gtf_hub_ranges_read (ranges, 0, buffer, 300, error);
}

static void
ask (guint what, GtfHubClient *client, const GtfHubRepo *repo, GError **error)
{
  g_autofree char *commit = NULL;
  GtfHubAccount *account;
  guint n = 0;

  switch (what % 7)
    {
    case 0:
      commit = gtf_hub_ask_commit (client, repo, GTF_HUB_REQUEST_PATIENT, NULL, error);
      g_assert_true (commit == NULL || gtf_hub_is_commit (commit));
      break;
    case 1:
      ask_tree (client, repo, error);
      break;
    case 2:
      ask_file (client, repo, error);
      break;
    case 3:
      gtf_hub_search_pages ("{\"limit\": 50}", count_page, &n, NULL, error);
      g_assert_cmpuint (n, <=, 50);
      break;
    case 4:
      account = gtf_hub_whoami (client, NULL, error);
      g_clear_pointer (&account, gtf_hub_account_free);
      break;
    case 5:
      fetch (client, error);
      break;
    default:
      read_ranges (client, repo, error);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const GtfHttpTransport transport = { GTF_HTTP_ABI, transport_open, transport_close, transport_send };
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubClient) client = NULL;
  g_autoptr (GtfHubRepo) repo = NULL;

  g_unsetenv ("HF_HUB_OFFLINE");
  g_setenv ("HF_ENDPOINT", HUB, TRUE);
  gtf_http_transport_override = &transport;
  gtf_hub_backoff = 0;
  if (size == 0)
    return 0;
  client = gtf_hub_client_new ("hf_token", NULL);
  repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, "org/name", NULL, NULL);
  rest = (const char *) data + 1;
  n_rest = size - 1;
  ask (data[0], client, repo, &error);
  if (error && !memmem (data, size, "hf_token", 8))     /* an answer that has it may be quoted */
    g_assert_null (strstr (error->message, "hf_token"));
  return 0;
}
