/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention of queries that have a place, of the decoders of Conditional DETR (Meng et al., 2021) and DAB-DETR (Liu et al., 2022): in the attention to the
 * picture what a token is and where it stands are two halves of each head, side by side instead of added.
 */
#include "layers/detection.h"

/* Two halves of each head side by side: [B][T][D], [B][T][D] -> [B][T][2 D]. */
static GtfTensor *
pair_heads (GtfContext *c, const GtfTensor *a, const GtfTensor *b, gint64 n_heads)
{
  const gint64 n = gtf_dim (a, 0), t = gtf_dim (a, 1), d = gtf_dim (a, 2);
  const gint64 shape[] = { n, t, n_heads, d / n_heads };
  GtfTensor *both = gtf_join (c, (GtfTensor *[]){ gtf_reshape (c, a, 4, shape), gtf_reshape (c, b, 4, shape) }, 2);

  return gtf_reshape (c, both, 3, (gint64[]){ n, t, 2 * d });
}

/* The first halves of all heads. */
static GtfTensor *
first_halves (GtfContext *c, const GtfTensor *x, gint64 n_heads)
{
  const gint64 n = gtf_dim (x, 0), t = gtf_dim (x, 1), d = gtf_dim (x, 2) / 2, size = d / n_heads;
  GtfTensor *heads = gtf_slice (c, gtf_reshape (c, x, 4, (gint64[]){ n, t, n_heads, 2 * size }), 0, size);

  return gtf_reshape (c, heads, 3, (gint64[]){ n, t, d });
}

/**
 * gtf_placed_self:
 * @x: (nullable): [B][Q][D]
 * @places: (nullable): as @x: where the queries are
 *
 * Returns: (transfer none) (nullable): @x and what it sees of itself
 */
GtfTensor *
gtf_placed_self (GtfContext *c, const GtfPlacedAttention *w, gint64 n_heads, const GtfTensor *x, const GtfTensor *places)
{
  const GtfAttention how = { .n_heads = n_heads };
  GtfTensor *q = gtf_linear_add (c, w->q, x, gtf_linear (c, w->q_place, places)), *k = gtf_linear_add (c, w->k, x, gtf_linear (c, w->k_place, places));

  return gtf_linear_add (c, w->out, gtf_attention (c, q, k, gtf_linear (c, w->v, x), &how), x);
}

/**
 * gtf_placed_cross:
 * @how: heads, and what the mask leaves of the picture
 * @x: (nullable): [B][Q][D]
 * @waves: (nullable): as @x: where each query looks
 * @places: (nullable): as @x: where the queries are, if places are added too
 * @memory: (nullable): [B][S][D]: the picture
 * @memory_places: (nullable): as @memory, or of one picture for all of them
 *
 * Values have no second half: zeros stand there.
 *
 * Returns: (transfer none) (nullable): @x and what it sees of the picture
 */
GtfTensor *
gtf_placed_cross (GtfContext *c, const GtfPlacedAttention *w, const GtfAttention *how, const GtfTensor *x, const GtfTensor *waves, const GtfTensor *places,
                  const GtfTensor *memory, const GtfTensor *memory_places)
{
  const gint64 n_heads = how->n_heads;
  GtfTensor *q = gtf_linear (c, w->q, x), *k = gtf_linear (c, w->k, memory), *k_place = gtf_linear (c, w->k_place, memory_places), *v, *seen;

  k_place = gtf_dim (k_place, 0) == gtf_dim (k, 0) ? k_place : gtf_repeat_rows (c, k_place, gtf_dim (k, 0));
  if (places != NULL)
    {
      q = gtf_add (c, q, gtf_linear (c, w->q_place, places));
      k = gtf_add (c, k, k_place);
    }
  v = pair_heads (c, gtf_linear (c, w->v, memory), gtf_zero_rows (c, gtf_dim (k, 0), gtf_dim (k, 1), gtf_dim (k, 2)), n_heads);
  seen = gtf_attention (c, pair_heads (c, q, gtf_linear (c, w->q_sine, waves), n_heads), pair_heads (c, k, k_place, n_heads), v, how);
  return gtf_linear_add (c, w->out, first_halves (c, seen, n_heads), x);
}
