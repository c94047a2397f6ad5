/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Making repositories, branches and tags.
 */
#pragma once

#include "hub/repository.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_HUB_VISIBILITY_DEFAULT,   /* as the account has it */
  GTF_HUB_VISIBILITY_PUBLIC,
  GTF_HUB_VISIBILITY_PRIVATE
} GtfHubVisibility;

/* Makes a repository, unless there is one. Its full name, which the Hub tells where @repo has none before the slash. (transfer full) */
GTF_API char    *gtf_hub_create_repo   (GtfHubClient *client, const GtfHubRepo *repo, GtfHubVisibility visibility, GCancellable *cancellable, GError **error);
/* Makes the branch that @repo names as its revision from the newest commit, unless there is one. */
GTF_API gboolean gtf_hub_create_branch (GtfHubClient *client, const GtfHubRepo *repo, GCancellable *cancellable, GError **error);
/* Names the revision of @repo (a commit, a branch) by a tag, unless there is one of that name. @message: (nullable) */
GTF_API gboolean gtf_hub_create_tag    (GtfHubClient *client, const GtfHubRepo *repo, const char *tag, const char *message, GCancellable *cancellable, GError **error);

G_END_DECLS
