/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of bounds for numbers of JSON objects.
 */
#include "base/params.h"
#include "base/quote.h"

#include <math.h>
#include <string.h>

typedef struct
{
  gint64 number, nested;
  double ratio, any;
  gboolean flag;
  char *text;
  JsonNode *node;
} Out;

static const GtfParam table[] = {
  GTF_PARAM_INT_FIELD (Out, number, "number", -5, 100),
  GTF_PARAM_INT_FIELD (Out, nested, "a.b", 0, G_MAXINT64),
  GTF_PARAM_FLOAT_FIELD (Out, ratio, "ratio", 0, 1),
  GTF_PARAM_FLOAT_FIELD (Out, any, "any", -INFINITY, INFINITY),
  GTF_PARAM_BOOL_FIELD (Out, flag, "flag"),
  GTF_PARAM_STRING_FIELD (Out, text, "text"),
  GTF_PARAM_NODE_FIELD (Out, node, "node"),
  GTF_PARAMS_END
};

static gboolean
read_text (const char *text, GtfParamsFlags flags, Out *out, GError **error)
{
  g_autoptr (JsonObject) object = gtf_json_parse_object ("request", text, -1, GTF_JSON_PYTHON, error);
  gboolean ok = gtf_params_read (table, object, "parameters", flags, out, error);

  out->node = NULL;
  return ok;
}

static void
test_good (void)
{
  Out out = { .number = 7, .ratio = 0.5 };
  g_autoptr (GError) error = NULL;

  g_assert_true (read_text ("{\"number\":null,\"ratio\":1,\"any\":-Infinity,\"flag\":true,\"text\":\"x\",\"node\":[],\"a\":{\"b\":9223372036854775807}}", GTF_PARAMS_CLOSED, &out, &error));
  g_assert_cmpint (out.number, ==, 7);
  g_assert_cmpfloat (out.ratio, ==, 1);
  g_assert_true (isinf (out.any) && out.flag);
  g_assert_cmpint (out.nested, ==, G_MAXINT64);
  g_assert_cmpstr (out.text, ==, "x");
  g_assert_true (read_text ("{\"number\":-5.0,\"text\":\"y\",\"any\":NaN,\"flag\":0,\"unknown\":1}", GTF_PARAMS_DEFAULT, &out, &error));
  g_assert_cmpint (out.number, ==, -5);
  g_assert_cmpstr (out.text, ==, "y");
  g_assert_true (isnan (out.any) && !out.flag);
  g_free (out.text);
}

static void
test_bad (void)
{
  static const struct { const char *json, *message; } cases[] = {
    { "{\"number\":-6}", "parameters: \"number\": expected an integer from -5 to 100, found -6" }, { "{\"number\":101}", "found 101" }, { "{\"number\":1.5}", "found 1.5" },
    { "{\"number\":1e300}", "found 1e+300" }, { "{\"number\":NaN}", "found nan" }, { "{\"number\":\"1\"}", "the string \"1\"" }, { "{\"number\":true}", "found true" },
    { "{\"number\":9223372036854775807}", "found 9223372036854775807" }, { "{\"ratio\":1.01}", "a number from 0 to 1, found 1.01" }, { "{\"ratio\":NaN}", "found nan" },
    { "{\"ratio\":-1}", "found -1" }, { "{\"ratio\":{}}", "found an object" }, { "{\"flag\":2}", "true or false, found 2" }, { "{\"flag\":\"true\"}", "the string" },
    { "{\"text\":1}", "a string, found 1" }, { "{\"a\":{\"b\":-1}}", "\"a.b\"" }, { "{\"number\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\u00E9\u00E9\"}", "xxx\u00E9\"" },
    { "{\"nmber\":1}", "parameters: \"nmber\" is unknown" }, { "{\"a.b\":1}", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      Out out = { 0 };
      gboolean ok = read_text (cases[i].json, GTF_PARAMS_CLOSED, &out, &error);

      if (!*cases[i].message)
        continue;
      g_assert_false (ok);
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      if (!strstr (error->message, cases[i].message))
        g_error ("%s: \"%s\" does not say \"%s\"", cases[i].json, error->message, cases[i].message);
    }
}

/* Cut between characters, never within one. */
static void
test_quote (void)
{
  g_autoptr (GString) text = g_string_new (NULL), expected = NULL;
  g_autofree char *whole = gtf_quote ("Zo\u00EB", -1), *part = gtf_quote ("Zo\u00EB", 3), *cut = NULL, *longest = NULL;

  g_assert_cmpstr (whole, ==, "Zo\u00EB");
  g_assert_cmpstr (part, ==, "Zo\uFFFD");
  for (guint i = 0; i < 59; i++)
    g_string_append_c (text, 'x');
  expected = g_string_new (text->str);
  g_string_append (expected, "\u00E9");
  g_string_append (text, "\u00E9\u00E9");
  cut = gtf_quote (text->str, -1);
  g_assert_cmpstr (cut, ==, expected->str);
  g_string_truncate (text, 0);
  for (guint i = 0; i < 61; i++)
    g_string_append (text, "\U0001F600");
  longest = gtf_quote (text->str, (gssize) text->len);
  g_assert_cmpint (g_utf8_strlen (longest, -1), ==, 60);
  g_assert_true (g_str_has_prefix (text->str, longest));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/params/good", test_good);
  g_test_add_func ("/base/params/bad", test_bad);
  g_test_add_func ("/base/quote", test_quote);
  return g_test_run ();
}
