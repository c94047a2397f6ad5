/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Points and boxes of a picture as tokens (Kirillov et al., "Segment Anything", 2023): where they lie is sines and cosines of random waves (Tancik et
 * al. 2020), what they are is learnt.
 *
 * Inputs of the call: `input_points` F32 [B][P][N][2], in pixels of the model's picture, across and down, N points of one prompt; `input_labels` I32
 * [B][P][N]: 1 inside, 0 outside, -1 none, -10 padding (absent: all 1); `input_boxes` F32 [B][P][4]: left, top, right, bottom. One of points and boxes is enough.
 */
#pragma once

#include "layers/vision.h"

G_BEGIN_DECLS

#define GTF_PROMPT_KINDS 4

/**
 * GtfPrompts:
 * @waves: [2][features]: a wave each
 * @none: what stands for no point
 * @kinds: outside, inside, first and second corner of a box
 * @size: pixels of a side of the picture
 * @table: (nullable): all kinds in one table, instead of @kinds; points may then be of any kind (SAM 2)
 * @closes_boxes: a box too has a token for none behind it (SAM 2)
 * @pixel_waves: (nullable): those of the pixels, if they are not @waves (SAM 2)
 */
typedef struct
{
  const GtfTensor *waves;
  const GtfEmbedding *none, *kinds[GTF_PROMPT_KINDS];
  gint64 size;
  const GtfEmbedding *table;
  gboolean closes_boxes;
  const GtfTensor *pixel_waves;
} GtfPrompts;

/* Whether the caller has given any. */
GTF_API gboolean   gtf_prompts_are_given (GtfContext *c);
/* All prompts, [B][P] as one dimension: [B * P][tokens][2 features]. Without boxes a token for none stands behind the points. NULL after the sticky error. */
GTF_API GtfTensor *gtf_prompt_tokens (GtfContext *c, const GtfPrompts *prompts);
/* The middles of so many pixels a side: [side * side][2 features]. */
GTF_API GtfTensor *gtf_prompt_pixels (GtfContext *c, const GtfPrompts *prompts, gint64 side);

G_END_DECLS
