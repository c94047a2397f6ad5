/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the halves of the Hub for tests share: server.c listens, answers questions and hands out files, server-upload.c takes them.
 */
#pragma once

#include "server.h"

G_BEGIN_DECLS

typedef struct
{
  char *path;
  GBytes *data;
  char *oid, *etag;             /* git's SHA-1; the same or SHA-256 */
  gboolean lfs;
} HubFile;

typedef struct
{
  char *id, *revision, *commit;
  GPtrArray *files;
} HubTree;

struct _HubServer
{
  GSocketService *hub, *cdn;
  char *endpoint, *cdn_endpoint;
  GMutex lock;
  GPtrArray *trees;
  GHashTable *access;
  GArray *faults;
  GString *log;
  GCancellable *stop;
  GMainContext *context;        /* in which connections are accepted */
  GHashTable *stored;           /* oid -> GBytes: what was uploaded, committed or not */
  GHashTable *uploads;          /* id of one in parts -> GPtrArray of GBytes */
  guint64 chunk;                /* larger objects go in parts of so many bytes; 0: none does */
  guint n_uploads, n_pull_requests;
  char *record;                 /* (nullable): a file that each request is written to */
};

typedef struct
{
  HubServer *server;
  GOutputStream *out;
  gboolean is_cdn;
  char *method, *path;          /* without the query */
  char *range, *token, *query, *type;
  GBytes *body;
  gsize body_length;
  HubFault fault;
  gboolean faulty, keep;
} HubRequest;

/* ---- server.c ---- */

/* By name or by commit. (nullable) */
HubTree *hub_find_tree       (HubServer *self, const char *id, const char *revision);
HubTree *hub_add_tree        (HubServer *self, const char *id, const char *revision);
gboolean hub_has_repository  (HubServer *self, const char *id);
HubFile *hub_find_file       (HubTree *tree, const char *path);
/* Replaces what is there. */
void     hub_put_file        (HubTree *tree, const char *path, GBytes *data, gboolean lfs);
/* The commit is named after what is in the tree. */
void     hub_name_commit     (HubTree *tree);
char    *hub_git_oid         (const void *data, gsize length);
char    *hub_escape          (const char *text);
/* (transfer full) (nullable): a parameter of the query. */
char    *hub_parameter       (const HubRequest *r, const char *name);
/* Answers if not. */
gboolean hub_is_allowed      (HubRequest *r, const char *id);
/* A line of @head, unless a fault has it otherwise. */
void     hub_add_header      (const HubRequest *r, GString *head, const char *name, const char *value);
void     hub_answer_text     (HubRequest *r, guint status, const char *headers, const char *text);
void     hub_answer_error    (HubRequest *r, guint status, const char *code, const char *message, const char *commit);

/* ---- server-upload.c ---- */

/* TRUE if the request is one of an upload; it is answered then. */
gboolean hub_route_upload    (HubRequest *r);
/* Writes it to the record. */
void     hub_record          (const HubRequest *r);

G_END_DECLS
