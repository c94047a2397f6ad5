/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See known-characters.h. The steps are those of transformers' VitsTokenizer: normalize_text, then what language and is_uroman ask for, then the filter.
 */
#include "text/known-characters.h"

#include "text/moses.h"

#define LONGEST 1024            /* bytes of a token: each place of a text may be compared with so many */

static gboolean
no_memory (const GtfKnownCharacters *self, GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: tokens: no memory", self->where);
  return FALSE;
}

/* A token of several characters, under its place in the list. */
static gboolean
add_word (GtfKnownCharacters *self, const char *token, guint place, GError **error)
{
  if (g_utf8_strlen (token, -1) <= 1)
    return TRUE;
  if (strlen (token) > LONGEST || place >= GTF_VOCAB_MAX_ID)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: tokens[%u]: expected fewer than %d tokens, of at most %d bytes", self->where, place, GTF_VOCAB_MAX_ID, LONGEST);
      return FALSE;
    }
  return gtf_vocab_add (&self->words, token, strlen (token), (gint32) place) == GTF_VOCAB_ADDED || no_memory (self, error);
}

gboolean
gtf_known_characters_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  GtfKnownCharacters *self = (GtfKnownCharacters *) pass;
  JsonNode *node = gtf_json_find (config, "tokens");
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  self->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->where = g_strdup (where);
  self->lower = gtf_pass_flag (config, "lower", TRUE);
  self->filter = gtf_pass_flag (config, "filter", TRUE);
  self->comma_below = gtf_pass_flag (config, "comma_below", FALSE);
  self->only_ascii = gtf_pass_flag (config, "only_ascii", FALSE);
  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      const char *text = gtf_param_get_string (json_array_get_element (list, i), where, "tokens", error);
      if (text == NULL)
        return FALSE;
      if (!g_hash_table_contains (self->known, text) && !add_word (self, text, i, error))
        return FALSE;
      g_hash_table_add (self->known, g_strdup (text));
    }
  return gtf_vocab_trie_build (&self->trie, &self->words) || no_memory (self, error);
}

void
gtf_known_characters_clear (GtfPass *pass)
{
  GtfKnownCharacters *self = (GtfKnownCharacters *) pass;
  g_clear_pointer (&self->known, g_hash_table_unref);
  gtf_vocab_clear (&self->words);
  gtf_vocab_trie_clear (&self->trie);
  g_free (self->where);
}

static gboolean
is_known (const GtfKnownCharacters *self, const char *text, gsize length)
{
  char token[8];
  memcpy (token, text, length);
  token[length] = 0;
  return length && *token && g_hash_table_contains (self->known, token);
}

/* How long the token of several characters is that begins at @at, of several the first in the list: it stays as it is. */
static gsize
word_at (const GtfKnownCharacters *self, const char *text, gsize at, gsize end)
{
  GtfVocabTrieWalk walk = { 0, at };
  gint32 best = G_MAXINT32;
  gsize length = 0;
  for (gint32 id; (id = gtf_vocab_trie_next (&self->trie, &self->words, text, end, at, &walk)) >= 0;)
    if (id < best)
      {
        best = id;
        length = walk.at - at;
      }
  return length;
}

static gboolean
lower_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const GtfKnownCharacters *self = data;
  const char *text = pieces->buffer->text;
  gsize size;
  for (gsize at = piece->begin; at < piece->end; at += size)
    {
      guint one;
      gunichar c = gtf_utf8_get (text + at, &one), out[4];
      size = is_known (self, text + at, one) ? one : word_at (self, text, at, piece->end);
      if (size)
        {
          gtf_pieces_copy (pieces, at, at + size);
          continue;
        }
      gsize n = gtf_unicode_lower (c, out);
      for (gsize i = 0; i < n; i++)
        gtf_pieces_emit (pieces, out[i], pieces->buffer->span[at]);
      size = one;
    }
  return TRUE;
}

static gboolean
cedilla_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text;
  guint size;
  for (gsize at = piece->begin; at < piece->end; at += size)
    {
      gunichar c = gtf_utf8_get (text + at, &size);
      gtf_pieces_emit (pieces, c == 0x21B ? 0x163 : c, pieces->buffer->span[at]);
    }
  return TRUE;
}

static gboolean
filter_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const GtfKnownCharacters *self = data;
  const char *text = pieces->buffer->text;
  gsize end = piece->end, kept_to = piece->begin;
  guint size;
  gboolean begun = FALSE;
  /* Of what is kept, spaces at both ends are not. */
  for (gsize at = piece->begin; at < end; at += size)
    if (!gtf_moses_is_space (gtf_utf8_get (text + at, &size)) && is_known (self, text + at, size))
      kept_to = at + size;
  for (gsize at = piece->begin; at < kept_to; at += size)
    {
      gunichar c = gtf_utf8_get (text + at, &size);
      if (!is_known (self, text + at, size) || (!begun && gtf_moses_is_space (c)))
        continue;
      begun = TRUE;
      gtf_pieces_copy (pieces, at, at + size);
    }
  return TRUE;
}

gboolean
gtf_known_characters_apply (GtfPass *pass, GtfPieces *pieces, GError **error)
{
  GtfKnownCharacters *self = (GtfKnownCharacters *) pass;
  if ((self->lower && !gtf_pieces_rewrite (pieces, lower_piece, self, error)) || (self->comma_below && !gtf_pieces_rewrite (pieces, cedilla_piece, NULL, error)))
    return FALSE;
  for (gsize i = 0; self->only_ascii && i < pieces->buffer->length; i++)
    if ((guint8) pieces->buffer->text[i] >= 128)
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: is_uroman is true: the text has to be romanised first, which is done by uroman and not here", self->where);
        return FALSE;
      }
  return !self->filter || gtf_pieces_rewrite (pieces, filter_piece, self, error);
}
