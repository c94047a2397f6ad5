/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ops that treat each row by itself, and those that treat all elements alike.
 */
#include "tensor/rows-private.h"

static void
rows_part (gpointer data, guint part, guint n_parts)
{
  const GtfRows *r = data;
  gint64 rows = gtf_tensor_rows (r->x), from = part * rows / n_parts, to = (part + 1) * rows / n_parts;

  for (gint64 i = from; i < to; i++)
    r->func (r, i, gtf_tensor_f32 (r->x) + gtf_tensor_row_offset (r->x, i), gtf_tensor_f32 (r->y) + i * r->y->row_stride);
}

void
gtf_rows_run (GtfContext *c, GtfRows *r, double cost)
{
  guint n = gtf_pool_get_n_threads (c->pool);

  r->kernels = c->kernels;
  r->n = gtf_tensor_cols (r->x);
  if ((double) gtf_tensor_get_n_elements (r->x) * cost < 4000.0)
    n = 1;
  gtf_pool_run (c->pool, n, rows_part, r);
}
