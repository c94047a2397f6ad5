/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A search whose answers are taken as they come.
 */
#pragma once

#include "hub/search.h"

G_BEGIN_DECLS

/* @models: those of one page. */
typedef void (*GtfHubPageFunc) (GPtrArray *models, gpointer data);

/* gtf_hub_search(), page by page. On an error what came before it has been given to @page_func. */
GTF_API gboolean gtf_hub_search_pages (const char *query, GtfHubPageFunc page_func, gpointer data, GCancellable *cancellable, GError **error);

G_END_DECLS
