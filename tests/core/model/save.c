/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing weights: types, shards, whole repositories. That transformers and safetensors read the same back is the matter of the recipe
 * (data/golden/pickle/make.py has what torch makes of each type).
 */
#include "repository.h"

#include <string.h>
#include "base/json.h"
#include "model/save.h"

static char *
golden (const char *name)
{
  return g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "pickle", name, NULL);
}

static void
assert_same (const GtfSafetensors *found, const GtfSafetensors *expected)
{
  g_assert_cmpuint (gtf_safetensors_get_n_tensors (found), ==, gtf_safetensors_get_n_tensors (expected));
  for (guint i = 0; i < gtf_safetensors_get_n_tensors (expected); i++)
    {
      const GtfStoredTensor *e = gtf_safetensors_get (expected, i), *f = gtf_safetensors_find (found, e->name);
      g_autofree char *a = g_malloc (e->n_bytes + 1), *b = g_malloc (e->n_bytes + 1);

      g_assert_nonnull (f);
      g_assert_cmpint (f->dtype, ==, e->dtype);
      g_assert_cmpmem (f->shape, f->n_dims * sizeof *f->shape, e->shape, e->n_dims * sizeof *e->shape);
      g_assert_true (gtf_safetensors_read (found, f, 0, f->n_bytes, a, NULL) && gtf_safetensors_read (expected, e, 0, e->n_bytes, b, NULL));
      g_assert_cmpmem (a, f->n_bytes, b, e->n_bytes);
    }
}

static gboolean
exists (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* Each type as each other, to the bit as torch converts. */
static void
test_types (void)
{
  static const struct { const char *file, *dtype, *expected; } cases[] = {
    { "dtypes.bin", "auto", "dtypes.safetensors" },
    { "dtypes.bin", "float32", "dtypes-float32.safetensors" },
    { "dtypes.bin", "fp16", "dtypes-float16.safetensors" },
    { "dtypes.bin", "bfloat16", "dtypes-bfloat16.safetensors" },
    { "dtypes.bin", "float64", "dtypes-float64.safetensors" },
    { "strided.pth", "auto", "strided.safetensors" },
    { "shared.pt", "auto", "shared.safetensors" },
    { "lightning.ckpt", "auto", "lightning.safetensors" },
  };
  g_autofree char *folder = folder_new (), *out = g_build_filename (folder, "out.safetensors", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = golden (cases[i].file), *expected_path = golden (cases[i].expected);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) weights = gtf_safetensors_open_file (path, &error), found = NULL, expected = gtf_safetensors_open_file (expected_path, &error);
      GtfSaveOptions options = { 0 };

      g_assert_no_error (error);
      g_assert_true (gtf_save_dtype_parse (cases[i].dtype, &options.dtype, &error));
      g_assert_true (gtf_weights_save_file (weights, out, &options, NULL, &error));
      found = gtf_safetensors_open_file (out, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (gtf_safetensors_get_metadata (found, "format"), ==, "pt");
      assert_same (found, expected);
    }
  folder_remove (folder);
}

/* Into one folder after each other: in shards, in other shards, whole, and in shards again. What was there before goes. */
static void
test_shards (void)
{
  static const struct { guint64 size; guint n; const char *has, *has_not; } cases[] = {
    { 100, 3, "model-00003-of-00003.safetensors", "model.safetensors" },
    { 50, 6, "model-00006-of-00006.safetensors", "model-00003-of-00003.safetensors" },
    { 0, 1, "model.safetensors", "model.safetensors.index.json" },
    { 0, 1, "model.safetensors", "model-00001-of-00006.safetensors" },
    { 1, 6, "model.safetensors.index.json", "model.safetensors" },
  };
  g_autofree char *folder = folder_new (), *path = golden ("legacy.bin");
  g_autoptr (GtfSafetensors) weights = gtf_safetensors_open_file (path, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GtfSaveOptions options = { .shard_size = cases[i].size };
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) found = NULL;

      g_assert_true (gtf_weights_save (weights, folder, "model", &options, NULL, &error));
      g_assert_true (exists (folder, cases[i].has));
      g_assert_false (exists (folder, cases[i].has_not));
      found = gtf_safetensors_open (folder, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (gtf_safetensors_get_n_files (found), ==, cases[i].n);
      assert_same (found, weights);
    }
  folder_remove (folder);
}

/* A repository with a part in a folder of its own, and files of other programs. */
static void
make_repository (const char *folder)
{
  g_autofree char *weights = golden ("legacy.bin"), *part = g_build_filename (folder, "2_Dense", NULL), *onnx = g_build_filename (folder, "onnx", NULL), *data = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (weights, &data, &n, NULL));
  g_mkdir (part, 0700);
  g_mkdir (onnx, 0700);
  put_file (folder, "pytorch_model.bin", data, (gssize) n);
  put_file (folder, "config.json", "{\"model_type\": \"x\", \"torch_dtype\": \"float32\", \"text_config\": {\"dtype\": \"float32\"}, \"eps\": 1e-12, \"limit\": [0.0, Infinity]}", -1);
  put_file (folder, "tokenizer.json", "{}", 2);
  put_file (folder, "tf_model.h5", "x", 1);
  put_file (part, "pytorch_model.bin", data, (gssize) n);
  put_file (part, "config.json", "{\"in_features\": 3}", -1);
  put_file (onnx, "model.onnx", "x", 1);
}

static void
test_repository (void)
{
  g_autofree char *folder = folder_new (), *from = g_build_filename (folder, "from", NULL), *to = g_build_filename (folder, "to", NULL), *text = NULL;
  g_autofree char *hidden = g_build_filename (folder, ".to.incomplete", NULL), *config = g_build_filename (to, "config.json", NULL), *part = g_build_filename (to, "2_Dense", NULL);
  g_autoptr (GError) error = NULL;
  GtfSaveOptions options = { .dtype = GTF_DTYPE_F16 };
  g_autoptr (GtfSafetensors) found = NULL;

  g_mkdir (from, 0700);
  make_repository (from);
  g_mkdir (hidden, 0700);
  put_file (hidden, "model.safetensors", "left behind", -1);       /* by one that was killed */
  g_assert_true (gtf_repository_save (from, to, &options, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (g_file_test (hidden, G_FILE_TEST_EXISTS));
  g_assert_true (exists (to, "tokenizer.json") && exists (part, "config.json"));
  g_assert_false (exists (to, "pytorch_model.bin") || exists (to, "tf_model.h5") || exists (to, "onnx") || exists (part, "pytorch_model.bin"));
  g_assert_true (g_file_get_contents (config, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "{\n  \"model_type\": \"x\",\n  \"text_config\": {\n    \"dtype\": \"float16\"\n  },\n  \"eps\": 1e-12,\n  \"limit\": [0.0, Infinity],\n  \"dtype\": \"float16\"\n}\n");
  found = gtf_safetensors_open (part, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gtf_safetensors_get (found, 0)->dtype, ==, GTF_DTYPE_F16);
  /* what is there is not written over */
  g_assert_false (gtf_repository_save (from, to, &options, NULL, &error));
  g_assert_nonnull (strstr (error->message, "exists and is not empty"));
  folder_remove (folder);
}

/* What fails or is cancelled leaves nothing. */
static void
test_nothing_left (void)
{
  g_autofree char *folder = folder_new (), *from = g_build_filename (folder, "from", NULL), *to = g_build_filename (folder, "to", NULL);
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GtfSaveOptions options = { 0 };

  g_mkdir (from, 0700);
  make_repository (from);
  g_cancellable_cancel (cancelled);
  g_assert_false (gtf_repository_save (from, to, &options, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  put_file (from, "pytorch_model.bin", "\x80\x02" "cos\nsystem\n.", -1);
  g_assert_false (gtf_repository_save (from, to, &options, NULL, &error));
  g_assert_nonnull (strstr (error->message, "pytorch_model.bin: pickle at byte"));
  g_assert_false (exists (folder, "to") || exists (folder, ".to.incomplete"));
  folder_remove (folder);
}

static void
test_options (void)
{
  static const struct { const char *text; guint64 size; } sizes[] = {
    { "5GB", 5000000000 }, { "1.5MB", 1500000 }, { "2 kb", 0 }, { "2kb", 2000 }, { "1TB", 1000000000000 }, { "5", 0 }, { "GB", 0 }, { "-1GB", 0 }, { "5GiB", 0 }, { "nanGB", 0 },
    { "1e30TB", 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      guint64 size = 0;
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (gtf_save_size_parse (sizes[i].text, &size, &error), ==, sizes[i].size != 0);
      g_assert_cmpuint (size, ==, sizes[i].size);
    }
  for (gsize i = 0; i < 2; i++)
    {
      GtfDtype dtype;
      g_autoptr (GError) error = NULL;

      g_assert_false (gtf_save_dtype_parse (i ? "int8" : "", &dtype, &error));
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/save/types", test_types);
  g_test_add_func ("/model/save/shards", test_shards);
  g_test_add_func ("/model/save/repository", test_repository);
  g_test_add_func ("/model/save/nothing-left", test_nothing_left);
  g_test_add_func ("/model/save/options", test_options);
  return g_test_run ();
}
