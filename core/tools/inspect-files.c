/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which files a repository has, by its listing or by looking.
 */
#include "tools/inspect.h"

#include <string.h>
#include <sys/stat.h>
#include "hub/repository.h"

#define MAX_DEPTH 8
#define MAX_FILES 10000

typedef struct
{
  char *name;
  gint64 size;
} File;

static void
file_free (gpointer data)
{
  g_free (((File *) data)->name);
  g_free (data);
}

static void
find_files (const char *directory, const char *prefix, guint depth, GPtrArray *files)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *entry;

  while (dir && (entry = g_dir_read_name (dir)) && files->len < MAX_FILES)
    {
      g_autofree char *path = g_build_filename (directory, entry, NULL), *name = g_strconcat (prefix, entry, NULL), *inner = g_strconcat (name, "/", NULL);
      struct stat st;

      if (strcmp (entry, ".git") == 0 || strcmp (entry, ".cache") == 0 || stat (path, &st) != 0)
        continue;
      if (S_ISDIR (st.st_mode) && depth < MAX_DEPTH)
        find_files (path, inner, depth + 1, files);
      else if (S_ISREG (st.st_mode))
        {
          File *file = g_new (File, 1);

          file->name = g_steal_pointer (&name);
          file->size = st.st_size;
          g_ptr_array_add (files, file);
        }
    }
}

static gint
compare_files (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(File *const *) a)->name, (*(File *const *) b)->name);
}

/* What the listing of a snapshot, two folders above it, says. */
static void
list_files (const GtfReference *reference, GPtrArray *files)
{
  g_autofree char *snapshots = g_path_get_dirname (reference->directory), *store = g_path_get_dirname (snapshots);
  g_autoptr (GPtrArray) listing = reference->commit ? gtf_hub_tree_read (store, reference->commit) : NULL;

  for (guint i = 0; listing && i < listing->len; i++)
    {
      const GtfHubFile *listed = listing->pdata[i];
      File *file = g_new (File, 1);

      *file = (File) { g_strdup (listed->path), listed->size };
      g_ptr_array_add (files, file);
    }
}

JsonArray *
inspect_files (const GtfReference *reference)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (file_free);
  JsonArray *out = json_array_new ();

  list_files (reference, files);
  if (files->len == 0)
    find_files (reference->directory, "", 0, files);
  g_ptr_array_sort (files, compare_files);
  for (guint i = 0; i < files->len; i++)
    {
      const File *file = files->pdata[i];
      g_autofree char *valid = g_utf8_make_valid (file->name, -1);
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, "name", valid);
      json_object_set_int_member (object, "size", file->size);
      json_array_add_object_element (out, object);
    }
  return out;
}
