/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures of any shape, cut into patches before the model sees them (NaFlex, Tschannen et al. 2025; NaViT, Dehghani et al. 2023): `pixel_values` F32
 * [B][T][patch features], of which the patches of each picture come first and padding follows; `spatial_shapes` I32 or I64 [B][2]: how many are below
 * each other and side by side; `pixel_attention_mask` [B][T] (optional): 0: padding.
 */
#pragma once

#include "layers/vision.h"

G_BEGIN_DECLS

/* Patches with their positions, a square table in the shape of each picture: [B][T][D]. */
GTF_API GtfTensor *gtf_shaped_embed (GtfContext *c, const GtfVisionConfig *config, const GtfVisionEmbeddings *w);
/* What is added to the scores of the patches @x [B][T][D]: [B][1][1][T]; NULL: nothing is padding. */
GTF_API GtfTensor *gtf_shaped_mask  (GtfContext *c, const GtfTensor *x);

G_END_DECLS
