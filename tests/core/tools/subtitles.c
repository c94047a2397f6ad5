/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/tools/subtitles.c: cues out of words and segments.
 */
#include <string.h>
#include "base/json.h"
#include "tools/cli.h"

static const struct
{
  const char *name, *json;
  gboolean vtt;
  const char *expected;
} cases[] = {
  { "words", "{\"chunks\": [{\"text\": \" Hello\", \"timestamp\": [0.0, 0.5]}, {\"text\": \" world.\", \"timestamp\": [0.5, 1.0]}, {\"text\": \" More\", \"timestamp\": [1.1, 1.4]}]}", FALSE,
    "1\n00:00:00,000 --> 00:00:01,000\nHello world.\n\n2\n00:00:01,100 --> 00:00:01,400\nMore\n\n" },
  { "vtt", "{\"chunks\": [{\"text\": \" a < b & c\", \"timestamp\": [3661.2344, 3662]}]}", TRUE,
    "WEBVTT\n\n1\n01:01:01.234 --> 01:01:02.000\na &lt; b &amp; c\n\n" },
  { "two rows", "{\"chunks\": [{\"text\": \" And so, my fellow Americans, ask not what your country can do for you\", \"timestamp\": [0, 5]}]}", FALSE,
    "1\n00:00:00,000 --> 00:00:05,000\nAnd so, my fellow Americans, ask not what\nyour country can do for you\n\n" },
  { "three rows are two cues",
    "{\"chunks\": [{\"text\": \" aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc dddddddddddddddddddd eeeeeeeeeeeeeeeeeeee\", \"timestamp\": [0, 5.25]}]}", FALSE,
    "1\n00:00:00,000 --> 00:00:04,200\naaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb\ncccccccccccccccccccc dddddddddddddddddddd\n\n2\n00:00:04,200 --> 00:00:05,250\neeeeeeeeeeeeeeeeeeee\n\n" },
  { "pause", "{\"chunks\": [{\"text\": \" one\", \"timestamp\": [0, 0.5]}, {\"text\": \" two\", \"timestamp\": [2.0, 2.5]}]}", FALSE,
    "1\n00:00:00,000 --> 00:00:00,500\none\n\n2\n00:00:02,000 --> 00:00:02,500\ntwo\n\n" },
  { "no end", "{\"chunks\": [{\"text\": \" one\", \"timestamp\": [1.5, null]}]}", FALSE, "1\n00:00:01,500 --> 00:00:02,500\none\n\n" },
  { "no times", "{\"chunks\": [{\"text\": \" one\", \"timestamp\": [null, null]}]}", FALSE, "1\n00:00:00,000 --> 00:00:01,000\none\n\n" },
  { "backwards", "{\"chunks\": [{\"text\": \" one.\", \"timestamp\": [5, 4]}, {\"text\": \" two\", \"timestamp\": [1, 2]}]}", FALSE,
    "1\n00:00:05,000 --> 00:00:05,001\none.\n\n2\n00:00:05,001 --> 00:00:05,002\ntwo\n\n" },
  { "arrow", "{\"chunks\": [{\"text\": \" a --> b\", \"timestamp\": [0, 1]}]}", FALSE, "1\n00:00:00,000 --> 00:00:01,000\na -> b\n\n" },
  { "no spaces", "{\"chunks\": [{\"text\": \"東京は\", \"timestamp\": [0, 1]}, {\"text\": \"日本。\", \"timestamp\": [1, 2]}]}", FALSE, "1\n00:00:00,000 --> 00:00:02,000\n東京は日本。\n\n" },
  { "line break", "{\"chunks\": [{\"text\": \" a\\n\\nb\", \"timestamp\": [0, 1]}]}", FALSE, "1\n00:00:00,000 --> 00:00:01,000\na b\n\n" },
  { "silence", "{\"text\": \"\", \"chunks\": []}", FALSE, "" },
  { "silence, vtt", "{\"text\": \"\", \"chunks\": []}", TRUE, "WEBVTT\n\n" },
};

static void
test_cues (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = gtf_json_parse ("test", cases[i].json, -1, GTF_JSON_PYTHON, &error);
      g_autofree char *out = NULL;

      g_test_message ("%s", cases[i].name);
      g_assert_no_error (error);
      out = cli_subtitles (node, cases[i].vtt, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (out, ==, cases[i].expected);
    }
}

static void
test_none (void)
{
  const char *bad[] = { "{\"text\": \"a\"}", "[{\"text\": \"a\"}]", "3", "{\"chunks\": 3}" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = gtf_json_parse ("test", bad[i], -1, GTF_JSON_PYTHON, NULL);

      g_assert_null (cli_subtitles (node, FALSE, &error));
      g_assert_nonnull (error);
    }
}

/* Whatever the words are: rows of at most 42 characters, at most two, times in order. */
static void
test_any (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);

  for (guint round = 0; round < 200; round++)
    {
      g_autoptr (GString) json = g_string_new ("{\"chunks\": [");
      g_autoptr (JsonNode) node = NULL;
      g_autofree char *out = NULL;
      g_auto (GStrv) lines = NULL;
      guint n = g_rand_int_range (rand, 0, 30), rows = 0;
      double t = 0;

      for (guint i = 0; i < n; i++)
        {
          guint letters = g_rand_int_range (rand, 1, 120);

          g_string_append_printf (json, "%s{\"text\": \"", i ? ", " : "");
          for (guint k = 0; k < letters; k++)
            g_string_append (json, g_rand_int_range (rand, 0, 6) ? "é" : g_rand_int_range (rand, 0, 2) ? " " : ".");
          g_string_append_printf (json, "\", \"timestamp\": [%d, %d]}", (int) t, (int) t + 3);
          t += g_rand_int_range (rand, 0, 5);
        }
      g_string_append (json, "]}");
      node = gtf_json_parse ("test", json->str, -1, GTF_JSON_PYTHON, NULL);
      out = cli_subtitles (node, FALSE, NULL);
      lines = g_strsplit (out, "\n", -1);
      for (guint i = 0; lines[i]; i++)
        {
          rows = *lines[i] == '\0' || strstr (lines[i], "-->") ? 0 : rows + 1;
          g_assert_cmpuint (rows, <=, 2);
          g_assert_cmpint (g_utf8_strlen (lines[i], -1), <=, 42);
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tools/subtitles/cues", test_cues);
  g_test_add_func ("/tools/subtitles/none", test_none);
  g_test_add_func ("/tools/subtitles/any", test_any);
  return g_test_run ();
}
