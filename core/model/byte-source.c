/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files by pread() (docs/decisions/0022), memory, and callbacks.
 */
#include "model/byte-source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"

struct _GtfByteSource
{
  char *path;
  guint64 size;
  int fd;                   /* -1: not a file */
  GBytes *bytes;            /* NULL: not memory */
  GtfByteSourceRead read;   /* NULL: a file or memory */
  gpointer data;
  GDestroyNotify destroy;
};

static GtfByteSource *
source_new (const char *path, guint64 size)
{
  GtfByteSource *self = g_new0 (GtfByteSource, 1);

  self->path = g_strdup (path);
  self->size = size;
  self->fd = -1;
  return self;
}

GtfByteSource *
gtf_byte_source_open (const char *path, GError **error)
{
  GtfByteSource *self;
  gsize size;
  int fd = gtf_file_open (path, &size, error);

  if (fd < 0)
    return NULL;
  self = source_new (path, size);
  self->fd = fd;
  return self;
}

GtfByteSource *
gtf_byte_source_new_bytes (const char *path, GBytes *bytes)
{
  GtfByteSource *self = source_new (path, g_bytes_get_size (bytes));

  self->bytes = g_bytes_ref (bytes);
  return self;
}

GtfByteSource *
gtf_byte_source_new (const char *path, guint64 size, GtfByteSourceRead read, gpointer data, GDestroyNotify destroy)
{
  GtfByteSource *self = source_new (path, size);

  self->read = read;
  self->data = data;
  self->destroy = destroy;
  return self;
}

void
gtf_byte_source_free (GtfByteSource *self)
{
  if (!self)
    return;
  if (self->fd >= 0)
    close (self->fd);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  if (self->destroy)
    self->destroy (self->data);
  g_free (self->path);
  g_free (self);
}

const char *
gtf_byte_source_get_path (const GtfByteSource *self)
{
  return self->path;
}

guint64
gtf_byte_source_get_size (const GtfByteSource *self)
{
  return self->size;
}

gboolean
gtf_byte_source_has_data (const GtfByteSource *self)
{
  return self->read == NULL;
}

static gboolean
read_file (const GtfByteSource *self, guint64 offset, gpointer to, gsize length, GError **error)
{
  char *at = to;

  while (length)
    {
      ssize_t n = pread (self->fd, at, length, (off_t) offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          gtf_file_fail (error, self->path, "cannot be read", errno);
          return FALSE;
        }
      if (n == 0)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: became shorter while it was read: expected %" G_GUINT64_FORMAT
                       " bytes, it ends at byte %" G_GUINT64_FORMAT, self->path, self->size, offset);
          return FALSE;
        }
      at += n;
      offset += (guint64) n;
      length -= (gsize) n;
    }
  return TRUE;
}

gboolean
gtf_byte_source_read (const GtfByteSource *self, guint64 offset, gpointer to, gsize length, GError **error)
{
  if (offset > self->size || length > self->size - offset)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: is truncated: expected %" G_GSIZE_FORMAT " bytes at byte %" G_GUINT64_FORMAT ", it has %"
                   G_GUINT64_FORMAT, self->path, length, offset, self->size);
      return FALSE;
    }
  if (length == 0)
    return TRUE;
  if (self->read)
    return self->read (self->data, self->path, offset, to, length, error);
  if (!self->bytes)
    return read_file (self, offset, to, length, error);
  memcpy (to, (const char *) g_bytes_get_data (self->bytes, NULL) + offset, length);
  return TRUE;
}

gboolean
gtf_byte_source_check_size (const GtfByteSource *self, GError **error)
{
  off_t size = self->fd >= 0 ? lseek (self->fd, 0, SEEK_END) : (off_t) self->size;

  if (size >= 0 && (guint64) size == self->size)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: changed its size while it was loaded (from %" G_GUINT64_FORMAT " to %" G_GOFFSET_FORMAT " bytes)",
               self->path, self->size, (goffset) size);
  return FALSE;
}
