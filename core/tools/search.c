/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers search: models of the Hub, and whether one can be run here.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include "base/json-print.h"
#include "hub/search-pages.h"
#include "pipeline/auto-model.h"
#include "tools/hub-output.h"

typedef struct
{
  CliHubOutput output;
  const char *task, *library, *author, *language, *license, *tag, *sort, *limit;
  gboolean help;
  GPtrArray *arguments;
} Search;

static void
put (JsonObject *query, const char *name, const char *value)
{
  if (value)
    json_object_set_string_member (query, name, value);
}

static char *
query_of (const Search *self, guint limit)
{
  g_autoptr (JsonObject) query = json_object_new ();
  g_autoptr (JsonNode) node = NULL;

  put (query, "search", self->arguments->len ? self->arguments->pdata[0] : NULL);
  put (query, "task", self->task);
  put (query, "library", self->library);
  put (query, "author", self->author);
  put (query, "language", self->language);
  put (query, "license", self->license);
  put (query, "tag", self->tag);
  put (query, "sort", self->sort);
  json_object_set_int_member (query, "limit", limit);
  node = json_node_init_object (json_node_alloc (), query);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}

/* Whether a module for it is here, by the caches and names of modules alone: none is opened. (transfer full) */
static char *
runs_here (GPtrArray *modules, const char *model_type)
{
  if (model_type == NULL)
    return g_strdup ("?");
  if (gtf_modules_serve (modules, model_type))
    return g_strdup ("yes");
  return g_strdup_printf ("needs gtf-%s", model_type);
}

static char *
count (gint64 n)
{
  return n ? cli_hub_size (n) : g_strdup ("");
}

/* What is shown of the models of one page. */
typedef struct
{
  const Search *search;
  CliHubTable *table;
  GPtrArray *modules;
} Shown;

/* As a number for programs, with a unit for people. */
static void
put_count (const Shown *shown, const char *name, gint64 n)
{
  g_autofree char *text = count (n);

  if (shown->search->output.json)
    cli_hub_table_put_int (shown->table, name, n);
  else
    cli_hub_table_put (shown->table, name, text);
}

static void
show_model (const Shown *shown, GtfHubModel *model)
{
  g_autofree char *runs = runs_here (shown->modules, gtf_hub_model_get_model_type (model));
  CliHubTable *table = shown->table;

  cli_hub_table_row (table);
  cli_hub_table_put (table, "id", gtf_hub_model_get_id (model));
  cli_hub_table_put (table, "task", gtf_hub_model_get_task (model));
  cli_hub_table_put (table, "library", gtf_hub_model_get_library (model));
  cli_hub_table_put (table, "model_type", gtf_hub_model_get_model_type (model));
  cli_hub_table_put_int (table, "downloads", gtf_hub_model_get_downloads (model));
  cli_hub_table_put_int (table, "likes", gtf_hub_model_get_likes (model));
  put_count (shown, "parameters", gtf_hub_model_get_parameters (model));
  put_count (shown, "size", gtf_hub_model_get_size (model));
  cli_hub_table_put (table, "last_modified", gtf_hub_model_get_modified (model));
  cli_hub_table_put (table, "runs", runs);
}

static void
show_page (GPtrArray *models, gpointer data)
{
  const Shown *shown = data;

  for (guint i = 0; i < models->len; i++)
    show_model (shown, models->pdata[i]);
  cli_hub_table_flush (shown->table, &shown->search->output);
}

static int
search (const Search *self)
{
  static const char *const columns[] = { "id", "task", "downloads", "likes", "parameters", "size", "runs", NULL };
  GCancellable *cancellable = cli_interrupt_init ();
  g_autoptr (CliHubTable) table = cli_hub_table_new (columns, "id");
  g_autoptr (GPtrArray) modules = gtf_registry_list ();
  const Shown shown = { self, table, modules };
  g_autoptr (GError) error = NULL;
  g_autofree char *query = NULL;
  guint64 limit = 30;

  if (self->limit && !g_ascii_string_to_unsigned (self->limit, 10, 1, 10000, &limit, NULL))
    return cli_usage_error ("search", "--limit '%s': expected a number from 1 to 10000", self->limit);
  query = query_of (self, (guint) limit);
  if (!gtf_hub_search_pages (query, show_page, (gpointer) &shown, cancellable, &error))
    return g_str_has_prefix (error->message, "sort: ") ? cli_usage_error ("search", "--%s", error->message) : cli_failure (error);
  cli_hub_table_print (table, &self->output);
  return CLI_OK;
}

int
cli_search (int argc, char **argv)
{
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  Search self = { .arguments = arguments };
  const CliOption options[] = {
    { "task", 0, CLI_STRING, &self.task, "TASK", "only models for it: text-classification" },
    { "library", 0, CLI_STRING, &self.library, "NAME", "only of this library: transformers" },
    { "author", 0, CLI_STRING, &self.author, "NAME", "only by this user or organization" },
    { "language", 0, CLI_STRING, &self.language, "CODE", "only for this language: en" },
    { "license", 0, CLI_STRING, &self.license, "NAME", "only under this licence: apache-2.0" },
    { "tag", 0, CLI_STRING, &self.tag, "TAG", "only with this tag" },
    { "sort", 0, CLI_STRING, &self.sort, "KEY", "downloads (default), likes, trending, created or modified" },
    { "limit", 0, CLI_STRING, &self.limit, "N", "how many at most; 30 if none is given" },
    CLI_HUB_OUTPUT_OPTIONS (self.output),
    { "help", 'h', CLI_FLAG, &self.help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GError) error = NULL;

  if (!cli_parse_options ("search", argc, argv, options, arguments, &error))
    return cli_usage_error ("search", "%s", error->message);
  if (g_strcmp0 (self.output.format, "table") == 0)
    self.output.format = "human";
  if (!cli_hub_output_choose (&self.output, &error))
    return cli_usage_error ("search", "%s", error->message);
  if (self.help)
    {
      printf ("Usage: gtransformers search [QUERY] [OPTION...]\n\nOptions:\n");
      cli_print_options (options);
      return CLI_OK;
    }
  if (arguments->len > 1)
    return cli_usage_error ("search", "'%s' was not expected: put words that belong together into quotes", (char *) arguments->pdata[1]);
  return search (&self);
}
