/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * push_to_hub() with the Hub of tests/core/hub: what is in the repository then, cards that were made, completed and left alone, and what goes wrong.
 */
#include <string.h>
#include <glib/gstdio.h>
#include "hub/scan.h"
#include "pipeline/push.h"
#include "server.h"

static HubServer *server;
static char *folder;
static GtfModel *model;
static GtfTokenizer *tokenizer;

static char *
text_of (const char *id, const char *revision, const char *path)
{
  g_autoptr (GBytes) data = hub_server_get (server, id, revision, path, NULL);

  return data ? g_strndup (g_bytes_get_data (data, NULL), g_bytes_get_size (data)) : NULL;
}

static void
check_list (const char *id, const char *revision, const char *expected)
{
  g_autofree char *list = hub_server_list (server, id, revision);

  g_assert_cmpstr (list, ==, expected);
}

static void
check_same (const char *id, const char *path)
{
  g_autoptr (GBytes) data = hub_server_get (server, id, "main", path, NULL);
  g_autofree char *name = g_build_filename (folder, path, NULL), *text = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (name, &text, &n, NULL));
  g_assert_nonnull (data);
  g_assert_cmpmem (g_bytes_get_data (data, NULL), g_bytes_get_size (data), text, n);
}

/* Model, then tokenizer; then both again, which commits nothing. */
static void
test_push (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *first = gtf_model_push_to_hub (model, "org/pushed", "{\"tags\": [\"a tag\"], \"tag\": \"v1\"}", NULL, &error), *second = NULL, *third = NULL, *card = NULL, *log = NULL;

  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (first, hub_server_get_endpoint (server)));
  check_list ("org/pushed", "main", ".gitattributes README.md config.json model.safetensors");
  check_list ("org/pushed", "v1", ".gitattributes README.md config.json model.safetensors");
  check_same ("org/pushed", "model.safetensors");
  second = gtf_tokenizer_push_to_hub (tokenizer, "org/pushed", NULL, NULL, &error);
  g_assert_no_error (error);
  check_list ("org/pushed", "main", ".gitattributes README.md config.json model.safetensors tokenizer.json tokenizer_config.json");
  check_same ("org/pushed", "tokenizer.json");
  card = text_of ("org/pushed", "main", "README.md");
  g_assert_true (g_str_has_prefix (card, "---\n"));
  g_assert_nonnull (strstr (card, "\nlibrary_name: transformers\n"));
  g_assert_nonnull (strstr (card, "\npipeline_tag: fill-mask\n"));
  g_assert_nonnull (strstr (card, "a tag"));
  g_assert_nonnull (strstr (card, "\n---\n"));
  g_assert_nonnull (strstr (card, "# pushed\n"));
  g_assert_nonnull (strstr (card, "model=\"org/pushed\""));
  g_free (hub_server_take_log (server));
  third = gtf_model_push_to_hub (model, "org/pushed", NULL, NULL, &error);
  g_assert_no_error (error);
  log = hub_server_take_log (server);
  g_assert_null (strstr (log, "/commit/"));
  g_assert_cmpstr (third, ==, second);
}

/* What people wrote stays, byte by byte. */
static void
test_cards (void)
{
  static const struct { const char *before, *after; } cards[] = {
    { "---\r\nlicense: mit  # mine\r\n---\r\n# Words\r\n", "license: mit  # mine\r\n" },
    { "# Only words\n", "# Only words\n" },
    { "---\nlibrary_name: keras\npipeline_tag: text-generation\n---\nWords.\n", NULL },         /* nothing is missing */
    { "---\nlicense: [\n---\nNo YAML.\n", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cards); i++)
    {
      g_autofree char *id = g_strdup_printf ("org/card%u", i), *url = NULL, *card = NULL;
      g_autoptr (GError) error = NULL;

      hub_server_add (server, id, "main", "README.md", cards[i].before, -1, FALSE);
      url = gtf_model_push_to_hub (model, id, NULL, NULL, &error);
      g_assert_no_error (error);
      card = text_of (id, "main", "README.md");
      if (cards[i].after == NULL)
        g_assert_cmpstr (card, ==, cards[i].before);
      else
        {
          g_assert_nonnull (strstr (card, cards[i].after));
          g_assert_nonnull (strstr (card, "library_name: transformers"));
          g_assert_nonnull (strstr (card, "pipeline_tag: fill-mask"));
          g_assert_true (strlen (card) > strlen (cards[i].before));
        }
    }
}

/* Somebody commits between the look at the card and the commit: it is looked at again. */
static void
test_overtaken (void)
{
  const HubFault fault = { "POST", "/commit/", HUB_STATUS, 412, 1 }, always = { "POST", "/commit/", HUB_STATUS, 412 };
  g_autofree char *url = NULL, *log = NULL;
  g_autoptr (GError) error = NULL;

  hub_server_fault (server, &fault);
  url = gtf_model_push_to_hub (model, "org/overtaken", NULL, NULL, &error);
  hub_server_clear_faults (server);
  g_assert_no_error (error);
  check_list ("org/overtaken", "main", ".gitattributes README.md config.json model.safetensors");
  hub_server_fault (server, &always);
  g_assert_null (gtf_model_push_to_hub (model, "org/overtaken2", NULL, NULL, &error));
  hub_server_clear_faults (server);
  g_assert_nonnull (strstr (error->message, "412"));
}

static void
test_places (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *a = gtf_model_push_to_hub (model, "short", "{\"private\": true}", NULL, &error), *b = NULL, *c = NULL, *card = NULL;

  g_assert_no_error (error);
  check_list ("tester/short", "main", ".gitattributes README.md config.json model.safetensors");
  b = gtf_tokenizer_push_to_hub (tokenizer, "short", "{\"create_pr\": true, \"commit_message\": \"Look\", \"commit_description\": \"here\"}", NULL, &error);
  g_assert_no_error (error);
  check_list ("tester/short", "main", ".gitattributes README.md config.json model.safetensors");
  check_list ("tester/short", "refs/pr/1", ".gitattributes README.md config.json model.safetensors tokenizer.json tokenizer_config.json");
  c = gtf_model_push_to_hub (model, "short", "{\"revision\": \"half\", \"dtype\": \"float16\"}", NULL, &error);
  g_assert_no_error (error);
  card = text_of ("tester/short", "half", "config.json");
  g_assert_nonnull (strstr (card, "\"dtype\": \"float16\""));
}

static void
test_errors (void)
{
  static const struct { const char *id, *options, *error; } cases[] = {
    { "org/x", "{\"color\": 1}", "\"color\" is unknown" },
    { "org/x", "{\"tags\": \"a\"}", "tags: expected a list of strings" },
    { "org/x", "{\"tags\": [1]}", "tags: expected a list of strings" },
    { "org/x", "{\"private\": \"maybe\"}", "private" },
    { "org/x", "{\"create_pr\": true, \"revision\": \"next\"}", "cannot be combined with the revision 'next'" },
    { "org/x", "{\"dtype\": \"int3\"}", "int3" },
    { "org/x", "{\"token\": \"a b\"}", "the token of the Hub holds a space" },
    { "org/x", "{\"token\": \"hf_wrong\"}", "does not know this token" },
    { "org/x", "[]", "options" },
    { "org--x", NULL, "org--x" },
    { "foreign/none", NULL, "not allowed (403)" },
  };
  g_autoptr (GError) error = NULL;
  g_autofree char *list = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_clear_error (&error);
      g_assert_null (gtf_model_push_to_hub (model, cases[i].id, cases[i].options, NULL, &error));
      if (!strstr (error->message, cases[i].error))
        g_error ("%s %s: \"%s\"", cases[i].id, cases[i].options ? cases[i].options : "", error->message);
    }
  g_clear_error (&error);
  g_assert_null (gtf_tokenizer_push_to_hub (tokenizer, "org/x", "{\"dtype\": \"float16\"}", NULL, &error));
  g_assert_nonnull (strstr (error->message, "are for models"));
  list = hub_server_list (server, "org/x", "main");
  g_assert_null (list);
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  char **url = data;

  *url = GTF_IS_MODEL (source) ? gtf_model_push_to_hub_finish (GTF_MODEL (source), result, &error) : gtf_tokenizer_push_to_hub_finish (GTF_TOKENIZER (source), result, &error);
  if (*url == NULL)
    *url = g_strdup (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? "cancelled" : error->message);
}

static char *
wait_for (char **url)
{
  while (*url == NULL)
    g_main_context_iteration (NULL, TRUE);
  return *url;
}

static void
test_async (void)
{
  const HubFault stall = { "PUT", NULL, HUB_STALL };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  char *a = NULL, *b = NULL, *c = NULL;

  gtf_model_push_to_hub_async (model, "org/async", NULL, NULL, on_done, &a);
  wait_for (&a);
  gtf_tokenizer_push_to_hub_async (tokenizer, "org/async", NULL, NULL, on_done, &b);
  wait_for (&b);
  g_assert_true (g_str_has_prefix (a, "http://") && g_str_has_prefix (b, "http://"));
  check_list ("org/async", "main", ".gitattributes README.md config.json model.safetensors tokenizer.json tokenizer_config.json");
  hub_server_forget (server);
  hub_server_fault (server, &stall);
  gtf_model_push_to_hub_async (model, "org/cancelled", NULL, cancellable, on_done, &c);
  g_usleep (100 * 1000);
  g_cancellable_cancel (cancellable);
  g_assert_cmpstr (wait_for (&c), ==, "cancelled");
  hub_server_clear_faults (server);
  g_free (a);
  g_free (b);
  g_free (c);
}

/* Nothing stays in the folder for temporary files. */
static void
test_temporary (void)
{
  g_autoptr (GDir) dir = g_dir_open (g_get_tmp_dir (), 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)))
    g_assert_false (g_str_has_prefix (name, "gtf-push-"));
}

int
main (int argc, char **argv)
{
  g_autofree char *scratch = g_dir_make_tmp ("gtf-test-push-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  int status;

  g_setenv ("TMPDIR", scratch, TRUE);
  g_test_init (&argc, &argv, NULL);
  g_setenv ("no_proxy", "127.0.0.1", TRUE);
  g_setenv ("HF_TOKEN", HUB_TOKEN, TRUE);
  g_unsetenv ("HF_HUB_OFFLINE");
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  folder = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-tasks", "masked", NULL);
  model = gtf_model_load (folder, NULL, NULL, &error);
  g_assert_no_error (error);
  tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/push/push", test_push);
  g_test_add_func ("/push/cards", test_cards);
  g_test_add_func ("/push/overtaken", test_overtaken);
  g_test_add_func ("/push/places", test_places);
  g_test_add_func ("/push/errors", test_errors);
  g_test_add_func ("/push/async", test_async);
  g_test_add_func ("/push/temporary", test_temporary);
  status = g_test_run ();
  g_object_unref (model);
  g_object_unref (tokenizer);
  g_free (folder);
  hub_server_free (server);
  gtf_hub_remove_path (scratch, NULL);
  return status;
}
