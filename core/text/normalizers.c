/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The normalizers, each a pass that rewrites, and their table; those of byte-map.h, forms.h, known-characters.h and moses.h have files of their own. Spans follow the reference: a
 * character that takes another's place has its span, one that is put in after it too, and what was composed has that of its first part.
 */
#include "text/byte-map.h"
#include "text/forms.h"
#include "text/known-characters.h"
#include "text/moses.h"
#include "text/passes.h"
#include "text/vocab.h"

#define FOR_EACH_CHAR(pieces, piece, c, size, at) \
  for (gsize at = (piece)->begin; at < (piece)->end && ((c) = gtf_utf8_get ((pieces)->buffer->text + at, &(size)), TRUE); at += (size))

/* ------------------------------------------------------------------ one character at a time */

/* Copies ASCII characters from @at on, in lower case if asked; how many. */
static gsize
copy_ascii (GtfPieces *pieces, gsize at, gsize end, gboolean lower)
{
  const char *in = pieces->buffer->text;
  gsize stop = at;
  char *text;
  GtfSpan *span;
  while (stop < end && (guint8) in[stop] < 128)
    stop++;
  gsize n = stop - at;
  if (n == 0 || !gtf_pieces_room (pieces, n, &text, &span))
    return n;
  memcpy (span, pieces->buffer->span + at, n * sizeof *span);
  for (gsize i = 0; i < n; i++)
    {
      guint8 c = in[at + i];
      text[i] = lower && (guint8) (c - 'A') < 26 ? c | 32 : c;
    }
  gtf_pieces_wrote (pieces, n);
  return n;
}

typedef struct { GtfPass parent; gboolean final_sigma; } Lowercase;

static gboolean
lowercase_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  ((Lowercase *) pass)->final_sigma = gtf_pass_flag (config, "final_sigma", FALSE);      /* no tokenizer.json has it; Python's lower () does it */
  return TRUE;
}

static gboolean
is_case_ignorable (gunichar c, guint32 flags)
{
  static const gunichar in_words[] = { '\'', '.', ':', 0xB7, 0x387, 0x55F, 0x5F4, 0x2018, 0x2019, 0x2024, 0x2027, 0xFE13, 0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A };
  for (guint i = 0; i < G_N_ELEMENTS (in_words); i++)
    if (c == in_words[i])
      return TRUE;
  return gtf_unicode_is_gc (flags, 1u << GTF_GC_MN | 1u << GTF_GC_ME | 1u << GTF_GC_CF | 1u << GTF_GC_LM | 1u << GTF_GC_SK);
}

/* Of the characters before or behind a place, the first that tells about case: does it have any? */
static gboolean
has_cased (const char *text, gsize at, gsize end, gboolean before)
{
  guint size;
  while (at != end)
    {
      gsize here = before ? gtf_utf8_before (text, at) : at;
      gunichar c = gtf_utf8_get (text + here, &size);
      guint32 flags = gtf_unicode_flags (c);
      if (!is_case_ignorable (c, flags))
        return gtf_unicode_is_gc (flags, 1u << GTF_GC_LL | 1u << GTF_GC_LU | 1u << GTF_GC_LT);
      at = before ? here : here + size;
    }
  return FALSE;
}

static gboolean
lowercase_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text;
  gboolean final_sigma = data && ((const Lowercase *) data)->final_sigma;
  gunichar out[4];
  guint size = 0;
  for (gsize at = piece->begin; at < piece->end; at += size)
    {
      if ((size = copy_ascii (pieces, at, piece->end, TRUE)))
        continue;
      gunichar c = gtf_utf8_get (text + at, &size);
      gsize n = gtf_unicode_lower (c, out);
      if (final_sigma && c == 0x3A3 && has_cased (text, at, piece->begin, TRUE) && !has_cased (text, at + size, piece->end, FALSE))
        out[0] = 0x3C2;
      for (gsize i = 0; i < n; i++)
        gtf_pieces_emit (pieces, out[i], pieces->buffer->span[at]);
    }
  return TRUE;
}

static gboolean
lowercase (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, lowercase_piece, self, error);
}

static gboolean
drop_flagged (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  guint32 drop = GPOINTER_TO_UINT (data);      /* nothing of ASCII */
  guint size;
  for (gsize at = piece->begin; at < piece->end; at += size)
    if (!(size = copy_ascii (pieces, at, piece->end, FALSE)) && !(gtf_unicode_flags (gtf_utf8_get (pieces->buffer->text + at, &size)) & drop))
      gtf_pieces_copy (pieces, at, at + size);
  return TRUE;
}

static gboolean
strip_accents (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, drop_flagged, GUINT_TO_POINTER (GTF_U_ACCENT), error);
}

static gboolean
nmt_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  gunichar c;
  guint size;
  FOR_EACH_CHAR (pieces, piece, c, size, at)
    {
      if ((c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F)
        continue;
      gboolean space = c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xFEFF || c == 0xFFFD;
      if (space)
        gtf_pieces_emit (pieces, ' ', pieces->buffer->span[at]);
      else
        gtf_pieces_copy (pieces, at, at + size);
    }
  return TRUE;
}

static gboolean
nmt (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, nmt_piece, self, error);
}

static gboolean
byte_level (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, gtf_pass_byte_level, self, error);
}

/* ------------------------------------------------------------------ Strip, Prepend, Replace */

typedef struct { GtfPass parent; gboolean left, right; } Strip;

static gboolean
strip_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  Strip *self = (Strip *) pass;
  self->left = gtf_pass_flag (config, "strip_left", TRUE);
  self->right = gtf_pass_flag (config, "strip_right", TRUE);
  return TRUE;
}

static gboolean
strip_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const Strip *self = data;
  const char *text = pieces->buffer->text;
  gsize begin = piece->begin, end = piece->end;
  guint size;
  while (self->left && begin < end && gtf_unicode_flags (gtf_utf8_get (text + begin, &size)) & GTF_U_STRIP)
    begin += size;
  while (self->right && end > begin)
    {
      gsize before = gtf_utf8_before (text, end);
      if (!(gtf_unicode_flags (gtf_utf8_get (text + before, &size)) & GTF_U_STRIP))
        break;
      end = before;
    }
  gtf_pieces_copy (pieces, begin, end);
  return TRUE;
}

static gboolean
strip (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, strip_piece, self, error);
}

typedef struct { GtfPass parent; char *text; GtfRegex *pattern; GtfPieces *pieces; const GtfPiece *piece; gsize done; gboolean first; } Replace;

static gboolean
prepend_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  Replace *self = (Replace *) pass;
  self->first = gtf_pass_flag (config, "only_first", FALSE);      /* no tokenizer.json has it; Siglip's class does it */
  return (self->text = gtf_pass_text (config, "prepend", NULL, where, error)) != NULL;
}

static gboolean
prepend_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const Replace *self = data;
  if (piece->end > piece->begin && !(self->first && pieces->buffer->span[piece->begin].begin > 0))
    gtf_pieces_emit_bytes (pieces, self->text, strlen (self->text), pieces->buffer->span[piece->begin]);
  gtf_pieces_copy (pieces, piece->begin, piece->end);
  return TRUE;
}

static gboolean
prepend (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, prepend_piece, self, error);
}

static gboolean
replace_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  Replace *self = (Replace *) pass;
  return (self->text = gtf_pass_text (config, "content", NULL, where, error)) != NULL && (self->pattern = gtf_pass_pattern (config, where, error)) != NULL;
}

typedef struct { const Replace *self; GtfPieces *pieces; const GtfPiece *piece; gsize done; } Replacing;

static void
replace_match (gpointer data, gsize begin, gsize end)
{
  Replacing *r = data;
  gtf_pieces_copy (r->pieces, r->piece->begin + r->done, r->piece->begin + begin);
  gtf_pieces_emit_bytes (r->pieces, r->self->text, strlen (r->self->text), gtf_pieces_span_before (r->pieces, r->piece, r->piece->begin + end));
  r->done = end;
}

static gboolean
replace_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const Replace *self = data;
  Replacing r = { self, pieces, piece, 0 };
  if (!gtf_regex_each (self->pattern, pieces->buffer->text + piece->begin, piece->end - piece->begin, replace_match, &r, error))
    return FALSE;
  gtf_pieces_copy (pieces, piece->begin + r.done, piece->end);
  return TRUE;
}

static gboolean
replace (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, replace_piece, self, error);
}

static void
replace_clear (GtfPass *pass)
{
  Replace *self = (Replace *) pass;
  g_free (self->text);
  gtf_regex_free (self->pattern);
}

/* ------------------------------------------------------------------ BertNormalizer */

typedef struct { GtfPass parent; gboolean clean, chinese, accents, lower; GtfForms nfd; } Bert;

static gboolean
bert_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  Bert *self = (Bert *) pass;
  self->clean = gtf_pass_flag (config, "clean_text", TRUE);
  self->chinese = gtf_pass_flag (config, "handle_chinese_chars", TRUE);
  self->lower = gtf_pass_flag (config, "lowercase", TRUE);
  self->accents = gtf_pass_flag (config, "strip_accents", self->lower);
  return TRUE;
}

/* A text of ASCII has no accents and nothing Chinese: one pass, and no other. */
static gboolean
ascii_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const Bert *self = data;
  const char *in = pieces->buffer->text;
  gsize n = 0;
  char *text;
  GtfSpan *span;
  if (!gtf_pieces_room (pieces, piece->end - piece->begin, &text, &span))
    return TRUE;
  for (gsize at = piece->begin; at < piece->end; at++)
    {
      guint8 c = in[at];
      guint32 flags = gtf_unicode_ascii[c];
      if (self->clean && flags & GTF_U_BERT_DROP)
        continue;
      c = self->clean && flags & GTF_U_BERT_SPACE ? ' ' : c;
      text[n] = self->lower && (guint8) (c - 'A') < 26 ? c | 32 : c;
      span[n++] = pieces->buffer->span[at];
    }
  gtf_pieces_wrote (pieces, n);
  return TRUE;
}

static gboolean
clean_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const Bert *self = data;
  gunichar c;
  guint size;
  FOR_EACH_CHAR (pieces, piece, c, size, at)
    {
      guint32 flags = gtf_unicode_flags (c);
      if (size == 1 && !(flags & (GTF_U_BERT_DROP | GTF_U_BERT_SPACE)))
        {
          gsize stop = at + 1;
          while (stop < piece->end && (guint8) pieces->buffer->text[stop] < 128 && !(gtf_unicode_ascii[(guint8) pieces->buffer->text[stop]] & (GTF_U_BERT_DROP | GTF_U_BERT_SPACE)))
            stop++;
          gtf_pieces_copy (pieces, at, stop);
          size = stop - at;
          continue;
        }
      GtfSpan span = pieces->buffer->span[at];
      if (self->clean && flags & GTF_U_BERT_DROP)
        continue;
      if (self->clean && flags & GTF_U_BERT_SPACE)
        gtf_pieces_emit (pieces, ' ', span);
      else if (self->chinese && flags & GTF_U_CHINESE)
        {
          gtf_pieces_emit (pieces, ' ', span);
          gtf_pieces_copy (pieces, at, at + size);
          gtf_pieces_emit (pieces, ' ', span);
        }
      else
        gtf_pieces_copy (pieces, at, at + size);
    }
  return TRUE;
}

static gboolean
bert (GtfPass *pass, GtfPieces *pieces, GError **error)
{
  Bert *self = (Bert *) pass;
  gsize i = 0;
  while (i < pieces->buffer->length && (guint8) pieces->buffer->text[i] < 128)
    i++;
  if (i == pieces->buffer->length)
    return gtf_pieces_rewrite (pieces, ascii_piece, self, error);
  return ((!self->clean && !self->chinese) || gtf_pieces_rewrite (pieces, clean_piece, self, error)) &&
         (!self->accents || (gtf_pieces_rewrite (pieces, gtf_forms_piece, &self->nfd, error) &&
                             gtf_pieces_rewrite (pieces, drop_flagged, GUINT_TO_POINTER (GTF_U_BERT_ACCENT), error))) &&
         (!self->lower || gtf_pieces_rewrite (pieces, lowercase_piece, NULL, error));
}

/* ------------------------------------------------------------------ many replacements */

/* Of our own: {"map": {"from": "to"}}, one after the other. */
typedef struct { GtfPass parent; GPtrArray *texts; } Replacements;

static gboolean
replacements_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  Replacements *self = (Replacements *) pass;
  JsonNode *map = gtf_json_find (config, "map");
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;
  self->texts = g_ptr_array_new_with_free_func (g_free);
  if (map == NULL || !JSON_NODE_HOLDS_OBJECT (map))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: map: expected an object", where);
      return FALSE;
    }
  json_object_iter_init_ordered (&iter, json_node_get_object (map));
  while (json_object_iter_next_ordered (&iter, &key, &node))
    {
      const char *to = gtf_param_get_string (node, where, key, error);
      if (to == NULL)
        return FALSE;
      if (*key)
        {
          g_ptr_array_add (self->texts, g_strdup (key));
          g_ptr_array_add (self->texts, g_strdup (to));
        }
    }
  return TRUE;
}

static void
replacements_clear (GtfPass *pass)
{
  g_clear_pointer (&((Replacements *) pass)->texts, g_ptr_array_unref);
}

static gboolean
replacement_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *const *pair = data;
  const char *text = pieces->buffer->text, *found;
  const gsize n = strlen (pair[0]);
  gsize done = piece->begin;
  while ((found = memmem (text + done, piece->end - done, pair[0], n)))
    {
      gsize at = (gsize) (found - text);
      gtf_pieces_copy (pieces, done, at);
      gtf_pieces_emit_bytes (pieces, pair[1], strlen (pair[1]), (GtfSpan) { pieces->buffer->span[at].begin, pieces->buffer->span[at + n - 1].end });
      done = at + n;
    }
  gtf_pieces_copy (pieces, done, piece->end);
  return TRUE;
}

static gboolean
replacements (GtfPass *pass, GtfPieces *pieces, GError **error)
{
  const GPtrArray *texts = ((Replacements *) pass)->texts;
  for (guint i = 0; i < texts->len; i += 2)
    if (memmem (pieces->buffer->text, pieces->buffer->length, texts->pdata[i], strlen (texts->pdata[i])) &&
        !gtf_pieces_rewrite (pieces, replacement_piece, texts->pdata + i, error))
      return FALSE;
  return TRUE;
}

/* ------------------------------------------------------------------ bytes */

/* Of our own: each byte as the character of its number, as classes that have bytes for tokens name them; U+0000 in the form of tokens. */
static gboolean
bytes_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  for (gsize at = piece->begin; at < piece->end; at++)
    {
      guint8 byte = (guint8) pieces->buffer->text[at];
      if (byte == 0)
        gtf_pieces_emit_bytes (pieces, GTF_NUL, strlen (GTF_NUL), pieces->buffer->span[at]);
      else
        gtf_pieces_emit (pieces, byte, pieces->buffer->span[at]);
    }
  return TRUE;
}

static gboolean
bytes (GtfPass *pass, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, bytes_piece, NULL, error);
}

/* ------------------------------------------------------------------ the table */

static gboolean
sequence_init (GtfPass *self, JsonObject *config, const char *where, GError **error)
{
  return gtf_pass_sequence_init (self, config, "normalizers", where, gtf_normalizer_new, error);
}

#define ROW(name, Type, init, apply, clear) { name, sizeof (Type), init, apply, clear }

GtfPass *
gtf_normalizer_new (JsonNode *node, const char *where, GError **error)
{
  static const GtfPassClass table[] =
  {
    ROW ("BertNormalizer", Bert, bert_init, bert, NULL),
    ROW ("ByteLevel", GtfPass, NULL, byte_level, NULL),
    ROW ("ByteMaps", GtfByteMaps, gtf_byte_maps_init, gtf_byte_maps_apply, gtf_byte_maps_clear),
    ROW ("Bytes", GtfPass, NULL, bytes, NULL),
    ROW ("KnownCharacters", GtfKnownCharacters, gtf_known_characters_init, gtf_known_characters_apply, gtf_known_characters_clear),
    ROW ("Lowercase", Lowercase, lowercase_init, lowercase, NULL),
    ROW ("Moses", GtfMoses, gtf_moses_init, gtf_moses_apply, NULL),
    ROW ("NFC", GtfForms, gtf_forms_init, gtf_forms_apply, NULL),
    ROW ("NFD", GtfForms, gtf_forms_init, gtf_forms_apply, NULL),
    ROW ("NFKC", GtfForms, gtf_forms_init, gtf_forms_apply, NULL),
    ROW ("NFKD", GtfForms, gtf_forms_init, gtf_forms_apply, NULL),
    ROW ("Nmt", GtfPass, NULL, nmt, NULL),
    ROW ("Precompiled", GtfPrecompiled, gtf_precompiled_init, gtf_precompiled_apply, gtf_precompiled_clear),
    ROW ("Prepend", Replace, prepend_init, prepend, replace_clear),
    ROW ("Replace", Replace, replace_init, replace, replace_clear),
    ROW ("Replacements", Replacements, replacements_init, replacements, replacements_clear),
    ROW ("Sequence", GtfPassSequence, sequence_init, gtf_pass_sequence_apply, gtf_pass_sequence_clear),
    ROW ("Strip", Strip, strip_init, strip, NULL),
    ROW ("StripAccents", GtfPass, NULL, strip_accents, NULL),
    { NULL }
  };
  return gtf_pass_new (table, node, where, error);
}
