/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include "hub/search.h"

G_BEGIN_DECLS

/* A page of what is found: appends to @found up to @limit models in all. */
GTF_API gboolean gtf_hub_search_read_page (JsonNode *page, GPtrArray *found, guint limit, GError **error);

G_END_DECLS
