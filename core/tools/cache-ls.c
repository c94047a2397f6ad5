/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers cache ls: what is there, as `hf cache ls` shows it.
 */
#include "tools/cache.h"

#include <string.h>
#include "hub/scan.h"

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
print_entries (const CliCache *self, GArray *entries)
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
print_sums (const CliCache *self, const GtfHubScan *scan, GArray *entries)
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
print_hints (const CliCache *self, const GtfHubScan *scan)
{
  g_autofree char *incomplete = cli_hub_size (scan->incomplete_size);

  if (scan->warnings->len && !self->warnings)
    cli_note ("Warning: Found %u cache inconsistencies. Re-run with `--show-warnings` to display them.", scan->warnings->len);
  for (guint i = 0; self->warnings && i < scan->warnings->len; i++)
    cli_note ("Warning: %s", (char *) scan->warnings->pdata[i]);
  if (scan->incomplete->len)
    cli_note ("Found %u incomplete download(s) totalling %s. Remove them with 'gtransformers cache prune'.", scan->incomplete->len, incomplete);
}

int
cli_cache_list (CliCache *self)
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
