/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Arithmetic over one row of logits (some 50,000 floats, a few times a step).
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Index of the largest value, the first one of equals; NaN is never chosen. 0 if there is none above -inf. */
gsize gtf_logits_argmax      (const float *x, gsize n);
float gtf_logits_max         (const float *x, gsize n);
/* log (sum (exp (scale * x))); -inf if all are -inf. */
float gtf_logits_log_sum_exp (const float *x, gsize n, float scale);
/* x - log_sum_exp (x), in place. */
void  gtf_logits_log_softmax (float *x, gsize n);
/* p = softmax (x) */
void  gtf_logits_softmax     (const float *x, gsize n, float *p);

/**
 * gtf_logits_top_k:
 * @values: (array length=k) (inout): the k largest so far, largest first
 * @indices: (array length=k) (inout): where they were found
 * @n_found: how many of them are filled
 * @base: added to each index
 * @offset: added to each value
 *
 * Merges a row into a running list of the k largest. Of equals the one that came first stays first.
 */
void  gtf_logits_top_k       (const float *x, gsize n, gsize base, float offset, gsize k, float *values, gsize *indices, gsize *n_found);

/* The finite-or-larger entries of x as indices, sorted by value, largest first (equals by index). Returns how many. */
gsize gtf_logits_sort        (const float *x, gsize n, gint32 *order);

G_END_DECLS
