/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The Unicode tables: composition undoes decomposition, classes, and where the reference differs from newer Unicode.
 */
#include <string.h>

#include "base/json.h"
#include "text/byte-level.h"
#include "text/charsmap.h"
#include "text/passes.h"

static void
test_compose (void)
{
  gunichar out[20];
  g_assert_cmpuint (gtf_unicode_decompose (0xE9, FALSE, out), ==, 2);
  g_assert_cmphex (gtf_unicode_compose (out[0], out[1]), ==, 0xE9);
  for (gunichar c = 0xAC00; c < 0xD7A4; c++)
    {
      gsize n = gtf_unicode_decompose (c, FALSE, out);
      gunichar made = gtf_unicode_compose (out[0], out[1]);
      g_assert_cmphex (n == 3 ? gtf_unicode_compose (made, out[2]) : made, ==, c);
    }
  g_assert_cmpuint (gtf_unicode_decompose (0xFDFA, TRUE, out), ==, 18);
  g_assert_cmphex (gtf_unicode_compose ('a', 'b'), ==, 0);
}

static void
test_properties (void)
{
  gunichar out[4];
  g_assert_cmpuint (gtf_unicode_ccc (0x301), ==, 230);
  g_assert_cmpuint (gtf_unicode_ccc ('a'), ==, 0);
  g_assert_cmpuint (gtf_unicode_lower (0x130, out), ==, 1 + (out[1] == 0x307));
  g_assert_cmpuint (gtf_unicode_lower (0x3A3, out), ==, 1);
  g_assert_cmphex (out[0], ==, 0x3C3);
  g_assert_true (gtf_unicode_flags (0x3000) & GTF_U_SPACE);
  g_assert_true (gtf_unicode_flags (0x4E00) & GTF_U_CHINESE);
  g_assert_cmphex (gtf_unicode_flags (0x110000), ==, 0);
}

static void
test_classes (void)
{
  static const struct { const char *name; gunichar in, out; } table[] =
  {
    { "Lu", 'A', 'a' }, { "Uppercase_Letter", 'A', 'a' }, { "N", 0xB2, 'x' }, { "Han", 0x4E00, 'a' }, { "alpha", 'a', '1' }, { "White Space", ' ', 'a' }
  };
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autofree guint32 *bits = gtf_unicode_class (table[i].name, strlen (table[i].name));
      g_assert_nonnull (bits);
      g_assert_true (bits[table[i].in / 32] >> table[i].in % 32 & 1);
      g_assert_false (bits[table[i].out / 32] >> table[i].out % 32 & 1);
    }
  g_assert_null (gtf_unicode_class ("Klingon", 7));
}

static void
test_bytes (void)
{
  for (guint b = 0; b < 256; b++)
    g_assert_cmpint (gtf_char_to_byte (gtf_byte_to_char (b)), ==, b);
  g_assert_cmphex (gtf_byte_to_char (' '), ==, 0x120);
  g_assert_cmpint (gtf_char_to_byte (0x4E00), ==, -1);
}

static void
test_valid (void)
{
  g_assert_true (gtf_utf8_valid ("a\0b", 3));
  g_assert_true (gtf_utf8_valid ("", 0));
  g_assert_false (gtf_utf8_valid ("a\0\xC3", 3));
}

/* ---- Unicode's own test files (Debian: unicode-data) ---- */

/* The text of a file of Unicode's, packed or not; NULL where it is not installed. */
static char *
unicode_file (const char *name)
{
  g_autofree char *plain = g_build_filename ("/usr/share/unicode", name, NULL), *packed = g_strconcat (plain, ".bz2", NULL);
  const char *argv[] = { "bzip2", "-dc", packed, NULL };
  char *text = NULL;
  if (g_file_get_contents (plain, &text, NULL, NULL))
    return text;
  if (!g_file_test (packed, G_FILE_TEST_EXISTS) || !g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, NULL, NULL, NULL) || *text == 0)
    g_clear_pointer (&text, g_free);
  return text;
}

/* Which code points came after Unicode 9, on which the reference's forms stand. */
static guint8 *
young_code_points (void)
{
  g_autofree char *text = unicode_file ("DerivedAge.txt");
  g_auto (GStrv) lines = g_strsplit (text ? text : "", "\n", -1);
  guint8 *young = g_new0 (guint8, 0x110000);
  for (guint l = 0; lines[l]; l++)
    {
      char *end;
      guint64 first = g_ascii_strtoull (lines[l], &end, 16), last = g_str_has_prefix (end, "..") ? g_ascii_strtoull (end + 2, &end, 16) : first;
      end = *lines[l] == '#' ? NULL : strchr (end, ';');
      for (guint64 c = first; end && g_ascii_strtoull (end + 2, NULL, 10) > 9 && c <= last && c < 0x110000; c++)
        young[c] = 1;
    }
  return young;
}

/* "0044 0307" as UTF-8. */
static char *
code_points (const char *list, const guint8 *young, gboolean *is_young)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_auto (GStrv) words = g_strsplit (list, " ", -1);
  for (guint i = 0; words[i]; i++)
    if (*words[i])
      {
        gunichar c = (gunichar) g_ascii_strtoull (words[i], NULL, 16);
        g_string_append_unichar (out, c);
        *is_young |= young[c];
      }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
normalized (GtfPass *pass, GtfPieces *pieces, const char *text)
{
  g_autoptr (GError) error = NULL;
  gtf_pieces_reset (pieces, text, strlen (text));
  g_assert_true (gtf_pass_apply (pass, pieces, &error));
  return g_strndup (pieces->buffer->text, pieces->buffer->length);
}

static void
test_normalization (void)
{
  static const char *const forms[] = { "NFC", "NFD", "NFKC", "NFKD" };
  g_autofree char *text = unicode_file ("NormalizationTest.txt");
  if (text == NULL)
    {
      g_test_skip ("no /usr/share/unicode/NormalizationTest.txt");
      return;
    }
  GtfPass *passes[4];
  GtfPieces pieces;
  g_autofree guint8 *young = young_code_points ();
  guint n_lines = 0, n_young = 0, n_wrong = 0;
  gtf_pieces_init (&pieces);
  for (guint f = 0; f < 4; f++)
    {
      g_autofree char *json = g_strdup_printf ("{\"type\": \"%s\"}", forms[f]);
      g_autoptr (JsonNode) node = gtf_json_parse ("test", json, -1, GTF_JSON_STRICT, NULL);
      passes[f] = gtf_normalizer_new (node, "test", NULL);
    }
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint l = 0; lines[l]; l++)
    {
      g_auto (GStrv) columns = g_strsplit (lines[l], ";", -1);
      gboolean is_young = FALSE;
      if (*lines[l] == '#' || *lines[l] == '@' || g_strv_length (columns) < 6)
        continue;
      g_autofree char *source = code_points (columns[0], young, &is_young);
      n_lines++;
      for (guint f = 0; f < 4; f++)
        {
          g_autofree char *expected = code_points (columns[f + 1], young, &is_young), *found = normalized (passes[f], &pieces, source);
          if (strcmp (expected, found) == 0)
            continue;
          if (!is_young)
            g_test_message ("%s of %s: expected %s", forms[f], columns[0], columns[f + 1]);
          n_young += is_young;
          n_wrong += !is_young;
        }
    }
  g_test_message ("%u lines, %u differences with younger characters, %u others", n_lines, n_young, n_wrong);
  for (guint f = 0; f < 4; f++)
    gtf_pass_free (passes[f]);
  gtf_pieces_clear (&pieces);
  g_assert_cmpuint (n_lines, >, 15000);
  g_assert_cmpuint (n_young, <, n_lines / 5);
  g_assert_cmpuint (n_wrong, ==, 0);
}

/* "÷ 0020 × 0308 ÷". U+2701 became a pictograph after the version that Debian has; to the reference it is one. */
static void
test_graphemes (void)
{
  g_autofree char *text = unicode_file ("auxiliary/GraphemeBreakTest.txt");
  guint n_lines = 0, n_wrong = 0;
  if (text == NULL)
    {
      g_test_skip ("no /usr/share/unicode/auxiliary/GraphemeBreakTest.txt");
      return;
    }
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint l = 0; lines[l]; l++)
    {
      g_auto (GStrv) words = g_strsplit_set (lines[l], " \t#", -1);
      g_autoptr (GString) source = g_string_new (NULL);
      g_autoptr (GArray) borders = g_array_new (FALSE, FALSE, sizeof (gsize));
      gboolean wrong = FALSE;
      if (!g_str_has_prefix (lines[l], "÷") || g_str_has_prefix (lines[l], "÷ 2701 × 200D"))
        continue;
      for (guint i = 0; words[i] && *words[i]; i++)
        if (strcmp (words[i], "÷") == 0)
          g_array_append_val (borders, source->len);
        else if (strcmp (words[i], "×") != 0)
          g_string_append_unichar (source, (gunichar) g_ascii_strtoull (words[i], NULL, 16));
      n_lines++;
      for (gsize at = 0, i = 1; !wrong && at < source->len; i++)
        {
          at = gtf_grapheme_end (source->str, at, source->len);
          wrong = i >= borders->len || at != g_array_index (borders, gsize, i);
        }
      if (wrong)
        g_test_message ("%s", lines[l]);
      n_wrong += wrong;
    }
  g_test_message ("%u lines, %u differences", n_lines, n_wrong);
  g_assert_cmpuint (n_lines, >, 500);
  g_assert_cmpuint (n_wrong, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/unicode/compose", test_compose);
  g_test_add_func ("/text/unicode/properties", test_properties);
  g_test_add_func ("/text/unicode/classes", test_classes);
  g_test_add_func ("/text/unicode/bytes", test_bytes);
  g_test_add_func ("/text/unicode/valid", test_valid);
  g_test_add_func ("/text/unicode/normalization", test_normalization);
  g_test_add_func ("/text/unicode/graphemes", test_graphemes);
  return g_test_run ();
}
