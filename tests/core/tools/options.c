/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/tools/options.c: arguments and --set.
 */
#include <string.h>
#include <glib/gstdio.h>
#include "base/json-print.h"
#include "tools/cli.h"

static const struct
{
  const char *settings[4];
  const char *json;             /* NULL: an error */
} settings[] = {
  { { "a=1" }, "{\"a\": 1}" },
  { { "a=1.5", "b=true", "c=null" }, "{\"a\": 1.5, \"b\": true, \"c\": null}" },
  { { "a=word" }, "{\"a\": \"word\"}" },
  { { "a=\"1\"" }, "{\"a\": \"1\"}" },
  { { "a=" }, "{\"a\": \"\"}" },
  { { "a=x=y" }, "{\"a\": \"x=y\"}" },
  { { "a=[1, \"b\"]" }, "{\"a\": [1, \"b\"]}" },
  { { "k.language=en", "k.num_beams=1", "k.deep.er=x" }, "{\"k\": {\"language\": \"en\", \"num_beams\": 1, \"deep\": {\"er\": \"x\"}}}" },
  { { "k=3", "k.a=1" }, "{\"k\": {\"a\": 1}}" },
  { { "a=1", "a=2" }, "{\"a\": 2}" },
  { { "a=Łódź" }, "{\"a\": \"Łódź\"}" },
  { { "a=1,5" }, "{\"a\": \"1,5\"}" },
  { { "a=/dev/nul" }, "{\"a\": \"/dev/nul\"}" },
  { { "nothing" }, NULL }, { { "=1" }, NULL }, { { ".a=1" }, NULL }, { { "a.=1" }, NULL }, { { "a..b=1" }, NULL }, { { "a=@/nowhere/at/all" }, NULL },
  { { "a=\xFF" }, NULL }, { { "\xFF=1" }, NULL },
};

static void
test_settings (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      g_autoptr (JsonObject) object = json_object_new ();
      g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
      g_autoptr (GError) error = NULL;
      gboolean good = TRUE;
      g_autofree char *json = NULL;

      for (guint k = 0; settings[i].settings[k] && good; k++)
        good = cli_apply_setting (object, settings[i].settings[k], &error);
      g_test_message ("case %u", i);
      g_assert_cmpint (good, ==, settings[i].json != NULL);
      g_assert_cmpint (error == NULL, ==, good);
      json = gtf_json_print (node, GTF_JSON_COMPACT);
      if (good)
        g_assert_cmpstr (json, ==, settings[i].json);
    }
}

static void
test_files (void)
{
  g_autofree char *path = NULL, *setting = NULL, *argument = NULL, *text = NULL;
  g_autoptr (JsonObject) object = json_object_new ();
  int fd = g_file_open_tmp ("gtf-set-XXXXXX", &path, NULL);

  g_assert_cmpint (fd, >=, 0);
  g_assert_true (g_file_set_contents (path, "from a file\n", -1, NULL));
  setting = g_strconcat ("context=@", path, NULL);
  argument = g_strconcat ("@", path, NULL);
  g_assert_true (cli_apply_setting (object, setting, NULL));
  g_assert_cmpstr (json_object_get_string_member (object, "context"), ==, "from a file");
  text = cli_read_text (argument, NULL);
  g_assert_cmpstr (text, ==, "from a file");
  g_assert_true (g_file_set_contents (path, "\xFF\xFE", -1, NULL));
  g_assert_null (cli_read_text (argument, NULL));
  remove (path);
  g_close (fd, NULL);
}

static const struct
{
  const char *line;             /* words between spaces */
  const char *expected;         /* "model flag inputs..."; NULL: an error */
} lines[] = {
  { "run x", "(null) 0 x" },
  { "run x --model m y", "m 0 x y" },
  { "run --model=m -q x", "m 1 x" },
  { "run -mm x", "m 0 x" },
  { "run -m m -- --x -y", "m 0 --x -y" },
  { "run - -m -", "- 0 -" },
  { "run --model", NULL },
  { "run --modle x", NULL },
  { "run --quiet=1", NULL },
  { "run -z", NULL },
};

static void
test_lines (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_auto (GStrv) argv = g_strsplit (lines[i].line, " ", -1);
      const char *model = NULL;
      gboolean quiet = FALSE;
      const CliOption options[] = {
        { "model", 'm', CLI_STRING, &model, "REF", "" }, { "quiet", 'q', CLI_FLAG, &quiet, NULL, "" }, { NULL }
      };
      g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
      g_autoptr (GString) got = g_string_new (NULL);
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (cli_parse_options ("run", (int) g_strv_length (argv), argv, options, arguments, &error), ==, lines[i].expected != NULL);
      if (lines[i].expected == NULL)
        continue;
      g_string_append_printf (got, "%s %d", model ? model : "(null)", quiet);
      for (guint k = 0; k < arguments->len; k++)
        g_string_append_printf (got, " %s", (char *) arguments->pdata[k]);
      g_assert_cmpstr (got->str, ==, lines[i].expected);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tools/options/settings", test_settings);
  g_test_add_func ("/tools/options/files", test_files);
  g_test_add_func ("/tools/options/lines", test_lines);
  return g_test_run ();
}
