/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The card that goes with what is pushed.
 */
#pragma once

#include "hub/repository.h"

G_BEGIN_DECLS

/**
 * gtf_push_card:
 * @defaults: metadata that the card should have
 * @commit: (out) (transfer full) (nullable): the commit that was looked at
 * @card: (out) (transfer full) (nullable): the new text; NULL where the repository's card stays as it is
 *
 * What README.md of a repository should be: completed where there is one, with all that people wrote; else a new one. A card that cannot be read, or not be added
 * to, stays as it is.
 */
gboolean gtf_push_card (GtfHubClient *client, const GtfHubRepo *repo, JsonObject *defaults, char **commit, char **card, GCancellable *cancellable, GError **error);

G_END_DECLS
