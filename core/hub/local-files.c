/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file is hashed first and sent later. That it is the same one both times is told by its device, inode, size and time of modification, before and after
 * each reading; the Hub compares the hash besides.
 */
#include "hub/local-files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/digest.h"
#include "base/file.h"
#include "base/quote.h"
#include "hub/repository.h"
#include "hub/select.h"

#define BUFFER (1024 * 1024)

void
gtf_hub_local_file_free (GtfHubLocalFile *self)
{
  g_free (self->name);
  g_free (self->path);
  g_free (self);
}

static gint64
modified_of (const struct stat *st)
{
  return (gint64) st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

GtfHubLocalFile *
gtf_hub_local_file_new (const char *name, const char *path, GError **error)
{
  GtfHubLocalFile *self;
  struct stat st;

  if (stat (name, &st) < 0)
    {
      gboolean dangling = errno == ENOENT && g_file_test (name, G_FILE_TEST_IS_SYMLINK);

      gtf_file_fail (error, name, dangling ? "is a link that leads nowhere" : "cannot be read", errno);
      return NULL;
    }
  if (!S_ISREG (st.st_mode))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: is no file that could be uploaded, but %s", name, S_ISDIR (st.st_mode) ? "a folder" : "a device, socket or pipe");
      return NULL;
    }
  self = g_new0 (GtfHubLocalFile, 1);
  *self = (GtfHubLocalFile) { g_strdup (name), g_strdup (path), st.st_size, modified_of (&st), st.st_dev, st.st_ino };
  return self;
}

gboolean
gtf_hub_local_file_check (const GtfHubLocalFile *self, int fd, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) == 0 && st.st_size == self->size && modified_of (&st) == self->modified && st.st_dev == self->device && st.st_ino == self->inode)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: has changed while it was uploaded: upload it again when nothing writes to it any more", self->name);
  return FALSE;
}

int
gtf_hub_local_file_open (const GtfHubLocalFile *self, GError **error)
{
  gsize size;
  int fd = gtf_file_open (self->name, &size, error);

  if (fd < 0 || gtf_hub_local_file_check (self, fd, error))
    return fd;
  close (fd);
  return -1;
}

char *
gtf_hub_local_file_hash (const GtfHubLocalFile *self, gboolean git, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfDigest) digest = git ? gtf_digest_new_git_blob ((guint64) self->size) : gtf_digest_new_sha256 ();
  g_autofree guint8 *buffer = g_malloc (BUFFER);
  int fd = gtf_hub_local_file_open (self, error);
  gint64 left = self->size;
  ssize_t n = 1;
  gboolean good;

  if (fd < 0)
    return NULL;
  while (left && n > 0 && !g_cancellable_is_cancelled (cancellable))
    if ((n = read (fd, buffer, (gsize) MIN (left, BUFFER))) > 0)
      {
        gtf_digest_update (digest, buffer, (gsize) n);
        left -= n;
      }
  if (n < 0)
    gtf_file_fail (error, self->name, "cannot be read", errno);
  good = n >= 0 && !g_cancellable_set_error_if_cancelled (cancellable, error) && gtf_hub_local_file_check (self, fd, error);
  close (fd);
  return good ? g_strdup (gtf_digest_get (digest)) : NULL;
}

/* ---- folders -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  char **include, **exclude;
  GtfHubNoteFunc note;
  gpointer data;
  GPtrArray *files;
} Walk;

/* Left out whatever else is said: DEFAULT_IGNORE_PATTERNS of huggingface_hub. */
static char *never[] = { ".git", ".git/*", "*/.git", "**/.git/**", ".cache/huggingface", ".cache/huggingface/*", "*/.cache/huggingface", "**/.cache/huggingface/**", NULL };

static gboolean
is_wanted (const Walk *walk, const char *path)
{
  return !gtf_hub_matches (path, never) && (!walk->include || gtf_hub_matches (path, walk->include)) && (!walk->exclude || !gtf_hub_matches (path, walk->exclude));
}

static void
note_no_file (const Walk *walk, const char *name, const char *what)
{
  g_autofree char *quoted = gtf_quote (name, -1), *text = g_strdup_printf ("%s is left out: it is %s", quoted, what);

  if (walk->note)
    walk->note (text, walk->data);
}

static gboolean
add_file (Walk *walk, const char *name, const char *path, const struct stat *st, GError **error)
{
  GtfHubLocalFile *file;
  struct stat target;

  if (!is_wanted (walk, path))
    return TRUE;
  if (S_ISLNK (st->st_mode) && stat (name, &target) == 0 && S_ISDIR (target.st_mode))
    note_no_file (walk, name, "a link to a folder");
  else if (!S_ISREG (st->st_mode) && !S_ISLNK (st->st_mode))
    note_no_file (walk, name, "a device, socket or pipe");
  else
    {
      if (!gtf_hub_check_path ("what is to be uploaded", path, error) || !(file = gtf_hub_local_file_new (name, path, error)))
        return FALSE;
      g_ptr_array_add (walk->files, file);
    }
  return TRUE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

static GPtrArray *
sorted_names (const char *folder, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) local = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &local);
  const char *name;

  if (dir == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: the folder cannot be read: %s", folder, local->message);
      return NULL;
    }
  while ((name = g_dir_read_name (dir)))
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  return g_steal_pointer (&names);
}

/* Links are not followed, so that it ends; the system bounds how deep a path can be. */
static gboolean
walk_folder (Walk *walk, const char *folder, const char *below, GError **error)
{
  g_autoptr (GPtrArray) names = sorted_names (folder, error);

  for (guint i = 0; names && i < names->len; i++)
    {
      g_autofree char *name = g_build_filename (folder, names->pdata[i], NULL), *path = *below ? g_strconcat (below, "/", names->pdata[i], NULL) : g_strdup (names->pdata[i]);
      struct stat st;

      if (lstat (name, &st) < 0)
        {
          gtf_file_fail (error, name, "cannot be read", errno);
          return FALSE;
        }
      if (!S_ISDIR (st.st_mode))
        {
          if (!add_file (walk, name, path, &st, error))
            return FALSE;
        }
      else if (!gtf_hub_matches (path, never) && !walk_folder (walk, name, path, error))
        return FALSE;
    }
  return names != NULL;
}

GPtrArray *
gtf_hub_local_files (const char *folder, char **include, char **exclude, GtfHubNoteFunc note, gpointer data, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_hub_local_file_free);
  Walk walk = { include, exclude, note, data, files };

  return walk_folder (&walk, folder, "", error) ? g_steal_pointer (&files) : NULL;
}
