/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Looks where the registry looks: FOLDER/media as installed, FOLDER/preprocessors in a build folder.
 */
#include "media-module.h"

#include <gmodule.h>
#include "registry/registry.h"

gpointer
gtf_media_module_find (const char *file, const char *symbol)
{
  static const char *const subfolders[] = { "media", "preprocessors" };
  g_auto (GStrv) folders = gtf_registry_get_folders ();
  gpointer found = NULL;

  for (guint i = 0; folders[i] && !found; i++)
    for (guint s = 0; s < G_N_ELEMENTS (subfolders) && !found; s++)
      {
        g_autofree char *path = g_build_filename (folders[i], subfolders[s], file, NULL);
        GModule *module = g_file_test (path, G_FILE_TEST_EXISTS) ? g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL) : NULL;

        if (module && g_module_symbol (module, symbol, &found))
          g_module_make_resident (module);
        else
          found = NULL;
      }
  return found;
}
