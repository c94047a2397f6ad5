/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of the user's that are to be uploaded: which there are below a folder, and whether they still are what they were.
 */
#pragma once

#include "hub/client.h"

G_BEGIN_DECLS

/* For what a user may want to know and is no error. @data is the caller's. */
typedef void (*GtfHubNoteFunc) (const char *text, gpointer data);

typedef struct
{
  char *name;                   /* on this disk */
  char *path;                   /* below the folder; for a single file its name */
  gint64 size;
  gint64 modified;              /* nanoseconds since 1970 */
  guint64 device, inode;
} GtfHubLocalFile;

GTF_API void             gtf_hub_local_file_free  (GtfHubLocalFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHubLocalFile, gtf_hub_local_file_free)
/* A regular file, also by a link. */
GTF_API GtfHubLocalFile *gtf_hub_local_file_new   (const char *name, const char *path, GError **error);
/* Opens it if it is still the one that was looked at; -1 with an error. */
GTF_API int              gtf_hub_local_file_open  (const GtfHubLocalFile *self, GError **error);
/* FALSE with an error if @fd has changed since it was looked at. */
GTF_API gboolean         gtf_hub_local_file_check (const GtfHubLocalFile *self, int fd, GError **error);
/* Hashes of its contents: SHA-256, or as git names a blob. (transfer full) */
GTF_API char            *gtf_hub_local_file_hash  (const GtfHubLocalFile *self, gboolean git, GCancellable *cancellable, GError **error);

/**
 * gtf_hub_local_files:
 * @include: (nullable): patterns, as huggingface_hub has them
 * @exclude: (nullable): patterns
 * @note: (nullable): is told what is left out because it is no file
 *
 * The files below a folder, sorted. Links to files count as files; links to folders are not followed. What belongs to git (.git) and to huggingface_hub
 * (.cache/huggingface) is left out.
 *
 * Returns: (transfer full) (element-type GtfHubLocalFile): %GTF_ERROR_INVALID_DATA for a name that the Hub does not take
 */
GTF_API GPtrArray       *gtf_hub_local_files      (const char *folder, char **include, char **exclude, GtfHubNoteFunc note, gpointer data, GError **error);

G_END_DECLS
