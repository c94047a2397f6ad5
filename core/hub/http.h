/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One HTTP request and its reply, as the rest of core/hub sees them. The work is done by libsoup in a module of its own (http-soup.c), which is
 * opened with the first request: who does not download does not wait for its libraries.
 *
 * Redirects are not followed and statuses are not judged here: client.c does both.
 */
#pragma once

#include <gio/gio.h>
#include "base/error.h"
#include "hub/module.h"

G_BEGIN_DECLS

typedef struct
{
  const char *method, *url;
  char **headers;               /* (nullable): name, value, name, value, NULL */
  GInputStream *body;           /* (nullable): seekable; it is read, and not closed */
  goffset body_start;           /* where in @body it begins */
  gint64 body_length;           /* of @body */
  const char *body_type;
} GtfHttpRequest;

typedef struct
{
  guint status;
  char *reason;
  GPtrArray *headers;           /* name, value, ... */
  GInputStream *body;           /* without the transfer's and the content's encoding */
  gpointer owner;               /* for who sent it */
  GDestroyNotify release;
} GtfHttpResponse;

/* One user at a time; connections are kept and used again. */
typedef struct _GtfHttp GtfHttp;

GTF_API GtfHttp         *gtf_http_new           (guint timeout, const char *user_agent, GError **error);
GTF_API void             gtf_http_free          (GtfHttp *self);
/* The body is read afterwards; the response must be freed before the next request. A timeout is G_IO_ERROR_TIMED_OUT. */
GTF_API GtfHttpResponse *gtf_http_send          (GtfHttp *self, const GtfHttpRequest *request, GCancellable *cancellable, GError **error);

/* (nullable): the value of a header that comes once, or several times with the same value; NULL otherwise. */
GTF_API const char      *gtf_http_response_get  (const GtfHttpResponse *self, const char *name);
GTF_API void             gtf_http_response_free (GtfHttpResponse *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHttpResponse, gtf_http_response_free)

/* ---- the module ---- */

#define GTF_HTTP_ABI 2

typedef struct
{
  GtfHubModuleAbi abi;
  gpointer         (*open)  (guint timeout, const char *user_agent);
  void             (*close) (gpointer session);
  GtfHttpResponse *(*send)  (gpointer session, const GtfHttpRequest *request, GCancellable *cancellable, GError **error);
} GtfHttpTransport;

/* Instead of the module's: tests answer by it without a network. */
extern const GtfHttpTransport *gtf_http_transport_override;

G_END_DECLS
