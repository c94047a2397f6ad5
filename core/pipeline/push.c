/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is pushed is saved into a folder of its own first, with save_pretrained(), and the folder is uploaded. The card is completed as it stands in one commit, and
 * the upload builds on that commit: where somebody writes to the repository meanwhile, the card is read again.
 */
#include "pipeline/push.h"

#include <string.h>
#include "base/file.h"
#include "base/json-print.h"
#include "base/params.h"
#include "hub/scan.h"
#include "hub/upload.h"
#include "pipeline/push-card.h"

#define TRIES 5

typedef struct
{
  gboolean private, public, create_pr;
  char *revision, *message, *description, *token, *tag, *dtype, *shard_size;
  JsonNode *tags;               /* borrowed */
} Options;

/* What an object brings. */
typedef struct
{
  const char *message;
  gboolean (*save)     (gpointer object, const char *folder, const Options *options, GCancellable *cancellable, GError **error);
  void     (*describe) (gpointer object, const char *id, JsonObject *card);       /* (nullable) */
  gboolean weights;             /* "dtype" and "max_shard_size" say something */
} Kind;

/* ---- options -------------------------------------------------------------------------------------------------------- */

static const GtfParam table[] = {
  GTF_PARAM_BOOL_FIELD (Options, private, "private"),
  GTF_PARAM_BOOL_FIELD (Options, create_pr, "create_pr"),
  GTF_PARAM_STRING_FIELD (Options, revision, "revision"),
  GTF_PARAM_STRING_FIELD (Options, message, "commit_message"),
  GTF_PARAM_STRING_FIELD (Options, description, "commit_description"),
  GTF_PARAM_STRING_FIELD (Options, token, "token"),
  GTF_PARAM_STRING_FIELD (Options, tag, "tag"),
  GTF_PARAM_NODE_FIELD (Options, tags, "tags"),
  GTF_PARAM_STRING_FIELD (Options, dtype, "dtype"),
  GTF_PARAM_STRING_FIELD (Options, shard_size, "max_shard_size"),
  GTF_PARAMS_END
};

static void
options_clear (Options *self)
{
  g_free (self->revision);
  g_free (self->message);
  g_free (self->description);
  g_free (self->token);
  g_free (self->tag);
  g_free (self->dtype);
  g_free (self->shard_size);
}

static gboolean
check_tags (JsonNode *tags, GError **error)
{
  JsonArray *list = tags && JSON_NODE_HOLDS_ARRAY (tags) ? json_node_get_array (tags) : NULL;
  gboolean good = tags == NULL || list;

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    good = good && json_node_get_value_type (json_array_get_element (list, i)) == G_TYPE_STRING;
  if (!good)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "options: tags: expected a list of strings");
  return good;
}

static gboolean
read_options (JsonObject *object, const Kind *kind, Options *options, GError **error)
{
  if (!gtf_params_read (table, object, "options", GTF_PARAMS_CLOSED, options, error) || !check_tags (options->tags, error))
    return FALSE;
  options->public = json_object_has_member (object, "private") && !options->private;
  if (options->create_pr && options->revision && strcmp (options->revision, "main") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "options: create_pr proposes something for main, and cannot be combined with the revision '%s'", options->revision);
  else if (!kind->weights && (options->dtype || options->shard_size))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "options: dtype and max_shard_size are for models");
  else
    return TRUE;
  return FALSE;
}

/* ---- the card ------------------------------------------------------------------------------------------------------- */

static JsonObject *
card_defaults (const Kind *kind, gpointer object, const char *id, const Options *options)
{
  JsonObject *card = json_object_new ();

  json_object_set_string_member (card, "library_name", "transformers");
  if (kind->describe)
    kind->describe (object, id, card);
  if (options->tags)
    json_object_set_member (card, "tags", json_node_copy (options->tags));
  return card;
}

/* Puts README.md into the folder, or takes it out where the repository's is good. *commit: what it builds on. */
static gboolean
put_card (GtfHubClient *client, const GtfHubRepo *repo, JsonObject *defaults, const char *folder, char **commit, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "README.md", NULL), *card = NULL;

  g_clear_pointer (commit, g_free);
  if (!gtf_push_card (client, repo, defaults, commit, &card, cancellable, error))
    return FALSE;
  if (card)
    return gtf_file_save (path, card, strlen (card), error);
  g_clear_pointer (commit, g_free);
  return !g_file_test (path, G_FILE_TEST_EXISTS) || gtf_hub_remove_path (path, error);
}

/* ---- pushing -------------------------------------------------------------------------------------------------------- */

/* Again as long as others commit between our look at the card and our commit. */
static gboolean
upload (const GtfHubUpload *plan, JsonObject *defaults, GtfHubUploaded *done, GCancellable *cancellable, GError **error)
{
  g_autofree char *commit = NULL;

  for (guint attempt = 1;; attempt++)
    {
      g_autoptr (GError) local = NULL;
      GtfHubUpload one = *plan;

      if (!put_card (plan->client, plan->repo, defaults, plan->local, &commit, cancellable, error))
        return FALSE;
      one.parent = commit;
      if (gtf_hub_upload (&one, done, cancellable, &local))
        return TRUE;
      if (attempt == TRIES || !done->conflict || commit == NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      gtf_hub_uploaded_clear (done);
    }
}

static gboolean
tag (GtfHubClient *client, const GtfHubRepo *repo, const GtfHubUploaded *done, const char *name, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfHubRepo) at = name ? gtf_hub_repo_new (repo->type, done->id, done->commit, error) : NULL;

  return name == NULL || (at && gtf_hub_create_tag (client, at, name, NULL, cancellable, error));
}

/* (transfer full): the address of the commit. */
static char *
push_folder (const Kind *kind, gpointer object, const char *folder, const char *repo_id, const Options *options, GCancellable *cancellable, GError **error)
{
  GtfHubVisibility visibility = options->private ? GTF_HUB_VISIBILITY_PRIVATE : options->public ? GTF_HUB_VISIBILITY_PUBLIC : GTF_HUB_VISIBILITY_DEFAULT;
  g_autoptr (GtfHubRepo) asked = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, repo_id, options->revision, error), repo = NULL;
  g_autoptr (GtfHubClient) client = asked ? gtf_hub_client_new (options->token, error) : NULL;
  g_autofree char *id = NULL;
  g_autoptr (JsonObject) defaults = NULL;
  g_auto (GtfHubUploaded) done = { 0 };
  GtfHubUpload plan = { .client = client, .visibility = visibility, .local = folder, .message = options->message ? options->message : kind->message,
                        .description = options->description, .create_pr = options->create_pr };

  if (client == NULL || !kind->save (object, folder, options, cancellable, error))
    return NULL;
  id = gtf_hub_create_repo (client, asked, visibility, cancellable, error);
  plan.repo = repo = id ? gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, id, options->revision, error) : NULL;
  if (repo == NULL)
    return NULL;
  defaults = card_defaults (kind, object, id, options);
  if (!upload (&plan, defaults, &done, cancellable, error) || !tag (client, repo, &done, options->tag, cancellable, error))
    return NULL;
  return g_steal_pointer (&done.url);
}

static char *
push (const Kind *kind, gpointer object, const char *repo_id, const char *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (JsonObject) parsed = gtf_json_parse_object ("options", options && *options ? options : "{}", -1, GTF_JSON_STRICT, error);
  g_autofree char *folder = NULL;
  Options read = { 0 };
  char *url = NULL;

  if (parsed && read_options (parsed, kind, &read, error) && (folder = g_dir_make_tmp ("gtf-push-XXXXXX", error)))
    url = push_folder (kind, object, folder, repo_id, &read, cancellable, error);
  if (folder)
    gtf_hub_remove_path (folder, NULL);
  options_clear (&read);
  return url;
}

typedef struct
{
  const Kind *kind;
  char *repo_id, *options;
} Call;

static void
call_free (gpointer data)
{
  Call *self = data;

  g_free (self->repo_id);
  g_free (self->options);
  g_free (self);
}

static void
push_thread (GTask *task, gpointer object, gpointer data, GCancellable *cancellable)
{
  const Call *call = data;
  GError *error = NULL;
  char *url = push (call->kind, object, call->repo_id, call->options, cancellable, &error);

  if (url)
    g_task_return_pointer (task, url, g_free);
  else
    g_task_return_error (task, error);
}

static void
push_async (const Kind *kind, gpointer object, const char *repo_id, const char *options, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (object, cancellable, callback, user_data);
  Call *call = g_new (Call, 1);

  *call = (Call) { kind, g_strdup (repo_id), g_strdup (options) };
  g_task_set_source_tag (task, push_async);
  g_task_set_task_data (task, call, call_free);
  g_task_run_in_thread (task, push_thread);
}

/* ---- models --------------------------------------------------------------------------------------------------------- */

static gboolean
save_model (gpointer object, const char *folder, const Options *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (JsonObject) json = json_object_new ();
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), json);
  g_autofree char *text = NULL;

  if (options->dtype)
    json_object_set_string_member (json, "dtype", options->dtype);
  if (options->shard_size)
    json_object_set_string_member (json, "max_shard_size", options->shard_size);
  text = gtf_json_print (node, GTF_JSON_COMPACT);
  return gtf_model_save_pretrained (object, folder, text, cancellable, error);
}

/* (transfer full) (nullable): the repository, if the model was loaded from a cache: .../models--org--name/snapshots/COMMIT */
static char *
origin (GtfModel *model)
{
  g_auto (GStrv) parts = g_strsplit (gtf_model_get_directory (model), "/", -1);
  guint n = g_strv_length (parts);
  g_auto (GStrv) name = NULL;

  while (n && !*parts[n - 1])
    n--;
  if (n < 3 || !gtf_hub_is_commit (parts[n - 1]) || strcmp (parts[n - 2], "snapshots") != 0 || !g_str_has_prefix (parts[n - 3], "models--"))
    return NULL;
  name = g_strsplit (parts[n - 3] + strlen ("models--"), "--", 2);
  return g_strjoinv ("/", name);
}

static void
describe_model (gpointer object, const char *id, JsonObject *card)
{
  const char *const *tasks = gtf_model_get_tasks (object);
  g_autofree char *base = origin (object);

  if (tasks && tasks[0])
    json_object_set_string_member (card, "pipeline_tag", tasks[0]);
  if (base && strcmp (base, id) != 0)
    json_object_set_string_member (card, "base_model", base);
}

static const Kind model_kind = { "Upload model", save_model, describe_model, TRUE };

/**
 * gtf_model_push_to_hub:
 * @self: a model
 * @repo_id: "org/name", or "name" for a repository of one's own; it is made if it is not there
 * @options: (nullable): a JSON object: "private" (true, false; where it has to be made), "revision" (a branch, which is made if it is not there), "create_pr" (true: as a pull request),
 *   "commit_message", "commit_description", "token", "tag" (a name that the commit gets), "tags" (a list: for a card that has none), and as for [method@Model.save_pretrained] "dtype" and
 *   "max_shard_size"
 * @cancellable: (nullable): stops it
 * @error: return location
 *
 * Saves the model ([method@Model.save_pretrained]) into a temporary folder and uploads it, with a card: README.md of the repository is completed by library_name, pipeline_tag and base_model
 * where it lacks them, and otherwise stays as it is; a new one is made where there is none. What the repository has already is not sent again.
 *
 * Fails with %GTF_ERROR_FAILED (not logged in, not allowed), %GTF_ERROR_IO (the Hub cannot be reached, a disk is full), %GTF_ERROR_INVALID_ARGUMENT (@repo_id, @options), with what
 * saving fails with, or with %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): the address of the commit
 */
char *
gtf_model_push_to_hub (GtfModel *self, const char *repo_id, const char *options, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (GTF_IS_MODEL (self) && repo_id, NULL);
  return push (&model_kind, self, repo_id, options, cancellable, error);
}

/**
 * gtf_model_push_to_hub_async:
 * @self: a model
 * @repo_id: as for [method@Model.push_to_hub]
 * @options: (nullable): as for [method@Model.push_to_hub]
 * @cancellable: (nullable): stops it
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * [method@Model.push_to_hub] on a thread of its own.
 */
void
gtf_model_push_to_hub_async (GtfModel *self, const char *repo_id, const char *options, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (GTF_IS_MODEL (self) && repo_id);
  push_async (&model_kind, self, repo_id, options, cancellable, callback, user_data);
}

/**
 * gtf_model_push_to_hub_finish:
 * @self: a model
 * @result: what the callback was given
 * @error: return location
 *
 * Returns: (transfer full): the address of the commit
 */
char *
gtf_model_push_to_hub_finish (GtfModel *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- tokenizers ----------------------------------------------------------------------------------------------------- */

static gboolean
save_tokenizer (gpointer object, const char *folder, const Options *options, GCancellable *cancellable, GError **error)
{
  return gtf_tokenizer_save_pretrained (object, folder, error);
}

static const Kind tokenizer_kind = { "Upload tokenizer", save_tokenizer, NULL, FALSE };

/**
 * gtf_tokenizer_push_to_hub:
 * @self: a tokenizer
 * @repo_id: as for [method@Model.push_to_hub]
 * @options: (nullable): as for [method@Model.push_to_hub], without "dtype" and "max_shard_size"
 * @cancellable: (nullable): stops it
 * @error: return location
 *
 * Uploads the files of the tokenizer; else as [method@Model.push_to_hub].
 *
 * Returns: (transfer full): the address of the commit
 */
char *
gtf_tokenizer_push_to_hub (GtfTokenizer *self, const char *repo_id, const char *options, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self) && repo_id, NULL);
  return push (&tokenizer_kind, self, repo_id, options, cancellable, error);
}

/**
 * gtf_tokenizer_push_to_hub_async:
 * @self: a tokenizer
 * @repo_id: as for [method@Model.push_to_hub]
 * @options: (nullable): as for [method@Tokenizer.push_to_hub]
 * @cancellable: (nullable): stops it
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * [method@Tokenizer.push_to_hub] on a thread of its own.
 */
void
gtf_tokenizer_push_to_hub_async (GtfTokenizer *self, const char *repo_id, const char *options, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (GTF_IS_TOKENIZER (self) && repo_id);
  push_async (&tokenizer_kind, self, repo_id, options, cancellable, callback, user_data);
}

/**
 * gtf_tokenizer_push_to_hub_finish:
 * @self: a tokenizer
 * @result: what the callback was given
 * @error: return location
 *
 * Returns: (transfer full): the address of the commit
 */
char *
gtf_tokenizer_push_to_hub_finish (GtfTokenizer *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- preprocessors -------------------------------------------------------------------------------------------------- */

static gboolean
save_preprocessor (gpointer object, const char *folder, const Options *options, GCancellable *cancellable, GError **error)
{
  return gtf_preprocessor_save_pretrained (object, folder, error);
}

static const Kind preprocessor_kind = { "Upload processor", save_preprocessor, NULL, FALSE };

/**
 * gtf_preprocessor_push_to_hub:
 * @self: a preprocessor
 * @repo_id: as for [method@Model.push_to_hub]
 * @options: (nullable): as for [method@Model.push_to_hub], without "dtype" and "max_shard_size"
 * @cancellable: (nullable): stops it
 * @error: return location
 *
 * Uploads the configuration of the preprocessor; else as [method@Model.push_to_hub].
 *
 * Returns: (transfer full): the address of the commit
 */
char *
gtf_preprocessor_push_to_hub (GtfPreprocessor *self, const char *repo_id, const char *options, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self) && repo_id, NULL);
  return push (&preprocessor_kind, self, repo_id, options, cancellable, error);
}

/**
 * gtf_preprocessor_push_to_hub_async:
 * @self: a preprocessor
 * @repo_id: as for [method@Model.push_to_hub]
 * @options: (nullable): as for [method@Preprocessor.push_to_hub]
 * @cancellable: (nullable): stops it
 * @callback: (scope async): called when it is done
 * @user_data: for @callback
 *
 * [method@Preprocessor.push_to_hub] on a thread of its own.
 */
void
gtf_preprocessor_push_to_hub_async (GtfPreprocessor *self, const char *repo_id, const char *options, GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data)
{
  g_return_if_fail (GTF_IS_PREPROCESSOR (self) && repo_id);
  push_async (&preprocessor_kind, self, repo_id, options, cancellable, callback, user_data);
}

/**
 * gtf_preprocessor_push_to_hub_finish:
 * @self: a preprocessor
 * @result: what the callback was given
 * @error: return location
 *
 * Returns: (transfer full): the address of the commit
 */
char *
gtf_preprocessor_push_to_hub_finish (GtfPreprocessor *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
