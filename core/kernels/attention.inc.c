/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention of one head. A group of a few queries works against all keys: scores into a buffer of queries x keys that stays
 * in L2, an ordinary softmax, then the product with the values as they lie. The whole score matrix is never written.
 * Keys are packed once a head into panels of 16 keys [keys / 16][d][16], so that the scores are the same micro-kernel as a
 * linear layer.
 */

static void
pack_keys (const float *k, gint64 ldk, gint64 keys, gint64 d, float *packed)
{
  for (gint64 p = 0; p < keys; p += GTF_PANEL)
    {
      gint64 n = MIN (GTF_PANEL, keys - p);
      float *to = packed + p * d;
      for (gint64 l = 0; l < d; l++)
        for (gint64 j = 0; j < GTF_PANEL; j++)
          to[l * GTF_PANEL + j] = j < n ? k[(p + j) * ldk + l] : 0.0f;
    }
}

static float
dot (const float *a, const float *b, gint64 n)
{
  vf s = v_set1 (0.0f);
  gint64 i = 0;

  for (; i + VW <= n; i += VW)
    s = v_fma (v_load (a + i), v_load (b + i), s);
  if (i < n)
    s = v_fma (v_load_n (a + i, n - i), v_load_n (b + i, n - i), s);
  return v_sum (s);
}

/* Queries that work together: keys and values of a block are read once for all of them. */
#define GROUP_TILES 4
#define KEY_BLOCK 128

typedef struct
{
  const GtfHeadTask *task;
  gint64 q0, rows;              /* the queries of this group */
  gint64 keys;                  /* keys that at least one of them sees */
  float *scores;
  gint64 stride;                /* between the scores of two queries */
  float factor[TILE_ROWS * GROUP_TILES];        /* 1 / sum of each row */
} Group;

/* Keys as they lie, for few queries. */
static void
scores_unpacked (Group *g)
{
  const GtfHeadTask *t = g->task;

  for (gint64 j = 0; j < g->keys; j++)
    for (gint64 i = 0; i < g->rows; i++)
      g->scores[i * g->stride + j] = dot (t->q + (g->q0 + i) * t->ldq, t->k + j * t->ldk, t->d);
}

static void
scores_packed (Group *g, const float *packed_k)
{
  const GtfHeadTask *t = g->task;
  gint64 panels = (g->keys + GTF_PANEL - 1) / GTF_PANEL, bps = GTF_PANEL * t->d;

  for (gint64 p = 0; p < panels; p += TILE_PANELS)
    for (gint64 i = 0; i < g->rows; i += TILE_ROWS)
      f32_tiles[MIN (TILE_ROWS, g->rows - i) - 1][MIN (TILE_PANELS, panels - p) - 1] (
        t->d, t->q + (g->q0 + i) * t->ldq, t->ldq, packed_k + p * bps, GTF_PANEL, bps, NULL, 0, g->scores + i * g->stride + p * GTF_PANEL,
        g->stride);
}

/* x = 2^(x factor - top factor); gives the sum. Four sums, so that they do not wait for each other. */
static float
row_exp2 (float *x, float factor, float top, gint64 n)
{
  vf f = v_set1 (factor), shift = v_set1 (-top * factor), s[4] = { v_set1 (0.0f), v_set1 (0.0f), v_set1 (0.0f), v_set1 (0.0f) };
  gint64 i = 0;
  float sum;

  for (; i + 4 * VW <= n; i += 4 * VW)
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
      {
        vf e = v_exp2 (v_fma (v_load (x + i + j * VW), f, shift));
        v_store (x + i + j * VW, e);
        s[j] = v_add (s[j], e);
      }
  sum = v_sum (v_add (v_add (s[0], s[1]), v_add (s[2], s[3])));
  for (; i < n; i += VW)
    {
      gint64 m = MIN (VW, n - i);
      v_store_n (x + i, v_exp2 (v_fma (v_load_n (x + i, m), f, shift)), m);
      for (gint64 j = 0; j < m; j++)
        sum += x[i + j];
    }
  return sum;
}

/* Scale, mask and softmax of one row, in place; keys that the query must not see get 0. Division by the sum waits for the
 * output, which is shorter, unless somebody wants to see the probabilities. */
static void
group_softmax (Group *g, gint64 row)
{
  const GtfHeadTask *t = g->task;
  gint64 query = g->q0 + row, n = t->causal_past >= 0 ? CLAMP (t->causal_past + query + 1, 1, t->keys) : t->keys;
  float *s = g->scores + row * g->stride, factor = t->scale;

  if (t->mask != NULL)
    {
      scale (s, t->scale, n, s);
      add (s, t->mask + query * t->mask_row, n, s);
      factor = 1.0f;
    }
  if (factor < 0.0f)
    {
      scale (s, factor, n, s);
      factor = 1.0f;
    }
  g->factor[row] = 1.0f / row_exp2 (s, factor * 1.44269504f, row_max (s, n), n);
  for (gint64 j = n; j < g->keys; j++)
    s[j] = 0.0f;
  if (t->weights == NULL)
    return;
  scale (s, g->factor[row], n, t->weights + query * t->keys);
  for (gint64 j = n; j < t->keys; j++)
    t->weights[query * t->keys + j] = 0.0f;
}

/* Columns beyond whole panels of the values, one by one. */
static void
values_rest (Group *g, gint64 first)
{
  const GtfHeadTask *t = g->task;

  for (gint64 i = 0; i < g->rows; i++)
    for (gint64 col = first; col < t->dv; col++)
      {
        float sum = 0.0f;
        for (gint64 l = 0; l < g->keys; l++)
          sum += g->scores[i * g->stride + l] * t->v[l * t->ldv + col];
        t->out[(g->q0 + i) * t->ldo + col] = sum;
      }
}

static void
group_values (Group *g)
{
  const GtfHeadTask *t = g->task;
  gint64 panels = t->dv / GTF_PANEL;

  for (gint64 l = 0; l < g->keys; l += KEY_BLOCK)
    for (gint64 p = 0; p < panels; p += TILE_PANELS)
      for (gint64 i = 0; i < g->rows; i += TILE_ROWS)
        {
          float *out = t->out + (g->q0 + i) * t->ldo + p * GTF_PANEL;
          f32_tiles[MIN (TILE_ROWS, g->rows - i) - 1][MIN (TILE_PANELS, panels - p) - 1] (
            MIN (KEY_BLOCK, g->keys - l), g->scores + i * g->stride + l, g->stride, t->v + l * t->ldv + p * GTF_PANEL, t->ldv, GTF_PANEL,
            l > 0 ? out : NULL, t->ldo, out, t->ldo);
        }
  if (panels * GTF_PANEL < t->dv)
    values_rest (g, panels * GTF_PANEL);
  for (gint64 i = 0; i < g->rows; i++)
    scale (t->out + (g->q0 + i) * t->ldo, g->factor[i], t->dv, t->out + (g->q0 + i) * t->ldo);
}

static void
attention (const GtfHeadTask *t, const float *packed_k, gint64 q0, gint64 q1)
{
  Group g = { .task = t, .stride = (t->keys + TILE_PANELS * GTF_PANEL - 1) / GTF_PANEL * GTF_PANEL + GTF_PANEL };
  gint64 group = TILE_ROWS * GROUP_TILES;

  /* the scores of a group should stay in L2 */
  while (group > TILE_ROWS && group * g.stride > 65536)
    group -= TILE_ROWS;
  g.scores = gtf_scratch ((gsize) (g.stride * group) * sizeof *g.scores);
  for (g.q0 = q0; g.q0 < q1; g.q0 += group)
    {
      g.rows = MIN (group, q1 - g.q0);
      g.keys = t->causal_past >= 0 ? CLAMP (t->causal_past + g.q0 + g.rows, 1, t->keys) : t->keys;
      if (packed_k != NULL)
        scores_packed (&g, packed_k);
      else
        scores_unpacked (&g);
      for (gint64 i = 0; i < g.rows; i++)
        group_softmax (&g, i);
      group_values (&g);
    }
}
