/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * HTTP by libsoup 3.
 *
 * No cookies, no authentication dialogue, no redirects: each would send something that was not asked for. Proxies are those of the usual
 * environment variables (GLib asks for them only where its module for libproxy is installed), certificates those of SSL_CERT_FILE,
 * REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, else of the system.
 */
#include "hub/http.h"

#include <libsoup/soup.h>
#include <string.h>

#define BODY_BUFFER 65536

const GtfHttpTransport *gtf_http_transport (void);

/* (nullable): the variable in lower or upper case; a proxy without a scheme is http. */
static char *
proxy_variable (const char *name)
{
  g_autofree char *upper = g_ascii_strup (name, -1);
  const char *value = g_getenv (name);

  if (value == NULL || !*value)
    value = g_getenv (upper);
  if (value == NULL || !*value)
    return NULL;
  return strstr (value, "://") ? g_strdup (value) : g_strconcat ("http://", value, NULL);
}

/* no_proxy: names with commas between; a name means its subdomains too. */
static char **
proxy_exceptions (void)
{
  const char *value = g_getenv ("no_proxy") ? g_getenv ("no_proxy") : g_getenv ("NO_PROXY");
  g_auto (GStrv) names = g_strsplit (value ? value : "", ",", -1);
  g_autoptr (GStrvBuilder) out = g_strv_builder_new ();

  for (char **name = names; *name; name++)
    {
      const char *plain = g_strstrip (*name);
      g_autofree char *below = NULL;

      if (*plain == '.')
        plain++;
      if (!*plain || strcmp (plain, "*") == 0)
        continue;
      g_strv_builder_add (out, plain);
      below = g_strconcat ("*.", plain, NULL);
      g_strv_builder_add (out, below);
    }
  return g_strv_builder_end (out);
}

static void
use_proxies (SoupSession *session)
{
  static const char *const schemes[] = { "http", "https" };
  g_autofree char *all = proxy_variable ("all_proxy");
  g_auto (GStrv) exceptions = proxy_exceptions ();
  g_autoptr (GProxyResolver) resolver = NULL;
  gboolean any = all != NULL;

  if (g_strcmp0 (g_getenv ("no_proxy") ? g_getenv ("no_proxy") : g_getenv ("NO_PROXY"), "*") == 0)
    {
      soup_session_set_proxy_resolver (session, NULL);
      return;
    }
  resolver = g_simple_proxy_resolver_new (all, exceptions);
  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++)
    {
      g_autofree char *name = g_strconcat (schemes[i], "_proxy", NULL), *proxy = proxy_variable (name);

      if (proxy)
        g_simple_proxy_resolver_set_uri_proxy (G_SIMPLE_PROXY_RESOLVER (resolver), schemes[i], proxy);
      any = any || proxy;
    }
  soup_session_set_proxy_resolver (session, any ? resolver : NULL);
}

/* (transfer full) (nullable): the certificates to trust. */
static GTlsDatabase *
load_certificates (void)
{
  static const char *const variables[] = { "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE" };

  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    {
      const char *path = g_getenv (variables[i]);
      g_autoptr (GError) error = NULL;
      g_autoptr (GTlsDatabase) database = path && *path ? g_tls_file_database_new (path, &error) : NULL;

      if (error)
        g_warning ("%s=%s: %s", variables[i], path, error->message);
      if (database)
        return g_steal_pointer (&database);
    }
  return g_tls_backend_get_default_database (g_tls_backend_get_default ());
}

/* Once, and only for https: left to itself each session reads and parses all of them at its first connection, also for http (a second for eight
 * threads). */
static void
use_certificates (SoupSession *session, const char *url)
{
  static GMutex lock;
  static GTlsDatabase *database;

  if (g_ascii_strncasecmp (url, "https:", 6) != 0)
    return;
  g_mutex_lock (&lock);
  if (database == NULL)
    database = load_certificates ();
  g_mutex_unlock (&lock);
  if (soup_session_get_tls_database (session) != database)
    soup_session_set_tls_database (session, database);
}

static gpointer
session_open (guint timeout, const char *user_agent)
{
  SoupSession *session = soup_session_new_with_options ("timeout", timeout, "user-agent", user_agent, "max-conns-per-host", 1, NULL);

  soup_session_remove_feature_by_type (session, SOUP_TYPE_AUTH_MANAGER);
  use_proxies (session);
  soup_session_set_tls_database (session, NULL);        /* use_certificates() */
  return session;
}

static void
session_close (gpointer session)
{
  soup_session_abort (session);
  g_object_unref (session);
}

static void
copy_header (const char *name, const char *value, gpointer data)
{
  g_ptr_array_add (data, g_strdup (name));
  g_ptr_array_add (data, g_utf8_make_valid (value, -1));
}

/* libsoup closes the stream that it is given, and what is sent may have to be sent again. */
static void
set_body (SoupMessage *message, const GtfHttpRequest *request)
{
  g_autoptr (GInputStream) body = g_buffered_input_stream_new_sized (request->body, BODY_BUFFER);

  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (body), FALSE);
  soup_message_set_request_body (message, request->body_type, body, request->body_length);
}

/* An idle connection that the server has closed meanwhile: libsoup sends again on a new one, and what was read of the body is gone. */
static void
on_restarted (SoupMessage *message, gpointer data)
{
  const GtfHttpRequest *request = data;

  if (g_seekable_seek (G_SEEKABLE (request->body), request->body_start, G_SEEK_SET, NULL, NULL))
    set_body (message, request);
}

static GtfHttpResponse *
session_send (gpointer session, const GtfHttpRequest *request, GCancellable *cancellable, GError **error)
{
  g_autoptr (SoupMessage) message = soup_message_new (request->method, request->url);
  GtfHttpResponse *response;
  GInputStream *body;

  if (message == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "this is no address of the Web");
      return NULL;
    }
  use_certificates (session, request->url);
  soup_message_set_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  for (guint i = 0; request->headers && request->headers[i]; i += 2)
    soup_message_headers_append (soup_message_get_request_headers (message), request->headers[i], request->headers[i + 1]);
  if (request->body)
    {
      set_body (message, request);
      g_signal_connect (message, "restarted", G_CALLBACK (on_restarted), (gpointer) request);
    }
  body = soup_session_send (session, message, cancellable, error);
  if (body == NULL)
    return NULL;
  response = g_new0 (GtfHttpResponse, 1);
  response->status = soup_message_get_status (message);
  response->reason = g_utf8_make_valid (soup_message_get_reason_phrase (message) ? soup_message_get_reason_phrase (message) : "", -1);
  response->headers = g_ptr_array_new_with_free_func (g_free);
  soup_message_headers_foreach (soup_message_get_response_headers (message), copy_header, response->headers);
  response->body = body;
  return response;
}

static const GtfHttpTransport transport = { GTF_HTTP_ABI, session_open, session_close, session_send };

G_MODULE_EXPORT const GtfHttpTransport *
gtf_http_transport (void)
{
  return &transport;
}
