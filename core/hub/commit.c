/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A commit is one request: a JSON object a line, the message first, then what is deleted and added. Files that are no large ones are in it, in base64.
 */
#include "hub/upload-private.h"

#include <string.h>
#include "base/json-print.h"
#include "hub/answer.h"
#include "hub/body.h"

static void
add_line (GtfHubBody *body, const char *key, const char *name, const char *value)
{
  GString *out = g_string_new (NULL);

  g_string_append_printf (out, "{\"key\": \"%s\", \"value\": {\"%s\": ", key, name);
  gtf_json_append_string (out, value);
  g_string_append (out, "}}\n");
  gtf_hub_body_add_text (body, g_string_free (out, FALSE));
}

static void
add_header (GtfHubBody *body, const GtfHubCommit *commit, const char *description)
{
  GString *out = g_string_new ("{\"key\": \"header\", \"value\": {\"summary\": ");

  gtf_json_append_string (out, commit->message);
  g_string_append (out, ", \"description\": ");
  gtf_json_append_string (out, description ? description : "");
  if (commit->parent)
    {
      g_string_append (out, ", \"parentCommit\": ");
      gtf_json_append_string (out, commit->parent);
    }
  g_string_append (out, "}}\n");
  gtf_hub_body_add_text (body, g_string_free (out, FALSE));
}

static void
add_addition (GtfHubBody *body, const GtfHubAddition *addition)
{
  GString *out = g_string_new (NULL);

  if (!addition->lfs)
    {
      gtf_hub_body_add_text (body, g_strdup ("{\"key\": \"file\", \"value\": {\"content\": \""));
      gtf_hub_body_add_base64 (body, addition->file);
      g_string_append (out, "\", \"path\": ");
      gtf_json_append_string (out, addition->path);
      g_string_append (out, ", \"encoding\": \"base64\"}}\n");
    }
  else
    {
      g_string_append (out, "{\"key\": \"lfsFile\", \"value\": {\"path\": ");
      gtf_json_append_string (out, addition->path);
      g_string_append_printf (out, ", \"algo\": \"sha256\", \"oid\": \"%s\", \"size\": %" G_GINT64_FORMAT "}}\n", addition->oid, addition->file->size);
    }
  gtf_hub_body_add_text (body, g_string_free (out, FALSE));
}

static GtfHubBody *
commit_body (const GtfHubUploadJob *job, const GtfHubCommit *commit)
{
  GtfHubBody *body = gtf_hub_body_new ();

  add_header (body, commit, job->options->description);
  for (guint i = 0; i < commit->deletions->len; i++)
    add_line (body, "deletedFile", "path", commit->deletions->pdata[i]);
  for (guint i = 0; i < commit->additions->len; i++)
    add_addition (body, commit->additions->pdata[i]);
  return body;
}

/* It is printed: no spaces, no control characters. (transfer full) (nullable) */
static char *
printable_url (const char *text)
{
  if (text == NULL || (!g_str_has_prefix (text, "http://") && !g_str_has_prefix (text, "https://")) || strlen (text) > 2000)
    return NULL;
  for (const char *p = text; *p; p++)
    if ((guchar) *p <= ' ' || (guchar) *p >= 0x7f)
      return NULL;
  return g_strdup (text);
}

/* What is committed next goes to the pull request that the first commit has opened. */
static gboolean
follow_pull_request (GtfHubUploadJob *job, const char *url, GError **error)
{
  const char *number = url ? strstr (url, "/discussions/") : NULL;
  g_autofree char *revision = NULL;
  guint64 n;

  number = number ? number + strlen ("/discussions/") : NULL;
  if (number == NULL || !g_ascii_string_to_unsigned (number, 10, 1, G_MAXUINT32, &n, NULL))
    return gtf_hub_answer_fail (error, job->repo->what, "the address of the pull request as \"pullRequestUrl\"", url);
  revision = g_strdup_printf ("refs/pr/%" G_GUINT64_FORMAT, n);
  g_free (job->repo->revision);
  g_free (job->repo->what);
  job->repo->what = g_strdup_printf ("%s (revision %s)", job->repo->id, revision);
  job->repo->revision = g_steal_pointer (&revision);
  job->create_pr = FALSE;
  return TRUE;
}

gboolean
gtf_hub_commit_read (GtfHubUploadJob *job, JsonNode *node, GtfHubUploaded *result, GError **error)
{
  JsonObject *object = gtf_hub_answer_object (node);
  const char *oid = object ? gtf_hub_answer_string (object, "commitOid") : NULL;
  g_autofree char *url = object ? printable_url (gtf_hub_answer_string (object, "commitUrl")) : NULL;
  g_autofree char *pull_request = object ? printable_url (gtf_hub_answer_string (object, "pullRequestUrl")) : NULL;

  if (!gtf_hub_is_commit (oid))
    return gtf_hub_answer_fail (error, job->repo->what, "a commit as \"commitOid\"", oid);
  if (job->create_pr && !follow_pull_request (job, pull_request, error))
    return FALSE;
  g_free (result->commit);
  g_free (result->url);
  result->commit = g_strdup (oid);
  result->url = url ? g_steal_pointer (&url) : g_strdup_printf ("%s/commit/%s", job->page, oid);
  if (pull_request && !result->pull_request)
    result->pull_request = g_steal_pointer (&pull_request);
  result->n_commits++;
  return TRUE;
}

gboolean
gtf_hub_commit (GtfHubUploadJob *job, GtfHubCommit *commit, GtfHubUploaded *result, GError **error)
{
  g_autofree char *url = gtf_hub_upload_url (job, "commit");
  g_autoptr (GtfHubBody) body = commit_body (job, commit);
  GtfHubRequest request = { .method = "POST", .url = url, .what = job->repo->what, .page = job->page, .stream = G_INPUT_STREAM (body),
                            .stream_length = gtf_hub_body_get_length (body), .body_type = "application/x-ndjson",
                            .flags = GTF_HUB_REQUEST_PATIENT | GTF_HUB_REQUEST_UPLOAD | GTF_HUB_REQUEST_ONCE };
  g_autoptr (JsonNode) node = gtf_hub_ask_json (job->options->client, &request, job->cancellable, error);

  commit->status = request.status;
  return node && gtf_hub_commit_read (job, node, result, error);
}
