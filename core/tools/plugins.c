/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers plugins: what there is, and from which file; also writes the cache of a folder of modules.
 */
#include "tools/cli.h"

#include <stdio.h>
#include "registry/registry.h"

static const char *const kind_names[] = { "architectures", "tasks", "preprocessors" };

static void
print_info (const GtfPluginInfo *info)
{
  g_autofree char *keys = info->keys ? g_strjoinv (", ", info->keys) : NULL;

  printf ("  %-32s %s%s\n", info->name, info->path, info->shadowed ? "  (not used: an earlier folder has one of this name)" : "");
  if (keys && *keys && g_strcmp0 (keys, info->name) != 0)
    printf ("  %-32s serves %s\n", "", keys);
  if (info->description && *info->description)
    printf ("  %-32s %s\n", "", info->description);
}

static int
list_plugins (void)
{
  g_autoptr (GPtrArray) list = gtf_registry_list ();
  int last = -1;

  for (guint i = 0; i < list->len; i++)
    {
      const GtfPluginInfo *info = list->pdata[i];

      if ((int) info->kind != last)
        printf ("%s%s:\n", last < 0 ? "" : "\n", kind_names[info->kind]);
      last = (int) info->kind;
      print_info (info);
    }
  if (list->len == 0)
    {
      g_auto (GStrv) folders = gtf_registry_get_folders ();
      g_autofree char *all = g_strjoinv (", ", folders);

      cli_note ("there are no modules in %s; GTF_PLUGIN_PATH names more folders", all);
    }
  return CLI_OK;
}

int
cli_plugins (int argc, char **argv)
{
  const char *update = NULL;
  gboolean help = FALSE;
  const CliOption options[] = {
    { "update-cache", 0, CLI_STRING, &update, "DIR", "write the cache of a folder with plugins/, tasks/ and preprocessors/" },
    { "quiet", 'q', CLI_FLAG, &cli_quiet, NULL, "no notes" },
    { "help", 'h', CLI_FLAG, &help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  if (!cli_parse_options ("plugins", argc, argv, options, arguments, &error))
    return cli_usage_error ("plugins", "%s", error->message);
  if (help)
    {
      printf ("Usage: gtransformers plugins [--update-cache DIR]\n\nOptions:\n");
      cli_print_options (options);
      return CLI_OK;
    }
  if (arguments->len)
    return cli_usage_error ("plugins", "'%s' was not expected", (char *) arguments->pdata[0]);
  if (update == NULL)
    return list_plugins ();
  return gtf_registry_update_cache (update, &error) ? CLI_OK : cli_failure (error);
}
