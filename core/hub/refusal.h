/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the Hub's refusals mean.
 */
#pragma once

#include "hub/client.h"

G_BEGIN_DECLS

/* Sets the error for an answer that is not one of success. */
void gtf_hub_refuse (GtfHubRequest *request, GtfHttpResponse *response, gboolean with_token, GCancellable *cancellable, GError **error);

G_END_DECLS
