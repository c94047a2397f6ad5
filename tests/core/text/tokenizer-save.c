/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A tokenizer that is saved and loaded again is the same.
 */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include "text/tokenizer.h"

static const char text[] = "The fox runs, and 2 more.";

static void
assert_same (GtfTokenizer *a, GtfTokenizer *b)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfEncoding) x = gtf_tokenizer_encode (a, text, NULL, NULL, &error), y = gtf_tokenizer_encode (b, text, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (gtf_tokenizer_get_vocab_size (a), ==, gtf_tokenizer_get_vocab_size (b));
  g_assert_cmpmem (x->ids, x->n_ids * sizeof *x->ids, y->ids, y->n_ids * sizeof *y->ids);
}

static void
test_save (void)
{
  static const char *const folders[] = { "text-tasks/one", "text-tasks/tags-bytes", "asr/repo" };

  for (gsize i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_autofree char *from = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", folders[i], NULL), *parent = g_dir_make_tmp ("gtf-XXXXXX", NULL);
      g_autofree char *to = g_build_filename (parent, "a", "b", NULL), *config = g_build_filename (to, "config.json", NULL), *weights = g_build_filename (to, "model.safetensors", NULL);
      g_autofree char *settings = g_build_filename (to, "tokenizer_config.json", NULL), *command = g_strdup_printf ("rm -rf '%s'", parent);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (from, NULL, &error), again = NULL;

      g_assert_no_error (error);
      g_assert_true (gtf_tokenizer_save_pretrained (tokenizer, to, &error));
      g_assert_no_error (error);
      g_assert_true (g_file_test (settings, G_FILE_TEST_EXISTS));
      /* and nothing else */
      g_assert_false (g_file_test (config, G_FILE_TEST_EXISTS) || g_file_test (weights, G_FILE_TEST_EXISTS));
      again = gtf_tokenizer_load (to, NULL, &error);
      g_assert_no_error (error);
      assert_same (tokenizer, again);
      g_assert_false (gtf_tokenizer_save_pretrained (tokenizer, "/proc/gtf", &error));
      g_assert_nonnull (strstr (error->message, "/proc/gtf: cannot be created"));
      g_clear_error (&error);
      /* one whose folder is gone */
      g_assert_cmpint (system (command), ==, 0);
      g_mkdir (parent, 0700);
      g_assert_false (gtf_tokenizer_save_pretrained (again, parent, &error));
      g_assert_nonnull (error);
      g_rmdir (parent);
    }
}

/* One of two folders keeps both. */
static void
test_save_two (void)
{
  static const char config[] = "{\"model_type\": \"rag\", \"question_encoder\": {\"model_type\": \"dpr\"}}";
  g_autofree char *parent = g_dir_make_tmp ("gtf-XXXXXX", NULL), *from = g_build_filename (parent, "from", NULL), *to = g_build_filename (parent, "to", NULL);
  g_autofree char *command = g_strdup_printf ("rm -rf '%s'", parent);
  static const char *const folders[] = { "from/question_encoder_tokenizer", "from/generator_tokenizer" };
  g_autofree char *from_config = g_build_filename (from, "config.json", NULL), *to_config = g_build_filename (to, "config.json", NULL);
  g_autoptr (GtfTokenizer) tokenizer = NULL, again = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_autofree char *folder = g_build_filename (parent, folders[i], NULL), *vocabulary = g_build_filename (folder, "vocab.txt", NULL);
      g_autofree char *settings = g_build_filename (folder, "tokenizer_config.json", NULL);

      g_mkdir_with_parents (folder, 0700);
      g_assert_true (g_file_set_contents (vocabulary, i ? "[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\nfox\nthe\n" : "[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\nthe\nfox\n", -1, NULL));
      g_assert_true (g_file_set_contents (settings, "{\"tokenizer_class\": \"BertTokenizer\"}", -1, NULL));
    }
  g_assert_true (g_file_set_contents (from_config, config, -1, NULL));
  tokenizer = gtf_tokenizer_load (from, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (gtf_tokenizer_save_pretrained (tokenizer, to, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_set_contents (to_config, config, -1, NULL));
  again = gtf_tokenizer_load (to, NULL, &error);
  g_assert_no_error (error);
  assert_same (tokenizer, again);
  assert_same (gtf_tokenizer_get_target (tokenizer, NULL), gtf_tokenizer_get_target (again, NULL));
  g_assert_cmpint (system (command), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/tokenizer-save", test_save);
  g_test_add_func ("/text/tokenizer-save/two-folders", test_save_two);
  return g_test_run ();
}
