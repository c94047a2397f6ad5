/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A download that goes on after any cut. What arrives is hashed on its way to the disk, by another thread where it is much; what an earlier run left behind is hashed first. A server
 * that ignores the range, or has another file than the one we asked about, makes it begin anew; contents that are
 * wrong at the end are fetched once more and then refused.
 */
#include "hub/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/digest.h"
#include "base/file.h"
#include "hub/hasher.h"

#define CHUNK (512 * 1024)
#define LARGE (16 * CHUNK)      /* bytes that are hashed on another thread */
#define MAX_CUTS 5              /* in a row, without a byte between */
#define MAX_RESTARTS 3

typedef struct
{
  const GtfHubFetch *fetch;
  const char *path;
  GCancellable *cancellable;
  int fd;
  gint64 have;
  GtfDigest *digest;            /* NULL: unknown size or a hash we do not know */
  guint cuts, restarts;
  gboolean complete;
} Transfer;

static GtfDigest *
new_digest (const char *etag, gint64 size)
{
  gsize n = strlen (etag);

  if (strspn (etag, "0123456789abcdef") != n)
    return NULL;
  return n == 64 ? gtf_digest_new_sha256 () : n == 40 && size >= 0 ? gtf_digest_new_git_blob ((guint64) size) : NULL;
}

static void
count (const Transfer *t, gint64 bytes)
{
  if (t->fetch->bytes)
    t->fetch->bytes (bytes, t->fetch->data);
}

static gboolean
fail (GError **error, const Transfer *t, GtfError code, const char *format, ...) G_GNUC_PRINTF (4, 5);

static gboolean
fail (GError **error, const Transfer *t, GtfError code, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GTF_ERROR, code, "%s: %s: %s", t->fetch->what, t->fetch->file->path, text);
  return FALSE;
}

static gboolean
begin_anew (Transfer *t, GError **error)
{
  if (ftruncate (t->fd, 0) != 0 || lseek (t->fd, 0, SEEK_SET) != 0)
    {
      gtf_file_fail (error, t->path, "cannot be written", errno);
      return FALSE;
    }
  count (t, -t->have);
  t->have = 0;
  g_clear_pointer (&t->digest, gtf_digest_free);
  t->digest = new_digest (t->fetch->file->etag, t->fetch->file->size);
  return TRUE;
}

static gboolean
begin_anew_again (Transfer *t, const char *why, GError **error)
{
  if (++t->restarts > MAX_RESTARTS)
    return fail (error, t, GTF_ERROR_IO, "given up: %s", why);
  return begin_anew (t, error);
}

/* Hashes what is there. */
static gboolean
take_up (Transfer *t, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (CHUNK);
  struct stat st;
  ssize_t n = 0;

  if (fstat (t->fd, &st) != 0 || !S_ISREG (st.st_mode))
    return fail (error, t, GTF_ERROR_IO, "%s is no file", t->path);
  if (st.st_size == 0 || (t->fetch->file->size >= 0 && st.st_size > t->fetch->file->size) || t->fetch->file->size < 0)
    return begin_anew (t, error);
  t->digest = new_digest (t->fetch->file->etag, t->fetch->file->size);
  while (!g_cancellable_is_cancelled (t->cancellable) && (n = read (t->fd, buffer, CHUNK)) > 0)
    {
      if (t->digest)
        gtf_digest_update (t->digest, buffer, (gsize) n);
      t->have += n;
      count (t, n);
    }
  if (g_cancellable_set_error_if_cancelled (t->cancellable, error))
    return FALSE;
  if (n == 0)
    return TRUE;
  gtf_file_fail (error, t->path, "cannot be read", errno);
  return FALSE;
}

static gboolean
put (Transfer *t, const guint8 *data, gsize n, GError **error)
{
  for (gsize at = 0; at < n;)
    {
      ssize_t w = write (t->fd, data + at, n - at);

      if (w < 0 && errno == EINTR)
        continue;
      if (w < 0)
        {
          gtf_file_fail (error, t->path, "cannot be written", errno);
          return FALSE;
        }
      at += (gsize) w;
    }
  t->have += (gint64) n;
  count (t, (gint64) n);
  return TRUE;
}

/* Reads and writes one piece. FALSE with an error; *n 0 where there is no more. */
static gboolean
receive_piece (Transfer *t, GtfHttpResponse *response, guint8 *buffer, gsize *n, GError **error)
{
  gint64 size = t->fetch->file->size;
  gssize got = g_input_stream_read (response->body, buffer, CHUNK, t->cancellable, NULL);

  *n = 0;
  if (g_cancellable_set_error_if_cancelled (t->cancellable, error))
    return FALSE;
  if (got <= 0)
    {
      t->complete = size >= 0 ? t->have == size : got == 0;
      t->cuts += !t->complete;
      return TRUE;
    }
  if (size >= 0 && got > size - t->have)
    return fail (error, t, GTF_ERROR_INVALID_DATA, "the server sends more than the %" G_GINT64_FORMAT " bytes that this file has", size);
  if (!put (t, buffer, (gsize) got, error))
    return FALSE;
  t->cuts = 0;
  *n = (gsize) got;
  return TRUE;
}

/* One answer's body, until it ends or breaks off (which is no error yet). */
static gboolean
receive (Transfer *t, GtfHttpResponse *response, GError **error)
{
  GtfHubHasher *hasher = t->digest && t->fetch->file->size - t->have >= LARGE ? gtf_hub_hasher_new (t->digest, CHUNK) : NULL;
  g_autofree guint8 *own = hasher ? NULL : g_malloc (CHUNK);
  gboolean good;
  gsize n;

  do
    {
      guint8 *buffer = hasher ? gtf_hub_hasher_take (hasher) : own;

      good = receive_piece (t, response, buffer, &n, error);
      if (hasher)
        gtf_hub_hasher_put (hasher, buffer, n);
      else if (t->digest)
        gtf_digest_update (t->digest, buffer, n);
    }
  while (good && n);
  if (hasher)
    gtf_hub_hasher_finish (hasher);
  return good;
}

/* Whether the answer continues at the byte we are at: "bytes FIRST-LAST/TOTAL". */
static gboolean
continues (const Transfer *t, const GtfHttpResponse *response)
{
  const char *range = gtf_http_response_get (response, "Content-Range");
  const char *slash = range ? strchr (range, '/') : NULL;
  char *end;

  if (!range || g_ascii_strncasecmp (range, "bytes ", 6) != 0 || !slash || !g_ascii_isdigit (range[6]))
    return FALSE;
  if (g_ascii_strtoull (range + 6, &end, 10) != (guint64) t->have || *end != '-')
    return FALSE;
  return slash[1] == '*' || t->fetch->file->size < 0 || g_ascii_strtoull (slash + 1, NULL, 10) == (guint64) t->fetch->file->size;
}

/* The size that the answer announces, or -1. */
static gint64
announced (const GtfHttpResponse *response)
{
  const char *text = gtf_http_response_get (response, "Content-Length"), *coding = gtf_http_response_get (response, "Content-Encoding");
  guint64 size;

  if (!text || (coding && g_ascii_strcasecmp (coding, "identity") != 0) || gtf_http_response_get (response, "Transfer-Encoding"))
    return -1;
  return g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &size, NULL) ? (gint64) size : -1;
}

/* One request and what comes of it. */
static gboolean
transfer_once (Transfer *t, GError **error)
{
  g_autofree char *range = t->have ? g_strdup_printf ("bytes=%" G_GINT64_FORMAT "-", t->have) : NULL;
  GtfHubRequest request = { .url = t->fetch->url, .what = t->fetch->what, .page = t->fetch->page, .range = range,
                            .flags = GTF_HUB_REQUEST_DOWNLOAD | GTF_HUB_REQUEST_PATIENT };
  g_autoptr (GError) local = NULL;
  g_autoptr (GtfHttpResponse) response = gtf_hub_client_send (t->fetch->client, &request, NULL, t->cancellable, &local);
  gint64 size = t->fetch->file->size;

  g_free (request.missing_commit);
  if (response == NULL && t->have && g_error_matches (local, GTF_ERROR, GTF_ERROR_INVALID_DATA))
    return begin_anew_again (t, local->message, error);
  if (response == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (response->status == 206 && !(t->have && continues (t, response)))
    return begin_anew_again (t, "the server sends another part than the one that was asked for", error);
  if (response->status != 206 && t->have && !begin_anew_again (t, "the server breaks off and cannot continue", error))
    return FALSE;
  if (response->status != 206 && size >= 0 && announced (response) >= 0 && announced (response) != size)
    return fail (error, t, GTF_ERROR_INVALID_DATA, "the server announces %" G_GINT64_FORMAT " bytes, expected %" G_GINT64_FORMAT, announced (response), size);
  return receive (t, response, error);
}

static gboolean
transfer (Transfer *t, GError **error)
{
  t->complete = t->fetch->file->size >= 0 && t->have == t->fetch->file->size;
  while (!t->complete)
    {
      if (t->cuts > MAX_CUTS)
        return fail (error, t, GTF_ERROR_IO, "the connection broke off %u times, after %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes; what is there is kept for the next try",
                     t->cuts, t->have, t->fetch->file->size);
      if (t->cuts > 1)
        g_usleep (gtf_hub_backoff * 200);
      if (!transfer_once (t, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
check (Transfer *t, gboolean *good, GError **error)
{
  *good = TRUE;
  if (t->digest)
    *good = strcmp (gtf_digest_get (t->digest), t->fetch->file->etag) == 0;
  else if (!gtf_hub_hash_is (t->path, t->fetch->file->etag, t->cancellable, good, error))
    return FALSE;
  return TRUE;
}

static gboolean
run (Transfer *t, GError **error)
{
  gboolean good = FALSE;

  if (!take_up (t, error))
    return FALSE;
  for (guint attempt = 0; attempt < 2; attempt++)
    {
      if (!transfer (t, error) || !check (t, &good, error))
        return FALSE;
      if (good)
        return TRUE;
      if (attempt == 0 && !begin_anew (t, error))
        return FALSE;
    }
  unlink (t->path);
  return fail (error, t, GTF_ERROR_INVALID_DATA, "what arrived has the wrong hash: expected %s %s; nothing of it is kept",
               strlen (t->fetch->file->etag) == 64 ? "SHA-256" : "git's SHA-1", t->fetch->file->etag);
}

/* Whether nothing was written: asked of the file, since a run that ends early has not counted what an earlier one left. */
static gboolean
is_empty (int fd)
{
  struct stat st;

  return fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && st.st_size == 0;
}

gboolean
gtf_hub_fetch (const GtfHubFetch *fetch, const char *path, GCancellable *cancellable, GError **error)
{
  Transfer t = { fetch, path, cancellable, -1 };
  gboolean good, empty;

  t.fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (t.fd < 0)
    {
      gtf_file_fail (error, path, "cannot be written", errno);
      return FALSE;
    }
  good = run (&t, error);
  empty = is_empty (t.fd);
  if (close (t.fd) != 0 && good)
    {
      gtf_file_fail (error, path, "cannot be written", errno);
      good = FALSE;
    }
  if (!good && empty)   /* there is nothing to go on with */
    unlink (path);
  g_clear_pointer (&t.digest, gtf_digest_free);
  return good;
}

gboolean
gtf_hub_hash_is (const char *path, const char *etag, GCancellable *cancellable, gboolean *good, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (CHUNK);
  g_autoptr (GtfDigest) digest = NULL;
  gsize size;
  ssize_t n = 0;
  int fd = gtf_file_open (path, &size, error);

  if (fd < 0)
    return FALSE;
  digest = new_digest (etag, (gint64) size);
  while (digest && !g_cancellable_is_cancelled (cancellable) && (n = read (fd, buffer, CHUNK)) > 0)
    gtf_digest_update (digest, buffer, (gsize) n);
  if (n < 0)
    gtf_file_fail (error, path, "cannot be read", errno);
  close (fd);
  if (n < 0 || g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  *good = digest == NULL || strcmp (gtf_digest_get (digest), etag) == 0;
  return TRUE;
}
