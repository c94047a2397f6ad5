/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Quotations are cut between characters, so that a message is UTF-8 whatever it quotes.
 */
#include "base/quote.h"

#include <string.h>

#define MOST 60

char *
gtf_quote (const char *text, gssize length)
{
  gsize n = length < 0 ? strlen (text) : (gsize) length;
  /* A character takes four bytes at most, and so many are enough even where the cut falls within one. */
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) MIN (n, 4 * MOST));

  return g_utf8_substring (valid, 0, MIN (g_utf8_strlen (valid, -1), MOST));
}
