/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Cells of tables that hold no value: to TAPAS's tokenizer they are one token of their own, whatever stands in them.
 */
#include "text/tokenizer-private.h"

/* "n/a", "nan", and what has no letter or digit: no value in a table. */
static gboolean
is_no_value (const char *text, gsize length)
{
  gsize begin = length, end = 0;      /* without white space around it */
  guint size;
  gboolean has_word = FALSE;
  for (gsize i = 0; i < length; i += size)
    {
      gunichar c = gtf_utf8_get (text + i, &size);
      has_word |= gtf_unicode_is_alnum (c);
      if (gtf_unicode_is_python_space (c))
        continue;
      begin = MIN (begin, i);
      end = i + size;
    }
  return !has_word || (end - begin == 3 && (!g_ascii_strncasecmp (text + begin, "n/a", 3) || !g_ascii_strncasecmp (text + begin, "nan", 3)));
}

gboolean
gtf_tokenizer_cut_empty (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  GtfTokenizer *self = data;
  if (piece->end > piece->begin && is_no_value (pieces->buffer->text + piece->begin, piece->end - piece->begin))
    gtf_pieces_add_token (pieces, piece->begin, piece->end, self->empty_id);
  else
    gtf_pieces_add (pieces, piece->begin, piece->end);
  return TRUE;
}
