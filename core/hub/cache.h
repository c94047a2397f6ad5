/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The Hugging Face cache, read only: what huggingface_hub has downloaded is found by repository and revision. Nothing here
 * writes, and nothing asks the network.
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

/* HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub. (transfer full) */
GTF_API char    *gtf_hub_get_cache_dir  (void);
/* HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set to a true value. */
GTF_API gboolean gtf_hub_is_offline     (void);
/* "name" or "org/name", as the Hub allows them. */
GTF_API gboolean gtf_hub_check_id       (const char *id, GError **error);
/* A branch, tag, commit or refs/pr/N, which can be a path below refs/. */
GTF_API gboolean gtf_hub_check_revision (const char *id, const char *revision, GError **error);
/* (transfer full) (nullable): the commit that refs/@revision in the folder of a repository holds. */
GTF_API char    *gtf_hub_read_ref       (const char *repository, const char *revision);

/**
 * gtf_hub_find_snapshot:
 * @id: "org/name"
 * @revision: (nullable): branch, tag, commit hash or refs/pr/N; NULL is "main"
 * @commit: (out) (optional) (transfer full): the commit that @revision stands for
 *
 * Returns: (transfer full): the folder of the snapshot; %GTF_ERROR_NOT_FOUND where it is not in the cache, with a
 *   message that says how to get it
 */
GTF_API char    *gtf_hub_find_snapshot  (const char *id, const char *revision, char **commit, GError **error);

G_END_DECLS
