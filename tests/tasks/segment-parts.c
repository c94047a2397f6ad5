/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the task image-segmentation is made of, against what the image processors of the reference make of the same numbers:
 * data/golden/segments/cases.json, made by its make.py.
 */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "image/segments-private.h"

static JsonObject *golden;
static float *planes, *votes;

enum { N_PLANES = 6, HEIGHT = 11, WIDTH = 13, N_VOTES = 70 };

/* The flags of the image processors, as preprocessors/image-types.c has them. */
static const struct
{
  const char *name;
  GtfSegmentation how;
} processors[] = {
  { "Segformer", GTF_SEGMENTATION_SEMANTIC },
  { "Detr", GTF_SEGMENTATION_NONE },
  { "ConditionalDetr", GTF_SEGMENTATION_ALL_CLASSES },
  { "MaskFormer", GTF_SEGMENTATION_PAIRS | GTF_SEGMENTATION_LAYERS },
  { "Mask2Former", GTF_SEGMENTATION_PAIRS | GTF_SEGMENTATION_LAYERS | GTF_SEGMENTATION_384 },
  { "Eomt", GTF_SEGMENTATION_LAYERS | GTF_SEGMENTATION_UNPADS },
  { "RfDetr", GTF_SEGMENTATION_FIRST | GTF_SEGMENTATION_ALL_CLASSES },
  { "OneFormer", GTF_SEGMENTATION_PAIRS | GTF_SEGMENTATION_LOGITS | GTF_SEGMENTATION_ANTIALIAS },
};

static float *
read_numbers (JsonObject *from, const char *name, gsize *n)
{
  JsonArray *array = json_object_get_array_member (from, name);
  float *numbers = g_new (float, json_array_get_length (array) + 1);

  *n = json_array_get_length (array);
  for (guint i = 0; i < *n; i++)
    numbers[i] = (float) json_array_get_double_element (array, i);
  return numbers;
}

static double
number (JsonObject *one, const char *name, double fallback)
{
  return json_object_has_member (one, name) ? json_object_get_double_member (one, name) : fallback;
}

/* The size of masks, and of what is picture in them, where the image processor asks for it. */
static void
init_masks (Masks *masks, JsonObject *one, GtfSegmentation how)
{
  JsonArray *size = how & GTF_SEGMENTATION_UNPADS ? json_object_get_array_member (one, "size") : NULL;
  const gsize side = how & GTF_SEGMENTATION_384 ? 384 : 0;
  g_autoptr (GError) error = NULL;

  g_assert_true (masks_init (masks, size ? (gsize) json_array_get_int_element (size, 0) : side, size ? (gsize) json_array_get_int_element (size, 1) : side, &error));
  g_assert_no_error (error);
  if (size != NULL)
    {
      masks->seen_height = (gsize) json_array_get_int_element (size, 2);
      masks->seen_width = (gsize) json_array_get_int_element (size, 3);
    }
}

static GtfSegmentation
how_of (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (processors); i++)
    if (strcmp (processors[i].name, name) == 0)
      return processors[i].how;
  g_error ("%s is not in the table", name);
}

static void
assert_segments (const SegmentMap *map, JsonObject *one)
{
  JsonArray *expected = json_object_get_array_member (one, "segments");
  const char *pixels = json_object_get_string_member (one, "map");

  g_assert_cmpuint (map->segments->len, ==, json_array_get_length (expected));
  for (guint i = 0; i < map->segments->len; i++)
    {
      const Segment *segment = &g_array_index (map->segments, Segment, i);
      JsonObject *other = json_array_get_object_element (expected, i);

      g_assert_cmpuint (segment->label, ==, json_object_get_int_member (other, "label"));
      if (json_object_get_null_member (other, "score"))
        g_assert_true (isnan (segment->score));
      else
        g_assert_cmpfloat_with_epsilon (segment->score, json_object_get_double_member (other, "score"), 2e-6);
    }
  for (gsize i = 0; i < map->width * map->height; i++)
    g_assert_cmpuint (map->map[i], ==, pixels[i] - '0');
}

static void
test_case (gconstpointer data)
{
  JsonObject *one = (JsonObject *) data;
  JsonArray *picture = json_object_get_array_member (one, "picture");
  const char *kind = json_object_get_string_member (one, "kind");
  const gsize n_classes = (gsize) json_object_get_int_member (one, "classes");
  const SegmentRules rules = { how_of (json_object_get_string_member (one, "how")), number (one, "threshold", 0.5), number (one, "mask_threshold", 0.5),
                               number (one, "overlap_mask_area_threshold", 0.8) };
  g_autofree float *classes = n_classes ? g_new (float, N_PLANES * n_classes) : NULL;
  g_auto (Masks) masks = { .planes = planes, .classes = classes, .n_planes = N_PLANES, .n_classes = n_classes, .plane_height = HEIGHT, .plane_width = WIDTH };
  g_auto (SegmentMap) map = { 0 };
  g_autoptr (GError) error = NULL;

  for (gsize q = 0; classes && q < N_PLANES; q++)
    memcpy (classes + q * n_classes, votes + q * N_VOTES, n_classes * sizeof (float));
  init_masks (&masks, one, rules.how);
  g_assert_true (segment_map_init (&map, (gsize) json_array_get_int_element (picture, 1), (gsize) json_array_get_int_element (picture, 0), &error));
  if (strcmp (kind, "semantic") == 0)
    g_assert_true (segments_semantic (&map, &masks, &rules, &error));
  else if (strcmp (kind, "panoptic") == 0)
    g_assert_true (segments_panoptic (&map, &masks, &rules, &error));
  else
    g_assert_true (segments_instance (&map, &masks, &rules, &error));
  g_assert_no_error (error);
  assert_segments (&map, one);
}

/* The order of torch.topk (sorted=False), ties included. */
static void
test_best (gconstpointer data)
{
  JsonObject *one = (JsonObject *) data;
  JsonArray *expected = json_object_get_array_member (one, "best");
  gsize n;
  g_autofree float *x = read_numbers (one, "x", &n);
  g_autofree guint *best = best_of (x, n, json_array_get_length (expected));

  for (guint i = 0; i < json_array_get_length (expected); i++)
    g_assert_cmpuint (best[i], ==, json_array_get_int_element (expected, i));
}

/* NaN is the largest, and no order of numbers leads out of the array. */
static void
test_best_of_nan (void)
{
  g_autofree float *x = g_new0 (float, 100);
  g_autofree guint *best = NULL;

  for (guint i = 0; i < 100; i++)
    x[i] = i % 7 == 3 ? NAN : i % 5 == 0 ? INFINITY : (float) (i % 11);
  best = best_of (x, 100, 40);
  for (guint i = 0; i < 14; i++)
    {
      gboolean found = FALSE;

      for (guint k = 0; k < 40; k++)
        found |= best[k] == 7 * i + 3;
      g_assert_true (found);
    }
}

/* A picture is read back by the rules of the format: chunks with their checksums, rows behind a filter byte. */
static void
test_grey_png (void)
{
  static const guint8 pixels[] = { 0, 255, 7, 255, 0, 9 };
  g_autoptr (GError) error = NULL;
  g_autofree char *text = grey_png_base64 (pixels, 3, 2, &error);
  gsize n;
  g_autofree guint8 *png = g_base64_decode (text, &n);
  static const guint8 begin[] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, 3, 0, 0, 0, 2, 8, 0, 0, 0, 0, 0xB8, 0x1F, 0x39, 0xC6 };
  static const guint8 end[] = { 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82 };

  g_assert_no_error (error);
  g_assert_cmpuint (n, >, sizeof begin + sizeof end);
  g_assert_cmpmem (png, sizeof begin, begin, sizeof begin);
  g_assert_cmpmem (png + n - sizeof end, sizeof end, end, sizeof end);
}

static void
add_cases (const char *name, GTestDataFunc test)
{
  JsonArray *all = json_object_get_array_member (golden, name);

  g_assert_cmpuint (json_array_get_length (all), >, 0);
  for (guint i = 0; i < json_array_get_length (all); i++)
    {
      JsonObject *one = json_array_get_object_element (all, i);
      g_autofree char *path = g_strdup_printf ("/tasks/segments/%s/%s-%u", name, json_object_has_member (one, "how") ? json_object_get_string_member (one, "how") : "numbers", i);

      g_test_add_data_func (path, one, test);
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  gsize n_planes, n_votes;

  g_test_init (&argc, &argv, NULL);
  path = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "segments", "cases.json", NULL);
  golden = gtf_json_load_object (path, &error);
  g_assert_no_error (error);
  planes = read_numbers (golden, "planes", &n_planes);
  votes = read_numbers (golden, "votes", &n_votes);
  g_assert_cmpuint (n_planes, ==, N_PLANES * HEIGHT * WIDTH);
  g_assert_cmpuint (n_votes, ==, N_PLANES * N_VOTES);
  add_cases ("cases", test_case);
  add_cases ("best", test_best);
  g_test_add_func ("/tasks/segments/best/nan", test_best_of_nan);
  g_test_add_func ("/tasks/segments/grey-png", test_grey_png);
  return g_test_run ();
}
