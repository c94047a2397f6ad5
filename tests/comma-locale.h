/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A locale with a decimal comma: one that is installed, else one that is made in a temporary folder (localedef, LOCPATH).
 */
#pragma once

#include <locale.h>
#include <glib.h>

/* (nullable): its name; LC_NUMERIC is as before. LOCPATH stays set where it was made, also for child processes. */
static inline const char *
comma_locale (void)
{
  static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "pl_PL.UTF-8" };
  g_autofree char *before = g_strdup (setlocale (LC_NUMERIC, NULL));
  g_autofree char *folder = NULL, *path = NULL;
  const char *found = NULL;
  int status = -1;

  for (guint i = 0; i < G_N_ELEMENTS (names) && found == NULL; i++)
    if (setlocale (LC_NUMERIC, names[i]))
      found = names[i];
  if (found == NULL)
    {
      folder = g_dir_make_tmp ("gtf-locale-XXXXXX", NULL);
      path = g_build_filename (folder, names[0], NULL);
      const char *argv[] = { "localedef", "-f", "UTF-8", "-i", "de_DE", path, NULL };

      if (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL) && g_file_test (path, G_FILE_TEST_IS_DIR))
        {
          g_setenv ("LOCPATH", folder, TRUE);
          found = setlocale (LC_NUMERIC, names[0]) ? names[0] : NULL;
        }
    }
  setlocale (LC_NUMERIC, before);
  return found;
}
