/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Modules lie in FOLDER/hub as installed, in FOLDER/core in a build folder.
 */
#include "hub/module.h"

#include <gmodule.h>
#include "base/folders.h"

static gconstpointer
open_file (const char *path, const char *symbol, GtfHubModuleAbi abi, char **why)
{
  GModule *module = g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  gconstpointer (*function) (void);
  const GtfHubModuleAbi *found = NULL;

  if (module && g_module_symbol (module, symbol, (gpointer *) &function))
    {
      g_module_make_resident (module);
      found = function ();
    }
  if (found && *found == abi)
    return found;
  g_free (*why);
  *why = g_strdup_printf ("cannot be opened: %s: %s", path, module ? "is of another version" : g_module_error ());
  return NULL;
}

gconstpointer
gtf_hub_module_open (const char *name, const char *symbol, GtfHubModuleAbi abi, char **why)
{
  static const char *const subfolders[] = { "hub", "core" };
  g_auto (GStrv) folders = gtf_module_folders ();

  *why = g_strdup ("is not installed");
  for (guint i = 0; folders[i]; i++)
    for (guint s = 0; s < G_N_ELEMENTS (subfolders); s++)
      {
        g_autofree char *path = g_build_filename (folders[i], subfolders[s], name, NULL);
        gconstpointer found = g_file_test (path, G_FILE_TEST_EXISTS) ? open_file (path, symbol, abi, why) : NULL;

        if (found == NULL)
          continue;
        g_clear_pointer (why, g_free);
        return found;
      }
  return NULL;
}
