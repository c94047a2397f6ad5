/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which head a task takes: repositories whose config.json names no class, one that the module does not know, or the bare model answer
 * as with the right class, as the AutoModelFor... classes of transformers load them; without the weights of the head there is one error.
 */
#include <string.h>

#include "../core/tools/spoil.h"
#include "model/model.h"
#include "pipeline/pipeline.h"
#include "tensor/tensor-private.h"

static char *golden, *scratch;

static void
set_class (const char *architectures)
{
  spoil_member (scratch, "config.json", "architectures", architectures);
}

/* ---- answers ----------------------------------------------------------------------------------------------------------------- */

#define PICTURE "\"$P\""

static const struct
{
  const char *task, *repository, *architectures, *inputs, *parameters;
} same_answers[] = {
  { "text-classification", "text-tasks/classes", NULL, "\"the river\"", NULL },
  { "text-classification", "text-tasks/classes", "null", "\"the river\"", NULL },
  { "text-classification", "text-tasks/classes", "[]", "\"the river\"", NULL },
  { "text-classification", "text-tasks/classes", "[\"BertForSomethingElse\"]", "\"the river\"", NULL },
  { "text-classification", "text-tasks/classes", "[\"BertModel\"]", "\"the river\"", NULL },
  { "sentiment-analysis", "text-tasks/regression", NULL, "\"the river\"", NULL },
  { "text-ranking", "text-tasks/one", NULL, "{\"query\": \"the\", \"texts\": [\"river\", \"a\"]}", NULL },
  { "zero-shot-classification", "text-tasks/nli", NULL, "\"the river\"", "{\"candidate_labels\": [\"x\", \"y\"]}" },
  { "ner", "text-tasks/tags", NULL, "\"the river\"", NULL },
  { "question-answering", "text-tasks/answers", NULL, "{\"question\": \"who\", \"context\": \"the river\"}", NULL },
  { "fill-mask", "text-tasks/masked", NULL, "\"a [MASK]\"", NULL },
  { "fill-mask", "text-tasks/masked", "[\"BertModel\"]", "\"a [MASK]\"", NULL },
  { "table-question-answering", "text-tasks/tables", NULL, "{\"table\": {\"a\": [\"1\"]}, \"query\": \"the\"}", NULL },
  { "feature-extraction", "text-tasks/masked", NULL, "\"the river\"", NULL },
  { "sentence-embedding", "text-tasks/masked", NULL, "\"the river\"", NULL },
  { "sentence-embedding", "text-tasks/classes", "[\"BertForMaskedLM\"]", "\"the river\"", NULL },
  { "feature-extraction", "text-tasks/classes", "[\"BertForMaskedLM\"]", "\"the river\"", NULL },
  { "image-classification", "vision/vit/classifier", NULL, PICTURE, NULL },
  { "image-classification", "vision/vit/classifier", "[\"ViTModel\"]", PICTURE, NULL },
  { "image-feature-extraction", "vision/beit/model", NULL, PICTURE, NULL },
  { "image-segmentation", "vision/segformer/semantic", NULL, PICTURE, NULL },
  { "object-detection", "vision/yolos/detection", NULL, PICTURE, "{\"threshold\": 0.1}" },
  { "depth-estimation", "vision/depth_anything/relative", NULL, PICTURE, NULL },
  { "zero-shot-image-classification", "vision/clip/both", NULL, PICTURE, "{\"candidate_labels\": [\"cat\", \"tall building\"]}" },
};

/* (transfer full): JSON */
static char *
answer (const char *task, const char *folder, const char *inputs, const char *parameters)
{
  g_autofree char *picture = g_build_filename (golden, "vision-tasks", "waves.png", NULL);
  g_auto (GStrv) parts = g_strsplit (inputs, "$P", -1);
  g_autofree char *request = g_strjoinv (picture, parts);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new (task, folder, NULL, &error);
  g_autoptr (GtfResult) result = NULL;

  g_assert_no_error (error);
  result = gtf_pipeline_run (pipeline, request, parameters, NULL, &error);
  g_assert_no_error (error);
  return g_strdup (gtf_result_to_json (result));
}

static void
test_answers (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (same_answers); i++)
    {
      g_autofree char *folder = g_build_filename (golden, same_answers[i].repository, NULL);
      g_autofree char *expected = answer (same_answers[i].task, folder, same_answers[i].inputs, same_answers[i].parameters), *found = NULL;

      g_test_message ("%s, %s, %s", same_answers[i].task, same_answers[i].repository, same_answers[i].architectures);
      spoil_restore (scratch, folder);
      set_class (same_answers[i].architectures);
      found = answer (same_answers[i].task, scratch, same_answers[i].inputs, same_answers[i].parameters);
      g_assert_cmpstr (found, ==, expected);
    }
}

/* A head whose last layer does not fit what config.json says gives its features all the same, as the AutoModel of transformers. */
static void
test_misfit (void)
{
  g_autofree char *folder = g_build_filename (golden, "text-tasks", "typed", NULL);
  g_autofree char *expected = answer ("feature-extraction", folder, "\"the river\"", NULL), *found = NULL;

  spoil_restore (scratch, folder);
  spoil_member (scratch, "config.json", "summary_proj_to_labels", "false");
  found = answer ("feature-extraction", scratch, "\"the river\"", NULL);
  g_assert_cmpstr (found, ==, expected);
}

/* The last hidden state of two choices of three tokens. (transfer full) */
static GBytes *
states_of_choices (const char *folder)
{
  static const gint32 ids[] = { 5, 9, 20, 7, 8, 6 };
  g_autoptr (GHashTable) inputs = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) gtf_tensor_unref), outputs = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) model = gtf_model_load (folder, "{\"task\": \"feature-extraction\"}", NULL, &error);
  GtfTensor *tensor;

  g_assert_no_error (error);
  tensor = gtf_tensor_new (GTF_DTYPE_I32, 3, (gint64[]){ 1, 2, 3 }, NULL);
  memcpy (tensor->data, ids, sizeof ids);
  g_hash_table_insert (inputs, (gpointer) "input_ids", tensor);
  outputs = gtf_model_forward (model, inputs, (const char *const[]){ "last_hidden_state", NULL }, NULL, &error);
  g_assert_no_error (error);
  return gtf_tensor_get_bytes (g_hash_table_lookup (outputs, "last_hidden_state"));
}

/* A head that does not fit its own model is not computed where states are asked for. */
static void
test_unfit_summary (void)
{
  g_autofree char *folder = g_build_filename (golden, "text-encoders", "xlm", "choice", NULL);
  g_autoptr (GBytes) expected = states_of_choices (folder), found = NULL;

  spoil_restore (scratch, folder);
  spoil_member (scratch, "config.json", "summary_use_proj", "false");
  found = states_of_choices (scratch);
  g_assert_true (g_bytes_equal (found, expected));
}

/* ---- errors ------------------------------------------------------------------------------------------------------------------ */

static const struct
{
  const char *task, *repository, *architectures, *says;
} errors[] = {
  { "text-classification", "text-tasks/masked", NULL, "do not fit ForSequenceClassification of bert, which text-classification asks for: 2 missing: \"pooler.dense.weight\", \"classifier.weight\"" },
  { "token-classification", "text-tasks/masked", NULL, "do not fit ForTokenClassification of bert, which token-classification asks for: " },
  { "fill-mask", "text-tasks/classes", NULL, "do not fit ForMaskedLM of bert" },
  { "text-classification", "text-tasks/masked", "[\"BertForMaskedLM\"]", "expected a model with a sequence classification head (...ForSequenceClassification), found BertForMaskedLM" },
  { "text-classification", "text-tasks/masked", "[\"BertForSomethingElse\"]", "expected a model with a sequence classification head (...ForSequenceClassification), found BertForSomethingElse" },
  { "object-detection", "text-tasks/masked", NULL, "found bert" },
  { "token-classification", "text-tasks/classes", "[\"BertForSequenceClassification\"]", "found BertForSequenceClassification" },
  { "image-classification", "vision/segformer/semantic", NULL, "do not fit ForImageClassification of segformer, which image-classification asks for: " },
  { "image-classification", "vision/segformer/semantic", "[\"SegformerForSemanticSegmentation\"]", "found SegformerForSemanticSegmentation" },
};

static void
test_errors (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (errors); i++)
    {
      g_autofree char *folder = g_build_filename (golden, errors[i].repository, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfPipeline) pipeline = NULL;

      spoil_restore (scratch, folder);
      set_class (errors[i].architectures);
      pipeline = gtf_pipeline_new (errors[i].task, scratch, NULL, &error);
      g_assert_null (pipeline);
      if (!strstr (error->message, errors[i].says))
        g_error ("%s, %s, %s: \"%s\" does not say \"%s\"", errors[i].task, errors[i].repository, errors[i].architectures, error->message, errors[i].says);
    }
}

/* ---- every family -------------------------------------------------------------------------------------------------------------- */

/* Whose task takes another head than that of their class: transformers makes up what these have not. */
static const char *const others[] = { "text-encoders/funnel/choice", "text-encoders/funnel/base", "vision/deit/teacher" };

static gboolean
takes_another (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    if (strcmp (others[i], name) == 0)
      return TRUE;
  return FALSE;
}

/* The repository without the name of its class, for the first task of that class: a head that can do it. */
static void
check_family (const char *folder, const char *name)
{
  g_autofree char *config_path = g_build_filename (folder, "config.json", NULL), *options = NULL;
  g_autoptr (JsonObject) config = gtf_json_load_object (config_path, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) named = NULL, nameless = NULL;
  const char *const *tasks;

  if (!config || !gtf_json_find (config, "architectures"))
    return;
  named = gtf_model_load (folder, NULL, NULL, &error);
  g_assert_no_error (error);
  tasks = gtf_model_get_tasks (named);
  if (!tasks || !tasks[0])
    return;
  spoil_restore (scratch, folder);
  set_class (NULL);
  options = g_strdup_printf ("{\"task\": \"%s\"}", tasks[0]);
  nameless = gtf_model_load (scratch, options, NULL, &error);
  if (takes_another (name))
    g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
  else if (!nameless)
    g_error ("%s, %s: %s", name, tasks[0], error->message);
  else
    g_assert_true (g_strv_contains (gtf_model_get_tasks (nameless), tasks[0]));
}

static void
each_folder (const char *path, const char *name, gint depth, void (*check) (const char *path, const char *name))
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *child;

  while (dir && (child = g_dir_read_name (dir)))
    {
      g_autofree char *inner = g_build_filename (path, child, NULL), *both = g_build_filename (name, child, NULL);

      if (!g_file_test (inner, G_FILE_TEST_IS_DIR))
        continue;
      if (depth > 0)
        each_folder (inner, both, depth - 1, check);
      else
        check (inner, both);
    }
}

static void
test_families (void)
{
  static const char *const roots[] = { "text-encoders", "vision" };

  for (gsize i = 0; i < G_N_ELEMENTS (roots); i++)
    {
      g_autofree char *root = g_build_filename (golden, roots[i], NULL);

      each_folder (root, roots[i], 1, check_family);
    }
}

/* ---- sharing ------------------------------------------------------------------------------------------------------------------- */

/* Tasks that take the same head share the weights; others do not. */
static void
test_sharing (void)
{
  static const struct { const char *options; gboolean same; } cases[] = {
    { "{\"task\": \"text-classification\"}", TRUE }, { "{\"task\": \"zero-shot-classification\"}", TRUE }, { "{\"task\": \"feature-extraction\"}", FALSE }, { NULL, FALSE },
  };
  g_autofree char *folder = g_build_filename (golden, "text-tasks", "nli", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) first = NULL;

  spoil_restore (scratch, folder);
  set_class (NULL);
  first = gtf_model_load (scratch, cases[0].options, NULL, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfModel) model = gtf_model_load (scratch, cases[i].options, NULL, &error);

      g_assert_no_error (error);
      g_assert_true ((model == first) == cases[i].same);
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *parent = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  golden = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", NULL);
  parent = g_dir_make_tmp ("gtf-heads-XXXXXX", NULL);
  scratch = g_build_filename (parent, "repository", NULL);
  g_test_add_func ("/tasks/heads/answers", test_answers);
  g_test_add_func ("/tasks/heads/misfit", test_misfit);
  g_test_add_func ("/tasks/heads/unfit-summary", test_unfit_summary);
  g_test_add_func ("/tasks/heads/errors", test_errors);
  g_test_add_func ("/tasks/heads/families", test_families);
  g_test_add_func ("/tasks/heads/sharing", test_sharing);
  status = g_test_run ();
  toy_remove (scratch);
  g_rmdir (parent);
  g_free (scratch);
  g_free (golden);
  return status;
}
