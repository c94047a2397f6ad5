/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where the Hub for tests keeps large files: git-lfs says where each goes, whole or in parts; they come, are put together, and are verified.
 */
#include "server-private.h"

#include <stdio.h>
#include <string.h>

#define JSON "Content-Type: application/json\r\n"

static void
append_actions (HubRequest *r, GString *out, const char *id, const char *oid, guint64 size)
{
  guint64 chunk = r->server->chunk, n = chunk && size > chunk ? (size - 1) / chunk + 1 : 0;

  g_string_append (out, ",\"actions\":{\"upload\":{\"href\":\"");
  if (n == 0)
    g_string_append_printf (out, "%s/store/%s?signature=SECRET\"}", r->server->cdn_endpoint, oid);
  else
    {
      g_autofree char *upload = g_strdup_printf ("%u", ++r->server->n_uploads);
      GPtrArray *parts = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

      g_ptr_array_set_size (parts, (gint) n);
      g_hash_table_insert (r->server->uploads, g_strdup (upload), parts);
      g_string_append_printf (out, "%s/complete/%s?signature=SECRET\",\"header\":{\"chunk_size\":\"%" G_GUINT64_FORMAT "\"", r->server->endpoint, upload, chunk);
      for (guint64 i = 1; i <= n; i++)
        g_string_append_printf (out, ",\"%05" G_GUINT64_FORMAT "\":\"%s/part/%s/%" G_GUINT64_FORMAT "?signature=SECRET\"", i, r->server->cdn_endpoint, upload, i);
      g_string_append (out, "}}");
    }
  g_string_append_printf (out, ",\"verify\":{\"href\":\"%s/verify/%s\"}}", r->server->endpoint, id);
}

void
hub_answer_batch (HubRequest *r, const char *id)
{
  g_autoptr (JsonObject) object = hub_parse_body (r);
  JsonArray *objects = object ? json_object_get_array_member (object, "objects") : NULL;
  g_autoptr (GString) out = g_string_new ("{\"transfer\":\"basic\",\"objects\":[");

  if (object == NULL)
    return;
  if (g_strcmp0 (hub_text_of (object, "operation"), "upload") != 0 || g_strcmp0 (hub_text_of (object, "hash_algo"), "sha256") != 0)
    {
      hub_answer_error (r, 400, "", "no upload by sha256", NULL);
      return;
    }
  for (guint i = 0; i < json_array_get_length (objects); i++)
    {
      JsonObject *one = json_array_get_object_element (objects, i);
      const char *oid = hub_text_of (one, "oid");
      guint64 size = (guint64) json_object_get_int_member (one, "size");

      g_string_append_printf (out, "%s{\"oid\":\"%s\",\"size\":%" G_GUINT64_FORMAT, i ? "," : "", oid, size);
      if (!g_hash_table_contains (r->server->stored, oid))
        append_actions (r, out, id, oid, size);
      g_string_append_c (out, '}');
    }
  g_string_append (out, "]}");
  hub_answer_text (r, 200, "Content-Type: application/vnd.git-lfs+json\r\n", out->str);
}

static void
store (HubRequest *r, const char *oid, GBytes *data)
{
  g_autofree char *found = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, data);

  if (strcmp (found, oid) != 0)
    {
      hub_answer_text (r, 400, "", "BadDigest");
      return;
    }
  g_hash_table_insert (r->server->stored, g_strdup (oid), g_bytes_ref (data));
  hub_answer_text (r, 200, "ETag: \"whole\"\r\n", "");
}

/* UPLOAD/NUMBER */
static void
answer_part (HubRequest *r, const char *name)
{
  g_auto (GStrv) parts = g_strsplit (name, "/", 2);
  GPtrArray *have = parts[1] ? g_hash_table_lookup (r->server->uploads, parts[0]) : NULL;
  guint64 number = parts[1] ? g_ascii_strtoull (parts[1], NULL, 10) : 0;
  g_autoptr (GString) headers = g_string_new (NULL);
  g_autofree char *etag = NULL, *quoted = NULL;

  if (have == NULL || number < 1 || number > have->len)
    {
      hub_answer_text (r, 404, "", "NoSuchUpload");
      return;
    }
  if (have->pdata[number - 1])
    g_bytes_unref (have->pdata[number - 1]);
  have->pdata[number - 1] = g_bytes_ref (r->body);
  etag = g_compute_checksum_for_bytes (G_CHECKSUM_MD5, r->body);
  quoted = g_strdup_printf ("\"%s\"", etag);
  hub_add_header (r, headers, "ETag", quoted);
  hub_answer_text (r, 200, headers->str, "");
}

static gboolean
is_right_part (JsonObject *told, guint number, GBytes *have)
{
  g_autofree char *sum = have ? g_compute_checksum_for_bytes (G_CHECKSUM_MD5, have) : NULL, *etag = sum ? g_strdup_printf ("\"%s\"", sum) : NULL;

  return etag && json_object_get_int_member (told, "partNumber") == number && g_strcmp0 (hub_text_of (told, "etag"), etag) == 0;
}

void
hub_answer_complete (HubRequest *r, const char *upload)
{
  g_autoptr (JsonObject) object = hub_parse_body (r);
  GPtrArray *have = g_hash_table_lookup (r->server->uploads, upload);
  JsonArray *told = object ? json_object_get_array_member (object, "parts") : NULL;
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autoptr (GBytes) data = NULL;

  if (object == NULL)
    return;
  if (have == NULL || told == NULL || json_array_get_length (told) != have->len)
    {
      hub_answer_error (r, 400, "", "InvalidPart", NULL);
      return;
    }
  for (guint i = 0; i < have->len; i++)
    {
      if (!is_right_part (json_array_get_object_element (told, i), i + 1, have->pdata[i]))
        {
          hub_answer_error (r, 400, "", "InvalidPart", NULL);
          return;
        }
      g_byte_array_append (all, g_bytes_get_data (have->pdata[i], NULL), (guint) g_bytes_get_size (have->pdata[i]));
    }
  data = g_byte_array_free_to_bytes (g_steal_pointer (&all));
  store (r, hub_text_of (object, "oid"), data);
}

void
hub_answer_verify (HubRequest *r)
{
  g_autoptr (JsonObject) object = hub_parse_body (r);
  GBytes *have = object ? g_hash_table_lookup (r->server->stored, hub_text_of (object, "oid")) : NULL;

  if (object == NULL)
    return;
  if (have && (gint64) g_bytes_get_size (have) == json_object_get_int_member (object, "size"))
    hub_answer_text (r, 200, JSON, "{}");
  else
    hub_answer_error (r, 404, "", "not stored", NULL);
}

gboolean
hub_route_storage (HubRequest *r)
{
  if (strcmp (r->method, "PUT") != 0)
    return FALSE;
  if (r->token)                 /* the real one refuses what is signed twice */
    hub_answer_text (r, 400, "", "Only one auth mechanism allowed");
  else if (g_str_has_prefix (r->path, "/store/"))
    store (r, r->path + strlen ("/store/"), r->body);
  else if (g_str_has_prefix (r->path, "/part/"))
    answer_part (r, r->path + strlen ("/part/"));
  else
    return FALSE;
  return TRUE;
}
