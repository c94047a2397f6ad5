/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tokens into text and into words. A word ends where the tokens so far are whole characters and the next ones start with a
 * space; languages that are written without spaces are cut at each whole character. Punctuation sticks to its word.
 */
#include <string.h>

#include "asr/whisper-private.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define ASCII_PUNCTUATION "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
#define PREPENDED "\"'“¡¿([{-"
#define APPENDED "\"'.。,，!！?？:：”)]}、"

static const char *const unspaced_languages[] = { "chinese", "japanese", "thai", "lao", "myanmar", "cantonese", NULL };

/* Length of "<|12.34|>" at the start of text; 0: there is none. */
static gsize
timestamp_length (const char *text)
{
  const char *p = text + 2;
  const char *digits;

  if (strncmp (text, "<|", 2) != 0)
    return 0;
  for (digits = p; g_ascii_isdigit (*p); p++)
    ;
  if (p == digits || *p++ != '.')
    return 0;
  for (digits = p; g_ascii_isdigit (*p); p++)
    ;
  return p == digits || strncmp (p, "|>", 2) != 0 ? 0 : (gsize) (p + 2 - text);
}

/* Special tokens stay, and so do spaces before punctuation: transformers 5 cleans them up for WordPiece only. (transfer full) */
static char *
decode (GtfTokenizer *tokenizer, const gint32 *ids, gsize n_ids, GError **error)
{
  return gtf_tokenizer_decode_with (tokenizer, ids, n_ids, "{\"clean_up_tokenization_spaces\": false}", error);
}

/* The tokenizer's text without timestamps, which are no special tokens. (transfer full) */
char *
asr_whisper_text (GtfTokenizer *tokenizer, const gint32 *ids, gsize n_ids, GError **error)
{
  g_autofree char *text = NULL;
  char *out;

  if (n_ids == 0)
    return g_strdup ("");
  text = decode (tokenizer, ids, n_ids, error);
  if (text == NULL)
    return NULL;
  out = text;
  for (const char *p = text; *p != '\0';)
    {
      gsize skip = timestamp_length (p);
      if (skip == 0)
        *out++ = *p++;
      p += skip;
    }
  *out = '\0';
  return g_steal_pointer (&text);
}

static void
word_clear (AsrWord *self)
{
  g_clear_pointer (&self->text, g_free);
}

static GArray *
words_new (void)
{
  GArray *words = g_array_new (FALSE, TRUE, sizeof (AsrWord));
  g_array_set_clear_func (words, (GDestroyNotify) word_clear);
  return words;
}

/* Character number `index` of the text is U+FFFD, or there is no such character. */
static gboolean
is_replacement_at (const char *text, glong n_characters, glong index)
{
  return index >= n_characters || strncmp (g_utf8_offset_to_pointer (text, index), REPLACEMENT, strlen (REPLACEMENT)) == 0;
}

/* Cuts wherever the tokens so far are whole characters. A U+FFFD that the whole text has too is no broken character. */
static GArray *
split_on_unicode (GtfTokenizer *tokenizer, const gint32 *ids, gsize n_ids, GError **error)
{
  g_autofree char *full = decode (tokenizer, ids, n_ids, error);
  g_autoptr (GArray) words = words_new ();
  glong n_full, offset = 0;
  gsize first = 0;

  if (full == NULL)
    return NULL;
  n_full = g_utf8_strlen (full, -1);
  for (gsize i = 0; i < n_ids; i++)
    {
      char *decoded = decode (tokenizer, ids + first, i + 1 - first, error);
      const char *broken = decoded != NULL ? strstr (decoded, REPLACEMENT) : NULL;
      AsrWord word = { decoded, first, i };
      if (decoded == NULL)
        return NULL;
      if (broken != NULL && !is_replacement_at (full, n_full, offset + g_utf8_pointer_to_offset (decoded, broken)))
        {
          g_free (decoded);
          continue;
        }
      offset += g_utf8_strlen (decoded, -1);
      g_array_append_val (words, word);
      first = i + 1;
    }
  return g_steal_pointer (&words);
}

static void
join_text (char **text, const char *tail)
{
  char *joined = g_strconcat (*text, tail, NULL);
  g_free (*text);
  *text = joined;
}

/* What Python's str.isspace () says of a character. */
static gboolean
is_space (gunichar c)
{
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a)
         || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Python's str.strip (): white space at both ends goes. (transfer full) */
static char *
strip (const char *text)
{
  const char *end = text + strlen (text);

  while (*text != '\0' && is_space (g_utf8_get_char (text)))
    text = g_utf8_next_char (text);
  while (end > text && is_space (g_utf8_get_char (g_utf8_prev_char (end))))
    end = g_utf8_prev_char (end);
  return g_strndup (text, (gsize) (end - text));
}

/* Whether the text without its spaces is a part of the set, as Python's `in` has it: nothing at all is, too. */
static gboolean
stripped_in (const char *text, const char *set)
{
  g_autofree char *stripped = strip (text);
  return strstr (set, stripped) != NULL;
}

static GArray *
split_on_spaces (GtfTokenizer *tokenizer, const gint32 *ids, gsize n_ids, GError **error)
{
  g_autoptr (GArray) parts = split_on_unicode (tokenizer, ids, n_ids, error);
  gint32 end_of_text = gtf_tokenizer_get_special_id (tokenizer, "eos_token");
  GArray *words;

  if (parts == NULL)
    return NULL;
  words = words_new ();
  for (guint i = 0; i < parts->len; i++)
    {
      AsrWord *part = &g_array_index (parts, AsrWord, i);
      gboolean special = end_of_text >= 0 && ids[part->first] >= end_of_text;
      AsrWord *last = words->len > 0 ? &g_array_index (words, AsrWord, words->len - 1) : NULL;
      if (last == NULL || special || part->text[0] == ' ' || stripped_in (part->text, ASCII_PUNCTUATION))
        {
          AsrWord word = { g_steal_pointer (&part->text), part->first, part->last };
          g_array_append_val (words, word);
          continue;
        }
      join_text (&last->text, part->text);
      last->last = part->last;
    }
  return words;
}

/* An opening mark goes to the word after it. */
static void
merge_prepended (GArray *words)
{
  gint64 j = (gint64) words->len - 1;

  for (gint64 i = (gint64) words->len - 2; i >= 0; i--)
    {
      AsrWord *word = &g_array_index (words, AsrWord, i), *next = &g_array_index (words, AsrWord, j);
      if (word->text[0] != ' ' || !stripped_in (word->text, PREPENDED))
        {
          j = i;
          continue;
        }
      join_text (&word->text, next->text);
      g_free (next->text);
      next->text = g_steal_pointer (&word->text);
      next->first = word->first;
      word->text = g_strdup ("");
    }
}

/* A closing mark goes to the word before it. */
static void
merge_appended (GArray *words)
{
  guint i = 0;

  for (guint j = 1; j < words->len; j++)
    {
      AsrWord *word = &g_array_index (words, AsrWord, i), *next = &g_array_index (words, AsrWord, j);
      if (g_str_has_suffix (word->text, " ") || strstr (APPENDED, next->text) == NULL)
        {
          i = j;
          continue;
        }
      if (*next->text == '\0')
        continue;
      if (*word->text == '\0')     /* it went to the word after it: only the mark is left here */
        word->first = next->first;
      join_text (&word->text, next->text);
      word->last = next->last;
      g_free (next->text);
      next->text = g_strdup ("");
    }
}

/**
 * asr_whisper_words:
 * @language: (nullable): English name of the language; %NULL counts as English
 *
 * Returns: (transfer full) (element-type AsrWord): the words with the tokens that they are made of
 */
GArray *
asr_whisper_words (GtfTokenizer *tokenizer, const gint32 *ids, gsize n_ids, const char *language, GError **error)
{
  gboolean unspaced = language != NULL && g_strv_contains (unspaced_languages, language);
  GArray *words = unspaced ? split_on_unicode (tokenizer, ids, n_ids, error) : split_on_spaces (tokenizer, ids, n_ids, error);

  if (words == NULL)
    return NULL;
  merge_prepended (words);
  merge_appended (words);
  for (guint i = words->len; i-- > 0;)
    if (*g_array_index (words, AsrWord, i).text == '\0')
      g_array_remove_index (words, i);
  return words;
}
