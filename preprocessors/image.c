/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtf-image.so: the front end for pictures. The configuration says which image processor of transformers a repository uses; each
 * is a row of the table in image-types.c: the defaults of its class, how large pictures become, how they are padded.
 */
#include "image.h"
#include "video.h"

#include <string.h>
#include "base/json.h"
#include "base/params.h"

typedef struct
{
  const GtfImageType *type;
  GtfImageConfig config;
} Front;

/* ---- pixels to tensors ---- */

static GtfImage *
resize (const Front *self, const GtfImageConfig *config, const GtfImage *image, GError **error)
{
  GtfExtent to;

  if (!self->type->size_rule (config, (GtfExtent) { image->width, image->height }, &to, error))
    return NULL;
  return gtf_image_resize (image, to.width, to.height, (GtfResample) config->resample,
                           self->type->flags & GTF_IMAGE_OF_PILLOW ? GTF_RESIZE_PILLOW : GTF_RESIZE_TORCHVISION, error);
}

/* What is done to each picture by itself, in 8 bits. */
static GtfImage *
process (const Front *self, const GtfImageConfig *config, const GtfImage *image, GError **error)
{
  GtfImage *resized = config->do_resize ? resize (self, config, image, error) : gtf_image_copy (image);
  GtfExtent crop = { (gint) config->crop_size.width, (gint) config->crop_size.height };
  GtfImage *cropped;

  if (resized && config->do_resize && self->type->crop_rule)
    self->type->crop_rule (config, &crop);
  else if (!config->do_center_crop || self->type->flags & GTF_IMAGE_NO_CROP)
    return resized;
  if (!resized)
    return NULL;
  if (crop.width == 0)      /* of a rule: nothing to crop */
    return resized;
  cropped = gtf_image_center_crop (resized, crop.width, crop.height, self->type->flags & GTF_IMAGE_OF_PILLOW, error);
  gtf_image_free (resized);
  return cropped;
}

/* Where pictures of the batch stand in the tensor. */
static gboolean
find_extent (const Front *self, const GtfImageConfig *config, GPtrArray *images, GtfExtent *out, GError **error)
{
  gboolean pads = self->type->flags & GTF_IMAGE_ALWAYS_PADS || (config->do_pad && self->type->flags & GTF_IMAGE_PADS);
  const GtfImage *first = images->pdata[0];

  *out = (GtfExtent) { first->width, first->height };
  for (guint i = 1; i < images->len; i++)
    {
      const GtfImage *image = images->pdata[i];

      if (!pads && (image->width != first->width || image->height != first->height))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "pictures of one batch become %d x %d and %d x %d, and this image processor does not pad: give them one by one", first->width, first->height, image->width, image->height);
          return FALSE;
        }
      out->width = MAX (out->width, image->width);
      out->height = MAX (out->height, image->height);
    }
  if (pads && config->pad_size.height)
    {
      GtfExtent pad = { (gint) config->pad_size.width, (gint) config->pad_size.height };

      if (pad.width < out->width || pad.height < out->height)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "\"pad_size\": %d x %d is smaller than the picture, %d x %d", pad.width, pad.height, out->width, out->height);
          return FALSE;
        }
      *out = pad;
    }
  return TRUE;
}

gpointer
gtf_image_allocate (gsize n, gsize size, GError **error)
{
  gpointer data = n <= G_MAXSIZE / 16 ? g_try_malloc0 (n * size) : NULL;

  if (!data)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for %" G_GSIZE_FORMAT " pixels", n);
  return data;
}

gboolean
gtf_image_put (GHashTable *out, const char *name, GtfDtype dtype, guint n_dims, const gint64 *shape, gpointer data, gsize length, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, length);
  GtfTensor *tensor = gtf_tensor_new_bytes (dtype, n_dims, shape, bytes, error);

  if (tensor)
    g_hash_table_insert (out, g_strdup (name), tensor);
  return tensor != NULL;
}

/* Neither rescaled nor normalised: the reference leaves 8 bits. groups: 1 if a dimension of 1 stands in front. */
static gboolean
put_bytes (const GtfImageConfig *config, guint groups, GPtrArray *images, GtfExtent extent, GHashTable *out, GError **error)
{
  gsize plane = (gsize) extent.width * (gsize) extent.height, n = images->len * 3 * plane;
  gint64 shape[5] = { 1, images->len, 3, extent.height, extent.width };
  guint8 *data = gtf_image_allocate (n, 1, error), *to = data;

  if (!data)
    return FALSE;
  for (guint i = 0; i < images->len; i++, to += 3 * plane)
    {
      const GtfImage *image = images->pdata[i];

      for (gint y = 0; y < image->height; y++)
        for (gint x = 0; x < image->width; x++)
          for (guint c = 0; c < 3; c++)
            to[(config->do_flip_channel_order ? 2 - c : c) * plane + (gsize) y * (gsize) extent.width + (gsize) x] = image->pixels[((gsize) y * (gsize) image->width + (gsize) x) * 3 + c];
    }
  return gtf_image_put (out, "pixel_values", GTF_DTYPE_U8, 4 + groups, shape + 1 - groups, data, n, error);
}

static gboolean
put_pixels (const GtfImageConfig *config, guint groups, GPtrArray *images, GtfExtent extent, GHashTable *out, GError **error)
{
  gsize plane = (gsize) extent.width * (gsize) extent.height, n = images->len * 3 * plane;
  gint64 shape[5] = { 1, images->len, 3, extent.height, extent.width };
  float levels[3][256], *data;

  if (!config->do_rescale && !config->do_normalize && !config->include_top)
    return put_bytes (config, groups, images, extent, out, error);
  data = gtf_image_allocate (n, sizeof (float), error);
  if (!data)
    return FALSE;
  gtf_image_levels (config, levels);
  for (guint i = 0; i < images->len; i++)
    gtf_image_to_planes (images->pdata[i], levels, config->do_flip_channel_order, 0, 0, extent, data + i * 3 * plane);
  return gtf_image_put (out, "pixel_values", GTF_DTYPE_F32, 4 + groups, shape + 1 - groups, data, n * sizeof (float), error);
}

/* 1 where the picture is, 0 where it is padded */
static gboolean
put_mask (GPtrArray *images, guint groups, const char *name, GtfExtent extent, GHashTable *out, GError **error)
{
  gsize plane = (gsize) extent.width * (gsize) extent.height, n = images->len * plane;
  gint64 shape[4] = { 1, images->len, extent.height, extent.width };
  gint64 *data = gtf_image_allocate (n, sizeof (gint64), error), *to = data;

  if (!data)
    return FALSE;
  for (guint i = 0; i < images->len; i++, to += plane)
    {
      const GtfImage *image = images->pdata[i];

      for (gint y = 0; y < image->height; y++)
        for (gint x = 0; x < image->width; x++)
          to[(gsize) y * (gsize) extent.width + (gsize) x] = 1;
    }
  return gtf_image_put (out, name, GTF_DTYPE_I64, 3 + groups, shape + 1 - groups, data, n * sizeof (gint64), error);
}

/* Height and width of each picture: I64 [B][2]. */
static gboolean
put_sizes (const GtfImage *const *images, guint n, const char *name, GHashTable *out, GError **error)
{
  gint64 shape[2] = { n, 2 }, *data = gtf_image_allocate (2 * (gsize) n, sizeof (gint64), error);

  for (guint i = 0; data && i < n; i++)
    {
      data[2 * i] = images[i]->height;
      data[2 * i + 1] = images[i]->width;
    }
  return data && gtf_image_put (out, name, GTF_DTYPE_I64, 2, shape, data, 2 * (gsize) n * sizeof (gint64), error);
}

static gboolean
run_blurred (const GtfImageConfig *config, const GtfImage *const *images, guint n_images, GHashTable *out, GError **error)
{
  GtfExtent extent = gtf_image_blurred_extent (config, images[0]);
  gsize each = 3 * (gsize) extent.width * (gsize) extent.height;
  gint64 shape[4] = { n_images, 3, extent.height, extent.width };
  g_autofree float *data = gtf_image_allocate (n_images * each, sizeof (float), error);

  for (guint i = 0; data && i < n_images; i++)
    {
      GtfExtent other = gtf_image_blurred_extent (config, images[i]);

      if (other.width != extent.width || other.height != extent.height)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "pictures of one batch become %d x %d and %d x %d: give them one by one", extent.width, extent.height, other.width, other.height);
          return FALSE;
        }
      if (!gtf_image_blurred_planes (config, images[i], data + i * each, error))
        return FALSE;
    }
  return data && gtf_image_put (out, "pixel_values", GTF_DTYPE_F32, 4, shape, g_steal_pointer (&data), n_images * each * sizeof (float), error);
}

static gboolean
run_plain (const Front *self, const GtfImageConfig *config, const GtfImage *const *images, guint n_images, GHashTable *out, GError **error)
{
  g_autoptr (GPtrArray) done = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_image_free);
  guint groups = self->type->flags & GTF_IMAGE_GROUPS ? 1 : 0;
  gboolean masks = self->type->mask && (config->do_pad || self->type->flags & GTF_IMAGE_ALWAYS_PADS);
  GtfExtent extent;

  for (guint i = 0; i < n_images; i++)
    {
      GtfImage *image = process (self, config, images[i], error);

      if (!image)
        return FALSE;
      g_ptr_array_add (done, image);
    }
  if (self->type->flags & GTF_IMAGE_PATCHES)
    return gtf_image_put_patches (config, done, out, error);
  if (self->type->flags & GTF_IMAGE_SIZES && (!put_sizes (images, n_images, "original_sizes", out, error) ||
                                              !put_sizes ((const GtfImage *const *) done->pdata, n_images, "reshaped_input_sizes", out, error)))
    return FALSE;
  return find_extent (self, config, done, &extent, error) && put_pixels (config, groups, done, extent, out, error) &&
         (!masks || put_mask (done, groups, self->type->mask, extent, out, error));
}

/* Conversion to RGB is done by the decoder but for this: where a colour stands for transparency, the reference lays the picture on white. @own holds
 * those that had to be made. */
static gboolean
convert_to_rgb (const GtfImage **images, guint n_images, GPtrArray *own, GError **error)
{
  for (guint i = 0; i < n_images; i++)
    if (images[i]->has_transparent)
      {
        GtfImage *image = gtf_image_on_white (images[i], error);

        if (!image)
          return FALSE;
        g_ptr_array_add (own, image);
        images[i] = image;
      }
  return TRUE;
}

static GHashTable *
run_images (gpointer state, const GtfImage *const *images, guint n_images, const char *parameters, GError **error)
{
  const Front *self = state;
  GtfImageConfig config = self->config;
  g_autoptr (JsonObject) object = parameters ? gtf_json_parse_object ("parameters", parameters, -1, GTF_JSON_PYTHON, error) : NULL;
  g_autoptr (GHashTable) out = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) gtf_tensor_unref);
  g_autoptr (GPtrArray) own = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_image_free);
  g_autofree const GtfImage **list = g_memdup2 (images, n_images * sizeof *images);

  if ((parameters && !object) || (object && !gtf_image_config_read (&config, object, !(self->type->flags & GTF_IMAGE_RECTANGLES), "parameters", error)))
    return NULL;
  if (config.do_convert_rgb && !convert_to_rgb (list, n_images, own, error))
    return NULL;
  if (!(self->type->flags & GTF_IMAGE_BLURS ? run_blurred (&config, list, n_images, out, error) : run_plain (self, &config, list, n_images, out, error)))
    return NULL;
  return g_steal_pointer (&out);
}

/* ---- the module ---- */

static const char *
read_type (JsonObject *object, const char *path, GError **error)
{
  static const char *const keys[] = { "video_processor_type", "image_processor_type", "feature_extractor_type" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (json_object_has_member (object, keys[i]))
      return gtf_param_get_string (json_object_get_member (object, keys[i]), path, keys[i], error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"image_processor_type\" is missing", path);
  return NULL;
}

static gpointer
create (const char *config_path, const char *config_json, GError **error)
{
  g_autoptr (JsonObject) object = gtf_json_parse_object (config_path, config_json, -1, GTF_JSON_PYTHON, error);
  const char *name = object ? read_type (object, config_path, error) : NULL;
  const GtfImageType *type = name ? gtf_image_type_find (name) : NULL;
  Front *self;

  if (!name)
    return NULL;
  if (!type)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"image_processor_type\": %s is not known", config_path, name);
      return NULL;
    }
  self = g_new0 (Front, 1);
  self->type = type;
  self->config = type->defaults;
  if (!gtf_image_config_read (&self->config, object, !(type->flags & GTF_IMAGE_RECTANGLES), config_path, error))
    {
      gtf_param_as_data_error (error);
      g_free (self);
      return NULL;
    }
  return self;
}

static GtfSegmentation
segmentation (gpointer state)
{
  const Front *self = state;

  return self->type->segmentation;
}

static gint
n_best (gpointer state)
{
  const Front *self = state;

  return self->type->n_best;
}

static gboolean
takes_video (gpointer state)
{
  const Front *self = state;

  return (self->type->flags & GTF_IMAGE_VIDEO) != 0;
}

static GtfPreprocessorPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfPreprocessorPlugin), "image" },
  .create = create,
  .destroy = g_free,
  .load_image = gtf_image_decode,
  .run_images = run_images,
  .segmentation = segmentation,
  .decode_image = gtf_image_decode_bytes,
  .encode_image = gtf_image_encode_bytes,
  .n_best = n_best,
  .load_video = gtf_video_decode,
  .takes_video = takes_video
};

GTF_PLUGIN_EXPORT const GtfPreprocessorPlugin *gtf_preprocessor_image (void);

const GtfPreprocessorPlugin *
gtf_preprocessor_image (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      plugin.types = gtf_image_type_names ();
      g_once_init_leave (&once, 1);
    }
  return &plugin;
}
