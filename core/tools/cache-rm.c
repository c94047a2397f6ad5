/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers cache rm, prune: taking out what is named, or what nobody needs. What is to go is gathered, shown, asked about, and then goes.
 */
#include "tools/cache.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "hub/scan.h"

/* What is to go: a repository and some of its revisions. */
typedef struct
{
  const GtfHubCachedRepo *repo;
  GPtrArray *revisions;
} Selection;

static void
selection_clear (gpointer data)
{
  g_ptr_array_unref (((Selection *) data)->revisions);
}

static void
select_revision (GArray *selected, const GtfHubCachedRepo *repo, GtfHubCachedRevision *revision)
{
  Selection *found = NULL;

  for (guint i = 0; i < selected->len; i++)
    if (g_array_index (selected, Selection, i).repo == repo)
      found = &g_array_index (selected, Selection, i);
  if (found == NULL)
    {
      const Selection fresh = { repo, g_ptr_array_new () };

      g_array_append_val (selected, fresh);
      found = &g_array_index (selected, Selection, selected->len - 1);
    }
  if (!g_ptr_array_find (found->revisions, revision, NULL))
    g_ptr_array_add (found->revisions, revision);
}

static const GtfHubCachedRepo *
find_repo (const GtfHubScan *scan, const char *key)
{
  for (guint i = 0; i < scan->repos->len; i++)
    if (g_ascii_strcasecmp (((GtfHubCachedRepo *) scan->repos->pdata[i])->key, key) == 0)
      return scan->repos->pdata[i];
  return NULL;
}

static gboolean
select_commit (GArray *selected, const GtfHubScan *scan, const char *commit)
{
  for (guint i = 0; i < scan->repos->len; i++)
    {
      const GtfHubCachedRepo *repo = scan->repos->pdata[i];

      for (guint r = 0; r < repo->revisions->len; r++)
        if (g_ascii_strcasecmp (((GtfHubCachedRevision *) repo->revisions->pdata[r])->commit, commit) == 0)
          {
            select_revision (selected, repo, repo->revisions->pdata[r]);
            return TRUE;
          }
    }
  return FALSE;
}

/* "hf://models/org/name/FILE" -> "model/org/name" and the file, if there is one. */
static char *
parse_uri (const char *target, const GtfHubScan *scan, char **file)
{
  const char *rest = target + strlen ("hf://");
  g_autofree char *plain = g_str_has_prefix (rest, "models/") ? g_strconcat ("model/", rest + 7, NULL)
                           : g_str_has_prefix (rest, "datasets/") ? g_strconcat ("dataset/", rest + 9, NULL)
                           : g_str_has_prefix (rest, "spaces/") ? g_strconcat ("space/", rest + 7, NULL) : g_strconcat ("model/", rest, NULL);
  g_auto (GStrv) parts = g_strsplit (plain, "/", 4);

  if (g_strv_length (parts) == 4 && *parts[3])
    {
      *file = g_strdup (parts[3]);
      return g_strdup_printf ("%s/%s/%s", parts[0], parts[1], parts[2]);
    }
  return g_steal_pointer (&plain);
}

static gboolean
select_target (GArray *selected, const GtfHubScan *scan, const char *target)
{
  g_autofree char *file = NULL, *key = g_str_has_prefix (target, "hf://") ? parse_uri (target, scan, &file) : g_strdup (target);
  const GtfHubCachedRepo *repo = find_repo (scan, key);

  if (strlen (target) == 40 && strspn (target, "0123456789abcdefABCDEF") == 40)
    return select_commit (selected, scan, target);
  for (guint r = 0; repo && r < repo->revisions->len; r++)
    select_revision (selected, repo, repo->revisions->pdata[r]);
  return repo != NULL;
}

static gint64
selection_size (GArray *selected)
{
  gint64 size = 0;

  for (guint i = 0; i < selected->len; i++)
    size += gtf_hub_removal_size (g_array_index (selected, Selection, i).repo, g_array_index (selected, Selection, i).revisions);
  return size;
}

static void
print_selection (const CliCache *self, GArray *selected)
{
  for (guint i = 0; i < selected->len; i++)
    {
      const Selection *s = &g_array_index (selected, Selection, i);

      if (s->revisions->len == s->repo->revisions->len)
        {
          cli_hub_text (&self->output, "  - %s (entire repo)", s->repo->key);
          continue;
        }
      cli_hub_text (&self->output, "  - %s:", s->repo->key);
      for (guint r = 0; r < s->revisions->len; r++)
        {
          const GtfHubCachedRevision *revision = s->revisions->pdata[r];
          g_autofree char *size = cli_hub_size (revision->size);
          g_autoptr (GString) refs = g_string_new (NULL);

          for (guint k = 0; k < revision->refs->len; k++)
            g_string_append_printf (refs, "%s%s", k ? " " : "", (char *) revision->refs->pdata[k]);
          cli_hub_text (&self->output, "      %s [%s] %s", revision->commit, refs->len ? refs->str : "(detached)", size);
        }
    }
}

/* CLI_OK to go on. */
static int
confirm (const CliCache *self, const char *question)
{
  char answer[16] = "";
  g_autoptr (GError) error = NULL;

  if (self->yes)
    return CLI_OK;
  if (!isatty (STDIN_FILENO) || !isatty (STDERR_FILENO))
    {
      error = g_error_new (GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s There is no terminal to ask at: use --yes to go on without a question", question);
      return cli_failure (error);
    }
  fprintf (stderr, "%s [y/N]: ", question);
  if (fgets (answer, sizeof answer, stdin) && g_ascii_tolower (*answer) == 'y')
    return CLI_OK;
  fprintf (stderr, "Aborted!\n");
  return CLI_FAILED;
}

static gboolean
remove_selection (const GtfHubScan *scan, GArray *selected, GError **error)
{
  for (guint i = 0; i < selected->len; i++)
    if (!gtf_hub_remove_revisions (scan->cache, g_array_index (selected, Selection, i).repo, g_array_index (selected, Selection, i).revisions, error))
      return FALSE;
  return TRUE;
}

static void
count_selection (GArray *selected, guint *n_repos, guint *n_partial, guint *n_revisions)
{
  for (guint i = 0; i < selected->len; i++)
    {
      const Selection *s = &g_array_index (selected, Selection, i);
      gboolean whole = s->revisions->len == s->repo->revisions->len;

      *n_repos += whole;
      *n_partial += whole ? 0 : s->revisions->len;
      *n_revisions += s->revisions->len;
    }
}

static int
remove_files (CliCache *self, const GtfHubScan *scan)
{
  g_autoptr (GError) error = NULL;
  gint64 freed = 0;
  guint n = 0;
  int status = self->dry_run ? CLI_OK : confirm (self, "Proceed with deletion?");

  for (guint i = 0; status == CLI_OK && i < self->arguments->len; i++)
    {
      g_autofree char *file = NULL, *key = parse_uri (self->arguments->pdata[i], scan, &file);
      const GtfHubCachedRepo *repo = find_repo (scan, key);

      if (repo == NULL)
        {
          cli_note ("Warning: Could not find in cache:\n  - %s", (char *) self->arguments->pdata[i]);
          continue;
        }
      cli_hub_text (&self->output, "  - %s: %s", repo->key, file);
      n++;
      if (!self->dry_run && !gtf_hub_remove_file (scan->cache, repo, file, &freed, &error))
        return cli_failure (error);
    }
  if (status == CLI_OK && n && !self->dry_run)
    {
      g_autofree char *size = cli_hub_size (freed);

      cli_hub_result (&self->output, "Deleted files; freed %s.", size, "freed", size, NULL);
    }
  else if (status == CLI_OK)
    cli_hub_text (&self->output, n ? "Dry run: no files were deleted." : "Nothing to delete.");
  return status;
}

static gboolean
is_file_target (const char *target)
{
  g_autofree char *file = NULL, *key = g_str_has_prefix (target, "hf://") ? parse_uri (target, NULL, &file) : NULL;

  return file != NULL;
}

static int
finish_removal (CliCache *self, const GtfHubScan *scan, GArray *selected)
{
  g_autofree char *size = cli_hub_size (selection_size (selected)), *repos = NULL, *revisions = NULL, *text = NULL;
  g_autoptr (GString) summary = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  guint n_repos = 0, n_partial = 0, n_revisions = 0;
  int status;

  count_selection (selected, &n_repos, &n_partial, &n_revisions);
  repos = g_strdup_printf ("%u", n_repos);
  revisions = g_strdup_printf ("%u", n_revisions);
  if (n_repos)
    g_string_append_printf (summary, "%u repo(s)", n_repos);
  if (n_partial)
    g_string_append_printf (summary, "%s%u revision(s)", n_repos ? " and " : "", n_partial);
  cli_hub_text (&self->output, "About to delete %s totalling %s.", summary->str, size);
  print_selection (self, selected);
  if (self->dry_run)
    {
      cli_hub_result (&self->output, "%s", "Dry run: no files were deleted.", "dry_run", "True", "repos", repos, "revisions", revisions, "size", size, NULL);
      return CLI_OK;
    }
  status = confirm (self, "Proceed with deletion?");
  if (status != CLI_OK)
    return status;
  if (!remove_selection (scan, selected, &error))
    return cli_failure (error);
  text = g_strdup_printf ("Deleted %s repo(s) and %s revision(s); freed %s.", repos, revisions, size);
  cli_hub_result (&self->output, "%s", text, "repos_deleted", repos, "revisions_deleted", revisions, "freed", size, NULL);
  return CLI_OK;
}

int
cli_cache_remove (CliCache *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubScan) scan = NULL;
  g_autoptr (GArray) selected = g_array_new (FALSE, FALSE, sizeof (Selection));
  guint n_files = 0;

  g_array_set_clear_func (selected, selection_clear);
  if (self->arguments->len == 0)
    return cli_usage_error ("cache rm", "what is to be deleted? expected model/org/name, a revision's hash or hf://models/org/name/FILE");
  scan = gtf_hub_scan (self->cache, &error);
  if (scan == NULL)
    return cli_failure (error);
  for (guint i = 0; i < self->arguments->len; i++)
    n_files += is_file_target (self->arguments->pdata[i]);
  if (n_files && n_files < self->arguments->len)
    {
      error = g_error_new (GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "files cannot be deleted together with repositories or revisions: give them in two commands");
      return cli_failure (error);
    }
  if (n_files)
    return remove_files (self, scan);
  for (guint i = 0; i < self->arguments->len; i++)
    if (!select_target (selected, scan, self->arguments->pdata[i]))
      cli_note ("Warning: Could not find in cache:\n  - %s", (char *) self->arguments->pdata[i]);
  if (selected->len == 0)
    {
      cli_hub_text (&self->output, "Nothing to delete.");
      return CLI_OK;
    }
  return finish_removal (self, scan, selected);
}

int
cli_cache_prune (CliCache *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubScan) scan = gtf_hub_scan (self->cache, &error);
  g_autoptr (GArray) selected = g_array_new (FALSE, FALSE, sizeof (Selection));
  g_autoptr (GPtrArray) shared = NULL;
  g_autofree char *size = NULL, *text = NULL;
  gint64 shared_size = 0;
  guint n_repos = 0, n_partial = 0, n = 0;
  int status;

  g_array_set_clear_func (selected, selection_clear);
  if (scan == NULL)
    return cli_failure (error);
  for (guint i = 0; i < scan->repos->len; i++)
    {
      const GtfHubCachedRepo *repo = scan->repos->pdata[i];

      for (guint r = 0; r < repo->revisions->len; r++)
        if (((GtfHubCachedRevision *) repo->revisions->pdata[r])->refs->len == 0)
          select_revision (selected, repo, repo->revisions->pdata[r]);
    }
  shared = gtf_hub_shared_unused (scan->cache, &shared_size);
  count_selection (selected, &n_repos, &n_partial, &n);
  if (n == 0 && scan->incomplete->len == 0 && shared->len == 0)
    {
      cli_hub_text (&self->output, "No unreferenced revisions, incomplete downloads or shared blobs found. Nothing to prune.");
      return CLI_OK;
    }
  size = cli_hub_size (selection_size (selected) + scan->incomplete_size + shared_size);
  cli_hub_text (&self->output, "About to delete %u unreferenced revision(s), %u incomplete download(s) and %u unreferenced shared blob(s) (%s total).", n, scan->incomplete->len, shared->len, size);
  print_selection (self, selected);
  if (self->dry_run)
    {
      cli_hub_result (&self->output, "%s", "Dry run: no files were deleted.", "dry_run", "True", "size", size, NULL);
      return CLI_OK;
    }
  status = confirm (self, "Proceed?");
  if (status != CLI_OK)
    return status;
  if (!remove_selection (scan, selected, &error))
    return cli_failure (error);
  for (guint i = 0; i < scan->incomplete->len; i++)
    if (!gtf_hub_remove_path (scan->incomplete->pdata[i], &error))
      return cli_failure (error);
  for (guint i = 0; i < shared->len; i++)
    gtf_hub_shared_release (scan->cache, shared->pdata[i]);
  text = g_strdup_printf ("Freed %s.", size);
  cli_hub_result (&self->output, "%s", text, "freed", size, NULL);
  return CLI_OK;
}
