/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Decomposed relative positions: a query's number for a row of keys is its product with the table's row for that distance, so that all of them
 * are products of each picture row with a part of the table; columns likewise.
 */
#include "layers/grid.h"

#include "tensor/context-private.h"

#define MOST_SCORES (1 << 23)   /* written out at once */

/* Rows of the table of distances: for query i and key k of n, i - k + n - 1, for each of many lines. */
static gint64
table_row (gint64 at, gconstpointer data)
{
  const gint64 n = *(const gint64 *) data;

  return at / n % n - at % n + n - 1;
}

/* Pixels column by column out of pixels row by row. */
static gint64
column_pixel (gint64 at, gconstpointer data)
{
  const GtfGrid *g = data;
  const gint64 n = g->height * g->width, x = at % n / g->height, y = at % n % g->height;

  return at / n * n + y * g->width + x;
}

/* The products of queries [B * n][lines * heads * d], n lines of each picture, with the table's rows for their distance to n others: [B * n][..][n]. */
static GtfTensor *
by_distance (GtfContext *c, const GtfTensor *q, const GtfTensor *table, gint64 n_pictures, gint64 n, gint64 d)
{
  GtfTensor *rows = gtf_take (c, table, gtf_indices (c, n_pictures * n * n, table_row, &n));

  return gtf_products (c, gtf_reshape (c, q, 3, (gint64[]){ n_pictures * n, -1, d }), gtf_reshape (c, rows, 3, (gint64[]){ n_pictures * n, n, d }));
}

/* A result as rows of @y [..][D] from @first on. */
static void
put (GtfContext *c, const GtfTensor *x, GtfTensor *y, gint64 first)
{
  if (x != NULL && y != NULL && !gtf_failed (c))
    gtf_tensor_copy_packed (x, gtf_tensor_f32 (y) + first * gtf_dim (y, -1));
}

static GtfTensor *
attend (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfGrid *g)
{
  const gint64 b = gtf_dim (q, 0), n = g->height * g->width, d = gtf_dim (q, -1), step = b > 1 ? n : CLAMP (MOST_SCORES / (g->n_heads * n), 1, n);
  GtfTensor *columns = gtf_take (c, gtf_reshape (c, q, 2, (gint64[]){ b * n, d }), gtf_indices (c, b * n, column_pixel, g));
  GtfTensor *down = by_distance (c, q, g->down, b, g->height, d / g->n_heads), *across = by_distance (c, columns, g->across, b, g->width, d / g->n_heads), *y;

  if (step == n)
    return gtf_attention (c, q, k, v, &(GtfAttention){ .n_heads = g->n_heads, .mask = gtf_grid_bias (c, down, across, 0, n) });
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ 1, n, d });
  for (gint64 first = 0; first < n && !gtf_failed (c); first += step)
    {
      const gint64 some = MIN (step, n - first);
      const gsize mark = gtf_push (c);
      const GtfAttention a = { .n_heads = g->n_heads, .mask = gtf_grid_bias (c, down, across, first, some) };

      put (c, gtf_attention (c, gtf_steps (c, q, first, some), k, v, &a), y, first);
      gtf_pop (c, mark);
    }
  return y;
}

/* Picture @i of [B][n][D]: [1][n][D]. */
static GtfTensor *
picture (GtfContext *c, const GtfTensor *x, gint64 i)
{
  const gint64 n = gtf_dim (x, 1), d = gtf_dim (x, 2);

  return gtf_reshape (c, gtf_steps (c, gtf_reshape (c, x, 2, (gint64[]){ -1, d }), i * n, n), 3, (gint64[]){ 1, n, d });
}

GtfTensor *
gtf_grid_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfGrid *g)
{
  const gint64 b = gtf_dim (q, 0), n = g->height * g->width;
  GtfTensor *y;

  if (g->down == NULL || g->across == NULL)
    return gtf_attention (c, q, k, v, &(GtfAttention){ .n_heads = g->n_heads });
  if (b == 1 || b * g->n_heads * n <= MOST_SCORES / n)
    return attend (c, q, k, v, g);
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ b, n, gtf_dim (q, -1) });
  for (gint64 i = 0; i < b && !gtf_failed (c); i++)
    {
      const gsize mark = gtf_push (c);

      put (c, attend (c, picture (c, q, i), picture (c, k, i), picture (c, v, i), g), y, i * n);
      gtf_pop (c, mark);
    }
  return y;
}
