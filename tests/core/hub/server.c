/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A thread for each connection. Faults are looked up for each request, by method and path; the first that fits and is not used up is taken.
 */
#include "server-private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* ---- contents ------------------------------------------------------------------------------------------------------- */

static void
file_free (gpointer data)
{
  HubFile *file = data;

  g_free (file->path);
  g_bytes_unref (file->data);
  g_free (file->oid);
  g_free (file->etag);
  g_free (file);
}

static void
tree_free (gpointer data)
{
  HubTree *tree = data;

  g_free (tree->id);
  g_free (tree->revision);
  g_free (tree->commit);
  g_ptr_array_unref (tree->files);
  g_free (tree);
}

char *
hub_git_oid (const void *data, gsize length)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);
  g_autofree char *head = g_strdup_printf ("blob %" G_GSIZE_FORMAT, length);

  g_checksum_update (sum, (const guchar *) head, (gssize) strlen (head) + 1);
  g_checksum_update (sum, data, (gssize) length);
  return g_strdup (g_checksum_get_string (sum));
}

/* By name or by commit. */
HubTree *
hub_find_tree (HubServer *self, const char *id, const char *revision)
{
  for (guint i = 0; i < self->trees->len; i++)
    {
      HubTree *tree = self->trees->pdata[i];

      if (strcmp (tree->id, id) == 0 && (strcmp (tree->revision, revision) == 0 || strcmp (tree->commit, revision) == 0
                                         || (strlen (revision) >= 7 && g_str_has_prefix (tree->commit, revision))))
        return tree;
    }
  return NULL;
}

gboolean
hub_has_repository (HubServer *self, const char *id)
{
  for (guint i = 0; i < self->trees->len; i++)
    if (strcmp (((HubTree *) self->trees->pdata[i])->id, id) == 0)
      return TRUE;
  return FALSE;
}

HubFile *
hub_find_file (HubTree *tree, const char *path)
{
  for (guint i = 0; i < tree->files->len; i++)
    if (strcmp (((HubFile *) tree->files->pdata[i])->path, path) == 0)
      return tree->files->pdata[i];
  return NULL;
}

HubTree *
hub_add_tree (HubServer *self, const char *id, const char *revision)
{
  HubTree *tree = g_new0 (HubTree, 1);

  tree->id = g_strdup (id);
  tree->revision = g_strdup (revision);
  tree->commit = g_strdup ("");
  tree->files = g_ptr_array_new_with_free_func (file_free);
  g_ptr_array_add (self->trees, tree);
  return tree;
}

void
hub_put_file (HubTree *tree, const char *path, GBytes *data, gboolean lfs)
{
  HubFile *file = g_new0 (HubFile, 1), *old = hub_find_file (tree, path);

  file->path = g_strdup (path);
  file->data = g_bytes_ref (data);
  file->oid = hub_git_oid (g_bytes_get_data (data, NULL), g_bytes_get_size (data));
  file->etag = lfs ? g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, data) : g_strdup (file->oid);
  file->lfs = lfs;
  if (old)
    g_ptr_array_remove (tree->files, old);
  g_ptr_array_add (tree->files, file);
}

void
hub_name_commit (HubTree *tree)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);

  g_checksum_update (sum, (const guchar *) tree->id, -1);
  for (guint i = 0; i < tree->files->len; i++)
    {
      g_checksum_update (sum, (const guchar *) ((HubFile *) tree->files->pdata[i])->path, -1);
      g_checksum_update (sum, (const guchar *) ((HubFile *) tree->files->pdata[i])->etag, -1);
    }
  g_free (tree->commit);
  tree->commit = g_strdup (g_checksum_get_string (sum));
}

void
hub_server_add (HubServer *self, const char *id, const char *revision, const char *path, const void *data, gssize length, gboolean lfs)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, length < 0 ? strlen (data) : (gsize) length);
  HubTree *tree;

  g_mutex_lock (&self->lock);
  tree = hub_find_tree (self, id, revision);
  if (tree == NULL)
    tree = hub_add_tree (self, id, revision);
  hub_put_file (tree, path, bytes, lfs);
  hub_name_commit (tree);
  g_mutex_unlock (&self->lock);
}

static void
add_below (HubServer *self, const char *id, const char *revision, const char *root, const char *below)
{
  g_autofree char *folder = g_build_filename (root, below, NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = *below ? g_build_filename (below, name, NULL) : g_strdup (name), *full = g_build_filename (root, path, NULL), *data = NULL;
      gsize length;

      if (g_file_test (full, G_FILE_TEST_IS_DIR))
        add_below (self, id, revision, root, path);
      else if (g_file_get_contents (full, &data, &length, NULL))
        hub_server_add (self, id, revision, path, data, (gssize) length, length > 1024 || g_str_has_suffix (name, ".safetensors") || g_str_has_suffix (name, ".bin"));
    }
}

void
hub_server_add_folder (HubServer *self, const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *org;

  while (dir && (org = g_dir_read_name (dir)))
    {
      g_autofree char *below = g_build_filename (folder, org, NULL);
      g_autoptr (GDir) inner = g_dir_open (below, 0, NULL);
      const char *name;

      while (inner && (name = g_dir_read_name (inner)))
        {
          g_autofree char *root = g_build_filename (below, name, NULL);
          g_auto (GStrv) parts = g_strsplit (name, "@", 2);
          g_autofree char *id = g_strdup_printf ("%s/%s", org, parts[0]);

          add_below (self, id, parts[1] ? parts[1] : "main", root, "");
        }
    }
}

void
hub_server_set_access (HubServer *self, const char *id, HubAccess access)
{
  g_mutex_lock (&self->lock);
  g_hash_table_insert (self->access, g_strdup (id), GINT_TO_POINTER (access));
  g_mutex_unlock (&self->lock);
}

char *
hub_server_get_commit (HubServer *self, const char *id, const char *revision)
{
  HubTree *tree;
  char *commit;

  g_mutex_lock (&self->lock);
  tree = hub_find_tree (self, id, revision);
  commit = tree ? g_strdup (tree->commit) : NULL;
  g_mutex_unlock (&self->lock);
  return commit;
}

/* ---- answers -------------------------------------------------------------------------------------------------------- */

static gboolean
send_bytes (HubRequest *r, const void *data, gsize n)
{
  return g_output_stream_write_all (r->out, data, n, NULL, r->server->stop, NULL);
}

void
hub_add_header (const HubRequest *r, GString *head, const char *name, const char *value)
{
  const char *colon = r->faulty && r->fault.kind == HUB_HEADER ? strchr (r->fault.text, ':') : NULL;
  gboolean named = colon && g_ascii_strncasecmp (name, r->fault.text, strlen (name)) == 0 && strlen (name) == (gsize) (colon - r->fault.text);

  if (!named || r->fault.value)
    g_string_append_printf (head, "%s: %s\r\n", name, value);
}

static GBytes *
gzip (GBytes *data)
{
  g_autoptr (GConverter) compressor = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, 6));
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GOutputStream) out = g_converter_output_stream_new (memory, compressor);

  g_output_stream_write_all (out, g_bytes_get_data (data, NULL), g_bytes_get_size (data), NULL, NULL, NULL);
  g_output_stream_close (out, NULL, NULL);
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
}

static void
send_chunks (HubRequest *r, const guint8 *data, gsize n)
{
  for (gsize at = 0; at < n;)
    {
      gsize piece = MIN (n - at, 777);
      g_autofree char *head = g_strdup_printf ("%zx\r\n", piece);

      send_bytes (r, head, strlen (head));
      send_bytes (r, data + at, piece);
      send_bytes (r, "\r\n", 2);
      at += piece;
    }
  send_bytes (r, "0\r\n\r\n", 5);
}

/* @headers: lines with their ends. */
static void
answer (HubRequest *r, guint status, const char *headers, GBytes *body)
{
  HubFaultKind kind = r->faulty ? r->fault.kind : HUB_STATUS;
  g_autoptr (GString) head = g_string_new (NULL);
  g_autoptr (GBytes) packed = r->faulty && kind == HUB_GZIP && status == 200 ? gzip (body) : g_bytes_ref (body);
  gsize n = g_bytes_get_size (packed), more = r->faulty && kind == HUB_LONGER ? (gsize) r->fault.value : 0;
  g_autofree guint8 *data = g_malloc0 (n + more + 1);
  gboolean no_length = r->faulty && (kind == HUB_CHUNKED || kind == HUB_HTTP10);
  g_autofree char *length = g_strdup_printf ("%" G_GSIZE_FORMAT, n + more);

  if (n)
    memcpy (data, g_bytes_get_data (packed, NULL), n);
  if (r->faulty && kind == HUB_FLIP && n)
    data[n / 2] ^= 1;
  g_string_append_printf (head, "HTTP/1.%d %u X\r\n%s", r->faulty && kind == HUB_HTTP10 ? 0 : 1, status, headers);
  if (!no_length || strcmp (r->method, "HEAD") == 0)
    hub_add_header (r, head, "Content-Length", length);
  else if (kind == HUB_CHUNKED)
    g_string_append (head, "Transfer-Encoding: chunked\r\n");
  if (packed != body && kind == HUB_GZIP && status == 200)
    g_string_append (head, "Content-Encoding: gzip\r\n");
  if (r->faulty && kind == HUB_HEADER)
    g_string_append_printf (head, "%s\r\n", r->fault.text);
  g_string_append (head, "\r\n");
  if (r->faulty && kind == HUB_LOST)
    {
      r->keep = FALSE;
      return;
    }
  send_bytes (r, head->str, head->len);
  if (strcmp (r->method, "HEAD") == 0)
    return;
  if (no_length && kind == HUB_CHUNKED)
    send_chunks (r, data, n);
  else
    send_bytes (r, data, r->faulty && kind == HUB_CUT ? MIN ((gsize) r->fault.value, n) : n + more);
  if (r->faulty && (kind == HUB_CUT || kind == HUB_HTTP10))
    r->keep = FALSE;
}

void
hub_answer_text (HubRequest *r, guint status, const char *headers, const char *text)
{
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));

  answer (r, status, headers, body);
}

void
hub_answer_error (HubRequest *r, guint status, const char *code, const char *message, const char *commit)
{
  g_autofree char *headers = g_strdup_printf ("X-Error-Code: %s\r\nX-Error-Message: %s\r\n%s%s%s", code, message, commit ? "X-Repo-Commit: " : "",
                                              commit ? commit : "", commit ? "\r\n" : "");
  g_autofree char *body = g_strdup_printf ("{\"error\":\"%s\"}", message);

  hub_answer_text (r, status, headers, body);
}

static void
answer_redirect (HubRequest *r, const char *to, const char *more)
{
  g_autofree char *headers = g_strdup_printf ("Location: %s\r\n%s", to, more);

  hub_answer_text (r, 302, headers, "moved");
}

/* All of @data, or the part that was asked for. */
static void
answer_data (HubRequest *r, const char *headers, GBytes *data)
{
  gsize n = g_bytes_get_size (data), first, last = n ? n - 1 : 0;
  g_autoptr (GBytes) part = NULL;
  g_autofree char *more = NULL;
  char *end;

  if (r->range == NULL || !g_str_has_prefix (r->range, "bytes=") || (r->faulty && r->fault.kind == HUB_IGNORE_RANGE))
    {
      answer (r, 200, headers, data);
      return;
    }
  first = g_ascii_strtoull (r->range + 6, &end, 10);
  if (*end == '-' && g_ascii_isdigit (end[1]))
    last = MIN (g_ascii_strtoull (end + 1, NULL, 10), last);
  if (first >= n || last < first)
    {
      more = g_strdup_printf ("Content-Range: bytes */%" G_GSIZE_FORMAT "\r\n", n);
      hub_answer_text (r, 416, more, "");
      return;
    }
  if (r->faulty && r->fault.kind == HUB_OTHER_RANGE)
    first = 0;
  part = g_bytes_new_from_bytes (data, first, last - first + 1);
  more = g_strdup_printf ("%sContent-Range: bytes %" G_GSIZE_FORMAT "-%" G_GSIZE_FORMAT "/%" G_GSIZE_FORMAT "\r\n", headers, first, last, n);
  answer (r, 206, more, part);
}

/* ---- the Hub -------------------------------------------------------------------------------------------------------- */

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
      answer_data (r, headers->str, file->data);
      return;
    }
  hub_add_header (r, headers, "X-Linked-Etag", quoted);
  hub_add_header (r, headers, "X-Linked-Size", size);
  location = g_strdup_printf ("%s/cdn/%s?secret=signature", r->server->cdn_endpoint, file->etag);
  answer_redirect (r, location, headers->str);
}

/* As JSON has it: what is not ASCII stays. */
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

/* (transfer full) (nullable): a parameter of the query. */
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
static void
route (HubRequest *r)
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
    answer_resolve (r, tree, rest);
  else if (word == tree_word)
    answer_tree (r, tree);
  else
    answer_info (r, tree);
}

static void
route_cdn (HubRequest *r)
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

              answer_data (r, tag, file->data);
              return;
            }
        }
    }
  hub_answer_text (r, 404, "", "no such blob");
}

/* ---- faults --------------------------------------------------------------------------------------------------------- */

static void
pick_fault (HubRequest *r)
{
  for (guint i = 0; i < r->server->faults->len && !r->faulty; i++)
    {
      HubFault *fault = &g_array_index (r->server->faults, HubFault, i);

      if (fault->times < 0 || (fault->kind == HUB_ELSEWHERE && r->is_cdn) || (fault->method && strcmp (fault->method, r->method) != 0) || (fault->part && !strstr (r->path, fault->part)))
        continue;
      r->fault = *fault;
      r->faulty = TRUE;
      if (fault->times > 0 && --fault->times == 0)
        fault->times = -1;
    }
}

/* TRUE if the fault is the whole answer. */
static gboolean
answer_fault (HubRequest *r)
{
  g_autofree char *other = NULL;

  if (!r->faulty)
    return FALSE;
  switch (r->fault.kind)
    {
    case HUB_STATUS:
      hub_answer_text (r, (guint) r->fault.value, r->fault.text ? r->fault.text : r->fault.value == 429 ? "Retry-After: 0\r\n" : "", "{\"error\":\"made to fail\"}");
      return TRUE;
    case HUB_LOOP:
      answer_redirect (r, r->path, "");
      return TRUE;
    case HUB_ELSEWHERE:
      other = g_strconcat (r->is_cdn ? r->server->endpoint : r->server->cdn_endpoint, r->path, NULL);
      answer_redirect (r, other, "");
      return TRUE;
    case HUB_NOWHERE:
      answer_redirect (r, "file:///etc/passwd", "");
      return TRUE;
    case HUB_BODY:
      hub_answer_text (r, 200, "", r->fault.text);
      return TRUE;
    default:
      return FALSE;
    }
}

/* ---- connections ---------------------------------------------------------------------------------------------------- */

static gboolean
read_head (HubRequest *r, GDataInputStream *in)
{
  g_autofree char *line = g_data_input_stream_read_line (in, NULL, r->server->stop, NULL);
  g_auto (GStrv) parts = line ? g_strsplit (line, " ", 3) : NULL;

  if (parts == NULL || g_strv_length (parts) != 3)
    return FALSE;
  r->method = g_strdup (parts[0]);
  r->path = g_strndup (parts[1], strcspn (parts[1], "?"));
  r->query = strchr (parts[1], '?') ? g_strdup (strchr (parts[1], '?') + 1) : NULL;
  for (;;)
    {
      g_autofree char *header = g_data_input_stream_read_line (in, NULL, r->server->stop, NULL);

      if (header == NULL)
        return FALSE;
      g_strchomp (header);
      if (!*header)
        break;
      if (g_ascii_strncasecmp (header, "range:", 6) == 0)
        r->range = g_strdup (g_strchug (header + 6));
      else if (g_ascii_strncasecmp (header, "authorization:", 14) == 0)
        r->token = g_strdup (g_strchug (header + 14));
      else if (g_ascii_strncasecmp (header, "content-length:", 15) == 0)
        r->body_length = (gsize) g_ascii_strtoull (g_strchug (header + 15), NULL, 10);
      else if (g_ascii_strncasecmp (header, "content-type:", 13) == 0)
        r->type = g_strdup (g_strchug (header + 13));
    }
  return TRUE;
}

/* FALSE if all of it does not come, or is not waited for. */
static gboolean
read_body (HubRequest *r, GDataInputStream *in)
{
  gboolean hang_up = r->faulty && r->fault.kind == HUB_HANG_UP;
  gsize wanted = hang_up ? MIN (r->body_length, (gsize) r->fault.value) : r->body_length, have = 0;
  guint8 *data = g_malloc (wanted + 1);

  g_input_stream_read_all (G_INPUT_STREAM (in), data, wanted, &have, r->server->stop, NULL);
  r->body = g_bytes_new_take (data, have);
  return have == wanted && !hang_up;
}

static void
request_clear (HubRequest *r)
{
  g_free (r->method);
  g_free (r->path);
  g_free (r->range);
  g_free (r->token);
  g_free (r->query);
  g_free (r->type);
  g_clear_pointer (&r->body, g_bytes_unref);
}

/* One at a time: answers come out of memory. */
static void
serve (HubRequest *r, GDataInputStream *in)
{
  g_mutex_lock (&r->server->lock);
  g_string_append_printf (r->server->log, "%s %s%s%s%s%s\n", r->method, r->path, r->range ? " range=" : "", r->range ? r->range : "", r->token ? " token" : "", r->is_cdn ? " cdn" : "");
  pick_fault (r);
  g_mutex_unlock (&r->server->lock);
  if (!read_body (r, in))
    r->keep = FALSE;
  else if (r->faulty && r->fault.kind == HUB_STALL)
    {
      g_input_stream_read (G_INPUT_STREAM (in), &(char){ 0 }, 1, r->server->stop, NULL);
      r->keep = FALSE;
    }
  else
    {
      g_mutex_lock (&r->server->lock);
      if (r->server->record)
        hub_record (r);
      if (!answer_fault (r))
        (r->is_cdn ? route_cdn : route) (r);
      g_mutex_unlock (&r->server->lock);
    }
}

static gboolean
serve_one (HubServer *self, GDataInputStream *in, GOutputStream *out, gboolean is_cdn)
{
  HubRequest r = { .server = self, .out = out, .is_cdn = is_cdn, .keep = TRUE };
  gboolean keep;

  if (read_head (&r, in))
    serve (&r, in);
  else
    r.keep = FALSE;
  keep = r.keep;
  request_clear (&r);
  return keep;
}

static gboolean
on_run (GThreadedSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
  HubServer *self = data;
  g_autoptr (GDataInputStream) in = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  gboolean is_cdn = G_SOCKET_SERVICE (service) == self->cdn;

  /* Head and body are written apart: without this each answer waits 40 ms for an acknowledgement. */
  g_socket_set_option (g_socket_connection_get_socket (connection), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  while (serve_one (self, in, g_io_stream_get_output_stream (G_IO_STREAM (connection)), is_cdn))
    ;
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
  return TRUE;
}

static GSocketService *
listen_on (HubServer *self, const char *address, char **endpoint)
{
  GSocketService *service = g_threaded_socket_service_new (64);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_from_string (address);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0), bound = NULL;

  if (!g_socket_listener_add_address (G_SOCKET_LISTENER (service), any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound, NULL))
    g_error ("no port of %s can be had", address);
  *endpoint = g_strdup_printf ("http://%s:%u", address, g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  g_signal_connect (service, "run", G_CALLBACK (on_run), self);
  g_socket_service_start (service);
  return service;
}

/* Connections are accepted in a main context of the server's own: in the default one, which tests of asynchronous calls run themselves, this
 * thread would call back in their stead. */
static gpointer
loop (gpointer data)
{
  HubServer *self = data;

  g_main_context_push_thread_default (self->context);
  while (!g_cancellable_is_cancelled (self->stop))
    g_main_context_iteration (self->context, TRUE);
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

static GThread *thread;

HubServer *
hub_server_new (void)
{
  HubServer *self = g_new0 (HubServer, 1);

  self->trees = g_ptr_array_new_with_free_func (tree_free);
  self->access = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->faults = g_array_new (FALSE, FALSE, sizeof (HubFault));
  self->log = g_string_new (NULL);
  self->stored = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  self->uploads = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  self->stop = g_cancellable_new ();
  g_mutex_init (&self->lock);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->hub = listen_on (self, "127.0.0.1", &self->endpoint);
  self->cdn = listen_on (self, "127.0.0.2", &self->cdn_endpoint);       /* another host: huggingface_hub 1.x does not look at ports */
  g_main_context_pop_thread_default (self->context);
  thread = g_thread_new ("hub-server", loop, self);
  return self;
}

void
hub_server_free (HubServer *self)
{
  g_cancellable_cancel (self->stop);
  g_main_context_wakeup (self->context);
  g_thread_join (thread);
  g_socket_service_stop (self->hub);
  g_socket_service_stop (self->cdn);
  g_socket_listener_close (G_SOCKET_LISTENER (self->hub));
  g_socket_listener_close (G_SOCKET_LISTENER (self->cdn));
  /* The rest is left: threads of connections may still be at it, and the program ends. */
}

const char *
hub_server_get_endpoint (HubServer *self)
{
  return self->endpoint;
}

void
hub_server_fault (HubServer *self, const HubFault *fault)
{
  g_mutex_lock (&self->lock);
  g_array_append_val (self->faults, *fault);
  g_mutex_unlock (&self->lock);
}

void
hub_server_clear_faults (HubServer *self)
{
  g_mutex_lock (&self->lock);
  g_array_set_size (self->faults, 0);
  g_mutex_unlock (&self->lock);
}

void
hub_server_set_chunk (HubServer *self, guint64 chunk)
{
  g_mutex_lock (&self->lock);
  self->chunk = chunk;
  g_mutex_unlock (&self->lock);
}

void
hub_server_forget (HubServer *self)
{
  g_mutex_lock (&self->lock);
  g_hash_table_remove_all (self->stored);
  g_mutex_unlock (&self->lock);
}

void
hub_server_record (HubServer *self, const char *path)
{
  self->record = g_strdup (path);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char *
hub_server_list (HubServer *self, const char *id, const char *revision)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  HubTree *tree;
  char *list;

  g_mutex_lock (&self->lock);
  tree = hub_find_tree (self, id, revision);
  for (guint i = 0; tree && i < tree->files->len; i++)
    g_ptr_array_add (paths, ((HubFile *) tree->files->pdata[i])->path);
  g_ptr_array_sort (paths, compare_names);
  g_ptr_array_add (paths, NULL);
  list = tree ? g_strjoinv (" ", (char **) paths->pdata) : NULL;
  g_mutex_unlock (&self->lock);
  return list;
}

GBytes *
hub_server_get (HubServer *self, const char *id, const char *revision, const char *path, gboolean *lfs)
{
  HubTree *tree;
  HubFile *file;
  GBytes *data;

  g_mutex_lock (&self->lock);
  tree = hub_find_tree (self, id, revision);
  file = tree ? hub_find_file (tree, path) : NULL;
  data = file ? g_bytes_ref (file->data) : NULL;
  if (file && lfs)
    *lfs = file->lfs;
  g_mutex_unlock (&self->lock);
  return data;
}

char *
hub_server_take_log (HubServer *self)
{
  char *log;

  g_mutex_lock (&self->lock);
  log = g_strdup (self->log->str);
  g_string_truncate (self->log, 0);
  g_mutex_unlock (&self->lock);
  return log;
}
