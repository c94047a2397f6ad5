/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Finds the module that serves a model_type, a task or a preprocessor type.
 *
 * Folders: those of GTF_PLUGIN_PATH (colons between), then the installed one. Each has the subfolders plugins/, tasks/ and preprocessors/
 * and, usually, a cache: the text file plugins.cache, which says what each module serves, so that only the one that is wanted is
 * opened. Without a cache a module is found by its name alone: gtf-<model_type>.so, gtf-<task>.so. Modules stay resident.
 */
#pragma once

#include "base/error.h"
#include "registry/plugin.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_PLUGIN_ARCHITECTURE,
  GTF_PLUGIN_TASK,
  GTF_PLUGIN_PREPROCESSOR
} GtfPluginKind;

/**
 * gtf_registry_find:
 * @kind: what is looked for
 * @key: a model_type, a task or its alias, a type of preprocessor
 *
 * Errors: %GTF_ERROR_UNSUPPORTED where there is no module for it (the message says which one would be needed), %GTF_ERROR_PLUGIN
 * for a module that cannot be opened, lacks its symbol, has another ABI, or another name than its file.
 *
 * Returns: (transfer none): the module's description; cast it to the struct of its kind
 */
GTF_API const GtfPlugin *gtf_registry_find (GtfPluginKind kind, const char *key, GError **error);

/* The same for a model_type, with the architecture of the module that serves it. */
GTF_API const GtfArchitecture *gtf_registry_find_architecture (const char *model_type, const GtfArchitecturePlugin **plugin, GError **error);

/* A module as the caches and folders tell of it, without opening it. */
typedef struct
{
  GtfPluginKind kind;
  char *name;               /* "whisper" */
  char *path;
  char **keys;              /* what it serves; NULL: not in a cache, known by its name alone */
  char *description;        /* (nullable) */
  gboolean shadowed;        /* an earlier folder has a module of this kind and name */
} GtfPluginInfo;

/* (transfer full) (element-type GtfPluginInfo): all modules, by kind, then by name */
GTF_API GPtrArray *gtf_registry_list (void);
/* (transfer container) (array zero-terminated=1): the folders that are searched, in order; g_strfreev */
GTF_API char     **gtf_registry_get_folders (void);
/* Opens each module of @folder's three subfolders and writes its plugins.cache; what cannot be opened is left out and told
 * by g_message. A subfolder's own path may be given too. */
GTF_API gboolean   gtf_registry_update_cache (const char *folder, GError **error);

/* "plugins", "tasks", "preprocessors" */
GTF_API const char *gtf_plugin_kind_get_folder (GtfPluginKind kind);

G_END_DECLS
