/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The Hub says what is wrong in the header X-Error-Code, and for people in X-Error-Message or in the body,
 * {"error": "..."}. A repository that is not there and one that may not be seen look alike, on purpose.
 */
#include "hub/refusal.h"

#include <string.h>
#include "base/json.h"

#define MAX_SHOWN 300

/* (transfer full): printable and of bounded length. */
static char *
shown (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autofree char *cut = g_utf8_substring (valid, 0, MIN (g_utf8_strlen (valid, -1), MAX_SHOWN));

  return g_strstrip (g_strdelimit (g_steal_pointer (&cut), "\r\n\t", ' '));
}

/* (nullable): the message in the body. */
static char *
message_of_body (GtfHttpResponse *response, GCancellable *cancellable)
{
  g_autoptr (JsonNode) node = gtf_hub_read_json (response, "", cancellable, NULL);
  JsonNode *found = node && JSON_NODE_HOLDS_OBJECT (node) ? gtf_json_find (json_node_get_object (node), "error") : NULL;

  if (found && JSON_NODE_HOLDS_ARRAY (found) && json_array_get_length (json_node_get_array (found)))
    found = json_array_get_element (json_node_get_array (found), 0);
  return found && json_node_get_value_type (found) == G_TYPE_STRING ? shown (json_node_get_string (found)) : NULL;
}

static char *
server_message (const GtfHubRequest *request, GtfHttpResponse *response, GCancellable *cancellable)
{
  const char *header = gtf_http_response_get (response, "X-Error-Message");
  char *body = NULL;

  if (header)
    return shown (header);
  if (g_strcmp0 (request->method, "HEAD") != 0)
    body = message_of_body (response, cancellable);
  return body ? body : shown (response->reason && *response->reason ? response->reason : "no reason is given");
}

static void
refuse_gated (const GtfHubRequest *request, gboolean with_token, GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "%s: access is granted on conditions: accept them at %s%s", request->what, request->page ? request->page : "its page",
               with_token ? " with the account of this token" : ", then log in (gtransformers auth login, or HF_TOKEN); no token was sent");
}

static void
refuse_repository (const GtfHubRequest *request, gboolean with_token, GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "%s: the Hub has no such repository, or it is private: check the name%s", request->what,
               with_token ? ", and whether this token may see it" : ", or log in (gtransformers auth login, or HF_TOKEN); no token was sent");
}

static void
refuse_too_many (const GtfHubRequest *request, const GtfHttpResponse *response, gboolean with_token, GError **error)
{
  const char *after = gtf_http_response_get (response, "Retry-After");
  guint64 seconds;
  gboolean known = after && g_ascii_string_to_unsigned (after, 10, 0, G_MAXINT64, &seconds, NULL);
  g_autofree char *when = known ? g_strdup_printf ("in %" G_GUINT64_FORMAT " s", seconds) : g_strdup ("later");

  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: the Hub counts too many requests (429): try again %s%s", request->what, when,
               with_token ? "" : "; it allows more to who is logged in");
}

void
gtf_hub_refuse (GtfHubRequest *request, GtfHttpResponse *response, gboolean with_token, GCancellable *cancellable, GError **error)
{
  const char *code = gtf_http_response_get (response, "X-Error-Code");
  g_autofree char *message = server_message (request, response, cancellable);
  gboolean anonymous = (request->flags & GTF_HUB_REQUEST_ANONYMOUS) != 0;

  with_token = with_token && !anonymous;
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return;
  if (g_strcmp0 (code, "RevisionNotFound") == 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: the repository has no such revision", request->what);
  else if (g_strcmp0 (code, "EntryNotFound") == 0)
    {
      request->missing_commit = g_strdup (gtf_http_response_get (response, "X-Repo-Commit"));
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: there is no such file in this revision", request->what);
    }
  else if (g_strcmp0 (code, "GatedRepo") == 0)
    refuse_gated (request, with_token, error);
  else if (strcmp (message, "Access to this resource is disabled.") == 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "%s: the Hub has disabled this repository", request->what);
  else if (strcmp (message, "Invalid credentials in Authorization header") == 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "%s: the Hub does not know this token (any more): log in again (gtransformers auth login), or set HF_TOKEN anew", request->what);
  else if (g_strcmp0 (code, "RepoNotFound") == 0 || response->status == 401)
    refuse_repository (request, with_token, error);
  else if (response->status == 403)
    g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "%s: not allowed (403): %s%s", request->what, message,
                 with_token ? "; the token lacks this permission" : anonymous ? "" : "; no token was sent");
  else if (response->status == 404)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: not found (404): %s", request->what, message);
  else if (response->status == 416)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the server has no such range (416)", request->what);
  else if (response->status == 429)
    refuse_too_many (request, response, with_token, error);
  else
    g_set_error (error, GTF_ERROR, response->status >= 500 || response->status == 408 ? GTF_ERROR_IO : GTF_ERROR_FAILED,
                 "%s: the Hub answers %u: %s", request->what, response->status, message);
}
