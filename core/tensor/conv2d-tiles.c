/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution with stride 1 in bfloat16, where the CPU multiplies by tiles: the picture is rounded into a copy with margins of zeros, which the kernel reads
 * tile by tile as it lies (kernels/conv-amx.inc.c). Threads share the lines of the result.
 */
#include "tensor/conv2d-private.h"

#include <string.h>

#define BLOCK (256 << 10)       /* bytes of lines that all weights pass over: they stay in L2 */

typedef struct
{
  const GtfConv2dRun *v;
  GtfTileConv conv;
  guint16 *x;                   /* [n_pictures][lines][line][in] */
  gint64 n_pictures, lines, block;      /* lines of a picture with its margins; of the result at a time */
} Run;

/* n numbers of the picture as bfloat16. */
static void
copy_line (const GtfConv2dRun *v, gint64 first, gint64 n, guint16 *to)
{
  if (v->x != NULL)
    v->kernels->to_bf16 (v->x + first, n, to);
  else
    memcpy (to, v->narrow + first, (gsize) n * sizeof *to);
}

/* Some lines of all pictures, with their margins, in bfloat16. */
static void
margins_part (gpointer data, guint part, guint n_parts)
{
  const Run *run = data;
  const GtfAxis *down = &run->v->axes[0], *across = &run->v->axes[1];
  const gint64 all = run->n_pictures * run->lines, k = run->conv.k, line = run->conv.line * k;

  for (gint64 i = part * all / n_parts; i < (part + 1) * all / n_parts; i++)
    {
      const gint64 y = i % run->lines - down->before;
      guint16 *to = run->x + i * line, *inside = to + across->before * k, *end = inside + across->in * k;

      if (y < 0 || y >= down->in)
        {
          memset (to, 0, (gsize) line * sizeof *to);
          continue;
        }
      memset (to, 0, (gsize) (inside - to) * sizeof *to);
      copy_line (run->v, (i / run->lines * down->in + y) * across->in * k, across->in * k, inside);
      memset (end, 0, (gsize) (to + line - end) * sizeof *to);
    }
}

/* Some lines of all results, a block of one picture at a time. */
static void
lines_part (gpointer data, guint part, guint n_parts)
{
  const Run *run = data;
  const gint64 out = run->v->axes[0].out, all = run->n_pictures * out, end = (part + 1) * all / n_parts, panels = (run->conv.n + GTF_PANEL - 1) / GTF_PANEL;

  for (gint64 i = part * all / n_parts, next; i < end; i = next)
    {
      const gint64 picture = i / out, first = i % out, result = picture * out * run->conv.inside * run->conv.n;
      GtfTileConv t = run->conv;

      next = MIN (end, i + MIN (run->block, out - first));
      t.x = run->x + picture * run->lines * t.line * t.k;
      if (t.halves != NULL)
        t.halves += result;
      else
        t.y += result;
      if (t.residual != NULL)
        t.residual += result;
      run->v->kernels->conv_tiles (&t, first * t.line, (first + next - i - 1) * t.line + t.inside, 0, panels);
    }
}

/* Where the pixels of a window are, in pairs of numbers. */
static const gint64 *
find_offsets (GtfContext *c, const GtfConv2dRun *v, gint64 line)
{
  const gint64 width = v->w->width, n = v->w->height * width;
  gint64 *offsets = gtf_arena_alloc (c, (gsize) n * sizeof *offsets);

  for (gint64 i = 0; offsets != NULL && i < n; i++)
    offsets[i] = (i / width * v->axes[0].dilation * line + i % width * v->axes[1].dilation) * v->w->in / 2;
  return offsets;
}

gboolean
gtf_conv2d_tiles_run (GtfContext *c, const GtfConv2dRun *v)
{
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];
  const GtfLinear *w = v->w->blocks[0];
  const gint64 lines = down->before + down->in + down->after, line = across->before + across->in + across->after, shape[] = { v->n / (down->out * across->out), lines, line, v->w->in };
  const guint threads = gtf_pool_get_n_threads (c->pool);
  Run run = { .v = v, .n_pictures = shape[0], .lines = lines };
  gsize n_bytes, more = (gsize) (GTF_TILE_ROWS * v->w->in) * sizeof *run.x;

  if (v->kernels->conv_tiles == NULL || w->type != GTF_DTYPE_BF16 || v->w->in % GTF_TILE_NUMBERS != 0 || down->stride != 1 || across->stride != 1
      || !gtf_shape_size (GTF_DTYPE_BF16, 4, shape, &n_bytes))
    return FALSE;
  run.conv = (GtfTileConv){ .line = line, .inside = across->out, .k = v->w->in, .segments = v->w->height * v->w->width, .n = v->w->out, .w = w->panels,
                            .panel_bytes = w->panel_bytes, .bias = w->bias, .act = v->act, .residual = v->residual, .y = v->y, .halves = v->halves };
  run.block = MAX (BLOCK / (line * v->w->in * (gint64) sizeof *run.x), 1);
  run.conv.offsets = find_offsets (c, v, line);
  run.x = gtf_arena_alloc (c, n_bytes + more);
  if (run.x == NULL || run.conv.offsets == NULL)
    return TRUE;
  memset ((char *) run.x + n_bytes, 0, more);
  gtf_pool_run (c->pool, v->n_numbers < 20000 ? 1 : 2 * threads, margins_part, &run);
  gtf_pool_run (c->pool, v->n * v->w->out < 2000 ? 1 : threads * (guint) CLAMP (shape[0] * down->out / (threads * run.block), 1, 1000), lines_part, &run);
  return TRUE;
}
