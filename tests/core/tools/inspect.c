/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers inspect: the weight map as text, JSON and page.
 */
#include "base/json.h"
#include "../model/repository.h"
#include "tool.h"

static char *scratch;

/* The sums of a node are those of what is below; every tensor is there once. */
static guint
check_node (JsonObject *node, GHashTable *seen, gint64 *parameters)
{
  gint64 sum = 0;
  guint n = 0;

  if (json_object_has_member (node, "tensor"))
    {
      JsonArray *shape = json_object_get_array_member (node, "shape");
      gint64 product = 1;

      for (guint i = 0; i < json_array_get_length (shape); i++)
        product *= json_array_get_int_element (shape, i);
      *parameters = json_object_get_int_member (node, "parameters");
      g_assert_cmpint (product, ==, *parameters);
      g_assert_true (g_hash_table_add (seen, g_strdup (json_object_get_string_member (node, "tensor"))));
      return 1;
    }
  for (guint i = 0; i < json_array_get_length (json_object_get_array_member (node, "children")); i++)
    {
      gint64 part;

      n += check_node (json_array_get_object_element (json_object_get_array_member (node, "children"), i), seen, &part);
      sum += part;
    }
  *parameters = json_object_get_int_member (node, "parameters");
  g_assert_cmpint (sum, ==, *parameters);
  return n;
}

static void
test_json (void)
{
  static const struct { const char *line; guint n_files; } cases[] = {
    { "inspect $M --weights --format json", 1 }, { "inspect $B --weights --format json", 1 }, { "inspect $T/odd -w -f json", 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Outcome) o = tool_run (cases[i].line, "");
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonObject) root = gtf_json_parse_object ("out", o.out, -1, GTF_JSON_STRICT, &error);
      g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      JsonObject *weights;
      gint64 parameters;

      g_assert_no_error (error);
      g_assert_cmpint (o.status, ==, 0);
      weights = json_object_get_object_member (root, "weights");
      g_assert_cmpuint (check_node (json_object_get_object_member (weights, "tree"), seen, &parameters), ==, json_object_get_int_member (weights, "tensors"));
      g_assert_cmpint (parameters, ==, json_object_get_int_member (weights, "parameters"));
      g_assert_cmpint (json_node_get_int (gtf_json_find (weights, "memory.float32")), ==, 4 * parameters);
      g_assert_cmpuint (json_array_get_length (json_object_get_array_member (weights, "files")), ==, cases[i].n_files);
    }
}

static const struct { const char *line; int status; const char *says; } cases[] = {
  { "inspect $M", 0, "parameters     1,672 (F16 1,672)\n~memory         float32 6.7 kB, float16 3.3 kB, bfloat16 3.3 kB, int8 1.7 kB" },
  { "inspect $B", 0, "tensors        46, 3.3 kB, 1 file\n" },
  { "inspect $B --weights", 0, "\n    encoder.layer   ~\n      1   ~      word_embeddings.weight ~ [30, 8]              pytorch_model.bin\n" },
  { "inspect $K/masked", 0, "special_tokens ~mask_token [MASK]~files\n  config.json ~use in\n  command        gtransformers run fill-mask \"It is [MASK] here.\" --model ~  python         Gtf." },
  { "inspect $K/masked --format html", 0, "<h2>Use in</h2>~gtransformers run fill-mask &quot;It is [MASK] here.&quot; --model" },
  { "inspect $K/masked", 0, "\nplugin         bert\ndocumentation  file:///~/docs/models/bert.md\ntasks          fill-mask, ~\ntokenizer      class PreTrainedTokenizerFast, tokens 170, max_length 48\n" },
  { "inspect $K/masked --format html", 0, "<a href=\"file:///~/docs/models/bert.md\">~<h2>Files</h2>" },
  { "inspect $K/masked --format json", 0, "\"special_tokens\": {\"unk_token\": \"[UNK]\", ~\"mask_token\": \"[MASK]\"}" },
  { "inspect builtin/whisper-words", 0, "\ngeneration     ~decoder_start_token_id 1240, ~gst-launch-1.0 filesrc location=talk.flac ! decodebin ! audioconvert ! audioresample ! gtfasr " },
  { "inspect $T/odd", 0, "chat template default\n  {{ a?[1m }}\n  2\n  3\n  4\n  5\n  6\n  ... 2 lines more: --format json\nchat template tools\n  {{ b }}\n" },
  { "inspect $T/odd --format html", 0, "<h2>Chat template</h2>~<pre>{{ a~<th align=\"left\" valign=\"top\">tools</th><td>{{ b }}</td>" },
  { "inspect $T/odd --format json", 0, "\"chat_template\": {\"default\": \"{{ a~\\n2\\n3\\n4\\n5\\n6\\n7\\n8\", \"tools\": \"{{ b }}\"}" },
  { "inspect $B/pytorch_model.bin", 0, "file           ~/bert-legacy/pytorch_model.bin\ntensors        46, 3.3 kB, 1 file\n" },
  { "inspect $B/config.json", 1, "config.json: is no file of weights" },
  { "inspect $T/odd --weights", 0, "<b>?[31m.&amp; ~ [2]  " },
  { "inspect $M --format json", 0, "{\"folder\": ~\"tasks\": [\"fill-mask\", ~\"weights\": {\"tensors\": 46, \"parameters\": 1672, " },
  { "inspect $M --format html", 0, "<!DOCTYPE html>~<details open><summary><span class=\"name\">all</span>~>encoder.layer</span>~F16 [30, 8]~</html>\n" },
  { "inspect $T/odd --format html", 0, ">&lt;b&gt;~.&amp;amp;</span>" },
  { "inspect $M --format srt", 2, "expected text, json or html" },
  { "inspect $M --output $T/x.foo", 2, "no format has this ending" },
  { "inspect $T/none", 1, "none: has no weights" },
  { "inspect $T/odd", 0, "license        other\nlicense_name   odd-1.0\nlanguage       en, no\ntags           a, b\nbase_model     org/base\npipeline_tag   fill-mask\nlibrary_name   transformers\n" },
  { "inspect $T/bad-card", 0, "card_error     ~/bad-card/README.md: line 2, column 5: is no YAML: ~\nlicense        not stated\n" },
};

static void
test_cases (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Outcome) o = tool_run (cases[i].line, "");

      if (o.status != cases[i].status || !tool_says (cases[i].status ? o.err : o.out, cases[i].says) || (!cases[i].status && *o.err))
        g_error ("%s: status %d, output \"%s\", message \"%s\"", cases[i].line, o.status, o.out, o.err);
    }
}

/* The command that is shown is one that works. */
static void
test_use (void)
{
  static const char *const models[] = { "one", "multi", "tags", "masked", "masked-bytes", "nli" };

  for (gsize i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autofree char *line = g_strdup_printf ("inspect $K/%s --format json", models[i]);
      g_auto (Outcome) o = tool_run (line, ""), used = { 0 };
      g_autoptr (JsonObject) root = gtf_json_parse_object ("out", o.out, -1, GTF_JSON_STRICT, NULL);
      const char *command = json_node_get_string (gtf_json_find (root, "use.command"));

      g_assert_true (g_str_has_prefix (command, "gtransformers run "));
      used = tool_run (command + strlen ("gtransformers "), "");
      if (used.status != 0 || !strstr (used.out, "score"))
        g_error ("%s: status %d, output \"%s\", message \"%s\"", command, used.status, used.out, used.err);
    }
}

/* A page into a file. */
static void
test_output (void)
{
  g_auto (Outcome) o = tool_run ("inspect $M --output $T/map.html", "");
  g_autofree char *path = g_build_filename (scratch, "map.html", NULL), *text = NULL;

  g_assert_cmpint (o.status, ==, 0);
  g_assert_cmpstr (o.out, ==, "");
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_true (g_str_has_suffix (text, "</html>\n"));
}

/* Names that would move the cursor of a terminal, or be tags of a page; layers past nine; a name that is also a group. */
static void
make_odd (void)
{
  g_autofree char *folder = g_build_filename (scratch, "odd", NULL), *none = g_build_filename (scratch, "none", NULL);
  g_autofree char *bad = g_build_filename (scratch, "bad-card", NULL), *more = g_build_filename (folder, "additional_chat_templates", NULL);
  g_autoptr (GHashTable) tensors = tensors_new ();

  g_mkdir (folder, 0700);
  g_mkdir (none, 0700);
  g_mkdir (bad, 0700);
  add_random (tensors, "<b>\x1b[31m.&amp;", 2, 0);
  add_random (tensors, "layers.10.w", 2, 3);
  add_random (tensors, "layers.9.w", 2, 3);
  add_random (tensors, "layers", 2, 0);
  add_random (tensors, "..", 2, 0);
  put_tensors (folder, "model.safetensors", tensors);
  put_tensors (bad, "model.safetensors", tensors);
  put_file (bad, "config.json", "{\"model_type\": \"bert\"}", -1);
  put_file (bad, "README.md", "---\na: b: c\n---\n", -1);
  put_file (folder, "README.md", "---\nlicense: other\nlicense_name: odd-1.0\nlanguage: [en, no]\ntags:\n- a\n- b\nbase_model: org/base\npipeline_tag: fill-mask\n"
            "library_name: transformers\n---\n", -1);
  put_file (folder, "config.json", "{\"model_type\": \"bert\"}", -1);
  put_file (folder, "chat_template.jinja", "{{ a\x1b[1m }}\n2\n3\n4\n5\n6\n7\n8", -1);
  g_mkdir (more, 0700);
  put_file (more, "tools.jinja", "{{ b }}", -1);
  put_file (none, "config.json", "{\"model_type\": \"bert\"}", -1);
}

int
main (int argc, char **argv)
{
  g_autofree char *model = NULL, *bin = NULL, *tasks = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  scratch = g_dir_make_tmp ("gtf-inspect-XXXXXX", NULL);
  model = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-encoders", "bert", "pretraining", NULL);
  bin = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "pickle", "bert-legacy", NULL);
  tasks = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-tasks", NULL);
  make_odd ();
  tool_name ("$M", model);
  tool_name ("$B", bin);
  tool_name ("$T", scratch);
  tool_name ("$K", tasks);
  g_test_add_func ("/tools/inspect/json", test_json);
  g_test_add_func ("/tools/inspect/cases", test_cases);
  g_test_add_func ("/tools/inspect/use", test_use);
  g_test_add_func ("/tools/inspect/output", test_output);
  status = g_test_run ();
  folder_remove (scratch);
  g_free (scratch);
  return status;
}
