/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The listing of the Hub against the files of a folder, by hash.
 */
#include "hub/verify.h"

#include <string.h>
#include <sys/stat.h>
#include <glib/gstdio.h>
#include "base/digest.h"
#include "hub/cache.h"
#include "hub/fetch.h"
#include "hub/store.h"

void
gtf_hub_verification_free (GtfHubVerification *self)
{
  g_free (self->root);
  g_free (self->commit);
  g_ptr_array_unref (self->wrong);
  g_ptr_array_unref (self->missing);
  g_ptr_array_unref (self->extra);
  g_free (self);
}

/* (transfer full) (nullable): the name of the only snapshot. */
static char *
only_snapshot (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "snapshots", NULL), *found = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      if (found)
        return NULL;
      found = g_strdup (name);
    }
  return g_steal_pointer (&found);
}

static gboolean
find_root (GtfHubVerification *self, const GtfHubRepo *repo, const char *cache, const char *local_dir, gboolean revision_given, GError **error)
{
  g_autoptr (GtfHubStore) store = gtf_hub_store_new (cache, repo);

  if (local_dir)
    {
      self->root = g_canonicalize_filename (local_dir, NULL);
      self->commit = g_strdup (repo->revision);
    }
  else
    {
      self->commit = gtf_hub_is_commit (repo->revision) ? g_strdup (repo->revision) : gtf_hub_read_ref (store->folder, repo->revision);
      if (self->commit == NULL && !revision_given)
        self->commit = only_snapshot (store->folder);
      self->root = self->commit ? gtf_hub_store_snapshot (store, self->commit) : NULL;
    }
  if (self->root && g_file_test (self->root, G_FILE_TEST_IS_DIR))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: is not in %s; get it with: gtransformers download %s, or name a folder with --local-dir", repo->what,
               local_dir ? self->root : store->cache, repo->id);
  return FALSE;
}

/* (transfer full) (nullable): the hash of a file by the algorithm that made @etag. */
static char *
hash_of (const char *path, const char *etag)
{
  g_autofree char *data = NULL;
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);
  g_autoptr (GtfDigest) digest = NULL;

  if (file == NULL)
    return NULL;
  digest = strlen (etag) == 64 ? gtf_digest_new_sha256 () : gtf_digest_new_git_blob (g_mapped_file_get_length (file));
  if (g_mapped_file_get_length (file))
    gtf_digest_update (digest, g_mapped_file_get_contents (file), g_mapped_file_get_length (file));
  return g_strdup (gtf_digest_get (digest));
}

static gboolean
check_file (GtfHubVerification *self, const GtfHubFile *file, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = g_build_filename (self->root, file->path, NULL), *found = NULL;
  gboolean good = FALSE;

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    {
      g_ptr_array_add (self->missing, g_strdup (file->path));
      return TRUE;
    }
  if (!gtf_hub_hash_is (path, file->etag, cancellable, &good, error))
    return FALSE;
  self->n_checked++;
  if (good)
    return TRUE;
  found = hash_of (path, file->etag);
  g_ptr_array_add (self->wrong, g_strdup_printf ("%s: expected %s (%s), got %s", file->path, file->etag, file->lfs ? "sha256" : "git-sha1", found ? found : "nothing"));
  return TRUE;
}

static void
find_extra (GtfHubVerification *self, GHashTable *known, const char *below)
{
  g_autofree char *folder = g_build_filename (self->root, below, NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = *below ? g_build_filename (below, name, NULL) : g_strdup (name), *full = g_build_filename (self->root, path, NULL);

      if (strcmp (path, ".cache") == 0)
        continue;
      if (g_file_test (full, G_FILE_TEST_IS_DIR))
        find_extra (self, known, path);
      else if (!g_hash_table_contains (known, path))
        g_ptr_array_add (self->extra, g_steal_pointer (&path));
    }
}

GtfHubVerification *
gtf_hub_verify (GtfHubClient *client, const GtfHubRepo *repo, const char *cache, const char *local_dir, gboolean revision_given, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfHubVerification) self = g_new0 (GtfHubVerification, 1);
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) files = NULL;

  self->wrong = g_ptr_array_new_with_free_func (g_free);
  self->missing = g_ptr_array_new_with_free_func (g_free);
  self->extra = g_ptr_array_new_with_free_func (g_free);
  if (!find_root (self, repo, cache, local_dir, revision_given, error))
    return NULL;
  files = gtf_hub_ask_tree (client, repo, self->commit, GTF_HUB_REQUEST_PATIENT, cancellable, error);
  if (files == NULL)
    return NULL;
  for (guint i = 0; i < files->len; i++)
    {
      g_hash_table_add (known, ((GtfHubFile *) files->pdata[i])->path);
      if (!check_file (self, files->pdata[i], cancellable, error))
        return NULL;
    }
  find_extra (self, known, "");
  return g_steal_pointer (&self);
}
