/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers inspect: what a repository holds, read from its small files and the headers of its weights: as text, JSON or a page.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include "hub/cache.h"
#include "pipeline/remote-weights.h"
#include "tools/inspect.h"
#include "tools/weight-map.h"

static void
findings_clear (Findings *f)
{
  g_free (f->title);
  g_clear_pointer (&f->facts, json_object_unref);
  g_clear_pointer (&f->weights, json_object_unref);
  g_clear_pointer (&f->use, json_object_unref);
  g_clear_pointer (&f->files, json_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Findings, findings_clear)

typedef struct
{
  const char *revision, *format, *output;
  gboolean help, weights;
  CliFormat chosen;
} Inspect;

static gboolean
show (const Findings *f, const Inspect *self, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);

  if (self->chosen == CLI_FORMAT_HTML)
    inspect_show_html (f, out);
  else if (self->chosen == CLI_FORMAT_TEXT)
    inspect_show_text (f, out);
  else
    inspect_show_json (f, out);
  return cli_write (self->output, out->str, out->len, error);
}

static gboolean
wants_tree (const Inspect *self)
{
  return self->weights || self->chosen == CLI_FORMAT_HTML;
}

/* A file of weights alone. */
static int
inspect_file (const char *path, const Inspect *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) weights = gtf_safetensors_open_file (path, &error);
  g_auto (Findings) f = { .title = g_strdup (path), .facts = json_object_new () };

  if (weights == NULL)
    return cli_failure (error);
  json_object_set_string_member (f.facts, "file", path);
  f.weights = weight_map_new (weights, wants_tree (self));
  return show (&f, self, &error) ? CLI_OK : cli_failure (error);
}

/* The weights in the folder; of a repository whose weights are still on the Hub, their table. */
static GtfSafetensors *
open_weights (const GtfReference *reference, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  GtfSafetensors *weights = gtf_safetensors_open (reference->directory, &local);

  if (weights)
    return weights;
  if (g_error_matches (local, GTF_ERROR, GTF_ERROR_NOT_FOUND) && reference->commit && !gtf_hub_is_offline ())
    return gtf_remote_weights_open (reference->id, reference->commit, reference->directory, cancellable, error);
  g_propagate_error (error, g_steal_pointer (&local));
  return NULL;
}

static int
inspect (const char *ref, const Inspect *self)
{
  GCancellable *cancellable = cli_interrupt_init ();
  g_autoptr (GError) error = NULL, no_weights = NULL;
  g_autoptr (GtfReference) reference = cli_fetch (ref, self->revision, GTF_HUB_SMALL_PARTS, cancellable, &error);
  g_autoptr (GtfConfig) config = reference ? gtf_config_load (reference->directory, &error) : NULL;
  g_autoptr (GtfSafetensors) weights = NULL;
  g_autofree char *full = self->revision ? g_strdup_printf ("%s@%s", ref, self->revision) : g_strdup (ref);
  g_auto (Findings) f = { 0 };

  if (config == NULL)
    return cli_failure (error);
  inspect_repository (&f, full, reference, config);
  if ((weights = open_weights (reference, cancellable, &no_weights)))
    f.weights = weight_map_new (weights, wants_tree (self));
  if (!show (&f, self, &error))
    return cli_failure (error);
  return no_weights ? cli_failure (no_weights) : CLI_OK;
}

int
cli_inspect (int argc, char **argv)
{
  Inspect self = { 0 };
  const CliOption options[] = {
    { "weights", 'w', CLI_FLAG, &self.weights, NULL, "each tensor with its type, shape and file, by layer" },
    { "format", 'f', CLI_STRING, &self.format, "FORMAT", "text (default), json or html" },
    { "output", 'o', CLI_STRING, &self.output, "FILE", "write there, whole or not at all; .json and .html tell the format" },
    { "revision", 0, CLI_STRING, &self.revision, "REV", "branch, tag or commit of the model" },
    { "quiet", 'q', CLI_FLAG, &cli_quiet, NULL, "no notes" },
    { "help", 'h', CLI_FLAG, &self.help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  if (!cli_parse_options ("inspect", argc, argv, options, arguments, &error))
    return cli_usage_error ("inspect", "%s", error->message);
  if (self.help)
    {
      printf ("Usage: gtransformers inspect REF [--weights] [--format FORMAT] [--output FILE]\n\n"
              "REF is a model, or a file of weights (.safetensors, .bin, .pt, .pth, .ckpt).\n\nOptions:\n");
      cli_print_options (options);
      return CLI_OK;
    }
  if (arguments->len != 1)
    return cli_usage_error ("inspect", "expected one REF");
  if (!cli_choose_format (self.format ? self.format : self.output ? NULL : "text", self.output, &self.chosen, &error))
    return cli_usage_error ("inspect", "%s", error->message);
  if (self.chosen != CLI_FORMAT_TEXT && self.chosen != CLI_FORMAT_JSON && self.chosen != CLI_FORMAT_HTML)
    return cli_usage_error ("inspect", "--format: expected text, json or html");
  if (g_file_test (arguments->pdata[0], G_FILE_TEST_IS_REGULAR))
    return inspect_file (arguments->pdata[0], &self);
  return inspect (arguments->pdata[0], &self);
}
