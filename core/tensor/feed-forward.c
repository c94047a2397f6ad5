/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The feed-forward network of a transformer's layer: two linear layers with an activation between them. Where products are of bfloat16, reading and writing what
 * is between them, which is wider than what goes in or comes out, takes longer than they do: there a block of rows passes both layers while it stays in L2,
 * in bfloat16 itself. Elsewhere, and with few rows, they are two products (decision 0161).
 */
#include "kernels/memory.h"
#include "tensor/context-private.h"
#include "tensor/linear-private.h"
#include "tensor/weights-private.h"

#include <string.h>

#define BETWEEN (1152 << 10)    /* bytes of a block between the two: most of L2 */

typedef struct
{
  const GtfKernels *kernels;
  GtfGemm up, down;
  gint64 block;                 /* rows */
} FeedForwardJob;

/* Rows first .. first + n. */
static void
block_of_rows (const FeedForwardJob *job, gint64 first, gint64 n)
{
  GtfGemm up = job->up, down = job->down;
  guint16 *between;

  up.m = down.m = n;
  up.a += first * up.lda;
  down.c += first * down.ldc;
  if (down.residual != NULL)
    down.residual += first * down.ldr;
  /* no power of two: rows would share few sets of the cache */
  down.lda = up.ldc = (up.n + GTF_TILE_NUMBERS - 1) / GTF_TILE_NUMBERS * GTF_TILE_NUMBERS + GTF_TILE_NUMBERS;
  between = gtf_scratch_outer ((gsize) (job->block * up.ldc) * sizeof *between);
  for (gint64 i = 0; i < n && up.n % GTF_TILE_NUMBERS != 0; i++)
    memset (between + i * up.ldc + up.n, 0, GTF_TILE_NUMBERS * sizeof *between);
  up.halves = between;
  down.pairs = between;
  job->kernels->gemm (&up, 0, n, 0, gtf_gemm_panels (&up));
  job->kernels->gemm (&down, 0, n, 0, gtf_gemm_panels (&down));
}

static void
feed_forward_part (gpointer data, guint part, guint n_parts)
{
  const FeedForwardJob *job = data;
  gint64 first, end;

  gtf_gemm_rows (&job->up, part, n_parts, &first, &end);
  for (gint64 row = first; row < end; row += job->block)
    block_of_rows (job, row, MIN (job->block, end - row));
}

/* Whether x passes both at once. What does not fit the two products will say. */
static gboolean
passes_both (GtfContext *c, const GtfLinear *up, const GtfLinear *down, const GtfTensor *x, const GtfTensor *residual)
{
  return up != NULL && down != NULL && up->type == GTF_DTYPE_BF16 && down->type == GTF_DTYPE_BF16 && gtf_kernels_are_fast_in (c->kernels, GTF_DTYPE_BF16)
         && gtf_tensor_cols (x) == up->in && down->in == up->out && gtf_gemm_by_rows (&(GtfGemm){ .narrow = TRUE, .m = gtf_tensor_rows (x) })
         && (residual == NULL || (gtf_tensor_rows (residual) == gtf_tensor_rows (x) && gtf_tensor_cols (residual) == down->out));
}

/**
 * gtf_feed_forward:
 * @up: weight [between][in], maybe with a bias
 * @act: what is done with each result of it
 * @down: weight [out][between], maybe with a bias
 * @x: (nullable): [..., in]
 * @residual: (nullable): [..., out], added to the result; %NULL: nothing
 *
 * The position-wise feed-forward network: y = act (x W_up^T + b) W_down^T + b + residual.
 *
 * Source: "Attention Is All You Need", section 3.3.
 *
 * Returns: (transfer none) (nullable): [..., out]
 */
GtfTensor *
gtf_feed_forward (GtfContext *c, const GtfLinear *up, GtfActivation act, const GtfLinear *down, const GtfTensor *x, const GtfTensor *residual)
{
  FeedForwardJob job = { c->kernels, { 0 }, { 0 }, 0 };
  guint n = gtf_pool_get_n_threads (c->pool);
  GtfTensor *y;

  if (!gtf_op_begin (c, "feed_forward", residual != NULL ? 2 : 1, x, residual))
    return NULL;
  if (!passes_both (c, up, down, x, residual))
    {
      y = gtf_linear_act (c, up, x, act);
      return residual != NULL ? gtf_linear_add (c, down, y, residual) : gtf_linear (c, down, y);
    }
  x = gtf_uniform (c, x);
  if (residual != NULL)
    residual = gtf_uniform (c, residual);
  y = gtf_failed (c) ? NULL : gtf_new_like (c, x, down->out);
  if (y == NULL)
    return NULL;
  job.up = gtf_linear_gemm (c, up, &(GtfLinearArgs){ .m = gtf_tensor_rows (x), .a = gtf_tensor_f32 (x), .lda = x->row_stride, .act = act });
  job.down = gtf_linear_gemm (c, down, &(GtfLinearArgs){ .m = job.up.m, .c = gtf_tensor_f32 (y), .ldc = y->row_stride });
  if (residual != NULL)
    {
      job.down.residual = gtf_tensor_f32 (residual);
      job.down.ldr = residual->row_stride;
    }
  job.block = MAX (BETWEEN / up->out / (gint64) sizeof (guint16) / GTF_TILE_ROWS, 1) * GTF_TILE_ROWS;
  n *= (guint) MIN ((job.up.m + n * job.block - 1) / (n * job.block), 1000);
  gtf_pool_run (c->pool, n, feed_forward_part, &job);
  return y;
}
