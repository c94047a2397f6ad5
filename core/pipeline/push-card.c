/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/push-card.h"

#include <string.h>
#include "hub/card.h"

#define MAX_CARD (10 * 1024 * 1024)

static char *
read_text (GtfHttpResponse *response, const GtfHubRepo *repo, gsize *length, GCancellable *cancellable, GError **error)
{
  g_autoptr (GByteArray) text = g_byte_array_new ();
  guint8 buffer[16384];
  gssize n;

  while ((n = g_input_stream_read (response->body, buffer, sizeof buffer, cancellable, error)) > 0 && text->len + (gsize) n <= MAX_CARD)
    g_byte_array_append (text, buffer, (guint) n);
  if (n > 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: README.md is longer than %d MiB", repo->what, MAX_CARD >> 20);
  if (n)
    return NULL;
  *length = text->len;
  g_byte_array_append (text, (const guint8 *) "", 1);
  return (char *) g_byte_array_free (g_steal_pointer (&text), FALSE);
}

/* README.md of a revision; *text stays NULL where it has none, *no_revision where there is no such revision. */
static gboolean
fetch (GtfHubClient *client, const GtfHubRepo *repo, const char *revision, char **text, gsize *length, char **commit, gboolean *no_revision, GCancellable *cancellable,
       GError **error)
{
  g_autofree char *url = gtf_hub_repo_dup_resolve (repo, client, revision, "README.md");
  GtfHubRequest request = { .url = url, .what = repo->what, .flags = GTF_HUB_REQUEST_PATIENT | GTF_HUB_REQUEST_DOWNLOAD };
  g_autoptr (GError) local = NULL;
  g_autoptr (GtfHttpResponse) response = gtf_hub_client_send (client, &request, NULL, cancellable, &local);
  gboolean no_file = request.missing_commit != NULL;

  if (gtf_hub_is_commit (request.missing_commit))
    *commit = g_steal_pointer (&request.missing_commit);
  g_free (request.missing_commit);
  if (response == NULL)
    {
      *no_revision = !no_file && g_error_matches (local, GTF_ERROR, GTF_ERROR_NOT_FOUND);
      if (no_file || *no_revision)
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (gtf_hub_is_commit (gtf_http_response_get (response, "X-Repo-Commit")))
    *commit = g_strdup (gtf_http_response_get (response, "X-Repo-Commit"));
  *text = read_text (response, repo, length, cancellable, error);
  return *text != NULL;
}

/* A card that says what can be known, and asks for the rest. */
static char *
new_text (const GtfHubRepo *repo, JsonObject *defaults)
{
  const char *name = strrchr (repo->id, '/') ? strrchr (repo->id, '/') + 1 : repo->id;
  const char *task = json_object_get_string_member_with_default (defaults, "pipeline_tag", NULL);
  g_autoptr (GString) out = g_string_new (NULL);

  g_string_append_printf (out, "# %s\n\nThis card was made when the model was pushed with GTransformers. Say here what the model is for, what it was trained on, and where it fails.\n", name);
  if (task)
    g_string_append_printf (out, "\n## How to use\n\n    gtransformers run %s INPUT --model %s\n\n```python\nfrom transformers import pipeline\n\npipe = pipeline(\"%s\", model=\"%s\")\n```\n",
                            task, repo->id, task, repo->id);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* (transfer full) (nullable): the text with @defaults in its metadata. */
static char *
complete (const char *text, gsize length, JsonObject *defaults, GError **error)
{
  g_autoptr (GtfHubCard) card = gtf_hub_card_new ("README.md", text, length, error);

  return card && gtf_hub_card_complete (card, defaults, error) ? g_strdup (gtf_hub_card_get_text (card)) : NULL;
}

gboolean
gtf_push_card (GtfHubClient *client, const GtfHubRepo *repo, JsonObject *defaults, char **commit, char **card, GCancellable *cancellable, GError **error)
{
  g_autofree char *text = NULL;
  gboolean no_revision = FALSE;
  gsize length = 0;

  if (!fetch (client, repo, repo->revision, &text, &length, commit, &no_revision, cancellable, error))
    return FALSE;
  /* a branch that is still to be made begins with what main has */
  if (no_revision && !fetch (client, repo, "main", &text, &length, commit, &no_revision, cancellable, error))
    return FALSE;
  if (text == NULL)
    {
      g_clear_pointer (&text, g_free);
      text = new_text (repo, defaults);
      *card = complete (text, strlen (text), defaults, error);
      return *card != NULL;
    }
  *card = complete (text, length, defaults, NULL);
  if (*card && strlen (*card) == length && memcmp (*card, text, length) == 0)
    g_clear_pointer (card, g_free);
  return TRUE;
}
