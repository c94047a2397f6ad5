/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A table of fields names each key once with its type and bounds; alternatives ("hidden_size|d_model") cover the spellings of
 * transformers 4 and 5 and of related models. null counts as absent, as it does in transformers' classes.
 */
#include "model/config.h"
#include "model/config-private.h"

#include <string.h>
#include "base/json.h"
#include "base/params.h"
#include "base/quote.h"
#include "model/inner-model.h"
#include "model/timm.h"

struct _GtfConfig
{
  char *path;
  JsonObject *object;
  const char *model_type;
  const char *architecture;
  GPtrArray *lists;         /* what GTF_CONFIG_LIST fields point to */
  GPtrArray *inner;         /* GtfInnerModel: what GTF_CONFIG_MODEL fields point to */
};

void
gtf_config_free (GtfConfig *self)
{
  if (!self)
    return;
  g_clear_pointer (&self->object, json_object_unref);
  g_clear_pointer (&self->lists, g_ptr_array_unref);
  g_clear_pointer (&self->inner, g_ptr_array_unref);
  g_free (self->path);
  g_free (self);
}

static gboolean
read_names (GtfConfig *self, GError **error)
{
  const char *path = self->path;
  JsonNode *node = gtf_json_find (self->object, "model_type");

  if (!node)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"model_type\" is missing: it says which architecture this is", path);
      return FALSE;
    }
  if (!(self->model_type = gtf_param_get_string (node, path, "model_type", error)))
    return FALSE;
  node = gtf_json_find (self->object, "architectures");
  if (node && !JSON_NODE_HOLDS_ARRAY (node))
    {
      g_autofree char *found = gtf_json_describe (node);

      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"architectures\": expected a list of class names, found %s", path, found);
      return FALSE;
    }
  if (!node || json_array_get_length (json_node_get_array (node)) == 0)
    return TRUE;
  node = json_array_get_element (json_node_get_array (node), 0);
  return (self->architecture = gtf_param_get_string (node, path, "architectures", error)) != NULL;
}

/* "dtype" as PyTorch calls its types, or an object with one for each part of a composite model. */
static gboolean
check_dtype (GtfConfig *self, const char *key, GError **error)
{
  static const char *const names[] = { "float32", "float", "float16", "half", "bfloat16", "float64", "double", "float8_e4m3fn", "float8_e5m2", "auto", NULL };
  JsonNode *node = gtf_json_find (self->object, key);
  g_autofree char *quoted = NULL;
  const char *name;

  if (!node || JSON_NODE_HOLDS_OBJECT (node))
    return TRUE;
  name = gtf_param_get_string (node, self->path, key, error);
  if (!name)
    return FALSE;
  if (g_strv_contains (names, name))
    return TRUE;
  quoted = gtf_quote (name, -1);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\": expected the name of a floating-point type of PyTorch (\"float32\"), found the string \"%s\"",
               self->path, key, quoted);
  return FALSE;
}

/* Keys that any config may have, whether or not something reads them later. */
static gboolean
check_common (GtfConfig *self, GError **error)
{
  JsonNode *tied = gtf_json_find (self->object, "tie_word_embeddings");
  gboolean value;

  return check_dtype (self, "dtype", error) && check_dtype (self, "torch_dtype", error)
         && (!tied || gtf_param_get_bool (tied, self->path, "tie_word_embeddings", &value, error));
}

GtfConfig *
gtf_config_new_object (const char *path, JsonObject *object, GError **error)
{
  g_autoptr (GtfConfig) self = g_new0 (GtfConfig, 1);

  self->path = g_strdup (path);
  self->object = object;
  gtf_timm_complete_config (object);
  self->lists = g_ptr_array_new_with_free_func (g_free);
  self->inner = g_ptr_array_new_with_free_func (gtf_inner_model_free);
  if (read_names (self, error) && check_common (self, error))
    return g_steal_pointer (&self);
  gtf_param_as_data_error (error);
  return NULL;
}

GtfConfig *
gtf_config_parse (const char *path, const char *text, gssize length, GError **error)
{
  JsonObject *object = gtf_json_parse_object (path, text, length, GTF_JSON_PYTHON, error);

  return object ? gtf_config_new_object (path, object, error) : NULL;
}

GtfConfig *
gtf_config_load (const char *directory, GError **error)
{
  g_autofree char *path = g_build_filename (directory, "config.json", NULL);
  JsonObject *object = gtf_json_load_object (path, error);

  return object ? gtf_config_new_object (path, object, error) : NULL;
}

JsonObject *
gtf_config_get_object (GtfConfig *self)
{
  return self->object;
}

const char *
gtf_config_get_path (GtfConfig *self)
{
  return self->path;
}

const char *
gtf_config_get_model_type (GtfConfig *self)
{
  return self->model_type;
}

const char *
gtf_config_get_architecture (GtfConfig *self)
{
  return self->architecture;
}

const char *
gtf_config_get_dtype (GtfConfig *self)
{
  JsonNode *node = gtf_json_find (self->object, "dtype");

  if (!node)
    node = gtf_json_find (self->object, "torch_dtype");
  if (!node || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;
  return json_node_get_string (node);
}

gboolean
gtf_config_read_int (GtfConfig *self, const char *key, gint64 minimum, gint64 maximum, gint64 *value, GError **error)
{
  JsonNode *node = gtf_json_find (self->object, key);

  if (!node || gtf_param_get_int (node, self->path, key, minimum, maximum, value, error))
    return TRUE;
  gtf_param_as_data_error (error);
  return FALSE;
}

/* ---- the table ------------------------------------------------------------------------------------------------------ */

gboolean
gtf_activation_from_name (const char *name, GtfActivation *activation)
{
  static const struct { const char *name; GtfActivation activation; } names[] = {
    { "relu", GTF_ACTIVATION_RELU }, { "gelu", GTF_ACTIVATION_GELU }, { "gelu_python", GTF_ACTIVATION_GELU }, { "gelu_new", GTF_ACTIVATION_GELU_TANH },
    { "gelu_fast", GTF_ACTIVATION_GELU_TANH }, { "gelu_pytorch_tanh", GTF_ACTIVATION_GELU_TANH }, { "gelu_python_tanh", GTF_ACTIVATION_GELU_TANH },
    { "gelu_accurate", GTF_ACTIVATION_GELU_TANH }, { "gelu_10", GTF_ACTIVATION_GELU_10 }, { "quick_gelu", GTF_ACTIVATION_GELU_QUICK },
    { "silu", GTF_ACTIVATION_SILU }, { "swish", GTF_ACTIVATION_SILU }, { "tanh", GTF_ACTIVATION_TANH }, { "sigmoid", GTF_ACTIVATION_SIGMOID },
    { "linear", GTF_ACTIVATION_NONE }, { "relu2", GTF_ACTIVATION_RELU2 }, { "relu6", GTF_ACTIVATION_RELU6 }, { "leaky_relu", GTF_ACTIVATION_LEAKY_RELU },
    { "elu", GTF_ACTIVATION_ELU }, { "hardswish", GTF_ACTIVATION_HARDSWISH }, { "mish", GTF_ACTIVATION_MISH }, { "laplace", GTF_ACTIVATION_LAPLACE },
    { "softplus", GTF_ACTIVATION_SOFTPLUS }, { "sqrtsoftplus", GTF_ACTIVATION_SQRT_SOFTPLUS }, { "hardsigmoid", GTF_ACTIVATION_HARDSIGMOID },
    /* timm's names */
    { "gelu_tanh", GTF_ACTIVATION_GELU_TANH }, { "hard_swish", GTF_ACTIVATION_HARDSWISH }, { "hard_sigmoid", GTF_ACTIVATION_HARDSIGMOID },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i].name) == 0)
      {
        *activation = names[i].activation;
        return TRUE;
      }
  return FALSE;
}

/* A name with what stands before GTF_CONFIG_OF_EACH only. */
static JsonNode *
find_name (JsonObject *object, const char *name)
{
  const char *each = strstr (name, GTF_CONFIG_OF_EACH);
  g_autofree char *list = each ? g_strndup (name, (gsize) (each - name)) : NULL;

  return gtf_json_find (object, list ? list : name);
}

/* The first alternative that is there; *key becomes its name, or that of the first if none is. */
static JsonNode *
find_field (JsonObject *object, const char *keys, char **key)
{
  g_auto (GStrv) names = g_strsplit (keys, "|", -1);

  for (char **name = names; *name; name++)
    {
      JsonNode *node = find_name (object, *name);

      if (node)
        {
          *key = g_strdup (*name);
          return node;
        }
    }
  *key = g_strdup (names[0] ? names[0] : "");
  return NULL;
}

static void
use_fallback (const GtfConfigField *field, gpointer out)
{
  GtfActivation activation = GTF_ACTIVATION_NONE;

  switch (field->type)
    {
    case GTF_CONFIG_INT:
    case GTF_CONFIG_COUNT:
      *(gint64 *) out = (gint64) field->fallback;
      break;
    case GTF_CONFIG_FLOAT:
      *(double *) out = field->fallback;
      break;
    case GTF_CONFIG_BOOL:
      *(gboolean *) out = field->fallback != 0;
      break;
    case GTF_CONFIG_ACTIVATION:
      if (field->fallback_string && !gtf_activation_from_name (field->fallback_string, &activation))
        g_critical ("a plugin's fallback activation \"%s\" is unknown", field->fallback_string);
      *(GtfActivation *) out = activation;
      break;
    case GTF_CONFIG_STRING:
    case GTF_CONFIG_LIST:
      *(const char **) out = field->fallback_string;
      break;
    default:
      break;
    }
}

static gboolean
read_activation (JsonNode *node, const char *path, const char *key, GtfActivation *out, GError **error)
{
  static const char *const trained[] = { "prelu", "xielu", NULL };      /* modules of transformers with weights of their own */
  const char *name = gtf_param_get_string (node, path, key, error);
  g_autofree char *quoted = NULL;

  if (!name)
    return FALSE;
  if (gtf_activation_from_name (name, out))
    return TRUE;
  quoted = gtf_quote (name, -1);
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"%s\": the activation \"%s\" %s", path, key, quoted,
               g_strv_contains (trained, name) ? "has weights of its own, which are not read" : "is unknown");
  return FALSE;
}

/* id2label is an object (an array in some old files); num_labels is a number. */
static gboolean
read_count (const GtfConfigField *field, JsonNode *node, const char *path, const char *key, gint64 *out, GError **error)
{
  gint64 n;

  if (!JSON_NODE_HOLDS_OBJECT (node) && !JSON_NODE_HOLDS_ARRAY (node))
    return gtf_param_get_int (node, path, key, (gint64) field->minimum, (gint64) field->maximum, out, error);
  n = JSON_NODE_HOLDS_OBJECT (node) ? json_object_get_size (json_node_get_object (node)) : json_array_get_length (json_node_get_array (node));
  if (n >= (gint64) field->minimum && n <= (gint64) field->maximum)
    {
      *out = n;
      return TRUE;
    }
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\" has %" G_GINT64_FORMAT " members, expected %.0f to %.0f", path, key, n, field->minimum,
               field->maximum);
  return FALSE;
}

static gboolean
read_field (GtfConfig *self, const GtfConfigField *field, JsonNode *node, const char *path, const char *key, gpointer out, GError **error)
{
  switch (field->type)
    {
    case GTF_CONFIG_INT:
      return gtf_param_get_int (node, path, key, (gint64) field->minimum, (gint64) field->maximum, out, error);
    case GTF_CONFIG_COUNT:
      return read_count (field, node, path, key, out, error);
    case GTF_CONFIG_FLOAT:
      return gtf_param_get_float (node, path, key, field->minimum, field->maximum, out, error);
    case GTF_CONFIG_BOOL:
      return gtf_param_get_bool (node, path, key, out, error);
    case GTF_CONFIG_ACTIVATION:
      return read_activation (node, path, key, out, error);
    case GTF_CONFIG_STRING:
      return (*(const char **) out = gtf_param_get_string (node, path, key, error)) != NULL;
    case GTF_CONFIG_LIST:
      return gtf_config_read_list (self->lists, node, path, key, out, error);
    default:
      return TRUE;
    }
}

void
gtf_config_keep_inner (GtfConfig *self, GtfInnerModel *inner)
{
  g_ptr_array_add (self->inner, inner);
}

gboolean
gtf_config_fill (GtfConfig *self, const GtfConfigField *fields, gpointer out, GError **error)
{
  for (const GtfConfigField *field = fields; field->type != GTF_CONFIG_END; field++)
    {
      g_autofree char *key = NULL;
      JsonNode *node = find_field (self->object, field->keys, &key);
      gpointer to = (char *) out + field->offset;

      if (field->type == GTF_CONFIG_MODEL)
        {
          if (!gtf_inner_model_read (self, field, to, error))
            return FALSE;
          continue;
        }
      if (!node && field->required)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\" is missing (model_type \"%s\" needs it)", self->path, key, self->model_type);
          return FALSE;
        }
      use_fallback (field, to);
      if (field->type == GTF_CONFIG_LIST && strstr (field->keys, GTF_CONFIG_BY_NUMBER) != NULL && !gtf_config_read_numbered (self->lists, self->object, self->path, field->keys, to, error))
        return FALSE;
      if (field->type == GTF_CONFIG_NULL)
        *(gboolean *) to = json_object_has_member (self->object, field->keys) && json_object_get_null_member (self->object, field->keys);
      if (node && !read_field (self, field, node, self->path, key, to, error))
        {
          gtf_param_as_data_error (error);
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
gtf_dim_resolve (const GtfDim *dim, gconstpointer config, gint64 *value)
{
  gint64 v = dim->factor;

  if (dim->offset >= 0 && __builtin_mul_overflow (v, *(const gint64 *) ((const char *) config + dim->offset), &v))
    return FALSE;
  *value = v;
  return v >= 0;
}
