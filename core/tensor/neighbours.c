/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ops over a token and those next to it, each text by itself: their features side by side, convolutions of one feature at a time with
 * kernels that are weights (depthwise) or that every token brings along (dynamic: Wu et al. 2019, ConvBERT). Outside of a text there are zeros.
 */
#include "tensor/positions.h"
#include "tensor/sequences-private.h"
#include "tensor/weights-private.h"

#include <string.h>

typedef struct
{
  GtfSequences sequences;
  const GtfTensor *x, *kernels;
  GtfTensor *y;
  gint64 first, step, n;        /* neighbours: offset of the first, sign, number */
  gint64 heads;
  void (*token) (const void *data, gint64 row, gint64 at, gint64 length);
} Neighbours;

static void
part (gpointer data, guint i, guint n_parts)
{
  const Neighbours *t = data;
  gint64 from = i * t->sequences.steps / n_parts, to = (i + 1) * t->sequences.steps / n_parts;

  for (gint64 text = 0; text < t->sequences.n; text++)
    {
      gint64 start = gtf_sequence_start (&t->sequences, text), length = gtf_sequence_length (&t->sequences, text);
      for (gint64 row = MAX (from, start); row < MIN (to, start + length); row++)
        t->token (t, row, row - start, length);
    }
}

static gboolean
run (GtfContext *c, Neighbours *t, const GtfTensor *sequences, gint64 cols)
{
  if (!gtf_sequences_read (c, t->x, sequences, &t->sequences))
    return FALSE;
  t->x = gtf_packed (c, t->x);
  t->y = t->x != NULL ? gtf_new_like (c, t->x, cols) : NULL;
  if (t->y == NULL)
    return FALSE;
  gtf_pool_run (c->pool, t->sequences.steps * cols < 16384 ? 1 : gtf_pool_get_n_threads (c->pool), part, t);
  return TRUE;
}

static const float *
row_of (const Neighbours *t, gint64 row)
{
  return gtf_tensor_f32 (t->x) + row * t->x->row_stride;
}

static void
neighbours_token (const void *data, gint64 row, gint64 at, gint64 length)
{
  const Neighbours *t = data;
  gint64 cols = gtf_tensor_cols (t->x), offset = t->first;
  float *to = gtf_tensor_f32 (t->y) + row * t->y->row_stride;

  for (gint64 i = 0; i < t->n; i++, offset += t->step, to += cols)
    if (at + offset < 0 || at + offset >= length)
      memset (to, 0, (gsize) cols * sizeof *to);
    else
      memcpy (to, row_of (t, row + offset), (gsize) cols * sizeof *to);
}

/**
 * gtf_neighbours:
 * @x: (nullable): [B][T][D]
 * @first: where the first neighbour stands, counted from the token
 * @last: where the last one stands; less than @first for the other order
 * @sequences: (nullable): where packed texts begin
 *
 * Returns: (transfer none) (nullable): the features of all neighbours side by side, [B][T][n D]
 */
GtfTensor *
gtf_neighbours (GtfContext *c, const GtfTensor *x, gint64 first, gint64 last, const GtfTensor *sequences)
{
  Neighbours t = { .x = x, .first = first, .step = last < first ? -1 : 1, .n = ABS (last - first) + 1, .token = neighbours_token };

  if (!gtf_op_begin (c, "neighbours", 1, x))
    return NULL;
  return run (c, &t, sequences, t.n * gtf_tensor_cols (x)) ? t.y : NULL;
}

static void
depthwise_token (const void *data, gint64 row, gint64 at, gint64 length)
{
  const Neighbours *t = data;
  gint64 cols = gtf_tensor_cols (t->x);
  float *to = gtf_tensor_f32 (t->y) + row * t->y->row_stride;

  memset (to, 0, (gsize) cols * sizeof *to);
  for (gint64 k = MAX (0, -t->first - at); k < MIN (t->n, length - at - t->first); k++)
    {
      const float *x = row_of (t, row + t->first + k), *w = gtf_tensor_f32 (t->kernels) + k;
      for (gint64 i = 0; i < cols; i++)
        to[i] += x[i] * w[i * t->n];
    }
}

/**
 * gtf_depthwise:
 * @w: (nullable): kernels, [D][..][K], K odd
 * @x: (nullable): [B][T][D]
 * @sequences: (nullable): where packed texts begin
 *
 * Returns: (transfer none) (nullable): each feature folded with its own kernel, the token in its middle, [B][T][D]
 */
GtfTensor *
gtf_depthwise (GtfContext *c, const GtfTensor *w, const GtfTensor *x, const GtfTensor *sequences)
{
  Neighbours t = { .x = x, .kernels = w, .token = depthwise_token };

  if (!gtf_op_begin (c, "depthwise", 2, w, x))
    return NULL;
  t.n = gtf_tensor_cols (w);
  t.first = -(t.n / 2);
  if (t.n % 2 == 0 || (gint64) gtf_tensor_get_n_elements (w) != t.n * gtf_tensor_cols (x) || !gtf_tensor_is_packed (w))
    {
      gtf_fail_shapes (c, w, x, "expected one kernel of odd size for each feature");
      return NULL;
    }
  return run (c, &t, sequences, gtf_tensor_cols (x)) ? t.y : NULL;
}

static void
dynamic_token (const void *data, gint64 row, gint64 at, gint64 length)
{
  const Neighbours *t = data;
  gint64 cols = gtf_tensor_cols (t->x), d = cols / t->heads;
  const float *w = gtf_tensor_f32 (t->kernels) + row * t->kernels->row_stride;
  float *to = gtf_tensor_f32 (t->y) + row * t->y->row_stride;

  memset (to, 0, (gsize) cols * sizeof *to);
  for (gint64 k = MAX (0, -t->first - at); k < MIN (t->n, length - at - t->first); k++)
    for (gint64 i = 0; i < cols; i++)
      to[i] += row_of (t, row + t->first + k)[i] * w[i / d * t->n + k];
}

/**
 * gtf_dynamic_conv:
 * @x: (nullable): [B][T][heads d]
 * @kernels: (nullable): each token's kernels, [B][T][heads K], K odd
 * @n_heads: heads, side by side in the last dimension
 * @sequences: (nullable): where packed texts begin
 *
 * Returns: (transfer none) (nullable): each head folded with the token's kernel for it, the token in its middle, [B][T][heads d]
 */
GtfTensor *
gtf_dynamic_conv (GtfContext *c, const GtfTensor *x, const GtfTensor *kernels, gint64 n_heads, const GtfTensor *sequences)
{
  Neighbours t = { .x = x, .heads = n_heads, .token = dynamic_token };

  if (!gtf_op_begin (c, "dynamic_conv", 2, x, kernels))
    return NULL;
  t.n = n_heads > 0 ? gtf_tensor_cols (kernels) / n_heads : 0;
  t.first = -(t.n / 2);
  if (t.n % 2 == 0 || t.n * n_heads != gtf_tensor_cols (kernels) || gtf_tensor_cols (x) % n_heads != 0 || gtf_tensor_rows (x) != gtf_tensor_rows (kernels))
    {
      gtf_fail_shapes (c, x, kernels, "expected a kernel of odd size for each token and head");
      return NULL;
    }
  t.kernels = gtf_packed (c, kernels);
  return t.kernels != NULL && run (c, &t, sequences, gtf_tensor_cols (x)) ? t.y : NULL;
}

/**
 * gtf_linear_groups:
 * @w: (nullable): weight [out][in / groups], maybe with a bias
 * @x: (nullable): [..., in]
 * @n_groups: both sides are cut into so many parts
 *
 * Each part of the outputs sees its part of the inputs alone.
 *
 * Returns: (transfer none) (nullable): [..., out]
 */
GtfTensor *
gtf_linear_groups (GtfContext *c, const GtfLinear *w, const GtfTensor *x, gint64 n_groups)
{
  GtfTensor *y;
  gint64 out;

  if (n_groups == 1)
    return gtf_linear (c, w, x);
  if (!gtf_op_begin (c, "linear_groups", 1, x))
    return NULL;
  if (w == NULL || n_groups < 1 || gtf_tensor_cols (x) != w->in * n_groups || w->out % n_groups != 0)
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " groups do not fit %" G_GINT64_FORMAT " features and the weight", n_groups, gtf_tensor_cols (x));
      return NULL;
    }
  out = w->out / n_groups;
  y = gtf_new_like (c, x, w->out);
  for (gint64 g = 0; g < n_groups && y != NULL && !gtf_failed (c); g++)
    {
      gsize mark = gtf_push (c);
      GtfLinear some = *w;
      GtfTensor *part;

      /* whole panels stand alone; else all outputs are computed and some taken */
      if (out % GTF_PANEL == 0)
        {
          some.out = out;
          some.panels = (char *) w->panels + (gsize) (g * out / GTF_PANEL) * w->panel_bytes;
          some.bias = w->bias != NULL ? w->bias + g * out : NULL;
          some.scale = w->scale != NULL ? w->scale + g * out : NULL;
          some.sums = w->sums != NULL ? w->sums + g * out : NULL;
        }
      part = gtf_linear (c, &some, gtf_slice (c, x, g * w->in, w->in));
      for (gint64 i = 0; part != NULL && i < gtf_tensor_rows (y); i++)
        memcpy (gtf_tensor_f32 (y) + i * y->row_stride + g * out, gtf_tensor_f32 (part) + i * part->row_stride + (some.out == out ? 0 : g * out),
                (gsize) out * sizeof (float));
      gtf_pop (c, mark);
    }
  return gtf_failed (c) ? NULL : y;
}
