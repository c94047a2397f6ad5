/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Expert by expert: the rows that chose it are gathered, go through its two layers at once, and are added to where they came from. An expert
 * that no row chose is not read.
 */
#include "layers/experts.h"

#include <math.h>
#include <string.h>
#include "tensor/linear-private.h"
#include "tensor/tensor-private.h"

/* A row's choice. */
typedef struct
{
  gint32 expert;
  float part;
} Choice;

/* The @n largest of the logits, the first of equals, and their softmax. @taken: room for a mark on each expert. */
static void
choose (const float *logits, gint64 n_experts, gint64 n, guint8 *taken, Choice *to)
{
  float sum = 0.0f;

  memset (taken, 0, (gsize) n_experts);
  for (gint64 i = 0; i < n; i++)
    {
      gint64 best = -1;
      for (gint64 e = 0; e < n_experts; e++)
        if (!taken[e] && (best < 0 || logits[e] > logits[best]))
          best = e;
      taken[best] = TRUE;
      to[i].expert = (gint32) best;
      to[i].part = expf (logits[best] - logits[to[0].expert]);
      sum += to[i].part;
    }
  for (gint64 i = 0; i < n; i++)
    to[i].part /= sum;
}

/* y = (up + 1) gate sigmoid (alpha gate), each with its bias and within the limit. */
static void
gate (const GtfExperts *e, const float *gate_up, const float *bias, gint64 inner, float *y)
{
  for (gint64 i = 0; i < inner; i++)
    {
      const float g = MIN (gate_up[i] + bias[i], e->limit), up = CLAMP (gate_up[inner + i] + bias[inner + i], -e->limit, e->limit);
      y[i] = (up + 1.0f) * g / (1.0f + expf (-e->alpha * g));
    }
}

/* One expert over the rows that chose it. */
static void
run_expert (GtfContext *c, const GtfExperts *e, gint32 expert, const GtfTensor *x, const Choice *choices, gint64 n, GtfTensor *y)
{
  const GtfLinear *gate_up = e->gate_up[expert], *down = e->down[expert];
  const gint64 hidden = gate_up->in, inner = down->in, n_choices = gtf_tensor_rows (x) * e->n_chosen;
  float *in = gtf_arena_alloc (c, (gsize) (n * hidden) * sizeof (float)), *both = gtf_arena_alloc (c, (gsize) (n * 2 * inner) * sizeof (float));
  float *gated = gtf_arena_alloc (c, (gsize) (n * inner) * sizeof (float)), *out = in;
  const float *gate_bias = gtf_tensor_f32 (e->gate_up_bias) + expert * 2 * inner, *bias = gtf_tensor_f32 (e->down_bias) + expert * hidden;
  gint64 at = 0;

  if (in == NULL || both == NULL || gated == NULL)
    return;
  for (gint64 i = 0; i < n_choices; i++)
    if (choices[i].expert == expert)
      memcpy (in + at++ * hidden, gtf_tensor_f32 (x) + gtf_tensor_row_offset (x, i / e->n_chosen), (gsize) hidden * sizeof (float));
  gtf_linear_run (c, gate_up, &(GtfLinearArgs){ n, in, hidden, GTF_ACTIVATION_NONE, NULL, 0, both, 2 * inner });
  for (gint64 i = 0; i < n; i++)
    gate (e, both + i * 2 * inner, gate_bias, inner, gated + i * inner);
  gtf_linear_run (c, down, &(GtfLinearArgs){ n, gated, inner, GTF_ACTIVATION_NONE, NULL, 0, out, hidden });
  at = 0;
  for (gint64 i = 0; i < n_choices; i++)
    if (choices[i].expert == expert)
      {
        float *to = gtf_tensor_f32 (y) + i / e->n_chosen * hidden;
        for (gint64 k = 0; k < hidden; k++)
          to[k] += choices[i].part * (out[at * hidden + k] + bias[k]);
        at++;
      }
}

/* Each weight is bound as the plugin's table says; what the table says of several of them is checked here, of the first expert: all are of one shape. */
static gboolean
fits (GtfContext *c, const GtfExperts *e, const GtfTensor *logits, const GtfTensor *x)
{
  const gint64 n = gtf_tensor_cols (logits), hidden = gtf_tensor_cols (x);
  const GtfLinear *gate_up = n > 0 ? e->gate_up[0] : NULL, *down = n > 0 ? e->down[0] : NULL;

  if (n > 0 && e->n_chosen >= 1 && e->n_chosen <= n && gate_up->in == hidden && down->out == hidden && gate_up->out == 2 * down->in
      && (gint64) gtf_tensor_get_n_elements (e->gate_up_bias) == n * gate_up->out && (gint64) gtf_tensor_get_n_elements (e->down_bias) == n * hidden)
    return TRUE;
  gtf_fail (c, "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " experts over rows of %" G_GINT64_FORMAT ": their weights have other shapes", e->n_chosen, n, hidden);
  return FALSE;
}

/**
 * gtf_experts:
 * @e: router, experts
 * @x: (nullable): [..][hidden]
 *
 * Returns: (transfer none) (nullable): [..][hidden]
 */
GtfTensor *
gtf_experts (GtfContext *c, const GtfExperts *e, const GtfTensor *x)
{
  const GtfTensor *logits = gtf_linear (c, e->router, x);
  gint64 n_experts, rows;
  Choice *choices;
  gint64 *counts;
  guint8 *taken;
  GtfTensor *y;
  gsize mark;

  if (!gtf_op_begin (c, "experts", 2, logits, x) || !fits (c, e, logits, x))
    return NULL;
  n_experts = gtf_tensor_cols (logits);
  rows = gtf_tensor_rows (x);
  y = gtf_new_like (c, x, gtf_tensor_cols (x));
  mark = gtf_push (c);
  choices = gtf_arena_alloc (c, (gsize) (rows * e->n_chosen) * sizeof *choices);
  counts = gtf_arena_alloc (c, (gsize) n_experts * sizeof *counts);
  taken = gtf_arena_alloc (c, (gsize) n_experts);
  if (y == NULL || choices == NULL || counts == NULL || taken == NULL)
    return NULL;
  memset (gtf_tensor_f32 (y), 0, gtf_tensor_get_n_elements (y) * sizeof (float));
  memset (counts, 0, (gsize) n_experts * sizeof *counts);
  for (gint64 i = 0; i < rows; i++)
    choose (gtf_tensor_f32 (logits) + gtf_tensor_row_offset (logits, i), n_experts, e->n_chosen, taken, choices + i * e->n_chosen);
  for (gint64 i = 0; i < rows * e->n_chosen; i++)
    counts[choices[i].expert]++;
  for (gint32 i = 0; i < n_experts && !gtf_failed (c); i++)
    if (counts[i] > 0)
      {
        const gsize own = gtf_push (c);

        run_expert (c, e, i, x, choices, counts[i], y);
        gtf_pop (c, own);
      }
  gtf_pop (c, mark);
  return gtf_failed (c) ? NULL : y;
}
