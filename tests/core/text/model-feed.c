/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A tokenizer.json that is large enough for a thread to take its tokens and merges: the same model, and the same words about what is wrong with it, as without one.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "text/tokenizer.h"
#include "../../tell.h"

#define N 150                        /* characters; each two of them are a token and a merge */
#define FIRST 0x4E00

/* One change: instead of token or merge `at`, or behind all. */
typedef struct
{
  const char *what;                  /* "token", "merge", "later merge", "end" */
  gint at;
  const char *instead, *mentions;    /* NULL: nothing is wrong */
} Change;

static void
add_token (GString *to, gint i, gint id)
{
  g_string_append_c (to, '"');
  if (i >= N)
    g_string_append_unichar (to, FIRST + (i - N) / N);
  g_string_append_unichar (to, FIRST + (i >= N ? (i - N) % N : i));
  g_string_append_printf (to, "\": %d, ", id);
}

static gboolean
is_changed (const Change *change, const char *what, gint at, GString *to)
{
  if (strcmp (change->what, what) || change->at != at)
    return FALSE;
  g_string_append (to, change->instead);
  return TRUE;
}

static char *
file_with (const Change *change)
{
  GString *to = g_string_new ("{\"model\": {\"type\": \"BPE\", \"continuing_subword_prefix\": null, \"vocab\": {");
  for (gint i = 0; i < N + N * N; i++)
    if (!is_changed (change, "token", i, to))
      add_token (to, i, i);
  g_string_truncate (to, to->len - 2);
  g_string_append (to, "}, \"merges\": [");
  for (gint i = 0; i < N * N; i++)
    {
      if (!is_changed (change, "merge", i, to))
        {
          g_string_append (to, "[\"");
          g_string_append_unichar (to, FIRST + i / N);
          g_string_append (to, "\", \"");
          g_string_append_unichar (to, FIRST + i % N);
          g_string_append (to, "\"], ");
        }
      if (!strcmp (change->what, "merge") && i == change->at + 3)      /* wrong too, but later */
        g_string_append (to, "\"one\", ");
    }
  g_string_truncate (to, to->len - 2);
  g_string_append (to, "]");
  if (!is_changed (change, "end", 0, to))
    g_string_append (to, "}");
  g_string_append (to, strcmp (change->what, "token") ? "}" : "?");
  return g_string_free (to, FALSE);
}

static void
check_ids (GtfTokenizer *tokenizer)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_unichar (text, FIRST + 149);
  g_string_append_unichar (text, FIRST + 148);
  g_string_append_unichar (text, FIRST + 3);
  g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, text->str, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (e->n_ids, ==, 2);
  g_assert_cmpint (e->ids[0], ==, 149);                         /* the merge of the last two has the lower rank */
  g_assert_cmpint (e->ids[1], ==, N + 148 * N + 3);
}

static void
test_large (void)
{
  static const Change changes[] =
  {
    { "nothing", 0, "", NULL },
    { "end", 0, ", \"continuing_subword_prefix\": \"\", \"end_of_word_suffix\": null}", NULL },
    { "token", 15000, "\"twice\": 3, ", "id 3 belongs to two tokens" },
    { "token", 20000, "\"\xE4\xB8\x80\": \"no\", ", "model.vocab" },
    { "merge", 12000, "[\"\xE4\xB8\x80\", \"nobody\"], ", "“nobody” is not in the vocabulary" },
    { "merge", 20000, "\"alone\", ", "merge 20000: expected two tokens" },
    { "merge", 22000, "7, ", "expected “a b”" },
    { "end", 0, ", \"unk_token\": 7}", "model.unk_token has the wrong type" },
  };
  g_autofree char *folder = g_dir_make_tmp ("gtf-feed-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  for (gsize i = 0; i < 2 * G_N_ELEMENTS (changes); i++)
    {
      const Change *change = &changes[i / 2];
      g_autofree char *file = file_with (change);
      g_autoptr (GError) error = NULL;
      g_setenv ("GTF_THREADS", i % 2 ? "2" : "1", TRUE);
      g_assert_true (g_file_set_contents (path, file, -1, NULL));
      g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
      tell ("%s %d: %s", change->what, change->at, error ? error->message : "no error");
      if (change->mentions == NULL)
        {
          g_assert_no_error (error);
          check_ids (tokenizer);
          continue;
        }
      g_assert_null (tokenizer);
      g_assert_nonnull (strstr (error->message, change->mentions));
      g_assert_nonnull (strstr (error->message, "tokenizer.json"));
    }
  g_remove (path);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/model-feed/large", test_large);
  return g_test_run ();
}
