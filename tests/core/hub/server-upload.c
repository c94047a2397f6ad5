/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The half of the Hub for tests that takes files: repositories, branches and tags are made, it is said how each file goes,
 * and commits are done. (Large files: server-storage.c.) It reads JSON by json-glib, which shares nothing with the library that is tested.
 */
#include "server-private.h"

#include <fnmatch.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#define JSON "Content-Type: application/json\r\n"

/* (transfer full) (nullable) */
static JsonObject *
parse (const char *text, gssize length)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();

  if (!json_parser_load_from_data (parser, text, length, NULL) || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    return NULL;
  return json_object_ref (json_node_get_object (json_parser_get_root (parser)));
}

JsonObject *
hub_parse_body (HubRequest *r)
{
  gsize n;
  const char *text = g_bytes_get_data (r->body, &n);
  JsonObject *object = n ? parse (text, (gssize) n) : NULL;

  if (object == NULL)
    hub_answer_error (r, 400, "", "no JSON", NULL);
  return object;
}

const char *
hub_text_of (JsonObject *object, const char *name)
{
  return json_object_get_string_member_with_default (object, name, NULL);
}

/* Answers if not. */
static gboolean
may_write (HubRequest *r, const char *id)
{
  if (!hub_is_allowed (r, id))
    return FALSE;
  if (r->token && GPOINTER_TO_INT (g_hash_table_lookup (r->server->access, id)) != HUB_READ_ONLY)
    return TRUE;
  hub_answer_error (r, r->token ? 403 : 401, "", r->token ? "You have read access but not the required permissions" : "Invalid username or password.", NULL);
  return FALSE;
}

/* ---- repositories, branches, tags ----------------------------------------------------------------------------------- */

static void
answer_create (HubRequest *r)
{
  g_autoptr (JsonObject) object = hub_parse_body (r);
  const char *owner = object ? hub_text_of (object, "organization") : NULL, *type = object ? hub_text_of (object, "type") : NULL;
  g_autofree char *id = NULL, *text = NULL;
  gboolean exists;

  if (object == NULL)
    return;
  if (g_strcmp0 (r->token, "Bearer " HUB_TOKEN) != 0)
    {
      hub_answer_error (r, 401, "", r->token ? "Invalid credentials in Authorization header" : "Invalid username or password.", NULL);
      return;
    }
  id = g_strdup_printf ("%s%s/%s", g_strcmp0 (type, "dataset") == 0 ? "datasets/" : "", owner ? owner : "tester", hub_text_of (object, "name"));
  exists = hub_has_repository (r->server, id);
  text = g_strdup_printf ("{%s\"url\":\"%s/%s\"}", exists ? "\"error\":\"You already created this model repo\"," : "", r->server->endpoint, id);
  if (!exists && g_str_has_prefix (id, "foreign/"))
    {
      hub_answer_error (r, 403, "", "You don't have the rights to create a model under this namespace", NULL);
      return;
    }
  if (!exists)
    {
      g_autoptr (GBytes) attributes = g_bytes_new_static ("*.safetensors filter=lfs\n", 25);

      hub_put_file (hub_add_tree (r->server, id, "main"), ".gitattributes", attributes, FALSE);
      hub_name_commit (hub_find_tree (r->server, id, "main"));
      if (g_strcmp0 (hub_text_of (object, "visibility"), "private") == 0)
        g_hash_table_insert (r->server->access, g_strdup (id), GINT_TO_POINTER (HUB_PRIVATE));
    }
  hub_answer_text (r, exists ? 409 : 200, JSON, text);
}

static void
copy_tree (HubServer *self, const HubTree *from, const char *revision)
{
  HubTree *to = hub_add_tree (self, from->id, revision);

  for (guint i = 0; i < from->files->len; i++)
    {
      const HubFile *file = from->files->pdata[i];

      hub_put_file (to, file->path, file->data, file->lfs);
    }
  hub_name_commit (to);
}

/* A name for a commit: a branch, or a tag. */
static void
answer_name (HubRequest *r, const char *id, const char *from, const char *name)
{
  const HubTree *tree = hub_find_tree (r->server, id, from);

  if (tree == NULL)
    hub_answer_error (r, 404, "RevisionNotFound", "Invalid rev id", NULL);
  else if (hub_find_tree (r->server, id, name))
    hub_answer_error (r, 409, "", "Reference already exists", NULL);
  else
    {
      copy_tree (r->server, tree, name);
      hub_answer_text (r, 200, JSON, "{}");
    }
}

static void
answer_card (HubRequest *r)
{
  g_autoptr (JsonObject) object = hub_parse_body (r);
  const char *text = object ? hub_text_of (object, "content") : "";

  if (object == NULL)
    return;
  if (strstr (text, "license: [") )
    hub_answer_text (r, 400, JSON, "{\"errors\":[{\"message\":\"\\\"license\\\" must be a string\"}],\"warnings\":[]}");
  else
    hub_answer_text (r, 200, JSON, g_str_has_prefix (text, "---\n") ? "{\"errors\":[],\"warnings\":[]}" : "{\"errors\":[],\"warnings\":[{\"message\":\"empty or missing yaml metadata in repo card\"}]}");
}

/* ---- how each file goes --------------------------------------------------------------------------------------------- */

static gboolean
is_large (const char *path, gint64 size, const char *sample)
{
  g_autofree guint8 *raw = NULL;
  gsize n;

  raw = g_base64_decode (sample, &n);
  return size > 10 * 1000 * 1000 || g_str_has_suffix (path, ".safetensors") || g_str_has_suffix (path, ".bin") || (n && memchr (raw, 0, n));
}

static gboolean
is_ignored (const char *rules, const char *path)
{
  g_auto (GStrv) lines = g_strsplit (rules ? rules : "", "\n", -1);

  for (char **line = lines; *line; line++)
    if (**line && fnmatch (*line, path, 0) == 0)
      return TRUE;
  return FALSE;
}

static void
answer_preupload (HubRequest *r, HubTree *tree)
{
  g_autoptr (JsonObject) object = hub_parse_body (r);
  JsonArray *files = object ? json_object_get_array_member (object, "files") : NULL;
  g_autoptr (GString) out = g_string_new ("{\"files\":[");

  if (object == NULL)
    return;
  if (json_array_get_length (files) > 256)
    {
      hub_answer_error (r, 413, "", "too many files", NULL);
      return;
    }
  for (guint i = 0; i < json_array_get_length (files); i++)
    {
      JsonObject *one = json_array_get_object_element (files, i);
      const char *path = hub_text_of (one, "path");
      const HubFile *file = hub_find_file (tree, path);
      g_autofree char *escaped = hub_escape (path);
      gboolean large = is_large (path, json_object_get_int_member (one, "size"), hub_text_of (one, "sample"));

      g_string_append_printf (out, "%s{\"path\":\"%s\",\"uploadMode\":\"%s\",\"shouldIgnore\":%s", i ? "," : "", escaped, large ? "lfs" : "regular",
                              is_ignored (hub_text_of (object, "gitIgnore"), path) ? "true" : "false");
      if (file)
        g_string_append_printf (out, ",\"oid\":\"%s\"", file->etag);
      g_string_append_c (out, '}');
    }
  g_string_append (out, "]}");
  hub_answer_text (r, 200, JSON, out->str);
}

/* ---- commits -------------------------------------------------------------------------------------------------------- */

/* NULL, or why it cannot be done; *status. */
static const char *
apply (HubRequest *r, HubTree *tree, const char *key, JsonObject *value, guint *status)
{
  const char *path = hub_text_of (value, "path");

  *status = 400;
  if (strcmp (key, "header") == 0)
    {
      const char *parent = hub_text_of (value, "parentCommit");

      if (!hub_text_of (value, "summary"))
        return "no summary";
      if (parent == NULL || strcmp (parent, tree->commit) == 0)
        return NULL;
      *status = 412;
      return "A commit has happened since. Please refresh and try again.";
    }
  if (path == NULL)
    return "no path";
  if (strcmp (key, "file") == 0)
    {
      gsize n;
      guint8 *data = g_base64_decode (hub_text_of (value, "content"), &n);
      g_autoptr (GBytes) bytes = g_bytes_new_take (data, n);

      hub_put_file (tree, path, bytes, FALSE);
      return NULL;
    }
  if (strcmp (key, "lfsFile") == 0)
    {
      GBytes *data = g_hash_table_lookup (r->server->stored, hub_text_of (value, "oid"));

      if (data == NULL)
        return "an object is missing";
      hub_put_file (tree, path, data, TRUE);
      return NULL;
    }
  *status = 404;
  if (strcmp (key, "deletedFile") == 0 && hub_find_file (tree, path))
    return g_ptr_array_remove (tree->files, hub_find_file (tree, path)) ? NULL : "not deleted";
  return "A file with this name doesn't exist";
}

/* All of the lines are tried on a copy first. */
static const char *
apply_all (HubRequest *r, const HubTree *tree, const char *name, guint *status)
{
  gsize n;
  const char *body = g_bytes_get_data (r->body, &n), *why = NULL;
  g_autofree char *text = g_strndup (body ? body : "", n);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  HubTree *copy;

  copy_tree (r->server, tree, name);
  copy = r->server->trees->pdata[r->server->trees->len - 1];
  for (char **line = lines; *line && why == NULL; line++)
    {
      g_autoptr (JsonObject) object = **line ? parse (*line, -1) : NULL;

      if (**line)
        why = object ? apply (r, copy, hub_text_of (object, "key"), json_object_get_object_member (object, "value"), status) : "a line is no JSON";
    }
  if (why)
    g_ptr_array_remove (r->server->trees, copy);
  else
    hub_name_commit (copy);
  return why;
}

static void
answer_commit (HubRequest *r, HubTree *tree)
{
  g_autofree char *create = hub_parameter (r, "create_pr"), *name = create ? g_strdup_printf ("refs/pr/%u", r->server->n_pull_requests + 1) : g_strdup (tree->revision);
  g_autofree char *id = g_strdup (tree->id), *commit = NULL, *text = NULL;
  guint status = 400;
  const char *why = apply_all (r, tree, name, &status);

  if (why)
    {
      hub_answer_error (r, status, status == 404 ? "EntryNotFound" : "", why, NULL);
      return;
    }
  commit = g_strdup (((HubTree *) r->server->trees->pdata[r->server->trees->len - 1])->commit);
  if (create)
    text = g_strdup_printf ("{\"success\":true,\"commitOid\":\"%s\",\"commitUrl\":\"%s/%s/commit/%s\",\"hookOutput\":\"\",\"pullRequestUrl\":\"%s/%s/discussions/%u\"}", commit,
                            r->server->endpoint, id, commit, r->server->endpoint, id, ++r->server->n_pull_requests);
  else
    {
      g_ptr_array_remove (r->server->trees, tree);
      text = g_strdup_printf ("{\"success\":true,\"commitOid\":\"%s\",\"commitUrl\":\"%s/%s/commit/%s\",\"hookOutput\":\"\"}", commit, r->server->endpoint, id, commit);
    }
  hub_answer_text (r, 200, JSON, text);
}

/* ---- addresses ------------------------------------------------------------------------------------------------------ */

static void
route_repository (HubRequest *r, const char *id, const char *word, const char *revision)
{
  HubTree *tree;

  if (!may_write (r, id))
    return;
  tree = hub_find_tree (r->server, id, revision);
  if (strcmp (word, "/branch/") == 0)
    {
      g_autoptr (JsonObject) object = hub_parse_body (r);

      if (object)
        answer_name (r, id, hub_text_of (object, "startingPoint") ? hub_text_of (object, "startingPoint") : "main", revision);
    }
  else if (strcmp (word, "/tag/") == 0)
    {
      g_autoptr (JsonObject) object = hub_parse_body (r);

      if (object)
        answer_name (r, id, revision, hub_text_of (object, "tag"));
    }
  else if (tree == NULL)
    hub_answer_error (r, 404, "RevisionNotFound", "Invalid rev id", NULL);
  else if (strcmp (word, "/preupload/") == 0)
    answer_preupload (r, tree);
  else
    answer_commit (r, tree);
}

gboolean
hub_route_upload (HubRequest *r)
{
  static const char *const words[] = { "/preupload/", "/commit/", "/branch/", "/tag/" };
  static const char batch[] = ".git/info/lfs/objects/batch";
  const char *from = g_str_has_prefix (r->path, "/api/models/") ? r->path + 12 : g_str_has_prefix (r->path, "/api/datasets/") ? r->path + 5 : r->path + 1;

  if (r->is_cdn)
    return hub_route_storage (r);
  if (strcmp (r->method, "POST") != 0)
    return FALSE;
  if (strcmp (r->path, "/api/repos/create") == 0)
    answer_create (r);
  else if (strcmp (r->path, "/api/validate-yaml") == 0)
    answer_card (r);
  else if (g_str_has_prefix (r->path, "/complete/"))
    hub_answer_complete (r, r->path + strlen ("/complete/"));
  else if (g_str_has_prefix (r->path, "/verify/"))
    {
      if (may_write (r, r->path + strlen ("/verify/")))
        hub_answer_verify (r);
    }
  else if (g_str_has_suffix (r->path, batch))
    {
      g_autofree char *id = g_strndup (from, strlen (from) - strlen (batch));

      if (may_write (r, id))
        hub_answer_batch (r, id);
    }
  else
    {
      for (guint i = 0; i < G_N_ELEMENTS (words); i++)
        {
          const char *at = strstr (from, words[i]);
          g_autofree char *id = at ? g_strndup (from, (gsize) (at - from)) : NULL, *revision = at ? g_uri_unescape_string (at + strlen (words[i]), NULL) : NULL;

          if (at)
            {
              route_repository (r, id, words[i], revision);
              return TRUE;
            }
        }
      return FALSE;
    }
  return TRUE;
}

/* ---- the record ----------------------------------------------------------------------------------------------------- */

/* The body as text where it is text, else its hash. */
void
hub_record (const HubRequest *r)
{
  const char *body = g_bytes_get_data (r->body, NULL);
  gsize n = g_bytes_get_size (r->body);
  g_autofree char *shown = g_utf8_validate (body ? body : "", (gssize) n, NULL) ? g_strndup (body ? body : "", n) : g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, r->body);
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  g_autofree char *line = NULL;
  FILE *to = fopen (r->server->record, "a");

  json_object_set_string_member (object, "method", r->method);
  json_object_set_string_member (object, "path", r->path);
  json_object_set_string_member (object, "query", r->query);
  json_object_set_string_member (object, "type", r->type);
  json_object_set_boolean_member (object, "token", r->token != NULL);
  json_object_set_boolean_member (object, "cdn", r->is_cdn);
  json_object_set_int_member (object, "length", (gint64) n);
  json_object_set_string_member (object, "body", shown);
  line = json_to_string (node, FALSE);
  fprintf (to, "%s\n", line);
  fclose (to);
}
