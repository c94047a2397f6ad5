/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What tests of downloads share: repositories org/plain, org/private, org/gated and org/sharded, caches of their own, and lists of what lies there.
 */
#pragma once

#include "server.h"

G_BEGIN_DECLS

#define HUB_WEIGHTS 300000
/* All that a model is loaded from, of org/plain. */
#define HUB_PLAIN_FILES "1_Pooling/config.json config.json model.safetensors tokenizer.json"

extern char *hub_weights;       /* model.safetensors of them */

void   hub_fill_models  (HubServer *server);
/* (transfer full): a new folder, which is HF_HOME from now on; other variables of the Hub are not set. */
char  *hub_new_home     (void);
/* How many files have a name that ends with @suffix, below @path. */
guint  hub_count_files  (const char *path, const char *suffix);
guint  hub_count_lines  (const char *text, const char *part);
/* (transfer full): the names of all files below @root, sorted, with spaces between. */
char  *hub_list_files   (const char *root);

/* (transfer full): org/name at main, with its weights: the snapshot. */
char  *hub_fetch        (const char *id, GError **error);
void   hub_assert_file  (const char *folder, const char *name, const void *data, gsize n);

G_END_DECLS
