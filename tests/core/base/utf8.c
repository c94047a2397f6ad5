/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sixteen bytes at once say the same about a text as one after the other.
 */
#include "base/utf8.h"

#include <string.h>

/* One place of a long text is written over; what it says there comes to lie before, on and behind the border of a block. */
static void
test_borders (void)
{
  static const struct { const char *bytes; gboolean valid; } rows[] =
  {
    { "\x7F", TRUE }, { "\x80", FALSE }, { "\xBF", FALSE }, { "\xC0\x80", FALSE }, { "\xC1\xBF", FALSE }, { "\xC2\x80", TRUE }, { "\xC2", FALSE }, { "\xC2\xC2\x80", FALSE }, { "\xDF\xBF", TRUE },
    { "\xDF\xBF\xBF", FALSE }, { "\xE0\x9F\xBF", FALSE }, { "\xE0\xA0\x80", TRUE }, { "\xE2\x96\x81", TRUE }, { "\xE2\x96", FALSE }, { "\xE2\x96\x81\x81", FALSE }, { "\xED\x9F\xBF", TRUE },
    { "\xED\xA0\x80", FALSE }, { "\xED\xBF\xBF", FALSE }, { "\xEE\x80\x80", TRUE }, { "\xEF\xBF\xBF", TRUE }, { "\xF0\x8F\xBF\xBF", FALSE }, { "\xF0\x90\x80\x80", TRUE },
    { "\xF0\x9F\x98", FALSE }, { "\xF0\x9F\x98\x80\x80", FALSE }, { "\xF4\x8F\xBF\xBF", TRUE }, { "\xF4\x90\x80\x80", FALSE }, { "\xF5\x80\x80\x80", FALSE }, { "\xFF", FALSE }
  };
  static const char *const around[] = { "a", "\xC3\xA9", "\xE2\x96\x81", "\xF0\x9F\x98\x80" };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    for (gsize a = 0; a < G_N_ELEMENTS (around); a++)
      for (gsize before = 0; before < 40; before++)
        for (gsize after = 0; after < 40; after += 1 + after / 4)
          {
            g_autoptr (GString) text = g_string_new (NULL);
            for (gsize j = 0; j < before; j++)
              g_string_append (text, around[a]);
            g_string_append (text, rows[i].bytes);
            for (gsize j = 0; j < after; j++)
              g_string_append (text, around[a]);
            g_autofree char *exact = g_memdup2 (text->str, text->len);      /* nothing may be read behind it */
            if (gtf_utf8_valid (exact, text->len) != rows[i].valid)
              g_error ("row %" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT " times \"%s\" before it and %" G_GSIZE_FORMAT " after", i, before, around[a], after);
          }
}

static void
test_random (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  static const char *const parts[] = { "a", "z\n", "\xC4\xA0", "\xE4\xB8\xAD", "\xF0\x9F\x98\x80", "the ", "\xEF\xBF\xBD" };

  for (guint i = 0; i < 20000; i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      guint n = g_rand_int_range (rand, 0, 60);

      for (guint j = 0; j < n; j++)
        g_string_append (text, parts[g_rand_int_range (rand, 0, G_N_ELEMENTS (parts))]);
      if (text->len && i % 2)
        text->str[g_rand_int_range (rand, 0, (gint32) text->len)] = (char) g_rand_int_range (rand, 1, 256);
      g_assert_cmpint (gtf_utf8_valid (text->str, text->len), ==, g_utf8_validate_len (text->str, text->len, NULL));
    }
}

static void
test_nul (void)
{
  static const char text[] = "a\0b\0\0 and so on, longer than two blocks \0 \xC3\xA9\0";

  g_assert_true (gtf_utf8_valid (text, sizeof text));
  g_assert_true (gtf_utf8_valid (text, 3));
  g_assert_true (gtf_utf8_valid (NULL, 0));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/utf8/borders", test_borders);
  g_test_add_func ("/base/utf8/random", test_random);
  g_test_add_func ("/base/utf8/nul", test_nul);
  return g_test_run ();
}
