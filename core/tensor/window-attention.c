/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Self-attention within a window (Longformer, ModernBERT's local layers): a block of queries works with the keys that at least one
 * of them sees, before them those first keys of the text that all see, behind them one of zeros that stands for the sink, if there is one.
 */
#include "tensor/positions.h"
#include "tensor/self-attention-private.h"

#include <math.h>
#include <string.h>

#define QUERIES 96              /* of a block */

typedef struct
{
  GtfSelfAttention self;
  GtfSelfAttention global;      /* of those first tokens as queries */
  gint64 before, after, most_globals;
  const gint32 *globals;        /* [texts]; NULL: none */
  const float *sinks;           /* [heads]; NULL: none */
  gint64 blocks;                /* of the longest text */
  gint64 most_keys, packed_size, scratch_size;
  float *scratch;
} Window;

/* One block of queries of one head of one text. */
typedef struct
{
  const Window *t;
  gint64 b, head, q0, q1;
  gint64 globals, first, last;  /* keys: globals first ones, then first .. last */
  GtfHeadTask task;
  float *packed, *addends, *keys, *values, *weights;
} Block;

/* The keys and values of the block where they do not lie together. */
static void
gather (Block *b)
{
  const Window *t = b->t;
  gint64 d = t->self.d, dv = t->self.dv, n = b->globals + b->last - b->first;

  for (gint64 i = 0; i < n; i++)
    {
      gint64 from = i < b->globals ? i : b->first + i - b->globals;
      memcpy (b->keys + i * d, (const float *) b->task.k + from * b->task.ldk, (gsize) d * sizeof (float));
      memcpy (b->values + i * dv, (const float *) b->task.v + from * b->task.ldv, (gsize) dv * sizeof (float));
    }
  if (t->sinks != NULL)
    {
      memset (b->keys + n * d, 0, (gsize) d * sizeof (float));
      memset (b->values + n * dv, 0, (gsize) dv * sizeof (float));
    }
  b->task.k = b->keys;
  b->task.v = b->values;
  b->task.ldk = d;
  b->task.ldv = dv;
}

/* Minus infinity outside of each query's window, the mask within. */
static void
fill_addends (Block *b)
{
  const Window *t = b->t;
  gint64 n = b->task.keys;

  for (gint64 i = b->q0; i < b->q1; i++)
    {
      float *row = b->addends + (i - b->q0) * n, *own = row + b->globals;
      gint64 from = CLAMP (i - t->before, b->first, b->last), to = CLAMP (i + t->after + 1, b->first, b->last);
      memset (row, 0, (gsize) n * sizeof *row);
      for (gint64 k = b->first; k < from; k++)
        own[k - b->first] = -INFINITY;
      for (gint64 k = to; k < b->last; k++)
        own[k - b->first] = -INFINITY;
      if (t->sinks != NULL)
        row[n - 1] = t->sinks[b->head];
      gtf_self_attention_mask (&t->self, b->b, b->head, i, 0, b->globals, row);
      gtf_self_attention_mask (&t->self, b->b, b->head, i, b->first, b->last - b->first, own);
    }
}

/* Probabilities of the block -> their places in [T][T]. */
static void
scatter_weights (Block *b, float *all, gint64 keys)
{
  for (gint64 i = b->q0; i < b->q1; i++)
    {
      const float *row = b->weights + (i - b->q0) * b->task.keys;
      memcpy (all + i * keys, row, (gsize) b->globals * sizeof *row);
      memcpy (all + i * keys + b->first, row + b->globals, (gsize) (b->last - b->first) * sizeof *row);
    }
}

static void
run_block (Block *b)
{
  const Window *t = b->t;
  gint64 n = b->task.keys;
  float *all = b->task.weights;

  b->globals = t->globals != NULL ? MIN (t->globals[b->b], n) : 0;
  b->first = MAX (b->q0 - t->before, 0);
  b->last = MIN (b->q1 + t->after, n);
  b->first = MAX (b->first, b->globals);
  b->last = MAX (b->last, b->first);
  if (b->globals > 0 || t->sinks != NULL)
    gather (b);
  else
    {
      b->task.k = (const float *) b->task.k + b->first * b->task.ldk;
      b->task.v = (const float *) b->task.v + b->first * b->task.ldv;
    }
  b->task.keys = b->globals + b->last - b->first + (t->sinks != NULL);
  b->task.queries = b->q1 - b->q0;
  b->task.q += b->q0 * b->task.ldq;
  b->task.out += b->q0 * b->task.ldo;
  b->task.mask = b->addends;
  b->task.mask_row = b->task.keys;
  b->task.weights = all != NULL ? b->weights : NULL;
  fill_addends (b);
  t->self.kernels->pack_head (&b->task, b->packed);
  t->self.kernels->attention (&b->task, b->packed, 0, b->task.queries);
  if (all != NULL)
    scatter_weights (b, all, n);
}

static void
attention_part (gpointer data, guint part, guint n_parts)
{
  const Window *t = data;
  gint64 units = t->self.sequences.n * t->self.heads * t->blocks;
  float *scratch = t->scratch + part * t->scratch_size;

  for (gint64 i = part * units / n_parts; i < (part + 1) * units / n_parts; i++)
    {
      Block b = { .t = t, .b = i / t->blocks / t->self.heads, .head = i / t->blocks % t->self.heads, .q0 = i % t->blocks * QUERIES };
      gint64 n = gtf_sequence_length (&t->self.sequences, b.b);
      if (b.q0 >= n)
        continue;
      b.q1 = MIN (b.q0 + QUERIES, n);
      b.packed = scratch;
      b.addends = b.packed + t->packed_size;
      b.keys = b.addends + QUERIES * t->most_keys;
      b.values = b.keys + t->most_keys * t->self.d;
      b.weights = b.values + t->most_keys * t->self.dv;
      b.task = gtf_self_attention_head (&t->self, b.b, b.head);
      run_block (&b);
    }
}

/* The first tokens of one head of one text, which see all of it. */
static void
globals_part (gpointer data, guint part, guint n_parts)
{
  const Window *t = data;
  gint64 units = t->self.sequences.n * t->self.heads;
  float *scratch = t->scratch + part * t->scratch_size;

  for (gint64 i = part * units / n_parts; i < (part + 1) * units / n_parts; i++)
    {
      gint64 b = i / t->self.heads, head = i % t->self.heads, n = gtf_sequence_length (&t->self.sequences, b), globals = MIN (t->globals[b], n);
      GtfHeadTask task = gtf_self_attention_head (&t->global, b, head);
      float *row = scratch + t->packed_size;
      if (globals == 0)
        continue;
      task.queries = globals;
      task.out = gtf_self_attention_head (&t->self, b, head).out;
      task.ldo = t->self.out->row_stride;
      memset (row, 0, (gsize) n * sizeof *row);
      gtf_self_attention_mask (&t->self, b, head, 0, 0, n, row);
      task.mask = row;
      task.mask_row = 0;
      t->self.kernels->pack_head (&task, scratch);
      t->self.kernels->attention (&task, scratch, 0, globals);
    }
}

static void
run_globals (GtfContext *c, Window *t)
{
  gint64 units = t->self.sequences.n * t->self.heads;
  guint n_parts = (guint) MIN (units, 2 * (gint64) gtf_pool_get_n_threads (c->pool));
  GtfHeadTask task = gtf_self_attention_head (&t->global, 0, 0);

  task.queries = t->most_globals;
  task.keys = t->self.sequences.longest;
  t->packed_size = (t->self.kernels->pack_size (&task) + 15) / 16 * 16;
  t->scratch_size = (t->packed_size + t->self.sequences.longest + 15) / 16 * 16;
  t->scratch = gtf_arena_alloc (c, (gsize) (n_parts * t->scratch_size) * sizeof (float));
  if (t->scratch != NULL)
    gtf_pool_run (c->pool, n_parts, globals_part, t);
}

static gboolean
check_globals (GtfContext *c, Window *t, const GtfTensor *globals)
{
  if (globals == NULL)
    return TRUE;
  if (globals->dtype != GTF_DTYPE_I32 || globals->n_dims != 1 || globals->shape[0] != t->self.sequences.n)
    {
      gtf_fail_shapes (c, t->self.q, globals, "globals are one I32 a text");
      return FALSE;
    }
  t->globals = globals->data;
  for (gint64 i = 0; i < t->self.sequences.n; i++)
    if (t->globals[i] < 0)
      {
        gtf_fail (c, "text %" G_GINT64_FORMAT " has %d keys that all see", i, t->globals[i]);
        return FALSE;
      }
    else
      t->most_globals = MAX (t->most_globals, MIN (t->globals[i], gtf_sequence_length (&t->self.sequences, i)));
  return TRUE;
}

static gboolean
check_sinks (GtfContext *c, Window *t, const GtfTensor *sinks)
{
  if (sinks == NULL)
    return TRUE;
  if (sinks->dtype != GTF_DTYPE_F32 || (gint64) gtf_tensor_get_n_elements (sinks) != t->self.heads)
    {
      gtf_fail_shapes (c, t->self.q, sinks, "sinks are one F32 a head");
      return FALSE;
    }
  t->sinks = gtf_tensor_f32 (sinks);
  return TRUE;
}

static void
run (GtfContext *c, Window *t)
{
  gint64 longest = t->self.sequences.longest, units;
  GtfHeadTask task = gtf_self_attention_head (&t->self, 0, 0);
  guint n_parts;

  t->blocks = (longest + QUERIES - 1) / QUERIES;
  t->most_keys = MIN (t->before + t->after + QUERIES + t->most_globals, longest) + (t->sinks != NULL);
  task.queries = QUERIES;
  task.keys = t->most_keys;
  t->packed_size = (t->self.kernels->pack_size (&task) + 15) / 16 * 16;
  t->scratch_size = (t->packed_size + t->most_keys * (QUERIES + t->self.d + t->self.dv + (t->self.weights != NULL ? QUERIES : 0)) + 15) / 16 * 16;
  units = t->self.sequences.n * t->self.heads * t->blocks;
  n_parts = (guint) MIN (units, 3 * (gint64) gtf_pool_get_n_threads (c->pool));
  t->scratch = gtf_arena_alloc (c, (gsize) (n_parts * t->scratch_size) * sizeof (float));
  if (t->scratch != NULL)
    gtf_pool_run (c->pool, n_parts, attention_part, t);
}

/**
 * gtf_window_attention:
 * @q: (nullable): queries [B][T][heads * d]
 * @k: (nullable): keys, as @q
 * @v: (nullable): values [B][T][heads * dv]
 * @a: the window, masks
 *
 * Self-attention in which query i sees keys i - before .. i + after and the first keys of its text (Beltagy et al. 2020).
 *
 * Returns: (transfer none) (nullable): [B][T][heads * dv]
 */
GtfTensor *
gtf_window_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfWindowAttention *a)
{
  const GtfSelfAttentionArgs args = { a->n_heads, a->scale, a->mask, a->sequences, a->weights };
  Window t = { .before = a->before, .after = a->after };
  gsize mark;

  if (!gtf_self_attention_begin (c, "window_attention", &t.self, q, k, v, &args) || !check_globals (c, &t, a->globals) || !check_sinks (c, &t, a->sinks))
    return NULL;
  if (a->before < 0 || a->after < 0)
    {
      gtf_fail (c, "a window of %" G_GINT64_FORMAT " keys before and %" G_GINT64_FORMAT " after", a->before, a->after);
      return NULL;
    }
  if (a->global_query != NULL && a->weights == NULL && t.most_globals > 0)
    {
      const GtfSelfAttentionArgs all = { a->n_heads, a->scale, NULL, a->sequences, NULL };
      if (!gtf_self_attention_begin (c, "window_attention", &t.global, a->global_query, a->global_keys, a->global_values, &all))
        return NULL;
      if (memcmp (t.global.out->shape, t.self.out->shape, 3 * sizeof (gint64)) != 0)
        {
          gtf_fail_shapes (c, t.self.out, t.global.out, "the queries, keys and values of globals do not fit q and v");
          return NULL;
        }
    }
  else if (a->global_query != NULL && t.most_globals > 0)
    {
      gtf_fail (c, "the probabilities of tokens that see all are not given");
      return NULL;
    }
  /* a window beyond the text is the text */
  t.before = MIN (t.before, t.self.sequences.longest);
  t.after = MIN (t.after, t.self.sequences.longest);
  mark = gtf_push (c);
  if (t.self.sequences.n > 0 && t.self.sequences.longest > 0)
    run (c, &t);
  gtf_pop (c, mark);
  if (!gtf_failed (c) && t.global.q != NULL && t.self.sequences.longest > 0)
    run_globals (c, &t);
  gtf_pop (c, mark);
  return gtf_failed (c) ? NULL : t.self.out;
}
