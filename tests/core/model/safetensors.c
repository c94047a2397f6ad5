/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The reader and writer of safetensors, and the index of shards: each rule of the format has a file that breaks it.
 */
#include "repository.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
test_header (void)
{
  static const struct { const char *header; guint64 data; const char *message; } cases[] = {
    { "{}", 0, NULL },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}   ", 8, NULL },
    { "{\"a\":{\"data_offsets\":[0,0],\"shape\":[0,7],\"dtype\":\"F64\"}}", 0, NULL },
    { "{\"b\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[1,2]},\"a\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 2, NULL },
    { "{\"__metadata__\":{\"format\":\"pt\"}}", 0, NULL },
    { "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3, NULL },
    { "", 0, "must begin with '{'" },
    { "[]", 0, "must begin with '{'" },
    { " {}", 0, "must begin with '{'" },
    { "{}x", 0, "the end of the document" },
    { "{", 0, "found the end" },
    { "{\"a\":1}", 0, "expected '{', found a number (tensor \"a\")" },
    { "{\"a\":{}}", 0, "is missing" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "is missing" },
    { "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "each once" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8, "each once" },
    { "{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "dtype \"F33\" is unknown" },
    { "{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "expected a string, found a number (tensor \"a\": \"dtype\")" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "found -2" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", 8, "expected an integer" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", 8, "expected '[', found a number (tensor \"a\": \"shape\")" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}}", 8, "a list of integers (tensor \"a\": \"shape\")" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", 8, "dimensions" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9]}}", 9, "does not fit" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "does not fit" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0, "does not fit" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "does not fit" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "do not lie inside" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,16]}}", 8, "do not lie inside" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8, "found -8" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,18446744073709551615]}}", 8, "expected an integer" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, "data_offsets" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8, "data_offsets" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "a hole" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}", 6, "overlap" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "overlap" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 5, "cover 4 bytes of data, but there are 5" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, "comes twice" },
    { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "comes twice" },
    { "{\"__metadata__\":{\"a\":1}}", 0, "expected a string, found a number (\"__metadata__\": \"a\")" },
    { "{\"__metadata__\":[]}", 0, "(\"__metadata__\")" },
    { "{\"a\\u0000b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "\\u0000" },
    { "{\"\xff\":{}}", 0, "UTF-8" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean ok = gtf_safetensors_check_header ("f.safetensors", cases[i].header, strlen (cases[i].header), cases[i].data, &error);

      g_assert_cmpint (ok, ==, cases[i].message == NULL);
      if (ok)
        continue;
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
      if (!strstr (error->message, cases[i].message) || !strstr (error->message, "f.safetensors"))
        g_error ("%s: \"%s\" does not say \"%s\"", cases[i].header, error->message, cases[i].message);
    }
}

/* The eight bytes before the header, and files that are no files. */
static void
test_files (void)
{
  static const struct { const char *bytes; gsize n; const char *message; } cases[] = {
    { "", 0, "at least 8" }, { "1234567", 7, "at least 8" }, { "\x02\0\0\0\0\0\0\0", 8, "truncated" }, { "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "truncated" },
    { "\x00\xe1\xf5\x06\0\0\0\0{}", 10, "truncated" }, { "\x00\0\0\0\0\0\0\0", 8, "must begin" }, { "\x89PNG\r\n\x1a\n......", 14, "no safetensors" },
    { "\x02\0\0\0\0\0\0\0{}abc", 13, "cover 0 bytes of data, but there are 3" },
  };
  g_autofree char *folder = folder_new (), *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      put_file (folder, "model.safetensors", cases[i].bytes, (gssize) cases[i].n);
      g_assert_null (gtf_safetensors_open (folder, &error));
      if (!strstr (error->message, cases[i].message) || !strstr (error->message, path))
        g_error ("case %zu: \"%s\" does not say \"%s\"", i, error->message, cases[i].message);
      g_clear_error (&error);
    }
  g_unlink (path);
  g_mkdir (path, 0700);
  g_assert_null (gtf_safetensors_open (folder, &error));
  g_assert_nonnull (strstr (error->message, "a folder"));
  g_clear_error (&error);
  g_rmdir (path);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_null (gtf_safetensors_open (folder, &error));
  g_assert_nonnull (strstr (error->message, "a device or pipe"));
  g_clear_error (&error);
  g_unlink (path);
  g_assert_null (gtf_safetensors_open (folder, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  g_clear_error (&error);
  put_file (folder, "tf_model.h5", "x", 1);
  g_assert_null (gtf_safetensors_open (folder, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "tf_model.h5"));
  folder_remove (folder);
}

static void
test_round_trip (void)
{
  static const gint64 shapes[][3] = { { 3, 5, 2 }, { 1, 1, 1 }, { 7, 0, 2 } };
  g_autofree char *folder = folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);
  g_autoptr (GHashTable) tensors = tensors_new (), metadata = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GtfSafetensors) files = NULL;
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_autofree char *name = g_strdup_printf ("t \"%zu\"\n", i);

      g_hash_table_insert (tensors, g_strdup (name), random_tensor (name, 3, shapes[i]));
    }
  g_hash_table_insert (metadata, "format", "pt");
  g_assert_true (gtf_safetensors_write (path, tensors, metadata, &error));
  files = gtf_safetensors_open_file (path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (gtf_safetensors_get_n_tensors (files), ==, 3);
  g_assert_cmpstr (gtf_safetensors_get_metadata (files, "format"), ==, "pt");
  for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_autofree char *name = g_strdup_printf ("t \"%zu\"\n", i);
      const GtfStoredTensor *stored = gtf_safetensors_find (files, name);
      g_autoptr (GtfTensor) read = gtf_safetensors_read_tensor (files, stored, &error);
      g_autoptr (GBytes) a = gtf_tensor_get_bytes (read), b = gtf_tensor_get_bytes (g_hash_table_lookup (tensors, name));

      g_assert_cmpmem (stored->shape, sizeof shapes[i], shapes[i], sizeof shapes[i]);
      g_assert_true (g_bytes_equal (a, b));
    }
  folder_remove (folder);
}

/* Nothing is left behind by a write that fails, and what was there stays. */
static void
test_write_fails (void)
{
  g_autofree char *folder = folder_new (), *path = g_build_filename (folder, "no", "x.safetensors", NULL);
  g_autoptr (GHashTable) tensors = tensors_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = NULL;

  add_random (tensors, "a", 100, 100);
  g_assert_false (gtf_safetensors_write (path, tensors, NULL, &error));
  g_assert_nonnull (strstr (error->message, path));
  g_clear_error (&error);
  if (g_file_test ("/dev/full", G_FILE_TEST_EXISTS))
    {
      g_assert_false (gtf_safetensors_write ("/dev/full", tensors, NULL, &error));
      g_assert_error (error, GTF_ERROR, GTF_ERROR_IO);
      g_assert_nonnull (strstr (error->message, "/dev/full"));
    }
  dir = g_dir_open (folder, 0, NULL);
  g_assert_null (g_dir_read_name (dir));
  folder_remove (folder);
}

/* Halves, doubles and eight-bit floats as float32; integers are refused. */
static void
test_read_f32 (void)
{
  static const struct { GtfDtype dtype; guint8 bytes[16]; gsize n; float expected[4]; } cases[] = {
    { GTF_DTYPE_F16, { 0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0xff, 0x7b }, 8, { 1, -2, 5.9604645e-8f, 65504 } },
    { GTF_DTYPE_BF16, { 0x80, 0x3f, 0x00, 0xc0, 0x00, 0x00, 0x49, 0x40 }, 8, { 1, -2, 0, 3.140625f } },
    { GTF_DTYPE_F64, { 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0 }, 16, { 1, -2 } },
    { GTF_DTYPE_F8_E4M3, { 0x38, 0xc0, 0x01, 0x7e }, 4, { 1, -2, 0.001953125f, 448 } },
    { GTF_DTYPE_F8_E5M2, { 0x3c, 0xc0, 0x01, 0x7b }, 4, { 1, -2, 1.52587890625e-05f, 57344 } },
  };
  g_autofree char *folder = folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gint64 shape[] = { (gint64) (cases[i].n / gtf_dtype_size (cases[i].dtype)) };
      g_autoptr (GHashTable) tensors = tensors_new ();
      g_autoptr (GBytes) bytes = g_bytes_new_static (cases[i].bytes, cases[i].n);
      g_autoptr (GtfSafetensors) files = NULL;
      float out[4];

      g_hash_table_insert (tensors, g_strdup ("x"), gtf_tensor_new_bytes (cases[i].dtype, 1, shape, bytes, &error));
      put_tensors (folder, "x.safetensors", tensors);
      files = gtf_safetensors_open_file (path, &error);
      g_assert_true (gtf_safetensors_read_f32 (files, gtf_safetensors_find (files, "x"), 0, (gsize) shape[0], out, &error));
      for (gint64 j = 0; j < shape[0]; j++)
        g_assert_cmpfloat (out[j], ==, cases[i].expected[j]);
      g_assert_true (gtf_safetensors_read_f32 (files, gtf_safetensors_find (files, "x"), 1, 1, out, &error));
      g_assert_cmpfloat (out[0], ==, cases[i].expected[1]);
    }
  folder_remove (folder);
}

static void
test_shrinks (void)
{
  g_autofree char *folder = folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);
  g_autoptr (GHashTable) tensors = tensors_new ();
  g_autoptr (GtfSafetensors) files = NULL;
  g_autoptr (GtfTensor) tensor = NULL;
  g_autoptr (GError) error = NULL;

  add_random (tensors, "a", 100, 100);
  put_tensors (folder, "x.safetensors", tensors);
  files = gtf_safetensors_open_file (path, &error);
  g_assert_true (gtf_safetensors_check_sizes (files, &error));
  g_assert_cmpint (truncate (path, 5000), ==, 0);
  tensor = gtf_safetensors_read_tensor (files, gtf_safetensors_find (files, "a"), &error);
  g_assert_null (tensor);
  g_assert_nonnull (strstr (error->message, "became shorter"));
  g_clear_error (&error);
  g_assert_false (gtf_safetensors_check_sizes (files, &error));
  g_assert_nonnull (strstr (error->message, "changed its size"));
  folder_remove (folder);
}

static void
test_index (void)
{
  static const struct { const char *index; const char *message; } cases[] = {
    { "{\"metadata\":{\"total_size\":8.0},\"weight_map\":{\"a\":\"m-1.safetensors\",\"b\":\"m-2.safetensors\"}}", NULL },
    { "{\"weight_map\":{\"a\":\"m-1.safetensors\",\"b\":\"m-1.safetensors\"}}", "tensor \"b\" is not in" },
    { "{\"weight_map\":{\"a\":\"m-3.safetensors\"}}", "m-3.safetensors" },
    { "{\"weight_map\":{\"a\":\"../m-1.safetensors\"}}", "leads outside" },
    { "{\"weight_map\":{\"a\":\"x/../../m-1.safetensors\"}}", "leads outside" },
    { "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "leads outside" },
    { "{\"weight_map\":{\"a\":\"C:\\\\m\"}}", "leads outside" },
    { "{\"weight_map\":{\"a\":\"..\\\\m\"}}", "leads outside" },
    { "{\"weight_map\":{\"a\":\"\"}}", "leads outside" },
    { "{\"weight_map\":{\"a\":1}}", "expected a string, found a number (\"weight_map\": \"a\")" },
    { "{\"weight_map\":[]}", "weight_map" },
    { "{\"weight_map\":{}}", "weight_map" },
    { "{\"metadata\":{}}", "weight_map" },
    { "[]", "'{'" },
    { "{", "found the end" },
  };
  g_autofree char *folder = folder_new ();

  for (guint i = 1; i <= 2; i++)
    {
      g_autoptr (GHashTable) tensors = tensors_new ();
      g_autofree char *name = g_strdup_printf ("m-%u.safetensors", i);

      add_random (tensors, i == 1 ? "a" : "b", 1, 0);
      put_tensors (folder, name, tensors);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) files = NULL;

      put_file (folder, "model.safetensors.index.json", cases[i].index, -1);
      files = gtf_safetensors_open (folder, &error);
      g_assert_cmpint (files != NULL, ==, cases[i].message == NULL);
      if (files)
        g_assert_true (gtf_safetensors_find (files, "a") && gtf_safetensors_find (files, "b"));
      else if (!strstr (error->message, cases[i].message))
        g_error ("%s: \"%s\" does not say \"%s\"", cases[i].index, error->message, cases[i].message);
    }
  folder_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/safetensors/header", test_header);
  g_test_add_func ("/model/safetensors/files", test_files);
  g_test_add_func ("/model/safetensors/round-trip", test_round_trip);
  g_test_add_func ("/model/safetensors/write-fails", test_write_fails);
  g_test_add_func ("/model/safetensors/read-f32", test_read_f32);
  g_test_add_func ("/model/safetensors/shrinks", test_shrinks);
  g_test_add_func ("/model/safetensors/index", test_index);
  return g_test_run ();
}
