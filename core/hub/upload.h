/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files and folders of the user's into a repository.
 */
#pragma once

#include "hub/download.h"
#include "hub/local-files.h"
#include "hub/manage.h"

G_BEGIN_DECLS

typedef struct
{
  GtfHubClient *client;
  const GtfHubRepo *repo;       /* its revision is the branch to write to */
  GtfHubVisibility visibility;  /* of a repository that has to be made */
  const char *local;            /* a file or a folder */
  const char *path_in_repo;     /* (nullable): where it goes: a folder's contents below it, a file under this name */
  char **include, **exclude;    /* (nullable): which files of a folder */
  char **remove;                /* (nullable): which files below @path_in_repo are taken out of the repository, unless they are uploaded */
  const char *message, *description;            /* (nullable) */
  const char *parent;           /* (nullable): the commit that the revision must be at */
  gboolean create_pr;           /* as a new pull request */
  guint workers;                /* files at once; 0: 5 */
  guint commit_files;           /* of one commit at the most; 0: 250 */
  GtfHubProgressFunc progress;  /* (nullable) */
  GtfHubNoteFunc note;          /* (nullable) */
  gpointer data;                /* of both */
} GtfHubUpload;

typedef struct
{
  char *id;                     /* the repository's full name */
  char *url;                    /* of the (last) commit */
  char *commit;
  char *pull_request;           /* (nullable): its address */
  guint n_commits;              /* 0: everything was there already */
  gboolean conflict;            /* with an error: the revision is not at @parent any more */
} GtfHubUploaded;

GTF_API void     gtf_hub_uploaded_clear (GtfHubUploaded *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfHubUploaded, gtf_hub_uploaded_clear)

/**
 * gtf_hub_upload:
 * @result: (out): cleared with gtf_hub_uploaded_clear()
 *
 * Makes the repository and the branch if they are not there, sends what the repository does not have yet, and commits it; many files in several commits.
 * Called again after it was stopped, it goes on where it was.
 */
GTF_API gboolean gtf_hub_upload         (const GtfHubUpload *self, GtfHubUploaded *result, GCancellable *cancellable, GError **error);
/* Where a path goes in a repository: "./a" and "/a" are "a"; FALSE for what the Hub does not take. (out) (transfer full) */
GTF_API gboolean gtf_hub_upload_path    (const char *what, const char *path, char **normal, GError **error);

G_END_DECLS
