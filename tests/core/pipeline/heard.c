/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lists of words: what is the same, what goes in circles, what says again what was said.
 */
#include "pipeline/heard.h"

#include <string.h>

static GPtrArray *
parse (const char *text)
{
  GPtrArray *words = gtf_heard_list_new ();
  g_auto (GStrv) parts = g_strsplit (text, " ", -1);

  for (guint i = 0; parts[i] && *parts[i]; i++)
    g_ptr_array_add (words, gtf_heard_new (parts[i], i * 10, i * 10 + 10));
  return words;
}

static char *
join (GPtrArray *words)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < words->len; i++)
    g_string_append_printf (text, "%s%s", i ? " " : "", ((GtfHeard *) words->pdata[i])->text);
  return g_string_free (text, FALSE);
}

static void
test_same (void)
{
  static const struct
  {
    const char *a, *b;
    gboolean same;
  } cases[] = { { " Hello,", "hello", TRUE }, { "it's", "its", TRUE }, { "a", "ab", FALSE }, { "ab", "a", FALSE }, { "", "...", TRUE }, { "", "a", FALSE }, { "Übung", " Übung.", TRUE }, { "Übung", "Ubung", FALSE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GtfHeard a = { (char *) cases[i].a, 0, 0 }, b = { (char *) cases[i].b, 0, 0 };

      g_assert_cmpint (gtf_heard_same (&a, &b), ==, cases[i].same);
    }
}

static void
test_loops (void)
{
  static const struct
  {
    const char *heard, *left;
    guint64 began;      /* words last 10 */
  } cases[] = {
    { "", "", G_MAXUINT64 },
    { "one two three", "one two three", G_MAXUINT64 },
    { "no no no no no no", "no no no no no no", G_MAXUINT64 },
    { "so oh, oh, Oh, oh oh oh oh oh oh oh oh oh. There", "so There", G_MAXUINT64 },
    { "so oh, oh, Oh, oh oh oh oh oh oh oh oh oh.", "so", 10 },
    { "I am here. I am here. I am here. I am here.", "", 0 },
    { "I am here. I am here. I am here.", "I am here. I am here. I am here.", G_MAXUINT64 },
    { "a b a b a b a b a b a b", "", 0 },
    { "go back to the next one now go back to the next one now go back to the next one now go back to the next one now", "", 0 },
    { "oh oh oh oh oh oh oh oh oh oh oh oh x ah ah ah ah ah ah ah ah ah ah ah ah", "x", 130 },
    { "well Uuhuuhuuhuuhuuhuuhuuhuuhuuhuuhuuhuuhuuhuuhuuhuuh", "well", 10 },
    { "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
      "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", G_MAXUINT64 }
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) words = parse (cases[i].heard);
      g_autofree char *left = NULL;

      g_assert_cmpuint (gtf_heard_list_drop_loops (words), ==, cases[i].began);
      left = join (words);
      g_assert_cmpstr (left, ==, cases[i].left);
    }
}

static void
test_align (void)
{
  static const struct
  {
    const char *said;
    guint first;
    const char *heard;
    guint guess, again;
  } cases[] = {
    { "a b c", 0, "a b c d e", 5, 3 },        /* the guess is wrong */
    { "a b c", 0, "a b c d e", 0, 3 },
    { "a b c", 1, "b c d", 0, 2 },
    { "a b c", 0, "a c d", 2, 2 },            /* one was swallowed */
    { "a b x", 0, "a b c d", 3, 3 },          /* heard otherwise: the times decide */
    { "a b x", 0, "a b c d", 2, 2 },
    { "a b c", 0, "x y z", 1, 1 },
    { "a b c", 0, "", 0, 0 },
    { "no no", 0, "no no no", 2, 2 }
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) said = parse (cases[i].said), heard = parse (cases[i].heard);

      g_assert_cmpuint (gtf_heard_list_align (said, cases[i].first, heard, cases[i].guess), ==, cases[i].again);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/heard/same", test_same);
  g_test_add_func ("/heard/loops", test_loops);
  g_test_add_func ("/heard/align", test_align);
  return g_test_run ();
}
