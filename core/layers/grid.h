/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Self-attention over the pixels of a picture whose scores also depend on how far apart two pixels are down and across (Li et al. 2021).
 */
#pragma once

#include "layers/vision.h"
#include "tensor/windows.h"

G_BEGIN_DECLS

/**
 * GtfGrid:
 * @height, @width: of the picture
 * @n_heads: heads, side by side in the last dimension
 * @down: (nullable): [2 height - 1][d]: what a query meets by its row less that of the key, plus height - 1
 * @across: (nullable): [2 width - 1][d]: the same for columns
 */
typedef struct
{
  gint64 height, width, n_heads;
  const GtfTensor *down, *across;
} GtfGrid;

/* q, k, v [B][height * width][heads * d] -> the same. The score matrix of a large picture is never there as a whole. */
GTF_API GtfTensor *gtf_grid_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfGrid *grid);

G_END_DECLS
