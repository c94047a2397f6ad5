/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which files are the weights is told by the listing and, for shards, by the index. Their beginnings are fetched by several threads at once; the readers
 * of formats then ask for the rest, file by file.
 */
#include "pipeline/remote-weights.h"

#include <string.h>
#include "hub/download.h"
#include "hub/ranges.h"
#include "hub/select.h"

#define WORKERS 8

typedef struct
{
  GtfHubClient *client;
  const GtfHubRepo *repo;
  const char *commit, *snapshot;
  GCancellable *cancellable;
} Remote;

/* ---- which files ---------------------------------------------------------------------------------------------------- */

static gboolean
is_weights (const char *path)
{
  return !strchr (path, '/') && (g_str_has_suffix (path, ".safetensors") || g_str_has_suffix (path, ".bin"));
}

/* The weights at the top, and the shards of an index, which is fetched whole. (transfer container) */
static GPtrArray *
find_weights (const Remote *r, GPtrArray *files, GError **error)
{
  g_autoptr (GPtrArray) chosen = gtf_hub_select_model (files, GTF_HUB_WEIGHTS), found = g_ptr_array_new (), indexes = g_ptr_array_new (), shards = NULL;
  const GtfHubDownload download = { .client = r->client, .repo = r->repo };

  for (guint i = 0; i < chosen->len; i++)
    {
      GtfHubFile *file = chosen->pdata[i];

      if (g_str_has_suffix (file->path, ".index.json") && !strchr (file->path, '/'))
        g_ptr_array_add (indexes, file);
      else if (is_weights (file->path))
        g_ptr_array_add (found, file);
    }
  if (!gtf_hub_download (&download, r->commit, indexes, NULL, r->cancellable, error))
    return NULL;
  shards = gtf_hub_select_shards (files, indexes, r->snapshot, error);
  if (shards == NULL)
    return NULL;
  g_ptr_array_extend (found, shards, NULL, NULL);
  if (found->len)
    return g_steal_pointer (&found);
  g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: the repository has no weights that can be read: expected model.safetensors, pytorch_model.bin, or one of them with .index.json",
               r->repo->what);
  return NULL;
}

/* ---- their bytes ---------------------------------------------------------------------------------------------------- */

static gboolean
read_range (gpointer data, const char *path, guint64 offset, gpointer to, gsize length, GError **error)
{
  return gtf_hub_ranges_read (data, offset, to, length, error);
}

/* What goes wrong here is said when the file is read. */
static void
fetch_beginning (gpointer data, gpointer unused)
{
  guint8 byte;

  gtf_hub_ranges_read (data, 0, &byte, 1, NULL);
}

static gboolean
check_form (const Remote *r, const GtfHubFile *file, GtfHubRanges *ranges, GError **error)
{
  char first[4];

  if (g_str_has_suffix (file->path, ".safetensors") || file->size < (gint64) sizeof first)
    return TRUE;
  if (!gtf_hub_ranges_read (ranges, 0, first, sizeof first, error))
    return FALSE;
  if (memcmp (first, "PK\3\4", 4) == 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: %s: only safetensors and the zip archives of torch can be looked into from afar; get it with: gtransformers download %s",
               r->repo->what, file->path, r->repo->id);
  return FALSE;
}

/* (transfer full): the readers of @files; their beginnings are there, if they can be had. */
static GPtrArray *
open_ranges (const Remote *r, GPtrArray *files)
{
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_hub_ranges_free);
  GThreadPool *pool = files->len > 1 ? g_thread_pool_new (fetch_beginning, NULL, WORKERS, FALSE, NULL) : NULL;

  for (guint i = 0; i < files->len; i++)
    {
      const GtfHubFile *file = files->pdata[i];

      g_ptr_array_add (all, gtf_hub_ranges_new (r->client, r->repo, r->commit, file, r->cancellable));
      if (pool && file->size > 0)
        g_thread_pool_push (pool, all->pdata[i], NULL);
    }
  if (pool)
    g_thread_pool_free (pool, FALSE, TRUE);
  return all;
}

static GtfSafetensors *
open_files (const Remote *r, GPtrArray *files, GError **error)
{
  g_autoptr (GPtrArray) ranges = open_ranges (r, files);
  g_autofree GtfByteSource **sources = g_new0 (GtfByteSource *, files->len);

  for (guint i = 0; i < files->len; i++)
    if (!check_form (r, files->pdata[i], ranges->pdata[i], error))
      return NULL;
  for (guint i = 0; i < files->len; i++)
    {
      const GtfHubFile *file = files->pdata[i];
      g_autofree char *name = g_strdup_printf ("%s/%s", r->repo->id, file->path);

      sources[i] = gtf_byte_source_new (name, (guint64) MAX (file->size, 0), read_range, ranges->pdata[i], (GDestroyNotify) gtf_hub_ranges_free);
    }
  g_ptr_array_set_free_func (ranges, NULL);     /* they belong to the sources now */
  return gtf_safetensors_open_sources (sources, files->len, error);
}

static GPtrArray *
list_files (const Remote *r, GError **error)
{
  g_autofree char *snapshots = g_path_get_dirname (r->snapshot), *store = g_path_get_dirname (snapshots);
  GPtrArray *files = gtf_hub_tree_read (store, r->commit);

  return files ? files : gtf_hub_ask_tree (r->client, r->repo, r->commit, GTF_HUB_REQUEST_PATIENT, r->cancellable, error);
}

GtfSafetensors *
gtf_remote_weights_open (const char *id, const char *commit, const char *snapshot, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, id, commit, error);
  g_autoptr (GtfHubClient) client = repo ? gtf_hub_client_new (NULL, error) : NULL;
  const Remote remote = { client, repo, commit, snapshot, cancellable };
  g_autoptr (GPtrArray) files = client ? list_files (&remote, error) : NULL;
  g_autoptr (GPtrArray) weights = files ? find_weights (&remote, files, error) : NULL;

  return weights ? open_files (&remote, weights, error) : NULL;
}
