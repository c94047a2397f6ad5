/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sending, with redirects and second tries. Connections are kept in stores, one for each timeout; a thread takes one for a request and its
 * body. A connection on which something went wrong is not used again.
 *
 * Waits double from one second to eight, five times, as in huggingface_hub; what the server says ("ratelimit: ...;t=", Retry-After) counts more.
 */
#include "hub/client.h"

#include <string.h>
#include "base/json.h"
#include "base/version.h"
#include "hub/cache.h"
#include "hub/environment.h"
#include "hub/refusal.h"

#define MAX_REDIRECTS 20
#define MAX_TRIES 6
#define MAX_BACKOFF 8           /* times the first wait */
#define MAX_ASKED_WAIT 300      /* seconds that a server may make us wait */
#define MAX_JSON (64 * 1024 * 1024)
#define UPLOAD_TIMEOUT 60       /* seconds at the least: the Hub works on what it was sent before it answers */
#define N_TIMEOUTS 3            /* of questions, downloads, uploads */

guint gtf_hub_backoff = 1000;

struct _GtfHubClient
{
  char *endpoint, *authorization, *user_agent;
  guint timeouts[N_TIMEOUTS];
  GAsyncQueue *idle[N_TIMEOUTS];
};

typedef struct
{
  GtfHubClient *client;
  GtfHttp *http;
  guint kind;
} Lease;

static gboolean
is_header_value (const char *text)
{
  for (const char *p = text; *p; p++)
    if ((guchar) *p <= ' ' || (guchar) *p >= 0x7f)
      return FALSE;
  return TRUE;
}

GtfHubClient *
gtf_hub_client_new (const char *token, GError **error)
{
  g_autoptr (GtfHubClient) self = g_new0 (GtfHubClient, 1);
  g_autofree char *found = token ? g_strdup (token) : gtf_hub_variable_is_true ("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? NULL : gtf_hub_get_token ();

  self->endpoint = gtf_hub_get_endpoint ();
  self->timeouts[0] = gtf_hub_get_timeout ("HF_HUB_ETAG_TIMEOUT");
  self->timeouts[1] = gtf_hub_get_timeout ("HF_HUB_DOWNLOAD_TIMEOUT");
  self->timeouts[2] = MAX (self->timeouts[1], UPLOAD_TIMEOUT);
  self->user_agent = g_strdup_printf ("gtransformers/%s", gtf_version_string ());
  for (guint i = 0; i < N_TIMEOUTS; i++)
    self->idle[i] = g_async_queue_new_full ((GDestroyNotify) gtf_http_free);
  if (found && !is_header_value (found))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "the token of the Hub holds a space or a character that no token has: log in again, or set HF_TOKEN anew");
      return NULL;
    }
  if (found && *found)
    self->authorization = g_strconcat ("Bearer ", found, NULL);
  return g_steal_pointer (&self);
}

void
gtf_hub_client_free (GtfHubClient *self)
{
  for (guint i = 0; i < N_TIMEOUTS; i++)
    g_clear_pointer (&self->idle[i], g_async_queue_unref);
  g_free (self->endpoint);
  g_free (self->authorization);
  g_free (self->user_agent);
  g_free (self);
}

const char *
gtf_hub_client_get_endpoint (const GtfHubClient *self)
{
  return self->endpoint;
}

gboolean
gtf_hub_client_has_token (const GtfHubClient *self)
{
  return self->authorization != NULL;
}

/* ---- addresses ------------------------------------------------------------------------------------------------------ */

char *
gtf_hub_url_display (const char *url)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED, NULL);

  return uri ? g_uri_to_string_partial (uri, G_URI_HIDE_USERINFO | G_URI_HIDE_QUERY | G_URI_HIDE_FRAGMENT) : g_strdup ("(no address)");
}

static int
port_of (GUri *uri)
{
  if (g_uri_get_port (uri) > 0)
    return g_uri_get_port (uri);
  return strcmp (g_uri_get_scheme (uri), "https") == 0 ? 443 : 80;
}

static gboolean
same_origin (const char *a, const char *b)
{
  g_autoptr (GUri) first = g_uri_parse (a, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED, NULL);
  g_autoptr (GUri) second = g_uri_parse (b, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED, NULL);

  return first && second && strcmp (g_uri_get_scheme (first), g_uri_get_scheme (second)) == 0 && port_of (first) == port_of (second)
         && g_uri_get_host (first) && g_uri_get_host (second) && g_ascii_strcasecmp (g_uri_get_host (first), g_uri_get_host (second)) == 0;
}

/* What is made of HF_ENDPOINT need not be one. */
static gboolean
is_web_address (const char *url)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED, NULL);
  const char *host = uri ? g_uri_get_host (uri) : NULL;

  return host && *host && (strcmp (g_uri_get_scheme (uri), "http") == 0 || strcmp (g_uri_get_scheme (uri), "https") == 0);
}

/* (transfer full): where a redirect leads, an address of the Web. */
static char *
redirect_target (const GtfHubRequest *request, const char *from, const GtfHttpResponse *response, GError **error)
{
  const char *location = gtf_http_response_get (response, "Location");
  g_autofree char *target = location ? g_uri_resolve_relative (from, location, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED, NULL) : NULL;

  if (target && (g_str_has_prefix (target, "http://") || g_str_has_prefix (target, "https://")))
    return g_steal_pointer (&target);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the server redirects (%u) without an address of the Web to go to", request->what, response->status);
  return NULL;
}

/* ---- one request ---------------------------------------------------------------------------------------------------- */

static void
lease_release (gpointer data)
{
  Lease *lease = data;

  g_async_queue_push (lease->client->idle[lease->kind], lease->http);
  g_free (lease);
}

static char **
request_headers (const GtfHubClient *self, const GtfHubRequest *request, gboolean with_token)
{
  g_autoptr (GStrvBuilder) headers = g_strv_builder_new ();
  g_autofree char *id = g_uuid_string_random ();

  g_strv_builder_add_many (headers, "Accept-Encoding", "identity", "X-Amzn-Trace-Id", id, NULL);
  if (request->accept)
    g_strv_builder_add_many (headers, "Accept", request->accept, NULL);
  if (request->range)
    g_strv_builder_add_many (headers, "Range", request->range, NULL);
  if (with_token && self->authorization)
    g_strv_builder_add_many (headers, "Authorization", self->authorization, NULL);
  return g_strv_builder_end (headers);
}

static GtfHttpResponse *
send_once (GtfHubClient *self, const GtfHubRequest *request, const char *url, gboolean with_token, GCancellable *cancellable, GError **error)
{
  guint kind = request->flags & GTF_HUB_REQUEST_UPLOAD ? 2 : request->flags & GTF_HUB_REQUEST_DOWNLOAD ? 1 : 0;
  GtfHttp *http = g_async_queue_try_pop (self->idle[kind]);
  g_auto (GStrv) headers = request_headers (self, request, with_token);
  g_autoptr (GInputStream) stream = request->stream ? g_object_ref (request->stream) : request->body ? g_memory_input_stream_new_from_bytes (request->body) : NULL;
  GtfHttpRequest plain = { request->method ? request->method : "GET", url, headers, stream, stream ? g_seekable_tell (G_SEEKABLE (stream)) : 0,
                           request->stream ? request->stream_length : request->body ? (gint64) g_bytes_get_size (request->body) : 0, request->body_type };
  GtfHttpResponse *response;
  Lease *lease;

  if (http == NULL)
    http = gtf_http_new (self->timeouts[kind], self->user_agent, error);
  if (http == NULL)
    return NULL;
  response = gtf_http_send (http, &plain, cancellable, error);
  if (response == NULL)
    {
      gtf_http_free (http);
      return NULL;
    }
  lease = g_new0 (Lease, 1);
  *lease = (Lease) { self, http, kind };
  response->owner = lease;
  response->release = lease_release;
  return response;
}

static gboolean
is_redirect (guint status)
{
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static gboolean
rewind_stream (const GtfHubRequest *request, goffset start, GError **error)
{
  return request->stream == NULL || g_seekable_seek (G_SEEKABLE (request->stream), start, G_SEEK_SET, NULL, error);
}

/* FALSE with an error: what is sent with a token is for the Hub, and no other host is told it. */
static gboolean
may_follow (const GtfHubRequest *request, const char *target, gboolean with_token, GError **error)
{
  g_autofree char *shown = NULL;

  if ((request->body == NULL && request->stream == NULL) || !with_token)
    return TRUE;
  shown = gtf_hub_url_display (target);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the server redirects what was sent to it to another host (%s), which is not followed", request->what, shown);
  return FALSE;
}

/* Sends until the answer is no redirect (or one that is not to be followed). */
static GtfHttpResponse *
send_through_redirects (GtfHubClient *self, const GtfHubRequest *request, char **url, GCancellable *cancellable, GError **error)
{
  g_autofree char *at = g_strdup (request->url);
  goffset start = request->stream ? g_seekable_tell (G_SEEKABLE (request->stream)) : 0;
  gboolean with_token = !(request->flags & GTF_HUB_REQUEST_ANONYMOUS) && same_origin (self->endpoint, at);         /* an earlier answer may have named another host */

  for (guint i = 0; i <= MAX_REDIRECTS; i++)
    {
      g_autoptr (GtfHttpResponse) response = send_once (self, request, at, with_token, cancellable, error);
      g_autofree char *target = NULL;
      gboolean same;

      if (response == NULL)
        return NULL;
      if (is_redirect (response->status) && !(target = redirect_target (request, at, response, error)))
        return NULL;
      same = target == NULL || same_origin (at, target);
      if (target == NULL || (!same && request->flags & GTF_HUB_REQUEST_STAY))
        {
          if (url)
            *url = target ? g_steal_pointer (&target) : g_steal_pointer (&at);
          return g_steal_pointer (&response);
        }
      if ((!same && !may_follow (request, target, with_token, error)) || !rewind_stream (request, start, error))
        return NULL;
      with_token = with_token && same;
      g_free (at);
      at = g_steal_pointer (&target);
    }
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the server redirects more than %d times", request->what, MAX_REDIRECTS);
  return NULL;
}

/* ---- again ---------------------------------------------------------------------------------------------------------- */

/* FALSE if it was cancelled meanwhile. */
static gboolean
wait_milliseconds (guint milliseconds, GCancellable *cancellable)
{
  GPollFD fd;

  if (cancellable && g_cancellable_make_pollfd (cancellable, &fd))
    {
      g_poll (&fd, 1, (int) milliseconds);
      g_cancellable_release_fd (cancellable);
    }
  else
    g_usleep (milliseconds * 1000ul);
  return !g_cancellable_is_cancelled (cancellable);
}

gint64
gtf_hub_asked_wait (const GtfHttpResponse *response)
{
  const char *limit = gtf_http_response_get (response, "ratelimit"), *after = gtf_http_response_get (response, "Retry-After");
  const char *left = limit && response->status == 429 ? strstr (limit, ";t=") : NULL;
  guint64 seconds;

  if (left && g_ascii_isdigit (left[3]))
    return (gint64) MIN (g_ascii_strtoull (left + 3, NULL, 10), MAX_ASKED_WAIT) + 1;
  if (after && g_ascii_string_to_unsigned (after, 10, 0, G_MAXINT64, &seconds, NULL))
    return (gint64) MIN (seconds, MAX_ASKED_WAIT);
  return -1;
}

gboolean
gtf_hub_wait (guint attempt, GCancellable *cancellable, GError **error)
{
  if (wait_milliseconds (gtf_hub_backoff * MIN (1u << MIN (attempt, 16), MAX_BACKOFF), cancellable))
    return TRUE;
  g_cancellable_set_error_if_cancelled (cancellable, error);
  return FALSE;
}

static gboolean
is_passing (guint status)
{
  return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* A host that does not exist, that nobody listens on or whose certificate is wrong is not better in a moment. */
static gboolean
may_come_back (const GError *error)
{
  return error->domain != GTF_ERROR && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) && !g_error_matches (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND)
         && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) && !g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE);
}

/* A failed connection in our words. A module that is not there, a redirect that leads nowhere and a cancelled call say enough themselves. */
static void
say_unreachable (const GtfHubRequest *request, GError **error)
{
  g_autofree char *url = gtf_hub_url_display (request->url);
  g_autofree char *why = NULL;

  if ((*error)->domain == GTF_ERROR || g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  why = g_strdup ((*error)->message);
  g_clear_error (error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: %s cannot be reached: %s", request->what, url, why);
}

static gboolean
is_answer (const GtfHubRequest *request, const GtfHttpResponse *response)
{
  return response->status / 100 == 2 || (request->also && response->status == request->also)
         || (is_redirect (response->status) && request->flags & GTF_HUB_REQUEST_STAY);
}

/* Whether the failure may be gone in a moment, and asking twice does no harm. */
static gboolean
is_worth_trying (const GtfHubRequest *request, const GtfHttpResponse *response, const GError *error)
{
  if (!(request->flags & GTF_HUB_REQUEST_PATIENT))
    return FALSE;
  if (request->flags & GTF_HUB_REQUEST_ONCE)
    return response && response->status == 429;
  return response ? is_passing (response->status) : may_come_back (error);
}

GtfHttpResponse *
gtf_hub_client_send (GtfHubClient *self, GtfHubRequest *request, char **url, GCancellable *cancellable, GError **error)
{
  goffset start = request->stream ? g_seekable_tell (G_SEEKABLE (request->stream)) : 0;

  if (gtf_hub_is_offline ())
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: the Hub is not asked, since HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set", request->what);
      return NULL;
    }
  if (!is_web_address (request->url))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s: HF_ENDPOINT is no address of the Web: expected one like %s", request->what, GTF_HUB_DEFAULT_ENDPOINT);
      return NULL;
    }
  for (guint attempt = 1;; attempt++)
    {
      g_autoptr (GError) local = NULL;
      g_autofree char *from = NULL;
      g_autoptr (GtfHttpResponse) response = send_through_redirects (self, request, &from, cancellable, &local);
      guint backoff = gtf_hub_backoff * MIN (1u << (attempt - 1), MAX_BACKOFF);
      gboolean again;

      if (response && is_answer (request, response))
        {
          request->status = response->status;
          if (url)
            *url = g_steal_pointer (&from);
          return g_steal_pointer (&response);
        }
      again = attempt < MAX_TRIES && is_worth_trying (request, response, local);
      if (again && response && gtf_hub_asked_wait (response) >= 0 && gtf_hub_backoff)
        backoff = (guint) gtf_hub_asked_wait (response) * 1000;
      if (again && rewind_stream (request, start, NULL))
        {
          g_clear_pointer (&response, gtf_http_response_free);
          if (wait_milliseconds (backoff, cancellable))
            continue;
          g_clear_error (&local);
          g_cancellable_set_error_if_cancelled (cancellable, error);
          return NULL;
        }
      request->status = response ? response->status : 0;
      if (response)
        gtf_hub_refuse (request, response, self->authorization != NULL, cancellable, error);
      else
        {
          say_unreachable (request, &local);
          g_propagate_error (error, g_steal_pointer (&local));
        }
      return NULL;
    }
}

JsonNode *
gtf_hub_read_json (GtfHttpResponse *response, const char *what, GCancellable *cancellable, GError **error)
{
  g_autoptr (GByteArray) text = g_byte_array_new ();
  g_autofree guint8 *buffer = g_malloc (65536);
  g_autofree char *name = g_strdup_printf ("%s: the answer of the Hub", what);
  g_autoptr (GError) local = NULL;
  gssize n;

  while ((n = g_input_stream_read (response->body, buffer, 65536, cancellable, &local)) > 0 && text->len + (gsize) n <= MAX_JSON)
    g_byte_array_append (text, buffer, (guint) n);
  if (n == 0)
    return gtf_json_parse (name, (const char *) text->data, text->len, GTF_JSON_STRICT, error);
  if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_propagate_error (error, g_steal_pointer (&local));
  else if (n > 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s is longer than %d MiB", name, MAX_JSON >> 20);
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s breaks off: %s", name, local->message);
  return NULL;
}
