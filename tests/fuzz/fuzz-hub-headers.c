/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Headers of the Hub: a line each, the first is the status.
 */
#include <string.h>
#include "hub/repository.h"
#include "fuzz.h"

/* The headers as libsoup gives them: valid UTF-8. */
static GtfHttpResponse *
make_response (const char *text)
{
  GtfHttpResponse *response = g_new0 (GtfHttpResponse, 1);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  response->headers = g_ptr_array_new_with_free_func (g_free);
  response->status = lines[0] ? (guint) g_ascii_strtoull (lines[0], NULL, 10) : 0;
  for (char **line = lines[0] ? lines + 1 : lines; *line; line++)
    {
      char *colon = strchr (*line, ':');

      if (colon == NULL)
        continue;
      *colon = '\0';
      g_ptr_array_add (response->headers, g_strdup (*line));
      g_ptr_array_add (response->headers, g_utf8_make_valid (g_strstrip (colon + 1), -1));
    }
  return response;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup (data ? (const char *) data : "", size), *next = NULL, *commit = NULL;
  g_autoptr (GtfHttpResponse) response = make_response (text);
  g_autoptr (GtfHubClient) client = gtf_hub_client_new ("", NULL);
  g_autoptr (GtfHubFile) file = gtf_hub_file_from_headers (response, "fuzz", "x", &commit, NULL);
  gint64 wait = gtf_hub_asked_wait (response);

  g_assert_true (wait >= -1 && wait <= 301);
  next = gtf_hub_next_page (client, "https://huggingface.co/api/models", response);
  g_assert_true (next == NULL || g_str_has_prefix (next, gtf_hub_client_get_endpoint (client)));
  if (file)
    {
      g_assert_true (gtf_hub_is_commit (commit) && file->size >= -1);
      g_assert_null (strchr (file->etag, '/'));
      g_assert_true (*file->etag && *file->etag != '.');
    }
  return 0;
}
