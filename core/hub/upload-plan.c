/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is to be uploaded, and where each file goes: all that can be said without the Hub. What is wrong here is said before anything is made there.
 */
#include "hub/upload-private.h"

#include <string.h>
#include "base/file.h"

#define MAX_GIT_IGNORE (1024 * 1024)

void
gtf_hub_addition_free (GtfHubAddition *self)
{
  g_free (self->path);
  g_free (self->remote_oid);
  g_free (self->oid);
  g_free (self);
}

gboolean
gtf_hub_upload_path (const char *what, const char *path, char **normal, GError **error)
{
  g_autofree char *plain = g_strdup (path);
  g_auto (GStrv) parts = NULL;
  const char *from = plain;

  while (*from == '/' || (from[0] == '.' && (from[1] == '/' || !from[1])))
    from++;
  for (gsize n = strlen (from); n && from[n - 1] == '/'; n--)
    plain[from - plain + (gssize) n - 1] = '\0';
  parts = g_strsplit (from, "/", -1);
  if (*from && !gtf_hub_check_path (what, from, error))
    return FALSE;
  for (char **part = parts; *part; part++)
    if (strcmp (*part, ".git") == 0 || strcmp (*part, ".cache") == 0)
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s: '%s': the Hub takes no files below a folder '%s'", what, path, *part);
        return FALSE;
      }
  *normal = g_strdup (from);
  return TRUE;
}

static gboolean
add_addition (GtfHubUploadJob *job, GPtrArray *additions, const GtfHubLocalFile *file, const char *path, GError **error)
{
  g_autofree char *normal = NULL;
  GtfHubAddition *addition;

  if (!gtf_hub_upload_path (job->options->repo->id, path, &normal, error))
    return FALSE;
  if (job->options->repo->type != GTF_HUB_TYPE_DATASET && (g_str_has_suffix (normal, ".arrow") || g_str_has_suffix (normal, ".parquet")))
    {
      g_autofree char *text = g_strdup_printf ("%s is a file of data, and this is no data set: is --repo-type dataset meant?", normal);

      gtf_hub_upload_note (job, text);
    }
  addition = g_new0 (GtfHubAddition, 1);
  addition->file = file;
  addition->path = g_steal_pointer (&normal);
  g_ptr_array_add (additions, addition);
  if (__builtin_add_overflow (job->progress.bytes_total, file->size, &job->progress.bytes_total))
    job->progress.bytes_total = G_MAXINT64;
  job->progress.n_files++;
  return TRUE;
}

GPtrArray *
gtf_hub_plan_files (const GtfHubUpload *options, GError **error)
{
  g_autoptr (GPtrArray) files = NULL;
  g_autofree char *base = g_path_get_basename (options->local);
  GtfHubLocalFile *file;

  if (!g_file_test (options->local, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: there is no such file or folder", options->local);
      return NULL;
    }
  if (g_file_test (options->local, G_FILE_TEST_IS_DIR))
    return gtf_hub_local_files (options->local, options->include, options->exclude, options->note, options->data, error);
  if (!(file = gtf_hub_local_file_new (options->local, base, error)))
    return NULL;
  files = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_hub_local_file_free);
  g_ptr_array_add (files, file);
  return g_steal_pointer (&files);
}

static gboolean
name_files (GtfHubUploadJob *job, GPtrArray *files, GPtrArray *additions, GError **error)
{
  const GtfHubUpload *options = job->options;
  g_autofree char *below = NULL;

  if (!gtf_hub_upload_path (options->repo->id, options->path_in_repo ? options->path_in_repo : "", &below, error))
    return FALSE;
  if (!g_file_test (options->local, G_FILE_TEST_IS_DIR))
    {
      const GtfHubLocalFile *file = files->pdata[0];

      if (options->path_in_repo == NULL || *below)
        return add_addition (job, additions, file, options->path_in_repo ? below : file->path, error);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "'%s' is no name of a file in a repository", options->path_in_repo);
      return FALSE;
    }
  for (guint i = 0; i < files->len; i++)
    {
      const GtfHubLocalFile *file = files->pdata[i];
      g_autofree char *path = *below ? g_strconcat (below, "/", file->path, NULL) : g_strdup (file->path);

      if (!add_addition (job, additions, file, path, error))
        return FALSE;
    }
  return TRUE;
}

const GtfHubAddition *
gtf_hub_plan_find (GPtrArray *additions, const char *path)
{
  for (guint i = 0; i < additions->len; i++)
    if (strcmp (((const GtfHubAddition *) additions->pdata[i])->path, path) == 0)
      return additions->pdata[i];
  return NULL;
}

static gboolean
load_git_ignore (GtfHubUploadJob *job, GPtrArray *additions, GError **error)
{
  const GtfHubAddition *addition = gtf_hub_plan_find (additions, ".gitignore");
  gsize n;

  if (addition == NULL)
    return TRUE;
  if (!gtf_file_load (addition->file->name, MAX_GIT_IGNORE, &job->git_ignore, &n, error))
    return FALSE;
  if (g_utf8_validate (job->git_ignore, (gssize) n, NULL))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected UTF-8", addition->file->name);
  return FALSE;
}

gboolean
gtf_hub_plan (GtfHubUploadJob *job, GPtrArray *files, GPtrArray *additions, GError **error)
{
  return name_files (job, files, additions, error) && load_git_ignore (job, additions, error);
}
