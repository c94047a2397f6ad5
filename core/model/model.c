/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model: config, architecture and packed weights, immutable once loaded and shared.
 *
 * Sharing goes through a weak table: folder, options, head and the state of the folder's files make the key. Whoever comes while another
 * thread loads the same model waits for it, so that two elements with one model hold one copy of the weights.
 */
#include "model/model-private.h"

#include <string.h>
#include <sys/stat.h>
#include "base/json.h"
#include "model/adapter.h"
#include "model/inner-model.h"
#include "model/options.h"
#include "model/safetensors.h"
#include "model/timm.h"
#include "registry/registry.h"

/**
 * GtfModel:
 *
 * A model as a repository has it: its config, the module that knows its architecture, and its weights, packed for this CPU.
 */
G_DEFINE_FINAL_TYPE (GtfModel, gtf_model, G_TYPE_OBJECT)

static void
gtf_model_finalize (GObject *object)
{
  GtfModel *self = GTF_MODEL (object);

  gtf_weight_store_free (self->store);
  g_free (self->weights);
  g_free (self->config);
  gtf_config_free (self->config_file);
  g_free (self->directory);
  g_free (self->adapter);
  g_free (self->dtype);
  G_OBJECT_CLASS (gtf_model_parent_class)->finalize (object);
}

static void
gtf_model_class_init (GtfModelClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gtf_model_finalize;
}

static void
gtf_model_init (GtfModel *self)
{
}

/* ---- loading -------------------------------------------------------------------------------------------------------- */

/* Finds the plugin and the head that config and task ask for. What the head can do is told by its tasks. */
static gboolean
find_architecture (GtfModel *self, const char *task, GError **error)
{
  const char *path = gtf_config_get_path (self->config_file), *class_name = gtf_config_get_architecture (self->config_file);
  JsonNode *quantized = gtf_json_find (gtf_config_get_object (self->config_file), "quantization_config.quant_method");

  self->architecture = gtf_timm_find_architecture (gtf_config_get_model_type (self->config_file), gtf_config_get_object (self->config_file), &self->plugin, error);
  if (!self->architecture)
    {
      g_prefix_error (error, "%s: ", path);
      return FALSE;
    }
  if (quantized)
    {
      g_autofree char *method = gtf_json_describe (quantized);

      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"quantization_config\": weights quantised by %s cannot be read; use the original repository",
                   path, method);
      return FALSE;
    }
  self->class_name = self->adapter ? gtf_adapter_class (self->adapter) : NULL;
  if (!self->class_name)
    self->class_name = class_name;
  gtf_model_choose_head (self, task);
  if (self->head)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"architectures\": the module gtf-%s.so has no %s", path, self->plugin->head.name,
               class_name ? class_name : "bare model");
  return FALSE;
}

/* "auto": what the config says, else what most of the first tensors are. */
static GtfDtype
stored_dtype (GtfModel *self, const GtfSafetensors *files)
{
  const char *name = gtf_config_get_dtype (self->config_file);
  GtfDtype dtype = GTF_DTYPE_INVALID;

  if (name && gtf_compute_dtype_parse (name, &dtype, NULL) && dtype != GTF_DTYPE_INVALID)
    return dtype;
  for (guint i = 0; i < gtf_safetensors_get_n_tensors (files); i++)
    {
      dtype = gtf_safetensors_get (files, i)->dtype;
      if (dtype == GTF_DTYPE_F32 || dtype == GTF_DTYPE_F16 || dtype == GTF_DTYPE_BF16)
        return dtype;
    }
  return GTF_DTYPE_F32;
}

static gboolean
load_weights (GtfModel *self, const GtfModelOptions *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfSafetensors) files = gtf_safetensors_open (self->directory, error);
  g_autoptr (GtfBinding) binding = NULL;
  GtfDtype dtype;

  if (!files)
    return FALSE;
  dtype = options->dtype == GTF_DTYPE_INVALID ? stored_dtype (self, files) : options->dtype;
  if (options->adapter && !gtf_adapter_apply (files, options->adapter, error))
    return FALSE;
  self->dtype = g_strdup (gtf_compute_dtype_name (dtype));
  binding = gtf_model_bind (self, files, options->task, error);
  return binding && gtf_binding_pack (binding, files, dtype, self->store, self->pool, cancellable, error);
}

/* What there is before the weights: enough to tell whether the model is loaded already. */
static GtfModel *
prepare (const char *directory, const GtfModelOptions *options, GError **error)
{
  g_autoptr (GtfModel) self = g_object_new (GTF_TYPE_MODEL, NULL);

  self->directory = g_strdup (directory);
  self->adapter = g_strdup (options->adapter);
  self->config_file = gtf_config_load (directory, error);
  if (!self->config_file || !find_architecture (self, options->task, error))
    return NULL;
  return g_steal_pointer (&self);
}

static gboolean
load (GtfModel *self, const GtfModelOptions *options, GCancellable *cancellable, GError **error)
{
  self->pool = gtf_pool_get ((guint) options->threads);
  self->config = gtf_config_make (self->config_file, self->architecture, error);
  return self->config && load_weights (self, options, cancellable, error);
}

/* ---- sharing -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  GWeakRef model;
  gboolean loading;
  guint users;              /* who look at the entry now: it is removed only when there is none */
} Shared;

static GMutex shared_mutex;
static GCond shared_cond;
static GHashTable *shared;  /* key -> Shared */

static void
shared_free (gpointer data)
{
  Shared *entry = data;

  g_weak_ref_clear (&entry->model);
  g_free (entry);
}

/* What tells one state of a file from another. */
static void
append_stamp (GString *key, const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  struct stat st;

  if (stat (path, &st) == 0)
    g_string_append_printf (key, "|%" G_GUINT64_FORMAT ":%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ".%ld", (guint64) st.st_ino, (gint64) st.st_size,
                            (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* Without the head, which is known when config.json has been read. */
static GString *
make_key (const char *directory, const GtfModelOptions *options)
{
  g_autofree char *path = g_canonicalize_filename (directory, NULL);
  GString *key = g_string_new (path);

  g_string_append_printf (key, "|%d|%" G_GINT64_FORMAT, options->dtype, options->threads);
  append_stamp (key, directory, "config.json");
  append_stamp (key, directory, "model.safetensors");
  append_stamp (key, directory, "model.safetensors.index.json");
  append_stamp (key, directory, "pytorch_model.bin");
  append_stamp (key, directory, "pytorch_model.bin.index.json");
  if (options->adapter)
    {
      g_autofree char *adapter = g_canonicalize_filename (options->adapter, NULL);

      g_string_append_printf (key, "|%s", adapter);
      append_stamp (key, adapter, "adapter_config.json");
      append_stamp (key, adapter, "adapter_model.safetensors");
      append_stamp (key, adapter, "adapter_model.bin");
    }
  return key;
}

/* Entries whose model is gone. The caller holds the lock. */
static gboolean
is_stale (gpointer key, gpointer value, gpointer data)
{
  Shared *entry = value;
  g_autoptr (GObject) model = entry->loading || entry->users ? NULL : g_weak_ref_get (&entry->model);

  return !entry->loading && !entry->users && !model;
}

/* The entry of a key, made if need be. The caller holds the lock. */
static Shared *
shared_entry (const char *key)
{
  Shared *entry;

  if (!shared)
    shared = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, shared_free);
  g_hash_table_foreach_remove (shared, is_stale, NULL);
  entry = g_hash_table_lookup (shared, key);
  if (!entry)
    {
      entry = g_new0 (Shared, 1);
      g_weak_ref_init (&entry->model, NULL);
      g_hash_table_insert (shared, g_strdup (key), entry);
    }
  return entry;
}

/**
 * gtf_model_load:
 * @directory: the folder of a repository (config.json, *.safetensors), already resolved
 * @options: (nullable): a JSON object with "dtype" ("float32", the default; "bfloat16", "float16", "int8", "auto": as stored; "fp32",
 *   "bf16", "fp16"), "threads" (0: one a core, or as GTF_THREADS has it), "task" (what the model is for, e.g. "text-classification") and
 *   "adapter" (the folder of a LoRA adapter as PEFT writes it, which becomes part of the weights)
 * @cancellable: (nullable): checked between pieces of the weights
 * @error: return location
 *
 * Loads a model: reads its config, finds the module of its architecture, reads and packs its weights. A model is immutable and may
 * be used by any number of sessions in any threads. Loading the same folder with the same options while the model is
 * alive gives the same object; who comes while another thread loads it waits for that. Tasks that take the same head share it too.
 *
 * Where config.json names no class, one that is unknown, or the bare model, and that cannot do "task", the head is that of the task, as the AutoModelFor... classes of
 * transformers have it. If the weights of that head are not there, a class that is named counts after all; without one that is an
 * error. A class that can do the task, but whose weights are not all there, gives way to the head of the task. Without "task", and where
 * no head can do it, no class or one that the module does not know is the bare model: it gives features only.
 *
 * With "adapter" the class is the one of its task_type, if it has any.
 *
 * Fails with %GTF_ERROR_NOT_FOUND (no config or weights), %GTF_ERROR_INVALID_DATA (a file is broken, or tensors do not fit
 * the config), %GTF_ERROR_UNSUPPORTED (no module for this architecture, a format that is not read), %GTF_ERROR_PLUGIN (a module that
 * cannot be used), %GTF_ERROR_INVALID_ARGUMENT (@options), %GTF_ERROR_NO_MEMORY, or %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): the model
 */
GtfModel *
gtf_model_load (const char *directory, const char *options, GCancellable *cancellable, GError **error)
{
  g_auto (GtfModelOptions) parsed = { 0 };
  g_autoptr (GtfModel) fresh = NULL;
  g_autoptr (GString) key = NULL;
  GtfModel *model;
  Shared *entry;

  g_return_val_if_fail (directory != NULL, NULL);
  if (!gtf_model_options_parse (options, &parsed, error))
    return NULL;
  key = make_key (directory, &parsed);
  fresh = prepare (directory, &parsed, error);
  if (!fresh)
    return NULL;
  g_string_append_printf (key, "|%s|%s", fresh->head->class_suffix, fresh->other_head ? fresh->other_head->class_suffix : "");
  g_mutex_lock (&shared_mutex);
  entry = shared_entry (key->str);
  entry->users++;
  while (entry->loading)
    g_cond_wait (&shared_cond, &shared_mutex);
  model = g_weak_ref_get (&entry->model);
  entry->loading = model == NULL;
  g_mutex_unlock (&shared_mutex);
  if (!model && load (fresh, &parsed, cancellable, error))
    model = g_steal_pointer (&fresh);
  g_mutex_lock (&shared_mutex);
  if (entry->loading)
    {
      g_weak_ref_set (&entry->model, model);
      entry->loading = FALSE;
      g_cond_broadcast (&shared_cond);
    }
  entry->users--;
  g_mutex_unlock (&shared_mutex);
  return model;
}

/* ---- what it is ----------------------------------------------------------------------------------------------------- */

/**
 * gtf_model_get_model_type:
 * @self: a model
 *
 * Returns: "model_type" of its config.json, e.g. "whisper"
 */
const char *
gtf_model_get_model_type (GtfModel *self)
{
  return gtf_config_get_model_type (self->config_file);
}

/**
 * gtf_model_get_directory:
 * @self: a model
 *
 * Returns: (type filename): the folder it was loaded from
 */
const char *
gtf_model_get_directory (GtfModel *self)
{
  return self->directory;
}

/**
 * gtf_model_get_architecture:
 * @self: a model
 *
 * Returns: (nullable): the class that its config.json names, e.g. "WhisperForConditionalGeneration"
 */
const char *
gtf_model_get_architecture (GtfModel *self)
{
  return gtf_config_get_architecture (self->config_file);
}

/**
 * gtf_model_get_dtype:
 * @self: a model
 *
 * Returns: the type it computes in: "float32", "bfloat16", "float16" or "int8"; activations are float32 always
 */
const char *
gtf_model_get_dtype (GtfModel *self)
{
  return self->dtype;
}

/**
 * gtf_model_can:
 * @self: a model
 * @ability: "forward", "encode" or "decode"
 *
 * Returns: whether its architecture has this function
 */
gboolean
gtf_model_can (GtfModel *self, const char *ability)
{
  if (strcmp (ability, "forward") == 0)
    return self->architecture->forward != NULL;
  if (strcmp (ability, "encode") == 0)
    return self->architecture->encode != NULL;
  if (strcmp (ability, "decode") == 0)
    return self->architecture->decode != NULL;
  return FALSE;
}

/* The number of a key that the architecture's table has: from the file, or its default there. */
static const gint64 *
find_config_int (GtfModel *self, const char *key)
{
  for (const GtfConfigField *field = self->architecture->config; field->type != GTF_CONFIG_END; field++)
    {
      g_auto (GStrv) keys = field->type == GTF_CONFIG_INT ? g_strsplit (field->keys, "|", -1) : NULL;

      if (keys && g_strv_contains ((const char *const *) keys, key))
        return (const gint64 *) ((const char *) self->config + field->offset);
    }
  return NULL;
}

/**
 * gtf_model_get_config_int:
 * @self: a model
 * @key: a key of config.json; dots descend into objects
 * @value: (out): the number
 *
 * A number that may or may not be there: where config.json does not have it, the default of the architecture counts. A value
 * that is no integer is not there; [method@Model.read_config_int] tells the two apart.
 *
 * Returns: whether the key is there and holds an integer
 */
gboolean
gtf_model_get_config_int (GtfModel *self, const char *key, gint64 *value)
{
  gint64 found = G_MININT64;

  if (!gtf_model_read_config_int (self, key, G_MININT64 + 1, G_MAXINT64, &found, NULL) || found == G_MININT64)
    return FALSE;
  *value = found;
  return TRUE;
}

/**
 * gtf_model_read_config_int:
 * @self: a model
 * @key: a key of config.json; dots descend into objects
 * @minimum: the least that it may be
 * @maximum: the most that it may be
 * @value: (inout): the number; stays as it is where the key is absent or null and the architecture has no default for it
 * @error: return location
 *
 * Reads a number of config.json that only a task knows. Errors: %GTF_ERROR_INVALID_DATA, naming file and key, for a value of
 * another type or out of bounds.
 *
 * Returns: whether @value can be used
 */
gboolean
gtf_model_read_config_int (GtfModel *self, const char *key, gint64 minimum, gint64 maximum, gint64 *value, GError **error)
{
  const gint64 *known = find_config_int (self, key);

  if (!known)
    return gtf_config_read_int (self->config_file, key, minimum, maximum, value, error);
  *value = *known;
  if (*known >= minimum && *known <= maximum)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\": expected an integer from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", found %" G_GINT64_FORMAT,
               gtf_config_get_path (self->config_file), key, minimum, maximum, *known);
  return FALSE;
}

/**
 * gtf_model_get_config_string:
 * @self: a model
 * @key: a key of config.json; dots descend into objects
 *
 * Returns: (nullable): the string, or %NULL if the key is not there or holds something else
 */
const char *
gtf_model_get_config_string (GtfModel *self, const char *key)
{
  JsonNode *node = gtf_json_find (gtf_config_get_object (self->config_file), key);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

/**
 * gtf_model_get_tasks:
 * @self: a model
 *
 * What the head of its class can do, as the module of its architecture declares it.
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): names of tasks
 */
const char *const *
gtf_model_get_tasks (GtfModel *self)
{
  return self->head->tasks;
}

gint64
gtf_model_get_dim (GtfModel *self, const GtfDim *dim)
{
  gint64 value;

  return gtf_dim_resolve (dim, self->config, &value) ? value : 0;
}
