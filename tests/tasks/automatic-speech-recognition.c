/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The whole task against what transformers' pipeline answers: data/golden/asr/cases.json, made by its make.py. Inputs
 * "@SECONDS:SEED" stand for sounds that both sides make by the same formula.
 */
#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/json-print.h"
#include "pipeline/pipeline.h"

#define RATE 16000
#define BLOCK 4000

static GtfPipeline *pipeline;
static char *folder;

/* ---- sounds ---------------------------------------------------------------------------------------------------------- */

/* Tones of a quarter of a second, every fifth of them silent; as make.py has it. */
static gint16 *
make_sound (double seconds, gint64 seed, gsize *n)
{
  gint16 *out;
  gint64 state = seed, frequency = 0;
  double amplitude = 0;

  *n = (gsize) (seconds * RATE);
  out = g_new0 (gint16, *n + 1);
  for (gsize i = 0; i < *n; i++)
    {
      if (i % BLOCK == 0)
        {
          state = (state * 1103515245 + 12345) % 2147483648;
          frequency = 100 + state / 65536 % 3000;
          amplitude = state / 256 % 5 == 0 ? 0 : 0.1 + (double) (state / 1024 % 8) * 0.1;
        }
      out[i] = (gint16) floor (amplitude * sin (2 * G_PI * (double) frequency * ((double) i / RATE)) * 32767 + 0.5);
    }
  return out;
}

static void
append_u32 (GByteArray *out, guint32 value)
{
  value = GUINT32_TO_LE (value);
  g_byte_array_append (out, (guint8 *) &value, 4);
}

/* A WAV file of the sound; (transfer full) its path. */
static char *
write_sound (const char *name)
{
  g_auto (GStrv) parts = g_strsplit (name + 1, ":", 2);
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, name, NULL);
  gsize n;
  g_autofree gint16 *samples = make_sound (g_ascii_strtod (parts[0], NULL), g_ascii_strtoll (parts[1], NULL, 10), &n);

  g_byte_array_append (file, (const guint8 *) "RIFF", 4);
  append_u32 (file, (guint32) (36 + 2 * n));
  g_byte_array_append (file, (const guint8 *) "WAVEfmt ", 8);
  append_u32 (file, 16);
  append_u32 (file, 1 | 1 << 16);     /* PCM, mono */
  append_u32 (file, RATE);
  append_u32 (file, 2 * RATE);
  append_u32 (file, 2 | 16 << 16);
  g_byte_array_append (file, (const guint8 *) "data", 4);
  append_u32 (file, (guint32) (2 * n));
  g_byte_array_append (file, (const guint8 *) samples, (guint) (2 * n));
  g_file_set_contents (path, (const char *) file->data, file->len, &error);
  g_assert_no_error (error);
  return path;
}

/* Inputs with paths in place of names; samples by name become a path too. (transfer full) */
static JsonNode *
resolve (JsonNode *node)
{
  JsonNode *out = json_node_alloc ();

  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING && json_node_get_string (node)[0] == '@')
    {
      g_autofree char *path = write_sound (json_node_get_string (node));
      json_node_init_string (out, path);
    }
  else if (JSON_NODE_HOLDS_ARRAY (node))
    {
      g_autoptr (JsonArray) array = json_array_new ();
      for (guint i = 0; i < json_array_get_length (json_node_get_array (node)); i++)
        json_array_add_element (array, resolve (json_array_get_element (json_node_get_array (node), i)));
      json_node_init_array (out, array);
    }
  else if (JSON_NODE_HOLDS_OBJECT (node))
    {
      g_autoptr (JsonObject) object = json_object_new ();
      g_autoptr (GList) names = json_object_get_members (json_node_get_object (node));
      for (GList *l = names; l != NULL; l = l->next)
        {
          const char *name = l->data;
          if (!g_str_equal (name, "sampling_rate"))
            json_object_set_member (object, g_str_equal (name, "raw") ? "path" : name, resolve (json_object_get_member (json_node_get_object (node), name)));
        }
      json_node_init_object (out, object);
    }
  else
    {
      json_node_unref (out);
      out = json_node_copy (node);
    }
  return out;
}

/* ---- colours ----------------------------------------------------------------------------------------------------------- */

/* The text for a terminal is the plain one when its colours are taken away. Control characters, which only it shows as \xNN, do
 * not occur in the vocabulary. */
static void
check_colours (GtfResult *result)
{
  g_autofree char *coloured = gtf_result_render (result, "terminal");
  g_autoptr (GString) plain = g_string_new (NULL);
  gboolean any = FALSE;

  for (const char *p = coloured; *p != '\0'; p++)
    if (*p != '\033')
      g_string_append_c (plain, *p);
    else
      {
        any = TRUE;
        g_assert_true (g_str_has_prefix (p, "\033[0m") || g_str_has_prefix (p, "\033[38;5;"));
        p = strchr (p, 'm');
      }
  g_assert_cmpstr (plain->str, ==, gtf_result_get_readable (result));
  g_assert_true (any || strstr (plain->str, " times") == NULL);
  g_assert_null (strchr (gtf_result_get_readable (result), '\033'));
  g_assert_null (strstr (gtf_result_to_json (result), "probability"));
}

/* ---- answers ----------------------------------------------------------------------------------------------------------- */

static gboolean
same (JsonNode *a, JsonNode *b)
{
  if (JSON_NODE_TYPE (a) != JSON_NODE_TYPE (b))
    return FALSE;
  if (JSON_NODE_HOLDS_NULL (a))
    return TRUE;
  if (JSON_NODE_HOLDS_ARRAY (a))
    {
      guint n = json_array_get_length (json_node_get_array (a));
      if (n != json_array_get_length (json_node_get_array (b)))
        return FALSE;
      for (guint i = 0; i < n; i++)
        if (!same (json_array_get_element (json_node_get_array (a), i), json_array_get_element (json_node_get_array (b), i)))
          return FALSE;
      return TRUE;
    }
  if (JSON_NODE_HOLDS_OBJECT (a))
    {
      g_autoptr (GList) left = json_object_get_members (json_node_get_object (a));
      g_autoptr (GList) right = json_object_get_members (json_node_get_object (b));
      GList *l = left, *r = right;
      for (; l != NULL && r != NULL; l = l->next, r = r->next)
        if (!g_str_equal (l->data, r->data)
            || !same (json_object_get_member (json_node_get_object (a), l->data), json_object_get_member (json_node_get_object (b), r->data)))
          return FALSE;
      return l == NULL && r == NULL;
    }
  if (json_node_get_value_type (a) == G_TYPE_STRING || json_node_get_value_type (b) == G_TYPE_STRING)
    return g_strcmp0 (json_node_get_string (a), json_node_get_string (b)) == 0;
  return fabs (json_node_get_double (a) - json_node_get_double (b)) < 0.02 + 1e-6;
}

static void
test_golden (gconstpointer data)
{
  JsonObject *test = (JsonObject *) data;
  g_autoptr (JsonNode) resolved = resolve (json_object_get_member (test, "inputs"));
  g_autofree char *inputs = gtf_json_print (resolved, GTF_JSON_COMPACT);
  g_autofree char *parameters = gtf_json_print (json_object_get_member (test, "parameters"), GTF_JSON_COMPACT);
  JsonNode *expected = json_object_get_member (test, "expected");
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) result = gtf_pipeline_run (pipeline, inputs, parameters, NULL, &error);
  g_autoptr (JsonNode) found = NULL;

  if (JSON_NODE_HOLDS_OBJECT (expected) && json_object_has_member (json_node_get_object (expected), "error"))
    {
      g_test_message ("parameters: %s", parameters);
      g_assert_null (result);
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
      return;
    }
  g_assert_no_error (error);
  check_colours (result);
  found = gtf_json_parse ("the answer", gtf_result_to_json (result), -1, GTF_JSON_STRICT, &error);
  g_assert_no_error (error);
  if (!same (expected, found))
    {
      g_autofree char *text = gtf_json_print (expected, GTF_JSON_COMPACT);
      g_test_message ("parameters: %s", parameters);
      g_test_message ("expected: %s", text);
      g_test_message ("found:    %s", gtf_result_to_json (result));
      g_test_fail ();
    }
}

/* How sure the model is of each word: data/golden/asr/probabilities.json, by the same make.py. The weights are stored in halves. */
static void
test_probabilities (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden/asr/probabilities.json", NULL);
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) cases = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  cases = gtf_json_parse (path, text, (gssize) length, GTF_JSON_STRICT, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (json_array_get_length (json_node_get_array (cases)), >, 0);
  for (guint c = 0; c < json_array_get_length (json_node_get_array (cases)); c++)
    {
      JsonObject *test = json_array_get_object_element (json_node_get_array (cases), c);
      JsonArray *expected = json_object_get_array_member (test, "words");
      g_autofree char *sound = write_sound (json_object_get_string_member (test, "inputs"));
      g_autofree char *parameters = gtf_json_print (json_object_get_member (test, "parameters"), GTF_JSON_COMPACT);
      g_autoptr (GtfResult) result = gtf_pipeline_run_file (pipeline, sound, parameters, NULL, &error);
      JsonArray *words;

      g_assert_no_error (error);
      g_test_message ("%s: %s", json_object_get_string_member (test, "inputs"), gtf_result_to_json (result));
      words = json_array_get_array_element (json_node_get_array (gtf_result_get_details (result)), 0);
      g_assert_cmpuint (json_array_get_length (words), ==, json_array_get_length (expected));
      for (guint i = 0; i < json_array_get_length (words); i++)
        {
          JsonObject *word = json_array_get_object_element (words, i);
          JsonArray *pair = json_array_get_array_element (expected, i);

          g_assert_cmpstr (json_object_get_string_member (word, "text"), ==, json_array_get_string_element (pair, 0));
          g_assert_cmpfloat_with_epsilon (json_object_get_double_member (word, "probability"), json_array_get_double_element (pair, 1), 1e-3);
        }
    }
}

/* ---- what the reference does not do ------------------------------------------------------------------------------------- */

/* Sound beyond a window without return_timestamps is transcribed whole, and the answer is its text alone. */
static void
test_long_without_timestamps (void)
{
  g_autofree char *path = write_sound ("@13:1");
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) plain = gtf_pipeline_run_file (pipeline, path, "{\"num_beams\": 1, \"language\": \"en\"}", NULL, &error);
  g_autoptr (GtfResult) stamped = NULL;
  g_autoptr (JsonNode) answer = NULL;

  g_assert_no_error (error);
  stamped = gtf_pipeline_run_file (pipeline, path, "{\"return_timestamps\": true, \"num_beams\": 1, \"language\": \"en\"}", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (gtf_result_get_text (plain), ==, gtf_result_get_text (stamped));
  answer = gtf_json_parse ("the answer", gtf_result_to_json (plain), -1, GTF_JSON_STRICT, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (json_object_get_size (json_node_get_object (answer)), ==, 1);
}

static void
test_cancelled (void)
{
  g_autofree char *path = write_sound ("@13:1");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) result = NULL;

  g_cancellable_cancel (cancellable);
  result = gtf_pipeline_run_file (pipeline, path, NULL, cancellable, &error);
  g_assert_null (result);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_bad_inputs (void)
{
  static const char *const inputs[] = {
    "12", "null", "{}", "{\"raw\": [0.1]}", "{\"raw\": \"x\", \"sampling_rate\": 16000}", "{\"raw\": [0.1], \"sampling_rate\": 0}",
    "{\"raw\": [[0], [0], [0]], \"sampling_rate\": 16000}", "{\"raw\": [[0, 1], [0]], \"sampling_rate\": 16000}",
    "{\"raw\": [0.1, \"a\"], \"sampling_rate\": 16000}", "{\"raw\": [0.1], \"sampling_rate\": 16000, \"stride\": [1, 1]}",
    "{\"raw\": [0.1], \"sampling_rate\": 16000, \"stride\": 3}", "[[]]", NULL
  };

  for (gsize i = 0; inputs[i] != NULL; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfResult) result = gtf_pipeline_run (pipeline, inputs[i], NULL, NULL, &error);
      g_assert_null (result);
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
    }
}

int
main (int argc, char **argv)
{
  const char *data;
  g_autofree char *repository = NULL;
  g_autofree char *cases_path = NULL;
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) cases = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;
  int status;

  g_test_init (&argc, &argv, NULL);
  data = g_getenv ("GTF_TEST_DATA");
  repository = g_build_filename (data, "golden/asr/repo", NULL);
  cases_path = g_build_filename (data, "golden/asr/cases.json", NULL);
  folder = g_dir_make_tmp ("gtf-asr-XXXXXX", &error);
  g_assert_no_error (error);
  g_file_get_contents (cases_path, &text, &length, &error);
  g_assert_no_error (error);
  cases = gtf_json_parse (cases_path, text, (gssize) length, GTF_JSON_STRICT, &error);
  g_assert_no_error (error);
  pipeline = gtf_pipeline_new ("automatic-speech-recognition", repository, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < json_array_get_length (json_node_get_array (cases)); i++)
    {
      g_autofree char *name = g_strdup_printf ("/tasks/automatic-speech-recognition/golden/%u", i);
      g_test_add_data_func (name, json_array_get_object_element (json_node_get_array (cases), i), test_golden);
    }
  g_test_add_func ("/tasks/automatic-speech-recognition/probabilities", test_probabilities);
  g_test_add_func ("/tasks/automatic-speech-recognition/long-without-timestamps", test_long_without_timestamps);
  g_test_add_func ("/tasks/automatic-speech-recognition/cancelled", test_cancelled);
  g_test_add_func ("/tasks/automatic-speech-recognition/bad-inputs", test_bad_inputs);
  status = g_test_run ();
  g_object_unref (pipeline);
  g_free (folder);
  return status;
}
