/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A repository, written anew with its weights as safetensors: everything that is no weights is copied; folders within (the parts of a sentence
 * transformer) go the same way. The result is put together under a hidden name beside its place, .NAME.incomplete, and renamed: a process that is killed
 * leaves nothing that looks like a model, and the next one begins again with what it left. A lock on the hidden folder keeps two from writing into it.
 */
#include "model/save.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/file.h"
#include "base/json-print.h"
#include "base/json.h"
#include "base/params.h"
#include "model/adapter.h"
#include "model/model-private.h"
#include "model/model.h"

#define MAX_DEPTH 8

/* ---- config.json ---------------------------------------------------------------------------------------------------- */

static const char *
dtype_name (GtfDtype dtype)
{
  return dtype == GTF_DTYPE_F16 ? "float16" : dtype == GTF_DTYPE_BF16 ? "bfloat16" : dtype == GTF_DTYPE_F64 ? "float64" : "float32";
}

/* "torch_dtype" is what "dtype" was called; parts of a model have their own. */
static void
set_dtype (JsonObject *object, const char *name, gboolean force, guint depth)
{
  g_autoptr (GList) members = NULL;

  if (force || json_object_has_member (object, "dtype") || json_object_has_member (object, "torch_dtype"))
    {
      if (json_object_has_member (object, "torch_dtype"))
        json_object_remove_member (object, "torch_dtype");
      json_object_set_string_member (object, "dtype", name);
    }
  members = json_object_get_members (object);   /* they are the object's own: only now, when none of them goes any more */
  for (GList *l = members; l && depth < MAX_DEPTH; l = l->next)
    {
      JsonNode *node = json_object_get_member (object, l->data);

      if (node && JSON_NODE_HOLDS_OBJECT (node) && strcmp (l->data, "quantization_config") != 0)
        set_dtype (json_node_get_object (node), name, FALSE, depth + 1);
    }
}

char *
gtf_config_with_dtype (const char *path, GtfDtype dtype, GError **error)
{
  g_autoptr (JsonObject) config = gtf_json_load_object (path, error);
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *text = NULL;

  if (!config)
    return NULL;
  set_dtype (config, dtype_name (dtype), TRUE, 0);
  node = json_node_init_object (json_node_alloc (), config);
  text = gtf_json_print (node, GTF_JSON_CONFIG);
  return g_strconcat (text, "\n", NULL);
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

/* Weights in any format, what belongs to a version control or a cache, and exports for other programs. */
static gboolean
is_left_out (const char *name)
{
  static const char *const endings[] = { ".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".ot",
    ".gguf", ".tflite", ".mlmodel", ".pb", ".incomplete", ".lock" };
  static const char *const names[] = { ".git", ".cache", ".gitattributes", "onnx", "openvino", "coreml", "runs" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i]) == 0)
      return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (name, endings[i]))
      return TRUE;
  return FALSE;
}

static gboolean
copy_config (const char *from, const char *to, GtfDtype dtype, GError **error)
{
  g_autofree char *text = NULL;

  if (dtype == GTF_DTYPE_INVALID)
    return gtf_file_copy (from, to, error);
  text = gtf_config_with_dtype (from, dtype, error);
  return text && gtf_file_save (to, text, strlen (text), error);
}

static gboolean
has_weights (const char *directory)
{
  static const char *const names[] = { "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (directory, names[i], NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return TRUE;
    }
  return FALSE;
}

static gboolean save_folder (const char *from, const char *to, const GtfSaveOptions *options, GCancellable *cancellable, guint depth, GError **error);

static gboolean
save_child (const char *from_folder, const char *to_folder, const char *name, const GtfSaveOptions *options, GCancellable *cancellable, guint depth, GError **error)
{
  g_autofree char *from = g_build_filename (from_folder, name, NULL), *to = g_build_filename (to_folder, name, NULL);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (!g_file_test (from, G_FILE_TEST_IS_DIR))
    return strcmp (name, "config.json") == 0 ? copy_config (from, to, options->dtype, error) : gtf_file_copy (from, to, error);
  if (depth == MAX_DEPTH)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: folders are nested deeper than %d", from, MAX_DEPTH);
      return FALSE;
    }
  if (g_mkdir (to, 0777) == 0 || errno == EEXIST)
    return save_folder (from, to, options, cancellable, depth + 1, error);
  gtf_file_fail (error, to, "cannot be created", errno);
  return FALSE;
}

/* Weights first, so that a folder that has a config has them. */
static gboolean
save_folder (const char *from, const char *to, const GtfSaveOptions *options, GCancellable *cancellable, guint depth, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (from, 0, error);
  const char *name;

  if (!dir)
    return FALSE;
  if (depth == 0 || has_weights (from))
    {
      g_autoptr (GtfSafetensors) weights = gtf_safetensors_open (from, error);

      if (!weights || !gtf_weights_save (weights, to, "model", options, cancellable, error))
        return FALSE;
    }
  while ((name = g_dir_read_name (dir)))
    if (!is_left_out (name) && !save_child (from, to, name, options, cancellable, depth, error))
      return FALSE;
  return TRUE;
}

/* ---- whole or not at all -------------------------------------------------------------------------------------------- */

/* What a process that was killed has left. */
static void
empty_folder (const char *path, guint depth)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_unlink (child) == 0 || depth > MAX_DEPTH)
        continue;
      empty_folder (child, depth + 1);
      g_rmdir (child);
    }
}

/* The hidden folder, locked and empty; -1 with an error. */
static int
open_staging (const char *staging, GError **error)
{
  int fd;

  if ((g_mkdir_with_parents (staging, 0777) < 0 && errno != EEXIST) || (fd = open (staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) < 0)
    {
      gtf_file_fail (error, staging, "cannot be created", errno);
      return -1;
    }
  if (flock (fd, LOCK_EX | LOCK_NB) < 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: another process is writing there", staging);
      close (fd);
      return -1;
    }
  empty_folder (staging, 0);
  return fd;
}

static gboolean
is_free (const char *output, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (output, 0, NULL);

  if (!g_file_test (output, G_FILE_TEST_EXISTS) || (dir && !g_dir_read_name (dir)))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s: exists and is not empty; choose another folder, or remove it first", output);
  return FALSE;
}

gboolean
gtf_repository_save (const char *directory, const char *output, const GtfSaveOptions *options, GCancellable *cancellable, GError **error)
{
  g_autofree char *place = g_canonicalize_filename (output, NULL), *parent = g_path_get_dirname (place), *name = g_path_get_basename (place);
  g_autofree char *hidden = g_strdup_printf (".%s.incomplete", name), *staging = g_build_filename (parent, hidden, NULL);
  gboolean ok;
  int fd;

  if (!is_free (place, error) || (fd = open_staging (staging, error)) < 0)
    return FALSE;
  ok = save_folder (directory, staging, options, cancellable, 0, error);
  /* rename() puts a folder in the place of an empty one, and of no other */
  if (ok && g_rename (staging, place) < 0)
    {
      gtf_file_fail (error, place, "cannot be created", errno);
      ok = FALSE;
    }
  if (!ok)
    {
      empty_folder (staging, 0);
      g_rmdir (staging);
    }
  close (fd);
  return ok;
}

/* ---- a model -------------------------------------------------------------------------------------------------------- */

static gboolean
parse_options (const char *json, GtfSaveOptions *options, GError **error)
{
  typedef struct { char *dtype, *size; } Raw;
  static const GtfParam table[] = { GTF_PARAM_STRING_FIELD (Raw, dtype, "dtype"), GTF_PARAM_STRING_FIELD (Raw, size, "max_shard_size"), GTF_PARAMS_END };
  g_autoptr (JsonObject) object = json && *json ? gtf_json_parse_object ("options", json, -1, GTF_JSON_STRICT, error) : json_object_new ();
  Raw raw = { NULL, NULL };
  gboolean ok;

  options->dtype = GTF_DTYPE_INVALID;
  ok = object && gtf_params_read (table, object, "options", GTF_PARAMS_DEFAULT, &raw, error)
       && (!raw.dtype || gtf_save_dtype_parse (raw.dtype, &options->dtype, error)) && (!raw.size || gtf_save_size_parse (raw.size, &options->shard_size, error));
  g_free (raw.dtype);
  g_free (raw.size);
  return ok;
}

/**
 * gtf_model_save_pretrained:
 * @self: a model
 * @directory: (type filename): a folder, made where there is none
 * @options: (nullable): a JSON object with "dtype" ("float32", "float16", "bfloat16", "float64", "auto": as stored, the default) and "max_shard_size" ("50GB")
 * @cancellable: (nullable): checked between pieces of the weights
 * @error: return location
 *
 * Writes the model as transformers writes it today: model.safetensors, or shards and their index, generation_config.json where there is one, and
 * config.json. The weights are those of the folder that the model was loaded from, with all their names, and with the adapter in them
 * if it was loaded with one, not what it computes with. Each file appears whole
 * or not at all, config.json last. The tokenizer and the preprocessor have functions of their own.
 *
 * Fails with %GTF_ERROR_NOT_FOUND or %GTF_ERROR_INVALID_DATA (the model's folder is not what it was), %GTF_ERROR_IO, %GTF_ERROR_INVALID_ARGUMENT (@options),
 * or %G_IO_ERROR_CANCELLED.
 *
 * Returns: whether all is written
 */
gboolean
gtf_model_save_pretrained (GtfModel *self, const char *directory, const char *options, GCancellable *cancellable, GError **error)
{
  const char *from = gtf_model_get_directory (self);
  g_autofree char *config = g_build_filename (from, "config.json", NULL), *new_config = g_build_filename (directory, "config.json", NULL);
  g_autoptr (GtfSafetensors) weights = NULL;
  GtfSaveOptions parsed = { 0 };

  if (!parse_options (options, &parsed, error))
    return FALSE;
  if (g_mkdir_with_parents (directory, 0777) < 0)
    {
      gtf_file_fail (error, directory, "cannot be created", errno);
      return FALSE;
    }
  return (weights = gtf_safetensors_open (from, error)) && (!self->adapter || gtf_adapter_apply (weights, self->adapter, error)) && gtf_weights_save (weights, directory, "model", &parsed, cancellable, error)
         && gtf_file_copy_named (from, directory, "generation_config.json", error) && copy_config (config, new_config, parsed.dtype, error);
}
