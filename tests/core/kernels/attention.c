/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention of one head against a plain one in double: odd sizes, masks, causal, with and without packed keys.
 */
#include <float.h>
#include "check.h"

typedef struct
{
  gint64 queries, keys, d, dv;
  gboolean causal, mask, packed, narrow, bf16_kv;
} Case;

static void
reference (const GtfHeadTask *t, gint64 query, double *p, double *out)
{
  gint64 n = t->causal_past >= 0 ? t->causal_past + query + 1 : t->keys;
  double top = -INFINITY, sum = 0;

  for (gint64 j = 0; j < t->keys; j++)
    {
      p[j] = 0;
      for (gint64 l = 0; l < t->d; l++)
        p[j] += (double) t->q[query * t->ldq + l] * ((const float *) t->k)[j * t->ldk + l];
      p[j] = j < n ? p[j] * t->scale + (t->mask != NULL ? t->mask[query * t->mask_row + j] : 0) : -INFINITY;
      top = MAX (top, p[j]);
    }
  for (gint64 j = 0; j < t->keys; j++)
    sum += p[j] = exp (p[j] - top);
  for (gint64 l = 0; l < t->dv; l++)
    out[l] = 0;
  for (gint64 j = 0; j < t->keys; j++)
    {
      p[j] /= sum;
      for (gint64 l = 0; l < t->dv; l++)
        out[l] += p[j] * ((const float *) t->v)[j * t->ldv + l];
    }
}

static void
check_case (const GtfKernels *kernels, const Case *c)
{
  guint32 seed = (guint32) (c->queries * 7 + c->keys * 3 + c->d);
  gint64 ld = 2 * MAX (c->d, c->dv) + 3;
  g_autofree float *q = check_randoms (&seed, (gsize) (c->queries * ld)), *k = check_randoms (&seed, (gsize) (c->keys * ld));
  g_autofree float *v = check_randoms (&seed, (gsize) (c->keys * ld)), *mask = check_randoms (&seed, (gsize) (c->queries * c->keys));
  g_autofree float *out = g_new0 (float, c->queries * ld), *weights = g_new0 (float, c->queries * c->keys);
  g_autofree double *p = g_new (double, c->keys), *expected = g_new (double, c->dv);
  GtfHeadTask t = { c->queries, c->keys, c->d, c->dv, q, k, v, ld, ld, ld, 1.7f / sqrtf ((float) c->d), c->causal ? c->keys - c->queries : -1,
                    c->mask ? mask : NULL, c->keys, c->narrow ? NULL : weights, out, ld, FALSE, c->narrow };
  g_autofree float *packed = g_new0 (float, kernels->pack_size (&t));
  g_autofree guint16 *k16 = g_new (guint16, c->keys * ld), *v16 = g_new (guint16, c->keys * ld);
  GtfHeadTask run = t;
  g_autofree char *what = g_strdup_printf ("%s: %d queries %d keys d %d dv %d causal %d packed %d", kernels->name, (int) c->queries,
                                           (int) c->keys, (int) c->d, (int) c->dv, c->causal, c->packed);

  if (c->mask)
    for (gint64 i = 0; i < c->queries * c->keys; i++)
      if (i % 7 == 6)
        mask[i] = -INFINITY;
  if (c->packed)
    kernels->pack_head (&t, packed);
  if (c->bf16_kv)
    {
      /* the reference sees the rounded numbers */
      kernels->to_bf16 (k, c->keys * ld, k16);
      kernels->widen (GTF_DTYPE_BF16, k16, c->keys * ld, k);
      kernels->to_bf16 (v, c->keys * ld, v16);
      kernels->widen (GTF_DTYPE_BF16, v16, c->keys * ld, v);
      run = t;
      run.k = k16;
      run.v = v16;
      run.bf16_kv = TRUE;
    }
  kernels->attention (&run, c->packed ? packed : NULL, 0, c->queries / 2);
  kernels->attention (&run, c->packed ? packed : NULL, c->queries / 2, c->queries);
  for (gint64 i = 0; i < c->queries; i++)
    {
      reference (&t, i, p, expected);
      for (gint64 j = 0; j < c->keys && !c->narrow; j++)
        check_close (weights[i * c->keys + j], p[j], 1e-6, what, j);
      for (gint64 l = 0; l < c->dv; l++)
        check_close (out[i * ld + l], expected[l], c->narrow ? 1e-2 : 2e-6, what, l);
      g_assert_cmpfloat (out[i * ld + c->dv], ==, 0.0f);
    }
}

static void
check_attention (const GtfKernels *k)
{
  static const gint64 queries[] = { 1, 2, 5, 6, 7, 23, 32, 37 }, keys[] = { 23, 33, 64, 129, 500 }, ds[] = { 1, 8, 24, 64, 80 };

  for (guint i = 0; i < G_N_ELEMENTS (queries); i++)
    for (guint j = 0; j < G_N_ELEMENTS (keys); j++)
      for (guint l = 0; l < G_N_ELEMENTS (ds); l++)
        for (guint bits = 0; bits < 8; bits++)
          {
            Case c = { queries[i], keys[j], ds[l], ds[(l + i) % 5], bits & 1, (bits >> 1) & 1, bits >> 2, FALSE, FALSE };
            check_case (k, &c);
            c.narrow = c.packed && gtf_kernels_have (k, GTF_DTYPE_BF16);
            if (c.narrow)
              check_case (k, &c);
            c.narrow = FALSE;
            c.bf16_kv = !c.packed;
            if (c.bf16_kv)
              check_case (k, &c);
          }
  check_case (k, &(Case){ 13, 4500, 64, 64, FALSE, FALSE, TRUE });
  check_case (k, &(Case){ 1, 1, 64, 64, TRUE, FALSE, FALSE });
}

/* A query that the mask hides from all keys by the lowest number, as transformers does: it sees all of them alike; the others see theirs. */
static void
check_hidden_row (const GtfKernels *kernels)
{
  enum { QUERIES = 14, KEYS = 45, D = 16, HIDDEN = 3 };
  guint32 seed = 5;
  g_autofree float *q = check_randoms (&seed, QUERIES * D), *k = check_randoms (&seed, KEYS * D), *v = check_randoms (&seed, KEYS * D);
  g_autofree float *mask = g_new0 (float, QUERIES * KEYS), *out = g_new0 (float, QUERIES * D), *weights = g_new0 (float, QUERIES * KEYS);
  g_autofree double *p = g_new (double, KEYS), *expected = g_new (double, D);
  GtfHeadTask t = { QUERIES, KEYS, D, D, q, k, v, D, D, D, 0.25f, -1, mask, KEYS, weights, out, D, FALSE, FALSE };
  g_autofree float *packed = g_new0 (float, kernels->pack_size (&t));

  for (gint64 i = 0; i < KEYS; i++)
    mask[HIDDEN * KEYS + i] = mask[(HIDDEN + 1) * KEYS + i / 2] = -FLT_MAX;
  kernels->pack_head (&t, packed);
  for (guint run = 0; run < 3; run++)
    {
      t.narrow = run == 2;
      if (t.narrow && !gtf_kernels_have (kernels, GTF_DTYPE_BF16))
        continue;
      t.weights = t.narrow ? NULL : weights;
      if (t.narrow)
        kernels->pack_head (&t, packed);
      kernels->attention (&t, run > 0 ? packed : NULL, 0, QUERIES);
      for (gint64 i = 0; i < QUERIES; i++)
        {
          reference (&t, i, p, expected);
          for (gint64 j = 0; j < D; j++)
            check_close (out[i * D + j], expected[j], t.narrow ? 1e-2 : 2e-6, kernels->name, i * D + j);
          for (gint64 j = 0; j < KEYS && i == HIDDEN && !t.narrow; j++)
            check_close (weights[i * KEYS + j], 1.0 / KEYS, 1e-7, kernels->name, j);
        }
    }
}

/* Scores of 10^11, as MobileBERT's states make them: rounded they are off by more than powers of two have room for. */
static void
check_large_scores (const GtfKernels *kernels)
{
  enum { QUERIES = 7, KEYS = 37, D = 8 };
  guint32 seed = 11;
  g_autofree float *q = check_randoms (&seed, QUERIES * D), *k = check_randoms (&seed, KEYS * D), *v = check_randoms (&seed, KEYS * D);
  g_autofree float *out = g_new0 (float, QUERIES * D);
  GtfHeadTask t = { QUERIES, KEYS, D, D, q, k, v, D, D, D, 0.35f, -1, NULL, KEYS, NULL, out, D, FALSE, FALSE };
  g_autofree float *packed = g_new0 (float, kernels->pack_size (&t));
  g_autofree double *p = g_new (double, KEYS), *expected = g_new (double, D);

  for (gint64 i = 0; i < QUERIES * D; i++)
    q[i] *= 3e5f;
  for (gint64 i = 0; i < KEYS * D; i++)
    k[i] *= 3e5f;
  kernels->pack_head (&t, packed);
  for (guint run = 0; run < 2; run++)
    {
      kernels->attention (&t, run > 0 ? packed : NULL, 0, QUERIES);
      for (gint64 i = 0; i < QUERIES; i++)
        {
          reference (&t, i, p, expected);
          for (gint64 j = 0; j < D; j++)
            check_close (out[i * D + j], expected[j], 2e-6, kernels->name, i * D + j);
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  check_add ("attention", check_attention);
  check_add ("hidden-row", check_hidden_row);
  check_add ("large-scores", check_large_scores);
  return g_test_run ();
}
