/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the Hub answers to uploads, as JSON. The first line names the question, the rest is the answer. (How answers come: fuzz-hub.c.)
 */
#include <string.h>
#include "base/json.h"
#include "hub/upload-private.h"
#include "fuzz.h"

#define OID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static GtfHubLocalFile file = { "x", "x", 300000, 0, 0, 0 };

/* Whoever gets an address sends something there. */
static void
check_url (const char *url)
{
  g_assert_true (g_ascii_strncasecmp (url, "http://", 7) == 0 || g_ascii_strncasecmp (url, "https://", 8) == 0);
}

static void
read_batch (const GtfHubUploadJob *job, JsonNode *node, GtfHubAddition *addition)
{
  g_autoptr (GPtrArray) objects = g_ptr_array_new (), actions = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_hub_lfs_action_free);
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (objects, addition);
  if (!gtf_hub_lfs_read (job, node, objects, actions, &error))
    {
      g_assert_nonnull (error);
      return;
    }
  g_assert_cmpuint (actions->len, ==, 1);
  if (actions->pdata[0])
    {
      const GtfHubLfsAction *action = actions->pdata[0];

      check_url (action->upload);
      if (action->verify)
        check_url (action->verify);
      g_assert_true (action->chunk == 0 || action->parts->len == (file.size - 1) / action->chunk + 1);
      for (guint i = 0; action->chunk && i < action->parts->len; i++)
        check_url (action->parts->pdata[i]);
    }
}

static void
read_preupload (const GtfHubUploadJob *job, JsonNode *node, GtfHubAddition *addition)
{
  g_autoptr (GPtrArray) additions = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (additions, addition);
  g_assert_true (gtf_hub_preupload_read (job, node, additions, 0, 1, &error) == (error == NULL));
}

static void
read_commit (GtfHubUploadJob *job, JsonNode *node)
{
  g_auto (GtfHubUploaded) done = { 0 };
  g_autoptr (GError) error = NULL;

  if (!gtf_hub_commit_read (job, node, &done, &error))
    return;
  g_assert_true (gtf_hub_is_commit (done.commit));
  check_url (done.url);
  for (const char *p = done.url; *p; p++)
    g_assert_true (*p > ' ' && *p < 0x7f);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *end = size > 0 ? memchr (data, '\n', size) : NULL;
  g_autofree char *question = g_strndup ((const char *) data, end ? (gsize) (end - (const char *) data) : 0);
  g_autoptr (JsonNode) node = end ? gtf_json_parse ("fuzz", end + 1, (gssize) (size - (gsize) (end + 1 - (const char *) data)), GTF_JSON_STRICT, NULL) : NULL;
  g_autoptr (GtfHubClient) client = gtf_hub_client_new ("", NULL);
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, "org/name", NULL, NULL);
  g_autofree char *page = gtf_hub_repo_dup_page (repo, client);
  GtfHubUpload options = { .client = client };
  GtfHubUploadJob job = { .options = &options, .repo = repo, .page = page, .create_pr = TRUE };
  GtfHubAddition addition = { .file = &file, .path = (char *) "x", .oid = g_strdup (OID) };

  if (node && strcmp (question, "batch") == 0)
    read_batch (&job, node, &addition);
  else if (node && strcmp (question, "preupload") == 0)
    read_preupload (&job, node, &addition);
  else if (node && strcmp (question, "commit") == 0)
    read_commit (&job, node);
  g_free (addition.oid);
  g_free (addition.remote_oid);
  return 0;
}
