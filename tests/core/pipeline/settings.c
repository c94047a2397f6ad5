/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/pipeline/settings.c: KEY=VALUE lists, as the elements' property `parameters` takes them. One by one they are tested in
 * tests/core/tools/options.c.
 */
#include "pipeline/settings.h"

static const struct
{
  const char *text;
  const char *json;             /* NULL: an error */
} cases[] = {
  { NULL, "{}" },
  { "", "{}" },
  { "  ", "{}" },
  { "a=1", "{\"a\": 1}" },
  { "a=1, b = word ,c=true", "{\"a\": 1, \"b\": \"word\", \"c\": true}" },
  { "a=[1, 2],b={\"x\": \"1,2\"}", "{\"a\": [1, 2], \"b\": {\"x\": \"1,2\"}}" },
  { "a=\"x,\\\",y\",b=2", "{\"a\": \"x,\\\",y\", \"b\": 2}" },
  { "k.language=en,k.num_beams=1", "{\"k\": {\"language\": \"en\", \"num_beams\": 1}}" },
  { "k=3,k.a=1", "{\"k\": {\"a\": 1}}" },
  { "a=NaN,b=-Infinity", "{\"a\": \"NaN\", \"b\": \"-Infinity\"}" },
  { "a=", "{\"a\": \"\"}" },
  { " {\"a\": {\"b\": 1}}", "{\"a\": {\"b\": 1}}" },
  { "a", NULL }, { "=1", NULL }, { "a=1,,b=2", NULL }, { "a..b=1", NULL }, { ".=1", NULL }, { "{\"a\": ", NULL }, { "{} x", NULL }, { "a=\xFF", NULL },
  { "\xFF=1", NULL }, { "\xFF", NULL },
};

static void
test_lists (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *json = gtf_parameters_to_json (cases[i].text, &error);

      g_test_message ("case %u", i);
      g_assert_cmpstr (json, ==, cases[i].json);
      g_assert_true ((error == NULL) == (cases[i].json != NULL));
      if (error && !g_utf8_validate (error->message, -1, NULL))
        g_error ("case %u: a message that is not UTF-8", i);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pipeline/settings/lists", test_lists);
  return g_test_run ();
}
