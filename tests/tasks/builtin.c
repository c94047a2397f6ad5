/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The built-in models of text and pictures do what they are there for: sentences whose answer nobody would dispute and that are in no
 * recipe, and a drawn road. How good they are on more is measured by their recipes (data/builtin).
 */
#include <string.h>

#include "base/json.h"
#include "pipeline/pipeline.h"

static JsonNode *
run (const char *task, const char *model, const char *inputs, const char *parameters)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new (task, model, NULL, &error);
  g_autoptr (GtfResult) result = NULL;
  JsonNode *node;

  g_assert_no_error (error);
  result = gtf_pipeline_run (pipeline, inputs, parameters, NULL, &error);
  g_assert_no_error (error);
  node = json_from_string (gtf_result_to_json (result), &error);
  g_assert_no_error (error);
  return node;
}

static void
test_sentiment (void)
{
  static const struct { const char *text, *label; } rows[] = {
    { "I love this song, it makes me so happy!", "positive" },
    { "What a wonderful evening, thank you all.", "positive" },
    { "The soup was cold and the waiter was rude.", "negative" },
    { "This is the worst phone I have ever had.", "negative" },
    { "The lamp stands beside the window.", "neutral" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *inputs = g_strdup_printf ("\"%s\"", rows[i].text);
      g_autoptr (JsonNode) answer = run ("text-classification", "builtin/sentiment", inputs, NULL);

      g_test_message ("%s", rows[i].text);
      g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (json_node_get_array (answer), 0), "label"), ==, rows[i].label);
    }
}

static void
test_entities (void)
{
  static const struct { const char *text, *entities; } rows[] = {
    { "Maria went to Lisbon.", "PER Maria, LOC Lisbon" },
    { "My brother Thomas works in Canada.", "PER Thomas, LOC Canada" },
    { "In the evening everybody was at home.", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *inputs = g_strdup_printf ("\"%s\"", rows[i].text);
      g_autoptr (JsonNode) answer = run ("token-classification", "builtin/entities", inputs, "{\"aggregation_strategy\": \"simple\"}");
      JsonArray *list = json_node_get_array (answer);
      g_autoptr (GString) found = g_string_new (NULL);

      for (guint j = 0; j < json_array_get_length (list); j++)
        {
          JsonObject *entity = json_array_get_object_element (list, j);

          g_string_append_printf (found, "%s%s %s", j > 0 ? ", " : "", json_object_get_string_member (entity, "entity_group"),
                                  json_object_get_string_member (entity, "word"));
        }
      g_assert_cmpstr (found->str, ==, rows[i].entities);
    }
}

/* The sentence that means the same is the nearest. */
static void
test_embeddings (void)
{
  g_autoptr (JsonNode) answer = run ("sentence-similarity", "builtin/embeddings",
                                     "{\"source_sentence\": \"a small dog\", \"sentences\": [\"a young puppy\", \"a sum of money in a bank\", \"the theory of numbers\"]}", NULL);
  JsonArray *scores = json_node_get_array (answer);

  g_assert_cmpfloat (json_array_get_double_element (scores, 0), >, json_array_get_double_element (scores, 1));
  g_assert_cmpfloat (json_array_get_double_element (scores, 0), >, json_array_get_double_element (scores, 2));
}

/* ---- pictures: a road with a house, trees, a bus, a car, a bicycle, a woman, a dog and a dove (data/samples/street.py) ---- */

static JsonNode *
look (const char *task, const char *model, GtfImage *image, const char *parameters)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) pipeline = gtf_pipeline_new (task, model, NULL, &error);
  g_autoptr (GtfResult) result = NULL;

  g_assert_no_error (error);
  result = gtf_pipeline_run_image (pipeline, image, parameters, NULL, &error);
  g_assert_no_error (error);
  return json_node_copy (gtf_result_get_node (result));
}

static GtfImage *
street (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (g_getenv ("GTF_TEST_DATA"), "samples", "street.png", NULL);
  GtfImage *image = gtf_image_load (path, NULL, &error);

  g_assert_no_error (error);
  return image;
}

static GtfImage *
crop (const GtfImage *image, gint left, gint top, gint width, gint height)
{
  GtfImage *part = gtf_image_new (width, height, NULL);

  for (gint y = 0; y < height; y++)
    memcpy (part->pixels + 3 * y * width, image->pixels + 3 * ((top + y) * image->width + left), 3 * width);
  return part;
}

static void
test_pictures (void)
{
  static const struct { gint left, top, width, height; const char *label; } rows[] = {
    { 130, 142, 108, 66, "car" },
    { 250, 75, 62, 72, "tree" },
    { 172, 12, 48, 46, "bird" },
  };
  g_autoptr (GtfImage) image = street ();

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GtfImage) part = crop (image, rows[i].left, rows[i].top, rows[i].width, rows[i].height);
      g_autoptr (JsonNode) answer = look ("image-classification", "builtin/pictures", part, NULL);

      g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (json_node_get_array (answer), 0), "label"), ==, rows[i].label);
    }
}

/* Boxes are where the things are: half of box and thing in common. */
static double
common (JsonObject *box, const gint thing[4])
{
  const double left = json_object_get_int_member (box, "xmin"), top = json_object_get_int_member (box, "ymin");
  const double right = json_object_get_int_member (box, "xmax"), bottom = json_object_get_int_member (box, "ymax");
  const double both = MAX (0, MIN (right, thing[2]) - MAX (left, thing[0])) * MAX (0, MIN (bottom, thing[3]) - MAX (top, thing[1]));

  return both / ((right - left) * (bottom - top) + (double) (thing[2] - thing[0]) * (thing[3] - thing[1]) - both);
}

/* It knows where things are; what they are only now and then (its recipe says how often), so that most rows leave the label open. */
static void
test_objects (void)
{
  static const struct { const char *label; gint box[4]; } rows[] = {
    { "bicycle", { 160, 184, 231, 237 } },
    { NULL, { 132, 146, 235, 208 } },   /* the car */
    { NULL, { 256, 80, 305, 150 } },    /* a tree */
    { NULL, { 112, 68, 190, 150 } },    /* the other */
    { NULL, { 176, 18, 216, 54 } },     /* the dove */
  };
  g_autoptr (GtfImage) image = street ();
  g_autoptr (JsonNode) answer = look ("object-detection", "builtin/objects", image, "{\"threshold\": 0.4}");
  JsonArray *list = json_node_get_array (answer);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      double best = 0;

      for (guint j = 0; j < json_array_get_length (list); j++)
        {
          JsonObject *object = json_array_get_object_element (list, j);

          if (rows[i].label == NULL || strcmp (json_object_get_string_member (object, "label"), rows[i].label) == 0)
            best = MAX (best, common (json_object_get_object_member (object, "box"), rows[i].box));
        }
      g_test_message ("row %u: %.2f", i, best);
      g_assert_cmpfloat (best, >, 0.5);
    }
}

static void
test_segments (void)
{
  static const struct { const char *label; gint x, y; } rows[] = {
    { "vehicle", 165, 180 }, { "plant", 280, 130 }, { "background", 20, 20 }, { "animal", 195, 40 },
  };
  g_autoptr (GtfImage) image = street ();
  g_autoptr (JsonNode) answer = look ("image-segmentation", "builtin/segments", image, NULL);
  JsonArray *list = json_node_get_array (answer);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const char *found = NULL;

      for (guint j = 0; j < json_array_get_length (list); j++)
        {
          JsonObject *segment = json_array_get_object_element (list, j);
          gsize size;
          g_autofree guchar *png = g_base64_decode (json_object_get_string_member (segment, "mask"), &size);
          g_autoptr (GBytes) bytes = g_bytes_new (png, size);
          g_autoptr (GtfImage) mask = gtf_image_load_bytes (bytes, "mask", NULL);

          g_assert_nonnull (mask);
          if (mask->pixels[3 * (rows[i].y * mask->width + rows[i].x)])
            found = json_object_get_string_member (segment, "label");
        }
      g_assert_cmpstr (found, ==, rows[i].label);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tasks/builtin/sentiment", test_sentiment);
  g_test_add_func ("/tasks/builtin/entities", test_entities);
  g_test_add_func ("/tasks/builtin/embeddings", test_embeddings);
  g_test_add_func ("/tasks/builtin/pictures", test_pictures);
  g_test_add_func ("/tasks/builtin/objects", test_objects);
  g_test_add_func ("/tasks/builtin/segments", test_segments);
  return g_test_run ();
}
