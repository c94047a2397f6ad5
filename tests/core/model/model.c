/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Loading, binding and running a small decoder (tests/core/registry/plugins/demo.c): names and prefixes, ties, what the one error
 * lists, dtypes, sharing, sessions in threads, the cache as decode sees it.
 */
#include "model/session.h"
#include "repository.h"

#include <math.h>
#include <string.h>

#define VOCAB 50
#define SIZE 16
#define LAYERS 2
#define CONFIG "{\"model_type\":\"demo\",\"architectures\":[\"DemoForCausalLM\"],\"vocab_size\":50,\"d_model\":16,\"num_attention_heads\":4}"

static char *
demo_folder (GHashTable *tensors)
{
  char *folder = folder_new ();

  put_file (folder, "config.json", CONFIG, -1);
  put_tensors (folder, "model.safetensors", tensors);
  return folder;
}

static GtfTensor *
states_new (gint64 rows)
{
  gint64 shape[] = { rows, 5, SIZE };

  return random_tensor ("states", 3, shape);
}

/* Encodes, then decodes ids in pieces; the last logits, packed. */
static float *
run_pieces (GtfModel *model, const gint32 *ids, const gsize *pieces)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSession) session = gtf_session_new (model, &error);
  g_autoptr (GtfTensor) states = states_new (1);
  float *out = g_new (float, VOCAB);
  const GtfTensor *logits = NULL;

  gtf_session_set_input (session, "states", states);
  g_assert_true (gtf_session_encode (session, &error));
  for (; *pieces; ids += *pieces++)
    {
      g_assert_true (gtf_session_decode (session, ids, 1, *pieces, &error));
      logits = gtf_session_get_output (session, "logits");
      g_assert_nonnull (logits);
    }
  memcpy (out, gtf_tensor_f32 (logits) + gtf_tensor_row_offset (logits, gtf_tensor_rows (logits) - 1), VOCAB * sizeof (float));
  return out;
}

static void
assert_close (const float *a, const float *b, gsize n, float tolerance)
{
  for (gsize i = 0; i < n; i++)
    if (!(fabsf (a[i] - b[i]) <= tolerance))
      g_error ("element %zu: %g and %g", i, a[i], b[i]);
}

static const gint32 sentence[] = { 3, 14, 15, 9, 2, 6, 5, 35 };
static const gsize whole[] = { 8, 0 }, singly[] = { 1, 1, 1, 1, 1, 1, 1, 1, 0 }, mixed[] = { 3, 1, 4, 0 };

static void
test_decode (void)
{
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);
  g_autofree char *folder = demo_folder (tensors);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) model = gtf_model_load (folder, NULL, NULL, &error);
  g_autofree float *a = NULL, *b = NULL, *c = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (gtf_model_get_dtype (model), ==, "float32");
  g_assert_cmpstr (gtf_model_get_architecture (model), ==, "DemoForCausalLM");
  g_assert_true (gtf_model_can (model, "decode") && gtf_model_can (model, "encode") && !gtf_model_can (model, "fly"));
  a = run_pieces (model, sentence, whole);
  b = run_pieces (model, sentence, singly);
  c = run_pieces (model, sentence, mixed);
  assert_close (a, b, VOCAB, 1e-5f);
  assert_close (a, c, VOCAB, 1e-5f);
  folder_remove (folder);
}

/* The same weights under other names, other types, in other files: the same numbers. */
static void
rename_all (GHashTable *tensors, const char *from, const char *to)
{
  g_autoptr (GList) names = g_hash_table_get_keys (tensors);

  for (GList *l = names; l; l = l->next)
    {
      g_auto (GStrv) parts = g_strsplit (l->data, from, 2);
      GtfTensor *t = g_hash_table_lookup (tensors, l->data);

      if (!parts[1])
        continue;
      g_hash_table_insert (tensors, g_strconcat (parts[0], to, parts[1], NULL), gtf_tensor_ref (t));
      g_hash_table_remove (tensors, l->data);
    }
}

static void
test_names (void)
{
  static const struct { const char *from, *to; } renames[] = {
    { "model.", "" }, { "layers.", "h." }, { ".norm.", ".ln." }, { "norm.weight", "norm.gamma" }, { "norm.bias", "norm.beta" },
  };
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);
  g_autofree char *folder = demo_folder (tensors);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) model = gtf_model_load (folder, NULL, NULL, &error);
  g_autofree float *expected = run_pieces (model, sentence, whole);

  folder_remove (folder);
  for (gsize i = 0; i < G_N_ELEMENTS (renames); i++)
    {
      g_autoptr (GHashTable) renamed = demo_tensors (VOCAB, SIZE, LAYERS);
      g_autoptr (GtfModel) other = NULL;
      g_autofree char *again = NULL;
      g_autofree float *got = NULL;

      rename_all (renamed, renames[i].from, renames[i].to);
      again = demo_folder (renamed);
      other = gtf_model_load (again, NULL, NULL, &error);
      g_assert_no_error (error);
      got = run_pieces (other, sentence, whole);
      assert_close (expected, got, VOCAB, 0);
      folder_remove (again);
    }
}

static void
test_untied (void)
{
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) tied = NULL, untied = NULL;
  g_autofree char *folder = demo_folder (tensors), *other = NULL;
  g_autofree float *a = NULL, *b = NULL;

  tied = gtf_model_load (folder, NULL, NULL, &error);
  add_random (tensors, "lm_head.weight", VOCAB, SIZE);
  other = demo_folder (tensors);
  untied = gtf_model_load (other, NULL, NULL, &error);
  g_assert_no_error (error);
  a = run_pieces (tied, sentence, whole);
  b = run_pieces (untied, sentence, whole);
  g_assert_true (fabsf (a[0] - b[0]) > 1e-3f);
  folder_remove (folder);
  folder_remove (other);
}

/* What the error says when tensors are taken away, reshaped or made integers. */
static void
test_errors (void)
{
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);
  g_autofree char *folder = NULL;
  g_autoptr (GError) error = NULL;
  gint64 shape[] = { SIZE, SIZE };

  g_hash_table_remove (tensors, "model.layers.0.attn.out.weight");
  g_hash_table_remove (tensors, "model.layers.1.attn.k.weight");
  g_hash_table_remove (tensors, "model.layers.1.norm.bias");
  add_random (tensors, "model.positions.weight", 99, SIZE);
  add_random (tensors, "model.layers.0.attn.v.weight", SIZE + 1, SIZE);
  g_hash_table_insert (tensors, g_strdup ("model.layers.0.attn.q.weight"), gtf_tensor_new (GTF_DTYPE_I64, 2, shape, NULL));
  folder = demo_folder (tensors);
  g_assert_null (gtf_model_load (folder, NULL, NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
  g_assert_nonnull (strstr (error->message, "model.safetensors: the tensors do not fit DemoForCausalLM: 3 missing: "));
  g_assert_nonnull (strstr (error->message, "\"model.layers.0.attn.out.weight\""));
  g_assert_nonnull (strstr (error->message, "\"model.layers.1.attn.k.weight\""));
  g_assert_nonnull (strstr (error->message, "\"model.layers.1.norm.bias\""));
  g_assert_nonnull (strstr (error->message, "\"model.positions.weight\" (expected [100, 16], found [99, 16])"));
  g_assert_nonnull (strstr (error->message, "expected 48 outputs together, found 49"));
  g_assert_nonnull (strstr (error->message, "\"model.layers.0.attn.q.weight\" (expected floating-point numbers, found I64)"));
  folder_remove (folder);
}

static void
test_unexpected (void)
{
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);
  g_autofree char *folder = NULL;
  g_autoptr (GtfModel) model = NULL;
  g_autoptr (GError) error = NULL;

  add_random (tensors, "model.layers.0.rotary.inv_freq", 8, 0);
  add_random (tensors, "something.else", 8, 0);
  folder = demo_folder (tensors);
  g_test_expect_message ("gtf", G_LOG_LEVEL_MESSAGE, "*DemoForCausalLM: 1 tensors are not used: \"something.else\"");
  model = gtf_model_load (folder, NULL, NULL, &error);
  g_test_assert_expected_messages ();
  g_assert_no_error (error);
  folder_remove (folder);
}

/* A class that the module does not know: the bare model, and what is only in the head is left over. */
static void
test_unknown_class (void)
{
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);
  g_autofree char *folder = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) model = NULL;

  add_random (tensors, "wings.weight", 8, 0);
  folder = demo_folder (tensors);
  put_file (folder, "config.json", "{\"model_type\":\"demo\",\"architectures\":[\"DemoForFlying\"],\"vocab_size\":50,\"d_model\":16,\"num_attention_heads\":4}", -1);
  g_test_expect_message ("gtf", G_LOG_LEVEL_MESSAGE, "*DemoForFlying: * tensors are not used: *\"wings.weight\"*");
  model = gtf_model_load (folder, NULL, NULL, &error);
  g_test_assert_expected_messages ();
  g_assert_no_error (error);
  g_assert_cmpstr (gtf_model_get_architecture (model), ==, "DemoForFlying");
  folder_remove (folder);
}

static void
test_configs (void)
{
  static const struct { const char *config; int code; const char *message; } cases[] = {
    { NULL, GTF_ERROR_NOT_FOUND, "config.json: cannot be opened" },
    { "{\"model_type\":\"nosuchmodel\"}", GTF_ERROR_UNSUPPORTED, "gtf-nosuchmodel.so" },
    { "{\"model_type\":\"demo\",\"architectures\":[\"DemoModel\"],\"vocab_size\":50}", GTF_ERROR_INVALID_DATA, "\"hidden_size\" is missing" },
    { "{\"model_type\":\"demo\",\"vocab_size\":50,\"d_model\":16,\"n_layer\":64}", GTF_ERROR_INVALID_DATA, "64 layers" },
    { "{\"model_type\":\"demo\",\"vocab_size\":50,\"d_model\":16,\"n_layer\":3}", GTF_ERROR_INVALID_DATA, "layers.2." },
    { "{\"model_type\":\"demo\",\"vocab_size\":51,\"d_model\":16}", GTF_ERROR_INVALID_DATA, "expected [51, 16], found [50, 16]" },
    { "{\"model_type\":\"demo\",\"vocab_size\":50,\"d_model\":16,\"quantization_config\":{\"quant_method\":\"gptq\"}}", GTF_ERROR_UNSUPPORTED, "\"gptq\"" },
  };
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *folder = demo_folder (tensors), *path = g_build_filename (folder, "config.json", NULL);
      g_autoptr (GError) error = NULL;

      g_unlink (path);
      if (cases[i].config)
        put_file (folder, "config.json", cases[i].config, -1);
      g_assert_null (gtf_model_load (folder, NULL, NULL, &error));
      g_assert_error (error, GTF_ERROR, cases[i].code);
      if (!strstr (error->message, cases[i].message) || (!strstr (error->message, "config.json") && !strstr (error->message, "safetensors")))
        g_error ("\"%s\" does not say \"%s\"", error->message, cases[i].message);
      folder_remove (folder);
    }
}

static void
test_dtypes (void)
{
  static const struct { const char *options, *dtype; float tolerance; } cases[] = {
    { "{\"dtype\":\"float32\"}", "float32", 0 },       { "{\"dtype\":\"fp32\",\"threads\":1}", "float32", 0 }, { "{\"dtype\":\"bf16\"}", "bfloat16", 0.15f },
    { "{\"dtype\":\"float16\"}", "float16", 0.02f },   { "{\"dtype\":\"int8\"}", "int8", 0.15f },              { "{\"dtype\":\"auto\"}", "float32", 0 },
    { "{\"threads\":2,\"revision\":\"x\"}", "float32", 0 }, { "", "float32", 0 },
  };
  static const struct { const char *options, *message; int code; } bad[] = {
    { "{\"dtype\":\"int4\"}", "int4", GTF_ERROR_UNSUPPORTED },         { "{\"dtype\":\"float33\"}", "float33", GTF_ERROR_INVALID_ARGUMENT },
    { "{\"dtype\":7}", "\"dtype\": expected a string", GTF_ERROR_INVALID_ARGUMENT }, { "{\"threads\":-1}", "\"threads\"", GTF_ERROR_INVALID_ARGUMENT },
    { "{\"threads\":1e9}", "\"threads\"", GTF_ERROR_INVALID_ARGUMENT }, { "dtype", "options", GTF_ERROR_INVALID_DATA },
  };
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);
  g_autofree char *folder = demo_folder (tensors);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) model = gtf_model_load (folder, NULL, NULL, &error);
  g_autofree float *expected = run_pieces (model, sentence, whole);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfModel) other = gtf_model_load (folder, cases[i].options, NULL, &error);
      g_autofree float *got = NULL;

      g_assert_no_error (error);
      g_assert_cmpstr (gtf_model_get_dtype (other), ==, cases[i].dtype);
      got = run_pieces (other, sentence, whole);
      assert_close (expected, got, VOCAB, cases[i].tolerance);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_null (gtf_model_load (folder, bad[i].options, NULL, &error));
      g_assert_error (error, GTF_ERROR, bad[i].code);
      g_assert_nonnull (strstr (error->message, bad[i].message));
      g_clear_error (&error);
    }
  folder_remove (folder);
}

static gpointer
load_and_run (gpointer data)
{
  g_autoptr (GError) error = NULL;
  GtfModel *model = gtf_model_load (data, NULL, NULL, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < 20; i++)
    g_free (run_pieces (model, sentence, mixed));
  return model;
}

static guint
count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  return n;
}

/* One thread asked for is one thread, while weights are packed too. In a process of its own, which has no pool yet. */
static void
test_one_thread (void)
{
  if (g_test_subprocess ())
    {
      g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);
      g_autofree char *folder = demo_folder (tensors);
      guint before = count_threads ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfModel) model = gtf_model_load (folder, "{\"threads\": 1}", NULL, &error);

      g_assert_no_error (error);
      g_free (run_pieces (model, sentence, whole));
      g_assert_cmpuint (count_threads (), ==, before);
      folder_remove (folder);
      return;
    }
  g_setenv ("GTF_THREADS", "4", TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_unsetenv ("GTF_THREADS");
  g_test_trap_assert_passed ();
}

/* Loaded in many threads at once: one model; changed files: another one. */
static void
test_shared (void)
{
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);
  g_autofree char *folder = demo_folder (tensors);
  g_autoptr (GError) error = NULL;
  GtfModel *models[8], *other;
  GThread *threads[8];

  for (guint i = 0; i < 8; i++)
    threads[i] = g_thread_new ("load", load_and_run, folder);
  for (guint i = 0; i < 8; i++)
    models[i] = g_thread_join (threads[i]);
  for (guint i = 1; i < 8; i++)
    g_assert_true (models[i] == models[0]);
  add_random (tensors, "lm_head.weight", VOCAB, SIZE);
  put_tensors (folder, "model.safetensors", tensors);
  other = gtf_model_load (folder, NULL, NULL, &error);
  g_assert_true (other != models[0]);
  g_object_unref (other);
  for (guint i = 0; i < 8; i++)
    g_object_unref (models[i]);
  other = gtf_model_load (folder, NULL, NULL, &error);
  g_assert_no_error (error);
  g_object_unref (other);
  folder_remove (folder);
}

static void
test_session_errors (void)
{
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS), inputs = g_hash_table_new (g_str_hash, g_str_equal), outputs = NULL;
  g_autofree char *folder = demo_folder (tensors);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) model = gtf_model_load (folder, NULL, NULL, &error);
  g_autoptr (GtfSession) session = gtf_session_new (model, &error);
  g_autoptr (GtfTensor) states = states_new (1), ids = NULL;
  gint64 shape[] = { 1, 2 };
  const gint32 outside[] = { 50 }, negative[] = { -1 }, good[] = { 1, 2, 3, 4 };

  g_assert_false (gtf_session_encode (session, &error));    /* no input */
  g_assert_nonnull (strstr (error->message, "states"));
  g_clear_error (&error);
  g_assert_false (gtf_session_decode (session, good, 1, 1, &error));   /* nothing encoded */
  g_assert_nonnull (strstr (error->message, "encode"));
  g_clear_error (&error);
  gtf_session_set_input (session, "states", states);
  g_assert_true (gtf_session_encode (session, &error));
  g_assert_false (gtf_session_decode (session, outside, 1, 1, &error));
  g_assert_nonnull (strstr (error->message, "token id 50"));
  g_clear_error (&error);
  g_assert_false (gtf_session_decode (session, negative, 1, 1, &error));
  g_clear_error (&error);
  g_assert_true (gtf_session_decode (session, good, 2, 2, &error));
  g_assert_cmpuint (gtf_session_get_past (session), ==, 2);
  g_assert_false (gtf_session_decode (session, good, 1, 1, &error));   /* other rows */
  g_clear_error (&error);
  gtf_session_truncate (session, 0);
  g_assert_true (gtf_session_decode (session, good, 1, 1, &error));

  ids = gtf_tensor_new (GTF_DTYPE_I32, 2, shape, &error);
  g_hash_table_insert (inputs, "input_ids", ids);
  outputs = gtf_model_forward (model, inputs, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gtf_tensor_get_dim (g_hash_table_lookup (outputs, "last_hidden_state"), -1), ==, SIZE);
  folder_remove (folder);
}

static void
test_cancel (void)
{
  g_autoptr (GHashTable) tensors = demo_tensors (VOCAB, SIZE, LAYERS);
  g_autofree char *folder = demo_folder (tensors);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (gtf_model_load (folder, NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  folder_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/model/decode", test_decode);
  g_test_add_func ("/model/model/names", test_names);
  g_test_add_func ("/model/model/untied", test_untied);
  g_test_add_func ("/model/model/errors", test_errors);
  g_test_add_func ("/model/model/unexpected", test_unexpected);
  g_test_add_func ("/model/model/configs", test_configs);
  g_test_add_func ("/model/model/unknown-class", test_unknown_class);
  g_test_add_func ("/model/model/dtypes", test_dtypes);
  g_test_add_func ("/model/model/one-thread", test_one_thread);
  g_test_add_func ("/model/model/shared", test_shared);
  g_test_add_func ("/model/model/session-errors", test_session_errors);
  g_test_add_func ("/model/model/cancel", test_cancel);
  return g_test_run ();
}
