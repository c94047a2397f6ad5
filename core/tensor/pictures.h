/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ops over pictures. pixel_values come channel by channel, [B][C][H][W], as the processors of the reference give them; inside a model a
 * picture is [B][H][W][C], so that a pixel is a row like a token, and every op over rows serves pictures too.
 */
#pragma once

#include "tensor/ops.h"

G_BEGIN_DECLS

/* What a convolution of stride = kernel sees: [B][C][H][W] -> [B][H / height * (W / width)][C * height * width], in the order of the
 * weight [out][C][height][width] as it lies in a file. Rows and columns of pixels that are left over are not seen. */
GTF_API GtfTensor *gtf_patches (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width);

/**
 * GtfResize:
 * @GTF_RESIZE_BILINEAR: linear between the two neighbours
 * @GTF_RESIZE_BICUBIC: cubic over four neighbours, a = -0.75
 * @GTF_RESIZE_BICUBIC_ANTIALIAS: cubic with a = -0.5, over as many neighbours as one new pixel covers
 *
 * How torch.nn.functional.interpolate () does it with align_corners=False.
 */
typedef enum
{
  GTF_RESIZE_BILINEAR,
  GTF_RESIZE_BICUBIC,
  GTF_RESIZE_BICUBIC_ANTIALIAS
} GtfResize;

/* [B][H][W][C] -> [B][height][width][C] */
GTF_API GtfTensor *gtf_resize  (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width, GtfResize how);

/**
 * GtfWindow:
 * @kernel: pixels of a side
 * @stride: pixels between two windows
 * @padding: pixels around the picture
 */
typedef struct
{
  gint64 kernel, stride, padding;
} GtfWindow;

/* [C] each: weight, bias, running_mean, running_var. */
typedef struct
{
  const GtfTensor *weight, *bias, *mean, *variance;
} GtfBatchNorm;

/* w [out][in * kernel * kernel] as it lies in a file: [B][H][W][in] -> [B][H'][W'][out] */
GTF_API GtfTensor *gtf_conv2d     (GtfContext *c, const GtfLinear *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act);
GTF_API GtfTensor *gtf_max_pool2d (GtfContext *c, const GtfTensor *x, const GtfWindow *window);
GTF_API GtfTensor *gtf_batch_norm (GtfContext *c, const GtfBatchNorm *w, const GtfTensor *x, float eps, GtfActivation act);

/* Rows that stand before those of each picture or text: first [n][D], x [B][T][D] -> [B][n + T][D]. */
GTF_API GtfTensor *gtf_prepend (GtfContext *c, const GtfTensor *first, const GtfTensor *x);
/* The mean over all steps: [B][T][D] -> [B][D]. */
GTF_API GtfTensor *gtf_mean_steps (GtfContext *c, const GtfTensor *x);

G_END_DECLS
