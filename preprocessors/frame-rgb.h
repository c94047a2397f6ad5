/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Decoded frames as pictures, with the numbers of swscale, through which the reference's decoders (PyAV, torchcodec) get theirs.
 */
#pragma once

#include "pipeline/preprocessor.h"

typedef enum
{
  GTF_MATRIX_601,
  GTF_MATRIX_709,
  GTF_MATRIX_2020,
  GTF_MATRIX_240M,
  GTF_MATRIX_FCC
} GtfColourMatrix;

/* Planes of 8 bits; the samples of a plane are `step` bytes apart. */
typedef struct
{
  const guint8 *planes[3];              /* Y, U, V */
  gsize strides[3], steps[3];
  guint across, down;                   /* 1: half as many samples of colour, rounded up */
  GtfColourMatrix matrix;
  gboolean full;                        /* 0 to 255, not 16 to 235 */
} GtfYuvFrame;

/* Fills @image, which has the size of the frame. */
void gtf_yuv_to_rgb (const GtfYuvFrame *frame, GtfImage *image);
