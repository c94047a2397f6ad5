/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The Whisper family on tiny repositories with random weights, in the file layouts of transformers 4.57 and 5.x, against
 * what transformers computed (data/golden/whisper/make.py): encoder states, logits in one pass and step by step,
 * cross-attention weights, and the ids that greedy and beam search write.
 */
#include <math.h>
#include "generate/generator.h"
#include "model/safetensors.h"
#include "tensor/tensor-private.h"

typedef struct
{
  char *directory;
  GtfModel *model;
  GtfSession *session;
  GtfSafetensors *golden;
} Fixture;

static void
set_up (Fixture *f, gconstpointer name)
{
  g_autoptr (GError) error = NULL;
  f->directory = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "whisper", name, NULL);
  g_autofree char *path = g_build_filename (f->directory, "golden.safetensors", NULL);
  f->model = gtf_model_load (f->directory, NULL, NULL, &error);
  g_assert_no_error (error);
  f->session = gtf_session_new (f->model, &error);
  g_assert_no_error (error);
  f->golden = gtf_safetensors_open_file (path, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer name)
{
  g_clear_pointer (&f->golden, gtf_safetensors_free);
  g_clear_pointer (&f->session, gtf_session_free);
  g_clear_object (&f->model);
  g_clear_pointer (&f->directory, g_free);
}

static GtfTensor *
golden (Fixture *f, const char *name)
{
  g_autoptr (GError) error = NULL;
  GtfTensor *t = gtf_safetensors_read_tensor (f->golden, gtf_safetensors_find (f->golden, name), &error);
  g_assert_no_error (error);
  return t;
}

static void
encode (Fixture *f)
{
  g_autoptr (GtfTensor) features = golden (f, "input_features");
  g_autoptr (GError) error = NULL;
  gtf_session_set_input (f->session, "input_features", features);
  gtf_session_encode (f->session, &error);
  g_assert_no_error (error);
}

static void
assert_near (const GtfTensor *found, const GtfTensor *expected, const char *what)
{
  g_autoptr (GBytes) bytes = gtf_tensor_get_bytes (found);
  const float *a = g_bytes_get_data (bytes, NULL), *b = gtf_tensor_f32 (expected);
  const gsize n = gtf_tensor_get_n_elements (expected);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, n * sizeof (float));
  for (gsize i = 0; i < n; i++)
    if (!(fabsf (a[i] - b[i]) <= 1e-4f))
      g_error ("%s: element %" G_GSIZE_FORMAT " is %g, not %g", what, i, a[i], b[i]);
}

static void
test_forward (Fixture *f, gconstpointer name)
{
  g_autoptr (GtfTensor) states = golden (f, "encoder_last_hidden_state"), logits = golden (f, "logits");
  g_autoptr (GtfTensor) cross = golden (f, "cross_attentions"), ids = golden (f, "decoder_input_ids");
  const gsize n_rows = gtf_tensor_get_dim (ids, 0), n_steps = gtf_tensor_get_dim (ids, 1), vocab = gtf_tensor_get_dim (logits, -1);
  const gint32 *tokens = ids->data;
  g_autoptr (GError) error = NULL;

  encode (f);
  assert_near (gtf_session_get_output (f->session, "encoder_last_hidden_state"), states, "encoder states");
  gtf_session_want (f->session, "all_logits");
  gtf_session_want (f->session, "cross_attentions");
  gtf_session_decode (f->session, tokens, n_rows, n_steps, &error);
  g_assert_no_error (error);
  assert_near (gtf_session_get_output (f->session, "logits"), logits, "logits");
  assert_near (gtf_session_get_output (f->session, "cross_attentions"), cross, "cross-attention weights");

  /* The same, step by step over the cache. */
  gtf_session_truncate (f->session, 0);
  for (gsize t = 0; t < n_steps; t++)
    {
      gint32 step[8];
      for (gsize row = 0; row < n_rows; row++)
        step[row] = tokens[row * n_steps + t];
      gtf_session_decode (f->session, step, n_rows, 1, &error);
      g_assert_no_error (error);
      const GtfTensor *out = gtf_session_get_output (f->session, "logits");
      g_assert_cmpuint (gtf_tensor_get_n_elements (out), ==, n_rows * vocab);
      for (gsize row = 0; row < n_rows; row++)
        for (gsize i = 0; i < vocab; i++)
          g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (out)[row * out->row_stride + i], gtf_tensor_f32 (logits)[(row * n_steps + t) * vocab + i], 1e-4);
    }
}

static void
check_sequences (const GtfGenerateOutput *output, JsonArray *expected, const char *what)
{
  g_assert_cmpuint (output->n_sequences, ==, json_array_get_length (expected));
  for (gsize i = 0; i < output->n_sequences; i++)
    {
      JsonObject *sequence = json_array_get_object_element (expected, i);
      JsonArray *ids = json_object_get_array_member (sequence, "ids");
      const GtfGenerated *g = &output->sequences[i];
      gboolean same = g->n_ids == json_array_get_length (ids);
      for (gsize k = 0; same && k < g->n_ids; k++)
        same = g->ids[k] == json_array_get_int_element (ids, k);
      if (!same)
        {
          g_autoptr (GString) found = g_string_new (NULL);
          for (gsize k = 0; k < g->n_ids; k++)
            g_string_append_printf (found, " %d", g->ids[k]);
          g_test_message ("%s: sequence %" G_GSIZE_FORMAT " is%s", what, i, found->str);
          g_test_fail ();
        }
      if (!json_object_get_null_member (sequence, "score"))
        g_assert_cmpfloat_with_epsilon (g->score, json_object_get_double_member (sequence, "score"), 1e-4);
    }
}

static void
test_generate (Fixture *f, gconstpointer name)
{
  g_autofree char *path = g_build_filename (f->directory, "golden.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  JsonObject *root = json_node_get_object (json_parser_get_root (parser));
  JsonArray *prompts = json_object_get_array_member (root, "prompt"), *cases = json_object_get_array_member (root, "cases");
  const gsize n_rows = json_array_get_length (prompts), n_prompt = json_array_get_length (json_array_get_array_element (prompts, 0));
  g_autofree gint32 *prompt = g_new (gint32, n_rows * n_prompt);
  g_autoptr (GtfGenerationConfig) config = gtf_generation_config_load (f->directory, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < n_rows * n_prompt; i++)
    prompt[i] = json_array_get_int_element (json_array_get_array_element (prompts, i / n_prompt), i % n_prompt);

  encode (f);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *test = json_array_get_object_element (cases, i);
      g_autofree char *text = json_to_string (json_object_get_member (test, "kwargs"), FALSE);
      g_autoptr (GtfGenerationConfig) own = gtf_generation_config_copy (config);
      g_auto (GtfGenerateOutput) output = { 0 };
      gtf_generation_config_update (own, json_object_get_object_member (test, "kwargs"), NULL, &error);
      g_assert_no_error (error);
      gtf_generate (f->session, own, prompt, n_rows, n_prompt, NULL, &output, NULL, &error);
      g_assert_no_error (error);
      check_sequences (&output, json_object_get_array_member (test, "sequences"), text);
    }
}

/* The same seed gives the same tokens; beams, too, can be drawn. */
static void
test_sampling (Fixture *f, gconstpointer name)
{
  const gint32 prompt[6] = { 4, 5, 6, 4, 5, 6 };
  g_autoptr (GtfTensor) features = golden (f, "input_features");
  const gsize n_rows = gtf_tensor_get_dim (features, 0);
  g_autoptr (GError) error = NULL;
  encode (f);
  for (int beams = 1; beams <= 3; beams += 2)
    {
      g_autoptr (GtfGenerationConfig) config = gtf_generation_config_load (f->directory, NULL);
      g_auto (GtfGenerateOutput) a = { 0 }, b = { 0 };
      config->do_sample = TRUE;
      config->num_beams = beams;
      config->num_return_sequences = 2;
      config->seed = 11;
      if (beams == 1 || config->num_beams >= 2)
        {
          gtf_generate (f->session, config, prompt, n_rows, 3, NULL, &a, NULL, &error);
          g_assert_no_error (error);
          gtf_generate (f->session, config, prompt, n_rows, 3, NULL, &b, NULL, &error);
          g_assert_no_error (error);
        }
      g_assert_cmpuint (a.n_sequences, ==, 2 * n_rows);
      for (gsize i = 0; i < a.n_sequences; i++)
        g_assert_cmpmem (a.sequences[i].ids, a.sequences[i].n_ids * sizeof (gint32), b.sequences[i].ids, b.sequences[i].n_ids * sizeof (gint32));
    }
}

static void
test_bad_features (Fixture *f, gconstpointer name)
{
  const gint64 shape[] = { 1, 8, 7 };
  g_autoptr (GtfTensor) features = gtf_tensor_new (GTF_DTYPE_F32, 3, shape, NULL);
  g_autoptr (GError) error = NULL;
  gtf_session_set_input (f->session, "input_features", features);
  g_assert_false (gtf_session_encode (f->session, &error));
  g_assert_nonnull (strstr (error->message, "24 frames"));
  g_clear_error (&error);
  encode (f);     /* the session lives on */
}

int
main (int argc, char **argv)
{
  static const char *const names[] = { "multilingual", "english", "mel128", "distilled", "odd-heads" };
  static const struct
  {
    const char *name;
    void (*run) (Fixture *f, gconstpointer name);
  } tests[] = { { "forward", test_forward }, { "generate", test_generate }, { "sampling", test_sampling }, { "bad-features", test_bad_features } };

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    for (gsize t = 0; t < G_N_ELEMENTS (tests); t++)
      {
        g_autofree char *path = g_strdup_printf ("/whisper/%s/%s", names[i], tests[t].name);
        g_test_add (path, Fixture, names[i], set_up, tests[t].run, tear_down);
      }
  return g_test_run ();
}
