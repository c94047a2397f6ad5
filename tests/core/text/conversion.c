/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Repositories without tokenizer.json, one a class, against goldens of transformers (data/golden/tokenizer-files/make.py): ids,
 * type ids, offsets, decoded text. And what is wrong with such files.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json-print.h"
#include "base/json.h"
#include "text/sentencepiece.h"
#include "text/template.h"
#include "text/tokenizer.h"

static char *
golden (const char *file)
{
  return g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "tokenizer-files", file, NULL);
}

/* ------------------------------------------------------------------ folders */

static void
put (const char *folder, const char *name, const char *data, gssize length)
{
  g_autofree char *path = g_build_filename (folder, name, NULL), *parent = g_path_get_dirname (path);
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_file_set_contents (path, data, length, &error);
  g_assert_no_error (error);
}

static void
put_node (const char *folder, const char *name, JsonNode *node)
{
  g_autofree char *text = gtf_json_print (node, GTF_JSON_COMPACT);
  put (folder, name, text, -1);
}

static void
put_copy (const char *folder, const char *name, const char *source)
{
  g_autofree char *path = golden (source), *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;
  gtf_file_load (path, 1 << 20, &data, &length, &error);
  g_assert_no_error (error);
  put (folder, name, data, (gssize) length);
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir));)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        remove_folder (path);
      else
        g_remove (path);
    }
  g_rmdir (folder);
}

/* ------------------------------------------------------------------ goldens */

static char *
numbers (JsonArray *array)
{
  g_autoptr (GString) out = g_string_new (NULL);
  for (guint i = 0; i < json_array_get_length (array); i++)
    g_string_append_printf (out, "%s%" G_GINT64_FORMAT, i ? " " : "", json_array_get_int_element (array, i));
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* What a model is told of each token beside its id. */
static void
check_features (GtfTokenizer *tokenizer, JsonObject *item, const GtfEncoding *e)
{
  const gint32 *by_id;
  const char *name;
  gsize n;
  guint found = 0;
  for (; (name = gtf_tokenizer_get_token_feature (tokenizer, found, &n, &by_id)); found++)
    {
      g_autofree char *expected = numbers (json_object_get_array_member (item, name));
      g_autoptr (GString) given = g_string_new (NULL);
      for (gsize i = 0; i < e->n_ids; i++)
        {
          g_assert_cmpuint (e->ids[i], <, n);
          g_string_append_printf (given, "%s%d", i ? " " : "", by_id[e->ids[i]]);
        }
      g_assert_cmpstr (given->str, ==, expected);
    }
  g_assert_cmpuint (found, ==, json_object_has_member (item, "input_shape_ids") ? 2 : 0);
}

static char *
print_ids (const GtfEncoding *e)
{
  g_autoptr (GString) ids = g_string_new (NULL);
  for (gsize i = 0; i < e->n_ids; i++)
    g_string_append_printf (ids, "%s%d", i ? " " : "", e->ids[i]);
  return g_string_free (g_steal_pointer (&ids), FALSE);
}

/* The text as one that a model is to write. */
static void
check_target (GtfTokenizer *tokenizer, JsonObject *item, const char *text, const char *pair)
{
  static const struct { const char *key, *parameters; } decoded[] =
  {
    { "target_decoded", NULL }, { "by_source", "{\"use_source_tokenizer\": true}" }, { "by_target", "{\"use_source_tokenizer\": false}" }
  };
  g_autoptr (GError) error = NULL;
  GtfTokenizer *target = gtf_tokenizer_get_target (tokenizer, &error);
  g_assert_no_error (error);
  g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (target, text, pair, NULL, &error);
  g_assert_no_error (error);
  g_autofree char *given = print_ids (e), *expected = numbers (json_object_get_array_member (item, "target"));
  g_assert_cmpstr (given, ==, expected);
  for (guint i = 0; i < G_N_ELEMENTS (decoded); i++)
    {
      if (!json_object_has_member (item, decoded[i].key))
        continue;
      g_autofree char *back = gtf_tokenizer_decode_with (tokenizer, e->ids, e->n_ids, decoded[i].parameters, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (back, ==, json_object_get_string_member (item, decoded[i].key));
    }
}

static void
check_case (GtfTokenizer *tokenizer, JsonObject *item)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = json_object_get_member (item, "text");
  JsonArray *pair = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  const char *text = pair ? json_array_get_string_element (pair, 0) : json_node_get_string (node);
  g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, text, pair ? json_array_get_string_element (pair, 1) : NULL, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (GString) offsets = g_string_new (NULL), types = g_string_new (NULL), special = g_string_new (NULL);
  for (gsize i = 0; i < e->n_ids; i++)
    {
      g_string_append_printf (types, "%s%d", i ? " " : "", e->type_ids[i]);
      g_string_append_printf (special, "%s%d", i ? " " : "", e->special_tokens_mask[i]);
      g_string_append_printf (offsets, "%s%u %u", i ? " " : "", e->begin[i], e->end[i]);
    }
  g_autofree char *ids = print_ids (e), *expected = numbers (json_object_get_array_member (item, "ids"));
  g_test_message ("%s", text);
  g_assert_cmpstr (ids, ==, expected);
  if (json_object_has_member (item, "offsets"))
    {
      g_autofree char *where = numbers (json_object_get_array_member (item, "offsets")), *kinds = numbers (json_object_get_array_member (item, "types"));
      g_assert_cmpstr (offsets->str, ==, where);
      g_assert_cmpstr (types->str, ==, kinds);
    }
  if (json_object_has_member (item, "special"))
    {
      g_autofree char *put_there = numbers (json_object_get_array_member (item, "special"));
      g_assert_cmpstr (special->str, ==, put_there);
    }
  for (guint i = 0; json_object_has_member (item, "tokens") && i < e->n_ids; i++)
    g_assert_cmpstr (gtf_tokenizer_id_to_token (tokenizer, e->ids[i]), ==, json_array_get_string_element (json_object_get_array_member (item, "tokens"), i));
  check_features (tokenizer, item, e);
  if (json_object_has_member (item, "target"))
    check_target (tokenizer, item, text, pair ? json_array_get_string_element (pair, 1) : NULL);
  for (guint skip = 0; skip < 2; skip++)
    {
      g_autofree char *back = gtf_tokenizer_decode (tokenizer, e->ids, e->n_ids, skip, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (back, ==, json_object_get_string_member (item, skip ? "skipped" : "decoded"));
    }
}

static void
check_cases (GtfTokenizer *tokenizer, JsonObject *repository)
{
  JsonArray *cases = json_object_get_array_member (repository, "cases");
  for (guint i = 0; i < json_array_get_length (cases); i++)
    check_case (tokenizer, json_array_get_object_element (cases, i));
}

/* Saved and loaded again, beside the model's config, it is the same: no file was left behind. */
static void
check_saved (GtfTokenizer *tokenizer, JsonObject *repository)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("gtf-saved-XXXXXX", &error);
  g_assert_no_error (error);
  g_assert_true (gtf_tokenizer_save_pretrained (tokenizer, folder, &error));
  g_assert_no_error (error);
  if (json_object_has_member (repository, "config.json"))
    put_node (folder, "config.json", json_object_get_member (repository, "config.json"));
  g_autoptr (GtfTokenizer) again = gtf_tokenizer_load (folder, NULL, &error);
  g_assert_no_error (error);
  check_cases (again, repository);
  remove_folder (folder);
}

static void
test_golden (gconstpointer data)
{
  JsonObject *repository = (JsonObject *) data;
  static const char *const written[] = { "config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json" };
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("gtf-test-XXXXXX", &error);
  g_assert_no_error (error);
  JsonObjectIter iter;
  const char *name;
  JsonNode *source;
  json_object_iter_init (&iter, json_object_get_object_member (repository, "files"));
  while (json_object_iter_next (&iter, &name, &source))
    if (JSON_NODE_HOLDS_OBJECT (source))
      put_node (folder, name, source);
    else
      put_copy (folder, name, json_node_get_string (source));
  for (guint i = 0; i < G_N_ELEMENTS (written); i++)
    if (json_object_has_member (repository, written[i]))
      put_node (folder, written[i], json_object_get_member (repository, written[i]));
  g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (gtf_tokenizer_get_vocab_size (tokenizer), ==, json_object_get_int_member (repository, "size"));
  check_cases (tokenizer, repository);
  check_saved (tokenizer, repository);
  remove_folder (folder);
}

/* ------------------------------------------------------------------ what is wrong */

/* The folder's files, and words that the message must have. */
typedef struct { const char *name, *files[8], *message[4]; } Bad;

static const Bad bad[] =
{
  { "nothing", { NULL }, { "no tokenizer", "tokenizer.json" } },
  { "no-vocab", { "config.json", "{\"model_type\": \"bert\"}" }, { "vocab.txt", "BertTokenizer" } },
  { "no-merges", { "config.json", "{\"model_type\": \"gpt2\"}", "vocab.json", "{\"a\": 0}" }, { "merges.txt" } },
  { "merge-not-in-vocab", { "config.json", "{\"model_type\": \"gpt2\"}", "vocab.json", "{\"a\": 0}", "merges.txt", "#version: 0.2\na b\n" }, { "merges.txt", "line 2", "“b”" } },
  { "merge-of-three", { "config.json", "{\"model_type\": \"gpt2\"}", "vocab.json", "{\"a\": 0}", "merges.txt", "a a a\n" }, { "merges.txt", "line 1", "two tokens" } },
  { "negative-id", { "config.json", "{\"model_type\": \"gpt2\"}", "vocab.json", "{\"a\": -1}", "merges.txt", "" }, { "vocab.json" } },
  { "id-of-two", { "config.json", "{\"model_type\": \"gpt2\"}", "vocab.json", "{\"a\": 1, \"b\": 1}", "merges.txt", "" }, { "vocab.json", "two tokens" } },
  { "setting-of-wrong-type", { "tokenizer_config.json", "{\"do_lower_case\": \"no\", \"tokenizer_class\": \"BertTokenizer\"}", "vocab.txt", "[UNK]\n" },
    { "tokenizer_config.json", "do_lower_case" } },
  { "added-id", { "config.json", "{\"model_type\": \"bert\"}", "vocab.txt", "[UNK]\n[CLS]\n[SEP]\n", "added_tokens.json", "{\"x\": \"y\"}" }, { "added_tokens.json", "x" } },
  { "no-unknown-id", { "tokenizer_config.json", "{\"tokenizer_class\": \"Speech2TextTokenizer\", \"unk_token\": null}", "vocab.json", "{\"a\": 0}", "sentencepiece.bpe.model",
                       "\x0a\x05\x0a\x01" "a\x18\x02" }, { "vocab.json", "unknown token", "null" } },
  { "no-dictionary", { "config.json", "{\"model_type\": \"roformer\"}", "vocab.txt", "[UNK]\n" }, { "RoFormerTokenizer", "jieba", "tokenizer.json" } },
  { "no-word", { "tokenizer_config.json", "{\"tokenizer_class\": \"BartphoTokenizer\"}", "dict.txt", "a 1\n \n", "sentencepiece.bpe.model", "\x0a\x05\x0a\x01" "a\x18\x02" },
    { "dict.txt", "line 2", "empty line" } },
  { "no-dict", { "tokenizer_config.json", "{\"tokenizer_class\": \"BartphoTokenizer\"}", "sentencepiece.bpe.model", "\x0a\x05\x0a\x01" "a\x18\x02" }, { "dict.txt" } },
  { "no-languages", { "tokenizer_config.json", "{\"tokenizer_class\": \"FSMTTokenizer\", \"langs\": [\"en\"]}", "vocab-src.json", "{\"<unk>\": 0}", "merges.txt", "" },
    { "tokenizer_config.json", "langs", "two languages" } },
  { "no-moses-language", { "tokenizer_config.json", "{\"tokenizer_class\": \"FSMTTokenizer\", \"langs\": [\"fi\", \"en\"]}", "vocab-src.json", "{\"<unk>\": 0}", "merges.txt", "" },
    { "language", "de, en, fr, ru", "“fi”" } },
  { "no-merge-map", { "config.json", "{\"model_type\": \"myt5\"}", "byte_maps.json", "{\"decompose_map\": {}, \"merge_map\": []}" }, { "byte_maps.json", "merge_map", "an object" } },
  { "byte-of-three-digits", { "config.json", "{\"model_type\": \"myt5\"}", "byte_maps.json", "{\"decompose_map\": {}, \"merge_map\": {\"e0 a4\": \"c31\"}}" },
    { "byte_maps.json", "merge", "bytes", "“c31”" } },
  { "no-emoji", { "config.json", "{\"model_type\": \"gpt_neox_japanese\"}", "vocab.txt", "<|endoftext|>\n" }, { "emoji.json" } },
  { "no-emoji-back", { "config.json", "{\"model_type\": \"gpt_neox_japanese\"}", "vocab.txt", "<|endoftext|>\n", "emoji.json", "{\"emoji\": {}}" }, { "emoji.json", "emoji_inv", "nothing" } },
  { "no-unknown-word", { "config.json", "{\"model_type\": \"gpt_neox_japanese\"}", "vocab.txt", "a,b\n", "emoji.json", "{\"emoji\": {}, \"emoji_inv\": {}}" }, { "vocab.txt", "<|endoftext|>" } },
  { "emoji-of-wrong-type", { "config.json", "{\"model_type\": \"gpt_neox_japanese\"}", "vocab.txt", "<|endoftext|>\n<|emoji1|>\n", "emoji.json", "{\"emoji\": {\"x\": 5}, \"emoji_inv\": {\"<|emoji1|>\": []}}" },
    { "x", "expected a string" } },
  { "cleaned-texts", { "tokenizer_config.json", "{\"tokenizer_class\": \"GPTNeoXJapaneseTokenizer\", \"do_clean_text\": true}", "vocab.txt", "", "emoji.json", "" },
    { "tokenizer_config.json", "do_clean_text" } },
  { "no-codes", { "config.json", "{\"model_type\": \"phobert\"}", "vocab.txt", "a 1\n" }, { "bpe.codes" } },
  { "code-without-count", { "config.json", "{\"model_type\": \"phobert\"}", "vocab.txt", "a 1\n", "bpe.codes", "a b 3\na b\n" }, { "bpe.codes", "line 2", "a count", "“a b”" } },
  { "token-without-count", { "config.json", "{\"model_type\": \"phobert\"}", "vocab.txt", "a\n", "bpe.codes", "" }, { "vocab.txt", "line 1", "count" } },
  { "code-of-three", { "config.json", "{\"model_type\": \"blenderbot-small\"}", "vocab.json", "{\"__unk__\": 0}", "merges.txt", "#version\na b c\n" },
    { "merges.txt", "line 2", "two tokens" } },
  { "no-unknown-subword", { "config.json", "{\"model_type\": \"blenderbot-small\"}", "vocab.json", "{\"a\": 0}", "merges.txt", "" }, { "vocab.json", "__unk__" } },
  { "tweets", { "tokenizer_config.json", "{\"tokenizer_class\": \"BertweetTokenizer\", \"normalization\": true}", "vocab.txt", "", "bpe.codes", "" },
    { "tokenizer_config.json", "normalization", "BertweetTokenizer" } },
  { "whisper-language", { "tokenizer_config.json", "{\"tokenizer_class\": \"WhisperTokenizer\", \"language\": \"Klingon\"}", "vocab.json", "{}", "merges.txt", "" },
    { "language", "“klingon”", "haitian creole" } },
  { "tiktoken-line", { "tokenizer.model", "YQ== 0\nYg== x\n" }, { "tokenizer.model", "line 2", "base64", "Yg== x" } },
  { "tiktoken-id", { "tiktoken.model", "YQ== 0\nYg== 0\n" }, { "tiktoken.model", "id 0", "two tokens" } },
  { "tiktoken-far", { "tokenizer_config.json", "{\"added_tokens_decoder\": {\"9000000\": {\"content\": \"x\"}}}", "tiktoken.model", "YQ== 0\n" }, { "added_tokens_decoder", "9000000" } },
  { "no-shapes", { "config.json", "{\"model_type\": \"roc_bert\"}", "vocab.txt", "[UNK]\n", "word_pronunciation.json", "{\"[UNK]\": 1}" }, { "word_shape.json", "expected it" } },
  { "no-unknown-shape", { "config.json", "{\"model_type\": \"roc_bert\"}", "vocab.txt", "[UNK]\n", "word_pronunciation.json", "{\"[UNK]\": 1}", "word_shape.json", "{\"a\": 1}" }, { "word_shape.json", "“[UNK]” is missing" } },
  { "shape-of-wrong-type", { "config.json", "{\"model_type\": \"roc_bert\"}", "vocab.txt", "[UNK]\n", "word_pronunciation.json", "{\"[UNK]\": 1}", "word_shape.json", "{\"[UNK]\": 1, \"a\": -1}" }, { "word_shape.json", "a" } },
  { "no-unknown-piece", { "config.json", "{\"model_type\": \"albert\"}", "spiece.model", "\x0a\x03\x0a\x01" "a" }, { "spiece.model", "unknown token" } },
};

static void
test_bad (gconstpointer data)
{
  const Bad *b = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("gtf-test-XXXXXX", &error);
  g_assert_no_error (error);
  for (guint i = 0; i + 1 < G_N_ELEMENTS (b->files) && b->files[i]; i += 2)
    put (folder, b->files[i], b->files[i + 1], -1);
  g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  remove_folder (folder);
  g_assert_null (tokenizer);
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  for (guint i = 0; i < G_N_ELEMENTS (b->message) && b->message[i]; i++)
    g_assert_nonnull (strstr (error->message, b->message[i]));
}

/* Texts that something else would have to make ready first. */
static void
test_refused_texts (void)
{
  static const struct { const char *config, *text, *says; } rows[] =
  {
    { "{\"tokenizer_class\": \"VitsTokenizer\"}", "a", "phonemize" },
    { "{\"tokenizer_class\": \"VitsTokenizer\", \"phonemize\": false, \"is_uroman\": true}", "a\u00e9", "uroman" },
    { "{\"tokenizer_class\": \"VitsTokenizer\", \"phonemize\": false, \"is_uroman\": true}", "a", NULL }
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *folder = g_dir_make_tmp ("gtf-test-XXXXXX", &error);
      g_assert_no_error (error);
      put (folder, "tokenizer_config.json", rows[i].config, -1);
      put (folder, "vocab.json", "{\"<unk>\": 0, \"<pad>\": 1, \"a\": 2}", -1);
      g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
      remove_folder (folder);
      g_assert_no_error (error);
      g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, rows[i].text, NULL, NULL, &error);
      g_assert_true ((e != NULL) == (rows[i].says == NULL));
      g_assert_true (e != NULL || strstr (error->message, rows[i].says));
    }
}

/* The target side is read when it is asked for, and says what is wrong with it then; the source side goes on. */
static void
test_bad_target (void)
{
  static const char config[] = "{\"model_type\": \"marian\"}", piece[] = "\x0a\x05\x0a\x01" "a\x18\x02";
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("gtf-test-XXXXXX", &error);
  g_assert_no_error (error);
  put (folder, "config.json", config, -1);
  put (folder, "vocab.json", "{\"<unk>\": 0, \"</s>\": 1, \"a\": 2}", -1);
  put (folder, "source.spm", piece, -1);
  g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_null (gtf_tokenizer_get_target (tokenizer, &error));
      g_assert_nonnull (strstr (error->message, "target.spm"));
      g_clear_error (&error);
    }
  g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, "a", NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (e->n_ids, >, 1);
  g_assert_null (gtf_tokenizer_decode_with (tokenizer, e->ids, e->n_ids, "{\"use_source_tokenizer\": false}", &error));
  g_assert_nonnull (strstr (error->message, "target.spm"));
  g_clear_error (&error);
  put (folder, "target.spm", piece, -1);
  g_assert_true (gtf_tokenizer_get_target (tokenizer, &error) == gtf_tokenizer_get_target (tokenizer, NULL));
  g_assert_no_error (error);
  remove_folder (folder);
}

/* A tokenizer.json says what stands around texts to be read; around those to be written it is the other language. */
static void
test_target_of_json (void)
{
  static const char json[] = "{\"version\": \"1.0\", \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"<unk>\", \"vocab\": {\"<unk>\": 0, \"</s>\": 1, \"en_XX\": 2, \"de_DE\": 3, \"a\": 4}},"
                             " \"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"</s>\", 1], \"cls\": [\"en_XX\", 2]}}";
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("gtf-test-XXXXXX", &error);
  g_assert_no_error (error);
  put (folder, "tokenizer.json", json, -1);
  put (folder, "tokenizer_config.json", "{\"tokenizer_class\": \"MBart50Tokenizer\", \"tgt_lang\": \"de_DE\"}", -1);
  g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  g_assert_no_error (error);
  GtfTokenizer *target = gtf_tokenizer_get_target (tokenizer, &error);
  g_assert_no_error (error);
  g_autoptr (GtfEncoding) read = gtf_tokenizer_encode (tokenizer, "a", NULL, NULL, &error), written = gtf_tokenizer_encode (target, "a", NULL, NULL, &error);
  g_autofree char *first = print_ids (read), *second = print_ids (written);
  g_assert_cmpstr (first, ==, "2 4 1");
  g_assert_cmpstr (second, ==, "3 4 1");
  remove_folder (folder);
}

/* A tokenizer of phonemes is given them, unless the texts were to be made phonemes: then it decodes, and encodes nothing. */
static void
test_phonemize (void)
{
  static const char *const configs[] = { "{\"tokenizer_class\": \"Wav2Vec2PhonemeCTCTokenizer\"}", "{\"tokenizer_class\": \"Wav2Vec2PhonemeCTCTokenizer\", \"do_phonemize\": false}" };
  for (guint i = 0; i < G_N_ELEMENTS (configs); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *folder = g_dir_make_tmp ("gtf-test-XXXXXX", &error);
      put (folder, "tokenizer_config.json", configs[i], -1);
      put (folder, "vocab.json", "{\"<pad>\": 0, \"<unk>\": 1, \"a\": 2, \"t\": 3}", -1);
      g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
      remove_folder (folder);
      g_assert_no_error (error);
      g_autofree char *text = gtf_tokenizer_decode (tokenizer, (const gint32[]) { 2, 3 }, 2, TRUE, &error);
      g_assert_cmpstr (text, ==, "a t");
      g_autoptr (GtfEncoding) encoding = gtf_tokenizer_encode (tokenizer, "a t", NULL, NULL, &error);
      g_assert_true ((encoding == NULL) == (i == 0));
      if (i == 0)
        {
          g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
          g_assert_nonnull (strstr (error->message, "tokenizer_config.json: do_phonemize is true"));
        }
    }
}

/* ------------------------------------------------------------------ SentencePiece */

static GtfSpm *
parse (const char *data, gsize length, GError **error)
{
  return gtf_spm_parse ("m.model", g_memdup2 (data, length), length, error);
}

static void
test_spm_values (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = golden ("gemma.model");
  g_autoptr (GtfSpm) spm = gtf_spm_load (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (spm->algorithm, ==, GTF_SPM_BPE);
  g_assert_true (spm->byte_fallback);
  g_assert_false (spm->add_dummy_prefix || spm->remove_extra_whitespaces);
  g_assert_cmpint (spm->bos_id, ==, 2);
  g_assert_cmpstr (spm->bos_piece, ==, "<bos>");
  g_assert_cmpint (spm->pieces[0].type, ==, GTF_SPM_CONTROL);
  g_assert_cmpint (spm->pieces[3].type, ==, GTF_SPM_UNKNOWN);
  g_assert_cmpint (spm->pieces[4].type, ==, GTF_SPM_USER_DEFINED);
  g_assert_cmpmem (spm->pieces[4].text, spm->pieces[4].length, "<mask>", 6);
}

/* Of a model cut off anywhere there is an error, or it ends between two fields. */
static void
test_spm_truncated (void)
{
  g_autofree char *path = golden ("charsmap.model"), *data = NULL;
  gsize length;
  g_assert_true (gtf_file_load (path, 1 << 20, &data, &length, NULL));
  guint refused = 0;
  for (gsize n = 0; n < length; n++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSpm) spm = parse (data, n, &error);
      g_assert_true ((spm == NULL) == (error != NULL));
      refused += spm == NULL;
      if (spm == NULL)
        g_assert_true (g_str_has_prefix (error->message, "m.model: "));
    }
  g_assert_cmpuint (refused, >, length / 2);
}

static void
test_spm_bad (void)
{
#define BYTES(s) s, sizeof (s) - 1
  const struct { const char *data; gsize length; const char *message; } table[] =
  {
    { BYTES (""), "pieces" },
    { BYTES ("\x0a\x05\x0a\x01" "a"), "truncated" },
    { BYTES ("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "truncated" },
    { BYTES ("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "ten bytes" },
    { BYTES ("\x0a\x02\x0a\x09"), "pieces[0]: truncated: field 1 has 9 bytes" },
    { BYTES ("\x0a\x00"), "pieces[0]: piece" },
    { BYTES ("\x0a\x03\x0a\x01\xff"), "pieces[0]: piece: not UTF-8" },
    { BYTES ("\x0a\x05\x0a\x01" "a\x18\x07"), "pieces[0]: type: expected 1 ... 6, found 7" },
    { BYTES ("\x0a\x05\x0a\x01" "a\x10\x07"), "pieces[0]: score: expected wire type" },
    { BYTES ("\x0a\x08\x0a\x01" "a\x15\x00\x00\xc0\x7f"), "pieces[0]: score: not a finite number" },
    { BYTES ("\x0a\x03\x0a\x01" "a\x12\x02\x18\x09"), "trainer_spec: model_type" },
    { BYTES ("\x0a\x03\x0a\x01" "a\x12\x03\xc0\x02\x07"), "unk_id: expected -1 ... 0, found 7" },
    { BYTES ("\x0a\x03\x0a\x01" "a\x1a\x02\x10\x01"), "normalizer_spec: precompiled_charsmap" },
    { BYTES ("{\"a\": 1}"), "not a SentencePiece model" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSpm) spm = parse (table[i].data, table[i].length, &error);
      g_assert_null (spm);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, table[i].message));
    }
  /* A piece of 5000 bytes. */
  g_autofree char *text = g_strnfill (5000, 'a');
  g_autofree char *model = g_strconcat ("\x0a\x8b\x27\x0a\x88\x27", text, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSpm) spm = parse (model, strlen (model), &error);
  g_assert_null (spm);
  g_assert_nonnull (strstr (error->message, "pieces[0]: piece: expected at most 4096 bytes, found 5000"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = golden ("cases.json"), *text = NULL;
  gsize length;
  g_assert_true (gtf_file_load (path, 1 << 22, &text, &length, &error));
  g_autoptr (JsonNode) root = gtf_json_parse (path, text, (gssize) length, GTF_JSON_STRICT | GTF_JSON_MODIFIED_UTF8, &error);
  g_assert_no_error (error);
  JsonArray *all = json_node_get_array (root);
  for (guint i = 0; i < json_array_get_length (all); i++)
    {
      JsonObject *repository = json_array_get_object_element (all, i);
      g_autofree char *name = g_strconcat ("/text/conversion/", json_object_get_string_member (repository, "name"), NULL);
      g_test_add_data_func (name, repository, test_golden);
    }
  g_test_add_func ("/text/conversion/bad-target", test_bad_target);
  g_test_add_func ("/text/conversion/refused-texts", test_refused_texts);
  g_test_add_func ("/text/conversion/target-of-json", test_target_of_json);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *name = g_strconcat ("/text/conversion/bad/", bad[i].name, NULL);
      g_test_add_data_func (name, &bad[i], test_bad);
    }
  g_test_add_func ("/text/conversion/phonemize", test_phonemize);
  g_test_add_func ("/text/sentencepiece/values", test_spm_values);
  g_test_add_func ("/text/sentencepiece/truncated", test_spm_truncated);
  g_test_add_func ("/text/sentencepiece/bad", test_spm_bad);
  return g_test_run ();
}
