/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GET /api/models, page by page as its Link headers lead. The Hub sorts and filters; "expand" asks for what is shown and no more.
 */
#include "hub/search-pages.h"
#include "hub/search-private.h"

#include <string.h>
#include "base/json.h"
#include "base/params.h"
#include "hub/client.h"
#include "hub/repository.h"

#define MAX_LIMIT 10000
#define PAGE 100

struct _GtfHubModel
{
  GObject parent;
  char *id, *task, *library, *model_type, *modified;
  char **tags;
  gint64 downloads, likes, parameters, size;
};

G_DEFINE_FINAL_TYPE (GtfHubModel, gtf_hub_model, G_TYPE_OBJECT)

static void
gtf_hub_model_finalize (GObject *object)
{
  GtfHubModel *self = GTF_HUB_MODEL (object);

  g_free (self->id);
  g_free (self->task);
  g_free (self->library);
  g_free (self->model_type);
  g_free (self->modified);
  g_strfreev (self->tags);
  G_OBJECT_CLASS (gtf_hub_model_parent_class)->finalize (object);
}

static void
gtf_hub_model_class_init (GtfHubModelClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gtf_hub_model_finalize;
}

static void
gtf_hub_model_init (GtfHubModel *self)
{
}

/**
 * gtf_hub_model_get_id:
 *
 * Returns: its name, as models are named everywhere: "org/name"
 */
const char *
gtf_hub_model_get_id (GtfHubModel *self)
{
  g_return_val_if_fail (GTF_IS_HUB_MODEL (self), NULL);
  return self->id;
}

/**
 * gtf_hub_model_get_task:
 *
 * Returns: (nullable): its task ("text-classification"), if the Hub knows one
 */
const char *
gtf_hub_model_get_task (GtfHubModel *self)
{
  g_return_val_if_fail (GTF_IS_HUB_MODEL (self), NULL);
  return self->task;
}

/**
 * gtf_hub_model_get_library:
 *
 * Returns: (nullable): the library that it is made for ("transformers")
 */
const char *
gtf_hub_model_get_library (GtfHubModel *self)
{
  g_return_val_if_fail (GTF_IS_HUB_MODEL (self), NULL);
  return self->library;
}

/**
 * gtf_hub_model_get_model_type:
 *
 * Returns: (nullable): the model_type of its config.json, by which an architecture is found
 */
const char *
gtf_hub_model_get_model_type (GtfHubModel *self)
{
  g_return_val_if_fail (GTF_IS_HUB_MODEL (self), NULL);
  return self->model_type;
}

/**
 * gtf_hub_model_get_downloads:
 *
 * Returns: how often it was downloaded in the last 30 days
 */
gint64
gtf_hub_model_get_downloads (GtfHubModel *self)
{
  g_return_val_if_fail (GTF_IS_HUB_MODEL (self), 0);
  return self->downloads;
}

/**
 * gtf_hub_model_get_likes:
 *
 * Returns: how many people like it
 */
gint64
gtf_hub_model_get_likes (GtfHubModel *self)
{
  g_return_val_if_fail (GTF_IS_HUB_MODEL (self), 0);
  return self->likes;
}

/**
 * gtf_hub_model_get_parameters:
 *
 * Returns: how many parameters it has, 0 where the Hub does not know
 */
gint64
gtf_hub_model_get_parameters (GtfHubModel *self)
{
  g_return_val_if_fail (GTF_IS_HUB_MODEL (self), 0);
  return self->parameters;
}

/**
 * gtf_hub_model_get_size:
 *
 * Returns: how many bytes its weights have, 0 where the Hub does not know
 */
gint64
gtf_hub_model_get_size (GtfHubModel *self)
{
  g_return_val_if_fail (GTF_IS_HUB_MODEL (self), 0);
  return self->size;
}

/**
 * gtf_hub_model_get_modified:
 *
 * Returns: (nullable): when it was last changed, as ISO 8601 has it
 */
const char *
gtf_hub_model_get_modified (GtfHubModel *self)
{
  g_return_val_if_fail (GTF_IS_HUB_MODEL (self), NULL);
  return self->modified;
}

/**
 * gtf_hub_model_get_tags:
 *
 * Returns: (array zero-terminated=1) (transfer none): its tags
 */
const char *const *
gtf_hub_model_get_tags (GtfHubModel *self)
{
  g_return_val_if_fail (GTF_IS_HUB_MODEL (self), NULL);
  return (const char *const *) self->tags;
}

/* ---- the question --------------------------------------------------------------------------------------------------- */

typedef struct
{
  char *search, *task, *library, *author, *language, *license, *tag, *sort;
  gint64 limit;
} Query;

static const GtfParam query_table[] = {
  GTF_PARAM_STRING_FIELD (Query, search, "search"),
  GTF_PARAM_STRING_FIELD (Query, task, "task"),
  GTF_PARAM_STRING_FIELD (Query, library, "library"),
  GTF_PARAM_STRING_FIELD (Query, author, "author"),
  GTF_PARAM_STRING_FIELD (Query, language, "language"),
  GTF_PARAM_STRING_FIELD (Query, license, "license"),
  GTF_PARAM_STRING_FIELD (Query, tag, "tag"),
  GTF_PARAM_STRING_FIELD (Query, sort, "sort"),
  GTF_PARAM_INT_FIELD (Query, limit, "limit", 1, MAX_LIMIT),
  GTF_PARAMS_END
};

static void
query_clear (Query *self)
{
  g_free (self->search);
  g_free (self->task);
  g_free (self->library);
  g_free (self->author);
  g_free (self->language);
  g_free (self->license);
  g_free (self->tag);
  g_free (self->sort);
}

/* (nullable): the Hub's name of an order. */
static const char *
sort_name (const char *sort)
{
  static const char *const names[][2] = { { "downloads", "downloads" }, { "likes", "likes" }, { "trending", "trendingScore" }, { "created", "createdAt" },
                                          { "modified", "lastModified" } };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i][0], sort) == 0)
      return names[i][1];
  return NULL;
}

static void
add (GString *url, const char *name, const char *prefix, const char *value)
{
  if (value == NULL)
    return;
  g_string_append_printf (url, "%c%s=%s", strchr (url->str, '?') ? '&' : '?', name, prefix);
  g_string_append_uri_escaped (url, value, NULL, FALSE);
}

/* (transfer full) (nullable): the address of the first page. */
static char *
query_url (const Query *self, const GtfHubClient *client, GError **error)
{
  static const char *const expand[] = { "downloads", "likes", "pipeline_tag", "library_name", "tags", "lastModified", "config", "safetensors" };
  g_autoptr (GString) url = g_string_new (gtf_hub_client_get_endpoint (client));
  const char *sort = sort_name (self->sort ? self->sort : "downloads");
  g_autofree char *limit = g_strdup_printf ("%d", (int) MIN (self->limit, PAGE));

  if (sort == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "sort: expected downloads, likes, trending, created or modified, found '%s'", self->sort);
      return NULL;
    }
  g_string_append (url, "/api/models");
  add (url, "search", "", self->search);
  add (url, "pipeline_tag", "", self->task);
  add (url, "author", "", self->author);
  add (url, "filter", "", self->library);
  add (url, "filter", "", self->language);
  add (url, "filter", "license:", self->license);
  add (url, "filter", "", self->tag);
  add (url, "sort", "", sort);
  add (url, "limit", "", limit);
  for (guint i = 0; i < G_N_ELEMENTS (expand); i++)
    add (url, "expand", "", expand[i]);
  return g_strdup (url->str);
}

/* ---- the answer ----------------------------------------------------------------------------------------------------- */

static char *
text_member (JsonObject *object, const char *path)
{
  JsonNode *node = gtf_json_find (object, path);

  return node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_dup_string (node) : NULL;
}

static gint64
int_member (JsonObject *object, const char *path)
{
  JsonNode *node = gtf_json_find (object, path);

  return node && json_node_get_value_type (node) == G_TYPE_INT64 ? MAX (json_node_get_int (node), 0) : 0;
}

/* "F32" 32, "F8_E4M3" 8, "BOOL" 8 */
static guint
bits_of (const char *dtype)
{
  const char *digits = dtype + strcspn (dtype, "0123456789");

  return *digits ? (guint) MIN (g_ascii_strtoull (digits, NULL, 10), 64) : 8;
}

/* Out of {"F32": 1000, "I64": 3}. */
static gint64
size_of (JsonNode *counts)
{
  g_autoptr (GList) types = counts && JSON_NODE_HOLDS_OBJECT (counts) ? json_object_get_members (json_node_get_object (counts)) : NULL;
  double bytes = 0;

  for (GList *l = types; l; l = l->next)
    {
      JsonNode *n = json_object_get_member (json_node_get_object (counts), l->data);

      if (json_node_get_value_type (n) == G_TYPE_INT64 && json_node_get_int (n) > 0)
        bytes += (double) json_node_get_int (n) * bits_of (l->data) / 8;
    }
  return bytes < 1e18 ? (gint64) bytes : 0;
}

static char **
read_tags (JsonNode *node)
{
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GStrvBuilder) out = g_strv_builder_new ();

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    if (json_node_get_value_type (json_array_get_element (list, i)) == G_TYPE_STRING)
      g_strv_builder_add (out, json_array_get_string_element (list, i));
  return g_strv_builder_end (out);
}

static GtfHubModel *
read_model (JsonNode *node)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  g_autofree char *id = object ? text_member (object, "id") : NULL;
  GtfHubModel *self;

  if (id == NULL)
    return NULL;
  self = g_object_new (GTF_TYPE_HUB_MODEL, NULL);
  self->id = g_steal_pointer (&id);
  self->task = text_member (object, "pipeline_tag");
  self->library = text_member (object, "library_name");
  self->model_type = text_member (object, "config.model_type");
  self->modified = text_member (object, "lastModified");
  self->downloads = int_member (object, "downloads");
  self->likes = int_member (object, "likes");
  self->parameters = int_member (object, "safetensors.total");
  self->size = size_of (gtf_json_find (object, "safetensors.parameters"));
  self->tags = read_tags (gtf_json_find (object, "tags"));
  return self;
}

gboolean
gtf_hub_search_read_page (JsonNode *page, GPtrArray *found, guint limit, GError **error)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (page) ? json_node_get_array (page) : NULL;

  for (guint i = 0; list && i < json_array_get_length (list) && found->len < limit; i++)
    {
      GtfHubModel *model = read_model (json_array_get_element (list, i));

      if (model == NULL)
        {
          list = NULL;
          break;
        }
      g_ptr_array_add (found, model);
    }
  if (list)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "search: the answer of the Hub is not what it should be: expected a list of models, each with its \"id\"");
  return FALSE;
}

static gboolean
search (const Query *query, GtfHubPageFunc page_func, gpointer data, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfHubClient) client = gtf_hub_client_new (NULL, error);
  g_autofree char *url = client ? query_url (query, client, error) : NULL;
  guint n = 0, limit = (guint) query->limit;

  if (url == NULL)
    return FALSE;
  for (guint pages = 0; url && pages < MAX_LIMIT && n < limit; pages++)
    {
      GtfHubRequest request = { .url = url, .what = "search", .flags = GTF_HUB_REQUEST_PATIENT };
      g_autoptr (GtfHttpResponse) response = gtf_hub_client_send (client, &request, NULL, cancellable, error);
      g_autoptr (JsonNode) page = response ? gtf_hub_read_json (response, "search", cancellable, error) : NULL;
      g_autofree char *next = response ? gtf_hub_next_page (client, url, response) : NULL;
      g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_object_unref);

      g_free (request.missing_commit);
      if (page == NULL || !gtf_hub_search_read_page (page, found, limit - n, error))
        return FALSE;
      n += found->len;
      page_func (found, data);
      g_free (url);
      url = g_steal_pointer (&next);
    }
  return TRUE;
}

gboolean
gtf_hub_search_pages (const char *query, GtfHubPageFunc page_func, gpointer data, GCancellable *cancellable, GError **error)
{
  Query parsed = { .limit = 30 };
  g_autoptr (JsonObject) object = gtf_json_parse_object ("query", query && *query ? query : "{}", -1, GTF_JSON_STRICT, error);
  gboolean ok = object && gtf_params_read (query_table, object, "query", GTF_PARAMS_CLOSED, &parsed, error) && search (&parsed, page_func, data, cancellable, error);

  query_clear (&parsed);
  return ok;
}

static void
append_page (GPtrArray *models, gpointer store)
{
  g_list_store_splice (store, g_list_model_get_n_items (store), 0, models->pdata, models->len);
}

/**
 * gtf_hub_search:
 * @query: (nullable): a JSON object: "search" (words of the name), "task", "library", "author", "language", "license", "tag", "sort"
 *   ("downloads", "likes", "trending", "created", "modified"), "limit" (30)
 * @cancellable: (nullable): stops it
 * @error: why there is no answer
 *
 * Asks the Hub for models.
 *
 * Returns: (transfer full): a list of [class@HubModel]
 */
GListModel *
gtf_hub_search (const char *query, GCancellable *cancellable, GError **error)
{
  g_autoptr (GListStore) found = g_list_store_new (GTF_TYPE_HUB_MODEL);

  return gtf_hub_search_pages (query, append_page, found, cancellable, error) ? G_LIST_MODEL (g_steal_pointer (&found)) : NULL;
}

static void
search_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;
  GListModel *found = gtf_hub_search (data, cancellable, &error);

  if (found)
    g_task_return_pointer (task, found, g_object_unref);
  else
    g_task_return_error (task, error);
}

/**
 * gtf_hub_search_async:
 * @query: (nullable): as for [func@hub_search]
 * @cancellable: (nullable): stops it
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * [func@hub_search] on a thread of its own.
 */
void
gtf_hub_search_async (const char *query, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, gtf_hub_search_async);
  g_task_set_task_data (task, g_strdup (query), g_free);
  g_task_run_in_thread (task, search_thread);
}

/**
 * gtf_hub_search_finish:
 * @result: what the callback was given
 * @error: why there is no answer
 *
 * Returns: (transfer full): a list of [class@HubModel]
 */
GListModel *
gtf_hub_search_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
