/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/pipeline/result.c: the typed accessors over answers of all shapes.
 */
#include "base/json.h"
#include "pipeline/result.h"

static GtfResult *
result_of (const char *json, const char *readable)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = gtf_json_parse ("test", json, -1, GTF_JSON_PYTHON, &error);

  g_assert_no_error (error);
  return gtf_result_new (node, readable);
}

static void
test_speech (void)
{
  g_autoptr (GtfResult) r = result_of ("{\"text\": \" a b\", \"chunks\": [{\"text\": \" a\", \"timestamp\": [0.0, 1.5], \"language\": \"english\"},"
                                       "{\"text\": \" b\", \"timestamp\": [2, null]}]}", NULL);

  g_assert_cmpstr (gtf_result_get_text (r), ==, " a b");
  g_assert_cmpstr (gtf_result_get_language (r), ==, "english");
  g_assert_cmpuint (gtf_result_get_n_chunks (r), ==, 2);
  g_assert_cmpstr (gtf_result_get_chunk_text (r, 1), ==, " b");
  g_assert_cmpfloat (gtf_result_get_chunk_start (r, 0), ==, 0);
  g_assert_cmpfloat (gtf_result_get_chunk_end (r, 0), ==, 1.5);
  g_assert_cmpfloat (gtf_result_get_chunk_start (r, 1), ==, 2);
  g_assert_cmpfloat (gtf_result_get_chunk_end (r, 1), ==, -1);
  g_assert_null (gtf_result_get_chunk_text (r, 2));
  g_assert_cmpuint (gtf_result_get_n_items (r), ==, 1);
}

static void
test_list (void)
{
  g_autoptr (GtfResult) r = result_of ("[{\"text\": \"one\"}, {\"text\": \"two\"}]", "readable");
  g_autoptr (GtfResult) second = gtf_result_get_item (r, 1);

  g_assert_cmpstr (gtf_result_get_text (r), ==, "readable");
  g_assert_cmpuint (gtf_result_get_n_items (r), ==, 2);
  g_assert_cmpstr (gtf_result_get_text (second), ==, "two");
  g_assert_null (gtf_result_get_item (r, 2));
  g_assert_cmpuint (gtf_result_get_n_chunks (r), ==, 0);
  g_assert_cmpstr (gtf_result_to_json (r), ==, "[{\"text\": \"one\"}, {\"text\": \"two\"}]");
}

static void
test_odd (void)
{
  const char *odd[] = { "null", "3", "\"x\"", "[]", "{}", "{\"text\": 3, \"chunks\": {}, \"language\": null}", "{\"chunks\": [1, null, {\"timestamp\": 3}, {\"timestamp\": []}]}" };

  for (guint i = 0; i < G_N_ELEMENTS (odd); i++)
    {
      g_autoptr (GtfResult) r = result_of (odd[i], NULL);

      g_assert_null (gtf_result_get_text (r));
      g_assert_null (gtf_result_get_language (r));
      for (guint c = 0; c < 5; c++)
        {
          g_assert_null (gtf_result_get_chunk_text (r, c));
          g_assert_cmpfloat (gtf_result_get_chunk_start (r, c), ==, -1);
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pipeline/result/speech", test_speech);
  g_test_add_func ("/pipeline/result/list", test_list);
  g_test_add_func ("/pipeline/result/odd", test_odd);
  return g_test_run ();
}
