/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a model needs, out of the cache or into it.
 */
#include "hub/model.h"

#include "hub/cache.h"

/* Whether the snapshot has all that a model is loaded from: by its listing, or by the look of it. */
static gboolean
is_complete (const char *snapshot, const char *commit, GtfHubParts parts)
{
  g_autofree char *snapshots = g_path_get_dirname (snapshot), *folder = g_path_get_dirname (snapshots);
  g_autoptr (GPtrArray) files = gtf_hub_tree_read (folder, commit);
  g_autoptr (GPtrArray) chosen = files ? gtf_hub_select_model (files, parts) : NULL;
  g_autoptr (GPtrArray) shards = NULL;

  if (files == NULL)
    return gtf_hub_looks_complete (snapshot, parts);
  for (guint pass = 0; pass < 2; pass++)
    {
      GPtrArray *list = pass ? shards : chosen;

      for (guint i = 0; list && i < list->len; i++)
        {
          g_autofree char *path = g_build_filename (snapshot, ((GtfHubFile *) list->pdata[i])->path, NULL);

          if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
            return FALSE;
        }
      if (pass == 0)
        shards = gtf_hub_select_shards (files, chosen, snapshot, NULL);
    }
  return TRUE;
}

static gboolean
download (GtfHubDownload *self, GPtrArray *files, const char *commit, const char *snapshot, GtfHubParts parts, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) chosen = gtf_hub_select_model (files, parts), shards = NULL;

  if (chosen->len == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: the repository has no files that a model could be loaded from (%u files of other kinds)", self->repo->what, files->len);
      return FALSE;
    }
  if (!gtf_hub_download (self, commit, chosen, NULL, cancellable, error))
    return FALSE;
  shards = gtf_hub_select_shards (files, chosen, snapshot, error);
  return shards && gtf_hub_download (self, commit, shards, NULL, cancellable, error);
}

/* (transfer full): the snapshot as the Hub has it now. *asked tells whether it answered at all. */
static char *
fetch (const GtfHubRepo *repo, GtfHubParts parts, GtfHubRequestFlags flags, GtfHubProgressFunc progress, gpointer data, char **commit, gboolean *asked,
       GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfHubClient) client = gtf_hub_client_new (NULL, error);
  g_autoptr (GtfHubStore) store = gtf_hub_store_new (NULL, repo);
  GtfHubDownload download_options = { .client = client, .repo = repo, .progress = progress, .data = data };
  g_autofree char *found = client ? gtf_hub_ask_commit (client, repo, flags, cancellable, error) : NULL;
  g_autofree char *snapshot = found ? gtf_hub_store_snapshot (store, found) : NULL;
  g_autoptr (GPtrArray) files = found ? gtf_hub_tree_read (store->folder, found) : NULL;
  gboolean known = files != NULL;

  if (found && !known)
    files = gtf_hub_ask_tree (client, repo, found, flags, cancellable, error);
  if (files == NULL)
    return NULL;
  *asked = TRUE;
  if (!gtf_hub_store_write_ref (store, repo->revision, found, error) || !download (&download_options, files, found, snapshot, parts, cancellable, error))
    return NULL;
  if (!known)           /* only now: it has proved right */
    gtf_hub_tree_write (store->folder, found, files);
  if (commit)
    *commit = g_steal_pointer (&found);
  return g_steal_pointer (&snapshot);
}

char *
gtf_hub_fetch_model (const char *id, const char *revision, GtfHubParts parts, GtfHubProgressFunc progress, gpointer data, char **commit, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *hash = NULL, *snapshot = gtf_hub_find_snapshot (id, revision, &hash, &local);
  g_autoptr (GtfHubRepo) repo = NULL;
  gboolean asked = FALSE;
  char *fetched;

  if ((snapshot && is_complete (snapshot, hash, parts)) || gtf_hub_is_offline () || g_error_matches (local, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT))
    {
      if (local)
        g_propagate_error (error, g_steal_pointer (&local));
      if (commit)
        *commit = g_steal_pointer (&hash);
      return g_steal_pointer (&snapshot);
    }
  g_clear_error (&local);
  repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, id, revision, error);
  if (repo == NULL)
    return NULL;
  fetched = fetch (repo, parts, snapshot ? GTF_HUB_REQUEST_PLAIN : GTF_HUB_REQUEST_PATIENT, progress, data, commit, &asked, cancellable, &local);
  if (fetched)
    return fetched;
  if (snapshot == NULL || asked || g_error_matches (local, GTF_ERROR, GTF_ERROR_NOT_FOUND) || g_cancellable_is_cancelled (cancellable))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  g_info ("%s; the copy in the cache is used", local->message);
  if (commit)
    *commit = g_steal_pointer (&hash);
  return g_steal_pointer (&snapshot);
}
