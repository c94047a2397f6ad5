/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the kinds of self-attention that build scores block by block have in common: checks, the view of one head of one text,
 * the rows of a mask. A block of queries gets a block of addends to its scores, made just before the kernel runs, so that no
 * matrix of all queries and keys exists.
 */
#pragma once

#include "tensor/sequences-private.h"

typedef struct
{
  const GtfKernels *kernels;
  const GtfTensor *q, *k, *v, *mask;
  GtfTensor *out, *weights;     /* weights: NULL, or zeroed [B][heads][T][T] */
  GtfSequences sequences;
  gint64 heads, d, dv;
  float scale;
  gboolean narrow;              /* products of activations in bfloat16 */
} GtfSelfAttention;

/* What the public structs name alike. */
typedef struct
{
  gint64 n_heads;
  float scale;
  const GtfTensor *mask, *sequences;
  GtfTensor **weights;
} GtfSelfAttentionArgs;

/* Checks and allocates the result; FALSE after a sticky error. */
gboolean    gtf_self_attention_begin (GtfContext *c, const char *op, GtfSelfAttention *t, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v,
                                      const GtfSelfAttentionArgs *args);
/* All queries and keys of one head of text b. */
GtfHeadTask gtf_self_attention_head  (const GtfSelfAttention *t, gint64 b, gint64 head);
/* Adds the mask of one query and n keys from `first` on to row. */
void        gtf_self_attention_mask  (const GtfSelfAttention *t, gint64 b, gint64 head, gint64 query, gint64 first, gint64 n, float *row);
