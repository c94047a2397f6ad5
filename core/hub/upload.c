/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The order of an upload: look at the files here; make repository and branch; then, 256 files at a time, ask how each goes, hash them, send the large ones;
 * and commit as soon as there are enough.
 *
 * Nothing of it is remembered on this side. What was committed is told by the Hub's hashes, what was sent and not committed by its storage, so that whoever
 * uploads the same again sends only the rest. For the same reason a commit of which the answer was lost, or that another one has overtaken, is not sent again
 * blindly: the Hub is asked first what it has by now.
 */
#include "hub/upload-private.h"

#include <string.h>
#include "hub/each.h"
#include "hub/select.h"

#define PREUPLOAD_FILES 256                     /* of one question, as the Hub bounds it */
#define COMMIT_FILES 250
#define COMMIT_FILES_LEAST 20
#define COMMIT_BYTES (100 * 1024 * 1024)        /* of files that are no large ones */
#define COMMIT_TRIES 6
#define WORKERS 5
#define PROGRESS_MICROSECONDS 50000

/* Everything that is to be done, and what of it is ready to be committed. */
typedef struct
{
  GtfHubUploadJob *job;
  GtfHubUploaded *result;
  GPtrArray *additions;         /* of GtfHubAddition, owned */
  GPtrArray *pending;           /* borrowed: sent, and not committed */
  GPtrArray *deletions;         /* of char *: go with the first commit */
  gint64 pending_bytes;
} Upload;

void
gtf_hub_uploaded_clear (GtfHubUploaded *self)
{
  g_free (self->id);
  g_free (self->url);
  g_free (self->commit);
  g_free (self->pull_request);
  *self = (GtfHubUploaded) { 0 };
}

void
gtf_hub_upload_note (const GtfHubUploadJob *job, const char *text)
{
  if (job->options->note)
    job->options->note (text, job->options->data);
}

void
gtf_hub_upload_tell (GtfHubUploadJob *job, const char *file, gint64 bytes, guint files)
{
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&job->lock);
  job->progress.bytes_done += bytes;
  job->progress.files_done += files;
  job->progress.file = file;
  if (job->options->progress && (files || now - job->told >= PROGRESS_MICROSECONDS))
    {
      job->told = now;
      job->options->progress (&job->progress, job->options->data);
    }
  g_mutex_unlock (&job->lock);
}

char *
gtf_hub_upload_url (const GtfHubUploadJob *job, const char *word)
{
  g_autofree char *revision = g_uri_escape_string (job->repo->revision, NULL, FALSE);
  g_autofree char *rest = g_strdup_printf ("/%s/%s%s", word, revision, job->create_pr ? "?create_pr=1" : "");

  return gtf_hub_repo_dup_api (job->repo, job->options->client, rest);
}

/* ---- what the repository has ---------------------------------------------------------------------------------------- */

/* The files of the repository that the patterns take, less those that are uploaded. (transfer full) */
static GPtrArray *
find_deletions (Upload *self, GError **error)
{
  GtfHubUploadJob *job = self->job;
  g_autofree char *below = NULL;
  g_autoptr (GPtrArray) files = gtf_hub_ask_tree (job->options->client, job->repo, job->repo->revision, GTF_HUB_REQUEST_PATIENT, job->cancellable, error);
  g_autoptr (GPtrArray) out = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) added = g_hash_table_new (g_str_hash, g_str_equal);
  gsize n;

  if (files == NULL || !gtf_hub_upload_path (job->repo->id, job->options->path_in_repo ? job->options->path_in_repo : "", &below, error))
    return NULL;
  for (guint i = 0; i < self->additions->len; i++)
    g_hash_table_add (added, ((GtfHubAddition *) self->additions->pdata[i])->path);
  n = strlen (below);
  for (guint i = 0; i < files->len; i++)
    {
      const char *path = ((GtfHubFile *) files->pdata[i])->path;
      gboolean inside = n == 0 || (strncmp (path, below, n) == 0 && path[n] == '/');

      /* the Hub cannot do without .gitattributes */
      if (inside && gtf_hub_matches (n ? path + n + 1 : path, job->options->remove) && strcmp (path, ".gitattributes") != 0 && !g_hash_table_contains (added, path))
        g_ptr_array_add (out, g_strdup (path));
    }
  return g_steal_pointer (&out);
}

static gboolean
hash_one (guint index, gpointer data, GCancellable *stop, GError **error)
{
  GPtrArray *additions = data;
  GtfHubAddition *addition = additions->pdata[index];

  if (addition->oid == NULL)
    addition->oid = gtf_hub_local_file_hash (addition->file, !addition->lfs, stop, error);
  return addition->oid != NULL;
}

/* Asks about additions[from ... from + n); appends to @changed those that the repository does not have, or has otherwise. */
static gboolean
look (Upload *self, GPtrArray *additions, guint from, guint n, GPtrArray *changed, GError **error)
{
  g_autoptr (GPtrArray) hashed = g_ptr_array_new ();

  if (!gtf_hub_preupload (self->job, additions, from, n, error))
    return FALSE;
  for (guint i = from; i < from + n; i++)
    {
      GtfHubAddition *addition = additions->pdata[i];

      if (!addition->ignored && (addition->lfs || addition->remote_oid))
        g_ptr_array_add (hashed, addition);
    }
  if (!gtf_hub_each (hashed->len, self->job->workers, hash_one, hashed, self->job->cancellable, error))
    return FALSE;
  for (guint i = from; i < from + n; i++)
    {
      GtfHubAddition *addition = additions->pdata[i];

      if (!addition->ignored && (addition->remote_oid == NULL || strcmp (addition->remote_oid, addition->oid) != 0))
        g_ptr_array_add (changed, addition);
      else
        gtf_hub_upload_tell (self->job, addition->path, addition->sent ? 0 : addition->file->size, 1);
    }
  return TRUE;
}

/* ---- commits -------------------------------------------------------------------------------------------------------- */

/* Something has happened that we do not know: takes out of @pending and the deletions what is done by now. */
static gboolean
look_again (Upload *self, GError **error)
{
  g_autoptr (GPtrArray) changed = g_ptr_array_new (), deletions = NULL;

  for (guint i = 0; i < self->pending->len; i += PREUPLOAD_FILES)
    if (!look (self, self->pending, i, MIN (PREUPLOAD_FILES, self->pending->len - i), changed, error))
      return FALSE;
  g_ptr_array_set_size (self->pending, 0);
  g_ptr_array_extend (self->pending, changed, NULL, NULL);
  if (self->deletions->len == 0)
    return TRUE;
  deletions = find_deletions (self, error);
  if (deletions == NULL)
    return FALSE;
  g_ptr_array_unref (self->deletions);
  self->deletions = g_steal_pointer (&deletions);
  return TRUE;
}

/* (transfer full): "..." for a first commit, "... (part 2)" for the next ones. */
static char *
message (const Upload *self)
{
  const GtfHubUpload *options = self->job->options;
  g_autofree char *first = NULL;

  if (options->message)
    first = g_strdup (options->message);
  else if (g_file_test (options->local, G_FILE_TEST_IS_DIR))
    first = g_strdup ("Upload folder using gtransformers");
  else
    first = g_strdup_printf ("Upload %s with gtransformers", ((const GtfHubAddition *) self->additions->pdata[0])->path);
  return self->result->n_commits ? g_strdup_printf ("%s (part %u)", first, self->result->n_commits + 1) : g_steal_pointer (&first);
}

/* Commits the first @n of what is pending, and what is to be deleted. */
static gboolean
commit_some (Upload *self, guint n, guint *status, GError **error)
{
  g_autofree char *summary = message (self);
  g_autoptr (GPtrArray) additions = g_ptr_array_new ();
  GtfHubCommit commit = { summary, self->result->n_commits ? NULL : self->job->options->parent, additions, self->deletions, 0 };

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (additions, self->pending->pdata[i]);
  if (!gtf_hub_commit (self->job, &commit, self->result, error))
    {
      *status = commit.status;
      return FALSE;
    }
  g_ptr_array_set_size (self->deletions, 0);
  for (guint i = 0; i < n; i++)
    {
      const GtfHubAddition *addition = additions->pdata[i];

      gtf_hub_upload_tell (self->job, addition->path, addition->lfs ? 0 : addition->file->size, 1);
    }
  if (n)
    g_ptr_array_remove_range (self->pending, 0, n);
  return TRUE;
}

/* Whether it helps to look again and commit again: another commit came first (412), or nobody knows what happened. A pull request cannot be looked for. */
static gboolean
may_commit_again (const Upload *self, guint status, const GError *error)
{
  if (self->job->create_pr)
    return FALSE;
  return (status == 412 && self->job->options->parent == NULL) || g_error_matches (error, GTF_ERROR, GTF_ERROR_IO);
}

/* A Hub that cannot do so much at once is given less each time. */
static gboolean
commit_pending (Upload *self, GError **error)
{
  guint size = self->job->options->commit_files ? self->job->options->commit_files : COMMIT_FILES;

  for (guint attempt = 0; self->pending->len || self->deletions->len;)
    {
      g_autoptr (GError) local = NULL;
      guint status = 0;

      if (commit_some (self, MIN (size, self->pending->len), &status, &local))
        {
          attempt = 0;
          continue;
        }
      self->result->conflict = status == 412;
      if (attempt + 1 == COMMIT_TRIES || !may_commit_again (self, status, local))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      if (!gtf_hub_wait (attempt++, self->job->cancellable, error) || !look_again (self, error))
        return FALSE;
      size = MAX (size / 2, MIN (size, COMMIT_FILES_LEAST));
    }
  self->result->conflict = FALSE;
  self->pending_bytes = 0;
  return TRUE;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

static gboolean
upload_some (Upload *self, guint from, guint n, GError **error)
{
  g_autoptr (GPtrArray) changed = g_ptr_array_new (), large = g_ptr_array_new ();
  guint most = self->job->options->commit_files ? self->job->options->commit_files : COMMIT_FILES;

  if (!look (self, self->additions, from, n, changed, error))
    return FALSE;
  for (guint i = 0; i < changed->len; i++)
    if (((GtfHubAddition *) changed->pdata[i])->lfs)
      g_ptr_array_add (large, changed->pdata[i]);
  if (!gtf_hub_lfs_upload (self->job, large, error))
    return FALSE;
  for (guint i = 0; i < changed->len; i++)
    {
      GtfHubAddition *addition = changed->pdata[i];

      addition->sent = addition->lfs;
      g_ptr_array_add (self->pending, addition);
      self->pending_bytes += addition->lfs ? 0 : MIN (addition->file->size, COMMIT_BYTES);
      if ((self->pending->len >= most || self->pending_bytes >= COMMIT_BYTES) && !commit_pending (self, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
upload_all (Upload *self, GError **error)
{
  for (guint i = 0; i < self->additions->len; i += PREUPLOAD_FILES)
    if (!upload_some (self, i, MIN (PREUPLOAD_FILES, self->additions->len - i), error))
      return FALSE;
  return commit_pending (self, error);
}

/* Where nothing was to be done: the commit that has it. */
static gboolean
name_newest (Upload *self, GError **error)
{
  GtfHubUploadJob *job = self->job;

  if (self->result->n_commits)
    return TRUE;
  self->result->commit = gtf_hub_ask_commit (job->options->client, job->repo, GTF_HUB_REQUEST_PATIENT, job->cancellable, error);
  if (self->result->commit == NULL)
    return FALSE;
  self->result->url = g_strdup_printf ("%s/commit/%s", job->page, self->result->commit);
  gtf_hub_upload_note (job, "the repository has all of it already: no commit is made");
  return TRUE;
}

/* Repository and branch. */
static gboolean
prepare (GtfHubUploadJob *job, GtfHubUploaded *result, GError **error)
{
  const GtfHubUpload *options = job->options;
  g_autoptr (GError) local = NULL;
  g_autofree char *commit = NULL;

  result->id = gtf_hub_create_repo (options->client, options->repo, options->visibility, job->cancellable, error);
  if (result->id == NULL)
    return FALSE;
  job->repo = gtf_hub_repo_new (options->repo->type, result->id, options->repo->revision, error);
  if (job->repo == NULL)
    return FALSE;
  job->page = gtf_hub_repo_dup_page (job->repo, options->client);
  if (job->create_pr || strcmp (job->repo->revision, "main") == 0)
    return TRUE;
  commit = gtf_hub_ask_commit (options->client, job->repo, GTF_HUB_REQUEST_PATIENT, job->cancellable, &local);
  if (commit)
    return TRUE;
  if (g_error_matches (local, GTF_ERROR, GTF_ERROR_NOT_FOUND))
    return gtf_hub_create_branch (options->client, job->repo, job->cancellable, error);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
run (Upload *self, GPtrArray *files, GError **error)
{
  GtfHubUploadJob *job = self->job;
  const GtfHubAddition *card;

  if (!gtf_hub_plan (job, files, self->additions, error) || !prepare (job, self->result, error))
    return FALSE;
  if (job->options->remove)
    {
      g_ptr_array_unref (self->deletions);
      self->deletions = find_deletions (self, error);
      if (self->deletions == NULL)
        return FALSE;
    }
  card = gtf_hub_plan_find (self->additions, "README.md");
  if (card && !gtf_hub_validate_card (job, card->file, error))
    return FALSE;
  if (!upload_all (self, error))
    return FALSE;
  return name_newest (self, error);
}

gboolean
gtf_hub_upload (const GtfHubUpload *options, GtfHubUploaded *result, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) files = NULL;
  GtfHubUploadJob job = { .options = options, .create_pr = options->create_pr, .workers = options->workers ? options->workers : WORKERS, .cancellable = cancellable };
  Upload self = { .job = &job, .result = result };
  gboolean good;

  *result = (GtfHubUploaded) { 0 };
  files = gtf_hub_plan_files (options, error);
  if (files == NULL)
    return FALSE;
  g_mutex_init (&job.lock);
  self.additions = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_hub_addition_free);
  self.pending = g_ptr_array_new ();
  self.deletions = g_ptr_array_new_with_free_func (g_free);
  good = run (&self, files, error);
  if (!good && result->pull_request)
    {
      g_autofree char *text = g_strdup_printf ("the pull request %s is open and not whole: go on with --revision %s instead of --create-pr", result->pull_request, job.repo->revision);

      gtf_hub_upload_note (&job, text);
    }
  g_ptr_array_unref (self.additions);
  g_ptr_array_unref (self.pending);
  g_clear_pointer (&self.deletions, g_ptr_array_unref);
  g_clear_pointer (&job.repo, gtf_hub_repo_free);
  g_free (job.page);
  g_free (job.git_ignore);
  g_mutex_clear (&job.lock);
  return good;
}
