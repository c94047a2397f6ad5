/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * LoRA adapters (adapter.h). Each pair A, B becomes a GtfAdaptation of the tensor that it changes (adapted.c computes it); all other tensors of the adapter
 * take the place of the base's, or are new.
 */
#include "model/adapter.h"

#include <math.h>
#include <string.h>
#include "base/json.h"
#include "base/params.h"
#include "base/quote.h"
#include "model/adapted.h"
#include "model/safetensors-private.h"
#include "tensor/tensor-private.h"

#define PREFIX "base_model.model."
#define CONFIG "adapter_config.json"

typedef struct
{
  GtfSafetensors *files, *adapter;
  const char *directory;
  JsonObject *config;
  gboolean transposed, rank_stabilised;
} Job;

static JsonObject *
load_config (const char *directory, GError **error)
{
  g_autofree char *path = g_build_filename (directory, CONFIG, NULL);

  return gtf_json_load_object (path, error);
}

static const char *
string_of (JsonObject *config, const char *key)
{
  JsonNode *node = gtf_json_find (config, key);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static gboolean
flag_of (JsonObject *config, const char *key)
{
  JsonNode *node = gtf_json_find (config, key);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN && json_node_get_boolean (node);
}

gboolean
gtf_adapter_is_in (const char *directory)
{
  g_autofree char *path = g_build_filename (directory, CONFIG, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

char *
gtf_adapter_base (const char *directory, char **revision, GError **error)
{
  g_autoptr (JsonObject) config = load_config (directory, error);
  const char *base = config ? string_of (config, "base_model_name_or_path") : NULL;

  *revision = base ? g_strdup (string_of (config, "revision")) : NULL;
  if (config && !base)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s/" CONFIG ": \"base_model_name_or_path\": expected the repository that the adapter belongs to; name that as the model and this as the adapter",
                 directory);
  return g_strdup (base);
}

const char *
gtf_adapter_class (const char *directory)
{
  static const char *const classes[][2] = {
    { "SEQ_CLS", "ForSequenceClassification" }, { "TOKEN_CLS", "ForTokenClassification" }, { "QUESTION_ANS", "ForQuestionAnswering" },
    { "FEATURE_EXTRACTION", "Model" }, { "CAUSAL_LM", "ForCausalLM" }, { "SEQ_2_SEQ_LM", "ForConditionalGeneration" },
  };
  g_autoptr (JsonObject) config = load_config (directory, NULL);
  const char *task = config ? string_of (config, "task_type") : NULL;

  for (guint i = 0; task && i < G_N_ELEMENTS (classes); i++)
    if (strcmp (task, classes[i][0]) == 0)
      return classes[i][1];
  return NULL;
}

/* ---- which tensor of the base --------------------------------------------------------------------------------------------- */

static gboolean
ends_with_part (const char *name, const char *end)
{
  const gsize n = strlen (name), m = strlen (end);

  return n > m && name[n - m - 1] == '.' && strcmp (name + n - m, end) == 0;
}

/* A checkpoint may have a prefix that the adapter's model had not, or the other way round. */
static GtfStoredTensor *
find_base (const GtfSafetensors *files, const char *name)
{
  GtfStoredTensor *found = g_hash_table_lookup (files->by_name, name);

  for (guint i = 0; i < files->tensors->len && !found; i++)
    {
      GtfStoredTensor *t = files->tensors->pdata[i];

      if (ends_with_part (t->name, name) || ends_with_part (name, t->name))
        found = t;
    }
  return found;
}

/* ---- low-rank changes -------------------------------------------------------------------------------------------------------- */

/* The alpha of a module: that of the first pattern that it matches, as PEFT does, or the one of all. */
static gboolean
read_alpha (const Job *job, const char *module, double *alpha, GError **error)
{
  JsonNode *patterns = gtf_json_find (job->config, "alpha_pattern"), *node = gtf_json_find (job->config, "lora_alpha");
  JsonObject *object = patterns && JSON_NODE_HOLDS_OBJECT (patterns) ? json_node_get_object (patterns) : NULL;
  g_autoptr (GList) keys = object ? json_object_get_members (object) : NULL;
  g_autofree char *path = g_build_filename (job->directory, CONFIG, NULL);

  for (GList *at = keys; at; at = at->next)
    {
      g_autofree char *pattern = g_strdup_printf ("^(.*\\.)?(%s)$", (const char *) at->data);
      g_autoptr (GRegex) regex = g_regex_new (pattern, 0, 0, NULL);

      if (!regex)
        {
          g_autofree char *quoted = gtf_quote (at->data, -1);

          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s/" CONFIG ": \"alpha_pattern\": \"%s\" is no pattern", job->directory, quoted);
          return FALSE;
        }
      if (g_regex_match (regex, module, 0, NULL))
        {
          node = json_object_get_member (object, at->data);
          break;
        }
    }
  *alpha = 8;                   /* PEFT's default */
  if (!node || gtf_param_get_float (node, path, "lora_alpha", -G_MAXDOUBLE, G_MAXDOUBLE, alpha, error))
    return TRUE;
  gtf_param_as_data_error (error);
  return FALSE;
}

/* A tensor of the adapter as float32 [rows][cols], or turned. NULL after the error. */
static float *
read_matrix (const Job *job, const GtfStoredTensor *t, gboolean turned, GError **error)
{
  const gint64 rows = t->shape[0], cols = t->n_dims > 1 ? t->shape[1] : 1;
  g_autofree float *plain = g_try_new (float, t->n_elements + 1), *other = NULL;

  if (plain && !gtf_safetensors_read_f32 (job->adapter, t, 0, t->n_elements, plain, error))
    return NULL;
  if (plain && !turned)
    return g_steal_pointer (&plain);
  other = plain ? g_try_new (float, t->n_elements + 1) : NULL;
  if (!other)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for \"%s\"", t->path, t->name);
      return NULL;
    }
  for (gint64 i = 0; i < rows; i++)
    for (gint64 j = 0; j < cols; j++)
      other[j * rows + i] = plain[i * cols + j];
  return g_steal_pointer (&other);
}

static gboolean
misfit (const Job *job, const GtfStoredTensor *a, const GtfStoredTensor *b, const GtfStoredTensor *base, GError **error)
{
  g_autofree char *left = gtf_shape_to_string (a->n_dims, a->shape), *right = gtf_shape_to_string (b->n_dims, b->shape), *whole = gtf_shape_to_string (base->n_dims, base->shape);

  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\" %s and \"%s\" %s do not fit \"%s\" %s of %s: is it the adapter of another model?", a->path, a->name, left, b->name, right,
               base->name, whole, base->path);
  return FALSE;
}

/* @module: "encoder.layer.0.attention.self.query"; @a: its A, of a table of words if @embedding. */
static gboolean
change (Job *job, const char *module, const GtfStoredTensor *a, gboolean embedding, GError **error)
{
  g_autofree char *b_name = g_strdup_printf (PREFIX "%s.lora_%sB%s", module, embedding ? "embedding_" : "", embedding ? "" : ".weight"), *name = g_strconcat (module, ".weight", NULL);
  g_autofree char *magnitude_name = g_strdup_printf (PREFIX "%s.lora_magnitude_vector", module), *weight_name = g_strconcat (magnitude_name, ".weight", NULL);
  const GtfStoredTensor *b = gtf_safetensors_find (job->adapter, b_name), *magnitude = gtf_safetensors_find (job->adapter, magnitude_name);
  GtfStoredTensor *base = find_base (job->files, name);
  const gboolean turned = embedding || job->transposed;
  g_autoptr (GtfAdaptation) change = g_new0 (GtfAdaptation, 1);
  double alpha;

  if (!magnitude)
    magnitude = gtf_safetensors_find (job->adapter, weight_name);
  if (!b || !base)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\": there is no \"%s\"%s", a->path, a->name, b ? name : b_name, b ? " in the model: is it the adapter of another one?" : "");
      return FALSE;
    }
  if (a->n_dims != 2 || b->n_dims != 2 || base->n_dims != 2 || a->shape[0] != b->shape[1] || a->shape[0] < 1 || a->shape[1] != base->shape[turned ? 0 : 1]
      || b->shape[0] != base->shape[turned ? 1 : 0] || (magnitude && (turned || (gint64) magnitude->n_elements != base->shape[0])))
    return misfit (job, a, b, base, error);
  if (!read_alpha (job, module, &alpha, error))
    return FALSE;
  change->plain = *base;
  change->rank = a->shape[0];
  change->scale = (float) (alpha / (job->rank_stabilised ? sqrt ((double) a->shape[0]) : (double) a->shape[0]));
  change->left = read_matrix (job, turned ? a : b, turned, error);
  change->right = change->left ? read_matrix (job, turned ? b : a, turned, error) : NULL;
  if (!change->right || (magnitude && !(change->magnitude = read_matrix (job, magnitude, FALSE, error))))
    return FALSE;
  gtf_adaptation_put (job->files, base, g_steal_pointer (&change));
  return TRUE;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------------- */

/* PEFT puts a layer around the one that it changes: "query.base_layer.bias" -> "query.bias". */
static char *
without_layer (const char *name)
{
  g_auto (GStrv) parts = g_strsplit (name, ".base_layer.", 2);

  return g_strjoinv (".", parts);
}

/* One tensor of the adapter: half of a pair, or one that counts as it is. */
static gboolean
take (Job *job, const GtfStoredTensor *t, GError **error)
{
  static const struct { const char *end; gboolean embedding; } pairs[] = { { ".lora_A.weight", FALSE }, { ".lora_embedding_A", TRUE } };
  g_autofree char *plain = NULL;
  static const char *const others[] = { ".lora_B.weight", ".lora_embedding_B", ".lora_magnitude_vector", ".lora_magnitude_vector.weight" };
  const char *name = t->name;

  if (!g_str_has_prefix (name, PREFIX))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"%s\": expected names that begin with " PREFIX, t->path, name);
      return FALSE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    if (g_str_has_suffix (name, pairs[i].end))
      {
        g_autofree char *module = g_strndup (name + strlen (PREFIX), strlen (name) - strlen (PREFIX) - strlen (pairs[i].end));

        return change (job, module, t, pairs[i].embedding, error);
      }
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    if (g_str_has_suffix (name, others[i]))
      return TRUE;
  if (strstr (name, ".lora_") || strstr (name, ".trainable_tokens"))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"%s\": tensors of this kind are not read; merge the adapter into its model with PEFT", t->path, name);
      return FALSE;
    }
  plain = without_layer (name + strlen (PREFIX));
  return gtf_adaptation_replace (job->files, find_base (job->files, plain), plain, job->adapter, t, error);
}

static GtfSafetensors *
open_weights (const char *directory, GError **error)
{
  g_autofree char *path = g_build_filename (directory, "adapter_model.safetensors", NULL), *old = g_build_filename (directory, "adapter_model.bin", NULL);

  return gtf_safetensors_open_file (!g_file_test (path, G_FILE_TEST_EXISTS) && g_file_test (old, G_FILE_TEST_EXISTS) ? old : path, error);
}

gboolean
gtf_adapter_apply (GtfSafetensors *files, const char *directory, GError **error)
{
  g_autoptr (JsonObject) config = load_config (directory, error);
  const char *kind = config ? string_of (config, "peft_type") : NULL;
  g_autoptr (GtfSafetensors) adapter = NULL;
  Job job = { files, NULL, directory, config };

  if (!config)
    return FALSE;
  if (g_strcmp0 (kind, "LORA") != 0)
    {
      g_autofree char *quoted = gtf_quote (kind ? kind : "", -1);

      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s/" CONFIG ": \"peft_type\": adapters of the type \"%s\" are not read, only LORA", directory, quoted);
      return FALSE;
    }
  job.adapter = adapter = open_weights (directory, error);
  job.transposed = flag_of (config, "fan_in_fan_out");
  job.rank_stabilised = flag_of (config, "use_rslora");
  for (guint i = 0; adapter && i < gtf_safetensors_get_n_tensors (adapter); i++)
    if (!take (&job, gtf_safetensors_get (adapter, i), error))
      return FALSE;
  return adapter != NULL;
}
