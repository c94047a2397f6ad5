/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention of one head. A tile of a few queries works against all keys: scores into a buffer of queries x keys that stays
 * in cache, an ordinary softmax, then the product with the values as they lie. The whole score matrix is never written.
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

/* Scores of rows queries, each row `stride` apart. */
static void
head_scores (const GtfHeadTask *t, const float *packed_k, gint64 q0, gint64 rows, float *scores, gint64 stride)
{
  const float *q = t->q + q0 * t->ldq;

  if (packed_k == NULL)
    for (gint64 i = 0; i < rows; i++)
      for (gint64 j = 0; j < t->keys; j++)
        scores[i * stride + j] = dot (q + i * t->ldq, t->k + j * t->ldk, t->d);
  else
    for (gint64 p = 0; p * GTF_PANEL < t->keys; p += TILE_PANELS)
      {
        gint64 np = MIN (TILE_PANELS, (t->keys + GTF_PANEL - 1) / GTF_PANEL - p);
        tiles[rows - 1][np - 1] (t->d, q, t->ldq, packed_k + p * GTF_PANEL * t->d, GTF_PANEL, GTF_PANEL * t->d, NULL,
                                 scores + p * GTF_PANEL, stride);
      }
}

/* Scale, mask, softmax of one row, in place; keys that the query must not see get 0. */
static void
head_softmax (const GtfHeadTask *t, gint64 query, float *s)
{
  gint64 n = t->causal_past >= 0 ? CLAMP (t->causal_past + query + 1, 1, t->keys) : t->keys;

  scale (s, t->scale, n, s);
  if (t->mask != NULL)
    add (s, t->mask + query * t->mask_row, n, s);
  softmax (s, n, s);
  for (gint64 j = n; j < t->keys; j++)
    s[j] = 0.0f;
  if (t->weights != NULL)
    memcpy (t->weights + query * t->keys, s, (gsize) t->keys * sizeof *s);
}

static void
head_values (const GtfHeadTask *t, gint64 q0, gint64 rows, const float *p, gint64 stride)
{
  gint64 whole = t->dv / GTF_PANEL, col = 0;

  for (gint64 j = 0; j < whole; j += TILE_PANELS, col = MIN (j, whole) * GTF_PANEL)
    {
      gint64 np = MIN (TILE_PANELS, whole - j);
      tiles[rows - 1][np - 1] (t->keys, p, stride, t->v + col, t->ldv, GTF_PANEL, NULL, t->out + q0 * t->ldo + col, t->ldo);
    }
  for (col = whole * GTF_PANEL; col < t->dv; col++)
    for (gint64 i = 0; i < rows; i++)
      {
        float sum = 0.0f;
        for (gint64 l = 0; l < t->keys; l++)
          sum += p[i * stride + l] * t->v[l * t->ldv + col];
        t->out[(q0 + i) * t->ldo + col] = sum;
      }
}

static void
attention (const GtfHeadTask *t, const float *packed_k, gint64 q0, gint64 q1)
{
  gint64 stride = (t->keys + TILE_PANELS * GTF_PANEL - 1) / (TILE_PANELS * GTF_PANEL) * (TILE_PANELS * GTF_PANEL);
  float *scores = gtf_scratch ((gsize) stride * TILE_ROWS * sizeof *scores);

  for (gint64 q = q0; q < q1; q += TILE_ROWS)
    {
      gint64 rows = MIN (TILE_ROWS, q1 - q);
      head_scores (t, packed_k, q, rows, scores, stride);
      for (gint64 i = 0; i < rows; i++)
        head_softmax (t, q + i, scores + i * stride);
      head_values (t, q, rows, scores, stride);
    }
}
