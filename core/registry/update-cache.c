/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writes the cache of modules for the build folder and, as meson's install script, for the installed folder:
 *   update-cache FOLDER       below $DESTDIR, if that is set
 */
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
  if (gtf_registry_update_cache (destination && *destination ? folder : argv[1], &error))
    return 0;
  fprintf (stderr, "%s\n", error->message);
  return 1;
}
