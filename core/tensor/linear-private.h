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
} GtfLinearArgs;

void gtf_linear_run (GtfContext *c, const GtfLinear *w, const GtfLinearArgs *args);
