/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention by the angle of query and key, without softmax: YOSO's, in expectation over its hashes. Block by block of queries, so that
 * memory grows with the length of a text alone.
 */
#include "tensor/positions.h"
#include "tensor/self-attention-private.h"

#include <math.h>
#include <string.h>

#define QUERIES 64              /* of a block */

typedef struct
{
  GtfSelfAttention self;
  gint64 power;
  float *scratch;
  gint64 scratch_size;          /* of one part, in floats */
} Angles;

static void
normalize (const float *x, gint64 n, float *y)
{
  float sum = 0;

  for (gint64 i = 0; i < n; i++)
    sum += x[i] * x[i];
  sum = 1.0f / MAX (sqrtf (sum), 1e-12f);
  for (gint64 i = 0; i < n; i++)
    y[i] = x[i] * sum;
}

/* Keys, each of length 1, as a weight of the product with queries. */
static void
pack_keys (const GtfHeadTask *task, gint64 panels, float *row, float *to)
{
  memset (to, 0, (gsize) (panels * GTF_PANEL * task->d) * sizeof (float));
  for (gint64 i = 0; i < task->keys; i++)
    {
      normalize ((const float *) task->k + i * task->ldk, task->d, row);
      for (gint64 l = 0; l < task->d; l++)
        to[i / GTF_PANEL * GTF_PANEL * task->d + l * GTF_PANEL + i % GTF_PANEL] = row[l];
    }
}

/* Values as a weight of the product with what each query gives each key. */
static void
pack_values (const GtfHeadTask *task, gint64 panels, float *to)
{
  memset (to, 0, (gsize) (panels * GTF_PANEL * task->keys) * sizeof (float));
  for (gint64 i = 0; i < task->keys; i++)
    for (gint64 l = 0; l < task->dv; l++)
      to[l / GTF_PANEL * GTF_PANEL * task->keys + i * GTF_PANEL + l % GTF_PANEL] = ((const float *) task->v)[i * task->ldv + l];
}

/* (1 - angle / pi) ^ power */
static float
weight (float cosine, gint64 power)
{
  float base = 1.0f - acosf (CLAMP (cosine, -1.0f, 1.0f)) / (float) G_PI, y = 1.0f;

  for (; power > 0; power >>= 1, base *= base)
    if (power & 1)
      y *= base;
  return y;
}

static void
run_head (const Angles *t, const GtfHeadTask *task, float *scratch)
{
  gint64 n = task->keys, kp = (n + GTF_PANEL - 1) / GTF_PANEL, vp = (task->dv + GTF_PANEL - 1) / GTF_PANEL;
  float *keys = scratch, *values = keys + kp * GTF_PANEL * task->d, *queries = values + vp * GTF_PANEL * n;
  float *weights = queries + QUERIES * task->d, *sums = weights + QUERIES * kp * GTF_PANEL;

  pack_keys (task, kp, queries, keys);
  pack_values (task, vp, values);
  for (gint64 q0 = 0; q0 < task->queries; q0 += QUERIES)
    {
      gint64 m = MIN (QUERIES, task->queries - q0);
      GtfGemm by_key = { .type = GTF_DTYPE_F32, .m = m, .n = kp * GTF_PANEL, .k = task->d, .a = queries, .lda = task->d, .w = keys,
                         .panel_bytes = (gsize) (GTF_PANEL * task->d) * sizeof (float), .c = weights, .ldc = kp * GTF_PANEL };
      GtfGemm by_value = { .type = GTF_DTYPE_F32, .m = m, .n = vp * GTF_PANEL, .k = n, .a = weights, .lda = kp * GTF_PANEL, .w = values,
                           .panel_bytes = (gsize) (GTF_PANEL * n) * sizeof (float), .c = sums, .ldc = vp * GTF_PANEL };
      for (gint64 i = 0; i < m; i++)
        normalize (task->q + (q0 + i) * task->ldq, task->d, queries + i * task->d);
      t->self.kernels->gemm (&by_key, 0, m, 0, kp);
      for (gint64 i = 0; i < m; i++)
        for (gint64 j = 0; j < n; j++)
          weights[i * kp * GTF_PANEL + j] = weight (weights[i * kp * GTF_PANEL + j], t->power);
      t->self.kernels->gemm (&by_value, 0, m, 0, vp);
      for (gint64 i = 0; i < m; i++)
        normalize (sums + i * vp * GTF_PANEL, task->dv, task->out + (q0 + i) * task->ldo);
    }
}

static void
angles_part (gpointer data, guint part, guint n_parts)
{
  const Angles *t = data;
  gint64 units = t->self.sequences.n * t->self.heads;

  for (gint64 i = part * units / n_parts; i < (part + 1) * units / n_parts; i++)
    {
      GtfHeadTask task = gtf_self_attention_head (&t->self, i / t->self.heads, i % t->self.heads);
      run_head (t, &task, t->scratch + part * t->scratch_size);
    }
}

/**
 * gtf_angle_attention:
 * @q: (nullable): queries [B][T][heads * d]
 * @k: (nullable): keys, as @q
 * @v: (nullable): values [B][T][heads * dv]
 * @n_heads: heads, side by side in the last dimension
 * @power: what 1 - angle / pi is raised to
 * @sequences: (nullable): where packed texts begin
 *
 * Each value weighs (1 - angle (query, key) / pi) ^ power; of each head the sum is made 1 long (Zeng et al. 2021).
 *
 * Returns: (transfer none) (nullable): [B][T][heads * dv]
 */
GtfTensor *
gtf_angle_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, gint64 n_heads, gint64 power, const GtfTensor *sequences)
{
  const GtfSelfAttentionArgs args = { n_heads, 1, NULL, sequences, NULL };
  Angles t = { .power = power };
  gint64 units, n, panels;
  guint n_parts;
  gsize mark;

  if (!gtf_self_attention_begin (c, "angle_attention", &t.self, q, k, v, &args))
    return NULL;
  units = t.self.sequences.n * t.self.heads;
  n = t.self.sequences.longest;
  if (units < 1 || n < 1)
    return t.self.out;
  panels = (n + GTF_PANEL - 1) / GTF_PANEL * GTF_PANEL;
  n_parts = (guint) MIN (units, 3 * (gint64) gtf_pool_get_n_threads (c->pool));
  t.scratch_size = panels * t.self.d + (t.self.dv + GTF_PANEL) * n + QUERIES * (t.self.d + panels + t.self.dv + GTF_PANEL);
  mark = gtf_push (c);
  t.scratch = gtf_arena_alloc (c, (gsize) (n_parts * t.scratch_size) * sizeof (float));
  if (t.scratch != NULL)
    gtf_pool_run (c->pool, n_parts, angles_part, &t);
  gtf_pop (c, mark);
  return gtf_failed (c) ? NULL : t.self.out;
}
