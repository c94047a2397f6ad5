/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the steps of an upload share: upload-plan.c finds the files, preupload.c asks how each goes, lfs.c sends the large ones, commit.c makes the commit, upload.c
 * puts them in order.
 */
#pragma once

#include "hub/upload.h"

G_BEGIN_DECLS

/* How a file goes. */
typedef struct
{
  const GtfHubLocalFile *file;
  char *path;                   /* in the repository */
  gboolean lfs, ignored;
  gboolean sent;                /* a large one that the Hub has */
  char *remote_oid;             /* (nullable): the hash of what the repository has there */
  char *oid;                    /* (nullable): ours: SHA-256 of a large file, else git's */
} GtfHubAddition;

typedef struct
{
  const GtfHubUpload *options;
  GtfHubRepo *repo;             /* with its full name; its revision becomes that of the pull request */
  char *page;
  char *git_ignore;             /* (nullable): the .gitignore that is uploaded */
  gboolean create_pr;           /* the pull request is still to be made */
  guint workers;
  GCancellable *cancellable;

  GMutex lock;                  /* of progress */
  GtfHubProgress progress;
  gint64 told;
} GtfHubUploadJob;

void     gtf_hub_addition_free        (GtfHubAddition *self);

/* upload-plan.c: the files of this side. (transfer full) (element-type GtfHubLocalFile) */
GPtrArray *gtf_hub_plan_files         (const GtfHubUpload *options, GError **error);
/* Where they go: fills @additions, and what is to be done of the progress. */
gboolean gtf_hub_plan                 (GtfHubUploadJob *job, GPtrArray *files, GPtrArray *additions, GError **error);
const GtfHubAddition *gtf_hub_plan_find (GPtrArray *additions, const char *path);         /* (nullable) */

/* preupload.c: fills lfs, ignored, remote_oid of additions[from ... from + n). */
gboolean gtf_hub_preupload            (GtfHubUploadJob *job, GPtrArray *additions, guint from, guint n, GError **error);
/* What the Hub answers to it. */
GTF_API gboolean gtf_hub_preupload_read (const GtfHubUploadJob *job, JsonNode *node, GPtrArray *additions, guint from, guint n, GError **error);
/* The card of the repository, before anything is sent: whether the Hub takes its metadata. */
gboolean gtf_hub_validate_card        (GtfHubUploadJob *job, const GtfHubLocalFile *file, GError **error);

/* lfs.c: sends those that the Hub does not have. Their oid must be known. */
gboolean gtf_hub_lfs_upload           (GtfHubUploadJob *job, GPtrArray *additions, GError **error);

/* Where an object goes; NULL instead of it: the Hub has it. */
typedef struct
{
  char *upload, *verify;        /* verify: (nullable) */
  gint64 chunk;                 /* bytes of a part; 0: whole */
  GPtrArray *parts;             /* their addresses */
} GtfHubLfsAction;

GTF_API void     gtf_hub_lfs_action_free (GtfHubLfsAction *self);
/* What the Hub answers to the question where @objects (of GtfHubAddition) go: appends an action for each to @out. */
GTF_API gboolean gtf_hub_lfs_read        (const GtfHubUploadJob *job, JsonNode *node, GPtrArray *objects, GPtrArray *out, GError **error);

/* commit.c */
typedef struct
{
  const char *message, *parent;
  GPtrArray *additions;         /* of GtfHubAddition */
  GPtrArray *deletions;         /* of char * */
  guint status;                 /* out: of a refusal */
} GtfHubCommit;

/* Fills url, commit and pull_request of @result. */
gboolean gtf_hub_commit               (GtfHubUploadJob *job, GtfHubCommit *commit, GtfHubUploaded *result, GError **error);

/* What the Hub answers to it. */
GTF_API gboolean gtf_hub_commit_read  (GtfHubUploadJob *job, JsonNode *node, GtfHubUploaded *result, GError **error);

/* upload.c */
void     gtf_hub_upload_note          (const GtfHubUploadJob *job, const char *text);
void     gtf_hub_upload_tell          (GtfHubUploadJob *job, const char *file, gint64 bytes, guint files);
/* Of the repository's API, with ?create_pr=1 where it is so. (transfer full) */
char    *gtf_hub_upload_url           (const GtfHubUploadJob *job, const char *word);

G_END_DECLS
