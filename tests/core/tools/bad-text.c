/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Bad input of the tasks over text, from outside: requests that are answered with an error on their own line while the next one is
 * served, what looks bad and has an answer all the same, and repositories whose tokenizer, labels and weights contradict each other.
 */
#include "../../tell.h"
#include "spoil.h"
#include "tool.h"

static char *golden, *scratch, *repository;

/* ---- requests ----------------------------------------------------------------------------------------------------------------- */

#define LONG "a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a"

/* A task, a repository of data/golden/text-tasks, a request that is good, and bad ones with what their errors say. A row without
 * a task goes on with the one before. */
static const struct
{
  const char *task, *repository, *request, *says;
} requests[] = {
  { "text-classification", "one", "{\"inputs\": \"the river\"}", NULL },
  { NULL, NULL, "{\"inputs\": \"a\xFF\xFE\"}", "line 1~not valid UTF-8" },
  { NULL, NULL, "{\"inputs\": \"\xC0\x80\"}", "not valid UTF-8" },
  { NULL, NULL, "{\"inputs\": \"a\x01\"}", "control character" },
  { NULL, NULL, "{\"inputs\": []}", "inputs: expected a text~an empty list" },
  { NULL, NULL, "{\"inputs\": null}", "inputs~found null" },
  { NULL, NULL, "{\"inputs\": 5}", "inputs~found 5" },
  { NULL, NULL, "{\"inputs\": {\"text_pair\": \"b\"}}", "\"text\" is missing" },
  { NULL, NULL, "{\"inputs\": [\"a\", 5]}", "inputs[1]~found 5" },
  { NULL, NULL, "{\"inputs\": \"a\", \"parameters\": {\"top_k\": 1e30}}", "\"top_k\"~1e+30" },
  { NULL, NULL, "{\"inputs\": \"a\", \"parameters\": {\"function_to_apply\": \"x\"}}", "\"function_to_apply\"" },
  { NULL, NULL, "{\"inputs\": \"" LONG "\"}", "too long for the model: max_position_embeddings is 64" },
  { "question-answering", "answers", "{\"inputs\": {\"question\": \"who\", \"context\": \"the river\"}}", NULL },
  { NULL, NULL, "{\"inputs\": {\"question\": \"who\"}}", "\"context\" is missing" },
  { NULL, NULL, "{\"inputs\": {\"context\": \"who\"}}", "\"question\" is missing" },
  { NULL, NULL, "{\"inputs\": {\"question\": \"\", \"context\": \"a\"}}", "\"question\" is empty" },
  { NULL, NULL, "{\"inputs\": {\"question\": \"a\", \"context\": \"\"}}", "\"context\" is empty" },
  { NULL, NULL, "{\"inputs\": \"x\"}", "expected {\"question\"" },
  { NULL, NULL, "{\"inputs\": {\"question\": [\"a\", \"b\"], \"context\": [\"b\"]}}", "2 questions, but 1 contexts" },
  { NULL, NULL, "{\"inputs\": {\"question\": \"" LONG "\", \"context\": \"a\"}}", "max_length~too short" },
  { NULL, NULL, "{\"inputs\": {\"question\": \"a b\", \"context\": \"a b c\"}, \"parameters\": {\"max_seq_len\": 4}}", "max_length~too short" },
  { NULL, NULL, "{\"inputs\": {\"question\": \"a\", \"context\": \"b\"}, \"parameters\": {\"max_seq_len\": 5, \"doc_stride\": 7}}", "\"doc_stride\" (7)" },
  { NULL, NULL, "{\"inputs\": {\"question\": \"a\", \"context\": \"b\"}, \"parameters\": {\"max_answer_len\": 0}}", "\"max_answer_len\"~found 0" },
  { "fill-mask", "masked", "{\"inputs\": \"a [MASK]\"}", NULL },
  { NULL, NULL, "{\"inputs\": \"a\"}", "no mask token ([MASK])" },
  { NULL, NULL, "{\"inputs\": \"\"}", "no mask token" },
  { NULL, NULL, "{\"inputs\": \"[MASK]\", \"parameters\": {\"targets\": []}}", "\"targets\"" },
  { "token-classification", "tags", "{\"inputs\": \"the river\"}", NULL },
  { NULL, NULL, "{\"inputs\": \"a\", \"parameters\": {\"stride\": 600}}", "\"stride\"~found 600" },
  { NULL, NULL, "{\"inputs\": \"a\", \"parameters\": {\"ignore_labels\": 5}}", "\"ignore_labels\"~found 5" },
  { NULL, NULL, "{\"inputs\": \"a\", \"parameters\": {\"aggregation_strategy\": \"x\"}}", "\"aggregation_strategy\"" },
  { "zero-shot-classification", "nli", "{\"inputs\": \"a\", \"parameters\": {\"candidate_labels\": [\"x\", \"y\"]}}", NULL },
  { NULL, NULL, "{\"inputs\": \"a\"}", "\"candidate_labels\" is missing" },
  { NULL, NULL, "{\"inputs\": \"a\", \"parameters\": {\"candidate_labels\": []}}", "\"candidate_labels\"" },
  { NULL, NULL, "{\"inputs\": \"\", \"parameters\": {\"candidate_labels\": [\"x\"]}}", "empty" },
  { NULL, NULL, "{\"inputs\": \"a\", \"parameters\": {\"candidate_labels\": [\"x\"], \"hypothesis_template\": \"x\"}}", "\"hypothesis_template\"" },
  { "table-question-answering", "tables", "{\"inputs\": {\"table\": {\"a\": [\"1\"]}, \"query\": \"?\"}}", NULL },
  { NULL, NULL, "{\"inputs\": {\"table\": {\"a\": [1]}, \"query\": \"?\"}}", "column \"a\", row 0~found 1" },
  { NULL, NULL, "{\"inputs\": {\"table\": [[\"x\", \"y\"]], \"query\": \"?\"}}", "row 0 has 2 cells" },
  { NULL, NULL, "{\"inputs\": {\"table\": [[\"x\"], \"y\"], \"query\": \"?\"}}", "row 1: expected a list" },
  { NULL, NULL, "{\"inputs\": {\"table\": {\"\": [\"\"]}, \"query\": \"?\"}}", "neither its names nor its cells" },
};

/* The requests of one task in a row, the good one between each two of them. */
static void
check_requests (gsize first, gsize end)
{
  g_autofree char *line = g_strdup_printf ("run %s --jsonl --model $G/%s", requests[first].task, requests[first].repository);
  g_autoptr (GString) input = g_string_new (NULL);
  g_auto (Outcome) o = { 0 };
  g_auto (GStrv) lines = NULL;

  for (gsize i = first; i < end; i++)
    g_string_append_printf (input, "%s\n%s\n", requests[i].request, requests[first].request);
  o = tool_run (line, input->str);
  g_assert_cmpstr (o.err, ==, "");
  g_assert_cmpint (o.status, ==, 0);
  lines = g_strsplit (o.out, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 2 * (end - first) + 1);
  g_assert_null (strstr (lines[0], "\"error\""));
  for (gsize i = first; i < end; i++)
    {
      tell ("%s", requests[i].request);
      if (requests[i].says)
        tool_assert_answer_fails (requests[i].request, lines[2 * (i - first)], requests[i].says);
      g_assert_cmpstr (lines[2 * (i - first) + 1], ==, lines[0]);
    }
}

static void
test_requests (void)
{
  for (gsize first = 0, end; first < G_N_ELEMENTS (requests); first = end)
    {
      for (end = first + 1; end < G_N_ELEMENTS (requests) && requests[end].task == NULL; end++)
        ;
      check_requests (first, end);
    }
}

/* 10^5 brackets, one in the other, closed or not. */
static void
test_deep (void)
{
  static const char *const openings[] = { "[", "{\"a\": " };

  for (gsize i = 0; i < G_N_ELEMENTS (openings); i++)
    {
      g_autoptr (GString) input = g_string_new ("{\"inputs\": ");
      g_auto (Outcome) o = { 0 };
      g_auto (GStrv) lines = NULL;

      for (guint n = 0; n < 100000; n++)
        g_string_append (input, openings[i]);
      g_string_append (input, "\n{\"inputs\": \"the river\"}\n");
      o = tool_run ("run text-classification --jsonl --model $G/one", input->str);
      g_assert_cmpint (o.status, ==, 0);
      lines = g_strsplit (o.out, "\n", -1);
      g_assert_cmpuint (g_strv_length (lines), ==, 3);
      tool_assert_answer_fails ("deep", lines[0], "nested too deeply (more than 128 levels)");
      g_assert_true (g_str_has_prefix (lines[1], "[{\"label\": \"yes\""));
    }
}

/* What looks bad and has an answer: the same as another text's, or any. */
static void
test_answered (void)
{
  static const struct { const char *text, *as; } table[] = {
    { "\"\"", NULL }, { "\" \"", "\"\"" }, { "\"\\ud800\"", "\"\\ufffd\"" }, { "\"\\udc00\\ud800\"", "\"\\ufffd\\ufffd\"" }, { "\"a\\u0000b\"", NULL },
    { "\"b\", \"inputs\": \"a\"", "\"a\"" },      /* the last of two keys counts */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autofree char *input = g_strdup_printf ("{\"inputs\": %s}\n{\"inputs\": %s}\n", table[i].text, table[i].as ? table[i].as : table[i].text);
      g_auto (Outcome) o = tool_run ("run text-classification --jsonl --model $G/one", input);
      g_auto (GStrv) lines = g_strsplit (o.out, "\n", -1);

      tell ("%s", table[i].text);
      g_assert_cmpuint (g_strv_length (lines), ==, 3);
      g_assert_true (g_str_has_prefix (lines[0], "[{\"label\": \"yes\""));
      g_assert_cmpstr (lines[0], ==, lines[1]);
    }
}

/* ---- repositories ------------------------------------------------------------------------------------------------------------- */

#define MODEL(members) "{\"version\": \"1.0\", \"model\": {" members "}}"
#define E20 "eeeeeeeeeeeeeeeeeeee"
#define GROWS "{\"type\": \"Replace\", \"pattern\": {\"String\": \"e\"}, \"content\": \"" E20 E20 E20 E20 E20 "\"}"

/* The repository "one", spoilt; @says is NULL where it works all the same. */
static const struct
{
  const char *file, *key, *value, *says;
} files[] = {
  { "config.json", "id2label", "{\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}", "model.safetensors~\"classifier.weight\" (expected [3, 16], found [1, 16])" },
  { "config.json", "id2label", "{\"x\": \"a\"}", "config.json: \"id2label\"~found \"x\"" },
  { "config.json", "vocab_size", "10", "\"bert.embeddings.word_embeddings.weight\" (expected [10, 16], found [170, 16])" },
  { "config.json", "label2id", "{\"other\": 7}", NULL },
  { "tokenizer_config.json", "model_max_length", "1e30", NULL },
  { "tokenizer_config.json", "model_max_length", "\"many\"", NULL },
  { "tokenizer_config.json", NULL, "[]", "tokenizer_config.json~expected a JSON object" },
  { "tokenizer_config.json", NULL, "{\"added_tokens_decoder\": {\"7\": {\"content\": 5}}}", "tokenizer_config.json: added_tokens_decoder.7" },
  { "tokenizer.json", NULL, MODEL ("\"type\": \"WordLevel\", \"vocab\": {\"river\": 16777216}"), "tokenizer.json~found 16777216" },
  { "tokenizer.json", NULL, MODEL ("\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, \"merges\": [[\"ab\", \"ab\"]]"), "tokenizer.json~“abab” is not in the vocabulary" },
  { "tokenizer.json", NULL, MODEL ("\"type\": \"WordLevel\", \"unk_token\": \"a\", \"vocab\": {\"a\": 0}, \"vocab\": {\"a\": 0}"), "tokenizer.json~model.vocab comes twice" },
  { "tokenizer.json", "normalizer", "{\"type\": \"Sequence\", \"normalizers\": [" GROWS ", " GROWS ", " GROWS ", " GROWS ", " GROWS "]}", "makes more than 1050880 bytes of 9" },
};

static void
test_files (void)
{
  g_autofree char *one = g_build_filename (golden, "one", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *what = g_strdup_printf ("%s: %s = %s", files[i].file, files[i].key ? files[i].key : "", files[i].value);
      g_auto (Outcome) o = { 0 };

      tell ("%s", what);
      spoil_restore (repository, one);
      if (files[i].key)
        spoil_member (repository, files[i].file, files[i].key, files[i].value);
      else
        spoil_put (repository, files[i].file, files[i].value, strlen (files[i].value));
      o = tool_run ("run text-classification 'the river' --quiet --model $R", "");
      if (files[i].says)
        tool_assert_failure (what, &o, files[i].says);
      else
        g_assert_cmpint (o.status, ==, 0);
    }
}

/* A tokenizer bigger than the embedding: texts that do not have its last tokens are answered. */
static void
test_bigger_tokenizer (void)
{
  g_autofree char *one = g_build_filename (golden, "one", NULL);
  g_auto (Outcome) o = { 0 };
  g_auto (GStrv) lines = NULL;

  spoil_restore (repository, one);
  spoil_member (repository, "tokenizer.json", "model.vocab.river", "5000");
  o = tool_run ("run text-classification --jsonl --model $R", "{\"inputs\": \"the river\"}\n{\"inputs\": \"the\"}\n");
  lines = g_strsplit (o.out, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 3);
  tool_assert_answer_fails ("the river", lines[0], "id 5000~table of 170 rows");
  g_assert_true (g_str_has_prefix (lines[1], "[{\"label\": \"yes\""));
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  golden = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-tasks", NULL);
  scratch = g_dir_make_tmp ("gtf-bad-XXXXXX", NULL);
  repository = g_build_filename (scratch, "repository", NULL);
  g_unsetenv ("G_MESSAGES_DEBUG");
  tool_name ("$G", golden);
  tool_name ("$R", repository);
  g_test_add_func ("/tools/bad-text/requests", test_requests);
  g_test_add_func ("/tools/bad-text/deep", test_deep);
  g_test_add_func ("/tools/bad-text/answered", test_answered);
  g_test_add_func ("/tools/bad-text/files", test_files);
  g_test_add_func ("/tools/bad-text/bigger-tokenizer", test_bigger_tokenizer);
  status = g_test_run ();
  toy_remove (repository);
  toy_remove (scratch);
  return status;
}
