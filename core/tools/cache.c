/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers cache ls | rm | prune | verify, as `hf cache` has them.
 */
#include "tools/cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/json-print.h"
#include "hub/scan.h"
#include "hub/verify.h"
#include "tools/hub-output.h"

typedef struct
{
  CliHubOutput output;
  const char *cache, *sort, *limit, *revision, *type, *local_dir, *token;
  gboolean help, revisions, warnings, yes, dry_run, fail_missing, fail_extra;
  GPtrArray *filters, *arguments;
} Cache;

/* ---- ls ------------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfHubCachedRepo *repo;
  const GtfHubCachedRevision *revision;         /* NULL: the repository as a whole */
} Entry;

static gint64
entry_size (const Entry *e)
{
  return e->revision ? e->revision->size : e->repo->size;
}

static gint64
entry_modified (const Entry *e)
{
  return e->revision ? e->revision->modified : e->repo->modified;
}

static GPtrArray *
entry_refs (const Entry *e)
{
  return e->revision ? e->revision->refs : e->repo->refs;
}

static gboolean
compare (double left, const char *op, double right)
{
  if (strcmp (op, "=") == 0 || strcmp (op, "!=") == 0)
    return (left == right) == (*op == '=');
  if (strcmp (op, ">=") == 0 || strcmp (op, "<=") == 0)
    return *op == '>' ? left >= right : left <= right;
  return *op == '>' ? left > right : left < right;
}

/* A number and its unit, out of "NAMEs" in the order of @factors; negative if it is none. */
static double
number_with_unit (const char *text, const char *units, const double *factors)
{
  char *end;
  double value = g_ascii_strtod (text, &end);
  const char *unit;

  if (end == text || value < 0)
    return -1;
  if (!*end)
    return value;
  unit = strchr (units, g_ascii_tolower (*end));
  return unit ? value * factors[unit - units] : -1;
}

static double
parse_size (const char *text)
{
  static const double factors[] = { 1, 1e3, 1e6, 1e9, 1e12 };

  return number_with_unit (text, "bkmgt", factors);
}

static double
parse_duration (const char *text)
{
  static const double factors[] = { 1, 60, 3600, 86400, 7 * 86400, 365 * 86400 };

  return number_with_unit (text, g_str_has_suffix (text, "mo") ? "?" : "smhdwy", factors);
}

/* "size>1GB" and the like; FALSE and *bad for one that is none. */
static gboolean
passes (const Entry *e, const char *filter, gboolean *bad)
{
  g_autofree char *copy = g_strdup (filter), *key = NULL, *op = NULL;
  gsize n = strcspn (copy, "=!<>"), m = strspn (copy + n, "=!<>");
  const char *value = g_strstrip (copy + n + m);
  double now = (double) g_get_real_time () / 1e6, wanted;

  key = g_ascii_strdown (g_strstrip (g_strndup (copy, n)), -1);
  op = g_strndup (filter + n, m);
  if (strcmp (op, "==") == 0)
    op[1] = '\0';
  *bad = !*op || !*value || !g_strv_contains ((const char *const[]){ "=", "!=", "<", ">", "<=", ">=", NULL }, op);
  if (!*bad && strcmp (key, "size") == 0)
    {
      *bad = (wanted = parse_size (value)) < 0;
      return compare ((double) entry_size (e), op, wanted);
    }
  if (!*bad && (strcmp (key, "accessed") == 0 || strcmp (key, "modified") == 0))
    {
      *bad = (wanted = parse_duration (value)) < 0;
      return compare (now - (double) (*key == 'a' ? e->repo->accessed : entry_modified (e)), op, wanted);
    }
  *bad = *bad || strcmp (op, "=") != 0;
  if (!*bad && strcmp (key, "type") == 0)
    return g_ascii_strcasecmp (gtf_hub_type_get_name (e->repo->type), value) == 0;
  if (!*bad && strcmp (key, "refs") == 0)
    {
      for (guint i = 0; i < entry_refs (e)->len; i++)
        if (g_ascii_strcasecmp (entry_refs (e)->pdata[i], value) == 0)
          return TRUE;
      return FALSE;
    }
  *bad = TRUE;
  return FALSE;
}

static int
by_sort (gconstpointer a, gconstpointer b, gpointer data)
{
  const Entry *first = a, *second = b;
  const char *sort = data;
  int order = 0;

  if (g_str_has_prefix (sort, "name"))
    order = g_ascii_strcasecmp (first->repo->key, second->repo->key);
  else if (g_str_has_prefix (sort, "size"))
    order = entry_size (first) < entry_size (second) ? 1 : entry_size (first) > entry_size (second) ? -1 : 0;
  else if (g_str_has_prefix (sort, "accessed"))
    order = first->repo->accessed < second->repo->accessed ? 1 : first->repo->accessed > second->repo->accessed ? -1 : 0;
  else
    order = entry_modified (first) < entry_modified (second) ? 1 : entry_modified (first) > entry_modified (second) ? -1 : 0;
  return g_str_has_suffix (sort, g_str_has_prefix (sort, "name") ? ":desc" : ":asc") ? -order : order;
}

static gboolean
is_sort (const char *sort)
{
  g_auto (GStrv) parts = g_strsplit (sort, ":", 2);

  return g_strv_contains ((const char *const[]){ "accessed", "modified", "name", "size", NULL }, parts[0])
         && (!parts[1] || g_strv_contains ((const char *const[]){ "asc", "desc", NULL }, parts[1]));
}

static void
print_entries (const Cache *self, GArray *entries)
{
  static const char *const plain[] = { "id", "size", "last_accessed", "last_modified", "refs", NULL };
  static const char *const detailed[] = { "id", "revision", "size", "last_modified", "refs", NULL };
  g_autoptr (CliHubTable) table = cli_hub_table_new (self->revisions ? detailed : plain, self->revisions ? "revision" : "id");

  for (guint i = 0; i < entries->len; i++)
    {
      const Entry *e = &g_array_index (entries, Entry, i);
      g_autofree char *size = cli_hub_size (entry_size (e)), *accessed = cli_hub_since (e->repo->accessed), *modified = cli_hub_since (entry_modified (e));

      cli_hub_table_row (table);
      cli_hub_table_put (table, "id", e->repo->key);
      cli_hub_table_put (table, "repo_id", e->repo->id);
      cli_hub_table_put (table, "repo_type", gtf_hub_type_get_name (e->repo->type));
      if (e->revision)
        {
          cli_hub_table_put (table, "revision", e->revision->commit);
          cli_hub_table_put (table, "snapshot_path", e->revision->path);
        }
      cli_hub_table_put (table, "size", size);
      if (!e->revision)
        cli_hub_table_put (table, "last_accessed", accessed);
      cli_hub_table_put (table, "last_modified", modified);
      cli_hub_table_put_list (table, "refs", entry_refs (e));
    }
  cli_hub_table_print (table, &self->output);
}

static void
print_sums (const Cache *self, const GtfHubScan *scan, GArray *entries)
{
  g_autoptr (GHashTable) repos = g_hash_table_new (NULL, NULL);
  g_autofree char *size = NULL;
  guint n_revisions = 0;
  gint64 total = 0;

  for (guint i = 0; i < entries->len; i++)
    {
      const Entry *e = &g_array_index (entries, Entry, i);
      gboolean is_new = g_hash_table_add (repos, (gpointer) e->repo);

      n_revisions += self->revisions ? 1 : is_new ? e->repo->revisions->len : 0;
      total += entry_size (e);
    }
  if (!self->revisions && !self->filters->len && !self->limit)
    total = scan->size;
  size = cli_hub_size (total);
  if (entries->len)
    cli_hub_text (&self->output, "\nFound %u repo(s) for a total of %u revision(s) and %s on disk.", g_hash_table_size (repos), n_revisions, size);
}

static void
print_hints (const Cache *self, const GtfHubScan *scan)
{
  g_autofree char *incomplete = cli_hub_size (scan->incomplete_size);

  if (scan->warnings->len && !self->warnings)
    cli_note ("Warning: Found %u cache inconsistencies. Re-run with `--show-warnings` to display them.", scan->warnings->len);
  for (guint i = 0; self->warnings && i < scan->warnings->len; i++)
    cli_note ("Warning: %s", (char *) scan->warnings->pdata[i]);
  if (scan->incomplete->len)
    cli_note ("Found %u incomplete download(s) totalling %s. Remove them with 'gtransformers cache prune'.", scan->incomplete->len, incomplete);
}

static int
list (Cache *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubScan) scan = NULL;
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  guint64 limit = G_MAXUINT;

  if (self->sort && !is_sort (self->sort))
    return cli_usage_error ("cache ls", "--sort '%s': expected accessed, modified, name or size, with :asc or :desc behind it or not", self->sort);
  if (self->limit && !g_ascii_string_to_unsigned (self->limit, 10, 0, G_MAXUINT, &limit, NULL))
    return cli_usage_error ("cache ls", "--limit '%s': expected a number", self->limit);
  if (self->arguments->len)
    return cli_usage_error ("cache ls", "'%s' was not expected", (char *) self->arguments->pdata[0]);
  scan = gtf_hub_scan (self->cache, &error);
  if (scan == NULL)
    return cli_failure (error);
  for (guint i = 0; i < scan->repos->len; i++)
    {
      const GtfHubCachedRepo *repo = scan->repos->pdata[i];

      for (guint r = 0; r < (self->revisions ? repo->revisions->len : 1); r++)
        {
          const Entry e = { repo, self->revisions ? repo->revisions->pdata[r] : NULL };
          gboolean good = TRUE, bad = FALSE;

          for (guint f = 0; good && f < self->filters->len; f++)
            {
              good = passes (&e, self->filters->pdata[f], &bad);
              if (bad)
                return cli_usage_error ("cache ls", "--filter '%s': expected size, accessed, modified, type or refs, an operator and a value: 'size>1GB', 'accessed>7d', 'type=model'",
                                        (char *) self->filters->pdata[f]);
            }
          if (good)
            g_array_append_val (entries, e);
        }
    }
  if (self->sort)
    g_array_sort_with_data (entries, by_sort, (gpointer) self->sort);
  if (entries->len > limit)
    g_array_set_size (entries, (guint) limit);
  print_entries (self, entries);
  print_sums (self, scan, entries);
  print_hints (self, scan);
  return CLI_OK;
}

/* ---- rm, prune ------------------------------------------------------------------------------------------------------ */

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
print_selection (const Cache *self, GArray *selected)
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
confirm (const Cache *self, const char *question)
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
remove_files (Cache *self, const GtfHubScan *scan)
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
finish_removal (Cache *self, const GtfHubScan *scan, GArray *selected)
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

static int
take_out (Cache *self)
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

static int
prune (Cache *self)
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

/* ---- verify --------------------------------------------------------------------------------------------------------- */

static void
print_paths (const Cache *self, const char *title, GPtrArray *paths)
{
  cli_hub_text (&self->output, "%s", title);
  for (guint i = 0; i < paths->len; i++)
    cli_hub_text (&self->output, "  - %s", (char *) paths->pdata[i]);
}

static int
judge (const Cache *self, const GtfHubRepo *repo, const GtfHubVerification *v)
{
  const char *type = gtf_hub_type_get_name (repo->type);
  g_autofree char *checked = g_strdup_printf ("%u", v->n_checked), *text = NULL;
  g_autoptr (GError) error = NULL;
  gboolean bad = v->wrong->len || (v->missing->len && self->fail_missing) || (v->extra->len && self->fail_extra);

  if (v->wrong->len)
    print_paths (self, "Checksum verification failed for the following file(s):", v->wrong);
  if (v->missing->len && self->fail_missing)
    print_paths (self, "Missing files (present remotely, absent locally):", v->missing);
  else if (v->missing->len)
    cli_note ("Warning: %u remote file(s) are missing locally. Use --fail-on-missing-files for details.", v->missing->len);
  if (v->extra->len && self->fail_extra)
    print_paths (self, "Extra files (present locally, absent remotely):", v->extra);
  else if (v->extra->len)
    cli_note ("Warning: %u local file(s) do not exist on the remote repo. Use --fail-on-extra-files for details.", v->extra->len);
  if (bad)
    {
      error = g_error_new (GTF_ERROR, GTF_ERROR_INVALID_DATA, "Verification failed for '%s' (%s) in %s (revision %s)", repo->id, type, v->root, v->commit);
      return cli_failure (error);
    }
  text = g_strdup_printf ("Verified %s file(s) for %s '%s'. All checksums match.", checked, type, repo->id);
  cli_hub_result (&self->output, "%s", text, "repo_id", repo->id, "repo_type", type, "checked", checked, "path", v->root, NULL);
  return CLI_OK;
}

static int
verify (Cache *self)
{
  GCancellable *cancellable = cli_interrupt_init ();
  GtfHubType type = GTF_HUB_TYPE_MODEL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubRepo) repo = NULL;
  g_autoptr (GtfHubClient) client = NULL;
  g_autoptr (GtfHubVerification) found = NULL;

  if (self->arguments->len != 1)
    return cli_usage_error ("cache verify", "expected the name of one repository");
  if (self->type && !gtf_hub_type_from_name (self->type, &type))
    return cli_usage_error ("cache verify", "--type '%s': expected model, dataset or space", self->type);
  if (self->local_dir && self->cache)
    return cli_usage_error ("cache verify", "--local-dir and --cache-dir exclude each other");
  repo = gtf_hub_repo_new (type, self->arguments->pdata[0], self->revision, &error);
  client = repo ? gtf_hub_client_new (self->token, &error) : NULL;
  found = client ? gtf_hub_verify (client, repo, self->cache, self->local_dir, self->revision != NULL, cancellable, &error) : NULL;
  return found ? judge (self, repo, found) : cli_failure (error);
}

/* ---- the command ---------------------------------------------------------------------------------------------------- */

static const struct
{
  const char *name;
  int (*main) (Cache *self);
  const char *help;
} subcommands[] = {
  { "ls", list, "repositories in the cache (--revisions: each revision)" },
  { "list", list, NULL },
  { "rm", take_out, "delete model/org/name, a revision's hash or hf://models/org/name/FILE" },
  { "prune", prune, "delete revisions without a name and what is incomplete" },
  { "verify", verify, "compare the files of a repository with the Hub's hashes" },
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
  Cache self = { .arguments = arguments, .filters = filters };
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
