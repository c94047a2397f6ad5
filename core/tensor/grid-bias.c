/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the pixels of a picture add to their scores by how far apart they are down and across, each by itself (Li et al., "MViTv2", 2021): a query
 * has a number for each row of keys and one for each column, and the sum of both counts.
 */
#include "tensor/context-private.h"
#include "tensor/windows.h"

typedef struct
{
  const float *down, *across;
  float *out;
  gint64 height, width, n_heads, first, n;
} Grid;

/* One row of keys after the other, for each query of a head of a picture. */
static void
write_head (const Grid *g, gint64 b, gint64 head, float *to)
{
  for (gint64 i = g->first; i < g->first + g->n; i++)
    {
      const gint64 y = i / g->width, x = i % g->width;
      const float *rows = g->down + (((b * g->height + y) * g->width + x) * g->n_heads + head) * g->height;
      const float *columns = g->across + (((b * g->width + x) * g->height + y) * g->n_heads + head) * g->width;

      for (gint64 row = 0; row < g->height; row++)
        for (gint64 column = 0; column < g->width; column++)
          *to++ = rows[row] + columns[column];
    }
}

static void
write_part (gpointer data, guint part, guint n_parts)
{
  (void) n_parts;
  const Grid *g = data;

  write_head (g, part / g->n_heads, part % g->n_heads, g->out + part * g->n * g->height * g->width);
}

/**
 * gtf_grid_bias:
 * @down: (nullable): [B * H][W * heads][H]: for each query, pixel by pixel and head by head, a number for each row of keys
 * @across: (nullable): [B * W][H * heads][W]: the same for each column, the queries column by column
 * @first: the first query, counted row by row
 * @n: how many
 *
 * Returns: (transfer none) (nullable): [B][heads][n][H * W], a mask for gtf_attention ()
 */
GtfTensor *
gtf_grid_bias (GtfContext *c, const GtfTensor *down, const GtfTensor *across, gint64 first, gint64 n)
{
  Grid g = { .first = first, .n = n };
  gint64 b;
  GtfTensor *y;

  if (!gtf_op_begin (c, "grid_bias", 2, down, across))
    return NULL;
  g.height = gtf_tensor_cols (down);
  g.width = gtf_tensor_cols (across);
  b = down->n_dims == 3 && g.height > 0 ? down->shape[0] / g.height : 0;
  g.n_heads = down->n_dims == 3 && g.width > 0 ? down->shape[1] / g.width : 0;
  if (b < 1 || g.n_heads < 1 || across->n_dims != 3 || down->shape[0] != b * g.height || down->shape[1] != g.n_heads * g.width || across->shape[0] != b * g.width
      || across->shape[1] != g.n_heads * g.height || first < 0 || n < 1 || first > g.height * g.width - n)
    {
      gtf_fail_shapes (c, down, across, "rows and columns of queries do not fit each other");
      return NULL;
    }
  down = gtf_packed (c, down);
  across = gtf_packed (c, across);
  y = down != NULL && across != NULL ? gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ b, g.n_heads, n, g.height * g.width }) : NULL;
  if (y == NULL)
    return NULL;
  g.down = gtf_tensor_f32 (down);
  g.across = gtf_tensor_f32 (across);
  g.out = gtf_tensor_f32 (y);
  gtf_pool_run (c->pool, (guint) (b * g.n_heads), write_part, &g);
  return y;
}
