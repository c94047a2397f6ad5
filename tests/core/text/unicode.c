/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The Unicode tables: composition undoes decomposition, classes, and where the reference differs from newer Unicode.
 */
#include <string.h>

#include "text/byte-level.h"
#include "text/unicode.h"

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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/unicode/compose", test_compose);
  g_test_add_func ("/text/unicode/properties", test_properties);
  g_test_add_func ("/text/unicode/classes", test_classes);
  g_test_add_func ("/text/unicode/bytes", test_bytes);
  g_test_add_func ("/text/unicode/valid", test_valid);
  return g_test_run ();
}
