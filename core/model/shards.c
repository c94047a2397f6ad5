/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The weights of a folder: which files there are, and the index that says which tensor lies in which shard.
 *
 * The order in which files are looked for is that of transformers: model.safetensors, its index, then pytorch_model.bin, its index. A name in the
 * index can never lead out of the folder: it is checked by its letters, by the rules of POSIX and of Windows, and not by
 * resolving it, since in a cache the files are links.
 */
#include "model/safetensors-private.h"

#include <string.h>
#include "base/file.h"
#include "base/json-reader.h"

#define MAX_INDEX (256 * 1024 * 1024)
#define MAX_SHARDS 1000

static gboolean
is_inside (const char *name)
{
  g_auto (GStrv) parts = NULL;

  if (!*name || *name == '/' || strpbrk (name, "\\:") || !g_utf8_validate (name, -1, NULL))
    return FALSE;
  parts = g_strsplit (name, "/", -1);
  for (char **part = parts; *part; part++)
    if (!**part || strcmp (*part, ".") == 0 || strcmp (*part, "..") == 0)
      return FALSE;
  return TRUE;
}

/* What the index says: tensor -> shard, and the shards in the order in which they come. */
typedef struct
{
  GHashTable *map;
  GHashTable *seen;
  GPtrArray *shards;
} Index;

static gboolean
read_weight_map (GtfJsonReader *reader, Index *index, GError **error)
{
  GError *local = NULL;

  if (!gtf_json_reader_expect (reader, GTF_JSON_BEGIN_OBJECT, error))
    return gtf_json_about (error, "\"weight_map\"");
  while (gtf_json_reader_next_key (reader, NULL, NULL, &local))
    {
      g_autofree char *tensor = gtf_json_reader_dup_string (reader, error);
      g_autofree char *shard = NULL;

      if (!tensor || !gtf_json_reader_expect (reader, GTF_JSON_STRING, error) || !(shard = gtf_json_reader_dup_string (reader, error)))
        return gtf_json_about (error, "\"weight_map\": \"%s\"", tensor ? tensor : "");
      if (!is_inside (shard))
        {
          gtf_json_reader_fail (reader, error, "weight_map: tensor \"%s\": \"%s\" leads outside the folder", tensor, shard);
          return FALSE;
        }
      if (!g_hash_table_contains (index->seen, shard))
        {
          if (index->shards->len == MAX_SHARDS)
            {
              gtf_json_reader_fail (reader, error, "weight_map: more than %d files", MAX_SHARDS);
              return FALSE;
            }
          g_ptr_array_add (index->shards, g_strdup (shard));
          g_hash_table_add (index->seen, index->shards->pdata[index->shards->len - 1]);
        }
      g_hash_table_insert (index->map, g_steal_pointer (&tensor), g_strdup (shard));
    }
  if (!local)
    return TRUE;
  g_propagate_error (error, local);
  return gtf_json_about (error, "\"weight_map\"");
}

static gboolean
parse_index (const char *path, const char *text, gsize length, Index *index, GError **error)
{
  g_auto (GtfJsonReader) reader = { 0 };
  gboolean found = FALSE;
  GError *local = NULL;

  gtf_json_reader_init (&reader, path, text, length, GTF_JSON_PYTHON);
  if (!gtf_json_reader_expect (&reader, GTF_JSON_BEGIN_OBJECT, error))
    return FALSE;
  while (gtf_json_reader_next_key (&reader, NULL, NULL, &local))
    {
      gboolean map = gtf_json_reader_string_is (&reader, "weight_map");

      found |= map;
      if (!(map ? read_weight_map (&reader, index, error) : gtf_json_reader_skip (&reader, error)))
        return FALSE;
    }
  if (local)
    {
      g_propagate_error (error, local);
      return FALSE;
    }
  if (!gtf_json_reader_expect (&reader, GTF_JSON_END, error))
    return FALSE;
  if (found && index->shards->len)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: has no \"weight_map\" that names a file", path);
  return FALSE;
}

char **
gtf_safetensors_parse_index (const char *name, const char *text, gsize length, GError **error)
{
  g_autoptr (GHashTable) map = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) shards = g_ptr_array_new_with_free_func (g_free);
  Index index = { map, seen, shards };

  if (!parse_index (name, text, length, &index, error))
    return NULL;
  g_ptr_array_add (shards, NULL);
  return g_strdupv ((char **) shards->pdata);
}

/* Leaves out the tensors that the index places in another shard; all that it names must be there. */
static gboolean
apply_map (GtfSafetensors *self, const char *directory, const char *path, Index *index, GError **error)
{
  GHashTableIter iter;
  gpointer name, shard;

  for (guint i = 0; i < self->tensors->len;)
    {
      const GtfStoredTensor *t = self->tensors->pdata[i];
      const char *wanted = g_hash_table_lookup (index->map, t->name);

      if (wanted && strcmp (wanted, index->shards->pdata[t->file]) != 0)
        g_ptr_array_remove_index (self->tensors, i);
      else
        i++;
    }
  if (!gtf_safetensors_finish (self, error))
    return FALSE;
  g_hash_table_iter_init (&iter, index->map);
  while (g_hash_table_iter_next (&iter, &name, &shard))
    {
      if (gtf_safetensors_find (self, name))
        continue;
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: weight_map: tensor \"%s\" is not in %s/%s", path, (char *) name, directory, (char *) shard);
      return FALSE;
    }
  return TRUE;
}

static GtfSafetensors *
open_shards (const char *directory, const char *path, GError **error)
{
  g_autoptr (GtfSafetensors) self = gtf_safetensors_new ();
  g_autoptr (GHashTable) map = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) shards = g_ptr_array_new_with_free_func (g_free);
  Index index = { map, seen, shards };
  g_autofree char *text = NULL;
  gsize length;

  if (!gtf_file_load (path, MAX_INDEX, &text, &length, error) || !parse_index (path, text, length, &index, error))
    return NULL;
  for (guint i = 0; i < shards->len; i++)
    {
      g_autofree char *file = g_build_filename (directory, shards->pdata[i], NULL);

      if (!gtf_safetensors_add_file (self, file, error))
        return NULL;
    }
  return apply_map (self, directory, path, &index, error) ? g_steal_pointer (&self) : NULL;
}

/* The names that weights have, in the order in which they are looked for; each may have an index in its stead. */
static const char *const singles[] = { "model.safetensors", "pytorch_model.bin" };

/* There are none of these: says what there is instead. */
static void
fail_without_weights (const char *directory, GError **error)
{
  static const char *const others[] = { "tf_model.h5", "flax_model.msgpack", "model.onnx" };
  static const char expected[] = "model.safetensors, pytorch_model.bin, or one of them with .index.json";
  const char *name;
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *path = g_build_filename (directory, others[i], NULL);

      if (!g_file_test (path, G_FILE_TEST_EXISTS))
        continue;
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: weights in this format cannot be read: expected %s", path, expected);
      return;
    }
  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".gguf"))
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s/%s: weights in this format cannot be read: expected %s", directory, name, expected);
        return;
      }
  g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: has no weights: expected %s", directory, expected);
}

GtfSafetensors *
gtf_safetensors_open (const char *directory, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (singles); i++)
    {
      g_autofree char *single = g_build_filename (directory, singles[i], NULL), *index = g_strconcat (single, ".index.json", NULL);

      if (g_file_test (single, G_FILE_TEST_EXISTS))
        return gtf_safetensors_open_file (single, error);
      if (g_file_test (index, G_FILE_TEST_EXISTS))
        return open_shards (directory, index, error);
    }
  fail_without_weights (directory, error);
  return NULL;
}
