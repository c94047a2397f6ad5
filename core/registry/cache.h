/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The cache of a folder of modules: what each one serves, without opening it.
 */
#pragma once

#include "registry/registry.h"

G_BEGIN_DECLS

#define GTF_PLUGIN_CACHE "plugins.cache"

/* (nullable) (transfer full): name of the module that the folder's cache has for this key */
char  *gtf_plugin_cache_lookup (const char *folder, GtfPluginKind kind, const char *key);
/* (nullable) (transfer full): keys of a module, NULL if the cache does not know it */
char **gtf_plugin_cache_get    (const char *folder, GtfPluginKind kind, const char *name, char **description);
/* (transfer full): NAME of each gtf-NAME.so in a subfolder, sorted */
char **gtf_plugin_cache_scan   (const char *subfolder);

G_END_DECLS
