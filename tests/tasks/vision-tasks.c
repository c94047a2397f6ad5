/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tasks over pictures against what the reference answers on tiny repositories: data/golden/vision-tasks/cases.json, made by its make.py.
 * Numbers may differ by a thousandth.
 */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "base/json-print.h"
#include "base/json.h"
#include "pipeline/pipeline.h"
#include "with-processor.h"

static JsonArray *cases;
static char *folder;

static gboolean same (JsonNode *a, JsonNode *b);

static gboolean
same_arrays (JsonArray *a, JsonArray *b)
{
  if (json_array_get_length (a) != json_array_get_length (b))
    return FALSE;
  for (guint i = 0; i < json_array_get_length (a); i++)
    if (!same (json_array_get_element (a, i), json_array_get_element (b, i)))
      return FALSE;
  return TRUE;
}

/* Corners in whole pixels, or neither has any. */
static gboolean
same_boxes (JsonObject *a, JsonObject *b)
{
  static const char *const sides[] = { "xmin", "ymin", "xmax", "ymax" };

  if (!json_object_has_member (a, "box") || !json_object_has_member (b, "box"))
    return json_object_has_member (a, "box") == json_object_has_member (b, "box");
  a = json_object_get_object_member (a, "box");
  b = json_object_get_object_member (b, "box");
  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    if (!json_object_has_member (b, sides[i]) || json_object_get_int_member (a, sides[i]) != json_object_get_int_member (b, sides[i]))
      return FALSE;
  return json_object_get_size (a) == json_object_get_size (b);
}

static GtfImage *
read_picture (JsonObject *from, const char *member)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  gint fd = g_file_open_tmp ("mask-XXXXXX.png", &path, &error);
  gsize length;
  g_autofree guchar *bytes = g_base64_decode (json_object_get_string_member (from, member), &length);
  GtfImage *image;

  g_assert_no_error (error);
  g_close (fd, NULL);
  g_assert_true (g_file_set_contents (path, (const char *) bytes, (gssize) length, &error));
  image = gtf_image_load (path, NULL, &error);
  g_remove (path);
  g_assert_no_error (error);
  return image;
}

/* The same pixels, or neither has any; a pixel on the edge of two classes may go to either. */
static gboolean
same_masks (JsonObject *a, JsonObject *b)
{
  g_autoptr (GtfImage) one = NULL, other = NULL;
  gint n_other = 0;

  if (!json_object_has_member (a, "mask") || !json_object_has_member (b, "mask"))
    return json_object_has_member (a, "mask") == json_object_has_member (b, "mask");
  one = read_picture (a, "mask");
  other = read_picture (b, "mask");
  if (one->width != other->width || one->height != other->height)
    return FALSE;
  for (gint i = 0; i < one->width * one->height; i++)
    n_other += one->pixels[3 * i] != other->pixels[3 * i];
  return n_other <= one->width * one->height / 100;
}

/* Depths, and the grey pictures of them, whose numbers are cut off to whole ones. */
static gboolean
same_depths (JsonObject *a, JsonObject *b)
{
  g_autoptr (GtfImage) one = NULL, other = NULL;

  if (!json_object_has_member (b, "predicted_depth") || !json_object_has_member (b, "depth")
      || !same (json_object_get_member (a, "predicted_depth"), json_object_get_member (b, "predicted_depth")))
    return FALSE;
  one = read_picture (a, "depth");
  other = read_picture (b, "depth");
  if (one->width != other->width || one->height != other->height)
    return FALSE;
  for (gint i = 0; i < one->width * one->height; i++)
    if (ABS (one->pixels[3 * i] - other->pixels[3 * i]) > 1)
      return FALSE;
  return TRUE;
}

/* Answers are made of lists, {"label", "score"}, {"label", "score", "box"}, {"score", "label", "mask"}, {"predicted_depth", "depth"} and numbers. */
static gboolean
same (JsonNode *a, JsonNode *b)
{
  if (JSON_NODE_HOLDS_ARRAY (a) && JSON_NODE_HOLDS_ARRAY (b))
    return same_arrays (json_node_get_array (a), json_node_get_array (b));
  if (JSON_NODE_HOLDS_OBJECT (a) && JSON_NODE_HOLDS_OBJECT (b) && json_object_has_member (json_node_get_object (a), "predicted_depth"))
    return same_depths (json_node_get_object (a), json_node_get_object (b));
  if (JSON_NODE_HOLDS_OBJECT (a) && JSON_NODE_HOLDS_OBJECT (b))
    return json_object_get_size (json_node_get_object (a)) == json_object_get_size (json_node_get_object (b))
           && g_strcmp0 (json_object_get_string_member (json_node_get_object (a), "label"), json_object_get_string_member (json_node_get_object (b), "label")) == 0
           && same_boxes (json_node_get_object (a), json_node_get_object (b)) && same_masks (json_node_get_object (a), json_node_get_object (b))
           && same (json_object_get_member (json_node_get_object (a), "score"), json_object_get_member (json_node_get_object (b), "score"));
  if (JSON_NODE_HOLDS_NULL (a) || JSON_NODE_HOLDS_NULL (b))
    return JSON_NODE_HOLDS_NULL (a) && JSON_NODE_HOLDS_NULL (b);
  return JSON_NODE_HOLDS_VALUE (a) && JSON_NODE_HOLDS_VALUE (b)
         && fabs (json_node_get_double (a) - json_node_get_double (b)) <= 1e-3 * MAX (1, fabs (json_node_get_double (a)));
}

/* The pictures stand beside the cases. */
static char *
with_folder (JsonNode *inputs)
{
  g_autoptr (JsonArray) list = json_array_new ();
  g_autoptr (JsonNode) node = NULL;
  gboolean is_list = JSON_NODE_HOLDS_ARRAY (inputs);

  for (guint i = 0; i < (is_list ? json_array_get_length (json_node_get_array (inputs)) : 1); i++)
    {
      g_autofree char *path = g_build_filename (folder, is_list ? json_array_get_string_element (json_node_get_array (inputs), i) : json_node_get_string (inputs), NULL);

      json_array_add_string_element (list, path);
    }
  node = is_list ? json_node_init_array (json_node_alloc (), list) : json_array_dup_element (list, 0);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}

static void
test_case (gconstpointer data)
{
  JsonObject *one = (JsonObject *) data;
  JsonNode *expected = json_object_get_member (one, "expected");
  g_autofree char *repository = g_build_filename (folder, "..", "vision", json_object_get_string_member (one, "repository"), NULL);
  g_autofree char *inputs = with_folder (json_object_get_member (one, "inputs"));
  g_autofree char *parameters = gtf_json_print (json_object_get_member (one, "parameters"), GTF_JSON_COMPACT);
  g_autofree char *wanted = gtf_json_print (expected, GTF_JSON_COMPACT);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new (json_object_get_string_member (one, "task"), repository, NULL, &error);
  g_autoptr (GtfResult) result = NULL;

  g_assert_no_error (error);
  result = gtf_pipeline_run (pipeline, inputs, parameters, NULL, &error);
  if (JSON_NODE_HOLDS_OBJECT (expected) && json_object_has_member (json_node_get_object (expected), "error"))
    {
      g_assert_null (result);
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
      return;
    }
  g_assert_no_error (error);
  if (!same (expected, gtf_result_get_node (result)))
    g_error ("expected %.600s, found %.600s", wanted, gtf_result_to_json (result));
}

/* What a detector cannot be run with is an error that names it. */
static void
test_detector_refuses (void)
{
  static const char *const wrong[][2] = { { "{\"threshold\": \"high\"}", "threshold" }, { "{\"threshold\": 1e99}", "threshold" },
                                          { "{\"treshold\": 0.5}", "treshold" } };
  g_autofree char *repository = g_build_filename (folder, "..", "vision", "yolos", "detection", NULL), *other = g_build_filename (folder, "..", "vision", "vit", "classifier", NULL);
  g_autofree char *picture = g_build_filename (folder, "waves.png", NULL), *inputs = g_strdup_printf ("\"%s\"", picture);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new ("object-detection", repository, NULL, &error), none = NULL;
  g_autoptr (GtfResult) after = NULL;

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_assert_null (gtf_pipeline_run (pipeline, inputs, wrong[i][0], NULL, &error));
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, wrong[i][1]));
      g_clear_error (&error);
    }
  after = gtf_pipeline_run (pipeline, inputs, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (after);
  none = gtf_pipeline_new ("object-detection", other, NULL, &error);
  g_assert_null (none);
  g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
}

/* Boxes are read on a terminal and in a page, labels escaped there. */
static void
test_detector_views (void)
{
  g_autofree char *repository = g_build_filename (folder, "..", "vision", "yolos", "detection", NULL);
  g_autofree char *picture = g_build_filename (folder, "waves.png", NULL), *inputs = g_strdup_printf ("[\"%s\"]", picture), *text = NULL, *html = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new ("object-detection", repository, NULL, &error);
  g_autoptr (GtfResult) result = pipeline ? gtf_pipeline_run (pipeline, inputs, "{\"threshold\": 0.1}", NULL, &error) : NULL;

  g_assert_no_error (error);
  text = gtf_result_render (result, "text");
  html = gtf_result_render (result, "html");
  g_assert_nonnull (strstr (text, "LABEL_"));
  g_assert_nonnull (strstr (text, " - "));
  g_assert_nonnull (strstr (html, "LABEL_"));
}

/* What cannot be made of this repository, or is no number, is an error that names it; so is a repository of another kind. */
static void
test_segmenter_refuses (void)
{
  static const char *const wrong[][2] = { { "{\"subtask\": \"panoptic\"}", "\"semantic\"" }, { "{\"subtask\": 3}", "subtask" }, { "{\"threshold\": \"high\"}", "threshold" },
                                          { "{\"mask_threshold\": []}", "mask_threshold" }, { "{\"overlap_mask_area_threshold\": true}", "overlap_mask_area_threshold" } };
  g_autofree char *repository = g_build_filename (folder, "..", "vision", "segformer", "semantic", NULL), *other = g_build_filename (folder, "..", "vision", "vit", "classifier", NULL);
  g_autofree char *picture = g_build_filename (folder, "waves.png", NULL), *inputs = g_strdup_printf ("\"%s\"", picture);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new ("image-segmentation", repository, NULL, &error), none = NULL;

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_assert_null (gtf_pipeline_run (pipeline, inputs, wrong[i][0], NULL, &error));
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, wrong[i][1]));
      g_clear_error (&error);
    }
  none = gtf_pipeline_new ("image-segmentation", other, NULL, &error);
  g_assert_null (none);
  g_assert_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED);
}

/* Classes with their share of the picture, on a terminal and in a page. */
static void
test_segmenter_views (void)
{
  g_autofree char *repository = g_build_filename (folder, "..", "vision", "segformer", "semantic", NULL);
  g_autofree char *picture = g_build_filename (folder, "waves.png", NULL), *inputs = g_strdup_printf ("[\"%s\"]", picture), *text = NULL, *html = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new ("image-segmentation", repository, NULL, &error);
  g_autoptr (GtfResult) result = pipeline ? gtf_pipeline_run (pipeline, inputs, NULL, NULL, &error) : NULL;

  g_assert_no_error (error);
  text = gtf_result_render (result, "text");
  html = gtf_result_render (result, "html");
  g_assert_nonnull (strstr (text, "waves.png"));
  g_assert_nonnull (strstr (text, "LABEL_"));
  g_assert_nonnull (strstr (html, "<td>LABEL_"));
}

/* Each picture with its own labels, or those of all: answers as for one picture; what is none of that is an error. */
static void
test_labels_of_each (void)
{
  static const struct
  {
    const char *inputs, *parameters, *says;     /* %1$s: the picture */
  } cases_of[] = {
    { "{\"image\": \"%1$s\", \"candidate_labels\": [\"dog\"]}", "{\"threshold\": 0.5}", NULL },
    { "[{\"image\": \"%1$s\"}, {\"image\": \"%1$s\", \"candidate_labels\": \"cat\"}]", "{\"candidate_labels\": [\"dog\"], \"threshold\": 0.5}", NULL },
    { "[{\"image\": \"%1$s\"}, \"%1$s\"]", "{\"candidate_labels\": [\"dog\"]}", "in all of a list or in none" },
    { "{\"image\": \"%1$s\"}", "{}", "candidate_labels" },
    { "{\"picture\": \"%1$s\"}", "{}", "expected {\"image\": PATH" },
    { "\"%1$s\"", "{\"candidate_labels\": [\"dog\", 7]}", "candidate_labels" },
    { "\"%1$s\"", "{\"candidate_labels\": [\"dog\"], \"threshold\": []}", "threshold" },
    { "\"%1$s\"", "{\"candidate_labels\": [\"dog\"], \"top_k\": \"all\"}", "top_k" },
  };
  g_autofree char *repository = g_build_filename (folder, "..", "vision", "owlvit", "detection", NULL), *picture = g_build_filename (folder, "waves.png", NULL);
  g_autofree char *plain = g_strdup_printf ("\"%s\"", picture);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new ("zero-shot-object-detection", repository, NULL, &error);
  g_autoptr (GtfResult) one = pipeline ? gtf_pipeline_run (pipeline, plain, "{\"candidate_labels\": [\"dog\"], \"threshold\": 0.5}", NULL, &error) : NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (json_array_get_length (json_node_get_array (gtf_result_get_node (one))), >, 0);
  for (guint i = 0; i < G_N_ELEMENTS (cases_of); i++)
    {
      g_auto (GStrv) pieces = g_strsplit (cases_of[i].inputs, "%1$s", -1);
      g_autofree char *inputs = g_strjoinv (picture, pieces);
      g_autoptr (GtfResult) result = gtf_pipeline_run (pipeline, inputs, cases_of[i].parameters, NULL, &error);
      JsonNode *answer = result ? gtf_result_get_node (result) : NULL;

      if (cases_of[i].says)
        {
          g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
          g_assert_nonnull (strstr (error->message, cases_of[i].says));
          g_clear_error (&error);
          continue;
        }
      g_assert_no_error (error);
      if (i == 1)
        {
          g_assert_cmpuint (json_array_get_length (json_node_get_array (answer)), ==, 2);
          answer = json_array_get_element (json_node_get_array (answer), 0);
        }
      g_assert_true (same (gtf_result_get_node (one), answer));
    }
}

/* ---- several pictures ---- */

#define TOGETHER 3

/* Three of one size, with nothing else in common. */
static void
make_pictures (GtfImage *pictures[TOGETHER], gint width, gint height)
{
  guint32 state = 7;

  for (guint p = 0; p < TOGETHER; p++)
    {
      pictures[p] = gtf_image_new (width, height, NULL);
      for (gint i = 0; i < width * height * 3; i++)
        {
          state = state * 1664525u + 1013904223u;
          pictures[p]->pixels[i] = (guint8) ((state >> 26) + (guint) (i / 3 % width) * (3 + p) + (guint) (i / 3 / width) * (5 - p));
        }
    }
}

/* What is in each alone and in all together: the same. */
static void
compare_together (const char *task, const char *directory, const char *parameters)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_load (task, directory, NULL, NULL, &error);
  g_autoptr (GtfResult) all = NULL;
  GtfImage *pictures[TOGETHER];
  JsonArray *list;
  guint n_found = 0;

  g_assert_no_error (error);
  make_pictures (pictures, 61, 47);
  all = gtf_pipeline_run_images (pipeline, (const GtfImage *const *) pictures, TOGETHER, parameters, NULL, &error);
  g_assert_no_error (error);
  list = json_node_get_array (gtf_result_get_node (all));
  g_assert_cmpuint (json_array_get_length (list), ==, TOGETHER);
  for (guint i = 0; i < TOGETHER; i++)
    {
      g_autoptr (GtfResult) alone = gtf_pipeline_run_image (pipeline, pictures[i], parameters, NULL, &error);
      g_autofree char *one = NULL, *other = NULL;

      g_assert_no_error (error);
      one = gtf_json_print (gtf_result_get_node (alone), GTF_JSON_COMPACT);
      other = gtf_json_print (json_array_get_element (list, i), GTF_JSON_COMPACT);
      if (!same (gtf_result_get_node (alone), json_array_get_element (list, i)))
        g_error ("%s: picture %u alone %.300s, with others %.300s", directory, i, one, other);
      n_found += JSON_NODE_HOLDS_ARRAY (gtf_result_get_node (alone)) ? json_array_get_length (json_node_get_array (gtf_result_get_node (alone))) : 1;
      gtf_image_free (pictures[i]);
    }
  g_assert_cmpuint (n_found, >, 0);
}

#define SQUARE "\"size\": {\"height\": 64, \"width\": 64}, \"do_resize\": true, \"do_rescale\": true, \"do_normalize\": true"

/* Boxes, labels, segments of pixels and of queries, depth; the processor where the repository has none. */
static const struct
{
  const char *task, *directory, *parameters, *processor;
} together[] = { { "object-detection", "conditional_detr/detection", "{\"threshold\": 0.1}", NULL },
                 { "object-detection", "detr/detection", "{\"threshold\": 0.1}", NULL },
                 { "object-detection", "rt_detr/detection", "{\"threshold\": 0.1}", NULL },
                 { "object-detection", "yolos/detection", "{\"threshold\": 0.1}", NULL },
                 { "image-classification", "vit/classifier", "{\"top_k\": 3}", NULL },
                 { "image-segmentation", "segformer/semantic", NULL, NULL },
                 { "image-segmentation", "detr/segmentation", "{\"threshold\": 0.1}", "{\"image_processor_type\": \"DetrImageProcessor\", " SQUARE "}" },
                 { "image-segmentation", "mobilenet_v2/semantic", NULL, "{\"image_processor_type\": \"MobileNetV2ImageProcessor\", " SQUARE "}" },
                 { "depth-estimation", "depth_anything/relative", NULL, NULL },
                 { "depth-estimation", "dpt/depth", NULL, "{\"image_processor_type\": \"DPTImageProcessor\", " SQUARE "}" },
                 { "depth-estimation", "glpn/depth", NULL, "{\"image_processor_type\": \"GLPNImageProcessor\", \"size_divisor\": 32}" } };

static void
test_together (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autofree char *directory = g_build_filename (folder, "..", "vision", together[i].directory, NULL);
  g_autofree char *made = together[i].processor ? with_processor (directory, together[i].processor) : NULL;

  compare_together (together[i].task, made ? made : directory, together[i].parameters);
  if (made)
    remove_made (made);
}

int
main (int argc, char **argv)
{
  g_autofree char *path = NULL, *text = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_test_init (&argc, &argv, NULL);
  folder = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "vision-tasks", NULL);
  path = g_build_filename (folder, "cases.json", NULL);
  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  node = gtf_json_parse (path, text, (gssize) length, GTF_JSON_PYTHON, &error);
  g_assert_no_error (error);
  cases = json_node_get_array (node);
  g_assert_cmpuint (json_array_get_length (cases), >, 0);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *one = json_array_get_object_element (cases, i);
      g_autofree char *test = g_strdup_printf ("/tasks/vision/%s/%s/%u", json_object_get_string_member (one, "task"), json_object_get_string_member (one, "repository"), i);

      g_test_add_data_func (test, one, test_case);
    }
  g_test_add_func ("/vision-tasks/labels-of-each", test_labels_of_each);
  g_test_add_func ("/tasks/vision/object-detection/refuses", test_detector_refuses);
  g_test_add_func ("/tasks/vision/object-detection/views", test_detector_views);
  g_test_add_func ("/tasks/vision/image-segmentation/refuses", test_segmenter_refuses);
  g_test_add_func ("/tasks/vision/image-segmentation/views", test_segmenter_views);
  for (guint i = 0; i < G_N_ELEMENTS (together); i++)
    {
      g_autofree char *name = g_strconcat ("/tasks/vision/together/", together[i].directory, NULL);

      g_test_add_data_func (name, GUINT_TO_POINTER (i), test_together);
    }
  return g_test_run ();
}
