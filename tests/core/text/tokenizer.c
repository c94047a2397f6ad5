/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whole tokenizers against goldens of the `tokenizers` library (data/golden/tokenizer/make.py): ids, offsets, decoded text;
 * truncation, overflow and padding; files that are wrong.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "text/tokenizer.h"
#include "../../tell.h"

static char *
golden (const char *name, const char *file)
{
  return g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "tokenizer", name, file, NULL);
}

static char *
text_of (const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = gtf_json_parse ("golden", line, -1, GTF_JSON_STRICT, &error);
  g_assert_no_error (error);
  return g_strdup (json_node_get_string (node));
}

static void
test_golden (gconstpointer name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = golden (name, NULL), *path = golden (name, "cases.txt"), *all = NULL;
  gsize length;
  g_assert_true (gtf_file_load (path, 1 << 20, &all, &length, &error));
  g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  g_assert_no_error (error);
  g_auto (GStrv) lines = g_strsplit (all, "\n", -1);
  for (guint i = 0; lines[i] && lines[i + 1]; i += 4)
    {
      g_autofree char *text = text_of (lines[i]), *decoded = text_of (lines[i + 3]);
      g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, text, NULL, NULL, &error);
      g_assert_no_error (error);
      g_autoptr (GString) ids = g_string_new (NULL), offsets = g_string_new (NULL);
      for (gsize j = 0; j < e->n_ids; j++)
        {
          g_string_append_printf (ids, "%s%d", j ? " " : "", e->ids[j]);
          g_string_append_printf (offsets, "%s%u-%u", j ? " " : "", e->begin[j], e->end[j]);
        }
      g_test_message ("%s", lines[i]);
      g_assert_cmpstr (ids->str, ==, lines[i + 1]);
      g_assert_cmpstr (offsets->str, ==, lines[i + 2]);
      g_autofree char *back = gtf_tokenizer_decode (tokenizer, e->ids, e->n_ids, TRUE, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (back, ==, decoded);
    }
}

static void
test_truncation (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = golden ("bert", NULL);
  g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  g_assert_no_error (error);
  const char *text = "the quick brown fox jumps over the lazy dog";
  g_autoptr (GtfEncoding) all = gtf_tokenizer_encode (tokenizer, text, NULL, NULL, &error);
  g_autoptr (GtfEncoding) cut = gtf_tokenizer_encode (tokenizer, text, NULL, "{\"truncation\": true, \"max_length\": 6, \"stride\": 1}", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cut->n_ids, ==, 6);
  g_assert_cmpint (cut->ids[5], ==, all->ids[all->n_ids - 1]);
  g_assert_nonnull (cut->overflowing);
  const GtfEncoding *next = g_ptr_array_index (cut->overflowing, 0);
  g_assert_cmpint (next->ids[1], ==, cut->ids[4]);
  g_assert_null (gtf_tokenizer_encode (tokenizer, text, NULL, "{\"truncation\": true, \"max_length\": 6, \"stride\": 9}", &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (gtf_tokenizer_encode (tokenizer, text, NULL, "{\"padding\": true}", &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
}

static void
test_bad (void)
{
  static const struct { const char *json, *mentions; } table[] =
  {
    { "", "tokenizer.json" },
    { "{", "tokenizer.json" },
    { "[]", "tokenizer.json" },
    { "{}", "model" },
    { "{\"model\": {\"type\": \"Markov\", \"vocab\": {}}}", "Markov" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": 0, \"b\": 0}}}", "two tokens" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": -1}}}", "vocab" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": 99999999999}}}", "vocab" },
    { "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a b\"]}}", "merge" },
    { "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a\"]}}", "merge" },
    { "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, \"merges\": [[\"a\", \"b\"], [\"ab\", \"ab\"]]}}", "“abab” is not in the vocabulary" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": 0}, \"vocab\": {\"b\": 0}}}", "model.vocab comes twice" },
    { "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [], \"merges\": []}}", "model.merges comes twice" },
    { "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", NaN]]}}", "expected a value" },
    { "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", 1e400]]}}", "out of range" },
    { "{\"model\": {\"type\": \"Unigram\", \"unk_id\": -1, \"vocab\": [[\"a\", 0]]}}", "found -1" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"\xFF\": 0}}}", "not valid UTF-8" },
    { "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 7, \"vocab\": [[\"a\", 0.0]]}}", "unk_id" },
    { "{\"model\": {\"type\": \"Unigram\", \"unk_id\": null, \"vocab\": {\"a\": 0}}}", "score" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Unfold\"}}", "Unfold" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"added_tokens\": {}}", "added_tokens" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"added_tokens\": [{\"id\": 0, \"content\": 3}]}", "added_tokens[0]" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"added_tokens\": [{\"id\": 0, \"content\": \"a\"}, {\"id\": 1}]}", "added_tokens[1]: content is missing" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"added_tokens\": [{\"id\": 0, \"content\": \"a\"}, 3]}", "added_tokens[1]: expected an object" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"added_tokens\": [{\"id\": -1, \"content\": \"a\"}]}", "added_tokens[0]: \"id\": expected an integer" },
    { "{\"added_tokens\": [{\"id\": 0, \"content\": \"a\"},], \"model\": {\"type\": \"WordLevel\", \"vocab\": {}}}", "expected a value, found ']'" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"added_tokens\": [{\"id\": 0, \"content\": \"a\", \"special\": \"yes\"}]}", "special" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"truncation\": {\"max_length\": -1}}", "truncation" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"truncation\": []}", "truncation" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"padding\": {\"pad_id\": \"x\"}}", "pad_id" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"version\": \"2.0\"}", "version" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Strip\", \"strip_left\": 1}}", "strip_left" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"decoder\": {\"type\": \"WordPiece\", \"cleanup\": \"x\"}}", "cleanup" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"post_processor\": {\"type\": \"ByteLevel\", \"trim_offsets\": 2}}", "trim_offsets" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Precompiled\"}}", "precompiled_charsmap" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA\"}}", "precompiled_charsmap" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"/////w==\"}}", "precompiled_charsmap" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA AAA\"}}", "found byte 0x20 at 4" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAAA\"}}", "precompiled_charsmap: expected base64 padded" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAA\"}}", "precompiled_charsmap: expected base64 padded" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAB=\"}}", "precompiled_charsmap: expected base64 padded" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AA=A\"}}", "found byte 0x41 at 3" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AA-_\"}}", "precompiled_charsmap: expected base64, found byte 0x2d at 2" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"====\"}}", "precompiled_charsmap: expected base64 padded" },
    { "{\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": [], \"dropout\": \"x\"}}", "dropout" },
    { "{\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": [], \"dropout\": 2}}", "from 0 to 1" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"decoder\": {\"type\": \"Unfold\"}}", "Unfold" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(\"}}}", "Split" },
    { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {}}, \"post_processor\": {\"type\": \"BertProcessing\"}}", "cls" }
  };
  g_autofree char *folder = g_dir_make_tmp ("gtf-tokenizer-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_true (g_file_set_contents (path, table[i].json, -1, NULL));
      g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
      tell ("%s: %s", table[i].json, error ? error->message : "no error");
      g_assert_null (tokenizer);
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, "tokenizer.json"));
      g_assert_nonnull (strstr (error->message, table[i].mentions));
    }
  g_remove (path);
  g_autoptr (GError) error = NULL;
  g_assert_null (gtf_tokenizer_load (folder, NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  g_rmdir (folder);
}

/* A token of no bytes is one: it has its id, and no text has it. */
static void
test_empty_token (void)
{
  static const char *const models[] =
  {
    "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"\": 0, \"ab\": 1}}}",
    "{\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"ab\", \"vocab\": {\"\": 0, \"ab\": 1}}}",
    "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\": 0, \"ab\": 1, \"a\": 2, \"b\": 3}, \"merges\": [[\"a\", \"b\"], [\"\", \"a\"]]}}",
    "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"\", 0.0], [\"ab\", -1.0]]}}"
  };
  g_autofree char *folder = g_dir_make_tmp ("gtf-tokenizer-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_true (g_file_set_contents (path, models[i], -1, NULL));
      g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
      g_assert_no_error (error);
      g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, "ab", NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (e->n_ids, ==, 1);
      g_assert_cmpint (e->ids[0], ==, 1);
    }
  g_remove (path);
  g_rmdir (folder);
}

/* A token that comes twice is read under both ids and found under the last. */
static void
test_token_twice (void)
{
  static const char file[] = "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"?\", 0.0], [\"ab\", -1.0], [\"c\", -1.0], [\"ab\", -2.0]]}}";
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("gtf-tokenizer-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  g_assert_true (g_file_set_contents (path, file, -1, NULL));
  g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, "ab", NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (e->n_ids, ==, 1);
  g_assert_cmpint (e->ids[0], ==, 3);
  g_autofree char *text = gtf_tokenizer_decode (tokenizer, (const gint32[]) { 1, 2, 3 }, 3, FALSE, &error);
  g_assert_cmpstr (text, ==, "ab c ab");
  g_remove (path);
  g_rmdir (folder);
}

static char *
repeated (const char *text, guint n)
{
  GString *all = g_string_new (NULL);
  while (n--)
    g_string_append (all, text);
  return g_string_free (all, FALSE);
}

/* Rules that make gigabytes of one letter are an error once they have made megabytes. */
static void
test_grows (void)
{
  g_autofree char *a = repeated ("a", 100), *b = repeated (" 62", 1100), *c = repeated (" 63", 1100);
  g_autofree char *replace = g_strdup_printf ("{\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": \"%s\"}", a);
  g_autofree char *decoder = g_strdup_printf ("\"decoder\": {\"type\": \"Sequence\", \"decoders\": [%s, %s, %s, %s, %s]}", replace, replace, replace, replace, replace);
  g_autofree char *maps = g_strdup_printf ("\"normalizer\": {\"type\": \"ByteMaps\", \"decompose\": {\"61\": \"%s\"}, \"merge\": {\"62\": \"%s\"}}", b + 1, c + 1);
  const struct { const char *part, *says; } table[] = { { decoder, "decoder makes more than 67108864 bytes" }, { maps, "byte maps make more than 1083776 bytes of 1100" } };
  g_autofree char *folder = g_dir_make_tmp ("gtf-tokenizer-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *json = g_strdup_printf ("{%s, \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"a\", \"vocab\": {\"a\": 0}}}", table[i].part);
      g_assert_true (g_file_set_contents (path, json, -1, NULL));
      g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
      g_assert_no_error (error);
      g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, "a", NULL, NULL, &error);
      g_autofree char *text = e ? gtf_tokenizer_decode (tokenizer, e->ids, e->n_ids, FALSE, &error) : NULL;
      g_assert_null (text);
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
      g_assert_nonnull (strstr (error->message, table[i].says));
    }
  g_remove (path);
  g_rmdir (folder);
}

/* Added tokens are the same whether all is in order or something makes them be read as a tree: before the model, behind it, twice. */
static void
test_added (void)
{
#define MODEL "\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"?\", \"vocab\": {\"?\": 0, \"ab\": 1, \"<x>\": 2}}"
#define ADDED(more) "\"added_tokens\": [{\"id\": 2, \"content\": \"<x>\", \"special\": true, \"rstrip\": true" more "}, {\"content\": \"<\\u0079\\n>\", \"single_word\": false, \"normalized\": false}, " \
  "{\"special\": false, \"lstrip\": true, \"id\": 7, \"content\": \"\\u00e9\"}]"
  static const char *const files[] =
  {
    "{" MODEL ", " ADDED ("") "}", "{" ADDED ("") ", " MODEL "}", "{" ADDED (", \"x\": 1") ", " MODEL "}", "{" ADDED (", \"lstrip\": null") ", " MODEL "}",
    "{\"added_tokens\": null, " MODEL ", " ADDED ("") "}", "{\"added_tokens\": [{}], " ADDED ("") ", " MODEL "}"
  };
  g_autofree char *folder = g_dir_make_tmp ("gtf-tokenizer-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GString) found = g_string_new (NULL);
      g_assert_true (g_file_set_contents (path, files[i], -1, NULL));
      g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
      g_assert_no_error (error);
      g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, "ab<x>  ab  \xC3\xA9 <y\n>", NULL, NULL, &error);
      g_assert_no_error (error);
      for (gsize j = 0; j < e->n_ids; j++)
        g_string_append_printf (found, "%d:%u-%u ", e->ids[j], e->begin[j], e->end[j]);
      g_test_message ("%s", files[i]);
      g_assert_cmpstr (found->str, ==, "1:0-2 2:2-7 1:7-9 4:9-12 0:12-13 3:13-17 ");
    }
  g_remove (path);
  g_rmdir (folder);
#undef MODEL
#undef ADDED
}

/* Whose word counts about sides and padding: of a call, of tokenizer_config.json, of the blocks in tokenizer.json, of the class. */
static void
test_sides (void)
{
#define TRUNCATION "\"truncation\": {\"direction\": \"Left\", \"max_length\": 2, \"strategy\": \"LongestFirst\", \"stride\": 0}, "
#define PADDING "\"padding\": {\"strategy\": {\"Fixed\": 9}, \"direction\": \"Left\", \"pad_to_multiple_of\": null, \"pad_id\": 0, \"pad_type_id\": 1, \"pad_token\": \"p\"}, "
  static const struct { const char *blocks, *config, *parameters, *ids; } table[] =
  {
    { "", "{\"pad_token\": \"p\"}", "{\"max_length\": 2, \"truncation\": true}", "1 2 " },
    { "", "{\"truncation_side\": \"left\"}", "{\"max_length\": 2, \"truncation\": true}", "2 3 " },
    { TRUNCATION, "{}", "{}", "1 2 3 " },
    { TRUNCATION, "{}", "{\"max_length\": 2, \"truncation\": true}", "2 3 " },
    { TRUNCATION, "{\"truncation_side\": \"right\"}", "{\"max_length\": 2, \"truncation\": true}", "1 2 " },
    { TRUNCATION, "{}", "{\"max_length\": 2, \"truncation\": true, \"truncation_side\": \"right\"}", "1 2 " },
    { "", "{\"pad_token\": \"p\"}", "{\"max_length\": 5, \"padding\": \"max_length\"}", "1 2 3 0 0 " },
    { PADDING, "{}", "{\"max_length\": 5, \"padding\": \"max_length\"}", "0 0 1 2 3 " },
    { PADDING, "{\"pad_token\": \"a\", \"padding_side\": \"right\"}", "{\"max_length\": 5, \"padding\": \"max_length\"}", "1 2 3 1 1 " },
    { PADDING, "{}", "{\"padding\": true, \"pad_to_multiple_of\": 4, \"padding_side\": \"right\"}", "1 2 3 0 " },
    { "", "{\"tokenizer_class\": \"XLNetTokenizerFast\", \"pad_token\": \"p\"}", "{\"max_length\": 4, \"padding\": \"max_length\"}", "0 1 2 3 " },
    { "", "{\"tokenizer_class\": \"XLNetTokenizerFast\", \"pad_token\": \"p\", \"padding_side\": \"right\"}", "{\"max_length\": 4, \"padding\": \"max_length\"}", "1 2 3 0 " },
    { "", "{}", "{\"max_length\": 2}", "1 2 " },
    { "", "{}", "{\"max_length\": 2, \"padding\": \"do_not_pad\"}", "1 2 3 " },
    { PADDING, "{\"pad_token\": null}", "{\"padding\": true}", NULL }
  };
  g_autofree char *folder = g_dir_make_tmp ("gtf-tokenizer-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL), *config = g_build_filename (folder, "tokenizer_config.json", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *text = g_strconcat ("{", table[i].blocks, "\"model\": {\"type\": \"BPE\", \"vocab\": {\"p\": 0, \"a\": 1, \"b\": 2, \"c\": 3}, \"merges\": []}}", NULL);
      g_assert_true (g_file_set_contents (path, text, -1, NULL) && g_file_set_contents (config, table[i].config, -1, NULL));
      g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
      g_assert_no_error (error);
      g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, "abc", NULL, table[i].parameters, &error);
      g_autoptr (GString) ids = g_string_new (NULL);
      for (gsize j = 0; e && j < e->n_ids; j++)
        g_string_append_printf (ids, "%d ", e->ids[j]);
      g_test_message ("%s %s %s", table[i].blocks, table[i].config, table[i].parameters);
      g_assert_true ((e == NULL) == (table[i].ids == NULL));
      if (e)
        g_assert_cmpstr (ids->str, ==, table[i].ids);
      else
        g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
    }
#undef TRUNCATION
#undef PADDING
  g_remove (path);
  g_remove (config);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  static const char *const names[] = { "byte-bpe", "nfc-split-bpe", "bert", "unigram-nfkd", "llama-like", "gemma-like", "word-level", "charsmap", "scripts" };
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_strconcat ("/text/tokenizer/golden/", names[i], NULL);
      g_test_add_data_func (path, names[i], test_golden);
    }
  g_test_add_func ("/text/tokenizer/truncation", test_truncation);
  g_test_add_func ("/text/tokenizer/bad", test_bad);
  g_test_add_func ("/text/tokenizer/empty-token", test_empty_token);
  g_test_add_func ("/text/tokenizer/token-twice", test_token_twice);
  g_test_add_func ("/text/tokenizer/grows", test_grows);
  g_test_add_func ("/text/tokenizer/added", test_added);
  g_test_add_func ("/text/tokenizer/sides", test_sides);
  return g_test_run ();
}
