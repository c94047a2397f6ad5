/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names and questions. What the Hub answers is data of a stranger: a commit must be a hash, an ETag becomes the name of a
 * file and must look like one, a path must stay where it is put.
 */
#include "hub/repository.h"

#include <string.h>
#include "base/quote.h"
#include "hub/answer.h"
#include "hub/cache.h"

#define MAX_PAGES 10000

static const struct
{
  const char *name, *folder, *api, *prefix;
} types[] = {
  { "model", "models", "models", "" },
  { "dataset", "datasets", "datasets", "datasets/" },
  { "space", "spaces", "spaces", "spaces/" },
};

GtfHubRepo *
gtf_hub_repo_new (GtfHubType type, const char *id, const char *revision, GError **error)
{
  GtfHubRepo *self;

  if (!gtf_hub_check_id (id, error) || !gtf_hub_check_revision (id, revision ? revision : "main", error))
    return NULL;
  self = g_new0 (GtfHubRepo, 1);
  self->type = type;
  self->id = g_strdup (id);
  self->revision = g_strdup (revision ? revision : "main");
  self->what = g_strdup_printf ("%s (revision %s)", id, self->revision);
  return self;
}

void
gtf_hub_repo_free (GtfHubRepo *self)
{
  g_free (self->id);
  g_free (self->revision);
  g_free (self->what);
  g_free (self);
}

void
gtf_hub_file_free (GtfHubFile *self)
{
  g_free (self->path);
  g_free (self->etag);
  g_free (self->blob_id);
  g_free (self);
}

const char *
gtf_hub_type_get_name (GtfHubType type)
{
  return types[type].name;
}

gboolean
gtf_hub_type_from_name (const char *name, GtfHubType *type)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (strcmp (types[i].name, name) == 0)
      {
        *type = i;
        return TRUE;
      }
  return FALSE;
}

char *
gtf_hub_repo_dup_folder (const GtfHubRepo *self)
{
  g_auto (GStrv) parts = g_strsplit (self->id, "/", 2);
  g_autofree char *id = g_strjoinv ("--", parts);

  return g_strdup_printf ("%s--%s", types[self->type].folder, id);
}

char *
gtf_hub_repo_dup_page (const GtfHubRepo *self, const GtfHubClient *client)
{
  return g_strdup_printf ("%s/%s%s", gtf_hub_client_get_endpoint (client), types[self->type].prefix, self->id);
}

char *
gtf_hub_repo_dup_api (const GtfHubRepo *self, const GtfHubClient *client, const char *rest)
{
  return g_strdup_printf ("%s/api/%s/%s%s", gtf_hub_client_get_endpoint (client), types[self->type].api, self->id, rest);
}

char *
gtf_hub_repo_dup_resolve (const GtfHubRepo *self, const GtfHubClient *client, const char *revision, const char *path)
{
  g_autofree char *page = gtf_hub_repo_dup_page (self, client);
  g_autofree char *rev = g_uri_escape_string (revision, NULL, FALSE), *file = g_uri_escape_string (path, "/", FALSE);

  return g_strdup_printf ("%s/resolve/%s/%s", page, rev, file);
}

gboolean
gtf_hub_is_commit (const char *text)
{
  return text && strlen (text) == 40 && strspn (text, "0123456789abcdef") == 40;
}

static gboolean
is_etag (const char *text)
{
  gsize n = strlen (text);

  if (n == 0 || n > 200 || *text == '.')
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (!g_ascii_isalnum (text[i]) && !strchr ("-_.", text[i]))
      return FALSE;
  return TRUE;
}

static gboolean
is_path (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);

  if (!g_utf8_validate (path, -1, NULL) || strchr (path, '\\') || strlen (path) > 3000 || (g_ascii_isalpha (path[0]) && path[1] == ':'))
    return FALSE;
  for (char **part = parts; *part; part++)
    if (!**part || strcmp (*part, ".") == 0 || strcmp (*part, "..") == 0 || strlen (*part) > 255)
      return FALSE;
  for (const char *p = path; *p; p++)
    if (g_ascii_iscntrl (*p))
      return FALSE;
  return parts[0] != NULL;
}

gboolean
gtf_hub_check_path (const char *what, const char *path, GError **error)
{
  g_autofree char *quoted = NULL;

  if (is_path (path))
    return TRUE;
  quoted = gtf_quote (path, -1);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: a file is named \"%s\": expected a relative path that stays inside the folder, each part of 1 to 255 bytes, "
               "without backslash and control characters", what, quoted);
  return FALSE;
}

/* ---- questions ------------------------------------------------------------------------------------------------------ */

static JsonNode *
ask (GtfHubClient *client, const GtfHubRepo *repo, const char *url, GtfHubRequestFlags flags, char **next, GCancellable *cancellable, GError **error)
{
  g_autofree char *page = gtf_hub_repo_dup_page (repo, client);
  GtfHubRequest request = { .url = url, .what = repo->what, .page = page, .flags = flags };
  g_autoptr (GtfHttpResponse) response = gtf_hub_client_send (client, &request, NULL, cancellable, error);

  g_free (request.missing_commit);
  if (response == NULL)
    return NULL;
  if (next)
    *next = gtf_hub_next_page (client, url, response);
  return gtf_hub_read_json (response, repo->what, cancellable, error);
}

char *
gtf_hub_ask_commit (GtfHubClient *client, const GtfHubRepo *repo, GtfHubRequestFlags flags, GCancellable *cancellable, GError **error)
{
  g_autofree char *revision = g_uri_escape_string (repo->revision, NULL, FALSE), *rest = g_strconcat ("/revision/", revision, NULL);
  g_autofree char *url = gtf_hub_repo_dup_api (repo, client, rest);
  g_autoptr (JsonNode) node = NULL;
  const char *sha;

  if (gtf_hub_is_commit (repo->revision))
    return g_strdup (repo->revision);
  node = ask (client, repo, url, flags, NULL, cancellable, error);
  if (node == NULL)
    return NULL;
  sha = JSON_NODE_HOLDS_OBJECT (node) ? gtf_hub_answer_string (json_node_get_object (node), "sha") : NULL;
  if (gtf_hub_is_commit (sha))
    return g_strdup (sha);
  gtf_hub_answer_fail (error, repo->what, "a commit as \"sha\"", sha);
  return NULL;
}

/* An entry of the listing; *file stays NULL for a folder. */
static gboolean
read_entry (const GtfHubRepo *repo, JsonNode *node, GtfHubFile **file, GError **error)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *type = object ? gtf_hub_answer_string (object, "type") : NULL, *path = object ? gtf_hub_answer_string (object, "path") : NULL;
  const char *lfs = object ? gtf_hub_answer_string (object, "lfs.oid") : NULL, *oid = object ? gtf_hub_answer_string (object, "oid") : NULL;
  const char *etag = lfs ? lfs : oid;
  GtfHubFile *self;

  if (!type || !path)
    return gtf_hub_answer_fail (error, repo->what, "\"type\" and \"path\" of each file", NULL);
  if (strcmp (type, "file") != 0)
    return TRUE;
  if (!gtf_hub_check_path (repo->what, path, error))
    return FALSE;
  if (!etag || !is_etag (etag))
    return gtf_hub_answer_fail (error, repo->what, "a hash of each file as \"oid\"", etag);
  if (gtf_hub_answer_size (object, lfs ? "lfs.size" : "size") < 0)
    return gtf_hub_answer_fail (error, repo->what, "a size of each file", path);
  self = *file = g_new0 (GtfHubFile, 1);
  self->path = g_strdup (path);
  self->etag = g_strdup (etag);
  self->blob_id = g_strdup (oid);
  self->lfs = lfs != NULL;
  self->size = gtf_hub_answer_size (object, lfs ? "lfs.size" : "size");
  return TRUE;
}

gboolean
gtf_hub_tree_read_page (const GtfHubRepo *repo, JsonNode *page, GPtrArray *files, GHashTable *seen, GError **error)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (page) ? json_node_get_array (page) : NULL;

  if (list == NULL)
    return gtf_hub_answer_fail (error, repo->what, "a list of files", "something else");
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      GtfHubFile *file = NULL;

      if (!read_entry (repo, json_array_get_element (list, i), &file, error))
        return FALSE;
      if (file == NULL)
        continue;
      g_ptr_array_add (files, file);
      if (!g_hash_table_add (seen, file->path))
        return gtf_hub_answer_fail (error, repo->what, "each file once", file->path);
    }
  return TRUE;
}

GPtrArray *
gtf_hub_ask_tree (GtfHubClient *client, const GtfHubRepo *repo, const char *commit, GtfHubRequestFlags flags, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_hub_file_free);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *revision = g_uri_escape_string (commit, NULL, FALSE), *rest = g_strdup_printf ("/tree/%s?recursive=true&expand=false", revision);
  g_autofree char *url = gtf_hub_repo_dup_api (repo, client, rest);

  for (guint pages = 0; url; pages++)
    {
      g_autofree char *next = NULL;
      g_autoptr (JsonNode) page = pages < MAX_PAGES ? ask (client, repo, url, flags, &next, cancellable, error) : NULL;

      if (pages == MAX_PAGES)
        gtf_hub_answer_fail (error, repo->what, "a list of files that ends", "more than 10000 pages");
      if (page == NULL || !gtf_hub_tree_read_page (repo, page, files, seen, error))
        return NULL;
      g_free (url);
      url = g_steal_pointer (&next);
    }
  return g_steal_pointer (&files);
}

/* The part of @url behind "scheme://host:port", or NULL if it does not begin with @origin. */
static const char *
behind (const char *url, const char *origin)
{
  gsize n = strlen (origin);

  return strncmp (url, origin, n) == 0 && (url[n] == '/' || url[n] == '?') ? url + n : NULL;
}

/* A mirror may hand out the original's addresses; any other host is not asked: our token would go there. */
char *
gtf_hub_next_page (const GtfHubClient *client, const char *url, const GtfHttpResponse *response)
{
  const char *link = gtf_http_response_get (response, "Link");
  g_autoptr (GMatchInfo) match = NULL;
  g_autoptr (GRegex) pattern = g_regex_new ("<([^>]*)>\\s*;\\s*rel=\"?next\"?", 0, 0, NULL);
  g_autofree char *found = NULL, *target = NULL;
  const char *rest;

  if (link == NULL || !g_regex_match (pattern, link, 0, &match))
    return NULL;
  found = g_match_info_fetch (match, 1);
  target = g_uri_resolve_relative (url, found, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED, NULL);
  if (target == NULL)
    return NULL;
  rest = behind (target, gtf_hub_client_get_endpoint (client));
  if (rest == NULL)
    rest = behind (target, "https://huggingface.co");
  return rest ? g_strconcat (gtf_hub_client_get_endpoint (client), rest, NULL) : NULL;
}

/* ---- one file ------------------------------------------------------------------------------------------------------- */

/* W/"abc" -> abc. (transfer full) (nullable) */
static char *
plain_etag (const char *text)
{
  g_autofree char *etag = NULL;

  if (text == NULL)
    return NULL;
  etag = g_strdup (g_str_has_prefix (text, "W/") ? text + 2 : text);
  if (*etag == '"' && strlen (etag) > 1 && g_str_has_suffix (etag, "\""))
    {
      etag[strlen (etag) - 1] = '\0';
      memmove (etag, etag + 1, strlen (etag));
    }
  return is_etag (etag) ? g_steal_pointer (&etag) : NULL;
}

static gint64
header_size (const GtfHttpResponse *response)
{
  const char *linked = gtf_http_response_get (response, "X-Linked-Size");
  const char *text = linked ? linked : response->status / 100 == 2 ? gtf_http_response_get (response, "Content-Length") : NULL;
  guint64 size;

  return text && g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &size, NULL) ? (gint64) size : -1;
}

GtfHubFile *
gtf_hub_file_from_headers (const GtfHttpResponse *response, const char *what, const char *path, char **commit, GError **error)
{
  const char *linked = gtf_http_response_get (response, "X-Linked-Etag");
  g_autofree char *etag = plain_etag (linked ? linked : gtf_http_response_get (response, "ETag"));
  GtfHubFile *file;

  if (etag == NULL || !gtf_hub_is_commit (gtf_http_response_get (response, "X-Repo-Commit")))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the server does not answer as the Hub does: expected the headers X-Repo-Commit and ETag (is HF_ENDPOINT right?)", what);
      return NULL;
    }
  file = g_new0 (GtfHubFile, 1);
  file->path = g_strdup (path);
  file->size = header_size (response);
  file->etag = g_steal_pointer (&etag);
  file->lfs = strlen (file->etag) == 64;
  *commit = g_strdup (gtf_http_response_get (response, "X-Repo-Commit"));
  return file;
}

GtfHubFile *
gtf_hub_ask_file (GtfHubClient *client, GtfHubRequest *request, const char *path, char **commit, char **url, GCancellable *cancellable, GError **error)
{
  g_autofree char *from = NULL;
  g_autoptr (GtfHttpResponse) response = NULL;
  GtfHubFile *file;

  request->method = "HEAD";
  request->flags |= GTF_HUB_REQUEST_STAY;
  response = gtf_hub_client_send (client, request, &from, cancellable, error);
  file = response ? gtf_hub_file_from_headers (response, request->what, path, commit, error) : NULL;
  if (file)
    *url = g_steal_pointer (&from);
  return file;
}
