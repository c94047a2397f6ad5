/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rows of a picture, whatever it lies in: packed RGB, or a frame of video with planes or packed components, any strides, subsampled chroma. Rows of RGB
 * in any order are handed out as they lie, those of video become RGB one by one, as they are asked for, by the arithmetic of GStreamer's
 * converter; no picture in RGB is made.
 */
#pragma once

#include "kernels/kernels.h"
#include "pipeline/preprocessor.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_PLANES_RGB,
  GTF_PLANES_YUV,
  GTF_PLANES_GREY
} GtfPlanesColours;

/* A frame of 8 bits a component, and the part of it that is the picture. Components are R, G, B in one plane; or Y, U, V; or Y. */
typedef struct _GtfPlanes
{
  GtfPlanesColours colours;
  gint width, height;           /* of the frame */
  gint left, top;               /* where the picture begins */
  const guint8 *data[3];        /* the first sample of each component */
  gssize row[3], pixel[3];      /* bytes from one to the next; U and V have the same */
  guint8 x_shift, y_shift;      /* of U and V: 1: half as many */
  GtfChroma siting;
  gboolean lines_repeated;      /* y_shift: two rows have the same chroma, else it lies between them */
  double kr, kb;                /* the matrix (BT.601: 0.299, 0.114) */
  gboolean full_range;          /* 0 to 255, else 16 to 235 (240) */
} GtfPlanes;

/* Reads rows of one picture, then of the next: memory is kept. Zero it first. */
typedef struct
{
  const GtfImage *image;
  gint pixel;                   /* bytes from pixel to pixel of a row */
  guint8 at[3];                 /* where in a pixel R, G and B are */
  guint8 *row, *scratch;        /* GTF_PIXEL_SLACK more than they need */
  gsize room;
  GtfYuvRow task;
  gint before;                  /* pixels that are converted on the left of the picture, for their chroma */
} GtfImageRows;

/* FALSE: no memory. */
GTF_API gboolean      gtf_image_rows_begin (GtfImageRows *self, const GtfImage *image, GError **error);
/* Row @y: good until the next call; GTF_PIXEL_SLACK bytes behind it can be read. */
GTF_API const guint8 *gtf_image_rows_get   (GtfImageRows *self, gint y);
GTF_API void          gtf_image_rows_clear (GtfImageRows *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfImageRows, gtf_image_rows_clear)

G_END_DECLS
