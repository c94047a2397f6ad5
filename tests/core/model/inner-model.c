/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models inside models: every way in which a config tells its backbone, which stages it gives, what is refused; and a ResNet bound
 * and run as the backbone of a model that is nothing else.
 */
#include "model/binding.h"
#include "model/inner-model.h"
#include "repository.h"
#include "tensor/context-private.h"
#include "tensor/pictures.h"

#include <string.h>

typedef struct
{
  const GtfInnerModel *backbone;
} Outer;

#define COMMIT "0123456789012345678901234567890123456789"
#define RESNET "{\"model_type\": \"resnet\", \"depths\": [1, 1, 1], \"out_features\": [\"stage2\"]}"

static const GtfConfigField plain[] = { GTF_CONFIG_MODEL_FIELD (Outer, backbone, "backbone_config", NULL), GTF_CONFIG_FIELDS_END };
static const GtfConfigField with_default[] = { GTF_CONFIG_MODEL_FIELD (Outer, backbone, "backbone_config", RESNET), GTF_CONFIG_FIELDS_END };

static const GtfConfigField with_timm[] = {
  GTF_CONFIG_MODEL_FIELD (Outer, backbone, "backbone_config", "{\"model_type\": \"resnet\", \"timm\": {\"out_indices\": [1, 2]}}"), GTF_CONFIG_FIELDS_END
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "inner|other", G_STRUCT_OFFSET (Outer, backbone), .count = GTF_DIM (Outer, backbone) },
  { GTF_WEIGHT_END }
};

#define NAMED(name, more) "{\"model_type\": \"x\", \"use_timm_backbone\": false, \"backbone\": \"" name "\"" more "}"
#define CONFIG(inside) "{\"model_type\": \"x\", \"backbone_config\": {\"model_type\": \"resnet\", \"depths\": [1, 1]" inside "}}"

/* A repository in the cache of the Hub: its config.json. */
static void
put_cached (const char *cache, const char *name, const char *json)
{
  g_autofree char *refs = g_build_filename (cache, name, "refs", NULL), *folder = g_build_filename (cache, name, "snapshots", COMMIT, NULL);
  g_autofree char *ref = g_build_filename (refs, "main", NULL), *path = g_build_filename (folder, "config.json", NULL);

  g_assert_cmpint (g_mkdir_with_parents (refs, 0700), ==, 0);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (ref, COMMIT, -1, NULL));
  g_assert_true (g_file_set_contents (path, json, -1, NULL));
}

static void
test_stages (void)
{
  static const struct { const GtfConfigField *fields; const char *json, *stages; } cases[] = {
    { plain, "{\"model_type\": \"x\"}", "" },
    { with_default, "{\"model_type\": \"x\", \"backbone_config\": null}", "2" },
    { with_default, "{\"model_type\": \"x\", \"use_timm_backbone\": false, \"backbone_kwargs\": {\"out_indices\": [1]}}", "2" },
    { plain, NAMED ("nobody/stages", ""), "12" },
    { with_default, NAMED ("nobody/stages", ", \"backbone_kwargs\": {\"out_features\": [\"stem\"]}"), "0" },
    { with_timm, NAMED ("nobody/stages", ""), "12" },
    { plain, CONFIG (""), "2" },
    { plain, CONFIG (", \"out_features\": [\"stem\", \"stage2\"]"), "02" },
    { plain, CONFIG (", \"out_features\": [\"stage1\"], \"out_indices\": [0]"), "1" },
    { plain, CONFIG (", \"out_indices\": [0, -2, 2]"), "012" },
    { plain, CONFIG (", \"out_features\": null, \"out_indices\": [-1]"), "2" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfConfig) config = gtf_config_parse ("config.json", cases[i].json, -1, &error);
      g_autoptr (GString) stages = g_string_new (NULL);
      Outer outer;

      g_assert_no_error (error);
      g_assert_true (gtf_config_fill (config, cases[i].fields, &outer, &error));
      for (gint64 stage = 0; outer.backbone && stage < GTF_MAX_STAGES; stage++)
        if (outer.backbone->place[stage] >= 0)
          {
            g_assert_cmpint (outer.backbone->place[stage], ==, (gint64) stages->len);
            g_string_append_printf (stages, "%d", (int) stage);
          }
      g_assert_cmpstr (stages->str, ==, cases[i].stages);
      g_assert_cmpint (gtf_backbone_n_maps (outer.backbone), ==, (gint64) stages->len);
    }
}

static void
test_refused (void)
{
  static const struct { const char *json, *message; } cases[] = {
    { "{\"model_type\": \"x\", \"backbone_config\": 7}", "config.json: \"backbone_config\": expected an object, the config of a model, found 7" },
    { "{\"model_type\": \"x\", \"backbone_config\": {}}", "config.json: \"backbone_config\": \"model_type\" is missing" },
    { "{\"model_type\": \"x\", \"backbone_config\": {\"model_type\": \"no-such\"}}", "config.json: \"backbone_config\": no architecture module serves" },
    { "{\"model_type\": \"x\", \"backbone_config\": {\"model_type\": \"bert\"}}", "the module gtf-bert.so cannot be a backbone" },
    { NAMED ("nobody/nothing", ""), "config.json: \"backbone\": nobody/nothing: revision 'main' is not in the Hugging Face cache" },
    { NAMED ("nobody/timm", ""), "config.json: \"model_type\" is missing" },
    { NAMED ("nobody/stages", ", \"backbone_kwargs\": {\"out_features\": [\"stage9\"]}"), "\"out_features\": expected some of the 3 stages" },
    { NAMED ("a/b/c", ""), "config.json: \"backbone\": " },
    { "{\"model_type\": \"x\", \"backbone\": 3}", "config.json: \"backbone\": expected a string, found 3" },
    { "{\"model_type\": \"x\", \"use_timm_backbone\": \"no\"}", "\"use_timm_backbone\": expected true or false" },
    { CONFIG (", \"layer_type\": \"odd\""), "config.json: \"backbone_config\": layer_type: expected" },
    { CONFIG (", \"out_features\": [\"stage3\"]"), "\"out_features\": expected some of the 3 stages of a model of the type \"resnet\", in their order" },
    { CONFIG (", \"out_features\": [\"stage2\", \"stage1\"]"), "\"out_features\": expected some" }, { CONFIG (", \"out_features\": [1, 1]"), "\"out_features\": expected some" },
    { CONFIG (", \"out_features\": []"), "\"out_features\": expected some" }, { CONFIG (", \"out_indices\": 1"), "\"out_indices\": expected some" },
    { CONFIG (", \"out_indices\": [3]"), "\"out_indices\": expected some" }, { CONFIG (", \"out_indices\": [-4]"), "\"out_indices\": expected some" },
    { CONFIG (", \"out_indices\": [0.5]"), "\"out_indices\": expected some" }, { CONFIG (", \"out_indices\": [[1]]"), "\"out_indices\": expected some" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfConfig) config = gtf_config_parse ("config.json", cases[i].json, -1, &error);
      Outer outer;

      g_assert_no_error (error);
      g_assert_false (gtf_config_fill (config, plain, &outer, &error));
      if (!strstr (error->message, cases[i].message))
        g_error ("%s: \"%s\" does not have \"%s\"", cases[i].json, error->message, cases[i].message);
    }
}

/* All tensors of a repository under another name. */
static char *
folder_within (const GtfSafetensors *files, const char *outer)
{
  g_autoptr (GHashTable) tensors = tensors_new ();
  g_autoptr (GError) error = NULL;
  char *folder = folder_new ();

  for (guint i = 0; i < gtf_safetensors_get_n_tensors (files); i++)
    {
      const GtfStoredTensor *stored = gtf_safetensors_get (files, i);

      if (stored->dtype != GTF_DTYPE_I64)
        g_hash_table_insert (tensors, g_strconcat (outer, stored->name, NULL), gtf_safetensors_read_tensor (files, stored, &error));
    }
  g_assert_no_error (error);
  put_tensors (folder, "model.safetensors", tensors);
  return folder;
}

/* The golden ResNet as a backbone: its last feature map is what the model alone gives. */
static void
test_maps (gconstpointer data)
{
  static const GtfHead head = { "Model", NULL, NULL, "base" };
  static const GtfArchitecture architecture = { .struct_size = sizeof (GtfArchitecture), .config = plain, .config_size = sizeof (Outer), .weights = weights };
  g_autofree char *directory = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "vision", "resnet", "model", NULL);
  g_autofree char *golden = g_build_filename (directory, "golden.safetensors", NULL), *path = g_build_filename (directory, "config.json", NULL);
  g_autofree char *text = NULL, *json = NULL, *folder = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) alone = gtf_safetensors_open (directory, &error), numbers = gtf_safetensors_open_file (golden, &error), files = NULL;
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GtfTensor) pixels = gtf_safetensors_read_tensor (numbers, gtf_safetensors_find (numbers, "pixel_values"), &error);
  g_autoptr (GtfTensor) expected = gtf_safetensors_read_tensor (numbers, gtf_safetensors_find (numbers, "out.last_hidden_state"), &error);
  g_autoptr (GtfConfig) config = NULL;
  g_autoptr (GtfBinding) binding = NULL;
  GtfTensor *map, *found;
  Outer outer, w = { 0 };

  g_assert_no_error (error);
  folder = folder_within (alone, data);
  files = gtf_safetensors_open (folder, &error);
  g_file_get_contents (path, &text, NULL, &error);
  json = g_strdup_printf ("{\"model_type\": \"x\", \"backbone_config\": %s}", text);
  config = gtf_config_parse ("config.json", json, -1, &error);
  g_assert_true (gtf_config_fill (config, plain, &outer, &error));
  binding = gtf_binding_new (files, "X", &architecture, &head, &outer, &w, store, &error);
  g_assert_no_error (error);
  g_assert_true (gtf_binding_pack (binding, files, GTF_DTYPE_F32, store, gtf_pool_get (1), NULL, &error));
  g_assert_true (w.backbone == outer.backbone);
  g_assert_true (gtf_backbone_maps (c, w.backbone, pixels, &map, 1));
  found = gtf_pixels_first (c, map);
  g_assert_cmpuint (gtf_tensor_get_n_elements (found), ==, gtf_tensor_get_n_elements (expected));
  for (gsize i = 0; i < gtf_tensor_get_n_elements (found); i++)
    g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (found)[i], gtf_tensor_f32 (expected)[i], 1e-4);
  g_assert_false (gtf_backbone_maps (c, w.backbone, pixels, &map, 2));
  g_assert_false (gtf_context_take_error (c, &error));
  g_assert_nonnull (strstr (error->message, "the backbone gives 1 feature maps, but 2 are expected"));
  folder_remove (folder);
}

static void
test_default_timm (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfConfig) config = gtf_config_parse ("config.json", "{\"model_type\": \"x\", \"backbone\": \"microsoft/resnet-50\"}", -1, &error);
  Outer outer;

  g_assert_no_error (error);
  g_assert_false (gtf_config_fill (config, with_timm, &outer, &error));
  g_assert_nonnull (strstr (error->message, "config.json: \"backbone\": expected a model of timm, such as \"resnet50\", found the repository \"microsoft/resnet-50\""));
}

int
main (int argc, char **argv)
{
  g_autofree char *cache = folder_new ();
  int result;

  g_setenv ("HF_HUB_CACHE", cache, TRUE);
  put_cached (cache, "models--nobody--stages", "{\"model_type\": \"resnet\", \"depths\": [1, 1], \"out_features\": [\"stage1\", \"stage2\"]}");
  put_cached (cache, "models--nobody--timm", "{\"architecture\": \"resnet18\", \"num_classes\": 3}");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/inner-model/default-timm", test_default_timm);
  g_test_add_func ("/model/inner-model/stages", test_stages);
  g_test_add_func ("/model/inner-model/refused", test_refused);
  g_test_add_data_func ("/model/inner-model/maps", "inner.", test_maps);
  g_test_add_data_func ("/model/inner-model/maps-of-old-name", "base.other.resnet.", test_maps);
  result = g_test_run ();
  folder_remove (cache);
  return result;
}
