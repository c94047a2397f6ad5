/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The pre-tokenizers, passes that cut (and some that rewrite first), and their table.
 */
#include "text/passes.h"
#include "text/regex-scan.h"

/* ------------------------------------------------------------------ cutting at characters of a kind */

typedef struct { GtfPass parent; guint32 flag; gunichar c; GtfSplit behaviour; gboolean runs; } ByChar;

/* Each character that has the flag (or is c) is a match; with `runs`, neighbours are one. */
static gboolean
by_char_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const ByChar *self = data;
  const char *text = pieces->buffer->text;
  g_autoptr (GArray) matches = g_array_new (FALSE, FALSE, sizeof (GtfSpan));
  guint size;
  for (gsize at = piece->begin; at < piece->end; at += size)
    {
      gunichar c = gtf_utf8_get (text + at, &size);
      if (self->flag ? !(gtf_unicode_flags (c) & self->flag) : c != self->c)
        continue;
      GtfSpan m = { at - piece->begin, at + size - piece->begin };
      g_array_append_val (matches, m);
    }
  gtf_split_matches (pieces, piece, matches, self->behaviour, FALSE);
  return TRUE;
}

static gboolean
by_char (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_cut (pieces, by_char_piece, self, error);
}

static gboolean
whitespace_split_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  ByChar *self = (ByChar *) pass;
  self->flag = GTF_U_SPLIT_SPACE;
  self->behaviour = GTF_SPLIT_REMOVED;
  return TRUE;
}

static gboolean
digits_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  ByChar *self = (ByChar *) pass;
  self->flag = GTF_U_NUMERIC;
  self->behaviour = gtf_pass_flag (config, "individual_digits", FALSE) ? GTF_SPLIT_ISOLATED : GTF_SPLIT_CONTIGUOUS;
  return TRUE;
}

static gboolean
behaviour_init (JsonObject *config, GtfSplit *out, const char *where, GError **error)
{
  g_autofree char *name = gtf_pass_text (config, "behavior", "Isolated", where, error);
  if (name == NULL)
    return FALSE;
  *out = gtf_split_parse (name);
  if (*out != GTF_SPLIT_BAD)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: behavior: “%s” is not Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous", where, name);
  return FALSE;
}

static gboolean
punctuation_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  ByChar *self = (ByChar *) pass;
  self->flag = GTF_U_PUNCT;
  return behaviour_init (config, &self->behaviour, where, error);
}

static gboolean
delimiter_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  ByChar *self = (ByChar *) pass;
  guint size;
  g_autofree char *text = gtf_pass_text (config, "delimiter", NULL, where, error);
  if (text == NULL)
    return FALSE;
  self->behaviour = GTF_SPLIT_REMOVED;
  self->c = gtf_utf8_get (text, &size);
  return TRUE;
}

/* Words and what is between them, without white space (GTF_U_SPACE and flags decide). */
static gboolean
bert_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text;
  gsize word = piece->begin;
  guint size;
  for (gsize at = piece->begin; at < piece->end; at += size)
    {
      guint32 flags = gtf_unicode_flags (gtf_utf8_get (text + at, &size));
      gboolean space = flags & GTF_U_STRIP, punct = flags & GTF_U_BERT_PUNCT;
      if (!space && !punct)
        continue;
      gtf_pieces_add (pieces, word, at);
      if (punct && !space)
        gtf_pieces_add (pieces, at, at + size);
      word = at + size;
    }
  gtf_pieces_add (pieces, word, piece->end);
  return TRUE;
}

static gboolean
bert (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_cut (pieces, bert_piece, self, error);
}

/* \w+|[^\w\s]+ */
static gboolean
whitespace_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text;
  gsize begin = piece->begin;
  guint size;
  gint kind = 0;
  for (gsize at = piece->begin; at < piece->end; at += size)
    {
      guint32 flags = gtf_unicode_flags (gtf_utf8_get (text + at, &size));
      gint now = flags & GTF_U_CRATE_WORD ? 1 : flags & GTF_U_STRIP ? 0 : 2;
      if (now == kind)
        continue;
      if (kind)
        gtf_pieces_add (pieces, begin, at);
      begin = at;
      kind = now;
    }
  if (kind)
    gtf_pieces_add (pieces, begin, piece->end);
  return TRUE;
}

static gboolean
whitespace (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_cut (pieces, whitespace_piece, self, error);
}

typedef struct { GtfPass parent; gint64 length; } FixedLength;

static gboolean
fixed_length_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  FixedLength *self = (FixedLength *) pass;
  JsonNode *node = gtf_json_find (config, "length");
  self->length = 5;
  return node == NULL || gtf_param_get_int (node, where, "length", 0, G_MAXINT32, &self->length, error);
}

static gboolean
fixed_length_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const FixedLength *self = data;
  gsize begin = piece->begin;
  gint64 n = 0;
  for (gsize at = piece->begin; self->length && at < piece->end;)
    {
      at += gtf_utf8_size (pieces->buffer->text[at]);
      if (++n < self->length)
        continue;
      gtf_pieces_add (pieces, begin, at);
      begin = at;
      n = 0;
    }
  gtf_pieces_add (pieces, begin, piece->end);
  return TRUE;
}

static gboolean
fixed_length (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_cut (pieces, fixed_length_piece, self, error);
}

/* Runs of one script. What comes before the first character that has one is lost, as in the reference. */
static gboolean
scripts_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  guint size, last = 0;
  gsize begin = piece->begin;
  for (gsize at = piece->begin; at < piece->end; at += size)
    {
      guint script = gtf_unicode_script (gtf_utf8_get (pieces->buffer->text + at, &size));
      if (script == 0 || script == last)
        continue;
      if (last)
        gtf_pieces_add (pieces, begin, at);
      begin = at;
      last = script;
    }
  if (last)
    gtf_pieces_add (pieces, begin, piece->end);
  return TRUE;
}

static gboolean
scripts (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_cut (pieces, scripts_piece, self, error);
}

/* ------------------------------------------------------------------ Split */

typedef struct { GtfPass parent; GtfRegex *pattern; GtfSplit behaviour; gboolean invert; } Split;

static gboolean
split_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  Split *self = (Split *) pass;
  self->invert = gtf_pass_flag (config, "invert", FALSE);
  return behaviour_init (config, &self->behaviour, where, error) && (self->pattern = gtf_pass_pattern (config, where, error)) != NULL;
}

static void
note_match (gpointer data, gsize begin, gsize end)
{
  GtfSpan m = { begin, end };
  g_array_append_val ((GArray *) data, m);
}

static gboolean
split_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const Split *self = data;
  g_autoptr (GArray) matches = g_array_new (FALSE, FALSE, sizeof (GtfSpan));
  if (!gtf_regex_each (self->pattern, pieces->buffer->text + piece->begin, piece->end - piece->begin, note_match, matches, error))
    return FALSE;
  gtf_split_matches (pieces, piece, matches, self->behaviour, self->invert);
  return TRUE;
}

static gboolean
split (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_cut (pieces, split_piece, self, error);
}

static void
split_clear (GtfPass *self)
{
  gtf_regex_free (((Split *) self)->pattern);
}

/* ------------------------------------------------------------------ ByteLevel, Metaspace */

typedef struct { GtfPass parent; gboolean prefix, cut, first; gunichar mark; char text[8]; } Mark;

static gboolean
byte_level_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  Mark *self = (Mark *) pass;
  self->prefix = gtf_pass_flag (config, "add_prefix_space", TRUE);
  self->cut = gtf_pass_flag (config, "use_regex", TRUE);
  return TRUE;
}

static gboolean
prefix_space (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  if (piece->end > piece->begin && pieces->buffer->text[piece->begin] != ' ')
    gtf_pieces_emit (pieces, ' ', pieces->buffer->span[piece->begin]);
  gtf_pieces_copy (pieces, piece->begin, piece->end);
  return TRUE;
}

static gboolean
gpt2_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text + piece->begin;
  gsize length = piece->end - piece->begin, begin = piece->begin;
  for (gsize at = 0; at < length;)
    {
      gsize end = gtf_scan_gpt2 (text, length, at);
      gtf_pieces_add (pieces, begin + at, begin + end);
      at = end;
    }
  return TRUE;
}

static gboolean
byte_level (GtfPass *pass, GtfPieces *pieces, GError **error)
{
  Mark *self = (Mark *) pass;
  return (!self->prefix || gtf_pieces_rewrite (pieces, prefix_space, self, error)) &&
         (!self->cut || gtf_pieces_cut (pieces, gpt2_piece, self, error)) &&
         gtf_pieces_rewrite (pieces, gtf_pass_byte_level, self, error);
}

static gboolean
metaspace_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  Mark *self = (Mark *) pass;
  guint size;
  g_autofree char *mark = gtf_pass_text (config, "replacement", "\xE2\x96\x81", where, error);
  g_autofree char *scheme = mark ? gtf_pass_text (config, "prepend_scheme", "always", where, error) : NULL;
  if (scheme == NULL)
    return FALSE;
  self->mark = gtf_utf8_get (mark, &size);
  gtf_utf8_put (self->mark, self->text);
  self->first = !strcmp (scheme, "first");
  self->prefix = strcmp (scheme, "never") != 0 && gtf_pass_flag (config, "add_prefix_space", TRUE);
  self->cut = gtf_pass_flag (config, "split", TRUE);
  return TRUE;
}

static gboolean
metaspace_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const Mark *self = data;
  const char *text = pieces->buffer->text;
  gsize n = strlen (self->text);
  if (piece->end == piece->begin)
    return TRUE;
  gboolean marked = text[piece->begin] == ' ' || (piece->end - piece->begin >= n && !memcmp (text + piece->begin, self->text, n));
  if (self->prefix && !marked && (!self->first || piece->shift == 0))
    gtf_pieces_emit_bytes (pieces, self->text, n, pieces->buffer->span[piece->begin]);
  for (gsize at = piece->begin; at < piece->end; at++)
    {
      const char *space = memchr (text + at, ' ', piece->end - at);
      gsize stop = space ? (gsize) (space - text) : piece->end;
      gtf_pieces_copy (pieces, at, stop);
      if (space)
        gtf_pieces_emit_bytes (pieces, self->text, n, pieces->buffer->span[stop]);
      at = stop;
    }
  return TRUE;
}

static gboolean
metaspace (GtfPass *pass, GtfPieces *pieces, GError **error)
{
  Mark *self = (Mark *) pass;
  ByChar at_mark = { .c = self->mark, .behaviour = GTF_SPLIT_MERGED_WITH_NEXT };
  return gtf_pieces_rewrite (pieces, metaspace_piece, self, error) && (!self->cut || gtf_pieces_cut (pieces, by_char_piece, &at_mark, error));
}

/* ------------------------------------------------------------------ the table */

static gboolean
sequence_init (GtfPass *self, JsonObject *config, const char *where, GError **error)
{
  return gtf_pass_sequence_init (self, config, "pretokenizers", where, gtf_pre_tokenizer_new, error);
}

#define ROW(name, Type, init, apply, clear) { name, sizeof (Type), init, apply, clear }

GtfPass *
gtf_pre_tokenizer_new (JsonNode *node, const char *where, GError **error)
{
  static const GtfPassClass table[] =
  {
    ROW ("BertPreTokenizer", GtfPass, NULL, bert, NULL),
    ROW ("ByteLevel", Mark, byte_level_init, byte_level, NULL),
    ROW ("CharDelimiterSplit", ByChar, delimiter_init, by_char, NULL),
    ROW ("Digits", ByChar, digits_init, by_char, NULL),
    ROW ("FixedLength", FixedLength, fixed_length_init, fixed_length, NULL),
    ROW ("Metaspace", Mark, metaspace_init, metaspace, NULL),
    ROW ("Punctuation", ByChar, punctuation_init, by_char, NULL),
    ROW ("Sequence", GtfPassSequence, sequence_init, gtf_pass_sequence_apply, gtf_pass_sequence_clear),
    ROW ("Split", Split, split_init, split, split_clear),
    ROW ("UnicodeScripts", GtfPass, NULL, scripts, NULL),
    ROW ("Whitespace", GtfPass, NULL, whitespace, NULL),
    ROW ("WhitespaceSplit", ByChar, whitespace_split_init, by_char, NULL),
    { NULL }
  };
  return gtf_pass_new (table, node, where, error);
}
