/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How the Hub for tests answers: statuses, headers, bodies and parts of them, and the lies about each.
 */
#include "server-private.h"

#include <string.h>

static gboolean
send_bytes (HubRequest *r, const void *data, gsize n)
{
  return g_output_stream_write_all (r->out, data, n, NULL, r->server->stop, NULL);
}

void
hub_add_header (const HubRequest *r, GString *head, const char *name, const char *value)
{
  const char *colon = r->faulty && r->fault.kind == HUB_HEADER ? strchr (r->fault.text, ':') : NULL;
  gboolean named = colon && g_ascii_strncasecmp (name, r->fault.text, strlen (name)) == 0 && strlen (name) == (gsize) (colon - r->fault.text);

  if (!named || r->fault.value)
    g_string_append_printf (head, "%s: %s\r\n", name, value);
}

static GBytes *
gzip (GBytes *data)
{
  g_autoptr (GConverter) compressor = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, 6));
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GOutputStream) out = g_converter_output_stream_new (memory, compressor);

  g_output_stream_write_all (out, g_bytes_get_data (data, NULL), g_bytes_get_size (data), NULL, NULL, NULL);
  g_output_stream_close (out, NULL, NULL);
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
}

static void
send_chunks (HubRequest *r, const guint8 *data, gsize n)
{
  for (gsize at = 0; at < n;)
    {
      gsize piece = MIN (n - at, 777);
      g_autofree char *head = g_strdup_printf ("%zx\r\n", piece);

      send_bytes (r, head, strlen (head));
      send_bytes (r, data + at, piece);
      send_bytes (r, "\r\n", 2);
      at += piece;
    }
  send_bytes (r, "0\r\n\r\n", 5);
}

/* The body, or what the fault lets go of it; pieces that come later are sent when the server serves others too. */
static void
send_body (HubRequest *r, const guint8 *data, gsize n)
{
  HubFaultKind kind = r->faulty ? r->fault.kind : HUB_STATUS;
  gsize now = n;

  if (kind == HUB_CUT || kind == HUB_HALF_OPEN)
    now = MIN ((gsize) r->fault.value, n);
  else if (kind == HUB_SLOW)
    now = 0;
  send_bytes (r, data, now);
  if (kind == HUB_SLOW)
    r->late = g_bytes_new (data, n);
}

/* @headers: lines with their ends. */
static void
answer (HubRequest *r, guint status, const char *headers, GBytes *body)
{
  HubFaultKind kind = r->faulty ? r->fault.kind : HUB_STATUS;
  g_autoptr (GString) head = g_string_new (NULL);
  g_autoptr (GBytes) packed = r->faulty && kind == HUB_GZIP && status == 200 ? gzip (body) : g_bytes_ref (body);
  gsize n = g_bytes_get_size (packed), more = r->faulty && kind == HUB_LONGER ? (gsize) r->fault.value : 0;
  g_autofree guint8 *data = g_malloc0 (n + more + 1);
  gboolean no_length = r->faulty && (kind == HUB_CHUNKED || kind == HUB_HTTP10);
  g_autofree char *length = g_strdup_printf ("%" G_GSIZE_FORMAT, n + more);

  if (n)
    memcpy (data, g_bytes_get_data (packed, NULL), n);
  if (r->faulty && kind == HUB_FLIP && n)
    data[n / 2] ^= 1;
  g_string_append_printf (head, "HTTP/1.%d %u X\r\n%s", r->faulty && kind == HUB_HTTP10 ? 0 : 1, status, headers);
  if (!no_length || strcmp (r->method, "HEAD") == 0)
    hub_add_header (r, head, "Content-Length", length);
  else if (kind == HUB_CHUNKED)
    g_string_append (head, "Transfer-Encoding: chunked\r\n");
  if (packed != body && kind == HUB_GZIP && status == 200)
    g_string_append (head, "Content-Encoding: gzip\r\n");
  if (r->faulty && kind == HUB_HEADER)
    g_string_append_printf (head, "%s\r\n", r->fault.text);
  g_string_append (head, "\r\n");
  if (r->faulty && kind == HUB_LOST)
    {
      r->keep = FALSE;
      return;
    }
  send_bytes (r, head->str, head->len);
  if (strcmp (r->method, "HEAD") == 0)
    return;
  if (no_length && kind == HUB_CHUNKED)
    send_chunks (r, data, n);
  else
    send_body (r, data, n + more);
  if (r->faulty && (kind == HUB_CUT || kind == HUB_HTTP10))
    r->keep = FALSE;
}

void
hub_answer_text (HubRequest *r, guint status, const char *headers, const char *text)
{
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));

  answer (r, status, headers, body);
}

void
hub_answer_error (HubRequest *r, guint status, const char *code, const char *message, const char *commit)
{
  g_autofree char *headers = g_strdup_printf ("X-Error-Code: %s\r\nX-Error-Message: %s\r\n%s%s%s", code, message, commit ? "X-Repo-Commit: " : "",
                                              commit ? commit : "", commit ? "\r\n" : "");
  g_autofree char *body = g_strdup_printf ("{\"error\":\"%s\"}", message);

  hub_answer_text (r, status, headers, body);
}

void
hub_answer_redirect (HubRequest *r, const char *to, const char *more)
{
  g_autofree char *headers = g_strdup_printf ("Location: %s\r\n%s", to, more);

  hub_answer_text (r, 302, headers, "moved");
}

void
hub_answer_data (HubRequest *r, const char *headers, GBytes *data)
{
  gsize n = g_bytes_get_size (data), first, last = n ? n - 1 : 0;
  g_autoptr (GBytes) part = NULL;
  g_autofree char *more = NULL;
  char *end;

  if (r->range == NULL || !g_str_has_prefix (r->range, "bytes=") || (r->faulty && r->fault.kind == HUB_IGNORE_RANGE))
    {
      answer (r, 200, headers, data);
      return;
    }
  first = g_ascii_strtoull (r->range + 6, &end, 10);
  if (*end == '-' && g_ascii_isdigit (end[1]))
    last = MIN (g_ascii_strtoull (end + 1, NULL, 10), last);
  if (first >= n || last < first)
    {
      more = g_strdup_printf ("Content-Range: bytes */%" G_GSIZE_FORMAT "\r\n", n);
      hub_answer_text (r, 416, more, "");
      return;
    }
  if (r->faulty && r->fault.kind == HUB_OTHER_RANGE)
    first = 0;
  part = g_bytes_new_from_bytes (data, first, last - first + 1);
  more = g_strdup_printf ("%sContent-Range: bytes %" G_GSIZE_FORMAT "-%" G_GSIZE_FORMAT "/%" G_GSIZE_FORMAT "\r\n", headers, first, last, n);
  answer (r, 206, more, part);
}

void
hub_send_late (HubRequest *r)
{
  gsize n = r->late ? g_bytes_get_size (r->late) : 0, piece = n / (gsize) MAX (r->fault.value, 1) + 1;

  for (gsize at = 0; at < n && r->keep; at += piece)
    {
      g_usleep (HUB_SLOWNESS * 1000);
      r->keep = send_bytes (r, (const guint8 *) g_bytes_get_data (r->late, NULL) + at, MIN (piece, n - at));
    }
  if (r->faulty && r->fault.kind == HUB_HALF_OPEN)      /* until the client has had enough */
    {
      g_input_stream_read (r->in, &(char){ 0 }, 1, r->server->stop, NULL);
      r->keep = FALSE;
    }
}

/* ---- faults --------------------------------------------------------------------------------------------------------- */

void
hub_pick_fault (HubRequest *r)
{
  for (guint i = 0; i < r->server->faults->len && !r->faulty; i++)
    {
      HubFault *fault = &g_array_index (r->server->faults, HubFault, i);

      if (fault->times < 0 || (fault->kind == HUB_ELSEWHERE && r->is_cdn) || (fault->method && strcmp (fault->method, r->method) != 0) || (fault->part && !strstr (r->path, fault->part)))
        continue;
      r->fault = *fault;
      r->faulty = TRUE;
      if (fault->times > 0 && --fault->times == 0)
        fault->times = -1;
    }
}

gboolean
hub_answer_fault (HubRequest *r)
{
  g_autofree char *other = NULL;

  if (!r->faulty)
    return FALSE;
  switch (r->fault.kind)
    {
    case HUB_STATUS:
      hub_answer_text (r, (guint) r->fault.value, r->fault.text ? r->fault.text : r->fault.value == 429 ? "Retry-After: 0\r\n" : "", "{\"error\":\"made to fail\"}");
      return TRUE;
    case HUB_LOOP:
      hub_answer_redirect (r, r->path, "");
      return TRUE;
    case HUB_ELSEWHERE:
      other = g_strconcat (r->is_cdn ? r->server->endpoint : r->server->cdn_endpoint, r->path, NULL);
      hub_answer_redirect (r, other, "");
      return TRUE;
    case HUB_NOWHERE:
      hub_answer_redirect (r, "file:///etc/passwd", "");
      return TRUE;
    case HUB_BODY:
      hub_answer_text (r, 200, "", r->fault.text);
      return TRUE;
    default:
      return FALSE;
    }
}
