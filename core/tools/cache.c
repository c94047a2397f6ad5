/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers cache ls | rm | prune | verify, as `hf cache` has them.
 */
#include "tools/cache.h"

#include <stdio.h>
#include <string.h>

static const struct
{
  const char *name;
  int (*main) (CliCache *self);
  const char *help;
} subcommands[] = {
  { "ls", cli_cache_list, "repositories in the cache (--revisions: each revision)" },
  { "list", cli_cache_list, NULL },
  { "rm", cli_cache_remove, "delete model/org/name, a revision's hash or hf://models/org/name/FILE" },
  { "prune", cli_cache_prune, "delete revisions without a name and what is incomplete" },
  { "verify", cli_cache_verify, "compare the files of a repository with the Hub's hashes" },
};

static int
help (const CliOption *options)
{
  printf ("Usage: gtransformers cache COMMAND [ARGUMENT...]\n\nCommands:\n");
  for (guint i = 0; i < G_N_ELEMENTS (subcommands); i++)
    if (subcommands[i].help)
      printf ("  %-12s %s\n", subcommands[i].name, subcommands[i].help);
  printf ("\nOptions:\n");
  cli_print_options (options);
  return CLI_OK;
}

int
cli_cache (int argc, char **argv)
{
  g_autoptr (GPtrArray) arguments = g_ptr_array_new (), filters = g_ptr_array_new ();
  CliCache self = { .arguments = arguments, .filters = filters };
  const CliOption options[] = {
    { "cache-dir", 0, CLI_STRING, &self.cache, "DIR", "a cache other than the usual one" },
    { "revisions", 0, CLI_FLAG, &self.revisions, NULL, "ls: each revision" },
    { "filter", 'f', CLI_STRINGS, filters, "FILTER", "ls: 'size>1GB', 'accessed>7d', 'type=model', 'refs=main'" },
    { "sort", 0, CLI_STRING, &self.sort, "KEY", "ls: accessed, modified, name or size, :asc or :desc behind it" },
    { "limit", 0, CLI_STRING, &self.limit, "N", "ls: the first N" },
    { "show-warnings", 0, CLI_FLAG, &self.warnings, NULL, "ls: what is wrong in the cache" },
    { "yes", 'y', CLI_FLAG, &self.yes, NULL, "rm, prune: without a question" },
    { "dry-run", 0, CLI_FLAG, &self.dry_run, NULL, "rm, prune: only say what would be deleted" },
    { "revision", 0, CLI_STRING, &self.revision, "REV", "verify: branch, tag or commit" },
    { "type", 0, CLI_STRING, &self.type, "TYPE", "verify: model, dataset or space" },
    { "repo-type", 0, CLI_STRING, &self.type, "TYPE", "the same" },
    { "local-dir", 0, CLI_STRING, &self.local_dir, "DIR", "verify: this folder instead of the cache" },
    { "fail-on-missing-files", 0, CLI_FLAG, &self.fail_missing, NULL, "verify: fail where a file is missing" },
    { "fail-on-extra-files", 0, CLI_FLAG, &self.fail_extra, NULL, "verify: fail where there is one too many" },
    { "token", 0, CLI_STRING, &self.token, "TOKEN", "verify: instead of HF_TOKEN or the stored one" },
    CLI_HUB_OUTPUT_OPTIONS (self.output),
    { "help", 'h', CLI_FLAG, &self.help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GError) error = NULL;
  const char *name;

  if (!cli_parse_options ("cache", argc, argv, options, arguments, &error))
    return cli_usage_error ("cache", "%s", error->message);
  if (self.help)
    return help (options);
  if (!cli_hub_output_choose (&self.output, &error))
    return cli_usage_error ("cache", "%s", error->message);
  if (arguments->len == 0)
    return cli_usage_error ("cache", "a command is missing: ls, rm, prune or verify");
  name = g_ptr_array_steal_index (arguments, 0);
  for (guint i = 0; i < G_N_ELEMENTS (subcommands); i++)
    if (strcmp (name, subcommands[i].name) == 0)
      return subcommands[i].main (&self);
  return cli_usage_error ("cache", "unknown command '%s': expected ls, rm, prune or verify", name);
}
