/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * config.json of timm, as the classes TimmWrapperConfig and TimmWrapperImageProcessor of transformers read it. What a picture goes through follows
 * from "pretrained_cfg": it is resized so that `crop_pct` of its shorter side remain of it when its middle is cut out (timm.data.create_transform).
 */
#include "model/timm.h"

#include <math.h>
#include <string.h>
#include "base/error.h"
#include "base/params.h"
#include "base/quote.h"

#include "model/imagenet-names.inc.c"

static JsonObject *
find_object (JsonObject *object, const char *key)
{
  JsonNode *node = gtf_json_find (object, key);

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

gboolean
gtf_timm_is (JsonObject *config)
{
  JsonNode *type = gtf_json_find (config, "model_type");

  if (!type)
    return find_object (config, "pretrained_cfg") != NULL;
  return JSON_NODE_HOLDS_VALUE (type) && json_node_get_value_type (type) == G_TYPE_STRING && g_strcmp0 (json_node_get_string (type), "timm_wrapper") == 0;
}

/* (transfer full): "label_names", or, for as many classes as ImageNet has, the words that timm has for these; NULL: there are no names. */
static JsonArray *
find_names (JsonObject *config)
{
  JsonNode *names = gtf_json_find (config, "label_names"), *classes = gtf_json_find (config, "num_classes");
  JsonArray *array;

  if (names)
    return JSON_NODE_HOLDS_ARRAY (names) ? json_array_ref (json_node_get_array (names)) : NULL;
  if (!classes || !JSON_NODE_HOLDS_VALUE (classes) || json_node_get_value_type (classes) != G_TYPE_INT64 || json_node_get_int (classes) != G_N_ELEMENTS (imagenet_names))
    return NULL;
  array = json_array_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (imagenet_names); i++)
    json_array_add_string_element (array, imagenet_names[i]);
  return array;
}

static void
add_labels (JsonObject *config)
{
  JsonNode *classes = gtf_json_find (config, "num_classes");
  g_autoptr (JsonArray) names = gtf_json_find (config, "id2label") ? NULL : find_names (config);
  JsonObject *labels;

  if (classes && !gtf_json_find (config, "num_labels"))
    json_object_set_member (config, "num_labels", json_node_copy (classes));
  if (!names)
    return;
  labels = json_object_new ();
  for (guint i = 0; i < json_array_get_length (names); i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);

      json_object_set_member (labels, key, json_node_copy (json_array_get_element (names, i)));
    }
  json_object_set_object_member (config, "id2label", labels);
}

/* Repositories of timm do not name a class: theirs are classifiers, unless they have no classes. */
static void
add_class (JsonObject *config)
{
  JsonNode *classes = gtf_json_find (config, "num_classes");
  JsonArray *names;

  if (gtf_json_find (config, "architectures") || !classes || !JSON_NODE_HOLDS_VALUE (classes) || json_node_get_value_type (classes) != G_TYPE_INT64)
    return;
  names = json_array_new ();
  json_array_add_string_element (names, json_node_get_int (classes) > 0 ? "TimmWrapperForImageClassification" : "TimmWrapperModel");
  json_object_set_array_member (config, "architectures", names);
}

void
gtf_timm_complete_config (JsonObject *config)
{
  if (!gtf_timm_is (config))
    return;
  add_class (config);
  if (!gtf_json_find (config, "model_type"))
    json_object_set_string_member (config, "model_type", "timm_wrapper");
  add_labels (config);
}

/* ---- its architecture --------------------------------------------------------------------------------------------------- */

/* Cuts the last word off a name; the first one loses its number. FALSE: nothing is left to cut. */
static gboolean
shorten (char *name)
{
  char *end = strrchr (name, '_');

  if (end == NULL)
    for (end = name + strlen (name); end > name && g_ascii_isdigit (end[-1]);)
      end--;
  if (*end == '\0' || end == name)
    return FALSE;
  *end = '\0';
  return TRUE;
}

const GtfArchitecture *
gtf_timm_find_architecture (const char *model_type, JsonObject *config, const GtfArchitecturePlugin **plugin, GError **error)
{
  const char *key = strcmp (model_type, "timm_wrapper") == 0 ? "architecture" : strcmp (model_type, "timm_backbone") == 0 ? "backbone" : NULL;
  JsonNode *node = key ? gtf_json_find (config, key) : NULL;
  const GtfArchitecture *found = NULL;
  g_autofree char *name = NULL;

  if (node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    {
      name = g_strdup (json_node_get_string (node));
      name[strcspn (name, ".")] = '\0';
    }
  do
    {
      g_autofree char *type = name ? g_strconcat ("timm_", name, NULL) : NULL;

      found = type ? gtf_registry_find_architecture (type, plugin, NULL) : NULL;
    }
  while (!found && name && shorten (name));
  return found ? found : gtf_registry_find_architecture (model_type, plugin, error);
}

/* ---- its preprocessor ------------------------------------------------------------------------------------------------- */

typedef struct
{
  JsonNode *input_size, *mean, *std;
  char *interpolation, *crop_mode;
  double crop_pct;
} Transform;

static const GtfParam params[] = {
  GTF_PARAM_NODE_FIELD (Transform, input_size, "input_size"),
  GTF_PARAM_NODE_FIELD (Transform, mean, "mean"),
  GTF_PARAM_NODE_FIELD (Transform, std, "std"),
  GTF_PARAM_STRING_FIELD (Transform, interpolation, "interpolation"),
  GTF_PARAM_STRING_FIELD (Transform, crop_mode, "crop_mode"),
  GTF_PARAM_FLOAT_FIELD (Transform, crop_pct, "crop_pct", 0, 1e3),
  GTF_PARAMS_END
};

/* Pillow's number of a way to resample; -1: none. */
static gint
resample_of (const char *name)
{
  static const char *const names[] = { "nearest", "lanczos", "bilinear", "bicubic", "box", "hamming" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_strcmp0 (name, names[i]) == 0)
      return (gint) i;
  return -1;
}

/* [channels][height][width] */
static gboolean
read_input_size (JsonNode *node, const char *where, gint64 *height, gint64 *width, GError **error)
{
  JsonArray *array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  *height = *width = 224;
  if (!node || JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (!array || json_array_get_length (array) != 3)
    {
      g_autofree char *found = gtf_json_describe (node);

      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"input_size\": expected [channels, height, width], found %s", where, found);
      return FALSE;
    }
  return gtf_param_get_int (json_array_get_element (array, 1), where, "input_size", 1, 1 << 15, height, error)
         && gtf_param_get_int (json_array_get_element (array, 2), where, "input_size", 1, 1 << 15, width, error);
}

static JsonObject *
new_size (gint64 height, gint64 width)
{
  JsonObject *size = json_object_new ();

  json_object_set_int_member (size, "height", height);
  json_object_set_int_member (size, "width", width);
  return size;
}

static gboolean
is_center (const Transform *t)
{
  return g_strcmp0 (t->crop_mode, "center") == 0;
}

/* How large a picture becomes before it is cut; NULL after the error. */
static JsonObject *
resize_to (const Transform *t, gint64 height, gint64 width, const char *where, GError **error)
{
  const gint64 down = (gint64) floor ((double) height / t->crop_pct), across = (gint64) floor ((double) width / t->crop_pct);
  g_autofree char *quoted = NULL;
  JsonObject *size;

  if (g_strcmp0 (t->crop_mode, "squash") == 0 || g_strcmp0 (t->crop_mode, "border") == 0 || (is_center (t) && down != across))
    return new_size (down, across);
  if (is_center (t))
    {
      size = json_object_new ();
      json_object_set_int_member (size, "shortest_edge", down);
      return size;
    }
  quoted = gtf_quote (t->crop_mode, -1);
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: a \"crop_mode\" of \"%s\" is not supported: only \"center\", \"squash\" and \"border\"", where, quoted);
  return NULL;
}

static JsonObject *
make_preprocessor (Transform *t, JsonObject *pretrained, const char *where, GError **error)
{
  g_autoptr (JsonObject) out = json_object_new ();
  JsonObject *size;
  gint64 height, width;
  gint resample;

  if (!gtf_params_read (params, pretrained, where, GTF_PARAMS_DEFAULT, t, error) || !read_input_size (t->input_size, where, &height, &width, error))
    return NULL;
  if (t->crop_pct == 0)
    t->crop_pct = 0.875;
  if ((resample = resample_of (t->interpolation)) < 0)
    {
      g_autofree char *quoted = gtf_quote (t->interpolation, -1);

      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"interpolation\": expected the name of a filter, such as \"bicubic\", found \"%s\"", where, quoted);
      return NULL;
    }
  if (!(size = resize_to (t, height, width, where, error)))
    return NULL;
  json_object_set_string_member (out, "image_processor_type", "TimmWrapperImageProcessor");
  json_object_set_object_member (out, "size", size);
  json_object_set_object_member (out, "crop_size", new_size (height, width));
  json_object_set_int_member (out, "resample", resample);
  if (g_strcmp0 (t->crop_mode, "border") == 0)
    json_object_set_boolean_member (out, "do_border", TRUE);
  if (is_center (t) && json_object_has_member (size, "height"))
    json_object_set_boolean_member (out, "do_cover", TRUE);     /* what is no square */
  if (t->mean && !JSON_NODE_HOLDS_NULL (t->mean))
    json_object_set_member (out, "image_mean", json_node_copy (t->mean));
  if (t->std && !JSON_NODE_HOLDS_NULL (t->std))
    json_object_set_member (out, "image_std", json_node_copy (t->std));
  return g_steal_pointer (&out);
}

JsonObject *
gtf_timm_preprocessor (JsonObject *config, const char *path, GError **error)
{
  Transform t = { .interpolation = g_strdup ("bicubic"), .crop_mode = g_strdup ("center"), .crop_pct = 0.875 };
  JsonObject *pretrained = gtf_timm_is (config) ? find_object (config, "pretrained_cfg") : NULL;
  g_autofree char *where = g_strconcat (path, ": \"pretrained_cfg\"", NULL);
  JsonObject *out = pretrained ? make_preprocessor (&t, pretrained, where, error) : NULL;

  g_free (t.interpolation);
  g_free (t.crop_mode);
  gtf_param_as_data_error (error);
  return out;
}
