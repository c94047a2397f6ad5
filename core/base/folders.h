/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Folders in which modules are looked for.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

/* (transfer full) (array zero-terminated=1): those of GTF_PLUGIN_PATH, that of the library as it was loaded, the installed one. */
GTF_API char **gtf_module_folders (void);

G_END_DECLS
