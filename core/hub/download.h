/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of a repository into the cache, or into a folder of the user's.
 */
#pragma once

#include "hub/repository.h"
#include "hub/store.h"

G_BEGIN_DECLS

typedef struct
{
  const char *file;             /* (nullable): one that is being fetched */
  guint files_done, n_files;
  gint64 bytes_done, bytes_total;       /* of what had to be fetched */
} GtfHubProgress;

/* Called from the threads that download, one at a time. */
typedef void (*GtfHubProgressFunc) (const GtfHubProgress *progress, gpointer data);

typedef struct
{
  GtfHubClient *client;
  const GtfHubRepo *repo;
  const char *cache;            /* (nullable): a folder instead of the environment's cache */
  const char *local_dir;        /* (nullable): files go here and not into the cache */
  gboolean force;               /* what is there is fetched again */
  guint workers;                /* 0: 8 */
  GtfHubProgressFunc progress;  /* (nullable) */
  gpointer data;
} GtfHubDownload;

/* Fetches those of @files that are not there yet, several at once. What is there already costs no request. @url: (nullable): where the one
 * file is, if a question about it told. */
GTF_API gboolean   gtf_hub_download      (const GtfHubDownload *self, const char *commit, GPtrArray *files, const char *url, GCancellable *cancellable, GError **error);
/* Whether it is there already. */
GTF_API gboolean   gtf_hub_download_has  (const GtfHubDownload *self, const char *commit, const GtfHubFile *file);
/* Where it is, or will be. (transfer full) */
GTF_API char      *gtf_hub_download_path (const GtfHubDownload *self, const char *commit, const char *path);

/* local-dir.c: whether the file in the folder is that of @commit, and remembering that it is. */
gboolean           gtf_hub_local_has     (const char *folder, const char *commit, const GtfHubFile *file);
gboolean           gtf_hub_local_note    (const char *folder, const char *commit, const GtfHubFile *file, GError **error);
/* FOLDER/.cache/huggingface/download/PATH + @suffix (transfer full) */
char              *gtf_hub_local_beside  (const char *folder, const char *path, const char *suffix);
/* What names of incomplete downloads begin with: in that folder, a hash of the name and the ETag, as huggingface_hub has it. (transfer full) */
char              *gtf_hub_local_stem    (const char *folder, const char *path, const char *etag);

G_END_DECLS
