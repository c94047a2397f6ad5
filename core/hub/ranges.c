/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pieces are kept as they come. A request fetches at least GTF_HUB_RANGE bytes, since those who read headers go on where they were; at the end of a file
 * it fetches what lies before, since archives are read from there.
 *
 * The first answer tells where a large file really lies; further requests go there at once.
 */
#include "hub/ranges.h"

#include <string.h>

#define MAX_WASTE (1u << 20)    /* bytes that are heard for nothing, where a server knows no ranges */

typedef struct
{
  guint64 offset;
  GByteArray *data;
} Piece;

struct _GtfHubRanges
{
  GtfHubClient *client;
  const GtfHubRepo *repo;
  GCancellable *cancellable;
  char *path, *url, *page;
  guint64 size;
  GMutex lock;
  GPtrArray *pieces;
};

static void
piece_free (gpointer data)
{
  Piece *piece = data;

  g_byte_array_unref (piece->data);
  g_free (piece);
}

GtfHubRanges *
gtf_hub_ranges_new (GtfHubClient *client, const GtfHubRepo *repo, const char *commit, const GtfHubFile *file, GCancellable *cancellable)
{
  GtfHubRanges *self = g_new0 (GtfHubRanges, 1);

  self->client = client;
  self->repo = repo;
  self->cancellable = cancellable ? g_object_ref (cancellable) : NULL;
  self->path = g_strdup (file->path);
  self->url = gtf_hub_repo_dup_resolve (repo, client, commit, file->path);
  self->page = gtf_hub_repo_dup_page (repo, client);
  self->size = (guint64) MAX (file->size, 0);
  self->pieces = g_ptr_array_new_with_free_func (piece_free);
  g_mutex_init (&self->lock);
  return self;
}

void
gtf_hub_ranges_free (GtfHubRanges *self)
{
  g_clear_object (&self->cancellable);
  g_ptr_array_unref (self->pieces);
  g_mutex_clear (&self->lock);
  g_free (self->path);
  g_free (self->url);
  g_free (self->page);
  g_free (self);
}

/* Appends what the answer has from @first up to @end. Its body begins at @at. */
static gboolean
receive (GtfHubRanges *self, GtfHttpResponse *response, guint64 at, guint64 first, guint64 end, GByteArray *data, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (65536);
  gssize n = 1;

  while (first + data->len < end && (n = g_input_stream_read (response->body, buffer, 65536, self->cancellable, NULL)) > 0)
    {
      gsize ignored = at < first ? (gsize) MIN (first - at, (guint64) n) : 0, wanted = (gsize) MIN ((guint64) n - ignored, end - first - data->len);

      at += (guint64) n;
      g_byte_array_append (data, buffer + ignored, (guint) wanted);
    }
  if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
    return FALSE;
  if (first + data->len == end)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: %s: the server breaks off after %u of %" G_GUINT64_FORMAT " bytes", self->repo->what, self->path, data->len, end - first);
  return FALSE;
}

/* Whether the part that comes is the one that was asked for; *at is where the body begins. */
static gboolean
check_answer (const GtfHubRanges *self, const GtfHttpResponse *response, guint64 first, guint64 *at, GError **error)
{
  const char *range = gtf_http_response_get (response, "Content-Range");
  char *end;

  *at = 0;
  if (response->status != 206 && first <= MAX_WASTE)
    return TRUE;
  if (response->status != 206)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: %s: the server sends no parts of a file, so that it cannot be looked into from afar; get it with: gtransformers download %s",
                   self->repo->what, self->path, self->repo->id);
      return FALSE;
    }
  if (range && g_ascii_strncasecmp (range, "bytes ", 6) == 0 && g_ascii_isdigit (range[6]))
    *at = g_ascii_strtoull (range + 6, &end, 10);
  if (range && *at == first && strchr (range, '/'))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s: the server sends another part of the file than the one that was asked for", self->repo->what, self->path);
  return FALSE;
}

/* (nullable): one request. */
static const Piece *
fetch (GtfHubRanges *self, guint64 first, guint64 end, GError **error)
{
  g_autofree char *range = g_strdup_printf ("bytes=%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, first, end - 1), *url = NULL;
  GtfHubRequest request = { .url = self->url, .what = self->repo->what, .page = self->page, .range = range, .flags = GTF_HUB_REQUEST_DOWNLOAD | GTF_HUB_REQUEST_PATIENT };
  g_autoptr (GtfHttpResponse) response = gtf_hub_client_send (self->client, &request, &url, self->cancellable, error);
  g_autoptr (GByteArray) data = g_byte_array_new ();
  guint64 at;
  Piece *piece;

  g_free (request.missing_commit);
  if (response == NULL || !check_answer (self, response, first, &at, error) || !receive (self, response, at, first, end, data, error))
    return NULL;
  g_free (self->url);
  self->url = g_steal_pointer (&url);
  piece = g_new (Piece, 1);
  *piece = (Piece) { first, g_steal_pointer (&data) };
  g_ptr_array_add (self->pieces, piece);
  return piece;
}

/* (nullable): a piece that has the byte at @offset. */
static const Piece *
find (const GtfHubRanges *self, guint64 offset)
{
  for (guint i = 0; i < self->pieces->len; i++)
    {
      const Piece *piece = self->pieces->pdata[i];

      if (offset >= piece->offset && offset - piece->offset < piece->data->len)
        return piece;
    }
  return NULL;
}

/* What is fetched so that the bytes from @offset up to @end are there. */
static const Piece *
fetch_around (GtfHubRanges *self, guint64 offset, guint64 end, GError **error)
{
  if (end == self->size && end - offset < GTF_HUB_RANGE)
    offset = end > GTF_HUB_RANGE ? end - GTF_HUB_RANGE : 0;
  return fetch (self, offset, MIN (self->size, MAX (end, offset + GTF_HUB_RANGE)), error);
}

gboolean
gtf_hub_ranges_read (GtfHubRanges *self, guint64 offset, gpointer to, gsize length, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  guint8 *out = to;

  while (length)
    {
      const Piece *piece = find (self, offset);
      gsize n;

      if (piece == NULL)
        {
          if (!fetch_around (self, offset, offset + length, error))
            return FALSE;
          continue;
        }
      n = MIN (length, piece->data->len - (gsize) (offset - piece->offset));
      memcpy (out, piece->data->data + (offset - piece->offset), n);
      out += n;
      offset += n;
      length -= n;
    }
  return TRUE;
}
