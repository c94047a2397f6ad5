/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writes the cache of modules for the build folder and, as meson's install script, for the installed folder:
 *   update-cache FOLDER       below $DESTDIR, if that is set
 */
#include <glib/gstdio.h>
#include <stdio.h>
#include "registry/registry.h"

int
main (int argc, char **argv)
{
  const char *destination = g_getenv ("DESTDIR");
  g_autofree char *folder = argc == 2 ? g_build_filename (destination ? destination : "", argv[1], NULL) : NULL;
  g_autoptr (GError) error = NULL;

  if (!folder)
    return 2;
  g_mkdir_with_parents (destination && *destination ? folder : argv[1], 0755);
  if (gtf_registry_update_cache (destination && *destination ? folder : argv[1], &error))
    return 0;
  fprintf (stderr, "%s\n", error->message);
  return 1;
}
