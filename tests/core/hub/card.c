/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/hub/card.c: what the front matter of a README.md says, what is refused, and what is added to one without touching what is there.
 */
#include <string.h>
#include <glib/gstdio.h>
#include "base/json-print.h"
#include "base/json.h"
#include "hub/card.h"

static const struct
{
  const char *text;
  const char *metadata;         /* as JSON; NULL: refused */
  const char *error;            /* parts of the message, with '~' between */
} readings[] = {
  { "", "{}" },
  { "# A model\n", "{}" },
  { "---\n# A rule above, no metadata\n", "{}" },
  { "---\n---\n", "{}" },               /* as the Hub's own pattern has it: no line between */
  { "---\n\n---\n", "{}" },
  { "---\n# nothing\n---\n", "{}" },
  { "---\nlicense: mit\n---", "{\"license\": \"mit\"}" },
  { "---\nlicense: mit\n---  \t\ntext", "{\"license\": \"mit\"}" },
  { "\xef\xbb\xbf\n  ---\r\nlicense: mit\r\n---\r\n# Text", "{\"license\": \"mit\"}" },
  { "---\rlicense: mit\r---\n", "{\"license\": \"mit\"}" },
  { "---\na: 1\n--- x\nb: 2\n---\n", NULL, "README.md: line 3, column 1: ~document" },
  { "---\nlanguage:\n- en\n- no\n- 'on'\ntags: [a, \"b c\"]\n---\n", "{\"language\": [\"en\", \"no\", \"on\"], \"tags\": [\"a\", \"b c\"]}" },
  { "---\na: yes\nb: true\nc: False\nd: null\ne: ~\nf:\n---\n", "{\"a\": \"yes\", \"b\": true, \"c\": false, \"d\": null, \"e\": null, \"f\": null}" },
  { "---\na: 12\nb: -3\nc: 0x1F\nd: 0o17\ne: 1.5\nf: 1e3\ng: .5\nh: 1_000\ni: 12:30\nj: 2024-01-02\nk: 9223372036854775808\n---\n",
    "{\"a\": 12, \"b\": -3, \"c\": 31, \"d\": 15, \"e\": 1.5, \"f\": 1000.0, \"g\": 0.5, \"h\": \"1_000\", \"i\": \"12:30\", \"j\": \"2024-01-02\", \"k\": 9.223372036854776e+18}" },
  { "---\na: '12'\nb: \"true\"\nc: !!str 12\nd: ! 12\ne: !!int 12\nf: -\n---\n", NULL, "README.md: line 7, column 4" },
  { "---\na: '12'\nb: \"true\"\nc: !!str 12\nd: ! 12\ne: !!int 12\nf: +\ng: .\nh: 0x\n---\n", "{\"a\": \"12\", \"b\": \"true\", \"c\": \"12\", \"d\": \"12\", \"e\": 12, \"f\": \"+\", \"g\": \".\", \"h\": \"0x\"}" },
  { "---\na: |\n  two\n  lines\nb: >-\n  one\n  line\n---\n", "{\"a\": \"two\\nlines\\n\", \"b\": \"one line\"}" },
  { "---\na: 1\na: 2\n3: x\ntrue: y\n---\n", "{\"a\": 2, \"3\": \"x\", \"true\": \"y\"}" },
  { "---\na: &x [1, {b: 2}]\nc: *x\nd: {e: *x}\n---\n", "{\"a\": [1, {\"b\": 2}], \"c\": [1, {\"b\": 2}], \"d\": {\"e\": [1, {\"b\": 2}]}}" },
  { "---\na: &x 1\nb: &x 2\nc: *x\n---\n", "{\"a\": 1, \"b\": 2, \"c\": 2}" },
  { "---\n%YAML 1.1\n--- x\n---\n", NULL, "README.md: line 2: expected names and values" },
  { "---\n- a\n- b\n---\n", NULL, "README.md: line 2: expected names and values" },
  { "---\njust words\n---\n", NULL, "README.md: line 2: expected names and values" },
  { "---\na: b: c\n---\n", NULL, "README.md: line 2, column 5: is no YAML: mapping values are not allowed" },
  { "\n\n---\n\na: [1, 2\n---\n", NULL, "README.md: line ~: is no YAML: " },
  { "---\n\ta: 1\n---\n", NULL, "README.md: line 2, column 1: is no YAML: " },
  { "---\na: *x\n---\n", NULL, "README.md: line 2, column 4: the alias \"x\" names nothing" },
  { "---\na: &x [*x]\n---\n", NULL, "README.md: line 2, column 8: the alias \"x\" names nothing that is whole" },
  { "---\n? [a, b]\n: c\n---\n", NULL, "README.md: line 2, column 3: a key is no plain text" },
  { "---\na: !!python/object/apply:os.system [\"true\"]\n---\n", NULL, "README.md: line 2, column 4: the type \"tag:yaml.org,2002:python/object/apply:os.system\" is unknown" },
  { "---\na: !thing {b: 1}\n---\n", NULL, "README.md: line 2, column 4: the type \"!thing\" is unknown" },
  { "---\na: \"\\0\"\n---\n", NULL, "README.md: line 2, column 4: a text holds a NUL" },
  { "---\na: \xff\n---\n", NULL, "README.md: line ~: is no YAML: " },
  { "---\na: \x01\n---\n", NULL, "README.md: line ~: is no YAML: " },
  { "---\na: 1\n...\nb: 2\n---\n", NULL, "README.md: line ~" },
};

static GtfHubCard *
card (const char *text, GError **error)
{
  return gtf_hub_card_new ("README.md", text, strlen (text), error);
}

static void
check_parts (const char *what, const GError *error, const char *expected)
{
  g_auto (GStrv) parts = g_strsplit (expected, "~", -1);
  const char *at = error ? error->message : "";

  for (char **part = parts; *part; part++)
    if (!(at = strstr (at, *part)))
      g_error ("%s: expected an error with \"%s\", got \"%s\"", what, expected, error ? error->message : "none");
}

static char *
metadata_text (const GtfHubCard *self)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), gtf_hub_card_get_metadata (self));

  return gtf_json_print (node, GTF_JSON_COMPACT);
}

static void
test_read (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (readings); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfHubCard) self = card (readings[i].text, &error);
      g_autofree char *found = self ? metadata_text (self) : NULL;

      if (g_strcmp0 (found, readings[i].metadata) != 0)
        g_error ("%s: found %s, expected %s (%s)", readings[i].text, found, readings[i].metadata, error ? error->message : "no error");
      g_assert_true ((self == NULL) == (error != NULL));
      if (error)
        {
          check_parts (readings[i].text, error, readings[i].error);
          g_assert_true (g_error_matches (error, GTF_ERROR, GTF_ERROR_INVALID_DATA));
        }
    }
}

/* Small texts that stand for great things. */
static void
test_bounds (void)
{
  g_autoptr (GString) laughs = g_string_new ("---\na0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"), deep = g_string_new ("---\na: "), chain = g_string_new ("---\na0: &a0 [x]\n"),
                      large = g_string_new ("---\na: "), wide = g_string_new ("---\na: &a ");
  const struct { const char *name; GString *text; const char *error; } cases[] = {
    { "aliases of aliases", laughs, "with each alias written out, take up more than" },
    { "nested", deep, "more than 64 levels" },
    { "nested by aliases", chain, "the alias \"a62\": more than 64 levels" },
    { "large", large, "its metadata have ~ at most 1048576 are read" },
    { "a long text many times", wide, "with each alias written out, take up more than" },
  };

  for (guint i = 1; i < 10; i++)
    g_string_append_printf (laughs, "a%u: &a%u [*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u]\n", i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
  for (guint i = 0; i < 100000; i++)
    g_string_append (deep, "[");
  for (guint i = 1; i < 100; i++)
    g_string_append_printf (chain, "a%u: &a%u [*a%u]\n", i, i, i - 1);
  for (guint i = 0; i < 1 << 20; i++)
    g_string_append_c (large, 'x');
  for (guint i = 0; i < 100000; i++)
    g_string_append_c (wide, 'x');
  for (guint i = 0; i < 1000; i++)
    g_string_append_printf (wide, "\nb%u: *a", i);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_string_append (cases[i].text, "\n---\n");
      g_assert_null (card (cases[i].text->str, &error));
      check_parts (cases[i].name, error, cases[i].error);
    }
}

static void
test_values (void)
{
  static const struct { const char *key, *values; } cases[] = {
    { "license", "mit" }, { "language", "en|no|3" }, { "none", NULL }, { "empty", NULL }, { "object", NULL }, { "nothing", NULL }, { "version", "1.5" },
  };
  g_autoptr (GtfHubCard) self = card ("---\nlicense: mit\nlanguage: [en, no, 3, [x], null]\nempty: []\nobject: {a: 1}\nnothing:\nversion: 1.5\n---\n", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (GStrv) values = gtf_hub_card_dup_values (self, cases[i].key);
      g_autofree char *joined = values ? g_strjoinv ("|", values) : NULL;

      g_assert_cmpstr (joined, ==, cases[i].values);
    }
}

static const struct
{
  const char *text, *defaults;
  const char *result;           /* NULL: refused, and nothing is changed */
} completions[] = {
  { "", "{\"license\": \"mit\"}", "---\nlicense: mit\n---\n" },
  { "# Text\n", "{\"license\": \"mit\", \"tags\": [\"a\", \"b\"]}", "---\nlicense: mit\ntags:\n- a\n- b\n---\n\n# Text\n" },
  { "# Text\r\nmore", "{\"license\": \"mit\"}", "---\r\nlicense: mit\r\n---\r\n\r\n# Text\r\nmore" },
  { "---\n# mine\nlicense:   \"mit\" # yes\n\n---\n# Text\n---\n", "{\"license\": \"other\", \"library_name\": \"transformers\"}",
    "---\n# mine\nlicense:   \"mit\" # yes\n\nlibrary_name: transformers\n---\n# Text\n---\n" },
  { "---\nlicense: mit\n---\n", "{\"license\": \"other\"}", "---\nlicense: mit\n---\n" },
  { "---\nlicense:\n---\n", "{\"license\": \"other\"}", "---\nlicense:\n---\n" },
  { "---\n\n---\nText", "{\"license\": \"mit\"}", "---\nlicense: mit\n---\nText" },
  { "---\r\na: 1\r\n---\r\nText\n", "{\"b\": [1, \"x\"]}", "---\r\na: 1\r\nb:\r\n- 1\r\n- x\r\n---\r\nText\n" },
  { "---\n  a: 1\n---\n", "{\"b\": {\"c\": 2}}", "---\n  a: 1\n  b:\n    c: 2\n---\n" },
  { "---\na: |\n  text\n---\n", "{\"b\": true}", "---\nb: true\na: |\n  text\n---\n" },
  { "---\na: 1\n---\n", "{\"b\": \"no\", \"c\": \"1:30\", \"d\": \"a: b\", \"e\": \"\\u00e9 \\n\", \"f\": null, \"g\": [], \"h\": {}, \"i\": [[1, 2], {\"j\": \"k l\"}], \"m n\": \"\"}",
    "---\na: 1\nb: \"no\"\nc: \"1:30\"\nd: \"a: b\"\ne: \"é \\n\"\nf: null\ng: []\nh: {}\ni:\n-\n  - 1\n  - 2\n-\n  j: k l\nm n: \"\"\n---\n" },
  { "---\n{a: 1}\n---\n", "{\"b\": 2}", NULL },
  { "---\na: 1\n...\n---\n", "{\"b\": 2}", "---\nb: 2\na: 1\n...\n---\n" },
  { "---\na: 'open\n  text'\n---\n", "{\"b\": 2}", "---\na: 'open\n  text'\nb: 2\n---\n" },
};

static void
test_complete (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (completions); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfHubCard) self = card (completions[i].text, &error);
      g_autoptr (JsonObject) defaults = gtf_json_parse_object ("defaults", completions[i].defaults, -1, GTF_JSON_STRICT, &error);
      g_autofree char *before = NULL, *after = NULL;
      gboolean done;

      g_assert_no_error (error);
      before = metadata_text (self);
      done = gtf_hub_card_complete (self, defaults, &error);
      g_assert_cmpstr (gtf_hub_card_get_text (self), ==, completions[i].result ? completions[i].result : completions[i].text);
      g_assert_true (done == (completions[i].result != NULL));
      if (done)
        continue;
      check_parts (completions[i].text, error, "README.md: its metadata are written in such a way~b: 2");
      g_assert_true (g_error_matches (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED));
      after = metadata_text (self);
      g_assert_cmpstr (before, ==, after);
    }
}

static void
test_load (void)
{
  g_autofree char *folder = g_dir_make_tmp ("gtf-card-XXXXXX", NULL), *path = g_build_filename (folder, "README.md", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubCard) self = NULL;

  g_assert_null (gtf_hub_card_load (folder, &error));
  g_assert_true (g_error_matches (error, GTF_ERROR, GTF_ERROR_NOT_FOUND));
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (path, "---\na: 1\n\0---\n", 13, NULL));
  g_assert_null (gtf_hub_card_load (folder, &error));
  check_parts ("NUL", error, "/README.md: holds a NUL at byte 9");
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (path, "---\na: 1\n---\n", -1, NULL));
  self = gtf_hub_card_load (folder, &error);
  g_assert_no_error (error);
  g_assert_true (json_object_has_member (gtf_hub_card_get_metadata (self), "a"));
  g_unlink (path);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hub/card/read", test_read);
  g_test_add_func ("/hub/card/bounds", test_bounds);
  g_test_add_func ("/hub/card/values", test_values);
  g_test_add_func ("/hub/card/complete", test_complete);
  g_test_add_func ("/hub/card/load", test_load);
  return g_test_run ();
}
