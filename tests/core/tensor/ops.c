/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ops with weights and attention, against plain loops in double: what the split between threads, the packing of parts and
 * the views of a cache add to the kernels.
 */
#include <math.h>

#include "base/error.h"
#include "kernels/half.h"
#include "tensor/context-private.h"
#include "tensor/weights-private.h"

static GtfTensor *
randoms (GtfContext *c, guint n_dims, const gint64 *shape)
{
  GtfTensor *t = gtf_new_tensor (c, GTF_DTYPE_F32, n_dims, shape);

  for (gsize i = 0; i < gtf_tensor_get_n_elements (t); i++)
    gtf_tensor_f32 (t)[i] = (float) g_random_double_range (-1, 1);
  return t;
}

static float
at (const GtfTensor *t, gint64 row, gint64 col)
{
  return gtf_tensor_f32 (t)[gtf_tensor_row_offset (t, row) + col];
}

static void
near (double got, double expected, double tolerance)
{
  if (!(fabs (got - expected) <= tolerance))
    g_error ("%.9g, expected %.9g", got, expected);
}

/* Three parts of one weight: float32, float16, and one that is stored transposed; threads by columns and by rows. */
static void
test_linear (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  gint64 k = 70, outs[] = { 20, 33, 11 }, rows[] = { 1, 7, 500 };
  GtfTensor *w = randoms (c, 2, (gint64[]){ 64, k }), *bias = randoms (c, 1, (gint64[]){ 64 });
  GtfLinear *l = gtf_linear_new (store, GTF_DTYPE_F32, 64, k, TRUE, NULL);
  guint16 halves[33 * 70];
  float turned[70 * 11];

  for (gint64 i = 0; i < 33 * k; i++)
    {
      halves[i] = gtf_f32_to_f16 (at (w, 20 + i / k, i % k));
      gtf_tensor_f32 (w)[20 * k + i] = gtf_f16_to_f32 (halves[i]);
    }
  for (gint64 i = 0; i < 11 * k; i++)
    turned[i % k * 11 + i / k] = at (w, 53 + i / k, i % k);
  gtf_linear_put (l, 0, outs[0], &(GtfRawMatrix){ GTF_DTYPE_F32, w->data, FALSE });
  gtf_linear_put (l, 20, outs[1], &(GtfRawMatrix){ GTF_DTYPE_F16, halves, FALSE });
  gtf_linear_put (l, 53, outs[2], &(GtfRawMatrix){ GTF_DTYPE_F32, turned, TRUE });
  gtf_linear_put_bias (l, 0, 64, GTF_DTYPE_F32, bias->data);
  for (guint r = 0; r < G_N_ELEMENTS (rows); r++)
    {
      GtfTensor *wide = randoms (c, 3, (gint64[]){ 1, rows[r], k + 9 }), *x = gtf_slice (c, wide, 4, k);
      GtfTensor *residual = randoms (c, 3, (gint64[]){ 1, rows[r], 64 });
      GtfTensor *y = gtf_linear_act (c, l, x, GTF_ACTIVATION_RELU), *z = gtf_linear_add (c, l, x, residual);
      for (gint64 i = 0; i < rows[r]; i++)
        for (gint64 j = 0; j < 64; j++)
          {
            double sum = at (bias, 0, j);
            for (gint64 p = 0; p < k; p++)
              sum += (double) at (x, i, p) * at (w, j, p);
            near (at (y, i, j), MAX (sum, 0), 1e-5);
            near (at (z, i, j), sum + at (residual, i, j), 1e-5);
          }
    }
  g_assert_null (gtf_linear (c, l, bias));
  g_assert_true (gtf_failed (c));
}

/* The products of two parts of a weight add up to that of the whole; in eight bits, rows are rounded part by part. */
static void
test_linear_columns (void)
{
  static const struct { GtfDtype type; gint64 first; double within; } cases[] = {
    { GTF_DTYPE_F32, 32, 1e-5 }, { GTF_DTYPE_F32, 7, 1e-5 }, { GTF_DTYPE_F16, 5, 1e-5 }, { GTF_DTYPE_BF16, 32, 1e-5 }, { GTF_DTYPE_BF16, 7, 0.05 }, { GTF_DTYPE_I8, 32, 0.1 }
  };
  const gint64 in = 75, out = 37;

  for (guint n = 0; n < G_N_ELEMENTS (cases); n++)
    {
      const gint64 first = cases[n].first;
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *w = randoms (c, 2, (gint64[]){ out, in }), *bias = randoms (c, 1, (gint64[]){ out }), *x = randoms (c, 2, (gint64[]){ 9, in }), *whole, *parts;
      GtfLinear *l = gtf_linear_new (store, cases[n].type, out, in, TRUE, NULL);

      gtf_linear_put (l, 0, out, &(GtfRawMatrix){ GTF_DTYPE_F32, w->data, FALSE });
      gtf_linear_put_bias (l, 0, out, GTF_DTYPE_F32, bias->data);
      whole = gtf_linear (c, l, x);
      parts = gtf_linear_add (c, gtf_linear_columns (c, l, first, in - first), gtf_slice (c, x, first, in - first),
                              gtf_linear (c, gtf_linear_columns (c, l, 0, first), gtf_slice (c, x, 0, first)));
      g_assert_nonnull (parts);
      for (gint64 i = 0; i < 9 * out; i++)
        near (gtf_tensor_f32 (parts)[i], gtf_tensor_f32 (whole)[i], cases[n].within);
      g_assert_null (gtf_linear_columns (c, l, first, in - first + 1));
      g_assert_true (gtf_failed (c));
    }
}

static GtfLinear *
random_linear (GtfContext *c, GtfWeightStore *store, GtfDtype type, gint64 out, gint64 in)
{
  GtfTensor *w = randoms (c, 2, (gint64[]){ out, in }), *bias = randoms (c, 1, (gint64[]){ out });
  GtfLinear *l = gtf_linear_new (store, type, out, in, TRUE, NULL);

  gtf_linear_put (l, 0, out, &(GtfRawMatrix){ GTF_DTYPE_F32, w->data, FALSE });
  gtf_linear_put_bias (l, 0, out, GTF_DTYPE_F32, bias->data);
  return l;
}

/* Both layers at once are the two products one after the other: whatever is rounded is rounded at the same places. */
static void
test_feed_forward (void)
{
  static const GtfDtype types[][2] = {
    { GTF_DTYPE_F32, GTF_DTYPE_F32 }, { GTF_DTYPE_F16, GTF_DTYPE_F16 }, { GTF_DTYPE_BF16, GTF_DTYPE_BF16 }, { GTF_DTYPE_I8, GTF_DTYPE_I8 }, { GTF_DTYPE_BF16, GTF_DTYPE_F32 }
  };
  /* rows, inputs, between, outputs: the last but one has several blocks in each part, and all are filled up; the last is one of whole tiles */
  static const gint64 sizes[][4] = { { 1, 70, 75, 20 }, { 193, 70, 75, 20 }, { 601, 41, 4097, 37 }, { 256, 64, 128, 64 } };

  for (guint n = 0; n < G_N_ELEMENTS (types) * G_N_ELEMENTS (sizes) * 2; n++)
    {
      const GtfDtype *type = types[n / 2 / G_N_ELEMENTS (sizes)];
      const gint64 *size = sizes[n / 2 % G_N_ELEMENTS (sizes)], rows = size[0], from = size[1], between = size[2], out = size[3];
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      const GtfLinear *up = random_linear (c, store, type[0], between, from), *down = random_linear (c, store, type[1], out, between);
      GtfTensor *wide = randoms (c, 2, (gint64[]){ rows, from + 9 }), *x = gtf_slice (c, wide, 4, from), *residual = n % 2 ? randoms (c, 2, (gint64[]){ rows, out }) : NULL;
      const GtfTensor *h = gtf_linear_act (c, up, x, GTF_ACTIVATION_GELU), *y = residual != NULL ? gtf_linear_add (c, down, h, residual) : gtf_linear (c, down, h);
      const GtfTensor *both = gtf_feed_forward (c, up, GTF_ACTIVATION_GELU, down, x, residual);

      g_assert_nonnull (both);
      for (gint64 i = 0; i < rows * out; i++)
        g_assert_cmpfloat (gtf_tensor_f32 (both)[i], ==, gtf_tensor_f32 (y)[i]);
      g_assert_null (gtf_feed_forward (c, down, GTF_ACTIVATION_GELU, up, x, residual));
      g_assert_true (gtf_failed (c));
    }
}

static void
test_conv1d (void)
{
  static const struct { gint64 steps, in, out, kernel, stride, padding; } cases[] = {
    { 30, 5, 7, 3, 1, 1 }, { 31, 8, 16, 3, 2, 1 }, { 3, 2, 4, 3, 1, 2 }, { 1, 3, 5, 3, 1, 1 }, { 300, 20, 33, 10, 5, 0 }, { 10, 4, 4, 1, 3, 0 },
    { 2, 3, 4, 7, 1, 3 },
  };

  for (guint n = 0; n < G_N_ELEMENTS (cases); n++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      gint64 in = cases[n].in, out = cases[n].out, kernel = cases[n].kernel, steps = cases[n].steps;
      gint64 out_steps = (steps + 2 * cases[n].padding - kernel) / cases[n].stride + 1;
      GtfTensor *w = randoms (c, 2, (gint64[]){ out, in * kernel }), *bias = randoms (c, 1, (gint64[]){ out });
      GtfTensor *x = randoms (c, 3, (gint64[]){ 2, steps, in }), *y;
      GtfConv1d *conv = gtf_conv1d_new (store, GTF_DTYPE_F32, out, in, kernel, TRUE, NULL);
      gtf_conv1d_put (conv, gtf_pool_get (0), GTF_DTYPE_F32, w->data);
      gtf_conv1d_put_bias (conv, GTF_DTYPE_F32, bias->data);
      y = gtf_conv1d (c, conv, x, cases[n].stride, cases[n].padding, GTF_ACTIVATION_NONE);
      g_assert_cmpint (gtf_dim (y, 1), ==, out_steps);
      for (gint64 i = 0; i < 2 * out_steps; i++)
        for (gint64 o = 0; o < out; o++)
          {
            double sum = at (bias, 0, o);
            for (gint64 t = 0; t < kernel; t++)
              {
                gint64 from = i % out_steps * cases[n].stride - cases[n].padding + t;
                for (gint64 p = 0; from >= 0 && from < steps && p < in; p++)
                  sum += (double) at (x, i / out_steps * steps + from, p) * at (w, o, p * kernel + t);
              }
            near (at (y, i, o), sum, 2e-5);
          }
    }
}

typedef struct
{
  gint64 batch, shared, queries, keys, heads, kv_heads, d;
  gboolean causal;
  int mask;     /* 0: none, else bits of which dimensions it has in full */
  gboolean weights;
} AttentionCase;

static void
check_attention (const AttentionCase *a)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  gint64 room = a->keys + 5;
  /* q is a part of a fused projection; k and v are the first steps of longer buffers */
  GtfTensor *fused = randoms (c, 3, (gint64[]){ a->batch, a->queries, a->heads * a->d + 8 }), *q = gtf_slice (c, fused, 8, a->heads * a->d);
  GtfTensor *kb = randoms (c, 3, (gint64[]){ a->batch / a->shared, room, a->kv_heads * a->d }), *k = gtf_steps (c, kb, 0, a->keys);
  GtfTensor *vb = randoms (c, 3, (gint64[]){ a->batch / a->shared, room, a->kv_heads * a->d }), *v = gtf_steps (c, vb, 0, a->keys);
  gint64 ms[] = { a->mask & 1 ? a->batch : 1, a->mask & 2 ? a->heads : 1, a->mask & 4 ? a->queries : 1, a->keys };
  GtfTensor *mask = a->mask != 0 ? randoms (c, 4, ms) : NULL, *weights = NULL, *y;
  g_autofree double *p = g_new (double, a->keys);

  y = gtf_attention (c, q, k, v, &(GtfAttention){ a->heads, a->kv_heads, 0, a->causal, mask, a->weights ? &weights : NULL });
  g_assert_false (gtf_failed (c));
  for (gint64 i = 0; i < a->batch * a->heads * a->queries; i++)
    {
      gint64 query = i % a->queries, h = i / a->queries % a->heads, b = i / a->queries / a->heads, kh = h / (a->heads / a->kv_heads);
      gint64 kb0 = b / a->shared * a->keys, seen = a->causal ? a->keys - a->queries + query + 1 : a->keys;
      double top = -INFINITY, sum = 0;
      for (gint64 j = 0; j < seen; j++)
        {
          p[j] = 0;
          for (gint64 l = 0; l < a->d; l++)
            p[j] += (double) at (q, b * a->queries + query, h * a->d + l) * at (k, kb0 + j, kh * a->d + l);
          p[j] /= sqrt ((double) a->d);
          if (mask != NULL)
            p[j] += at (mask, ((ms[0] == 1 ? 0 : b) * ms[1] + (ms[1] == 1 ? 0 : h)) * ms[2] + (ms[2] == 1 ? 0 : query), j);
          top = MAX (top, p[j]);
        }
      for (gint64 j = 0; j < seen; j++)
        sum += p[j] = exp (p[j] - top);
      for (gint64 l = 0; l < a->d; l++)
        {
          double out = 0;
          for (gint64 j = 0; j < seen; j++)
            out += p[j] / sum * at (v, kb0 + j, kh * a->d + l);
          near (at (y, b * a->queries + query, h * a->d + l), out, 3e-6);
        }
      for (gint64 j = 0; a->weights && j < a->keys; j++)
        near (at (weights, i, j), j < seen ? p[j] / sum : 0, 2e-6);
    }
}

static void
test_attention (void)
{
  static const AttentionCase cases[] = {
    { 1, 1, 50, 50, 4, 4, 16, FALSE, 0, FALSE }, { 2, 1, 30, 40, 4, 2, 16, TRUE, 0, TRUE },   { 6, 3, 1, 70, 4, 4, 64, FALSE, 0, FALSE },
    { 10, 5, 3, 33, 8, 8, 64, FALSE, 0, FALSE }, { 6, 3, 1, 70, 4, 4, 64, FALSE, 0, TRUE },   { 4, 1, 1, 9, 2, 2, 64, TRUE, 0, FALSE },
    { 2, 1, 9, 9, 2, 1, 10, FALSE, 7, FALSE },   { 2, 1, 9, 12, 2, 2, 10, TRUE, 1, FALSE },    { 2, 2, 9, 12, 2, 2, 10, FALSE, 4, TRUE },
    { 1, 1, 300, 300, 2, 2, 64, FALSE, 0, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check_attention (&cases[i]);
}

/* Texts one after the other give what each of them gives alone, numbers by distance included. */
static void
test_sequences (void)
{
  static const gint64 lengths[] = { 5, 1, 130, 8, 0, 33, 2 };
  static const struct { gint64 heads, kv_heads; gboolean causal, distances; } cases[] = { { 4, 4, FALSE, FALSE }, { 4, 2, TRUE, FALSE }, { 2, 2, FALSE, TRUE }, { 2, 1, TRUE, TRUE } };
  gint64 n = 0, d = 24;

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    n += lengths[i];
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      gint64 heads = cases[i].heads, kv_heads = cases[i].kv_heads, from = 0;
      GtfTensor *starts = gtf_new_tensor (c, GTF_DTYPE_I32, 1, (gint64[]){ G_N_ELEMENTS (lengths) + 1 });
      GtfTensor *q = randoms (c, 3, (gint64[]){ 1, n, heads * d }), *kv = randoms (c, 3, (gint64[]){ 1, n, 2 * kv_heads * d });
      GtfTensor *distances = cases[i].distances ? randoms (c, 2, (gint64[]){ i % 2 ? 1 : heads, 2 * 140 - 1 }) : NULL;
      GtfTensor *k = gtf_slice (c, kv, 0, kv_heads * d), *v = gtf_slice (c, kv, kv_heads * d, kv_heads * d), *all;
      GtfAttention a = { .n_heads = heads, .n_kv_heads = kv_heads, .causal = cases[i].causal, .sequences = starts, .distances = distances };

      ((gint32 *) starts->data)[0] = 0;
      for (guint t = 0; t < G_N_ELEMENTS (lengths); t++)
        ((gint32 *) starts->data)[t + 1] = ((gint32 *) starts->data)[t] + (gint32) lengths[t];
      all = gtf_attention (c, q, k, v, &a);
      g_assert_false (gtf_failed (c));
      a.sequences = a.distances = NULL;
      for (guint t = 0; t < G_N_ELEMENTS (lengths); from += lengths[t++])
        {
          GtfTensor *mask = distances != NULL && lengths[t] > 0 ? gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ 1, heads, lengths[t], lengths[t] }) : NULL, *one;

          if (lengths[t] == 0)
            continue;
          for (gint64 e = 0; mask != NULL && e < heads * lengths[t] * lengths[t]; e++)
            gtf_tensor_f32 (mask)[e] = at (distances, distances->shape[0] == 1 ? 0 : e / lengths[t] / lengths[t], 139 + e % lengths[t] - e / lengths[t] % lengths[t]);
          a.mask = mask;
          one = gtf_attention (c, gtf_steps (c, q, from, lengths[t]), gtf_steps (c, k, from, lengths[t]), gtf_steps (c, v, from, lengths[t]), &a);
          g_assert_false (gtf_failed (c));
          for (gint64 e = 0; e < lengths[t] * heads * d; e++)
            near (at (all, from + e / (heads * d), e % (heads * d)), at (one, e / (heads * d), e % (heads * d)), 1e-6);
        }
      a.mask = NULL;
      a.sequences = starts;
      ((gint32 *) starts->data)[2] = 3;
      g_assert_null (gtf_attention (c, q, k, v, &a));
      g_assert_true (gtf_failed (c));
    }
}

/* Groups of whole panels and of parts of one; a scale and a sum; columns side by side. */
static void
test_groups (void)
{
  static const struct { gint64 in, out, groups; } cases[] = { { 64, 96, 2 }, { 12, 20, 4 }, { 10, 32, 1 } };

  for (guint n = 0; n < G_N_ELEMENTS (cases); n++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      gint64 in = cases[n].in / cases[n].groups, out = cases[n].out / cases[n].groups;
      GtfTensor *w = randoms (c, 2, (gint64[]){ cases[n].out, in }), *bias = randoms (c, 1, (gint64[]){ cases[n].out });
      GtfTensor *x = randoms (c, 3, (gint64[]){ 1, 7, cases[n].in }), *parts[2], *y;
      GtfLinear *l = gtf_linear_new (store, GTF_DTYPE_F32, cases[n].out, in, TRUE, NULL);
      GtfNorm *norm = gtf_norm_new (store, cases[n].out, GTF_DTYPE_F32, bias->data, GTF_DTYPE_F32, bias->data, NULL);

      gtf_linear_put (l, 0, cases[n].out, &(GtfRawMatrix){ GTF_DTYPE_F32, w->data, FALSE });
      gtf_linear_put_bias (l, 0, cases[n].out, GTF_DTYPE_F32, bias->data);
      parts[0] = gtf_linear_groups (c, l, x, cases[n].groups);
      parts[1] = gtf_affine (c, norm, parts[0]);
      y = gtf_join (c, parts, 2);
      g_assert_false (gtf_failed (c));
      for (gint64 row = 0; row < 7; row++)
        for (gint64 i = 0; i < cases[n].out; i++)
          {
            double sum = at (bias, 0, i);
            for (gint64 k = 0; k < in; k++)
              sum += (double) at (x, row, i / out * in + k) * at (w, i, k);
            near (at (y, row, i), sum, 1e-5);
            near (at (y, row, cases[n].out + i), sum * at (bias, 0, i) + at (bias, 0, i), 1e-5);
          }
      parts[1] = x;
      parts[0] = gtf_steps (c, x, 0, 3);
      g_assert_null (gtf_join (c, parts, 2));
    }
}

static gint64
threes (gint64 i, gconstpointer data)
{
  return 3 * i + *(const gint64 *) data;
}

static void
test_take (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GError) error = NULL;
  GtfTensor *wide = randoms (c, 3, (gint64[]){ 2, 6, 9 }), *x = gtf_slice (c, wide, 2, 5), *y = gtf_take (c, x, gtf_indices (c, 4, threes, &(gint64){ 1 }));

  for (int i = 0; i < 4 * 5; i++)
    g_assert_cmpfloat (gtf_tensor_f32 (y)[i], ==, at (wide, i / 5 * 3 + 1, 2 + i % 5));
  g_assert_null (gtf_take (c, x, gtf_indices (c, 4, threes, &(gint64){ 3 })));
  g_assert_false (gtf_context_take_error (c, &error));
  g_assert_cmpstr (error->message, ==, "take: row 12, asked for at position 3, is not among 12 rows");
}

static void
test_embedding (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GError) error = NULL;
  GtfTensor *table = randoms (c, 2, (gint64[]){ 37, 21 }), *ids = gtf_new_tensor (c, GTF_DTYPE_I32, 1, (gint64[]){ 3 }), *y, *z, *r;
  GtfLinear *l = gtf_linear_new (store, GTF_DTYPE_F32, 37, 21, FALSE, NULL);
  GtfEmbedding *w = gtf_embedding_new (store, 37, 21, GTF_DTYPE_F32, table->data, NULL), *tied;

  gtf_linear_put (l, 0, 37, &(GtfRawMatrix){ GTF_DTYPE_F32, table->data, FALSE });
  tied = gtf_embedding_new_tied (store, l, NULL);
  for (int i = 0; i < 3; i++)
    ((gint32 *) ids->data)[i] = i * 18;
  y = gtf_embedding (c, w, ids);
  z = gtf_embedding (c, tied, ids);
  r = gtf_embedding_range (c, w, 30, 7);
  for (int i = 0; i < 3 * 21; i++)
    {
      g_assert_cmpfloat (gtf_tensor_f32 (y)[i], ==, at (table, i / 21 * 18, i % 21));
      g_assert_cmpfloat (gtf_tensor_f32 (z)[i], ==, at (table, i / 21 * 18, i % 21));
    }
  g_assert_cmpfloat (at (r, 6, 20), ==, at (table, 36, 20));
  ((gint32 *) ids->data)[1] = 37;
  g_assert_null (gtf_embedding (c, w, ids));
  g_assert_false (gtf_context_take_error (c, &error));
  g_assert_cmpstr (error->message, ==, "embedding: id 37 at position 1 is outside of the table of 37 rows");
  g_assert_null (gtf_embedding_range (c, w, 31, 7));
}

static void
test_impossible (void)
{
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GError) error = NULL;

  g_assert_null (gtf_linear_new (store, GTF_DTYPE_F32, 0, 5, FALSE, &error));
  g_clear_error (&error);
  g_assert_null (gtf_linear_new (store, GTF_DTYPE_F32, G_MAXINT64, 5, FALSE, &error));
  g_clear_error (&error);
  g_assert_null (gtf_linear_new (store, GTF_DTYPE_F32, G_MAXINT32, 1 << 22, FALSE, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY);
  g_clear_error (&error);
  g_assert_null (gtf_conv1d_new (store, GTF_DTYPE_F32, 4, G_MAXINT64, 3, FALSE, &error));
  g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ops/linear", test_linear);
  g_test_add_func ("/ops/linear-columns", test_linear_columns);
  g_test_add_func ("/ops/feed-forward", test_feed_forward);
  g_test_add_func ("/ops/conv1d", test_conv1d);
  g_test_add_func ("/ops/attention", test_attention);
  g_test_add_func ("/ops/sequences", test_sequences);
  g_test_add_func ("/ops/embedding", test_embedding);
  g_test_add_func ("/ops/take", test_take);
  g_test_add_func ("/ops/groups", test_groups);
  g_test_add_func ("/ops/impossible", test_impossible);
  return g_test_run ();
}
