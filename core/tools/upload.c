/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers upload: files or a folder into a repository, with the arguments of `hf upload`.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include "hub/upload.h"
#include "tools/hub-output.h"

typedef struct
{
  const char *type, *revision, *message, *description, *token, *every;
  gboolean private, public, create_pr, no_create_pr, help;
  GPtrArray *include, *exclude, *remove, *arguments;
  CliHubOutput output;

  GtfHubType repo_type;
  char *id, *branch, *local, *path;     /* branch, path: (nullable) */
} Upload;

static void
upload_clear (Upload *self)
{
  g_free (self->id);
  g_free (self->branch);
  g_free (self->local);
  g_free (self->path);
}

/* ---- what goes where ------------------------------------------------------------------------------------------------ */

/* "datasets/org/name" -> the type, and the rest. */
static const char *
split_type (const char *text, gboolean *found, GtfHubType *type)
{
  for (GtfHubType t = GTF_HUB_TYPE_MODEL; t <= GTF_HUB_TYPE_SPACE; t++)
    {
      g_autofree char *prefix = g_strconcat (gtf_hub_type_get_name (t), "s/", NULL);
      const char *rest = g_str_has_prefix (text, prefix) ? text + strlen (prefix) : NULL;

      if (rest == NULL || !strchr (rest, '/'))
        continue;
      *found = TRUE;
      *type = t;
      return rest;
    }
  return text;
}

/* hf://[TYPE/]ORG/NAME[@REVISION][/PATH]; a revision may be refs/pr/N. */
static void
split_uri (Upload *self, const char *rest)
{
  const char *slash = strchr (rest, '/'), *at = strchr (rest, '@'), *end;

  end = slash ? strchr (slash + 1, '/') : NULL;
  if (at && (end == NULL || at < end))
    {
      gboolean refs = g_str_has_prefix (at + 1, "refs/") && strchr (at + 6, '/');
      const char *from = refs ? strchr (strchr (at + 6, '/') + 1, '/') : strchr (at + 1, '/');

      self->id = g_strndup (rest, (gsize) (at - rest));
      self->branch = from ? g_strndup (at + 1, (gsize) (from - at - 1)) : g_strdup (at + 1);
      end = from;
    }
  else
    self->id = end ? g_strndup (rest, (gsize) (end - rest)) : g_strdup (rest);
  if (end && end[1])
    self->path = g_strdup (end + 1);
}

/* REPO: org/name, TYPEs/org/name, org/name@revision or an hf:// address. */
static gboolean
read_repository (Upload *self, const char *text, GError **error)
{
  gboolean uri = g_str_has_prefix (text, "hf://"), typed = FALSE;
  const char *rest = split_type (uri ? text + strlen ("hf://") : text, &typed, &self->repo_type), *at = strchr (rest, '@');

  if ((uri || typed) && self->type)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--type cannot be used with '%s', which names the type", text);
  else if ((uri || at) && self->revision)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--revision cannot be used with '%s'", text);
  else if (self->type && !gtf_hub_type_from_name (self->type, &self->repo_type))
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--type '%s': expected model, dataset or space", self->type);
  else
    {
      if (uri)
        split_uri (self, rest);
      else
        {
          self->id = at ? g_strndup (rest, (gsize) (at - rest)) : g_strdup (rest);
          self->branch = g_strdup (at ? at + 1 : self->revision);
        }
      return TRUE;
    }
  return FALSE;
}

/* A pattern instead of a path: files of this folder. */
static gboolean
read_pattern (Upload *self, const char *pattern, GError **error)
{
  if (self->include->len || (self->path && strcmp (self->path, ".") != 0))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "'%s' is a pattern, and cannot be combined with --include or a path in the repository", pattern);
      return FALSE;
    }
  g_ptr_array_add (self->include, (gpointer) pattern);
  self->local = g_strdup (".");
  return TRUE;
}

/* The rules of hf: without a path, what is named like the repository. */
static gboolean
read_paths (Upload *self, GError **error)
{
  const char *local = self->arguments->len > 1 ? self->arguments->pdata[1] : NULL, *path = self->arguments->len > 2 ? self->arguments->pdata[2] : NULL;
  g_autofree char *name = g_path_get_basename (self->id);

  if (path && self->path)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "the path '%s' of the hf:// address and the argument '%s' exclude each other", self->path, path);
      return FALSE;
    }
  if (path)
    self->path = g_strdup (path);
  if (local && !g_file_test (local, G_FILE_TEST_EXISTS) && strpbrk (local, "*?["))
    return read_pattern (self, local, error);
  if (local == NULL && !g_file_test (name, G_FILE_TEST_IS_REGULAR) && !g_file_test (name, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "'%s' is no file or folder here: say what is to be uploaded: gtransformers upload %s PATH", name, self->id);
      return FALSE;
    }
  self->local = g_strdup (local ? local : name);
  return TRUE;
}

/* ---- the upload ----------------------------------------------------------------------------------------------------- */

static void
on_note (const char *text, gpointer data)
{
  cli_note ("%s", text);
}

/* A list for patterns, NULL where it is empty. (transfer container) */
static char **
patterns (const Upload *self, GPtrArray *list, const char *option, gboolean file)
{
  g_autoptr (GStrvBuilder) out = g_strv_builder_new ();

  if (file && list->len)
    cli_note ("%s is ignored, since a single file is uploaded", option);
  for (guint i = 0; i < list->len; i++)
    g_strv_builder_add (out, list->pdata[i]);
  return list->len && !file ? g_strv_builder_end (out) : NULL;
}

static int
upload (const Upload *self)
{
  GCancellable *cancellable = cli_interrupt_init ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (self->repo_type, self->id, self->branch, &error);
  g_autoptr (GtfHubClient) client = repo ? gtf_hub_client_new (self->token, &error) : NULL;
  g_autoptr (CliFetch) bar = cli_fetch_new (self->id);
  gboolean file = g_file_test (self->local, G_FILE_TEST_IS_REGULAR), good;
  g_auto (GStrv) include = patterns (self, self->include, "--include", file), exclude = patterns (self, self->exclude, "--exclude", file);
  g_auto (GStrv) remove = patterns (self, self->remove, "--delete", file);
  GtfHubUpload options = { .client = client, .repo = repo, .local = self->local, .path_in_repo = self->path, .include = include, .exclude = exclude, .remove = remove,
                           .message = self->message, .description = self->description, .create_pr = self->create_pr && !self->no_create_pr,
                           .visibility = self->private ? GTF_HUB_VISIBILITY_PRIVATE : self->public ? GTF_HUB_VISIBILITY_PUBLIC : GTF_HUB_VISIBILITY_DEFAULT,
                           .progress = cli_fetch_progress, .note = on_note, .data = bar };
  g_auto (GtfHubUploaded) done = { 0 };

  good = client && gtf_hub_upload (&options, &done, cancellable, &error);
  g_clear_pointer (&bar, cli_fetch_free);
  if (!good)
    return cli_failure (error);
  if (done.pull_request)
    cli_note ("pull request: %s", done.pull_request);
  if (self->output.json)
    cli_hub_result (&self->output, "%s", "", "url", done.url, NULL);
  else
    printf ("%s\n", done.url);
  return CLI_OK;
}

static int
check (Upload *self)
{
  g_autoptr (GError) error = NULL;

  if (self->every)
    return cli_usage_error ("upload", "--every is not there: let a timer of the system (cron, systemd) run this command");
  if (!cli_hub_output_choose (&self->output, &error))
    return cli_usage_error ("upload", "%s", error->message);
  if (self->arguments->len == 0)
    return cli_usage_error ("upload", "the name of a repository is missing");
  if (self->arguments->len > 3)
    return cli_usage_error ("upload", "'%s' was not expected", (char *) self->arguments->pdata[3]);
  if (self->private && self->public)
    return cli_usage_error ("upload", "--private and --no-private exclude each other");
  if (!read_repository (self, self->arguments->pdata[0], &error))
    return cli_usage_error ("upload", "%s", error->message);
  if (self->create_pr && !self->no_create_pr && self->branch && strcmp (self->branch, "main") != 0)
    return cli_usage_error ("upload", "--create-pr proposes something for main, and cannot be combined with the revision '%s'", self->branch);
  return read_paths (self, &error) ? upload (self) : cli_failure (error);
}

int
cli_upload (int argc, char **argv)
{
  g_autoptr (GPtrArray) arguments = g_ptr_array_new (), include = g_ptr_array_new (), exclude = g_ptr_array_new (), remove = g_ptr_array_new ();
  Upload self = { .include = include, .exclude = exclude, .remove = remove, .arguments = arguments };
  const CliOption options[] = {
    { "type", 0, CLI_STRING, &self.type, "TYPE", "model, dataset or space" },
    { "repo-type", 0, CLI_STRING, &self.type, "TYPE", "the same" },
    { "revision", 0, CLI_STRING, &self.revision, "REV", "a branch, which is made if it is not there, or refs/pr/N; main if none is given" },
    { "private", 0, CLI_FLAG, &self.private, NULL, "a repository that has to be made is private" },
    { "no-private", 0, CLI_FLAG, &self.public, NULL, "it is public" },
    { "include", 0, CLI_STRINGS, include, "PATTERN", "only files that match (may come several times)" },
    { "exclude", 0, CLI_STRINGS, exclude, "PATTERN", "no files that match (may come several times)" },
    { "delete", 0, CLI_STRINGS, remove, "PATTERN", "take these files out of the repository in the same commit (may come several times)" },
    { "commit-message", 0, CLI_STRING, &self.message, "TEXT", "the first line of the commit" },
    { "commit-description", 0, CLI_STRING, &self.description, "TEXT", "the rest of it" },
    { "create-pr", 0, CLI_FLAG, &self.create_pr, NULL, "propose it as a pull request" },
    { "no-create-pr", 0, CLI_FLAG, &self.no_create_pr, NULL, "commit it (the default)" },
    { "every", 0, CLI_STRING, &self.every, "MINUTES", "not there" },
    { "token", 0, CLI_STRING, &self.token, "TOKEN", "instead of HF_TOKEN or the stored one" },
    CLI_HUB_OUTPUT_OPTIONS (self.output),
    { "help", 'h', CLI_FLAG, &self.help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GError) error = NULL;
  g_autofree char *token = NULL;
  int status;

  if (!cli_parse_options ("upload", argc, argv, options, arguments, &error))
    return cli_usage_error ("upload", "%s", error->message);
  self.token = token = cli_take_secret (self.token);
  if (self.help)
    {
      printf ("Usage: gtransformers upload REPO [LOCAL_PATH] [PATH_IN_REPO] [OPTION...]\n\nA file, or what is in a folder. Prints the address of the commit. "
              "After an interruption the same command goes on.\n\nOptions:\n");
      cli_print_options (options);
      return CLI_OK;
    }
  status = check (&self);
  upload_clear (&self);
  return status;
}
