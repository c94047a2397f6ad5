/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention that looks at few points instead of all: each query says where in several feature maps it looks, and how much each point counts
 * (Zhu et al., "Deformable DETR", 2020).
 */
#pragma once

#include "tensor/ops.h"

G_BEGIN_DECLS

#define GTF_MAX_LEVELS 16
#define GTF_MAX_POINTS 64       /* of a feature map */

/**
 * GtfDeformable:
 * @n_heads: heads, side by side in the last dimension
 * @n_levels: feature maps
 * @heights, @widths: of each; their pixels lie one map after the other
 * @n_points: of each map for a head
 * @offset_scale: where reference points are boxes: an offset of 1 is so many widths and heights of the box, divided by the points of the map
 * @nearest: a point is the pixel that it falls on, or that at the edge; else it is what lies between four pixels, zeros beside the map
 */
typedef struct
{
  gint64 n_heads, n_levels;
  gint64 heights[GTF_MAX_LEVELS], widths[GTF_MAX_LEVELS], n_points[GTF_MAX_LEVELS];
  double offset_scale;
  gboolean nearest;
} GtfDeformable;

/* values [B][S][D], all maps; offsets [B][Q][heads * points * 2] (across, down) and scores [B][Q][heads * points], head by head, map by map; references
 * [B][Q][n][2 or 4]: a point or a box (centre, width, height; parts of the picture), for each map, or one for all -> [B][Q][D]. */
GTF_API GtfTensor *gtf_deformable_attention (GtfContext *c, const GtfTensor *values, const GtfTensor *offsets, const GtfTensor *scores, const GtfTensor *references,
                                             const GtfDeformable *how);

G_END_DECLS
