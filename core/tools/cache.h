/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the commands of `gtransformers cache` share.
 */
#pragma once

#include "tools/hub-output.h"

G_BEGIN_DECLS

typedef struct
{
  CliHubOutput output;
  const char *cache, *sort, *limit, *revision, *type, *local_dir, *token;
  gboolean help, revisions, warnings, yes, dry_run, fail_missing, fail_extra;
  GPtrArray *filters, *arguments;
} CliCache;

int cli_cache_list   (CliCache *self);
int cli_cache_remove (CliCache *self);
int cli_cache_prune  (CliCache *self);
int cli_cache_verify (CliCache *self);

G_END_DECLS
