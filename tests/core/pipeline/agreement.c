/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Local agreement, by tables: hypotheses in, what is final after each one out.
 */
#include "pipeline/agreement.h"

#include <string.h>

typedef struct
{
  const char *words;        /* "text:start-end ..." */
  guint64 from, deadline;   /* where the window begins */
  gboolean all;
  const char *final;        /* texts, one space between */
} Step;

typedef struct
{
  const char *name;
  Step steps[6];
} Case;

static const Case cases[] = {
  { "agree", { { "a:0-10 b:10-20", 0, 0, FALSE, "" }, { "a:0-10 b:10-20 c:20-30", 0, 0, FALSE, "a b" }, { "c:20-30 d:30-40", 20, 0, FALSE, "c" }, { NULL } } },
  { "changed-word", { { "a:0-10 b:10-20", 0, 0, FALSE, "" }, { "a:0-10 x:10-20", 0, 0, FALSE, "a" }, { "x:10-20", 10, 0, FALSE, "x" }, { NULL } } },
  { "case-and-points", { { "Hello,:0-10", 0, 0, FALSE, "" }, { "hello:0-10", 0, 0, FALSE, "hello" }, { NULL } } },
  { "all", { { "a:0-10 b:10-20", 0, 0, TRUE, "a b" }, { "b:12-22 c:22-30", 12, 0, TRUE, "c" }, { NULL } } },
  { "deadline", { { "a:0-10 b:10-20 c:20-30", 0, 20, FALSE, "a b" }, { "c:20-30", 20, 0, FALSE, "c" }, { NULL } } },
  { "said-again-at-the-seam", { { "one:0-10 two:10-20", 0, 0, TRUE, "one two" }, { "one:16-20 two:20-24 three:24-30", 0, 0, TRUE, "three" }, { NULL } } },
  { "really-said-twice", { { "no:0-10", 0, 0, TRUE, "no" }, { "no:20-30", 15, 0, TRUE, "no" }, { NULL } } },
  { "swallowed-at-the-seam", { { "one:0-10 two:10-20", 0, 0, TRUE, "one two" }, { "two:10-20 three:20-30", 0, 0, TRUE, "three" }, { NULL } } },
  { "reaches-over-what-follows", { { "an:0-10 echo:10-20", 0, 0, FALSE, "" }, { "an:0-10 echo:10-60", 0, 0, FALSE, "an echo" },
    { "an:0-10 echo:10-18 test:20-30 now:30-40", 0, 0, FALSE, "" }, { "an:0-10 echo:10-18 test:20-30 now:30-40", 0, 0, FALSE, "test now" }, { NULL } } },
  { "reaches-over-and-is-final", { { "an:0-10 echo:10-60", 0, 0, TRUE, "an echo" }, { "an:0-10 echo:10-18 test:20-30 now:62-70", 0, 0, TRUE, "test now" }, { NULL } } },
  { "heard-otherwise", { { "an:0-10 echo:10-20 text:20-30", 0, 0, TRUE, "an echo text" }, { "an:0-10 eco:10-20 test:20-30 is:30-40", 0, 0, TRUE, "is" }, { NULL } } },
  { "nothing-in-common", { { "a:0-10 b:10-20", 0, 0, TRUE, "a b" }, { "x:0-10 y:12-20 z:20-30", 0, 0, TRUE, "z" }, { NULL } } },
  { "nothing", { { "", 0, 0, TRUE, "" }, { "a:0-10", 0, 0, FALSE, "" }, { "", 0, 0, TRUE, "" }, { NULL } } },
  { "other-scripts", { { "Übung:0-10 макет:10-20", 0, 0, FALSE, "" }, { "Übung:0-10 макет.:10-20", 0, 0, FALSE, "Übung макет." }, { NULL } } }
};

static GPtrArray *
parse (const char *text)
{
  GPtrArray *words = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_heard_free);
  g_auto (GStrv) parts = g_strsplit (text, " ", -1);

  for (guint i = 0; parts[i] && *parts[i]; i++)
    {
      char *colon = strchr (parts[i], ':'), *dash = strchr (colon, '-');

      *colon = 0;
      g_ptr_array_add (words, gtf_heard_new (parts[i], g_ascii_strtoull (colon + 1, NULL, 10), g_ascii_strtoull (dash + 1, NULL, 10)));
    }
  return words;
}

static void
test_case (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (GtfAgreement) agreement = gtf_agreement_new ();
  guint64 end = 0;

  for (const Step *s = c->steps; s->words; s++)
    {
      g_autoptr (GPtrArray) words = parse (s->words);
      g_autoptr (GPtrArray) final = gtf_agreement_add (agreement, words, s->from, s->deadline, s->all);
      g_autoptr (GString) text = g_string_new (NULL);

      for (guint i = 0; i < final->len; i++)
        {
          const GtfHeard *word = final->pdata[i];

          g_string_append_printf (text, "%s%s", i ? " " : "", word->text);
          g_assert_cmpuint (word->start, <=, word->end);
          g_assert_cmpuint (word->start, >=, end);
          end = word->end;
        }
      g_assert_cmpstr (text->str, ==, s->final);
      g_assert_cmpuint (gtf_agreement_get_end (agreement), ==, end);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/agreement/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  return g_test_run ();
}
