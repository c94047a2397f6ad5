/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whether files are what the Hub says they are.
 */
#pragma once

#include "hub/repository.h"

G_BEGIN_DECLS

typedef struct
{
  char *root, *commit;
  guint n_checked;
  GPtrArray *wrong;             /* strings: "PATH: expected HASH (sha256), got HASH" */
  GPtrArray *missing, *extra;   /* paths */
} GtfHubVerification;

/* The commit out of the cache alone: a hash, a ref, main, or the only snapshot. @local_dir: (nullable): a folder to look at instead. */
GTF_API GtfHubVerification *gtf_hub_verify            (GtfHubClient *client, const GtfHubRepo *repo, const char *cache, const char *local_dir, gboolean revision_given,
                                                       GCancellable *cancellable, GError **error);
GTF_API void                gtf_hub_verification_free (GtfHubVerification *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHubVerification, gtf_hub_verification_free)

G_END_DECLS
