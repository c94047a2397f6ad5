/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A picture that is drawn on in place, whatever its layout: each component (R, G, B; Y, U, V; grey) has its first sample, its distance from
 * sample to sample and from row to row, and may be subsampled. All of drawing is rectangles of one colour, letters, and regions made
 * unrecognisable.
 *
 * Nothing outside of what is asked for is changed: a subsampled sample is written only if all of its pixels are asked for, so that callers
 * who want whole colour round up to gtf_canvas_snap().
 */
#pragma once

#include "drawing/font.h"
#include "pipeline/preprocessor.h"

G_BEGIN_DECLS

typedef struct
{
  guint8 *data;
  gssize row, pixel;            /* bytes from one to the next */
  guint8 x_shift, y_shift;      /* 1: half as many */
} GtfCanvasPlane;

typedef enum
{
  GTF_CANVAS_RGB,
  GTF_CANVAS_YUV,
  GTF_CANVAS_GREY
} GtfCanvasColours;

typedef struct
{
  gint width, height;
  GtfCanvasColours colours;
  guint n_planes;               /* 1, 3; one more for alpha */
  GtfCanvasPlane planes[4];
  double kr, kb;                /* YUV: the matrix (BT.601: 0.299, 0.114) */
  gboolean full_range;          /* YUV, grey: 0 to 255, else 16 to 235 (240) */
} GtfCanvas;

/* A colour as the canvas has it. */
typedef struct
{
  guint8 values[4];
} GtfInk;

typedef struct
{
  gint x, y, width, height;
} GtfArea;

GTF_API GtfCanvas gtf_canvas_of_image (GtfImage *image);
/* @rgb: 0xRRGGBB */
GTF_API GtfInk    gtf_canvas_ink   (const GtfCanvas *self, guint32 rgb);
/* The part of @area on the canvas. FALSE: there is none. */
GTF_API gboolean  gtf_canvas_clip  (const GtfCanvas *self, GtfArea *area);
/* The smallest area around @area whose edges are edges of samples in every component, cut to the canvas. */
GTF_API GtfArea   gtf_canvas_snap  (const GtfCanvas *self, GtfArea area);
/* @opacity: 0 to 256 */
GTF_API void      gtf_canvas_fill  (const GtfCanvas *self, GtfArea area, GtfInk ink, guint opacity);
/* One line of UTF-8, its top left at (@x, @y), nothing of it outside of @clip. */
GTF_API void      gtf_canvas_text  (const GtfCanvas *self, GtfFont *font, gint x, gint y, const char *text, GtfInk ink, GtfArea clip);
/* Squares of @block pixels have the mean of what was in them. @mask: (nullable): a byte a pixel of the whole canvas; only samples of which a pixel
 * is not 0 are changed */
GTF_API void      gtf_canvas_pixelate (const GtfCanvas *self, GtfArea area, gint block, const guint8 *mask);
/* The same, smooth from one square's middle to the next one's. */
GTF_API void      gtf_canvas_blur     (const GtfCanvas *self, GtfArea area, gint block, const guint8 *mask);

G_END_DECLS
