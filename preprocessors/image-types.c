/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The image processors of transformers: what their classes set where the configuration is silent.
 */
#include "image.h"

#include <string.h>

/* What all share; then means and deviations. */
#define DO .do_resize = TRUE, .do_rescale = TRUE, .do_normalize = TRUE, .rescale_factor = 1.0 / 255, .ensure_multiple_of = 1
#define HALVES .mean = { 0.5, 0.5, 0.5 }, .std = { 0.5, 0.5, 0.5 }
#define IMAGENET .mean = { 0.485, 0.456, 0.406 }, .std = { 0.229, 0.224, 0.225 }
#define CLIP .mean = { 0.48145466, 0.4578275, 0.40821073 }, .std = { 0.26862954, 0.26130258, 0.27577711 }
#define RGB .do_convert_rgb = TRUE
#define SIZE(h, w) .size = { .height = h, .width = w }
#define SHORTEST(n) .size = { .shortest_edge = n }
#define EDGES(s, l) .size = { .shortest_edge = s, .longest_edge = l }
#define CROP(n) .do_center_crop = TRUE, .crop_size = { .height = n, .width = n }
#define LINEAR .resample = GTF_RESAMPLE_BILINEAR
#define CUBIC .resample = GTF_RESAMPLE_BICUBIC
#define CLASSES .segmentation = GTF_SEGMENTATION_SEMANTIC

#define BOXES(name, rule, made, best) \
  { name, GTF_IMAGE_RECTANGLES | GTF_IMAGE_PADS | GTF_IMAGE_NO_CROP | GTF_IMAGE_TWO_EDGES, rule, NULL, "pixel_mask", { DO, LINEAR, EDGES (800, 1333), IMAGENET, .do_pad = TRUE }, made, best }

#define MASKS(name, rule, divisor, rgb, made) \
  { name, GTF_IMAGE_RECTANGLES | GTF_IMAGE_ALWAYS_PADS | GTF_IMAGE_NO_CROP, rule, NULL, "pixel_mask", { DO, LINEAR, EDGES (800, 1333), IMAGENET, .do_convert_rgb = rgb, .size_divisor = divisor }, \
    SEGMENTS | GTF_SEGMENTATION_PAIRS | (made) }
#define SEGMENTS (GTF_SEGMENTATION_SEMANTIC | GTF_SEGMENTATION_INSTANCE | GTF_SEGMENTATION_PANOPTIC)

#define VIDEO(name, rule, ...) { name, GTF_IMAGE_RECTANGLES | GTF_IMAGE_GROUPS | GTF_IMAGE_VIDEO, rule, NULL, NULL, { RGB, LINEAR, __VA_ARGS__ } }

static const GtfImageType types[] = {
  { "ViT", 0, gtf_image_size_plain, NULL, NULL, { DO, LINEAR, SIZE (224, 224), HALVES } },
  { "DeiT", 0, gtf_image_size_plain, NULL, NULL, { DO, CUBIC, SIZE (256, 256), CROP (224), HALVES } },
  { "Bit", GTF_IMAGE_RECTANGLES, gtf_image_size_plain, NULL, NULL, { DO, RGB, CUBIC, SHORTEST (224), CROP (224), CLIP } },
  { "CLIP", GTF_IMAGE_RECTANGLES, gtf_image_size_plain, NULL, NULL, { DO, RGB, CUBIC, SHORTEST (224), CROP (224), CLIP } },
  { "ChineseCLIP", GTF_IMAGE_RECTANGLES, gtf_image_size_plain, NULL, NULL, { DO, RGB, CUBIC, SHORTEST (224), CROP (224), CLIP } },
  { "Blip", 0, gtf_image_size_plain, NULL, NULL, { DO, RGB, CUBIC, SIZE (384, 384), CLIP } },
  { "Siglip", GTF_IMAGE_RECTANGLES, gtf_image_size_plain, NULL, NULL, { DO, RGB, CUBIC, SIZE (224, 224), HALVES } },
  { "Siglip2", GTF_IMAGE_NO_CROP | GTF_IMAGE_PATCHES, gtf_image_size_patches, NULL, NULL, { DO, LINEAR, HALVES, .patch_size = 16, .max_num_patches = 256 } },
  { "MobileNetV1", GTF_IMAGE_RECTANGLES, gtf_image_size_plain, NULL, NULL, { DO, LINEAR, SHORTEST (256), CROP (224), HALVES } },
  { "MobileNetV2", GTF_IMAGE_RECTANGLES, gtf_image_size_plain, NULL, NULL, { DO, LINEAR, SHORTEST (256), CROP (224), HALVES }, CLASSES },
  { "Pvt", 0, gtf_image_size_plain, NULL, NULL, { DO, CUBIC, SIZE (224, 224), IMAGENET } },
  { "OwlViT", 0, gtf_image_size_plain, NULL, NULL, { DO, RGB, CUBIC, SIZE (768, 768), .crop_size = { .height = 768, .width = 768 }, CLIP } },
  { "Owlv2", 0, NULL, NULL, NULL, { DO, RGB, LINEAR, SIZE (960, 960), CLIP, .do_pad = TRUE }, .floats = &gtf_image_blurred },
  { "Segformer", GTF_IMAGE_NO_CROP, gtf_image_size_plain, NULL, NULL, { DO, LINEAR, SIZE (512, 512), IMAGENET }, CLASSES },
  { "Beit", 0, gtf_image_size_plain, NULL, NULL, { DO, CUBIC, SIZE (224, 224), .crop_size = { .height = 224, .width = 224 }, HALVES }, CLASSES },
  { "RTDetr", GTF_IMAGE_RECTANGLES | GTF_IMAGE_PADS | GTF_IMAGE_NO_CROP | GTF_IMAGE_TWO_EDGES, gtf_image_size_plain, NULL, "pixel_mask",
    { .do_resize = TRUE, .do_rescale = TRUE, .rescale_factor = 1.0 / 255, LINEAR, SIZE (640, 640), IMAGENET }, .n_best = -1 },
  { "RfDetr", GTF_IMAGE_RECTANGLES | GTF_IMAGE_PADS | GTF_IMAGE_NO_CROP | GTF_IMAGE_TWO_EDGES, NULL, NULL, "pixel_mask", { DO, LINEAR, EDGES (800, 1333), IMAGENET, .do_pad = TRUE },
    GTF_SEGMENTATION_INSTANCE | GTF_SEGMENTATION_FIRST | GTF_SEGMENTATION_ALL_CLASSES, -1, &gtf_image_unsmoothed },
  BOXES ("Detr", gtf_image_size_plain, SEGMENTS, 0),
  BOXES ("ConditionalDetr", gtf_image_size_plain, SEGMENTS | GTF_SEGMENTATION_ALL_CLASSES, 100),
  BOXES ("DeformableDetr", gtf_image_size_plain, GTF_SEGMENTATION_NONE, 100),
  BOXES ("GroundingDino", gtf_image_size_plain, GTF_SEGMENTATION_NONE, 0),
  BOXES ("Yolos", gtf_image_size_yolos, GTF_SEGMENTATION_NONE, 0),
  MASKS ("MaskFormer", gtf_image_size_up, 32, FALSE, GTF_SEGMENTATION_LAYERS),
  MASKS ("Mask2Former", gtf_image_size_up, 32, FALSE, GTF_SEGMENTATION_LAYERS | GTF_SEGMENTATION_384),
  MASKS ("OneFormer", gtf_image_size_plain, 0, TRUE, GTF_SEGMENTATION_LOGITS | GTF_SEGMENTATION_ANTIALIAS | GTF_SEGMENTATION_TASK_INPUTS),
  { "Eomt", GTF_IMAGE_RECTANGLES | GTF_IMAGE_NO_CROP | GTF_IMAGE_SIZES | GTF_IMAGE_TILES, gtf_image_size_plain, NULL, NULL, { DO, LINEAR, EDGES (640, 640), IMAGENET },
    SEGMENTS | GTF_SEGMENTATION_LAYERS | GTF_SEGMENTATION_UNPADS },
  { "ConvNext", GTF_IMAGE_RECTANGLES, gtf_image_size_convnext, gtf_image_crop_convnext, NULL, { DO, CUBIC, SHORTEST (384), HALVES, .crop_pct = 224.0 / 256 } },
  { "Levit", GTF_IMAGE_RECTANGLES, gtf_image_size_levit, NULL, NULL, { DO, CUBIC, SHORTEST (224), CROP (224), IMAGENET } },
  { "PoolFormer", GTF_IMAGE_RECTANGLES, gtf_image_size_poolformer, NULL, NULL, { DO, CUBIC, SHORTEST (224), CROP (224), IMAGENET, .crop_pct = 0.9 } },
  { "MobileViT", GTF_IMAGE_RECTANGLES | GTF_IMAGE_NOT_NORMAL, gtf_image_size_plain, NULL, NULL,
    { .do_resize = TRUE, .do_rescale = TRUE, .rescale_factor = 1.0 / 255, CUBIC, SHORTEST (224), CROP (256), HALVES, .do_flip_channel_order = TRUE }, CLASSES },
  { "EfficientNet", 0, gtf_image_size_plain, NULL, NULL,
    { DO, CUBIC, SIZE (346, 346), .crop_size = { .height = 289, .width = 289 }, HALVES, .include_top = TRUE } },
  { "DPT", 0, gtf_image_size_dpt, NULL, NULL, { DO, CUBIC, SIZE (384, 384), HALVES }, CLASSES },
  { "PromptDepthAnything", 0, gtf_image_size_dpt, NULL, NULL, { DO, CUBIC, SIZE (384, 384), HALVES } },
  { "ZoeDepth", 0, NULL, NULL, NULL,
    { .do_resize = TRUE, .do_rescale = TRUE, .do_normalize = TRUE, .rescale_factor = 1.0 / 255, LINEAR, SIZE (384, 512), HALVES, .do_pad = TRUE, .keep_aspect_ratio = TRUE, .ensure_multiple_of = 1.0 / 32 },
    .floats = &gtf_image_reflected },
  { "GLPN", GTF_IMAGE_NO_CROP, gtf_image_size_down, NULL, NULL, { .do_resize = TRUE, .do_rescale = TRUE, .rescale_factor = 1.0 / 255, LINEAR, HALVES, .size_divisor = 32 } },
  { "TextNet", GTF_IMAGE_RECTANGLES, gtf_image_size_up, NULL, NULL, { DO, RGB, LINEAR, SHORTEST (640), .crop_size = { .height = 224, .width = 224 }, IMAGENET, .size_divisor = 32 } },
  { "TimmWrapper", GTF_IMAGE_RECTANGLES | GTF_IMAGE_OF_PILLOW, gtf_image_size_timm, NULL, NULL, { DO, CUBIC, SHORTEST (256), CROP (224), IMAGENET } },
  { "Vilt", GTF_IMAGE_RECTANGLES | GTF_IMAGE_PADS | GTF_IMAGE_NO_CROP, gtf_image_size_vilt, NULL, "pixel_mask", { DO, CUBIC, SHORTEST (384), HALVES, .do_pad = TRUE, .size_divisor = 32 } },
  { "Idefics2", GTF_IMAGE_RECTANGLES | GTF_IMAGE_PADS | GTF_IMAGE_NO_CROP | GTF_IMAGE_GROUPS, gtf_image_size_idefics2, NULL, "pixel_attention_mask",
    { DO, RGB, LINEAR, EDGES (378, 980), HALVES, .do_pad = TRUE } },
  { "Sam", GTF_IMAGE_RECTANGLES | GTF_IMAGE_PADS | GTF_IMAGE_NO_CROP | GTF_IMAGE_SIZES, gtf_image_size_sam, NULL, NULL,
    { DO, RGB, LINEAR, .size = { .longest_edge = 1024 }, IMAGENET, .do_pad = TRUE, .pad_size = { .height = 1024, .width = 1024 } } },
  { "Sam2", GTF_IMAGE_ORIGINALS, gtf_image_size_plain, NULL, NULL, { DO, RGB, LINEAR, SIZE (1024, 1024), IMAGENET } },
  VIDEO ("VideoMAE", gtf_image_size_plain, DO, SHORTEST (224), CROP (224), HALVES),
  VIDEO ("Timesformer", gtf_image_size_plain, DO, SHORTEST (224), CROP (224), IMAGENET),
  VIDEO ("Vivit", gtf_image_size_plain, .do_resize = TRUE, .do_rescale = TRUE, .do_normalize = TRUE, .rescale_factor = 1 / 127.5, .rescale_offset = TRUE,
         SHORTEST (256), CROP (224), HALVES)
};

/* Old files say ...FeatureExtractor; ...Fast and ...Pil are what backends of one processor were called. */
static const char *const endings[] = { "ImageProcessor", "ImageProcessorFast", "ImageProcessorPil", "FeatureExtractor", "VideoProcessor" };

const GtfImageType *
gtf_image_type_find (const char *type)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_has_prefix (type, types[i].name) && g_strv_contains ((const char *const[]) { endings[0], endings[1], endings[2], endings[3], endings[4], NULL }, type + strlen (types[i].name)))
      return &types[i];
  return NULL;
}

const char *const *
gtf_image_type_names (void)
{
  GPtrArray *names = g_ptr_array_new ();

  g_ptr_array_add (names, g_strdup ("image"));
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    for (guint e = 0; e < G_N_ELEMENTS (endings); e++)
      g_ptr_array_add (names, g_strconcat (types[i].name, endings[e], NULL));
  g_ptr_array_add (names, NULL);
  return (const char *const *) g_ptr_array_free (names, FALSE);
}
