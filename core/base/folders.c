/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The folders of modules, in the order in which they are searched.
 */
#include "base/folders.h"

#include <dlfcn.h>

/* The folder of modules that belongs to the library as it was loaded: beside it when installed (wherever that is), and
 * the build's root when it is used out of the build. */
static char *
folder_of_library (void)
{
  g_autofree char *beside = NULL, *installed = NULL, *build = NULL, *cache = NULL;
  Dl_info info;

  if (!dladdr ((gpointer) gtf_module_folders, &info) || !info.dli_fname)
    return NULL;
  beside = g_path_get_dirname (info.dli_fname);
  installed = g_build_filename (beside, "gtransformers-1.0", NULL);
  if (g_file_test (installed, G_FILE_TEST_IS_DIR))
    return g_steal_pointer (&installed);
  if (!g_str_has_suffix (beside, "/core"))
    return NULL;
  build = g_path_get_dirname (beside);
  cache = g_build_filename (build, "plugins.cache", NULL);
  return g_file_test (cache, G_FILE_TEST_EXISTS) ? g_steal_pointer (&build) : NULL;
}

/* Each folder once: the build's own is often named in GTF_PLUGIN_PATH too. */
static void
add_folder (GPtrArray *folders, const char *folder)
{
  g_autofree char *path = g_canonicalize_filename (folder, NULL);

  if (!g_ptr_array_find_with_equal_func (folders, path, g_str_equal, NULL))
    g_ptr_array_add (folders, g_steal_pointer (&path));
}

char **
gtf_module_folders (void)
{
  GPtrArray *folders = g_ptr_array_new ();
  const char *variable = g_getenv ("GTF_PLUGIN_PATH");
  g_auto (GStrv) parts = g_strsplit (variable ? variable : "", ":", -1);
  g_autofree char *own = folder_of_library ();

  for (char **part = parts; *part; part++)
    if (**part)
      add_folder (folders, *part);
  if (own)
    add_folder (folders, own);
  add_folder (folders, GTF_MODULE_DIR);
  g_ptr_array_add (folders, NULL);
  return (char **) g_ptr_array_free (folders, FALSE);
}
