/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How each file goes: the Hub says it, by name (.gitattributes), size and first bytes; whether it is left out (.gitignore); and what it has there already.
 */
#include "hub/upload-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/json-print.h"
#include "base/json.h"
#include "hub/answer.h"

#define SAMPLE 512
#define MAX_CARD (10 * 1024 * 1024)

static char *
read_sample (const GtfHubLocalFile *file, GError **error)
{
  guint8 sample[SAMPLE];
  gsize have = 0;
  ssize_t n = 1;
  int fd = gtf_hub_local_file_open (file, error);

  if (fd < 0)
    return NULL;
  while (have < SAMPLE && n > 0)
    if ((n = read (fd, sample + have, SAMPLE - have)) > 0)
      have += (gsize) n;
  if (n < 0)
    gtf_file_fail (error, file->name, "cannot be read", errno);
  close (fd);
  return n < 0 ? NULL : g_base64_encode (sample, have);
}

static GBytes *
question (GtfHubUploadJob *job, GPtrArray *additions, guint from, guint n, GError **error)
{
  g_autoptr (GString) out = g_string_new ("{\"files\": [");

  for (guint i = from; i < from + n; i++)
    {
      const GtfHubAddition *addition = additions->pdata[i];
      g_autofree char *sample = read_sample (addition->file, error);

      if (sample == NULL)
        return NULL;
      g_string_append (out, i > from ? ", {\"path\": " : "{\"path\": ");
      gtf_json_append_string (out, addition->path);
      g_string_append_printf (out, ", \"sample\": \"%s\", \"size\": %" G_GINT64_FORMAT "}", sample, addition->file->size);
    }
  g_string_append_c (out, ']');
  if (job->git_ignore)
    {
      g_string_append (out, ", \"gitIgnore\": ");
      gtf_json_append_string (out, job->git_ignore);
    }
  g_string_append_c (out, '}');
  return g_string_free_to_bytes (g_steal_pointer (&out));
}

static gboolean
read_mode (const GtfHubUploadJob *job, JsonObject *object, GtfHubAddition *addition, GError **error)
{
  const char *mode = gtf_hub_answer_string (object, "uploadMode");
  JsonNode *ignored = gtf_json_find (object, "shouldIgnore");
  gboolean lfs = g_strcmp0 (mode, "lfs") == 0 && addition->file->size > 0;      /* an empty file is never a large one */

  if (g_strcmp0 (mode, "lfs") != 0 && g_strcmp0 (mode, "regular") != 0)
    return gtf_hub_answer_fail (error, job->repo->what, "\"lfs\" or \"regular\" as \"uploadMode\" of each file", mode);
  if (ignored == NULL || json_node_get_value_type (ignored) != G_TYPE_BOOLEAN)
    return gtf_hub_answer_fail (error, job->repo->what, "true or false as \"shouldIgnore\" of each file", NULL);
  if (lfs != addition->lfs)     /* another hash counts */
    g_clear_pointer (&addition->oid, g_free);
  addition->lfs = lfs;
  addition->ignored = json_node_get_boolean (ignored);
  g_free (addition->remote_oid);
  addition->remote_oid = g_strdup (gtf_hub_answer_string (object, "oid"));
  return TRUE;
}

gboolean
gtf_hub_preupload_read (const GtfHubUploadJob *job, JsonNode *node, GPtrArray *additions, guint from, guint n, GError **error)
{
  JsonObject *top = gtf_hub_answer_object (node);
  JsonArray *list = top ? gtf_hub_answer_list (top, "files") : NULL;
  g_autoptr (GHashTable) by_path = g_hash_table_new (g_str_hash, g_str_equal);

  if (list == NULL)
    return gtf_hub_answer_fail (error, job->repo->what, "a list as \"files\"", NULL);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonObject *object = gtf_hub_answer_object (json_array_get_element (list, i));
      const char *path = object ? gtf_hub_answer_string (object, "path") : NULL;

      if (path)
        g_hash_table_insert (by_path, (char *) path, object);
    }
  for (guint i = from; i < from + n; i++)
    {
      GtfHubAddition *addition = additions->pdata[i];
      JsonObject *object = g_hash_table_lookup (by_path, addition->path);

      if (object == NULL)
        return gtf_hub_answer_fail (error, job->repo->what, "each file that was asked for", addition->path);
      if (!read_mode (job, object, addition, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
gtf_hub_preupload (GtfHubUploadJob *job, GPtrArray *additions, guint from, guint n, GError **error)
{
  g_autofree char *url = gtf_hub_upload_url (job, "preupload");
  g_autoptr (GBytes) body = question (job, additions, from, n, error);
  GtfHubRequest request = { .method = "POST", .url = url, .what = job->repo->what, .page = job->page, .body = body, .body_type = "application/json",
                            .flags = GTF_HUB_REQUEST_PATIENT | GTF_HUB_REQUEST_UPLOAD };
  g_autoptr (JsonNode) node = body ? gtf_hub_ask_json (job->options->client, &request, job->cancellable, error) : NULL;

  return node && gtf_hub_preupload_read (job, node, additions, from, n, error);
}

/* ---- the card ------------------------------------------------------------------------------------------------------- */

/* (transfer full) (nullable): the messages of a list, with semicolons between. */
static char *
messages (JsonObject *object, const char *name)
{
  JsonArray *list = object ? gtf_hub_answer_list (object, name) : NULL;
  g_autoptr (GString) out = g_string_new (NULL);

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      JsonObject *one = gtf_hub_answer_object (json_array_get_element (list, i));
      const char *message = one ? gtf_hub_answer_string (one, "message") : NULL;

      if (message)
        g_string_append_printf (out, "%s%.300s", out->len ? "; " : "", message);
    }
  return out->len ? g_utf8_make_valid (out->str, -1) : NULL;
}

gboolean
gtf_hub_validate_card (GtfHubUploadJob *job, const GtfHubLocalFile *file, GError **error)
{
  g_autofree char *url = g_strconcat (gtf_hub_client_get_endpoint (job->options->client), "/api/validate-yaml", NULL), *text = NULL, *warnings = NULL, *errors = NULL;
  g_autoptr (GString) out = g_string_new ("{\"content\": ");
  g_autoptr (GBytes) body = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) local = NULL;
  GtfHubRequest request = { .method = "POST", .url = url, .what = job->repo->what, .page = job->page, .body_type = "application/json", .also = 400,
                            .flags = GTF_HUB_REQUEST_PATIENT | GTF_HUB_REQUEST_UPLOAD };
  gsize n;

  if (!gtf_file_load (file->name, MAX_CARD, &text, &n, error))
    return FALSE;
  if (!g_utf8_validate (text, (gssize) n, NULL))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the card of a repository must be UTF-8", file->name);
      return FALSE;
    }
  gtf_json_append_string (out, text);
  g_string_append_printf (out, ", \"repoType\": \"%s\"}", gtf_hub_type_get_name (job->repo->type));
  request.body = body = g_string_free_to_bytes (g_steal_pointer (&out));
  node = gtf_hub_ask_json (job->options->client, &request, job->cancellable, &local);
  if (node == NULL && request.status == 404)
    return TRUE;                /* a mirror need not know how */
  if (node == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  warnings = messages (gtf_hub_answer_object (node), "warnings");
  errors = messages (gtf_hub_answer_object (node), "errors");
  if (request.status == 400)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the Hub does not take the metadata of this card: %s", file->name, errors ? errors : "it does not say why");
  else if (warnings)
    {
      g_autofree char *note = g_strdup_printf ("%s: %s", file->name, warnings);

      gtf_hub_upload_note (job, note);
    }
  return request.status != 400;
}
