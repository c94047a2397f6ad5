/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers download: files of a repository, with the arguments of `hf download`.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include "hub/environment.h"
#include "hub/cache.h"

typedef struct
{
  const char *type, *revision, *cache, *local_dir, *token, *workers, *format;
  gboolean force, dry_run, help;
  GPtrArray *include, *exclude, *arguments;
  guint n_workers;
} Download;

/* A list for patterns, NULL where it is empty: no filter. (transfer container) */
static char **
patterns (GPtrArray *list)
{
  g_autoptr (GStrvBuilder) out = g_strv_builder_new ();

  for (guint i = 0; i < list->len; i++)
    g_strv_builder_add (out, list->pdata[i]);
  return list->len ? g_strv_builder_end (out) : NULL;
}

/* The names after the repository: files, and folders that end with a slash, become patterns. */
static int
names_to_patterns (Download *self)
{
  gboolean folders = FALSE;

  for (guint i = 1; i < self->arguments->len; i++)
    folders = folders || g_str_has_suffix (self->arguments->pdata[i], "/");
  if (folders && (self->include->len || self->exclude->len))
    return cli_usage_error ("download", "a folder ('%s') cannot be combined with --include or --exclude; write it as --include", (char *) self->arguments->pdata[1]);
  if (self->arguments->len > 1 && (self->include->len || self->exclude->len))
    cli_note ("--include and --exclude are ignored, since files are named");
  if (self->arguments->len > 1)
    {
      g_ptr_array_set_size (self->include, 0);
      g_ptr_array_set_size (self->exclude, 0);
    }
  for (guint i = 1; i < self->arguments->len; i++)
    g_ptr_array_add (self->include, self->arguments->pdata[i]);
  return CLI_OK;
}

static void
print_dry_run (const GtfHubDownload *options, const char *commit, GPtrArray *files)
{
  g_autofree char *size = NULL;
  guint64 total = 0;
  guint n = 0;

  for (guint i = 0; i < files->len; i++)
    {
      const GtfHubFile *file = files->pdata[i];

      if (!options->force && gtf_hub_download_has (options, commit, file))
        continue;
      n++;
      total += (guint64) MAX (file->size, 0);
    }
  size = g_format_size (total);
  printf ("[dry-run] Will download %u files (out of %u) totalling %s.\n", n, files->len, size);
  for (guint i = 0; i < files->len; i++)
    {
      const GtfHubFile *file = files->pdata[i];
      g_autofree char *one = g_format_size ((guint64) MAX (file->size, 0));
      gboolean has = !options->force && gtf_hub_download_has (options, commit, file);

      printf ("%-10s %s\n", has ? "-" : one, file->path);
    }
}

/* Whether a snapshot has all that was asked for, as far as the listing of its commit is known. */
static gboolean
is_whole (const Download *self, const GtfHubStore *store, const char *commit)
{
  g_autoptr (GPtrArray) files = gtf_hub_tree_read (store->folder, commit), chosen = NULL;
  g_auto (GStrv) include = patterns (self->include), exclude = patterns (self->exclude);

  chosen = files ? gtf_hub_select_matching (files, include, exclude) : NULL;
  for (guint i = 0; chosen && i < chosen->len; i++)
    {
      g_autofree char *path = gtf_hub_store_pointer (store, commit, ((GtfHubFile *) chosen->pdata[i])->path);

      if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return FALSE;
    }
  return TRUE;
}

/* Without a network: what the cache has. (transfer full) (nullable) */
static char *
cached_instead (const Download *self, const GtfHubRepo *repo, const char *path)
{
  g_autoptr (GtfHubStore) store = gtf_hub_store_new (self->cache, repo);
  g_autofree char *commit = gtf_hub_is_commit (repo->revision) ? g_strdup (repo->revision) : gtf_hub_read_ref (store->folder, repo->revision), *found = NULL;

  if (commit == NULL || self->local_dir)
    return NULL;
  if (path == NULL && !is_whole (self, store, commit))
    return NULL;
  found = path ? gtf_hub_store_pointer (store, commit, path) : gtf_hub_store_snapshot (store, commit);
  return g_file_test (found, path ? G_FILE_TEST_IS_REGULAR : G_FILE_TEST_IS_DIR) ? g_steal_pointer (&found) : NULL;
}

/* One file by its name: a HEAD and a GET. (transfer full): its path */
static char *
download_one (const Download *self, const GtfHubDownload *options, const char *path, GCancellable *cancellable, GError **error)
{
  g_autofree char *address = gtf_hub_repo_dup_resolve (options->repo, options->client, options->repo->revision, path);
  g_autofree char *page = gtf_hub_repo_dup_page (options->repo, options->client), *commit = NULL, *url = NULL;
  g_autofree char *what = g_strdup_printf ("%s: %s", options->repo->what, path), *cached = cached_instead (self, options->repo, path);
  GtfHubRequest request = { .url = address, .what = what, .page = page, .flags = cached ? GTF_HUB_REQUEST_PLAIN : GTF_HUB_REQUEST_PATIENT };
  g_autoptr (GtfHubStore) store = gtf_hub_store_new (self->cache, options->repo);
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_hub_file_free);
  GtfHubFile *file;
  gboolean moved;

  if (!gtf_hub_check_path (options->repo->what, path, error))
    return NULL;
  if (cached && gtf_hub_is_commit (options->repo->revision) && !self->force && !self->dry_run)
    return g_steal_pointer (&cached);
  file = gtf_hub_ask_file (options->client, &request, path, &commit, &url, cancellable, error);
  if (file == NULL && gtf_hub_is_commit (request.missing_commit))
    {
      gtf_hub_store_no_exist (store, request.missing_commit, path);
      gtf_hub_store_write_ref (store, options->repo->revision, request.missing_commit, NULL);
    }
  g_free (request.missing_commit);
  if (file == NULL)
    return NULL;
  g_ptr_array_add (files, file);
  moved = strcmp (url, address) != 0;   /* else by its commit: the branch may have another one before it is fetched */
  if (self->dry_run)
    print_dry_run (options, commit, files);
  else if (!gtf_hub_store_write_ref (store, options->repo->revision, commit, error) || !gtf_hub_download (options, commit, files, moved ? url : NULL, cancellable, error))
    return NULL;
  return gtf_hub_download_path (options, commit, path);
}

/* All files that the patterns take. (transfer full): the folder */
static char *
download_many (const Download *self, const GtfHubDownload *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfHubStore) store = gtf_hub_store_new (self->cache, options->repo);
  g_autofree char *trees = self->local_dir ? g_build_filename (self->local_dir, ".cache", "huggingface", NULL) : g_strdup (store->folder);
  g_autofree char *cached = cached_instead (self, options->repo, NULL);
  GtfHubRequestFlags flags = cached ? GTF_HUB_REQUEST_PLAIN : GTF_HUB_REQUEST_PATIENT;
  g_autofree char *commit = gtf_hub_ask_commit (options->client, options->repo, flags, cancellable, error);
  g_autoptr (GPtrArray) files = commit ? gtf_hub_tree_read (trees, commit) : NULL, chosen = NULL;
  g_auto (GStrv) include = patterns (self->include), exclude = patterns (self->exclude);

  gboolean known = files != NULL;

  if (commit && !known)
    files = gtf_hub_ask_tree (options->client, options->repo, commit, flags, cancellable, error);
  if (files == NULL)
    return NULL;
  chosen = gtf_hub_select_matching (files, include, exclude);
  if (chosen->len == 0 && files->len)
    cli_note ("%s: no file matches", options->repo->what);
  if (self->dry_run)
    print_dry_run (options, commit, chosen);
  else if (!gtf_hub_store_write_ref (store, options->repo->revision, commit, error) || !gtf_hub_download (options, commit, chosen, NULL, cancellable, error))
    return NULL;
  if (!self->dry_run && !known)
    gtf_hub_tree_write (trees, commit, files);
  return self->local_dir ? g_canonicalize_filename (self->local_dir, NULL) : gtf_hub_download_path (options, commit, "");
}

static int
download (Download *self, const GtfHubRepo *repo)
{
  GCancellable *cancellable = cli_interrupt_init ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubClient) client = gtf_hub_client_new (self->token, &error);
  g_autoptr (CliFetch) bar = cli_fetch_new (repo->id);
  const GtfHubDownload options = { client, repo, self->cache, self->local_dir, self->force, self->n_workers, cli_fetch_progress, bar };
  const char *one = self->arguments->len == 2 && !g_str_has_suffix (self->arguments->pdata[1], "/") ? self->arguments->pdata[1] : NULL;
  g_autofree char *path = NULL;

  if (client)
    path = one ? download_one (self, &options, one, cancellable, &error) : download_many (self, &options, cancellable, &error);
  /* A Hub that cannot be reached or does not let us in: what the cache has is better than nothing, as in huggingface_hub. */
  if (path == NULL && !self->force && !self->dry_run && (g_error_matches (error, GTF_ERROR, GTF_ERROR_IO) || g_error_matches (error, GTF_ERROR, GTF_ERROR_FAILED))
      && (path = cached_instead (self, repo, one)))
    cli_note ("%s; the copy in the cache is used", error->message);
  g_clear_pointer (&bar, cli_fetch_free);
  if (path == NULL)
    return cli_failure (error);
  if (!self->dry_run)
    printf ("%s\n", path);
  return CLI_OK;
}

static int
check (Download *self)
{
  guint64 n;
  g_autoptr (GtfHubRepo) repo = NULL;
  g_autoptr (GError) error = NULL;
  const char *id = self->arguments->len ? self->arguments->pdata[0] : NULL, *at = id ? strchr (id, '@') : NULL;
  g_autofree char *name = at ? g_strndup (id, (gsize) (at - id)) : g_strdup (id);
  GtfHubType type = GTF_HUB_TYPE_MODEL;
  int status;

  if (id == NULL)
    return cli_usage_error ("download", "the name of a repository is missing");
  if (self->local_dir && self->cache)
    return cli_usage_error ("download", "--local-dir and --cache-dir exclude each other");
  if (self->type && !gtf_hub_type_from_name (self->type, &type))
    return cli_usage_error ("download", "--type '%s': expected model, dataset or space", self->type);
  if (self->workers && (!g_ascii_string_to_unsigned (self->workers, 10, 1, 256, &n, NULL) || !(self->n_workers = (guint) n)))
    return cli_usage_error ("download", "--max-workers '%s': expected a number from 1 to 256", self->workers);
  if (at && self->revision)
    return cli_usage_error ("download", "%s names a revision and so does --revision", id);
  repo = gtf_hub_repo_new (type, name, at ? at + 1 : self->revision, &error);
  if (repo == NULL)
    return cli_failure (error);
  status = names_to_patterns (self);
  return status == CLI_OK ? download (self, repo) : status;
}

int
cli_download (int argc, char **argv)
{
  g_autoptr (GPtrArray) arguments = g_ptr_array_new (), include = g_ptr_array_new (), exclude = g_ptr_array_new ();
  Download self = { .include = include, .exclude = exclude, .arguments = arguments };
  const CliOption options[] = {
    { "include", 0, CLI_STRINGS, include, "PATTERN", "only files that match (may come several times)" },
    { "exclude", 0, CLI_STRINGS, exclude, "PATTERN", "no files that match (may come several times)" },
    { "revision", 0, CLI_STRING, &self.revision, "REV", "branch, tag, commit or refs/pr/N; main if none is given" },
    { "type", 0, CLI_STRING, &self.type, "TYPE", "model, dataset or space" },
    { "repo-type", 0, CLI_STRING, &self.type, "TYPE", "the same" },
    { "cache-dir", 0, CLI_STRING, &self.cache, "DIR", "a cache other than the usual one" },
    { "local-dir", 0, CLI_STRING, &self.local_dir, "DIR", "put the files there, not into the cache" },
    { "force-download", 0, CLI_FLAG, &self.force, NULL, "fetch what is there already, too" },
    { "dry-run", 0, CLI_FLAG, &self.dry_run, NULL, "only say what would be fetched" },
    { "token", 0, CLI_STRING, &self.token, "TOKEN", "instead of HF_TOKEN or the stored one" },
    { "max-workers", 0, CLI_STRING, &self.workers, "N", "files at the same time; 8 if none is given" },
    { "quiet", 'q', CLI_FLAG, &cli_quiet, NULL, "no progress, no notes" },
    { "help", 'h', CLI_FLAG, &self.help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GError) error = NULL;
  g_autofree char *token = NULL;

  if (!cli_parse_options ("download", argc, argv, options, arguments, &error))
    return cli_usage_error ("download", "%s", error->message);
  self.token = token = cli_take_secret (self.token);
  if (self.help)
    {
      printf ("Usage: gtransformers download REPO [FILE...] [OPTION...]\n\nPrints the path of the file or of the snapshot.\n\nOptions:\n");
      cli_print_options (options);
      return CLI_OK;
    }
  return check (&self);
}
