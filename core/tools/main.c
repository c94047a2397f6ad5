/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers: the command-line tool. One command = one file of this folder.
 */
#include "tools/cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static const struct
{
  const char *name;
  int (*main) (int argc, char **argv);
  const char *help;
} commands[] = {
  { "run", cli_run, "run a task on text, sound or pictures" },
  { "tokenize", cli_tokenize, "text to tokens and back" },
  { "preprocess", cli_preprocess, "the tensors that a model would see" },
  { "inspect", cli_inspect, "what a model is and what is in it" },
  { "convert", cli_convert, "weights as safetensors, of another type or in shards" },
  { "search", cli_search, "models of the Hub, and whether one can be run here" },
  { "download", cli_download, "a repository of the Hub, or files of it, into the cache" },
  { "upload", cli_upload, "files into a repository of the Hub" },
  { "cache", cli_cache, "what was downloaded: list, delete, compare with the Hub" },
  { "auth", cli_auth, "log in to the Hub and out of it" },
  { "plugins", cli_plugins, "architectures, tasks and preprocessors that there are" },
  { "env", cli_env, "versions, folders and processor, for reports of errors" },
};

static int
help (void)
{
  printf ("Usage: gtransformers COMMAND [ARGUMENT...]\n\nTransformers models, in C.\n\nCommands:\n");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    printf ("  %-12s %s\n", commands[i].name, commands[i].help);
  printf ("\n  --version    the version\n  --help       this; behind a command: its own help\n\n"
          "Example:\n  gtransformers run automatic-speech-recognition talk.flac --model openai/whisper-base --format srt\n");
  return CLI_OK;
}

const char *cli_user_plugin_path;

/* Out of the build folder the tool runs with nothing set: two levels up there are plugins/, tasks/ and models/. */
static void
find_build_folder (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = self ? g_path_get_dirname (self) : NULL;
  g_autofree char *up = folder ? g_canonicalize_filename ("../..", folder) : NULL;
  g_autofree char *mark = up ? g_build_filename (up, "meson-info", NULL) : NULL;
  const char *old = cli_user_plugin_path;
  g_autofree char *path = NULL;

  if (mark == NULL || !g_file_test (mark, G_FILE_TEST_IS_DIR))
    return;
  path = old && *old ? g_strdup_printf ("%s:%s", old, up) : g_strdup (up);
  g_setenv ("GTF_PLUGIN_PATH", path, TRUE);
}

int
main (int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : "";

  setlocale (LC_ALL, "");
  g_set_prgname ("gtransformers");
  cli_user_plugin_path = g_intern_string (g_getenv ("GTF_PLUGIN_PATH"));
  find_build_folder ();
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (name, commands[i].name) == 0)
      return commands[i].main (argc - 1, argv + 1);
  if (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0 || strcmp (name, "help") == 0)
    return help ();
  if (strcmp (name, "--version") == 0)
    {
      printf ("gtransformers %s\n", gtf_version_string ());
      return CLI_OK;
    }
  if (*name == '\0')
    return cli_usage_error ("", "a command is missing");
  return cli_usage_error ("", "unknown command '%s'", name);
}
