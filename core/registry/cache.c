/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading and writing plugins.cache. In memory there is one parsed cache a folder, kept until the file's time or size changes.
 */
#include "registry/cache.h"

#include <string.h>
#include <sys/stat.h>
#include "base/file.h"
#include "registry/module.h"

#define HEADER "# Written by gtransformers plugins --update-cache. folder, name, what it serves, description\n"
#define MAX_CACHE (4 * 1024 * 1024)

typedef struct
{
  GtfPluginKind kind;
  char *name, *description;
  char **keys;
} Line;

typedef struct
{
  struct timespec time;
  off_t size;
  ino_t inode;
  GPtrArray *lines;
} Cache;

static void
line_free (gpointer data)
{
  Line *line = data;

  g_free (line->name);
  g_free (line->description);
  g_strfreev (line->keys);
  g_free (line);
}

static void
cache_free (gpointer data)
{
  Cache *cache = data;

  g_ptr_array_unref (cache->lines);
  g_free (cache);
}

static Line *
parse_line (const char *text)
{
  g_auto (GStrv) fields = g_strsplit (text, "\t", 4);
  guint kind = 0;
  Line *line;

  if (g_strv_length (fields) < 3 || !gtf_module_name_is_safe (fields[1]))
    return NULL;
  while (kind <= GTF_PLUGIN_PREPROCESSOR && strcmp (fields[0], gtf_plugin_kind_get_folder (kind)) != 0)
    kind++;
  if (kind > GTF_PLUGIN_PREPROCESSOR)
    return NULL;
  line = g_new0 (Line, 1);
  line->kind = kind;
  line->name = g_strdup (fields[1]);
  line->keys = g_strsplit (fields[2], ",", -1);
  line->description = g_strdup (fields[3] ? fields[3] : "");
  return line;
}

static GPtrArray *
read_lines (const char *path)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (line_free);
  g_autofree char *text = NULL;
  g_auto (GStrv) rows = NULL;
  gsize length;

  if (!gtf_file_load (path, MAX_CACHE, &text, &length, NULL))
    return lines;
  rows = g_strsplit (text, "\n", -1);
  for (char **row = rows; *row; row++)
    {
      Line *line = **row && **row != '#' ? parse_line (*row) : NULL;

      if (line)
        g_ptr_array_add (lines, line);
    }
  return lines;
}

/* The lines of a folder's cache; NULL if it has none. The caller holds the lock. */
static GPtrArray *
lines_of (const char *folder)
{
  static GHashTable *caches;        /* folder -> Cache */
  g_autofree char *path = g_build_filename (folder, GTF_PLUGIN_CACHE, NULL);
  struct stat st;
  Cache *cache;

  if (!caches)
    caches = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, cache_free);
  if (stat (path, &st) < 0)
    {
      g_hash_table_remove (caches, folder);
      return NULL;
    }
  cache = g_hash_table_lookup (caches, folder);
  if (cache && cache->size == st.st_size && cache->inode == st.st_ino && memcmp (&cache->time, &st.st_mtim, sizeof st.st_mtim) == 0)
    return cache->lines;
  cache = g_new0 (Cache, 1);
  cache->time = st.st_mtim;
  cache->size = st.st_size;
  cache->inode = st.st_ino;
  cache->lines = read_lines (path);
  g_hash_table_replace (caches, g_strdup (folder), cache);
  return cache->lines;
}

static GMutex mutex;

char *
gtf_plugin_cache_lookup (const char *folder, GtfPluginKind kind, const char *key)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&mutex);
  GPtrArray *lines = lines_of (folder);

  for (guint i = 0; lines && i < lines->len; i++)
    {
      const Line *line = lines->pdata[i];

      if (line->kind == kind && g_strv_contains ((const char *const *) line->keys, key))
        return g_strdup (line->name);
    }
  return NULL;
}

char **
gtf_plugin_cache_get (const char *folder, GtfPluginKind kind, const char *name, char **description)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&mutex);
  GPtrArray *lines = lines_of (folder);

  for (guint i = 0; lines && i < lines->len; i++)
    {
      const Line *line = lines->pdata[i];

      if (line->kind != kind || strcmp (line->name, name) != 0)
        continue;
      if (description)
        *description = g_strdup (line->description);
      return g_strdupv (line->keys);
    }
  return NULL;
}

static gint
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

char **
gtf_plugin_cache_scan (const char *subfolder)
{
  GPtrArray *names = g_ptr_array_new ();
  g_autoptr (GDir) dir = g_dir_open (subfolder, 0, NULL);
  const char *file;

  while (dir && (file = g_dir_read_name (dir)))
    {
      g_autofree char *name = NULL;

      if (!g_str_has_prefix (file, "gtf-") || !g_str_has_suffix (file, ".so") || strlen (file) <= 7)
        continue;
      name = g_strndup (file + 4, strlen (file) - 7);
      if (gtf_module_name_is_safe (name))
        g_ptr_array_add (names, g_steal_pointer (&name));
    }
  g_ptr_array_sort (names, compare_strings);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

static void
describe_module (const char *folder, GtfPluginKind kind, const char *name, GString *out)
{
  const char *subfolder = gtf_plugin_kind_get_folder (kind), *description = "";
  g_autofree char *file = g_strconcat ("gtf-", name, ".so", NULL);
  g_autofree char *path = g_build_filename (folder, subfolder, file, NULL);
  g_autoptr (GError) error = NULL;
  const GtfPlugin *plugin = gtf_module_open (kind, path, name, &error);
  g_auto (GStrv) keys = NULL;
  g_autofree char *joined = NULL, *line = NULL;

  if (!plugin)
    {
      g_message ("left out of the cache: %s", error->message);
      return;
    }
  if (kind == GTF_PLUGIN_ARCHITECTURE && ((const GtfArchitecturePlugin *) plugin)->description)
    description = ((const GtfArchitecturePlugin *) plugin)->description;
  keys = gtf_module_dup_keys (kind, plugin);
  joined = g_strjoinv (",", keys);
  line = g_strdup (description);
  g_string_append_printf (out, "%s\t%s\t%s\t%s\n", subfolder, name, joined, g_strdelimit (line, "\t\n", ' '));
}

/* FOLDER, or its parent if it is one of the three subfolders itself. */
static char *
root_of (const char *folder)
{
  g_autofree char *path = g_canonicalize_filename (folder, NULL);
  g_autofree char *base = g_path_get_basename (path);

  for (guint kind = 0; kind <= GTF_PLUGIN_PREPROCESSOR; kind++)
    if (strcmp (base, gtf_plugin_kind_get_folder (kind)) == 0)
      return g_path_get_dirname (path);
  return g_steal_pointer (&path);
}

gboolean
gtf_registry_update_cache (const char *folder, GError **error)
{
  g_autofree char *root = root_of (folder), *path = g_build_filename (root, GTF_PLUGIN_CACHE, NULL);
  g_autoptr (GString) text = g_string_new (HEADER);
  g_autoptr (GtfFileWriter) writer = NULL;

  if (!g_file_test (root, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: is no folder", root);
      return FALSE;
    }
  for (guint kind = 0; kind <= GTF_PLUGIN_PREPROCESSOR; kind++)
    {
      g_autofree char *subfolder = g_build_filename (root, gtf_plugin_kind_get_folder (kind), NULL);
      g_auto (GStrv) names = gtf_plugin_cache_scan (subfolder);

      for (char **name = names; *name; name++)
        describe_module (root, kind, *name, text);
    }
  writer = gtf_file_writer_new (path, error);
  return writer && gtf_file_writer_write (writer, text->str, text->len, error) && gtf_file_writer_commit (writer, error);
}
