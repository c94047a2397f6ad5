/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Resolving a reference to a model: a folder, builtin/NAME, or a repository of the Hub, in this order.
 *
 * Built-in models lie in folders named models/: below each folder of modules (the build folder has one), then in
 * $datadir/gtransformers-1.0. index.json there says which model serves which task.
 */
#include "pipeline/reference.h"

#include <string.h>
#include "base/json.h"
#include "hub/cache.h"
#include "registry/registry.h"

void
gtf_reference_free (GtfReference *self)
{
  g_free (self->directory);
  g_free (self->id);
  g_free (self->commit);
  g_free (self);
}

static GtfReference *
reference_new (char *directory, const char *id, char *commit)
{
  GtfReference *self = g_new0 (GtfReference, 1);

  self->directory = directory;
  self->id = g_strdup (id);
  self->commit = commit;
  return self;
}

char **
gtf_builtin_get_path (void)
{
  g_autoptr (GStrvBuilder) out = g_strv_builder_new ();
  g_auto (GStrv) folders = gtf_registry_get_folders ();

  for (guint i = 0; folders[i]; i++)
    {
      g_autofree char *models = g_build_filename (folders[i], "models", NULL);

      g_strv_builder_add (out, models);
    }
  g_strv_builder_add (out, GTF_MODELS_DIR);
  return g_strv_builder_end (out);
}

char *
gtf_builtin_for_task (const char *task)
{
  g_auto (GStrv) path = gtf_builtin_get_path ();

  for (guint i = 0; path[i]; i++)
    {
      g_autofree char *file = g_build_filename (path[i], "index.json", NULL);
      g_autoptr (JsonObject) index = gtf_json_load_object (file, NULL);
      JsonNode *name = index ? json_object_get_member (index, task) : NULL;
      g_autofree char *model = NULL;

      if (name == NULL || json_node_get_value_type (name) != G_TYPE_STRING)
        continue;
      model = g_build_filename (path[i], json_node_get_string (name), NULL);
      if (g_file_test (model, G_FILE_TEST_IS_DIR))
        return g_strconcat ("builtin/", json_node_get_string (name), NULL);
    }
  return NULL;
}

static GtfReference *
resolve_builtin (const char *ref, GError **error)
{
  const char *name = ref + strlen ("builtin/");
  g_auto (GStrv) path = gtf_builtin_get_path ();
  g_autofree char *searched = g_strjoinv (", ", path);

  if (*name && !strchr (name, '/') && *name != '.')
    for (guint i = 0; path[i]; i++)
      {
        g_autofree char *directory = g_build_filename (path[i], name, NULL);

        if (g_file_test (directory, G_FILE_TEST_IS_DIR))
          return reference_new (g_steal_pointer (&directory), ref, NULL);
      }
  g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: there is no built-in model of this name in %s (for a folder write ./%s)", ref, searched, ref);
  return NULL;
}

/* What may be fetched for a name of the Hub; NULL: nothing. */
typedef struct
{
  GtfHubParts parts;
  GtfHubProgressFunc progress;
  gpointer data;
  GCancellable *cancellable;
} Fetch;

static GtfReference *
resolve_name (const char *ref, const char *revision, const Fetch *fetch, GError **error)
{
  const char *at = strchr (ref, '@');
  g_autofree char *id = at ? g_strndup (ref, at - ref) : g_strdup (ref);
  g_autofree char *commit = NULL;
  char *directory;

  if (at && revision && strcmp (at + 1, revision) != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s: the option revision says '%s'; give one of the two", ref, revision);
      return NULL;
    }
  if (fetch)
    directory = gtf_hub_fetch_model (id, at ? at + 1 : revision, fetch->parts, fetch->progress, fetch->data, &commit, fetch->cancellable, error);
  else
    directory = gtf_hub_find_snapshot (id, at ? at + 1 : revision, &commit, error);
  return directory ? reference_new (directory, id, g_steal_pointer (&commit)) : NULL;
}

/* A name that can only be meant as a path, so that the message is about a folder. */
static gboolean
looks_like_path (const char *ref)
{
  const char *slash = strchr (ref, '/');

  return *ref == '/' || *ref == '.' || *ref == '~' || (slash && strchr (slash + 1, '/') && !strchr (ref, '@'));
}

static GtfReference *
resolve (const char *ref, const char *revision, const Fetch *fetch, GError **error)
{
  if (*ref == '\0')
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "the name of the model is empty: expected a folder, org/name or builtin/NAME");
      return NULL;
    }
  if (g_str_has_prefix (ref, "builtin/"))
    return resolve_builtin (ref, error);
  if (strcmp (ref, "auto") == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED,
                   "auto: a model can be chosen only for a task; name a folder, org/name or builtin/NAME (for a folder of this name write ./auto)");
      return NULL;
    }
  if (g_file_test (ref, G_FILE_TEST_IS_DIR))
    return reference_new (g_strdup (ref), ref, NULL);
  if (g_file_test (ref, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: expected the folder of a model, found a file", ref);
      return NULL;
    }
  if (looks_like_path (ref))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: there is no such folder", ref);
      return NULL;
    }
  return resolve_name (ref, revision, fetch, error);
}

GtfReference *
gtf_reference_resolve (const char *ref, const char *revision, GError **error)
{
  g_return_val_if_fail (ref != NULL, NULL);

  return resolve (ref, revision, NULL, error);
}

GtfReference *
gtf_reference_fetch (const char *ref, const char *revision, GtfHubParts parts, GtfHubProgressFunc progress, gpointer data, GCancellable *cancellable, GError **error)
{
  const Fetch fetch = { parts, progress, data, cancellable };

  g_return_val_if_fail (ref != NULL, NULL);

  return resolve (ref, revision, &fetch, error);
}
