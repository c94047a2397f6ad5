/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Regular expressions: the hand-written scanners against Oniguruma on every code point alone, in context and in random
 * mixtures; classes rewritten; patterns that are wrong or never end.
 */
#include <string.h>

#include "text/regex.h"
#include "text/regex-scan.h"
#include "text/unicode.h"

static void
note (gpointer data, gsize begin, gsize end)
{
  g_string_append_printf (data, "%zu-%zu ", begin, end);
}

static char *
matches (GtfRegex *regex, const char *text, gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) out = g_string_new (NULL);
  g_assert_true (gtf_regex_each (regex, text, length, note, out, &error));
  g_assert_no_error (error);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
compare (GtfRegex *a, GtfRegex *b, const GString *text)
{
  g_autofree char *x = matches (a, text->str, text->len), *y = matches (b, text->str, text->len);
  g_assert_cmpstr (x, ==, y);
}

/* The pattern in a group is the same to Oniguruma, but has no scanner. */
static void
test_gpt2_every_code_point (void)
{
  g_autofree char *other = g_strdup_printf ("(?:%s)", gtf_pattern_gpt2);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfRegex) scanned = gtf_regex_new (gtf_pattern_gpt2, "test", &error), asked = gtf_regex_new (other, "test", &error);
  g_assert_no_error (error);
  g_autoptr (GString) text = g_string_new (NULL);
  for (gunichar c = 1; c < 0x110000; c++)
    {
      if (c >= 0xD800 && c < 0xE000)
        continue;
      /* After a letter, a digit, a sign, spaces; before a letter and at a line's end. */
      g_string_append_unichar (text, c);
      g_string_append (text, "a");
      g_string_append_unichar (text, c);
      g_string_append (text, "1");
      g_string_append_unichar (text, c);
      g_string_append (text, "-");
      g_string_append_unichar (text, c);
      g_string_append (text, " ");
      g_string_append_unichar (text, c);
      g_string_append (text, "  '");
      if (c % 512 == 511)
        {
          compare (scanned, asked, text);
          g_string_truncate (text, 0);
        }
    }
  compare (scanned, asked, text);
}

static void
test_gpt2_mixtures (void)
{
  static const char *const parts[] = { " ", "  ", "\n", "\t", "a", "é", "9", "²", "'", "'s", "'re", "'ll", "!", "…", "\xC2\xA0", "漢", "\xCC\x81", "'S", "x" };
  g_autofree char *other = g_strdup_printf ("(?:%s)", gtf_pattern_gpt2);
  g_autoptr (GtfRegex) scanned = gtf_regex_new (gtf_pattern_gpt2, "test", NULL), asked = gtf_regex_new (other, "test", NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < 3000; i++)
    {
      g_string_truncate (text, 0);
      for (gint n = g_rand_int_range (rand, 0, 24); n > 0; n--)
        g_string_append (text, parts[g_rand_int_range (rand, 0, G_N_ELEMENTS (parts))]);
      compare (scanned, asked, text);
    }
}

static void
test_table (void)
{
  static const struct { const char *pattern, *text, *expected; } table[] =
  {
    { "\\d+", "a12 b345", "1-3 5-8 " },
    { "[[:alpha:]&&[^b]]+", "aabba", "0-2 4-5 " },
    { "\\p{Lu}|\\p{^L}", "aB1", "1-2 2-3 " },
    { "[^\\s]+", "a b\tc", "0-1 2-3 4-5 " },
    { "[]a]+", "]a", "0-2 " },
    { "x*", "axb", "0-0 1-2 3-3 " },
    { "\\p{Han}", "a漢b", "1-4 " },
    { "a\\\\b", "a\\b", "0-3 " }
  };
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfRegex) regex = gtf_regex_new (table[i].pattern, "test", &error);
      g_assert_no_error (error);
      g_autofree char *found = matches (regex, table[i].text, strlen (table[i].text));
      g_assert_cmpstr (found, ==, table[i].expected);
    }
}

static void
test_errors (void)
{
  static const char *const patterns[] = { "(", "[a", "\\p{Nonsense}", "*" };
  for (gsize i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfRegex) regex = gtf_regex_new (patterns[i], "file.json: pre_tokenizer", &error);
      g_assert_null (regex);
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
      g_assert_true (g_str_has_prefix (error->message, "file.json: pre_tokenizer"));
    }
}

static void
test_bounded (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfRegex) regex = gtf_regex_new ("(a|aa)+$", "test", &error);
  g_autofree char *text = g_strnfill (4000, 'a');
  g_autoptr (GString) out = g_string_new (NULL);
  text[3999] = 'b';
  g_assert_no_error (error);
  g_assert_false (gtf_regex_each (regex, text, 4000, note, out, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/regex/gpt2/code-points", test_gpt2_every_code_point);
  g_test_add_func ("/text/regex/gpt2/mixtures", test_gpt2_mixtures);
  g_test_add_func ("/text/regex/table", test_table);
  g_test_add_func ("/text/regex/errors", test_errors);
  g_test_add_func ("/text/regex/bounded", test_bounded);
  return g_test_run ();
}
