/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What follows the pooling in a sentence-transformers repository: Dense, LayerNorm, Normalize. They work on one vector a text, which is
 * nothing beside the transformer, so they are plain loops.
 */
#include "text/sentence-private.h"

#include <math.h>
#include <string.h>
#include "model/safetensors.h"

#define MAX_FEATURES (1 << 20)

void
sentence_module_free (SentenceModule *self)
{
  if (self == NULL)
    return;
  g_free (self->path);
  g_free (self->weight);
  g_free (self->bias);
  g_free (self->residual);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SentenceModule, sentence_module_free)

gboolean
sentence_activation_parse (const char *name, GtfActivation *activation)
{
  static const struct
  {
    const char *name;
    GtfActivation activation;
  } table[] = {
    { "Identity", GTF_ACTIVATION_NONE }, { "Tanh", GTF_ACTIVATION_TANH }, { "Sigmoid", GTF_ACTIVATION_SIGMOID },
    { "ReLU", GTF_ACTIVATION_RELU }, { "GELU", GTF_ACTIVATION_GELU }, { "SiLU", GTF_ACTIVATION_SILU },
  };
  const char *dot = strrchr (name, '.');

  if (!g_str_has_prefix (name, "torch."))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (strcmp (dot + 1, table[i].name) == 0)
      {
        *activation = table[i].activation;
        return TRUE;
      }
  return FALSE;
}

float
sentence_activate (GtfActivation activation, float x)
{
  switch (activation)
    {
    case GTF_ACTIVATION_TANH:
      return tanhf (x);
    case GTF_ACTIVATION_SIGMOID:
      return text_sigmoid (x);
    case GTF_ACTIVATION_RELU:
      return MAX (x, 0);
    case GTF_ACTIVATION_GELU:
      return x * 0.5f * (1 + erff (x * (float) G_SQRT2 / 2));
    case GTF_ACTIVATION_SILU:
      return x * text_sigmoid (x);
    default:
      return x;
    }
}

/* ---- loading ------------------------------------------------------------------------------------------------------------------- */

/* A tensor of @rows x @cols (cols 0: a vector). NULL with no error where it is optional and absent. */
static float *
read_tensor (const GtfSafetensors *files, const char *folder, const char *name, gsize rows, gsize cols, gboolean optional, GError **error)
{
  const GtfStoredTensor *t = gtf_safetensors_find (files, name);
  gsize n = rows * MAX (cols, 1);
  g_autofree float *values = NULL;

  if (t == NULL && optional)
    return NULL;
  if (t == NULL || t->n_dims != (cols ? 2 : 1) || (gsize) t->shape[0] != rows || (cols && (gsize) t->shape[1] != cols))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: tensor %s: expected %zu x %zu as config.json has it, found %s", folder, name, rows, MAX (cols, 1),
                   t ? "another shape" : "none");
      return NULL;
    }
  values = g_try_new (float, n);
  if (values == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: tensor %s: no memory for %zu numbers", folder, name, n);
      return NULL;
    }
  return gtf_safetensors_read_f32 (files, t, 0, n, values, error) ? g_steal_pointer (&values) : NULL;
}

static JsonObject *
load_config (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "config.json", NULL);

  return gtf_json_load_object (path, error);
}

static gboolean
dense_config (SentenceModule *self, JsonObject *config, gboolean *bias, GError **error)
{
  JsonNode *in = gtf_json_find (config, "in_features"), *out = gtf_json_find (config, "out_features"), *with_bias = gtf_json_find (config, "bias");
  JsonNode *activation = gtf_json_find (config, "activation_function"), *residual = gtf_json_find (config, "use_residual");
  const char *input = text_node_string (gtf_json_find (config, "module_input_name"));
  g_autofree char *path = g_build_filename (self->path, "config.json", NULL), *found = NULL;
  gint64 n_in, n_out;

  self->activation = GTF_ACTIVATION_TANH;
  *bias = TRUE;
  if (in == NULL || out == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"in_features\" and \"out_features\" are needed", path);
      return FALSE;
    }
  if (!gtf_param_get_int (in, path, "in_features", 1, MAX_FEATURES, &n_in, error) || !gtf_param_get_int (out, path, "out_features", 1, MAX_FEATURES, &n_out, error)
      || (with_bias && !gtf_param_get_bool (with_bias, path, "bias", bias, error))
      || (residual && !gtf_param_get_bool (residual, path, "use_residual", &self->adds_input, error)))
    return FALSE;
  self->in = (gsize) n_in;
  self->out = (gsize) n_out;
  if (activation && (text_node_string (activation) == NULL || !sentence_activation_parse (text_node_string (activation), &self->activation)))
    found = gtf_json_describe (activation);
  if (found)
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"activation_function\": expected Tanh, Identity, ReLU, GELU, SiLU or Sigmoid of torch.nn, found %s", path, found);
  else if (input && strcmp (input, "sentence_embedding") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"module_input_name\": expected sentence_embedding, found \"%s\"", path, input);
  else
    return TRUE;
  return FALSE;
}

SentenceModule *
sentence_dense_load (const char *folder, GError **error)
{
  g_autoptr (SentenceModule) self = g_new0 (SentenceModule, 1);
  g_autoptr (JsonObject) config = load_config (folder, error);
  g_autoptr (GtfSafetensors) files = NULL;
  gboolean bias;

  self->kind = SENTENCE_DENSE;
  self->path = g_strdup (folder);
  if (config == NULL || !dense_config (self, config, &bias, error))
    return NULL;
  files = gtf_safetensors_open (folder, error);
  if (files == NULL || (self->weight = read_tensor (files, folder, "linear.weight", self->out, self->in, FALSE, error)) == NULL)
    return NULL;
  if (bias && (self->bias = read_tensor (files, folder, "linear.bias", self->out, 0, FALSE, error)) == NULL)
    return NULL;
  if (self->adds_input && self->in != self->out && (self->residual = read_tensor (files, folder, "residual.weight", self->out, self->in, FALSE, error)) == NULL)
    return NULL;
  return g_steal_pointer (&self);
}

SentenceModule *
sentence_norm_load (const char *folder, GError **error)
{
  g_autoptr (SentenceModule) self = g_new0 (SentenceModule, 1);
  g_autoptr (JsonObject) config = load_config (folder, error);
  g_autoptr (GtfSafetensors) files = NULL;
  JsonNode *dimension = config ? gtf_json_find (config, "dimension") : NULL;
  gint64 n;

  self->kind = SENTENCE_NORM;
  self->path = g_strdup (folder);
  if (config == NULL)
    return NULL;
  if (dimension == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s/config.json: \"dimension\" is needed", folder);
      return NULL;
    }
  if (!gtf_param_get_int (dimension, folder, "dimension", 1, MAX_FEATURES, &n, error))
    return NULL;
  self->in = self->out = (gsize) n;
  files = gtf_safetensors_open (folder, error);
  if (files == NULL || (self->weight = read_tensor (files, folder, "norm.weight", self->in, 0, FALSE, error)) == NULL
      || (self->bias = read_tensor (files, folder, "norm.bias", self->in, 0, FALSE, error)) == NULL)
    return NULL;
  return g_steal_pointer (&self);
}

/* ---- applying ------------------------------------------------------------------------------------------------------------------ */

static float
dot (const float *a, const float *b, gsize n)
{
  float sums[8] = { 0 }, sum = 0;
  gsize i = 0;

  for (; i + 8 <= n; i += 8)
    for (gsize j = 0; j < 8; j++)
      sums[j] += a[i + j] * b[i + j];
  for (; i < n; i++)
    sum += a[i] * b[i];
  for (gsize j = 0; j < 8; j++)
    sum += sums[j];
  return sum;
}

void
sentence_normalize (float *x, gsize n)
{
  float length = sqrtf (dot (x, x, n));

  length = MAX (length, 1e-12f);
  for (gsize i = 0; i < n; i++)
    x[i] /= length;
}

/* torch.nn.LayerNorm's own epsilon. */
static void
apply_norm (const SentenceModule *self, float *x)
{
  double mean = 0, variance = 0;

  for (gsize i = 0; i < self->in; i++)
    mean += x[i];
  mean /= self->in;
  for (gsize i = 0; i < self->in; i++)
    variance += (x[i] - mean) * (x[i] - mean);
  variance /= self->in;
  for (gsize i = 0; i < self->in; i++)
    x[i] = (float) ((x[i] - mean) / sqrt (variance + 1e-5)) * self->weight[i] + self->bias[i];
}

static float *
apply_dense (const SentenceModule *self, const float *x)
{
  float *y = g_new (float, self->out);

  for (gsize i = 0; i < self->out; i++)
    {
      y[i] = sentence_activate (self->activation, dot (self->weight + i * self->in, x, self->in) + (self->bias ? self->bias[i] : 0));
      if (self->adds_input)
        y[i] += self->residual ? dot (self->residual + i * self->in, x, self->in) : x[i];
    }
  return y;
}

gboolean
sentence_module_apply (const SentenceModule *self, float **x, gsize *n, GError **error)
{
  float *y;

  if (self->kind == SENTENCE_NORMALIZE)
    {
      sentence_normalize (*x, *n);
      return TRUE;
    }
  if (*n != self->in)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s/config.json: expected vectors of %zu numbers, found %zu", self->path, self->in, *n);
      return FALSE;
    }
  if (self->kind == SENTENCE_NORM)
    {
      apply_norm (self, *x);
      return TRUE;
    }
  y = apply_dense (self, *x);
  g_free (*x);
  *x = y;
  *n = self->out;
  return TRUE;
}
