/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * BigBird's attention by blocks: the first and the last block see all and are seen by all, the others see their neighbours and some
 * random blocks. transformers draws no random blocks outside of training, but takes the first block in their stead, once more for each: as
 * a key that stands there 1 + n times counts exp (score) (1 + n), its scores get the logarithm of that number.
 */
#include "tensor/positions.h"
#include "tensor/self-attention-private.h"

#include <math.h>
#include <string.h>

typedef struct
{
  GtfSelfAttention self;
  gint64 block, n_random;
  gint64 packed_size, scratch_size;     /* of one part */
  float *scratch;
} Blocks;

/* One head of one text, and what a thread works in. */
typedef struct
{
  const Blocks *t;
  gint64 b, head;
  GtfHeadTask task;
  float *packed, *addends, *keys, *values;
} Head;

/* Appends the keys of a block; gives how many there are now. */
static gint64
take_block (Head *h, gint64 block, float addend, gint64 n)
{
  const Blocks *t = h->t;
  gint64 d = t->self.d, dv = t->self.dv, from = block * t->block, to = MIN (from + t->block, h->task.keys);

  for (gint64 i = from; i < to; i++)
    {
      memcpy (h->keys + (n + i - from) * d, (const float *) h->task.k + i * h->task.ldk, (gsize) d * sizeof (float));
      memcpy (h->values + (n + i - from) * dv, (const float *) h->task.v + i * h->task.ldv, (gsize) dv * sizeof (float));
      h->addends[n + i - from] = addend;
    }
  gtf_self_attention_mask (&t->self, h->b, h->head, 0, from, to - from, h->addends + n);
  return n + to - from;
}

/* A block between the first and the last. */
static void
run_middle (Head *h, gint64 block, gint64 n_blocks)
{
  const Blocks *t = h->t;
  GtfHeadTask task = h->task;
  gint64 n = take_block (h, 0, logf ((float) (1 + t->n_random)), 0);

  for (gint64 i = MAX (block - 1, 1); i <= block + 1; i++)
    n = take_block (h, i, 0.0f, n);
  if (block + 1 < n_blocks - 1)
    n = take_block (h, n_blocks - 1, 0.0f, n);
  task.queries = t->block;
  task.q += block * t->block * task.ldq;
  task.out += block * t->block * task.ldo;
  task.keys = n;
  task.k = h->keys;
  task.v = h->values;
  task.ldk = t->self.d;
  task.ldv = t->self.dv;
  task.mask = h->addends;
  task.mask_row = 0;
  t->self.kernels->pack_head (&task, h->packed);
  t->self.kernels->attention (&task, h->packed, 0, t->block);
}

/* Queries from .. to see all keys, which lie packed. */
static void
run_all (Head *h, gint64 from, gint64 to)
{
  GtfHeadTask task = h->task;

  task.mask = h->addends;
  task.mask_row = 0;
  h->t->self.kernels->attention (&task, h->packed, from, to);
}

static void
run_head (Head *h)
{
  const Blocks *t = h->t;
  gint64 n = h->task.keys, n_blocks = (n + t->block - 1) / t->block;

  memset (h->addends, 0, (gsize) n * sizeof (float));
  gtf_self_attention_mask (&t->self, h->b, h->head, 0, 0, n, h->addends);
  t->self.kernels->pack_head (&h->task, h->packed);
  if (n <= (5 + 2 * t->n_random) * t->block)
    {
      run_all (h, 0, n);
      return;
    }
  run_all (h, 0, t->block);
  run_all (h, (n_blocks - 1) * t->block, n);
  for (gint64 i = 1; i < n_blocks - 1; i++)
    run_middle (h, i, n_blocks);
}

static void
attention_part (gpointer data, guint part, guint n_parts)
{
  const Blocks *t = data;
  gint64 units = t->self.sequences.n * t->self.heads, most = MAX (t->self.sequences.longest, 5 * t->block);

  for (gint64 i = part * units / n_parts; i < (part + 1) * units / n_parts; i++)
    {
      Head h = { .t = t, .b = i / t->self.heads, .head = i % t->self.heads, .packed = t->scratch + part * t->scratch_size };
      h.addends = h.packed + t->packed_size;
      h.keys = h.addends + most;
      h.values = h.keys + 5 * t->block * t->self.d;
      h.task = gtf_self_attention_head (&t->self, h.b, h.head);
      if (h.task.keys > 0)
        run_head (&h);
    }
}

static void
run (GtfContext *c, Blocks *t)
{
  gint64 units = t->self.sequences.n * t->self.heads, most = MAX (t->self.sequences.longest, 5 * t->block);
  guint n_parts = (guint) MIN (units, 3 * (gint64) gtf_pool_get_n_threads (c->pool));
  GtfHeadTask task = gtf_self_attention_head (&t->self, 0, 0);

  task.queries = task.keys = most;
  t->packed_size = (t->self.kernels->pack_size (&task) + 15) / 16 * 16;
  t->scratch_size = (t->packed_size + most + 5 * t->block * (t->self.d + t->self.dv) + 15) / 16 * 16;
  t->scratch = gtf_arena_alloc (c, (gsize) (n_parts * t->scratch_size) * sizeof (float));
  if (t->scratch != NULL)
    gtf_pool_run (c->pool, n_parts, attention_part, t);
}

/**
 * gtf_block_attention:
 * @q: (nullable): queries [B][T][heads * d]
 * @k: (nullable): keys, as @q
 * @v: (nullable): values [B][T][heads * dv]
 * @a: blocks, masks
 *
 * Returns: (transfer none) (nullable): [B][T][heads * dv]
 */
GtfTensor *
gtf_block_attention (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfBlockAttention *a)
{
  const GtfSelfAttentionArgs args = { a->n_heads, 0.0f, a->mask, a->sequences, NULL };
  Blocks t = { .block = a->block, .n_random = a->n_random };
  gsize mark;

  if (!gtf_self_attention_begin (c, "block_attention", &t.self, q, k, v, &args))
    return NULL;
  if (a->block < 1 || a->block > G_MAXINT32 || a->n_random < 0 || a->n_random > G_MAXINT32)
    {
      gtf_fail (c, "blocks of %" G_GINT64_FORMAT " tokens, %" G_GINT64_FORMAT " of them random", a->block, a->n_random);
      return NULL;
    }
  /* with fewer tokens than five blocks there are no blocks, so a huge one costs nothing */
  mark = gtf_push (c);
  if (t.self.sequences.n > 0 && t.self.sequences.longest > 0)
    run (c, &t);
  gtf_pop (c, mark);
  return gtf_failed (c) ? NULL : t.self.out;
}
