/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtf-image.so: the front end for pictures. The configuration says which image processor of transformers a repository uses; each
 * is a row of the table in image-types.c: the defaults of its class, how large pictures become, how they are padded.
 */
#include "image-tensor.h"
#include "video.h"

#include <math.h>
#include <string.h>
#include "base/json.h"
#include "base/params.h"

typedef struct
{
  const GtfImageType *type;
  GtfImageConfig config;

  /* What pictures of the same size need again. */
  GMutex lock;
  GtfResizer resizer;                 /* under the lock */
  GtfTensor *mask;                    /* so is this: of a batch without padding, the last one */
  GtfSpare *pixels;
} Front;

/* ---- what pictures become ---- */

static gboolean
plan (const Front *self, const GtfImageConfig *config, const GtfImage *image, GtfResize *what, GError **error)
{
  const GtfExtent crop = { (gint) config->crop_size.width, (gint) config->crop_size.height };
  GtfExtent ruled = { 0 };
  const gboolean of_pillow = self->type->flags & GTF_IMAGE_OF_PILLOW;

  what->to = (GtfExtent) { image->width, image->height };
  if (config->do_resize && !self->type->size_rule (config, what->to, &what->to, error))
    return FALSE;
  what->out = what->to;
  what->left = what->top = 0;
  for (guint c = 0; c < 3; c++)
    what->ground[c] = config->do_border ? (guint8) CLAMP (rint (255 * config->mean[c]), 0, 255) : 0;
  what->resample = (GtfResample) config->resample;
  what->style = of_pillow ? GTF_RESIZE_PILLOW : GTF_RESIZE_TORCHVISION;
  if (config->do_resize && self->type->crop_rule)
    {
      self->type->crop_rule (config, &ruled);
      if (ruled.width != 0)             /* else there is nothing to crop */
        gtf_image_center (what, ruled, of_pillow);
    }
  if (!config->do_center_crop || self->type->flags & GTF_IMAGE_NO_CROP)
    return TRUE;
  if (ruled.width != 0 && (crop.width > ruled.width || crop.height > ruled.height))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "\"crop_size\": %d x %d is more than the %d x %d that resizing leaves", crop.width, crop.height, ruled.width, ruled.height);
      return FALSE;
    }
  gtf_image_center (what, crop, of_pillow);
  return TRUE;
}

/* Where pictures of the batch stand in the tensor. */
static gboolean
find_extent (const Front *self, const GtfImageConfig *config, const GtfResize *whats, guint n, GtfExtent *out, GError **error)
{
  const gboolean to_size = config->do_pad && self->type->flags & GTF_IMAGE_TILES;
  gboolean pads = self->type->flags & GTF_IMAGE_ALWAYS_PADS || (config->do_pad && self->type->flags & GTF_IMAGE_PADS) || to_size;
  const GtfExtent first = whats[0].out;

  *out = first;
  for (guint i = 1; i < n; i++)
    {
      const GtfExtent own = whats[i].out;

      if (!pads && (own.width != first.width || own.height != first.height))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "pictures of one batch become %d x %d and %d x %d, and this image processor does not pad: give them one by one", first.width, first.height, own.width, own.height);
          return FALSE;
        }
      out->width = MAX (out->width, own.width);
      out->height = MAX (out->height, own.height);
    }
  if (to_size)
    {
      out->height = MAX (out->height, (gint) config->size.shortest_edge);
      out->width = MAX (out->width, (gint) (config->size.longest_edge ? config->size.longest_edge : config->size.shortest_edge));
    }
  if (pads && !to_size && config->pad_size.height)
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

/* ---- pixels to tensors ---- */

/* Neither rescaled nor normalised, the reference leaves 8 bits. */
static gboolean
put_pixels (const GtfBatch *b, GHashTable *out, GError **error)
{
  const gboolean floats = b->config->do_rescale || b->config->do_normalize || b->config->include_top;
  const gsize each = 3 * (gsize) b->extent.width * (gsize) b->extent.height, size = floats ? sizeof (float) : 1;
  const gint64 shape[5] = { 1, b->n, 3, b->extent.height, b->extent.width };
  g_autoptr (GBytes) bytes = NULL;
  GtfLevels levels[3];
  guint8 *data = gtf_spare_take (b->pixels, each, b->n * size, &bytes, error);

  gtf_image_levels (b->config, levels);
  for (guint i = 0; i < b->n && data; i++, data += each * size)
    {
      if (!gtf_resizer_begin (b->resizer, b->images[i], &b->whats[i], error))
        return FALSE;
      if (floats)
        gtf_image_to_planes (b->resizer, levels, b->config->do_flip_channel_order, b->pads_black, b->extent, (float *) data);
      else
        gtf_image_to_bytes (b->resizer, b->config->do_flip_channel_order, b->extent, data);
    }
  return data && gtf_image_put (out, "pixel_values", floats ? GTF_DTYPE_F32 : GTF_DTYPE_U8, 4 + b->groups, shape + 1 - b->groups, g_steal_pointer (&bytes), error);
}

/* 1 where the picture is, 0 where it is padded */
static GtfTensor *
make_mask (const GtfBatch *b, GError **error)
{
  const gint64 shape[4] = { 1, b->n, b->extent.height, b->extent.width };
  const gsize plane = (gsize) b->extent.width * (gsize) b->extent.height, n = b->n * plane;
  g_autoptr (GBytes) bytes = NULL;
  gint64 *data = gtf_image_zeros (n, sizeof *data, &bytes, error), *to = data;

  if (!data)
    return NULL;
  for (guint i = 0; i < b->n; i++, to += plane)
    for (gint y = 0; y < b->whats[i].out.height; y++)
      for (gint x = 0; x < b->whats[i].out.width; x++)
        to[(gsize) y * (gsize) b->extent.width + (gsize) x] = 1;
  return gtf_tensor_new_bytes (GTF_DTYPE_I64, 3 + b->groups, shape + 1 - b->groups, bytes, error);
}

static gboolean
is_padded (const GtfBatch *b)
{
  for (guint i = 0; i < b->n; i++)
    if (b->whats[i].out.width != b->extent.width || b->whats[i].out.height != b->extent.height)
      return TRUE;
  return FALSE;
}

/* Masks that say nothing but 1 are made once a size: they weigh as much as the picture. */
static gboolean
put_mask (Front *self, const GtfBatch *b, GHashTable *out, GError **error)
{
  const gboolean own = b->resizer == &self->resizer && !is_padded (b);
  GtfTensor *mask = own ? self->mask : NULL;
  const gint at = (gint) b->groups;

  if (mask && gtf_tensor_get_dim (mask, at) == b->n && gtf_tensor_get_dim (mask, at + 1) == b->extent.height && gtf_tensor_get_dim (mask, at + 2) == b->extent.width)
    gtf_tensor_ref (mask);
  else
    mask = make_mask (b, error);
  if (!mask)
    return FALSE;
  if (own && mask != self->mask)
    {
      g_clear_pointer (&self->mask, gtf_tensor_unref);
      self->mask = gtf_tensor_ref (mask);
    }
  g_hash_table_insert (out, g_strdup (self->type->mask), mask);
  return TRUE;
}

/* Height and width of each picture: before, or, if @resized, in the tensor. */
static gboolean
put_sizes (const GtfBatch *b, const char *name, gboolean resized, GHashTable *out, GError **error)
{
  const gint64 shape[2] = { b->n, 2 };
  g_autoptr (GBytes) bytes = NULL;
  gint64 *data = gtf_image_zeros (2 * (gsize) b->n, sizeof *data, &bytes, error);

  for (guint i = 0; i < b->n && data; i++)
    {
      data[2 * i] = resized ? b->whats[i].out.height : b->images[i]->height;
      data[2 * i + 1] = resized ? b->whats[i].out.width : b->images[i]->width;
    }
  return data && gtf_image_put (out, name, GTF_DTYPE_I64, 2, shape, g_steal_pointer (&bytes), error);
}

/* Pictures as planes, and what the type has beside them. */
static gboolean
put_planes (Front *self, GtfBatch *b, GHashTable *out, GError **error)
{
  const gboolean masks = self->type->mask && (b->config->do_pad || self->type->flags & GTF_IMAGE_ALWAYS_PADS);
  const gboolean sizes = self->type->flags & GTF_IMAGE_SIZES, originals = sizes || self->type->flags & GTF_IMAGE_ORIGINALS;

  if (!find_extent (self, b->config, b->whats, b->n, &b->extent, error) || !put_pixels (b, out, error) || (masks && !put_mask (self, b, out, error)))
    return FALSE;
  return (!originals || put_sizes (b, "original_sizes", FALSE, out, error)) && (!sizes || put_sizes (b, "reshaped_input_sizes", TRUE, out, error));
}

/* Height and width of what each picture has on each side. */
static gboolean
put_padding (const GtfImageFloats *floats, const GtfImageConfig *config, const GtfImage *const *images, guint n_images, GHashTable *out, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  gint64 *data = gtf_image_zeros (2 * (gsize) n_images, sizeof *data, &bytes, error);

  for (guint i = 0; i < n_images && data; i++)
    {
      const GtfExtent padding = floats->padding (config, (GtfExtent) { images[i]->width, images[i]->height });

      data[2 * i] = padding.height;
      data[2 * i + 1] = padding.width;
    }
  return data && gtf_image_put (out, "padding", GTF_DTYPE_I64, 2, (gint64[]) { n_images, 2 }, g_steal_pointer (&bytes), error);
}

/* Planes of a picture at the top left of those of the tensor, 0 around it. */
static gboolean
put_floats (const GtfImageFloats *floats, const GtfImageConfig *config, const GtfImage *image, GtfExtent own, GtfExtent extent, float *planes, GError **error)
{
  const gsize n = (gsize) own.width * (gsize) own.height, plane = (gsize) extent.width * (gsize) extent.height;
  g_autofree float *packed = NULL;

  if (own.width == extent.width && own.height == extent.height)
    return floats->planes (config, image, own, planes, error);
  if (!(packed = g_try_malloc_n (n, 3 * sizeof (float))))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a picture of %d x %d", own.width, own.height);
      return FALSE;
    }
  if (!floats->planes (config, image, own, packed, error))
    return FALSE;
  for (gsize row = 0; row < 3 * (gsize) own.height; row++)
    memcpy (planes + row / (gsize) own.height * plane + row % (gsize) own.height * (gsize) extent.width, packed + row * (gsize) own.width, (gsize) own.width * sizeof (float));
  return TRUE;
}

static gboolean
run_floats (Front *self, const GtfImageConfig *config, const GtfImage *const *images, guint n_images, GHashTable *out, GError **error)
{
  const GtfImageFloats *floats = self->type->floats;
  g_autofree GtfResize *whats = g_new0 (GtfResize, n_images);
  GtfBatch b = { .config = config, .images = images, .whats = whats, .n = n_images };
  g_autoptr (GBytes) bytes = NULL;
  gsize each;
  float *data;

  for (guint i = 0; i < n_images; i++)
    if (!floats->extent (config, images[i], &whats[i].out, error))
      return FALSE;
  if (!find_extent (self, config, whats, n_images, &b.extent, error))
    return FALSE;
  each = 3 * (gsize) b.extent.width * (gsize) b.extent.height;
  data = gtf_image_zeros (each, n_images * sizeof *data, &bytes, error);
  for (guint i = 0; i < n_images && data; i++)
    if (!put_floats (floats, config, images[i], whats[i].out, b.extent, data + i * each, error))
      return FALSE;
  if (!data || (floats->padding && !put_padding (floats, config, images, n_images, out, error)) || (self->type->mask && config->do_pad && !put_mask (self, &b, out, error)))
    return FALSE;
  return gtf_image_put (out, "pixel_values", GTF_DTYPE_F32, 4, (gint64[]) { n_images, 3, b.extent.height, b.extent.width }, g_steal_pointer (&bytes), error);
}

/* Squares of the shortest edge along the longer side, that side covered evenly: EoMT's way to see all of a picture. */
static gsize
count_tiles (const GtfImageConfig *config, const GtfResize *what)
{
  const gint side = (gint) config->size.shortest_edge;

  return ((gsize) MAX (what->out.width, what->out.height) + (gsize) side - 1) / (gsize) side;
}

/* Tile @i of @n becomes a window of the picture. -> where it begins */
static gint64
cut_tile (const GtfImageConfig *config, GtfResize *what, gsize i, gsize n)
{
  const gint side = (gint) config->size.shortest_edge;
  const gboolean is_tall = what->out.height > what->out.width;
  gint *length = is_tall ? &what->out.height : &what->out.width;
  const double overlap = n > 1 ? (double) ((gint64) n * side - *length) / (double) (n - 1) : 0;
  const gint first = (gint) ((double) i * (side - overlap));

  *(is_tall ? &what->top : &what->left) -= first;
  *length = MIN (side, *length - first);
  return first;
}

/* Pictures as their tiles, and patch_offsets [tiles][3]: of which picture each is, where it begins and ends. */
static gboolean
put_tiles (Front *self, const GtfBatch *pictures, GHashTable *out, GError **error)
{
  GtfBatch b = *pictures;
  g_autoptr (GArray) whats = g_array_new (FALSE, FALSE, sizeof (GtfResize)), offsets = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr (GPtrArray) images = g_ptr_array_new ();
  g_autoptr (GBytes) bytes = NULL;

  if (b.config->size.shortest_edge == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "\"do_split_image\": expected a \"size\" with \"shortest_edge\", the side of the squares");
      return FALSE;
    }
  for (guint i = 0; i < pictures->n; i++)
    {
      const gsize n = count_tiles (b.config, &pictures->whats[i]);

      for (gsize tile = 0; tile < n; tile++)
        {
          GtfResize what = pictures->whats[i];
          const gint64 first = cut_tile (b.config, &what, tile, n), place[3] = { i, first, first + b.config->size.shortest_edge };

          g_array_append_val (whats, what);
          g_array_append_vals (offsets, place, 3);
          g_ptr_array_add (images, (gpointer) pictures->images[i]);
        }
    }
  b.n = images->len;
  b.images = (const GtfImage *const *) images->pdata;
  b.whats = (GtfResize *) whats->data;
  bytes = g_bytes_new (offsets->data, offsets->len * sizeof (gint64));
  return put_planes (self, &b, out, error) && gtf_image_put (out, "patch_offsets", GTF_DTYPE_I64, 2, (gint64[]) { b.n, 3 }, g_steal_pointer (&bytes), error);
}

/* With the front's resizer, or, while another thread has that, one of its own. */
static gboolean
run_plain (Front *self, const GtfImageConfig *config, const GtfImage *const *images, guint n_images, GHashTable *out, GError **error)
{
  const gboolean locked = g_mutex_trylock (&self->lock);
  g_auto (GtfResizer) own = { 0 };
  g_autofree GtfResize *whats = g_new0 (GtfResize, n_images);
  GtfBatch b = { config, locked ? &self->resizer : &own, self->pixels, images, whats, n_images, self->type->flags & GTF_IMAGE_GROUPS ? 1 : 0, self->type->flags & GTF_IMAGE_TILES, { 0, 0 } };
  const gboolean tiles = self->type->flags & GTF_IMAGE_TILES && config->do_split_image;
  gboolean good = TRUE;

  for (guint i = 0; i < n_images && good; i++)
    good = plan (self, config, images[i], &whats[i], error);
  good = good && (self->type->flags & GTF_IMAGE_PATCHES ? gtf_image_put_patches (&b, out, error) : tiles ? put_tiles (self, &b, out, error) : put_planes (self, &b, out, error));
  if (locked)
    g_mutex_unlock (&self->lock);
  return good;
}

/* Conversion to RGB is done by the decoder and the resizer but for this: where a colour stands for transparency, the reference lays the picture on white. And some
 * ways begin with all pixels. @own holds those that had to be made. */
static gboolean
convert_to_rgb (const GtfImage **images, guint n_images, gboolean on_white, gboolean all_pixels, GPtrArray *own, GError **error)
{
  for (guint i = 0; i < n_images; i++)
    if ((on_white && images[i]->has_transparent) || (all_pixels && images[i]->planes))
      {
        GtfImage *image = images[i]->planes ? gtf_image_copy (images[i]) : gtf_image_on_white (images[i], error);

        if (!image && images[i]->planes)
          g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a picture of %d x %d", images[i]->width, images[i]->height);
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
  Front *self = state;
  GtfImageConfig config = self->config;
  const GtfImageFloats *floats = self->type->floats;
  g_autoptr (JsonObject) object = parameters ? gtf_json_parse_object ("parameters", parameters, -1, GTF_JSON_PYTHON, error) : NULL;
  g_autoptr (GHashTable) out = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) gtf_tensor_unref);
  g_autoptr (GPtrArray) own = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_image_free);
  g_autofree const GtfImage **list = g_memdup2 (images, n_images * sizeof *images);

  if ((parameters && !object) || (object && !gtf_image_config_read (&config, object, self->type->flags, "parameters", error)))
    return NULL;
  if (!convert_to_rgb (list, n_images, config.do_convert_rgb, floats != NULL, own, error))
    return NULL;
  if (!(floats ? run_floats (self, &config, list, n_images, out, error) : run_plain (self, &config, list, n_images, out, error)))
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

static void
destroy (gpointer state)
{
  Front *self = state;

  gtf_resizer_clear (&self->resizer);
  g_clear_pointer (&self->mask, gtf_tensor_unref);
  gtf_spare_unref (self->pixels);
  g_mutex_clear (&self->lock);
  g_free (self);
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
  g_mutex_init (&self->lock);
  self->pixels = gtf_spare_new ();
  self->type = type;
  self->config = type->defaults;
  if (!gtf_image_config_read (&self->config, object, type->flags, config_path, error))
    {
      gtf_param_as_data_error (error);
      destroy (self);
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
  .destroy = destroy,
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
