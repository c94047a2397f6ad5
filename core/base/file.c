/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of a repository are untrusted: what looks like config.json may be a pipe, a device or a folder. O_NONBLOCK keeps
 * the open of a pipe from waiting for a writer.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pages.h"

void
gtf_file_fail (GError **error, const char *path, const char *what, int errnum)
{
  g_set_error (error, GTF_ERROR, errnum == ENOENT || errnum == ENOTDIR ? GTF_ERROR_NOT_FOUND : GTF_ERROR_IO, "%s: %s: %s", path, what, g_strerror (errnum));
}

int
gtf_file_open (const char *path, gsize *size, GError **error)
{
  struct stat st;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (fd < 0 || fstat (fd, &st) < 0)
    {
      gtf_file_fail (error, path, "cannot be opened", errno);
      if (fd >= 0)
        close (fd);
      return -1;
    }
  if (!S_ISREG (st.st_mode))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected a file, found %s", path, S_ISDIR (st.st_mode) ? "a folder" : "a device or pipe");
      close (fd);
      return -1;
    }
  *size = (gsize) st.st_size;
  return fd;
}

/* Reads until the end, or `room` bytes. */
static gssize
read_all (int fd, char *to, gsize room)
{
  gsize have = 0;

  while (have < room)
    {
      ssize_t n = read (fd, to + have, room - have);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -1;
      if (n == 0)
        break;
      have += (gsize) n;
    }
  return (gssize) have;
}

gboolean
gtf_file_load (const char *path, gsize max, char **contents, gsize *length, GError **error)
{
  g_autofree char *text = NULL;
  gsize size = 0;
  gssize n;
  int fd = gtf_file_open (path, &size, error);

  if (fd < 0)
    return FALSE;
  if (size > max || !(text = g_try_malloc (size + 1)))
    {
      g_set_error (error, GTF_ERROR, size > max ? GTF_ERROR_INVALID_DATA : GTF_ERROR_NO_MEMORY,
                   "%s: is too big: %" G_GSIZE_FORMAT " bytes, at most %" G_GSIZE_FORMAT " are read", path, size, max);
      close (fd);
      return FALSE;
    }
  gtf_pages_huge (text, size);
  n = read_all (fd, text, size);
  if (n < 0)
    gtf_file_fail (error, path, "cannot be read", errno);
  else if ((gsize) n < size)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: became shorter while it was read (%" G_GSSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes)", path, n, size);
  close (fd);
  if (n < 0 || (gsize) n < size)
    return FALSE;
  text[size] = 0;
  *contents = g_steal_pointer (&text);
  *length = size;
  return TRUE;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

struct _GtfFileWriter
{
  char *path;
  char *temporary;      /* NULL: no name yet (O_TMPFILE), or written in place */
  int fd;
  gboolean in_place;
};

/* A hidden name beside the target, so that the rename stays inside one file system. */
static char *
temporary_template (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path), *base = g_path_get_basename (path);

  return g_strdup_printf ("%s/.%.200s.XXXXXX", folder, base);    /* @base may be as long as names can be */
}

static gboolean
open_unnamed (GtfFileWriter *self)
{
  g_autofree char *folder = g_path_get_dirname (self->path);

  self->fd = open (folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  return self->fd >= 0;
}

GtfFileWriter *
gtf_file_writer_new (const char *path, GError **error)
{
  g_autoptr (GtfFileWriter) self = g_new0 (GtfFileWriter, 1);
  struct stat st;

  self->path = g_strdup (path);
  self->in_place = stat (path, &st) == 0 && !S_ISREG (st.st_mode);
  if (self->in_place)
    self->fd = open (path, O_WRONLY | O_CLOEXEC);
  else if (!open_unnamed (self))
    {
      self->temporary = temporary_template (path);
      self->fd = g_mkstemp_full (self->temporary, O_WRONLY | O_CLOEXEC, 0666);
    }
  if (self->fd >= 0)
    return g_steal_pointer (&self);
  gtf_file_fail (error, path, "cannot be written", errno);
  g_clear_pointer (&self->temporary, g_free);
  return NULL;
}

gboolean
gtf_file_writer_write (GtfFileWriter *self, gconstpointer data, gsize length, GError **error)
{
  const char *from = data;

  while (length)
    {
      ssize_t n = write (self->fd, from, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          gtf_file_fail (error, self->path, "cannot be written", errno);
          return FALSE;
        }
      from += n;
      length -= (gsize) n;
    }
  return TRUE;
}

/* Gives an unnamed file a hidden name: only a rename can replace a file that exists. */
static gboolean
name_unnamed (GtfFileWriter *self)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", self->fd);

  for (guint attempt = 0; attempt < 100; attempt++)
    {
      g_autofree char *name = temporary_template (self->path);

      for (char *p = name + strlen (name) - 6; *p; p++)
        *p = (char) ('a' + g_random_int_range (0, 26));
      if (linkat (AT_FDCWD, link, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0)
        {
          self->temporary = g_steal_pointer (&name);
          return TRUE;
        }
      if (errno != EEXIST)
        return FALSE;
    }
  return FALSE;
}

gboolean
gtf_file_writer_commit (GtfFileWriter *self, GError **error)
{
  gboolean ok = self->in_place || ((self->temporary || name_unnamed (self)) && g_rename (self->temporary, self->path) == 0);
  int saved = errno;

  if (ok)
    g_clear_pointer (&self->temporary, g_free);
  if (close (self->fd) < 0 && ok)
    {
      ok = FALSE;
      saved = errno;
    }
  self->fd = -1;
  if (!ok)
    gtf_file_fail (error, self->path, "cannot be written", saved);
  return ok;
}

void
gtf_file_writer_free (GtfFileWriter *self)
{
  if (!self)
    return;
  if (self->fd >= 0)
    close (self->fd);
  if (self->temporary)
    g_unlink (self->temporary);
  g_free (self->temporary);
  g_free (self->path);
  g_free (self);
}

gboolean
gtf_file_save (const char *path, gconstpointer data, gsize length, GError **error)
{
  g_autoptr (GtfFileWriter) writer = gtf_file_writer_new (path, error);

  return writer && gtf_file_writer_write (writer, data, length, error) && gtf_file_writer_commit (writer, error);
}

gboolean
gtf_file_copy (const char *from, const char *to, GError **error)
{
  g_autoptr (GtfFileWriter) writer = NULL;
  char buffer[65536];
  gboolean ok = FALSE;
  gsize size;
  gssize n;
  int fd = gtf_file_open (from, &size, error);

  if (fd < 0)
    return FALSE;
  if ((writer = gtf_file_writer_new (to, error)))
    {
      ok = TRUE;
      while (ok && (n = read_all (fd, buffer, sizeof buffer)) > 0)
        ok = gtf_file_writer_write (writer, buffer, (gsize) n, error);
      if (ok && n < 0)
        {
          gtf_file_fail (error, from, "cannot be read", errno);
          ok = FALSE;
        }
    }
  close (fd);
  return ok && gtf_file_writer_commit (writer, error);
}

gboolean
gtf_file_copy_named (const char *from, const char *to, const char *name, GError **error)
{
  g_autofree char *source = g_build_filename (from, name, NULL), *target = g_build_filename (to, name, NULL);

  return !g_file_test (source, G_FILE_TEST_EXISTS) || gtf_file_copy (source, target, error);
}
