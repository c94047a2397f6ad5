/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a cache holds, and taking things out of it.
 */
#pragma once

#include "hub/repository.h"

G_BEGIN_DECLS

typedef struct
{
  char *commit, *path;
  GPtrArray *refs;              /* names, sorted */
  GHashTable *blobs;            /* file of a snapshot -> where its contents are */
  gint64 size, modified;        /* modified: seconds since 1970 */
} GtfHubCachedRevision;

typedef struct
{
  GtfHubType type;
  char *id, *key;               /* "org/name", "model/org/name" */
  char *folder;
  GPtrArray *revisions;         /* of GtfHubCachedRevision, by commit */
  GPtrArray *refs;
  gint64 size, accessed, modified;
} GtfHubCachedRepo;

typedef struct
{
  char *cache;
  GPtrArray *repos;             /* of GtfHubCachedRepo, by type and name */
  GPtrArray *warnings;          /* strings */
  GPtrArray *incomplete;        /* paths */
  gint64 size, incomplete_size;
} GtfHubScan;

/* @cache: (nullable). GTF_ERROR_NOT_FOUND where there is no such folder. */
GTF_API GtfHubScan *gtf_hub_scan             (const char *cache, GError **error);
GTF_API void        gtf_hub_scan_free        (GtfHubScan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHubScan, gtf_hub_scan_free)

/* What taking @revisions out of @repo would free. */
GTF_API gint64      gtf_hub_removal_size     (const GtfHubCachedRepo *repo, GPtrArray *revisions);
/* Takes them out: names first, then contents that no other revision has. All revisions: the whole folder. */
GTF_API gboolean    gtf_hub_remove_revisions (const char *cache, const GtfHubCachedRepo *repo, GPtrArray *revisions, GError **error);
/* One file, out of each of its revisions; the bytes freed in *freed. */
GTF_API gboolean    gtf_hub_remove_file      (const char *cache, const GtfHubCachedRepo *repo, const char *path, gint64 *freed, GError **error);
/* A file or folder and all below; links are not followed. */
GTF_API gboolean    gtf_hub_remove_path      (const char *path, GError **error);

/* shared.c: the store that repositories share (huggingface_hub 2.4). */
/* Contents that nobody uses any more. (transfer full) (element-type filename) */
GTF_API GPtrArray  *gtf_hub_shared_unused    (const char *cache, gint64 *size);
/* Frees @store if no repository links to it any more. */
GTF_API void        gtf_hub_shared_release   (const char *cache, const char *store);

G_END_DECLS
