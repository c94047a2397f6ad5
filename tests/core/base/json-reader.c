/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The pull reader: what it takes, what it refuses, and what it makes of the corners.
 */
#include "base/json.h"

#include <math.h>
#include <string.h>

/* One letter a token, so that a document's shape can be written down in a table. */
static char *
tokens_of (const char *text, gsize length, GtfJsonFlags flags, GError **error)
{
  static const char letters[] = "?.{}[]ksntf0";
  g_auto (GtfJsonReader) r = { 0 };
  g_autoptr (GString) out = g_string_new (NULL);
  GtfJsonToken token;

  gtf_json_reader_init (&r, "doc", text, length, flags);
  do
    {
      token = gtf_json_reader_next (&r, error);
      g_string_append_c (out, letters[token]);
    }
  while (token != GTF_JSON_ERROR && token != GTF_JSON_END);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
test_shapes (void)
{
  static const struct { const char *text, *tokens; } good[] = {
    { "{}", "{}." }, { " [ ] ", "[]." }, { "1", "n." }, { "\"a\"", "s." }, { "{\"a\":[1,2,{\"b\":null}],\"c\":true}", "{k[nn{k0}]kt}." },
    { "[[],{},\"\",-0,false]", "[[]{}snf]." }, { "\t\r\n[1 , 2 ]\n", "[nn]." }, { "[1e5,1E-5,0.5,-1.25e+3]", "[nnnn]." }, { "null", "0." },
    { "[\"\\u00e9\\n\\\"\\/\"]", "[s]." }, { "{\"\":0}", "{kn}." }, { "[\"\xc3\xa9\"]", "[s]." },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *tokens = tokens_of (good[i].text, strlen (good[i].text), GTF_JSON_STRICT, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (tokens, ==, good[i].tokens);
    }
}

static void
test_refused (void)
{
  static const struct { const char *text, *message; } bad[] = {
    { "", "byte 0: expected a value, found the end" }, { "{", "found the end" }, { "[1,]", "byte 3: expected a value, found ']'" },
    { "{\"a\":1,}", "a key in double quotes, found '}'" }, { "{a:1}", "a key in double quotes, found 'a'" }, { "[1 2]", "',' or ']'" },
    { "{\"a\" 1}", "expected ':'" }, { "{\"a\":}", "expected a value" }, { "[01]", "',' or ']'" }, { "[1.]", "a digit after the point" },
    { "[-]", "a digit" }, { "[1e]", "exponent" }, { "[.5]", "a value" }, { "[+1]", "a value" }, { "[NaN]", "a value" }, { "[Infinity]", "a value" },
    { "[-Infinity]", "a value" }, { "\"\\x\"", "an escape" }, { "\"\\u12g4\"", "hexadecimal" }, { "\"\\u12", "hexadecimal" }, { "\"abc", "ends inside a string" },
    { "\"abc\\", "ends inside a string" }, { "\"a\nb\"", "control character" }, { "\"\xff\"", "UTF-8" }, { "\"\xed\xa0\x80\"", "UTF-8" }, { "[1] x", "the end of the document" },
    { "// c\n1", "a value" }, { "[1}", "',' or ']'" }, { "\xef\xbb\xbf{}", "found byte 0xef" }, { "tru", "a value" }, { "{\"a\":1", "',' or '}'" },
    { "[\n\n1\n2]", "line 4, byte 5" }, { "['a']", "a value" }, { "{1:2}", "a key" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *tokens = tokens_of (bad[i].text, strlen (bad[i].text), GTF_JSON_STRICT, &error);

      g_assert_true (g_str_has_suffix (tokens, "?"));
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
      g_assert_true (g_str_has_prefix (error->message, "doc: line "));
      if (!strstr (error->message, bad[i].message))
        g_error ("%s: \"%s\" does not say \"%s\"", bad[i].text, error->message, bad[i].message);
    }
}

static void
test_strings (void)
{
  static const struct { const char *text; const char *value; gsize length; } cases[] = {
    { "\"abc\"", "abc", 3 }, { "\"\\u0041\\u00e9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac", 6 }, { "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4 },
    { "\"\\ud83d\"", "\xef\xbf\xbd", 3 }, { "\"\\ude00x\"", "\xef\xbf\xbdx", 4 }, { "\"\\ud83d\\u0041\"", "\xef\xbf\xbd" "A", 4 }, { "\"\\ud83d\\n\"", "\xef\xbf\xbd\n", 4 },
    { "\"a\\u0000b\"", "a\0b", 3 }, { "\"\\b\\f\\n\\r\\t\\\\\\/\\\"\"", "\b\f\n\r\t\\/\"", 8 }, { "\"\"", "", 0 }, { "\"\xc4\xa0the\"", "\xc4\xa0the", 5 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (GtfJsonReader) r = { 0 };
      g_autoptr (GError) error = NULL;
      const char *text;
      gsize length;

      gtf_json_reader_init (&r, NULL, cases[i].text, strlen (cases[i].text), GTF_JSON_STRICT);
      g_assert_true (gtf_json_reader_read_string (&r, &text, &length, &error));
      g_assert_cmpmem (text, length, cases[i].value, cases[i].length);
    }
}

/* What ends a string, wherever it lies among the eight bytes that are looked at at once; and white space of every length between. */
static void
test_places (void)
{
  static const struct { const char *text, *value; } rows[] = { { "\\n", "\n" }, { "\\\"", "\"" }, { "\xc3\xa9", "\xc3\xa9" }, { "\x7f", "\x7f" }, { "!", "!" }, { "\x1f", NULL }, { "\xff", NULL } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    for (gsize before = 0; before < 20; before++)
      for (gsize after = 0; after < 20; after++)
        {
          g_autofree char *left = g_strnfill (before, '['), *right = g_strnfill (after, ']'), *space = g_strnfill (after, ' ');
          g_autofree char *text = g_strdup_printf ("[%s\n%s\"%s%s%s\"\t%s,%s1 ,\"\"]", space, space, left, rows[i].text, right, space, space);
          g_autofree char *value = g_strdup_printf ("%s%s%s", left, rows[i].value ? rows[i].value : "", right), *exact = g_memdup2 (text, strlen (text));
          g_autofree char *found = tokens_of (exact, strlen (text), GTF_JSON_STRICT, NULL);
          g_auto (GtfJsonReader) r = { 0 };
          const char *string;
          gsize length;

          g_assert_cmpstr (found, ==, rows[i].value ? "[sns]." : "[?");
          gtf_json_reader_init (&r, "doc", exact, strlen (text), GTF_JSON_STRICT);
          g_assert_true (gtf_json_reader_expect (&r, GTF_JSON_BEGIN_ARRAY, NULL));
          g_assert_cmpint (gtf_json_reader_read_string (&r, &string, &length, NULL), ==, rows[i].value != NULL);
          if (rows[i].value)
            g_assert_cmpmem (string, length, value, strlen (value));
        }
}

static void
test_numbers (void)
{
  static const struct { const char *text; double value; gboolean integer; } cases[] = {
    { "0", 0, TRUE }, { "-1", -1, TRUE }, { "9223372036854775807", 9223372036854775807.0, TRUE }, { "-9223372036854775808", -9223372036854775808.0, TRUE },
    { "9223372036854775808", 9223372036854775808.0, FALSE }, { "1.5", 1.5, FALSE }, { "1e3", 1000, FALSE }, { "0.1", 0.1, FALSE }, { "-11.6875", -11.6875, FALSE },
    { "3.141592653589793", 3.141592653589793, FALSE }, { "1e400", HUGE_VAL, FALSE }, { "1e-400", 0, FALSE }, { "123456789012345678", 123456789012345678.0, TRUE },
    { "0.30000000000000004", 0.30000000000000004, FALSE }, { "-9.862987518310547", -9.862987518310547, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (GtfJsonReader) r = { 0 };
      g_autoptr (GError) error = NULL;
      gint64 integer;
      double value;

      gtf_json_reader_init (&r, NULL, cases[i].text, strlen (cases[i].text), GTF_JSON_STRICT);
      g_assert_true (gtf_json_reader_read_double (&r, &value, &error));
      g_assert_true (value == cases[i].value);
      g_assert_cmpint (gtf_json_reader_get_int (&r, G_MININT64, G_MAXINT64, &integer, NULL), ==, cases[i].integer);
    }
}

/* Every spelling of a random double must read back as the same bits as the C library makes of it. */
static void
test_numbers_random (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (guint i = 0; i < 20000; i++)
    {
      char text[64];
      g_auto (GtfJsonReader) r = { 0 };
      double value;

      g_snprintf (text, sizeof text, "%s%u.%0*u", g_rand_boolean (rand) ? "-" : "", g_rand_int (rand) >> g_rand_int_range (rand, 0, 32),
                  g_rand_int_range (rand, 1, 12), g_rand_int (rand) >> g_rand_int_range (rand, 0, 32));
      gtf_json_reader_init (&r, NULL, text, strlen (text), GTF_JSON_STRICT);
      g_assert_true (gtf_json_reader_read_double (&r, &value, NULL));
      g_assert_true (value == g_ascii_strtod (text, NULL));
    }
}

static void
test_python (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = gtf_json_parse ("doc", "[NaN, Infinity, -Infinity, -1]", -1, GTF_JSON_PYTHON, &error);
  JsonArray *array;

  g_assert_no_error (error);
  array = json_node_get_array (node);
  g_assert_true (isnan (json_array_get_double_element (array, 0)));
  g_assert_true (json_array_get_double_element (array, 1) == HUGE_VAL);
  g_assert_true (json_array_get_double_element (array, 2) == -HUGE_VAL);
  g_assert_cmpint (json_array_get_int_element (array, 3), ==, -1);
}

static void
test_depth (void)
{
  static const guint depths[] = { 1, GTF_JSON_MAX_DEPTH, GTF_JSON_MAX_DEPTH + 1, 100000 };

  for (gsize i = 0; i < G_N_ELEMENTS (depths); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = NULL;
      g_autofree char *text = g_malloc (2 * depths[i]);

      memset (text, '[', depths[i]);
      memset (text + depths[i], ']', depths[i]);
      node = gtf_json_parse ("doc", text, 2 * depths[i], GTF_JSON_STRICT, &error);
      if (depths[i] <= GTF_JSON_MAX_DEPTH)
        g_assert_nonnull (node);
      else
        g_assert_true (strstr (error->message, "nested too deeply") != NULL);
    }
}

/* The value of "vocab" is read after "type", which comes later in the text. */
static void
test_fork (void)
{
  static const char text[] = "{\"vocab\": {\"a\": 0, \"b\": 1}, \"list\": [1, [2]], \"type\": \"BPE\"}";
  g_auto (GtfJsonReader) r = { 0 }, vocab = { 0 };
  g_autoptr (GError) error = NULL;
  const char *key;
  gsize length;
  gint64 sum = 0, id;

  gtf_json_reader_init (&r, "doc", text, strlen (text), GTF_JSON_STRICT);
  g_assert_true (gtf_json_reader_expect (&r, GTF_JSON_BEGIN_OBJECT, &error));
  while (gtf_json_reader_next_key (&r, &key, &length, &error))
    {
      if (gtf_json_reader_string_is (&r, "vocab"))
        g_assert_true (gtf_json_reader_fork (&r, &vocab, &error));
      else
        g_assert_true (gtf_json_reader_skip (&r, &error));
    }
  g_assert_no_error (error);
  g_assert_cmpint (gtf_json_reader_next (&r, &error), ==, GTF_JSON_END);
  g_assert_true (gtf_json_reader_expect (&vocab, GTF_JSON_BEGIN_OBJECT, &error));
  while (gtf_json_reader_next_key (&vocab, &key, &length, &error))
    {
      g_assert_true (gtf_json_reader_read_int (&vocab, 0, 10, &id, &error));
      sum += id + 1;
    }
  g_assert_no_error (error);
  g_assert_cmpint (sum, ==, 3);
  g_assert_cmpint (gtf_json_reader_next (&vocab, &error), ==, GTF_JSON_END);
}

static void
test_tree (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object = gtf_json_parse_object ("doc", "{\"a\":{\"b\":[1,\"x\\u0000y\"]},\"n\":null,\"a2\":1,\"a2\":2}", -1, GTF_JSON_STRICT, &error);
  g_autoptr (JsonObject) list = NULL;

  g_assert_no_error (error);
  g_assert_cmpint (json_node_get_int (gtf_json_find (object, "a2")), ==, 2);
  g_assert_null (gtf_json_find (object, "n"));
  g_assert_null (gtf_json_find (object, "a.c"));
  g_assert_null (gtf_json_find (object, "a2.c"));
  g_assert_cmpstr (json_array_get_string_element (json_node_get_array (gtf_json_find (object, "a.b")), 1), ==, "x\357\277\275y");
  list = gtf_json_parse_object ("doc", "[1]", -1, GTF_JSON_STRICT, &error);
  g_assert_null (list);
  g_assert_cmpstr (error->message, ==, "doc: expected a JSON object, found a list");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/json-reader/shapes", test_shapes);
  g_test_add_func ("/base/json-reader/refused", test_refused);
  g_test_add_func ("/base/json-reader/strings", test_strings);
  g_test_add_func ("/base/json-reader/places", test_places);
  g_test_add_func ("/base/json-reader/numbers", test_numbers);
  g_test_add_func ("/base/json-reader/numbers-random", test_numbers_random);
  g_test_add_func ("/base/json-reader/python", test_python);
  g_test_add_func ("/base/json-reader/depth", test_depth);
  g_test_add_func ("/base/json-reader/fork", test_fork);
  g_test_add_func ("/base/json-reader/tree", test_tree);
  return g_test_run ();
}
