/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The image front end through the public door: tensors of pictures that the test makes, and what bad configurations, calls and
 * files are told.
 */
#include "../sanitizer.h"
#include <math.h>
#include <string.h>
#include <glib/gstdio.h>
#include "base/json.h"
#include "base/json-print.h"
#include "pipeline/preprocessor.h"

static GtfPreprocessor *
load (const char *config, GError **error)
{
  g_autofree char *folder = g_dir_make_tmp ("gtf-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "preprocessor_config.json", NULL);
  GtfPreprocessor *self;

  g_assert_true (g_file_set_contents (path, config, -1, NULL));
  self = gtf_preprocessor_load (folder, NULL, error);
  g_unlink (path);
  g_rmdir (folder);
  return self;
}

static GtfImage *
make_image (gint width, gint height)
{
  GtfImage *image = gtf_image_new (width, height, NULL);
  guint32 state = 1;

  for (gsize i = 0; i < (gsize) width * (gsize) height * 3; i++)
    {
      state = state * 1664525u + 1013904223u;
      image->pixels[i] = (guint8) (state >> 24);
    }
  return image;
}

static void
test_one_color (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) self = load ("{\"image_processor_type\": \"ViTImageProcessor\", \"size\": 5}", &error);
  g_autoptr (GtfImage) image = gtf_image_new (17, 3, &error), copy = NULL;
  const GtfImage *images[2];
  g_autoptr (GHashTable) tensors = NULL;
  GtfTensor *pixels;

  g_assert_no_error (error);
  for (gsize i = 0; i < 17 * 3; i++)
    memcpy (image->pixels + 3 * i, "\x00\x7f\xff", 3);
  copy = gtf_image_copy (image);
  images[0] = image;
  images[1] = copy;
  g_assert_cmpstr (gtf_preprocessor_get_kind (self), ==, "image");
  tensors = gtf_preprocessor_run_images (self, images, 2, NULL, &error);
  g_assert_no_error (error);
  pixels = g_hash_table_lookup (tensors, "pixel_values");
  g_assert_cmpint (gtf_tensor_get_n_dims (pixels), ==, 4);
  g_assert_cmpint (gtf_tensor_get_dim (pixels, 0), ==, 2);
  g_assert_cmpint (gtf_tensor_get_dim (pixels, 3), ==, 5);
  for (gsize i = 0; i < 2 * 75; i++)
    {
      static const float expected[3] = { -1, -0.003921569f, 1 };
      float value;

      gtf_tensor_read_f32 (pixels, i, 1, &value);
      g_assert_cmpfloat_with_epsilon (value, expected[i / 25 % 3], 1e-6);
    }
}

static void
test_batch_with_mask (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) self = load ("{\"image_processor_type\": \"DetrImageProcessor\", \"do_resize\": false}", &error);
  g_autoptr (GtfImage) wide = make_image (7, 2), high = make_image (3, 5);
  const GtfImage *images[2] = { wide, high };
  g_autoptr (GHashTable) tensors = NULL;
  g_autoptr (GBytes) bytes = NULL;
  const gint64 *mask;

  g_assert_no_error (error);
  tensors = gtf_preprocessor_run_images (self, images, 2, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gtf_tensor_get_dim (g_hash_table_lookup (tensors, "pixel_values"), 2), ==, 5);
  bytes = gtf_tensor_get_bytes (g_hash_table_lookup (tensors, "pixel_mask"));
  mask = g_bytes_get_data (bytes, NULL);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 2 * 5 * 7 * 8);
  for (gint i = 0; i < 70; i++)
    {
      const GtfImage *image = images[i / 35];

      g_assert_cmpint (mask[i], ==, i % 35 / 7 < image->height && i % 7 < image->width);
    }
}

/* ---- configurations and calls that are refused ---- */

static const struct
{
  const char *config, *parameters, *expected;
} refused[] = {
  { "{\"size\": 0}", NULL, "\"size\"" },
  { "{\"size\": -3}", NULL, "\"size\"" },
  { "{\"size\": 1000000000}", NULL, "\"size\"" },
  { "{\"size\": 2.5}", NULL, "\"size\"" },
  { "{\"size\": \"large\"}", NULL, "\"size\"" },
  { "{\"size\": {\"height\": 3}}", NULL, "\"size\"" },
  { "{\"size\": {\"height\": 3, \"width\": 0}}", NULL, "width" },
  { "{\"size\": [1, 2, 3]}", NULL, "\"size\"" },
  { "{\"crop_size\": {}}", NULL, "\"crop_size\"" },
  { "{\"image_mean\": [NaN, 0, 0]}", NULL, "\"image_mean\"" },
  { "{\"image_mean\": [0, 0, 0, 0]}", NULL, "\"image_mean\"" },
  { "{\"image_std\": [1, 0, 1]}", NULL, "\"image_std\"" },
  { "{\"image_std\": 0}", NULL, "\"image_std\"" },
  { "{\"image_mean\": null}", NULL, "\"image_mean\" is null, but \"do_normalize\" is true" },
  { "{\"image_std\": null}", NULL, "\"image_std\" is null" },
  { "{\"image_mean\": [0, 0]}", NULL, "expected 3 numbers, one for each channel, or one for all, found 2" },
  { "{\"rescale_factor\": null}", NULL, "\"rescale_factor\" is null, but \"do_rescale\" is true" },
  { "{\"size\": null}", NULL, "\"size\" is null, but \"do_resize\" is true" },
  { "{\"resample\": null}", NULL, "\"resample\" is null" },
  { "{\"do_center_crop\": true}", NULL, "\"crop_size\" is missing, but \"do_center_crop\" is true" },
  { "{\"do_center_crop\": true, \"crop_size\": null}", NULL, "\"crop_size\" is null" },
  { "{\"image_processor_type\": \"DetrImageProcessor\", \"size\": {\"shortest_edge\": 30}}", NULL, "expected \"longest_edge\" beside \"shortest_edge\"" },
  { "{\"image_processor_type\": \"RTDetrImageProcessor\", \"size\": 30}", NULL, "expected \"longest_edge\"" },
  { "{\"image_processor_type\": \"ConvNextImageProcessor\", \"size\": 30, \"do_center_crop\": true, \"crop_size\": 31}", NULL, "31 x 31 is more than the 30 x 30" },
  { "{\"resample\": 6}", NULL, "resample" },
  { "{\"do_resize\": \"yes\"}", NULL, "do_resize" },
  { "{\"do_split_image\": \"yes\"}", NULL, "do_split_image" },
  { "{\"image_processor_type\": \"EomtImageProcessor\", \"size\": [3, 4], \"do_split_image\": true}", NULL, "shortest_edge" },
  { "{\"image_processor_type\": \"PromptDepthAnythingImageProcessor\", \"do_pad\": true, \"size_divisor\": 14}", NULL, "\"do_pad\": a picture of 384 x 384 within a border" },
  { "{\"image_processor_type\": \"ZoeDepthImageProcessor\"}", NULL, "4 x 4 is too small to be mirrored" },
  { "{\"image_processor_type\": \"ZoeDepthImageProcessor\", \"do_pad\": false, \"resample\": 1}", NULL, "resample" },
  { "{\"image_processor_type\": \"ZoeDepthImageProcessor\", \"do_pad\": false, \"size\": {\"shortest_edge\": 7}}", NULL, "\"size\"" },
  { "{\"image_processor_type\": \"ZoeDepthImageProcessor\", \"ensure_multiple_of\": 0}", NULL, "ensure_multiple_of" },
  { "{\"image_processor_type\": \"RfDetrImageProcessor\", \"resample\": 1}", NULL, "resample" },
  { "{\"image_processor_type\": \"RfDetrImageProcessor\", \"size\": 9, \"pad_size\": 5}", NULL, "pad_size" },
  { "{}", "{\"size\": 0}", "\"size\"" },
  { "{}", "{\"image_std\": [0, 0, 0]}", "\"image_std\"" },
  { "{}", "[]", "parameters" }
};

static void
test_refused (void)
{
  g_autoptr (GtfImage) image = make_image (4, 4);
  const GtfImage *images[1] = { image };

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *config = g_strdup_printf ("{\"image_processor_type\": \"ViTImageProcessor\"%s%s", strlen (refused[i].config) > 2 ? ", " : "", refused[i].config + 1);
      g_autoptr (GtfPreprocessor) self = load (config, &error);
      g_autoptr (GHashTable) tensors = self ? gtf_preprocessor_run_images (self, images, 1, refused[i].parameters, &error) : NULL;

      g_test_message ("%s %s", refused[i].config, refused[i].parameters);
      g_assert_null (tensors);
      g_assert_nonnull (error);
      g_assert_true (strstr (error->message, refused[i].expected) != NULL);
    }
}

/* A picture that would lose a side, and pictures of one batch that do not fit. */
static void
test_sizes_refused (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) self = load ("{\"image_processor_type\": \"CLIPImageProcessor\", \"size\": {\"shortest_edge\": 1000}, \"do_center_crop\": false}", &error);
  g_autoptr (GtfImage) thin = make_image (1, 65000), small = make_image (3, 4), large = make_image (8, 4);
  const GtfImage *images[2] = { thin, NULL };

  g_assert_null (gtf_preprocessor_run_images (self, images, 1, NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
  g_clear_error (&error);
  images[0] = small;
  images[1] = large;
  g_assert_null (gtf_preprocessor_run_images (self, images, 2, "{\"do_resize\": false}", &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (gtf_image_new (0, 3, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
}

/* Pictures of one pixel and of one pixel's width, through every processor that the golden cases have: numbers, or one error that is no lack of memory. */
static void
test_thin (void)
{
  static const gint sizes[][2] = { { 1, 1 }, { 1, 65000 }, { 65000, 1 }, { 1, 2 }, { 2, 1 } };
  g_autofree char *file = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "image", "cases.json", NULL), *text = NULL;
  g_autoptr (JsonNode) cases = NULL;

  g_assert_true (g_file_get_contents (file, &text, NULL, NULL));
  cases = gtf_json_parse (file, text, -1, GTF_JSON_PYTHON, NULL);
  for (guint i = 0; i < json_array_get_length (json_node_get_array (cases)); i++)
    for (guint k = 0; k < G_N_ELEMENTS (sizes); k++)
      {
        JsonObject *c = json_array_get_object_element (json_node_get_array (cases), i);
        g_autofree char *config = gtf_json_print (json_object_get_member (c, "config"), GTF_JSON_COMPACT);
        g_autoptr (GError) error = NULL;
        g_autoptr (GtfPreprocessor) self = load (config, &error);
        g_autoptr (GtfImage) image = make_image (sizes[k][0], sizes[k][1]);
        const GtfImage *images[1] = { image };
        g_autoptr (GHashTable) tensors = gtf_preprocessor_run_images (self, images, 1, NULL, &error);
        GtfTensor *pixels = tensors ? g_hash_table_lookup (tensors, "pixel_values") : NULL;
        float value = NAN;

        g_test_message ("%d x %d, %s: %s", sizes[k][0], sizes[k][1], config, error ? error->message : "tensors");
        g_assert_true (tensors || (error->domain == GTF_ERROR && error->code != GTF_ERROR_NO_MEMORY));
        if (pixels && gtf_tensor_get_dtype (pixels) == GTF_DTYPE_F32)
          {
            gtf_tensor_read_f32 (pixels, 0, 1, &value);
            g_assert_true (isfinite (value));
          }
      }
}

/* A crop larger than the picture has black around it. */
static void
test_large_crop (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) self = load ("{\"image_processor_type\": \"CLIPImageProcessor\", \"do_resize\": false, \"crop_size\": 6, \"do_normalize\": false}", &error);
  g_autoptr (GtfImage) image = gtf_image_new (3, 9, &error);
  const GtfImage *images[1] = { image };
  g_autoptr (GHashTable) tensors = NULL;

  memset (image->pixels, 255, 81);
  tensors = gtf_preprocessor_run_images (self, images, 1, NULL, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < 108; i++)
    {
      float value;

      gtf_tensor_read_f32 (g_hash_table_lookup (tensors, "pixel_values"), i, 1, &value);
      g_assert_cmpfloat_with_epsilon (value, i % 6 >= 1 && i % 6 < 4, 1e-6);
    }
}

/* Saved and loaded again; an error where its folder is gone. */
static void
test_save (void)
{
  static const char config[] = "{\"image_processor_type\": \"ViTImageProcessor\", \"size\": 5}";
  g_autofree char *folder = g_dir_make_tmp ("gtf-test-XXXXXX", NULL), *to = g_build_filename (folder, "to", NULL);
  g_autofree char *path = g_build_filename (folder, "preprocessor_config.json", NULL), *saved = g_build_filename (to, "preprocessor_config.json", NULL), *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) self = NULL;

  g_assert_true (g_file_set_contents (path, config, -1, NULL));
  self = gtf_preprocessor_load (folder, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (gtf_preprocessor_save_pretrained (self, to, &error));
  g_assert_true (g_file_get_contents (saved, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, config);
  g_unlink (path);
  g_assert_false (gtf_preprocessor_save_pretrained (self, to, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  g_unlink (saved);
  g_rmdir (to);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image/one-color", test_one_color);
  g_test_add_func ("/image/batch-with-mask", test_batch_with_mask);
  g_test_add_func ("/image/refused", test_refused);
  g_test_add_func ("/image/sizes-refused", test_sizes_refused);
  g_test_add_func ("/image/thin", test_thin);
  g_test_add_func ("/image/large-crop", test_large_crop);
  g_test_add_func ("/image/save", test_save);
  return g_test_run ();
}
