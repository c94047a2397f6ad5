/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers env: what somebody who gets a report of an error asks for first.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include "hub/cache.h"
#include "hub/client.h"
#include "hub/environment.h"
#include "pipeline/reference.h"
#include "registry/registry.h"

static const char *const variables[] = { "GTF_ISA", "GTF_THREADS", "G_MESSAGES_DEBUG", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE",
                                         "HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_DISABLE_SYMLINKS", "NO_COLOR" };

static void
print_processor (void)
{
  g_autofree char *info = NULL;
  char *line, *end;

  if (!g_file_get_contents ("/proc/cpuinfo", &info, NULL, NULL))
    return;
  line = strstr (info, "model name");
  line = line ? strchr (line, ':') : NULL;
  end = line ? strchr (line, '\n') : NULL;
  if (end)
    {
      *end = '\0';
      printf ("processor:        %s\n", g_strstrip (line + 1));
    }
}

static void
print_path (const char *title, char **folders)
{
  for (guint i = 0; folders[i]; i++)
    printf ("%-17s %s%s\n", i ? "" : title, folders[i], g_file_test (folders[i], G_FILE_TEST_IS_DIR) ? "" : "  (not there)");
}

static void
print_environment (void)
{
  g_auto (GStrv) modules = gtf_registry_get_folders ();
  g_auto (GStrv) models = gtf_builtin_get_path ();
  g_autofree char *cache = gtf_hub_get_cache_dir (), *endpoint = gtf_hub_get_endpoint (), *token = gtf_hub_get_token (), *token_path = gtf_hub_get_token_path ();
  g_autofree char *address = gtf_hub_url_display (endpoint);            /* may have a password in it */
  struct utsname system = { 0 };

  uname (&system);
  printf ("gtransformers:    %s\n", gtf_version_string ());
  printf ("GLib:             %u.%u.%u\n", glib_major_version, glib_minor_version, glib_micro_version);
  printf ("system:           %s %s %s\n", system.sysname, system.release, system.machine);
  print_processor ();
  printf ("processors:       %u\n", g_get_num_processors ());
  print_path ("modules:", modules);
  print_path ("built-in models:", models);
  printf ("Hugging Face:     %s%s%s\n", cache, g_file_test (cache, G_FILE_TEST_IS_DIR) ? "" : "  (not there)", gtf_hub_is_offline () ? "  offline" : "");
  printf ("endpoint:         %s\n", address);
  printf ("token:            %s (%s)\n", token ? "yes" : "no", token_path);
  if (cli_user_plugin_path)
    printf ("GTF_PLUGIN_PATH=%s\n", cli_user_plugin_path);
  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    if (g_getenv (variables[i]))
      printf ("%s=%s\n", variables[i], g_getenv (variables[i]));
}

int
cli_env (int argc, char **argv)
{
  gboolean help = FALSE;
  const CliOption options[] = {
    { "help", 'h', CLI_FLAG, &help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  if (!cli_parse_options ("env", argc, argv, options, arguments, &error))
    return cli_usage_error ("env", "%s", error->message);
  if (arguments->len)
    return cli_usage_error ("env", "'%s' was not expected", (char *) arguments->pdata[0]);
  if (help)
    {
      printf ("Usage: gtransformers env\n\nOptions:\n");
      cli_print_options (options);
    }
  else
    print_environment ();
  return CLI_OK;
}
