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
 * @GTF_RESIZE_NEAREST: the pixel at floor (new * old size / new size)
 * @GTF_RESIZE_BILINEAR_CORNERS: linear, the first and last pixels stay where they are (align_corners=True)
 * @GTF_RESIZE_BILINEAR_ANTIALIAS: linear, over as many neighbours as one new pixel covers
 *
 * How torch.nn.functional.interpolate () does it, with align_corners=False but for %GTF_RESIZE_BILINEAR_CORNERS.
 */
typedef enum
{
  GTF_RESIZE_BILINEAR,
  GTF_RESIZE_BICUBIC,
  GTF_RESIZE_BICUBIC_ANTIALIAS,
  GTF_RESIZE_NEAREST,
  GTF_RESIZE_BILINEAR_CORNERS,
  GTF_RESIZE_BILINEAR_ANTIALIAS
} GtfResize;

/* [B][H][W][C] -> [B][height][width][C] */
GTF_API GtfTensor *gtf_resize  (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width, GtfResize how);
/* act (resize (x) + sum): [B][H][W][C] -> as sum, [B][height][width][C]. */
GTF_API GtfTensor *gtf_resize_add (GtfContext *c, const GtfTensor *x, const GtfTensor *sum, GtfResize how, GtfActivation act);

/* pixel_values as pixels, and back: [B][C][H][W] -> [B][H][W][C] -> [B][C][H][W]. */
GTF_API GtfTensor *gtf_pixels_last  (GtfContext *c, const GtfTensor *x);
GTF_API GtfTensor *gtf_pixels_first (GtfContext *c, const GtfTensor *x);

/**
 * GtfWindow:
 * @kernel: rows of the window; a convolution has it from its weight: 0
 * @stride: rows between two windows (0: 1)
 * @padding: rows and columns around the picture
 * @dilation: rows between two rows that a window sees (0: 1)
 * @kernel_width, @stride_width, @dilation_width: the same for columns (0: as for rows)
 * @more: padding beside @padding: top, left, bottom, right
 * @same: padding as TensorFlow's "SAME": ceil (size / stride) windows, of what is missing the smaller half at the top and on the left
 * @ceil: pooling: a last window that begins within the picture counts though it hangs over its edge
 * @inside: mean pooling: padding does not count
 *
 * Which pixels a convolution or pooling sees: `&(GtfWindow){ .stride = 2, .padding = 1 }`, `&(GtfWindow){ 3, 2, 1 }`.
 */
typedef struct
{
  gint64 kernel, stride, padding, dilation;
  gint64 kernel_width, stride_width, dilation_width;
  gint64 more[4];
  gboolean same, ceil, inside;
} GtfWindow;

/* act (x * w + bias + residual): [B][H][W][in] -> [B][H'][W'][out]. No @window: stride 1 without padding; @residual [B][H'][W'][out] may be NULL. */
GTF_API GtfTensor *gtf_conv2d (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act, const GtfTensor *residual);
/* The same for a result that only convolutions see: it may be bfloat16. */
GTF_API GtfTensor *gtf_conv2d_inner (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act);
/* The same, where @sum, which nobody needs any longer, becomes the result. */
GTF_API GtfTensor *gtf_conv2d_onto (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act, GtfTensor *sum);
/* The transposed convolution: H' = (H - 1) stride + dilation (kernel - 1) + 1 - 2 padding, and as many more as more[2] (bottom) and more[3] (right). */
GTF_API GtfTensor *gtf_conv_transpose2d (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act);
GTF_API GtfTensor *gtf_max_pool2d (GtfContext *c, const GtfTensor *x, const GtfWindow *window);
GTF_API GtfTensor *gtf_avg_pool2d (GtfContext *c, const GtfTensor *x, const GtfWindow *window);
/* Means over height x width areas that cover the picture evenly: [B][H][W][C] -> [B][height][width][C]. */
GTF_API GtfTensor *gtf_adaptive_avg_pool2d (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width);
/* The mean of all pixels: [B][H][W][C] -> [B][C]. */
GTF_API GtfTensor *gtf_mean_pixels (GtfContext *c, const GtfTensor *x);
/* A factor for each channel of each picture (squeeze and excitation): x [B][H][W][C], factors [B][C]. */
GTF_API GtfTensor *gtf_scale_channels (GtfContext *c, const GtfTensor *x, const GtfTensor *factors);
/* Global response normalisation (Woo et al. 2023): x (1 + weight |x| / mean |x|) + bias, with the norm of each channel over all pixels. */
GTF_API GtfTensor *gtf_response_norm (GtfContext *c, const GtfTensor *weight, const GtfTensor *bias, const GtfTensor *x, float eps);
/* A factor for each pixel: x [B][H][W][C] or [B][1][1][C], factors [B][H][W][1] -> [B][H][W][C]. */
GTF_API GtfTensor *gtf_scale_pixels (GtfContext *c, const GtfTensor *x, const GtfTensor *factors);
/* Rows and columns of zeros around a picture. */
GTF_API GtfTensor *gtf_pad_pixels (GtfContext *c, const GtfTensor *x, gint64 top, gint64 left, gint64 bottom, gint64 right);
/* x scale + shift, by one number each (scale NULL: 1). */
GTF_API GtfTensor *gtf_affine_all (GtfContext *c, const GtfTensor *scale, const GtfTensor *shift, const GtfTensor *x);
/* Height (0) or width (1) of a convolution's kernel. */
GTF_API gint64     gtf_conv2d_size (const GtfConv2d *w, guint dim);
/* Group normalisation (Wu, He 2018) of [B][H][W][C] or [B][T][C]: over all pixels and the channels of a group. */
GTF_API GtfTensor *gtf_group_norm (GtfContext *c, const GtfNorm *w, const GtfTensor *x, gint64 n_groups, float eps);

/* The product of each row with each query of its picture: x [B][..][D], queries [B][N][D] -> [B][..][N]. */
GTF_API GtfTensor *gtf_products   (GtfContext *c, const GtfTensor *x, const GtfTensor *queries);
/* For GtfAttention.mask: logits of masks [B][H][W][N] -> [B][1][N][H * W]; a query sees what its mask shows, and all where that is nothing. */
GTF_API GtfTensor *gtf_foreground (GtfContext *c, const GtfTensor *masks);

/* Rows that stand before those of each picture or text: first [n][D], or [B][n][D], x [B][T][D] -> [B][n + T][D]. */
GTF_API GtfTensor *gtf_prepend (GtfContext *c, const GtfTensor *first, const GtfTensor *x);
/* The mean over all steps: [B][T][D] -> [B][D]. */
GTF_API GtfTensor *gtf_mean_steps (GtfContext *c, const GtfTensor *x);

G_END_DECLS
