/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the parts of gtf-image.so share.
 */
#pragma once

#include "base/json.h"
#include "pipeline/preprocessor.h"

/* Decoding stops at this many pixels (GTF_MAX_PIXELS in the environment changes it): above it a small file may be a bomb. Pillow
 * refuses from 2 * 89478485. */
#define GTF_IMAGE_MAX_PIXELS 178956970
/* No side of a processor's output is larger. */
#define GTF_IMAGE_MAX_SIDE 32768

/* image-decode.c */
GtfImage *gtf_image_decode (const char *path, GCancellable *cancellable, GError **error);
/* a whole file in memory; name: what messages call it */
GtfImage *gtf_image_decode_bytes (const guint8 *data, gsize length, const char *name, GError **error);
/* image-encode.c: @format: "png" or "jpeg" */
GBytes   *gtf_image_encode_bytes (const GtfImage *image, const char *format, GError **error);
/* a new picture for a decoder, within the limit of pixels; name: what messages call the file */
GtfImage *gtf_image_begin (guint64 width, guint64 height, const char *name, GError **error);
/* image-exif.c: the Orientation of an EXIF block ("II*\0..." or "MM\0*..."), 1 if it says none */
guint     gtf_exif_orientation (const guint8 *exif, gsize length);
/* image-exif.c: turned and mirrored as an Orientation of 1 .. 8 says; takes @image */
GtfImage *gtf_image_orient (GtfImage *image, guint orientation, GError **error);

/* Decoders: a whole file in memory -> RGB; *orientation: what its EXIF says. */
typedef GtfImage *(*GtfImageDecoder) (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error);
GtfImage *gtf_image_decode_jpeg (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error);
GtfImage *gtf_image_decode_png  (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error);
GtfImage *gtf_image_decode_webp (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error);
GtfImage *gtf_image_decode_gif  (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error);
GtfImage *gtf_image_decode_bmp  (const guint8 *data, gsize length, const char *name, guint *orientation, GError **error);

/* image-tiff.c: gtf_decode_tiff () of the module gtf-decode-tiff.so; @begin: gtf_image_begin () */
typedef GtfImage *(*GtfImageBegin) (guint64 width, guint64 height, const char *name, GError **error);
typedef GtfImage *(*GtfTiffDecoder) (const guint8 *data, gsize length, const char *name, guint *orientation, GtfImageBegin begin, GError **error);

/* image-windows.c */
typedef enum
{
  GTF_RESAMPLE_NEAREST,       /* the numbers are Pillow's, and those of "resample" in a configuration */
  GTF_RESAMPLE_LANCZOS,
  GTF_RESAMPLE_BILINEAR,
  GTF_RESAMPLE_BICUBIC,
  GTF_RESAMPLE_BOX,
  GTF_RESAMPLE_HAMMING
} GtfResample;

/* Whose rounding: torchvision's weights of 16 bits, or Pillow's of 32. */
typedef enum
{
  GTF_RESIZE_TORCHVISION,
  GTF_RESIZE_PILLOW
} GtfResizeStyle;

/* ---- what is different from type to type ---- */

typedef enum
{
  GTF_IMAGE_RECTANGLES  = 1 << 0,   /* "size": 224 is the shortest edge, not a square */
  GTF_IMAGE_PADS        = 1 << 1,   /* do_pad: to the largest picture of the batch, or pad_size */
  GTF_IMAGE_ALWAYS_PADS = 1 << 2,   /* the same without being asked */
  GTF_IMAGE_NO_CROP     = 1 << 3,   /* do_center_crop means nothing to it */
  GTF_IMAGE_GROUPS      = 1 << 4,   /* pictures of one conversation: one more dimension, [1][images] in front */
  GTF_IMAGE_OF_PILLOW   = 1 << 6,   /* timm: resized by Pillow, the middle cut out as torchvision does with Pillow's pictures */
  GTF_IMAGE_PATCHES     = 1 << 7,   /* cut into patches: image-patches.c */
  GTF_IMAGE_VIDEO       = 1 << 8,   /* pictures are the frames of a video */
  GTF_IMAGE_SIZES       = 1 << 9,   /* original_sizes and reshaped_input_sizes beside the pixels */
  GTF_IMAGE_TILES       = 1 << 10,  /* EoMT: do_split_image: squares along the longer side, with their patch_offsets; do_pad: black up to `size` */
  GTF_IMAGE_ORIGINALS   = 1 << 11,  /* original_sizes alone */
  GTF_IMAGE_TWO_EDGES   = 1 << 12,  /* a shortest edge is nothing without a longest; that of "size": 800 is "max_size", or the longest of the type */
  GTF_IMAGE_NOT_NORMAL  = 1 << 13   /* do_normalize means nothing to it */
} GtfImageFlags;

/* ---- image-config.c: what preprocessor_config.json or a call asks for ---- */

/* A size as configurations give it; 0: the key is absent. */
typedef struct
{
  gint64 height, width, shortest_edge, longest_edge, max_height, max_width;
} GtfImageSize;

typedef struct
{
  gboolean do_convert_rgb, do_resize, do_center_crop, do_rescale, do_normalize, do_pad, do_split_image;
  gboolean do_flip_channel_order, rescale_offset, include_top, keep_aspect_ratio, do_border, do_cover;
  gint64 resample, size_divisor, patch_size, max_num_patches;
  double rescale_factor, crop_pct, ensure_multiple_of;
  GtfImageSize size, crop_size, pad_size;
  double mean[3], std[3];
} GtfImageConfig;

/* Fills @config from @object; what is absent keeps its value. Null is refused of what something that is to be done needs; else it is as if absent. */
gboolean gtf_image_config_read (GtfImageConfig *config, JsonObject *object, GtfImageFlags flags, const char *where, GError **error);

/* ---- image-size.c: how large a picture becomes ---- */

typedef struct
{
  gint width, height;
} GtfExtent;

/* FALSE with an error if a side would be below 1 or above GTF_IMAGE_MAX_SIDE. */
typedef gboolean (*GtfSizeRule) (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_plain (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_convnext (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
void     gtf_image_crop_convnext (const GtfImageConfig *config, GtfExtent *crop);
gboolean gtf_image_size_levit (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_poolformer (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_dpt (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_yolos (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_up (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_down (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_vilt (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_idefics2 (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_sam (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_timm (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
/* image-patches.c: at most max_num_patches patches */
gboolean gtf_image_size_patches (const GtfImageConfig *config, GtfExtent from, GtfExtent *to, GError **error);
gboolean gtf_image_size_check (double width, double height, GtfExtent *to, GError **error);

/* image-tensor.c: the same picture, white where it is transparent */
GtfImage *gtf_image_on_white (const GtfImage *image, GError **error);

/* Processors that work on all pixels as floats: how large their planes become, and what stands in them. */
typedef struct
{
  gboolean (*extent) (const GtfImageConfig *config, const GtfImage *image, GtfExtent *to, GError **error);
  gboolean (*planes) (const GtfImageConfig *config, const GtfImage *image, GtfExtent to, float *planes, GError **error);
  GtfExtent (*padding) (const GtfImageConfig *config, GtfExtent from);          /* (nullable): told beside them: what a model's answer has on each side */
} GtfImageFloats;

/* Pixel i of a line of n that is mirrored at its first and its last one; i is at most n - 1 beyond them. */
static inline gint
gtf_image_reflect (gint i, gint n)
{
  i = ABS (i);
  return i < n ? i : 2 * (n - 1) - i;
}

extern const GtfImageFloats gtf_image_blurred;          /* image-blur.c: OWLv2 */
extern const GtfImageFloats gtf_image_reflected;        /* image-floats.c: ZoeDepth */
extern const GtfImageFloats gtf_image_unsmoothed;       /* image-floats.c: RF-DETR */

/* ---- image-types.c: the table of image processors ---- */

typedef struct
{
  const char *name;                 /* ViT: ViTImageProcessor, ViTImageProcessorFast, ViTFeatureExtractor */
  GtfImageFlags flags;
  GtfSizeRule size_rule;
  void (*crop_rule) (const GtfImageConfig *config, GtfExtent *crop);      /* after resizing, asked for or not; nullable */
  const char *mask;                 /* what the mask of the padding is called; nullable */
  GtfImageConfig defaults;
  GtfSegmentation segmentation;     /* what it makes of masks */
  gint n_best;                      /* what it makes of boxes: gtf_preprocessor_get_n_best () */
  const GtfImageFloats *floats;     /* instead of all else but the defaults; nullable */
} GtfImageType;

const GtfImageType *gtf_image_type_find  (const char *type);
const char *const  *gtf_image_type_names (void);        /* all that gtf_image_type_find () knows, and "image" */
