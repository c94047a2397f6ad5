/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Regular expressions: our own matcher against Oniguruma, for the patterns that most repositories have on every code point
 * alone, in context and in random mixtures, and for random patterns; classes rewritten; patterns that are wrong or never end.
 */
#include <string.h>

#include "text/pieces.h"
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
note_span (gpointer data, gsize begin, gsize end)
{
  const GtfSpan span = { begin, end };
  g_array_append_val ((GArray *) data, span);
}

static void
compare (GtfRegex *a, GtfRegex *b, const GString *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) x = g_array_new (FALSE, FALSE, sizeof (GtfSpan)), y = g_array_new (FALSE, FALSE, sizeof (GtfSpan));
  g_assert_true (gtf_regex_each (a, text->str, text->len, note_span, x, &error));
  g_assert_true (gtf_regex_each (b, text->str, text->len, note_span, y, &error));
  if (x->len == y->len && (x->len == 0 || !memcmp (x->data, y->data, x->len * sizeof (GtfSpan))))
    return;
  g_autofree char *left = matches (a, text->str, text->len), *right = matches (b, text->str, text->len);
  g_assert_cmpstr (left, ==, right);
}

#define CL100K "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define ENDINGS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define O200K_REST "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* What most repositories have: of GPT-2, Llama 3, Qwen 2, newer Qwen, GPT-4o and Llama 4, Mistral, DeepSeek, CLIP, BLOOM, T5 ... */
static const char *const famous[] =
{
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  ENDINGS "|" CL100K,
  ENDINGS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  ENDINGS "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" ENDINGS "?|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER "*" ENDINGS "?|" O200K_REST,
  "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\xED\x9F\xBF]+",
  "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
  "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
  " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+",
  "\\s?\\p{L}+", "\\s?\\p{P}+", "[\\r\\n]", " {2,}", "\\s+", "\\p{N}{1,3}", "\\d", "[0-9][0-9][0-9]", "\\d+|[^\\d]+"
};

/* The pattern in a group is the same to Oniguruma, but to nobody else. */
static void
both_ways (const char *pattern, GtfRegex **plain, GtfRegex **asked)
{
  g_autofree char *other = g_strdup_printf ("(?:%s)", pattern);
  g_autoptr (GError) error = NULL;
  *plain = gtf_regex_new (pattern, "test", &error);
  g_assert_no_error (error);
  *asked = gtf_regex_new (other, "test", &error);
  g_assert_no_error (error);
  g_assert_true (gtf_regex_is_plain (*plain));
  g_assert_false (gtf_regex_is_plain (*asked));
}

static void
test_every_code_point (gconstpointer pattern)
{
  g_autoptr (GtfRegex) scanned = NULL, asked = NULL;
  both_ways (pattern, &scanned, &asked);
  g_autoptr (GString) text = g_string_new (NULL);
  guint32 last_flags = 0;
  guint alike = 0;
  for (gunichar c = 1; c < 0x110000; c++)
    {
      /* Surrogates; and inside of runs of characters that have all their properties in common (ideographs, syllables, private
       * use, what is not assigned) one in 61, but for the end of a range in a pattern above. */
      guint32 flags = gtf_unicode_flags (c);
      alike = flags == last_flags ? alike + 1 : 0;
      last_flags = flags;
      if ((c >= 0xD800 && c < 0xE000) || (alike > 8 && c % 61 && c >= 0x3100 && c != 0x9FA5 && c != 0x9FA6))
        continue;
      /* After a letter, a digit, a sign, spaces; before a letter and at a line's end: all of them for Latin, in turns beyond. */
      static const char *const after[] = { "a", "1", "-", " ", "  '" };
      for (guint i = 0; i < G_N_ELEMENTS (after); i++)
        if (c < 0x250 || (c + c / G_N_ELEMENTS (after)) % G_N_ELEMENTS (after) == i)
          {
            g_string_append_unichar (text, c);
            g_string_append (text, after[i]);
          }
      if (text->len > 2000)
        {
          compare (scanned, asked, text);
          g_string_truncate (text, 0);
        }
    }
  compare (scanned, asked, text);
}

static void
random_text (GRand *rand, GString *text)
{
  static const char *const parts[] =
  {
    " ", "  ", "\n", "\r\n", "\t", "a", "bc", "\u00e9", "9", "1234", "\u00b2", "'", "'s", "'re", "'LL", "'\u017f", "'ve", "!", "..", "/", "\u2026", "\u00a0", "\u6f22", "\u3042", "\ud55c",
    "\u0301", "'S", "x", "AB", "Ab", "\u01c5", "\u02b0", "<|endoftext|>", "$", "_", "\u212a", "\u3000", "\u0664", "\U0001f642"
  };
  g_string_truncate (text, 0);
  for (gint n = g_rand_int_range (rand, 0, 24); n > 0; n--)
    g_string_append (text, parts[g_rand_int_range (rand, 0, G_N_ELEMENTS (parts))]);
}

static void
test_mixtures (gconstpointer pattern)
{
  g_autoptr (GtfRegex) scanned = NULL, asked = NULL;
  both_ways (pattern, &scanned, &asked);
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < 300; i++)
    {
      random_text (rand, text);
      compare (scanned, asked, text);
    }
}

/* Patterns of the shape that is not Oniguruma's, made at random. */
static void
random_pattern (GRand *rand, GString *out)
{
  static const char *const sets[] =
  {
    "\\s", "\\S", "\\p{L}", "\\p{Lu}", "[a-c]", "[^a-c]", "[\\r\\n]", " ", "'", "x", "\\d", "\\w", "\\W", ".", "[^\\s\\p{L}]", "[[:upper:]b]", "[\\p{M}\\p{^L}]", "\u6f22", "[\u3040-\u309f ]", "\\.", "[ [^\\w]]"
  };
  static const char *const counts[] = { "", "", "", "?", "*", "+", "{1,3}", "{2}", "{2,}", "?+", "*+", "++" };
  static const char *const folded[] = { "(?i:'s|'t|'re)", "(?i:'ll|a)?", "(?i:ab|k|x)" };
  g_string_truncate (out, 0);
  for (gint branches = g_rand_int_range (rand, 1, 5); branches > 0; branches--)
    {
      for (gint items = g_rand_int_range (rand, 1, 5); items > 0; items--)
        if (g_rand_int_range (rand, 0, 10) == 0)
          g_string_append (out, folded[g_rand_int_range (rand, 0, G_N_ELEMENTS (folded))]);
        else if (g_rand_int_range (rand, 0, 12) == 0)
          g_string_append_printf (out, "(?!%s)", sets[g_rand_int_range (rand, 0, G_N_ELEMENTS (sets))]);
        else
          g_string_append_printf (out, "%s%s", sets[g_rand_int_range (rand, 0, G_N_ELEMENTS (sets))], counts[g_rand_int_range (rand, 0, G_N_ELEMENTS (counts))]);
      if (branches > 1)
        g_string_append_c (out, '|');
    }
}

static void
test_random_patterns (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  g_autoptr (GString) pattern = g_string_new (NULL), text = g_string_new (NULL);
  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (GtfRegex) scanned = NULL, asked = NULL;
      random_pattern (rand, pattern);
      g_test_message ("%s", pattern->str);
      both_ways (pattern->str, &scanned, &asked);
      for (guint j = 0; j < 20; j++)
        {
          random_text (rand, text);
          compare (scanned, asked, text);
        }
    }
}

/* The scanner of ByteLevel against the pattern. */
static void
test_gpt2 (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfRegex) regex = gtf_regex_new (famous[0], "test", &error);
  g_assert_no_error (error);
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < 2000; i++)
    {
      random_text (rand, text);
      gunichar c = g_rand_int_range (rand, 1, 0xD800) + (i % 2 ? 0xE000 : 0);
      g_string_append_unichar (text, c);
      g_string_append (text, i % 3 ? " a" : "1");
      g_autofree char *want = matches (regex, text->str, text->len);
      g_autoptr (GString) got = g_string_new (NULL);
      for (gsize at = 0, end; at < text->len; at = end)
        {
          end = gtf_scan_gpt2 (text->str, text->len, at);
          note (got, at, end);
        }
      g_assert_cmpstr (got->str, ==, want);
    }
}

static void
test_table (void)
{
  static const struct { const char *pattern, *text, *expected; } table[] =
  {
    { "\\d+", "a12 b345", "1-3 5-8 " },
    { "\\w", "\u00bd_", "0-2 2-3 " },
    { "[\\w]", "\u00bd_", "2-3 " },
    { "\\p{Punct}", "$.", "1-2 " },
    { "[[:punct:]]", "$.", "0-1 1-2 " },
    { "[[:alpha:]&&[^b]]+", "aabba", "0-2 4-5 " },
    { "\\p{Lu}|\\p{^L}", "aB1", "1-2 2-3 " },
    { "[^\\s]+", "a b\tc", "0-1 2-3 4-5 " },
    { "[]a]+", "]a", "0-2 " },
    { "x*", "axb", "0-0 1-2 3-3 " },
    { "\\p{Han}", "a漢b", "1-4 " },
    { "a\\\\b", "a\\b", "0-3 " },
    { "\\b", "a 𱵟b", "0-0 1-1 2-2 7-7 " },      /* a letter since Unicode 15 */
    { "\\B", "ab ", "1-1 3-3 " },
    { "[\\b]", "b\b", "1-2 " },
    { "\\N+", "ab\ncN", "0-2 3-5 " },
    { "(?<=[a-z]+)1", "abc1", "3-4 " },
    { "(?i)\\p{Lu}", "aB", "1-2 " },
    { "(?i)[\\p{Lu}]", "aB", "0-1 1-2 " },
    { "a\\K", "aab", "1-1 2-2 " }
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
  /* Of the plain shape: cubic. */
  g_clear_error (&error);
  g_autoptr (GtfRegex) plain = gtf_regex_new ("a*a*a*a*b", "test", &error);
  text[3999] = 'a';
  g_assert_true (gtf_regex_is_plain (plain));
  g_assert_false (gtf_regex_each (plain, text, 4000, note, out, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
  /* Alternatives that all match: 8 to the power of 15 ways. */
  g_clear_error (&error);
  g_autoptr (GString) pattern = g_string_new (NULL);
  for (guint i = 0; i < 15; i++)
    g_string_append (pattern, "(?i:a|a|a|a|a|a|a|a)");
  g_string_append_c (pattern, 'b');
  g_autoptr (GtfRegex) ways = gtf_regex_new (pattern->str, "test", &error);
  g_assert_true (gtf_regex_is_plain (ways));
  g_assert_false (gtf_regex_each (ways, text, 4000, note, out, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (famous); i++)
    {
      g_autofree char *path = g_strdup_printf ("/text/regex/code-points/%zu", i), *mixed = g_strdup_printf ("/text/regex/mixtures/%zu", i);
      g_test_add_data_func (path, famous[i], test_every_code_point);
      g_test_add_data_func (mixed, famous[i], test_mixtures);
    }
  g_test_add_func ("/text/regex/random", test_random_patterns);
  g_test_add_func ("/text/regex/gpt2", test_gpt2);
  g_test_add_func ("/text/regex/table", test_table);
  g_test_add_func ("/text/regex/errors", test_errors);
  g_test_add_func ("/text/regex/bounded", test_bounded);
  return g_test_run ();
}
