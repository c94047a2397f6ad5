/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From what a segmentation model gives to the segments of a picture, as the image processors of the reference do it after the model.
 */
#pragma once

#include <math.h>

#include "base/error.h"
#include "pipeline/preprocessor.h"

G_BEGIN_DECLS

/* ---- taps.c: rows and planes of another size ----------------------------------------------------------------------------- */

typedef enum
{
  TAPS_NEAREST,
  TAPS_LINEAR,          /* torch's bilinear, align_corners=False */
  TAPS_SMOOTH           /* the same with antialias: as many neighbours as one new pixel covers */
} TapsKind;

/* Which old pixels, and how much of each, make a new one: `counts` weights from `firsts` on. */
typedef struct
{
  gsize n, most;        /* new pixels; weights of one at most */
  guint *firsts, *counts;
  float *weights;       /* [n][most] */
} Taps;

gboolean taps_init  (Taps *self, gsize from, gsize to, TapsKind kind, GError **error);
void     taps_clear (Taps *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Taps, taps_clear)
/* One row, across. */
void     taps_row   (const Taps *self, const float *from, float *to);

/* ---- masks.c: what a model gave ------------------------------------------------------------------------------------------- */

/* Planes of logits: one a query, with the logits of the query's classes beside it, or one a class. */
typedef struct
{
  const float *planes;                  /* [n_planes][plane_height][plane_width] */
  const float *classes;                 /* [n_planes][n_classes], the last for "no object"; NULL: planes are classes */
  gsize n_planes, n_classes, plane_height, plane_width;
  gsize height, width;                  /* in which they are worked with: that of the planes, or another */
  gsize seen_height, seen_width;        /* what of that is picture, the rest is padding of objects' masks */
  gsize n_tiles;                        /* 0: one picture; else planes and classes are those of so many parts of it, one after the other */
  const gsize *firsts;                  /* where each begins, along the side on which it does not end */
  gboolean is_tall;                     /* they stand under each other */
  Taps down, across;
} Masks;

/* @height, @width: 0: as the planes are. The numbers are borrowed. */
gboolean masks_init  (Masks *self, gsize height, gsize width, GError **error);
void     masks_clear (Masks *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Masks, masks_clear)
/* Row @y of a plane; @scratch: plane_width numbers. */
void     masks_row   (const Masks *self, gsize plane, gsize y, float *to, float *scratch);

/* ---- segments.c ------------------------------------------------------------------------------------------------------------- */

typedef struct
{
  gsize label;
  double score;                         /* NaN: none */
} Segment;

/* The segments of a picture, and in which of them each pixel lies. */
typedef struct
{
  gsize width, height;
  guint32 *map;                         /* [height][width]: index of the segment, plus 1; 0: none */
  GArray *segments;                     /* Segment */
} SegmentMap;

typedef struct
{
  GtfSegmentation how;
  double threshold, mask_threshold, overlap_mask_area_threshold;
} SegmentRules;

gboolean segment_map_init  (SegmentMap *self, gsize width, gsize height, GError **error);
void     segment_map_clear (SegmentMap *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegmentMap, segment_map_clear)

/* [n_planes][n_classes] of probabilities, for each tile. (transfer full), NULL: no memory */
float   *segments_vote      (const Masks *masks);
gboolean segments_no_memory (gsize width, gsize height, GError **error);        /* FALSE, with an error */

static inline float
segments_sigmoid (float x)
{
  return 1 / (1 + expf (-x));
}

/* semantic.c: a class for each pixel, in the order of the classes; only here pictures may have come in parts. */
gboolean segments_semantic (SegmentMap *self, const Masks *masks, const SegmentRules *rules, GError **error);
/* Objects and regions without overlap. */
gboolean segments_panoptic (SegmentMap *self, const Masks *masks, const SegmentRules *rules, GError **error);
gboolean segments_instance (SegmentMap *self, const Masks *masks, const SegmentRules *rules, GError **error);

/* ---- best.c ------------------------------------------------------------------------------------------------------------------ */

/* The @k largest of @n numbers in the order in which torch.topk (..., sorted=False) has them on a CPU. (transfer full), NULL: no memory */
guint   *best_of (const float *x, gsize n, gsize k);

/* ---- grey-png.c -------------------------------------------------------------------------------------------------------------- */

/* An 8-bit grey PNG in base64. (transfer full) */
char    *grey_png_base64 (const guint8 *pixels, gsize width, gsize height, GError **error);

G_END_DECLS
