/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The folder that the tests of uploads send to a Hub that lies.
 */
#include "upload-case.h"

#include <string.h>
#include <glib/gstdio.h>
#include "hub/scan.h"

HubServer *server;
GtfHubClient *client;
char *folder;

static const struct
{
  const char *path, *text;
  gsize length;                 /* of a large one */
} contents[] = {
  { ".gitignore", "*.log\n", 0 },
  { "README.md", "---\nlicense: mit\n---\n# A model\n", 0 },
  { "config.json", "{\"model_type\": \"bert\"}", 0 },
  { "empty.txt", "", 0 },
  { "model.safetensors", NULL, BIG },
  { "noise.log", "not for others", 0 },
  { "sub/deep/\303\251t\303\251 %41.txt", "a name with a space", 0 },
  { "sub/small.bin", NULL, 1000 },
  { "sub/twin.bin", NULL, 1000 },
};

static const char all[] = ".gitattributes .gitignore README.md config.json empty.txt model.safetensors sub/deep/\303\251t\303\251 %41.txt sub/small.bin sub/twin.bin";

static void
put_file (const char *path, const void *data, gsize length)
{
  g_autofree char *name = g_build_filename (folder, path, NULL), *parent = g_path_get_dirname (name);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0777), ==, 0);
  g_assert_true (g_file_set_contents (name, data, (gssize) length, NULL));
}

void
fill (void)
{
  g_autofree char *noise = g_malloc (BIG);

  for (guint i = 0; i < BIG; i++)
    noise[i] = (char) (i * 7 + i / 253);
  for (guint i = 0; i < G_N_ELEMENTS (contents); i++)
    put_file (contents[i].path, contents[i].text ? contents[i].text : noise, contents[i].text ? strlen (contents[i].text) : contents[i].length);
}

static void
on_progress (const GtfHubProgress *progress, gpointer data)
{
  Seen *seen = data;

  seen->progress = *progress;
  g_assert_cmpint (progress->bytes_done, >=, 0);
  if (seen->spoil)
    put_file (seen->spoil, "other", 5);
  seen->spoil = NULL;
}

static void
on_note (const char *text, gpointer data)
{
  g_string_append_printf (((Seen *) data)->notes, "%s\n", text);
}

void
seen_clear (Seen *seen)
{
  if (seen->notes)
    g_string_free (seen->notes, TRUE);
}

gboolean
upload (GtfHubUpload *options, const char *id, const char *revision, Seen *seen, GtfHubUploaded *done, GError **error)
{
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, id, revision, NULL);

  if (seen->notes == NULL)
    seen->notes = g_string_new (NULL);
  options->client = client;
  options->repo = repo;
  if (options->local == NULL)
    options->local = folder;
  options->progress = on_progress;
  options->note = on_note;
  options->data = seen;
  return gtf_hub_upload (options, done, NULL, error);
}

void
check_repository (const char *id, const char *revision)
{
  g_autofree char *list = hub_server_list (server, id, revision);

  g_assert_cmpstr (list, ==, all);
  for (guint i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      g_autofree char *name = g_build_filename (folder, contents[i].path, NULL), *data = NULL;
      gboolean lfs = FALSE;
      g_autoptr (GBytes) found = hub_server_get (server, id, revision, contents[i].path, &lfs);
      gsize n;

      if (g_str_has_suffix (contents[i].path, ".log"))
        continue;
      g_assert_true (g_file_get_contents (name, &data, &n, NULL));
      g_assert_cmpmem (data, n, g_bytes_get_data (found, NULL), g_bytes_get_size (found));
      g_assert_cmpint (lfs, ==, contents[i].text == NULL);
    }
}

void
upload_start (void)
{
  gtf_hub_backoff = 1;
  g_setenv ("no_proxy", "127.0.0.1", TRUE);
  g_unsetenv ("HF_HUB_OFFLINE");
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  client = gtf_hub_client_new (HUB_TOKEN, NULL);
  folder = g_dir_make_tmp ("gtf-upload-XXXXXX", NULL);
  fill ();
}

void
upload_stop (void)
{
  gtf_hub_remove_path (folder, NULL);
  gtf_hub_client_free (client);
  hub_server_free (server);
}
