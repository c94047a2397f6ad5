/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One direction of a GtfWindow over a picture.
 */
#pragma once

#include "tensor/context-private.h"
#include "tensor/pictures.h"

typedef struct
{
  gint64 in, out;               /* pixels of the picture, windows */
  gint64 kernel, stride, dilation;
  gint64 before, after;         /* padding */
} GtfAxis;

/* Both directions, [0] down and [1] across, over x [B][H][W][C]; a kernel of @w that is 0 is @kernel's. FALSE after the error. */
gboolean gtf_window_axes (GtfContext *c, const GtfWindow *w, const gint64 *kernel, const GtfTensor *x, GtfAxis *axes);
/* The same for a transposed convolution, where windows are what x has, and `out` the pixels of the result. */
gboolean gtf_window_axes_transposed (GtfContext *c, const GtfWindow *w, const gint64 *kernel, const GtfTensor *x, GtfAxis *axes);

/* The part [*first, *last) of the kernel that lies within the picture, for the window that begins at pixel @at. */
static inline void
gtf_axis_inside (const GtfAxis *a, gint64 at, gint64 *first, gint64 *last)
{
  *first = at < 0 ? (-at + a->dilation - 1) / a->dilation : 0;
  *last = at >= a->in ? 0 : MIN (a->kernel, (a->in - at + a->dilation - 1) / a->dilation);
}
