/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a running convolution is made of, for the ways to compute it (conv2d.c, conv2d-tiles.c, conv2d-transposed.c, winograd.c).
 */
#pragma once

#include "tensor/picture-window-private.h"
#include "tensor/weights-private.h"

typedef struct
{
  const GtfConv2d *w;
  GtfAxis axes[2];
  const GtfKernels *kernels;
  GtfActivation act;
  gint64 n;                     /* windows, over all pictures */
  const float *x, *residual;    /* packed; x NULL: it is bfloat16 already (narrow) */
  gint64 n_numbers;             /* of x */
  const guint16 *narrow;        /* x as bfloat16; NULL: products are float32 */
  float *y;
  guint16 *halves;              /* y as bfloat16; NULL: y */
  const float *zeros;           /* as many as x has channels */
  char *laid_out;               /* room of each part of the windows for rows; NULL: they need none, or the thread's scratch serves */
  gint64 rows, row_parts, panel_parts;  /* how the work is cut: windows at a time, parts of windows, of outputs */
} GtfConv2dRun;

/* FALSE, with the sticky error: the weight is no such one, or does not fit x and the window. */
gboolean gtf_conv2d_check (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, gboolean transposed);

/* Sets aside the memory, if the weight's size is one for it. */
gboolean gtf_winograd_new (GtfConv2d *conv, GtfWeightStore *store, GError **error);
/* FALSE: not a convolution for it, nothing was done. */
gboolean gtf_winograd_run (GtfContext *c, const GtfConv2dRun *v);

/* The same, in bfloat16 by tiles. */
gboolean gtf_conv2d_tiles_run (GtfContext *c, const GtfConv2dRun *v);
