/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention of one head. A group of a few queries works against all keys: scores into a buffer of queries x keys that stays
 * in L2, an ordinary softmax, then the product with the values as they lie. The whole score matrix is never written.
 * Keys are packed once a head into panels of 16 keys [keys / 16][d][16], so that the scores are the same micro-kernel as a
 * linear layer. Values are copied too, [keys][dv]: in their tensor they lie a power of two apart and would share a few sets of
 * the cache.
 */

#include "kernels/attention-pack.inc.c"

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

static float
dot_bf16 (const float *a, const guint16 *b, gint64 n)
{
  vf s = v_set1 (0.0f);
  gint64 i = 0;
  float sum;

  for (; i + VW <= n; i += VW)
    s = v_fma (v_load (a + i), v_load_bf16 (b + i), s);
  sum = v_sum (s);
  for (; i < n; i++)
    sum += a[i] * gtf_bf16_to_f32 (b[i]);
  return sum;
}

/* Queries that work together: keys and values of a block are read once for all of them. */
#define GROUP_TILES 4
#define KEY_BLOCK 128
#define GROUP_MOST 32           /* the rows that tiles of AMX have */

typedef struct
{
  const GtfHeadTask *task;
  gint64 q0, rows;              /* the queries of this group */
  gint64 keys;                  /* keys that at least one of them sees */
  float *scores;
  gint64 stride;                /* between the scores of two queries */
  const TileFunc (*tiles)[TILE_PANELS];
  const float *q;               /* of the group: as they lie, or as bfloat16 */
  gint64 ldq, words;
  gboolean tops_known;          /* the largest score of each row was found with the scores */
  float top[GROUP_MOST];
  float factor[GROUP_MOST];        /* 1 / sum of each row */
} Group;

#ifdef KERNELS_AMX
#define AMX_TILES(t) (t)->narrow

/* Products of all rows of a group, from a on, with n panels of b: `words` of each. Rows up to whole tiles must be there in a and c. */
static void
amx_group_tile (const Group *g, const float *a, gint64 lda, const float *b, gint64 ldb, gint64 bps, gint64 words, gint64 n, float *c, gint64 ldc)
{
  const AmxTile t = { .a = a, .lda = lda, .segments = 1, .offsets = amx_whole, .b = b, .ldb = ldb, .bps = bps, .steps = words / AMX_STEP, .c = c, .ldc = ldc };

  amx_bf16_tiles[(g->rows - 1) / 16][n - 1] (&t);
}
#else
#define AMX_TILES(t) FALSE
#define AMX_ROWS TILE_ROWS
#define AMX_PANELS TILE_PANELS
#endif

INLINE vf
load_kv (const int bf16, const void *p, gint64 i)
{
  return bf16 ? v_load_bf16 ((const guint16 *) p + i) : v_load ((const float *) p + i);
}

/* Scores of one query with VW keys from j on: a vector of sums for each key, and at the end all their sums at once. Keys of
 * some groups later are fetched meanwhile: rows of one head lie far apart. */
INLINE void
dots (const int bf16, const GtfHeadTask *t, const float *q, gint64 j, float *to)
{
  vf s[VW];
  gint64 l = 0;

#pragma GCC unroll 16
  for (int i = 0; i < VW; i++)
    s[i] = v_set1 (0.0f);
  for (; l + VW <= t->d; l += VW)
    {
      vf x = v_load (q + l);
#pragma GCC unroll 16
      for (int i = 0; i < VW; i++)
        {
          s[i] = v_fma (x, load_kv (bf16, t->k, (j + i) * t->ldk + l), s[i]);
          __builtin_prefetch ((const char *) t->k + ((j + i + 4 * VW) * t->ldk + l) * (bf16 ? 2 : 4));
        }
    }
  v_store (to, v_sums (s));
  for (; l < t->d; l++)
    for (int i = 0; i < VW; i++)
      to[i] += q[l] * (bf16 ? gtf_bf16_to_f32 (((const guint16 *) t->k)[(j + i) * t->ldk + l]) : ((const float *) t->k)[(j + i) * t->ldk + l]);
}

/* Keys as they lie, for few queries. */
static void
scores_unpacked (Group *g)
{
  const GtfHeadTask *t = g->task;
  gint64 whole = g->keys / VW * VW;

  for (gint64 j = 0; j < whole; j += VW)
    for (gint64 i = 0; i < g->rows; i++)
      if (t->bf16_kv)
        dots (1, t, t->q + (g->q0 + i) * t->ldq, j, g->scores + i * g->stride + j);
      else
        dots (0, t, t->q + (g->q0 + i) * t->ldq, j, g->scores + i * g->stride + j);
  for (gint64 j = whole; j < g->keys; j++)
    for (gint64 i = 0; i < g->rows; i++)
      {
        const float *q = t->q + (g->q0 + i) * t->ldq;
        g->scores[i * g->stride + j] = t->bf16_kv ? dot_bf16 (q, (const guint16 *) t->k + j * t->ldk, t->d)
                                                  : dot (q, (const float *) t->k + j * t->ldk, t->d);
      }
}

/* The largest of n scores in each of the rows, while they are in L1: each lane of `tops` for itself. */
static void
raise_tops (const float *scores, gint64 stride, gint64 rows, gint64 n, float (*tops)[VW])
{
  for (gint64 i = 0; i < rows; i++)
    {
      vf top = v_load (tops[i]);
      for (gint64 j = 0; j < n; j += VW)
        top = v_max (v_load (scores + i * stride + j), top);
      v_store (tops[i], top);
    }
}

static void
scores_packed (Group *g, const float *packed_k)
{
  const GtfHeadTask *t = g->task;
  gint64 panels = (g->keys + GTF_PANEL - 1) / GTF_PANEL, bps = GTF_PANEL * g->words, whole = t->keys / GTF_PANEL;
  const gint64 most = AMX_TILES (t) ? AMX_PANELS : PANELS_FOR (g->rows), at_once = AMX_TILES (t) ? AMX_ROWS : TILE_ROWS;
  float tops[GROUP_MOST][VW];

  /* with neither masks nor factors that turn the order around: what the tile gives is what the softmax sees */
  g->tops_known = t->causal_past < 0 && t->mask == NULL && t->scale > 0.0f;
  for (gint64 i = 0; i < g->rows; i++)
    v_store (tops[i], v_set1 (-INFINITY));
  for (gint64 p = 0; p < panels; p += most)
    for (gint64 i = 0; i < g->rows; i += at_once)
      {
        gint64 rows = MIN (at_once, g->rows - i), n = MIN (most, panels - p);
        float *to = g->scores + i * g->stride + p * GTF_PANEL;

#ifdef KERNELS_AMX
        if (t->narrow)
          amx_group_tile (g, g->q, g->ldq, packed_k + p * bps, GTF_PANEL, bps, g->words, n, to, g->stride);
        else
#endif
          g->tiles[rows - 1][n - 1] (g->words, g->q + i * g->ldq, g->ldq, packed_k + p * bps, GTF_PANEL, bps, NULL, 0, to, g->stride, packed_k + p * bps);
        if (g->tops_known)
          raise_tops (to, g->stride, rows, (MIN (p + n, whole) - p) * GTF_PANEL, tops + i);
      }
  for (gint64 i = 0; g->tops_known && i < g->rows; i++)
    {
      g->top[i] = v_top (v_load (tops[i]));
      for (gint64 j = whole * GTF_PANEL; j < t->keys; j++)
        g->top[i] = MAX (g->top[i], g->scores[i * g->stride + j]);
    }
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

#if VW == 16
/* The same into bfloat16, over the front of the row itself: each write lies before what is still to be read. A whole pair at
 * the end, the rest of it 0. */
__attribute__ ((target ("avx512bf16"))) static float
row_exp2_narrow (float *x, float factor, float top, gint64 n)
{
  vf f = v_set1 (factor), shift = v_set1 (-top * factor), s0 = v_set1 (0.0f), s1 = v_set1 (0.0f);
  guint16 *y = (guint16 *) x;
  float sum, edge[VW];
  gint64 i = 0;

  for (; i + 2 * VW <= n; i += 2 * VW)
    {
      vf a = v_exp2 (v_fma (v_load (x + i), f, shift)), b = v_exp2 (v_fma (v_load (x + i + VW), f, shift));
      s0 = v_add (s0, a);
      s1 = v_add (s1, b);
      _mm512_storeu_si512 (y + i, (__m512i) _mm512_cvtne2ps_pbh (b, a));
    }
  sum = v_sum (v_add (s0, s1));
  for (; i < n; i += VW)
    {
      gint64 m = MIN (VW, n - i);
      v_store (edge, v_exp2 (v_fma (v_load_n (x + i, m), f, shift)));
      for (gint64 j = 0; j < m; j++)
        {
          y[i + j] = gtf_f32_to_bf16 (edge[j]);
          sum += edge[j];
        }
    }
  return sum;
}
#endif

/* Scale, mask and softmax of one row, in place; keys that the query must not see get 0. Division by the sum waits for the
 * output, which is shorter, unless somebody wants to see the probabilities. */
static void
group_softmax (Group *g, gint64 row)
{
  const GtfHeadTask *t = g->task;
  gint64 query = g->q0 + row, n = t->causal_past >= 0 ? CLAMP (t->causal_past + query + 1, 1, t->keys) : t->keys;
  float *s = g->scores + row * g->stride, factor = t->scale, top;

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
  top = g->tops_known ? g->top[row] : row_max (s, n);
  /* the mask hides the whole row by the lowest number, which times log2 e would overflow: its keys are alike to it. Other large scores
   * are less exact than the powers of two that the function after this one has room for (MobileBERT's states are that large) */
  if (fabsf (top * factor) > 0x1p20f && fabsf (top) <= FLT_MAX)
    {
      for (gint64 j = 0; j < n; j++)
        s[j] -= top;
      top = 0.0f;
    }
#if VW == 16
  if (t->narrow)
    {
      g->factor[row] = 1.0f / row_exp2_narrow (s, factor * 1.44269504f, top, n);
      memset ((guint16 *) s + n, 0, (gsize) (2 * words_for (t, g->keys) - n) * sizeof (guint16));
      return;
    }
#endif
  g->factor[row] = 1.0f / row_exp2 (s, factor * 1.44269504f, top, n);
  for (gint64 j = n; j < g->keys; j++)
    s[j] = 0.0f;
  if (t->weights == NULL)
    return;
  scale (s, g->factor[row], n, t->weights + query * t->keys);
  for (gint64 j = n; j < t->keys; j++)
    t->weights[query * t->keys + j] = 0.0f;
}

/* Columns beyond whole panels of values that lie in their tensor, one by one. */
static void
values_rest (Group *g, gint64 first)
{
  const GtfHeadTask *t = g->task;

  for (gint64 i = 0; i < g->rows; i++)
    for (gint64 col = first; col < t->dv; col++)
      {
        float sum = 0.0f;
        for (gint64 l = 0; l < g->keys; l++)
          sum += g->scores[i * g->stride + l]
                 * (t->bf16_kv ? gtf_bf16_to_f32 (((const guint16 *) t->v)[l * t->ldv + col]) : ((const float *) t->v)[l * t->ldv + col]);
        t->out[(g->q0 + i) * t->ldo + col] = sum;
      }
}

/* Sums of panels of the values v: into the output, or, for the last panel of a head that does not fill it, through `edge`. */
static void
value_panels (Group *g, const char *v, gint64 ldv, gint64 panel, gint64 n)
{
  const GtfHeadTask *t = g->task;
  gint64 cols = MIN (n * GTF_PANEL, t->dv - panel * GTF_PANEL);
  gboolean whole = cols == n * GTF_PANEL && (!AMX_TILES (t) || g->rows % 16 == 0);
  float edge[GROUP_MOST * TILE_PANELS * GTF_PANEL];
  float *out = whole ? t->out + g->q0 * t->ldo + panel * GTF_PANEL : edge;
  gint64 ldo = whole ? t->ldo : n * GTF_PANEL, keys = words_for (t, g->keys);
  gint64 size = t->bf16_kv ? sizeof (guint16) : sizeof (float);
  const TileFunc (*value_tiles)[TILE_PANELS] = t->bf16_kv ? halves_tiles : g->tiles;

#ifdef KERNELS_AMX
  if (t->narrow)
    {
      amx_group_tile (g, g->scores, g->stride, (const float *) v + panel * GTF_PANEL, ldv, GTF_PANEL, keys, n, out, ldo);
      keys = 0;
    }
#endif
  for (gint64 l = 0; l < keys; l += KEY_BLOCK)
    for (gint64 i = 0; i < g->rows; i += TILE_ROWS)
      value_tiles[MIN (TILE_ROWS, g->rows - i) - 1][n - 1] (MIN (KEY_BLOCK, keys - l), g->scores + i * g->stride + l, g->stride,
                                                          (const float *) (v + (l * ldv + panel * GTF_PANEL) * size), ldv, GTF_PANEL, l > 0 ? out + i * ldo : NULL, ldo,
                                                          out + i * ldo, ldo, v);
  for (gint64 i = 0; !whole && i < g->rows; i++)
    memcpy (t->out + (g->q0 + i) * t->ldo + panel * GTF_PANEL, edge + i * ldo, (gsize) cols * sizeof *edge);
}

static void
group_values (Group *g, const float *packed)
{
  const GtfHeadTask *t = g->task;
  const void *v = packed != NULL ? packed : t->v;
  gint64 panels = packed != NULL ? round_up (t->dv) / GTF_PANEL : t->dv / GTF_PANEL, ldv = packed != NULL ? round_up (t->dv) : t->ldv;
  gint64 most = AMX_TILES (t) ? AMX_PANELS : PANELS_FOR (g->rows);

  for (gint64 p = 0; p < panels; p += most)
    value_panels (g, v, ldv, p, MIN (most, panels - p));
  if (panels * GTF_PANEL < t->dv)
    values_rest (g, panels * GTF_PANEL);
  for (gint64 i = 0; i < g->rows; i++)
    scale (t->out + (g->q0 + i) * t->ldo, g->factor[i], t->dv, t->out + (g->q0 + i) * t->ldo);
}

/* The queries of a group in the type of the products. */
static void
group_queries (Group *g, float *narrow)
{
  const GtfHeadTask *t = g->task;

  g->q = t->q + g->q0 * t->ldq;
  g->ldq = t->ldq;
  g->tiles = f32_tiles;
#if VW == 16
  if (!t->narrow)
    return;
  for (gint64 i = 0; i < g->rows; i++)
    {
      float *row = narrow + i * (g->words + VW);
      memset (row, 0, (gsize) g->words * sizeof *row);
      narrow_row (t->q + (g->q0 + i) * t->ldq, t->d, (guint16 *) row);
    }
  g->q = narrow;
  g->ldq = g->words + VW;
  g->tiles = bf16_tiles;
#endif
}

static void
attention (const GtfHeadTask *t, const float *packed, gint64 q0, gint64 q1)
{
  Group g = { .task = t, .stride = (t->keys + TILE_PANELS * GTF_PANEL - 1) / GTF_PANEL * GTF_PANEL + GTF_PANEL, .words = words_for (t, t->d) };
  const gint64 step = AMX_TILES (t) ? 16 : TILE_ROWS;
  gint64 group = AMX_TILES (t) ? GROUP_MOST : TILE_ROWS * GROUP_TILES;
  float *scratch;

  /* the scores of a group should stay in L2 */
  while (group > step && group * g.stride > 65536)
    group -= step;
  scratch = gtf_scratch ((gsize) ((g.stride + g.words + 2 * GTF_PANEL) * group) * sizeof *scratch);
  g.scores = scratch + (g.words + 2 * GTF_PANEL) * group;
#ifdef KERNELS_AMX
  if (t->narrow)
    amx_begin ();
#endif
  for (g.q0 = q0; g.q0 < q1; g.q0 += group)
    {
      g.rows = MIN (group, q1 - g.q0);
      g.keys = t->causal_past >= 0 ? CLAMP (t->causal_past + g.q0 + g.rows, 1, t->keys) : t->keys;
      group_queries (&g, scratch);
      g.tops_known = FALSE;
      if (packed != NULL)
        scores_packed (&g, packed);
      else
        scores_unpacked (&g);
      for (gint64 i = 0; i < g.rows; i++)
        group_softmax (&g, i);
      group_values (&g, packed != NULL ? packed + round_up (t->keys) * g.words : NULL);
    }
#ifdef KERNELS_AMX
  if (t->narrow)
    amx_end ();
#endif
}
