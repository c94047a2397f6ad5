/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading what the Hub answers: data of a stranger, of which each member may be of another type than it should be.
 */
#pragma once

#include "hub/client.h"

G_BEGIN_DECLS

/* Sends and reads the answer as JSON. (transfer full) */
GTF_API JsonNode   *gtf_hub_ask_json      (GtfHubClient *client, GtfHubRequest *request, GCancellable *cancellable, GError **error);
/* (nullable): the object that a node holds. */
GTF_API JsonObject *gtf_hub_answer_object (JsonNode *node);
/* (nullable): a member that is a string. Dots descend. */
GTF_API const char *gtf_hub_answer_string (JsonObject *object, const char *name);
/* (nullable): a member that is a list. */
GTF_API JsonArray  *gtf_hub_answer_list   (JsonObject *object, const char *name);
/* A member that is a number of bytes, or -1. */
GTF_API gint64      gtf_hub_answer_size   (JsonObject *object, const char *name);
/* FALSE with "@what: the answer ... expected @expected, found ...". @found: (nullable) */
GTF_API gboolean    gtf_hub_answer_fail   (GError **error, const char *what, const char *expected, const char *found);

G_END_DECLS
