/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing into the cache that huggingface_hub shares with us.
 */
#pragma once

#include "hub/repository.h"

G_BEGIN_DECLS

/* One repository in one cache. */
typedef struct
{
  char *cache;
  char *name;           /* models--org--name */
  char *folder;         /* CACHE/NAME */
} GtfHubStore;

/* @cache: (nullable): NULL is the cache of the environment. Nothing is made yet. */
GTF_API GtfHubStore *gtf_hub_store_new       (const char *cache, const GtfHubRepo *repo);
GTF_API void         gtf_hub_store_free      (GtfHubStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHubStore, gtf_hub_store_free)

GTF_API char        *gtf_hub_store_blob      (const GtfHubStore *self, const char *etag);                              /* (transfer full) */
GTF_API char        *gtf_hub_store_pointer   (const GtfHubStore *self, const char *commit, const char *path);          /* (transfer full) */
GTF_API char        *gtf_hub_store_snapshot  (const GtfHubStore *self, const char *commit);                            /* (transfer full) */

/* Writes refs/@revision, unless it is a commit or says so already. */
GTF_API gboolean     gtf_hub_store_write_ref (const GtfHubStore *self, const char *revision, const char *commit, GError **error);
/* Remembers that a file is not in a commit. */
GTF_API void         gtf_hub_store_no_exist  (const GtfHubStore *self, const char *commit, const char *path);
/* Makes the file of the snapshot: a relative link to the blob; where links cannot be, the file itself, for which a new blob is moved. */
GTF_API gboolean     gtf_hub_store_link      (const GtfHubStore *self, const char *blob, const char *pointer, gboolean is_new, GError **error);
/* FOLDER/CACHEDIR.TAG, for programs that make backups. */
GTF_API void         gtf_hub_write_tag       (const char *folder);

/* Takes a lock as huggingface_hub does (flock), waiting for who has it; -1 with an error only if it was cancelled. gtf_hub_unlock gives it back.
 * Where the file system knows no locks, *fd* is -2 and all goes on without: each download has a file of its own. */
GTF_API int          gtf_hub_lock            (const char *path, GCancellable *cancellable, GError **error);
GTF_API char        *gtf_hub_store_lock_path (const GtfHubStore *self, const char *etag);                              /* (transfer full) */
GTF_API void         gtf_hub_unlock          (int fd);
/* mkdir -p of the folder that @path is in. */
GTF_API gboolean     gtf_hub_make_parent     (const char *path, GError **error);

G_END_DECLS
