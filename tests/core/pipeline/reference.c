/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/pipeline/reference.c: folders, built-in models, the cache, and what each wrong name is told.
 */
#include <string.h>
#include <glib/gstdio.h>
#include "pipeline/reference.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static char *root;

static void
put (const char *path, const char *text)
{
  g_autofree char *full = g_build_filename (root, path, NULL), *folder = g_path_get_dirname (full);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (full, text, -1, NULL));
}

static void
make_tree (void)
{
  g_autofree char *cache = NULL, *modules = NULL;

  root = g_dir_make_tmp ("gtf-reference-XXXXXX", NULL);
  put ("cache/models--org--name/refs/main", COMMIT);
  put ("cache/models--org--name/refs/v1", COMMIT);
  put ("cache/models--org--name/snapshots/" COMMIT "/config.json", "{}");
  put ("modules/models/index.json", "{\"echo\": \"toy\", \"other\": \"gone\"}");
  put ("modules/models/toy/config.json", "{}");
  put ("work/org/shadow/config.json", "{}");
  put ("work/builtin/toy/config.json", "{}");
  put ("work/file", "");
  cache = g_build_filename (root, "cache", NULL);
  modules = g_build_filename (root, "modules", NULL);
  g_setenv ("HF_HUB_CACHE", cache, TRUE);
  g_setenv ("GTF_PLUGIN_PATH", modules, TRUE);
  g_autofree char *work = g_build_filename (root, "work", NULL);
  g_assert_cmpint (g_chdir (work), ==, 0);
}

static const struct
{
  const char *ref, *revision;
  const char *directory;        /* below the root, or as given if it begins with '='; NULL: an error */
  const char *commit, *mentions;
} cases[] = {
  { "org/name", NULL, "cache/models--org--name/snapshots/" COMMIT, COMMIT, NULL },
  { "org/name@v1", NULL, "cache/models--org--name/snapshots/" COMMIT, COMMIT, NULL },
  { "org/name", "v1", "cache/models--org--name/snapshots/" COMMIT, COMMIT, NULL },
  { "org/name@v1", "v1", "cache/models--org--name/snapshots/" COMMIT, COMMIT, NULL },
  { "org/name@v1", "main", NULL, NULL, "one of the two" },
  { "org/name@v2", NULL, NULL, NULL, "gtransformers download org/name --revision v2" },
  { "org/shadow", NULL, "=org/shadow", NULL, NULL },
  { "./builtin/toy", NULL, "=./builtin/toy", NULL, NULL },
  { "builtin/toy", NULL, "modules/models/toy", NULL, NULL },
  { "builtin/nothing", NULL, NULL, NULL, "no built-in model" },
  { "builtin/", NULL, NULL, NULL, "no built-in model" },
  { "builtin/../cache", NULL, NULL, NULL, "no built-in model" },
  { "auto", NULL, NULL, NULL, "only for a task" },
  { "", NULL, NULL, NULL, "empty" },
  { "file", NULL, NULL, NULL, "found a file" },
  { "./nowhere", NULL, NULL, NULL, "no such folder" },
  { "/nowhere/at/all", NULL, NULL, NULL, "no such folder" },
  { "a/b/c", NULL, NULL, NULL, "no such folder" },
  { "org/absent", NULL, NULL, NULL, "gtransformers download org/absent" },
  { "what is this", NULL, NULL, NULL, "no name of a repository" },
};

static void
test_resolve (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfReference) found = gtf_reference_resolve (cases[i].ref, cases[i].revision, &error);
      g_autofree char *expected = NULL;

      g_test_message ("'%s'", cases[i].ref);
      if (cases[i].directory == NULL)
        {
          g_assert_null (found);
          g_assert_nonnull (error);
          g_assert_nonnull (strstr (error->message, cases[i].mentions));
          continue;
        }
      g_assert_no_error (error);
      expected = cases[i].directory[0] == '=' ? g_strdup (cases[i].directory + 1) : g_build_filename (root, cases[i].directory, NULL);
      g_assert_cmpstr (found->directory, ==, expected);
      g_assert_cmpstr (found->commit, ==, cases[i].commit);
    }
}

static void
test_builtin (void)
{
  g_autofree char *echo = gtf_builtin_for_task ("echo"), *other = gtf_builtin_for_task ("other"), *none = gtf_builtin_for_task ("none");

  g_assert_cmpstr (echo, ==, "builtin/toy");
  g_assert_null (other);
  g_assert_null (none);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  make_tree ();
  g_test_add_func ("/pipeline/reference/resolve", test_resolve);
  g_test_add_func ("/pipeline/reference/builtin", test_builtin);
  return g_test_run ();
}
