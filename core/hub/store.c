/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The layout of huggingface_hub:
 *
 *   CACHEDIR.TAG
 *   .locks/models--org--name/<etag>.lock
 *   models--org--name/blobs/<etag>                 what was downloaded, once
 *   models--org--name/refs/<revision>              the commit, 40 digits without a line's end
 *   models--org--name/snapshots/<commit>/<path>    link ../../blobs/<etag>
 *   models--org--name/.no_exist/<commit>/<path>    an empty file
 *   models--org--name/trees/<commit>.json          tree.c
 *
 * All that gets a name gets it by a rename, so that at each moment, and after a kill, a name means something whole.
 */
#include "hub/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/file.h"
#include "hub/cache.h"
#include "hub/environment.h"

#define LOCK_POLL_MICROSECONDS 50000

GtfHubStore *
gtf_hub_store_new (const char *cache, const GtfHubRepo *repo)
{
  GtfHubStore *self = g_new0 (GtfHubStore, 1);

  self->cache = cache ? gtf_hub_expand_path (cache) : gtf_hub_get_cache_dir ();
  self->name = gtf_hub_repo_dup_folder (repo);
  self->folder = g_build_filename (self->cache, self->name, NULL);
  return self;
}

void
gtf_hub_store_free (GtfHubStore *self)
{
  g_free (self->cache);
  g_free (self->name);
  g_free (self->folder);
  g_free (self);
}

char *
gtf_hub_store_blob (const GtfHubStore *self, const char *etag)
{
  return g_build_filename (self->folder, "blobs", etag, NULL);
}

char *
gtf_hub_store_snapshot (const GtfHubStore *self, const char *commit)
{
  return g_build_filename (self->folder, "snapshots", commit, NULL);
}

char *
gtf_hub_store_pointer (const GtfHubStore *self, const char *commit, const char *path)
{
  return g_build_filename (self->folder, "snapshots", commit, path, NULL);
}

char *
gtf_hub_store_lock_path (const GtfHubStore *self, const char *etag)
{
  g_autofree char *name = g_strconcat (etag, ".lock", NULL);

  return g_build_filename (self->cache, ".locks", self->name, name, NULL);
}

gboolean
gtf_hub_make_parent (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);

  if (g_mkdir_with_parents (folder, 0777) == 0)
    return TRUE;
  gtf_file_fail (error, folder, "cannot be made", errno);
  return FALSE;
}

/* A small file, whole or not at all. */
static gboolean
put_text (const char *path, const char *text, GError **error)
{
  g_autoptr (GtfFileWriter) writer = NULL;

  if (!gtf_hub_make_parent (path, error))
    return FALSE;
  writer = gtf_file_writer_new (path, error);
  return writer && gtf_file_writer_write (writer, text, strlen (text), error) && gtf_file_writer_commit (writer, error);
}

gboolean
gtf_hub_store_write_ref (const GtfHubStore *self, const char *revision, const char *commit, GError **error)
{
  g_autofree char *path = g_build_filename (self->folder, "refs", revision, NULL), *old = NULL;

  if (strcmp (revision, commit) == 0)
    return TRUE;
  old = gtf_hub_read_ref (self->folder, revision);
  return g_strcmp0 (old, commit) == 0 || put_text (path, commit, error);
}

void
gtf_hub_store_no_exist (const GtfHubStore *self, const char *commit, const char *path)
{
  g_autofree char *file = g_build_filename (self->folder, ".no_exist", commit, path, NULL);

  put_text (file, "", NULL);
}

void
gtf_hub_write_tag (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "CACHEDIR.TAG", NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    put_text (path, "Signature: 8a477f597d28d172789f06886806bc55\n"
              "# This file is a cache directory tag created by huggingface_hub.\n"
              "# For information about cache directory tags, see:\n"
              "#\thttps://bford.info/cachedir/\n", NULL);
}

/* ---- links ---------------------------------------------------------------------------------------------------------- */

/* Both below one folder: "../../blobs/<etag>". */
static char *
relative_target (const GtfHubStore *self, const char *blob, const char *pointer)
{
  g_autoptr (GString) out = g_string_new (NULL);
  gsize n = strlen (self->folder) + 1;

  for (const char *p = strchr (pointer + n, '/'); p; p = strchr (p + 1, '/'))
    g_string_append (out, "../");
  g_string_append (out, blob + n);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
copy_file (const char *from, const char *to, GError **error)
{
  g_autoptr (GFile) source = g_file_new_for_path (from), target = g_file_new_for_path (to);
  g_autoptr (GError) local = NULL;

  if (g_file_copy (source, target, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, &local))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: cannot be copied to %s: %s", from, to, local->message);
  return FALSE;
}

/* The folders of a snapshot are folders: through a link we would write somewhere else. */
static gboolean
make_folders (const GtfHubStore *self, const char *pointer, GError **error)
{
  for (const char *p = strchr (pointer + strlen (self->folder) + 1, '/'); p; p = strchr (p + 1, '/'))
    {
      g_autofree char *folder = g_strndup (pointer, (gsize) (p - pointer));

      if (!g_file_test (folder, G_FILE_TEST_IS_SYMLINK))
        continue;
      g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: is a link, and a folder of the cache is expected: delete it", folder);
      return FALSE;
    }
  return gtf_hub_make_parent (pointer, error);
}

gboolean
gtf_hub_store_link (const GtfHubStore *self, const char *blob, const char *pointer, gboolean is_new, GError **error)
{
  g_autofree char *target = relative_target (self, blob, pointer), *folder = g_path_get_dirname (pointer);
  g_autofree char *temporary = g_strdup_printf ("%s/.%08x.tmp", folder, g_random_int ());       /* the name itself may be as long as names can be */
  gboolean linked = FALSE, done;

  if (!make_folders (self, pointer, error))
    return FALSE;
  if (!gtf_hub_variable_is_true ("HF_HUB_DISABLE_SYMLINKS"))
    {
      linked = symlink (target, temporary) == 0;
      if (!linked && errno != EPERM && errno != ENOTSUP && errno != ENOSYS && errno != EACCES)
        {
          gtf_file_fail (error, pointer, "cannot be made", errno);
          return FALSE;
        }
    }
  if (!linked && is_new)
    done = g_rename (blob, pointer) == 0;
  else if (!linked && !copy_file (blob, temporary, error))
    return FALSE;
  else
    done = g_rename (temporary, pointer) == 0;
  if (done)
    return TRUE;
  gtf_file_fail (error, pointer, "cannot be made", errno);
  g_unlink (temporary);
  return FALSE;
}

/* ---- locks ---------------------------------------------------------------------------------------------------------- */

int
gtf_hub_lock (const char *path, GCancellable *cancellable, GError **error)
{
  int fd;

  if (!gtf_hub_make_parent (path, NULL))
    return -2;
  fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664);
  if (fd < 0)
    return -2;
  while (flock (fd, LOCK_EX | LOCK_NB) != 0)
    {
      if (errno != EWOULDBLOCK && errno != EINTR)
        {
          close (fd);
          return -2;
        }
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        {
          close (fd);
          return -1;
        }
      g_usleep (LOCK_POLL_MICROSECONDS);
    }
  return fd;
}

void
gtf_hub_unlock (int fd)
{
  if (fd >= 0)
    close (fd);
}
