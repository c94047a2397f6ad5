/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scaled dot-product attention: checks, and the split of heads and queries between the threads. The kernel
 * (core/kernels/attention.inc.c) sees one head at a time.
 */
#include "tensor/context-private.h"

#include <math.h>
#include <string.h>

typedef struct
{
  const GtfKernels *kernels;
  const GtfAttention *a;
  const GtfTensor *q, *k, *v, *mask;
  GtfTensor *out, *weights;
  gint64 batch, heads, kv_heads, d, queries, keys, q_matrix, out_matrix;
  float scale;
  float *packed;                /* keys and values, [Bk][kv_heads][packed_size]; NULL: they are read as they lie */
  gint64 packed_size;
  gint64 query_blocks, block;
  gboolean narrow;              /* bfloat16 products */
} Attention;

#define BLOCK_QUERIES 96        /* a multiple of all tiles' rows */

/* Keys and values of one head. */
static GtfHeadTask
head_task (const Attention *t, gint64 bk, gint64 kv_head)
{
  GtfHeadTask task = { .queries = t->queries, .keys = t->keys, .d = t->d, .dv = gtf_tensor_cols (t->v) / t->kv_heads,
                       .ldq = t->q->row_stride, .ldk = t->k->row_stride, .ldv = t->v->row_stride, .ldo = t->out->row_stride,
                       .scale = t->scale, .causal_past = t->a->causal ? t->keys - t->queries : -1,
                       .narrow = t->narrow };
  gint64 size;

  task.bf16_kv = t->k->dtype == GTF_DTYPE_BF16;
  size = (gint64) gtf_dtype_size (t->k->dtype);
  task.k = (const char *) t->k->data + (bk * gtf_tensor_matrix_stride (t->k) + kv_head * t->d) * size;
  task.v = (const char *) t->v->data + (bk * gtf_tensor_matrix_stride (t->v) + kv_head * task.dv) * size;
  return task;
}

static void
pack_part (gpointer data, guint part, guint n_parts)
{
  const Attention *t = data;
  gint64 n = t->k->shape[0] * t->kv_heads;

  for (gint64 i = part * n / n_parts; i < (part + 1) * n / n_parts; i++)
    {
      GtfHeadTask task = head_task (t, i / t->kv_heads, i % t->kv_heads);
      t->kernels->pack_head (&task, t->packed + i * t->packed_size);
    }
}

/* The mask of one head: [B or 1][1 or heads][queries or 1][keys]. */
static void
head_mask (const Attention *t, gint64 b, gint64 h, GtfHeadTask *task)
{
  const GtfTensor *m = t->mask;
  gint64 mb, mh, mq;

  if (m == NULL)
    return;
  mb = m->shape[0] == 1 ? 0 : b;
  mh = m->shape[1] == 1 ? 0 : h;
  mq = m->shape[2];
  task->mask = gtf_tensor_f32 (m) + ((mb * m->shape[1] + mh) * mq) * t->keys;
  task->mask_row = mq == 1 ? 0 : t->keys;
}

static void
attention_part (gpointer data, guint part, guint n_parts)
{
  const Attention *t = data;
  gint64 block = part % t->query_blocks, bh = part / t->query_blocks, h = bh % t->heads, b = bh / t->heads;
  gint64 kv_head = h / (t->heads / t->kv_heads), bk = b / (t->batch / t->k->shape[0]);
  gint64 from = block * t->block, to = MIN (from + t->block, t->queries);
  GtfHeadTask task = head_task (t, bk, kv_head);

  task.q = gtf_tensor_f32 (t->q) + b * t->q_matrix + h * t->d;
  task.out = gtf_tensor_f32 (t->out) + b * t->out_matrix + h * task.dv;
  if (t->weights != NULL)
    task.weights = gtf_tensor_f32 (t->weights) + bh * t->queries * t->keys;
  head_mask (t, b, h, &task);
  t->kernels->attention (&task, t->packed != NULL ? t->packed + (bk * t->kv_heads + kv_head) * t->packed_size : NULL, from, to);
}

static gboolean
check (GtfContext *c, Attention *t, const GtfAttention *a)
{
  const GtfTensor *q = t->q, *k = t->k, *v = t->v, *m = a->mask;
  g_autofree char *sq = NULL, *sk = NULL, *sv = NULL;

  if (q->n_dims == 3 && k->n_dims == 3 && v->n_dims == 3 && a->n_heads > 0 && t->kv_heads > 0 && a->n_heads % t->kv_heads == 0
      && q->shape[2] % a->n_heads == 0 && q->shape[2] > 0 && k->shape[2] == q->shape[2] / a->n_heads * t->kv_heads
      && v->shape[2] % t->kv_heads == 0 && v->shape[2] > 0 && k->shape[1] == v->shape[1] && k->shape[0] == v->shape[0]
      && k->shape[0] > 0 && q->shape[0] % k->shape[0] == 0 && k->shape[1] > 0
      && (!a->causal || k->shape[1] >= q->shape[1]))
    {
      if (m == NULL
          || (m->dtype == GTF_DTYPE_F32 && m->n_dims == 4 && (m->shape[0] == 1 || m->shape[0] == q->shape[0])
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

static void
prepare (GtfContext *c, Attention *t)
{
  guint n = gtf_pool_get_n_threads (c->pool);
  GtfHeadTask task;

  t->mask = t->a->mask != NULL ? gtf_packed (c, t->a->mask) : NULL;
  t->block = t->batch * t->heads >= 4 * (gint64) n ? MAX (t->queries, 1) : BLOCK_QUERIES;
  t->query_blocks = MAX ((t->queries + t->block - 1) / t->block, 1);
  while (t->batch * t->heads * t->query_blocks > 60000 && t->block < t->queries)
    {
      t->block *= 2;
      t->query_blocks = (t->queries + t->block - 1) / t->block;
    }
  /* Few queries: packing would cost more than it saves. */
  if (t->queries * (t->heads / t->kv_heads) * (t->batch / t->k->shape[0]) < 8)
    return;
  if (t->k->dtype == GTF_DTYPE_BF16)
    {
      t->k = widened (c, t->k);
      t->v = widened (c, t->v);
      if (t->k == NULL || t->v == NULL)
        return;
    }
  t->narrow = c->narrow && t->weights == NULL && strcmp (t->kernels->name, "avx512") == 0 && gtf_cpu_has_bf16 ();
  task = head_task (t, 0, 0);
  t->packed_size = t->kernels->pack_size (&task);
  t->packed = gtf_arena_alloc (c, (gsize) (t->k->shape[0] * t->kv_heads * t->packed_size) * sizeof (float));
  if (t->packed != NULL)
    gtf_pool_run (c->pool, (guint) MIN (t->k->shape[0] * t->kv_heads, n), pack_part, t);
}

/* Beams that share keys are further queries of one sequence, where nothing tells them apart. */
static void
fold_beams (Attention *t)
{
  gint64 beams = t->batch / t->k->shape[0];

  if (beams == 1 || t->a->causal || t->a->mask != NULL || t->weights != NULL || !gtf_tensor_is_uniform (t->q))
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
  gint64 parts;

  t->q_matrix = gtf_tensor_matrix_stride (t->q);
  t->out_matrix = gtf_tensor_matrix_stride (t->out);
  fold_beams (t);
  prepare (c, t);
  parts = t->batch * t->heads * t->query_blocks;
  if (parts > 0xffff)
    gtf_fail (c, "%" G_GINT64_FORMAT " sequences with %" G_GINT64_FORMAT " heads are too many for one call", t->batch, t->heads);
  if (!gtf_failed (c) && t->queries > 0)
    gtf_pool_run (c->pool, (guint) parts, attention_part, t);
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
  t.queries = q->shape[1];
  t.keys = k->shape[1];
  t.d = q->shape[2] / a->n_heads;
  t.scale = a->scale != 0.0f ? a->scale : 1.0f / sqrtf ((float) t.d);
  t.out = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ t.batch, t.queries, v->shape[2] / t.kv_heads * t.heads });
  if (a->weights != NULL)
    *a->weights = t.weights = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ t.batch, t.heads, t.queries, t.keys });
  if (gtf_failed (c))
    return NULL;
  run (c, &t);
  return gtf_failed (c) ? NULL : t.out;
}
