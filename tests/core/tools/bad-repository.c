/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Broken, truncated, lying and hostile repositories, from outside: a copy of a small one is spoilt in one way a case, and the
 * command-line tool is run on it. Each case ends with status 1 and one message that names file and key or tensor; nothing is on
 * standard output and no file is left.
 */
#include <unistd.h>
#include "../../tell.h"
#include "sounds.h"
#include "spoil.h"
#include "tool.h"

static char *golden, *scratch, *repository, *media;

#define RUN "run automatic-speech-recognition $S --quiet --model $R --output $T/out.json"

/* Runs the spoilt repository; a sound that is good shows that it is the repository which is refused. */
static void
assert_repository_fails (const char *what, const char *says)
{
  g_auto (Outcome) o = tool_run (RUN, "");

  tool_assert_failure (what, &o, says);
  g_assert_cmpuint (tool_count_files (scratch), ==, 0);
}

/* ---- JSON files of a repository ----------------------------------------------------------------------------------------- */

static const struct
{
  const char *file;
  const char *key;              /* NULL: the whole file */
  const char *value;            /* JSON; NULL: taken away */
  const char *says;             /* beside the file's path, separated by '~' */
} files[] = {
  /* config.json: missing, no JSON, no object */
  { "config.json", NULL, NULL, "cannot be opened" },
  { "config.json", NULL, "", "line 1" },
  { "config.json", NULL, "{\"model_type\": \"whisper\"", "line 1~found the end" },
  { "config.json", NULL, "[]", "expected a JSON object, found a list" },
  { "config.json", NULL, "{\"model_type\": \"\xFF\"}", "UTF-8" },
  { "config.json", NULL, "{\"a\": 01}", "line 1" },
  /* keys: missing, of the wrong type, out of range */
  { "config.json", "model_type", NULL, "\"model_type\" is missing" },
  { "config.json", "model_type", "7", "\"model_type\": expected a string, found 7" },
  { "config.json", "model_type", "\"nosuch\"", "plugins/gtf-nosuch.so" },
  { "config.json", "model_type", "\"../../evil\"", "no name of a model_type" },
  { "config.json", "architectures", "7", "\"architectures\": expected a list" },
  { "config.json", "architectures", "[7]", "\"architectures\": expected a string" },
  { "config.json", "d_model", NULL, "\"d_model\" is missing" },
  { "config.json", "d_model", "\"32\"", "\"d_model\": expected an integer~the string \"32\"" },
  { "config.json", "d_model", "31", "d_model (31) must be a multiple" },
  { "config.json", "d_model", "1e300", "\"d_model\": expected an integer" },
  { "config.json", "d_model", "-32", "\"d_model\"~found -32" },
  { "config.json", "d_model", "NaN", "\"d_model\": expected an integer" },
  { "config.json", "encoder_layers", "0", "\"encoder_layers\"~found 0" },
  { "config.json", "encoder_layers", "1e9", "\"encoder_layers\"" },
  { "config.json", "vocab_size", "[593]", "\"vocab_size\": expected an integer~found a list" },
  { "config.json", "max_source_positions", "{}", "\"max_source_positions\"~found an object" },
  { "config.json", "activation_function", "\"swosh\"", "\"activation_function\"~swosh" },
  { "config.json", "activation_function", "3", "\"activation_function\": expected a string" },
  { "config.json", "median_filter_width", "\"seven\"", "\"median_filter_width\": expected an integer~the string \"seven\"" },
  { "config.json", "median_filter_width", "6", "\"median_filter_width\": expected an odd number, found 6" },
  { "config.json", "median_filter_width", "true", "\"median_filter_width\": expected an integer" },
  { "config.json", "scale_embedding", "\"no\"", "\"scale_embedding\": expected true or false" },
  { "config.json", "tie_word_embeddings", "[1]", "\"tie_word_embeddings\": expected true or false" },
  { "config.json", "dtype", "16", "\"dtype\": expected a string, found 16" },
  { "config.json", "torch_dtype", "\"float17\"", "\"torch_dtype\"~float17" },
  { "config.json", "quantization_config", "{\"quant_method\": \"gptq\"}", "\"quantization_config\"~gptq" },
  /* generation_config.json: found when the model is loaded, with the file's path */
  { "generation_config.json", NULL, "nonsense", "line 1" },
  { "generation_config.json", NULL, "[]", "expected a JSON object, found a list" },
  { "generation_config.json", "max_length", "\"long\"", "'max_length'~\"long\"" },
  { "generation_config.json", "num_beams", "0", "'num_beams'" },
  { "generation_config.json", "eos_token_id", "[1.5]", "'eos_token_id'" },
  { "generation_config.json", "suppress_tokens", "{}", "'suppress_tokens'" },
  { "generation_config.json", "no_timestamps_token_id", "593", "\"no_timestamps_token_id\"~found 593" },
  { "generation_config.json", "no_timestamps_token_id", "\"x\"", "\"no_timestamps_token_id\"" },
  { "generation_config.json", "decoder_start_token_id", "100000", "\"decoder_start_token_id\"~found 100000" },
  { "generation_config.json", "decoder_start_token_id", "-1", "\"decoder_start_token_id\"" },
  { "generation_config.json", "prev_sot_token_id", "-2", "\"prev_sot_token_id\"~found -2" },
  { "generation_config.json", "lang_to_id", "[1]", "\"lang_to_id\"~found a list" },
  { "generation_config.json", "lang_to_id", "{}", "\"lang_to_id\"" },
  { "generation_config.json", "lang_to_id.<|en|>", "593", "\"lang_to_id.<|en|>\"~found 593" },
  { "generation_config.json", "lang_to_id.<|en|>", "\"332\"", "\"lang_to_id.<|en|>\"~the string \"332\"" },
  { "generation_config.json", "task_to_id.transcribe", "null", "\"task_to_id.transcribe\"~found null" },
  { "generation_config.json", "alignment_heads", "7", "\"alignment_heads\"~found 7" },
  { "generation_config.json", "alignment_heads", "[[0]]", "\"alignment_heads\"~[layer, head]" },
  { "generation_config.json", "alignment_heads", "[[2, 0]]", "\"alignment_heads\"~found 2" },
  { "generation_config.json", "alignment_heads", "[[0, 4]]", "\"alignment_heads\"~found 4" },
  { "generation_config.json", "forced_decoder_ids", "[[1, 593]]", "\"forced_decoder_ids\"~found 593" },
  { "generation_config.json", "forced_decoder_ids", "[[1, 332], [3, 337]]", "\"forced_decoder_ids\"~position 2" },
  { "generation_config.json", "forced_decoder_ids", "{}", "\"forced_decoder_ids\"~found an object" },
  { "generation_config.json", "max_initial_timestamp_index", "-1", "\"max_initial_timestamp_index\"" },
  { "generation_config.json", "is_multilingual", "\"yes\"", "\"is_multilingual\": expected true or false" },
  { "generation_config.json", "logprob_threshold", "\"low\"", "\"logprob_threshold\": expected a number" },
  { "generation_config.json", "return_timestamps", "\"words\"", "\"return_timestamps\"~\"words\"" },
  { "generation_config.json", "language", "5", "\"language\": expected a string" },
  /* preprocessor_config.json */
  { "preprocessor_config.json", NULL, "{", "line 1" },
  { "preprocessor_config.json", "feature_extractor_type", "\"NoSuchExtractor\"", "NoSuchExtractor" },
  { "preprocessor_config.json", "sampling_rate", "0", "\"sampling_rate\"~found 0" },
  { "preprocessor_config.json", "sampling_rate", "\"16k\"", "\"sampling_rate\"~the string \"16k\"" },
  { "preprocessor_config.json", "hop_length", "0", "\"hop_length\"~found 0" },
  { "preprocessor_config.json", "hop_length", "1e12", "\"hop_length\"" },
  { "preprocessor_config.json", "n_fft", "-400", "\"n_fft\"~found -400" },
  { "preprocessor_config.json", "feature_size", "1e9", "\"feature_size\"" },
  { "preprocessor_config.json", "chunk_length", "NaN", "\"chunk_length\"" },
  /* the tokenizer (what can be wrong inside of its parts is tested in tests/core/text) */
  { "tokenizer.json", NULL, "", "line 1" },
  { "tokenizer.json", NULL, "[]", "tokenizer.json" },
  { "tokenizer.json", "model", NULL, "model" },
  { "tokenizer.json", "model.type", "\"XPE\"", "XPE" },
};

static void
test_files (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (repository, files[i].file, NULL);
      g_autofree char *what = g_strdup_printf ("%s: %s = %s", files[i].file, files[i].key ? files[i].key : "", files[i].value ? files[i].value : "(none)");
      g_autofree char *says = g_strdup_printf ("%s~%s", path, files[i].says);

      tell ("%s", what);
      spoil_restore (repository, golden);
      if (files[i].key)
        spoil_member (repository, files[i].file, files[i].key, files[i].value);
      else if (files[i].value)
        spoil_put (repository, files[i].file, files[i].value, strlen (files[i].value));
      else
        g_unlink (path);
      assert_repository_fails (what, says);
    }
}

/* ---- weights -------------------------------------------------------------------------------------------------------------- */

/* A file with this header and so many zeros. */
static void
put_header (const char *header, gsize data)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  guint64 length = GUINT64_TO_LE ((guint64) strlen (header));
  gsize start;

  g_byte_array_append (file, (const guint8 *) &length, 8);
  g_byte_array_append (file, (const guint8 *) header, (guint) strlen (header));
  start = file->len;
  g_byte_array_set_size (file, (guint) (start + data));
  memset (file->data + start, 0, data);
  spoil_put (repository, "model.safetensors", file->data, file->len);
}

static const struct
{
  const char *header;
  gsize data;
  const char *says;
} headers[] = {
  { "{}", 0, "config.json asks for 1 layers~only 0 tensors" },
  { "", 0, "must begin with '{'" },
  { "[]", 0, "must begin with '{'" },
  { "{\"a\": ", 0, "found the end" },
  { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,16]}}", 8, "tensor \"a\"~do not lie inside the 8 bytes" },
  { "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "tensor \"a\"~does not fit" },
  { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}", 8, "tensor \"a\"~does not fit" },
  { "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807],\"data_offsets\":[0,8]}}", 8, "tensor \"a\"~does not fit" },
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}", 6, "tensor \"b\"~overlap" },
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", 8, "tensor \"a\"~a hole" },
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 5, "cover 4 bytes" },
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, "tensor \"a\" comes twice" },
  { "{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "tensor \"a\"~F31" },
  { "{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "tensor \"a\": \"dtype\"" },
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":\"1\",\"data_offsets\":[0,1]}}", 1, "tensor \"a\": \"shape\"" },
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1.5]}}", 1, "tensor \"a\": \"data_offsets\"~found 1.5" },
  { "{\"__metadata__\":{\"format\":7}}", 0, "\"__metadata__\": \"format\"" },
};

static void
test_headers (void)
{
  g_autofree char *path = g_build_filename (repository, "model.safetensors", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (headers); i++)
    {
      g_autofree char *says = g_strdup_printf ("%s~%s", path, headers[i].says);

      tell ("%s", headers[i].header);
      spoil_restore (repository, golden);
      put_header (headers[i].header, headers[i].data);
      assert_repository_fails (headers[i].header, says);
    }
}

/* A header that says that it is @length long. */
static void
put_length (guint64 length)
{
  g_autofree char *data = NULL;
  gsize size;

  spoil_restore (repository, golden);
  data = spoil_get (repository, "model.safetensors", &size);
  length = GUINT64_TO_LE (length);
  memcpy (data, &length, 8);
  spoil_put (repository, "model.safetensors", data, size);
}

static void
test_truncated (void)
{
  static const gsize ends[] = { 0, 1, 7, 8, 9, 100, 4000, 20000, 149607 };
  g_autofree char *path = g_build_filename (repository, "model.safetensors", NULL);
  g_autofree char *data = NULL;
  gsize size;

  spoil_restore (repository, golden);
  data = spoil_get (repository, "model.safetensors", &size);
  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_assert_cmpuint (ends[i], <, size);
      spoil_put (repository, "model.safetensors", data, ends[i]);
      assert_repository_fails ("truncated", path);
    }
  put_length (0);
  assert_repository_fails ("no header", path);
  put_length (149608);
  assert_repository_fails ("a header beyond the file", path);
  put_length (100000001);
  assert_repository_fails ("a huge header", path);
  put_length (G_MAXUINT64);
  assert_repository_fails ("the longest header", path);
}

/* Replaces @from by @to, of the same length, in the header. */
static void
lie (const char *from, const char *to)
{
  g_autofree char *data = NULL;
  gsize size;
  char *at;

  spoil_restore (repository, golden);
  data = spoil_get (repository, "model.safetensors", &size);
  at = g_strstr_len (data + 8, (gssize) size - 8, from);
  g_assert_true (at && strlen (from) == strlen (to));
  memcpy (at, to, strlen (to));
  spoil_put (repository, "model.safetensors", data, size);
}

static void
test_lies (void)
{
  g_autofree char *path = g_build_filename (repository, "model.safetensors", NULL), *says = NULL;

  /* Shape and bytes still agree, but the model's config does not. */
  lie ("\"shape\":[593,32]", "\"shape\":[32,593]");
  says = g_strconcat (path, "~model.decoder.embed_tokens.weight~[593, 32]~[32, 593]", NULL);
  assert_repository_fails ("a turned shape", says);
  lie ("model.decoder.embed_tokens.weight", "model.decoder.embed_rokens.weight");
  assert_repository_fails ("a missing tensor", "decoder.embed_tokens.weight~missing");
  lie ("\"dtype\":\"F16\",\"shape\":[593,32]", "\"dtype\":\"I16\",\"shape\":[593,32]");
  assert_repository_fails ("integers for weights", "model.decoder.embed_tokens.weight~I16");
}

static void
test_weights (void)
{
  static const char index[] = "{\"weight_map\": {\"a\": \"model-1.safetensors\"}}", outside[] = "{\"weight_map\": {\"a\": \"../x.safetensors\"}}";
  g_autofree char *path = g_build_filename (repository, "model.safetensors", NULL), *bin = g_build_filename (repository, "pytorch_model.bin", NULL);
  g_autofree char *none = g_strconcat (repository, "~has no weights~model.safetensors", NULL);
  g_autofree char *other = g_strconcat (bin, "~is no file of weights", NULL), *folder = g_strconcat (path, "~a folder", NULL);
  g_autofree char *shard = g_build_filename (repository, "model-1.safetensors", NULL);

  spoil_restore (repository, golden);
  g_unlink (path);
  assert_repository_fails ("no weights", none);
  spoil_put (repository, "pytorch_model.bin", "PK", 2);
  assert_repository_fails ("other weights", other);
  spoil_put (repository, "model.safetensors.index.json", index, strlen (index));
  assert_repository_fails ("a shard that is missing", shard);
  spoil_put (repository, "model.safetensors.index.json", outside, strlen (outside));
  assert_repository_fails ("a shard outside", "model.safetensors.index.json~leads outside");
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  assert_repository_fails ("a folder for weights", folder);
  g_rmdir (path);
}

/* The file is cut off after its header has been read: a preloaded pread() does it, so that it happens each time. */
static void
test_shrinking (void)
{
  g_autoptr (GSubprocessLauncher) launcher = tool_launcher ();
  g_autofree char *path = g_build_filename (repository, "model.safetensors", NULL), *says = g_strconcat (path, "~shorter", NULL);
  g_autofree char *asan = g_strconcat (g_getenv ("ASAN_OPTIONS") ? g_getenv ("ASAN_OPTIONS") : "", ":verify_asan_link_order=0", NULL);
  g_auto (Outcome) o = { 0 };

  spoil_restore (repository, golden);
  g_subprocess_launcher_setenv (launcher, "LD_PRELOAD", g_getenv ("GTF_SHRINK"), TRUE);
  g_subprocess_launcher_setenv (launcher, "ASAN_OPTIONS", asan, TRUE);
  g_subprocess_launcher_setenv (launcher, "GTF_SHRINK_FILE", path, TRUE);
  o = tool_run_with (launcher, RUN, "");
  tool_assert_failure ("a file that shrinks", &o, says);
  g_assert_cmpuint (tool_count_files (scratch), ==, 0);
}

/* ---- plugins ---------------------------------------------------------------------------------------------------------------- */

static void
test_plugins (void)
{
  static const struct { const char *model_type, *says; } cases[] = {
    { "wrong-abi", "config.json~gtf-wrong-abi.so~ABI 99" }, { "wrong-name", "gtf-wrong-name.so~says its name is \"demo\"" },
    { "no-symbol", "gtf-no-symbol.so~has no function" }, { "wrong-size", "gtf-wrong-size.so~struct_size is 8" },
    { "not-served", "gtf-not-served.so~does not serve" }, { "nobody", "config.json~nobody~gtf-nobody.so" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *value = g_strdup_printf ("\"%s\"", cases[i].model_type);

      spoil_restore (repository, golden);
      spoil_member (repository, "config.json", "model_type", value);
      assert_repository_fails (cases[i].model_type, cases[i].says);
    }
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  golden = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "asr", "repo", NULL);
  scratch = g_dir_make_tmp ("gtf-bad-XXXXXX", NULL);
  repository = g_dir_make_tmp ("gtf-bad-XXXXXX", NULL);
  media = g_dir_make_tmp ("gtf-bad-XXXXXX", NULL);
  g_unsetenv ("G_MESSAGES_DEBUG");
  g_setenv ("HF_HOME", scratch, TRUE);
  write_tone (media);
  tool_name ("$S", "$D/tone.wav");
  tool_name ("$D", media);
  tool_name ("$T", scratch);
  tool_name ("$R", repository);
  g_test_add_func ("/tools/bad-repository/files", test_files);
  g_test_add_func ("/tools/bad-repository/headers", test_headers);
  g_test_add_func ("/tools/bad-repository/truncated", test_truncated);
  g_test_add_func ("/tools/bad-repository/lies", test_lies);
  g_test_add_func ("/tools/bad-repository/weights", test_weights);
  g_test_add_func ("/tools/bad-repository/shrinking", test_shrinking);
  g_test_add_func ("/tools/bad-repository/plugins", test_plugins);
  status = g_test_run ();
  toy_remove (scratch);
  toy_remove (repository);
  toy_remove (media);
  return status;
}
