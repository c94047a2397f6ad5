/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers cache verify: files against the hashes that the Hub has.
 */
#include "tools/cache.h"

#include "hub/verify.h"

static void
print_paths (const CliCache *self, const char *title, GPtrArray *paths)
{
  cli_hub_text (&self->output, "%s", title);
  for (guint i = 0; i < paths->len; i++)
    cli_hub_text (&self->output, "  - %s", (char *) paths->pdata[i]);
}

static int
judge (const CliCache *self, const GtfHubRepo *repo, const GtfHubVerification *v)
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

int
cli_cache_verify (CliCache *self)
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
