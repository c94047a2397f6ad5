/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Feature extractors against data/golden/audio/cases.json (what transformers makes of the same signal), and what a bad configuration
 * or call is told.
 */
#include <math.h>
#include <json-glib/json-glib.h>
#include <glib/gstdio.h>
#include "base/json-print.h"
#include "pipeline/preprocessor.h"

/* The signal of make.py. */
static float *
make_signal (gsize n)
{
  float *samples = g_new (float, MAX (n, 1));
  guint32 state = 1;

  for (gsize i = 0; i < n; i++)
    {
      state = state * 1664525u + 1013904223u;
      samples[i] = i >= 1000 && i < 3000 ? 0 : (float) ((gint) (state >> 16) - 32768) / 65536;
    }
  return samples;
}

/* A folder with one file; NULL: no file */
static char *
make_folder (const char *name, const char *text)
{
  char *folder = g_dir_make_tmp ("gtf-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  return folder;
}

static void
remove_folder (char *folder)
{
  static const char *const names[] = { "preprocessor_config.json", "processor_config.json" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      g_unlink (path);
    }
  g_rmdir (folder);
  g_free (folder);
}

static char *
to_text (JsonObject *object, const char *member)
{
  return gtf_json_print (json_object_get_member (object, member), GTF_JSON_COMPACT);
}

static GtfPreprocessor *
load (const char *name, const char *text, GError **error)
{
  char *folder = make_folder (name, text);
  GtfPreprocessor *preprocessor = gtf_preprocessor_load (folder, NULL, error);

  remove_folder (folder);
  return preprocessor;
}

static void
compare (GtfTensor *tensor, JsonObject *expected)
{
  JsonArray *shape = json_object_get_array_member (expected, "shape"), *values = json_object_get_array_member (expected, "values");
  gsize stride = (gsize) json_object_get_int_member (expected, "stride"), n = 1;
  g_autoptr (GBytes) bytes = gtf_tensor_get_bytes (tensor);
  const float *floats = g_bytes_get_data (bytes, NULL);
  const gint32 *ints = (const gint32 *) floats;

  g_assert_cmpuint (gtf_tensor_get_n_dims (tensor), ==, json_array_get_length (shape));
  for (guint d = 0; d < json_array_get_length (shape); d++)
    {
      g_assert_cmpint (gtf_tensor_get_dim (tensor, (gint) d), ==, json_array_get_int_element (shape, d));
      n *= (gsize) gtf_tensor_get_dim (tensor, (gint) d);
    }
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, n * 4);
  for (guint i = 0; i < json_array_get_length (values); i++)
    {
      double found = gtf_tensor_get_dtype (tensor) == GTF_DTYPE_I32 ? ints[i * stride] : (double) floats[i * stride];
      g_assert_cmpfloat_with_epsilon (found, json_array_get_double_element (values, i), 5e-5);
    }
}

static void
test_golden (gconstpointer data)
{
  JsonObject *c = (JsonObject *) data;
  g_autofree char *config = to_text (c, "config"), *call = to_text (c, "call");
  g_autofree char *nested = g_strdup_printf ("{\"processor_class\": \"P\", \"feature_extractor\": %s}", config);
  gboolean is_nested = json_object_get_boolean_member (c, "nested");
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) preprocessor = load (is_nested ? "processor_config.json" : "preprocessor_config.json", is_nested ? nested : config, &error);
  gsize n = (gsize) json_object_get_int_member (c, "n");
  g_autofree float *samples = make_signal (n);
  g_autoptr (GHashTable) out = NULL;
  JsonObject *tensors = json_object_get_object_member (c, "tensors");
  g_autoptr (GList) names = json_object_get_members (tensors);

  g_assert_no_error (error);
  out = gtf_preprocessor_run_audio (preprocessor, samples, n, call, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_hash_table_size (out), ==, g_list_length (names));
  for (GList *l = names; l; l = l->next)
    {
      GtfTensor *tensor = g_hash_table_lookup (out, l->data);

      g_assert_nonnull (tensor);
      compare (tensor, json_object_get_object_member (tensors, l->data));
    }
}

typedef struct
{
  const char *name, *config, *call, *says;     /* call NULL: loading fails */
} BadCase;

#define WHISPER "{\"feature_extractor_type\": \"WhisperFeatureExtractor\"}"

static const BadCase bad_cases[] = {
  { "not-json", "{", NULL, "preprocessor_config.json" },
  { "no-type", "{}", NULL, "feature_extractor_type" },
  { "type-is-number", "{\"feature_extractor_type\": 3}", NULL, "feature_extractor_type" },
  { "unknown-type", "{\"feature_extractor_type\": \"NoSuchFeatureExtractor\"}", NULL, "NoSuchFeatureExtractor" },
  { "bins-zero", "{\"feature_extractor_type\": \"WhisperFeatureExtractor\", \"feature_size\": 0}", NULL, "feature_size" },
  { "hop-zero", "{\"feature_extractor_type\": \"WhisperFeatureExtractor\", \"hop_length\": 0}", NULL, "hop_length" },
  { "hop-text", "{\"feature_extractor_type\": \"WhisperFeatureExtractor\", \"hop_length\": \"160\"}", NULL, "hop_length" },
  { "n_fft-huge", "{\"feature_extractor_type\": \"WhisperFeatureExtractor\", \"n_fft\": 1000000000}", NULL, "n_fft" },
  { "rate-negative", "{\"feature_extractor_type\": \"WhisperFeatureExtractor\", \"sampling_rate\": -1}", NULL, "sampling_rate" },
  { "padding-unknown", WHISPER, "{\"padding\": \"shortest\"}", "padding" },
  { "max_length-text", WHISPER, "{\"max_length\": \"many\"}", "max_length" },
  { "other-rate", WHISPER, "{\"sampling_rate\": 8000}", "sampling_rate" },
  { "unknown-argument-type", WHISPER, "{\"truncation\": 3}", "truncation" },
  { "too-short", WHISPER, "{\"padding\": \"longest\"}", "samples" }
};

static void
test_bad (gconstpointer data)
{
  const BadCase *c = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) preprocessor = load ("preprocessor_config.json", c->config, &error);
  float samples[10] = { 0 };

  if (!c->call)
    g_assert_null (preprocessor);
  else
    {
      g_assert_no_error (error);
      g_assert_null (gtf_preprocessor_run_audio (preprocessor, samples, 10, c->call, &error));
    }
  g_assert_nonnull (error);
  g_assert_true (error->domain == GTF_ERROR);
  g_assert_nonnull (strstr (error->message, c->says));
}

static void
test_not_finite (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) preprocessor = load ("preprocessor_config.json", WHISPER, &error);
  float samples[3] = { 0, NAN, 0 };

  g_assert_no_error (error);
  g_assert_null (gtf_preprocessor_run_audio (preprocessor, samples, 3, NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
  g_assert_cmpuint (gtf_preprocessor_get_sampling_rate (preprocessor), ==, 16000);
  g_assert_cmpuint (gtf_preprocessor_get_n_samples (preprocessor), ==, 480000);
  g_assert_cmpuint (gtf_preprocessor_get_hop_length (preprocessor), ==, 160);
  g_assert_cmpstr (gtf_preprocessor_get_kind (preprocessor), ==, "audio");
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *file = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "audio", "cases.json", NULL);
  JsonArray *cases;

  g_test_init (&argc, &argv, NULL);
  g_assert_true (json_parser_load_from_file (parser, file, NULL));
  cases = json_node_get_array (json_parser_get_root (parser));
  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *c = json_array_get_object_element (cases, i);
      g_autofree char *path = g_strconcat ("/preprocessors/audio/", json_object_get_string_member (c, "name"), NULL);

      g_test_add_data_func (path, c, test_golden);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad_cases); i++)
    {
      g_autofree char *path = g_strconcat ("/preprocessors/audio/bad/", bad_cases[i].name, NULL);

      g_test_add_data_func (path, &bad_cases[i], test_bad);
    }
  g_test_add_func ("/preprocessors/audio/not-finite", test_not_finite);
  return g_test_run ();
}
