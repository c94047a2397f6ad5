/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of a repository are untrusted: what looks like config.json may be a pipe, a device or a folder. O_NONBLOCK keeps
 * the open of a pipe from waiting for a writer.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
