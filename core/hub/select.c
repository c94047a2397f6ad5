/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A repository has the same weights in several formats and precisions. Wanted are those that we read: model.safetensors, else its
 * shards, else pytorch_model.bin, else its shards (the order of transformers), or an adapter; never ONNX, TensorFlow, Flax or a variant.
 * Modules of sentence-transformers lie in folders that begin with their number, and are taken alike.
 */
#include "hub/select.h"

#include <fnmatch.h>
#include <string.h>
#include "base/file.h"
#include "base/json.h"

#define MAX_INDEX (256 * 1024 * 1024)
#define MAX_SMALL (256 * 1024 * 1024)

static const char *const weights[] = { "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
                                       "adapter_model.safetensors", "adapter_model.bin" };
static const char *const small_ends[] = { ".json", ".txt", ".model", ".spm", ".codes", ".tiktoken", ".tokenizer", ".jinja" };
static const char *const not_small[] = { "trainer_state.json", "requirements.txt", "all_results.json", "train_results.json", "eval_results.json" };

/* The folder of a path with its slash, "" at the top. (transfer full) */
static char *
folder_of (const char *path)
{
  const char *slash = strrchr (path, '/');

  return slash ? g_strndup (path, (gsize) (slash - path) + 1) : g_strdup ("");
}

/* "", "1_Pooling/", and where the two tokenizers of RAG are. */
static gboolean
is_model_folder (const char *folder)
{
  gsize digits = strspn (folder, "0123456789");

  return *folder == '\0' || !strcmp (folder, "question_encoder_tokenizer/") || !strcmp (folder, "generator_tokenizer/") || (digits && folder[digits] == '_' && !strchr (strchr (folder, '/') + 1, '/'));
}

static gboolean
is_small (const GtfHubFile *file, const char *folder)
{
  const char *name = file->path + strlen (folder);

  if (strcmp (file->path, "README.md") == 0)
    return TRUE;
  if (file->lfs && file->size > MAX_SMALL)
    return FALSE;
  if (g_str_has_suffix (name, ".index.json") || strstr (name, ".index.") || strstr (name, "onnx"))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (not_small); i++)
    if (strcmp (name, not_small[i]) == 0)
      return FALSE;
  if (strcmp (folder, "additional_chat_templates/") == 0)
    return g_str_has_suffix (name, ".jinja");
  if (!is_model_folder (folder))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (small_ends); i++)
    if (g_str_has_suffix (name, small_ends[i]))
      return TRUE;
  return FALSE;
}

static GtfHubFile *
find (GPtrArray *files, const char *folder, const char *name)
{
  g_autofree char *path = g_strconcat (folder, name, NULL);

  for (guint i = 0; i < files->len; i++)
    if (strcmp (((GtfHubFile *) files->pdata[i])->path, path) == 0)
      return files->pdata[i];
  return NULL;
}

static GtfHubFile *
weights_of (GPtrArray *files, const char *folder)
{
  GtfHubFile *found = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (weights) && !found; i++)
    found = find (files, folder, weights[i]);
  return found;
}

GPtrArray *
gtf_hub_select_model (GPtrArray *files, GtfHubParts parts)
{
  GPtrArray *chosen = g_ptr_array_new ();
  g_autoptr (GHashTable) folders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < files->len; i++)
    {
      GtfHubFile *file = files->pdata[i];
      g_autofree char *folder = folder_of (file->path);
      GtfHubFile *found;

      if (is_small (file, folder))
        g_ptr_array_add (chosen, file);
      if (!(parts & GTF_HUB_WEIGHTS) || !is_model_folder (folder) || g_hash_table_contains (folders, folder))
        continue;
      found = weights_of (files, folder);
      if (found)
        g_ptr_array_add (chosen, found);
      g_hash_table_add (folders, g_steal_pointer (&folder));
    }
  return chosen;
}

/* The shards that an index names, each once. */
static gboolean
read_index (const char *path, GHashTable *shards, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  g_auto (GtfJsonReader) reader = { 0 };
  g_autoptr (JsonObject) object = NULL;
  JsonNode *map;
  JsonObjectIter iter;
  JsonNode *value;

  if (!gtf_file_load (path, MAX_INDEX, &text, &length, error))
    return FALSE;
  object = gtf_json_parse_object (path, text, (gssize) length, GTF_JSON_PYTHON, error);
  if (object == NULL)
    return FALSE;
  map = json_object_get_member (object, "weight_map");
  if (map == NULL || !JSON_NODE_HOLDS_OBJECT (map))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected \"weight_map\" with the file of each tensor", path);
      return FALSE;
    }
  json_object_iter_init (&iter, json_node_get_object (map));
  while (json_object_iter_next (&iter, NULL, &value))
    if (json_node_get_value_type (value) == G_TYPE_STRING)
      g_hash_table_add (shards, json_node_dup_string (value));
  return TRUE;
}

GPtrArray *
gtf_hub_select_shards (GPtrArray *files, GPtrArray *chosen, const char *folder, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new ();

  for (guint i = 0; i < chosen->len; i++)
    {
      const GtfHubFile *index = chosen->pdata[i];
      g_autofree char *path = g_build_filename (folder, index->path, NULL), *inside = folder_of (index->path);
      g_autoptr (GHashTable) shards = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      GHashTableIter iter;
      gpointer name;

      if (!g_str_has_suffix (index->path, ".index.json"))
        continue;
      if (!read_index (path, shards, error))
        return NULL;
      g_hash_table_iter_init (&iter, shards);
      while (g_hash_table_iter_next (&iter, &name, NULL))
        {
          GtfHubFile *shard = find (files, inside, name);

          if (shard)    /* one that is missing is found out when the weights are loaded */
            g_ptr_array_add (found, shard);
        }
    }
  return g_steal_pointer (&found);
}

/* ---- patterns ------------------------------------------------------------------------------------------------------- */

gboolean
gtf_hub_matches (const char *path, char **patterns)
{
  for (char **pattern = patterns; *pattern; pattern++)
    {
      g_autofree char *all = g_str_has_suffix (*pattern, "/") ? g_strconcat (*pattern, "*", NULL) : NULL;

      if (fnmatch (all ? all : *pattern, path, FNM_NOESCAPE) == 0)
        return TRUE;
    }
  return FALSE;
}

GPtrArray *
gtf_hub_select_matching (GPtrArray *files, char **include, char **exclude)
{
  GPtrArray *found = g_ptr_array_new ();

  for (guint i = 0; i < files->len; i++)
    {
      GtfHubFile *file = files->pdata[i];

      if ((include == NULL || gtf_hub_matches (file->path, include)) && (exclude == NULL || !gtf_hub_matches (file->path, exclude)))
        g_ptr_array_add (found, file);
    }
  return found;
}

/* ---- without a listing ---------------------------------------------------------------------------------------------- */

static gboolean
has (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static gboolean
has_weights (const char *folder)
{
  for (guint i = 0; i < G_N_ELEMENTS (weights); i++)
    {
      g_autofree char *path = g_build_filename (folder, weights[i], NULL);
      g_autoptr (GHashTable) shards = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      GHashTableIter iter;
      gpointer name;

      if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
        continue;
      if (!g_str_has_suffix (weights[i], ".index.json"))
        return TRUE;
      if (!read_index (path, shards, NULL))
        return TRUE;            /* what is wrong with it is said when the weights are loaded */
      g_hash_table_iter_init (&iter, shards);
      while (g_hash_table_iter_next (&iter, &name, NULL))
        if (!has (folder, name))
          return FALSE;
      return TRUE;
    }
  return FALSE;
}

gboolean
gtf_hub_looks_complete (const char *folder, GtfHubParts parts)
{
  static const char *const fronts[] = { "tokenizer.json", "vocab.txt", "vocab.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json",
                                         "video_preprocessor_config.json" };

  if (!has (folder, "config.json") || (parts & GTF_HUB_WEIGHTS && !has_weights (folder)))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (fronts); i++)
    if (has (folder, fronts[i]))
      return TRUE;
  return FALSE;
}
