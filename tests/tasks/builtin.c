/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The built-in models of the text tasks do what they are there for: sentences whose answer nobody would dispute and that are in no
 * recipe. How good they are on more is measured by their recipes (data/builtin).
 */
#include "base/json.h"
#include "pipeline/pipeline.h"

static JsonNode *
run (const char *task, const char *model, const char *inputs, const char *parameters)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new (task, model, NULL, &error);
  g_autoptr (GtfResult) result = NULL;
  JsonNode *node;

  g_assert_no_error (error);
  result = gtf_pipeline_run (pipeline, inputs, parameters, NULL, &error);
  g_assert_no_error (error);
  node = json_from_string (gtf_result_to_json (result), &error);
  g_assert_no_error (error);
  return node;
}

static void
test_sentiment (void)
{
  static const struct { const char *text, *label; } rows[] = {
    { "I love this song, it makes me so happy!", "positive" },
    { "What a wonderful evening, thank you all.", "positive" },
    { "The soup was cold and the waiter was rude.", "negative" },
    { "This is the worst phone I have ever had.", "negative" },
    { "The lamp stands beside the window.", "neutral" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *inputs = g_strdup_printf ("\"%s\"", rows[i].text);
      g_autoptr (JsonNode) answer = run ("text-classification", "builtin/sentiment", inputs, NULL);

      g_test_message ("%s", rows[i].text);
      g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (json_node_get_array (answer), 0), "label"), ==, rows[i].label);
    }
}

static void
test_entities (void)
{
  static const struct { const char *text, *entities; } rows[] = {
    { "Maria went to Lisbon.", "PER Maria, LOC Lisbon" },
    { "My brother Thomas works in Canada.", "PER Thomas, LOC Canada" },
    { "In the evening everybody was at home.", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *inputs = g_strdup_printf ("\"%s\"", rows[i].text);
      g_autoptr (JsonNode) answer = run ("token-classification", "builtin/entities", inputs, "{\"aggregation_strategy\": \"simple\"}");
      JsonArray *list = json_node_get_array (answer);
      g_autoptr (GString) found = g_string_new (NULL);

      for (guint j = 0; j < json_array_get_length (list); j++)
        {
          JsonObject *entity = json_array_get_object_element (list, j);

          g_string_append_printf (found, "%s%s %s", j > 0 ? ", " : "", json_object_get_string_member (entity, "entity_group"),
                                  json_object_get_string_member (entity, "word"));
        }
      g_assert_cmpstr (found->str, ==, rows[i].entities);
    }
}

/* The sentence that means the same is the nearest. */
static void
test_embeddings (void)
{
  g_autoptr (JsonNode) answer = run ("sentence-similarity", "builtin/embeddings",
                                     "{\"source_sentence\": \"a small dog\", \"sentences\": [\"a young puppy\", \"a sum of money in a bank\", \"the theory of numbers\"]}", NULL);
  JsonArray *scores = json_node_get_array (answer);

  g_assert_cmpfloat (json_array_get_double_element (scores, 0), >, json_array_get_double_element (scores, 1));
  g_assert_cmpfloat (json_array_get_double_element (scores, 0), >, json_array_get_double_element (scores, 2));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tasks/builtin/sentiment", test_sentiment);
  g_test_add_func ("/tasks/builtin/entities", test_entities);
  g_test_add_func ("/tasks/builtin/embeddings", test_embeddings);
  return g_test_run ();
}
