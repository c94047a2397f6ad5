/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CACHE/blobs, which huggingface_hub 2.4 makes for files that it gets by Xet: xx/HASH is the contents, xx/HASH.refs the repositories' blobs that link
 * to it, a line each, xx/HASH.lock its lock. We read through the links, and free contents as huggingface_hub does: what has no list that can
 * be read stays.
 */
#include "hub/scan.h"

#include <glib/gstdio.h>
#include <string.h>
#include "hub/store.h"

#define MARKER ".huggingface-shared-blobs"

static gboolean
is_store (const char *folder)
{
  g_autofree char *marker = g_build_filename (folder, MARKER, NULL), *text = NULL;

  return !g_file_test (folder, G_FILE_TEST_IS_SYMLINK) && g_file_get_contents (marker, &text, NULL, NULL) && strcmp (text, "1\n") == 0;
}

static gboolean
is_hash (const char *name)
{
  return strlen (name) == 64 && strspn (name, "0123456789abcdef") == 64;
}

/* Whether the blob of a repository, as a line of the list names it, still links to @store. */
static gboolean
links_here (const char *cache, const char *line, const char *store)
{
  g_autofree char *blob = NULL, *target = NULL, *folder = NULL, *full = NULL;

  if (!*line || *line == '/' || strstr (line, ".."))
    return FALSE;
  blob = g_build_filename (cache, line, NULL);
  target = g_file_read_link (blob, NULL);
  folder = g_path_get_dirname (blob);
  full = target ? g_canonicalize_filename (target, folder) : NULL;
  return g_strcmp0 (full, store) == 0;
}

/* The lines that still hold; NULL where the list cannot be read. (transfer full) */
static char **
valid_references (const char *cache, const char *store)
{
  g_autofree char *path = g_strconcat (store, ".refs", NULL), *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GStrvBuilder) valid = g_strv_builder_new ();

  if (g_file_test (path, G_FILE_TEST_IS_SYMLINK) || !g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++)
    if (links_here (cache, *line, store))
      g_strv_builder_add (valid, *line);
  return g_strv_builder_end (valid);
}

GPtrArray *
gtf_hub_shared_unused (const char *cache, gint64 *size)
{
  GPtrArray *unused = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *root = g_canonicalize_filename (cache, NULL), *folder = g_build_filename (root, "blobs", NULL);
  g_autoptr (GDir) dir = is_store (folder) ? g_dir_open (folder, 0, NULL) : NULL;
  const char *part, *name;

  while (dir && (part = g_dir_read_name (dir)))
    {
      g_autofree char *below = g_build_filename (folder, part, NULL);
      g_autoptr (GDir) inner = strlen (part) == 2 ? g_dir_open (below, 0, NULL) : NULL;

      while (inner && (name = g_dir_read_name (inner)))
        {
          g_autofree char *store = g_build_filename (below, name, NULL);
          g_auto (GStrv) references = is_hash (name) && g_str_has_prefix (name, part) ? valid_references (root, store) : NULL;
          GStatBuf st;

          if (references == NULL || *references || g_lstat (store, &st) != 0)
            continue;
          *size += st.st_size;
          g_ptr_array_add (unused, g_steal_pointer (&store));
        }
    }
  return unused;
}

void
gtf_hub_shared_release (const char *cache, const char *store)
{
  g_autofree char *root = g_canonicalize_filename (cache, NULL), *folder = g_build_filename (root, "blobs", NULL), *prefix = g_strconcat (folder, "/", NULL);
  g_autofree char *name = g_path_get_basename (store), *lock = g_strconcat (store, ".lock", NULL), *list = g_strconcat (store, ".refs", NULL);
  g_auto (GStrv) references = NULL;
  int fd;

  if (!g_str_has_prefix (store, prefix) || !is_hash (name) || !is_store (folder))
    return;
  fd = gtf_hub_lock (lock, NULL, NULL);
  references = fd >= 0 ? valid_references (root, store) : NULL;
  if (references && *references)
    {
      g_autofree char *text = g_strjoinv ("\n", references), *whole = g_strconcat (text, "\n", NULL);

      g_file_set_contents (list, whole, -1, NULL);
    }
  else if (references && g_unlink (store) == 0)
    g_unlink (list);
  gtf_hub_unlock (fd);
}
