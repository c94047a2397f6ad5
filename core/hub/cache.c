/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Read-only lookup in the cache that huggingface_hub (1.x and 2.x) writes:
 *
 *   models--org--name/refs/<revision>         one line: the commit
 *   models--org--name/snapshots/<commit>/...  the files, as links into blobs/
 *
 * A revision becomes a path below refs/, so it is checked like one; the commit that a ref holds must be a hash before a
 * path is made of it.
 */
#include "hub/cache.h"

#include <string.h>
#include "hub/repository.h"

static gboolean
is_id_part (const char *part, gsize n)
{
  if (n < 1 || n > 96 || part[0] == '-' || part[0] == '.' || part[n - 1] == '-' || part[n - 1] == '.')
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      if (!g_ascii_isalnum (part[i]) && !strchr ("-_.", part[i]))
        return FALSE;
      if (i + 1 < n && (part[i] == '-' || part[i] == '.') && part[i + 1] == part[i])
        return FALSE;
    }
  return TRUE;
}

gboolean
gtf_hub_check_id (const char *id, GError **error)
{
  const char *slash = strchr (id, '/');
  gboolean good;

  if (slash)
    good = is_id_part (id, slash - id) && is_id_part (slash + 1, strlen (slash + 1));
  else
    good = is_id_part (id, strlen (id));
  if (good && !g_str_has_suffix (id, ".git"))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
               "'%s' is no folder and no name of a repository: expected a folder, org/name, org/name@revision or builtin/NAME", id);
  return FALSE;
}

/* As git has it, roughly: what could leave refs/ is refused. */
static gboolean
is_revision (const char *text)
{
  if (*text == '\0' || *text == '/' || *text == '.' || strlen (text) > 1024 || strstr (text, "..") || strstr (text, "//") || strchr (text, '\\'))
    return FALSE;
  for (const char *p = text; *p; p++)
    if ((guchar) *p < 0x20 || *p == 0x7f)
      return FALSE;
  return TRUE;
}

gboolean
gtf_hub_check_revision (const char *id, const char *revision, GError **error)
{
  if (is_revision (revision))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s: '%s' is no revision: expected a branch, a tag, a commit or refs/pr/N", id, revision);
  return FALSE;
}

char *
gtf_hub_read_ref (const char *repository, const char *revision)
{
  g_autofree char *path = g_build_filename (repository, "refs", revision, NULL);
  g_autofree char *text = NULL;

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR) || !g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  g_strstrip (text);
  return gtf_hub_is_commit (text) ? g_steal_pointer (&text) : NULL;
}

static void
set_not_cached (GError **error, const char *id, const char *revision, const char *repository, gboolean have_repository)
{
  g_autofree char *option = g_str_equal (revision, "main") ? g_strdup ("") : g_strdup_printf (" --revision %s", revision);

  g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND,
               "%s: revision '%s' is not in the Hugging Face cache (%s%s), and there is no folder of this name. "
               "Get it with: gtransformers download %s%s", id, revision, repository, have_repository ? " has other revisions" : " does not exist",
               id, option);
}

char *
gtf_hub_find_snapshot (const char *id, const char *revision, char **commit, GError **error)
{
  g_autofree char *cache = gtf_hub_get_cache_dir ();
  g_autofree char *name = NULL, *repository = NULL, *hash = NULL, *snapshot = NULL;
  g_auto (GStrv) parts = NULL;

  if (!gtf_hub_check_id (id, error))
    return NULL;
  if (revision == NULL)
    revision = "main";
  if (!gtf_hub_check_revision (id, revision, error))
    return NULL;
  parts = g_strsplit (id, "/", 2);
  name = parts[1] ? g_strdup_printf ("models--%s--%s", parts[0], parts[1]) : g_strdup_printf ("models--%s", parts[0]);
  repository = g_build_filename (cache, name, NULL);
  hash = gtf_hub_is_commit (revision) ? g_strdup (revision) : gtf_hub_read_ref (repository, revision);
  snapshot = hash ? g_build_filename (repository, "snapshots", hash, NULL) : NULL;
  if (snapshot == NULL || !g_file_test (snapshot, G_FILE_TEST_IS_DIR))
    {
      set_not_cached (error, id, revision, repository, g_file_test (repository, G_FILE_TEST_IS_DIR));
      return NULL;
    }
  if (commit)
    *commit = g_steal_pointer (&hash);
  return g_steal_pointer (&snapshot);
}
