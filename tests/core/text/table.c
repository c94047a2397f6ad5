/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tables and questions as TapasTokenizer makes tokens of them: data/golden/tables/cases.json, by its make.py. And tables that cannot be.
 */
#include <string.h>

#include "base/json.h"
#include "text/table.h"

static char *
golden (const char *name)
{
  return g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "tables", name, NULL);
}

static GtfTokenizer *
load (const char *name)
{
  g_autofree char *folder = golden (name);
  g_autoptr (GError) error = NULL;
  GtfTokenizer *tokenizer = gtf_tokenizer_load (folder, NULL, &error);

  g_assert_no_error (error);
  return tokenizer;
}

static void
add_texts (GPtrArray *cells, JsonArray *row)
{
  for (guint i = 0; i < json_array_get_length (row); i++)
    g_ptr_array_add (cells, (gpointer) json_array_get_string_element (row, i));
}

static gboolean
same (JsonArray *expected, const gint32 *found, gsize n)
{
  if (json_array_get_length (expected) != n)
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (json_array_get_int_element (expected, i) != found[i])
      return FALSE;
  return TRUE;
}

/* Whether a case comes out as it should; @error where it is none that can be encoded. */
static gboolean
check (GtfTokenizer *tokenizer, JsonObject *one, GError **error)
{
  JsonArray *names = json_object_get_array_member (one, "names"), *rows = json_object_get_array_member (one, "rows");
  g_autoptr (GPtrArray) cells = g_ptr_array_new ();
  g_autofree gint32 *ids = NULL, *types = NULL;
  g_autoptr (GtfTable) table = NULL;
  gsize n;

  add_texts (cells, names);
  for (guint i = 0; i < json_array_get_length (rows); i++)
    add_texts (cells, json_array_get_array_element (rows, i));
  table = gtf_table_new (tokenizer, (const char *const *) cells->pdata, json_array_get_length (rows), json_array_get_length (names), error);
  if (table == NULL || !gtf_table_encode (table, json_object_get_string_member (one, "question"), json_object_get_boolean_member (one, "drop_rows"), &n, &ids, &types, error))
    return json_object_has_member (one, "error");
  return !json_object_has_member (one, "error") && same (json_object_get_array_member (one, "ids"), ids, n)
         && same (json_object_get_array_member (one, "types"), types, n * GTF_TABLE_N_TYPES);
}

static void
test_group (gconstpointer data)
{
  JsonObject *group = (JsonObject *) data;
  g_autoptr (GtfTokenizer) tokenizer = load (json_object_get_string_member (group, "repository"));
  JsonArray *cases = json_object_get_array_member (group, "cases");
  guint failed = 0;

  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      if (check (tokenizer, json_array_get_object_element (cases, i), &error))
        continue;
      g_test_message ("case %u: %s: %s", i, json_object_get_string_member (json_array_get_object_element (cases, i), "question"), error ? error->message : "other tokens");
      failed++;
    }
  g_assert_cmpuint (failed, ==, 0);
}

/* A tokenizer of texts, and a table with more columns than there may be. */
static void
test_refused (void)
{
  static const char *const cells[] = { "a", "b", "c", "d", "1", "2", "3", "4" };
  g_autofree char *folder = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-tasks", "classes", NULL);
  g_autoptr (GtfTokenizer) plain = gtf_tokenizer_load (folder, NULL, NULL), narrow = load ("3");
  g_autoptr (GError) error = NULL;

  g_assert_null (gtf_table_new (plain, cells, 1, 4, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  g_assert_null (gtf_table_new (narrow, cells, 1, 4, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "4 columns"));
}

/* A long cell of numbers takes no more than its length. */
static void
test_long_cell (void)
{
  g_autoptr (GtfTokenizer) tokenizer = load ("0");
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree gint32 *ids = NULL, *types = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfTable) table = NULL;
  gsize n;

  for (guint i = 0; i < 50000; i++)
    g_string_append_printf (text, "%u may, ", i % 31);
  table = gtf_table_new (tokenizer, (const char *const[]) { "name", text->str }, 1, 1, &error);
  g_assert_no_error (error);
  g_assert_true (gtf_table_encode (table, "how many?", TRUE, &n, &ids, &types, &error));
  g_assert_cmpuint (n, <=, 64);
  g_assert_cmpuint (n, >, 50);
}

int
main (int argc, char **argv)
{
  g_autofree char *path = NULL, *text = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;
  JsonArray *groups;
  gsize length;

  g_test_init (&argc, &argv, NULL);
  path = golden ("cases.json");
  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  node = gtf_json_parse (path, text, (gssize) length, GTF_JSON_PYTHON, &error);
  g_assert_no_error (error);
  groups = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (groups); i++)
    {
      JsonObject *group = json_array_get_object_element (groups, i);
      g_autofree char *test = g_strdup_printf ("/text/table/%s", json_object_get_string_member (group, "repository"));

      g_test_add_data_func (test, group, test_group);
    }
  g_test_add_func ("/text/table/refused", test_refused);
  g_test_add_func ("/text/table/long-cell", test_long_cell);
  return g_test_run ();
}
