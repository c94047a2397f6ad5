/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Image processors that do not go with their models: an answer where the reference has one, else one error that says what does not fit.
 */
#include <string.h>

#include "base/json-print.h"
#include "base/json.h"
#include "pipeline/pipeline.h"
#include "with-processor.h"

static char *picture;

/* What @task answers for the picture; NULL after the error. */
static char *
answer (const char *task, const char *repository, const char *processor, GError **error)
{
  g_autofree char *directory = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "vision", repository, NULL), *made = with_processor (directory, processor);
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_load (task, made, NULL, NULL, error);
  g_autoptr (GtfResult) result = pipeline ? gtf_pipeline_run_file (pipeline, picture, NULL, NULL, error) : NULL;

  remove_made (made);
  return result ? gtf_json_print (gtf_result_get_node (result), GTF_JSON_COMPACT) : NULL;
}

#define CLASSIFY "image-classification"
#define DETECT "object-detection"
#define SEGMENT "image-segmentation"
#define OF(type, more) "{\"image_processor_type\": \"" type "ImageProcessor\", " more "}"
#define SIZE(n) "\"size\": {\"height\": " #n ", \"width\": " #n "}"

/* says: NULL: it answers. */
static const struct
{
  const char *task, *repository, *processor, *says;
} cases[] = {
  { CLASSIFY, "vit/classifier", OF ("ViT", SIZE (24)), NULL },
  { CLASSIFY, "vit/classifier", OF ("ViT", SIZE (27)), "the picture is 27 x 27, but the model takes pictures of 24 x 24" },
  { CLASSIFY, "vit/classifier", OF ("ViT", "\"do_resize\": false"), "the picture is 30 x 40, but the model takes pictures of 24 x 24" },
  { CLASSIFY, "vit/classifier", OF ("ViT", SIZE (24) ", \"image_mean\": [0.4], \"image_std\": [0.3]"), NULL },
  { CLASSIFY, "vit/classifier", OF ("ViT", SIZE (24) ", \"image_mean\": [0.4, 0.4, 0.4, 0.4]"), "\"image_mean\": expected 3 numbers" },
  { CLASSIFY, "vit/classifier", OF ("ViT", SIZE (24) ", \"image_mean\": null"), "\"image_mean\" is null, but \"do_normalize\" is true" },
  { CLASSIFY, "vit/classifier", OF ("ViT", SIZE (24) ", \"do_normalize\": false, \"image_mean\": null, \"image_std\": null"), NULL },
  { CLASSIFY, "convnext/classifier", OF ("ConvNext", "\"size\": {\"shortest_edge\": 41}"), NULL },
  { CLASSIFY, "convnext/classifier", OF ("ConvNext", "\"do_resize\": false"), NULL },
  { CLASSIFY, "mobilevit/classifier", OF ("MobileViT", "\"size\": {\"shortest_edge\": 40}, \"do_center_crop\": false, \"do_normalize\": true, \"image_mean\": 0.5"), NULL },
  { DETECT, "detr/detection", OF ("Detr", "\"do_resize\": false"), NULL },
  { DETECT, "detr/detection", OF ("Detr", "\"size\": {\"shortest_edge\": 30}"), "expected \"longest_edge\" beside \"shortest_edge\"" },
  { DETECT, "yolos/detection", OF ("Yolos", "\"size\": 30"), NULL },
  { DETECT, "yolos/detection", OF ("Yolos", "\"size\": null, \"do_resize\": true"), NULL },
  { SEGMENT, "segformer/semantic", OF ("Segformer", SIZE (6)), "of at least one window of 4 x 4 pixels" },
  { SEGMENT, "segformer/semantic", OF ("Segformer", SIZE (45)), NULL },
  { SEGMENT, "segformer/semantic", OF ("Segformer", "\"size\": null"), "\"size\" is null, but \"do_resize\" is true" },
};

static void
test_case (gconstpointer data)
{
  const gsize i = GPOINTER_TO_SIZE (data);
  g_autoptr (GError) error = NULL;
  g_autofree char *found = answer (cases[i].task, cases[i].repository, cases[i].processor, &error);

  if (cases[i].says == NULL)
    {
      g_assert_no_error (error);
      g_assert_nonnull (found);
      return;
    }
  g_assert_null (found);
  if (!error || !strstr (error->message, cases[i].says) || strchr (error->message, '\n'))
    g_error ("%s: %s, not %s", cases[i].processor, error ? error->message : "no error", cases[i].says);
}

/* Bytes are numbers too: what is neither rescaled nor normalised is what is rescaled by 1. */
static void
test_bytes (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *bytes = answer (CLASSIFY, "vit/classifier", OF ("ViT", SIZE (24) ", \"do_rescale\": false, \"do_normalize\": false"), &error);
  g_autofree char *numbers = answer (CLASSIFY, "vit/classifier", OF ("ViT", SIZE (24) ", \"rescale_factor\": 1, \"do_normalize\": false"), &error);

  g_assert_no_error (error);
  g_assert_nonnull (numbers);
  g_assert_cmpstr (bytes, ==, numbers);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  picture = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "vision-tasks", "waves.png", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *name = g_strdup_printf ("/tasks/other-processors/%s/%" G_GSIZE_FORMAT, cases[i].repository, i);

      g_test_add_data_func (name, GSIZE_TO_POINTER (i), test_case);
    }
  g_test_add_func ("/tasks/other-processors/bytes", test_bytes);
  result = g_test_run ();
  g_free (picture);
  return result;
}
