/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What tests of pictures share: random tensors, pixels beside a picture, comparison.
 */
#pragma once

#include <math.h>

#include "tensor/context-private.h"
#include "tensor/pictures.h"
#include "tensor/weights-private.h"

static inline GtfTensor *
randoms (GtfContext *c, guint n_dims, const gint64 *shape)
{
  GtfTensor *t = gtf_new_tensor (c, GTF_DTYPE_F32, n_dims, shape);

  for (gsize i = 0; i < gtf_tensor_get_n_elements (t); i++)
    gtf_tensor_f32 (t)[i] = (float) g_random_double_range (-1, 1);
  return t;
}

static inline void
near (double got, double expected, double tolerance)
{
  if (!(fabs (got - expected) <= tolerance))
    g_error ("%.9g, expected %.9g", got, expected);
}

/* The pixel at (y, x) of picture b, or @outside beside it. */
static inline double
pixel (const GtfTensor *t, gint64 b, gint64 y, gint64 x, gint64 channel, double outside)
{
  if (y < 0 || x < 0 || y >= t->shape[1] || x >= t->shape[2])
    return outside;
  return gtf_tensor_f32 (t)[((b * t->shape[1] + y) * t->shape[2] + x) * t->shape[3] + channel];
}
