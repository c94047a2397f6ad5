/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Self-attention whose scores depend on the distance of query and key: the disentangled attention of DeBERTa (content to
 * position, position to content), the relative attention of Transformer-XL and XLNet.
 *
 * A block of queries and a block of keys know few distances, so few rows of the table of positions: those are multiplied with the
 * queries and with the keys of the block, two small products whose results stay in the cache, and each score picks its number. For
 * long texts that is less work than products with the whole table, and memory grows with the length only.
 */
#include "tensor/positions.h"
#include "tensor/self-attention-private.h"

#include <math.h>
#include <string.h>

#define QUERIES 96              /* of a block */
#define KEYS 128
#define MOST_COLUMNS ((QUERIES + KEYS + 2 * GTF_PANEL) / GTF_PANEL * GTF_PANEL)

/* ---- which row serves a distance ----------------------------------------------------------------------------------- */

/* DeBERTa-v2: exact up to half of the buckets, then logarithmic. float32, as in the reference: the edges of buckets depend on it. What
 * is no number there becomes the smallest integer. */
static gint64
bucket (gint64 distance, gint64 buckets, gint64 most)
{
  gint64 middle = buckets / 2, absolute = distance < 0 ? -distance : distance;
  float log_position;

  if (absolute <= middle)
    return distance;
  log_position = ceilf (logf ((float) absolute / (float) middle) / logf ((float) (most - 1) / (float) middle) * (float) (middle - 1)) + (float) middle;
  if (!isfinite (log_position))
    return G_MININT32;
  return distance < 0 ? -(gint64) log_position : (gint64) log_position;
}

/**
 * gtf_relative_rows:
 * @n: length of the longest text
 * @rows: how distances become rows
 * @first: (out) (nullable): the first row that is needed
 * @n_used: (out) (nullable): how many are
 *
 * Returns: (transfer none) (nullable): I32 [2 n - 1], the row of each distance from 1 - n to n - 1
 */
GtfTensor *
gtf_relative_rows (GtfContext *c, gint64 n, const GtfRelativeRows *rows, gint64 *first, gint64 *n_used)
{
  gint64 low = G_MAXINT32, high = 0;
  GtfTensor *y;

  if (first != NULL && n_used != NULL)
    *first = *n_used = 0;

  if (!gtf_op_begin (c, "relative_rows", 0))
    return NULL;
  if (rows->n_rows < 1 || rows->n_rows > G_MAXINT32 || n < 0 || n > G_MAXINT32 / 2)
    {
      gtf_fail (c, "a table of %" G_GINT64_FORMAT " rows for texts of %" G_GINT64_FORMAT " tokens", rows->n_rows, n);
      return NULL;
    }
  y = gtf_new_tensor (c, GTF_DTYPE_I32, 1, (gint64[]){ MAX (2 * n - 1, 0) });
  for (gint64 distance = 1 - n; y != NULL && distance < n; distance++)
    {
      gint64 at = rows->buckets > 0 && rows->max_distance > 0 ? bucket (distance, rows->buckets, rows->max_distance) : distance;
      gint64 row = CLAMP (rows->sign * at + rows->offset, 0, rows->n_rows - 1);
      ((gint32 *) y->data)[distance + n - 1] = (gint32) row;
      low = MIN (low, row);
      high = MAX (high, row);
    }
  if (y == NULL || n < 1 || first == NULL || n_used == NULL)
    return y;
  *first = low;
  *n_used = high - low + 1;
  for (gint64 i = 0; i < 2 * n - 1; i++)
    ((gint32 *) y->data)[i] -= (gint32) low;
  return y;
}

/* ---- attention ------------------------------------------------------------------------------------------------------ */

typedef struct
{
  GtfSelfAttention self;
  const GtfRelativeAttention *a;
  const GtfTensor *position_query, *segment_query, *segment_keys;
  const gint32 *rows, *segments;        /* rows: points at distance 0 */
  gint64 n_rows, panels;                /* of the table */
  float *key_panels, *query_panels;     /* the tables, [heads][panels][d][16]; NULL: none */
  float *scratch;
  gint64 packed_size, scratch_size;     /* of one part */
} Relative;

/* One head of one text. */
typedef struct
{
  const Relative *t;
  gint64 b, head;
  GtfHeadTask task;
  const float *position_query;
  gint64 ldp;
  const gint32 *segments;
  float *packed, *addends, *by_query, *by_key;
  gint64 first;                 /* query of the first row of addends */
} Head;

/* A table [rows][heads * d] in panels of 16 rows: a weight of the product. */
static void
pack_table (const Relative *t, const GtfTensor *table, gint64 head, float *to)
{
  gint64 d = t->self.d;

  for (gint64 i = 0; i < t->panels * GTF_PANEL; i++)
    {
      const float *row = gtf_tensor_f32 (table) + i * table->row_stride + head * d;
      float *panel = to + i / GTF_PANEL * GTF_PANEL * d + i % GTF_PANEL;
      for (gint64 l = 0; l < d; l++)
        panel[l * GTF_PANEL] = i < t->n_rows ? row[l] : 0.0f;
    }
}

static void
pack_part (gpointer data, guint part, guint n_parts)
{
  const Relative *t = data;
  gint64 size = t->panels * GTF_PANEL * t->self.d;

  for (gint64 h = part * t->self.heads / n_parts; h < (part + 1) * t->self.heads / n_parts; h++)
    {
      if (t->key_panels != NULL)
        pack_table (t, t->a->position_keys, h, t->key_panels + h * size);
      if (t->query_panels != NULL)
        pack_table (t, t->a->position_queries, h, t->query_panels + h * size);
    }
}

/* x [m rows] times rows first .. last of the table -> to, with columns counted from the panel of `first`. */
static void
multiply (const Relative *t, const float *panels, gint64 head, const float *x, gint64 ldx, gint64 m, gint64 p0, gint64 p1, float *to)
{
  gint64 d = t->self.d, size = GTF_PANEL * d;
  GtfGemm gemm = { .type = GTF_DTYPE_F32, .m = m, .n = (p1 - p0) * GTF_PANEL, .k = d, .a = x, .lda = ldx,
                   .w = panels + (head * t->panels + p0) * size, .panel_bytes = (gsize) size * sizeof (float), .c = to, .ldc = MOST_COLUMNS };

  t->self.kernels->gemm (&gemm, 0, m, 0, p1 - p0);
}

/* Addends of queries q0 .. q1 and keys k0 .. k1, not yet scaled. Where neighbouring distances have rows far apart, the block is cut. */
static void
add_positions (Head *h, gint64 q0, gint64 q1, gint64 k0, gint64 k1)
{
  const Relative *t = h->t;
  gint64 low = G_MAXINT64, high = 0, p0, p1, columns = h->task.keys;

  for (gint64 distance = q0 - k1 + 1; distance < q1 - k0; distance++)
    {
      low = MIN (low, t->rows[distance]);
      high = MAX (high, t->rows[distance]);
    }
  p0 = low / GTF_PANEL;
  p1 = high / GTF_PANEL + 1;
  if ((p1 - p0) * GTF_PANEL > MOST_COLUMNS)
    {
      gint64 q = q1 - q0 > k1 - k0 ? (q0 + q1) / 2 : q1, k = q == q1 ? (k0 + k1) / 2 : k1;
      add_positions (h, q0, q, k0, k);
      add_positions (h, q < q1 ? q : q0, q1, k < k1 ? k : k0, k1);
      return;
    }
  if (t->key_panels != NULL)
    multiply (t, t->key_panels, h->head, h->position_query + q0 * h->ldp, h->ldp, q1 - q0, p0, p1, h->by_query);
  if (t->query_panels != NULL)
    multiply (t, t->query_panels, h->head, (const float *) h->task.k + k0 * h->task.ldk, h->task.ldk, k1 - k0, p0, p1, h->by_key);
  for (gint64 i = q0; i < q1; i++)
    {
      const float *by_query = h->by_query + (i - q0) * MOST_COLUMNS - p0 * GTF_PANEL, *by_key = h->by_key - p0 * GTF_PANEL;
      const gint32 *rows = t->rows + i;
      float *to = h->addends + (i - h->first) * columns;
      if (t->key_panels != NULL && t->query_panels != NULL)
        for (gint64 k = k0; k < k1; k++, by_key += MOST_COLUMNS)
          to[k] = by_query[rows[-k]] + by_key[rows[-k]];
      else if (t->key_panels != NULL)
        for (gint64 k = k0; k < k1; k++)
          to[k] = by_query[rows[-k]];
      else
        for (gint64 k = k0; k < k1; k++, by_key += MOST_COLUMNS)
          to[k] = by_key[rows[-k]];
    }
}

static void
add_segments (Head *h, gint64 q0, gint64 q1)
{
  const Relative *t = h->t;
  gint64 any = t->a->segment_any, d = t->self.d;
  const float *keys = gtf_tensor_f32 (t->segment_keys) + h->head * d;

  for (gint64 i = q0; i < q1; i++)
    {
      gint64 row = gtf_sequence_start (&t->self.sequences, h->b) + i;
      const float *q = gtf_tensor_f32 (t->segment_query) + row * t->segment_query->row_stride + h->head * d;
      float score[2] = { 0, 0 }, *to = h->addends + (i - q0) * h->task.keys;
      for (int s = 0; s < 2; s++)
        for (gint64 l = 0; l < d; l++)
          score[s] += q[l] * keys[s * t->segment_keys->row_stride + l];
      for (gint64 k = 0; k < h->task.keys; k++)
        to[k] += score[h->segments[k] != h->segments[i] && h->segments[k] != any && h->segments[i] != any];
    }
}

static void
run_head (Head *h)
{
  const Relative *t = h->t;
  const GtfKernels *kernels = t->self.kernels;
  gint64 n = h->task.keys;

  kernels->pack_head (&h->task, h->packed);
  for (gint64 q0 = 0; q0 < n; q0 += QUERIES)
    {
      gint64 q1 = MIN (q0 + QUERIES, n);
      h->first = q0;
      if (t->key_panels != NULL || t->query_panels != NULL)
        for (gint64 k0 = 0; k0 < n; k0 += KEYS)
          add_positions (h, q0, q1, k0, MIN (k0 + KEYS, n));
      else
        memset (h->addends, 0, (gsize) ((q1 - q0) * n) * sizeof (float));
      if (h->segments != NULL)
        add_segments (h, q0, q1);
      kernels->scale (h->addends, t->self.scale, (q1 - q0) * n, h->addends);
      for (gint64 i = q0; i < q1; i++)
        gtf_self_attention_mask (&t->self, h->b, h->head, i, 0, n, h->addends + (i - q0) * n);
      h->task.causal_past = t->a->causal ? 0 : -1;
      h->task.mask = h->addends - q0 * n;
      h->task.mask_row = n;
      kernels->attention (&h->task, h->packed, q0, q1);
    }
}

static void
attention_part (gpointer data, guint part, guint n_parts)
{
  const Relative *t = data;
  gint64 units = t->self.sequences.n * t->self.heads;
  float *scratch = t->scratch + part * t->scratch_size;

  for (gint64 i = part * units / n_parts; i < (part + 1) * units / n_parts; i++)
    {
      Head h = { .t = t, .b = i / t->self.heads, .head = i % t->self.heads, .packed = scratch, .addends = scratch + t->packed_size };
      gint64 start = gtf_sequence_start (&t->self.sequences, h.b);
      h.by_query = h.addends + QUERIES * t->self.sequences.longest;
      h.by_key = h.by_query + QUERIES * MOST_COLUMNS;
      h.task = gtf_self_attention_head (&t->self, h.b, h.head);
      h.ldp = t->position_query->row_stride;
      h.position_query = gtf_tensor_f32 (t->position_query) + start * h.ldp + h.head * t->self.d;
      h.segments = t->segments != NULL ? t->segments + start : NULL;
      run_head (&h);
    }
}

/* ---- checks --------------------------------------------------------------------------------------------------------- */

static gboolean
check_table (GtfContext *c, Relative *t, const GtfTensor *table)
{
  if (table == NULL)
    return TRUE;
  if (table->dtype != GTF_DTYPE_F32 || table->n_dims != 2 || table->shape[1] != t->self.heads * t->self.d || (t->n_rows != 0 && table->shape[0] != t->n_rows)
      || table->shape[0] < 1)
    {
      gtf_fail_shapes (c, t->self.q, table, "the table of positions does not fit q");
      return FALSE;
    }
  t->n_rows = table->shape[0];
  return TRUE;
}

/* Rows of all distances that occur lie within the table. */
static gboolean
check_rows (GtfContext *c, Relative *t)
{
  const GtfTensor *rows = t->a->rows;
  gint64 n = rows != NULL && rows->dtype == GTF_DTYPE_I32 && rows->n_dims == 1 ? rows->shape[0] : 0;

  if (t->n_rows == 0)
    return TRUE;
  if (n < 2 * t->self.sequences.longest - 1 || (n % 2 == 0 && n > 0))
    {
      gtf_fail (c, "rows for %" G_GINT64_FORMAT " distances, expected I32 for those of %" G_GINT64_FORMAT " tokens", n, t->self.sequences.longest);
      return FALSE;
    }
  for (gint64 i = 0; i < n; i++)
    if (((const gint32 *) rows->data)[i] < 0 || ((const gint32 *) rows->data)[i] >= t->n_rows)
      {
        gtf_fail (c, "row %d is outside of the table of %" G_GINT64_FORMAT " rows", ((const gint32 *) rows->data)[i], t->n_rows);
        return FALSE;
      }
  t->rows = (const gint32 *) rows->data + n / 2;
  return TRUE;
}

static gboolean
same_shape (const GtfTensor *a, const GtfTensor *b)
{
  return a->n_dims == b->n_dims && memcmp (a->shape, b->shape, a->n_dims * sizeof *a->shape) == 0;
}

static gboolean
check_segments (GtfContext *c, Relative *t)
{
  const GtfTensor *s = t->a->segments, *q = t->a->segment_query, *k = t->a->segment_keys;

  if (s == NULL)
    return TRUE;
  if (s->dtype != GTF_DTYPE_I32 || (gint64) gtf_tensor_get_n_elements (s) != t->self.sequences.steps || q == NULL || k == NULL || !same_shape (q, t->self.q)
      || k->n_dims != 2 || k->shape[0] != 2 || k->shape[1] != t->self.heads * t->self.d)
    {
      gtf_fail_shapes (c, t->self.q, s, "segments, their queries and their keys [2][heads * d] do not fit q");
      return FALSE;
    }
  s = gtf_packed (c, s);
  t->segments = s != NULL ? s->data : NULL;
  t->segment_query = gtf_uniform (c, q);
  t->segment_keys = k;
  return !gtf_failed (c);
}

static void
prepare (GtfContext *c, Relative *t, guint n_parts)
{
  gint64 longest = t->self.sequences.longest, table = t->self.heads * t->panels * GTF_PANEL * t->self.d;
  GtfHeadTask task = gtf_self_attention_head (&t->self, 0, 0);

  task.queries = task.keys = longest;
  t->packed_size = (t->self.kernels->pack_size (&task) + 15) / 16 * 16;
  t->scratch_size = (t->packed_size + QUERIES * longest + (QUERIES + KEYS) * MOST_COLUMNS + 15) / 16 * 16;
  t->scratch = gtf_arena_alloc (c, (gsize) (n_parts * t->scratch_size) * sizeof (float));
  if (t->a->position_keys != NULL)
    t->key_panels = gtf_arena_alloc (c, (gsize) table * sizeof (float));
  if (t->a->position_queries != NULL)
    t->query_panels = gtf_arena_alloc (c, (gsize) table * sizeof (float));
  if (!gtf_failed (c) && (t->key_panels != NULL || t->query_panels != NULL))
    gtf_pool_run (c->pool, (guint) MIN (t->self.heads, gtf_pool_get_n_threads (c->pool)), pack_part, t);
}

static void
run (GtfContext *c, Relative *t)
{
  gint64 units = t->self.sequences.n * t->self.heads;
  guint n_parts = (guint) MIN (units, 3 * (gint64) gtf_pool_get_n_threads (c->pool));
  gsize mark = gtf_push (c);

  if (units > 0 && t->self.sequences.longest > 0)
    {
      t->position_query = gtf_uniform (c, t->a->position_query != NULL ? t->a->position_query : t->self.q);
      t->panels = (t->n_rows + GTF_PANEL - 1) / GTF_PANEL;
      if (check_segments (c, t))
        prepare (c, t, n_parts);
      if (!gtf_failed (c))
        gtf_pool_run (c->pool, n_parts, attention_part, t);
    }
  gtf_pop (c, mark);
}

/**
 * gtf_relative_attention:
 * @q: (nullable): queries [B][T][heads * d]
 * @k: (nullable): keys, as @q
 * @v: (nullable): values [B][T][heads * dv]
 * @a: positions, segments, masks
 *
 * score (i, j) = scale (q_i . k_j + position_query_i . position_keys_r + k_j . position_queries_r + segment_query_i . segment_keys_s),
 * where r is the row of the distance i - j and s tells whether i and j are of one segment (He et al. 2020, Yang et al. 2019).
 *
 * Returns: (transfer none) (nullable): [B][T][heads * dv]
 */
GtfTensor *
gtf_relative_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfRelativeAttention *a)
{
  const GtfSelfAttentionArgs args = { a->n_heads, a->scale, a->mask, a->sequences, a->weights };
  Relative t = { .a = a };

  if (!gtf_self_attention_begin (c, "relative_attention", &t.self, q, k, v, &args) || !check_table (c, &t, a->position_keys)
      || !check_table (c, &t, a->position_queries) || !check_rows (c, &t))
    return NULL;
  if (a->position_query != NULL && (a->position_query->dtype != GTF_DTYPE_F32 || !same_shape (a->position_query, q)))
    {
      gtf_fail_shapes (c, q, a->position_query, "position_query does not fit q");
      return NULL;
    }
  run (c, &t);
  return gtf_failed (c) ? NULL : t.self.out;
}
