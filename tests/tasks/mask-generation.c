/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * mask-generation against what the reference answers on tiny repositories: data/golden/mask-generation/cases.json, made by its make.py. Numbers of pixels are
 * exact, scores may differ by a thousandth.
 */
#include <math.h>
#include <string.h>

#include "base/json-print.h"
#include "base/json.h"
#include "pipeline/pipeline.h"

static char *data_folder, *picture;

static GtfPipeline *
open_pipeline (const char *repository)
{
  g_autofree char *path = g_build_filename (data_folder, "vision", repository, NULL);
  g_autoptr (GError) error = NULL;
  GtfPipeline *pipeline = gtf_pipeline_new ("mask-generation", path, NULL, &error);

  g_assert_no_error (error);
  return pipeline;
}

static void
assert_same_json (JsonObject *a, JsonObject *b, const char *member)
{
  g_autofree char *expected = gtf_json_print (json_object_get_member (a, member), GTF_JSON_COMPACT), *found = gtf_json_print (json_object_get_member (b, member), GTF_JSON_COMPACT);

  g_assert_cmpstr (expected, ==, found);
}

/* The picture of a mask shows what its runs say, column by column. */
static void
assert_shows (const char *base64, JsonObject *runs)
{
  g_autoptr (GError) error = NULL;
  gsize length, at = 0;
  guchar *bytes = g_base64_decode (base64, &length);
  g_autoptr (GBytes) file = g_bytes_new_take (bytes, length);
  g_autoptr (GtfImage) image = gtf_image_load_bytes (file, "mask", &error);
  JsonArray *counts = json_object_get_array_member (runs, "counts");

  g_assert_no_error (error);
  for (guint i = 0; i < json_array_get_length (counts); i++)
    for (gint64 k = 0; k < json_array_get_int_element (counts, i); k++, at++)
      g_assert_cmpint (image->pixels[(at % (gsize) image->height * (gsize) image->width + at / (gsize) image->height) * 3], ==, i % 2 ? 255 : 0);
  g_assert_cmpuint (at, ==, (gsize) image->width * (gsize) image->height);
}

static void
test_case (gconstpointer data)
{
  JsonObject *one = (JsonObject *) data, *expected = json_object_get_object_member (one, "expected"), *found;
  g_autofree char *parameters = gtf_json_print (json_object_get_member (one, "parameters"), GTF_JSON_COMPACT);
  g_autoptr (GtfPipeline) pipeline = open_pipeline (json_object_get_string_member (one, "repository"));
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) result = gtf_pipeline_run_file (pipeline, picture, parameters, NULL, &error);
  JsonArray *masks, *scores;

  if (json_object_has_member (expected, "error"))
    {
      g_assert_null (result);
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
      return;
    }
  g_assert_no_error (error);
  found = json_node_get_object (gtf_result_get_node (result));
  masks = json_object_get_array_member (found, "masks");
  scores = json_object_get_array_member (found, "scores");
  g_assert_cmpuint (json_array_get_length (masks), ==, (guint) json_object_get_int_member (expected, "n"));
  g_assert_cmpuint (json_array_get_length (scores), ==, json_array_get_length (masks));
  for (guint i = 0; i < json_array_get_length (scores); i++)
    g_assert_cmpfloat_with_epsilon (json_array_get_double_element (scores, i), json_array_get_double_element (json_object_get_array_member (expected, "scores"), i), 1e-3);
  if (!json_object_has_member (expected, "rle_mask"))
    {
      g_assert_cmpuint (json_object_get_size (found), ==, 2);
      return;
    }
  assert_same_json (expected, found, "rle_mask");
  assert_same_json (expected, found, "bounding_boxes");
  for (guint i = 0; i < json_array_get_length (masks); i++)
    assert_shows (json_array_get_string_element (masks, i), json_array_get_object_element (json_object_get_array_member (found, "rle_mask"), i));
}

/* One error that names what is wrong, and the pipeline goes on. */
static void
test_refuses (void)
{
  static const char *const wrong[][2] = {
    { "{\"crops_n_layers\": 40}", "crops_n_layers" }, { "{\"points_per_crop\": 0}", "points_per_crop" }, { "{\"crops_n_layers\": 1, \"crop_n_points_downscale_factor\": 64}", "downscale_factor" },
    { "{\"crop_overlap_ratio\": 3}", "crop_overlap_ratio" }, { "{\"mask_threshold\": \"high\"}", "mask_threshold" }, { "{\"max_hole_area\": 3}", "max_hole_area" },
  };
  g_autoptr (GtfPipeline) pipeline = open_pipeline ("sam/points");
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) after = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_assert_null (gtf_pipeline_run_file (pipeline, picture, wrong[i][0], NULL, &error));
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
      if (!strstr (error->message, wrong[i][1]))
        g_error ("%s, not %s", error->message, wrong[i][1]);
      g_clear_error (&error);
    }
  after = gtf_pipeline_run_file (pipeline, picture, "{\"points_per_crop\": 1}", NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (after);
}

/* A picture of one pixel is one too. */
static void
test_one_pixel (void)
{
  g_autoptr (GtfPipeline) pipeline = open_pipeline ("sam/points");
  g_autoptr (GtfImage) image = gtf_image_new (1, 1, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) result = gtf_pipeline_run_image (pipeline, image, "{\"points_per_crop\": 1, \"pred_iou_thresh\": 0, \"stability_score_thresh\": 0}", NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (strstr (gtf_result_to_json (result), "masks"));
}

int
main (int argc, char **argv)
{
  g_autofree char *path = NULL, *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;
  JsonArray *cases;

  g_test_init (&argc, &argv, NULL);
  data_folder = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", NULL);
  picture = g_build_filename (data_folder, "vision-tasks", "waves.png", NULL);
  path = g_build_filename (data_folder, "mask-generation", "cases.json", NULL);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  node = gtf_json_parse (path, text, -1, GTF_JSON_PYTHON, &error);
  g_assert_no_error (error);
  cases = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *one = json_array_get_object_element (cases, i);
      g_autofree char *name = g_strdup_printf ("/mask-generation/%u/%s", i, json_object_get_string_member (one, "repository"));

      g_test_add_data_func (name, one, test_case);
    }
  g_test_add_func ("/mask-generation/refuses", test_refuses);
  g_test_add_func ("/mask-generation/one-pixel", test_one_pixel);
  return g_test_run ();
}
