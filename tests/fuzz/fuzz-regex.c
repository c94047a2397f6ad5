/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A regular expression of any bytes: translating and compiling it gives an error or an expression, and the matches of one lie in the
 * text, from the left to the right, none inside another.
 */
#include <string.h>

#include "fuzz.h"
#include "text/regex.h"

typedef struct { gsize length, done; } Seen;

static void
found (gpointer data, gsize begin, gsize end)
{
  Seen *seen = data;
  g_assert_cmpuint (begin, >=, seen->done);
  g_assert_cmpuint (begin, <=, end);
  g_assert_cmpuint (end, <=, seen->length);
  seen->done = end;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const texts[] = { "", "It's  12,5 abc\n\n x\r\n", "\xC3\xA9 e\xCC\x81 \xE6\xBC\xA2\xE5\xAD\x97 \xF0\x9F\x99\x82 \xC4\xB0'LL" };
  g_autofree char *pattern = size ? g_strndup ((const char *) data, size) : g_strdup ("");
  if (!g_utf8_validate (pattern, -1, NULL))      /* JSON's strings are */
    return 0;
  g_autoptr (GError) error = NULL, local = NULL;
  g_autofree char *translated = gtf_regex_translate (pattern, "fuzz", &local);
  g_assert_true ((translated == NULL) == (local != NULL));
  g_autoptr (GtfRegex) regex = gtf_regex_new (pattern, "fuzz", &error);
  g_assert_true ((regex == NULL) == (error != NULL));
  for (guint i = 0; regex && i < G_N_ELEMENTS (texts); i++)
    {
      Seen seen = { strlen (texts[i]), 0 };
      g_autoptr (GError) refused = NULL;
      gboolean ok = gtf_regex_each (regex, texts[i], seen.length, found, &seen, &refused);
      g_assert_true (ok == (refused == NULL));
    }
  return 0;
}
