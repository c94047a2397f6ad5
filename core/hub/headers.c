/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file of safetensors begins with the length of its header in eight bytes, then the header. The first request asks for 100 kB, as huggingface_hub
 * does, which is all of it for most; a second one for the rest.
 */
#include "hub/headers.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "hub/download.h"
#include "hub/scan.h"
#include "hub/select.h"

#define FIRST 100000
#define MAX_HEADER 25000000     /* as the Hub's own reader */

typedef struct
{
  GtfHubClient *client;
  const GtfHubRepo *repo;
  const char *commit, *snapshot, *folder;
  GCancellable *cancellable;
} Headers;

/* Appends the bytes from what is there up to @end of a file. A server that sends all of it is heard up to there. */
static gboolean
fetch_range (const Headers *h, const GtfHubFile *file, GByteArray *data, guint64 end, GError **error)
{
  guint64 from = data->len;
  g_autofree char *url = gtf_hub_repo_dup_resolve (h->repo, h->client, h->commit, file->path), *page = gtf_hub_repo_dup_page (h->repo, h->client);
  g_autofree char *range = g_strdup_printf ("bytes=%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, from, end - 1);
  GtfHubRequest request = { .url = url, .what = h->repo->what, .page = page, .range = range, .flags = GTF_HUB_REQUEST_DOWNLOAD | GTF_HUB_REQUEST_PATIENT };
  g_autoptr (GtfHttpResponse) response = gtf_hub_client_send (h->client, &request, NULL, h->cancellable, error);
  g_autofree guint8 *buffer = g_malloc (65536);
  guint64 skip = response && response->status != 206 ? from : 0;
  gssize n = 1;

  g_free (request.missing_commit);
  while (response && data->len < end && (n = g_input_stream_read (response->body, buffer, 65536, h->cancellable, NULL)) > 0)
    {
      gsize ignored = (gsize) MIN (skip, (guint64) n), wanted = (gsize) MIN ((guint64) n - ignored, end - data->len);

      skip -= ignored;
      g_byte_array_append (data, buffer + ignored, (guint) wanted);
    }
  if (response == NULL || g_cancellable_set_error_if_cancelled (h->cancellable, error))
    return FALSE;
  if (data->len == end)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: %s: the server breaks off after %u of %" G_GUINT64_FORMAT " bytes of the header", h->repo->what, file->path, data->len, end);
  return FALSE;
}

static GByteArray *
fetch_header (const Headers *h, const GtfHubFile *file, GError **error)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();
  guint64 size = (guint64) MAX (file->size, 0), length;

  if (!fetch_range (h, file, data, MIN (size, FIRST), error))
    return NULL;
  if (data->len < 8)
    return g_steal_pointer (&data);     /* what is wrong with it is said by who reads it */
  memcpy (&length, data->data, 8);
  length = GUINT64_FROM_LE (length);
  if (length > MAX_HEADER || length + 8 > size || length + 8 <= data->len)
    return g_steal_pointer (&data);
  return fetch_range (h, file, data, length + 8, error) ? g_steal_pointer (&data) : NULL;
}

/* The header, and a hole up to the size. */
static gboolean
put_file (const Headers *h, const GtfHubFile *file, GError **error)
{
  g_autofree char *path = g_build_filename (h->folder, file->path, NULL);
  g_autoptr (GByteArray) data = fetch_header (h, file, error);

  if (data == NULL || !gtf_hub_make_parent (path, error))
    return FALSE;
  if (g_file_set_contents (path, (const char *) data->data, data->len, NULL) && truncate (path, file->size) == 0)
    return TRUE;
  gtf_file_fail (error, path, "cannot be written", errno);
  return FALSE;
}

static gboolean
put_link (const Headers *h, const char *name, GError **error)
{
  g_autofree char *from = g_build_filename (h->snapshot, name, NULL), *to = g_build_filename (h->folder, name, NULL);

  if (!g_file_test (from, G_FILE_TEST_EXISTS) || symlink (from, to) == 0 || errno == EEXIST)
    return TRUE;
  gtf_file_fail (error, to, "cannot be made", errno);
  return FALSE;
}

static gboolean
put_links (const Headers *h, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (h->snapshot, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (!put_link (h, name, error))
      return FALSE;
  return TRUE;
}

/* The weights at the top, and the shards of an index, which is fetched whole. (transfer container) */
static GPtrArray *
find_weights (const Headers *h, GPtrArray *files, GError **error)
{
  g_autoptr (GPtrArray) chosen = gtf_hub_select_model (files, GTF_HUB_WEIGHTS), found = g_ptr_array_new (), indexes = g_ptr_array_new (), shards = NULL;
  const GtfHubDownload download = { .client = h->client, .repo = h->repo };

  for (guint i = 0; i < chosen->len; i++)
    {
      GtfHubFile *file = chosen->pdata[i];

      if (strchr (file->path, '/'))
        continue;
      if (g_str_has_suffix (file->path, ".index.json"))
        g_ptr_array_add (indexes, file);
      else if (g_str_has_suffix (file->path, ".safetensors") || g_str_has_suffix (file->path, ".bin"))
        g_ptr_array_add (found, file);
    }
  if (!gtf_hub_download (&download, h->commit, indexes, NULL, h->cancellable, error))
    return NULL;
  shards = gtf_hub_select_shards (files, indexes, h->snapshot, error);
  if (shards)
    g_ptr_array_extend (found, shards, NULL, NULL);
  return shards ? g_steal_pointer (&found) : NULL;
}

static gboolean
make (const Headers *h, GError **error)
{
  g_autofree char *snapshots = g_path_get_dirname (h->snapshot), *store = g_path_get_dirname (snapshots);
  g_autoptr (GPtrArray) files = gtf_hub_tree_read (store, h->commit), weights = NULL;

  if (files == NULL)
    files = gtf_hub_ask_tree (h->client, h->repo, h->commit, GTF_HUB_REQUEST_PATIENT, h->cancellable, error);
  weights = files ? find_weights (h, files, error) : NULL;
  for (guint i = 0; weights && i < weights->len; i++)
    {
      const GtfHubFile *file = weights->pdata[i];

      if (!g_str_has_suffix (file->path, ".safetensors"))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: %s: only safetensors can be looked into from afar; get it with: gtransformers download %s",
                       h->repo->what, file->path, h->repo->id);
          return FALSE;
        }
      if (!put_file (h, file, error))
        return FALSE;
    }
  return weights && put_links (h, error);
}

char *
gtf_hub_fetch_headers (const char *id, const char *commit, const char *snapshot, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, id, commit, error);
  g_autoptr (GtfHubClient) client = repo ? gtf_hub_client_new (NULL, error) : NULL;
  g_autofree char *folder = client ? g_dir_make_tmp ("gtf-headers-XXXXXX", error) : NULL;
  const Headers headers = { client, repo, commit, snapshot, folder, cancellable };

  if (folder == NULL)
    return NULL;
  if (make (&headers, error))
    return g_steal_pointer (&folder);
  gtf_hub_remove_path (folder, NULL);
  return NULL;
}
