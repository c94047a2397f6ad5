/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The search: for each folder its cache, then the file of that name. A cache is read once and again when its file changes.
 *
 * plugins.cache is text, one module a line, fields between tabs: folder, name, keys (commas between), description. What it
 * says is checked again when the module is opened; a line whose file is gone is passed over.
 */
#include "registry/registry.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/folders.h"
#include "base/quote.h"
#include "registry/cache.h"
#include "registry/module.h"

static const struct
{
  const char *folder, *word, *key;
} kinds[] = {
  { "plugins", "architecture", "model_type" },
  { "tasks", "task", "task" },
  { "preprocessors", "preprocessor", "type" },
};

const char *
gtf_plugin_kind_get_folder (GtfPluginKind kind)
{
  return kinds[kind].folder;
}

/* ---- folders -------------------------------------------------------------------------------------------------------- */

char **
gtf_registry_get_folders (void)
{
  return gtf_module_folders ();
}

static char *
module_path (const char *folder, GtfPluginKind kind, const char *name)
{
  g_autofree char *file = g_strconcat ("gtf-", name, ".so", NULL);

  return g_build_filename (folder, kinds[kind].folder, file, NULL);
}

/* ---- the search ----------------------------------------------------------------------------------------------------- */

static gboolean
serves (GtfPluginKind kind, const GtfPlugin *plugin, const char *key)
{
  g_auto (GStrv) keys = gtf_module_dup_keys (kind, plugin);

  return strcmp (plugin->name, key) == 0 || g_strv_contains ((const char *const *) keys, key);
}

/* Looks in one folder. NULL without an error: nothing here. */
static const GtfPlugin *
find_in_folder (const char *folder, GtfPluginKind kind, const char *key, GError **error)
{
  g_autofree char *name = gtf_plugin_cache_lookup (folder, kind, key);
  g_autofree char *path = NULL;
  const GtfPlugin *plugin;

  if (name)
    path = module_path (folder, kind, name);
  if (!path || !g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_free (name);
      g_free (path);
      name = g_strdup (key);
      path = module_path (folder, kind, key);
      if (!g_file_test (path, G_FILE_TEST_EXISTS))
        return NULL;
    }
  plugin = gtf_module_open (kind, path, name, error);
  if (plugin && !serves (kind, plugin, key))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "%s: does not serve the %s \"%s\"", path, kinds[kind].key, key);
      return NULL;
    }
  return plugin;
}

const GtfPlugin *
gtf_registry_find (GtfPluginKind kind, const char *key, GError **error)
{
  g_auto (GStrv) folders = gtf_registry_get_folders ();
  g_autofree char *searched = NULL;

  if (!gtf_module_name_is_safe (key))
    {
      g_autofree char *quoted = gtf_quote (key, -1);
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "\"%s\" is no name of a %s", quoted, kinds[kind].key);
      return NULL;
    }
  for (char **folder = folders; *folder; folder++)
    {
      GError *local = NULL;
      const GtfPlugin *plugin = find_in_folder (*folder, kind, key, &local);

      if (plugin)
        return plugin;
      if (local)
        {
          g_propagate_error (error, local);
          return NULL;
        }
    }
  searched = g_strjoinv (", ", folders);
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED,
               "no %s module serves the %s \"%s\": needed is %s/gtf-%s.so, or one of another name that a cache knows (searched: %s). "
               "After adding a module, run: gtransformers plugins --update-cache DIR",
               kinds[kind].word, kinds[kind].key, key, kinds[kind].folder, key, searched);
  return NULL;
}

const GtfArchitecture *
gtf_registry_find_architecture (const char *model_type, const GtfArchitecturePlugin **plugin, GError **error)
{
  const GtfArchitecturePlugin *found = (const GtfArchitecturePlugin *) gtf_registry_find (GTF_PLUGIN_ARCHITECTURE, model_type, error);

  if (!found)
    return NULL;
  if (plugin)
    *plugin = found;
  for (const GtfArchitecture *const *a = found->architectures; *a; a++)
    if (g_strv_contains ((*a)->model_types, model_type))
      return *a;
  g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "the module gtf-%s.so does not serve the model_type \"%s\"", found->head.name, model_type);
  return NULL;
}

/* ---- listing -------------------------------------------------------------------------------------------------------- */

static void
info_free (gpointer data)
{
  GtfPluginInfo *info = data;

  g_free (info->name);
  g_free (info->path);
  g_strfreev (info->keys);
  g_free (info->description);
  g_free (info);
}

static gint
compare_infos (gconstpointer a, gconstpointer b)
{
  const GtfPluginInfo *x = *(GtfPluginInfo *const *) a, *y = *(GtfPluginInfo *const *) b;

  if (x->kind != y->kind)
    return (gint) x->kind - (gint) y->kind;
  return strcmp (x->name, y->name);
}

static void
list_folder (const char *folder, GtfPluginKind kind, GPtrArray *infos, GHashTable *seen)
{
  g_autofree char *path = g_build_filename (folder, kinds[kind].folder, NULL);
  g_auto (GStrv) names = gtf_plugin_cache_scan (path);

  for (char **name = names; *name; name++)
    {
      GtfPluginInfo *info = g_new0 (GtfPluginInfo, 1);
      char *id = g_strdup_printf ("%d/%s", kind, *name);

      info->kind = kind;
      info->name = g_strdup (*name);
      info->path = module_path (folder, kind, *name);
      info->keys = gtf_plugin_cache_get (folder, kind, *name, &info->description);
      info->shadowed = !g_hash_table_add (seen, id);
      g_ptr_array_add (infos, info);
    }
}

GPtrArray *
gtf_registry_list (void)
{
  GPtrArray *infos = g_ptr_array_new_with_free_func (info_free);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_auto (GStrv) folders = gtf_registry_get_folders ();

  for (char **folder = folders; *folder; folder++)
    for (guint kind = 0; kind < G_N_ELEMENTS (kinds); kind++)
      list_folder (*folder, kind, infos, seen);
  g_ptr_array_sort (infos, compare_infos);
  return infos;
}
