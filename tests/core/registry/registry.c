/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Finding modules: with and without a cache, and each way in which a module can be wrong.
 */
#include "registry/registry.h"

#include <glib/gstdio.h>
#include <string.h>

/* Where meson built the modules: the folder of this program's GTF_PLUGIN_PATH. */
static char *built;

static char *
copy_folder (const char *const *names)
{
  g_autofree char *root = g_dir_make_tmp ("gtf-registry-XXXXXX", NULL);
  g_autofree char *folder = g_build_filename (root, "plugins", NULL);

  g_mkdir (folder, 0700);
  for (; *names; names++)
    {
      g_autofree char *file = g_strdup_printf ("gtf-%s.so", *names);
      g_autofree char *from = g_build_filename (built, "plugins", file, NULL), *to = g_build_filename (folder, file, NULL);
      g_autofree char *data = NULL;
      gsize length;

      g_assert_true (g_file_get_contents (from, &data, &length, NULL));
      g_assert_true (g_file_set_contents (to, data, (gssize) length, NULL));
    }
  g_setenv ("GTF_PLUGIN_PATH", root, TRUE);
  return g_steal_pointer (&root);
}

static void
remove_folder (const char *root)
{
  g_autofree char *folder = g_build_filename (root, "plugins", NULL), *cache = g_build_filename (root, "plugins.cache", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_unlink (path);
    }
  g_unlink (cache);
  g_rmdir (folder);
  g_rmdir (root);
}

static void
test_by_name (void)
{
  g_autofree char *root = copy_folder ((const char *[]) { "demo", NULL });
  g_autoptr (GError) error = NULL;
  const GtfArchitecturePlugin *plugin = NULL;
  const GtfArchitecture *a = gtf_registry_find_architecture ("demo", &plugin, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (a->model_types[0], ==, "demo");
  g_assert_cmpstr (plugin->head.name, ==, "demo");
  g_assert_null (gtf_registry_find_architecture ("demo-other", NULL, &error));    /* no cache: by its name only */
  g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "--update-cache"));
  remove_folder (root);
}

static void
test_by_cache (void)
{
  g_autofree char *root = copy_folder ((const char *[]) { "demo", NULL });
  g_autofree char *cache = g_build_filename (root, "plugins.cache", NULL), *text = NULL, *module = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) list = NULL;
  const GtfPluginInfo *info = NULL;

  g_assert_true (gtf_registry_update_cache (root, &error));
  g_assert_true (g_file_get_contents (cache, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "plugins\tdemo\tdemo,demo-other\tFor tests\n"));
  g_assert_nonnull (gtf_registry_find_architecture ("demo-other", NULL, &error));
  g_assert_no_error (error);
  list = gtf_registry_list ();
  g_assert_cmpuint (list->len, >=, 1);
  for (guint i = 0; i < list->len; i++)
    {
      info = list->pdata[i];
      if (strcmp (info->name, "demo") == 0 && g_str_has_prefix (info->path, root))
        break;
      g_assert_cmpuint (i + 1, <, list->len);
    }
  g_assert_cmpint (info->kind, ==, GTF_PLUGIN_ARCHITECTURE);
  g_assert_cmpstr (info->keys[1], ==, "demo-other");

  /* A cache that tells of a module that is gone is passed over. */
  module = g_build_filename (root, "plugins", "gtf-demo.so", NULL);
  g_unlink (module);
  g_assert_null (gtf_registry_find_architecture ("demo-other", NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
  remove_folder (root);
}

/* A subfolder may be named instead of its parent; what cannot be opened is left out. */
static void
test_update_leaves_out (void)
{
  g_autofree char *root = copy_folder ((const char *[]) { "demo", "wrong-abi", "no-symbol", NULL });
  g_autofree char *folder = g_build_filename (root, "plugins", NULL), *cache = g_build_filename (root, "plugins.cache", NULL), *text = NULL;
  g_autofree char *garbage = g_build_filename (folder, "gtf-garbage.so", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (garbage, "no library", -1, NULL));
  for (guint i = 0; i < 3; i++)
    g_test_expect_message ("gtf", G_LOG_LEVEL_MESSAGE, "left out of the cache: *");
  g_assert_true (gtf_registry_update_cache (folder, &error));
  g_test_assert_expected_messages ();
  g_assert_true (g_file_get_contents (cache, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "plugins\tdemo\t"));
  g_assert_null (strstr (text, "wrong-abi"));
  remove_folder (root);
}

static void
test_wrong (void)
{
  static const struct { const char *key; int code; const char *message; } cases[] = {
    { "wrong-abi", GTF_ERROR_PLUGIN, "ABI 99" },
    { "wrong-name", GTF_ERROR_PLUGIN, "says its name is \"demo\"" },
    { "no-symbol", GTF_ERROR_PLUGIN, "has no function gtf_plugin_no_symbol()" },
    { "wrong-size", GTF_ERROR_PLUGIN, "struct_size is 8" },
    { "not-served", GTF_ERROR_PLUGIN, "does not serve the model_type \"not-served\"" },
    { "garbage", GTF_ERROR_PLUGIN, "cannot be loaded" },
    { "nosuchmodel", GTF_ERROR_UNSUPPORTED, "plugins/gtf-nosuchmodel.so" },
    { "../demo", GTF_ERROR_UNSUPPORTED, "is no name of a model_type" },
    { "", GTF_ERROR_UNSUPPORTED, "is no name of a model_type" },
    { ".", GTF_ERROR_UNSUPPORTED, "is no name of a model_type" },
    { "a/b", GTF_ERROR_UNSUPPORTED, "is no name of a model_type" },
  };
  g_autofree char *root = copy_folder ((const char *[]) { "wrong-abi", "wrong-name", "no-symbol", "wrong-size", "not-served", NULL });
  g_autofree char *garbage = g_build_filename (root, "plugins", "gtf-garbage.so", NULL);

  g_assert_true (g_file_set_contents (garbage, "no library", -1, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (gtf_registry_find_architecture (cases[i].key, NULL, &error));
      g_assert_error (error, GTF_ERROR, cases[i].code);
      if (!strstr (error->message, cases[i].message))
        g_error ("%s: \"%s\" does not say \"%s\"", cases[i].key, error->message, cases[i].message);
    }
  remove_folder (root);
}

static void
test_other_kinds (void)
{
  g_autofree char *root = copy_folder ((const char *[]) { NULL });
  g_autoptr (GError) error = NULL;

  g_assert_null (gtf_registry_find (GTF_PLUGIN_TASK, "no-such-task", &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "tasks/gtf-no-such-task.so"));
  g_clear_error (&error);
  g_assert_null (gtf_registry_find (GTF_PLUGIN_PREPROCESSOR, "NoSuchProcessor", &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  g_assert_false (gtf_registry_update_cache ("/no/such/folder", &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  remove_folder (root);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  built = g_strdup (g_getenv ("GTF_PLUGIN_PATH"));
  g_test_add_func ("/registry/by-name", test_by_name);
  g_test_add_func ("/registry/by-cache", test_by_cache);
  g_test_add_func ("/registry/update-leaves-out", test_update_leaves_out);
  g_test_add_func ("/registry/wrong", test_wrong);
  g_test_add_func ("/registry/other-kinds", test_other_kinds);
  return g_test_run ();
}
