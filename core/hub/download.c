/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Several threads take one file after the other (each.h). The first error stops all of them.
 *
 * A file that is being downloaded lies beside its place under a name of its own, ETAG.RANDOM.incomplete. Who holds the lock of that ETag may go on
 * with one that an earlier process left behind.
 */
#include "hub/download.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include "base/file.h"
#include "hub/each.h"
#include "hub/fetch.h"

#define DEFAULT_WORKERS 8
#define PROGRESS_MICROSECONDS 50000

typedef struct
{
  const GtfHubDownload *options;
  GtfHubStore *store;
  const char *commit, *url;
  char *page;
  GPtrArray *files;             /* those that are missing */

  GMutex lock;                  /* of progress */
  GtfHubProgress progress;
  gint64 told;
} Job;

typedef struct
{
  Job *job;
  const GtfHubFile *file;
} Current;

char *
gtf_hub_download_path (const GtfHubDownload *self, const char *commit, const char *path)
{
  g_autoptr (GtfHubStore) store = NULL;

  if (self->local_dir)
    return g_build_filename (self->local_dir, path, NULL);
  store = gtf_hub_store_new (self->cache, self->repo);
  return *path ? gtf_hub_store_pointer (store, commit, path) : gtf_hub_store_snapshot (store, commit);
}

static gboolean
is_file_of_size (const char *path, gint64 size)
{
  GStatBuf st;

  return g_stat (path, &st) == 0 && S_ISREG (st.st_mode) && (size < 0 || st.st_size == size);
}

gboolean
gtf_hub_download_has (const GtfHubDownload *self, const char *commit, const GtfHubFile *file)
{
  g_autofree char *path = NULL;

  if (self->local_dir)
    return gtf_hub_local_has (self->local_dir, commit, file);
  path = gtf_hub_download_path (self, commit, file->path);
  return is_file_of_size (path, file->size);
}

/* ---- progress ------------------------------------------------------------------------------------------------------- */

/* With the lock held. */
static void
tell (Job *job, const char *file, gboolean always)
{
  gint64 now = g_get_monotonic_time ();

  if (job->options->progress == NULL || (!always && now - job->told < PROGRESS_MICROSECONDS))
    return;
  job->told = now;
  job->progress.file = file;
  job->options->progress (&job->progress, job->options->data);
}

static void
on_bytes (gint64 bytes, gpointer data)
{
  Current *current = data;
  Job *job = current->job;

  g_mutex_lock (&job->lock);
  job->progress.bytes_done += bytes;
  tell (job, current->file->path, FALSE);
  g_mutex_unlock (&job->lock);
}

/* ---- one file ------------------------------------------------------------------------------------------------------- */

/* (transfer full): a name to download to; the longest that is left over, if nobody else can be at it. */
static char *
incomplete_path (const char *final, gboolean locked)
{
  g_autofree char *folder = g_path_get_dirname (final), *base = g_path_get_basename (final), *prefix = g_strconcat (base, ".", NULL), *best = NULL;
  g_autoptr (GDir) dir = locked ? g_dir_open (folder, 0, NULL) : NULL;
  goffset longest = -1;
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      GStatBuf st;

      if (!g_str_has_prefix (name, prefix) || !g_str_has_suffix (name, ".incomplete") || g_lstat (path, &st) != 0 || !S_ISREG (st.st_mode))
        continue;
      if (st.st_size > longest)
        {
          if (best)
            g_unlink (best);
          g_free (best);
          best = g_steal_pointer (&path);
          longest = st.st_size;
        }
      else
        g_unlink (path);
    }
  return best ? g_steal_pointer (&best) : g_strdup_printf ("%s.%08x.incomplete", final, g_random_int ());
}

/* Downloads to @final, which gets its name when it is whole. */
static gboolean
fetch_to (Job *job, const GtfHubFile *file, const char *final, const char *stem, gboolean locked, GCancellable *stop, GError **error)
{
  Current current = { job, file };
  g_autofree char *url = job->url ? g_strdup (job->url) : gtf_hub_repo_dup_resolve (job->options->repo, job->options->client, job->commit, file->path);
  g_autofree char *incomplete = NULL;
  GtfHubFetch fetch = { job->options->client, url, job->options->repo->what, job->page, file, on_bytes, &current };

  if (!gtf_hub_make_parent (final, error) || !gtf_hub_make_parent (stem, error))
    return FALSE;
  incomplete = incomplete_path (stem, locked);
  if (!gtf_hub_fetch (&fetch, incomplete, stop, error))
    return FALSE;
  if (g_rename (incomplete, final) == 0)
    return TRUE;
  gtf_file_fail (error, final, "cannot be written", errno);
  return FALSE;
}

static gboolean
fetch_blob (Job *job, const GtfHubFile *file, GCancellable *stop, GError **error)
{
  g_autofree char *blob = gtf_hub_store_blob (job->store, file->etag), *pointer = gtf_hub_store_pointer (job->store, job->commit, file->path);
  g_autofree char *lock = gtf_hub_store_lock_path (job->store, file->etag);
  int fd = gtf_hub_lock (lock, stop, error);
  gboolean had = !job->options->force && is_file_of_size (blob, file->size);
  gboolean good = fd != -1;

  /* While we waited somebody else may have fetched it; where there are no links, to this very place. */
  if (good && !had && !job->options->force && is_file_of_size (pointer, file->size) && file->size >= 0)
    {
      gtf_hub_unlock (fd);
      return TRUE;
    }
  good = good && (had || fetch_to (job, file, blob, blob, fd >= 0, stop, error)) && gtf_hub_store_link (job->store, blob, pointer, !had, error);
  gtf_hub_unlock (fd);
  return good;
}

static gboolean
fetch_local (Job *job, const GtfHubFile *file, GCancellable *stop, GError **error)
{
  const char *folder = job->options->local_dir;
  g_autofree char *final = g_build_filename (folder, file->path, NULL), *lock = gtf_hub_local_beside (folder, file->path, ".lock");
  g_autofree char *stem = gtf_hub_local_stem (folder, file->path, file->etag);
  int fd = gtf_hub_lock (lock, stop, error);
  gboolean good = fd != -1 && fetch_to (job, file, final, stem, fd >= 0, stop, error) && gtf_hub_local_note (folder, job->commit, file, error);

  gtf_hub_unlock (fd);
  return good;
}

/* ---- all files ------------------------------------------------------------------------------------------------------ */

static void
tell_file (Job *job, const GtfHubFile *file, guint done)
{
  g_mutex_lock (&job->lock);
  job->progress.files_done += done;
  tell (job, file->path, TRUE);
  g_mutex_unlock (&job->lock);
}

static gboolean
fetch_one (guint index, gpointer data, GCancellable *stop, GError **error)
{
  Job *job = data;
  const GtfHubFile *file = job->files->pdata[index];

  tell_file (job, file, 0);
  if (!(job->options->local_dir ? fetch_local (job, file, stop, error) : fetch_blob (job, file, stop, error)))
    return FALSE;
  tell_file (job, file, 1);
  return TRUE;
}

/* The folder, or the nearest one above it that exists. */
static char *
existing_folder (const char *path)
{
  char *folder = g_canonicalize_filename (path, NULL);

  while (!g_file_test (folder, G_FILE_TEST_IS_DIR) && strcmp (folder, "/") != 0)
    {
      char *up = g_path_get_dirname (folder);

      g_free (folder);
      folder = up;
    }
  return folder;
}

static gboolean
check_space (const Job *job, GError **error)
{
  const char *to = job->options->local_dir ? job->options->local_dir : job->store->cache;
  g_autofree char *folder = existing_folder (to), *needed = NULL, *have = NULL;
  struct statvfs st;
  guint64 room;

  if (statvfs (folder, &st) != 0 || st.f_blocks == 0)
    return TRUE;
  room = (guint64) st.f_bavail * st.f_frsize;
  if ((guint64) job->progress.bytes_total <= room)
    return TRUE;
  needed = g_format_size ((guint64) job->progress.bytes_total);
  have = g_format_size (room);
  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: the disk of %s has room for %s, and %s are needed: make room, or set HF_HUB_CACHE to a folder on another disk",
               job->options->repo->what, to, have, needed);
  return FALSE;
}

/* Which are missing, and how much that is. */
static gboolean
look (Job *job, GPtrArray *files, GError **error)
{
  for (guint i = 0; i < files->len; i++)
    {
      const GtfHubFile *file = files->pdata[i];
      g_autofree char *blob = NULL;

      if (!gtf_hub_check_path (job->options->repo->what, file->path, error))
        return FALSE;
      if (!job->options->force && gtf_hub_download_has (job->options, job->commit, file))
        continue;
      g_ptr_array_add (job->files, files->pdata[i]);
      blob = gtf_hub_store_blob (job->store, file->etag);
      if (file->size > 0 && (job->options->force || job->options->local_dir || !is_file_of_size (blob, file->size))
          && __builtin_add_overflow (job->progress.bytes_total, file->size, &job->progress.bytes_total))
        job->progress.bytes_total = G_MAXINT64;
    }
  job->progress.n_files = job->files->len;
  return job->files->len == 0 || check_space (job, error);
}

gboolean
gtf_hub_download (const GtfHubDownload *self, const char *commit, GPtrArray *files, const char *url, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfHubStore) store = gtf_hub_store_new (self->cache, self->repo);
  g_autofree char *page = gtf_hub_repo_dup_page (self->repo, self->client);
  g_autoptr (GPtrArray) missing = g_ptr_array_new ();
  Job job = { .options = self, .store = store, .commit = commit, .url = url, .page = page, .files = missing };
  gboolean good;

  if (!look (&job, files, error))
    return FALSE;
  if (missing->len == 0)
    return TRUE;
  g_mutex_init (&job.lock);
  if (!self->local_dir && gtf_hub_make_parent (store->folder, NULL))
    gtf_hub_write_tag (store->cache);
  good = gtf_hub_each (missing->len, self->workers ? self->workers : DEFAULT_WORKERS, fetch_one, &job, cancellable, error);
  g_mutex_clear (&job.lock);
  return good;
}
