/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of torch.save() in every form that it has had, against what torch.load() gives for them (data/golden/pickle/make.py); and such files, broken.
 */
#include "repository.h"

#include <string.h>

static char *
golden (const char *name)
{
  return g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "pickle", name, NULL);
}

/* ---- good files ----------------------------------------------------------------------------------------------------- */

static void
assert_same_tensor (const char *what, const GtfSafetensors *found, const GtfStoredTensor *f, const GtfSafetensors *expected, const GtfStoredTensor *e)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *a = g_malloc (f->n_bytes + 1), *b = g_malloc (e->n_bytes + 1);
  gsize half = f->n_bytes / 2;

  /* in two parts, as those who pack weights do */
  g_assert_true (gtf_safetensors_read (found, f, 0, half, a, &error));
  g_assert_true (gtf_safetensors_read (found, f, half, f->n_bytes - half, a + half, &error));
  g_assert_true (gtf_safetensors_read (expected, e, 0, e->n_bytes, b, &error));
  g_assert_no_error (error);
  if (f->dtype != e->dtype || f->n_dims != e->n_dims || f->n_bytes != e->n_bytes || memcmp (f->shape, e->shape, e->n_dims * sizeof *e->shape) != 0
      || memcmp (a, b, e->n_bytes) != 0)
    g_error ("%s: tensor \"%s\" is another", what, e->name);
}

static void
assert_same (const char *what, const GtfSafetensors *found, const char *expected_path)
{
  g_autoptr (GtfSafetensors) expected = gtf_safetensors_open_file (expected_path, NULL);

  g_assert_nonnull (expected);
  g_assert_cmpuint (gtf_safetensors_get_n_tensors (found), ==, gtf_safetensors_get_n_tensors (expected));
  for (guint i = 0; i < gtf_safetensors_get_n_tensors (expected); i++)
    {
      const GtfStoredTensor *e = gtf_safetensors_get (expected, i), *f = gtf_safetensors_find (found, e->name);

      if (!f)
        g_error ("%s: tensor \"%s\" is missing", what, e->name);
      assert_same_tensor (what, found, f, expected, e);
    }
}

static const char *const files[] = { "dtypes.bin", "protocol-3.pt", "protocol-4.pt", "protocol-5.pt", "strided.pth", "shared.pt", "parameter-with-state.pt", "module.pth",
  "lightning.ckpt", "nested.pt", "legacy.bin", "legacy-strided.bin", "legacy-shared.bin", "zip64.pt", "tar.pt", "python2.pt" };

static void
test_golden (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = golden (files[i]), *expected = g_strdup (path), *whole = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) found = gtf_safetensors_open_file (path, &error);

      g_assert_no_error (error);
      strrchr (expected, '.')[0] = 0;
      whole = g_strconcat (expected, ".safetensors", NULL);
      assert_same (files[i], found, whole);
      g_assert_true (gtf_safetensors_check_sizes (found, NULL));
    }
}

static void
test_shards (void)
{
  g_autofree char *folder = golden ("shards"), *expected = g_build_filename (folder, "expected.safetensors", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) found = gtf_safetensors_open (folder, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (gtf_safetensors_get_n_files (found), ==, 2);
  assert_same ("shards", found, expected);
}

/* Where there are both, safetensors count. */
static void
test_both (void)
{
  g_autofree char *folder = folder_new (), *bin = golden ("legacy.bin"), *data = NULL;
  g_autoptr (GHashTable) tensors = tensors_new ();
  g_autoptr (GtfSafetensors) found = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (bin, &data, &n, NULL));
  put_file (folder, "pytorch_model.bin", data, (gssize) n);
  add_random (tensors, "other", 2, 0);
  put_tensors (folder, "model.safetensors", tensors);
  found = gtf_safetensors_open (folder, NULL);
  g_assert_nonnull (gtf_safetensors_find (found, "other"));
  g_assert_null (gtf_safetensors_find (found, "layer.0.weight"));
  folder_remove (folder);
}

/* A file that can only be asked for ranges, and counts how often and for how much. */
typedef struct
{
  char *data;
  gsize size, asked;
  guint n_asked;
} Ranges;

static gboolean
read_range (gpointer data, const char *path, guint64 offset, gpointer to, gsize length, GError **error)
{
  Ranges *r = data;

  g_assert_true (offset <= r->size && length <= r->size - offset);
  r->n_asked++;
  r->asked += length;
  memcpy (to, r->data + offset, length);
  return TRUE;
}

static GtfByteSource *
ranges_of (const char *name, Ranges *r)
{
  g_autofree char *path = golden (name);

  g_assert_true (g_file_get_contents (path, &r->data, &r->size, NULL));
  return gtf_byte_source_new (name, r->size, read_range, r, NULL);
}

/* The table without the data: of a safetensors file its length and its header are read; of a zip what comes before it is told, its end, its directory and
 * its pickle. */
static void
test_headers_only (void)
{
  static const struct { const char *file; guint n_tensors, n_asked; } cases[] = { { "module.safetensors", 7, 2 }, { "zip64.pt", 6, 7 }, { "legacy.bin", 6, 2 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Ranges ranges = { 0 };
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) found = gtf_safetensors_open_source (ranges_of (cases[i].file, &ranges), &error);
      const GtfStoredTensor *first;
      char byte;

      g_assert_no_error (error);
      g_assert_cmpuint (gtf_safetensors_get_n_tensors (found), ==, cases[i].n_tensors);
      g_assert_cmpuint (ranges.n_asked, ==, cases[i].n_asked);
      first = gtf_safetensors_get (found, 0);
      g_assert_false (gtf_safetensors_read (found, first, 0, 1, &byte, &error));
      g_assert_nonnull (strstr (error->message, "only the header of this file was read"));
      g_free (ranges.data);
    }
}

/* Several files as one table; the sources are taken over also where one of them is broken. */
static void
test_sources (void)
{
  static const struct { const char *files[3]; const char *message; } cases[] = {
    { { "shards/pytorch_model-00001-of-00002.bin", "module.pth", "tar.pt" }, NULL },
    { { "module.pth", "make.py", "tar.pt" }, "make.py: is no file of weights" },
    { { "module.pth", "module.safetensors", "tar.pt" }, "is also in module.pth" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Ranges ranges[3] = { 0 };
      GtfByteSource *sources[3];
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) found = NULL;

      for (guint j = 0; j < 3; j++)
        sources[j] = ranges_of (cases[i].files[j], &ranges[j]);
      found = gtf_safetensors_open_sources (sources, 3, &error);
      g_assert_true (cases[i].message ? strstr (error->message, cases[i].message) != NULL : found && gtf_safetensors_get_n_files (found) == 3);
      for (guint j = 0; j < 3; j++)
        g_free (ranges[j].data);
    }
}

/* ---- bad files ------------------------------------------------------------------------------------------------------ */

/* What of a good file is replaced, and what is said then. Both texts have the same length. */
static const struct { const char *file, *from, *to; gsize n; guint occurrence; const char *message; } spoilt[] = {
  { "module.pth", "PK\3\4", "PK\3\5", 4, 0, "is no file of weights" },
  { "module.pth", "PK\3\4", "PK\3\5", 4, 4, "zip: \"module/data/0\" is not where the directory says" },
  { "module.pth", "PK\5\6", "PK\5\7", 4, 0, "zip: has no end record" },
  { "module.pth", "PK\1\2", "PK\1\3", 4, 0, "zip: entry 0 of the directory is none" },
  { "module.pth", "module/data.pkl", "module/date.pkl", 15, 1, "without data.pkl" },
  { "module.pth", "module/data/1", "module/data/0", 13, 1, "\"module/data/0\" comes twice" },
  { "module.pth", "module/data/1", "module/data/x", 13, 1, "\"module/data/1\" is missing, which its pickle refers to" },
  { "module.pth", "module/data/1", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 13, 1, "is not UTF-8" },
  { "module.pth", "module/data.pkl", "module/data.pk\0", 15, 1, "is not UTF-8" },
  { "script.pt", "", "", 0, 0, "is TorchScript, a program" },
  { "deflated.pt", "", "", 0, 0, "zip: \"archive/data.pkl\" is compressed; torch stores" },
  { "module.pth", "little", "big   ", 6, 0, "not little-endian" },
  { "module.pth", "weight", "waight", 6, 0, "\"module/data.pkl\" is damaged: its checksum" },
  { "module.pth", "FloatStorage", "BloatStorage", 12, 0, "names \"torch.BloatStorage\", which is no part of weights; nothing of it was run" },
  { "module.pth", "storageq", "stowageq", 8, 0, "not that of a storage" },
  { "short.pt", "", "", 0, 0, "zip: \"archive/data/0\" has 44 bytes, its pickle says 12 elements of FloatStorage" },
  { "legacy.bin", "\x8a\x0a\x6c", "\x8a\x0a\x6d", 3, 0, "magic number" },
  { "legacy.bin", "M\xe9\x03.", "M\xe9\x04.", 4, 0, "not of torch's version 1001" },
  { "legacy.bin", "little_endianq\x02\x88", "little_endianq\x02\x89", 16, 0, "not little-endian" },
  { "python2.pt", "\4\0\0\0\0\0\0\0", "\3\0\0\0\0\0\0\0", 8, 0, "the storage \"0\" has 3 elements, its pickle says 4" },
  { "python2.pt", "\4\0\0\0\0\0\0\0", "\4\0\0\0\0\0\0\x80", 8, 0, "a storage of -" },
  { "python2.pt", "U\1" "0a", "U\1" "1a", 4, 0, "data of a storage that nothing refers to" },
  { "tar.pt", "tensors", "tensorz", 7, 0, "tar: member 1 is damaged" },
  { "tar.pt", "FloatStorage", "Floatstorage", 12, 0, "names \"torch.Floatstorage\"" },
};

/* The place of the nth occurrence. */
static char *
find_bytes (char *data, gsize size, const char *what, gsize n, guint occurrence)
{
  for (gsize i = 0; i + n <= size; i++)
    if (memcmp (data + i, what, n) == 0 && occurrence-- == 0)
      return data + i;
  return NULL;
}

static GtfSafetensors *
open_bytes (const char *name, const char *data, gsize n, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, n);

  return gtf_safetensors_open_source (gtf_byte_source_new_bytes (name, bytes), error);
}

static void
test_spoilt (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (spoilt); i++)
    {
      g_autofree char *path = golden (spoilt[i].file), *data = NULL;
      g_autoptr (GtfSafetensors) found = NULL;
      g_autoptr (GError) error = NULL;
      gsize n;
      char *at;

      g_assert_true (g_file_get_contents (path, &data, &n, NULL));
      at = find_bytes (data, n, spoilt[i].from, spoilt[i].n, spoilt[i].occurrence);
      if (!at)
        g_error ("%s: case %zu is not in it", spoilt[i].file, i);
      memcpy (at, spoilt[i].to, spoilt[i].n);
      found = open_bytes (spoilt[i].file, data, n, &error);
      if (found || !strstr (error->message, spoilt[i].message) || !g_str_has_prefix (error->message, spoilt[i].file))
        g_error ("%s, case %zu: \"%s\" does not say \"%s\"", spoilt[i].file, i, found ? "(opened)" : error->message, spoilt[i].message);
    }
}

/* Cut off anywhere, a file is an error that names it, and never a shorter list of tensors. */
static void
test_cut_off (void)
{
  static const char *const cut[] = { "module.pth", "zip64.pt", "legacy-shared.bin", "tar.pt", "python2.pt" };

  for (gsize i = 0; i < G_N_ELEMENTS (cut); i++)
    {
      g_autofree char *path = golden (cut[i]), *data = NULL;
      gsize n, last;

      g_assert_true (g_file_get_contents (path, &data, &n, NULL));
      /* the archive of tar.pt ends with blocks of zeros that nobody needs */
      for (last = n; g_str_has_prefix (cut[i], "tar") && data[last - 1] == 0;)
        last--;
      for (gsize length = 0; length < last; length++)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (GtfSafetensors) found = open_bytes (cut[i], data, length, &error);

          if (found || !g_str_has_prefix (error->message, cut[i]))
            g_error ("%s, cut off at %zu: %s", cut[i], length, found ? "opened" : error->message);
        }
    }
}

/* ---- tensors that are not what their storage has -------------------------------------------------------------------- */

/* A legacy file of one tensor whose offset, shape and strides are given as opcodes, with # for a zero; its storage has four floats. */
static GtfSafetensors *
open_tensor (const char *offset, const char *shape, const char *strides, GError **error)
{
  static const char head[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02}U\x01wctorch._utils\n_rebuild_tensor\n(("
                             "U\x07storagectorch\nFloatStorage\nU\x01" "0U\x03" "cpuK\x04NtQ";
  g_autoptr (GByteArray) file = g_byte_array_new ();

  g_byte_array_append (file, (const guint8 *) head, sizeof head - 1);
  g_byte_array_append (file, (const guint8 *) offset, strlen (offset));
  g_byte_array_append (file, (const guint8 *) shape, strlen (shape));
  g_byte_array_append (file, (const guint8 *) strides, strlen (strides));
  for (guint i = sizeof head - 1; i < file->len; i++)
    if (file->data[i] == '#')
      file->data[i] = 0;
  g_byte_array_append (file, (const guint8 *) "tRs.\x80\x02]U\x01" "0a.\x04\0\0\0\0\0\0\0", 20);
  g_byte_array_append (file, (const guint8 *) (float[]){ 1, 2, 3, 4 }, 16);
  return open_bytes ("w.bin", (const char *) file->data, file->len, error);
}

static void
test_bounds (void)
{
  static const struct { const char *offset, *shape, *strides, *message; } cases[] = {
    { "K#", "K\x04\x85", "K\x01\x85", NULL },
    { "K\x03", "K\x63\x85", "K#\x85", NULL },
    { "K\x04", "K#\x85", "K\x01\x85", NULL },
    { "K\x05", "K#\x85", "K\x01\x85", NULL },
    { "K\x01", "K\x02K\x02\x86", "K\x01K\x01\x86", NULL },
    { "K\x01", "K\x04\x85", "K\x01\x85", "tensor \"w\": its elements lie outside its storage" },
    { "K\x05", "K\x01\x85", "K\x01\x85", "outside its storage" },
    { "J\xff\xff\xff\xff", "K\x01\x85", "K\x01\x85", "outside its storage" },
    { "K\x01", "K\x02\x85", "K\x03\x85", "outside its storage" },
    { "K\x01", "K\x02\x85", "J\xff\xff\xff\xff\x85", "negative or too large" },
    { "K\x01", "J\xff\xff\xff\xff\x85", "K\x01\x85", "negative or too large" },
    { "K\x01", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85", "K\x01\x85", "negative or too large" },
    { "K\x01", "\x8a\x08\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7fK\x09\x86", "K\x01K\x01\x86", "negative or too large" },
    { "K\x01", "K\x02\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85", "negative or too large" },
    { "K#", "J\xff\xff\xff\x3f\x85", "K#\x85", "the bytes of the file many times over" },
    { "K\x01", "K\x02\x85", "K\x02K\x01\x86", "1 dimensions and 2 strides" },
    { "K\x01", "(K\x01K\x01K\x01K\x01K\x01K\x01K\x01t", "K\x01\x85", "at most 6 can be read" },
    { "K\x01", "U\x01x\x85", "K\x01\x85", "no integer" },
    { "K\x01", "K\x02", "K\x01\x85", "is no tuple" },
    { "N", "K\x02\x85", "K\x01\x85", "the arguments of torch._utils._rebuild_tensor are not what it takes" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) found = open_tensor (cases[i].offset, cases[i].shape, cases[i].strides, &error);

      if (cases[i].message ? found || !strstr (error->message, cases[i].message) : !found)
        g_error ("case %zu: \"%s\" does not say \"%s\"", i, error ? error->message : "(opened)", cases[i].message);
    }
}

/* A legacy file whose object is @outer times a dict, each time by another key with @padding bytes, of @inner times one tensor. */
static GtfSafetensors *
open_nested (guint outer, gsize padding, guint inner, GError **error)
{
  static const char head[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02" "ctorch._utils\n_rebuild_tensor\n((U\x07storage"
                             "ctorch\nFloatStorage\nU\x01" "0U\x03" "cpuK\x04NtQK\x01K\x01\x85K\x01\x85tRq\x01";
  g_autoptr (GString) file = g_string_new_len (head, sizeof head - 1);
  g_autofree char *pad = g_strnfill (padding, 'p');

  g_string_append (file, "}(");
  for (guint i = 0; i < inner; i++)
    {
      g_string_append_printf (file, "U\x04%04u", i);
      g_string_append (file, "h\x01");
    }
  g_string_append (file, "uq\x02}(");
  for (guint i = 0; i < outer; i++)
    {
      guint32 length = GUINT32_TO_LE ((guint32) padding + 4);

      g_string_append_c (file, 'X');
      g_string_append_len (file, (const char *) &length, 4);
      g_string_append_printf (file, "%04u%s", i, pad);
      g_string_append (file, "h\x02");
    }
  g_string_append_len (file, "u.\x80\x02]U\x01" "0a.\x04\0\0\0\0\0\0\0", 18);
  g_string_append_len (file, ((const char *) (float[]){ 1, 2, 3, 4 }), 16);
  return open_bytes ("w.bin", file->str, file->len, error);
}

/* Few bytes that mean many tensors, or long names often. */
static void
test_amplified (void)
{
  static const struct { guint outer; gsize padding; guint inner; const char *message; } cases[] = {
    { 3, 10, 5, NULL },
    { 30, 10, 30, NULL },
    { 500, 10, 500, "the tensors say the bytes of the file many times over" },
    { 1, 1000000, 100, "or their names are too long" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) found = open_nested (cases[i].outer, cases[i].padding, cases[i].inner, &error);

      if (cases[i].message ? found || !strstr (error->message, cases[i].message) : !found || gtf_safetensors_get_n_tensors (found) != cases[i].outer * cases[i].inner)
        g_error ("case %zu: \"%s\" does not say \"%s\"", i, error ? error->message : "(opened)", cases[i].message);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/torch-files/golden", test_golden);
  g_test_add_func ("/model/torch-files/shards", test_shards);
  g_test_add_func ("/model/torch-files/both", test_both);
  g_test_add_func ("/model/torch-files/headers-only", test_headers_only);
  g_test_add_func ("/model/torch-files/sources", test_sources);
  g_test_add_func ("/model/torch-files/spoilt", test_spoilt);
  g_test_add_func ("/model/torch-files/cut-off", test_cut_off);
  g_test_add_func ("/model/torch-files/bounds", test_bounds);
  g_test_add_func ("/model/torch-files/amplified", test_amplified);
  return g_test_run ();
}
