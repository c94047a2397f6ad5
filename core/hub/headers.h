/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The headers of weights that stay on the Hub.
 */
#pragma once

#include <gio/gio.h>
#include "base/error.h"

G_BEGIN_DECLS

/**
 * gtf_hub_fetch_headers:
 * @id: "org/name"
 * @commit: of the snapshot
 * @snapshot: its folder, with the small files
 *
 * Makes a folder that looks like the repository: links to what is in @snapshot, and weights of which only the headers are there (a few kB by range
 * requests), with nothing behind them up to their full size. Weights cannot be loaded from it, only looked at.
 *
 * Returns: (transfer full): the folder, to be removed with gtf_hub_remove_path()
 */
GTF_API char *gtf_hub_fetch_headers (const char *id, const char *commit, const char *snapshot, GCancellable *cancellable, GError **error);

G_END_DECLS
