/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sentences out of words, lines and whole texts, by tables: buffers of a second each in, sentences out.
 */
#include "sentences.h"

typedef struct
{
  const char *name;
  const char *buffers[10];
  const char *sentences[6];
  GstClockTime ends[6];         /* ms */
} Case;

static const Case cases[] = {
  { "words", { " Hello", " there.", " How", " are", " you?", " Fine" }, { "Hello there.", "How are you?", "Fine" }, { 2000, 5000, 6000 } },
  { "lines", { "I live in", "Berlin.", "You do", "not." }, { "I live in Berlin.", "You do not." }, { 2000, 4000 } },
  { "several-in-one", { "One. Two! Three" }, { "One.", "Two!", "Three" }, { 266, 600, 1000 } },
  { "abbreviations", { " Dr.", " Smith", " met", " J.", " Doe.", " So" }, { "Dr. Smith met J. Doe.", "So" }, { 5000, 6000 } },
  { "numbers", { " It", " is", " 28", ".8", " degrees." }, { "It is 28.8 degrees." }, { 5000 } },
  { "closing-marks", { "\"Is it?\" he asked. \"It is.\" Good" }, { "\"Is it?\"", "he asked.", "\"It is.\"", "Good" }, { 250, 562, 843, 1000 } },
  { "ellipsis", { " Well...", " no." }, { "Well...", "no." }, { 1000, 2000 } },
  { "no-spaces", { "今日は", "晴れです。明日は", "雨" }, { "今日は晴れです。", "明日は雨" }, { 1625, 3000 } },
  { "line-breaks", { "two rows\nof a subtitle." }, { "two rows of a subtitle." }, { 1000 } },
  { "nothing", { "", " ", "\n" }, { NULL }, { 0 } }
};

static void
test_case (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (GPtrArray) complete = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_sentence_free);
  GtfSentences sentences;
  GstClockTime last = 0;
  guint n = 0;

  gtf_sentences_init (&sentences);
  for (guint i = 0; c->buffers[i]; i++)
    gtf_sentences_add (&sentences, c->buffers[i], i * GST_SECOND, (i + 1) * GST_SECOND, complete);
  gtf_sentences_close (&sentences, complete);
  for (; c->sentences[n]; n++)
    {
      const GtfSentence *s = n < complete->len ? complete->pdata[n] : NULL;

      g_assert_nonnull (s);
      g_assert_cmpstr (s->text, ==, c->sentences[n]);
      g_assert_cmpuint (s->start, >=, last);
      g_assert_cmpuint (s->end / GST_MSECOND, ==, c->ends[n]);
      last = s->end;
    }
  g_assert_cmpuint (complete->len, ==, n);
  gtf_sentences_clear (&sentences);
}

/* What has no end is cut all the same. */
static void
test_endless (void)
{
  g_autoptr (GPtrArray) complete = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_sentence_free);
  GtfSentences sentences;

  gtf_sentences_init (&sentences);
  for (guint i = 0; i < 10000; i++)
    {
      gtf_sentences_add (&sentences, " and", i * GST_SECOND / 4, (i + 1) * GST_SECOND / 4, complete);
      g_assert_cmpuint (sentences.text->len, <, 1000);
    }
  g_assert_cmpuint (complete->len, >, 50);
  gtf_sentences_reset (&sentences);
  gtf_sentences_close (&sentences, complete);
  gtf_sentences_clear (&sentences);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/sentences/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/sentences/endless", test_endless);
  return g_test_run ();
}
