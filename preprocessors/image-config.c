/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What preprocessor_config.json, or the parameters of a call, ask of the image front end.
 */
#include "image.h"

#include <math.h>
#include "base/params.h"

typedef struct
{
  JsonNode *size, *crop_size, *pad_size, *mean, *std, *max_size, *rescale;
} Nodes;

static const GtfParam params[] = {
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, do_resize, "do_resize"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, do_center_crop, "do_center_crop"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, do_rescale, "do_rescale"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, do_normalize, "do_normalize"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, do_convert_rgb, "do_convert_rgb"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, do_pad, "do_pad"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, do_split_image, "do_split_image"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, do_flip_channel_order, "do_flip_channel_order"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, rescale_offset, "rescale_offset"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, include_top, "include_top"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, keep_aspect_ratio, "keep_aspect_ratio"),
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, do_border, "do_border"),          /* this and the next: what core/model/timm.c makes of a crop_mode of timm */
  GTF_PARAM_BOOL_FIELD (GtfImageConfig, do_cover, "do_cover"),
  GTF_PARAM_INT_FIELD (GtfImageConfig, resample, "resample", 0, 5),
  GTF_PARAM_INT_FIELD (GtfImageConfig, size_divisor, "size_divisor", 0, GTF_IMAGE_MAX_SIDE),
  GTF_PARAM_INT_FIELD (GtfImageConfig, patch_size, "patch_size", 1, GTF_IMAGE_MAX_SIDE),
  GTF_PARAM_INT_FIELD (GtfImageConfig, max_num_patches, "max_num_patches", 1, 1 << 20),
  GTF_PARAM_FLOAT_FIELD (GtfImageConfig, rescale_factor, "rescale_factor", 1e-12, 1e12),
  GTF_PARAM_FLOAT_FIELD (GtfImageConfig, ensure_multiple_of, "ensure_multiple_of", 1e-6, GTF_IMAGE_MAX_SIDE),
  GTF_PARAM_FLOAT_FIELD (GtfImageConfig, crop_pct, "crop_pct", 1e-3, 1e3),
  GTF_PARAMS_END
};

static const GtfParam node_params[] = {
  GTF_PARAM_NODE_FIELD (Nodes, size, "size"),
  GTF_PARAM_NODE_FIELD (Nodes, crop_size, "crop_size"),
  GTF_PARAM_NODE_FIELD (Nodes, pad_size, "pad_size"),
  GTF_PARAM_NODE_FIELD (Nodes, mean, "image_mean"),
  GTF_PARAM_NODE_FIELD (Nodes, std, "image_std"),
  GTF_PARAM_NODE_FIELD (Nodes, max_size, "max_size"),
  GTF_PARAM_NODE_FIELD (Nodes, rescale, "rescale"),
  GTF_PARAMS_END
};

static const GtfParam size_params[] = {
  GTF_PARAM_INT_FIELD (GtfImageSize, height, "height", 1, GTF_IMAGE_MAX_SIDE),
  GTF_PARAM_INT_FIELD (GtfImageSize, width, "width", 1, GTF_IMAGE_MAX_SIDE),
  GTF_PARAM_INT_FIELD (GtfImageSize, shortest_edge, "shortest_edge", 1, GTF_IMAGE_MAX_SIDE),
  GTF_PARAM_INT_FIELD (GtfImageSize, longest_edge, "longest_edge", 1, GTF_IMAGE_MAX_SIDE),
  GTF_PARAM_INT_FIELD (GtfImageSize, max_height, "max_height", 1, GTF_IMAGE_MAX_SIDE),
  GTF_PARAM_INT_FIELD (GtfImageSize, max_width, "max_width", 1, GTF_IMAGE_MAX_SIDE),
  GTF_PARAMS_END
};

static gboolean
is_given (JsonNode *node)
{
  return node && !JSON_NODE_HOLDS_NULL (node);
}

static gboolean
read_side (JsonNode *node, const char *where, const char *key, gint64 *value, GError **error)
{
  return gtf_param_get_int (node, where, key, 1, GTF_IMAGE_MAX_SIDE, value, error);
}

/* 224, [height, width], {"height", "width"}, {"shortest_edge", "longest_edge"}, {"max_height", "max_width"} */
static gboolean
read_size (JsonNode *node, JsonNode *max_size, GtfImageFlags flags, const char *where, const char *key, GtfImageSize *out, GError **error)
{
  GtfImageSize size = { 0 };
  gboolean pairs;

  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      g_autofree char *inner = g_strdup_printf ("%s: \"%s\"", where, key);

      if (!gtf_params_read (size_params, json_node_get_object (node), inner, GTF_PARAMS_DEFAULT, &size, error))
        return FALSE;
    }
  else if (JSON_NODE_HOLDS_ARRAY (node))
    {
      JsonArray *array = json_node_get_array (node);

      if (json_array_get_length (array) != 2)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\": expected [height, width], found %u numbers", where, key, json_array_get_length (array));
          return FALSE;
        }
      if (!read_side (json_array_get_element (array, 0), where, key, &size.height, error) || !read_side (json_array_get_element (array, 1), where, key, &size.width, error))
        return FALSE;
    }
  else
    {
      const gboolean is_square = !(flags & GTF_IMAGE_RECTANGLES);
      gint64 side;

      if (!read_side (node, where, key, &side, error) || (!is_square && is_given (max_size) && !read_side (max_size, where, "max_size", &size.longest_edge, error)))
        return FALSE;
      if (flags & GTF_IMAGE_TWO_EDGES && max_size == NULL)
        size.longest_edge = out->longest_edge;
      if (is_square)
        size.height = size.width = side;
      else
        size.shortest_edge = side;
    }
  pairs = !size.height == !size.width && !size.max_height == !size.max_width;
  if (!pairs || !(size.height || size.shortest_edge || size.longest_edge || size.max_height))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\": expected \"height\" and \"width\", \"shortest_edge\" (with \"longest_edge\"), or \"max_height\" and \"max_width\"", where, key);
      return FALSE;
    }
  if (flags & GTF_IMAGE_TWO_EDGES && size.shortest_edge && !size.longest_edge && !size.height && !size.max_height)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\": expected \"longest_edge\" beside \"shortest_edge\"", where, key);
      return FALSE;
    }
  *out = size;
  return TRUE;
}

/* A number, or one for each channel. */
static gboolean
read_channels (JsonNode *node, const char *where, const char *key, double values[3], GError **error)
{
  guint n;

  if (!JSON_NODE_HOLDS_ARRAY (node))
    {
      if (!gtf_param_get_float (node, where, key, -1e6, 1e6, &values[0], error))
        return FALSE;
      values[1] = values[2] = values[0];
      return TRUE;
    }
  n = json_array_get_length (json_node_get_array (node));
  if (n != 3 && n != 1)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\": expected 3 numbers, one for each channel, or one for all, found %u", where, key, n);
      return FALSE;
    }
  for (guint i = 0; i < 3; i++)
    if (!gtf_param_get_float (json_array_get_element (json_node_get_array (node), i % n), where, key, -1e6, 1e6, &values[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
check_std (const GtfImageConfig *config, const char *where, GError **error)
{
  for (guint i = 0; config->do_normalize && i < 3; i++)
    if (config->std[i] == 0)
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"image_std\": expected numbers other than 0, found 0", where);
        return FALSE;
      }
  return TRUE;
}

/* What is to be done, as the switch @by says, needs @key. */
static gboolean
check_needed (JsonObject *object, gboolean by, const char *by_key, gboolean is_there, const char *key, const char *where, GError **error)
{
  JsonNode *node = json_object_get_member (object, key);

  if (!by || (is_there && !(node && JSON_NODE_HOLDS_NULL (node))))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\" is %s, but \"%s\" is true: give it, or switch that off", where, key, node ? "null" : "missing", by_key);
  return FALSE;
}

static gboolean
check_all_needed (const GtfImageConfig *config, JsonObject *object, gboolean has_size, const char *where, GError **error)
{
  return check_needed (object, config->do_resize && has_size, "do_resize", TRUE, "size", where, error) && check_needed (object, config->do_resize, "do_resize", TRUE, "resample", where, error)
         && check_needed (object, config->do_rescale, "do_rescale", TRUE, "rescale_factor", where, error)
         && check_needed (object, config->do_normalize, "do_normalize", TRUE, "image_mean", where, error)
         && check_needed (object, config->do_normalize, "do_normalize", TRUE, "image_std", where, error)
         && check_needed (object, config->do_center_crop, "do_center_crop", config->crop_size.height || config->crop_size.shortest_edge, "crop_size", where, error);
}

gboolean
gtf_image_config_read (GtfImageConfig *config, JsonObject *object, GtfImageFlags flags, const char *where, GError **error)
{
  const gboolean has_two = flags & GTF_IMAGE_TWO_EDGES && config->size.longest_edge;       /* DETR's kin: without a size the class has one */
  const gboolean has_size = !has_two && (config->size.height || config->size.shortest_edge || config->size.longest_edge);
  Nodes nodes = { 0 };

  if (!gtf_params_read (params, object, where, GTF_PARAMS_DEFAULT, config, error) || !gtf_params_read (node_params, object, where, GTF_PARAMS_DEFAULT, &nodes, error))
    return FALSE;
  if (is_given (nodes.size) && !read_size (nodes.size, nodes.max_size, flags, where, "size", &config->size, error))
    return FALSE;
  if (is_given (nodes.crop_size) && !read_size (nodes.crop_size, NULL, 0, where, "crop_size", &config->crop_size, error))
    return FALSE;
  if (is_given (nodes.pad_size) && !read_size (nodes.pad_size, NULL, 0, where, "pad_size", &config->pad_size, error))
    return FALSE;
  if (is_given (nodes.rescale) && !gtf_param_get_bool (nodes.rescale, where, "rescale", &config->do_rescale, error))      /* OWL-ViT's first files */
    return FALSE;
  if (!check_all_needed (config, object, has_size, where, error))
    return FALSE;
  if (flags & GTF_IMAGE_NOT_NORMAL)
    config->do_normalize = FALSE;
  return (!is_given (nodes.mean) || read_channels (nodes.mean, where, "image_mean", config->mean, error)) &&
         (!is_given (nodes.std) || read_channels (nodes.std, where, "image_std", config->std, error)) && check_std (config, where, error);
}
