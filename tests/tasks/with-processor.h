/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For tests: a golden repository with another image processor than its own.
 */
#pragma once

#include <glib.h>
#include <unistd.h>

/* A repository of links, beside which an image processor stands. (transfer full) */
static char *
with_processor (const char *directory, const char *processor)
{
  static const char *const names[] = { "config.json", "model.safetensors" };
  g_autoptr (GError) error = NULL;
  char *made = g_dir_make_tmp ("gtf-vision-XXXXXX", &error);
  g_autofree char *path = g_build_filename (made, "preprocessor_config.json", NULL);

  g_assert_no_error (error);
  g_assert_true (g_file_set_contents (path, processor, -1, &error));
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *from = g_build_filename (directory, names[i], NULL), *to = g_build_filename (made, names[i], NULL);

      g_assert_cmpint (symlink (from, to), ==, 0);
    }
  return made;
}

static void
remove_made (const char *directory)
{
  static const char *const names[] = { "config.json", "model.safetensors", "preprocessor_config.json" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (directory, names[i], NULL);

      g_assert_cmpint (unlink (path), ==, 0);
    }
  g_assert_cmpint (rmdir (directory), ==, 0);
}
