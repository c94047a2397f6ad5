/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which files of a repository are wanted.
 */
#pragma once

#include "hub/repository.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_HUB_SMALL_PARTS = 0,      /* configs, tokenizer, preprocessor, card */
  GTF_HUB_WEIGHTS = 1 << 0      /* and the weights, of one format */
} GtfHubParts;

/* What a model is loaded from. Of sharded weights the index alone: gtf_hub_select_shards() reads it. (transfer container) */
GTF_API GPtrArray *gtf_hub_select_model   (GPtrArray *files, GtfHubParts parts);
/* Those of @files that the indexes among @chosen, as they lie below @folder, name. (transfer container) */
GTF_API GPtrArray *gtf_hub_select_shards  (GPtrArray *files, GPtrArray *chosen, const char *folder, GError **error);
/* As huggingface_hub filters: fnmatch, a final slash means all below. NULL is no filter. (transfer container) */
GTF_API GPtrArray *gtf_hub_select_matching (GPtrArray *files, char **include, char **exclude);
/* Whether one of the patterns, of which there is a list, takes the path. */
GTF_API gboolean   gtf_hub_matches        (const char *path, char **patterns);
/* Whether a folder, of which no listing is known, has what a model is loaded from. */
GTF_API gboolean   gtf_hub_looks_complete (const char *folder, GtfHubParts parts);

G_END_DECLS
