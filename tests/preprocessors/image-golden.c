/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Image processors against data/golden/image/cases.json (what transformers makes of the same picture), and files that are cut off
 * or lie about their size.
 */
#include "../sanitizer.h"
#include <string.h>
#include <json-glib/json-glib.h>
#include <glib/gstdio.h>
#include "base/json-print.h"
#include "base/json.h"
#include "pipeline/preprocessor.h"

/* The picture of make.py. */
static GtfImage *
make_picture (gint width, gint height)
{
  GtfImage *image = gtf_image_new (width, height, NULL);
  guint32 state = 1;

  for (guint i = 0; i < (guint) (width * height * 3); i++)
    {
      state = state * 1664525u + 1013904223u;
      image->pixels[i] = (guint8) ((state >> 24) + i * 7 / 3);
    }
  return image;
}

static double
read_element (const GtfTensor *tensor, GBytes *bytes, gsize i)
{
  gconstpointer data = g_bytes_get_data (bytes, NULL);

  switch (gtf_tensor_get_dtype (tensor))
    {
    case GTF_DTYPE_F32:
      return (double) ((const float *) data)[i];
    case GTF_DTYPE_I32:
      return (double) ((const gint32 *) data)[i];
    case GTF_DTYPE_I64:
      return (double) ((const gint64 *) data)[i];
    default:
      g_assert_not_reached ();
    }
}

static void
compare (const GtfTensor *tensor, JsonObject *expected)
{
  g_autoptr (GBytes) bytes = gtf_tensor_get_bytes (tensor);
  JsonArray *shape = json_object_get_array_member (expected, "shape"), *values = json_object_get_array_member (expected, "values");
  gsize stride = (gsize) json_object_get_int_member (expected, "stride");

  g_assert_cmpuint (gtf_tensor_get_n_dims (tensor), ==, json_array_get_length (shape));
  for (guint d = 0; d < json_array_get_length (shape); d++)
    g_assert_cmpint (gtf_tensor_get_dim (tensor, (gint) d), ==, json_array_get_int_element (shape, d));
  for (guint i = 0; i < json_array_get_length (values); i++)
    g_assert_cmpfloat_with_epsilon (read_element (tensor, bytes, i * stride), json_array_get_double_element (values, i), 1e-5);
}

static void
test_golden (gconstpointer data)
{
  JsonObject *c = (JsonObject *) data, *tensors = json_object_get_object_member (c, "tensors");
  g_autofree char *config = gtf_json_print (json_object_get_member (c, "config"), GTF_JSON_COMPACT);
  g_autofree char *folder = g_dir_make_tmp ("gtf-test-XXXXXX", NULL), *path = g_build_filename (folder, "preprocessor_config.json", NULL);
  g_autoptr (GtfImage) image = make_picture ((gint) json_object_get_int_member (c, "width"), (gint) json_object_get_int_member (c, "height"));
  const GtfImage *images[1] = { image };
  g_autoptr (GtfPreprocessor) self = NULL;
  g_autoptr (GHashTable) found = NULL;
  g_autoptr (GList) names = json_object_get_members (tensors);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (path, config, -1, NULL));
  self = gtf_preprocessor_load (folder, NULL, &error);
  g_unlink (path);
  g_rmdir (folder);
  g_assert_no_error (error);
  found = gtf_preprocessor_run_images (self, images, 1, NULL, &error);
  g_assert_no_error (error);
  /* These the reference tells, where it does, by other ways than tensors. */
  g_hash_table_remove (found, "original_sizes");
  g_hash_table_remove (found, "reshaped_input_sizes");
  g_hash_table_remove (found, "padding");
  g_assert_cmpuint (g_hash_table_size (found), ==, g_list_length (names));
  for (GList *l = names; l; l = l->next)
    {
      g_assert_nonnull (g_hash_table_lookup (found, l->data));
      compare (g_hash_table_lookup (found, l->data), json_object_get_object_member (tensors, l->data));
    }
}

/* ---- files ---- */

static GtfImage *
load_bytes (const guint8 *data, gsize n, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, n);     /* of their own size, so that sanitizers see what is read beyond it */
  GtfImage *image = gtf_image_load_bytes (bytes, "some/picture", error);

  if (!image)
    g_assert_true (strstr ((*error)->message, "some/picture") != NULL);
  return image;
}

/* Which colour stands for transparency, and that it becomes white where a processor converts to RGB. */
static void
check_transparent (const GtfImage *image, JsonNode *node)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("gtf-XXXXXX", NULL), *path = g_build_filename (folder, "preprocessor_config.json", NULL);
  g_autoptr (GtfPreprocessor) processor = NULL;
  g_autoptr (GHashTable) out = NULL;
  gsize plane = (gsize) image->width * (gsize) image->height;
  g_autoptr (GBytes) bytes = NULL;
  const guint8 *planes;

  g_assert_cmpint (image->has_transparent, ==, node != NULL);
  for (guint c = 0; node && c < 3; c++)
    g_assert_cmpint (image->transparent[c], ==, json_array_get_int_element (json_node_get_array (node), c));
  g_assert_true (g_file_set_contents (path, "{\"image_processor_type\": \"CLIPImageProcessor\", \"do_resize\": false, \"do_center_crop\": false, \"do_rescale\": false, \"do_normalize\": false}", -1, NULL));
  processor = gtf_preprocessor_load (folder, NULL, &error);
  g_assert_no_error (error);
  out = gtf_preprocessor_run_images (processor, &image, 1, NULL, &error);
  g_assert_no_error (error);
  bytes = gtf_tensor_get_bytes (g_hash_table_lookup (out, "pixel_values"));
  planes = g_bytes_get_data (bytes, NULL);
  for (gsize i = 0; i < plane; i++)
    for (guint c = 0; c < 3; c++)
      {
        const guint8 *pixel = image->pixels + 3 * i;

        g_assert_cmpint (planes[c * plane + i], ==, image->has_transparent && memcmp (pixel, image->transparent, 3) == 0 ? 255 : pixel[c]);
      }
  g_unlink (path);
  g_rmdir (folder);
}

/* A file of data/golden/image/files.json and the pixels that Pillow finds in it. */
static void
test_pillow (gconstpointer data)
{
  JsonObject *c = (JsonObject *) data;
  gsize n, n_expected;
  g_autofree guint8 *file = g_base64_decode (json_object_get_string_member (c, "file"), &n);
  g_autofree guint8 *expected = g_base64_decode (json_object_get_string_member (c, "rgb"), &n_expected);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfImage) image = load_bytes (file, n, &error);

  g_assert_no_error (error);
  g_assert_cmpint (image->width, ==, json_object_get_int_member (c, "width"));
  g_assert_cmpint (image->height, ==, json_object_get_int_member (c, "height"));
  g_assert_cmpmem (image->pixels, (gsize) image->width * (gsize) image->height * 3, expected, n_expected);
  check_transparent (image, gtf_json_find (c, "transparent"));
  /* Cut off anywhere, it is a picture or one error; load_bytes () looks at what the error says. */
  for (gsize length = 0; length < n; length++)
    {
      g_autoptr (GError) cut = NULL;
      g_autoptr (GtfImage) part = load_bytes (file, length, &cut);

      g_assert_true ((part != NULL) == (cut == NULL));
    }
}

/* 3 x 2 with 24 bits, the bottom row first */
static const guint8 bmp[] = {
  'B', 'M', 78, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0, 0, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0, 0, 0
};

/* 1 x 1, white */
static const guint8 gif[] = {
  'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0, 0xff, 0xff, 0xff, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b
};

static void
test_files (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfImage) image = load_bytes (bmp, sizeof bmp, &error), white = NULL;
  static const guint8 expected[18] = { 13, 12, 11, 16, 15, 14, 19, 18, 17, 3, 2, 1, 6, 5, 4, 9, 8, 7 };

  g_assert_no_error (error);
  g_assert_cmpmem (image->pixels, 18, expected, 18);
  white = load_bytes (gif, sizeof gif, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (white->pixels, 3, "\xff\xff\xff", 3);
}

/* Cut off anywhere, a file gives an error that names it, or the picture. */
static void
test_truncated (void)
{
  for (gsize n = 0; n < sizeof bmp; n++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfImage) image = load_bytes (bmp, n, &error);

      g_assert_null (image);
    }
  for (gsize n = 0; n < 32; n++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfImage) image = load_bytes (gif, n, &error);

      g_assert_null (image);
    }
}

static void
test_lies (void)
{
  static const struct
  {
    gsize at;
    guint8 value;
  } lies[] = { { 19, 0x7f }, { 21, 0x7f }, { 23, 0x70 }, { 18, 0 }, { 22, 0 }, { 10, 250 }, { 14, 250 }, { 28, 16 }, { 30, 3 } };

  for (guint i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      g_autofree guint8 *copy = g_memdup2 (bmp, sizeof bmp);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfImage) image = NULL;

      copy[lies[i].at] = lies[i].value;
      image = load_bytes (copy, sizeof bmp, &error);
      g_assert_null (image);
      g_assert_nonnull (error);
    }
}

/* 1 x 1, of (16, 32, 48), with a chunk before the picture that nobody needs */
static const guint8 png[] = {
  137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0, 144, 119, 83, 222, 0, 0, 0, 4, 103, 65,
  77, 65, 0, 0, 177, 143, 11, 252, 97, 5, 0, 0, 0, 12, 73, 68, 65, 84, 120, 156, 99, 16, 80, 48, 0, 0, 0, 164, 0, 97, 52, 102, 125, 114, 0, 0,
  0, 0, 73, 69, 78, 68, 174, 66, 96, 130
};

/* What Pillow holds against a checksum: those before the picture count, even of chunks that nobody needs; the picture's own do not. */
static void
test_png_checksums (void)
{
  static const struct
  {
    gsize at;
    gboolean good;
  } cases[] = { { 32, FALSE }, { 48, FALSE }, { 72, TRUE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree guint8 *copy = g_memdup2 (png, sizeof png);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfImage) image = NULL;

      copy[cases[i].at] ^= 1;
      image = load_bytes (copy, sizeof png, &error);
      if (cases[i].good)
        {
          g_assert_no_error (error);
          g_assert_cmpmem (image->pixels, 3, "\x10\x20\x30", 3);
        }
      else
        g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
    }
}

static JsonArray *
load_cases (JsonParser *parser, const char *name)
{
  g_autofree char *file = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "image", name, NULL);

  g_assert_true (json_parser_load_from_file (parser, file, NULL));
  return json_node_get_array (json_parser_get_root (parser));
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonParser) parser = json_parser_new (), file_parser = json_parser_new ();
  JsonArray *cases, *files;

  g_test_init (&argc, &argv, NULL);
  cases = load_cases (parser, "cases.json");
  files = load_cases (file_parser, "files.json");
  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *c = json_array_get_object_element (cases, i);
      g_autofree char *path = g_strdup_printf ("/image/golden/%u-%s", i, json_object_get_string_member (json_object_get_object_member (c, "config"), "image_processor_type"));

      g_test_add_data_func (path, c, test_golden);
    }
  for (guint i = 0; i < json_array_get_length (files); i++)
    {
      JsonObject *c = json_array_get_object_element (files, i);
      g_autofree char *path = g_strdup_printf ("/image/pillow/%s", json_object_get_string_member (c, "name"));

      g_test_add_data_func (path, c, test_pillow);
    }
  g_test_add_func ("/image/files", test_files);
  g_test_add_func ("/image/truncated", test_truncated);
  g_test_add_func ("/image/lies", test_lies);
  g_test_add_func ("/image/png-checksums", test_png_checksums);
  return g_test_run ();
}
