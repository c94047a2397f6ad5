/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the Hub for tests has: repositories, their revisions, files.
 */
#include "server-private.h"

#include <string.h>

static void
file_free (gpointer data)
{
  HubFile *file = data;

  g_free (file->path);
  g_bytes_unref (file->data);
  g_free (file->oid);
  g_free (file->etag);
  g_free (file);
}

void
hub_tree_free (gpointer data)
{
  HubTree *tree = data;

  g_free (tree->id);
  g_free (tree->revision);
  g_free (tree->commit);
  g_ptr_array_unref (tree->files);
  g_free (tree);
}

char *
hub_git_oid (const void *data, gsize length)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);
  g_autofree char *head = g_strdup_printf ("blob %" G_GSIZE_FORMAT, length);

  g_checksum_update (sum, (const guchar *) head, (gssize) strlen (head) + 1);
  g_checksum_update (sum, data, (gssize) length);
  return g_strdup (g_checksum_get_string (sum));
}

HubTree *
hub_find_tree (HubServer *self, const char *id, const char *revision)
{
  for (guint i = 0; i < self->trees->len; i++)
    {
      HubTree *tree = self->trees->pdata[i];

      if (strcmp (tree->id, id) == 0 && (strcmp (tree->revision, revision) == 0 || strcmp (tree->commit, revision) == 0
                                         || (strlen (revision) >= 7 && g_str_has_prefix (tree->commit, revision))))
        return tree;
    }
  return NULL;
}

gboolean
hub_has_repository (HubServer *self, const char *id)
{
  for (guint i = 0; i < self->trees->len; i++)
    if (strcmp (((HubTree *) self->trees->pdata[i])->id, id) == 0)
      return TRUE;
  return FALSE;
}

HubFile *
hub_find_file (HubTree *tree, const char *path)
{
  for (guint i = 0; i < tree->files->len; i++)
    if (strcmp (((HubFile *) tree->files->pdata[i])->path, path) == 0)
      return tree->files->pdata[i];
  return NULL;
}

HubTree *
hub_add_tree (HubServer *self, const char *id, const char *revision)
{
  HubTree *tree = g_new0 (HubTree, 1);

  tree->id = g_strdup (id);
  tree->revision = g_strdup (revision);
  tree->commit = g_strdup ("");
  tree->files = g_ptr_array_new_with_free_func (file_free);
  g_ptr_array_add (self->trees, tree);
  return tree;
}

void
hub_put_file (HubTree *tree, const char *path, GBytes *data, gboolean lfs)
{
  HubFile *file = g_new0 (HubFile, 1), *old = hub_find_file (tree, path);

  file->path = g_strdup (path);
  file->data = g_bytes_ref (data);
  file->oid = hub_git_oid (g_bytes_get_data (data, NULL), g_bytes_get_size (data));
  file->etag = lfs ? g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, data) : g_strdup (file->oid);
  file->lfs = lfs;
  if (old)
    g_ptr_array_remove (tree->files, old);
  g_ptr_array_add (tree->files, file);
}

void
hub_name_commit (HubTree *tree)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);

  g_checksum_update (sum, (const guchar *) tree->id, -1);
  for (guint i = 0; i < tree->files->len; i++)
    {
      g_checksum_update (sum, (const guchar *) ((HubFile *) tree->files->pdata[i])->path, -1);
      g_checksum_update (sum, (const guchar *) ((HubFile *) tree->files->pdata[i])->etag, -1);
    }
  g_free (tree->commit);
  tree->commit = g_strdup (g_checksum_get_string (sum));
}

void
hub_change_file (HubServer *self, HubTree *tree, const char *path, const char *text)
{
  HubTree *old = hub_add_tree (self, tree->id, tree->commit);
  g_autoptr (GBytes) data = g_bytes_new (text, strlen (text));
  const HubFile *file = hub_find_file (tree, path);

  for (guint i = 0; i < tree->files->len; i++)
    {
      const HubFile *same = tree->files->pdata[i];

      hub_put_file (old, same->path, same->data, same->lfs);
    }
  hub_name_commit (old);
  hub_put_file (tree, path, data, file && file->lfs);
  hub_name_commit (tree);
}

void
hub_server_add (HubServer *self, const char *id, const char *revision, const char *path, const void *data, gssize length, gboolean lfs)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, length < 0 ? strlen (data) : (gsize) length);
  HubTree *tree;

  g_mutex_lock (&self->lock);
  tree = hub_find_tree (self, id, revision);
  if (tree == NULL)
    tree = hub_add_tree (self, id, revision);
  hub_put_file (tree, path, bytes, lfs);
  hub_name_commit (tree);
  g_mutex_unlock (&self->lock);
}

static void
add_below (HubServer *self, const char *id, const char *revision, const char *root, const char *below)
{
  g_autofree char *folder = g_build_filename (root, below, NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = *below ? g_build_filename (below, name, NULL) : g_strdup (name), *full = g_build_filename (root, path, NULL), *data = NULL;
      gsize length;

      if (g_file_test (full, G_FILE_TEST_IS_DIR))
        add_below (self, id, revision, root, path);
      else if (g_file_get_contents (full, &data, &length, NULL))
        hub_server_add (self, id, revision, path, data, (gssize) length, length > 1024 || g_str_has_suffix (name, ".safetensors") || g_str_has_suffix (name, ".bin"));
    }
}

void
hub_server_add_folder (HubServer *self, const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *org;

  while (dir && (org = g_dir_read_name (dir)))
    {
      g_autofree char *below = g_build_filename (folder, org, NULL);
      g_autoptr (GDir) inner = g_dir_open (below, 0, NULL);
      const char *name;

      while (inner && (name = g_dir_read_name (inner)))
        {
          g_autofree char *root = g_build_filename (below, name, NULL);
          g_auto (GStrv) parts = g_strsplit (name, "@", 2);
          g_autofree char *id = g_strdup_printf ("%s/%s", org, parts[0]);

          add_below (self, id, parts[1] ? parts[1] : "main", root, "");
        }
    }
}

void
hub_server_set_access (HubServer *self, const char *id, HubAccess access)
{
  g_mutex_lock (&self->lock);
  g_hash_table_insert (self->access, g_strdup (id), GINT_TO_POINTER (access));
  g_mutex_unlock (&self->lock);
}

char *
hub_server_get_commit (HubServer *self, const char *id, const char *revision)
{
  HubTree *tree;
  char *commit;

  g_mutex_lock (&self->lock);
  tree = hub_find_tree (self, id, revision);
  commit = tree ? g_strdup (tree->commit) : NULL;
  g_mutex_unlock (&self->lock);
  return commit;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char *
hub_server_list (HubServer *self, const char *id, const char *revision)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  HubTree *tree;
  char *list;

  g_mutex_lock (&self->lock);
  tree = hub_find_tree (self, id, revision);
  for (guint i = 0; tree && i < tree->files->len; i++)
    g_ptr_array_add (paths, ((HubFile *) tree->files->pdata[i])->path);
  g_ptr_array_sort (paths, compare_names);
  g_ptr_array_add (paths, NULL);
  list = tree ? g_strjoinv (" ", (char **) paths->pdata) : NULL;
  g_mutex_unlock (&self->lock);
  return list;
}

GBytes *
hub_server_get (HubServer *self, const char *id, const char *revision, const char *path, gboolean *lfs)
{
  HubTree *tree;
  HubFile *file;
  GBytes *data;

  g_mutex_lock (&self->lock);
  tree = hub_find_tree (self, id, revision);
  file = tree ? hub_find_file (tree, path) : NULL;
  data = file ? g_bytes_ref (file->data) : NULL;
  if (file && lfs)
    *lfs = file->lfs;
  g_mutex_unlock (&self->lock);
  return data;
}
