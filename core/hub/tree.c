/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The listing of a commit, kept beside its snapshot: {"format_version": 1, "files": {PATH: {"size", "blob_id", "lfs_sha256", "lfs_size",
 * "xet_hash"}}}. A commit never changes, so that its listing is asked for once. It is a help and no more: one that cannot be
 * read is asked for again, one that cannot be written is not missed.
 */
#include "hub/repository.h"

#include <errno.h>
#include <glib/gstdio.h>
#include "base/file.h"
#include "base/json-print.h"
#include "base/json.h"

#define VERSION 1

static const char *
text_of (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static GtfHubFile *
read_file (const char *path, JsonNode *node)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *sha256 = object ? text_of (object, "lfs_sha256") : NULL, *blob = object ? text_of (object, "blob_id") : NULL;
  JsonNode *size = object ? json_object_get_member (object, sha256 ? "lfs_size" : "size") : NULL;
  const char *etag = sha256 ? sha256 : blob;
  GtfHubFile *file;

  if (!etag || strspn (etag, "0123456789abcdef") != strlen (etag) || !*etag || !gtf_hub_check_path ("", path, NULL))
    return NULL;
  if (size == NULL || json_node_get_value_type (size) != G_TYPE_INT64 || json_node_get_int (size) < 0)
    return NULL;
  file = g_new0 (GtfHubFile, 1);
  file->path = g_strdup (path);
  file->etag = g_strdup (etag);
  file->blob_id = g_strdup (blob);
  file->size = json_node_get_int (size);
  file->lfs = sha256 != NULL;
  return file;
}

static char *
tree_path (const char *folder, const char *commit)
{
  g_autofree char *name = g_strconcat (commit, ".json", NULL);

  return g_build_filename (folder, "trees", name, NULL);
}

GPtrArray *
gtf_hub_tree_read (const char *folder, const char *commit)
{
  g_autofree char *path = tree_path (folder, commit);
  g_autoptr (JsonObject) object = gtf_json_load_object (path, NULL);
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_hub_file_free);
  JsonNode *version = object ? json_object_get_member (object, "format_version") : NULL;
  JsonNode *list = object ? json_object_get_member (object, "files") : NULL;
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (version == NULL || json_node_get_value_type (version) != G_TYPE_INT64 || json_node_get_int (version) != VERSION || !list || !JSON_NODE_HOLDS_OBJECT (list))
    return NULL;
  json_object_iter_init_ordered (&iter, json_node_get_object (list));
  while (json_object_iter_next_ordered (&iter, &name, &node))
    {
      GtfHubFile *file = read_file (name, node);

      if (file == NULL)
        return NULL;
      g_ptr_array_add (files, file);
    }
  return g_steal_pointer (&files);
}

static int
by_path (gconstpointer a, gconstpointer b)
{
  const GtfHubFile *const *first = a, *const *second = b;

  return strcmp ((*first)->path, (*second)->path);
}

static char *
tree_text (GPtrArray *files)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_copy (files, NULL, NULL);
  g_autoptr (GString) out = g_string_new (NULL);

  g_ptr_array_set_free_func (sorted, NULL);
  g_ptr_array_sort (sorted, by_path);
  g_string_append_printf (out, "{\n \"format_version\": %d,\n \"files\": {", VERSION);
  for (guint i = 0; i < sorted->len; i++)
    {
      const GtfHubFile *file = sorted->pdata[i];

      g_string_append (out, i ? ",\n  " : "\n  ");
      gtf_json_append_string (out, file->path);
      g_string_append_printf (out, ": {\n   \"size\": %" G_GINT64_FORMAT ",\n   \"blob_id\": \"%s\"", file->size, file->blob_id ? file->blob_id : file->etag);
      if (file->lfs)
        g_string_append_printf (out, ",\n   \"lfs_sha256\": \"%s\",\n   \"lfs_size\": %" G_GINT64_FORMAT, file->etag, file->size);
      g_string_append (out, "\n  }");
    }
  g_string_append (out, "\n }\n}");
  return g_string_free (g_steal_pointer (&out), FALSE);
}

void
gtf_hub_tree_write (const char *folder, const char *commit, GPtrArray *files)
{
  g_autofree char *path = tree_path (folder, commit), *below = g_path_get_dirname (path), *text = tree_text (files);

  if (g_mkdir_with_parents (below, 0777) == 0)
    g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}
