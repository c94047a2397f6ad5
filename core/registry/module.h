/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Opening one module and checking what it says of itself.
 */
#pragma once

#include "registry/registry.h"

G_BEGIN_DECLS

/* Task and preprocessor modules begin alike: the head, then the names they are found under. */
typedef struct
{
  GtfPlugin head;
  const char *const *keys;      /* aliases of a task (nullable), types of a preprocessor */
} GtfKeyedPlugin;

/* TRUE for names that may become part of a file's name: letters, digits, '-', '_', '.'; not beginning with a dot. */
gboolean         gtf_module_name_is_safe (const char *name);
/* Opens @path, whose file name is gtf-NAME.so; each path once in the life of the process. */
const GtfPlugin *gtf_module_open (GtfPluginKind kind, const char *path, const char *name, GError **error);
/* (transfer full): what it serves, NULL-terminated */
char           **gtf_module_dup_keys (GtfPluginKind kind, const GtfPlugin *plugin);

G_END_DECLS
