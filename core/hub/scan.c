/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading a cache as huggingface_hub's scan_cache_dir() does: what is not as it should be is a warning and passed over.
 *
 * A file counts where its contents are: once in a repository, however many revisions link to it, and contents of the shared store once in
 * the sum over all.
 */
#include "hub/scan.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include "base/file.h"
#include "hub/cache.h"
#include "hub/environment.h"

typedef struct
{
  GtfHubScan *scan;
  GtfHubCachedRepo *repo;
  GHashTable *sizes;            /* contents -> size, of this repository */
  GHashTable *all;              /* of the cache */
} Scanner;

static void
revision_free (gpointer data)
{
  GtfHubCachedRevision *self = data;

  g_free (self->commit);
  g_free (self->path);
  g_ptr_array_unref (self->refs);
  g_hash_table_unref (self->blobs);
  g_free (self);
}

static void
repo_free (gpointer data)
{
  GtfHubCachedRepo *self = data;

  g_free (self->id);
  g_free (self->key);
  g_free (self->folder);
  g_ptr_array_unref (self->revisions);
  g_ptr_array_unref (self->refs);
  g_free (self);
}

void
gtf_hub_scan_free (GtfHubScan *self)
{
  g_free (self->cache);
  g_ptr_array_unref (self->repos);
  g_ptr_array_unref (self->warnings);
  g_ptr_array_unref (self->incomplete);
  g_free (self);
}

static int
by_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* (transfer full) (element-type utf8): what is in a folder, sorted; empty where there is none. */
static GPtrArray *
names_in (const char *folder)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, by_text);
  return names;
}

static void
warn (Scanner *s, const char *format, const char *path)
{
  g_ptr_array_add (s->scan->warnings, g_strdup_printf ("%s: %s", path, format));
}

/* ---- a revision ----------------------------------------------------------------------------------------------------- */

/* (transfer full) (nullable): where the contents of a file are, through its links. */
static char *
contents_of (const char *path)
{
  char *real = realpath (path, NULL), *copy = g_strdup (real);

  free (real);
  return copy;
}

static void
count_file (Scanner *s, GtfHubCachedRevision *revision, const char *path)
{
  g_autofree char *contents = contents_of (path);
  GStatBuf st;

  if (contents == NULL || g_stat (contents, &st) != 0)
    {
      warn (s, "the link leads nowhere", path);
      return;
    }
  revision->modified = MAX (revision->modified, (gint64) st.st_mtime);
  s->repo->modified = MAX (s->repo->modified, (gint64) st.st_mtime);
  s->repo->accessed = MAX (s->repo->accessed, (gint64) st.st_atime);
  if (g_hash_table_insert (s->sizes, g_strdup (contents), NULL))
    s->repo->size += st.st_size;
  if (g_hash_table_insert (s->all, g_strdup (contents), NULL))
    s->scan->size += st.st_size;
  g_hash_table_insert (revision->blobs, g_strdup (path), g_steal_pointer (&contents));
}

static void
walk (Scanner *s, GtfHubCachedRevision *revision, const char *folder, guint depth)
{
  g_autoptr (GPtrArray) names = names_in (folder);

  for (guint i = 0; i < names->len && depth < 64; i++)
    {
      g_autofree char *path = g_build_filename (folder, names->pdata[i], NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        walk (s, revision, path, depth + 1);
      else
        count_file (s, revision, path);
    }
}

/* What the files of some revisions occupy, each contents once. */
static gint64
size_of (GPtrArray *revisions, GHashTable *but)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  gint64 size = 0;

  for (guint i = 0; i < revisions->len; i++)
    {
      GHashTableIter iter;
      gpointer contents;
      GStatBuf st;

      g_hash_table_iter_init (&iter, ((GtfHubCachedRevision *) revisions->pdata[i])->blobs);
      while (g_hash_table_iter_next (&iter, NULL, &contents))
        if (g_hash_table_add (seen, contents) && !(but && g_hash_table_contains (but, contents)) && g_stat (contents, &st) == 0)
          size += st.st_size;
    }
  return size;
}

static void
add_revision (Scanner *s, const char *commit)
{
  GtfHubCachedRevision *revision = g_new0 (GtfHubCachedRevision, 1);
  g_autoptr (GPtrArray) one = g_ptr_array_new ();
  GStatBuf st;

  revision->commit = g_strdup (commit);
  revision->path = g_build_filename (s->repo->folder, "snapshots", commit, NULL);
  revision->refs = g_ptr_array_new_with_free_func (g_free);
  revision->blobs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  walk (s, revision, revision->path, 0);
  g_ptr_array_add (one, revision);
  revision->size = size_of (one, NULL);
  if (revision->modified == 0 && g_stat (revision->path, &st) == 0)
    revision->modified = (gint64) st.st_mtime;
  g_ptr_array_add (s->repo->revisions, revision);
}

/* ---- a repository --------------------------------------------------------------------------------------------------- */

/* refs/ and all folders below. */
static void
read_refs (Scanner *s, const char *below)
{
  g_autofree char *folder = g_build_filename (s->repo->folder, "refs", below, NULL);
  g_autoptr (GPtrArray) names = names_in (folder);

  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *name = *below ? g_strdup_printf ("%s/%s", below, (char *) names->pdata[i]) : g_strdup (names->pdata[i]);
      g_autofree char *path = g_build_filename (folder, names->pdata[i], NULL), *commit = NULL;
      gboolean found = FALSE;

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        {
          read_refs (s, name);
          continue;
        }
      commit = gtf_hub_read_ref (s->repo->folder, name);
      for (guint r = 0; commit && r < s->repo->revisions->len; r++)
        {
          GtfHubCachedRevision *revision = s->repo->revisions->pdata[r];

          if (strcmp (revision->commit, commit) != 0)
            continue;
          g_ptr_array_add (revision->refs, g_strdup (name));
          found = TRUE;
        }
      if (found)
        g_ptr_array_add (s->repo->refs, g_strdup (name));
      else
        warn (s, "the revision that it names is not there", path);
    }
}

static void
find_incomplete (Scanner *s)
{
  g_autofree char *folder = g_build_filename (s->repo->folder, "blobs", NULL);
  g_autoptr (GPtrArray) names = names_in (folder);

  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *path = g_build_filename (folder, names->pdata[i], NULL);
      GStatBuf st;

      if (!g_str_has_suffix (names->pdata[i], ".incomplete") || g_lstat (path, &st) != 0)
        continue;
      s->scan->incomplete_size += st.st_size;
      g_ptr_array_add (s->scan->incomplete, g_steal_pointer (&path));
    }
}

/* "models--org--name" -> type and id. */
static gboolean
parse_name (const char *name, GtfHubType *type, char **id)
{
  const char *dashes = strstr (name, "--");
  g_autofree char *plural = dashes ? g_strndup (name, (gsize) (dashes - name)) : NULL, *singular = NULL;
  g_auto (GStrv) parts = NULL;

  if (plural == NULL || !g_str_has_suffix (plural, "s"))
    return FALSE;
  singular = g_strndup (plural, strlen (plural) - 1);
  parts = g_strsplit (dashes + 2, "--", -1);
  *id = g_strjoinv ("/", parts);
  return gtf_hub_type_from_name (singular, type);
}

static void
scan_repo (Scanner *s, const char *name)
{
  g_autofree char *folder = g_build_filename (s->scan->cache, name, NULL), *snapshots = g_build_filename (folder, "snapshots", NULL), *id = NULL;
  g_autoptr (GPtrArray) commits = NULL;
  GtfHubType type = GTF_HUB_TYPE_MODEL;

  if (!g_file_test (folder, G_FILE_TEST_IS_DIR) || *name == '.' || strcmp (name, "blobs") == 0)
    return;
  if (!parse_name (name, &type, &id) || !g_file_test (snapshots, G_FILE_TEST_IS_DIR))
    {
      warn (s, "is no repository", folder);
      return;
    }
  s->repo = g_new0 (GtfHubCachedRepo, 1);
  s->repo->type = type;
  s->repo->key = g_strdup_printf ("%s/%s", gtf_hub_type_get_name (type), id);
  s->repo->id = g_steal_pointer (&id);
  s->repo->folder = g_steal_pointer (&folder);
  s->repo->revisions = g_ptr_array_new_with_free_func (revision_free);
  s->repo->refs = g_ptr_array_new_with_free_func (g_free);
  s->sizes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  commits = names_in (snapshots);
  for (guint i = 0; i < commits->len; i++)
    add_revision (s, commits->pdata[i]);
  read_refs (s, "");
  find_incomplete (s);
  g_hash_table_unref (s->sizes);
  g_ptr_array_sort (s->repo->refs, by_text);
  g_ptr_array_add (s->scan->repos, s->repo);
}

static int
by_key (gconstpointer a, gconstpointer b)
{
  const GtfHubCachedRepo *const *first = a, *const *second = b;

  return strcmp ((*first)->key, (*second)->key);
}

GtfHubScan *
gtf_hub_scan (const char *cache, GError **error)
{
  g_autoptr (GtfHubScan) self = g_new0 (GtfHubScan, 1);
  Scanner scanner = { .scan = self };
  g_autoptr (GPtrArray) names = NULL;

  self->cache = cache ? gtf_hub_expand_path (cache) : gtf_hub_get_cache_dir ();
  self->repos = g_ptr_array_new_with_free_func (repo_free);
  self->warnings = g_ptr_array_new_with_free_func (g_free);
  self->incomplete = g_ptr_array_new_with_free_func (g_free);
  if (!g_file_test (self->cache, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: there is no such folder, so nothing is in the cache", self->cache);
      return NULL;
    }
  scanner.all = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  names = names_in (self->cache);
  for (guint i = 0; i < names->len; i++)
    scan_repo (&scanner, names->pdata[i]);
  g_hash_table_unref (scanner.all);
  g_ptr_array_sort (self->repos, by_key);
  return g_steal_pointer (&self);
}

/* ---- taking out ----------------------------------------------------------------------------------------------------- */

gboolean
gtf_hub_remove_path (const char *path, GError **error)
{
  if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    {
      g_autoptr (GPtrArray) names = names_in (path);

      for (guint i = 0; i < names->len; i++)
        {
          g_autofree char *below = g_build_filename (path, names->pdata[i], NULL);

          if (!gtf_hub_remove_path (below, error))
            return FALSE;
        }
    }
  if (g_remove (path) == 0 || errno == ENOENT)
    return TRUE;
  gtf_file_fail (error, path, "cannot be deleted", errno);
  return FALSE;
}

/* The contents that revisions of @repo other than @revisions have. (transfer full): borrows from @repo */
static GHashTable *
still_needed (const GtfHubCachedRepo *repo, GPtrArray *revisions)
{
  GHashTable *needed = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < repo->revisions->len; i++)
    {
      const GtfHubCachedRevision *revision = repo->revisions->pdata[i];
      GHashTableIter iter;
      gpointer contents;

      if (g_ptr_array_find (revisions, revision, NULL))
        continue;
      g_hash_table_iter_init (&iter, revision->blobs);
      while (g_hash_table_iter_next (&iter, NULL, &contents))
        g_hash_table_add (needed, contents);
    }
  return needed;
}

gint64
gtf_hub_removal_size (const GtfHubCachedRepo *repo, GPtrArray *revisions)
{
  g_autoptr (GHashTable) needed = still_needed (repo, revisions);

  return size_of (revisions, needed);
}

/* Deletes contents: the blob of the repository, and what it links to in the shared store if nobody else does. */
static gboolean
remove_contents (const char *cache, const GtfHubCachedRepo *repo, const char *link, const char *contents, GError **error)
{
  g_autofree char *target = g_file_read_link (link, NULL), *folder = g_path_get_dirname (link);
  g_autofree char *blob = target ? g_canonicalize_filename (target, folder) : NULL, *blobs = g_build_filename (repo->folder, "blobs", NULL);
  g_autofree char *parent = blob ? g_path_get_dirname (blob) : NULL;

  if (blob == NULL)             /* the file itself, in the snapshot */
    return gtf_hub_remove_path (link, error);
  if (strcmp (parent, blobs) != 0)      /* a link of somebody else's */
    return TRUE;
  if (!gtf_hub_remove_path (blob, error))
    return FALSE;
  gtf_hub_shared_release (cache, contents);
  return TRUE;
}

static gboolean
remove_refs (const GtfHubCachedRepo *repo, const GtfHubCachedRevision *revision, GError **error)
{
  for (guint i = 0; i < revision->refs->len; i++)
    {
      g_autofree char *path = g_build_filename (repo->folder, "refs", revision->refs->pdata[i], NULL);

      if (!gtf_hub_remove_path (path, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
remove_revision (const char *cache, const GtfHubCachedRepo *repo, const GtfHubCachedRevision *revision, GHashTable *needed, GError **error)
{
  g_autofree char *name = g_strconcat (revision->commit, ".json", NULL), *tree = g_build_filename (repo->folder, "trees", name, NULL);
  g_autofree char *absent = g_build_filename (repo->folder, ".no_exist", revision->commit, NULL);
  GHashTableIter iter;
  gpointer link, contents;

  if (!remove_refs (repo, revision, error))
    return FALSE;
  g_hash_table_iter_init (&iter, revision->blobs);
  while (g_hash_table_iter_next (&iter, &link, &contents))
    if (!g_hash_table_contains (needed, contents) && !remove_contents (cache, repo, link, contents, error))
      return FALSE;
  return gtf_hub_remove_path (revision->path, error) && gtf_hub_remove_path (tree, error) && gtf_hub_remove_path (absent, error);
}

gboolean
gtf_hub_remove_revisions (const char *cache, const GtfHubCachedRepo *repo, GPtrArray *revisions, GError **error)
{
  g_autoptr (GHashTable) needed = still_needed (repo, revisions);

  for (guint i = 0; i < revisions->len; i++)
    if (!remove_revision (cache, repo, revisions->pdata[i], needed, error))
      return FALSE;
  return revisions->len < repo->revisions->len || gtf_hub_remove_path (repo->folder, error);
}

gboolean
gtf_hub_remove_file (const char *cache, const GtfHubCachedRepo *repo, const char *path, gint64 *freed, GError **error)
{
  g_autoptr (GPtrArray) links = g_ptr_array_new ();
  g_autoptr (GHashTable) gone = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < repo->revisions->len; i++)
    {
      const GtfHubCachedRevision *revision = repo->revisions->pdata[i];
      g_autofree char *full = g_build_filename (revision->path, path, NULL);
      gpointer link, contents;

      if (g_hash_table_lookup_extended (revision->blobs, full, &link, &contents))
        {
          g_ptr_array_add (links, link);
          g_hash_table_insert (gone, contents, link);
        }
    }
  /* Contents that another name has too are kept. */
  for (guint i = 0; i < repo->revisions->len; i++)
    {
      GHashTableIter iter;
      gpointer link, contents;

      g_hash_table_iter_init (&iter, ((GtfHubCachedRevision *) repo->revisions->pdata[i])->blobs);
      while (g_hash_table_iter_next (&iter, &link, &contents))
        if (!g_ptr_array_find_with_equal_func (links, link, g_str_equal, NULL))
          g_hash_table_remove (gone, contents);
    }
  for (guint i = 0; i < links->len; i++)
    {
      g_autofree char *contents = contents_of (links->pdata[i]);
      GStatBuf st;

      if (contents && g_hash_table_contains (gone, contents) && g_stat (contents, &st) == 0)
        {
          *freed += st.st_size;
          if (!remove_contents (cache, repo, links->pdata[i], contents, error))
            return FALSE;
        }
      if (!gtf_hub_remove_path (links->pdata[i], error))
        return FALSE;
    }
  return TRUE;
}
