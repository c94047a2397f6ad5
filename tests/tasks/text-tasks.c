/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tasks over text against what the reference answers on tiny repositories: data/golden/text-tasks/cases.json and cases-457.json,
 * made by its make.py, cases-tables.json, by tables.py, cases-typed.json, by typed.py, cases-t5.json, by t5.py, and cases-adapters.json, by adapters.py. Keys must come in the same order; numbers may differ by a thousandth. Besides: what a batch answers is what
 * its texts answer alone, and pages and terminals get their views.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "base/json-print.h"
#include "base/json.h"
#include "model/model.h"
#include "pipeline/pipeline.h"
#include "text/tokenizer.h"

#define TOLERANCE 1e-3

static char *
golden (const char *name)
{
  return g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-tasks", name, NULL);
}

/* @adapter: (nullable) */
static GtfPipeline *
open_with (const char *task, const char *repository, const char *adapter)
{
  g_autofree char *folder = golden (repository), *other = adapter ? golden (adapter) : NULL, *options = other ? g_strdup_printf ("{\"adapter\": \"%s\"}", other) : NULL;
  g_autoptr (GError) error = NULL;
  GtfPipeline *pipeline = gtf_pipeline_new (task, folder, options, &error);

  g_assert_no_error (error);
  return pipeline;
}

static GtfPipeline *
open_pipeline (const char *task, const char *repository)
{
  return open_with (task, repository, NULL);
}

/* ---- comparing ----------------------------------------------------------------------------------------------------------------- */

static gboolean
is_number (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && (json_node_get_value_type (node) == G_TYPE_DOUBLE || json_node_get_value_type (node) == G_TYPE_INT64);
}

static gboolean same (JsonNode *a, JsonNode *b);

static gboolean
same_objects (JsonObject *a, JsonObject *b)
{
  g_autoptr (GList) left = json_object_get_members (a), right = json_object_get_members (b);
  GList *l = left, *r = right;

  for (; l && r; l = l->next, r = r->next)
    if (strcmp (l->data, r->data) != 0 || !same (json_object_get_member (a, l->data), json_object_get_member (b, r->data)))
      return FALSE;
  return l == NULL && r == NULL;
}

static gboolean
same (JsonNode *a, JsonNode *b)
{
  if (JSON_NODE_HOLDS_OBJECT (a) && JSON_NODE_HOLDS_OBJECT (b))
    return same_objects (json_node_get_object (a), json_node_get_object (b));
  if (JSON_NODE_HOLDS_ARRAY (a) && JSON_NODE_HOLDS_ARRAY (b))
    {
      JsonArray *x = json_node_get_array (a), *y = json_node_get_array (b);

      if (json_array_get_length (x) != json_array_get_length (y))
        return FALSE;
      for (guint i = 0; i < json_array_get_length (x); i++)
        if (!same (json_array_get_element (x, i), json_array_get_element (y, i)))
          return FALSE;
      return TRUE;
    }
  if (is_number (a) && is_number (b))
    return fabs (json_node_get_double (a) - json_node_get_double (b)) <= TOLERANCE * MAX (1, fabs (json_node_get_double (a)));
  return json_node_equal (a, b);
}

/* ---- the reference's answers --------------------------------------------------------------------------------------------------- */

static gboolean
is_error (JsonNode *expected)
{
  return JSON_NODE_HOLDS_OBJECT (expected) && json_object_has_member (json_node_get_object (expected), "error");
}

/* What is wrong, or NULL. (transfer full) */
static char *
check (GtfPipeline *pipeline, JsonObject *one)
{
  JsonNode *expected = json_object_get_member (one, "expected");
  g_autofree char *inputs = gtf_json_print (json_object_get_member (one, "inputs"), GTF_JSON_COMPACT);
  g_autofree char *parameters = gtf_json_print (json_object_get_member (one, "parameters"), GTF_JSON_COMPACT);
  g_autofree char *wanted = gtf_json_print (expected, GTF_JSON_COMPACT);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) result = gtf_pipeline_run (pipeline, inputs, parameters, NULL, &error);

  if (is_error (expected) ? result == NULL && error->domain == GTF_ERROR && *error->message : result != NULL && same (expected, gtf_result_get_node (result)))
    return NULL;
  return g_strdup_printf ("%.300s %s\n#   expected %.600s\n#   found    %.600s", inputs, parameters, wanted, result ? gtf_result_to_json (result) : error->message);
}

static void
test_group (gconstpointer data)
{
  JsonObject *group = (JsonObject *) data;
  g_autoptr (GtfPipeline) pipeline = open_with (json_object_get_string_member (group, "task"), json_object_get_string_member (group, "repository"),
                                                json_object_get_string_member_with_default (group, "adapter", NULL));
  JsonArray *cases = json_object_get_array_member (group, "cases");
  guint failed = 0;

  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      g_autofree char *wrong = check (pipeline, json_array_get_object_element (cases, i));

      if (wrong)
        g_test_message ("%s: %s", json_object_get_string_member (group, "repository"), wrong);
      failed += wrong != NULL;
    }
  g_assert_cmpuint (json_array_get_length (cases), >, 0);
  g_assert_cmpuint (failed, ==, 0);
}

static JsonArray *
add_groups (const char *name)
{
  g_autofree char *path = golden (name), *text = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;
  JsonArray *groups;
  gsize length;

  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  node = gtf_json_parse (path, text, (gssize) length, GTF_JSON_PYTHON, &error);
  g_assert_no_error (error);
  groups = json_array_ref (json_node_get_array (node));
  for (guint i = 0; i < json_array_get_length (groups); i++)
    {
      JsonObject *group = json_array_get_object_element (groups, i);
      const char *repository = json_object_get_string_member_with_default (group, "adapter", json_object_get_string_member (group, "repository"));
      g_autofree char *test = g_strdup_printf ("/tasks/text/%s/%s", json_object_get_string_member (group, "task"), repository);

      g_test_add_data_func (test, group, test_group);
    }
  return groups;
}

/* ---- batches ------------------------------------------------------------------------------------------------------------------- */

/* Each text of a long and mixed batch answers what it answers alone. */
static void
test_batch (void)
{
  g_autoptr (GtfPipeline) pipeline = open_pipeline ("text-classification", "classes");
  g_autoptr (GString) list = g_string_new ("[");
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) all = NULL;
  GString *texts[300];

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      texts[i] = g_string_new ("\"");
      for (guint w = 0; w < 1 + i * 7 % 40; w++)
        g_string_append_printf (texts[i], "ships %u ", (i * 31 + w * 17) % 10);
      g_string_append_c (texts[i], '"');
      g_string_append_printf (list, "%s%s", i ? ", " : "", texts[i]->str);
    }
  g_string_append_c (list, ']');
  all = gtf_pipeline_run (pipeline, list->str, "{\"top_k\": null, \"truncation\": true}", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (gtf_result_get_n_items (all), ==, G_N_ELEMENTS (texts));
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GtfResult) alone = gtf_pipeline_run (pipeline, texts[i]->str, "{\"top_k\": null, \"truncation\": true}", NULL, &error);
      g_autoptr (GtfResult) together = gtf_result_get_item (all, i);

      g_assert_no_error (error);
      g_assert_true (same (gtf_result_get_node (alone), gtf_result_get_node (together)));
      g_string_free (texts[i], TRUE);
    }
}

/* A context far longer than the model takes is read in windows. */
static void
test_long_context (void)
{
  g_autoptr (GtfPipeline) pipeline = open_pipeline ("question-answering", "answers");
  g_autoptr (GString) request = g_string_new ("{\"question\": \"Who?\", \"context\": \"");
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) result = NULL;

  for (guint i = 0; i < 2000; i++)
    g_string_append (request, "Maria counted ships. ");
  g_string_append (request, "\"}");
  result = gtf_pipeline_run (pipeline, request->str, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (json_object_has_member (json_node_get_object (gtf_result_get_node (result)), "answer"));
}

/* U+0000 of a request reaches the tokenizer and comes back. */
static void
test_nul (void)
{
  g_autoptr (GtfPipeline) pipeline = open_pipeline ("token-classification", "tags-bytes");
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) result = gtf_pipeline_run (pipeline, "\"a\\u0000b\"", "{\"ignore_labels\": []}", NULL, &error);
  JsonArray *list;

  g_assert_no_error (error);
  list = json_node_get_array (gtf_result_get_node (result));
  g_assert_cmpuint (json_array_get_length (list), ==, 4);
  g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (list, 2), "word"), ==, "\u0100");
  g_assert_cmpint (json_object_get_int_member (json_array_get_object_element (list, 2), "start"), ==, 1);
  g_assert_cmpint (json_object_get_int_member (json_array_get_object_element (list, 3), "start"), ==, 2);
}

/* ---- wrong repositories -------------------------------------------------------------------------------------------------------- */

static void
test_wrong_head (void)
{
  static const struct
  {
    const char *task, *repository, *mentions;
  } cases[] = {
    { "text-classification", "masked", "BertForMaskedLM" }, { "token-classification", "classes", "ForTokenClassification" }, { "question-answering", "tags", "ForQuestionAnswering" },
    { "fill-mask", "answers", "ForMaskedLM" }, { "zero-shot-classification", "sentences", "BertModel" }, { "text-ranking", "tags", "ForSequenceClassification" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *folder = golden (cases[i].repository);
      g_autoptr (GError) error = NULL;

      g_assert_null (gtf_pipeline_new (cases[i].task, folder, NULL, &error));
      g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
      g_assert_nonnull (strstr (error->message, cases[i].mentions));
      g_assert_nonnull (strstr (error->message, cases[i].task));
    }
}

/* The task that a repository is for. */
static void
test_auto (void)
{
  static const char *const cases[][2] = {
    { "classes", "text-classification" }, { "tags", "token-classification" }, { "answers", "question-answering" }, { "masked", "fill-mask" },
    { "sentences", "sentence-embedding" }, { "one", "text-ranking" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfPipeline) pipeline = open_pipeline ("auto", cases[i][0]);

      g_assert_cmpstr (gtf_pipeline_get_task (pipeline), ==, cases[i][1]);
    }
}

/* ---- views ----------------------------------------------------------------------------------------------------------------------- */

static void
test_views (void)
{
  static const struct
  {
    const char *task, *repository, *inputs, *parameters;
    gboolean shows_input;
  } cases[] = {
    { "text-classification", "classes", "[\"<ships>\", \"tea\"]", "{\"top_k\": null}", TRUE },
    { "token-classification", "tags", "\"Maria <in> Oslo\"", "{\"ignore_labels\": []}", TRUE },
    { "question-answering", "answers", "{\"question\": \"Who?\", \"context\": \"<Maria> or Anna\"}", "{\"top_k\": 3}", FALSE },
    { "fill-mask", "masked", "\"a [MASK] <tea>\"", NULL, FALSE },
    { "zero-shot-classification", "nli", "\"<ships>\"", "{\"candidate_labels\": \"tea, <b>\"}", TRUE },
    { "sentence-similarity", "masked", "{\"source_sentence\": \"tea\", \"sentences\": [\"<tea>\", \"ships\"]}", NULL, TRUE },
    { "text-ranking", "one", "{\"query\": \"tea\", \"texts\": [\"<tea>\", \"ships\"]}", NULL, TRUE },
    { "sentence-similarity", "masked", "null", "{\"source_sentence\": \"tea\", \"sentences\": [\"<tea>\", \"ships\"]}", TRUE },
    { "text-ranking", "one", "null", "{\"query\": \"tea\", \"texts\": [\"<tea>\", \"ships\"]}", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfPipeline) pipeline = open_pipeline (cases[i].task, cases[i].repository);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfResult) result = gtf_pipeline_run (pipeline, cases[i].inputs, cases[i].parameters, NULL, &error);
      g_autofree char *page = NULL, *terminal = NULL;

      g_assert_no_error (error);
      page = gtf_result_render (result, "html");
      terminal = gtf_result_render (result, "terminal");
      g_assert_true (g_str_has_prefix (page, "<!DOCTYPE html>"));
      g_assert_true (g_str_has_suffix (page, "</html>\n"));
      if (cases[i].shows_input)
        g_assert_nonnull (strstr (page, "&lt;"));
      g_assert_null (strstr (page, "<ships>"));
      g_assert_null (strstr (page, "<tea>"));
      g_assert_true (*terminal != '\0');
      if (strcmp (cases[i].task, "token-classification") == 0)
        g_assert_nonnull (strstr (terminal, "\033[4;"));
      g_assert_null (strstr (gtf_result_get_readable (result), "\033["));
      g_assert_null (gtf_result_render (result, "pdf"));
    }
}

/* What is saved has the adapter in it. */
static void
test_adapter_saved (void)
{
  g_autoptr (GtfPipeline) with = open_with ("fill-mask", "masked", "adapters/stabilised"), saved = NULL;
  g_autofree char *folder = g_dir_make_tmp ("gtf-adapter-XXXXXX", NULL), *base = golden ("masked"), *adapter = golden ("adapters/stabilised");
  g_autofree char *options = g_strdup_printf ("{\"adapter\": \"%s\"}", adapter);
  g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (base, NULL, NULL);
  g_autoptr (GtfModel) model = gtf_model_load (base, options, NULL, NULL);
  g_autoptr (GtfResult) expected = NULL, found = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *text = "\"The old [MASK] of Lisbon\"", *name;

  g_assert_true (gtf_model_save_pretrained (model, folder, NULL, NULL, &error));
  g_assert_true (gtf_tokenizer_save_pretrained (tokenizer, folder, &error));
  saved = gtf_pipeline_new ("fill-mask", folder, NULL, &error);
  g_assert_no_error (error);
  expected = gtf_pipeline_run (with, text, NULL, NULL, &error);
  found = gtf_pipeline_run (saved, text, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (same (gtf_result_get_node (expected), gtf_result_get_node (found)));
  dir = g_dir_open (folder, 0, NULL);
  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_unlink (path);
    }
  g_rmdir (folder);
}

/* An adapter that is named as the model brings its base; what is in the folder, and whether there is a base, is told. */
static void
test_adapter_alone (void)
{
  static const struct { const char *base, *message; } cases[] = { { "masked", NULL }, { "nowhere", "nowhere" }, { NULL, "base_model_name_or_path" } };
  g_autofree char *weights = golden ("adapters/directions/adapter_model.safetensors"), *folder = g_dir_make_tmp ("gtf-adapter-XXXXXX", NULL);
  g_autofree char *link = g_build_filename (folder, "adapter_model.safetensors", NULL), *config = g_build_filename (folder, "adapter_config.json", NULL);

  g_assert_cmpint (symlink (weights, link), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *base = cases[i].base ? golden (cases[i].base) : NULL;
      g_autofree char *text = base ? g_strdup_printf ("{\"peft_type\": \"LORA\", \"task_type\": \"TOKEN_CLS\", \"base_model_name_or_path\": \"%s\"}", base)
                                   : g_strdup ("{\"peft_type\": \"LORA\"}");
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfPipeline) pipeline = NULL;

      g_assert_true (g_file_set_contents (config, text, -1, NULL));
      pipeline = gtf_pipeline_new ("token-classification", folder, NULL, &error);
      if (cases[i].message == NULL)
        g_assert_no_error (error);
      else if (error == NULL || strstr (error->message, cases[i].message) == NULL)
        g_error ("\"%s\" does not say \"%s\"", error ? error->message : "no error", cases[i].message);
    }
  g_unlink (link);
  g_unlink (config);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonArray) five = NULL, four = NULL, tables = NULL, typed = NULL, t5 = NULL, adapters = NULL;

  g_test_init (&argc, &argv, NULL);
  five = add_groups ("cases.json");
  four = add_groups ("cases-457.json");
  tables = add_groups ("cases-tables.json");
  typed = add_groups ("cases-typed.json");
  t5 = add_groups ("cases-t5.json");
  adapters = add_groups ("cases-adapters.json");
  g_test_add_func ("/tasks/text/adapter-alone", test_adapter_alone);
  g_test_add_func ("/tasks/text/adapter-saved", test_adapter_saved);
  g_test_add_func ("/tasks/text/batch", test_batch);
  g_test_add_func ("/tasks/text/long-context", test_long_context);
  g_test_add_func ("/tasks/text/nul", test_nul);
  g_test_add_func ("/tasks/text/wrong-head", test_wrong_head);
  g_test_add_func ("/tasks/text/auto", test_auto);
  g_test_add_func ("/tasks/text/views", test_views);
  return g_test_run ();
}
