/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the parts of the Hub for tests share: server.c listens, server-contents.c is what there is, server-questions.c says it, server-answers.c is how, with
 * the lies, server-upload.c takes
 * files, server-storage.c the large ones.
 */
#pragma once

#include <json-glib/json-glib.h>
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
  GThread *thread;              /* accepts */
  GTlsCertificate *certificate; /* (nullable): the Hub's */
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
  GInputStream *in;
  GOutputStream *out;
  gboolean is_cdn;
  char *method, *path;          /* without the query */
  char *range, *token, *query, *type;
  GBytes *body;
  gsize body_length;
  GBytes *late;                 /* (nullable): what is still to be sent */
  HubFault fault;
  gboolean faulty, keep;
  gboolean proxied;             /* asked as a proxy is, with the whole address */
} HubRequest;

/* ---- server-contents.c ---- */

void     hub_tree_free       (gpointer tree);
/* By name or by commit. (nullable) */
HubTree *hub_find_tree       (HubServer *self, const char *id, const char *revision);
HubTree *hub_add_tree        (HubServer *self, const char *id, const char *revision);
gboolean hub_has_repository  (HubServer *self, const char *id);
HubFile *hub_find_file       (HubTree *tree, const char *path);
/* Replaces what is there. */
void     hub_put_file        (HubTree *tree, const char *path, GBytes *data, gboolean lfs);
/* The commit is named after what is in the tree. */
void     hub_name_commit     (HubTree *tree);
/* HUB_CHANGE */
void     hub_change_file     (HubServer *self, HubTree *tree, const char *path, const char *text);
char    *hub_git_oid         (const void *data, gsize length);

/* ---- server-questions.c ---- */

/* As JSON has it: what is not ASCII stays. (transfer full) */
char    *hub_escape          (const char *text);
/* (transfer full) (nullable): a parameter of the query. */
char    *hub_parameter       (const HubRequest *r, const char *name);
/* Answers if not. */
gboolean hub_is_allowed      (HubRequest *r, const char *id);
void     hub_route_question  (HubRequest *r);
/* The other host. */
void     hub_route_cdn       (HubRequest *r);

/* ---- server-answers.c ---- */

/* A line of @head, unless a fault has it otherwise. */
void     hub_add_header      (const HubRequest *r, GString *head, const char *name, const char *value);
void     hub_answer_text     (HubRequest *r, guint status, const char *headers, const char *text);
void     hub_answer_error    (HubRequest *r, guint status, const char *code, const char *message, const char *commit);
void     hub_answer_redirect (HubRequest *r, const char *to, const char *more);
/* All of @data, or the part that was asked for. */
void     hub_answer_data     (HubRequest *r, const char *headers, GBytes *data);
/* With the lock of the server held. */
void     hub_pick_fault      (HubRequest *r);
/* TRUE if the fault is the whole answer. */
gboolean hub_answer_fault    (HubRequest *r);
/* What comes after the rest of the answer. Without the lock. */
void     hub_send_late       (HubRequest *r);

/* ---- server-upload.c ---- */

/* TRUE if the request is one of an upload; it is answered then. */
gboolean hub_route_upload    (HubRequest *r);
/* Writes it to the record. */
void     hub_record          (const HubRequest *r);
/* The object that was sent; answers if it is none. (transfer full) (nullable) */
JsonObject *hub_parse_body   (HubRequest *r);
/* (nullable) */
const char *hub_text_of      (JsonObject *object, const char *name);

/* ---- server-storage.c ---- */

void     hub_answer_batch    (HubRequest *r, const char *id);
void     hub_answer_complete (HubRequest *r, const char *upload);
void     hub_answer_verify   (HubRequest *r);
/* TRUE if the request puts a file or a part into the storage; it is answered then. */
gboolean hub_route_storage   (HubRequest *r);

G_END_DECLS
