/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is asked of the Hub for tests: files, listings, searches, accounts, and the host of its large files.
 */
#include "server-private.h"

#include <string.h>

static void
answer_resolve (HubRequest *r, HubTree *tree, const char *path)
{
  HubFile *file = hub_find_file (tree, path);
  g_autoptr (GString) headers = g_string_new (NULL);
  g_autofree char *quoted = NULL, *location = NULL, *size = NULL;

  if (file == NULL)
    {
      hub_answer_error (r, 404, "EntryNotFound", "Entry not found", tree->commit);
      return;
    }
  quoted = g_strdup_printf ("\"%s\"", file->etag);
  size = g_strdup_printf ("%" G_GSIZE_FORMAT, g_bytes_get_size (file->data));
  hub_add_header (r, headers, "X-Repo-Commit", tree->commit);
  if (!file->lfs)
    {
      hub_add_header (r, headers, "ETag", quoted);
      hub_answer_data (r, headers->str, file->data);
      return;
    }
  hub_add_header (r, headers, "X-Linked-Etag", quoted);
  hub_add_header (r, headers, "X-Linked-Size", size);
  location = g_strdup_printf ("%s/cdn/%s?secret=signature", r->server->cdn_endpoint, file->etag);
  hub_answer_redirect (r, location, headers->str);
}

char *
hub_escape (const char *text)
{
  char high[129] = { 0 };

  for (guint i = 0; i < 128; i++)
    high[i] = (char) (i + 128);
  return g_strescape (text, high);
}

static void
answer_tree (HubRequest *r, HubTree *tree)
{
  g_autoptr (GString) out = g_string_new ("[");

  for (guint i = 0; i < tree->files->len; i++)
    {
      const HubFile *file = tree->files->pdata[i];
      gsize n = g_bytes_get_size (file->data);
      g_autofree char *path = hub_escape (file->path);

      g_string_append_printf (out, "%s{\"type\":\"file\",\"path\":\"%s\",\"oid\":\"%s\",\"size\":%" G_GSIZE_FORMAT, i ? "," : "", path, file->oid, n);
      if (file->lfs)
        g_string_append_printf (out, ",\"lfs\":{\"oid\":\"%s\",\"size\":%" G_GSIZE_FORMAT ",\"pointerSize\":134}", file->etag, n);
      g_string_append_c (out, '}');
    }
  g_string_append_c (out, ']');
  hub_answer_text (r, 200, "Content-Type: application/json\r\n", out->str);
}

static void
answer_info (HubRequest *r, HubTree *tree)
{
  g_autoptr (GString) out = g_string_new (NULL);

  g_string_append_printf (out, "{\"id\":\"%s\",\"modelId\":\"%s\",\"sha\":\"%s\",\"private\":false,\"tags\":[],\"downloads\":7,\"likes\":3,\"siblings\":[", tree->id, tree->id, tree->commit);
  for (guint i = 0; i < tree->files->len; i++)
    {
      g_autofree char *path = hub_escape (((HubFile *) tree->files->pdata[i])->path);

      g_string_append_printf (out, "%s{\"rfilename\":\"%s\"}", i ? "," : "", path);
    }
  g_string_append (out, "]}");
  hub_answer_text (r, 200, "Content-Type: application/json\r\n", out->str);
}

gboolean
hub_is_allowed (HubRequest *r, const char *id)
{
  HubAccess access = GPOINTER_TO_INT (g_hash_table_lookup (r->server->access, id));
  gboolean known = g_strcmp0 (r->token, "Bearer " HUB_TOKEN) == 0;

  if (r->token && !known)
    hub_answer_error (r, 401, "", "Invalid credentials in Authorization header", NULL);
  else if (!hub_has_repository (r->server, id) || (access == HUB_PRIVATE && !known))
    hub_answer_error (r, known ? 404 : 401, "RepoNotFound", "Repository not found", NULL);
  else if (access == HUB_GATED && !known)
    hub_answer_error (r, 401, "GatedRepo", "Access to model is restricted", NULL);
  else
    return TRUE;
  return FALSE;
}

static void
answer_whoami (HubRequest *r)
{
  if (g_strcmp0 (r->token, "Bearer " HUB_TOKEN) == 0)
    hub_answer_text (r, 200, "Content-Type: application/json\r\n",
                 "{\"type\":\"user\",\"name\":\"tester\",\"fullname\":\"T\",\"orgs\":[{\"name\":\"org\"}],\"auth\":{\"type\":\"access_token\",\"accessToken\":{\"displayName\":\"my token\",\"role\":\"write\"}}}");
  else
    hub_answer_error (r, 401, "", "Invalid credentials in Authorization header", NULL);
}

char *
hub_parameter (const HubRequest *r, const char *name)
{
  g_auto (GStrv) parts = g_strsplit (r->query ? r->query : "", "&", -1);
  gsize n = strlen (name);

  for (char **part = parts; *part; part++)
    if (strncmp (*part, name, n) == 0 && (*part)[n] == '=')
      return g_uri_unescape_string (*part + n + 1, NULL);
  return NULL;
}

/* One model a repository; pages of two at most. */
static void
answer_search (HubRequest *r)
{
  g_autofree char *words = hub_parameter (r, "search"), *cursor = hub_parameter (r, "cursor"), *limit = hub_parameter (r, "limit"), *link = NULL;
  guint from = cursor ? (guint) g_ascii_strtoull (cursor, NULL, 10) : 0, most = limit ? (guint) MIN (g_ascii_strtoull (limit, NULL, 10), 2) : 2, n = 0, at = 0;
  g_autoptr (GString) out = g_string_new ("[");

  for (guint i = 0; i < r->server->trees->len; i++)
    {
      const HubTree *tree = r->server->trees->pdata[i];

      if (strcmp (tree->revision, "main") != 0 || (words && !strstr (tree->id, words)) || at++ < from)
        continue;
      if (n == most)
        {
          link = g_strdup_printf ("Link: <%s/api/models?cursor=%u&limit=%s&search=%s>; rel=\"next\"\r\n", r->server->endpoint, from + n, limit ? limit : "2", words ? words : "");
          break;
        }
      g_string_append_printf (out, "%s{\"id\":\"%s\",\"pipeline_tag\":\"fill-mask\",\"downloads\":%u,\"likes\":3,\"tags\":[\"en\"],\"config\":{\"model_type\":\"%s\"},"
                              "\"safetensors\":{\"total\":1234567}}", n++ ? "," : "", tree->id, 1000 - i, strstr (tree->id, "alien") ? "alien" : "bert");
    }
  g_string_append_c (out, ']');
  hub_answer_text (r, 200, link ? link : "", out->str);
}

static const char resolve_word[] = "/resolve/", revision_word[] = "/revision/", tree_word[] = "/tree/";

/* PREFIX id WORD revision [/ rest] */
void
hub_route_question (HubRequest *r)
{
  const char *from = g_str_has_prefix (r->path, "/api/models/") ? r->path + 12 : g_str_has_prefix (r->path, "/api/datasets/") ? r->path + 5 : r->path + 1;
  const char *const words[] = { resolve_word, revision_word, tree_word };
  g_autofree char *id = NULL, *revision = NULL, *rest = NULL;
  const char *at = NULL, *word = NULL;
  HubTree *tree;

  if (hub_route_upload (r))
    return;
  if (strcmp (r->path, "/api/whoami-v2") == 0)
    {
      answer_whoami (r);
      return;
    }
  if (strcmp (r->path, "/api/models") == 0)
    {
      answer_search (r);
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (words) && !at; i++)
    if ((at = strstr (from, words[i])))
      word = words[i];
  id = at ? g_strndup (from, (gsize) (at - from)) : g_strdup (from);
  if (at)
    {
      g_auto (GStrv) parts = g_strsplit (at + strlen (word), "/", 2);

      revision = g_uri_unescape_string (parts[0], NULL);
      rest = parts[0] && parts[1] ? g_uri_unescape_string (parts[1], NULL) : g_strdup ("");
    }
  if (!hub_is_allowed (r, id))
    return;
  tree = hub_find_tree (r->server, id, revision ? revision : "main");
  if (tree == NULL)
    hub_answer_error (r, 404, "RevisionNotFound", "Invalid rev id", NULL);
  else if (word == resolve_word)
    {
      answer_resolve (r, tree, rest);
      if (r->faulty && r->fault.kind == HUB_CHANGE)
        hub_change_file (r->server, tree, rest, r->fault.text);
    }
  else if (word == tree_word)
    answer_tree (r, tree);
  else
    answer_info (r, tree);
}

void
hub_route_cdn (HubRequest *r)
{
  const char *etag = strrchr (r->path, '/') + 1;

  if (hub_route_upload (r))
    return;
  for (guint i = 0; i < r->server->trees->len; i++)
    {
      const HubTree *tree = r->server->trees->pdata[i];

      for (guint f = 0; f < tree->files->len; f++)
        {
          const HubFile *file = tree->files->pdata[f];

          g_autofree char *plain = g_strdup_printf ("/%s/resolve/%s/%s", tree->id, tree->commit, file->path);

          if (strcmp (file->etag, etag) == 0 || strcmp (r->path, plain) == 0)
            {
              g_autofree char *tag = g_strdup_printf ("ETag: \"%s\"\r\n", file->etag);

              hub_answer_data (r, tag, file->data);
              return;
            }
        }
    }
  hub_answer_text (r, 404, "", "no such blob");
}
