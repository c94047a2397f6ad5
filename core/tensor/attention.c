/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scaled dot-product attention: checks, and the split of texts, heads and queries between the threads. The kernel
 * (core/kernels/attention.inc.c) sees one head of one text at a time. A text is a matrix of the batch or, with `sequences`, some
 * steps of the only matrix: padding-free, so that a batch of mixed lengths costs what its tokens cost.
 */
#include "tensor/context-private.h"

#include <math.h>
#include <string.h>

typedef struct
{
  const GtfKernels *kernels;
  const GtfAttention *a;
  const GtfTensor *q, *k, *v, *mask, *distances;
  GtfTensor *out, *weights;
  gint64 batch, n_kv;           /* texts of queries, and of keys */
  gint64 heads, kv_heads, d, queries, keys, q_matrix, out_matrix;
  float scale;
  const gint32 *starts;         /* NULL: each matrix is a text */
  float *packed;                /* keys and values of all texts and heads; NULL: they are read as they lie */
  gint64 *packed_at;            /* [Bk]: where those of a text begin; -1: they are read as they lie */
  gint64 *blocks;               /* [B + 1]: number of the first block of each text; what one thread does is a block of one head */
  gint64 block, n_items;
  gboolean narrow;              /* bfloat16 products */
} Attention;

#define BLOCK_QUERIES 96        /* a multiple of all tiles' rows */
#define MOST_PARTS 60000        /* of a job of the pool */
#define FEW_QUERIES 8           /* below it packing keys and values costs more than it saves */

static gint64
text_length (const Attention *t, gint64 text, gint64 steps)
{
  return t->starts != NULL ? t->starts[text + 1] - t->starts[text] : steps;
}

/* Elements before the first step of a text. */
static gint64
text_offset (const Attention *t, gint64 text, gint64 matrix_stride, gint64 row_stride)
{
  return t->starts != NULL ? t->starts[text] * row_stride : text * matrix_stride;
}

/* Keys and values of one head. */
static GtfHeadTask
head_task (const Attention *t, gint64 bk, gint64 kv_head)
{
  GtfHeadTask task = { .queries = text_length (t, bk, t->queries), .keys = text_length (t, bk, t->keys), .d = t->d,
                       .dv = gtf_tensor_cols (t->v) / t->kv_heads, .ldq = t->q->row_stride, .ldk = t->k->row_stride, .ldv = t->v->row_stride,
                       .ldo = t->out->row_stride, .scale = t->scale, .narrow = t->narrow };
  gint64 size = (gint64) gtf_dtype_size (t->k->dtype);

  task.causal_past = t->a->causal ? task.keys - task.queries : -1;
  task.bf16_kv = t->k->dtype == GTF_DTYPE_BF16;
  task.k = (const char *) t->k->data + (text_offset (t, bk, gtf_tensor_matrix_stride (t->k), t->k->row_stride) + kv_head * t->d) * size;
  task.v = (const char *) t->v->data + (text_offset (t, bk, gtf_tensor_matrix_stride (t->v), t->v->row_stride) + kv_head * task.dv) * size;
  return task;
}

static void
pack_part (gpointer data, guint part, guint n_parts)
{
  const Attention *t = data;
  gint64 n = t->n_kv * t->kv_heads;

  for (gint64 i = part * n / n_parts; i < (part + 1) * n / n_parts; i++)
    {
      GtfHeadTask task = head_task (t, i / t->kv_heads, i % t->kv_heads);
      if (t->packed_at[i / t->kv_heads] >= 0)
        t->kernels->pack_head (&task, t->packed + t->packed_at[i / t->kv_heads] + i % t->kv_heads * t->kernels->pack_size (&task));
    }
}

/* What is added to the scores of one head: the mask [B or 1][1 or heads][queries or 1][keys], or numbers by distance. In these the row of
 * the next query begins one element earlier. */
static void
head_mask (const Attention *t, gint64 b, gint64 h, GtfHeadTask *task)
{
  const GtfTensor *m = t->mask;
  gint64 mb, mh, mq;

  if (t->distances != NULL && m == NULL)
    {
      gint64 row = gtf_tensor_cols (t->distances), heads = gtf_tensor_rows (t->distances);
      task->mask = gtf_tensor_f32 (t->distances) + (heads == 1 ? 0 : h) * row + row / 2 - MAX (task->causal_past, 0);
      task->mask_row = -1;
    }
  if (m == NULL)
    return;
  mb = t->a->which != NULL ? ((const gint32 *) t->a->which->data)[b] : m->shape[0] == 1 ? 0 : b;
  mh = m->shape[1] == 1 ? 0 : h;
  mq = m->shape[2];
  task->mask = gtf_tensor_f32 (m) + ((mb * m->shape[1] + mh) * mq) * t->keys;
  task->mask_row = mq == 1 ? 0 : t->keys;
}

/* Queries from .. to of one text and head. */
static void
attend (const Attention *t, gint64 b, gint64 h, gint64 from, gint64 to)
{
  gint64 kv_head = h / (t->heads / t->kv_heads), bk = b / (t->batch / t->n_kv);
  GtfHeadTask task = head_task (t, bk, kv_head);
  const float *packed = t->packed != NULL && t->packed_at[bk] >= 0 ? t->packed + t->packed_at[bk] + kv_head * t->kernels->pack_size (&task) : NULL;

  task.queries = text_length (t, b, t->queries);
  task.q = gtf_tensor_f32 (t->q) + text_offset (t, b, t->q_matrix, t->q->row_stride) + h * t->d;
  task.out = gtf_tensor_f32 (t->out) + text_offset (t, b, t->out_matrix, t->out->row_stride) + h * task.dv;
  if (t->weights != NULL)
    task.weights = gtf_tensor_f32 (t->weights) + (b * t->heads + h) * t->queries * t->keys;
  task.narrow = t->narrow && packed != NULL;
  head_mask (t, b, h, &task);
  t->kernels->attention (&task, packed, from, to);
}

/* Items are blocks of texts; the heads of one follow each other. */
static void
attention_part (gpointer data, guint part, guint n_parts)
{
  const Attention *t = data;
  gint64 item = part * t->n_items / n_parts, end = (part + 1) * t->n_items / n_parts, b = 0, high = t->batch;

  if (item == end)
    return;
  while (high - b > 1)
    {
      gint64 middle = (b + high) / 2;
      if (t->blocks[middle] <= item / t->heads)
        b = middle;
      else
        high = middle;
    }
  for (; item < end; item++)
    {
      gint64 block = item / t->heads, from;
      while (block >= t->blocks[b + 1])
        b++;
      from = (block - t->blocks[b]) * t->block;
      attend (t, b, item % t->heads, from, MIN (from + t->block, text_length (t, b, t->queries)));
    }
}

/* Texts one after the other: as many steps as the starts say. */
static gboolean
check_sequences (GtfContext *c, Attention *t)
{
  const GtfTensor *s = t->a->sequences, *q = t->q;
  gint64 n = s != NULL && s->n_dims == 1 ? s->shape[0] - 1 : 0;
  const gint32 *starts;

  if (s == NULL)
    return TRUE;
  if (s->dtype != GTF_DTYPE_I32 || n < 1 || q->shape[0] != 1 || t->k->shape[0] != 1 || q->shape[1] != t->k->shape[1] || t->a->mask != NULL
      || (t->a->weights != NULL && n > 1))
    {
      gtf_fail_shapes (c, q, s, "texts one after the other need I32 starts, queries and keys [1, N, ..] of the same steps, no mask and no weights");
      return FALSE;
    }
  starts = s->data;
  for (gint64 i = 0; i <= n; i++)
    if (starts[i] < (i > 0 ? starts[i - 1] : 0) || (i == 0 && starts[i] != 0) || (i == n && starts[i] != q->shape[1]))
      {
        gtf_fail (c, "start %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " texts is %d: starts must ascend from 0 to the %" G_GINT64_FORMAT " steps", i, n,
                  starts[i], q->shape[1]);
        return FALSE;
      }
  t->starts = starts;
  t->batch = t->n_kv = n;
  return TRUE;
}

static gboolean
check_distances (GtfContext *c, const Attention *t)
{
  const GtfTensor *m = t->a->distances;
  gint64 longest = t->starts != NULL ? 0 : MAX (t->queries, t->keys);

  if (m == NULL)
    return TRUE;
  for (gint64 i = 0; t->starts != NULL && i < t->batch; i++)
    longest = MAX (longest, text_length (t, i, 0));
  if (m->dtype == GTF_DTYPE_F32 && m->n_dims == 2 && (m->shape[0] == 1 || m->shape[0] == t->heads) && m->shape[1] % 2 == 1
      && m->shape[1] / 2 + 1 >= longest)
    return TRUE;
  gtf_fail_shapes (c, t->q, m, "the numbers by distance do not fit q");
  return FALSE;
}

/* Each of the batch takes a mask that is there. */
static gboolean
check_which (GtfContext *c, const Attention *t)
{
  const GtfTensor *which = t->a->which, *m = t->a->mask;
  gboolean ok = which == NULL || (m != NULL && t->a->distances == NULL && which->dtype == GTF_DTYPE_I32 && which->n_dims == 1 && which->shape[0] == t->batch);

  for (gint64 i = 0; ok && which != NULL && i < t->batch; i++)
    ok = ((const gint32 *) which->data)[i] >= 0 && ((const gint32 *) which->data)[i] < m->shape[0];
  if (!ok)
    gtf_fail_shapes (c, t->q, which, "expected, for each of the batch, the number of one of the masks");
  return ok;
}

static gboolean
check (GtfContext *c, Attention *t, const GtfAttention *a)
{
  const GtfTensor *q = t->q, *k = t->k, *v = t->v, *m = a->mask;
  g_autofree char *sq = NULL, *sk = NULL, *sv = NULL;

  if (q->n_dims == 3 && k->n_dims == 3 && v->n_dims == 3 && a->n_heads > 0 && t->kv_heads > 0 && a->n_heads % t->kv_heads == 0
      && q->shape[2] % a->n_heads == 0 && q->shape[2] > 0 && k->shape[2] == q->shape[2] / a->n_heads * t->kv_heads
      && v->shape[2] % t->kv_heads == 0 && v->shape[2] > 0 && k->shape[1] == v->shape[1] && k->shape[0] == v->shape[0]
      && k->shape[0] > 0 && q->shape[0] % k->shape[0] == 0 && (k->shape[1] > 0 || a->sequences != NULL)
      && (!a->causal || k->shape[1] >= q->shape[1]))
    {
      if (m == NULL
          || (m->dtype == GTF_DTYPE_F32 && m->n_dims == 4 && (a->which != NULL || m->shape[0] == 1 || m->shape[0] == q->shape[0])
              && (m->shape[1] == 1 || m->shape[1] == a->n_heads) && (m->shape[2] == 1 || m->shape[2] == q->shape[1])
              && m->shape[3] == k->shape[1]))
        return TRUE;
      gtf_fail_shapes (c, q, m, "the mask does not fit q");
      return FALSE;
    }
  sq = gtf_shape_to_string (q->n_dims, q->shape);
  sk = gtf_shape_to_string (k->n_dims, k->shape);
  sv = gtf_shape_to_string (v->n_dims, v->shape);
  gtf_fail (c, "q %s, k %s, v %s do not fit %" G_GINT64_FORMAT " heads, %" G_GINT64_FORMAT " of keys and values", sq, sk, sv, a->n_heads, t->kv_heads);
  return FALSE;
}

/* A float32 copy of what lies in bfloat16. */
static const GtfTensor *
widened (GtfContext *c, const GtfTensor *x)
{
  GtfTensor *y = gtf_new_tensor (c, GTF_DTYPE_F32, x->n_dims, x->shape);
  gint64 rows = gtf_tensor_rows (x);

  for (gint64 i = 0; y != NULL && i < rows; i++)
    c->kernels->widen (GTF_DTYPE_BF16, (const guint16 *) x->data + gtf_tensor_row_offset (x, i), gtf_tensor_cols (x),
                       gtf_tensor_f32 (y) + i * y->row_stride);
  return y;
}

/* Room for the keys and values of each text that has enough queries. */
static gboolean
plan_packing (GtfContext *c, Attention *t)
{
  gint64 size = 0, queries = t->heads / t->kv_heads * (t->batch / t->n_kv);

  t->packed_at = gtf_arena_alloc (c, (gsize) t->n_kv * sizeof *t->packed_at);
  for (gint64 i = 0; t->packed_at != NULL && i < t->n_kv; i++)
    {
      GtfHeadTask task = head_task (t, i, 0);
      gboolean few = task.queries * queries < FEW_QUERIES;
      t->packed_at[i] = few ? -1 : size;
      if (!few)
        size += t->kv_heads * t->kernels->pack_size (&task);
    }
  if (size > 0 && t->packed_at != NULL)
    t->packed = gtf_arena_alloc (c, (gsize) size * sizeof (float));
  return t->packed != NULL;
}

/* Whole texts where there are enough of them for the threads. */
static gboolean
plan_blocks (GtfContext *c, Attention *t)
{
  t->block = t->batch * t->heads >= 4 * (gint64) gtf_pool_get_n_threads (c->pool) ? G_MAXINT32 : BLOCK_QUERIES;
  t->blocks = gtf_arena_alloc (c, (gsize) (t->batch + 1) * sizeof *t->blocks);
  if (t->blocks == NULL)
    return FALSE;
  t->blocks[0] = 0;
  for (gint64 i = 0; i < t->batch; i++)
    t->blocks[i + 1] = t->blocks[i] + (text_length (t, i, t->queries) + t->block - 1) / t->block;
  t->n_items = t->blocks[t->batch] * t->heads;
  return TRUE;
}

/* A mask and numbers by distance cannot both be rows that lie somewhere: they are written out, [B][heads][queries][keys]. */
static const GtfTensor *
mask_with_distances (GtfContext *c, const Attention *t)
{
  GtfTensor *y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ t->batch, t->heads, t->queries, t->keys });
  float *to = y != NULL ? gtf_tensor_f32 (y) : NULL;

  for (gint64 i = 0; y != NULL && i < t->batch * t->heads * t->queries; i++, to += t->keys)
    {
      gint64 query = i % t->queries, h = i / t->queries % t->heads, b = i / t->queries / t->heads;
      GtfHeadTask distances = { .causal_past = t->a->causal ? t->keys - t->queries : -1 }, mask = distances;
      Attention only = *t;

      head_mask (t, b, h, &mask);
      only.mask = NULL;
      head_mask (&only, b, h, &distances);
      t->kernels->add (distances.mask + query * distances.mask_row, mask.mask + query * mask.mask_row, t->keys, to);
    }
  return y;
}

static void
prepare (GtfContext *c, Attention *t)
{
  guint n = gtf_pool_get_n_threads (c->pool);

  t->mask = t->a->mask != NULL ? gtf_packed (c, t->a->mask) : NULL;
  t->distances = t->a->distances != NULL ? gtf_packed (c, t->a->distances) : NULL;
  if (t->mask != NULL && t->distances != NULL)
    t->mask = mask_with_distances (c, t);
  if (!plan_blocks (c, t))
    return;
  if (t->k->dtype == GTF_DTYPE_BF16 && t->queries * (t->heads / t->kv_heads) * (t->batch / t->n_kv) >= FEW_QUERIES)
    {
      t->k = widened (c, t->k);
      t->v = widened (c, t->v);
      if (t->k == NULL || t->v == NULL)
        return;
    }
  t->narrow = c->narrow && t->weights == NULL && gtf_kernels_are_fast_in (t->kernels, GTF_DTYPE_BF16);
  if (plan_packing (c, t))
    gtf_pool_run (c->pool, (guint) MIN (t->n_kv * t->kv_heads, 16 * (gint64) n), pack_part, t);
}

/* Beams that share keys are further queries of one sequence, where nothing tells them apart. */
static void
fold_beams (Attention *t)
{
  gint64 beams = t->batch / t->n_kv;

  if (beams == 1 || t->a->causal || t->a->mask != NULL || t->a->distances != NULL || t->weights != NULL || !gtf_tensor_is_uniform (t->q))
    return;
  t->batch /= beams;
  t->queries *= beams;
  t->q_matrix = t->queries * t->q->row_stride;
  t->out_matrix = t->queries * t->out->row_stride;
}

static void
run (GtfContext *c, Attention *t)
{
  gsize mark = gtf_push (c);

  t->q_matrix = gtf_tensor_matrix_stride (t->q);
  t->out_matrix = gtf_tensor_matrix_stride (t->out);
  fold_beams (t);
  prepare (c, t);
  if (!gtf_failed (c) && t->n_items > 0)
    gtf_pool_run (c->pool, (guint) MIN (t->n_items, MOST_PARTS), attention_part, t);
  gtf_pop (c, mark);
}

/**
 * gtf_attention:
 * @q: (nullable): queries [B][Tq][heads * d]
 * @k: (nullable): keys [Bk][Tk][kv_heads * d]; Bk divides B
 * @v: (nullable): values [Bk][Tk][kv_heads * dv]
 * @a: heads, scale, masks
 *
 * Scaled dot-product attention (Vaswani et al. 2017).
 *
 * Returns: (transfer none) (nullable): [B][Tq][heads * dv]
 */
GtfTensor *
gtf_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfAttention *a)
{
  Attention t = { .kernels = c->kernels, .a = a, .q = q, .k = k, .v = v, .heads = a->n_heads };

  if (!gtf_op_begin (c, "attention", 1, q))
    return NULL;
  if (k == NULL || v == NULL || k->dtype != v->dtype || (k->dtype != GTF_DTYPE_F32 && k->dtype != GTF_DTYPE_BF16))
    {
      gtf_fail (c, "keys are %s and values %s, expected F32 or BF16, both alike", k != NULL ? gtf_dtype_name (k->dtype) : "missing",
                v != NULL ? gtf_dtype_name (v->dtype) : "missing");
      return NULL;
    }
  t.kv_heads = a->n_kv_heads > 0 ? a->n_kv_heads : a->n_heads;
  if (!check (c, &t, a))
    return NULL;
  t.batch = q->shape[0];
  t.n_kv = k->shape[0];
  t.queries = q->shape[1];
  t.keys = k->shape[1];
  t.d = q->shape[2] / a->n_heads;
  if (!check_sequences (c, &t) || !check_distances (c, &t) || !check_which (c, &t))
    return NULL;
  t.scale = a->scale != 0.0f ? a->scale : 1.0f / sqrtf ((float) t.d);
  t.out = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ q->shape[0], t.queries, v->shape[2] / t.kv_heads * t.heads });
  if (a->weights != NULL)
    *a->weights = t.weights = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ q->shape[0], t.heads, t.queries, t.keys });
  if (gtf_failed (c))
    return NULL;
  run (c, &t);
  return gtf_failed (c) ? NULL : t.out;
}
