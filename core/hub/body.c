/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A stream over a list of parts. It can be set back to its beginning, since a request may have to be sent again. A file that is not what it was when it was
 * looked at is an error of the read, and so of the request.
 */
#include "hub/body.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"

#define RAW_BUFFER (48 * 1024)                  /* a multiple of 3: base64 needs no padding but at the end */
#define ENCODED_BUFFER (RAW_BUFFER / 3 * 4)

typedef struct
{
  char *text;                   /* or NULL */
  const GtfHubLocalFile *file;
  gint64 from, length;          /* of the file, or of the text */
  gboolean base64;
} Part;

struct _GtfHubBody
{
  GInputStream parent_instance;
  GArray *parts;
  gint64 length, position;

  guint part;                   /* where we are */
  gint64 done;                  /* bytes of that part that are read */
  int fd;                       /* of its file */
  gint64 told;
  char *encoded;                /* base64 that is not handed out yet */
  gsize n_encoded, encoded_done;

  GtfHubBytesFunc func;
  gpointer data;
};

static void gtf_hub_body_seekable_init (GSeekableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (GtfHubBody, gtf_hub_body, G_TYPE_INPUT_STREAM, G_IMPLEMENT_INTERFACE (G_TYPE_SEEKABLE, gtf_hub_body_seekable_init))

static void
part_clear (gpointer data)
{
  g_free (((Part *) data)->text);
}

static void
gtf_hub_body_init (GtfHubBody *self)
{
  self->parts = g_array_new (FALSE, FALSE, sizeof (Part));
  g_array_set_clear_func (self->parts, part_clear);
  self->fd = -1;
}

static void
close_file (GtfHubBody *self)
{
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

static void
gtf_hub_body_finalize (GObject *object)
{
  GtfHubBody *self = GTF_HUB_BODY (object);

  close_file (self);
  g_array_unref (self->parts);
  g_free (self->encoded);
  G_OBJECT_CLASS (gtf_hub_body_parent_class)->finalize (object);
}

GtfHubBody *
gtf_hub_body_new (void)
{
  return g_object_new (GTF_TYPE_HUB_BODY, NULL);
}

static void
add_part (GtfHubBody *self, Part part, gint64 length)
{
  g_array_append_val (self->parts, part);
  self->length += length;
}

void
gtf_hub_body_add_text (GtfHubBody *self, char *text)
{
  gint64 n = (gint64) strlen (text);

  add_part (self, (Part) { .text = text, .length = n }, n);
}

void
gtf_hub_body_add_piece (GtfHubBody *self, const GtfHubLocalFile *file, gint64 from, gint64 length)
{
  add_part (self, (Part) { .file = file, .from = from, .length = length }, length);
}

void
gtf_hub_body_add_base64 (GtfHubBody *self, const GtfHubLocalFile *file)
{
  add_part (self, (Part) { .file = file, .length = file->size, .base64 = TRUE }, (file->size + 2) / 3 * 4);
}

gint64
gtf_hub_body_get_length (const GtfHubBody *self)
{
  return self->length;
}

void
gtf_hub_body_watch (GtfHubBody *self, GtfHubBytesFunc func, gpointer data)
{
  self->func = func;
  self->data = data;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static void
tell (GtfHubBody *self, gint64 bytes)
{
  self->told += bytes;
  if (self->func && bytes)
    self->func (bytes, self->data);
}

static gssize
read_text (GtfHubBody *self, const Part *part, char *to, gsize room)
{
  gsize n = MIN (room, (gsize) (part->length - self->done));

  memcpy (to, part->text + self->done, n);
  self->done += (gint64) n;
  return (gssize) n;
}

/* At least one byte of the file, or -1; the last one only if it is still the same file. */
static gssize
read_file (GtfHubBody *self, const Part *part, char *to, gsize room, GError **error)
{
  gsize wanted = MIN (room, (gsize) (part->length - self->done));
  ssize_t n;

  if (self->fd < 0 && (self->fd = gtf_hub_local_file_open (part->file, error)) < 0)
    return -1;
  do
    n = pread (self->fd, to, wanted, part->from + self->done);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    gtf_file_fail (error, part->file->name, "cannot be read", errno);
  else if (n == 0)
    gtf_hub_local_file_check (part->file, self->fd, error);     /* it is shorter now */
  if (n <= 0)
    return -1;
  if (self->done + n == part->length && !gtf_hub_local_file_check (part->file, self->fd, error))
    return -1;
  self->done += n;
  tell (self, n);
  return n;
}

static gboolean
encode (GtfHubBody *self, const Part *part, GError **error)
{
  guint8 raw[RAW_BUFFER];
  gsize have = 0, wanted = (gsize) MIN (RAW_BUFFER, part->length - self->done);
  int state = 0, save = 0;

  while (have < wanted)
    {
      gssize n = read_file (self, part, (char *) raw + have, wanted - have, error);

      if (n < 0)
        return FALSE;
      have += (gsize) n;
    }
  if (self->encoded == NULL)
    self->encoded = g_malloc (ENCODED_BUFFER + 8);
  self->n_encoded = g_base64_encode_step (raw, have, FALSE, self->encoded, &state, &save);
  self->n_encoded += g_base64_encode_close (FALSE, self->encoded + self->n_encoded, &state, &save);
  self->encoded_done = 0;
  return TRUE;
}

static gssize
read_base64 (GtfHubBody *self, const Part *part, char *to, gsize room, GError **error)
{
  gsize n;

  if (self->encoded_done == self->n_encoded && !encode (self, part, error))
    return -1;
  n = MIN (room, self->n_encoded - self->encoded_done);
  memcpy (to, self->encoded + self->encoded_done, n);
  self->encoded_done += n;
  return (gssize) n;
}

static gssize
gtf_hub_body_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  GtfHubBody *self = GTF_HUB_BODY (stream);
  gssize n;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  for (; self->part < self->parts->len; self->part++, self->done = 0, close_file (self))
    {
      const Part *part = &g_array_index (self->parts, Part, self->part);

      if (self->done == part->length && self->encoded_done == self->n_encoded)
        continue;
      n = part->text ? read_text (self, part, buffer, count) : part->base64 ? read_base64 (self, part, buffer, count, error) : read_file (self, part, buffer, count, error);
      if (n > 0)
        self->position += n;
      return n;
    }
  return 0;
}

/* ---- back to the beginning ------------------------------------------------------------------------------------------ */

static goffset
gtf_hub_body_tell (GSeekable *seekable)
{
  return GTF_HUB_BODY (seekable)->position;
}

static gboolean
gtf_hub_body_can_seek (GSeekable *seekable)
{
  return TRUE;
}

static gboolean
gtf_hub_body_seek (GSeekable *seekable, goffset offset, GSeekType type, GCancellable *cancellable, GError **error)
{
  GtfHubBody *self = GTF_HUB_BODY (seekable);

  if (type != G_SEEK_SET || offset != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "only the beginning can be gone to");
      return FALSE;
    }
  close_file (self);
  self->part = 0;
  self->done = self->position = 0;
  self->n_encoded = self->encoded_done = 0;
  tell (self, -self->told);
  return TRUE;
}

static gboolean
gtf_hub_body_can_truncate (GSeekable *seekable)
{
  return FALSE;
}

static gboolean
gtf_hub_body_truncate (GSeekable *seekable, goffset offset, GCancellable *cancellable, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "what is read cannot be made shorter");
  return FALSE;
}

static void
gtf_hub_body_seekable_init (GSeekableIface *iface)
{
  iface->tell = gtf_hub_body_tell;
  iface->can_seek = gtf_hub_body_can_seek;
  iface->seek = gtf_hub_body_seek;
  iface->can_truncate = gtf_hub_body_can_truncate;
  iface->truncate_fn = gtf_hub_body_truncate;
}

static void
gtf_hub_body_class_init (GtfHubBodyClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gtf_hub_body_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = gtf_hub_body_read;
}
