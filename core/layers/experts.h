/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Mixtures of experts: of many small networks a router chooses a few for each token (Shazeer et al. 2017), whose outputs are added by its
 * probabilities.
 */
#pragma once

#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * GtfExperts:
 * @router: hidden -> experts
 * @gate_up, @gate_up_bias: hidden -> 2 * inner for each expert, [experts][2 * inner]: the gate, then what it lets through
 * @down, @down_bias: inner -> hidden for each expert, [experts][hidden]
 * @n_chosen: experts of a token
 * @alpha, @limit: gate * sigmoid (alpha * gate) * (up + 1), the gate at most limit, the other within -limit .. limit (gpt-oss)
 */
typedef struct
{
  const GtfLinear *router;
  const GtfLinear *const *gate_up, *const *down;        /* as GTF_WEIGHT_EXPERTS gives them */
  const GtfTensor *gate_up_bias, *down_bias;
  gint64 n_chosen;
  float alpha, limit;
} GtfExperts;

/* x [..][hidden] -> the same shape: what the experts that are chosen make of each row. */
GTF_API GtfTensor *gtf_experts (GtfContext *c, const GtfExperts *e, const GtfTensor *x);

G_END_DECLS
