/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file that stays on the Hub and of which parts are read, by range requests.
 */
#pragma once

#include "hub/repository.h"

G_BEGIN_DECLS

/* What one request fetches at least: most headers of weights, as huggingface_hub has it. */
#define GTF_HUB_RANGE 100000

typedef struct _GtfHubRanges GtfHubRanges;

/* @client and @repo are borrowed. */
GTF_API GtfHubRanges *gtf_hub_ranges_new  (GtfHubClient *client, const GtfHubRepo *repo, const char *commit, const GtfHubFile *file, GCancellable *cancellable);
GTF_API void          gtf_hub_ranges_free (GtfHubRanges *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHubRanges, gtf_hub_ranges_free)

/* @length bytes at @offset, which lie inside the file. What was fetched once is not asked for again. May be called from several threads. */
GTF_API gboolean      gtf_hub_ranges_read (GtfHubRanges *self, guint64 offset, gpointer to, gsize length, GError **error);

G_END_DECLS
