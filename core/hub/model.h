/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model by its name on the Hub: the folder of its snapshot, fetched if need be.
 */
#pragma once

#include "hub/download.h"
#include "hub/select.h"

G_BEGIN_DECLS

/**
 * gtf_hub_fetch_model:
 * @id: "org/name"
 * @revision: (nullable): branch, tag, commit hash or refs/pr/N; NULL is "main"
 * @commit: (out) (optional) (transfer full): the commit that it is
 *
 * What is in the cache and whole is used without asking anybody; `gtransformers download` looks for news. Else what is missing is fetched. Where
 * that cannot be (offline, no network), what is there is used.
 *
 * Returns: (transfer full): the folder of the snapshot
 */
GTF_API char *gtf_hub_fetch_model (const char *id, const char *revision, GtfHubParts parts, GtfHubProgressFunc progress, gpointer data, char **commit, GCancellable *cancellable, GError **error);

G_END_DECLS
