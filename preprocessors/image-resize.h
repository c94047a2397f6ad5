/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image-windows.h"
#include "pipeline/image-rows.h"

/* What is to become of a picture: it is resized `to` a size and laid at (left, top), below 0 too, on a ground of the size `out`, black or @ground. */
typedef struct
{
  GtfExtent to, out;
  gint left, top;
  GtfResample resample;
  GtfResizeStyle style;
  guint8 ground[3];             /* red, green, blue */
} GtfResize;

/* Keeps its memory, and the weights of the last sizes, from picture to picture. Zero it first. */
typedef struct
{
  GtfResize what;
  GtfImageRows source;
  GtfWindows wide, high;
  GtfAcross across;
  gint first_x, first_y;        /* of what is seen of the picture in `out` */
  gint slots;
  guint8 *ring, *sum, *black;
  gsize ring_size;
  gint *held;                   /* [slots]: the rows in the ring */
  const guint8 **rows;
  gint64 stride;
} GtfResizer;

gboolean      gtf_resizer_begin (GtfResizer *self, const GtfImage *image, const GtfResize *what, GError **error);
/* Row @y of `out`: red, green and blue, `stride` bytes apart; good until the next call. From the top down each row of the picture is read once. */
const guint8 *gtf_resizer_get   (GtfResizer *self, gint y);
void          gtf_resizer_clear (GtfResizer *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfResizer, gtf_resizer_clear)
