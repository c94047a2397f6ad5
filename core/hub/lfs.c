/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Large files by git-lfs: the Hub is asked where each goes, it goes there whole or in parts, and the Hub is told.
 *
 * Addresses of a storage are good for a while only, and hold a signature: they are asked for anew where a transfer fails, are shown to nobody, and are sent no
 * token. Only what is to be verified by the Hub itself is sent one (client.c).
 */
#include "hub/upload-private.h"

#include <string.h>
#include "base/json-print.h"
#include "hub/answer.h"
#include "hub/body.h"
#include "hub/each.h"
#include "hub/environment.h"

#define BATCH 256               /* objects of one question */
#define ROUNDS 3                /* addresses that are asked for, for one file */
#define PART_WORKERS 4
#define LFS_JSON "application/vnd.git-lfs+json"

typedef struct
{
  GtfHubUploadJob *job;
  GPtrArray *objects;           /* of GtfHubAddition, each oid once */
  GPtrArray *actions;           /* of GtfHubLfsAction */
} Batch;

/* One transfer of one object. */
typedef struct
{
  GtfHubUploadJob *job;
  const GtfHubAddition *object;
  const GtfHubLfsAction *action;
  char *what;
  char **etags;                 /* of the parts */
  GMutex lock;
  gint64 sent;
  guint status;                 /* of a refusal */
} Transfer;

void
gtf_hub_lfs_action_free (GtfHubLfsAction *self)
{
  if (self == NULL)
    return;
  g_free (self->upload);
  g_free (self->verify);
  if (self->parts)
    g_ptr_array_unref (self->parts);
  g_free (self);
}

/* ---- where to ------------------------------------------------------------------------------------------------------- */

static GBytes *
batch_question (const GtfHubUploadJob *job, GPtrArray *objects)
{
  g_autoptr (GString) out = g_string_new ("{\"operation\": \"upload\", \"transfers\": [\"basic\", \"multipart\"], \"objects\": [");

  for (guint i = 0; i < objects->len; i++)
    {
      const GtfHubAddition *object = objects->pdata[i];

      g_string_append_printf (out, "%s{\"oid\": \"%s\", \"size\": %" G_GINT64_FORMAT "}", i ? ", " : "", object->oid, object->file->size);
    }
  g_string_append (out, "], \"hash_algo\": \"sha256\"");
  if (!job->create_pr)          /* who may not write to the revision may still propose something */
    {
      g_string_append (out, ", \"ref\": {\"name\": ");
      gtf_json_append_string (out, job->repo->revision);
      g_string_append_c (out, '}');
    }
  g_string_append_c (out, '}');
  return g_string_free_to_bytes (g_steal_pointer (&out));
}

/* (transfer full) (nullable): an address of the answer: those of the original are a mirror's, and nothing leaves an encrypted Hub in plain text. */
static char *
usable_url (const GtfHubUploadJob *job, const char *href)
{
  const char *endpoint = gtf_hub_client_get_endpoint (job->options->client);
  gsize n = strlen (GTF_HUB_DEFAULT_ENDPOINT);

  if (href && strncmp (href, GTF_HUB_DEFAULT_ENDPOINT, n) == 0 && href[n] == '/')
    return g_strconcat (endpoint, href + n, NULL);
  if (href && (g_ascii_strncasecmp (href, "https://", 8) == 0 || (g_ascii_strncasecmp (href, "http://", 7) == 0 && g_ascii_strncasecmp (endpoint, "https://", 8) != 0)))
    return g_strdup (href);
  return NULL;
}

/* Addresses of parts stand in the header under their numbers, "00001" ... */
static gboolean
read_parts (const GtfHubUploadJob *job, JsonObject *header, gint64 size, GtfHubLfsAction *action, GError **error)
{
  gint64 n = (size - 1) / action->chunk + 1;
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  guint found = 0;

  if (n > json_object_get_size (header))
    return gtf_hub_answer_fail (error, job->repo->what, "an address for each part of a large file", "fewer");
  action->parts = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_set_size (action->parts, (gint) n);
  json_object_iter_init (&iter, header);
  while (json_object_iter_next (&iter, &name, &node))
    {
      guint64 number;

      if (!g_ascii_string_to_unsigned (name, 10, 0, G_MAXUINT32, &number, NULL))
        continue;
      if (number < 1 || number > (guint64) n || action->parts->pdata[number - 1] || json_node_get_value_type (node) != G_TYPE_STRING)
        return gtf_hub_answer_fail (error, job->repo->what, "one address for each part of a large file", name);
      action->parts->pdata[number - 1] = usable_url (job, json_node_get_string (node));
      if (action->parts->pdata[number - 1] == NULL)
        return gtf_hub_answer_fail (error, job->repo->what, "an address of the Web for each part of a large file", NULL);
      found++;
    }
  return found == n || gtf_hub_answer_fail (error, job->repo->what, "an address for each part of a large file", "fewer");
}

/* A number, also as a string. 0: there is none, -1: it is none. */
static gint64
chunk_size (JsonObject *header)
{
  JsonNode *node = json_object_get_member (header, "chunk_size");
  guint64 value;

  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return 0;
  if (json_node_get_value_type (node) == G_TYPE_INT64 && json_node_get_int (node) > 0)
    return json_node_get_int (node);
  return json_node_get_value_type (node) == G_TYPE_STRING && g_ascii_string_to_unsigned (json_node_get_string (node), 10, 1, G_MAXINT64, &value, NULL) ? (gint64) value : -1;
}

static gboolean
read_actions (const GtfHubUploadJob *job, JsonObject *actions, gint64 size, GtfHubLfsAction *action, GError **error)
{
  JsonNode *node = json_object_has_member (actions, "upload") ? json_object_get_member (actions, "upload") : NULL, *verify = json_object_get_member (actions, "verify");
  JsonObject *upload = gtf_hub_answer_object (node), *header;

  action->upload = upload ? usable_url (job, gtf_hub_answer_string (upload, "href")) : NULL;
  if (action->upload == NULL)
    return gtf_hub_answer_fail (error, job->repo->what, "an address of the Web to upload to", NULL);
  if (verify && !JSON_NODE_HOLDS_NULL (verify))
    {
      JsonObject *object = gtf_hub_answer_object (verify);

      action->verify = object ? usable_url (job, gtf_hub_answer_string (object, "href")) : NULL;
      if (action->verify == NULL)
        return gtf_hub_answer_fail (error, job->repo->what, "an address of the Web to verify at", NULL);
    }
  header = gtf_hub_answer_object (json_object_get_member (upload, "header"));
  action->chunk = header ? chunk_size (header) : 0;
  if (action->chunk < 0)
    return gtf_hub_answer_fail (error, job->repo->what, "a number of bytes as \"chunk_size\"", NULL);
  return action->chunk == 0 || read_parts (job, header, size, action, error);
}

/* *action stays NULL for what the Hub has. */
static gboolean
read_object (const GtfHubUploadJob *job, JsonObject *object, const GtfHubAddition *addition, GtfHubLfsAction **action, GError **error)
{
  JsonNode *failed = json_object_get_member (object, "error"), *actions = json_object_get_member (object, "actions");
  const char *message = gtf_hub_answer_object (failed) ? gtf_hub_answer_string (gtf_hub_answer_object (failed), "message") : NULL;

  if (failed && !JSON_NODE_HOLDS_NULL (failed))
    {
      g_autofree char *valid = g_utf8_make_valid (message ? message : "it does not say why", -1);

      g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "%s: the Hub does not take %s: %.300s", job->repo->what, addition->path, valid);
      return FALSE;
    }
  if (actions == NULL || JSON_NODE_HOLDS_NULL (actions))
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT (actions))
    return gtf_hub_answer_fail (error, job->repo->what, "an object as \"actions\"", NULL);
  if (json_object_get_size (json_node_get_object (actions)) == 0)
    return TRUE;
  *action = g_new0 (GtfHubLfsAction, 1);
  return read_actions (job, json_node_get_object (actions), addition->file->size, *action, error);
}

gboolean
gtf_hub_lfs_read (const GtfHubUploadJob *job, JsonNode *node, GPtrArray *objects, GPtrArray *out, GError **error)
{
  JsonObject *top = gtf_hub_answer_object (node);
  JsonArray *list = top ? gtf_hub_answer_list (top, "objects") : NULL;
  g_autoptr (GHashTable) by_oid = g_hash_table_new (g_str_hash, g_str_equal);

  if (list == NULL)
    return gtf_hub_answer_fail (error, job->repo->what, "a list as \"objects\"", NULL);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonObject *object = gtf_hub_answer_object (json_array_get_element (list, i));
      const char *oid = object ? gtf_hub_answer_string (object, "oid") : NULL;

      if (oid)
        g_hash_table_insert (by_oid, (char *) oid, object);
    }
  for (guint i = 0; i < objects->len; i++)
    {
      const GtfHubAddition *addition = objects->pdata[i];
      JsonObject *object = g_hash_table_lookup (by_oid, addition->oid);
      GtfHubLfsAction *action = NULL;
      gboolean good = object ? read_object (job, object, addition, &action, error)
                      : gtf_hub_answer_fail (error, job->repo->what, "each object that was asked for", addition->path);

      g_ptr_array_add (out, action);
      if (!good)
        return FALSE;
    }
  return TRUE;
}

/* (transfer full) (element-type GtfHubLfsAction) */
static GPtrArray *
ask_batch (const GtfHubUploadJob *job, GPtrArray *objects, GError **error)
{
  g_autofree char *url = g_strconcat (job->page, ".git/info/lfs/objects/batch", NULL);
  g_autoptr (GBytes) body = batch_question (job, objects);
  g_autoptr (GPtrArray) out = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_hub_lfs_action_free);
  GtfHubRequest request = { .method = "POST", .url = url, .what = job->repo->what, .page = job->page, .accept = LFS_JSON, .body = body, .body_type = LFS_JSON,
                            .flags = GTF_HUB_REQUEST_PATIENT | GTF_HUB_REQUEST_UPLOAD };
  g_autoptr (JsonNode) node = gtf_hub_ask_json (job->options->client, &request, job->cancellable, error);

  return node && gtf_hub_lfs_read (job, node, objects, out, error) ? g_steal_pointer (&out) : NULL;
}

/* ---- one object ----------------------------------------------------------------------------------------------------- */

static void
on_bytes (gint64 bytes, gpointer data)
{
  Transfer *self = data;

  g_mutex_lock (&self->lock);
  self->sent += bytes;
  g_mutex_unlock (&self->lock);
  gtf_hub_upload_tell (self->job, self->object->path, bytes, 0);
}

static gboolean
send (Transfer *self, GtfHubRequest *request, char **etag, GCancellable *stop, GError **error)
{
  g_autoptr (GtfHttpResponse) response = NULL;

  request->what = self->what;
  request->flags |= GTF_HUB_REQUEST_PATIENT | GTF_HUB_REQUEST_UPLOAD;
  response = gtf_hub_client_send (self->job->options->client, request, NULL, stop, error);
  g_free (request->missing_commit);
  if (response == NULL)
    {
      g_mutex_lock (&self->lock);
      self->status = request->status ? request->status : self->status;          /* the other parts are cancelled by then */
      g_mutex_unlock (&self->lock);
      return FALSE;
    }
  if (etag)
    *etag = g_strdup (gtf_http_response_get (response, "ETag"));
  return TRUE;
}

static gboolean
put (Transfer *self, const char *url, gint64 from, gint64 length, char **etag, GCancellable *stop, GError **error)
{
  g_autoptr (GtfHubBody) body = gtf_hub_body_new ();
  GtfHubRequest request = { .method = "PUT", .url = url, .stream = G_INPUT_STREAM (body), .stream_length = length, .flags = GTF_HUB_REQUEST_ANONYMOUS };

  gtf_hub_body_add_piece (body, self->object->file, from, length);
  gtf_hub_body_watch (body, on_bytes, self);
  return send (self, &request, etag, stop, error);
}

static gboolean
put_part (guint index, gpointer data, GCancellable *stop, GError **error)
{
  Transfer *self = data;
  gint64 from = (gint64) index * self->action->chunk, length = MIN (self->action->chunk, self->object->file->size - from);

  if (!put (self, self->action->parts->pdata[index], from, length, &self->etags[index], stop, error))
    return FALSE;
  if (self->etags[index] && *self->etags[index])
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: the storage does not confirm part %u: expected the header ETag", self->what, index + 1);
  return FALSE;
}

static gboolean
put_parts (Transfer *self, GCancellable *stop, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GBytes) body = NULL;
  GtfHubRequest request = { .method = "POST", .url = self->action->upload, .accept = LFS_JSON, .body_type = LFS_JSON, .flags = GTF_HUB_REQUEST_ANONYMOUS };

  if (!gtf_hub_each (self->action->parts->len, PART_WORKERS, put_part, self, stop, error))
    return FALSE;
  g_string_append_printf (out, "{\"oid\": \"%s\", \"parts\": [", self->object->oid);
  for (guint i = 0; i < self->action->parts->len; i++)
    {
      g_string_append_printf (out, "%s{\"partNumber\": %u, \"etag\": ", i ? ", " : "", i + 1);
      gtf_json_append_string (out, self->etags[i]);
      g_string_append_c (out, '}');
    }
  g_string_append (out, "]}");
  request.body = body = g_string_free_to_bytes (g_steal_pointer (&out));
  return send (self, &request, NULL, stop, error);
}

static gboolean
verify (Transfer *self, GCancellable *stop, GError **error)
{
  g_autofree char *text = g_strdup_printf ("{\"oid\": \"%s\", \"size\": %" G_GINT64_FORMAT "}", self->object->oid, self->object->file->size);
  g_autoptr (GBytes) body = g_bytes_new_static (text, strlen (text));
  GtfHubRequest request = { .method = "POST", .url = self->action->verify, .body = body, .body_type = "application/json" };

  return self->action->verify == NULL || send (self, &request, NULL, stop, error);
}

static gboolean
transfer (GtfHubUploadJob *job, const GtfHubAddition *object, const GtfHubLfsAction *action, guint *status, GCancellable *stop, GError **error)
{
  guint n = action->chunk ? action->parts->len : 0;
  g_autofree char *what = g_strdup_printf ("%s: %s", job->repo->what, object->path);
  g_auto (GStrv) etags = g_new0 (char *, n + 1);
  Transfer self = { .job = job, .object = object, .action = action, .what = what, .etags = etags };
  gboolean good;

  g_mutex_init (&self.lock);
  good = n ? put_parts (&self, stop, error) : put (&self, action->upload, 0, object->file->size, NULL, stop, error);
  good = good && verify (&self, stop, error);
  g_mutex_clear (&self.lock);
  if (!good)
    gtf_hub_upload_tell (job, object->path, -self.sent, 0);
  *status = self.status;
  for (guint i = 0; i < n; i++)         /* one that is missing must not end the list */
    if (etags[i] == NULL)
      etags[i] = g_strdup ("");
  return good;
}

/* New addresses may help against what a storage says: those that there were may have expired, or parts have got lost. */
static gboolean
is_worth_a_round (const GError *error, guint status)
{
  return status != 0 || g_error_matches (error, GTF_ERROR, GTF_ERROR_IO);
}

static gboolean
upload_object (guint index, gpointer data, GCancellable *stop, GError **error)
{
  Batch *batch = data;
  const GtfHubAddition *object = batch->objects->pdata[index];
  const GtfHubLfsAction *action = batch->actions->pdata[index];
  g_autoptr (GPtrArray) one = g_ptr_array_new (), again = NULL;

  g_ptr_array_add (one, (gpointer) object);
  for (guint round = 0; action; round++)
    {
      g_autoptr (GError) local = NULL;
      guint status = 0;

      if (transfer (batch->job, object, action, &status, stop, &local))
        return TRUE;
      if (round + 1 == ROUNDS || !is_worth_a_round (local, status))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      if (!gtf_hub_wait (round, stop, error))
        return FALSE;
      g_clear_pointer (&again, g_ptr_array_unref);
      again = ask_batch (batch->job, one, error);
      if (again == NULL)
        return FALSE;
      action = again->pdata[0];
    }
  gtf_hub_upload_tell (batch->job, object->path, object->file->size, 0);
  return TRUE;
}

/* ---- all of them ---------------------------------------------------------------------------------------------------- */

gboolean
gtf_hub_lfs_upload (GtfHubUploadJob *job, GPtrArray *additions, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < additions->len;)
    {
      g_autoptr (GPtrArray) objects = g_ptr_array_new (), actions = NULL;
      Batch batch = { job, objects, NULL };

      for (; i < additions->len && objects->len < BATCH; i++)
        {
          GtfHubAddition *addition = additions->pdata[i];

          if (g_hash_table_add (seen, addition->oid))
            g_ptr_array_add (objects, addition);
          else
            gtf_hub_upload_tell (job, addition->path, addition->file->size, 0);
        }
      if (objects->len == 0)
        break;
      batch.actions = actions = ask_batch (job, objects, error);
      if (actions == NULL || !gtf_hub_each (objects->len, job->workers, upload_object, &batch, job->cancellable, error))
        return FALSE;
    }
  return TRUE;
}
