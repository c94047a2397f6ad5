/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stored_tokens is an INI file: a section for each name, with hf_token and whatever else huggingface_hub keeps there (refresh_token,
 * expires_at), which stays.
 */
#include "hub/tokens.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include "base/file.h"
#include "base/json.h"
#include "hub/environment.h"

static char *
stored_path (void)
{
  g_autofree char *active = gtf_hub_get_token_path (), *folder = g_path_get_dirname (active);

  return g_build_filename (folder, "stored_tokens", NULL);
}

/* An empty one where there is no file. */
static GKeyFile *
load (void)
{
  g_autofree char *path = stored_path ();
  GKeyFile *file = g_key_file_new ();

  g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL);
  return file;
}

static gboolean
write_secret (const char *path, const char *text, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GError) local = NULL;

  if (g_mkdir_with_parents (folder, 0700) != 0)
    {
      gtf_file_fail (error, folder, "cannot be made", errno);
      return FALSE;
    }
  if (g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &local))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s", local->message);
  return FALSE;
}

static int
by_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static char **
sorted_groups (GKeyFile *file)
{
  gsize n;
  char **groups = g_key_file_get_groups (file, &n);

  qsort (groups, n, sizeof *groups, by_text);
  return groups;
}

/* As Python's configparser writes it. */
static gboolean
save (GKeyFile *file, GError **error)
{
  g_autofree char *path = stored_path ();
  g_auto (GStrv) groups = sorted_groups (file);
  g_autoptr (GString) out = g_string_new (NULL);

  for (char **group = groups; *group; group++)
    {
      g_auto (GStrv) keys = g_key_file_get_keys (file, *group, NULL, NULL);

      g_string_append_printf (out, "[%s]\n", *group);
      for (char **key = keys; key && *key; key++)
        {
          g_autofree char *value = g_key_file_get_value (file, *group, *key, NULL);

          g_string_append_printf (out, "%s = %s\n", *key, value);
        }
      g_string_append_c (out, '\n');
    }
  return write_secret (path, out->str, error);
}

static gboolean
is_name (const char *name)
{
  for (const char *p = name; *p; p++)
    if (g_ascii_iscntrl (*p) || *p == '[' || *p == ']')
      return FALSE;
  return *name != '\0' && g_utf8_validate (name, -1, NULL);
}

gboolean
gtf_hub_token_save (const char *name, const char *token, GError **error)
{
  g_autoptr (GKeyFile) file = load ();
  g_autofree char *active = gtf_hub_get_token_path ();

  if (!is_name (name))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "the Hub gives this token a name that cannot be stored");
      return FALSE;
    }
  g_key_file_set_value (file, name, "hf_token", token);
  g_key_file_remove_key (file, name, "refresh_token", NULL);
  g_key_file_remove_key (file, name, "expires_at", NULL);
  return save (file, error) && write_secret (active, token, error);
}

char **
gtf_hub_token_list (void)
{
  g_autoptr (GKeyFile) file = load ();

  return sorted_groups (file);
}

char *
gtf_hub_token_by_name (const char *name)
{
  g_autoptr (GKeyFile) file = load ();

  return g_key_file_get_value (file, name, "hf_token", NULL);
}

static gboolean
unknown (const char *name, GError **error)
{
  g_autofree char *path = stored_path ();

  g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: there is no token of the name '%s'", path, name);
  return FALSE;
}

gboolean
gtf_hub_token_switch (const char *name, GError **error)
{
  g_autofree char *token = gtf_hub_token_by_name (name), *active = gtf_hub_get_token_path ();

  return token ? write_secret (active, token, error) : unknown (name, error);
}

static gboolean
delete (const char *path, GError **error)
{
  if (g_unlink (path) == 0 || errno == ENOENT)
    return TRUE;
  gtf_file_fail (error, path, "cannot be deleted", errno);
  return FALSE;
}

gboolean
gtf_hub_token_forget (const char *name, GError **error)
{
  g_autofree char *active = gtf_hub_get_token_path (), *stored = stored_path (), *token = NULL, *current = NULL;
  g_autoptr (GKeyFile) file = NULL;

  if (name == NULL)
    return delete (active, error) && delete (stored, error);
  file = load ();
  token = g_key_file_get_value (file, name, "hf_token", NULL);
  if (token == NULL)
    return unknown (name, error);
  g_key_file_remove_group (file, name, NULL);
  if (!save (file, error))
    return FALSE;
  if (g_file_get_contents (active, &current, NULL, NULL) && strcmp (g_strstrip (current), token) == 0)
    return delete (active, error);
  return TRUE;
}

/* ---- whose it is ---------------------------------------------------------------------------------------------------- */

void
gtf_hub_account_free (GtfHubAccount *self)
{
  g_free (self->name);
  g_free (self->role);
  g_free (self->token_name);
  g_ptr_array_unref (self->organisations);
  g_free (self);
}

static char *
dup_member (JsonObject *object, const char *path)
{
  JsonNode *node = gtf_json_find (object, path);

  return node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_dup_string (node) : NULL;
}

static void
read_organisations (GtfHubAccount *self, JsonNode *node)
{
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      JsonNode *entry = json_array_get_element (list, i);
      char *name = JSON_NODE_HOLDS_OBJECT (entry) ? dup_member (json_node_get_object (entry), "name") : NULL;

      if (name)
        g_ptr_array_add (self->organisations, name);
    }
}

GtfHubAccount *
gtf_hub_whoami (GtfHubClient *client, GCancellable *cancellable, GError **error)
{
  g_autofree char *url = g_strconcat (gtf_hub_client_get_endpoint (client), "/api/whoami-v2", NULL);
  GtfHubRequest request = { .url = url, .what = "the account", .flags = GTF_HUB_REQUEST_PATIENT };
  g_autoptr (GtfHttpResponse) response = gtf_hub_client_send (client, &request, NULL, cancellable, error);
  g_autoptr (JsonNode) node = response ? gtf_hub_read_json (response, request.what, cancellable, error) : NULL;
  JsonObject *object = node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  g_autoptr (GtfHubAccount) self = NULL;

  g_free (request.missing_commit);
  if (node == NULL)
    return NULL;
  self = g_new0 (GtfHubAccount, 1);
  self->organisations = g_ptr_array_new_with_free_func (g_free);
  self->name = object ? dup_member (object, "name") : NULL;
  if (self->name == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the answer names no account: expected \"name\"", url);
      return NULL;
    }
  self->role = dup_member (object, "auth.accessToken.role");
  self->token_name = dup_member (object, "auth.accessToken.displayName");
  if (self->token_name == NULL)
    self->token_name = g_strconcat ("oauth-", self->name, NULL);
  read_organisations (self, gtf_json_find (object, "orgs"));
  return g_steal_pointer (&self);
}
