/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Logits processors against rows that transformers processed (data/golden/generate/make.py).
 */
#include <math.h>
#include "generate/logits-processors.h"

static JsonNode *
load_cases (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "generate", "processors.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  return json_parser_steal_root (parser);
}

static float
element (JsonArray *array, guint i)
{
  return json_array_get_null_element (array, i) ? -INFINITY : (float) json_array_get_double_element (array, i);
}

static void
check_case (JsonObject *test)
{
  JsonArray *before = json_object_get_array_member (test, "logits"), *after = json_object_get_array_member (test, "processed");
  JsonArray *tokens = json_object_get_array_member (test, "ids");
  JsonObject *kwargs = json_object_get_object_member (test, "kwargs");
  g_autofree char *text = json_to_string (json_object_get_member (test, "kwargs"), FALSE);
  const gsize vocab = json_array_get_length (before), n_ids = json_array_get_length (tokens), n_prompt = json_object_get_int_member (test, "n_prompt");
  g_autoptr (JsonNode) eos = json_from_string ("{\"eos_token_id\": [3, 11]}", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfGenerationConfig) config = gtf_generation_config_new (json_node_get_object (eos), NULL, &error);
  g_assert_no_error (error);
  gtf_generation_config_update (config, kwargs, NULL, &error);
  g_assert_no_error (error);

  gsize max_new;
  gtf_generation_config_get_lengths (config, n_prompt, 0, &max_new, &error);
  g_assert_no_error (error);
  g_autoptr (GtfLogitsProcessorList) list = gtf_logits_processor_list_build (config, n_prompt, max_new, vocab, NULL, 1, 0, NULL, &error);
  g_assert_no_error (error);
  g_autofree float *logits = g_new (float, vocab), *scratch = g_new0 (float, 2 * vocab);
  g_autofree gint32 *ids = g_new (gint32, n_ids), *order = g_new (gint32, vocab);
  for (gsize i = 0; i < vocab; i++)
    logits[i] = element (before, i);
  for (gsize i = 0; i < n_ids; i++)
    ids[i] = json_array_get_int_element (tokens, i);
  const GtfLogitsStep step = { ids, n_ids, n_prompt, 0, 0, vocab, scratch, order };
  gtf_logits_processor_list_process (list, &step, logits);
  for (gsize i = 0; i < vocab; i++)
    {
      const float expected = element (after, i);
      if (logits[i] == expected || fabsf (logits[i] - expected) < 2e-5f * MAX (1, fabsf (expected)))
        continue;
      g_test_message ("%s: token %" G_GSIZE_FORMAT ": %g, not %g", text, i, logits[i], expected);
      g_test_fail ();
    }
}

static void
test_reference (void)
{
  g_autoptr (JsonNode) root = load_cases ();
  JsonArray *cases = json_node_get_array (root);
  g_assert_cmpuint (json_array_get_length (cases), >, 30);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    check_case (json_array_get_object_element (cases, i));
}

static void
add_one (gpointer data, const GtfLogitsStep *step, float *logits)
{
  logits[0] = logits[0] * 2 + GPOINTER_TO_INT (data);
}

/* A task's processor runs after the config's; one with the same name takes its place. */
static void
test_custom (void)
{
  static const GtfLogitsProcessor own = { "own", add_one, NULL }, instead = { "suppress_tokens", add_one, NULL };
  g_autoptr (JsonNode) node = json_from_string ("{\"suppress_tokens\": [0], \"remove_invalid_values\": true}", NULL);
  g_autoptr (GtfGenerationConfig) config = gtf_generation_config_new (json_node_get_object (node), NULL, NULL);
  g_autoptr (GtfLogitsProcessorList) custom = gtf_logits_processor_list_new ();
  gtf_logits_processor_list_append (custom, &own, GINT_TO_POINTER (1));
  gtf_logits_processor_list_append (custom, &instead, GINT_TO_POINTER (5));
  g_autoptr (GtfLogitsProcessorList) list = gtf_logits_processor_list_build (config, 1, 4, 2, NULL, 1, 0, custom, NULL);
  float logits[2] = { NAN, 3 }, scratch[4];
  gint32 ids[1] = { 0 }, order[2];
  const GtfLogitsStep step = { ids, 1, 1, 0, 0, 2, scratch, order };

  g_assert_cmpuint (gtf_logits_processor_list_get_length (list), ==, 3);
  gtf_logits_processor_list_process (list, &step, logits);
  g_assert_cmpfloat (logits[0], ==, 11);    /* NaN -> 0, then * 2 + 5, then * 2 + 1 */
}

static void
test_out_of_vocabulary (void)
{
  g_autoptr (JsonNode) node = json_from_string ("{\"bad_words_ids\": [[1], [70]]}", NULL);
  g_autoptr (GtfGenerationConfig) config = gtf_generation_config_new (json_node_get_object (node), NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_assert_null (gtf_logits_processor_list_build (config, 1, 4, 50, NULL, 1, 0, NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "bad_words_ids"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/generate/processors/reference", test_reference);
  g_test_add_func ("/generate/processors/custom", test_custom);
  g_test_add_func ("/generate/processors/out-of-vocabulary", test_out_of_vocabulary);
  return g_test_run ();
}
