/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is there already is good (409). An account that may not make repositories may still write into one that there is: if the Hub refuses to make it,
 * it is asked whether it exists.
 */
#include "hub/manage.h"

#include <string.h>
#include "base/json-print.h"
#include "hub/answer.h"
#include "hub/cache.h"

#define MAX_CONFLICTS 10        /* times that the Hub may be busy making another repository of this account */

static void
add_member (GString *out, const char *name, const char *value)
{
  if (out->len > 1)
    g_string_append (out, ", ");
  gtf_json_append_string (out, name);
  g_string_append (out, ": ");
  if (value)
    gtf_json_append_string (out, value);
  else
    g_string_append (out, "null");
}

static GBytes *
creation (const GtfHubRepo *repo, GtfHubVisibility visibility)
{
  g_autoptr (GString) out = g_string_new ("{");
  const char *slash = strchr (repo->id, '/');
  g_autofree char *owner = slash ? g_strndup (repo->id, (gsize) (slash - repo->id)) : NULL;

  add_member (out, "name", slash ? slash + 1 : repo->id);
  add_member (out, "organization", owner);
  if (visibility != GTF_HUB_VISIBILITY_DEFAULT)
    add_member (out, "visibility", visibility == GTF_HUB_VISIBILITY_PRIVATE ? "private" : "public");
  add_member (out, "type", gtf_hub_type_get_name (repo->type));
  if (repo->type == GTF_HUB_TYPE_SPACE)
    add_member (out, "sdk", "gradio");          /* a space must have one; hf upload takes this one, too */
  g_string_append_c (out, '}');
  return g_string_free_to_bytes (g_steal_pointer (&out));
}

/* "http://host/datasets/org/name" -> "org/name". (transfer full) (nullable) */
static char *
id_of_url (const char *url)
{
  g_auto (GStrv) parts = g_strsplit (url ? url : "", "/", -1);
  guint n = g_strv_length (parts);
  g_autofree char *id = n >= 2 ? g_strdup_printf ("%s/%s", parts[n - 2], parts[n - 1]) : NULL;

  return id && gtf_hub_check_id (id, NULL) ? g_steal_pointer (&id) : NULL;
}

/* Whether it is worth asking if the repository exists. Who is not logged in cannot write either. */
static gboolean
is_refused (const GtfHubClient *client, guint status)
{
  return gtf_hub_client_has_token (client) && (status == 401 || status == 402 || status == 403);
}

/* Whether the repository exists after all. */
static gboolean
exists (GtfHubClient *client, const GtfHubRepo *repo, GCancellable *cancellable)
{
  g_autofree char *url = gtf_hub_repo_dup_api (repo, client, "");
  GtfHubRequest request = { .url = url, .what = repo->id, .flags = GTF_HUB_REQUEST_PATIENT };
  g_autoptr (JsonNode) node = gtf_hub_ask_json (client, &request, cancellable, NULL);

  return node != NULL;
}

static gboolean
is_busy (JsonObject *object)
{
  const char *message = object ? gtf_hub_answer_string (object, "error") : NULL;

  return message && strstr (message, "another conflicting operation is in progress");
}

static void
refuse (const GtfHubClient *client, const GtfHubRepo *repo, guint status, GError **why, GError **error)
{
  if (status == 401 && !gtf_hub_client_has_token (client))
    g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "%s: who uploads must be logged in (gtransformers auth login, or HF_TOKEN); no token was sent", repo->id);
  else
    g_propagate_error (error, g_steal_pointer (why));
}

char *
gtf_hub_create_repo (GtfHubClient *client, const GtfHubRepo *repo, GtfHubVisibility visibility, GCancellable *cancellable, GError **error)
{
  g_autofree char *url = g_strconcat (gtf_hub_client_get_endpoint (client), "/api/repos/create", NULL), *id = NULL;
  g_autoptr (GBytes) body = creation (repo, visibility);
  g_autoptr (GError) local = NULL;

  for (guint i = 0; i < MAX_CONFLICTS; i++)
    {
      GtfHubRequest request = { .method = "POST", .url = url, .what = repo->id, .body = body, .body_type = "application/json", .also = 409,
                                .flags = GTF_HUB_REQUEST_PATIENT | GTF_HUB_REQUEST_UPLOAD };
      g_autoptr (JsonNode) node = gtf_hub_ask_json (client, &request, cancellable, &local);
      JsonObject *object = gtf_hub_answer_object (node);

      if (node == NULL && is_refused (client, request.status) && exists (client, repo, cancellable))
        return g_strdup (repo->id);
      if (node == NULL)
        {
          refuse (client, repo, request.status, &local, error);
          return NULL;
        }
      if (is_busy (object))
        {
          if (!gtf_hub_wait (i, cancellable, error))
            return NULL;
          continue;
        }
      id = object ? id_of_url (gtf_hub_answer_string (object, "url")) : NULL;
      if (id == NULL)
        gtf_hub_answer_fail (error, repo->id, "the address of the repository as \"url\"", object ? gtf_hub_answer_string (object, "url") : NULL);
      return g_steal_pointer (&id);
    }
  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: cannot be made: the Hub is busy with another repository of this account: try again later", repo->id);
  return NULL;
}

/* POST where 409 means that it is there already. */
static gboolean
make (GtfHubClient *client, const GtfHubRepo *repo, const char *rest, GBytes *body, GCancellable *cancellable, GError **error)
{
  g_autofree char *url = gtf_hub_repo_dup_api (repo, client, rest);
  GtfHubRequest request = { .method = "POST", .url = url, .what = repo->what, .body = body, .body_type = "application/json", .also = 409,
                            .flags = GTF_HUB_REQUEST_PATIENT | GTF_HUB_REQUEST_UPLOAD };
  g_autoptr (GtfHttpResponse) response = gtf_hub_client_send (client, &request, NULL, cancellable, error);

  g_free (request.missing_commit);
  return response != NULL;
}

gboolean
gtf_hub_create_branch (GtfHubClient *client, const GtfHubRepo *repo, GCancellable *cancellable, GError **error)
{
  g_autofree char *revision = g_uri_escape_string (repo->revision, NULL, FALSE), *rest = g_strconcat ("/branch/", revision, NULL);
  g_autoptr (GBytes) body = g_bytes_new_static ("{}", 2);

  return make (client, repo, rest, body, cancellable, error);
}

gboolean
gtf_hub_create_tag (GtfHubClient *client, const GtfHubRepo *repo, const char *tag, const char *message, GCancellable *cancellable, GError **error)
{
  g_autofree char *revision = g_uri_escape_string (repo->revision, NULL, FALSE), *rest = g_strconcat ("/tag/", revision, NULL);
  g_autoptr (GString) out = g_string_new ("{");
  g_autoptr (GBytes) body = NULL;

  if (!gtf_hub_check_revision (repo->id, tag, error))
    return FALSE;
  add_member (out, "tag", tag);
  if (message)
    add_member (out, "message", message);
  g_string_append_c (out, '}');
  body = g_string_free_to_bytes (g_steal_pointer (&out));
  return make (client, repo, rest, body, cancellable, error);
}
