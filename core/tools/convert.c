/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers convert: a repository, or a file of weights alone, as safetensors.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include "model/save.h"
#include "pipeline/reference.h"

typedef struct
{
  const char *to, *dtype, *shard_size, *output, *revision;
  gboolean help;
} Convert;

static void
show_progress (guint64 done, guint64 total, gpointer progress)
{
  g_autofree char *done_text = g_format_size (done), *total_text = g_format_size (total), *text = g_strdup_printf ("%s of %s", done_text, total_text);

  cli_progress_set (progress, total ? (double) done / (double) total : 1, text);
}

/* A file of weights: into a file, or into a folder as model.safetensors. */
static gboolean
convert_file (const char *path, const char *output, const GtfSaveOptions *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfSafetensors) weights = gtf_safetensors_open_file (path, error);

  if (!weights)
    return FALSE;
  if (g_str_has_suffix (output, ".safetensors"))
    return gtf_weights_save_file (weights, output, options, cancellable, error);
  if (g_mkdir_with_parents (output, 0777) == 0)
    return gtf_weights_save (weights, output, "model", options, cancellable, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: the folder cannot be created", output);
  return FALSE;
}

static gboolean
convert_repository (const char *directory, const char *output, const GtfSaveOptions *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfSafetensors) weights = NULL;

  if (!g_str_has_suffix (output, ".safetensors"))
    return gtf_repository_save (directory, output, options, cancellable, error);
  weights = gtf_safetensors_open (directory, error);
  return weights && gtf_weights_save_file (weights, output, options, cancellable, error);
}

static int
convert (const char *ref, const Convert *self, GtfSaveOptions *options, GCancellable *cancellable)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfReference) reference = NULL;
  g_autoptr (CliProgress) progress = cli_progress_new ("converting");
  gboolean ok, file = g_file_test (ref, G_FILE_TEST_IS_REGULAR);

  if (!cli_quiet)
    {
      options->progress = show_progress;
      options->progress_data = progress;
    }
  if (!file && !(reference = cli_fetch (ref, self->revision, GTF_HUB_WEIGHTS, cancellable, &error)))
    return cli_failure (error);
  ok = file ? convert_file (ref, self->output, options, cancellable, &error)
       : convert_repository (reference->directory, self->output, options, cancellable, &error);
  g_clear_pointer (&progress, cli_progress_free);
  if (!ok)
    {
      int status = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? CLI_FAILED : cli_failure (error);

      cli_interrupt_wait ();
      return status;
    }
  printf ("%s\n", self->output);
  return CLI_OK;
}

int
cli_convert (int argc, char **argv)
{
  Convert self = { .to = "safetensors" };
  GtfSaveOptions options = { .dtype = GTF_DTYPE_INVALID };
  const CliOption table[] = {
    { "to", 0, CLI_STRING, &self.to, "FORMAT", "safetensors, which is the only one" },
    { "output", 'o', CLI_STRING, &self.output, "PATH", "a new folder, or FILE.safetensors for the weights alone" },
    { "dtype", 0, CLI_STRING, &self.dtype, "TYPE", "float32, float16, bfloat16, float64, or auto: as stored (default)" },
    { "shard-size", 0, CLI_STRING, &self.shard_size, "SIZE", "of a file at the most, as in 5GB (default 50GB)" },
    { "revision", 0, CLI_STRING, &self.revision, "REV", "branch, tag or commit of the model" },
    { "quiet", 'q', CLI_FLAG, &cli_quiet, NULL, "no progress" },
    { "help", 'h', CLI_FLAG, &self.help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  if (!cli_parse_options ("convert", argc, argv, table, arguments, &error))
    return cli_usage_error ("convert", "%s", error->message);
  if (self.help)
    {
      printf ("Usage: gtransformers convert REF --output PATH [OPTION...]\n\n"
              "REF is a model, or a file of weights (.bin, .pt, .pth, .ckpt, .safetensors).\n\nOptions:\n");
      cli_print_options (table);
      return CLI_OK;
    }
  if (arguments->len != 1)
    return cli_usage_error ("convert", "expected one REF");
  if (!self.output)
    return cli_usage_error ("convert", "--output is missing");
  if (strcmp (self.to, "safetensors") != 0)
    return cli_usage_error ("convert", "--to '%s': expected safetensors", self.to);
  if ((self.dtype && !gtf_save_dtype_parse (self.dtype, &options.dtype, &error))
      || (self.shard_size && !gtf_save_size_parse (self.shard_size, &options.shard_size, &error)))
    return cli_usage_error ("convert", "%s", error->message);
  return convert (arguments->pdata[0], &self, &options, cli_interrupt_init ());
}
