/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Words that moses.c cut, put together: MosesDetokenizer of sacremoses 0.2. Most words have a space before them; what a word
 * is made of decides whether it has, and whether the next one will.
 */
#include "text/moses.h"

#include <string.h>
#include "text/rows.h"

/* Whether all characters of a word are in a list, or (@currency) money. No list has a NUL, which tokens may be made of. */
static gboolean
consists_of (const GString *word, const char *list, gboolean currency)
{
  for (const char *p = word->str; p < word->str + word->len; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      if (c == 0)
        return FALSE;
      if (!g_utf8_strchr (list, -1, c) && !(currency && gtf_moses_flags (c) & GTF_MOSES_CURRENCY))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_cjk (gunichar c)
{
  static const gunichar ranges[][2] =
  {
    { 4352, 4607 }, { 11904, 42191 }, { 43072, 43135 }, { 44032, 55215 }, { 63744, 64255 }, { 65072, 65103 }, { 65381, 65500 }, { 94208, 101119 },
    { 110592, 110895 }, { 110960, 111359 }, { 131072, 196607 }
  };
  for (guint i = 0; i < G_N_ELEMENTS (ranges); i++)
    if (c <= ranges[i][1])
      return c >= ranges[i][0];
  return FALSE;
}

static void
free_word (gpointer word)
{
  g_string_free (word, TRUE);
}

/* Cut at spaces, as Python's split () does. */
static GPtrArray *
words_of (const GString *text)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (free_word);
  const char *end = text->str + text->len;
  for (const char *p = text->str; p < end;)
    {
      const char *begin = p;
      while (p < end && !gtf_moses_is_space (g_utf8_get_char (p)))
        p = g_utf8_next_char (p);
      if (p > begin)
        g_ptr_array_add (words, g_string_new_len (begin, p - begin));
      else
        p = g_utf8_next_char (p);
    }
  return words;
}

/* Of quotation marks every other one opens; @opened counts those of each kind. In English an apostrophe behind an s opens none. */
static gboolean
opens_quote (const GtfMosesLanguage *language, GHashTable *opened, const GString *word, const GString *before)
{
  const char *kind = consists_of (word, "\u201e\u201c", FALSE) ? "\"" : word->str;
  gint n = GPOINTER_TO_INT (g_hash_table_lookup (opened, kind));
  if (gtf_moses_is_english (language) && n % 2 == 0 && !strcmp (word->str, "'") && before && before->str[before->len - 1] == 's')
    return FALSE;
  g_hash_table_insert (opened, g_strdup (kind), GINT_TO_POINTER (n + 1));
  return n % 2 == 0;
}

/* French has a space before these, whatever is there. */
static gboolean
stands_off (const GtfMosesLanguage *language, const GString *word)
{
  return gtf_moses_is_french (language) && word->len == 1 && strchr ("?!:;\\%", word->str[0]);
}

/* "l'" before a letter. */
static gboolean
is_elision (const GString *word, const GString *next)
{
  const char *last = word->len > 1 && word->str[word->len - 1] == '\'' ? g_utf8_prev_char (word->str + word->len - 1) : NULL;
  return last && next && gtf_moses_flags (g_utf8_get_char (last)) & GTF_MOSES_JOINED_LETTER && gtf_moses_flags (g_utf8_get_char (next->str)) & GTF_MOSES_JOINED_LETTER;
}

/* Does @word stand at what is before it, does the next at @word? */
static void
find_gaps (const GtfMosesLanguage *language, GHashTable *opened, const GString *word, const GString *before, const GString *next, gboolean *left, gboolean *right)
{
  *left = *right = FALSE;
  if (is_cjk (g_utf8_get_char (word->str)))
    *left = before && is_cjk (g_utf8_get_char (g_utf8_prev_char (before->str + before->len)));
  else if (consists_of (word, "([{\u00bf\u00a1", TRUE))
    *right = TRUE;
  else if (consists_of (word, ",.?!:;\\%}])", FALSE))
    *left = !stands_off (language, word);
  else if (gtf_moses_is_english (language) && (before && word->str[0] == '\'' && word->len > 1 && gtf_moses_flags (g_utf8_get_char (word->str + 1)) & GTF_MOSES_JOINED_LETTER))
    *left = TRUE;
  else if (gtf_moses_is_french (language) && is_elision (word, next))
    *right = TRUE;
  else if (consists_of (word, "'\"\u201e\u201c`", FALSE))
    {
      *right = opens_quote (language, opened, word, before);
      *left = !*right;
    }
}

static void
unescape (GString *text)
{
  static const char *const names[][2] =
  {
    { "&bar;", "|" }, { "&#124;", "|" }, { "&lt;", "<" }, { "&gt;", ">" }, { "&bra;", "[" }, { "&ket;", "]" }, { "&quot;", "\"" }, { "&apos;", "'" }, { "&#91;", "[" },
    { "&#93;", "]" }, { "&amp;", "&" }
  };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    gtf_string_replace (text, names[i][0], names[i][1]);
}

static void
append_word (GString *text, const GString *word)
{
  g_string_append_len (text, word->str, (gssize) word->len);
}

void
gtf_moses_join (GString *text, const GtfMosesLanguage *language)
{
  g_autoptr (GPtrArray) pieces = words_of (text);
  g_autoptr (GHashTable) opened = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean close = TRUE;

  g_string_assign (text, " ");
  for (guint i = 0; i < pieces->len; i++)
    {
      append_word (text, pieces->pdata[i]);
      g_string_append_c (text, ' ');
    }
  gtf_string_replace (text, " @-@ ", "-");
  unescape (text);
  g_autoptr (GPtrArray) words = words_of (text);
  g_string_truncate (text, 0);
  for (guint i = 0; i < words->len; i++)
    {
      gboolean left, right;
      find_gaps (language, opened, words->pdata[i], i ? words->pdata[i - 1] : NULL, i + 1 < words->len ? words->pdata[i + 1] : NULL, &left, &right);
      if ((!left && !close) || (i && stands_off (language, words->pdata[i])))
        g_string_append_c (text, ' ');
      append_word (text, words->pdata[i]);
      close = right;
    }
}
