/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parts of the task mask-generation: where a picture is cut and asked, and what becomes of the masks that come of it, as
 * `SamImageProcessor` of the reference does both.
 */
#pragma once

#include "image/segments-private.h"

G_BEGIN_DECLS

/* ---- crops.c ----------------------------------------------------------------------------------------------------------------- */

/* A part of the picture: [left, right) x [top, bottom), and how many points a side it is asked at. */
typedef struct
{
  gint left, top, right, bottom;
  gint64 n_side;
} Crop;

typedef struct
{
  gint64 n_layers, points_per_crop;
  double overlap_ratio, downscale_factor;
} CropRules;

/* The picture itself, then the crops of each layer. (transfer full) (element-type Crop); NULL after the error */
GArray *crops_make  (gint width, gint height, const CropRules *rules, GError **error);
/* (transfer full): a part of @image by itself */
GtfImage *crop_cut  (const Crop *self, const GtfImage *image, GError **error);
/* Points spread evenly over a part that the model sees as @width x @height pixels: x, y of each, row by row. (transfer full) */
float  *crop_points (const Crop *self, gint width, gint height);

/* ---- generated.c ------------------------------------------------------------------------------------------------------------- */

typedef struct
{
  double iou_threshold, stability_threshold, stability_offset, mask_threshold;
} MaskRules;

/* A mask of the whole picture: lengths of runs, column by column, 0 first. */
typedef struct
{
  GArray *counts;               /* guint32 */
  gint box[4];                  /* left, top, right, bottom: its outermost pixels */
  float score;
} FoundMask;

void found_mask_clear (gpointer mask);

/* How planes of logits become those of a crop: as large as the model's picture, cut to what of it is picture, as large as the crop; or, where the model sees a picture squeezed to its
 * own size (SAM 2), as large as the crop at once. */
typedef struct
{
  const Crop *crop;
  gint width, height;           /* of the whole picture */
  gsize side_down, side_across; /* of a plane */
  Taps down, across;
  float *rows;                  /* scratch */
  guint8 *pixels;               /* scratch: the whole picture, column by column */
} MaskSizer;

/* @padded_width, @padded_height 0: at once */
gboolean mask_sizer_init  (MaskSizer *self, const Crop *crop, const GtfImage *image, gsize side_down, gsize side_across, gint padded_width, gint padded_height, gint seen_width,
                           gint seen_height, GError **error);
void     mask_sizer_clear (MaskSizer *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MaskSizer, mask_sizer_clear)
/* Appends the mask of a plane of logits to @found unless the rules are against it. */
void     mask_sizer_add   (MaskSizer *self, const float *plane, float score, const MaskRules *rules, GArray *found);

/* Which of the masks are kept, best first, where one that overlaps a better one by more than @threshold is not. (transfer full) (element-type guint) */
GArray  *found_masks_best (const GArray *found, double threshold);

G_END_DECLS
