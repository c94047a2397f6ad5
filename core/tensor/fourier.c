/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The Fourier transform of a text over its tokens and features, of which FNet takes the real part (Lee-Thorp et al. 2021). Two products with
 * cosines and sines: over the features for all tokens at once, over the tokens text by text and in blocks of rows, so that memory grows with the
 * length of a text and not with its square.
 */
#include "tensor/positions.h"
#include "tensor/sequences-private.h"

#include <math.h>
#include <string.h>

#define BLOCK 96

typedef struct
{
  const GtfKernels *kernels;
  GtfGemm gemm;                 /* over the tokens; a and c are those of the block */
  const float *cosines, *sines; /* of 2 pi i / length */
  gint64 length, scratch_size, ldy;
  float *scratch, *y;
} Fourier;

static void
fill_circle (float *cosines, float *sines, gint64 n)
{
  for (gint64 i = 0; i < n; i++)
    {
      cosines[i] = (float) cos (2.0 * G_PI * (double) i / (double) n);
      sines[i] = (float) sin (2.0 * G_PI * (double) i / (double) n);
    }
}

/* Outputs 0 .. d: cosines, d .. 2 d: sines of output times input, in panels. */
static void
fill_feature_panels (float *panels, const float *cosines, const float *sines, gint64 d)
{
  for (gint64 out = 0; out < 2 * d; out++)
    {
      const float *circle = out < d ? cosines : sines;
      float *panel = panels + out / GTF_PANEL * GTF_PANEL * d + out % GTF_PANEL;
      for (gint64 k = 0, at = 0; k < d; k++, at = (at + out % d) % d)
        panel[k * GTF_PANEL] = circle[at];
    }
}

/* One text's rows [T][cosines, sines] as a weight of d outputs and 2 T inputs. */
static void
fill_token_panels (float *panels, const float *rows, gint64 length, gint64 d)
{
  for (gint64 p = 0; p * GTF_PANEL < d; p++)
    for (gint64 k = 0; k < 2 * length; k++)
      for (gint64 lane = 0; lane < GTF_PANEL; lane++)
        {
          gint64 out = p * GTF_PANEL + lane;
          panels[(p * 2 * length + k) * GTF_PANEL + lane] = out < d ? rows[k % length * 2 * d + (k < length ? out : d + out)] : 0.0f;
        }
}

/* Every n-th block of a text's rows. */
static void
fourier_part (gpointer data, guint part, guint n_parts)
{
  const Fourier *f = data;
  float *a = f->scratch + part * f->scratch_size;
  GtfGemm gemm = f->gemm;

  for (gint64 first = (gint64) part * BLOCK; first < f->length; first += (gint64) n_parts * BLOCK)
    {
      gint64 m = MIN (BLOCK, f->length - first);
      for (gint64 i = 0; i < m; i++)
        for (gint64 t = 0, at = 0; t < f->length; t++, at = (at + first + i) % f->length)
          {
            a[i * 2 * f->length + t] = f->cosines[at];
            a[i * 2 * f->length + f->length + t] = -f->sines[at];
          }
      gemm.m = m;
      gemm.a = a;
      gemm.c = f->y + first * f->ldy;
      f->kernels->gemm (&gemm, 0, m, 0, (gemm.n + GTF_PANEL - 1) / GTF_PANEL);
    }
}

typedef struct
{
  const GtfKernels *kernels;
  GtfGemm gemm;
} Rows;

static void
rows_part (gpointer data, guint part, guint n_parts)
{
  const Rows *r = data;

  r->kernels->gemm (&r->gemm, part * r->gemm.m / n_parts, (part + 1) * r->gemm.m / n_parts, 0, (r->gemm.n + GTF_PANEL - 1) / GTF_PANEL);
}

static void
transform_text (GtfContext *c, const float *rows, gint64 length, gint64 d, float *y)
{
  guint n = gtf_pool_get_n_threads (c->pool);
  gsize mark = gtf_push (c);
  gint64 panels = (d + GTF_PANEL - 1) / GTF_PANEL;
  float *circle = gtf_arena_alloc (c, (gsize) (2 * length) * sizeof *circle);
  float *weights = gtf_arena_alloc (c, (gsize) (panels * GTF_PANEL * 2 * length) * sizeof *weights);
  Fourier f = { .kernels = c->kernels, .cosines = circle, .sines = circle + length, .length = length, .scratch_size = BLOCK * 2 * length, .ldy = d, .y = y };

  f.scratch = gtf_arena_alloc (c, (gsize) f.scratch_size * n * sizeof *f.scratch);
  if (!gtf_failed (c))
    {
      fill_circle (circle, circle + length, length);
      fill_token_panels (weights, rows, length, d);
      f.gemm = (GtfGemm){ .type = GTF_DTYPE_F32, .n = d, .k = 2 * length, .lda = 2 * length, .w = weights,
                          .panel_bytes = (gsize) (GTF_PANEL * 2 * length) * sizeof *weights, .ldc = d };
      gtf_pool_run (c->pool, n, fourier_part, &f);
    }
  gtf_pop (c, mark);
}

/**
 * gtf_fourier:
 * @x: (nullable): [B][T][D]
 * @sequences: (nullable): where packed texts begin
 *
 * Returns: (transfer none) (nullable): the real part of each text's discrete Fourier transform over tokens and features, [B][T][D]
 */
GtfTensor *
gtf_fourier (GtfContext *c, const GtfTensor *x, const GtfTensor *sequences)
{
  GtfSequences texts;
  gint64 d, panels;
  float *circle, *weights;
  GtfTensor *y, *both;
  Rows r;
  gsize mark;

  if (!gtf_op_begin (c, "fourier", 1, x) || !gtf_sequences_read (c, x, sequences, &texts))
    return NULL;
  d = gtf_tensor_cols (x);
  y = gtf_new_like (c, x, d);
  mark = gtf_push (c);
  x = y != NULL ? gtf_packed (c, x) : NULL;
  panels = (2 * d + GTF_PANEL - 1) / GTF_PANEL;
  both = x != NULL ? gtf_new_like (c, x, 2 * d) : NULL;
  circle = both != NULL ? gtf_arena_alloc (c, (gsize) (2 * d) * sizeof *circle) : NULL;
  weights = circle != NULL ? gtf_arena_alloc (c, (gsize) (panels * GTF_PANEL * d) * sizeof *weights) : NULL;
  if (weights == NULL)
    return NULL;
  fill_circle (circle, circle + d, d);
  memset (weights + (panels - 1) * GTF_PANEL * d, 0, (gsize) (GTF_PANEL * d) * sizeof *weights);
  fill_feature_panels (weights, circle, circle + d, d);
  r = (Rows){ c->kernels, { .type = GTF_DTYPE_F32, .m = gtf_tensor_rows (x), .n = 2 * d, .k = d, .a = gtf_tensor_f32 (x), .lda = x->row_stride, .w = weights,
                            .panel_bytes = (gsize) (GTF_PANEL * d) * sizeof *weights, .c = gtf_tensor_f32 (both), .ldc = both->row_stride } };
  gtf_pool_run (c->pool, gtf_pool_get_n_threads (c->pool), rows_part, &r);
  for (gint64 i = 0; i < texts.n && !gtf_failed (c); i++)
    {
      gint64 start = gtf_sequence_start (&texts, i), length = gtf_sequence_length (&texts, i);
      if (length > 0)
        transform_text (c, gtf_tensor_f32 (both) + start * 2 * d, length, d, gtf_tensor_f32 (y) + start * d);
    }
  gtf_pop (c, mark);
  return gtf_failed (c) ? NULL : y;
}
