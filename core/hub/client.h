/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Requests to the Hub: where it is, who asks, what is tried again, and what its refusals mean.
 */
#pragma once

#include <json-glib/json-glib.h>
#include "hub/http.h"

G_BEGIN_DECLS

typedef struct _GtfHubClient GtfHubClient;

/* May be used by several threads at once. @token: (nullable): NULL is that of the environment or of the file, "" none. */
GTF_API GtfHubClient *gtf_hub_client_new          (const char *token, GError **error);
GTF_API void          gtf_hub_client_free         (GtfHubClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHubClient, gtf_hub_client_free)
GTF_API const char   *gtf_hub_client_get_endpoint (const GtfHubClient *self);
GTF_API gboolean      gtf_hub_client_has_token    (const GtfHubClient *self);
/* Waits before try @attempt (0, 1, ...) + 1 of something; FALSE with an error if it was cancelled meanwhile. */
gboolean              gtf_hub_wait                (guint attempt, GCancellable *cancellable, GError **error);
/* In seconds, or -1: what an answer asks to wait. */
GTF_API gint64        gtf_hub_asked_wait          (const GtfHttpResponse *response);
/* The first wait before something is tried again, in milliseconds. Tests make it shorter; 0: nothing waits, whatever the server asks. */
extern guint gtf_hub_backoff;

typedef enum
{
  GTF_HUB_REQUEST_PLAIN = 0,
  GTF_HUB_REQUEST_DOWNLOAD = 1 << 0,      /* the timeout of downloads instead of that of questions */
  GTF_HUB_REQUEST_PATIENT = 1 << 1,       /* what may be better in a moment is tried again: no connection, timeout, 408, 429, 5xx */
  GTF_HUB_REQUEST_ANONYMOUS = 1 << 2,     /* no token */
  GTF_HUB_REQUEST_STAY = 1 << 3,          /* a redirect to another host is the answer and not followed */
  GTF_HUB_REQUEST_UPLOAD = 1 << 4,        /* the timeout of uploads */
  GTF_HUB_REQUEST_ONCE = 1 << 5           /* with PATIENT: not again where it may have been done, only for 429 */
} GtfHubRequestFlags;

typedef struct
{
  const char *method;                   /* NULL: GET */
  const char *url;
  const char *what;                     /* for messages: "org/name (revision main)" */
  const char *page;                     /* (nullable): of the repository, where conditions are accepted */
  const char *range;                    /* (nullable): "bytes=0-99" */
  const char *accept;                   /* (nullable) */
  GBytes *body;                         /* (nullable) */
  GInputStream *stream;                 /* (nullable): instead of @body, seekable, from its present position */
  gint64 stream_length;
  const char *body_type;
  GtfHubRequestFlags flags;
  guint also;                           /* a status that is an answer too, besides those of success; 0: none */
  guint status;                         /* out: that of the answer or refusal; 0 where nobody answered */
  char *missing_commit;                 /* out: set with the error where a file is not in this commit; g_free */
} GtfHubRequest;

/**
 * gtf_hub_client_send:
 * @url: (out) (optional) (transfer full): where the answer came from, or with %GTF_HUB_REQUEST_STAY leads to
 *
 * Sends, follows redirects (the token goes to no scheme, host or port but those of the endpoint; a body that is sent with it neither) and turns each status that is not of success into an error:
 * %GTF_ERROR_NOT_FOUND for a file or revision that is not there, %GTF_ERROR_FAILED for what the token does not allow (a repository that is
 * not there looks alike), %GTF_ERROR_INVALID_DATA for 416, %GTF_ERROR_IO for a Hub that cannot be reached or has a fault.
 *
 * Returns: (transfer full): the answer; its body is still to be read
 */
GTF_API GtfHttpResponse *gtf_hub_client_send (GtfHubClient *self, GtfHubRequest *request, char **url, GCancellable *cancellable, GError **error);
/* The body of an answer as JSON, of at most 64 MiB. (transfer full) */
GTF_API JsonNode        *gtf_hub_read_json   (GtfHttpResponse *response, const char *what, GCancellable *cancellable, GError **error);

/* An address without its query and password, which may be secrets. (transfer full) */
GTF_API char            *gtf_hub_url_display (const char *url);

G_END_DECLS
