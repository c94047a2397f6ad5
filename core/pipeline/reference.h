/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What names a model (REF at every door) -> a folder.
 */
#pragma once

#include "hub/model.h"

G_BEGIN_DECLS

typedef struct
{
  char *directory;      /* where the files are */
  char *id;             /* as the user named it, without the revision */
  char *commit;         /* (nullable): of a snapshot in the cache */
} GtfReference;

/**
 * gtf_reference_resolve:
 * @ref: a folder; org/name or name, also with @revision behind it; builtin/NAME
 * @revision: (nullable): for a name without one
 *
 * A folder wins over the Hub. Nothing is downloaded.
 *
 * Returns: (transfer full): where it is
 */
GTF_API GtfReference *gtf_reference_resolve (const char *ref, const char *revision, GError **error);
/* The same, but what is not in the cache, or not all of it, is fetched from the Hub. @progress: (nullable) */
GTF_API GtfReference *gtf_reference_fetch   (const char *ref, const char *revision, GtfHubParts parts, GtfHubProgressFunc progress, gpointer data,
                                             GCancellable *cancellable, GError **error);
GTF_API void          gtf_reference_free    (GtfReference *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfReference, gtf_reference_free)

/* (transfer full) (nullable): "builtin/NAME" of the model that comes with the installation for a task. */
GTF_API char  *gtf_builtin_for_task (const char *task);
/* (transfer full): folders that may hold built-in models, first wins. */
GTF_API char **gtf_builtin_get_path (void);

G_END_DECLS
