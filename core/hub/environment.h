/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the environment says about the Hub: the variables of huggingface_hub. Its cache and whether it is offline: cache.h.
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

#define GTF_HUB_DEFAULT_ENDPOINT "https://huggingface.co"

/* (nullable): the value of a variable that is set and not empty. */
GTF_API const char *gtf_hub_variable               (const char *name);
/* 1, ON, YES or TRUE. */
GTF_API gboolean    gtf_hub_variable_is_true       (const char *name);
/* "~" and variables in it replaced. (transfer full) */
GTF_API char       *gtf_hub_expand_path            (const char *path);

/* HF_HOME, XDG_CACHE_HOME/huggingface, ~/.cache/huggingface. (transfer full) */
GTF_API char       *gtf_hub_get_home               (void);
/* HF_TOKEN_PATH, else token in the home; the stored tokens lie beside it. (transfer full) */
GTF_API char       *gtf_hub_get_token_path         (void);
/* HF_ENDPOINT, without a slash at its end. (transfer full) */
GTF_API char       *gtf_hub_get_endpoint           (void);
/* HF_HUB_ETAG_TIMEOUT, HF_HUB_DOWNLOAD_TIMEOUT: seconds, 10 where it is not set. */
GTF_API guint       gtf_hub_get_timeout            (const char *name);
/* HF_TOKEN, HUGGING_FACE_HUB_TOKEN. (transfer full) (nullable) */
GTF_API char       *gtf_hub_token_from_environment (void);
/* That, else the one of the file. (transfer full) (nullable) */
GTF_API char       *gtf_hub_get_token              (void);

G_END_DECLS
