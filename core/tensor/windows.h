/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention within square windows of a picture (Liu et al. 2021): the picture is cut into windows, each of which is a short text for
 * gtf_attention (); where the cut is shifted, windows at the seam hold pixels that do not belong together, which masks keep apart.
 */
#pragma once

#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * GtfWindows:
 * @size: pixels of a side
 * @shift: by so much the picture is rolled up and to the left before it is cut (0: not at all)
 *
 * Pictures [B][H][W][C] that do not fit get zeros at the right and at the bottom.
 */
typedef struct
{
  gint64 size, shift;
} GtfWindows;

/* [B][H][W][C] -> [B * windows][size * size][C], and back to the pixels of a picture like @like [B][H][W][..]. */
GTF_API GtfTensor *gtf_to_windows   (GtfContext *c, const GtfTensor *x, const GtfWindows *windows);
GTF_API GtfTensor *gtf_from_windows (GtfContext *c, const GtfTensor *x, const GtfWindows *windows, const GtfTensor *like);
/* What is added to the scores within a window: bias [1][heads][T][T], or with a shift [4][heads][T][T], @penalty between pixels that do not
 * belong together: at no seam, at the right one, at the lower one, at both. */
GTF_API GtfTensor *gtf_window_masks (GtfContext *c, const GtfTensor *bias, const GtfWindows *windows, float penalty);
/* Which of these each window of @x [B][H][W][..] takes: I32 [B * windows], for GtfAttention.which; NULL without a shift. */
GTF_API GtfTensor *gtf_window_kinds (GtfContext *c, const GtfTensor *x, const GtfWindows *windows);
/* A table by distance of two pixels, [(2 size - 1)^2][heads], as what is added to their scores: [1][heads][T][T]. */
GTF_API GtfTensor *gtf_window_bias  (GtfContext *c, const GtfTensor *table, gint64 size);
/* The distances of such a table, [(2 size - 1)^2][2], as Swin v2 sees them: their logarithm, 1 where @whole - 1 pixels are between. */
GTF_API GtfTensor *gtf_window_distances (GtfContext *c, gint64 size, gint64 whole);

/* What pixels add to their scores by rows and columns apart, for queries first .. first + n: [B][heads][n][H * W]; see core/tensor/grid-bias.c. */
GTF_API GtfTensor *gtf_grid_bias    (GtfContext *c, const GtfTensor *down, const GtfTensor *across, gint64 first, gint64 n);

/* Four pixels become one with four times the features, down first, zeros beside the picture: [B][H][W][C] -> [B][ceil (H / 2)][ceil (W / 2)][4 C]. */
GTF_API GtfTensor *gtf_merge_pixels (GtfContext *c, const GtfTensor *x);
/* Zeros at the right and at the bottom: [..][H][W] -> [..][height][width]. */
GTF_API GtfTensor *gtf_pad_planes   (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width);
/* Each head to the length 1, times exp (min (log_scale, most)): x [..][heads * d], log_scale [heads]. */
GTF_API GtfTensor *gtf_unit_heads   (GtfContext *c, const GtfTensor *x, gint64 n_heads, const GtfTensor *log_scale, float most);

G_END_DECLS
