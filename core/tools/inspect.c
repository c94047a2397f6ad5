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
#include "pipeline/reference.h"
#include "registry/registry.h"
#include "text/tokenizer-classes.h"
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

static void
put_tokenizer (JsonObject *facts, const char *directory)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfTokenizer) tokenizer = NULL;
  g_autofree char *text = NULL;

  if (!gtf_tokenizer_is_in (directory))
    return;
  tokenizer = gtf_tokenizer_load (directory, NULL, &error);
  text = tokenizer ? g_strdup_printf ("%zu tokens", gtf_tokenizer_get_vocab_size (tokenizer)) : NULL;
  put (facts, "tokenizer", tokenizer ? text : error->message);
}

/* (transfer full): in the order in which it is shown */
static JsonObject *
find_facts (const GtfReference *reference, const GtfConfig *config)
{
  JsonObject *facts = json_object_new ();
  const char *plugin = NULL;
  g_autofree char *missing = NULL, *tasks = tasks_of (config, &plugin, &missing), *license = gtf_repository_card_value (reference->directory, "license");

  put (facts, "folder", reference->directory);
  put (facts, "commit", reference->commit);
  put (facts, "model_type", gtf_config_get_model_type ((GtfConfig *) config));
  put (facts, "architecture", gtf_config_get_architecture ((GtfConfig *) config));
  put (facts, "plugin", plugin ? plugin : missing);
  put (facts, "tasks", tasks);
  put (facts, "dtype", gtf_config_get_dtype ((GtfConfig *) config));
  put (facts, "license", license ? license : "not stated");
  put_tokenizer (facts, reference->directory);
  return facts;
}

/* ---- how it is shown ------------------------------------------------------------------------------------------------ */

static void
facts_text (JsonObject *facts, GString *out)
{
  g_autoptr (GList) keys = json_object_get_members (facts);

  for (GList *l = keys; l; l = l->next)
    g_string_append_printf (out, "%-14s %s\n", (char *) l->data, json_object_get_string_member (facts, l->data));
}

static void
facts_html (JsonObject *facts, GString *out)
{
  g_autoptr (GList) keys = json_object_get_members (facts);

  g_string_append (out, "<table>\n");
  for (GList *l = keys; l; l = l->next)
    {
      g_string_append_printf (out, "<tr><th align=\"left\">%s</th><td>", (char *) l->data);
      weight_map_html_escape (out, json_object_get_string_member (facts, l->data));
      g_string_append (out, "</td></tr>\n");
    }
  g_string_append (out, "</table>\n");
}

static void
page (JsonObject *facts, JsonObject *map, const char *title, GString *out)
{
  g_string_append (out, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>");
  weight_map_html_escape (out, title);
  g_string_append (out, "</title>\n</head>\n<body style=\"font:15px/1.5 sans-serif;margin:2em\">\n<h1>");
  weight_map_html_escape (out, title);
  g_string_append (out, "</h1>\n");
  facts_html (facts, out);
  if (map)
    weight_map_html (map, out);
  g_string_append (out, "</body>\n</html>\n");
}

/* As for programs: tasks are a list, weights an object. */
static void
facts_json (JsonObject *facts, JsonObject *map, GString *out)
{
  g_auto (GStrv) tasks = json_object_has_member (facts, "tasks") ? g_strsplit (json_object_get_string_member (facts, "tasks"), ", ", -1) : NULL;
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), facts);
  g_autofree char *text = NULL;
  JsonArray *list = json_array_new ();

  for (char **task = tasks; task && *task; task++)
    json_array_add_string_element (list, *task);
  json_object_set_array_member (facts, "tasks", list);
  if (map)
    json_object_set_object_member (facts, "weights", json_object_ref (map));
  text = gtf_json_print (node, GTF_JSON_COMPACT);
  g_string_append_printf (out, "%s\n", text);
}

/* One text of all that is known; @map is NULL where there are no weights that can be read. */
static char *
render (JsonObject *facts, JsonObject *map, const char *title, CliFormat format)
{
  GString *out = g_string_new (NULL);

  if (format == CLI_FORMAT_HTML)
    page (facts, map, title, out);
  else if (format == CLI_FORMAT_TEXT)
    {
      facts_text (facts, out);
      if (map)
        weight_map_text (map, out);
    }
  else
    facts_json (facts, map, out);
  return g_string_free (out, FALSE);
}

typedef struct
{
  const char *revision, *format, *output;
  gboolean help, weights;
  CliFormat chosen;
} Inspect;

/* A file of weights alone. */
static int
inspect_file (const char *path, const Inspect *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) weights = gtf_safetensors_open_file (path, &error);
  g_autoptr (JsonObject) facts = json_object_new (), map = NULL;
  g_autofree char *text = NULL;

  if (weights == NULL)
    return cli_failure (error);
  put (facts, "file", path);
  map = weight_map_new (weights, self->weights || self->chosen == CLI_FORMAT_HTML);
  text = render (facts, map, path, self->chosen);
  return cli_write (self->output, text, strlen (text), &error) ? CLI_OK : cli_failure (error);
}

static int
inspect (const char *ref, const Inspect *self)
{
  g_autoptr (GError) error = NULL, no_weights = NULL;
  g_autoptr (GtfReference) reference = gtf_reference_resolve (ref, self->revision, &error);
  g_autoptr (GtfConfig) config = reference ? gtf_config_load (reference->directory, &error) : NULL;
  g_autoptr (GtfSafetensors) weights = NULL;
  g_autoptr (JsonObject) facts = NULL, map = NULL;
  g_autofree char *text = NULL;

  if (config == NULL)
    return cli_failure (error);
  facts = find_facts (reference, config);
  if ((weights = gtf_safetensors_open (reference->directory, &no_weights)))
    map = weight_map_new (weights, self->weights || self->chosen == CLI_FORMAT_HTML);
  text = render (facts, map, reference->id, self->chosen);
  if (!cli_write (self->output, text, strlen (text), &error))
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
