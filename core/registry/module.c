/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A module is opened with all its symbols bound (a missing one is an error here, not a crash later), asked for its one
 * function, and checked: ABI, size of the struct, name. Each check has its own message.
 */
#include "registry/module.h"

#include <gmodule.h>
#include <string.h>

static const struct
{
  const char *symbol;
  guint32 size;         /* of the struct in the first version of the ABI */
} kinds[] = {
  { "gtf_plugin_", sizeof (GtfArchitecturePlugin) },
  { "gtf_task_", sizeof (GtfKeyedPlugin) },
  { "gtf_preprocessor_", sizeof (GtfKeyedPlugin) },
};

gboolean
gtf_module_name_is_safe (const char *name)
{
  gsize n = strlen (name);

  if (n == 0 || n > 100 || name[0] == '.')
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (!g_ascii_isalnum (name[i]) && !strchr ("-_.", name[i]))
      return FALSE;
  return TRUE;
}

static char *
symbol_of (GtfPluginKind kind, const char *name)
{
  char *symbol = g_strconcat (kinds[kind].symbol, name, NULL);

  return g_strdelimit (symbol, "-.", '_');
}

static gboolean
fail (GError **error, const char *path, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "%s: %s", path, what);
  return FALSE;
}

static gboolean
check_architectures (const GtfArchitecturePlugin *plugin, const char *path, GError **error)
{
  if (!plugin->architectures || !plugin->architectures[0])
    return fail (error, path, "has no architectures");
  for (const GtfArchitecture *const *a = plugin->architectures; *a; a++)
    {
      if ((*a)->struct_size < sizeof (GtfArchitecture))
        return fail (error, path, "struct_size of an architecture is %u, expected at least %zu; rebuild it", (*a)->struct_size, sizeof (GtfArchitecture));
      if (!(*a)->model_types || !(*a)->config || !(*a)->weights || !(*a)->heads)
        return fail (error, path, "an architecture lacks its model_types, config, weights or heads");
    }
  return TRUE;
}

static gboolean
check_plugin (GtfPluginKind kind, const GtfPlugin *plugin, const char *path, const char *name, GError **error)
{
  if (!plugin)
    return fail (error, path, "its function gave no description");
  if (plugin->abi != GTF_PLUGIN_ABI)
    return fail (error, path, "was built for plugin ABI %u, this library has %u; rebuild it", plugin->abi, GTF_PLUGIN_ABI);
  if (plugin->struct_size < kinds[kind].size)
    return fail (error, path, "struct_size is %u, expected at least %u; rebuild it", plugin->struct_size, kinds[kind].size);
  if (g_strcmp0 (plugin->name, name) != 0)
    return fail (error, path, "says its name is \"%s\", expected \"%s\" as in the name of its file", plugin->name ? plugin->name : "", name);
  return kind != GTF_PLUGIN_ARCHITECTURE || check_architectures ((const GtfArchitecturePlugin *) plugin, path, error);
}

static const GtfPlugin *
open_unlocked (GtfPluginKind kind, const char *path, const char *name, GError **error)
{
  g_autofree char *symbol = symbol_of (kind, name);
  const GtfPlugin *(*get) (void) = NULL;
  const GtfPlugin *plugin;
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);

  if (!module)
    {
      fail (error, path, "cannot be loaded: %s", g_module_error ());
      return NULL;
    }
  if (!g_module_symbol (module, symbol, (gpointer *) &get) || !get)
    {
      fail (error, path, "is no module of this kind: it has no function %s()", symbol);
      g_module_close (module);
      return NULL;
    }
  plugin = get ();
  if (!check_plugin (kind, plugin, path, name, error))
    {
      g_module_close (module);
      return NULL;
    }
  g_module_make_resident (module);
  return plugin;
}

const GtfPlugin *
gtf_module_open (GtfPluginKind kind, const char *path, const char *name, GError **error)
{
  static GMutex mutex;
  static GHashTable *open;      /* path -> GtfPlugin; never freed, as the modules are */
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&mutex);
  const GtfPlugin *plugin;

  if (!open)
    open = g_hash_table_new (g_str_hash, g_str_equal);
  plugin = g_hash_table_lookup (open, path);
  if (plugin && g_strcmp0 (plugin->name, name) == 0)
    return plugin;
  plugin = open_unlocked (kind, path, name, error);
  if (plugin)
    g_hash_table_insert (open, g_strdup (path), (gpointer) plugin);
  return plugin;
}

char **
gtf_module_dup_keys (GtfPluginKind kind, const GtfPlugin *plugin)
{
  g_autoptr (GStrvBuilder) keys = g_strv_builder_new ();

  if (kind == GTF_PLUGIN_ARCHITECTURE)
    {
      for (const GtfArchitecture *const *a = ((const GtfArchitecturePlugin *) plugin)->architectures; *a; a++)
        for (const char *const *type = (*a)->model_types; *type; type++)
          g_strv_builder_add (keys, *type);
      return g_strv_builder_end (keys);
    }
  if (kind == GTF_PLUGIN_TASK)
    g_strv_builder_add (keys, plugin->name);
  for (const char *const *key = ((const GtfKeyedPlugin *) plugin)->keys; key && *key; key++)
    g_strv_builder_add (keys, *key);
  return g_strv_builder_end (keys);
}
