/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/hub/cache.c: a made-up cache tree, its environment, and names that must not become paths.
 */
#include <string.h>
#include <glib/gstdio.h>
#include "hub/cache.h"

#define COMMIT_A "0123456789abcdef0123456789abcdef01234567"
#define COMMIT_B "89abcdef0123456789abcdef0123456789abcdef"

static const char *const variables[] = { "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "GTF_TEST_WORD" };

static void
clear_environment (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    g_unsetenv (variables[i]);
}

static void
put (const char *root, const char *path, const char *text)
{
  g_autofree char *full = g_build_filename (root, path, NULL), *folder = g_path_get_dirname (full);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (full, text, -1, NULL));
}

static char *
make_cache (void)
{
  char *root = g_dir_make_tmp ("gtf-hub-XXXXXX", NULL);

  put (root, "models--org--name/refs/main", COMMIT_A);
  put (root, "models--org--name/refs/v1.0", COMMIT_B "\n");
  put (root, "models--org--name/refs/refs/pr/7", COMMIT_B);
  put (root, "models--org--name/refs/broken", "../../../etc");
  put (root, "models--org--name/refs/gone", "ffffffffffffffffffffffffffffffffffffffff");
  put (root, "models--org--name/snapshots/" COMMIT_A "/config.json", "{}");
  put (root, "models--org--name/snapshots/" COMMIT_B "/config.json", "{}");
  put (root, "models--gpt2/refs/main", COMMIT_A);
  put (root, "models--gpt2/snapshots/" COMMIT_A "/config.json", "{}");
  return root;
}

static const struct
{
  const char *id, *revision;
  const char *repository, *commit;      /* commit NULL: an error */
  const char *mentions;
} cases[] = {
  { "org/name", NULL, "models--org--name", COMMIT_A, NULL },
  { "org/name", "main", "models--org--name", COMMIT_A, NULL },
  { "org/name", "v1.0", "models--org--name", COMMIT_B, NULL },
  { "org/name", "refs/pr/7", "models--org--name", COMMIT_B, NULL },
  { "org/name", COMMIT_B, "models--org--name", COMMIT_B, NULL },
  { "gpt2", NULL, "models--gpt2", COMMIT_A, NULL },
  { "org/name", "gone", NULL, NULL, "gtransformers download org/name --revision gone" },
  { "org/name", "broken", NULL, NULL, "broken" },
  { "org/name", "v2", NULL, NULL, "'v2'" },
  { "org/name", "../../models--gpt2/refs/main", NULL, NULL, "no revision" },
  { "org/name", "/etc/passwd", NULL, NULL, "no revision" },
  { "org/name", "", NULL, NULL, "no revision" },
  { "org/other", NULL, NULL, NULL, "gtransformers download org/other" },
  { "org/na me", NULL, NULL, NULL, "no name of a repository" },
  { "../name", NULL, NULL, NULL, "no name of a repository" },
  { "org/..", NULL, NULL, NULL, "no name of a repository" },
  { "org--x/name", NULL, NULL, NULL, "no name of a repository" },
  { "org/name.git", NULL, NULL, NULL, "no name of a repository" },
  { "-org/name", NULL, NULL, NULL, "no name of a repository" },
  { "a/b/c", NULL, NULL, NULL, "no name of a repository" },
};

static void
test_find (void)
{
  g_autofree char *root = make_cache ();

  clear_environment ();
  g_setenv ("HF_HUB_CACHE", root, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *commit = NULL, *expected = NULL;
      g_autofree char *found = gtf_hub_find_snapshot (cases[i].id, cases[i].revision, &commit, &error);

      g_test_message ("%s @ %s", cases[i].id, cases[i].revision ? cases[i].revision : "(none)");
      if (cases[i].commit)
        {
          g_assert_no_error (error);
          expected = g_build_filename (root, cases[i].repository, "snapshots", cases[i].commit, NULL);
          g_assert_cmpstr (found, ==, expected);
          g_assert_cmpstr (commit, ==, cases[i].commit);
        }
      else
        {
          g_assert_null (found);
          g_assert_nonnull (error);
          g_assert_nonnull (strstr (error->message, cases[i].mentions));
        }
    }
  clear_environment ();
}

static const struct
{
  const char *variable, *value;
  const char *expected;         /* below HOME if it begins with '~' */
} places[] = {
  { "HF_HUB_CACHE", "/a/b", "/a/b" },
  { "HF_HUB_CACHE", "~/c", "~/c" },
  { "HF_HUB_CACHE", "/x/$GTF_TEST_WORD/${GTF_TEST_WORD}", "/x/word/word" },
  { "HF_HUB_CACHE", "/x/$GTF_TEST_NOTHING", "/x/$GTF_TEST_NOTHING" },
  { "HUGGINGFACE_HUB_CACHE", "/old", "/old" },
  { "HF_HOME", "/home", "/home/hub" },
  { "XDG_CACHE_HOME", "/xdg", "/xdg/huggingface/hub" },
  { "HF_HUB_CACHE", "", "~/.cache/huggingface/hub" },
};

static void
test_places (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_autofree char *found = NULL, *expected = NULL;

      clear_environment ();
      g_setenv ("GTF_TEST_WORD", "word", TRUE);
      g_setenv (places[i].variable, places[i].value, TRUE);
      found = gtf_hub_get_cache_dir ();
      expected = places[i].expected[0] == '~' ? g_strconcat (g_get_home_dir (), places[i].expected + 1, NULL) : g_strdup (places[i].expected);
      g_assert_cmpstr (found, ==, expected);
    }
  clear_environment ();
}

static void
test_offline (void)
{
  clear_environment ();
  g_assert_false (gtf_hub_is_offline ());
  g_setenv ("HF_HUB_OFFLINE", "yes", TRUE);
  g_assert_true (gtf_hub_is_offline ());
  g_setenv ("HF_HUB_OFFLINE", "0", TRUE);
  g_assert_false (gtf_hub_is_offline ());
  g_setenv ("TRANSFORMERS_OFFLINE", "1", TRUE);
  g_assert_true (gtf_hub_is_offline ());
  clear_environment ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hub/cache/find", test_find);
  g_test_add_func ("/hub/cache/places", test_places);
  g_test_add_func ("/hub/cache/offline", test_offline);
  return g_test_run ();
}
