/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Checks and views for self-attention by blocks.
 */
#include "tensor/self-attention-private.h"

#include <math.h>
#include <string.h>

/* What a mask can take from a score: more than any score, but so little that the kernel's differences of such numbers stay small. A query
 * which sees nothing but padding gets some mean then and not NaN, which the next layer would spread. */
#define LOWEST -1e6f

static gboolean
check (GtfContext *c, const GtfSelfAttention *t)
{
  const GtfTensor *q = t->q, *k = t->k, *v = t->v, *m = t->mask;

  if (q->n_dims != 3 || k->n_dims != 3 || v->n_dims != 3 || t->heads < 1 || q->shape[2] % t->heads != 0 || q->shape[2] == 0
      || v->shape[2] % t->heads != 0 || v->shape[2] == 0 || k->shape[2] != q->shape[2] || k->shape[1] != q->shape[1]
      || k->shape[0] != q->shape[0] || v->shape[1] != q->shape[1] || v->shape[0] != q->shape[0])
    {
      gtf_fail_shapes (c, q, k, "queries, keys and values do not fit each other or their heads");
      return FALSE;
    }
  if (m == NULL
      || (m->dtype == GTF_DTYPE_F32 && m->n_dims == 4 && t->sequences.starts == NULL && (m->shape[0] == 1 || m->shape[0] == q->shape[0])
          && (m->shape[1] == 1 || m->shape[1] == t->heads) && (m->shape[2] == 1 || m->shape[2] == q->shape[1]) && m->shape[3] == k->shape[1]))
    return TRUE;
  gtf_fail_shapes (c, q, m, "the mask does not fit q");
  return FALSE;
}

gboolean
gtf_self_attention_begin (GtfContext *c, const char *op, GtfSelfAttention *t, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v,
                          const GtfSelfAttentionArgs *args)
{
  *t = (GtfSelfAttention){ .kernels = c->kernels, .q = q, .k = k, .v = v, .mask = args->mask, .heads = args->n_heads };
  if (!gtf_op_begin (c, op, 3, q, k, v) || !gtf_sequences_read (c, q, args->sequences, &t->sequences) || !check (c, t))
    return FALSE;
  t->d = q->shape[2] / t->heads;
  t->dv = v->shape[2] / t->heads;
  t->scale = args->scale != 0.0f ? args->scale : 1.0f / sqrtf ((float) t->d);
  t->narrow = c->narrow && args->weights == NULL && gtf_kernels_are_fast_in (c->kernels, GTF_DTYPE_BF16);
  t->mask = t->mask != NULL ? gtf_packed (c, t->mask) : NULL;
  if (args->weights != NULL && t->sequences.starts != NULL && t->sequences.n > 1)
    {
      gtf_fail (c, "the probabilities of packed texts have no common shape: ask for them text by text");
      return FALSE;
    }
  t->out = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ q->shape[0], q->shape[1], v->shape[2] });
  if (args->weights != NULL)
    {
      t->weights = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ q->shape[0], t->heads, q->shape[1], q->shape[1] });
      if (t->weights != NULL)
        memset (t->weights->data, 0, gtf_tensor_get_n_elements (t->weights) * sizeof (float));
      *args->weights = t->weights;
    }
  return !gtf_failed (c);
}

/* Text b of x [B][T][..], or of a packed one. */
static float *
text (const GtfSelfAttention *t, const GtfTensor *x, gint64 b)
{
  return gtf_tensor_f32 (x) + (t->sequences.starts != NULL ? t->sequences.starts[b] * x->row_stride : b * gtf_tensor_matrix_stride (x));
}

GtfHeadTask
gtf_self_attention_head (const GtfSelfAttention *t, gint64 b, gint64 head)
{
  gint64 n = gtf_sequence_length (&t->sequences, b);

  return (GtfHeadTask){ .queries = n, .keys = n, .d = t->d, .dv = t->dv, .q = text (t, t->q, b) + head * t->d, .k = text (t, t->k, b) + head * t->d,
                        .v = text (t, t->v, b) + head * t->dv, .ldq = t->q->row_stride, .ldk = t->k->row_stride, .ldv = t->v->row_stride,
                        .scale = t->scale, .causal_past = -1, .out = text (t, t->out, b) + head * t->dv, .ldo = t->out->row_stride,
                        .weights = t->weights != NULL ? gtf_tensor_f32 (t->weights) + (b * t->heads + head) * n * n : NULL, .narrow = t->narrow };
}

void
gtf_self_attention_mask (const GtfSelfAttention *t, gint64 b, gint64 head, gint64 query, gint64 first, gint64 n, float *row)
{
  const GtfTensor *m = t->mask;
  const float *from;
  gint64 mb, mh, mq;

  if (m == NULL)
    return;
  mb = m->shape[0] == 1 ? 0 : b;
  mh = m->shape[1] == 1 ? 0 : head;
  mq = m->shape[2] == 1 ? 0 : query;
  from = gtf_tensor_f32 (m) + ((mb * m->shape[1] + mh) * m->shape[2] + mq) * m->shape[3] + first;
  for (gint64 i = 0; i < n; i++)
    row[i] += MAX (from[i], LOWEST);
}
