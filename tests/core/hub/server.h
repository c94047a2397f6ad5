/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A Hub for tests: it answers as huggingface.co does, at two addresses (the Hub, 127.0.0.1, and the host of its large files, 127.0.0.2), out of memory, and lies on demand.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _HubServer HubServer;

typedef enum
{
  HUB_PUBLIC,
  HUB_PRIVATE,          /* looks as if it were not there, unless the token is HUB_TOKEN */
  HUB_GATED,            /* says so, unless the token is HUB_TOKEN */
  HUB_READ_ONLY         /* nobody may write */
} HubAccess;

#define HUB_TOKEN "hf_test_0123456789abcdefghij"

typedef enum
{
  HUB_CUT,              /* the connection ends after @value bytes of the body */
  HUB_LONGER,           /* announces @value bytes more than there are, and sends those */
  HUB_FLIP,             /* one byte is wrong */
  HUB_STATUS,           /* status @value without more ado; 429 with Retry-After: 0 */
  HUB_LOOP,             /* redirects to itself */
  HUB_ELSEWHERE,        /* redirects to the other port, same path */
  HUB_NOWHERE,          /* redirects to file:///etc/passwd */
  HUB_IGNORE_RANGE,     /* 200 and all of it */
  HUB_OTHER_RANGE,      /* 206 with another part */
  HUB_GZIP,             /* Content-Encoding: gzip, asked for or not */
  HUB_CHUNKED,          /* no length, chunks */
  HUB_HTTP10,           /* HTTP/1.0, no length, the end is the connection's */
  HUB_STALL,            /* no answer while the client waits */
  HUB_HALF_OPEN,        /* nothing more comes after @value bytes of the body, and the connection does not end */
  HUB_SLOW,             /* the body comes in @value pieces, HUB_SLOWNESS milliseconds before each */
  HUB_CHANGE,           /* after the answer the branch has another commit, in which the file that was asked for is @text; by its hash the old one is still there */
  HUB_HEADER,           /* @text ("Name: value") instead of, or beside, the header that would be sent: @value 0, 1 */
  HUB_BODY,             /* @text is the body */
  HUB_HANG_UP,          /* the connection ends when @value bytes of the request's body have come */
  HUB_LOST              /* what was asked for is done, and the connection ends without an answer */
} HubFaultKind;

#define HUB_SLOWNESS 300

typedef struct
{
  const char *method, *part;    /* which requests: method (NULL: each), and what the path contains */
  HubFaultKind kind;
  gint64 value;
  int times;                    /* 0: always */
  const char *text;
} HubFault;

HubServer  *hub_server_new           (void);
/* By https; @certificate: a file with certificate and key. Only the Hub, not the other host. */
HubServer  *hub_server_new_secure    (const char *certificate);
void        hub_server_free          (HubServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HubServer, hub_server_free)

const char *hub_server_get_endpoint  (HubServer *self);
/* Puts a file into a revision of a repository ("main", a tag, refs/pr/1); @lfs: it lies on the other port. */
void        hub_server_add           (HubServer *self, const char *id, const char *revision, const char *path, const void *data, gssize length, gboolean lfs);
void        hub_server_set_access    (HubServer *self, const char *id, HubAccess access);
/* All files below @folder/ORG/NAME[@REVISION]/. Those that are longer than 1 kB or end with .safetensors or .bin are large ones. */
void        hub_server_add_folder    (HubServer *self, const char *folder);
/* (transfer full): the commit of a revision. */
char       *hub_server_get_commit    (HubServer *self, const char *id, const char *revision);
void        hub_server_fault         (HubServer *self, const HubFault *fault);
void        hub_server_clear_faults  (HubServer *self);
/* Uploads of more than @chunk bytes go in parts of so many; 0: none does. */
void        hub_server_set_chunk     (HubServer *self, guint64 chunk);
/* Forgets large files that were uploaded; commits keep theirs. */
void        hub_server_forget        (HubServer *self);
/* Appends each request to a file, a JSON object a line. */
void        hub_server_record        (HubServer *self, const char *path);
/* (transfer full) (nullable): the names of all files of a revision, sorted, with spaces between. */
char       *hub_server_list          (HubServer *self, const char *id, const char *revision);
/* (transfer full) (nullable): what a file holds. */
GBytes     *hub_server_get           (HubServer *self, const char *id, const char *revision, const char *path, gboolean *lfs);
/* (transfer full): the requests since the last call, a line each: "HEAD /path range=bytes=0- token cdn". */
char       *hub_server_take_log      (HubServer *self);

G_END_DECLS
