/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What distance and segment add to the scores of attention, written out: for attention whose queries are fewer than its keys, each standing
 * for several tokens (Funnel). Where queries and keys are the same tokens gtf_relative_attention () does it without writing it out.
 */
#include "tensor/context-private.h"
#include "tensor/positions.h"

#include <math.h>
#include <string.h>

#define QUERIES 64              /* of a block */

typedef struct
{
  const GtfRelativeScores *a;
  const GtfKernels *kernels;
  const GtfTensor *q, *segment_query, *mask;
  gint64 n_texts, n_queries, n_keys, d, panels;
  const gint32 *segments, *query_at, *key_at;
  float scale, *scratch, *out;
  gint64 table_size, scratch_size;      /* of one part, in floats */
} Scores;

/* The table of one head in panels of 16 rows. */
static void
pack (const Scores *t, gint64 head, float *to)
{
  const GtfTensor *table = t->a->position_keys;

  for (gint64 i = 0; i < t->panels * GTF_PANEL; i++)
    {
      const float *row = gtf_tensor_f32 (table) + i * table->row_stride + head * t->d;
      float *panel = to + i / GTF_PANEL * GTF_PANEL * t->d + i % GTF_PANEL;
      for (gint64 l = 0; l < t->d; l++)
        panel[l * GTF_PANEL] = i < gtf_dim (table, 0) ? row[l] : 0.0f;
    }
}

/* What the segment of query i adds for keys of other segments (0) and of the same (1). */
static void
segment_scores (const Scores *t, gint64 b, gint64 head, gint64 i, float score[2])
{
  const GtfTensor *keys = t->a->segment_keys;
  const float *q = gtf_tensor_f32 (t->segment_query) + (b * t->n_queries + i) * t->segment_query->row_stride + head * t->d;

  score[0] = score[1] = 0.0f;
  for (int s = 0; s < 2; s++)
    for (gint64 l = 0; l < t->d; l++)
      score[s] += q[l] * gtf_tensor_f32 (keys)[s * keys->row_stride + head * t->d + l];
}

/* One query: by_row are its products with the rows of the table. */
static void
write_row (const Scores *t, gint64 b, gint64 head, gint64 i, const float *by_row, float *to)
{
  const GtfRelativeScores *a = t->a;
  const gint32 *segments = t->segments != NULL ? t->segments + b * a->segments->shape[1] : NULL;
  const gint64 first = a->query_step * i + t->n_keys - 1;
  const gint32 own = segments != NULL ? segments[t->query_at[i]] : 0;
  float score[2];

  segment_scores (t, b, head, i, score);
  for (gint64 k = 0; k < t->n_keys; k++)
    {
      gint32 other = segments != NULL ? segments[t->key_at[k]] : 0;
      gboolean same = own == other || own == a->segment_any || other == a->segment_any;
      to[k] = a->first_is_nowhere && (i == 0 || k == 0) ? 0.0f : (by_row[first - k] + score[same]) * t->scale;
    }
  for (gint64 k = 0; t->mask != NULL && k < t->n_keys; k++)
    to[k] += gtf_tensor_f32 (t->mask)[b * t->n_keys + k];
}

static void
scores_part (gpointer data, guint part, guint n_parts)
{
  const Scores *t = data;
  gint64 units = t->n_texts * t->a->n_heads, size = GTF_PANEL * t->d;
  float *table = t->scratch + part * t->scratch_size, *products = table + t->table_size;

  for (gint64 u = part * units / n_parts; u < (part + 1) * units / n_parts; u++)
    {
      gint64 b = u / t->a->n_heads, head = u % t->a->n_heads;
      pack (t, head, table);
      for (gint64 q0 = 0; q0 < t->n_queries; q0 += QUERIES)
        {
          gint64 n = MIN (QUERIES, t->n_queries - q0);
          GtfGemm gemm = { .type = GTF_DTYPE_F32, .m = n, .n = t->panels * GTF_PANEL, .k = t->d, .lda = t->q->row_stride, .w = table,
                           .a = gtf_tensor_f32 (t->q) + (b * t->n_queries + q0) * t->q->row_stride + head * t->d,
                           .panel_bytes = (gsize) size * sizeof (float), .c = products, .ldc = t->panels * GTF_PANEL };
          t->kernels->gemm (&gemm, 0, n, 0, t->panels);
          for (gint64 i = 0; i < n; i++)
            write_row (t, b, head, q0 + i, products + i * t->panels * GTF_PANEL, t->out + ((b * t->a->n_heads + head) * t->n_queries + q0 + i) * t->n_keys);
        }
    }
}

/* Tokens of the text, one for each query or key. */
static const gint32 *
read_places (GtfContext *c, const Scores *t, const GtfTensor *at, gint64 n)
{
  gint64 most = t->a->segments->shape[1];
  gboolean ok = at != NULL && at->dtype == GTF_DTYPE_I32 && at->n_dims == 1 && at->shape[0] == n;

  for (gint64 i = 0; ok && i < n; i++)
    ok = ((const gint32 *) at->data)[i] >= 0 && ((const gint32 *) at->data)[i] < most;
  if (!ok)
    gtf_fail (c, "expected %" G_GINT64_FORMAT " places among %" G_GINT64_FORMAT " tokens", n, most);
  return ok ? at->data : NULL;
}

static gboolean
check (GtfContext *c, Scores *t)
{
  const GtfRelativeScores *a = t->a;
  const GtfTensor *q = t->q, *table = a->position_keys, *s = t->segment_query, *k = a->segment_keys;

  if (q->n_dims != 3 || a->n_heads < 1 || q->shape[2] == 0 || q->shape[2] % a->n_heads != 0 || table->n_dims != 2 || table->shape[1] != q->shape[2] || q->shape[1] < 1
      || a->query_step < 1 || table->shape[0] <= a->query_step * (q->shape[1] - 1) || s->n_dims != 3 || memcmp (s->shape, q->shape, 3 * sizeof *s->shape) != 0
      || k->n_dims != 2 || k->shape[0] != 2 || k->shape[1] != q->shape[2])
    {
      gtf_fail_shapes (c, q, table, "queries, the table of distances and the segments' rows do not fit each other");
      return FALSE;
    }
  t->n_texts = q->shape[0];
  t->n_queries = q->shape[1];
  t->d = q->shape[2] / a->n_heads;
  t->n_keys = table->shape[0] - a->query_step * (t->n_queries - 1);
  t->panels = (table->shape[0] + GTF_PANEL - 1) / GTF_PANEL;
  if (t->mask != NULL && (gint64) gtf_tensor_get_n_elements (t->mask) != t->n_texts * t->n_keys)
    {
      gtf_fail_shapes (c, q, t->mask, "the mask does not fit");
      return FALSE;
    }
  if (a->segments == NULL)
    return TRUE;
  if (a->segments->dtype != GTF_DTYPE_I32 || a->segments->n_dims != 2 || a->segments->shape[0] != t->n_texts)
    {
      gtf_fail_shapes (c, q, a->segments, "expected segments I32 [B][T]");
      return FALSE;
    }
  t->query_at = read_places (c, t, a->query_at, t->n_queries);
  t->key_at = t->query_at != NULL ? read_places (c, t, a->key_at, t->n_keys) : NULL;
  t->segments = gtf_failed (c) ? NULL : gtf_packed (c, a->segments)->data;
  return !gtf_failed (c);
}

/**
 * gtf_relative_scores:
 * @q: (nullable): queries [B][Tq][heads * d], as they meet the rows of distances
 * @a: distances, segments, the mask
 *
 * score (i, j) = scale (q_i . position_keys[query_step i - j + Tk - 1] + segment_query_i . segment_keys_s), Dai et al. 2020.
 *
 * Returns: (transfer none) (nullable): [B][heads][Tq][Tk], a mask for gtf_attention ()
 */
GtfTensor *
gtf_relative_scores (GtfContext *c, const GtfTensor *q, const GtfRelativeScores *a)
{
  Scores t = { .a = a, .kernels = c->kernels };
  guint n_parts;
  GtfTensor *y;
  gsize mark;

  if (!gtf_op_begin (c, "relative_scores", 4, q, a->position_keys, a->segment_query, a->segment_keys))
    return NULL;
  t.q = gtf_uniform (c, q);
  t.segment_query = gtf_uniform (c, a->segment_query);
  t.mask = a->mask != NULL ? gtf_packed (c, a->mask) : NULL;
  if (gtf_failed (c) || !check (c, &t))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ t.n_texts, a->n_heads, t.n_queries, t.n_keys });
  if (y == NULL)
    return NULL;
  t.scale = a->scale != 0.0f ? a->scale : 1.0f / sqrtf ((float) t.d);
  t.out = gtf_tensor_f32 (y);
  n_parts = (guint) MIN (t.n_texts * a->n_heads, 3 * (gint64) gtf_pool_get_n_threads (c->pool));
  t.table_size = t.panels * GTF_PANEL * t.d;
  t.scratch_size = t.table_size + QUERIES * t.panels * GTF_PANEL;
  mark = gtf_push (c);
  t.scratch = gtf_arena_alloc (c, (gsize) (n_parts * t.scratch_size) * sizeof (float));
  if (t.scratch != NULL && n_parts > 0)
    gtf_pool_run (c->pool, n_parts, scores_part, &t);
  gtf_pop (c, mark);
  return gtf_failed (c) ? NULL : y;
}
