/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/base/json-print.c: numbers as Python prints them, strings, order, styles.
 */
#include <locale.h>
#include <math.h>
#include "base/json-print.h"
#include "base/json.h"
#include "../../comma-locale.h"

static const struct
{
  double value;
  const char *text;             /* repr() of Python 3 */
} numbers[] = {
  { 0.0, "0.0" }, { -0.0, "-0.0" }, { 1.0, "1.0" }, { -2.5, "-2.5" }, { 0.1, "0.1" }, { 1.0 / 3, "0.3333333333333333" },
  { 0.0001, "0.0001" }, { 0.00001, "1e-05" }, { 0.000012345, "1.2345e-05" }, { 123456789.0, "123456789.0" },
  { 1e15, "1000000000000000.0" }, { 1e16, "1e+16" }, { 1.5e300, "1.5e+300" }, { 5e-324, "5e-324" }, { 1.7976931348623157e308, "1.7976931348623157e+308" },
  { 9007199254740993.0, "9007199254740992.0" }, { 29.98, "29.98" }, { 0.9999998807907104, "0.9999998807907104" }, { 100.0, "100.0" },
  { NAN, "null" }, { INFINITY, "null" }, { -INFINITY, "null" },
};

/* What a request with Python's numbers becomes: the same again, where it is read again, else null. */
static void
test_not_finite (void)
{
  static const char text[] = "{\"a\": [NaN, Infinity, -Infinity, 1.5]}";
  g_autoptr (JsonNode) node = gtf_json_parse ("test", text, -1, GTF_JSON_PYTHON, NULL);
  g_autofree char *request = gtf_json_print (node, GTF_JSON_REQUEST), *answer = gtf_json_print (node, GTF_JSON_COMPACT);

  g_assert_cmpstr (request, ==, text);
  g_assert_cmpstr (answer, ==, "{\"a\": [null, null, null, 1.5]}");
}

static void
test_numbers (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autoptr (GString) out = g_string_new (NULL);

      gtf_json_append_number (out, numbers[i].value);
      g_assert_cmpstr (out->str, ==, numbers[i].text);
    }
}

/* What is read back is the same number, for doubles of all sizes. */
static void
test_round_trip (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (guint i = 0; i < 3000; i++)
    {
      union { guint64 bits; double value; } u = { (guint64) g_rand_int (rand) << 32 | g_rand_int (rand) };
      g_autoptr (GString) out = g_string_new (NULL);

      if (!isfinite (u.value))
        continue;
      gtf_json_append_number (out, u.value);
      g_assert_true (g_ascii_strtod (out->str, NULL) == u.value);
    }
}

static const struct
{
  const char *in, *out;
} strings[] = {
  { "plain", "\"plain\"" }, { "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" }, { "\n\r\t\b\f\x01\x7f", "\"\\n\\r\\t\\u0008\\u000c\\u0001\\u007f\"" },
  { "Ångström 東京 😀", "\"Ångström 東京 😀\"" }, { "a\xC0\x80" "b", "\"a\\u0000b\"" }, { "a\xFF" "b", "\"a\xEF\xBF\xBD" "b\"" },
  { "\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"" }, { "cut \xE6\x9D", "\"cut \xEF\xBF\xBD\xEF\xBF\xBD\"" },
};

static void
test_strings (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    {
      g_autoptr (GString) out = g_string_new (NULL);

      gtf_json_append_string (out, strings[i].in);
      g_assert_cmpstr (out->str, ==, strings[i].out);
    }
}

static void
test_tree (void)
{
  const char *text = "{\"text\": \" a\", \"chunks\": [{\"text\": \" a\", \"timestamp\": [0.0, 1.5]}, {}], \"n\": null, \"b\": [true, false], \"i\": 9007199254740993, \"e\": []}";
  const char *pretty = "{\n  \"a\": [1, 2],\n  \"b\": [\n    {\n      \"c\": []\n    }\n  ],\n  \"d\": {}\n}";
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = gtf_json_parse ("test", text, -1, GTF_JSON_PYTHON, &error);
  g_autoptr (JsonNode) other = gtf_json_parse ("test", "{\"a\":[1,2],\"b\":[{\"c\":[]}],\"d\":{}}", -1, GTF_JSON_PYTHON, &error);
  g_autofree char *printed = NULL, *second = NULL;

  g_assert_no_error (error);
  printed = gtf_json_print (node, GTF_JSON_COMPACT);
  g_assert_cmpstr (printed, ==, text);
  second = gtf_json_print (other, GTF_JSON_PRETTY);
  g_assert_cmpstr (second, ==, pretty);
}

/* U+0000 survives the way through a tree where the flag asks for it. */
static void
test_nul (void)
{
  g_autoptr (JsonNode) kept = gtf_json_parse ("test", "\"a\\u0000b\"", -1, GTF_JSON_PYTHON | GTF_JSON_MODIFIED_UTF8, NULL);
  g_autoptr (JsonNode) lost = gtf_json_parse ("test", "\"a\\u0000b\"", -1, GTF_JSON_PYTHON, NULL);
  g_autofree char *text = gtf_json_print (kept, GTF_JSON_COMPACT);

  g_assert_cmpstr (text, ==, "\"a\\u0000b\"");
  g_assert_cmpstr (json_node_get_string (lost), ==, "a\xEF\xBF\xBD" "b");
}

/* The same under a locale with a decimal comma, where there is one. */
static void
test_locale (void)
{
  const char *name = comma_locale ();

  if (name == NULL)
    {
      g_test_skip ("no locale with a decimal comma is installed");
      return;
    }
  g_assert_nonnull (setlocale (LC_NUMERIC, name));
  g_assert_cmpstr (localeconv ()->decimal_point, ==, ",");
  test_numbers ();
  test_tree ();
  setlocale (LC_NUMERIC, "C");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/json-print/numbers", test_numbers);
  g_test_add_func ("/base/json-print/not-finite", test_not_finite);
  g_test_add_func ("/base/json-print/round-trip", test_round_trip);
  g_test_add_func ("/base/json-print/strings", test_strings);
  g_test_add_func ("/base/json-print/tree", test_tree);
  g_test_add_func ("/base/json-print/nul", test_nul);
  g_test_add_func ("/base/json-print/locale", test_locale);
  return g_test_run ();
}
