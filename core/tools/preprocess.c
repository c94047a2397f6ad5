/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers preprocess: what a model would be given for a file, as safetensors.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "base/json-print.h"
#include "model/safetensors.h"
#include "pipeline/reference.h"

typedef struct
{
  const char *model, *revision, *output;
  gboolean help;
  JsonObject *parameters;
  GPtrArray *inputs;
} Preprocess;

/* Several inputs are one batch: tensors of one name and shape, one behind the other along the first dimension. */
static GtfTensor *
join (const char *name, GPtrArray *parts, GError **error)
{
  const GtfTensor *first = parts->pdata[0];
  gint64 shape[GTF_MAX_DIMS];
  guint n_dims = gtf_tensor_get_n_dims (first);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GBytes) joined = NULL;

  for (guint d = 0; d < n_dims; d++)
    shape[d] = gtf_tensor_get_dim (first, (gint) d);
  for (guint i = 0; i < parts->len; i++)
    {
      const GtfTensor *part = parts->pdata[i];
      g_autoptr (GBytes) data = gtf_tensor_get_bytes (part);
      gboolean same = gtf_tensor_get_n_dims (part) == n_dims && n_dims > 0 && gtf_tensor_get_dtype (part) == gtf_tensor_get_dtype (first);

      for (guint d = 1; same && d < n_dims; d++)
        same = gtf_tensor_get_dim (part, (gint) d) == shape[d];
      if (!same || bytes->len + g_bytes_get_size (data) > G_MAXINT32)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: the inputs give tensors of different shapes or too many bytes; give them one by one", name);
          return NULL;
        }
      if (i > 0)
        shape[0] += gtf_tensor_get_dim (part, 0);
      g_byte_array_append (bytes, g_bytes_get_data (data, NULL), (guint) g_bytes_get_size (data));
    }
  joined = g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
  return gtf_tensor_new_bytes (gtf_tensor_get_dtype (first), n_dims, shape, joined, error);
}

static GHashTable *
join_all (GPtrArray *results, GError **error)
{
  GHashTable *first = results->pdata[0];
  g_autoptr (GHashTable) out = NULL;
  GHashTableIter iter;
  gpointer name;

  if (results->len == 1)
    return g_hash_table_ref (first);
  out = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) gtf_tensor_unref);
  g_hash_table_iter_init (&iter, first);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    {
      g_autoptr (GPtrArray) parts = g_ptr_array_new ();
      GtfTensor *joined;

      for (guint i = 0; i < results->len; i++)
        {
          gpointer part = g_hash_table_lookup (results->pdata[i], name);

          if (part)
            g_ptr_array_add (parts, part);
        }
      joined = join (name, parts, error);
      if (joined == NULL)
        return NULL;
      g_hash_table_insert (out, g_strdup (name), joined);
    }
  return g_steal_pointer (&out);
}

static int
preprocess (const Preprocess *self, GCancellable *cancellable)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), self->parameters);
  g_autofree char *parameters = gtf_json_print (node, GTF_JSON_REQUEST);
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func ((GDestroyNotify) g_hash_table_unref);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfReference) reference = cli_fetch (self->model, self->revision, GTF_HUB_SMALL_PARTS, cancellable, &error);
  g_autoptr (GtfPreprocessor) preprocessor = reference ? gtf_preprocessor_load (reference->directory, cancellable, &error) : NULL;
  g_autoptr (GHashTable) tensors = NULL;

  if (preprocessor == NULL)
    return cli_failure (error);
  for (guint i = 0; i < self->inputs->len; i++)
    {
      GHashTable *result = gtf_preprocessor_run_file (preprocessor, self->inputs->pdata[i], parameters, cancellable, &error);

      if (result == NULL)
        return cli_failure (error);
      g_ptr_array_add (results, result);
    }
  tensors = join_all (results, &error);
  if (tensors == NULL || !gtf_safetensors_write (self->output, tensors, NULL, &error))
    return cli_failure (error);
  return CLI_OK;
}

int
cli_preprocess (int argc, char **argv)
{
  g_autoptr (JsonObject) parameters = json_object_new ();
  g_autoptr (GPtrArray) inputs = g_ptr_array_new ();
  Preprocess self = { .parameters = parameters, .inputs = inputs };
  const CliOption options[] = {
    { "model", 'm', CLI_STRING, &self.model, "REF", "a folder, org/name[@revision] or builtin/NAME" },
    { "output", 'o', CLI_STRING, &self.output, "FILE", "where to write: FILE.safetensors" },
    { "set", 's', CLI_SETTING, parameters, "KEY=VALUE", "an argument of the feature extractor" },
    { "revision", 0, CLI_STRING, &self.revision, "REV", "branch, tag or commit of the model" },
    { "quiet", 'q', CLI_FLAG, &cli_quiet, NULL, "no notes" },
    { "help", 'h', CLI_FLAG, &self.help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GError) error = NULL;

  if (!cli_parse_options ("preprocess", argc, argv, options, inputs, &error))
    return error->domain == G_OPTION_ERROR ? cli_usage_error ("preprocess", "%s", error->message) : cli_failure (error);
  if (self.help)
    {
      printf ("Usage: gtransformers preprocess --model REF --output FILE.safetensors INPUT... [OPTION...]\n\nOptions:\n");
      cli_print_options (options);
      return CLI_OK;
    }
  if (self.model == NULL || self.output == NULL)
    return cli_usage_error ("preprocess", "--%s is missing", self.model ? "output" : "model");
  if (!g_str_has_suffix (self.output, ".safetensors") && !g_str_has_prefix (self.output, "/dev/"))
    return cli_usage_error ("preprocess", "--output '%s': expected a name that ends in .safetensors", self.output);
  if (inputs->len == 0)
    return cli_usage_error ("preprocess", "an input is missing");
  return preprocess (&self, cli_interrupt_init ());
}
