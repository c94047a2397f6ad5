/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers inspect: what a repository holds, read from its small files and the headers of its weights.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include "base/json-print.h"
#include "base/json.h"
#include "model/config.h"
#include "model/safetensors.h"
#include "pipeline/reference.h"
#include "registry/registry.h"
#include "text/tokenizer-classes.h"

static void
line (const char *title, const char *value)
{
  if (value)
    printf ("%-14s %s\n", title, value);
}

static char *
tasks_of (const GtfConfig *config, const char **plugin_name, char **missing)
{
  const char *class_name = gtf_config_get_architecture ((GtfConfig *) config);
  const GtfArchitecturePlugin *plugin = NULL;
  g_autoptr (GError) error = NULL;
  const GtfArchitecture *architecture = gtf_registry_find_architecture (gtf_config_get_model_type ((GtfConfig *) config), &plugin, &error);

  if (architecture == NULL)
    {
      *missing = g_strdup (error->message);
      return NULL;
    }
  *plugin_name = plugin->head.name;
  for (const GtfHead *head = architecture->heads; class_name && head && head->class_suffix; head++)
    if (g_str_has_suffix (class_name, head->class_suffix) && head->tasks)
      return g_strjoinv (", ", (char **) head->tasks);
  return NULL;
}

static char *
shape_text (const GtfStoredTensor *tensor)
{
  g_autoptr (GString) out = g_string_new ("[");

  for (guint d = 0; d < tensor->n_dims; d++)
    g_string_append_printf (out, "%s%" G_GINT64_FORMAT, d ? ", " : "", tensor->shape[d]);
  g_string_append_c (out, ']');
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static int
print_weights (const char *directory, gboolean all)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) weights = gtf_safetensors_open (directory, &error);
  gsize parameters = 0, bytes = 0;
  guint per_type[GTF_DTYPE_LAST] = { 0 };
  g_autoptr (GString) types = g_string_new (NULL);

  if (weights == NULL)
    return cli_failure (error);
  for (guint i = 0; i < gtf_safetensors_get_n_tensors (weights); i++)
    {
      const GtfStoredTensor *tensor = gtf_safetensors_get (weights, i);

      parameters += tensor->n_elements;
      bytes += tensor->n_bytes;
      per_type[tensor->dtype]++;
    }
  for (guint i = 0; i < GTF_DTYPE_LAST; i++)
    if (per_type[i])
      g_string_append_printf (types, "%s%u %s", types->len ? ", " : "", per_type[i], gtf_dtype_name (i));
  printf ("%-14s %u (%s), %zu parameters, %zu bytes, %u file%s\n", "tensors", gtf_safetensors_get_n_tensors (weights), types->str, parameters, bytes,
          gtf_safetensors_get_n_files (weights), gtf_safetensors_get_n_files (weights) == 1 ? "" : "s");
  for (guint i = 0; all && i < gtf_safetensors_get_n_tensors (weights); i++)
    {
      const GtfStoredTensor *tensor = gtf_safetensors_get (weights, i);
      g_autofree char *shape = shape_text (tensor), *file = g_path_get_basename (tensor->path);

      printf ("  %-64s %-5s %-20s %s\n", tensor->name, gtf_dtype_name (tensor->dtype), shape, file);
    }
  return CLI_OK;
}

static void
print_tokenizer (const char *directory)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfTokenizer) tokenizer = NULL;

  if (!gtf_tokenizer_is_in (directory))
    return;
  tokenizer = gtf_tokenizer_load (directory, NULL, &error);
  if (tokenizer)
    printf ("%-14s %zu tokens\n", "tokenizer", gtf_tokenizer_get_vocab_size (tokenizer));
  else
    printf ("%-14s %s\n", "tokenizer", error->message);
}

static int
inspect (const char *ref, const char *revision, gboolean weights)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfReference) reference = gtf_reference_resolve (ref, revision, &error);
  g_autoptr (GtfConfig) config = reference ? gtf_config_load (reference->directory, &error) : NULL;
  g_autofree char *tasks = NULL, *missing = NULL, *license = NULL;
  const char *plugin = NULL;

  if (config == NULL)
    return cli_failure (error);
  tasks = tasks_of (config, &plugin, &missing);
  license = gtf_repository_card_value (reference->directory, "license");
  line ("folder", reference->directory);
  line ("commit", reference->commit);
  line ("model_type", gtf_config_get_model_type (config));
  line ("architecture", gtf_config_get_architecture (config));
  line ("plugin", plugin ? plugin : missing);
  line ("tasks", tasks);
  line ("dtype", gtf_config_get_dtype (config));
  line ("license", license ? license : "not stated");
  print_tokenizer (reference->directory);
  return print_weights (reference->directory, weights);
}

int
cli_inspect (int argc, char **argv)
{
  gboolean help = FALSE, weights = FALSE;
  const char *revision = NULL;
  const CliOption options[] = {
    { "weights", 'w', CLI_FLAG, &weights, NULL, "each tensor with its type, shape and file" },
    { "revision", 0, CLI_STRING, &revision, "REV", "branch, tag or commit of the model" },
    { "quiet", 'q', CLI_FLAG, &cli_quiet, NULL, "no notes" },
    { "help", 'h', CLI_FLAG, &help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  if (!cli_parse_options ("inspect", argc, argv, options, arguments, &error))
    return cli_usage_error ("inspect", "%s", error->message);
  if (help)
    {
      printf ("Usage: gtransformers inspect REF [--weights]\n\nOptions:\n");
      cli_print_options (options);
      return CLI_OK;
    }
  if (arguments->len != 1)
    return cli_usage_error ("inspect", "expected one REF");
  return inspect (arguments->pdata[0], revision, weights);
}
