/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ops for depth from bins: of each pixel a list of depths, which attractors move, and how probable each of them is (Bhat et al., "ZoeDepth: Zero-shot
 * Transfer by Combining Relative and Metric Depth" (2023)). Pixels are rows: any dimensions may stand before the last.
 */
#pragma once

#include "tensor/ops.h"

G_BEGIN_DECLS

/* How wide n bins are beside each other, no number below 0, -> where their middles lie between 0 and 1: [..][n]. */
GTF_API GtfTensor *gtf_bin_middles (GtfContext *c, const GtfTensor *widths);
/* [..][n] moved by attractors [..][k step]: by the sum of (a - x) / (1 + 300 (a - x)^2) over every @step-th of them, @more larger than it is, or, if @means, by
 * the mean. */
GTF_API GtfTensor *gtf_attract     (GtfContext *c, const GtfTensor *x, const GtfTensor *attractors, gint64 step, float more, gboolean means);
/* From 0 .. 1 to @least .. @most, in order, and none beyond them: as @x. */
GTF_API GtfTensor *gtf_bins_within (GtfContext *c, const GtfTensor *x, double least, double most);
/* The mean of depths [..][n] by a binomial distribution: @x [..][4], no number below 0: its two probabilities, and two for its temperature, between @coldest
 * and @hottest: [..][1]. */
GTF_API GtfTensor *gtf_binomial_mean (GtfContext *c, const GtfTensor *x, const GtfTensor *depths, double coldest, double hottest);

G_END_DECLS
