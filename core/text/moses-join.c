/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Words that moses.c cut, put together: MosesDetokenizer of sacremoses 0.2 for English. Most words have a space before them; what a word
 * is made of decides whether it has, and whether the next one will.
 */
#include "text/moses.h"

#include <string.h>

/* Whether all characters of a word are in a list, or (@currency) money. */
static gboolean
consists_of (const char *word, const char *list, gboolean currency)
{
  for (const char *p = word; *p; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
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

/* Cut at spaces, as Python's split () does. */
static GPtrArray *
words_of (const char *text)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);
  for (const char *p = text; *p;)
    {
      const char *begin = p;
      while (*p && !gtf_moses_is_space (g_utf8_get_char (p)))
        p = g_utf8_next_char (p);
      if (p > begin)
        g_ptr_array_add (words, g_strndup (begin, (gsize) (p - begin)));
      else
        p = g_utf8_next_char (p);
    }
  return words;
}

/* Of quotation marks every other one opens; @opened counts those of each kind. An apostrophe behind an s opens none. */
static gboolean
opens_quote (GHashTable *opened, const char *word, const char *before)
{
  const char *kind = consists_of (word, "\u201e\u201c", FALSE) ? "\"" : word;
  gint n = GPOINTER_TO_INT (g_hash_table_lookup (opened, kind));
  if (n % 2 == 0 && !strcmp (word, "'") && before && g_str_has_suffix (before, "s"))
    return FALSE;
  g_hash_table_insert (opened, g_strdup (kind), GINT_TO_POINTER (n + 1));
  return n % 2 == 0;
}

/* Does @word stand at what is before it, does the next at @word? */
static void
find_gaps (GHashTable *opened, const char *word, const char *before, gboolean *left, gboolean *right)
{
  *left = *right = FALSE;
  if (is_cjk (g_utf8_get_char (word)))
    *left = before && is_cjk (g_utf8_get_char (g_utf8_prev_char (before + strlen (before))));
  else if (consists_of (word, "([{\u00bf\u00a1", TRUE))
    *right = TRUE;
  else if (consists_of (word, ",.?!:;\\%}])", FALSE) ||
           (before && *word == '\'' && word[1] && gtf_moses_flags (g_utf8_get_char (word + 1)) & GTF_MOSES_JOINED_LETTER))
    *left = TRUE;
  else if (consists_of (word, "'\"\u201e\u201c`", FALSE))
    {
      *right = opens_quote (opened, word, before);
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
    g_string_replace (text, names[i][0], names[i][1], 0);
}

void
gtf_moses_join (GString *text)
{
  g_autoptr (GPtrArray) pieces = words_of (text->str);
  g_autoptr (GHashTable) opened = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean close = TRUE;

  g_string_assign (text, " ");
  for (guint i = 0; i < pieces->len; i++)
    g_string_append_printf (text, "%s ", (const char *) pieces->pdata[i]);
  g_string_replace (text, " @-@ ", "-", 0);
  unescape (text);
  g_autoptr (GPtrArray) words = words_of (text->str);
  g_string_truncate (text, 0);
  for (guint i = 0; i < words->len; i++)
    {
      gboolean left, right;
      find_gaps (opened, words->pdata[i], i ? words->pdata[i - 1] : NULL, &left, &right);
      if (!left && !close)
        g_string_append_c (text, ' ');
      g_string_append (text, words->pdata[i]);
      close = right;
    }
}
