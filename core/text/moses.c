/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See moses.h. The steps are those of transformers' XLMTokenizer and FlaubertTokenizer: replace_unicode_punct, MosesPunctNormalizer,
 * remove_non_printing_char and MosesTokenizer of sacremoses 0.2, each a chain of regular expressions in Python. Nearly all of these have
 * one form, a text with at most one character of a kind before and behind it that stays, and are rows of a table; each row is a
 * pass over the text. The kinds are sacremoses' own (moses-tables.inc.c).
 */
#include "text/moses.h"

#include "base/quote.h"

#include "text/moses-tables.inc.c"

/* ------------------------------------------------------------------ kinds of characters */

typedef enum { ANY, DIGIT, LATIN, CLOSING, ENDING, NUMBER, NO_NUMBER, LETTER, NO_LETTER, NO_LETTER_OR_NUMBER, SMALL_S, TEXT_END } Kind;

guint
gtf_moses_flags (gunichar c)
{
  gsize low = 0, high = G_N_ELEMENTS (kinds);
  while (low < high)
    {
      gsize middle = (low + high) / 2;
      if ((kinds[middle] & 0xFFFFFF) <= c)
        low = middle + 1;
      else
        high = middle;
    }
  return low ? kinds[low - 1] >> 24 : 0;
}

gboolean
gtf_moses_is_space (gunichar c)
{
  return (c >= 0x1C && c <= 0x1F) || gtf_unicode_flags (c) & GTF_U_SPACE;
}

static gboolean
is_kind (Kind kind, gunichar c)
{
  switch (kind)
    {
    case DIGIT: return gtf_unicode_is_gc (gtf_unicode_flags (c), 1u << GTF_GC_ND);
    case LATIN: return c < 128 && g_ascii_isalpha (c);
    case CLOSING: return c < 128 && c && strchr (".!:?;,", c) != NULL;
    case NUMBER: return gtf_moses_flags (c) & GTF_MOSES_NUMBER;
    case NO_NUMBER: return !(gtf_moses_flags (c) & GTF_MOSES_NUMBER);
    case LETTER: return gtf_moses_flags (c) & GTF_MOSES_LETTER;
    case NO_LETTER: return !(gtf_moses_flags (c) & GTF_MOSES_LETTER);
    case NO_LETTER_OR_NUMBER: return !(gtf_moses_flags (c) & (GTF_MOSES_LETTER | GTF_MOSES_NUMBER));
    case SMALL_S: return c == 's';
    case ENDING: return c == '.' || c == ',';
    default: return FALSE;
    }
}

/* ------------------------------------------------------------------ rows */

/* before + from + behind -> before + to + behind. Each match takes its characters away from the next, as re.sub does. */
typedef struct
{
  const char *from, *to;
  Kind before, behind;
  enum { ONCE, REPEATED, AND_SPACES, AND_ENDINGS } more;      /* the last: `from` goes behind the full stops and commas after it */
} Rule;

static const Rule plain[] =
{
  { "，", "," }, { "。", ". ", .more = AND_SPACES }, { "、", "," }, { "”", "\"" }, { "“", "\"" }, { "∶", ":" }, { "：", ":" }, { "？", "?" }, { "《", "\"" }, { "》", "\"" },
  { "）", ")" }, { "！", "!" }, { "（", "(" }, { "；", ";" }, { "１", "1" }, { "」", "\"" }, { "「", "\"" }, { "０", "0" }, { "３", "3" }, { "２", "2" },
  { "５", "5" }, { "６", "6" }, { "９", "9" }, { "７", "7" }, { "８", "8" }, { "４", "4" }, { "．", ". ", .more = AND_SPACES }, { "～", "~" }, { "’", "'" },
  { "…", "..." }, { "━", "-" }, { "〈", "<" }, { "〉", ">" }, { "【", "[" }, { "】", "]" }, { "％", "%" },
  { NULL }
};

#define NBSP "\xC2\xA0"

static const Rule normal[] =
{
  { "\r", "" }, { "(", " (" }, { ")", ") " }, { " ", " ", .more = REPEATED }, { ") ", ")", .behind = CLOSING }, { "( ", "(" }, { " )", ")" }, { " %", "%", DIGIT },
  { " :", ":" }, { " ;", ";" }, { "`", "'" }, { "''", " \" " },
  { "„", "\"" }, { "“", "\"" }, { "”", "\"" }, { "–", "-" }, { "—", " - " }, { " ", " ", .more = REPEATED }, { "´", "'" }, { "‘", "'", LATIN, LATIN }, { "’", "'", LATIN, LATIN },
  { "‘", "'" }, { "‚", "'" }, { "’", "'" }, { "''", "\"" }, { "´´", "\"" }, { "…", "..." },
  { NBSP "«" NBSP, "\"" }, { "«" NBSP, "\"" }, { "«", "\"" }, { NBSP "»" NBSP, "\"" }, { NBSP "»", "\"" }, { "»", "\"" },
  { NBSP "%", "%" }, { "nº" NBSP, "nº " }, { NBSP ":", ":" }, { NBSP "ºC", " ºC" }, { NBSP "cm", " cm" }, { NBSP "?", "?" }, { NBSP "!", "!" }, { NBSP ";", ";" }, { "," NBSP, ", " },
  { " ", " ", .more = REPEATED },
  { NULL }
};
/* What the languages have each for itself: quotation marks and commas, and numbers with a space in them. */
static const Rule quotes_english[] = { { "\"", "\"", .more = AND_ENDINGS }, { NULL } };
static const Rule quotes_french[] = { { ",\"", "\"," }, { NULL } };
static const Rule quotes_kept[] = { { NULL } };
static const Rule numbers_english[] = { { NBSP, ".", DIGIT, DIGIT }, { NULL } };
static const Rule numbers_french[] = { { NBSP, ",", DIGIT, DIGIT }, { NULL } };

static const Rule commas[] = { { ",", " , ", NO_NUMBER }, { ",", " , ", .behind = NO_NUMBER }, { ",", " , ", NUMBER, TEXT_END }, { NULL } };
static const Rule english[] =
{
  { "'", " ' ", NO_LETTER, NO_LETTER }, { "'", " ' ", NO_LETTER_OR_NUMBER, LETTER }, { "'", " ' ", LETTER, NO_LETTER }, { "'", " '", LETTER, LETTER },
  { "'", " '", NUMBER, SMALL_S },
  { NULL }
};
static const Rule french[] =
{
  { "'", " ' ", NO_LETTER, NO_LETTER }, { "'", " ' ", NO_LETTER, LETTER }, { "'", " ' ", LETTER, NO_LETTER }, { "'", "' ", LETTER, LETTER },
  { NULL }
};

static const Rule other[] = { { "'", " ' " }, { NULL } };

struct _GtfMosesLanguage
{
  const char *name;
  const char *const *prefixes, *const *numeric_prefixes;      /* abbreviations; those before numbers */
  const Rule *quotes, *numbers, *apostrophes;
  gboolean moves_stops;                                       /* full stops go behind a quotation mark */
};

static const GtfMosesLanguage languages[] =
{
  { "de", de_prefixes, de_numeric_prefixes, quotes_french, numbers_french, other, TRUE },
  { "en", en_prefixes, en_numeric_prefixes, quotes_english, numbers_english, english, FALSE },
  { "fr", fr_prefixes, fr_numeric_prefixes, quotes_french, numbers_french, french, TRUE },
  { "ru", ru_prefixes, ru_numeric_prefixes, quotes_kept, numbers_english, other, FALSE }
};

static const Rule escaped[] =
{
  { "&", "&amp;" }, { "|", "&#124;" }, { "<", "&lt;" }, { ">", "&gt;" }, { "'", "&apos;" }, { "\"", "&quot;" }, { "[", "&#91;" }, { "]", "&#93;" },
  { NULL }
};

/* The span of bytes @begin to @end of the present text. */
static GtfSpan
span_of (const GtfPieces *pieces, gsize begin, gsize end)
{
  return (GtfSpan) { pieces->buffer->span[begin].begin, pieces->buffer->span[end - 1].end };
}

static gsize
spaces_end (const char *text, gsize at, gsize end)
{
  guint size;
  while (at < end && gtf_moses_is_space (gtf_utf8_get (text + at, &size)))
    at += size;
  return at;
}

/* Does @rule match at @at, where nothing before @done may be used any more? Then @hit and @behind are the ends of what goes and of all. */
static gboolean
matches (const Rule *rule, const char *text, gsize done, gsize at, gsize end, gsize *hit, gsize *behind)
{
  gsize n = strlen (rule->from);
  guint size;
  if (rule->before && (at == done || !is_kind (rule->before, gtf_utf8_get (text + gtf_utf8_before (text, at), &size))))
    return FALSE;
  *hit = at + n;
  while (rule->more == REPEATED && *hit < end && text[*hit] == *rule->from)
    ++*hit;
  if (rule->more == AND_SPACES)
    *hit = spaces_end (text, *hit, end);
  *behind = *hit;
  while (rule->more == AND_ENDINGS && *behind < end && is_kind (ENDING, text[*behind]))
    ++*behind;
  if (rule->behind == TEXT_END)
    return *hit == end;
  if (rule->behind && (*hit == end || !is_kind (rule->behind, gtf_utf8_get (text + *hit, &size))))
    return FALSE;
  *behind += rule->behind ? size : 0;
  return rule->more != AND_ENDINGS || *behind > *hit;
}

static gboolean
rule_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const Rule *rule = data;
  const char *text = pieces->buffer->text, *found;
  gsize n = strlen (rule->from), done = piece->begin, at = done, hit, behind;
  while ((found = memmem (text + at, piece->end - at, rule->from, n)))
    {
      at = found - text;
      if (!matches (rule, text, done, at, piece->end, &hit, &behind))
        {
          at++;
          continue;
        }
      gtf_pieces_copy (pieces, done, at);
      if (rule->more == AND_ENDINGS)
        gtf_pieces_copy (pieces, hit, behind);
      gtf_pieces_emit_bytes (pieces, rule->to, strlen (rule->to), span_of (pieces, at, hit));
      if (rule->more != AND_ENDINGS)
        gtf_pieces_copy (pieces, hit, behind);
      done = at = behind;
    }
  gtf_pieces_copy (pieces, done, piece->end);
  return TRUE;
}

static gboolean
apply_rules (GtfPieces *pieces, const Rule *rules, GError **error)
{
  for (; rules->from; rules++)
    if (memmem (pieces->buffer->text, pieces->buffer->length, rules->from, strlen (rules->from)) && !gtf_pieces_rewrite (pieces, rule_piece, (gpointer) rules, error))
      return FALSE;
  return TRUE;
}

/* ------------------------------------------------------------------ what is no row */

/* What no text needs, [\000-\037], but spaces. */
static gboolean
junk_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text;
  guint size;
  for (gsize at = piece->begin; at < piece->end; at += size)
    {
      gunichar c = gtf_utf8_get (text + at, &size);
      if (c >= 0x20 || gtf_moses_is_space (c))
        gtf_pieces_copy (pieces, at, at + size);
    }
  return TRUE;
}

/* A hyphen inside a word is a word. */
static gboolean
hyphens_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  static const char cut[] = " @-@ ";
  const char *text = pieces->buffer->text, *found;
  gsize done = piece->begin, end = piece->end;
  guint size;
  for (gsize from = done; (found = memchr (text + from, '-', end - from)) != NULL; from = (gsize) (found - text) + 1)
    {
      gsize at = (gsize) (found - text);
      if (at == piece->begin || at + 1 == end || !(gtf_moses_flags (gtf_utf8_get (text + gtf_utf8_before (text, at), &size)) & GTF_MOSES_ALNUM) ||
          !(gtf_moses_flags (gtf_utf8_get (text + at + 1, &size)) & GTF_MOSES_ALNUM))
        continue;
      gtf_pieces_copy (pieces, done, at);
      gtf_pieces_emit_bytes (pieces, cut, strlen (cut), pieces->buffer->span[at]);
      done = at + 1;
    }
  gtf_pieces_copy (pieces, done, end);
  return TRUE;
}

/* Full stops before a quotation mark go behind it, where something follows: (\.+)"(\s*[^<]). */
static gboolean
stops_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text, *found;
  gsize done = piece->begin, end = piece->end;
  for (gsize at = done; (found = memmem (text + at, end - at, ".\"", 2));)
    {
      gsize quote = found - text + 1, first = quote, white = spaces_end (text, quote + 1, end);
      guint size = 0;
      gboolean follows = white < end && gtf_utf8_get (text + white, &size) != '<';
      at = quote + 1;
      if (!follows && white == quote + 1)
        continue;
      while (first > done && text[first - 1] == '.')
        first--;
      gtf_pieces_copy (pieces, done, first);
      gtf_pieces_copy (pieces, quote, quote + 1);
      gtf_pieces_copy (pieces, first, quote);
      done = at = follows ? white + size : white;
      gtf_pieces_copy (pieces, quote + 1, done);
    }
  gtf_pieces_copy (pieces, done, end);
  return TRUE;
}

static gboolean
strip_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text;
  gsize begin = spaces_end (text, piece->begin, piece->end), end = piece->end;
  guint size;
  while (end > begin && gtf_moses_is_space (gtf_utf8_get (text + gtf_utf8_before (text, end), &size)))
    end -= size;
  gtf_pieces_copy (pieces, begin, end);
  return TRUE;
}

static gboolean
printing_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  static const guint32 silent = 1u << GTF_GC_CN | 1u << GTF_GC_CC | 1u << GTF_GC_CF | 1u << GTF_GC_CO | 1u << GTF_GC_CS;
  guint size;
  for (gsize at = piece->begin; at < piece->end; at += size)
    if (!gtf_unicode_is_gc (gtf_unicode_flags (gtf_utf8_get (pieces->buffer->text + at, &size)), silent))
      gtf_pieces_copy (pieces, at, at + size);
  return TRUE;
}

/* One space for many, and a space on both sides of what is in no word. */
static gboolean
pad_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text;
  guint size;
  for (gsize at = piece->begin; at < piece->end; at += size)
    {
      gunichar c = gtf_utf8_get (text + at, &size);
      GtfSpan span = pieces->buffer->span[at];
      gboolean pad = !(gtf_moses_flags (c) & GTF_MOSES_ALNUM) && !gtf_moses_is_space (c) && !(c < 128 && c && strchr (".'`,-", c));
      if (gtf_moses_is_space (c))
        {
          gtf_pieces_emit (pieces, ' ', span);
          size = spaces_end (text, at, piece->end) - at;
          continue;
        }
      if (pad)
        gtf_pieces_emit (pieces, ' ', span);
      gtf_pieces_copy (pieces, at, at + size);
      if (pad)
        gtf_pieces_emit (pieces, ' ', span);
    }
  return TRUE;
}

#define DOT "DOT"
#define MULTI "MULTI"

/* Full stops in a row become a word, which keeps the steps between from touching them. */
static gboolean
hide_dots_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text, *found;
  gsize done = piece->begin, end = piece->end;
  while ((found = memmem (text + done, end - done, "..", 2)))
    {
      gsize at = found - text, stop = at;
      while (stop < end && text[stop] == '.')
        stop++;
      gtf_pieces_copy (pieces, done, at);
      gtf_pieces_emit (pieces, ' ', pieces->buffer->span[at]);
      for (gsize i = at; i < stop; i++)
        gtf_pieces_emit_bytes (pieces, DOT, strlen (DOT), pieces->buffer->span[i]);
      gtf_pieces_emit_bytes (pieces, MULTI, strlen (MULTI), pieces->buffer->span[stop - 1]);
      if (stop < end)
        gtf_pieces_emit (pieces, ' ', pieces->buffer->span[stop]);
      done = stop;
    }
  gtf_pieces_copy (pieces, done, end);
  return TRUE;
}

/* Whatever reads so is taken for it, as in sacremoses. */
static gboolean
show_dots_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text, *found;
  gsize done = piece->begin, end = piece->end, n = strlen (DOT);
  for (gsize from = done; (found = memmem (text + from, end - from, DOT MULTI, n + strlen (MULTI)));)
    {
      gsize at = found - text, stop = at + n;
      while (at >= done + n && !memcmp (text + at - n, DOT, n))
        at -= n;
      gtf_pieces_copy (pieces, done, at);
      for (; at < stop; at += n)
        gtf_pieces_emit (pieces, '.', pieces->buffer->span[at]);
      done = from = stop + strlen (MULTI);
    }
  gtf_pieces_copy (pieces, done, end);
  return TRUE;
}

static gboolean
is_in (const char *const *list, const char *word, gsize n)
{
  for (; *list; list++)
    if (strlen (*list) == n && !memcmp (*list, word, n))
      return TRUE;
  return FALSE;
}

/* Does the word, without the full stop at its end, keep it? @next: what follows, its first character; 0: nothing. */
static gboolean
is_abbreviation (const GtfMoses *self, const char *word, gsize n, gunichar next)
{
  guint size;
  if (memchr (word, '.', n))
    for (gsize i = 0; i < n; i += size)
      if (gtf_moses_flags (gtf_utf8_get (word + i, &size)) & GTF_MOSES_LETTER)
        return TRUE;
  return is_in (self->language->prefixes, word, n) || (next && gtf_moses_flags (next) & GTF_MOSES_SMALL) ||
         (next >= '0' && next <= '9' && is_in (self->language->numeric_prefixes, word, n));
}

/* The words with one space between; a full stop at the end of one is a word of its own where it ends a sentence. */
static gboolean
stop_words_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *text = pieces->buffer->text;
  gsize end = piece->end;
  guint size;
  for (gsize at = spaces_end (text, piece->begin, end), stop, next; at < end; at = next)
    {
      for (stop = at; stop < end && !gtf_moses_is_space (gtf_utf8_get (text + stop, &size)); stop += size)
        ;
      next = spaces_end (text, stop, end);
      gboolean cut = stop - at > 1 && text[stop - 1] == '.' &&
                     !is_abbreviation (data, text + at, stop - at - 1, next < end ? gtf_utf8_get (text + next, &size) : 0);
      gtf_pieces_copy (pieces, at, cut ? stop - 1 : stop);
      if (cut)
        {
          gtf_pieces_emit (pieces, ' ', pieces->buffer->span[stop - 1]);
          gtf_pieces_copy (pieces, stop - 1, stop);
        }
      if (next < end)
        gtf_pieces_emit (pieces, ' ', pieces->buffer->span[stop]);
    }
  return TRUE;
}

/* ------------------------------------------------------------------ all of it */

const GtfMosesLanguage *
gtf_moses_language (JsonObject *config, const char *where, GError **error)
{
  g_autofree char *name = gtf_pass_text (config, "language", "en", where, error);
  g_autoptr (GString) known = g_string_new (NULL);
  if (name == NULL)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (languages); i++)
    {
      if (!strcmp (languages[i].name, name))
        return &languages[i];
      g_string_append_printf (known, "%s%s", i ? ", " : "", languages[i].name);
    }
  g_autofree char *quoted = gtf_quote (name, -1);
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: language: expected one of %s, found “%s”", where, known->str, quoted);
  return NULL;
}

gboolean
gtf_moses_is_english (const GtfMosesLanguage *language)
{
  return !strcmp (language->name, "en");
}

gboolean
gtf_moses_is_french (const GtfMosesLanguage *language)
{
  return !strcmp (language->name, "fr");
}

gboolean
gtf_moses_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  GtfMoses *self = (GtfMoses *) pass;
  self->language = gtf_moses_language (config, where, error);
  self->raw = !gtf_pass_flag (config, "plain", TRUE);
  self->escape = gtf_pass_flag (config, "escape", FALSE);
  return self->language != NULL;
}

/* Punctuation, and what does not print. */
static gboolean
make_plain (const GtfMoses *self, GtfPieces *pieces, GError **error)
{
  return apply_rules (pieces, plain, error) && apply_rules (pieces, normal, error) &&
         apply_rules (pieces, self->language->quotes, error) && (!self->language->moves_stops || gtf_pieces_rewrite (pieces, stops_piece, NULL, error)) &&
         apply_rules (pieces, self->language->numbers, error) &&
         gtf_pieces_rewrite (pieces, strip_piece, NULL, error) && gtf_pieces_rewrite (pieces, printing_piece, NULL, error);
}

gboolean
gtf_moses_apply (GtfPass *pass, GtfPieces *pieces, GError **error)
{
  const GtfMoses *self = (GtfMoses *) pass;
  static const Rule trailing[] = { { ".'", " . ' ", .behind = TEXT_END }, { NULL } };
  return (self->raw ? gtf_pieces_rewrite (pieces, junk_piece, NULL, error) : make_plain (self, pieces, error)) &&
         gtf_pieces_rewrite (pieces, strip_piece, NULL, error) && gtf_pieces_rewrite (pieces, pad_piece, NULL, error) &&
         (!self->escape || gtf_pieces_rewrite (pieces, hyphens_piece, NULL, error)) &&
         gtf_pieces_rewrite (pieces, hide_dots_piece, NULL, error) && apply_rules (pieces, commas, error) &&
         apply_rules (pieces, self->language->apostrophes, error) && gtf_pieces_rewrite (pieces, stop_words_piece, pass, error) &&
         apply_rules (pieces, trailing, error) && gtf_pieces_rewrite (pieces, show_dots_piece, NULL, error) &&
         (!self->escape || apply_rules (pieces, escaped, error));
}
