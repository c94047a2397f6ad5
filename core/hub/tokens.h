/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tokens on this machine: the active one in a file of its own, all of them, by name, in stored_tokens beside it. Both belong to the user
 * alone (0600) and are those of huggingface_hub.
 */
#pragma once

#include "hub/client.h"

G_BEGIN_DECLS

typedef struct
{
  char *name, *role;            /* of the account; of the token (nullable) */
  char *token_name;             /* under which it is stored */
  GPtrArray *organisations;
} GtfHubAccount;

/* Who the token of @client belongs to. */
GTF_API GtfHubAccount *gtf_hub_whoami        (GtfHubClient *client, GCancellable *cancellable, GError **error);
GTF_API void           gtf_hub_account_free  (GtfHubAccount *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHubAccount, gtf_hub_account_free)

/* Stores a token under a name and makes it the active one. */
GTF_API gboolean       gtf_hub_token_save    (const char *name, const char *token, GError **error);
/* Names of all that are stored, sorted. (transfer full) */
GTF_API char         **gtf_hub_token_list    (void);
/* (transfer full) (nullable) */
GTF_API char          *gtf_hub_token_by_name (const char *name);
/* Makes a stored one the active one. */
GTF_API gboolean       gtf_hub_token_switch  (const char *name, GError **error);
/* Forgets one, or with NULL all. */
GTF_API gboolean       gtf_hub_token_forget  (const char *name, GError **error);

G_END_DECLS
