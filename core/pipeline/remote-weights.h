/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of weights that are still on the Hub.
 */
#pragma once

#include <gio/gio.h>
#include "model/safetensors.h"

G_BEGIN_DECLS

/**
 * gtf_remote_weights_open:
 * @id: "org/name"
 * @commit: of the snapshot
 * @snapshot: its folder, where the index of shards is put
 *
 * Reads by range requests what says which tensors there are: the header of safetensors; of a zip archive of torch its directory and its pickle. A few
 * kB of a file of 16 GB. Other files of torch have their tensors' sizes all over the file and are refused.
 *
 * Returns: (transfer full): the table; there are no data behind it
 */
GTF_API GtfSafetensors *gtf_remote_weights_open (const char *id, const char *commit, const char *snapshot, GCancellable *cancellable, GError **error);

G_END_DECLS
