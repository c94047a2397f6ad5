/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A thread for each connection. Faults are looked up for each request, by method and path; the first that fits and is not used up is taken.
 */
#include "server-private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/* ---- connections ---------------------------------------------------------------------------------------------------- */

static gboolean
read_head (HubRequest *r, GDataInputStream *in)
{
  g_autofree char *line = g_data_input_stream_read_line (in, NULL, r->server->stop, NULL);
  g_auto (GStrv) parts = line ? g_strsplit (line, " ", 3) : NULL;
  const char *path;

  if (parts == NULL || g_strv_length (parts) != 3)
    return FALSE;
  r->method = g_strdup (parts[0]);
  r->proxied = g_str_has_prefix (parts[1], "http://");
  path = r->proxied ? strchr (parts[1] + strlen ("http://"), '/') : parts[1];
  if (path == NULL)
    return FALSE;
  r->path = g_strndup (path, strcspn (path, "?"));
  r->query = strchr (parts[1], '?') ? g_strdup (strchr (parts[1], '?') + 1) : NULL;
  for (;;)
    {
      g_autofree char *header = g_data_input_stream_read_line (in, NULL, r->server->stop, NULL);

      if (header == NULL)
        return FALSE;
      g_strchomp (header);
      if (!*header)
        break;
      if (g_ascii_strncasecmp (header, "range:", 6) == 0)
        r->range = g_strdup (g_strchug (header + 6));
      else if (g_ascii_strncasecmp (header, "authorization:", 14) == 0)
        r->token = g_strdup (g_strchug (header + 14));
      else if (g_ascii_strncasecmp (header, "content-length:", 15) == 0)
        r->body_length = (gsize) g_ascii_strtoull (g_strchug (header + 15), NULL, 10);
      else if (g_ascii_strncasecmp (header, "content-type:", 13) == 0)
        r->type = g_strdup (g_strchug (header + 13));
    }
  return TRUE;
}

/* FALSE if all of it does not come, or is not waited for. */
static gboolean
read_body (HubRequest *r, GDataInputStream *in)
{
  gboolean hang_up = r->faulty && r->fault.kind == HUB_HANG_UP;
  gsize wanted = hang_up ? MIN (r->body_length, (gsize) r->fault.value) : r->body_length, have = 0;
  guint8 *data = g_malloc (wanted + 1);

  g_input_stream_read_all (G_INPUT_STREAM (in), data, wanted, &have, r->server->stop, NULL);
  r->body = g_bytes_new_take (data, have);
  return have == wanted && !hang_up;
}

static void
request_clear (HubRequest *r)
{
  g_free (r->method);
  g_free (r->path);
  g_free (r->range);
  g_free (r->token);
  g_free (r->query);
  g_free (r->type);
  g_clear_pointer (&r->body, g_bytes_unref);
  g_clear_pointer (&r->late, g_bytes_unref);
}

/* One at a time: answers come out of memory. */
static void
serve (HubRequest *r, GDataInputStream *in)
{
  g_mutex_lock (&r->server->lock);
  g_string_append_printf (r->server->log, "%s %s%s%s%s%s%s\n", r->method, r->path, r->range ? " range=" : "", r->range ? r->range : "", r->token ? " token" : "", r->is_cdn ? " cdn" : "", r->proxied ? " proxy" : "");
  hub_pick_fault (r);
  g_mutex_unlock (&r->server->lock);
  if (!read_body (r, in))
    r->keep = FALSE;
  else if (r->faulty && r->fault.kind == HUB_STALL)
    {
      g_input_stream_read (G_INPUT_STREAM (in), &(char){ 0 }, 1, r->server->stop, NULL);
      r->keep = FALSE;
    }
  else
    {
      g_mutex_lock (&r->server->lock);
      if (r->server->record)
        hub_record (r);
      if (!hub_answer_fault (r))
        (r->is_cdn ? hub_route_cdn : hub_route_question) (r);
      g_mutex_unlock (&r->server->lock);
      hub_send_late (r);
    }
}

static gboolean
serve_one (HubServer *self, GDataInputStream *in, GOutputStream *out, gboolean is_cdn)
{
  HubRequest r = { .server = self, .in = G_INPUT_STREAM (in), .out = out, .is_cdn = is_cdn, .keep = TRUE };
  gboolean keep;

  if (read_head (&r, in))
    serve (&r, in);
  else
    r.keep = FALSE;
  keep = r.keep;
  request_clear (&r);
  return keep;
}

static gboolean
on_run (GThreadedSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
  HubServer *self = data;
  gboolean is_cdn = G_SOCKET_SERVICE (service) == self->cdn;
  g_autoptr (GIOStream) stream = self->certificate && !is_cdn ? g_tls_server_connection_new (G_IO_STREAM (connection), self->certificate, NULL) : g_object_ref (G_IO_STREAM (connection));
  g_autoptr (GDataInputStream) in = g_data_input_stream_new (g_io_stream_get_input_stream (stream));

  /* Head and body are written apart: without this each answer waits 40 ms for an acknowledgement. */
  g_socket_set_option (g_socket_connection_get_socket (connection), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  while (serve_one (self, in, g_io_stream_get_output_stream (stream), is_cdn))
    ;
  g_io_stream_close (stream, NULL, NULL);
  return TRUE;
}

static GSocketService *
listen_on (HubServer *self, const char *address, char **endpoint)
{
  GSocketService *service = g_threaded_socket_service_new (64);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_from_string (address);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0), bound = NULL;

  if (!g_socket_listener_add_address (G_SOCKET_LISTENER (service), any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound, NULL))
    g_error ("no port of %s can be had", address);
  *endpoint = g_strdup_printf ("%s://%s:%u", self->certificate && endpoint == &self->endpoint ? "https" : "http", address, g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  g_signal_connect (service, "run", G_CALLBACK (on_run), self);
  g_socket_service_start (service);
  return service;
}

/* Connections are accepted in a main context of the server's own: in the default one, which tests of asynchronous calls run themselves, this
 * thread would call back in their stead. */
static gpointer
loop (gpointer data)
{
  HubServer *self = data;

  g_main_context_push_thread_default (self->context);
  while (!g_cancellable_is_cancelled (self->stop))
    g_main_context_iteration (self->context, TRUE);
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

HubServer *
hub_server_new (void)
{
  return hub_server_new_secure (NULL);
}

HubServer *
hub_server_new_secure (const char *certificate)
{
  HubServer *self = g_new0 (HubServer, 1);
  g_autoptr (GError) error = NULL;

  if (certificate && !(self->certificate = g_tls_certificate_new_from_file (certificate, &error)))
    g_error ("%s: %s", certificate, error->message);
  self->trees = g_ptr_array_new_with_free_func (hub_tree_free);
  self->access = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->faults = g_array_new (FALSE, FALSE, sizeof (HubFault));
  self->log = g_string_new (NULL);
  self->stored = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  self->uploads = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  self->stop = g_cancellable_new ();
  g_mutex_init (&self->lock);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->hub = listen_on (self, "127.0.0.1", &self->endpoint);
  self->cdn = listen_on (self, "127.0.0.2", &self->cdn_endpoint);       /* another host: huggingface_hub 1.x does not look at ports */
  g_main_context_pop_thread_default (self->context);
  self->thread = g_thread_new ("hub-server", loop, self);
  return self;
}

void
hub_server_free (HubServer *self)
{
  g_cancellable_cancel (self->stop);
  g_main_context_wakeup (self->context);
  g_thread_join (self->thread);
  g_socket_service_stop (self->hub);
  g_socket_service_stop (self->cdn);
  g_socket_listener_close (G_SOCKET_LISTENER (self->hub));
  g_socket_listener_close (G_SOCKET_LISTENER (self->cdn));
  /* The rest is left: threads of connections may still be at it, and the program ends. */
}

const char *
hub_server_get_endpoint (HubServer *self)
{
  return self->endpoint;
}

void
hub_server_fault (HubServer *self, const HubFault *fault)
{
  g_mutex_lock (&self->lock);
  g_array_append_val (self->faults, *fault);
  g_mutex_unlock (&self->lock);
}

void
hub_server_clear_faults (HubServer *self)
{
  g_mutex_lock (&self->lock);
  g_array_set_size (self->faults, 0);
  g_mutex_unlock (&self->lock);
}

void
hub_server_set_chunk (HubServer *self, guint64 chunk)
{
  g_mutex_lock (&self->lock);
  self->chunk = chunk;
  g_mutex_unlock (&self->lock);
}

void
hub_server_forget (HubServer *self)
{
  g_mutex_lock (&self->lock);
  g_hash_table_remove_all (self->stored);
  g_mutex_unlock (&self->lock);
}

void
hub_server_record (HubServer *self, const char *path)
{
  self->record = g_strdup (path);
}

char *
hub_server_take_log (HubServer *self)
{
  char *log;

  g_mutex_lock (&self->lock);
  log = g_strdup (self->log->str);
  g_string_truncate (self->log, 0);
  g_mutex_unlock (&self->lock);
  return log;
}
