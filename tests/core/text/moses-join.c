/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Words put together as sacremoses's detokenizer does it (the table is what MosesDetokenizer (language).detokenize (text.split ()) of 0.2 gives), whatever bytes they have.
 */
#include "text/moses.h"

#define TEXT(text) text, sizeof text - 1

static const struct
{
  const char *words;
  gsize n_words;
  const char *text;
  gsize n_text;
  const char *language;      /* nullable: English */
} cases[] = {
  { TEXT (""), TEXT ("") },
  { TEXT ("Hello , world !"), TEXT ("Hello, world!") },
  { TEXT ("well @-@ known &amp; ( loved )"), TEXT ("well-known & (loved)") },
  { TEXT ("he said \" yes \" ."), TEXT ("he said \"yes\".") },
  { TEXT ("it costs $ 5"), TEXT ("it costs $5") },
  { TEXT ("a \0 b"), TEXT ("a \0 b") },                         /* a token may be a NUL */
  { TEXT ("a\0b , c @-@ d"), TEXT ("a\0b, c-d") },
  { TEXT ("\0 &lt; \0&gt; ."), TEXT ("\0 < \0>.") },
  { TEXT ("the boys ' boat &apos;s ' x '"), TEXT ("the boys' boat's' x '") },
  { TEXT ("the boys ' boat &apos;s ' x '"), TEXT ("the boys 'boat 's' x '"), "de" },
  { TEXT ("l&apos; eau ( ? ) d&apos; 5 !"), TEXT ("l'eau ( ?) d' 5 !"), "fr" },
};

static void
test_join (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) text = g_string_new_len (cases[i].words, (gssize) cases[i].n_words);

      g_autoptr (JsonObject) config = json_object_new ();

      if (cases[i].language)
        json_object_set_string_member (config, "language", cases[i].language);
      gtf_moses_join (text, gtf_moses_language (config, "decoder", NULL));
      g_assert_cmpmem (text->str, text->len, cases[i].text, cases[i].n_text);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/moses-join", test_join);
  return g_test_run ();
}
