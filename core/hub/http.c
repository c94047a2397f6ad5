/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Requests go to the module gtf-http-soup.so, which is opened with the first.
 */
#include "hub/http.h"

#include <string.h>
#include "hub/module.h"

#define MODULE "gtf-http-soup.so"

struct _GtfHttp
{
  gpointer session;
};

const GtfHttpTransport *gtf_http_transport_override;

static const GtfHttpTransport *
get_transport (GError **error)
{
  static GMutex lock;
  static const GtfHttpTransport *transport;
  g_autofree char *why = NULL;

  if (gtf_http_transport_override)
    return gtf_http_transport_override;
  g_mutex_lock (&lock);
  if (transport == NULL)
    transport = gtf_hub_module_open (MODULE, "gtf_http_transport", GTF_HTTP_ABI, &why);
  g_mutex_unlock (&lock);
  if (transport == NULL)
    g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "nothing can be downloaded: the module " MODULE " (libsoup 3) %s", why);
  return transport;
}

GtfHttp *
gtf_http_new (guint timeout, const char *user_agent, GError **error)
{
  const GtfHttpTransport *transport = get_transport (error);
  GtfHttp *self;

  if (transport == NULL)
    return NULL;
  self = g_new0 (GtfHttp, 1);
  self->session = transport->open (timeout, user_agent);
  return self;
}

void
gtf_http_free (GtfHttp *self)
{
  get_transport (NULL)->close (self->session);
  g_free (self);
}

GtfHttpResponse *
gtf_http_send (GtfHttp *self, const GtfHttpRequest *request, GCancellable *cancellable, GError **error)
{
  return get_transport (NULL)->send (self->session, request, cancellable, error);
}

const char *
gtf_http_response_get (const GtfHttpResponse *self, const char *name)
{
  const char *value = NULL;

  for (guint i = 0; i + 1 < self->headers->len; i += 2)
    if (g_ascii_strcasecmp (self->headers->pdata[i], name) == 0)
      {
        if (value && strcmp (value, self->headers->pdata[i + 1]) != 0)
          return NULL;
        value = self->headers->pdata[i + 1];
      }
  return value;
}

void
gtf_http_response_free (GtfHttpResponse *self)
{
  if (self->body)
    g_input_stream_close (self->body, NULL, NULL);
  g_clear_object (&self->body);
  g_ptr_array_unref (self->headers);
  g_free (self->reason);
  if (self->release)
    self->release (self->owner);
  g_free (self);
}
