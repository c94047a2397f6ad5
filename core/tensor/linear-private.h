/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The product behind linear layers and convolutions.
 */
#pragma once

#include "tensor/context-private.h"
#include "tensor/weights-private.h"

/* m rows of a, lda apart: they may overlap (windows of a convolution). */
typedef struct
{
  gint64 m;
  const float *a;
  gint64 lda;
  GtfActivation act;
  const float *residual;        /* NULL: none */
  gint64 ldr;
  float *c;
  gint64 ldc;
  gboolean residual_first;      /* added before the activation, not behind it */
  const guint16 *pairs;         /* a and c in bfloat16, as in GtfGemm; NULL: a and c */
  guint16 *halves;
} GtfLinearArgs;

void gtf_linear_run (GtfContext *c, const GtfLinear *w, const GtfLinearArgs *args);
/* The product as kernels take it. */
GtfGemm  gtf_linear_gemm  (GtfContext *c, const GtfLinear *w, const GtfLinearArgs *args);
gint64   gtf_gemm_panels  (const GtfGemm *gemm);
/* Whether there are so many rows that they are split between threads, not the outputs; and the share of one part, in whole tiles. */
gboolean gtf_gemm_by_rows (const GtfGemm *gemm);
void     gtf_gemm_rows    (const GtfGemm *gemm, guint part, guint n_parts, gint64 *first, gint64 *end);
