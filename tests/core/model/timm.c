/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Configs of timm: what transformers reads out of them, and which preprocessor they describe.
 */
#include "base/error.h"
#include "base/json-print.h"
#include "model/timm.h"

#include <string.h>

static JsonObject *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  JsonObject *object = gtf_json_parse_object ("config.json", text, -1, GTF_JSON_PYTHON, &error);

  g_assert_no_error (error);
  return object;
}

static char *
print (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);

  return gtf_json_print (node, GTF_JSON_COMPACT);
}

static void
assert_same (JsonObject *found, const char *text)
{
  g_autoptr (JsonObject) expected = parse (text);
  g_autofree char *a = print (found), *b = print (expected);

  g_assert_cmpstr (a, ==, b);
}

static void
test_config (void)
{
  static const struct { const char *from, *to; } cases[] = {
    { "{\"model_type\":\"vit\",\"label_names\":[\"a\"]}", "{\"model_type\":\"vit\",\"label_names\":[\"a\"]}" },
    { "{\"architecture\":\"resnet50\",\"pretrained_cfg\":{}}", "{\"architecture\":\"resnet50\",\"pretrained_cfg\":{},\"model_type\":\"timm_wrapper\"}" },
    { "{\"model_type\":\"timm_wrapper\",\"num_classes\":2,\"label_names\":[\"a\",\"b\"]}",
      "{\"model_type\":\"timm_wrapper\",\"num_classes\":2,\"label_names\":[\"a\",\"b\"],\"architectures\":[\"TimmWrapperForImageClassification\"],\"num_labels\":2,\"id2label\":{\"0\":\"a\",\"1\":\"b\"}}" },
    { "{\"model_type\":\"timm_wrapper\",\"label_names\":[\"a\"],\"id2label\":{\"0\":\"c\"}}", "{\"model_type\":\"timm_wrapper\",\"label_names\":[\"a\"],\"id2label\":{\"0\":\"c\"}}" },
    { "{\"model_type\":\"timm_wrapper\",\"label_names\":3}", "{\"model_type\":\"timm_wrapper\",\"label_names\":3}" },
    { "{\"architecture\":\"resnet50\",\"pretrained_cfg\":{},\"num_classes\":0}",
      "{\"architecture\":\"resnet50\",\"pretrained_cfg\":{},\"num_classes\":0,\"architectures\":[\"TimmWrapperModel\"],\"model_type\":\"timm_wrapper\",\"num_labels\":0}" },
    { "{\"model_type\":7,\"pretrained_cfg\":{}}", "{\"model_type\":7,\"pretrained_cfg\":{}}" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (JsonObject) config = parse (cases[i].from);

      gtf_timm_complete_config (config);
      assert_same (config, cases[i].to);
    }
}

/* ImageNet's thousand names, where a repository has as many classes and none of its own. */
static void
test_imagenet (void)
{
  static const struct { const char *from, *first, *last; } cases[] = {
    { "{\"architecture\":\"resnet50\",\"pretrained_cfg\":{},\"num_classes\":1000}", "tench, Tinca tinca", "toilet tissue, toilet paper, bathroom tissue" },
    { "{\"model_type\":\"timm_wrapper\",\"num_classes\":1000,\"label_names\":null}", "tench, Tinca tinca", "toilet tissue, toilet paper, bathroom tissue" },
    { "{\"model_type\":\"timm_wrapper\",\"num_classes\":1000,\"label_names\":[\"a\"]}", "a", NULL },
    { "{\"model_type\":\"timm_wrapper\",\"num_classes\":1000,\"id2label\":{\"0\":\"b\"}}", "b", NULL },
    { "{\"model_type\":\"timm_wrapper\",\"num_classes\":999}", NULL, NULL }, { "{\"model_type\":\"timm_wrapper\",\"num_classes\":\"1000\"}", NULL, NULL },
    { "{\"model_type\":\"timm_wrapper\",\"num_labels\":1000}", NULL, NULL }, { "{\"model_type\":\"vit\",\"num_classes\":1000}", NULL, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (JsonObject) config = parse (cases[i].from);
      JsonObject *labels;

      gtf_timm_complete_config (config);
      labels = json_object_has_member (config, "id2label") ? json_object_get_object_member (config, "id2label") : NULL;
      g_assert_cmpstr (labels ? json_object_get_string_member (labels, "0") : NULL, ==, cases[i].first);
      g_assert_cmpstr (labels && json_object_has_member (labels, "999") ? json_object_get_string_member (labels, "999") : NULL, ==, cases[i].last);
    }
}

static void
test_preprocessor (void)
{
  /* pretrained_cfg, and the keys in question; or the end of an error */
  static const struct { const char *from, *size, *crop, *error; int resample; } cases[] = {
    { "{}", "{\"shortest_edge\":256}", "{\"height\":224,\"width\":224}", NULL, 3 },
    { "{\"input_size\":[3,33,33],\"crop_pct\":0.9,\"interpolation\":\"bilinear\"}", "{\"shortest_edge\":36}", "{\"height\":33,\"width\":33}", NULL, 2 },
    { "{\"input_size\":[3,40,30],\"crop_mode\":\"squash\",\"crop_pct\":1.0}", "{\"height\":40,\"width\":30}", "{\"height\":40,\"width\":30}", NULL, 3 },
    { "{\"crop_pct\":0}", "{\"shortest_edge\":256}", "{\"height\":224,\"width\":224}", NULL, 3 },
    { "{\"input_size\":[3,40,30]}", "{\"height\":45,\"width\":34}", "{\"height\":40,\"width\":30}", NULL, 3 },
    { "{\"crop_mode\":\"middle\"}", NULL, NULL, "a \"crop_mode\" of \"middle\" is not supported: only \"center\", \"squash\" and \"border\"", 0 },
    { "{\"crop_mode\":\"border\",\"crop_pct\":0.9}", "{\"height\":248,\"width\":248}", "{\"height\":224,\"width\":224}", NULL, 3 },
    { "{\"input_size\":224}", NULL, NULL, "\"input_size\": expected [channels, height, width], found 224", 0 },
    { "{\"input_size\":[3,0,5]}", NULL, NULL, "\"input_size\": expected", 0 },
    { "{\"interpolation\":\"random\"}", NULL, NULL, "\"interpolation\": expected the name of a filter, such as \"bicubic\", found \"random\"", 0 },
    { "{\"crop_pct\":-1}", NULL, NULL, "\"crop_pct\": expected", 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"architecture\":\"resnet50\",\"pretrained_cfg\":%s}", cases[i].from);
      g_autoptr (JsonObject) config = parse (text), found = NULL;
      g_autoptr (GError) error = NULL;

      found = gtf_timm_preprocessor (config, "config.json", &error);
      if (cases[i].error)
        {
          g_assert_null (found);
          g_assert_nonnull (error);
          if (!strstr (error->message, cases[i].error))
            g_error ("\"%s\" does not say \"%s\"", error->message, cases[i].error);
          continue;
        }
      g_assert_no_error (error);
      assert_same (json_object_get_object_member (found, "size"), cases[i].size);
      assert_same (json_object_get_object_member (found, "crop_size"), cases[i].crop);
      g_assert_cmpint (json_object_get_int_member (found, "resample"), ==, cases[i].resample);
    }
}

/* Other configs describe none. */
static void
test_others (void)
{
  g_autoptr (JsonObject) config = parse ("{\"model_type\":\"vit\",\"pretrained_cfg\":{}}");
  g_autoptr (GError) error = NULL;

  g_assert_null (gtf_timm_preprocessor (config, "config.json", &error));
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/timm/config", test_config);
  g_test_add_func ("/model/timm/imagenet", test_imagenet);
  g_test_add_func ("/model/timm/preprocessor", test_preprocessor);
  g_test_add_func ("/model/timm/others", test_others);
  return g_test_run ();
}
