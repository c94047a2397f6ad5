/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What networks of convolutions share: stages, whose depths and sizes are lists of the config; squeeze and excitation; their outputs.
 * Pictures are [B][H][W][C].
 */
#pragma once

#include "layers/vision.h"

G_BEGIN_DECLS

#define GTF_MAX_STAGES 8

/**
 * gtf_stages_read:
 * @key: of config.json, for messages
 * @list: (nullable): what the config has
 * @fallback: the list that is meant when it has none
 * @n: how many numbers it must have; -1: as many as there are, up to %GTF_MAX_STAGES
 * @least: the smallest number
 * @most: the largest number
 * @to: where they are put
 *
 * Returns: how many there are; -1 after the error
 */
GTF_API gint64 gtf_stages_read (const char *key, const char *list, const char *fallback, gint64 n, gint64 least, gint64 most, gint64 *to, GError **error);

/* Squeeze and excitation (Hu et al. 2017): each channel times sigmoid (expand (act (reduce (mean)))). */
GTF_API GtfTensor *gtf_squeeze_excite (GtfContext *c, const GtfLinear *reduce, const GtfLinear *expand, const GtfTensor *x, GtfActivation act);

/* LayerScale (Touvron et al. 2021): x + scale y; @scale NULL: x + y. */
GTF_API GtfTensor *gtf_layer_scale (GtfContext *c, const GtfTensor *x, const GtfNorm *scale, const GtfTensor *y);

/* `last_hidden_state` [B][C][H][W]; `pooler_output`, if @pooled [B][C] is not NULL ([B][C][1][1] where @is_picture); `logits`, if there is a classifier. */
GTF_API void gtf_stages_outputs (GtfContext *c, const GtfTensor *x, const GtfTensor *pooled, gboolean is_picture, const GtfLinear *classifier);

/* All dimensions as the file has them. */
#define GTF_CONV_STORED { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }
#define GTF_LINEAR_STORED { GTF_DIM_STORED, GTF_DIM_STORED }

G_END_DECLS
