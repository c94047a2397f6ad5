/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers inspect: what a repository holds, read from its small files and the headers of its weights: as text, JSON or a page.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include "base/json-print.h"
#include "base/json.h"
#include "model/config.h"
#include "model/safetensors.h"
#include "hub/cache.h"
#include "hub/card.h"
#include "hub/headers.h"
#include "hub/scan.h"
#include "pipeline/reference.h"
#include "registry/registry.h"
#include "text/tokenizer-classes.h"
#include "tools/inspect-use.h"
#include "tools/weight-map.h"

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

/* ---- what there is -------------------------------------------------------------------------------------------------- */

static void
put (JsonObject *facts, const char *key, const char *value)
{
  if (value)
    json_object_set_string_member (facts, key, value);
}

/* The special tokens that have a role, and the mask token, if there is one. */
static void
put_special_tokens (JsonObject *facts, GtfTokenizer *tokenizer, char **mask)
{
  static const char *const roles[] = { "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token" };
  g_autoptr (GString) out = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (roles); i++)
    {
      gint32 id = gtf_tokenizer_get_special_id (tokenizer, roles[i]);
      const char *token = id >= 0 ? gtf_tokenizer_id_to_token (tokenizer, id) : NULL;

      if (!token)
        continue;
      g_string_append_printf (out, "%s%.*s %s", out->len ? ", " : "", (int) (strlen (roles[i]) - strlen ("_token")), roles[i], token);
      if (strcmp (roles[i], "mask_token") == 0)
        *mask = g_strdup (token);
    }
  put (facts, "special_tokens", out->len ? out->str : NULL);
}

static void
put_tokenizer (JsonObject *facts, const char *directory, char **mask)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfTokenizer) tokenizer = NULL;
  g_autofree char *text = NULL;

  if (!gtf_tokenizer_is_in (directory))
    return;
  tokenizer = gtf_tokenizer_load (directory, NULL, &error);
  text = tokenizer ? g_strdup_printf ("%zu tokens", gtf_tokenizer_get_vocab_size (tokenizer)) : NULL;
  put (facts, "tokenizer", tokenizer ? text : error->message);
  if (tokenizer)
    put_special_tokens (facts, tokenizer, mask);
}

/* What the card says of the model. A card that cannot be read says what is wrong with it. */
static void
put_card (JsonObject *facts, const char *directory)
{
  static const char *const keys[] = { "license", "license_name", "language", "tags", "datasets", "base_model", "pipeline_tag", "library_name" };
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubCard) card = gtf_hub_card_load (directory, &error);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_auto (GStrv) values = card ? gtf_hub_card_dup_values (card, keys[i]) : NULL;
      g_autofree char *joined = values ? g_strjoinv (", ", values) : NULL;

      put (facts, keys[i], joined);
    }
  if (error && !g_error_matches (error, GTF_ERROR, GTF_ERROR_NOT_FOUND))
    put (facts, "card", error->message);
  if (!json_object_has_member (facts, "license"))
    put (facts, "license", "not stated");
}

/* All that is known of a repository, or of a file of weights. */
typedef struct
{
  char *title;
  JsonObject *facts;        /* words, in the order in which they are shown */
  JsonObject *weights;      /* NULL: there are none that can be read */
  JsonObject *use;          /* NULL: nothing here can run it */
  JsonArray *files;         /* NULL: not a folder */
} Findings;

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

static void
find_facts (Findings *f, const char *ref, const GtfReference *reference, const GtfConfig *config)
{
  const char *plugin = NULL;
  g_autofree char *missing = NULL, *tasks = tasks_of (config, &plugin, &missing), *mask = NULL;
  g_auto (GStrv) list = tasks ? g_strsplit (tasks, ", ", 2) : NULL;

  f->title = g_strdup (reference->id);
  f->facts = json_object_new ();
  put (f->facts, "folder", reference->directory);
  put (f->facts, "commit", reference->commit);
  put (f->facts, "model_type", gtf_config_get_model_type ((GtfConfig *) config));
  put (f->facts, "architecture", gtf_config_get_architecture ((GtfConfig *) config));
  put (f->facts, "plugin", plugin ? plugin : missing);
  put (f->facts, "tasks", tasks);
  put (f->facts, "dtype", gtf_config_get_dtype ((GtfConfig *) config));
  put_card (f->facts, reference->directory);
  put_tokenizer (f->facts, reference->directory, &mask);
  f->files = inspect_files (reference->directory);
  f->use = list && *list ? inspect_use (ref, *list, mask) : NULL;
}

/* ---- how it is shown ------------------------------------------------------------------------------------------------ */

static void
members_text (JsonObject *object, const char *indent, GString *out)
{
  g_autoptr (GList) keys = json_object_get_members (object);

  for (GList *l = keys; l; l = l->next)
    g_string_append_printf (out, "%s%-14s %s\n", indent, (char *) l->data, json_object_get_string_member (object, l->data));
}

static void
files_text (JsonArray *files, GString *out)
{
  g_string_append (out, "files\n");
  for (guint i = 0; i < json_array_get_length (files); i++)
    {
      JsonObject *file = json_array_get_object_element (files, i);
      g_autofree char *size = weight_map_size (json_object_get_int_member (file, "size"));

      g_string_append_printf (out, "  %-52s %12s\n", json_object_get_string_member (file, "name"), size);
    }
}

static void
findings_text (const Findings *f, GString *out)
{
  members_text (f->facts, "", out);
  if (f->weights)
    weight_map_text (f->weights, out);
  if (f->files)
    files_text (f->files, out);
  if (!f->use)
    return;
  g_string_append (out, "use in\n");
  members_text (f->use, "  ", out);
}

static void
members_html (JsonObject *object, GString *out)
{
  g_autoptr (GList) keys = json_object_get_members (object);

  g_string_append (out, "<table>\n");
  for (GList *l = keys; l; l = l->next)
    {
      g_string_append_printf (out, "<tr><th align=\"left\">%s</th><td>", (char *) l->data);
      weight_map_html_escape (out, json_object_get_string_member (object, l->data));
      g_string_append (out, "</td></tr>\n");
    }
  g_string_append (out, "</table>\n");
}

static void
findings_html (const Findings *f, GString *out)
{
  g_string_append (out, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>");
  weight_map_html_escape (out, f->title);
  g_string_append (out, "</title>\n</head>\n<body style=\"font:15px/1.5 sans-serif;margin:2em\">\n<h1>");
  weight_map_html_escape (out, f->title);
  g_string_append (out, "</h1>\n");
  members_html (f->facts, out);
  if (f->use)
    {
      g_string_append (out, "<h2>Use in</h2>\n");
      members_html (f->use, out);
    }
  if (f->weights)
    weight_map_html (f->weights, out);
  g_string_append (out, "</body>\n</html>\n");
}

/* As for programs: tasks are a list. */
static void
findings_json (const Findings *f, GString *out)
{
  g_auto (GStrv) tasks = json_object_has_member (f->facts, "tasks") ? g_strsplit (json_object_get_string_member (f->facts, "tasks"), ", ", -1) : NULL;
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), f->facts);
  g_autofree char *text = NULL;
  JsonArray *list = json_array_new ();

  for (char **task = tasks; task && *task; task++)
    json_array_add_string_element (list, *task);
  json_object_set_array_member (f->facts, "tasks", list);
  if (f->weights)
    json_object_set_object_member (f->facts, "weights", json_object_ref (f->weights));
  if (f->files)
    json_object_set_array_member (f->facts, "files", json_array_ref (f->files));
  if (f->use)
    json_object_set_object_member (f->facts, "use", json_object_ref (f->use));
  text = gtf_json_print (node, GTF_JSON_COMPACT);
  g_string_append_printf (out, "%s\n", text);
}

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
    findings_html (f, out);
  else if (self->chosen == CLI_FORMAT_TEXT)
    findings_text (f, out);
  else
    findings_json (f, out);
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
  put (f.facts, "file", path);
  f.weights = weight_map_new (weights, wants_tree (self));
  return show (&f, self, &error) ? CLI_OK : cli_failure (error);
}

/* The weights in the folder; of a repository whose weights are still on the Hub, their headers. */
static GtfSafetensors *
open_weights (const GtfReference *reference, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  GtfSafetensors *weights = gtf_safetensors_open (reference->directory, &local);
  g_autofree char *headers = NULL;

  if (!weights && g_error_matches (local, GTF_ERROR, GTF_ERROR_NOT_FOUND) && reference->commit && !gtf_hub_is_offline ())
    {
      g_clear_error (&local);
      headers = gtf_hub_fetch_headers (reference->id, reference->commit, reference->directory, cancellable, &local);
      weights = headers ? gtf_safetensors_open (headers, &local) : NULL;
    }
  if (headers)
    gtf_hub_remove_path (headers, NULL);
  if (!weights && headers)              /* the file's name there says nothing to anybody */
    {
      g_autoptr (GString) text = g_string_new (local->message);

      g_string_replace (text, headers, reference->id, 0);
      g_free (local->message);
      local->message = g_string_free (g_steal_pointer (&text), FALSE);
    }
  if (!weights)
    g_propagate_error (error, g_steal_pointer (&local));
  return weights;
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
  find_facts (&f, full, reference, config);
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
