/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ops that treat each row by itself: the split between threads.
 */
#pragma once

#include "tensor/context-private.h"

typedef struct _GtfRows GtfRows;
typedef void (*GtfRowsFunc) (const GtfRows *r, gint64 row, const float *x, float *y);

struct _GtfRows
{
  const GtfKernels *kernels;
  GtfRowsFunc func;
  const GtfTensor *x;           /* its rows need not be uniform */
  GtfTensor *y;                 /* packed */
  gint64 n;                     /* features */
  gconstpointer a, b;           /* further operands, as the func wants them */
  float number;
  gint64 whole;
};

/* Runs r->func on each row of x, on all threads where it pays: `cost` is about ns an element. */
void gtf_rows_run (GtfContext *c, GtfRows *r, double cost);
