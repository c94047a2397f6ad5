/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * video-classification against what the reference answers on tiny repositories, for files and for folders of frames: data/golden/video-tasks/cases.json,
 * made by its make.py; and what is no video. Numbers may differ by a thousandth.
 */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "base/json-print.h"
#include "base/json.h"
#include "pipeline/pipeline.h"

static char *folder;

static GtfPipeline *
open_pipeline (const char *repository)
{
  g_autofree char *path = g_build_filename (folder, "..", "vision", repository, NULL);
  g_autoptr (GError) error = NULL;
  GtfPipeline *pipeline = gtf_pipeline_new ("video-classification", path, NULL, &error);

  g_assert_no_error (error);
  return pipeline;
}

/* Lists of {"score", "label"}, nested or not. */
static void
assert_same (JsonArray *expected, JsonArray *found)
{
  g_assert_cmpuint (json_array_get_length (expected), ==, json_array_get_length (found));
  for (guint i = 0; i < json_array_get_length (expected); i++)
    {
      JsonNode *a = json_array_get_element (expected, i), *b = json_array_get_element (found, i);

      if (JSON_NODE_HOLDS_ARRAY (a))
        {
          assert_same (json_node_get_array (a), json_node_get_array (b));
          continue;
        }
      g_assert_cmpstr (json_object_get_string_member (json_node_get_object (a), "label"), ==, json_object_get_string_member (json_node_get_object (b), "label"));
      g_assert_cmpfloat_with_epsilon (json_object_get_double_member (json_node_get_object (a), "score"),
                                      json_object_get_double_member (json_node_get_object (b), "score"), 1e-3);
    }
}

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
  g_autofree char *inputs = with_folder (json_object_get_member (one, "inputs"));
  g_autofree char *parameters = gtf_json_print (json_object_get_member (one, "parameters"), GTF_JSON_COMPACT);
  g_autoptr (GtfPipeline) pipeline = open_pipeline (json_object_get_string_member (one, "repository"));
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) result = gtf_pipeline_run (pipeline, inputs, parameters, NULL, &error);

  if (JSON_NODE_HOLDS_OBJECT (expected))
    {
      g_assert_null (result);
      g_assert_true (error && error->domain == GTF_ERROR);
      return;
    }
  g_assert_no_error (error);
  assert_same (json_node_get_array (expected), json_node_get_array (gtf_result_get_node (result)));
}

/* The first bytes of a file, or all, under another name. */
static char *
copy_start (const char *directory, const char *from, const char *to, gsize n)
{
  g_autofree char *source = g_build_filename (folder, from, NULL), *bytes = NULL;
  char *target = g_build_filename (directory, to, NULL);
  gsize length;

  g_assert_true (g_file_get_contents (source, &bytes, &length, NULL));
  g_assert_true (g_file_set_contents (target, bytes, (gssize) MIN (n, length), NULL));
  return target;
}

/* A black picture of another size than the frames have. */
static void
write_other (const char *path)
{
  g_autoptr (GtfImage) image = gtf_image_new (31, 17, NULL);
  g_autoptr (GBytes) bytes = gtf_image_encode (image, "png", NULL);

  g_assert_true (g_file_set_contents (path, g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes), NULL));
}

/* What is no video, or too little of one, is one error that names the file, and the pipeline goes on. */
static void
test_bad_videos (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *directory = g_dir_make_tmp ("gtf-video-XXXXXX", NULL), *frames = g_build_filename (directory, "frames", NULL), *empty = g_build_filename (directory, "empty", NULL);
  g_autofree char *missing = g_build_filename (directory, "missing.mp4", NULL), *whole = g_build_filename (folder, "frames", NULL), *picture = g_build_filename (folder, "frames", "1.png", NULL);
  g_autofree char *headless = copy_start (directory, "waves.mp4", "headless.mp4", 3000), *nothing = copy_start (directory, "waves.mp4", "nothing.mp4", 0);
  g_autofree char *text = copy_start (directory, "make.py", "text.mp4", 9999), *short_one = copy_start (directory, "waves.webm", "short.webm", 900);
  g_autofree char *sound = g_build_filename (folder, "..", "..", "samples", "alsa-speakers.flac", NULL), *small = NULL, *small_two = NULL, *large = NULL, *no_picture = NULL, *word = g_build_filename (directory, "word", NULL);
  const struct
  {
    const char *path, *says;
  } wrong[] = {
    { missing, "missing.mp4: cannot be opened" }, { nothing, "nothing.mp4: not a video" }, { text, "text.mp4: not a video" }, { headless, "headless.mp4: not a video" },
    { short_one, "short.webm: " }, { empty, "there is no frame in the folder" }, { frames, "all have to be of one size" }, { word, "word/2.txt: not a picture" },
    { picture, "the video has 1 frame, fewer than the 4" }, { "", "the path of a video is empty" }, { sound, "there is no video in it" },
  };
  g_autoptr (GtfPipeline) pipeline = open_pipeline ("videomae/classifier");
  g_autoptr (GtfResult) after = NULL;

  g_assert_cmpint (g_mkdir (frames, 0700) | g_mkdir (empty, 0700) | g_mkdir (word, 0700), ==, 0);
  small = copy_start (directory, "frames/1.png", "frames/1.png", G_MAXSIZE);
  small_two = copy_start (directory, "frames/2.png", "frames/2.png", G_MAXSIZE);
  large = g_build_filename (frames, "3.png", NULL);
  write_other (large);
  no_picture = copy_start (directory, "make.py", "word/2.txt", G_MAXSIZE);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GtfResult) none = gtf_pipeline_run_file (pipeline, wrong[i].path, i == 6 ? "{\"num_frames\": 3}" : i == 7 ? "{\"num_frames\": 1}" : NULL, NULL, &error);

      g_assert_null (none);
      g_assert_true (error && error->domain == GTF_ERROR);
      if (!strstr (error->message, wrong[i].says))
        g_error ("%s, not %s", error->message, wrong[i].says);
      g_clear_error (&error);
    }
  after = gtf_pipeline_run_file (pipeline, whole, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (after);
  g_assert_true (g_spawn_sync (NULL, (char *[]){ (char *) "rm", (char *) "-r", directory, NULL }, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
}

/* (transfer full): the pictures 1.png to @n.png of the folder with frames */
static GPtrArray *
load_frames (guint n)
{
  GPtrArray *frames = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_image_free);

  for (guint i = 1; i <= n; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u.png", i), *path = g_build_filename (folder, "frames", name, NULL);

      g_ptr_array_add (frames, gtf_image_load (path, NULL, NULL));
    }
  return frames;
}

/* Frames that a program has are answered as the folder that they are from; other sizes, too few and a task without videos are refused. */
static void
test_given_frames (void)
{
  g_autoptr (GtfPipeline) pipeline = open_pipeline ("videomae/classifier"), pictures = NULL;
  g_autofree char *path = g_build_filename (folder, "frames", NULL), *repository = g_build_filename (folder, "..", "vision", "vit", "classifier", NULL);
  g_autoptr (GPtrArray) frames = load_frames (7);
  const GtfImage *const *given = (const GtfImage *const *) frames->pdata;
  g_autoptr (GtfImage) other = gtf_image_new (31, 17, NULL);
  const GtfImage *mixed[] = { given[0], given[1], other, given[3] };
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) of_folder = gtf_pipeline_run_file (pipeline, path, NULL, NULL, &error), of_frames = gtf_pipeline_run_frames (pipeline, given, 7, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (gtf_result_to_json (of_frames), ==, gtf_result_to_json (of_folder));
  g_assert_cmpuint (gtf_pipeline_get_n_frames (pipeline), ==, 4);
  g_assert_null (gtf_pipeline_run_frames (pipeline, mixed, 4, NULL, NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "frame 2 of the video is 31 x 17, the first 40 x 30"));
  g_clear_error (&error);
  g_assert_null (gtf_pipeline_run_frames (pipeline, given, 3, NULL, NULL, &error));
  g_assert_nonnull (strstr (error->message, "the video has 3 frames, fewer than the 4"));
  g_clear_error (&error);
  pictures = gtf_pipeline_new ("image-classification", repository, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (gtf_pipeline_get_n_frames (pictures), ==, 0);
  g_assert_null (gtf_pipeline_run_frames (pictures, given, 4, NULL, NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "image-classification takes no video"));
}

/* Sometimes nobody says that a file without its index is none: it is an error all the same, and soon. */
static void
test_headless (void)
{
  g_autofree char *directory = g_dir_make_tmp ("gtf-video-XXXXXX", NULL), *headless = copy_start (directory, "waves.mp4", "headless.mp4", 3000);
  g_autoptr (GtfPipeline) pipeline = open_pipeline ("videomae/classifier");

  for (guint i = 0; i < 40; i++)
    {
      const gint64 start = g_get_monotonic_time ();
      g_autoptr (GError) error = NULL;

      g_assert_null (gtf_pipeline_run_file (pipeline, headless, NULL, NULL, &error));
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
      g_assert_nonnull (strstr (error->message, "headless.mp4: not a video"));
      g_assert_cmpint (g_get_monotonic_time () - start, <, 30 * G_USEC_PER_SEC);
    }
  g_assert_cmpint (g_unlink (headless) | g_rmdir (directory), ==, 0);
}

static void
test_bad_parameters (void)
{
  static const char *const wrong[][2] = { { "{\"num_frames\": 0}", "num_frames" }, { "{\"num_frames\": 1e12}", "num_frames" }, { "{\"top_k\": -1}", "top_k" },
                                          { "{\"frame_sampling_rate\": \"fast\"}", "frame_sampling_rate" }, { "{\"fps\": 3}", "fps" } };
  g_autofree char *frames = g_build_filename (folder, "frames", NULL);
  g_autoptr (GtfPipeline) pipeline = open_pipeline ("vivit/classifier");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_assert_null (gtf_pipeline_run_file (pipeline, frames, wrong[i][0], NULL, &error));
      g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, wrong[i][1]));
      g_clear_error (&error);
    }
}

/* All frames, or as many as are asked for, as one tensor. */
static void
test_preprocess (void)
{
  g_autofree char *repository = g_build_filename (folder, "..", "vision", "vivit", "classifier", NULL), *frames = g_build_filename (folder, "frames", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) preprocessor = gtf_preprocessor_load_video (repository, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (gtf_preprocessor_takes_video (preprocessor));
  for (gint64 n = 0; n < 4; n += 3)
    {
      g_autofree char *parameters = n ? g_strdup_printf ("{\"num_frames\": %d}", (int) n) : NULL;
      g_autoptr (GHashTable) tensors = gtf_preprocessor_run_file (preprocessor, frames, parameters, NULL, &error);
      GtfTensor *pixels = tensors ? g_hash_table_lookup (tensors, "pixel_values") : NULL;

      g_assert_no_error (error);
      g_assert_cmpuint (gtf_tensor_get_n_dims (pixels), ==, 5);
      g_assert_cmpint (gtf_tensor_get_dim (pixels, 1), ==, n ? n : 7);
      g_assert_cmpint (gtf_tensor_get_dim (pixels, 4), ==, 24);
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *text = NULL;
  JsonArray *cases;

  g_test_init (&argc, &argv, NULL);
  folder = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "video-tasks", NULL);
  path = g_build_filename (folder, "cases.json", NULL);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  node = gtf_json_parse (path, text, -1, GTF_JSON_PYTHON, &error);
  g_assert_no_error (error);
  cases = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *one = json_array_get_object_element (cases, i);
      g_autofree char *name = g_strdup_printf ("/video-tasks/%u/%s", i, json_object_get_string_member (one, "repository"));

      g_test_add_data_func (name, one, test_case);
    }
  g_test_add_func ("/video-tasks/bad-videos", test_bad_videos);
  g_test_add_func ("/video-tasks/headless", test_headless);
  g_test_add_func ("/video-tasks/given-frames", test_given_frames);
  g_test_add_func ("/video-tasks/bad-parameters", test_bad_parameters);
  g_test_add_func ("/video-tasks/preprocess", test_preprocess);
  return g_test_run ();
}
